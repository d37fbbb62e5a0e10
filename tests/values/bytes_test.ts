// Bytes and typed arrays as the tables of docs/IO_TABLE_API.md says.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit } from "@computeunit/cu";
import { inLua, roundTrip } from "../helpers/round_trip.ts";

Deno.test("bytes are strings in Lua, and come back as text or bytes", async () => {
  using cu = await ComputeUnit.create();
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const large = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7);
  for (const source of [bytes, new Uint8ClampedArray(bytes), bytes.buffer, new DataView(bytes.buffer)]) {
    assertEquals(roundTrip(cu, source), bytes);
    assertEquals(inLua(cu, source, "type(v) .. #v"), "string256");
  }
  assertEquals(roundTrip(cu, large), large);
  assertEquals(roundTrip(cu, bytes.subarray(200, 210)), bytes.slice(200, 210));
  assertEquals(roundTrip(cu, new DataView(bytes.buffer, 250)), bytes.slice(250));
  assertEquals(roundTrip(cu, new TextEncoder().encode("text")), "text");
  assertEquals(roundTrip(cu, new Uint8Array()), "");
  assertEquals(cu.compute("return _io.bytes('text')"), new TextEncoder().encode("text"));
  assertEquals(cu.compute("local b = _io.bytes('ab'); return { #b, tostring(b), b == _io.bytes('ab') }"), [
    2,
    "ab",
    true,
  ]);
  for (const invalid of ["\\xff", "\\xc0\\x80", "\\xed\\xa0\\x80", "\\xf4\\x90\\x80\\x80", "ab\\xe2\\x82", "\\x80"]) {
    assert(cu.compute(`return "${invalid}"`) instanceof Uint8Array, invalid);
    assert(cu.compute(`return ("x"):rep(500) .. "${invalid}"`) instanceof Uint8Array, invalid);
  }
});

Deno.test("typed arrays are sequences, and the same kind again while untouched", async () => {
  using cu = await ComputeUnit.create();
  const arrays = [
    new Int8Array([-128, 127]),
    new Int16Array([-32768, 32767]),
    new Uint16Array([0, 65535]),
    new Int32Array([-(2 ** 31), 2 ** 31 - 1]),
    new Uint32Array([0, 2 ** 32 - 1]),
    new Float16Array([1.5, NaN, -0]),
    new Float32Array([1.5, NaN, -0]),
    new Float64Array([0.1, Infinity, -0, NaN, 1]),
    new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n, 0n]),
    new BigUint64Array([0n, 2n ** 63n - 1n]),
    new Float64Array(),
    Float64Array.from({ length: 20_000 }, (_, i) => i / 7),
    BigInt64Array.from({ length: 20_000 }, (_, i) => BigInt(i) << 40n),
  ];
  for (const array of arrays) {
    assertEquals(roundTrip(cu, array), array);
    assertEquals(roundTrip(cu, { nested: [array, 1] }), { nested: [array, 1] });
    assertEquals(inLua(cu, array, "type(v) .. #v"), `table${array.length}`);
  }
  assertEquals(inLua(cu, new Float64Array([1]), "math.type(v[1])"), "float");
  assertEquals(inLua(cu, new Uint16Array([1]), "math.type(v[1])"), "integer");
  assertEquals(inLua(cu, new BigInt64Array([1n]), "math.type(v[1])"), "integer");
  cu.setInput(new Int16Array([1, 2]));
  assertEquals(cu.compute("_io.input[1] = 5; return _io.input"), [5, 2]);
  assertEquals(cu.compute("_io.input[1] = 1; _io.input[3] = 3; return _io.input"), [1, 2, 3]);
  assertEquals(cu.compute("for i = 1, 3 do _io.input[i] = nil end; return _io.input"), []);
  assertThrows(
    () => cu.setInput([new BigUint64Array([1n, 2n ** 63n])], { lazy: false }),
    RangeError,
    "beyond 64 bits (at input[0][1])",
  );
});

Deno.test("a typed array is read past what a class of its own puts over it", async () => {
  class Vector extends Float64Array {
    constructor(x: number, y: number) {
      super(2);
      this.set([x, y]);
    }
    override subarray(): never {
      throw new Error("called");
    }
    override get length(): number {
      return 5;
    }
  }
  using cu = await ComputeUnit.create();
  for (const lazy of [false, true]) {
    cu.setInput({ v: new Vector(1, 2) }, { lazy });
    assertEquals(cu.compute("local v = _io.input.v return { #v, v[1], v[2], v[3] }"), [2, 1, 2]);
  }
});

Deno.test("a typed array of more elements than a table can number is refused", async () => {
  using cu = await ComputeUnit.create();
  let bytes: Int8Array;
  try {
    bytes = new Int8Array(2 ** 32 + 5);
  } catch {
    return; // There is no memory for it.
  }
  for (const lazy of [false, true]) {
    const message = "a typed array of more than 4294967295 elements cannot be passed (at input";
    assertThrows(() => cu.setInput(bytes, { lazy }), RangeError, message);
  }
});

Deno.test("a Proxy of bytes is refused", async () => {
  using cu = await ComputeUnit.create();
  for (const lazy of [false, true]) {
    for (const bytes of [new ArrayBuffer(2), new Uint8Array(2)]) {
      const read = () => {
        cu.setInput({ bytes: new Proxy(bytes, {}) }, { lazy });
        return cu.compute("return _io.input.bytes");
      };
      assertThrows(read, TypeError, "(at input.bytes)");
    }
  }
});

Deno.test("from Lua: bytes in many places are one Uint8Array, however short", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 64 * 1024 * 1024 });
  for (const bytes of ["'\\xff'", "_io.bytes('x')", "('\\xff'):rep(200)", "_io.bytes(('x'):rep(200))"]) {
    const [a, b] = cu.compute<Uint8Array[]>(`local s = ${bytes} return { s, s }`);
    assertStrictEquals(a, b);
  }
  // Of 16 bytes a place in Lua, a Uint8Array for each would make 430.
  const before = Deno.memoryUsage().rss;
  const list = cu.compute<Uint8Array[]>("local t = {} for i = 1, 1e6 do t[i] = '\\xff' end return t");
  assertEquals(list.length, 1e6);
  assert(Deno.memoryUsage().rss - before < 200e6, `${Deno.memoryUsage().rss - before} bytes`);
});
