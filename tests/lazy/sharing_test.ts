// One object is one view, wherever it stands and however it is reached.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit } from "@computeunit/cu";
import { assertAgree, lazily, LAZY, rows } from "../helpers/lazy.ts";

Deno.test("setInput() lazily gives an object one identity, also after others were read", async () => {
  using cu = await ComputeUnit.create();
  const list = rows(30_000);
  const value = { list, map: new Map(list.map((row) => [row, row.id])), first: list[4], set: new Set(list) };
  cu.setInput(value, LAZY);
  assertEquals(
    cu.computeAll(`
      local t = _io.input
      local fifth = t.list[5]
      local index = { [fifth] = "five" }
      for i = 1, #t.list do local _ = t.list[i].id end
      for i = #t.list, 1, -3 do local _ = t.list[i].name end
      local n, wrong = 0, 0
      for row, id in pairs(t.map) do
        n = n + 1
        if row.id ~= id or t.list[id + 1] ~= row or not t.set[row] then wrong = wrong + 1 end
      end
      return t.list[5] == fifth, rawequal(t.first, fifth), index[t.list[5]], index[t.first], t.map[fifth], n, wrong
    `),
    [true, true, "five", "five", 4, 30_000, 0],
  );
});

Deno.test("setInput() lazily gives a Date one identity", async () => {
  const date = new Date(5);
  const value = {
    dates: Array.from({ length: 5000 }, (_, i) => new Date(i)),
    a: date,
    b: date,
    map: new Map([[date, 1]]),
  };
  await assertAgree(
    value,
    `
    local t = _io.input
    local d = t.dates[3]
    local index = { [d] = "three" }
    for i = 1, #t.dates do local _ = t.dates[i] end
    local held
    for k in pairs(t.map) do held = t.map[k] end
    return t.dates[3] == d, d.ms, t.a == t.b, rawequal(t.dates[3], d), index[t.dates[3]], rawequal(t.a, t.b), held
  `,
    [true, 2, true, true, "three", true, 1],
  );
});

Deno.test("setInput() lazily keeps shared objects and cycles", async () => {
  using cu = await ComputeUnit.create();
  const shared = { s: [1] };
  const value: Record<string, unknown> = { a: shared, b: [shared, shared], list: [], map: new Map() };
  value.self = value;
  (value.list as unknown[]).push(value, value.list);
  (value.map as Map<unknown, unknown>).set(value, value);
  assertEquals(
    lazily(
      cu,
      value,
      `
      local v = _io.input
      return v.a == v.b[1] and v.b[1] == v.b[2], v.self == v, v.list[1] == v, v.list[2] == v.list, v.map[v] == v,
        v.self.self.list[2][2][1].a.s[1]
    `,
    ),
    [true, true, true, true, true, 1],
  );
  cu.setInput(value, LAZY);
  const changed = cu.compute<Record<string, unknown>>("_io.input.a.s[2] = 'new' return _io.input");
  assertEquals(changed.a, { s: [1, "new"] });
  const [first, second] = changed.b as unknown[];
  assertStrictEquals(first, changed.a);
  assertStrictEquals(second, changed.a);
  assertStrictEquals(changed.self, changed);
  assertStrictEquals((changed.list as unknown[])[0], changed);
  assertStrictEquals((changed.list as unknown[])[1], changed.list);
  assertStrictEquals((changed.map as Map<unknown, unknown>).get(changed), changed);
  assertEquals(shared, { s: [1] });
});

Deno.test("setInput() lazily keeps views in globals alive across inputs and clearIo", async () => {
  using cu = await ComputeUnit.create();
  const first = { rows: rows(3000), x: { y: 1 } }, second = { rows: rows(2), first: [] as unknown[] };
  cu.setInput(first, LAZY);
  cu.compute("kept_first = _io.input kept_row = _io.input.rows[7]");
  cu.setInput(second, LAZY);
  cu.compute("kept_second = _io.input");
  cu.clearIo();
  cu.runGc();
  for (let i = 0; i < 50; i++) cu.setInput({ other: rows(100) }, LAZY);
  const code = `
    local a, b = kept_first, kept_second
    local n = 0
    for i, row in ipairs(a.rows) do n = n + row.id end
    return n, a.rows[7] == kept_row, #b.rows, a, b
  `;
  const results = cu.computeAll(code);
  assertEquals(results.slice(0, 3), [4_498_500, true, 2]);
  assertStrictEquals(results[3] as unknown, first);
  assertStrictEquals(results[4] as unknown, second);
  const both = cu.compute<Record<string, unknown>>(`
    kept_first.x.y = 2
    kept_second.first[1] = kept_first
    kept_first.second = kept_second
    return { a = kept_first, b = kept_second, x = kept_first.x }
  `);
  const a = both.a as Record<string, unknown>, b = both.b as Record<string, unknown>;
  assertEquals(a.x, { y: 2 });
  assertStrictEquals(a.x, both.x);
  assertStrictEquals((b.first as unknown[])[0], a);
  assertStrictEquals(a.second, b);
  assertStrictEquals(a.rows, first.rows);
  assertStrictEquals(b.rows, second.rows);
  assertEquals([first.x, second.first], [{ y: 1 }, []]);
});

Deno.test("setInput() lazily keeps two inputs of the same object apart", async () => {
  using cu = await ComputeUnit.create();
  const object = { list: [1, 2], x: 1, same: { s: 1 } };
  cu.setInput(object, LAZY);
  cu.compute("kept_first = _io.input _io.input.x = 2");
  cu.setInput(object, LAZY);
  const results = cu.compute<unknown[]>(
    "_io.input.list[1] = 9 return { kept_first, _io.input, kept_first == _io.input, _io.input.x }",
  );
  assertEquals(results, [{ list: [1, 2], x: 2, same: { s: 1 } }, { list: [9, 2], x: 1, same: { s: 1 } }, false, 1]);
  assertStrictEquals((results[0] as typeof object).same, object.same);
  assertStrictEquals((results[1] as typeof object).same, object.same);
  assertEquals(object, { list: [1, 2], x: 1, same: { s: 1 } });
});

Deno.test("views of one object in two inputs can't both be keys", async () => {
  using cu = await ComputeUnit.create();
  const object = { x: 1 };
  cu.setInput(object, LAZY);
  cu.compute("kept = _io.input");
  cu.setInput(object, LAZY);
  cu.compute("_io.output = { [kept] = 1, [_io.input] = 2 }");
  assertThrows(() => cu.getOutput(), TypeError, "the same object in two inputs");
  assertEquals(cu.compute("_io.output = 1 return kept.x"), 1);
});
