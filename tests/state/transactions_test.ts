// Transactions: all of a run's changes to external tables are kept, or none.

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit, ConflictError, type ExternalTable, LuaError, type LuaValue, openHome } from "@computeunit/cu";
import { MemoryStore } from "@computeunit/cu/stores/memory";
import { endingSearch, RUNS_FACTOR, SEED } from "../helpers/property.ts";
import { CountingClock } from "../helpers/clock.ts";

const TRANSACTION = { transaction: true };

/** Promises that a test settles, by the names that code waits for. */
class Gates {
  readonly #open = new Map<string, () => void>();

  /** A function for code: waits until the gate is opened. */
  readonly wait = (name: string): Promise<void> => new Promise((resolve) => this.#open.set(name, resolve));

  /** Opens a gate, and lets what waits for it go on. */
  async open(name: string): Promise<void> {
    this.#open.get(name)!();
    this.#open.delete(name);
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }
}

Deno.test("a transaction that fails leaves no trace, however it fails", async () => {
  const clock = new CountingClock();
  const boom = () => {
    throw new Error("boom");
  };
  using cu = await ComputeUnit.create({ globals: { boom }, now: clock.now });
  cu.compute("_home.list = { 1, 2, 3 } _home.map = { a = { b = 1 } } _home.n = 1 _home.gone = 'back'");
  const before = cu.home.toValue();
  const changes = `
    local list = _home.list
    list[1], list[4], list[2] = "x", { deep = { 1 } }, nil
    table.insert(list, 5)
    for k in pairs(_home.map) do _home.map[k] = nil end
    _home.map.new, _home.n, _home.gone, _home.other = {}, 2.5, nil, list
    _io.array(_home.map, 5)
  `;
  const failures: [end: string, options: object, error: new (...args: never[]) => Error][] = [
    ["error('no')", {}, LuaError],
    ["boom()", {}, LuaError],
    ["while true do end", { timeLimit: 50 }, LuaError],
    ["while true do end", { stepLimit: 10_000 }, LuaError],
    ["return coroutine.create(print)", {}, TypeError],
    ["_home.c = coroutine.create(print)", {}, LuaError],
    ["local t = {} while true do t[#t + 1] = ('x'):rep(1e6) .. #t end", {}, LuaError],
  ];
  for (const [end, options, type] of failures) {
    assertThrows(() => cu.compute(changes + end, { ...TRANSACTION, ...options }), type);
    assertEquals([end, cu.home.toValue()], [end, before]);
    // What Lua reads is that, too.
    assertEquals(cu.compute("return _home"), before);
    assertEquals(cu.computeAll("return #_home.list, _home.list[1], _home.map.a.b, _home.gone"), [3, 1, 1, "back"]);
    await assertRejects(() => cu.computeAsync(changes + end, { ...TRANSACTION, ...options }), type);
    assertEquals([end, cu.home.toValue()], [end, before]);
  }
  cu.compute(changes, TRANSACTION);
  assertEquals(cu.getTableValue(cu.homeTableId, "n"), 2.5);
  assertEquals(cu.compute("return _home.other == _home.list and #_home.list"), 5);
});

Deno.test("a transaction fails whose output or metadata can't be read, whether it may wait or not", async () => {
  using cu = await ComputeUnit.create();
  const rows = "local rows = {} for i = 1, 3e4 do rows[i] = { i, 'row ' .. i } end";
  for (const [name, value] of [["output", "print"], ["meta", "{ a = { coroutine.create(print) } }"]]) {
    const code = `_home.x = 1 ${rows} _io.${name} = ${value} return rows`;
    assertThrows(() => cu.compute(code, TRANSACTION), TypeError, "Cannot return the result: ");
    assertThrows(() => cu.computeAll(code, TRANSACTION), TypeError, name);
    await assertRejects(() => cu.computeAsync(code, TRANSACTION), TypeError, "Cannot return the result: ");
    assertEquals(cu.home.toValue(), {});
    cu.clearIo();
  }
  assertThrows(() => cu.compute("_home.x = 1 _io = {}", TRANSACTION), TypeError, "replaced the global _io");
  assertEquals(cu.home.toValue(), {});
  cu.clearIo();
  // What is read to see whether it can be is known to the host afterwards.
  const objects =
    "_io.output = { { first = 1, second = { third = 3 } } } _io.meta = { fourth = { fifth = 5 } } return 6";
  assertEquals(cu.compute(objects, TRANSACTION), 6);
  assertEquals(cu.getOutput(), [{ first: 1, second: { third: 3 } }]);
  assertEquals(cu.getMetadata(), { fourth: { fifth: 5 } });
  const kept = `${rows} _home.x, _io.output = #rows, rows return rows`;
  assertEquals([(cu.compute(kept, TRANSACTION) as unknown[]).length, cu.home.toValue()], [3e4, { x: 3e4 }]);
  assertEquals((cu.getOutput() as unknown[]).length, 3e4);
});

Deno.test("without a transaction, what was changed before an error stays", async () => {
  using cu = await ComputeUnit.create();
  assertThrows(() => cu.compute("_home.x = 1 error('no')"), LuaError);
  assertEquals(cu.home.toValue(), { x: 1 });
});

Deno.test("a transaction inside of another is kept with it, or not at all", async () => {
  const inner = (fails: boolean) => {
    cu.compute(`_home.inner = (_home.inner or 0) + 1 ${fails ? "error('inner')" : ""}`, TRANSACTION);
  };
  using cu = await ComputeUnit.create({ globals: { inner } });
  cu.compute(
    "_home.outer = 1 inner(false) assert(_home.inner == 1) pcall(inner, true) assert(_home.inner == 1)",
    TRANSACTION,
  );
  assertEquals(cu.home.toValue(), { outer: 1, inner: 1 });
  assertThrows(() => cu.compute("_home.outer = 2 inner(false) error('outer')", TRANSACTION), LuaError, "outer");
  assertEquals(cu.home.toValue(), { outer: 1, inner: 1 });
});

Deno.test("what a transaction has noted counts for stateLimit: once for each key", async () => {
  using cu = await ComputeUnit.create({ stateLimit: 1024 * 1024 });
  cu.compute("_home.kept = 'kept'");
  // One key, written again and again, is one to be taken back.
  const again =
    "local s = ('x'):rep(1000) for i = 1, 20000 do _home.a = s .. i _home.t = {} _home.t = nil end return #_home.a";
  assertEquals(cu.compute(again, { transaction: true }), 1005);
  const many = [
    "for i = 1, 1e9 do _home['k' .. i] = 1 _home['k' .. i] = nil end",
    "for i = 1, 1e9 do local x = _home['k' .. i] end",
    "_home.t = {} for i = 1, 1e9 do local x = _home.t[i] end",
    "for i = 1, 1e9 do _home[i] = ('y'):rep(1000) _home[i] = nil end",
  ];
  for (const code of many) {
    const error = assertThrows(() => cu.compute(`_home.kept = 'changed' ${code}`, { transaction: true }), LuaError);
    assertEquals([error.kind, cu.compute("return _home.kept .. #_home.a")], ["memory", "kept1005"]);
  }
  // The next one has all of it again.
  assertEquals(cu.compute(again, { transaction: true }), 1005);
});

Deno.test("a traversal goes on where it was, though what is noted makes all tables be counted", async () => {
  // Where in the traversal that is depends on how much there is that is gone.
  for (let gone = 3400; gone < 3700; gone += 25) {
    using cu = await ComputeUnit.create({ stateLimit: 1024 * 1024 });
    cu.compute(`
      t = ext.table()
      for i = 1, 7500 do t["k" .. i] = true end
      for i = 1, 7500 do if i % 6 ~= 0 then t["k" .. i] = nil end end
      for _ = 1, ${gone} do ext.table() end
      collectgarbage()
    `);
    const code = "local count = 0 for k in pairs(t) do count, t[k] = count + 1, nil end return count";
    assertEquals(cu.compute(code, { transaction: true }), 1250, `${gone} that are gone`);
  }
});

Deno.test("tables that an open transaction may put back count for stateLimit", async () => {
  using cu = await ComputeUnit.create({ stateLimit: 100_000, globals: { wait: () => new Promise(() => {}) } });
  const fill = "return pcall(function() _home.ITEM = { ('x'):rep(60000) } end)";
  assertEquals(cu.compute(fill.replace("ITEM", "a")), true);
  const abort = new AbortController();
  const run = cu.computeAsync("_home.a = nil wait()", { transaction: true, signal: abort.signal });
  assertEquals(cu.compute(fill.replace("ITEM", "b")), false);
  abort.abort();
  await assertRejects(() => run);
  assertEquals(cu.compute("_home.a = nil return pcall(function() _home.b = { ('x'):rep(60000) } end)"), true);
});

Deno.test("what inner transactions change again and again is noted once in the outer one", async () => {
  const inner = (fails: boolean) => {
    cu.compute(
      `_home.n = (_home.n or 0) + 1 _home.text = ("x"):rep(1000) .. _home.n ${fails ? "error('fails')" : ""}`,
      {
        transaction: true,
      },
    );
  };
  using cu = await ComputeUnit.create({ stateLimit: 1024 * 1024, globals: { inner } });
  const code = "_home.n = 5 for i = 1, 3000 do inner(false) pcall(inner, true) end";
  assertThrows(() => cu.compute(`${code} error("outer")`, { transaction: true }), LuaError, "outer");
  assertEquals(cu.compute("return _home.n"), null);
  cu.compute(code, { transaction: true });
  assertEquals(cu.compute("return _home.n"), 3005);
});

Deno.test("a transaction that waits inside of another which ends first", async () => {
  const gates = new Gates();
  let inner: Promise<unknown> = Promise.resolve();
  const begin = () => {
    const code = "_home.x = _home.x + 10 wait('in') _home.x = _home.x + 100";
    inner = cu.computeAsync(code, TRANSACTION).then(() => "kept", (error) => error);
  };
  using cu = await ComputeUnit.create({ globals: { begin, wait: gates.wait } });
  cu.compute("_home.x = 1");
  // It fails with the outer one, on whose changes it stands.
  assertThrows(() => cu.compute("_home.x = 2 begin() error('outer')", TRANSACTION), LuaError, "outer");
  assertEquals(cu.home.toValue(), { x: 1 });
  await gates.open("in");
  assertInstanceOf(await inner, ConflictError);
  assertEquals(cu.home.toValue(), { x: 1 });
  // It goes on for itself after the outer one has succeeded.
  cu.compute("_home.x = 2 begin()", TRANSACTION);
  assertThrows(() => cu.compute("return _home.x"), ConflictError);
  await gates.open("in");
  assertEquals(await inner, "kept");
  assertEquals(cu.home.toValue(), { x: 112 });
});

Deno.test("what a transaction has changed nobody reads or changes before it has ended", async () => {
  const gates = new Gates();
  using cu = await ComputeUnit.create({ globals: { wait: gates.wait } });
  cu.compute("_home.a, _home.b, _home.list = 1, 1, { 1 }");
  const open = cu.computeAsync("_home.a = 2 _home.list[2] = 2 wait('first') return _home.a", TRANSACTION);
  for (
    const code of [
      "return _home.a",
      "_home.a = 3",
      "return #_home.list",
      "for _ in pairs(_home) do end",
      "return _home",
    ]
  ) {
    assertThrows(() => cu.compute(code), ConflictError, "a transaction has changed what is needed here");
    await assertRejects(() => cu.computeAsync(code, TRANSACTION), ConflictError);
  }
  assertThrows(() => cu.setTableValue(cu.homeTableId, "a", 4), ConflictError);
  assertEquals(cu.compute("local ok, e = pcall(function() return _home.a end) return ok, e.name"), false);
  assertEquals(cu.compute("_home.b = _home.b + 1 return _home.b"), 2);
  await gates.open("first");
  assertEquals((await open).value, 2);
  assertEquals(cu.compute("return _home"), { a: 2, b: 2, list: [1, 2] });
});

Deno.test("what asks whether a key is there, or what a table is, meets open transactions as well", async () => {
  const gates = new Gates();
  using cu = await ComputeUnit.create({ globals: { wait: gates.wait, take: () => cu.home.delete("lock") } });
  cu.compute("_home.lock, _home.object, _home.list = 1, { a = 1 }, { 1, 2, 3 }");
  const code = "_home.lock = nil _io.object(_home.object) _io.array(_home.list, 2) wait('open') error('taken back')";
  const open = cu.computeAsync(code, TRANSACTION);
  assertThrows(() => cu.home.delete("lock"), ConflictError);
  assertThrows(() => cu.deleteTableValue(cu.homeTableId, "lock"), ConflictError);
  assertThrows(() => cu.compute("_io.object(_home.object)"), ConflictError);
  assertThrows(() => cu.compute("_io.array(_home.list, 2)"), ConflictError);
  await Promise.all([assertRejects(() => open, LuaError, "taken back"), gates.open("open")]);
  assertEquals(cu.home.toValue(), { lock: 1, object: { a: 1 }, list: [1, 2, 3] });
  // One that was told that a key isn't there fails where it comes.
  cu.compute("_home.lock = nil");
  const second = cu.computeAsync("local was = take() wait('second') _home.seen = was", TRANSACTION);
  cu.compute("_home.lock = 2");
  await Promise.all([assertRejects(() => second, ConflictError), gates.open("second")]);
});

Deno.test("a transaction fails whose ground was changed: nothing is lost", async () => {
  const gates = new Gates();
  using cu = await ComputeUnit.create({ globals: { wait: gates.wait } });
  cu.compute("_home.n = 0");
  const add = (gate: string) =>
    cu.computeAsync(`local n = _home.n wait('${gate}') _home.n = n + 1 return _home.n`, TRANSACTION);
  const [first, second] = [add("a"), add("b")];
  await gates.open("b");
  assertEquals((await second).value, 1);
  await Promise.all([assertRejects(() => first, ConflictError), gates.open("a")]);
  assertEquals(cu.getTableValue(cu.homeTableId, "n"), 1);
  // The host's own changes count as well, and those of code without a transaction.
  for (const change of [() => cu.setTableValue(cu.homeTableId, "n", 10), () => cu.compute("_home.n = 20")]) {
    const third = add("c");
    change();
    await Promise.all([assertRejects(() => third, ConflictError), gates.open("c")]);
  }
  assertEquals(cu.getTableValue(cu.homeTableId, "n"), 20);
  // One that has read nothing of it goes on.
  const other = cu.computeAsync("_home.m = 1 wait('d') _home.m = _home.m + 1 return _home.m", TRANSACTION);
  cu.compute("_home.n = 30");
  await gates.open("d");
  assertEquals((await other).value, 2);
});

Deno.test("a run that is aborted, or whose unit is disposed of, takes its changes back", async () => {
  const gates = new Gates();
  const cu = await ComputeUnit.create({ globals: { wait: gates.wait } });
  const { home } = cu;
  cu.compute("_home.x = 1");
  const controller = new AbortController();
  const code =
    "local c <close> = setmetatable({}, { __close = function() _home.closed = true end }) _home.x = 2 wait('g')";
  const aborted = cu.computeAsync(code, { ...TRANSACTION, signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
  assertEquals(home.toValue(), { x: 1 });
  const left = cu.computeAsync(code, TRANSACTION);
  cu.dispose();
  await assertRejects(() => left, TypeError, "disposed");
  assertEquals(home.toValue(), { x: 1 });
});

Deno.test("a unit isn't copied while a transaction waits", async () => {
  const gates = new Gates();
  using cu = await ComputeUnit.create({ globals: { wait: gates.wait } });
  const blank = cu.snapshot();
  cu.compute("_home.x = 1");
  const open = cu.computeAsync("_home.x = 2 wait('g')", TRANSACTION);
  assertThrows(() => cu.snapshot(), TypeError, "transaction");
  assertThrows(() => cu.fork(), TypeError, "transaction");
  const rejected = assertRejects(() => open, TypeError, "restored");
  cu.restore(blank);
  await rejected;
  assertEquals(cu.compute("return _home"), {});
});

/** Part of a transaction: what it does, and whether it waits afterwards. */
type Part = { key: string; kind: "read" | "add" | "set" | "size" | "delete"; waits: boolean };

const part: fc.Arbitrary<Part> = fc.record({
  key: fc.constantFrom("'a'", "'b'", "1", "2"),
  kind: fc.constantFrom("read", "add", "set", "size", "delete"),
  waits: fc.boolean(),
});

function codeOf(parts: Part[], id: number): string {
  const lines = parts.map(({ key, kind, waits }, i) => {
    const does = {
      read: `seen[#seen + 1] = _home[${key}] or 0`,
      add: `_home[${key}] = (_home[${key}] or 0) + ${id}`,
      set: `_home[${key}] = ${id * 10 + i}`,
      size: "local n = 0 for _ in pairs(_home) do n = n + 1 end seen[#seen + 1] = n",
      delete: `_home[${key}] = nil`,
    }[kind];
    return waits ? `${does} wait('${id}')` : does;
  });
  return `local seen = {} ${lines.join(" ")} return seen`;
}

Deno.test("transactions that overlap do what some order of them does, one after the other", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(part, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 4 }),
      fc.infiniteStream(fc.nat({ max: 3 })),
      endingSearch(async (programs: Part[][], turns: Iterator<number>) => {
        const waiting = new Map<string, () => void>();
        using cu = await ComputeUnit.create({
          globals: { wait: (id: string) => new Promise<void>((resolve) => waiting.set(id, resolve)) },
        });
        const order: number[] = [];
        const seen: LuaValue[] = [];
        const runs = programs.map((parts, i) =>
          cu.computeAsync(codeOf(parts, i + 1), TRANSACTION).then(({ value }) => {
            order.push(i);
            seen[i] = value;
          }, (error) => assert(error instanceof ConflictError, String(error)))
        );
        while (waiting.size > 0) {
          const names = [...waiting.keys()];
          const name = names[turns.next().value! % names.length];
          const resolve = waiting.get(name)!;
          waiting.delete(name);
          resolve();
          for (let i = 0; i < 20; i++) await Promise.resolve();
        }
        await Promise.all(runs);
        // Those that were kept, in the order in which they ended.
        using model = await ComputeUnit.create({ globals: { wait: () => {} } });
        for (const i of order) assertEquals(model.compute(codeOf(programs[i], i + 1)), seen[i], `program ${i}`);
        assertEquals(cu.home.toValue(), model.home.toValue());
      }),
    ),
    { numRuns: Math.ceil(200 * RUNS_FACTOR), seed: SEED },
  );
});

/** Runs code as a transaction that fails. */
function fails(cu: ComputeUnit, code: string): void {
  assertThrows(() => cu.compute(`${code} error("taken back", 0)`, { transaction: true }), LuaError, "taken back");
}

Deno.test("a failed transaction leaves the order of keys, the kind, the border and the length as they were", async () => {
  const cases: [string, string][] = [
    // What makes a table, and what a transaction does to it.
    ["for i = 1, 20 do t['k' .. i] = i end", "for k, v in pairs(t) do if v > 5 then t[k] = nil end end t.new = 1"],
    ["t.x, t[2] = 1, 2", "t[1] = 1"],
    ["t.x, t[2] = 1, 2", "t[1] = 1 t[3] = 3 t[1] = nil"],
    ["for i = 1, 20 do t[i] = i end", "for i = 1, 15 do t[i] = nil end t[21] = 21"],
    ["for i = 1, 20 do t[i] = i end t.x = 1", "for i = 20, 1, -1 do t[i] = nil end t[1], t[40] = 1, 40"],
    ["t[2], t[4], t.x = 2, 4, 'x'", "for i = 1, 9 do t[i] = i end"],
    ["t.a, t.b, t.c = 1, 2, 3", "t.b, t.d, t.b = nil, 4, 5"],
    ["t.a = 1", "t.b = nil t.c = 1 t.b = 2"],
  ];
  const kinds = ["", "_io.array(t, 30)", "_io.object(t)"];
  for (const [make, change] of cases) {
    for (const kind of kinds) {
      using cu = await ComputeUnit.create();
      cu.compute(`_home.t = {} local t = _home.t ${make} ${kind}`);
      const look = () => [
        (cu.home.get("t") as ExternalTable).keys(),
        (cu.home.get("t") as ExternalTable).toValue(),
        cu.compute("return #_home.t"),
      ];
      const before = look();
      fails(cu, `local t = _home.t ${change}`);
      assertEquals(look(), before, `${make}; ${kind}; ${change}`);
      // Nor is anything of it left for the next one.
      cu.compute("_home.t.last = 1", { transaction: true });
      const [keys] = before as [unknown[]];
      assertEquals((cu.home.get("t") as ExternalTable).keys(), [...keys, "last"]);
    }
  }
});

Deno.test("a border with holes below it is what it was before a failed transaction", async () => {
  using cu = await ComputeUnit.create();
  cu.home.set("a", [1, 2, 3]);
  cu.compute("_home.a[1], _home.a[2] = nil");
  fails(cu, "_home.a[3] = nil");
  assertEquals([cu.compute("return #_home.a"), cu.home.toValue()], [3, { a: [null, null, 3] }]);
});

Deno.test("a typed array is one again after a failed transaction, and what was saved can be loaded", async () => {
  const store = new MemoryStore();
  for (const [i, change] of ["t[3] = 1", "t.x = 1", "t[1] = 'text'", "t[2] = nil t.y = 2 t[7] = 7"].entries()) {
    using cu = await ComputeUnit.create({ home: await openHome(store, `${i}`) });
    cu.home.set("t", new Float32Array([1, 2]));
    cu.home.set("kept", 1);
    fails(cu, `local t = _home.t ${change}`);
    assertEquals(cu.home.toValue(), { t: new Float32Array([1, 2]), kept: 1 });
    await cu.saveState();
    assertEquals((await openHome(store, `${i}`)).table.toValue(), { t: new Float32Array([1, 2]), kept: 1 });
  }
});

Deno.test("tables that a failed transaction has stored keep what they held, and can be stored again", async () => {
  for (const lazy of [false, true]) {
    using cu = await ComputeUnit.create();
    cu.compute("config = { rate = 0.2, list = { 1, 2, 3 } }");
    cu.setInput({ order: { id: 7, lines: new Float64Array([1, 2]) } }, { lazy });
    const code = "_home.order, _home.config = _io.input.order, config";
    fails(cu, code);
    assertEquals(cu.home.toValue(), {});
    assertEquals(cu.compute("return { config.rate, #config.list, _io.input.order.id }"), [0.2, 3, 7]);
    assertEquals(cu.compute("return _io.input"), { order: { id: 7, lines: new Float64Array([1, 2]) } });
    // What it has changed in them since is taken back: they are external tables by then.
    fails(cu, `${code} config.rate = 9 config.list[4] = 4`);
    assertEquals(cu.compute("return { config.rate, #config.list }"), [0.2, 3]);
    cu.compute(code, { transaction: true });
    assertEquals(cu.home.toValue(), {
      order: { id: 7, lines: new Float64Array([1, 2]) },
      config: { rate: 0.2, list: [1, 2, 3] },
    });
  }
});

Deno.test("autosave beside an open transaction saves tables with holes as they are without it", async () => {
  const store = new MemoryStore();
  const { promise, resolve } = Promise.withResolvers<void>();
  using cu = await ComputeUnit.create({
    home: await openHome(store, "s"),
    autosave: true,
    globals: { wait: () => promise },
  });
  cu.home.set("a", []);
  cu.home.set("t", new Int8Array([1]));
  cu.compute("for i = 1, 3 do _home.a[i * 2] = i end");
  const expected = { a: { 2: 1, 4: 2, 6: 3 }, t: new Int8Array([1]) };
  assertEquals(cu.home.toValue(), expected);
  const run = cu.computeAsync("for i = 1, 9 do _home.a[i] = i end _home.t[2] = 2 wait() error('no', 0)", {
    transaction: true,
  });
  await cu.computeAsync("_home.other = 1");
  assertEquals((await openHome(store, "s")).table.toValue(), { ...expected, other: 1 });
  resolve();
  await assertRejects(() => run, LuaError, "no");
  assertEquals(cu.home.toValue(), { ...expected, other: 1 });
});

Deno.test("transactions in another one fail where what they have read was changed beside them, or around them", async () => {
  const waiting: (() => void)[] = [];
  const inner: Promise<unknown>[] = [];
  let goOn = () => {};
  using cu = await ComputeUnit.create({
    globals: {
      wait: () => new Promise<void>((resolve) => waiting.push(resolve)),
      around: () => new Promise<void>((resolve) => goOn = resolve),
      start: () => {
        const run = cu.computeAsync("local n = _home.n wait() _home.n = n + 1", { transaction: true });
        run.catch(() => {});
        inner.push(run);
      },
    },
  });
  cu.compute("_home.n = 10");
  const outer = cu.computeAsync("start() start() around() return _home.n", { transaction: true });
  waiting.shift()!();
  await inner[0];
  waiting.shift()!();
  await assertRejects(() => inner[1], ConflictError, "a transaction has changed what is needed here");
  goOn();
  assertEquals([(await outer).value, cu.home.get("n")], [11, 11]);

  // Around it: what it has read is written by the one in which it began.
  inner.length = 0;
  await cu.computeAsync("start() _home.n = 20", { transaction: true });
  waiting.shift()!();
  await assertRejects(() => inner[0], ConflictError);
  assertEquals(cu.home.get("n"), 20);
  // What that has written before is what it reads.
  inner.length = 0;
  await cu.computeAsync("_home.n = 30 start()", { transaction: true });
  waiting.shift()!();
  await inner[0];
  assertEquals(cu.home.get("n"), 31);
});
