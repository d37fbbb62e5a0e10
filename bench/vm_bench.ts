/**
 * The speed of the Lua VM itself: programs that take no input, one group for each.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { assertEquals } from "@std/assert";
import { LuaFactory } from "wasmoon";
import { benchCase } from "./cases.ts";
import { CONTROL_PROGRAMS, PROGRAMS } from "./programs.ts";

const unit = await ComputeUnit.create();
const engine = await new LuaFactory().createEngine();

for (const { name: group, code, result } of [...PROGRAMS, ...CONTROL_PROGRAMS]) {
  benchCase({
    group,
    name: "wasmoon",
    contender: "wasmoon",
    baseline: true,
    run: () => {
      engine.doStringSync(`output = (function() ${code} end)()`);
      return engine.global.get("output");
    },
    check: (output) => assertEquals(output, result),
  });
  benchCase({
    group,
    name: "cu",
    contender: "cu",
    run: () => unit.compute(code),
    check: (output) => assertEquals(output, result),
  });
}
