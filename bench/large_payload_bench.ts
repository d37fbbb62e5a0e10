/**
 * A payload of 6.4 MB in and out of Lua: 100,000 rows `{ id, name, value, active }`,
 * 6.2 MB as JSON.
 *
 * Each group has structuredClone of the same rows as its baseline: what it costs to
 * copy them once inside JavaScript, without any work on them. Where a case's name says
 * so, it has fewer rows.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { assert, assertEquals } from "@std/assert";
import { type LuaEngine, LuaFactory } from "wasmoon";
import { benchCase, isShort, makeRows, type Row } from "./data.ts";

const ROW_COUNT = isShort ? 1000 : 100_000;
const SIZE = ROW_COUNT.toLocaleString("en");

/** Runs of cases that take a second each. */
const SLOW_N = 5;

const rows = makeRows(ROW_COUNT);
const textEncoder = new TextEncoder();
if (!isShort) {
  const jsonSize = textEncoder.encode(JSON.stringify(rows)).length;
  assert(jsonSize > 6.1e6 && jsonSize < 6.4e6, `The rows take ${jsonSize} bytes as JSON, not about 6.2 MB`);
}

const factory = new LuaFactory();

/** What a group runs in: its own, so that no group works beside another's data. */
async function createRuntimes() {
  return {
    unit: await ComputeUnit.create(),
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

function fromText(text: string): Row[] {
  const lines = text.split("\n");
  lines.pop();
  return lines.map((line) => {
    const [id, name, value, active] = line.split("\t");
    return { id: Number(id), name, value: Number(value), active: active === "1" };
  });
}

/** Runs code in wasmoon; it sets the global `output`, as what it returned would stay on its stack. */
function runWasmoon(engine: LuaEngine, input: unknown, code: string): unknown {
  engine.global.set("input", input);
  engine.doStringSync(code);
  return engine.global.get("output");
}

// ---------------------------------------------------------------- one field

const ONE_FIELD = `${SIZE} rows in, one field of each summed`;
const summing = await createRuntimes();

function sumValues(given: readonly Row[]): number {
  let sum = 0;
  for (const row of given) sum += row.value;
  return sum;
}

const checkSum = (sum: unknown) => assertEquals(sum, sumValues(rows));

benchCase({
  group: ONE_FIELD,
  name: "structuredClone, nothing summed",
  baseline: true,
  run: () => structuredClone(rows),
  check: (copy) => assertEquals(copy.length, ROW_COUNT),
});
benchCase({
  group: ONE_FIELD,
  name: "JSON.stringify, JSON.parse, nothing summed",
  run: (): Row[] => JSON.parse(JSON.stringify(rows)),
  check: (copy) => assertEquals(copy.length, ROW_COUNT),
});
benchCase({ group: ONE_FIELD, name: "plain JS loop, no copy", run: () => sumValues(rows), check: checkSum });
benchCase({
  group: ONE_FIELD,
  name: "cu, setInput, compute",
  run: () => {
    summing.unit.setInput(rows);
    return summing.unit.compute(`
      local sum = 0
      for _, row in ipairs(_io.input) do sum = sum + row.value end
      return sum
    `);
  },
  check: checkSum,
});
for (const [name, engine] of [["proxied rows", summing.proxyEngine], ["pushed tables", summing.tableEngine]] as const) {
  benchCase({
    group: ONE_FIELD,
    name: `wasmoon, ${name}`,
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

// -------------------------------------------------------------- every field

const EVERY_FIELD = `${SIZE} rows in, every field of each read`;
const reading = await createRuntimes();

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
  baseline: true,
  run: () => structuredClone(rows),
  check: (copy) => assertEquals(copy.length, ROW_COUNT),
});
benchCase({
  group: EVERY_FIELD,
  name: "plain JS loop, no copy",
  run: () => totalsOf(rows),
  check: ({ ids, nameUnits }) => {
    assertEquals(ids, ROW_COUNT * (ROW_COUNT + 1) / 2);
    assertEquals(nameUnits, rows.map(({ name }) => name).join("").length);
  },
});
benchCase({
  group: EVERY_FIELD,
  name: "cu, setInput, compute",
  run: () => {
    reading.unit.setInput(rows);
    return reading.unit.compute(`local input, output = _io.input; ${TOTALS_IN_LUA} return output`);
  },
  check: checkTotals,
});
for (const [name, engine] of [["proxied rows", reading.proxyEngine], ["pushed tables", reading.tableEngine]] as const) {
  benchCase({
    group: EVERY_FIELD,
    name: `wasmoon, ${name}`,
    n: SLOW_N,
    run: () => runWasmoon(engine, rows, TOTALS_IN_LUA),
    check: checkTotals,
  });
}
benchCase({
  group: EVERY_FIELD,
  name: "wasmoon, tab-separated text",
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

// ---------------------------------------------------------------------- out

const OUT = `${SIZE} rows { id, name, value } made in Lua, read as objects`;
const making = await createRuntimes();

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
  baseline: true,
  run: () => structuredClone(madeRows),
  check: checkMade,
});
benchCase({
  group: OUT,
  name: "cu, rows made, not read",
  run: () => making.unit.compute(`${MADE_IN_LUA} return #made`),
  check: (count) => assertEquals(count, ROW_COUNT),
});
benchCase({
  group: OUT,
  name: "cu, rows made, getOutput",
  run: () => {
    making.unit.compute(`${MADE_IN_LUA} _io.output = made`);
    return making.unit.getOutput();
  },
  check: checkMade,
});
benchCase({
  group: OUT,
  name: "wasmoon, rows made, not read",
  n: SLOW_N,
  run: () => runWasmoon(making.tableEngine, undefined, `${MADE_IN_LUA} output = #made`),
  check: (count) => assertEquals(count, ROW_COUNT),
});
benchCase({
  group: OUT,
  name: "wasmoon, rows made, global.get",
  n: SLOW_N,
  run: () => runWasmoon(making.tableEngine, undefined, `${MADE_IN_LUA} output = made`),
  check: checkMade,
});

// --------------------------------------------------------------- in and out

const IN_AND_OUT = `${SIZE} rows in, value doubled, all fields of each out`;
const doubling = await createRuntimes();

function doubled(given: readonly Row[]): Row[] {
  return given.map(({ id, name, value, active }) => ({ id, name, value: value * 2, active }));
}

const DOUBLED_IN_LUA = `
  local doubled = {}
  for i = 1, #input do
    local row = input[i]
    doubled[i] = { id = row.id, name = row.name, value = row.value * 2, active = row.active }
  end
`;

function checkDoubled(output: unknown): void {
  const expected = doubled(rows);
  assertEquals((output as unknown[]).length, ROW_COUNT);
  // assertEquals on all 100,000 rows takes too long.
  const step = isShort ? 1 : 997;
  for (let i = 0; i < ROW_COUNT; i += step) assertEquals((output as unknown[])[i], expected[i]);
}

benchCase({
  group: IN_AND_OUT,
  name: "structuredClone in and out, doubled in plain JS",
  baseline: true,
  run: () => structuredClone(doubled(structuredClone(rows))),
  check: checkDoubled,
});
benchCase({
  group: IN_AND_OUT,
  name: "JSON text in and out, doubled in plain JS",
  run: () => JSON.parse(JSON.stringify(doubled(JSON.parse(JSON.stringify(rows))))),
  check: checkDoubled,
});
benchCase({
  group: IN_AND_OUT,
  name: "doubled in plain JS, no copy",
  run: () => doubled(rows),
  check: checkDoubled,
});
benchCase({
  group: IN_AND_OUT,
  name: "cu, setInput, compute, getOutput",
  run: () => {
    doubling.unit.setInput(rows);
    doubling.unit.compute(`local input = _io.input; ${DOUBLED_IN_LUA} _io.output = doubled`);
    return doubling.unit.getOutput();
  },
  check: checkDoubled,
});
for (
  const [name, engine] of [["proxied rows", doubling.proxyEngine], ["pushed tables", doubling.tableEngine]] as const
) {
  benchCase({
    group: IN_AND_OUT,
    name: `wasmoon, ${name} in, tables out`,
    n: SLOW_N,
    run: () => runWasmoon(engine, rows, `${DOUBLED_IN_LUA} output = doubled`),
    check: checkDoubled,
  });
}
benchCase({
  group: IN_AND_OUT,
  name: "wasmoon, tab-separated text in and out",
  n: SLOW_N,
  run: () => {
    const code = `
      local lines = {}
      for id, name, value, active in input:gmatch("([^\\t]*)\\t([^\\t]*)\\t([^\\t]*)\\t([^\\n]*)\\n") do
        lines[#lines + 1] = ("%s\\t%s\\t%.17g\\t%s\\n"):format(id, name, tonumber(value) * 2, active)
      end
      output = table.concat(lines)
    `;
    return fromText(runWasmoon(doubling.tableEngine, toText(rows), code) as string);
  },
  check: checkDoubled,
});
