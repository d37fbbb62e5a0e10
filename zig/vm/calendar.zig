//! Times as people write them: the civil calendar, and ISO 8601.

const std = @import("std");
const assert = @import("assert.zig").assert;
const Text = @import("text.zig").Text;

/// ECMAScript's time range: 100,000,000 days from 1970, either way.
pub const milliseconds_max = 8.64e15;

pub const day_seconds = 86_400;

/// A time in UTC, or with an offset added, in whatever zone that is of.
pub const Time = struct {
    year: i64,
    /// 1 to 12
    month: u32,
    /// 1 to 31
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    /// 0 to 6, from Sunday
    weekday: u32,
    /// 0 to 365, from 1 January
    year_day: u32,
};

/// The civil time so many seconds after 1970.
pub noinline fn timeOf(seconds: i64) Time {
    const days = @divFloor(seconds, day_seconds);
    const of_day: u32 = @intCast(@mod(seconds, day_seconds));
    // Days to civil date, in eras of 400 years that begin on 1 March
    // (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    const shifted = days + 719_468;
    const era = @divFloor(shifted, 146_097);
    const of_era: u32 = @intCast(@mod(shifted, 146_097));
    const year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    const of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const march_month = (5 * of_year + 2) / 153;
    const month = if (march_month < 10) march_month + 3 else march_month - 9;
    const year = era * 400 + year_of_era + @intFromBool(month <= 2);
    return .{
        .year = year,
        .month = month,
        .day = of_year - (153 * march_month + 2) / 5 + 1,
        .hour = of_day / 3600,
        .minute = of_day / 60 % 60,
        .second = of_day % 60,
        .weekday = @intCast(@mod(days + 4, 7)), // 1970 began on a Thursday
        .year_day = @intCast(days - daysOf(year, 1, 1)),
    };
}

/// Days from 1970 to a date; the month is 1 to 12, the day any number.
pub noinline fn daysOf(year: i64, month: u32, day: i64) i64 {
    assert(month >= 1 and month <= 12);
    const march_year = year - @intFromBool(month <= 2);
    const march_month = if (month > 2) month - 3 else month + 9;
    const era = @divFloor(march_year, 400);
    const year_of_era: u32 = @intCast(@mod(march_year, 400));
    const of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * march_month + 2) / 5;
    return era * 146_097 + of_era + day - 1 - 719_468;
}

/// As Date.prototype.toISOString.
pub fn writeIso(text: *Text, milliseconds: i64) void {
    const time = timeOf(@divFloor(milliseconds, 1000));
    const is_long = time.year < 0 or time.year > 9999;
    if (is_long) text.add(if (time.year < 0) "-" else "+");
    text.addPadded(@abs(time.year), if (is_long) 6 else 4);
    const parts = [_]u32{ time.month, time.day, time.hour, time.minute, time.second };
    for (parts, "--T::") |part, before| {
        text.add(&.{before});
        text.addPadded(part, 2);
    }
    text.add(".");
    text.addPadded(@intCast(@mod(milliseconds, 1000)), 3);
    text.add("Z");
}

/// Milliseconds since 1970 of a text by ISO 8601, in the form that JavaScript and RFC 3339
/// have: a date, or a date and a time with its offset. Null where it is none.
pub fn parseIso(text: []const u8) ?i64 {
    const length_max = 64; // more digits than any clock has
    if (text.len > length_max) return null;
    var reader = Reader{ .rest = text };
    const milliseconds = reader.date() + reader.time();
    return if (reader.is_valid and reader.rest.len == 0) milliseconds else null;
}

const Reader = struct {
    rest: []const u8,
    /// Cleared by the first thing that isn't there; what follows doesn't matter then.
    is_valid: bool = true,

    fn date(reader: *Reader) i64 {
        const sign: i64 = if (reader.takes("-")) -1 else 1;
        const is_long = sign < 0 or reader.takes("+");
        const year = sign * reader.number(if (is_long) 6 else 4, 0, 999_999);
        if (year == 0 and sign < 0) reader.is_valid = false;
        reader.expect("-");
        const month = reader.number(2, 1, 12);
        reader.expect("-");
        const day = reader.number(2, 1, 31);
        if (!reader.is_valid) return 0;
        const days = daysOf(year, month, day);
        // Such as 30 February
        if (timeOf(days * day_seconds).day != day) reader.is_valid = false;
        return days * (day_seconds * 1000);
    }

    /// What a time adds, if there is one.
    fn time(reader: *Reader) i64 {
        if (reader.rest.len == 0) return 0;
        reader.expect("Tt ");
        var seconds: i64 = reader.hours(24) * 60;
        var fraction: u32 = 0;
        if (reader.takes(":")) {
            seconds += reader.number(2, 0, 59);
            if (reader.takes(".,")) fraction = reader.milliseconds();
        }
        if (seconds > day_seconds or seconds == day_seconds and fraction > 0) reader.is_valid = false;
        const sign: i64 = if (reader.takes("-")) 60 else if (reader.takes("+")) -60 else 0;
        if (sign != 0) {
            seconds += sign * reader.hours(23);
        } else reader.expect("Zz");
        return seconds * 1000 + fraction;
    }

    /// Hours and minutes, in minutes.
    noinline fn hours(reader: *Reader, hour_max: u32) u32 {
        const hour = reader.number(2, 0, hour_max);
        reader.expect(":");
        return hour * 60 + reader.number(2, 0, 59);
    }

    /// Digits after the point, of which three count.
    fn milliseconds(reader: *Reader) u32 {
        var result = reader.number(1, 0, 9) * 100;
        var factor: u32 = 10;
        while (reader.digit()) |value| : (factor /= 10) result += value * factor;
        return result;
    }

    /// So many digits.
    noinline fn number(reader: *Reader, count: u32, min: u32, max: u32) u32 {
        var result: u32 = 0;
        for (0..count) |_| result = result * 10 + (reader.digit() orelse max + 1);
        if (result < min or result > max) reader.is_valid = false;
        return result;
    }

    noinline fn digit(reader: *Reader) ?u32 {
        if (reader.rest.len == 0) return null;
        const value = reader.rest[0] -% '0';
        if (value > 9) return null;
        reader.rest = reader.rest[1..];
        return value;
    }

    noinline fn takes(reader: *Reader, any_of: []const u8) bool {
        if (reader.rest.len == 0) return false;
        for (any_of) |byte| {
            if (reader.rest[0] != byte) continue;
            reader.rest = reader.rest[1..];
            return true;
        }
        return false;
    }

    fn expect(reader: *Reader, any_of: []const u8) void {
        if (!reader.takes(any_of)) reader.is_valid = false;
    }
};
