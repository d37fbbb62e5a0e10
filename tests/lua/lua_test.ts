// Lua 5.4 as its manual says: the areas that the official suite covers, as far as the
// sandbox has them. The chunks assert by themselves; what they return is checked here.

import { assert, assertEquals, assertMatch, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError, type LuaValue } from "@computeunit/cu";

/** What the chunks use: `eq(a, b)` with kinds, `fails(pattern, f, ...)`. */
const PRELUDE = `
  function eq(a, b, note)
    local same = a == b and math.type(a) == math.type(b) or a ~= a and b ~= b
    if same and a == 0 and math.type(a) == "float" then same = 1 / a == 1 / b end
    if not same then
      error(("%s: got %s (%s), expected %s (%s)"):format(
        note or "eq", tostring(a), math.type(a) or type(a), tostring(b), math.type(b) or type(b)), 2)
    end
  end
  function fails(pattern, f, ...)
    local ok, message = pcall(f, ...)
    if ok then error("should fail with " .. pattern, 2) end
    if not tostring(message):find(pattern) then error("fails with " .. tostring(message) .. ", not " .. pattern, 2) end
  end
  function list(...)
    local parts = table.pack(...)
    for i = 1, parts.n do parts[i] = tostring(parts[i]) end
    return table.concat(parts, " ")
  end
`;

function luaTest(name: string, code: string, returns: LuaValue = null): void {
  Deno.test(`Lua: ${name}`, async () => {
    using cu = await ComputeUnit.create();
    cu.compute(PRELUDE);
    assertEquals(cu.compute(code), returns);
  });
}

luaTest(
  "integer and float arithmetic",
  `
  eq(1 + 1, 2) eq(1 + 1.0, 2.0) eq(3 / 2, 1.5) eq(4 / 2, 2.0) eq(2 ^ 2, 4.0) eq(10 // 3, 3) eq(10.0 // 3, 3.0)
  eq(math.maxinteger + 1, math.mininteger) eq(math.mininteger - 1, math.maxinteger)
  eq(math.maxinteger * 2, -2) eq(math.mininteger * -1, math.mininteger) eq(-math.mininteger, math.mininteger)
  eq(math.maxinteger + 1.0, 2.0 ^ 63) eq(math.maxinteger + 0.0, 2 ^ 63)
  eq(-7 // 2, -4) eq(7 // -2, -4) eq(-7 // -2, 3) eq(-7 % 3, 2) eq(7 % -3, -2) eq(-7 % -3, -1)
  eq(-7.5 // 2, -4.0) eq(7.5 % -2, -0.5) eq(-7.5 % 2, 0.5) eq(5.3 % 2 - 1.3 < 1e-15, true)
  eq(math.mininteger // -1, math.mininteger) eq(math.mininteger % -1, 0)
  eq(5 % math.mininteger, math.mininteger + 5)
  eq(1 // 0.0, 1 / 0) eq(-1 // 0.0, -1 / 0) eq(0.0 / 0.0, 0 / 0) eq(1 % math.huge, 1.0)
  eq(-1 % math.huge, math.huge)
  eq(1 % -math.huge, -math.huge) eq(-1 % -math.huge, -1.0) eq(1 // math.huge, 0.0) eq(-1 // math.huge, -0.0)
  eq(5.0 % 0, 0 / 0) eq(-0.0, 0.0 * -1) eq(0.0 // -1, -0.0) eq(1 / -0.0, -math.huge)
  fails("attempt to divide by zero", function() return 1 // 0 end)
  fails("attempt to perform 'n%%0'", function() return 1 % 0 end)
  eq(2 ^ 53 == 2 ^ 53 + 1, true) eq(2 ^ 0.5 == math.sqrt(2), true) eq((-8) ^ (1 / 3), 0 / 0) eq(2 ^ -1, 0.5)
  eq(-2 ^ 2, -4.0) eq(2 ^ 3 ^ 2, 512.0) eq(not nil == true, true) eq(1 .. 2, "12") eq(2 * 3 % 4, 2)
  eq(1e308 * 10, math.huge) eq(5e-324 / 2, 0.0) eq(0x7fffffffffffffff + 0, math.maxinteger)
  eq(0xffffffffffffffff, -1) eq(0x1ffffffffffffffff, -1) eq(9223372036854775808, 2 ^ 63) eq(1e1, 10.0)
  eq(0x.8p1, 1.0)
  eq(0xA, 10) eq(0Xa.8P0, 10.5) eq(3., 3.0) eq(.5, 0.5) eq(0x1p-1074, 5e-324) eq(1e-400, 0.0) eq(1e400, math.huge)
`,
);

luaTest(
  "bitwise operators work on integers and on floats that are integers",
  `
  eq(5 & 3, 1) eq(5 | 3, 7) eq(5 ~ 3, 6) eq(~0, -1) eq(1 << 62, 4611686018427387904) eq(1 << 63, math.mininteger)
  eq(1 << 64, 0) eq(1 << -1, 0) eq(-1 >> 1, math.maxinteger) eq(-1 >> 63, 1) eq(-1 >> 64, 0) eq(2 >> -1, 4)
  eq(1 << math.mininteger, 0) eq(1 >> math.mininteger, 0) eq(2.0 & 3, 2)
  fails("number has no integer representation", function() return 1.5 & 1 end)
  fails("number has no integer representation", function() return 2 ^ 63 | 0 end)
  fails("attempt to perform bitwise operation on a table value", function() return {} & 1 end)
  fails("attempt to perform bitwise operation on a string value", function() return "x" & 1 end)
  eq(1 | 2 ~ 3 & 4 << 1, 3) eq(1 << 2 + 1, 8) eq(~5 & 0xf, 10)
`,
);

luaTest(
  "comparison of integers and floats is exact",
  `
  assert(1 == 1.0) assert(math.maxinteger < 2 ^ 63) assert(math.maxinteger ~= 2 ^ 63)
  assert(math.maxinteger + 0.0 == 2 ^ 63)
  assert(not (math.maxinteger >= 2 ^ 63)) assert(math.mininteger == -2 ^ 63) assert(math.mininteger <= -2 ^ 63)
  assert(2 ^ 53 == (1 << 53)) assert((1 << 53) + 1 > 2 ^ 53) assert((1 << 53) + 1 ~= 2 ^ 53)
  assert(not ((1 << 53) + 1 <= 2 ^ 53))
  assert(math.huge > math.maxinteger) assert(-math.huge < math.mininteger) assert(1 < 1.5) assert(-1 > -1.5)
  assert(2 > 1.9999)
  local nan = 0 / 0
  for _, x in ipairs({ 0, 1.5, math.huge, math.mininteger, nan }) do
    assert(not (nan < x) and not (nan > x) and not (nan <= x) and not (nan >= x) and nan ~= x)
  end
  assert("a" < "b" and "a" < "aa" and "Z" < "a" and "" < "a" and "a\\0b" > "a\\0a" and "a\\0" > "a" and not ("a" < "a"))
  assert("10" < "9") assert("\\xff" > "z") assert(-0.0 == 0.0)
  fails("attempt to compare number with string", function() return 1 < "2" end)
  fails("attempt to compare two table values", function() return {} < {} end)
  fails("attempt to compare nil with number", function() return nil < 1 end)
  fails("attempt to compare two nil values", function() return nil <= nil end)
`,
);

luaTest(
  "integer for loops don't overflow",
  `
  local function run(a, b, c)
    local n, last = 0
    for i = a, b, c or 1 do n = n + 1 last = i if n > 10 then break end end
    return n, last
  end
  local big, small = math.maxinteger, math.mininteger
  eq(list(run(big - 2, big)), "3 " .. big) eq(list(run(small + 2, small, -1)), "3 " .. small)
  eq(list(run(big, big)), "1 " .. big) eq(list(run(1, 0)), "0 nil") eq(list(run(1, 3)), "3 3")
  eq(list(run(3, 1, -2)), "2 1")
  eq(list(run(big - 1, big, 2)), "1 " .. big - 1) eq(list(run(small, big, big)), "3 " .. big - 1)
  eq(list(run(1, math.huge, 1 << 62)), "2 " .. (1 << 62) + 1) eq(list(run(1, -math.huge)), "0 nil")
  eq(list(run(1, 3.9)), "3 3")
  eq(list(run(1, 0 / 0)), "0 nil") eq(list(run(-1, -3.9, -1)), "3 -3") eq(list(run(1, 2.5, 1)), "2 2")
  eq(list(run(1.0, 2)), "2 2.0") eq(list(run(1, 2, 0.5)), "3 2.0") eq(list(run(0.1, 0.35, 0.1)), "3 0.3")
  eq(list(run(3, 2.5, 1)), "0 nil") eq(list(run(1, 3, 1.0)), "3 3.0")
  fails("'for' step is zero", run, 1, 2, 0)
  fails("bad 'for' initial value %(number expected, got table%)", run, {}, 2)
  fails("bad 'for' limit %(number expected, got table%)", run, 1, {})
  fails("bad 'for' step %(number expected, got table%)", run, 1, 2, {})
  local seen = {}
  for i = 1, 3 do local j = i i = i * 10 seen[#seen + 1] = j .. ":" .. i end
  eq(table.concat(seen, " "), "1:10 2:20 3:30")
  local closures = {}
  for i = 1, 3 do closures[i] = function() i = i + 1 return i end end
  eq(list(closures[1](), closures[1](), closures[2]()), "2 3 3")
`,
);

luaTest(
  "numbers are written as C's %.14g writes them",
  `
  local cases = {
  { 0.1, "0.1" }, { 1 / 3, "0.33333333333333" }, { 100.0, "100.0" }, { 1e15, "1e+15" }, { 1e14, "1e+14" }, { 123456789012.0, "123456789012.0" },
  { 2 ^ 53, "9.007199254741e+15" }, { 2 ^ 63, "9.2233720368548e+18" }, { 1e100, "1e+100" }, { 5e-324, "4.9406564584125e-324" },
  { 1e-5, "1e-05" }, { 0.0001, "0.0001" }, { -0.0, "-0.0" }, { 0.0, "0.0" }, { 1 / 0, "inf" }, { -1 / 0, "-inf" }, { 3.14159265358979, "3.1415926535898" },
  { 1e16, "1e+16" }, { 123456.789e3, "123456789.0" }, { -1.5, "-1.5" }, { 99999999999999.9, "1e+14" }, { 0.1 + 0.2, "0.3" },
  { 12345678901234567890, "1.2345678901235e+19" }, { 42, "42" }, { math.mininteger, "-9223372036854775808" }, { math.maxinteger, "9223372036854775807" },
  }
  for _, case in ipairs(cases) do eq(tostring(case[1]), case[2]) eq(case[1] .. "", case[2]) end
  assert(tostring(0 / 0):find("^%-?nan$")) assert(tostring(-(0 / 0)):find("^%-?nan$"))
  assert(tostring(0 / 0) ~= tostring(-(0 / 0)))
  eq(tostring(nil), "nil") eq(tostring(true), "true") assert(tostring({}):find("^table: 0x%x+$"))
  assert(tostring(print):find("^function: "))
`,
);

luaTest(
  "string.format",
  `
  local f = string.format
  eq(f("%d %5d|%-5d|%05d|%+d|% d", 1, 2, 3, 4, 5, 6), "1     2|3    |00004|+5| 6") eq(f("%i", 3.0), "3")
  eq(f("%5.3d", 7), "  007")
  eq(f("%x %X %#x %o %#o", 255, 255, 255, 8, 8), "ff FF 0xff 10 010") eq(f("%x", -1), "ffffffffffffffff")
  eq(f("%c%c%c", 76, 0, 97), "L\\0a") eq(f("%s|%10s|%-10s|%.2s", "a", "b", "c", "def"), "a|         b|c         |de")
  eq(f("%e %.0e %E", 12345.678, 5, 0.1), "1.234568e+04 5e+00 1.000000E-01")
  eq(f("%f %.2f %10.3f|%-10.1f|", 1, 2.346, 3, 4), "1.000000 2.35      3.000|4.0       |" )
  eq(f("%g %g %g %G %#g", 1e20, 0.0001, 100000, 1e-10, 1), "1e+20 0.0001 100000 1E-10 1.00000")
  eq(f("%.3g", 2 ^ 53), "9.01e+15")
  eq(f("%.14g %.17g", 0.1, 0.1), "0.1 0.10000000000000001") eq(f("%.99f", 1 / 3):len(), 101)
  eq(f("%5.1f", -0.04), " -0.0")
  eq(f("%a %A", 1, 0.5), "0x1p+0 0X1P-1") eq(f("%a", 0.1), "0x1.999999999999ap-4") eq(f("%.1a", 1.999), "0x2.0p+0")
  eq(f("%g %g %f", 1 / 0, -1 / 0, 1 / 0), "inf -inf inf") eq(f("%5s%%", "x"), "    x%")
  eq(f("%06.1f|%-6G|%+A|% e", 1 / 0, 1 / 0, 1 / 0, -1 / 0), "   inf|INF   |+INF|-inf")
  local nan = f("%f", 0 / 0)
  eq(f("%5.1f|%+E|%05g", 0 / 0, -(0 / 0), 0 / 0), nan == "nan" and "  nan|-NAN|  nan" or " -nan|+NAN| -nan")
  eq(f("[%.0d] [%.d] [%5.0d] [%.0x] [%#.0x] [%.0o] [%#.0o] [%.0u]", 0, 0, 0, 0, 0, 0, 0, 0), "[] [] [     ] [] [] [] [0] []")
  eq(f("%.20d %+.3d %05.3d %-05d| %#x %#o", -5, 5, 5, 5, 0, 0), "-00000000000000000005 +005   005 5    | 0 0")
  eq(f("%#08x %#8x %-#8X| %u", 255, 255, 255, -1), "0x0000ff     0xff 0XFF    | 18446744073709551615")
  eq(f("[%3c] [%-3c] [%5.2s] [%-5.2s] [%.0s]", 65, 66, "xyz", "xyz", "xyz"), "[  A] [B  ] [   xy] [xy   ] []")
  eq(f("%.0f %.0f %.0f %.0f %#.0f %.1f", 0.5, 1.5, 2.5, 0.6, 3, 0.25), "0 2 2 1 3. 0.2")
  eq(f("%.0e %.0g %#.0e %#.3g %g", 9.5, 95, 1, 100, 999999.5), "1e+01 1e+02 1.e+00 100. 1e+06")
  eq(f("%.3a %.0a %#a %020a %.15a %a %a", 0.1, 1.5, 1, -1, 1, 0, 5e-324),
    "0x1.99ap-4 0x2p+0 0x1.p+0 -0x00000000000001p+0 0x1.000000000000000p+0 0x0p+0 0x1p-1074")
  eq(#f("%p", f), 10) eq(f("%12p|%-12p|", f, f), "  " .. f("%p", f) .. "|" .. f("%p", f) .. "  |")
  eq(f("%s %s %s", nil, true, { 1 } and 12), "nil true 12")
  eq(f("%q", 'a"b\\\\c\\nd\\0e\\r1\\0012'), '"a\\\\"b\\\\\\\\c\\\\\\nd\\\\0e\\\\0131\\\\0012"')
  eq(f("%q", 1 / 3), "0x1.5555555555555p-2")
  eq(f("%q %q %q", 1 / 0, -1 / 0, math.mininteger), "1e9999 -1e9999 0x8000000000000000")
  eq(f("%q %q %q", 5, true, nil), "5 true nil") eq(f("%q", 0 / 0), "(0/0)")
  for _, x in ipairs({ 0.1, 1 / 3, 5e-324, 2 ^ 63, -0.0, 1e308, math.mininteger, math.maxinteger, "\\0\\1\\200x\\n\\r\\"" }) do
    eq(load("return " .. f("%q", x))(), x)
  end
  eq(f("%s", setmetatable({}, { __tostring = function() return "named" end })), "named")
  assert(f("%p", {}):find("^0x%x+$")) eq(f("%p", 1), "(null)")
  eq(f("%d", "10"), "10") eq(f("%s", ("x"):rep(200)), ("x"):rep(200)) eq(f("%-20s|", "é"), "é                  |")
  fails("number has no integer representation", f, "%d", 1.5)
  fails("invalid conversion '%%y' to 'format'", f, "%y", 1)
  fails("bad argument #2 to '[^']+' %(no value%)", f, "%d") fails("invalid conversion", f, "%0123d", 1)
  fails("invalid conversion", f, "%.123d", 1)
  fails("value has no literal form", f, "%q", {})
  fails("'__tostring' must return a string", f, "%s", setmetatable({}, { __tostring = function() return {} end }))
`,
);

luaTest(
  "tonumber and the syntax of numbers",
  `
  local n = tonumber
  eq(n("10"), 10) eq(n("  10  "), 10) eq(n("\\t\\n10\\r "), 10) eq(n("10.0"), 10.0) eq(n("0x1F"), 31)
  eq(n("-0x10"), -16) eq(n("0x1p4"), 16.0) eq(n("0x.1"), 0.0625)
  eq(n("1e1"), 10.0) eq(n(".5"), 0.5) eq(n("5."), 5.0) eq(n("-0"), 0) eq(n("-0.0"), -0.0) eq(n("+1"), 1)
  eq(n("9223372036854775807"), math.maxinteger)
  eq(n("9223372036854775808"), 2 ^ 63) eq(n("-9223372036854775808"), math.mininteger)
  eq(n("0xffffffffffffffffff"), -1)
  for _, s in ipairs({ "", " ", "x", "1x", "0x", "1e", "1e+", "--1", "- 1", "1 2", "inf",
    "nan", "0x1g", "1\\0", "1_000", "0b1", "١", "1,5", ".", "e1", "0x.p1" }) do
  eq(n(s), nil, s) end
  eq(n("10", 2), 2) eq(n("ff", 16), 255) eq(n("FF", 16), 255) eq(n("zZ", 36), 35 * 36 + 35)
  eq(n("-101", 2), -5) eq(n(" 7 ", 8), 7) eq(n("8", 8), nil) eq(n("1.0", 10), nil)
  eq(n("", 10), nil) eq(n("7fffffffffffffff", 16), math.maxinteger) eq(n("ffffffffffffffff", 16), -1)
  eq(n("1e1", 16), 0x1e1)
  fails("base out of range", n, "1", 1) fails("base out of range", n, "1", 37)
  fails("string expected, got number", n, 10, 10)
  eq(n(5), 5) eq(n(5.5), 5.5) eq(n({}), nil) eq(n(nil), nil) eq(n(true), nil) fails("value expected", n)
  eq(math.tointeger(3.0), 3) eq(math.tointeger(3.5), nil) eq(math.tointeger("8"), 8)
  eq(math.tointeger("x"), nil) eq(math.tointeger(2 ^ 63), nil) eq(math.tointeger({}), nil)
  for _, s in ipairs({ "1..2", "0x", "1e", "3x", "08x", "1.2.3", "0xep1q" }) do eq(load("return " .. s), nil, s) end
`,
);

luaTest(
  "strings and numbers are converted to each other",
  `
  eq("10" + 1, 11) eq("10" * "2", 20) eq("0x10" + 0, 16) eq("1e1" + 0, 10.0) eq(" 5 " + 0, 5) eq(-"2", -2)
  eq(-"2.0", -2.0) eq("10" / 2, 5.0) eq("7" // 2, 3) eq("2" ^ 2, 4.0)
  eq(10 .. 20, "1020") eq(1.5 .. "", "1.5") eq(-0.0 .. "", "-0.0") eq(2 ^ 63 .. "", "9.2233720368548e+18")
  eq("10" == 10, false) eq("abc" .. 1, "abc1")
  eq(("5"):rep("3"), "555") eq(math.max("10" + 0, 9), 10) eq(#"10", 2) eq(#tostring(10), 2)
  eq(string.len(123), 3) eq(("x"):sub("1", 1.0), "x")
  fails("attempt to add a 'string' with a 'number'", function() return "x" + 1 end)
  fails("attempt to concatenate a nil value", function() return "x" .. nil end)
  fails("attempt to perform arithmetic on a nil value %(global 'undefined'%)", function() return undefined + 1 end)
  fails("attempt to concatenate a table value %(local 't'%)", function() local t = {} return t .. "" end)
  fails("number has no integer representation", string.rep, "x", 1.5)
  fails("number expected, got string", string.rep, "x", "y")
  local t = { [1] = "int" } eq(t["1"], nil) t["1"] = "string" eq(t[1], "int")
`,
);

luaTest(
  "string functions",
  `
  local s = "hello world"
  eq(s:sub(1, 5), "hello") eq(s:sub(-5), "world") eq(s:sub(0), s) eq(s:sub(20), "") eq(s:sub(3, 2), "")
  eq(s:sub(-100, 2), "he") eq(s:sub(math.mininteger, math.maxinteger), s) eq(s:sub(2, -2), "ello worl")
  eq(list(s:byte()), "104") eq(list(s:byte(1, 3)), "104 101 108") eq(list(s:byte(-1)), "100")
  eq(list(s:byte(20)), "") eq(list(("\\0\\255"):byte(1, -1)), "0 255")
  eq(string.char(), "") eq(string.char(72, 105, 0, 255), "Hi\\0\\xff")
  fails("value out of range", string.char, 256) fails("value out of range", string.char, -1)
  eq(("aBc é"):upper(), "ABC é") eq(("aBc É"):lower(), "abc É") eq(("abc"):reverse(), "cba")
  eq((""):reverse(), "") eq(("a\\0b"):len(), 3)
  eq(("ab"):rep(3), "ababab") eq(("ab"):rep(3, ","), "ab,ab,ab") eq(("ab"):rep(0), "") eq(("ab"):rep(-1), "")
  eq(("ab"):rep(1, ","), "ab") eq((""):rep(1000), "") eq((""):rep(3, "x"), "xx")
  fails("resulting string too large", string.rep, "xx", math.maxinteger)
  eq("\\65\\066\\x41\\u{48}\\u{20AC}\\u{7FFFFFFF}" == "ABAH€\\xfd\\xbf\\xbf\\xbf\\xbf\\xbf", true) eq("a\\z
      b", "ab") eq("a\\
b", "a\\nb") eq([[
x]], "x") eq([==[a]]b]=]c]==], "a]]b]=]c") eq('\\a\\b\\f\\n\\r\\t\\v\\\\\\'\\"', "\\7\\8\\12\\10\\13\\9\\11\\92\\39\\34")
  for _, code in ipairs({ "'\\\\xg'", "'\\\\256'", "'\\\\u{80000000}'", "'\\\\u{}'", "'\\\\q'", "'a\\nb'", "[==[x]=]", "'abc" }) do
  eq(load("return " .. code), nil, code) end
  eq(#"\\0\\0\\0", 3) eq(("x"):len(), 1) eq(("%d"):format(3), "3")
  fails("attempt to index a nil value %(field 'nothing'%)", function() return s.nothing.x end)
`,
);

luaTest(
  "string.find and string.match",
  `
  local s = "hello world from Lua"
  eq(list(s:find("o")), "5 5") eq(list(s:find("o", 6)), "8 8") eq(list(s:find("xyz")), "nil")
  eq(list(s:find("")), "1 0") eq(list(s:find("", 21)), "21 20") eq(list(s:find("", 22)), "nil")
  eq(list(s:find("o", -100)), "5 5")
  eq(list(("a.b"):find(".", 2, true)), "2 2") eq(list(("a+b"):find("+", 1, true)), "2 2")
  eq(list(("a\\0b"):find("\\0")), "2 2") eq(list(("abc"):find("b", -2)), "2 2")
  eq(list(s:find("(o)(.)")), "5 6 o  ")
  eq(s:match("^(%w+)"), "hello") eq(s:match("%u%l+$"), "Lua") eq(list(s:match("(%w+) (%w+)")), "hello world")
  eq(s:match("()ll()"), 3) eq(list(s:match("()ll()")), "3 5") eq(("  x "):match("^%s*(.-)%s*$"), "x")
  eq(("key = value"):match("^(%w+)%s*=%s*(%w+)$"), "key")
  eq(("2024-02-29"):match("(%d+)-(%d+)-(%d+)"), "2024") eq(("a,b,,c"):match(",(,)"), ",")
  eq(("x"):match("y?"), "") eq(("aaa"):match("a-"), "") eq(("aaab"):match("a-b"), "aaab")
  eq(("f(a(b)c)d"):match("%b()"), "(a(b)c)") eq(("THE (quick) fox"):find("%((%a+)%)"), 5)
  eq(("[[x]]"):match("%b[]"), "[[x]]") eq(("((x"):match("%b()"), nil)
  eq(("THE (quick) fox"):gsub("%f[%a]%a+", "w"), "w (w) w") eq(("foo.bar"):match("%f[%w]%w+$"), "bar")
  eq(("x"):match("%f[%z]"), "") eq(("abc"):match("%f[%a]()"), 1)
  eq(("abab"):match("^(ab)%1$"), "ab") eq(("'a\\"b'"):match("(['\\"])(.-)%1"), "'")
  eq(("x]y"):match("[]]"), "]") eq(("x-y"):match("[a-]", 2), "-") eq(("x^y"):match("[x^]+"), "x^")
  eq(("abc"):match("[^%a]"), nil) eq(("é"):match("[\\xc3][\\xa9]"), "é")
  eq(("a%b"):match("%%"), "%") eq(("0x1F"):match("^0[xX](%x+)$"), "1F") eq(("\\n\\t "):match("^%s+$"), "\\n\\t ")
  eq(("a_b"):match("[%w_]+"), "a_b") eq(("!?"):match("%p+"), "!?") eq(("\\1"):match("%c"), "\\1")
  eq(("ab"):match("%g+"), "ab") eq(("AbC"):match("%U+"), "b")
  eq(("x=1, y=2"):match("y=(%d)", 3), "2") eq(("abc"):match("^b", 2), "b") eq(("abc"):find("^b", 2), 2)
  fails("malformed pattern %(ends with '%%'%)", string.find, "a", "%")
  fails("malformed pattern %(missing ']'%)", string.find, "a", "[a")
  fails("unfinished capture", string.find, "a", "(a") eq(("a)"):find("a)"), 1)
  fails("invalid pattern capture", string.find, "a", "a.?)")
  fails("invalid capture index", string.find, "a", "%1")
  fails("missing arguments to '%%b'", string.find, "a", "%b")
  fails("missing '%[' after '%%f'", string.find, "a", "%f")
  fails("too many captures", string.find, "a", ("()"):rep(33))
  fails("malformed pattern", string.find, "a", "[%")
`,
);

luaTest(
  "string.gsub and string.gmatch",
  `
  eq(list(("hello"):gsub("l", "L")), "heLLo 2") eq(list(("hello"):gsub("l", "L", 1)), "heLlo 1")
  eq(list(("hello"):gsub("l", "L", 0)), "hello 0") eq(list(("abc"):gsub("", "-")), "-a-b-c- 4")
  eq(list(("abc"):gsub(".", "%0%0")), "aabbcc 3")
  eq(("hello world"):gsub("(%w+) (%w+)", "%2 %1"), "world hello") eq(("abc"):gsub("b", "%%"), "a%c")
  eq(("abc"):gsub("(b)", "[%1]"), "a[b]c")
  eq(("$name is $age"):gsub("%$(%w+)", { name = "Lua", age = 30 }), "Lua is 30")
  eq(("abc"):gsub("%w", function(c) if c == "b" then return "X" end end), "aXc")
  eq(("abc"):gsub("%w", { a = false, b = 1 }), "a1c")
  eq(("abc"):gsub("(a)(b)", function(a, b) return b .. a end), "bac") eq(("abc"):gsub("^a", "x"), "xbc")
  eq(("aaa"):gsub("^a", "x"), "xaa") eq(("a a"):gsub("a$", "x"), "a x")
  eq(("abc"):gsub("b*", "-"), "-a-c-") eq(("one two"):gsub("()%w+", function(p) return p end), "1 5")
  eq(("x"):gsub("x", "%0%0%0"), "xxx") eq(("a.b"):gsub("%.", ""), "ab")
  eq(("é"):gsub("[\\x80-\\xff]+", "e"), "e")
  fails("invalid capture index %%2", string.gsub, "a", "a", "%2")
  fails("invalid use of '%%' in replacement string", string.gsub, "a", "a", "%x")
  fails("invalid replacement value %(a table%)", string.gsub, "a", "a", function() return {} end)
  fails("string/function/table expected", string.gsub, "a", "a", nil)
  local words = {} for w in ("one two  three"):gmatch("%a+") do words[#words + 1] = w end
  eq(table.concat(words, ","), "one,two,three")
  local pairs_ = {} for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do pairs_[#pairs_ + 1] = k .. v end
  eq(table.concat(pairs_, ","), "a1,b2")
  local at = {} for p in ("abc"):gmatch("()") do at[#at + 1] = p end eq(table.concat(at, ","), "1,2,3,4")
  local n = 0 for _ in ("aaa"):gmatch("^a") do n = n + 1 end eq(n, 0)
  local from = {} for w in ("ab cd ef"):gmatch("%a+", 4) do from[#from + 1] = w end
  eq(table.concat(from, ","), "cd,ef") local back = {}
  for w in ("ab cd"):gmatch("%a", -2) do back[#back + 1] = w end eq(table.concat(back), "cd")
`,
);

luaTest(
  "string.pack, unpack and packsize",
  `
  local pack, unpack, size = string.pack, string.unpack, string.packsize
  for _, case in ipairs({ { "b", -128, 127 }, { "B", 0, 255 }, { "h", -32768, 32767 }, { "H", 0, 65535 },
    { "i", -2 ^ 31 | 0, 2 ^ 31 - 1 | 0 }, { "I", 0, 2 ^ 32 - 1 | 0 }, { "j", math.mininteger, math.maxinteger },
    { "i3", -8388608, 8388607 }, { "I5", 0, (1 << 40) - 1 }, { "i7", -(1 << 55), (1 << 55) - 1 },
    { "l", -2 ^ 31 | 0, 2 ^ 31 - 1 | 0 } }) do
    for _, endian in ipairs({ "<", ">", "=" }) do
      for i = 2, 3 do eq(unpack(endian .. case[1], pack(endian .. case[1], case[i])), case[i], case[1]) end
    end
  end
  eq(pack("<i4", 1), "\\1\\0\\0\\0") eq(pack(">i4", 1), "\\0\\0\\0\\1") eq(pack("<I2", 0x1234), "\\x34\\x12")
  eq(pack("<i16", -2), "\\xfe" .. ("\\xff"):rep(15)) eq(unpack("<i16", pack("<i16", -2)), -2)
  for _, x in ipairs({ 0.0, -0.0, 1.5, 0.1, 1 / 0, -1 / 0, 5e-324, 1e308 }) do
  eq(unpack("<d", pack("<d", x)), x) eq(unpack(">n", pack(">n", x)), x) end
  eq(unpack("f", pack("f", 1.5)), 1.5) eq(unpack("f", pack("f", 0.1)) ~= 0.1, true)
  eq(pack(">d", 1), "\\x3f\\xf0\\0\\0\\0\\0\\0\\0")
  eq(pack("z", "abc"), "abc\\0") eq(pack("s1", "abc"), "\\3abc") eq(pack(">s2", "abc"), "\\0\\3abc")
  eq(list(unpack("z", "abc\\0def")), "abc 5") eq(list(unpack("<s4", "\\3\\0\\0\\0abcd")), "abc 8")
  eq(pack("c5", "abc"), "abc\\0\\0") eq(unpack("c3", "abcdef"), "abc")
  eq(pack("<!4 b i4", 1, 2), "\\1\\0\\0\\0\\2\\0\\0\\0") eq(pack("<!2 b i4", 1, 2), "\\1\\0\\2\\0\\0\\0")
  eq(pack("<b x b", 1, 2), "\\1\\0\\2") eq(pack("<!4 b Xi4 b", 1, 2), "\\1\\0\\0\\0\\2")
  eq(list(unpack("<b x b", "\\1\\0\\2")), "1 2 4")
  eq(size("<!8 b d"), 16) eq(size("b"), 1) eq(size("i4 i4"), 8) eq(size("!8 b Xd d"), 16) eq(size("<i3"), 3)
  eq(size(""), 0) eq(size("c10"), 10)
  eq(list(unpack("<i4 i4", pack("<i4 i4", 10, 20))), "10 20 9") eq(list(unpack("b", "abc", 2)), "98 3")
  eq(list(unpack("b", "abc", -1)), "99 4") eq(list(unpack("", "abc")), "1")
  eq(list(unpack("<i2", "\\xff\\xff")), "-1 3") eq(list(unpack("<I2", "\\xff\\xff")), "65535 3")
  fails("integer overflow", pack, "b", 128) fails("unsigned overflow", pack, "B", 256)
  fails("integral size %(17%) out of limits", pack, "i17", 1)
  fails("data string too short", unpack, "i4", "abc") fails("unfinished string for format 'z'", unpack, "z", "abc") fails("string contains zeros", pack, "z", "a\\0b")
  fails("string longer than given size", pack, "c2", "abc") fails("variable%-%a+ format", size, "s")
  fails("variable%-%a+ format", size, "z") fails("invalid format option 'q'", pack, "q")
  fails("not power of 2", pack, "!3 i4", 1) fails("string length does not fit", pack, "s1", ("x"):rep(256))
  fails("initial position out of string", unpack, "b", "abc", 5)
  fails("16%-byte integer does not fit", unpack, "<I16", ("\\xff"):rep(16))
`,
);

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
  "utf8",
  `
  eq(utf8.char(72, 228, 8364, 128512, 0x10ffff), "Hä€😀\\u{10ffff}") eq(utf8.char(), "")
  eq(utf8.char(0x7fffffff), "\\xfd\\xbf\\xbf\\xbf\\xbf\\xbf") fails("value out of range", utf8.char, -1)
  eq(utf8.charpattern, "[\\0-\\x7F\\xC2-\\xFD][\\x80-\\xBF]*")
  eq(utf8.len("Hä€😀"), 4) eq(utf8.len(""), 0) eq(utf8.len("ä", 2) == nil, true)
  eq(list(utf8.len("a\\x80b")), "nil 2") eq(list(utf8.len("\\xff")), "nil 1")
  eq(list(utf8.len("\\xc0\\x80")), "nil 1") eq(list(utf8.len("\\u{D7FF}")), "1")
  eq(list(utf8.len("\\xed\\xa0\\x80")), "nil 1") eq(list(utf8.len("\\xf4\\x90\\x80\\x80")), "nil 1")
  eq(utf8.len("\\u{7FFFFFFF}", 1, -1, true), 1) eq(utf8.len("Hä€😀", 2), 3) eq(utf8.len("abc", 4), 0)
  eq(utf8.len("abc", -1), 1) fails("out of bounds", utf8.len, "abc", 5)
  eq(list(utf8.codepoint("Hä€", 1, -1)), "72 228 8364") eq(utf8.codepoint("😀"), 128512)
  eq(list(utf8.codepoint("abc", 2, 1)), "") fails("invalid UTF%-8 code", utf8.codepoint, "\\xff")
  fails("out of bounds", utf8.codepoint, "abc", 4) fails("invalid UTF%-8 code", utf8.codepoint, "ä", 2)
  eq(utf8.offset("aä€b", 3), 4) eq(utf8.offset("aä€b", 5), 8) eq(utf8.offset("aä€b", 6), nil)
  eq(utf8.offset("aä€b", -1), 7) eq(utf8.offset("aä€b", -2), 4) eq(utf8.offset("aä€b", 0, 5), 4)
  eq(utf8.offset("abc", 1, 4), 4) fails("initial position is a continuation byte", utf8.offset, "ä", 1, 2)
  fails("position out of bounds", utf8.offset, "abc", 1, 5)
  local seen = {} for p, c in utf8.codes("aä€") do seen[#seen + 1] = p .. ":" .. c end
  eq(table.concat(seen, " "), "1:97 2:228 4:8364") fails("invalid UTF%-8 code", function()
  for _ in utf8.codes("a\\xff") do end end) fails("invalid UTF%-8 code", function()
  for _ in utf8.codes("\\u{200000}") do end end) local n = 0
  for _ in utf8.codes("\\u{200000}", true) do n = n + 1 end eq(n, 1)
  local chars = {} for c in ("añ€"):gmatch(utf8.charpattern) do chars[#chars + 1] = c end eq(#chars, 3)
  eq(chars[2], "ñ")
`,
);

luaTest(
  "math",
  `
  eq(math.floor(3.7), 3) eq(math.floor(-3.7), -4) eq(math.ceil(3.2), 4) eq(math.ceil(-3.2), -3)
  eq(math.floor(5), 5) eq(math.floor(1e100), 1e100) eq(math.ceil(-0.5), -0) eq(math.abs(-5), 5)
  eq(math.abs(math.mininteger), math.mininteger) eq(math.abs(-0.0), 0.0) eq(math.max(1, 2.5, -1), 2.5)
  eq(math.min(3, 1, 2), 1) eq(math.max(1, 1.0), 1) fails("value expected", math.max)
  eq(math.fmod(7, 3), 1) eq(math.fmod(-7, 3), -1) eq(math.fmod(7, -3), 1) eq(math.fmod(-6, 2), 0)
  eq(math.fmod(5.5, 2), 1.5) eq(math.fmod(math.mininteger, -1), 0) eq(math.fmod(1, math.huge), 1.0)
  fails("%(zero%)", math.fmod, 1, 0) eq(math.fmod(1, 0.0), 0 / 0) eq(list(math.modf(3.7)), "3 0.7")
  eq(list(math.modf(-3.5)), "-3 -0.5") eq(list(math.modf(5)), "5 0.0") eq(list(math.modf(1 / 0)), "inf 0.0")
  eq(math.type(1), "integer") eq(math.type(1.0), "float") eq(math.type("1"), nil)
  fails("value expected", math.type) eq(math.ult(1, -1), true) eq(math.ult(-1, 1), false)
  eq(math.sqrt(16), 4.0) eq(math.exp(0), 1.0) eq(math.log(8, 2), 3.0) eq(math.log(100, 10), 2.0)
  eq(math.log(1), 0.0) eq(math.log(0), -math.huge) eq(math.log(-1), 0 / 0)
  assert(math.abs(math.log(27, 3) - 3) < 1e-15)
  assert(math.abs(math.sin(math.pi / 2) - 1) < 1e-15
    and math.abs(math.cos(math.pi) + 1) < 1e-15 and math.abs(math.tan(math.pi / 4) - 1) < 1e-15
      and math.abs(math.asin(1) - math.pi / 2) < 1e-15 and math.abs(math.acos(-1) - math.pi) < 1e-15
      and math.abs(math.atan(1, -1) - 3 * math.pi / 4) < 1e-15 and math.abs(math.deg(math.pi) - 180) < 1e-12
      and math.abs(math.rad(180) - math.pi) < 1e-15)
  eq(math.atan(0.0, -1), math.pi) eq(math.atan(-0.0, -1), -math.pi) eq(math.maxinteger, 0x7fffffffffffffff)
  eq(math.mininteger, 1 << 63) eq(math.huge, 1 / 0)
  eq(math.pi > 3.14159265358979 and math.pi < 3.1415926535898, true)
  math.randomseed(42) local a, b, c = math.random(), math.random(10), math.random(-5, 5) math.randomseed(42)
  eq(math.random(), a) eq(math.random(10), b) eq(math.random(-5, 5), c)
  assert(a >= 0 and a < 1 and b >= 1 and b <= 10) eq(math.type(math.random(0)), "integer")
  eq(math.random(3, 3), 3) fails("interval is empty", math.random, 0, -1)
  fails("interval is empty", math.random, 2, 1) fails("wrong number of arguments", math.random, 1, 2, 3)
  for _ = 1, 100 do local r = math.random(math.mininteger, math.maxinteger) eq(math.type(r), "integer") end
  local buckets = {} for _ = 1, 6000 do local r = math.random(6) buckets[r] = (buckets[r] or 0) + 1 end
  for i = 1, 6 do assert(buckets[i] > 700 and buckets[i] < 1300, buckets[i]) end
`,
);

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

luaTest(
  "numerals below 0 keep their sign when they underflow",
  `
  for _, s in ipairs({ "0x1p-1080", "0x1p-1075", "0x.0p0", "0x0p0", "0x0p-9999999999999", "0e0", "0.0", "1e-400", ".0" }) do
    local text, literal = tonumber("-" .. s), load("return -" .. s)()
    eq(list(1 / text, 1 / literal, 1 / (-tonumber(s)), text, literal), "-inf -inf -inf -0.0 -0.0")
    eq(1 / tonumber(s), math.huge) eq(1 / load("return - " .. s)(), -math.huge) eq(1 / load("return -(-" .. s .. ")")(), math.huge)
    eq(1 / load("local a <const> = -" .. s .. " return a")(), -math.huge) eq(1 / ("-" .. s) * 1, -math.huge)
  end
  eq(-0x1p-1080 == 0, true) eq(tostring(-0x1p-1080), "-0.0") eq(("%g"):format(-0x1p-1080), "-0")
  eq(list(tonumber("-0x1p-1074"), tonumber("-0x1.8p-1075")), "-4.9406564584125e-324 -4.9406564584125e-324")
  eq(list(tonumber("-0"), tonumber("-0x0"), -0, math.type(tonumber("-0"))), "0 0 0 integer")
`,
);

luaTest(
  "what Lua 5.3 had, as Lua's own makefile builds it",
  `
  local function near(x, y) assert(math.abs(x - y) <= 4e-16 * math.abs(y), list(x, y)) end
  eq(math.pow(2, 10), 1024.0) eq(math.log10(1000), 3.0) eq(math.ldexp(0.5, 3), 4.0) eq(list(math.frexp(10)), "0.625 4")
  eq(math.atan2(1, 2), math.atan(1, 2)) eq(list(math.frexp(0)), "0.0 0") eq(math.ldexp(1, 2000), math.huge)
  near(math.cosh(1), 1.5430806348152437) near(math.sinh(1), 1.1752011936438014) near(math.tanh(1), 0.7615941559557649)
  near(math.cosh(-5), 74.20994852478785) near(math.sinh(-5), -74.20321057778875) near(math.tanh(-5), -0.9999092042625951)
  near(math.sinh(1e-8), 1e-8) near(math.tanh(0.3), 0.2913126124515909) near(math.sinh(0.3), 0.3045202934471426)
  near(math.sinh(0.999), 1.1736587003524517) near(math.cosh(710), 1.1169973830808557e308)
  eq(list(math.cosh(0), 1 / math.sinh(-0.0), 1 / math.tanh(-0.0), math.tanh(1000), math.tanh(-math.huge)), "1.0 -inf -inf 1.0 -1.0")
  eq(list(math.cosh(-math.huge), math.sinh(-math.huge), math.cosh(711)), "inf -inf inf")
  eq(math.sinh(0/0) ~= math.sinh(0/0), true) eq(math.cosh(0/0) ~= math.cosh(0/0), true) eq(math.tanh(0/0) ~= math.tanh(0/0), true)
  fails("number expected, got no value", math.cosh) fails("number expected, got no value", math.pow, 1)
  local mt = { __lt = function(a, b) return a.v < b.v end }
  local a, b = setmetatable({ v = 1 }, mt), setmetatable({ v = 2 }, mt)
  eq(list(a <= b, b <= a, a >= b, b >= a, a <= a), "true false false true true")
  fails("attempt to compare two table values", function() return {} <= {} end)
  fails("attempt to compare table with number", function() return setmetatable({}, {}) <= 1 end)
  local waits = { __lt = function() return coroutine.yield("asked") end }
  local p, q = setmetatable({}, waits), setmetatable({}, waits)
  local co = coroutine.wrap(function() local r = p <= q if p <= q then return r, "less" end return r, "not less" end)
  eq(co(), "asked") eq(co(true), "asked") eq(list(co(true)), "false not less")
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
  fails("number has no integer representation", os.date, "%c", 1.5) eq(os.difftime(10, 5), 5.0)
  eq(os.difftime(5, 10), -5.0) local c = os.clock() assert(math.type(c) == "float" and c >= 0)
  for _ = 1, 1e5 do end assert(os.clock() >= c)
`,
);

/** A chain of so many tables, of which the last has `deep`, and a function that reads each field. */
const CHAIN = `
  local function chain(links)
    local last = { deep = "found", name = function(self) return self.own end }
    local o = last
    for _ = 1, links do o = setmetatable({}, { __index = o }) end
    o = rawget(o, "deep") and o or setmetatable({ own = "own" }, { __index = o })
    return o, last
  end
`;

Deno.test("Lua: fields and methods come from chains of __index of any length", async () => {
  using cu = await ComputeUnit.create();
  for (const links of [1, 2, 7, 8, 9, 10, 100, 1900]) {
    const code = `${CHAIN} local o, last = chain(${links})
      local results = { o.deep, o:name(), o.absent == nil, pcall(function() return o:absent() end) }
      last.deep = nil results[#results + 1] = o.deep == nil
      setmetatable(last, { __index = function(t, k) return t == last and k .. "!" end })
      results[#results + 1] = o.deep results[#results + 1] = o.any
      return results`;
    const [deep, own, isNil, called, message, isGone, ...further] = cu.compute<LuaValue[]>(code);
    assertEquals([deep, own, isNil, called, isGone, ...further], ["found", "own", true, false, true, "deep!", "any!"]);
    assertStringIncludes(String(message), "attempt to call a nil value (method 'absent')");
  }
});

Deno.test("Lua: what a chain of __index gives changes with its tables and metatables", async () => {
  using cu = await ComputeUnit.create();
  const code = `
    local seen = {}
    local function look(o) local x = o.x seen[#seen + 1] = x == nil and "nil" or tostring(x) end
    local a, b, c, mt = { x = "a" }, { x = "b" }, {}, {}
    local o = setmetatable({}, mt)
    look(o) mt.__index = c look(o) setmetatable(c, { __index = a }) look(o)
    c.x = "c" look(o) c.x = nil look(o) c.x = false look(o) c.x = nil
    mt.__index = b look(o) mt.__index = nil look(o) mt.__index = c look(o)
    getmetatable(c).__index = 5 local ok, message = pcall(look, o)
    seen[#seen + 1] = message:gsub("^.*: ", "")
    getmetatable(c).__index = "text" local upper = o.upper seen[#seen + 1] = tostring(upper == string.upper)
    setmetatable(o, nil) look(o) o.x = "own" look(o)
    return table.concat(seen, " ")
  `;
  const expected = "nil nil a c a false b nil a attempt to index a number value true nil own";
  assertEquals(cu.compute(code), expected);
});

Deno.test("Lua: methods of strings follow the string library and its metatable", async () => {
  using cu = await ComputeUnit.create();
  const code = `
    local s, seen, mt = "abc", {}, getmetatable("")
    seen[1] = s:upper() seen[2] = s.absent == nil
    function string.twice(self) return self .. self end seen[3] = s:twice()
    setmetatable(string, { __index = { thrice = function(self) return self:rep(3) end } }) seen[4] = s:thrice()
    setmetatable(string, nil) string.twice = nil
    seen[5] = select(2, pcall(function() return s:twice() end))
    mt.__index = function(text, key) return function() return text .. "." .. key end end seen[6] = s:any()
    mt.__index = nil seen[7] = select(2, pcall(function() return s:upper() end))
    mt.__index = string
    return seen
  `;
  assertEquals(cu.compute<LuaValue[]>(code).map((value) => String(value).replace(/^.*?: /, "")), [
    "ABC",
    "true",
    "abcabc",
    "abcabcabc",
    "attempt to call a nil value (method 'twice')",
    "abc.any",
    "attempt to index a string value (upvalue 's')",
  ]);
});

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

Deno.test("Lua: error messages name a library function that pcall calls", async () => {
  using cu = await ComputeUnit.create();
  for (const name of ["string.rep", "table.concat", "math.floor", "utf8.char", "coroutine.resume", "os.time"]) {
    const [, short] = name.split(".");
    const code = `return select(2, pcall(${name}, ${name === "os.time" ? 5 : "print"}))`;
    assertMatch(cu.compute<string>(code), new RegExp(`bad argument #1 to '(${name}|${short})'`), name);
  }
});

Deno.test("Lua: error messages name what was wrong", async () => {
  using cu = await ComputeUnit.create();
  const cases: [string, string | RegExp][] = [
    ["return 1 // 0", "attempt to divide by zero"],
    ["return 1 % 0", "attempt to perform 'n%0'"],
    ["local t = {} t.a.b = 1", "attempt to index a nil value (field 'a')"],
    ["return #5", "attempt to get length of a number value"],
    ["return {} .. 'x'", "attempt to concatenate a table value"],
    ["return {} < 1", "attempt to compare table with number"],
    ["undefined()", "attempt to call a nil value (global 'undefined')"],
    ["local s = 'x' return s:nope()", "attempt to call a nil value (method 'nope')"],
    ["return 1.5 | 1", "number has no integer representation"],
    ["return ('x'):rep(1e10)", "resulting string too large"],
    ["return math.floor({})", "bad argument #1 to 'floor' (number expected, got table)"],
    ["return setmetatable({}, { __index = function() error('deep') end }).x", "deep"],
    ["for i = 1, 10, 0 do end", "'for' step is zero"],
    ["return table.concat({ {} })", "invalid value (table) at index 1 in table for 'concat'"],
    ["return ('x'):find('[')", "malformed pattern (missing ']')"],
    ["goto x", /no visible label 'x' for <goto>/],
    ["local x <close> = 5", "variable 'x' got a non-closable value"],
    ["return tostring()", "bad argument #1 to 'tostring' (value expected)"],
    ["string.format('%d', 'x')", "bad argument #2 to 'format' (number expected, got string)"],
    ["return 2 ^ 63 // 1 | 0", "number has no integer representation"],
  ];
  for (const [code, message] of cases) {
    const error = assertThrows(() => cu.compute(code), LuaError);
    if (typeof message === "string") assertEquals(error.message, message, code);
    else assertMatch(error.message, message);
  }
});
