// Dates as Lua code makes and reads them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import fc from "fast-check";

/** ECMAScript's time range. */
const TIME_MAX = 8.64e15;

const FIELDS = "year month day hour min sec msec wday yday ms";

function fieldsOf(date: Date): number[] {
  const newYear = new Date(0).setUTCFullYear(date.getUTCFullYear(), 0, 1);
  return [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    date.getUTCMilliseconds(),
    date.getUTCDay() + 1,
    Math.floor((date.getTime() - newYear) / 86_400_000) + 1,
    date.getTime(),
  ];
}

const READ_FIELDS = `
  local values = {}
  for name in ("${FIELDS}"):gmatch("%a+") do values[#values + 1] = _io.input[name] end
  return values
`;

Deno.test("_io.date reads a text as JavaScript does", async () => {
  using cu = await ComputeUnit.create();
  const texts = [
    "2026-01-31T10:00:00Z",
    "2026-01-31",
    "2026-01-31T10:00Z",
    "2026-01-31T10:00:00.5Z",
    "2026-01-31T10:00:00.123Z",
    "2026-01-31T10:00:00.123456789Z",
    "2026-01-31T10:00:00.0009Z",
    "2026-01-31T10:00:00+02:00",
    "2026-01-31T00:30:00.25+14:00",
    "2026-01-31T23:30:00-09:30",
    "2026-01-31T10:00:00-00:00",
    "2026-01-31T24:00:00Z",
    "2024-02-29",
    "2000-02-29T23:59:59.999Z",
    "1969-12-31T23:59:59.999Z",
    "0000-01-01",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "+010000-01-01T00:00:00Z",
    "-000001-12-31",
    "+275760-09-13T00:00:00.000Z",
    "-271821-04-20T00:00:00.000Z",
  ];
  for (const text of texts) {
    cu.setInput(text);
    assertEquals(cu.compute<Date>("return _io.date(_io.input)"), new Date(text), text);
  }
});

Deno.test("_io.date reads what RFC 3339 and ISO 8601 allow besides", async () => {
  using cu = await ComputeUnit.create();
  const time = new Date("2026-01-31T10:00:00.250Z");
  for (const text of ["2026-01-31t10:00:00.250z", "2026-01-31 10:00:00.250Z", "2026-01-31T10:00:00,250Z"]) {
    cu.setInput(text);
    assertEquals(cu.compute<Date>("return _io.date(_io.input)"), time, text);
  }
});

Deno.test("_io.date refuses a text that is no date, and says what it expects", async () => {
  using cu = await ComputeUnit.create();
  const texts = [
    "",
    "5",
    "today",
    "2026",
    "2026-01",
    "2026-1-31",
    "26-01-31",
    "2026-02-29",
    "1900-02-29",
    "2026-04-31",
    "2026-00-10",
    "2026-13-01",
    "2026-01-00",
    "2026-01-32",
    "2026-01-31Z",
    "2026-01-31T",
    "2026-01-31T10Z",
    "2026-01-31T10:00:00", // local time, of which nobody knows where
    "2026-01-31T10:00:00+",
    "2026-01-31T10:00:00+02",
    "2026-01-31T10:00:00+0200",
    "2026-01-31T10:00:00+24:00",
    "2026-01-31T10:00:00+02:60",
    "2026-01-31T10:00:00.Z",
    "2026-01-31T10:60:00Z",
    "2026-01-31T10:00:60Z",
    "2026-01-31T24:00:01Z",
    "2026-01-31T24:00:00.001Z",
    "2026-01-31T25:00:00Z",
    "2026-01-31T10:00:00ZZ",
    "2026-01-31T10:00:00Z ",
    " 2026-01-31",
    "2026-01-31\0",
    "-000000-01-01",
    "+2026-01-31",
    "-2026-01-31",
    "2026/01/31",
    "20260131",
    "2026-W05-6",
    "٢٠٢٦-01-31",
    `2026-01-31T10:00:00.${"0".repeat(1000)}Z`,
  ];
  for (const text of texts) {
    cu.setInput(text);
    const { message } = assertThrows(() => cu.compute("return _io.date(_io.input)"), LuaError, undefined, text);
    assertEquals(
      message,
      "bad argument #1 to 'date' (expected a date such as '2026-01-31' or '2026-01-31T10:00:00.000Z', got " +
        `'${new TextEncoder().encode(text).length > 40 ? "a longer text" : text.split("\0")[0]}')`,
      text,
    );
  }
  assertThrows(() => cu.compute("return _io.date({})"), LuaError, "number or text expected, got table");
  assertThrows(() => cu.compute("return _io.date()"), LuaError, "number or text expected, got no value");
});

Deno.test("a date has the fields of os.date, in UTC", async () => {
  using cu = await ComputeUnit.create();
  cu.setInput(new Date("2026-01-31T10:20:30.456Z"));
  assertEquals(cu.compute(READ_FIELDS), [2026, 1, 31, 10, 20, 30, 456, 7, 31, 1769854830456]);
  assertEquals(cu.compute("return math.type(_io.input.year) .. math.type(_io.input.ms)"), "integerinteger");
  cu.setInput(new Date(NaN));
  assertEquals(cu.compute(READ_FIELDS), Array(10).fill(NaN));
  for (const [key, shown] of [["'foo'", "foo"], ["1", "1"], ["true", "true"], ["'Year'", "Year"], ["''", ""]]) {
    const { message } = assertThrows(() => cu.compute(`return _io.date(0)[${key}]`), LuaError);
    assertEquals(message, `date has no field '${shown}': it has ${FIELDS}`);
  }
});

Deno.test("a date is moved by milliseconds, and dates differ by them", async () => {
  using cu = await ComputeUnit.create();
  const cases: [string, unknown][] = [
    ["_io.date(1000) + 500", new Date(1500)],
    ["500 + _io.date(1000)", new Date(1500)],
    ["_io.date(1000) - 1500", new Date(-500)],
    ["_io.date(1000) - _io.date(400)", 600],
    ["_io.date(1000) + 0.75", new Date(1000)],
    ["_io.date(1000) + '500'", new Date(1500)],
    ["'500' + _io.date(1000)", new Date(1500)],
    ["_io.date(1000) + 0/0", new Date(NaN)],
    ["_io.date(0/0) - 1", new Date(NaN)],
    ["math.type(_io.date(5) - _io.date(3))", "integer"],
    ["_io.date('2026-03-01') - 24 * 60 * 60 * 1000", new Date("2026-02-28")],
    ["(_io.date('2024-03-01') - 1).yday", 60],
    ["_io.date(8.64e15 - 1) + 1", new Date(TIME_MAX)],
  ];
  for (const [code, expected] of cases) assertEquals(cu.compute(`return ${code}`), expected, code);
});

Deno.test("what a date can't do is an error that names the operator and what it got", async () => {
  using cu = await ComputeUnit.create();
  const cases = [
    ["d - nil", "attempt to subtract a nil value from a date"],
    ["d - {}", "attempt to subtract a table value from a date"],
    ["d - 'x'", "attempt to subtract a string value from a date"],
    ["5 - d", "attempt to subtract a date from a number value"],
    ["nil - d", "attempt to subtract a date from a nil value"],
    ["d + nil", "attempt to add a nil value to a date (number of milliseconds expected)"],
    ["true + d", "attempt to add a boolean value to a date (number of milliseconds expected)"],
    ["d + d", "attempt to add a date value to a date (number of milliseconds expected)"],
    ["d + _io.bytes('x')", "attempt to add a bytes value to a date (number of milliseconds expected)"],
    ["d < 3", "attempt to compare date with number"],
    ["3 < d", "attempt to compare number with date"],
    ["d <= nil", "attempt to compare date with nil"],
    ["d > 'x'", "attempt to compare string with date"],
    ["d >= _io.bytes('x')", "attempt to compare bytes with date"],
    ["d * 2", "attempt to perform arithmetic on a date value (local 'd')"],
  ];
  for (const [code, message] of cases) {
    const error = assertThrows(() => cu.compute(`local d = _io.date(1)\nreturn ${code}`), LuaError, undefined, code);
    assertEquals([error.message, error.line], [message, 2], code);
  }
});

Deno.test("a date's fields can't be set; as keys, dates are told apart by which they are, and their ms by value", async () => {
  using cu = await ComputeUnit.create();
  const error = assertThrows(() => cu.compute("local d = _io.date(1)\nd.day = 5"), LuaError);
  assertEquals(
    [error.message, error.line],
    ["a date can't be changed: make another, such as date + milliseconds", 2],
  );
  cu.setInput([1, 2, 1].map((day) => ({ at: new Date(Date.UTC(2026, 0, day)) })));
  const groups = (key: string) =>
    cu.compute(`
      local groups, count = {}, 0
      for _, row in ipairs(_io.input) do groups[row.at${key}] = (groups[row.at${key}] or 0) + 1 end
      for _ in pairs(groups) do count = count + 1 end
      return count
    `);
  assertEquals([groups(""), groups(".ms"), cu.compute("return _io.input[1].at == _io.input[3].at")], [3, 2, true]);
});

Deno.test("a date beyond JavaScript's range is refused", async () => {
  using cu = await ComputeUnit.create();
  const codes = [
    "_io.date(8.64e15 + 1)",
    "_io.date(-8.64e15 - 1)",
    "_io.date(1/0)",
    "_io.date(math.maxinteger)",
    "_io.date('+275760-09-13T00:00:00.001Z')",
    "_io.date('-271821-04-19T23:59:59.999Z')",
    "_io.date('+999999-12-31')",
    "_io.date(8.64e15) + 1",
    "_io.date(0) - 1e300",
    "_io.date(0) + math.mininteger",
    "_io.date(0) - 1/0",
  ];
  for (const code of codes) {
    const { message } = assertThrows(() => cu.compute(`return ${code}`), LuaError, undefined, code);
    assertEquals(message, "date out of range: more than 8.64e15 ms from 1970", code);
  }
});

Deno.test("property: a date's fields, text and arithmetic are JavaScript's", async () => {
  using cu = await ComputeUnit.create();
  const times = fc.oneof(
    // From where JavaScript has the year's first day.
    fc.integer({ min: -TIME_MAX + 366 * 86_400_000, max: TIME_MAX }),
    fc.integer({ min: -70_000_000_000_000, max: 10_000_000_000_000 }),
    fc.integer({ min: -5000, max: 5000 }).map((days) => days * 86_400_000 - 1),
  );
  fc.assert(fc.property(times, times, (time, other) => {
    const date = new Date(time);
    cu.setInput(date);
    assertEquals(cu.compute(READ_FIELDS), fieldsOf(date));
    assert(cu.compute("local d = _io.input return _io.date(tostring(d)) == d and tostring(d)") === date.toISOString());
    cu.setInput([date, new Date(other)]);
    const difference = cu.compute("local a, b = table.unpack(_io.input) return b + (a - b) == a and b - (b - a) == a");
    // Their difference may be beyond 2^53.
    assert(difference === true || Math.abs(time - other) > Number.MAX_SAFE_INTEGER);
  }));
});
