// What code and hosts can do to runs that wait, and to what they share, beyond what is meant.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError, type LuaFunction } from "@computeunit/cu";

/** A host function that answers while the gate is open: until something that the test names has settled. */
function gate() {
  const waiting: (() => void)[] = [];
  let isOpen = false;
  return {
    wait: () => isOpen ? Promise.resolve() : new Promise<void>((resolve) => waiting.push(resolve)),
    async open(until: Promise<unknown>) {
      isOpen = true;
      for (const resolve of waiting.splice(0)) resolve();
      await until.catch(() => {});
      isOpen = false;
    },
  };
}

const CLOSED = `
  closed = {}
  local function closing(name)
    return setmetatable({}, { __close = function(_, e) closed[#closed + 1] = name .. ":" .. tostring(e) end })
  end
`;

Deno.test("what a run has to close is closed where it ends in an error", async () => {
  using cu = await ComputeUnit.create({ globals: { ask: async (value: unknown) => await Promise.resolve(value) } });
  for (const wait of ["", "ask(1)"]) {
    const code = `${CLOSED} local a <close> = closing "a" local b <close> = closing "b" ${wait} error("boom", 0)`;
    await assertRejects(() => cu.computeAsync(code), LuaError, "boom");
    assertEquals(cu.compute("return closed"), ["b:boom", "a:boom"]);
  }
  const { value } = await cu.computeAsync(`${CLOSED}
    local task = require "task"
    local ok, e = pcall(task.all, function() local x <close> = closing "x" ask(1) error("in all", 0) end, function() ask(2) end)
    local ok2, e2 = pcall(task.race, function() local y <close> = closing "y" error({ 7 }) end, function() ask(2) end)
    return { tostring(ok), e, tostring(ok2), e2[1], closed[1], #closed }
  `);
  assertEquals(value, ["false", "in all", "false", 7, "x:in all", 2]);
});

Deno.test("an error while closing takes the place of the one that ended the run", async () => {
  using cu = await ComputeUnit.create({ globals: { never: () => new Promise(() => {}) } });
  const error = await assertRejects(
    () =>
      cu.computeAsync(`
        local a <close> = setmetatable({}, { __close = function(_, e) error("second, after " .. e, 0) end })
        error("first", 0)
      `),
    LuaError,
  );
  assertEquals(error.message, "second, after first");
  await assertRejects(
    () =>
      cu.computeAsync(
        `
        local a <close> = setmetatable({}, { __close = function() while true do end end })
        error("first", 0)
      `,
        { stepLimit: 100_000 },
      ),
    LuaError,
    "step",
  );
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("an error while an aborted run is closed says where it was raised, a coroutine's or a module's, too", async () => {
  const source = `local m = {}
    function m.waiting()
      local c <close> = setmetatable({}, { __close = function()
        error("in the module") end })
      require("task").sleep(1e6)
    end
    return m`;
  using cu = await ComputeUnit.create({ modules: { m: source } });
  const closing = (body: string) =>
    `local c <close> = setmetatable({}, { __close = function()\n${body} end }) require("task").sleep(1e6)`;
  for (
    const [code, message, chunk, line, sourceLine] of [
      [closing(`error("x")`), "x", "r.lua", 2, `error("x") end }) require("task").sleep(1e6)`],
      [closing(`error("x", 0)`), "x", undefined, undefined, undefined],
      [
        `\ncoroutine.wrap(function() ${closing("local t t.x = 1")} end)()`,
        "attempt to index a nil value (local 't')",
        "r.lua",
        3,
        `local t t.x = 1 end }) require("task").sleep(1e6) end)()`,
      ],
      [
        `coroutine.wrap(require("m").waiting)()`,
        "in the module",
        "m",
        4,
        `        error("in the module") end })`,
      ],
    ] as const
  ) {
    const controller = new AbortController();
    const run = assertRejects(
      () => cu.computeAsync(code, { signal: controller.signal, chunkName: "r.lua" }),
      LuaError,
    );
    // What another run has raised meanwhile is nothing to this one.
    assertThrows(() => cu.compute("\n\n\nerror('other')"), LuaError);
    controller.abort("why");
    const error = await run;
    assertEquals([error.message, error.chunk, error.line, error.sourceLine], [message, chunk, line, sourceLine]);
    assertEquals(error.cause, "why");
  }
});

Deno.test("task.all nests as deep as memory allows, and has as many functions", async () => {
  const { wait, open } = gate();
  using cu = await ComputeUnit.create({ memoryLimit: 512 * 2 ** 20, globals: { wait } });
  cu.compute(`
    local task = require "task"
    function nest(depth, f)
      if depth == 0 then return f() end
      return (task.all(function() return nest(depth - 1, f) end))
    end
    function first() wait() return 1 end
    function failing() wait() error("at the bottom", 0) end
  `);
  const deep = 20_000;
  const run = cu.computeAsync(`return nest(${deep}, first)`);
  await open(run);
  assertEquals((await run).value, 1);
  const failing = cu.computeAsync(`return nest(${deep}, failing)`);
  const failed = assertRejects(() => failing, LuaError, "at the bottom");
  await open(failed);
  await failed;
  const abort = new AbortController();
  const aborted = assertRejects(() => cu.computeAsync(`return nest(${deep}, first)`, { signal: abort.signal }), Error);
  abort.abort(new Error("over"));
  assertEquals((await aborted).message, "over");
  const wide = await cu.computeAsync(`
    local fs = {}
    for i = 1, 150000 do fs[i] = function() return i end end
    return select("#", require "task".all(table.unpack(fs)))
  `);
  assertEquals(wide.value, 150_000);
});

Deno.test("what runs side by side with code that begins another run isn't begun inside of it", async () => {
  const order: string[] = [];
  const { wait, open } = gate();
  const unit: ComputeUnit = await ComputeUnit.create({
    globals: {
      wait,
      log: (text: string) => void order.push(text),
      begin: () => void unit.computeAsync("log 'inner' wait()").catch(() => {}),
    },
  });
  using cu = unit;
  await cu.computeAsync(`
    require "task".all(function() log "a" begin() log "a goes on" end, function() log "b" end)
  `);
  assertEquals(order, ["a", "inner", "a goes on", "b"]);
  await open(Promise.resolve());
});

Deno.test("a promise whose own then() answers twice answers once", async () => {
  const twice = () => {
    const promise = Promise.resolve("first");
    return Object.assign(promise, { then: (f: (value: unknown) => void) => [f("own"), f("twice")] });
  };
  const { wait, open } = gate();
  using cu = await ComputeUnit.create({ globals: { twice, wait } });
  const run = cu.computeAsync("local a = twice() return { a, tostring(wait()) }");
  await Promise.resolve();
  await open(run);
  assertEquals((await run).value, ["first", "nil"]);
});

Deno.test("the threads on which the host begins its calls can't be closed by code that runs on others", async () => {
  let inner: unknown;
  const unit: ComputeUnit = await ComputeUnit.create({
    globals: {
      nest: () => {
        unit.compute("frame = coroutine.running() assert(select(2, coroutine.running()))");
        inner = unit.compute("return { coroutine.status(main), tostring(pcall(coroutine.close, main)) }");
      },
    },
  });
  using cu = unit;
  const depth = `
    local n = 0
    local function deeper() n = n + 1 string.gsub("a", "a", deeper) end
    pcall(deeper)
    return n
  `;
  cu.compute("main = coroutine.running()");
  const before = cu.compute(depth);
  const { value } = await cu.computeAsync(`
    nest()
    local function deep(n)
      local result
      if n > 0 then string.gsub("a", "a", function() result = deep(n - 1) end) return result end
      local told = {}
      for _, thread in ipairs { main, frame } do
        told[#told + 1] = coroutine.status(thread)
        told[#told + 1] = select(2, pcall(coroutine.close, thread))
        told[#told + 1] = select(2, coroutine.resume(thread, 1))
        told[#told + 1] = tostring(coroutine.isyieldable(thread))
      end
      return told
    end
    return deep(100)
  `);
  const held = ["normal", "cannot close a normal coroutine", "cannot resume non-suspended coroutine", "false"];
  assertEquals(value, [...held, ...held]);
  assertEquals(inner, ["normal", "false"]);
  assertEquals(cu.compute(depth), before);
});

Deno.test("a function that has ended in task.all isn't its caller's to close", async () => {
  const { wait, open } = gate();
  using cu = await ComputeUnit.create({ globals: { wait } });
  const run = cu.computeAsync(`
    local thread
    local a, b = require "task".all(
      function() thread = coroutine.running() return "kept" end,
      function()
        wait()
        return coroutine.status(thread) .. ": " .. select(2, pcall(coroutine.close, thread))
      end)
    return { a, b, coroutine.status(thread), tostring(coroutine.close(thread)) }
  `);
  await open(run);
  assertEquals((await run).value, ["kept", "normal: cannot close a normal coroutine", "dead", "true"]);
});

Deno.test("functions in arguments that are refused are the host's in no way", async () => {
  using cu = await ComputeUnit.create({ stepLimit: 50_000_000, globals: { on: () => {} } });
  const run = () => {
    cu.compute(
      "for i = 1, 2000 do pcall(on, { function() return i end }, function() return i end, coroutine.running()) end",
    );
    cu.runGc();
    return cu.getMemoryStats().usedBytes;
  };
  run();
  const before = run();
  assert(run() <= before + 50_000);
});

Deno.test("a function of Lua's stays as it is where it can't be disposed of now", async () => {
  let saved: LuaFunction | undefined;
  using cu = await ComputeUnit.create({
    globals: { on: (f: LuaFunction) => void (saved = f) },
    onPrint: () => saved![Symbol.dispose](),
  });
  assertThrows(() => cu.compute("on(function() return 7 end) print 'x'"), LuaError, "the unit is running");
  assertEquals(saved!(), 7);
  saved![Symbol.dispose]();
  assertThrows(() => saved!(), TypeError, "disposed");
});

Deno.test("what a run makes of _io, its metatable and functions too, is of that run alone", async () => {
  const { wait, open } = gate();
  using cu = await ComputeUnit.create({ library: "readonly", globals: { wait } });
  cu.compute("_io.own = 'own' setmetatable(_io, { __index = function(_, key) return 'own ' .. key end })");
  const victim = cu.computeAsync(
    `
      wait() wait()
      _io.output = "secret"
      return { tostring(_io.mine), tostring(_io.meta), _io.array({})[1] or "its own", tostring(getmetatable(_io)) }
    `,
    { globals: "own", input: "secret" },
  );
  const attacker = cu.computeAsync(
    `
      local got = {}
      local function take(_, key, value) got[#got + 1] = key return value end
      setmetatable(_io, { __index = take, __newindex = take, __gc = take, __mode = "kv", __name = "mine" })
      _io.array = function(t) got[#got + 1] = t return { "taken" } end
      rawset(_io, "mine", 1)
      for key in pairs(_io) do if key ~= "mine" then _io[key] = nil end end
      for i = 1, 100 do rawset(_io, i, { i }) end
      for i = 1, 5 do wait() collectgarbage() end
      return { #got, rawget(_io, "mine"), #_io }
    `,
    { globals: "own" },
  );
  await open(Promise.all([victim, attacker]));
  assertEquals((await victim).value, ["nil", "nil", "its own", "nil"]);
  assertEquals((await victim).output, "secret");
  assertEquals((await attacker).value, [0, 1, 0]);
  assertEquals(cu.compute("return { _io.own, _io.input, _io.mine }"), ["own", "own input", "own mine"]);
});

Deno.test("code that calls the host has its own globals again afterwards", async () => {
  const unit: ComputeUnit = await ComputeUnit.create({
    stepLimit: 1_000_000,
    globals: {
      nest: () => void unit.compute("y = 1 load('y2 = 1')()", { globals: "own" }),
      fail: () => void assertThrows(() => unit.compute("while true do end", { globals: "own", stepLimit: 1000 })),
      shared: () => void unit.compute("z = 1 load('z2 = 1')()"),
    },
  });
  using cu = unit;
  const code = "nest() load('a = 1')() fail() load('b = 1')() shared() load('c = 1')() return { a, b, c, z }";
  assertEquals(cu.compute(code, { globals: "own" }), [1, 1, 1, 1]);
  assertEquals((await cu.computeAsync(code, { globals: "own" })).value, [1, 1, 1, 1]);
  assertEquals(cu.compute("return { tostring(a), tostring(y), tostring(y2), tostring(b), tostring(c), z, z2 }"), [
    ...Array(5).fill("nil"),
    1,
    1,
  ]);
});

Deno.test("where memory ends while runs begin, wait and end, nothing of them is left or another's", async () => {
  const { wait, open } = gate();
  using cu = await ComputeUnit.create({ memoryLimit: 2 ** 20, globals: { wait } });
  cu.compute("_io.output = 'own'");
  const used = () => {
    cu.runGc();
    return cu.getMemoryStats().usedBytes;
  };
  const attempt = async (round: number) => {
    const began = [];
    for (let i = 0; i < 2000; i++) {
      began.push(
        cu.computeAsync(
          "local id = _io.input wait() _io.output = id .. ':' .. tostring(_io.input) wait() return id",
          { input: `${round}.${i} ${"x".repeat(i % 300)}`, globals: i % 2 === 0 ? "own" : "shared" },
        ).then(({ value, output }) => {
          assertEquals(output, `${value}:${value}`);
          return true;
        }, (error) => {
          assertEquals((error as LuaError).kind, "memory");
          return false;
        }),
      );
    }
    const all = Promise.all(began);
    await open(all);
    const ended = await all;
    assert(ended.includes(true) && ended.includes(false));
    assertEquals(cu.getOutput(), "own");
    return used();
  };
  await attempt(0);
  const before = await attempt(1);
  for (let round = 2; round < 6; round++) assert(await attempt(round) <= before + 20_000);
});

Deno.test("a promise for code that is ended fails without anybody hearing of it", async () => {
  const abort = new AbortController();
  const fails = () => {
    abort.abort(new Error("over"));
    return Promise.reject(new Error("nobody hears of this"));
  };
  using cu = await ComputeUnit.create({ globals: { fails } });
  await assertRejects(() => cu.computeAsync("fails()", { signal: abort.signal }), Error, "over");
  await new Promise((resolve) => setTimeout(resolve, 0)); // An unhandled rejection ends the test.
});

Deno.test("a signal that a nested use aborts ends the code around it, and leaves the unit whole", async () => {
  let abort = new AbortController();
  const unit: ComputeUnit = await ComputeUnit.create({
    globals: {
      abort: () => abort.abort(new Error("over")),
      nest: () => unit.compute("pcall(abort) return 1"),
      nestAsync: () => void unit.computeAsync("pcall(abort)").catch(() => {}),
    },
  });
  using cu = unit;
  for (const name of ["nest", "nestAsync"]) {
    for (const code of [`${name}() after = 1`, `pcall(${name}) after = 1`, `coroutine.wrap(${name})() after = 1`]) {
      abort = new AbortController();
      assertThrows(() => cu.compute(code, { signal: abort.signal }), Error, "over");
      abort = new AbortController();
      await assertRejects(() => cu.computeAsync(code, { signal: abort.signal }), Error, "over");
      assertEquals(cu.compute("return after"), null);
      assertEquals((await cu.computeAsync("return 1")).value, 1);
    }
  }
});

Deno.test("a run that is aborted while its result is written is let go of once", async () => {
  const abort = new AbortController();
  let looks = 0;
  using cu = await ComputeUnit.create({ timeLimit: 1000, now: () => looks++ });
  const code = "local t = {} for i = 1, 20000 do t[i] = { 'x' .. i } end return t";
  for (let timeLimit = 1; timeLimit < 60; timeLimit++) {
    await cu.computeAsync(code, { timeLimit, signal: abort.signal }).catch((error) => assertEquals(error.kind, "time"));
    assertEquals(cu.compute("return 1"), 1);
  }
});

Deno.test("an error is told as it was, though code called the host while it was on its way", async () => {
  const unit: ComputeUnit = await ComputeUnit.create({
    globals: {
      nest: () => void assertThrows(() => unit.compute("error('inner')"), LuaError, "inner"),
    },
  });
  using cu = unit;
  const code = "local a <close> = setmetatable({}, { __close = nest }) error('outer')";
  for (const name of ["", "coroutine.wrap"]) {
    const wrapped = `${name}(function() ${code} end)()`;
    assertThrows(() => cu.compute(wrapped), LuaError, "outer");
    await assertRejects(() => cu.computeAsync(wrapped), LuaError, "outer");
  }
  assertThrows(() => cu.compute(code), LuaError, "outer");
  await assertRejects(() => cu.computeAsync(code), LuaError, "outer");
});

Deno.test("the stack may move while task.all takes its functions", async () => {
  using cu = await ComputeUnit.create({ seed: 1 });
  const code = `
    local all = require("task").all
    local function deep(n) if n == 0 then return 0 end return 1 + deep(n - 1) end
    local function one() return 1 end
    -- Finalizers that need more of the stack, at any place where garbage is collected.
    local mt = { __gc = function() deep(100) end }
    for i = 1, 5000 do
      setmetatable({}, mt)
      all(one, one, one)
    end
    return "fine"
  `;
  assertEquals((await cu.computeAsync(code)).value, "fine");
});

Deno.test("a value is encoded as JSON wherever the stack ends", async () => {
  using cu = await ComputeUnit.create();
  const code = `
    local encode = require("json").encode
    local function at(depth)
      local text = encode({ depth, { k = "v" } })
      if text ~= '[' .. depth .. ',{"k":"v"}]' then error(depth .. text) end
      if depth > 0 then return at(depth - 1), depth end
    end
    for depth = 1, 300 do coroutine.wrap(at)(depth) end
    return "fine"
  `;
  assertEquals(cu.compute(code), "fine");
});
