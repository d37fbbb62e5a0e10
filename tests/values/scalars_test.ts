// Booleans, numbers and strings as the tables of docs/IO_TABLE_API.md says.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit } from "@computeunit/cu";
import { inLua, roundTrip } from "../helpers/round_trip.ts";

Deno.test("booleans", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(roundTrip(cu, [true, false]), [true, false]);
});

Deno.test("safe integers are integers, all other numbers floats, bit for bit", async () => {
  using cu = await ComputeUnit.create();
  for (const n of [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 53 - 1, -(2 ** 53 - 1)]) {
    assertStrictEquals(roundTrip(cu, n), n);
    assertEquals(inLua(cu, n, "math.type(v)"), "integer");
  }
  for (const n of [-0, 0.1, -1.5, 2 ** 53, -(2 ** 53), 1e308, 5e-324, Infinity, -Infinity, NaN]) {
    assert(Object.is(roundTrip(cu, n), n), String(n));
    assertEquals(inLua(cu, n, "math.type(v)"), "float");
  }
});

Deno.test("NaN of any bits is NaN, and no number reads as something else", async () => {
  using cu = await ComputeUnit.create();
  const bits = new BigUint64Array(1);
  const number = new Float64Array(bits.buffer);
  for (let tag = 0n; tag < 0x20n; tag++) {
    bits[0] = 0xfffc_0000_0000_0001n | tag << 32n;
    assertEquals(roundTrip(cu, [number[0], 1]), [NaN, 1]);
    assertEquals(roundTrip(cu, new Float64Array(number)), new Float64Array([NaN]));
    assertEquals(cu.compute(`return string.unpack("<d", string.pack("<I8", 0x${bits[0].toString(16)}))`), NaN);
  }
});

Deno.test("bigints within int64 are integers, others are refused", async () => {
  using cu = await ComputeUnit.create();
  for (const n of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), 2n ** 60n + 1n]) {
    assertStrictEquals(roundTrip(cu, n), n);
    assertEquals(inLua(cu, n, "math.type(v) .. v"), `integer${n}`);
  }
  assertStrictEquals(roundTrip(cu, 5n), 5);
  for (const n of [2n ** 63n, -(2n ** 63n) - 1n, 10n ** 30n]) {
    assertThrows(() => cu.setInput({ a: [n] }, { lazy: false }), RangeError, `${n} is beyond 64 bits (at input.a[0])`);
  }
});

Deno.test("well-formed strings are UTF-8, of any length and content", async () => {
  using cu = await ComputeUnit.create();
  const strings = [
    "",
    "a",
    "\0",
    "a\0b",
    "\ufeffBOM",
    "äöü",
    "日本語",
    "😀",
    "\u{10ffff}",
    "\uffff",
    "x".repeat(40),
    "x".repeat(41),
  ];
  for (const length of [255, 256, 257, 1364, 1365, 1366, 4096, 4097, 32768, 65536, 1_000_000]) {
    strings.push("x".repeat(length), "é".repeat(length), "x".repeat(length - 1) + "😀");
  }
  for (const text of strings) {
    assertStrictEquals(roundTrip(cu, text), text);
    assertEquals(roundTrip(cu, [text, { [text]: text }]), [text, { [text]: text }]);
    assertEquals(inLua(cu, text, "#v"), new TextEncoder().encode(text).length);
  }
});

Deno.test("a string with a lone surrogate is refused with its path", async () => {
  using cu = await ComputeUnit.create();
  for (
    const text of ["\ud800", "a\udc00", "\udc00\ud800", "x".repeat(100) + "\ud800", "x".repeat(100_000) + "\udfff"]
  ) {
    assertThrows(
      () => cu.setInput({ list: [0, text] }, { lazy: false }),
      TypeError,
      "lone surrogate cannot be passed (at input.list[1])",
    );
    assertThrows(() => cu.setInput({ [text]: 1 }, { lazy: false }), TypeError, "lone surrogate");
  }
});

Deno.test("from Lua: numbers, nil, booleans", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(
    cu.computeAll("return nil, true, false, 1, 1.0, 0.1, -0.0, 1/0, 0/0, math.maxinteger, math.mininteger, 1 << 53"),
    [
      null,
      true,
      false,
      1,
      1,
      0.1,
      -0,
      Infinity,
      NaN,
      2n ** 63n - 1n,
      -(2n ** 63n),
      2n ** 53n,
    ],
  );
});

Deno.test("from Lua: a string in many places is one string, however long", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 16 * 1024 * 1024 });
  cu.compute("local s = ('x'):rep(1e6) local t = {} for i = 1, 1e5 do t[i] = s end _io.output = t");
  const output = cu.getOutput() as string[];
  assertEquals([output.length, output[99_999].length], [100_000, 1e6]);
});

Deno.test("from Lua: a long string and its bytes are told apart", async () => {
  using cu = await ComputeUnit.create();
  const text = "x".repeat(300);
  const bytes = new TextEncoder().encode(text);
  assertEquals(cu.compute("local s = ('x'):rep(300) return { s, _io.bytes(s), s }"), [text, bytes, text]);
  assertEquals(cu.compute("local s = ('x'):rep(300) return { _io.bytes(s), s }"), [bytes, text]);
});

Deno.test("from Lua: U+FFFD is a character like any other, and stands for nothing else", async () => {
  using cu = await ComputeUnit.create();
  assertEquals(cu.compute("return '\\u{FFFD}'"), "\ufffd");
  const long = "\ufffd and more ".repeat(200);
  assertEquals(cu.compute("return ('\\u{FFFD} and more '):rep(200)"), long);
  const [raw] = cu.compute<Uint8Array[]>("return { ('\\u{FFFD} and more '):rep(200) .. '\\xff' }");
  assertEquals(raw, new Uint8Array([...new TextEncoder().encode(long), 0xff]));
  const [same] = cu.compute<Uint8Array[]>("return { ('x'):rep(300) .. '\\xef\\xbf' }");
  assertEquals(same.slice(300), new Uint8Array([0xef, 0xbf]));
});
