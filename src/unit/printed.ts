/**
 * What code prints, where the host doesn't take it.
 *
 * @module
 */

/** Units of text that are kept of one run. */
const LENGTH_MAX = 1024 * 1024;

/** What one run has printed. */
export interface PrintedText {
  /** Its lines, each ended by a newline. */
  text: string;
}

/** What the runs of one unit have printed, each for itself: they may overlap. */
export class Printed {
  /** Of runs that don't wait: one at a time. */
  readonly #own: PrintedText = { text: "" };
  #current = this.#own;

  /** What the run has printed that ran last. */
  get text(): string {
    return this.#current.text;
  }

  /** Begins a run that doesn't wait, with some text. */
  begin(text = ""): void {
    this.#own.text = text;
    this.#current = this.#own;
  }

  /** Goes on with a run that may wait; answers what went on until now. */
  goOn(run: PrintedText): PrintedText {
    const before = this.#current;
    this.#current = run;
    return before;
  }

  /**
   * Adds a line to what the run has printed.
   *
   * @throws {RangeError} If that is too much.
   */
  add(line: string): void {
    const current = this.#current;
    if (current.text.length + line.length >= LENGTH_MAX) {
      throw new RangeError(`printed text exceeds ${LENGTH_MAX} characters: give the unit an onPrint`);
    }
    current.text += line + "\n";
  }
}
