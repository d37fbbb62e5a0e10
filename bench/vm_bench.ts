/**
 * The speed of the Lua VM itself: programs that take no input, one group for each.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { LuaFactory } from "wasmoon";
import { programCases } from "./cases.ts";
import { CONTROL_PROGRAMS, PROGRAMS } from "./programs.ts";

const unit = await ComputeUnit.create();
const engine = await new LuaFactory().createEngine();

for (const { name: group, code, result } of [...PROGRAMS, ...CONTROL_PROGRAMS]) {
  programCases({ group, code, result }, engine, () => unit.compute(code));
}
