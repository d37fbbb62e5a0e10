//! The standard library as user code gets it: base, string, table, math, coroutine,
//! utf8 and the harmless part of os. Nothing reads files, loads bytecode, or
//! reaches the host but `print` and `warn`.

const std = @import("std");
const limits = @import("limits.zig");
const lua = @import("lua.zig");
const objects = @import("objects.zig");
const c = lua.c;

/// Takes text that was printed: a line, or the beginning of one if there is more to
/// come. Not 0: the host refuses it.
extern "cu" fn print(text: [*]const u8, length: u32, more: u32) u32;
extern "cu" fn seed() u32;

pub export fn cu_seed() callconv(.c) c_uint {
    return seed();
}

/// What hashes depend on (lua_config.h); the second one is odd, to be a factor.
pub export var cu_secret: [3]u64 = @splat(0);

/// Before there are any hashes.
pub fn chooseSecret() void {
    for (&cu_secret) |*word| word.* = @as(u64, seed()) << 32 | seed();
    cu_secret[1] |= 1;
}

/// As cu_mix in lua_config.h, for the bridge's own tables.
pub inline fn mix(address: usize) u32 {
    var x = (address ^ cu_secret[0]) *% 0x9e3779b97f4a7c15;
    x ^= x >> 32;
    return @intCast(x *% cu_secret[1] >> 32);
}

const libraries = [_]struct { name: [*:0]const u8, open: c.lua_CFunction }{
    .{ .name = "_G", .open = c.luaopen_base },
    .{ .name = "string", .open = c.luaopen_string },
    .{ .name = "table", .open = c.luaopen_table },
    .{ .name = "math", .open = c.luaopen_math },
    .{ .name = "coroutine", .open = c.luaopen_coroutine },
    .{ .name = "utf8", .open = c.luaopen_utf8 },
    .{ .name = "os", .open = c.luaopen_os },
};

const removed_globals = [_][*:0]const u8{ "dofile", "loadfile" };
const removed_os = [_][*:0]const u8{ "execute", "exit", "getenv", "remove", "rename", "setlocale", "tmpname" };

/// Every function that was there in the beginning, as a key.
var builtins: *lua.Table = undefined;

/// Whether a function is the library's own, under whatever name.
pub fn isBuiltin(function: *const lua.Value) bool {
    return !lua.isNil(lua.get(builtins, function.*));
}

pub fn open(L: *lua.State) void {
    for (libraries) |library| {
        c.luaL_requiref(L, library.name, library.open, 1);
        lua.pop(L, 1);
    }
    for (removed_globals) |name| {
        c.lua_pushnil(L);
        c.lua_setglobal(L, name);
    }
    _ = c.lua_getglobal(L, "os");
    for (removed_os) |name| {
        c.lua_pushnil(L);
        c.lua_setfield(L, -2, name);
    }
    lua.pop(L, 1);
    c.lua_pushcclosure(L, printLine, 0);
    c.lua_setglobal(L, "print");
    c.lua_setwarnf(L, warn, null);
    builtins = objects.anchored(L);
    _ = c.lua_rawgeti(L, c.LUA_REGISTRYINDEX, c.LUA_RIDX_GLOBALS);
    noteBuiltins(L);
    lua.pop(L, 1);
}

/// Notes the functions in the table at the top of the stack, and in tables in it.
fn noteBuiltins(L: *lua.State) void {
    const depth_max = 2; // _G and the libraries; _G holds itself
    c.lua_pushnil(L);
    while (c.lua_next(L, -2) != 0) {
        const value = lua.top(L).*;
        if (c.lua_type(L, -1) == c.LUA_TFUNCTION) lua.set(L, builtins, value, lua.boolean(true));
        if (value.tt_ == lua.tag.table and c.lua_gettop(L) < 3 * depth_max) noteBuiltins(L);
        lua.pop(L, 1);
    }
}

/// What the host does with a byte of text, in what it costs to copy one here.
const host_factor = 24;

fn printLine(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const count = c.lua_gettop(L);
    var text: c.luaL_Buffer = undefined;
    c.luaL_buffinit(L, &text);
    var i: c_int = 1;
    while (i <= count) : (i += 1) {
        limits.steps(L, 8);
        if (i > 1) c.luaL_addlstring(&text, "\t", 1);
        _ = c.luaL_tolstring(L, i, null);
        c.luaL_addvalue(&text);
    }
    c.luaL_pushresult(&text);
    write(L, lua.bytesOf(lua.stringOf(lua.top(L))));
    return 0;
}

fn write(L: *lua.State, text: []const u8) void {
    limits.owe((text.len >> 6) * host_factor);
    if (print(text.ptr, @intCast(text.len), 0) != 0) _ = c.luaL_error(L, "print: the host refused the text");
}

/// As lua.c's: off until `warn("@on")`.
var warnings_on = false;
var warning_continues = false;

/// After a warning was cut off.
pub fn forgetWarning() void {
    warning_continues = false;
}

fn warn(_: ?*anyopaque, message: [*c]const u8, to_continue: c_int) callconv(.c) void {
    const text = std.mem.span(@as([*:0]const u8, message));
    if (!warning_continues and to_continue == 0 and text.len > 0 and text[0] == '@') {
        if (std.mem.eql(u8, text, "@on")) warnings_on = true;
        if (std.mem.eql(u8, text, "@off")) warnings_on = false;
        return;
    }
    if (warnings_on) {
        // A warning must not raise: what becomes of a refused one is the host's affair.
        const prefix = "Lua warning: ";
        if (!warning_continues) _ = print(prefix, prefix.len, 1);
        _ = print(text.ptr, @intCast(text.len), @intCast(to_continue));
        limits.step();
    }
    warning_continues = to_continue != 0;
}

/// In place of lundump.c: hostile bytecode can crash the VM, so none is loaded.
pub export fn luaU_undump(L: *lua.State, _: ?*anyopaque, name: [*:0]const u8) callconv(.c) ?*c.LClosure {
    const shown = if (name[0] == '@' or name[0] == '=') name + 1 else name;
    _ = c.lua_pushfstring(L, "%s: attempt to load a binary chunk (only text is loaded)", shown);
    c.luaD_throw(L, c.LUA_ERRSYNTAX);
    unreachable;
}
