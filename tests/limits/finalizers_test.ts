// When finalizers are called: they are code, and run where code does, with its limits.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";

const ROWS = Array.from({ length: 200 }, (_, id) => ({ id, name: `row ${id}` }));

/** What the host does with a unit; where code runs, it notes first how many finalizers have been called. */
const USES: Record<string, (cu: ComputeUnit) => unknown> = {
  "setInput, copied": (cu) => cu.setInput(ROWS, { lazy: false }),
  "setInput, lazy": (cu) => cu.setInput(ROWS, { lazy: true }),
  setInputField: (cu) => cu.setInputField("rows", ROWS),
  setInputJson: (cu) => cu.setInputJson(JSON.stringify(ROWS)),
  setMetadata: (cu) => cu.setMetadata(ROWS),
  getOutput: (cu) => cu.getOutput(),
  getOutputJson: (cu) => cu.getOutputJson(),
  compile: (cu) => cu.compile(`local a = 5 return function() return a, ${Math.random()} end`),
  "external tables": (cu) => {
    const id = cu.createExternalTable();
    cu.setTableValue(id, "key", { list: [1, 2, { three: 3 }] });
    cu.getTableValue(id, "key");
    cu.deleteExternalTable(id);
  },
  snapshot: (cu) => cu.snapshot(),
  compute: (cu) => cu.compute("called = called or count"),
  computeAsync: (cu) => cu.computeAsync("called = called or count"),
  "a function of the host that uses the unit": (cu) => cu.compute("use()"),
};

Deno.test("finalizers are called while code runs, and never by what else the host does", async () => {
  for (const [name, use] of Object.entries(USES)) {
    const globals = {
      use: () => {
        for (let i = 0; i < 3; i++) cu.setInput(ROWS, { lazy: false });
        cu.compute("called = called or count");
      },
    };
    using cu = await ComputeUnit.create({ globals });
    cu.compute(`
      count = 0
      local meta = { __gc = function() count = count + 1 end }
      function litter()
        collectgarbage("stop")
        for i = 1, 50 do setmetatable({}, meta) end
        collectgarbage("restart")
      end
      collectgarbage("setpause", 0)
      collectgarbage("setstepmul", 1000)
      _io.output = { 1, 2, { a = 1 } }
    `);
    for (let i = 0; i < 20; i++) {
      cu.compute("litter() called = nil before = count");
      await use(cu);
      assertEquals(cu.compute("return (called or count) - before"), 0, name);
    }
    cu.runGc();
    assertEquals(cu.compute("return count"), 1000, name);
  }
});

Deno.test("a finalizer that loops ends the run that it is called in, and keeps no other from its begin", async () => {
  using cu = await ComputeUnit.create({ stepLimit: 50_000 });
  const code = `
    local functions = {}
    for i = 1, 100 do functions[i] = function() return i end end
    local loops = true
    for i = 1, 3 do setmetatable({}, { __gc = function() while loops do end end }) end
    require("task").all(table.unpack(functions))
    loops = false
  `;
  let stopped = 0;
  const used: number[] = [];
  for (let i = 0; i < 600; i++) {
    await cu.computeAsync(code, { stepLimit: 20_000 }).catch((error) => {
      if (!(error instanceof LuaError && error.kind === "limit")) throw error;
      stopped++;
    });
    used.push(cu.getMemoryStats().usedBytes);
  }
  // Nothing stays: neither threads that it kept from being begun, nor others that wait to be called and would loop.
  const [early, late] = [used.slice(100, 200), used.slice(-100)].map((bytes) => Math.min(...bytes));
  assert(late < 1.2 * early, `${early} ${late}`);
  await assertRejects(() => cu.computeAsync("while true do end"), LuaError, "limit of 50000 steps exceeded");
  assertEquals(cu.compute("return 'works'"), "works");
  assert(stopped > 30, `${stopped}`);
});
