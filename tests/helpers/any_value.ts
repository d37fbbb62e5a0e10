/**
 * Arbitraries: any value of JavaScript that Lua takes, as a graph whose parts may hold each other.
 *
 * @module
 */

import fc from "fast-check";
import { setOwn } from "./objects.ts";
import { textOrBytes } from "./text.ts";

/** A leaf, or the number of a container. */
type Slot = { leaf: unknown } | { node: number };

type Kind = "object" | "bare" | "instance" | "getters" | "array" | "map" | "set";

interface Node {
  kind: Kind;
  entries: { key: string; mapKey: Slot; value: Slot }[];
}

/** Containers that may hold each other, in circles too; the first is the root. */
interface Graph {
  nodes: Node[];
  root: Slot;
}

class Point {
  #hidden = 1;
  get onPrototype(): number {
    return this.#hidden;
  }
}

const HOSTILE_KEYS = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "__index",
  "__gc",
  "__mode",
  "__metatable",
  "",
  "0",
  "1",
  "01",
  "-1",
  "1.5",
  "9007199254740993",
  "nil",
  "end",
  "\0",
  "a\0b",
  "\ufeff",
  "😀",
  "k".repeat(41),
  "é".repeat(300),
];

/** Strings of all kinds. */
export const text = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 30 }).filter((s) => s.isWellFormed()) },
  { weight: 1, arbitrary: fc.constantFrom(...HOSTILE_KEYS) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom("x", "é", "日", "😀", "\ufeff"), fc.integer({ min: 0, max: 1500 }))
      .map(([unit, count]) => unit.repeat(count)),
  },
);

/** Names of fields. */
export const key = fc.oneof(fc.constantFrom("a", "b", "c", "id", "name"), fc.constantFrom(...HOSTILE_KEYS), text);

/** Numbers, integers and edges among them. */
export const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(-0, 0, NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 2 ** 53 - 1, 1 - 2 ** 53, 2 ** 63, 5e-324),
);

const bigint = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

/** Bytes, text or not. */
export const bytes = fc.oneof(fc.uint8Array({ maxLength: 20 }), text.map((t) => new TextEncoder().encode(t)));

const bytesOfAnyClass = fc.tuple(bytes, fc.nat(3)).map(([array, kind]) => {
  switch (kind) {
    case 0:
      return array;
    case 1:
      return new Uint8ClampedArray(array);
    case 2:
      return array.slice().buffer;
    default:
      return new DataView(new Uint8Array([1, ...array, 2]).buffer, 1, array.length);
  }
});

const TYPED_ARRAYS = [
  Int8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float16Array,
  Float32Array,
  Float64Array,
];

export type TypedArray =
  | InstanceType<(typeof TYPED_ARRAYS)[number]>
  | BigInt64Array
  | BigUint64Array;

const typedArray: fc.Arbitrary<TypedArray> = fc.oneof(
  fc.tuple(fc.constantFrom(...TYPED_ARRAYS), fc.array(number, { maxLength: 8 })).map(([type, list]) => type.from(list)),
  fc.array(bigint, { maxLength: 8 }).map((list) => BigInt64Array.from(list)),
  fc.array(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), { maxLength: 8 }).map((list) => BigUint64Array.from(list)),
);

const date = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc.constantFrom(8.64e15, -8.64e15, -1, NaN).map((time) => new Date(time)),
);

/** Values that hold no others. */
export const leaf: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(null, undefined, true, false) },
  { weight: 4, arbitrary: number },
  { weight: 1, arbitrary: bigint },
  { weight: 4, arbitrary: text },
  { weight: 1, arbitrary: bytesOfAnyClass },
  { weight: 1, arbitrary: typedArray },
  { weight: 1, arbitrary: date },
);

const NODES_MAX = 12;

const slot: fc.Arbitrary<Slot> = fc.oneof(
  { weight: 4, arbitrary: leaf.map((value) => ({ leaf: value })) },
  { weight: 1, arbitrary: fc.nat(NODES_MAX - 1).map((node) => ({ node })) },
);

const KINDS: Kind[] = ["object", "bare", "instance", "getters", "array", "map", "set"];

/** Graphs of containers. */
export const graph: fc.Arbitrary<Graph> = fc.record({
  nodes: fc.array(
    fc.record({
      kind: fc.oneof(fc.constantFrom<Kind>("object", "array"), fc.constantFrom(...KINDS)),
      entries: fc.array(fc.record({ key, mapKey: slot, value: slot }), { maxLength: 10 }),
    }),
    { minLength: 1, maxLength: NODES_MAX },
  ),
  root: fc.oneof({ weight: 9, arbitrary: fc.constant<Slot>({ node: 0 }) }, { weight: 1, arbitrary: slot }),
});

/** The graph's value. */
export function build(given: Graph): unknown {
  const containers = given.nodes.map(({ kind }): object => {
    switch (kind) {
      case "array":
        return [];
      case "map":
        return new Map();
      case "set":
        return new Set();
      case "bare":
        return Object.create(null);
      case "instance":
        return new Point();
      default:
        return {};
    }
  });
  const at = (given: Slot): unknown => "leaf" in given ? given.leaf : containers[given.node % containers.length];
  const isUsedAsKey = new Set<object>();
  for (const [i, { kind, entries }] of given.nodes.entries()) {
    const container = containers[i];
    const keys = new Set<string>();
    for (const { key, mapKey, value } of entries) {
      if (Array.isArray(container)) container.push(at(value));
      else if (container instanceof Map || container instanceof Set) {
        const held = at(mapKey);
        const name = keyName(held, isUsedAsKey, containers);
        // Two keys that are equal in Lua are refused: values/containers_test.ts.
        if (name === undefined || keys.has(name)) continue;
        keys.add(name);
        if (container instanceof Map) container.set(held, at(value));
        else container.add(held);
      } else if (kind === "getters") {
        const held = at(value);
        Object.defineProperty(container, key, { get: () => held, enumerable: true, configurable: true });
      } else setOwn(container, key, at(value));
    }
  }
  // What tells one key from another where tables have no order.
  for (const [i, container] of containers.entries()) {
    if (isUsedAsKey.has(container)) setOwn(container, "#number", i);
  }
  return at(given.root);
}

/** What makes a key the same as another one in Lua; undefined where it can't be one here. */
function keyName(held: unknown, isUsedAsKey: Set<object>, containers: object[]): string | undefined {
  if (held === null || held === undefined || Number.isNaN(held)) return undefined;
  if (typeof held === "bigint") return `number ${held}`;
  if (typeof held === "number") {
    // Beyond 2^53 a float that is a key is an integer in Lua: a test of its own.
    if (Number.isInteger(held) && !Number.isSafeInteger(held) && Math.abs(held) <= 2 ** 63) return undefined;
    return `number ${held}`;
  }
  if (typeof held === "string") return `string ${held}`;
  if (typeof held === "boolean") return String(held);
  const raw = bytesOf(held);
  if (raw !== undefined) {
    const read = textOrBytes(raw);
    return typeof read === "string" ? `string ${read}` : `bytes ${read}`;
  }
  // Only objects that carry their number are told apart when they come back.
  const number = containers.indexOf(held as object);
  if (number < 0 || !isRecord(held)) return undefined;
  isUsedAsKey.add(held);
  return `container ${number}`;
}

/** Whether a value is an object by its fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Map) &&
    !(value instanceof Set) && !(value instanceof Date) && !ArrayBuffer.isView(value) &&
    !(value instanceof ArrayBuffer);
}

/** The bytes of a value that is a string in Lua; else undefined. */
export function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value instanceof DataView || value instanceof Uint8ClampedArray) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  return undefined;
}

/** How many values there are in a value. */
export function countOf(value: unknown, seen = new Set<object>()): number {
  if (typeof value !== "object" || value === null) return 1;
  if (seen.has(value)) return 0;
  seen.add(value);
  let count = 1;
  if (value instanceof Map) { for (const [k, v] of value) count += countOf(k, seen) + countOf(v, seen); }
  else if (value instanceof Set || Array.isArray(value)) { for (const member of value) count += countOf(member, seen); }
  else if (isRecord(value)) { for (const name of Object.keys(value)) count += countOf(value[name], seen); }
  else if ("length" in value) count += Number(value.length);
  return count;
}
