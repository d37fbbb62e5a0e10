// Functions of Lua's that the host has, and uses of the unit inside a function of the host.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError, type LuaFunction, returns } from "@computeunit/cu";
import { collect, liveHeapBytes } from "../helpers/heap.ts";
import { CountingClock } from "../helpers/clock.ts";

Deno.test("a Lua function passed to the host is called inside that call, and later", async () => {
  let saved: LuaFunction | undefined;
  using cu = await ComputeUnit.create({
    globals: {
      each: (f: LuaFunction, n: number) => Array.from({ length: n }, (_, i) => f(i + 1)),
      save: (f: LuaFunction) => {
        saved = f;
        return returns(f, f.name, typeof f);
      },
      fetch: () => Promise.resolve(10),
    },
  });
  const code = `
    local sum = 0
    local list = each(function(i) sum = sum + i return { i, sum } end, 3)
    local function add(a, b) sum = sum + a return sum, b end
    local same, name, kind = save(add)
    return list, sum, same == add, name, kind
  `;
  assertEquals(cu.computeAll(code, { chunkName: "r.lua" }), [[[1, 1], [2, 3], [3, 6]], 6, true, "r.lua:4", "function"]);
  assertEquals(saved!(4, "b"), 10);
  assertEquals(saved!.callAll(1, { x: [1] }), [11, { x: [1] }]);
  assertEquals(saved!.callAll(0, null), [11, null]);
  const first = saved;
  cu.compute("save(function() return fetch() + 1 end)");
  assert(saved !== first);
  assertEquals(await saved!.callAsync(), 11);
  assertThrows(() => saved!(), LuaError, "compute() can't wait for");
  cu.compute("save(print)");
  assertEquals(saved!("printed"), null);
  assertEquals(cu.printed, "printed\n");
  // Inside of values, as arguments and results of functions, too.
  using other = await ComputeUnit.create({
    globals: {
      route: (routes: { path: string; handler: LuaFunction }[]) => routes.map(({ path, handler }) => handler(path)),
      swap: (a: LuaFunction, b: LuaFunction) => [b, a],
    },
  });
  assertEquals(other.compute("return route { { path = 'p', handler = function(x) return x .. '!' end } }"), ["p!"]);
  assertEquals(other.compute("local r = swap(print, type) return r[1] == type and r[2] == print"), true);
});

Deno.test("the same function is the same object, until it is disposed of", async () => {
  const given: LuaFunction[] = [];
  using cu = await ComputeUnit.create({ globals: { give: (f: LuaFunction) => void given.push(f) } });
  cu.compute("f = function(x) return x end give(f) give(f) give(print)");
  assertStrictEquals(given[0], given[1]);
  assertEquals(given[0](1), 1);
  given[0][Symbol.dispose]();
  given[0][Symbol.dispose]();
  assertThrows(() => given[0](1), TypeError, "compute:1: the function has been disposed");
  await assertRejects(() => given[0].callAsync(1), TypeError, "has been disposed");
  cu.compute("give(f)");
  assert(given[3] !== given[0]);
  assertEquals(given[3](2), 2);
});

Deno.test("elsewhere functions stay refused, and those of another unit everywhere", async () => {
  let given: LuaFunction | undefined;
  const globals = { give: (f: LuaFunction) => void (given = f), take: () => given };
  using cu = await ComputeUnit.create({ globals });
  using other = await ComputeUnit.create({ globals });
  cu.compute("give(function() end)");
  assertThrows(() => cu.setInput({ f: given }), TypeError, "functions cannot be passed (at input.f)");
  assertThrows(() => cu.compute("_io.output = print") ?? cu.getOutput(), TypeError, "functions cannot be passed");
  assertThrows(() => other.compute("return take()"), TypeError, "functions cannot be passed");
  cu.compute("function call(f) return type(f) end");
  assertEquals(cu.call("call", given), "function");
  cu.dispose();
  assertThrows(() => given!(), TypeError, "Cannot call compute:1: the unit has been disposed");
});

Deno.test("an error of a Lua function passes the host, which may catch it", async () => {
  using cu = await ComputeUnit.create({
    globals: {
      run: (f: LuaFunction) => f(),
      attempt: (f: LuaFunction) => {
        try {
          return f();
        } catch (error) {
          if (!(error instanceof LuaError)) throw error;
          return returns(error.message, error.line, error.value);
        }
      },
    },
  });
  assertEquals(cu.computeAll("return attempt(function()\n error({ code = 7 }) end)")[2], { code: 7 });
  assertEquals(cu.computeAll("return attempt(function()\n error('bad') end)").slice(0, 2), ["bad", 2]);
  assertEquals(cu.computeAll("return pcall(run, function() error({ code = 8 }) end)"), [false, { code: 8 }]);
  const error = assertThrows(() => cu.compute("run(function() run(function() local x = nil; x() end) end)"), LuaError);
  assert(error.message.includes("attempt to call a nil value (local 'x')"), error.message);
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("a function of the host uses the unit: code, calls, fields, however deep", async () => {
  using cu = await ComputeUnit.create({
    globals: {
      compute: (code: string) => cu.compute(code),
      input: (value: unknown) => cu.setInput(value),
      output: () => cu.getOutput(),
      deep: (n: number): unknown => n === 0 ? cu.compute("return 'bottom'") : cu.call("down", n - 1),
      stats: () => cu.getMemoryStats().usedBytes,
      collect: () => cu.runGc(),
      async: () => cu.computeAsync("return 5").then(({ value }) => value),
    },
  });
  cu.compute("function down(n) return deep(n) end");
  assertEquals(cu.compute("local a = compute('x = 1 return x + 1') return a + compute('return x')"), 3);
  assertEquals(cu.compute("input({ a = 1 }) _io.output = _io.input.a return output()"), 1);
  assertEquals(cu.compute("return deep(20)"), "bottom");
  assertEquals(
    cu.compute(
      "local t = {} for i = 1, 100 do t[i] = { i } end collect() return stats() > 0 and #t == 100 and t[100][1]",
    ),
    100,
  );
  assertEquals((await cu.computeAsync("return async()")).value, 5);
  const error = assertThrows(() => cu.compute("function down(n) return deep(n) end return deep(1e9)"));
  assert(/too deep|C stack overflow|JavaScript stack/.test(String(error)), String(error));
  assertEquals(cu.compute("return deep(3)"), "bottom");
  // What was printed in the middle is part of the whole.
  cu.compute("print('a') compute('print(\"b\")') print('c')");
  assertEquals(cu.printed, "a\nb\nc\n");
});

Deno.test("limits hold inside: what is ended there leaves the code around it whole", async () => {
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({
    now: clock.now,
    globals: {
      limited: (code: string) => {
        try {
          return cu.compute(code, { timeLimit: 50 });
        } catch (error) {
          if (!(error instanceof LuaError)) throw error;
          return error.kind;
        }
      },
    },
  });
  const code = `
    local kept = {}
    local co = coroutine.wrap(function()
      local up = { 1 }
      local function count() up[1] = up[1] + 1 return up[1] end
      for i = 1, 10 do
        kept[i] = limited("local t = {} coroutine.wrap(function() while true do t[#t + 1] = {} if #t > 100 then t = {} end end end)()")
        coroutine.yield(count())
      end
    end)
    local sum = 0
    for i = 1, 5 do sum = sum + co() end
    return { sum, kept[1], kept[5], limited("return 3"), limited("setmetatable({}, { __gc = function() while true do end end }) collectgarbage()") }
  `;
  assertEquals(cu.compute(code), [20, "time", "time", 3, "time"]);
  assertEquals(
    cu.compute(
      `local s = "" load(function() limited("while true do load('return 1')() end") if s == "" then s = "return 7" return s end end) return s`,
    ),
    "return 7",
  );
  const steps = await ComputeUnit.create({
    stepLimit: 300_000,
    globals: { again: () => steps.compute("for i = 1, 1e6 do end") },
  });
  const error = assertThrows(() => steps.compute("while true do pcall(again) end"), LuaError);
  assertEquals(error.kind, "limit");
  assertEquals(steps.compute("return 1"), 1);
  steps.dispose();
});

Deno.test("functions that the host lets go of are freed, also after 100,000 of them", async () => {
  const kept: LuaFunction[] = [];
  using cu = await ComputeUnit.create({
    globals: { give: (f: LuaFunction, n: number) => f(n), keep: (f: LuaFunction) => void kept.push(f) },
  });
  const code = "local s = 0 for i = 1, 1000 do s = s + give(function(n) return n + i end, 1) end return s";
  const round = async (runs: number) => {
    for (let i = 0; i < runs; i++) {
      cu.compute(code);
      if (i % 10 === 0) await liveHeapBytes();
    }
    await liveHeapBytes();
    cu.runGc();
    return { used: cu.getMemoryStats().usedBytes, heap: await liveHeapBytes() };
  };
  await round(10);
  const before = await round(10);
  const after = await round(100);
  assert(after.used - before.used < 50_000, `${before.used} and ${after.used} bytes used`);
  assert(after.heap - before.heap < 2_000_000, `${before.heap} and ${after.heap} bytes of heap`);
  cu.compute("keep(function() return 'alive' end)");
  await liveHeapBytes();
  cu.runGc();
  assertEquals(kept[0](), "alive");
});

Deno.test("functions that the host disposes of at once take no memory, also within one run", async () => {
  let before = 0;
  let after = 0;
  const heapUsed = () => {
    collect();
    return Deno.memoryUsage().heapUsed;
  };
  using cu = await ComputeUnit.create({
    globals: {
      use: (f: LuaFunction) => {
        using called = f;
        return called(1);
      },
      begin: () => void (before = heapUsed()),
      finish: () => void (after = heapUsed()),
    },
  });
  cu.compute("for i = 1, 100 do use(function(n) return n + i end) end");
  cu.compute("begin() for i = 1, 20000 do use(function(n) return n + i end) end finish()");
  assert(after - before < 2_000_000, `${after - before} bytes of heap`);
});

Deno.test("functions in arguments that the host couldn't read to their end are let go of at once", async () => {
  const code = `
    weak = setmetatable({}, { __mode = "k" })
    local function make(n) local f = function() return n end weak[f] = n return f end
    take(make(1), ("é"):rep(4 * 1024 * 1024), make(2))
  `;
  const count = "collectgarbage() local n = 0 for _ in pairs(weak or {}) do n = n + 1 end return n";
  let isRead = false;
  for (let timeLimit = 1; !isRead; timeLimit++) {
    using cu = await ComputeUnit.create({
      now: new CountingClock().now,
      globals: { take: () => void (isRead = true) },
    });
    try {
      cu.compute(code, { timeLimit });
    } catch (error) {
      assert(error instanceof LuaError && error.kind === "time", `${error}`);
      assertEquals(cu.compute(count), 0, `${timeLimit}`);
      assertEquals(cu.compute(`${code} return 1`), 1);
    }
  }
  assert(isRead);
});

Deno.test("a function that was read before stays the host's where later arguments can't be read", async () => {
  const got: LuaFunction[] = [];
  let isRead = false;
  const take = (f: LuaFunction, text?: string) => {
    if (text === undefined) got.push(f);
    else isRead = true;
  };
  const code = "take(kept, ('é'):rep(4 * 1024 * 1024), function() return kept end)";
  for (let timeLimit = 1; !isRead; timeLimit++) {
    using cu = await ComputeUnit.create({ now: new CountingClock().now, globals: { take } });
    cu.compute("function kept() return 7 end take(kept)");
    try {
      cu.compute(code, { timeLimit });
    } catch (error) {
      assert(error instanceof LuaError && error.kind === "time", `${error}`);
    }
    cu.compute("take(kept)");
    const [first, again] = got.splice(0);
    assertStrictEquals(again, first);
    assertEquals(again(), 7);
  }
});

Deno.test("a function that JavaScript has let go of is freed though arguments with it can't be read", async () => {
  let isRead = false;
  const take = (_: LuaFunction, text?: string) => void (isRead = text !== undefined);
  for (let timeLimit = 2; !isRead; timeLimit += 4) {
    using cu = await ComputeUnit.create({ now: new CountingClock().now, globals: { take } });
    cu.compute("kept = load('return 7') weak = setmetatable({ [kept] = 1 }, { __mode = 'k' }) take(kept)");
    await new Promise((resolve) => setTimeout(resolve, 0));
    collect();
    // Before the unit has heard of it.
    try {
      cu.compute("take(kept, ('é'):rep(4 * 1024 * 1024))", { timeLimit });
    } catch (error) {
      assert(error instanceof LuaError && error.kind === "time", `${error}`);
    }
    await liveHeapBytes();
    assertEquals(cu.compute("kept = nil collectgarbage() return next(weak)"), null, `${timeLimit}`);
  }
});
