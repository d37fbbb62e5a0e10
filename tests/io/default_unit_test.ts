import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import * as lua from "@computeunit/cu";
import { corrupt, withInstance } from "../helpers/instance.ts";

Deno.test("the functional API works on one default unit", async (t) => {
  await t.step("before load(), functions say what to do", () => {
    assertThrows(() => lua.compute("return 1"), TypeError, "call load() first");
  });

  const [, instance] = await withInstance(() => lua.load());
  await lua.load();
  assertEquals(lua.init(), 0);

  await t.step("compute() returns the value, also under await", async () => {
    assertEquals(lua.compute("return 42"), 42);
    assertEquals(await lua.compute("return type(_io)"), "table");
  });

  await t.step("readResult() reads the last result, in the way of older code", () => {
    const length = lua.compute("print('out'); return 'text'");
    assertEquals(lua.readResult(lua.getBufferPtr(), length), { value: "text", output: "out\n" });
  });

  await t.step("external tables by their numbers, and states", async () => {
    const id = lua.createExternalTable();
    lua.setTableValue(id, "tea", 4);
    lua.setTableValue(lua.getHomeTableId(), "prices", lua.externalTable(id));
    assertEquals(lua.compute("_home.prices.cups = 2 * _home.prices.tea return #_home.prices"), 0);
    assertEquals([lua.getTableValue(id, "cups"), lua.getTableValue(id, "none")], [8, null]);
    assertEquals([lua.tableSize(id), lua.tableKeys(id), lua.deleteTableValue(id, "tea")], [2, ["tea", "cups"], true]);
    assertEquals([lua.deleteExternalTable(id), lua.deleteExternalTable(id)], [true, false]);
    lua.deleteTableValue(lua.getHomeTableId(), "prices");
    for (const run of [lua.saveState, lua.loadState]) {
      await assertRejects(() => run(), TypeError, "without the option home");
    }
  });

  await t.step("a result that doesn't fit the 64 KB buffer is refused", () => {
    assertEquals(lua.getBufferSize(), 65536);
    assert(lua.getBufferPtr() > 0);
    assertEquals(lua.compute<string>("return ('x'):rep(60000)").length, 60_000);
    for (const code of ["return ('x'):rep(70000)", "local t = {} for i = 1, 20000 do t[i] = i end return t"]) {
      assertThrows(() => lua.compute(code), RangeError, "_io.output");
      assertEquals(lua.readResult().value, null);
    }
  });

  await t.step("input, output, metadata and ids", () => {
    lua.setInput({ a: 1 });
    lua.setInputField("b", 2);
    lua.setMetadata({ m: 3 });
    lua.compute("_io.output = { sum = _io.input.a + _io.input.b + _io.meta.m }");
    assertEquals(lua.getOutput(), { sum: 6 });
    assertEquals(lua.getOutputField("sum"), 6);
    assertEquals(lua.getMetadata(), { m: 3 });
    assertEquals(lua.getIoTableId(), lua.getIoTableId());
    lua.clearIo();
    assertEquals(lua.getOutput(), null);
  });

  await t.step("memory", () => {
    lua.compute("x = ('x'):rep(1e6)");
    const before = lua.getMemoryStats().usedBytes;
    lua.compute("x = nil");
    lua.runGc();
    assert(lua.getMemoryStats().usedBytes < before - 900_000);
  });
  await t.step("a broken one says so until load() makes a new one", async () => {
    lua.compute("print('kept') kept = 1");
    corrupt(instance);
    const failure = assertThrows(() => lua.compute("return {}"), WebAssembly.RuntimeError, "The unit is broken");
    const refused = assertThrows(() => lua.setInput(1), TypeError, "it is broken; call load() again for a new one");
    assertStrictEquals(refused.cause, failure.cause);
    assertEquals(lua.readResult().value, null);
    await lua.load();
    assertEquals(lua.compute("return kept == nil"), true);
  });

  await t.step("load() refuses wrong options, also where it has nothing to do", async () => {
    const options = { timelimit: 5 } as lua.ComputeUnitOptions;
    await assertRejects(() => lua.load(options), TypeError, "did you mean timeLimit?");
  });
});
