// Limits of the compiler: one token, and what it ends.

import { lines, testWorks, text } from "../helpers/looks.ts";
import { MIB } from "../helpers/sizes.ts";

testWorks([
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
]);
