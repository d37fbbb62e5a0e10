// Any value that goes in comes out, as the table of VALUES.md says: random values
// against a model of that table; and no message, however malformed, breaks the unit.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit, LuaError, type LuaValue } from "@computeunit/cu";
import { Decoder } from "../../src/bridge/decode.ts";
import { Encoder, MESSAGE } from "../../src/bridge/encode.ts";
import { Instance } from "../../src/runtime/instance.ts";
import { WIRE } from "../../src/runtime/wire.ts";

/** Fewer cases where lazy_mode_test.ts runs this once more. */
const RUNS_FACTOR = Number(Deno.env.get("CU_RUNS_FACTOR") ?? 1);

/** What the round trips cover together, leaves and containers; half of it for few runs, which differ more. */
const VALUES_MIN = (RUNS_FACTOR < 0.1 ? 100_000 : 200_000) * RUNS_FACTOR;

const RUNS = Math.ceil(3000 * RUNS_FACTOR);

const valuesCovered = { count: 0 };

// Values of JavaScript.

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

const text = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 30 }).filter((s) => s.isWellFormed()) },
  { weight: 1, arbitrary: fc.constantFrom(...HOSTILE_KEYS) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom("x", "é", "日", "😀", "\ufeff"), fc.integer({ min: 0, max: 1500 }))
      .map(([unit, count]) => unit.repeat(count)),
  },
);

const key = fc.oneof(fc.constantFrom("a", "b", "c", "id", "name"), fc.constantFrom(...HOSTILE_KEYS), text);

const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(-0, 0, NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 2 ** 53 - 1, 1 - 2 ** 53, 2 ** 63, 5e-324),
);

const bigint = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

const bytes = fc.oneof(fc.uint8Array({ maxLength: 20 }), text.map((t) => new TextEncoder().encode(t)));

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

type TypedArray =
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

const leaf: fc.Arbitrary<unknown> = fc.oneof(
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

const graph: fc.Arbitrary<Graph> = fc.record({
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
function build(given: Graph): unknown {
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
        // Two keys that are equal in Lua are refused: values_test.ts.
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Map) &&
    !(value instanceof Set) && !(value instanceof Date) && !ArrayBuffer.isView(value) &&
    !(value instanceof ArrayBuffer);
}

function setOwn(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value instanceof DataView || value instanceof Uint8ClampedArray) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  return undefined;
}

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOrBytes(raw: Uint8Array): string | Uint8Array {
  try {
    return strictDecoder.decode(raw);
  } catch {
    // Not UTF-8.
    return raw.slice();
  }
}

/** How many values there are in a value. */
function countOf(value: unknown, seen = new Set<object>()): number {
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

// The model of VALUES.md.

/** What comes back of a value that Lua left as it was. */
function expected(value: unknown, seen = new Map<object, unknown>()): unknown {
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
function expectedCopy(value: unknown, seen = new Map<object, unknown>()): unknown {
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
function emptyFor(keys: unknown[]): Table {
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

function fill(table: Table, pairs: [unknown, unknown][]): void {
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
function assertSame(actual: unknown, wanted: unknown, hasOrder = false): void {
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
function nameOf(k: unknown): string {
  if (k instanceof Uint8Array) return `bytes ${k}`;
  if (typeof k === "object" && k !== null) {
    const held = k instanceof Map ? k.get("#number") : (k as Record<string, unknown>)["#number"];
    return `container ${held}`;
  }
  return `${typeof k} ${String(k)}`;
}

/** Runs a property over random graphs, with the seed in the message of a failure. */
function checkRoundTrips(pass: (value: unknown) => unknown, model = expected): void {
  fc.assert(
    fc.property(graph, (given) => {
      const value = build(given);
      valuesCovered.count += countOf(value);
      assertSame(pass(value), model(value), model === expected);
    }),
    { numRuns: RUNS },
  );
}

Deno.test("any value comes back from _io.input as the table of values says", async () => {
  using cu = await ComputeUnit.create();
  checkRoundTrips((value) => {
    cu.setInput(value, { lazy: false });
    return cu.compute("return _io.input");
  });
});

Deno.test("any value comes back through _io.output as the table of values says", async () => {
  using cu = await ComputeUnit.create();
  checkRoundTrips((value) => {
    cu.setInput(value, { lazy: false });
    cu.compute("_io.output = _io.input");
    return cu.getOutput();
  });
});

Deno.test("any value comes back through _io.meta as the table of values says", async () => {
  using cu = await ComputeUnit.create({ lazyThreshold: Infinity });
  checkRoundTrips((value) => {
    cu.setMetadata(value);
    return cu.getMetadata();
  });
});

Deno.test("any value comes back as one field as the table of values says", async () => {
  using cu = await ComputeUnit.create();
  checkRoundTrips((value) => {
    cu.setInput(null);
    cu.setInputField("__proto__", value, { lazy: false });
    cu.compute("_io.output = { _io.input.__proto__ }");
    return cu.getOutputField(1);
  });
});

Deno.test("any value that Lua copied comes back by its keys", async () => {
  using cu = await ComputeUnit.create();
  cu.compute(`
    local seen
    local function copy(value)
      if type(value) ~= "table" then return value end
      local known = seen[value]
      if known then return known end
      local made = {}
      seen[value] = made
      for k, v in next, value do made[copy(k)] = copy(v) end
      return made
    end
    function deepCopy(value)
      seen = {}
      return copy(value)
    end
  `);
  checkRoundTrips((value) => {
    cu.setInput(value);
    return cu.compute("return deepCopy(_io.input)");
  }, (value) => expectedCopy(value));
});

Deno.test("the same values cross in one message after another, and in one", async () => {
  using cu = await ComputeUnit.create();
  fc.assert(
    fc.property(fc.array(graph, { minLength: 2, maxLength: 8 }), (graphs) => {
      const values = graphs.map(build);
      valuesCovered.count += countOf(values);
      // One may be another's part only where both are in one message.
      cu.setInput(values, { lazy: false });
      assertSame(cu.compute("return _io.input"), expected(values));
      for (const value of values) {
        cu.setInput(value, { lazy: false });
        assertSame(cu.compute("return _io.input"), expected(value));
      }
    }),
    { numRuns: Math.ceil(200 * RUNS_FACTOR) },
  );
});

Deno.test("rows of any columns come back", async () => {
  using cu = await ComputeUnit.create();
  const table = fc.uniqueArray(key, { minLength: 1, maxLength: 40 }).chain((columns) =>
    fc.array(fc.array(leaf, { minLength: columns.length, maxLength: columns.length }), { maxLength: 30 })
      .map((rows) =>
        rows.map((cells) => {
          const row = {};
          for (const [i, column] of columns.entries()) setOwn(row, column, cells[i]);
          return row;
        })
      )
  );
  fc.assert(
    fc.property(table, (rows) => {
      valuesCovered.count += countOf(rows);
      cu.setInput(rows, { lazy: false });
      assertSame(cu.compute("return _io.input"), expected(rows));
    }),
    { numRuns: Math.ceil(500 * RUNS_FACTOR) },
  );
});

Deno.test("round trips covered enough values", () => {
  assert(valuesCovered.count >= VALUES_MIN, `only ${valuesCovered.count} values`);
});

Deno.test("shapes of one message that are more than the unit keeps stay apart", async () => {
  using cu = await ComputeUnit.create();
  for (const count of [WIRE.SHAPES_MAX - 2, WIRE.SHAPES_MAX - 1, WIRE.SHAPES_MAX, WIRE.SHAPES_MAX + 1, 3000]) {
    const shapes = Array.from(
      { length: count },
      (_, i) => Object.fromEntries(Array.from({ length: 1 + i % 5 }, (_, j) => [`s${count}k${i}f${j}`, i * 10 + j])),
    );
    const values = [
      { first: 1, many: shapes, last: 2, end: "end" },
      [{ a: { x: 1, y: 2 } }, { a: { x: 3, y: 4 } }, shapes, { a: { x: 5, y: 6 } }, { a: { x: 7, y: 8 } }],
      [{ p: { x: 1 }, m: null }, { p: { x: 2 }, m: shapes }, { p: { x: 3 }, m: null }, { p: { x: 4 }, m: [1] }],
      { wide: Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`w${i}`, i === 3 ? shapes : i])), tail: [1] },
    ];
    for (const value of values) {
      cu.setInput(value, { lazy: false });
      assertSame(cu.compute("return _io.input"), expected(value));
    }
  }
});

Deno.test("a Map key that is a float beyond 2^53 stays a number, or is refused", async () => {
  using cu = await ComputeUnit.create();
  for (const k of [2 ** 53, -(2 ** 53), 2 ** 60, -(2 ** 63)]) {
    const map = new Map([[k, "held"]]);
    try {
      cu.setInput(map);
      assertSame(cu.compute("return _io.input"), map);
    } catch (error) {
      assert(error instanceof TypeError || error instanceof RangeError);
    }
  }
});

Deno.test("an array of any length is passed or refused, and the unit is whole", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 16 * 1024 * 1024 });
  for (const exponent of [20, 24, 26, 27, 28, 29, 30, 31, 32]) {
    for (const offset of [-1, 0, 1, 4095]) {
      const length = Math.min(2 ** exponent + offset, 2 ** 32 - 1);
      const error = assertThrows(() => cu.setInput({ list: new Array(length) }, { lazy: false }));
      assert(!(error instanceof WebAssembly.RuntimeError) && !String(error).includes("bounds"), `${length}: ${error}`);
      assertStrictEquals(cu.compute("return 1 + 1"), 2);
      if (length === 2 ** 32 - 1) break;
    }
  }
});

// From Lua.

/** A Lua expression and what it is in JavaScript. */
interface Expression {
  code: string;
  value: unknown;
}

function quote(raw: Uint8Array): string {
  return `"${Array.from(raw, (byte) => `\\${String(byte).padStart(3, "0")}`).join("")}"`;
}

const luaInteger = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -20n, max: 20n }),
  fc.constantFrom(2n ** 53n, -(2n ** 53n), 2n ** 53n - 1n, 2n ** 63n - 1n, -(2n ** 63n)),
).map((n): Expression => ({
  code: n === -(2n ** 63n) ? "math.mininteger" : `(${n})`,
  value: expected(n),
}));

const luaFloat = number.map((n): Expression => {
  if (Number.isNaN(n)) return { code: "(0/0)", value: NaN };
  if (!Number.isFinite(n)) return { code: n > 0 ? "(1/0)" : "(-1/0)", value: n };
  const digits = Object.is(n, -0) ? "-0.0" : String(n);
  return { code: `(${/[.e]/.test(digits) ? digits : `${digits}.0`})`, value: n };
});

const luaString = fc.oneof(text.map((t) => new TextEncoder().encode(t)), bytes).map((raw): Expression => ({
  code: quote(raw),
  value: textOrBytes(raw),
}));

const luaLeaf: fc.Arbitrary<Expression> = fc.oneof(
  luaInteger,
  luaFloat,
  luaString,
  fc.constantFrom<Expression>(
    { code: "nil", value: null },
    { code: "true", value: true },
    { code: "false", value: false },
    { code: "_io.date(86400000)", value: new Date(86_400_000) },
    { code: "_io.array({})", value: [] },
    { code: "_io.array({ nil, 1 }, 3)", value: [null, 1, null] },
    { code: "_io.bytes('text')", value: new TextEncoder().encode("text") },
    { code: "{}", value: {} },
  ),
);

/** The key as it stands in a table, or undefined where it can't. */
function normalizedKey(k: unknown): unknown {
  if (k === null || Number.isNaN(k)) return undefined;
  if (typeof k === "object" && !(k instanceof Uint8Array)) return undefined;
  if (Object.is(k, -0)) return 0;
  if (typeof k === "number" && Number.isInteger(k) && k >= -(2 ** 63) && k < 2 ** 63) return expected(BigInt(k));
  return k;
}

/** A constructor with these pairs, the positional ones first. */
function constructed(positional: Expression[], pairs: [Expression, Expression][]): Expression {
  const keys = new Map<string, unknown>();
  const held: [unknown, unknown][] = [];
  const parts: string[] = [];
  const add = (k: unknown, value: unknown) => {
    keys.set(nameOf(k), k);
    if (value !== null) held.push([k, value]);
  };
  for (const [i, item] of positional.entries()) {
    parts.push(item.code);
    add(i + 1, item.value);
  }
  for (const [k, item] of pairs) {
    const normalized = normalizedKey(k.value);
    // Constructors leave open which of two equal keys wins.
    if (normalized === undefined || keys.has(nameOf(normalized))) continue;
    parts.push(`[${k.code}] = ${item.code}`);
    add(normalized, item.value);
  }
  const table = emptyFor(held.map(([k]) => k));
  fill(table, held);
  return { code: `{ ${parts.join(", ")} }`, value: table };
}

const luaKey = fc.oneof(
  { weight: 2, arbitrary: luaLeaf },
  { weight: 2, arbitrary: fc.integer({ min: -2, max: 12 }).map((n): Expression => ({ code: `(${n})`, value: n })) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("1", "2", "-1", "a", "__proto__", "__index", "").map((name): Expression => ({
      code: quote(new TextEncoder().encode(name)),
      value: name,
    })),
  },
);

const { luaTable } = fc.letrec<{ luaTable: Expression; luaItem: Expression }>((tie) => ({
  luaItem: fc.oneof({ depthSize: "xsmall", withCrossShrink: true }, luaLeaf, tie("luaTable")),
  luaTable: fc.tuple(
    fc.array(tie("luaItem"), { maxLength: 6 }),
    fc.array(fc.tuple(luaKey, tie("luaItem")), { maxLength: 6 }),
  ).map(([positional, pairs]) => constructed(positional, pairs)),
}));

/** Trees share nothing; constants in the model do. */
function withoutSharing(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSharing);
  if (value instanceof Map) return new Map([...value].map(([k, held]) => [k, withoutSharing(held)]));
  if (value instanceof Date) return new Date(value);
  if (!isRecord(value)) return value;
  const object = {};
  for (const [name, held] of Object.entries(value)) setOwn(object, name, withoutSharing(held));
  return object;
}

Deno.test("any table that Lua constructs comes out as the table of values says", async () => {
  using cu = await ComputeUnit.create();
  fc.assert(
    fc.property(luaTable, ({ code, value }) => {
      assertSame(cu.compute(`return ${code}`), withoutSharing(value));
    }),
    { numRuns: RUNS },
  );
});

Deno.test("any array that Lua changes at random stays one with the right places", async () => {
  using cu = await ComputeUnit.create();
  const step = fc.oneof(
    fc.record({ do: fc.constant("append" as const), value: fc.integer() }),
    fc.record({ do: fc.constant("pop" as const) }),
    fc.record({ do: fc.constant("set" as const), at: fc.nat(30), value: fc.option(fc.integer()) }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.integer()), { maxLength: 12 }),
      fc.array(step, { maxLength: 20 }),
      (list, steps) => {
        cu.setInput(list);
        const code = ["local v = _io.input"];
        const model: (number | null)[] = [...list];
        let hadNull = false;
        for (const each of steps) {
          if (each.do === "append") {
            code.push(`v[#v + 1] = ${each.value}`);
            model.push(each.value);
          } else if (each.do === "pop") {
            code.push("if #v > 0 then v[#v] = nil end");
            model.pop();
          } else if (each.at < model.length && !(each.value === null && each.at === model.length - 1)) {
            code.push(`v[${each.at + 1}] = ${each.value ?? "nil"}`);
            model[each.at] = each.value;
            hadNull ||= each.value === null;
          }
        }
        // A plain table's border may be at any nil; only arrays that came with nulls keep theirs.
        if (!list.includes(null) && hadNull) return;
        assertEquals(cu.compute(`${code.join("\n")}\nreturn v`), model, code.join("\n"));
      },
    ),
    {
      numRuns: Math.ceil(1000 * RUNS_FACTOR),
      examples: [[[null, null], [{ do: "append", value: 0 }, { do: "set", at: 1, value: null }, { do: "pop" }]]],
    },
  );
});

// Messages that no encoder writes.

const MEMORY_LIMIT_BYTES = 8 * 1024 * 1024;

interface Chunk {
  words: BigUint64Array;
  heap: Uint8Array;
}

/** An instance with the codec on its side of the bridge, driven by hand. */
class Driver {
  readonly instance: Instance;
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;

  private constructor(instance: Instance) {
    this.instance = instance;
    this.#encoder = new Encoder(instance);
    this.#decoder = new Decoder(instance);
    instance.host = {
      flush: (words, heapBytes) => this.#decoder.takeChunk(words, heapBytes),
      print: () => {},
      load: () => WIRE.STATUS_MALFORMED,
      release: () => {},
      raise: () => {},
      timeUp: () => new LuaError("time", "there is no time limit"),
    };
  }

  static async create(): Promise<Driver> {
    return new Driver(await Instance.create({ memoryLimit: MEMORY_LIMIT_BYTES, timeLimit: Infinity }));
  }

  /** Sends chunks as they are; answers the first status that isn't 0, of `set_io` at last. */
  send(chunks: Chunk[]): number {
    const { exports } = this.instance;
    exports.begin_message(MESSAGE.WHOLE);
    for (const { words, heap } of chunks) {
      this.instance.refresh();
      const { buffer, byteOffset } = this.instance.words;
      new BigUint64Array(buffer, byteOffset, WIRE.WORDS_MAX).set(words.subarray(0, WIRE.WORDS_MAX));
      this.instance.heap.set(heap.subarray(0, WIRE.HEAP_SIZE_BYTES));
      const status = exports.take_chunk(words.length, heap.length);
      if (status !== 0) {
        exports.drop_message();
        return status;
      }
    }
    return exports.set_io(0);
  }

  /** A whole cycle of what an instance is for; shapes begin again, as after any drop. */
  checkWorks(): void {
    const { exports } = this.instance;
    const value = { rows: [{ a: 1, b: "x" }, { a: 2, b: "y" }], map: new Map([[1, [null, 2]]]) };
    // An encoder of its own: it knows no shapes, so it defines them from 0.
    new Encoder(this.instance).encode(value, "set input", "input");
    assertStrictEquals(exports.set_io(0), 0);
    const words = exports.get_io(0);
    this.instance.refresh();
    assert(words > 0, `status ${words}`);
    assertSame(this.#decoder.decode(words)[0], value);
    exports.run_gc();
    assert(exports.memory.buffer.byteLength <= MEMORY_LIMIT_BYTES, "memoryLimit holds");
  }

  /** The input as it stands now, or the status. */
  readBack(): unknown {
    const words = this.instance.exports.get_io(0);
    this.instance.refresh();
    if (words >= 0) return this.#decoder.decode(words)[0];
    this.#decoder.drop();
    return words;
  }

  /** The chunks that a value makes. */
  record(value: unknown): Chunk[] {
    const chunks: Chunk[] = [];
    const { instance } = this;
    const { exports } = instance;
    const recording = {
      ...exports,
      take_chunk: (words: number, heapBytes: number) => {
        const { buffer, byteOffset } = instance.words;
        chunks.push({
          words: new BigUint64Array(buffer, byteOffset, words).slice(),
          heap: instance.heap.slice(0, heapBytes),
        });
        return exports.take_chunk(words, heapBytes);
      },
    };
    const replaceable = instance as { exports: typeof exports };
    replaceable.exports = recording;
    try {
      new Encoder(instance).encode(value, "set input", "input");
    } finally {
      replaceable.exports = exports;
    }
    exports.drop_message();
    return chunks;
  }
}

const TAGS = [...Array(0x20).keys(), 0x7f, 0xff];

const hostilePayload = fc.oneof(
  fc.nat(8),
  fc.nat(0xffff),
  fc.constantFrom(
    0xff,
    0x100,
    0xffff,
    0x10000,
    2 ** 24,
    2 ** 26,
    2 ** 27,
    2 ** 28,
    2 ** 28 + 1,
    2 ** 29 + 1,
    2 ** 31,
    2 ** 32 - 1,
  ),
);

const boxedWord = fc.tuple(fc.constantFrom(...TAGS), hostilePayload).map(([tag, payload]) =>
  BigInt(WIRE.BOXED | 0) << 32n & 0xffff_ffff_0000_0000n | BigInt(tag) << 32n | BigInt(payload)
);

const word = fc.oneof(
  { weight: 6, arbitrary: boxedWord },
  { weight: 2, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
  { weight: 2, arbitrary: fc.nat(100).map((n) => new BigUint64Array(new Float64Array([n]).buffer)[0]) },
);

const randomChunk = fc.record({
  words: fc.array(word, { maxLength: 60 }).map((list) => BigUint64Array.from(list)),
  heap: fc.uint8Array({ maxLength: 200 }),
});

/** A negative status, or success and then a value that can be read or is refused. */
function checkAnswer(driver: Driver, chunks: Chunk[]): void {
  const status = driver.send(chunks);
  assert(status <= 0 && status >= -7, `status ${status}`);
  if (status === 0) driver.readBack();
}

Deno.test("messages of random words are refused or taken, and the unit works on", async () => {
  const driver = await Driver.create();
  let count = 0;
  fc.assert(
    fc.property(fc.array(randomChunk, { minLength: 1, maxLength: 3 }), (chunks) => {
      checkAnswer(driver, chunks);
      if (++count % 50 === 0) driver.checkWorks();
    }),
    { numRuns: Math.ceil(10_000 * RUNS_FACTOR) },
  );
  driver.checkWorks();
});

Deno.test("messages with a word changed, cut off or doubled are refused or taken", async () => {
  const driver = await Driver.create();
  let count = 0;
  fc.assert(
    fc.property(
      graph,
      fc.array(fc.tuple(fc.nat(), fc.nat(3), word), { minLength: 1, maxLength: 4 }),
      (given, changes) => {
        const chunks = driver.record(build(given));
        for (const [place, change, other] of changes) {
          const chunk = chunks[place % chunks.length];
          if (chunk.words.length === 0) continue;
          const at = place % chunk.words.length;
          if (change === 0) chunk.words[at] = other;
          else if (change === 1) chunk.words = chunk.words.slice(0, at);
          else if (change === 2) chunk.heap = chunk.heap.slice(0, place % (chunk.heap.length + 1));
          else chunk.words = BigUint64Array.of(...chunk.words.subarray(0, at), other, ...chunk.words.subarray(at));
        }
        checkAnswer(driver, chunks);
        if (++count % 50 === 0) driver.checkWorks();
      },
    ),
    { numRuns: Math.ceil(4000 * RUNS_FACTOR) },
  );
  driver.checkWorks();
});

Deno.test("messages that are whole are taken, cut after any word they are refused", async () => {
  const driver = await Driver.create();
  const chunks = driver.record({
    rows: [{ a: 1, b: "x" }, { a: 2n ** 60n, b: null }],
    map: new Map<unknown, unknown>([["k", new Date(1)], [1.5, new Set(["m"])]]),
    typed: new Float64Array([1, 2, 3]),
    bytes: new Uint8Array([255]),
  });
  const [{ words, heap }] = chunks;
  assertStrictEquals(driver.send(chunks), 0);
  for (let length = 0; length < words.length; length++) {
    assert(driver.send([{ words: words.slice(0, length), heap }]) < 0, `cut after ${length} words`);
    driver.checkWorks();
  }
  for (let length = 0; length < heap.length; length++) {
    assert(driver.send([{ words, heap: heap.slice(0, length) }]) < 0, `cut after ${length} bytes`);
  }
  assert(driver.send([{ words: BigUint64Array.of(...words, 0n), heap }]) < 0);
  driver.checkWorks();
});

Deno.test("counts that no message can hold are refused", async () => {
  const box = (tag: number, payload: number) =>
    (BigInt(WIRE.BOXED) & 0xffff_ffffn | BigInt(tag)) << 32n & 0xffff_ffff_0000_0000n | BigInt(payload >>> 0);
  const heap = new Uint8Array(16);
  for (
    const count of [
      2 ** 16,
      2 ** 20,
      2 ** 24,
      2 ** 26,
      2 ** 27,
      2 ** 28,
      2 ** 28 + 1,
      2 ** 29 + 1,
      2 ** 31,
      2 ** 32 - 1,
    ]
  ) {
    for (
      const tag of [
        WIRE.ARRAY,
        WIRE.RECORD,
        WIRE.MAP,
        WIRE.SET,
        WIRE.TYPED_ARRAY,
        WIRE.OBJECT,
        WIRE.SHAPE,
        WIRE.TABLE_REF,
      ]
    ) {
      const driver = await Driver.create();
      for (const rest of [[], [0n], [3n], [9n, 0n], [box(WIRE.STRING, 1), 0n]]) {
        const status = driver.send([{ words: BigUint64Array.of(box(tag, count), ...rest), heap }]);
        assert(status < 0, `tag ${tag}, count ${count}: status ${status}`);
        driver.checkWorks();
      }
    }
  }
});

Deno.test("a shape that is defined again inside its own object is refused, or the object is as it was", async () => {
  const box = (tag: number, payload: number) => BigInt(WIRE.BOXED + tag) << 32n | BigInt(payload);
  const heap = new TextEncoder().encode("k" + Array.from({ length: 32 }, (_, i) => `n${i + 10}`).join(""));
  const driver = await Driver.create();
  for (let i = 0; i < 100; i++) {
    const status = driver.send([{
      words: BigUint64Array.of(
        box(WIRE.SHAPE, 1),
        box(WIRE.STRING, 1),
        box(WIRE.OBJECT, 0),
        box(WIRE.SHAPE, 32),
        ...new Array<bigint>(32).fill(box(WIRE.STRING, 3)),
        box(WIRE.BOOLEAN, 1),
      ),
      heap,
    }]);
    if (status === 0) assertSame(driver.readBack(), { k: true });
    driver.checkWorks();
  }
});

Deno.test("long strings of any length, at any place, are refused or taken", async () => {
  const driver = await Driver.create();
  const { exports } = driver.instance;
  fc.assert(
    fc.property(randomChunk, fc.oneof(fc.nat(100), fc.nat(1e5), hostilePayload), ({ words, heap }, length) => {
      exports.begin_message(MESSAGE.WHOLE);
      driver.instance.refresh();
      const { buffer, byteOffset } = driver.instance.words;
      new BigUint64Array(buffer, byteOffset, WIRE.WORDS_MAX).set(words);
      driver.instance.heap.set(heap);
      if (exports.take_chunk(words.length, heap.length) === 0) {
        const pointer = exports.long_string(length) >>> 0;
        if (pointer !== 0) driver.instance.bytes(pointer, length).fill(0x61);
      }
      exports.drop_message();
      assert(exports.memory.buffer.byteLength <= MEMORY_LIMIT_BYTES, "memoryLimit holds");
    }),
    { numRuns: Math.ceil(2000 * RUNS_FACTOR) },
  );
  driver.checkWorks();
});

Deno.test("chunks larger than the buffer are refused", async () => {
  const driver = await Driver.create();
  const { exports } = driver.instance;
  for (
    const [words, heapBytes] of [[WIRE.WORDS_MAX + 1, 0], [0, WIRE.HEAP_SIZE_BYTES + 1], [2 ** 32 - 1, 0], [1, 2 ** 31]]
  ) {
    exports.begin_message(MESSAGE.WHOLE);
    assert(exports.take_chunk(words, heapBytes) < 0);
    exports.drop_message();
    driver.checkWorks();
  }
});

Deno.test("a message that isn't finished sets nothing", async () => {
  const driver = await Driver.create();
  const { exports } = driver.instance;
  driver.checkWorks();
  const before = driver.readBack();
  exports.begin_message(MESSAGE.WHOLE);
  assert(exports.set_io(0) < 0);
  exports.begin_message(MESSAGE.WHOLE);
  assert(exports.set_input_field() < 0);
  exports.begin_message(MESSAGE.WHOLE);
  assert(exports.get_output_field() < 0);
  assertSame(driver.readBack(), before as LuaValue);
});
