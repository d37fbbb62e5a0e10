/**
 * Whether a value is large, and what takes much.
 *
 * @module
 */

import { kindOf } from "./kinds.ts";

/** What a Uint8Array takes beside its contents: 500 to 700 bytes in V8, with the memory that is its own (measured). */
export const ARRAY_BYTES = 512;

/** What a container and each of its places take, in bytes of Lua's memory. */
const CONTAINER_BYTES = 56;
const PLACE_BYTES = 24;

/**
 * What an element of a list counts that is a number or a boolean. It takes 16 bytes, but
 * copying it takes 7 ns, and reading it lazily 13 ns each time (measured): such lists are
 * better copied as long as there is memory.
 */
const SCALAR_BYTES = 1;

/** Elements of an array, Map or Set that stand for all of them. */
const SAMPLE_MAX = 16;

/** Levels below which nothing is counted. */
const DEPTH_MAX = 16;

/** Containers after which those that are met again are told from new ones. */
const UNTRACKED_MAX = 32;

/**
 * Estimates whether a copy of a value in Lua takes more than so many bytes. Looks at a few
 * elements of each list, and stops at the limit, so what it costs doesn't depend on the
 * value's size. Calls no getters of objects, as reading has effects.
 *
 * @param value The value.
 * @param limit Bytes.
 * @returns Whether it is larger; false for a value that can't be looked at.
 */
export function isLargerThan(value: object, limit: number): boolean {
  try {
    return new Estimate(limit).sizeOf(value, 0) > limit;
  } catch {
    // A Proxy threw. Copying the value meets the same, and tells where.
    return false;
  }
}

class Estimate {
  #limit: number;
  #count = 0;
  #seen: Set<object> | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The size, or something beyond the limit. */
  sizeOf(value: unknown, depth: number): number {
    if (typeof value === "string") return value.length;
    if (typeof value !== "object" || value === null) return 0;
    const kind = kindOf(value);
    if (kind === "external") return CONTAINER_BYTES;
    if (kind === "bytes") return (value as ArrayBuffer).byteLength;
    if (kind === "numbers") return CONTAINER_BYTES + (value as Float64Array).length * SCALAR_BYTES;
    if (depth === DEPTH_MAX || !this.#isNew(value)) return CONTAINER_BYTES;
    switch (kind) {
      case "array": {
        const array = value as unknown[];
        return CONTAINER_BYTES + this.#sizeOfList(array, array.length, depth);
      }
      case "map": {
        const map = value as Map<unknown, unknown>;
        return CONTAINER_BYTES + this.#sizeOfList(map.values(), map.size, depth);
      }
      case "set": {
        const set = value as Set<unknown>;
        return CONTAINER_BYTES + this.#sizeOfList(set, set.size, depth);
      }
      default:
        return this.#sizeOfFields(value, depth);
    }
  }

  #sizeOfFields(object: object, depth: number): number {
    let size = CONTAINER_BYTES;
    for (const key in object) {
      const descriptor = Object.getOwnPropertyDescriptor(object, key);
      if (descriptor === undefined) continue;
      size += PLACE_BYTES + this.sizeOf(descriptor.value, depth + 1);
      if (size > this.#limit) break;
    }
    return size;
  }

  #isNew(container: object): boolean {
    if (this.#count++ < UNTRACKED_MAX) return true;
    this.#seen ??= new Set();
    if (this.#seen.has(container)) return false;
    this.#seen.add(container);
    return true;
  }

  #sizeOfList(values: Iterable<unknown>, count: number, depth: number): number {
    let sampled = 0;
    let sampleSize = 0;
    for (const value of values) {
      if (sampled === SAMPLE_MAX || sampleSize > this.#limit) break;
      sampled++;
      const size = this.sizeOf(value, depth + 1);
      sampleSize += size === 0 ? SCALAR_BYTES : PLACE_BYTES + size;
    }
    return sampled === 0 ? 0 : sampleSize * count / sampled;
  }
}
