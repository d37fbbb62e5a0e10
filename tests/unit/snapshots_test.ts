// Snapshots, forks and units that are set back: nothing of a unit is lost, and nothing is shared.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, type ComputeUnitOptions, LuaError, type LuaFunction, Snapshot } from "@computeunit/cu";
import { CountingClock } from "../helpers/clock.ts";
import { liveHeapBytes } from "../helpers/heap.ts";
import { corrupt, withInstance } from "../helpers/instance.ts";
import { RUNS_FACTOR } from "../helpers/property.ts";
import { WAYS } from "../helpers/snapshots.ts";

/** Runs a test for each way to a unit that goes on. */
function eachWay(
  name: string,
  options: ComputeUnitOptions,
  prepare: (cu: ComputeUnit) => void | Promise<void>,
  check: (cu: ComputeUnit) => void | Promise<void>,
): void {
  for (const [way, go] of Object.entries(WAYS)) {
    Deno.test(`${name}: ${way}`, async () => {
      const cu = await ComputeUnit.create(options);
      await prepare(cu);
      using next = await go(cu, options);
      await check(next);
    });
  }
}

eachWay("closures, coroutines and metatables go on", {}, (cu) => {
  cu.compute(`
    local n = 0
    function up() n = n + 1 return n end
    function read() return n end
    co = coroutine.create(function(a)
      local closed <close> = setmetatable({}, { __close = function() log = "closed" end })
      for i = 1, 3 do a = a + coroutine.yield(a * i) end
      return "end"
    end)
    coroutine.resume(co, 10)
    account = setmetatable({ 1, 2 }, { __index = function(_, k) return k .. "!" end, __len = function() return 42 end })
    weak = setmetatable({ [account] = "kept" }, { __mode = "k" })
    string.twice = function(s) return s .. s end
    package.loaded.own = { answer = 42 }
    text = ("x"):rep(100000)
    up() up()
  `);
}, (cu) => {
  assertEquals(cu.computeAll("return up(), up(), read()"), [3, 4, 4]);
  assertEquals(cu.computeAll("return coroutine.resume(co, 1)"), [true, 22]);
  assertEquals(cu.computeAll("return coroutine.close(co), log"), [true, "closed"]);
  assertEquals(cu.computeAll("return account.a, #account, weak[account]"), ["a!", 42, "kept"]);
  assertEquals(cu.computeAll(`return ("ab"):twice(), require("own").answer, #text`), ["abab", 42, 100000]);
  cu.runGc();
  assertEquals(cu.computeAll("return up(), #text"), [5, 100000]);
});

eachWay("finalizers run once, in the unit that goes on", {}, (cu) => {
  cu.compute(`
    count = 0
    t = setmetatable({}, { __gc = function() count = count + 1 end })
    setmetatable({}, { __gc = function() count = count + 10 end })
  `);
}, (cu) => {
  cu.compute("t = nil");
  cu.runGc();
  cu.runGc();
  assertEquals(cu.compute("return count"), 11);
});

eachWay("_io goes on where it is asked for", {}, (cu) => {
  cu.setInput({ rows: [{ id: 1 }, { id: 2 }], when: new Date(5), all: new Map([[1, "a"]]), none: null });
  cu.setMetadata({ locale: "de" });
  cu.compute("_io.output = { _io.input.rows[2], _io.input.all, _io.array({}) }");
}, (cu) => {
  assertEquals(cu.getOutput(), [{ id: 2 }, new Map([[1, "a"]]), []]);
  assertEquals(cu.getMetadata(), { locale: "de" });
  assertEquals(cu.compute("return _io.input"), {
    rows: [{ id: 1 }, { id: 2 }],
    when: new Date(5),
    all: new Map([[1, "a"]]),
    none: null,
  });
});

eachWay("rows cross by shapes in both directions", {}, (cu) => {
  cu.setInput([{ id: 1, name: "a" }, { id: 2, name: "b" }]);
  cu.compute("_io.output = { { x = 1, y = 2 }, { x = 3, y = 4 }, _io.input[1] }");
  cu.getOutput();
}, (cu) => {
  cu.setInput([{ id: 3, name: "c" }, { other: true }, { id: 4, name: "d" }]);
  cu.compute("_io.output = { { x = 5, y = 6 }, _io.input[3], { z = 7 }, _io.input[2] }");
  assertEquals(cu.getOutput(), [{ x: 5, y: 6 }, { id: 4, name: "d" }, { z: 7 }, { other: true }]);
});

eachWay("errors are told where they stand, by the texts that the host has", {}, (cu) => {
  cu.compute("function kept()\n\nerror('a: b:9: c') end", { chunkName: "odd: name" });
  cu.compile("function compiled()\nlocal x = nil + 1 end", { chunkName: "compiled.lua" })();
}, (cu) => {
  const kept = assertThrows(() => cu.call("kept"), LuaError);
  assertEquals([kept.chunk, kept.line, kept.message], ["odd: name", 3, "a: b:9: c"]);
  const compiled = assertThrows(() => cu.call("compiled"), LuaError);
  assertEquals([compiled.chunk, compiled.line], ["compiled.lua", 2]);
  assertEquals(cu.compute("return 1"), 1);
});

eachWay("what was printed last stays", {}, (cu) => void cu.compute("print('hello') io.write('a')"), (cu) => {
  assertEquals(cu.printed, "hello\na\n");
  cu.compute("print(1)");
  assertEquals(cu.printed, "1\n");
});

eachWay("a seeded unit goes on with its random numbers", { seed: 7 }, (cu) => {
  cu.compute("for i = 1, 5 do math.random() end");
}, async (cu) => {
  using straight = await ComputeUnit.create({ seed: 7 });
  straight.compute("for i = 1, 5 do math.random() end");
  const code = "local a = math.random(1000000) math.randomseed() return a, math.random(1000000), math.random(1000000)";
  assertEquals(cu.computeAll(code), straight.computeAll(code));
});

const shared = { tags: ["a", "b"] };
const lazyInput = () => {
  const rows = Array.from({ length: 300 }, (_, id) => ({ id, name: `n${id}`, shared }));
  const input: Record<string, unknown> = {
    rows,
    shared,
    map: new Map<unknown, unknown>([["k", { deep: [1, 2] }], [2, "two"], [3n, new Set([1])]]),
    date: new Date(7),
    bytes: Uint8Array.of(0xff, 0),
    numbers: new Float64Array([0.5, -0]),
    empty: {},
    none: null,
    big: 2n ** 60n,
    ["__proto__x"]: 1,
  };
  input.self = input;
  return input;
};

eachWay("lazy inputs are read on", {}, (cu) => {
  cu.setInput(lazyInput(), { lazy: true });
  cu.compute(`
    kept = _io.input
    seen = { kept.rows[1].id, kept.rows[200].name, kept.map.k, kept.date }
    for key in pairs(kept.map) do first = key break end
    kept.rows[5].name = "changed"
  `);
}, (cu) => {
  assertEquals(cu.computeAll("return kept.rows[300].id, kept.rows[2].name, kept.rows[5].name, #kept.rows"), [
    299,
    "n1",
    "changed",
    300,
  ]);
  assertEquals(cu.computeAll("return kept.map.k.deep[2], kept.map[2], kept.map[3][1], next(kept.map) == first"), [
    2,
    "two",
    true,
    true,
  ]);
  assertEquals(cu.computeAll("return kept.date.ms, kept.bytes, kept.numbers[1], kept.big, kept.none == nil"), [
    7,
    Uint8Array.of(0xff, 0),
    0.5,
    2n ** 60n,
    true,
  ]);
  assertEquals(cu.computeAll("return kept.self == kept, kept.shared == kept.rows[7].shared, seen[3] == kept.map.k"), [
    true,
    true,
    true,
  ]);
  const expected = lazyInput();
  (expected.rows as { name: string }[])[4].name = "changed";
  assertEquals(cu.compute("return kept"), expected as never);
});

Deno.test("an output of a fork has the host's own objects where they were handed over", async () => {
  const input = { rows: [{ id: 1 }] };
  using cu = await ComputeUnit.create();
  cu.setInput(input, { lazy: true });
  using fork = cu.fork();
  for (const unit of [cu, fork]) {
    unit.compute("_io.output = { row = _io.input.rows[1], all = _io.input }");
    const { row, all } = unit.getOutput<{ row: unknown; all: unknown }>();
    assertStrictEquals(row, input.rows[0]);
    assertStrictEquals(all, input);
  }
});

Deno.test("views of a fork are let go of by the fork alone", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput(lazyInput(), { lazy: true });
  cu.compute("local n = 0 for _, row in ipairs(_io.input.rows) do n = n + row.id end kept = _io.input.rows[9]");
  using fork = cu.fork();
  fork.clearIo();
  fork.compute("kept = nil");
  fork.runGc();
  fork.runGc();
  fork.setInput({ other: [1, 2, { a: 1 }] }, { lazy: true });
  assertEquals(fork.compute("return _io.input.other[3].a"), 1);
  assertEquals(cu.computeAll("return kept.name, _io.input.rows[250].name"), ["n8", "n249"]);
});

Deno.test("what of a lazy input can't be written is refused with its path", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput({ rows: [{ id: 1 }, { id: 2, handler: () => 1 }] }, { lazy: true });
  cu.compute("kept = _io.input.rows");
  const snapshot = cu.snapshot();
  await assertRejects(
    () => snapshot.bytes(),
    TypeError,
    "Cannot write the snapshot: functions cannot be passed (at input.rows[1].handler)",
  );
  const others: [unknown, string][] = [
    [{ a: [1, { b: [2], c: /x/ }] }, "RegExp objects cannot be passed (at input.a[1].c)"],
    [{ a: { b: 1 }, c: new Map([["k", "\ud800"]]) }, "a string with a lone surrogate cannot be passed (at input.c.k)"],
    [{ a: [{ b: 1 }, Symbol.iterator] }, "symbols cannot be passed (at input.a[1])"],
    [{ a: [[1], new URL("a:b")] }, "URL objects cannot be passed (at input.a[1])"],
  ];
  let deep: unknown = new Date(1);
  for (let i = 0; i < 1000; i++) deep = [deep];
  others.push([[deep], "nesting is deeper than 1000 levels"]);
  for (const [input, message] of others) {
    using other = await ComputeUnit.create();
    other.setInput(input, { lazy: true });
    await assertRejects(() => other.snapshot({ io: true }).bytes(), Error, message);
  }
  using nested = await ComputeUnit.create();
  nested.setInput(deep, { lazy: true });
  using copy = await ComputeUnit.fromSnapshot(await nested.snapshot({ io: true }).bytes());
  const code = "local t = _io.input for i = 1, 1000 do t = t[1] end return t.ms";
  assertEquals(copy.compute(code), 1);
  assertEquals(cu.compute("return kept[1].id"), 1);
  cu.restore(snapshot);
  assertEquals(cu.compute("return kept[2].id"), 2);
  cu.compute("kept = nil");
  const bytes = await cu.snapshot().bytes();
  assert(bytes.length > 0, "garbage isn't written");
});

Deno.test("errors that JavaScript threw are kept by name and message", async () => {
  class OwnError extends Error {
    override name = "OwnError";
  }
  const globals = {
    fail: (what: string) => {
      if (what === "own") throw new OwnError("of ours");
      if (what === "data") throw { code: 7 };
      throw new RangeError("too far");
    },
  };
  using cu = await ComputeUnit.create({ globals });
  cu.compute(`_, range = pcall(fail, "range") _, own = pcall(fail, "own") _, data = pcall(fail, "data")`);
  using other = await ComputeUnit.fromSnapshot(await cu.snapshot().bytes(), { globals });
  assertEquals(other.computeAll("return range.name, range.message, own.name, own.message"), [
    "RangeError",
    "too far",
    "OwnError",
    "of ours",
  ]);
  const { cause } = assertThrows(() => other.compute("error(range)"), LuaError);
  assert(cause instanceof RangeError && cause.message === "too far");
  assertEquals(assertThrows(() => other.compute("error(data)"), LuaError).cause, { code: 7 });
  using fork = cu.fork();
  assertEquals((assertThrows(() => fork.compute("error(own)"), LuaError).cause as Error).constructor, OwnError);
});

Deno.test("functions of the host are bound again by their names", async () => {
  class Counter {
    count = 0;
    next = function (this: { count: number }): number {
      return ++this.count;
    };
  }
  const made = (by: number) => {
    const kv = { by, get: (key: string) => `${key}${by}`, deep: { list: [(n: number) => n + by] } };
    return {
      globals: { log: () => `log${by}`, state: new Counter() },
      modules: {
        kv: {
          ...kv,
          own() {
            return this.by;
          },
        },
        text: "return { n = 1 }",
      },
      resolveModule: (name: string) => `return "${name}${by}"`,
    };
  };
  using cu = await ComputeUnit.create(made(1));
  const code = `
    kv = kv or require "kv"
    local t = { log(), kv.get "a", kv.deep.list[1](10), kv.own(), require "text".n }
    t[#t + 1] = state.next()
    return t
  `;
  assertEquals(cu.compute(code), ["log1", "a1", 11, 1, 1, 1]);
  const bytes = await cu.snapshot().bytes();
  const two = made(2);
  using other = await ComputeUnit.fromSnapshot(bytes, {
    resolveModule: two.resolveModule,
    modules: { more: { unknown: () => 1 }, text: two.modules.text, kv: two.modules.kv },
    globals: { extra: () => 1, state: two.globals.state, log: two.globals.log },
  });
  assertEquals(other.compute(code), ["log2", "a2", 12, 2, 1, 1]);
  assertEquals(other.computeAll(`return require "x", extra`), ["x2", null]);

  const { log: _, ...globals } = two.globals;
  const missing = "Cannot load the snapshot: the global function log is missing in the unit's options";
  await assertRejects(() => ComputeUnit.fromSnapshot(bytes, { ...two, globals }), TypeError, missing);
  await assertRejects(
    () => ComputeUnit.fromSnapshot(bytes, { ...two, modules: { kv: { ...two.modules.kv, deep: { list: [] } } } }),
    TypeError,
    "the module's function kv.deep.list[0] is missing",
  );
  const { resolveModule: __, modules: { kv } } = two;
  await assertRejects(
    () => ComputeUnit.fromSnapshot(bytes, { globals: two.globals, modules: { kv } }),
    TypeError,
    "resolveModule is missing",
  );
  using without = await ComputeUnit.create();
  const snapshot = await Snapshot.from(bytes);
  without.compute("mine = 1");
  assertThrows(() => without.restore(snapshot), TypeError, missing);
  assertEquals(without.compute("return mine"), 1);
});

Deno.test("functions of Lua's that the host has", async () => {
  const got: LuaFunction[] = [];
  using cu = await ComputeUnit.create({
    globals: { give: (f: LuaFunction) => void got.push(f), call: (f: LuaFunction) => f() },
  });
  cu.compute("a = 0; function first() a = a + 1 return 'first' .. a end; give(first)");
  const snapshot = cu.snapshot();
  cu.compute("function second() return 'second' end; give(second)");
  const [first, second] = got;
  assertEquals([first(), second()], ["first1", "second"]);
  cu.restore(snapshot);
  assertEquals(first(), "first1");
  const lost = `Cannot call ${second.name}: the unit was restored to a snapshot without this function`;
  assertThrows(() => second(), TypeError, lost);
  assertThrows(() => second.callAll(), TypeError, lost);
  await assertRejects(() => second.callAsync(), TypeError, lost);
  // Another function may have got its number.
  cu.compute("function third() return 'third' end; give(third); give(first)");
  const [, , third, again] = got;
  assertEquals(third(), "third");
  assertStrictEquals(again, first);
  assertThrows(() => second(), TypeError, lost);
  assertThrows(() => cu.call("call", second), TypeError, "functions cannot be passed");
  second[Symbol.dispose]();
  assertEquals(third(), "third");
  first[Symbol.dispose]();
  assertThrows(() => first(), TypeError, "the function has been disposed");
  cu.restore(snapshot);
  assertThrows(() => first(), TypeError, "the function has been disposed");
  assertThrows(() => third(), TypeError, "without this function");
  assertEquals(cu.compute("return call(first)"), "first1");

  using fork = cu.fork();
  assertThrows(() => fork.call("call", third), TypeError, "functions cannot be passed");
  assertEquals(fork.compute("return call(first)"), "first2");
});

Deno.test("compiled code stays what it is, or is refused by its name", async () => {
  using cu = await ComputeUnit.create();
  using before = cu.compile<number>("n = (n or 0) + 1 return n");
  const snapshot = cu.snapshot();
  const after = cu.compile("return 'after'", { chunkName: "after.lua" });
  assertEquals([before(), before(), after()], [1, 2, "after"]);
  cu.restore(snapshot);
  assertEquals(before(), 1);
  using other = cu.compile("return 'other'");
  assertEquals(other(), "other");
  assertThrows(
    () => after(),
    TypeError,
    "Cannot run after.lua: the unit was restored to a snapshot without this compiled code",
  );
  after[Symbol.dispose]();
  assertEquals([other(), before()], ["other", 2]);
});

Deno.test("forks never see each other", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("t = { n = 0 } function add(n) t.n = t.n + n return t.n end");
  const forks = Array.from({ length: 4 }, () => cu.fork());
  forks.push(forks[3].fork());
  forks.forEach((fork, i) => assertEquals(fork.call("add", i + 1), i + 1));
  forks.forEach((fork, i) => assertEquals(fork.call("add", 10), i + 11));
  assertEquals(cu.call("add", 5), 5);
  for (const fork of forks) fork.dispose();
  assertEquals(cu.call("add", 5), 10);
});

Deno.test("a snapshot has _io only where it is asked for", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput("secret of one tenant");
  cu.compute("_io.output = _io.input _io = nil");
  const snapshot = cu.snapshot();
  const bytes = await snapshot.bytes();
  using other = await ComputeUnit.fromSnapshot(bytes);
  assertEquals(other.computeAll("return _io.input, _io.output"), [null, null]);
  cu.restore(snapshot);
  assertEquals(cu.computeAll("return _io.input, _io.output"), [null, null]);
  assert(!new TextDecoder("latin1").decode(bytes).includes("secret of one tenant"));
});

Deno.test("nothing of a tenant is left in memory after the unit was set back", async () => {
  const [cu, instance] = await withInstance(() => ComputeUnit.create());
  const found = () => new TextDecoder("latin1").decode(instance.exports.memory.buffer).includes("secret of one tenant");
  // In memory that grows, in what it has grown to before, and in what was free when the snapshot was taken.
  for (const before of ["", "", "local text = ('x'):rep(4e6) text = nil collectgarbage()"]) {
    cu.compute(before);
    const snapshot = cu.snapshot();
    for (const count of [50_000, 5000, 50]) {
      cu.setInput({ text: "secret of one tenant" });
      cu.compute(`t = {} for i = 1, ${count} do t[i] = _io.input.text .. i end`);
      assert(found());
      cu.restore(snapshot);
      assert(!found());
    }
  }
  cu.dispose();
});

Deno.test("nothing of a tenant is left in the last block that memory has room for, either", async () => {
  const [cu, { exports: { memory } }] = await withInstance(() => ComputeUnit.create());
  cu.compute("local text = ('x'):rep(3e5) text = nil collectgarbage()");
  const snapshot = cu.snapshot();
  const { byteLength } = memory.buffer;
  for (let count = 100; memory.buffer.byteLength === byteLength; count += 50) {
    cu.compute(`collectgarbage("stop") local list for i = 1, ${count} do list = { list, "secret number " .. i } end`);
    cu.restore(snapshot);
    assert(!new TextDecoder("latin1").decode(memory.buffer).includes("secret number"), `after ${count}`);
  }
  cu.dispose();
});

Deno.test("a unit isn't copied nor set back while code runs, nor once it is disposed of", async () => {
  const tried: string[] = [];
  const blank = (await ComputeUnit.create()).snapshot();
  const tries: (() => unknown)[] = [
    () => cu.snapshot(),
    () => cu.fork(),
    () => cu.restore(blank),
    () => cu.pending(),
    () => cu.resume(1),
    () => cu.fail(1, 0),
    () => cu.callAgain(1),
  ];
  const tryAll = () => {
    for (const run of tries) tried.push(assertThrows(run, TypeError).message);
  };
  const cu = await ComputeUnit.create({ globals: { tryAll }, onPrint: tryAll });
  const running = [
    "Cannot take a snapshot: the unit is running",
    "Cannot fork the unit: the unit is running",
    "Cannot restore the unit: the unit is running",
    "Cannot list pending calls: the unit is running",
    "Cannot resume a run: the unit is running",
    "Cannot fail a run: the unit is running",
    "Cannot make a call again: the unit is running",
  ];
  cu.compute("tryAll()");
  assertEquals(tried.splice(0), running);
  cu.compute("print(1)");
  assertEquals(tried.splice(0), running);
  await cu.computeAsync("tryAll()");
  assertEquals(tried.splice(0), running);
  cu.dispose();
  tryAll();
  assertEquals(tried, running.map((text) => text.replace("is running", "has been disposed")));
});

Deno.test("a broken unit isn't copied, but set back", async () => {
  const [cu, instance] = await withInstance(() => ComputeUnit.create());
  cu.compute("n = 1");
  const snapshot = cu.snapshot();
  corrupt(instance);
  assertThrows(() => cu.compute("return n"));
  assertThrows(() => cu.snapshot(), TypeError, "Cannot take a snapshot: the unit is broken");
  assertThrows(() => cu.fork(), TypeError, "Cannot fork the unit: the unit is broken");
  cu.restore(snapshot);
  assertEquals(cu.compute("n = n + 1 return n"), 2);
  cu.dispose();
});

Deno.test("memory that has grown since is used again", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 64 * 1024 * 1024 });
  const grow = "local t = {} for i = 1, 100000 do t[i] = { i } end return #t";
  const snapshot = cu.snapshot();
  cu.compute(grow);
  const { wasmBytes } = cu.getMemoryStats();
  for (let i = 0; i < 20; i++) {
    cu.restore(snapshot);
    assertEquals(cu.compute(grow), 100000);
  }
  assertEquals(cu.getMemoryStats().wasmBytes, wasmBytes);
  const large = cu.snapshot();
  using small = await ComputeUnit.fromSnapshot(snapshot);
  small.restore(large);
  assertEquals(small.compute(grow), 100000);
});

Deno.test("memory that has grown far isn't kept", async () => {
  using cu = await ComputeUnit.create();
  const snapshot = cu.snapshot();
  const { wasmBytes } = cu.getMemoryStats();
  cu.compute("local t = ('x'):rep(40000000)");
  assert(cu.getMemoryStats().wasmBytes > 40_000_000);
  cu.restore(snapshot);
  assertEquals(cu.getMemoryStats().wasmBytes, wasmBytes);
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("limits are those of the unit that goes on", async () => {
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({ memoryLimit: 8 * 1024 * 1024 });
  cu.compute("big = ('x'):rep(3000000)");
  const bytes = await cu.snapshot().bytes();
  await assertRejects(
    () => ComputeUnit.fromSnapshot(bytes, { memoryLimit: 2 * 1024 * 1024 }),
    RangeError,
    "more than the memoryLimit of 2097152",
  );
  using other = await ComputeUnit.fromSnapshot(bytes, {
    memoryLimit: 16 * 1024 * 1024,
    timeLimit: 20,
    now: clock.now,
    lazyThreshold: 0,
  });
  assertEquals(other.getMemoryStats().limitBytes, 16 * 1024 * 1024);
  assertEquals(other.compute("more = big .. 'y' .. big return #more"), 6000001);
  assertEquals(assertThrows(() => other.compute("x = ('x'):rep(20000000)"), LuaError).kind, "memory");
  assertEquals(assertThrows(() => other.compute("while true do end"), LuaError).kind, "time");
  using steps = await ComputeUnit.fromSnapshot(bytes, { stepLimit: 1000 });
  assertEquals(assertThrows(() => steps.compute("while true do end"), LuaError).kind, "limit");
  using fork = steps.fork();
  assertEquals(assertThrows(() => fork.compute("while true do end"), LuaError).kind, "limit");
  fork.restore(steps.snapshot());
  assertEquals(assertThrows(() => fork.compute("while true do end"), LuaError).kind, "limit");
});

Deno.test("a read-only library stays so", async () => {
  const options: ComputeUnitOptions = { library: "readonly", modules: { kv: { get: () => 1 } } };
  using cu = await ComputeUnit.create(options);
  const bytes = await cu.snapshot().bytes();
  for (const given of [options, { modules: options.modules }]) {
    using other = await ComputeUnit.fromSnapshot(bytes, given);
    assertThrows(() => other.compute("string.rep = nil"), LuaError, "rep");
    assertThrows(() => other.compute("require 'kv'.get = nil"), LuaError, "get");
    await assertRejects(
      async () => ComputeUnit.fromSnapshot(await other.snapshot().bytes(), { ...options, library: "writable" }),
      TypeError,
      "Cannot load the snapshot: its library is readonly",
    );
  }
});

Deno.test("what is no snapshot is refused", async () => {
  using cu = await ComputeUnit.create();
  for (const value of [undefined, null, {}, [1], "CUSNAP", new ArrayBuffer(8)]) {
    await assertRejects(
      () => ComputeUnit.fromSnapshot(value as never),
      TypeError,
      "Cannot load the snapshot: it is neither",
    );
    assertThrows(() => cu.restore(value as never), TypeError, "Cannot restore the unit: the snapshot is none");
  }
  await assertRejects(() => Snapshot.from(new Uint8Array(0)), TypeError, "these are no bytes of a snapshot");
  // deno-lint-ignore no-explicit-any -- what a caller does that has no types
  assertThrows(() => new (Snapshot as any)(), TypeError, "Cannot construct a Snapshot");
  assertThrows(() => cu.snapshot({ compressed: true } as never), TypeError, "there is no option");
  await assertRejects(
    () => cu.snapshot().bytes({ compressed: 1 as never }),
    TypeError,
    "compressed must be true or false",
  );
  await assertRejects(
    () => ComputeUnit.fromSnapshot(cu.snapshot(), { seeds: 1 } as never),
    TypeError,
    "did you mean seed?",
  );
});

Deno.test("snapshots, restores and forks leave nothing behind", async () => {
  using cu = await ComputeUnit.create({ globals: { wait: () => new Promise(() => {}) } });
  cu.compute("t = {} for i = 1, 100 do t[i] = { i } end");
  cu.computeAsync("wait()").catch(() => {});
  const snapshot = cu.snapshot();
  const cycle = async (count: number) => {
    for (let i = 0; i < count; i++) {
      cu.compute("t[#t + 1] = {}");
      cu.restore(snapshot);
      if (i % 20 === 0) cu.snapshot().bytes();
      if (i % 10 === 0) cu.fork().dispose();
      if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
  };
  const { wasmBytes } = cu.getMemoryStats();
  await cycle(200);
  const before = await liveHeapBytes();
  await cycle(Math.ceil(2000 * RUNS_FACTOR));
  const after = await liveHeapBytes();
  assert(after - before < 500_000, `${after - before} bytes more`);
  assertEquals(cu.getMemoryStats().wasmBytes, wasmBytes);
});

Deno.test("neither a fork nor a snapshot keeps the unit that it was made of", async () => {
  const gone = async () => {
    const [cu, instance] = await withInstance(() => ComputeUnit.create());
    const kept = [cu.fork(), await ComputeUnit.fromSnapshot(cu.snapshot()), cu.snapshot()];
    cu.dispose();
    return { kept, instance: new WeakRef(instance), memory: new WeakRef(instance.exports.memory.buffer) };
  };
  const { kept, instance, memory } = await gone();
  await liveHeapBytes();
  assertEquals([instance.deref(), memory.deref()], [undefined, undefined]);
  assertEquals(kept.length, 3);
});
