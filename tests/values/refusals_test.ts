// What can't be passed, either way, is refused with its path.

import { assertEquals, assertThrows } from "@std/assert";
import { ComputeUnit } from "@computeunit/cu";
import { roundTrip } from "../helpers/round_trip.ts";

Deno.test("what can't be passed is refused with its path", async () => {
  // Metadata is copied or not as the unit says.
  using cu = await ComputeUnit.create({ lazyThreshold: Infinity });
  cu.setInput("before");
  const cases: [unknown, string][] = [
    [() => 1, "functions cannot be passed (at input.rows[3].handler)"],
    [class {}, "functions cannot be passed (at input.rows[3].handler)"],
    [Symbol("s"), "symbols cannot be passed (at input.rows[3].handler)"],
    [Promise.resolve(1), "Promise objects cannot be passed (at input.rows[3].handler)"],
    [new WeakMap(), "WeakMap objects cannot be passed"],
    [new WeakSet(), "WeakSet objects cannot be passed"],
    [/x/, "RegExp objects cannot be passed"],
    [new TypeError("x"), "Error objects cannot be passed"],
    [new String("boxed"), "String objects cannot be passed"],
    [new URL("https://example.com"), "URL objects cannot be passed"],
    [[].values(), "Array Iterator objects cannot be passed"],
  ];
  for (const [handler, message] of cases) {
    assertThrows(
      () => cu.setInput({ rows: [1, 2, 3, { name: "x", handler }] }, { lazy: false }),
      TypeError,
      `Cannot set input: ${message}`,
    );
    assertThrows(() => cu.setMetadata({ m: handler }), TypeError, "(at meta.m)");
  }
  assertThrows(() => cu.setInput({ "a b": { "": [() => 1] } }, { lazy: false }), TypeError, '(at input["a b"][""][0])');
  assertThrows(() => cu.setInput(new Map([["k", () => 1]]), { lazy: false }), TypeError, "(at input.k)");
  assertEquals(cu.compute("return _io.input"), "before");
});

Deno.test("getters and proxies that throw are refused with path and cause", async () => {
  using cu = await ComputeUnit.create();
  const cause = new Error("getter failed");
  const getter = {
    get x(): never {
      throw cause;
    },
  };
  const error = assertThrows(() => cu.setInput([{ a: getter }], { lazy: false }), TypeError, "getter failed");
  assertEquals([error.cause, error.message.endsWith("(at input[0].a.x)")], [cause, true]);
  for (const trap of ["get", "ownKeys", "getPrototypeOf", "getOwnPropertyDescriptor"] as const) {
    const proxy = new Proxy({ x: 1 }, {
      [trap]: () => {
        throw cause;
      },
    });
    assertEquals(assertThrows(() => cu.setInput({ proxy }, { lazy: false }), TypeError, "input.proxy").cause, cause);
  }
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  assertThrows(() => cu.setInput(revoked.proxy, { lazy: false }), TypeError, "(at input)");
  assertEquals(roundTrip(cu, new Proxy({ x: 1 }, {})), { x: 1 });
  cu.setInput("still works");
  assertEquals(cu.compute("return _io.input"), "still works");
});

Deno.test("containers that change while they are read are refused or read as they were", async () => {
  using cu = await ComputeUnit.create();
  const map = new Map<string, unknown>();
  map.set("a", {
    get x() {
      map.set("b", 1);
      return 1;
    },
  });
  assertThrows(() => cu.setInput(map, { lazy: false }), TypeError, "changed while it was read");
  const array: unknown[] = [
    {
      get x() {
        array.length = 1;
        return 1;
      },
    },
    2,
    3,
  ];
  assertEquals(roundTrip(cu, array, { lazy: false }), [{ x: 1 }, null, null]);
});

Deno.test("from Lua: a table marked as an object that can't be one is refused with its path", async () => {
  using cu = await ComputeUnit.create();
  for (const keys of ["[true] = 1", "[1.5] = 1", "[1] = 1, ['1'] = 2", "['\\xff'] = 1", "[{}] = 1"]) {
    assertThrows(
      () => cu.compute(`return { a = { _io.object({ ${keys} }) } }`),
      TypeError,
      "an object cannot have the keys of this table (at result.a[1])",
    );
  }
});

Deno.test("from Lua: functions, coroutines and foreign userdata are refused with the path", async () => {
  using cu = await ComputeUnit.create();
  const cases: [string, string][] = [
    ["{ rows = { 1, 2, { handler = print } } }", "functions cannot be passed (at output.rows[3].handler)"],
    ["{ a = { b = coroutine.create(print) } }", "coroutines cannot be passed (at output.a.b)"],
    ["{ [print] = 1 }", "functions cannot be passed (at output[...])"],
    ["{ [1.5] = { x = print } }", "functions cannot be passed (at output[...].x)"],
    ["{ ['a b'] = print, [7] = 1 }", 'functions cannot be passed (at output["a b"])'],
    ["{ 1, 2, x = 1, [4] = print }", "functions cannot be passed (at output[4])"],
    ["print", "functions cannot be passed (at output)"],
  ];
  for (const [code, message] of cases) {
    cu.compute(`_io.output = ${code}`);
    assertThrows(() => cu.getOutput(), TypeError, `Cannot get output: ${message}`);
  }
  assertThrows(
    () => cu.compute("return print"),
    TypeError,
    "Cannot return the result: functions cannot be passed (at result)",
  );
  // Shapes defined in a message that failed are defined again.
  for (let i = 0; i < 3; i++) {
    cu.compute("_io.output = { new_a = { new_b = 1, new_c = { new_d = print } } }");
    assertThrows(() => cu.getOutput(), TypeError);
    cu.compute("_io.output = { new_a = { new_b = 1, new_c = { new_d = 2 } } }");
    assertEquals(cu.getOutput(), { new_a: { new_b: 1, new_c: { new_d: 2 } } });
    assertThrows(() => cu.setInput({ new_a: { new_b: 1, new_c: { new_d: () => 1 } } }, { lazy: false }), TypeError);
    assertEquals(roundTrip(cu, { new_a: { new_b: 1, new_c: { new_d: 2 } } }), {
      new_a: { new_b: 1, new_c: { new_d: 2 } },
    });
  }
});
