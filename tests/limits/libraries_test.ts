// Limits in the base library, utf8, table, math and os.

import { ARGUMENTS, lines, testWorks, text } from "../helpers/looks.ts";
import { MIB } from "../helpers/sizes.ts";

testWorks([
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
  { name: "io.open of a long name", setup: text("s", MIB), code: lines(40, "io.open(s)"), looks: 6 },
  {
    name: "io.open in a long mode",
    setup: `s = "r" .. ("b"):rep(${MIB})`,
    code: lines(40, "io.open('x', s)"),
    looks: 20,
  },
  { name: "print of long bytes", setup: text("s", MIB, "\\xff"), code: lines(6, "print(s)"), looks: 6 },
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
]);
