//! The globals `_io` (input, output, meta: one run's channel) and `_home` (what
//! stays). The host reaches both by address, so nothing that code does to the
//! globals, to `_io`'s metatable or to its fields misleads it.

const external = @import("small").@"views/external.zig";
const assert = @import("../vm/assert.zig").assert;
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const numbers = @import("../bridge/view_numbers.zig");
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
/// The number of `_home` as an external table: the host gives others from 2 on.
const home_number = 1;

pub const Field = enum(u32) { input, output, meta };

pub const fields = [_]Field{ .input, .output, .meta };

pub fn fieldOf(number: u32) ?Field {
    return if (number <= @intFromEnum(Field.meta)) @enumFromInt(number) else null;
}

pub var io: *lua.Table = undefined;
var home: *lua.Table = undefined;
pub var unit_globals: *lua.Table = undefined;

/// What is read here by name. Lua keeps each name (`init`), so that reading allocates nothing.
pub const Name = enum { _io, _home, input, output, meta, method, params };
var names: [@typeInfo(Name).@"enum".fields.len]*lua.String = undefined;

/// The contents of `_io` in the beginning, with a value for each field; code never sees this table.
var pristine: *lua.Table = undefined;
/// Places for them, and for the fields.
pub const places = 9;

pub fn init(L: *lua.State) void {
    home = lua.newAnchored(L);
    numbers.registerExternal(L, home, home_number);
    external.home = home;
    unit_globals = lua.tableOf(@ptrCast(c.luaH_getint(registryOf(L), c.LUA_RIDX_GLOBALS)));
    // The registry keeps the names, whatever code does to the globals, to `_io` and to the input.
    for (&names, 0..) |*name, i| {
        const text = @tagName(@as(Name, @enumFromInt(i)));
        setField(L, registryOf(L), text, lua.boolean(true));
        name.* = lua.stringOf(&fieldName(L, text));
    }
    pristine = newPlaces(L);
    addFunctions(L, pristine);
    for (fields) |field| setField(L, pristine, @tagName(field), lua.boolean(false));
    io = newPlaces(L);
    reset(L);
    openExternal(L);
    keepInLua(L);
}

/// The global `ext`: `ext.table()` makes an external table.
fn openExternal(L: *lua.State) void {
    c.lua_createtable(L, 0, 1);
    c.lua_pushcclosure(L, newExternal, 0);
    c.lua_setfield(L, -2, "table");
    setField(L, globals(L), "ext", lua.top(L).*);
    lua.pop(L, 1);
}

fn newExternal(state: ?*lua.State) callconv(.c) c_int {
    external.create(state.?);
    return 1;
}

/// The globals, the tables in them and `_io` never become external.
fn keepInLua(L: *lua.State) void {
    const tables = globals(L);
    for ([_]*lua.Table{ io, tables, registryOf(L) }) |table| table.marked |= lua.stays;
    for (0..lua.nodeCount(tables)) |i| {
        const held: *const lua.Value = @ptrCast(&(tables.node + i)[0].i_val);
        if (held.tt_ == lua.tag.table and lua.tableOf(held) != home) lua.tableOf(held).marked |= lua.stays;
    }
}

fn newPlaces(L: *lua.State) *lua.Table {
    const table = lua.newAnchored(L);
    c.luaH_resize(L, table, 0, places);
    return table;
}

/// Makes `_io` as it was in the beginning, and puts it and `_home` under their names.
pub fn reset(L: *lua.State) void {
    refresh(L, io);
    putInPlace(L);
}

/// Puts `_io` and `_home` under their names.
pub fn putInPlace(L: *lua.State) void {
    for ([_]Name{ ._io, ._home }) |name| {
        if (!isInPlace(name)) setField(L, globals(L), @tagName(name), lua.ofTable(tableOf(name)));
    }
}

fn tableOf(name: Name) *lua.Table {
    return if (name == ._io) io else home;
}

/// Whether a table has places as `_io` has in the beginning, no more and no others.
pub fn hasPlaces(table: *const lua.Table) bool {
    return table.lastfree != null and table.lsizenode == pristine.lsizenode and c.luaH_realasize(table) == 0;
}

/// Gives a table, which is no view, what `_io` has in the beginning, and nothing else.
pub fn refresh(L: *lua.State, table: *lua.Table) void {
    table.metatable = null;
    marks.clear(L, table);
    if (hasPlaces(table)) return copyPristine(L, table);
    for (0..c.luaH_realasize(table)) |i| table.array[i].tt_ = lua.tag.nil;
    if (table.lastfree != null) {
        for (0..lua.nodeCount(table)) |i| (table.node + i)[0].u.tt_ = lua.tag.nil;
    }
    addFunctions(L, table);
}

/// Copies places, whose links are distances, instead of looking for each: six functions take 0.3 µs.
/// Those of the fields are empty, but have their keys, until a collection comes by.
fn copyPristine(L: *lua.State, table: *lua.Table) void {
    const from: [*]lua.Node = @ptrCast(pristine.node);
    const to: [*]lua.Node = @ptrCast(table.node);
    const count = lua.nodeCount(pristine);
    @memcpy(to[0..count], from[0..count]);
    table.lastfree = table.node + (@as([*]lua.Node, @ptrCast(pristine.lastfree)) - from);
    for (fields) |field| @constCast(fieldOfTable(table, field)).tt_ = lua.tag.empty;
    lua.forgetMetamethods(table);
    lua.barrier(L, table, userdata.nullValue());
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

/// The globals of a chunk that is run now, as its _ENV.
pub fn environment(L: *lua.State) lua.Value {
    return @as(*const lua.Value, @ptrCast(c.luaH_getint(registryOf(L), c.LUA_RIDX_GLOBALS))).*;
}

pub fn registryOf(L: *lua.State) *lua.Table {
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

/// Whether the global `_io` or `_home` is the table that the host reads.
pub noinline fn isInPlace(name: Name) bool {
    const found = find(unit_globals, name);
    return found.tt_ == lua.tag.table and lua.tableOf(found) == tableOf(name);
}

/// Whether globals of a run's own have something else under such a name.
pub fn isHiddenIn(table: *lua.Table, name: Name) bool {
    const found = find(table, name);
    return !lua.isNil(found) and !(found.tt_ == lua.tag.table and lua.tableOf(found) == tableOf(name));
}

pub fn get(field: Field) *const lua.Value {
    return fieldOfTable(io, field);
}

/// A field in a table of `_io`'s contents.
pub fn fieldOfTable(table: *lua.Table, field: Field) *const lua.Value {
    return find(table, nameOf(field));
}

/// Sets the field to the value at the top of the stack.
pub fn set(L: *lua.State, field: Field) void {
    setIn(L, io, field, lua.top(L).*);
}

/// Whether such a table has a place for a field, so that setting it allocates nothing.
pub fn hasPlace(table: *lua.Table, field: Field) bool {
    return fieldOfTable(table, field).tt_ != c.LUA_VABSTKEY;
}

/// Sets a field of such a table.
pub fn setIn(L: *lua.State, table: *lua.Table, field: Field, value: lua.Value) void {
    if (!hasPlace(table, field)) return setField(L, table, @tagName(field), value);
    const found = fieldOfTable(table, field);
    // Not all of it: the node has its key's tag and link in what pads a value.
    const place = @constCast(found);
    place.value_ = value.value_;
    place.tt_ = value.tt_;
    lua.barrier(L, table, value);
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
    var input = get(.input);
    if (lua.isNil(input)) {
        lua.push(L, lua.ofTable(@ptrCast(c.luaH_new(L))));
        set(L, .input);
        lua.pop(L, 1);
        input = get(.input);
    }
    if (input.tt_ != lua.tag.table) return false;
    const table = lua.tableOf(input);
    if (numbers.isExternal(table)) return external.store(L, table, @ptrCast(&pair.array[0]), @ptrCast(&pair.array[1]), true);
    writing.beforeChange(L, table);
    lua.set(L, table, pair.array[0], pair.array[1]);
    return true;
}

/// A field of `_io.input`, or nil.
pub fn inputField(L: *lua.State, name: Name) *const lua.Value {
    const input = get(.input);
    if (input.tt_ != lua.tag.table) return &lua.nil;
    return reading.rawGet(L, lua.tableOf(input), lua.ofString(names[@intFromEnum(name)]));
}

/// The field of `_io.output` for the key at the top of the stack, or nil.
pub fn getOutputField(L: *lua.State) *const lua.Value {
    const output = get(.output);
    if (output.tt_ != lua.tag.table) return &lua.nil;
    return reading.rawGet(L, lua.tableOf(output), lua.top(L).*);
}

fn nameOf(field: Field) Name {
    return switch (field) {
        .input => .input,
        .output => .output,
        .meta => .meta,
    };
}

fn find(table: *lua.Table, name: Name) *const lua.Value {
    return @ptrCast(c.luaH_getshortstr(table, names[@intFromEnum(name)]));
}

fn fieldName(L: *lua.State, name: []const u8) lua.Value {
    return lua.ofString(@ptrCast(c.luaS_newlstr(L, name.ptr, name.len)));
}

pub noinline fn setField(L: *lua.State, table: *lua.Table, name: []const u8, value: lua.Value) void {
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
    c.luaL_checktype(L, 1, c.LUA_TTABLE);
    const table = lua.tableOf(lua.at(L, 1));
    const length = c.luaL_optinteger(L, 2, @intCast(c.lua_rawlen(L, 1)));
    if (length < 0 or length > marks.length_max) _ = c.luaL_argerror(L, 2, "length out of range");
    if (numbers.isExternal(table)) return marked(L, table, .array, @intCast(length));
    writing.beforeChange(L, table);
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
    return setKind(L, .object);
}

/// `_io.map(t)`: marks t as a Map.
fn map(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    return setKind(L, .map);
}

/// Marks the table that is the first argument.
fn setKind(L: *lua.State, comptime kind: external.Kind) c_int {
    c.luaL_checktype(L, 1, c.LUA_TTABLE);
    const table = lua.tableOf(lua.at(L, 1));
    if (numbers.isExternal(table)) return marked(L, table, kind, 0);
    writing.beforeChange(L, table);
    marks.setKind(L, table, if (kind == .map) .map else .object);
    c.lua_settop(L, 1);
    return 1;
}

/// The same for an external table.
noinline fn marked(L: *lua.State, table: *lua.Table, kind: external.Kind, length: u32) c_int {
    external.mark(L, table, kind, length);
    c.lua_settop(L, 1);
    return 1;
}
