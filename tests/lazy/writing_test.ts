// Code writes to a lazy input: the host's data stays as it was.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ComputeUnit, type LuaValue } from "@computeunit/cu";
import { assertAgree, lazily, LAZY, rows } from "../helpers/lazy.ts";

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

Deno.test("what code changes in a part of a lazy input that it has stored comes out of the input, too", async () => {
  const cases: [string, unknown][] = [
    ["_home.t = i.a  i.a.n = 2  _io.output = i", { a: { n: 2 }, b: { m: [] } }],
    ["i.a.n = 2  _home.t = i.a  _io.output = i", { a: { n: 2 }, b: { m: [] } }],
    ["_home.t = i.a  _home.t.n = 2  _io.output = { i.a, i }", [{ n: 2 }, { a: { n: 2 }, b: { m: [] } }]],
    ["_home.t = i.b  i.b.m[1] = 5  i.a.n = 3  _io.output = i", { a: { n: 3 }, b: { m: [5] } }],
    ["_home.t = i.a  _home.t.f = print  _io.output = { i.b }", [{ m: [] }]],
    ["_home.t = i.b  i.x = 1 _home.t.m.y = 2  _io.output = i", { a: { n: 1 }, b: { m: { y: 2 } }, x: 1 }],
  ];
  for (const [options, inputOptions] of [[{}, { lazy: false }], [{}, LAZY], [{ lazyThreshold: 0 }, {}]] as const) {
    for (const [code, expected] of cases) {
      using cu = await ComputeUnit.create(options);
      cu.setInput({ a: { n: 1 }, b: { m: [] } }, inputOptions);
      cu.compute(`local i = _io.input ${code}`);
      assertEquals(cu.getOutput(), expected, code);
      assertEquals(JSON.parse(cu.getOutputJson()), expected, code);
    }
  }
});

Deno.test("an entry of a lazy Map or Set is found by its key that was stored in an external table", async () => {
  for (const inputOptions of [{ lazy: false }, LAZY]) {
    using cu = await ComputeUnit.create();
    const key = { k: 1 };
    cu.setInput({ key, map: new Map([[key, 1]]), set: new Set([key]) }, inputOptions);
    const code = `local i = _io.input _home.t = i.key
      local found for k, v in pairs(i.map) do found = k == i.key and i.map[k] == v and rawequal(k, _home.t) end
      return { i.map[i.key], rawget(i.map, i.key), i.set[i.key], found, next(i.map) == i.key }`;
    assertEquals(cu.compute(code), [1, 1, true, true, true]);
  }
});
