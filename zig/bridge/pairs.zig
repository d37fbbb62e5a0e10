//! The pairs of a table in the order in which they cross: the keys that it came with in their
//! order, then all others, sorted.

const std = @import("std");
const assert = @import("../vm/assert.zig").assert;
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const c = lua.c;

/// Looking at so many places of a table costs a step.
pub const places_per_step = 2;

/// Where a pair stands: in the array part, or beyond it in the hash part.
pub const Place = struct {
    at: u32,
    rank: Rank = .number,
    /// Keys of one rank are compared by this first; where it is equal, by themselves.
    prefix: u64 = 0,

    const Rank = enum(u8) { number, string, boolean, other };
};

/// Fills in the places of all pairs of a table: those of the keys in a list first, in its order, then
/// the others, sorted.
pub noinline fn arrange(L: *lua.State, table: *lua.Table, places: []Place, order: ?*lua.Table) void {
    var found: u32 = 0;
    if (order) |list| {
        limits.steps(L, list.alimit);
        for (list.array[0..list.alimit]) |*key| {
            const held: *const lua.Value = @ptrCast(c.luaH_get(table, key));
            if (lua.isVacant(held)) continue;
            assert(found < places.len);
            places[found] = .{ .at = placeOf(table, held) };
            found += 1;
        }
    }
    if (found == places.len) return;
    const others = places[found..];
    addOthers(L, table, places[0..found], others);
    sort(L, table, others);
}

/// Fills in the places of the pairs that aren't among the known ones.
noinline fn addOthers(L: *lua.State, table: *lua.Table, known: []const Place, others: []Place) void {
    const all = c.luaH_realasize(table) + if (table.lastfree == null) 0 else lua.nodeCount(table);
    limits.steps(L, all / places_per_step);
    const size = all / 8 + 1;
    const is_known: [*]u8 = @ptrCast(c.luaM_malloc_(L, size, 0));
    defer c.luaM_free_(L, @ptrCast(is_known), size);
    @memset(is_known[0..size], 0);
    for (known) |place| is_known[place.at / 8] |= bitOf(place.at);
    var count: usize = 0;
    for (0..all) |i| {
        const at: u32 = @intCast(i);
        if (is_known[at / 8] & bitOf(at) != 0 or lua.isVacant(heldAt(table, at))) continue;
        assert(count < others.len);
        others[count] = placeWithKey(table, at);
        count += 1;
    }
    assert(count == others.len);
}

inline fn bitOf(at: u32) u8 {
    return @as(u8, 1) << @intCast(at % 8);
}

pub noinline fn keyAt(table: *const lua.Table, at: u32) lua.Value {
    if (at < c.luaH_realasize(table)) return lua.integer(at + 1);
    return keyOf(nodeAt(table, at));
}

pub noinline fn heldAt(table: *const lua.Table, at: u32) *const lua.Value {
    return if (at < c.luaH_realasize(table)) @ptrCast(table.array + at) else @ptrCast(&nodeAt(table, at).i_val);
}

fn nodeAt(table: *const lua.Table, at: u32) *const lua.Node {
    return @ptrCast(table.node + (at - c.luaH_realasize(table)));
}

pub inline fn keyOf(node: *const lua.Node) lua.Value {
    return .{ .value_ = node.u.key_val, .tt_ = node.u.key_tt };
}

noinline fn placeOf(table: *lua.Table, held: *const lua.Value) u32 {
    const address = @intFromPtr(held);
    const array_size = c.luaH_realasize(table);
    const in_array = (address -% @intFromPtr(table.array)) / @sizeOf(lua.Value);
    if (in_array < array_size) return @intCast(in_array);
    return @intCast(array_size + (address - @intFromPtr(table.node)) / @sizeOf(lua.Node));
}

/// A place with what its key is compared by.
noinline fn placeWithKey(table: *const lua.Table, at: u32) Place {
    const key = keyAt(table, at);
    switch (key.tt_) {
        lua.tag.integer, lua.tag.float => {
            const number: f64 = if (key.tt_ == lua.tag.integer) @floatFromInt(key.value_.i) else key.value_.n;
            const bits: u64 = @bitCast(number);
            // Bits that compare as the numbers do.
            return .{ .at = at, .prefix = if (bits >> 63 != 0) ~bits else bits | 1 << 63 };
        },
        lua.tag.short_string, lua.tag.long_string => {
            var first: [8]u8 = @splat(0);
            const bytes = lua.bytesOf(lua.stringOf(&key));
            const length = @min(first.len, bytes.len);
            @memcpy(first[0..length], bytes[0..length]);
            return .{ .at = at, .rank = .string, .prefix = std.mem.readInt(u64, &first, .big) };
        },
        lua.tag.false_, lua.tag.true_ => return .{ .at = at, .rank = .boolean, .prefix = key.tt_ },
        else => return .{ .at = at, .rank = .other },
    }
}

/// Heapsort: it needs no memory, and a script can't choose keys that make it slow.
fn sort(L: *lua.State, table: *const lua.Table, places: []Place) void {
    var root = places.len / 2;
    while (root > 0) {
        root -= 1;
        siftDown(L, table, places, root);
    }
    var end = places.len;
    while (end > 1) {
        end -= 1;
        std.mem.swap(Place, &places[0], &places[end]);
        siftDown(L, table, places[0..end], 0);
    }
}

noinline fn siftDown(L: *lua.State, table: *const lua.Table, places: []Place, first: usize) void {
    limits.steps(L, 1);
    const sifted = places[first];
    var root = first;
    while (2 * root + 1 < places.len) {
        var child = 2 * root + 1;
        if (child + 1 < places.len and isBefore(L, table, &places[child], &places[child + 1])) child += 1;
        if (!isBefore(L, table, &sifted, &places[child])) break;
        places[root] = places[child];
        root = child;
    }
    places[root] = sifted;
}

/// Numbers, then strings by their bytes, then booleans; other keys have no order.
noinline fn isBefore(L: *lua.State, table: *const lua.Table, a: *const Place, b: *const Place) bool {
    if (a.rank != b.rank) return @intFromEnum(a.rank) < @intFromEnum(b.rank);
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    var a_key = keyAt(table, a.at);
    var b_key = keyAt(table, b.at);
    if (a.rank == .number) return c.luaV_lessthan(L, @ptrCast(&a_key), @ptrCast(&b_key)) != 0;
    if (a.rank != .string) return false;
    const bytes = lua.bytesOf(lua.stringOf(&a_key));
    limits.steps(L, bytes.len >> 6);
    return std.mem.lessThan(u8, bytes, lua.bytesOf(lua.stringOf(&b_key)));
}
