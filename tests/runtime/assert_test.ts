// A broken invariant ends the unit at once, in the module that is shipped too.

import { assertEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { wasmModule } from "../helpers/wasm_module.ts";

interface Exports {
  init(limit: number): number;
  allocate(length: number): number;
  release(pointer: number, length: number): void;
  memory: WebAssembly.Memory;
}

function instantiate(): Exports {
  const cu = Object.fromEntries(WebAssembly.Module.imports(wasmModule).map(({ name }) => [name, () => 0]));
  const exports = new WebAssembly.Instance(wasmModule, { cu }).exports as unknown as Exports;
  assertEquals(exports.init(16 * 1024 * 1024), 0);
  return exports;
}

for (const size of [40, 5000]) {
  Deno.test(`a block of ${size} bytes that is given back as another size traps`, () => {
    const unit = instantiate();
    const block = unit.allocate(size);
    assertThrows(() => unit.release(block, size + 64), WebAssembly.RuntimeError);
  });
}

Deno.test("a block that is given back twice traps", () => {
  const unit = instantiate();
  const block = unit.allocate(5000);
  unit.allocate(5000);
  unit.release(block, 5000);
  assertThrows(() => unit.release(block, 5000), WebAssembly.RuntimeError);
});

Deno.test("a block that was written beyond its end traps when it is given back", () => {
  const unit = instantiate();
  const block = unit.allocate(5000);
  unit.allocate(5000);
  new Uint8Array(unit.memory.buffer).fill(0xff, block, block + 5032);
  assertThrows(() => unit.release(block, 5000), WebAssembly.RuntimeError);
});

Deno.test("blocks that are given back as they were taken are no broken invariant", () => {
  const unit = instantiate();
  const sizes = Array.from({ length: 500 }, (_, i) => (i * 7919) % 9000 + 1);
  const blocks = sizes.map((size) => unit.allocate(size));
  for (const i of sizes.keys()) unit.release(blocks[i], sizes[i]);
});

Deno.test("a block of nearly 4 GB is refused, whatever its size", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 4 * 1024 ** 3 });
  for (const length of [2 ** 32 - 1, 2 ** 32 - 6, 2 ** 32 - 9, 2 ** 32 - 100, 2 ** 32 - 2 ** 16, 2 ** 32 - 2 ** 28]) {
    const error = assertThrows(() => cu.compute(`local s = ("x"):rep(${length})`), LuaError);
    assertEquals(error.kind === "memory" || error.message === "resulting string too large", true, error.message);
    assertEquals(cu.compute("return ('x'):rep(3)"), "xxx");
  }
});

Deno.test("a clock that answers nonsense breaks nothing", async () => {
  let answer = 0;
  using cu = await ComputeUnit.create({ now: () => answer });
  for (answer of [NaN, Infinity, -Infinity, 1e300, -1e300]) cu.compute("return os.clock(), os.time()");
  answer = 1000;
  assertEquals(cu.compute("return os.clock()"), 1);
});
