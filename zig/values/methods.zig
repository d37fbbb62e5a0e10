//! What code makes and does with a date and bytes (see userdata.zig): `_io.date` and
//! `_io.bytes`, and the metamethods of what they give.

const std = @import("std");
const calendar = @import("../vm/calendar.zig");
const lua = @import("../vm/lua.zig");
const pay = @import("../vm/pay.zig");
const isEqual = @import("../vm/text.zig").isEqual;
const Text = @import("../vm/text.zig").Text;
const c = lua.c;

const date_name = "date";
const bytes_name = "bytes";

extern var cu_date_metatable: *lua.Table;
extern var cu_bytes_metatable: *lua.Table;
extern var cu_null_metatable: *lua.Table;
extern var cu_error_metatable: *lua.Table;
extern fn cu_push_date(L: *lua.State, milliseconds: f64) void;

/// Makes the metatables.
pub export fn cu_open_objects(L: *lua.State) callconv(.c) void {
    cu_date_metatable = lua.newMetatable(L, date_name, &.{
        .{ .name = "__index", .func = dateIndex },
        .{ .name = "__newindex", .func = refuseField },
        .{ .name = "__tostring", .func = dateToString },
        .{ .name = "__eq", .func = dateEqual },
        .{ .name = "__lt", .func = dateLess },
        .{ .name = "__le", .func = dateLessOrEqual },
        .{ .name = "__add", .func = dateSum },
        .{ .name = "__sub", .func = dateDifference },
        .{ .name = null, .func = null },
    });
    cu_bytes_metatable = lua.newMetatable(L, bytes_name, &.{
        .{ .name = "__len", .func = bytesLength },
        .{ .name = "__tostring", .func = bytesToString },
        .{ .name = "__eq", .func = bytesEqual },
        .{ .name = null, .func = null },
    });
    cu_error_metatable = lua.newMetatable(L, "error", &.{
        .{ .name = "__index", .func = errorIndex },
        .{ .name = "__tostring", .func = errorToString },
        .{ .name = "__concat", .func = errorConcat },
        .{ .name = null, .func = null },
    });
    cu_null_metatable = lua.newMetatable(L, "null", &.{
        .{ .name = "__tostring", .func = nullToString },
        .{ .name = null, .func = null },
    });
}

/// The user values of an error (userdata.zig).
const ErrorParts = extern struct { number: lua.Value, name: lua.Value, message: lua.Value };

fn errorOf(given: *const lua.Value) ?*const ErrorParts {
    const userdata = lua.userdataOf(given, cu_error_metatable) orelse return null;
    return @ptrCast(&userdata.uv);
}

fn errorIndex(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const parts = errorOf(lua.at(L, 1)) orelse return 0;
    if (c.lua_type(L, 2) != c.LUA_TSTRING) return 0;
    const key = lua.bytesOf(lua.stringOf(lua.at(L, 2)));
    if (isEqual(key, "message")) {
        lua.push(L, parts.message);
    } else if (isEqual(key, "name")) {
        lua.push(L, parts.name);
    } else return 0;
    return 1;
}

/// As JavaScript's `Error.prototype.toString`.
fn errorToString(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    c.luaL_checktype(L, 1, c.LUA_TUSERDATA);
    const parts = errorOf(lua.at(L, 1)) orelse return c.luaL_typeerror(L, 1, "error");
    const has_name = lua.bytesOf(lua.stringOf(&parts.name)).len > 0;
    const has_message = lua.bytesOf(lua.stringOf(&parts.message)).len > 0;
    if (has_name) lua.push(L, parts.name);
    if (has_name and has_message) _ = c.lua_pushstring(L, ": ");
    if (has_message or !has_name) lua.push(L, parts.message);
    c.lua_concat(L, c.lua_gettop(L) - 1);
    return 1;
}

/// An error beside text or a number: its own text takes its place.
fn errorConcat(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    for ([_]u32{ 1, 2 }) |index| {
        const is_error = errorOf(lua.at(L, index)) != null;
        if (!is_error and c.lua_isstring(L, @intCast(index)) == 0) {
            return c.luaL_error(L, "attempt to concatenate a %s value", typeName(L, index));
        }
        _ = c.luaL_tolstring(L, @intCast(index), null);
    }
    c.lua_concat(L, 2);
    return 1;
}

fn nullToString(state: ?*lua.State) callconv(.c) c_int {
    _ = c.lua_pushstring(state.?, "null");
    return 1;
}

/// Milliseconds since 1970, if it is a date.
fn dateOf(given: *const lua.Value) ?f64 {
    const userdata = lua.userdataOf(given, cu_date_metatable) orelse return null;
    return lua.memoryOf(f64, userdata).*;
}

/// The bytes, if it is a bytes value.
fn bytesOf(given: *const lua.Value) ?[]const u8 {
    const userdata = lua.userdataOf(given, cu_bytes_metatable) orelse return null;
    const held: *const lua.Value = @ptrCast(&userdata.uv);
    return lua.bytesOf(lua.stringOf(held));
}

fn checkDate(L: *lua.State, index: u32) f64 {
    if (c.lua_type(L, @intCast(index)) == c.LUA_TUSERDATA) {
        if (dateOf(lua.at(L, index))) |milliseconds| return milliseconds;
    }
    _ = c.luaL_typeerror(L, @intCast(index), date_name);
    unreachable;
}

fn checkBytes(L: *lua.State, index: u32) []const u8 {
    if (c.lua_type(L, @intCast(index)) == c.LUA_TUSERDATA) {
        if (bytesOf(lua.at(L, index))) |held| return held;
    }
    _ = c.luaL_typeerror(L, @intCast(index), bytes_name);
    unreachable;
}

/// Pushes a date, of NaN too, or raises an error.
fn pushDate(L: *lua.State, milliseconds: f64) c_int {
    if (@abs(milliseconds) > calendar.milliseconds_max) {
        _ = c.luaL_error(L, "date out of range: more than 8.64e15 ms from 1970");
    }
    cu_push_date(L, milliseconds);
    return 1;
}

/// Longer texts aren't shown in messages.
const shown_max = 40;

/// `_io.date(ms)`, `_io.date(text)`
pub export fn cu_date(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    if (c.lua_type(L, 1) == c.LUA_TNUMBER) return pushDate(L, c.lua_tonumberx(L, 1, null));
    if (c.lua_type(L, 1) != c.LUA_TSTRING) return c.luaL_typeerror(L, 1, "number or text");
    const text = lua.bytesOf(lua.stringOf(lua.at(L, 1)));
    pay.steps(L, 32);
    if (calendar.parseIso(text)) |milliseconds| return pushDate(L, @floatFromInt(milliseconds));
    const shown: [*:0]const u8 = if (text.len > shown_max) "a longer text" else c.luaL_tolstring(L, 1, null);
    const message = "expected a date such as '2026-01-31' or '2026-01-31T10:00:00.000Z', got '%s'";
    return c.luaL_argerror(L, 1, c.lua_pushfstring(L, message, shown));
}

/// `_io.bytes(s)`
pub export fn cu_bytes(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    _ = c.luaL_checklstring(L, 1, null);
    _ = c.lua_newuserdatauv(L, 0, 1);
    c.lua_pushvalue(L, 1);
    _ = c.lua_setiuservalue(L, -2, 1);
    const userdata: *c.Udata = @ptrCast(@alignCast(lua.top(L).value_.gc));
    userdata.metatable = cu_bytes_metatable;
    return 1;
}

/// In the order of `dateField`.
const date_fields = "year month day hour min sec msec wday yday ms";

fn dateIndex(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const milliseconds = checkDate(L, 1);
    const key = lua.at(L, 2);
    const name = if (c.lua_type(L, 2) == c.LUA_TSTRING) lua.bytesOf(lua.stringOf(key)) else "";
    if (isEqual(name, "ms")) {
        lua.push(L, lua.number(milliseconds));
        return 1;
    }
    pay.steps(L, 16);
    var names = std.mem.splitScalar(u8, date_fields, ' ');
    var index: u32 = 0;
    while (names.next()) |field| : (index += 1) {
        if (!isEqual(name, field)) continue;
        lua.push(L, dateField(milliseconds, index));
        return 1;
    }
    return c.luaL_error(L, "date has no field '%s': it has " ++ date_fields, c.luaL_tolstring(L, 2, null));
}

fn refuseField(state: ?*lua.State) callconv(.c) c_int {
    return c.luaL_error(state, "a date can't be changed: make another, such as date + milliseconds");
}

/// As Lua's os.date has it, in UTC; NaN of an invalid date.
noinline fn dateField(milliseconds: f64, index: u32) lua.Value {
    if (std.math.isNan(milliseconds)) return lua.float(milliseconds);
    const whole: i64 = @intFromFloat(milliseconds);
    const t = calendar.timeOf(@divFloor(whole, 1000));
    const milliseconds_of_second: u32 = @intCast(@mod(whole, 1000));
    const of_day = [_]u32{ t.month, t.day, t.hour, t.minute, t.second, milliseconds_of_second, t.weekday + 1, t.year_day + 1 };
    return lua.integer(if (index == 0) t.year else of_day[index - 1]);
}

fn dateEqual(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    return compared(L, isDates(L) and checkDate(L, 1) == checkDate(L, 2));
}

/// Two userdata are compared by the metamethod of either.
fn isDates(L: *lua.State) bool {
    return dateOf(lua.at(L, 1)) != null and dateOf(lua.at(L, 2)) != null;
}

fn dateLess(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    checkOrder(L);
    return compared(L, checkDate(L, 1) < checkDate(L, 2));
}

fn dateLessOrEqual(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    checkOrder(L);
    return compared(L, checkDate(L, 1) <= checkDate(L, 2));
}

/// Dates are compared with dates: else raises Lua's own error.
fn checkOrder(L: *lua.State) void {
    if (isDates(L)) return;
    _ = c.luaL_error(L, "attempt to compare %s with %s", typeName(L, 1), typeName(L, 2));
}

fn typeName(L: *lua.State, index: u32) [*:0]const u8 {
    return c.luaT_objtypename(L, lua.at(L, index));
}

fn compared(L: *lua.State, result: bool) c_int {
    lua.push(L, lua.boolean(result));
    return 1;
}

/// A date and milliseconds, in either order.
fn dateSum(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const at: u32 = if (dateOf(lua.at(L, 1)) != null) 1 else 2;
    const other = 3 - at;
    if (c.lua_isnumber(L, @intCast(other)) == 0) {
        _ = c.luaL_error(L, "attempt to add a %s value to a date (number of milliseconds expected)", typeName(L, other));
    }
    return pushDate(L, checkDate(L, at) + c.lua_tonumberx(L, @intCast(other), null));
}

/// A date less milliseconds, or the milliseconds between two dates.
fn dateDifference(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    if (dateOf(lua.at(L, 1)) == null) {
        _ = c.luaL_error(L, "attempt to subtract a date from a %s value", typeName(L, 1));
    }
    if (c.lua_isnumber(L, 2) != 0) return pushDate(L, checkDate(L, 1) - c.lua_tonumberx(L, 2, null));
    if (dateOf(lua.at(L, 2)) == null) {
        _ = c.luaL_error(L, "attempt to subtract a %s value from a date", typeName(L, 2));
    }
    lua.push(L, lua.number(checkDate(L, 1) - checkDate(L, 2)));
    return 1;
}

fn dateToString(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const steps = 64; // seven numbers
    pay.steps(L, steps);
    const milliseconds = checkDate(L, 1);
    var buffer: [40]u8 = undefined;
    var text = Text{ .buffer = &buffer };
    if (std.math.isNan(milliseconds)) {
        text.add("Invalid Date");
    } else calendar.writeIso(&text, @intFromFloat(milliseconds));
    _ = c.lua_pushlstring(L, text.written().ptr, text.length);
    return 1;
}

/// A date as its text, in room for 28 bytes; answers its length.
pub export fn cu_write_iso(room: [*]u8, milliseconds: f64) callconv(.c) u32 {
    var text = Text{ .buffer = room[0..28] };
    calendar.writeIso(&text, @intFromFloat(milliseconds));
    return @intCast(text.length);
}

fn bytesLength(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    lua.push(L, lua.integer(@intCast(checkBytes(L, 1).len)));
    return 1;
}

fn bytesToString(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const held = checkBytes(L, 1);
    _ = c.lua_pushlstring(L, held.ptr, held.len);
    return 1;
}

fn bytesEqual(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const a = bytesOf(lua.at(L, 1)) orelse return compared(L, false);
    const b = bytesOf(lua.at(L, 2)) orelse return compared(L, false);
    pay.spend(a.len);
    return compared(L, isEqual(a, b));
}
