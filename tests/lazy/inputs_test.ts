// What setInput and setInputField do with a lazy input, before code reads it.

import { assert, assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ComputeUnit } from "@computeunit/cu";
import { CountingMap, countingReads } from "../helpers/counting.ts";
import { LAZY, rows } from "../helpers/lazy.ts";

Deno.test("setInput() lazily reads as much whatever the size", async () => {
  using cu = await ComputeUnit.create();
  const readsOf = (count: number) => {
    const [list, reads] = countingReads(rows(count));
    const map = new CountingMap(rows(count).map((row) => [row.name, row]));
    cu.setInput([list, map], LAZY);
    const given = { ...reads, lookups: map.lookups, listed: map.listed };
    assertStrictEquals(cu.compute(`return _io.input[1][${count - 50}].id`), count - 51);
    return [given, { ...reads }];
  };
  assertEquals(readsOf(20_000), readsOf(2000));
  // Elements of typed arrays can't count: those that are copied take memory.
  const used = () => cu.getMemoryStats().usedBytes;
  cu.setInput(new Float64Array(1), LAZY);
  const before = used();
  cu.setInput(new Float64Array(5_000_000), LAZY);
  assert(used() - before < 1000, `${used() - before} bytes`);
});

Deno.test("setInput() lazily calls no getter", async () => {
  using cu = await ComputeUnit.create();
  let calls = 0;
  const counting = () => ({
    get first() {
      return ++calls;
    },
    get second() {
      return ++calls;
    },
  });
  for (const input of [counting(), [counting(), counting()], { nested: counting() }, new Map([["k", counting()]])]) {
    cu.setInput(input, LAZY);
    assertStrictEquals(calls, 0);
  }
  cu.setInput({ plain: 1, nested: counting() }, LAZY);
  assertStrictEquals(cu.compute("return _io.input.plain"), 1);
  assertStrictEquals(calls, 0, "what isn't read isn't called");
  assertStrictEquals(cu.compute("return type(_io.input.nested.second)"), "number");
  assert(calls > 0);
});

Deno.test("setInput() lazily reads an array's elements only when code does", async () => {
  using cu = await ComputeUnit.create();
  const read = new Set<string>();
  const spied = new Proxy(rows(1000), {
    get(target, key) {
      if (typeof key === "string" && key !== "length") read.add(key);
      return Reflect.get(target, key);
    },
  });
  cu.setInput({ spied }, LAZY);
  assertStrictEquals(read.size, 0);
  assertStrictEquals(cu.compute("return _io.input.spied[500].id"), 499);
  assert(read.has("499") && read.size < 20, `read ${read.size}`);
  assertStrictEquals(cu.compute("local n = 0 for _ in ipairs(_io.input.spied) do n = n + 1 end return n"), 1000);
  assert(read.size >= 1000);
});

Deno.test("setInput() copies small values and refers to large ones, unless told otherwise", async () => {
  using cu = await ComputeUnit.create();
  const back = (value: unknown, options = {}) => {
    cu.setInput(value, options);
    return cu.compute<unknown>("return _io.input");
  };
  const small = rows(10), large = rows(50_000);
  assert(back(small) !== small);
  const read = cu.getMemoryStats().peakBytes;
  assertEquals(back(large), large);
  assert(cu.getMemoryStats().peakBytes - read < 1024 * 1024, "it isn't copied into the unit");
  assert(back(large) !== large);
  assertStrictEquals(back(small, LAZY), small);
  const copy = back(large, { lazy: false });
  assert(copy !== large);
  assertEquals(copy, large);
  assertStrictEquals(back("x".repeat(1_000_000), LAZY), "x".repeat(1_000_000));
  for (const value of [null, true, 5, "text", 2n ** 60n]) assertStrictEquals(back(value, LAZY), value);
  assertEquals(back(new Date(5), LAZY), new Date(5));
  assertEquals(back(new Uint8Array([255]), LAZY), new Uint8Array([255]));
  using never = await ComputeUnit.create({ lazyThreshold: Infinity });
  never.setInput(large);
  assert(never.compute<unknown>("return _io.input") !== large);
  using always = await ComputeUnit.create({ lazyThreshold: 0 });
  always.setInput(small);
  assertEquals(always.compute<unknown>("return _io.input[2]"), small[1]);
  assert(always.compute<unknown>("return _io.input[2]") !== small[1]);
});

Deno.test("setInputField() takes a lazy value, also into a lazy input", async () => {
  using cu = await ComputeUnit.create();
  const whole = { a: { b: 1 } }, field = { list: [1, { c: 2 }] }, other = rows(3);
  cu.setInput(whole, LAZY);
  cu.setInputField("field", field, LAZY);
  cu.setInputField("copy", { d: 4 }, { lazy: false });
  const [input, list] = cu.computeAll("return _io.input, _io.input.field.list[2].c");
  assertEquals([input, list], [{ a: { b: 1 }, copy: { d: 4 }, field: { list: [1, { c: 2 }] } }, 2]);
  assertStrictEquals((input as Record<string, unknown>).field, field);
  assertStrictEquals((input as Record<string, unknown>).a, whole.a);
  assertEquals(whole, { a: { b: 1 } });
  cu.clearIo();
  cu.setInputField("rows", other, LAZY);
  cu.compute("_io.input.rows[2].id = 'changed' _io.output = _io.input");
  const output = cu.getOutput<{ rows: unknown[] }>();
  assertEquals(output.rows, [other[0], { ...other[1], id: "changed" }, other[2]] as unknown[]);
  assertStrictEquals(output.rows[2], other[2]);
});

Deno.test("setInput() lazily refuses at once what is no container, or none that can be read", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput("before");
  for (const value of [() => 1, Symbol("s"), /x/, Promise.resolve(), "\ud800", 2n ** 64n]) {
    const error = assertThrows(() => cu.setInput(value, LAZY));
    assert(error instanceof TypeError || error instanceof RangeError);
    assertStringIncludes(error.message, "(at input)");
  }
  assertEquals(cu.compute("return _io.input"), "before");
});
