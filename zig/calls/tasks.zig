//! The module `task`: functions of code's that run side by side, each on a strand of its own, and wait
//! for the host at the same time.

const host = @import("unit").@"calls/host.zig";
const lua = @import("unit").@"vm/lua.zig";
const strands = @import("strands.zig");
const wire = @import("unit").@"bridge/wire.zig";
const waiting = @import("../vm/waiting.zig");
const c = lua.c;

/// Makes the module known to `require` (package_library.zig).
pub fn init(L: *lua.State) void {
    _ = c.luaL_getsubtable(L, c.LUA_REGISTRYINDEX, "cu_own_modules");
    c.lua_pushcclosure(L, open, 0);
    c.lua_setfield(L, -2, "task");
    lua.pop(L, 1);
}

fn open(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    c.lua_createtable(L, 0, 3);
    // What waits is a closure; the upvalue is its name.
    _ = c.lua_pushstring(L, "task.all");
    c.lua_pushcclosure(L, all, 1);
    c.lua_setfield(L, -2, "all");
    _ = c.lua_pushstring(L, "task.race");
    c.lua_pushcclosure(L, race, 1);
    c.lua_setfield(L, -2, "race");
    c.lua_pushinteger(L, wire.sleep_function);
    _ = c.lua_pushstring(L, "task.sleep");
    c.lua_pushcclosure(L, host.hostFunction, 2);
    c.lua_setfield(L, -2, "sleep");
    return 1;
}

/// `task.all(f, ...)`: the first result of each function, when all have returned.
fn all(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    if (c.lua_gettop(L) == 0) return 0;
    return begin(L, wire.all_function, allEnded);
}

/// `task.race(f, ...)`: the results of the function that returns first.
fn race(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    c.luaL_checktype(L, 1, c.LUA_TFUNCTION);
    return begin(L, wire.race_function, raceEnded);
}

/// Makes a strand of each function, whose number takes its place on the stack, and waits for the host,
/// which lets them run.
fn begin(L: *lua.State, function: u32, k: c.cu_KFunction) c_int {
    const count = c.lua_gettop(L);
    for (1..@intCast(count + 1)) |i| c.luaL_checktype(L, @intCast(i), c.LUA_TFUNCTION);
    c.lua_pushvalue(L, c.LUA_REGISTRYINDEX - 1); // the name
    // Refused here, before there are strands.
    if (waiting.obstacle(L) != null) return host.wait(L, lua.top(L), k);
    c.lua_rotate(L, 1, 1);
    var made = Made{};
    const status = lua.protectForError(L, make, &made);
    if (status != c.LUA_OK) {
        forget(L, made.count);
        if (status == c.LUA_ERRMEM) c.luaD_throw(L, c.LUA_ERRMEM);
        return c.lua_error(L);
    }
    const answer = host.askWith(L, function, 2);
    if (answer == @intFromEnum(wire.Status.waits)) {
        for (2..made.count + 2) |index| strands.threadOf(numberAt(L, index)).?.isrun = waiting.run_thread;
        return host.wait(L, lua.at(L, 1), k);
    }
    forget(L, made.count);
    return host.finished(L, answer);
}

const Made = struct { count: u32 = 0 };

fn make(L: *lua.State, made: *Made) void {
    const count: u32 = @intCast(c.lua_gettop(L) - 1);
    while (made.count < count) : (made.count += 1) {
        const index: c_int = @intCast(made.count + 2);
        c.lua_pushvalue(L, index);
        // It may collect garbage, and the stack move, before it is written to.
        const number = strands.make(L, 1, null);
        strands.threadOf(number).?.isrun = waiting.new_run_thread;
        lua.at(L, @intCast(index)).* = lua.integer(number);
    }
}

fn numberAt(L: *lua.State, index: u32) i32 {
    return @intCast(lua.at(L, index).value_.i);
}

fn forget(L: *lua.State, count: u32) void {
    for (2..count + 2) |index| strands.forget(L, numberAt(L, index));
}

/// The number of the strand that the host's answer is about, from 1; 0: all. Raises what the host says
/// instead: closing the strands has failed, and it has let go of all.
fn ended(L: *lua.State) u32 {
    const count = c.lua_gettop(L);
    const answer = host.takeDelivered();
    if (answer < 0) c.lua_settop(L, 0);
    _ = host.finished(L, answer);
    const index: u32 = @intCast(lua.top(L).value_.i);
    c.lua_settop(L, count);
    return index;
}

fn allEnded(state: ?*lua.State, _: c_int, _: isize) callconv(.c) c_int {
    const L = state.?;
    const failed = ended(L);
    if (failed != 0) return failure(L, failed);
    const count: u32 = @intCast(c.lua_gettop(L) - 1);
    for (2..count + 2) |index| {
        const thread = strands.threadOf(numberAt(L, index)).?;
        const number = numberAt(L, index);
        lua.at(L, index).* = if (c.lua_gettop(thread) > 0) lua.at(thread, 1).* else lua.nil;
        c.lua_settop(thread, 0);
        strands.forget(L, number);
    }
    return @intCast(count);
}

fn raceEnded(state: ?*lua.State, _: c_int, _: isize) callconv(.c) c_int {
    const L = state.?;
    const first = ended(L);
    const thread = strands.threadOf(numberAt(L, first + 1)).?;
    if (thread.status != c.LUA_OK) return failure(L, first);
    const count = c.lua_gettop(thread);
    const has_room = lua.checkStack(L, count);
    if (has_room) c.lua_xmove(thread, L, count);
    strands.forget(L, numberAt(L, first + 1));
    if (!has_room) c.luaD_throw(L, c.LUA_ERRMEM);
    return count;
}

/// Raises the error that a strand ended with.
fn failure(L: *lua.State, index: u32) c_int {
    const number = numberAt(L, index + 1);
    const thread = strands.threadOf(number).?;
    const status = thread.status;
    lua.push(L, lua.top(thread).*);
    strands.forget(L, number);
    if (status == c.LUA_ERRMEM) c.luaD_throw(L, c.LUA_ERRMEM);
    return c.lua_error(L);
}
