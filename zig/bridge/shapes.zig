//! Shapes of tables that go to JavaScript: tables with the same string keys at the same places of
//! their hash part share one, so that the keys cross once. A shape is found by those places,
//! without hashing a key, and is known to the host from then on.

const std = @import("std");
const assert = @import("../vm/assert.zig").assert;
const buffer = @import("buffer.zig");
const lua = @import("../vm/lua.zig");
const marks = @import("../values/marks.zig");
const utf8 = @import("../vm/utf8.zig");
const wire = @import("wire.zig");
const c = lua.c;

pub const Shape = struct {
    hash: u32,
    /// The tables' order, or null.
    mark: ?*const c.struct_cu_Mark,
    lsizenode: u8,
    count: u8,
    /// The hash part's places in the order in which the fields cross.
    nodes: [wire.shape_keys_max]u8,
    /// The key at each place of the hash part.
    keys: [wire.shape_keys_max]?*lua.String,

    pub fn key(shape: *const Shape, field: usize) *lua.String {
        return shape.keys[shape.nodes[field]].?;
    }
};

var shapes: ?[*]Shape = null;
var shape_count: u32 = 0;
/// The shape of the object that was written last.
pub var last: u32 = 0;
/// Numbers of shapes + 1, by hash: open addressing.
var shape_index: [wire.shapes_max * 2]u16 = @splat(0);
/// Keeps the shapes' keys from being collected.
var shape_keys: *lua.Table = undefined;
var shape_key_count: i64 = 0;

pub fn init(L: *lua.State) void {
    shape_keys = lua.newAnchored(L);
    shapes = @ptrCast(@alignCast(c.luaM_malloc_(L, wire.shapes_max * @sizeOf(Shape), 0)));
}

/// Begins a message. Where all numbers are taken, the shapes are numbered anew.
pub fn begin(L: *lua.State) void {
    if (shape_count == wire.shapes_max) reset(L);
}

pub inline fn at(number: u32) *const Shape {
    assert(number < shape_count);
    return &shapes.?[number];
}

/// Whether a table without array part has the shape of the last object.
pub inline fn isLikeLast(table: *const lua.Table) bool {
    return last < shape_count and hasShape(table, at(last));
}

/// The number of the table's shape, if all its keys are short strings and few.
pub fn find(L: *lua.State, table: *lua.Table) ?u32 {
    const hash = hashOf(table) orelse return null;
    var place = (hash >> 16 ^ hash) % shape_index.len;
    while (shape_index[place] != 0) : (place = (place + 1) % shape_index.len) {
        const number = shape_index[place] - 1;
        const shape = &shapes.?[number];
        if (shape.hash == hash and hasShape(table, shape)) return number;
    }
    return define(L, table, hash, place);
}

/// A hash of the places of a table's keys, if all are short strings and few, and there is one.
pub fn hashOf(table: *const lua.Table) ?u32 {
    if (table.lsizenode > 5) return null;
    // A long order belongs to one table, and no other table would have this shape.
    if (marks.orderOf(table)) |list| if (list.alimit > wire.shape_keys_max) return null;
    const node_count = lua.nodeCount(table);
    var hash: u32 = table.lsizenode ^ @as(u32, @intFromPtr(table.mark));
    var count: u32 = 0;
    for (0..node_count) |i| {
        const node: *const lua.Node = @ptrCast(table.node + i);
        if (lua.isVacant(@ptrCast(&node.i_val))) continue;
        if (node.u.key_tt != lua.tag.short_string) return null;
        count += 1;
        hash = (hash ^ @as(u32, @intFromPtr(node.u.key_val.gc)) ^ @as(u32, @intCast(i))) *% 0x9e3779b1;
    }
    return if (count == 0) null else hash;
}

/// Whether a table has the keys of a shape at its places, and no others.
pub fn hasShape(table: *const lua.Table, shape: *const Shape) bool {
    if (table.lsizenode != shape.lsizenode or table.mark != shape.mark) return false;
    const count = lua.nodeCount(table);
    for (table.node[0..count], shape.keys[0..count]) |*node, key| {
        if (lua.isVacant(@ptrCast(&node.i_val))) {
            if (key != null) return false;
        } else if (node.u.key_tt != lua.tag.short_string or @intFromPtr(node.u.key_val.gc) != @intFromPtr(key)) return false;
    }
    return true;
}

/// Makes a shape of a table, and writes its definition; null where it can have none.
fn define(L: *lua.State, table: *const lua.Table, hash: u32, place: u32) ?u32 {
    if (shape_count == wire.shapes_max) return null;
    const shape = &shapes.?[shape_count];
    if (!fill(shape, table, hash, marks.orderOf(table))) return null;
    for (0..shape.count) |field| anchor(L, lua.ofString(shape.key(field)));
    if (marks.orderOf(table)) |list| anchor(L, lua.ofTable(list));
    // The host reads a definition from one chunk.
    buffer.reserve(shape.count + 3, shape.count * @as(usize, c.LUAI_MAXSHORTLEN));
    buffer.writeBox(.shape, shape_count << 8 | shape.count);
    for (0..shape.count) |field| buffer.writeString(shape.key(field));
    shape_index[place] = @intCast(shape_count + 1);
    shape_count += 1;
    return shape_count - 1;
}

/// Makes a shape of a table; false where a key is no text.
pub fn fill(shape: *Shape, table: *const lua.Table, hash: u32, list: ?*lua.Table) bool {
    shape.* = .{
        .hash = hash,
        .mark = table.mark,
        .lsizenode = table.lsizenode,
        .count = 0,
        .nodes = undefined,
        .keys = @splat(null),
    };
    for (0..lua.nodeCount(table)) |i| {
        const node: *const lua.Node = @ptrCast(table.node + i);
        if (lua.isVacant(@ptrCast(&node.i_val))) continue;
        const key: *lua.String = @ptrCast(@alignCast(node.u.key_val.gc));
        if (!utf8.isValid(lua.bytesOf(key))) return false; // its key crosses as bytes
        shape.nodes[shape.count] = @intCast(i);
        shape.keys[i] = key;
        shape.count += 1;
    }
    order(shape, list);
    return true;
}

fn anchor(L: *lua.State, held: lua.Value) void {
    lua.set(L, shape_keys, lua.integer(shape_key_count + 1), held);
    shape_key_count += 1;
}

/// Sorts a shape's fields: first those that the table came with, in their order, then the others by
/// name. Their places in the hash part can't serve, as they depend on a seed.
noinline fn order(shape: *Shape, list: ?*lua.Table) void {
    const Context = struct {
        shape: *Shape,
        /// The position of the key at each place of the hash part.
        positions: [wire.shape_keys_max]u8 = @splat(wire.shape_keys_max),

        pub fn lessThan(context: @This(), i: usize, j: usize) bool {
            const a = context.positions[context.shape.nodes[i]];
            const b = context.positions[context.shape.nodes[j]];
            if (a != b) return a < b;
            return std.mem.lessThan(u8, lua.bytesOf(context.shape.key(i)), lua.bytesOf(context.shape.key(j)));
        }
        pub fn swap(context: @This(), i: usize, j: usize) void {
            std.mem.swap(u8, &context.shape.nodes[i], &context.shape.nodes[j]);
        }
    };
    var context = Context{ .shape = shape };
    if (list) |keys| for (keys.array[0..keys.alimit], 0..) |*key, position| {
        for (shape.nodes[0..shape.count]) |node| {
            if (@intFromPtr(shape.keys[node].?) == @intFromPtr(key.value_.gc)) context.positions[node] = @intCast(position);
        }
    };
    std.sort.insertionContext(0, shape.count, context);
}

/// Forgets all shapes: their numbers begin again from 0.
pub fn reset(L: *lua.State) void {
    while (shape_key_count > 0) : (shape_key_count -= 1) {
        lua.set(L, shape_keys, lua.integer(shape_key_count), lua.nil);
    }
    shape_count = 0;
    shape_index = @splat(0);
}
