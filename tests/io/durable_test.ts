// Runs that last: through crashes at any moment, with each call made at least once, under a number that stays.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import {
  ConflictError,
  type DurableCall,
  type DurableOptions,
  forgetRun,
  LuaError,
  type LuaFunction,
  openHome,
  runDurably,
  type Store,
  type StoreChange,
  type StoreCheck,
  transact,
} from "@computeunit/cu";
import { MemoryStore } from "@computeunit/cu/stores/memory";
import { CountingClock } from "../helpers/clock.ts";
import { endingSearch, RUNS_FACTOR, SEED } from "../helpers/property.ts";

/** What a process dies of that a test ends: nothing is done after it. */
class Crash extends Error {}

/** A store that ends the process at a moment. */
class CrashingStore implements Store {
  readonly #store: Store;
  readonly limits;
  /** Uses of the store until the crash; it comes after the work if `isAfter`. */
  usesLeft: number;
  isAfter: boolean;

  constructor(store: Store, usesLeft: number, isAfter: boolean) {
    this.#store = store;
    this.limits = store.limits;
    this.usesLeft = usesLeft;
    this.isAfter = isAfter;
  }

  async #use<T>(work: () => Promise<T>): Promise<T> {
    const crashes = this.usesLeft-- <= 0;
    if (crashes && !this.isAfter) throw new Crash();
    const result = await work();
    if (crashes) throw new Crash();
    return result;
  }

  get(key: string) {
    return this.#use(() => this.#store.get(key));
  }

  commit(checks: readonly StoreCheck[], changes: readonly StoreChange[]) {
    return this.#use(() => this.#store.commit(checks, changes));
  }

  list(prefix: string) {
    return this.#store.list(prefix);
  }

  close() {
    return Promise.resolve();
  }

  [Symbol.asyncDispose]() {
    return Promise.resolve();
  }
}

const text = async (store: Store) => (await Array.fromAsync(store.list(""))).join(" ");

const once = (done: string[]) => {
  const known = new Map<string, unknown>();
  /** Does something once for each id, and tells the same again. */
  return ({ id, name, args }: DurableCall) => {
    if (!known.has(id)) {
      known.set(id, `${name}${known.size}`);
      done.push(`${name}(${args.map((arg) => JSON.stringify(arg)).join(", ")})`);
    }
    return known.get(id);
  };
};

const PROGRAM = `
  local log = { a(1) }
  for i = 1, 2 do log[#log + 1] = select(2, pcall(function() return b(i) end)) end
  local x, y = require "task".all(function() return a("x") end, function() return b("y") .. a("z") end)
  log[#log + 1] = x .. y
  log[#log + 1] = coroutine.wrap(function() coroutine.yield(1) end)()
  _io.output = log
  return #log
`;

Deno.test("a run is saved before each call, and its end stays until it is forgotten", async () => {
  await using store = new MemoryStore();
  const done: string[] = [];
  const run = once(done);
  const seen: string[] = [];
  const calls = {
    a: async (call: DurableCall) => {
      const entry = await store.get("run/job");
      seen.push(`${call.id} ${entry !== undefined}`);
      return run(call);
    },
    b: run,
  };
  const result = await runDurably(store, "job", PROGRAM, { calls, chunkName: "job.lua" });
  assertEquals(result, { value: 5, output: ["a0", "b1", "b2", "a4b3a5", 1], meta: null });
  assertEquals(seen, ["job/1 true", "job/5 true", "job/7 true"]);
  assertEquals(await runDurably(store, "job", "error('never runs')", { calls: {} }), result);
  assertEquals(done.length, 6);
  await forgetRun(store, "job");
  assertEquals(await text(store), "");
  await forgetRun(store, "job");
});

Deno.test("a run that crashes anywhere goes on where it was, and does each thing once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(8), fc.boolean()), { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat(6), { maxLength: 3 }),
      fc.constantFrom(undefined, 5000),
      endingSearch(async (crashes: [number, boolean][], failing: number[], valueBytes: number | undefined) => {
        await using store = new MemoryStore({ valueBytes });
        const done: string[] = [];
        const run = once(done);
        const left = [...failing];
        const leaving = { left: -1 };
        // A call may have been made when the process ends before its result is seen.
        const call = async (call: DurableCall, abort: () => void) => {
          const result = run(call);
          if (leaving.left-- === 0) abort();
          return await Promise.resolve(result);
        };
        const attempt = async (store: Store) => {
          const controller = new AbortController();
          leaving.left = left.pop() ?? -1;
          const calls = {
            a: (made: DurableCall) => call(made, () => controller.abort(new Crash())),
            b: (made: DurableCall) => call(made, () => controller.abort(new Crash())),
          };
          return await runDurably(store, "job", PROGRAM, { calls, signal: controller.signal });
        };
        for (const [uses, isAfter] of crashes) {
          await attempt(new CrashingStore(store, uses, isAfter)).catch((error) => {
            if (!(error instanceof Crash)) throw error;
          });
        }
        let result;
        while (result === undefined) result = await attempt(store).catch((error) => assert(error instanceof Crash));
        // Two calls that are made at once may be done in either order.
        const [, , , all] = result.output as string[];
        assert(["a3b4a5", "a4b3a5"].includes(all), all);
        assertEquals([...done].sort(), ['a("x")', 'a("z")', "a(1)", 'b("y")', "b(1)", "b(2)"]);
        assertEquals(result.value, 5);
      }),
    ),
    { numRuns: Math.ceil(60 * RUNS_FACTOR), seed: SEED },
  );
});

Deno.test("_home is saved with the run, and a home that a durable function changes once is changed once", async () => {
  const code = `
    for i = 1, 3 do
      _home.n = (_home.n or 0) + 1
      add(_home.n)
    end
    return _home.n
  `;
  for (const isAfter of [false, true]) {
    await using kept = new MemoryStore();
    const add = ({ id, args: [n] }: DurableCall) =>
      transact(kept, "sum", ({ table }) => {
        if (table.get("last") === id) return;
        table.set("last", id);
        table.set("sum", Number(table.get("sum") ?? 0) + Number(n));
      });
    await using store = new MemoryStore();
    let value: unknown;
    for (let uses = 0; value === undefined; uses++) {
      const end = runDurably(new CrashingStore(store, uses % 4, isAfter), "r", code, { calls: { add } });
      value = await end.then(({ value }) => value, (error) => assert(error instanceof Crash));
    }
    assertEquals([value, (await openHome(kept, "sum")).table.get("sum")], [3, 6]);
  }
});

Deno.test("a run that ends in an error ends in it again", async () => {
  await using store = new MemoryStore();
  let count = 0;
  const calls = { a: () => ++count };
  const run = () => runDurably(store, "job", "a()\n\nerror({ code = 7 })", { calls, chunkName: "job.lua" });
  const first = await assertRejects(run, LuaError);
  const second = await assertRejects(run, LuaError);
  for (const { kind, chunk, line, value } of [first, second]) {
    assertEquals([kind, chunk, line, value], ["runtime", "job.lua", 3, { code: 7 }]);
  }
  assertEquals([first.traceback, count], [second.traceback, 1]);
  const refused = () => runDurably(store, "other", "return print", { calls });
  const messages = [(await assertRejects(refused, TypeError)).message, (await assertRejects(refused, Error)).message];
  assertEquals(messages[0], messages[1]);
  await assertRejects(() => runDurably(store, "syntax", "return return", { calls }), LuaError);
});

Deno.test("what a call throws is an error of the code", async () => {
  await using store = new MemoryStore();
  const calls = {
    a: () => {
      throw new RangeError("at once");
    },
    b: () => Promise.reject(new TypeError("later")),
  };
  const code = "local _, a = pcall(a) local _, b = pcall(b) return { a.message, b.name }";
  assertEquals((await runDurably(store, "job", code, { calls })).value, ["at once", "TypeError"]);
});

Deno.test("sleeps end at their time, whatever happens in between", async () => {
  await using store = new MemoryStore();
  const clock = { now: 1000 };
  const slept: number[] = [];
  const code = `local task = require "task" local t = os.time() task.sleep(60000) task.sleep(500) return os.time() - t`;
  const options: DurableOptions = { calls: {}, now: () => clock.now };
  const leaving = new AbortController();
  const first = runDurably(store, "job", code, {
    ...options,
    signal: leaving.signal,
    sleep: (milliseconds) => {
      slept.push(milliseconds);
      leaving.abort();
      return new Promise(() => {});
    },
  });
  assertStrictEquals(await first.catch((error) => error), leaving.signal.reason);
  clock.now += 45_000;
  const { value } = await runDurably(store, "job", code, {
    ...options,
    sleep: (milliseconds) => {
      slept.push(milliseconds);
      clock.now += milliseconds;
      return Promise.resolve();
    },
  });
  assertEquals(slept, [60000, 15000, 500]);
  assertEquals(value, 60);
  // A sleep that was over long ago.
  await forgetRun(store, "job");
  const again = new AbortController();
  const third = runDurably(store, "job", code, {
    ...options,
    signal: again.signal,
    sleep: () => (again.abort(), new Promise(() => {})),
  });
  await third.catch(() => {});
  const left: number[] = [];
  const sleep = (milliseconds: number) => (left.push(milliseconds), Promise.resolve());
  const setBack = () => clock.now - 1e10;
  const stopping = new AbortController();
  const fourth = runDurably(store, "job", code, {
    ...options,
    now: setBack,
    signal: stopping.signal,
    sleep: (milliseconds) => (left.push(milliseconds), stopping.abort(), new Promise(() => {})),
  });
  await fourth.catch(() => {});
  clock.now += 1e9;
  await runDurably(store, "job", code, { ...options, sleep });
  assertEquals(left, [60000, 0, 500]);
});

Deno.test("a real timer ends a sleep too", async () => {
  await using store = new MemoryStore();
  const { value } = await runDurably(store, "job", `require "task".sleep(1) return 1`, { calls: {} });
  assertEquals(value, 1);
});

Deno.test("what others were faster than is given up", async () => {
  await using store = new MemoryStore();
  const signals: AbortSignal[] = [];
  const calls = {
    slow: ({ signal }: DurableCall) => {
      signals.push(signal);
      return new Promise(() => {});
    },
    fast: () => Promise.resolve("fast"),
    check: () => signals.map(({ aborted }) => aborted),
  };
  const code = `local task = require "task" local v = task.race(slow, fast) return { v, check() }`;
  assertEquals((await runDurably(store, "job", code, { calls })).value, ["fast", [true]]);
});

Deno.test("other functions that wait are called again, those that gave their result aren't", async () => {
  await using store = new MemoryStore();
  const counts = { now: 0, later: 0, durable: 0 };
  const leaving = new AbortController();
  const options = (isFirst: boolean): DurableOptions => ({
    globals: {
      now: () => ++counts.now,
      later: async () => {
        counts.later++;
        if (isFirst) await new Promise(() => {});
        return "later";
      },
    },
    calls: {
      durable: () => {
        counts.durable++;
        if (isFirst) leaving.abort();
        return "durable";
      },
    },
    signal: isFirst ? leaving.signal : undefined,
  });
  const code = `
    local n, task = now(), require "task"
    local a, b = task.all(later, durable)
    return { n, a, b, later() }
  `;
  await runDurably(store, "job", code, options(true)).catch(() => {});
  assertEquals((await runDurably(store, "job", code, options(false))).value, [1, "later", "durable", "later"]);
  assertEquals(counts, { now: 1, later: 3, durable: 2 });
});

Deno.test("code of a run that was left doesn't go on, though its call was answered", async () => {
  await using store = new MemoryStore();
  const leaving = new AbortController();
  const seen: unknown[] = [];
  const calls = {
    ask: () => {
      leaving.abort();
      return "answer";
    },
  };
  const globals = { see: (value: unknown) => void seen.push(value) };
  const code = "see('begun') see(ask())";
  await assertRejects(() => runDurably(store, "job", code, { calls, globals, signal: leaving.signal }), DOMException);
  assertEquals(seen, ["begun"]);
  await runDurably(store, "job", code, { calls, globals });
  assertEquals(seen, ["begun", "answer"]);
});

Deno.test("two processes that go on with one run: one ends it, the other leaves it", async () => {
  await using store = new MemoryStore();
  const gates: (() => void)[] = [];
  const calls = { a: () => new Promise<void>((resolve) => gates.push(resolve)), b: () => 2 };
  const run = () => runDurably(store, "job", "a() return b()", { calls });
  const first = run();
  while (gates.length < 1) await new Promise((resolve) => setTimeout(resolve, 0));
  const second = run();
  while (gates.length < 2) await new Promise((resolve) => setTimeout(resolve, 0));
  for (const open of gates) open();
  const ends = await Promise.allSettled([first, second]);
  const [lost] = ends.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
  assertEquals(ends.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert(lost.reason instanceof ConflictError, String(lost.reason));
  assertEquals(lost.reason.state, "job");
  assertEquals((await run()).value, 2);
});

Deno.test("runs of one store have nothing to do with each other", async () => {
  await using store = new MemoryStore({ valueBytes: 4000 });
  const calls = { a: ({ id }: DurableCall) => id };
  const names = ["x", "x/1", "x/1/1", "x/2"];
  const run = (name: string) => runDurably(store, name, "t = ('x'):rep(9000) return a() .. a()", { calls });
  const results = await Promise.all(names.map((name) => run(name)));
  assertEquals(results.map(({ value }) => value), names.map((name) => `${name}/1${name}/2`));
  for (const name of names) await forgetRun(store, name);
  assertEquals(await text(store), "");
});

Deno.test("what is damaged, or lacks a part, is forgotten as any other run, and nothing of others", async () => {
  for (const damage of ["run/a", "run-part/a/1"]) {
    for (const value of [new Uint8Array(3), undefined]) {
      await using store = new MemoryStore({ valueBytes: 20_000 });
      for (const name of ["a", "a/1", "aa"]) {
        const code = "local t = {} for i = 1, 5000 do t[i] = i * 7 % 5003 .. 'x' end wait(t[1]) return #t";
        const leaving = new AbortController();
        const calls = { wait: () => new Promise(() => leaving.abort()) };
        await runDurably(store, name, code, { calls, signal: leaving.signal }).catch(() => {});
      }
      const before = (await text(store)).split(" ");
      assert(before.includes("run-part/a/1"));
      await store.commit([], [{ key: damage, value }]);
      if (damage !== "run/a" || value !== undefined) {
        await assertRejects(
          () => runDurably(store, "a", "", { calls: {} }),
          TypeError,
          "what the store has is damaged",
        );
      }
      await forgetRun(store, "a");
      const isOfA = (key: string) => key === "run/a" || /^run-part\/a\/\d+$/.test(key);
      assertEquals((await text(store)).split(" "), before.filter((key) => !isOfA(key)));
    }
  }
});

Deno.test("what is damaged in a store is refused, whether the run waits or has ended", async () => {
  const codes = { "ask()": 150, "return 'text'": 1, "error({ text = 'text' })": 1 };
  for (const [code, step] of Object.entries(codes)) {
    await using store = new MemoryStore();
    const leaving = new AbortController();
    const calls = { ask: () => (leaving.abort(), new Promise(() => {})) };
    await runDurably(store, "job", code, { calls, signal: leaving.signal }).catch(() => {});
    const { value } = (await store.get("run/job"))!;
    for (let at = 0; at < value.length; at += step) {
      const copy = value.slice();
      copy[at] ^= 1 << at % 8;
      await store.commit([], [{ key: "run/job", value: copy }]);
      const refused = runDurably(store, "job", code, { calls });
      await assertRejects(() => refused, TypeError, 'Cannot go on with run "job": what the store has is damaged');
    }
  }
});

const modules = ["../../mod.ts", "../../src/state/sqlite_store.ts"].map((path) => new URL(path, import.meta.url).href);
const SCRIPT = `
  import { runDurably } from ${JSON.stringify(modules[0])};
  import { SqliteStore } from ${JSON.stringify(modules[1])};
  const [file, answer] = Deno.args;
  const store = await SqliteStore.open(file);
  const calls = {
    note: ({ id, args }) => console.log(id, ...args),
    ask: () => {
      if (answer !== undefined) return answer;
      console.log("asked");
      setInterval(() => {}, 1e6);
      return new Promise(() => {});
    },
  };
  const code = "note('begun') local ok, v = pcall(function() return ask() end) note('got ' .. v) return v .. '!'";
  console.log((await runDurably(store, "job", code, { calls })).value);
  await store.close();
`;

function begin(...args: string[]): Deno.ChildProcess {
  const script = `data:text/typescript,${encodeURIComponent(SCRIPT)}`;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, ...args],
    stdout: "piped",
    stderr: "inherit",
  });
  return command.spawn();
}

Deno.test("a process that is killed while its run waits is followed by one that goes on", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const file = `${directory}/runs.db`;
    for (let kills = 0; kills < 2; kills++) {
      const child = begin(file);
      let printed = "";
      for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
        printed += part;
        if (printed.endsWith("asked\n")) child.kill("SIGKILL");
      }
      await child.status;
      assertEquals(printed, kills === 0 ? "job/1 begun\nasked\n" : "asked\n");
    }
    const { stdout } = await begin(file, "paid").output();
    assertEquals(new TextDecoder().decode(stdout), "job/3 got paid\npaid!\n");
    assertEquals(new TextDecoder().decode((await begin(file).output()).stdout), "paid!\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("options that are wrong are refused", async () => {
  await using store = new MemoryStore();
  const run = (options: unknown, name: unknown = "job") =>
    runDurably(store, name as string, "return 1", options as DurableOptions);
  await assertRejects(() => run(undefined), TypeError, "Cannot run durably: the options must be an object");
  await assertRejects(() => run({}), TypeError, "calls must be a plain object, got undefined");
  await assertRejects(() => run({ calls: { a: 1 } }), TypeError, "calls.a must be a function, got a number");
  await assertRejects(() => run({ calls: {}, sleep: 1 }), TypeError, "sleep must be a function");
  await assertRejects(() => run({ calls: {}, signal: 1 }), TypeError, "signal must be an AbortSignal");
  await assertRejects(() => run({ calls: {}, call: 1 }), TypeError, "there is no option");
  const home = await openHome(store, "h");
  await assertRejects(
    () => run({ calls: {}, home }),
    TypeError,
    "home is no option here, as _home is saved with the run",
  );
  await assertRejects(() => run({ calls: {}, autosave: true }), TypeError, "autosave is no option here");
  await assertRejects(
    () => run({ calls: { a() {} }, globals: { a() {} } }),
    TypeError,
    "a is one of calls and of globals",
  );
  await assertRejects(() => run({ calls: { print() {} } }), TypeError, "the global print is Lua's own");
  await assertRejects(() => run({ calls: {} }, ""), RangeError);
  await assertRejects(() => run({ calls: {}, signal: AbortSignal.abort() }), DOMException);
  const withoutList = { get: store.get.bind(store), commit: store.commit.bind(store) };
  for (const given of [undefined, Promise.resolve(store), new Map(), {}, withoutList]) {
    const message = "the store must have get(), commit() and list(), got ";
    await assertRejects(() => runDurably(given as never, "job", "return 1", { calls: {} }), TypeError, message);
    await assertRejects(() => forgetRun(given as never, "job"), TypeError, `Cannot forget a run: ${message}`);
  }
  assertEquals(await text(store), "");
});

Deno.test("a function of the host's own that is called as a durable one is called as ever", async () => {
  const modules = {
    task: { sleep: (s: number) => Promise.resolve(`woke after ${s}`) },
    kv: { get: (key: string) => Promise.resolve(`kv ${key}`) },
  };
  const calls = { "kv.get": () => "durable" };
  const code = "return { require('task').sleep(0.1), require('kv').get('a'), _G['kv.get']() }";
  const { value } = await runDurably(new MemoryStore(), "r", code, { calls, modules });
  assertEquals(value, ["woke after 0.1", "kv a", "durable"]);
});

Deno.test("what runs beside the run has its sleeps and durable calls, too", async () => {
  const options = {
    calls: { ask: () => 5 },
    globals: { run: (f: LuaFunction) => f.callAsync() },
    sleep: () => Promise.resolve(),
  };
  const codes = [
    ["local task = require('task') return run(function() task.sleep(5) return 'slept' end)", "slept"],
    ["return run(function() return ask() + ask() end)", 10],
  ] as const;
  for (const [code, expected] of codes) {
    assertEquals((await runDurably(new MemoryStore(), "r", code, options)).value, expected);
  }
});

Deno.test("an aborted run is left, whatever the store is at, and what fails there is nobody's unhandled rejection", async () => {
  // It is loaded, saved before its call, and saved when it has ended.
  for (const [use, at] of [["get", 0], ["commit", 0], ["commit", 1]] as const) {
    const gate = Promise.withResolvers<never>();
    const store = new MemoryStore();
    const hanging = Promise.withResolvers<void>();
    const works = store[use].bind(store) as (...args: unknown[]) => Promise<undefined>;
    let uses = 0;
    store[use] = (...args: unknown[]) => uses++ < at ? works(...args) : (hanging.resolve(), gate.promise);
    const controller = new AbortController();
    const options = { calls: { ask: () => 1 }, signal: controller.signal };
    const run = runDurably(store, "r", "return ask()", options);
    await hanging.promise;
    controller.abort(new Error("enough"));
    await assertRejects(() => run, Error, "enough");
    gate.reject(new Error("down"));
    await gate.promise.catch(() => {});
  }
});

Deno.test("whatever a run has ended with is thrown again", async () => {
  const ends: [string, Record<string, unknown>, (error: Error) => void][] = [
    ["return print", {}, (error) => assert(error instanceof TypeError && error.cause instanceof LuaError)],
    ["stop('text')", { stop: () => Promise.reject("text") }, (error) => assertEquals(error.message, "text")],
  ];
  for (const [code, globals, check] of ends) {
    const store = new MemoryStore();
    const run = () => assertRejects(() => runDurably(store, "r", code, { calls: {}, globals }), Error);
    check(await run());
    check(await run());
  }
  const store = new MemoryStore();
  let calls = 0;
  const options = {
    calls: {},
    now: new CountingClock().now,
    onProgress: () => {
      if (calls++ === 0) throw "stop";
    },
  };
  const run = () => runDurably(store, "r", "for i = 1, 1e8 do end", options);
  assertEquals(await run().catch((error) => error), "stop");
  assertEquals((await run().catch((error) => error)).message, "stop");
});

Deno.test("a run's name has room for what its entries are called", async () => {
  const store = new MemoryStore();
  for (const name of ["", "x".repeat(1010), "é".repeat(600), "\0"]) {
    await assertRejects(() => runDurably(store, name, "return 1", { calls: {} }));
    await assertRejects(() => forgetRun(store, name));
  }
  assertEquals((await runDurably(store, "x".repeat(1000), "return 1", { calls: {} })).value, 1);
});
