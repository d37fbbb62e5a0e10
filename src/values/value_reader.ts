/**
 * Bytes that `value_writer.ts` has written, as values again. They aren't trusted: reading ends in values or in an
 * error, in time and memory that the bytes account for.
 *
 * @module
 */

import { setOwn } from "./fields.ts";
import { DEPTH_MAX, TYPED_ARRAYS } from "./kinds.ts";
import { KEPT_STRING_LENGTH_MAX, TAG } from "./value_writer.ts";

const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Digits of an integer of any size that is read. */
const BIGINT_TEXT = /^-?[0-9a-f]{1,65536}$/;

/** Why bytes can't be read. */
export class UnreadableError extends Error {
  /** Constructs one. */
  constructor(what: string) {
    super(what);
    this.name = "UnreadableError";
  }
}

/** A class of typed arrays. */
interface TypedArrayType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): object;
}

/** Reads values, one after the other. */
export class ValueReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #objects: object[] = [];
  #strings: string[] = [];
  #depth = 0;

  /** Constructs a reader of these bytes. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /**
   * Reads the next value.
   *
   * @throws {UnreadableError} If the bytes make no sense.
   */
  read(): unknown {
    const tag = this.#byte();
    switch (tag) {
      case TAG.UNDEFINED:
        return undefined;
      case TAG.NULL:
        return null;
      case TAG.FALSE:
        return false;
      case TAG.TRUE:
        return true;
      case TAG.INTEGER: {
        const folded = this.#count();
        return folded >>> 1 ^ -(folded & 1);
      }
      case TAG.NUMBER:
        return this.#float();
      case TAG.BIGINT:
        return this.#bigint();
      case TAG.STRING:
        return this.#string();
      case TAG.STRING_AGAIN:
        return this.#known(this.#strings);
      case TAG.AGAIN:
        return this.#known(this.#objects);
      default:
        return this.#container(tag);
    }
  }

  #container(tag: number): object {
    // What holds nothing, such as a date, may stand in the deepest one.
    if (++this.#depth > DEPTH_MAX + 1) throw new UnreadableError("values nest too deep");
    const read = this.#contents(tag);
    this.#depth--;
    return read;
  }

  #contents(tag: number): object {
    switch (tag) {
      case TAG.ARRAY:
        return this.#array();
      case TAG.OBJECT:
        return this.#object();
      case TAG.MAP:
        return this.#map();
      case TAG.SET:
        return this.#set();
      case TAG.DATE:
        return this.#keep(new Date(this.#float()));
      case TAG.BYTES:
        return this.#keep(this.#raw().slice());
      case TAG.NUMBERS:
        return this.#numbers();
      default:
        throw new UnreadableError("a value is of no kind");
    }
  }

  #array(): unknown[] {
    const array: unknown[] = this.#keep([]);
    for (let left = this.#countOf(1); left > 0; left--) array.push(this.read());
    return array;
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = this.#keep({});
    for (let left = this.#countOf(2); left > 0; left--) setOwn(object, this.#key(), this.read());
    return object;
  }

  #map(): Map<unknown, unknown> {
    const map = this.#keep(new Map<unknown, unknown>());
    for (let left = this.#countOf(2); left > 0; left--) map.set(this.read(), this.read());
    return map;
  }

  #set(): Set<unknown> {
    const set = this.#keep(new Set<unknown>());
    for (let left = this.#countOf(1); left > 0; left--) set.add(this.read());
    return set;
  }

  #numbers(): object {
    const types: Record<number, TypedArrayType | undefined> = TYPED_ARRAYS;
    const type = types[this.#byte()];
    const bytes = this.#raw();
    if (type === undefined || bytes.length % type.BYTES_PER_ELEMENT !== 0) {
      throw new UnreadableError("a typed array is of no kind that this runtime has");
    }
    return this.#keep(new type(bytes.slice().buffer));
  }

  #keep<T extends object>(object: T): T {
    this.#objects.push(object);
    return object;
  }

  #known<T>(list: readonly T[]): T {
    const number = this.#count();
    if (number >= list.length) throw new UnreadableError("a reference leads nowhere");
    return list[number];
  }

  #key(): string {
    const key = this.read();
    if (typeof key !== "string") throw new UnreadableError("a key is no string");
    return key;
  }

  #string(): string {
    const text = this.#text();
    if (text.length <= KEPT_STRING_LENGTH_MAX) this.#strings.push(text);
    return text;
  }

  #text(): string {
    try {
      return textDecoder.decode(this.#raw());
    } catch (error) {
      throw error instanceof TypeError ? new UnreadableError("text isn't UTF-8") : error;
    }
  }

  #bigint(): bigint {
    const text = this.#text();
    if (!BIGINT_TEXT.test(text)) throw new UnreadableError("an integer has no digits");
    return text.startsWith("-") ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`);
  }

  /** A number of things that take so many bytes each at least. */
  #countOf(bytesOfEach: number): number {
    const count = this.#count();
    if (count * bytesOfEach > this.#bytes.length - this.#at) throw new UnreadableError("it ends too early");
    return count;
  }

  #byte(): number {
    this.#need(1);
    return this.#bytes[this.#at++];
  }

  #count(): number {
    let count = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      count += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return count;
    }
    throw new UnreadableError("a count has no end");
  }

  #float(): number {
    this.#need(8);
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  #raw(): Uint8Array {
    const length = this.#countOf(1);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #need(count: number): void {
    if (this.#at + count > this.#bytes.length) throw new UnreadableError("it ends too early");
  }

  /** Whether all bytes were read. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }
}
