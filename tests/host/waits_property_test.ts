// Random programs of calls, coroutines, pcall and waits do what they do where every wait is immediate.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { endingSearch, RUNS_FACTOR, SEED } from "../helpers/property.ts";
import { blocks, programOf } from "../helpers/waiting_programs.ts";

function fail(what: unknown): never {
  throw new RangeError(`f${what}`);
}

Deno.test("random programs do the same whether their waits are immediate or not", async () => {
  using now = await ComputeUnit.create({
    stepLimit: 2_000_000,
    globals: { ask: (value: unknown) => value, now: (value: unknown) => value, fail },
  });
  using later = await ComputeUnit.create({
    stepLimit: 2_000_000,
    globals: {
      ask: async (value: unknown) => await Promise.resolve(value),
      now: (value: unknown) => value,
      fail: async (what: unknown) => fail(await Promise.resolve(what)),
    },
  });
  const ended = (error: unknown) => {
    if (error instanceof LuaError) return [error.kind, error.message];
    throw error;
  };
  await fc.assert(
    fc.asyncProperty(
      blocks,
      endingSearch(async (block: string) => {
        const code = programOf(block);
        let expected: unknown;
        try {
          expected = (await now.computeAsync(code)).value;
        } catch (error) {
          expected = ended(error);
        }
        // Side by side with itself, as runs share the globals and nothing else.
        const runs = await Promise.allSettled([later.computeAsync(code), later.computeAsync(code)]);
        for (const run of runs) {
          const found = run.status === "fulfilled" ? run.value.value : ended(run.reason);
          // Each wait is a call more.
          if (Array.isArray(expected) && expected[0] === "limit" || Array.isArray(found) && found[0] === "limit") {
            return;
          }
          assertEquals(found, expected, code);
        }
      }),
    ),
    { numRuns: Math.ceil(300 * RUNS_FACTOR), seed: SEED },
  );
});
