/**
 * Scripts that mean harm, run by `scripts_test.ts`.
 *
 * @module
 */

import { forever, type Hostile, often } from "../../helpers/hostile.ts";

/** The collector: its modes, weak tables, finalizers. */
export const COLLECTOR: Hostile[] = [
  // The collector.
  {
    name: "collectgarbage in a loop",
    code: `local t = {} for i = 1, 1e5 do t[i] = {} end ${forever("collectgarbage()")}`,
    ends: "time",
  },
  {
    name: "collectgarbage('step') in a loop",
    code: `local t = {} for i = 1, 1e5 do t[i] = {} end ${forever("collectgarbage('step', 1000)")}`,
    ends: "time",
    alone: true,
  },
  {
    name: "collectgarbage changes its mode in a loop",
    code: `local t = {} for i = 1, 1e5 do t[i] = {} end ${
      often(200, "collectgarbage('generational') collectgarbage('incremental')")
    }`,
    ends: "time",
    alone: true,
  },
  {
    name: "collectgarbage changes its mode while a cycle runs",
    code:
      "local keep = {} for i = 1, 3000 do keep[i % 100] = { {}, {} } collectgarbage('step', 1) collectgarbage(i % 2 == 0 and 'generational' or 'incremental') end return #keep",
    ends: ["result", "time"],
    looks: 100,
    alone: true,
  },
  {
    name: "the collector stopped",
    code: "collectgarbage('stop') while true do local t = { {} } end",
    ends: ["time", "memory"],
    looks: 100,
    alone: true,
  },
  {
    name: "the collector with absurd parameters",
    code:
      "collectgarbage('incremental', 1, 1000, 60) collectgarbage('generational', 100, 1) for i = 1, 1e4 do local t = { {} } end collectgarbage('incremental', 1000, 1, 0) for i = 1, 1e4 do local t = { {} } end return 1",
    ends: "result",
    returns: 1,
    alone: true,
  },
  {
    name: "the collector from a finalizer, in both modes",
    code:
      "local mt = {} mt.__gc = function() collectgarbage('generational') collectgarbage('incremental') setmetatable({}, mt) end for i = 1, 100 do setmetatable({}, mt) end for i = 1, 100 do collectgarbage() end return 1",
    ends: ["result", "time"],
    looks: 100,
    returns: 1,
    alone: true,
  },
  {
    name: "weak tables and finalizers that bring back",
    code:
      "local weak = setmetatable({}, { __mode = 'kv' }) local back = {} for i = 1, 1000 do local o = setmetatable({}, { __gc = function(o) back[#back + 1] = o weak[o] = o end }) weak[o] = i weak[i] = o end collectgarbage() collectgarbage() return #back",
    ends: "result",
    returns: 1000,
    alone: true,
  },
  {
    name: "ephemerons in the worst order",
    code:
      "local n, k, p = 12000, {}, {} for i = 1, n + 1 do k[i] = {} end for i = 1, n do p[i] = i end for i = n, 2, -1 do local j = (i * 7919) % i + 1 p[i], p[j] = p[j], p[i] end for i = 1, n do local j = math.random(n) p[i], p[j] = p[j], p[i] end local mt, keep = { __mode = 'k' }, {} for i = 1, n do keep[i] = setmetatable({}, mt) end for i = 1, n do keep[p[i]][k[i]] = k[i + 1] end local first = k[1] k = nil collectgarbage()",
    ends: "result",
    alone: true,
  },
  {
    name: "finalizers for old objects",
    code:
      "local old = {} for i = 1, 5000 do old[i] = {} end local t = {} for i = 1, 2e5 do t[i] = {} end local mt = { __gc = function() end } for i = 1, 5000 do setmetatable(old[i], mt) end",
    ends: "time",
    looks: 100,
    alone: true,
  },
  {
    name: "a million finalizers",
    code: "local mt = { __gc = function() end } for i = 1, 1e6 do setmetatable({}, mt) end",
    ends: ["time", "memory"],
    looks: 100,
  },
  {
    name: "error with a level deep in the stack",
    code:
      "local function f(n) if n > 0 then return 1 + f(n - 1) end for i = 1, 3000 do pcall(error, 'x', 1e5) end return 0 end return f(1e5)",
    ends: "time",
    alone: true,
  },
  // The collector.
  {
    name: "a whole cycle of the collector for each table",
    code: `local t = {} for i = 1, 1e5 do t[i] = {} end collectgarbage("incremental", 1, 1000, 60) ${
      forever("local x = {}")
    }`,
    ends: "time",
    alone: true,
  },
  {
    name: "a collector without a pause",
    code: `local t = {} for i = 1, 1e5 do t[i] = {} end collectgarbage("setpause", 0) collectgarbage("setstepmul", 1000)
      ${forever("local x = {}")}`,
    ends: "time",
    alone: true,
  },
  {
    name: "allocations that fail after a collection each",
    code: `local t = {} for i = 1, 1e5 do t[i] = {} end ${forever("pcall(string.rep, 'x', 1e9)")}`,
    ends: "time",
  },
  {
    name: "the same in generational mode",
    code: `collectgarbage("generational") local t = {} for i = 1, 1e5 do t[i] = {} end
      ${forever("pcall(string.rep, 'x', 1e9)")}`,
    ends: "time",
    looks: 100,
    alone: true,
  },
  {
    name: "arrays that are too large, caught",
    code: `local t = {} for i = 1, 1e5 do t[i] = {} end ${forever("pcall(_io.array, {}, 1e8)")}`,
    ends: "time",
  },
];
