//! The error that the last call ended with, kept until the host reads it.

const assert = @import("../vm/assert.zig").assert;
const from_lua = @import("../bridge/from_lua.zig");
const lua = @import("../vm/lua.zig");
const messages = @import("messages.zig");
const position = @import("../vm/position.zig");
const unit = @import("unit.zig");
const userdata = @import("../values/userdata.zig");
const c = lua.c;

/// Lua's status; 0 where there is no error to be read.
pub var error_status: c_int = 0;

/// In how many calls of the host the one stands that is under way (frames.zig): each has slots of its own,
/// as code may call the host between where its error is raised and where it ends.
pub var depth: u32 = 0;

/// The error value, and what the message handler found out about it.
var error_slots: *lua.Table = undefined;
const Slot = enum(i64) { message = 1, traceback, value };

pub fn init(L: *lua.State) void {
    error_slots = lua.newAnchored(L);
    clear(L);
}

/// Makes the slots of a depth. May raise a memory error.
pub fn makeSlots(L: *lua.State, of_depth: u32) void {
    for ([_]Slot{ .message, .traceback, .value }) |slot| lua.set(L, error_slots, key(slot, of_depth), lua.boolean(false));
}

fn key(slot: Slot, of_depth: u32) lua.Value {
    return lua.integer(@intFromEnum(slot) + 3 * @as(i64, of_depth));
}

/// The slots always hold something, so that storing into them allocates nothing.
fn clear(L: *lua.State) void {
    for ([_]Slot{ .message, .traceback, .value }) |slot| keep(L, slot, lua.boolean(false));
}

noinline fn keep(state: *lua.State, slot: Slot, value: lua.Value) void {
    lua.set(state, error_slots, key(slot, depth), value);
}

/// lua_pcall's message handler: runs where the error was raised.
pub fn describeError(state: ?*lua.State) callconv(.c) c_int {
    const S = state.?;
    position.noteError(S);
    const kind = c.lua_type(S, 1);
    if (kind == c.LUA_TSTRING) {
        keep(S, .message, lua.at(S, 1).*);
    } else if (userdata.errorMessageOf(lua.at(S, 1))) |message| {
        keep(S, .message, message);
    } else {
        if (c.luaL_callmeta(S, 1, "__tostring") == 0 or c.lua_type(S, -1) != c.LUA_TSTRING) pushPlainText(S, 1);
        keep(S, .message, lua.top(S).*);
    }
    c.luaL_traceback(S, S, null, 1);
    keep(S, .traceback, lua.top(S).*);
    c.lua_settop(S, 1);
    return 1;
}

/// Pushes what is told of an error value without asking code.
fn pushPlainText(S: *lua.State, index: c_int) void {
    const kind = c.lua_type(S, index);
    if (kind == c.LUA_TNUMBER or kind == c.LUA_TBOOLEAN) {
        _ = c.luaL_tolstring(S, index, null);
    } else _ = c.lua_pushfstring(S, "error object is a %s value", c.lua_typename(S, kind));
}

/// Keeps the error value at the top of the stack for `encodeError`.
pub fn failed(status: c_int) i32 {
    assert(status > c.LUA_YIELD and c.lua_gettop(unit.L) > 0);
    error_status = status;
    keep(unit.L, .value, lua.top(unit.L).*);
    if (status == c.LUA_ERRRUN) position.takeError() else keepMessage();
    c.lua_settop(unit.L, 0);
    shrinkCalls();
    clearStack();
    return unit.answer(.lua);
}

/// Keeps the message of the error at the top of the stack that no message handler has seen.
pub fn keepMessage() void {
    const value = lua.top(unit.L);
    keep(unit.L, .traceback, lua.boolean(false));
    if (lua.isString(value)) return keep(unit.L, .message, value.*);
    if (userdata.errorMessageOf(value)) |message| return keep(unit.L, .message, message);
    keep(unit.L, .message, lua.ofString(unit.L.l_G.*.memerrmsg)); // where there is no memory for another
    _ = lua.protect(unit.L, keepPlainText, {});
}

fn keepPlainText(S: *lua.State, _: void) void {
    pushPlainText(S, -1);
    keep(S, .message, lua.top(S).*);
    lua.pop(S, 1);
}

/// Deep recursion leaves a CallInfo for each level, of which a collection frees half,
/// and an emergency collection none.
fn shrinkCalls() void {
    const calls_kept = 256;
    while (unit.L.nci > calls_kept) c.luaE_shrinkCI(unit.L);
}

/// What stands in the unused part of the stack would be alive as soon as calls cover it
/// again, until a whole cycle of the collector has cleared it.
fn clearStack() void {
    c.luaD_shrinkstack(unit.L);
    const first: usize = @intFromPtr(unit.L.top.p);
    const end: usize = @intFromPtr(unit.L.stack_last.p) + c.EXTRA_STACK * @sizeOf(c.StackValue);
    const unused = @as([*]c.StackValue, @ptrCast(unit.L.top.p))[0 .. (end - first) / @sizeOf(c.StackValue)];
    for (unused) |*slot| slot.val.tt_ = lua.tag.nil;
}

pub fn encodeError() i32 {
    if (!unit.isIdle() or error_status == c.LUA_OK) return unit.answer(.malformed);
    from_lua.start(unit.L);
    const values = [_]lua.Value{
        lua.integer(error_status),
        lua.get(error_slots, key(.message, depth)).*,
        lua.get(error_slots, key(.traceback, depth)).*,
        lua.integer(userdata.errorNumberOf(lua.get(error_slots, key(.value, depth)))),
    };
    for (&values) |*value| from_lua.value(unit.L, value, "error") catch unreachable; // numbers and strings
    return @intCast(from_lua.finish(unit.L, false));
}

/// Writes the error value, and lets go of it.
pub fn encodeErrorValue() i32 {
    if (!unit.isIdle() or error_status == c.LUA_OK) return unit.answer(.malformed);
    error_status = c.LUA_OK;
    lua.push(unit.L, lua.get(error_slots, key(.value, depth)).*);
    clear(unit.L);
    return messages.write(1, 1, &.{"error"});
}
