// A unit whose _home is in a store.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit, ConflictError, type Home, IoWrapper, LuaError, type LuaValue, openHome } from "@computeunit/cu";
import { MemoryStore } from "@computeunit/cu/stores/memory";
import { corrupt, unitAndInstance } from "../helpers/instance.ts";
import { endingSearch, RUNS_FACTOR, SEED } from "../helpers/property.ts";
import { FaultyStore, WITHOUT_WAIT } from "../helpers/states.ts";

const NAME = "s";

const open = (store: MemoryStore | FaultyStore): Promise<Home> => openHome(store, NAME, WITHOUT_WAIT);

/** Runs code in a unit of its own, with what is in the store; saves it then. */
async function run(store: MemoryStore, code: string): Promise<LuaValue> {
  using cu = await ComputeUnit.create({ home: await open(store) });
  const result = cu.compute(code);
  await cu.saveState();
  return result;
}

Deno.test("what code stores in _home is there in the next unit: any value, and tables with their identity", async () => {
  const store = new MemoryStore();
  await run(
    store,
    `
    local shared = { 1, 2, 3 }
    _home.values = { 1, 2.0, 2.5, -0.0, 1 << 62, math.mininteger, "text", "\\xff\\0", true, false, _io.null, 1/0 }
    _home.date = _io.date(1000)
    _home.array, _home.map, _home.empty = _io.array({}), _io.map({ [1] = 2 }), {}
    _home.holes = _io.array({ 1, nil, 3 }, 5)
    _home.a, _home.b = { shared = shared }, { shared }
    _home.cycle = { x = {} }
    _home.cycle.x.up = _home.cycle
    _home[true], _home[1.5], _home[2^53], _home["\\xfe"] = "t", "f", "large", "bytes"
    _home[_home.a] = "a table as a key"
    _home.home = _home
    _home.long = ("x"):rep(100000)
  `,
  );
  const result = await run(
    store,
    `
    local h, v = _home, _home.values
    assert(math.type(v[1]) == "integer" and math.type(v[2]) == "float" and v[3] == 2.5 and 1 / v[4] == -1/0)
    assert(v[5] == 1 << 62 and v[6] == math.mininteger and v[7] == "text" and v[8] == "\\xff\\0")
    assert(v[9] == true and v[10] == false and v[11] == _io.null and v[12] == 1/0 and #v == 12)
    assert(h.date.ms == 1000 and h.holes[3] == 3 and #h.long == 100000)
    assert(rawequal(h.a.shared, h.b[1]) and rawequal(h.cycle.x.up, h.cycle) and rawequal(h.home, h))
    assert(h[true] == "t" and h[1.5] == "f" and h[1 << 53] == "large" and h["\\xfe"] == "bytes")
    assert(h[h.a] == "a table as a key")
    h.a.shared[4] = 4
    assert(#h.b[1] == 4)
    _io.output = { h.array, h.map, h.empty, h.holes }
    return _io.output
  `,
  );
  assertEquals(result, [[], new Map([[1, 2]]), {}, [1, null, 3, null, null]]);
});

Deno.test("the order of keys is that in which they came", async () => {
  const store = new MemoryStore();
  const code = "local keys = {} for key in pairs(_home) do keys[#keys + 1] = key end return table.concat(keys, ' ')";
  await run(store, "for i = 1, 100 do _home['k' .. i * 37 % 101] = i end _home.k37 = nil _home.last = 1");
  const first = await run(store, code);
  assertEquals(String(first).split(" ").length, 100);
  assertEquals(await run(store, code), first);
});

Deno.test("loadState() takes back what was not saved, and brings what others have saved", async () => {
  const store = new MemoryStore();
  using cu = await ComputeUnit.create({ home: await open(store) });
  cu.compute("_home.list = { 1, 2 } kept = _home.list");
  await cu.saveState();
  cu.compute("_home.list[3] = 3 _home.more = 1");
  await cu.loadState();
  assertEquals(cu.compute("return { #_home.list, _home.more == nil, rawequal(kept, _home.list), #kept }"), [
    2,
    true,
    false,
    3,
  ]);
  await run(store, "_home.list[1] = 'other'");
  await cu.loadState();
  assertEquals(cu.compute("return _home.list[1]"), "other");
  cu.compute("_home.again = kept _home.list[2] = 'mine'");
  await cu.saveState();
  assertEquals(await run(store, "return { _home.again, _home.list }"), [[1, 2, 3], ["other", "mine"]]);
});

Deno.test("tables have their numbers in the next unit, too", async () => {
  const store = new MemoryStore();
  using cu = await ComputeUnit.create({ home: await open(store) });
  cu.setTableValue(cu.homeTableId, "prices", { tea: 4 });
  const { id } = cu.home.get("prices") as { id: number };
  await cu.saveState();
  using other = await ComputeUnit.create({ home: await open(store) });
  assertEquals(other.getTableValue(id, "tea"), 4);
  other.setTableValue(id, "cups", 8);
  assertEquals(other.compute("return _home.prices.cups"), 8);
});

Deno.test("a home is one unit's at a time, and the next one's when that is gone", async () => {
  const home = await open(new MemoryStore());
  {
    using cu = await ComputeUnit.create({ home });
    cu.compute("_home.a = { 1 } setmetatable(_home.a, { __index = function() return 'meta' end })");
    cu.setInput({ home: home.table });
    const second = ComputeUnit.create({ home });
    await assertRejects(() => second, TypeError, 'Cannot create a compute unit: another unit has the home "s"');
  }
  await assertRejects(() => ComputeUnit.create({ home, globals: { bad: Symbol("no") as never } }), TypeError);
  using next = await ComputeUnit.create({ home });
  assertEquals(next.compute("_home.a[2] = 2 return { _home.a[1], _home.a[2], _home.a[3] == nil }"), [1, 2, true]);
  assertEquals(home.table.toValue(), { a: [1, 2] });
});

Deno.test("what the host sets in a home is in _home at once", async () => {
  const home = await open(new MemoryStore());
  using cu = await ComputeUnit.create({ home });
  assertEquals(cu.compute("return _home.x"), null);
  home.table.set("x", [1]);
  assertEquals(cu.compute("return _home.x[1]"), 1);
  assertEquals(cu.home, home.table);
});

Deno.test("a unit that broke leaves what is in its home", async () => {
  const store = new MemoryStore();
  const home = await open(store);
  const { cu, instance } = await unitAndInstance({ home });
  cu.compute("_home.a = 1");
  corrupt(instance);
  assertThrows(() => cu.compute("_home.b = ('x'):rep(9)"));
  await assertRejects(() => cu.saveState(), TypeError, "Cannot save state: the unit is broken");
  await home.save();
  assertEquals((await open(store)).table.toValue(), { a: 1 });
  cu.dispose();
  await assertRejects(() => cu.saveState(), TypeError, "Cannot save state: the unit has been disposed");
  using next = await ComputeUnit.create({ home });
  assertEquals(next.compute("return _home.a"), 1);
});

Deno.test("the second of two units that save gets a ConflictError", async () => {
  const store = new MemoryStore();
  using first = await ComputeUnit.create({ home: await open(store) });
  using second = await ComputeUnit.create({ home: await open(store) });
  for (const cu of [first, second]) cu.compute("_home.n = (_home.n or 0) + 1");
  await first.saveState();
  await assertRejects(() => second.saveState(), ConflictError, 'Cannot save state "s"');
  await second.loadState();
  second.compute("_home.n = _home.n + 1");
  await second.saveState();
  assertEquals(await run(store, "return _home.n"), 2);
});

Deno.test("autosave saves after each run that may wait and has succeeded", async () => {
  const memory = new MemoryStore();
  const store = new FaultyStore(memory);
  const home = await open(store);
  using cu = await ComputeUnit.create({ home, autosave: true, globals: { wait: () => Promise.resolve(1) } });
  const saved = async () => (await open(memory)).table.toValue();
  await cu.computeAsync("_home.a = wait()");
  assertEquals(await saved(), { a: 1 });
  cu.compute("function f() _home.b = 2 end");
  await cu.callAsync("f");
  assertEquals(await saved(), { a: 1, b: 2 });
  await assertRejects(() => cu.computeAsync("_home.c = 3 error('no')"));
  assertEquals(await saved(), { a: 1, b: 2 });
  const { commits } = store;
  await cu.computeAsync("return _home.a");
  assertEquals(store.commits, commits + 1, "what the failed run left is saved with the next");
  await cu.computeAsync("return _home.a");
  assertEquals(store.commits, commits + 1, "nothing has changed");
  store.fate = () => "not made";
  await assertRejects(() => cu.computeAsync("_home.d = 4"), Error, 'Cannot save state "s": connection lost');
  store.fate = () => "made";
  await cu.computeAsync("");
  assertEquals(await saved(), { a: 1, b: 2, c: 3, d: 4 });
});

Deno.test("IoWrapper's patterns save, too", async () => {
  const store = new MemoryStore();
  using cu = await ComputeUnit.create({ home: await open(store), autosave: true });
  const io = new IoWrapper(cu);
  await io.computeWithIo("_home.sum = (_home.sum or 0) + _io.input", 5);
  assertEquals((await open(store)).table.toValue(), { sum: 5 });
});

/** Functions that wait until a test lets them go on, by name. */
function gates() {
  const open = new Map<string, () => void>();
  return {
    wait: (name: string) => new Promise<void>((resolve) => open.set(name, resolve)),
    open: (name: string) => open.get(name)!(),
  };
}

Deno.test("while a transaction is open, nothing is saved or loaded by hand; autosave leaves its changes out", async () => {
  const store = new MemoryStore();
  const { wait, open: letGo } = gates();
  using cu = await ComputeUnit.create({ home: await open(store), autosave: true, globals: { wait } });
  const saved = async () => (await open(store)).table.toValue();
  const run = cu.computeAsync("_home.a = 1 wait('a') _home.b = 2", { transaction: true });
  await assertRejects(() => cu.saveState(), TypeError, 'Cannot save state "s": a transaction has not ended');
  await assertRejects(() => cu.loadState(), TypeError, 'Cannot load state "s": a transaction has not ended');
  await cu.computeAsync("_home.c = 3");
  assertEquals(await saved(), { c: 3 });
  letGo("a");
  await run;
  assertEquals(await saved(), { a: 1, b: 2, c: 3 });
});

for (const transaction of [true, false]) {
  const name = transaction ? "a transaction" : "a run";
  Deno.test(`autosave: what ${name} has written is saved when its promise fulfils, whatever others end with`, async () => {
    const ends: [code: string, later: object][] = [
      ["_home.x = 1 wait('a') error('no')", { order: "paid" }],
      ["_home.x = 1 wait('a')", { order: "paid", x: 1 }],
      // The loser of two, whose ground was changed.
      ["local o = _home.order wait('a') _home.x = o", { order: "paid" }],
    ];
    for (const [code, later] of ends) {
      const store = new MemoryStore();
      const saved = async () => (await open(store)).table.toValue();
      const { wait, open: letGo } = gates();
      using cu = await ComputeUnit.create({ home: await open(store), autosave: true, globals: { wait } });
      const other = cu.computeAsync(code, { transaction: true }).catch(() => {});
      const run = cu.computeAsync("wait('b') _home.order = 'paid'", { transaction });
      letGo("b");
      await run;
      assertEquals(await saved(), { order: "paid" });
      letGo("a");
      await other;
      assertEquals(await saved(), later);
      assertEquals(cu.home.toValue(), later);
    }
  });
}

Deno.test("autosave: runs that wait for each other inside of transactions all end", async () => {
  const store = new MemoryStore();
  const saved = async () => (await open(store)).table.toValue();
  using cu = await ComputeUnit.create({
    home: await open(store),
    autosave: true,
    globals: {
      tick: () => Promise.resolve(),
      run: async (code: string, transaction: boolean) => (await cu.computeAsync(code, { transaction })).value,
      saved,
    },
  });
  // What stands in a transaction is saved with it; what is none, and has waited, for itself.
  const inner = "_home.n = (_home.n or 0) + 1 tick() _home.n = _home.n + 1 return _home.n";
  await cu.computeAsync(`_home.o = 1 assert(run("${inner}", true) == 2) assert(saved().n == nil)`, {
    transaction: true,
  });
  assertEquals(await saved(), { n: 2, o: 1 });
  await cu.computeAsync(`_home.o = 2 run("tick() _home.free = 1", false) assert(saved().free == 1) error('no')`, {
    transaction: true,
  }).catch(() => {});
  assertEquals(await saved(), { n: 2, o: 1, free: 1 });
  const failed = cu.computeAsync(`run("${inner}", true) error('no')`, { transaction: true });
  await assertRejects(() => failed, LuaError, "no");
  await cu.computeAsync("");
  assertEquals(await saved(), { n: 2, o: 1, free: 1 });
});

Deno.test("autosave while a transaction is open: runs that write nothing save nothing; disposal ends all", async () => {
  const store = new FaultyStore(new MemoryStore());
  const { wait } = gates();
  const cu = await ComputeUnit.create({ home: await open(store), autosave: true, globals: { wait } });
  const run = cu.computeAsync("_home.x = 1 wait('a')", { transaction: true });
  await cu.computeAsync("");
  assertEquals(store.commits, 1, "the state is new");
  await cu.computeAsync("return 1");
  assertEquals(store.commits, 1);
  const writes = cu.computeAsync("_home.y = 1");
  cu.dispose();
  await assertRejects(() => run, TypeError, "disposed");
  await writes;
  assertEquals((await open(store)).table.toValue(), { y: 1 });
});

/** What a run does to a row that it has to itself. */
interface Program {
  parts: { key: number; waits: boolean; takes: boolean }[];
  transaction: boolean;
  fails: boolean;
}

Deno.test("autosave: each run that fulfils is saved, and nothing that isn't kept", async () => {
  const part = fc.record({ key: fc.nat({ max: 3 }), waits: fc.boolean(), takes: fc.boolean() });
  const program: fc.Arbitrary<Program> = fc.record({
    parts: fc.array(part, { minLength: 1, maxLength: 4 }),
    transaction: fc.boolean(),
    fails: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(program, { minLength: 2, maxLength: 5 }),
      fc.infiniteStream(fc.nat()),
      endingSearch(async (programs: Program[], turns: Iterator<number>) => {
        const store = new MemoryStore();
        const waiting: (() => void)[] = [];
        const wait = () => new Promise<void>((resolve) => waiting.push(resolve));
        using cu = await ComputeUnit.create({ home: await open(store), autosave: true, globals: { wait } });
        cu.compute("_home.rows = {} for i = 0, 5 do _home.rows[i] = {} end");
        /** What runs have done to the rows that they have to themselves, if they have fulfilled. */
        const kept = new Map<number, Record<string, number>>();
        const runs = programs.map(async ({ parts, transaction, fails }, i) => {
          const row: Record<string, number> = {};
          const lines = parts.map(({ key, waits, takes }, j) => {
            if (takes) delete row[`k${key}`];
            else row[`k${key}`] = j;
            return `_home.rows[${i}].k${key} = ${takes ? "nil" : j} ${waits ? "wait()" : ""}`;
          });
          const code = lines.join(" ") + (fails ? " error('no')" : "");
          try {
            await cu.computeAsync(code, { transaction });
            kept.set(i, row);
          } catch (error) {
            assert(fails && (error as Error).message === "no", String(error));
          }
          const expected = [...kept];
          const { rows = [] } = (await open(store)).table.toValue() as { rows?: Record<number, object> };
          for (const [i, row] of expected) assertEquals(rows[i], row);
          for (const [i, { transaction, fails }] of programs.entries()) {
            if (transaction && fails) assertEquals(rows[i] ?? {}, {});
          }
        });
        while (waiting.length > 0) {
          waiting.splice(turns.next().value % waiting.length, 1)[0]();
          for (let i = 0; i < 50; i++) await Promise.resolve();
        }
        await Promise.all(runs);
      }),
    ),
    { numRuns: Math.ceil(100 * RUNS_FACTOR), seed: SEED },
  );
});

Deno.test("what code that replaces _home has stored isn't saved, and who saves is told", async () => {
  const store = new MemoryStore();
  const message = "Lua code replaced the global _home: write _home.name = value instead of _home = value";
  const saved = async () => (await open(store)).table.toValue();
  {
    const home = await open(store);
    using cu = await ComputeUnit.create({ home });
    cu.compute("_home = { visits = 1 }");
    await assertRejects(() => cu.saveState(), TypeError, `Cannot save state "s": ${message}`);
    await assertRejects(() => cu.saveState({ io: true }), TypeError, message);
    await assertRejects(() => home.save(), TypeError, message);
    cu.clearIo();
    cu.compute("_home.visits = 2");
    await cu.saveState();
    assertEquals(await saved(), { visits: 2 });
    cu.compute("_home = nil");
    cu.dispose();
    await home.save();
  }
  using cu = await ComputeUnit.create({ home: await open(store), autosave: true });
  await assertRejects(() => cu.computeAsync("_home = { visits = 3 }"), TypeError, `Cannot save state "s": ${message}`);
  await cu.computeAsync("_home.visits = _home.visits + 1");
  assertEquals(await saved(), { visits: 3 });
});

Deno.test("a unit without a home, or with what is none, says so", async () => {
  using cu = await ComputeUnit.create();
  await assertRejects(() => cu.saveState(), TypeError, "Cannot save state: the unit was made without the option home");
  await assertRejects(() => cu.loadState(), TypeError, "Cannot load state: the unit was made without the option home");
  const bad = ComputeUnit.create({ home: {} as Home });
  await assertRejects(() => bad, TypeError, "home must be a Home, as openHome() gives it, got an object");
});

Deno.test("loading fails where a transaction has begun meanwhile, and changes nothing", async () => {
  const gate = Promise.withResolvers<void>();
  const hold = Promise.withResolvers<void>();
  const store = new MemoryStore();
  const elsewhere = await openHome(store, "s");
  elsewhere.table.set("a", 1);
  await elsewhere.save();
  using cu = await ComputeUnit.create({ home: await openHome(store, "s"), globals: { wait: () => hold.promise } });
  elsewhere.table.set("a", 100);
  await elsewhere.save();
  const get = store.get.bind(store);
  store.get = async (key) => (await gate.promise, await get(key));
  const loading = cu.loadState();
  const run = cu.computeAsync("_home.a = _home.a + 1 wait() error('no', 0)", { transaction: true });
  gate.resolve();
  await assertRejects(() => loading, TypeError, 'Cannot load state "s": a transaction has not ended');
  hold.resolve();
  await assertRejects(() => run, LuaError, "no");
  assertEquals(cu.home.toValue(), { a: 1 });
  await assertRejects(() => (cu.home.set("a", 2), cu.saveState()), ConflictError);
  await cu.loadState();
  assertEquals(cu.home.toValue(), { a: 100 });
});

Deno.test("a home is free again where its unit could not be made", async () => {
  const home = await openHome(new MemoryStore(), "h");
  const m = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`f${i}`, {}]));
  const options = { memoryLimit: 1 << 20, library: "readonly", globals: { m } } as const;
  await assertRejects(() => ComputeUnit.create({ home, ...options }), LuaError, "not enough memory");
  using cu = await ComputeUnit.create({ home });
  assertEquals(cu.compute("return 1"), 1);
});
