// Compiled code that a unit keeps: it must not take the memory that new code needs.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { ChunkCache } from "../../src/unit/chunk_cache.ts";
import { MIB } from "../helpers/sizes.ts";

/** Code of about 12 KB that compiles to much more, and returns its number. */
function codeOf(number: number, lines = 600): string {
  const body = Array.from({ length: lines }, (_, line) => `x = x + ${number % 7} * ${line} - y`);
  return `local x, y = ${number}, 0\n${body.join("\n")}\nreturn ${number}`;
}

for (const memoryLimit of [2 * MIB, 4 * MIB]) {
  Deno.test(`a unit of ${memoryLimit / MIB} MB runs 1,000 different texts of 12 KB`, async () => {
    using cu = await ComputeUnit.create({ memoryLimit });
    for (let i = 0; i < 1000; i++) assertEquals(cu.compute(codeOf(i)), i);
    // What ran last is kept, whatever came before it.
    assertEquals(cu.compute(codeOf(999)), 999);
  });
}

Deno.test("texts beside data that leaves little room run too, with names and without", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 2 * MIB });
  // As much as leaves room for one compiled text, and little more.
  cu.compute("kept = {} for i = 1, 450 do kept[i] = ('x'):rep(1024) .. i end");
  for (let i = 0; i < 200; i++) {
    assertEquals(cu.compute(codeOf(i), i % 2 === 0 ? {} : { chunkName: `code ${i}` }), i);
  }
  assertEquals(cu.compute("return #kept"), 450);
});

Deno.test("what can't be compiled at all is a memory error, and the unit works on", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 2 * MIB });
  for (let round = 0; round < 3; round++) {
    assertEquals(cu.compute("return 'small'"), "small");
    assertEquals(assertThrows(() => cu.compute(codeOf(1, 40_000)), LuaError).kind, "memory");
    assertEquals(cu.compute(codeOf(round)), round);
  }
});

Deno.test("a compiled function that is held stays, however much other code comes", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 2 * MIB });
  const held = cu.compile<number>("return 42");
  for (let i = 0; i < 100; i++) assertEquals(cu.compute(codeOf(i)), i);
  assertEquals(held(), 42);
});

Deno.test("the cache takes a small part of the memory limit", async () => {
  for (const memoryLimit of [2 * MIB, 16 * MIB]) {
    using cu = await ComputeUnit.create({ memoryLimit });
    cu.runGc();
    const before = cu.getMemoryStats().usedBytes;
    for (let i = 0; i < 300; i++) cu.compute(codeOf(i, 100));
    cu.runGc();
    const kept = cu.getMemoryStats().usedBytes - before;
    assert(kept > 0 && kept <= memoryLimit / 8 + 64 * 1024, `${kept} of ${memoryLimit}`);
  }
});

Deno.test("the chunk whose last use is longest ago goes first", () => {
  const cache = new ChunkCache(8000);
  assertEquals(cache.add("a", undefined, 1, 400), []);
  assertEquals(cache.add("b", undefined, 2, 400), []);
  assertEquals(cache.get("a", undefined), 1);
  assertEquals(cache.add("c", undefined, 3, 400), [2]);
  assertEquals(cache.get("b", undefined), undefined);
  assertEquals(cache.get("a", undefined), 1);
  // One that is larger than all may be stays alone.
  assertEquals(cache.add("d", undefined, 4, 5000), [3, 1]);
  assertEquals(cache.get("d", undefined), 4);
  assertEquals(cache.add("e", undefined, 5, 1), [4]);
  assertEquals(cache.clear(), [5]);
  assertEquals(cache.get("e", undefined), undefined);
});

Deno.test("the number of chunks is limited, and names tell them apart", () => {
  const cache = new ChunkCache(2 ** 40);
  for (let i = 0; i < 256; i++) assertEquals(cache.add(String(i), undefined, i, 1), []);
  assertEquals(cache.add("new", undefined, 256, 1), [0]);
  assertEquals(cache.add("new", "name", 257, 1), [1]);
  assertEquals(cache.add("\0" + "4 namenew", undefined, 258, 1), [2]);
  assertEquals(cache.get("new", undefined), 256);
  assertEquals(cache.get("new", "name"), 257);
  assertEquals(cache.get("\0" + "4 namenew", undefined), 258);
});
