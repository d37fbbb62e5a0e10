/**
 * Bytes that are written and read in sequence, for what stands in a store.
 *
 * @module
 */

const encoder = new TextEncoder();
// A byte order mark is part of a string like any other character.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bits of an integer that a byte holds. */
const BITS_OF_BYTE = 7;
const LOW_BITS = 0x7f;
const MORE = 0x80;

/** Bytes of the longest integer: 2^53 - 1. */
const INTEGER_BYTES_MAX = 8;

/** What UTF-8 takes at most for a unit of UTF-16. */
const BYTES_OF_UNIT_MAX = 3;

/** Bytes of text that are written before they are counted. */
const SHORT_TEXT_MAX = 42;

/** Writes bytes, as many as come. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Bytes that were written. */
  get length(): number {
    return this.#length;
  }

  /** Takes away what was written after a moment. */
  cutTo(length: number): void {
    this.#length = length;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Writes a byte. */
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Writes an integer from 0 to 2^53 - 1, small ones in one byte. */
  integer(value: number): void {
    this.#reserve(INTEGER_BYTES_MAX);
    let rest = value;
    while (rest > LOW_BITS) {
      this.#bytes[this.#length++] = rest & LOW_BITS | MORE;
      // Not by a shift, which has 32 bits.
      rest = Math.floor(rest / (LOW_BITS + 1));
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Writes a float of 64 bits. */
  float(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** Writes an integer of 64 bits. */
  int64(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigInt64(this.#length, value, true);
    this.#length += 8;
  }

  /** Writes bytes, without their number. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Writes bytes and their number. */
  bytes(bytes: Uint8Array): void {
    this.integer(bytes.length);
    this.raw(bytes);
  }

  /** Writes a text. */
  text(text: string): void {
    if (text.length > SHORT_TEXT_MAX) return this.bytes(encoder.encode(text));
    // Its number of bytes fits in one.
    this.#reserve(1 + text.length * BYTES_OF_UNIT_MAX);
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(this.#length + 1));
    this.#bytes[this.#length] = written;
    this.#length += 1 + written;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** What is read isn't what was written: the message says what about it. */
export class Damage extends Error {}

/** Reads bytes that a {@linkcode ByteWriter} wrote, or others, which are {@linkcode Damage}. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  /** Begins at the first of the bytes. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Reads a byte. */
  byte(): number {
    return this.#bytes[this.#skip(1)];
  }

  /** Reads an integer from 0 to 2^53 - 1. */
  integer(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < INTEGER_BYTES_MAX; i++) {
      const byte = this.byte();
      value += (byte & LOW_BITS) * factor;
      if (byte < MORE) {
        if (value > Number.MAX_SAFE_INTEGER || byte === 0 && i > 0) break;
        return value;
      }
      factor *= 2 ** BITS_OF_BYTE;
    }
    throw new Damage("an integer that isn't written as integers are");
  }

  /** Reads a number of things of which each takes a byte at least. */
  count(): number {
    const count = this.integer();
    if (count > this.left) throw new Damage(`${count} entries in ${this.left} bytes`);
    return count;
  }

  /** Reads a float of 64 bits. */
  float(): number {
    return this.#view.getFloat64(this.#skip(8), true);
  }

  /** Reads an integer of 64 bits. */
  int64(): bigint {
    return this.#view.getBigInt64(this.#skip(8), true);
  }

  /** Reads so many bytes; they are copied. */
  raw(count: number): Uint8Array {
    const start = this.#skip(count);
    return this.#bytes.slice(start, start + count);
  }

  /** Reads bytes and their number. */
  bytes(): Uint8Array {
    return this.raw(this.integer());
  }

  /** Reads a text. */
  text(): string {
    const length = this.integer();
    const start = this.#skip(length);
    try {
      return decoder.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw new Damage("a text that is no UTF-8");
    }
  }

  /** Says that all was read. */
  end(): void {
    if (this.left > 0) throw new Damage(`${this.left} bytes too many`);
  }

  #skip(count: number): number {
    if (count > this.left) throw new Damage("it ends too early");
    const start = this.#at;
    this.#at += count;
    return start;
  }
}

/** One array of the bytes of several. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
