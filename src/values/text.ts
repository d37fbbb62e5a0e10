/**
 * Text and bytes: strings of JavaScript are UTF-16, strings of Lua any bytes.
 *
 * @module
 */

import { loneSurrogate } from "./refusals.ts";

/** Bytes of text that are decoded at once; of a longer one a piece, in about a millisecond. */
const BYTES_AT_ONCE_MAX = 64 * 1024;
const PIECE_BYTES = 2 * 1024 * 1024;

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

/** Arguments of one call, which stand on the stack. */
const UNITS_AT_ONCE = 4096;

/** Bytes as text of one unit each, to compare them by. */
export function binaryText(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let start = 0; start < bytes.length; start += UNITS_AT_ONCE) {
    parts.push(String.fromCharCode(...bytes.subarray(start, start + UNITS_AT_ONCE)));
  }
  return parts.join("");
}

/** Bytes of a string in UTF-8; refuses lone surrogates. */
export function utf8Length(value: string): number {
  let length = value.length;
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit < 0x80) continue;
    length += unit < 0x800 ? 1 : 2;
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = value.charCodeAt(i + 1);
    if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) throw loneSurrogate();
    // A pair makes four bytes: its two units and two more.
    i++;
  }
  return length;
}
