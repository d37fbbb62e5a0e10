/**
 * Keys of a container without fields, and how Lua's keys find them.
 *
 * @module
 */

import { checkDistinct, checkKey, KEYS_BETWEEN_CHECKS } from "../values/keys.ts";
import { bytesOf, isBytes } from "../values/kinds.ts";
import { binaryText } from "../values/text.ts";

/** Keys of a Map, Set or large object in their order, and how Lua's keys find them. */
export class Entries {
  /** The keys, in their order. */
  readonly keys: readonly unknown[];
  /** Where keys are bytes: their text, one unit a byte, as Lua has no other strings. */
  readonly byBytes: ReadonlyMap<string, unknown> | undefined;
  /** The most bytes of such a key. */
  readonly bytesLengthMax: number = 0;
  #positions: Map<unknown, number> | undefined;

  /**
   * Lists a container's keys.
   *
   * @param check Called now and then, as this may take long; may throw.
   */
  constructor(container: object, check: () => void) {
    if (!(container instanceof Map || container instanceof Set)) {
      this.keys = Object.keys(container);
      return;
    }
    const keys: unknown[] = [];
    const byBytes = new Map<string, unknown>();
    let bytesCount = 0;
    let hasBigints = false;
    for (const key of container.keys()) {
      checkKey(key);
      if (typeof key === "bigint") hasBigints = true;
      if (isBytes(key)) {
        byBytes.set(binaryText(bytesOf(key)), key);
        this.bytesLengthMax = Math.max(this.bytesLengthMax, key.byteLength);
        bytesCount++;
      }
      if (keys.push(key) % KEYS_BETWEEN_CHECKS === 0) check();
    }
    if (hasBigints || bytesCount > 0) checkDistinct(keys, check);
    this.keys = keys;
    this.byBytes = byBytes.size > 0 ? byBytes : undefined;
  }

  /** The position of a key, -1 where it has none. */
  position(key: unknown, check: () => void): number {
    if (this.#positions === undefined) {
      const positions = new Map<unknown, number>();
      for (const own of this.keys) {
        positions.set(own, positions.size);
        if (positions.size % KEYS_BETWEEN_CHECKS === 0) check();
      }
      this.#positions = positions;
    }
    return this.#positions.get(key) ?? -1;
  }
}
