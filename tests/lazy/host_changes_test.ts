// The host's data changes while code reads it.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ComputeUnit } from "@computeunit/cu";
import { LAZY, rows } from "../helpers/lazy.ts";

Deno.test("setInput() lazily survives data that the host changes meanwhile", async () => {
  const scan = `
    local v = _io.input.held
    local kinds = {}
    local function note(x) kinds[type(x)] = true end
    for i = 1, 1000 do note(v[i]) end
    for i = 1000, 1, -1 do note(v[i]) end
    for i = 1, 1000 do note(v[i * 7919 % 1000 + 1]) end
    for k, x in pairs(v) do note(x) end
    for _, x in ipairs(v) do note(x) end
    note(v.k3) note(v.k900) note(next(v)) note(#v)
    pcall(function() v[1] = nil v.k1 = 5 for k, x in pairs(v) do note(x) end end)
    local r = {}
    for kind in pairs(kinds) do r[#r + 1] = kind end
    return r
  `;
  const list = () => Array.from({ length: 1000 }, (_, i) => ({ i, t: `t${i}` }));
  const changes: [string, () => [unknown, () => void]][] = [
    ["an array shrinks", () => {
      const held: unknown[] = list();
      return [held, () => held.length = 3];
    }],
    ["an array is emptied", () => {
      const held: unknown[] = list();
      return [held, () => held.length = 0];
    }],
    ["an array grows", () => {
      const held: unknown[] = list();
      return [held, () => held.push(...list(), ...list())];
    }],
    ["an array gets other elements", () => {
      const held: unknown[] = list();
      return [held, () => held.forEach((_, i) => held[i] = [new Map([[i, i]])])];
    }],
    ["first fields change", () => {
      const held = list();
      return [held, () => held.forEach((row) => row.i += 5000)];
    }],
    ["fields come and go", () => {
      const held = list();
      return [held, () =>
        held.forEach((row) => {
          delete (row as Partial<typeof row>).i;
          Object.assign(row, { q: 1, r: [2] });
        })];
    }],
    ["a Map is cleared", () => {
      const held = new Map(list().map((row) => [row.i, row]));
      return [held, () => held.clear()];
    }],
    ["a Map grows", () => {
      const held = new Map<unknown, unknown>(list().map((row) => [row.t, row]));
      return [held, () => list().forEach((row) => held.set(row, row))];
    }],
    ["a Set loses members", () => {
      const held = new Set(list());
      return [held, () => held.forEach((row) => row.i % 2 && held.delete(row))];
    }],
    ["an object loses fields", () => {
      const held: Record<string, unknown> = Object.fromEntries(list().map((row) => [`k${row.i}`, row]));
      return [held, () => Object.keys(held).slice(5).forEach((key) => delete held[key])];
    }],
    ["a typed array's buffer is detached", () => {
      const held = new Float64Array(1000).fill(1);
      return [held, () => structuredClone(held.buffer, { transfer: [held.buffer] })];
    }],
    ["a typed array's buffer shrinks", () => {
      const buffer = new ArrayBuffer(8000, { maxByteLength: 16_000 });
      return [new Float64Array(buffer), () => buffer.resize(80)];
    }],
  ];
  using cu = await ComputeUnit.create({ memoryLimit: 64 * 1024 * 1024 });
  for (const [name, make] of changes) {
    for (const prelude of ["", "local _ = v[1]", "for i = 1, 200 do local _ = v[i] end", "for k in pairs(v) do end"]) {
      const [held, change] = make();
      cu.setInput({ held }, LAZY);
      cu.compute(`local v = _io.input.held ${prelude} v2 = v`);
      change();
      try {
        const kinds = cu.compute<string[]>(scan);
        for (const kind of kinds) {
          assert(["nil", "table", "number", "string", "boolean"].includes(kind), `${name}: ${kind}`);
        }
        cu.compute("_io.output = _io.input");
        cu.getOutput();
      } catch (error) {
        // A clear refusal is an answer too.
        assert(error instanceof TypeError && error.message.includes("(at input.held"), `${name}, ${prelude}: ${error}`);
      }
      cu.compute("v2 = nil");
      cu.clearIo();
      cu.setInput([{ a: 1 }], LAZY);
      assertEquals(cu.compute("return _io.input[1].a"), 1, name);
    }
  }
});

Deno.test("setInput() lazily reads nothing beyond an array that has shrunk", async () => {
  using cu = await ComputeUnit.create();
  const list = rows(1000);
  cu.setInput(list, LAZY);
  cu.compute("return _io.input[1].id");
  list.length = 0;
  cu.compute("");
  const held = cu.compute<number>(
    "local n = 0 for i = 100, 1000 do if _io.input[i] ~= nil then n = n + 1 end end return n",
  );
  assertStrictEquals(held, 0);
});

Deno.test("setInput() lazily works with getters that give something else each time", async () => {
  using cu = await ComputeUnit.create();
  let turn = 0;
  const kinds = [
    () => turn,
    () => `s${turn}`,
    () => [turn],
    () => ({ turn }),
    () => new Map([[turn, turn]]),
    () => null,
  ];
  const changing = () => ({
    get x() {
      return kinds[++turn % kinds.length]();
    },
    fixed: 1,
  });
  const input = { list: Array.from({ length: 200 }, changing), one: changing() };
  cu.setInput(input, LAZY);
  for (let i = 0; i < 20; i++) {
    cu.compute(`
      for _, o in ipairs(_io.input.list) do
        local x = o.x
        if type(x) == "table" then for k, v in pairs(x) do x[k] = v end end
        assert(o.fixed == 1)
      end
      local one = _io.input.one
      for k in pairs(one) do one[k] = one[k] end
      one.y = one.x
      collectgarbage("step")
      _io.output = _io.input
    `);
    cu.getOutput();
  }
  assertEquals(cu.compute("return 1 + 1"), 2);
});
