// Runs that wait for the host: through whatever Lua code stands between, side by side, ended and refused.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, type ComputeUnitOptions, LuaError, type LuaFunction, returns } from "@computeunit/cu";
import { CountingClock } from "../helpers/clock.ts";
import { liveHeapBytes } from "../helpers/heap.ts";
import { corrupt, withInstance } from "../helpers/instance.ts";
import { MIB } from "../helpers/sizes.ts";

/** A promise that a test settles. */
class Gate {
  readonly promise: Promise<unknown>;
  open!: (value?: unknown) => void;
  fail!: (error: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => [this.open, this.fail] = [resolve, reject]);
  }
}

/** Functions that return promises, which are settled in a later turn. */
const later = (value: unknown) => new Promise((resolve) => queueMicrotask(() => resolve(value)));

function unitOf(options: ComputeUnitOptions = {}): Promise<ComputeUnit> {
  const kv = {
    get: (key: unknown) => later(`v:${key}`),
    pair: (a: unknown, b: unknown) => later(returns(a, b)),
    fail: async (what: string) => {
      await later(0);
      throw new RangeError(what);
    },
    now: (value: unknown) => value,
    never: () => new Promise(() => {}),
  };
  return ComputeUnit.create({ modules: { kv }, ...options });
}

const KV = `local kv = require "kv"\n`;

Deno.test("a run waits for promises, and gives its value, its output and its metadata", async () => {
  using cu = await unitOf();
  const code = KV + `
    _io.output = { kv.get(_io.input.key), kv.now(1), select("#", kv.pair(nil, 2)) }
    _io.meta.seen = true
    return kv.get("b")
  `;
  const result = await cu.computeAsync(code, { input: { key: "a" }, meta: { id: 7 } });
  assertEquals(result, { value: "v:b", output: ["v:a", 1, 2], meta: { id: 7, seen: true } });
  assertEquals(await cu.computeAsync("return 1, 2"), { value: 1, output: null, meta: null });
});

Deno.test("waits through coroutines, pcall, metamethods and iterators", async () => {
  using cu = await unitOf();
  const cases: [string, unknown][] = [
    [`return (select(2, pcall(kv.get, 1)))`, "v:1"],
    [`return select(2, xpcall(function() return kv.get(1) end, debug.traceback))`, "v:1"],
    [`local ok, e = pcall(kv.fail, "no") return { ok, e.name, e.message }`, [false, "RangeError", "no"]],
    [`local ok, e = pcall(function() kv.get(1) error("x", 0) end) return { ok, e }`, [false, "x"]],
    [
      `local co = coroutine.create(function(a) local v = kv.get(a) local b = coroutine.yield(v, 2) return kv.get(b) end)
       local t = { coroutine.resume(co, "x") }
       local u = { coroutine.resume(co, "y") }
       return { t, u, coroutine.status(co), (coroutine.resume(co)) }`,
      [[true, "v:x", 2], [true, "v:y"], "dead", false],
    ],
    [
      `return coroutine.wrap(function() return coroutine.wrap(function() return kv.get(1) end)() .. kv.get(2) end)()`,
      "v:1v:2",
    ],
    [`return coroutine.wrap(kv.get)(5)`, "v:5"],
    [`local ok, e = pcall(coroutine.wrap(function() kv.get(1) error("in", 0) end)) return e`, "in"],
    [
      `local mt = {}
       for _, event in ipairs { "add", "concat", "unm", "len", "call", "index", "lt", "le", "eq" } do
         mt["__" .. event] = function() return kv.get(event) end
       end
       local a, b = setmetatable({}, mt), setmetatable({}, mt)
       return { a + b, a .. b, -a, #a, a(), a.x, a < b, a <= b, a == b }`,
      ["v:add", "v:concat", "v:unm", "v:len", "v:call", "v:index", true, true, true],
    ],
    [
      `local t = setmetatable({}, { __newindex = function(t, k, v) rawset(t, k, kv.get(v)) end }) t.x = 1 return t.x`,
      "v:1",
    ],
    [
      `local s = "" for i, v in function(_, i) if i < 3 then return i + 1, kv.get(i) end end, nil, 0 do s = s .. v end return s`,
      "v:0v:1v:2",
    ],
    [
      `local s = "" for k, v in pairs(setmetatable({}, { __pairs = function() return function(_, k) if not k then return kv.get(1), 2 end end end })) do s = s .. k .. v end return s`,
      "v:12",
    ],
    [
      `local log = {} do local x <close> = setmetatable({}, { __close = function() log[1] = kv.get(9) end }) end return log[1]`,
      "v:9",
    ],
    [
      `local log = {} pcall(function() local x <close> = setmetatable({}, { __close = function(_, e) log[1] = kv.get(e) end }) error("e", 0) end) return log[1]`,
      "v:e",
    ],
    [`return require("kv") == kv and load("return (...)(3)")(kv.get)`, "v:3"],
    [`local function tail(n) if n == 0 then return kv.get("t") end return tail(n - 1) end return tail(1000)`, "v:t"],
    [`return kv.get(kv.get(kv.get(1)))`, "v:v:v:1"],
    [`local s = 0 for i = 1, 200 do s = s + #kv.get(i) end return s`, 892],
  ];
  for (const [code, expected] of cases) {
    assertEquals((await cu.computeAsync(KV + code)).value as unknown, expected, code);
  }
});

Deno.test("what waits isn't a coroutine of code's: it can't be resumed, closed or yielded from", async () => {
  using cu = await unitOf();
  const gate = new Gate();
  using other = await ComputeUnit.create({ globals: { wait: () => gate.promise } });
  const { value } = await cu.computeAsync(
    KV + `
    local thread, is_main = coroutine.running()
    local ok, e = pcall(coroutine.yield, 1)
    return { is_main, coroutine.isyieldable(), ok, e, coroutine.status(thread) }
  `,
  );
  assertEquals(value, [true, false, false, "attempt to yield from outside a coroutine", "running"]);
  const waits = other.computeAsync(`
    co = coroutine.create(function() return wait() end)
    main = coroutine.running()
    return select(2, coroutine.resume(co))
  `);
  const poke = `
    local t = {}
    for i, thread in ipairs { co, main } do
      local ok, e = coroutine.resume(thread, "fake")
      local closed, why = pcall(coroutine.close, thread)
      t[i] = { coroutine.status(thread), ok, e, closed, why }
    end
    return t
  `;
  const refused = ["normal", false, "cannot resume non-suspended coroutine", false, "cannot close a normal coroutine"];
  assertEquals(other.compute(poke), [refused, refused]);
  gate.open("real");
  assertEquals((await waits).value, "real");
  assertEquals(other.compute("return { coroutine.status(co), coroutine.status(main) }"), ["dead", "dead"]);
});

Deno.test("where code can't be suspended, the error says where", async () => {
  using cu = await unitOf();
  const cases: [string, string][] = [
    [`table.sort({ 3, 2, 1 }, function(a, b) return kv.get(a) < kv.get(b) end)`, "table.sort"],
    [`string.gsub("abc", ".", kv.get)`, "string.gsub"],
    [`error(select(2, load(function() return kv.get(1) end)), 0)`, "load"],
    [`tostring(setmetatable({}, { __tostring = function() return kv.get(1) end }))`, "tostring"],
    [
      `table.concat(setmetatable({}, { __len = function() return 1 end, __index = function() return kv.get(1) end }))`,
      "table.concat",
    ],
    [
      `setmetatable({}, { __gc = function() ok, e = pcall(kv.get, 1) end }) collectgarbage() error(e, 0)`,
      "a finalizer",
    ],
    [`coroutine.wrap(function() table.sort({ 2, 1 }, function() return kv.get(1) end) end)()`, "table.sort"],
  ];
  for (const [code, place] of cases) {
    const error = await assertRejects(() => cu.computeAsync(KV + code), LuaError);
    const expected = `kv.get returned a promise, which can't be waited for in ${place}: call it before or after`;
    assert(error.message.endsWith(expected), `${code}: ${error.message}`);
  }
  const remedy = "run the code by computeAsync(), call a function by callAsync()";
  const expected = `kv.get returned a promise, which compute() can't wait for: ${remedy}`;
  assertEquals(assertThrows(() => cu.compute(KV + "return kv.get(1)"), LuaError).message, expected);
  assertEquals(cu.compute("return 1"), 1);
  // A function that the host calls can't wait, in code that can.
  using calling = await ComputeUnit.create({ globals: { wait: later, run: (f: LuaFunction) => f() } });
  await assertRejects(() => calling.computeAsync("run(function() wait(1) end)"), LuaError, remedy);
});

Deno.test("what is closed as a run or a part of it ends can't wait, and is told so", async () => {
  using cu = await ComputeUnit.create({ globals: { ask: later, fail: () => Promise.reject(new Error("nobody's")) } });
  const closing = (body: string) =>
    `local c <close> = setmetatable({}, { __close = function() ${body} end }) task.sleep(1e6)`;
  for (
    const [body, called] of [
      ["ask(1)", "ask"],
      ["fail()", "fail"],
      ["task.sleep(1)", "task.sleep"],
      ["task.all(print)", "task.all"],
    ]
  ) {
    const place = "__close after its coroutine or run has ended";
    const expected = `${called} returned a promise, which can't be waited for in ${place}: call it before or after`;
    const code = `local task = require "task" ${closing(body)}`;
    const race = `local task = require "task" task.race(function() ${closing(body)} end, print)`;
    assertEquals((await assertRejects(() => cu.computeAsync(race), LuaError)).message, expected);
    const controller = new AbortController();
    const aborted = assertRejects(() => cu.computeAsync(code, { signal: controller.signal }), LuaError);
    controller.abort("why");
    assertEquals((await aborted).message, expected);
  }
  assertEquals((await cu.computeAsync("return ask(1)")).value, 1);
});

Deno.test("10,000 runs wait in one unit at once, and each gets its own answer, in any order", async () => {
  const gates = new Map<number, Gate>();
  using cu = await ComputeUnit.create({
    globals: {
      ask(id: number) {
        const gate = new Gate();
        gates.set(id, gate);
        return gate.promise;
      },
    },
  });
  const count = 10_000;
  const code = `
    local mine = _io.input.id
    local answer = ask(mine)
    _io.output = { id = _io.input.id, answer = answer, meta = _io.meta }
    return mine == _io.input.id
  `;
  const runs = Array.from({ length: count }, (_, id) => cu.computeAsync(code, { input: { id }, meta: id }));
  assertEquals(gates.size, count);
  const ids = [...gates.keys()];
  for (let i = count - 1; i > 0; i--) {
    const j = (i * 7919) % (i + 1);
    [ids[i], ids[j]] = [ids[j], ids[i]];
  }
  for (const id of ids) gates.get(id)!.open(`a${id}`);
  const results = await Promise.all(runs);
  for (const [id, { value, output }] of results.entries()) {
    assertEquals([value, output], [true, { answer: `a${id}`, id, meta: id }]);
  }
});

Deno.test("each run has an _io of its own, and the unit keeps its own", async () => {
  const gate = new Gate();
  using cu = await ComputeUnit.create({ globals: { wait: () => gate.promise } });
  cu.setInput("the unit's");
  cu.compute("_io.output = 'out'");
  const code =
    "local before = _io.output; _io.output = _io.input; wait(); return _io.array({ before, _io.input, _io.output }, 3)";
  const a = cu.computeAsync(code, { input: "a" });
  const b = cu.computeAsync(code, { input: { b: [1, 2] } });
  assertEquals(cu.compute("return { _io.input, _io.output }"), ["the unit's", "out"]);
  cu.setInput("changed");
  cu.clearIo();
  gate.open();
  assertEquals((await a).value as unknown, [null, "a", "a"]);
  assertEquals((await b).value as unknown, [null, { b: [1, 2] }, { b: [1, 2] }]);
  assertEquals(cu.getOutput(), null);
});

Deno.test("input is taken when it is given, and a lazy one is read on demand", async () => {
  const gate = new Gate();
  using cu = await ComputeUnit.create({ globals: { wait: () => gate.promise } });
  const row = { n: 1, big: { x: 1 } };
  const copied = cu.computeAsync("wait() return _io.input.n", { input: row });
  const lazy = cu.computeAsync("wait() _io.output = _io.input.big return _io.input.n", { input: row, lazy: true });
  row.n = 2;
  gate.open();
  assertEquals((await copied).value, 1);
  const { value, output } = await lazy;
  assertEquals(value, 2);
  assertStrictEquals(output as unknown, row.big);
});

Deno.test("an error while a run waits or after is the run's, with the very cause", async () => {
  const thrown = new TypeError("from the host");
  using cu = await ComputeUnit.create({
    globals: {
      fail: () => Promise.reject(thrown),
      odd: async () => await later(() => {}),
      lua: () => Promise.reject(new LuaError("runtime", "x", { value: { code: 4 } })),
    },
  });
  const error = await assertRejects(() => cu.computeAsync("local x = 1\nfail()", { chunkName: "a.lua" }), LuaError);
  assertStrictEquals(error.cause, thrown);
  assertEquals((await cu.computeAsync("local ok, e = pcall(fail) return { ok, tostring(e) }")).value as unknown, [
    false,
    "TypeError: from the host",
  ]);
  await assertRejects(() => cu.computeAsync("return odd()"), TypeError, "functions cannot be passed");
  assertEquals((await cu.computeAsync("local ok, e = pcall(lua) return e.code")).value, 4);
  await assertRejects(() => cu.computeAsync("return 1 +"), LuaError, "unexpected symbol");
  await assertRejects(() => cu.computeAsync("return print"), TypeError, "functions cannot be passed");
  await assertRejects(() => cu.computeAsync("return 1", { input: { f() {} } }), TypeError, "at input.f");
  assertEquals((await cu.computeAsync("return 1")).value, 1);
});

Deno.test("a signal ends a run that waits, and what it has to close is closed", async () => {
  using cu = await unitOf();
  cu.compute("log = {}");
  const closing = (name: string) =>
    `local c <close> = setmetatable({}, { __close = function() log[#log + 1] = "${name}" end })\n`;
  const controller = new AbortController();
  const run = cu.computeAsync(
    KV + closing("outer") + `coroutine.wrap(function() ${closing("inner")} kv.never() end)()`,
    { signal: controller.signal },
  );
  assertEquals(cu.compute("return #log"), 0);
  controller.abort();
  const error = await assertRejects(() => run, DOMException);
  assertEquals(error.name, "AbortError");
  assertEquals(cu.compute("return log"), ["inner", "outer"]);
  // An error while closing takes its place, and knows it.
  const second = new AbortController();
  const failing = cu.computeAsync(
    KV + `local c <close> = setmetatable({}, { __close = function() error("closing") end }) kv.never()`,
    { signal: second.signal },
  );
  second.abort("why");
  const closingError = await assertRejects(() => failing, LuaError, "closing");
  assertEquals(closingError.cause, "why");
  // One that is aborted already begins nothing; one that comes too late does nothing.
  const reason = new Error("stop");
  assertStrictEquals(
    await assertRejects(() => cu.computeAsync("ran = true", { signal: AbortSignal.abort(reason) }), Error),
    reason,
  );
  assertEquals(cu.compute("return ran"), null);
  const late = new AbortController();
  assertEquals((await cu.computeAsync("return 1", { signal: late.signal })).value, 1);
  late.abort();
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("a signal ends a run that runs, of compute too, by what code calls", async () => {
  const controller = new AbortController();
  using cu = await ComputeUnit.create({ globals: { abort: () => controller.abort() } });
  const code = "pcall(function() abort() while true do end end)";
  const run = cu.computeAsync(code, { signal: controller.signal });
  assertStrictEquals(await assertRejects(() => run, DOMException), controller.signal.reason);
  const other = new AbortController();
  using unit = await ComputeUnit.create({ globals: { abort: () => other.abort("now") } });
  let thrown: unknown;
  try {
    unit.compute(code, { signal: other.signal });
  } catch (error) {
    thrown = error;
  }
  assertEquals(thrown, "now");
  assertEquals(unit.compute("return 1"), 1);
});

Deno.test("waiting isn't running: timeLimit and stepLimit count what the run itself took, over all its parts", async () => {
  const clock = new CountingClock();
  using cu = await unitOf({
    now: clock.now,
    globals: {
      pass: (ms: number) => void (clock.time += ms),
      wait: () => later(0).then(() => void (clock.time += 1e6)),
    },
  });
  assertEquals((await cu.computeAsync("for i = 1, 20 do wait() end return 1", { timeLimit: 1000 })).value, 1);
  const error = await assertRejects(
    () => cu.computeAsync("for i = 1, 20 do pass(100) wait() end return 1", { timeLimit: 1000 }),
    LuaError,
  );
  assertEquals([error.kind, error.message], ["time", "time limit of 1000 ms exceeded"]);
  const endless = await assertRejects(
    () => cu.computeAsync("while true do wait() end", { stepLimit: 10_000 }),
    LuaError,
  );
  assertEquals([endless.kind, endless.message], ["limit", "limit of 10000 steps exceeded"]);
  // For one run of compute, too, and not for the next.
  assertThrows(() => cu.compute("while true do end", { timeLimit: 50 }), LuaError, "time limit of 50 ms");
  assertThrows(() => cu.compute("while true do end", { stepLimit: 50_000 }), LuaError, "limit of 50000 steps");
  assertEquals(cu.compute("local n = 0 for i = 1, 1e6 do n = i end return n"), 1e6);
});

Deno.test("disposing of the unit rejects what waits", async () => {
  const cu = await unitOf();
  const runs = [
    cu.computeAsync(KV + "kv.never()"),
    cu.callAsync("string.rep", "x", 2),
    cu.computeAsync(KV + "require('task').sleep(1e9)"),
  ];
  cu.dispose();
  assertEquals(await runs[1], "xx");
  for (const run of [runs[0], runs[2]]) await assertRejects(() => run, TypeError, "its unit has been disposed");
  await assertRejects(() => cu.computeAsync("return 1"), TypeError, "the unit has been disposed");
});

Deno.test("a host function may begin a run, and dispose of nothing while code runs", async () => {
  const started: Promise<unknown>[] = [];
  using cu = await ComputeUnit.create({
    globals: {
      start: (n: number) => void started.push(cu.computeAsync("return wait() + _io.input", { input: n })),
      wait: () => later(40),
      dispose: () => cu.dispose(),
    },
  });
  cu.setInput("mine");
  assertEquals(cu.compute("start(1) start(2) return _io.input"), "mine");
  assertEquals((await cu.computeAsync("start(3) wait() return _io.input", { input: "own" })).value, "own");
  assertEquals((await Promise.all(started) as { value: number }[]).map(({ value }) => value), [41, 42, 43]);
  assertThrows(() => cu.compute("dispose()"), LuaError, "the unit is running");
});

Deno.test("modules are resolved while a run waits, and required by others meanwhile", async () => {
  const asked: string[] = [];
  using cu = await ComputeUnit.create({
    resolveModule: async (name) => {
      asked.push(name);
      await later(0);
      return name === "none"
        ? undefined
        : `local n = ... ; local t = { name = n, G = _G } if n == "outer" then t.inner = require "inner" end return t`;
    },
  });
  const code =
    `local m = require "outer" return { m.name, m.inner.name, (select(2, require "outer")) == nil, m.G == _G }`;
  assertEquals((await cu.computeAsync(code)).value as unknown, ["outer", "inner", true, true]);
  assertEquals(asked, ["outer", "inner"]);
  await assertRejects(() => cu.computeAsync(`require "none"`), LuaError, "nothing from resolveModule");
  assertThrows(() => cu.compute(`require "later"`), LuaError, "compute() can't wait for");
  assertEquals(cu.compute(`return (require "outer").name`), "outer");
});

Deno.test("runs that require a module at the same time get the same one", async () => {
  for (const text of ["made = (made or 0) + 1 return {}", "made = (made or 0) + 1 wait() return {}"]) {
    for (const library of ["writable", "readonly"] as const) {
      using cu = await ComputeUnit.create({
        globals: { wait: () => later(0) },
        resolveModule: async (name) => {
          await later(0);
          return name === "json" ? undefined : text;
        },
        library,
      });
      const code = `
        local m, place = require "m"
        first = first or m
        return { m == first and require "m" == first, place or false, require "json" == package.loaded.json }`;
      const runs = await Promise.all([1, 2, 3].map(() => cu.computeAsync(code)));
      const values = runs.map(({ value }) => value as [boolean, string | false, boolean]);
      assertEquals(values.map(([same]) => same), [true, true, true]);
      assertEquals(values.map(([, , sameJson]) => sameJson), [true, true, true]);
      // As in Lua, only who has loaded it is told of its place.
      assertEquals(values.filter(([, place]) => place === "m").length, 1);
      assertEquals(cu.compute("return made"), text.includes("wait") ? 3 : 1);
    }
  }
});

Deno.test("a module that isn't loaded in the end is loaded by who waits for it", async () => {
  using cu = await ComputeUnit.create({
    resolveModule: async () => {
      await later(0);
      return `count = (count or 0) + 1 if count == 1 then error("not yet") end return count`;
    },
  });
  const [first, second] = await Promise.allSettled([1, 2].map(() => cu.computeAsync(`return require "m"`)));
  assertEquals([first.status, (second as PromiseFulfilledResult<{ value: unknown }>).value.value], ["rejected", 2]);
});

Deno.test("task.all, task.race and task.sleep run functions side by side", async () => {
  const order: unknown[] = [];
  const gates: Record<string, Gate> = { a: new Gate(), b: new Gate(), c: new Gate() };
  using cu = await ComputeUnit.create({
    globals: {
      wait: (name: string) => (order.push(name), gates[name].promise),
      note: (what: unknown) => void order.push(what),
    },
  });
  const run = cu.computeAsync(
    `
    local task = require "task"
    local t = {}
    local a, b, c = task.all(
      function() return wait "a", "second" end,
      function() t.shared = _io.input return wait "b" end,
      function() return t end)
    _io.output = task.all()
    return { a, b, c == t, c.shared }
  `,
    { input: "in" },
  );
  assertEquals(order, ["a", "b"]);
  gates.b.open(2);
  gates.a.open(1);
  assertEquals((await run).value as unknown, [1, 2, true, "in"]);
  const raced = cu.computeAsync(`
    local task = require "task"
    local closed
    local r = { task.race(
      function() local x <close> = setmetatable({}, { __close = function() closed = true end }) wait "c" end,
      function() task.sleep(1) return "fast", 2 end) }
    return { r, closed }
  `);
  assertEquals((await raced).value as unknown, [["fast", 2], true]);
  const failed = await cu.computeAsync(`
    local task = require "task"
    local log = {}
    local ok, e = pcall(task.all,
      function() local x <close> = setmetatable({}, { __close = function() log[#log + 1] = "closed" end }) wait "c" end,
      function() return "done" end,
      function() error({ code = 3 }) end)
    local ok2, e2 = pcall(task.race, function() error("first", 0) end, function() wait "c" end)
    return { ok, e.code, log, ok2, e2 }
  `);
  assertEquals(failed.value as unknown, [false, 3, ["closed"], false, "first"]);
  const nested = await cu.computeAsync(`
    local task = require "task"
    local function leaf(n) return function() task.sleep(0) return n end end
    return { task.all(
      function() local a, b = task.all(leaf(1), leaf(2)) return a + b end,
      function() return coroutine.wrap(function() return (task.all(leaf(3))) end)() end) }
  `);
  assertEquals(nested.value as unknown, [3, 3]);
  for (
    const [code, message] of [
      [`require("task").all(1)`, "function expected"],
      [`require("task").race()`, "function expected"],
      [`require("task").sleep(-1)`, "milliseconds from 0"],
      [`require("task").sleep("x")`, "milliseconds from 0"],
      [`table.sort({ 2, 1 }, function() require("task").all(print) end)`, "can't be waited for in table.sort"],
    ]
  ) await assertRejects(() => cu.computeAsync(code), LuaError, message);
  assertThrows(() => cu.compute(`require("task").sleep(1)`), LuaError, "task.sleep can't be used in compute()");
  assertThrows(() => cu.compute(`require("task").all(print)`), LuaError, "task.all returned a promise");
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("a signal ends all that a run does side by side", async () => {
  using cu = await unitOf();
  const controller = new AbortController();
  const run = cu.computeAsync(
    KV + `
    closed = {}
    local function work(name)
      return function()
        local x <close> = setmetatable({}, { __close = function() closed[#closed + 1] = name end })
        kv.never()
      end
    end
    local x <close> = setmetatable({}, { __close = function() closed[#closed + 1] = "main" end })
    require("task").all(work "a", work "b", function() require("task").sleep(1e9) end)
  `,
    { signal: controller.signal },
  );
  controller.abort();
  await assertRejects(() => run, DOMException);
  assertEquals(cu.compute("return closed"), ["a", "b", "main"]);
});

Deno.test("callAsync calls functions that wait, by name", async () => {
  using cu = await unitOf();
  cu.compute(
    KV +
      "rules = { price = function(a, b) return kv.get(a) .. tostring(b), 2 end } t = setmetatable({}, { __call = function(_, x) return kv.get(x) end })",
  );
  assertEquals(await cu.callAsync("rules.price", "x"), "v:xnil");
  assertEquals(await cu.callAsync("t", 1), "v:1");
  await assertRejects(() => cu.callAsync("rules.none"), LuaError, "attempt to call a nil value (global 'rules.none')");
  await assertRejects(() => cu.callAsync("rules.price", () => {}), TypeError, "functions cannot be passed");
  await assertRejects(() => cu.callAsync(1 as unknown as string), TypeError, "name is not a string");
});

Deno.test("globals of its own: what a run sets, others don't see", async () => {
  using cu = await ComputeUnit.create({
    globals: { wait: () => later(0) },
    modules: { m: "count = (count or 0) + 1 return { set = function(v) shared = v end }" },
  });
  cu.compute("base = 1 function get() return base, own end");
  const code = `
    own = _io.input
    base = "mine"
    wait()
    local loaded = load("inner = 5 return base")()
    require("m").set(_io.input)
    local b, o = get()
    return { own, base, loaded, inner, b, o == nil, _G.own, getmetatable(_G), string.rep("x", 2) }
  `;
  const [a, b] = await Promise.all([1, 2].map((input) => cu.computeAsync(code, { input, globals: "own" })));
  assertEquals(a.value as unknown, [1, "mine", "mine", 5, 1, true, 1, false, "xx"]);
  assertEquals((b.value as unknown[])[0], 2);
  assertEquals(cu.computeAll("return base, own, inner, count, shared"), [1, null, null, 1, 2]);
  assertEquals(cu.compute("x = 1 return x", { globals: "own" }), 1);
  assertThrows(() => cu.compute("y = 1 error('e')", { globals: "own" }), LuaError);
  assertThrows(() => cu.compute("setmetatable(_G, {})", { globals: "own" }), LuaError, "protected metatable");
  assertEquals(cu.computeAll("z = 3 return x, y, z"), [null, null, 3]);
  assertThrows(
    () => cu.compute("return 1", { globals: "both" as "own" }),
    TypeError,
    `globals must be "own" or "shared"`,
  );
});

Deno.test("lastRun tells of steps, time, memory and calls, of parts together", async () => {
  const clock = new CountingClock();
  using cu = await unitOf({ now: clock.now });
  cu.compute("for i = 1, 100000 do end");
  const short = cu.lastRun.steps;
  cu.compute("for i = 1, 1000000 do end");
  const { steps, milliseconds, hostCalls } = cu.lastRun;
  assert(steps > 9 * short && steps < 11 * short, `${short} and ${steps} steps`);
  assert(milliseconds > 0);
  assertEquals(hostCalls, 0);
  cu.compute("keep = ('x'):rep(1e6) keep = nil collectgarbage()");
  const peak = cu.lastRun.peakBytes;
  assert(peak > 1e6);
  cu.compute("return 1");
  assert(cu.lastRun.peakBytes < peak);
  await cu.computeAsync(KV + "for i = 1, 3 do kv.get(i) for j = 1, 100000 do end end kv.now(1)");
  assertEquals(cu.lastRun.hostCalls, 4);
  assert(cu.lastRun.steps > 2.5 * short);
  assertThrows(() => cu.compute("while true do end", { stepLimit: 100_000 }), LuaError);
  assert(cu.lastRun.steps >= 100_000);
});

Deno.test("100,000 calls, sync and waiting, with errors among them, keep memory flat", async () => {
  using cu = await unitOf();
  const code = KV + `
    for i = 1, 100 do
      kv.now(i)
      kv.get(i)
      pcall(kv.fail, "e")
      coroutine.wrap(function() kv.get(i) end)()
    end
  `;
  const round = async (runs: number) => {
    for (let i = 0; i < runs; i++) await cu.computeAsync(code, { input: { i } });
    cu.runGc();
    return { used: cu.getMemoryStats().usedBytes, heap: await liveHeapBytes() };
  };
  await round(10);
  const before = await round(10);
  const after = await round(240);
  assert(after.used - before.used < 20_000, `${before.used} and ${after.used} bytes used`);
  assert(after.heap - before.heap < 2_000_000, `${before.heap} and ${after.heap} bytes of heap`);
});

Deno.test("a script that waits gets past no limit, and finds nothing of another run", async () => {
  using cu = await unitOf({ stepLimit: 50_000 });
  await assertRejects(() => cu.computeAsync(KV + "while true do kv.get(1) end"), LuaError, "limit of 50000 steps");
  await assertRejects(
    () => cu.computeAsync(KV + "local t = require 'task' local function f() t.all(f, f) end f()"),
    LuaError,
  );
  await assertRejects(
    () =>
      cu.computeAsync(
        KV + "local t = require 'task' while true do t.all(function() while true do kv.get(1) end end) end",
      ),
    LuaError,
  );
  const secret = cu.computeAsync(KV + "local s = _io.input kv.never()", { input: "secret" });
  const { value } = await cu.computeAsync(
    KV + `
    local seen, found = {}, false
    local function look(v)
      if v == "secret" then found = true end
      if type(v) ~= "table" or seen[v] then return end
      seen[v] = true
      for k, w in next, v do look(k) look(w) end
      local mt = getmetatable(v)
      if mt then look(mt) end
    end
    look(_G) look(_io)
    return found
  `,
  );
  assertEquals(value, false);
  secret.catch(() => {});
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("what waits in a unit that breaks is rejected, whatever broke it", async () => {
  const [cu, instance] = await withInstance(() => unitOf());
  const runs = Array.from({ length: 1000 }, () => cu.computeAsync(KV + "kv.never()"));
  corrupt(instance);
  const failure = assertThrows(() => cu.compute("return {}"), Error, "The unit is broken");
  for (const run of runs) assertStrictEquals(await assertRejects(() => run, Error), failure);
  await assertRejects(() => cu.computeAsync("return 1"), TypeError, "the unit is broken");
});

Deno.test("others get their turns while code waits for what is there already", async () => {
  const codes = ["while true do get() end", "task = require 'task' while true do task.all(get, get) end"];
  for (const code of codes) {
    using cu = await ComputeUnit.create({ globals: { get: async () => await Promise.resolve(1) } });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const signal = AbortSignal.timeout(100);
    const error = await assertRejects(() => cu.computeAsync(code, { signal }), DOMException);
    clearInterval(timer);
    assertEquals([error.name, ticks > 0, cu.pending().length], ["TimeoutError", true, 0]);
    assertEquals((await cu.computeAsync("return get()")).value, 1);
  }
});

Deno.test("runs side by side go on in order where others get turns between", async () => {
  const globals = { get: (n: number) => Promise.resolve(n) };
  using cu = await ComputeUnit.create({ globals });
  const code = "local sum = 0 for i = 1, 3000 do sum = sum + get(i) end return sum";
  const runs = await Promise.all(Array.from({ length: 5 }, () => cu.computeAsync(code)));
  assertEquals(runs.map(({ value }) => value), Array.from({ length: 5 }, () => 4501500));
});

Deno.test("a run gives its output as JSON, written in the unit within the run's limits", async () => {
  using cu = await ComputeUnit.create({ globals: { later: async (value: unknown) => await Promise.resolve(value) } });
  const options = { outputJson: true } as const;
  const code = "_io.meta = { n = 1 } _io.output = { id = later(9007199254740993), list = _io.array {} } return 'done'";
  const { value, output, meta } = await cu.computeAsync<string>(code, options);
  assertEquals([value, output, meta], ["done", '{"id":9007199254740993,"list":[]}', { n: 1 }]);
  assertEquals((await cu.computeAsync("return 1", options)).output, "null");
  // What a lazy input holds, changed or not; a text that is longer than the buffer.
  const input = { rows: Array.from({ length: 5000 }, (_, id) => ({ id, name: `row ${id}` })) };
  const changed = { rows: input.rows.map((row) => row.id === 7 ? { ...row, name: "seven" } : row) };
  for (const lazy of [true, false]) {
    const run = await cu.computeAsync("_io.input.rows[8].name = 'seven' _io.output = _io.input", {
      input,
      lazy,
      ...options,
    });
    assertEquals(run.output, JSON.stringify(changed));
  }
  // JSON shares nothing.
  const bomb = "local t = { 1 } for i = 1, 60 do t = { t, t } end _io.output = t";
  for (const [limit, kind] of [[{ stepLimit: 100_000 }, "limit"], [{}, "memory"]] as const) {
    using small = await ComputeUnit.create({ memoryLimit: 4 * MIB });
    const error = await assertRejects(() => small.computeAsync(bomb, { ...limit, ...options }), LuaError);
    assertEquals(error.kind, kind);
    assertEquals((await small.computeAsync("_io.output = 2", options)).output, "2");
  }
  for (
    const [wrong, message] of [
      ["_io.output = { f = { print } }", "functions cannot be passed (at output.f[1])"],
      ["_io.output = 0/0", "NaN is no JSON number (at output)"],
      ["_io = 5", "Lua code replaced the global _io"],
    ]
  ) await assertRejects(() => cu.computeAsync(wrong, { globals: "own", ...options }), TypeError, message);
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("an error while task.all and task.race close the others is an error of theirs", async () => {
  using cu = await ComputeUnit.create({ globals: { later: async (value: unknown) => await Promise.resolve(value) } });
  const code = `
    local task = require("task")
    local function bad()
      local c <close> = setmetatable({}, { __close = function() error("while closing", 0) end })
      task.sleep(1e6)
    end
    local results = {}
    for i = 1, 30 do
      results = {
        select(2, pcall(task.race, function() return later(1) end, bad)),
        select(2, pcall(task.all, function() later(1) error("first", 0) end, bad, bad)),
      }
    end
    return results
  `;
  assertEquals((await cu.computeAsync(code)).value, ["while closing", "while closing"]);
  assertEquals(cu.compute("return 1"), 1);
  const before = cu.getMemoryStats().usedBytes;
  for (let i = 0; i < 20; i++) await cu.computeAsync(code);
  cu.runGc();
  assert(cu.getMemoryStats().usedBytes < before + 20_000);
});

Deno.test("a signal ends what code has called, also where that has one of its own", async () => {
  const outer = new AbortController();
  const inner = new AbortController();
  let calls = 0;
  using cu = await ComputeUnit.create({
    globals: {
      inner: () => cu.compute("while true do step() end", { signal: inner.signal }),
      step: () => {
        if (++calls === 10) outer.abort(new Error("enough"));
      },
    },
  });
  assertThrows(() => cu.compute("return inner()", { signal: outer.signal }), Error, "enough");
  assert(calls < 100_000, `${calls}`);
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("what task.all, task.race and a signal close counts for the run's limits, and for lastRun", async () => {
  const closes = (body: string) =>
    `local task = require "task"
    local function closing() local x <close> = setmetatable({}, { __close = function() ${body} end }) task.sleep(1e6) end`;
  using cu = await ComputeUnit.create();
  const endless = closes("while true do count = (count or 0) + 1 end");
  for (
    const end of ["task.all(closing, closing, closing, closing, error)", "task.race(closing, closing, closing, print)"]
  ) {
    cu.compute("count = 0");
    await assertRejects(
      () => cu.computeAsync(`${endless} ${end}`, { stepLimit: 100_000 }),
      LuaError,
      "limit of 100000 steps",
    );
    assert(cu.compute<number>("return count") < 110_000, end);
  }
  // Each of them stays below the limit, and all together don't.
  const some = closes("for i = 1, 20000 do end");
  const races = `${some} for i = 1, 20 do task.race(closing, function() return i end) end return "done"`;
  await assertRejects(() => cu.computeAsync(races, { stepLimit: 100_000 }), LuaError, "limit of 100000 steps");
  assertEquals((await cu.computeAsync(races, { stepLimit: 1_000_000 })).value, "done");
  const { steps } = cu.lastRun;
  assert(steps > 400_000 && steps < 500_000, `${steps}`);
  cu.compute("count = 0");
  const controller = new AbortController();
  const aborted = cu.computeAsync(`${endless} task.all(closing, closing, closing)`, {
    stepLimit: 100_000,
    signal: controller.signal,
  });
  controller.abort(new Error("enough"));
  await assertRejects(() => aborted, Error);
  assert(cu.compute<number>("return count") < 110_000);
});
