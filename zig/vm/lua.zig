//! Lua's C API and insides (see lua/api.h), and the macros of it that matter here
//! as functions.

const std = @import("std");
pub const c = @import("lua_api");

/// Whether the module checks itself (build.zig).
pub const is_checked = @hasDecl(c, "CU_CHECKED");
/// Whether all garbage is collected at each allocation, too.
pub const is_stressed = @hasDecl(c, "CU_STRESS");

pub const State = c.lua_State;
pub const Table = c.Table;
pub const Value = c.TValue;
pub const Node = c.Node;
pub const String = c.TString;

/// Variant tags of a value, `ctb` applied where the value is collectable.
pub const tag = struct {
    pub const nil = 0x00;
    /// What a place of a table has where it has nothing.
    pub const empty = 0x10;
    /// A null of JavaScript's, see lua/series/260-nulls.patch.
    pub const null_ = 0x30;
    pub const false_ = 0x01;
    pub const true_ = 0x11;
    pub const integer = 0x03;
    pub const float = 0x13;
    pub const short_string = 0x44;
    pub const long_string = 0x54;
    pub const table = 0x45;
    pub const userdata = 0x47;
};

comptime {
    std.debug.assert(tag.short_string == c.LUA_VSHRSTR | c.BIT_ISCOLLECTABLE);
    std.debug.assert(tag.table == c.LUA_VTABLE | c.BIT_ISCOLLECTABLE);
    std.debug.assert(tag.null_ == c.CU_VNULL and tag.empty == c.LUA_VEMPTY);
    std.debug.assert(tag.true_ == c.LUA_VTRUE and tag.float == c.LUA_VNUMFLT);
    std.debug.assert(@sizeOf(Value) == 16 and @sizeOf(Node) == 24 and @sizeOf(Table) == 40);
}

/// A value's tag has this bit where its object's tag hasn't.
pub const collectable: u8 = c.BIT_ISCOLLECTABLE;

pub const nil: Value = .{ .tt_ = tag.nil };

/// Only ever stands in a table: nil to code, null to JavaScript.
pub const null_: Value = .{ .tt_ = tag.null_ };

pub inline fn boolean(value: bool) Value {
    return .{ .tt_ = if (value) tag.true_ else tag.false_ };
}

pub inline fn integer(value: i64) Value {
    return .{ .value_ = .{ .i = value }, .tt_ = tag.integer };
}

pub inline fn float(value: f64) Value {
    return .{ .value_ = .{ .n = value }, .tt_ = tag.float };
}

pub inline fn ofString(value: *String) Value {
    return .{ .value_ = .{ .gc = @ptrCast(value) }, .tt_ = value.tt | collectable };
}

pub inline fn ofTable(value: *Table) Value {
    return .{ .value_ = .{ .gc = @ptrCast(value) }, .tt_ = tag.table };
}

/// The integer or float that a JavaScript number is in Lua (see docs/IO_TABLE_API.md): an
/// integer if it is a safe integer and not -0.
pub inline fn number(value: f64) Value {
    const safe_max: f64 = 9007199254740991;
    const truncated = @trunc(value);
    if (truncated == value and @abs(value) <= safe_max and @as(u64, @bitCast(value)) != 1 << 63) {
        return integer(@intFromFloat(value));
    }
    return float(value);
}

pub inline fn isNil(value: *const Value) bool {
    return value.tt_ & 0x0f == 0;
}

/// Whether a place of a table has neither a value nor a null.
pub inline fn isVacant(value: *const Value) bool {
    return isNil(value) and value.tt_ != tag.null_;
}

/// The integer that a table takes a key for, if it is a number without a fraction.
pub fn integerKey(key: *const Value) ?i64 {
    if (key.tt_ == tag.integer) return key.value_.i;
    var whole: c.lua_Integer = undefined;
    const is_integer = key.tt_ == tag.float and c.luaV_flttointeger(key.value_.n, &whole, c.F2Ieq) != 0;
    return if (is_integer) whole else null;
}

/// Position from 0 of the element of an array that a key means.
pub fn positionKey(key: *const Value) ?u32 {
    const whole = integerKey(key) orelse return null;
    return if (whole >= 1 and whole <= std.math.maxInt(u32)) @intCast(whole - 1) else null;
}

pub inline fn isString(value: *const Value) bool {
    return value.tt_ & 0x0f == c.LUA_TSTRING;
}

pub inline fn tableOf(value: *const Value) *Table {
    return @ptrCast(@alignCast(value.value_.gc));
}

pub inline fn stringOf(value: *const Value) *String {
    return @ptrCast(@alignCast(value.value_.gc));
}

pub inline fn bytesOf(string: *String) []u8 {
    const length: usize = if (string.tt == c.LUA_VSHRSTR) string.shrlen else string.u.lnglen;
    const contents: [*]u8 = @ptrCast(&string.contents);
    return contents[0..length];
}

pub inline fn nodeCount(table: *const Table) u32 {
    return @as(u32, 1) << @intCast(table.lsizenode);
}

/// A bit of a table's `marked` that the collector keeps: the table stays in Lua, as metatables, the
/// globals and the library do.
pub const stays: u8 = 1 << c.TESTBIT;

/// Whether code may not change a table: read_only.zig.
pub inline fn isReadOnly(table: *const Table) bool {
    return table.view & c.CU_VIEW_CLEAN != 0 and table.view >> c.CU_VIEW_SHIFT == 0;
}

/// The value at an index of the stack, which must be there.
pub inline fn at(L: *State, index: u32) *Value {
    return @ptrCast(L.ci.*.func.p + index);
}

/// The value at the top of the stack.
pub inline fn top(L: *State) *Value {
    return @ptrCast(L.top.p - 1);
}

pub inline fn push(L: *State, value: Value) void {
    L.top.p[0].val = value;
    L.top.p += 1;
}

pub inline fn pop(L: *State, count: u32) void {
    L.top.p -= count;
}

/// After a store into `table`: keeps the collector's invariant.
pub inline fn barrier(L: *State, table: *Table, value: Value) void {
    const black = 1 << c.BLACKBIT;
    if (value.tt_ & c.BIT_ISCOLLECTABLE != 0 and table.marked & black != 0) {
        c.luaC_barrierback_(L, @ptrCast(table));
    }
}

/// Room for so many values above the top of the stack, which may move. Whether there is.
pub inline fn checkStack(L: *State, count: c_int) bool {
    if (is_stressed) _ = c.luaD_reallocstack(L, @intCast(L.stack_last.p - L.stack.p), 0);
    return c.lua_checkstack(L, count) != 0;
}

/// As luaC_checkGC: a step of the collector, if it is time for one. Finalizers may run, and the stack move.
pub inline fn collectStep(L: *State) void {
    if (L.l_G.*.GCdebt > 0) c.luaC_step(L);
    if (is_stressed and L.l_G.*.gcstp == 0) c.luaC_fullgc(L, 0);
}

/// Stores into a table without metamethods. May raise a memory error; `value` and
/// `key` must be reachable.
pub noinline fn set(L: *State, table: *Table, key: Value, value: Value) void {
    var key_copy = key;
    var value_copy = value;
    c.luaH_set(L, table, &key_copy, &value_copy);
    forgetMetamethods(table);
    barrier(L, table, value);
}

/// A table that has new keys may have metamethods: the flags that cache their
/// absence are cleared (invalidateTMcache).
pub inline fn forgetMetamethods(table: *Table) void {
    table.flags &= 0xc0;
}

pub fn get(table: *Table, key: Value) *const Value {
    var key_copy = key;
    return @ptrCast(c.luaH_get(table, &key_copy));
}

/// A new table that is never collected. Leaves the stack as it was.
pub fn newAnchored(L: *State) *Table {
    c.lua_createtable(L, 0, 0);
    const table = tableOf(top(L));
    _ = c.luaL_ref(L, c.LUA_REGISTRYINDEX);
    return table;
}

/// A metatable that is never collected, for userdata.
pub fn newMetatable(L: *State, name: [*:0]const u8, functions: []const c.luaL_Reg) *Table {
    const table = newAnchored(L);
    push(L, ofTable(table));
    c.luaL_setfuncs(L, functions.ptr, 0);
    _ = c.lua_pushstring(L, name);
    c.lua_setfield(L, -2, "__name");
    // Code can neither see nor change what all of a kind share.
    c.lua_pushboolean(L, 0);
    c.lua_setfield(L, -2, "__metatable");
    pop(L, 1);
    return table;
}

/// The userdata that has this metatable, or null.
pub fn userdataOf(given: *const Value, metatable: *Table) ?*c.Udata {
    if (given.tt_ != tag.userdata) return null;
    const userdata: *c.Udata = @ptrCast(@alignCast(given.value_.gc));
    return if (userdata.metatable == @as([*c]Table, metatable)) userdata else null;
}

/// The block of a userdata without user values.
pub fn memoryOf(comptime Block: type, userdata: *c.Udata) *Block {
    const address = @intFromPtr(userdata) + @offsetOf(c.Udata0, "bindata");
    return @ptrFromInt(address);
}

/// Runs `body` so that a Lua error inside it comes back as its status, with the
/// stack as it was. Unlike lua_pcall, it takes no call frame.
pub fn protect(L: *State, body: anytype, argument: anytype) c_int {
    const top_offset = @intFromPtr(L.top.p) - @intFromPtr(L.stack.p);
    const status = runProtected(L, body, argument);
    if (status != c.LUA_OK) L.top.p = @ptrFromInt(@intFromPtr(L.stack.p) + top_offset);
    return status;
}

/// The same, but the value of an error is pushed, if it isn't one of memory.
pub fn protectForError(L: *State, body: anytype, argument: anytype) c_int {
    const top_offset = @intFromPtr(L.top.p) - @intFromPtr(L.stack.p);
    const status = runProtected(L, body, argument);
    if (status == c.LUA_OK) return status;
    const value = top(L).*;
    L.top.p = @ptrFromInt(@intFromPtr(L.stack.p) + top_offset);
    if (status != c.LUA_ERRMEM) push(L, value);
    return status;
}

fn runProtected(L: *State, body: anytype, argument: anytype) c_int {
    const Argument = @TypeOf(argument);
    const Shim = struct {
        fn run(state: ?*State, data: ?*anyopaque) callconv(.c) void {
            const typed: *const Argument = @ptrCast(@alignCast(data));
            body(state.?, typed.*);
        }
    };
    var copy = argument;
    return c.luaD_rawrunprotected(L, Shim.run, @ptrCast(&copy));
}
