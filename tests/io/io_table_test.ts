// The channel `_io`, with the tests that the original request names.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";

Deno.test("_io table exists", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(cu.compute("return type(_io)"), "table");
  assertEquals(cu.compute("return _G._io == _io"), true);
});

Deno.test("can set and get input", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput({ message: "hello", value: 42 });
  cu.compute("_io.output = { receivedMessage = _io.input.message, receivedValue = _io.input.value }");
  assertEquals(cu.getOutput(), { receivedMessage: "hello", receivedValue: 42 });
});

Deno.test("handles nested structures", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput({ user: { name: "Alice", address: { city: "NYC", zip: "10001" } } });
  cu.compute("_io.output = { city = _io.input.user.address.city }");
  assertEquals(cu.getOutput(), { city: "NYC" });
});

Deno.test("handles arrays", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput({ numbers: [1, 2, 3, 4, 5] });
  cu.compute("local sum = 0; for i, n in ipairs(_io.input.numbers) do sum = sum + n end; _io.output = { sum = sum }");
  assertEquals(cu.getOutput(), { sum: 15 });
});

Deno.test("clearIo resets state", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput({ value: 123 });
  cu.setMetadata({ a: 1 });
  cu.compute("_io.output = 1; _io.extra = 2; _io[7] = 3");
  cu.clearIo();
  assertEquals(cu.getOutput(), null);
  assertEquals(cu.getMetadata(), null);
  cu.compute("_io.output = { hasInput = _io.input ~= nil, extra = _io.extra, seven = _io[7] }");
  assertEquals(cu.getOutput(), { hasInput: false });
});

Deno.test("handles large datasets", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput({ data: Array.from({ length: 10_000 }, (_, i) => i) });
  cu.compute(
    "local count = 0; for i, v in ipairs(_io.input.data) do count = count + 1 end; _io.output = { count = count }",
  );
  assertEquals(cu.getOutput(), { count: 10_000 });
});

Deno.test("preserves types", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput({ nullValue: null, boolTrue: true, boolFalse: false, number: 42, string: "hello" });
  cu.compute(`
    _io.output = {
      nullType = type(_io.input.nullValue),
      boolTrueType = type(_io.input.boolTrue),
      numberType = type(_io.input.number),
      stringType = type(_io.input.string),
      boolTrueValue = _io.input.boolTrue,
      boolFalseValue = _io.input.boolFalse,
    }
  `);
  assertEquals(cu.getOutput(), {
    nullType: "nil",
    boolTrueType: "boolean",
    numberType: "number",
    stringType: "string",
    boolTrueValue: true,
    boolFalseValue: false,
  });
});

Deno.test("values beyond 64 KB cross both ways", async () => {
  using cu = await ComputeUnit.create();
  const text = "ü".repeat(50_000) + "x".repeat(100_000);
  cu.setInput({ text });
  assertEquals(cu.compute("_io.output = _io.input; return #_io.input.text"), 200_000);
  assertEquals(cu.getOutput(), { text });
});

Deno.test("100,000 rows cross both ways", async () => {
  using cu = await ComputeUnit.create();
  const rows = Array.from(
    { length: 100_000 },
    (_, i) => ({ id: i, name: `item ${i}`, value: i / 3, active: i % 2 === 0 }),
  );
  cu.setInput({ rows });
  assertEquals(cu.compute("_io.output = _io.input.rows; return #_io.input.rows"), 100_000);
  assertEquals(cu.getOutput(), rows);
});

Deno.test("ioTableId and homeTableId are stable and differ", async () => {
  using cu = await ComputeUnit.create();
  const { ioTableId, homeTableId } = cu;
  assert(ioTableId !== homeTableId);
  cu.compute("_io.output = 1");
  cu.clearIo();
  assertEquals([cu.ioTableId, cu.homeTableId], [ioTableId, homeTableId]);
});

Deno.test("_io is alive across compute calls", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput([1]);
  cu.compute("_io.input[2] = 'two'; kept = _io");
  assertEquals(cu.compute("_io.output = _io.input; return kept == _io"), true);
  assertEquals(cu.getOutput(), [1, "two"]);
});

Deno.test("setInputField() sets one field and makes the table where there is none", async () => {
  using cu = await ComputeUnit.create();
  cu.setInputField("a", 1);
  cu.setInputField("b", { c: [true] });
  cu.setInputField("__index", "plain data");
  assertEquals(cu.compute("return _io.input"), { a: 1, b: { c: [true] }, __index: "plain data" });
  cu.setInput("text");
  assertThrows(() => cu.setInputField("a", 1), TypeError, "_io.input is not a table");
  assertThrows(() => cu.setInputField("f", { g: [() => 1] }, { lazy: false }), TypeError, "input.f.g[0]");
  assertThrows(() => cu.setInputField("a b", () => 1), TypeError, 'input["a b"])');
  for (const key of [Symbol("s"), 1, null, { toString: () => assert(false) }]) {
    assertThrows(() => cu.setInputField(key as string, 1), TypeError, "the key is not a string");
  }
  cu.clearIo();
  cu.compute("_io.output = { g = { h = { print } }, f = print, [5] = print }");
  assertThrows(() => cu.getOutputField("g"), TypeError, "(at output.g.h[1])");
  assertThrows(() => cu.getOutputField("f"), TypeError, "(at output.f)");
  assertThrows(() => cu.getOutputField(5), TypeError, "(at output[5])");
});

Deno.test("getOutputField() reads one field by its key in Lua", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(cu.getOutputField("x"), null);
  cu.compute("_io.output = { x = { 1, 2 }, [1] = 'first' }");
  assertEquals(cu.getOutputField("x"), [1, 2]);
  assertEquals(cu.getOutputField(1), "first");
  assertEquals(cu.getOutputField("y"), null);
  cu.compute("_io.output = 5");
  assertEquals(cu.getOutputField("x"), null);
});

Deno.test("metadata is set and read back with what Lua changed", async () => {
  using cu = await ComputeUnit.create();
  cu.setMetadata({ locale: "de", tags: new Set(["a"]) });
  cu.compute("_io.meta.count = 3");
  assertEquals(cu.getMetadata(), { locale: "de", count: 3, tags: new Set(["a"]) });
  cu.setMetadata(null);
  assertEquals(cu.getMetadata(), null);
});

Deno.test("_home keeps its contents across compute calls and clearIo", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("_home.count = (_home.count or 0) + 1");
  cu.clearIo();
  assertEquals(cu.compute("_home.count = _home.count + 1; return _home.count"), 2);
});

Deno.test("code that replaces _io is told of, and clearIo mends it", async () => {
  using cu = await ComputeUnit.create();
  for (const code of ["_io = nil", "_io = { output = 1 }", "_G._io = 5"]) {
    cu.compute(code);
    assertThrows(() => cu.getOutput(), TypeError, "Lua code replaced the global _io");
    assertThrows(() => cu.getMetadata(), TypeError, "Lua code replaced the global _io");
    assertThrows(() => cu.setInput({}), TypeError, "Cannot set input: Lua code replaced the global _io");
    assertThrows(() => cu.setInput({}, { lazy: true }), TypeError, "Lua code replaced the global _io");
    assertThrows(() => cu.setInputField("a", 1), TypeError, "Lua code replaced the global _io");
    assertThrows(() => cu.setMetadata({}), TypeError, "Lua code replaced the global _io");
    cu.clearIo();
    cu.setInput(7);
    cu.compute("_io.output = _io.input");
    assertEquals(cu.getOutput(), 7);
  }
});

Deno.test("a run with globals of its own that replaces _io or _home is told so when it ends", async () => {
  using cu = await ComputeUnit.create();
  const own = { globals: "own" } as const;
  const io = "Lua code replaced the global _io: write _io.output = value instead of _io = value";
  const home = "Lua code replaced the global _home: write _home.name = value instead of _home = value";
  for (const [code, message] of [["_io = { output = 5 }", io], ["_home = { visits = 1 }", home]]) {
    assertThrows(() => cu.compute(code, own), TypeError, `Cannot return the result: ${message}`);
    assertThrows(() => cu.computeAll(code, own), TypeError, message);
    await assertRejects(() => cu.computeAsync(code, own), TypeError, `Cannot return the result: ${message}`);
    assertThrows(() => cu.compute(`do ${code} end error('first')`, own), LuaError, "first");
  }
  const same = "_io = _io _home = _home _io.output = 5 return 6";
  assertEquals([cu.compute(same, own), cu.getOutput()], [6, 5]);
  assertEquals(await cu.computeAsync(same, own), { value: 6, output: 5, meta: null });
  // Without globals of its own, whoever reads the output is told.
  await assertRejects(() => cu.computeAsync("_io = { output = 5 }"), TypeError, io);
  assertEquals((await cu.computeAsync("_io.output = 5")).output, 5);
});

Deno.test("code may replace _home; clearIo puts it back, with what it holds", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("_home.a = 1 _home = { visits = 1 }");
  assertEquals(cu.compute("return _home"), { visits: 1 });
  cu.clearIo();
  assertEquals(cu.compute("return _home"), { a: 1 });
});

Deno.test("metatables on _io don't reach the host", async () => {
  using cu = await ComputeUnit.create();
  cu.compute(`
    setmetatable(_io, {
      __index = function() error("index") end,
      __newindex = function() error("newindex") end,
      __metatable = false,
    })
  `);
  cu.setInput({ a: 1 });
  cu.setMetadata(2);
  assertEquals(cu.compute("return rawget(_io, 'input')"), { a: 1 });
  assertEquals(cu.getMetadata(), 2);
  assertEquals(cu.getOutput(), null);
  cu.clearIo();
  assertEquals(cu.compute("return getmetatable(_io)"), null);
});

Deno.test("what is set to _io.input is data, and no bookkeeping", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput({ a: 1, b: [2] });
  assertEquals(
    cu.compute("local keys = {}; for k in pairs(_io.input) do keys[#keys + 1] = k end; table.sort(keys); return keys"),
    ["a", "b"],
  );
  assertEquals(cu.compute("return getmetatable(_io.input)"), null);
});
