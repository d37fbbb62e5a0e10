// Any table that Lua makes comes out, as the tables of docs/IO_TABLE_API.md says.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit } from "@computeunit/cu";
import { bytes, isRecord, number, text } from "../helpers/any_value.ts";
import { setOwn } from "../helpers/objects.ts";
import { RUNS_FACTOR } from "../helpers/property.ts";
import { textOrBytes } from "../helpers/text.ts";
import { assertSame, emptyFor, expected, fill, nameOf } from "../helpers/values_model.ts";

const RUNS = Math.ceil(3000 * RUNS_FACTOR);

/** A Lua expression and what it is in JavaScript. */
interface Expression {
  code: string;
  value: unknown;
}

function quote(raw: Uint8Array): string {
  return `"${Array.from(raw, (byte) => `\\${String(byte).padStart(3, "0")}`).join("")}"`;
}

const luaInteger = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -20n, max: 20n }),
  fc.constantFrom(2n ** 53n, -(2n ** 53n), 2n ** 53n - 1n, 2n ** 63n - 1n, -(2n ** 63n)),
).map((n): Expression => ({
  code: n === -(2n ** 63n) ? "math.mininteger" : `(${n})`,
  value: expected(n),
}));

const luaFloat = number.map((n): Expression => {
  if (Number.isNaN(n)) return { code: "(0/0)", value: NaN };
  if (!Number.isFinite(n)) return { code: n > 0 ? "(1/0)" : "(-1/0)", value: n };
  const digits = Object.is(n, -0) ? "-0.0" : String(n);
  return { code: `(${/[.e]/.test(digits) ? digits : `${digits}.0`})`, value: n };
});

const luaString = fc.oneof(text.map((t) => new TextEncoder().encode(t)), bytes).map((raw): Expression => ({
  code: quote(raw),
  value: textOrBytes(raw),
}));

const luaLeaf: fc.Arbitrary<Expression> = fc.oneof(
  luaInteger,
  luaFloat,
  luaString,
  fc.constantFrom<Expression>(
    { code: "nil", value: null },
    { code: "true", value: true },
    { code: "false", value: false },
    { code: "_io.date(86400000)", value: new Date(86_400_000) },
    { code: "_io.array({})", value: [] },
    { code: "_io.array({ nil, 1 }, 3)", value: [null, 1, null] },
    { code: "_io.bytes('text')", value: new TextEncoder().encode("text") },
    { code: "{}", value: {} },
  ),
);

/** The key as it stands in a table, or undefined where it can't. */
function normalizedKey(k: unknown): unknown {
  if (k === null || Number.isNaN(k)) return undefined;
  if (typeof k === "object" && !(k instanceof Uint8Array)) return undefined;
  if (Object.is(k, -0)) return 0;
  if (typeof k === "number" && Number.isInteger(k) && k >= -(2 ** 63) && k < 2 ** 63) return expected(BigInt(k));
  return k;
}

/** A constructor with these pairs, the positional ones first. */
function constructed(positional: Expression[], pairs: [Expression, Expression][]): Expression {
  const keys = new Map<string, unknown>();
  const held: [unknown, unknown][] = [];
  const parts: string[] = [];
  const add = (k: unknown, value: unknown) => {
    keys.set(nameOf(k), k);
    if (value !== null) held.push([k, value]);
  };
  for (const [i, item] of positional.entries()) {
    parts.push(item.code);
    add(i + 1, item.value);
  }
  for (const [k, item] of pairs) {
    const normalized = normalizedKey(k.value);
    // Constructors leave open which of two equal keys wins.
    if (normalized === undefined || keys.has(nameOf(normalized))) continue;
    parts.push(`[${k.code}] = ${item.code}`);
    add(normalized, item.value);
  }
  const table = emptyFor(held.map(([k]) => k));
  fill(table, held);
  return { code: `{ ${parts.join(", ")} }`, value: table };
}

const luaKey = fc.oneof(
  { weight: 2, arbitrary: luaLeaf },
  { weight: 2, arbitrary: fc.integer({ min: -2, max: 12 }).map((n): Expression => ({ code: `(${n})`, value: n })) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("1", "2", "-1", "a", "__proto__", "__index", "").map((name): Expression => ({
      code: quote(new TextEncoder().encode(name)),
      value: name,
    })),
  },
);

const { luaTable } = fc.letrec<{ luaTable: Expression; luaItem: Expression }>((tie) => ({
  luaItem: fc.oneof({ depthSize: "xsmall", withCrossShrink: true }, luaLeaf, tie("luaTable")),
  luaTable: fc.tuple(
    fc.array(tie("luaItem"), { maxLength: 6 }),
    fc.array(fc.tuple(luaKey, tie("luaItem")), { maxLength: 6 }),
  ).map(([positional, pairs]) => constructed(positional, pairs)),
}));

/** Trees share nothing; constants in the model do. */
function withoutSharing(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSharing);
  if (value instanceof Map) return new Map([...value].map(([k, held]) => [k, withoutSharing(held)]));
  if (value instanceof Date) return new Date(value);
  if (!isRecord(value)) return value;
  const object = {};
  for (const [name, held] of Object.entries(value)) setOwn(object, name, withoutSharing(held));
  return object;
}

Deno.test("any table that Lua constructs comes out as the table of values says", async () => {
  using cu = await ComputeUnit.create();
  fc.assert(
    fc.property(luaTable, ({ code, value }) => {
      assertSame(cu.compute(`return ${code}`), withoutSharing(value));
    }),
    { numRuns: RUNS },
  );
});

Deno.test("any array that Lua changes at random stays one with the right places", async () => {
  using cu = await ComputeUnit.create();
  const step = fc.oneof(
    fc.record({ do: fc.constant("append" as const), value: fc.integer() }),
    fc.record({ do: fc.constant("pop" as const) }),
    fc.record({ do: fc.constant("set" as const), at: fc.nat(30), value: fc.option(fc.integer()) }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.integer()), { maxLength: 12 }),
      fc.array(step, { maxLength: 20 }),
      (list, steps) => {
        cu.setInput(list);
        const code = ["local v = _io.input"];
        const model: (number | null)[] = [...list];
        let hadNull = false;
        for (const each of steps) {
          if (each.do === "append") {
            code.push(`v[#v + 1] = ${each.value}`);
            model.push(each.value);
          } else if (each.do === "pop") {
            code.push("if #v > 0 then v[#v] = nil end");
            model.pop();
          } else if (each.at < model.length && !(each.value === null && each.at === model.length - 1)) {
            code.push(`v[${each.at + 1}] = ${each.value ?? "nil"}`);
            model[each.at] = each.value;
            hadNull ||= each.value === null;
          }
        }
        // A plain table's border may be at any nil; only arrays that came with nulls keep theirs.
        if (!list.includes(null) && hadNull) return;
        assertEquals(cu.compute(`${code.join("\n")}\nreturn v`), model, code.join("\n"));
      },
    ),
    {
      numRuns: Math.ceil(1000 * RUNS_FACTOR),
      examples: [[[null, null], [{ do: "append", value: 0 }, { do: "set", at: 1, value: null }, { do: "pop" }]]],
    },
  );
});
