//! What a table is in JavaScript: an array, an object, a Map, a Set or a typed array, by its mark
//! and by its keys.

const std = @import("std");
const integer_max = @import("../vm/text.zig").integer_max;
const isEqual = @import("../vm/text.zig").isEqual;
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const marks = @import("../values/marks.zig");
const pairs = @import("pairs.zig");
const shapes = @import("shapes.zig");
const textOfInteger = @import("../vm/text.zig").textOfInteger;
const utf8 = @import("../vm/utf8.zig");
const c = lua.c;

pub const Kind = enum {
    array,
    /// With a shape.
    object,
    /// An object without a shape.
    record,
    map,
    set,
    typed_array,
    /// One of 64-bit integers.
    big_array,
};

pub const Class = struct {
    kind: Kind,
    /// Of an object.
    shape: u32 = 0,
    /// Of a typed array.
    typed_kind: marks.Kind = .array,
    /// Elements, fields or pairs.
    count: u32,
};

/// A marked array stays an array while Lua has places for all of it, or while at most half of its
/// places, and this many more, are nil. With more it becomes a Map: a lone far index would cost the
/// host memory that it didn't cost Lua.
const sparse_places_max = 64;

/// What a table is in JavaScript; null for one that `_io.object` made an object, with keys that no
/// object has. Where objects have no shapes, they are records.
pub fn classOf(L: *lua.State, table: *lua.Table, has_shapes: bool) ?Class {
    const array_size = c.luaH_realasize(table);
    const hash_used = table.lastfree != null;
    const mark = marks.of(table);
    limits.owe((array_size + lua.nodeCount(table)) / pairs.places_per_step);

    // The array part: how many values it has, and where the last one is.
    var array_count: u32 = 0;
    var array_last: u32 = 0;
    for (0..array_size) |i| {
        if (!lua.isVacant(@ptrCast(table.array + i))) {
            array_count += 1;
            array_last = @intCast(i + 1);
        }
    }

    if (has_shapes and array_count == 0 and hash_used and mark == null) {
        if (shapes.find(L, table)) |shape| return .{ .kind = .object, .shape = shape, .count = shapes.at(shape).count };
    }

    // The hash part: how many keys it has of each kind.
    var strings: u32 = 0;
    var integers: u32 = 0;
    var others: u32 = 0;
    var first: i64 = if (array_count > 0) 1 else std.math.maxInt(i64);
    var last: i64 = array_last;
    if (hash_used) {
        for (0..lua.nodeCount(table)) |i| {
            const node: *const lua.Node = @ptrCast(table.node + i);
            if (lua.isVacant(@ptrCast(&node.i_val))) continue;
            if (node.u.key_tt == lua.tag.integer) {
                integers += 1;
                first = @min(first, node.u.key_val.i);
                last = @max(last, node.u.key_val.i);
            } else if (isTextKey(node)) {
                strings += 1;
            } else others += 1;
        }
    }
    const total = array_count + strings + integers + others;
    const all_integers = strings == 0 and others == 0 and (total == 0 or first >= 1);

    if (mark) |known| switch (known.kind) {
        .map => return .{ .kind = .map, .count = total },
        .set => if (allTrue(table)) return .{ .kind = .set, .count = total },
        .object => {},
        else => if (all_integers) {
            if (known.kind.isTyped() and total == known.length and last == total and marks.hashOf(table, total) == known.hash) {
                return .{ .kind = if (known.kind.isBig()) .big_array else .typed_array, .typed_kind = known.kind, .count = total };
            }
            const length = @max(@as(i64, @intCast(c.luaH_getn(table))), last);
            if (length <= @max(2 * @as(i64, total) + sparse_places_max, array_size)) {
                return .{ .kind = .array, .count = @intCast(length) };
            }
        },
    };
    const is_object = mark != null and mark.?.kind == .object;
    if (all_integers and last == total and total > 0 and !is_object) return .{ .kind = .array, .count = total };
    if (others == 0 and (strings == 0 or strings == total or !collides(table))) return .{ .kind = .record, .count = total };
    return if (is_object) null else .{ .kind = .map, .count = total };
}

/// Whether the key can be a property's name.
noinline fn isTextKey(node: *const lua.Node) bool {
    const key: lua.Value = .{ .value_ = node.u.key_val, .tt_ = node.u.key_tt };
    if (!lua.isString(&key)) return false;
    const bytes = lua.bytesOf(lua.stringOf(&key));
    limits.spend(bytes.len);
    return utf8.isValid(bytes);
}

/// Whether a table that was a Set still looks like one.
noinline fn allTrue(table: *const lua.Table) bool {
    for (0..c.luaH_realasize(table)) |i| {
        const held: *const lua.Value = @ptrCast(table.array + i);
        if (!lua.isVacant(held) and held.tt_ != lua.tag.true_) return false;
    }
    for (0..lua.nodeCount(table)) |i| {
        const node: *const lua.Node = @ptrCast(table.node + i);
        if (!lua.isVacant(@ptrCast(&node.i_val)) and node.u.tt_ != lua.tag.true_) return false;
    }
    return true;
}

/// The integer that is written in a text as Lua writes it.
fn integerOf(text: []const u8) ?i64 {
    if (text.len == 0 or text.len > integer_max) return null;
    var magnitude: u64 = 0;
    for (text[@intFromBool(text[0] == '-')..]) |digit| {
        magnitude = magnitude *% 10 +% (digit -% '0');
    }
    const integer: i64 = @bitCast(if (text[0] == '-') 0 -% magnitude else magnitude);
    var digits: [integer_max]u8 = undefined;
    return if (isEqual(textOfInteger(&digits, integer), text)) integer else null;
}

/// Whether a string key reads like one of the integer keys (1 and "1").
noinline fn collides(table: *lua.Table) bool {
    for (0..lua.nodeCount(table)) |i| {
        const node: *const lua.Node = @ptrCast(table.node + i);
        if (node.u.key_tt & 0x0f != c.LUA_TSTRING or lua.isVacant(@ptrCast(&node.i_val))) continue;
        const key = pairs.keyOf(node);
        const text = lua.bytesOf(lua.stringOf(&key));
        const integer = integerOf(text) orelse continue;
        if (!lua.isVacant(@ptrCast(c.luaH_getint(table, integer)))) return true;
    }
    return false;
}
