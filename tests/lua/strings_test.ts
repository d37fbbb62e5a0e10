// The string and utf8 libraries as Lua's manual says.

import { luaTest } from "../helpers/lua.ts";

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
