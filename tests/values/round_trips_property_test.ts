// Any value that goes in comes out, as the tables of docs/IO_TABLE_API.md says: random values
// against a model of that table.

import { assert, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit } from "@computeunit/cu";
import { WIRE } from "../../src/runtime/wire.ts";
import { build, countOf, graph, key, leaf } from "../helpers/any_value.ts";
import { setOwn } from "../helpers/objects.ts";
import { RUNS_FACTOR } from "../helpers/property.ts";
import { assertSame, expected, expectedCopy } from "../helpers/values_model.ts";

/** What the round trips cover together, leaves and containers; half of it for few runs, which differ more. */
const VALUES_MIN = (RUNS_FACTOR < 0.1 ? 100_000 : 200_000) * RUNS_FACTOR;

const RUNS = Math.ceil(3000 * RUNS_FACTOR);

const valuesCovered = { count: 0 };

/** Runs a property over random graphs, with the seed in the message of a failure. */
function checkRoundTrips(pass: (value: unknown) => unknown, model = expected): void {
  fc.assert(
    fc.property(graph, (given) => {
      const value = build(given);
      valuesCovered.count += countOf(value);
      assertSame(pass(value), model(value), model === expected);
    }),
    { numRuns: RUNS },
  );
}

Deno.test("any value comes back from _io.input as the table of values says", async () => {
  using cu = await ComputeUnit.create();
  checkRoundTrips((value) => {
    cu.setInput(value, { lazy: false });
    return cu.compute("return _io.input");
  });
});

Deno.test("any value comes back through _io.output as the table of values says", async () => {
  using cu = await ComputeUnit.create();
  checkRoundTrips((value) => {
    cu.setInput(value, { lazy: false });
    cu.compute("_io.output = _io.input");
    return cu.getOutput();
  });
});

Deno.test("any value comes back through _io.meta as the table of values says", async () => {
  using cu = await ComputeUnit.create({ lazyThreshold: Infinity });
  checkRoundTrips((value) => {
    cu.setMetadata(value);
    return cu.getMetadata();
  });
});

Deno.test("any value comes back as one field as the table of values says", async () => {
  using cu = await ComputeUnit.create();
  checkRoundTrips((value) => {
    cu.setInput(null);
    cu.setInputField("__proto__", value, { lazy: false });
    cu.compute("_io.output = { _io.input.__proto__ }");
    return cu.getOutputField(1);
  });
});

Deno.test("any value that Lua copied comes back by its keys", async () => {
  using cu = await ComputeUnit.create();
  cu.compute(`
    local seen
    local function copy(value)
      if type(value) ~= "table" then return value end
      local known = seen[value]
      if known then return known end
      local made = {}
      seen[value] = made
      for k, v in next, value do made[copy(k)] = copy(v) end
      return made
    end
    function deepCopy(value)
      seen = {}
      return copy(value)
    end
  `);
  checkRoundTrips((value) => {
    cu.setInput(value);
    return cu.compute("return deepCopy(_io.input)");
  }, (value) => expectedCopy(value));
});

Deno.test("the same values cross in one message after another, and in one", async () => {
  using cu = await ComputeUnit.create();
  fc.assert(
    fc.property(fc.array(graph, { minLength: 2, maxLength: 8 }), (graphs) => {
      const values = graphs.map(build);
      valuesCovered.count += countOf(values);
      // One may be another's part only where both are in one message.
      cu.setInput(values, { lazy: false });
      assertSame(cu.compute("return _io.input"), expected(values));
      for (const value of values) {
        cu.setInput(value, { lazy: false });
        assertSame(cu.compute("return _io.input"), expected(value));
      }
    }),
    { numRuns: Math.ceil(200 * RUNS_FACTOR) },
  );
});

Deno.test("rows of any columns come back", async () => {
  using cu = await ComputeUnit.create();
  const table = fc.uniqueArray(key, { minLength: 1, maxLength: 40 }).chain((columns) =>
    fc.array(fc.array(leaf, { minLength: columns.length, maxLength: columns.length }), { maxLength: 30 })
      .map((rows) =>
        rows.map((cells) => {
          const row = {};
          for (const [i, column] of columns.entries()) setOwn(row, column, cells[i]);
          return row;
        })
      )
  );
  fc.assert(
    fc.property(table, (rows) => {
      valuesCovered.count += countOf(rows);
      cu.setInput(rows, { lazy: false });
      assertSame(cu.compute("return _io.input"), expected(rows));
    }),
    { numRuns: Math.ceil(500 * RUNS_FACTOR) },
  );
});

Deno.test("round trips covered enough values", () => {
  assert(valuesCovered.count >= VALUES_MIN, `only ${valuesCovered.count} values`);
});

Deno.test("shapes of one message that are more than the unit keeps stay apart", async () => {
  using cu = await ComputeUnit.create();
  for (const count of [WIRE.SHAPES_MAX - 2, WIRE.SHAPES_MAX - 1, WIRE.SHAPES_MAX, WIRE.SHAPES_MAX + 1, 3000]) {
    const shapes = Array.from(
      { length: count },
      (_, i) => Object.fromEntries(Array.from({ length: 1 + i % 5 }, (_, j) => [`s${count}k${i}f${j}`, i * 10 + j])),
    );
    const values = [
      { first: 1, many: shapes, last: 2, end: "end" },
      [{ a: { x: 1, y: 2 } }, { a: { x: 3, y: 4 } }, shapes, { a: { x: 5, y: 6 } }, { a: { x: 7, y: 8 } }],
      [{ p: { x: 1 }, m: null }, { p: { x: 2 }, m: shapes }, { p: { x: 3 }, m: null }, { p: { x: 4 }, m: [1] }],
      { wide: Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`w${i}`, i === 3 ? shapes : i])), tail: [1] },
    ];
    for (const value of values) {
      cu.setInput(value, { lazy: false });
      assertSame(cu.compute("return _io.input"), expected(value));
    }
  }
});

Deno.test("a Map key that is a float beyond 2^53 stays a number, or is refused", async () => {
  using cu = await ComputeUnit.create();
  for (const k of [2 ** 53, -(2 ** 53), 2 ** 60, -(2 ** 63)]) {
    const map = new Map([[k, "held"]]);
    try {
      cu.setInput(map);
      assertSame(cu.compute("return _io.input"), map);
    } catch (error) {
      assert(error instanceof TypeError || error instanceof RangeError);
    }
  }
});

Deno.test("an array of any length is passed or refused, and the unit is whole", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 16 * 1024 * 1024 });
  for (const exponent of [20, 24, 26, 27, 28, 29, 30, 31, 32]) {
    for (const offset of [-1, 0, 1, 4095]) {
      const length = Math.min(2 ** exponent + offset, 2 ** 32 - 1);
      const error = assertThrows(() => cu.setInput({ list: new Array(length) }, { lazy: false }));
      assert(!(error instanceof WebAssembly.RuntimeError) && !String(error).includes("bounds"), `${length}: ${error}`);
      assertStrictEquals(cu.compute("return 1 + 1"), 2);
      if (length === 2 ** 32 - 1) break;
    }
  }
});
