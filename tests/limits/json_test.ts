// Limits of JSON: what a text and a value make the unit do (json_decode.zig, json_encode.zig).

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { assertEndsInTime, CountingClock } from "../helpers/clock.ts";
import { usedBytes } from "../helpers/garbage.ts";
import { testEndless, testWorks } from "../helpers/looks.ts";
import { MIB } from "../helpers/sizes.ts";

/** Globals with the functions, and a text `s`. */
const decoding = (text: string) => `json = require "json" d = json.decode s = ${text}`;
/** The same, and a value `t`. */
const encoding = (code: string) => `json = require "json" e = json.encode ${code}`;
/** A text between quotes. */
const quoted = (unit: string, count: number) => `'"' .. ('${unit}'):rep(${count}) .. '"'`;

testWorks([
  { name: "JSON of numbers", setup: decoding("'[' .. ('1,'):rep(1000000) .. '1]'"), code: "d(s)", looks: 20 },
  { name: "JSON of spaces", setup: decoding("(' '):rep(1 << 24) .. '1'"), code: "d(s)", looks: 8 },
  { name: "JSON of a long string", setup: decoding(quoted("x", 1 << 25)), code: "d(s)", looks: 12 },
  { name: "JSON of a long string of escapes", setup: decoding(quoted("\\\\n", 1 << 22)), code: "d(s)", looks: 40 },
  {
    name: "JSON of a long string of code points",
    setup: decoding(quoted("\\\\u00e9", 1 << 21)),
    code: "d(s)",
    looks: 20,
  },
  { name: "JSON of a long string that isn't ASCII", setup: decoding(quoted("é", 1 << 22)), code: "d(s)", looks: 40 },
  {
    name: "JSON of objects with the same keys",
    setup: decoding(`'[' .. ('{"a":1,"b":2},'):rep(200000) .. '1]'`),
    code: "d(s)",
    looks: 20,
  },
  {
    name: "JSON of objects with other keys",
    setup: `json = require "json" d = json.decode local t = {}
      for i = 1, 50000 do t[i] = ('{"a%d":1,"b%d":2}'):format(i, i) end s = "[" .. table.concat(t, ",") .. "]"`,
    code: "d(s)",
    looks: 15,
  },
  {
    name: "JSON of an object of many keys",
    setup: `json = require "json" d = json.decode local t = {}
      for i = 1, 100000 do t[i] = ('"k%d":1'):format(i) end s = "{" .. table.concat(t, ",") .. "}"`,
    code: "d(s)",
    looks: 10,
  },
  {
    name: "JSON of one key many times",
    setup: decoding(`'{' .. ('"a":1,'):rep(200000) .. '"a":2}'`),
    code: "d(s)",
    looks: 15,
  },
  {
    name: "JSON of deep lists",
    setup: decoding("'[' .. (('['):rep(900) .. (']'):rep(900) .. ','):rep(300) .. '1]'"),
    code: "d(s)",
    looks: 12,
  },
  { name: "JSON of nulls", setup: decoding("'[' .. ('null,'):rep(500000) .. '1]'"), code: "d(s)", looks: 20 },
  { name: "JSON of a number of many digits", setup: decoding("'0.' .. ('3'):rep(1 << 24)"), code: "d(s)", looks: 12 },
  {
    name: "JSON of numbers that are read digit by digit",
    setup: decoding("'[' .. ('9007199254740993.0000000000000000001,'):rep(20000) .. '1]'"),
    code: "d(s)",
    looks: 15,
  },
  {
    name: "JSON that is wrong at its end",
    setup: decoding("'[' .. ('\\n'):rep(1 << 22) .. 'x'"),
    code: "d(s)",
    looks: 5,
  },
  {
    name: "a long list as JSON",
    setup: encoding("t = {} for i = 1, 1 << 20 do t[i] = 1 end"),
    code: "e(t)",
    looks: 20,
  },
  {
    name: "a list of floats as JSON",
    setup: encoding("t = {} for i = 1, 100000 do t[i] = math.random() end"),
    code: "e(t)",
    looks: 8,
  },
  {
    name: "a list of small floats as JSON",
    setup: encoding("t = {} for i = 1, 20000 do t[i] = 5e-324 * i end"),
    code: "e(t)",
    looks: 10,
  },
  { name: "a long string as JSON", setup: encoding("t = ('x'):rep(1 << 25)"), code: "e(t)", looks: 7 },
  { name: "a long string of quotes as JSON", setup: encoding("t = ('\"'):rep(1 << 22)"), code: "e(t)", looks: 8 },
  {
    name: "a long string that isn't ASCII as JSON",
    setup: encoding("t = ('é'):rep(1 << 22)"),
    code: "e(t)",
    looks: 20,
  },
  {
    name: "many tables as JSON",
    setup: encoding("t = {} for i = 1, 100000 do t[i] = { i } end"),
    code: "e(t)",
    looks: 10,
  },
  {
    name: "an object of many keys as JSON",
    setup: encoding("t = {} for i = 1, 50000 do t['k' .. i] = 1 end"),
    code: "e(t)",
    looks: 6,
  },
  {
    name: "objects with few fields in many places as JSON",
    setup: encoding(
      `t = {} for j = 1, 60 do local r = {} for i = 1, 1 << 13 do r["k" .. i] = 1 end for i = 2, 1 << 13 do r["k" .. i] = nil end t[j] = r end`,
    ),
    code: "e(t)",
    looks: 1,
  },
  {
    name: "deep indentation as JSON",
    setup: encoding("t = 1 for i = 1, 900 do t = { t, 1 } end t = { t, t, t, t }"),
    code: "e(t, { indent = 10 })",
    looks: 3,
  },
  {
    name: "a lazy list as JSON",
    setup: "e = require('json').encode",
    code: "e(_io.input)",
    input: Array.from({ length: 5000 }, (_, i) => ({ a: i })),
    lazy: true,
    looks: 20,
  },
]);

testEndless([
  {
    name: "JSON of what is shared at many levels",
    code: "local t = { 1 } for i = 1, 60 do t = { t, t } end require('json').encode(t)",
    ends: ["time", "memory"],
    memoryLimit: 64 * MIB,
  },
  {
    name: "JSON, read again and again",
    code:
      "local json = require 'json' local s = '[' .. ('{},'):rep(1000) .. '1]' while true do pcall(json.decode, s) end",
    ends: ["time"],
  },
  {
    name: "JSON, written again and again",
    code:
      "local json = require 'json' local t = json.decode('[' .. ('{},'):rep(1000) .. '1]') while true do pcall(json.encode, t) end",
    ends: ["time"],
  },
]);

Deno.test("setInputJson and getOutputJson end at the time limit, and the unit works on", async () => {
  const clock = new CountingClock(0);
  using cu = await ComputeUnit.create({ timeLimit: 5, now: clock.now });
  const text = `[${'{"a":[1,2,{"b":"x"}]},'.repeat(50_000)}1]`;
  cu.setInputJson(text);
  cu.compute("_io.output = _io.input");
  const length = cu.getOutputJson().length;
  for (let i = 0; i < 3; i++) {
    clock.stepMs = 1;
    for (const call of [() => cu.setInputJson(text), () => cu.getOutputJson(), () => cu.getOutputJson({ indent: 1 })]) {
      const error = assertThrows(call, LuaError);
      assertEquals([error.kind, error.message], ["time", "time limit of 5 ms exceeded"]);
    }
    clock.stepMs = 0;
    assertEquals(cu.getOutputJson().length, length);
    assertEquals(cu.compute("return require('json').encode(require('json').decode('[1,{}]'))"), "[1,{}]");
  }
  clock.stepMs = 1;
  assertEndsInTime(cu, clock, 5, "require('json').encode(_io.output)");
});

Deno.test("the step limit ends JSON", async () => {
  using cu = await ComputeUnit.create({ stepLimit: 10_000, seed: 1 });
  const error = assertThrows(() => cu.setInputJson(`[${"1,".repeat(20_000)}1]`), LuaError);
  assertEquals(error.kind, "limit");
  cu.setInputJson("[1]");
  assertEquals(cu.compute("return _io.input"), [1]);
});

Deno.test("JSON that takes more memory than there is ends, and the unit works on", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 4 * MIB });
  cu.setInputJson("[1]");
  const before = usedBytes(cu);
  const texts = [
    `[${"[],".repeat(200_000)}1]`,
    `"${"x".repeat(3 * MIB)}"`,
    `"${"\\n".repeat(MIB)}"`,
    "1".repeat(5 * MIB),
    `{${Array.from({ length: 30_000 }, (_, i) => `"k${i}":1`)}}`,
  ];
  for (const text of texts) {
    const { kind } = assertThrows(() => cu.setInputJson(text), LuaError);
    assertEquals(kind, "memory");
    assertEquals(cu.compute("return _io.input"), [1]);
  }
  for (
    const code of [
      "local t = { ('x'):rep(1000) } for i = 1, 12 do t = { t, t } end json.encode(t)",
      "json.encode(('\\0'):rep(1 << 20))",
      "json.decode('[' .. ('[],'):rep(100000) .. '1]')",
      "json.decode('\"' .. ('\\\\n'):rep(1 << 20) .. '\"')",
    ]
  ) {
    const { kind } = assertThrows(() => cu.compute(`local json = require 'json' ${code}`), LuaError, undefined, code);
    assertEquals(kind, "memory");
    assertEquals(cu.compute(`local json = require 'json' return pcall(function() ${code} end)`), false);
  }
  cu.compute("local t = { ('x'):rep(1000) } for i = 1, 12 do t = { t, t } end _io.output = t");
  assertEquals(assertThrows(() => cu.getOutputJson(), LuaError).kind, "memory");
  cu.compute("_io.output = nil");
  const after = usedBytes(cu);
  assert(after - before < 64 * 1024, `${after - before} bytes more`);
});

Deno.test("nesting has 1000 levels, both ways", async () => {
  using cu = await ComputeUnit.create();
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  const objects = (levels: number) => '{"a":'.repeat(levels) + "1" + "}".repeat(levels);
  for (const text of [nested(1000), objects(1000)]) {
    cu.setInputJson(text);
    cu.compute("_io.output = _io.input");
    assertEquals(cu.getOutputJson(), text);
  }
  for (const text of [nested(1001), objects(1001), "[".repeat(1_000_000), '{"a":'.repeat(100_000)]) {
    assertThrows(() => cu.setInputJson(text), RangeError, "Cannot set input: nesting is deeper than 1000 levels");
    cu.setInput(text);
    assertThrows(() => cu.compute("require('json').decode(_io.input)"), LuaError, "nesting is deeper than 1000 levels");
  }
  for (const make of ["t = { t }", "t = { a = t }", "t = { a = t, b = 1, [1] = 2 }"]) {
    cu.compute(`local t = 1 for i = 1, 1000 do ${make} end _io.output = t`);
    cu.getOutputJson();
    cu.compute(`local t = _io.output ${make} _io.output = t`);
    assertThrows(
      () => cu.getOutputJson(),
      RangeError,
      "Cannot get output: nesting is deeper than 1000 levels (at output",
    );
    assertThrows(
      () => cu.compute("require('json').encode(_io.output)"),
      LuaError,
      "nesting is deeper than 1000 levels",
    );
  }
});

Deno.test("JSON ten thousand times costs as much memory as once", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 8 * MIB });
  const text = '{"rows":[{"a":1,"b":"x"},{"a":2,"b":"y"},{"a":3,"b":null}],"n":[null,1],"s":"\\u00e9\\n","d":{"e":{}}}';
  const code = `
    local json = require "json"
    local text = json.encode(_io.input)
    local back = json.decode(text)
    pcall(json.decode, "[1,{\\"a\\":[}") pcall(json.decode, "[[[1]") pcall(json.encode, { { print } }) pcall(json.encode, 0/0)
    _io.output = back
    return text`;
  const call = (i: number) => {
    cu.setInputJson(i % 2 === 0 ? text : text.replaceAll('"a"', `"k${i}"`));
    cu.compute(code);
    if (i % 3 === 0) cu.getOutputJson({ indent: 2 });
    assertThrows(() => cu.setInputJson(text.slice(0, i % text.length)), SyntaxError);
    cu.compute("_io.output.x = print");
    assertThrows(() => cu.getOutputJson(), TypeError);
  };
  for (let i = 0; i < 500; i++) call(i);
  const before = usedBytes(cu);
  for (let i = 0; i < 10_000; i++) call(i);
  const after = usedBytes(cu);
  assert(after - before < 16 * 1024, `${after - before} bytes more`);
});
