// External tables and `_home` in snapshots, forks and units that are set back.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, ExternalTable, openHome, Snapshot } from "@computeunit/cu";
import { MemoryStore } from "@computeunit/cu/stores/memory";
import { WAYS } from "../helpers/snapshots.ts";

/** The table that stands under a key of `_home`. */
const tableIn = (cu: ComputeUnit, key: string) => cu.home.get(key) as ExternalTable;

const CODE = `
  local shared = { 1, 2, 3 }
  _home.a, _home.b = { shared = shared }, { shared, [shared] = true }
  _home.values = { 1, 2.0, -0.0, 1 << 62, "text", "\\xff", true, _io.null, 1/0 }
  _home.date, _home.array, _home.map = _io.date(7), _io.array({}), _io.map({ [1] = 2 })
  _home.holes = _io.array({ 1, nil, 3 }, 5)
  _home.self = _home
  _home.rows = {}
  for i = 1, 600 do _home.rows[i] = { id = i, ["k" .. i] = i } end
  for i = 1, 600, 2 do _home.rows["x" .. i] = i end
  for i = 1, 600, 3 do _home.rows["x" .. i] = nil end
  kept = ext.table()
  kept.own, kept[1] = kept, "one"
  _home.meta = setmetatable({ n = 1 }, { __index = function(_, k) return k .. "!" end })
  row = _home.rows[3]
  sum = 0
  for _, r in ipairs(_home.rows) do sum = sum + r.id end
`;

const CHECK = `
  local h, v = _home, _home.values
  assert(rawequal(h.a.shared, h.b[1]) and h.b[h.a.shared] == true and rawequal(h.self, h))
  assert(math.type(v[1]) == "integer" and math.type(v[2]) == "float" and 1 / v[3] == -1/0 and v[4] == 1 << 62)
  assert(v[5] == "text" and v[6] == "\\xff" and v[7] == true and v[8] == _io.null and v[9] == 1/0 and #v == 9)
  assert(h.date.ms == 7 and #h.array == 0 and h.map[1] == 2 and #h.holes == 5 and h.holes[3] == 3)
  assert(rawequal(kept.own, kept) and kept[1] == "one" and rawequal(row, h.rows[3]) and row.id == 3)
  assert(h.meta.n == 1 and h.meta.other == "other!")
  local n, entries = 0, 0
  for _, r in ipairs(h.rows) do n = n + r.id end
  for _ in pairs(h.rows) do entries = entries + 1 end
  h.a.shared[4] = 4
  assert(#h.b[1] == 4 and next(kept) ~= nil)
  return { sum, n, entries, #h.rows }
`;

for (const [way, go] of Object.entries(WAYS)) {
  Deno.test(`external tables go on: ${way}`, async () => {
    let cu = await ComputeUnit.create();
    cu.compute(CODE);
    // Garbage, and numbers that are free.
    cu.compute("for i = 1, 50 do ext.table().x = {} end");
    cu.runGc();
    const expected = [180300, 180300, 800, 600];
    for (let i = 0; i < 2; i++) {
      cu = await go(cu, {});
      if (i === 1) assertEquals(cu.compute(CHECK), expected);
    }
    cu.runGc();
    cu.runGc();
    assertEquals(cu.compute("_home.rows[601] = { id = 601 } return #_home.rows"), 601);
    assertEquals(cu.compute("return { kept[1], _home.meta.x, #_home.a.shared }"), ["one", "x!", 4]);
    cu.dispose();
  });
}

Deno.test("a unit that is set back has the tables as they were, and the host's handles hold", async () => {
  let given: ExternalTable | undefined;
  using cu = await ComputeUnit.create({ globals: { give: (t: unknown) => void (given = t as ExternalTable) } });
  const made = cu.createExternalTable();
  cu.setTableValue(made, "list", [1, 2]);
  cu.compute("_home.cart = { count = 1 } _home.old = { 1 } old = _home.old");
  const cart = tableIn(cu, "cart");
  assert(cart instanceof ExternalTable);
  const snapshot = cu.snapshot();
  for (let i = 0; i < 3; i++) {
    cu.compute(
      "_home.cart.count = 2 _home.new = { x = 1 } _home.old = nil old[1] = 'changed' local t = _home.new t.y = t",
    );
    cu.setTableValue(made, "list", undefined);
    const later = tableIn(cu, "new");
    cu.restore(snapshot);
    assertEquals(cu.computeAll("return _home.cart.count, _home.new, _home.old[1], rawequal(old, _home.old)"), [
      1,
      null,
      1,
      true,
    ]);
    assertEquals([cart.get("count"), cart.id], [1, (tableIn(cu, "cart")).id]);
    assertStrictEquals(tableIn(cu, "cart"), cart);
    assertEquals(cu.getTableValue(made, "list"), [1, 2]);
    // One of later belongs to the state, and to nothing in it.
    assertEquals(later.get("x"), 1);
    cu.setInput({ later });
    assertEquals(cu.compute("_home.again = _io.input.later return _home.again.x"), 1);
    assertEquals(later.id, (tableIn(cu, "again")).id);
  }
  assertEquals(given, undefined);
});

Deno.test("a fork's tables are its own", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("_home.n = 1 _home.t = { 1 } t = ext.table() t.x = 1");
  const made = cu.createExternalTable();
  cu.setTableValue(made, "x", "made");
  using fork = cu.fork();
  fork.compute("_home.n = 2 _home.t[1] = 2 t.x = 2");
  fork.setTableValue(made, "x", "fork");
  assertEquals(cu.compute("return { _home.n, _home.t[1], t.x }"), [1, 1, 1]);
  assertEquals(fork.compute("return { _home.n, _home.t[1], t.x }"), [2, 2, 2]);
  assertEquals([cu.getTableValue(made, "x"), fork.getTableValue(made, "x")], ["made", "fork"]);
  const mine = tableIn(cu, "t");
  assertThrows(() => fork.setInput({ mine }), TypeError, "a table of another unit cannot be passed");
  assertEquals((tableIn(fork, "t")).id, mine.id);
});

Deno.test("numbers of tables that the host knows are those of the other process", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("_home.cart = { sku = 'tea' }");
  const { id } = tableIn(cu, "cart");
  const made = cu.createExternalTable();
  cu.setTableValue(made, 1, "one");
  using other = await ComputeUnit.fromSnapshot(await cu.snapshot().bytes());
  assertEquals([other.getTableValue(id, "sku"), other.getTableValue(made, 1)], ["tea", "one"]);
  assert(other.createExternalTable() > made);
});

Deno.test("a unit with a home keeps it where it is set back, or gets another one", async () => {
  await using store = new MemoryStore();
  using cu = await ComputeUnit.create({ home: await openHome(store, "alice") });
  cu.compute("function count() _home.n = (_home.n or 0) + 1 return _home.n end t = { 1 }");
  const snapshot = cu.snapshot();
  assertEquals([cu.call("count"), cu.call("count")], [1, 2]);
  cu.compute("leaked = _home list = ext.table() _home.list = list");
  cu.restore(snapshot);
  assertEquals(cu.computeAll("return leaked, list, _home.n, t[1]"), [null, null, 2, 1]);
  await cu.saveState();
  const bob = await openHome(store, "bob");
  cu.restore(snapshot, { home: bob });
  assertEquals(cu.computeAll("return _home.n, _home.list"), [null, null]);
  assertEquals(cu.call("count"), 1);
  await cu.saveState();
  await assertRejects(async () => await ComputeUnit.create({ home: bob }), TypeError, "another unit has the home");
  const alice = await openHome(store, "alice");
  cu.restore(snapshot, { home: alice });
  assertEquals(cu.computeAll("return count(), #_home.list"), [3, 0]);
  await cu.saveState();
  using other = await ComputeUnit.create({ home: bob });
  assertEquals(other.compute("return _home.n"), 1);
  assertThrows(() => cu.restore(snapshot, { home: bob }), TypeError, "another unit has the home");
  assertEquals(cu.compute("return _home.n"), 3);
  assertThrows(() => cu.restore(snapshot, { home: {} as never }), TypeError, "home must be a Home");
});

Deno.test("tables of a home that code has by name are the home's after it was set back", async () => {
  await using store = new MemoryStore();
  using cu = await ComputeUnit.create({ home: await openHome(store, "a") });
  cu.compute("_home.cart = { n = 1 } cart = _home.cart free = ext.table() free.n = 1");
  const snapshot = cu.snapshot();
  cu.compute("_home.cart.n = 2 free.n = 2");
  cu.restore(snapshot);
  // The home stays; what isn't in it is as it was.
  assertEquals(cu.compute("return { cart.n, rawequal(cart, _home.cart), free.n }"), [2, true, 1]);
  await cu.saveState();
  cu.restore(snapshot, { home: await openHome(store, "b") });
  assertEquals(cu.compute("return { cart.n, _home.cart == nil, free.n }"), [1, true, 1]);
  cu.compute("_home.cart = cart cart.n = 5");
  await cu.saveState();
  using b = await ComputeUnit.create({ home: await openHome(store, "b") });
  using a = await ComputeUnit.create({ home: await openHome(store, "a") });
  assertEquals([a.compute("return _home.cart.n"), b.compute("return _home.cart.n")], [2, 5]);
});

Deno.test("tables that refer to themselves, and that the home had, are as they were", async () => {
  await using store = new MemoryStore();
  using cu = await ComputeUnit.create({ home: await openHome(store, "a") });
  cu.compute("ring = ext.table() ring.self = ring ring.n = 1 _home.ring = ring _home.ring = nil");
  const snapshot = cu.snapshot();
  cu.compute("ring.n = 2");
  cu.restore(snapshot);
  assertEquals(cu.compute("return ring.n"), 1);
});

Deno.test("a unit is made of a snapshot with a home, and copies of one have none", async () => {
  await using store = new MemoryStore();
  using blank = await ComputeUnit.create();
  blank.compute("_home.mine = 1 function count() _home.n = (_home.n or 0) + 1 return _home.n end");
  const bytes = await blank.snapshot().bytes();
  for (let i = 1; i <= 3; i++) {
    using cu = await ComputeUnit.fromSnapshot(bytes, { home: await openHome(store, "h"), autosave: true });
    assertEquals(cu.compute("return _home.mine"), null);
    assertEquals(await cu.callAsync("count"), i);
    using fork = cu.fork();
    assertEquals(fork.call("count"), i + 1);
    await assertRejects(() => fork.saveState(), TypeError, "made without the option home");
  }
  const home = await openHome(store, "h");
  await assertRejects(() => ComputeUnit.fromSnapshot(bytes.slice(0, 99), { home }), TypeError, "damaged");
  using cu = await ComputeUnit.create({ home });
  assertEquals(cu.compute("return _home.n"), 3);
});

Deno.test("tables with metatables stay as long as they are reached", async () => {
  await using store = new MemoryStore();
  using cu = await ComputeUnit.create({ home: await openHome(store, "a") });
  cu.compute("gone = 0 _home.t = setmetatable({}, { __index = function() return 'meta' end })");
  cu.runGc();
  const snapshot = cu.snapshot();
  cu.compute("_home.t = nil");
  cu.restore(snapshot);
  assertEquals(cu.compute("return _home.t"), null);
  cu.runGc();
  cu.runGc();
  assertEquals(cu.compute("_home.t = setmetatable({}, { __len = function() return 7 end }) return #_home.t"), 7);
  cu.restore(snapshot, { home: await openHome(store, "b") });
  cu.runGc();
  assertEquals(cu.compute("return _home.t"), null);
});

Deno.test("while a transaction is open, no copy is taken; setting back ends it", async () => {
  using cu = await ComputeUnit.create({ globals: { wait: () => new Promise(() => {}) } });
  cu.compute("_home.n = 1");
  const snapshot = cu.snapshot();
  const run = cu.computeAsync("_home.n = 2 wait()", { transaction: true });
  assertThrows(() => cu.snapshot(), TypeError, "Cannot take a snapshot: a transaction has not ended");
  assertThrows(() => cu.fork(), TypeError, "Cannot fork the unit: a transaction has not ended");
  cu.restore(snapshot);
  await assertRejects(() => run, TypeError, "restored to a snapshot");
  assertEquals(cu.compute("return _home.n"), 1);
  cu.snapshot();
});

Deno.test("an external table in what code hasn't read of a lazy input isn't written", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("_home.t = {}");
  const table = tableIn(cu, "t");
  cu.setInput({ rows: [{ table }] }, { lazy: true });
  cu.compute("kept = _io.input");
  const snapshot = cu.snapshot();
  await assertRejects(
    () => snapshot.bytes(),
    TypeError,
    "external tables cannot be passed (at input.rows[0].table)",
  );
  cu.restore(snapshot);
  assertEquals(cu.compute("return rawequal(kept.rows[1].table, _home.t)"), true);
  cu.restore(await Snapshot.from(await (await ComputeUnit.create()).snapshot().bytes()));
  assertEquals(cu.compute("return kept, _home.t"), null);
});

Deno.test("an input's table that has become external stays both", async () => {
  for (const go of Object.values(WAYS)) {
    let cu = await ComputeUnit.create();
    cu.setInput({ rows: [{ id: 1, tags: ["a"] }, { id: 2 }] }, { lazy: true });
    cu.compute("kept = _io.input _home.row = kept.rows[1] _home.row.more = 1");
    cu = await go(cu, {});
    assertEquals(
      cu.computeAll(
        "_home.row.id = 7 return rawequal(kept.rows[1], _home.row), kept.rows[1].id, _home.row.tags[1], kept.rows[2].id",
      ),
      [true, 7, "a", 2],
    );
    cu.compute("kept = nil");
    cu.clearIo();
    cu.runGc();
    assertEquals(cu.compute("return _home.row.more"), 1);
    cu.dispose();
  }
});

Deno.test("a traversal that a run is in goes on where it was, past places that are empty", async () => {
  const options = { globals: { wait: () => new Promise(() => {}) } };
  const code = `
    for i = 1, 3000 do _home["k" .. i] = i end
    for i = 1, 3000, 3 do _home["k" .. i] = nil end
    for i = 1, 100 do _home[i] = i end
    for i = 1, 100, 2 do _home[i] = nil end
    local seen, n = {}, 0
    for k, v in pairs(_home) do
      assert(not seen[k])
      seen[k] = true
      n = n + 1
      if n % 700 == 20 then wait() end
      if n % 5 == 0 then _home[k] = nil end
    end
    return n
  `;
  for (const [way, go] of Object.entries(WAYS)) {
    let cu = await ComputeUnit.create(options);
    cu.computeAsync(code).catch(() => {});
    let result: Promise<{ value: unknown }> | undefined;
    while (cu.pending().length > 0) {
      cu = await go(cu, options);
      const [{ id, run }] = cu.pending();
      result = run.result();
      result.catch(() => {}); // of a unit that is left behind
      cu.resume(id);
    }
    assertEquals((await result!).value, 2050, way);
    cu.dispose();
  }
});

Deno.test("bytes have tables that were used as queues, and are refused where a table makes no sense", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("local q = {} _home.q = q for i = 1, 20 do q[i] = i end for i = 1, 15 do q[i] = nil end q[21] = 21");
  cu.compute(
    "local q = {} _home.w = q local head = 1 for i = 1, 40 do q[i] = i if i > 3 then q[head] = nil head = head + 1 end end",
  );
  using copy = await ComputeUnit.fromSnapshot(await Snapshot.from(await cu.snapshot().bytes()));
  assertEquals(copy.home.toValue(), cu.home.toValue());
  assertEquals(copy.compute("return { #_home.q, #_home.w }"), cu.compute("return { #_home.q, #_home.w }"));
});
