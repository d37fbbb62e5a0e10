//! What runs that may wait have for themselves. There is one table `_io` (io_table.zig), but each such
//! run has contents of its own, its channel: what the run has there that was selected last, its
//! metatable too, stands in the table, what others have is put away. A run may have globals of its
//! own, too, which fall back to the unit's.

const assert = @import("unit").@"vm/assert.zig".assert;
const external = @import("../views/external.zig");
const functions = @import("../views/functions.zig");
const io_table = @import("unit").@"calls/io_table.zig";
const lua = @import("unit").@"vm/lua.zig";
const c = lua.c;

const fields = io_table.fields;

/// The contents of `_io` that each run has, by number: put away in a table for each. That of the selected
/// one is empty, as its contents stand in `_io`.
var channels: *lua.Table = undefined;
/// Globals of runs' own, by number: an array of such globals, or false for the unit's, and, as uses of
/// the host stand in one another, what there was before, nil or another array.
var own_globals: *lua.Table = undefined;
/// The run whose fields `_io` has. The first number is the unit's own, outside of such runs.
var selected: i32 = own_channel;
pub const own_channel = 1;
/// One that is closed, as in the beginning, and becomes the next run's: to make one takes 0.3 µs. 0: none.
var spare: i32 = 0;

pub fn init(L: *lua.State) void {
    channels = lua.newAnchored(L);
    own_globals = lua.newAnchored(L);
    const first = newChannel(L);
    assert(first == own_channel);
}

/// Whether `_io` has the unit's own contents.
pub fn isOwnSelected() bool {
    return selected == own_channel;
}

fn newChannel(L: *lua.State) i32 {
    lua.push(L, lua.ofTable(channels));
    c.lua_createtable(L, 0, io_table.places);
    io_table.refresh(L, lua.tableOf(lua.top(L)));
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
    return number != spare and channelOf(number) != null;
}

/// A channel for a run: `_io` is as in the beginning, and belongs to it.
pub fn open(L: *lua.State) i32 {
    io_table.putInPlace(L);
    const number = if (spare != 0) spare else newChannel(L);
    spare = 0;
    select(L, number);
    return number;
}

/// Gives `_io` the fields of the unit's own that it doesn't have.
pub fn inherit(L: *lua.State) void {
    if (selected == own_channel) return;
    const own = channelOf(own_channel).?;
    for (fields) |field| {
        if (!lua.isNil(io_table.get(field))) continue;
        io_table.setIn(L, io_table.io, field, plain(io_table.fieldOfTable(own, field)));
    }
}

/// Gives `_io` the contents that a run has there, or the unit's own (`own_channel`), and code its
/// globals. Allocates nothing, and so can't fail.
pub fn select(L: *lua.State, number: i32) void {
    if (number == selected) return;
    exchange(L, io_table.io, channelOf(selected).?);
    exchange(L, io_table.io, channelOf(number).?);
    selected = number;
    applyGlobals(L);
}

/// Exchanges what two tables hold, neither of them a view or with its hash part in its own block.
fn exchange(L: *lua.State, a: *lua.Table, b: *lua.Table) void {
    inline for (.{ "flags", "lsizenode", "alimit", "array", "node", "lastfree", "metatable", "mark" }) |part| {
        const held = @field(a, part);
        @field(a, part) = @field(b, part);
        @field(b, part) = held;
    }
    for ([_]*lua.Table{ a, b }) |table| {
        if (table.marked & (1 << c.BLACKBIT) != 0) c.luaC_barrierback_(L, @ptrCast(table));
    }
}

/// A value that may be another kind of nil, as any value may be stored.
fn plain(held: *const lua.Value) lua.Value {
    return if (lua.isNil(held)) lua.nil else held.*;
}

/// Lets go of a run's channel; with `keeps`, the unit's own gets its fields, or all stays as it is.
pub fn close(L: *lua.State, number: i32, keeps: bool) void {
    assert(number != own_channel);
    if (keeps) keepFields(L, number);
    if (selected == number) select(L, own_channel);
    if (!lua.isNil(globalsOf(number))) lua.set(L, own_globals, lua.integer(number), lua.nil);
    const table = channelOf(number).?;
    if (spare == 0 and io_table.hasPlaces(table)) {
        io_table.refresh(L, table);
        spare = number;
        return;
    }
    lua.push(L, lua.ofTable(channels));
    c.luaL_unref(L, -1, number);
    lua.pop(L, 1);
}

fn keepFields(L: *lua.State, number: i32) void {
    select(L, number);
    const own = channelOf(own_channel).?;
    // First a place for each: what follows allocates nothing, and so can't end half way.
    for (fields) |field| {
        if (!lua.isVacant(io_table.fieldOfTable(own, field))) continue;
        io_table.setIn(L, own, field, lua.boolean(false));
        @constCast(io_table.fieldOfTable(own, field)).tt_ = lua.tag.null_; // nil to code, but keeps its place
    }
    for (fields) |field| io_table.setIn(L, own, field, plain(io_table.get(field)));
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
    pushGlobals(L, own);
    lua.pop(L, 1);
}

/// The selected run has the unit's globals, whatever it had, until `lastGlobals`.
pub fn unitGlobals(L: *lua.State) void {
    pushGlobals(L, lua.boolean(false));
}

/// The value must be reachable.
fn pushGlobals(L: *lua.State, used: lua.Value) void {
    c.lua_createtable(L, 2, 0);
    const entry = lua.tableOf(lua.top(L));
    entry.array[0] = used;
    entry.array[1] = globalsOf(selected).*;
    // To make it may have been a step of the collector, after which it is an old object.
    for (entry.array[0..2]) |held| lua.barrier(L, entry, held);
    lua.set(L, own_globals, lua.integer(selected), lua.ofTable(entry));
    lua.pop(L, 1);
    applyGlobals(L);
}

/// Which of `_io` and `_home` the selected run's own globals hide, if it has such globals.
pub fn hidden() ?io_table.Name {
    const entry = globalsOf(selected);
    if (lua.isNil(entry)) return null;
    const own = lua.tableOf(entry).array[0];
    if (own.tt_ != lua.tag.table) return null;
    for ([_]io_table.Name{ ._io, ._home }) |name| if (io_table.isHiddenIn(lua.tableOf(@ptrCast(&own)), name)) return name;
    return null;
}

fn globalsOf(number: i32) *const lua.Value {
    return @ptrCast(c.luaH_getint(own_globals, number));
}

/// The selected run has the globals again that it had before.
pub fn lastGlobals(L: *lua.State) void {
    const entry = globalsOf(selected).*;
    if (lua.isNil(&entry)) return;
    const before = lua.tableOf(&entry).array[1];
    lua.set(L, own_globals, lua.integer(selected), plain(@ptrCast(&before)));
    applyGlobals(L);
}

pub export fn cu_push_globals(L: *lua.State) callconv(.c) void {
    lua.push(L, lua.ofTable(io_table.unit_globals));
}

/// What `load` and new chunks have as globals is the selected run's.
fn applyGlobals(L: *lua.State) void {
    const entry = globalsOf(selected);
    var used = lua.ofTable(io_table.unit_globals);
    if (!lua.isNil(entry)) {
        const own = lua.tableOf(entry).array[0];
        if (own.tt_ == lua.tag.table) used = own;
    }
    const place: *lua.Value = @ptrCast(@constCast(c.luaH_getint(io_table.registryOf(L), c.LUA_RIDX_GLOBALS)));
    if (place.value_.gc == used.value_.gc) return;
    place.* = used;
    lua.barrier(L, io_table.registryOf(L), used);
    // Functions that were read of external tables have the globals of before.
    if (functions.takeCached()) external.forgetAll(L);
}
