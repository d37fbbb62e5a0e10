/**
 * What a run ends with.
 *
 * @module
 */

import type { LuaValue } from "../values/lua_value.ts";

/**
 * What {@linkcode ComputeUnit.computeAsync} gives.
 *
 * @typeParam T Type of the value; it isn't checked.
 * @typeParam Output Type of the output; it isn't checked.
 */
export interface ComputeAsyncResult<T = LuaValue, Output = LuaValue> {
  /** The first value that the code returned, `null` where there is none. */
  value: T;
  /** `_io.output` of the run, `null` where there is none. */
  output: Output;
  /** `_io.meta` of the run, `null` where there is none. */
  meta: LuaValue;
}
