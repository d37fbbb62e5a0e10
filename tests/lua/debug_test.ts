// What there is of debug.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ComputeUnit, IoWrapper, LuaError } from "@computeunit/cu";
import { CountingClock } from "../helpers/clock.ts";

async function run(code: string, options = {}) {
  using cu = await ComputeUnit.create(options);
  return cu.computeAll(code, { chunkName: "x.lua" });
}

Deno.test("debug has what tells where code is, and what the globals of the same name do, and nothing else", async () => {
  assertEquals(await run("local n = {} for k in pairs(debug) do n[#n + 1] = k end table.sort(n) return n"), [
    ["getinfo", "getmetatable", "setmetatable", "traceback"],
  ]);
});

Deno.test("debug.getmetatable and setmetatable do what the globals of the same name do", async () => {
  const code = `
    local own, protected = {}, setmetatable({}, { __metatable = "locked" })
    local t = debug.setmetatable({}, own)
    local all = { debug.getmetatable(t) == own, debug.setmetatable(t, nil) == t, debug.getmetatable(t) == nil }
    all[#all + 1] = debug.getmetatable(protected) == "locked"
    all[#all + 1] = debug.getmetatable("") == getmetatable("")
    for _, value in ipairs({ 1, true, print, coroutine.create(print) }) do
      all[#all + 1] = debug.getmetatable(value) == nil
    end
    for _, value in ipairs({ _io, _home, _io.date(0), _io.bytes("x"), io.stdout, _io.input }) do
      all[#all + 1] = rawequal(debug.getmetatable(value), getmetatable(value))
      all[#all + 1] = type(value) == "table" or not pcall(debug.setmetatable, value, {})
    end
    return all
  `;
  using cu = await ComputeUnit.create();
  for (const lazy of [false, true]) {
    cu.setInput({ list: [1] }, { lazy });
    assertEquals([...new Set(cu.compute<boolean[]>(code))], [true]);
  }
  const calls = [
    "setmetatable(setmetatable({}, { __metatable = 1 }), {})",
    "setmetatable('', {})",
    "setmetatable({})",
    "setmetatable({}, 1)",
    "setmetatable()",
    "getmetatable()",
  ];
  for (const call of calls) {
    const [own, globals] = [`debug.${call}`, call].map((code) =>
      assertThrows(() => cu.compute(code), LuaError).message
    );
    assertEquals(own, globals);
  }
});

Deno.test("debug.traceback gives the stack from the level that it's told", async () => {
  const [text, whole, second, bare] = await run(`
local function inner() return debug.traceback("message"), debug.traceback("m", 0), debug.traceback("m", 2), debug.traceback() end
local function outer() local a, b, c, d = inner() return a, b, c, d end
local a, b, c, d = outer()
return a, b, c, d`);
  const levels = [
    "\t[C]: in function 'debug.traceback'",
    "\tx.lua:2: in upvalue 'inner'",
    "\tx.lua:3: in local 'outer'",
    "\tx.lua:4: in main chunk",
  ];
  assertEquals(text, ["message", "stack traceback:", ...levels.slice(1)].join("\n"));
  assertEquals(whole, ["m", "stack traceback:", ...levels].join("\n"));
  assertEquals(second, ["m", "stack traceback:", ...levels.slice(2)].join("\n"));
  assertEquals(bare, ["stack traceback:", ...levels.slice(1)].join("\n"));
});

Deno.test("debug.traceback gives back a message that is no string", async () => {
  assertEquals(
    await run(`
      local t = {}
      return debug.traceback(t) == t, debug.traceback(true), debug.traceback(print) == print, debug.traceback(_io.date(5)),
        debug.traceback(12):match("^[^\\n]*"), debug.traceback(nil):match("^[^\\n]*")`),
    [true, true, true, new Date(5), "12", "stack traceback:"],
  );
});

Deno.test("debug.traceback is a message handler", async () => {
  const [ok, text] = await run(`
local function fail() error("no") end
return xpcall(fail, debug.traceback)`);
  assertEquals([ok, text], [
    false,
    [
      "x.lua:2: no",
      "stack traceback:",
      "\t[C]: in function 'error'",
      "\tx.lua:2: in function <x.lua:2>",
      "\t[C]: in function 'xpcall'",
      "\tx.lua:3: in main chunk",
    ].join("\n"),
  ]);
});

Deno.test("debug.traceback and getinfo look into coroutines that wait, or have failed", async () => {
  assertEquals(
    await run(`
local co = coroutine.create(function(x)
  coroutine.yield(x)
  error("no")
end)
local before = debug.traceback(co)
coroutine.resume(co, 1)
local waiting, line = debug.traceback(co, "m"), debug.getinfo(co, 1, "l").currentline
coroutine.resume(co)
return before, waiting, line, debug.traceback(co, nil, 1), debug.getinfo(co, 5), debug.getinfo(co, print, "S").what`),
    [
      "stack traceback:",
      "m\nstack traceback:\n\t[C]: in function 'coroutine.yield'\n\tx.lua:3: in function <x.lua:2>",
      3,
      "stack traceback:\n\tx.lua:4: in function <x.lua:2>",
      null,
      "C",
    ],
  );
});

Deno.test("debug.getinfo tells of functions and levels", async () => {
  assertEquals(
    await run(`
local function f(a, b, ...) return debug.getinfo(1, "nSlutr"), debug.getinfo(2, "l").currentline, debug.getinfo(1, "f").func end
local i, line, func = f()
return i, line, func == f`),
    [
      {
        currentline: 2,
        isvararg: true,
        istailcall: false,
        lastlinedefined: 2,
        linedefined: 2,
        name: "f",
        namewhat: "local",
        nparams: 2,
        nups: 1,
        short_src: "x.lua",
        source: "@x.lua",
        what: "Lua",
      },
      3,
      true,
    ],
  );
  assertEquals(
    await run(`
      local c, m = debug.getinfo(print), debug.getinfo(1)
      return c.what, c.short_src, c.source, c.currentline, c.func == print, m.what, m.name, m.currentline, debug.getinfo(2)`),
    ["C", "[C]", "=[C]", -1, true, "main", null, 2, null],
  );
  assertEquals(
    await run(`
      local t = {}
      for name in pairs(debug.getinfo(1, "l")) do t[#t + 1] = name end
      local lines = {}
      for line in pairs(debug.getinfo(function()
        return 1
      end, "L").activelines) do lines[#lines + 1] = line end
      table.sort(lines)
      return t, lines, next(debug.getinfo(1, "")), debug.getinfo(print, "L").activelines, #debug.getinfo(load("return 1", "return 1"), "S").source`),
    [["currentline"], [6, 7], null, null, 8],
  );
  assertEquals(
    await run(`
      local function tail() return debug.getinfo(1, "t").istailcall, debug.getinfo(1, "n").name end
      local function call() return tail() end
      local meta = setmetatable({}, { __index = function() return debug.getinfo(1, "n") end }).x
      local a, b = call()
      return a, b, meta.name, meta.namewhat`),
    [true, null, "index", "metamethod"],
  );
});

Deno.test("debug.getinfo and traceback refuse what makes no sense", async () => {
  using cu = await ComputeUnit.create();
  const cases = [
    ["debug.getinfo(1, 'X')", "bad argument #2 to 'getinfo' (invalid option)"],
    ["debug.getinfo(1, '>S')", "bad argument #2 to 'getinfo' (invalid option '>')"],
    ["debug.getinfo(print, '>')", "bad argument #2 to 'getinfo' (invalid option '>')"],
    ["debug.getinfo()", "bad argument #1 to 'getinfo' (number expected, got no value)"],
    ["debug.getinfo({})", "bad argument #1 to 'getinfo' (number expected, got table)"],
    ["debug.getinfo(1.5)", "bad argument #1 to 'getinfo' (number has no integer representation)"],
    ["debug.getinfo(1, {})", "bad argument #2 to 'getinfo' (string expected, got table)"],
    ["debug.getinfo(coroutine.running(), 0, 'X')", "bad argument #3 to 'getinfo' (invalid option)"],
    ["debug.traceback('m', {})", "bad argument #2 to 'traceback' (number expected, got table)"],
  ];
  for (const [code, message] of cases) {
    assertEquals(assertThrows(() => cu.compute(code), LuaError, undefined, code).message, message, code);
  }
  for (const level of ["-1", "100", "math.maxinteger", "math.mininteger", "1 << 32", "(1 << 32) + 1"]) {
    assertEquals(cu.compute(`return debug.getinfo(${level})`), null, level);
    assertEquals(typeof cu.compute(`return debug.traceback("m", ${level})`), "string", level);
  }
});

Deno.test("no function of the bridge's is handed out", async () => {
  using io = new IoWrapper();
  // The levels of a handler, of a message handler's __tostring, and of finalizers.
  await io.computeWithIo(`
    function levels(thread)
      local found = {}
      local level = 0
      while true do
        local info
        if thread then info = debug.getinfo(thread, level) else info = debug.getinfo(level) end
        if not info then return found end
        local known = info.what ~= "C"
        for _, library in pairs({ _G, coroutine, debug, string, table }) do
          for _, value in pairs(library) do known = known or rawequal(value, info.func) end
        end
        found[#found + 1] = info.what .. (info.func == nil and " hidden" or known and "" or " unknown")
        level = level + 1
      end
    end
    function handler() return levels() end
    function inside() local main = coroutine.running() return coroutine.wrap(function() return levels(main) end)() end
    function failing() error(setmetatable({}, { __tostring = function() seen = levels() return "text" end })) end
  `);
  assertEquals((await io.request("handler")).output, ["C", "Lua", "C hidden"]);
  const { output } = await io.request("inside");
  assertEquals((output as string[]).filter((level) => level.endsWith("unknown")), ["C unknown"]); // wrap's own
  assertEquals((output as string[]).at(-1), "C hidden");
  await io.request("failing").catch(() => {});
  const { returnValue } = await io.computeWithIo("return seen");
  assertEquals(returnValue, ["C", "Lua", "Lua", "C hidden", "C", "Lua", "C hidden"]);
  const { returnValue: chunk } = await io.computeWithIo("return levels()");
  assert(!(chunk as string[]).some((level) => level.endsWith("unknown")));
});

Deno.test("deep stacks and many tracebacks take their time", async () => {
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({ timeLimit: 200, now: clock.now });
  for (
    const code of [
      "local function f(n) if n > 0 then return 1 + f(n - 1) end while true do debug.traceback() end end f(1000)",
      "local function f(n) if n > 0 then return 1 + f(n - 1) end while true do debug.getinfo(n + 90000) end end f(100000)",
      "while true do debug.getinfo(1) end",
      "local f = load(('x = 1\\n'):rep(1e5)) while true do debug.getinfo(f, 'L') end",
    ]
  ) {
    assertEquals(assertThrows(() => cu.compute(code), LuaError).kind, "time", code);
  }
});

Deno.test("coroutines that a time limit stopped can be looked at", async () => {
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({ timeLimit: 50, now: clock.now });
  assertThrows(() =>
    cu.compute(`
      co = coroutine.create(function() local function deep(n) if n > 0 then return (deep(n - 1)) end while true do end end deep(50) end)
      coroutine.resume(co)`), LuaError);
  clock.stepMs = 0;
  const [text, ...rest] = cu.computeAll(`
    local lines = {}
    for level = 0, 60 do local info = debug.getinfo(co, level, "nSlutfL") lines[level] = info and info.currentline end
    return debug.traceback(co, "m"), lines[0], lines[60], coroutine.status(co)`);
  assert((text as string).startsWith("m\nstack traceback:\n"));
  assertEquals(rest.slice(0, 2), [2, null]);
  cu.runGc();
});
