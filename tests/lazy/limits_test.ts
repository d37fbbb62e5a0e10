// Memory and time that reading a lazy input takes.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { assertEndsInTime, CountingClock, LOOKS_AFTER_MAX } from "../helpers/clock.ts";
import { CountingMap, countingReads } from "../helpers/counting.ts";
import { LAZY, rows, unitOf } from "../helpers/lazy.ts";

/** What a scan of any input may make of WASM memory. */
const SCAN_WASM_BYTES_MAX = 2_000_000;

Deno.test("setInput() lazily heeds the time limit where changes are put into a large input", async () => {
  const value = { rows: Array.from({ length: 500_000 }, (_, i) => ({ id: i, sub: { v: i } })) };
  const clock = new CountingClock();
  using cu = await unitOf({ timeLimit: 20, now: clock.now }, value);
  assertEndsInTime(cu, clock, 20, "_io.input.rows[5].sub.v = 'x' return _io.input");
  assertStrictEquals(cu.compute("return _io.input.rows[5].sub.v"), "x");
});

Deno.test("setInput() lazily scans rows of any number in little WASM memory", async () => {
  const scans = [
    "for _, row in ipairs(_io.input) do n = n + row.value end",
    "for _, row in ipairs(_io.input) do for _, v in pairs(row) do n = n + #tostring(v) end end",
    "for i = #_io.input, 1, -1 do n = n + #_io.input[i].name end",
    "for _, row in pairs(_io.input) do n = n + row.id end",
  ];
  const list = rows(100_000);
  for (const scan of scans) {
    using cu = await unitOf({}, list);
    assert(cu.compute<number>(`local n = 0 ${scan} return n`) > 0);
    const { wasmBytes } = cu.getMemoryStats();
    assert(wasmBytes < SCAN_WASM_BYTES_MAX, `${scan}: ${wasmBytes} bytes`);
  }
  const others: [unknown, string][] = [
    [new Map(list.map((row) => [row.name, row])), "for k, row in pairs(_io.input) do n = n + row.id + #k end"],
    [new Set(list), "for row in pairs(_io.input) do n = n + row.id end"],
    [Object.fromEntries(list.map((row) => [row.name, row])), "for k, row in pairs(_io.input) do n = n + #k end"],
    [Float64Array.from({ length: 1_000_000 }, (_, i) => i), "for _, x in ipairs(_io.input) do n = n + x end"],
    [list.map((row) => [row.id, [row.name]]), "for _, x in ipairs(_io.input) do n = n + #x[2][1] end"],
    [
      { list: list.map((row) => ({ row, more: { row } })) },
      "for _, x in ipairs(_io.input.list) do n = n + x.more.row.id end",
    ],
  ];
  for (const [value, scan] of others) {
    using cu = await unitOf({}, value);
    assert(cu.compute<number>(`local n = 0 ${scan} return n`) > 0);
    const { wasmBytes } = cu.getMemoryStats();
    assert(wasmBytes < SCAN_WASM_BYTES_MAX, `${scan}: ${wasmBytes} bytes`);
  }
});

Deno.test("setInput() lazily reads many arrays side by side", async () => {
  const reads = { get: 0, has: 0, ownKeys: 0 };
  const column = (c: number) => countingReads(Array.from({ length: 10_000 }, (_, i) => i + c), reads)[0];
  const columns = Object.fromEntries(Array.from({ length: 40 }, (_, c) => [`c${c}`, column(c)]));
  const code = `
    local columns, sum = {}, 0
    for c = 0, 39 do columns[c + 1] = _io.input["c" .. c] end
    for i = 1, 10000 do for c = 1, 40 do sum = sum + columns[c][i] end end
    return sum
  `;
  using cu = await unitOf({}, columns);
  assertStrictEquals(cu.compute(code), 2_007_600_000);
  // Each once, though all their pages together have no room.
  assert(reads.get < 1.5 * 40 * 10_000, `${reads.get} elements were read`);
  assert(cu.getMemoryStats().wasmBytes < SCAN_WASM_BYTES_MAX);
  const maps = Array.from({ length: 40 }, () => {
    return new CountingMap(Array.from({ length: 1000 }, (_, i) => [`k${i}`, { i }]));
  });
  using other = await unitOf({}, maps);
  const lockstep = `
    local keys, n = {}, 0
    for step = 1, 1000 do
      for m = 1, 40 do
        local k, v = next(_io.input[m], keys[m])
        keys[m] = k
        n = n + v.i
      end
    end
    return n, next(_io.input[1], keys[1])
  `;
  assertEquals(other.computeAll(lockstep), [40 * 499_500, null]);
  for (const { lookups, listed } of maps) {
    assert(lookups <= 4 * 1000 && listed <= 8 * 1000, `${lookups} lookups, ${listed} keys listed`);
  }
});

Deno.test("setInput() lazily scans hundreds of megabytes of strings within 4 MB", async () => {
  const memoryLimit = 4 * 1024 * 1024;
  const block = "x".repeat(1_000_000);
  const inputs: [unknown, string, number][] = [
    [Array.from({ length: 300 }, (_, i) => block + i), "for _, s in ipairs(_io.input) do n = n + #s end", 300_000_790],
    [
      Array.from({ length: 100_000 }, (_, i) => ({ i, text: block.slice(0, 2000) + i })),
      "for _, row in ipairs(_io.input) do n = n + #row.text end",
      200_488_890,
    ],
    [
      new Map(Array.from({ length: 300 }, (_, i) => [i, { text: block + i }])),
      "for _, row in pairs(_io.input) do n = n + #row.text end",
      300_000_790,
    ],
  ];
  for (const [value, scan, length] of inputs) {
    using cu = await unitOf({ memoryLimit }, value);
    assertStrictEquals(cu.compute(`local n = 0 ${scan} return n`), length);
    assert(cu.getMemoryStats().wasmBytes <= memoryLimit);
  }
  using cu = await unitOf({ memoryLimit }, inputs[0][0]);
  const error = assertThrows(() => cu.compute("local t = {} for i, s in ipairs(_io.input) do t[i] = s end"), LuaError);
  assertStrictEquals(error.kind, "memory");
  assertStrictEquals(cu.compute("return #_io.input[200]"), 1_000_003);
  const copied = assertThrows(() => cu.compute("_io.input.x = 1"), LuaError);
  assertStrictEquals(copied.kind, "memory");
  assertStrictEquals(cu.compute("return #_io.input[300]"), 1_000_003);
});

Deno.test("setInput() lazily heeds the time limit while code reads", async () => {
  const timeLimit = 50;
  const list = rows(100_000);
  const inputs: [unknown, string][] = [
    [[1], "while true do local _ = _io.input[1] end"],
    [list, "while true do local _ = _io.input[1] end"],
    [list, "while true do for _, row in ipairs(_io.input) do local _ = row.name end end"],
    [list, "while true do for i = 1, #_io.input, 5000 do local _ = _io.input[i].id end end"],
    // Few steps, and a look for each time that the host is asked.
    [list, "for i = 1, #_io.input, 2500 do local _ = _io.input[i].id end"],
    [list, "while true do for i = #_io.input, 1, -1 do local _ = _io.input[i].id end end"],
    [
      new Map(list.slice(0, 50_000).map((row) => [row.name, row])),
      "while true do for k in pairs(_io.input) do end end",
    ],
    [new Map(list.slice(0, 50_000).map((row) => [row.name, row])), "while true do local _ = _io.input['row 77'] end"],
    [new Map(list.slice(0, 50_000).map((row) => [row.name, row])), "while true do local _ = next(_io.input) end"],
    [{ a: { b: [1] } }, "while true do local _ = _io.input.missing or _io.input.a.b[2] end"],
    [list, "while true do pcall(function() for _, row in ipairs(_io.input) do local _ = row.id end end) end"],
    [new Float64Array(3_000_000), "while true do for _, n in ipairs(_io.input) do end end"],
    [list, "table.sort(_io.input, function(a, b) return a.name < b.name end)"],
    [
      list,
      "while true do table.concat(_io.input, '', 1, 0) local _ = select('#', table.unpack(_io.input, 1, 100)) end",
    ],
  ];
  for (const [value, code] of inputs) {
    const clock = new CountingClock();
    using cu = await unitOf({ timeLimit, now: clock.now }, value);
    assertEndsInTime(cu, clock, timeLimit, code);
    cu.setInput({ still: ["works"] }, LAZY);
    assertStrictEquals(cu.compute("return _io.input.still[1]"), "works");
  }
});

Deno.test("setInput() lazily heeds the time limit where there is nothing but nulls, and in `#` of a Map", async () => {
  const timeLimit = 50;
  const inputs: [unknown, string][] = [
    // Single steps of Lua, that pass over all of them.
    [new Array(20_000_000), "return next(_io.input)"],
    [new Array(20_000_000), "for _ in pairs(_io.input) do end"],
    [new Map(Array.from({ length: 2000 }, (_, i) => [i + 1, i])), "while true do local _ = #_io.input end"],
  ];
  for (const [value, code] of inputs) {
    const clock = new CountingClock();
    using cu = await unitOf({ timeLimit, now: clock.now }, value);
    assertEndsInTime(cu, clock, timeLimit, code);
  }
});

Deno.test("setInput() lazily survives memory errors wherever views are made", async () => {
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({ memoryLimit: 2 * 1024 * 1024, timeLimit: 50, now: clock.now });
  const input = Array.from({ length: 3000 }, () => new Array(20).fill(1));
  cu.setInput(input, LAZY);
  for (let free = 3; free <= 180; free += 9) {
    try {
      cu.compute(`
        local list
        pcall(function() while true do list = { list } end end)
        for i = 1, ${free} do list = list[1] end
        collectgarbage()
        for i = 1, #_io.input do pcall(function() list = { _io.input[i], list } end) end
      `);
    } catch (error) {
      assert(error instanceof LuaError && (error.kind === "memory" || error.kind === "time"), String(error));
    }
  }
  cu.setInput(input, LAZY);
  assertEquals(cu.compute("return #_io.input[3000]"), 20);
});

Deno.test("setInput() lazily heeds the time limit in one step that reads all of a large Map or object", async () => {
  const timeLimit = 20;
  const map = new Map(Array.from({ length: 200_000 }, (_, i) => [`key ${i}`, i]));
  const steps = [
    "_io.input.x = 1",
    "local _ = _io.input.x",
    "next(_io.input) _io.input.x = 1",
    "setmetatable({}, _io.input)",
    "next(_io.input, 'key 5')",
  ];
  for (const value of [map, new Set(map.keys()), Object.fromEntries(map)]) {
    for (const code of steps) {
      const clock = new CountingClock();
      using cu = await unitOf({ timeLimit, memoryLimit: 2 ** 30, now: clock.now }, value);
      // V8 lists an object's keys in one go, and then one is looked up.
      const isShort = !(value instanceof Map || value instanceof Set) && code.startsWith("local");
      if (isShort) assert(clock.looksOf(() => cu.compute(code)) < 10);
      else assertEndsInTime(cu, clock, timeLimit, code);
      cu.setInput({ still: ["works"] }, LAZY);
      assertStrictEquals(cu.compute("return _io.input.still[1]"), "works");
    }
  }
});

Deno.test("getOutput() heeds the time limit where objects have equal first fields, in any order", async () => {
  const value = Array.from({ length: 200_000 }, (_, id) => ({ id, customer: { id } }));
  const reversing = "local r, t = {}, _io.input for i = #t, 1, -1 do r[#r + 1] = t[i] end _io.output = r";
  for (const code of ["_io.output = _io.input", reversing]) {
    const clock = new CountingClock(0);
    using cu = await ComputeUnit.create({ timeLimit: 3, now: clock.now });
    cu.setInput(value);
    cu.compute(code);
    const looks = clock.looksOf(() => {
      const error = clock.atStep(1, () => assertThrows(() => cu.getOutput(), LuaError));
      assertStrictEquals(error.kind, "time");
    });
    assert(looks <= 3 + LOOKS_AFTER_MAX, `looked ${looks} times at the clock`);
  }
});
