/**
 * What comes out of Lua.
 *
 * @module
 */

/**
 * A value that came from Lua. A table with keys 1 to n is an array, one with string
 * keys an object, any other a Map; what was a Set, Date or typed array in JavaScript
 * is one again. Integers beyond 2^53 are bigints, strings that are no UTF-8 are bytes.
 */
export type LuaValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float16Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Date
  | LuaValue[]
  | { [key: string]: LuaValue }
  | Map<LuaValue, LuaValue>
  | Set<LuaValue>;

// A byte order mark is part of a string like any other character.
const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What a string of Lua's is: text, or a copy of its bytes where they are no UTF-8. */
export function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return textDecoder.decode(bytes);
  } catch {
    return bytes.slice();
  }
}
