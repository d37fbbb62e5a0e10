// Transactions: all of a run's changes to external tables are kept, or none.

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit, ConflictError, LuaError, type LuaValue } from "@computeunit/cu";
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
