// The same core in each runtime, on the files that are packed: see core.ts.

import { assertEquals } from "@std/assert";
import * as cu from "@computeunit/cu";
import { makeApp } from "./platforms/app.ts";
import { type CaseResult, runCore } from "./platforms/core.ts";
import { findRuntimes, resultsOfScript } from "./platforms/runtimes.ts";

const app = await makeApp();
const runtimes = await findRuntimes();

/** What failed, each with what it gave and should have given. */
function failures(results: CaseResult[], lacks: string[] = []): string[] {
  return results.filter(({ group, got, expected }) => got !== expected && !lacks.includes(group))
    .map(({ group, name, got, expected }) => `${group}: ${name}\n  gave ${got}\n  not  ${expected}`);
}

const fromSource = await runCore(cu);

Deno.test("the core holds for the source", () => {
  assertEquals(failures(fromSource), []);
});

for (const [name, runtime] of runtimes) {
  Deno.test({
    name: `the core holds in ${name}${runtime ? ` (${runtime.version})` : ", which can't be had here"}`,
    ignore: runtime === undefined,
    fn: async () => {
      const results = await runtime!.run(app);
      assertEquals(failures(results, runtime!.lacks), []);
      assertEquals(results.map(({ name }) => name), fromSource.map(({ name }) => name));
      const lacking = results.filter(({ got, expected }) => got !== expected).map(({ group }) => group);
      assertEquals([...new Set(lacking)], runtime!.lacks, "what the runtime lacks is as its entry says");
    },
  });
}

const NODE = runtimes.get("Node 22");

Deno.test({
  name: "a clock that stands still is seen as such, and steps end code then",
  ignore: NODE === undefined,
  fn: async () => {
    const plant = "data:text/javascript,performance.now = () => 0";
    const failed = failures(await resultsOfScript(NODE!.program, ["--import", plant, "by_name.js"], app), NODE!.lacks);
    assertEquals(failed, [
      "limits: the clock goes on while code runs: timeLimit by the runtime's own clock\n" +
      "  gave LuaError limit: limit of 100000000 steps exceeded1\n" +
      "  not  LuaError time: time limit of 20 ms exceeded1",
    ]);
  },
});

Deno.test({
  name: "the core holds where names are missing that runtimes of 2023 don't have yet",
  ignore: NODE === undefined,
  fn: async () => {
    const results = await resultsOfScript(NODE!.program, ["--import", "./older.js", "by_name.js"], app);
    assertEquals(failures(results, NODE!.lacks), []);
  },
});
