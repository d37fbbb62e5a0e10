// The same result whatever the size: what comes out doesn't depend on how a value went in,
// copied, lazily by choice of the unit or of the caller, or through the command line.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ComputeUnit, type InputOptions } from "@computeunit/cu";
import { main } from "../../src/cli/main.ts";
import { objectsOf } from "../helpers/objects.ts";

/** A table of values; each is a list of rows. */
const LISTS: Record<string, unknown[]> = {
  "rows with nulls": [{ id: 2, note: null }, { id: 0, note: "a" }, { id: 1, note: null }],
  "keys in no order": [{ z: 1, id: 3, a: null, m: { y: null, b: [null, 1, null] } }, { id: 1, z: 2, b: 3 }],
  "rows of other shapes": [{ id: 1 }, { name: "x", id: 0 }, {}, { id: null }, [null], []],
  "rows of many fields": [0, 1].map((id) => ({
    ...Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`field ${(i * 7) % 50}`, i % 3 === 0 ? null : i])),
    id,
  })),
  "keys that are numbers": [{ 10: "a", 9: null, id: 1, x: 1, "-1": 2, "01": 3 }, { id: 0, 1: 1, 2: 2 }],
  "keys of the prototype": [JSON.parse('{"__proto__":null,"constructor":1,"id":1}'), { toString: null, id: 0 }],
  "nested lists": [{ id: 1, list: [[null], [1, [2, null]], {}] }, { id: 0, list: [] }],
  "values of all kinds": [{ id: 0, t: true, f: false, s: "", u: "ä\u{1f600}", n: 0.1, big: 1e300, neg: -5 }],
};

/** What JSON lacks. */
const OTHER_LISTS: Record<string, unknown[]> = {
  "undefined": [{ id: 1, gone: undefined, z: 1, a: 2 }, { id: undefined }, undefined, { id: 0 }],
  "Maps and Sets": [
    { id: 1, map: new Map<unknown, unknown>([["z", null], ["a", undefined], [3, { q: null }], [1.5, 1], [true, 2]]) },
    { id: 0, set: new Set(["z", 5, "a", 1]), empty: new Map() },
  ],
  "large Maps": [{ id: 0, map: new Map(Array.from({ length: 300 }, (_, i) => [`${(i * 7) % 300}`, i % 5 || null])) }],
  "numbers": [{ id: -0, n: NaN, i: -Infinity, b: 2n ** 60n, small: 5n }, { id: -1 }],
  "dates and bytes": [{ id: 1, d: new Date(5), b: new Uint8Array([255]), text: new Uint8Array([65]) }, { id: 0 }],
  "typed arrays": [{ id: 0, a: new Float64Array([1, 2]), b: new BigInt64Array([5n]), c: new Int16Array() }],
  "classes, frozen and without prototype": [
    new (class Row {
      id = 2;
      #hidden = 1;
      get sum() {
        return this.#hidden;
      }
    })(),
    Object.freeze({ id: 1, list: Object.freeze([1, null]) }),
    Object.assign(Object.create(null), { id: 0, z: null }),
  ],
  "getters": [{
    get id() {
      return 1;
    },
    z: null,
  }, { id: 0 }],
};

/** One object in many places, and cycles. */
function sharing(): unknown[] {
  const shared = { id: 1, list: [null, { x: 1 }] };
  const cycle: Record<string, unknown> = { id: 0, shared, inner: shared.list[1] };
  cycle.self = cycle;
  return [shared, cycle, shared, { id: 2, of: [shared, cycle] }];
}

const PROGRAMS: Record<string, string> = {
  untouched: "_io.output = _io.input",
  "untouched, in a table": "_io.output = { rows = _io.input, first = _io.input[1], again = _io.input[1] }",
  "one field changed": `
    local row = _io.input[1]
    row.id = 17
    row.zz, row.added = 1, { z = 1, a = 2 }
    _io.output = { row, _io.input }`,
  "a field taken away": `
    for _, row in pairs(_io.input) do if row.id then row.id = nil break end end
    _io.output = _io.input`,
  filtered: `
    local out = _io.array({})
    for i = 1, #_io.input do
      local row = _io.input[i]
      if row and row.id and row.id < 2 then out[#out + 1] = row end
    end
    _io.output = out`,
  sorted: `
    local out = {}
    for i = 1, #_io.input do out[#out + 1] = _io.input[i] end
    table.sort(out, function(a, b)
      local x, y = tonumber(a.id) or 100 + #a, tonumber(b.id) or 100 + #b
      return x < y
    end)
    _io.output = _io.array(out)`,
  "by id": `
    local byId = {}
    for i = 1, #_io.input do
      local row = _io.input[i]
      if row and row.id and row.id == row.id then byId[row.id] = row end
    end
    _io.output = { byId, _io.object(byId), _io.map(byId) }`,
  "read by every key first": `
    local count = 0
    local function read(v)
      if type(v) == "table" then for _, held in next, v do count = count + 1 if count < 1000 then read(held) end end end
    end
    read(_io.input)
    _io.output = _io.input`,
};

const WAYS: Record<string, { lazyThreshold?: number; options?: InputOptions }> = {
  copied: { options: { lazy: false } },
  lazy: { options: { lazy: true } },
  "below the threshold": {},
  "above the threshold": { lazyThreshold: 0 },
};

/**
 * A value to the letter: kinds, order, sharing. An object that is the host's own counts as
 * what it would be had it been in Lua.
 */
function letters(value: unknown): string {
  const numbers = new Map<object, number>();
  const text = (held: unknown): string => {
    if (held === undefined) return "null";
    if (typeof held === "bigint") return Number.isSafeInteger(Number(held)) ? `${held}` : `${held}n`;
    if (typeof held === "number") return Object.is(held, -0) ? "-0" : `${held}`;
    if (typeof held !== "object" || held === null) return JSON.stringify(held);
    if (held instanceof Uint8Array) return held.every((byte) => byte < 128) ? `"${binary(held)}"` : `bytes ${held}`;
    const known = numbers.get(held);
    if (known !== undefined) return `#${known}`;
    numbers.set(held, numbers.size);
    const present = (pairs: [unknown, unknown][]) =>
      pairs.filter(([, own]) => own !== undefined).map(([key, own]) => `${text(key)}:${text(own)}`).join(",");
    if (Array.isArray(held)) return `[${held.map(text).join(",")}]`;
    if (held instanceof Date) return `date ${held.getTime()}`;
    if (held instanceof Map || held instanceof Set) return `${held.constructor.name}(${present([...held.entries()])})`;
    if (ArrayBuffer.isView(held)) {
      return `${held.constructor.name}(${Array.from(held as unknown as ArrayLike<bigint>)})`;
    }
    return `{${present(Object.entries(held))}}`;
  };
  return text(value);
}

function binary(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

async function outcome(way: string, value: unknown, program: string): Promise<string> {
  const { lazyThreshold, options } = WAYS[way];
  using cu = await ComputeUnit.create({ lazyThreshold });
  cu.setInput(value, options);
  cu.compute(program);
  const output = cu.getOutput<unknown>();
  if (options?.lazy !== true) {
    const objects = objectsOf(value);
    for (const object of objectsOf(output)) assert(!objects.has(object), `${way}: an object of the host's`);
  }
  return letters(output);
}

/** The output that the command line writes. */
async function written(value: unknown, program: string): Promise<string> {
  let stdout = "", stderr = "";
  const code = await main(["run", "s.lua", "--input", "-"], {
    readFile: () => Promise.resolve(new TextEncoder().encode(program)),
    writeFile: () => Promise.reject(new Error("nothing is written")),
    readStdin: () => Promise.resolve(new TextEncoder().encode(JSON.stringify(value))),
    writeStdout: (text) => stdout += text,
    writeStderr: (text) => stderr += text,
  });
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

for (const [name, program] of Object.entries(PROGRAMS)) {
  Deno.test(`the same result whatever the size: ${name}`, async (t) => {
    for (const [kind, list] of Object.entries({ ...LISTS, ...OTHER_LISTS, sharing: sharing() })) {
      await t.step(kind, async () => {
        const wanted = await outcome("copied", list, program);
        for (const way of Object.keys(WAYS)) assertEquals(await outcome(way, list, program), wanted, way);
        if (!(kind in LISTS) || name === "by id") return;
        using cu = await ComputeUnit.create({ lazyThreshold: 0 });
        cu.setInput(list);
        cu.compute(program);
        assertEquals(await written(list, program), `${JSON.stringify(cu.getOutput())}\n`);
      });
    }
  });
}

Deno.test("the same result of 1,000 rows and of 100,000", async () => {
  const rowsOf = (length: number) => Array.from({ length }, (_, i) => ({ z: i, note: null, id: i % 7, a: [null] }));
  for (const program of [PROGRAMS.untouched, PROGRAMS.filtered, PROGRAMS["one field changed"]]) {
    using cu = await ComputeUnit.create();
    const texts = [1000, 100_000].map((length) => {
      cu.setInput(rowsOf(length));
      cu.compute(program);
      return JSON.stringify(cu.getOutput());
    });
    assertEquals(texts[1].slice(0, 8000), texts[0].slice(0, 8000));
  }
});

Deno.test("the host's own objects come back only where lazy: true was said", async () => {
  using cu = await ComputeUnit.create();
  const catalogue = Array.from({ length: 30_000 }, (_, i) => ({ name: `product ${i}`, price: i }));
  const code = "_io.output = { best = _io.input[30000] }";
  cu.setInput(catalogue);
  cu.compute(code);
  cu.getOutput<{ best: { price: number } }>().best.price *= 0.5;
  assertEquals(catalogue[29_999].price, 29_999);
  cu.setInput(catalogue, { lazy: true });
  cu.compute(code);
  assertStrictEquals(cu.getOutput<{ best: unknown }>().best, catalogue[29_999]);
});

Deno.test("a copy of what can't be passed is refused with its path, as a copied input is", async () => {
  using cu = await ComputeUnit.create({ lazyThreshold: 0 });
  const cases: [unknown, string][] = [
    [{ rows: [{ ok: 1 }, { handler: () => 1 }] }, "functions cannot be passed (at input.rows[1].handler)"],
    [{ rows: [{ text: "\ud800" }] }, "a string with a lone surrogate cannot be passed (at input.rows[0].text)"],
    [{ n: 2n ** 63n }, "9223372036854775808 is beyond 64 bits (at input.n)"],
    [{ map: new Map<unknown, unknown>([[1, 1], [1n, 2]]) }, "two keys of a Map, or members of a Set, are equal"],
    [{ map: new Map([[NaN, 1]]) }, "NaN cannot be a key in Lua (at input.map[0])"],
    [{ url: new URL("data:,") }, "objects cannot be passed (at input.url)"],
    [{ list: [{ re: /x/ }] }, "RegExp objects cannot be passed (at input.list[0].re)"],
    [{ u: new BigUint64Array([2n ** 63n]) }, "9223372036854775808 is beyond 64 bits (at input.u"],
  ];
  for (const [value, message] of cases) {
    cu.setInput(value);
    cu.compute("_io.output = _io.input");
    let thrown: unknown;
    try {
      cu.getOutput();
    } catch (error) {
      thrown = error;
    }
    assert(thrown instanceof Error && thrown.message.includes(message), `${message}: ${thrown}`);
    assertEquals(cu.compute("return 1"), 1);
  }
});

Deno.test("an input of any depth is copied when it comes back", async () => {
  using cu = await ComputeUnit.create({ lazyThreshold: 0 });
  let value: Record<string, unknown> = { end: null };
  for (let i = 0; i < 100_000; i++) value = { next: value, i };
  cu.setInput(value);
  cu.compute("_io.output = _io.input");
  let at = cu.getOutput<Record<string, unknown>>();
  let depth = 0;
  for (; at.next !== undefined; at = at.next as Record<string, unknown>) depth++;
  assertEquals([depth, at], [100_000, { end: null }]);
});
