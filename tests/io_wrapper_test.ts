import { assert, assertEquals, assertRejects } from "@std/assert";
import { ComputeUnit, IoWrapper, LuaError } from "@computeunit/cu";
import { CountingClock } from "./helpers/clock.ts";

Deno.test("computeWithIo() needs no set-up", async () => {
  using io = new IoWrapper();
  const result = await io.computeWithIo(
    "local u = _io.input.user; _io.output = { fullName = u.firstName .. ' ' .. u.lastName, isAdult = u.age >= 18 }; return #u.firstName",
    { user: { firstName: "Alice", lastName: "Smith", age: 30 } },
  );
  assertEquals(result, { returnValue: 5, output: { fullName: "Alice Smith", isAdult: true }, metadata: {} });
});

Deno.test("computeWithIo() clears before, unless told not to", async () => {
  using io = new IoWrapper();
  await io.computeWithIo("_io.output = 1", 5);
  assertEquals((await io.computeWithIo("return _io.input")).returnValue, null);
  await io.computeWithIo("_io.output = 1", 5);
  const kept = await io.computeWithIo("return _io.input", null, { clearBefore: false });
  assertEquals([kept.returnValue, kept.output], [5, 1]);
});

Deno.test("computeWithIo() adds time and id to metadata, and reads back what Lua wrote", async () => {
  using io = new IoWrapper();
  const before = Date.now();
  const { metadata } = await io.computeWithIo("_io.meta.rows = 3", null, { metadata: { source: "test" } });
  const meta = metadata as { source: string; rows: number; timestamp: number; requestId: string };
  assertEquals([meta.source, meta.rows], ["test", 3]);
  assert(before <= meta.timestamp && meta.timestamp <= Date.now());
  assert(meta.requestId.length > 10);
});

Deno.test("computeWithIo() passes falsy inputs", async () => {
  using io = new IoWrapper();
  for (const input of [0, "", false]) {
    assertEquals((await io.computeWithIo("return _io.input", input)).returnValue, input);
  }
});

Deno.test("processStream() gives batch, batchIndex and hasMore", async () => {
  using io = new IoWrapper();
  const outputs = await io.processStream(
    "local i = _io.input; _io.output = { first = i.batch[1], n = #i.batch, index = i.batchIndex, more = i.hasMore }",
    [10, 20, 30, 40, 50],
    { batchSize: 2 },
  );
  assertEquals(outputs, [
    { first: 10, n: 2, index: 0, more: true },
    { first: 30, n: 2, index: 1, more: true },
    { first: 50, n: 1, index: 2, more: false },
  ]);
  assertEquals(await io.processStream("_io.output = 1", []), []);
  await assertRejects(() => io.processStream("", [1], { batchSize: 0 }), RangeError, "batchSize");
  await assertRejects(() => io.processStream("", [1], { batchSize: 1.5 }), RangeError, "batchSize");
  for (const data of [new Set([1]), "text", null] as unknown[]) {
    await assertRejects(() => io.processStream("", data as unknown[]), TypeError, "data is not an array");
  }
});

Deno.test("request() calls a handler that user code defined", async () => {
  using io = new IoWrapper();
  await io.computeWithIo(
    "function calculateStats(p) local s = 0 for _, v in ipairs(p.dataset) do s = s + v end return { sum = s } end",
  );
  assertEquals((await io.request("calculateStats", { dataset: [1, 2, 3, 4, 5] })).output, { sum: 15 });
});

Deno.test("request() calls nothing of the library, under whatever name", async () => {
  using io = new IoWrapper();
  await io.computeWithIo("alias = load; value = 5; handler = setmetatable({}, { __call = function() return 1 end })");
  for (const method of ["load", "print", "alias", "value", "handler", "missing", "__index", "", "string", "_G"]) {
    const { output } = await io.request(method, "return 1");
    assertEquals(output, { error: `Unknown method: ${method}` });
  }
  await io.computeWithIo("function print(p) return 'mine ' .. p end");
  assertEquals((await io.request("print", "x")).output, "mine x");
});

Deno.test("request() works whatever code did to the globals it could use", async () => {
  using io = new IoWrapper();
  await io.computeWithIo(
    "function double(n) return n * 2 end rawget = nil type = nil setmetatable(_G, { __index = error })",
  );
  assertEquals((await io.request("double", 21)).output, 42);
  assertEquals((await io.request("nothing")).output, { error: "Unknown method: nothing" });
});

Deno.test("request() rejects with the handler's error", async () => {
  using io = new IoWrapper();
  await io.computeWithIo("function fail() error('no') end");
  const error = await assertRejects(() => io.request("fail"), LuaError);
  assertEquals([error.message, error.line], ["no", 1]);
});

Deno.test("a wrapper leaves a given unit to its owner, and frees its own", async () => {
  using cu = await ComputeUnit.create();
  {
    using io = new IoWrapper(cu);
    await io.computeWithIo("x = 1");
  }
  assertEquals(cu.compute("return x"), 1);
  const own = new IoWrapper({ timeLimit: 20, now: new CountingClock().now });
  assertEquals((await assertRejects(() => own.computeWithIo("while true do end"), LuaError)).kind, "time");
  own.dispose();
  await assertRejects(() => own.computeWithIo("return 1"), TypeError, "disposed");
});

Deno.test("overlapping calls share one unit", async () => {
  using io = new IoWrapper();
  const results = await Promise.all(
    [1, 2, 3].map((n) => io.computeWithIo("total = (total or 0) + _io.input; _io.output = total", n)),
  );
  assertEquals(results.map(({ output }) => output), [1, 3, 6]);
});

Deno.test("generateRequestId() differs each time", () => {
  using io = new IoWrapper();
  assertEquals(new Set(Array.from({ length: 1000 }, () => io.generateRequestId())).size, 1000);
});
