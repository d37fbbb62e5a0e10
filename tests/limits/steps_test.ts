import { assert, assertEquals, assertNotEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, type ComputeUnitOptions, LuaError } from "@computeunit/cu";
import { CountingClock } from "../helpers/clock.ts";

const SEED = 42;

/** How code ends with so many steps: its result, or the kind of its error. */
async function endOf(code: string, stepLimit: number, options: ComputeUnitOptions = {}): Promise<unknown> {
  using cu = await ComputeUnit.create({ stepLimit, seed: SEED, ...options });
  try {
    return cu.compute(code);
  } catch (error) {
    if (error instanceof LuaError) return error.kind;
    throw error;
  }
}

/** The fewest steps with which code comes to its end. */
async function stepsOf(code: string, options: ComputeUnitOptions = {}): Promise<number> {
  let few = 0, enough = 1;
  while (await endOf(code, enough, options) === "limit") enough *= 2;
  while (enough - few > 1) {
    const middle = Math.floor((few + enough) / 2);
    if (await endOf(code, middle, options) === "limit") few = middle;
    else enough = middle;
  }
  return enough;
}

Deno.test("stepLimit ends code of any kind, which can't catch it, and the unit goes on", async () => {
  using cu = await ComputeUnit.create({ stepLimit: 100_000 });
  for (
    const code of [
      "while true do end",
      "while true do pcall(error) end",
      "local function f() return f() end f()",
      "pcall(function() while true do end end)",
      "coroutine.wrap(function() while true do end end)()",
      "local s = ('x'):rep(1e6) while true do s:upper() end",
      "('x'):rep(1e5):find(('x*'):rep(100) .. 'y')",
      "setmetatable({}, { __gc = function() while true do end end }) while true do collectgarbage() end",
      `local code = ("x = 1 "):rep(1e5) while true do load(code) end`,
      "table.sort({ 1, 2, 3 }, function() while true do end end)",
    ]
  ) {
    const error = assertThrows(() => cu.compute(code), LuaError, "limit of 100000 steps exceeded", code);
    assertStrictEquals(error.kind, "limit", code);
    assertEquals(cu.compute("return 1"), 1);
  }
  const error = assertThrows(() => cu.compute("local n = 0\nwhile true do n = n + 1 end"), LuaError);
  assertEquals([error.chunk, error.line], ["compute", 2]);
  assert(error.traceback.includes("compute:2: in main chunk"));
});

Deno.test("the same code takes the same steps in units with the same seed, whatever the clock", async () => {
  const programs = [
    "local n = 0 for i = 1, 10000 do n = n + i end return n",
    "local t = {} for i = 1, 2000 do t['k' .. i] = i end local n = 0 for _, v in pairs(t) do n = n + v end return n",
    "local t = {} for i = 1, 3000 do t[i] = math.random(1000) end table.sort(t) return #t",
    "return #(('abc'):rep(5000):gsub('b', string.upper))",
    "local t = {} for i = 1, 5000 do t[i] = { i } end collectgarbage() return #t",
  ];
  for (const code of programs) {
    const steps = await stepsOf(code);
    assert(steps > 100, `${steps} steps: ${code}`);
    const clock = new CountingClock();
    assertEquals(await stepsOf(code, { now: clock.now, timeLimit: 1e9 }), steps, code);
    assertEquals(await stepsOf(code, { onProgress: () => {} }), steps, code);
    assertEquals(await endOf(code, steps - 1), "limit");
  }
});

Deno.test("steps count for one run, and grow with the work", async () => {
  const steps = await stepsOf("for i = 1, 10000 do end");
  const ratio = await stepsOf("for i = 1, 20000 do end") / steps;
  assert(ratio > 1.9 && ratio < 2.1, `${ratio}`);
  using cu = await ComputeUnit.create({ stepLimit: 2 * steps });
  for (let i = 0; i < 10; i++) cu.compute("for i = 1, 10000 do end");
  cu.compute("function f(n) for i = 1, n do end end");
  for (let i = 0; i < 10; i++) cu.call("f", 10_000);
  assertThrows(() => cu.call("f", 1e6), LuaError, "steps exceeded");
});

Deno.test("a time limit and a limit of steps work beside each other", async () => {
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({ timeLimit: 20, stepLimit: 1e9, now: clock.now });
  assertStrictEquals(assertThrows(() => cu.compute("while true do end"), LuaError).kind, "time");
  using other = await ComputeUnit.create({ timeLimit: 1e9, stepLimit: 1e5, now: clock.now });
  assertStrictEquals(assertThrows(() => other.compute("while true do end"), LuaError).kind, "limit");
});

Deno.test("units with one seed give the same output, also where it depends on chance and order", async () => {
  const code = `
    local t, order = {}, {}
    for i = 1, 50 do t["key " .. i] = i t[i * 1.5] = i end
    for k in pairs(t) do order[#order + 1] = tostring(k) end
    return table.concat(order, " ") .. math.random(1e9) .. math.random() .. tostring({}):sub(1, 6)
  `;
  const run = async (seed?: number) => {
    using cu = await ComputeUnit.create(seed === undefined ? {} : { seed });
    return cu.compute(code);
  };
  assertEquals(await run(1), await run(1));
  assertEquals(await run(2 ** 32 - 1), await run(2 ** 32 - 1));
  assertNotEquals(await run(1), await run(2));
  assertNotEquals(await run(), await run());
});

Deno.test("what the host copies for a call is paid for: long strings, bytes, external tables, changed views", async () => {
  const rows = Array.from({ length: 20_000 }, (_, a) => ({ a, b: 1, c: "x" }));
  const codes = [
    "local s = ('x'):rep(500000) while true do f(s) end",
    "local s = ('x'):rep(500000) while true do f({ s }) end",
    "local s = _io.bytes(('x'):rep(500000)) while true do f(s) end",
    "local s = ('x'):rep(500000) while true do f() _home[1] = s end",
    "local s, i = ('x'):rep(500000), 0 while true do f() i = i + 1 _home[s] = i end",
    "for i = 1, 5000 do _home[i] = {} end while true do f(_home) end",
    "_io.input[1].a = 0 while true do f(_io.input) end",
    "local s = ('x'):rep(500000) local function give() return s end while true do call(give) end",
  ];
  for (const code of codes) {
    let calls = 0;
    using cu = await ComputeUnit.create({
      stepLimit: 1_000_000,
      globals: { f: () => void calls++, call: (give: () => unknown) => (calls++, give() === 1) },
    });
    cu.setInput(rows, { lazy: true });
    assertThrows(() => cu.compute(code), LuaError, "limit of 1000000 steps exceeded", code);
    assert(calls < 200, `${calls}: ${code}`);
  }
});
