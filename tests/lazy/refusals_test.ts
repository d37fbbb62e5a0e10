// What can't be passed, or can't be read, is refused when code reads it, with its path.

import { assert, assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { LAZY } from "../helpers/lazy.ts";

Deno.test("setInput() lazily refuses what can't be passed when code reads it, with its path", async () => {
  using cu = await ComputeUnit.create();
  const cases: [unknown, string][] = [
    [() => 1, "functions cannot be passed"],
    [class {}, "functions cannot be passed"],
    [Symbol("s"), "symbols cannot be passed"],
    [Promise.resolve(1), "Promise objects cannot be passed"],
    [new WeakMap(), "WeakMap objects cannot be passed"],
    [/x/, "RegExp objects cannot be passed"],
    [new TypeError("x"), "Error objects cannot be passed"],
    [new URL("https://example.com"), "URL objects cannot be passed"],
    ["a\ud800", "lone surrogate cannot be passed"],
    [2n ** 63n, "is beyond 64 bits"],
  ];
  for (const [handler, message] of cases) {
    const type = typeof handler === "bigint" ? RangeError : TypeError;
    const input = { rows: [1, 2, 3, { name: "x", handler }, 5], after: "after", map: new Map([["k", handler]]) };
    cu.setInput(input, LAZY);
    assertEquals(
      cu.computeAll("local r = _io.input.rows return r[1], r[4].name, r[5], #r, _io.input.after"),
      [1, "x", 5, 5, "after"],
    );
    const error = assertThrows(() => cu.compute("return _io.input.rows[4].handler"), type, message);
    assert(error.message.startsWith("Cannot read input: "), error.message);
    assert(error.message.endsWith("(at input.rows[3].handler)"), error.message);
    assertThrows(() => cu.compute("return _io.input.map.k"), type, "(at input.map.k)");
    assertThrows(() => cu.compute("for k, v in pairs(_io.input.rows[4]) do end"), type, "(at input.rows[3].handler)");
    const [ok, caught, name] = cu.computeAll(
      "local ok, e = pcall(function() return _io.input.rows[4].handler end) return ok, e, _io.input.rows[4].name",
    );
    assertEquals([ok, name], [false, "x"]);
    assertStringIncludes(String(caught), `Cannot read input: `);
    assertStringIncludes(String(caught), `(at input.rows[3].handler)`);
    // Code may also leave it alone, and hand the whole back.
    assertStrictEquals(cu.compute<unknown>("return _io.input"), input);
    const caughtInside = `
      local ok = coroutine.wrap(function() return pcall(function() return _io.input.rows[4].handler end) end)()
      return ok
    `;
    assertStrictEquals(cu.compute(caughtInside), false);
  }
});

Deno.test("setInput() lazily refuses an element among many, and gives those around it", async () => {
  using cu = await ComputeUnit.create();
  const list: unknown[] = Array.from({ length: 3000 }, (_, i) => i % 3 === 0 ? i : { i });
  list[1500] = () => 1;
  list[2001] = { i: 2001, deep: [[Symbol("s")]] };
  cu.setInput(list, LAZY);
  const code = `
    local ok, failed, errors = 0, {}, {}
    for i = 1, #_io.input do
      local fine, e = pcall(function() return _io.input[i] end)
      if fine then ok = ok + 1 else failed[#failed + 1] = i errors[#errors + 1] = e end
    end
    return ok, failed, errors[1]
  `;
  const [ok, failed, error] = cu.computeAll(code);
  assertEquals([ok, failed], [2999, [1501]]);
  assertStringIncludes(String(error), "functions cannot be passed (at input[1500])");
  const partial = "local n = 0 local ok = pcall(function() for i in ipairs(_io.input) do n = i end end) return ok, n";
  assertEquals(cu.computeAll(partial), [false, 1500]);
  const backwards = "for i = #_io.input, 1502, -1 do local _ = _io.input[i] end return _io.input[2002].i";
  assertStrictEquals(cu.compute(backwards), 2001);
  assertThrows(() => cu.compute("return _io.input[2002].deep[1][1]"), TypeError, "(at input[2001].deep[0][0])");
  assertThrows(() => cu.compute("return _io.input[1501]"), TypeError, "(at input[1500])");
});

Deno.test("setInput() lazily refuses getters and Proxies that throw, with path and cause", async () => {
  using cu = await ComputeUnit.create();
  const cause = new Error("getter failed: 100 %s %d");
  const throwing = {
    name: "n",
    get x(): never {
      throw cause;
    },
  };
  cu.setInput([{ a: throwing }], LAZY);
  assertStrictEquals(cu.compute("return _io.input[1].a.name"), "n");
  for (const code of ["return _io.input[1].a.x", "for _ in pairs(_io.input[1].a) do end", "_io.input[1].a.y = 1"]) {
    const error = assertThrows(() => cu.compute(code), TypeError, "getter failed: 100 %s %d", code);
    assert(error.message.startsWith("Cannot read input: "), error.message);
    assert(error.message.endsWith("(at input[0].a.x)"), error.message);
    assertStrictEquals(error.cause, cause);
  }
  assertStrictEquals(cu.compute("return (pcall(function() return _io.input[1].a.x end))"), false);
  for (const trap of ["get", "ownKeys", "getPrototypeOf", "getOwnPropertyDescriptor"] as const) {
    const proxy = new Proxy({ x: 1 }, {
      [trap]: () => {
        throw cause;
      },
    });
    cu.setInput({ fine: 1, proxy }, LAZY);
    assertStrictEquals(cu.compute("return _io.input.fine"), 1);
    const error = assertThrows(
      () => cu.compute("local p = _io.input.proxy local x = p.x for _ in pairs(p) do end"),
      TypeError,
      "input.proxy",
      trap,
    );
    assertStringIncludes(error.message, "Cannot read input: ");
  }
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  cu.setInput({ fine: 1, list: [revoked.proxy] }, LAZY);
  assertStrictEquals(cu.compute("return _io.input.fine"), 1);
  assertThrows(() => cu.compute("return _io.input.list[1].x"), TypeError, "input.list[0]");
  const proxies = { object: new Proxy({ x: 1, y: { z: 2 } }, {}), list: new Proxy([1, { q: 2 }], {}) };
  assertEquals(
    (() => {
      cu.setInput(proxies, LAZY);
      return cu.computeAll("local p, l = _io.input.object, _io.input.list return p.x, p.y.z, #l, l[2].q, l[1]");
    })(),
    [1, 2, 2, 2, 1],
  );
});

Deno.test("setInput() lazily tells a refusal of any text and size as it is", async () => {
  using cu = await ComputeUnit.create();
  for (const text of ["a\0b", "\ud800", "x".repeat(30_000), "é".repeat(40_000), "compute:5: no position", "a\nb"]) {
    const input = {
      fine: 1,
      get x(): never {
        throw new Error(text);
      },
    };
    cu.setInput(input, LAZY);
    const error = assertThrows(() => cu.compute("return _io.input.x"), TypeError, "Cannot read input");
    assertStringIncludes(error.message, "(at input.x)");
  }
  const key = "k".repeat(50_000);
  cu.setInput({ [key]: { f() {} }, a: 1 }, LAZY);
  assertThrows(() => cu.compute("for k, v in pairs(_io.input) do local _ = type(v) == 'table' and v.f end"), TypeError);
});

Deno.test("setInput() lazily refuses a getter that calls back into the unit", async () => {
  using cu = await ComputeUnit.create();
  const calls: (() => unknown)[] = [
    () => cu.compute("return 1"),
    () => cu.setInput(1),
    () => cu.setInput({}, LAZY),
    () => cu.getOutput(),
    () => cu.clearIo(),
    () => cu.runGc(),
    () => cu.dispose(),
    () => cu.getMemoryStats(),
    () => cu.setInputField("x", 1),
  ];
  for (const call of calls) {
    const input = {
      fine: 1,
      get x() {
        return call();
      },
    };
    for (const code of ["return _io.input.x", "for k, v in pairs(_io.input) do end", "_io.input.y = 1"]) {
      cu.setInput(input, LAZY);
      assertThrows(() => cu.compute(code), TypeError, "the unit is running");
      assertStrictEquals(cu.compute("return _io.input.fine"), 1);
    }
  }
});

/** The causes of an error, itself first. */
function causesOf(error: unknown): unknown[] {
  const causes = [error];
  for (let next = error; next instanceof Error && causes.length < 10; causes.push(next)) {
    next = next.cause;
    if (next === undefined) break;
  }
  return causes;
}

Deno.test("no error is a cause of itself, whatever has thrown it and passed it on", async () => {
  const own = new Error("own");
  using cu = await ComputeUnit.create({
    stateLimit: 500,
    globals: {
      fail: () => {
        throw own;
      },
      failWith: (error: unknown) => {
        throw error;
      },
      give: () => () => 1,
      run: (code: string) => cu.compute(code),
    },
  });
  const failing = [
    "return _io.input.f",
    "return _io.input.getter",
    "_home.x = ('x'):rep(1000)",
    "_home.x = coroutine.create(print)",
    "_home.x = _home _home.x = function() return fail end return _home",
    "return give()",
    "return print",
    "fail()",
    "error({ coroutine.create(print) })",
    "run('return _io.input.f')",
  ];
  const passing = [
    (code: string) => code,
    (code: string) => `local ok, e = pcall(function() ${code} end) error(e)`,
    (code: string) => `local ok, e = pcall(function() ${code} end) failWith(e)`,
    (code: string) => `local ok, e = pcall(function() ${code} end) pcall(failWith, e) pcall(error, e) error(e)`,
    (code: string) => `local ok, e = pcall(function() ${code} end) local ok, e = pcall(failWith, e) failWith(e)`,
    (code: string) => `return run([==[${code}]==])`,
    (code: string) => `local f <close> = setmetatable({}, { __close = function(_, e) error(e) end }) ${code}`,
  ];
  const getter = {
    f: () => 1,
    get getter() {
      throw own;
    },
  };
  for (const code of failing.flatMap((code) => passing.map((pass) => pass(code)))) {
    for (
      const run of [
        () => cu.compute(code),
        () => cu.compute(code, { transaction: true }),
        () => cu.computeAsync(code, { input: getter, lazy: true }),
      ]
    ) {
      cu.setInput(getter, LAZY);
      try {
        await run();
      } catch (error) {
        const causes = causesOf(error);
        assertEquals(new Set(causes).size, causes.length, `${code}: ${causes.join(" <- ")}`);
        assert(causes.length < 5, code);
      }
    }
  }
});

Deno.test("a refusal is the host's error whatever passed it on, but not where code says something else", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput({ f: () => 1 }, LAZY);
  const read = "function() return _io.input.f end";
  for (
    const code of [
      `return coroutine.wrap(${read})()`,
      `local ok, e = pcall(${read}) error(e)`,
      `local ok, e = pcall(${read}) error(e, 0)`,
      `assert(pcall(${read}))`,
    ]
  ) {
    const error = assertThrows(() => cu.compute(code), TypeError, "functions cannot be passed (at input.f)");
    assert(error.cause instanceof LuaError);
    // Where it was, and no way back to the refusal.
    assertEquals([error.cause.cause, error.cause.line], [undefined, 1]);
  }
  // Text that ends like a refusal is code's own.
  const text = "Cannot read input: functions cannot be passed (at input.f)";
  for (const code of [`local ok, e = pcall(${read}) error("mine: " .. e)`, `pcall(${read}) error("${text}", 0)`]) {
    const own = assertThrows(() => cu.compute(code), LuaError, text);
    assertStrictEquals(own.cause, undefined);
  }
});
