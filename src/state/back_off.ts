/**
 * Waiting before a next attempt.
 *
 * @module
 */

/** Time and chance, so that tests have their own. */
export interface BackOffOptions {
  /** Waits some milliseconds; by default with `setTimeout`. */
  wait?: ((milliseconds: number) => Promise<void>) | undefined;
  /** A number from 0 to 1; by default `Math.random`. */
  random?: (() => number) | undefined;
}

/** What waits between attempts, longer after each, and never as long as others that began together. */
export class BackOff {
  #wait: (milliseconds: number) => Promise<void>;
  #random: () => number;
  #firstMs: number;
  #mostMs: number;
  #attempts = 0;

  /**
   * Begins.
   *
   * @param firstMs Before the second attempt at most this long, before each later one up to twice as long as before it.
   * @param mostMs Never longer.
   * @param options Time and chance.
   */
  constructor(firstMs: number, mostMs: number, options: BackOffOptions = {}) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
    this.#wait = options.wait ?? ((milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)));
    this.#random = options.random ?? Math.random;
  }

  /** Waits before the next attempt. */
  async next(): Promise<void> {
    const bound = Math.min(this.#firstMs * 2 ** this.#attempts++, this.#mostMs);
    // All of it by chance: of many that failed together, one comes soon.
    await this.#wait(bound * this.#random());
  }
}
