// Code that means harm: each script ends in a result or a clear error within its time
// limit, and the unit works afterwards.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type ComputeUnit, LuaError } from "@computeunit/cu";
import { LOOKS_AFTER_MAX } from "../helpers/clock.ts";
import { checkWorks, createUnit, run, SPIN, TIME_LIMIT_MS } from "../helpers/hostile.ts";
import { isLazyMode } from "../helpers/lazy_mode.ts";
import { COLLECTOR } from "./scripts/collector.ts";
import { CONTROL } from "./scripts/control.ts";
import { OUTPUTS } from "./scripts/outputs.ts";
import { PARSER } from "./scripts/parser.ts";
import { STRINGS } from "./scripts/strings.ts";
import { TABLES } from "./scripts/tables.ts";
import { TAMPERING } from "./scripts/tampering.ts";

const scripts = [...CONTROL, ...PARSER, ...STRINGS, ...TABLES, ...COLLECTOR, ...TAMPERING, ...OUTPUTS];

let shared: ComputeUnit | undefined;

for (const { name, code, ends, returns, alone, looks: limit = TIME_LIMIT_MS } of scripts) {
  Deno.test(`hostile: ${name}`, { ignore: isLazyMode }, async () => {
    const isOwn = alone || limit !== TIME_LIMIT_MS;
    for (const isFresh of isOwn || shared === undefined ? [true] : [false, true]) {
      const cu = isFresh ? await createUnit(limit) : shared!;
      if (!isOwn) shared = undefined;
      const { end, value, looks } = run(cu, code);
      const expected = Array.isArray(ends) ? ends : [ends];
      // What ran before may have left no room in one piece for some megabytes.
      if (end === "memory" && !expected.includes(end) && !isFresh) continue;
      assert(expected.includes("any") || expected.includes(end), `ends as ${end}, expected ${expected.join(" or ")}`);
      assert(looks <= limit + LOOKS_AFTER_MAX, `looked ${looks} times at the clock with a limit of ${limit} ms`);
      if (returns !== undefined && end === "result") assertEquals(value, returns);
      checkWorks(cu);
      // Only a unit that has just been seen to work serves the next script.
      if (!isOwn) shared = cu;
      return;
    }
  });
}

Deno.test("hostile scripts are at least 70, each with a name of its own", () => {
  assert(scripts.length >= 70);
  assertEquals(new Set(scripts.map(({ name }) => name)).size, scripts.length);
});

Deno.test("one unit's scripts don't reach another", async () => {
  using a = await createUnit();
  using b = await createUnit();
  b.setInput({ secret: [1, 2, 3] });
  b.compute("_home.kept = 'b' counter = -1 local t = {} for i = 1, 1000 do t[i] = {} end keep = t");
  const look = "counter = counter + 1 return { _io.input, _home.kept, ('x'):upper(), #keep }";
  b.compute(look); // it takes memory itself
  const before = b.getMemoryStats();
  for (
    const code of [
      "_io = nil",
      `getmetatable("").__index = ${SPIN}`,
      "while true do end",
      "local t while true do t = { t } end",
    ]
  ) {
    run(a, code);
    assertEquals(b.compute(look), [
      { secret: [1, 2, 3] },
      "b",
      "X",
      1000,
    ]);
  }
  assertEquals(b.compute("return counter"), 4);
  assertEquals(b.getMemoryStats().wasmBytes, before.wasmBytes);
});

Deno.test("a unit survives hundreds of hostile scripts in any order", async () => {
  using cu = await createUnit(5);
  const quick = scripts.filter(({ code, alone }) => !alone && !code.includes("rep(1e3):rep") && !code.includes("1e5"));
  let seed = 12345;
  for (let i = 0; i < 400; i++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    const { name, code } = quick[(seed >>> 8) % quick.length];
    try {
      cu.compute(code);
    } catch (error) {
      assert(
        error instanceof LuaError || error instanceof TypeError || error instanceof RangeError,
        `${name}: ${error}`,
      );
    }
    cu.clearIo();
    assertStrictEquals(cu.compute("return 1 + 1"), 2, name);
  }
  checkWorks(cu);
});
