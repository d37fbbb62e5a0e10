// Definitions for the Lua language server: they name what a unit has, and nothing else, and are Lua.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit } from "@computeunit/cu";
import { luaTypes } from "@computeunit/cu/types";
import { RUNS_FACTOR, SEED } from "../helpers/property.ts";

/** Runs definition files in a unit, each in globals of its own; the names that they define, sorted, and their types. */
const DEFINED = `
  local function names(globals)
    local found, seen = {}, {}
    local function add(path, value)
      found[#found + 1] = path .. ": " .. type(value)
      if type(value) ~= "table" or seen[value] then return end
      seen[value] = true
      for key, field in pairs(value) do add(path .. "." .. tostring(key), field) end
    end
    for key, value in pairs(globals) do if key ~= "_G" then add(key, value) end end
    table.sort(found)
    return _io.array(found)
  end
  local globals = setmetatable({}, { __index = { pairs = pairs } })
  local module = assert(load(_io.input, "=definitions", "t", globals))()
  return names(globals), module ~= nil and names({ module = module }) or nil
`;

async function defined(text: string): Promise<{ globals: string[]; module: string[] | null }> {
  using cu = await ComputeUnit.create();
  cu.setInput(text);
  const [globals, module] = cu.computeAll(DEFINED);
  return { globals: globals as string[], module: module as string[] | null };
}

/** Fields of a class, as the file has them in comments. */
function fieldsOf(text: string, name: string): string[] {
  const [, fields] = new RegExp(`---@class ${name}\\b.*\\n((?:---@field .*\\n)*)`).exec(text) ?? [];
  return [...(fields ?? "").matchAll(/---@field (\w+)/g)].map(([, field]) => field);
}

Deno.test("the definitions of the globals name all that a unit has, and nothing that it lacks", async () => {
  const text = luaTypes()["cu.lua"];
  const { globals } = await defined(text);
  // What is no function is a field of the library's class.
  const classes = { io: "iolib", math: "mathlib", package: "packagelib", utf8: "utf8lib", _io: "cu.io" };
  for (const [library, name] of Object.entries(classes)) {
    for (const field of fieldsOf(text, name)) globals.push(`${library}.${field}`);
  }
  using cu = await ComputeUnit.create();
  const there = cu.compute<string[]>(`
    local found = {}
    for name, value in pairs(_G) do
      if type(value) ~= "table" then found[#found + 1] = name
      elseif name ~= "_G" then
        for field in pairs(value) do found[#found + 1] = name .. "." .. field end
      end
    end
    return found
  `);
  const containers = [
    "_io",
    "_home",
    "coroutine",
    "debug",
    "ext",
    "io",
    "math",
    "os",
    "package",
    "string",
    "table",
    "utf8",
  ];
  const named = globals.map((line) => line.replace(/: .*/, "")).filter((name) => !containers.includes(name));
  const channel = ["_io.input", "_io.output", "_io.meta"];
  assertEquals([...new Set(named)].filter((name) => !channel.includes(name)).sort(), there.sort());
  assertStringIncludes(text, "_G = {}");
  assertStringIncludes(text, "_home = {}");
  for (const lacking of ["dofile", "loadfile", "os.execute"]) {
    assert(!text.includes(`function ${lacking}`), lacking);
  }
});

Deno.test("the definitions of a date, bytes, errors and files name their fields", async () => {
  const text = luaTypes()["cu.lua"];
  using cu = await ComputeUnit.create({
    globals: {
      fail: () => {
        throw new RangeError("failed");
      },
    },
  });
  const message = cu.compute<string>("local ok, e = pcall(function() return _io.date(0).none end) return e");
  const [, fields] = /it has ([\w ]+)/.exec(message)!;
  assertEquals(fieldsOf(text, "cu.date").sort(), fields.split(" ").sort());
  for (const field of fieldsOf(text, "cu.error")) {
    assertEquals(cu.compute(`local ok, e = pcall(fail) return type(e.${field})`), "string", field);
  }
  for (const [, method] of text.matchAll(/function file:(\w+)/g)) {
    assertEquals(cu.compute(`return type(io.stdout.${method})`), "function", method);
  }
  const fieldsOfInfo = cu.compute<string[]>(`
    local names = {}
    for name in pairs(debug.getinfo(1, "nSltufL")) do names[#names + 1] = name end
    return names
  `);
  const known = fieldsOf(text, "debuginfo");
  assertEquals(fieldsOfInfo.filter((name) => !known.includes(name)), []);
});

Deno.test("Lua's modules that only require gives have a file each, with what they have", async () => {
  const files = luaTypes();
  assertEquals(Object.keys(files), ["cu.lua", "json.lua", "task.lua"]);
  using cu = await ComputeUnit.create();
  for (const name of ["json", "task"]) {
    const text = files[`${name}.lua`];
    assert(text.startsWith(`---@meta ${name}\n`), name);
    const { globals, module } = await defined(text);
    assertEquals(globals, [], name);
    const named = module!.filter((line) => line !== "module: table").map((line) => line.replace(/module\.|: .*/g, ""));
    named.push(...fieldsOf(text, `cu.${name}`));
    const there = cu.compute<string[] | null>(`
      local is_there, module = pcall(require, "${name}")
      if not is_there then return nil end
      local names = {}
      for field in pairs(module) do names[#names + 1] = field end
      return names
    `);
    // A unit may be built without it.
    if (there !== null) assertEquals(named.sort(), there.sort(), name);
    assert(named.length >= 3, name);
  }
});

Deno.test("task.all and task.race are defined with as many results as they give", async () => {
  using cu = await ComputeUnit.create();
  const code = `
    local task = require "task"
    local function two() return 1, 2 end
    return select("#", task.all(two, two, two)), select("#", task.race(two))
  `;
  const { value } = await cu.computeAsync(`return { (function() ${code} end)() }`);
  assertEquals(value, [3, 2]);
  const text = luaTypes()["task.lua"];
  for (const name of ["all", "race"]) {
    assert(new RegExp(`---@return any \\.\\.\\.\nfunction task.${name}\\(`).test(text), name);
  }
});

Deno.test("a unit's own globals and modules are defined with their types, and without their values", async () => {
  const shared = { x: 1 };
  const cyclic: Record<string, unknown> = { shared };
  cyclic.itself = cyclic;
  const files = luaTypes({
    globals: {
      log: (...parts: unknown[]) => parts,
      VERSION: "secret",
      rate: 0.5,
      most: 10,
      big: 2n ** 60n,
      isOpen: true,
      none: null,
      since: new Date(0),
      limits: { max: 5, names: ["a", "b"], nested: { f: (a: unknown, b: unknown) => [a, b] } },
      "not a name": 1,
      end: () => {},
      shared,
      cyclic,
    },
    modules: {
      kv: {
        get: (key: string) => key,
        put: (key: string, value: unknown, ms = 0) => [key, value, ms],
        "x-y": (a: 1) => a,
      },
      "rules.tax": "#!/usr/bin/lua\nlocal tax = { rate = 0.2 } return tax",
      "../../etc/x": { a: 1 },
      "cu": { b: "text" },
      "CU": {
        c: [1, 2.5, "x"],
        d: new Map([["k", [{ id: 1, of: new Set([true]) }]]]),
        e: new Uint8Array(2),
        f: new Float64Array(1),
      },
      json: { own: 1 },
    },
  });
  assertEquals(Object.keys(files), [
    "cu.lua",
    "json.lua",
    "task.lua",
    "kv.lua",
    "rules.tax.lua",
    "_.._etc_x.lua",
    "cu-2.lua",
    "CU-3.lua",
  ]);
  const own = files["cu.lua"].slice(luaTypes()["cu.lua"].length);
  assert(!own.includes("secret"));
  for (
    const line of [
      "---@param ... any\n---@return any ...\nfunction log(...) end\n",
      "---@type string\nVERSION = nil\n",
      "---@type number\nrate = nil\n",
      "---@type integer\nmost = nil\n",
      "---@type integer\nbig = nil\n",
      "---@type boolean\nisOpen = nil\n",
      "---@type cu.date\nsince = nil\n",
      "limits = {}\n",
      "---@type integer\nlimits.max = nil\n",
      "---@type string[]\nlimits.names = nil\n",
      "function limits.nested.f(arg1, arg2, ...) end\n",
      '---@type integer\n_G["not a name"] = nil\n',
      '_G["end"] = function(...) end\n',
      "shared = {}\n",
      "cyclic.shared = shared\n",
      "cyclic.itself = cyclic\n",
    ]
  ) assertStringIncludes(own, line);
  assert(!own.includes("none"));
  assertEquals((await defined(files["cu.lua"])).globals.includes("limits.nested.f: function"), true);

  assertStringIncludes(files["kv.lua"], "function kv.get(arg1, ...) end\n");
  assertStringIncludes(files["kv.lua"], "function kv.put(arg1, arg2, ...) end\n");
  assertEquals((await defined(files["kv.lua"])).module, [
    "module.get: function",
    "module.put: function",
    "module.x-y: function",
    "module: table",
  ]);
  assertEquals(files["rules.tax.lua"], "---@meta rules.tax\n\nlocal tax = { rate = 0.2 } return tax");
  assert(files["_.._etc_x.lua"].startsWith("---@meta\n\nlocal module = {}\n"));
  assert(files["cu-2.lua"].startsWith("---@meta cu\n"));
  assertStringIncludes(files["CU-3.lua"], "---@type (number|string)[]\nCU.c = nil\n");
  assertStringIncludes(
    files["CU-3.lua"],
    "---@type table<string, { id: integer, of: table<boolean, true> }[]>\nCU.d = nil\n",
  );
  assertStringIncludes(files["CU-3.lua"], "---@type string\nCU.e = nil\n");
  assertStringIncludes(files["CU-3.lua"], "---@type number[]\nCU.f = nil\n");
  assertStringIncludes(files["json.lua"], "json.own = nil");
});

Deno.test("the definitions tell each parameter's type, in the parameters' order, and use types that are there", () => {
  const texts = Object.values(luaTypes({ modules: { kv: { get: (key: string) => key } } }));
  const all = texts.join("\n");
  const builtin = "any nil boolean number integer string table thread userdata function unknown true false fun T V K";
  const known = new Set([...all.matchAll(/---@(?:class|alias) ([\w.*]+)/g)].map(([, name]) => name));
  for (const name of builtin.split(" ")) known.add(name);
  let count = 0;
  for (const [, docs, name, parameters] of all.matchAll(/((?:---.*\n)*)function ([\w.:]+)\((.*)\) end/g)) {
    const described = [...docs.matchAll(/---@param ([\w.]+)\?? (\S+)/g)];
    assertEquals(described.map(([, parameter]) => parameter), parameters.split(", ").filter(Boolean), name);
    for (const [, , type] of described) {
      for (const [word] of type.replaceAll(/"[^"]*"|fun\(.*/g, "").matchAll(/[a-z_][\w.*]*/gi)) {
        assert(known.has(word), `${name}: the type ${word} is none`);
      }
    }
    count++;
  }
  assert(count > 110, String(count));
});

Deno.test("definitions are Lua, whatever the names and values", async () => {
  using cu = await ComputeUnit.create();
  const check = (text: string) => {
    cu.setInput(text);
    assertEquals(cu.compute("local f, message = load(_io.input) return message"), null, text);
  };
  for (const text of Object.values(luaTypes())) check(text);
  const name = fc.oneof(
    fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
    fc.constantFrom("end", "a-b", "", "]]", '"', "\n"),
  );
  const value = fc.oneof(
    fc.anything({ withDate: true, withMap: true, withSet: true, withTypedArray: true, withBigInt: true }),
    fc.func(fc.anything()),
  );
  fc.assert(
    fc.property(fc.dictionary(name, value), fc.dictionary(name, fc.dictionary(name, value)), (globals, modules) => {
      const files = luaTypes({ globals, modules });
      assertEquals(new Set(Object.keys(files).map((file) => file.toLowerCase())).size, Object.keys(files).length);
      for (const [file, text] of Object.entries(files)) {
        assert(/^[\w-][\w.-]*\.lua$/.test(file), file);
        check(text);
      }
    }),
    { numRuns: Math.max(1, 100 * RUNS_FACTOR), seed: SEED },
  );
});
