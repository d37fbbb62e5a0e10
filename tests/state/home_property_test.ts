// Whatever a state holds, and however it came to it: what is saved is what is loaded.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Home, openHome } from "@computeunit/cu";
import { MemoryStore, type StoreLimits } from "@computeunit/cu/stores/memory";
import { RUNS_FACTOR, SEED } from "../helpers/property.ts";
import { homeInternals } from "../../src/state/home.ts";
import { Transactions } from "../../src/state/transactions.ts";
import { assertSame, picture, RandomChanges, stateOf, WITHOUT_WAIT } from "../helpers/states.ts";

const LIMITS: Record<string, StoreLimits | undefined> = {
  "a store without limits": undefined,
  "a store with limits that most saves exceed": { valueBytes: 500, checks: 1, changes: 7, commitBytes: 3000 },
  "a store with limits that some saves exceed": { valueBytes: 5000, checks: 1, changes: 20, commitBytes: 20_000 },
};

/** What the store holds of a state, and nothing else: all that is there once the state is gone. */
async function assertNothingElse(store: MemoryStore, home: Home): Promise<void> {
  const { homeInternals } = await import("../../src/state/home.ts");
  await homeInternals.delete(home);
  assertEquals(await Array.fromAsync(store.list("")), []);
}

const sortedLines = (lines: string[]) => lines.toSorted();

/** What a home holds, whatever the order of keys, and whichever border of a table with holes is its length. */
const sorted = (home: Home) =>
  sortedLines(picture(home).map((line) => line.replace(/^(table \d+: \w+, \d+), \d+/, "$1")));

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
        const kept = sorted(await saved());
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
          assertSame(sorted(await saved()), kept);
          assertSame(sortedLines(picture(home)), sortedLines(before));
          assertEquals(state.bytes, bytes);
        }
        const last = sorted(home);
        if (counts[0] % 2 === 0) {
          for (const transaction of open.reverse()) transactions.rollBack(transaction);
          assertSame(sorted(home), kept);
        } else for (const transaction of open.reverse()) transactions.commit(transaction);
        await home.save();
        assertSame(sorted(await saved()), counts[0] % 2 === 0 ? kept : last);
      },
    ),
    { numRuns: Math.ceil(50 * RUNS_FACTOR), seed: SEED },
  );
});
