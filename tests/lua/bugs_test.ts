// Bugs of Lua 5.4.7 that 5.4.9 has no more, and what is of their kind in this build: where
// the collector runs in the middle of an access, all that the access needs must be anchored.

import { assert, assertEquals } from "@std/assert";
import { ComputeUnit } from "@computeunit/cu";
import { MIB } from "../helpers/sizes.ts";

Deno.test("a table that only a weak metatable refers to outlives the assignment to it", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 4 * MIB });
  const count = cu.compute(`
    local kept = {}
    for n = 1, 20000 do
      local t = setmetatable({}, setmetatable({ __newindex = {} }, { __mode = "v" }))
      for i = 1, 40 do t[i] = i end
      kept[n % 500 + 1] = { n }
    end
    return #kept
  `);
  assertEquals(count, 500);
});

Deno.test("a view that only a weak metatable refers to outlives the access to it", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 4 * MIB });
  const rows = Array.from({ length: 2000 }, (_, i) => ({ id: i, name: `row ${i}`, tags: [i, i + 1, i + 2] }));
  cu.setInput(rows, { lazy: true });
  const sums = cu.compute(`
    local read, written = 0, 0
    for n = 1, 2000 do
      local t = setmetatable({}, setmetatable({ __index = _io.input[n] }, { __mode = "v" }))
      read = read + (t.id or n - 1) + #(t.name or "")
      local u = setmetatable({}, setmetatable({ __newindex = _io.input[n].tags }, { __mode = "v" }))
      for i = 4, 40 do u[i] = i end
      written = written + (u[4] or 4)
    end
    return { read > 0, written }
  `);
  assertEquals(sums, [true, 8000]);
});

Deno.test("a comparison as an index is the comparison's result", async () => {
  using cu = await ComputeUnit.create();
  const price = cu.compute(`
    local fee = { [true] = 10, [false] = 25 }
    local function price(age)
      do local other = { [true] = 999 } end
      return fee[age < 18]
    end
    return price(12)
  `);
  assertEquals(price, 10);
});

Deno.test("an all-weak table keeps a metatable that it gets while the collector runs", async () => {
  using cu = await ComputeUnit.create();
  const lost = cu.compute(`
    collectgarbage("incremental", 100, 100)
    local lost = 0
    for round = 1, 100 do
      local t = setmetatable({}, { __mode = "kv" })
      for i = 1, round do local garbage = { {}, {}, {} } end
      setmetatable(t, { __mode = "kv", __index = function() return "there" end })
      for i = 1, 500 do local garbage = { {}, {}, {} } end
      local ok, value = pcall(function() return t.x end)
      if not ok or value ~= "there" then lost = lost + 1 end
    end
    return lost
  `);
  assertEquals(lost, 0);
});

Deno.test("ephemerons are freed while a long chain of others lives", async () => {
  using cu = await ComputeUnit.create();
  const isGone = cu.compute(`
    local e = setmetatable({}, { __mode = "k" })
    do local key = {} e[key] = { key } end
    local chain, first = setmetatable({}, { __mode = "k" }), {}
    local last = first
    for i = 1, 1000 do
      local link = {}
      chain[last] = link
      last = link
    end
    last = nil
    collectgarbage()
    collectgarbage()
    return next(e) == nil and first ~= nil and next(chain) ~= nil
  `);
  assertEquals(isGone, true);
});

Deno.test("a gmatch iterator fails again as it failed before", async () => {
  using cu = await ComputeUnit.create();
  const [first, second] = cu.compute<string[]>(`
    local iterator = string.gmatch(("a"):rep(300), ("a?"):rep(300) .. "b")
    return { select(2, pcall(iterator)), select(2, pcall(iterator)) }
  `);
  assertEquals(first, "pattern too complex");
  assertEquals(second, first);
});

Deno.test("coroutine.close gives the error of __close, whatever handler was set inside", async () => {
  using cu = await ComputeUnit.create();
  const results = cu.compute(`
    local co = coroutine.create(function()
      xpcall(function()
        local x <close> = setmetatable({}, { __close = function() error("in close", 0) end })
        coroutine.yield()
      end, function(message) return "handled " .. message end)
    end)
    coroutine.resume(co)
    return { coroutine.close(co) }
  `);
  assertEquals(results, [false, "in close"]);
});

Deno.test("a Lua stack that grows collects garbage first, after collectgarbage('stop') too", async () => {
  for (let garbageKb = 400; garbageKb <= 1250; garbageKb += 50) {
    using cu = await ComputeUnit.create({ memoryLimit: 2 * MIB });
    const count = cu.compute(`
      collectgarbage("stop")
      for i = 1, ${garbageKb} / 4 do local garbage = ("x"):rep(4000) .. i end
      return #table.pack(("x"):rep(8000):byte(1, -1))
    `);
    assertEquals(count, 8000, `${garbageKb} KB of garbage`);
  }
});

Deno.test("a string buffer that grows collects garbage first, after collectgarbage('stop') too", async () => {
  for (let garbageKb = 800; garbageKb <= 1000; garbageKb += 50) {
    using cu = await ComputeUnit.create({ memoryLimit: 2 * MIB });
    const length = cu.compute(`
      local text = ("y"):rep(100000)
      collectgarbage() collectgarbage("stop")
      for i = 1, ${garbageKb} do local garbage = table.pack(("x"):byte(), ("x"):rep(60):byte(1, -1)) end
      return #text:gsub("y", "zz")
    `);
    assertEquals(length, 200_000, `${garbageKb} KB of garbage`);
  }
});

Deno.test("short strings take no collection each where the table of strings can't grow", async () => {
  const steps = [4 * MIB, 64 * MIB].map(async (memoryLimit) => {
    using cu = await ComputeUnit.create({ memoryLimit });
    // Memory is full, but for some pieces that aren't next to each other.
    cu.compute(`
      function text(i) return string.char(200, i >> 12, i >> 6 & 63, i & 63) end
      held, fill = {}, {}
      for i = 1, 34000 do held[i] = i <= 30000 and text(i) end
      for i = 1, 1024 do fill[i] = false end
      local n = 0
      local function add(piece) n = n + 1 fill[n] = piece .. n end
      for _, piece in ipairs { ("x"):rep(20000), ("x"):rep(1000), ("x"):rep(100) } do
        while n < 1000 and pcall(add, piece) do end
      end
      for i = 1, 34, 2 do fill[i] = false end
      collectgarbage()
    `);
    cu.compute("for i = 30001, 34000 do held[i] = text(i) end");
    return cu.lastRun.steps;
  });
  const [full, roomy] = await Promise.all(steps);
  assert(full < 5 * roomy, `${full} steps in place of ${roomy}`);
});

Deno.test("a collector's step of the largest size is a whole cycle", async () => {
  using cu = await ComputeUnit.create();
  for (const [multiplier, size] of [[100, 62], [1000, 60], [1000, 52], [1000, 255]]) {
    const isCycle = cu.compute(`
      collectgarbage("incremental", 100, ${multiplier}, ${size})
      return collectgarbage("step", 0)
    `);
    assertEquals(isCycle, true, `a multiplier of ${multiplier}, 2^${size} bytes`);
  }
});

Deno.test("a stack that had no room for more says when it overflows", async () => {
  using cu = await ComputeUnit.create();
  const code = `
    collectgarbage("stop") -- it would make the stack smaller again
    local function endless() return 1 + endless() end
    local function deep(n)
      if n > 0 then return (deep(n - 1)) end
      coroutine.yield()
      return endless()
    end
    local thread = coroutine.create(deep)
    assert(coroutine.resume(thread, 100000))
    local _, refusal = coroutine.resume(thread, table.unpack({}, 1, 900000))
    local _, overflow = coroutine.resume(thread)
    return refusal, overflow
  `;
  assertEquals(cu.computeAll(code), ["too many arguments to resume", "compute:3: stack overflow"]);
});
