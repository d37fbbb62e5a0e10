/**
 * Numbers of 32 bits that a unit chooses at random: its secrets, and what `math.randomseed` begins with.
 *
 * @module
 */

/** A source of such numbers. */
export class RandomNumbers {
  /** Where a seeded source is; `undefined`: the numbers are the platform's. */
  #state: number | undefined;

  /** Constructs a source, whose numbers a seed, or the state of another source, determines. */
  constructor(seed: number | undefined) {
    this.#state = seed === undefined ? undefined : seed | 0;
  }

  /** What another source goes on from. */
  get state(): number | undefined {
    return this.#state;
  }

  /** The next number (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014). */
  next(): number {
    if (this.#state === undefined) return crypto.getRandomValues(new Uint32Array(1))[0];
    const state = this.#state = this.#state + 0x9e3779b9 | 0;
    let mixed = Math.imul(state ^ state >>> 16, 0x85ebca6b);
    mixed = Math.imul(mixed ^ mixed >>> 13, 0xc2b2ae35);
    return (mixed ^ mixed >>> 16) >>> 0;
  }
}
