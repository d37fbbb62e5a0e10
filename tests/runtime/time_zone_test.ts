// os.date and os.time in a zone.

import { assertEquals, assertRejects } from "@std/assert";
import { ComputeUnit } from "@computeunit/cu";
import fc from "fast-check";

const SHOW = `return os.date("%Y-%m-%d %H:%M:%S %z %Z", _io.input) .. " " .. tostring(os.date("*t", _io.input).isdst)`;

/** Local fields by Intl's parts, as `os.date("*t")` has them. */
function partsOf(format: Intl.DateTimeFormat, seconds: number): number[] {
  const parts = Object.fromEntries(format.formatToParts(seconds * 1000).map(({ type, value }) => [type, value]));
  return ["year", "month", "day", "hour", "minute", "second"].map((name) => Number(parts[name]));
}

Deno.test("without a timeZone, local time is UTC, and Intl isn't used", async () => {
  const { DateTimeFormat } = Intl;
  Intl.DateTimeFormat = function () {
    throw new Error("used");
  } as unknown as typeof Intl.DateTimeFormat;
  try {
    using cu = await ComputeUnit.create();
    cu.setInput(1785000000);
    assertEquals(cu.compute(SHOW), "2026-07-25 17:20:00 +0000 UTC false");
    assertEquals(cu.compute("return os.time({ year = 2026, month = 7, day = 25, hour = 17, min = 20 })"), 1785000000);
  } finally {
    Intl.DateTimeFormat = DateTimeFormat;
  }
});

Deno.test("timeZone is the zone of os.date without '!', and of os.time", async () => {
  using cu = await ComputeUnit.create({ timeZone: "Europe/Berlin" });
  const time = Date.UTC(2026, 6, 25, 17, 20) / 1000;
  cu.setInput(time);
  assertEquals(cu.compute(SHOW), "2026-07-25 19:20:00 +0200 +0200 true");
  assertEquals(cu.compute("return os.date('!%H:%M %z %Z', _io.input)"), "17:20 +0000 UTC");
  assertEquals(cu.compute("return os.date('!*t', _io.input).isdst"), false);
  assertEquals(cu.compute("return os.time({ year = 2026, month = 7, day = 25, hour = 19, min = 20 })"), time);
  cu.setInput(Date.UTC(2026, 0, 31, 23, 30) / 1000);
  assertEquals(cu.compute(SHOW), "2026-02-01 00:30:00 +0100 +0100 false");
  // A date's fields stay in UTC.
  assertEquals(cu.compute("return _io.date('2026-01-31T23:30:00Z').hour"), 23);
});

Deno.test("os.time resolves local times that are twice or never there", async () => {
  using cu = await ComputeUnit.create({ timeZone: "Europe/Berlin" });
  // Clocks go from 2 to 3 on 29 March 2026, and from 3 to 2 on 25 October.
  const cases: [string, string, string][] = [
    // There twice: the earlier one, or the one that isdst tells.
    ["month = 10, day = 25, hour = 2, min = 30", "2026-10-25T00:30:00Z", "2 true"],
    ["month = 10, day = 25, hour = 2, min = 30, isdst = true", "2026-10-25T00:30:00Z", "2 true"],
    ["month = 10, day = 25, hour = 2, min = 30, isdst = false", "2026-10-25T01:30:00Z", "2 false"],
    // Never there: as if clocks hadn't been put forward yet, or had been already.
    ["month = 3, day = 29, hour = 2, min = 30", "2026-03-29T01:30:00Z", "3 true"],
    ["month = 3, day = 29, hour = 2, min = 30, isdst = false", "2026-03-29T01:30:00Z", "3 true"],
    ["month = 3, day = 29, hour = 2, min = 30, isdst = true", "2026-03-29T00:30:00Z", "1 false"],
    // isdst tells how the fields are meant.
    ["month = 7, day = 1, hour = 12, isdst = true", "2026-07-01T10:00:00Z", "12 true"],
    ["month = 7, day = 1, hour = 12, isdst = false", "2026-07-01T11:00:00Z", "13 true"],
    ["month = 1, day = 1, hour = 12, isdst = true", "2026-01-01T10:00:00Z", "11 false"],
    ["month = 3, day = 29, hour = 12, isdst = false", "2026-03-29T11:00:00Z", "13 true"],
    // The edges themselves.
    ["month = 3, day = 29, hour = 1, min = 59, sec = 59", "2026-03-29T00:59:59Z", "1 false"],
    ["month = 3, day = 29, hour = 3", "2026-03-29T01:00:00Z", "3 true"],
    ["month = 10, day = 25, hour = 1, min = 59, sec = 59", "2026-10-24T23:59:59Z", "1 true"],
    ["month = 10, day = 25, hour = 3", "2026-10-25T02:00:00Z", "3 false"],
    // Fields are normalized before.
    ["month = 14, day = -3, hour = 25, min = 61", "2027-01-29T01:01:00Z", "2 false"],
  ];
  for (const [fields, expected, shown] of cases) {
    const [time, text] = cu.computeAll(`
      local t = { year = 2026, ${fields} }
      local time = os.time(t)
      return time, t.hour .. " " .. tostring(t.isdst)
    `);
    assertEquals(new Date(Number(time) * 1000).toISOString(), expected.replace("Z", ".000Z"), fields);
    assertEquals(text, shown, fields);
  }
});

Deno.test("zones of all kinds: halves of hours, seconds, a day left out, none at all", async () => {
  const cases: [string, string, string][] = [
    ["Asia/Kolkata", "2026-01-31T10:00:00Z", "2026-01-31 15:30:00 +0530 +0530 false"],
    ["America/St_Johns", "2026-07-01T00:00:00Z", "2026-06-30 21:30:00 -0230 -0230 true"],
    ["Australia/Lord_Howe", "2026-01-01T00:00:00Z", "2026-01-01 11:00:00 +1100 +1100 true"],
    ["Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31 00:00:00 +1400 +1400 true"],
    ["Africa/Monrovia", "1960-01-01T00:00:00Z", "1959-12-31 23:15:30 -0044 -0044 false"],
    ["Europe/London", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00 +0000 UTC false"],
    ["America/New_York", "0050-07-01T00:00:00Z", "0050-06-30 19:03:58 -0456 -0456 false"],
    ["UTC", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00 +0000 UTC false"],
  ];
  for (const [timeZone, time, expected] of cases) {
    using cu = await ComputeUnit.create({ timeZone });
    cu.setInput(Date.parse(time) / 1000);
    assertEquals(cu.compute(SHOW), expected, timeZone);
  }
  using cu = await ComputeUnit.create({ timeZone: "local" });
  cu.setInput(1785000000);
  const local = partsOf(
    new Intl.DateTimeFormat("en-US", {
      hourCycle: "h23",
      ...{ year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" },
    }),
    1785000000,
  );
  const fields = "{ t.year, t.month, t.day, t.hour, t.min, t.sec }";
  assertEquals(cu.compute(`local t = os.date("*t", _io.input) return ${fields}`), local);
});

Deno.test("times beyond a Date's range have the offset of its end", async () => {
  using cu = await ComputeUnit.create({ timeZone: "Asia/Kolkata" });
  assertEquals(cu.compute("return os.date('%Y %z', 10^15 // 1 | 0)"), "+31690708 +0530");
  assertEquals(cu.compute("local t = os.date('*t', 10^15 // 1 | 0) return os.time(t) == 10^15"), true);
  assertEquals(cu.compute("return os.date('%Y', -(10^15 // 1 | 0)):sub(1, 4)"), "-316");
});

Deno.test("a zone that there isn't is refused by name", async () => {
  for (const timeZone of ["Mars/Olympus", "", "Local"]) {
    await assertRejects(
      () => ComputeUnit.create({ timeZone }),
      RangeError,
      `Cannot create a compute unit: timeZone must be "local" or an IANA name such as "Europe/Berlin", is ${timeZone}`,
    );
  }
});

Deno.test("an hour that comes twice is told apart where clocks go back for a month, or for good", async () => {
  const code = "local t = os.date('*t', _io.input) return { os.time(t) == _io.input, t.isdst }";
  for (
    const [timeZone, back] of [["Africa/Casablanca", Date.UTC(2022, 2, 27, 2)], [
      "Europe/Moscow",
      Date.UTC(2014, 9, 25, 22),
    ]] as const
  ) {
    using cu = await ComputeUnit.create({ timeZone });
    for (const [seconds, isDaylight] of [[-1800, true], [1800, false]] as const) {
      cu.setInput(back / 1000 + seconds);
      assertEquals(cu.compute(code), [true, isDaylight], `${timeZone} ${seconds}`);
    }
  }
});

Deno.test("property: os.date shows Intl's local time, and os.time gives the time back", async () => {
  const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tehran", "Africa/Casablanca"];
  for (const timeZone of zones) {
    using cu = await ComputeUnit.create({ timeZone });
    using read = cu.compile<number[]>(`
      local t = os.date("*t", _io.input)
      local fields = { t.year, t.month, t.day, t.hour, t.min, t.sec }
      return { fields, os.time(t) == _io.input, os.date("%Y-%m-%d %X", _io.input) == ("%04d-%02d-%02d %02d:%02d:%02d"):format(table.unpack(fields)) }
    `);
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      ...{ year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" },
    });
    const times = fc.oneof(
      fc.integer({ min: -2_000_000_000, max: 4_000_000_000 }),
      // Near the hours in which clocks change.
      fc.integer({ min: 0, max: 56 }).chain((year) =>
        fc.integer({ min: 0, max: 365 * 24 }).map((hour) => Date.UTC(1970 + year) / 1000 + hour * 3600 + 1799)
      ),
    );
    fc.assert(fc.property(times, (time) => {
      cu.setInput(time);
      assertEquals(read(), [partsOf(format, time), true, true] as unknown as number[], String(time));
    }));
  }
});
