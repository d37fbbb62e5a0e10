// The collector and finalizers: what they do while the host calls, compiles or reads.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { LOOKS_AFTER_MAX } from "../helpers/clock.ts";
import { clock, createUnit, TIME_LIMIT_MS } from "../helpers/hostile.ts";

Deno.test("a chain of ephemerons in a bad order takes few rounds of a collection", async () => {
  using cu = await ComputeUnit.create();
  // Without an end of its own it takes a round for nearly each link, all in one atomic step.
  // The end shows: where a chain is too long, values of dead keys are kept for one more cycle.
  const kept = (length: number) =>
    cu.compute<boolean[]>(`
      collectgarbage("stop")
      local n, weak, k, order = ${length}, { __mode = "k" }, {}, {}
      for i = 1, n + 1 do k[i] = {} end
      -- Neither forwards nor backwards, as a collection goes in both directions by turns.
      for i = 1, n do order[i] = i * 7919 % n + 1 end
      local tables = {}
      for i = 1, n do tables[i] = setmetatable({}, weak) end
      for i = 1, n do tables[order[i]][k[i]] = k[i + 1] end
      local first, value = k[1], {}
      local watch = setmetatable({ value }, { __mode = "v" })
      for i = 1, n do tables[i][{}] = value end
      k, value = nil, nil
      collectgarbage()
      local once = watch[1] ~= nil
      collectgarbage("restart")
      for i = 1, n do tables[i] = nil end
      collectgarbage()
      return { once, watch[1] ~= nil, first ~= nil }
    `);
  assertEquals(kept(10), [false, false, true]);
  assertEquals(kept(6000), [true, false, true]);
});

Deno.test("a finalizer that loops can't hang any call of the host", async () => {
  const rows = Array.from({ length: 2000 }, (_, i) => ({ [`key ${i}`]: i }));
  const calls: [string, (cu: ComputeUnit) => unknown][] = [
    ["setInput", (cu) => cu.setInput(rows)],
    ["setMetadata", (cu) => cu.setMetadata(rows)],
    ["setInputField", (cu) => cu.setInputField("a", rows)],
    ["getOutput", (cu) => cu.getOutput()],
    ["getOutputField", (cu) => cu.getOutputField("x")],
    ["clearIo", (cu) => cu.clearIo()],
    ["runGc", (cu) => cu.runGc()],
    ["callHandler", (cu) => cu.callHandler("handler", rows)],
    ["compute", (cu) => cu.compute("return 1")],
  ];
  for (const [name, call] of calls) {
    using cu = await createUnit();
    const prepare = `
      function handler() return 1 end
      local t = {} for i = 1, 2000 do t[i] = { ["k" .. i] = ("x"):rep(300) .. i } end _io.output = t
      for i = 1, 100 do setmetatable({}, { __gc = function() for i = 1, 1e8 do end end }) end
    `;
    clock.atStep(0.1, () => cu.compute(prepare));
    for (let i = 0; i < 10; i++) {
      const looks = clock.looksOf(() => {
        try {
          call(cu);
        } catch (error) {
          assert(error instanceof LuaError && error.kind === "time", `${name}: ${error}`);
        }
      });
      assert(looks <= TIME_LIMIT_MS + LOOKS_AFTER_MAX, `${name} looked ${looks} times at the clock`);
    }
    assertStrictEquals(cu.compute("return 1 + 1"), 2, name);
  }
});

Deno.test("the names of a handler's input outlast collections while it is read", async () => {
  using cu = await ComputeUnit.create();
  cu.compute(`function h(p)
    local t, bad = {}, 0
    for i = 1, 3000 do t[i] = { k = 0x180400000000 } end
    collectgarbage()
    for i = 1, 3000 do if t[i].k ~= 0x180400000000 then bad = bad + 1 end end
    return bad
  end`);
  for (let i = 0; i < 5; i++) {
    assert(cu.callHandler("h", ["x".repeat(5e6)]));
    assertEquals(cu.getOutput(), 0);
  }
});

Deno.test("a full memory doesn't keep the host from reading _io", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 1_600_000 });
  cu.compute(`
    store, n = {}, 0
    for i = 1, 8000 do store[i] = false end
    local rep = string.rep
    local function text(length) while true do store[n + 1] = rep("y", length - 6) .. (100000 + n) n = n + 1 end end
    function fill(a)
      local b = 1
      for _, length in ipairs({ 20000, 5000, 1000, 300, 250, 200, 150, 100, 60, 50 }) do pcall(text, length) end
      local function more() while true do store[n + 1] = function() return a, b end n = n + 1 end end
      pcall(more) pcall(more) more()
    end
  `);
  assertThrows(() => cu.callHandler("fill", 1), LuaError, "not enough memory");
  assertEquals([cu.getMetadata(), cu.getOutput()], [null, null]);
  cu.clearIo();
  assertEquals([cu.getMetadata(), cu.getOutput()], [null, null]);
});

Deno.test("a Map's key without a value outlasts collections until the message ends", async () => {
  for (let count = 1000; count < 60_000; count += 4000) {
    using cu = await ComputeUnit.create({ memoryLimit: 8 * 2 ** 20 });
    cu.compute('collectgarbage("stop") for i = 1, 70000 do local _ = { i } end');
    const key = { n: 42, name: "the key" };
    const rows = Array.from({ length: count }, (_, i) => ({ n: i, name: "row" }));
    cu.setInput([new Map([[key, null]]), rows, key], { lazy: false });
    assertEquals(cu.compute("return _io.input[3]"), key);
    assertEquals(cu.compute("return #_io.input[2]"), count);
  }
});

Deno.test("a weak table that is read keeps what it has until the message ends", async () => {
  for (let count = 12_000; count < 24_000; count += 1000) {
    using cu = await ComputeUnit.create({ memoryLimit: 12 * 2 ** 20 });
    const read = () => {
      return cu.compute<Record<string, number[][]>>(`
        collectgarbage("stop")
        local weak = setmetatable({}, { __mode = "v" })
        for i = 1, ${count} do weak["k" .. i] = { { i } } end
        while collectgarbage("count") < 11200 do local _ = {} end
        return weak
      `);
    };
    let weak: Record<string, number[][]>;
    try {
      weak = read();
    } catch (error) {
      assert(error instanceof LuaError && error.kind === "memory", String(error));
      continue;
    }
    for (const [key, value] of Object.entries(weak)) assertEquals(value, [[Number(key.slice(1))]]);
  }
});

Deno.test("a weak table that is written as JSON keeps what it has until the text ends", async () => {
  for (const mode of ["k", "v", "kv"]) {
    for (let count = 1000; count < 16_000; count += 2000) {
      using cu = await ComputeUnit.create({ memoryLimit: 8 * 2 ** 20 });
      const code = `
        collectgarbage("stop")
        local weak = setmetatable({}, { __mode = "${mode}" })
        for i = 1, ${count} do weak["k" .. i] = { { i } } end
        while collectgarbage("count") < 6800 do local _ = {} end
        return require("json").encode({ weak, weak })
      `;
      let text: string;
      try {
        text = cu.compute(code);
      } catch (error) {
        assert(error instanceof LuaError && error.kind === "memory", String(error));
        continue;
      }
      for (const weak of JSON.parse(text) as Record<string, number[][]>[]) {
        for (const [key, value] of Object.entries(weak)) assertEquals(value, [[Number(key.slice(1))]]);
      }
    }
  }
});
