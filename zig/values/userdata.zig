//! Values of JavaScript that Lua has no type for, as userdata: a Date, bytes that stay bytes, a
//! null that isn't nil (`_io.date`, `_io.bytes`, `_io.null`), and what was thrown.

const std = @import("std");
const assert = @import("../vm/assert.zig").assert;
const calendar = @import("../vm/calendar.zig");
const lua = @import("../vm/lua.zig");
const c = lua.c;

/// The metatables, which methods.zig makes. A userdata is what its metatable says.
pub export var cu_date_metatable: *lua.Table = undefined;
pub export var cu_bytes_metatable: *lua.Table = undefined;
pub export var cu_null_metatable: *lua.Table = undefined;
pub export var cu_error_metatable: *lua.Table = undefined;

extern fn cu_open_objects(L: *lua.State) void;

pub fn init(L: *lua.State) void {
    cu_open_objects(L);
    const userdata = c.luaS_newudata(L, 0, 0);
    userdata.*.metatable = cu_null_metatable;
    null_object = @ptrCast(userdata);
    lua.push(L, nullValue());
    _ = c.luaL_ref(L, c.LUA_REGISTRYINDEX);
}

/// `_io.null`: the only one.
var null_object: *c.GCObject = undefined;

pub fn nullValue() lua.Value {
    return .{ .value_ = .{ .gc = null_object }, .tt_ = lua.tag.userdata };
}

pub fn isNull(given: *const lua.Value) bool {
    return given.tt_ == lua.tag.userdata and given.value_.gc == @as([*c]c.GCObject, null_object);
}

/// What a date's userdata holds: milliseconds since 1970, and the number of the host's
/// object if it came with a lazy input (see bridge/view_numbers.zig), else 0.
const Date = extern struct { milliseconds: f64, number: u32 };

/// A new date, which nothing refers to yet. Its time is a whole number of milliseconds, or NaN, as
/// ECMAScript's TimeClip makes it. May raise a memory error.
pub fn newDate(L: *lua.State, milliseconds: f64) lua.Value {
    const userdata = c.luaS_newudata(L, @sizeOf(Date), 0);
    const is_time = @abs(milliseconds) <= calendar.milliseconds_max;
    const whole = if (is_time) @trunc(milliseconds) + 0.0 else std.math.nan(f64);
    lua.memoryOf(Date, userdata).* = .{ .milliseconds = whole, .number = 0 };
    userdata.*.metatable = cu_date_metatable;
    return .{ .value_ = .{ .gc = @ptrCast(userdata) }, .tt_ = lua.tag.userdata };
}

/// A new date at the top of the stack, for methods.zig.
pub export fn cu_push_date(L: *lua.State, milliseconds: f64) callconv(.c) void {
    lua.push(L, newDate(L, milliseconds));
    lua.collectStep(L);
}

/// Milliseconds since 1970, if it is a date.
pub fn dateOf(given: *const lua.Value) ?f64 {
    const userdata = lua.userdataOf(given, cu_date_metatable) orelse return null;
    return lua.memoryOf(Date, userdata).milliseconds;
}

/// The number of a date that stands for an object of the host's, else 0.
pub fn dateNumberOf(given: *const lua.Value) u32 {
    const userdata = lua.userdataOf(given, cu_date_metatable) orelse return 0;
    return lua.memoryOf(Date, userdata).number;
}

/// The same for a userdata that is being collected, an error too.
pub fn numberOf(userdata: *c.Udata) u32 {
    if (userdata.metatable == @as([*c]lua.Table, cu_date_metatable)) return lua.memoryOf(Date, userdata).number;
    if (userdata.metatable != @as([*c]lua.Table, cu_error_metatable)) return 0;
    return @intCast(errorParts(userdata).number.value_.i);
}

/// Gives a date or an error its number, or takes it away (0).
pub fn setNumber(object: *c.GCObject, number: u32) void {
    assert(object.tt == c.LUA_VUSERDATA);
    const userdata: *c.Udata = @ptrCast(@alignCast(object));
    if (userdata.metatable == @as([*c]lua.Table, cu_date_metatable)) {
        lua.memoryOf(Date, userdata).number = number;
        return;
    }
    assert(userdata.metatable == @as([*c]lua.Table, cu_error_metatable));
    const parts = errorParts(userdata);
    parts.number = lua.integer(number);
    if (number == 0) forgetBytes(parts);
}

/// What the host's object of an error takes, from now on until that is collected.
pub fn setErrorBytes(object: *c.GCObject, bytes: u32) void {
    errorParts(@ptrCast(@alignCast(object))).host_bytes = lua.integer(bytes);
    error_bytes += bytes;
}

fn forgetBytes(parts: *ErrorParts) void {
    const bytes: u64 = @intCast(parts.host_bytes.value_.i);
    assert(bytes <= error_bytes);
    error_bytes -= bytes;
    parts.host_bytes = lua.integer(0);
}

/// Before a userdata is collected.
pub fn forget(userdata: *c.Udata) void {
    if (userdata.metatable == @as([*c]lua.Table, cu_error_metatable)) forgetBytes(errorParts(userdata));
}

/// The user values of an error that JavaScript threw; methods.zig reads the texts.
const ErrorParts = extern struct {
    /// Of the host's object; 0 before it has one.
    number: lua.Value,
    name: lua.Value,
    message: lua.Value,
    /// What the host's object takes there; 0 as the number.
    host_bytes: lua.Value,
};

/// What the host keeps for all errors that Lua has.
pub var error_bytes: u64 = 0;

fn errorParts(userdata: *c.Udata) *ErrorParts {
    return @ptrCast(&userdata.uv);
}

/// Pushes an error without a number. May raise a memory error.
pub fn pushError(L: *lua.State, name: []const u8, message: []const u8) *c.GCObject {
    const userdata = c.luaS_newudata(L, 0, @sizeOf(ErrorParts) / @sizeOf(lua.Value));
    const object: *c.GCObject = @ptrCast(userdata);
    lua.push(L, .{ .value_ = .{ .gc = object }, .tt_ = lua.tag.userdata });
    const parts = errorParts(userdata);
    parts.number = lua.integer(0);
    parts.host_bytes = lua.integer(0);
    userdata.*.metatable = cu_error_metatable;
    parts.name = newText(L, object, name);
    parts.message = newText(L, object, message);
    return object;
}

fn newText(L: *lua.State, owner: *c.GCObject, text: []const u8) lua.Value {
    const string = c.luaS_newlstr(L, text.ptr, text.len);
    const black = 1 << c.BLACKBIT;
    if (owner.marked & black != 0) c.luaC_barrierback_(L, owner);
    return lua.ofString(string);
}

/// The number of an error that JavaScript threw, else 0.
pub fn errorNumberOf(given: *const lua.Value) u32 {
    const userdata = lua.userdataOf(given, cu_error_metatable) orelse return 0;
    return numberOf(userdata);
}

/// The message of an error that JavaScript threw.
pub fn errorMessageOf(given: *const lua.Value) ?lua.Value {
    const userdata = lua.userdataOf(given, cu_error_metatable) orelse return null;
    return errorParts(userdata).message;
}

/// The bytes, if it is a bytes value.
pub fn bytesOf(given: *const lua.Value) ?[]const u8 {
    const userdata = lua.userdataOf(given, cu_bytes_metatable) orelse return null;
    const held: *const lua.Value = @ptrCast(&userdata.uv);
    return lua.bytesOf(lua.stringOf(held));
}
