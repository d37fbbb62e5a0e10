// Functions in _home and external tables: Lua's own as bytecode, those of the library by name.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError, type LuaValue, openHome } from "@computeunit/cu";
import { MemoryStore } from "@computeunit/cu/stores/memory";
import fc from "fast-check";
import { tableOf } from "../../src/state/tables.ts";
import { LuaCode } from "../../src/values/lua_exact.ts";
import { RUNS_FACTOR, SEED } from "../helpers/property.ts";
import { makeRandom } from "../helpers/states.ts";
import { programOf, textOf } from "../native/program.ts";

const HOME = 2;

/** What code does that is kept: each returns the same, called straight and when it was read again. */
const FUNCTIONS = {
  "arguments and results": "return function(a, b, ...) return b, a, select('#', ...), ... end",
  "a global": "x = 5 return function(a) x = x + a return x end",
  "numeric loops":
    "return function(n) local s = 0 for i = n, 1, -1 do for j = i, 3, 0.5 do s = s + i * j end end return s end",
  "loops over entries":
    "return function() local r = 0 for _, v in ipairs({ 3, 4 }) do for k in pairs({ [v] = 1 }) do r = r + k end end return r end",
  "lists": "return function(...) local t = { 1, { ... }, x = { 2, n = 3 }, ... } return #t, t[2][1], t.x.n end",
  "a list of many": `return function(...) local t = { ${"1, ".repeat(700)} ... } return #t, t[701], #{ ${
    "nil, ".repeat(60)
  } 1 } end`,
  "functions in it that capture":
    "return function(a) local c = 0 local function add(n) c = c + n return c end for i = 1, 3 do local x = i add(x) local g = function() x = x + 1 return x end add(g()) end return add(a) end",
  "variables to be closed":
    "return function() local log = {} for i = 1, 2 do local c <close> = setmetatable({}, { __close = function() log[#log + 1] = i end }) if i == 2 then break end end return log[1], log[2] end",
  "jumps": "return function(n) ::top:: if n > 10 then goto out end n = n * 2 do goto top end ::out:: return n end",
  "operators":
    "return function(a) return a // 2 & 7 | a ~ 1, a << 2, -a, ~a, not a, a ^ 2, a % 3, 7 & a, a .. 'x' .. a, #'abc', 2.5 + a end",
  "metamethods":
    "return function() local o = setmetatable({}, { __add = function(_, b) return b end, __index = function(_, k) return k end }) return o + 1, (2 + o).x, o.field, o.x ~= nil end",
  "conditions":
    "return function(a, b) return a and b or 5, a == nil, a ~= 'x', not b, (a or 0) ~= 1 and 'y' or 'z' end",
  "strings, floats and large integers": `return function() return '\\0\\255é', "${
    "long ".repeat(20)
  }", 1.5, -0.0, 1e300, 0x7fffffffffffffff, math.mininteger end`,
  "many constants": `return function(t) t = {} ${
    Array.from({ length: 600 }, (_, i) => `t.k${i} = ${i}.5`).join(" ")
  } return t.k599, t.k1 end`,
  "a method beyond the first constants":
    `return function() local t = { last = function(self, x) return x end } local n = 0 ${
      Array.from({ length: 300 }, (_, i) => `n = n + ${i}.25`).join(" ")
    } return t:last(n) end`,
  "vararg and tail calls": "return function(...) if select('#', ...) > 2 then return select(2, ...) end return ... end",
  "a chunk": "return load('local a, b = ... return b, a, x')",
} as const;

const SHOWN = `
  local function shown(...)
    local r = table.pack(...)
    for i = 1, r.n do r[i] = math.type(r[i]) and ("%q"):format(r[i]) or type(r[i]) .. tostring(r[i]) end
    return table.concat(r, " ")
  end`;

for (const [name, code] of Object.entries(FUNCTIONS)) {
  Deno.test(`a function is kept: ${name}`, async () => {
    using cu = await ComputeUnit.create();
    const straight = cu.compute(
      `${SHOWN} x = 5 local f = (function() ${code} end)() return shown(f(3, "4", {} and 1))`,
    );
    cu.compute(`local f = (function() ${code} end)() _home.f = f x = 5`);
    assertEquals(cu.compute(`${SHOWN} return shown(_home.f(3, "4", {} and 1))`), straight);
    assertEquals(cu.compute("return string.dump(_home.f) == string.dump(_home.f)"), true);
  });
}

Deno.test("a function is kept for other units and processes, through a store", async () => {
  const store = new MemoryStore();
  {
    using cu = await ComputeUnit.create({ home: await openHome(store, "rules") });
    cu.compute(
      "rate = 2 _home.rules = { price = function(n) return n * rate end, format = string.format, { math.floor } }",
    );
    await cu.saveState();
  }
  using cu = await ComputeUnit.create({ home: await openHome(store, "rules") });
  assertEquals(cu.compute("rate = 3 return _home.rules.format('%d', _home.rules.price(7))"), "21");
  assertEquals(cu.compute("return _home.rules[1][1] == math.floor"), true);
});

Deno.test("a function stands in tables as any value: nested, shared, in lists, replaced and taken away", async () => {
  using cu = await ComputeUnit.create();
  cu.compute(`
    local function one() return 1 end
    local shared = { one }
    _home.t = { a = shared, b = shared, one = one, { one, { f = function() return 2 end } } }
    for i = 1, 1000 do _home[i] = i % 3 == 0 and load("return " .. i) or i end
  `);
  const code = `
    local t = _home.t
    local sum = 0
    for i, v in ipairs(_home) do sum = sum + (type(v) == "function" and v() or v) end
    local count = 0
    for k, v in pairs(_home) do if type(v) == "function" then count = count + 1 end end
    return { t.a[1](), rawequal(t.a, t.b), t.one(), t[1][2].f(), sum, count, #_home }`;
  assertEquals(cu.compute(code), [1, true, 1, 2, 500500, 333, 1000]);
  assertEquals(
    cu.compute("_home.f = print _home.f = function() return 'new' end local r = _home.f() _home.f = nil return r"),
    "new",
  );
  assertEquals(cu.compute("return _home.f == nil and _home.t.one()"), 1);
  assertEquals(
    cu.compute("local t = ext.table() t.f = function() return 3 end _home.e = t return t.f() + _home.e.f()"),
    6,
  );
});

Deno.test("a function that calls itself does so by a global, or by the table", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end _home.fib = fib");
  cu.compute("_home.lib = { fac = function(n) return n < 2 and 1 or n * _home.lib.fac(n - 1) end }");
  assertEquals(cu.compute("return _home.fib(10) + _home.lib.fac(5)"), 175);
});

Deno.test("a function that was read has the globals of the run that reads it", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("x = 'unit' _home.f = function() return x end");
  assertEquals(cu.compute("return _home.f()"), "unit");
  assertEquals(cu.compute("x = 'own' return _home.f()", { globals: "own" }), "own");
  assertEquals(cu.compute("return _home.f()"), "unit");
  cu.compute("y = 1 x = 'other' _home.g = function() y = (y or 0) + 1 return x end", { globals: "own" });
  assertEquals(cu.compute("return _home.g() .. tostring(y)"), "unit1");
});

Deno.test("runs with globals of their own that wait for each other each have their own", async () => {
  using cu = await ComputeUnit.create({ globals: { pause: () => Promise.resolve() } });
  cu.compute("_home.f = function() return x end");
  const code = "x = _io.input local r = {} for i = 1, 5 do r[i] = _home.f() pause() end return table.concat(r)";
  const results = await Promise.all(
    ["a", "b", "c"].map((input) => cu.computeAsync(code, { input, globals: "own" })),
  );
  assertEquals(results.map(({ value }) => value), ["aaaaa", "bbbbb", "ccccc"]);
});

Deno.test("errors in a function that was read name the chunk, the line and the variables", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("\n_home.f = function(given)\n  local t = nil\n  return given.x + t.y\nend", { chunkName: "rules.lua" });
  const error = assertThrows(() => cu.compute("return _home.f({ x = 1 })"), LuaError);
  assertEquals([error.chunk, error.line], ["rules.lua", 4]);
  assertEquals(error.message.includes("attempt to index a nil value (local 't')"), true, error.message);
});

const REFUSED: Record<string, [code: string, reason: string]> = {
  "an upvalue": [
    "local count = 0 _home.f = function() count = count + 1 end",
    "the function has an upvalue 'count', which would be lost (at _home.f)",
  ],
  "an upvalue deep in a table": [
    "local n = 0 local t = ext.table() t.rows = { { 1, { f = function() return n end } } }",
    "the function has an upvalue 'n', which would be lost (at table.rows[1][2].f)",
  ],
  "itself as an upvalue": [
    "local function f() return f() end _home.f = f",
    "the function has an upvalue 'f', which would be lost (at _home.f)",
  ],
  "a library function as an upvalue": [
    "local print = print _home.f = function() print() end",
    "the function has an upvalue 'print', which would be lost (at _home.f)",
  ],
  "an upvalue with a long name": [
    `local ${"n".repeat(100)} = 1 _home.f = function() return ${"n".repeat(100)} end`,
    `the function has an upvalue '${"n".repeat(60)}', which would be lost (at _home.f)`,
  ],
  "globals of its own": [
    "local _ENV = { home = _home } home.f = function() return x end",
    "the function has globals of its own, which would be lost (at _home.f)",
  ],
  "load with an environment": [
    "_home.f = load('return x', 'c', 't', {})",
    "the function has globals of its own, which would be lost (at _home.f)",
  ],
  "coroutine.wrap": [
    "_home.f = coroutine.wrap(print)",
    "functions that coroutine.wrap has made cannot be kept (at _home.f)",
  ],
  "an iterator": ["_home.f = ('x'):gmatch('y')", "the function has no name in the library (at _home.f)"],
  "a function of the host": ["_home.f = ask", "functions of the host cannot be kept (at _home.f)"],
  "a module's function of the host": [
    "_home.f = require('kv').get",
    "functions of the host cannot be kept (at _home.f)",
  ],
  "functions that nest deep": [
    `_home.f = load(("return function() "):rep(70) .. ("end "):rep(70))`,
    "functions nest too deep in the function (at _home.f)",
  ],
  "a coroutine": ["_home.f = coroutine.create(print)", "coroutines cannot be passed (at _home.f)"],
};

for (const [name, [code, reason]] of Object.entries(REFUSED)) {
  Deno.test(`a function is refused with the reason and the place: ${name}`, async () => {
    using cu = await ComputeUnit.create({ globals: { ask() {} }, modules: { kv: { get() {} } } });
    const error = assertThrows(() => cu.compute(code), LuaError);
    assertEquals(error.message, `cannot keep a value: ${reason}`);
    assertEquals(cu.compute("_home.f = function() return 1 end return _home.f()"), 1);
  });
}

Deno.test("functions are no keys", async () => {
  using cu = await ComputeUnit.create();
  assertThrows(() => cu.compute("_home[print] = 1"), LuaError, "a function cannot be a key of an external table");
  for (const key of ["print", "function() end"]) {
    assertThrows(
      () => cu.compute(`_home.t = { [${key}] = 1 }`),
      LuaError,
      "functions cannot be passed (at _home.t[...])",
    );
  }
  assertEquals(cu.compute("return _home[print] == nil and _home.t == nil"), true);
});

/** Keeps each function of the library, and answers those that don't come back as themselves. */
const KEEP_LIBRARY = `
  local lost, count = {}, 0
  local function keep(name, f)
    if type(f) ~= "function" then return end
    _home.f = f
    count = count + 1
    if _home.f ~= f then lost[#lost + 1] = name end
  end
  for name, value in pairs(_G) do
    keep(name, value)
    if type(value) == "table" and value ~= _G and name ~= "_home" then
      for field, f in pairs(value) do keep(name .. "." .. field, f) end
    end
  end
  for field, f in pairs(require("json")) do keep("json." .. field, f) end
  return { table.concat(lost, ' '), count > 100 }`;

for (const library of ["writable", "readonly"] as const) {
  Deno.test(`each function of a ${library} library is kept by its name`, async () => {
    using cu = await ComputeUnit.create({ library });
    assertEquals(cu.compute(KEEP_LIBRARY), ["", true]);
  });
}

Deno.test("a function of the library is found again by its name, whatever code did to the globals", async () => {
  using cu = await ComputeUnit.create();
  cu.compute(
    "local format = string.format _home.format, _home.sleep = format, require('task').sleep string.format = nil",
  );
  cu.compute("original = _home.format function string.format() return 'other' end string = { format = print }");
  assertEquals(cu.compute("return _home.format('%d', 5)"), "5");
  assertEquals(cu.compute("_home.again = original return rawequal(_home.again, original)"), true);
  assertEquals(cu.compute("return type(_home.sleep)"), "function");
  assertEquals(cu.compute("_home.own = function() return string.format() end return _home.own() == nil"), true);
  assertEquals(tableOf(cu.home).get("format"), new LuaCode("string.format"));
});

Deno.test("JavaScript gets no function out of a table, and is told where it is", async () => {
  using cu = await ComputeUnit.create();
  cu.compute(
    "_home.f = print _home.t = { a = { 1, { [true] = { f = function() end } } }, s = { [print ~= nil] = 2 } }",
  );
  const refused = (read: () => unknown, place: string) => {
    const error = assertThrows(read, TypeError);
    assertEquals(error.message, `Cannot read a table: functions cannot be passed (at ${place})`);
  };
  refused(() => cu.getTableValue(HOME, "f"), "table.f");
  refused(() => cu.getTableValue(HOME, "t"), "table.a[2].true.f");
  refused(() => cu.home.toValue(), "table.f");
  cu.compute("_io.output = { _home.t }");
  refused(() => cu.getOutput(), "table.a[2].true.f");
  refused(() => cu.compute("return _home.t"), "table.a[2].true.f");
  assertEquals(cu.home.keys(), ["f", "t"]);
  assertEquals(cu.getTableValue(HOME, "absent"), null);
});

Deno.test("a transaction that fails takes a function back", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("_home.f = function() return 'before' end");
  assertThrows(
    () => cu.compute("_home.f = function() end _home.g = print error('x')", { transaction: true }),
    LuaError,
  );
  assertEquals(cu.compute("return _home.f() .. tostring(_home.g)"), "beforenil");
  cu.compute("_home.f = function() return 'after' end", { transaction: true });
  assertEquals(cu.compute("return _home.f()"), "after");
});

Deno.test("a snapshot has the functions that were kept, and those that were read", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("_home.f = function() return 7 end _home.p = math.abs read = _home.f");
  using other = await ComputeUnit.fromSnapshot(cu.snapshot());
  assertEquals(other.compute("return read() + _home.f() + _home.p(-1)"), 15);
});

Deno.test("a large function is kept, and its size is paid for", async () => {
  using cu = await ComputeUnit.create();
  const code = `_home.f = function(x) ${"x = x + 1 ".repeat(20000)} return x end`;
  const steps = (text: string) => (cu.compute(text), cu.lastRun!.steps);
  cu.compute(code);
  assert(steps("local f = _home.f") > 5000);
  assertEquals(cu.compute("return _home.f(1)"), 20001);
});

Deno.test("functions count for stateLimit", async () => {
  using cu = await ComputeUnit.create({ stateLimit: 200_000 });
  cu.setInput("local x = 1 ".repeat(150) + "x = x + 1 ".repeat(2000));
  const code = "local f = load(_io.input, '=f') for i = 1, 100 do _home[i] = f end";
  assertThrows(() => cu.compute(code), LuaError, "take more than the 200000 bytes of stateLimit");
  assert(cu.home.size > 0 && cu.home.size < 20, `${cu.home.size} functions`);
});

/** A unit, and what puts a function into `_home.f` that nobody compiled. */
async function unitToDamage() {
  const cu = await ComputeUnit.create({ memoryLimit: 32 * 2 ** 20 });
  const home = tableOf(cu.home);
  const put = (code: Uint8Array | string, key = "f") => home.state.change(home, key, new LuaCode(code));
  const bytecodeOf = (code: string) => {
    cu.setInput(code);
    return cu.compute("return _io.bytes(string.dump(assert(load(_io.input, '=f'))))") as Uint8Array;
  };
  return { cu, put, bytecodeOf };
}

const DAMAGED = "TypeError: Cannot read a table: the function is damaged";

Deno.test("what is no function is an error value in Lua, and the unit goes on", async () => {
  const { cu, put, bytecodeOf } = await unitToDamage();
  using _ = cu;
  const good = bytecodeOf("local a = ... return a + 1, 'text'");
  const bad: (Uint8Array | string)[] = [
    "",
    "nothing",
    "string.",
    ".format",
    "string.nothing",
    "string.format.x",
    "math.pi",
  ];
  for (let length = 0; length < good.length; length++) bad.push(good.slice(0, length));
  bad.push(Uint8Array.of(...good, 0), new Uint8Array(5000), new Uint8Array(40_000).fill(0x80));
  for (let at = 0; at < 31; at++) bad.push(good.with(at, good[at] ^ 1));
  for (const code of bad) {
    put(code);
    assertEquals(cu.compute("local ok, e = pcall(function() return _home.f end) return tostring(e)"), DAMAGED);
  }
  const error = assertThrows(() => cu.compute("return _home.f()"), TypeError, "the function is damaged");
  assertEquals(error.name, "TypeError");
  put(good);
  assertEquals(cu.compute("return _home.f(1)"), 2);
});

Deno.test("beside a damaged function the other values of a table are there", async () => {
  const { cu, put, bytecodeOf } = await unitToDamage();
  using _ = cu;
  cu.compute("for i = 1, 50 do _home[i] = i end for i = 1, 50 do _home['k' .. i] = i end");
  const home = tableOf(cu.home);
  home.state.change(home, 40, new LuaCode(new Uint8Array(3)));
  put("nothing", "k45");
  put(bytecodeOf("return 5"), "k46");
  const code = `
    local sum = 0 local ok, e = pcall(function() for i = 1, 100 do sum = sum + _home[i] end end)
    return { sum, tostring(e), _home[41], _home.k44, _home.k46() }`;
  assertEquals(cu.compute(code), [780, DAMAGED, 41, 44, 5]);
});

Deno.test("random programs are kept as they are", async () => {
  using cu = await ComputeUnit.create();
  const code = `
    local f = load(_io.input, "=f")
    if not f then return true end
    _home.f = f
    return string.dump(_home.f) == string.dump(f)`;
  const property = fc.property(fc.integer({ min: 1, max: 2 ** 30 }), (seed) => {
    cu.setInput(textOf(programOf(seed).body));
    assertEquals(cu.compute(code), true);
  });
  fc.assert(property, { numRuns: Math.ceil(500 * RUNS_FACTOR), seed: SEED });
});

Deno.test("where memory ends, a function is kept whole or not at all, and can be read later", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 2 ** 20 });
  cu.compute(`
    local text = "local t = { ... } for i = 1, 3 do t[i] = function() return t end end return #t + 1"
    local f, other = load(text, "=f"), load("return 0", "=other")
    _home.f = other
    function store(f) _home.f = f end
    function read() return _home.f end
    function fill()
      while true do block = { block, ("x"):rep(64) .. #block } end
    end
    function try(free, wanted)
      block = {}
      local _, reason = pcall(fill)
      for i = 1, free do block = block[1] or error(i .. reason) end
      local kept
      kept, reason = pcall(store, wanted)
      local read, value = pcall(read)
      block = nil
      local result = _home.f()
      assert(result == (kept and (wanted == functions[1] and 4 or 0) or last), tostring(result))
      assert(kept or tostring(reason):find("not enough memory"), tostring(reason))
      assert(read or tostring(value):find("not enough memory"), tostring(value))
      last = result
      return (kept and "kept" or "") .. (read and "read" or "")
    end
    last, functions = 0, { f, other }
  `);
  const seen = new Set<unknown>();
  for (let i = 0; i < 256; i++) {
    cu.setInput(i);
    seen.add(cu.compute("return try(_io.input, functions[_io.input % 2 + 1])"));
  }
  assertEquals(cu.compute("return _home.f() == last"), true);
  assert(seen.size > 1, [...seen].join());
});

const SOURCES = [
  "local a, b = ... local t = { a, b, 3, ..., x = 1, [a or 1] = b, { 1, 2 } } for i = 1, 3 do t[i] = i * 2 end return #t, t.x",
  "local s = 0 for i = 10, 1, -1 do s = s + i local f = function() s = s - 1 return i end s = s + f() end return s",
  "local r = {} for k, v in pairs({ a = 1, b = 2, 3 }) do r[#r + 1] = tostring(k) .. tostring(v) .. 'x' end return table.concat(r)",
  "local function f(...) return select('#', ...), ... end return f(1, nil, f(2, 3))",
  "local log = {} do local x <close> = setmetatable({}, { __close = function() log[1] = 1 end }) log[2] = x ~= nil end return log[1]",
  "local n = 0 while n < 5 do n = n + 1 if n == 3 then goto out end local y = n // 2 & 7 | n ~ 1 end ::out:: return n << 2, -n, not n, n ^ 2, 7 & n",
  "local o = setmetatable({}, { __index = function(t, k) return k end, __add = function(a, b) return 1 end }) return o:foo(), o + 1, o.bar",
  "local a = {} for i = 1, 60 do a[i] = i end return { table.unpack(a) }, { (function(...) return ... end)(table.unpack(a)) }",
  "for i = 1.5, 3 do for j = i, 5 do local t = { i, j } x = t end end return x",
  "local co = coroutine.wrap(function(a) for i = 1, 3 do a = coroutine.yield(a .. i) end return a end) return co('a'), co('b')",
  "local f repeat local z = function() return f end f = z until z() for _, g in ipairs({ f }) do g() end return type(f)",
];

/** What runs a function that nobody compiled, and looks whether the unit is whole. */
const RUN = `
  local ok, f = pcall(function() return _home.f end)
  if not ok then return tostring(f) end
  pcall(f, 1, 2, "x", {}, print)
  local co = coroutine.create(f)
  for i = 1, 5 do coroutine.resume(co, i, "y") end
  coroutine.close(co)
  collectgarbage("step")
  return "ran"`;

Deno.test("2,000 mutated functions are refused, or harm not even their unit", async () => {
  const { cu, put, bytecodeOf } = await unitToDamage();
  using _ = cu;
  const originals = SOURCES.map(bytecodeOf);
  const random = makeRandom(SEED);
  const seen = { refused: 0, ran: 0 };
  for (let i = 0; i < Math.ceil(2000 * RUNS_FACTOR); i++) {
    put(mutated(originals[random(originals.length)], random));
    const result = runHostile(cu);
    if (result === DAMAGED) seen.refused++;
    else seen.ran++;
    if (i % 100 === 0) cu.compute("collectgarbage()");
  }
  assertEquals(cu.compute("return 1 + 1"), 2);
  if (RUNS_FACTOR >= 1) assert(seen.refused > 200 && seen.ran > 200, JSON.stringify(seen));
});

/** Changes bytes beyond the header, where most code stands. */
function mutated(original: Uint8Array, random: (limit: number) => number): Uint8Array {
  const bytes = original.slice();
  for (let count = 1 + random(3); count > 0; count--) {
    const at = 34 + random(bytes.length - 34);
    const changes = [
      () => bytes[at] = random(256),
      () => bytes[at] ^= 1 << random(8),
      () => bytes[at]++,
      () => bytes[at]--,
      () => bytes.copyWithin(at, 34 + random(bytes.length - 40), bytes.length - random(bytes.length - at)),
    ];
    changes[random(changes.length)]();
  }
  return bytes;
}

/** What a hostile function comes to; what Lua reports is no harm. */
function runHostile(cu: ComputeUnit): LuaValue {
  try {
    return cu.compute(RUN, { stepLimit: 200_000 });
  } catch (error) {
    if (!(error instanceof LuaError)) throw error;
    assert(["runtime", "limit", "memory"].includes(error.kind), `SEED ${SEED}: ${error}`);
    return error.kind;
  }
}
