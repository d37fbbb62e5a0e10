/**
 * Data that was read from somewhere, and is checked as it is looked at.
 *
 * @module
 */

import { UnreadableError } from "./value_reader.ts";

/** Integers that are counts and numbers of something. */
const COUNT_LIMIT = 2 ** 53;

/** Fields of an object. */
export class Fields {
  readonly #object: Record<string, unknown>;

  /** Constructs them; throws where the value is no object. */
  constructor(value: unknown) {
    if (typeof value !== "object" || value === null) throw new UnreadableError("something has no fields");
    this.#object = value as Record<string, unknown>;
  }

  /** A field, whatever it is. */
  value(name: string): unknown {
    return Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
  }

  /** An object. */
  fields(name: string): Fields {
    return new Fields(this.value(name));
  }

  /** A list, as {@linkcode listOf}. */
  list<T>(name: string, of: (value: unknown, i: number) => T, lengthMax?: number): T[] {
    return listOf(this.value(name), of, lengthMax);
  }

  /** Text. */
  text(name: string): string {
    return Fields.checkedText(this.value(name));
  }

  /** True or false. */
  flag(name: string): boolean {
    const value = this.value(name);
    if (typeof value !== "boolean") throw new UnreadableError(`${name} is neither true nor false`);
    return value;
  }

  /** Any number. */
  number(name: string): number {
    const value = this.value(name);
    if (typeof value !== "number") throw new UnreadableError(`${name} is no number`);
    return value;
  }

  /** An integer from 0 to below a limit. */
  count(name: string, limit?: number): number {
    return Fields.checkedCount(this.value(name), limit);
  }

  /** A place in a list of so many, or -1. */
  index(name: string, length: number): number {
    const value = this.value(name);
    return value === -1 ? -1 : Fields.checkedCount(value, length);
  }

  /** The value, which is text. */
  static checkedText(value: unknown): string {
    if (typeof value !== "string") throw new UnreadableError("what should be text isn't");
    return value;
  }

  /** The value, which is an integer from 0 to below a limit. */
  static checkedCount(value: unknown, limit = COUNT_LIMIT): number {
    if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= limit) {
      throw new UnreadableError("a number is out of range");
    }
    return value as number;
  }
}

/** The elements of an array, each checked. */
export function listOf<T>(value: unknown, of: (value: unknown, i: number) => T, lengthMax = Infinity): T[] {
  if (!Array.isArray(value) || value.length > lengthMax) throw new UnreadableError("a list is none, or too long");
  return value.map(of);
}
