// What is stopped by the time limit, and when it holds.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { assertEndsInTime, CountingClock, LOOKS_AFTER_MAX } from "../helpers/clock.ts";
import { clock, createUnit, run, TIME_LIMIT_MS } from "../helpers/hostile.ts";

Deno.test("what is stopped stays stopped, and is dead", async () => {
  using cu = await createUnit();
  cu.compute("local x, y = 5 get = function() return x end");
  assertThrows(() =>
    cu.compute(`
      co = coroutine.create(function()
        local y = 7
        getY = function() y = y + 1 return y end
        local z <close> = setmetatable({}, { __close = function() closed = true end })
        while true do end
      end)
      coroutine.resume(co)`), LuaError);
  assertEquals(cu.compute("return { get(), getY(), getY() }"), [5, 8, 9]);
  assertEquals(cu.compute("return (coroutine.resume(co))"), false);
  assertEquals(cu.compute("return (pcall(coroutine.close, co))"), false);
  cu.compute("co = nil collectgarbage() collectgarbage('generational') collectgarbage('incremental')");
  assertEquals(cu.compute("return { get(), getY(), closed or 'never' }"), [5, 10, "never"]);
  assertEquals(cu.compute("return { coroutine.isyieldable(), select(2, coroutine.running()) }"), [false, true]);
});

Deno.test("a time limit that is over before the code begins ends it", async () => {
  using cu = await createUnit(1e-6);
  // A loop with an end, or a failure of this test would be a hang.
  const { end, looks } = run(cu, "for i = 1, 3e8 do end");
  assertStrictEquals(end, "time");
  assert(looks <= LOOKS_AFTER_MAX, `looked ${looks} times at the clock`);
});

Deno.test("the time limit holds in what results, refusals and comparisons take", async () => {
  const limit = 200;
  using cu = await ComputeUnit.create({ timeLimit: limit, memoryLimit: 2 ** 29, now: clock.now });
  const codes = [
    'local k = ("k"):rep(1e7) local o = {} for i = 1, 1000 do o[i] = { [k] = 1 } end return o',
    'local a, b = _io.bytes(("x"):rep(1e7)), _io.bytes(("x"):rep(1e7)) for i = 1, 10000 do local _ = a == b end',
  ];
  for (const code of codes) assertEndsInTime(cu, clock, limit, code);
  assertEquals(cu.compute("return { 1 }"), [1]);
});

Deno.test("the time limit holds while a long result is read", async () => {
  const clock = new CountingClock(0);
  const limit = 1000;
  using cu = await ComputeUnit.create({ timeLimit: limit, now: clock.now });
  cu.compute("filled = {} for i = 1, 1e6 do filled[i] = { i } end");
  const code = "return filled";
  const all = clock.looksOf(() => cu.compute(code));
  // Its chunks of 4096 words cross while code runs, and are read afterwards: a look for each, both times.
  assert(all >= 2 * (2e6 / 4096 - 1), `looked ${all} times at the clock`);
  for (const part of [0.25, 0.75]) {
    clock.stepMs = limit / (all * part);
    const looks = clock.looksOf(() => assertStrictEquals(assertThrows(() => cu.compute(code), LuaError).kind, "time"));
    assert(looks <= all * part + LOOKS_AFTER_MAX, `looked ${looks} times at the clock, of ${all}`);
  }
  assertEquals(cu.compute("return { filled[1], filled[2] }"), [[1], [2]]);
});

Deno.test("reading an error's value counts for the limits of the run, the unit's or its own", async () => {
  const clock = new CountingClock();
  const rows = "rows = {} for i = 1, 200000 do rows[i] = { i } end";
  using cu = await ComputeUnit.create({ now: clock.now });
  using limited = await ComputeUnit.create({ now: clock.now, timeLimit: 20 });
  for (const unit of [cu, limited]) unit.compute(rows, { timeLimit: 1e6 });
  const message = "error object is a table value";
  for (
    const [unit, options, kind, what] of [
      [limited, {}, "time", "time limit of 20 ms exceeded"],
      [cu, { timeLimit: 20 }, "time", "time limit of 20 ms exceeded"],
      [cu, { stepLimit: 50_000 }, "limit", "limit of 50000 steps exceeded"],
    ] as const
  ) {
    for (const isAsync of [false, true]) {
      const before = clock.looks;
      const error = isAsync
        ? await assertRejects(() => unit.computeAsync("error(rows)", options), LuaError, message)
        : assertThrows(() => unit.compute("error(rows)", options), LuaError, message);
      assert(clock.looks - before <= 20 + LOOKS_AFTER_MAX, `looked ${clock.looks - before} times at the clock`);
      assert(error.cause instanceof LuaError);
      assertEquals([error.value, error.cause.kind, error.cause.message], [undefined, kind, what]);
    }
    assertEquals(assertThrows(() => unit.compute("error({ 1 })", options), LuaError).value, [1]);
  }
  assertEquals((assertThrows(() => cu.compute("error(rows)"), LuaError).value as unknown[]).length, 200_000);
});

Deno.test("a result that comes too late isn't taken for the next one", async () => {
  using cu = await createUnit(4 * TIME_LIMIT_MS);
  // More than one buffer full, and no step of the VM between the parser's end and the result's.
  cu.compute("kept = {} for i = 1, 20000 do kept[i] = 'text ' .. i end");
  cu.compute("code = ('x = 1 '):rep(1e3):rep(1500)");
  assertEquals(run(cu, "local kept, code = kept, code load(code) return kept").end, "time");
  assertStrictEquals(cu.compute("return 'next'"), "next");
  assertEquals(run(cu, "local kept, code = kept, code _io.output = 'output' load(code) return kept").end, "time");
  assertStrictEquals(cu.getOutput(), "output");
});
