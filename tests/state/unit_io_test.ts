// What saveState() and loadState() do with a unit's _io.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit, ConflictError, type Home, openHome, type Store } from "@computeunit/cu";
import { MemoryStore } from "@computeunit/cu/stores/memory";
import { FIRST_ID, SAVED_IO_ID } from "../../src/state/tables.ts";
import { build, graph } from "../helpers/any_value.ts";
import { endingSearch, RUNS_FACTOR, SEED } from "../helpers/property.ts";
import { FaultyStore, stateOf, WITHOUT_WAIT } from "../helpers/states.ts";
import { assertSame } from "../helpers/values_model.ts";

const NAME = "job";

const open = (store: Store): Promise<Home> => openHome(store, NAME, WITHOUT_WAIT);

const unitOn = async (store: Store, options = {}): Promise<ComputeUnit> =>
  await ComputeUnit.create({ ...options, home: await open(store) });

/** What a unit's `_io` is that begins with what is in the store. */
async function loadedIo(store: Store): Promise<unknown[]> {
  using cu = await unitOn(store);
  await cu.loadState({ io: true });
  return [cu.compute("return _io.input"), cu.getOutput(), cu.getMetadata()];
}

Deno.test("_io is saved with _home in one commit, and loaded where that is asked for", async () => {
  const memory = new MemoryStore();
  const store = new FaultyStore(memory);
  using cu = await unitOn(store);
  cu.setInput({ rows: [1, 2.5, "x", null], at: new Date(5), bytes: Uint8Array.of(0xff) });
  cu.setMetadata(new Map<unknown, unknown>([[true, new Set(["a"])]]));
  cu.compute("_home.step = 1 _io.output = { done = _io.input.rows, empty = _io.array {} }");
  await cu.saveState({ io: true });
  assertEquals(store.commits, 1);

  using other = await unitOn(memory);
  other.setInput("mine");
  assertEquals(other.compute("return { _home.step, _io.input }"), [1, "mine"], "openHome() leaves _io alone");
  await other.loadState();
  assertEquals(other.compute("return _io.input"), "mine");
  other.compute("_io.other = 1");
  await other.loadState({ io: true });
  assertEquals(other.compute("return { #_io.input.rows, _io.input.at.ms, _io.input.bytes == '\\xff', _io.other }"), [
    4,
    5,
    true,
  ]);
  assertEquals(other.getOutput(), { done: [1, 2.5, "x", null], empty: [] });
  assertEquals(other.getMetadata(), new Map<unknown, unknown>([[true, new Set(["a"])]]));
});

Deno.test("without { io: true } nothing of _io is saved, and what was saved of it stays", async () => {
  const store = new MemoryStore();
  using cu = await unitOn(store);
  cu.setInput("first");
  cu.compute("_home.n = 1");
  await cu.saveState();
  assertEquals(await loadedIo(store), [null, null, null], "none was saved: _io is empty");
  await cu.saveState({ io: true });
  cu.setInput("second");
  cu.compute("_home.n = 2 _io.output = 3");
  await cu.saveState();
  assertEquals(cu.compute("return _io.input"), "second");
  assertEquals(await loadedIo(store), ["first", null, null]);
  await cu.saveState({ io: true });
  assertEquals(await loadedIo(store), ["second", 3, null]);
  cu.clearIo();
  await cu.saveState({ io: true });
  assertEquals(await loadedIo(store), [null, null, null]);
  assertEquals((await open(store)).table.toValue(), { n: 2 });
});

Deno.test("what can't be kept of _io is refused with its path, and nothing is saved", async () => {
  const store = new FaultyStore(new MemoryStore());
  using cu = await unitOn(store);
  const refusals: [() => void, string][] = [
    [() => cu.compute("_io.output = { list = { 1, print } }"), "functions"],
    [() => cu.compute("_io.output, _io.meta = nil, coroutine.create(print)"), "coroutines"],
    [() => cu.setInput({ rows: [{ handler() {} }] }, { lazy: true }), "functions"],
  ];
  const paths = ["(at output.list[2])", "(at meta)", "(at input.rows[0].handler)"];
  for (const [i, [set, what]] of refusals.entries()) {
    cu.clearIo();
    set();
    cu.compute("_home.n = 1");
    const error = await assertRejects(() => cu.saveState({ io: true }), TypeError, `Cannot save state: ${what}`);
    assert(error.message.includes(paths[i]), error.message);
    assertEquals(store.commits, 0);
  }
  cu.clearIo();
  await cu.saveState({ io: true });
  assertEquals((await open(store)).table.toValue(), { n: 1 });
});

Deno.test("saved _io is a copy as it was at the call: of tables, external tables and lazy inputs", async () => {
  const memory = new MemoryStore();
  const store = new FaultyStore(memory);
  using cu = await unitOn(store);
  const row = { n: 1 };
  cu.setInput([row, row], { lazy: true });
  cu.compute("_home.cart = { 'tea' } _io.output = { _home.cart } _io.meta = { inner = { 1 } }");
  cu.setMetadata({ cart: cu.home.get("cart"), own: [1] });
  const saved = cu.saveState({ io: true });
  row.n = 2;
  cu.compute("_home.cart[2] = 'cups' _io.output[2] = 'late' _io.meta.own[2] = 'late'");
  await saved;
  cu.compute("_home.cart[3] = 'milk'");
  await cu.saveState();
  const expected = [[{ n: 1 }, { n: 1 }], [["tea"]], { cart: ["tea"], own: [1] }];
  assertEquals(await loadedIo(memory), expected);
  using other = await unitOn(memory);
  await other.loadState({ io: true });
  other.compute("_io.output[1][1] = 'changed' _io.meta.cart[1] = 'changed' _home.more = 1");
  await other.saveState();
  assertEquals(await loadedIo(memory), expected, "what was loaded is a copy, too");
  assertEquals((await open(memory)).table.toValue(), { cart: ["tea", "cups", "milk"], more: 1 });
});

Deno.test("external tables in the host's own objects are copied, those of other units too", async () => {
  const store = new MemoryStore();
  using cu = await unitOn(store);
  using foreign = await ComputeUnit.create();
  foreign.compute("_home.list = { inner = { 1 } } _home.list.self = _home.list");
  cu.compute("_home.cart = { 'tea' }");
  const cart = cu.home.get("cart");
  cu.setInput({ cart, again: [cart] }, { lazy: true });
  await cu.saveState({ io: true });
  cu.compute("_home.cart[1] = 'cups'");
  await cu.saveState();
  assertEquals(await loadedIo(store), [{ cart: ["tea"], again: [["tea"]] }, null, null]);
  cu.setInput({ list: foreign.home.get("list") }, { lazy: true });
  await cu.saveState({ io: true });
  using other = await unitOn(store);
  await other.loadState({ io: true });
  assertEquals(other.compute("local list = _io.input.list return { list.inner[1], rawequal(list.self, list) }"), [
    1,
    true,
  ]);
});

Deno.test("neither code nor the host's tables by number find what was saved of _io", async () => {
  const store = new MemoryStore();
  using cu = await unitOn(store);
  cu.setInput({ secret: [1] });
  await cu.saveState({ io: true });
  using other = await unitOn(store);
  assertEquals(other.compute("return next(_home) == nil and _io.input == nil"), true);
  for (const unit of [cu, other]) {
    assertThrows(() => unit.externalTable(SAVED_IO_ID), RangeError);
    assertThrows(() => unit.externalTable(unit.ioTableId), RangeError);
  }
});

Deno.test("of two that save with _io the second gets a ConflictError; a failed commit leaves both as they were", async () => {
  const memory = new MemoryStore();
  const store = new FaultyStore(memory);
  using first = await unitOn(memory);
  using second = await unitOn(store);
  first.setInput("first");
  await first.saveState({ io: true });
  second.setInput("second");
  second.compute("_home.n = 2");
  await assertRejects(() => second.saveState({ io: true }), ConflictError);
  assertEquals(await loadedIo(memory), ["first", null, null]);
  await second.loadState();
  assertEquals(second.compute("return _io.input"), "second", "loading without it leaves _io");
  store.fate = () => "not made";
  second.compute("_home.n = 3");
  await assertRejects(() => second.saveState({ io: true }), Error, "connection lost");
  assertEquals(await loadedIo(memory), ["first", null, null]);
  assertEquals((await open(memory)).table.toValue(), {});
  store.fate = () => "made";
  await second.saveState({ io: true });
  assertEquals(await loadedIo(memory), ["second", null, null]);
});

Deno.test("while a transaction is open nothing is saved; options are checked; code may have replaced _io", async () => {
  const store = new MemoryStore();
  let release = () => {};
  using cu = await unitOn(store, { globals: { wait: () => new Promise<void>((resolve) => release = resolve) } });
  cu.setInput(1);
  const run = cu.computeAsync("_home.a = 1 wait()", { transaction: true });
  await assertRejects(() => cu.saveState({ io: true }), TypeError, "a transaction has not ended");
  release();
  await run;
  assertEquals(await loadedIo(store), [null, null, null]);
  const wrong = { io: 1 as unknown as boolean };
  await assertRejects(() => cu.saveState(wrong), TypeError, "Cannot save state: io must be true or false");
  await assertRejects(() => cu.loadState(wrong), TypeError, "Cannot load state: io must be true or false");
  await cu.saveState({ io: true });
  cu.compute("_io = nil");
  await assertRejects(() => cu.saveState({ io: true }), TypeError, "Lua code replaced the global _io");
  await cu.loadState({ io: true });
  assertEquals(cu.compute("return _io.input"), 1);
});

Deno.test("a unit that is gone, or another tenant's, when the state is there gets nothing of its _io", async () => {
  const store = new MemoryStore();
  const cu = await unitOn(store);
  const blank = cu.snapshot();
  cu.setInput("secret");
  await cu.saveState({ io: true });
  const loading = cu.loadState({ io: true });
  cu.restore(blank, { home: await openHome(store, "other") });
  await assertRejects(() => loading, TypeError, "Cannot load state: the unit has another home now");
  assertEquals(cu.compute("return _io.input"), null);
  const second = cu.loadState({ io: true });
  cu.dispose();
  await assertRejects(() => second, TypeError, "Cannot load state: the unit has been disposed");
});

Deno.test("where the unit has no memory for it, _io is empty, and the unit works", async () => {
  const store = new MemoryStore();
  using cu = await unitOn(store);
  cu.setInput("x".repeat(4_000_000));
  cu.setMetadata("small");
  cu.compute("_home.n = 1");
  await cu.saveState({ io: true });
  using small = await unitOn(store, { memoryLimit: 2 ** 20 });
  small.setMetadata("mine");
  await assertRejects(() => small.loadState({ io: true }), Error, "memory");
  assertEquals(small.compute("return { _home.n, _io.input == nil, _io.meta == nil }"), [1, true, true]);
});

Deno.test("a state in which a table refers to the saved _io is refused", async () => {
  const store = new MemoryStore();
  using cu = await unitOn(store);
  cu.setInput([1]);
  await cu.saveState({ io: true });
  const home = await open(store);
  const { savedIo } = stateOf(home);
  assert(savedIo.id < FIRST_ID && savedIo.size === 1);
  stateOf(home).set(stateOf(home).home, "io", savedIo);
  await home.save();
  await assertRejects(() => open(store), TypeError, "a table refers to the saved _io");
});

Deno.test("any value in _io comes back as setInput() takes what getOutput() gives", async () => {
  using reference = await ComputeUnit.create();
  const passed = (value: unknown): unknown => {
    reference.setInput(value, { lazy: false });
    reference.compute("_io.output = _io.input");
    return reference.getOutput();
  };
  const property = fc.asyncProperty(
    graph,
    endingSearch(async (given) => {
      const store = new MemoryStore();
      const value = build(given);
      using cu = await unitOn(store);
      cu.setInput(value, { lazy: false });
      await cu.saveState({ io: true });
      using other = await unitOn(store);
      await other.loadState({ io: true });
      other.compute("_io.output = _io.input");
      assertSame(other.getOutput(), passed(passed(value)));
    }),
  );
  await fc.assert(property, { numRuns: Math.ceil(100 * RUNS_FACTOR), seed: SEED });
});

Deno.test("of a save with _io that fails, nothing is saved by the next one", async () => {
  const store = new MemoryStore();
  using cu = await unitOn(store);
  cu.setInput("first");
  await cu.saveState({ io: true });
  cu.setInput("second");
  cu.compute("_home = 5");
  await assertRejects(() => cu.saveState({ io: true }), TypeError, "_home");
  cu.clearIo();
  cu.compute("_home.a = 2");
  await cu.saveState();
  using other = await unitOn(store);
  await other.loadState({ io: true });
  assertEquals(other.compute("return { _io.input, _home.a }"), ["first", 2]);
});
