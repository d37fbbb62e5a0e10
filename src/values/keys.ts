/**
 * Keys of Maps, and members of Sets, as keys of Lua's tables.
 *
 * @module
 */

import { bytesOf, isBytes } from "./kinds.ts";
import { Refusal } from "./refusals.ts";
import { binaryText } from "./text.ts";

/** Keys of a Map or Set, or elements, that are looked at before the clock is. */
export const KEYS_BETWEEN_CHECKS = 4096;

const textEncoder = new TextEncoder();

/** Throws where a Map's key or a Set's member can't be a key in Lua. */
export function checkKey(key: unknown): void {
  // Lua makes an integer of a float key that has no fraction.
  const isChanged = typeof key === "number" && Number.isInteger(key) && !Number.isSafeInteger(key) &&
    Math.abs(key) <= 2 ** 63;
  if (key === null || key === undefined || key !== key || isChanged) {
    throw new Refusal(TypeError, `${key} cannot be a key in Lua`);
  }
}

/**
 * Throws where two keys of a Map, or members of a Set, are one key in Lua: 1 and 1n, or a
 * text and its bytes.
 *
 * @param check Called now and then, as this may take long; may throw.
 */
export function checkDistinct(keys: Iterable<unknown>, check: () => void): void {
  const known = new Set<unknown>();
  for (const key of keys) {
    const isInteger = typeof key === "bigint" && Number.isSafeInteger(Number(key));
    const keyInLua = isInteger
      ? Number(key)
      : typeof key === "string"
      ? binaryText(textEncoder.encode(key))
      : isBytes(key)
      ? binaryText(bytesOf(key))
      : key;
    if (known.has(keyInLua)) throw equalKeys();
    if (known.add(keyInLua).size % KEYS_BETWEEN_CHECKS === 0) check();
  }
}

/** The refusal of two such keys. */
export function equalKeys(): Refusal {
  return new Refusal(TypeError, "two keys of a Map, or members of a Set, are equal in Lua");
}
