// The table and os libraries, and keys and sizes of tables, as Lua's manual says.

import { luaTest } from "../helpers/lua.ts";

luaTest(
  "the table library",
  `
  local t = { 1, 2, 3 } table.insert(t, 4) table.insert(t, 1, 0) eq(table.concat(t, ","), "0,1,2,3,4")
  eq(table.remove(t), 4) eq(table.remove(t, 1), 0) eq(table.concat(t, ","), "1,2,3") eq(table.remove({}), nil)
  eq(table.remove({}, 0), nil) eq(table.remove(t, 4), nil) table.insert(t, 4, 9) eq(#t, 4)
  fails("position out of bounds", table.insert, t, 7, 1)
  fails("position out of bounds", table.insert, t, 0, 1)
  fails("wrong number of arguments to 'insert'", table.insert, t)
  fails("wrong number of arguments to 'insert'", table.insert, t, 1, 2, 3)
  fails("position out of bounds", table.remove, t, 7)
  eq(table.concat({}), "") eq(table.concat({ 1, 2.5, "x" }, "-"), "1-2.5-x")
  eq(table.concat({ 1, 2, 3 }, ",", 2), "2,3") eq(table.concat({ 1, 2, 3 }, ",", 2, 2), "2")
  eq(table.concat({ 1, 2, 3 }, ",", 3, 2), "")
  fails("invalid value %(table%) at index 2 in table for 'concat'", table.concat, { 1, {}, 3 })
  eq(list(table.unpack({ 1, nil, 3 }, 1, 3)), "1 nil 3") eq(list(table.unpack({ 1, 2 }, 2)), "2")
  eq(list(table.unpack({}, 1, 0)), "") eq(select("#", table.unpack({}, 1, 255)), 255)
  fails("too many results to unpack", table.unpack, {}, 1, 1e8) eq(table.pack().n, 0)
  eq(table.pack(nil, nil).n, 2)
  eq(table.concat(table.move({ 1, 2, 3 }, 1, 3, 2), ","), "1,1,2,3")
  eq(table.concat(table.move({ 1, 2, 3 }, 2, 3, 1), ","), "2,3,3")
  eq(table.concat(table.move({ 1, 2 }, 1, 2, 1, { 9, 9, 9 }), ","), "1,2,9")
  eq(#table.move({ 1 }, 1, 0, 5), 1) fails("too many elements to move", table.move, {}, math.mininteger, 0, 1)
  fails("destination wrap around", table.move, {}, 1, math.maxinteger, 2)
  local words = { "banana", "apple", "cherry", "Apple", "" } table.sort(words)
  eq(table.concat(words, ","), ",Apple,apple,banana,cherry")
  table.sort(words, function(a, b) return a > b end)
  eq(table.concat(words, ","), "cherry,banana,apple,Apple,") local mixed = { 3, 1.5, -1, 2 ^ 53, 0 }
  table.sort(mixed) eq(table.concat(mixed, " "), "-1 0 1.5 3 9.007199254741e+15")
  local many = {} for i = 1, 2000 do many[i] = (i * 7919) % 2003 end table.sort(many) for i = 2, 2000 do
  assert(many[i - 1] <= many[i]) end fails("attempt to compare", table.sort, { 1, "x", 2 })
  fails("invalid order function", table.sort, { 1, 2, 3, 4, 5, 6 }, function() return true end)
  local log = {}
  local proxy = setmetatable({}, { __len = function() return 3 end, __index = function(_, i) return i * 10 end,
    __newindex = function(_, i, v) log[#log + 1] = i .. "=" .. tostring(v) end })
  eq(table.concat(proxy, ","), "10,20,30") table.insert(proxy, "x") eq(log[1], "4=x")
  eq(list(table.unpack(proxy)), "10 20 30")
  eq(#{ 1, 2, 3, nil }, 3) eq(#{ n = 1 }, 0) eq(next({}), nil) eq(rawlen({ 1, 2 }), 2) eq(rawlen("abc"), 3)
  eq(rawequal(t, t), true) eq(rawequal("a" .. 1, "a1"), true) fails("table expected", rawset, 1, 2, 3)
`,
);

luaTest(
  "keys of tables",
  `
  local t = {} t[1] = "a" t[1.0] = "b" eq(t[1], "b") t[2 ^ 53] = "c" eq(t[1 << 53], "c") t[-0.0] = "zero"
  eq(t[0], "zero") t["1"] = "s" eq(t[1], "b") t[1.5] = "f" eq(t[3 / 2], "f") for k in pairs({ [2.0] = 1 }) do
  eq(k, 2) end
  fails("index is NaN", function() t[0 / 0] = 1 end) fails("index is nil", function() t[nil] = 1 end)
  eq(t[0 / 0], nil) eq(t[nil], nil) t[true] = 1 t[false] = 2 eq(t[true] + t[false], 3) t[print] = "f"
  eq(t[print], "f") t[t] = t eq(t[t][t], t)
  t = { 10, 20, 30, [2] = "no", x = 1, [1 + 3] = 40, "fourth" } eq(t[2], 20) eq(t[4], "fourth") local n = 0
  for _ in pairs(t) do n = n + 1 end eq(n, 5) local f = function() return 1, 2, 3 end eq(#{ f(), f() }, 4)
  eq(#{ f(), nil }, 1) eq(#{ (f()) }, 1) eq(#{ f(), [10] = 1, f() }, 4)
  t = {} for i = 1, 100 do t[i] = i end for i = 1, 100 do t[i] = nil end eq(next(t), nil) t = {}
  for i = 100, 1, -1 do t[i] = i end eq(#t, 100) for k in pairs(t) do t[k] = nil end eq(next(t), nil)
  t = { 1, 2, 3 } for k, v in pairs(t) do t[k] = v * 2 end eq(table.concat(t, ","), "2,4,6") local order = {}
  for i, v in ipairs({ "a", "b", nil, "d" }) do order[#order + 1] = i .. v end
  eq(table.concat(order, ","), "1a,2b") fails("table expected, got nil", function()
  for _ in pairs(nil) do end end)
  fails("attempt to index a nil value %(local 'x'%)", function() local x return x.y end)
  fails("attempt to index a number value %(field 'y'%)", function() local x = { y = 1 } return x.y.z end)
  fails("attempt to call a nil value %(method 'nope'%)", function() return ("x"):nope() end)
  fails("attempt to get length of a nil value %(global 'undefined'%)", function() return #undefined end)
  fails("^invalid key to 'next'$", next, {}, 1)
  fails("^invalid key to 'next'$", function() for _ in next, {}, 1 do end end)
`,
);

luaTest(
  "sizes beyond 32 bits, which size_t has here",
  `
  for _, start in ipairs({ 1 << 32, (1 << 32) + 1, (1 << 32) + 2, 1 << 40, math.maxinteger }) do
    eq(("hello"):sub(start), "") eq(("hello"):sub(start, 2), "") eq(select("#", ("hello"):byte(start)), 0)
    eq(select("#", ("hello"):byte(start, start + 2)), 0) eq(("hello"):find("l", start), nil)
    eq(("hello"):find("", start), nil) eq(("hello"):match(".", start), nil) eq(("hello"):gmatch(".", start)(), nil)
    fails("initial position out of string", string.unpack, "B", "hello", start)
  end
  for _, length in ipairs({ 1 << 32, (1 << 32) + 1, math.maxinteger, -1 }) do
    fails("data string too short", string.unpack, "<s8", string.pack("<i8", length) .. "xyz")
  end
  fails("data string too short", string.unpack, "<s5", "\\1\\0\\0\\0\\1xyz")
  eq(string.unpack("<s8", string.pack("<i8", 3) .. "xyz"), "xyz")
  for _, kilobytes in ipairs({ 20000, 400000, 1 << 21, (1 << 31) - 1 }) do
    collectgarbage() eq(collectgarbage("step", kilobytes), true)
  end
  collectgarbage("incremental", 100, 1000, 30) for _ = 1, 1e4 do local _ = {} end
  collectgarbage("incremental", 200, 100, 13)
`,
);

luaTest(
  "os.time, os.date, os.clock and os.difftime",
  `
  eq(os.time({ year = 1970, month = 1, day = 1, hour = 0 }), 0)
  eq(os.time({ year = 2000, month = 1, day = 1 }), 946728000)
  eq(os.time({ year = 2024, month = 14, day = -3, hour = 25, min = 61, sec = 61 }), os.time({ year = 2025, month = 1, day = 29, hour = 2, min = 2, sec = 1 }))
  local t = { year = 2024, month = 2, day = 30, hour = 12 } os.time(t)
  eq(list(t.year, t.month, t.day, t.hour, t.yday, t.wday, t.isdst), "2024 3 1 12 61 6 false")
  eq(os.time({ year = 1900, month = 1, day = 1, hour = 0 }), -2208988800)
  eq(os.time({ year = "2000", month = "01", day = 1, hour = 0 }), 946684800)
  eq(math.type(os.time()), "integer")
  eq(os.date("!%Y-%m-%dT%H:%M:%S", 951782400), "2000-02-29T00:00:00")
  eq(os.date("!%a %A %b %B %d %j %p %w %y %%", 0), "Thu Thursday Jan January 01 001 AM 4 70 %")
  eq(os.date("!%c", 0), "Thu Jan  1 00:00:00 1970")
  eq(os.date("!%x %X %D %F %T %R", 0), "01/01/70 00:00:00 01/01/70 1970-01-01 00:00:00 00:00")
  eq(os.date("!%I %M %n %t %e %h %C %G %V %u %U %W", 0), "12 00 \\n \\t  1 Jan 19 1970 01 4 00 00")
  eq(os.date("!", 0), "") local d = os.date("!*t", 86399)
  eq(list(d.year, d.month, d.day, d.hour, d.min, d.sec, d.wday, d.yday, d.isdst), "1970 1 1 23 59 59 5 1 false")
  eq(os.time(os.date("*t", 1e9 | 0)), 1e9 | 0) eq(os.date("!%Y", -1), "1969")
  eq(os.date("!%r|%z|%Z|%w|%g|%y", 1e9 | 0), "01:46:40 AM|+0000|UTC|0|01|01")
  fails("field 'day' missing in date table", os.time, { year = 2000, month = 1 })
  fails("field 'year' is not an integer", os.time, { year = 2000.5, month = 1, day = 1 })
  fails("invalid conversion specifier '%%Ez'", os.date, "%Ez")
  fails("invalid conversion specifier '%%Q'", os.date, "%Q") fails("invalid conversion specifier '%%s'", os.date, "%s")
  fails("invalid conversion specifier '%%'", os.date, "%") fails("invalid conversion specifier '%%E'", os.date, "x%E")
  fails("invalid conversion specifier '%%Ox'", os.date, "%Ox")
  eq(list(os.date("!%Ey %EY %OH", 0), os.date("!a\\0%d", 0)), "70 1970 00 a\\0" .. "01") eq(os.date("!%Y %C %y", -62167219201), "-001 00 01")
  eq(list(os.date("!%F", 253402300800), os.date("!%G-W%V-%u", 1104537600)), "+10000-01-01 2004-W53-6")
  eq(list(os.date("!%U %W %V %j", 1735689599), os.date("!%U %W %V %j", 1704067200)), "52 53 01 366 00 01 01 001")
  fails("date result cannot be represented", os.date, "%c", 1 << 60) fails("date result cannot be represented", os.date, "%c", math.mininteger)
  fails("time result cannot be represented", os.time, { year = 2147485547, month = 13, day = 1 })
  fails("field 'year' is out%-of%-bound", os.time, { year = 1 << 40, month = 1, day = 1 })
  eq(os.time({ year = 1969, month = 12, day = 31, hour = 23, min = 59, sec = 59 }), -1)
  eq(os.time({ year = 2000, month = 1, day = 1, isdst = true }), 946728000)
  eq(list(os.getenv("PATH"), os.getenv("HOME")), "nil nil") fails("string expected, got no value", os.getenv)
  eq(list(os.setlocale(), os.setlocale("C"), os.setlocale("POSIX", "all"), os.setlocale("", "time")), "C C C C")
  eq(list(os.setlocale(nil, "collate"), os.setlocale("de_DE.UTF-8"), os.setlocale("C\\0", "ctype")), "C nil nil")
  fails("invalid option 'money'", os.setlocale, "C", "money") fails("string expected, got table", os.setlocale, {})
  fails("number has no integer representation", os.date, "%c", 1.5) eq(os.difftime(10, 5), 5.0)
  eq(os.difftime(5, 10), -5.0) local c = os.clock() assert(math.type(c) == "float" and c >= 0)
  for _ = 1, 1e5 do end assert(os.clock() >= c)
`,
);
