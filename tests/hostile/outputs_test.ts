// Outputs, errors and printed text can't cost the host much more than the unit.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Decoder } from "../../src/bridge/decode.ts";
import { ComputeUnit, LuaError, type LuaValue } from "@computeunit/cu";
import { assertEndsInTime } from "../helpers/clock.ts";
import { liveHeapBytes } from "../helpers/heap.ts";
import {
  checkWorks,
  clock,
  createUnit,
  forever,
  LONG,
  MEMORY_LIMIT_BYTES,
  run,
  TIME_LIMIT_MS,
} from "../helpers/hostile.ts";
import { isLazyMode } from "../helpers/lazy_mode.ts";

Deno.test("an output can't be much larger for the host than for the unit", async () => {
  // Places of arrays cost Lua 16 bytes each; the host mustn't be made to pay for
  // more places than the unit could hold.
  const placesMax = MEMORY_LIMIT_BYTES / 16;
  const makers: [string, string][] = [
    ["arrays whose places were taken back", "local t = _io.array({}, 2e5) t.x = 1 t.x = nil _io.output[i] = t"],
    ["arrays of nulls", "_io.output[i] = _io.array({}, 1e4)"],
    ["arrays with a far element", "local t = _io.array({}, 2e5) t[2e5] = 1 t.x = 1 t.x = nil _io.output[i] = t"],
  ];
  for (const [name, code] of makers) {
    using cu = await createUnit();
    cu.compute("_io.output = {}");
    for (let i = 1; i <= 40; i++) {
      try {
        cu.compute(`local i = ${i} ${code} collectgarbage()`);
      } catch (error) {
        assert(error instanceof LuaError && ["memory", "time"].includes(error.kind), String(error));
        break;
      }
    }
    let places = 0;
    try {
      for (const array of cu.getOutput<LuaValue[][]>()) places += array.length;
    } catch (error) {
      assert(error instanceof RangeError || error instanceof LuaError, String(error));
    }
    assert(places <= placesMax, `${name}: ${places} places`);
    assertStrictEquals(cu.compute("return 1 + 1"), 2);
  }
});

Deno.test("a string of 256 bytes in many places is one string for the host", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: MEMORY_LIMIT_BYTES });
  cu.compute(`local s = ("x"):rep(253) .. "€" local t = {} for i = 1, 5e5 do t[i] = s end _io.output = t`);
  const before = await liveHeapBytes();
  const output = cu.getOutput<string[]>();
  const grown = await liveHeapBytes() - before;
  assertEquals([output.length, output[0].length], [500_000, 254]);
  // 500,000 places are 8 MB in Lua; all texts one by one would be 256 MB.
  assert(grown < MEMORY_LIMIT_BYTES, `the host's memory grew by ${Math.round(grown / 1e6)} MB`);
});

Deno.test("of a message with any number of positions, only the first are read", async () => {
  using cu = await ComputeUnit.create();
  const long = assertThrows(() => cu.compute("error(('x:1: '):rep(5e6))"), LuaError);
  assertStrictEquals(long.kind, "runtime");
  assert(long.message.length > 5 * 4e6, `${long.message.length} characters are left`);
  const code = `error(('[string "a"]:1: '):rep(40000) .. "refused", 0)`;
  const error = assertThrows(() => cu.compute(code), LuaError);
  assertStrictEquals(error.kind, "runtime");
  assert(error.message.length > 500_000, `${error.message.length} characters are left`);
});

Deno.test("one string in many places doesn't fill the host's memory", { ignore: isLazyMode }, async () => {
  using cu = await ComputeUnit.create();
  cu.compute(`
    local s = ("x"):rep(128)
    local out = {}
    for k = 1, 11 do
      local t = {}
      for i = 1, 2 ^ 20 do t[i] = s end
      out[k] = t
    end
    _io.output = out
  `);
  assertThrows(() => cu.getOutput(), RangeError, "The result takes more than");
  const error = assertThrows(() => cu.compute("error(_io.output)"), LuaError);
  assert(error.cause instanceof RangeError);
  assertEquals(cu.computeAll("return { 42 }"), [[42]]);
  cu.compute("for k = 2, #_io.output do _io.output[k] = nil end");
  assertEquals(cu.getOutput<string[][]>()[0].length, 2 ** 20);
});

Deno.test("what a result makes in JavaScript counts, too: bytes, Maps and objects", async () => {
  using cu = await ComputeUnit.create();
  const megabytes = 10;
  const own = Object.getOwnPropertyDescriptor(Decoder.prototype, "sizeMax")!;
  Object.defineProperty(Decoder.prototype, "sizeMax", { get: () => megabytes * 1024 * 1024, configurable: true });
  try {
    const codes: [code: string, count: number, fits: boolean][] = [
      ["'text' .. i", 60_000, true],
      ["'\\255' .. i", 10_000, true],
      ["'\\255' .. i", 30_000, false],
      ["_io.map({})", 10_000, true],
      ["_io.map({})", 60_000, false],
      ["{}", 60_000, true],
      ["{}", 300_000, false],
    ];
    for (const [code, count, fits] of codes) {
      cu.compute(`local t = {} for i = 1, ${count} do t[i] = ${code} end _io.output = t`);
      if (fits) assertEquals(cu.getOutput<unknown[]>().length, count);
      else assertThrows(() => cu.getOutput(), RangeError, "The result takes more than");
    }
  } finally {
    Object.defineProperty(Decoder.prototype, "sizeMax", own);
  }
});

Deno.test("objects with far indices as keys don't fill the host's memory", async () => {
  using cu = await ComputeUnit.create();
  cu.compute(`
    local list, record = {}, { [1022] = 1 }
    for i = 1, 40 do record["k" .. i] = i end
    for i = 1, 20000 do list[i] = { x = 1, [1022] = i, ["2572"] = 2 } end
    _io.output = { list = list, record = record }
  `);
  const before = await liveHeapBytes();
  const { list, record } = cu.getOutput<{ list: Record<string, number>[]; record: Record<string, number> }>();
  const growth = await liveHeapBytes() - before;
  // V8 makes room for 31 KB in each by itself: 600 MB.
  assert(growth < 60e6, `${growth} bytes`);
  assertEquals(list[6], { x: 1, 1022: 7, 2572: 2 });
  assertEquals([Object.keys(record).length, record[1022], record.k40], [41, 1, 40]);
});

Deno.test("the path of a refusal is short however deep it stands", async () => {
  const depth = 20_000;
  const nested = JSON.parse(`${'{"n":'.repeat(depth)}{"n":"\\ud800"}${"}".repeat(depth)}`);
  using cu = await ComputeUnit.create();
  cu.setInput(nested, { lazy: true });
  const error = assertThrows(() => cu.compute("local v = _io.input while true do v = v.n end"), TypeError, ".n.n...");
  assert(error.message.length < 200, `${error.message.length} characters`);
});

Deno.test("strings that are no UTF-8 cost the host little more than others", async () => {
  using cu = await ComputeUnit.create();
  const { decode } = TextDecoder.prototype;
  /** How often texts are decoded, and in vain, as 20,000 of them are read. */
  const decoded = (text: string) => {
    cu.compute(`local t = {} for i = 1, 2e4 do t[i] = ${text} end _io.output = t`);
    const count = { calls: 0, thrown: 0 };
    TextDecoder.prototype.decode = function (...args) {
      count.calls++;
      count.thrown++;
      const text = decode.apply(this, args);
      count.thrown--;
      return text;
    };
    try {
      cu.getOutput();
    } finally {
      TextDecoder.prototype.decode = decode;
    }
    return count;
  };
  // An exception for each takes 13 us.
  for (const text of ["'\\xff'", "('\\xff'):rep(200) .. i", "{ ['\\xff'] = 1 }"]) {
    const { calls, thrown } = decoded(text);
    assert(calls <= 20_000 && thrown === 0, `${text}: ${calls} calls, ${thrown} in vain`);
  }
  // One string in many places is looked at once, text or not.
  cu.compute("s = ('a'):rep(4096) raw = ('\\xff'):rep(4096)");
  for (const text of ["s", "raw"]) {
    const { calls } = decoded(text);
    assert(calls <= 10, `${text}: ${calls} calls`);
  }
});

Deno.test("print floods reach the host a line at a time, and end", async () => {
  let lines = 0;
  using cu = await ComputeUnit.create({
    timeLimit: TIME_LIMIT_MS,
    memoryLimit: MEMORY_LIMIT_BYTES,
    now: clock.now,
    onPrint: () => {
      lines++;
    },
  });
  assertEndsInTime(cu, clock, TIME_LIMIT_MS, forever("print('x')"));
  assert(lines > 0);
  checkWorks(cu);
});

Deno.test("warnings that were cut off don't show up in what is printed later", async () => {
  using cu = await createUnit();
  for (let i = 0; i < 3; i++) {
    run(cu, `${LONG} warn("@on") local t = {} for i = 1, 200 do t[i] = s end warn(table.unpack(t))`);
    cu.compute("print('clean')");
    assertEquals(cu.printed, "clean\n");
  }
});
