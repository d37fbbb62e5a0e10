import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";

Deno.test("require runs a module's source once, with its name, and gives its value", async () => {
  using cu = await ComputeUnit.create({
    modules: {
      "rules.tax": "runs = (runs or 0) + 1 return { rate = 0.2, name = ..., place = select(2, ...) }",
      "rules.all": "return { tax = require 'rules.tax' }",
    },
  });
  const code = `
    local tax, place = require "rules.tax"
    assert(tax == require "rules.tax" and tax == require "rules.all".tax and tax == package.loaded["rules.tax"])
    return tax.rate, tax.name, tax.place, place, runs
  `;
  assertEquals(cu.computeAll(code), [0.2, "rules.tax", "rules.tax", "rules.tax", 1]);
  assertEquals(cu.compute("require 'rules.tax' return runs"), 1);
});

Deno.test("require gives what a module left, as Lua 5.4 does", async () => {
  using cu = await ComputeUnit.create({
    modules: {
      nothing: "",
      nil_value: "return nil",
      no: "return false",
      own: "package.loaded[...] = 'its own'",
      number: "return 7",
      two: "return 1, 2",
    },
  });
  const cases: [string, unknown[]][] = [
    ["return require 'nothing'", [true, "nothing"]],
    ["return require 'nil_value', package.loaded.nil_value", [true, true]],
    ["return (require 'no'), package.loaded.no", [false, false]],
    ["return require 'own'", ["its own", "own"]],
    ["return require 'number'", [7, "number"]],
    ["return require 'two'", [1, "two"]],
    ["return select('#', require 'number')", [1]],
    ["package.preload.p = function(...) return { ... } end return require 'p'", [["p", ":preload:"], ":preload:"]],
    ["package.loaded.number = nil return require 'number'", [7, "number"]],
    ["package.loaded.set = 'set' return require 'set'", ["set"]],
    ["return require 'string' == string, require '_G' == _G", [true, true]],
  ];
  for (const [code, expected] of cases) assertEquals(cu.computeAll(code), expected, code);
});

Deno.test("a module's first line that begins with # is skipped, and a byte order mark, as in a file", async () => {
  const mark = "\uFEFF";
  using cu = await ComputeUnit.create({
    modules: {
      script: "#!/usr/bin/env lua\nreturn debug.getinfo(1, 'l').currentline",
      marked: `${mark}return 'marked'`,
      both: `${mark}# first\n\nreturn debug.getinfo(1, 'l').currentline`,
      only: "#!/usr/bin/env lua",
      hash: "#",
      mark,
      empty: "",
      second: "\n#!/usr/bin/env lua",
      twice: "#\n#",
    },
    resolveModule: (name) =>
      name === "half" ? new Uint8Array([0xef, 0xbb]) : new TextEncoder().encode("#!/bin/lua\r\nreturn 'from bytes'"),
  });
  const requireOf = (name: string) => cu.compute(`return (require ${JSON.stringify(name)})`);
  assertEquals(["script", "marked", "both", "bytes"].map(requireOf), [2, "marked", 3, "from bytes"]);
  assertEquals(["only", "hash", "mark", "empty"].map(requireOf), [true, true, true, true]);
  assertThrows(() => requireOf("second"), LuaError, "second:2: unexpected symbol near '#'");
  assertThrows(() => requireOf("twice"), LuaError, "twice:2: unexpected symbol near '#'");
  assertThrows(() => requireOf("half"), LuaError, "half:1: unexpected symbol");
});

Deno.test("resolveModule is asked for what is nowhere else, once for each module", async () => {
  const asked: string[] = [];
  using cu = await ComputeUnit.create({
    modules: { near: "return 'near'" },
    resolveModule(name) {
      asked.push(name);
      if (name === "bytes") return new TextEncoder().encode("return 'from bytes'");
      return name.startsWith("far.") ? `return ${JSON.stringify(name)}` : undefined;
    },
  });
  const code = "return (require 'near'), (require 'far.a'), (require 'far.a'), (require 'bytes')";
  assertEquals(cu.computeAll(code), ["near", "far.a", "far.a", "from bytes"]);
  assertEquals(asked, ["far.a", "bytes"]);
  assertThrows(() => cu.compute("require 'gone'"), LuaError, "module 'gone' not found");
  assertEquals(asked.at(-1), "gone");
});

Deno.test("an error of require lists where was looked", async () => {
  const messageOf = async (options: Parameters<typeof ComputeUnit.create>[0]) => {
    using cu = await ComputeUnit.create(options);
    return assertThrows(() => cu.compute("require 'x'"), LuaError).message;
  };
  const head = "module 'x' not found:\n\tno field package.preload['x']";
  assertEquals(await messageOf({}), head);
  assertEquals(await messageOf({ modules: { kv: {} } }), head);
  assertEquals(await messageOf({ modules: { y: "" } }), `${head}\n\tno source in modules`);
  assertEquals(await messageOf({ resolveModule: () => undefined }), `${head}\n\tnothing from resolveModule`);
  assertEquals(
    await messageOf({ modules: { y: "" }, resolveModule: () => undefined }),
    `${head}\n\tno source in modules\n\tnothing from resolveModule`,
  );
});

Deno.test("modules that require each other are an error that names them all", async () => {
  using cu = await ComputeUnit.create({
    modules: {
      a: "return require 'b'",
      b: "return (function() return (require 'c') end)()",
      c: "return (require 'a')",
      self: "return (require 'self')",
    },
  });
  assertThrows(() => cu.compute("return (require 'a')"), LuaError, "module 'a' requires itself: a -> b -> c -> a");
  assertThrows(() => cu.compute("return (require 'c')"), LuaError, "module 'c' requires itself: c -> a -> b -> c");
  assertThrows(() => cu.compute("return (require 'self')"), LuaError, "module 'self' requires itself: self -> self");
  // Nothing of it stays.
  cu.compute("package.preload.c = function() return 'c' end");
  assertEquals(cu.compute("return (require 'a')"), "c");
});

Deno.test("errors of a module: of its text with its name, of its run with its line, and it can be tried again", async () => {
  using cu = await ComputeUnit.create({
    modules: {
      bad: "return (\n",
      fails: "local t = {}\nif not ready then error('not ready') end return 'ready'",
      binary: "\x1bLua",
    },
  });
  const syntax = assertThrows(() => cu.compute("require 'bad'"), LuaError);
  assert(
    syntax.message.startsWith("error loading module 'bad' from 'bad':\n\tbad:2: unexpected symbol"),
    syntax.message,
  );
  assertEquals([syntax.kind, syntax.chunk, syntax.line, syntax.sourceLine], ["runtime", "bad", 2, ""]);
  const run = assertThrows(() => cu.compute("require 'fails'"), LuaError);
  assertEquals([run.message, run.chunk, run.line], ["not ready", "fails", 2]);
  assertEquals(run.sourceLine, "if not ready then error('not ready') end return 'ready'");
  assertEquals(cu.compute("ready = true return (require 'fails')"), "ready");
  assertThrows(() => cu.compute("require 'binary'"), LuaError, "binary chunk");
});

Deno.test("resolveModule may name its texts; other texts of that name have no source line", async () => {
  const texts: Record<string, { code: string; chunkName: string }> = {
    a: { code: "return { f = function() error('in a') end }", chunkName: "dir:1: x/a.lua" },
    long: { code: "local x\nerror('in long')", chunkName: `${"long/".repeat(40)}b.lua` },
    broken: { code: "\n\n(", chunkName: `${"long/".repeat(40)}c.lua` },
    wrong: { code: "", chunkName: "two\nlines" },
    other: { text: "" } as never,
  };
  using cu = await ComputeUnit.create({ resolveModule: (name) => Promise.resolve(texts[name]) });
  const failed = async (code: string) => {
    const { message, chunk, line, sourceLine } = await assertRejects(() => cu.computeAsync(code), LuaError);
    return [message, chunk, line, sourceLine];
  };
  assertEquals(await failed("require('a').f()"), ["in a", "dir:1: x/a.lua", 1, texts.a.code]);
  assertEquals(await failed("require 'long'"), ["in long", texts.long.chunkName, 2, "error('in long')"]);
  const [message, ...where] = await failed("require 'broken'");
  assert(String(message).startsWith("error loading module 'broken' from 'long/"), String(message));
  assertEquals(where, [texts.broken.chunkName, 3, "("]);
  assertEquals(
    (await failed("require 'wrong'"))[0],
    'resolveModule gave a chunkName for "wrong" that is not a line of text',
  );
  assertEquals((await failed("require 'other'"))[0], 'resolveModule gave neither text nor bytes for "other"');
  assertEquals(await failed("load('error(1 .. \"\")', '@dir:1: x/a.lua')()"), ["1", "dir:1: x/a.lua", 1, undefined]);
  // Another text of a module's name is shown for what was loaded of it.
  await cu.computeAsync("old = require('a') package.loaded.a = nil");
  texts.a = { ...texts.a, code: "return { f = function() error('new') end }" };
  assertEquals(await failed("require('a').f()"), ["new", "dir:1: x/a.lua", 1, texts.a.code]);
  assertEquals(await failed("old.f()"), ["in a", "dir:1: x/a.lua", 1, undefined]);
});

Deno.test("what resolveModule throws is the cause, and what it gives must be text", async () => {
  const thrown = new Error("disk");
  using cu = await ComputeUnit.create({
    resolveModule(name) {
      if (name === "throws") throw thrown;
      return (name === "number" ? 7 : null) as unknown as string;
    },
  });
  assertStrictEquals(assertThrows(() => cu.compute("require 'throws'"), LuaError, "disk").cause, thrown);
  assertThrows(
    () => cu.compute("require 'number'"),
    LuaError,
    'resolveModule gave neither text nor bytes for "number"',
  );
  assertThrows(() => cu.compute("require 'nothing'"), LuaError, "not found");
  assertThrows(() => cu.compute("require {}"), LuaError, "bad argument #1 to 'require' (string expected, got table)");
});

Deno.test("package has what Lua code looks for, and no way to files", async () => {
  using cu = await ComputeUnit.create();
  const code = `
    local names = {}
    for name, value in pairs(package) do names[#names + 1] = name .. " " .. type(value) end
    table.sort(names)
    return names, package.config:sub(1, 1), package.loaded.package == package
  `;
  assertEquals(cu.computeAll(code), [["config string", "loaded table", "preload table"], "/", true]);
});

Deno.test("hostile: require of many names, of itself, and of names of any text ends in time", async () => {
  using cu = await ComputeUnit.create({ modules: { m: "return require(...)" }, resolveModule: () => undefined });
  for (
    const code of [
      "require(('x'):rep(1e6))",
      "require('a\\0b')",
      "for i = 1, 1e4 do pcall(require, i .. '') end require 'z'",
      "package.loaded = nil require 'z'",
      "package.preload = setmetatable({}, { __index = function() error('own') end }) require 'z'",
      "local r = debug.getinfo(1, 'f') and require r(r)",
      "setmetatable(package.preload, { __index = function(_, k) return require end }) require 'z'",
      "coroutine.wrap(function() require 'm' end)()",
    ]
  ) {
    assertThrows(() => cu.compute(code), LuaError);
    assertEquals(cu.compute("return 1"), 1);
  }
});
