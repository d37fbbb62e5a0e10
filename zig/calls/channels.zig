//! What runs that may wait have for themselves. There is one table `_io` (io_table.zig), but each such
//! run has fields of its own, its channel: those of the run that was selected last stand in the table,
//! those of others are put away. It may have globals of its own, too, which fall back to the unit's.

const assert = @import("unit").@"vm/assert.zig".assert;
const io_table = @import("unit").@"calls/io_table.zig";
const lua = @import("unit").@"vm/lua.zig";
const c = lua.c;

const Field = io_table.Field;
const fields = [_]Field{ .input, .output, .meta };

/// What is put away of each run, by number: the fields of `_io`, then globals of its own.
var channels: *lua.Table = undefined;
const channel_size = 4;
const globals_at = 3;
/// The run whose fields `_io` has. The first number is the unit's own, outside of such runs.
var selected: i32 = own_channel;
pub const own_channel = 1;

pub fn init(L: *lua.State) void {
    channels = lua.newAnchored(L);
    const first = newChannel(L);
    assert(first == own_channel);
}

fn newChannel(L: *lua.State) i32 {
    lua.push(L, lua.ofTable(channels));
    c.lua_createtable(L, channel_size, 0);
    const number = c.luaL_ref(L, -2);
    lua.pop(L, 1);
    return number;
}

fn channelOf(number: i32) ?*lua.Table {
    const found = c.luaH_getint(channels, number);
    return if (found.*.tt_ == lua.tag.table) lua.tableOf(@ptrCast(found)) else null;
}

/// Whether a run has this number.
pub fn isChannel(number: i32) bool {
    return channelOf(number) != null;
}

/// A channel for a run: `_io` is as in the beginning, and belongs to it.
pub fn open(L: *lua.State) i32 {
    const number = newChannel(L);
    select(L, number);
    io_table.reset(L);
    return number;
}

/// Gives `_io` the fields of the unit's own that it doesn't have.
pub fn inherit(L: *lua.State) void {
    const own = channelOf(own_channel).?;
    for (fields) |field| {
        const held = plain(@ptrCast(&own.array[@intFromEnum(field)]));
        if (selected != own_channel and lua.isNil(io_table.get(L, field))) io_table.setField(L, io_table.io, @tagName(field), held);
    }
}

/// Gives `_io` the fields of a run, or the unit's own (`own_channel`), and code its globals.
pub fn select(L: *lua.State, number: i32) void {
    if (number == selected) return;
    const last = channelOf(selected).?;
    const next = channelOf(number).?;
    // First a place for each: what follows allocates nothing, and so can't end half way.
    for (fields) |field| {
        if (!lua.isVacant(io_table.get(L, field))) continue;
        io_table.setField(L, io_table.io, @tagName(field), lua.boolean(false));
        @constCast(io_table.get(L, field)).tt_ = lua.tag.null_; // nil to code, but keeps its place
    }
    for (fields) |field| {
        put(L, last, field, plain(io_table.get(L, field)));
        io_table.setField(L, io_table.io, @tagName(field), plain(@ptrCast(&next.array[@intFromEnum(field)])));
        next.array[@intFromEnum(field)] = lua.nil;
    }
    selected = number;
    if (isOwn(last) or isOwn(next)) useGlobals(L, next.array[globals_at]);
}

/// A value that may be another kind of nil, as any value may be stored.
fn plain(held: *const lua.Value) lua.Value {
    return if (lua.isNil(held)) lua.nil else held.*;
}

/// Whether `_io` has the unit's own fields.
pub fn isOwnSelected() bool {
    return selected == own_channel;
}

fn isOwn(channel: *lua.Table) bool {
    return !lua.isNil(@ptrCast(&channel.array[globals_at]));
}

fn put(L: *lua.State, channel: *lua.Table, field: Field, value: lua.Value) void {
    channel.array[@intFromEnum(field)] = value;
    lua.barrier(L, channel, value);
}

/// Lets go of a run's channel; with `keeps`, the unit's own gets its fields.
pub fn close(L: *lua.State, number: i32, keeps: bool) void {
    assert(number != own_channel);
    if (keeps) {
        select(L, number);
        for (fields) |field| put(L, channelOf(own_channel).?, field, plain(io_table.get(L, field)));
    }
    if (selected == number) select(L, own_channel);
    lua.push(L, lua.ofTable(channels));
    c.luaL_unref(L, -1, number);
    lua.pop(L, 1);
}

/// Gives the selected run globals of its own, which fall back to the unit's.
pub fn ownGlobals(L: *lua.State) void {
    c.lua_createtable(L, 0, 1);
    const own = lua.top(L).*;
    c.lua_createtable(L, 0, 2);
    lua.push(L, lua.ofTable(io_table.unit_globals));
    c.lua_setfield(L, -2, "__index");
    c.lua_pushboolean(L, 0); // code can't reach the unit's through it
    c.lua_setfield(L, -2, "__metatable");
    _ = c.lua_setmetatable(L, -2);
    io_table.setField(L, lua.tableOf(&own), "_G", own);
    const channel = channelOf(selected).?;
    channel.array[globals_at] = own;
    lua.barrier(L, channel, own);
    useGlobals(L, own);
    lua.pop(L, 1);
}

/// The selected run has the unit's globals again.
pub fn sharedGlobals(L: *lua.State) void {
    const channel = channelOf(selected).?;
    if (!isOwn(channel)) return;
    channel.array[globals_at] = lua.nil;
    useGlobals(L, lua.nil);
}

pub export fn cu_push_globals(L: *lua.State) callconv(.c) void {
    lua.push(L, lua.ofTable(io_table.unit_globals));
}

/// What `load` and new chunks have as globals.
fn useGlobals(L: *lua.State, own: lua.Value) void {
    const used = if (lua.isNil(&own)) lua.ofTable(io_table.unit_globals) else own;
    lua.set(L, io_table.registryOf(L), lua.integer(c.LUA_RIDX_GLOBALS), used);
}
