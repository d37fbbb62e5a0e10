/**
 * Megabytes in and out of Lua: 100,000 rows `{ id, name, value, active }`, 6.2 MB as
 * JSON, and a million numbers.
 *
 * Each group of rows has structuredClone of the same rows as its baseline: what it costs
 * to copy them once inside JavaScript, without any work on them. Where the input is cu's
 * matter, cu has a lazy and an eager case.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { assert, assertEquals } from "@std/assert";
import { type LuaEngine, LuaFactory } from "wasmoon";
import { benchCase, isShort } from "./cases.ts";
import { makeRows, type Row } from "./data.ts";

/** Rows of the large payload. */
export const ROW_COUNT = isShort ? 1000 : 100_000;
const SIZE = ROW_COUNT.toLocaleString("en");

/** Runs of cases that take a second each. */
const SLOW_N = 5;

const rows = makeRows(ROW_COUNT);
const textEncoder = new TextEncoder();
if (!isShort) {
  const jsonSize = textEncoder.encode(JSON.stringify(rows)).length;
  assert(jsonSize > 6.1e6 && jsonSize < 6.4e6, `The rows take ${jsonSize} bytes as JSON, not about 6.2 MB`);
}

/** Both ways to hand over an input. */
const MODES = [
  { mode: "lazy", options: { lazy: true } },
  { mode: "eager", options: { lazy: false } },
] as const;

const factory = new LuaFactory();

/** Engines of a group. Groups share none, as cases share no unit, so that none collects another's garbage. */
async function createEngines() {
  return {
    proxyEngine: await factory.createEngine({ enableProxy: true }),
    tableEngine: await factory.createEngine({ enableProxy: false }),
  };
}

/**
 * Rows as text with a tab after each field, for engines where crossing once is
 * cheaper than crossing for each value. Names here have no tabs; real ones would need
 * escaping on top.
 */
function toText(given: readonly Row[]): string {
  let text = "";
  for (const { id, name, value, active } of given) text += `${id}\t${name}\t${value}\t${active ? 1 : 0}\n`;
  return text;
}
assert(rows.every(({ name }) => !/[\t\n]/.test(name)));

/** The fields of each line of such a text. */
function linesOf(text: string): string[][] {
  const lines = text.split("\n");
  lines.pop();
  return lines.map((line) => line.split("\t"));
}

/** Runs code in wasmoon; it sets the global `output`, as what it returned would stay on its stack. */
function runWasmoon(engine: LuaEngine, input: unknown, code: string): unknown {
  engine.global.set("input", input);
  engine.doStringSync(code);
  return engine.global.get("output");
}

// ---------------------------------------------------------------- one field

/** Name of the group. */
export const ONE_FIELD = `${SIZE} rows in, one field of each summed`;
const summing = await createEngines();

function sumValues(given: readonly Row[]): number {
  let sum = 0;
  for (const row of given) sum += row.value;
  return sum;
}

const checkSum = (sum: unknown) => assertEquals(sum, sumValues(rows));

benchCase({
  group: ONE_FIELD,
  name: "structuredClone, nothing summed",
  contender: "structuredClone",
  baseline: true,
  run: () => structuredClone(rows),
  check: (copy) => assertEquals(copy.length, ROW_COUNT),
});
benchCase({
  group: ONE_FIELD,
  name: "JSON.stringify, JSON.parse, nothing summed",
  contender: "JSON",
  run: (): Row[] => JSON.parse(JSON.stringify(rows)),
  check: (copy) => assertEquals(copy.length, ROW_COUNT),
});
benchCase({
  group: ONE_FIELD,
  name: "plain JS loop, no copy",
  contender: "plain JS",
  run: () => sumValues(rows),
  check: checkSum,
});
for (const { mode, options } of MODES) {
  const unit = await ComputeUnit.create();
  benchCase({
    group: ONE_FIELD,
    name: `cu, ${mode} setInput, compute`,
    contender: `cu ${mode}`,
    run: () => {
      unit.setInput(rows, options);
      return unit.compute(`
        local sum = 0
        for _, row in ipairs(_io.input) do sum = sum + row.value end
        return sum
      `);
    },
    check: checkSum,
  });
}
for (const [name, engine] of [["proxied rows", summing.proxyEngine], ["pushed tables", summing.tableEngine]] as const) {
  benchCase({
    group: ONE_FIELD,
    name: `wasmoon, ${name}`,
    contender: "wasmoon",
    n: SLOW_N,
    run: () =>
      runWasmoon(
        engine,
        rows,
        `
        local sum = 0
        for i = 1, #input do sum = sum + input[i].value end
        output = sum
      `,
      ),
    check: checkSum,
  });
}
benchCase({
  group: ONE_FIELD,
  name: "wasmoon, tab-separated text",
  contender: "wasmoon",
  n: SLOW_N,
  run: () =>
    runWasmoon(
      summing.tableEngine,
      toText(rows),
      `
      local sum = 0
      for value in input:gmatch("[^\\t]*\\t[^\\t]*\\t([^\\t]*)\\t[^\\n]*\\n") do sum = sum + tonumber(value) end
      output = sum
    `,
    ),
  check: checkSum,
});
// Needs JavaScript to know what Lua will read, so it is no contender: shown for scale.
benchCase({
  group: ONE_FIELD,
  name: "wasmoon, text of the summed field alone",
  n: SLOW_N,
  run: () =>
    runWasmoon(
      summing.tableEngine,
      rows.map(({ value }) => value).join("\n"),
      `
      local sum = 0
      for value in input:gmatch("[^\\n]+") do sum = sum + tonumber(value) end
      output = sum
    `,
    ),
  check: checkSum,
});

// -------------------------------------------------------------- every field

/** Name of the group. */
export const EVERY_FIELD = `${SIZE} rows in, every field of each read`;
const reading = await createEngines();

interface Totals {
  ids: number;
  nameUnits: number;
  values: number;
  active: number;
}

/** Names are measured in units of their encoding: UTF-16 here, UTF-8 in Lua. */
function totalsOf(given: readonly Row[], lengthOf = (name: string) => name.length): Totals {
  const totals = { ids: 0, nameUnits: 0, values: 0, active: 0 };
  for (const row of given) {
    totals.ids += row.id;
    totals.nameUnits += lengthOf(row.name);
    totals.values += row.value;
    if (row.active) totals.active++;
  }
  return totals;
}

const TOTALS_IN_LUA = `
  local ids, name_units, values, active = 0, 0, 0, 0
  for i = 1, #input do
    local row = input[i]
    ids = ids + row.id
    name_units = name_units + #row.name
    values = values + row.value
    if row.active then active = active + 1 end
  end
  output = { ids = ids, nameUnits = name_units, values = values, active = active }
`;

const checkTotals = (totals: unknown) => {
  assertEquals(totals, totalsOf(rows, (name) => textEncoder.encode(name).length));
};

benchCase({
  group: EVERY_FIELD,
  name: "structuredClone, nothing read",
  contender: "structuredClone",
  baseline: true,
  run: () => structuredClone(rows),
  check: (copy) => assertEquals(copy.length, ROW_COUNT),
});
benchCase({
  group: EVERY_FIELD,
  name: "JSON.stringify, JSON.parse, nothing read",
  contender: "JSON",
  run: (): Row[] => JSON.parse(JSON.stringify(rows)),
  check: (copy) => assertEquals(copy.length, ROW_COUNT),
});
benchCase({
  group: EVERY_FIELD,
  name: "plain JS loop, no copy",
  contender: "plain JS",
  run: () => totalsOf(rows),
  check: ({ ids, nameUnits }) => {
    assertEquals(ids, ROW_COUNT * (ROW_COUNT + 1) / 2);
    assertEquals(nameUnits, rows.map(({ name }) => name).join("").length);
  },
});
for (const { mode, options } of MODES) {
  const unit = await ComputeUnit.create();
  benchCase({
    group: EVERY_FIELD,
    name: `cu, ${mode} setInput, compute`,
    contender: `cu ${mode}`,
    run: () => {
      unit.setInput(rows, options);
      return unit.compute(`local input, output = _io.input; ${TOTALS_IN_LUA} return output`);
    },
    check: checkTotals,
  });
}
for (const [name, engine] of [["proxied rows", reading.proxyEngine], ["pushed tables", reading.tableEngine]] as const) {
  benchCase({
    group: EVERY_FIELD,
    name: `wasmoon, ${name}`,
    contender: "wasmoon",
    n: SLOW_N,
    run: () => runWasmoon(engine, rows, TOTALS_IN_LUA),
    check: checkTotals,
  });
}
benchCase({
  group: EVERY_FIELD,
  name: "wasmoon, tab-separated text",
  contender: "wasmoon",
  n: SLOW_N,
  run: () =>
    runWasmoon(
      reading.tableEngine,
      toText(rows),
      `
      local ids, name_units, values, active_count = 0, 0, 0, 0
      for id, name, value, active in input:gmatch("([^\\t]*)\\t([^\\t]*)\\t([^\\t]*)\\t([^\\n]*)\\n") do
        ids = ids + tonumber(id)
        name_units = name_units + #name
        values = values + tonumber(value)
        if active == "1" then active_count = active_count + 1 end
      end
      output = { ids = ids, nameUnits = name_units, values = values, active = active_count }
    `,
    ),
  check: checkTotals,
});

// ------------------------------------------------------------------ one row

/** Name of the group. */
export const ONE_ROW = "setInput, and one row read";
const peekingEngine = await factory.createEngine({ enableProxy: true });

/** Makes the name of a case of one row. */
export const oneRowName = (count: number, mode: string) => `cu, ${mode} setInput, ${count.toLocaleString("en")} rows`;

/** Sizes of the inputs of which one row is read. */
export const ONE_ROW_COUNTS = [ROW_COUNT / 100, ROW_COUNT] as const;

for (const count of ONE_ROW_COUNTS) {
  const some = rows.slice(0, count);
  const check = (name: unknown) => assertEquals(name, some[count / 2 - 1].name);
  for (const [mode, options] of [["lazy", { lazy: true }], ["default", {}]] as const) {
    const unit = await ComputeUnit.create();
    benchCase({
      group: ONE_ROW,
      name: oneRowName(count, mode),
      contender: mode === "lazy" ? "cu lazy" : "cu",
      baseline: mode === "lazy" && count === ROW_COUNT,
      calls: 1000,
      run: () => {
        unit.setInput(some, options);
        return unit.compute("return _io.input[#_io.input // 2].name");
      },
      check,
    });
  }
  benchCase({
    group: ONE_ROW,
    name: `wasmoon, proxied array of ${count.toLocaleString("en")} rows`,
    contender: "wasmoon",
    calls: 100,
    run: () => runWasmoon(peekingEngine, some, "output = input[#input // 2].name"),
    check,
  });
}

// ---------------------------------------------------------------------- out

/** Name of the group. */
export const OUT = `${SIZE} rows { id, name, value } made in Lua, read as objects`;
const unreadUnit = await ComputeUnit.create();
const readUnit = await ComputeUnit.create();
const makingEngine = await factory.createEngine({ enableProxy: false });

const MADE_IN_LUA = `
  local made = {}
  for i = 1, ${ROW_COUNT} do made[i] = { id = i, name = "Made " .. i, value = i / 8 } end
`;
const madeRows = Array.from(
  { length: ROW_COUNT },
  (_, i) => ({ id: i + 1, name: `Made ${i + 1}`, value: (i + 1) / 8 }),
);

function checkMade(made: unknown): void {
  assertEquals((made as unknown[]).length, ROW_COUNT);
  for (const i of [0, 1, ROW_COUNT - 1]) assertEquals((made as unknown[])[i], madeRows[i]);
}

benchCase({
  group: OUT,
  name: "structuredClone of the rows, none made",
  contender: "structuredClone",
  baseline: true,
  run: () => structuredClone(madeRows),
  check: checkMade,
});
benchCase({
  group: OUT,
  name: "JSON.stringify, JSON.parse of the rows, none made",
  contender: "JSON",
  run: (): unknown => JSON.parse(JSON.stringify(madeRows)),
  check: checkMade,
});
benchCase({
  group: OUT,
  name: "cu, rows made, not read",
  contender: "cu before",
  run: () => unreadUnit.compute(`${MADE_IN_LUA} return #made`),
  check: (count) => assertEquals(count, ROW_COUNT),
});
benchCase({
  group: OUT,
  name: "cu, rows made, getOutput",
  contender: "cu",
  run: () => {
    readUnit.compute(`${MADE_IN_LUA} _io.output = made`);
    return readUnit.getOutput();
  },
  check: checkMade,
});
benchCase({
  group: OUT,
  name: "wasmoon, rows made, not read",
  contender: "wasmoon before",
  n: SLOW_N,
  run: () => runWasmoon(makingEngine, undefined, `${MADE_IN_LUA} output = #made`),
  check: (count) => assertEquals(count, ROW_COUNT),
});
benchCase({
  group: OUT,
  name: "wasmoon, rows made, global.get",
  contender: "wasmoon",
  n: SLOW_N,
  run: () => runWasmoon(makingEngine, undefined, `${MADE_IN_LUA} output = made`),
  check: checkMade,
});
benchCase({
  group: OUT,
  name: "wasmoon, rows made, tab-separated text",
  contender: "wasmoon",
  n: SLOW_N,
  run: () => {
    const code = `${MADE_IN_LUA}
      local lines = {}
      for i, row in ipairs(made) do lines[i] = ("%d\\t%s\\t%.17g\\n"):format(row.id, row.name, row.value) end
      output = table.concat(lines)
    `;
    const lines = linesOf(runWasmoon(makingEngine, undefined, code) as string);
    return lines.map(([id, name, value]) => ({ id: Number(id), name, value: Number(value) }));
  },
  check: checkMade,
});

// --------------------------------------------------------------- in and out

/** Name of the group. */
export const MAPPED = `${SIZE} rows in, mapped to { id, doubled }, out`;
const mapping = await createEngines();

/** What a row is mapped to. */
interface Doubled {
  id: number;
  doubled: number;
}

function mapRows(given: readonly Row[]): Doubled[] {
  return given.map(({ id, value }) => ({ id, doubled: value * 2 }));
}

/** Lua that maps the table `input` into the table `mapped`. */
export const MAPPED_IN_LUA = `
  local mapped = {}
  for i = 1, #input do
    local row = input[i]
    mapped[i] = { id = row.id, doubled = row.value * 2 }
  end
`;

/** The rows as JSON text, for those who take that. */
export const rowsAsJson = () => JSON.stringify(rows);

/** The sum of what the rows are mapped to. */
export const mappedSum = () => mapRows(rows).reduce((sum, { doubled }) => sum + doubled, 0);

function checkMapped(output: unknown): void {
  const expected = mapRows(rows);
  assertEquals((output as unknown[]).length, ROW_COUNT);
  // assertEquals on all 100,000 rows takes too long.
  const step = isShort ? 1 : 997;
  for (let i = 0; i < ROW_COUNT; i += step) assertEquals((output as unknown[])[i], expected[i]);
}

benchCase({
  group: MAPPED,
  name: "structuredClone in and out, mapped in plain JS",
  contender: "structuredClone",
  baseline: true,
  run: () => structuredClone(mapRows(structuredClone(rows))),
  check: checkMapped,
});
benchCase({
  group: MAPPED,
  name: "JSON text in and out, mapped in plain JS",
  contender: "JSON",
  run: (): unknown => JSON.parse(JSON.stringify(mapRows(JSON.parse(JSON.stringify(rows))))),
  check: checkMapped,
});
benchCase({
  group: MAPPED,
  name: "mapped in plain JS, no copy",
  contender: "plain JS",
  run: () => mapRows(rows),
  check: checkMapped,
});
for (const { mode, options } of MODES) {
  const unit = await ComputeUnit.create();
  benchCase({
    group: MAPPED,
    name: `cu, ${mode} setInput, compute, getOutput`,
    contender: `cu ${mode}`,
    run: () => {
      unit.setInput(rows, options);
      unit.compute(`local input = _io.input; ${MAPPED_IN_LUA} _io.output = mapped`);
      return unit.getOutput();
    },
    check: checkMapped,
  });
}
for (const [name, engine] of [["proxied rows", mapping.proxyEngine], ["pushed tables", mapping.tableEngine]] as const) {
  benchCase({
    group: MAPPED,
    name: `wasmoon, ${name} in, tables out`,
    contender: "wasmoon",
    n: SLOW_N,
    run: () => runWasmoon(engine, rows, `${MAPPED_IN_LUA} output = mapped`),
    check: checkMapped,
  });
}
benchCase({
  group: MAPPED,
  name: "wasmoon, tab-separated text in and out",
  contender: "wasmoon",
  n: SLOW_N,
  run: () => {
    const code = `
      local lines = {}
      for id, value in input:gmatch("([^\\t]*)\\t[^\\t]*\\t([^\\t]*)\\t[^\\n]*\\n") do
        lines[#lines + 1] = ("%s\\t%.17g\\n"):format(id, tonumber(value) * 2)
      end
      output = table.concat(lines)
    `;
    const lines = linesOf(runWasmoon(mapping.tableEngine, toText(rows), code) as string);
    return lines.map(([id, doubled]) => ({ id: Number(id), doubled: Number(doubled) }));
  },
  check: checkMapped,
});

// ------------------------------------------------------------------ numbers

const NUMBER_COUNT = isShort ? 10_000 : 1_000_000;

/** Name of the group. */
export const NUMBERS = `${NUMBER_COUNT.toLocaleString("en")} numbers in, mean and variance, as many out`;

const numbers = Float64Array.from({ length: NUMBER_COUNT }, (_, i) => Math.sin(i) * 100 + 20);

/** Lua that makes a table of about the same numbers, for those who start with one. */
export const NUMBERS_MADE_IN_LUA = `
  local input = {}
  for i = 1, ${NUMBER_COUNT} do input[i] = math.sin(i - 1) * 100 + 20 end
`;

/** Lua that measures the numbers of `input`, and puts each, standardized, into a new table `output`. */
export const STANDARDIZED_IN_LUA = `
  local count, sum, squares = #input, 0, 0
  for i = 1, count do sum = sum + input[i] end
  local mean = sum / count
  for i = 1, count do
    local difference = input[i] - mean
    squares = squares + difference * difference
  end
  local deviation = (squares / count) ^ 0.5
  local output = {}
  for i = 1, count do output[i] = (input[i] - mean) / deviation end
`;

/** The same, with the result in place of the input. */
const STANDARDIZED_IN_PLACE = STANDARDIZED_IN_LUA.replace("output = {}", "output = input");

/** The same in JavaScript. */
function standardize(given: Float64Array): number[] {
  let sum = 0, squares = 0;
  for (const x of given) sum += x;
  const mean = sum / given.length;
  for (const x of given) squares += (x - mean) * (x - mean);
  const deviation = Math.sqrt(squares / given.length);
  return Array.from(given, (x) => (x - mean) / deviation);
}

/** The last of the numbers, standardized. */
export const lastStandardized = () => standardize(numbers)[NUMBER_COUNT - 1];

function checkStandardized(output: unknown): void {
  const expected = standardize(numbers);
  const actual = output as number[];
  assert(Array.isArray(actual) && actual.length === NUMBER_COUNT);
  // Not exactly: Lua's `^` is another function than Math.sqrt.
  assert(expected.every((x, i) => Math.abs(x - actual[i]) < 1e-12));
}

benchCase({
  group: NUMBERS,
  name: "plain JS loops, an array out",
  contender: "plain JS",
  baseline: true,
  run: () => standardize(numbers),
  check: checkStandardized,
});
benchCase({
  group: NUMBERS,
  name: "JSON text in and out, plain JS loops",
  contender: "JSON",
  run: (): unknown => {
    const copy: number[] = JSON.parse(JSON.stringify(Array.from(numbers)));
    return JSON.parse(JSON.stringify(standardize(Float64Array.from(copy))));
  },
  check: checkStandardized,
});
benchCase({
  group: NUMBERS,
  name: "structuredClone in and out, plain JS loops",
  contender: "structuredClone",
  run: () => structuredClone(standardize(structuredClone(numbers))),
  check: checkStandardized,
});
const standardizingEngine = await factory.createEngine({ enableProxy: false });
for (const { mode, options } of [...MODES, { mode: "default", options: {} } as const]) {
  const unit = await ComputeUnit.create();
  const inPlaceUnit = await ComputeUnit.create();
  benchCase({
    group: NUMBERS,
    name: `cu, ${mode} setInput, results in a new table, getOutput`,
    contender: `cu ${mode}`,
    run: () => {
      unit.setInput(numbers, options);
      unit.compute(`local input = _io.input; ${STANDARDIZED_IN_LUA} _io.output = output`);
      return unit.getOutput();
    },
    check: checkStandardized,
  });
  benchCase({
    group: NUMBERS,
    name: `cu, ${mode} setInput, results in place of the input, getOutput`,
    run: () => {
      inPlaceUnit.setInput(numbers, options);
      inPlaceUnit.compute(`local input = _io.input; ${STANDARDIZED_IN_PLACE} _io.output = output`);
      return inPlaceUnit.getOutput();
    },
    check: checkStandardized,
  });
}
benchCase({
  group: NUMBERS,
  name: "wasmoon, pushed table in, table out",
  contender: "wasmoon",
  n: 2,
  run: () => runWasmoon(standardizingEngine, Array.from(numbers), `do ${STANDARDIZED_IN_LUA} _G.output = output end`),
  check: checkStandardized,
});
