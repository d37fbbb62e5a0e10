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

/** Bytes that V8's decoder takes: as many as a string may have units. */
const BYTES_AT_ONCE_MAX = 2 ** 29 - 24;

const REPLACEMENT = "\ufffd";

// A byte order mark is part of a string like any other character.
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const textEncoder = new TextEncoder();

/**
 * What a string of Lua's is: text, or a copy of its bytes where they are no UTF-8. A fatal
 * decoder would throw for those, and an exception takes 13 us, more than all of this.
 */
export function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  if (bytes.length > BYTES_AT_ONCE_MAX) return longTextOrBytes(bytes);
  const text = textDecoder.decode(bytes);
  if (!text.includes(REPLACEMENT)) return text;
  // What was replaced takes other bytes now.
  const encoded = textEncoder.encode(text);
  const isText = encoded.length === bytes.length && encoded.every((byte, i) => byte === bytes[i]);
  return isText ? text : bytes.slice();
}

/** The same for what can't be decoded at once. */
function longTextOrBytes(bytes: Uint8Array): string | Uint8Array {
  const pieceLength = 2 ** 26;
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  try {
    for (let start = 0; start < bytes.length; start += pieceLength) {
      text += decoder.decode(bytes.subarray(start, start + pieceLength), {
        stream: start + pieceLength < bytes.length,
      });
    }
  } catch (error) {
    if (error instanceof TypeError) return bytes.slice();
    throw new RangeError(`A text of ${bytes.length} bytes is longer than a JavaScript string can be`);
  }
  return text;
}
