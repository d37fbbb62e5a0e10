// Arrays, objects, Maps, Sets and Dates as the tables of docs/IO_TABLE_API.md says.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, type LuaValue } from "@computeunit/cu";
import { pathOf } from "../../tools/run.ts";
import { liveHeapBytes } from "../helpers/heap.ts";
import { inLua, roundTrip } from "../helpers/round_trip.ts";

Deno.test("arrays stay arrays, also when empty or emptied", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(roundTrip(cu, []), []);
  assertEquals(roundTrip(cu, { a: [], b: [[]] }), { a: [], b: [[]] });
  assertEquals(inLua(cu, [1, 2], "(table.remove(v) and table.remove(v) and v)"), []);
  cu.setInput([]);
  assertEquals(cu.compute("table.insert(_io.input, 'x'); return _io.input"), ["x"]);
  cu.setInput([1]);
  assertEquals(cu.compute("_io.input[4] = 4; return _io.input"), [1, null, null, 4]);
  cu.setInput([1]);
  assertEquals(cu.compute("_io.input[1e9] = 4; return _io.input"), { 1: 1, 1000000000: 4 });
  cu.setInput([1]);
  assertEquals(cu.compute("_io.input.x = 4; return _io.input"), { 1: 1, x: 4 });
});

Deno.test("objects, class instances and objects without prototype are tables of own enumerable keys", async () => {
  using cu = await ComputeUnit.create();
  class Base {
    inherited = 1;
    get onPrototype() {
      return 2;
    }
  }
  class Point extends Base {
    #secret = 3;
    x = 4;
    sum() {
      return this.x + this.#secret;
    }
  }
  assertEquals(roundTrip(cu, new Point(), { lazy: false }), { inherited: 1, x: 4 });
  assertEquals(roundTrip(cu, [new Point(), new Point(), { x: 1 }], { lazy: false }), [
    { inherited: 1, x: 4 },
    { inherited: 1, x: 4 },
    { x: 1 },
  ]);
  assertEquals(roundTrip(cu, Object.assign(Object.create(null), { a: 1 }), { lazy: false }), { a: 1 });
  assertEquals(
    roundTrip(cu, Object.create({ inherited: 1 }, { hidden: { value: 1 }, own: { value: 2, enumerable: true } }), {
      lazy: false,
    }),
    {
      own: 2,
    },
  );
  let reads = 0;
  const getter = {
    get lazy() {
      return ++reads;
    },
    [Symbol("s")]: 1,
  };
  assertEquals(roundTrip(cu, getter, { lazy: false }), { lazy: 1 });
  assertEquals(reads, 1);
});

Deno.test("a prototype that was polluted isn't read", async () => {
  using cu = await ComputeUnit.create();
  const prototype = Object.prototype as Record<string, unknown>;
  prototype.polluted = "yes";
  try {
    cu.setInput([{ a: 1 }, { a: 2 }, { polluted: "own" }, {}]);
    assertEquals(cu.computeAll("local v = _io.input; return v[1].polluted, v[2].a, v[3].polluted, v[4].polluted"), [
      null,
      2,
      "own",
      null,
    ]);
  } finally {
    delete prototype.polluted;
  }
});

Deno.test("keys are data", async () => {
  using cu = await ComputeUnit.create();
  const keys = [
    "__proto__",
    "constructor",
    "toString",
    "__index",
    "__gc",
    "__mode",
    "",
    "1",
    "-1",
    "1.5",
    "a b",
    "\0",
    "é",
    "😀",
    "true",
    "nil",
    "length",
  ];
  for (const key of [...keys, "k".repeat(41), "k".repeat(300), "k".repeat(5000), "é".repeat(40_000)]) {
    const object = JSON.parse(`{${JSON.stringify(key)}: "v", "other": [1]}`);
    const back = roundTrip(cu, object) as Record<string, LuaValue>;
    assertEquals(Object.keys(back).sort(), [key, "other"].sort());
    assertEquals(Object.getOwnPropertyDescriptor(back, key)?.value, "v");
    assertStrictEquals(Object.getPrototypeOf(back), Object.prototype);
  }
  const all = Object.fromEntries(keys.filter((key) => key !== "__proto__").map((key, i) => [key, i]));
  assertEquals(roundTrip(cu, all), all);
  assertEquals(inLua(cu, { "1": "string", __index: 5 }, "{ v['1'], v.__index, v.missing == nil }"), [
    "string",
    5,
    true,
  ]);
  cu.compute("_io.output = { __proto__ = { polluted = true } }");
  const output = cu.getOutput() as Record<string, LuaValue>;
  assertEquals(Object.keys(output), ["__proto__"]);
  assertEquals(output.polluted, undefined);
});

Deno.test("objects of many keys and of many shapes", async () => {
  using cu = await ComputeUnit.create();
  for (const count of [0, 1, 31, 32, 33, 1000, 100_000]) {
    const wide = Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, i]));
    assertEquals(roundTrip(cu, wide), wide);
  }
  const shapes = Array.from({ length: 3000 }, (_, i) => ({ [`a${i}`]: i, [`b${i % 7}`]: { [`c${i}`]: [i] } }));
  assertEquals(roundTrip(cu, shapes), shapes);
  assertEquals(roundTrip(cu, shapes), shapes);
  assertEquals(
    cu.compute("local t = {} for i = 1, 3000 do t[i] = { ['x' .. i] = i, y = { ['z' .. i] = true } } end return t"),
    Array.from({ length: 3000 }, (_, i) => ({ [`x${i + 1}`]: i + 1, y: { [`z${i + 1}`]: true } })),
  );
});

Deno.test("keys that look alike when joined are kept apart", async () => {
  using cu = await ComputeUnit.create();
  const value = [{ a: 1, b: 2 }, { "a\0b": 3 }, { a: 1, b: 2 }];
  assertEquals(roundTrip(cu, value), value);
});

Deno.test("a Map is a table with the Map's own keys, and a Map again", async () => {
  using cu = await ComputeUnit.create();
  const key = { k: 1 };
  const map = new Map<unknown, unknown>([["a", 1], [1, "one"], ["1", "string one"], [1.5, true], [true, [1]], [
    key,
    key,
  ], [-3, 2n ** 60n]]);
  assertEquals(roundTrip(cu, map), map as LuaValue);
  assertEquals(roundTrip(cu, new Map()), new Map());
  assertEquals(roundTrip(cu, new Map([[1, "a"], [2, "b"]])), new Map([[1, "a"], [2, "b"]]));
  assertEquals(inLua(cu, map, "{ v.a, v[1], v['1'], v[1.5] }"), [1, "one", "string one", true]);
  assertEquals(inLua(cu, new Map([["a", 1]]), "(function() v.a = nil; return v end)()"), new Map());
  assertThrows(
    () => cu.setInput({ m: new Map([[NaN, 1]]) }, { lazy: false }),
    TypeError,
    "NaN cannot be a key in Lua (at input.m[0])",
  );
  assertThrows(() => cu.setInput(new Map([[null, 1]]), { lazy: false }), TypeError, "null cannot be a key");
  const bytes = new TextEncoder().encode("ä");
  for (const lazy of [false, true]) {
    const equal: unknown[] = [
      new Map<unknown, number>([[1, 1], [1n, 2]]),
      new Set<unknown>(["ä", bytes]),
      new Map<unknown, number>([[bytes, 1], [bytes.slice(), 2]]),
    ];
    for (const held of equal) {
      const read = () => {
        cu.setInput({ rows: [0, { held }] }, { lazy });
        return cu.compute("return next(_io.input.rows[2].held)");
      };
      assertThrows(read, TypeError, "are equal in Lua (at input.rows[1].held)");
    }
    cu.setInput(new Set<unknown>([2n ** 53n, 2n ** 53n + 1n, 1n, 2, "b", bytes]), { lazy });
    assertEquals(cu.compute("local n = 0 for _ in pairs(_io.input) do n = n + 1 end return n"), 6);
  }
});

Deno.test("a Set is a table of members, and a Set again", async () => {
  using cu = await ComputeUnit.create();
  const set = new Set<LuaValue>(["a", 1, true, 1.5, "é".repeat(5000)]);
  assertEquals(roundTrip(cu, set), set);
  assertEquals(roundTrip(cu, new Set()), new Set());
  assertEquals(roundTrip(cu, new Set([1, 2, 3])), new Set([1, 2, 3]));
  assertEquals(inLua(cu, set, "{ v.a, v[1], v[true], v.b == nil }"), [true, true, true, true]);
  assertEquals(inLua(cu, new Set(["a"]), "(function() v.b = true; v.a = nil; return v end)()"), new Set(["b"]));
  assertEquals(inLua(cu, new Set(["a"]), "(function() v.b = 5; return v end)()"), { a: true, b: 5 });
  const member = { m: 1 };
  assertEquals(roundTrip(cu, new Set([member])), new Set([member]) as LuaValue);
  assertThrows(() => cu.setInput(new Set([undefined]), { lazy: false }), TypeError, "undefined cannot be a key");
});

Deno.test("a Date is a date", async () => {
  using cu = await ComputeUnit.create();
  for (const time of [0, 1, -1, 951782400000, -62198755200000, 253402300800000, 8.64e15, -8.64e15, Date.now()]) {
    const date = new Date(time);
    assertEquals(roundTrip(cu, { date }), { date });
    assertEquals(inLua(cu, date, "v.ms"), time);
    assertEquals(inLua(cu, date, "tostring(v)"), date.toISOString());
  }
  assert(Number.isNaN((roundTrip(cu, new Date(NaN)) as Date).getTime()));
  assertEquals(inLua(cu, new Date(NaN), "tostring(v)"), "Invalid Date");
  assertEquals(cu.compute("return _io.date(86400000)"), new Date(86400000));
  // As Date makes of it, before and after it crosses.
  assertEquals(cu.compute("return { _io.date(1.9).ms, _io.date(-1.9).ms, 1 / _io.date(-0.5).ms }"), [1, -1, Infinity]);
  assertEquals(cu.compute("return _io.date(0/0).ms"), NaN);
  assertEquals(
    cu.compute(
      "local a, b = _io.date(1000), _io.date(3000); return { b - a, a < b, a <= b, a == b, a == _io.date(1000) }",
    ),
    [2000, true, true, false, true],
  );
  for (
    const code of ["return _io.date(1) < 5", "return 5 - _io.date(1)", "_io.date(1).ms = 5", "return _io.date('x')"]
  ) {
    assertThrows(() => cu.compute(code));
  }
  assertEquals(cu.compute("return getmetatable(_io.date(1))"), false);
});

Deno.test("nesting works to 1000 levels, and deeper is refused, on both sides", async () => {
  using cu = await ComputeUnit.create();
  const nest = (depth: number, make: (inner: unknown) => unknown) => {
    let value: unknown = 1;
    for (let i = 0; i < depth; i++) value = make(value);
    return value;
  };
  for (
    const make of [
      (v: unknown) => [v],
      (v: unknown) => ({ v }),
      (v: unknown) => new Map([["k", v]]),
      (v: unknown) => new Map([[v, 1]]),
    ]
  ) {
    assertEquals(roundTrip(cu, nest(1000, make), { lazy: false }), nest(1000, make) as LuaValue);
    assertThrows(
      () => cu.setInput(nest(1001, make), { lazy: false }),
      RangeError,
      "nesting is deeper than 1000 levels (at input",
    );
    assertThrows(
      () => cu.setInput(nest(100_000, make), { lazy: false }),
      RangeError,
      "nesting is deeper than 1000 levels",
    );
  }
  cu.compute("local t = 1 for i = 1, 1000 do t = { t } end _io.output = t");
  assertEquals(cu.getOutput(), nest(1000, (v) => [v]) as LuaValue);
  for (const make of ["{ t }", "{ k = t }", "{ [t] = 1 }", "{ [1.5] = t }"]) {
    cu.compute(`local t = 1 for i = 1, 1001 do t = ${make} end _io.output = t`);
    assertThrows(() => cu.getOutput(), RangeError, "nesting is deeper than 1000 levels (at output");
  }
  cu.compute("local t = 1 for i = 1, 1e5 do t = { t } end _io.output = t");
  assertThrows(() => cu.getOutput(), RangeError, "nesting is deeper than 1000 levels");
  cu.clearIo();
  assertEquals(roundTrip(cu, [1]), [1]);
});

Deno.test("a value among others nests as deep as one by itself", async () => {
  const nested = (depth: number) => {
    let value: unknown = 1;
    for (let i = 0; i < depth; i++) value = [value];
    return value;
  };
  const globals = { made: (depth: number) => nested(depth), taken: (_: unknown) => {} };
  using cu = await ComputeUnit.create({ globals });
  cu.compute("function depthOf(t) local n = 0 while type(t) == 'table' do n, t = n + 1, t[1] end return n end");
  const ways: ((depth: number) => unknown)[] = [
    (depth) => cu.call("depthOf", nested(depth)),
    (depth) => cu.compute(`return depthOf(made(${depth}))`),
    (depth) => (cu.setInputField("k", nested(depth), { lazy: false }), cu.compute("return depthOf(_io.input.k)")),
    (depth) => (cu.compute(`local t = 1 for i = 1, ${depth} do t = { t } end taken(t)`), depth),
  ];
  for (const way of ways) {
    assertEquals(way(1000), 1000);
    assertThrows(() => way(1001), Error, "nesting is deeper than 1000 levels");
  }
});

Deno.test("messages of every size near a chunk's end cross whole", async () => {
  using cu = await ComputeUnit.create();
  for (let count = 4080; count < 4110; count++) {
    const numbers = Array.from({ length: count }, (_, i) => i);
    assertEquals(roundTrip(cu, numbers), numbers);
    const mixed = [
      ...numbers.slice(20),
      2n ** 60n,
      "x",
      { a: 1, b: [null, new Date(5)] },
      new Float64Array([1, 2]),
      new Map([[1, 2]]),
    ];
    assertEquals(roundTrip(cu, mixed), mixed as LuaValue);
  }
  for (let length = 32_700; length < 32_800; length += 7) {
    const parts = ["x".repeat(250), "é".repeat(125), ""].flatMap((s) =>
      new Array<string>(Math.floor(length / 500)).fill(s)
    );
    assertEquals(roundTrip(cu, parts), parts);
  }
});

Deno.test("arrays that begin with numbers, and go on with anything", async () => {
  using cu = await ComputeUnit.create();
  const others: LuaValue[] = [null, NaN, "x", true, 2n ** 60n, [1, "y"], { a: 1 }, new Date(5)];
  for (const count of [0, 1, 2, 31, 32, 33, 100, 4095, 4096, 9000]) {
    const numbers = Array.from({ length: count }, (_, i) => i / 2);
    for (const other of others) {
      for (const rest of [[], [7], [NaN, "z"], numbers]) {
        const values = [...numbers, other, ...rest];
        const tables = [[...numbers], values, ["end"]];
        assertEquals(roundTrip(cu, tables), tables);
      }
    }
  }
  // References by number to what stands before and behind, and to itself.
  const code = `
    local list, row = {}, { "row" }
    for i = 1, 50 do list[i] = i end
    list[51], list[52], list[53] = row, list, row
    _io.output = { row, list, list }`;
  cu.compute(code);
  const [row, list, again] = cu.getOutput() as [LuaValue, LuaValue[], LuaValue];
  assertEquals(list.slice(0, 50), Array.from({ length: 50 }, (_, i) => i + 1));
  assert(list[50] === row && list[51] === list && list[52] === row && again === list);
});

Deno.test("numbers of a result take 8 bytes each, also after results of rows", async () => {
  using cu = await ComputeUnit.create();
  for (let i = 0; i < 20; i++) cu.compute("local rows = {} for i = 1, 100 do rows[i] = { i } end return rows");
  cu.compute("local numbers = {} for i = 1, 50000 do numbers[i] = i + 0.5 end _io.output = numbers");
  // Until nothing is left to be allocated for the first time.
  for (let i = 0; i < 20; i++) cu.getOutput();
  const before = await liveHeapBytes();
  const outputs = [cu.getOutput(), cu.getOutput()] as number[][];
  const bytes = await liveHeapBytes() - before;
  assertEquals(outputs.map((output) => output.length), [50_000, 50_000]);
  assert(bytes < 12 * 100_000, `${bytes} bytes`);
});

Deno.test("objects of another realm that have no fields are refused", async () => {
  const { runInNewContext } = await import("node:vm");
  using cu = await ComputeUnit.create();
  for (const lazy of [false, true]) {
    for (const name of ["Date", "RegExp", "Error", "Number", "Boolean"]) {
      const object = runInNewContext(`new ${name}(5)`);
      assertThrows(() => cu.setInput(object, { lazy }), TypeError, `${name} objects cannot be passed`);
    }
    cu.setInput(runInNewContext("({ a: [1, { b: 2 }] })"), { lazy });
    assertEquals(cu.compute("return _io.input.a[2].b"), 2);
  }
});

Deno.test("namespace objects, which have a tag and no fields, are refused", async () => {
  using cu = await ComputeUnit.create();
  for (const lazy of [false, true]) {
    for (const [name, object] of Object.entries({ Math, JSON, Reflect, Atomics })) {
      assertThrows(() => cu.setInput(object, { lazy }), TypeError, `${name} objects cannot be passed`);
      cu.clearIo();
    }
    cu.setInput([{}, Object.create(null), new (class Empty {})()], { lazy });
    assertEquals(cu.compute("return #_io.input"), 3);
  }
});

Deno.test("keys that Object.prototype has cross, whatever it does with them", async () => {
  const code = `
    import { ComputeUnit } from ${JSON.stringify(new URL("../../mod.ts", import.meta.url).href)};
    const cu = await ComputeUnit.create();
    Object.defineProperty(Object.prototype, "hooked", { set() { throw new Error("reached") }, configurable: true });
    Object.freeze(Object.prototype);
    cu.compute("_io.output = { hooked = 1, constructor = 2, b = 3 }");
    const first = JSON.stringify(cu.getOutput());
    cu.compute("_io.output = { toString = 1, hooked = 2, [1] = 3 }");
    console.log(first + JSON.stringify(cu.getOutput()));
  `;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--no-check", "--config", pathOf(new URL("../../deno.json", import.meta.url)), code],
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  const [first, second] = new TextDecoder().decode(stdout).trim().split("}{");
  assertEquals(JSON.parse(`${first}}`), { hooked: 1, constructor: 2, b: 3 });
  assertEquals(JSON.parse(`{${second}`), { toString: 1, hooked: 2, "1": 3 });
});
