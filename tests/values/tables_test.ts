// What a table becomes in JavaScript: its keys and their order decide.

import { assertEquals, assertThrows } from "@std/assert";
import { ComputeUnit, type LuaValue } from "@computeunit/cu";

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

Deno.test("from Lua: fields are in the order of their names", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(Object.keys(cu.compute("return { zebra = 1, apple = 2, mango = 3, _x = 4 }")), [
    "_x",
    "apple",
    "mango",
    "zebra",
  ]);
});

Deno.test("tables with keys that serve as metatables work as such", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput([{ __index: { a: 1 }, __len: 2 }, { __index: { a: 3 }, __len: 4 }]);
  assertEquals(cu.compute("return { setmetatable({}, _io.input[1]).a, setmetatable({}, _io.input[2]).a }"), [1, 3]);
});
