//! Values of JavaScript that Lua has no type for, as userdata: a Date, bytes that stay
//! bytes, and a null that isn't nil (`_io.date`, `_io.bytes`, `_io.null`).

const std = @import("std");
const limits = @import("limits.zig");
const lua = @import("lua.zig");
const Text = @import("text.zig").Text;
const views = @import("views.zig");
const c = lua.c;

const date_name = "date";
const bytes_name = "bytes";

/// The metatables; that of a userdata tells what it is.
var date_metatable: *lua.Table = undefined;
var bytes_metatable: *lua.Table = undefined;

/// `_io.null`: the only one.
var null_object: *c.GCObject = undefined;

/// A new table that is never collected. Leaves the stack as it was.
pub fn anchored(L: *lua.State) *lua.Table {
    c.lua_createtable(L, 0, 0);
    const table = lua.tableOf(lua.top(L));
    _ = c.luaL_ref(L, c.LUA_REGISTRYINDEX);
    return table;
}

pub fn init(L: *lua.State) void {
    date_metatable = metatable(L, date_name, &.{
        .{ .name = "__index", .func = dateIndex },
        .{ .name = "__tostring", .func = dateToString },
        .{ .name = "__eq", .func = dateEqual },
        .{ .name = "__lt", .func = dateLess },
        .{ .name = "__le", .func = dateLessOrEqual },
        .{ .name = "__sub", .func = dateDifference },
        .{ .name = null, .func = null },
    });
    bytes_metatable = metatable(L, bytes_name, &.{
        .{ .name = "__len", .func = bytesLength },
        .{ .name = "__tostring", .func = bytesToString },
        .{ .name = "__eq", .func = bytesEqual },
        .{ .name = null, .func = null },
    });
    _ = c.lua_newuserdatauv(L, 0, 0);
    lua.push(L, lua.ofTable(metatable(L, "null", &.{
        .{ .name = "__tostring", .func = nullToString },
        .{ .name = null, .func = null },
    })));
    _ = c.lua_setmetatable(L, -2);
    null_object = lua.top(L).value_.gc;
    _ = c.luaL_ref(L, c.LUA_REGISTRYINDEX);
}

pub fn nullValue() lua.Value {
    return .{ .value_ = .{ .gc = null_object }, .tt_ = lua.tag.userdata };
}

pub fn isNull(given: *const lua.Value) bool {
    return given.tt_ == lua.tag.userdata and given.value_.gc == @as([*c]c.GCObject, null_object);
}

fn nullToString(state: ?*lua.State) callconv(.c) c_int {
    _ = c.lua_pushstring(state.?, "null");
    return 1;
}

fn metatable(L: *lua.State, name: [*:0]const u8, functions: []const c.luaL_Reg) *lua.Table {
    const table = anchored(L);
    lua.push(L, lua.ofTable(table));
    c.luaL_setfuncs(L, functions.ptr, 0);
    _ = c.lua_pushstring(L, name);
    c.lua_setfield(L, -2, "__name");
    // Code can neither see nor change what all dates share.
    c.lua_pushboolean(L, 0);
    c.lua_setfield(L, -2, "__metatable");
    lua.pop(L, 1);
    return table;
}

/// What a date's userdata holds: milliseconds since 1970, and the number of the host's
/// object if it came with a lazy input (see views.zig), else 0.
const Date = extern struct { milliseconds: f64, number: u32 };

/// A date that isn't anywhere yet. May raise a memory error.
pub fn newDate(L: *lua.State, milliseconds: f64) lua.Value {
    const userdata = c.luaS_newudata(L, @sizeOf(Date), 0);
    memoryOf(userdata).* = .{ .milliseconds = milliseconds, .number = 0 };
    userdata.*.metatable = date_metatable;
    return .{ .value_ = .{ .gc = @ptrCast(userdata) }, .tt_ = lua.tag.userdata };
}

/// Milliseconds since 1970, if it is a date.
pub fn dateOf(given: *const lua.Value) ?f64 {
    const userdata = userdataOf(given, date_metatable) orelse return null;
    return memoryOf(userdata).milliseconds;
}

/// The number of a date that stands for an object of the host's, else 0.
pub fn dateNumberOf(given: *const lua.Value) u32 {
    const userdata = userdataOf(given, date_metatable) orelse return 0;
    return memoryOf(userdata).number;
}

pub fn setDateNumber(date_object: *c.GCObject, number: u32) void {
    memoryOf(@ptrCast(@alignCast(date_object))).number = number;
}

/// Called when userdata is collected.
pub export fn cu_userdata_free(userdata: *c.Udata) callconv(.c) void {
    if (userdata.metatable != @as([*c]lua.Table, date_metatable)) return;
    const number = memoryOf(userdata).number;
    if (number != 0) views.freed(number);
}

/// The bytes, if it is a bytes value.
pub fn bytesOf(given: *const lua.Value) ?[]const u8 {
    const userdata = userdataOf(given, bytes_metatable) orelse return null;
    const held: *const lua.Value = @ptrCast(&userdata.uv);
    return lua.bytesOf(lua.stringOf(held));
}

fn userdataOf(given: *const lua.Value, expected: *lua.Table) ?*c.Udata {
    if (given.tt_ != lua.tag.userdata) return null;
    const userdata: *c.Udata = @ptrCast(@alignCast(given.value_.gc));
    return if (userdata.metatable == @as([*c]lua.Table, expected)) userdata else null;
}

/// The block of a userdata without user values.
fn memoryOf(userdata: *c.Udata) *Date {
    const address = @intFromPtr(userdata) + @offsetOf(c.Udata0, "bindata");
    return @ptrFromInt(address);
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

/// `_io.date(ms)`
pub fn date(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const milliseconds = c.luaL_checknumber(L, 1);
    // ECMAScript's TimeClip: a whole number up to 100,000,000 days from 1970, or no time.
    const is_time = @abs(milliseconds) <= 8.64e15;
    lua.push(L, newDate(L, if (is_time) @trunc(milliseconds) + 0.0 else std.math.nan(f64)));
    if (L.l_G.*.GCdebt > 0) c.luaC_step(L);
    return 1;
}

/// `_io.bytes(s)`
pub fn bytes(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    _ = c.luaL_checklstring(L, 1, null);
    _ = c.lua_newuserdatauv(L, 0, 1);
    c.lua_pushvalue(L, 1);
    _ = c.lua_setiuservalue(L, -2, 1);
    const userdata: *c.Udata = @ptrCast(@alignCast(lua.top(L).value_.gc));
    userdata.metatable = bytes_metatable;
    return 1;
}

fn dateIndex(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const milliseconds = checkDate(L, 1);
    const is_ms = if (c.lua_type(L, 2) == c.LUA_TSTRING)
        std.mem.eql(u8, lua.bytesOf(lua.stringOf(lua.at(L, 2))), "ms")
    else
        false;
    lua.push(L, if (is_ms) lua.number(milliseconds) else lua.nil);
    return 1;
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
    return compared(L, checkDate(L, 1) < checkDate(L, 2));
}

fn dateLessOrEqual(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    return compared(L, checkDate(L, 1) <= checkDate(L, 2));
}

fn compared(L: *lua.State, result: bool) c_int {
    lua.push(L, lua.boolean(result));
    return 1;
}

/// Milliseconds between two dates.
fn dateDifference(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    lua.push(L, lua.number(checkDate(L, 1) - checkDate(L, 2)));
    return 1;
}

fn dateToString(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const steps = 64; // seven numbers
    limits.steps(L, steps);
    var text: [40]u8 = undefined;
    const written = writeIso(&text, checkDate(L, 1));
    _ = c.lua_pushlstring(L, written.ptr, written.len);
    return 1;
}

/// As Date.prototype.toISOString, or "Invalid Date" beyond its range.
fn writeIso(text: []u8, milliseconds: f64) []const u8 {
    const milliseconds_max = 8.64e15;
    if (!(@abs(milliseconds) <= milliseconds_max)) return "Invalid Date";
    const day_ms = 86_400_000;
    const time: i64 = @intFromFloat(@trunc(milliseconds));
    const days = @divFloor(time, day_ms);
    const of_day: u64 = @intCast(@mod(time, day_ms));
    // Days to civil date, in eras of 400 years that begin on 1 March
    // (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    const shifted = days + 719_468;
    const era = @divFloor(shifted, 146_097);
    const of_era: u64 = @intCast(@mod(shifted, 146_097));
    const year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    const of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const march_month = (5 * of_year + 2) / 153;
    const day = of_year - (153 * march_month + 2) / 5 + 1;
    const month = if (march_month < 10) march_month + 3 else march_month - 9;
    const year = @as(i64, @intCast(year_of_era)) + era * 400 + @intFromBool(month <= 2);
    var written = Text{ .buffer = text };
    const is_long = year < 0 or year > 9999;
    if (is_long) written.add(if (year < 0) "-" else "+");
    written.addPadded(@abs(year), if (is_long) 6 else 4);
    const parts = [_]struct { []const u8, u64, u32 }{
        .{ "-", month, 2 },
        .{ "-", day, 2 },
        .{ "T", of_day / 3_600_000, 2 },
        .{ ":", of_day / 60_000 % 60, 2 },
        .{ ":", of_day / 1000 % 60, 2 },
        .{ ".", of_day % 1000, 3 },
    };
    for (parts) |part| {
        written.add(part[0]);
        written.addPadded(part[1], part[2]);
    }
    written.add("Z");
    return written.written();
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
    limits.spend(a.len);
    return compared(L, std.mem.eql(u8, a, b));
}
