//! The globals `_io` (input, output, meta: one run's channel) and `_home` (what
//! stays). The host reaches both by address, so nothing that code does to the
//! globals, to `_io`'s metatable or to its fields misleads it.
//!
//! There is one table `_io`, but each run that may wait has fields of its own: those of the run that
//! was selected last stand in the table, those of others are put away. It may have globals of its own,
//! too, which fall back to the unit's.

const assert = @import("../vm/assert.zig").assert;
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const marks = @import("../values/marks.zig");
const userdata = @import("../values/userdata.zig");
const reading = @import("../views/reading.zig");
const writing = @import("../views/writing.zig");
const c = lua.c;

// library.zig
extern fn cu_bytes(L: ?*lua.State) c_int;
extern fn cu_date(L: ?*lua.State) c_int;
extern fn cu_lock_library(L: *lua.State, globals: *lua.Table, kept: *const [2]*lua.Table) void;

pub const io_id = 1;
pub const home_id = 2;

pub const Field = enum(u32) { input, output, meta };

pub fn fieldOf(number: u32) ?Field {
    return if (number <= @intFromEnum(Field.meta)) @enumFromInt(number) else null;
}

var io: *lua.Table = undefined;
var home: *lua.Table = undefined;
var unit_globals: *lua.Table = undefined;

/// What is put away of each run, by number: the fields of `_io`, then globals of its own.
var channels: *lua.Table = undefined;
const channel_size = 4;
const globals_at = 3;
/// The run whose fields `_io` has. The first number is the unit's own, outside of such runs.
var selected: i32 = own_channel;
pub const own_channel = 1;

pub fn init(L: *lua.State) void {
    io = lua.newAnchored(L);
    home = lua.newAnchored(L);
    unit_globals = lua.tableOf(@ptrCast(c.luaH_getint(registryOf(L), c.LUA_RIDX_GLOBALS)));
    channels = lua.newAnchored(L);
    const first = newChannel(L);
    assert(first == own_channel);
    // The registry keeps the names, whatever code does to the globals, to `_io` and to the input.
    for ([_][]const u8{ "_io", "input", "output", "meta", "method", "params" }) |name| {
        setField(L, registryOf(L), name, lua.boolean(true));
    }
    reset(L);
    setField(L, globals(L), "_home", lua.ofTable(home));
}

/// Makes `_io` as it was in the beginning, under its name.
pub fn reset(L: *lua.State) void {
    io.metatable = null;
    for (0..c.luaH_realasize(io)) |i| io.array[i].tt_ = lua.tag.nil;
    if (io.lastfree != null) {
        for (0..lua.nodeCount(io)) |i| (io.node + i)[0].u.tt_ = lua.tag.nil;
    }
    marks.clear(L, io);
    const functions = [_]struct { name: []const u8, function: c.lua_CFunction }{
        .{ .name = "array", .function = array },
        .{ .name = "bytes", .function = cu_bytes },
        .{ .name = "date", .function = cu_date },
        .{ .name = "map", .function = map },
        .{ .name = "object", .function = object },
    };
    for (functions) |entry| {
        c.lua_pushcclosure(L, entry.function, 0);
        setField(L, io, entry.name, lua.top(L).*);
        lua.pop(L, 1);
    }
    setField(L, io, "null", userdata.nullValue());
    setField(L, globals(L), "_io", lua.ofTable(io));
}

fn globals(_: *lua.State) *lua.Table {
    return unit_globals;
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
    reset(L);
    return number;
}

/// Gives `_io` the fields of the unit's own that it doesn't have.
pub fn inherit(L: *lua.State) void {
    const own = channelOf(own_channel).?;
    for ([_]Field{ .input, .output, .meta }) |field| {
        const held = plain(@ptrCast(&own.array[@intFromEnum(field)]));
        if (selected != own_channel and lua.isNil(get(L, field))) setField(L, io, @tagName(field), held);
    }
}

/// Gives `_io` the fields of a run, or the unit's own (`own_channel`), and code its globals.
pub fn select(L: *lua.State, number: i32) void {
    if (number == selected) return;
    const last = channelOf(selected).?;
    const next = channelOf(number).?;
    // First a place for each: what follows allocates nothing, and so can't end half way.
    for ([_]Field{ .input, .output, .meta }) |field| {
        if (!lua.isVacant(get(L, field))) continue;
        setField(L, io, @tagName(field), lua.boolean(false));
        @constCast(get(L, field)).tt_ = lua.tag.null_; // nil to code, but keeps its place
    }
    for ([_]Field{ .input, .output, .meta }) |field| {
        put(L, last, field, plain(get(L, field)));
        setField(L, io, @tagName(field), plain(@ptrCast(&next.array[@intFromEnum(field)])));
        next.array[@intFromEnum(field)] = lua.nil;
    }
    selected = number;
    if (isOwn(last) or isOwn(next)) useGlobals(L, next.array[globals_at]);
}

/// A value that may be another kind of nil, as any value may be stored.
fn plain(held: *const lua.Value) lua.Value {
    return if (lua.isNil(held)) lua.nil else held.*;
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
        for ([_]Field{ .input, .output, .meta }) |field| put(L, channelOf(own_channel).?, field, plain(get(L, field)));
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
    lua.push(L, lua.ofTable(unit_globals));
    c.lua_setfield(L, -2, "__index");
    c.lua_pushboolean(L, 0); // code can't reach the unit's through it
    c.lua_setfield(L, -2, "__metatable");
    _ = c.lua_setmetatable(L, -2);
    setField(L, lua.tableOf(&own), "_G", own);
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
    lua.push(L, lua.ofTable(unit_globals));
}

/// What `load` and new chunks have as globals.
fn useGlobals(L: *lua.State, own: lua.Value) void {
    const used = if (lua.isNil(&own)) lua.ofTable(unit_globals) else own;
    lua.set(L, registryOf(L), lua.integer(c.LUA_RIDX_GLOBALS), used);
}

/// The globals of a chunk that is run now, as its _ENV.
pub fn environment(L: *lua.State) lua.Value {
    return @as(*const lua.Value, @ptrCast(c.luaH_getint(registryOf(L), c.LUA_RIDX_GLOBALS))).*;
}

fn registryOf(L: *lua.State) *lua.Table {
    return lua.tableOf(&L.l_G.*.l_registry);
}

/// Makes the library and what the host gave read-only to code (vm/read_only.zig).
pub fn lockLibrary(L: *lua.State) void {
    cu_lock_library(L, globals(L), &.{ io, home });
}

/// The unit's globals as a value.
pub fn globalsValue(L: *lua.State) lua.Value {
    return lua.ofTable(globals(L));
}

/// Whether the global `_io` is the table that the host reads.
pub noinline fn isInPlace(L: *lua.State) bool {
    const found = lua.get(globals(L), fieldName(L, "_io"));
    return found.tt_ == lua.tag.table and lua.tableOf(found) == io;
}

pub fn get(L: *lua.State, field: Field) *const lua.Value {
    return lua.get(io, fieldName(L, @tagName(field)));
}

/// Sets the field to the value at the top of the stack.
pub fn set(L: *lua.State, field: Field) void {
    setField(L, io, @tagName(field), lua.top(L).*);
}

/// Whether a value is the array of a name and a value that `setInputField` takes.
pub fn isPair(given: *const lua.Value) bool {
    if (given.tt_ != lua.tag.table) return false;
    const pair = lua.tableOf(given);
    return c.luaH_realasize(pair) == 2 and lua.isString(@ptrCast(&pair.array[0]));
}

/// `_io.input[key] = value`, for the array [key, value] at the top of the stack.
/// False where the input is neither a table nor nil.
pub fn setInputField(L: *lua.State) bool {
    assert(lua.top(L).tt_ == lua.tag.table);
    const pair = lua.tableOf(lua.top(L));
    assert(c.luaH_realasize(pair) >= 2);
    var input = get(L, .input);
    if (lua.isNil(input)) {
        lua.push(L, lua.ofTable(@ptrCast(c.luaH_new(L))));
        set(L, .input);
        lua.pop(L, 1);
        input = get(L, .input);
    }
    if (input.tt_ != lua.tag.table) return false;
    const table = lua.tableOf(input);
    writing.beforeChange(L, table);
    lua.set(L, table, pair.array[0], pair.array[1]);
    return true;
}

/// A field of `_io.input`, or nil.
pub fn inputField(L: *lua.State, name: []const u8) *const lua.Value {
    const input = get(L, .input);
    if (input.tt_ != lua.tag.table) return &lua.nil;
    return reading.rawGet(L, lua.tableOf(input), fieldName(L, name));
}

/// The field of `_io.output` for the key at the top of the stack, or nil.
pub fn getOutputField(L: *lua.State) *const lua.Value {
    const output = get(L, .output);
    if (output.tt_ != lua.tag.table) return &lua.nil;
    return reading.rawGet(L, lua.tableOf(output), lua.top(L).*);
}

/// A field's name as a string. Lua has each name that is read here already (`init` keeps them), so
/// reading allocates nothing.
fn fieldName(L: *lua.State, name: []const u8) lua.Value {
    return lua.ofString(@ptrCast(c.luaS_newlstr(L, name.ptr, name.len)));
}

noinline fn setField(L: *lua.State, table: *lua.Table, name: []const u8, value: lua.Value) void {
    lua.push(L, fieldName(L, name));
    lua.set(L, table, lua.top(L).*, value);
    lua.pop(L, 1);
}

/// Takes away the elements beyond a length, as JavaScript does where one sets it.
fn truncate(table: *lua.Table, length: i64) void {
    const array_size = c.luaH_realasize(table);
    limits.spend((array_size + lua.nodeCount(table)) * @sizeOf(lua.Value));
    for (@intCast(@min(length, array_size))..array_size) |i| table.array[i] = lua.nil;
    for (0..lua.nodeCount(table)) |i| {
        const node: *lua.Node = @ptrCast(table.node + i);
        if (node.u.key_tt == lua.tag.integer and node.u.key_val.i > length) node.u.tt_ = lua.nil.tt_;
    }
}

/// `_io.array(t [, n])`: marks t as an array of length n, by default #t.
fn array(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const table = written(L);
    const length = c.luaL_optinteger(L, 2, @intCast(c.luaH_getn(table)));
    if (length < 0 or length > marks.length_max) _ = c.luaL_argerror(L, 2, "length out of range");
    if (c.lua_type(L, 2) > c.LUA_TNIL) truncate(table, length);
    // Places for the whole length: a long array costs memory here, as it does in JavaScript.
    if (length > c.luaH_realasize(table)) c.luaH_resizearray(L, table, @intCast(length));
    marks.setArray(L, table, @intCast(length));
    c.lua_settop(L, 1);
    return 1;
}

/// `_io.object(t)`: marks t as an object, whatever its keys.
fn object(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    marks.setKind(L, written(L), .object);
    c.lua_settop(L, 1);
    return 1;
}

/// `_io.map(t)`: marks t as a Map.
fn map(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    marks.setKind(L, written(L), .map);
    c.lua_settop(L, 1);
    return 1;
}

/// The table that is the first argument, ready to be changed.
noinline fn written(L: *lua.State) *lua.Table {
    c.luaL_checktype(L, 1, c.LUA_TTABLE);
    const table = lua.tableOf(lua.at(L, 1));
    writing.beforeChange(L, table);
    return table;
}
