// Random values: JSON that goes through a unit is what JSON.parse and JSON.stringify make of it.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { key, number, text } from "../helpers/any_value.ts";
import { setOwn } from "../../src/values/fields.ts";
import { RUNS_FACTOR } from "../helpers/property.ts";

const RUNS = Math.ceil(2000 * RUNS_FACTOR);

/** Integers that a float can't tell from others have their digits in JavaScript, an exponent in a text. */
const isLarge = (x: number) => Math.abs(x) >= 2 ** 53 && Math.abs(x) < 1e21;

const finite = number.filter((x) => Number.isFinite(x) && !isLarge(x));

/** What JSON has; keys may be any text. */
const { value } = fc.letrec<{ value: unknown; row: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), finite, text),
    fc.array(tie("value"), { maxLength: 6 }),
    fc.array(tie("row"), { maxLength: 8 }),
    fc.dictionary(key, tie("value"), { maxKeys: 6 }),
  ),
  // Such as rows of a table: mostly the same keys.
  row: fc.record({ id: finite, name: text, a: tie("value"), b: fc.boolean() }, { requiredKeys: ["id", "name"] }),
}));

/** JSON.stringify alone writes -0 as 0. */
const hasMinusZero = (given: unknown): boolean =>
  Object.is(given, -0) || typeof given === "object" && given !== null && Object.values(given).some(hasMinusZero);

/** An object of JavaScript has its integer keys first. */
const isInteger = (name: string) => /^\d+$/.test(name);

const hasIntegerKeys = (given: unknown): boolean =>
  typeof given === "object" && given !== null &&
  (!Array.isArray(given) && Object.keys(given).some(isInteger) || Object.values(given).some(hasIntegerKeys));

Deno.test("text to Lua to text is what JSON.parse and JSON.stringify make of it", async () => {
  using cu = await ComputeUnit.create();
  fc.assert(
    fc.property(value, fc.constantFrom(undefined, 1, "\t"), (given, indent) => {
      const given_text = JSON.stringify(given, null, indent);
      cu.setInputJson(given_text);
      cu.compute("_io.output = _io.input");
      const output = cu.getOutputJson();
      assertEquals(JSON.parse(output), JSON.parse(given_text));
      if (!hasMinusZero(given)) assertEquals(output, JSON.stringify(given));
      assertEquals(
        cu.getOutputJson({ indent: indent ?? 0 }),
        hasMinusZero(given) ? cu.getOutputJson({ indent: indent ?? 0 }) : given_text,
      );
      cu.setInput(given_text);
      cu.compute("local json = require 'json' _io.output = json.encode(json.decode(_io.input))");
      assertEquals(cu.getOutput(), output);
    }),
    { numRuns: RUNS },
  );
});

/**
 * What JSON.parse is to make of JSON.stringify of a value. It can't be asked itself: where it has read an object
 * with the key `\`, V8 15.0 takes the key `\u0000` after the same keys for that one.
 */
function parsedOf(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(parsedOf);
  if (typeof given !== "object" || given === null) return Object.is(given, -0) ? 0 : given;
  const copy = {};
  for (const [name, field] of Object.entries(given)) setOwn(copy, name, parsedOf(field));
  return copy;
}

Deno.test("setInputJson gives what setInput gives of the parsed text", async () => {
  using cu = await ComputeUnit.create();
  fc.assert(
    fc.property(value, fc.constantFrom("nil", "keep"), (given, nulls) => {
      const parsed = parsedOf(given);
      cu.setInput(parsed, { nulls, lazy: false });
      cu.compute("_io.output = _io.input");
      const [output, json, sorted] = [cu.getOutput(), cu.getOutputJson(), cu.getOutputJson({ sort: true })];
      cu.setInputJson(JSON.stringify(given), { nulls });
      cu.compute("_io.output = _io.input");
      assertEquals(cu.getOutput(), output);
      if (!hasIntegerKeys(given)) assertEquals(cu.getOutputJson(), json);
      assertEquals(cu.getOutputJson({ sort: true }), sorted);
    }),
    { numRuns: RUNS },
  );
});

Deno.test("a lazy input is written as a copied one", async () => {
  using cu = await ComputeUnit.create();
  fc.assert(
    fc.property(value, (given) => {
      const texts = [true, false].map((lazy) => {
        cu.setInput(given, { lazy });
        cu.compute("_io.output = _io.input");
        return cu.getOutputJson();
      });
      assertEquals(texts[0], texts[1]);
    }),
    { numRuns: RUNS },
  );
});

Deno.test("floats have the digits that JavaScript writes", async () => {
  using cu = await ComputeUnit.create();
  const bits = fc.tuple(fc.nat(2 ** 31 - 1), fc.nat(2 ** 31 - 1)).map(([a, b]) => {
    const [float] = new Float64Array(new Uint32Array([a * 2 + 1, b]).buffer);
    return Number.isFinite(float) ? float : 1;
  });
  const power = fc.integer({ min: -1074, max: 1023 }).map((exponent) => 2 ** exponent);
  const short = fc.tuple(fc.maxSafeNat(), fc.integer({ min: -340, max: 300 })).map(([digits, exponent]) =>
    Number(`${digits}e${exponent}`)
  );
  const float = fc.oneof(bits, power, short, fc.double({ noNaN: true, noDefaultInfinity: true })).filter((x) =>
    Number.isFinite(x) && !Object.is(x, -0) && !isLarge(x)
  );
  fc.assert(
    fc.property(fc.array(float, { minLength: 50, maxLength: 200 }), (floats) => {
      const written = JSON.stringify(floats);
      cu.setInputJson(written);
      assertEquals(cu.compute("_io.output = _io.input return _io.input"), floats);
      cu.setInput(new Float64Array(floats), { lazy: false });
      cu.compute("_io.output = _io.input");
      assertEquals(cu.getOutputJson(), written);
    }),
    { numRuns: RUNS },
  );
});

Deno.test("decimals of few places, and the floats beside them, have the digits that JavaScript writes", async () => {
  using cu = await ComputeUnit.create();
  const decimal = fc.tuple(
    fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.constantFrom(1e15, 1e15 - 1, 999_999_999_999_999, 2 ** 53 - 1)),
    fc.nat(9),
    fc.integer({ min: -2, max: 2 }),
  ).map(([digits, places, steps]) => {
    const words = new BigInt64Array(1);
    const float = new Float64Array(words.buffer);
    float[0] = Number(`${digits}e-${places}`);
    words[0] += float[0] === 0 ? 0n : BigInt(steps);
    return float[0];
  }).filter((x) => !isLarge(x) && !Object.is(x, -0));
  fc.assert(
    fc.property(fc.array(decimal, { minLength: 50, maxLength: 100 }), (given) => {
      cu.setInput(given, { lazy: false });
      cu.compute("_io.output = _io.input");
      assertEquals(cu.getOutputJson(), JSON.stringify(given));
    }),
    { numRuns: RUNS },
  );
});

Deno.test("strings of any length, with any character anywhere, are written as JSON.stringify writes them", async () => {
  using cu = await ComputeUnit.create();
  const characters = ["", '"', "\\", "\n", "\x00", "\x1f", " ", "\x7f", "\x80", "é", "中", "😀", "\u2028"];
  const given: string[] = [];
  for (let length = 0; length <= 20; length++) {
    for (let at = 0; at <= length; at++) {
      for (const character of characters) given.push("x".repeat(at) + character + "y".repeat(length - at));
    }
  }
  cu.setInput(given, { lazy: false });
  cu.compute("_io.output = _io.input");
  assertEquals(cu.getOutputJson(), JSON.stringify(given));
  assertEquals(cu.getOutputJson({ indent: 1 }), JSON.stringify(given, null, 1));
  const keyed = Object.fromEntries(given.map((text) => [text, text]));
  cu.setInput(keyed, { lazy: false });
  cu.compute("_io.output = _io.input");
  assertEquals(JSON.parse(cu.getOutputJson()), keyed);
});

Deno.test("a text that was changed anywhere is read as JSON.parse reads it, or refused", async () => {
  using cu = await ComputeUnit.create();
  const change = fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...'{}[]",:\\u0eE-+.9 \n\0ntf'));
  fc.assert(
    fc.property(value, fc.array(change, { minLength: 1, maxLength: 3 }), (given, changes) => {
      let changed = JSON.stringify(given);
      for (const [at, removed, added] of changes) {
        const index = at % (changed.length + 1);
        changed = changed.slice(0, index) + added + changed.slice(index + removed);
      }
      if (!changed.isWellFormed()) return;
      let expected: unknown;
      let isJson = true;
      try {
        expected = JSON.parse(changed);
      } catch {
        isJson = false;
      }
      const isMore = isJson &&
        (/\\ud[89a-f]/i.test(changed) ||
          JSON.stringify(expected) !==
            JSON.stringify(expected, (_, part) => part === Infinity || part === -Infinity ? "x" : part));
      if (!isJson) return void assertThrows(() => cu.setInputJson(changed), SyntaxError, "", changed);
      try {
        cu.setInputJson(changed);
      } catch (error) {
        assert(isMore && error instanceof SyntaxError, `${changed}: ${error}`);
        return;
      }
      const read = cu.compute("return _io.input");
      const asNumbers = JSON.parse(JSON.stringify(read, (_, part) => typeof part === "bigint" ? Number(part) : part));
      assertEquals(asNumbers, JSON.parse(JSON.stringify(expected)));
    }),
    { numRuns: RUNS },
  );
});

Deno.test("any bytes are read or refused, and the unit goes on", async () => {
  using cu = await ComputeUnit.create();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const quoted = Uint8Array.from([0x22, ...bytes, 0x22]);
      for (const given of [bytes, quoted]) {
        let expected: unknown;
        try {
          expected = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(given));
        } catch {
          assertThrows(() => cu.setInputJson(given), SyntaxError);
          continue;
        }
        cu.setInputJson(given);
        assertEquals(cu.compute("return _io.input"), expected as never);
      }
    }),
    { numRuns: RUNS },
  );
  assertThrows(() => cu.compute("error 'x'"), LuaError);
});
