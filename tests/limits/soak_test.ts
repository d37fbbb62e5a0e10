// Nothing leaks: what a unit does a hundred thousand times costs as much memory as
// what it does once.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ComputeUnit, LuaError, type LuaErrorKind } from "@computeunit/cu";
import { CountingClock } from "../helpers/clock.ts";
import { usedBytes } from "../helpers/garbage.ts";
import { liveHeapBytes } from "../helpers/heap.ts";
import { isLazyMode } from "../helpers/lazy_mode.ts";

const MEMORY_LIMIT_BYTES = 8 * 1024 * 1024;

/** Lua's live bytes may be so many more: string table, stack and caches of its own. */
const USED_TOLERANCE_BYTES = 16 * 1024;

/** WASM memory may be so much larger where values differ in size: a leak of 200 bytes a call is more. */
const WASM_TOLERANCE_BYTES = 256 * 1024;

/** The JavaScript heap may be so much larger: code that was compiled. */
const HEAP_TOLERANCE_BYTES = 2 * 1024 * 1024;

/** What an error is, or that there was none. */
function kindOf(run: () => unknown): LuaErrorKind | "none" {
  try {
    run();
    return "none";
  } catch (error) {
    if (!(error instanceof LuaError)) throw error;
    return error.kind;
  }
}

/** Around 1 KB of all kinds, different each time. */
function mixedValue(i: number): Record<string, unknown> {
  return {
    id: i,
    name: `item ${i}`,
    "": i % 2 === 0,
    big: 2n ** 60n + BigInt(i),
    date: new Date(i),
    bytes: new Uint8Array([255, i & 255]),
    numbers: new Float64Array([i, 0.5, NaN]),
    tags: new Set(["a", `tag ${i % 100}`]),
    places: new Map<unknown, unknown>([[1, "one"], ["x", [null, i, null]]]),
    rows: [{ a: i, b: "x".repeat(100) }, { a: i + 1, b: "é".repeat(50) }, { a: 0, b: `${i}` }],
    text: `${i} `.repeat(60),
    nested: { deeper: { deepest: [[], [[]], {}] } },
  };
}

Deno.test("100,000 calls of setInput, compute and getOutput leave memory as it was", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: MEMORY_LIMIT_BYTES });
  const code = `
    local v = _io.input
    _io.output = { id = v.id, row = v.rows[2], copy = v.tags, name = v.name .. "!", all = v }
    return #v.rows
  `;
  const call = (i: number) => {
    cu.setInput(mixedValue(i));
    assertStrictEquals(cu.compute(code), 3);
    const output = cu.getOutput<{ id: number; name: string }>();
    if (output.id !== i || output.name !== `item ${i}!`) throw new Error(`call ${i} gave ${output.id}`);
  };
  // By then a cycle of the collector has met the most garbage that it will.
  for (let i = 0; i < 20_000; i++) call(i);
  const wasmBytes = cu.getMemoryStats().wasmBytes;
  const used = usedBytes(cu);
  const heapBytes = await liveHeapBytes();
  for (let i = 20_000; i < 120_000; i++) call(i);
  assertStrictEquals(cu.getMemoryStats().wasmBytes, wasmBytes);
  const usedGrowth = usedBytes(cu) - used;
  assert(usedGrowth < USED_TOLERANCE_BYTES, `Lua's live bytes grew by ${usedGrowth}`);
  const heapGrowth = await liveHeapBytes() - heapBytes;
  assert(heapGrowth < HEAP_TOLERANCE_BYTES, `the JavaScript heap grew by ${heapGrowth} bytes`);
});

Deno.test("setInputField, setMetadata, getOutputField and callHandler leave memory as it was", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: MEMORY_LIMIT_BYTES });
  cu.compute("function handler(p) return { p = p, n = #p.rows } end");
  const call = (i: number) => {
    cu.setInputField(`field ${i % 10}`, mixedValue(i));
    cu.setMetadata({ i, list: [i] });
    cu.callHandler("handler", mixedValue(i));
    assertStrictEquals(cu.getOutputField("n"), 3);
    cu.getMetadata();
    if (i % 7 === 0) cu.clearIo();
  };
  for (let i = 0; i < 700; i++) call(i);
  cu.clearIo();
  const wasmBytes = cu.getMemoryStats().wasmBytes;
  const used = usedBytes(cu);
  for (let i = 0; i < 7000; i++) call(i);
  cu.clearIo();
  const usedGrowth = usedBytes(cu) - used;
  assert(usedGrowth < USED_TOLERANCE_BYTES, `Lua's live bytes grew by ${usedGrowth}`);
  assertStrictEquals(cu.getMemoryStats().wasmBytes, wasmBytes);
});

/** Errors of all kinds; each round is new code, so that compiling is tested as well. */
const ERRORS: [LuaErrorKind, (i: number) => string][] = [
  ["syntax", (i) => `local x${i} = = 1`],
  ["syntax", (i) => `return "${i}`],
  ["syntax", (i) => `goto nowhere${i}`],
  ["syntax", (i) => `local t = { ${"{ ".repeat(50)} ${i}`],
  ["runtime", (i) => `local t = nil return t.x${i}`],
  ["runtime", (i) => `error("message ${i}")`],
  ["runtime", (i) => `error({ code = ${i}, list = { 1, 2, { 3 } } })`],
  ["runtime", (i) => `local e = { ${i} } e.self = e error(e)`],
  ["runtime", (i) => `error(nil) -- ${i}`],
  ["runtime", (i) => `error(setmetatable({}, { __tostring = function() return "E${i}" end }))`],
  ["runtime", (i) => `error(setmetatable({}, { __tostring = function() error("inner ${i}") end }))`],
  ["runtime", (i) => `error({ f = print, n = ${i} })`],
  ["runtime", (i) => `coroutine.wrap(function() error("in a coroutine ${i}") end)()`],
  ["runtime", (i) => `coroutine.wrap(function() coroutine.wrap(function() error({ ${i} }) end)() end)()`],
  [
    "runtime",
    (i) => `local x <close> = setmetatable({}, { __close = function() error("close ${i}") end }) error("body")`,
  ],
  ["runtime", (i) => `for i = 1, 10 do local x <close> = setmetatable({}, { __close = error }) error(${i}) end`],
  ["runtime", (i) => `table.sort({ 3, 2, ${i}, {} })`],
  ["runtime", (i) => `("x"):gsub(".", function() error("in gsub ${i}") end)`],
  ["runtime", (i) => `load(function() error("in a reader ${i}") end, "r", "t", {})() `],
  ["runtime", (i) => `string.rep("x", ${i}, {})`],
  ["runtime", (i) => `setmetatable({}, { __gc = function() error("gc ${i}") end }) error("x")`],
  ["runtime", (i) => `local co = coroutine.create(function() coroutine.yield() end) coroutine.resume(co) error(${i})`],
];

Deno.test("10,000 errors of all kinds leave the unit as it was", { ignore: isLazyMode }, async () => {
  using cu = await ComputeUnit.create({ memoryLimit: MEMORY_LIMIT_BYTES });
  const rare: [LuaErrorKind[], string][] = [
    [["limit", "memory"], "local function f() return 1 + f() end return f()"],
    [["limit"], "local function f() return coroutine.wrap(f)() end return f()"],
    [["limit"], "local mt = {} mt.__concat = function(a, b) return a .. b end return setmetatable({}, mt) .. 'x'"],
    [["memory"], "local s = 'x' while true do s = s .. s end"],
    [["memory"], "local t = {} for i = 1, 1e9 do t[i] = { i } end"],
    [["memory"], "local t = {} for i = 1, 1e9 do t['k' .. i] = i end"],
    [["memory"], "coroutine.wrap(function() local t = {} for i = 1, 1e9 do t[i] = function() return i end end end)()"],
    [["memory"], "return ('x'):rep(1e8)"],
  ];
  const round = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      const [kind, code] = ERRORS[i % ERRORS.length];
      assertEquals(kindOf(() => cu.compute(code(i))), kind, code(i));
      if (i % 250 === 0) {
        const [kinds, rareCode] = rare[i / 250 % rare.length];
        const rareKind = kindOf(() => cu.compute(rareCode));
        assert(kinds.some((each) => each === rareKind), `${rareCode} ended as ${rareKind}`);
      }
    }
  };
  round(0, 2000);
  const wasmBytes = cu.getMemoryStats().wasmBytes;
  const used = usedBytes(cu);
  round(2000, 10_000);
  const usedGrowth = usedBytes(cu) - used;
  assert(usedGrowth < USED_TOLERANCE_BYTES, `Lua's live bytes grew by ${usedGrowth}`);
  assertStrictEquals(cu.getMemoryStats().wasmBytes, wasmBytes);
  assertStrictEquals(cu.compute("return 1 + 1"), 2);
});

Deno.test("1,000 values that are refused leave memory and input as they were", { ignore: isLazyMode }, async () => {
  using cu = await ComputeUnit.create({ memoryLimit: MEMORY_LIMIT_BYTES });
  const refused: unknown[] = [
    () => 1,
    Symbol("s"),
    "\ud800",
    2n ** 64n,
    /x/,
    new Map([[NaN, 1]]),
    new Map<unknown, unknown>([[1, 1], [1n, 2]]),
    new Set([null]),
    new BigUint64Array([2n ** 63n]),
    {
      get x(): never {
        throw new Error("getter");
      },
    },
  ];
  const nested = (i: number): unknown => {
    let value = refused[i % refused.length];
    for (let depth = i % 97; depth > 0; depth--) {
      switch ((i + depth) % 4) {
        case 0:
          value = [i, "x".repeat(depth), value];
          break;
        case 1:
          value = { [`before ${i % 50}`]: mixedValue(i), value };
          break;
        case 2:
          value = new Map<unknown, unknown>([["other", [depth]], ["held", value]]);
          break;
        default:
          value = [Array.from({ length: 100 }, (_, j) => ({ j })), value];
      }
    }
    return value;
  };
  const round = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      let error: unknown;
      try {
        if (i % 3 === 0) cu.setInputField("f", nested(i), { lazy: false });
        else cu.setInput(nested(i), { lazy: false });
      } catch (thrown) {
        error = thrown;
      }
      assert(error instanceof TypeError || error instanceof RangeError, `${i}: ${error}`);
    }
  };
  cu.setInput({ before: [1, 2, 3] });
  round(0, 200);
  const { wasmBytes } = cu.getMemoryStats();
  const used = usedBytes(cu);
  round(200, 1000);
  const usedGrowth = usedBytes(cu) - used;
  assert(usedGrowth < USED_TOLERANCE_BYTES, `Lua's live bytes grew by ${usedGrowth}`);
  // What was half built when it was refused is garbage until the next cycle.
  assert(cu.getMemoryStats().wasmBytes <= wasmBytes + MEMORY_LIMIT_BYTES / 4);
  assertEquals(cu.compute("return _io.input"), { before: [1, 2, 3] });
});

Deno.test("outputs that can't be passed leave memory as it was", { ignore: isLazyMode }, async () => {
  using cu = await ComputeUnit.create({ memoryLimit: MEMORY_LIMIT_BYTES });
  const round = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      cu.compute(`
        local t = { print }
        for depth = 1, ${i % 90} do t = { ["k" .. depth % 7] = t, other = ("x"):rep(300), ["n" .. ${
        i % 40
      }] = depth } end
        _io.output = { many = {}, t }
        for row = 1, 100 do _io.output.many[row] = { row = row, text = "row " .. row } end
      `);
      let error: unknown;
      try {
        cu.getOutput();
      } catch (thrown) {
        error = thrown;
      }
      assert(error instanceof TypeError, `${i}: ${error}`);
    }
    cu.clearIo();
  };
  round(0, 720);
  const { wasmBytes } = cu.getMemoryStats();
  const used = usedBytes(cu);
  round(720, 2160);
  const usedGrowth = usedBytes(cu) - used;
  assert(usedGrowth < USED_TOLERANCE_BYTES, `Lua's live bytes grew by ${usedGrowth}`);
  // How much garbage a cycle of the collector meets differs from cycle to cycle.
  const wasmGrowth = cu.getMemoryStats().wasmBytes - wasmBytes;
  assert(wasmGrowth <= WASM_TOLERANCE_BYTES, `the WASM memory grew by ${wasmGrowth} bytes`);
});

/** Where code is when its time is up. */
const PLACES = [
  "while true do end",
  "while true do pcall(function() while true do end end) end",
  "coroutine.wrap(function() while true do end end)()",
  "local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = print }) while true do end end) coroutine.resume(co)",
  "coroutine.wrap(function() coroutine.wrap(function() pcall(function() while true do end end) end)() end)()",
  "local x = 0 local function f() x = x + 1 return f() end f()",
  "local function f(n) local t = { n } if n > 0 then return f(n - 1) + 1 end while true do end end f(1000)",
  "('x'):rep(1000):gsub('.', function() while true do end end)",
  "('x'):rep(20000):find('.-.-.-.-y')",
  "for _ in ('x'):rep(1e5):gmatch('x-y') do end",
  "local t = {} for i = 1, 1000 do t[i] = i end table.sort(t, function() while true do end end)",
  "local t = {} for i = 1, 1000 do t[i] = i end while true do table.sort(t, function(a, b) return a > b end) end",
  "table.concat(setmetatable({}, { __len = function() return 1e9 end, __index = function() return '' end }))",
  "table.move({}, 1, 1e15, -1e15)",
  "setmetatable({}, { __gc = function() while true do end end }) collectgarbage()",
  "setmetatable({}, { __gc = function() while true do end end }) while true do local t = {} end",
  "collectgarbage('generational') setmetatable({}, { __gc = function() while true do end end }) while true do local t = {} end",
  "collectgarbage('incremental') while true do collectgarbage('step') end",
  "load(function() return 'x = 1 ' end)()",
  "load(function() while true do end end)",
  "while true do load('local a = { 1, 2, function() return b end }') end",
  "while true do string.rep('x', 10000) end",
  "return setmetatable({}, { __index = function() while true do end end }).x",
  "xpcall(error, function() while true do end end)",
  "error(setmetatable({}, { __tostring = function() while true do end end }))",
  "do local x <close> = setmetatable({}, { __close = function() while true do end end }) end",
  "local t = setmetatable({}, { __mode = 'k' }) while true do t[{}] = {} end",
  "while true do print(setmetatable({}, { __tostring = function() return 'x' end })) end",
];

Deno.test("1,000 stops by the time limit leave memory as it was", { ignore: isLazyMode }, async () => {
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({
    memoryLimit: MEMORY_LIMIT_BYTES,
    timeLimit: 5,
    now: clock.now,
    onPrint: () => {},
  });
  const kinds = new Map<string, number>();
  const round = (count: number) => {
    for (let i = 0; i < count; i++) {
      const place = PLACES[i % PLACES.length];
      const kind = kindOf(() => cu.compute(place));
      // Memory may be used up first where code makes garbage that a finalizer holds.
      assert(kind === "time" || kind === "memory", `${place} ended as ${kind}`);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    kindOf(() => cu.compute("collectgarbage('incremental')"));
  };
  /** In 500 looks at the clock; a finalizer that never ends takes all of them. */
  const collect = () => {
    clock.atStep(0.01, () => {
      for (let i = 0; i < 20; i++) kindOf(() => cu.runGc());
    });
    return cu.getMemoryStats().usedBytes;
  };
  round(PLACES.length * 5);
  const used = collect();
  const { wasmBytes } = cu.getMemoryStats();
  round(1000);
  const usedGrowth = collect() - used;
  assert(usedGrowth < 2 * USED_TOLERANCE_BYTES, `Lua's live bytes grew by ${usedGrowth}`);
  assert(cu.getMemoryStats().wasmBytes <= wasmBytes + 1024 * 1024, "WASM memory grew");
  assert((kinds.get("time") ?? 0) > 900, `only ${kinds.get("time")} stops by time`);
  assertStrictEquals(clock.atStep(0.01, () => cu.compute("return 1 + 1")), 2);
});

Deno.test(
  "objects with finalizers are freed, however often code that makes them is stopped",
  { ignore: isLazyMode },
  async () => {
    // A little more or less that stays moves where memory is full as code is stopped.
    for (const kept of [0, 1, 16]) {
      const clock = new CountingClock();
      using cu = await ComputeUnit.create({ memoryLimit: MEMORY_LIMIT_BYTES, timeLimit: 20, now: clock.now });
      cu.compute(`kept = {} for i = 1, ${kept} do kept[i] = {} end`);
      cu.compute("made, gone = 0, 0 mt = { __gc = function(o) gone = gone + 1 end }");
      cu.runGc();
      const used = usedBytes(cu);
      for (let i = 0; i < 50; i++) {
        const kind = kindOf(() =>
          cu.compute(`
          coroutine.wrap(function()
            while true do
              for i = 1, 100 do
                made = made + 1
                setmetatable({}, mt)
              end
            end
          end)()
        `)
        );
        assert(kind === "time" || kind === "memory", kind);
        // New code each time: compiling needs memory, which garbage may hold.
        assertStrictEquals(cu.compute(`return ${i}`), i);
      }
      // Finalizers that wait may take more than the limit to run.
      for (let i = 0; i < 200; i++) kindOf(() => cu.runGc());
      const usedGrowth = usedBytes(cu) - used;
      assert(usedGrowth < USED_TOLERANCE_BYTES, `Lua's live bytes grew by ${usedGrowth}`);
      const [made, gone] = cu.compute<number[]>("return { made, gone }");
      assert(made > 1000 && gone <= made && gone > made / 2, `${gone} finalizers ran for ${made} objects`);
    }
  },
);

Deno.test("200 units that are made and disposed of leave the JavaScript heap as it was", async () => {
  const life = async (i: number) => {
    using cu = await ComputeUnit.create({ memoryLimit: MEMORY_LIMIT_BYTES });
    cu.setInput({ rows: Array.from({ length: 100 }, (_, j) => mixedValue(i + j)) });
    assertStrictEquals(cu.compute("_io.output = _io.input return #_io.input.rows"), 100);
    cu.getOutput();
    if (i % 10 === 0) assertEquals(kindOf(() => cu.compute("error({})")), "runtime");
  };
  for (let i = 0; i < 50; i++) await life(i);
  const before = await liveHeapBytes();
  for (let i = 0; i < 200; i++) await life(i);
  const growth = await liveHeapBytes() - before;
  assert(growth < HEAP_TOLERANCE_BYTES, `the JavaScript heap grew by ${growth} bytes`);
});

/** What a lazy round reads and writes, and the output that must come of it. */
const LAZY_ROUND = `
  local rows = _io.input.rows
  local sum = 0
  for _, row in ipairs(rows) do sum = sum + row.id end
  if _io.input.write then rows[2].name = "written" rows[#rows + 1] = { id = sum } end
  _io.output = { sum = sum, rows = rows, first = rows[1] }
`;

Deno.test("100,000 calls with lazy input leave memory as it was", { ignore: isLazyMode }, async () => {
  using cu = await ComputeUnit.create({ memoryLimit: MEMORY_LIMIT_BYTES });
  const call = (i: number) => {
    const rows = Array.from(
      { length: 5 },
      (_, j) => ({ id: i + j, name: `row ${j}`, tags: [j], map: new Map([[j, i]]) }),
    );
    cu.setInput({ rows, write: i % 3 === 0 }, { lazy: true });
    cu.compute(LAZY_ROUND);
    const output = cu.getOutput<{ sum: number; rows: unknown[]; first: unknown }>();
    const isRight = output.sum === 5 * i + 10 && output.first === rows[0] &&
      (i % 3 === 0 ? output.rows.length === 6 && output.rows[2] === rows[2] : output.rows as unknown === rows);
    if (!isRight) throw new Error(`call ${i} gave ${Deno.inspect(output)}`);
    if (i % 1000 === 999) cu.clearIo();
  };
  for (let i = 0; i < 5000; i++) call(i);
  const wasmBytes = cu.getMemoryStats().wasmBytes;
  const used = usedBytes(cu);
  const heapBytes = await liveHeapBytes();
  for (let i = 5000; i < 100_000; i++) call(i);
  assertStrictEquals(cu.getMemoryStats().wasmBytes, wasmBytes);
  const usedGrowth = usedBytes(cu) - used;
  assert(usedGrowth < USED_TOLERANCE_BYTES, `Lua's live bytes grew by ${usedGrowth}`);
  const heapGrowth = await liveHeapBytes() - heapBytes;
  assert(heapGrowth < HEAP_TOLERANCE_BYTES, `the JavaScript heap grew by ${heapGrowth} bytes`);
});

Deno.test(
  "lazy inputs that are refused, stopped or replaced leave memory as it was",
  { ignore: isLazyMode },
  async () => {
    using cu = await ComputeUnit.create({ memoryLimit: MEMORY_LIMIT_BYTES });
    const codes = [
      "for _, v in ipairs(_io.input.list) do local _ = v.f end",
      "_io.input.list[3].x = 1 error(_io.input)",
      "pcall(function() return _io.input.list[7].f end) last = _io.input.list[2]",
      "last = nil setmetatable(_io.input.list[1], { __gc = function() end })",
      "local t = {} for i = 1, 1e9 do t[i] = { _io.input.list[1] } end",
      "coroutine.wrap(function() for k, v in pairs(_io.input.map) do coroutine.yield() end end)()",
    ];
    const call = (i: number) => {
      const list = Array.from({ length: 20 }, (_, j) => ({ i, j, x: [j], ...(j === 6 && { f: () => 1 }) }));
      cu.setInput({ list, map: new Map(list.map((row) => [row, row.x])) }, { lazy: true });
      // Running out of memory takes its time.
      const code = i % 500 === 4 ? codes[4] : codes[i % 6 === 4 ? 0 : i % 6];
      try {
        cu.compute(code);
      } catch (error) {
        if (!(error instanceof LuaError || error instanceof TypeError)) throw error;
      }
      if (i % 50 === 0) cu.clearIo();
    };
    const settle = () => {
      cu.compute("last = nil");
      cu.clearIo();
      return usedBytes(cu);
    };
    for (let i = 0; i < 3000; i++) call(i);
    const used = settle();
    const heapBytes = await liveHeapBytes();
    for (let i = 3000; i < 15_000; i++) call(i);
    const usedGrowth = settle() - used;
    assert(usedGrowth < USED_TOLERANCE_BYTES, `Lua's live bytes grew by ${usedGrowth}`);
    const heapGrowth = await liveHeapBytes() - heapBytes;
    assert(heapGrowth < HEAP_TOLERANCE_BYTES, `the JavaScript heap grew by ${heapGrowth} bytes`);
  },
);

Deno.test("long names of fields that an input lacks leave memory as it was", { ignore: isLazyMode }, async () => {
  using cu = await ComputeUnit.create();
  cu.setInput([{ id: 1 }, { id: 2 }], { lazy: true });
  cu.compute("kept = _io.input");
  const heapBytes = await liveHeapBytes();
  // 4 MB each on the host.
  cu.compute(`
    local base = ("\u{4e00}"):rep(2e6)
    for i = 1, 30 do local _ = kept[i % 2 + 1][base .. i] end
  `);
  const heapGrowth = await liveHeapBytes() - heapBytes;
  assert(heapGrowth < HEAP_TOLERANCE_BYTES, `the JavaScript heap grew by ${heapGrowth} bytes`);
  assertStrictEquals(cu.compute("return kept[2].id"), 2);
});
