/**
 * A value on its way into Lua, and out again.
 *
 * @module
 */

import type { ComputeUnit, InputOptions, LuaValue } from "@computeunit/cu";

/** In, and out again untouched. */
export function roundTrip(cu: ComputeUnit, value: unknown, options: InputOptions = {}): LuaValue {
  cu.setInput(value, options);
  return cu.compute("return _io.input");
}

/** What Lua says of the input. */
export function inLua(cu: ComputeUnit, value: unknown, expression: string): LuaValue {
  cu.setInput(value);
  return cu.compute(`local v = _io.input; return ${expression}`);
}
