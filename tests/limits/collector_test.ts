// Limits of the collector: the work of one step, as often as a script asks for it.

import { ARGUMENTS, lines, testWorks } from "../helpers/looks.ts";
import { MIB } from "../helpers/sizes.ts";

/** The same object, in parts that a garbage collection walks through. */
const SMALL_TABLES = "t = {} for i = 1, 20000 do t[i] = {} end ";

testWorks([
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
]);
