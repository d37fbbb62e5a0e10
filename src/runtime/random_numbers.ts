/**
 * Numbers of 32 bits that a unit chooses at random: its secrets, and what `math.randomseed` begins with.
 *
 * @module
 */

import { messageOf } from "../values/refusals.ts";

/** What a unit draws when it is made, and some more. */
const DRAWN_AT_ONCE = 16;

/** A source of such numbers. */
export class RandomNumbers {
  /** Where a seeded source is; `undefined`: the numbers are the platform's. */
  #state: number | undefined;
  /** The platform's, of which so many are left. */
  #drawn = new Uint32Array(0);
  #left = 0;

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
    if (this.#state === undefined) return this.#draw();
    const state = this.#state = this.#state + 0x9e3779b9 | 0;
    let mixed = Math.imul(state ^ state >>> 16, 0x85ebca6b);
    mixed = Math.imul(mixed ^ mixed >>> 13, 0xc2b2ae35);
    return (mixed ^ mixed >>> 16) >>> 0;
  }

  /**
   * Draws the numbers that a unit takes while it is made, as nothing may be thrown through it then. Its secrets
   * are among them, which all of its tables depend on: they can't come later.
   *
   * @throws {Error} If the platform gives none here, as workerd outside of handlers.
   */
  prepare(): void {
    if (this.#state !== undefined) return;
    try {
      this.#refill();
    } catch (cause) {
      throw new Error(
        `Cannot create a compute unit: there are no random numbers here (${messageOf(cause)}); in a worker, make the ` +
          "unit when a request is handled, or give the option seed",
        { cause },
      );
    }
  }

  #draw(): number {
    if (this.#left === 0) this.#refill();
    return this.#drawn[--this.#left];
  }

  #refill(): void {
    this.#drawn = new Uint32Array(DRAWN_AT_ONCE);
    if (!readFromSystem(this.#drawn)) crypto.getRandomValues(this.#drawn);
    this.#left = DRAWN_AT_ONCE;
  }
}

/** Node's files, and only what is used of them. */
interface NodeFiles {
  openSync(path: string): number;
  readSync(file: number, array: Uint32Array): number;
  closeSync(file: number): void;
}

/**
 * In Node, numbers of the system's own generator, from which `crypto` takes its own: that takes 4 to
 * 6 ms to load there, a quarter of what a fresh process needs for its first result.
 *
 * @returns Whether there were some.
 */
function readFromSystem(numbers: Uint32Array): boolean {
  const files = nodeFiles();
  if (files === undefined) return false;
  try {
    const file = files.openSync("/dev/urandom");
    try {
      return files.readSync(file, numbers) === numbers.byteLength;
    } finally {
      files.closeSync(file);
    }
  } catch {
    return false; // Not allowed, or not there.
  }
}

/** Undefined where this isn't Node, or the system has no such file. */
function nodeFiles(): NodeFiles | undefined {
  // Deno loads its `process`, too, when that is first looked at.
  if ("Deno" in globalThis || "Bun" in globalThis) return undefined;
  const { process } = globalThis as {
    process?: {
      platform?: string;
      versions?: { node?: string };
      getBuiltinModule?: (name: string) => NodeFiles | undefined;
    };
  };
  if (process?.versions?.node === undefined || process.platform === "win32") return undefined;
  return process.getBuiltinModule?.("node:fs");
}
