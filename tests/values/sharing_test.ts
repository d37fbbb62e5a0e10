// One object is one table, wherever it stands, whatever its fields do.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ComputeUnit, type LuaValue } from "@computeunit/cu";
import { countingReads } from "../helpers/counting.ts";
import { inLua, roundTrip } from "../helpers/round_trip.ts";

Deno.test("shared objects and cycles stay so", async () => {
  using cu = await ComputeUnit.create();
  const shared = { s: [1] };
  const date = new Date(5);
  const back = roundTrip(cu, { a: shared, b: [shared, shared], d: [date, date] }) as Record<string, LuaValue[]>;
  assertEquals(back.b[0], shared);
  assertStrictEquals(back.b[0], back.a as LuaValue);
  assertStrictEquals(back.b[0], back.b[1]);
  assertStrictEquals(back.d[0], back.d[1]);
  assertEquals(inLua(cu, [shared, shared, { ...shared }], "{ v[1] == v[2], v[1] == v[3] }"), [true, false]);

  const cycle: Record<string, unknown> = { list: [], map: new Map() };
  cycle.self = cycle;
  (cycle.list as unknown[]).push(cycle, cycle.list);
  (cycle.map as Map<unknown, unknown>).set(cycle, cycle);
  const again = roundTrip(cu, cycle) as Record<string, LuaValue>;
  assertStrictEquals(again.self, again);
  assertStrictEquals((again.list as LuaValue[])[0], again);
  assertStrictEquals((again.list as LuaValue[])[1], again.list);
  assertStrictEquals((again.map as Map<LuaValue, LuaValue>).get(again), again);
  assertEquals(inLua(cu, cycle, "v.self == v and v.list[1] == v and v.map[v] == v"), true);
});

Deno.test("an object whose first field is a getter is one table wherever it stands", async () => {
  using cu = await ComputeUnit.create();
  let count = 0;
  const getters = {
    counting: () => count++,
    alternating: () => ++count % 2,
    constant: () => 3,
    text: () => `s${count++}`,
    NaN: () => NaN,
    table: () => [count],
  };
  const row = { id: 1, n: 2 };
  for (const [name, get] of Object.entries(getters)) {
    // With the keys of the rows before it, which are told apart by their first field.
    const object = Object.defineProperty({ id: 0, n: 1 }, "id", { get, enumerable: true });
    const many = Array.from({ length: 20 }, (_, id) => ({ id, n: id }));
    const inputs: [unknown, string][] = [
      [[object, object], "return _io.input[1] == _io.input[2]"],
      [[row, object, object], "return _io.input[2] == _io.input[3]"],
      [
        [...many, object, ...many, object],
        "local i = _io.input for _, r in ipairs(i) do local _ = r.n end return i[21] == i[42]",
      ],
      [{ one: object, list: [row, object] }, "return _io.input.one == _io.input.list[2]"],
      [[{ held: row }, { held: object }, { held: object }], "return _io.input[2].held == _io.input[3].held"],
    ];
    for (const [input, code] of inputs) {
      for (const lazy of [false, true]) {
        cu.setInput(input, { lazy });
        assertStrictEquals(cu.compute(code), true, `${name}, lazy ${lazy}: ${code}`);
      }
    }
  }
});

Deno.test("an object whose first field differs at each read is one table", async () => {
  using cu = await ComputeUnit.create();
  for (const lazy of [false, true]) {
    let count = 0;
    const object: Record<string, unknown> = {
      get id() {
        return count++;
      },
      v: 1,
    };
    object.self = object;
    cu.setInput([object, object], { lazy });
    assertEquals(cu.computeAll("local a, b = _io.input[1], _io.input[2] a.v = 2 return b.v, a == b, a.self == a"), [
      2,
      true,
      true,
    ]);
  }
});

Deno.test("an object of many fields that stands in many places is one table, and listed once", async () => {
  using cu = await ComputeUnit.create();
  const fields = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`key ${i}`, i]));
  const [shared, reads] = countingReads(fields);
  const [other] = countingReads({ ...fields, other: true }, reads);
  const rows = Array.from({ length: 2000 }, (_, i) => ({ id: i, held: i % 2 === 0 ? shared : other }));
  const code = `
    local first, second = _io.input[1].held, _io.input[2].held
    local n = 0
    for _, row in ipairs(_io.input) do
      if row.held == (row.id % 2 == 0 and first or second) and row.held["key 7"] == 7 then n = n + 1 end
    end
    return first ~= second and first.other == nil and second.other and n
  `;
  for (const lazy of [false, true]) {
    const before = reads.ownKeys;
    cu.setInput(rows, { lazy });
    assertEquals(cu.compute(code), rows.length);
    // For the two, not for each of the 2000 rows that hold one of them.
    const lists = reads.ownKeys - before;
    assert(lists <= 10, `${lists} lists of keys with lazy: ${lazy}`);
  }
});
