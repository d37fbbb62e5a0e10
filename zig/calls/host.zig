//! Calls of the host's functions from Lua code. The host makes them known once, in a message of
//! their own; from then on code has them as it has any value.

const assert = @import("../vm/assert.zig").assert;
const allocator = @import("../vm/allocator.zig");
const buffer = @import("../bridge/buffer.zig");
const frames = @import("small").@"calls/frames.zig";
const from_lua = @import("../bridge/from_lua.zig");
const io_table = @import("io_table.zig");
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const lua_functions = @import("small").@"calls/lua_functions.zig";
const messages = @import("messages.zig");
const thrown = @import("../views/thrown.zig");
const to_lua = @import("../bridge/to_lua.zig");
const unit = @import("unit.zig");
const waiting = @import("small").@"vm/waiting.zig";
const wire = @import("../bridge/wire.zig");
const c = lua.c;

/// Calls a function of the host: its arguments are a message of so many words, after so many whole
/// chunks. What it answers is
/// said in `wire.Answer`.
extern "cu" fn call(function: u32, words: u32, chunks: u32) i32;

/// What the host answers to a run that waits, until the run takes it.
pub var delivered: ?i32 = null;

/// What a call costs at least, in steps of about 5 ns.
const call_steps = 32;

/// What the arguments of one call are written with.
const Arguments = struct { first: u32, result: ?from_lua.Error = null };

pub fn init() void {
    to_lua.host_function = hostFunction;
}

/// One of the host's functions. Upvalues: its number, and its name for messages.
pub fn hostFunction(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    limits.steps(L, call_steps);
    const closure: *c.CClosure = @ptrCast(@alignCast(L.ci.*.func.p[0].val.value_.gc));
    const upvalues: [*]const lua.Value = @ptrCast(&closure.upvalue);
    var arguments = Arguments{ .first = 1 };
    const words = write(L, &arguments);
    if (arguments.result != null) return refused(L, &upvalues[1]);
    const answer = ask(L, @intCast(upvalues[0].value_.i), words, buffer.chunk_count);
    if (answer == @intFromEnum(wire.Status.waits)) return wait(L, &upvalues[1], goOn);
    c.lua_settop(L, 0);
    return finished(L, answer);
}

/// Writes the arguments of a call, and answers the words of the last chunk. Raises what raises while
/// they are written, and leaves it to the caller to refuse them.
fn write(L: *lua.State, arguments: *Arguments) u32 {
    from_lua.start(L);
    from_lua.write_function = lua_functions.write;
    const status = lua.protectForError(L, writeArguments, arguments);
    const is_refused = status != c.LUA_OK or arguments.result != null;
    const words = from_lua.finish(L, is_refused);
    if (is_refused) lua_functions.unsent(L);
    if (status == c.LUA_ERRMEM) c.luaD_throw(L, c.LUA_ERRMEM);
    if (status != c.LUA_OK) _ = c.lua_error(L);
    return words;
}

/// Calls one of the functions that each unit has, with integers: the values of the stack from `first` on.
pub fn askWith(L: *lua.State, function: u32, first: u32) i32 {
    var arguments = Arguments{ .first = first };
    const words = write(L, &arguments);
    return ask(L, function, words, buffer.chunk_count);
}

/// Calls the host, with a message that was written.
fn ask(L: *lua.State, function: u32, words: u32, chunks: u32) i32 {
    frames.caller = L;
    messages.is_calling = true;
    const answer = call(function, words, chunks);
    messages.is_calling = false;
    lua_functions.unsent(L); // if the host couldn't read them
    return answer;
}

/// Suspends the run until the host has answered; an error where it can't be suspended.
pub noinline fn wait(L: *lua.State, name: *const lua.Value, k: c.cu_KFunction) c_int {
    const thread = waiting.obstacle(L) orelse return waiting.wait(L, k);
    lua.push(L, name.*);
    waiting.pushObstacle(L, thread);
    return c.luaL_error(
        L,
        "%s returned a promise, which can't be waited for in %s: call it before or after",
        c.lua_tolstring(L, -2, null),
        c.lua_tolstring(L, -1, null),
    );
}

/// The host has answered what `hostFunction` waits for.
fn goOn(state: ?*lua.State, _: c_int, _: isize) callconv(.c) c_int {
    const L = state.?;
    c.lua_settop(L, 0);
    return finished(L, takeDelivered());
}

/// The host's answer to the run that goes on now.
pub fn takeDelivered() i32 {
    defer delivered = null;
    return delivered.?;
}

fn writeArguments(L: *lua.State, arguments: *Arguments) void {
    for (arguments.first..@as(u32, @intCast(c.lua_gettop(L))) + 1) |index| {
        from_lua.value(L, lua.at(L, index), names[@min(index, names.len) - 1]) catch |err| {
            arguments.result = err;
            return;
        };
    }
    from_lua.changes(L);
}

/// What arguments are called in paths.
pub const names = [_][]const u8{ "argument1", "argument2", "argument3", "argument4", "argument5", "argument" };

/// Raises the error of an argument that can't be passed.
fn refused(L: *lua.State, name: *const lua.Value) c_int {
    lua.push(L, name.*);
    _ = c.lua_pushlstring(L, from_lua.error_text.ptr, from_lua.error_text.len);
    return c.luaL_error(L, "cannot call %s: %s", c.lua_tolstring(L, -2, null), c.lua_tolstring(L, -1, null));
}

/// Pushes the results of a call, or raises what the host threw.
pub noinline fn finished(L: *lua.State, answer: i32) c_int {
    if (answer >= 0) return direct(L, @intCast(answer));
    if (to_lua.isOpen()) {
        const is_finished = to_lua.finish(unit.B);
        allocator.endMessage();
        if (answer <= wire.results_base and is_finished) return results(L, @intCast(wire.results_base - answer));
        if (answer == @intFromEnum(wire.Status.raised) and is_finished) {
            _ = results(L, 1);
            return c.lua_error(L);
        }
        c.lua_settop(unit.B, 0);
    }
    if (answer == @intFromEnum(wire.Status.memory)) c.luaD_throw(L, c.LUA_ERRMEM);
    assert(answer == @intFromEnum(wire.Status.thrown));
    thrown.cu_raise_thrown(L);
}

/// Scalars, which stand in the buffer as they are: most results.
fn direct(L: *lua.State, count: u32) c_int {
    assert(count <= wire.direct_results_max);
    if (!lua.checkStack(L, @intCast(count))) c.luaD_throw(L, c.LUA_ERRMEM);
    var input = to_lua.Input{ .words = buffer.words[0..count], .heap = buffer.heap };
    for (0..count) |_| {
        const word = input.word() catch unreachable;
        const value = to_lua.scalar(L, word, &input) catch unreachable;
        lua.push(L, if (lua.isNil(&value.?)) lua.nil else value.?);
    }
    lua.collectStep(L);
    return @intCast(count);
}

/// The elements of the array that was taken as a message.
fn results(L: *lua.State, count: u32) c_int {
    const value = lua.top(unit.B);
    assert(value.tt_ == lua.tag.table and c.luaH_realasize(lua.tableOf(value)) >= count);
    lua.push(L, value.*);
    c.lua_settop(unit.B, 0);
    if (!lua.checkStack(L, @intCast(count))) c.luaD_throw(L, c.LUA_ERRMEM);
    for (0..count) |i| {
        const held = lua.tableOf(lua.at(L, 1)).array[i];
        lua.push(L, if (lua.isNil(&held)) lua.nil else held);
    }
    limits.spend(to_lua.takenBytes());
    lua.collectStep(L);
    return @intCast(count);
}

/// Where something of the host's becomes known to code.
const Place = enum(u32) { global, module, resolver };

/// Ends the message, an array of a name and a value: the value becomes a global, a module for
/// `require`, or what `require` asks (package_library.zig).
pub fn define(place: u32) i32 {
    if (place > @intFromEnum(Place.resolver) or !messages.takeMessage()) return unit.answer(.malformed);
    if (!io_table.isPair(lua.top(unit.L))) {
        c.lua_settop(unit.L, 0);
        return unit.answer(.malformed);
    }
    const status = lua.protect(unit.L, store, @as(Place, @enumFromInt(place)));
    c.lua_settop(unit.L, 0);
    return if (status == c.LUA_OK) 0 else unit.answerOf(status);
}

fn store(L: *lua.State, place: Place) void {
    const pair = lua.tableOf(lua.top(L));
    const table = switch (place) {
        .global => lua.tableOf(&io_table.globalsValue(L)),
        .module => loaded(L),
        .resolver => lua.tableOf(&L.l_G.*.l_registry),
    };
    lua.set(L, table, pair.array[0], pair.array[1]);
}

/// `package.loaded`.
fn loaded(L: *lua.State) *lua.Table {
    _ = c.luaL_getsubtable(L, c.LUA_REGISTRYINDEX, c.LUA_LOADED_TABLE);
    const table = lua.tableOf(lua.top(L));
    lua.pop(L, 1);
    return table;
}
