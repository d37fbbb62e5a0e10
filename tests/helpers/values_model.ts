/**
 * A model of the tables of docs/IO_TABLE_API.md: what comes back of a value, and a comparison that takes nothing else.
 *
 * @module
 */

import fc from "fast-check";
import { bytesOf, type TypedArray } from "./any_value.ts";
import { setOwn } from "./objects.ts";
import { textOrBytes } from "./text.ts";

/** What comes back of a value that Lua left as it was. */
export function expected(value: unknown, seen = new Map<object, unknown>()): unknown {
  switch (typeof value) {
    case "undefined":
      return null;
    case "bigint":
      return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
    case "object":
      break;
    default:
      return value;
  }
  if (value === null) return null;
  const raw = bytesOf(value);
  if (raw !== undefined) return textOrBytes(raw);
  if (seen.has(value)) return seen.get(value);
  const remember = <T>(made: T): T => {
    seen.set(value, made);
    return made;
  };
  if (Array.isArray(value)) {
    const array: unknown[] = remember([]);
    for (let i = 0; i < value.length; i++) array.push(expected(value[i], seen));
    return array;
  }
  if (value instanceof Map) {
    const map = remember(new Map());
    for (const [k, v] of value) if (v !== undefined) map.set(expected(k, seen), expected(v, seen));
    return map;
  }
  if (value instanceof Set) {
    const set = remember(new Set());
    for (const member of value) set.add(expected(member, seen));
    return set;
  }
  if (value instanceof Date) return remember(new Date(value));
  if (ArrayBuffer.isView(value)) return remember((value as TypedArray).slice());
  const object = remember({});
  for (const name of Object.keys(value)) {
    const held = (value as Record<string, unknown>)[name];
    if (held !== undefined) setOwn(object, name, expected(held, seen));
  }
  return object;
}

/** What comes back of a copy that Lua code made, table by table: keys decide. */
export function expectedCopy(value: unknown, seen = new Map<object, unknown>()): unknown {
  if (typeof value !== "object" || value === null || bytesOf(value) !== undefined) return expected(value);
  if (seen.has(value)) return seen.get(value);
  if (value instanceof Date) {
    const made = new Date(value);
    seen.set(value, made);
    return made;
  }
  const pairs: [unknown, unknown][] = [];
  if (value instanceof Map) pairs.push(...value);
  else if (value instanceof Set) { for (const member of value) pairs.push([member, true]); }
  else if (Array.isArray(value)) { for (let i = 0; i < value.length; i++) pairs.push([i + 1, value[i]]); }
  else if (ArrayBuffer.isView(value)) {
    for (const [i, number] of (value as TypedArray).entries()) pairs.push([i + 1, number]);
  } else {
    for (const name of Object.keys(value)) pairs.push([name, (value as Record<string, unknown>)[name]]);
  }
  // Keys first, as leaves; the kind of table depends on them only.
  const present = pairs.filter(([, held]) => held !== null && held !== undefined);
  const made = emptyFor(present.map(([k]) => isContainer(k) ? k : expected(k)));
  seen.set(value, made);
  fill(made, present.map(([k, held]) => [expectedCopy(k, seen), expectedCopy(held, seen)]));
  return made;
}

function isContainer(value: unknown): boolean {
  return typeof value === "object" && value !== null && bytesOf(value) === undefined;
}

type Table = unknown[] | Map<unknown, unknown> | Record<string, unknown>;

/** What a table with these keys becomes in JavaScript. */
export function emptyFor(keys: unknown[]): Table {
  const integers = keys.filter((k) => typeof k === "bigint" || typeof k === "number" && Number.isSafeInteger(k));
  const strings = keys.filter((k) => typeof k === "string");
  if (keys.length > 0 && integers.length === keys.length) {
    const isSequence = integers.every((k) => typeof k === "number" && k >= 1 && k <= keys.length);
    return isSequence ? new Array(keys.length).fill(null) : {};
  }
  if (integers.length + strings.length < keys.length) return new Map();
  const names = new Set([...integers.map(String), ...strings]);
  return names.size === keys.length ? {} : new Map();
}

/** Puts pairs into what `emptyFor` made. */
export function fill(table: Table, pairs: [unknown, unknown][]): void {
  for (const [k, held] of pairs) {
    if (Array.isArray(table)) table[Number(k) - 1] = held;
    else if (table instanceof Map) table.set(k, held);
    else setOwn(table, String(k), held);
  }
}

/**
 * Throws, with the path, where `actual` isn't `wanted`: kinds, bits, sharing and all.
 *
 * @param hasOrder Whether keys must have the same order, as where Lua code made no table.
 */
export function assertSame(actual: unknown, wanted: unknown, hasOrder = false): void {
  compare(actual, wanted, "value", new Map(), new Map(), hasOrder);
}

function isSameOrder(a: string[], b: string[]): boolean {
  return a.every((name, i) => name === b[i]);
}

function compare(
  actual: unknown,
  wanted: unknown,
  path: string,
  there: Map<object, object>,
  back: Map<object, object>,
  hasOrder: boolean,
): void {
  const fail = (what: string): never => {
    throw new Error(`${path}: ${what}: got ${fc.stringify(actual)}, expected ${fc.stringify(wanted)}`);
  };
  if (typeof wanted !== "object" || wanted === null) {
    if (!Object.is(actual, wanted)) fail("differs");
    return;
  }
  if (typeof actual !== "object" || actual === null) return fail("is no object");
  if (wanted instanceof Uint8Array) {
    if (!(actual instanceof Uint8Array) || String(actual) !== String(wanted)) fail("bytes differ");
    return;
  }
  if (there.has(wanted) || back.has(actual)) {
    if (there.get(wanted) !== actual || back.get(actual) !== wanted) fail("is shared otherwise");
    return;
  }
  there.set(wanted, actual);
  back.set(actual, wanted);
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(wanted)) fail("is of another kind");
  if (Array.isArray(wanted)) {
    const array = actual as unknown[];
    if (array.length !== wanted.length) fail("has another length");
    for (let i = 0; i < wanted.length; i++) {
      if (!(i in array)) fail(`has a hole at ${i}`);
      compare(array[i], wanted[i], `${path}[${i}]`, there, back, hasOrder);
    }
  } else if (wanted instanceof Map || wanted instanceof Set) {
    const own = actual as Map<unknown, unknown> | Set<unknown>;
    if (own.size !== wanted.size) fail("has another size");
    const found = new Map([...own.keys()].map((k) => [nameOf(k), k]));
    if (hasOrder && !isSameOrder([...found.keys()], [...wanted.keys()].map(nameOf))) fail("has another order");
    for (const k of wanted.keys()) {
      const name = nameOf(k);
      if (!found.has(name)) fail(`lacks ${name}`);
      compare(found.get(name), k, `${path}<${name}>`, there, back, hasOrder);
      if (wanted instanceof Map) {
        compare(
          (own as Map<unknown, unknown>).get(found.get(name)),
          wanted.get(k),
          `${path}[${name}]`,
          there,
          back,
          hasOrder,
        );
      }
    }
  } else if (wanted instanceof Date) {
    if (!Object.is((actual as Date).getTime(), wanted.getTime())) fail("is another time");
  } else if (ArrayBuffer.isView(wanted)) {
    const numbers = [...actual as Float64Array], others = [...wanted as Float64Array];
    if (numbers.length !== others.length || !numbers.every((n, i) => Object.is(n, others[i]))) fail("numbers differ");
  } else {
    const names = Object.keys(wanted);
    if (Object.keys(actual).length !== names.length) fail("has other keys");
    if (hasOrder && !isSameOrder(Object.keys(actual), names)) fail("has another order");
    for (const name of names) {
      if (!Object.hasOwn(actual, name)) fail(`lacks ${JSON.stringify(name)}`);
      const [a, w] = [actual, wanted].map((object) => Object.getOwnPropertyDescriptor(object, name)!.value);
      compare(a, w, `${path}.${name}`, there, back, hasOrder);
    }
  }
}

/** A name for a key: its kind and value, or its number. */
export function nameOf(k: unknown): string {
  if (k instanceof Uint8Array) return `bytes ${k}`;
  if (typeof k === "object" && k !== null) {
    const held = k instanceof Map ? k.get("#number") : (k as Record<string, unknown>)["#number"];
    return `container ${held}`;
  }
  return `${typeof k} ${String(k)}`;
}
