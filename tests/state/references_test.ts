// References of external tables are counted: what `_home` reaches has as many as there are, and all else none.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { State, TableData } from "../../src/state/tables.ts";
import { endingSearch, RUNS_FACTOR, SEED } from "../helpers/property.ts";

const TABLES = 12;

/** What each step does: a table's key gets a table, or is taken away, or the state is saved, or lost tables are dropped. */
const step = fc.record({
  action: fc.constantFrom("set", "set", "take", "take", "save", "drop"),
  table: fc.nat(TABLES),
  key: fc.integer({ min: -TABLES, max: 4 }),
  value: fc.nat(TABLES),
});

/** How many references each table has from what `_home` reaches. */
function countReferences({ home }: State): Map<TableData, number> {
  const counts = new Map([[home, 1]]);
  for (const table of counts.keys()) {
    for (let place = 0; place < table.placeCount; place++) {
      if (table.valueAt(place) === undefined) continue;
      for (const held of [table.keyAt(place), table.valueAt(place)]) {
        if (TableData.is(held)) counts.set(held, (counts.get(held) ?? 0) + 1);
      }
    }
  }
  return counts;
}

Deno.test("tables have the references that what _home reaches has, whatever was stored and taken away", () => {
  const property = fc.property(
    fc.array(step, { minLength: 50, maxLength: 300 }),
    endingSearch((steps) => {
      const state = new State();
      const tables = [state.home, ...Array.from({ length: TABLES }, () => state.create())];
      const saved = new Set<TableData>();
      state.isSaved = (table) => saved.has(table);
      for (const { action, table, key, value } of steps) {
        const storedKey = key < 0 ? tables[-key] : key;
        if (action === "set") state.set(tables[table], storedKey, tables[value]);
        else if (action === "take") state.set(tables[table], storedKey, undefined);
        else if (action === "drop") state.dropLost();
        else {
          for (const dropped of state.dropped) saved.delete(dropped);
          for (const dirty of state.dirty) saved.add(dirty);
          state.dropped.clear();
          state.dirty.clear();
        }
      }
      state.dropLost();
      const counts = countReferences(state);
      assertEquals(tables.map(({ references }) => references), tables.map((table) => counts.get(table) ?? 0));
      const isReached = (table: TableData) => counts.has(table);
      assertEquals([...state.dirty].filter((table) => !isReached(table)), []);
      assertEquals(state.dropped, new Set([...saved].filter((table) => !isReached(table))));
    }),
  );
  fc.assert(property, { numRuns: Math.ceil(400 * RUNS_FACTOR), seed: SEED });
});
