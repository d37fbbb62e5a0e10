/**
 * Runs the tests on the modules that check themselves (`deno task build --checked`), in a
 * short form: fewer programs at random, and without the tests whose point is an amount or a
 * time, which such a module isn't made for.
 *
 * @module
 */

/** How the tests run on one of the modules. */
interface Run {
  /** The module's name in build.zig. */
  checks: string;
  /** Part of the random programs of each property that run. */
  runsFactor: number;
  /** In tests/, folders too. */
  files: string[];
  /** Beginnings of the names of tests that are left out. */
  without: string[];
}

/** What takes or measures time, whatever the module. */
const TIMED = [
  "hostile: pcall of itself",
  "hostile: __call a chain",
  "hostile: Lua recursion",
  "hostile: upper, lower and reverse",
  "hostile: strings of zeros",
  "hostile: tonumber of 4 MB",
  "hostile: utf8.codes over continuation bytes",
  "hostile: output of 100,000 shapes",
  "hostile: print of many arguments",
  "a string of 256 bytes in many places",
  "finalizers that come again between attempts",
  "messages of any length and with any positions are read fast",
  "the time limit ends the compiling",
  "compiling and running share the time",
  "strings that are no UTF-8 cost the host little more",
  "one string in many places doesn't fill",
  "a unit survives hundreds of hostile scripts",
  "setInput() lazily heeds the time limit",
  "setInput() lazily scans",
  "setInput() lazily reads many arrays",
  "setInput() lazily reads forwards",
  "setInput() lazily keeps some of the fields",
  "a million keys take",
  "external tables of any size",
];

/** What makes many objects: under stress, each one costs a collection of all. */
const MANY_OBJECTS = [
  // The order of finalizers is that of one cycle, of which there are many here.
  "Lua: garbage",
  "Lua: errors",
  "Lua: load",
  "a stack that had no room for more",
  "an object of many fields that stands",
  "shapes of one message that are more",
  "objects of many keys",
  "nesting works to 1000 levels",
  "a lazy input of many rows is written",
  "a lazy input larger than the memory limit",
  "a view that only a weak metatable refers to",
  "a table that only a weak metatable refers to",
  "an all-weak table keeps a metatable",
  "short strings take no collection each",
  "a transaction fails whose output",
  "a read-only library: no function of the library",
  "a read-only library: a long list",
  "100,000 calls, sync and waiting",
  "functions that the host lets go of",
  "10,000 runs wait",
  "lastRun tells of steps",
  "a script that waits gets past no limit",
  "what task.all, task.race and a signal close",
  "task.all nests as deep",
  "functions in arguments that are refused",
  "what a function does with the unit is ended",
  "where memory ends while runs begin",
  "where memory ends, a function is kept",
  "a run that went deep leaves",
  "an error of a run is its own",
  "runs in any order give",
  "memory that has grown",
  "nothing of a tenant is left",
  "snapshots, restores and forks leave nothing",
  "lazy inputs are read on",
  "an input that is lazy is read on",
  "limits are those of the unit that goes on",
  "a run has left what it had",
  "keys and values are as Lua has them",
  "a queue and a stack take",
  "tables that nobody refers to are freed",
  "code takes no more of the host's memory",
  "what Lua hasn't collected yet makes room",
  "a traversal goes on where it was, though empty",
  "work of the host's for code",
  "random programs do the same straight and",
  "units that go on by any way",
];

/** What runs on both modules. */
const FILES = [
  "bridge/json_property_test.ts",
  "bridge/json_test.ts",
  "bridge/messages_property_test.ts",
  "bridge/seen_test.ts",
  "host/",
  "io/",
  "lazy/lazy_property_test.ts",
  "lazy/thrown_test.ts",
  "limits/recover_test.ts",
  "lua/bugs_test.ts",
  "lua/error_messages_test.ts",
  "lua/errors_property_test.ts",
  "lua/index_chains_test.ts",
  "lua/language_test.ts",
  "lua/libraries_test.ts",
  "lua/numbers_test.ts",
  "lua/read_only_test.ts",
  "lua/strings_test.ts",
  "runtime/heap_check_test.ts",
  "state/external_property_test.ts",
  "state/external_tables_test.ts",
  "state/functions_test.ts",
  "state/transactions_test.ts",
  "unit/json_test.ts",
  "unit/snapshots_property_test.ts",
  "unit/snapshots_tables_test.ts",
  "unit/snapshots_test.ts",
  "unit/suspended_runs_test.ts",
  "values/bytes_test.ts",
  "values/containers_test.ts",
  "values/nulls_test.ts",
  "values/refusals_test.ts",
  "values/round_trips_property_test.ts",
  "values/scalars_test.ts",
  "values/sharing_test.ts",
  "values/tables_property_test.ts",
  "values/tables_test.ts",
];

const RUNS: Run[] = [
  {
    checks: "all",
    runsFactor: 0.05,
    files: [
      ...FILES,
      "hostile/",
      "lazy/",
      "libraries/",
      "limits/allocations_test.ts",
      "lua/format_test.ts",
      "unit/compute_unit_test.ts",
      "unit/errors_test.ts",
    ],
    without: TIMED,
  },
  {
    checks: "stress",
    runsFactor: 0.005,
    files: FILES,
    without: [...TIMED, ...MANY_OBJECTS],
  },
];

/** Runs the tests; their output. */
async function test({ checks, runsFactor, files, without }: Run): Promise<{ isGood: boolean; output: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", "tools/deno.ts", "test", "-A", "--no-check", "--preload", "tools/short_tests.ts"],
      ...files.map((path) => `tests/${path}`),
    ],
    cwd: new URL("../", import.meta.url),
    env: { CU_CHECKS: checks, CU_RUNS_FACTOR: String(runsFactor), CU_WITHOUT: JSON.stringify(without), NO_COLOR: "1" },
  });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { isGood: success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

const results = await Promise.all(RUNS.map(test));
for (const [i, { isGood, output }] of results.entries()) {
  const summary = output.match(/^(ok|FAILED) \| .*$/m)?.[0] ?? output;
  console.log(`${RUNS[i].checks}: ${isGood ? summary : output}`);
}
Deno.exit(results.every(({ isGood }) => isGood) ? 0 : 1);
