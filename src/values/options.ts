/**
 * Checks what a caller gives: options by their names and kinds, and other arguments.
 *
 * @module
 */

import { describe, isPlainObject } from "./kinds.ts";

/** What the value of an option must be; `undefined` stands for its default, whatever it must be. */
export interface OptionRule {
  /** Whether it is of the right kind. */
  readonly is: (value: unknown) => boolean;
  /** The kind, after "must be": "a number of bytes". */
  readonly what: string;
  /** Whether a value of the right kind is in range. */
  readonly isInRange?: (value: unknown) => boolean;
  /** The range, after "must be". */
  readonly range?: string;
}

/** The rules of all options that an interface has. */
export type OptionRules<T> = { readonly [Name in keyof Required<T>]: OptionRule };

/** Stands for options that weren't given, so that they needn't be looked at. */
export const NO_OPTIONS: Readonly<Record<string, never>> = Object.freeze({});

export const isBoolean = (value: unknown): boolean => typeof value === "boolean";
export const isNumber = (value: unknown): boolean => typeof value === "number";
export const isString = (value: unknown): boolean => typeof value === "string";
export const isFunction = (value: unknown): boolean => typeof value === "function";

/** The rule of an option that is true or false. */
export const BOOLEAN: OptionRule = { is: isBoolean, what: "true or false" };

/** A table of rules, in which no inherited name such as `constructor` is found. */
export function rulesOf<T>(rules: OptionRules<T>): OptionRules<T> {
  return Object.freeze(Object.assign(Object.create(null), rules));
}

/**
 * Checks options. Takes about 20 ns for one with a name, nothing for {@linkcode NO_OPTIONS}.
 *
 * @param action What the caller wants, for messages: "set input".
 * @param options The options.
 * @param rules The options that there are.
 * @throws {TypeError} If they are no object, or one is unknown or of the wrong kind.
 * @throws {RangeError} If one is out of range.
 */
export function checkOptions<T>(action: string, options: unknown, rules: OptionRules<T>): asserts options is T {
  if (options === NO_OPTIONS) return;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`Cannot ${action}: the options must be an object, got ${describe(options)}`);
  }
  let isEmpty = true;
  for (const name in options) {
    const rule = (rules as Record<string, OptionRule | undefined>)[name];
    if (rule === undefined) {
      // What someone added to Object.prototype is nobody's option.
      if (!Object.hasOwn(options, name)) continue;
      throw unknownOption(action, name, Object.keys(rules));
    }
    isEmpty = false;
    const value = (options as Record<string, unknown>)[name];
    if (value === undefined) continue;
    if (!rule.is(value)) throw new TypeError(`Cannot ${action}: ${name} must be ${rule.what}, got ${describe(value)}`);
    if (rule.isInRange?.(value) === false) {
      throw new RangeError(`Cannot ${action}: ${name} must be ${rule.range}, is ${value}`);
    }
  }
  if (isEmpty && !isOptions(options)) {
    throw new TypeError(`Cannot ${action}: the options must be an object, got ${describe(options)}`);
  }
}

/**
 * Whether a value may be meant as options, whatever they are. Whoever gives a Map, a Promise
 * or another instance without fields takes it for something else.
 */
export function isOptions(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value) &&
    (isPlainObject(value) || Object.keys(value).length > 0);
}

/** Throws where an argument is no string. */
export function checkString(action: string, name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") {
    throw new TypeError(`Cannot ${action}: the ${name} is not a string, but ${describe(value)}`);
  }
}

function unknownOption(action: string, name: string, known: string[]): TypeError {
  const nearest = nearestName(name, known);
  const help = nearest === undefined ? `the options are ${known.join(", ")}` : `did you mean ${nearest}?`;
  return new TypeError(`Cannot ${action}: there is no option ${JSON.stringify(name.slice(0, 60))}; ${help}`);
}

/** The known name that a given one is most likely meant to be; undefined where none is near. */
export function nearestName(given: string, known: readonly string[]): string | undefined {
  const text = given.slice(0, 60).toLowerCase();
  let nearest: string | undefined;
  let least = Infinity;
  for (const name of known) {
    const other = name.toLowerCase();
    // A name that lacks a part, such as "limit", is nearer than its distance says.
    const isPart = text.length > 2 && (other.includes(text) || text.includes(other));
    const distance = isPart ? 1 : editDistance(text, other);
    if (distance < least) [nearest, least] = [name, distance];
  }
  return least <= text.length / 2 ? nearest : undefined;
}

/** Insertions, deletions and replacements that make one text the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}
