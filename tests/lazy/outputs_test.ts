// What comes back of a lazy input: untouched objects as themselves, and what leads to a change as a copy.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { LAZY, type Row, rows } from "../helpers/lazy.ts";

Deno.test("setInput() lazily gives untouched objects back as themselves, wherever they stand", async () => {
  using cu = await ComputeUnit.create();
  const value = {
    list: rows(1000),
    map: new Map([["k", { m: 1 }]]),
    set: new Set([{ s: 1 }]),
    typed: new Float32Array([1]),
    // What a copy would change.
    odd: { a: undefined, b: null, bytes: new Uint8Array([65]), sparse: [1, , 3] },
  };
  cu.setInput(value, LAZY);
  cu.compute(`
    local t = _io.input
    local first for m in pairs(t.set) do first = m end
    for _, row in ipairs(t.list) do assert(row.name) end
    for k in pairs(t.odd) do end
    _io.output = { whole = t, rows = { t.list[3], t.list[7] }, m = t.map.k, s = first, typed = t.typed, odd = t.odd,
      map = t.map, set = t.set }
  `);
  const output = cu.getOutput<Record<string, unknown>>();
  assertStrictEquals(output.whole, value);
  assertStrictEquals((output.rows as unknown[])[0], value.list[2]);
  assertStrictEquals((output.rows as unknown[])[1], value.list[6]);
  assertStrictEquals(output.m, value.map.get("k"));
  assertStrictEquals(output.s, [...value.set][0]);
  for (const name of ["typed", "odd", "map", "set"] as const) assertStrictEquals(output[name], value[name]);
  assertStrictEquals(cu.getOutputField<unknown>("odd"), value.odd);
  assertStrictEquals(cu.compute<unknown>("return _io.input.list"), value.list);
});

Deno.test("setInput() lazily gives what leads to a change as a copy, and the rest as itself", async () => {
  using cu = await ComputeUnit.create();
  const value = {
    a: { b: { c: { d: 1 } }, other: { o: 1 } },
    list: [{ i: 0 }, { i: 1 }],
    map: new Map<unknown, unknown>([["x", { y: [1] }], ["z", { w: 1 }]]),
    set: new Set([{ s: 1 }]),
    apart: { p: [1] },
  };
  const before = structuredClone(value);
  cu.setInput(value, LAZY);
  const back = cu.compute<typeof value>(`
    local t = _io.input
    t.a.b.c.d = 2
    t.list[2].i = "one"
    t.map.x.y[2] = 2
    for m in pairs(t.set) do m.s = 5 end
    return t
  `);
  assertEquals(value, before);
  assertEquals(back.a, { b: { c: { d: 2 } }, other: { o: 1 } });
  assertStrictEquals(back.a.other, value.a.other);
  assertEquals(back.list as unknown[], [{ i: 0 }, { i: "one" }]);
  assertStrictEquals(back.list[0], value.list[0]);
  assertEquals(back.map, new Map<unknown, unknown>([["x", { y: [1, 2] }], ["z", { w: 1 }]]));
  assertStrictEquals(back.map.get("z"), value.map.get("z"));
  assertEquals([...back.set], [{ s: 5 }]);
  assertStrictEquals(back.apart, value.apart);
  assertStrictEquals(cu.compute<unknown>("return _io.input.apart"), value.apart);
  assertEquals(cu.compute("return _io.input.a.b"), { c: { d: 2 } });
});

Deno.test("setInput() lazily gives back rows appended, removed, replaced and moved", async () => {
  using cu = await ComputeUnit.create();
  const list = rows(5000);
  cu.setInput(list, LAZY);
  const back = cu.compute<unknown[]>(`
    local t = _io.input
    table.remove(t, 2)
    t[#t + 1] = { id = "new" }
    t[1], t[100] = t[100], t[1]
    t[50] = "text"
    return t
  `);
  assertStrictEquals(back.length, 5000);
  assertStrictEquals(back[0], list[100]);
  assertStrictEquals(back[99], list[0]);
  assertStrictEquals(back[1], list[2]);
  assertEquals([back[49], back[4999]], ["text", { id: "new" }]);
  assertStrictEquals(back[4998], list[4999]);
  assertEquals(list, rows(5000));
  cu.setInput(list, LAZY);
  const filtered = cu.compute<unknown[]>(`
    local r = {}
    for _, row in ipairs(_io.input) do if row.id % 1000 == 7 then r[#r + 1] = row end end
    return r
  `);
  assertEquals(filtered.map((row) => list.indexOf(row as Row)), [7, 1007, 2007, 3007, 4007]);
  cu.setInput(list, LAZY);
  assertEquals(cu.compute("for i = #_io.input, 1, -1 do _io.input[i] = nil end return _io.input"), []);
});

Deno.test("setInput() lazily gives views back in error values, metadata and handlers' results", async () => {
  using cu = await ComputeUnit.create({ lazyThreshold: 0 });
  const value = { list: [1, { a: 1 }] };
  cu.setInput(value, LAZY);
  const error = assertThrows(() => cu.compute("error(_io.input.list)"), LuaError);
  assertStrictEquals(error.value, value.list);
  const changed = assertThrows(() => cu.compute("_io.input.list[2].a = 2 error(_io.input)"), LuaError);
  assertEquals(changed.value, { list: [1, { a: 2 }] });
  cu.setMetadata(value);
  assertEquals(cu.getMetadata<unknown>(), value);
  cu.compute("_io.meta.seen = true");
  assertEquals(cu.getMetadata(), { list: [1, { a: 1 }], seen: true });
  cu.compute("function handler(p) return { p, p.list[2] } end");
  assert(cu.callHandler("handler", value));
  const [params, inner] = cu.getOutput<[typeof value, unknown]>();
  assertEquals(params, value);
  assert(params !== value);
  assertStrictEquals(params.list[1], inner as typeof params.list[1]);
  assertEquals(value, { list: [1, { a: 1 }] });
});

Deno.test("what stands beside a change comes out as if all had been copied", async () => {
  using cu = await ComputeUnit.create();
  const make = () => ({
    n: 5n,
    large: 2n ** 60n,
    bytes: new Uint8Array([97]),
    raw: new Uint8Array([0xff]),
    none: null,
    list: [undefined, , null, 3n, { x: 0 }],
    map: new Map<unknown, unknown>([["a", null], [5n, 1], [new Uint8Array([99]), 2], ["b", { x: 1 }]]),
    set: new Set<unknown>([7n, "member", { x: 1 }]),
    typed: Float32Array.of(1.5),
    date: new Date(5),
    b: { x: 1 },
  });
  const code = `
    _io.input.b.x = 2 _io.input.list[5].x = 1 _io.input.map.b.x = 2
    for member in pairs(_io.input.set) do if type(member) == "table" then member.x = 2 end end
    _io.output = _io.input
  `;
  cu.setInput(make(), { lazy: false });
  cu.compute(code);
  const expected = cu.getOutput();
  cu.setInput(make(), LAZY);
  cu.compute(code);
  assertEquals(cu.getOutput(), expected);
});

Deno.test("what can't be passed is refused also where it would be copied beside a change", async () => {
  using cu = await ComputeUnit.create();
  const cause = new Error("boo");
  const cases: [object, string][] = [
    [{ f: () => 1 }, "functions cannot be passed (at input.a[0].f)"],
    [{ f: /x/ }, "RegExp objects cannot be passed (at input.a[0].f)"],
    [{ f: "\ud800" }, "lone surrogate cannot be passed (at input.a[0].f)"],
    [{ f: new Map([[null, 1]]) }, "null cannot be a key in Lua (at input.a[0].f[0])"],
    [
      {
        get f() {
          throw cause;
        },
      },
      'reading threw "boo" (at input.a[0].f)',
    ],
  ];
  for (const [held, message] of cases) {
    const b = { x: 1, up: {} };
    if ((Object.getOwnPropertyDescriptor(held, "f")?.value) instanceof Map) {
      (held as { f: Map<unknown, unknown> }).f.set("b", b);
    }
    cu.setInput({ a: [Object.defineProperties({ b }, Object.getOwnPropertyDescriptors(held))] }, LAZY);
    cu.compute("_io.input.a[1].b.x = 2 _io.output = _io.input");
    const error = assertThrows(() => cu.getOutput(), TypeError, message);
    if (message.includes("boo")) assertStrictEquals(error.cause, cause);
  }
  assertEquals(cu.compute("return 1"), 1);
});

Deno.test("a changed table of a lazy input that can't be passed fails what leads to it, and nothing else", async () => {
  const deep = `local t = {} for i = 1, 1100 do t = { t } end i.k.f = t`;
  const shared = `local t = { 1, i.z } i.k.f = { t, print } i.w.f = t`;
  const cyclic = `local t = {} t.w = i.w i.k.f = { t, print } i.w.f = t`;
  const keyed = `i.k[i.m] = 1 i.k[i.w] = 2 i.k[{}] = 3 i.k[print] = 4`;
  const cases: [string, string, unknown][] = [
    // What code changes, what it gives back, and what comes; or the message of the error.
    [`i.k.f = print`, `i.z`, [5]],
    [`i.k.f = { { g = print } }`, `i`, /functions cannot be passed \(at (in|out)put\.k\.f\[1\]\.g\)/],
    [`i.k.f = coroutine.create(print)`, `{ i.z, i.m }`, [[5], { a: 1 }]],
    [`i.k.f = io.stdout`, `{ i.k }`, /userdata cannot be passed \(at (in|out)put(\[1\]|\.k)\.f\)/],
    [`i.k[{ 1 }] = print`, `{ i.z, i.z }`, [[5], [5]]],
    [`i.k[1.5] = print i.m.b = 2`, `i.m`, { a: 1, b: 2 }],
    [deep, `i.m`, { a: 1 }],
    [deep, `i.k`, /nesting is deeper than 1000 levels/],
    // A table in two changed ones, of which the first can't be passed.
    [shared, `i.w`, { f: [1, [5]], n: {} }],
    [shared, `i.k`, /functions cannot be passed \(at (in|out)put(\.k)?\.f\[2\]\)/],
    [cyclic, `i.m`, { a: 1 }],
    [`i.k.n = { f = print, w = i.w } i.w.n.x = i.k.n`, `i.w`, /functions cannot be passed/],
    [`i.k.n = { f = print } i.k.n.self = i.k i.w.b = i.m`, `i.w`, { n: {}, b: { a: 1 } }],
    [keyed, `{ i.z }`, [[5]]],
    // Many tables before and after, so that numbers of tables matter.
    [`for n = 1, 50 do i.k[n] = { { n }, n == 25 and print or n } end i.w.t = { i.z, { 7 } }`, `{ i.w, i.w }`, [
      { n: {}, t: [[5], [7]] },
      { n: {}, t: [[5], [7]] },
    ]],
  ];
  for (
    const [mode, options, inputOptions] of [
      ["copied", {}, { lazy: false }],
      ["lazy", {}, LAZY],
      ["lazy, with copies back", { lazyThreshold: 0 }, {}],
    ] as const
  ) {
    using cu = await ComputeUnit.create(options);
    for (const [changes, result, expected] of cases) {
      cu.setInput({ k: {}, z: [5], m: { a: 1 }, w: { n: {} } }, inputOptions);
      const code = `local i = _io.input ${changes} _io.output = ${result}`;
      const label = `${mode}: ${code}`;
      const run = () => {
        cu.compute(code);
        return cu.getOutput();
      };
      if (expected instanceof RegExp) {
        const { message } = assertThrows(run, code.includes("1100") ? RangeError : TypeError, undefined, label);
        assert(expected.test(message), `${message} ${label}`);
      } else assertEquals(run(), expected, label);
    }
  }
});

Deno.test("what an output doesn't lead to isn't looked at, also where it crosses in a parent that was changed", async () => {
  for (const [options, inputOptions] of [[{}, LAZY], [{ lazyThreshold: 0 }, {}]] as const) {
    using cu = await ComputeUnit.create(options);
    let reads = 0;
    const other = {
      get later() {
        reads++;
        return () => {};
      },
    };
    const k = { n: {} };
    const input = { other, list: [other], k, holder: { k }, m: { a: 1 } };
    // The table of `k` crosses in that of the whole input, beside `other`; the output is a view that leads to it.
    for (const code of ["i.x = 1 i.k.y = 2", "i.k.y = 2 i.x = 1", "i.x = i.k i.k.y = 2 i.k.n.z = i.m"]) {
      cu.setInput(input, inputOptions);
      cu.compute(`local i = _io.input ${code} _io.output = { i.holder, i.holder }`);
      const [holder, same] = cu.getOutput<unknown[]>();
      assertEquals(holder, { k: { n: code.includes("i.m") ? { z: { a: 1 } } : {}, y: 2 } });
      assertStrictEquals(holder, same);
    }
    assertEquals(reads, 0);
  }
});
