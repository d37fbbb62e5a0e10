/**
 * Scripts that mean harm, run by `scripts_test.ts`.
 *
 * @module
 */

import { forever, type Hostile, LONG, LONG_TWO, often } from "../../helpers/hostile.ts";

/** The libraries of strings, numbers and times: one step of the VM that is a lot of work. */
export const STRINGS: Hostile[] = [
  { name: "string.rep to the end of memory", code: `return ("x"):rep(1e9)`, ends: "memory" },
  { name: "string.rep beyond any size", code: `return ("xx"):rep(math.maxinteger)`, ends: "runtime" },
  { name: "string.rep of nothing, 1e18 times", code: `return string.rep("", 1e18)`, ends: "result", returns: "" },
  {
    name: "string.rep of long strings again and again",
    code: `${LONG} ${forever("s:rep(2)")}`,
    ends: ["time", "memory"],
  },
  { name: "a pattern of many lazy parts", code: `return string.rep("a", 1e5):find(".-.-.-.-b")`, ends: "time" },
  { name: "a pattern of many greedy parts", code: `return ("a"):rep(1e4):find(("a*"):rep(20) .. "b")`, ends: "time" },
  {
    name: "a pattern of many optional parts",
    code: `return ("a"):rep(30):find(("a?"):rep(200) .. "b")`,
    ends: "time",
  },
  {
    name: "a pattern too complex",
    code: `return pcall(string.find, ("a"):rep(1e3), ("a?"):rep(1e3) .. "b")`,
    ends: "result",
    returns: false,
  },
  { name: "a pattern of back references", code: `return ("a"):rep(1e5):find("(.*)(.*)%1%2b")`, ends: "time" },
  { name: "%b without end", code: `return ("("):rep(1e3):rep(1e3):find("%b()")`, ends: "time" },
  { name: "%f over 4 MB", code: `${LONG} ${forever('s:find("%f[y]")')}`, ends: "time" },
  {
    name: "a huge set",
    code: `local set = "[" .. ("b"):rep(1e3):rep(1e3) .. "]" return ("a"):rep(1e4):find(set)`,
    ends: "time",
  },
  {
    name: "a huge set that isn't closed",
    code: `local set = "[" .. ("b"):rep(1e3):rep(1e3) ${often(500, "pcall(string.find, 'a', set)")}`,
    ends: "time",
  },
  {
    name: "find of a plain needle in 4 MB",
    code: `${LONG} ${often(400, 's:find("b", 1, true)')}`,
    ends: "time",
  },
  {
    name: "find of a needle of 4 MB",
    code: `local s = ("a"):rep(1e3):rep(8e3) local p = ("a"):rep(1e3):rep(4e3) .. "b" return s:find(p, 1, true)`,
    ends: "time",
    alone: true,
  },
  { name: "find with a pattern of 4 MB", code: `${LONG} ${often(100, '("a"):find(s)')}`, ends: "time" },
  { name: "gsub over 4 MB", code: `${LONG} ${forever('s:gsub(".", "%0%0")')}`, ends: ["time", "memory"] },
  { name: "gsub with a function over 4 MB", code: `${LONG} s:gsub(".", function() end)`, ends: "time" },
  { name: "gsub of nothing", code: `${LONG} ${forever('s:gsub("", "")')}`, ends: ["time", "memory"] },
  { name: "gmatch over 4 MB", code: `${LONG} for _ in s:gmatch("()") do end`, ends: "time" },
  { name: "gmatch without a match over 4 MB", code: `${LONG} for _ in s:gmatch("x-b") do end`, ends: "time" },
  {
    name: "upper, lower and reverse of 4 MB",
    code: `${LONG} ${forever("s:upper() s:lower() s:reverse()")}`,
    ends: ["time", "memory"],
  },
  { name: "sub of 4 MB", code: `${LONG} ${forever("local x = s:sub(2)")}`, ends: ["time", "memory"] },
  {
    name: "byte of 900,000 places",
    code: `${LONG} ${often(400, "pcall(string.byte, s, 1, 9e5)")}`,
    ends: "time",
  },
  {
    name: "two equal strings of 8 MB, ==",
    code: `${LONG_TWO} ${often(2000, "local x = s == s2")}`,
    ends: "time",
    alone: true,
  },
  {
    name: "two equal strings of 8 MB, rawequal",
    code: `${LONG_TWO} ${often(2000, "rawequal(s, s2)")}`,
    ends: "time",
    alone: true,
  },
  {
    name: "two equal strings of 8 MB, <",
    code: `${LONG_TWO} ${often(400, "local x = s < s2")}`,
    ends: "time",
    alone: true,
  },
  {
    name: "two equal strings of 8 MB as keys",
    code: `${LONG_TWO} local t = { [s] = 1 } ${often(2000, "local x = t[s2]")}`,
    ends: "time",
    alone: true,
  },
  {
    name: "strings of zeros, <",
    code: `local s = ("\\0"):rep(1e3):rep(4e3) local s2 = s .. "" s2 = s .. "\\0" ${often(100, "local x = s < s2")}`,
    ends: "time",
  },
  { name: "concatenation that doubles", code: "local s = 'x' while true do s = s .. s end", ends: "memory" },
  { name: "concatenation a byte at a time", code: `${LONG} ${forever("s = s .. 'x'")}`, ends: ["time", "memory"] },
  {
    name: "a number of 4 MB of digits",
    code: `local s = ("0"):rep(1e3):rep(4e3) ${often(200, "local x = s + 0")}`,
    ends: "time",
  },
  {
    name: "tonumber of 4 MB of spaces",
    code: `local s = (" "):rep(1e3):rep(4e3) ${often(50, "tonumber(s)")}`,
    ends: "time",
    alone: true,
  },
  {
    name: "tonumber with a base, of 4 MB",
    code: `local s = ("z"):rep(1e3):rep(4e3) ${often(200, "tonumber(s, 36)")}`,
    ends: "time",
  },
  {
    name: "math.tointeger of 4 MB of digits",
    code: `local s = ("0"):rep(1e3):rep(4e3) ${often(200, "math.tointeger(s)")}`,
    ends: "time",
  },
  {
    name: "string.format of 4 MB of digits",
    code: `local s = ("0"):rep(1e3):rep(4e3) ${often(200, '("%d"):format(s)')}`,
    ends: "time",
  },
  { name: "string.format cuts 4 MB", code: `${LONG} ${often(500, '("%.1s"):format(s)')}`, ends: "time" },
  { name: "string.format quotes 4 MB", code: `${LONG} ${forever('("%q"):format(s)')}`, ends: ["time", "memory"] },
  {
    name: "string.format with a width of 99",
    code: "return #('%99.99f'):format(-1e308)",
    ends: "result",
    returns: 410,
  },
  {
    name: "string.format with forged options",
    code:
      "return { pcall(string.format, '%100d', 1), pcall(string.format, '%', 1), pcall(string.format, '%n', 1), pcall(string.format, '%s') }[1]",
    ends: "syntax",
  },
  {
    name: "string.pack of 4 MB of options",
    code: `local s = (" "):rep(1e3):rep(4e3) ${often(40, "string.pack(s)")}`,
    ends: "time",
  },
  {
    name: "string.packsize of 4 MB of options",
    code: `local s = ("b"):rep(1e3):rep(4e3) ${often(40, "string.packsize(s)")}`,
    ends: "time",
  },
  {
    name: "string.packsize beyond any size",
    code: "return pcall(string.packsize, ('c2147483647'):rep(10))",
    ends: "result",
    returns: false,
  },
  {
    name: "string.pack with forged options",
    code:
      "local ok = 0 for _, f in ipairs({ 'i17', 'i0', '!17', 'c', 'Xz', 'X', 'q', '!3i4', 'i99999999999999999999' }) do if pcall(string.pack, f, 1, 2) then ok = ok + 1 end end return ok",
    ends: "result",
    returns: 0,
  },
  {
    name: "string.unpack of a length that lies",
    code:
      "return (pcall(string.unpack, 's8', ('\\xff'):rep(8))) or (pcall(string.unpack, 'z', 'x')) or (pcall(string.unpack, 'i1', 'abcd', 6))",
    ends: "result",
    returns: false,
  },
  {
    name: "string.unpack of an end that isn't there",
    code: `${LONG} ${often(500, 'pcall(string.unpack, "z", s)')}`,
    ends: "time",
  },
  { name: "utf8.len of 4 MB", code: `${LONG} ${often(50, "utf8.len(s)")}`, ends: "time" },
  { name: "utf8.offset over 4 MB", code: `${LONG} ${often(100, "utf8.offset(s, 4e6)")}`, ends: "time" },
  {
    name: "utf8.codepoint of 900,000 places",
    code: `${LONG} ${often(200, "pcall(utf8.codepoint, s, 1, 9e5)")}`,
    ends: "time",
  },
  {
    name: "utf8.codes over continuation bytes",
    code: `local s = ("\\x80"):rep(1e3):rep(4e3) ${
      often(200, "pcall(function() for _ in utf8.codes('a' .. s, true) do end end)")
    }`,
    ends: "time",
  },
  {
    name: "utf8 beyond all places",
    code:
      "return pcall(utf8.codepoint, 'abc', 1, math.maxinteger) or pcall(utf8.offset, 'abc', 1, math.mininteger) or pcall(utf8.char, -1) or pcall(utf8.len, 'abc', 9)",
    ends: "result",
    returns: false,
  },
  { name: "os.date with a long format", code: `os.date(("%n"):rep(1e3):rep(4e3))`, ends: ["time", "memory"] },
  {
    name: "os.date with a format that grows",
    code: `os.date(("%c"):rep(1e3):rep(4e3))`,
    ends: ["time", "memory"],
    looks: 100,
  },
  {
    name: "os.date with forged formats",
    code:
      "return pcall(os.date, '%') or pcall(os.date, '%E') or pcall(os.date, '%Ez') or pcall(os.date, '%Q') or pcall(os.date, '%c', 1 << 60)",
    ends: "result",
    returns: false,
  },
  {
    name: "os.time of fields beyond all",
    code:
      "return pcall(os.time, { year = 1 << 60, month = 1, day = 1 }) or pcall(os.time, { year = 2000, month = 1.5, day = 1 }) or pcall(os.time, {})",
    ends: "result",
    returns: false,
  },
  {
    name: "os.time of 4 MB of digits",
    code: `local s = ("0"):rep(1e3):rep(4e3) ${often(200, "os.time({ year = 2020, month = 1, day = 1, hour = s })")}`,
    ends: "time",
    alone: true,
  },
];
