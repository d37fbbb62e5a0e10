/**
 * Sources of modules that were loaded, for the lines that errors show.
 *
 * @module
 */

import { type ChunkText, shownName } from "../values/position.ts";

/** Characters or bytes of texts that are kept for one resolver: the last ones. */
const LENGTH_MAX = 8 * 1024 * 1024;

/** The texts of the modules that one resolver has given, by the names that Lua shows for them. */
export class ModuleTexts {
  readonly #texts = new Map<string, ChunkText>();
  #length = 0;

  /** Notes the text that has a name from now on. */
  note(text: ChunkText): void {
    const name = shownName(text.chunkName);
    this.#forget(name);
    this.#texts.set(name, text);
    this.#length += text.code.length;
    for (const first of this.#texts.keys()) {
      if (this.#length <= LENGTH_MAX) break;
      this.#forget(first);
    }
  }

  /** The text for which Lua shows a name. */
  find(shown: string): ChunkText | undefined {
    return this.#texts.get(shown);
  }

  #forget(name: string): void {
    this.#length -= this.#texts.get(name)?.code.length ?? 0;
    this.#texts.delete(name);
  }
}
