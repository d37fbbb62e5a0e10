/**
 * Chunks of Lua that assert by themselves.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { ComputeUnit, type LuaValue } from "@computeunit/cu";

/** What the chunks use: `eq(a, b)` with kinds, `fails(pattern, f, ...)`. */
const PRELUDE = `
  function eq(a, b, note)
    local same = a == b and math.type(a) == math.type(b) or a ~= a and b ~= b
    if same and a == 0 and math.type(a) == "float" then same = 1 / a == 1 / b end
    if not same then
      error(("%s: got %s (%s), expected %s (%s)"):format(
        note or "eq", tostring(a), math.type(a) or type(a), tostring(b), math.type(b) or type(b)), 2)
    end
  end
  function fails(pattern, f, ...)
    local ok, message = pcall(f, ...)
    if ok then error("should fail with " .. pattern, 2) end
    if not tostring(message):find(pattern) then error("fails with " .. tostring(message) .. ", not " .. pattern, 2) end
  end
  function list(...)
    local parts = table.pack(...)
    for i = 1, parts.n do parts[i] = tostring(parts[i]) end
    return table.concat(parts, " ")
  end
`;

/** Tests that a chunk, which asserts by itself, returns this. */
export function luaTest(name: string, code: string, returns: LuaValue = null): void {
  Deno.test(`Lua: ${name}`, async () => {
    using cu = await ComputeUnit.create();
    cu.compute(PRELUDE);
    assertEquals(cu.compute(code), returns);
  });
}
