/**
 * Values of JavaScript as bytes: what Lua can have, with shared objects and cycles. The bytes are an own format
 * within snapshots, which the same version of this module reads (`value_reader.ts`).
 *
 * @module
 */

import { bytesOf, DEPTH_MAX, elementsOf, kindOf, type TypedArray } from "./kinds.ts";
import type { Path } from "./paths.ts";
import { pathText } from "./paths.ts";
import { explain, loneSurrogate, Refusal, refuseOpaque, refuseTagged } from "./refusals.ts";

/** First bytes of values. */
export const TAG = {
  UNDEFINED: 0,
  NULL: 1,
  FALSE: 2,
  TRUE: 3,
  /** An integer of up to 32 bits, that many more than the least. */
  INTEGER: 4,
  NUMBER: 5,
  BIGINT: 6,
  STRING: 7,
  /** A string that was written before, by its number among those that are kept. */
  STRING_AGAIN: 8,
  ARRAY: 9,
  OBJECT: 10,
  MAP: 11,
  SET: 12,
  DATE: 13,
  BYTES: 14,
  NUMBERS: 15,
  /** A container that was written before, by its number. */
  AGAIN: 16,
} as const;

/** Strings up to this length are kept, as most are keys that come again. */
export const KEPT_STRING_LENGTH_MAX = 32;

const textEncoder = new TextEncoder();

/** Writes values, one after the other: an object in several of them is one, too, for the reader. */
export class ValueWriter {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #objects = new Map<object, number>();
  #strings = new Map<string, number>();
  #depth = 0;
  #path: Path = [];

  /** What was written. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /**
   * Writes a value.
   *
   * @param action What is being done, for messages.
   * @param name Where the value stands, the beginning of paths.
   * @throws {TypeError} If something in it can't be written, with its path.
   * @throws {RangeError} If it nests deeper than 1000 levels.
   */
  write(value: unknown, action: string, name: string): void {
    this.#depth = 0;
    try {
      this.#value(value);
    } catch (error) {
      throw explain(error, action, pathText(name, this.#path.slice(0, this.#depth)));
    }
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case "undefined":
        return this.#byte(TAG.UNDEFINED);
      case "boolean":
        return this.#byte(value ? TAG.TRUE : TAG.FALSE);
      case "number":
        return this.#number(value);
      case "bigint":
        this.#byte(TAG.BIGINT);
        return this.#text(value.toString(16));
      case "string":
        return this.#string(value);
      case "object":
        return value === null ? this.#byte(TAG.NULL) : this.#object(value);
      case "function":
        throw new Refusal(TypeError, "functions cannot be passed");
      default:
        throw new Refusal(TypeError, "symbols cannot be passed");
    }
  }

  #number(value: number): void {
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.#byte(TAG.INTEGER);
      return this.#count((value << 1 ^ value >> 31) >>> 0);
    }
    this.#byte(TAG.NUMBER);
    this.#float(value);
  }

  #string(value: string): void {
    const number = this.#strings.get(value);
    if (number !== undefined) {
      this.#byte(TAG.STRING_AGAIN);
      return this.#count(number);
    }
    if (value.length <= KEPT_STRING_LENGTH_MAX) this.#strings.set(value, this.#strings.size);
    this.#byte(TAG.STRING);
    this.#text(value);
  }

  #text(value: string): void {
    if (!value.isWellFormed()) throw loneSurrogate();
    this.#raw(textEncoder.encode(value));
  }

  #object(value: object): void {
    const number = this.#objects.get(value);
    if (number !== undefined) {
      this.#byte(TAG.AGAIN);
      return this.#count(number);
    }
    this.#objects.set(value, this.#objects.size);
    this.#contents(value);
  }

  /** Enters a container that holds others; answers where its keys stand in the path. */
  #enter(): number {
    if (++this.#depth > DEPTH_MAX) throw new Refusal(RangeError, `nesting is deeper than ${DEPTH_MAX} levels`);
    return this.#depth - 1;
  }

  #contents(value: object): void {
    const kind = kindOf(value);
    switch (kind) {
      case "array":
        return this.#elements(value as readonly unknown[]);
      case "object":
        return this.#fields(value as Record<string, unknown>);
      case "instance":
        refuseOpaque(value);
        return this.#fields(value as Record<string, unknown>);
      case "map":
        return this.#entries(value as ReadonlyMap<unknown, unknown>);
      case "set":
        return this.#members(value as ReadonlySet<unknown>);
      case "date":
        this.#byte(TAG.DATE);
        return this.#float((value as Date).getTime());
      case "bytes":
        this.#byte(TAG.BYTES);
        return this.#raw(bytesOf(value as ArrayBuffer));
      case "numbers":
        return this.#numbers(value as TypedArray);
      case "external":
        throw new Refusal(TypeError, "external tables cannot be passed");
      default:
        return kind satisfies never;
    }
  }

  #elements(array: readonly unknown[]): void {
    this.#head(TAG.ARRAY, array.length);
    const level = this.#enter();
    for (let i = 0; i < array.length; i++) {
      this.#path[level] = i;
      this.#value(array[i]);
    }
    this.#depth--;
  }

  #fields(object: Record<string, unknown>): void {
    const keys = Object.keys(object);
    if (keys.length === 0) refuseTagged(object);
    this.#head(TAG.OBJECT, keys.length);
    const level = this.#enter();
    for (const key of keys) {
      this.#path[level] = key;
      this.#string(key);
      this.#value(object[key]);
    }
    this.#depth--;
  }

  #entries(map: ReadonlyMap<unknown, unknown>): void {
    const entries = [...map];
    this.#head(TAG.MAP, entries.length);
    const level = this.#enter();
    entries.forEach(([key, value], i) => {
      this.#path[level] = typeof key === "string" ? key : i;
      this.#value(key);
      this.#value(value);
    });
    this.#depth--;
  }

  #members(set: ReadonlySet<unknown>): void {
    const members = [...set];
    this.#head(TAG.SET, members.length);
    const level = this.#enter();
    members.forEach((member, i) => {
      this.#path[level] = i;
      this.#value(member);
    });
    this.#depth--;
  }

  #numbers(given: TypedArray): void {
    const [kind, { buffer, byteOffset, byteLength }] = elementsOf(given);
    this.#byte(TAG.NUMBERS);
    this.#byte(kind);
    this.#raw(new Uint8Array(buffer, byteOffset, byteLength));
  }

  #head(tag: number, count: number): void {
    this.#byte(tag);
    this.#count(count);
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  /** An unsigned integer of 32 bits, seven of them in each byte, the last first. */
  #count(count: number): void {
    this.#reserve(5);
    let rest = count;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = rest & 0x7f | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  #float(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  #raw(bytes: Uint8Array): void {
    this.#count(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    larger.set(this.written);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
