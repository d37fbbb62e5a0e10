// A view is a table in every operation.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { ComputeUnit, type LuaValue } from "@computeunit/cu";
import { assertAgree, lazily, LAZY, rows } from "../helpers/lazy.ts";

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
