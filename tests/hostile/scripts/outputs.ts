/**
 * Scripts that mean harm, run by `scripts_test.ts`.
 *
 * @module
 */

import { forever, type Hostile, LONG, often } from "../../helpers/hostile.ts";

/** What the host reads: outputs, errors, and what is printed. */
export const OUTPUTS: Hostile[] = [
  // Output.
  {
    name: "output 100,000 deep",
    code: "local t = {} for i = 1, 1e5 do t = { t } end _io.output = t",
    ends: "result",
    looks: 100,
  },
  {
    name: "output that holds itself in every way",
    code: "local t = {} t[1] = t t.t = t t[t] = t _io.output = t",
    ends: "result",
  },
  {
    name: "output with a shared table in 100,000 places",
    code: "local t, s = {}, { 'x' } for i = 1, 1e5 do t[i] = s end _io.output = t",
    ends: "result",
    looks: 100,
  },
  {
    name: "output that doubles with each level",
    code: "local t = { 1 } for i = 1, 500 do t = { t, t } end _io.output = t",
    ends: "result",
  },
  {
    name: "output with a long string in 100,000 places",
    code: `${LONG} local t = {} for i = 1, 1e5 do t[i] = s end _io.output = t`,
    ends: "result",
    looks: 100,
  },
  {
    name: "output 100,000 keys wide",
    code: "local t = {} for i = 1, 1e5 do t['k' .. i] = i end _io.output = t",
    ends: "result",
    looks: 100,
  },
  {
    name: "output of 100,000 shapes",
    code: "local t = {} for i = 1, 3e4 do t[i] = { ['a' .. i] = 1 } end _io.output = t",
    ends: "result",
    looks: 100,
  },
  {
    name: "output with a function far inside",
    code: "local t = { print } for i = 1, 900 do t = { a = t } end _io.output = t",
    ends: "result",
  },
  { name: "output with lone far index", code: "_io.output = _io.array({ [1e9] = 1 })", ends: "result" },
  // Errors.
  { name: "an error value that holds itself", code: "local e = {} e.e = e error(e)", ends: "runtime" },
  {
    name: "an error value 5,000 deep",
    code: "local e = {} for i = 1, 5000 do e = { e } end error(e)",
    ends: "runtime",
  },
  {
    name: "an error value that is wide",
    code: "local e = {} for i = 1, 1e5 do e[i] = i end error(e)",
    ends: "runtime",
  },
  {
    name: "an error value that can't be passed",
    code: "error({ f = print, co = coroutine.create(print) })",
    ends: "runtime",
  },
  { name: "a coroutine as error value", code: "error(coroutine.create(print))", ends: "runtime" },
  { name: "an error of 1 MB", code: "error(('x'):rep(1e3):rep(1e3))", ends: "runtime" },
  {
    name: "an error value whose __tostring raises",
    code: "error(setmetatable({}, { __tostring = function() error('x') end }))",
    ends: "runtime",
  },
  {
    name: "an error value whose __tostring gives no string",
    code: "error(setmetatable({}, { __tostring = function() return {} end, __name = {} }))",
    ends: "runtime",
  },
  { name: "an error message that isn't UTF-8", code: "error('\\xff\\0\\xed\\xa0\\x80')", ends: "runtime" },
  {
    name: "an error message with forged positions",
    code: "error('compute:999999999999999999999: x:1: y')",
    ends: "runtime",
  },
  { name: "an error of nil", code: "error()", ends: "runtime" },
  // Printing.
  { name: "print without end", code: forever("print('x')"), ends: ["runtime", "time"], looks: 100 },
  { name: "print without end, caught", code: forever("pcall(print, 'x')"), ends: "time" },
  { name: "print of 4 MB, caught", code: `${LONG} ${often(1000, "pcall(print, s)")}`, ends: ["time", "memory"] },
  { name: "print of many arguments", code: "print(table.unpack({}, 1, 9e5))", ends: "any" },
  {
    name: "warn of 4 MB, switched off",
    code: `${LONG} ${often(500, "warn(s)")}`,
    ends: "time",
    alone: true,
  },
  {
    name: "warn of 4 MB, switched on",
    code: `${LONG} warn("@on") ${often(200, "pcall(warn, s)")}`,
    ends: "time",
    alone: true,
  },
  {
    name: "warn of 800 MB in parts",
    code: `${LONG} warn("@on") local t = {} for i = 1, 200 do t[i] = s end warn(table.unpack(t))`,
    ends: "time",
    alone: true,
  },
];
