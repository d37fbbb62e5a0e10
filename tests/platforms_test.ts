// The same core in each runtime, on the files that are packed: see core.ts.

import { assertEquals, assertStringIncludes } from "@std/assert";
import * as cu from "@computeunit/cu";
import { makeApp } from "./platforms/app.ts";
import { resultsOfPage } from "./platforms/page.ts";
import { type CaseResult, runCore } from "./platforms/core.ts";
import { findRuntimes, resultsOfScript } from "./platforms/runtimes.ts";
import { rowOf, rowsInReadme } from "./platforms/table.ts";
import { resultsOfWorker } from "./platforms/workerd.ts";

const app = await makeApp();
const runtimes = await findRuntimes();

const rows = await rowsInReadme();
const withoutVersion = (row?: string[]) => row?.toSpliced(1, 1);

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
      const row = rows.find(([inReadme]) => inReadme === name);
      assertEquals(
        withoutVersion(row),
        withoutVersion(rowOf(runtime!, results)),
        "README.md: see tests/platforms/table.ts",
      );
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

for (const browser of ["Chromium", "Firefox"]) {
  const runtime = runtimes.get(browser);
  Deno.test({
    name: `a page in ${browser} whose policy allows no WebAssembly is told so`,
    ignore: runtime === undefined,
    fn: async () => {
      const policy = "script-src 'self'";
      const error = await resultsOfPage<string>(browser, runtime!.program, app, "page_without.html", policy);
      assertStringIncludes(error, "Cannot create a compute unit: WebAssembly can't be compiled from bytes here");
      assertStringIncludes(error, "script-src 'wasm-unsafe-eval'");
    },
  });
}

const WORKERD = runtimes.get("workerd");

Deno.test({
  name: "in workerd the main entry works with the option module, and says so without it",
  ignore: WORKERD === undefined,
  fn: async () => {
    const { program } = WORKERD!;
    assertEquals(failures(await resultsOfWorker<CaseResult[]>(program, app, "worker_of_module.js")), []);
    const error = await resultsOfWorker<string>(program, app, "worker_without.js");
    assertStringIncludes(error, "import @computeunit/cu/workerd, or give the option module");
  },
});

Deno.test({
  name: "a worker whose clock stands still ends endless code by its steps, and its unit works afterwards",
  ignore: WORKERD === undefined,
  fn: async () => {
    const messages = await resultsOfWorker(WORKERD!.program, app, "worker_that_stands.js");
    assertEquals(messages, ["limit of 10000000 steps exceeded", "works"]);
  },
});
