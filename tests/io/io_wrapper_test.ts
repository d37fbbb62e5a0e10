import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type BatchError,
  ComputeUnit,
  type ComputeUnitOptions,
  IoWrapper,
  LuaError,
  type Snapshot,
} from "@computeunit/cu";
import { CountingClock } from "../helpers/clock.ts";
import { corrupt, withInstance } from "../helpers/instance.ts";
import { isLazyMode } from "../helpers/lazy_mode.ts";

/** Wrappers in each state that a call may find them in: without their unit yet, with it, with a given one. */
async function* wrappers(options: ComputeUnitOptions = {}): AsyncGenerator<IoWrapper> {
  using fresh = new IoWrapper(options);
  yield fresh;
  yield fresh;
  using cu = await ComputeUnit.create(options);
  yield new IoWrapper(cu);
}

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
  await io.computeWithIo(`
    alias = load; value = 5; plain = {}; odd = setmetatable({}, {})
    chance = math.random; seed = math.randomseed; writing = io.stdout.write; dated = _io.date; traced = debug.traceback
  `);
  const library = ["load", "print", "alias", "chance", "seed", "writing", "dated", "traced"];
  for (const method of [...library, "value", "plain", "odd", "missing", "__index", "", "string", "_G", "io"]) {
    const { output } = await io.request(method, "return 1");
    assertEquals(output, { error: `Unknown method: ${method}` });
  }
  await io.computeWithIo("function print(p) return 'mine ' .. p end");
  assertEquals((await io.request("print", "x")).output, "mine x");
});

Deno.test("request() calls a table with __call, and what coroutine.wrap made", async () => {
  using io = new IoWrapper();
  await io.computeWithIo(`
    handlers = setmetatable({}, { __call = function(self, p) return { p.n, self == handlers } end })
    hidden = setmetatable({}, { __call = function(_, p) return p end, __metatable = false })
    turns = coroutine.wrap(function(p) while true do p = coroutine.yield(p + 1) end end)
    broken = setmetatable({}, { __call = 5 })
    failing = setmetatable({}, { __call = function() error("no") end })
  `);
  assertEquals((await io.request("handlers", { n: 1 })).output, [1, true]);
  assertEquals((await io.request("hidden", [1])).output, [1]);
  assertEquals([(await io.request("turns", 1)).output, (await io.request("turns", 5)).output], [2, 6]);
  await assertRejects(() => io.request("broken"), LuaError, "attempt to call a number value");
  assertEquals((await assertRejects(() => io.request("failing"), LuaError)).line, 6);
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

Deno.test("computeWithIo() and processStream() take a name for the code, and what nulls are", async () => {
  using io = new IoWrapper();
  const options = { chunkName: "rules.lua", nulls: "keep" } as const;
  const failed = await assertRejects(() => io.computeWithIo("\nerror('no')", 1, options), LuaError);
  assertEquals([failed.chunk, failed.line], ["rules.lua", 2]);
  assertEquals((await assertRejects(() => io.processStream("error('no')", [1], options), LuaError)).chunk, "rules.lua");
  const code = "_io.output = _io.input[1] == _io.null";
  assertEquals((await io.computeWithIo(code, [null], options)).output, true);
  assertEquals((await io.computeWithIo(code, [null])).output, false);
});

Deno.test("generateRequestId() differs each time", () => {
  using io = new IoWrapper();
  assertEquals(new Set(Array.from({ length: 1000 }, () => io.generateRequestId())).size, 1000);
});

Deno.test("generateRequestId() needs no secure context, which a page by HTTP isn't", () => {
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
  try {
    using io = new IoWrapper();
    assertMatch(io.generateRequestId(), /^\d+-[0-9a-f]{12}$/);
  } finally {
    delete (crypto as { randomUUID?: unknown }).randomUUID;
  }
});

Deno.test("a stream of scalars takes a unit's memory for one batch at a time", async () => {
  for await (const io of wrappers({ memoryLimit: 2 * 1024 * 1024 })) {
    const code = "_io.output = #_io.input.batch";
    const floats = new Float64Array(20_000);
    const bigints = new BigInt64Array(20_000).fill(-(2n ** 63n));
    const others = Array.from({ length: 20_000 }, (_, i) => i % 2 ? null : "text");
    for (const data of [floats, bigints, others]) {
      const stream = io.processStream<number>(code, data, { batchSize: 2, metadata: { n: 1 } });
      assertEquals(await stream, Array(10_000).fill(2));
    }
  }
});

Deno.test("what a stream of scalars is given is taken when it is given", async () => {
  for await (const io of wrappers()) {
    const code = "require('task').sleep(0) _io.output = { _io.input.batch[1], _io.meta.n }";
    for (const data of [[1, 2], new Float32Array([1, 2])]) {
      const options = { batchSize: 1, metadata: { n: 1 } };
      const stream = io.processStream(code, data, options);
      data.fill(9);
      options.metadata.n = 9;
      assertEquals(await stream, [[1, 1], [2, 1]]);
    }
  }
});

Deno.test("a run listens to its signal from its begin to its end", async () => {
  for await (const io of wrappers()) {
    const controller = new AbortController();
    const { signal } = controller;
    const counts = { now: 0, most: 0 };
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
      counts.most = Math.max(counts.most, ++counts.now);
      addEventListener.apply(signal, given);
    };
    signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
      counts.now--;
      removeEventListener.apply(signal, given);
    };
    const rows = Array.from({ length: 20 }, (_, i) => ({ i }));
    const options = { batchSize: 1, signal };
    await io.processStream("require('task').sleep(0)", rows, options);
    assertEquals(counts, { now: 0, most: 1 });

    const stream = io.processStream("require('task').sleep(0) _io.output = _io.input.batch[1].i", rows, options);
    controller.abort("stop");
    assertEquals(await stream.catch((reason) => reason), "stop");
    assertEquals(counts, { now: 0, most: 1 });
    assertEquals((await io.computeWithIo("return 1")).returnValue, 1);
  }
});

Deno.test("an input is taken when it is given", async () => {
  for await (const io of wrappers()) {
    const row = { n: 0, list: [0] };
    const calls = [];
    for (row.n = 1; row.n <= 5; row.n++) {
      row.list[0] = row.n * 10;
      calls.push(io.computeWithIo("_io.output = _io.input.n + _io.input.list[1]", row));
    }
    assertEquals((await Promise.all(calls)).map(({ output }) => output), [11, 22, 33, 44, 55]);
  }
});

Deno.test("batches, params and metadata are taken when they are given", async () => {
  for await (const io of wrappers({ now: () => 0 })) {
    const data = [{ n: 1 }, { n: 2 }, { n: 3 }];
    const stream = io.processStream("_io.output = _io.input.batch[1].n", data, { batchSize: 1 });
    data[2].n = 9;
    data.length = 0;
    assertEquals(await stream, [1, 2, 3]);

    await io.computeWithIo("function show(p) return p.n .. _io.meta.locale end");
    const [params, metadata] = [{ n: 1 }, { locale: "de" }];
    const request = io.request("show", params, { metadata });
    const call = io.computeWithIo("return _io.meta.locale", null, { metadata });
    params.n = 2;
    metadata.locale = "fr";
    assertEquals((await request).output, "1de");
    assertEquals((await call).returnValue, "de");
  }
});

Deno.test("what an input has is taken exactly, and getters are called once, also by a wrapper without its unit", async () => {
  for await (const io of wrappers({ lazyThreshold: Infinity })) {
    let reads = 0;
    const cycle: Record<string, unknown> = { a: 1 };
    cycle.self = cycle;
    const input = {
      zero: -0,
      big: 2n ** 62n,
      map: new Map<unknown, unknown>([[1, "one"], [true, [null, 2]]]),
      set: new Set(["x"]),
      date: new Date(5),
      bytes: new Uint8Array([255, 0]),
      typed: new Float32Array([1.5]),
      cycle,
      get once() {
        return ++reads;
      },
    };
    const call = io.computeWithIo<typeof input>("_io.output = _io.input", input);
    input.map.clear();
    input.bytes.fill(1);
    const { output } = await call;
    assertEquals(reads, 1);
    assert(Object.is(output.zero, -0) && output.big === 2n ** 62n && output.once === 1);
    assertEquals(output.map, new Map<unknown, unknown>([[1, "one"], [true, [null, 2]]]));
    assertEquals([output.set, output.date, output.bytes], [new Set(["x"]), new Date(5), new Uint8Array([255, 0])]);
    assertEquals(output.typed, new Float32Array([1.5]));
    assertStrictEquals(output.cycle.self, output.cycle);
  }
});

Deno.test("an input that can't be passed rejects with its path, whether the wrapper has a unit or not", async () => {
  for await (const io of wrappers({ lazyThreshold: Infinity })) {
    const input = { rows: [1, { handler: () => 1 }] };
    const refused = io.computeWithIo("", input);
    input.rows.length = 0;
    await assertRejects(
      () => refused,
      TypeError,
      "Cannot set input: functions cannot be passed (at input.rows[1].handler)",
    );
    await assertRejects(() => io.computeWithIo("", { n: 2n ** 64n }), RangeError, "(at input.n)");
    await assertRejects(() => io.request("m", [Symbol()]), TypeError, "(at input.params[0])");
    await assertRejects(() => io.processStream("", [[{ f() {} }]]), TypeError, "(at input.batch[0][0].f)");
    assertEquals((await io.computeWithIo("return 1")).returnValue, 1);
  }
});

Deno.test("a lazy input is read while code runs", async () => {
  for await (const io of wrappers()) {
    const row = { n: 1 };
    await io.computeWithIo("kept = _io.input", row, { lazy: true });
    row.n = 2;
    assertEquals((await io.computeWithIo("return kept.n")).returnValue, 2);
    const { output } = await io.computeWithIo("_io.output = _io.input", row, { lazy: true });
    assertStrictEquals(output as unknown, row);
  }
});

Deno.test("calls take effect in the order in which they are made, those that fail too", async () => {
  // No time passes between batches, so nothing else gets a turn.
  for await (const io of wrappers({ now: () => 0 })) {
    const calls = [
      io.computeWithIo("steps = 'a'"),
      io.computeWithIo("steps = steps .. 'b' error('no')"),
      io.processStream("steps = steps .. _io.input.batch[1]", ["c", "d"], { batchSize: 1 }),
      io.request("missing"),
      io.computeWithIo("return steps"),
    ];
    const [first, failed, , , last] = await Promise.allSettled(calls as Promise<unknown>[]);
    assertEquals([first.status, failed.status], ["fulfilled", "rejected"]);
    assertEquals((last as PromiseFulfilledResult<{ returnValue: string }>).value.returnValue, "abcd");
  }
});

Deno.test("request() takes the options of computeWithIo()", async () => {
  using io = new IoWrapper();
  await io.computeWithIo("function show(p) return { meta = _io.meta, before = last } end");
  const { output, metadata } = await io.request<{ meta: { locale: string } }>("show", {}, {
    metadata: { locale: "de", requestId: "r-1" },
  });
  assertEquals([(output as { meta: { locale: string } }).meta.locale], ["de"]);
  assertEquals((metadata as { requestId: string }).requestId, "r-1");

  await io.computeWithIo("function meta() return _io.meta end", null, { metadata: { kept: true } });
  assertEquals((await io.request("meta")).output, null);
  await io.computeWithIo("", null, { metadata: { kept: true } });
  const kept = await io.request<{ kept: boolean }>("meta", {}, { clearBefore: false });
  assertEquals((kept.output as { kept: boolean }).kept, true);

  await io.computeWithIo("function same(p) return p end");
  const params = { n: 1 };
  assertStrictEquals((await io.request("same", params, { lazy: true })).output as unknown, params);
  const copy = (await io.request("same", params, { lazy: false })).output as unknown;
  assert(copy !== params);
  assertEquals(copy, params);
});

Deno.test("a wrapper whose own unit is broken says so, and doesn't go on without what code kept", async () => {
  using io = new IoWrapper();
  const [, instance] = await withInstance(() => io.computeWithIo("_home.kept = 1; function f() return 1 end"));
  corrupt(instance);
  const failure = await assertRejects(() => io.computeWithIo("return {}"), Error, "The unit is broken");
  for (const use of [() => io.computeWithIo("return 1"), () => io.request("f"), () => io.processStream("", [1])]) {
    const refused = await assertRejects(use, TypeError, "the unit is broken; make a new one");
    assertStrictEquals(refused.cause, failure.cause);
  }
});

Deno.test("overlapping calls that wait have an _io each, and the last to end leaves its own", async () => {
  const opens: ((value?: unknown) => void)[] = [];
  for await (const io of wrappers({ globals: { wait: () => new Promise((resolve) => opens.push(resolve)) } })) {
    await io.computeWithIo("function handle(p) wait() return { p.n, _io.meta.n, _io.input.method } end");
    const calls = [1, 2, 3].map((n) => io.request("handle", { n }, { metadata: { n } }));
    const other = io.computeWithIo("local mine = _io.input wait() _io.output = { mine, _io.input }", "other");
    opens.splice(0).reverse().forEach((open) => open());
    assertEquals((await other).output as unknown, ["other", "other"]);
    assertEquals(
      (await Promise.all(calls)).map(({ output }) => output as unknown),
      [1, 2, 3].map((n) => [n, n, "handle"]),
    );
    assertEquals((await io.computeWithIo("return _io.output[1]", null, { clearBefore: false })).returnValue, 1);
  }
});

Deno.test("between batches others get their turn, and an error names its batch and keeps the outputs before", async () => {
  const clock = new CountingClock(10);
  using io = new IoWrapper({ now: clock.now });
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const outputs = await io.processStream("_io.output = _io.input.batchIndex", [1, 2, 3, 4, 5, 6], { batchSize: 1 });
  clearInterval(timer);
  assertEquals(outputs, [0, 1, 2, 3, 4, 5]);
  assert(turns > 0);
  const code = "if _io.input.batchIndex == 2 then error({ code = 7 }) end _io.output = _io.input.batch[1]";
  const error = await assertRejects(() => io.processStream(code, ["a", "b", "c", "d"], { batchSize: 1 }), LuaError);
  const { batchIndex, outputs: kept } = error as unknown as BatchError;
  assertEquals([batchIndex, kept, error.value], [2, ["a", "b"], { code: 7 }]);
  assert(error.message.startsWith("batch 2: "), error.message);
  const refused = await assertRejects(
    () => io.processStream("", [[1], [() => 1]], { batchSize: 1, lazy: false }),
    TypeError,
  );
  assertEquals((refused as unknown as BatchError).batchIndex, 1);
  const signal = AbortSignal.abort("stop");
  assertEquals(await io.processStream("", [1], { signal }).catch((reason) => reason), "stop");
  assertEquals((await io.computeWithIo("return 1")).returnValue, 1);
});

Deno.test("a call made while the unit runs rejects", async () => {
  const calls: Promise<unknown>[] = [];
  using io: IoWrapper = new IoWrapper({ onPrint: () => void calls.push(io.computeWithIo("return 1")) });
  await io.computeWithIo("print(1)");
  await assertRejects(() => calls[0], TypeError, "the unit is running");
  assertEquals((await io.computeWithIo("return 1")).returnValue, 1);
});

Deno.test("a stream that fails leaves _io as the batch that failed has left it", async () => {
  using cu = await ComputeUnit.create();
  const io = new IoWrapper(cu);
  const code = "_io.output = _io.input.batchIndex if _io.input.batchIndex == 1 then error('x') end";
  await assertRejects(() => io.processStream(code, [1, 2, 3, 4, 5], { batchSize: 1 }), LuaError, "batch 1: ");
  assertEquals([cu.compute("return _io.input.batchIndex"), cu.getOutput()], [1, 1]);
  if (isLazyMode) return; // each batch is taken when its turn comes
  // One whose data are refused has no batch that ran.
  await assertRejects(() => io.processStream(code, [1, () => {}], { batchSize: 1, lazy: false }), TypeError);
  assertEquals([cu.compute("return _io.input.batchIndex"), cu.getOutput()], [1, 1]);
});

Deno.test("streams that end by one error have their own batch and outputs, and nobody else has", async () => {
  for (
    const end of [(cu: ComputeUnit, snapshot: Snapshot) => cu.restore(snapshot), (cu: ComputeUnit) => cu.dispose()]
  ) {
    const allWait = Promise.withResolvers<void>();
    let waiting = 0;
    const ask = (n: number) => {
      if (n > 0) return n;
      if (++waiting === 3) allWait.resolve();
      return new Promise(() => {});
    };
    const cu = await ComputeUnit.create({ globals: { ask } });
    const snapshot = cu.snapshot();
    const io = new IoWrapper(cu);
    const code = (name: string) => `_io.output = '${name}' ask(_io.input.batch[1])`;
    const runs = [
      io.processStream(code("a"), [1, 0], { batchSize: 1 }),
      io.processStream(code("b"), [1, 2, 0], { batchSize: 1 }),
      cu.computeAsync("ask(0)"),
    ];
    const ended = Promise.allSettled(runs);
    await allWait.promise;
    end(cu, snapshot);
    const errors = (await ended).map((run) => (run as PromiseRejectedResult).reason as BatchError);
    for (const error of errors) assertInstanceOf(error, TypeError);
    const message = errors[2].message;
    assert(message.startsWith("Cannot go on with a run: "), message);
    assertEquals(
      errors.map(({ message, batchIndex, outputs }) => ({ message, batchIndex, outputs })),
      [
        { message: `batch 1: ${message}`, batchIndex: 1, outputs: ["a"] },
        { message: `batch 2: ${message}`, batchIndex: 2, outputs: ["b", "b"] },
        { message, batchIndex: undefined, outputs: undefined },
      ] as unknown[] as BatchError[],
    );
    cu.dispose();
  }
});

Deno.test("a signal's reason that ends a stream is as it was, whosever signal it is", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const streams: Promise<unknown>[] = [];
  using cu: ComputeUnit = await ComputeUnit.create({
    globals: {
      stream: () => void streams.push(new IoWrapper(cu).processStream("abort() for i = 1, 1e8 do end", [1])),
      abort: () => controller.abort(reason),
    },
  });
  const run = cu.computeAsync("stream()", { signal: controller.signal });
  for (const ended of [run, ...streams]) assertStrictEquals(await ended.catch((error) => error), reason);
  assertEquals([reason.message, Object.keys(reason)], ["enough", []]);
});

Deno.test("what onProgress throws comes out of a stream as it is", async () => {
  const controller = new AbortController();
  controller.abort();
  const frozen = Object.freeze(new Error("frozen"));
  for (const error of [controller.signal.reason, frozen, new Error("mine")]) {
    using io = new IoWrapper({
      now: new CountingClock().now,
      onProgress: () => {
        throw error;
      },
    });
    const thrown = await assertRejects(() => io.processStream("for i = 1, 1e8 do end", [1]));
    assertStrictEquals(thrown, error);
  }
});
