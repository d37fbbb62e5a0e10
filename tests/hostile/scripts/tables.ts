/**
 * Scripts that mean harm, run by `scripts_test.ts`.
 *
 * @module
 */

import { forever, type Hostile, LONG, often } from "../../helpers/hostile.ts";

/** The library of tables, keys, and memory that tables fill. */
export const TABLES: Hostile[] = [
  // Tables.
  {
    name: "table.sort with a comparator that never settles",
    code: "local t = {} for i = 1, 1e5 do t[i] = i end table.sort(t, function() return true end)",
    ends: ["runtime", "time"],
    looks: 100,
  },
  {
    name: "table.sort with a random comparator",
    code:
      "local t = {} for i = 1, 2e5 do t[i] = i end while true do pcall(table.sort, t, function() return math.random() < 0.5 end) end",
    ends: ["time", "memory"],
  },
  {
    name: "table.sort with a comparator that grows the table",
    code:
      "local t = {} for i = 1, 1e4 do t[i] = i end table.sort(t, function(a, b) t[#t + 1] = 1 return (a or 0) < (b or 0) end)",
    ends: ["time", "memory", "result", "runtime"],
    looks: 100,
  },
  {
    name: "table.sort with a comparator that empties the table",
    code:
      "local t = {} for i = 1, 1e4 do t[i] = i end return (pcall(table.sort, t, function(a, b) for k in pairs(t) do t[k] = nil end return (a or 0) < (b or 0) end))",
    ends: "any",
  },
  {
    name: "table.sort of a length that lies",
    code: "table.sort(setmetatable({}, { __len = function() return 1e9 end, __index = function() return 1 end }))",
    ends: ["time", "memory", "runtime"],
    looks: 100,
  },
  {
    name: "table.sort of a length beyond all",
    code: "table.sort(setmetatable({}, { __len = function() return math.maxinteger end }))",
    ends: "runtime",
  },
  {
    name: "table.concat of a length that lies",
    code:
      "return table.concat(setmetatable({}, { __len = function() return 1e9 end, __index = function() return '' end }))",
    ends: "time",
  },
  {
    name: "table.concat from end to end",
    code: "return pcall(table.concat, {}, '', math.mininteger, math.maxinteger)",
    ends: "result",
    returns: false,
  },
  {
    name: "table.concat of long strings",
    code: `${LONG} return table.concat({ s, s, s, s, s, s, s, s })`,
    ends: ["memory", "time"],
  },
  { name: "table.move over a huge range", code: "table.move({}, 1, 1e15, 2)", ends: ["time", "memory"] },
  { name: "table.move upwards over a huge range", code: "table.move({}, 1, 1e15, -1e15)", ends: "time" },
  {
    name: "table.move beyond the integers",
    code:
      "return pcall(table.move, {}, math.mininteger, math.maxinteger, 1) or pcall(table.move, {}, 1, math.maxinteger, 2)",
    ends: "result",
    returns: false,
  },
  {
    name: "table.insert with a length that lies",
    code: "table.insert(setmetatable({}, { __len = function() return 1e15 end }), 1, 'x')",
    ends: ["time", "memory"],
  },
  {
    name: "table.insert at the integers' end",
    code: "return pcall(table.insert, setmetatable({}, { __len = function() return math.maxinteger end }), 1, 'x')",
    ends: "any",
  },
  {
    name: "table.remove with a length that lies",
    code: "table.remove(setmetatable({}, { __len = function() return 1e15 end }), 1)",
    ends: ["time", "memory"],
  },
  {
    name: "a __len that isn't a number",
    code:
      "return pcall(table.insert, setmetatable({}, { __len = function() return 'x' end }), 1) or pcall(table.unpack, setmetatable({}, { __len = function() return {} end }))",
    ends: "any",
  },
  {
    name: "table.unpack of 400,000 places",
    code: often(150, "select('#', table.unpack({}, 1, 4e5))"),
    ends: "time",
    alone: true,
  },
  {
    name: "400,000 arguments passed on",
    code: "local function g() end local function f(...) for i = 1, 2000 do g(...) end end f(table.unpack({}, 1, 4e5))",
    ends: "time",
    alone: true,
  },
  {
    name: "select of 200,000 arguments",
    code: "local function f(...) for i = 1, 4000 do local x = select(-1, ...) end end f(table.unpack({}, 1, 2e5))",
    ends: "time",
    alone: true,
  },
  {
    name: "next over a large table that was emptied",
    code:
      "local t = {} for i = 1, 1e5 do t['k' .. i] = i end for k in pairs(t) do t[k] = nil end for i = 1, 1e5 do next(t) end",
    ends: ["time", "memory"],
    looks: 100,
  },
  {
    name: "next while the table grows",
    code: "local t = { 1 } return (pcall(function() for k in pairs(t) do t[k .. 'x'] = 1 t[{}] = 1 end end))",
    ends: "any",
  },
  {
    name: "next with a key that isn't there",
    code: "return pcall(next, {}, 'x') or pcall(next, {}, 0/0) or pcall(next, { 1 }, 2)",
    ends: "result",
    returns: false,
  },
  {
    name: "keys NaN and nil",
    code: "return pcall(rawset, {}, 0/0, 1) or pcall(rawset, {}, nil, 1)",
    ends: "result",
    returns: false,
  },
  {
    name: "an array to the end of memory",
    code: "local t = {} while true do t[#t + 1] = 1 end",
    ends: ["memory", "time"],
    looks: 100,
  },
  {
    name: "tables to the end of memory",
    code: "local t while true do t = { t } end",
    ends: ["memory", "time"],
    looks: 100,
  },
  {
    name: "memory exhausted again and again",
    code: "while true do pcall(function() local t = {} while true do t = { t, t, t } end end) end",
    ends: "time",
  },
  {
    name: "memory exhausted in error handlers",
    code:
      "local function f() local t = {} while true do t = { t, ('x'):rep(1e4) } end end while true do xpcall(f, f) end",
    ends: ["time", "memory"],
  },
  {
    name: "_io.array of 2^28 + 1 places",
    code: "return _io.array({}, (1 << 28) + 1)",
    ends: "runtime",
    alone: true,
  },
  {
    name: "_io.array of 2^31 - 1 places",
    code: "return _io.array({}, (1 << 31) - 1)",
    ends: "runtime",
    alone: true,
  },
  {
    name: "_io.array again and again",
    code: `local t = {} for i = 1, 5e5 do t[i] = 1 end ${often(2000, "_io.array(t)")}`,
    ends: "time",
    looks: 100,
    alone: true,
  },
  {
    name: "two equal bytes of 4 MB",
    code: `${LONG} local a, b = _io.bytes(s), _io.bytes(s .. "") ${often(4000, "local x = a == b")}`,
    ends: "time",
  },
  // Chains.
  {
    name: "a chain of __index",
    code: `local t = {} for i = 1, 1900 do t = setmetatable({}, { __index = t }) end ${forever("local x = t.x")}`,
    ends: "time",
  },
  {
    name: "a chain of __newindex",
    code: `local t = {} for i = 1, 1900 do t = setmetatable({}, { __newindex = t }) end ${forever("t.x = nil")}`,
    ends: "time",
  },
];
