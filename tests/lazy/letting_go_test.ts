// Views that code has dropped, and the host's objects behind them, are let go.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ComputeUnit } from "@computeunit/cu";
import { LAZY, rows, unitOf } from "../helpers/lazy.ts";

Deno.test("setInput() lazily collects views whose finalizers run", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput(rows(1000), LAZY);
  cu.compute(`
    gone = 0
    local mt = { __gc = function(row) gone = gone + 1 last = row end }
    for i = 1, 1000 do setmetatable(_io.input[i], mt) end
  `);
  cu.clearIo();
  cu.setInput({}, LAZY);
  for (let i = 0; i < 3; i++) cu.runGc();
  assertEquals(cu.compute("return gone"), 1000);
  assertEquals(cu.compute("return type(last.id)"), "number");
});

/** Runs a script with `gc()` in a process of its own. */
async function runWithGc(script: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const mod = JSON.stringify(new URL("../../mod.ts", import.meta.url).href);
    await Deno.writeTextFile(file, `import { ComputeUnit } from ${mod};\n${script}`);
    const args = ["run", "--no-prompt", "--no-check", "--v8-flags=--expose-gc", file];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("setInput() lazily lets the host's objects go after clearIo, and after the next inputs", async () => {
  const script = `
    const cu = await ComputeUnit.create();
    const refs: [string, WeakRef<object>][] = [];
    const settle = async () => {
      for (let i = 0; i < 5; i++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        (globalThis as unknown as { gc(): void }).gc();
      }
      return refs.filter(([, ref]) => ref.deref() !== undefined).map(([name]) => name).join(" ");
    };
    const give = (name: string, code: string) => {
      const value = { rows: Array.from({ length: 2000 }, (_, i) => ({ i })), map: new Map([["k", [1]]]) };
      refs.push([name, new WeakRef(value)], [name + " row", new WeakRef(value.rows[1500])]);
      refs.push([name + " map", new WeakRef(value.map)]);
      cu.setInput(value, { lazy: true });
      cu.compute(code);
    };
    const read = "local n = 0 for _, row in ipairs(_io.input.rows) do n = n + row.i end local _ = _io.input.map.k[1]";
    give("read", read);
    cu.clearIo();
    console.log("after clearIo:", await settle());
    give("written", read + " _io.input.rows[1501].i = 5 _io.input.map.x = 1 _io.output = _io.input");
    cu.getOutput();
    cu.clearIo();
    console.log("after a change and clearIo:", await settle());
    give("kept", "kept = _io.input.rows[1501]");
    cu.clearIo();
    console.log("while Lua keeps a row:", await settle(), cu.compute("return kept.i"));
    cu.compute("kept = nil");
    cu.clearIo();
    console.log("after that:", await settle());
    refs.length = 0;
    for (let i = 0; i < 300; i++) give("input" + i, read);
    const held = (await settle()).split(" ").length;
    console.log("of 300 inputs:", held < 300 ? "few" : held);
    cu.clearIo();
    console.log("at last:", await settle());
    refs.length = 0;
    give("failed", "return pcall(error)");
    try { cu.compute("error(_io.input)"); } catch { /* as it should */ }
    try { cu.compute("local t = _io.input.rows[5] t.x = 1 error('x')"); } catch { /* as it should */ }
    cu.clearIo();
    console.log("after errors:", await settle());
    give("disposed", read);
    cu.dispose();
    console.log("after dispose:", await settle());
  `;
  assertEquals((await runWithGc(script)).trim().split("\n").map((line) => line.trimEnd()), [
    "after clearIo:",
    "after a change and clearIo:",
    "while Lua keeps a row: kept row 1500",
    "after that:",
    "of 300 inputs: few",
    "at last:",
    "after errors:",
    "after dispose:",
  ]);
});

Deno.test("setInput() lazily frees views that code has dropped, while it runs", async () => {
  using cu = await unitOf({ memoryLimit: 8 * 1024 * 1024 }, rows(1_000_000));
  const code = `
    local most, n = 0, 0
    for i, row in ipairs(_io.input) do
      n = n + row.id
      if i % 10000 == 0 then most = math.max(most, collectgarbage("count")) end
    end
    return most, n
  `;
  const [most, n] = cu.computeAll(code) as number[];
  assertStrictEquals(n, 499_999_500_000);
  assert(most < 2000, `${most} KB`);
  cu.clearIo();
  cu.runGc();
  assert(cu.getMemoryStats().usedBytes < 1_500_000, `${cu.getMemoryStats().usedBytes} bytes`);
});

Deno.test("clearing _io collects garbage only where Lua has a view of an input", async () => {
  using cu = await ComputeUnit.create();
  const usedAfterClearing = () => {
    cu.compute("garbage = {} for i = 1, 300 do garbage[i] = { i } end garbage = nil");
    const before = cu.getMemoryStats().usedBytes;
    cu.clearIo();
    return cu.getMemoryStats().usedBytes - before;
  };
  cu.runGc();
  assert(usedAfterClearing() > -1000, "external tables, of which _home is one, are no reason");
  cu.setInput({ rows: [{ id: 1 }] }, { lazy: true });
  assert(usedAfterClearing() < -10_000);
  assert(usedAfterClearing() > -1000);
});
