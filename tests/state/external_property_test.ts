// Random programs do the same with external tables as with Lua's own, whatever is given up meanwhile.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit, type LuaValue } from "@computeunit/cu";
import { endingSearch, RUNS_FACTOR, SEED } from "../helpers/property.ts";

/** What each program begins with: tables that `make` makes, and functions that note what is seen. */
const PRELUDE = `
  local make = MAKE
  local tables = { make(), make(), make() }
  local lines = {}
  local function show(v)
    if type(v) == "table" then return "table" end
    return (math.type(v) or type(v)) .. ":" .. tostring(v)
  end
  local function note(...)
    local texts = table.pack(...)
    for i = 1, texts.n do texts[i] = show(texts[i]) end
    lines[#lines + 1] = table.concat(texts, " ")
  end
  local function entries(t)
    local found = {}
    for k, v in pairs(t) do found[#found + 1] = show(k) .. "=" .. show(v) end
    table.sort(found)
    return table.concat(found, ",")
  end
  local function border(t)
    local n = #t
    return (n == 0 or t[n] ~= nil) and t[n + 1] == nil
  end
`;

const table = fc.integer({ min: 1, max: 3 }).map((i) => `tables[${i}]`);
const key = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -1, max: 24 }).map(String) },
  fc.constantFrom(
    "'a'",
    "'b'",
    "'1'",
    "'long " + "x".repeat(60) + "'",
    "1.5",
    "3.0",
    "true",
    "false",
    "2^53",
    "'\\xff'",
  ),
  fc.constantFrom("math.maxinteger", "-0.0", "'__index'", "tables[1]"),
);
const scalar = fc.oneof(
  fc.integer({ min: -9, max: 9 }).map(String),
  fc.constantFrom(
    "nil",
    "nil",
    "nil",
    "2.0",
    "0.5",
    "-0.0",
    "math.huge",
    "math.mininteger",
    "true",
    "false",
    "'text'",
    "'\\0\\xff'",
  ),
);
const value = fc.oneof(
  { weight: 8, arbitrary: scalar },
  fc.constantFrom("{}", "{ 1, 2, 3 }", "{ a = { b = 1 } }", "tables[2]", "{ tables[3], tables[3] }"),
);

/** One step of a program. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(table, key, value).map(([t, k, v]) => `${t}[${k}] = ${v}`) },
  { weight: 3, arbitrary: fc.tuple(table, key).map(([t, k]) => `note(${t}[${k}])`) },
  fc.tuple(table, key, value).map(([t, k, v]) => `rawset(${t}, ${k}, ${v}) note(rawget(${t}, ${k}))`),
  table.map((t) => `note(entries(${t}))`),
  table.map((t) => `note(border(${t}))`),
  table.map((t) => `for k, v in pairs(${t}) do if type(v) == "number" then ${t}[k] = v + 1 else ${t}[k] = nil end end`),
  table.map((t) => `for k in pairs(${t}) do ${t}[k] = nil end note(next(${t}))`),
  table.map((t) => `for i, v in ipairs(${t}) do note(i, v) end`),
  fc.tuple(table, fc.integer({ min: 0, max: 30 })).map(([t, n]) => `for i = 1, ${n} do ${t}[i] = i * 2 end`),
  fc.tuple(table, fc.integer({ min: 0, max: 30 })).map(([t, n]) => `for i = ${n}, 1, -1 do ${t}[i] = nil end`),
  fc.tuple(table, fc.integer({ min: 0, max: 30 })).map(([t, n]) => `for i = 1, ${n} do ${t}["k" .. i] = i end`),
  table.map((t) =>
    `${t}.list = { 3, 1, 2 } table.insert(${t}.list, 1, 9) table.sort(${t}.list) note(table.concat(${t}.list, ","))`
  ),
  table.map((t) => `${t}.list = { 5, 6, 7 } note(table.remove(${t}.list, 1), table.remove(${t}.list), #${t}.list)`),
  table.map((t) => `note(pcall(next, ${t}, "no such key"))`),
  fc.tuple(table, key).map(([t, k]) =>
    `setmetatable(${t}, { __index = function(_, k) return "index" end, __newindex = function(t, k, v) rawset(t, k, v) end }) ` +
    `note(${t}[${k}] == nil) ${t}[${k}] = 1 setmetatable(${t}, nil)`
  ),
  fc.constant("collectgarbage()"),
  // What is read and written meanwhile puts everything else out of the unit.
  fc.constant("local fill = ext.table() for i = 1, 400 do fill[i] = ('x'):rep(1000) .. i local _ = fill[i] end"),
);

const MAKERS = ["ext.table", "function() local t = {} _home[#_home + 1] = t return t end"];

Deno.test("random programs do with external tables what they do with Lua's own", async () => {
  using cu = await ComputeUnit.create({ seed: 7 });
  const run = (make: string, steps: readonly string[]): LuaValue[] => {
    cu.compute("for k in pairs(_home) do _home[k] = nil end");
    const code = `${PRELUDE.replace("MAKE", make)} ${steps.join("\n")} return lines, tables`;
    return cu.computeAll(code);
  };
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 30 }),
      endingSearch((steps: string[]) => {
        const [lines] = run("function() return {} end", steps);
        for (const make of MAKERS) assertEquals(run(make, steps)[0], lines, make);
      }),
    ),
    { numRuns: Math.ceil(150 * RUNS_FACTOR), seed: SEED },
  );
});
