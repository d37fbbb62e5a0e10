//! `debug`, its harmless part: what tells where code is, and changes nothing.

const std = @import("std");
const lua = @import("lua.zig");
const pay = @import("pay.zig");
const c = lua.c;

/// Functions of the bridge's that code may find below its own, and must not be given.
pub export var cu_hidden: [3]c.lua_CFunction = undefined;

pub export fn cu_open_debug(L: ?*lua.State) callconv(.c) c_int {
    const functions = [_]c.luaL_Reg{
        .{ .name = "getinfo", .func = getInfo },
        .{ .name = "getmetatable", .func = getMetatable },
        .{ .name = "setmetatable", .func = setMetatable },
        .{ .name = "traceback", .func = traceback },
        .{ .name = null, .func = null },
    };
    c.lua_createtable(L, 0, functions.len - 1);
    c.luaL_setfuncs(L, &functions, 0);
    return 1;
}

/// The field that protects a metatable.
const protection = "__metatable";

/// As the global getmetatable: what protects a metatable does so here, too.
fn getMetatable(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    c.luaL_checkany(L, 1);
    if (c.lua_getmetatable(L, 1) == 0) {
        c.lua_pushnil(L);
    } else _ = c.luaL_getmetafield(L, 1, protection);
    return 1;
}

/// As the global setmetatable: of tables only, and of none whose metatable is protected.
fn setMetatable(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    c.luaL_checktype(L, 1, c.LUA_TTABLE);
    const given = c.lua_type(L, 2);
    if (given != c.LUA_TNIL and given != c.LUA_TTABLE) _ = c.luaL_typeerror(L, 2, "nil or table");
    if (c.luaL_getmetafield(L, 1, protection) != c.LUA_TNIL) {
        return c.luaL_error(L, "cannot change a protected metatable");
    }
    c.lua_settop(L, 2);
    _ = c.lua_setmetatable(L, 1);
    return 1;
}

/// The thread that the first argument is, else the running one.
fn threadOf(L: *lua.State) *lua.State {
    return c.lua_tothread(L, 1) orelse L;
}

/// `debug.traceback([thread,] [message [, level]])`
fn traceback(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const thread = threadOf(L);
    const first: c_int = if (c.lua_type(L, 1) == c.LUA_TTHREAD) 2 else 1;
    const message = c.lua_tolstring(L, first, null);
    if (message == null and c.lua_type(L, first) > c.LUA_TNIL) {
        c.lua_pushvalue(L, first);
        return 1;
    }
    const level = c.luaL_optinteger(L, first + 1, @intFromBool(thread == L));
    c.luaL_traceback(L, thread, message, @truncate(level));
    return 1;
}

const Kind = enum { integer, byte, boolean, text };
const Field = struct { option: u8, kind: Kind, offset: u8, name: [*:0]const u8 };

fn field(option: u8, kind: Kind, comptime name: [:0]const u8) Field {
    return .{ .option = option, .kind = kind, .offset = @offsetOf(c.lua_Debug, name), .name = name };
}

const fields = [_]Field{
    field('S', .text, "short_src"),
    field('S', .text, "what"),
    field('S', .integer, "linedefined"),
    field('S', .integer, "lastlinedefined"),
    field('l', .integer, "currentline"),
    field('u', .byte, "nups"),
    field('u', .byte, "nparams"),
    field('u', .boolean, "isvararg"),
    field('n', .text, "name"),
    field('n', .text, "namewhat"),
    field('t', .boolean, "istailcall"),
};

/// `debug.getinfo([thread,] function or level [, what])`
fn getInfo(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const thread = threadOf(L);
    pay.steps(L, 32); // a table of many fields
    const first: c_int = if (c.lua_type(L, 1) == c.LUA_TTHREAD) 2 else 1;
    var options: [*:0]const u8 = c.luaL_optlstring(L, first + 1, "flnSrtu", null);
    if (options[0] == '>') return c.luaL_argerror(L, first + 1, "invalid option '>'");
    // Room for a function and its lines
    if (thread != L and !lua.checkStack(thread, 3)) _ = c.luaL_error(L, "stack overflow");
    var record: c.lua_Debug = undefined;
    if (c.lua_type(L, first) == c.LUA_TFUNCTION) {
        options = c.lua_pushfstring(L, ">%s", options);
        c.lua_pushvalue(L, first);
        c.lua_xmove(L, thread, 1);
    } else if (c.lua_getstack(thread, std.math.lossyCast(c_int, c.luaL_checkinteger(L, first)), &record) == 0) {
        c.lua_pushnil(L);
        return 1;
    }
    if (c.lua_getinfo(thread, options, &record) == 0) return c.luaL_argerror(L, first + 1, "invalid option");
    // What 'L' and 'f' left on the thread's stack comes under the table, as in ldblib.c.
    const has_lines = has(options, 'L');
    const has_function = has(options, 'f');
    const left = @as(c_int, @intFromBool(has_lines)) + @intFromBool(has_function);
    if (thread != L) c.lua_xmove(thread, L, left);
    c.lua_createtable(L, 0, fields.len + 1);
    if (has_lines) {
        c.lua_pushvalue(L, -2);
        c.lua_setfield(L, -2, "activelines");
    }
    if (has_function) {
        c.lua_pushvalue(L, -2 - @as(c_int, @intFromBool(has_lines)));
        if (isHidden(lua.top(L))) lua.top(L).* = lua.nil;
        c.lua_setfield(L, -2, "func");
    }
    if (has(options, 'S')) {
        _ = c.lua_pushlstring(L, record.source, record.srclen);
        c.lua_setfield(L, -2, "source");
    }
    for (fields) |entry| {
        if (!has(options, entry.option)) continue;
        pushField(L, @as([*]const u8, @ptrCast(&record)) + entry.offset, entry);
        c.lua_setfield(L, -2, entry.name);
    }
    return 1;
}

fn has(options: [*:0]const u8, option: u8) bool {
    return c.strchr(options, option) != null;
}

fn pushField(L: *lua.State, address: [*]const u8, entry: Field) void {
    switch (entry.kind) {
        .integer => c.lua_pushinteger(L, std.mem.bytesToValue(c_int, address[0..4])),
        .byte => c.lua_pushinteger(L, address[0]),
        .boolean => c.lua_pushboolean(L, address[0]),
        .text => {
            const is_inside = entry.offset == @offsetOf(c.lua_Debug, "short_src");
            const text: ?[*:0]const u8 = if (is_inside)
                @ptrCast(address)
            else
                std.mem.bytesToValue(?[*:0]const u8, address[0..@sizeOf(usize)]);
            _ = c.lua_pushstring(L, text orelse null);
        },
    }
}

fn isHidden(function: *const lua.Value) bool {
    if (function.tt_ != c.LUA_VLCF) return false;
    for (cu_hidden) |entry| if (function.value_.f == entry) return true;
    return false;
}
