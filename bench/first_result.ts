/**
 * What a fresh process does first: `deno run bench/first_result.ts cu`. Prints the
 * milliseconds from after the import to the first result, and those of 100 further
 * units, each with its first result, as JSON. With `wasmoon` it does the same with that,
 * and with `nothing` it measures nothing, so that one knows what the process takes.
 *
 * @module
 */

import type { FreshTimes } from "./startup_bench.ts";

const FURTHER_COUNT = 100;
const CODE = "return 6 * 7";

/** Gives what makes a state of its own and runs code in it. */
async function load(what: string): Promise<(() => Promise<unknown>) | undefined> {
  if (what === "cu") {
    const { ComputeUnit } = await import("../mod.ts");
    return async () => (await ComputeUnit.create()).compute(CODE);
  }
  if (what === "wasmoon") {
    const { LuaFactory } = await import("wasmoon");
    const factory = new LuaFactory();
    return async () => (await factory.createEngine()).doStringSync(CODE);
  }
  return undefined;
}

async function measure(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  const result = await work();
  const ms = performance.now() - start;
  if (result !== 42) throw new Error(`The result is ${result}, not 42`);
  return ms;
}

const work = await load(Deno.args[0]);
const times: FreshTimes = { firstMs: 0, furtherMs: [] };
if (work) {
  times.firstMs = await measure(work);
  for (let i = 0; i < FURTHER_COUNT; i++) times.furtherMs.push(await measure(work));
}
console.log(JSON.stringify(times));
