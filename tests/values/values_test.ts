// What crosses as what: the table of VALUES.md, row by row.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, type InputOptions, type LuaValue } from "@computeunit/cu";
import { countingReads } from "../helpers/counting.ts";

/** In, and out again untouched. */
function roundTrip(cu: ComputeUnit, value: unknown, options: InputOptions = {}): LuaValue {
  cu.setInput(value, options);
  return cu.compute("return _io.input");
}

/** What Lua says of the input. */
function inLua(cu: ComputeUnit, value: unknown, expression: string): LuaValue {
  cu.setInput(value);
  return cu.compute(`local v = _io.input; return ${expression}`);
}

Deno.test("undefined is nil: null at the top, absent in an object", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(roundTrip(cu, undefined), null);
  assertEquals(roundTrip(cu, null), null);
  assertEquals(roundTrip(cu, { a: null, b: undefined, c: 1 }, { lazy: false }), { a: null, c: 1 });
  assertEquals(roundTrip(cu, { a: undefined }, { lazy: false }), {});
});

Deno.test("null stays where code hasn't assigned, and nil takes it away", async () => {
  using cu = await ComputeUnit.create();
  const value = () => ({ a: null, b: 1, c: { d: null }, list: [null, 2, null], map: new Map([["k", null], ["l", 1]]) });
  for (const lazy of [false, true]) {
    const changed = (code: string) => {
      cu.setInput(value(), { lazy });
      return cu.compute<unknown>(`local v = _io.input; ${code}; return v`);
    };
    assertEquals(changed("v.b = 2"), { ...value(), b: 2 });
    assertEquals(changed("v.a = nil v.c.d = nil v.map.k = nil"), {
      b: 1,
      c: {},
      list: [null, 2, null],
      map: new Map([["l", 1]]),
    });
    const { a: _, ...others } = value();
    assertEquals(changed("v.a = 1 v.a = nil"), others);
    assertEquals(changed("assert(v.a == nil and v.c.d == nil and v.map.k == nil and v.list[1] == nil)"), value());
    assertEquals(
      changed("assert(rawget(v, 'a') == nil and not v.a and type(v.a) == 'nil' and rawequal(v.a, nil))"),
      value(),
    );
    assertEquals(changed("for k in pairs(v) do assert(k ~= 'a') end assert(next(v.c) == nil)"), value());
    assertEquals(changed("for i = 1, 500 do v['x' .. i] = i end for i = 1, 500 do v['x' .. i] = nil end"), value());
    assertEquals(changed("v.b = 2 collectgarbage() collectgarbage('generational') collectgarbage()"), {
      ...value(),
      b: 2,
    });
    assertEquals(changed("collectgarbage('incremental') setmetatable(v, { __mode = 'kv' }) v.b = 2 collectgarbage()"), {
      a: null,
      b: 2,
    });
    assertEquals(
      changed("setmetatable(v, { __index = function() return 'meta' end }) assert(v.a == 'meta') v.b = 2"),
      { ...value(), b: 2 },
    );
    assertEquals(changed("setmetatable(v, { __newindex = function(t, k, x) rawset(t, k, { x }) end }) v.a = 5"), {
      ...value(),
      a: [5],
    });
    assertEquals(changed("table.sort(v.list, function(a, b) return (a or 0) < (b or 0) end)"), {
      ...value(),
      list: [null, null, 2],
    });
  }
  cu.setInputField("note", null);
  cu.setInputField("gone", undefined);
  assertEquals(cu.compute("return _io.input"), { ...value(), list: [null, null, 2], note: null } as unknown);
});

Deno.test("nulls: keep makes each null _io.null", async () => {
  using cu = await ComputeUnit.create();
  const value = {
    a: null,
    list: [null, 1],
    map: new Map<unknown, unknown>([["k", null], [2, null]]),
  };
  for (const lazy of [false, true, undefined]) {
    cu.setInput(value, { lazy, nulls: "keep" });
    assertEquals(
      cu.compute(`
        local v, null, count = _io.input, _io.null, 0
        assert(v.a == null and v.list[1] == null and v.map.k == null and v.map[2] == null and #v.list == 2)
        assert(null ~= nil and null ~= false and null ~= "null" and null ~= 0 and null == _io.null)
        assert(tostring(null) == "null" and type(null) == "userdata" and null and not rawequal(null, nil))
        for k, held in pairs(v) do if held == null then count = count + 1 end end
        for _, held in pairs(v.map) do if held == null then count = count + 1 end end
        assert(not pcall(function() return null.x end) and not pcall(function() return null + 1 end))
        assert(getmetatable(null) == false)
        return count
      `),
      3,
    );
    assertEquals(cu.compute("_io.input.b = _io.null return _io.input"), { ...value, b: null } as LuaValue);
  }
  cu.setInput(null, { nulls: "keep" });
  assertEquals(cu.compute("return _io.input == _io.null"), true);
  cu.setInput(undefined, { nulls: "keep" });
  assertEquals(cu.compute("return _io.input == nil"), true);
  cu.setInputField("f", null, { nulls: "keep" });
  assertEquals(cu.compute("return _io.input.f == _io.null"), true);
  cu.clearIo();
  assertEquals(cu.compute("return tostring(_io.null)"), "null");
});

Deno.test("null in an array keeps its place, and the array its length", async () => {
  using cu = await ComputeUnit.create();
  for (const array of [[1, null, 3], [null, 1], [1, null], [null], [null, null, null], [[null], [1, null]]]) {
    assertEquals(roundTrip(cu, array), array);
    assertEquals(inLua(cu, array, "#v"), array.length);
  }
  assertEquals(roundTrip(cu, [undefined, 1], { lazy: false }), [null, 1]);
  assertEquals(roundTrip(cu, new Array(3), { lazy: false }), [null, null, null]);
  const sparse = [];
  sparse[1000] = 1;
  assertEquals(roundTrip(cu, { sparse }, { lazy: false }), { sparse: [...new Array(1000).fill(null), 1] });
});

Deno.test("an array with nulls grows and shrinks as Lua code expects", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput([null, 2, null]);
  assertEquals(cu.compute("local v = _io.input; v[#v + 1] = 4; return { #v, v }"), [4, [null, 2, null, 4]]);
  assertEquals(cu.compute("local v = _io.input; table.remove(v); table.remove(v); return { #v, v }"), [2, [null, 2]]);
  assertEquals(cu.compute("local v = _io.input; while #v > 0 do table.remove(v) end; return v"), []);
  cu.setInput([null, null]);
  assertEquals(cu.compute("local v, n = _io.input, 0; while #v > 0 do v[#v] = nil; n = n + 1 end; return n"), 2);
  cu.setInput([1, null, null]);
  assertEquals(cu.compute("local v = _io.input; v.extra = true; v.extra = nil; return { #v, v }"), [3, [
    1,
    null,
    null,
  ]]);
  cu.setInput([1, null]);
  assertEquals(cu.compute("local v = _io.input; v[2] = 'x'; v[2] = nil; return { #v, v }"), [1, [1]]);
});

Deno.test("booleans", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(roundTrip(cu, [true, false]), [true, false]);
});

Deno.test("safe integers are integers, all other numbers floats, bit for bit", async () => {
  using cu = await ComputeUnit.create();
  for (const n of [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 53 - 1, -(2 ** 53 - 1)]) {
    assertStrictEquals(roundTrip(cu, n), n);
    assertEquals(inLua(cu, n, "math.type(v)"), "integer");
  }
  for (const n of [-0, 0.1, -1.5, 2 ** 53, -(2 ** 53), 1e308, 5e-324, Infinity, -Infinity, NaN]) {
    assert(Object.is(roundTrip(cu, n), n), String(n));
    assertEquals(inLua(cu, n, "math.type(v)"), "float");
  }
});

Deno.test("NaN of any bits is NaN, and no number reads as something else", async () => {
  using cu = await ComputeUnit.create();
  const bits = new BigUint64Array(1);
  const number = new Float64Array(bits.buffer);
  for (let tag = 0n; tag < 0x20n; tag++) {
    bits[0] = 0xfffc_0000_0000_0001n | tag << 32n;
    assertEquals(roundTrip(cu, [number[0], 1]), [NaN, 1]);
    assertEquals(roundTrip(cu, new Float64Array(number)), new Float64Array([NaN]));
    assertEquals(cu.compute(`return string.unpack("<d", string.pack("<I8", 0x${bits[0].toString(16)}))`), NaN);
  }
});

Deno.test("bigints within int64 are integers, others are refused", async () => {
  using cu = await ComputeUnit.create();
  for (const n of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), 2n ** 60n + 1n]) {
    assertStrictEquals(roundTrip(cu, n), n);
    assertEquals(inLua(cu, n, "math.type(v) .. v"), `integer${n}`);
  }
  assertStrictEquals(roundTrip(cu, 5n), 5);
  for (const n of [2n ** 63n, -(2n ** 63n) - 1n, 10n ** 30n]) {
    assertThrows(() => cu.setInput({ a: [n] }, { lazy: false }), RangeError, `${n} is beyond 64 bits (at input.a[0])`);
  }
});

Deno.test("well-formed strings are UTF-8, of any length and content", async () => {
  using cu = await ComputeUnit.create();
  const strings = [
    "",
    "a",
    "\0",
    "a\0b",
    "\ufeffBOM",
    "äöü",
    "日本語",
    "😀",
    "\u{10ffff}",
    "\uffff",
    "x".repeat(40),
    "x".repeat(41),
  ];
  for (const length of [255, 256, 257, 1364, 1365, 1366, 4096, 4097, 32768, 65536, 1_000_000]) {
    strings.push("x".repeat(length), "é".repeat(length), "x".repeat(length - 1) + "😀");
  }
  for (const text of strings) {
    assertStrictEquals(roundTrip(cu, text), text);
    assertEquals(roundTrip(cu, [text, { [text]: text }]), [text, { [text]: text }]);
    assertEquals(inLua(cu, text, "#v"), new TextEncoder().encode(text).length);
  }
});

Deno.test("a string with a lone surrogate is refused with its path", async () => {
  using cu = await ComputeUnit.create();
  for (
    const text of ["\ud800", "a\udc00", "\udc00\ud800", "x".repeat(100) + "\ud800", "x".repeat(100_000) + "\udfff"]
  ) {
    assertThrows(
      () => cu.setInput({ list: [0, text] }, { lazy: false }),
      TypeError,
      "lone surrogate cannot be passed (at input.list[1])",
    );
    assertThrows(() => cu.setInput({ [text]: 1 }, { lazy: false }), TypeError, "lone surrogate");
  }
});

Deno.test("bytes are strings in Lua, and come back as text or bytes", async () => {
  using cu = await ComputeUnit.create();
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const large = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7);
  for (const source of [bytes, new Uint8ClampedArray(bytes), bytes.buffer, new DataView(bytes.buffer)]) {
    assertEquals(roundTrip(cu, source), bytes);
    assertEquals(inLua(cu, source, "type(v) .. #v"), "string256");
  }
  assertEquals(roundTrip(cu, large), large);
  assertEquals(roundTrip(cu, bytes.subarray(200, 210)), bytes.slice(200, 210));
  assertEquals(roundTrip(cu, new DataView(bytes.buffer, 250)), bytes.slice(250));
  assertEquals(roundTrip(cu, new TextEncoder().encode("text")), "text");
  assertEquals(roundTrip(cu, new Uint8Array()), "");
  assertEquals(cu.compute("return _io.bytes('text')"), new TextEncoder().encode("text"));
  assertEquals(cu.compute("local b = _io.bytes('ab'); return { #b, tostring(b), b == _io.bytes('ab') }"), [
    2,
    "ab",
    true,
  ]);
  for (const invalid of ["\\xff", "\\xc0\\x80", "\\xed\\xa0\\x80", "\\xf4\\x90\\x80\\x80", "ab\\xe2\\x82", "\\x80"]) {
    assert(cu.compute(`return "${invalid}"`) instanceof Uint8Array, invalid);
    assert(cu.compute(`return ("x"):rep(500) .. "${invalid}"`) instanceof Uint8Array, invalid);
  }
});

Deno.test("typed arrays are sequences, and the same kind again while untouched", async () => {
  using cu = await ComputeUnit.create();
  const arrays = [
    new Int8Array([-128, 127]),
    new Int16Array([-32768, 32767]),
    new Uint16Array([0, 65535]),
    new Int32Array([-(2 ** 31), 2 ** 31 - 1]),
    new Uint32Array([0, 2 ** 32 - 1]),
    new Float16Array([1.5, NaN, -0]),
    new Float32Array([1.5, NaN, -0]),
    new Float64Array([0.1, Infinity, -0, NaN, 1]),
    new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n, 0n]),
    new BigUint64Array([0n, 2n ** 63n - 1n]),
    new Float64Array(),
    Float64Array.from({ length: 20_000 }, (_, i) => i / 7),
    BigInt64Array.from({ length: 20_000 }, (_, i) => BigInt(i) << 40n),
  ];
  for (const array of arrays) {
    assertEquals(roundTrip(cu, array), array);
    assertEquals(roundTrip(cu, { nested: [array, 1] }), { nested: [array, 1] });
    assertEquals(inLua(cu, array, "type(v) .. #v"), `table${array.length}`);
  }
  assertEquals(inLua(cu, new Float64Array([1]), "math.type(v[1])"), "float");
  assertEquals(inLua(cu, new Uint16Array([1]), "math.type(v[1])"), "integer");
  assertEquals(inLua(cu, new BigInt64Array([1n]), "math.type(v[1])"), "integer");
  cu.setInput(new Int16Array([1, 2]));
  assertEquals(cu.compute("_io.input[1] = 5; return _io.input"), [5, 2]);
  assertEquals(cu.compute("_io.input[1] = 1; _io.input[3] = 3; return _io.input"), [1, 2, 3]);
  assertEquals(cu.compute("for i = 1, 3 do _io.input[i] = nil end; return _io.input"), []);
  assertThrows(
    () => cu.setInput([new BigUint64Array([1n, 2n ** 63n])], { lazy: false }),
    RangeError,
    "beyond 64 bits (at input[0][1])",
  );
});

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

Deno.test("a typed array is read past what a class of its own puts over it", async () => {
  class Vector extends Float64Array {
    constructor(x: number, y: number) {
      super(2);
      this.set([x, y]);
    }
    override subarray(): never {
      throw new Error("called");
    }
    override get length(): number {
      return 5;
    }
  }
  using cu = await ComputeUnit.create();
  for (const lazy of [false, true]) {
    cu.setInput({ v: new Vector(1, 2) }, { lazy });
    assertEquals(cu.compute("local v = _io.input.v return { #v, v[1], v[2], v[3] }"), [2, 1, 2]);
  }
});

Deno.test("a typed array of more elements than a table can number is refused", async () => {
  using cu = await ComputeUnit.create();
  let bytes: Int8Array;
  try {
    bytes = new Int8Array(2 ** 32 + 5);
  } catch {
    return; // There is no memory for it.
  }
  for (const lazy of [false, true]) {
    const message = "a typed array of more than 4294967295 elements cannot be passed (at input";
    assertThrows(() => cu.setInput(bytes, { lazy }), RangeError, message);
  }
});

Deno.test("a Proxy of bytes is refused", async () => {
  using cu = await ComputeUnit.create();
  for (const lazy of [false, true]) {
    for (const bytes of [new ArrayBuffer(2), new Uint8Array(2)]) {
      const read = () => {
        cu.setInput({ bytes: new Proxy(bytes, {}) }, { lazy });
        return cu.compute("return _io.input.bytes");
      };
      assertThrows(read, TypeError, "(at input.bytes)");
    }
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

Deno.test("shared objects and cycles stay so", async () => {
  using cu = await ComputeUnit.create();
  const shared = { s: [1] };
  const date = new Date(5);
  const back = roundTrip(cu, { a: shared, b: [shared, shared], d: [date, date] }) as Record<string, LuaValue[]>;
  assertEquals(back.b[0], shared);
  assertStrictEquals(back.b[0], back.a as LuaValue);
  assertStrictEquals(back.b[0], back.b[1]);
  assertStrictEquals(back.d[0], back.d[1]);
  assertEquals(inLua(cu, [shared, shared, { ...shared }], "{ v[1] == v[2], v[1] == v[3] }"), [true, false]);

  const cycle: Record<string, unknown> = { list: [], map: new Map() };
  cycle.self = cycle;
  (cycle.list as unknown[]).push(cycle, cycle.list);
  (cycle.map as Map<unknown, unknown>).set(cycle, cycle);
  const again = roundTrip(cu, cycle) as Record<string, LuaValue>;
  assertStrictEquals(again.self, again);
  assertStrictEquals((again.list as LuaValue[])[0], again);
  assertStrictEquals((again.list as LuaValue[])[1], again.list);
  assertStrictEquals((again.map as Map<LuaValue, LuaValue>).get(again), again);
  assertEquals(inLua(cu, cycle, "v.self == v and v.list[1] == v and v.map[v] == v"), true);
});

Deno.test("what can't be passed is refused with its path", async () => {
  // Metadata is copied or not as the unit says.
  using cu = await ComputeUnit.create({ lazyThreshold: Infinity });
  cu.setInput("before");
  const cases: [unknown, string][] = [
    [() => 1, "functions cannot be passed (at input.rows[3].handler)"],
    [class {}, "functions cannot be passed (at input.rows[3].handler)"],
    [Symbol("s"), "symbols cannot be passed (at input.rows[3].handler)"],
    [Promise.resolve(1), "Promise objects cannot be passed (at input.rows[3].handler)"],
    [new WeakMap(), "WeakMap objects cannot be passed"],
    [new WeakSet(), "WeakSet objects cannot be passed"],
    [/x/, "RegExp objects cannot be passed"],
    [new TypeError("x"), "Error objects cannot be passed"],
    [new String("boxed"), "String objects cannot be passed"],
    [new URL("https://example.com"), "URL objects cannot be passed"],
    [[].values(), "Array Iterator objects cannot be passed"],
  ];
  for (const [handler, message] of cases) {
    assertThrows(
      () => cu.setInput({ rows: [1, 2, 3, { name: "x", handler }] }, { lazy: false }),
      TypeError,
      `Cannot set input: ${message}`,
    );
    assertThrows(() => cu.setMetadata({ m: handler }), TypeError, "(at meta.m)");
  }
  assertThrows(() => cu.setInput({ "a b": { "": [() => 1] } }, { lazy: false }), TypeError, '(at input["a b"][""][0])');
  assertThrows(() => cu.setInput(new Map([["k", () => 1]]), { lazy: false }), TypeError, "(at input.k)");
  assertEquals(cu.compute("return _io.input"), "before");
});

Deno.test("an object whose first field is a getter is one table wherever it stands", async () => {
  using cu = await ComputeUnit.create();
  let count = 0;
  const getters = {
    counting: () => count++,
    alternating: () => ++count % 2,
    constant: () => 3,
    text: () => `s${count++}`,
    NaN: () => NaN,
    table: () => [count],
  };
  const row = { id: 1, n: 2 };
  for (const [name, get] of Object.entries(getters)) {
    // With the keys of the rows before it, which are told apart by their first field.
    const object = Object.defineProperty({ id: 0, n: 1 }, "id", { get, enumerable: true });
    const many = Array.from({ length: 20 }, (_, id) => ({ id, n: id }));
    const inputs: [unknown, string][] = [
      [[object, object], "return _io.input[1] == _io.input[2]"],
      [[row, object, object], "return _io.input[2] == _io.input[3]"],
      [
        [...many, object, ...many, object],
        "local i = _io.input for _, r in ipairs(i) do local _ = r.n end return i[21] == i[42]",
      ],
      [{ one: object, list: [row, object] }, "return _io.input.one == _io.input.list[2]"],
      [[{ held: row }, { held: object }, { held: object }], "return _io.input[2].held == _io.input[3].held"],
    ];
    for (const [input, code] of inputs) {
      for (const lazy of [false, true]) {
        cu.setInput(input, { lazy });
        assertStrictEquals(cu.compute(code), true, `${name}, lazy ${lazy}: ${code}`);
      }
    }
  }
});

Deno.test("getters and proxies that throw are refused with path and cause", async () => {
  using cu = await ComputeUnit.create();
  const cause = new Error("getter failed");
  const getter = {
    get x(): never {
      throw cause;
    },
  };
  const error = assertThrows(() => cu.setInput([{ a: getter }], { lazy: false }), TypeError, "getter failed");
  assertEquals([error.cause, error.message.endsWith("(at input[0].a.x)")], [cause, true]);
  for (const trap of ["get", "ownKeys", "getPrototypeOf", "getOwnPropertyDescriptor"] as const) {
    const proxy = new Proxy({ x: 1 }, {
      [trap]: () => {
        throw cause;
      },
    });
    assertEquals(assertThrows(() => cu.setInput({ proxy }, { lazy: false }), TypeError, "input.proxy").cause, cause);
  }
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  assertThrows(() => cu.setInput(revoked.proxy, { lazy: false }), TypeError, "(at input)");
  assertEquals(roundTrip(cu, new Proxy({ x: 1 }, {})), { x: 1 });
  cu.setInput("still works");
  assertEquals(cu.compute("return _io.input"), "still works");
});

Deno.test("containers that change while they are read are refused or read as they were", async () => {
  using cu = await ComputeUnit.create();
  const map = new Map<string, unknown>();
  map.set("a", {
    get x() {
      map.set("b", 1);
      return 1;
    },
  });
  assertThrows(() => cu.setInput(map, { lazy: false }), TypeError, "changed while it was read");
  const array: unknown[] = [
    {
      get x() {
        array.length = 1;
        return 1;
      },
    },
    2,
    3,
  ];
  assertEquals(roundTrip(cu, array, { lazy: false }), [{ x: 1 }, null, null]);
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

Deno.test("from Lua: numbers, nil, booleans", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(
    cu.computeAll("return nil, true, false, 1, 1.0, 0.1, -0.0, 1/0, 0/0, math.maxinteger, math.mininteger, 1 << 53"),
    [
      null,
      true,
      false,
      1,
      1,
      0.1,
      -0,
      Infinity,
      NaN,
      2n ** 63n - 1n,
      -(2n ** 63n),
      2n ** 53n,
    ],
  );
});

Deno.test("from Lua: tables by their keys", async () => {
  using cu = await ComputeUnit.create();
  const cases: [string, unknown][] = [
    ["{}", {}],
    ["{ 1, 2, 3 }", [1, 2, 3]],
    ["{ [3] = 3, [1] = 1, [2] = 2 }", [1, 2, 3]],
    ["{ [1.0] = 'a', [2.0] = 'b' }", ["a", "b"]],
    ["{ 1, nil, 3 }", { 1: 1, 3: 3 }],
    ["{ [0] = 1 }", { 0: 1 }],
    ["{ [2] = 1 }", { 2: 1 }],
    ["{ [-1] = 1, [0] = 2, [1] = 3 }", { "-1": 1, 0: 2, 1: 3 }],
    ["{ [5] = 'a', [9] = 'b' }", { 5: "a", 9: "b" }],
    ["{ [math.maxinteger] = 1 }", { "9223372036854775807": 1 }],
    ["{ a = 1, b = { c = 2 } }", { a: 1, b: { c: 2 } }],
    ["{ 10, 20, x = 1 }", { 1: 10, 2: 20, x: 1 }],
    ["{ [1] = 'i', ['1'] = 's' }", new Map<LuaValue, LuaValue>([[1, "i"], ["1", "s"]])],
    ["{ [-5] = 'i', ['-5'] = 's' }", new Map<LuaValue, LuaValue>([[-5, "i"], ["-5", "s"]])],
    ["{ [1] = 'i', ['01'] = 's' }", { 1: "i", "01": "s" }],
    ["{ [1.5] = 1, a = 2 }", new Map<LuaValue, LuaValue>([[1.5, 1], ["a", 2]])],
    ["{ ['\\xff'] = 1 }", new Map([[new Uint8Array([255]), 1]])],
    ["{ ['\\xff'] = 1, a = 2 }", new Map<LuaValue, LuaValue>([[new Uint8Array([255]), 1], ["a", 2]])],
    ["{ [true] = 1 }", new Map([[true, 1]])],
    ["{ a = nil }", {}],
    ["_io.object({})", {}],
    ["_io.object({ 'a', 'b' })", { 1: "a", 2: "b" }],
    ["_io.object({ 'a', x = 1 })", { 1: "a", x: 1 }],
    ["_io.object(_io.array({ 'a' }))", { 1: "a" }],
    ["_io.map({})", new Map()],
    ["_io.map({ 'a', x = 1 })", new Map<LuaValue, LuaValue>([[1, "a"], ["x", 1]])],
    ["_io.map(_io.object({ 'a' }))", new Map([[1, "a"]])],
    ["_io.null", null],
    ["{ _io.null, 2 }", [null, 2]],
    ["{ a = _io.null }", { a: null }],
    ["_io.map({ a = _io.null })", new Map([["a", null]])],
    ["_io.array({})", []],
    ["_io.array({ 1, nil, 3 })", [1, null, 3]],
    ["_io.array({ nil, 2 }, 4)", [null, 2, null, null]],
    ["_io.array({}, 3)", [null, null, null]],
    ["_io.array({ 1, 2, 3 }, 2)", [1, 2]],
    ["_io.array({ 1, 2, [3] = 3, [9] = 9 }, 0)", []],
    ["_io.array({ 1, nil, 3, nil }, 4)", [1, null, 3, null]],
    ["setmetatable({ 1 }, { __index = function() return 5 end, __pairs = error, __len = error })", [1]],
  ];
  for (const [code, expected] of cases) assertEquals(cu.compute(`return ${code}`), expected as LuaValue, code);
  for (
    const code of [
      "_io.array(1)",
      "_io.array({}, -1)",
      "_io.array({}, 1e300)",
      "_io.array({}, 1 << 40)",
      "_io.array({}, 1.5)",
      "_io.object(1)",
      "_io.object()",
      "_io.map('x')",
    ]
  ) {
    assertThrows(() => cu.compute(`return ${code}`));
  }
});

Deno.test("keys go out in the order in which they came, added ones sorted after them", async () => {
  using cu = await ComputeUnit.create();
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${(i * 37) % 100}`, i]));
  for (const lazy of [false, true]) {
    const keysOf = (value: unknown, code: string): unknown[] => {
      cu.setInput(value, { lazy });
      const output = cu.compute<unknown>(`local v = _io.input; ${code}; return v`);
      return output instanceof Map || output instanceof Set ? [...output.keys()] : Object.keys(output as object);
    };
    const row = { z: 1, id: 2, a: null, m: undefined };
    assertEquals(keysOf(row, "v.id = 5 v.y = 1 v.b = 1"), ["z", "id", "a", "b", "y"]);
    assertEquals(keysOf(row, "v.z = nil v.z = 1 v.b = 2 v.m = 3"), ["z", "id", "a", "m", "b"]);
    assertEquals(keysOf(many, "v.k5 = 0"), Object.keys(many));
    assertEquals(keysOf(many, "v.aa = 0 v.k7 = nil"), [...Object.keys(many).filter((key) => key !== "k7"), "aa"]);
    assertEquals(keysOf(many, "for i = 10, 99 do v['k' .. i] = nil end v.x = 1 v.b = 1"), [
      ...Object.keys(many).filter((key) => key.length === 2),
      "b",
      "x",
    ]);
    assertEquals(
      keysOf(new Map<unknown, unknown>([["z", 1], [2, 1], [true, 1], [1.5, 1]]), "v.a, v[-1], v[7] = 1, 1, 1"),
      [
        "z",
        2,
        true,
        1.5,
        -1,
        7,
        "a",
      ],
    );
    assertEquals(keysOf(new Set(["z", "a", 3]), "v.q, v.b = true, true"), ["z", "a", 3, "b", "q"]);
    assertEquals(keysOf([{ b: 1, a: 2 }], "v = v[1]"), ["b", "a"]);
  }
  cu.setInput({ rows: [{ b: 1, a: 2 }, { a: 1, b: 2 }, { b: 3, a: 4 }] }, { lazy: false });
  assertEquals(
    JSON.stringify(
      cu.compute("for _, row in ipairs(_io.input.rows) do row.a = 0 end return { _io.input.rows, { b = 1, a = 2 } }"),
    ),
    '[[{"b":1,"a":0},{"a":0,"b":2},{"b":3,"a":0}],{"a":2,"b":1}]',
  );
});

Deno.test("from Lua: keys of any number are sorted", async () => {
  using cu = await ComputeUnit.create();
  for (const count of [1, 2, 31, 33, 1000]) {
    const object = cu.compute<object>(
      `local t = {} for i = 1, ${count} do t[("k%d"):format(i * 7919 % ${count})] = i t["common prefix " .. i] = i end return t`,
    );
    const keys = Object.keys(object);
    assertEquals(keys, keys.toSorted());
  }
  const map = cu.compute<Map<unknown, unknown>>(
    "return { [true] = 1, b = 1, [2] = 1, [-1.5] = 1, [false] = 1, ['\\xff'] = 1, [''] = 1, a = 1, [math.maxinteger] = 1, [1e300] = 1, [-1/0] = 1 }",
  );
  assertEquals([...map.keys()].map(String), [
    "-Infinity",
    "-1.5",
    "2",
    "9223372036854775807",
    "1e+300",
    "",
    "a",
    "b",
    "255",
    "false",
    "true",
  ]);
  const close = cu.compute<Map<bigint, number>>(
    "local t = { [0.5] = 1 } for i = 0, 9 do t[math.maxinteger - i] = i end return t",
  );
  assertEquals([...close.values()].slice(1), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
});

Deno.test("from Lua: a table marked as an object that can't be one is refused with its path", async () => {
  using cu = await ComputeUnit.create();
  for (const keys of ["[true] = 1", "[1.5] = 1", "[1] = 1, ['1'] = 2", "['\\xff'] = 1", "[{}] = 1"]) {
    assertThrows(
      () => cu.compute(`return { a = { _io.object({ ${keys} }) } }`),
      TypeError,
      "an object cannot have the keys of this table (at result.a[1])",
    );
  }
});

Deno.test("from Lua: fields are in the order of their names", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(Object.keys(cu.compute("return { zebra = 1, apple = 2, mango = 3, _x = 4 }")), [
    "_x",
    "apple",
    "mango",
    "zebra",
  ]);
});

Deno.test("from Lua: functions, coroutines and foreign userdata are refused with the path", async () => {
  using cu = await ComputeUnit.create();
  const cases: [string, string][] = [
    ["{ rows = { 1, 2, { handler = print } } }", "functions cannot be passed (at output.rows[3].handler)"],
    ["{ a = { b = coroutine.create(print) } }", "coroutines cannot be passed (at output.a.b)"],
    ["{ [print] = 1 }", "functions cannot be passed (at output[...])"],
    ["{ [1.5] = { x = print } }", "functions cannot be passed (at output[...].x)"],
    ["{ ['a b'] = print, [7] = 1 }", 'functions cannot be passed (at output["a b"])'],
    ["{ 1, 2, x = 1, [4] = print }", "functions cannot be passed (at output[4])"],
    ["print", "functions cannot be passed (at output)"],
  ];
  for (const [code, message] of cases) {
    cu.compute(`_io.output = ${code}`);
    assertThrows(() => cu.getOutput(), TypeError, `Cannot get output: ${message}`);
  }
  assertThrows(
    () => cu.compute("return print"),
    TypeError,
    "Cannot return the result: functions cannot be passed (at result)",
  );
  // Shapes defined in a message that failed are defined again.
  for (let i = 0; i < 3; i++) {
    cu.compute("_io.output = { new_a = { new_b = 1, new_c = { new_d = print } } }");
    assertThrows(() => cu.getOutput(), TypeError);
    cu.compute("_io.output = { new_a = { new_b = 1, new_c = { new_d = 2 } } }");
    assertEquals(cu.getOutput(), { new_a: { new_b: 1, new_c: { new_d: 2 } } });
    assertThrows(() => cu.setInput({ new_a: { new_b: 1, new_c: { new_d: () => 1 } } }, { lazy: false }), TypeError);
    assertEquals(roundTrip(cu, { new_a: { new_b: 1, new_c: { new_d: 2 } } }), {
      new_a: { new_b: 1, new_c: { new_d: 2 } },
    });
  }
});

Deno.test("from Lua: a string in many places is one string, however long", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 16 * 1024 * 1024 });
  cu.compute("local s = ('x'):rep(1e6) local t = {} for i = 1, 1e5 do t[i] = s end _io.output = t");
  const output = cu.getOutput() as string[];
  assertEquals([output.length, output[99_999].length], [100_000, 1e6]);
});

Deno.test("from Lua: a long string and its bytes are told apart", async () => {
  using cu = await ComputeUnit.create();
  const text = "x".repeat(300);
  const bytes = new TextEncoder().encode(text);
  assertEquals(cu.compute("local s = ('x'):rep(300) return { s, _io.bytes(s), s }"), [text, bytes, text]);
  assertEquals(cu.compute("local s = ('x'):rep(300) return { _io.bytes(s), s }"), [bytes, text]);
});

Deno.test("from Lua: bytes in many places are one Uint8Array, however short", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 64 * 1024 * 1024 });
  for (const bytes of ["'\\xff'", "_io.bytes('x')", "('\\xff'):rep(200)", "_io.bytes(('x'):rep(200))"]) {
    const [a, b] = cu.compute<Uint8Array[]>(`local s = ${bytes} return { s, s }`);
    assertStrictEquals(a, b);
  }
  // Of 16 bytes a place in Lua, a Uint8Array for each would make 430.
  const before = Deno.memoryUsage().rss;
  const list = cu.compute<Uint8Array[]>("local t = {} for i = 1, 1e6 do t[i] = '\\xff' end return t");
  assertEquals(list.length, 1e6);
  assert(Deno.memoryUsage().rss - before < 200e6, `${Deno.memoryUsage().rss - before} bytes`);
});

Deno.test("from Lua: U+FFFD is a character like any other, and stands for nothing else", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(cu.compute("return '\\u{FFFD}'"), "\ufffd");
  const long = "\ufffd and more ".repeat(200);
  assertEquals(cu.compute("return ('\\u{FFFD} and more '):rep(200)"), long);
  const [raw] = cu.compute<Uint8Array[]>("return { ('\\u{FFFD} and more '):rep(200) .. '\\xff' }");
  assertEquals(raw, new Uint8Array([...new TextEncoder().encode(long), 0xff]));
  const [same] = cu.compute<Uint8Array[]>("return { ('x'):rep(300) .. '\\xef\\xbf' }");
  assertEquals(same.slice(300), new Uint8Array([0xef, 0xbf]));
});

Deno.test("tables with keys that serve as metatables work as such", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput([{ __index: { a: 1 }, __len: 2 }, { __index: { a: 3 }, __len: 4 }]);
  assertEquals(cu.compute("return { setmetatable({}, _io.input[1]).a, setmetatable({}, _io.input[2]).a }"), [1, 3]);
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

Deno.test("an object whose first field differs at each read is one table", async () => {
  using cu = await ComputeUnit.create();
  for (const lazy of [false, true]) {
    let count = 0;
    const object: Record<string, unknown> = {
      get id() {
        return count++;
      },
      v: 1,
    };
    object.self = object;
    cu.setInput([object, object], { lazy });
    assertEquals(cu.computeAll("local a, b = _io.input[1], _io.input[2] a.v = 2 return b.v, a == b, a.self == a"), [
      2,
      true,
      true,
    ]);
  }
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
    args: ["eval", "--quiet", "--no-check", "--config", new URL("../../deno.json", import.meta.url).pathname, code],
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  const [first, second] = new TextDecoder().decode(stdout).trim().split("}{");
  assertEquals(JSON.parse(`${first}}`), { hooked: 1, constructor: 2, b: 3 });
  assertEquals(JSON.parse(`{${second}`), { toString: 1, hooked: 2, "1": 3 });
});

Deno.test("an object of many fields that stands in many places is one table, and listed once", async () => {
  using cu = await ComputeUnit.create();
  const fields = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`key ${i}`, i]));
  const [shared, reads] = countingReads(fields);
  const [other] = countingReads({ ...fields, other: true }, reads);
  const rows = Array.from({ length: 2000 }, (_, i) => ({ id: i, held: i % 2 === 0 ? shared : other }));
  const code = `
    local first, second = _io.input[1].held, _io.input[2].held
    local n = 0
    for _, row in ipairs(_io.input) do
      if row.held == (row.id % 2 == 0 and first or second) and row.held["key 7"] == 7 then n = n + 1 end
    end
    return first ~= second and first.other == nil and second.other and n
  `;
  for (const lazy of [false, true]) {
    const before = reads.ownKeys;
    cu.setInput(rows, { lazy });
    assertEquals(cu.compute(code), rows.length);
    // For the two, not for each of the 2000 rows that hold one of them.
    const lists = reads.ownKeys - before;
    assert(lists <= 10, `${lists} lists of keys with lazy: ${lazy}`);
  }
});
