// External tables and _home as code sees them: as tables in every operation.

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, ExternalTable, LuaError } from "@computeunit/cu";
import { liveHeapBytes } from "../helpers/heap.ts";

const HOME = 2;

Deno.test("external tables are tables in every operation", async () => {
  using cu = await ComputeUnit.create();
  const results = (make: string) =>
    cu.computeAll(`
    local t = ${make}
    local lines = {}
    local function note(...)
      local texts = table.pack(...)
      for i = 1, texts.n do texts[i] = tostring(texts[i]) end
      lines[#lines + 1] = table.concat(texts, " ")
    end
    t.a, t[1], t[2], t[-1], t[1.5], t[true], t[2^53] = "x", 1, 2.0, -1, "half", "yes", "big"
    note(t.a, t[1], math.type(t[2]), t[-1], t[1.5], t[true], t[2^53], t["1"] == nil, t[false] == nil, #t)
    note(rawget(t, "a"), rawlen(t), type(t), rawequal(t, t), next({}) == nil)
    rawset(t, "b", "raw")
    t.c = { deep = { deeper = true } }
    note(t.b, tostring(t.c.deep.deeper), tostring(t.c == t.c), tostring(t.c.deep == t.c.deep))
    local keys = {}
    for k in pairs(t) do keys[#keys + 1] = tostring(k) end
    table.sort(keys)
    note(table.concat(keys, ","))
    t.list = {}
    for i = 1, 20 do table.insert(t.list, i * 7 % 20) end
    table.insert(t.list, 1, "first")
    note(table.remove(t.list, 1), table.remove(t.list), #t.list)
    table.sort(t.list, function(a, b) return a > b end)
    note(table.concat(t.list, ","), table.unpack(t.list, 1, 3))
    note(select("#", table.unpack(t.list)))
    table.move(t.list, 1, 3, 2)
    note(table.concat(t.list, ","))
    local sum = 0
    for i, v in ipairs(t.list) do sum = sum + i * v end
    note(sum)
    for k, v in pairs(t.list) do if v % 2 == 0 then t.list[k] = nil else t.list[k] = v * 2 end end
    local n = 0
    for _ in pairs(t.list) do n = n + 1 end
    note(n)
    local m = setmetatable(t.c, {
      __index = function(_, k) return k .. "?" end,
      __newindex = function(self, k, v) rawset(self, k, v .. "!") end,
      __len = function() return 42 end,
      __call = function(_, x) return x + 1 end,
    })
    m.fresh = "new"
    m.fresh = "old"
    note(m.fresh, m.absent, #m, m(1), rawlen(m))
    t.a = nil
    note(tostring(t.a), tostring(rawget(t, "a")), tostring(next(t) ~= nil))
    return table.concat(lines, "\\n")
  `)[0];
  const expected = results("{}");
  assertEquals(results("ext.table()"), expected);
  assertEquals(results("(function() _home.t = {} return _home.t end)()"), expected);
});

Deno.test("a table that is stored becomes external itself, with all that it holds", async () => {
  using cu = await ComputeUnit.create();
  cu.compute(`
    local cart = { items = { "tea" }, owner = { name = "Ada" } }
    cart.items.owner = cart.owner
    cart.self = cart
    _home.cart = cart
    cart.items[2] = "cups"
    cart.owner.name = "Grace"
    assert(_home.cart == cart and _home.cart.items == cart.items and cart.self == cart)
    assert(_home.cart.owner == _home.cart.items.owner)
  `);
  const cart = cu.getTableValue<Record<string, unknown>>(HOME, "cart")!;
  assertEquals(Object.keys(cart), ["items", "owner", "self"]);
  assertEquals(cart.items, { 1: "tea", 2: "cups", owner: { name: "Grace" } });
  assert(cart.self === cart && (cart.items as { owner: unknown }).owner === cart.owner);
  assertEquals(cu.compute("collectgarbage() return _home.cart.self.self.items[2]"), "cups");
});

Deno.test("keys and values are as Lua has them", async () => {
  using cu = await ComputeUnit.create();
  const values = ["1", "2.0", "-0.0", "0.1", "1e300", "math.huge", "math.mininteger", "'text'", "'\\0\\xff'", "true"];
  for (const value of values) {
    const code = `
      local v = ${value}
      _home.v, _home.list, _home[v] = v, { v }, "key"
      collectgarbage()
      _home.filler = nil
      local fill = ext.table()
      for i = 1, 20000 do fill[i] = "filler " .. i local _ = fill[i] end
      local same = function(a) return a == v and math.type(a) == math.type(v) and tostring(a) == tostring(v) end
      return same(_home.v) and same(_home.list[1]) and _home[v] == "key"
    `;
    assertEquals([value, cu.compute(code)], [value, true]);
  }
  const code = `
    _home.null, _home.date, _home.bytes = _io.null, _io.date(86400000), _io.bytes("abc")
    return tostring(_home.null), _home.null == _io.null, _home.date == _io.date(86400000), _home.bytes
  `;
  assertEquals(cu.computeAll(code), ["null", true, true, "abc"]);
  assertEquals(cu.getTableValue(HOME, "null"), null);
  assertEquals(cu.getTableValue(HOME, "date"), new Date(86400000));
  assertEquals(cu.getTableValue(HOME, "bytes"), new TextEncoder().encode("abc"));
});

Deno.test("what can't be kept is refused with its place, and nothing is stored", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("_home.before = { 1 }");
  const refused: [code: string, message: string][] = [
    ["_home.c = coroutine.create(print)", "cannot keep a value: coroutines cannot be passed (at _home.c)"],
    ["_home.f = io.stdout", "cannot keep a value: userdata cannot be passed (at _home.f)"],
    ["_home.x = { a = { { coroutine.create(print) } } }", "coroutines cannot be passed (at _home.x.a[1][1])"],
    ["_home.g = _G", "metatables, globals and the library cannot be kept (at _home.g)"],
    ["_home.g = { string }", "metatables, globals and the library cannot be kept (at _home.g[1])"],
    ["local mt = {} setmetatable({}, mt) _home.mt = mt", "metatables, globals and the library cannot be kept"],
    ["setmetatable({}, _home)", "an external table cannot be a metatable"],
    ["_home[nil] = 1", "table index is nil"],
    ["_home[0/0] = 1", "table index is NaN"],
    ["_home[print] = 1", "a function cannot be a key of an external table"],
    ["_home[_io.date(0)] = 1", "a userdata cannot be a key of an external table"],
    ["rawset(_home, nil, 1)", "table index is nil"],
    ["local t = {} t.t = { [print] = 1 } _home.k = t", "functions cannot be passed (at _home.k.t[...])"],
  ];
  for (const [code, message] of refused) {
    const error = assertThrows(() => cu.compute(code), LuaError, message);
    assertEquals(error.kind, "runtime");
    assertEquals(cu.compute(`return not pcall(function() ${code} end)`), true, code);
  }
  assertEquals(cu.home.toValue(), { before: [1] });
  const deep = "local t = {} local root = t for i = 1, 1100 do t.t = {} t = t.t end _home.deep = root";
  assertThrows(() => cu.compute(deep), LuaError, "nesting is deeper than 1000 levels");
  assertEquals(cu.compute("local t = _home for i = 1, 1100 do t.t = {} t = t.t end return 1"), 1);
  assertThrows(() => cu.getTableValue(HOME, "t"), RangeError, "nesting is deeper than 1000 levels");
  assertEquals(cu.compute("_home.t = nil return _home"), { before: [1] });
});

Deno.test("views of lazy inputs that are stored become external, and stay one table", async () => {
  using cu = await ComputeUnit.create();
  const rows = Array.from({ length: 2000 }, (_, id) => ({ id, tags: [id] }));
  cu.setInput({ rows, map: new Map([["k", { v: 1 }]]) }, { lazy: true });
  const code = `
    local row = _io.input.rows[7]
    _home.row = row
    row.id = "changed"
    assert(_home.row == row and _io.input.rows[7] == row and _home.row.id == "changed")
    for i = 1, #_io.input.rows do local _ = _io.input.rows[i].id end
    collectgarbage()
    assert(_io.input.rows[7] == _home.row and _io.input.rows[7].id == "changed")
    _home.map = _io.input.map
    _home.map.k.v = 2
    assert(_io.input.map.k.v == 2)
    return _io.input.rows[7]
  `;
  assertEquals(cu.compute(code), { id: "changed", tags: [6] });
  assertEquals(rows[6], { id: 6, tags: [6] });
  assertEquals(cu.getTableValue(HOME, "map"), new Map([["k", { v: 2 }]]));
  cu.clearIo();
  cu.runGc();
  assertEquals(cu.compute("return _home.row.tags[1], _home.map.k.v"), 6);
});

Deno.test("kinds of what came from JavaScript stay, and what is changed is as Lua's tables are", async () => {
  using cu = await ComputeUnit.create();
  const value = {
    list: [1, null, 3],
    empty: [],
    map: new Map<unknown, unknown>([[1, "one"], [true, null]]),
    set: new Set(["a", 2]),
    floats: new Float64Array([1, 2.5]),
    bigs: new BigInt64Array([1n, -(2n ** 63n)]),
    big: 2n ** 60n,
    none: null,
    date: new Date(5),
    bytes: new Uint8Array([255, 0]),
  };
  cu.setTableValue(HOME, "v", value);
  assertEquals(cu.getTableValue(HOME, "v"), value);
  cu.setInput(value);
  cu.compute("_home.v = _io.input");
  assertEquals(cu.getTableValue(HOME, "v"), value);
  assertEquals(cu.compute("return #_home.v.list, #_home.v.empty, math.type(_home.v.floats[1]), _home.v.none"), 3);
  assertEquals(cu.computeAll("return _home.v.list, _home.v.empty"), [[1, null, 3], []]);
  const changed = `
    local v = _home.v
    v.floats[3], v.list[4], v.empty[1], v.map.x, v.set[2] = 1, 4, "e", 1, nil
    return v
  `;
  const after = cu.compute<Record<string, unknown>>(changed);
  assertEquals([after.floats, after.list, after.empty], [[1, 2.5, 1], [1, null, 3, 4], ["e"]]);
  assertEquals(after.map, new Map<unknown, unknown>([[1, "one"], [true, null], ["x", 1]]));
  assertEquals(after.set, new Set(["a"]));
});

Deno.test("a metatable stays with its table as long as _home reaches it, and isn't part of the value", async () => {
  using cu = await ComputeUnit.create();
  cu.compute(`
    Point = {} Point.__index = Point
    function Point:sum() return self.x + self.y end
    _home.p = setmetatable({ x = 1, y = 2 }, Point)
  `);
  cu.compute("collectgarbage()");
  assertEquals(cu.compute("return _home.p:sum()"), 3);
  assertEquals(cu.getTableValue(HOME, "p"), { x: 1, y: 2 });
  cu.compute("_home.p = nil");
  // Gone with the last reference: nothing keeps it.
  const used = () => {
    for (let i = 0; i < 200; i++) cu.compute("_home.p = setmetatable({ x = {} }, Point) _home.p = nil");
    cu.runGc();
    return cu.getMemoryStats().usedBytes;
  };
  used();
  const before = used();
  for (let i = 0; i < 5; i++) used();
  assert(used() <= before, `${used()} bytes, ${before} before`);
});

Deno.test("code only reaches tables that it was given", async () => {
  using cu = await ComputeUnit.create();
  using other = await ComputeUnit.create();
  const id = cu.createExternalTable();
  cu.setTableValue(id, "secret", 1);
  assertEquals(
    cu.compute("for _, v in pairs(ext) do assert(type(v) == 'function') end return pcall(ext.table, 16)"),
    true,
  );
  assertEquals(cu.compute("return next(ext.table(16))"), null);
  const refusal = "a table of another unit cannot be passed (at input.a[0])";
  for (const lazy of [false, true]) {
    const read = () => {
      other.setInput({ a: [cu.externalTable(id)] }, { lazy });
      other.compute("return _io.input.a[1]");
    };
    assertThrows(read, TypeError, `${lazy ? "Cannot read input" : "Cannot set input"}: ${refusal}`);
  }
  assertThrows(
    () => other.setTableValue(HOME, "x", { t: cu.home }),
    TypeError,
    "another unit cannot be passed (at value.t)",
  );
  assertEquals(other.compute("return 1"), 1);
  assertThrows(() => new (ExternalTable as unknown as new () => unknown)(), TypeError);
});

Deno.test("the host reads and writes tables, and code sees it at once", async () => {
  const poke = () => {
    cu.setTableValue(HOME, "list", [1, 2, 3]);
    cu.setTableValue(HOME, "count", (cu.getTableValue<number>(HOME, "count") ?? 0) + 1);
  };
  using cu = await ComputeUnit.create({ globals: { poke } });
  const code = `
    _home.list = { "a" }
    local seen = { #_home.list, _home.list[1], _home.count }
    poke()
    seen[3], seen[4], seen[5] = #_home.list, _home.list[3], _home.count
    for k, v in pairs(_home.list) do if k == 1 then poke() _home.list[k] = "w" end end
    seen[6] = _home.list[1]
    return seen
  `;
  assertEquals(cu.compute(code), [1, "a", 3, 3, 1, "w"]);
  assertEquals(cu.tableKeys(HOME), ["list", "count"]);
  assertEquals(cu.tableSize(HOME), 2);
  assertEquals(cu.deleteTableValue(HOME, "count"), true);
  assertEquals(cu.deleteTableValue(HOME, "count"), false);
  assertEquals([cu.getTableValue(HOME, "count"), cu.home.has("count"), cu.home.has("list")], [null, false, true]);
  const { home } = cu;
  home.set("nested", { a: { b: 1 } });
  const nested = home.get("nested") as ExternalTable;
  assert(nested === home.get("nested") && nested instanceof ExternalTable);
  (nested.get("a") as ExternalTable).set("b", 2);
  assertEquals(cu.compute("return _home.nested.a.b"), 2);
  assertEquals(cu.getTableValue(nested.id, "a"), { b: 2 });
  assertThrows(() => cu.getTableValue(99, "a"), RangeError, "there is no external table 99");
  assertThrows(() => home.set("f", () => 1), TypeError, "functions cannot be passed (at value)");
  assertThrows(() => home.set(null, 1), TypeError, "cannot be a key");
  assertThrows(() => home.set("s", "\ud800"), TypeError, "lone surrogate");
  assertThrows(() => home.set("b", 2n ** 64n), RangeError, "64 bits");
});

Deno.test("undefined and null that the host stores are what they are in an input", async () => {
  using cu = await ComputeUnit.create();
  for (
    const value of [
      { a: undefined, b: null },
      new Map<string, unknown>([["a", undefined], ["b", null], ["c", 1]]),
      new Map([["a", undefined]]),
      [undefined, null, 1],
    ]
  ) {
    cu.setInput({ value }, { lazy: false });
    const wanted = cu.compute("return _io.input.value");
    cu.setTableValue(cu.homeTableId, "value", value);
    assertEquals(cu.home.toValue(), { value: wanted });
    assertEquals(cu.compute("return _home.value"), wanted);
  }
});

Deno.test("tables that nobody refers to are freed, on both sides", async () => {
  using cu = await ComputeUnit.create();
  const run = () => {
    cu.compute(`
      for i = 1, 500 do
        local t = ext.table()
        t.x = { y = { i } }
        _home.x = { list = { 1, 2, { 3 } }, cycle = t }
        t.cycle = _home.x
      end
      _home.x = nil
      collectgarbage()
    `);
    for (let i = 0; i < 50; i++) {
      const id = cu.createExternalTable();
      cu.setTableValue(id, "v", { a: [1] });
      cu.deleteExternalTable(id);
    }
    cu.runGc();
  };
  for (let i = 0; i < 3; i++) run();
  const before = cu.getMemoryStats();
  for (let i = 0; i < 30; i++) run();
  const after = cu.getMemoryStats();
  assertEquals(after.wasmBytes, before.wasmBytes);
  assert(after.usedBytes <= before.usedBytes + 1024);
});

Deno.test("tables that only refer to each other are freed, on both sides", async () => {
  using cu = await ComputeUnit.create({ stateLimit: 20_000_000 });
  const run = () => {
    cu.compute(`
      class = class or { __index = {} }
      for i = 1, 500 do
        local tree = setmetatable({ text = ("x"):rep(100000), children = { {} } }, class)
        tree.children[1].parent = tree
        _home.tree = tree
        if i % 5 == 0 then collectgarbage() end
      end
    `);
  };
  run();
  const [before, heapBefore] = [cu.getMemoryStats().usedBytes, await liveHeapBytes()];
  for (let i = 0; i < 5; i++) run();
  cu.runGc();
  assert(cu.getMemoryStats().usedBytes < before + 100_000);
  assert(await liveHeapBytes() < heapBefore + 20_000_000);
  assertEquals(cu.compute("local tree = _home.tree return rawequal(tree.children[1].parent, tree)"), true);
});

Deno.test("a million keys take no more of the unit's memory than a hundred", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("for i = 1, 1000000 do _home['key ' .. i] = i end");
  const code = `
    local n, sum = 0, 0
    for k, v in pairs(_home) do n = n + 1 sum = sum + v end
    for i = 1, 1000000, 997 do assert(_home["key " .. i] == i) end
    return n + sum
  `;
  assertEquals(cu.compute(code), 1_000_000 + 1_000_000 * 1_000_001 / 2);
  assertEquals(cu.tableSize(HOME), 1_000_000);
  const { wasmBytes } = cu.getMemoryStats();
  assert(wasmBytes < 4_000_000, `${wasmBytes} bytes`);
});

Deno.test("a queue and a stack take no more than what is in them", async () => {
  using cu = await ComputeUnit.create();
  const code = `
    local q, head, tail = ext.table(), 1, 0
    for i = 1, 20000 do
      tail = tail + 1 q[tail] = i
      if i > 10 then assert(q[head] == i - 10) q[head] = nil head = head + 1 end
    end
    local s = ext.table()
    for i = 1, 5000 do s[#s + 1] = i end
    for i = 1, 5000 do s[#s] = nil end
    assert(#s == 0 and next(s) == nil)
    s[1] = "again"
    _home.q, _home.s = q, s
    local n = 0
    for _ in pairs(q) do n = n + 1 end
    return { n, #s }
  `;
  assertEquals(cu.compute(code), [10, 1]);
});

Deno.test("next from any key, and of keys that are none", async () => {
  using cu = await ComputeUnit.create();
  const code = `
    local t = ext.table()
    for i = 1, 5 do t[i] = i end
    t.a = "a"
    t.b = "b"
    t[7] = 7
    local seen = {}
    for k in pairs(t) do
      seen[#seen + 1] = tostring(k)
      t[k] = nil
      local after = next(t, k)
      assert(after == nil or t[after] ~= nil)
    end
    assert(next(t) == nil)
    local ok, message = pcall(next, t, "never")
    return table.concat(seen, ","), ok, message
  `;
  const [seen, ok, message] = cu.computeAll(code);
  assertEquals([seen, ok], ["1,2,3,4,5,a,b,7", false]);
  assert(String(message).includes("invalid key to 'next'"), String(message));
});

Deno.test("code takes no more of the host's memory than stateLimit says, and what is gone isn't counted", async () => {
  using cu = await ComputeUnit.create({ stateLimit: 200_000 });
  const fill = "list = list or ext.table() for i = 1, 1e7 do _home[i] = 'text number ' .. i end";
  const error = assertThrows(() => cu.compute(fill, { chunkName: "fill.lua" }), LuaError);
  assertEquals(error.message, "Cannot store a value: external tables take more than the 200000 bytes of stateLimit");
  assertEquals([error.kind, error.chunk, error.line], ["memory", "fill.lua", 1]);
  assertInstanceOf(error.cause, RangeError);
  const size = cu.tableSize(HOME);
  assert(size > 1000 && size < 3000, `${size} entries`);
  assertEquals(cu.compute("return pcall(function() _home.x = { {}, {}, {} } end)"), false);
  assertEquals(cu.compute("return pcall(_io.array, list, 2^27)"), false);
  assertEquals(cu.compute("return pcall(ext.table)"), false);
  assertEquals(cu.compute("for i = 1, 100 do _home[i] = nil end _home.x = 1 return _home.x"), 1);
  cu.compute("for k in pairs(_home) do _home[k] = nil end");
  // Tables that are gone make room, however many there were.
  cu.compute(
    "for i = 1, 5000 do local t = ext.table() t.x = ('x'):rep(1000) end",
  );
  assertEquals(cu.compute("_home.y = ('y'):rep(50000) return #_home.y"), 50_000);
  const many = "local t = {} for i = 1, 1000 do t[i] = {} end _home.t = t _home.u = {}";
  assertEquals(assertThrows(() => cu.compute(many), LuaError).kind, "memory");
});

Deno.test("what Lua hasn't collected yet makes room, whatever needs it", async () => {
  const programs = {
    "a value": "local t = ext.table() t.x = text",
    "a table that is stored": "_home.t = { text, { text } }",
    "in a coroutine": "coroutine.wrap(function(...) local t = ext.table() t.x = text end)(i)",
    "a new table": "for _ = 1, 500 do ext.table() end",
    "a length": "local t = ext.table() _io.array(t, 1000)",
  };
  for (const [name, code] of Object.entries(programs)) {
    using cu = await ComputeUnit.create({ stateLimit: 1_000_000 });
    cu.compute(`local text = ("x"):rep(100000) for i = 1, 50 do ${code} end _home.t = nil`);
    // A register may still hold the last one.
    assertEquals(cu.compute("_home.x = ('x'):rep(800000) return #_home.x"), 800_000, name);
  }
});

Deno.test("places that code has emptied take no more of the host's memory than stateLimit says, either", async () => {
  using cu = await ComputeUnit.create({ stateLimit: 2_000_000 });
  const before = await liveHeapBytes();
  cu.compute(`
    tables = {}
    for i = 1, 40 do
      local t = ext.table()
      tables[i] = t
      for j = 1, 2000 do t[("k"):rep(500) .. i .. " " .. j] = j end
      for k in pairs(t) do t[k] = nil end
    end
  `);
  assert(await liveHeapBytes() < before + 10_000_000);
  // What is moved from table to table leaves empty places, and is found by the traversals that leave them.
  const code = `
    for j = 1, 1000 do tables[1][("m"):rep(500) .. j] = j end
    for i = 1, 39 do
      for k, v in pairs(tables[i]) do tables[i][k] = nil tables[i + 1][k] = v end
    end
    local count, sum = 0, 0
    for k, v in pairs(tables[40]) do count, sum = count + 1, sum + v end
    return { count, sum, next(tables[20]) == nil }
  `;
  assertEquals(cu.compute(code), [1000, 500_500, true]);
});

Deno.test("a traversal goes on where it was, though empty places are given up meanwhile", async () => {
  const keys = ["i", "'k' .. i", "i % 2 == 0 and i // 2 or 'k' .. i"];
  for (const key of keys) {
    for (const before of ["", "if i % 100 < 90 then t[k] = nil end"]) {
      for (const meanwhile of ["", "t[k] = nil"]) {
        for (const size of [1200, 1400, 1600]) {
          using cu = await ComputeUnit.create({ stateLimit: 200_000 });
          const code = `
            local t, expected, found = ext.table(), 0, 0
            for i = 1, ${size} do t[${key}] = i end
            for k, i in pairs(t) do ${before} end
            for _ in pairs(t) do expected = expected + 1 end
            local seen = {}
            for k in pairs(t) do
              if seen[k] then error(k) end
              seen[k], found = true, found + 1
              ${meanwhile}
              local other = ext.table()
              other.text = ("x"):rep(2000)
            end
            return expected - found
          `;
          assertEquals(cu.compute(code), 0, `${key} ${before} ${meanwhile} ${size}`);
        }
      }
    }
  }
});

Deno.test("the error of stateLimit is one that code can catch, pass on and give to the host, the very same object", async () => {
  const seen: unknown[] = [];
  using cu = await ComputeUnit.create({
    stateLimit: 1000,
    globals: { tell: (error: unknown) => void seen.push(error) },
  });
  const code = "local ok, e = pcall(function() _home.x = ('x'):rep(1000) end) tell(e) error(e)";
  const error = assertThrows(() => cu.compute(code), LuaError);
  assertEquals([error.kind, cu.home.size], ["memory", 0]);
  assertStrictEquals(error.cause, seen[0]);
  assertEquals((await assertRejects(() => cu.computeAsync(code), LuaError)).kind, "memory");
  // What the host stores itself counts, but is its own matter.
  cu.setTableValue(HOME, "x", "x".repeat(2000));
  assertEquals(assertThrows(() => cu.compute("_home.y = 1"), LuaError).kind, "memory");
  assertEquals(cu.compute("_home.x = nil _home.y = 1 return _home.y"), 1);
});

Deno.test("tables that the host has made count as long as it has them, whoever else does", async () => {
  using cu = await ComputeUnit.create({ stateLimit: 100_000 });
  const fill = (id: number) => {
    cu.setInput(cu.externalTable(id));
    const isKept = cu.compute("return pcall(function() _io.input.text = ('x'):rep(40000) end)");
    cu.clearIo();
    cu.runGc();
    return isKept;
  };
  const ids = [1, 2, 3].map(() => cu.createExternalTable());
  assertEquals(ids.map(fill), [true, true, false]);
  cu.deleteExternalTable(ids[0]);
  assertEquals(fill(ids[2]), true);
  cu.restore(cu.snapshot());
  assertEquals(cu.compute("return pcall(function() _home.text = ('x'):rep(40000) end)"), false);
  using fork = cu.fork();
  assertEquals(fork.compute("return pcall(function() _home.text = ('x'):rep(40000) end)"), false);
});

Deno.test("tables whose storing is refused at last stay what they were, and nothing of them is kept", async () => {
  const refusals: [name: string, stateLimit: number, code: string][] = [
    ["stateLimit", 100_000, "_home[('k'):rep(90000)] = given"],
    ["a conflict", 1_000_000, "_home.taken = given"],
  ];
  for (const [name, stateLimit, code] of refusals) {
    using cu = await ComputeUnit.create({ stateLimit, globals: { wait: () => new Promise(() => {}) } });
    cu.computeAsync("_home.taken = 1 wait()", { transaction: true }).catch(() => {});
    cu.setInput({ row: { a: 1, list: [1, 2, 3] } }, { lazy: true });
    for (let i = 0; i < 30; i++) {
      const store = `given = { _io.input.row, { ('x'):rep(10000 + ${
        stateLimit / 100 * 4
      }) } } return pcall(function() ${code} end)`;
      assertEquals(cu.compute(store), false, name);
      assertEquals(cu.compute("return { #given[2], _io.input.row.a, #_io.input.row.list }"), [1, 1, 3], name);
      cu.compute("given = nil collectgarbage()");
    }
    cu.compute("_io.input.row.a = 2 _io.input.row.list[1] = 7");
    assertEquals(cu.compute("return _io.input.row"), { a: 2, list: [7, 2, 3] }, name);
    cu.compute("_home.row = _io.input.row _home.list = _io.input.row.list _home.row.list[2] = 8");
    assertEquals(cu.compute("return { _home.list, _io.input.row }"), [[7, 8, 3], { a: 2, list: [7, 8, 3] }], name);
    cu.compute(`_home.text = ('x'):rep(${stateLimit / 2})`);
  }
});

Deno.test("an entry and a table count before they are there", async () => {
  const cases: [stateLimit: number, code: string, isKept: boolean][] = [
    [0, "_home.x = 1", false],
    [0, "_home[1] = 1", false],
    [0, "ext.table()", false],
    [0, "_home.x = nil", true],
    [256 + 64 + 32, "_home.x = 1", false], // 33 for the key
    [256 + 64 + 33, "_home.x = 1", true],
    [256 + 64 + 33, "_home.x = 1 _home.x = 2", true],
    [256 + 64 + 33, "_home.x = 1 _home.x = ''", false],
    [256 + 64 + 33, "_home.x = 1 _home.x = nil _home.y = 1", true],
    [256 + 64, "_home[1] = 1", true],
    [256 + 64, "_home[1] = 1 _home[2] = 1", false],
    [256 + 256, "ext.table()", true],
    [256 + 256, "t = ext.table() u = ext.table()", false],
    [256 + 2 * 256, "for _ = 1, 5 do ext.table() collectgarbage() end", true], // the last one may still be there
  ];
  for (const [stateLimit, code, isKept] of cases) {
    using cu = await ComputeUnit.create({ stateLimit });
    if (isKept) cu.compute(code);
    else assertEquals(assertThrows(() => cu.compute(code), LuaError).kind, "memory", `${stateLimit} ${code}`);
  }
});

Deno.test("what looks for room where stateLimit is spent pays for the tables that it counts", async () => {
  using cu = await ComputeUnit.create({ stateLimit: 2_000_000 });
  const fill = "for i = 1, 1e7 do _home[i] = i end";
  assertEquals(assertThrows(() => cu.compute(fill), LuaError).kind, "memory");
  const again = "for i = 1, 1e7 do pcall(function() _home.x = 1 end) end";
  const error = assertThrows(() => cu.compute(again, { stepLimit: 1_000_000 }), LuaError);
  assertEquals([error.kind, error.message], ["limit", "limit of 1000000 steps exceeded"]);
  assert(cu.lastRun.steps > 900_000);
});

Deno.test("work of the host's for code is paid for in steps", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("big = ext.table() for i = 1, 2000 do big[i] = { { i } } end");
  const stepsOf = (code: string) => {
    cu.compute(code);
    return cu.lastRun.steps;
  };
  assert(stepsOf("_home.big = big") > 2000);
  assert(stepsOf("_home.big = nil") > 2000);
  assert(stepsOf("_io.array(big, 2000)") > 900);
  // Tables that have lost a reference are looked after as seldom as the state is large, from the beginning.
  cu.compute("_home.big = big");
  using copy = await ComputeUnit.fromSnapshot(cu.snapshot());
  const stepsOfSome = (count: number) => {
    copy.compute(`for i = 1, ${count} do _home.last = big[i] end`);
    return copy.lastRun.steps;
  };
  stepsOfSome(60);
  const [more, some] = [stepsOfSome(120), stepsOfSome(60)];
  assert(more < some * 2.5, `${more} steps after ${some}`);
  assertThrows(
    () => cu.compute("while true do _home.big = big _home.big = nil end", { stepLimit: 1_000_000 }),
    LuaError,
    "1000000 steps",
  );
});

Deno.test("external tables of any size are read, traversed and written in a unit of 1 MiB", async () => {
  const programs: [code: string, result: number][] = [
    ["local n = 0 for i = 1, 10000 do n = n + #_home['key ' .. i] end return n", 10_000 * 120],
    ["local n = 0 for _, v in pairs(_home) do n = n + #v end return n", 10_000 * 120],
    ["for i = 1, 10000 do _home['key ' .. i] = { i, { x = i } } end return #_home['key 7']", 2],
    [
      "for i = 1, 20000 do _home[i] = ('x'):rep(50) .. i end local n = 0 for i, v in ipairs(_home) do n = i end return n",
      20_000,
    ],
  ];
  for (const [code, result] of programs) {
    using cu = await ComputeUnit.create({ memoryLimit: 1024 * 1024 });
    for (let i = 1; i <= 10_000; i++) cu.setTableValue(HOME, `key ${i}`, "value ".repeat(20));
    assertEquals([code, cu.compute(code)], [code, result]);
  }
});

Deno.test("strings that are no UTF-8 count for what they take in JavaScript, some 500 bytes each", async () => {
  for (const code of ["_home['\\255' .. i] = 1", "_home[i] = '\\255' .. i"]) {
    using cu = await ComputeUnit.create({ stateLimit: 1024 * 1024 });
    assertThrows(() => cu.compute(`for i = 1, 1e9 do n = i ${code} end`), LuaError, "stateLimit");
    const count = cu.compute<number>("return n");
    assert(count > 1000 && count < 2100, `${count}`);
  }
});

Deno.test("a traversal finds every entry, whatever the lengths of strings and keys", async () => {
  using cu = await ComputeUnit.create();
  const long = [1300, 1365, 1366, 1500, 5000, 40_000];
  for (const [i, units] of long.entries()) {
    cu.setTableValue(HOME, `value ${i}`, "x".repeat(units));
    cu.setTableValue(HOME, `${i} key ${"k".repeat(units)}`, i);
    cu.setTableValue(HOME, `bytes ${i}`, new Uint8Array(units).fill(255));
    cu.setTableValue(HOME, `short ${i}`, i);
  }
  const keys = cu.tableKeys(HOME);
  assertEquals(keys.length, 4 * long.length);
  assertEquals(cu.compute("local n = {} for k in pairs(_home) do n[#n + 1] = k end return n"), keys);
  const copied = cu.compute<Record<string, unknown>>("local c = {} for k, v in pairs(_home) do c[k] = v end return c");
  assertEquals(copied, cu.home.toValue() as Record<string, unknown>);
  assertEquals(cu.compute("for k in pairs(_home) do _home[k] = nil end return next(_home)"), null);
  assertEquals(cu.tableSize(HOME), 0);
});

Deno.test("Maps and Sets keep the order of their keys, integers too", async () => {
  using cu = await ComputeUnit.create();
  const map = new Map<unknown, unknown>([["b", 1], [2, "two"], [1, "one"], [3, "three"], [1.5, 0]]);
  const set = new Set<unknown>(["size", 2, 1, 3]);
  cu.setInput({ map, set });
  cu.compute("_home.map, _home.set = _io.input.map, _io.input.set");
  cu.setTableValue(HOME, "map2", map);
  const { home } = cu;
  for (const name of ["map", "map2"]) {
    assertEquals([...(home.get(name) as ExternalTable).toValue() as Map<unknown, unknown>], [...map]);
  }
  assertEquals([...(home.get("set") as ExternalTable).toValue() as Set<unknown>], [...set]);
  assertEquals(
    cu.compute("local s = '' for k in pairs(_home.map) do s = s .. tostring(k) .. ' ' end return s"),
    "b 2 1 3 1.5 ",
  );
  cu.compute("_home.map[4] = 4 _home.map[1] = nil _home.map[1] = 'last'");
  assertEquals(cu.compute<Map<unknown, unknown>>("return _home.map").size, 6);
  assertEquals(cu.compute("return { #_home.map, _home.map[4], _home.map[1] }"), [4, 4, "last"]);
});

Deno.test("a Set whose values aren't all true is a table like any other", async () => {
  using cu = await ComputeUnit.create();
  cu.home.set("s", new Set(["a"]));
  cu.compute("_home.s.count = 5 _home.s.a = false");
  assertEquals(cu.home.toValue(), { s: { a: false, count: 5 } });
  assertEquals(cu.compute("return _home.s"), { a: false, count: 5 });
  cu.compute("_home.s.count = true _home.s.a = true");
  assertEquals(cu.home.toValue(), { s: new Set(["a", "count"]) });
});

Deno.test("a key that the host has written as -0 is the integer 0", async () => {
  using cu = await ComputeUnit.create();
  cu.home.set(-0, "zero");
  cu.home.set("b", 1);
  assertEquals(cu.compute("for k in pairs(_home) do last = k end return { _home[0], last, math.type(next(_home)) }"), [
    "zero",
    "b",
    "integer",
  ]);
  assertEquals([Object.is(cu.home.keys()[0], 0), cu.home.get(0), cu.home.delete(-0)], [true, "zero", true]);
});

Deno.test("tables as keys are found again by what keys() gives", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("_home[{ f = function() end }] = 'of a table' _home.x = 2");
  const [first, second] = cu.home.keys();
  assertInstanceOf(first, ExternalTable);
  assertEquals([cu.home.get(first), second], ["of a table", "x"]);
  assertEquals(cu.home.delete(first), true);
  assertEquals(cu.home.keys(), ["x"]);
});

Deno.test("a table whose keys are 1 to n is an array, however they came, and has all its elements", async () => {
  using cu = await ComputeUnit.create();
  cu.compute(`
    _home.q = {}
    local q = _home.q
    for i = 1, 20 do q[i] = i end
    for i = 2, 19 do q[i] = nil end
    q[21] = 21
    q[1], q[20], q[21] = nil
    for i = 1, 5 do q[i] = i end
  `);
  assertEquals(cu.home.toValue(), { q: [1, 2, 3, 4, 5] });
  assertEquals(cu.compute("return { _home.q, #_home.q }"), [[1, 2, 3, 4, 5], 5]);
  const table = cu.createExternalTable();
  for (const [i, value] of [1, null, 3].entries()) cu.setTableValue(table, i + 1, value);
  assertEquals(cu.externalTable(table).toValue(), [1, null, 3]);
  cu.setTableValue(table, 4, null);
  assertEquals(cu.externalTable(table).toValue(), [1, null, 3, null]);
});

Deno.test("a changed part of a lazy input that is stored outlives the rest of that input", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput({ a: { b: 1, c: { d: 1 } } }, { lazy: true });
  cu.compute("kept = _io.input.a kept.b = 2");
  cu.setInput(null);
  cu.runGc();
  const code = `
    collectgarbage()
    _home.x = kept
    local made = {}
    for i = 1, 100 do made[i] = { i } end
    collectgarbage()
    return _home.x
  `;
  for (let i = 0; i < 3; i++) assertEquals(cu.compute(code), { b: 2, c: { d: 1 } });
});
