// string.format and tostring write numbers as C's printf, to the last digit: random conversions
// against a model of the C standard, whose numbers are exact, as they are BigInts.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit } from "@computeunit/cu";
import { endingSearch, RUNS_FACTOR, SEED } from "../helpers/property.ts";

const RUNS = Math.ceil(1000 * RUNS_FACTOR);

interface Conversion {
  flags: string;
  width?: number | undefined;
  precision?: number | undefined;
  letter: string;
}

interface Case {
  conversion: Conversion;
  value: number | bigint | string;
}

/** A float as an integer times a power of two. */
function partsOf(float: number): { integer: bigint; exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, float);
  const bits = view.getBigUint64(0) & ~(1n << 63n);
  const biased = Number(bits >> 52n);
  const fraction = bits & ((1n << 52n) - 1n);
  return { integer: biased > 0 ? fraction | 1n << 52n : fraction, exponent: Math.max(biased, 1) - 1075 };
}

/** The quotient nearest to the exact one, of two as near the even one. */
function divideRounded(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twice = (dividend % divisor) * 2n;
  const isUp = twice > divisor || twice === divisor && quotient % 2n === 1n;
  return isUp ? quotient + 1n : quotient;
}

/** A float's magnitude times a power of ten, rounded. */
function scaled(float: number, places: number): bigint {
  const { integer, exponent } = partsOf(float);
  const numerator = integer * 2n ** BigInt(Math.max(exponent, 0)) * 10n ** BigInt(Math.max(places, 0));
  return divideRounded(numerator, 2n ** BigInt(Math.max(-exponent, 0)) * 10n ** BigInt(Math.max(-places, 0)));
}

/** The integer's digits with a point before the last `places` of them. */
function withPoint(integer: bigint, places: number, keepsPoint: boolean): string {
  const digits = String(integer).padStart(places + 1, "0");
  const point = digits.length - places;
  return digits.slice(0, point) + (places > 0 || keepsPoint ? "." : "") + digits.slice(point);
}

/** So many digits of a float, and the power of ten of the first one. */
function significant(float: number, count: number): { digits: bigint; exponent: number } {
  if (float === 0) return { digits: 0n, exponent: 0 };
  // toExponential only tells where to look: it may have rounded up to the next power of ten.
  let exponent = Number(float.toExponential().split("e")[1]) - 1;
  while (scaled(float, count - 1 - exponent) >= 10n ** BigInt(count)) exponent++;
  return { digits: scaled(float, count - 1 - exponent), exponent };
}

function exponential(float: number, precision: number, keepsPoint: boolean): string {
  const { digits, exponent } = significant(float, precision + 1);
  const sign = exponent < 0 ? "-" : "+";
  return `${withPoint(digits, precision, keepsPoint)}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function general(float: number, precision: number, keepsZeros: boolean): string {
  const count = Math.max(precision, 1);
  const { exponent } = significant(float, count);
  const isFixed = exponent >= -4 && exponent < count;
  const places = count - 1 - (isFixed ? exponent : 0);
  const text = isFixed ? withPoint(scaled(float, places), places, keepsZeros) : exponential(float, places, keepsZeros);
  return keepsZeros || !text.includes(".") ? text : text.replace(/\.?0*(e|$)/, "$1");
}

function hexadecimal(float: number, precision: number | undefined, keepsPoint: boolean): string {
  let { integer, exponent } = partsOf(float);
  while (integer > 0n && integer < 1n << 52n) (integer *= 2n, exponent--);
  const places = Math.min(precision ?? 13, 13);
  const rounded = divideRounded(integer, 16n ** BigInt(13 - places)).toString(16).padStart(places + 1, "0");
  const fraction = precision === undefined
    ? rounded.slice(1).replace(/0+$/, "")
    : rounded.slice(1).padEnd(precision, "0");
  const power = integer > 0n ? exponent + 52 : 0;
  return `${rounded[0]}${fraction || keepsPoint ? "." : ""}${fraction}p${power < 0 ? "-" : "+"}${Math.abs(power)}`;
}

function floatText(letter: string, float: number, precision: number | undefined, isAlternate: boolean): string {
  const magnitude = Math.abs(float);
  if (letter === "a") return hexadecimal(magnitude, precision, isAlternate);
  if (letter === "e") return exponential(magnitude, precision ?? 6, isAlternate);
  if (letter === "g") return general(magnitude, precision ?? 6, isAlternate);
  return withPoint(scaled(magnitude, precision ?? 6), precision ?? 6, isAlternate);
}

function integerText(letter: string, integer: bigint, precision: number | undefined, isAlternate: boolean): string {
  const base = letter === "x" ? 16 : letter === "o" ? 8 : 10;
  const magnitude = "di".includes(letter) ? (integer < 0n ? -integer : integer) : BigInt.asUintN(64, integer);
  const digits = magnitude === 0n && precision === 0 ? "" : magnitude.toString(base);
  const padded = digits.padStart(precision ?? 0, "0");
  return letter === "o" && isAlternate && !padded.startsWith("0") ? "0" + padded : padded;
}

function plusOf({ flags, letter }: Conversion): string {
  if ("uox".includes(letter.toLowerCase())) return "";
  return flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
}

/** What C's printf writes. */
function expected({ conversion, value }: Case): string {
  const { flags, width = 0, precision } = conversion;
  const letter = conversion.letter.toLowerCase();
  const isAlternate = flags.includes("#");
  let sign = "", base = "", digits: string, takesZeros = flags.includes("0");
  if (typeof value === "string") {
    digits = value.slice(0, precision ?? value.length);
    takesZeros = false;
  } else if (typeof value === "bigint") {
    digits = integerText(letter, value, precision, isAlternate);
    if ("di".includes(letter)) sign = value < 0n ? "-" : plusOf(conversion);
    if (letter === "x" && isAlternate && value !== 0n) base = "0x";
    if (precision !== undefined) takesZeros = false;
  } else {
    sign = value < 0 || Object.is(value, -0) ? "-" : plusOf(conversion);
    const isFinite = Number.isFinite(value);
    digits = isFinite ? floatText(letter, value, precision, isAlternate) : "inf";
    if (letter === "a" && isFinite) base = "0x";
    takesZeros &&= isFinite;
  }
  const missing = width - (sign + base + digits).length;
  if (takesZeros && !flags.includes("-") && missing > 0) digits = "0".repeat(missing) + digits;
  const text = sign + base + digits;
  const filled = flags.includes("-") ? text.padEnd(width) : text.padStart(width);
  return conversion.letter === letter ? filled : filled.toUpperCase();
}

function formatOf({ flags, width, precision, letter }: Conversion): string {
  return `%${flags}${width ?? ""}${precision === undefined ? "" : `.${precision}`}${letter}`;
}

const floatOfBits = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((bits) => {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  const float = view.getFloat64(0);
  return Number.isNaN(float) ? Infinity : float;
});

/** With ties, and numbers near powers of ten. */
const float = fc.oneof(
  { arbitrary: floatOfBits, weight: 3 },
  { arbitrary: fc.integer().map((integer) => integer / 100), weight: 2 },
  fc.tuple(fc.integer({ min: -(2 ** 24), max: 2 ** 24 }), fc.integer({ min: -60, max: 40 })).map(([n, power]) =>
    n * 2 ** power
  ),
  fc.tuple(fc.integer({ min: -330, max: 308 }), fc.integer({ min: -3, max: 3 })).map(([power, more]) =>
    Number(`1e${power}`) * (1 + more * Number.EPSILON)
  ),
  fc.constantFrom(
    0,
    -0,
    Infinity,
    -Infinity,
    5e-324,
    2 ** -1022,
    Number.MAX_VALUE,
    0.5,
    1.5,
    2.5,
    9.5,
    999999.5,
    99.95,
  ),
);

const integer = fc.oneof(
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
  fc.bigInt({ min: -1000n, max: 1000n }),
  fc.tuple(fc.nat(18), fc.integer({ min: -1, max: 1 })).map(([power, more]) => 10n ** BigInt(power) + BigInt(more)),
  fc.constantFrom(0n, -(1n << 63n), (1n << 63n) - 1n, 1n << 32n),
);

function conversion(letters: string, flags: string): fc.Arbitrary<Conversion> {
  return fc.record({
    flags: fc.array(fc.constantFrom(...flags), { maxLength: 4 }).map((chosen) => chosen.join("")),
    width: fc.option(fc.oneof(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 20 })), { nil: undefined }),
    precision: fc.option(fc.oneof(fc.nat(99), fc.nat(20)), { nil: undefined }),
    letter: fc.constantFrom(...letters),
  });
}

function caseOf(given: fc.Arbitrary<Conversion>, value: fc.Arbitrary<Case["value"]>): fc.Arbitrary<Case> {
  return fc.record({ conversion: given, value });
}

const anyCase = fc.oneof(
  { arbitrary: caseOf(conversion("eEfgGaA", "-+#0 "), float), weight: 4 },
  caseOf(conversion("di", "-+0 "), integer),
  caseOf(conversion("u", "-0"), integer),
  caseOf(conversion("oxX", "-#0"), integer),
  caseOf(conversion("s", "-"), fc.string({ unit: fc.constantFrom(..."abc"), maxLength: 99 })),
);

Deno.test("string.format writes what C's printf writes, exactly", async () => {
  using unit = await ComputeUnit.create();
  const code = `local r = {}
    for i, item in ipairs(_io.input) do r[i] = item.format:format(item.value) end
    return r`;
  fc.assert(
    fc.property(
      fc.array(anyCase, { minLength: 1, maxLength: 20 }),
      endingSearch((cases) => {
        unit.setInput(cases.map((one) => ({ format: formatOf(one.conversion), value: one.value })));
        assertEquals(unit.compute(code), cases.map(expected));
      }),
    ),
    { numRuns: RUNS, seed: SEED },
  );
});

Deno.test("tostring and .. write a float with 14 digits, and as a float", async () => {
  using unit = await ComputeUnit.create();
  const code =
    `local r = {} for i, x in ipairs(_io.input) do x = x * 1.0 assert(x .. "" == tostring(x)) r[i] = tostring(x) end return r`;
  fc.assert(
    fc.property(
      fc.array(float, { minLength: 1, maxLength: 20 }),
      endingSearch((floats) => {
        unit.setInput(floats);
        const texts = floats.map((value) => expected({ conversion: { flags: "", precision: 14, letter: "g" }, value }));
        assertEquals(unit.compute(code), texts.map((text) => /^-?\d+$/.test(text) ? `${text}.0` : text));
      }),
    ),
    { numRuns: RUNS, seed: SEED },
  );
});

Deno.test("tostring and %d write any integer as it is", async () => {
  using unit = await ComputeUnit.create();
  const code = `local r = {}
    for i, n in ipairs(_io.input) do assert(n .. "" == tostring(n) and ("%d"):format(n) == tostring(n)) r[i] = tostring(n) end
    return r`;
  fc.assert(
    fc.property(
      fc.array(integer, { minLength: 1, maxLength: 20 }),
      endingSearch((integers) => {
        unit.setInput(integers);
        assertEquals(unit.compute(code), integers.map(String));
      }),
    ),
    { numRuns: RUNS, seed: SEED },
  );
});
