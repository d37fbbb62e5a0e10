//! The standard library as user code gets it: base, string, table, math, coroutine,
//! utf8, and the harmless parts of os, io and debug. Nothing reads files, loads bytecode,
//! or reaches the host but what prints.

const lua = @import("lua.zig");
const c = lua.c;

extern "cu" fn seed() u32;

// library.zig
extern fn cu_open_os(L: ?*lua.State) c_int;
extern fn cu_open_io(L: ?*lua.State) c_int;
extern fn cu_open_debug(L: ?*lua.State) c_int;
extern fn cu_open_package(L: ?*lua.State) c_int;
extern fn cu_print_line(L: ?*lua.State) c_int;
extern fn cu_running(L: ?*lua.State) c_int; // waiting.zig
extern fn cu_warn(data: ?*anyopaque, message: [*c]const u8, to_continue: c_int) void;

pub export fn cu_seed() callconv(.c) c_uint {
    return seed();
}

/// What hashes depend on (lua/config.h); the second one is odd, to be a factor.
pub export var cu_secret: [3]u64 = @splat(0);

/// Before there are any hashes.
pub fn chooseSecret() void {
    for (&cu_secret) |*word| word.* = @as(u64, seed()) << 32 | seed();
    cu_secret[1] |= 1;
}

/// As cu_mix in lua/config.h, for the bridge's own tables.
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
    .{ .name = "os", .open = cu_open_os },
    .{ .name = "io", .open = cu_open_io },
    .{ .name = "debug", .open = cu_open_debug },
    .{ .name = "package", .open = cu_open_package },
};

const removed_globals = [_][*:0]const u8{ "dofile", "loadfile" };

/// Whether a function is the library's own, under whatever name: those in C, but for the
/// functions that coroutine.wrap makes of code's own.
pub fn isBuiltin(function: *const lua.Value) bool {
    if (function.tt_ == c.LUA_VLCL | lua.collectable) return false;
    if (function.tt_ == c.LUA_VLCF) return true;
    const closure: *c.CClosure = @ptrCast(@alignCast(function.value_.gc));
    return closure.nupvalues == 0 or closure.upvalue[0].tt_ & 0x0f != c.LUA_TTHREAD;
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
    c.lua_pushcclosure(L, cu_print_line, 0);
    c.lua_setglobal(L, "print");
    _ = c.lua_getglobal(L, "coroutine");
    c.lua_pushcclosure(L, cu_running, 0);
    c.lua_setfield(L, -2, "running");
    lua.pop(L, 1);
    c.lua_setwarnf(L, cu_warn, null);
}

/// In place of lundump.c: hostile bytecode can crash the VM, so `load` takes none. What external tables have is
/// read and checked by bytecode.zig.
pub export fn luaU_undump(L: *lua.State, _: ?*anyopaque, name: [*:0]const u8) callconv(.c) ?*c.LClosure {
    const shown = if (name[0] == '@' or name[0] == '=') name + 1 else name;
    _ = c.lua_pushfstring(L, "%s: attempt to load a binary chunk (only text is loaded)", shown);
    c.luaD_throw(L, c.LUA_ERRSYNTAX);
    unreachable;
}
