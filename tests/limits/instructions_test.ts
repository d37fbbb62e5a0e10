// Limits of instructions: in straight code, in loops with long bodies, and steps that cost far more than others.
// helpers/looks.ts says what is counted.

import { ARGUMENTS, lines, testEndless, testWorks, text } from "../helpers/looks.ts";
import { MIB } from "../helpers/sizes.ts";

testWorks([
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
]);

testEndless([
  {
    name: "__call of itself",
    code: "local t = {} setmetatable(t, { __call = t }) t()",
    memoryLimit: 2 * MIB,
    ends: ["limit", "time"],
  },
  { name: "a text as the limit of a loop", code: `for i = 1, ("9"):rep(1000) do end`, ends: ["time"] },
]);
