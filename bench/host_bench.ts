/**
 * Calls of the host's functions from Lua code: a thousand of them in one run, one group for each
 * kind of arguments.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { LuaFactory } from "wasmoon";
import { type ProgramCase, programCases } from "./cases.ts";

/** Two numbers in, one out. */
export const NUMBERS_CALL = "host function: two numbers in, one out, 1,000 calls";
/** A row of four fields in, and out. */
export const ROW_CALL = "host function: a row of four fields in and out, 1,000 calls";

/** What the host gives code. */
const HOST = {
  add: (a: number, b: number): number => a + b,
  discount: (row: Record<string, unknown>): Record<string, unknown> => ({ ...row, price: row.price as number / 2 }),
};

const CALLS: ProgramCase[] = [
  {
    group: NUMBERS_CALL,
    code: "local sum = 0 for i = 1, 1000 do sum = add(sum, i) end return sum",
    result: 500_500,
  },
  {
    group: ROW_CALL,
    code: `
      local sum = 0
      for i = 1, 1000 do
        local row = discount({ id = i, name = "row", price = i, active = true })
        sum = sum + row.price
      end
      return sum
    `,
    result: 250_250,
  },
];

const unit = await ComputeUnit.create({ globals: HOST });
const engine = await new LuaFactory().createEngine({ enableProxy: false });
for (const [name, run] of Object.entries(HOST)) engine.global.set(name, run);

for (const call of CALLS) programCases(call, engine, unit.compile(call.code));
