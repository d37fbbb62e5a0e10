/**
 * Scripts that mean harm, run by `scripts_test.ts`.
 *
 * @module
 */

import { type Hostile, SPIN } from "../../helpers/hostile.ts";

/** What the unit itself uses is replaced, emptied or forged. */
export const TAMPERING: Hostile[] = [
  { name: "_io is nil", code: "_io = nil", ends: "result", alone: true },
  { name: "_io is another table", code: "_io = { output = print }", ends: "result", alone: true },
  { name: "_io is emptied", code: "for k in pairs(_io) do _io[k] = nil end", ends: "result", alone: true },
  {
    name: "_io has a hostile metatable",
    code:
      `setmetatable(_io, { __index = ${SPIN}, __newindex = ${SPIN}, __len = ${SPIN}, __pairs = ${SPIN}, __gc = ${SPIN}, __mode = "kv", __metatable = 1 })`,
    ends: "result",
    alone: true,
  },
  {
    name: "_io holds itself",
    code: "_io.output = _io _io.input = _io _io.meta = _io _io[_io] = _io",
    ends: "result",
    alone: true,
  },
  {
    name: "_io is a million fields wide",
    code: "for i = 1, 2e5 do _io['k' .. i] = i end",
    ends: ["result", "time", "memory"],
    looks: 100,
    alone: true,
  },
  { name: "_home is nil", code: "_home = nil", ends: "result", alone: true },
  {
    name: "_G has a hostile metatable",
    code: `setmetatable(_G, { __index = ${SPIN}, __newindex = ${SPIN} }) x = 1`,
    ends: "time",
    alone: true,
  },
  {
    name: "_G is emptied",
    code: "local g, next = _G, next for k in next, g do g[k] = nil end",
    ends: "result",
    alone: true,
  },
  {
    name: "_ENV is replaced",
    code: "local error = error _ENV = setmetatable({}, { __index = function() error('no') end }) return x",
    ends: "runtime",
    alone: true,
  },
  {
    name: "the strings' metatable is broken",
    code: `local mt = getmetatable("") mt.__index = ${SPIN} mt.__add = nil mt.__name = {} return ("x"):upper()`,
    ends: "time",
    alone: true,
  },
  {
    name: "the strings' metatable has __gc, __close and __tostring",
    code:
      `local mt = getmetatable("") mt.__gc = error mt.__close = error mt.__tostring = error mt.__len = error return #"abc"`,
    ends: "result",
    returns: 3,
    alone: true,
  },
  {
    name: "type, pairs, next, rawget and setmetatable are replaced",
    code:
      `type = ${SPIN} pairs = type next = type ipairs = type rawget = type rawset = type rawlen = type setmetatable = type getmetatable = type tostring = type error = type pcall = type select = type assert = type`,
    ends: "result",
    alone: true,
  },
  {
    name: "libraries are replaced",
    code: "string, table, math, coroutine, utf8, os = 1, 2, 3, 4, 5, 6",
    ends: "result",
    alone: true,
  },
  {
    name: "the shared metatable of dates is out of reach",
    code:
      "local d, b = _io.date(1), _io.bytes('x') return getmetatable(d) == false and getmetatable(b) == false and not pcall(setmetatable, d, {}) and not pcall(rawset, d, 'ms', 2) and not pcall(function() d.ms = 2 end) and not pcall(rawlen, b)",
    ends: "result",
    returns: true,
  },
  {
    name: "dates and bytes are compared with all there is",
    code:
      "local d, b, n = _io.date(1), _io.bytes('x'), 0 for _, v in ipairs({ d, b, 1, 'x', {}, print, coroutine.create(print), true }) do for _, f in ipairs({ function() return d < v end, function() return v < d end, function() return d <= v end, function() return d - v end, function() return v - d end, function() return d == v, v == d, b == v, v == b end, function() return #v end, function() return b .. v end, function() return d[v] end, function() return b[v] end, function() return b < v end, function() return tostring(v) end }) do pcall(f) n = n + 1 end end return n",
    ends: "result",
    returns: 96,
  },
  {
    name: "dates of any number",
    code:
      "for _, n in ipairs({ 0/0, 1/0, -1/0, 1e300, -1e300, 8.64e15, 8.64e15 + 1, -8.64e15, 0.5, -0.0, math.mininteger, math.maxinteger }) do pcall(function() local d = _io.date(n) return tostring(d), d.year, d + n, d - n end) end return 1",
    ends: "result",
    returns: 1,
  },
  {
    name: "_io.bytes and _io.date with forged arguments",
    code:
      "return pcall(_io.bytes) or pcall(_io.bytes, {}) or pcall(_io.date) or pcall(_io.date, {}) or pcall(_io.array) or pcall(_io.array, 'x') or pcall(_io.array, {}, 'x')",
    ends: "result",
    returns: false,
  },
  {
    name: "nothing opens a file or ends the process",
    code:
      "return dofile == nil and loadfile == nil and package.path == nil and package.searchers == nil and package.loadlib == nil and not pcall(require, 'os.exit') and os.exit == nil and os.execute == nil and os.remove == nil and os.rename == nil and os.tmpname == nil and os.setlocale('de_DE.UTF-8') == nil and os.getenv('PATH') == nil and io.open('/etc/passwd') == nil and io.open('/tmp/x', 'w') == nil and io.read == nil and io.lines == nil and io.popen == nil and io.input == nil and io.output == nil and io.tmpfile == nil and io.stdout.read == nil and io.stdout.lines == nil and debug.getregistry == nil and debug.sethook == nil and debug.getlocal == nil and debug.getupvalue == nil and debug.setupvalue == nil and debug.upvaluejoin == nil and debug.getuservalue == nil and debug.debug == nil",
    ends: "result",
    returns: true,
  },
];
