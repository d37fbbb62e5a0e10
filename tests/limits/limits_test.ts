// Limits without a gap: each loop of Lua's C code and of the bridge whose length a script chooses looks
// at the clock, at least once in about a millisecond. Nothing here depends on how fast the machine is:
// the clock counts how often it is asked, and each entry says how often its work must ask at least.
// Most work stands in straight code, without a jump or a call of a Lua function, as only those were
// counted once.

import { assert, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError, type LuaErrorKind } from "@computeunit/cu";

interface Work {
  name: string;
  /** Makes what the code works on, in globals; its looks don't count. */
  setup?: string;
  code: string;
  input?: unknown;
  lazy?: boolean;
  memoryLimit?: number;
  /** Looks at the clock that this work takes at least: one for each two milliseconds that it took when measured. */
  looks?: number;
  /** Looks that it takes at most, where the work must not be there at all: chains are counted, and must be short. */
  most?: number;
}

/** A script that ends only because the clock moves. */
interface Endless {
  name: string;
  code: string;
  memoryLimit?: number;
  /** One of these. */
  ends: LuaErrorKind[];
}

/** Beyond what any script here needs: the clock stands still while finite work runs. */
const TIME_LIMIT_MS = 1000;

/** Straight code: the line so many times. */
function lines(count: number, line: string): string {
  return (line + "\n").repeat(count);
}

/** `name`: a text of so many bytes. */
function text(name: string, length: number, of = "x"): string {
  return `${name} = ("${of}"):rep(${length}) `;
}

const MIB = 1024 * 1024;

/** `t`: 100,000 small integers. */
const ARGUMENTS = `t = table.pack(("x"):rep(100000):byte(1, -1)) unpack = table.unpack `;

/** Runs of instructions in one function, as text of a Lua expression. */
const FILLER = `("x = x + 1 "):rep(50000)`;

/** Runs code at a depth of so many Lua calls, which are short: they cost the same whatever the code is. */
function atDepth(depth: number, body: string): string {
  return `local function run()\n${body}\nend
    local function f(n) if n > 0 then local r = f(n - 1) return r end run() end f(${depth})`;
}

/** `T`: keys of which all, and `absent`, stand in one chain if their hash has no secret. */
const INTEGER_CHAIN = `T = {} for i = 1, 4096 do T[i * 8191] = true end absent = 5000 * 8191 T.x = 1 `;
const FLOAT_CHAIN = `T = {} for i = 1, 2048 do T[1 + i * 2.0 ^ -52] = true end absent = 1 + 5000 * 2.0 ^ -52 `;

/** The same object, in parts that a garbage collection walks through. */
const SMALL_TABLES = "t = {} for i = 1, 20000 do t[i] = {} end ";

const works: Work[] = [
  // lvm.c: instructions in straight code, and loops with long bodies.
  {
    name: "a loop whose body is long",
    code: `x = 0 load("for i = 1, 20 do " .. ("x = x + 1 "):rep(30000) .. " end")()`,
    looks: 10,
  },
  {
    name: "a loop of calls of C functions",
    code: `f = math.abs load("for i = 1, 200 do " .. ("f(1) "):rep(2000) .. " end")()`,
    looks: 3,
  },
  { name: "a float as text", setup: "x = 1.7e308", code: lines(8000, "y = x .. x"), looks: 13 },
  { name: "concat of long strings", setup: text("s", MIB), code: lines(80, "y = s .. 'y'"), looks: 1 },
  {
    name: "concat of many strings",
    setup: text("s", 20000),
    code: lines(100, `y = ${"s .. ".repeat(150)} s`),
    looks: 7,
  },
  { name: "arithmetic on a long text", setup: text("s", MIB, "1"), code: lines(6, "y = s + 1"), looks: 25 },
  {
    name: "arithmetic on a long hexadecimal text",
    setup: `s = "0x" .. ("1"):rep(${MIB})`,
    code: lines(10, "y = s + 1"),
    looks: 18,
  },
  { name: "arithmetic on spaces", setup: `s = (" "):rep(${MIB}) .. "1"`, code: lines(30, "y = s + 1"), looks: 9 },
  {
    name: "a long text as a limit of a loop",
    setup: text("s", MIB, "9"),
    code: lines(3, "for i = 1, s do break end"),
    looks: 24,
  },
  {
    name: "equality of long strings",
    setup: text("s", MIB) + "b = s:sub(1, -2) .. 'y'",
    code: lines(40, "y = s == b"),
    looks: 14,
  },
  {
    name: "order of long strings",
    setup: text("s", MIB) + "b = s:sub(1, -2) .. 'y'",
    code: lines(40, "y = s < b"),
    looks: 19,
  },
  {
    name: "order of zeros",
    setup: text("s", MIB, "\\0") + "b = s:sub(1, -2) .. 'y'",
    code: lines(40, "y = s < b"),
    looks: 12,
  },
  {
    name: "a list of all arguments",
    setup: ARGUMENTS,
    code: `(function(...)\n${lines(20, "y = {...}")}end)(unpack(t))`,
    looks: 4,
  },
  {
    name: "all arguments passed on",
    setup: ARGUMENTS,
    code: `(function(...)\n${lines(50, "select('#', ...)")}end)(unpack(t))`,
    looks: 2,
  },
  {
    name: "a chain of __index",
    setup: "t = {} for i = 1, 1900 do t = setmetatable({}, { __index = t }) end",
    code: lines(1000, "y = t.x"),
    looks: 5,
  },
  {
    name: "a chain of __newindex",
    setup: "t = {} for i = 1, 1900 do t = setmetatable({}, { __newindex = t }) end",
    code: lines(1000, "t.x = nil"),
    looks: 12,
  },

  // Steps that cost far more than others: a thousand of them are no longer little.
  { name: "numbers as text", code: "for i = 1, 10000 do tostring(1.7e308) end", looks: 7 },
  { name: "least numbers as text", code: "for i = 1, 10000 do tostring(5e-324) end", looks: 6 },
  { name: "least numbers from text", code: `for i = 1, 5000 do tonumber("4.9406564584124654e-324") end`, looks: 9 },
  {
    name: "numbers from text of many digits",
    setup: `s = "0." .. ("1"):rep(800) .. "e-300"`,
    code: "for i = 1, 1000 do tonumber(s) end",
    looks: 11,
  },
  {
    name: "least numbers in code",
    setup: `s = ("x = 4.9406564584124654e-324 "):rep(5000)`,
    code: "load(s)",
    looks: 9,
  },
  {
    name: "numbers of many digits in code",
    setup: `s = ("x = 0." .. ("1"):rep(800) .. "e-300 "):rep(1000)`,
    code: "load(s)",
    looks: 17,
  },
  {
    name: "the rest of a division",
    setup: "x, y = 1.7e308, 3.3",
    code: "for i = 1, 20000 do z = x % y end",
    looks: 6,
  },
  { name: "print in a loop", code: `for i = 1, 40000 do print("x") end`, looks: 7 },
  { name: "errors that name a function", setup: "r = string.rep", code: "for i = 1, 10000 do pcall(r) end", looks: 3 },
  {
    name: "an object of many keys, sorted",
    setup: "t = {} for i = 1, 100000 do t['k' .. i * 7919 % 100003] = i end",
    code: "return t",
    looks: 3,
  },
  {
    name: "keys that are alike for long, sorted",
    setup: `t = {} s = ("x"):rep(100000) for i = 1, 100 do t[s .. i] = i end`,
    code: "return t",
    looks: 20,
  },
  { name: "dates as text", setup: "d = _io.date(1e12)", code: "for i = 1, 20000 do tostring(d) end", looks: 7 },

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

  // lapi.c, lbaselib.c
  { name: "select from the end", setup: ARGUMENTS, code: lines(20, "select(-1, unpack(t))"), looks: 6 },
  { name: "select of many", setup: ARGUMENTS, code: lines(20, "select(2, unpack(t))"), looks: 6 },
  { name: "tonumber of a long text", setup: text("s", MIB, "1"), code: lines(6, "tonumber(s)"), looks: 25 },
  { name: "tonumber with a base", setup: text("s", MIB, "1"), code: lines(12, "tonumber(s, 7)"), looks: 22 },
  { name: "tonumber with a base of spaces", setup: text("s", MIB, " "), code: lines(20, "tonumber(s, 7)"), looks: 13 },
  { name: "one tonumber of a very long text", setup: text("s", 8 * MIB, "1"), code: "tonumber(s)", looks: 33 },
  {
    name: "tostring with a long __name",
    setup: text("s", MIB) + "t = setmetatable({}, { __name = s })",
    code: lines(30, "tostring(t)"),
    looks: 6,
  },
  {
    name: "warn of many",
    setup: `t = {} for i = 1, 100000 do t[i] = "x" end unpack = table.unpack`,
    code: lines(10, "warn(unpack(t))"),
    looks: 11,
  },
  {
    name: "print of many",
    setup: `t = {} for i = 1, 50000 do t[i] = i + 0.5 end unpack = table.unpack`,
    code: lines(2, "print(unpack(t))"),
    looks: 24,
  },
  { name: "print of a long text", setup: text("s", MIB), code: lines(40, "print(s)"), looks: 3 },
  { name: "print of long bytes", setup: text("s", MIB, "\\xff"), code: lines(6, "print(s)"), looks: 6 },

  // lstrlib.c
  { name: "string.upper", setup: text("s", MIB) + "f = string.upper", code: lines(30, "f(s)"), looks: 15 },
  { name: "string.lower", setup: text("s", MIB) + "f = string.lower", code: lines(30, "f(s)"), looks: 16 },
  { name: "string.reverse", setup: text("s", MIB) + "f = string.reverse", code: lines(40, "f(s)"), looks: 14 },
  { name: "string.sub", setup: text("s", MIB) + "f = string.sub", code: lines(100, "f(s, 2)"), looks: 1 },
  { name: "string.rep of a character", setup: "f = string.rep", code: lines(10, `f("x", ${MIB})`), looks: 12 },
  { name: "string.rep of a long text", setup: text("s", 20000) + "f = string.rep", code: "f(s, 2000)", looks: 25 },
  { name: "string.byte", setup: text("s", 100000) + "f = string.byte", code: lines(60, "f(s, 1, -1)"), looks: 3 },
  { name: "string.char", setup: ARGUMENTS + "f = string.char", code: lines(10, "f(unpack(t))"), looks: 5 },
  {
    name: "find of a text",
    setup: text("s", MIB) + "f = string.find",
    code: lines(40, "f(s, 'y', 1, true)"),
    looks: 9,
  },
  {
    name: "find of a long text without specials",
    setup: text("s", MIB) + text("p", MIB, "a") + "f = string.find",
    code: lines(6, "f(s, p)"),
    looks: 19,
  },
  {
    name: "find in one long run of a set",
    setup: text("s", MIB) + `p = "^[" .. ("a"):rep(60) .. "x]*$"`,
    code: "s:find(p)",
    looks: 43,
  },
  { name: "find of a back reference", setup: text("s", 20000), code: `s:find("^(x*)%1y")`, looks: 18 },
  {
    name: "gsub with a long replacement",
    setup: text("s", 2000) + text("r", 10000, "y"),
    code: "s:gsub('x', r)",
    looks: 24,
  },
  {
    name: "gsub with a replacement of many captures",
    setup: text("s", 300) + text("r", 10000, "%0"),
    code: "s:gsub('x', r)",
    looks: 27,
  },
  {
    name: "gsub with long results",
    setup: text("s", 2000) + text("r", 10000, "y"),
    code: "s:gsub('x', { x = r })",
    looks: 18,
  },
  {
    name: "format of many numbers",
    setup: `t = {} for i = 1, 10000 do t[i] = i end p = ("%d"):rep(10000)`,
    code: lines(10, "p:format(table.unpack(t))"),
    looks: 5,
  },
  { name: "format of a long literal", setup: text("s", MIB) + "f = string.format", code: lines(20, "f(s)"), looks: 19 },
  {
    name: "format with flags that never end",
    setup: `s = "%" .. ("0"):rep(${MIB}) f = string.format`,
    code: lines(20, "pcall(f, s, 1)"),
    looks: 8,
  },
  {
    name: "format of a long text as a number",
    setup: text("s", MIB, "1") + "f = string.format",
    code: lines(3, "pcall(f, '%d', s)"),
    looks: 25,
  },
  { name: "format %.99f", setup: "f = string.format", code: lines(2000, "f('%.99f', 1.7e308)"), looks: 15 },
  {
    name: "format %.99f, many in one",
    setup: `p = ("%.99f"):rep(2000) t = {} for i = 1, 2000 do t[i] = 1.7e308 end`,
    code: "p:format(table.unpack(t))",
    looks: 4,
  },
  {
    name: "format %.99g of the least number",
    setup: "f = string.format",
    code: lines(5000, "f('%.99g', 5e-324)"),
    looks: 15,
  },
  { name: "format %.99a", setup: "f = string.format", code: lines(2000, "f('%.99a', 1.7e308)"), looks: 15 },
  { name: "format %q", setup: text("s", MIB) + "f = string.format", code: lines(6, "f('%q', s)"), looks: 15 },
  {
    name: "format %q of zeros",
    setup: text("s", MIB, "\\0") + "f = string.format",
    code: lines(1, "f('%q', s)"),
    looks: 58,
  },
  {
    name: "format %q of line ends",
    setup: text("s", MIB, "\\n") + "f = string.format",
    code: lines(10, "f('%q', s)"),
    looks: 22,
  },
  { name: "pack of a fixed size", code: `string.pack("c8000000", "")`, looks: 12 },
  { name: "pack of a string", setup: text("s", MIB) + "f = string.pack", code: lines(150, "f('s', s)"), looks: 4 },
  { name: "pack of many", setup: text("p", 100000) + "f = string.pack", code: lines(20, "f(p)"), looks: 10 },
  { name: "pack of spaces", setup: text("p", MIB, " ") + "f = string.pack", code: lines(3, "f(p)"), looks: 15 },
  {
    name: "pack with digits that never end",
    setup: `p = "c" .. ("0"):rep(${MIB}) f = string.pack`,
    code: lines(15, "f(p, '')"),
    looks: 5,
  },
  { name: "packsize of many", setup: text("p", 100000) + "f = string.packsize", code: lines(30, "f(p)"), looks: 10 },
  {
    name: "unpack of many bytes",
    setup: text("p", 100000, "b") + "f = string.unpack",
    code: lines(10, "f(p, p)"),
    looks: 7,
  },
  {
    name: "unpack of a text that ends with a zero",
    setup: text("s", MIB) + `s = s .. "\\0" f = string.unpack`,
    code: lines(40, "f('z', s)"),
    looks: 7,
  },

  // lutf8lib.c
  { name: "utf8.len", setup: text("s", MIB) + "f = utf8.len", code: lines(15, "f(s)"), looks: 15 },
  {
    name: "utf8.codepoint",
    setup: text("s", 100000) + "f = utf8.codepoint",
    code: lines(60, "f(s, 1, -1)"),
    looks: 8,
  },
  { name: "utf8.offset", setup: text("s", MIB) + "f = utf8.offset", code: lines(20, `f(s, ${MIB})`), looks: 10 },
  {
    name: "utf8.offset from the end",
    setup: text("s", MIB) + "f = utf8.offset",
    code: lines(20, `f(s, -${MIB})`),
    looks: 9,
  },
  {
    name: "utf8.offset of continuation bytes",
    setup: text("s", MIB, "\\x80") + "f = utf8.offset",
    code: lines(40, `f(s, 0, ${MIB})`),
    looks: 10,
  },
  { name: "utf8.char", setup: ARGUMENTS + "f = utf8.char", code: lines(3, "f(unpack(t))"), looks: 9 },
  {
    name: "utf8.codes past continuation bytes",
    setup: `s = "x" .. ("\\x80"):rep(${MIB}) f = utf8.codes(s, true)`,
    code: lines(50, "pcall(f, s, 1)"),
    looks: 7,
  },

  // ltablib.c, lmathlib.c, loslib.c
  { name: "table.pack", setup: ARGUMENTS + "f = table.pack", code: lines(10, "f(unpack(t))"), looks: 9 },
  { name: "table.unpack", setup: ARGUMENTS, code: lines(40, "unpack(t)"), looks: 11 },
  {
    name: "table.concat of long texts",
    setup: text("s", MIB) + "t = { s, s, s } f = table.concat",
    code: lines(20, "f(t)"),
    looks: 4,
  },
  {
    name: "table.concat of numbers",
    setup: "t = {} for i = 1, 20000 do t[i] = i + 0.1 end f = table.concat",
    code: lines(2, "f(t)"),
    looks: 10,
  },
  {
    name: "table.insert at the front",
    setup: "t = {} for i = 1, 100000 do t[i] = i end f = table.insert",
    code: lines(20, "f(t, 1, 1)"),
    looks: 13,
  },
  {
    name: "table.move",
    setup: "t = {} for i = 1, 100000 do t[i] = i end f = table.move",
    code: lines(20, "f(t, 1, 100000, 2)"),
    looks: 11,
  },
  {
    name: "table.sort of texts that begin alike",
    setup: text("s", 10000) + "t = {} for i = 1, 1000 do t[i] = s .. i end",
    code: "table.sort(t)",
    looks: 52,
  },
  { name: "math.max of many", setup: ARGUMENTS + "f = math.max", code: lines(15, "f(unpack(t))"), looks: 9 },
  { name: "math.fmod", setup: "f = math.fmod", code: lines(3000, "f(1.7e308, 5e-324)"), looks: 27 },
  { name: "math.sin of the greatest number", setup: "f = math.sin", code: lines(4000, "f(1.7e308)"), looks: 29 },
  {
    name: "os.date of a long format",
    setup: text("s", 20000, "%c") + "f = os.date",
    code: lines(5, "f(s)"),
    looks: 39,
  },
  { name: "os.date", setup: "f = os.date", code: lines(10000, "f('%c %x %X %p')"), looks: 12 },
  {
    name: "os.time",
    setup: "f = os.time",
    code: lines(3000, "f({ year = 2026, month = 2147483647, day = -2147483648, hour = 2147483647 })"),
    looks: 3,
  },

  // lstring.c, ltable.c
  { name: "a long string as a key", setup: text("s", MIB) + "t = {}", code: lines(20, "y = t[s .. 'y']"), looks: 15 },
  { name: "integers in one chain", code: "local T = {} for i = 1, 8193 do T[i * 16383] = true end", most: 8 },
  { name: "lookups in a chain of integers", setup: INTEGER_CHAIN, code: lines(1000, "y = T[absent]"), most: 8 },
  { name: "floats in one chain", code: "local T = {} for i = 1, 8192 do T[1 + i * 2.0 ^ -52] = true end", most: 40 },
  { name: "lookups in a chain of floats", setup: FLOAT_CHAIN, code: lines(4000, "y = T[absent]"), most: 40 },
  { name: "next in a chain", setup: FLOAT_CHAIN, code: lines(4000, `next(T, ${1 + 7 * 2 ** -52})`), most: 40 },
  {
    name: "a new key beside a long array",
    setup: "t = { always = 1 } for i = 1, 1 << 18 do t[i] = i end",
    code: Array.from({ length: 200 }, (_, i) => `t.k${i} = 1 t.k${i} = nil`).join("\n"),
    looks: 6,
  },
  {
    name: "next over an emptied array",
    setup: "t = {} for i = 1, 1 << 18 do t[i] = i end for i = 1, 1 << 18 do t[i] = nil end",
    code: lines(100, "next(t)"),
    looks: 7,
  },
  {
    name: "next over emptied fields",
    setup: `t = {} for i = 1, 1 << 15 do t["k" .. i] = i end for i = 1, 1 << 15 do t["k" .. i] = nil end`,
    code: lines(500, "next(t)"),
    looks: 4,
  },

  // lgc.c: the work of one step, as often as a script asks for it.
  { name: "full collections", setup: SMALL_TABLES, code: lines(40, "collectgarbage()"), looks: 6 },
  {
    name: "steps of a whole cycle",
    setup: SMALL_TABLES,
    code: lines(40, "collectgarbage('step', 1000000)"),
    looks: 8,
  },
  {
    name: "changes of the collector's mode",
    setup: SMALL_TABLES,
    code: lines(40, "collectgarbage('generational') collectgarbage('incremental')"),
    looks: 7,
  },
  {
    name: "collections of one long table",
    setup: "t = {} for i = 1, 1 << 18 do t[i] = i end",
    code: lines(80, "collectgarbage()"),
    looks: 9,
  },
  {
    name: "collections of weak values",
    setup: "k = {} t = setmetatable({}, { __mode = 'v' }) for i = 1, 20000 do k[i] = {} t[i] = k[i] end",
    code: lines(40, "collectgarbage()"),
    looks: 7,
  },
  {
    name: "collections of ephemerons in a chain",
    setup:
      "t = setmetatable({}, { __mode = 'k' }) first = {} local k = first for i = 1, 10000 do local n = {} t[k] = n k = n end",
    code: lines(10, "collectgarbage()"),
    looks: 10,
  },
  {
    name: "collections of objects with finalizers",
    setup: "local m = { __gc = function() end } t = {} for i = 1, 20000 do t[i] = setmetatable({}, m) end",
    code: lines(40, "collectgarbage()"),
    looks: 8,
  },
  {
    name: "collections of a long stack",
    setup: ARGUMENTS + "co = coroutine.wrap(function(...) coroutine.yield() return ... end) co(unpack(t))",
    code: lines(80, "collectgarbage()"),
    looks: 7,
  },
  {
    name: "collections of many threads",
    setup:
      "t = {} for i = 1, 4000 do t[i] = coroutine.create(function() coroutine.yield() end) coroutine.resume(t[i]) end",
    code: lines(30, "collectgarbage()"),
    looks: 3,
  },
  {
    name: "collections of many texts",
    setup: `t = {} for i = 1, 20000 do t[i] = "k" .. i end`,
    code: lines(80, "collectgarbage()"),
    looks: 6,
  },
  {
    name: "collections in an emergency",
    setup: "t = {} for i = 1, 50000 do t[i] = {} end collectgarbage('stop')",
    code: lines(6, `g = string.rep("xx", 1500000)`),
    memoryLimit: 16 * MIB,
    looks: 24,
  },
  {
    name: "a metatable with __gc for an old object",
    setup:
      "o = {} for i = 1, 20 do o[i] = {} end k = {} for i = 1, 100000 do k[i] = {} end m = { __gc = function() end } i = 0",
    code: lines(20, "i = i + 1 setmetatable(o[i], m)"),
    looks: 1,
  },

  // llex.c, lparser.c, lcode.c: one token, and what it ends.
  { name: "a long comment", setup: `s = "--" .. ("x"):rep(${MIB})`, code: lines(6, "load(s)"), looks: 8 },
  {
    name: "a long comment of lines",
    setup: `s = "--[[" .. ("\\n"):rep(${MIB}) .. "]]"`,
    code: lines(3, "load(s)"),
    looks: 6,
  },
  { name: "many spaces", setup: text("s", MIB, " "), code: lines(6, "load(s)"), looks: 7 },
  {
    name: "a long string in code",
    setup: `s = "return '" .. ("x"):rep(${MIB}) .. "'"`,
    code: lines(3, "load(s)"),
    looks: 13,
  },
  { name: "a long name in code", setup: `s = "return " .. ("x"):rep(${MIB})`, code: lines(4, "load(s)"), looks: 10 },
  { name: "a long number in code", setup: `s = "return " .. ("1"):rep(${MIB})`, code: lines(2, "load(s)"), looks: 17 },
  {
    name: "a long string in code that doesn't end",
    setup: `s = "x = [[" .. ("x"):rep(${MIB})`,
    code: lines(3, "load(s)"),
    looks: 12,
  },
  {
    name: "a code point of many digits",
    setup: `s = "x = '\\\\u{" .. ("0"):rep(${MIB}) .. "41}'"`,
    code: lines(3, "load(s)"),
    looks: 17,
  },
  { name: "a long chunk name", setup: text("s", MIB), code: lines(40, "load('x', '=' .. s)"), looks: 9 },
  { name: "one very long comment", setup: `s = "--" .. ("x"):rep(${8 * MIB})`, code: lines(1, "load(s)"), looks: 10 },
  {
    name: "long strings as constants",
    setup: `s = ("x = '" .. ("x"):rep(100000) .. "' "):rep(50)`,
    code: "load(s)",
    looks: 19,
  },
  {
    name: "integers of one chain as constants",
    setup: `local c = {} for i = 1, 8193 do c[i] = "x=" .. i * 16383 + 65536 * 16383 end s = table.concat(c, " ")`,
    code: "load(s)",
    most: 8,
  },
  {
    name: "floats of one chain as constants",
    setup: `local c = {} for i = 1, 4096 do c[i] = ("x=%.17g"):format(1 + i * 2.0 ^ -52) end s = table.concat(c, " ")`,
    code: "load(s)",
    most: 40,
  },
  {
    name: "gotos that wait, out of many blocks",
    setup: `s = ("do "):rep(180) .. ("if a then goto z end "):rep(20000) .. ("local x end "):rep(180) .. "::z::"`,
    code: "load(s)",
    looks: 8,
  },
  {
    name: "gotos that wait, over many labels",
    setup:
      `local c = { "do " } for i = 1, 5000 do c[#c + 1] = "goto z" end for i = 1, 5000 do c[#c + 1] = "::l" .. i .. ":: x()" end c[#c + 1] = " end ::z::" s = table.concat(c, " ")`,
    code: "load(s)",
    looks: 37,
  },
  {
    name: "breaks out of many blocks",
    setup:
      `s = "while a do " .. ("do "):rep(170) .. ("if a then break end "):rep(20000) .. ("local x end "):rep(170) .. "end"`,
    code: "load(s)",
    looks: 7,
  },
  {
    name: "jumps to jumps",
    setup: `s = "::c:: " .. ("do goto a ::a:: end "):rep(100) .. ("goto c "):rep(200000)`,
    code: "load(s)",
    looks: 36,
  },
  {
    name: "negations of a long condition",
    setup: `s = "return " .. ("not "):rep(180) .. "(" .. ("a and "):rep(10000) .. "b)"`,
    code: "load(s)",
    looks: 103,
  },
  {
    name: "names below many functions with many locals",
    setup:
      `local l = "local a" for i = 1, 190 do l = l .. ", a" .. i end s = (l .. " local function f() "):rep(60) .. ("g = h "):rep(1000) .. (" end"):rep(60)`,
    code: "load(s)",
    looks: 10,
  },

  // The bridge: what Lua gives to the host (from_lua.zig, marks.zig, decode.ts).
  {
    name: "results with few fields in many places",
    setup:
      `r = {} for j = 1, 60 do local t = {} for i = 1, 1 << 13 do t["k" .. i] = 1 end for i = 2, 1 << 13 do t["k" .. i] = nil end r[j] = t end`,
    code: "return r",
    looks: 1,
  },
  {
    name: "results with few elements in many places",
    setup:
      "r = {} for j = 1, 32 do local t = {} for i = 1, 1 << 16 do t[i] = 1 end for i = 2, 1 << 16 do t[i] = nil end r[j] = t end",
    code: "return r",
    looks: 1,
  },
  {
    name: "a result of many tables, one of them twice",
    setup: "t = {} for i = 1, 200000 do t[i] = {} end t[200001] = t[1]",
    code: "return t",
    looks: 12,
  },
  {
    name: "a result of integers and texts as keys",
    setup: `t = {} for i = 1, 50000 do t["" .. i * 2] = i t[i * 2 + 1] = 1 end`,
    code: "return t",
    looks: 21,
  },
  {
    name: "a long text as a key of a result",
    setup: text("s", 8 * MIB) + "t = { [s] = 1 }",
    code: "return t",
    looks: 3,
  },
  { name: "a long text as a result", setup: text("s", 16 * MIB), code: "return s", looks: 4 },
  {
    name: "a result of long texts that aren't ASCII",
    setup: text("s", 16000, "\\u{e9}") + "t = {} for i = 1, 1000 do t[i] = s .. i end",
    code: "return t",
    looks: 3,
  },
  {
    name: "a typed array as a result",
    code: "return _io.input",
    input: new Float64Array(1 << 20),
    lazy: false,
    looks: 9,
  },
  {
    name: "a typed array that was changed as a result",
    setup: "_io.input[1 << 20] = 5",
    code: "return _io.input",
    input: new Float64Array(1 << 20),
    lazy: false,
    looks: 7,
  },

  // The bridge: what Lua takes from the host (to_lua.zig, views/, userdata.zig, io_table.zig).
  {
    name: "writing to a lazy typed array",
    code: "_io.input[1] = 5",
    input: new Float64Array(1 << 20),
    lazy: true,
    looks: 9,
  },
  {
    name: "writing to a lazy list of nulls",
    code: "_io.input[1] = 5",
    input: new Array(1 << 20).fill(null),
    lazy: true,
    looks: 14,
  },
  {
    name: "writing to a lazy object of many fields",
    code: "_io.input.x = 5",
    input: Object.fromEntries(Array.from({ length: 50000 }, (_, i) => [`k${i}`, i])),
    lazy: true,
    looks: 15,
  },
  {
    name: "next over a lazy list of nulls",
    code: "next(_io.input)",
    input: new Array(1 << 20).fill(null),
    lazy: true,
    looks: 24,
  },
  {
    name: "_io.array of a long list",
    setup: "t = {} for i = 1, 1 << 17 do t[i] = i end f = _io.array",
    code: lines(60, "f(t, 1 << 17)"),
    looks: 6,
  },
  {
    name: "_io.array of many fields",
    setup: `t = {} for i = 1, 1 << 15 do t["k" .. i] = i end f = _io.array`,
    code: lines(400, "f(t, 1)"),
    looks: 5,
  },
  { name: "_io.array of many places", code: "_io.array({}, 1 << 20)", looks: 1 },
  {
    name: "elements before an array's end",
    setup: "t = _io.array({ 1 }, 3) t[3] = 3 for i = 1000000, 5, -1 do t[i] = 1 end",
    code: "t[4] = 1 y = #t",
    looks: 1,
  },
  {
    name: "equality of bytes",
    setup: text("s", MIB) + "a, b = _io.bytes(s), _io.bytes(s:sub(1, -2) .. 'x')",
    code: lines(60, "y = a == b"),
    looks: 3,
  },
  { name: "an error with a long message", setup: text("s", 8 * MIB), code: "error(s)", looks: 7 },
];

const endless: Endless[] = [
  {
    name: "__call of itself",
    code: "local t = {} setmetatable(t, { __call = t }) t()",
    memoryLimit: 2 * MIB,
    ends: ["limit", "time"],
  },
  { name: "a text as the limit of a loop", code: `for i = 1, ("9"):rep(1000) do end`, ends: ["time"] },
];

/** Looks at the clock while a call runs, whatever becomes of it. */
function looksOf(clock: { looks: number }, call: () => unknown): number {
  const before = clock.looks;
  try {
    call();
  } catch (error) {
    if (!(error instanceof LuaError)) throw error;
  }
  return clock.looks - before;
}

for (const work of works) {
  Deno.test(`limits: ${work.name}`, async () => {
    const clock = { looks: 0 };
    const now = () => (clock.looks++, 0);
    const { memoryLimit } = work;
    using cu = await ComputeUnit.create({ timeLimit: TIME_LIMIT_MS, memoryLimit, now, onPrint: () => {} });
    if (work.input !== undefined) cu.setInput(work.input, { lazy: work.lazy });
    cu.compute(work.setup ?? "");
    const always = looksOf(clock, () => cu.compute("return"));
    const looks = looksOf(clock, () => cu.compute(work.code)) - always;
    const { looks: least = 0, most = Infinity } = work;
    assert(looks >= least && looks <= most, `looks at the clock: ${looks}, expected ${least} to ${most}`);
  });
}

for (const script of endless) {
  Deno.test(`limits: endless: ${script.name}`, async () => {
    let time = 0;
    const now = () => time++;
    const { memoryLimit } = script;
    using cu = await ComputeUnit.create({ timeLimit: TIME_LIMIT_MS, memoryLimit, now });
    const ended = assertThrows(() => cu.compute(script.code), LuaError);
    assert(script.ends.includes(ended.kind), `ended with ${ended.kind}: ${ended.message}`);
  });
}
