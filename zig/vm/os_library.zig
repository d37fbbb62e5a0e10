//! `os`, its harmless part: in place of loslib.c, whose strftime and mktime are C's, for
//! one zone. Local time is what the host says.

const std = @import("std");
const calendar = @import("calendar.zig");
const lua = @import("lua.zig");
const pay = @import("pay.zig");
const indexOf = @import("text.zig").indexOf;
const isEqual = @import("text.zig").isEqual;
const Text = @import("text.zig").Text;
const c = lua.c;

/// Milliseconds since 1970.
extern "cu" fn wall_clock_ms() f64;
/// Milliseconds since some moment, never going back.
extern "cu" fn monotonic_ms() f64;
/// Local time at some seconds since 1970: its offset from UTC in seconds, times two, and 1
/// more where it is daylight saving time.
extern "cu" fn zone_offset(seconds: f64, kind: ZoneTime) i32;

/// What `zone_offset` is given: a time in UTC, or a local one, as `isdst` tells.
const ZoneTime = enum(u32) { utc, standard, daylight, local };

/// What a host's look into its zones costs, in steps.
const zone_steps = 512;

pub export fn cu_open_os(L: ?*lua.State) callconv(.c) c_int {
    const functions = [_]c.luaL_Reg{
        .{ .name = "clock", .func = clock },
        .{ .name = "date", .func = date },
        .{ .name = "difftime", .func = difference },
        .{ .name = "getenv", .func = environment },
        .{ .name = "setlocale", .func = setLocale },
        .{ .name = "time", .func = time },
        .{ .name = null, .func = null },
    };
    c.lua_createtable(L, 0, functions.len - 1);
    c.luaL_setfuncs(L, &functions, 0);
    return 1;
}

fn clock(state: ?*lua.State) callconv(.c) c_int {
    c.lua_pushnumber(state, monotonic_ms() / 1000);
    return 1;
}

/// There is no environment.
fn environment(state: ?*lua.State) callconv(.c) c_int {
    _ = c.luaL_checklstring(state, 1, null);
    c.lua_pushnil(state);
    return 1;
}

const locale_categories = [_:null]?[*:0]const u8{ "all", "collate", "ctype", "monetary", "numeric", "time" };

/// There is one locale, whose names are "C" and "POSIX"; it is the machine's own, too.
fn setLocale(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    var length: usize = 0;
    const given = c.luaL_optlstring(L, 1, "C", &length)[0..length];
    _ = c.luaL_checkoption(L, 2, "all", @ptrCast(&locale_categories));
    for ([_][]const u8{ "C", "POSIX", "" }) |name| {
        if (!isEqual(given, name)) continue;
        _ = c.lua_pushstring(L, "C");
        return 1;
    }
    c.lua_pushnil(L);
    return 1;
}

fn difference(state: ?*lua.State) callconv(.c) c_int {
    const later = c.luaL_checkinteger(state, 1);
    c.lua_pushnumber(state, @floatFromInt(later -% c.luaL_checkinteger(state, 2)));
    return 1;
}

fn now() i64 {
    return std.math.lossyCast(i64, @floor(wall_clock_ms() / 1000));
}

/// A time in the zone that it is shown in.
const Shown = struct { time: calendar.Time, seconds: i64, offset: i32 = 0, is_daylight: bool = false };

fn offsetOf(L: *lua.State, seconds: i64, kind: ZoneTime) i32 {
    pay.steps(L, zone_steps);
    return zone_offset(@floatFromInt(seconds), kind);
}

/// Raises an error where C has no such year.
noinline fn shown(L: *lua.State, seconds: i64, is_utc: bool, what: [*:0]const u8) Shown {
    const seconds_max = 1 << 56; // 2 billion years
    var result: Shown = .{ .time = undefined, .seconds = seconds };
    const is_near = seconds < seconds_max and seconds > -seconds_max;
    if (is_near) {
        if (!is_utc) {
            const offset = offsetOf(L, seconds, .utc);
            result.offset = offset >> 1;
            result.is_daylight = offset & 1 != 0;
        }
        result.seconds += result.offset;
        result.time = calendar.timeOf(result.seconds);
    }
    if (!is_near or result.time.year - 1900 != @as(c_int, @truncate(result.time.year - 1900))) {
        _ = c.luaL_error(L, "%s result cannot be represented in this installation", what);
    }
    return result;
}

const fields = [_][*:0]const u8{ "year", "month", "day", "hour", "min", "sec", "wday", "yday" };
const given_count = 6; // of which os.time reads so many

/// Sets all fields of the table at the top of the stack.
fn setFields(L: *lua.State, moment: *const Shown) void {
    const t = &moment.time;
    const values = [_]u32{ t.month, t.day, t.hour, t.minute, t.second, t.weekday + 1, t.year_day + 1 };
    for (fields, 0..) |name, i| {
        lua.push(L, lua.integer(if (i == 0) t.year else values[i - 1]));
        c.lua_setfield(L, -2, name);
    }
    lua.push(L, lua.boolean(moment.is_daylight));
    c.lua_setfield(L, -2, "isdst");
}

/// A field of the table at the top of the stack, within the bounds of C's struct tm.
fn getField(L: *lua.State, index: usize) i64 {
    const name = fields[index];
    const is_nil = c.lua_getfield(L, -1, name) == c.LUA_TNIL;
    var is_integer: c_int = undefined;
    const value = c.lua_tointegerx(L, -1, &is_integer);
    c.lua_settop(L, -2);
    if (is_integer != 0) {
        const delta: i64 = switch (index) {
            0 => 1900,
            1 => 1,
            else => 0,
        };
        const bound = std.math.maxInt(c_int);
        if (value > bound + delta or value < delta - bound - 1) _ = c.luaL_error(L, "field '%s' is out-of-bound", name);
        return value;
    }
    if (!is_nil) _ = c.luaL_error(L, "field '%s' is not an integer", name);
    if (index < 3) _ = c.luaL_error(L, "field '%s' missing in date table", name);
    return if (index == 3) 12 else 0;
}

/// `os.time([table])`
fn time(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    if (c.lua_type(L, 1) <= c.LUA_TNIL) {
        lua.push(L, lua.integer(now()));
        return 1;
    }
    c.luaL_checktype(L, 1, c.LUA_TTABLE);
    c.lua_settop(L, 1);
    var values: [given_count]i64 = undefined;
    for (&values, 0..) |*value, i| value.* = getField(L, i);
    const kind: ZoneTime = switch (c.lua_getfield(L, 1, "isdst")) {
        c.LUA_TNIL => .local,
        else => if (c.lua_toboolean(L, -1) != 0) .daylight else .standard,
    };
    c.lua_settop(L, 1);
    const month = values[1] - 1;
    const days = calendar.daysOf(values[0] + @divFloor(month, 12), @intCast(@mod(month, 12) + 1), values[2]);
    var seconds = days * calendar.day_seconds + values[3] * 3600 + values[4] * 60 + values[5];
    seconds -= offsetOf(L, seconds, kind) >> 1;
    setFields(L, &shown(L, seconds, false, "time"));
    lua.push(L, lua.integer(seconds));
    return 1;
}

/// `os.date([format [, time]])`
fn date(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    var length: usize = undefined;
    const text = c.luaL_optlstring(L, 1, "%c", &length);
    const seconds = if (c.lua_type(L, 2) <= c.LUA_TNIL) now() else c.luaL_checkinteger(L, 2);
    var format = text[0..length];
    const is_utc = length > 0 and format[0] == '!';
    if (is_utc) format = format[1..];
    const moment = shown(L, seconds, is_utc, "date");
    if (std.mem.startsWith(u8, format, "*t") and (format.len == 2 or format[2] == 0)) {
        c.lua_createtable(L, 0, 9);
        setFields(L, &moment);
        return 1;
    }
    var result: c.luaL_Buffer = undefined;
    c.luaL_buffinit(L, &result);
    while (indexOf(format, '%')) |index| {
        pay.steps(L, @intCast(64 + (index >> 3)));
        c.luaL_addlstring(&result, format.ptr, index);
        format = format[index + 1 ..];
        const size = specifierSize(format);
        // Lua shows the rest.
        if (size == 0) _ = c.luaL_argerror(L, 1, c.lua_pushfstring(L, "invalid conversion specifier '%%%s'", format.ptr));
        var buffer: [80]u8 = undefined;
        var written = Text{ .buffer = &buffer };
        write(&written, format[size - 1], &moment);
        c.luaL_addlstring(&result, written.written().ptr, written.length);
        format = format[size..];
    }
    c.luaL_addlstring(&result, format.ptr, format.len);
    c.luaL_pushresult(&result);
    return 1;
}

/// How many characters a specifier of C99 has, after its %: one, or two with an E or O, which
/// change nothing here; 0 where it is none.
fn specifierSize(format: []const u8) usize {
    const any = "aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%";
    const modified: []const u8 = switch (if (format.len > 0) format[0] else 0) {
        'E' => "cCxXyY",
        'O' => "deHImMSuUVwWy",
        else => return @intFromBool(format.len > 0 and indexOf(any, format[0]) != null),
    };
    const is_there = format.len > 1 and indexOf(modified, format[1]) != null;
    return if (is_there) 2 else 0;
}

const months = "January\x00February\x00March\x00April\x00May\x00June\x00July\x00August\x00September\x00October\x00November\x00December";
const weekdays = "Sunday\x00Monday\x00Tuesday\x00Wednesday\x00Thursday\x00Friday\x00Saturday";

/// The name at a place in a list.
fn nameIn(list: [*:0]const u8, index: u32) [*:0]const u8 {
    var name = list;
    for (0..index) |_| name += std.mem.len(name) + 1;
    return name;
}

/// Writes what a specifier stands for, in the C locale.
fn write(text: *Text, letter: u8, moment: *const Shown) void {
    const t = &moment.time;
    const composite: []const u8 = switch (letter) {
        'c' => "a b e T Y",
        'D', 'x' => "m/d/y",
        'F' => "Y-m-d",
        'r' => "I:M:S p",
        'R' => "H:M",
        'T', 'X' => "H:M:S",
        'a', 'A', 'b', 'B', 'h' => {
            const name = if (letter | 0x20 == 'a') nameIn(weekdays, t.weekday) else nameIn(months, t.month - 1);
            const length = if (letter == 'A' or letter == 'B') std.mem.len(name) else 3;
            return text.add(name[0..length]);
        },
        'p' => return text.add(if (t.hour >= 12) "PM" else "AM"),
        'n' => return text.add("\n"),
        't' => return text.add("\t"),
        '%' => return text.add("%"),
        'z', 'Z' => {
            const minutes = @divTrunc(moment.offset, 60);
            if (letter == 'Z' and minutes == 0) return text.add("UTC");
            text.add(if (minutes < 0) "-" else "+");
            return text.addPadded(@abs(minutes) / 60 * 100 + @abs(minutes) % 60, 4);
        },
        else => return writeNumber(text, letter, moment),
    };
    for (composite) |part| {
        if (std.ascii.isAlphabetic(part)) write(text, part, moment) else text.add(&.{part});
    }
}

noinline fn writeNumber(text: *Text, letter: u8, moment: *const Shown) void {
    const t = &moment.time;
    // The week of ISO 8601 belongs to the year that its Thursday is in.
    const from_monday = (t.weekday + 6) % 7;
    const thursday = calendar.timeOf(moment.seconds + (3 - @as(i64, from_monday)) * calendar.day_seconds);
    const numbers = [_]u32{
        t.day,                              t.day,     t.hour,                    (t.hour + 11) % 12 + 1,
        t.year_day + 1,                     t.month,   t.minute,                  t.second,
        from_monday + 1,                    t.weekday, thursday.year_day / 7 + 1, (t.year_day + 7 - t.weekday) / 7,
        (t.year_day + 7 - from_monday) / 7,
    };
    const index = indexOf("deHIjmMSuwVUW", letter);
    const year = if (letter | 0x20 == 'g') thursday.year else t.year;
    const value: i64 = if (index) |at| numbers[at] else switch (letter) {
        'C' => @divTrunc(year, 100),
        'g', 'y' => @intCast(@abs(@rem(year, 100))),
        else => year,
    };
    const width: u32 = switch (letter) {
        'G', 'Y' => 4,
        'j' => 3,
        'u', 'w' => 1,
        else => 2,
    };
    // musl, and so native Lua in the tests, marks longer years.
    if (letter == 'Y' and value > 9999) text.add("+");
    if (letter == 'e') {
        if (value < 10) text.add(" ");
        return text.addInteger(value);
    }
    if (value < 0) text.add("-");
    text.addPadded(@abs(value), if (value < 0) width - 1 else width);
}
