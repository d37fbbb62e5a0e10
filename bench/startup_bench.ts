/**
 * The first result in a fresh process, and that of a further unit.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { assert, assertEquals } from "@std/assert";
import { LuaFactory } from "wasmoon";
import { benchCase, isShort } from "./cases.ts";

/** What a fresh process measured of itself. */
export interface FreshTimes {
  /** From after the import to the first result. */
  firstMs: number;
  /** Each of 100 further units, with its first result. */
  furtherMs: number[];
}

/**
 * Runs first_result.ts in a process of its own.
 *
 * @param what What is to be measured: `cu`, `wasmoon` or `nothing`.
 * @returns What it printed.
 */
export function runFresh(what: "cu" | "wasmoon" | "nothing"): FreshTimes {
  const { success, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", new URL("first_result.ts", import.meta.url).href, what],
  }).outputSync();
  const textDecoder = new TextDecoder();
  if (!success) throw new Error(`first_result.ts failed:\n${textDecoder.decode(stderr)}`);
  return JSON.parse(textDecoder.decode(stdout));
}

const PROCESS = "a fresh process, first result and 100 further units";

for (const what of ["nothing", "cu", "wasmoon"] as const) {
  benchCase({
    group: PROCESS,
    name: what === "nothing" ? "deno run, no unit" : `deno run, ${what}`,
    baseline: what === "nothing",
    n: 5,
    run: () => runFresh(what),
    check: ({ firstMs, furtherMs }) => {
      assertEquals(furtherMs.length, what === "nothing" ? 0 : 100);
      assert(furtherMs.every((ms) => ms > 0) && (firstMs > 0 || what === "nothing"));
    },
  });
}

// Making a unit is asynchronous, so these two can't be registered with benchCase.
const FURTHER = { group: "a further unit, with its first result", ...(isShort && { n: 1, warmup: 0 }) };

Deno.bench({
  ...FURTHER,
  name: "cu",
  baseline: true,
  fn: async () => {
    using unit = await ComputeUnit.create();
    assertEquals(unit.compute("return 6 * 7"), 42);
  },
});

const factory = new LuaFactory();

Deno.bench({
  ...FURTHER,
  name: "wasmoon",
  fn: async () => {
    const engine = await factory.createEngine();
    assertEquals(engine.doStringSync("return 6 * 7"), 42);
    engine.global.close();
  },
});
