// `library: "readonly"`: code can't change for others what Lua and the host gave it, in whatever way
// it writes; and reads it as before.

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { ComputeUnit, type ComputeUnitOptions, LuaError } from "@computeunit/cu";
import { LIBRARY_MODULES } from "../../src/host/powers.ts";
import { CountingClock } from "../helpers/clock.ts";

const clock = new CountingClock(0);

const cycle: Record<string, unknown> = { name: "cycle" };
cycle.itself = cycle;

const given = (): ComputeUnitOptions => ({
  seed: 7,
  now: clock.now,
  globals: { log: () => null, limits: { most: 10, of: ["a", "b"], byName: new Map([["x", { y: 1 }]]) } },
  modules: {
    kv: { get: (key: string) => `value of ${key}`, nested: { twice: (n: number) => 2 * n } },
    config: { rows: [{ id: 1 }, { id: 2 }], bytes: new Float64Array([1, 2]), tags: new Set(["t"]), cycle },
    "rules.tax": "local tax = { rate = 0.2 } return tax",
  },
});

const readonlyUnit = () => ComputeUnit.create({ ...given(), library: "readonly" });

/** All that can be reached of the library and of what the host gave, a line for each field. */
const SNAPSHOT = `
  local pairs, tostring, type, concat, sort = pairs, tostring, type, table.concat, table.sort
  local rawlen, getmetatable, loaded = rawlen, getmetatable, package.loaded
  local roots = { meta = getmetatable(""), limits = limits, package = package }
  for name, module in pairs(loaded) do if name ~= "_G" then roots[name] = module end end
  function snapshot()
    local lines, seen = {}, { [loaded] = true, [package.preload] = true }
    local function add(path, value)
      lines[#lines + 1] = path .. " " .. tostring(value)
      if type(value) ~= "table" or seen[value] then return end
      seen[value] = true
      lines[#lines + 1] = path .. " # " .. rawlen(value) .. tostring(getmetatable(value))
      for key, field in pairs(value) do add(path .. "." .. tostring(key), field) end
    end
    for name, root in pairs(roots) do add(name, root) end
    sort(lines)
    return concat(lines, "\\n")
  end
`;

const WRITES: [code: string, field: string][] = [
  ["string.format = nil", "string.format"],
  ["string.format = print", "string.format"],
  ["string.new = 1", "string.new"],
  ["string.new = nil", "string.new"],
  ["string[1] = 1", "string[1]"],
  ["string[2^53] = 1", "string[number]"],
  ["string[{}] = 1", "string[table]"],
  ["string['a' .. 'b'] = 1", "string.ab"],
  ["local k = 'format' string[k] = nil", "string.format"],
  ["local s <const> = string; (s).len, s.sub = nil, nil", "string.sub"],
  ["function string.format() end", "string.format"],
  ["function math:floor() end", "math.floor"],
  ["_G.math.pi = 3", "math.pi"],
  ["_ENV.table.insert = nil", "table.insert"],
  ["local _ENV = coroutine; wrap = nil", "coroutine.wrap"],
  ["_ENV = utf8; char = nil", "utf8.char"],
  ["local print <const> = print; local function f() _ENV = os; time = print end f()", "os.time"],
  ["load('format = nil', 'x', 't', string)()", "string.format"],
  ["load('local t = ... t.write = nil')(io)", "io.write"],
  ["debug.traceback = nil", "debug.traceback"],
  ["package.loaded = {}", "package.loaded"],
  ["package.preload = nil", "package.preload"],
  ["package.searchers = {}", "package.searchers"],
  ["require('string').rep = nil", "string.rep"],
  ["package.loaded.string.rep = nil", "string.rep"],
  ["rawset(string, 'format', nil)", "string.format"],
  ["rawset(math, 1, 1)", "math[1]"],
  ["rawset(math, 0/0, 1)", "math[number]"],
  ["rawset(math, nil, 1)", "math[nil]"],
  ["table.insert(table, 1)", "table[1]"],
  ["table.insert(table, 1, 1)", "table[1]"],
  ["table.remove(os)", "os[0]"],
  ["table.move({ 1, 2 }, 1, 2, 1, string)", "string[1]"],
  ["table.move(string, 1, 1, 2)", "string[2]"],
  ["table.sort(require('config').rows, function(a, b) return a.id > b.id end)", "config.rows[1]"],
  ["table.insert(limits.of, 'c')", "limits.of[3]"],
  ["table.remove(limits.of)", "limits.of[2]"],
  ["table.remove(limits.of, 1)", "limits.of[1]"],
  ["setmetatable({}, { __newindex = string }).format = 1", "string.format"],
  ["setmetatable({}, { __newindex = setmetatable({}, { __newindex = math }) })[1] = 1", "math[1]"],
  ["setmetatable(_G, { __newindex = io }) undefined = 1", "io.undefined"],
  ["getmetatable('').__index = nil", "getmetatable('').__index"],
  ["getmetatable('').__add = print", "getmetatable('').__add"],
  ["getmetatable(('x'):rep(100)).__name = 1", "getmetatable('').__name"],
  ["getmetatable('').__metatable = 1", "getmetatable('').__metatable"],
  ["rawset(getmetatable(''), '__index', nil)", "getmetatable('').__index"],
  ["getmetatable('').__index.upper = nil", "string.upper"],
  ["require('kv').get = nil", "kv.get"],
  ["require('kv').nested.twice = print", "kv.nested.twice"],
  ["package.loaded.kv.put = 1", "kv.put"],
  ["require('config').rows[1] = nil", "config.rows[1]"],
  ["require('config').rows[1].id = 3", "id"],
  ["require('config').bytes[1] = 3", "config.bytes[1]"],
  ["require('config').tags.t = nil", "config.tags.t"],
  ["require('config').cycle.itself.name = nil", "config.cycle.name"],
  ["limits.most = 11", "limits.most"],
  ["limits.byName.x = nil", "limits.byName.x"],
  ["limits.byName.x.y = nil", "limits.byName.x.y"],
  ["coroutine.wrap(function() string.format = nil end)()", "string.format"],
  ["do local c <close> = setmetatable({}, { __close = function() string.format = nil end }) end", "string.format"],
  ["string.gsub('a', 'a', function() string.format = nil end)", "string.format"],
  ["table.sort({ 2, 1 }, function() string.format = nil end)", "string.format"],
  ["return setmetatable({}, { __index = function() string.format = nil end }).x", "string.format"],
  [`string["${"x".repeat(500)}"] = 1`, `string.${"x".repeat(121)}`],
  ["string['a\\0b'] = 1", "string.a"],
];

Deno.test("a read-only library: whatever writes is refused, and the error names the field", async () => {
  for (const [code, field] of WRITES) {
    using cu = await readonlyUnit();
    cu.compute(SNAPSHOT);
    const before = cu.compute("return snapshot()");
    const error = assertThrows(() => cu.compute(`\n${code}`, { chunkName: "rule" }), LuaError);
    assertEquals(error.message, `attempt to change read-only field '${field}'`, code);
    assertEquals(error.kind, "runtime");
    assertEquals(cu.compute("return snapshot()"), before, code);
  }
});

Deno.test("a read-only library: an error has the place of the code that wrote, and pcall catches it", async () => {
  using cu = await readonlyUnit();
  for (const write of ["string.format = nil", "rawset(string, 'format', nil)", "table.insert(string, 1, 1)"]) {
    const error = assertThrows(() => cu.compute(`\n\n${write}`, { chunkName: "rule" }), LuaError);
    assertEquals([error.chunk, error.line], ["rule", 3], write);
    const caught = cu.compute<string>(`local ok, e = pcall(function() ${write} end) return e`, { chunkName: "rule" });
    assertStringIncludes(caught, "rule:1: attempt to change read-only field 'string", write);
  }
});

Deno.test("a read-only library: metatables and marks of its tables are refused", async () => {
  using cu = await readonlyUnit();
  const tables = ["string", "package", "limits", "limits.of", "require('kv')", "getmetatable('')"];
  for (const table of tables) {
    const name = table === "require('kv')" ? "kv" : table;
    for (const metatable of ["{}", "nil", "{ __gc = print }", "{ __mode = 'kv' }", "string"]) {
      assertThrows(
        () => cu.compute(`setmetatable(${table}, ${metatable})`),
        LuaError,
        `attempt to change the metatable of read-only table '${name}'`,
      );
    }
    for (const mark of ["array", "object", "map"]) {
      const message = `attempt to change read-only table '${name}'`;
      assertThrows(() => cu.compute(`_io.${mark}(${table})`), LuaError, message);
    }
    assertThrows(() => cu.compute(`_io.array(${table}, 0)`), LuaError, "attempt to change read-only table");
  }
  // It may be a metatable itself.
  assertEquals(cu.compute("return getmetatable(setmetatable({}, string)) == string"), true);
});

Deno.test("a read-only library: the host's setInputField() doesn't write there either", async () => {
  using cu = await readonlyUnit();
  cu.compute("_io.input = string");
  assertThrows(() => cu.setInputField("format", 1), LuaError, "attempt to change read-only table 'string'");
  assertEquals(cu.compute("return ('%d'):format(1)"), "1");
  cu.compute("_io.input = nil");
  cu.setInputField("format", 1);
  assertEquals(cu.compute("return _io.input"), { format: 1 });
});

Deno.test("a read-only library: globals stay writable, and so does what require keeps", async () => {
  using cu = await readonlyUnit();
  assertEquals(cu.compute("print = nil return print"), null);
  assertEquals(cu.compute("string = { x = 1 } string.y = 2 limits = 5 log = 6 return { string, limits, log }"), [
    { x: 1, y: 2 },
    5,
    6,
  ]);
  assertEquals(cu.compute("package.preload.own = function() return { 1 } end return #(require 'own')"), 1);
  assertEquals(cu.compute("package.loaded.old = 'old' return (require 'old')"), "old");
  assertEquals(cu.compute("package.loaded.old = nil return (pcall(require, 'old'))"), false);
  // A module of Lua code is that code's own.
  assertEquals(cu.compute("local tax = require 'rules.tax' tax.rate = 0.3 return require('rules.tax').rate"), 0.3);
  assertEquals(cu.compute("_home.x = 1 _io.meta = { a = 1 } _io.meta.a = 2 return _io.meta.a"), 2);
  assertEquals(cu.compute("setmetatable(_G, { __index = function() return 1 end }) return undefined"), 1);
});

Deno.test("a read-only library: require gives the library's and the host's modules, whatever package.loaded has", async () => {
  using cu = await readonlyUnit();
  cu.compute(`
    for name in pairs(package.loaded) do package.loaded[name] = { get = error, upper = error } end
    package.loaded.kv = false
    package.preload.kv, package.preload.string = error, error
  `);
  assertEquals(cu.compute("return require('kv').get('a')"), "value of a");
  assertEquals(cu.compute("return require('string').upper('a')"), "A");
  assertEquals(cu.compute("return require('_G') == _G"), true);
  for (const name of LIBRARY_MODULES) {
    assertEquals(cu.compute(`return require '${name}' == ${name}`), true, name);
  }
});

/** What reads tell of all tables, in the order in which they tell it. */
const READS = `
  local lines = {}
  local function add(...)
    local parts = table.pack(...)
    for i = 1, parts.n do
      local text = tostring(parts[i])
      parts[i] = text:gsub("0x%x+", "address")
    end
    lines[#lines + 1] = table.concat(parts, " ")
  end
  local config = require "config"
  for _, t in ipairs { string, math, table, os, require "kv", config, config.rows, config.rows[2], config.bytes, config.tags,
    config.cycle, limits, limits.of, limits.byName } do
    add(#t, rawlen(t), next(t), getmetatable(t), t == t, rawequal(t, t), type(t), select("#", table.unpack(t)))
    for k, v in pairs(t) do add(k, v, rawget(t, k) == v, t[k] == v) end
    for i, v in ipairs(t) do add(i, v) end
    for k in next, t do add(k) end
    add(t.missing, t[1], t[100], rawget(t, "missing"))
  end
  add(table.concat(limits.of, ","), ("x"):rep(3, "-"), ("%d"):format(3), pcall(next, string, "missing"))
  return table.concat(lines, "\\n"), limits, config.rows, config.bytes, config.tags, config.cycle
`;

Deno.test("a read-only library is read as a writable one, and crosses as it", async () => {
  using readonly = await readonlyUnit();
  using writable = await ComputeUnit.create({ ...given(), library: "writable" });
  const [text, ...values] = readonly.computeAll(READS);
  const [expected, ...others] = writable.computeAll(READS);
  assertEquals(text, expected);
  assertEquals(values, others);
  assert(String(text).length > 2000);
  readonly.runGc();
  assertEquals(readonly.computeAll(READS)[0], expected);
  readonly.compute("collectgarbage('generational') for i = 1, 10 do collectgarbage('step') end");
  assertEquals(readonly.computeAll(READS)[0], expected);
});

Deno.test("a writable library stays writable", async () => {
  for (const library of [undefined, "writable"] as const) {
    using cu = await ComputeUnit.create({ library, modules: { kv: { get: () => 1 } } });
    assertEquals(cu.compute("string.x = 1 require('kv').get = 2 return { string.x, require('kv').get }"), [1, 2]);
    assertEquals(cu.compute("package.loaded.kv = 3 return (require 'kv')"), 3);
  }
});

Deno.test("a read-only library: no function of the library, given its tables in any place, changes one", async () => {
  using cu = await readonlyUnit();
  cu.compute(SNAPSHOT);
  const before = cu.compute("return snapshot()");
  const changed = cu.compute(`
    local pcall, pairs, type, tables, calls = pcall, pairs, type, {}, {}
    local snapshot, first = snapshot, snapshot()
    for name, module in pairs(package.loaded) do
      if type(module) == "table" and name ~= "_G" then tables[#tables + 1] = module end
    end
    tables[#tables + 1] = getmetatable("")
    tables[#tables + 1] = limits.of
    local skipped = { [collectgarbage] = true, [debug.traceback] = true }
    local function collect(holder)
      for _, f in pairs(holder) do
        if type(f) == "function" and not skipped[f] then calls[#calls + 1] = f end
      end
    end
    for _, t in pairs(tables) do collect(t) end
    collect(_G)
    collect(_io)
    local others = { 1, 2, "format", {}, print }
    local count = 0
    for _, f in pairs(calls) do
      for _, t in pairs(tables) do
        pcall(f, t)
        pcall(f, t, t)
        pcall(f, t, t, t)
        for _, a in pairs(others) do
          pcall(f, a, t)
          pcall(f, t, a)
          for _, b in pairs(others) do
            pcall(f, t, a, b)
            pcall(f, a, b, t)
            pcall(f, a, 1, 2, b, t)
            count = count + 3
          end
        end
      end
      if snapshot() ~= first then return "changed" end
    end
    return count
  `);
  assert(typeof changed === "number" && changed > 10_000, String(changed));
  assertEquals(cu.compute("return snapshot()"), before);
});

Deno.test("one rule's string.format = nil breaks no later request of a unit with a read-only library", async () => {
  const failures = async (library: "readonly" | "writable") => {
    using cu = await ComputeUnit.create({ library, now: clock.now });
    let failed = 0;
    for (let request = 0; request < 85; request++) {
      cu.clearIo();
      cu.setInput({ id: request });
      const rule = request === 7 ? "string.format = nil" : "return ('%05d'):format(_io.input.id)";
      try {
        const result = cu.compute(rule);
        if (request !== 7) assertEquals(result, String(request).padStart(5, "0"));
      } catch (error) {
        assert(error instanceof LuaError);
        failed++;
      }
    }
    return failed;
  };
  assertEquals(await failures("writable"), 77);
  assertEquals(await failures("readonly"), 1);
});

Deno.test("a read-only library: a long list that the host gave costs memory for no name of each row", async () => {
  const rows = Array.from({ length: 10_000 }, (_, id) => ({ id }));
  const used = async (library: "readonly" | "writable") => {
    using cu = await ComputeUnit.create({ library, modules: { data: { rows } } });
    cu.runGc();
    return cu.getMemoryStats().usedBytes;
  };
  const [writable, readonly] = [await used("writable"), await used("readonly")];
  assert(readonly - writable < 20_000, `${writable} ${readonly}`);
});

Deno.test("a unit whose memory is too small for what the host gives says so, where that is read-only, too", async () => {
  const messages = new Set<string>();
  for (let count = 500; count <= 6000; count += 250) {
    const names = Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, { x: i }]));
    const options = { library: "readonly", memoryLimit: 1024 * 1024, modules: { names } } as const;
    const made = await ComputeUnit.create(options).catch((error: unknown) => error);
    if (made instanceof ComputeUnit) {
      try {
        assertEquals(made.compute(`return require('names').n${count - 1}.x`), count - 1);
      } catch (error) {
        assert(error instanceof LuaError && error.kind === "memory", String(error)); // none is left for code
      }
      made.dispose();
    } else {
      if (!(made instanceof LuaError)) throw made;
      assertEquals(made.kind, "memory");
      messages.add(made.message);
    }
  }
  assertEquals([...messages], ["not enough memory for the unit's library", "not enough memory for the value"]);
});

Deno.test("library is writable or read-only, and nothing else", async () => {
  for (const library of ["read-only", "", true, null]) {
    const options = { library } as unknown as ComputeUnitOptions;
    await assertRejects(() => ComputeUnit.create(options), TypeError, 'library must be "writable" or "readonly"');
  }
});
