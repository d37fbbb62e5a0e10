/**
 * External tables beside Lua's own: a field that was read before, and writes through to the host.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { assertEquals } from "@std/assert";
import { benchCase } from "./cases.ts";

/** The groups of the cases. */
export const READ = "read a field of a table, 100,000 times";
export const WRITE = "write a field of a table, 10,000 times";
/** Writes of one run. */
export const WRITES = 10_000;
/** The cases of each. */
export const EXTERNAL = "external table";
export const ORDINARY = "Lua's own table";

const unit = await ComputeUnit.create();
unit.compute("_home.x = 1 own = { x = 1 }");

for (const [name, table] of [[EXTERNAL, "_home"], [ORDINARY, "own"]]) {
  const baseline = name === ORDINARY;
  benchCase({
    group: READ,
    name,
    baseline,
    run: unit.compile(`local t, n = ${table}, 0 for i = 1, 100000 do n = n + t.x end return n`),
    check: (sum) => assertEquals(sum, 100_000),
  });
  benchCase({
    group: WRITE,
    name,
    baseline,
    run: unit.compile(`local t = ${table} for i = 1, ${WRITES} do t.y = i end return t.y`),
    check: (last) => assertEquals(last, WRITES),
  });
}
