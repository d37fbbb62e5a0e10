import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { CountingClock } from "../helpers/clock.ts";
import { collect } from "../helpers/garbage.ts";
import { liveHeapBytes } from "../helpers/heap.ts";
import { LAZY } from "../helpers/lazy.ts";

/** Ways on which an error goes through Lua, each ended by raising it again. */
const WAYS: Record<string, (body: string) => string> = {
  "uncaught": (body) => body,
  "pcall, and raised again": (body) => `local ok, e = pcall(function() ${body} end) error(e)`,
  "raised again without level": (body) => `local ok, e = pcall(function() ${body} end) error(e, 0)`,
  "assert": (body) => `assert(pcall(function() ${body} end))`,
  "coroutine.wrap": (body) => `coroutine.wrap(function() ${body} end)()`,
  "coroutine.wrap in coroutine.wrap": (body) =>
    `coroutine.wrap(function() coroutine.wrap(function() ${body} end)() end)()`,
  "coroutine.resume": (body) => `assert(coroutine.resume(coroutine.create(function() ${body} end)))`,
  "coroutine.close": (body) => `
    local co = coroutine.create(function()
      local closing <close> = setmetatable({}, { __close = function() ${body} end })
      coroutine.yield()
    end)
    coroutine.resume(co)
    assert(coroutine.close(co))`,
  "xpcall with a handler": (body) => `local ok, e = xpcall(function() ${body} end, function(e) return e end) error(e)`,
  "xpcall with traceback": (body) => `local ok, e = xpcall(function() ${body} end, debug.traceback) error(e)`,
  "two levels of pcall": (body) => `
    local ok, e = pcall(function()
      local ok, e = pcall(function() ${body} end)
      error(e)
    end)
    error(e)`,
  "a metamethod": (body) => `return setmetatable({}, { __index = function() ${body} end }).x`,
  "an iterator": (body) => `for _ in function() ${body} end do end`,
  "__close": (body) => `local closing <close> = setmetatable({}, { __close = function(_, e) error(e) end }) ${body}`,
  "a comparator": (body) => `table.sort({ 1, 2, 3 }, function() ${body} end)`,
  "a callback of gsub": (body) => `string.gsub("x", "x", function() ${body} end)`,
  "load's reader": (body) => `assert(load(function() ${body} end))`,
};

Deno.test("what onPrint throws is the cause of the LuaError, the very same object, whatever passed it on", async (t) => {
  const thrown = new RangeError("no ink");
  using cu = await ComputeUnit.create({
    onPrint: () => {
      throw thrown;
    },
  });
  for (const [name, way] of Object.entries(WAYS)) {
    await t.step(name, () => {
      for (const body of ["print(1)", `io.write("a\\n")`]) {
        const error = assertThrows(() => cu.compute(way(body)), LuaError);
        assertStrictEquals(error.cause, thrown, body);
        assertEquals([error.kind, error.message], ["runtime", "no ink"]);
      }
    });
  }
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("what a getter throws is the cause of a refusal, the very same object, whatever passed it on", async (t) => {
  const thrown = new RangeError("no field");
  using cu = await ComputeUnit.create();
  const input = {
    rows: [{
      get x() {
        throw thrown;
      },
    }],
  };
  for (const [name, way] of Object.entries(WAYS)) {
    await t.step(name, () => {
      cu.setInput(input, LAZY);
      const error = assertThrows(() => cu.compute(way("return _io.input.rows[1].x + 1")), TypeError, "no field");
      assertEquals(error.message, `Cannot read input: reading threw "no field" (at input.rows[0].x)`);
      assertStrictEquals(error.cause, thrown);
    });
  }
});

Deno.test("an error of JavaScript's is a value with name, message and text", async () => {
  using cu = await ComputeUnit.create({
    onPrint: (line) => {
      throw new RangeError(`no ${line}`);
    },
  });
  const code = `
    local ok, e = pcall(print, "ink")
    return ok, type(e), tostring(e), e.name, e.message, e.stack, "x " .. e, e .. 1, e .. e, e == e, { e = e }
  `;
  const [ok, type, text, name, message, stack, ...more] = cu.computeAll(code);
  assertEquals([ok, type, text, name, message, stack], [
    false,
    "userdata",
    "RangeError: no ink",
    "RangeError",
    "no ink",
    null,
  ]);
  const [before, after, both, isSame, held] = more;
  assertEquals([before, after, both, isSame], [
    "x RangeError: no ink",
    "RangeError: no ink1",
    "RangeError: no inkRangeError: no ink",
    true,
  ]);
  assertInstanceOf((held as unknown as { e: unknown }).e, RangeError);
  // What isn't done with it is Lua's own error.
  for (
    const [expression, error] of [
      ["e .. nil", "attempt to concatenate a nil value"],
      ["e .. {}", "attempt to concatenate a table value"],
      ["e.name.x.y", "attempt to index a nil value (field 'x')"],
      ["e + 1", "attempt to perform arithmetic on a error value (local 'e')"],
      ["getmetatable(e).__index", "attempt to index a boolean value"],
    ]
  ) {
    assertThrows(() => cu.compute(`local _, e = pcall(print, "") return ${expression}`), LuaError, error);
  }
  assertThrows(
    () => cu.compute(`local _, e = pcall(print, "") e.message = "x"`),
    LuaError,
    "attempt to index a error value",
  );
});

Deno.test("anything that is thrown goes through, whatever it is", async () => {
  const hostile = new Proxy(new Error("hidden"), {
    get() {
      throw new Error("no look");
    },
  });
  const { proxy: revoked, revoke } = Proxy.revocable(new Error("gone"), {});
  revoke();
  const nameless = Object.assign(new Error("bare"), { name: "" });
  const cases: [unknown, string, string][] = [
    ["text", "", "text"],
    [undefined, "", "undefined"],
    [null, "", "null"],
    [Symbol("s"), "", "Symbol(s)"],
    [{ code: 1 }, "", "[object Object]"],
    [new Error(""), "Error", ""],
    [nameless, "", "bare"],
    [new Error("a\0b\ud800"), "Error", "a\0b\ufffd"],
    [new Error("x".repeat(100_000) + "the end"), "Error", `${"x".repeat(2048)}...${"x".repeat(2041)}the end`],
    [Object.assign(new Error("m"), { name: Symbol("n") }), "Symbol(n)", "m"],
    [hostile, "Error", "something that has no text"],
    [revoked, "", "something that has no text"],
  ];
  let next: unknown;
  const throws = () => {
    throw next;
  };
  using cu = await ComputeUnit.create({ onPrint: throws, globals: { throws } });
  using stopped = await ComputeUnit.create({ now: new CountingClock(10).now, onProgress: throws });
  for (const [thrown, name, message] of cases) {
    next = thrown;
    const [ok, , ...parts] = cu.computeAll(`local ok, e = pcall(print, 1) return ok, tostring(e), e.name, e.message`);
    assertEquals([ok, ...parts], [false, name, message]);
    const error = assertThrows(() => cu.compute("print(1)"), LuaError);
    assertStrictEquals(error.cause, thrown);
    assertEquals(error.message, message);
    for (const name of ["print", "throws"]) {
      assertStrictEquals(cu.compute(`local _, e = pcall(${name}, 1) return e`), thrown as never);
    }
    // Not by assertThrows, which looks at what was thrown.
    let ended: unknown = "nothing";
    try {
      stopped.compute("while true do end");
    } catch (error) {
      ended = error;
    }
    assertStrictEquals(ended, thrown);
  }
});

Deno.test("a text that only reads like an error of JavaScript's is code's own", async () => {
  using cu = await ComputeUnit.create({
    onPrint: () => {
      throw new Error("full");
    },
  });
  for (const code of ["pcall(print, 1) error('full', 0)", "pcall(print, 1) error('Error: full')"]) {
    const error = assertThrows(() => cu.compute(code), LuaError, "full");
    assertStrictEquals(error.cause, undefined);
  }
});

Deno.test("errors of JavaScript's stand in outputs, keys and later runs as the very same objects", async () => {
  const first = new Error("first"), second = new Error("second");
  using cu = await ComputeUnit.create({
    onPrint: (line) => {
      throw line === "1" ? first : second;
    },
  });
  cu.compute(`
    _, a = pcall(print, 1)
    _, b = pcall(print, 2)
    _io.output = { a, b, a, { [a] = b } }
  `);
  collect(cu);
  const output = cu.getOutput() as unknown as [Error, Error, Error, Map<Error, Error>];
  assertStrictEquals(output[0], first);
  assertStrictEquals(output[1], second);
  assertStrictEquals(output[2], first);
  assertStrictEquals(output[3].get(first), second);
  assertStrictEquals(assertThrows(() => cu.compute("error(a)"), LuaError).cause, first);
});

Deno.test("errors that Lua lets go of are no longer held: 100,000 of them", async () => {
  using cu = await ComputeUnit.create({
    onPrint: () => {
      throw new Error("x");
    },
  });
  const code = "for i = 1, 10000 do pcall(print, i) end";
  cu.compute(code);
  collect(cu);
  const before = cu.getMemoryStats();
  const heapBefore = await liveHeapBytes();
  for (let i = 0; i < 9; i++) cu.compute(code);
  collect(cu);
  const after = cu.getMemoryStats();
  assert(after.usedBytes < before.usedBytes + 4096, `${after.usedBytes - before.usedBytes} bytes more`);
  assertEquals(after.wasmBytes, before.wasmBytes);
  const heap = await liveHeapBytes() - heapBefore;
  assert(heap < 2_000_000, `${heap} bytes of the heap are kept`);
});

Deno.test("an error for which there is no memory is a memory error, and is let go of", async () => {
  let thrown = 0;
  const memoryLimit = 2 * 1024 * 1024;
  using cu = await ComputeUnit.create({
    memoryLimit,
    onPrint: () => {
      thrown++;
      throw new Error("x".repeat(4096));
    },
  });
  const code = `
    local kept, count = {}, 0
    for i = 1, 3000 do
      local ok, e = pcall(print, i)
      if e == "not enough memory" then count = count + 1 else kept[#kept + 1] = e end
    end
    kept = nil
    return count
  `;
  assert(cu.compute<number>(code) > 0);
  assertEquals(thrown, 3000);
  collect(cu);
  assert(cu.getMemoryStats().usedBytes < memoryLimit / 4);
  assertThrows(() => cu.compute("print(1)"), LuaError, "xxx");
});

Deno.test("setInputField() and getOutputField() throw what reading a view threw", async () => {
  const thrown = new Error("g");
  const make = () => ({
    get x() {
      throw thrown;
    },
  });
  using cu = await ComputeUnit.create();
  cu.setInput(make(), LAZY);
  const error = assertThrows(() => cu.setInputField("a", 1), TypeError, `reading threw "g" (at input.x)`);
  assertStrictEquals(error.cause, thrown);
  cu.setInput(make(), LAZY);
  cu.compute("_io.output = _io.input");
  assertStrictEquals(assertThrows(() => cu.getOutputField("x"), TypeError).cause, thrown);
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("a list that is thrown has no text: it may share lists at many levels", async () => {
  let shared: unknown[] = [1];
  for (let i = 0; i < 60; i++) shared = [shared, shared];
  for (const thrown of [shared, new Float64Array(3), Object.assign(new Error(), { message: shared })]) {
    using cu = await ComputeUnit.create({
      globals: {
        fail: () => {
          throw thrown;
        },
      },
    });
    assertEquals(cu.compute("local _, e = pcall(fail) return e.message"), "a list");
    assertStrictEquals(assertThrows(() => cu.compute("fail()"), LuaError).cause, thrown);
  }
});
