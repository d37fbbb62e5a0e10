/**
 * What comes out of Lua.
 *
 * @module
 */

/**
 * A value that came from Lua. A table with keys 1 to n is an array, one with string
 * or integer keys an object, any other a Map; what was a Map, Set, Date or typed array in
 * JavaScript is one again. Integers beyond 2^53 are bigints, strings that are no UTF-8 are bytes.
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

/** Bytes of text that are decoded at once; of a longer one a piece, in about a millisecond. */
const BYTES_AT_ONCE_MAX = 64 * 1024;
const PIECE_BYTES = 2 * 1024 * 1024;

/** Indices among an object's keys for which V8 may make room. */
const NEAR_INDEX_MAX = 16;

const REPLACEMENT = "\ufffd";

// A byte order mark is part of a string like any other character.
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const textEncoder = new TextEncoder();

/**
 * What a string of Lua's is: text, or a copy of its bytes where they are no UTF-8. A fatal
 * decoder would throw for those, and an exception takes 13 us, more than all of this.
 *
 * @param check Called now and then where it takes long; may throw.
 */
export function textOrBytes(bytes: Uint8Array, check: () => void): string | Uint8Array {
  if (bytes.length > BYTES_AT_ONCE_MAX) return longTextOrBytes(bytes, check);
  const text = textDecoder.decode(bytes);
  if (!text.includes(REPLACEMENT)) return text;
  // What was replaced takes other bytes now.
  const encoded = textEncoder.encode(text);
  const isText = encoded.length === bytes.length && encoded.every((byte, i) => byte === bytes[i]);
  return isText ? text : bytes.slice();
}

/** The same for what takes long to decode, or can't be decoded at once. */
function longTextOrBytes(bytes: Uint8Array, check: () => void): string | Uint8Array {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
    check();
    const end = start + PIECE_BYTES;
    try {
      text += decoder.decode(bytes.subarray(start, end), { stream: end < bytes.length });
    } catch (error) {
      if (error instanceof TypeError) return bytes.slice();
      throw new RangeError(`A text of ${bytes.length} bytes is longer than a JavaScript string can be`);
    }
  }
  return text;
}

/** Whether a key is an index so far out that V8 would make room for all before it. */
export function isFarIndex(key: string): boolean {
  const first = key.charCodeAt(0);
  return first >= 49 && first <= 57 && key.length > 1 && Number(key) > NEAR_INDEX_MAX;
}

/** Makes an object keep what has an index as it keeps other fields: by key, for 30 bytes each instead of 12 KB. */
export function makeSparse(object: Record<string, LuaValue>): void {
  const lastIndex = 2 ** 32 - 2;
  object[lastIndex] = null;
  delete object[lastIndex];
}

/** Whether a plain object has something under a key that it doesn't own: a setter, or what is read-only. */
export function isInherited(key: string): boolean {
  return key in Object.prototype;
}

/** As `object[key] = value`, whatever the prototype has there. */
export function setOwn(object: object, key: string, value: LuaValue): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
