// Random programs do what they do straight, when they are copied, put away and set back wherever they wait.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit, type ComputeUnitOptions, LuaError, type PendingCall } from "@computeunit/cu";
import { build, graph } from "../helpers/any_value.ts";
import { endingSearch, RUNS_FACTOR, SEED } from "../helpers/property.ts";
import { WAYS } from "../helpers/snapshots.ts";
import { expected } from "../helpers/values_model.ts";
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
        const wanted = await straight.computeAsync(code).then(({ value }) => value, ended);
        let cu = await ComputeUnit.create(OPTIONS);
        const run = cu.computeAsync(code).then(({ value }) => value, ended);
        let found: unknown;
        if (cu.pending().length === 0) found = await run;
        else {
          run.catch(() => {}); // it ends with its unit
          [cu, found] = await goOn(cu, ways);
        }
        cu.dispose();
        if ([wanted, found].some((end) => Array.isArray(end) && end[0] === "limit")) return;
        assertEquals(found, wanted, code);
      }),
    ),
    { numRuns: Math.ceil(60 * RUNS_FACTOR), seed: SEED },
  );
});

/** What is done with a unit, one after the other: code in two globals `a` and `b`, and a value that is given. */
const CODE = [
  "a = _io.input",
  "b = { a, a, n = 1, [a or 1] = a == nil }",
  "if type(a) == 'table' then local k, v = next(a) b = { k, v } end",
  "if type(a) == 'table' then for k, v in pairs(a) do b = v end end",
  "if type(a) == 'table' then a.changed = (a.changed ~= true) end",
  "a, b = b, a",
  "co = coroutine.wrap(function() local n = 0 while true do n = n + 1 coroutine.yield(n, a) end end)",
  "return co and co()",
  "do local n = math.random(10) function count() n = n + 1 return n, math.random(1000) end end",
  "if count then return { count() } end",
  "b = setmetatable({}, { __index = function(_, k) return { k, a } end, __call = function(_, v) return v end })",
  "local t = b return type(t) == 'table' and getmetatable(t) and t.x or t",
  "_io.output = { a, b } return #tostring(a):sub(1, 2)",
  "local t = {} for i = 1, 200 do t[i] = { id = i, name = 'n' .. i } end a = t",
  "a = nil collectgarbage()",
  "print('a') error({ b = 1, text = 'x' })",
  "string.extra = string.extra or function(s) return s .. '!' end return ('a'):extra()",
  "return { { x = 1, y = 2 }, { x = 3, y = 4 }, { x = 1, z = 2 } }",
  "return { { x = 1, z = 2 }, { x = 3, y = 4 } }",
  "return a",
  "return b",
  "return { a, b }",
] as const;

type Graph = Parameters<typeof build>[0];
type Step = { code: string } | { input: Graph; lazy: boolean } | { read: "output" | "printed" | "gc" | "fork" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...CODE).map((code) => ({ code })) },
  { weight: 2, arbitrary: fc.record({ input: graph, lazy: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constantFrom("output", "printed", "gc", "fork").map((read) => ({ read } as Step)) },
);

/** Does a step; what came of it. */
function take(cu: ComputeUnit, step: Step): unknown {
  try {
    if ("code" in step) return cu.compute(step.code);
    if ("input" in step) return cu.setInput(build(step.input), { lazy: step.lazy });
    if (step.read === "output") return cu.getOutput();
    if (step.read === "printed") return cu.printed;
    if (step.read === "gc") return cu.runGc();
    using fork = cu.fork();
    fork.compute("a, b = 1, 2 if type(_io.input) == 'table' then _io.input.of_the_fork = true end");
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return [error.name, error.message, error instanceof LuaError && error.value];
  }
}

Deno.test("units that go on by any way do what they do straight, whatever they were given", async () => {
  const ways = fc.constantFrom("", "", "", ...Object.keys(WAYS));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(step, ways), { minLength: 1, maxLength: 14 }),
      endingSearch(async (steps: [Step, string][]) => {
        const options = { seed: 5, stepLimit: 1_000_000 };
        using straight = await ComputeUnit.create(options);
        let cu = await ComputeUnit.create(options);
        for (const [i, [step, way]] of steps.entries()) {
          // The host's own objects come back as copies where they have been in bytes.
          assertEquals(expected(take(cu, step)), expected(take(straight, step)), `step ${i}`);
          try {
            cu = await (WAYS[way]?.(cu, options) ?? cu);
          } catch (error) {
            // A lazy input that Lua couldn't read either; the unit that it was is left behind.
            if (!(error instanceof Error) || !/^Cannot write the snapshot: /.test(error.message)) throw error;
            return;
          }
        }
        cu.dispose();
      }),
    ),
    { numRuns: Math.ceil(150 * RUNS_FACTOR), seed: SEED },
  );
});
