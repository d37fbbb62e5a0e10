import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { CountingClock } from "../helpers/clock.ts";

function errorOf(cu: ComputeUnit, code: string | Uint8Array, chunkName?: string): LuaError {
  return assertThrows(() => cu.compute(code, chunkName === undefined ? {} : { chunkName }), LuaError);
}

Deno.test("compute() returns the value of the first result", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(cu.compute("return 42"), 42);
  assertEquals(cu.compute("return 'a', 'b'"), "a");
  assertEquals(cu.compute("local x = 1"), null);
  assertEquals(cu.compute("return nil"), null);
  assertEquals(await cu.compute("return 1.5"), 1.5);
});

Deno.test("computeAll() returns the values of all results", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(cu.computeAll("return 1, nil, { 2 }, nil"), [1, null, [2], null]);
  assertEquals(cu.computeAll(""), []);
  assertEquals(cu.computeAll("return table.unpack({}, 1, 1000)").length, 1000);
});

Deno.test("compute() takes code of any size, and code as bytes", async () => {
  using cu = await ComputeUnit.create();
  const lines = Array.from({ length: 20_000 }, (_, i) => `x${i % 100} = ${i}`);
  assertEquals(cu.compute(lines.join("\n") + "\nreturn x99"), 19_999);
  const latin1 = new Uint8Array([...new TextEncoder().encode("return '"), 0xe1, ...new TextEncoder().encode("'")]);
  assertEquals(cu.compute(latin1), new Uint8Array([0xe1]));
  assertThrows(() => cu.compute("return '\ud800'"), TypeError, "lone surrogate");
});

Deno.test("compute() runs the same code anew each time", async () => {
  using cu = await ComputeUnit.create();
  const code = "local n = (count or 0) + 1; count = n; _ENV = { n = n }; return n";
  assertEquals([cu.compute(code), cu.compute(code), cu.compute(code)], [1, 2, 3]);
  assertEquals(cu.compute("return count"), 3);
});

Deno.test("compute() doesn't compile repeated code twice", async () => {
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({ timeLimit: 1e6, now: clock.now });
  // Much to compile, and nothing to run.
  const code = `do return 7 end ${"x = { 1, 2, 3 } ".repeat(20_000)}`;
  const looks = () => clock.looksOf(() => assertEquals(cu.compute(code), 7));
  const first = looks();
  const again = [looks(), looks()];
  assert(first >= 10 && again.every((count) => count <= 5), `looked ${first}, then ${again} times at the clock`);
});

Deno.test("compile() gives a function that runs the code each time", async () => {
  using cu = await ComputeUnit.create();
  const next = cu.compile<number>("count = (count or 0) + 1; return count", { chunkName: "next.lua" });
  for (let i = 0; i < 1000; i++) cu.compute(`return ${i}`);
  assertEquals([next(), next(), next()], [1, 2, 3]);
  assertThrows(() => cu.compile("return +"), LuaError, "unexpected symbol");
  cu.compute("count = {}");
  assertEquals(assertThrows(() => next(), LuaError).chunk, "next.lua");
  next[Symbol.dispose]();
  next[Symbol.dispose]();
  assertThrows(() => next(), TypeError, "has been disposed");
  const { usedBytes } = cu.getMemoryStats();
  for (let i = 0; i < 2000; i++) cu.compile(`return ${i}`)[Symbol.dispose]();
  cu.runGc();
  assert(cu.getMemoryStats().usedBytes < usedBytes + 20_000);
  const late = cu.compile("return 1");
  cu.dispose();
  assertThrows(() => late(), TypeError, "disposed");
  late[Symbol.dispose]();
});

Deno.test("compute() keeps working when more code came than it keeps compiled", async () => {
  using cu = await ComputeUnit.create();
  for (let i = 0; i < 2000; i++) assertEquals(cu.compute(`return ${i}`), i);
  cu.runGc();
  const { usedBytes } = cu.getMemoryStats();
  for (let i = 2000; i < 6000; i++) assertEquals(cu.compute(`return ${i}`), i);
  cu.runGc();
  assert(cu.getMemoryStats().usedBytes < usedBytes + 20_000);
});

Deno.test("units share nothing", async () => {
  using a = await ComputeUnit.create();
  using b = await ComputeUnit.create();
  a.compute("x = 1; string.extra = 2; getmetatable('').__index = nil; _home.y = 3");
  a.setInput("a's");
  assertEquals(b.computeAll("return x, string.extra, ('s'):len(), _home.y, _io.input"), [null, null, 1, null, null]);
});

Deno.test("a syntax error tells its kind, chunk and line", async () => {
  using cu = await ComputeUnit.create();
  const error = errorOf(cu, "local x = 1\nlocal y = = 2");
  assertEquals([error.name, error.kind, error.chunk, error.line], ["LuaError", "syntax", "compute", 2]);
  assertEquals(error.message, "unexpected symbol near '='");
  assertEquals(errorOf(cu, "return (", "rules.lua").chunk, "rules.lua");
});

Deno.test("a runtime error tells its chunk, line and traceback", async () => {
  using cu = await ComputeUnit.create();
  const error = errorOf(cu, "local function f(t)\n  return t.x.y\nend\nreturn 1 + f({})", "rules.lua");
  assertEquals(error.kind, "runtime");
  assertEquals(error.message, "attempt to index a nil value (field 'x')");
  assertEquals([error.chunk, error.line, error.value], ["rules.lua", 2, undefined]);
  assertEquals(error.traceback, "\trules.lua:2: in local 'f'\n\trules.lua:4: in main chunk");
});

Deno.test("error() with a string and a level keeps the message apart from the position", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(errorOf(cu, "error('boom')").message, "boom");
  assertEquals(errorOf(cu, "error('boom')").line, 1);
  const zero = errorOf(cu, "error('file.txt:12: boom', 0)");
  assertEquals([zero.message, zero.line], ["file.txt:12: boom", 1]);
  const two = errorOf(cu, "local function check() error('bad', 2) end\n\nlocal function f()\n  check()\nend\nf()");
  assertEquals([two.message, two.line], ["bad", 4]);
});

Deno.test("an error that was passed on tells where it was raised", async () => {
  using cu = await ComputeUnit.create();
  const cases: [string, string, number][] = [
    ["local co = coroutine.wrap(function()\n local x\n error('in co')\nend)\n\nco()", "in co", 3],
    ["local _, e = pcall(function() error('deep') end)\nerror(e)", "deep", 1],
    [
      "local co = coroutine.wrap(function() return nil + 1 end)\nco()",
      "attempt to perform arithmetic on a nil value",
      1,
    ],
    ["\nerror('config:3: bad')", "config:3: bad", 2],
  ];
  for (const [code, message, line] of cases) {
    const error = errorOf(cu, code);
    assertEquals([error.message, error.chunk, error.line], [message, "compute", line]);
  }
});

Deno.test("a name and code that read as other code are told apart", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(cu.compute("return 1", { chunkName: "--" }), 1);
  assertEquals(cu.compute("--\0return 1"), null);
  assertEquals(cu.compute("\nreturn 2", { chunkName: "7 compute" }), 2);
  assertThrows(() => cu.compute("\0" + "7 compute\nreturn 2"), LuaError);
});

Deno.test("a result that can't be read doesn't change what the next ones are", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("return { a = 1 }, 1");
  cu.compute("return { b = 1 }");
  const object = { a: 1 };
  cu.setInput(object, { lazy: true });
  cu.compute("kept_a = _io.input");
  cu.setInput(object, { lazy: true });
  assertThrows(
    () => cu.compute("return { { [kept_a] = 1, [_io.input] = 2 }, { secret = 1 } }"),
    TypeError,
    "the same object in two inputs",
  );
  assertEquals(cu.compute("return { secret = 5 }"), { secret: 5 });
  assertEquals(cu.compute("return { { p = 1 }, { q = 2 } }"), [{ p: 1 }, { q: 2 }]);
  // The same where one of them has been changed, or something in it.
  const rows = [{ c: 1 }, { x: 1 }];
  cu.setInput(rows, { lazy: true });
  cu.compute("_io.input[1].c = 2 kept_row = _io.input[2]");
  cu.setInput(rows, { lazy: true });
  assertThrows(
    () => cu.compute("_io.input[1].c = 3 return { [kept_row] = 1, [_io.input[2]] = 2 }"),
    TypeError,
    "the same object in two inputs",
  );
});

Deno.test("printed text keeps a byte order mark", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("print('\\u{FEFF}x')");
  assertEquals(cu.printed, "\ufeffx\n");
});

Deno.test("a chunk name that isn't a line of text is wrong use", async () => {
  using cu = await ComputeUnit.create();
  for (const chunkName of ["", "a\nb", "a\0b", "\ud800"]) {
    assertThrows(() => cu.compute("return 1", { chunkName }), TypeError, "chunkName is not a line of text");
    assertThrows(() => cu.compile("return 1", { chunkName }), TypeError, "chunkName is not a line of text");
  }
  assertEquals(errorOf(cu, "error('x')", "some dir/a b.lua").chunk, "some dir/a b.lua");
});

Deno.test("an error value that isn't a string arrives as a value", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(errorOf(cu, "error({ code = 5, list = { 1, 2 } })").value, { code: 5, list: [1, 2] });
  assertEquals(errorOf(cu, "error(42)").value, 42);
  assertEquals(errorOf(cu, "error('\\xff')").value, undefined);
  assertEquals(errorOf(cu, "error(true)").value, true);
  const nil = errorOf(cu, "error(nil)");
  assertEquals([nil.value, nil.message], [null, "error object is a nil value"]);
  const named = errorOf(cu, "error(setmetatable({ n = 1 }, { __tostring = function(e) return 'E' .. e.n end }))");
  assertEquals([named.message, named.value], ["E1", { n: 1 }]);
  const unpassable = errorOf(cu, "error({ f = print })");
  assertEquals(unpassable.value, undefined);
  assert(unpassable.cause instanceof TypeError);
});

Deno.test("errors in coroutines, __tostring, __close and __gc leave the unit whole", async () => {
  using cu = await ComputeUnit.create();
  assertStringIncludes(errorOf(cu, "coroutine.wrap(function() error('in coroutine') end)()").message, "in coroutine");
  assertEquals(errorOf(cu, "coroutine.wrap(function() error({ c = 1 }) end)()").value, { c: 1 });
  assertEquals(
    errorOf(cu, "local x <close> = setmetatable({}, { __close = function() error('in close') end }); error('body')")
      .message,
    "in close",
  );
  assertEquals(cu.compute("setmetatable({}, { __gc = function() error('in gc') end }); collectgarbage(); return 1"), 1);
  errorOf(cu, "error(setmetatable({}, { __tostring = function() error('inner') end }))");
  assertEquals(errorOf(cu, "error(('x'):rep(1e6))").message.length, 1e6);
  assertEquals(cu.compute("return 1 + 1"), 2);
});

Deno.test("recursion without end is a LuaError of kind limit", async () => {
  using cu = await ComputeUnit.create();
  for (
    const code of [
      "local function f() return 1 + f() end return f()",
      "local mt = {}; mt.__concat = function(a, b) return a .. b end; return setmetatable({}, mt) .. 'x'",
      "local function f() return (('a'):gsub('.', f)) end return f()",
      "local function f() table.sort({ 1, 2 }, f) end return f()",
      "local function f() return coroutine.wrap(f)() end return f()",
      "local t = setmetatable({}, {}); getmetatable(t).__tostring = tostring; return tostring(t)",
    ]
  ) {
    const error = errorOf(cu, code);
    assertEquals(error.kind, "limit", code);
    assertEquals(cu.compute("return 1 + 1"), 2);
  }
});

Deno.test("memoryLimit holds, and exhaustion is a LuaError of kind memory", async () => {
  const memoryLimit = 8 * 1024 * 1024;
  using cu = await ComputeUnit.create({ memoryLimit });
  for (
    const code of [
      "local t = {} while true do t[#t + 1] = { #t } end",
      "local s = 'x' while true do s = s .. s end",
      "return ('x'):rep(1e8)",
      "local t = {} for i = 1, math.huge do t['k' .. i] = i end",
      "local cs = {} while true do local c = coroutine.create(print); coroutine.resume(c); cs[#cs + 1] = c end",
    ]
  ) {
    assertEquals(errorOf(cu, code).kind, "memory", code);
    const stats = cu.getMemoryStats();
    assert(stats.wasmBytes <= memoryLimit && stats.peakBytes <= memoryLimit);
    assertEquals(stats.limitBytes, memoryLimit);
    assertEquals(cu.compute("return 1 + 1"), 2);
  }
  assertEquals(cu.compute("local ok, e = pcall(string.rep, 'x', 1e8); return { ok, e }"), [false, "not enough memory"]);
  assertEquals(assertThrows(() => cu.setInput("x".repeat(1e7)), LuaError).kind, "memory");
  assertEquals(assertThrows(() => cu.setInput(new Array(1e6).fill(1), { lazy: false }), LuaError).kind, "memory");
  cu.setInput("still fine");
  assertEquals(cu.compute("return _io.input"), "still fine");
  // Garbage is collected before memory is said to be exhausted.
  assertEquals(cu.compute("local n = 0 for i = 1, 100 do n = n + #('x'):rep(1e6 + i) end return n"), 100_005_050);
});

Deno.test("timeLimit ends code, and a LuaError of kind time tells where", async () => {
  using cu = await ComputeUnit.create({ timeLimit: 50, now: new CountingClock().now });
  const error = errorOf(cu, "local n = 0\nlocal function spin()\n  while true do n = n + 1 end\nend\nspin()");
  assertEquals([error.kind, error.line, error.chunk], ["time", 3, "compute"]);
  assertEquals(error.message, "time limit of 50 ms exceeded");
  assertStringIncludes(error.traceback, "compute:5: in main chunk");
  assertEquals(cu.compute("return 1 + 1"), 2);
  assertEquals(cu.compute("local co, main = coroutine.running(); return { main, coroutine.isyieldable() }"), [
    true,
    false,
  ]);
});

Deno.test("now is the clock of timeLimit and os.clock", async () => {
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({ timeLimit: 50, now: clock.now });
  const error = assertThrows(() => cu.compute("while true do end"), LuaError);
  assertEquals(error.kind, "time");
  // One look when the call began, 50 while code ran, and perhaps one more when it compiled.
  assert(clock.looks >= 51 && clock.looks <= 53, String(clock.looks));
  clock.time = 7500;
  const seconds = cu.compute<number>("return os.clock()");
  assert(seconds > 7.5 && seconds <= clock.time / 1000, String(seconds));
});

Deno.test("timeLimit holds for finalizers that the host's calls run", async () => {
  using cu = await ComputeUnit.create({ timeLimit: 50, now: new CountingClock().now });
  cu.compute("setmetatable({}, { __gc = function() while true do end end })");
  assertEquals(assertThrows(() => cu.runGc(), LuaError).kind, "time");
  cu.runGc();
  assertEquals(cu.compute("return 1 + 1"), 2);
});

Deno.test("onProgress is called while code runs, and stops it by throwing", async () => {
  let calls = 0;
  let stop = false;
  const reason = new DOMException("enough", "AbortError");
  const controller = new AbortController();
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({
    now: clock.now,
    onProgress: () => {
      calls++;
      if (calls === 3 && stop) controller.abort(reason);
      controller.signal.throwIfAborted();
    },
  });
  assertEquals(cu.compute("local n = 0 for i = 1, 2e6 do n = n + 1 end return n"), 2_000_000);
  // A hundred looks at the clock and more, and a call each 5 ms.
  assert(calls >= clock.time / 7 && calls <= clock.time / 5, `${calls} calls in ${clock.time} ms`);
  stop = true;
  calls = 0;
  const spin = "while true do pcall(function() while true do end end) end";
  assertStrictEquals(assertThrows(() => cu.compute(spin)), reason);
  assertEquals(calls, 3);
  assertEquals(cu.compute("return 1 + 1"), 2);
});

Deno.test("print() goes to onPrint, a line a call, and honours __tostring", async () => {
  const lines: string[] = [];
  using cu = await ComputeUnit.create({ onPrint: (line) => lines.push(line) });
  cu.compute(
    "print('a', 1, nil, true, 2.0)\nprint()\nprint(setmetatable({}, { __tostring = function() return 'T' end }))",
  );
  assertEquals(lines, ["a\t1\tnil\ttrue\t2.0", "", "T"]);
  assertEquals(cu.printed, "");
});

Deno.test("print() is kept for the unit without onPrint, for the last compute", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("print('a'); print('b', 2)");
  assertEquals(cu.printed, "a\nb\t2\n");
  cu.compute("");
  assertEquals(cu.printed, "");
  const error = errorOf(cu, "while true do print(('x'):rep(10000)) end");
  assert(error.cause instanceof RangeError);
  assertStringIncludes((error.cause as RangeError).message, "onPrint");
});

Deno.test("an error that onPrint throws is the cause of a LuaError", async () => {
  const cause = new Error("disk full");
  using cu = await ComputeUnit.create({
    onPrint: () => {
      throw cause;
    },
  });
  assertEquals(errorOf(cu, "print('x')").cause, cause);
  assertEquals(cu.compute("return (pcall(print, 'x'))"), false);
  assertEquals(errorOf(cu, "error('other')").cause, undefined);
});

Deno.test("warn() is off until it is switched on", async () => {
  const lines: string[] = [];
  using cu = await ComputeUnit.create({ onPrint: (line) => lines.push(line) });
  cu.compute("warn('quiet'); warn('@on'); warn('a', 'b'); warn('@off'); warn('quiet')");
  assertEquals(lines, ["Lua warning: ab"]);
});

Deno.test("a unit can't be used while it runs", async () => {
  const messages: string[] = [];
  using cu: ComputeUnit = await ComputeUnit.create({
    onPrint: () => {
      for (const use of [() => cu.compute("return 1"), () => cu.setInput(1), () => cu.clearIo(), () => cu.dispose()]) {
        try {
          use();
        } catch (error) {
          messages.push((error as Error).message);
        }
      }
    },
  });
  cu.compute("print('x')");
  assertEquals(messages.length, 4);
  for (const message of messages) assertStringIncludes(message, "unit is running");
});

Deno.test("a disposed unit throws", async () => {
  const cu = await ComputeUnit.create();
  cu.dispose();
  cu.dispose();
  assertThrows(() => cu.compute("return 1"), TypeError, "Cannot compute: the unit has been disposed");
  assertThrows(() => cu.setInput(1), TypeError, "disposed");
  assertThrows(() => cu.getOutput(), TypeError, "disposed");
  assertThrows(() => cu.getMemoryStats(), TypeError, "disposed");
  assertThrows(() => cu.ioTableId, TypeError, "disposed");
});

Deno.test("create() refuses limits that make no sense", async () => {
  for (const memoryLimit of [0, -1, NaN, 1000, 2 ** 32 + 1, Infinity]) {
    const error = await ComputeUnit.create({ memoryLimit }).then(() => undefined, (error) => error);
    assert(error instanceof RangeError, String(memoryLimit));
  }
  for (const timeLimit of [0, -1, NaN]) {
    const error = await ComputeUnit.create({ timeLimit }).then(() => undefined, (error) => error);
    assert(error instanceof RangeError, String(timeLimit));
  }
});

Deno.test("create() takes a ready module", async () => {
  const bytes = await Deno.readFile(new URL("../../wasm/cu.wasm", import.meta.url));
  using cu = await ComputeUnit.create({ module: await WebAssembly.compile(bytes) });
  const other = await WebAssembly.compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  await assertRejects(
    () => ComputeUnit.create({ module: other }),
    TypeError,
    "module must be the WebAssembly.Module of this package, got a Module",
  );
  assertEquals(cu.compute("return 'ready'"), "ready");
});

Deno.test("getMemoryStats() measures, and runGc() frees", async () => {
  using cu = await ComputeUnit.create();
  const before = cu.getMemoryStats();
  cu.compute("kept = {} for i = 1, 10000 do kept[i] = { i } end");
  const full = cu.getMemoryStats();
  assert(full.usedBytes - before.usedBytes > 10_000 * 56, "a table with one element has at least 56 bytes");
  assert(full.peakBytes >= full.usedBytes && full.wasmBytes > full.usedBytes);
  assertAlmostEquals(cu.compute<number>("return collectgarbage('count') * 1024"), full.usedBytes, 20_000);
  cu.compute("kept = nil");
  cu.runGc();
  assertAlmostEquals(cu.getMemoryStats().usedBytes, before.usedBytes, 20_000);
});

Deno.test("WASM memory grows only where collecting garbage frees too little", async () => {
  using cu = await ComputeUnit.create();
  // Lua itself would wait until there is ten times as much.
  cu.compute("kept = {} for i = 1, 100000 do kept[i] = { i } end collectgarbage() collectgarbage('incremental', 1000)");
  const before = cu.getMemoryStats().wasmBytes;
  cu.compute("for i = 1, 800000 do local garbage = { i } end");
  const { wasmBytes } = cu.getMemoryStats();
  assert(wasmBytes < 2 * before, `${before} bytes grew to ${wasmBytes}`);
});

Deno.test("os gives time of the host, in UTC, and nothing else", async () => {
  using cu = await ComputeUnit.create();
  const before = Math.floor(Date.now() / 1000);
  const time = cu.compute<number>("return os.time()");
  assert(before <= time && time <= Date.now() / 1000, String(time));
  assertEquals(cu.compute("return os.date('!%Y-%m-%d %H:%M:%S', 0)"), "1970-01-01 00:00:00");
  assertEquals(cu.compute("return os.time({ year = 2024, month = 2, day = 29, hour = 12 })"), 1709208000);
  assert(cu.compute<number>("return os.clock()") >= 0);
  assertEquals(
    cu.compute("local names = {} for name in pairs(os) do names[#names + 1] = name end table.sort(names) return names"),
    ["clock", "date", "difftime", "getenv", "setlocale", "time"],
  );
});

Deno.test("math.random differs from unit to unit", async () => {
  using a = await ComputeUnit.create();
  using b = await ComputeUnit.create();
  assert(a.compute("return math.random(0)") !== b.compute("return math.random(0)"));
  const reseeded = "math.randomseed() return math.random(0)";
  assert(a.compute(reseeded) !== b.compute(reseeded));
});

Deno.test("the order of pairs over numbers differs from unit to unit", async () => {
  for (const key of ["i * 1000003", "i + 0.5"]) {
    const orders = new Set<string>();
    for (let i = 0; i < 4; i++) {
      using cu = await ComputeUnit.create();
      orders.add(cu.compute(`
        local t, keys = {}, {}
        for i = 1, 100 do t[${key}] = true end
        for key in pairs(t) do keys[#keys + 1] = key end
        return table.concat(keys, " ")
      `));
    }
    assertEquals(orders.size, 4, key);
  }
});

Deno.test("code that is neither text nor bytes is wrong use", async () => {
  using cu = await ComputeUnit.create();
  for (const code of [5, null, undefined, {}]) {
    assertThrows(() => cu.compute(code as unknown as string), TypeError, "neither a string nor a Uint8Array");
    assertThrows(() => cu.compile(code as unknown as string), TypeError, "neither a string nor a Uint8Array");
  }
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("a first line that begins with # is skipped, and a byte order mark before it", async () => {
  using cu = await ComputeUnit.create();
  const firsts = ["#!/usr/bin/env lua\n", "# comment\n", "#\n", "\ufeff", "\ufeff#!lua\n", "#!lua\r\n"];
  for (const first of firsts) {
    const line = first.includes("\n") ? 2 : 1;
    for (const encode of [(code: string) => code, (code: string) => new TextEncoder().encode(code)]) {
      assertEquals(cu.compute(encode(`${first}return 5`)), 5, first);
      assertEquals(cu.computeAll(encode(`${first}return 5, 6`)), [5, 6], first);
      using run = cu.compile(encode(`${first}return 7`));
      assertEquals(run(), 7, first);
      const error = assertThrows(() => cu.compute(encode(`${first}error("here")`)), LuaError);
      assertEquals([error.message, error.line], ["here", line], first);
    }
  }
  assertEquals(cu.compute("#"), null);
  assertEquals(cu.compute("#return 5"), null);
  assertThrows(() => cu.compute("\n#!lua\nreturn 5"), LuaError, "unexpected symbol near '#'");
  assertThrows(() => cu.compute("\ufeff\ufeffreturn 5"), LuaError, "unexpected symbol");
  // As in Lua: a file's, not a text's.
  assertEquals(cu.compute("return load('#!lua\\nreturn 5')"), null);
  assertEquals(cu.compute("return load('\\xef\\xbb\\xbfreturn 5')"), null);
});

Deno.test("clearIo() collects garbage only where Lua may have let go of the host's objects", async () => {
  using cu = await ComputeUnit.create();
  // `_home` and external tables hold nothing of the host's that an input has given.
  cu.compute("_home.kept, other = {}, ext.table() weak = setmetatable({}, { __mode = 'k' }) weak[{}] = true");
  cu.clearIo();
  assertEquals(cu.compute("return next(weak) ~= nil"), true);
  cu.setInput({ list: [1, 2, 3] }, { lazy: true });
  cu.compute("seen = #_io.input.list");
  cu.clearIo();
  assertEquals(cu.compute("return next(weak) ~= nil"), false);
});
