// The numbers of tables, where others save the same state.

import { assertEquals, assertInstanceOf, assertNotEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit, ConflictError, ExternalTable, openHome, type Snapshot, type Store } from "@computeunit/cu";
import { MemoryStore } from "@computeunit/cu/stores/memory";
import { homeInternals } from "../../src/state/home.ts";
import { RUNS_FACTOR, SEED } from "../helpers/property.ts";
import { FaultyStore, WITHOUT_WAIT } from "../helpers/states.ts";

async function unitOver(store: Store): Promise<ComputeUnit> {
  return await ComputeUnit.create({ home: await openHome(store, "s", WITHOUT_WAIT) });
}

function tableIn(cu: ComputeUnit, key: string): ExternalTable {
  return cu.home.get(key) as ExternalTable;
}

/** Saves a table in another process. */
async function saveElsewhere(store: MemoryStore): Promise<void> {
  using other = await unitOver(store);
  other.setTableValue(other.homeTableId, "theirs", { from: "other" });
  await other.saveState();
}

Deno.test("a table that the host has made keeps its number, whatever is loaded", async () => {
  const store = new MemoryStore();
  using cu = await unitOver(store);
  const made = cu.createExternalTable();
  cu.setTableValue(made, "from", "here");
  await saveElsewhere(store);
  await cu.loadState();
  const { id } = tableIn(cu, "theirs");
  assertEquals([cu.getTableValue(made, "from"), cu.getTableValue(id, "from")], ["here", "other"]);
});

Deno.test("what the host has seen of _home and was never saved isn't taken for what is loaded", async () => {
  const store = new MemoryStore();
  using cu = await unitOver(store);
  await saveElsewhere(store);
  cu.compute("_home.mine = { from = 'here' }");
  // Those of a save that failed are as little in the store.
  await cu.saveState().catch((error) => assertInstanceOf(error, ConflictError));
  const mine = tableIn(cu, "mine");
  await cu.loadState();
  const { id } = tableIn(cu, "theirs");
  assertEquals([cu.getTableValue(mine.id, "from"), cu.getTableValue(id, "from")], ["here", "other"]);
});

Deno.test("a number is that of the table in _home, where one that was saved is loaded again", async () => {
  const store = new MemoryStore();
  using cu = await unitOver(store);
  const made = cu.createExternalTable();
  cu.home.set("prices", cu.externalTable(made));
  cu.compute("_home.cart = { n = 1 }");
  await cu.saveState();
  const { id } = tableIn(cu, "cart");
  const snapshot = cu.snapshot();
  for (const change of [() => cu.loadState(), () => cu.restore(snapshot)]) {
    await change();
    cu.setTableValue(made, "tea", 4);
    cu.setTableValue(id, "n", 2);
    assertEquals(cu.home.toValue(), { prices: { tea: 4 }, cart: { n: 2 } });
  }
  const prices = tableIn(cu, "prices");
  cu.home.set("prices", undefined);
  await cu.saveState();
  assertStrictEquals(cu.externalTable(made), prices, "the host has made it, and hasn't let go of it");
});

Deno.test("a number that the host knows stays in saved states, however the table came there", async () => {
  const store = new MemoryStore();
  using cu = await unitOver(store);
  const made = cu.createExternalTable();
  cu.home.set("made", cu.externalTable(made));
  cu.compute("_home.seen = { n = 1 } _home.unseen = { n = 2 }");
  const seen = tableIn(cu, "seen").id;
  await cu.saveState();
  const unseen = tableIn(cu, "unseen").id;
  using other = await unitOver(store);
  assertEquals([tableIn(other, "made").id, tableIn(other, "seen").id, tableIn(other, "unseen").id], [
    made,
    seen,
    unseen,
  ]);
  assertEquals([other.getTableValue(seen, "n"), other.getTableValue(unseen, "n")], [1, 2]);
});

Deno.test("a number that the host sees while a save goes on is in the store after the next one", async () => {
  const store = new FaultyStore(new MemoryStore());
  using cu = await unitOver(store);
  cu.compute("_home.t = { n = 1 }");
  let id = 0;
  store.onCommit = () => void (id = tableIn(cu, "t").id);
  await cu.saveState();
  assertEquals(cu.getTableValue(id, "n"), 1);
  await cu.saveState();
  using other = await unitOver(store);
  assertEquals(other.getTableValue(id, "n"), 1);
});

Deno.test("a number that was saved is no other table's where the state was deleted and begun anew", async () => {
  const store = new MemoryStore();
  using cu = await unitOver(store);
  cu.compute("_home.t = { n = 1 }");
  await cu.saveState();
  const { id } = tableIn(cu, "t");
  await homeInternals.delete(await openHome(store, "s", WITHOUT_WAIT));
  await saveElsewhere(store);
  await cu.loadState();
  assertEquals(cu.home.toValue(), { theirs: { from: "other" } });
  assertNotEquals(tableIn(cu, "theirs").id, id);
});

/** One process: a unit, and what its host knows. */
class Process {
  readonly cu: ComputeUnit;
  made: number[] = [];
  handles: { handle: ExternalTable; tag: unknown }[] = [];
  snapshot: { snapshot: Snapshot; made: number[] } | undefined;

  constructor(cu: ComputeUnit) {
    this.cu = cu;
  }
}

Deno.test("a number never stands for two tables, in any process", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ who: fc.nat(1), what: fc.nat(9), key: fc.nat(3), pick: fc.nat(99) }), {
        minLength: 5,
        maxLength: 40,
      }),
      async (steps) => {
        const store = new MemoryStore();
        /** Of each number that a host has seen, what stands in its table. */
        const tags = new Map<number, unknown>();
        let tag = 0;
        const know = (table: ExternalTable) => {
          const known = tags.get(table.id);
          if (known !== undefined) assertEquals(table.get("tag"), known, `number ${table.id}`);
          tags.set(table.id, table.get("tag"));
        };
        const processes = [new Process(await unitOver(store)), new Process(await unitOver(store))];
        for (const { who, what, key, pick } of steps) {
          const process = processes[who];
          const { cu, made, handles } = process;
          switch (what) {
            case 0: {
              const id = cu.createExternalTable();
              cu.setTableValue(id, "tag", ++tag);
              made.push(id);
              know(cu.externalTable(id));
              break;
            }
            case 1:
              cu.compute(`_home[${key}] = { tag = ${++tag} }`);
              break;
            case 2:
              cu.compute(`free = ext.table() free.tag = ${++tag} _home[${key}] = free`);
              break;
            case 3: {
              const seen = cu.home.get(key);
              if (seen instanceof ExternalTable) handles.push({ handle: seen, tag: seen.get("tag") }), know(seen);
              break;
            }
            case 4:
              if (made.length > 0) cu.home.set(key, cu.externalTable(made[pick % made.length]));
              else if (handles.length > 0) cu.home.set(key, handles[pick % handles.length].handle);
              break;
            case 5:
              cu.home.set(key, undefined);
              break;
            case 6:
              await cu.saveState().catch((error) => assertInstanceOf(error, ConflictError));
              break;
            case 7:
              await cu.loadState();
              break;
            case 8:
              process.snapshot = { snapshot: cu.snapshot(), made: made.slice() };
              break;
            case 9:
              if (process.snapshot === undefined) break;
              cu.restore(process.snapshot.snapshot);
              process.made = process.snapshot.made.slice();
              break;
          }
          for (const { cu, made, handles } of processes) {
            for (const id of made) assertEquals(cu.getTableValue(id, "tag"), tags.get(id), `made ${id}`);
            // What is of before a load gets another number where it is saved again.
            for (const { handle, tag } of handles) {
              know(handle);
              assertEquals(cu.getTableValue(handle.id, "tag"), tag, `seen ${handle.id}`);
            }
            for (const [id, expected] of tags) {
              let found: unknown = expected;
              try {
                found = cu.getTableValue(id, "tag");
              } catch (error) {
                assertInstanceOf(error, RangeError);
              }
              assertEquals(found, expected, `number ${id}`);
            }
          }
        }
        for (const { cu } of processes) cu.dispose();
      },
    ),
    { numRuns: Math.ceil(200 * RUNS_FACTOR), seed: SEED },
  );
});
