// How code traverses a lazy input, with `next`, `pairs` and in steps.

import { assertEquals } from "@std/assert";
import { ComputeUnit, type LuaValue } from "@computeunit/cu";
import { assertAgree, LAZY } from "../helpers/lazy.ts";

Deno.test("setInput() lazily refuses the same keys of next() as a copy does", async () => {
  using cu = await ComputeUnit.create();
  for (const [length, list] of [[2000, new Array(2000).fill(1)], [2000, new Float64Array(2000)], [0, []]] as const) {
    const answers = [true, false].map((lazy) => {
      cu.setInput({ list }, { lazy });
      return cu.compute(`
        local list, answers = _io.input.list, _io.array({})
        for _, key in ipairs({ 1, 1999, 2000, 2001, 4000, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 40, -1, 0, 1.5, 2.0, "x", true }) do
          local ok, found = pcall(next, list, key)
          answers[#answers + 1] = found == nil and "end" or found
        end
        return answers
      `);
    });
    assertEquals(answers[0], answers[1]);
    assertEquals((answers[0] as LuaValue[])[2], length === 0 ? "invalid key to 'next'" : "end");
    assertEquals((answers[0] as LuaValue[])[3], "invalid key to 'next'");
  }
});

Deno.test("setInput() lazily lets code assign while it traverses", async () => {
  const sources: [unknown, string][] = [
    [Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`k${i * 7}`, i])), "record"],
    [new Map(Array.from({ length: 3000 }, (_, i) => [`k${i * 7}`, i])), "Map"],
    [new Map(Array.from({ length: 3000 }, (_, i) => [i * 1.5, i])), "Map of numbers"],
    [Array.from({ length: 3000 }, (_, i) => i), "array"],
    [Float64Array.from({ length: 3000 }, (_, i) => i), "typed array"],
    [Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`k${i * 7}`, i])), "object"],
  ];
  for (const [source, name] of sources) {
    const count = name === "object" ? 200 : 3000;
    for (const at of [1, 2, Math.floor(count / 3), count]) {
      const code = `
        local n, sum, seen = 0, 0, {}
        for k, v in pairs(_io.input) do
          assert(not seen[k])
          seen[k] = true
          n, sum = n + 1, sum + v
          if n >= ${at} then _io.input[k] = v + 0 end
        end
        for k in pairs(_io.input) do _io.input[k] = nil end
        return n, sum, next(_io.input)
      `;
      await assertAgree(source, code, [count, count * (count - 1) / 2, null]);
    }
  }
  const set = new Set(Array.from({ length: 3000 }, (_, i) => `m${i}`));
  await assertAgree(
    set,
    "local n = 0 for k in pairs(_io.input) do n = n + 1 if n > 1000 then _io.input[k] = nil end end return n",
    [3000],
  );
  await assertAgree(
    new Map(Array.from({ length: 3000 }, (_, i) => [`k${i}`, i])),
    "local n = 0 for k in pairs(_io.input) do n = n + 1 if n == 9 then setmetatable({}, _io.input) end end return n",
    [3000],
  );
});

Deno.test("setInput() lazily gives `next` no float for an integer, as with a copy", async () => {
  const value = {
    list: [10, 20],
    map: new Map<unknown, unknown>([[1, "a"], [2.5, "b"], ["x", 3]]),
    set: new Set([1, 2]),
    nulls: [null, 2, 3],
    many: new Map(Array.from({ length: 1000 }, (_, i) => [i, i])),
  };
  for (const options of [LAZY, { lazy: false }]) {
    using cu = await ComputeUnit.create();
    cu.setInput(value, options);
    for (const name of Object.keys(value)) {
      for (const before of ["", `for k in pairs(v) do if k == 2 then break end end`, `v.added = 1`]) {
        const code = `local v = _io.input.${name}; ${before}; return { pcall(next, v, 1.0) }, pcall(next, v, 1)`;
        const [refused, taken] = cu.computeAll(code);
        assertEquals(refused, [false, "invalid key to 'next'"], `${name} ${before}`);
        assertEquals(taken, true, `${name} ${before}`);
      }
    }
    assertEquals(cu.compute("return (pcall(next, _io.input.map, 2.5))"), true);
  }
});
