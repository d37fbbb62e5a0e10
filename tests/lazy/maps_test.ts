// What code reads of lazy Maps and Sets.

import { assert, assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ComputeUnit } from "@computeunit/cu";
import { assertEndsInTime, CountingClock } from "../helpers/clock.ts";
import { assertAgree, lazily, LAZY } from "../helpers/lazy.ts";

Deno.test("setInput() lazily reads Maps and Sets with keys of every kind", async () => {
  using cu = await ComputeUnit.create();
  const key = { id: 1 };
  const invalid = new Uint8Array([255, 0]);
  const map = new Map<unknown, unknown>([
    ["s", 1],
    ["", 2],
    ["1", 3],
    [1, 4],
    [-1, 5],
    [1.5, 6],
    [true, 7],
    [false, 8],
    [2n ** 60n, 9],
    [5n, 10],
    [invalid, 11],
    [new TextEncoder().encode("text"), 12],
    [key, 13],
    [Infinity, 14],
    ["__proto__", 15],
    ["é".repeat(3000), 16],
    [0, 17],
    [[1], 18],
  ]);
  const set = new Set(map.keys());
  const code = `
    local t = _io.input
    local wrong, count, sum = 0, 0, 0
    for k, v in pairs(t.map) do
      count = count + 1
      sum = sum + v
      if t.map[k] ~= v or t.set[k] ~= true then wrong = wrong + 1 end
    end
    for k in pairs(t.set) do if not t.map[k] then wrong = wrong + 1 end end
    local m = t.map
    return count, sum, wrong, m.s, m[""], m["1"], m[1], m[-1], m[1.5], m[true], m[false], m[1 << 60], m[5], m["\\xff\\0"],
      m.text, m[t.key], m[1/0], m.__proto__, m[("é"):rep(3000)], m[0], m[-0.0], t.map[t.key], m[2], m["-1"], m[{}]
  `;
  assertEquals(lazily(cu, { map, set, key }, code), [
    18,
    171,
    0,
    ...Array.from({ length: 17 }, (_, i) => i + 1),
    17,
    13,
    null,
    null,
    null,
  ]);
});

Deno.test("setInput() lazily refuses Maps whose keys Lua can't tell apart when they are read", async () => {
  using cu = await ComputeUnit.create();
  const cases: [unknown, string][] = [
    [new Map([[NaN, 1]]), "NaN cannot be a key"],
    [new Map([[null, 1]]), "null cannot be a key"],
    [new Set([undefined]), "undefined cannot be a key"],
    [new Map<unknown, unknown>([[1, 1], [1n, 2]]), "equal in Lua"],
    [new Map<unknown, unknown>([["a", 1], [new TextEncoder().encode("a"), 2]]), "equal in Lua"],
    [new Set<unknown>([new Uint8Array([1]), new Uint8Array([1])]), "equal in Lua"],
  ];
  for (const [held, message] of cases) {
    cu.setInput({ fine: 1, held }, LAZY);
    assertStrictEquals(cu.compute("return _io.input.fine"), 1);
    assertStringIncludes(
      assertThrows(() => cu.compute("return _io.input.held.x"), TypeError, message).message,
      "input.held",
    );
    assertThrows(() => cu.compute("for k in pairs(_io.input.held) do end"), TypeError, message);
    assertThrows(() => cu.compute("_io.input.held.x = 1"), TypeError, message);
  }
});

Deno.test("setInput() lazily finds the length of a Map within its keys and the time limit", async () => {
  class Counts extends Map<unknown, number> {
    override get(key: unknown): number {
      return super.get(key) ?? 0;
    }
  }
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({ timeLimit: 40, now: clock.now });
  cu.setInput({ counts: new Counts([["a", 1], [1, 1]]), list: new Map([[1, "a"], [2, "b"], [4, "d"]]) }, LAZY);
  assert((cu.compute("return #_io.input.counts") as number) <= 2);
  assertStrictEquals(cu.compute("return #_io.input.list"), 2);
  cu.setInput(new Map(Array.from({ length: 100_000 }, (_, i) => [i + 1, i])), LAZY);
  // One step of Lua, and a look for each 4096 keys, when they are listed and when they are looked up.
  assertEndsInTime(cu, clock, 40, "return #_io.input");
});

Deno.test("keys of a lazy Map are found as Lua's tables find theirs, and arrays to their last index", async () => {
  await assertAgree(
    new Map([[2n ** 60n, "x"], [3n, "y"]]),
    "return _io.input[2^60], _io.input[2.0^60 // 1], _io.input[3.0]",
    [
      "x",
      "x",
      "y",
    ],
  );
  using cu = await ComputeUnit.create();
  const sparse: string[] = [];
  sparse[2 ** 31 + 5] = "far";
  cu.setInput(sparse, LAZY);
  assertEquals(cu.compute("return _io.input[2^31 + 6]"), "far");
  const map = new Map<unknown, unknown>([[5, 1], [7, () => 1], ["a", { f: () => 1 }], [true, { f: () => 1 }]]);
  cu.setInput(map, LAZY);
  assertThrows(() => cu.compute("return _io.input[7]"), TypeError, "(at input[1])");
  assertThrows(() => cu.compute("return _io.input[true].f"), TypeError, "(at input[0].f)");
  map.delete(7);
  map.set(null, 1);
  assertThrows(() => cu.compute("_io.input.b = 1"), TypeError, "null cannot be a key in Lua (at input[3])");
});

Deno.test("what a Map's own methods or a Proxy throw is a clear error, as often as it happens", async () => {
  using cu = await ComputeUnit.create();
  using other = await ComputeUnit.create();
  const thrown = [
    null,
    undefined,
    "text",
    5,
    Object.freeze(new Error("frozen")),
    new Proxy({}, {
      getPrototypeOf: () => {
        throw null;
      },
    }),
  ];
  let toThrow: unknown;
  let isArmed = false;
  class Throwing extends Map<string, number> {
    override has(_: string): boolean {
      throw toThrow;
    }
  }
  const proxy = new Proxy({ a: 1, b: 2 }, {
    getPrototypeOf: () => {
      if (isArmed) throw toThrow;
      return Object.prototype;
    },
  });
  for (toThrow of thrown) {
    cu.setInput({ map: new Throwing([["x", 1]]) }, LAZY);
    const error = assertThrows(() => cu.compute("return _io.input.map.x"), TypeError, "reading threw");
    assertStrictEquals(error.cause, toThrow ?? error.cause);
    assertEquals(cu.compute("return (pcall(function() return _io.input.map.x end))"), false);
    isArmed = false;
    cu.setInput(proxy, LAZY);
    isArmed = true;
    for (let i = 0; i < 300; i++) assertThrows(() => cu.setInputField("z", 1), TypeError, "reading threw");
    cu.clearIo();
  }
  // The error of another unit isn't this one's.
  cu.setInput({
    get x() {
      return other.compute("error('other')");
    },
  }, LAZY);
  assertThrows(() => cu.compute("return _io.input.x"), TypeError, 'reading threw "other" (at input.x)');
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("setInput() lazily encodes no key that is longer than a Map's bytes to look for it", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput(new Map<unknown, unknown>([[new Uint8Array([255]), 1], ["ÿ", 2], [new Uint8Array([97, 98]), 3]]), LAZY);
  cu.compute("s = ('x'):rep(1e6)");
  const { encode } = TextEncoder.prototype;
  const encoded: number[] = [];
  TextEncoder.prototype.encode = function (text) {
    encoded.push(text?.length ?? 0);
    return encode.call(this, text);
  };
  try {
    assertEquals(cu.computeAll("return _io.input[s], _io.input['\\xff'], _io.input['ÿ'], _io.input.ab"), [
      null,
      1,
      2,
      3,
    ]);
  } finally {
    TextEncoder.prototype.encode = encode;
  }
  // The code that runs, and "ab".
  assert(encoded.every((length) => length < 100), String(encoded));
});
