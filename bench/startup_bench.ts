/**
 * The first result in a fresh process, and that of a further unit.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { assert, assertEquals } from "@std/assert";
import { LuaFactory } from "wasmoon";
import { pathToFileURL } from "node:url";
import { pack } from "../tools/pack.ts";
import { pathOf } from "../tools/run.ts";
import { fetchProgram, findRuntimes } from "../tests/platforms/runtimes.ts";
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

/** Import to first result in a runtime, in milliseconds: each in processes of its own, in turn. */
export interface ColdStarts {
  runtime: string;
  cu: number[];
  wasmoon: number[];
}

const WASMOON = { package: "wasmoon", version: "1.16.0", path: "dist/index.js" };

/**
 * Measures cold starts of what npm serves, in Deno and in Node where it can be had.
 *
 * @param rounds How often each is started; once more before, as what reads files first fills caches.
 * @returns What each took.
 */
export async function measureColdStarts(rounds: number): Promise<ColdStarts[]> {
  const { dir } = await pack();
  const script = pathOf(new URL("cold_start.mjs", import.meta.url));
  const commands = [{
    runtime: "Deno",
    command: [Deno.execPath(), "run", "-A", "--no-check", "--no-config", script],
    urls: { cu: new URL("dist/mod.js", dir).href, wasmoon: `npm:${WASMOON.package}@${WASMOON.version}` },
  }];
  const node = (await findRuntimes()).get("Node 22");
  const wasmoon = await fetchProgram(WASMOON);
  if (node !== undefined && wasmoon !== undefined) {
    commands.push({
      runtime: "Node 22",
      command: [node.program, script],
      urls: { cu: new URL("dist/node/mod.js", dir).href, wasmoon: pathToFileURL(wasmoon).href },
    });
  }
  return commands.map(({ runtime, command, urls }) => {
    const times: ColdStarts = { runtime, cu: [], wasmoon: [] };
    for (let round = 0; round <= rounds; round++) {
      for (const what of ["cu", "wasmoon"] as const) {
        const ms = timeOf([...command, what, urls[what]]);
        if (round > 0) times[what].push(ms);
      }
    }
    return times;
  });
}

/** What a process prints, which is a time. */
function timeOf([command, ...args]: string[]): number {
  const { success, stdout, stderr } = new Deno.Command(command, { args }).outputSync();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${command} ${args.join(" ")} failed:\n${decoder.decode(stderr)}`);
  return Number(decoder.decode(stdout));
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
