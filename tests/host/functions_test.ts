import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit, IoWrapper, LuaError, type LuaFunction, type NamedValues, returns } from "@computeunit/cu";
import { LIBRARY_GLOBALS, LIBRARY_MODULES } from "../../src/host/powers.ts";
import { CountingClock } from "../helpers/clock.ts";
import { liveHeapBytes } from "../helpers/heap.ts";

const echo = (...values: unknown[]) => returns(...values);

// The type checker says whether these are true.
interface Api {
  add(a: number, b: number): number;
}
interface Pair {
  a: number;
  b: number;
}
const api: Api = { add: (a, b) => a + b };
const pair: Pair = { a: 2, b: 3 };
// @ts-expect-error a list
const _list: NamedValues = [1];
// @ts-expect-error a text
const _text: NamedValues = "add";
// @ts-expect-error a Map
const _map: NamedValues = new Map([["add", 1]]);
// @ts-expect-error a function
const _function: NamedValues = () => 1;

Deno.test("globals and metadata may be of the type of an interface", async () => {
  using cu = await ComputeUnit.create({ globals: api });
  using io = new IoWrapper(cu);
  const { returnValue } = await io.computeWithIo("return add(_io.meta.a, _io.meta.b)", null, { metadata: pair });
  assertEquals(returnValue, 5);
});

Deno.test("code calls functions of the host by their global names, and reads values", async () => {
  using cu = await ComputeUnit.create({
    globals: { add: (a: number, b: number) => a + b, VERSION: "1.2", limits: { most: 10, of: ["a", "b"] } },
  });
  assertEquals(cu.computeAll("return add(1, 2), VERSION, limits"), [3, "1.2", { most: 10, of: ["a", "b"] }]);
  assertEquals(cu.compute("return type(add)"), "function");
  // Another unit has none of it.
  using other = await ComputeUnit.create();
  assertEquals(other.computeAll("return add, VERSION"), [null, null]);
});

Deno.test("code reaches an object of functions by require, with the object as this", async () => {
  const kv = {
    prefix: "p:",
    data: new Map<string, unknown>(),
    get(key: string) {
      return this.data.get(this.prefix + key);
    },
    put(key: string, value: unknown) {
      this.data.set(this.prefix + key, value);
    },
    nested: { twice: (n: number) => 2 * n },
  };
  using cu = await ComputeUnit.create({ modules: { kv } });
  const code = `
    local kv = require "kv"
    kv.put("a", { 1, { x = true } })
    return kv.get("a"), kv.get("b"), kv.nested.twice(4), kv == require "kv", kv == package.loaded.kv
  `;
  assertEquals(cu.computeAll(code), [[1, { x: true }], null, 8, true, true]);
  assertEquals(kv.data.get("p:a"), [1, { x: true }]);
});

Deno.test("arguments and results of every kind cross as inputs and outputs do", async () => {
  using cu = await ComputeUnit.create({ globals: { echo } });
  const values: unknown[] = [
    ...[0, -0, 1.5, NaN, Infinity, 2 ** 53, -(2n ** 60n), true, false, null],
    ...["", "text", "ünï", "x".repeat(300), "x".repeat(100_000), new Uint8Array([255, 0])],
    ...[[1, null, 3], { a: { b: [] } }, new Map([[1, 2]]), new Set(["a"]), new Date(5), Float64Array.of(1.5)],
  ];
  for (const value of values) {
    cu.setInput({ value });
    assertEquals(cu.compute("return (echo(_io.input.value))"), cu.compute("return _io.input.value"), String(value));
  }
  const all = values.filter((value) => value !== null);
  cu.setInput(all);
  assertEquals(cu.computeAll("return echo(table.unpack(_io.input))"), cu.computeAll("return table.unpack(_io.input)"));
});

Deno.test("any number of arguments and results, nil among them", async () => {
  let given: unknown[] = [];
  using cu = await ComputeUnit.create({
    globals: {
      echo,
      take: (...args: unknown[]) => void (given = args),
      count: (n: number) => returns(...Array(n).fill(n)),
    },
  });
  assertEquals(cu.computeAll("return select('#', echo()), echo(nil), select('#', echo(nil, nil))"), [0, null, 2]);
  assertEquals(cu.computeAll("return echo(1, nil, 'x', {}, nil)"), [1, null, "x", {}, null]);
  cu.compute("take(nil, 1, nil)");
  assertEquals(given, [null, 1, null]);
  for (const count of [1, 16, 17, 200, 5000]) {
    assertEquals(cu.compute(`return select('#', count(${count}))`), count);
    cu.compute(`local t = {} for i = 1, ${count} do t[i] = i end take(table.unpack(t))`);
    assertEquals(given, Array.from({ length: count }, (_, i) => i + 1));
  }
  assertEquals(cu.compute("return (take())"), null);
});

Deno.test("an untouched view of an input given with lazy: true is the host's own object, any other a copy", async () => {
  const given: unknown[] = [];
  using cu = await ComputeUnit.create({ globals: { take: (value: unknown) => void given.push(value) } });
  const row = { id: 1, tags: ["a"] };
  cu.setInput({ row }, { lazy: true });
  cu.compute("take(_io.input.row)");
  assertStrictEquals(given.pop(), row);
  cu.compute("_io.input.row.id = 2 take(_io.input.row)");
  assertEquals(given.pop(), { id: 2, tags: ["a"] });
  assertEquals(row, { id: 1, tags: ["a"] });
  cu.setInput({ row }, { lazy: false });
  cu.compute("take(_io.input.row)");
  assert(given[0] !== row);
  assertEquals(given.pop(), row);
});

Deno.test("what a host function throws is an error in Lua, and the very same object outside", async () => {
  const thrown = new RangeError("no stock");
  using cu = await ComputeUnit.create({
    globals: {
      fail: () => {
        throw thrown;
      },
      failWith: (value: unknown) => {
        throw value;
      },
    },
  });
  const code = "local ok, e = pcall(fail, 1) return ok, e.name, e.message, tostring(e)";
  assertEquals(cu.computeAll(code), [false, "RangeError", "no stock", "RangeError: no stock"]);
  for (const code of ["fail()", "local ok, e = pcall(fail) error(e)", "coroutine.wrap(fail)()"]) {
    const error = assertThrows(() => cu.compute(code), LuaError, "no stock");
    assertStrictEquals(error.cause, thrown);
  }
  assertEquals(assertThrows(() => cu.compute("failWith('text')"), LuaError).cause, "text");
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("a LuaError that a host function throws is raised as its value", async () => {
  using inner = await ComputeUnit.create();
  using cu = await ComputeUnit.create({ globals: { run: (code: string) => inner.compute(code) } });
  assertEquals(cu.computeAll("local ok, e = pcall(run, 'error({ code = 7 })') return ok, e.code"), [false, 7]);
  assertEquals(cu.computeAll("return pcall(run, 'error(\"plain\", 0)')"), [false, "plain"]);
  const error = assertThrows(() => cu.compute("run('error({ code = 7 })')"), LuaError);
  assertEquals(error.value, { code: 7 });
  // Nil, false and a string that is no UTF-8 aren't lost for the message.
  assertEquals(cu.computeAll("return pcall(run, 'error(nil)')"), [false, null]);
  assertEquals(cu.computeAll("return pcall(run, 'error(false)')"), [false, false]);
  assertEquals(cu.compute(`local _, e = pcall(run, 'error("\\255\\0x", 0)') return e == "\\255\\0x"`), true);
});

Deno.test("what a host function throws passes code that others of the host run, as the very same object", async () => {
  const thrown = new RangeError("no stock");
  const fail = () => {
    throw thrown;
  };
  using inner = await ComputeUnit.create({ globals: { fail } });
  using cu = await ComputeUnit.create({
    globals: {
      fail,
      reject: () => Promise.reject(thrown),
      nothing: () => {
        throw undefined;
      },
      run: (f: LuaFunction) => f(),
      runAsync: (f: LuaFunction) => f.callAsync(),
      compute: () => inner.compute("fail()"),
    },
  });
  const runs = [
    "run(fail)",
    "run(function() run(fail) end)",
    "compute()",
    "run(function() error(select(2, pcall(fail))) end)",
  ];
  for (const run of runs) {
    const error = assertThrows(() => cu.compute(run), LuaError, "no stock");
    assertStrictEquals(error.cause, thrown);
    const caught = `local _, e = pcall(function() ${run} end) return { type(e), e.name, e.message }`;
    assertEquals<unknown>(cu.compute(caught), ["userdata", "RangeError", "no stock"]);
  }
  for (const run of ["runAsync(fail)", "runAsync(reject)", "runAsync(function() runAsync(reject) end)"]) {
    assertStrictEquals((await assertRejects(() => cu.computeAsync(run), LuaError, "no stock")).cause, thrown);
  }
  assertEquals(cu.compute("return type(select(2, pcall(run, nothing)))"), "userdata");
  // What code makes of it is code's own.
  assertEquals(
    cu.compute(`return select(2, pcall(run, function() error("a " .. select(2, pcall(fail)), 0) end))`),
    "a RangeError: no stock",
  );
});

Deno.test("what can't be passed is refused, as argument and as result, with function and path", async () => {
  using cu = await ComputeUnit.create({
    globals: { take: () => {}, fn: () => ({ a: [() => 1] }), surrogate: () => "\ud800", symbol: () => Symbol("s") },
    modules: { kv: { get: () => /x/ } },
  });
  const cases: [string, new (...args: never[]) => Error, string][] = [
    ["take(1, coroutine.create(print))", LuaError, "cannot call take: coroutines cannot be passed (at argument2)"],
    ["take({ x = { coroutine.create(print) } })", LuaError, "coroutines cannot be passed (at argument1.x[1])"],
    ["fn()", TypeError, "Cannot return from fn: functions cannot be passed (at result[0].a[0])"],
    ["surrogate()", TypeError, "Cannot return from surrogate: a string with a lone surrogate cannot be passed"],
    ["symbol()", TypeError, "Cannot return from symbol: symbols cannot be passed"],
    ["require('kv').get()", TypeError, "Cannot return from kv.get: RegExp objects cannot be passed"],
  ];
  for (const [code, type, message] of cases) {
    assertThrows(() => cu.compute(code), type, message);
    assertEquals(cu.compute(`return (pcall(function() ${code} end))`), false);
    assertEquals(cu.compute("return 1"), 1);
  }
});

Deno.test("a promise is refused with the function's name, and its failure is nobody's", async () => {
  using cu = await ComputeUnit.create({
    globals: { later: () => Promise.reject(new Error("unheard")), thenable: () => ({ then() {} }) },
  });
  for (const name of ["later", "thenable"]) {
    const error = assertThrows(() => cu.compute(`${name}()`), LuaError, `${name} returned a promise`);
    assertInstanceOf(error.cause, TypeError);
  }
  await new Promise((resolve) => setTimeout(resolve, 0));
});

Deno.test("a host function that disposes of its unit gets a TypeError, and the unit goes on", async () => {
  const cu: ComputeUnit = await ComputeUnit.create({ globals: { dispose: () => cu.dispose() } });
  const error = assertThrows(() => cu.compute("dispose()"), LuaError, "the unit is running");
  assertInstanceOf(error.cause, TypeError);
  assertEquals(cu.compute("return 1"), 1);
  cu.dispose();
});

Deno.test("time in a host function counts, and calls are paid for", async () => {
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({
    timeLimit: 50,
    now: clock.now,
    globals: { slow: () => void (clock.time += 10) },
  });
  let calls = 0;
  assertThrows(() => cu.compute("while true do slow() end"), LuaError, "time limit");
  assertThrows(() => cu.compute("while true do pcall(slow) end"), LuaError, "time limit");
  using fast = await ComputeUnit.create({
    timeLimit: 50,
    now: new CountingClock().now,
    globals: { f: () => void calls++ },
  });
  assertThrows(() => fast.compute("while true do pcall(f) end"), LuaError, "time limit");
  assert(calls > 0 && calls < 100_000, `${calls} calls`);
  assertEquals(fast.compute("return 1"), 1);
});

Deno.test("only own properties count: nothing of a prototype is given, read or changed", async () => {
  class Store {
    value = 1;
    secret() {
      return 2;
    }
  }
  using cu = await ComputeUnit.create({ globals: { store: { inner: new Store() }, get: () => new Store() } });
  assertEquals(cu.compute("return store"), { inner: { value: 1 } });
  const code = `
    local names = { "constructor", "__proto__", "prototype", "toString", "hasOwnProperty", "secret" }
    local found = {}
    for _, name in ipairs(names) do
      for _, holder in ipairs({ store, store.inner, get() }) do found[#found + 1] = holder[name] end
    end
    get().__proto__ = { polluted = true }
    store.inner.__proto__ = { polluted = true }
    return #found
  `;
  assertEquals(cu.compute(code), 0);
  assertEquals(({} as Record<string, unknown>).polluted, undefined);
});

Deno.test("a script can neither make nor find a host function that it wasn't given", async () => {
  let calls = 0;
  using cu = await ComputeUnit.create({ globals: { granted: () => void calls++ } });
  const found = cu.compute<string[]>(`
    local seen, found = {}, {}
    local function look(value, path)
      if type(value) ~= "table" or seen[value] then
        if type(value) == "function" and not pcall(string.dump, value) then found[#found + 1] = path end
        return
      end
      seen[value] = true
      for k, v in pairs(value) do look(v, path .. "." .. tostring(k)) end
      look(getmetatable(value), path .. "<meta>")
    end
    look(_G, "_G")
    return found
  `);
  assert(found.includes("_G.granted"));
  assert(!found.some((path) => path.includes("cu_")), found.join(" "));
  assertThrows(() => cu.setInput({ f: () => 1 }), TypeError, "functions cannot be passed");
  using other = await ComputeUnit.create();
  assertThrows(() => other.compute("granted()"), LuaError);
  assertEquals(calls, 0);
});

Deno.test("names of Lua's own are refused at creation, unless replace names them", async () => {
  for (const name of LIBRARY_GLOBALS) {
    await assertRejectsType(() => ComputeUnit.create({ globals: { [name]: 1 } }), `the global ${name} is Lua's own`);
  }
  for (const name of LIBRARY_MODULES) {
    await assertRejectsType(() => ComputeUnit.create({ modules: { [name]: {} } }), `the module ${name} is Lua's own`);
  }
  const lines: unknown[] = [];
  using cu = await ComputeUnit.create({
    globals: { print: (...parts: unknown[]) => void lines.push(parts) },
    modules: { string: { upper: () => "!" } },
    replace: ["print", "string"],
  });
  cu.compute("print(1, 'a')");
  assertEquals(lines, [[1, "a"]]);
  assertEquals(cu.computeAll("return require('string').upper('x'), ('x'):upper()"), ["!", "X"]);
});

Deno.test("the lists of Lua's own names are those of a unit", async () => {
  using cu = await ComputeUnit.create();
  const names = (table: string) =>
    cu.compute<string[]>(`local t = {} for k in pairs(${table}) do t[#t + 1] = k end table.sort(t) return t`);
  assertEquals(names("_G"), [...LIBRARY_GLOBALS].sort());
  assertEquals(names("package.loaded"), [...LIBRARY_MODULES].sort());
});

Deno.test("options that give powers are checked", async () => {
  await assertRejectsType(() => ComputeUnit.create({ globals: [] as never }), "globals must be a plain object");
  await assertRejectsType(() => ComputeUnit.create({ modules: new Map() as never }), "modules must be a plain object");
  await assertRejectsType(() => ComputeUnit.create({ modules: { kv: 1 as never } }), 'the module "kv" is neither');
  await assertRejectsType(() => ComputeUnit.create({ replace: "print" as never }), "replace must be an array of names");
  for (
    const [name, help] of [
      ["printt", "did you mean print?"],
      ["string.format", "did you mean string?"],
      ["log", "it takes names of Lua's own globals and modules"],
    ]
  ) {
    const message = `Cannot create a compute unit: replace has "${name}"; ${help}`;
    await assertRejectsType(() => ComputeUnit.create({ replace: [name] }), message);
  }
  using other = await ComputeUnit.create({ replace: ["json", "os"], modules: { json: { os: 1 } } });
  assertEquals(other.compute("return require('json').os"), 1);
  await assertRejectsType(() => ComputeUnit.create({ globals: { x: Symbol("s") } }), "symbols cannot be passed (at x)");
  await assertRejectsType(
    () => ComputeUnit.create({ modules: { kv: { deep: [new WeakMap()] } } }),
    "WeakMap objects cannot be passed (at kv.deep[0])",
  );
});

Deno.test("a wrapper's own unit has the powers that it is given", async () => {
  using io = new IoWrapper({ globals: { tax: (n: number) => n * 0.2 } });
  const { output } = await io.computeWithIo("_io.output = tax(_io.input)", 100);
  assertEquals(output, 20);
});

Deno.test("100,000 calls, errors among them: memory of both sides is flat", async () => {
  let n = 0;
  using cu = await ComputeUnit.create({
    globals: {
      row: (row: Record<string, unknown>) => ({ ...row, seen: true }),
      sometimes: () => {
        if (++n % 3 === 0) throw new Error("third");
        return n;
      },
    },
  });
  const code = `
    for i = 1, 5000 do
      local r = row({ id = i, name = "row " .. i })
      assert(r.id == i and r.seen)
      pcall(sometimes)
    end
  `;
  cu.compute(code);
  cu.runGc();
  const before = cu.getMemoryStats();
  const heap = await liveHeapBytes();
  for (let i = 0; i < 10; i++) cu.compute(code);
  cu.runGc();
  const after = cu.getMemoryStats();
  assert(after.usedBytes < before.usedBytes + 8192, `${after.usedBytes - before.usedBytes} bytes more`);
  assertEquals(after.wasmBytes, before.wasmBytes);
  assert(await liveHeapBytes() < heap + 1_000_000);
});

Deno.test("a call for whose arguments or results there is no memory is a memory error, and the unit goes on", async () => {
  using cu = await ComputeUnit.create({
    memoryLimit: 2 * 1024 * 1024,
    globals: {
      large: () => Array.from({ length: 100_000 }, (_, i) => ({ i })),
      long: () => "x".repeat(4_000_000),
      echo,
    },
  });
  for (const name of ["large", "long"]) {
    assertEquals(cu.computeAll(`return pcall(${name})`), [false, "not enough memory"]);
    assertEquals(cu.computeAll("return (echo(1, { 2 }))"), [1]);
  }
});

Deno.test("property: arguments and results come back as they went", async () => {
  using cu = await ComputeUnit.create({ globals: { echo } });
  const scalar = fc.oneof(fc.integer(), fc.double(), fc.boolean(), fc.string({ unit: "grapheme" }));
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      scalar,
      fc.array(tie("value"), { minLength: 1, maxLength: 5 }),
      fc.dictionary(fc.string({ unit: "grapheme" }), tie("value"), { maxKeys: 5 }),
    ),
  })).value;
  fc.assert(
    fc.property(fc.array(value, { maxLength: 20 }), (values) => {
      cu.setInput(values, { lazy: false });
      assertEquals(
        cu.computeAll("return echo(table.unpack(_io.input, 1, #_io.input))"),
        cu.computeAll("return table.unpack(_io.input, 1, #_io.input)"),
      );
    }),
    { numRuns: 200 },
  );
});

async function assertRejectsType(run: () => Promise<ComputeUnit>, message: string): Promise<void> {
  await assertRejects(async () => (await run()).dispose(), TypeError, message);
}

Deno.test("call() calls a function by its name, dotted too, and gives its first result, callAll() all", async () => {
  using cu = await ComputeUnit.create();
  cu.compute(`
    function add(a, b) return a + b, "more" end
    rules = { tax = { count = function(...) return select("#", ...), ... end } }
    callable = setmetatable({}, { __call = function(_, x) return 2 * x end })
  `);
  assertEquals(cu.call("add", 1, 2), 3);
  assertEquals(cu.callAll("add", 1, 2), [3, "more"]);
  assertEquals(cu.callAll("rules.tax.count", 1, null, [2], undefined), [4, 1, null, [2], null]);
  assertEquals([cu.call("callable", 21), cu.call("string.upper", "a"), cu.call("print")], [42, "A", null]);
  const many = Array.from({ length: 5000 }, (_, i) => i);
  assertEquals(cu.callAll("rules.tax.count", ...many), [5000, ...many]);
  const row = { a: { b: new Map([[1, new Date(0)]]) } };
  assertEquals(cu.callAll("rules.tax.count", row)[1], row);
});

Deno.test("call() refuses what it can't call or pass, and tells what code raises", async () => {
  using cu = await ComputeUnit.create({ timeLimit: 50, now: new CountingClock().now });
  cu.compute("t = { n = 1 } function fail() error({ code = 1 }) end function loop() while true do end end");
  const cases: [string, unknown[], new (...args: never[]) => Error, string][] = [
    ["nope", [], LuaError, "attempt to call a nil value (global 'nope')"],
    ["t.n", [], LuaError, "attempt to call a number value (global 't.n')"],
    ["t.n.x", [], LuaError, "attempt to call a nil value (global 't.n.x')"],
    ["", [], LuaError, "attempt to call a nil value (global '')"],
    ["t\0x", [], LuaError, "attempt to call a nil value (global 't\0x')"],
    ["..", [], LuaError, "attempt to call a nil value (global '..')"],
    ["fail", [() => 1], TypeError, "Cannot call fail: functions cannot be passed (at arguments[1])"],
    ["loop", [], LuaError, "time limit of 50 ms exceeded"],
  ];
  for (const [name, args, type, message] of cases) {
    assertThrows(() => cu.call(name, ...args), type, message);
    assertEquals(cu.call("tostring", 1), "1");
  }
  assertEquals(assertThrows(() => cu.call("fail"), LuaError).value, { code: 1 });
  assertThrows(() => cu.call(1 as unknown as string), TypeError, "the name is not a string, but a number");
  // No metamethod of the globals runs on the way.
  cu.compute("setmetatable(_G, { __index = function() error('own') end })");
  assertThrows(() => cu.call("nope"), LuaError, "attempt to call a nil value");
});

Deno.test("what a function does with the unit within a limit of its own limits nothing of the run around it", async () => {
  const taken: unknown[] = [];
  using cu = await ComputeUnit.create({
    now: new CountingClock().now,
    globals: {
      stop: () =>
        void assertThrows(() => cu.compute("while true do end", { timeLimit: 5 }), LuaError, "time limit of 5"),
      take: (text: string) => void taken.push(text.length),
    },
  });
  cu.compute("rows, text = {}, ('ä'):rep(1e6) for i = 1, 20000 do rows[i] = { i } end");
  assertEquals(cu.compute<unknown[]>("stop() return rows").length, 20_000);
  assertEquals(cu.compute<string>("stop() return text").length, 1e6);
  const { value, output } = await cu.computeAsync<unknown[], string>("stop() _io.output = text return rows");
  assertEquals([value.length, output.length], [20_000, 1e6]);
  cu.compute("stop() take(text)");
  assertEquals(taken, [1e6]);
});

for (
  const [limit, kind, message] of [
    [{ timeLimit: 3 }, "time", "time limit of 3 ms exceeded"],
    [{ stepLimit: 3000 }, "limit", "limit of 3000 steps exceeded"],
  ] as const
) {
  Deno.test(`what a function does with the unit is ended by the limit of the run around it: ${kind}`, async () => {
    const rows = Array.from({ length: 50_000 }, (_, i) => ({ i }));
    const json = JSON.stringify(rows);
    const uses: ((cu: ComputeUnit, f: LuaFunction) => unknown)[] = [
      (cu) => cu.setInput(rows, { lazy: false }),
      (cu) => cu.setInputJson(json),
      (cu) => cu.getOutput(),
      (cu) => cu.getOutputJson(),
      (cu) => cu.compute("for i = 1, 1e7 do end"),
      (cu) => cu.compute("for i = 1, 1e7 do end", { timeLimit: 1e6, stepLimit: 1e9 }),
      (cu) => cu.compile("x = 1 ".repeat(50_000)),
      (cu) => cu.call("identity", rows),
      (_, f) => f(rows),
      async (cu) => await cu.computeAsync("return #_io.input", { input: rows }),
      async (cu) => await new IoWrapper(cu).computeWithIo("return #_io.input", rows, { lazy: false }),
    ];
    for (const use of uses) {
      const errors: unknown[] = [];
      const ended: Promise<unknown>[] = [];
      using cu = await ComputeUnit.create({
        now: new CountingClock().now,
        globals: {
          use(f: LuaFunction) {
            try {
              const used = use(cu, f);
              if (used instanceof Promise) ended.push(used.catch((error) => errors.push(error)));
            } catch (error) {
              errors.push(error);
              throw error;
            }
          },
        },
      });
      cu.compute("function identity(x) return x end _io.output = {} for i = 1, 50000 do _io.output[i] = { i = i } end");
      const run = cu.computeAsync("pcall(use, identity) for i = 1, 1e7 do end", limit);
      const error = await assertRejects(() => run, LuaError, message);
      await Promise.all(ended);
      // Where the use takes no long time, it is the code after it that is ended.
      for (const inner of [error, ...errors]) {
        assertInstanceOf(inner, LuaError, `${use}`);
        assertEquals([inner.kind, inner.message], [kind, message], `${use}`);
      }
      assertEquals(cu.compute("return identity(1)"), 1);
    }
  });
}

Deno.test("what stands in several places of a result, a global or a module is one table there, too", async () => {
  const shared = { name: "shared" };
  const cyclic: Record<string, unknown> = { before: [1], name: "cyclic" };
  cyclic.itself = cyclic;
  const values = () => ({ first: { x: 1 }, a: shared, b: [shared, new Set([shared])], cyclic });
  using cu = await ComputeUnit.create({
    globals: { one: values, several: () => returns(shared, values(), shared), given: values() },
    modules: { given: values() },
  });
  const check = `
    local function check(v)
      assert(v.a.name == "shared" and v.a == v.b[1] and v.b[2][v.a])
      assert(v.cyclic.name == "cyclic" and v.cyclic == v.cyclic.itself and v.cyclic.before[1] == 1)
      return v.a
    end
  `;
  cu.compute(`${check} check(one()) check(given) check(require "given")`);
  cu.compute(`${check} local a, v, b = several() assert(a.name == "shared" and a == b and a == check(v))`);
});

Deno.test("a host function may throw anything, undefined too", async () => {
  for (const thrown of [undefined, null, 0, "", NaN, false, Symbol("s"), {}, Object.create(null)]) {
    const thrower = () => {
      throw thrown;
    };
    using cu = await ComputeUnit.create({ globals: { thrower, rejecter: () => Promise.reject(thrown) } });
    for (
      const run of [
        () => cu.compute("thrower()"),
        () => cu.call("thrower"),
        () => cu.compute("pcall(thrower) thrower()"),
      ]
    ) {
      const error = assertThrows(run, LuaError);
      assertEquals([error.kind, Object.is(error.cause, thrown)], ["runtime", true]);
    }
    const error = await assertRejects(() => cu.computeAsync("rejecter()"), LuaError);
    assertEquals([error.kind, Object.is(error.cause, thrown)], ["runtime", true]);
    assertEquals(cu.compute("return (pcall(thrower))"), false);
  }
});

Deno.test("an error that is larger than the unit is raised as any other", async () => {
  const error = new RangeError("x".repeat(2_000_000));
  const fail = () => {
    throw error;
  };
  using cu = await ComputeUnit.create({ memoryLimit: 1024 * 1024, globals: { fail } });
  for (let i = 0; i < 5; i++) assertStrictEquals(assertThrows(() => cu.compute("fail()"), LuaError).cause, error);
});

Deno.test("a Proxy that throws whatever it is asked is an error like any other", async () => {
  const { proxy: hostile, revoke } = Proxy.revocable({}, {});
  revoke();
  const fail = () => {
    throw hostile;
  };
  using cu = await ComputeUnit.create({
    globals: { fail, later: () => Promise.reject(hostile) },
    onPrint: fail,
    resolveModule: fail,
  });
  const caught = "local ok, e = pcall(%s) return { type(e), tostring(e) }";
  const text = ["userdata", "something that has no text"];
  for (const call of ["fail", "print, 1", "require, 'm'"]) {
    assertEquals<unknown>(cu.compute(caught.replace("%s", call)), text, call);
  }
  assertEquals((await cu.computeAsync(caught.replace("%s", "later"))).value as unknown, text);
  const errors = [
    assertThrows(() => cu.compute("fail()"), LuaError),
    await assertRejects(() => cu.computeAsync("later()"), LuaError),
  ];
  for (const error of errors) assert(error.cause === hostile);
  using watched = await ComputeUnit.create({ now: new CountingClock().now, onProgress: fail });
  let thrown: unknown;
  try {
    watched.compute("while true do end");
  } catch (error) {
    thrown = error;
  }
  assert(thrown === hostile);
});

Deno.test("what host functions throw is let go of in time, and code keeps no more of it than of memory", async () => {
  const texts = ["x", "x".repeat(100_000)];
  for (const text of texts) {
    let count = 0;
    const globals = {
      fail: () => {
        throw new RangeError(text + count++);
      },
    };
    using cu = await ComputeUnit.create({ memoryLimit: 4 * 1024 * 1024, globals });
    // Nothing is kept: the collector moves on by what the host has.
    const before = await liveHeapBytes();
    const grown = async () => (await liveHeapBytes() - before) / 1024 / 1024;
    cu.compute("for i = 1, 2000 do pcall(fail) end");
    assert(await grown() < 20, `${await grown()} MB`);
    const error = assertThrows(() =>
      cu.compute("t = {} for i = 1, 1e9 do _, t[i] = pcall(fail) assert(t[i] ~= 'not enough memory') end")
    );
    assertInstanceOf(error, LuaError);
    assert(await grown() < 30, `${await grown()} MB`);
    cu.compute("t = nil"); // garbage makes room
    const caught = assertThrows(() => cu.compute("for i = 1, 100 do pcall(fail) end fail()"), LuaError);
    assertInstanceOf(caught.cause, RangeError);
    using copy = cu.fork();
    assertInstanceOf(assertThrows(() => copy.compute("pcall(fail) fail()"), LuaError).cause, RangeError);
  }
});
