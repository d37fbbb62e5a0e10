/**
 * Local time of a zone, for Lua's `os.date` and `os.time`.
 *
 * @module
 */

const DAY_SECONDS = 24 * 60 * 60;

/** Seconds from 1970 to the end of a Date's range, either way. */
const SECONDS_MAX = 8.64e12;

/** From January to the next one. Morocco goes back for a month, in any season. */
const MONTHS = Array.from({ length: 13 }, (_, month) => month);

/** What `zone_offset` is given (`zig/vm/os_library.zig`): a time in UTC, or a local one, as `isdst` tells. */
const KIND = { UTC: 0, STANDARD: 1, DAYLIGHT: 2 } as const;

function formatOf(name: string): Intl.DateTimeFormat {
  const timeZone = name === "local" ? undefined : name;
  return new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
}

/** Whether there is a zone of this name. */
export function isTimeZone(name: string): boolean {
  try {
    return formatOf(name) !== undefined;
  } catch {
    return false;
  }
}

/**
 * A zone, as `Intl` knows it. It tells offsets from UTC, and no more: daylight saving time is
 * what is beyond the smallest of the year's offsets on the first of each month. So the two times of an hour that
 * comes twice differ in it, whatever the law calls them.
 */
export class TimeZone {
  #format: Intl.DateTimeFormat;
  /** The year that was asked for last, and its offsets. */
  #year: number | undefined;
  #standard = 0;
  #daylight = 0;

  /**
   * Constructs a zone.
   *
   * @param name An IANA name, or "local" for the host's, of which `isTimeZone` holds.
   */
  constructor(name: string) {
    this.#format = formatOf(name);
  }

  /** Answers the import `zone_offset`: the offset times two, and 1 more in daylight saving time. */
  answer(seconds: number, kind: number): number {
    const offset = kind === KIND.UTC ? this.#offsetAt(seconds) : this.#offsetOfLocal(seconds, kind);
    return offset * 2 + (this.#isDaylight(seconds, offset) ? 1 : 0);
  }

  /** Seconds that local time is ahead of UTC. */
  #offsetAt(seconds: number): number {
    const date = dateAt(seconds);
    // Such as "1/31/2026, GMT-02:30", before there were zones with seconds too; UTC is "GMT".
    const [, sign, ...parts] = /GMT(.)(\d+):(\d+):?(\d*)/.exec(this.#format.format(date)) ?? [];
    if (sign === undefined) return 0;
    const [hours, minutes, rest] = parts.map(Number);
    return (hours * 3600 + minutes * 60 + rest) * (sign === "+" ? 1 : -1);
  }

  #isDaylight(seconds: number, offset: number): boolean {
    this.#lookAtYear(seconds + offset);
    return offset > this.#standard;
  }

  #lookAtYear(seconds: number): void {
    const year = dateAt(seconds).getUTCFullYear();
    if (year === this.#year) return;
    // Not Date.UTC, which takes the year 50 for 1950.
    const offsets = MONTHS.map((month) => this.#offsetAt(new Date(0).setUTCFullYear(year, month, 1) / 1000));
    this.#year = year;
    this.#standard = Math.min(...offsets);
    this.#daylight = Math.max(...offsets);
  }

  /**
   * The offset of a local time, which there may be twice, or not at all where clocks were put
   * forward. By itself it is the earlier one, or as if clocks hadn't been put forward yet; a
   * given `isdst` counts whatever is in force.
   */
  #offsetOfLocal(seconds: number, kind: number): number {
    const before = this.#offsetAt(seconds - DAY_SECONDS);
    const after = this.#offsetAt(seconds + DAY_SECONDS);
    const real = [before, after].filter((offset) => this.#offsetAt(seconds - offset) === offset);
    const usual = real[0] ?? before;
    if (kind !== KIND.STANDARD && kind !== KIND.DAYLIGHT) return usual;
    const wanted = kind === KIND.DAYLIGHT;
    const fits = (offset: number) => this.#isDaylight(seconds - offset, offset) === wanted;
    const known = [...real, before, after].find(fits);
    if (known !== undefined) return known;
    return usual + (wanted ? 1 : -1) * (this.#daylight - this.#standard);
  }
}

/** The time as a Date, or the first or last that there is. */
function dateAt(seconds: number): Date {
  const inRange = seconds > -SECONDS_MAX ? Math.min(seconds, SECONDS_MAX) : -SECONDS_MAX;
  return new Date(inRange * 1000);
}
