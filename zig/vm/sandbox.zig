//! The standard library as user code gets it: base, string, table, math, coroutine,
//! utf8, and the harmless parts of os, io and debug. Nothing reads files, loads bytecode,
//! or reaches the host but what prints.

const lua = @import("lua.zig");
const secret = @import("secret.zig");
const c = lua.c;

// library.zig
extern fn cu_open_os(L: ?*lua.State) c_int;
extern fn cu_open_io(L: ?*lua.State) c_int;
extern fn cu_open_debug(L: ?*lua.State) c_int;
extern fn cu_open_package(L: ?*lua.State) c_int;
extern fn cu_print_line(L: ?*lua.State) c_int;
extern fn cu_running(L: ?*lua.State) c_int; // waiting.zig
extern fn cu_warn(data: ?*anyopaque, message: [*c]const u8, to_continue: c_int) void;

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
    findRandomState(L);
}

/// What math.random goes on from (RanState in lmathlib.c).
var random_state: *[4]u64 = undefined;

fn findRandomState(L: *lua.State) void {
    _ = c.lua_getglobal(L, "math");
    _ = c.lua_getfield(L, -1, "random");
    _ = c.lua_getupvalue(L, -1, 1);
    random_state = @ptrCast(@alignCast(c.lua_touserdata(L, -1).?));
    lua.pop(L, 3);
}

/// For an instance, before code runs, which may let go of it.
pub fn chooseRandomState() void {
    for (random_state) |*word| word.* = secret.next64();
    random_state[1] |= 1; // a state of zeros gives zeros for ever
}

/// In place of lundump.c: hostile bytecode can crash the VM, so `load` takes none. What external tables have is
/// read and checked by bytecode.zig.
pub export fn luaU_undump(L: *lua.State, _: ?*anyopaque, name: [*:0]const u8) callconv(.c) ?*c.LClosure {
    const shown = if (name[0] == '@' or name[0] == '=') name + 1 else name;
    _ = c.lua_pushfstring(L, "%s: attempt to load a binary chunk (only text is loaded)", shown);
    c.luaD_throw(L, c.LUA_ERRSYNTAX);
    unreachable;
}
