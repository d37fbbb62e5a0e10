//! What a table stands for in JavaScript, where its contents alone don't tell: an
//! array stays one when it is emptied, a Map and a Set stay what they were, a typed
//! array comes back as one while it is untouched, and an array with nulls keeps
//! its length. `Table.mark` (lua/series/250-marks.patch) points here; most marks are one
//! of a few constants, so a marked table costs nothing more.
//!
//! An object, Map or Set that came from JavaScript has an order instead: a Lua list of
//! the keys that it came with, which all rows of a shape share. The address of the list
//! is then the mark, and its lower bits say what the table is (`Ordered`).

const std = @import("std");
const limits = @import("../vm/limits.zig");
const assert = @import("../vm/assert.zig").assert;
const lua = @import("../vm/lua.zig");
const c = lua.c;

pub const Kind = enum(u8) {
    array,
    map,
    set,
    int8,
    int16,
    uint16,
    int32,
    uint32,
    float32,
    float64,
    float16,
    bigint64,
    biguint64,
    /// Whatever its keys: `_io.object`.
    object,

    pub fn isTyped(kind: Kind) bool {
        return @intFromEnum(kind) >= @intFromEnum(Kind.int8) and kind != .object;
    }

    pub fn isFloat(kind: Kind) bool {
        return kind == .float16 or kind == .float32 or kind == .float64;
    }

    pub fn isBig(kind: Kind) bool {
        return kind == .bigint64 or kind == .biguint64;
    }
};

/// Places that an array can have here: 2 GB of them.
pub const length_max = 1 << 27;

pub const Mark = extern struct {
    kind: Kind,
    /// Whether the mark belongs to one table and is freed with it; else it is a constant below.
    own: bool = false,
    /// The last place of this array holds null on purpose.
    null_last: bool = false,
    /// Length of an array with nulls, or of a typed array.
    length: u32 = 0,
    /// Of the values that a typed array came with.
    hash: u64 = 0,
};

const array_mark: Mark = .{ .kind = .array };
const map_mark: Mark = .{ .kind = .map };
const set_mark: Mark = .{ .kind = .set };
const object_mark: Mark = .{ .kind = .object };

/// What the lower bits of `Table.mark` say: that it is no order, or what the table with the order
/// is. `plain`: its contents say.
const Ordered = enum(u3) { not, plain, object, map, set, _ };
const ordered_bits = 7;

comptime {
    std.debug.assert(@alignOf(Mark) > ordered_bits);
}

/// The mark of a table; null where its contents say what it is.
pub inline fn of(table: *const lua.Table) ?*const Mark {
    const address = @intFromPtr(table.mark);
    return switch (@as(Ordered, @enumFromInt(address & ordered_bits))) {
        .not => @ptrFromInt(address),
        .object => &object_mark,
        .map => &map_mark,
        .set => &set_mark,
        .plain, _ => null,
    };
}

/// The list of the keys that a table came with, in their order.
pub inline fn orderOf(table: *const lua.Table) ?*lua.Table {
    const address = @intFromPtr(table.mark);
    return if (address & ordered_bits == 0) null else @ptrFromInt(address & ~@as(usize, ordered_bits));
}

/// Gives an object, Map or Set its order.
pub noinline fn setOrder(L: *lua.State, table: *lua.Table, order: *lua.Table) void {
    const ordered: Ordered = if (of(table)) |mark| switch (mark.kind) {
        .map => .map,
        .set => .set,
        .object => .object,
        else => return,
    } else .plain;
    assert(@intFromPtr(order) & ordered_bits == 0);
    table.mark = @ptrFromInt(@intFromPtr(order) | @intFromEnum(ordered));
    lua.barrier(L, table, lua.ofTable(order));
}

/// Marks a table. It keeps its order, if it has one.
pub fn setKind(L: *lua.State, table: *lua.Table, comptime kind: Kind) void {
    setMark(L, table, switch (kind) {
        .array => &array_mark,
        .map => &map_mark,
        .set => &set_mark,
        .object => &object_mark,
        else => @compileError("typed arrays have marks of their own"),
    });
}

noinline fn setMark(L: *lua.State, table: *lua.Table, mark: *const Mark) void {
    const order = orderOf(table);
    clear(L, table);
    table.mark = @ptrCast(mark);
    if (order) |list| setOrder(L, table, list);
}

/// Gives the table a mark of its own; may raise a memory error.
pub fn setOwn(L: *lua.State, table: *lua.Table, mark: Mark) void {
    const own: *Mark = @ptrCast(@alignCast(c.luaM_malloc_(L, @sizeOf(Mark), 0)));
    own.* = mark;
    own.own = true;
    clear(L, table);
    table.mark = @ptrCast(own);
}

/// Marks a table as a typed array of the values that it has.
pub fn setTyped(L: *lua.State, table: *lua.Table, kind: Kind, length: u32) void {
    assert(kind.isTyped());
    setOwn(L, table, .{ .kind = kind, .length = length, .hash = hashOf(table, length) });
}

pub fn clear(L: *lua.State, table: *lua.Table) void {
    if (ownOf(table)) |own| c.luaM_free_(L, own, @sizeOf(Mark));
    table.mark = null;
}

/// The mark that belongs to this table.
inline fn ownOf(table: *const lua.Table) ?*Mark {
    const mark = of(table) orelse return null;
    return if (mark.own) @constCast(mark) else null;
}

/// Marks a table as an array of this length, whichever elements are nil.
pub fn setArray(L: *lua.State, table: *lua.Table, length: u32) void {
    assert(length <= length_max);
    setKind(L, table, .array);
    limits.spend(length * @sizeOf(lua.Value));
    for (1..@as(usize, length) + 1) |index| {
        if (!isNilAt(table, @intCast(index))) continue;
        setOwn(L, table, .{ .kind = .array, .length = length, .null_last = isNilAt(table, length) });
        break;
    }
}

/// A hash of the values 1..length, order included (FNV-1a over whole words).
pub fn hashOf(table: *lua.Table, length: u32) u64 {
    var hash: u64 = 0xcbf29ce484222325;
    limits.spend(@as(usize, length) * @sizeOf(lua.Value));
    for (1..@as(usize, length) + 1) |i| {
        const value = c.luaH_getint(table, @intCast(i));
        hash = (hash ^ @as(u64, @bitCast(value.*.value_.i))) *% 0x100000001b3;
        hash = (hash ^ value.*.tt_) *% 0x100000001b3;
        hash ^= hash >> 29;
    }
    return hash;
}

fn isNilAt(table: *lua.Table, index: u32) bool {
    return lua.isNil(@ptrCast(c.luaH_getint(table, index)));
}

/// The mark of an array that has its own length.
fn lengthMarkOf(table: *const lua.Table) ?*Mark {
    const own = ownOf(table) orelse return null;
    return if (own.kind == .array) own else null;
}

/// Called when a marked table is collected.
pub export fn cu_mark_free(L: *lua.State, table: *lua.Table) callconv(.c) void {
    clear(L, table);
}

/// The length of an array with nulls, brought up to date, or 0 for any other table.
/// As in JavaScript it grows with an element beyond it; taking the last element
/// away shortens it, so that `t[#t] = nil` and table.remove empty any array.
pub fn lengthOf(table: *lua.Table) u32 {
    const mark = lengthMarkOf(table) orelse return 0;
    lengthen(table, mark);
    if (mark.length > 0 and !mark.null_last and isNilAt(table, mark.length)) shorten(table, mark);
    return mark.length;
}

/// Counts what has been appended.
fn lengthen(table: *lua.Table, mark: *Mark) void {
    const before = mark.length;
    defer limits.spend((mark.length - before) * @sizeOf(lua.Value));
    while (!isNilAt(table, mark.length + 1)) {
        mark.length += 1;
        mark.null_last = false;
    }
}

/// Whether a rehash must leave the array part as large as it is.
pub export fn cu_mark_keeps_places(table: *const lua.Table) callconv(.c) c_int {
    return @intFromBool(lengthMarkOf(table) != null);
}

/// Called before an assignment to an empty place of a marked table.
pub export fn cu_mark_written(table: *lua.Table, key: *const lua.Value, value: *const lua.Value) callconv(.c) void {
    const mark = lengthMarkOf(table) orelse return;
    lengthen(table, mark);
    if (mark.length == 0) return;
    if (key.tt_ != lua.tag.integer or key.value_.i != mark.length) return;
    if (lua.isNil(value)) shorten(table, mark) else mark.null_last = false;
}

fn shorten(table: *lua.Table, mark: *Mark) void {
    assert(mark.length > 0);
    mark.length -= 1;
    mark.null_last = mark.length > 0 and isNilAt(table, mark.length);
}
