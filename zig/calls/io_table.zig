//! The globals `_io` (input, output, meta: one run's channel) and `_home` (what
//! stays). The host reaches both by address, so nothing that code does to the
//! globals, to `_io`'s metatable or to its fields misleads it.
//!
//! There is one table `_io`, but each run that may wait has contents of its own: what the run has there
//! that was selected last, its metatable too, stands in the table, what others have is put away. A run
//! may have globals of its own, too, which fall back to the unit's.

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

/// The contents of `_io` that each run has, by number: put away in a table for each. That of the selected
/// one is empty, as its contents stand in `_io`.
var channels: *lua.Table = undefined;
/// Globals of runs' own, by number: an array of such globals, or false for the unit's, and, as uses of
/// the host stand in one another, what there was before, nil or another array.
var own_globals: *lua.Table = undefined;
/// The run whose fields `_io` has. The first number is the unit's own, outside of such runs.
var selected: i32 = own_channel;
pub const own_channel = 1;

pub fn init(L: *lua.State) void {
    io = lua.newAnchored(L);
    home = lua.newAnchored(L);
    unit_globals = lua.tableOf(@ptrCast(c.luaH_getint(registryOf(L), c.LUA_RIDX_GLOBALS)));
    channels = lua.newAnchored(L);
    own_globals = lua.newAnchored(L);
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
    addFunctions(L, io);
    setField(L, globals(L), "_io", lua.ofTable(io));
}

fn addFunctions(L: *lua.State, table: *lua.Table) void {
    const functions = [_]struct { name: []const u8, function: c.lua_CFunction }{
        .{ .name = "array", .function = array },
        .{ .name = "bytes", .function = cu_bytes },
        .{ .name = "date", .function = cu_date },
        .{ .name = "map", .function = map },
        .{ .name = "object", .function = object },
    };
    for (functions) |entry| {
        c.lua_pushcclosure(L, entry.function, 0);
        setField(L, table, entry.name, lua.top(L).*);
        lua.pop(L, 1);
    }
    setField(L, table, "null", userdata.nullValue());
}

fn globals(_: *lua.State) *lua.Table {
    return unit_globals;
}

/// Places for what `_io` has in the beginning, and its fields.
const places = 9;

fn newChannel(L: *lua.State) i32 {
    lua.push(L, lua.ofTable(channels));
    c.lua_createtable(L, 0, places);
    addFunctions(L, lua.tableOf(lua.top(L)));
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
    setField(L, globals(L), "_io", lua.ofTable(io));
    const number = newChannel(L);
    select(L, number);
    return number;
}

/// Gives `_io` the fields of the unit's own that it doesn't have.
pub fn inherit(L: *lua.State) void {
    if (selected == own_channel) return;
    const own = channelOf(own_channel).?;
    for ([_]Field{ .input, .output, .meta }) |field| {
        if (!lua.isNil(get(L, field))) continue;
        setField(L, io, @tagName(field), plain(lua.get(own, fieldName(L, @tagName(field)))));
    }
}

/// Gives `_io` the contents that a run has there, or the unit's own (`own_channel`), and code its
/// globals. Allocates nothing, and so can't fail.
pub fn select(L: *lua.State, number: i32) void {
    if (number == selected) return;
    exchange(L, io, channelOf(selected).?);
    exchange(L, io, channelOf(number).?);
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
    lua.push(L, lua.ofTable(channels));
    c.luaL_unref(L, -1, number);
    lua.pop(L, 1);
    if (!lua.isNil(globalsOf(number))) lua.set(L, own_globals, lua.integer(number), lua.nil);
}

fn keepFields(L: *lua.State, number: i32) void {
    select(L, number);
    const own = channelOf(own_channel).?;
    // First a place for each: what follows allocates nothing, and so can't end half way.
    for ([_]Field{ .input, .output, .meta }) |field| {
        const name = fieldName(L, @tagName(field));
        if (!lua.isVacant(lua.get(own, name))) continue;
        setField(L, own, @tagName(field), lua.boolean(false));
        @constCast(lua.get(own, name)).tt_ = lua.tag.null_; // nil to code, but keeps its place
    }
    for ([_]Field{ .input, .output, .meta }) |field| setField(L, own, @tagName(field), plain(get(L, field)));
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
    pushGlobals(L, own);
    lua.pop(L, 1);
}

/// The selected run has the unit's globals for now, whatever it had.
pub fn unitGlobals(L: *lua.State) void {
    pushGlobals(L, lua.boolean(false));
}

/// The value must be reachable.
fn pushGlobals(L: *lua.State, used: lua.Value) void {
    c.lua_createtable(L, 2, 0);
    const entry = lua.tableOf(lua.top(L));
    entry.array[0] = used;
    entry.array[1] = globalsOf(selected).*;
    lua.set(L, own_globals, lua.integer(selected), lua.ofTable(entry));
    lua.pop(L, 1);
    applyGlobals(L);
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
    lua.push(L, lua.ofTable(unit_globals));
}

/// What `load` and new chunks have as globals is the selected run's.
fn applyGlobals(L: *lua.State) void {
    const entry = globalsOf(selected);
    var used = lua.ofTable(unit_globals);
    if (!lua.isNil(entry)) {
        const own = lua.tableOf(entry).array[0];
        if (own.tt_ == lua.tag.table) used = own;
    }
    const place: *lua.Value = @ptrCast(@constCast(c.luaH_getint(registryOf(L), c.LUA_RIDX_GLOBALS)));
    if (place.value_.gc == used.value_.gc) return;
    place.* = used;
    lua.barrier(L, registryOf(L), used);
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
