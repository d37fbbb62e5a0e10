// What is left when a call has been stopped in the middle.

import { assertEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { CountingClock } from "../helpers/clock.ts";

Deno.test("variables of a coroutine that was stopped outlast it in the functions that share them", async () => {
  using cu = await ComputeUnit.create({ timeLimit: 1000, now: new CountingClock(1).now });
  const stopped = `
    local function none() end
    local co = coroutine.wrap(function()
      none()
      local a, b, c, d = 1, 2, "text", { 5 }
      function get() return a, b, c, d and d[1] end
      function set(value) d[1] = value end
      none()
      while true do end
    end)
    co()`;
  for (const collect of ["", "collectgarbage()", "collectgarbage('generational') collectgarbage('step')"]) {
    assertThrows(() => cu.compute(stopped), LuaError, "time limit");
    assertEquals(cu.computeAll(`${collect} return get()`), [1, 2, "text", 5], collect);
    assertEquals(cu.computeAll(`set(6) ${collect} return get()`), [1, 2, "text", 6], collect);
  }
});

Deno.test("variables of a coroutine that waits for one that was stopped outlast it too", async () => {
  using cu = await ComputeUnit.create({ timeLimit: 1000, now: new CountingClock(1).now });
  const code = `
    local outer = coroutine.wrap(function()
      local inner = coroutine.wrap(function()
        local x = { 7 }
        function inside() return x[1] end
        while true do end
      end)
      local y = { 8 }
      function outside() return y[1] end
      inner()
    end)
    waiting = coroutine.create(function()
      local z = { 9 }
      function suspended() return z[1] end
      coroutine.yield()
      z[1] = z[1] + 1
    end)
    coroutine.resume(waiting)
    outer()`;
  assertThrows(() => cu.compute(code), LuaError, "time limit");
  assertEquals(cu.computeAll("collectgarbage() return inside(), outside(), suspended()"), [7, 8, 9]);
  // What waited by itself goes on, with the variable that it shares.
  assertEquals(cu.computeAll("return coroutine.resume(waiting), suspended()"), [true, 10]);
});

Deno.test("a limit that was given for one run isn't the next one's", async () => {
  using cu = await ComputeUnit.create({ now: new CountingClock().now });
  assertThrows(() => cu.compute("while true do end", { timeLimit: 5 }), LuaError, "time limit");
  // Long enough that the host looks at the clock while it reads it.
  const code = "return ('é'):rep(4 * 1024 * 1024)";
  assertEquals(cu.compute<string>(code).length, 4 * 1024 * 1024);
});
