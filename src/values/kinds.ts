/**
 * What a JavaScript value is: the one place that tells the kinds of objects apart. The other
 * modules switch on {@linkcode kindOf}.
 *
 * @module
 */

import { Refusal } from "./refusals.ts";

/** The least integer of Lua's. */
export const INT64_MIN = -(2n ** 63n);
/** The greatest. */
export const INT64_MAX = 2n ** 63n - 1n;

/** How deep containers may stand in one another. */
export const DEPTH_MAX = 1000;

/** What stands for an external table (`state/`). */
export class External {}

/**
 * The kinds of objects, each of which crosses in its own way:
 *
 * - `"array"`;
 * - `"object"`: made of braces, or without prototype;
 * - `"bytes"`: a Uint8Array, Uint8ClampedArray, DataView or ArrayBuffer, a string in Lua;
 * - `"numbers"`: any other typed array;
 * - `"date"`, `"map"`, `"set"`;
 * - `"external"`: an external table, which is itself in Lua;
 * - `"instance"`: of any other class; crosses as its own fields, or is refused.
 */
export type ObjectKind = "array" | "object" | "bytes" | "numbers" | "date" | "map" | "set" | "external" | "instance";

/** Tells what an object is. The most frequent kinds come first. */
export function kindOf(value: object): ObjectKind {
  if (Array.isArray(value)) return "array";
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return "object";
  if (isBytes(value)) return "bytes";
  if (ArrayBuffer.isView(value)) return "numbers";
  if (value instanceof Date) return "date";
  if (value instanceof Map) return "map";
  if (value instanceof Set) return "set";
  if (value instanceof External) return "external";
  return "instance";
}

/** Whether objects of a kind are sequences of fields, and nothing else. */
export function hasFields(kind: ObjectKind): boolean {
  return kind === "object" || kind === "instance";
}

/** Whether a value is of the kind `"object"`: it has nothing but its own fields. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Whether a value is of the kind `"bytes"`. */
export function isBytes(value: unknown): value is ArrayBufferView | ArrayBuffer {
  return value instanceof Uint8Array || value instanceof Uint8ClampedArray || value instanceof DataView ||
    value instanceof ArrayBuffer;
}

/** The bytes that such an object holds. */
export function bytesOf(given: ArrayBufferView | ArrayBuffer): Uint8Array {
  if (!(given instanceof ArrayBuffer)) return new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  const bytes = new Uint8Array(given);
  if (bytes.buffer !== given) throw new Refusal(TypeError, "Proxies of an ArrayBuffer cannot be passed");
  return bytes;
}

/**
 * Typed arrays by their kind on the wire (`marks.Kind`). A runtime that is older than
 * Float16Array never makes one.
 */
export const TYPED_ARRAYS = {
  3: Int8Array,
  4: Int16Array,
  5: Uint16Array,
  6: Int32Array,
  7: Uint32Array,
  8: Float32Array,
  9: Float64Array,
  ...(typeof Float16Array === "undefined" ? undefined : { 10: Float16Array }),
  11: BigInt64Array,
  12: BigUint64Array,
} as const;

/** A typed array that crosses as a sequence of numbers. */
export type TypedArray = InstanceType<Exclude<(typeof TYPED_ARRAYS)[keyof typeof TYPED_ARRAYS], undefined>>;

const TYPED_ARRAY_KINDS = Object.entries(TYPED_ARRAYS);

const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);

/** Elements that a table can number. */
const ELEMENTS_MAX = 2 ** 32 - 1;

/** A typed array's kind, and its elements without what a class of its own may have put over them. */
export function elementsOf(given: TypedArray): [number, TypedArray] {
  const entry = TYPED_ARRAY_KINDS.find(([, type]) => given instanceof type);
  if (entry === undefined) throw new Refusal(TypeError, `${given[Symbol.toStringTag]} objects cannot be passed`);
  const [kind, type] = entry;
  const own = (name: string) => Reflect.get(typedArrayPrototype, name, given);
  if (own("length") > ELEMENTS_MAX) {
    throw new Refusal(RangeError, `a typed array of more than ${ELEMENTS_MAX} elements cannot be passed`);
  }
  return [Number(kind), new type(own("buffer"), own("byteOffset"), own("length"))];
}

/** Whether an object is made of braces, in any realm. */
export function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}

/** What a value is, for messages: "a string", "an array", "a Promise". */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  const name = nameOfClass(value);
  // As in "a URL", "a Unit", and "an Unknown".
  return /^([aeio]|un(?!i))/i.test(name) ? `an ${name}` : `a ${name}`;
}

function nameOfClass(value: object): string {
  try {
    if (Array.isArray(value)) return "array";
    if (isPlainObject(value)) return "object";
    const { name } = Object.getPrototypeOf(value).constructor;
    return typeof name === "string" && /^[\w$]{1,60}$/.test(name) ? name : "object";
  } catch {
    return "object"; // a Proxy that throws
  }
}
