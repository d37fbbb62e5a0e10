//! Threads that wait for the host, and those that stand for a run (lua/series/410-waits.patch).

const std = @import("std");
const lua = @import("unit").@"vm/lua.zig";
const c = lua.c;

/// Calls of the host that stand in one another: see calls/frames.zig.
pub export var cu_frame: c_ushort = 0;

/// What `isrun` says of a thread: that it stands for a run that may wait, or that calls of the host
/// begin on it, such as the main one.
pub const run_thread = 1;
pub const host_thread = 2;
/// A run's, which code has been given as a value: it never stands for another run (calls/strands.zig).
pub const known_run_thread = 3;
/// The same, whose number the host hasn't been given yet.
pub const new_run_thread = 4;

/// `coroutine.running()`, the only function that tells code the thread of a run.
pub export fn cu_running(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    if (L.isrun == run_thread) L.isrun = known_run_thread;
    const is_main = c.lua_pushthread(L) != 0;
    c.lua_pushboolean(L, @intFromBool(is_main or L.isrun != 0));
    return 2;
}

/// Suspends the running function, which has resumed a coroutine that waits.
pub export fn cu_waitfor(L: *lua.State, coroutine: *lua.State, k: c.cu_KFunction) callconv(.c) c_int {
    L.waits = coroutine;
    return c.luaD_wait(L, k);
}

/// The coroutine that a thread waits for is about to go on.
pub export fn cu_goon(L: *lua.State, coroutine: *lua.State) callconv(.c) void {
    L.waits = null;
    coroutine.waits = null;
}

/// Suspends the running function, in C, until the host has answered. Nothing must be in the way.
pub fn wait(L: *lua.State, k: c.cu_KFunction) c_int {
    L.waits = L;
    return c.luaD_wait(L, k);
}

/// The innermost thread that waits, of those that wait for each other.
pub fn innermost(thread: *lua.State) *lua.State {
    var inner = thread;
    while (inner.waits != null and inner.waits != inner) inner = inner.waits;
    return inner;
}

/// The first thread from a running one to its run that can't be suspended, or null.
pub noinline fn obstacle(L: *lua.State) ?*lua.State {
    var thread = L;
    while (thread.nCcalls & 0xffff_0000 == 0) {
        if (thread.isrun == run_thread or thread.isrun == known_run_thread) return null;
        thread = @as(?*lua.State, thread.from) orelse return thread;
    }
    return thread;
}

/// What can't be suspended in such a thread, as code knows it: pushes its name, or a description.
pub noinline fn pushObstacle(L: *lua.State, thread: *lua.State) void {
    var call: ?*c.CallInfo = if (thread == L) L.ci.*.previous else thread.ci;
    while (call) |ci| : (call = ci.previous) {
        if (ci.callstatus & c.CIST_FIN != 0) {
            _ = c.lua_pushstring(L, "a finalizer");
            return;
        }
        if (ci.callstatus & c.CIST_C == 0 or ci == &thread.base_ci) continue;
        if (pushName(L, @ptrCast(&ci.func.p[0].val))) return;
    }
    _ = c.lua_pushstring(L, if (thread.isrun == host_thread)
        "code that isn't run by computeAsync() or callAsync()"
    else
        "__close after its coroutine or run has ended");
}

/// Pushes the name of a function of the library, but of those that can be suspended.
fn pushName(L: *lua.State, function: *const lua.Value) bool {
    const libraries = [_][*:0]const u8{ "string", "table", "utf8", "_G" };
    const suspendable = [_][]const u8{ "pcall", "xpcall", "require", "next", "pairs", "ipairs", "error", "assert" };
    const loaded = c.LUA_LOADED_TABLE;
    _ = c.luaL_getsubtable(L, c.LUA_REGISTRYINDEX, loaded);
    for (libraries) |library| {
        if (c.lua_getfield(L, -1, library) == c.LUA_TTABLE) {
            c.lua_pushnil(L);
            while (c.lua_next(L, -2) != 0) {
                const is_it = c.luaV_equalobj(null, lua.top(L), function) != 0;
                if (is_it and c.lua_type(L, -2) == c.LUA_TSTRING) {
                    const name = std.mem.span(c.lua_tolstring(L, -2, null));
                    for (suspendable) |other| if (std.mem.eql(u8, name, other)) {
                        lua.pop(L, 4);
                        return false;
                    };
                    if (library[0] == '_') {
                        c.lua_pushvalue(L, -2);
                    } else _ = c.lua_pushfstring(L, "%s.%s", library, name.ptr);
                    c.lua_rotate(L, -5, 1);
                    lua.pop(L, 4);
                    return true;
                }
                lua.pop(L, 1);
            }
        }
        lua.pop(L, 1);
    }
    lua.pop(L, 1);
    return false;
}
