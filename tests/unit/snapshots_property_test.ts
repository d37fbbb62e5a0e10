// Random programs do what they do straight, when they are copied, put away and set back wherever they wait.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit, type ComputeUnitOptions, LuaError, type PendingCall } from "@computeunit/cu";
import { endingSearch, RUNS_FACTOR, SEED } from "../helpers/property.ts";
import { WAYS } from "../helpers/snapshots.ts";
import { blocks, programOf } from "../helpers/waiting_programs.ts";

const fail = (what: unknown): never => {
  throw new RangeError(`f${what}`);
};

const never = () => new Promise(() => {});

/** The functions of the host: what they give at once in one unit, the test answers in the other. */
const ANSWERS: Record<string, (value: unknown) => unknown> = { ask: (value) => value, fail };
const OPTIONS: ComputeUnitOptions = {
  stepLimit: 2_000_000,
  globals: { ask: never, fail: never, now: (value: unknown) => value },
};

const ended = (error: unknown): unknown => {
  if (error instanceof LuaError) return [error.kind, error.message];
  throw error;
};

function answer(cu: ComputeUnit, { id, name, args }: PendingCall): void {
  try {
    cu.resume(id, ANSWERS[name](args[0] ?? undefined));
  } catch (error) {
    if (!(error instanceof RangeError) || !error.message.startsWith("f")) throw error;
    cu.fail(id, error);
  }
}

/** Answers the calls of a run one after the other, by whatever ways it goes on in between. */
async function goOn(cu: ComputeUnit, ways: string[]): Promise<[ComputeUnit, unknown]> {
  for (let i = 0;; i++) {
    const way = WAYS[ways[i % ways.length]];
    if (way !== undefined) {
      // What others do with the copy isn't seen.
      const fork = cu.fork();
      for (const call of fork.pending()) fork.fail(call.id, new Error("another end"));
      fork.dispose();
      cu = await way(cu, OPTIONS);
    }
    const [call] = cu.pending();
    const result = call.run.result().then(({ value }) => value, ended);
    result.catch(() => {}); // of a unit that is left behind
    answer(cu, call);
    if (cu.pending().length === 0) return [cu, await result];
  }
}

Deno.test("random programs do the same straight and through snapshots, forks and restores", async () => {
  using straight = await ComputeUnit.create({
    stepLimit: 2_000_000,
    globals: { ask: (value: unknown) => value, fail, now: (value: unknown) => value },
  });
  const ways = fc.array(fc.constantFrom("", "", ...Object.keys(WAYS)), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      blocks,
      ways,
      endingSearch(async (block: string, ways: string[]) => {
        const code = programOf(block);
        const expected = await straight.computeAsync(code).then(({ value }) => value, ended);
        let cu = await ComputeUnit.create(OPTIONS);
        const run = cu.computeAsync(code).then(({ value }) => value, ended);
        let found: unknown;
        if (cu.pending().length === 0) found = await run;
        else {
          run.catch(() => {}); // it ends with its unit
          [cu, found] = await goOn(cu, ways);
        }
        cu.dispose();
        if ([expected, found].some((end) => Array.isArray(end) && end[0] === "limit")) return;
        assertEquals(found, expected, code);
      }),
    ),
    { numRuns: Math.ceil(60 * RUNS_FACTOR), seed: SEED },
  );
});
