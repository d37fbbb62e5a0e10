// Lazy input: views that are tables to Lua code, and leave the host's data alone.

import { assert, assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ComputeUnit, type ComputeUnitOptions, LuaError, type LuaValue } from "@computeunit/cu";
import { assertEndsInTime, CountingClock } from "../helpers/clock.ts";
import { CountingMap, countingReads } from "../helpers/counting.ts";

const LAZY = { lazy: true };

/** What a scan of any input may make of WASM memory. */
const SCAN_WASM_BYTES_MAX = 2_000_000;

interface Row {
  id: number;
  name: string;
  value: number;
  active: boolean;
}

function rows(count: number): Row[] {
  return Array.from({ length: count }, (_, i) => ({ id: i, name: `row ${i}`, value: i / 2, active: i % 2 === 0 }));
}

/** What code returns with a lazy input, which must be after it what it was before. */
function lazily(cu: ComputeUnit, value: unknown, code: string): LuaValue[] {
  const before = structuredClone(value);
  cu.setInput(value, LAZY);
  const results = cu.computeAll(code);
  assertEquals(value, before, "the host's data is as it was");
  return results;
}

/** Runs code with a copy and with a view of the same value; both must return this. */
async function assertAgree(value: unknown, code: string, expected: LuaValue[]): Promise<void> {
  using copying = await ComputeUnit.create();
  copying.setInput(value, { lazy: false });
  assertEquals(copying.computeAll(code), expected, `eager: ${code}`);
  using viewing = await ComputeUnit.create();
  assertEquals(lazily(viewing, value, code), expected, `lazy: ${code}`);
}

// What setInput does.

Deno.test("setInput() lazily reads as much whatever the size", async () => {
  using cu = await ComputeUnit.create();
  const readsOf = (count: number) => {
    const [list, reads] = countingReads(rows(count));
    const map = new CountingMap(rows(count).map((row) => [row.name, row]));
    cu.setInput([list, map], LAZY);
    const given = { ...reads, lookups: map.lookups, listed: map.listed };
    assertStrictEquals(cu.compute(`return _io.input[1][${count - 50}].id`), count - 51);
    return [given, { ...reads }];
  };
  assertEquals(readsOf(20_000), readsOf(2000));
  // Elements of typed arrays can't count: those that are copied take memory.
  const used = () => cu.getMemoryStats().usedBytes;
  cu.setInput(new Float64Array(1), LAZY);
  const before = used();
  cu.setInput(new Float64Array(5_000_000), LAZY);
  assert(used() - before < 1000, `${used() - before} bytes`);
});

Deno.test("setInput() lazily calls no getter", async () => {
  using cu = await ComputeUnit.create();
  let calls = 0;
  const counting = () => ({
    get first() {
      return ++calls;
    },
    get second() {
      return ++calls;
    },
  });
  for (const input of [counting(), [counting(), counting()], { nested: counting() }, new Map([["k", counting()]])]) {
    cu.setInput(input, LAZY);
    assertStrictEquals(calls, 0);
  }
  cu.setInput({ plain: 1, nested: counting() }, LAZY);
  assertStrictEquals(cu.compute("return _io.input.plain"), 1);
  assertStrictEquals(calls, 0, "what isn't read isn't called");
  assertStrictEquals(cu.compute("return type(_io.input.nested.second)"), "number");
  assert(calls > 0);
});

Deno.test("setInput() lazily reads an array's elements only when code does", async () => {
  using cu = await ComputeUnit.create();
  const read = new Set<string>();
  const spied = new Proxy(rows(1000), {
    get(target, key) {
      if (typeof key === "string" && key !== "length") read.add(key);
      return Reflect.get(target, key);
    },
  });
  cu.setInput({ spied }, LAZY);
  assertStrictEquals(read.size, 0);
  assertStrictEquals(cu.compute("return _io.input.spied[500].id"), 499);
  assert(read.has("499") && read.size < 20, `read ${read.size}`);
  assertStrictEquals(cu.compute("local n = 0 for _ in ipairs(_io.input.spied) do n = n + 1 end return n"), 1000);
  assert(read.size >= 1000);
});

Deno.test("setInput() copies small values and refers to large ones, unless told otherwise", async () => {
  using cu = await ComputeUnit.create();
  const back = (value: unknown, options = {}) => {
    cu.setInput(value, options);
    return cu.compute<unknown>("return _io.input");
  };
  const small = rows(10), large = rows(50_000);
  assert(back(small) !== small);
  const read = cu.getMemoryStats().peakBytes;
  assertEquals(back(large), large);
  assert(cu.getMemoryStats().peakBytes - read < 1024 * 1024, "it isn't copied into the unit");
  assert(back(large) !== large);
  assertStrictEquals(back(small, LAZY), small);
  const copy = back(large, { lazy: false });
  assert(copy !== large);
  assertEquals(copy, large);
  assertStrictEquals(back("x".repeat(1_000_000), LAZY), "x".repeat(1_000_000));
  for (const value of [null, true, 5, "text", 2n ** 60n]) assertStrictEquals(back(value, LAZY), value);
  assertEquals(back(new Date(5), LAZY), new Date(5));
  assertEquals(back(new Uint8Array([255]), LAZY), new Uint8Array([255]));
  using never = await ComputeUnit.create({ lazyThreshold: Infinity });
  never.setInput(large);
  assert(never.compute<unknown>("return _io.input") !== large);
  using always = await ComputeUnit.create({ lazyThreshold: 0 });
  always.setInput(small);
  assertEquals(always.compute<unknown>("return _io.input[2]"), small[1]);
  assert(always.compute<unknown>("return _io.input[2]") !== small[1]);
});

Deno.test("setInputField() takes a lazy value, also into a lazy input", async () => {
  using cu = await ComputeUnit.create();
  const whole = { a: { b: 1 } }, field = { list: [1, { c: 2 }] }, other = rows(3);
  cu.setInput(whole, LAZY);
  cu.setInputField("field", field, LAZY);
  cu.setInputField("copy", { d: 4 }, { lazy: false });
  const [input, list] = cu.computeAll("return _io.input, _io.input.field.list[2].c");
  assertEquals([input, list], [{ a: { b: 1 }, copy: { d: 4 }, field: { list: [1, { c: 2 }] } }, 2]);
  assertStrictEquals((input as Record<string, unknown>).field, field);
  assertStrictEquals((input as Record<string, unknown>).a, whole.a);
  assertEquals(whole, { a: { b: 1 } });
  cu.clearIo();
  cu.setInputField("rows", other, LAZY);
  cu.compute("_io.input.rows[2].id = 'changed' _io.output = _io.input");
  const output = cu.getOutput<{ rows: unknown[] }>();
  assertEquals(output.rows, [other[0], { ...other[1], id: "changed" }, other[2]] as unknown[]);
  assertStrictEquals(output.rows[2], other[2]);
});

// A view is a table.

const MIXED = {
  list: ["a", 1, 2.5, "d"],
  empty: [],
  holes: [1, null, 3, null],
  nested: { deep: { deeper: [[1, 2], [3]] } },
  none: {},
  typed: new Float64Array([1.5, 2.5, 3.5]),
  map: new Map<unknown, unknown>([["k", 1], [1, "one"], [true, "yes"], [1.5, [1]]]),
  set: new Set<unknown>(["a", 1, true]),
};

const OPERATIONS: [string, LuaValue[]][] = [
  ["local t = _io.input return type(t), type(t.list), type(t.map), type(t.missing)", [
    "table",
    "table",
    "table",
    "nil",
  ]],
  ["local t = _io.input return #t.list, #t.empty, #t.holes, #t.nested, #t.typed, #t.map, #t.set", [
    4,
    0,
    4,
    0,
    3,
    1,
    1,
  ]],
  ["local t = _io.input return rawlen(t.list), rawlen(t.holes), rawlen(t), rawlen(t.typed)", [4, 4, 0, 3]],
  ["local n = 0 for k, v in pairs(_io.input) do n = n + 1 end return n", [8]],
  ["local r = {} for i, v in ipairs(_io.input.list) do r[i] = v end return r", [["a", 1, 2.5, "d"]]],
  ["local r = {} for i, v in ipairs(_io.input.holes) do r[i] = v end return r", [[1]]],
  ["local r = _io.array({}) for i, v in pairs(_io.input.holes) do r[#r + 1] = i r[#r + 1] = v end return r", [
    [1, 1, 3, 3],
  ]],
  ["local l = _io.input.list return next(l), select(2, next(l)), next(l, 2), next(l, 4)", [1, "a", 3, null]],
  ["return next(_io.input.empty), next(_io.input.none)", [null, null]],
  ["local t = _io.input return rawget(t, 'missing'), rawget(t.list, 2), rawget(t.list, 9), rawget(t.map, true)", [
    null,
    1,
    null,
    "yes",
  ]],
  ["local l = _io.input.list rawset(l, 2, 'x') rawset(l, 5, 'e') return l, #l", [["a", "x", 2.5, "d", "e"], 5]],
  ["local t = _io.input return rawequal(t.list, t.list), rawequal(t.list, t.empty), t.list == t.list", [
    true,
    false,
    true,
  ]],
  ["return table.unpack(_io.input.list)", ["a", 1, 2.5, "d"]],
  ["return table.unpack(_io.input.holes)", [1, null, 3, null]],
  ["return table.unpack(_io.input.list, 2, 3)", [1, 2.5]],
  ["return table.concat(_io.input.list, '-'), table.concat(_io.input.typed, ' ', 2)", ["a-1-2.5-d", "2.5 3.5"]],
  ["local t = _io.input.typed table.sort(t, function(a, b) return a > b end) return t", [[3.5, 2.5, 1.5]]],
  ["local l = _io.input.list table.insert(l, 'e') table.insert(l, 1, 'z') return l", [
    ["z", "a", 1, 2.5, "d", "e"],
  ]],
  ["local l = _io.input.list return table.remove(l), table.remove(l, 1), l", ["d", "a", [1, 2.5]]],
  ["local t = _io.input return table.move(t.list, 1, 2, 2, t.empty) == t.empty, t.empty[3], t.list[1]", [
    true,
    1,
    "a",
  ]],
  ["local t = _io.input return table.move(t.list, 1, 3, 2)", [["a", "a", 1, 2.5]]],
  ["return table.pack(table.unpack(_io.input.list)).n", [4]],
  ["return tostring(_io.input):match('^table: 0x%x+$') ~= nil, ('%s'):format(_io.input.map):sub(1, 6)", [
    true,
    "table:",
  ]],
  ["local t = _io.input local seen = { [t.list] = 1, [t.map] = 2 } return seen[t.list], seen[t.map], seen[t.empty]", [
    1,
    2,
    null,
  ]],
  ["local t = _io.input return t.nested.deep.deeper[1][2], t.nested.deep.deeper[2][1]", [2, 3]],
  ["local t = _io.input return t.list['1'], t.list[1.0], t.list[0], t.list[-1], t.list[1.5], t.list[true]", [
    null,
    "a",
    null,
    null,
    null,
    null,
  ]],
  ["local t = _io.input return t[nil], t.list[nil], t.map[nil], t.set[nil], t.list[0/0], t.map[0/0]", [
    null,
    null,
    null,
    null,
    null,
    null,
  ]],
  ["local m = _io.input.map return m.k, m[1], m[1.0], m['1'], m[true], m[false], m[1.5][1]", [
    1,
    "one",
    "one",
    null,
    "yes",
    null,
    1,
  ]],
  ["local s = _io.input.set return s.a, s[1], s[true], s[2], s.b", [true, true, true, null, null]],
  ["local n = 0 for k, v in pairs(_io.input.map) do n = n + 1 assert(_io.input.map[k] == v) end return n", [4]],
  ["local ok, e = pcall(function() _io.input.list[nil] = 1 end) return ok, (e:match('index is nil'))", [
    false,
    "index is nil",
  ]],
  ["local ok, e = pcall(function() _io.input.map[0/0] = 1 end) return ok, (e:match('index is NaN'))", [
    false,
    "index is NaN",
  ]],
  ["local ok, e = pcall(function() return _io.input.list < _io.input.list end) return ok, (e:match('two table'))", [
    false,
    "two table",
  ]],
  ["local ok, e = pcall(function() return _io.input.list() end) return ok, (e:match('attempt to call a table'))", [
    false,
    "attempt to call a table",
  ]],
  ["local ok, e = pcall(next, _io.input.nested, 'no key') return ok, (e:match('invalid key'))", [
    false,
    "invalid key",
  ]],
  ["local t = load('return list[2], nested.deep ~= nil, absent', 'c', 't', _io.input) return t()", [1, true, null]],
  ["load('new = #list; list = nil', 'c', 't', _io.input)() return _io.input.new, _io.input.list", [4, null]],
  ["local p = setmetatable({}, { __index = _io.input }) return p.list[1], p.absent", ["a", null]],
  ["local p = setmetatable({}, { __index = _io.input.map }) return p.k, p[true], p.absent", [1, "yes", null]],
  ["local p = setmetatable({}, { __index = _io.input.list }) return p[1], p[9], #p", ["a", null, 0]],
  ["local p = setmetatable({}, { __newindex = _io.input.none }) p.x = 1 return rawget(p, 'x'), _io.input.none.x", [
    null,
    1,
  ]],
  ["return (('k z'):gsub('%w', _io.input.map)), (('none x'):gsub('x', { x = _io.input.list[1] }))", ["1 z", "none a"]],
  [
    "local co = coroutine.wrap(function() for i, v in ipairs(_io.input.list) do coroutine.yield(v) end end) " +
    "return co(), co(), co(), co()",
    ["a", 1, 2.5, "d"],
  ],
  ["local f do local l = _io.input.list f = function(i) return l[i] end end collectgarbage() return f(1), f(3)", [
    "a",
    2.5,
  ]],
  ["local i, r = 1, 0 ::top:: if _io.input.list[i] then r = r + i i = i + 1 goto top end return r", [10]],
  ["local t <const> = _io.input return select('#', t, t.list), (t.list)", [2, ["a", 1, 2.5, "d"]]],
  ["local l = _io.input.list l[#l + 1] = l[1] l[2], l[3] = l[3], l[2] return l", [["a", 2.5, 1, "d", "a"]]],
  [
    "local t = _io.input t.list = nil t.holes = nil t.none = nil local n = 0 for _ in pairs(t) do n = n + 1 end return n",
    [
      5,
    ],
  ],
  ["for i, v in ipairs(_io.input.list) do _io.input.list[i] = v .. '!' end return _io.input.list", [
    ["a!", "1!", "2.5!", "d!"],
  ]],
  ["for k in pairs(_io.input.map) do _io.input.map[k] = nil end return next(_io.input.map), _io.input.map", [
    null,
    new Map(),
  ]],
  ["local l = _io.input.holes l[#l + 1] = 4 return #l, l", [5, [1, null, 3, null, 4]]],
  ["local l = _io.input.holes table.remove(l) table.remove(l) return #l, l", [2, [1, null]]],
  ["local l = _io.input.list while #l > 0 do l[#l] = nil end return l, #l", [[], 0]],
  ["_io.input.typed[2] = 'x' return _io.input.typed", [[1.5, "x", 3.5]]],
  ["_io.input.map.k = nil _io.input.map.new = 5 return _io.input.map.new, _io.input.map[1]", [5, "one"]],
  ["_io.input.set.a = nil return _io.input.set", [new Set([1, true]) as LuaValue]],
  ["return _io.array(_io.input.none), _io.array(_io.input.list, 5)", [[], ["a", 1, 2.5, "d", null]]],
];

Deno.test("setInput() lazily gives views that are tables in every operation", async () => {
  for (const [code, expected] of OPERATIONS) await assertAgree(MIXED, code, expected);
});

Deno.test("setInput() lazily gives the same operations in generational mode and inside a coroutine", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("collectgarbage('generational')");
  for (const [code, expected] of OPERATIONS) {
    assertEquals(lazily(cu, MIXED, code), expected, code);
    assertEquals(
      lazily(cu, MIXED, `local f = function() ${code} end return coroutine.wrap(f)()`),
      expected,
      `in a coroutine: ${code}`,
    );
  }
});

Deno.test("setInput() lazily gives what a chain of __index comes to", async () => {
  const value = { base: { x: 1, none: null, inner: { y: 2 } }, map: new Map([["k", "v"]]), list: [1] };
  for (
    const [code, expected] of [
      ["local o = setmetatable({}, { __index = i.base }) return o.x, o.none, o.absent", [1, null, null]],
      ["local o = setmetatable({}, { __index = setmetatable({}, { __index = i.base }) }) return o.x, o.absent", [
        1,
        null,
      ]],
      ["local o = setmetatable({}, { __index = setmetatable(i.base, { __index = i.map }) }) return o.x, o.k", [1, "v"]],
      ["local o = setmetatable(i.map, { __index = i.base }) return o.k, o.x, o.inner.y, o.absent", ["v", 1, 2, null]],
      ["local o = setmetatable(i.base, { __index = { none = 3, x = 4 } }) return o.none, o.x, o.absent", [3, 1, null]],
      ["local o = setmetatable(i.base, { __index = function(_, k) return k end }) return o.x, o.absent", [1, "absent"]],
      [
        "function i.base.f(self) return self.z end local o = setmetatable({ z = 7 }, { __index = i.base }) return o:f()",
        [7],
      ],
    ] as [string, LuaValue[]][]
  ) {
    await assertAgree(value, `local i = _io.input ${code}`, expected);
  }
});

Deno.test("setInput() lazily honours metatables on views, and views as metatables", async () => {
  const value = [{ a: 1 }, { a: 2 }, { __index: { k: 5 }, __name: "Foo" }];
  const code = `
    local log = {}
    local mt = {
      __index = function(t, k) log[#log + 1] = "i" .. k return k .. "!" end,
      __newindex = function(t, k, v) log[#log + 1] = "n" .. k rawset(t, k, v) end,
      __len = function() return 42 end,
      __call = function(self, x) return x + self.a end,
      __eq = function() return true end,
      __tostring = function() return "T" end,
      __concat = function() return "cat" end,
      __close = function() log[#log + 1] = "close" end,
      __lt = function() return true end,
      __pairs = function() return function(_, k) return not k and 1 or nil end end,
    }
    local a, b = setmetatable(_io.input[1], mt), setmetatable(_io.input[2], mt)
    local r = { a.a, a.zz, #a, a(5), a == b, tostring(a), a .. 1, a < b, rawget(a, "zz") == nil, rawlen(a) }
    local n = 0
    for _ in pairs(a) do n = n + 1 end
    a.new = 5
    a.a = 9
    do local c <close> = b end
    local p = setmetatable({}, _io.input[3])
    return r, log, n, getmetatable(_io.input[1]) == mt, _io.input, p.k, p.z, (tostring(p):gsub(": .*", ""))
  `;
  await assertAgree(value, code, [
    [1, "zz!", 42, 6, true, "T", "cat", true, true, 0],
    ["izz", "nnew", "close"],
    1,
    true,
    [{ a: 9, new: 5 }, { a: 2 }, { __index: { k: 5 }, __name: "Foo" }],
    5,
    null,
    "Foo",
  ]);
  using cu = await ComputeUnit.create();
  cu.setInput(value, LAZY);
  const output = cu.compute<unknown[]>(`${code.replace("return r, ", "return _io.input or ")}`);
  assertStrictEquals(output[1], value[1], "a metatable changes nothing");
});

Deno.test("setInput() lazily keeps a metatable while other elements are read", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(
    lazily(
      cu,
      rows(20_000),
      `
      local mt = { __index = { kind = "row" } }
      for i = 1, 100 do setmetatable(_io.input[i * 3], mt) end
      local sum = 0
      for _, row in ipairs(_io.input) do sum = sum + row.id end
      collectgarbage()
      local found = 0
      for i = 1, #_io.input do if _io.input[i].kind == "row" then found = found + 1 end end
      return sum, found
    `,
    ),
    [199_990_000, 100],
  );
});

Deno.test("setInput() lazily gives an object one identity, also after others were read", async () => {
  using cu = await ComputeUnit.create();
  const list = rows(30_000);
  const value = { list, map: new Map(list.map((row) => [row, row.id])), first: list[4], set: new Set(list) };
  cu.setInput(value, LAZY);
  assertEquals(
    cu.computeAll(`
      local t = _io.input
      local fifth = t.list[5]
      local index = { [fifth] = "five" }
      for i = 1, #t.list do local _ = t.list[i].id end
      for i = #t.list, 1, -3 do local _ = t.list[i].name end
      local n, wrong = 0, 0
      for row, id in pairs(t.map) do
        n = n + 1
        if row.id ~= id or t.list[id + 1] ~= row or not t.set[row] then wrong = wrong + 1 end
      end
      return t.list[5] == fifth, rawequal(t.first, fifth), index[t.list[5]], index[t.first], t.map[fifth], n, wrong
    `),
    [true, true, "five", "five", 4, 30_000, 0],
  );
});

Deno.test("setInput() lazily gives a Date one identity", async () => {
  const date = new Date(5);
  const value = {
    dates: Array.from({ length: 5000 }, (_, i) => new Date(i)),
    a: date,
    b: date,
    map: new Map([[date, 1]]),
  };
  await assertAgree(
    value,
    `
    local t = _io.input
    local d = t.dates[3]
    local index = { [d] = "three" }
    for i = 1, #t.dates do local _ = t.dates[i] end
    local held
    for k in pairs(t.map) do held = t.map[k] end
    return t.dates[3] == d, d.ms, t.a == t.b, rawequal(t.dates[3], d), index[t.dates[3]], rawequal(t.a, t.b), held
  `,
    [true, 2, true, true, "three", true, 1],
  );
});

// What is read.

Deno.test("setInput() lazily reads typed arrays of every kind, and gives untouched ones back", async () => {
  using cu = await ComputeUnit.create();
  const arrays = [
    new Int8Array([-128, 127]),
    new Int16Array([-32768, 32767]),
    new Uint16Array([0, 65535]),
    new Int32Array([-(2 ** 31), 2 ** 31 - 1]),
    new Uint32Array([0, 2 ** 32 - 1]),
    new Float16Array([1.5, 2]),
    new Float32Array([0.5, -0]),
    new Float64Array([0.1, Infinity]),
    new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n]),
    new BigUint64Array([0n, 2n ** 63n - 1n]),
    Float64Array.from({ length: 20_000 }, (_, i) => i / 7),
    BigInt64Array.from({ length: 20_000 }, (_, i) => BigInt(i) << 20n),
    Int32Array.from({ length: 20_000 }, (_, i) => -i).subarray(5000, 15_000),
  ];
  for (const array of arrays) {
    const { length } = array;
    const code = `
      local v = _io.input
      return v[1], v[2], v[#v], #v, v[0], v[#v + 1], math.type(v[1]), v, select("#", next(v)), type(v)
    `;
    const results = lazily(cu, array, code);
    const isFloat = array instanceof Float16Array || array instanceof Float32Array || array instanceof Float64Array;
    const number = (n: number | bigint) => typeof n === "bigint" && Number.isSafeInteger(Number(n)) ? Number(n) : n;
    assertEquals(results.slice(0, 4), [number(array[0]), number(array[1]), number(array[length - 1]), length]);
    assertEquals(results.slice(4, 7), [null, null, isFloat ? "float" : "integer"]);
    assertStrictEquals(results[7] as unknown, array);
    assertEquals(results.slice(8), [2, "table"]);
    const sum = "local s = 0 for _, n in ipairs(_io.input) do s = s + n end return s";
    const total = [...array].reduce<number>((s, n) => s + Number(n), 0);
    if (length > 2) assertEquals(Number(lazily(cu, array, sum)[0]), total);
  }
  cu.setInput({ ids: new BigUint64Array([1n, 2n ** 63n]) }, LAZY);
  assertThrows(() => cu.compute("return _io.input.ids[2]"), RangeError, "beyond 64 bits (at input.ids[1])");
});

Deno.test("setInput() lazily reads Maps and Sets with keys of every kind", async () => {
  using cu = await ComputeUnit.create();
  const key = { id: 1 };
  const invalid = new Uint8Array([255, 0]);
  const map = new Map<unknown, unknown>([
    ["s", 1],
    ["", 2],
    ["1", 3],
    [1, 4],
    [-1, 5],
    [1.5, 6],
    [true, 7],
    [false, 8],
    [2n ** 60n, 9],
    [5n, 10],
    [invalid, 11],
    [new TextEncoder().encode("text"), 12],
    [key, 13],
    [Infinity, 14],
    ["__proto__", 15],
    ["é".repeat(3000), 16],
    [0, 17],
    [[1], 18],
  ]);
  const set = new Set(map.keys());
  const code = `
    local t = _io.input
    local wrong, count, sum = 0, 0, 0
    for k, v in pairs(t.map) do
      count = count + 1
      sum = sum + v
      if t.map[k] ~= v or t.set[k] ~= true then wrong = wrong + 1 end
    end
    for k in pairs(t.set) do if not t.map[k] then wrong = wrong + 1 end end
    local m = t.map
    return count, sum, wrong, m.s, m[""], m["1"], m[1], m[-1], m[1.5], m[true], m[false], m[1 << 60], m[5], m["\\xff\\0"],
      m.text, m[t.key], m[1/0], m.__proto__, m[("é"):rep(3000)], m[0], m[-0.0], t.map[t.key], m[2], m["-1"], m[{}]
  `;
  assertEquals(lazily(cu, { map, set, key }, code), [
    18,
    171,
    0,
    ...Array.from({ length: 17 }, (_, i) => i + 1),
    17,
    13,
    null,
    null,
    null,
  ]);
});

Deno.test("setInput() lazily refuses Maps whose keys Lua can't tell apart when they are read", async () => {
  using cu = await ComputeUnit.create();
  const cases: [unknown, string][] = [
    [new Map([[NaN, 1]]), "NaN cannot be a key"],
    [new Map([[null, 1]]), "null cannot be a key"],
    [new Set([undefined]), "undefined cannot be a key"],
    [new Map<unknown, unknown>([[1, 1], [1n, 2]]), "equal in Lua"],
    [new Map<unknown, unknown>([["a", 1], [new TextEncoder().encode("a"), 2]]), "equal in Lua"],
    [new Set<unknown>([new Uint8Array([1]), new Uint8Array([1])]), "equal in Lua"],
  ];
  for (const [held, message] of cases) {
    cu.setInput({ fine: 1, held }, LAZY);
    assertStrictEquals(cu.compute("return _io.input.fine"), 1);
    assertStringIncludes(
      assertThrows(() => cu.compute("return _io.input.held.x"), TypeError, message).message,
      "input.held",
    );
    assertThrows(() => cu.compute("for k in pairs(_io.input.held) do end"), TypeError, message);
    assertThrows(() => cu.compute("_io.input.held.x = 1"), TypeError, message);
  }
});

Deno.test("setInput() lazily finds the length of a Map within its keys and the time limit", async () => {
  class Counts extends Map<unknown, number> {
    override get(key: unknown): number {
      return super.get(key) ?? 0;
    }
  }
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({ timeLimit: 40, now: clock.now });
  cu.setInput({ counts: new Counts([["a", 1], [1, 1]]), list: new Map([[1, "a"], [2, "b"], [4, "d"]]) }, LAZY);
  assert((cu.compute("return #_io.input.counts") as number) <= 2);
  assertStrictEquals(cu.compute("return #_io.input.list"), 2);
  cu.setInput(new Map(Array.from({ length: 100_000 }, (_, i) => [i + 1, i])), LAZY);
  // One step of Lua, and a look for each 4096 keys, when they are listed and when they are looked up.
  assertEndsInTime(cu, clock, 40, "return #_io.input");
});

Deno.test("setInput() lazily finds that a large object lacks a field without listing all others", async () => {
  using cu = await ComputeUnit.create();
  const [object, reads] = countingReads(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, i])));
  cu.setInput(object, LAZY);
  assertStrictEquals(
    cu.compute("local n = 0 for i = 1, 5000 do if _io.input['no ' .. i] == nil then n = n + 1 end end return n"),
    5000,
  );
  // Once to see that it's large, and once for what each key was asked as well.
  assert(reads.ownKeys <= 2, `${reads.ownKeys} lists of its keys`);
  assert(reads.has <= 5000 + 3 * 1000, `${reads.has} questions for a key`);
});

Deno.test("setInput() lazily heeds the time limit where changes are put into a large input", async () => {
  const value = { rows: Array.from({ length: 500_000 }, (_, i) => ({ id: i, sub: { v: i } })) };
  const clock = new CountingClock();
  using cu = await unitOf({ timeLimit: 20, now: clock.now }, value);
  assertEndsInTime(cu, clock, 20, "_io.input.rows[5].sub.v = 'x' return _io.input");
  assertStrictEquals(cu.compute("return _io.input.rows[5].sub.v"), "x");
});

Deno.test("setInput() lazily reads objects of few and of many fields", async () => {
  for (const count of [0, 1, 31, 32, 33, 255, 256, 257, 5000, 40_000]) {
    const object = Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, i]));
    await assertAgree(
      { object },
      `
      local o = _io.input.object
      local n, sum = 0, 0
      for k, v in pairs(o) do n, sum = n + 1, sum + v assert(o[k] == v) end
      for i = 0, #o do assert(o[i] == nil) end
      return n, sum, o.key0 or "none", o["key" .. (n - 1)] or "none", o.missing, #o, next(o) == nil
    `,
      [count, count * (count - 1) / 2, count ? 0 : "none", count ? count - 1 : "none", null, 0, count === 0],
    );
  }
});

Deno.test("setInput() lazily refuses the same keys of next() as a copy does", async () => {
  using cu = await ComputeUnit.create();
  for (const [length, list] of [[2000, new Array(2000).fill(1)], [2000, new Float64Array(2000)], [0, []]] as const) {
    const answers = [true, false].map((lazy) => {
      cu.setInput({ list }, { lazy });
      return cu.compute(`
        local list, answers = _io.input.list, _io.array({})
        for _, key in ipairs({ 1, 1999, 2000, 2001, 4000, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 40, -1, 0, 1.5, 2.0, "x", true }) do
          local ok, found = pcall(next, list, key)
          answers[#answers + 1] = found == nil and "end" or found
        end
        return answers
      `);
    });
    assertEquals(answers[0], answers[1]);
    assertEquals((answers[0] as LuaValue[])[2], length === 0 ? "invalid key to 'next'" : "end");
    assertEquals((answers[0] as LuaValue[])[3], "invalid key to 'next'");
  }
});

Deno.test("setInput() lazily lets code assign while it traverses", async () => {
  const sources: [unknown, string][] = [
    [Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`k${i * 7}`, i])), "record"],
    [new Map(Array.from({ length: 3000 }, (_, i) => [`k${i * 7}`, i])), "Map"],
    [new Map(Array.from({ length: 3000 }, (_, i) => [i * 1.5, i])), "Map of numbers"],
    [Array.from({ length: 3000 }, (_, i) => i), "array"],
    [Float64Array.from({ length: 3000 }, (_, i) => i), "typed array"],
    [Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`k${i * 7}`, i])), "object"],
  ];
  for (const [source, name] of sources) {
    const count = name === "object" ? 200 : 3000;
    for (const at of [1, 2, Math.floor(count / 3), count]) {
      const code = `
        local n, sum, seen = 0, 0, {}
        for k, v in pairs(_io.input) do
          assert(not seen[k])
          seen[k] = true
          n, sum = n + 1, sum + v
          if n >= ${at} then _io.input[k] = v + 0 end
        end
        for k in pairs(_io.input) do _io.input[k] = nil end
        return n, sum, next(_io.input)
      `;
      await assertAgree(source, code, [count, count * (count - 1) / 2, null]);
    }
  }
  const set = new Set(Array.from({ length: 3000 }, (_, i) => `m${i}`));
  await assertAgree(
    set,
    "local n = 0 for k in pairs(_io.input) do n = n + 1 if n > 1000 then _io.input[k] = nil end end return n",
    [3000],
  );
  await assertAgree(
    new Map(Array.from({ length: 3000 }, (_, i) => [`k${i}`, i])),
    "local n = 0 for k in pairs(_io.input) do n = n + 1 if n == 9 then setmetatable({}, _io.input) end end return n",
    [3000],
  );
});

Deno.test("setInput() lazily keeps shared objects and cycles", async () => {
  using cu = await ComputeUnit.create();
  const shared = { s: [1] };
  const value: Record<string, unknown> = { a: shared, b: [shared, shared], list: [], map: new Map() };
  value.self = value;
  (value.list as unknown[]).push(value, value.list);
  (value.map as Map<unknown, unknown>).set(value, value);
  assertEquals(
    lazily(
      cu,
      value,
      `
      local v = _io.input
      return v.a == v.b[1] and v.b[1] == v.b[2], v.self == v, v.list[1] == v, v.list[2] == v.list, v.map[v] == v,
        v.self.self.list[2][2][1].a.s[1]
    `,
    ),
    [true, true, true, true, true, 1],
  );
  cu.setInput(value, LAZY);
  const changed = cu.compute<Record<string, unknown>>("_io.input.a.s[2] = 'new' return _io.input");
  assertEquals(changed.a, { s: [1, "new"] });
  const [first, second] = changed.b as unknown[];
  assertStrictEquals(first, changed.a);
  assertStrictEquals(second, changed.a);
  assertStrictEquals(changed.self, changed);
  assertStrictEquals((changed.list as unknown[])[0], changed);
  assertStrictEquals((changed.list as unknown[])[1], changed.list);
  assertStrictEquals((changed.map as Map<unknown, unknown>).get(changed), changed);
  assertEquals(shared, { s: [1] });
});

Deno.test("setInput() lazily treats keys as data", async () => {
  const hostile = [
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "__index",
    "__gc",
    "__mode",
    "",
    "1",
    "\0",
  ];
  using cu = await ComputeUnit.create();
  for (const key of [...hostile, "k".repeat(300), "é".repeat(40_000)]) {
    const object = JSON.parse(`{${JSON.stringify(key)}: "v", "other": [1]}`);
    cu.setInput([object, {}, { k: key }], LAZY);
    const code = `
      local v, k = _io.input, _io.input[3].k
      local n = 0
      for name, held in pairs(v[1]) do n = n + 1 end
      return v[1][k], v[2][k], n, v[1][1]
    `;
    assertEquals(cu.computeAll(code), ["v", null, 2, null]);
    const back = cu.compute<unknown[]>("_io.input[1].other = 5 return _io.input");
    const changed = back[0] as Record<string, unknown>;
    assertEquals(Object.keys(changed).sort(), [key, "other"].sort());
    assertEquals(Object.getOwnPropertyDescriptor(changed, key)?.value, "v");
    assertStrictEquals(Object.getPrototypeOf(changed), Object.prototype);
    const above = cu.compute<unknown[]>("_io.input[1].other = nil _io.input[2].x = 1 return _io.input");
    assertEquals(Object.keys(above[0] as object), [key]);
    assertEquals(Object.keys(object), [key, "other"]);
  }
  const many = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`k${i}`, i]));
  const large = JSON.parse(`{"__proto__": {"polluted": true}, ${JSON.stringify(many).slice(1)}`);
  assertEquals(
    lazily(cu, large, "local n = 0 for k in pairs(_io.input) do n = n + 1 end return _io.input.__proto__.polluted, n"),
    [true, 601],
  );
  cu.setInput(large, LAZY);
  const copy = cu.compute<object>("_io.input.k1 = 'x' return _io.input");
  assertStrictEquals(Object.getPrototypeOf(copy), Object.prototype);
  assert(Object.hasOwn(copy, "__proto__"));
});

Deno.test("setInput() lazily shows own enumerable properties only", async () => {
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
  const point = new Point();
  const bare = Object.assign(Object.create(null), { a: 1 });
  const derived = Object.create({ proto: 1 }, { hidden: { value: 1 }, own: { value: 2, enumerable: true } });
  const symbol = { [Symbol("s")]: 1, a: 2 };
  const code = `
    local r = {}
    for i, v in ipairs(_io.input) do
      local keys = {}
      for k in pairs(v) do keys[#keys + 1] = k end
      table.sort(keys)
      r[i] = table.concat(keys, " ")
    end
    local v = _io.input
    return r, v[1].onPrototype, v[1].sum, v[3].proto, v[3].hidden, v[1].constructor, v[2].toString, v[1].x
  `;
  cu.setInput([point, bare, derived, symbol], LAZY);
  assertEquals(cu.computeAll(code), [["inherited x", "a", "own", "a"], null, null, null, null, null, null, 4]);
  assertStrictEquals(cu.compute<unknown>("return _io.input[1]"), point);
  assertStrictEquals(cu.compute<unknown>("return _io.input[2]"), bare);
  const changed = cu.compute<unknown[]>("_io.input[1].x = 5 _io.input[3].new = 1 return _io.input");
  assertEquals(changed[0], { inherited: 1, x: 5 });
  assertEquals(changed[2], { own: 2, new: 1 });
  assertStrictEquals(changed[1], bare);
  const prototype = Object.prototype as Record<string, unknown>;
  prototype.polluted = "yes";
  try {
    cu.setInput([{ a: 1 }, { a: 2 }, { polluted: "own" }, {}], LAZY);
    const polluted = "local v, r = _io.input, {} for i = 1, 4 do r[i] = v[i].polluted or false end return r";
    assertEquals(cu.compute(polluted), [false, false, "own", false]);
    assertEquals(
      cu.compute("local n = 0 for _, o in ipairs(_io.input) do for _ in pairs(o) do n = n + 1 end end return n"),
      3,
    );
  } finally {
    delete prototype.polluted;
  }
});

Deno.test("setInput() lazily reads bytes, dates, bigints and strings", async () => {
  using cu = await ComputeUnit.create();
  const value = [
    new Uint8Array([255, 0, 1]),
    new Uint8ClampedArray([65, 66]),
    new Uint8Array([67]).buffer,
    new DataView(new Uint8Array([68, 69]).buffer, 1),
    new Date(86_400_000),
    2n ** 62n,
    5n,
    "é😀\0x",
    "x".repeat(100_000),
    "",
    -0,
    NaN,
    2 ** 53,
    true,
  ];
  assertEquals(
    lazily(
      cu,
      { list: value, field: value[0], long: value[8] },
      `
      local v = _io.input.list
      return #v[1], v[1], v[2], v[3], v[4], v[5].ms, tostring(v[5]), v[6], v[7], v[8], #v[9], v[10], v[11], v[12], v[13],
        math.type(v[13]), v[14], _io.input.field == v[1], _io.input.long == v[9]
    `,
    ),
    [
      3,
      new Uint8Array([255, 0, 1]),
      "AB",
      "C",
      "E",
      86_400_000,
      "1970-01-02T00:00:00.000Z",
      2n ** 62n,
      5,
      "é😀\0x",
      100_000,
      "",
      -0,
      NaN,
      2 ** 53,
      "float",
      true,
      true,
      true,
    ],
  );
});

Deno.test("setInput() lazily reads nesting of any depth", async () => {
  using cu = await ComputeUnit.create();
  const nest = (depth: number, make: (inner: unknown) => unknown, inner: unknown) => {
    let value = inner;
    for (let i = 0; i < depth; i++) value = make(value);
    return value;
  };
  for (
    const make of [
      (v: unknown) => [v],
      (v: unknown) => ({ v, w: 1 }),
      (v: unknown) => new Map([["v", v]]),
    ]
  ) {
    const deep = nest(50_000, make, "bottom");
    cu.setInput(deep, LAZY);
    const walk = "local t, n = _io.input, 0 while type(t) == 'table' do t, n = t.v or t[1], n + 1 end return t, n";
    assertEquals(cu.computeAll(walk), ["bottom", 50_000]);
    assertStrictEquals(cu.compute<unknown>("return _io.input"), deep);
    cu.setInput(nest(500, make, { x: 1 }), LAZY);
    const changed = cu.compute(
      "local t = _io.input while (t.v or t[1]) do t = t.v or t[1] end t.x = 2 return _io.input",
    );
    assertEquals(changed, nest(500, make, { x: 2 }) as LuaValue);
  }
});

Deno.test("setInput() lazily reads forwards, backwards, in strides and at random", async () => {
  using cu = await ComputeUnit.create();
  const sources = [rows(50_000), rows(50_000).map(({ id }) => [id]), Array.from({ length: 50_000 }, (_, i) => i)];
  const paths = [
    "for i = 1, #a do visit(i) end",
    "for i = #a, 1, -1 do visit(i) end",
    "for first = 1, 7 do for i = first, #a, 7 do visit(i) end end",
    "for first = 7, 1, -1 do for i = #a - first + 1, 1, -7 do visit(i) end end",
    "for k = 1, #a do visit(k * 7919 % #a + 1) end",
    "for i = 1, #a // 2 do visit(i) visit(#a + 1 - i) end",
    "for i = 1, #a, 100 do for j = i + 99, i, -1 do visit(j) end end",
  ];
  for (const elements of sources) {
    const [source, reads] = countingReads(elements as unknown[]);
    cu.setInput(source, LAZY);
    for (const path of paths) {
      const before = reads.get;
      const code = `
        local a, sum, n = _io.input, 0, 0
        local function visit(i)
          local v = a[i]
          local id = type(v) == "table" and (v.id or v[1]) or v
          if id ~= i - 1 then error("wrong at " .. i) end
          n = n + 1
        end
        ${path}
        return n
      `;
      assertStrictEquals(cu.compute(code), 50_000, path);
      // Each once, and no more than a few pages without need.
      const count = reads.get - before;
      assert(count < 2 * 50_000, `${path}: ${count} elements were read`);
    }
  }
});

// Copy on write.

/** Each writes to `v`, the input. */
const WRITES: [string, unknown][] = [
  ["v.x = 2", { x: 2, list: [1, [2]], o: { p: 1 } }],
  ["v.new = { 1 }", { x: 1, list: [1, [2]], o: { p: 1 }, new: [1] }],
  ["v.x = nil", { list: [1, [2]], o: { p: 1 } }],
  ["v.o.p = 5", { x: 1, list: [1, [2]], o: { p: 5 } }],
  ["v.list[1] = v.o", { x: 1, list: [{ p: 1 }, [2]], o: { p: 1 } }],
  ["v.list[2][1] = nil", { x: 1, list: [1, []], o: { p: 1 } }],
  ["table.insert(v.list, 3)", { x: 1, list: [1, [2], 3], o: { p: 1 } }],
  ["table.remove(v.list, 1)", { x: 1, list: [[2]], o: { p: 1 } }],
  ["table.move(v.list, 1, 2, 2)", { x: 1, list: [1, 1, [2]], o: { p: 1 } }],
  ["rawset(v.o, 'q', true)", { x: 1, list: [1, [2]], o: { p: 1, q: true } }],
  ["v.o, v.list = v.list, v.o", { x: 1, list: { p: 1 }, o: [1, [2]] }],
  ["for k in pairs(v) do v[k] = nil end", {}],
  ["v.o.self = v.o v.o.self = nil", { x: 1, list: [1, [2]], o: { p: 1 } }],
  ["v.list[#v.list + 1] = 'e' table.sort(v.list, function(a, b) return tostring(a) < tostring(b) end)", {
    x: 1,
    list: [1, "e", [2]],
    o: { p: 1 },
  }],
  ["load('x = x + 1 y = 0', 'c', 't', v)()", { x: 2, y: 0, list: [1, [2]], o: { p: 1 } }],
  ["setmetatable({}, { __newindex = v.o }).z = 9", { x: 1, list: [1, [2]], o: { p: 1, z: 9 } }],
];

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

Deno.test("setInput() lazily never changes the host's data, frozen or not", async () => {
  using cu = await ComputeUnit.create();
  for (const [write, expected] of WRITES) {
    for (const prepare of [(v: unknown) => v, deepFreeze]) {
      const value = prepare({ x: 1, list: [1, [2]], o: { p: 1 } });
      const [back, again] = lazily(cu, value, `local v = _io.input ${write} return _io.input, v == _io.input`);
      assertEquals(back, expected as LuaValue, write);
      assertStrictEquals(again, true);
      assert(!Object.isFrozen(back));
    }
  }
});

Deno.test("setInput() lazily writes an ordinary table that later reads see", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(
    lazily(
      cu,
      rows(10_000),
      `
      for i = 1, 10000, 10 do _io.input[i].value = "w" .. i end
      collectgarbage()
      local sum = 0
      for _, row in ipairs(_io.input) do sum = sum + row.id end
      collectgarbage()
      local found = 0
      for i, row in ipairs(_io.input) do if row.value == "w" .. i then found = found + 1 end end
      return found, sum
    `,
    ),
    [1000, 49_995_000],
  );
});

// What comes back.

Deno.test("setInput() lazily gives untouched objects back as themselves, wherever they stand", async () => {
  using cu = await ComputeUnit.create();
  const value = {
    list: rows(1000),
    map: new Map([["k", { m: 1 }]]),
    set: new Set([{ s: 1 }]),
    typed: new Float32Array([1]),
    // What a copy would change.
    odd: { a: undefined, b: null, bytes: new Uint8Array([65]), sparse: [1, , 3] },
  };
  cu.setInput(value, LAZY);
  cu.compute(`
    local t = _io.input
    local first for m in pairs(t.set) do first = m end
    for _, row in ipairs(t.list) do assert(row.name) end
    for k in pairs(t.odd) do end
    _io.output = { whole = t, rows = { t.list[3], t.list[7] }, m = t.map.k, s = first, typed = t.typed, odd = t.odd,
      map = t.map, set = t.set }
  `);
  const output = cu.getOutput<Record<string, unknown>>();
  assertStrictEquals(output.whole, value);
  assertStrictEquals((output.rows as unknown[])[0], value.list[2]);
  assertStrictEquals((output.rows as unknown[])[1], value.list[6]);
  assertStrictEquals(output.m, value.map.get("k"));
  assertStrictEquals(output.s, [...value.set][0]);
  for (const name of ["typed", "odd", "map", "set"] as const) assertStrictEquals(output[name], value[name]);
  assertStrictEquals(cu.getOutputField<unknown>("odd"), value.odd);
  assertStrictEquals(cu.compute<unknown>("return _io.input.list"), value.list);
});

Deno.test("setInput() lazily gives what leads to a change as a copy, and the rest as itself", async () => {
  using cu = await ComputeUnit.create();
  const value = {
    a: { b: { c: { d: 1 } }, other: { o: 1 } },
    list: [{ i: 0 }, { i: 1 }],
    map: new Map<unknown, unknown>([["x", { y: [1] }], ["z", { w: 1 }]]),
    set: new Set([{ s: 1 }]),
    apart: { p: [1] },
  };
  const before = structuredClone(value);
  cu.setInput(value, LAZY);
  const back = cu.compute<typeof value>(`
    local t = _io.input
    t.a.b.c.d = 2
    t.list[2].i = "one"
    t.map.x.y[2] = 2
    for m in pairs(t.set) do m.s = 5 end
    return t
  `);
  assertEquals(value, before);
  assertEquals(back.a, { b: { c: { d: 2 } }, other: { o: 1 } });
  assertStrictEquals(back.a.other, value.a.other);
  assertEquals(back.list as unknown[], [{ i: 0 }, { i: "one" }]);
  assertStrictEquals(back.list[0], value.list[0]);
  assertEquals(back.map, new Map<unknown, unknown>([["x", { y: [1, 2] }], ["z", { w: 1 }]]));
  assertStrictEquals(back.map.get("z"), value.map.get("z"));
  assertEquals([...back.set], [{ s: 5 }]);
  assertStrictEquals(back.apart, value.apart);
  assertStrictEquals(cu.compute<unknown>("return _io.input.apart"), value.apart);
  assertEquals(cu.compute("return _io.input.a.b"), { c: { d: 2 } });
});

Deno.test("setInput() lazily shows a change under all names of an object", async () => {
  using cu = await ComputeUnit.create();
  const shared = { n: 1 };
  const value = { a: shared, b: [shared], c: new Map([["k", shared]]), d: { n: 1 } };
  cu.setInput(value, LAZY);
  const [n, back] = cu.computeAll("_io.input.b[1].n = 2 return _io.input.a.n + _io.input.c.k.n, _io.input");
  const copy = back as unknown as typeof value;
  assertStrictEquals(n, 4);
  assertEquals(copy, { a: { n: 2 }, b: [{ n: 2 }], c: new Map([["k", { n: 2 }]]), d: { n: 1 } });
  assertStrictEquals(copy.a, copy.b[0]);
  assertStrictEquals(copy.a, copy.c.get("k"));
  assertStrictEquals(copy.d, value.d);
});

Deno.test("setInput() lazily gives back rows appended, removed, replaced and moved", async () => {
  using cu = await ComputeUnit.create();
  const list = rows(5000);
  cu.setInput(list, LAZY);
  const back = cu.compute<unknown[]>(`
    local t = _io.input
    table.remove(t, 2)
    t[#t + 1] = { id = "new" }
    t[1], t[100] = t[100], t[1]
    t[50] = "text"
    return t
  `);
  assertStrictEquals(back.length, 5000);
  assertStrictEquals(back[0], list[100]);
  assertStrictEquals(back[99], list[0]);
  assertStrictEquals(back[1], list[2]);
  assertEquals([back[49], back[4999]], ["text", { id: "new" }]);
  assertStrictEquals(back[4998], list[4999]);
  assertEquals(list, rows(5000));
  cu.setInput(list, LAZY);
  const filtered = cu.compute<unknown[]>(`
    local r = {}
    for _, row in ipairs(_io.input) do if row.id % 1000 == 7 then r[#r + 1] = row end end
    return r
  `);
  assertEquals(filtered.map((row) => list.indexOf(row as Row)), [7, 1007, 2007, 3007, 4007]);
  cu.setInput(list, LAZY);
  assertEquals(cu.compute("for i = #_io.input, 1, -1 do _io.input[i] = nil end return _io.input"), []);
});

Deno.test("setInput() lazily keeps views in _home alive across inputs and clearIo", async () => {
  using cu = await ComputeUnit.create();
  const first = { rows: rows(3000), x: { y: 1 } }, second = { rows: rows(2), first: [] as unknown[] };
  cu.setInput(first, LAZY);
  cu.compute("_home.first = _io.input _home.row = _io.input.rows[7]");
  cu.setInput(second, LAZY);
  cu.compute("_home.second = _io.input");
  cu.clearIo();
  cu.runGc();
  for (let i = 0; i < 50; i++) cu.setInput({ other: rows(100) }, LAZY);
  const code = `
    local a, b = _home.first, _home.second
    local n = 0
    for i, row in ipairs(a.rows) do n = n + row.id end
    return n, a.rows[7] == _home.row, #b.rows, a, b
  `;
  const results = cu.computeAll(code);
  assertEquals(results.slice(0, 3), [4_498_500, true, 2]);
  assertStrictEquals(results[3] as unknown, first);
  assertStrictEquals(results[4] as unknown, second);
  const both = cu.compute<Record<string, unknown>>(`
    _home.first.x.y = 2
    _home.second.first[1] = _home.first
    _home.first.second = _home.second
    return { a = _home.first, b = _home.second, x = _home.first.x }
  `);
  const a = both.a as Record<string, unknown>, b = both.b as Record<string, unknown>;
  assertEquals(a.x, { y: 2 });
  assertStrictEquals(a.x, both.x);
  assertStrictEquals((b.first as unknown[])[0], a);
  assertStrictEquals(a.second, b);
  assertStrictEquals(a.rows, first.rows);
  assertStrictEquals(b.rows, second.rows);
  assertEquals([first.x, second.first], [{ y: 1 }, []]);
});

Deno.test("setInput() lazily keeps two inputs of the same object apart", async () => {
  using cu = await ComputeUnit.create();
  const object = { list: [1, 2], x: 1, same: { s: 1 } };
  cu.setInput(object, LAZY);
  cu.compute("_home.first = _io.input _io.input.x = 2");
  cu.setInput(object, LAZY);
  const results = cu.compute<unknown[]>(
    "_io.input.list[1] = 9 return { _home.first, _io.input, _home.first == _io.input, _io.input.x }",
  );
  assertEquals(results, [{ list: [1, 2], x: 2, same: { s: 1 } }, { list: [9, 2], x: 1, same: { s: 1 } }, false, 1]);
  assertStrictEquals((results[0] as typeof object).same, object.same);
  assertStrictEquals((results[1] as typeof object).same, object.same);
  assertEquals(object, { list: [1, 2], x: 1, same: { s: 1 } });
});

Deno.test("setInput() lazily gives views back in error values, metadata and handlers' results", async () => {
  using cu = await ComputeUnit.create({ lazyThreshold: 0 });
  const value = { list: [1, { a: 1 }] };
  cu.setInput(value, LAZY);
  const error = assertThrows(() => cu.compute("error(_io.input.list)"), LuaError);
  assertStrictEquals(error.value, value.list);
  const changed = assertThrows(() => cu.compute("_io.input.list[2].a = 2 error(_io.input)"), LuaError);
  assertEquals(changed.value, { list: [1, { a: 2 }] });
  cu.setMetadata(value);
  assertEquals(cu.getMetadata<unknown>(), value);
  cu.compute("_io.meta.seen = true");
  assertEquals(cu.getMetadata(), { list: [1, { a: 1 }], seen: true });
  cu.compute("function handler(p) return { p, p.list[2] } end");
  assert(cu.callHandler("handler", value));
  const [params, inner] = cu.getOutput<[typeof value, unknown]>();
  assertEquals(params, value);
  assert(params !== value);
  assertStrictEquals(params.list[1], inner as typeof params.list[1]);
  assertEquals(value, { list: [1, { a: 1 }] });
});

Deno.test("setInput() lazily collects views whose finalizers run", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput(rows(1000), LAZY);
  cu.compute(`
    gone = 0
    local mt = { __gc = function(row) gone = gone + 1 last = row end }
    for i = 1, 1000 do setmetatable(_io.input[i], mt) end
  `);
  cu.clearIo();
  cu.setInput({}, LAZY);
  for (let i = 0; i < 3; i++) cu.runGc();
  assertEquals(cu.compute("return gone"), 1000);
  assertEquals(cu.compute("return type(last.id)"), "number");
});

Deno.test("setInput() lazily gives `next` no float for an integer, as with a copy", async () => {
  const value = {
    list: [10, 20],
    map: new Map<unknown, unknown>([[1, "a"], [2.5, "b"], ["x", 3]]),
    set: new Set([1, 2]),
    nulls: [null, 2, 3],
    many: new Map(Array.from({ length: 1000 }, (_, i) => [i, i])),
  };
  for (const options of [LAZY, { lazy: false }]) {
    using cu = await ComputeUnit.create();
    cu.setInput(value, options);
    for (const name of Object.keys(value)) {
      for (const before of ["", `for k in pairs(v) do if k == 2 then break end end`, `v.added = 1`]) {
        const code = `local v = _io.input.${name}; ${before}; return { pcall(next, v, 1.0) }, pcall(next, v, 1)`;
        const [refused, taken] = cu.computeAll(code);
        assertEquals(refused, [false, "invalid key to 'next'"], `${name} ${before}`);
        assertEquals(taken, true, `${name} ${before}`);
      }
    }
    assertEquals(cu.compute("return (pcall(next, _io.input.map, 2.5))"), true);
  }
});

// The host's data changes, or throws.

Deno.test("setInput() lazily survives data that the host changes meanwhile", async () => {
  const scan = `
    local v = _io.input.held
    local kinds = {}
    local function note(x) kinds[type(x)] = true end
    for i = 1, 1000 do note(v[i]) end
    for i = 1000, 1, -1 do note(v[i]) end
    for i = 1, 1000 do note(v[i * 7919 % 1000 + 1]) end
    for k, x in pairs(v) do note(x) end
    for _, x in ipairs(v) do note(x) end
    note(v.k3) note(v.k900) note(next(v)) note(#v)
    pcall(function() v[1] = nil v.k1 = 5 for k, x in pairs(v) do note(x) end end)
    local r = {}
    for kind in pairs(kinds) do r[#r + 1] = kind end
    return r
  `;
  const list = () => Array.from({ length: 1000 }, (_, i) => ({ i, t: `t${i}` }));
  const changes: [string, () => [unknown, () => void]][] = [
    ["an array shrinks", () => {
      const held: unknown[] = list();
      return [held, () => held.length = 3];
    }],
    ["an array is emptied", () => {
      const held: unknown[] = list();
      return [held, () => held.length = 0];
    }],
    ["an array grows", () => {
      const held: unknown[] = list();
      return [held, () => held.push(...list(), ...list())];
    }],
    ["an array gets other elements", () => {
      const held: unknown[] = list();
      return [held, () => held.forEach((_, i) => held[i] = [new Map([[i, i]])])];
    }],
    ["first fields change", () => {
      const held = list();
      return [held, () => held.forEach((row) => row.i += 5000)];
    }],
    ["fields come and go", () => {
      const held = list();
      return [held, () =>
        held.forEach((row) => {
          delete (row as Partial<typeof row>).i;
          Object.assign(row, { q: 1, r: [2] });
        })];
    }],
    ["a Map is cleared", () => {
      const held = new Map(list().map((row) => [row.i, row]));
      return [held, () => held.clear()];
    }],
    ["a Map grows", () => {
      const held = new Map<unknown, unknown>(list().map((row) => [row.t, row]));
      return [held, () => list().forEach((row) => held.set(row, row))];
    }],
    ["a Set loses members", () => {
      const held = new Set(list());
      return [held, () => held.forEach((row) => row.i % 2 && held.delete(row))];
    }],
    ["an object loses fields", () => {
      const held: Record<string, unknown> = Object.fromEntries(list().map((row) => [`k${row.i}`, row]));
      return [held, () => Object.keys(held).slice(5).forEach((key) => delete held[key])];
    }],
    ["a typed array's buffer is detached", () => {
      const held = new Float64Array(1000).fill(1);
      return [held, () => structuredClone(held.buffer, { transfer: [held.buffer] })];
    }],
    ["a typed array's buffer shrinks", () => {
      const buffer = new ArrayBuffer(8000, { maxByteLength: 16_000 });
      return [new Float64Array(buffer), () => buffer.resize(80)];
    }],
  ];
  using cu = await ComputeUnit.create({ memoryLimit: 64 * 1024 * 1024 });
  for (const [name, make] of changes) {
    for (const prelude of ["", "local _ = v[1]", "for i = 1, 200 do local _ = v[i] end", "for k in pairs(v) do end"]) {
      const [held, change] = make();
      cu.setInput({ held }, LAZY);
      cu.compute(`local v = _io.input.held ${prelude} v2 = v`);
      change();
      try {
        const kinds = cu.compute<string[]>(scan);
        for (const kind of kinds) {
          assert(["nil", "table", "number", "string", "boolean"].includes(kind), `${name}: ${kind}`);
        }
        cu.compute("_io.output = _io.input");
        cu.getOutput();
      } catch (error) {
        // A clear refusal is an answer too.
        assert(error instanceof TypeError && error.message.includes("(at input.held"), `${name}, ${prelude}: ${error}`);
      }
      cu.compute("v2 = nil");
      cu.clearIo();
      cu.setInput([{ a: 1 }], LAZY);
      assertEquals(cu.compute("return _io.input[1].a"), 1, name);
    }
  }
});

Deno.test("setInput() lazily reads nothing beyond an array that has shrunk", async () => {
  using cu = await ComputeUnit.create();
  const list = rows(1000);
  cu.setInput(list, LAZY);
  cu.compute("return _io.input[1].id");
  list.length = 0;
  cu.compute("");
  const held = cu.compute<number>(
    "local n = 0 for i = 100, 1000 do if _io.input[i] ~= nil then n = n + 1 end end return n",
  );
  assertStrictEquals(held, 0);
});

Deno.test("setInput() lazily refuses what can't be passed when code reads it, with its path", async () => {
  using cu = await ComputeUnit.create();
  const cases: [unknown, string][] = [
    [() => 1, "functions cannot be passed"],
    [class {}, "functions cannot be passed"],
    [Symbol("s"), "symbols cannot be passed"],
    [Promise.resolve(1), "Promise objects cannot be passed"],
    [new WeakMap(), "WeakMap objects cannot be passed"],
    [/x/, "RegExp objects cannot be passed"],
    [new TypeError("x"), "Error objects cannot be passed"],
    [new URL("https://example.com"), "URL objects cannot be passed"],
    ["a\ud800", "lone surrogate cannot be passed"],
    [2n ** 63n, "is beyond 64 bits"],
  ];
  for (const [handler, message] of cases) {
    const type = typeof handler === "bigint" ? RangeError : TypeError;
    const input = { rows: [1, 2, 3, { name: "x", handler }, 5], after: "after", map: new Map([["k", handler]]) };
    cu.setInput(input, LAZY);
    assertEquals(
      cu.computeAll("local r = _io.input.rows return r[1], r[4].name, r[5], #r, _io.input.after"),
      [1, "x", 5, 5, "after"],
    );
    const error = assertThrows(() => cu.compute("return _io.input.rows[4].handler"), type, message);
    assert(error.message.startsWith("Cannot read input: "), error.message);
    assert(error.message.endsWith("(at input.rows[3].handler)"), error.message);
    assertThrows(() => cu.compute("return _io.input.map.k"), type, "(at input.map.k)");
    assertThrows(() => cu.compute("for k, v in pairs(_io.input.rows[4]) do end"), type, "(at input.rows[3].handler)");
    const [ok, caught, name] = cu.computeAll(
      "local ok, e = pcall(function() return _io.input.rows[4].handler end) return ok, e, _io.input.rows[4].name",
    );
    assertEquals([ok, name], [false, "x"]);
    assertStringIncludes(String(caught), `Cannot read input: `);
    assertStringIncludes(String(caught), `(at input.rows[3].handler)`);
    // Code may also leave it alone, and hand the whole back.
    assertStrictEquals(cu.compute<unknown>("return _io.input"), input);
    const caughtInside = `
      local ok = coroutine.wrap(function() return pcall(function() return _io.input.rows[4].handler end) end)()
      return ok
    `;
    assertStrictEquals(cu.compute(caughtInside), false);
  }
});

Deno.test("setInput() lazily refuses an element among many, and gives those around it", async () => {
  using cu = await ComputeUnit.create();
  const list: unknown[] = Array.from({ length: 3000 }, (_, i) => i % 3 === 0 ? i : { i });
  list[1500] = () => 1;
  list[2001] = { i: 2001, deep: [[Symbol("s")]] };
  cu.setInput(list, LAZY);
  const code = `
    local ok, failed, errors = 0, {}, {}
    for i = 1, #_io.input do
      local fine, e = pcall(function() return _io.input[i] end)
      if fine then ok = ok + 1 else failed[#failed + 1] = i errors[#errors + 1] = e end
    end
    return ok, failed, errors[1]
  `;
  const [ok, failed, error] = cu.computeAll(code);
  assertEquals([ok, failed], [2999, [1501]]);
  assertStringIncludes(String(error), "functions cannot be passed (at input[1500])");
  const partial = "local n = 0 local ok = pcall(function() for i in ipairs(_io.input) do n = i end end) return ok, n";
  assertEquals(cu.computeAll(partial), [false, 1500]);
  const backwards = "for i = #_io.input, 1502, -1 do local _ = _io.input[i] end return _io.input[2002].i";
  assertStrictEquals(cu.compute(backwards), 2001);
  assertThrows(() => cu.compute("return _io.input[2002].deep[1][1]"), TypeError, "(at input[2001].deep[0][0])");
  assertThrows(() => cu.compute("return _io.input[1501]"), TypeError, "(at input[1500])");
});

Deno.test("setInput() lazily refuses at once what is no container, or none that can be read", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput("before");
  for (const value of [() => 1, Symbol("s"), /x/, Promise.resolve(), "\ud800", 2n ** 64n]) {
    const error = assertThrows(() => cu.setInput(value, LAZY));
    assert(error instanceof TypeError || error instanceof RangeError);
    assertStringIncludes(error.message, "(at input)");
  }
  assertEquals(cu.compute("return _io.input"), "before");
});

Deno.test("setInput() lazily refuses getters and Proxies that throw, with path and cause", async () => {
  using cu = await ComputeUnit.create();
  const cause = new Error("getter failed: 100 %s %d");
  const throwing = {
    name: "n",
    get x(): never {
      throw cause;
    },
  };
  cu.setInput([{ a: throwing }], LAZY);
  assertStrictEquals(cu.compute("return _io.input[1].a.name"), "n");
  for (const code of ["return _io.input[1].a.x", "for _ in pairs(_io.input[1].a) do end", "_io.input[1].a.y = 1"]) {
    const error = assertThrows(() => cu.compute(code), TypeError, "getter failed: 100 %s %d", code);
    assert(error.message.startsWith("Cannot read input: "), error.message);
    assert(error.message.endsWith("(at input[0].a.x)"), error.message);
    assertStrictEquals(error.cause, cause);
  }
  assertStrictEquals(cu.compute("return (pcall(function() return _io.input[1].a.x end))"), false);
  for (const trap of ["get", "ownKeys", "getPrototypeOf", "getOwnPropertyDescriptor"] as const) {
    const proxy = new Proxy({ x: 1 }, {
      [trap]: () => {
        throw cause;
      },
    });
    cu.setInput({ fine: 1, proxy }, LAZY);
    assertStrictEquals(cu.compute("return _io.input.fine"), 1);
    const error = assertThrows(
      () => cu.compute("local p = _io.input.proxy local x = p.x for _ in pairs(p) do end"),
      TypeError,
      "input.proxy",
      trap,
    );
    assertStringIncludes(error.message, "Cannot read input: ");
  }
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  cu.setInput({ fine: 1, list: [revoked.proxy] }, LAZY);
  assertStrictEquals(cu.compute("return _io.input.fine"), 1);
  assertThrows(() => cu.compute("return _io.input.list[1].x"), TypeError, "input.list[0]");
  const proxies = { object: new Proxy({ x: 1, y: { z: 2 } }, {}), list: new Proxy([1, { q: 2 }], {}) };
  assertEquals(
    (() => {
      cu.setInput(proxies, LAZY);
      return cu.computeAll("local p, l = _io.input.object, _io.input.list return p.x, p.y.z, #l, l[2].q, l[1]");
    })(),
    [1, 2, 2, 2, 1],
  );
});

Deno.test("setInput() lazily tells a refusal of any text and size as it is", async () => {
  using cu = await ComputeUnit.create();
  for (const text of ["a\0b", "\ud800", "x".repeat(30_000), "é".repeat(40_000), "compute:5: no position", "a\nb"]) {
    const input = {
      fine: 1,
      get x(): never {
        throw new Error(text);
      },
    };
    cu.setInput(input, LAZY);
    const error = assertThrows(() => cu.compute("return _io.input.x"), TypeError, "Cannot read input");
    assertStringIncludes(error.message, "(at input.x)");
  }
  const key = "k".repeat(50_000);
  cu.setInput({ [key]: { f() {} }, a: 1 }, LAZY);
  assertThrows(() => cu.compute("for k, v in pairs(_io.input) do local _ = type(v) == 'table' and v.f end"), TypeError);
});

Deno.test("setInput() lazily refuses a getter that calls back into the unit", async () => {
  using cu = await ComputeUnit.create();
  const calls: (() => unknown)[] = [
    () => cu.compute("return 1"),
    () => cu.setInput(1),
    () => cu.setInput({}, LAZY),
    () => cu.getOutput(),
    () => cu.clearIo(),
    () => cu.runGc(),
    () => cu.dispose(),
    () => cu.getMemoryStats(),
    () => cu.setInputField("x", 1),
  ];
  for (const call of calls) {
    const input = {
      fine: 1,
      get x() {
        return call();
      },
    };
    for (const code of ["return _io.input.x", "for k, v in pairs(_io.input) do end", "_io.input.y = 1"]) {
      cu.setInput(input, LAZY);
      assertThrows(() => cu.compute(code), TypeError, "the unit is running");
      assertStrictEquals(cu.compute("return _io.input.fine"), 1);
    }
  }
});

Deno.test("setInput() lazily works with getters that give something else each time", async () => {
  using cu = await ComputeUnit.create();
  let turn = 0;
  const kinds = [
    () => turn,
    () => `s${turn}`,
    () => [turn],
    () => ({ turn }),
    () => new Map([[turn, turn]]),
    () => null,
  ];
  const changing = () => ({
    get x() {
      return kinds[++turn % kinds.length]();
    },
    fixed: 1,
  });
  const input = { list: Array.from({ length: 200 }, changing), one: changing() };
  cu.setInput(input, LAZY);
  for (let i = 0; i < 20; i++) {
    cu.compute(`
      for _, o in ipairs(_io.input.list) do
        local x = o.x
        if type(x) == "table" then for k, v in pairs(x) do x[k] = v end end
        assert(o.fixed == 1)
      end
      local one = _io.input.one
      for k in pairs(one) do one[k] = one[k] end
      one.y = one.x
      collectgarbage("step")
      _io.output = _io.input
    `);
    cu.getOutput();
  }
  assertEquals(cu.compute("return 1 + 1"), 2);
});

// Memory and time.

async function unitOf(options: ComputeUnitOptions, value: unknown): Promise<ComputeUnit> {
  const cu = await ComputeUnit.create(options);
  cu.setInput(value, LAZY);
  return cu;
}

Deno.test("setInput() lazily scans rows of any number in little WASM memory", async () => {
  const scans = [
    "for _, row in ipairs(_io.input) do n = n + row.value end",
    "for _, row in ipairs(_io.input) do for _, v in pairs(row) do n = n + #tostring(v) end end",
    "for i = #_io.input, 1, -1 do n = n + #_io.input[i].name end",
    "for _, row in pairs(_io.input) do n = n + row.id end",
  ];
  const list = rows(100_000);
  for (const scan of scans) {
    using cu = await unitOf({}, list);
    assert(cu.compute<number>(`local n = 0 ${scan} return n`) > 0);
    const { wasmBytes } = cu.getMemoryStats();
    assert(wasmBytes < SCAN_WASM_BYTES_MAX, `${scan}: ${wasmBytes} bytes`);
  }
  const others: [unknown, string][] = [
    [new Map(list.map((row) => [row.name, row])), "for k, row in pairs(_io.input) do n = n + row.id + #k end"],
    [new Set(list), "for row in pairs(_io.input) do n = n + row.id end"],
    [Object.fromEntries(list.map((row) => [row.name, row])), "for k, row in pairs(_io.input) do n = n + #k end"],
    [Float64Array.from({ length: 1_000_000 }, (_, i) => i), "for _, x in ipairs(_io.input) do n = n + x end"],
    [list.map((row) => [row.id, [row.name]]), "for _, x in ipairs(_io.input) do n = n + #x[2][1] end"],
    [
      { list: list.map((row) => ({ row, more: { row } })) },
      "for _, x in ipairs(_io.input.list) do n = n + x.more.row.id end",
    ],
  ];
  for (const [value, scan] of others) {
    using cu = await unitOf({}, value);
    assert(cu.compute<number>(`local n = 0 ${scan} return n`) > 0);
    const { wasmBytes } = cu.getMemoryStats();
    assert(wasmBytes < SCAN_WASM_BYTES_MAX, `${scan}: ${wasmBytes} bytes`);
  }
});

Deno.test("setInput() lazily reads many arrays side by side", async () => {
  const reads = { get: 0, has: 0, ownKeys: 0 };
  const column = (c: number) => countingReads(Array.from({ length: 10_000 }, (_, i) => i + c), reads)[0];
  const columns = Object.fromEntries(Array.from({ length: 40 }, (_, c) => [`c${c}`, column(c)]));
  const code = `
    local columns, sum = {}, 0
    for c = 0, 39 do columns[c + 1] = _io.input["c" .. c] end
    for i = 1, 10000 do for c = 1, 40 do sum = sum + columns[c][i] end end
    return sum
  `;
  using cu = await unitOf({}, columns);
  assertStrictEquals(cu.compute(code), 2_007_600_000);
  // Each once, though all their pages together have no room.
  assert(reads.get < 1.5 * 40 * 10_000, `${reads.get} elements were read`);
  assert(cu.getMemoryStats().wasmBytes < SCAN_WASM_BYTES_MAX);
  const maps = Array.from({ length: 40 }, () => {
    return new CountingMap(Array.from({ length: 1000 }, (_, i) => [`k${i}`, { i }]));
  });
  using other = await unitOf({}, maps);
  const lockstep = `
    local keys, n = {}, 0
    for step = 1, 1000 do
      for m = 1, 40 do
        local k, v = next(_io.input[m], keys[m])
        keys[m] = k
        n = n + v.i
      end
    end
    return n, next(_io.input[1], keys[1])
  `;
  assertEquals(other.computeAll(lockstep), [40 * 499_500, null]);
  for (const { lookups, listed } of maps) {
    assert(lookups <= 4 * 1000 && listed <= 8 * 1000, `${lookups} lookups, ${listed} keys listed`);
  }
});

Deno.test("setInput() lazily scans hundreds of megabytes of strings within 4 MB", async () => {
  const memoryLimit = 4 * 1024 * 1024;
  const block = "x".repeat(1_000_000);
  const inputs: [unknown, string, number][] = [
    [Array.from({ length: 300 }, (_, i) => block + i), "for _, s in ipairs(_io.input) do n = n + #s end", 300_000_790],
    [
      Array.from({ length: 100_000 }, (_, i) => ({ i, text: block.slice(0, 2000) + i })),
      "for _, row in ipairs(_io.input) do n = n + #row.text end",
      200_488_890,
    ],
    [
      new Map(Array.from({ length: 300 }, (_, i) => [i, { text: block + i }])),
      "for _, row in pairs(_io.input) do n = n + #row.text end",
      300_000_790,
    ],
  ];
  for (const [value, scan, length] of inputs) {
    using cu = await unitOf({ memoryLimit }, value);
    assertStrictEquals(cu.compute(`local n = 0 ${scan} return n`), length);
    assert(cu.getMemoryStats().wasmBytes <= memoryLimit);
  }
  using cu = await unitOf({ memoryLimit }, inputs[0][0]);
  const error = assertThrows(() => cu.compute("local t = {} for i, s in ipairs(_io.input) do t[i] = s end"), LuaError);
  assertStrictEquals(error.kind, "memory");
  assertStrictEquals(cu.compute("return #_io.input[200]"), 1_000_003);
  const copied = assertThrows(() => cu.compute("_io.input.x = 1"), LuaError);
  assertStrictEquals(copied.kind, "memory");
  assertStrictEquals(cu.compute("return #_io.input[300]"), 1_000_003);
});

Deno.test("setInput() lazily heeds the time limit while code reads", async () => {
  const timeLimit = 50;
  const list = rows(100_000);
  const inputs: [unknown, string][] = [
    [[1], "while true do local _ = _io.input[1] end"],
    [list, "while true do local _ = _io.input[1] end"],
    [list, "while true do for _, row in ipairs(_io.input) do local _ = row.name end end"],
    [list, "while true do for i = 1, #_io.input, 5000 do local _ = _io.input[i].id end end"],
    // Few steps, and a look for each time that the host is asked.
    [list, "for i = 1, #_io.input, 2500 do local _ = _io.input[i].id end"],
    [list, "while true do for i = #_io.input, 1, -1 do local _ = _io.input[i].id end end"],
    [
      new Map(list.slice(0, 50_000).map((row) => [row.name, row])),
      "while true do for k in pairs(_io.input) do end end",
    ],
    [new Map(list.slice(0, 50_000).map((row) => [row.name, row])), "while true do local _ = _io.input['row 77'] end"],
    [new Map(list.slice(0, 50_000).map((row) => [row.name, row])), "while true do local _ = next(_io.input) end"],
    [{ a: { b: [1] } }, "while true do local _ = _io.input.missing or _io.input.a.b[2] end"],
    [list, "while true do pcall(function() for _, row in ipairs(_io.input) do local _ = row.id end end) end"],
    [new Float64Array(3_000_000), "while true do for _, n in ipairs(_io.input) do end end"],
    [list, "table.sort(_io.input, function(a, b) return a.name < b.name end)"],
    [
      list,
      "while true do table.concat(_io.input, '', 1, 0) local _ = select('#', table.unpack(_io.input, 1, 100)) end",
    ],
  ];
  for (const [value, code] of inputs) {
    const clock = new CountingClock();
    using cu = await unitOf({ timeLimit, now: clock.now }, value);
    assertEndsInTime(cu, clock, timeLimit, code);
    cu.setInput({ still: ["works"] }, LAZY);
    assertStrictEquals(cu.compute("return _io.input.still[1]"), "works");
  }
});

Deno.test("setInput() lazily heeds the time limit where there is nothing but nulls, and in `#` of a Map", async () => {
  const timeLimit = 50;
  const inputs: [unknown, string][] = [
    // Single steps of Lua, that pass over all of them.
    [new Array(20_000_000), "return next(_io.input)"],
    [new Array(20_000_000), "for _ in pairs(_io.input) do end"],
    [new Map(Array.from({ length: 2000 }, (_, i) => [i + 1, i])), "while true do local _ = #_io.input end"],
  ];
  for (const [value, code] of inputs) {
    const clock = new CountingClock();
    using cu = await unitOf({ timeLimit, now: clock.now }, value);
    assertEndsInTime(cu, clock, timeLimit, code);
  }
});

// Letting go.

/** Runs a script with `gc()` in a process of its own. */
async function runWithGc(script: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const mod = JSON.stringify(new URL("../../mod.ts", import.meta.url).href);
    await Deno.writeTextFile(file, `import { ComputeUnit } from ${mod};\n${script}`);
    const args = ["run", "--no-prompt", "--no-check", "--v8-flags=--expose-gc", file];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("setInput() lazily lets the host's objects go after clearIo, and after the next inputs", async () => {
  const script = `
    const cu = await ComputeUnit.create();
    const refs: [string, WeakRef<object>][] = [];
    const settle = async () => {
      for (let i = 0; i < 5; i++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        (globalThis as unknown as { gc(): void }).gc();
      }
      return refs.filter(([, ref]) => ref.deref() !== undefined).map(([name]) => name).join(" ");
    };
    const give = (name: string, code: string) => {
      const value = { rows: Array.from({ length: 2000 }, (_, i) => ({ i })), map: new Map([["k", [1]]]) };
      refs.push([name, new WeakRef(value)], [name + " row", new WeakRef(value.rows[1500])]);
      refs.push([name + " map", new WeakRef(value.map)]);
      cu.setInput(value, { lazy: true });
      cu.compute(code);
    };
    const read = "local n = 0 for _, row in ipairs(_io.input.rows) do n = n + row.i end local _ = _io.input.map.k[1]";
    give("read", read);
    cu.clearIo();
    console.log("after clearIo:", await settle());
    give("written", read + " _io.input.rows[1501].i = 5 _io.input.map.x = 1 _io.output = _io.input");
    cu.getOutput();
    cu.clearIo();
    console.log("after a change and clearIo:", await settle());
    give("kept", "kept = _io.input.rows[1501]");
    cu.clearIo();
    console.log("while Lua keeps a row:", await settle(), cu.compute("return kept.i"));
    cu.compute("kept = nil");
    cu.clearIo();
    console.log("after that:", await settle());
    refs.length = 0;
    for (let i = 0; i < 300; i++) give("input" + i, read);
    const held = (await settle()).split(" ").length;
    console.log("of 300 inputs:", held < 300 ? "few" : held);
    cu.clearIo();
    console.log("at last:", await settle());
    refs.length = 0;
    give("failed", "return pcall(error)");
    try { cu.compute("error(_io.input)"); } catch { /* as it should */ }
    try { cu.compute("local t = _io.input.rows[5] t.x = 1 error('x')"); } catch { /* as it should */ }
    cu.clearIo();
    console.log("after errors:", await settle());
    give("disposed", read);
    cu.dispose();
    console.log("after dispose:", await settle());
  `;
  assertEquals((await runWithGc(script)).trim().split("\n").map((line) => line.trimEnd()), [
    "after clearIo:",
    "after a change and clearIo:",
    "while Lua keeps a row: kept row 1500",
    "after that:",
    "of 300 inputs: few",
    "at last:",
    "after errors:",
    "after dispose:",
  ]);
});

Deno.test("setInput() lazily frees views that code has dropped, while it runs", async () => {
  using cu = await unitOf({ memoryLimit: 8 * 1024 * 1024 }, rows(1_000_000));
  const code = `
    local most, n = 0, 0
    for i, row in ipairs(_io.input) do
      n = n + row.id
      if i % 10000 == 0 then most = math.max(most, collectgarbage("count")) end
    end
    return most, n
  `;
  const [most, n] = cu.computeAll(code) as number[];
  assertStrictEquals(n, 499_999_500_000);
  assert(most < 2000, `${most} KB`);
  cu.clearIo();
  cu.runGc();
  assert(cu.getMemoryStats().usedBytes < 1_500_000, `${cu.getMemoryStats().usedBytes} bytes`);
});

Deno.test("a refusal is the host's error whatever passed it on, but not where code says something else", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput({ f: () => 1 }, LAZY);
  const read = "function() return _io.input.f end";
  for (
    const code of [
      `return coroutine.wrap(${read})()`,
      `local ok, e = pcall(${read}) error(e)`,
      `local ok, e = pcall(${read}) error(e, 0)`,
      `assert(pcall(${read}))`,
    ]
  ) {
    const error = assertThrows(() => cu.compute(code), TypeError, "functions cannot be passed (at input.f)");
    assert(error.cause instanceof LuaError);
  }
  // Text that ends like a refusal is code's own.
  const text = "Cannot read input: functions cannot be passed (at input.f)";
  for (const code of [`local ok, e = pcall(${read}) error("mine: " .. e)`, `pcall(${read}) error("${text}", 0)`]) {
    const own = assertThrows(() => cu.compute(code), LuaError, text);
    assertStrictEquals(own.cause, undefined);
  }
});

Deno.test("what stands beside a change comes out as if all had been copied", async () => {
  using cu = await ComputeUnit.create();
  const make = () => ({
    n: 5n,
    large: 2n ** 60n,
    bytes: new Uint8Array([97]),
    raw: new Uint8Array([0xff]),
    none: null,
    list: [undefined, , null, 3n, { x: 0 }],
    map: new Map<unknown, unknown>([["a", null], [5n, 1], [new Uint8Array([99]), 2], ["b", { x: 1 }]]),
    set: new Set<unknown>([7n, "member", { x: 1 }]),
    typed: Float32Array.of(1.5),
    date: new Date(5),
    b: { x: 1 },
  });
  const code = `
    _io.input.b.x = 2 _io.input.list[5].x = 1 _io.input.map.b.x = 2
    for member in pairs(_io.input.set) do if type(member) == "table" then member.x = 2 end end
    _io.output = _io.input
  `;
  cu.setInput(make(), { lazy: false });
  cu.compute(code);
  const expected = cu.getOutput();
  cu.setInput(make(), LAZY);
  cu.compute(code);
  assertEquals(cu.getOutput(), expected);
});

Deno.test("what can't be passed is refused also where it would be copied beside a change", async () => {
  using cu = await ComputeUnit.create();
  const cause = new Error("boo");
  const cases: [object, string][] = [
    [{ f: () => 1 }, "functions cannot be passed (at input.a[0].f)"],
    [{ f: /x/ }, "RegExp objects cannot be passed (at input.a[0].f)"],
    [{ f: "\ud800" }, "lone surrogate cannot be passed (at input.a[0].f)"],
    [{ f: new Map([[null, 1]]) }, "null cannot be a key in Lua (at input.a[0].f[0])"],
    [
      {
        get f() {
          throw cause;
        },
      },
      'reading threw "boo" (at input.a[0].f)',
    ],
  ];
  for (const [held, message] of cases) {
    const b = { x: 1, up: {} };
    if ((Object.getOwnPropertyDescriptor(held, "f")?.value) instanceof Map) {
      (held as { f: Map<unknown, unknown> }).f.set("b", b);
    }
    cu.setInput({ a: [Object.defineProperties({ b }, Object.getOwnPropertyDescriptors(held))] }, LAZY);
    cu.compute("_io.input.a[1].b.x = 2 _io.output = _io.input");
    const error = assertThrows(() => cu.getOutput(), TypeError, message);
    if (message.includes("boo")) assertStrictEquals(error.cause, cause);
  }
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("views of one object in two inputs can't both be keys", async () => {
  using cu = await ComputeUnit.create();
  const object = { x: 1 };
  cu.setInput(object, LAZY);
  cu.compute("kept = _io.input");
  cu.setInput(object, LAZY);
  cu.compute("_io.output = { [kept] = 1, [_io.input] = 2 }");
  assertThrows(() => cu.getOutput(), TypeError, "the same object in two inputs");
  assertEquals(cu.compute("_io.output = 1 return kept.x"), 1);
});

Deno.test("keys of a lazy Map are found as Lua's tables find theirs, and arrays to their last index", async () => {
  await assertAgree(
    new Map([[2n ** 60n, "x"], [3n, "y"]]),
    "return _io.input[2^60], _io.input[2.0^60 // 1], _io.input[3.0]",
    [
      "x",
      "x",
      "y",
    ],
  );
  using cu = await ComputeUnit.create();
  const sparse: string[] = [];
  sparse[2 ** 31 + 5] = "far";
  cu.setInput(sparse, LAZY);
  assertEquals(cu.compute("return _io.input[2^31 + 6]"), "far");
  const map = new Map<unknown, unknown>([[5, 1], [7, () => 1], ["a", { f: () => 1 }], [true, { f: () => 1 }]]);
  cu.setInput(map, LAZY);
  assertThrows(() => cu.compute("return _io.input[7]"), TypeError, "(at input[1])");
  assertThrows(() => cu.compute("return _io.input[true].f"), TypeError, "(at input[0].f)");
  map.delete(7);
  map.set(null, 1);
  assertThrows(() => cu.compute("_io.input.b = 1"), TypeError, "null cannot be a key in Lua (at input[3])");
});

Deno.test("setInput() lazily survives memory errors wherever views are made", async () => {
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({ memoryLimit: 2 * 1024 * 1024, timeLimit: 50, now: clock.now });
  const input = Array.from({ length: 3000 }, () => new Array(20).fill(1));
  cu.setInput(input, LAZY);
  for (let free = 3; free <= 180; free += 9) {
    try {
      cu.compute(`
        local list
        pcall(function() while true do list = { list } end end)
        for i = 1, ${free} do list = list[1] end
        collectgarbage()
        for i = 1, #_io.input do pcall(function() list = { _io.input[i], list } end) end
      `);
    } catch (error) {
      assert(error instanceof LuaError && (error.kind === "memory" || error.kind === "time"), String(error));
    }
  }
  cu.setInput(input, LAZY);
  assertEquals(cu.compute("return #_io.input[3000]"), 20);
});

Deno.test("what a Map's own methods or a Proxy throw is a clear error, as often as it happens", async () => {
  using cu = await ComputeUnit.create();
  using other = await ComputeUnit.create();
  const thrown = [
    null,
    undefined,
    "text",
    5,
    Object.freeze(new Error("frozen")),
    new Proxy({}, {
      getPrototypeOf: () => {
        throw null;
      },
    }),
  ];
  let toThrow: unknown;
  let isArmed = false;
  class Throwing extends Map<string, number> {
    override has(_: string): boolean {
      throw toThrow;
    }
  }
  const proxy = new Proxy({ a: 1, b: 2 }, {
    getPrototypeOf: () => {
      if (isArmed) throw toThrow;
      return Object.prototype;
    },
  });
  for (toThrow of thrown) {
    cu.setInput({ map: new Throwing([["x", 1]]) }, LAZY);
    const error = assertThrows(() => cu.compute("return _io.input.map.x"), TypeError, "reading threw");
    assertStrictEquals(error.cause, toThrow ?? error.cause);
    assertEquals(cu.compute("return (pcall(function() return _io.input.map.x end))"), false);
    isArmed = false;
    cu.setInput(proxy, LAZY);
    isArmed = true;
    for (let i = 0; i < 300; i++) assertThrows(() => cu.setInputField("z", 1), TypeError, "reading threw");
    cu.clearIo();
  }
  // The error of another unit isn't this one's.
  cu.setInput({
    get x() {
      return other.compute("error('other')");
    },
  }, LAZY);
  assertThrows(() => cu.compute("return _io.input.x"), TypeError, 'reading threw "other" (at input.x)');
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("setInput() lazily heeds the time limit in one step that reads all of a large Map or object", async () => {
  const timeLimit = 20;
  const map = new Map(Array.from({ length: 200_000 }, (_, i) => [`key ${i}`, i]));
  const steps = [
    "_io.input.x = 1",
    "local _ = _io.input.x",
    "next(_io.input) _io.input.x = 1",
    "setmetatable({}, _io.input)",
    "next(_io.input, 'key 5')",
  ];
  for (const value of [map, new Set(map.keys()), Object.fromEntries(map)]) {
    for (const code of steps) {
      const clock = new CountingClock();
      using cu = await unitOf({ timeLimit, memoryLimit: 2 ** 30, now: clock.now }, value);
      // V8 lists an object's keys in one go, and then one is looked up.
      const isShort = !(value instanceof Map || value instanceof Set) && code.startsWith("local");
      if (isShort) assert(clock.looksOf(() => cu.compute(code)) < 10);
      else assertEndsInTime(cu, clock, timeLimit, code);
      cu.setInput({ still: ["works"] }, LAZY);
      assertStrictEquals(cu.compute("return _io.input.still[1]"), "works");
    }
  }
});

Deno.test("setInput() lazily keeps some of the fields that code reads by key, and few bytes for them", async () => {
  const count = 20_000;
  const entries = Array.from({ length: count }, (_, i): [string, unknown] => {
    return [`key ${i}`, i % 3 === 0 ? { id: i } : i % 3 === 1 ? `${i} `.repeat(100) : i];
  });
  const code = `
    local t, n = _io.input, 0
    for round = 1, 2 do
      for i = 0, ${count - 1} do
        local v = t["key " .. i]
        assert(i % 3 == 0 and v.id == i or i % 3 == 1 and #v > 100 or v == i)
        if i % 3 == 0 then assert(rawequal(v, t["key " .. i])) end
        n = n + 1
      end
    end
    assert(t.missing == nil and next(t) ~= nil)
    t["key 3"].id = "changed"
    t["key 4"] = "changed"
    return n, t["key 3"].id, t["key 4"], t["key 5"]
  `;
  for (const value of [new Map(entries), Object.fromEntries(entries)]) {
    using cu = await unitOf({}, value);
    assertEquals(cu.computeAll(code.replace(/t\["key 3"\][^]*/, "return n")), [2 * count]);
    assert(cu.getMemoryStats().wasmBytes <= 2 * 1024 * 1024, `${cu.getMemoryStats().wasmBytes} bytes`);
    assertEquals(cu.computeAll(code), [2 * count, "changed", "changed", 5]);
  }
});

Deno.test("setInput() lazily encodes no key that is longer than a Map's bytes to look for it", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput(new Map<unknown, unknown>([[new Uint8Array([255]), 1], ["ÿ", 2], [new Uint8Array([97, 98]), 3]]), LAZY);
  cu.compute("s = ('x'):rep(1e6)");
  const { encode } = TextEncoder.prototype;
  const encoded: number[] = [];
  TextEncoder.prototype.encode = function (text) {
    encoded.push(text?.length ?? 0);
    return encode.call(this, text);
  };
  try {
    assertEquals(cu.computeAll("return _io.input[s], _io.input['\\xff'], _io.input['ÿ'], _io.input.ab"), [
      null,
      1,
      2,
      3,
    ]);
  } finally {
    TextEncoder.prototype.encode = encode;
  }
  // The code that runs, and "ab".
  assert(encoded.every((length) => length < 100), String(encoded));
});

Deno.test("a typed array that was written to without a change is one, as a copy is", async () => {
  for (const array of [Float64Array.of(1, 2), new Int16Array(0), BigInt64Array.of(5n), Uint32Array.of(7)]) {
    for (const write of ["t.a = nil", "rawset(t, 1, t[1])", "t[1] = t[1]", "table.remove(t, #t + 1)"]) {
      await assertAgree({ c: array }, `local t = _io.input.c ${write} return t, _io.input`, [array, { c: array }]);
    }
    await assertAgree(
      { c: array },
      "local t = _io.input.c t[#t + 1] = 9 return t",
      [[...Array.from(array as ArrayLike<number | bigint>, Number), 9]],
    );
  }
});
