// The language as Lua's manual says, in the areas that the official suite covers, as far as the
// sandbox has them. The chunks assert by themselves; what they return is checked here.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ComputeUnit } from "@computeunit/cu";
import { luaTest } from "../helpers/lua.ts";

luaTest(
  "goto, blocks, locals and assignment",
  `
  do local i = 1 ::top:: if i < 5 then i = i + 1 goto top end eq(i, 5) end
  local out = {} for i = 1, 3 do
  for j = 1, 3 do if j == 2 then goto continue end out[#out + 1] = i .. j ::continue:: end end
  eq(table.concat(out, " "), "11 13 21 23 31 33")
  local fs = {} do
  local k = 0 ::again:: local x = k fs[#fs + 1] = function() return x end k = k + 1 if k < 3 then goto again end end
  eq(list(fs[1](), fs[2](), fs[3]()), "0 1 2")
  eq(load("goto nope"), nil) eq(load("do ::l:: end goto l"), nil) eq(load("::l:: ::l::"), nil) eq(load("goto f local x ::f:: print(x)"), nil) eq(type(load("do goto f local x ::f:: end")), "function")
  eq(load("break"), nil) eq(type(load("while true do break end")), "function") eq(load("return return"), nil)
  eq(load("x = "), nil) eq(load("local 1"), nil) eq(load("f() = 1"), nil) eq(load("(f)"), nil)
  local a, b, c = (function() return 1, 2, 3 end)()
  eq(list(a, b, c), "1 2 3") a, b, c = (function() return 1, 2, 3 end)(), 10
  eq(list(a, b, c), "1 10 nil") a, b = b, a eq(list(a, b), "10 1") local i, t = 1, {} i, t[i] = i + 1, 20
  eq(t[1], 20) eq(i, 2)
  local log = {} local mt = { __newindex = function(_, k, v) log[#log + 1] = k .. v end }
  local p = setmetatable({}, mt) p.a, p.b = 1, 2 eq(#log, 2)
  local function side(v) log[#log + 1] = v return v end
  local q = {} q[side("k1")], q[side("k2")] = side("v1"), side("v2")
  eq(table.concat(log, " ", 3), "k1 k2 v1 v2")
  local x <const> = 5 eq(x, 5) eq(load("local x <const> = 1 x = 2"), nil) eq(load("local x <wrong> = 1"), nil)
  eq(select(2, load("local x <const> = 1 x = 2")):find("attempt to assign to const variable 'x'") ~= nil, true)
  do local x = x + 1 eq(x, 6) end eq(x, 5) local v = 1 do local v = v + 1 end eq(v, 1)
  eq((function(...) local a, b = ... return b end)(1, 2), 2) eq(1 and 2, 2) eq(nil and 1, nil)
  eq(false or nil, nil) eq(nil or false, false) eq(not 0, false) eq("" and 1, 1) local n = 0 repeat
  local done = n >= 3 n = n + 1 until done eq(n, 4) while n > 0 do n = n - 1 if n == 2 then break end end
  eq(n, 2) eq(-3 ^ 2, -9.0) eq(2 ^ -3, 0.125) eq("a" .. "b" == "ab" and 1 < 2, true) eq(1 + 2 < 4, true)
  eq(not 1 == 2, false)
`,
);

luaTest(
  "functions, closures and varargs",
  `
  local function counter() local n = 0 return function() n = n + 1 return n end, function() return n end end
  local inc, get = counter() inc() inc() eq(get(), 2) local inc2, get2 = counter() inc2()
  eq(list(get(), get2()), "2 1")
  local function va(...) return select("#", ...), ... end eq(list(va()), "0")
  eq(list(va(nil, nil)), "2 nil nil") eq(list(va(1, nil)), "2 1 nil") eq(select(-1, 1, 2, 3), 3)
  eq(list(select(2, "a", "b", "c")), "b c") eq(list(select(5, 1)), "") fails("index out of range", select, 0)
  fails("index out of range", select, -2, 1) eq(select("#", table.unpack({ n = 3 }, 1, 3)), 3)
  eq(#{ va(1, 2, 3) }, 4) eq((va(1, 2)), 2) eq(list((va(1, 2))), "2")
  local function tail(n) if n == 0 then return "end" end return tail(n - 1) end eq(tail(100000), "end")
  local function sum(n) if n == 0 then return 0 end return n + sum(n - 1) end eq(sum(10000), 50005000)
  local o = { n = 1 } function o:add(k) self.n = self.n + k return self end function o.static(k) return k end
  eq(o:add(2):add(3).n, 6) eq(o.static(1), 1) function o.a() end o.b = {} function o.b.c(x) return x end
  eq(o.b.c(7), 7) local function f(a, b, ...) return b end eq(f(1), nil) eq(f"x", nil)
  eq(type(type{}), "string") eq(#("x"):rep(3), 3)
  local fs = {} for i = 1, 3 do
  local j = i * 2 fs[i] = { get = function() return j end, set = function(v) j = v end } end fs[1].set(9)
  eq(list(fs[1].get(), fs[2].get()), "9 4") local shared do
  local u = 1 shared = { function() u = u + 1 end, function() return u end } end shared[1]()
  eq(shared[2](), 2)
  local env = { eq = eq } local g = load("x = 1 eq(x, 1) return _ENV", "chunk", "t", env) eq(g(), env)
  eq(env.x, 1) eq(x, nil) local function scoped() local _ENV = { y = 5 } return y end eq(scoped(), 5)
  eq(_G._G, _G) eq(_ENV, _G)
  local function deep(n) if n > 0 then return (deep(n - 1)) end return loadstring == nil end eq(deep(1000), true)
  local many = {} for i = 1, 250 do many[i] = "a" .. i end
  eq(load("local function f(" .. table.concat(many, ",", 1, 200) .. ") return a200 end return f(" .. ("1,"):rep(199) .. "'last')")(), "last")
  eq(load("local " .. table.concat(many, ",", 1, 201)), nil)
  local up = load("local a, b, c = 1, 2, 3 return function() return function() a = a + b + c return a end end")()
  eq(up()(), 6) eq(up()(), 11)
`,
);

luaTest(
  "coroutines",
  `
  local co = coroutine.create(function(a, b) eq(list(a, b), "1 2") local c = coroutine.yield(a + b) eq(c, "x")
  local d, e = coroutine.yield(c .. "y") return d, e end) eq(coroutine.status(co), "suspended")
  eq(list(coroutine.resume(co, 1, 2)), "true 3") eq(list(coroutine.resume(co, "x")), "true xy")
  eq(list(coroutine.resume(co, 5, 6)), "true 5 6") eq(coroutine.status(co), "dead")
  eq(list(coroutine.resume(co)), "false cannot resume dead coroutine")
  local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
  eq(list(gen(), gen(), gen(), (gen())), "1 2 3 nil") fails("cannot resume dead coroutine", gen)
  local bad = coroutine.create(function() error({ code = 7 }) end) local ok, e = coroutine.resume(bad)
  eq(ok, false) eq(e.code, 7) eq(coroutine.status(bad), "dead")
  eq(coroutine.close(bad) == false or true, true)
  local main, is_main = coroutine.running() eq(is_main, true) eq(coroutine.isyieldable(), false)
  fails("attempt to yield from outside a coroutine", coroutine.yield)
  fails("attempt to yield", coroutine.yield, 1) coroutine.wrap(function() local c, m = coroutine.running()
  eq(m, false) eq(coroutine.isyieldable(), true) eq(coroutine.status(c), "running")
  eq(coroutine.status(main), "normal") eq(coroutine.isyieldable(main), false)
  eq(list(coroutine.resume(c)), "false cannot resume non-suspended coroutine") end)()
  local through = coroutine.wrap(function() local ok, v = pcall(function()
  local x = coroutine.yield("in pcall") if x == "raise" then error("raised", 0) end return x end) coroutine.yield(ok, v) return "end" end)
  eq(through(), "in pcall") eq(list(through("raise")), "false raised") eq(through(), "end")
  local meta = setmetatable({}, { __add = function(a, b) return coroutine.yield("add") end,
    __index = function(_, k) return coroutine.yield(k) end, __lt = function() return coroutine.yield("lt") end,
    __concat = function() return coroutine.yield("concat") end, __eq = function() return coroutine.yield("eq") end,
    __call = function(_, v) return coroutine.yield(v) end, __len = function() return coroutine.yield("len") end,
    __newindex = function(_, k) coroutine.yield("new " .. k) end,
    __close = function() coroutine.yield("close") end })
  local m = coroutine.wrap(function()
  local r = { meta + 1, meta.field, meta < meta, meta .. "x", meta == setmetatable({}, getmetatable(meta)), meta("called"), #meta } meta.k = 1
  do local c <close> = meta end
  for k in function() return coroutine.yield("iterator") end do return k end end) eq(m(), "add")
  eq(m(1), "field") eq(m(2), "lt") eq(m(3), "concat") eq(m(4), "eq") eq(m(5), "called") eq(m(6), "len")
  eq(m(7), "new k") eq(m(), "close") eq(m(), "iterator") eq(m("last"), "last")
  local order = {} local sorted = coroutine.wrap(function()
  local ok, e = pcall(table.sort, { 3, 2, 1 }, function(a, b) coroutine.yield() end) coroutine.yield(e) end)
  assert(sorted():find("attempt to yield across a C%-call boundary"))
  local gs = coroutine.wrap(function() return pcall(string.gsub, "x", ".", coroutine.yield) end)
  eq(list(gs()), "false attempt to yield across a C-call boundary")
  local x = coroutine.wrap(function() return xpcall(function() coroutine.yield(1) error("e", 0) end, function(e) return e .. "!" end) end)
  eq(x(), 1) eq(list(x()), "false e!")
  local closed = {} local c = coroutine.create(function()
  local a <close> = setmetatable({}, { __close = function(_, e) closed[#closed + 1] = "a" .. tostring(e) end })
  local b <close> = setmetatable({}, { __close = function() closed[#closed + 1] = "b" end }) coroutine.yield() end) coroutine.resume(c)
  eq(coroutine.close(c), true) eq(table.concat(closed, " "), "b anil") eq(coroutine.status(c), "dead")
  eq(coroutine.close(c), true) c = coroutine.create(function()
  local a <close> = setmetatable({}, { __close = function() error("in close", 0) end }) coroutine.yield() end) coroutine.resume(c)
  eq(list(coroutine.close(c)), "false in close") eq(coroutine.close(coroutine.create(print)), true)
  fails("cannot close a running coroutine", function() coroutine.close(coroutine.running()) end)
  local function perm(a, n) n = n or #a if n <= 1 then coroutine.yield(table.concat(a)) else
  for i = 1, n do a[n], a[i] = a[i], a[n] perm(a, n - 1) a[n], a[i] = a[i], a[n] end end end local all = {}
  for p in coroutine.wrap(function() perm({ 1, 2, 3 }) end) do all[#all + 1] = p end table.sort(all)
  eq(table.concat(all, " "), "123 132 213 231 312 321")
  eq(select("#", coroutine.resume(coroutine.create(function() return table.unpack({}, 1, 200) end))), 201)
  local passed = coroutine.wrap(function(...) while true do coroutine.yield(select("#", ...)) end end)
  eq(passed(nil, nil, nil), 3) fails("function expected", coroutine.create, 1)
`,
);

luaTest(
  "metamethods",
  `
  local log local function logged(name, result) return function(a, b) log = name return result end end
  local mt = {}
  for _, name in ipairs({ "add", "sub", "mul", "div", "mod", "pow", "unm", "idiv", "band", "bor", "bxor", "shl",
    "shr", "bnot", "concat", "len" }) do mt["__" .. name] = logged(name, name) end
  local o = setmetatable({}, mt)
  eq(o + 1, "add") eq(1 + o, "add") eq(o - o, "sub") eq(2 * o, "mul") eq(o / 2, "div") eq(o % 2, "mod")
  eq(o ^ 2, "pow") eq(-o, "unm") eq(o // 2, "idiv") eq(o & 1, "band") eq(1 | o, "bor") eq(o ~ 1, "bxor")
  eq(o << 1, "shl") eq(1.5 >> o, "shr") eq(~o, "bnot") eq(o .. "x", "concat") eq("x" .. o, "concat")
  eq(1 .. o, "concat") eq(#o, "len") eq("x" + o, "add")
  local cmp = { __eq = function(a, b) return a.v == b.v end, __lt = function(a, b) return a.v < b.v end, __le = function(a, b) return a.v <= b.v end }
  local function box(v) return setmetatable({ v = v }, cmp) end eq(box(1) == box(1), true)
  eq(box(1) ~= box(2), true) eq(box(1) < box(2), true) eq(box(2) <= box(2), true) eq(box(3) > box(2), true)
  eq(box(1) >= box(2), false) eq(box(1) == 1, false) eq(rawequal(box(1), box(1)), false)
  local odd = setmetatable({}, { __lt = function() return 1 end, __eq = function() return nil end, __le = function() return nil end })
  eq(odd < 1, true) eq(1 < odd, true) eq(odd <= odd, false)
  eq(odd == setmetatable({}, getmetatable(odd)), false)
  local base = { greet = function(self) return "hi " .. self.name end }
  local class = setmetatable({}, { __index = base, __call = function(c, name) return setmetatable({ name = name }, { __index = c, __tostring = function(s) return "<" .. s.name .. ">" end,
    __name = "Class" }) end })
  local inst = class("bob") eq(inst:greet(), "hi bob") eq(tostring(inst), "<bob>")
  local missing = setmetatable({}, { __index = function(t, k) return k .. "!" end }) eq(missing.x, "x!")
  eq(rawget(missing, "x"), nil) local store = {} local w = setmetatable({}, { __newindex = store }) w.a = 1
  eq(rawget(w, "a"), nil) eq(store.a, 1) rawset(w, "a", 2) w.a = 3 eq(rawget(w, "a"), 3)
  local called = setmetatable({}, { __call = function(self, ...) return select("#", ...), ... end })
  eq(list(called(1, nil)), "2 1 nil") eq(list(pcall(called, 5)), "true 1 5")
  local chain = setmetatable({}, { __call = called }) eq(list(chain(9)), "2 " .. tostring(chain) .. " 9")
  fails("attempt to call a table value", function() return ({})() end)
  for k, v in pairs(setmetatable({}, { __pairs = function(t) return function(_, k) if not k then return 1, 2 end end, t, nil end })) do
  eq(k + v, 3) end
  for i, v in ipairs(setmetatable({}, { __index = function(_, i) if i < 3 then return i * 10 end end })) do
  eq(v, i * 10) end
  local prot = setmetatable({}, { __metatable = "locked" }) eq(getmetatable(prot), "locked")
  fails("cannot change a protected metatable", setmetatable, prot, {}) eq(getmetatable({}), nil)
  eq(getmetatable("").__index, string) fails("nil or table expected", setmetatable, {}, 1)
  assert(tostring(setmetatable({}, { __name = "My" })):find("^My: "))
  fails("attempt to perform arithmetic on a table value", function() return {} + 1 end)
  fails("attempt to compare two My values", function()
  local t = setmetatable({}, { __name = "My" }) return t < setmetatable({}, getmetatable(t)) end)
  fails("'__index' chain too long; possible loop", function()
  local a = {} setmetatable(a, { __index = a }) return a.x end)
  fails("'__newindex' chain too long; possible loop", function()
  local a = {} setmetatable(a, { __newindex = a }) a.x = 1 end)
  eq(#setmetatable({ 1, 2 }, { __len = function() return 10 end }), 10)
  eq(rawlen(setmetatable({ 1, 2 }, { __len = function() return 10 end })), 2)
  local args
  local rec = setmetatable({}, { __div = function(a, b) args = list(type(a), type(b)) return 0 end })
  local _ = 6 / rec eq(args, "number table") _ = rec / 6 eq(args, "table number")
  local left = setmetatable({}, { __add = function() return "left" end })
  local right = setmetatable({}, { __add = function() return "right" end }) eq(left + right, "left")
  eq(5 + right, "right")
  local cat = setmetatable({}, { __concat = function(a, b) return (type(a) == "table" and "T" or a) .. (type(b) == "table" and "T" or b) end })
  eq("a" .. "b" .. cat, "abT") eq(cat .. "a" .. "b", "Tab") eq("a" .. cat .. "b", "aTb")
`,
);

luaTest(
  "to-be-closed variables",
  `
  local log = {}
  local function res(name, fail) return setmetatable({}, { __close = function(_, e) log[#log + 1] = name .. ":" .. tostring(e) if fail then error(fail, 0) end end }) end
  local function take() local s = table.concat(log, " ") log = {} return s end
  do local a <close> = res("a") local b <close> = res("b") log[#log + 1] = "body" end
  eq(take(), "body b:nil a:nil") local function f() local a <close> = res("a") return "r", #log end
  eq(list(f()), "r 0") eq(take(), "a:nil") for i = 1, 2 do
  local a <close> = res("l" .. i) if i == 2 then break end end eq(take(), "l1:nil l2:nil") do goto out
  local _ ::out:: end
  eq(list(pcall(function() local a <close> = res("a")
  local b <close> = res("b") error("E", 0) end)), "false E") eq(take(), "b:E a:E") eq(list(pcall(function()
  local a <close> = res("a") local b <close> = res("b", "B") error("E", 0) end)), "false B")
  eq(take(), "b:E a:B") eq(list(pcall(function() local a <close> = res("a", "A") return 1 end)), "false A")
  eq(take(), "a:nil")
  do local n <close> = nil local fl <close> = false end
  fails("variable 'x' got a non%-closable value", function() local x <close> = {} end)
  fails("variable 'x' got a non%-closable value", function() local x <close> = 1 end)
  eq(load("local x <close>, y <close> = 1, 2"), nil) eq(load("local x <close> = nil x = 1"), nil)
  local function iter()
  local i = 0 return function() i = i + 1 if i <= 2 then return i end end, nil, nil, res("for") end
  for i in iter() do log[#log + 1] = i end eq(take(), "1 2 for:nil") for i in iter() do break end
  eq(take(), "for:nil") pcall(function() for i in iter() do error("x", 0) end end) eq(take(), "for:x")
  local co = coroutine.wrap(function() local a <close> = res("co") coroutine.yield(1) return 2 end)
  eq(co(), 1) eq(take(), "") eq(co(), 2) eq(take(), "co:nil") do local i = 0 ::top:: do
  local a <close> = res("g" .. i) i = i + 1 if i < 3 then goto top end end end
  eq(take(), "g0:nil g1:nil g2:nil") local function many() local a <close> = res("1")
  local b <close> = res("2") return (function() local c <close> = res("3") return "x" end)() end
  eq(many(), "x") eq(take(), "3:nil 2:nil 1:nil")
`,
);

luaTest(
  "garbage: __gc, weak tables, ephemerons",
  `
  local function collect() collectgarbage() collectgarbage() end local log = {}
  for i = 1, 3 do setmetatable({ i }, { __gc = function(o) log[#log + 1] = o[1] end }) end collect()
  eq(table.concat(log, " "), "3 2 1")
  local late = setmetatable({}, {}) getmetatable(late).__gc = function() log[#log + 1] = "never" end late = nil
  collect() eq(#log, 3)
  local back setmetatable({ "o" }, { __gc = function(o) back = o end }) collect() eq(back[1], "o") back = nil
  collect() eq(back, nil) local twice = 0
  local mt mt = { __gc = function(o) twice = twice + 1 if twice < 3 then setmetatable(o, mt) end end } setmetatable({}, mt)
  for _ = 1, 6 do collect() end eq(twice, 3)
  local weak = setmetatable({}, { __mode = "v" }) weak[1] = {} weak[2] = "string" weak[3] = 5 weak.x = print
  local held = {} weak.h = held collect() eq(weak[1], nil) eq(weak[2], "string") eq(weak[3], 5)
  eq(weak.x, print) eq(weak.h, held)
  local keys = setmetatable({}, { __mode = "k" }) keys[{}] = 1 keys[held] = 2 keys.s = {} collect()
  local n = 0 for _ in pairs(keys) do n = n + 1 end eq(n, 2)
  local eph = setmetatable({}, { __mode = "k" }) local k1, k2 = {}, {} eph[k1] = k2 eph[k2] = k1
  local probe = setmetatable({ k1, k2 }, { __mode = "v" }) k1, k2 = nil, nil collect() eq(next(eph), nil)
  eq(probe[1], nil) local a = {} local chain = setmetatable({}, { __mode = "k" }) local cur = a for i = 1, 100
  do local nxt = {} chain[cur] = nxt cur = nxt end cur = nil collect() n = 0
  for _ in pairs(chain) do n = n + 1 end eq(n, 100) a = nil collect() eq(next(chain), nil)
  local all = setmetatable({}, { __mode = "kv" }) all[{}] = 1 all[1] = {} collect() eq(next(all), nil)
  local fin = setmetatable({}, { __mode = "k" }) local seen do
  local o = setmetatable({}, { __gc = function(o) seen = fin[o] end }) fin[o] = "still" end collect()
  eq(seen, "still")
  eq(collectgarbage("isrunning"), true) collectgarbage("stop")
  eq(collectgarbage("isrunning"), false)
  local weak = setmetatable({}, { __mode = "k" }) weak[{}] = true
  local start = collectgarbage("count") repeat local _ = {} until collectgarbage("count") > 3 * start
  assert(next(weak)) collectgarbage("restart") collect() eq(next(weak), nil)
  eq(collectgarbage("incremental"), "incremental") eq(collectgarbage("generational"), "incremental")
  eq(collectgarbage("incremental"), "generational") eq(type(collectgarbage("step")), "boolean")
  fails("invalid option", collectgarbage, "nope") local before = collectgarbage("count") for _ = 1, 1e5 do
  local t = { {} } end collect() assert(collectgarbage("count") < before + 50) collectgarbage("generational")
  local keep = {} for i = 1, 2e4 do keep[i % 100] = { i, tostring(i) } end collect()
  eq(#keep, 99) collectgarbage("incremental")
`,
);

luaTest(
  "errors",
  `
  eq(list(pcall(error, "x", 0)), "false x") eq(list(pcall(error)), "false nil")
  eq(select(2, pcall(error, nil)), nil) local t = {} eq(select(2, pcall(error, t)), t)
  assert(list(pcall(function() error("m") end)):find("^false compute:%d+: m$")) local function lvl() error("two", 2) end
  eq(select(2, pcall(function() lvl() end)):match(": (.*)"), "two") fails("value expected", pcall)
  eq(list(pcall(pcall, error, 5)), "true false 5")
  eq(list(xpcall(function(...) return select("#", ...), ... end, print, 1, 2)), "true 2 1 2")
  eq(list(xpcall(error, function(e) return "H" .. e end, "x", 0)), "false Hx") eq(list(xpcall(function()
  local x = nil + 1 end, function(e) return type(e) end)), "false string")
  eq(select("#", xpcall(error, function() return 1, 2, 3 end)), 2) eq(list(assert(1, 2, 3)), "1 2 3")
  eq(list(pcall(assert, false)), "false assertion failed!") eq(list(pcall(assert, nil, "msg")), "false msg")
  eq(select(2, pcall(assert, false, t)), t) fails("value expected", assert)
  fails("attempt to call a nil value %(global 'undefined'%)", function() undefined() end)
  fails("attempt to call a nil value %(field 'x'%)", function() local t = {} t.x() end)
  fails("bad argument #1 to 'sub' %(string expected, got no value%)", function() string.sub() end)
  fails("bad argument #1 to 'rep' %(number expected, got no value%)", function() ("x"):rep() end)
  fails("string expected, got table", function() string.sub({}) end) fails("value expected", ipairs)
  fails("attempt to index a nil value %(upvalue 't'%)", (function()
  local t return function() return t.x end end)())
  fails("attempt to perform arithmetic on a nil value %(field 'y'%)", function()
  local p = {} return p.y + 1 end)
  fails("attempt to concatenate a boolean value", function() return "x" .. true end)
  fails("number has no integer representation", function() return 1 < 2 and 1.5 // 1 | 2.5 end)
  fails("stack overflow", function() local function r() return 1 + r() end return r() end)
  fails("string slice too long", string.byte, ("x"):rep(1e6), 1, -1)
  eq(select(2, load("x = = 1", "=name")), "name:1: unexpected symbol near '='")
  eq(select(2, load("x = 'abc", "=n")), "n:1: unfinished string near <eof>")
  eq(select(2, load("\\n\\nfor", "@file.lua")), "file.lua:3: <name> expected near <eof>")
  eq(select(2, load("return 1 1", "code line")), '[string "code line"]:1: <eof> expected near \\'1\\'')
  eq(select(2, load("x = }", "first\\nsecond")), '[string "first..."]:1: unexpected symbol near \\'}\\'')
  eq(select(2, load("if x then", "=n")), "n:1: 'end' expected near <eof>")
  eq(select(2, load("\\n(\\n", "=n")):match("near <eof>"), "near <eof>")
  eq(select(2, load("--[[ x", "=n")), "n:1: unfinished long comment (starting at line 1) near <eof>")
`,
);

luaTest(
  "load",
  `
  eq(load("return 1 + 1")(), 2) eq(load(function() return nil end)(), nil)
  local parts, i = { "return ", "1", " + 2" }, 0 eq(load(function() i = i + 1 return parts[i] end)(), 3) i = 0
  eq(load(function() i = i + 1 return i == 1 and "return 7" or "" end)(), 7) eq(load("return ...")(5), 5)
  local env = { y = 9 } eq(load("return y", "c", "t", env)(), 9) eq(load("y = 10", "c", "bt", env)(), nil)
  eq(env.y, 10) fails("attempt to index a nil value %(upvalue '_ENV'%)", load("return z", "c", "t", nil))
  local f, e = load("x", "c", "b") eq(f, nil)
  assert(e:find("attempt to load a text chunk %(mode is 'b'%)")) f, e = load("\\27Lua", "c", "bt") eq(f, nil)
  assert(e:find("binary chunk")) f, e = load(string.dump(function() end), "c", "t") eq(f, nil)
  assert(e:find("attempt to load a binary chunk")) fails("reader function must return a string", function()
  assert(load(function() return {} end)) end) fails("boom", function()
  assert(load(function() error("boom") end)) end) eq(load("#!shebang\\nreturn 1"), nil)
  eq(load("\\u{feff}return 1"), nil) eq(load("return 1;;;; ")  ~= nil, false) eq(load(";;;return 1;")(), 1)
  eq(load("--comment")(), nil) eq(load("--[==[ x ]] ]==] return 2")(), 2) eq(load("")(), nil)
  eq(load("return\\r\\n1\\n\\r+\\r2")(), 3)
  eq(load("local function f() return f end return f() == f")(), true)
  eq(load("return function(...) return ... end")()(4), 4)
  eq(load("return " .. ("("):rep(100) .. "1" .. (")"):rep(100))(), 1)
  eq(load("return '" .. ("x"):rep(1e5) .. "'")():len(), 1e5 | 0) eq(dofile, nil) eq(loadfile, nil)
  eq(type(require), "function") eq(package.searchers, nil) eq(package.path, nil) eq(package.loadlib, nil) eq(loadstring, nil) eq(unpack, nil)
  local big = {}
  for n = 1, 300 do big[n] = "x" .. n .. " = " .. n + 0.5 end local e2 = {} load(table.concat(big, "\\n"), "c", "t", e2)()
  eq(e2.x300, 300.5) local consts = {} for n = 1, 70000 do consts[n] = n .. ".25" end
  local all = load("return { " .. table.concat(consts, ",") .. " }")() eq(#all, 70000)
  eq(all[70000], 70000.25)
  local deepif = ("if true then "):rep(150) .. "x = 5 " .. ("end "):rep(150) load(deepif, "c", "t", e2)()
  eq(e2.x, 5)
`,
);

Deno.test("Lua: results of all kinds arrive", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(cu.computeAll("return 7 // 2, 7 / 2, 7 % -3, 2 ^ 10, 1e15, 10 // 0.0, -7 // 2.0"), [
    3,
    3.5,
    -2,
    1024,
    1e15,
    Infinity,
    -4,
  ]);
  assertEquals(cu.compute("return math.maxinteger // 2"), 4611686018427387903n);
  assertEquals(cu.compute("return ('%5.2f|%-5s|%05d'):format(3.14159, 'ab', 42)"), " 3.14|ab   |00042");
  assertEquals(cu.compute("return { ('a,b,c'):gsub(',', ';') }"), ["a;b;c", 2]);
  assertEquals(cu.compute("return select('#', nil, nil)"), 2);
  assertEquals(cu.compute("local t = {} for w in ('a b c'):gmatch('%a') do t[#t + 1] = w end return t"), [
    "a",
    "b",
    "c",
  ]);
  assertEquals(cu.compute("return string.pack('<i4', 258)"), "\x02\x01\0\0");
  assertEquals(cu.compute("return utf8.char(8364, 128512)"), "€😀");
  assert(Object.is(cu.compute("return -0.0"), -0));
  assert(Object.is(cu.compute("return 0 * -1"), 0));
  assertStrictEquals(cu.compute("return 3 == 3.0"), true);
});
