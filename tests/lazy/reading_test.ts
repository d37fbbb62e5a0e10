// What code reads of a lazy input: arrays, objects, and values of all kinds.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, type LuaValue } from "@computeunit/cu";
import { countingReads } from "../helpers/counting.ts";
import { assertAgree, lazily, LAZY, rows, unitOf } from "../helpers/lazy.ts";

Deno.test("setInput() lazily reads typed arrays of every kind, and gives untouched ones back", async () => {
  using cu = await ComputeUnit.create();
  const arrays = [
    new Int8Array([-128, 127]),
    new Int16Array([-32768, 32767]),
    new Uint16Array([0, 65535]),
    new Int32Array([-(2 ** 31), 2 ** 31 - 1]),
    new Uint32Array([0, 2 ** 32 - 1]),
    new Float16Array([1.5, 2]),
    new Float32Array([0.5, -0]),
    new Float64Array([0.1, Infinity]),
    new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n]),
    new BigUint64Array([0n, 2n ** 63n - 1n]),
    Float64Array.from({ length: 20_000 }, (_, i) => i / 7),
    BigInt64Array.from({ length: 20_000 }, (_, i) => BigInt(i) << 20n),
    Int32Array.from({ length: 20_000 }, (_, i) => -i).subarray(5000, 15_000),
  ];
  for (const array of arrays) {
    const { length } = array;
    const code = `
      local v = _io.input
      return v[1], v[2], v[#v], #v, v[0], v[#v + 1], math.type(v[1]), v, select("#", next(v)), type(v)
    `;
    const results = lazily(cu, array, code);
    const isFloat = array instanceof Float16Array || array instanceof Float32Array || array instanceof Float64Array;
    const number = (n: number | bigint) => typeof n === "bigint" && Number.isSafeInteger(Number(n)) ? Number(n) : n;
    assertEquals(results.slice(0, 4), [number(array[0]), number(array[1]), number(array[length - 1]), length]);
    assertEquals(results.slice(4, 7), [null, null, isFloat ? "float" : "integer"]);
    assertStrictEquals(results[7] as unknown, array);
    assertEquals(results.slice(8), [2, "table"]);
    const sum = "local s = 0 for _, n in ipairs(_io.input) do s = s + n end return s";
    const total = [...array].reduce<number>((s, n) => s + Number(n), 0);
    if (length > 2) assertEquals(Number(lazily(cu, array, sum)[0]), total);
  }
  cu.setInput({ ids: new BigUint64Array([1n, 2n ** 63n]) }, LAZY);
  assertThrows(() => cu.compute("return _io.input.ids[2]"), RangeError, "beyond 64 bits (at input.ids[1])");
});

Deno.test("setInput() lazily finds that a large object lacks a field without listing all others", async () => {
  using cu = await ComputeUnit.create();
  const [object, reads] = countingReads(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, i])));
  cu.setInput(object, LAZY);
  assertStrictEquals(
    cu.compute("local n = 0 for i = 1, 5000 do if _io.input['no ' .. i] == nil then n = n + 1 end end return n"),
    5000,
  );
  // Once to see that it's large, and once for what each key was asked as well.
  assert(reads.ownKeys <= 2, `${reads.ownKeys} lists of its keys`);
  assert(reads.has <= 5000 + 3 * 1000, `${reads.has} questions for a key`);
});

Deno.test("setInput() lazily reads objects of few and of many fields", async () => {
  for (const count of [0, 1, 31, 32, 33, 255, 256, 257, 5000, 40_000]) {
    const object = Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, i]));
    await assertAgree(
      { object },
      `
      local o = _io.input.object
      local n, sum = 0, 0
      for k, v in pairs(o) do n, sum = n + 1, sum + v assert(o[k] == v) end
      for i = 0, #o do assert(o[i] == nil) end
      return n, sum, o.key0 or "none", o["key" .. (n - 1)] or "none", o.missing, #o, next(o) == nil
    `,
      [count, count * (count - 1) / 2, count ? 0 : "none", count ? count - 1 : "none", null, 0, count === 0],
    );
  }
});

Deno.test("setInput() lazily treats keys as data", async () => {
  const hostile = [
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "__index",
    "__gc",
    "__mode",
    "",
    "1",
    "\0",
  ];
  using cu = await ComputeUnit.create();
  for (const key of [...hostile, "k".repeat(300), "é".repeat(40_000)]) {
    const object = JSON.parse(`{${JSON.stringify(key)}: "v", "other": [1]}`);
    cu.setInput([object, {}, { k: key }], LAZY);
    const code = `
      local v, k = _io.input, _io.input[3].k
      local n = 0
      for name, held in pairs(v[1]) do n = n + 1 end
      return v[1][k], v[2][k], n, v[1][1]
    `;
    assertEquals(cu.computeAll(code), ["v", null, 2, null]);
    const back = cu.compute<unknown[]>("_io.input[1].other = 5 return _io.input");
    const changed = back[0] as Record<string, unknown>;
    assertEquals(Object.keys(changed).sort(), [key, "other"].sort());
    assertEquals(Object.getOwnPropertyDescriptor(changed, key)?.value, "v");
    assertStrictEquals(Object.getPrototypeOf(changed), Object.prototype);
    const above = cu.compute<unknown[]>("_io.input[1].other = nil _io.input[2].x = 1 return _io.input");
    assertEquals(Object.keys(above[0] as object), [key]);
    assertEquals(Object.keys(object), [key, "other"]);
  }
  const many = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`k${i}`, i]));
  const large = JSON.parse(`{"__proto__": {"polluted": true}, ${JSON.stringify(many).slice(1)}`);
  assertEquals(
    lazily(cu, large, "local n = 0 for k in pairs(_io.input) do n = n + 1 end return _io.input.__proto__.polluted, n"),
    [true, 601],
  );
  cu.setInput(large, LAZY);
  const copy = cu.compute<object>("_io.input.k1 = 'x' return _io.input");
  assertStrictEquals(Object.getPrototypeOf(copy), Object.prototype);
  assert(Object.hasOwn(copy, "__proto__"));
});

Deno.test("setInput() lazily shows own enumerable properties only", async () => {
  using cu = await ComputeUnit.create();
  class Base {
    inherited = 1;
    get onPrototype() {
      return 2;
    }
  }
  class Point extends Base {
    #secret = 3;
    x = 4;
    sum() {
      return this.x + this.#secret;
    }
  }
  const point = new Point();
  const bare = Object.assign(Object.create(null), { a: 1 });
  const derived = Object.create({ proto: 1 }, { hidden: { value: 1 }, own: { value: 2, enumerable: true } });
  const symbol = { [Symbol("s")]: 1, a: 2 };
  const code = `
    local r = {}
    for i, v in ipairs(_io.input) do
      local keys = {}
      for k in pairs(v) do keys[#keys + 1] = k end
      table.sort(keys)
      r[i] = table.concat(keys, " ")
    end
    local v = _io.input
    return r, v[1].onPrototype, v[1].sum, v[3].proto, v[3].hidden, v[1].constructor, v[2].toString, v[1].x
  `;
  cu.setInput([point, bare, derived, symbol], LAZY);
  assertEquals(cu.computeAll(code), [["inherited x", "a", "own", "a"], null, null, null, null, null, null, 4]);
  assertStrictEquals(cu.compute<unknown>("return _io.input[1]"), point);
  assertStrictEquals(cu.compute<unknown>("return _io.input[2]"), bare);
  const changed = cu.compute<unknown[]>("_io.input[1].x = 5 _io.input[3].new = 1 return _io.input");
  assertEquals(changed[0], { inherited: 1, x: 5 });
  assertEquals(changed[2], { own: 2, new: 1 });
  assertStrictEquals(changed[1], bare);
  const prototype = Object.prototype as Record<string, unknown>;
  prototype.polluted = "yes";
  try {
    cu.setInput([{ a: 1 }, { a: 2 }, { polluted: "own" }, {}], LAZY);
    const polluted = "local v, r = _io.input, {} for i = 1, 4 do r[i] = v[i].polluted or false end return r";
    assertEquals(cu.compute(polluted), [false, false, "own", false]);
    assertEquals(
      cu.compute("local n = 0 for _, o in ipairs(_io.input) do for _ in pairs(o) do n = n + 1 end end return n"),
      3,
    );
  } finally {
    delete prototype.polluted;
  }
});

Deno.test("setInput() lazily reads bytes, dates, bigints and strings", async () => {
  using cu = await ComputeUnit.create();
  const value = [
    new Uint8Array([255, 0, 1]),
    new Uint8ClampedArray([65, 66]),
    new Uint8Array([67]).buffer,
    new DataView(new Uint8Array([68, 69]).buffer, 1),
    new Date(86_400_000),
    2n ** 62n,
    5n,
    "é😀\0x",
    "x".repeat(100_000),
    "",
    -0,
    NaN,
    2 ** 53,
    true,
  ];
  assertEquals(
    lazily(
      cu,
      { list: value, field: value[0], long: value[8] },
      `
      local v = _io.input.list
      return #v[1], v[1], v[2], v[3], v[4], v[5].ms, tostring(v[5]), v[6], v[7], v[8], #v[9], v[10], v[11], v[12], v[13],
        math.type(v[13]), v[14], _io.input.field == v[1], _io.input.long == v[9]
    `,
    ),
    [
      3,
      new Uint8Array([255, 0, 1]),
      "AB",
      "C",
      "E",
      86_400_000,
      "1970-01-02T00:00:00.000Z",
      2n ** 62n,
      5,
      "é😀\0x",
      100_000,
      "",
      -0,
      NaN,
      2 ** 53,
      "float",
      true,
      true,
      true,
    ],
  );
});

Deno.test("setInput() lazily reads nesting of any depth", async () => {
  using cu = await ComputeUnit.create();
  const nest = (depth: number, make: (inner: unknown) => unknown, inner: unknown) => {
    let value = inner;
    for (let i = 0; i < depth; i++) value = make(value);
    return value;
  };
  for (
    const make of [
      (v: unknown) => [v],
      (v: unknown) => ({ v, w: 1 }),
      (v: unknown) => new Map([["v", v]]),
    ]
  ) {
    const deep = nest(50_000, make, "bottom");
    cu.setInput(deep, LAZY);
    const walk = "local t, n = _io.input, 0 while type(t) == 'table' do t, n = t.v or t[1], n + 1 end return t, n";
    assertEquals(cu.computeAll(walk), ["bottom", 50_000]);
    assertStrictEquals(cu.compute<unknown>("return _io.input"), deep);
    cu.setInput(nest(500, make, { x: 1 }), LAZY);
    const changed = cu.compute(
      "local t = _io.input while (t.v or t[1]) do t = t.v or t[1] end t.x = 2 return _io.input",
    );
    assertEquals(changed, nest(500, make, { x: 2 }) as LuaValue);
  }
});

Deno.test("setInput() lazily reads forwards, backwards, in strides and at random", async () => {
  using cu = await ComputeUnit.create();
  const sources = [rows(50_000), rows(50_000).map(({ id }) => [id]), Array.from({ length: 50_000 }, (_, i) => i)];
  const paths = [
    "for i = 1, #a do visit(i) end",
    "for i = #a, 1, -1 do visit(i) end",
    "for first = 1, 7 do for i = first, #a, 7 do visit(i) end end",
    "for first = 7, 1, -1 do for i = #a - first + 1, 1, -7 do visit(i) end end",
    "for k = 1, #a do visit(k * 7919 % #a + 1) end",
    "for i = 1, #a // 2 do visit(i) visit(#a + 1 - i) end",
    "for i = 1, #a, 100 do for j = i + 99, i, -1 do visit(j) end end",
  ];
  for (const elements of sources) {
    const [source, reads] = countingReads(elements as unknown[]);
    cu.setInput(source, LAZY);
    for (const path of paths) {
      const before = reads.get;
      const code = `
        local a, sum, n = _io.input, 0, 0
        local function visit(i)
          local v = a[i]
          local id = type(v) == "table" and (v.id or v[1]) or v
          if id ~= i - 1 then error("wrong at " .. i) end
          n = n + 1
        end
        ${path}
        return n
      `;
      assertStrictEquals(cu.compute(code), 50_000, path);
      // Each once, and no more than a few pages without need.
      const count = reads.get - before;
      assert(count < 2 * 50_000, `${path}: ${count} elements were read`);
    }
  }
});

Deno.test("setInput() lazily keeps some of the fields that code reads by key, and few bytes for them", async () => {
  const count = 20_000;
  const entries = Array.from({ length: count }, (_, i): [string, unknown] => {
    return [`key ${i}`, i % 3 === 0 ? { id: i } : i % 3 === 1 ? `${i} `.repeat(100) : i];
  });
  const code = `
    local t, n = _io.input, 0
    for round = 1, 2 do
      for i = 0, ${count - 1} do
        local v = t["key " .. i]
        assert(i % 3 == 0 and v.id == i or i % 3 == 1 and #v > 100 or v == i)
        if i % 3 == 0 then assert(rawequal(v, t["key " .. i])) end
        n = n + 1
      end
    end
    assert(t.missing == nil and next(t) ~= nil)
    t["key 3"].id = "changed"
    t["key 4"] = "changed"
    return n, t["key 3"].id, t["key 4"], t["key 5"]
  `;
  for (const value of [new Map(entries), Object.fromEntries(entries)]) {
    using cu = await unitOf({}, value);
    assertEquals(cu.computeAll(code.replace(/t\["key 3"\][^]*/, "return n")), [2 * count]);
    assert(cu.getMemoryStats().wasmBytes <= 2 * 1024 * 1024, `${cu.getMemoryStats().wasmBytes} bytes`);
    assertEquals(cu.computeAll(code), [2 * count, "changed", "changed", 5]);
  }
});
