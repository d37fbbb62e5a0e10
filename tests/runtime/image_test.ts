// An instance begins with the memory of a unit that the build has made (tools/image.ts); what is its own
// must be so all the same.

import { ComputeUnit } from "@computeunit/cu";
import { assertEquals, assertNotEquals } from "@std/assert";

/** Reads each field of the library by its name, and by going through its table. */
const CHECK_LIBRARY = `
  local count, wrong = 0, {}
  local seen = {}
  local function check(name, t)
    if seen[t] then return end
    seen[t] = true
    local listed = 0
    for key, value in next, t do
      count, listed = count + 1, listed + 1
      if rawget(t, key) ~= value then wrong[#wrong + 1] = name .. "." .. tostring(key) end
      if type(value) == "table" then check(name .. "." .. tostring(key), value) end
    end
    -- Texts that are made anew are the same strings as those of the build.
    for key in next, t do
      if type(key) == "string" and t[table.concat({ key:sub(1, 1), key:sub(2) })] == nil then wrong[#wrong + 1] = key end
    end
  end
  check("_G", _G)
  check("string", getmetatable("").__index)
  return { count = count, wrong = table.concat(wrong, ' ') }`;

/** The globals in the order of `pairs`. */
const ORDER = "local names = {} for name in pairs(_G) do names[#names + 1] = name end return table.concat(names, ' ')";

Deno.test("every field of the library is where its hash says, in every unit", async () => {
  let first: unknown;
  for (let i = 0; i < 200; i++) {
    using cu = await ComputeUnit.create();
    const { count, wrong } = cu.compute<{ count: number; wrong: string }>(CHECK_LIBRARY);
    assertEquals(wrong, "");
    assertEquals(count, first ??= count);
  }
});

Deno.test("units differ in their hashes and random numbers, if they have no seed", async () => {
  const made = await Promise.all(Array.from({ length: 4 }, () => ComputeUnit.create()));
  const orders = made.map((cu) => cu.compute(ORDER));
  const numbers = made.map((cu) => cu.compute("return math.random(0)"));
  assertEquals(new Set(orders).size > 1, true);
  assertEquals(new Set(numbers).size, 4);
  for (const cu of made) cu.dispose();
});

Deno.test("units of one seed are the same, and of another one not", async () => {
  const of = async (seed: number) => {
    using cu = await ComputeUnit.create({ seed });
    return [cu.compute(ORDER), cu.computeAll("return math.random(0), math.random(0)")];
  };
  assertEquals(await of(7), await of(7));
  assertNotEquals(await of(7), await of(8));
});

Deno.test("a unit's first texts are the library's own strings", async () => {
  using cu = await ComputeUnit.create();
  for (const name of ["string", "format", "__index", "concat", "and", "not enough memory"]) {
    cu.setInput({ name });
    const code = "local t = { [_io.input.name] = 1 } t[_io.input.name] = 2 " +
      "local n = 0 for _ in pairs(t) do n = n + 1 end return n";
    assertEquals(cu.compute(code), 1);
  }
  cu.setInput({ name: "format" });
  assertEquals(cu.compute("return string[_io.input.name]('%d', 5)"), "5");
});

Deno.test("what a unit has let go of, its successors have", async () => {
  const code = "for name in pairs(_G) do if name ~= '_G' then _G[name] = nil end end";
  for (let i = 0; i < 3; i++) {
    using cu = await ComputeUnit.create();
    assertEquals(cu.compute("return type(string.rep), type(_io), type(_home)"), "function");
    cu.compute(code);
    cu.runGc();
    assertEquals(cu.compute("return string == nil and math == nil"), true);
  }
});
