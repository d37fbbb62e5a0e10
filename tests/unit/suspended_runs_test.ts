// Runs that wait, and go on in another unit or another process.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, type ComputeUnitOptions, LuaError, type LuaFunction, returns } from "@computeunit/cu";
import { CountingClock } from "../helpers/clock.ts";
import { WAYS } from "../helpers/snapshots.ts";

const never = () => new Promise(() => {});
const OPTIONS: ComputeUnitOptions = { globals: { ask: never, other: never, now: (value: unknown) => value } };

/** Begins code in a unit. */
async function begun(code: string, options: ComputeUnitOptions = OPTIONS, input?: unknown): Promise<ComputeUnit> {
  const cu = await ComputeUnit.create(options);
  cu.computeAsync(code, { input }).catch(() => {});
  return cu;
}

/** Names and arguments of the calls for which runs wait. */
const waiting = (cu: ComputeUnit) => cu.pending().map(({ name, args }) => [name, ...args]);

/** Waits in more and more of the language: each is answered with 1, 2 and so on. */
const PROGRAMS: Record<string, [code: string, value: unknown]> = {
  "pcall": ["local ok, v = pcall(function() return ask() + 1 end) return v", 2],
  "an error in pcall": ["local ok, e = pcall(function() ask() error('x', 0) end) return e", "x"],
  "coroutines": [
    `local co = coroutine.wrap(function(a) local v = ask(a) local b = coroutine.yield(v) return b + ask() end)
     return co("a") * 10 + co(5)`,
    17,
  ],
  "a coroutine in pcall in a coroutine": [
    `return coroutine.wrap(function()
       return select(2, pcall(coroutine.wrap(function() return ask() + ask() end)))
     end)()`,
    3,
  ],
  "for-in": [
    `local function each(n) return function(_, i) if i < n then return i + 1, ask(i) end end, nil, 0 end
     local sum = 0 for _, v in each(3) do sum = sum + v end return sum`,
    6,
  ],
  "metamethods": [
    `local t = setmetatable({}, {
       __index = function(_, k) return ask(k) end, __add = function() return ask() end,
       __concat = function() return ask() end, __call = function(_, a) return a + ask() end,
     })
     return t.x .. "," .. t + 1 .. "," .. (t .. "a") .. "," .. t(10)`,
    "1,2,3,14",
  ],
  "__close": [
    `local log = {}
     do local c <close> = setmetatable({}, { __close = function() log[1] = ask() end }) log[2] = ask() end
     return log[1] * 10 + log[2]`,
    21,
  ],
  "task.all": [
    `local task = require "task"
     return table.concat({ task.all(function() return ask("a") end, function() return ask("b") + ask("c") end) }, " ")`,
    "1 5",
  ],
  "task.race": [
    `local task = require "task"
     return task.race(function() ask("slow") ask("slower") end, function() return ask("fast") end)`,
    2,
  ],
  "task.all in task.all": [
    `local task = require "task"
     local function both(a) return function() local x, y = task.all(function() return ask(a) end, now) return x end end
     local x, y = task.all(both "a", both "b") return x + y`,
    3,
  ],
  "require": [`return require "x" + require "y"`, 3],
};

for (const [name, [code, value]] of Object.entries(PROGRAMS)) {
  Deno.test(`a run that waits goes on elsewhere: in ${name}`, async () => {
    // It would be asked for Lua's own module task, too.
    const resolveModule = name === "require" ? () => new Promise<string>(() => {}) : undefined;
    const options = { ...OPTIONS, resolveModule };
    for (const [way, go] of Object.entries(WAYS)) {
      let cu = await begun(code, options);
      let result: Promise<{ value: unknown }> | undefined;
      for (let i = 1; cu.pending().length > 0; i++) {
        cu = await go(cu, options);
        const [{ id, run, name }] = cu.pending();
        result = run.result();
        result.catch(() => {}); // of a unit that is left behind
        cu.resume(id, name === "resolveModule" ? returns(`return ${i}`, "x") : i);
      }
      assertEquals((await result!).value, value, way);
      cu.dispose();
    }
  });
}

Deno.test("pending calls are told by name, arguments and a number that stays", async () => {
  using cu = await ComputeUnit.create({ ...OPTIONS, modules: { kv: { get: never } } });
  cu.computeAsync(`require "kv".get({ a = { 1, 2 }, m = _io.input.m }, nil, 3)`, { input: { m: new Map([[1, 2]]) } })
    .catch(() => {});
  cu.computeAsync(`local task = require "task" task.all(function() ask() end, function() task.sleep(1e6) end)`)
    .catch(() => {});
  const expected: unknown[] = [
    ["kv.get", { a: [1, 2], m: new Map([[1, 2]]) }, null, 3],
    ["ask"],
    ["task.sleep", 1e6],
  ];
  assertEquals(waiting(cu), expected);
  const ids = cu.pending().map(({ id }) => id);
  assertEquals(new Set(ids).size, 3);
  using fork = cu.fork();
  assertEquals(waiting(fork), expected);
  assertEquals(fork.pending().map(({ id }) => id), ids);
  assertStrictEquals(fork.pending()[1].run, fork.pending()[2].run);
  fork.computeAsync("other(1)").catch(() => {});
  cu.computeAsync("other(1)").catch(() => {});
  assertEquals(fork.pending()[3].id, cu.pending()[3].id);
  assert(!ids.includes(cu.pending()[3].id));
});

Deno.test("each run goes on with its own _io, and gives its value, output and metadata", async () => {
  const cu = await ComputeUnit.create(OPTIONS);
  for (const name of ["a", "b"]) {
    cu.computeAsync("_io.meta.n = ask(_io.input) _io.output = { _io.input, _io.meta.n } return _io.meta.n", {
      input: name,
      meta: {},
    }).catch(() => {});
  }
  cu.setInput("own");
  using next = await ComputeUnit.fromSnapshot(await cu.snapshot().bytes(), OPTIONS);
  cu.dispose();
  const [a, b] = next.pending();
  assertEquals([a.args, b.args], [["a"], ["b"]]);
  next.resume(b.id, 2);
  next.resume(a.id, 1);
  assertEquals(await Promise.all([a.run.result(), b.run.result(), a.run.result()]), [
    { value: 1, output: ["a", 1], meta: { n: 1 } },
    { value: 2, output: ["b", 2], meta: { n: 2 } },
    { value: 1, output: ["a", 1], meta: { n: 1 } },
  ]);
  assertEquals(next.compute("return _io.input"), null);
  assertEquals(next.pending(), []);
});

Deno.test("globals of a run's own, and functions called by name, go on", async () => {
  const cu = await ComputeUnit.create(OPTIONS);
  cu.compute("x = 'shared' function get(n) return ask(n) .. x end");
  cu.computeAsync("x = ask() return x", { globals: "own" }).catch(() => {});
  cu.callAsync("get", 5).catch(() => {});
  using next = await ComputeUnit.fromSnapshot(await cu.snapshot().bytes(), OPTIONS);
  cu.dispose();
  const [own, called] = next.pending();
  next.resume(own.id, "own");
  next.resume(called.id, "v:");
  assertEquals((await own.run.result()).value, "own");
  assertEquals(await called.run.result(), { value: "v:shared", output: null, meta: null });
});

Deno.test("a call is answered by an error, and the run's own error is told", async () => {
  const cu = await begun("local ok, e = pcall(ask) ask(e.message) error({ code = 7 })");
  using next = await ComputeUnit.fromSnapshot(await cu.snapshot().bytes(), OPTIONS);
  cu.dispose();
  next.fail(next.pending()[0].id, new TypeError("not now"));
  const [{ id, args, run }] = next.pending();
  assertEquals(args, ["not now"]);
  next.resume(id);
  const error = await assertRejects(() => run.result(), LuaError);
  assertEquals([error.kind, error.value, error.line], ["runtime", { code: 7 }, 1]);
  await assertRejects(() => run.result(), LuaError);
});

Deno.test("a value that can't be passed is an error of the code, as of a function's", async () => {
  using cu = await ComputeUnit.create(OPTIONS);
  const run = cu.computeAsync("local ok, e = pcall(ask) return e.message");
  cu.resume(cu.pending()[0].id, () => 1);
  assertEquals((await run).value, "Cannot return from ask: functions cannot be passed (at result[0])");
});

Deno.test("only calls that wait are answered, each once", async () => {
  using cu = await ComputeUnit.create(OPTIONS);
  const run = cu.computeAsync("return ask()");
  const [{ id }] = cu.pending();
  for (const other of [0, id + 1, -1, NaN, "1" as never]) {
    assertThrows(() => cu.resume(other), RangeError, `Cannot resume a run: no run waits for a call ${other}`);
  }
  cu.resume(id, 1);
  assertThrows(() => cu.resume(id), RangeError);
  assertThrows(() => cu.fail(id, 1), RangeError, "Cannot fail a run");
  assertThrows(() => cu.callAgain(id), RangeError, "Cannot make a call again");
  assertEquals((await run).value, 1);
});

Deno.test("a promise that is settled after its call was answered changes nothing", async () => {
  const gates: ((value: unknown) => void)[] = [];
  using cu = await ComputeUnit.create({ globals: { ask: () => new Promise((resolve) => gates.push(resolve)) } });
  const run = cu.computeAsync("return ask() .. ask()");
  cu.resume(cu.pending()[0].id, "a");
  gates[0]("late");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(cu.pending().length, 1);
  gates[1]("b");
  assertEquals((await run).value, "ab");
});

Deno.test("runs of a unit that is set back are rejected, and their promises and timers change nothing", async () => {
  const gates: ((value: unknown) => void)[] = [];
  using cu = await ComputeUnit.create({ globals: { ask: () => new Promise((resolve) => gates.push(resolve)) } });
  const blank = cu.snapshot();
  const runs = [cu.computeAsync("return ask()"), cu.computeAsync(`require "task".sleep(1)`)];
  const waits = cu.snapshot();
  cu.restore(blank);
  for (const run of runs) {
    await assertRejects(() => run, TypeError, "Cannot go on with a run: its unit was restored to a snapshot");
  }
  assertEquals(cu.pending(), []);
  cu.restore(waits);
  const [ask] = cu.pending();
  gates[0]("late");
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(cu.pending().map(({ name }) => name), ["ask", "task.sleep"]);
  cu.restore(waits);
  cu.resume(ask.id, 7);
  await assertRejects(() => ask.run.result(), TypeError, "restored to a snapshot");
  assertEquals(cu.pending().map(({ name }) => name), ["task.sleep"]);
});

Deno.test("calls are made again with their arguments", async () => {
  const asked: unknown[][] = [];
  const globals = { ask: (...args: unknown[]) => (asked.push(args), Promise.resolve(asked.length)) };
  const cu = await ComputeUnit.create({ globals });
  cu.computeAsync(`local task = require "task"
    local a, b = task.all(function() return ask({ 1 }, "x") end, function() task.sleep(0) return "slept" end)
    return a .. b`).catch(() => {});
  using fork = cu.fork();
  cu.dispose();
  const [{ id, run }, sleep] = fork.pending();
  fork.callAgain(sleep.id);
  fork.callAgain(id);
  fork.callAgain(id);
  assertEquals((await run.result()).value, "3slept");
  assertEquals(asked, [[[1], "x"], [[1], "x"], [[1], "x"]]);
});

Deno.test("what a call throws that is made again is an error of the code", async () => {
  let ask: () => Promise<unknown> = never;
  const cu = await begun("return select(2, pcall(ask)).message", { globals: { ask: () => ask() } });
  using fork = cu.fork();
  cu.dispose();
  ask = () => Promise.reject(new RangeError("no"));
  const [{ id, run }] = fork.pending();
  fork.callAgain(id);
  assertEquals((await run.result()).value, "no");
});

Deno.test("functions of Lua's among the arguments can be called", async () => {
  const cu = await begun("local n = 1 return ask(function(by) n = n + by return n end) + n");
  using next = await ComputeUnit.fromSnapshot(await cu.snapshot().bytes(), OPTIONS);
  cu.dispose();
  const [{ id, args: [add], run }] = next.pending();
  assertEquals((add as unknown as LuaFunction)(5), 6);
  next.resume(id, 10);
  assertEquals((await run.result()).value, 16);
});

Deno.test("arguments that code has changed meanwhile are told as they are, or refused", async () => {
  using cu = await begun("t = { 1 } ask(t)");
  cu.compute("t[2] = 2");
  assertEquals(waiting(cu), [["ask", [1, 2]]]);
  cu.compute("t[3] = coroutine.create(print)");
  assertThrows(() => cu.pending(), TypeError, "Cannot list pending calls");
  cu.compute("t[3] = nil");
  assertEquals(waiting(cu), [["ask", [1, 2]]]);
});

Deno.test("a run has left what it had of its time and its steps", async () => {
  const clock = new CountingClock();
  const options = { ...OPTIONS, now: clock.now };
  const cu = await ComputeUnit.create(options);
  const loop = "for i = 1, 100000 do local x = i % 7 end ";
  cu.computeAsync(loop + "ask() " + loop.repeat(20) + "ask()", { stepLimit: 900_000 }).catch(() => {});
  cu.computeAsync(loop + "ask() while true do end", { timeLimit: 100 }).catch(() => {});
  using next = await ComputeUnit.fromSnapshot(await cu.snapshot().bytes(), options);
  cu.dispose();
  const [steps, time] = next.pending();
  next.resume(steps.id);
  const { kind, message } = await assertRejects(() => steps.run.result(), LuaError);
  assertEquals([kind, message], ["limit", "limit of 900000 steps exceeded"]);
  next.resume(time.id);
  assertEquals((await assertRejects(() => time.run.result(), LuaError)).message, "time limit of 100 ms exceeded");
  assertEquals(next.compute("return 1"), 1);
});

Deno.test("what a run that is ended has to close is closed, in a copy too", async () => {
  const cu = await begun(`
    log = {}
    local c <close> = setmetatable({}, { __close = function(_, e) log[#log + 1] = "closed " .. e.message end })
    require "task".all(function() ask(1) end, function() ask(2) end)
  `);
  using next = cu.fork();
  cu.dispose();
  const [, second] = next.pending();
  next.fail(second.id, new Error("no"));
  await assertRejects(() => second.run.result(), LuaError, "no");
  assertEquals(next.pending(), []);
  assertEquals(next.compute("return log"), ["closed no"]);
});

Deno.test("an input that is lazy is read on by its run", async () => {
  const cu = await ComputeUnit.create(OPTIONS);
  const rows = Array.from({ length: 500 }, (_, id) => ({ id }));
  cu.computeAsync("local r = _io.input.rows local a = r[1].id ask() return a + r[500].id", {
    input: { rows },
    lazy: true,
  }).catch(() => {});
  using next = await ComputeUnit.fromSnapshot(await cu.snapshot().bytes(), OPTIONS);
  cu.dispose();
  const [{ id, run }] = next.pending();
  next.resume(id);
  assertEquals((await run.result()).value, 499);
});

/** Runs code of this module in a process of its own, which gets a text and answers one. */
async function inProcess(code: string, given: string): Promise<string> {
  const main = new URL("../../mod.ts", import.meta.url);
  const script = `import { ComputeUnit } from ${JSON.stringify(main.href)};
    const given = (await new Response(Deno.stdin.readable).text());
    ${code}`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--ext=ts", "data:text/typescript," + encodeURIComponent(script)],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(given));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout).trim();
}

Deno.test("a run goes on in one process after another", async () => {
  const options = "{ globals: { ask: () => new Promise(() => {}) } }";
  const program = `
    local function each(n) return function(_, i) if i < n then return i + 1, ask("each", i) end end, nil, 0 end
    local t = setmetatable({}, { __index = function(_, k) return ask("index", k) end })
    local log = {}
    for i, v in each(2) do
      log[#log + 1] = v
      local ok, e = pcall(function() log[#log + 1] = coroutine.wrap(function() return t[i] end)() error("x" .. i, 0) end)
      log[#log + 1] = e
    end
    return table.concat(log, " ")
  `;
  const first = await inProcess(
    `const cu = await ComputeUnit.create(${options});
     cu.computeAsync(given).catch(() => {});
     console.log((await cu.snapshot().bytes({ compressed: true })).toHex());`,
    program,
  );
  let given = first;
  const seen: string[] = [];
  for (let i = 1; i < 10; i++) {
    const answered = JSON.parse(
      await inProcess(
        `const cu = await ComputeUnit.fromSnapshot(Uint8Array.fromHex(given), ${options});
       const [{ id, args, run }] = cu.pending();
       const result = run.result();
       cu.resume(id, ${i});
       const isOver = cu.pending().length === 0;
       const next = isOver ? (await result).value : (await cu.snapshot().bytes({ compressed: true })).toHex();
       console.log(JSON.stringify({ args, isOver, next }));`,
        given,
      ),
    );
    seen.push(answered.args.join(" "));
    given = answered.next;
    if (answered.isOver) break;
  }
  assertEquals(seen, ["each 0", "index 1", "each 1", "index 2"]);
  assertEquals(given, "1 2 x1 3 4 x2");
});
