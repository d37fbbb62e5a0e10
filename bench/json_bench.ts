/**
 * JSON in and out of Lua: the rows of the large payload, 6.2 MB. What cu does without making
 * JavaScript's values stands beside JSON.parse and JSON.stringify with a copy of them.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { assertEquals } from "@std/assert";
import { benchCase } from "./cases.ts";
import { makeRows } from "./data.ts";
import { ROW_COUNT } from "./large_payload_bench.ts";

const SIZE = ROW_COUNT.toLocaleString("en");

/** Names of the groups. */
export const JSON_IN = `${SIZE} rows as JSON into Lua`;
/** The other way. */
export const JSON_OUT = `${SIZE} rows out of Lua as JSON`;
/** By code itself. */
export const JSON_DECODED = `${SIZE} rows as JSON, decoded in Lua`;

const rows = makeRows(ROW_COUNT);
const text = JSON.stringify(rows);

/** A unit with rows as its output; cases share none, so that none collects another's garbage. */
async function createWithOutput(): Promise<ComputeUnit> {
  const unit = await ComputeUnit.create();
  unit.setInput(rows, { lazy: false });
  unit.compute("_io.output = _io.input");
  return unit;
}

/** Tells that the rows are there. */
const COUNTED = "return #_io.input";

{
  const unit = await ComputeUnit.create();
  benchCase({
    group: JSON_IN,
    name: "JSON.parse, copying setInput",
    contender: "JSON",
    baseline: true,
    run: () => unit.setInput(JSON.parse(text), { lazy: false }),
    check: () => assertEquals(unit.compute(COUNTED), ROW_COUNT),
  });
}
{
  const unit = await ComputeUnit.create();
  benchCase({
    group: JSON_IN,
    name: "cu, setInputJson",
    contender: "cu",
    run: () => unit.setInputJson(text),
    check: () => assertEquals(unit.compute(COUNTED), ROW_COUNT),
  });
}

{
  const unit = await createWithOutput();
  benchCase({
    group: JSON_OUT,
    name: "getOutput, JSON.stringify",
    contender: "JSON",
    baseline: true,
    run: () => JSON.stringify(unit.getOutput()),
    check: (written) => assertEquals(written, text),
  });
}
{
  const unit = await createWithOutput();
  benchCase({
    group: JSON_OUT,
    name: "cu, getOutputJson",
    contender: "cu",
    run: () => unit.getOutputJson(),
    check: (written) => assertEquals(written, text),
  });
}

{
  const unit = await ComputeUnit.create();
  unit.setInput(text);
  benchCase({
    group: JSON_DECODED,
    name: "cu, json.decode",
    contender: "cu",
    run: () => unit.compute("return #require('json').decode(_io.input)"),
    check: (count) => assertEquals(count, ROW_COUNT),
  });
  benchCase({
    group: JSON_DECODED,
    name: "JSON.parse",
    contender: "JSON",
    baseline: true,
    run: (): unknown[] => JSON.parse(text),
    check: (parsed) => assertEquals(parsed.length, ROW_COUNT),
  });
}
