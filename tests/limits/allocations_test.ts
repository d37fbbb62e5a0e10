// Allocations that fail, one after the other, in whatever a unit does: it works on, and nothing is left.

import { assert, assertEquals } from "@std/assert";
import type { ComputeUnit, LuaValue } from "@computeunit/cu";
import { usedBytes } from "../helpers/garbage.ts";
import { unitAndInstance } from "../helpers/instance.ts";

/** What builds that check themselves export: so many allocations succeed, then so many fail. Answers how many have. */
type FailAllocations = (succeeding: number, failing: number) => number;

const ALL = 0xffffffff;

const rows = () =>
  Array.from({ length: 6 }, (_, i) => ({ id: i, tags: [`a${i}`], when: new Date(i), map: new Map([[i, { x: i }]]) }));

/** What a unit does; what it gives is the same each time. */
const USES: [string, (cu: ComputeUnit) => unknown][] = [
  [
    "code",
    (cu) =>
      cu.compute("local t = {} for i = 1, 20 do t[i] = { tostring(i), k = function() return t end } end return #t"),
  ],
  ["results", (cu) => cu.computeAll("local t = { 1, { a = 'x' } } t.t = t return t, { t }")],
  ["a copied input", (cu) => {
    cu.setInput(rows(), { lazy: false });
    return cu.compute("return _io.input[3].tags[1]");
  }],
  ["a lazy input", (cu) => {
    cu.setInput(rows(), { lazy: true });
    cu.compute("for _, row in ipairs(_io.input) do row.tags[2] = next(row.map) end _io.output = _io.input");
    return cu.getOutput();
  }],
  ["JSON", (cu) => {
    cu.setInputJson(JSON.stringify(rows()));
    cu.compute("_io.output = _io.input");
    return cu.getOutputJson();
  }],
  ["external tables", (cu) => {
    cu.setInput(rows(), { lazy: true });
    return cu.compute(`
      _home.rows = _io.input
      _home.f = function(n) return n + 1 end
      table.insert(_home.rows, 1, { _home.f(1) })
      table.sort(_home.rows, function(a, b) return (a.id or 9) < (b.id or 9) end)
      local n = 0
      for _, row in ipairs(_home.rows) do for _ in pairs(row) do n = n + 1 end end
      return n`);
  }],
  ["functions of the host", (cu) =>
    cu.compute(`
    local sum = add(1, { x = 2 }).sum + called(function(t) return #t end)
    local ok, problem = pcall(fails)
    return sum .. tostring(problem)`)],
  ["waits", (cu) =>
    cu.computeAsync(`
    local task = require "task"
    local a, b = task.all(function() return later(1) end, coroutine.wrap(function() return later({ 2 })[1] end))
    return a + b`).then(({ value }) => value)],
];

const globals = {
  add: (a: number, { x }: { x: number }) => ({ sum: a + x, all: [a, x] }),
  called: (f: (list: number[]) => number) => f([1, 2]),
  fails: () => {
    throw new TypeError("refused");
  },
  later: (value: unknown) => Promise.resolve(value),
};

const ignore = Deno.env.get("CU_CHECKS") !== "all";

for (const [name, use] of USES) {
  Deno.test(`an allocation that fails leaves the unit whole: ${name}`, { ignore }, async () => {
    const { cu, instance } = await unitAndInstance({ globals });
    using _ = cu;
    const { fail_allocations } = instance.exports as unknown as { fail_allocations: FailAllocations };
    const settled = () => {
      cu.clearIo();
      cu.compute("for k in pairs(_home) do _home[k] = nil end");
      return usedBytes(cu);
    };
    const expected = await use(cu);
    settled();
    await use(cu);
    const used = settled();
    // What fails once succeeds after a collection; what fails twice is an error, and so is all from there on.
    for (const failing of [1, 2, ALL]) {
      for (let succeeding = 0, failed = 1; failed > 0; succeeding++) {
        fail_allocations(succeeding, failing);
        const problem = await Promise.resolve(cu).then(use).then(() => undefined, (error: Error) => error);
        failed = fail_allocations(0, 0);
        if (failed < 2) assertEquals(problem, undefined, `${failed} after ${succeeding}`);
        assertEquals(await use(cu), expected, `after ${succeeding}`);
      }
    }
    // A list that has grown keeps its room, as that of the numbers of tables which JavaScript hasn't collected yet.
    assert(settled() < used + 64 * 1024, `${settled()} bytes in place of ${used}`);
  });
}

for (const kind of ["fields", "rows"]) {
  Deno.test(`a weak table isn't looked at before there is room for it: ${kind}`, { ignore }, async () => {
    const { cu, instance } = await unitAndInstance();
    using _ = cu;
    const { fail_allocations } = instance.exports as unknown as { fail_allocations: FailAllocations };
    const key = kind === "rows" ? `"key"` : `"key" .. i`;
    for (const rest of [0, 63, 127]) {
      for (let succeeding = 0, failed = 1; failed > 0; succeeding++) {
        cu.compute(`
          held, list = {}, {}
          for i = 1, ${rest} do list[i] = { key = i } end
          local weak = setmetatable({}, { __mode = "v" })
          for i = 1, 20 do held[i] = { i } weak[${key}] = held[i] end
          list[${rest + 1}] = weak
          _io.output = list`);
        cu.compute("held = nil");
        // What fails once succeeds after a collection.
        fail_allocations(succeeding, 1);
        const output = cu.getOutput<LuaValue[]>();
        failed = fail_allocations(0, 0);
        const fields = Object.entries(output[rest]!);
        assert(fields.length === 0 || fields.every(([, value]) => Array.isArray(value)), JSON.stringify(fields));
        assertEquals(output.length, rest + 1);
      }
    }
  });
}
