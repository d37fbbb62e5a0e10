/**
 * Scripts that mean harm, run by `scripts_test.ts`.
 *
 * @module
 */

import { type Hostile, SPIN } from "../../helpers/hostile.ts";

/** Loops, errors that are caught, metamethods, coroutines and recursion. */
export const CONTROL: Hostile[] = [
  // Loops.
  { name: "a loop", code: "while true do end", ends: "time" },
  { name: "a repeat loop", code: "repeat until false", ends: "time" },
  { name: "a goto loop", code: "::top:: goto top", ends: "time" },
  {
    name: "a goto loop with a closure",
    code: "::top:: local x; local f = function() x = 1 end; goto top",
    ends: "time",
  },
  { name: "a for loop of 2^63 steps", code: "for i = math.mininteger, math.maxinteger do end", ends: "time" },
  { name: "a float loop that can't advance", code: "for x = 1e300, 2e300, 1.0 do end", ends: "time" },
  { name: "an iterator that never ends", code: "for _ in function() return 1 end do end", ends: "time" },
  { name: "a C iterator that never ends", code: "for _ in math.type, 1 do end", ends: "time" },
  { name: "endless tail calls", code: "local function f() return f() end f()", ends: "time" },
  {
    name: "tail calls that take turns",
    code: "local a, b; function a() return b() end function b() return a() end a()",
    ends: "time",
  },
  // What may catch an error can't catch this one.
  { name: "a pcall loop", code: "while true do pcall(function() while true do end end) end", ends: "time" },
  { name: "pcall of itself", code: "local function f() while true do pcall(f) end end f()", ends: "time" },
  { name: "xpcall whose handler loops", code: `xpcall(error, ${SPIN})`, ends: "time" },
  {
    name: "xpcall around a loop, with a handler that goes on",
    code: `while true do xpcall(${SPIN}, ${SPIN}) end`,
    ends: "time",
  },
  {
    name: "an error handler that raises",
    code: "return (select('#', xpcall(error, function(e) error(e) end)))",
    ends: "result",
    returns: 2,
  },
  {
    name: "an error handler that recurses",
    code: "local function h() return xpcall(error, h) end return type(h())",
    ends: "result",
  },
  {
    name: "a coroutine that catches",
    code: `while true do coroutine.wrap(function() pcall(${SPIN}) end)() end`,
    ends: "time",
  },
  {
    name: "a __close that goes on",
    code: `local x <close> = setmetatable({}, { __close = ${SPIN} }) while true do end`,
    ends: "time",
  },
  {
    name: "a __close that loops",
    code: `do local x <close> = setmetatable({}, { __close = ${SPIN} }) end`,
    ends: "time",
  },
  {
    name: "a __close that loops after an error",
    code: `pcall(function() local x <close> = setmetatable({}, { __close = ${SPIN} }) error("x") end)`,
    ends: "time",
  },
  {
    name: "__close of a for loop",
    code:
      `for _ in pairs({}), {}, nil, setmetatable({}, { __close = ${SPIN} }) do end for _ in function() end, nil, nil, setmetatable({}, { __close = ${SPIN} }) do end`,
    ends: "time",
  },
  { name: "a __gc that loops", code: `setmetatable({}, { __gc = ${SPIN} }) collectgarbage()`, ends: "time" },
  {
    name: "a __gc that loops, in the background",
    code: `setmetatable({}, { __gc = ${SPIN} }) while true do local t = {} end`,
    ends: "time",
  },
  {
    name: "a __gc that makes another one",
    code:
      "local mt = {} mt.__gc = function() setmetatable({}, mt) end setmetatable({}, mt) while true do collectgarbage() end",
    ends: "time",
  },
  {
    name: "a __gc that resurrects and is set again",
    code:
      "local mt = {} mt.__gc = function(o) kept = o setmetatable(o, mt) end setmetatable({}, mt) for i = 1, 100 do collectgarbage() end kept = nil return 1",
    ends: "result",
    returns: 1,
    alone: true,
  },
  {
    name: "a __gc that collects",
    code:
      "setmetatable({}, { __gc = function() collectgarbage() collectgarbage('step') end }) collectgarbage() return collectgarbage('count') > 0",
    ends: "result",
    returns: true,
  },
  {
    name: "a __gc that raises",
    code: "for i = 1, 1000 do setmetatable({}, { __gc = function() error({}) end }) end collectgarbage() return 1",
    ends: "result",
    returns: 1,
  },
  {
    name: "a __gc that yields",
    code: "setmetatable({}, { __gc = coroutine.yield }) coroutine.wrap(function() collectgarbage() end)() return 1",
    ends: "result",
    returns: 1,
  },
  // Metamethods.
  { name: "__index loops", code: `return setmetatable({}, { __index = ${SPIN} }).x`, ends: "time" },
  { name: "__newindex loops", code: `setmetatable({}, { __newindex = ${SPIN} }).x = 1`, ends: "time" },
  {
    name: "__eq loops",
    code: `local mt = { __eq = ${SPIN} } return setmetatable({}, mt) == setmetatable({}, mt)`,
    ends: "time",
  },
  {
    name: "__lt loops",
    code: `local mt = { __lt = ${SPIN} } return setmetatable({}, mt) < setmetatable({}, mt)`,
    ends: "time",
  },
  { name: "__le loops", code: `local mt = { __le = ${SPIN} } return setmetatable({}, mt) <= 1`, ends: "time" },
  { name: "__concat loops", code: `return setmetatable({}, { __concat = ${SPIN} }) .. "x"`, ends: "time" },
  { name: "__len loops", code: `return #setmetatable({}, { __len = ${SPIN} })`, ends: "time" },
  { name: "__call loops", code: `setmetatable({}, { __call = ${SPIN} })()`, ends: "time" },
  { name: "__tostring loops in print", code: `print(setmetatable({}, { __tostring = ${SPIN} }))`, ends: "time" },
  { name: "__tostring loops in error", code: `error(setmetatable({}, { __tostring = ${SPIN} }))`, ends: "time" },
  { name: "__pairs loops", code: `for _ in pairs(setmetatable({}, { __pairs = ${SPIN} })) do end`, ends: "time" },
  {
    name: "__unm, __idiv and __band loop",
    code:
      `local t = setmetatable({}, { __unm = function(t) return -t end, __idiv = ${SPIN} }) pcall(function() return -t end) return t // 1`,
    ends: "time",
  },
  {
    name: "__index in a circle",
    code: "local a, b = {}, {} setmetatable(a, { __index = b }) setmetatable(b, { __index = a }) return a.x",
    ends: "runtime",
  },
  {
    name: "__index a chain of 10,000",
    code: "local t = {} for i = 1, 10000 do t = setmetatable({}, { __index = t }) end return t.x",
    ends: "runtime",
  },
  {
    name: "__call a chain of 10,000",
    code: "local t = print for i = 1, 10000 do t = setmetatable({}, { __call = t }) end return t()",
    ends: "any",
  },
  {
    name: "__metatable lies",
    code: "local t = setmetatable({}, { __metatable = 1 }) return { pcall(setmetatable, t, {}) }[1] == false",
    ends: "syntax",
  },
  // Coroutines.
  {
    name: "coroutine ping-pong",
    code: "local a = coroutine.wrap(function() while true do coroutine.yield() end end) while true do a() end",
    ends: "time",
  },
  {
    name: "two coroutines that resume each other",
    code:
      "local a, b a = coroutine.create(function() while true do coroutine.resume(b) end end) b = coroutine.create(function() while true do coroutine.resume(a) coroutine.yield() end end) coroutine.resume(a)",
    ends: "time",
  },
  {
    name: "coroutines inside coroutines",
    code: "local function f() return coroutine.wrap(f)() end f()",
    ends: "limit",
  },
  {
    name: "a coroutine that closes itself",
    code: "local co co = coroutine.create(function() return coroutine.close(co) end) return (coroutine.resume(co))",
    ends: "result",
    returns: false,
  },
  {
    name: "a coroutine that closes its caller",
    code:
      "local a, b a = coroutine.create(function() return coroutine.resume(b) end) b = coroutine.create(function() return coroutine.close(a) end) local ok, inner = coroutine.resume(a) return inner",
    ends: "result",
    returns: false,
  },
  {
    name: "a coroutine closed while it is suspended in a loop of __close",
    code:
      `local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = ${SPIN} }) coroutine.yield() end) coroutine.resume(co) coroutine.close(co)`,
    ends: "time",
  },
  {
    name: "a coroutine that was stopped and is resumed",
    code: `co = co or coroutine.create(${SPIN}) return coroutine.resume(co)`,
    ends: "time",
    alone: true,
  },
  {
    name: "wrap as iterator of itself",
    code: "local f f = coroutine.wrap(function() for _ in f do end end) return (pcall(f))",
    ends: "result",
    returns: false,
  },
  {
    name: "a yield across pcall, without end",
    code: "local f = coroutine.wrap(function() while true do pcall(coroutine.yield) end end) while true do f() end",
    ends: "time",
  },
  { name: "a yield at the top", code: "coroutine.yield(1)", ends: "runtime" },
  {
    name: "a yield in a comparator",
    code: "coroutine.wrap(function() table.sort({ 3, 2, 1 }, coroutine.yield) end)()",
    ends: "runtime",
  },
  {
    name: "100,000 coroutines",
    code: "local t = {} for i = 1, 1e5 do t[i] = coroutine.create(print) end",
    ends: ["memory", "time"],
  },
  // Recursion.
  {
    name: "Lua recursion",
    code: "local function f() return 1 + f() end return f()",
    ends: ["limit", "memory"],
    looks: 100,
  },
  {
    name: "recursion through gsub",
    code: `local function f() return (("a"):gsub(".", f)) end return f()`,
    ends: ["limit", "memory"],
  },
  {
    name: "recursion through load",
    code: "local code = ... or 'return load(code)()' _G.code = code return load(code)()",
    // load() returns nil where the parser meets the end of C's stack.
    ends: ["limit", "time", "runtime"],
    alone: true,
  },
  {
    name: "recursion through __index functions",
    code: "local t = {} setmetatable(t, { __index = function(t, k) return t[k .. 'x'] end }) return t.x",
    ends: ["limit", "memory"],
  },
  {
    name: "recursion in a full stack's handler",
    code: "local function f() return 1 + f() end return type(select(2, xpcall(f, f)))",
    ends: "any",
    looks: 100,
  },
  { name: "one argument list too long", code: "return pcall(string.char, table.unpack({}, 1, 1e7))", ends: "runtime" },
  {
    name: "unpack at the integers' end",
    code: "return pcall(table.unpack, {}, math.mininteger, math.maxinteger)",
    ends: "result",
    returns: false,
  },
  {
    name: "unpack's last element",
    code: "return select('#', table.unpack({}, math.maxinteger, math.maxinteger))",
    ends: "result",
    returns: 1,
  },
  { name: "select out of range", code: "return pcall(select, math.mininteger, 1)", ends: "result", returns: false },
];
