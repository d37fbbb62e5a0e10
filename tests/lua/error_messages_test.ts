// Error messages as Lua's own.

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";

Deno.test("Lua: error messages name a library function that pcall calls", async () => {
  using cu = await ComputeUnit.create();
  for (const name of ["string.rep", "table.concat", "math.floor", "utf8.char", "coroutine.resume", "os.time"]) {
    const [, short] = name.split(".");
    const code = `return select(2, pcall(${name}, ${name === "os.time" ? 5 : "print"}))`;
    assertMatch(cu.compute<string>(code), new RegExp(`bad argument #1 to '(${name}|${short})'`), name);
  }
});

Deno.test("Lua: error messages name what was wrong", async () => {
  using cu = await ComputeUnit.create();
  const cases: [string, string | RegExp][] = [
    ["return 1 // 0", "attempt to divide by zero"],
    ["return 1 % 0", "attempt to perform 'n%0'"],
    ["local t = {} t.a.b = 1", "attempt to index a nil value (field 'a')"],
    ["return #5", "attempt to get length of a number value"],
    ["return {} .. 'x'", "attempt to concatenate a table value"],
    ["return {} < 1", "attempt to compare table with number"],
    ["undefined()", "attempt to call a nil value (global 'undefined')"],
    ["local s = 'x' return s:nope()", "attempt to call a nil value (method 'nope')"],
    ["return 1.5 | 1", "number has no integer representation"],
    ["return ('x'):rep(1e10)", "resulting string too large"],
    ["return math.floor({})", "bad argument #1 to 'floor' (number expected, got table)"],
    ["return setmetatable({}, { __index = function() error('deep') end }).x", "deep"],
    ["for i = 1, 10, 0 do end", "'for' step is zero"],
    ["return table.concat({ {} })", "invalid value (table) at index 1 in table for 'concat'"],
    ["return ('x'):find('[')", "malformed pattern (missing ']')"],
    ["goto x", /no visible label 'x' for <goto>/],
    ["local x <close> = 5", "variable 'x' got a non-closable value"],
    ["return tostring()", "bad argument #1 to 'tostring' (value expected)"],
    ["string.format('%d', 'x')", "bad argument #2 to 'format' (number expected, got string)"],
    ["return 2 ^ 63 // 1 | 0", "number has no integer representation"],
  ];
  for (const [code, message] of cases) {
    const error = assertThrows(() => cu.compute(code), LuaError);
    if (typeof message === "string") assertEquals(error.message, message, code);
    else assertMatch(error.message, message);
  }
});
