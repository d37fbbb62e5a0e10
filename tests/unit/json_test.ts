// `require "json"`, and JSON in and out of a unit.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";

Deno.test("json.decode keeps arrays and objects apart, and nulls, and the order of keys", async () => {
  using cu = await ComputeUnit.create();
  const text =
    '{"z":[],"a":{},"list":[null,1,null],"n":null,"0":1,"m":[{"b":1,"a":2},{"b":3,"a":4},{"b":null,"a":[]}]}';
  cu.setInput(text);
  cu.compute("local json = require 'json' _io.output = json.decode(_io.input)");
  assertEquals(cu.getOutputJson(), text);
  assertEquals(cu.compute("return #_io.output.list, _io.output.n == nil"), 3);
  assertEquals(
    cu.compute("_io.output.a.x = 1 _io.output.z[1] = 'y' return require('json').encode(_io.output)"),
    text.replace("[]", '["y"]').replace("{}", '{"x":1}'),
  );
});

Deno.test("json.decode has _io.null for null where it is told", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(
    cu.computeAll(`
        local json = require "json"
        local t = json.decode('{"a":null,"b":[null]}', { nulls = "keep" })
        return t.a == json.null, t.b[1] == _io.null, json.decode("null", { nulls = "keep" }) == json.null,
          json.decode("null", { nulls = "nil" }), json.decode("null"), json.encode(t)`),
    [true, true, true, null, null, '{"a":null,"b":[null]}'],
  );
});

Deno.test("json.decode takes text only, and options that there are", async () => {
  using cu = await ComputeUnit.create();
  for (
    const [code, message] of [
      ["json.decode()", "bad argument #1 to 'decode' (string expected, got no value)"],
      ["json.decode(12)", "bad argument #1 to 'decode' (string expected, got number)"],
      ["json.decode('1', 2)", "bad argument #2 to 'decode' (table expected, got number)"],
      ["json.decode('1', { nuls = 'keep' })", "there is no option 'nuls'"],
      ["json.decode('1', { 'keep' })", "there is no option '1'"],
      ["json.decode('1', { nulls = 'null' })", "nulls must be 'nil' or 'keep'"],
      ["json.encode()", "bad argument #1 to 'encode' (value expected)"],
      ["json.encode(1, { sorted = true })", "there is no option 'sorted'"],
      ["json.encode(1, { indent = 11 })", "indent must be"],
      ["json.encode(1, { indent = -1 })", "indent must be"],
      ["json.encode(1, { indent = 'x' })", "indent must be"],
      ["json.encode(1, { indent = true })", "indent must be"],
      ["json.decode('[1,')", "compute:1: cannot decode JSON: Unexpected end of JSON input at line 1, column 4"],
    ]
  ) {
    const error = assertThrows(() => cu.compute(`local json = require 'json' ${code}`), LuaError, undefined, code);
    assert(`${error.chunk}:${error.line}: ${error.message}`.includes(message), `${code}: ${error.message}`);
  }
});

Deno.test("json.decode reads options of an input, lazy or not", async () => {
  using cu = await ComputeUnit.create();
  for (const lazy of [true, false]) {
    cu.setInput({ options: { indent: 1, sort: true } }, { lazy });
    assertEquals(cu.compute("return require('json').encode({ 1 }, _io.input.options)"), "[\n 1\n]");
  }
});

Deno.test("json.encode writes what JSON.stringify writes", async () => {
  using cu = await ComputeUnit.create();
  const values = [
    { a: [1, "x", null, true, { b: [] }], c: {}, 'é\n"\\': "\u0000\u001f\u007f\u2028é😀/", d: 1.5, e: [[]], f: "" },
    [],
    {},
    [[], {}],
    null,
    true,
    "x",
    0,
    -1.5,
    [{ a: 1, b: 2 }, { a: 3, b: 4 }, { a: 5 }, { b: 6, a: 7 }],
    new Map<string, unknown>([["b", 1], ["a", new Map()]]),
    { at: new Date(0), far: new Date(8.64e15), past: new Date(-1) },
    Array.from({ length: 50 }, (_, i) => ({ [`k${i}`]: i, x: i })),
    "😀".repeat(1000),
    "\n".repeat(1000),
    Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, i])),
    { [`${"k".repeat(600)}`]: 1 },
  ];
  for (const lazy of [true, false]) {
    for (const value of values) {
      cu.setInput(value, { lazy });
      cu.compute("_io.output = _io.input");
      const plain = JSON.parse(
        JSON.stringify(value, (_, part) => part instanceof Map ? Object.fromEntries(part) : part),
      );
      for (const indent of [0, 1, 2, 10, 12, "\t", " \t "]) {
        assertEquals(cu.getOutputJson({ indent }), JSON.stringify(plain, null, indent));
      }
      assertEquals(
        cu.compute("return require('json').encode(_io.input, { indent = 3 })"),
        JSON.stringify(plain, null, 3),
      );
    }
  }
});

Deno.test("json.encode sorts keys where it is told, and else keeps those of an input in order", async () => {
  using cu = await ComputeUnit.create();
  const rows = Array.from({ length: 3 }, (_, i) => ({ z: i, b: { y: 1, x: 2 }, a: 1 }));
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${99 - i}`, i]));
  cu.setInput({ rows, many });
  cu.compute("_io.input.rows[2].c = 1 _io.output = _io.input");
  const [first, , third] = rows;
  assertEquals(JSON.parse(cu.getOutputJson()), { rows: [first, { ...rows[1], c: 1 }, third], many });
  assert(
    cu.getOutputJson().startsWith('{"rows":[{"z":0,"b":{"y":1,"x":2},"a":1},{"z":1,"b":{"y":1,"x":2},"a":1,"c":1}'),
  );
  const sorted = cu.getOutputJson({ sort: true });
  assert(sorted.startsWith('{"many":{"k60":39,'));
  assert(
    sorted.endsWith(
      '"rows":[{"a":1,"b":{"x":2,"y":1},"z":0},{"a":1,"b":{"x":2,"y":1},"c":1,"z":1},{"a":1,"b":{"x":2,"y":1},"z":2}]}',
    ),
  );
  assertEquals(
    cu.compute("return require('json').encode({ b = 1, a = { d = 1, c = 2 }, [2] = 0 }, { sort = true })"),
    '{"2":0,"a":{"c":2,"d":1},"b":1}',
  );
});

Deno.test("json.encode refuses what JSON can't hold, with its path", async () => {
  using cu = await ComputeUnit.create();
  for (
    const [value, message] of [
      ["print", "functions cannot be passed (at output)"],
      ["{ rows = { 1, { handler = print } } }", "functions cannot be passed (at output.rows[2].handler)"],
      ["{ ['a b'] = coroutine.create(print) }", 'coroutines cannot be passed (at output["a b"])'],
      ["0/0", "NaN is no JSON number (at output)"],
      ["{ 1, 1/0 }", "Infinity is no JSON number (at output[2])"],
      ["{ x = { y = -1/0 } }", "-Infinity is no JSON number (at output.x.y)"],
      ["{ '\\xff' }", "bytes that are no UTF-8 have no counterpart in JSON (at output[1])"],
      [
        "{ x = ('a'):rep(50) .. '\\xed\\xa0\\x80' }",
        "bytes that are no UTF-8 have no counterpart in JSON (at output.x)",
      ],
      ["{ ['\\xff'] = 1 }", 'bytes that are no UTF-8 have no counterpart in JSON (at output["?"])'],
      ["{ [true] = 1 }", "neither text nor integers"],
      ["{ [1.5] = 1 }", "neither text nor integers"],
      ["{ { [{}] = 1 } }", "neither text nor integers"],
      ["_io.map({ 1, 2 })", "neither text nor integers"],
      ["_io.map({ [true] = 1 })", "neither text nor integers"],
      ["_io.object({ [1] = 1, ['1'] = 2 })", "an object cannot have the keys of this table"],
      ["{ _io.bytes('ab') }", "bytes have no counterpart in JSON (at output[1])"],
      ["{ d = _io.date(0/0) }", "an invalid date has no counterpart in JSON (at output.d)"],
      [
        "(function() local t = { a = {} } t.a.b = { t } return t end)()",
        "a table contains itself (at output.a.b[1])",
      ],
      ["(function() local t = {} t[1] = t return t end)()", "a table contains itself (at output[1])"],
      ["io.stdout", "userdata cannot be passed (at output)"],
    ]
  ) {
    cu.compute(`_io.output = ${value}`);
    const error = assertThrows(() => cu.getOutputJson(), TypeError, undefined, value);
    assert(error.message.includes(message), `${value}: ${error.message}`);
    const inLua = assertThrows(() => cu.compute("require('json').encode(_io.output)"), LuaError, undefined, value);
    assert(inLua.message.includes(message.replace("at output", "at value")), `${value}: ${inLua.message}`);
    assertEquals(cu.compute("return require('json').encode({ 1 })"), "[1]");
  }
});

Deno.test("json.encode refuses Sets, and Maps whose keys are no strings, of inputs of both kinds", async () => {
  using cu = await ComputeUnit.create();
  for (const lazy of [true, false]) {
    for (
      const [value, message] of [
        [{ s: new Set(["a"]) }, "a Set has no counterpart in JSON (at output.s)"],
        [{ s: new Set() }, "a Set has no counterpart in JSON (at output.s)"],
        [[new Map([[1, 2]])], "neither text nor integers, has no counterpart in JSON (at output[1])"],
        [new Map<unknown, number>([["a", 2], [true, 1]]), "neither text nor integers"],
        [{ f: new Float64Array([1, NaN]) }, "NaN is no JSON number (at output.f[2])"],
      ] as const
    ) {
      cu.setInput(value, { lazy });
      cu.compute("_io.output = _io.input");
      const error = assertThrows(() => cu.getOutputJson(), TypeError, message);
      assert(error.message.startsWith("Cannot get output: "));
    }
    cu.setInput([new Map(), new Float64Array([1.5, 2]), new BigInt64Array([2n ** 62n]), new Int8Array(0)], { lazy });
    cu.compute("_io.output = _io.input");
    assertEquals(cu.getOutputJson(), "[{},[1.5,2],[4611686018427387904],[]]");
  }
});

Deno.test("json.encode writes a table in two places twice", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("local t = { x = 1 } _io.output = { t, t, { t } }");
  assertEquals(cu.getOutputJson(), '[{"x":1},{"x":1},[{"x":1}]]');
});

Deno.test("json.encode runs no metamethods", async () => {
  using cu = await ComputeUnit.create();
  cu.compute(`
      local mt = { __index = function() error "read" end, __pairs = function() error "paired" end, __len = function() return 9 end }
      _io.output = setmetatable({ a = setmetatable({}, mt), b = setmetatable({ 1 }, mt) }, mt)`);
  assertEquals(cu.getOutputJson(), '{"a":{},"b":[1]}');
});

Deno.test("a lazy input of many rows is written as a copied one", async () => {
  using cu = await ComputeUnit.create();
  const rows = Array.from(
    { length: 3000 },
    (_, i) => ({ id: i, name: `é${i}`, tags: [i, { deep: [i] }], none: null }),
  );
  const value = {
    rows,
    map: new Map(rows.slice(0, 100).map((row) => [`k${row.id}`, row])),
    big: Object.fromEntries(rows.map((row) => [`k${row.id}`, row.id])),
  };
  cu.setInput(value, { lazy: false });
  cu.compute("_io.output = _io.input");
  const expected = cu.getOutputJson();
  for (
    const before of [
      "",
      "local x = _io.input.rows[1500].tags[2].deep",
      "for _, row in ipairs(_io.input.rows) do local id = row.id end",
      "for k in pairs(_io.input.map) do break end",
      "for k in pairs(_io.input.rows[3]) do break end",
    ]
  ) {
    cu.setInput(value, { lazy: true });
    cu.compute(`${before} _io.output = _io.input`);
    assertEquals(cu.getOutputJson(), expected, before);
    assertEquals(cu.getOutput(), value as never);
    cu.setInput(value, { lazy: true });
    assertEquals(cu.compute(`${before} return require("json").encode(_io.input)`), expected, before);
  }
});

Deno.test("a lazy input larger than the memory limit can be written", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 16 * 1024 * 1024 });
  const rows = Array.from({ length: 50_000 }, (_, i) => ({ a: i, b: [i], c: { d: i }, e: "x" }));
  cu.setInput(rows, { lazy: true });
  cu.compute("_io.output = _io.input");
  assertEquals(cu.getOutputJson(), JSON.stringify(rows));
});

Deno.test("a lazy input whose getter throws, throws that", async () => {
  using cu = await ComputeUnit.create();
  const cause = new Error("no row today");
  const row = {
    get x(): number {
      throw cause;
    },
  };
  cu.setInput({ rows: [{ x: 1 }, row] }, { lazy: true });
  cu.compute("_io.output = _io.input");
  for (let i = 0; i < 3; i++) {
    const error = assertThrows(() => cu.getOutputJson(), Error, "no row today");
    assertStrictEquals(
      error.cause === undefined || error.cause === cause || (error.cause as Error).cause === cause,
      true,
    );
    assertThrows(() => cu.compute("return require('json').encode(_io.input)"), Error, "no row today");
  }
  assertEquals(cu.compute("return select(2, pcall(require('json').encode, _io.input)) ~= nil"), true);
  cu.compute("_io.output = { 1 }");
  assertEquals(cu.getOutputJson(), "[1]");
});

Deno.test("a lazy input with a function in it is refused with its path", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput({ rows: [{ f: () => 1 }] }, { lazy: true });
  cu.compute("_io.output = _io.input");
  assertThrows(() => cu.getOutputJson(), TypeError, "functions cannot be passed (at input.rows[0].f)");
});

Deno.test("setInputJson gives what setInput gives of the parsed text", async () => {
  using cu = await ComputeUnit.create();
  const text = '{"a":[1,2.5,null,{}],"b":"é\\u0000","c":null}';
  for (const nulls of ["nil", "keep"] as const) {
    const look = "local t = {} for k, v in pairs(_io.input) do t[#t + 1] = k .. type(v) end table.sort(t) return t";
    cu.setInput(JSON.parse(text), { nulls });
    const expected = cu.compute(look);
    cu.setInputJson(text, { nulls });
    assertEquals(cu.compute(look), expected);
    cu.compute("_io.output = _io.input");
    assertEquals(cu.getOutput(), JSON.parse(text));
  }
});

Deno.test("setInputJson takes a part of a buffer", async () => {
  using cu = await ComputeUnit.create();
  cu.setInputJson(new TextEncoder().encode("xx[1]yy").subarray(2, 5));
  assertEquals(cu.compute("return _io.input"), [1]);
});

Deno.test("setInputJson takes texts of which few characters are ASCII", async () => {
  using cu = await ComputeUnit.create();
  for (const unit of ["é", "日", "😀", "a日"]) {
    const value = [unit.repeat(10_000)];
    cu.setInputJson(JSON.stringify(value));
    assertEquals(cu.compute("return _io.input"), value);
  }
});

Deno.test("setInputJson refuses what is no text, and options that there aren't", async () => {
  using cu = await ComputeUnit.create();
  assertThrows(
    () => cu.setInputJson({} as never),
    TypeError,
    "Cannot set input: the text is neither a string nor a Uint8Array, but",
  );
  assertThrows(() => cu.setInputJson('"\ud800"'), TypeError, "lone surrogate");
  assertThrows(() => cu.setInputJson("1", { lazy: true } as never), TypeError, 'there is no option "lazy"');
  assertThrows(() => cu.getOutputJson({ indent: "x" }), RangeError, "indent must be");
  assertThrows(() => cu.getOutputJson({ indent: -1 }), RangeError, "indent must be");
  assertThrows(() => cu.getOutputJson({ indent: NaN }), RangeError, "indent must be");
  assertThrows(() => cu.getOutputJson({ sort: 1 } as never), TypeError, "sort must be true or false");
  cu.compute("_io = {}");
  assertThrows(() => cu.setInputJson("1"), TypeError, "Lua code replaced the global _io");
  assertThrows(() => cu.getOutputJson(), TypeError, "Lua code replaced the global _io");
  cu.clearIo();
  assertEquals(cu.getOutputJson(), "null");
  cu.dispose();
  assertThrows(() => cu.setInputJson("1"), TypeError, "disposed");
  assertThrows(() => cu.getOutputJson(), TypeError, "disposed");
});

Deno.test("require 'json' gives one module, which code may change for itself", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(
    cu.compute("return require 'json' == require 'json' and package.loaded.json == require 'json' and json == nil"),
    true,
  );
  assertEquals(cu.compute("return package.loaded.json == nil"), false);
  using other = await ComputeUnit.create();
  assertEquals(other.compute("return package.loaded.json == nil and package.preload.json == nil"), true);
  assertEquals(other.compute("return require('json').null == _io.null"), true);
});

Deno.test("require 'json' gives the user's own module of that name instead", async () => {
  const found = "return require('json').own";
  {
    using cu = await ComputeUnit.create({ modules: { json: "return { own = 'source' }" } });
    assertEquals(cu.compute(found), "source");
  }
  {
    using cu = await ComputeUnit.create({ modules: { json: { own: "object" } } });
    assertEquals(cu.compute(found), "object");
  }
  {
    const asked: string[] = [];
    using cu = await ComputeUnit.create({
      resolveModule: (name) => {
        asked.push(name);
        return name === "json" ? "return { own = 'resolved' }" : undefined;
      },
    });
    assertEquals(cu.compute(found), "resolved");
    assertEquals(asked, ["json"]);
  }
  {
    using cu = await ComputeUnit.create({ resolveModule: () => undefined });
    assertEquals(cu.compute("return require('json').decode('[1]')"), [1]);
    assertThrows(() => cu.compute("require 'jsom'"), LuaError, "module 'jsom' not found");
  }
  {
    using cu = await ComputeUnit.create();
    assertEquals(
      cu.compute(`package.preload.json = function() return { own = "preloaded" } end ${found}`),
      "preloaded",
    );
  }
});

Deno.test("require 'json' needs no more of an option than it did", async () => {
  await assertRejects(() => ComputeUnit.create({ modules: { string: "return 1" } }), TypeError, "replace");
});
