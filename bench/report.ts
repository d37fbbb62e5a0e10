/**
 * Measures what docs/PERFORMANCE.md promises, each as a ratio against a reference in the
 * same run, and writes REPORT.md and report.svg beside this file. With
 * `CU_BENCH_SHORT=1` it only runs all of it once, on little data, and writes nothing.
 *
 * @module
 */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { casesOf, type Contender, isShort } from "./cases.ts";
import { type BarGroup, drawChart, formatMs } from "./chart.ts";
import { NUMBERS_CALL, ROW_CALL, waitInJavaScript, waitInLua, WAITS } from "./host_bench.ts";
import { JSON_DECODED, JSON_IN, JSON_OUT } from "./json_bench.ts";
import {
  EVERY_FIELD,
  lastStandardized,
  MAPPED,
  MAPPED_IN_LUA,
  mappedSum,
  NUMBERS,
  NUMBERS_MADE_IN_LUA,
  ONE_FIELD,
  ONE_ROW,
  ONE_ROW_COUNTS,
  oneRowName,
  OUT,
  ROW_COUNT,
  rowsAsJson,
  STANDARDIZED_IN_LUA,
} from "./large_payload_bench.ts";
import { scanRows, scanStrings } from "./lazy_memory.ts";
import { NativeLua, type NativeWork } from "./native_lua.ts";
import { CONTROL_PROGRAMS, type Program, PROGRAMS } from "./programs.ts";
import { median, medianTimes, type Runner, runnerOf } from "./rounds.ts";
import { SMALL_PAYLOAD } from "./small_payload_bench.ts";
import { COPY, EMPTY_UNIT, FORK, FORKS, FRESH_COPY, RESTORE, RESTORES } from "./snapshot_bench.ts";
import { EXTERNAL, ORDINARY, READ, WRITE, WRITES } from "./table_bench.ts";
import { LARGE_COUNT, measureSaves, SMALL_COUNT } from "./state_saves.ts";
import { measureColdStarts, runFresh } from "./startup_bench.ts";
import { pathOf } from "../tools/run.ts";
import "./vm_bench.ts";

/** Rounds of cases of milliseconds. */
const ROUNDS = 11;
/** Rounds where one takes about a second in all. */
const FEW_ROUNDS = 7;

/** A target, and what was measured. */
interface Target {
  work: string;
  measured: string;
  reference: string;
  /** What is compared with the limit, undefined where it could not be measured. */
  value: number | undefined;
  /** How `value` reads. */
  format: (value: number) => string;
  limit: number;
  /** How the target reads. */
  target: string;
  /** Whether `value` must be below the limit, and not only at it. */
  isStrict?: boolean;
}

const native = NativeLua.find();
const targets: Target[] = [];
const notes: string[] = [];
const asRatio = (ratio: number) => `${ratio.toFixed(ratio < 0.1 ? 3 : 2)} x`;
const asBytes = (bytes: number) => bytes < 1e9 ? `${(bytes / 1e6).toFixed(2)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;

/** Adds a target for a time against another, which may be missing. */
function addRatio(
  work: string,
  ms: number,
  referenceName: string,
  referenceMs: number | undefined,
  limit: number,
  target: string,
  isStrict = false,
): void {
  targets.push({
    work,
    measured: formatMs(ms),
    reference: `${referenceName}: ${referenceMs === undefined ? "not measured" : formatMs(referenceMs)}`,
    value: referenceMs === undefined ? undefined : ms / referenceMs,
    format: asRatio,
    limit,
    target,
    isStrict,
  });
}

/** Adds a target for a figure by itself. */
function addLimit(
  work: string,
  value: number,
  format: (value: number) => string,
  limit: number,
  target: string,
): void {
  targets.push({ work, measured: format(value), reference: "", value, format, limit, target, isStrict: true });
}

/** The medians of a group's cases. */
class GroupTimes {
  #group: string;
  #times: Map<string, number>;

  /** Measures a group's cases, and others beside them. */
  constructor(group: string, rounds: number, others: Runner[] = []) {
    console.log(`Measuring: ${group}`);
    this.#group = group;
    this.#times = medianTimes([...casesOf(group).map(runnerOf), ...others], rounds);
  }

  /** Of the case or runner of that name. */
  named(name: string): number {
    const ms = this.#times.get(name);
    if (ms === undefined) throw new Error(`The group "${this.#group}" has no case "${name}"`);
    return ms;
  }

  /** Of a contender's fastest case. */
  best(contender: Contender): number {
    const ms = casesOf(this.#group).filter((one) => one.contender === contender).map(({ name }) => this.named(name));
    assert(ms.length > 0, `The group "${this.#group}" has no case of "${contender}"`);
    return Math.min(...ms);
  }

  /** Bars of those contenders that have cases. */
  bars(title: string, contenders: readonly Contender[]): BarGroup {
    const present = contenders.filter((given) => casesOf(this.#group).some(({ contender }) => contender === given));
    return {
      title,
      bars: present.map((contender) => ({
        label: contender === "wasmoon" ? "wasmoon, best way" : contender.replace(" ", ", "),
        ms: this.best(contender),
        isOurs: contender.startsWith("cu"),
      })),
    };
  }
}

const NATIVE = "native Lua";

/** A runner of native Lua, if it is there. */
function nativeRunners(work: NativeWork, check: (value: number) => void, isPresent = native !== undefined): Runner[] {
  if (!native || !isPresent) return [];
  const measure = () => {
    const { ms, value } = native.measure({ ...work, repeats: isShort ? 1 : work.repeats });
    check(value);
    return ms;
  };
  return [{ name: NATIVE, isSlow: false, measure }];
}

const BARS: readonly Contender[] = ["cu lazy", "cu eager", "cu", "structuredClone", "JSON", "wasmoon"];
const chart: BarGroup[] = [];
const rowsLabel = ROW_COUNT.toLocaleString("en");

// --------------------------------------------------------------------- rows

function measureRowsIn(): void {
  const oneField = new GroupTimes(ONE_FIELD, ROUNDS);
  const lazyOneField = `lazy: setInput and summing one field of ${rowsLabel} rows`;
  const cloned = oneField.best("structuredClone");
  addRatio(lazyOneField, oneField.best("cu lazy"), "structuredClone", cloned, 0.5, "at most 0.5 x");
  addRatio(
    lazyOneField,
    oneField.best("cu lazy"),
    "wasmoon",
    oneField.best("wasmoon"),
    0.1,
    "10 x faster: at most 0.1 x",
  );
  chart.push(oneField.bars(`${rowsLabel} rows in, one field of each summed`, BARS));
  notes.push(
    `wasmoon's best way to sum one field was to get all fields as tab-separated text. Given text of the one field alone, ` +
      `for which JavaScript must know what Lua will read, it took ${
        formatMs(oneField.named("wasmoon, text of the summed field alone"))
      }.`,
  );

  const every = new GroupTimes(EVERY_FIELD, ROUNDS);
  const clone = every.best("structuredClone");
  addRatio("lazy: every field of every row", every.best("cu lazy"), "structuredClone", clone, 1, "at most 1.0 x");
  addRatio(
    "eager: setInput and every field of every row",
    every.best("cu eager"),
    "structuredClone",
    clone,
    0.8,
    "at most 0.8 x",
  );
  chart.push(every.bars(`${rowsLabel} rows in, every field of each read`, BARS));

  const oneRow = new GroupTimes(ONE_ROW, ROUNDS);
  for (const count of ONE_ROW_COUNTS) {
    const work = `lazy: setInput and reading one row of ${count.toLocaleString("en")}`;
    addLimit(work, oneRow.named(oneRowName(count, "lazy")), formatMs, 0.05, "under 50 µs");
  }
}

function measureRowsOut(): void {
  const times = new GroupTimes(OUT, ROUNDS);
  const work = `${rowsLabel} rows { id, name, value } made in Lua, read as objects`;
  const whole = times.best("cu"), reading = whole - times.best("cu before");
  const wasmoon = times.best("wasmoon"), wasmoonReading = wasmoon - times.best("wasmoon before");
  addRatio(`${work}: beyond making`, reading, "structuredClone", times.best("structuredClone"), 1, "at most 1.0 x");
  const target = "10 x faster: at most 0.1 x";
  addRatio(`${work}: beyond making`, reading, "wasmoon, beyond making", wasmoonReading, 0.1, target);
  notes.push(
    `Making and reading the rows took cu ${formatMs(whole)} in all, and wasmoon ${formatMs(wasmoon)}.`,
    "The time beyond making is that of making and reading less that of making alone. wasmoon's best way was text that " +
      `Lua writes and JavaScript splits; reading tables took it ${
        formatMs(times.named("wasmoon, rows made, global.get"))
      } in all.`,
  );
  chart.push(times.bars(`${rowsLabel} rows made in Lua, read as objects (the copies: of rows that are there)`, BARS));
}

function measureMapping(): void {
  const jsonFile = Deno.makeTempFileSync({ prefix: "cu-", suffix: ".json" });
  try {
    Deno.writeTextFileSync(jsonFile, rowsAsJson());
    const work: NativeWork = {
      setup: `
        local cjson = require "cjson"
        local file = io.open(${JSON.stringify(jsonFile)})
        local text = file:read("a")
        file:close()
        encoded = nil
      `,
      finish: `
        local sum = 0
        for _, row in ipairs(cjson.decode(encoded)) do sum = sum + row.doubled end
        return sum
      `,
      code: `local input = cjson.decode(text) ${MAPPED_IN_LUA} encoded = cjson.encode(mapped)`,
      repeats: 3,
    };
    const expected = mappedSum();
    const check = (sum: number) => assertAlmostEquals(sum, expected, expected * 1e-9);
    const times = new GroupTimes(MAPPED, ROUNDS, nativeRunners(work, check, native?.hasCjson));
    const reference = native?.hasCjson ? times.named(NATIVE) : undefined;
    for (const mode of ["lazy", "eager"] as const) {
      addRatio(
        `${mode}: ${rowsLabel} rows in, mapped to { id, doubled }, out`,
        times.best(`cu ${mode}`),
        "native Lua, lua-cjson",
        reference,
        1,
        "faster: below 1.0 x",
        true,
      );
    }
    chart.push(times.bars(`${rowsLabel} rows in, mapped to { id, doubled }, out`, BARS));
  } finally {
    Deno.removeSync(jsonFile);
  }
}

function measureJson(): void {
  for (
    const [work, group, reference] of [
      [`setInputJson of ${rowsLabel} rows`, JSON_IN, "JSON.parse, copying setInput"],
      [`getOutputJson of ${rowsLabel} rows`, JSON_OUT, "getOutput, JSON.stringify"],
    ] as const
  ) {
    const times = new GroupTimes(group, ROUNDS);
    addRatio(work, times.best("cu"), reference, times.best("JSON"), 0.7, "at most 0.7 x");
  }
  const jsonFile = Deno.makeTempFileSync({ prefix: "cu-", suffix: ".json" });
  try {
    Deno.writeTextFileSync(jsonFile, rowsAsJson());
    const work: NativeWork = {
      setup: `local cjson = require "cjson" local file = io.open(${JSON.stringify(jsonFile)}) text = file:read("a")`,
      code: `return #require("cjson").decode(text)`,
      repeats: 5,
    };
    const check = (count: number) => assertEquals(count, ROW_COUNT);
    const times = new GroupTimes(JSON_DECODED, ROUNDS, nativeRunners(work, check, native?.hasCjson));
    const reference = native?.hasCjson ? times.named(NATIVE) : undefined;
    const target = "faster: below 1.0 x";
    addRatio(`json.decode of ${rowsLabel} rows`, times.best("cu"), "native Lua, lua-cjson", reference, 1, target, true);
  } finally {
    Deno.removeSync(jsonFile);
  }
}

// ---------------------------------------------------------- small, and numbers

function measureSmall(): void {
  const times = new GroupTimes(SMALL_PAYLOAD, FEW_ROUNDS);
  const work = "1 KB in and out, a call";
  const ms = times.best("cu"), literal = times.best("literal");
  addRatio(work, ms, "literal in the code", literal, 1, "at most 1.0 x");
  addRatio(`${work} (aim)`, ms, "literal in the code", literal, 0.1, "10 x faster: at most 0.1 x");
  addLimit(`${work} (aim)`, ms, formatMs, 0.02, "under 20 µs");
  const group = times.bars("1 KB in and out: an order priced", [...BARS, "literal"]);
  for (const bar of group.bars) {
    if (bar.label === "literal") bar.label = "literal in the code";
  }
  chart.push(group);
}

function measureHostCalls(): void {
  for (
    const [work, group, limit] of [
      ["a host function, two numbers in, one out", NUMBERS_CALL, 0.25],
      ["a host function, a row in and out", ROW_CALL, 0.5],
    ] as const
  ) {
    const times = new GroupTimes(group, ROUNDS);
    addRatio(`${work}, 1,000 calls`, times.best("cu"), "wasmoon", times.best("wasmoon"), limit, `at most ${limit} x`);
    if (group !== NUMBERS_CALL) continue;
    const quickjs = times.best("quickjs");
    addRatio(`${work}, 1,000 calls`, times.best("cu"), "quickjs-emscripten", quickjs, 0.1, "at most 0.1 x");
  }
}

/** A wait for a promise that is resolved, beside an `await` of it in JavaScript. */
async function measureWaits(): Promise<void> {
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < 10 * ROUNDS; round++) {
    for (const [i, run] of [waitInLua, waitInJavaScript].entries()) {
      const start = performance.now();
      assertEquals(await run(), WAITS);
      times[i].push((performance.now() - start) / WAITS);
    }
  }
  const [wait, awaited] = times.map(median);
  const limit = 2 * awaited + 0.001;
  addLimit("a wait for a resolved promise", wait, formatMs, limit, `at most two awaits and 1 µs: ${formatMs(limit)}`);
}

function measureSnapshots(): void {
  const restores = new GroupTimes(RESTORES, 3 * ROUNDS);
  addRatio(RESTORES, restores.named(RESTORE), COPY, restores.named(COPY), 3, "at most 3 x");
  const forks = new GroupTimes(FORKS, 3 * ROUNDS);
  const [fork, unit] = [forks.named(FORK), forks.named(EMPTY_UNIT)];
  const both = "an empty unit, and a memory copy of its size";
  addRatio(FORKS, fork, both, unit + forks.named(COPY), 3, "at most 3 x");
  addRatio(FORKS, fork, `${both} into fresh memory`, unit + forks.named(FRESH_COPY), 1.2, "at most 1.2 x");
}

function measureTables(): void {
  const reads = new GroupTimes(READ, 3 * ROUNDS);
  addRatio(`${READ}: ${EXTERNAL}`, reads.named(EXTERNAL), ORDINARY, reads.named(ORDINARY), 1.1, "at most 1.1 x");
  const writes = new GroupTimes(WRITE, 3 * ROUNDS);
  addLimit("a write to an external table", writes.named(EXTERNAL) / WRITES, formatMs, 0.001, "at most 1 µs");
}

function measureNumbers(): void {
  const work: NativeWork = {
    setup: NUMBERS_MADE_IN_LUA,
    code: `${STANDARDIZED_IN_LUA} return output[count]`,
    repeats: 3,
  };
  const expected = lastStandardized();
  const check = (last: number) => assertAlmostEquals(last, expected, 1e-9);
  const times = new GroupTimes(NUMBERS, ROUNDS, nativeRunners(work, check));
  for (const mode of ["default", "lazy", "eager"] as const) {
    addRatio(
      `${mode}: a Float64Array of a million in, mean and variance, a million out`,
      times.best(`cu ${mode}`),
      "the same loop in native Lua",
      native && times.named(NATIVE),
      3,
      "at most 3 x",
    );
    const inPlace = times.named(`cu, ${mode} setInput, results in place of the input, getOutput`);
    notes.push(
      `The million numbers, ${mode}, with the results written over the input instead of into a new table: ` +
        `${formatMs(inPlace)}.`,
    );
  }
  chart.push(times.bars("A million numbers in, standardized, out", BARS));
}

// ----------------------------------------------------------------------- VM

interface ProgramTimes {
  name: string;
  cu: number;
  wasmoon: number;
  native: number | undefined;
}

function measureProgram({ name, code, result }: Program, rounds: number): ProgramTimes {
  // Enough digits tell one result from another.
  const check = (value: number) => assertAlmostEquals(value, result, Math.abs(result) * 1e-12);
  const times = new GroupTimes(name, rounds, nativeRunners({ code, repeats: 2 }, check));
  return {
    name,
    cu: times.best("cu"),
    wasmoon: times.best("wasmoon"),
    native: native && times.named(NATIVE),
  };
}

function geometricMean(numbers: readonly number[]): number {
  return Math.exp(numbers.reduce((sum, x) => sum + Math.log(x), 0) / numbers.length);
}

function measurePrograms(): ProgramTimes[] {
  const all = PROGRAMS.map((program) => measureProgram(program, FEW_ROUNDS));
  notes.push(
    "V8 optimizes the code of the VM for what it runs first, and here that was the rows. Programs that run by themselves " +
      "(`deno bench bench/vm_bench.ts`) may take other times.",
  );
  const common = {
    work: "VM: ten programs",
    measured: "geometric mean of the ratios",
    format: asRatio,
  };
  targets.push({
    ...common,
    reference: "wasmoon",
    value: geometricMean(all.map(({ cu, wasmoon }) => cu / wasmoon)),
    limit: 1,
    target: "faster: below 1.0 x",
    isStrict: true,
  });
  targets.push({
    ...common,
    reference: native ? "native Lua" : "native Lua: not measured",
    value: native && geometricMean(all.map((times) => times.cu / times.native!)),
    limit: 2,
    target: "at most 2 x",
  });
  return all;
}

/** Measures errors and coroutines, which cost more where a task of Deno's runs the code. */
async function measureControl(): Promise<ProgramTimes[]> {
  const all: ProgramTimes[] = [];
  for (const program of CONTROL_PROGRAMS) {
    const times = measureProgram(program, FEW_ROUNDS);
    const fromTimer = await new Promise<ProgramTimes>((resolve, reject) => {
      setTimeout(() => {
        try {
          resolve(measureProgram(program, 3));
        } catch (error) {
          reject(error);
        }
      });
    });
    for (const given of [times, { ...fromTimer, name: `${program.name}, in a timer's callback` }]) {
      addRatio(given.name, given.cu, "wasmoon", given.wasmoon, 0.5, "2 x faster: at most 0.5 x");
      all.push(given);
    }
  }
  notes.push(
    "A WASM exception costs more while a timer's callback or a server's handler is on the stack, before its first " +
      "await (probably as V8 then makes a message, with the place in the code). That slows down all errors and " +
      "switches that are exceptions, so they are measured there too; all else is measured after an await.",
    "Errors of Lua code and `coroutine.yield` need no exception in cu where no C code is between them and what catches " +
      "them. The program with an error through C code shows what all other errors cost. The target names no kind of " +
      "error, so each is held against it.",
  );
  return all;
}

// ------------------------------------------------------ startup, and memory

function measureStartup(): void {
  console.log("Measuring: fresh processes");
  const first: number[] = [], mean: number[] = [], slowest: number[] = [];
  for (let round = 0; round <= (isShort ? 1 : ROUNDS); round++) {
    const { firstMs, furtherMs } = runFresh("cu");
    // The first process may have to fill Deno's caches.
    if (round === 0) continue;
    first.push(firstMs);
    mean.push(furtherMs.reduce((sum, ms) => sum + ms, 0) / furtherMs.length);
    slowest.push(Math.max(...furtherMs));
  }
  addLimit("first result in a fresh process, after import", median(first), formatMs, 10, "under 10 ms");
  addLimit("100 further units, each with a result: mean", median(mean), formatMs, 1, "under 1 ms");
  addLimit("100 further units, each with a result: slowest", median(slowest), formatMs, 1, "under 1 ms");
}

async function measureColdStart(): Promise<void> {
  console.log("Measuring: fresh processes, from the import on");
  for (const { runtime, cu, wasmoon } of await measureColdStarts(isShort ? 1 : ROUNDS)) {
    const work = `npm's package in a fresh process of ${runtime}, import to first result`;
    addRatio(work, median(cu), "wasmoon", median(wasmoon), 0.5, "2 x faster: at most 0.5 x");
  }
}

async function measureMemory(): Promise<void> {
  console.log("Measuring: memory of lazy inputs");
  for (const count of isShort ? [1000, 5000] : [100_000, 5_000_000]) {
    const { rowCount, wasmBytes, oneRowMs } = await scanRows(count);
    const label = rowCount.toLocaleString("en");
    if (!isShort && count > ROW_COUNT) {
      addLimit(`lazy: setInput and reading one row of ${label}`, oneRowMs, formatMs, 0.05, "under 50 µs");
    }
    addLimit(`WASM memory after a lazy scan of ${label} rows`, wasmBytes, asBytes, 2e6, "under 2 MB");
  }
  const { stringCount, totalBytes, memoryLimit, wasmBytes, ms } = await scanStrings(isShort ? 1000 : 1_000_000);
  targets.push({
    work: `lazy: ${stringCount.toLocaleString("en")} strings, ${asBytes(totalBytes)}, memoryLimit ${
      asBytes(memoryLimit)
    }`,
    measured: `scanned to the end in ${formatMs(ms)}`,
    reference: "",
    value: wasmBytes,
    format: asBytes,
    limit: memoryLimit,
    target: "scanned to the end",
  });
}

async function measureStates(): Promise<void> {
  console.log("Measuring: saved states");
  const label = LARGE_COUNT.toLocaleString("en");
  const { times, wasmBytes } = await measureSaves();
  for (const { store, smallMs, largeMs, firstMs, loadMs } of times) {
    const work = `saveState() after one changed key of ${label}, ${store}`;
    addRatio(work, largeMs, `of ${SMALL_COUNT.toLocaleString("en")}`, smallMs, 2, "at most 2 x");
    notes.push(`${store}: all ${label} keys are saved in ${formatMs(firstMs)} and loaded in ${formatMs(loadMs)}.`);
  }
  addLimit(`WASM memory with ${label} keys in _home`, wasmBytes, asBytes, 4e6, "under 4 MB");
}

// ------------------------------------------------------------------- report

/** Whether a target holds; undefined where it wasn't measured. */
function holds({ value, limit, isStrict }: Target): boolean | undefined {
  return value === undefined ? undefined : isStrict ? value < limit : value <= limit;
}

const tableOf = (head: string[], rows: string[][]) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

function cpuModel(): string {
  try {
    return /^model name\s*: (.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? "unknown CPU";
  } catch {
    return "unknown CPU";
  }
}

function writeReport(programs: readonly ProgramTimes[]): string {
  const failed = targets.filter((target) => holds(target) === false);
  const unmeasured = targets.filter((target) => holds(target) === undefined);
  const { imports } = JSON.parse(Deno.readTextFileSync(new URL("../deno.json", import.meta.url)));
  const lua = native
    ? `native ${native.version}${native.hasCjson ? " with lua-cjson" : ", no lua-cjson"}`
    : "no native Lua";
  const verdict = [
    `${targets.length - failed.length - unmeasured.length} of ${targets.length} hold.`,
    failed.length > 0
      ? `${failed.length} do not: ${[...new Set(failed.map(({ work }) => `"${work}"`))].join(", ")}.`
      : "",
    unmeasured.length > 0 ? `${unmeasured.length} could not be measured here.` : "",
  ];
  // The report itself makes for one. Native Lua measures CPU time, so others' work is no burden to it.
  const load = Deno.loadavg()[1];
  const busy = load > 1.3
    ? `\n\nOther programs kept the machine busy (load average ${
      load.toFixed(1)
    }), which makes times longer, and ratios ` +
      "against native Lua larger."
    : "";
  return `# Benchmark report

Written by \`deno task bench\`; don't edit. ${
    new Date().toISOString().slice(0, 10)
  }, ${cpuModel()}, ${navigator.hardwareConcurrency} cores, ${Deno.build.os}; Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${
    imports.wasmoon.replace("npm:", "").replace("@", " ")
  }, ${lua}.

${verdict.filter((part) => part !== "").join(" ")}${busy}

![Times of the main works](report.svg)

## Targets

Rows are \`{ id, name, value, active }\`, ${rowsLabel} of them 6.2 MB as JSON. Times are medians over rounds in which every contender runs once, in one process; a ratio is the measured time divided by the reference's. That eager and lazy agree is shown by the tests, not here.

${
    tableOf(
      ["Work", "Measured", "Reference", "Ratio", "Target", "Holds"],
      targets.map((target) => [
        target.work,
        target.measured,
        target.reference,
        target.format === asRatio ? (target.value === undefined ? "" : target.format(target.value)) : "",
        target.target,
        { true: "yes", false: "**no**", undefined: "not measured" }[String(holds(target))]!,
      ]),
    )
  }

${notes.map((note) => `- ${note}`).join("\n")}

## Programs

${
    tableOf(
      ["Program", "cu", "wasmoon", "native Lua", "cu / wasmoon", "cu / native"],
      programs.map(({ name, cu, wasmoon, native }) => [
        name,
        formatMs(cu),
        formatMs(wasmoon),
        native === undefined ? "not measured" : formatMs(native),
        asRatio(cu / wasmoon),
        native === undefined ? "" : asRatio(cu / native),
      ]),
    )
  }
`;
}

/** Writes files as `deno fmt` would have them, as the project's checks look at them too. */
function writeFiles(files: Record<string, string>): void {
  const urls = Object.entries(files).map(([name, text]) => {
    const url = new URL(name, import.meta.url);
    Deno.writeTextFileSync(url, text);
    return url;
  });
  const args = ["fmt", "--quiet", ...urls.map(pathOf)];
  assert(new Deno.Command(Deno.execPath(), { args }).outputSync().success, "deno fmt failed");
}

measureRowsIn();
measureRowsOut();
measureMapping();
measureJson();
measureSmall();
measureHostCalls();
await measureWaits();
measureSnapshots();
measureTables();
measureNumbers();
const programs = [...measurePrograms(), ...await measureControl()];
measureStartup();
await measureColdStart();
await measureMemory();
await measureStates();

const report = writeReport(programs);
const svg = drawChart("cu: structured data into Lua and out", chart);
if (isShort) {
  console.log("All of the report works; nothing is written in short mode");
} else {
  writeFiles({ "REPORT.md": report, "report.svg": svg });
  console.log(`Wrote bench/REPORT.md and bench/report.svg\n`);
  for (const target of targets) {
    const shown = target.value === undefined ? "not measured" : target.format(target.value);
    console.log(
      `${{ true: "holds", false: "FAILS", undefined: "?" }[String(holds(target))]}\t${shown}\t${target.work}`,
    );
  }
}
