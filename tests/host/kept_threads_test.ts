// A run's Lua thread and its `_io` become the next run's: nothing of a run is in the next one.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ComputeUnit, IoWrapper, LuaError } from "@computeunit/cu";
import fc from "fast-check";
import { CountingClock } from "../helpers/clock.ts";
import { unitAndInstance } from "../helpers/instance.ts";
import { endingSearch, RUNS_FACTOR, SEED } from "../helpers/property.ts";

Deno.test("runs one after the other take no memory for threads", async () => {
  using cu = await ComputeUnit.create();
  const code = "_io.output = _io.input";
  cu.compute("collectgarbage('stop')");
  await cu.computeAsync(code, { input: 1 });
  const before = cu.getMemoryStats().usedBytes;
  for (let i = 0; i < 100; i++) await cu.computeAsync(code, { input: i });
  // A thread takes 1 KB, an `_io` 0.5; a closure for each run is 28 bytes.
  assert(cu.getMemoryStats().usedBytes - before < 100 * 100);
});

Deno.test("a thread that code knows stands for no other run", async () => {
  using cu = await ComputeUnit.create();
  await cu.computeAsync("known = coroutine.running()");
  const look = `
    local function inner()
      local secret = function() end
      return known == coroutine.running(), coroutine.status(known), debug.getinfo(known, 0), debug.traceback(known)
    end
    return table.concat({ tostring(inner()), select(2, inner()), tostring(select(3, inner())), select(4, inner()) }, "|")
  `;
  for (let i = 0; i < 3; i++) {
    const { value } = await cu.computeAsync(look);
    assertEquals(value, "false|dead|nil|stack traceback:");
  }
  const threads = `seen = seen or {} seen[#seen + 1] = coroutine.running() return #seen`;
  for (let i = 1; i <= 3; i++) assertEquals((await cu.computeAsync(threads)).value, i);
  assertEquals(cu.compute("return seen[1] ~= seen[2] and seen[2] ~= seen[3] and seen[1] ~= seen[3]"), true);
});

Deno.test("a finalizer, a __close and a coroutine that know a run's thread keep it theirs", async () => {
  const ways = [
    "local closed <close> = setmetatable({}, { __close = function() known = coroutine.running() end })",
    "setmetatable({}, { __gc = function() known = coroutine.running() end }) collectgarbage()",
    "local function get() return (coroutine.running()) end known = get()",
    "known = select(2, pcall(error, (coroutine.running())))",
    "known = coroutine.wrap(function(thread) coroutine.yield(thread) end)((coroutine.running()))",
  ];
  for (const way of ways) {
    using cu = await ComputeUnit.create();
    await cu.computeAsync("return 1");
    await cu.computeAsync(way);
    assertEquals(cu.compute("return type(known)"), "thread", way);
    assertEquals((await cu.computeAsync("return coroutine.status(known)")).value, "dead", way);
    assertEquals((await cu.computeAsync("return coroutine.running() == known")).value, false, way);
  }
});

Deno.test("values of a run aren't kept alive by the next one", async () => {
  using cu = await ComputeUnit.create();
  const names = Array.from({ length: 40 }, (_, i) => `o${i}`).join(", ");
  await cu.computeAsync(`
    weak = setmetatable({}, { __mode = "v" })
    local ${names} = ${names.replaceAll(/o\d+/g, "{}")}
    weak[1], weak[2], weak[3] = o0, o20, o39
  `);
  const covers = `
    if never then never(${names}) end
    local t = setmetatable({}, { __index = function() collectgarbage() return 0 end })
    local count = t.x
    for _ in pairs(weak) do count = count + 1 end
    return count
  `;
  assertEquals((await cu.computeAsync(covers)).value, 0);
});

Deno.test("functions keep the variables of the run that made them", async () => {
  using cu = await ComputeUnit.create();
  await cu.computeAsync("kept = {}");
  for (let i = 0; i < 5; i++) {
    await cu.computeAsync(
      `
      local a, b = _io.input, _io.input * 10
      kept[#kept + 1] = function() a = a + 1 return a, b end
    `,
      { input: i },
    );
    await cu.computeAsync("local x, y, z = 'x', 'y', 'z' return function() return x end and 1");
  }
  const read = `
    local list = {}
    for i, f in ipairs(kept) do list[i] = table.concat({ f() }, ":") end
    return table.concat(list, " ")
  `;
  assertEquals((await cu.computeAsync(read)).value, "1:0 2:10 3:20 4:30 5:40");
  assertEquals((await cu.computeAsync(read)).value, "2:0 3:10 4:20 5:30 6:40");
});

Deno.test("what a run has to close is closed once, in that run", async () => {
  using cu = await ComputeUnit.create({ globals: { wait: () => Promise.resolve(1) } });
  const code = `
    closed = closed or {}
    local id = _io.input
    local a <close> = setmetatable({}, { __close = function(_, e) closed[#closed + 1] = id .. ":" .. tostring(e) end })
    if id == 2 then error("e", 0) end
    if id == 3 then wait() end
    return #closed
  `;
  assertEquals((await cu.computeAsync(code, { input: 1 })).value, 0);
  await assertRejects(() => cu.computeAsync(code, { input: 2 }), LuaError, "e");
  assertEquals((await cu.computeAsync(code, { input: 3 })).value, 2);
  assertEquals((await cu.computeAsync(code, { input: 4 })).value, 3);
  assertEquals(cu.compute("return table.concat(closed, ' ')"), "1:nil 2:e 3:nil 4:nil");
});

Deno.test("a run that went deep leaves its stack to nobody", async () => {
  using cu = await ComputeUnit.create();
  const shallow = "return 1";
  await cu.computeAsync(shallow);
  cu.runGc();
  const before = cu.getMemoryStats().usedBytes;
  const deep = "local function f(n) if n > 0 then return 1 + f(n - 1) end return 0 end return f(_io.input)";
  for (const input of [30, 1000, 20_000]) {
    assertEquals((await cu.computeAsync(deep, { input })).value, input);
    assertEquals((await cu.computeAsync(shallow)).value, 1);
    cu.runGc();
    assert(cu.getMemoryStats().usedBytes - before < 8 * 1024, `${input}`);
  }
});

/** Code that ends in an error, or is ended. */
const FAILING: [string, RegExp][] = [
  ["error('plain', 0)", /^plain$/],
  ["error({ code = 7 })", /table/],
  ["local x = nil + 1", /arithmetic/],
  ["local c <close> = setmetatable({}, { __close = function() error('closing', 0) end }) return 1", /closing/],
  ["local function f() return 1 + f() end return f()", /stack overflow/],
  ["return string.rep('x', 1 << 30)", /memory/],
  ["while true do end", /limit|time/],
  ["fail()", /refused/],
  ["wait() error('after a wait', 0)", /after a wait/],
  ["return coroutine.yield(1)", /outside a coroutine/],
];

Deno.test("an error of a run is its own", async () => {
  for (const [code, message] of FAILING) {
    using cu = await ComputeUnit.create({
      timeLimit: 1000,
      now: new CountingClock().now,
      globals: {
        wait: () => Promise.resolve(1),
        fail: () => {
          throw new Error("refused");
        },
      },
    });
    await cu.computeAsync("return 1");
    const error = await assertRejects(() => cu.computeAsync(code), Error);
    assert(message.test(error.message), `${code}: ${error.message}`);
    assertEquals((await cu.computeAsync("return pcall(error, 5)")).value, false, code);
    const next = await assertRejects(() => cu.computeAsync("local function own() error('next') end own()"), LuaError);
    assertEquals(next.traceback?.match(/own/g)?.length, 1, code);
    assertEquals(next.cause, undefined, code);
    assertEquals((await cu.computeAsync("return xpcall(error, function(e) return e end, 'e')")).value, false, code);
    assertEquals((await cu.computeAsync("_io.output = wait() return wait()")).output, 1, code);
  }
});

Deno.test("what code made of _io is gone with its run, whatever it was", async () => {
  using cu = await ComputeUnit.create();
  const all = `
    local names = {}
    for name in pairs(_io) do names[#names + 1] = tostring(name) end
    table.sort(names)
    return table.concat(names, " ") .. " " .. tostring(getmetatable(_io)) .. " " .. #_io
  `;
  const { value: first } = await cu.computeAsync(all);
  assertEquals(first, "array bytes date map null object nil 0");
  const ways = [
    "_io.other = 1",
    "_io.array, _io.null = nil, nil",
    "for i = 1, 100 do _io['k' .. i] = i end",
    "for i = 1, 100 do _io[i] = i end",
    "_io.array(_io, 3)",
    "setmetatable(_io, { __index = error, __pairs = error, __len = error, __mode = 'kv' })",
    "_io.input, _io.output, _io.meta = {}, nil, {} collectgarbage()",
    "for name in pairs(_io) do _io[name] = nil end collectgarbage() _io.x = 1",
    "_io.output = setmetatable({}, { __gc = function() _io.late = 1 end }) _io.output = nil collectgarbage()",
  ];
  for (const way of ways) {
    for (let i = 0; i < 2; i++) await cu.computeAsync(way, { input: { a: 1 }, meta: 2 });
    assertEquals((await cu.computeAsync(all)).value, first, way);
    assertEquals(await cu.computeAsync("return _io.array({}) and _io.null ~= nil"), {
      value: true,
      output: null,
      meta: null,
    });
  }
  assertEquals(cu.compute(all), first);
});

Deno.test("the host has no way to a thread or an _io that is kept", async () => {
  const { cu, instance: { exports } } = await unitAndInstance();
  await cu.computeAsync("return 1");
  const malformed = exports.go(-1, 0, 0);
  assert(malformed < 0);
  for (let number = 0; number < 20; number++) {
    assertEquals(exports.go(number, 0, 0), malformed);
    assertEquals(exports.close_strand(number), malformed);
    assertEquals(exports.close_channel(number, 0), malformed);
    if (number !== 1) assertEquals(exports.select_channel(number), malformed);
  }
  assertEquals((await cu.computeAsync("return 1")).value, 1);
  cu.dispose();
});

Deno.test("a wrapper's calls, errors among them, each begin as the first one", async () => {
  using io = new IoWrapper();
  for (let i = 0; i < 20; i++) {
    const { output, returnValue, metadata } = await io.computeWithIo(
      "_io.output = { _io.input, _io.extra } _io.extra = 1 return #_io.output",
      i,
      i % 2 === 0 ? {} : { metadata: { i } },
    );
    assertEquals([output, returnValue], [[i], 1]);
    assertEquals((metadata as { i?: number }).i, i % 2 === 0 ? undefined : i);
    await assertRejects(() => io.computeWithIo("_io.extra = 2 error('x')"), LuaError);
  }
});

/** Programs that depend on nothing that another one leaves. */
const PROGRAMS = [
  "return 1",
  "local a <close> = setmetatable({}, { __close = function() end }) return 2",
  "return select('#', coroutine.running())",
  "return (coroutine.wrap(function(x) return coroutine.yield(x) end)(3))",
  "local t = {} for i = 1, 50 do t[i] = function() return i end end return t[7]()",
  "local function f(n) if n > 0 then return 1 + f(n - 1) end return 0 end return f(200)",
  "return #table.pack(table.unpack({}, 1, 200))",
  "return wait(5) + wait(6)",
  "local co = coroutine.create(function() return wait(1) end) coroutine.resume(co) return coroutine.status(co)",
  "return debug.traceback('t')",
  "return pcall(error, { 1 }) and 1 or 0",
  "_io.output = { _io.input, wait(2) } return _io.input",
  "collectgarbage() return _io.input",
  ...FAILING.map(([code]) => code),
];

Deno.test("runs in any order give what each gives in a unit of its own", async () => {
  const make = () =>
    ComputeUnit.create({
      stepLimit: 1_000_000,
      globals: {
        wait: (value: unknown) => Promise.resolve(value ?? 0),
        fail: () => {
          throw new Error("refused");
        },
      },
    });
  const run = async (cu: ComputeUnit, index: number) => {
    try {
      const { value, output } = await cu.computeAsync(PROGRAMS[index], { input: index, chunkName: "=program" });
      return { value, output };
    } catch (error) {
      return `${error} ${error instanceof LuaError ? error.traceback : ""}`;
    }
  };
  const alone: unknown[] = [];
  for (let i = 0; i < PROGRAMS.length; i++) {
    using cu = await make();
    alone.push(await run(cu, i));
  }
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(PROGRAMS.length - 1), { minLength: 1, maxLength: 30 }),
      fc.boolean(),
      endingSearch(async (order, isSideBySide) => {
        using cu = await make();
        const results: unknown[] = [];
        if (isSideBySide) results.push(...await Promise.all(order.map((index) => run(cu, index))));
        else for (const index of order) results.push(await run(cu, index));
        assertEquals(results, order.map((index) => alone[index]));
      }),
    ),
    { numRuns: Math.ceil(60 * RUNS_FACTOR), seed: SEED },
  );
});
