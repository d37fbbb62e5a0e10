// Whatever a state holds, and however it came to it: what is saved is what is loaded.

import { assertEquals, assertInstanceOf } from "@std/assert";
import fc from "fast-check";
import { ConflictError, type Home, openHome } from "@computeunit/cu";
import { MemoryStore, type StoreLimits } from "@computeunit/cu/stores/memory";
import { RUNS_FACTOR, SEED } from "../helpers/property.ts";
import { homeInternals } from "../../src/state/home.ts";
import { Transactions } from "../../src/state/transactions.ts";
import { assertSame, picture, RandomChanges, stateOf, WITHOUT_WAIT } from "../helpers/states.ts";

const LIMITS: Record<string, StoreLimits | undefined> = {
  "a store without limits": undefined,
  "a store with limits that most saves exceed": { valueBytes: 500, checks: 1, changes: 7, commitBytes: 3000 },
  "a store with a limit for commits alone": { commitBytes: 2000 },
  "a store with limits that some saves exceed": { valueBytes: 5000, checks: 1, changes: 20, commitBytes: 20_000 },
};

/** What the store holds of a state, and nothing else: all that is there once the state is gone. */
async function assertNothingElse(store: MemoryStore, home: Home): Promise<void> {
  const { homeInternals } = await import("../../src/state/home.ts");
  await homeInternals.delete(home);
  assertEquals(await Array.fromAsync(store.list("")), []);
}

const sortedLines = (lines: string[]) => lines.toSorted();

for (const [name, limits] of Object.entries(LIMITS)) {
  Deno.test(`random states come back from ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 6 }),
        async (seed, counts) => {
          const store = new MemoryStore(limits);
          const changes = new RandomChanges(seed);
          let home = await openHome(store, "a/b%", WITHOUT_WAIT);
          for (const count of counts) {
            changes.make(home, count);
            const expected = picture(home);
            await home.save();
            assertSame(picture(home), expected);
            const other = await openHome(store, "a/b%", WITHOUT_WAIT);
            assertSame(picture(other), expected);
            // One goes on with what was loaded, with what was saved, or with what is loaded in its place.
            if (count % 3 === 0) home = other;
            if (count % 3 === 1) {
              changes.make(home, 5);
              await home.load();
              assertSame(picture(home), expected);
            }
          }
          await assertNothingElse(store, await openHome(store, "a/b%", WITHOUT_WAIT));
        },
      ),
      { numRuns: Math.ceil(20 * RUNS_FACTOR), seed: SEED },
    );
  });
}

Deno.test("random changes of an open transaction are left out of what is saved, and are there afterwards", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.array(fc.nat({ max: 60 }), { minLength: 3, maxLength: 8 }),
      async (seed, counts) => {
        const store = new MemoryStore();
        const changes = new RandomChanges(seed);
        const home = await openHome(store, "s", WITHOUT_WAIT);
        const state = stateOf(home);
        const saved = async () => await openHome(store, "s", WITHOUT_WAIT);
        changes.make(home, counts[0]);
        await home.save();
        const kept = picture(await saved());
        const transactions = new Transactions(state);
        const outer = transactions.begin();
        const open = [outer];
        for (const count of counts.slice(1)) {
          transactions.run(open.at(-1), () => {
            changes.make(home, count);
            if (count % 2 === 0) open.push(transactions.begin());
          });
          const { bytes } = state;
          const before = picture(home);
          transactions.hasKept = true;
          await homeInternals.saveKept(home);
          assertSame(picture(await saved()), kept);
          assertSame(sortedLines(picture(home)), sortedLines(before));
          assertEquals(state.bytes, bytes);
        }
        const last = picture(home);
        if (counts[0] % 2 === 0) {
          for (const transaction of open.reverse()) transactions.rollBack(transaction);
          assertSame(picture(home), kept);
        } else for (const transaction of open.reverse()) transactions.commit(transaction);
        await home.save();
        assertSame(picture(await saved()), counts[0] % 2 === 0 ? kept : last);
      },
    ),
    { numRuns: Math.ceil(50 * RUNS_FACTOR), seed: SEED },
  );
});

Deno.test("of a transaction that is taken back, nothing is left, whatever others have changed meanwhile", async () => {
  const key = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 30 }).map((n) => `k${n}`));
  const change = fc.record({ inside: fc.boolean(), key, value: fc.oneof(fc.constant(undefined), fc.nat({ max: 9 })) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { maxLength: 200 }),
      fc.array(change, { maxLength: 60 }),
      async (before, after) => {
        const store = new MemoryStore();
        const home = await openHome(store, "s", WITHOUT_WAIT);
        const state = stateOf(home);
        const expected = new Map<unknown, unknown>();
        const set = (table: { key: string | number; value: number | undefined }) => {
          state.set(state.home, table.key, table.value);
          if (table.value === undefined) expected.delete(table.key);
          else expected.set(table.key, table.value);
        };
        before.forEach(set);
        const transactions = new Transactions(state);
        const transaction = transactions.begin();
        for (const { inside, key, value } of after) {
          try {
            if (inside) transactions.run(transaction, () => state.set(state.home, key, value));
            else set({ key, value });
          } catch (error) {
            assertInstanceOf(error, ConflictError);
          }
          assertEquals(state.home.damage, undefined);
        }
        transactions.rollBack(transaction);
        assertEquals(state.home.damage, undefined);
        assertEquals(new Map(contentsOf(home)), expected);
        await home.save();
        assertEquals(contentsOf(await openHome(store, "s", WITHOUT_WAIT)), contentsOf(home));
      },
    ),
    { numRuns: Math.ceil(200 * RUNS_FACTOR), seed: SEED },
  );
});

function contentsOf(home: Home): [unknown, unknown][] {
  return home.table.keys().map((key) => [key, home.table.get(key)]);
}
