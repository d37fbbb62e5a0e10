/**
 * Scripts that mean harm, run by `scripts_test.ts`.
 *
 * @module
 */

import { forever, type Hostile, often, SPIN } from "../../helpers/hostile.ts";

/** Code that is hard to compile, and bytecode. */
export const PARSER: Hostile[] = [
  // The parser.
  {
    name: "100,000 parentheses",
    code: "return (load('return ' .. ('('):rep(1e5) .. '1' .. (')'):rep(1e5)))",
    ends: "result",
    returns: null,
  },
  {
    name: "100,000 tables inside tables",
    code: "return (load('return ' .. ('{'):rep(1e5) .. ('}'):rep(1e5)))",
    ends: "result",
    returns: null,
  },
  {
    name: "10,000 functions inside functions",
    code: "return (load(('return function() '):rep(1e4) .. ('end '):rep(1e4)))",
    ends: "result",
    returns: null,
  },
  {
    name: "100,000 blocks",
    code: "return (load(('do '):rep(1e5) .. ('end '):rep(1e5)))",
    ends: "result",
    returns: null,
  },
  {
    name: "100,000 concatenations",
    code: "return (load('return a' .. ('..a'):rep(1e5)))",
    ends: "result",
    returns: null,
  },
  {
    name: "a million unary minuses",
    code: "return type(load('return ' .. ('- '):rep(1e3):rep(1e3) .. '1'))",
    ends: ["result", "time"],
    looks: 100,
  },
  {
    name: "a million assignments",
    code: "return type(load(('x = 1 '):rep(1e3):rep(1e3)))",
    ends: ["time", "memory"],
    looks: 100,
  },
  {
    name: "a million goto",
    code: "return type(load(('goto x '):rep(1e3):rep(1e3)))",
    ends: ["result", "memory", "time"],
    looks: 100,
  },
  { name: "300 locals", code: "return (load(('local x '):rep(300)))", ends: "result", returns: null },
  {
    name: "a million constants",
    code:
      "local t = {} for i = 1, 1e6 do t[i] = i .. '.5' end return type(load('return {' .. table.concat(t, ',') .. '}'))",
    ends: ["result", "memory", "time"],
  },
  { name: "load with an endless reader", code: "load(function() return 'x = 1 ' end)", ends: ["time", "memory"] },
  { name: "load with an endless reader of comments", code: "load(function() return '--x' end)", ends: "time" },
  { name: "load with a reader that loops", code: `load(${SPIN})`, ends: "time" },
  {
    name: "load with a reader that raises",
    code: "return (load(function() error({}) end))",
    ends: "result",
    returns: null,
  },
  {
    name: "load with a reader of wrong type",
    code: "return (load(function() return {} end))",
    ends: "result",
    returns: null,
  },
  {
    name: "load with a reader that yields",
    code: "return coroutine.wrap(function() return (load(coroutine.yield)) end)()",
    ends: "result",
    returns: null,
  },
  { name: "load of loads", code: forever("load('return 1')()"), ends: "time" },
  {
    name: "load of long comments",
    code: `local c = "--" .. ("x"):rep(1e3):rep(4e3) ${often(80, "load(c)")}`,
    ends: "time",
  },
  {
    name: "load of long white space",
    code: `local c = (" "):rep(1e3):rep(4e3) ${often(80, "load(c)")}`,
    ends: "time",
  },
  {
    name: "a dumped function is refused",
    code: "return (load(string.dump(function() return 1 end)))",
    ends: "result",
    returns: null,
  },
  {
    name: "forged bytecode is refused",
    code: "return (load('\\27Lua\\x54\\0\\x19\\x93\\r\\n\\x1a\\n' .. ('\\xff'):rep(100), 'x', 'bt'))",
    ends: "result",
    returns: null,
  },
  {
    name: "bytecode from a reader is refused",
    code:
      "local d, i = string.dump(function() end), 0 return (load(function() i = i + 1 return i <= #d and d:sub(i, i) or nil end, 'x', 'b'))",
    ends: "result",
    returns: null,
  },
  // The parser.
  {
    name: "load of a loop with 32,000 breaks",
    code: "return load('while true do ' .. ('break '):rep(32000) .. ' end') ~= nil",
    ends: "result",
    returns: true,
  },
  {
    name: "load of 32,000 gotos",
    code: "return load('do ' .. ('goto x '):rep(32000) .. ' ::x:: end') ~= nil",
    ends: "result",
    returns: true,
  },
  { name: "load of a long condition", code: forever("load('x = ' .. ('a and '):rep(1e5) .. 'a')"), ends: "time" },
];
