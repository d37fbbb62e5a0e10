// Limits of calls: arguments, results, the depth of the stack, and what an error's message and traceback need.

import { ARGUMENTS, lines, testWorks } from "../helpers/looks.ts";

/** Runs of instructions in one function, as text of a Lua expression. */
const FILLER = `("x = x + 1 "):rep(50000)`;

/** Runs code at a depth of so many Lua calls, which are short: they cost the same whatever the code is. */
function atDepth(depth: number, body: string): string {
  return `local function run()\n${body}\nend
    local function f(n) if n > 0 then local r = f(n - 1) return r end run() end f(${depth})`;
}

testWorks([
  // ldo.c, lfunc.c: arguments, results, and the depth of the stack.
  {
    name: "__call with many arguments",
    setup: ARGUMENTS + "c = setmetatable({}, { __call = rawlen })",
    code: lines(40, "c(unpack(t))"),
    looks: 15,
  },
  {
    name: "a chain of __call with many arguments",
    setup: ARGUMENTS + "c = rawlen for i = 1, 50 do c = setmetatable({}, { __call = c }) end",
    code: lines(4, "c(unpack(t))"),
    looks: 8,
  },
  { name: "pcall with many results", setup: ARGUMENTS, code: lines(40, "pcall(unpack, t)"), looks: 14 },
  {
    name: "pcall with many arguments",
    setup: ARGUMENTS + "f = rawlen",
    code: lines(40, "pcall(f, t, unpack(t))"),
    looks: 16,
  },
  {
    name: "a coroutine with many arguments",
    setup: ARGUMENTS + "c = coroutine.wrap(function(...) while true do coroutine.yield(...) end end)",
    code: lines(20, "c(unpack(t))"),
    looks: 13,
  },
  // The calls of this depth alone take 19 looks.
  { name: "an error at depth", code: atDepth(150000, lines(60, "pcall(error)")), looks: 30 },
  {
    name: "an error at depth in a coroutine",
    code: `coroutine.wrap(function() ${atDepth(150000, lines(60, "pcall(error)"))} end)()`,
    looks: 30,
  },
  {
    name: "a step of the collector at depth",
    code: atDepth(150000, lines(60, "collectgarbage('step', 0)")),
    looks: 40,
  },
  {
    name: "overflow of the stack",
    code: `local function f() local r = f() return r end\n${lines(1, "pcall(f)")}`,
    looks: 48,
  },
  // ldebug.c, lauxlib.c: what an error's message and traceback need.
  {
    name: "a variable's name in a long function",
    setup: `x = 0 f = load(${FILLER} .. " local a = nil return a.b")`,
    code: lines(50, "pcall(f)"),
    looks: 31,
  },
  {
    name: "a variable's name through moves in a long function",
    setup: `x = 0 local c = { "local r0 = nil ", ${FILLER} }
      for i = 1, 100 do c[#c + 1] = "local r" .. i .. " " end
      c[#c + 1] = "goto on ::back:: "
      for i = 1, 100 do c[#c + 1] = ("r%d = r%d "):format(i - 1, i) end
      c[#c + 1] = "do return r0.x end ::on:: if not x then goto back end goto back"
      f = load(table.concat(c))`,
    code: lines(20, "pcall(f)"),
    looks: 11,
  },
  {
    name: "a line's number in a function of long lines",
    setup:
      `local n = 0 f = load(function() n = n + 1 if n <= 20000 then return "x = 1" .. ("\\n"):rep(200) elseif n == 20001 then return "return nil .. 'x'" end end)`,
    code: lines(100, "pcall(f)"),
    looks: 8,
  },
  {
    name: "a level deep in the stack",
    setup: "f = debug.getinfo",
    code: atDepth(150000, lines(60, "f(140000)")),
    looks: 45,
  },
  {
    name: "a C function's name among many globals",
    setup: `for i = 1, 500 do _G["g" .. i] = i end r = ipairs({})`,
    code: lines(2000, "pcall(r)"),
    looks: 1,
  },
  {
    name: "a traceback with many globals",
    setup: `for i = 1, 50000 do _G["g" .. i] = i end`,
    code: atDepth(100, "error()"),
    looks: 29,
  },
]);
