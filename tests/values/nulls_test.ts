// undefined and null as the tables of docs/IO_TABLE_API.md says.

import { assertEquals } from "@std/assert";
import { ComputeUnit, type LuaValue } from "@computeunit/cu";
import { inLua, roundTrip } from "../helpers/round_trip.ts";

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
