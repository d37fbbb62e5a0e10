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

const REPLACEMENT = "\ufffd";

// A byte order mark is part of a string like any other character.
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const textEncoder = new TextEncoder();

/**
 * What a string of Lua's is: text, or a copy of its bytes where they are no UTF-8. A fatal
 * decoder would throw for those, and an exception takes 13 us, more than all of this.
 */
export function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  const text = textDecoder.decode(bytes);
  if (!text.includes(REPLACEMENT)) return text;
  // What was replaced takes other bytes now.
  const encoded = textEncoder.encode(text);
  const isText = encoded.length === bytes.length && encoded.every((byte, i) => byte === bytes[i]);
  return isText ? text : bytes.slice();
}
