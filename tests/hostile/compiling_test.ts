// Code that is hard to compile ends within the time limit, too.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { assertEndsInTime, LOOKS_AFTER_MAX } from "../helpers/clock.ts";
import { checkWorks, clock, createUnit, run, TIME_LIMIT_MS } from "../helpers/hostile.ts";

Deno.test("a finalizer that runs while code is compiled is within the time limit", async () => {
  using cu = await createUnit();
  cu.compute("local mt = { __gc = function() for i = 1, 1e8 do end end } for i = 1, 10 do setmetatable({}, mt) end");
  // Enough constants to make the collector work.
  const { end, looks } = run(cu, Array.from({ length: 20_000 }, (_, i) => `x = "string ${i}"`).join("\n"));
  assert(end === "time" || end === "result", end);
  assert(looks <= TIME_LIMIT_MS + LOOKS_AFTER_MAX, `looked ${looks} times at the clock`);
  checkWorks(cu);
});

Deno.test("the time limit ends the compiling of any code", async () => {
  // More than the words of a source take: what must be counted is the work that each makes.
  const limit = 4 * TIME_LIMIT_MS;
  using cu = await createUnit(limit);
  const names = (depth: number) => Array.from({ length: 190 }, (_, i) => `v${depth}_${i}`).join(", ");
  const nested = Array.from({ length: 179 }, (_, depth) => `function f() local ${names(depth)} `).join("");
  const sources = [
    "x = " + "a and ".repeat(2e5) + "a",
    "x = " + "a or ".repeat(2e5) + "a",
    `${nested}${"x = x ".repeat(1e5)}${"end ".repeat(179)}`,
    `return ${"(".repeat(100)}1${")".repeat(100)} ${" ".repeat(3e7)}`,
  ];
  for (const source of sources) {
    const shown = source.slice(0, 20);
    for (const use of [() => cu.compile(source), () => cu.compute(source)]) {
      const looks = clock.looksOf(() => {
        try {
          use();
          assert(source.startsWith("return"), `${shown} was compiled`);
        } catch (error) {
          assert(error instanceof LuaError && error.kind === "time", `${shown}: ${error}`);
        }
      });
      assert(looks <= limit + LOOKS_AFTER_MAX, `${shown}: looked ${looks} times at the clock`);
    }
    assertStrictEquals(cu.compute("return 1 + 1"), 2);
  }
});

Deno.test("finalizers that come again between attempts to compile don't make them last", async () => {
  const limit = 4 * TIME_LIMIT_MS;
  using cu = await ComputeUnit.create({ memoryLimit: 16 * 1024 * 1024, timeLimit: limit, now: clock.now });
  // Time goes on here too, as the finalizers wait for it.
  clock.stepMs = 0.01;
  cu.compute(`
    KEEP = {}
    local function arm()
      setmetatable({}, { __gc = function()
        pcall(arm)
        local t = os.clock() while os.clock() - t < ${0.6 * limit / 1000} do end
        KEEP[#KEEP] = nil
      end })
    end
    arm() collectgarbage("stop")
  `);
  for (const size of [200_000, 20_000, 2000, 200]) {
    cu.compute(`pcall(function() for i = #KEEP + 1, 1e9 do KEEP[i] = ("x"):rep(${size}) .. i end end)`);
  }
  clock.stepMs = 1;
  const { looks } = run(cu, `return 1 -- ${"x".repeat(1e6)}`);
  // One more attempt after the time is up, and its finalizers.
  assert(looks <= 5 * limit, `looked ${looks} times at the clock`);
});

Deno.test("compiling and running share the time of one compute", async () => {
  const limit = 4 * TIME_LIMIT_MS;
  using cu = await createUnit(limit);
  const long = `local function f() ${"x = 1 ".repeat(250_000)} end`;
  const compiling = clock.looksOf(() => cu.compute(long));
  assert(compiling > limit / 4 && compiling < limit, `looked ${compiling} times at the clock`);
  assertEndsInTime(cu, clock, limit, `${long} while true do end`);
});

Deno.test("code that nests too deep to compile is a clear error", async () => {
  using cu = await ComputeUnit.create();
  const sources = [
    `return ${"(".repeat(1000)}1${")".repeat(1000)}`,
    Array.from({ length: 1000 }, (_, i) => `::l${i}::`).join(" "),
    `${"do ".repeat(1000)}${"end ".repeat(1000)}`,
  ];
  for (const source of sources) {
    const error = assertThrows(() => cu.compute(source), LuaError, "C stack overflow");
    assertEquals(error.kind, "limit");
  }
});
