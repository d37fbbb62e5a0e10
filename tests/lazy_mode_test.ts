// Eager and lazy agree on every program of the test suite: it runs again with units that
// take each input lazily, unless a test says otherwise.

import { assert, assertEquals } from "@std/assert";

const rootDir = new URL("../", import.meta.url);

/** What says something about inputs, and the files in which it stands; the rest of the tests doesn't set any. */
const SUITES: Record<string, string[]> = {
  compute_unit: ["unit/compute_unit_test.ts"],
  default_unit: ["io/default_unit_test.ts"],
  examples: ["examples_test.ts"],
  hostile: ["hostile/"],
  io_table: ["io/io_table_test.ts"],
  io_wrapper: ["io/io_wrapper_test.ts"],
  lua: ["error_messages", "index_chains", "language", "libraries", "numbers", "strings"].map((name) =>
    `lua/${name}_test.ts`
  ),
  soak: ["limits/soak_test.ts"],
  values: ["bytes", "containers", "nulls", "refusals", "scalars", "sharing", "tables"].map((name) =>
    `values/${name}_test.ts`
  ),
  values_property: [
    "bridge/messages_property_test.ts",
    "values/round_trips_property_test.ts",
    "values/tables_property_test.ts",
  ],
};

/** Property tests run so much less often than in their own mode. */
const RUNS_FACTOR = "0.3";

interface Outcome {
  code: number;
  text: string;
}

async function runLazily(paths: string[]): Promise<Outcome> {
  const preload = ["--preload", "tests/helpers/lazy_by_default.ts"];
  const args = ["run", "-A", "--no-check", "tools/deno.ts", "test", "-A", "--no-check", ...preload];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args, ...paths.map((path) => `tests/${path}`)],
    cwd: rootDir,
    env: { CU_LAZY_MODE: "1", CU_RUNS_FACTOR: RUNS_FACTOR, NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

Deno.test("lazy_by_default.ts makes inputs lazy", async () => {
  const script = `
    import { ComputeUnit } from "@computeunit/cu";
    const cu = await ComputeUnit.create();
    const value = {};
    Object.defineProperty(value, "field", { enumerable: true, get: () => { console.log("read"); return 1; } });
    cu.setInput(value);
    console.log("set");
    cu.compute("return _io.input.field");
  `;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, script);
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--import-map", "tools/npm_import_map.json"].concat([
        "--preload",
        "tests/helpers/lazy_by_default.ts",
        file,
      ]),
      cwd: rootDir,
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "set\nread\n");
  } finally {
    await Deno.remove(file);
  }
});

for (const [suite, paths] of Object.entries(SUITES)) {
  Deno.test(`${suite}_test.ts passes with lazy inputs`, async () => {
    const { code, text } = await runLazily(paths);
    assert(code === 0, text.slice(-8000));
    const [, passed, failed] = /ok \| (\d+) passed.*\| (\d+) failed/.exec(text) ?? [];
    assert(Number(passed) > 0 && Number(failed) === 0, text.slice(-8000));
  });
}
