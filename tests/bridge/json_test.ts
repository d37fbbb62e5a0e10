// JSON texts, in the manner of a well-known suite: what must be read, what must be refused, and what
// is left to whoever reads.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";

const bytesOf = (...bytes: number[]) => Uint8Array.from(bytes);
const textEncoder = new TextEncoder();

/** A text and bytes as one text in bytes. */
function joined(...parts: (string | number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => typeof part === "string" ? [...textEncoder.encode(part)] : part));
}

const ACCEPTED = [
  // Values by themselves, and spaces around them.
  ...'null|true|false|0|-1|1.5|""|"a"|[]|{}'.split("|"),
  " null",
  "null ",
  "\t\n\r true\t\n\r ",
  "[ ]",
  "{ }",
  "[\n]",
  "{\t}",
  " [ 1 , 2 ] ",
  ' { "a" : 1 , "b" : 2 } ',
  // Arrays.
  "[[]]",
  "[[[]]]",
  "[[],[]]",
  "[null]",
  "[null,null]",
  "[1,null,2,null]",
  '[""]',
  "[false]",
  "[[1],[2,[3]]]",
  "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35]",
  // Objects.
  '{"a":{}}',
  '{"a":[]}',
  '{"a":null}',
  '{"":0}',
  '{"":{"":{"":null}}}',
  '{"a":1,"b":{"c":[{"d":2}]}}',
  '{"\\u0061":1}',
  '{"a\\nb":1}',
  '{"\\\\":1,"\\"":2}',
  '{"a\\u0000b":1}',
  '{"__proto__":1,"constructor":{"a":1}}',
  '{"a":1,"a":2}',
  '{"a":1,"b":2,"a":3}',
  '{"a":null,"a":1}',
  '{"a":1,"a":null}',
  '{"a":{"x":1},"a":{}}',
  '[{"a":1},{"a":2},{"a":3},{"a":4}]',
  '[{"a":1,"b":2},{"b":3,"a":4},{"a":5},{"a":6,"b":7,"c":8},{"a":9,"c":10},{}]',
  '[{"a":1,"b":2},{"a":1,"b":2},{"a":1,"b":2,"a":3},{"a":1,"a":2},{"a":1,"a":2},{"a":1,"a":2}]',
  '[{"\\u0061":1},{"\\u0061":2},{"a":3},{"a":4},{"\\u0061":5}]',
  '[{"\\\\n":1},{"\\\\n":2},{"\\n":3},{"\\n":4},{"\\\\n":5},{"\\n":6}]',
  '[{"a":{"b":{"c":1}}},{"a":{"b":{"c":2}}},{"a":{"b":{"c":3}}},{"a":{"b":{"d":4}}},{"a":{"b":null}}]',
  '[{"a":null,"b":[null]},{"a":null,"b":[null]},{"a":null,"b":[null]},{"a":1,"b":[1]}]',
  `{${Array.from({ length: 33 }, (_, i) => `"k${i}":${i}`)}}`,
  `[${Array.from({ length: 4 }, () => `{${Array.from({ length: 32 }, (_, i) => `"k${i}":${i}`)}}`)}]`,
  `[${Array.from({ length: 300 }, (_, i) => `{"k${i % 100}":1,"x":${i}}`)}]`,
  `{"${"k".repeat(41)}":1,"${"l".repeat(300)}":{"${"k".repeat(41)}":2}}`,
  // Numbers.
  "-0",
  "-0.0",
  "0.0",
  "0e0",
  "0E+1",
  "-0e-0",
  "1e2",
  "1E2",
  "1e+2",
  "1E-2",
  "1.5e3",
  "123.456e-7",
  "1e22",
  "1e23",
  "100000000000000000000",
  "9007199254740991",
  "-9007199254740991",
  "0.1",
  "0.30000000000000004",
  "1.7976931348623157e308",
  "5e-324",
  "2.2250738585072014e-308",
  "2.2250738585072011e-308",
  "4.9e-324",
  "1e-400",
  "2.4703282292062328e-324",
  "2.4703282292062327e-324",
  "9007199254740993.0",
  "0.000001",
  "0.0000001",
  "1e21",
  "123e20",
  `1.${"0".repeat(800)}1`,
  `0.${"0".repeat(320)}1`,
  `${"1".repeat(300)}`,
  `1e-${"9".repeat(30)}`,
  `0.${"3".repeat(10_000)}`,
  `0e${"9".repeat(30)}`,
  "1.00000000000000011102230246251565404236316680908203125",
  "1.00000000000000011102230246251565404236316680908203124",
  "8.98846567431158e307",
  // Strings.
  '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
  '"\\u0000\\u001f\\u007f"',
  '"\\u00e9\\u20AC\\uFFFF"',
  '"\\ud83d\\ude00"',
  '"\\uD800\\uDC00"',
  '"\\uDBFF\\uDFFF"',
  '"é€😀\u{10ffff}\u2028\u2029\ufeff\x7f"',
  `"${"a".repeat(7)}"`,
  `"${"a".repeat(8)}"`,
  `"${"a".repeat(9)}"`,
  `"${"a".repeat(40)}"`,
  `"${"a".repeat(41)}"`,
  `"${"é".repeat(20)}"`,
  `"${"é".repeat(21)}"`,
  `"${"\\u0061".repeat(40)}"`,
  `"${"\\n".repeat(41)}"`,
  `"${"x".repeat(100_000)}"`,
  `"${"\\ud83d\\ude00".repeat(10)}"`,
  `"${"x".repeat(39)}\\u20ac"`,
  '"\\u005c"',
  '"\\u0022"',
  '"\\\\u0041"',
  '"a\\\\"',
];

const REFUSED = [
  "",
  " ",
  "[",
  "{",
  "]",
  "}",
  "[}",
  "{]",
  "[1",
  "[1,",
  '{"a"',
  '{"a":',
  '{"a":1',
  '{"a":1,',
  '"',
  '"a',
  '"\\',
  '"\\u',
  '"\\u12',
  "[,]",
  "[,1]",
  "[1,]",
  "[1,,2]",
  "[1 2]",
  "[1;2]",
  "[1:2]",
  "[]]",
  "[][]",
  "[1]x",
  "{}}",
  "{,}",
  '{"a":1,}',
  '{"a":1,,"b":2}',
  '{"a" 1}',
  '{"a"::1}',
  '{"a":}',
  '{"a":1 "b":2}',
  "{a:1}",
  "{1:1}",
  "{null:1}",
  "{'a':1}",
  "{[]:1}",
  '{"a":1]',
  '["a":1]',
  "nul",
  "nulll",
  "null1",
  "tru",
  "truE",
  "True",
  "fals",
  "falsy",
  "NULL",
  "undefined",
  "NaN",
  "-NaN",
  "Infinity",
  "-Infinity",
  "inf",
  "+1",
  "-",
  "--1",
  "-a",
  "01",
  "-01",
  "00",
  "1.",
  "-1.",
  ".5",
  "-.5",
  "1.e1",
  "1e",
  "1e+",
  "1e-",
  "1E",
  "1ea",
  "1.5.5",
  "1e5.5",
  "1e5e5",
  "0x10",
  "0b1",
  "1_000",
  "1,5",
  "1 000",
  "१",
  "1a",
  "- 1",
  "1e1000",
  "-1e999",
  "1e309",
  "1.7976931348623159e308",
  `${"9".repeat(400)}`,
  `-${"9".repeat(10_000)}`,
  `1e${"9".repeat(40)}`,
  "'a'",
  '"a\nb"',
  '"a\tb"',
  '"\x00"',
  '"\x1f"',
  '"\\x41"',
  '"\\a"',
  '"\\0"',
  '"\\\'"',
  '"\\U0041"',
  '"\\u{41}"',
  '"\\u004"',
  '"\\u00g1"',
  '"\\u 041"',
  '"\\u+041"',
  '"a" "b"',
  '"a"b',
  "`a`",
  '"a\\',
  "//",
  "/**/",
  "[1]//",
  "/**/1",
  "# a\n1",
  "[1,/* */2]",
  "\u00a01",
  "\u2003[]",
  "\ufeff1",
  "1\ufeff",
  "\v1",
  "\f1",
  "1\0",
  "\0",
  "[\0]",
  "[1\0]",
  "a\0",
  "<a>",
  "*",
  '{"a":1}{',
  '["a",\n4\n,1,',
  "é",
  "😀",
  // Left to whoever reads: half of a pair has no bytes in UTF-8.
  '"\\ud800"',
  '"\\udc00"',
  '"\\ud800\\n"',
  '"\\ud800\\ud800"',
  '"\\udc00\\ud800"',
  '"\\ud800x\\udc00"',
  '{"\\ud800":1}',
  '"\\uD83D\\u0041"',
];

const REFUSED_BYTES = {
  "a byte that begins no character": joined('"', [0x80], '"'),
  "a character cut off": joined('"', [0xc3], '"'),
  "a character cut off by the end": joined('"', [0xe2, 0x82]),
  "a character in more bytes than it has": joined('"', [0xc0, 0xaf], '"'),
  "the same in three": joined('"', [0xe0, 0x80, 0xaf], '"'),
  "the same in four": joined('"', [0xf0, 0x80, 0x80, 0xaf], '"'),
  "half of a pair": joined('"', [0xed, 0xa0, 0x80], '"'),
  "a character beyond the last one": joined('"', [0xf4, 0x90, 0x80, 0x80], '"'),
  "a byte that is in no character": joined('"', [0xff], '"'),
  "five bytes": joined('"', [0xf8, 0x88, 0x80, 0x80, 0x80], '"'),
  "bytes after eight others": joined('"12345678', [0xff], '"'),
  "bytes in a key": joined('{"', [0xff], '":1}'),
  "bytes outside of strings": joined("[", [0xff], "]"),
  "UTF-16": bytesOf(0x5b, 0, 0x5d, 0),
  "a byte order mark of UTF-16": bytesOf(0xff, 0xfe, 0x5b, 0, 0x5d, 0),
};

/** How a text is shown as the name of a test. */
const shown = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);

Deno.test("JSON is read as JSON.parse reads it, from text, from bytes, and in Lua", async () => {
  using cu = await ComputeUnit.create();
  for (const text of ACCEPTED) {
    cu.setInputJson(text);
    const read = cu.compute("_io.output = _io.input return _io.input");
    assertEquals(read, JSON.parse(text), shown(text));
    const written = cu.getOutputJson();
    // JSON.stringify drops the sign of -0; a float beyond 2^53 is written so that it stays one.
    if (!/-0|9007199254740993|10{20}/.test(text)) assertEquals(written, JSON.stringify(JSON.parse(text)), shown(text));
    cu.setInputJson(textEncoder.encode(text));
    assertEquals(cu.compute("return _io.input"), read, shown(text));
    cu.setInput(text);
    cu.compute("local json = require 'json' _io.output = json.decode(_io.input)");
    assertEquals(cu.getOutputJson(), written, shown(text));
    cu.compute("local json = require 'json' _io.output = json.encode(json.decode(_io.input))");
    assertEquals(cu.getOutput(), written, shown(text));
  }
});

Deno.test("JSON that is none is refused, and the unit works as before", async () => {
  using cu = await ComputeUnit.create();
  cu.setInputJson("[1]");
  for (const text of REFUSED) {
    assertThrows(() => cu.setInputJson(text), SyntaxError, "Cannot set input: ", shown(text));
    assertThrows(() => cu.setInputJson(textEncoder.encode(text)), SyntaxError, "Cannot set input: ", shown(text));
    assertEquals(cu.compute("return _io.input"), [1], shown(text));
  }
  for (const text of REFUSED) {
    cu.setInput(text);
    const error = assertThrows(
      () => cu.compute("require('json').decode(_io.input)"),
      LuaError,
      "cannot decode JSON: ",
      shown(text),
    );
    assertEquals([error.kind, error.line], ["runtime", 1]);
  }
  for (const [name, bytes] of Object.entries(REFUSED_BYTES)) {
    assertThrows(() => cu.setInputJson(bytes), SyntaxError, " at line 1, column ", name);
  }
});

Deno.test("JSON cut off anywhere is refused", async () => {
  using cu = await ComputeUnit.create();
  const text = '[{"a":"x\\u00e9\\n","bé":[1.5e3,true,null]},{"a":"€","bé":[-0.1,false,{}]},{"a":"😀","bé":[]}]';
  cu.setInputJson(text);
  assertEquals(cu.compute("return _io.input"), JSON.parse(text));
  const bytes = textEncoder.encode(text);
  for (let length = 0; length < bytes.length; length++) {
    assertThrows(() => cu.setInputJson(bytes.subarray(0, length)), SyntaxError, "line 1, column", `${length}`);
  }
});

Deno.test("JSON names line and column, in UTF-16 units, of what is wrong", async () => {
  using cu = await ComputeUnit.create();
  for (
    const [text, message] of [
      ["", "Unexpected end of JSON input at line 1, column 1"],
      ["[1,\n 2,\n x]", "Unexpected token 'x' at line 3, column 2"],
      ['["é😀", é]', "Unexpected token 'é' at line 1, column 9"],
      ['{"a": 1,\r\n"b" 2}', "Expected ':' after property name at line 2, column 5"],
      ['{"a":1,}', "Expected double-quoted property name at line 1, column 8"],
      ["{1}", "Expected property name or '}' at line 1, column 2"],
      ["[1 2]", "Expected ',' or ']' after array element at line 1, column 4"],
      ['{"a":1 2}', "Expected ',' or '}' after property value at line 1, column 8"],
      ["[1] 2", "Unexpected non-whitespace character after JSON at line 1, column 5"],
      ["01", "Unexpected number at line 1, column 2"],
      ["[-]", "No number after minus sign at line 1, column 3"],
      ["1.x", "Unterminated fractional number at line 1, column 3"],
      ["1ex", "Exponent part is missing a number at line 1, column 3"],
      ["[1e999]", "1e999 is beyond a 64-bit float at line 1, column 2"],
      ['"\\q"', "Bad escaped character in JSON at line 1, column 3"],
      ['"\\u12x4"', "Bad Unicode escape in JSON at line 1, column 6"],
      ['"a\n"', "Bad control character in string literal at line 1, column 3"],
      ['"abc', "Unterminated string in JSON at line 1, column 5"],
      ['["\\ud800"]', "A lone surrogate in a string cannot be passed at line 1, column 3"],
      ["[\u0001]", "Unexpected control character at line 1, column 2"],
    ]
  ) {
    const error = assertThrows(() => cu.setInputJson(text), SyntaxError);
    assertEquals(error.message, `Cannot set input: ${message}`);
  }
});

Deno.test("JSON has integers of 64 bits as they are, other numbers as floats", async () => {
  using cu = await ComputeUnit.create();
  const integers = [
    "9223372036854775807",
    "-9223372036854775808",
    "9007199254740993",
    "-9007199254740993",
    "0",
    "-1",
  ];
  cu.setInputJson(`[${integers}]`);
  assertEquals(
    cu.compute("return math.type(_io.input[1]) .. tostring(_io.input[2] == math.mininteger)"),
    "integertrue",
  );
  cu.compute("_io.output = _io.input");
  assertEquals(cu.getOutputJson(), `[${integers}]`);
  cu.setInputJson("[9223372036854775808, -9223372036854775809, 1e2, 1.0, -0, 0.5]");
  const types = "local t = {} for i, v in ipairs(_io.input) do t[i] = math.type(v) end return table.concat(t, ' ')";
  assertEquals(cu.compute(types), "float float integer integer float float");
});

Deno.test("JSON floats are written so that they read back as the same", async () => {
  using cu = await ComputeUnit.create();
  const floats = [
    "2^53",
    "2^53 + 2",
    "2^60",
    "2.0^62",
    "-2^63",
    "2^63",
    "2^64",
    "1e15 + 0.3",
    "1e100",
    "-0.0",
    "0.1",
    "2^-44",
    "2^-1074",
    "2^-1022",
    "2^1023",
  ];
  for (const float of floats) {
    const code = `local json = require "json" local x = ${float}
        local back = json.decode(json.encode(x)) return back == x and 1 / back == 1 / x, json.encode(x)`;
    const [isSame, text] = cu.computeAll(code);
    assert(isSame, `${float}: ${text}`);
  }
  cu.compute("_io.output = { 2^53 - 1, 2^53, -2^63, 2^64, 1.5e20, 999999999999999868928.0, 1e21, 9e22 }");
  assertEquals(
    cu.getOutputJson(),
    "[9007199254740991,9.007199254740992e+15,-9.223372036854776e+18,1.8446744073709552e+19,1.5e+20," +
      "9.999999999999999e+20,1e+21,9e+22]",
  );
});
