//! The containers that a message to JavaScript has so far, so that a second mention of one crosses
//! as a reference.

const std = @import("std");
const lua = @import("../vm/lua.zig");
const secret = @import("../vm/secret.zig");
const c = lua.c;

/// Containers in order: their places are their numbers; null for one that was forgotten. Tables
/// among them have a bit set in their flags, so that most are known to be new without a search.
var containers: ?[*]?*c.GCObject = null;
var capacity: u32 = 0;
var count: u32 = 0;
const flag: u8 = 1 << 6; // between those of the metamethods and BITRAS; lua/series/290-weak-tables-out.patch reads it

/// Places + 1 in `containers`, of the first `index_count` of them, by address: open addressing, a
/// power of two. There is none before a container is met again.
var index: ?[*]u32 = null;
var index_capacity: u32 = 0;
var index_count: u32 = 0;

pub const Entry = struct { found: bool, number: u32 };

/// The number of a container, which is new if the message doesn't have it yet.
pub inline fn see(L: *lua.State, object: *c.GCObject) Entry {
    if (object.tt == c.LUA_VTABLE) {
        const table: *lua.Table = @ptrCast(@alignCast(object));
        if (table.flags & flag == 0) {
            const number = add(L, object);
            table.flags |= flag;
            return .{ .found = false, .number = number };
        }
    }
    if (find(L, object)) |number| return .{ .found = true, .number = number };
    return .{ .found = false, .number = add(L, object) };
}

/// Lets a table that is no message's count as strong, until it is released.
pub inline fn hold(table: *lua.Table) void {
    table.flags |= flag;
}

pub inline fn release(table: *lua.Table) void {
    table.flags &= ~flag;
}

/// How many there are.
pub fn total() u32 {
    return count;
}

/// The container with a number; null for one that is no table.
pub fn tableAt(number: u32) ?*lua.Table {
    const object = containers.?[number].?;
    return if (object.tt == c.LUA_VTABLE) @ptrCast(@alignCast(object)) else null;
}

/// Whether a table is among them.
pub inline fn has(table: *const lua.Table) bool {
    return table.flags & flag != 0;
}

/// Whether no garbage is collected where one more is added.
pub inline fn hasRoom() bool {
    return count < capacity;
}

/// Forgets the table that was added last.
pub fn forgetLast() void {
    forgetFrom(count - 1);
    count -= 1;
}

inline fn add(L: *lua.State, object: *c.GCObject) u32 {
    if (!hasRoom()) grow(L);
    containers.?[count] = object;
    count += 1;
    return count - 1;
}

fn grow(L: *lua.State) void {
    const grown = @max(64, capacity * 2);
    const size = @sizeOf(?*c.GCObject);
    containers = @ptrCast(@alignCast(c.luaM_saferealloc_(L, @ptrCast(containers), capacity * size, grown * size)));
    capacity = grown;
}

fn find(L: *lua.State, object: *c.GCObject) ?u32 {
    if (count * 2 >= index_capacity) growIndex(L);
    while (index_count < count) {
        index_count += 1;
        if (containers.?[index_count - 1]) |known| index.?[placeOf(known)] = index_count;
    }
    const number = index.?[placeOf(object)];
    return if (number == 0) null else number - 1;
}

/// Where an object stands in the index, or would.
fn placeOf(object: *c.GCObject) u32 {
    const mask = index_capacity - 1;
    var place = secret.mix(@intFromPtr(object)) & mask;
    while (index.?[place] != 0) : (place = (place + 1) & mask) {
        if (containers.?[index.?[place] - 1] == object) break;
    }
    return place;
}

fn growIndex(L: *lua.State) void {
    const grown = @max(64, index_capacity * 4, std.math.ceilPowerOfTwoAssert(u32, count + 1) * 2);
    const size = @sizeOf(u32);
    index = @ptrCast(@alignCast(c.luaM_saferealloc_(L, @ptrCast(index), index_capacity * size, grown * size)));
    index_capacity = grown;
    index_count = 0;
    @memset(index.?[0..grown], 0);
}

/// Forgets those from a number on, but not their numbers: whoever is met again gets a new one. What the
/// index has of them stays, and matches nothing.
pub fn forgetFrom(first: u32) void {
    for (first..count) |number| {
        const object = containers.?[number] orelse continue;
        if (object.tt == c.LUA_VTABLE) @as(*lua.Table, @ptrCast(@alignCast(object))).flags &= ~flag;
        containers.?[number] = null;
    }
}

/// Forgets them all: the message has ended.
pub fn forget(L: *lua.State) void {
    if (containers) |list| {
        forgetFrom(0);
        c.luaM_free_(L, @ptrCast(list), capacity * @sizeOf(?*c.GCObject));
    }
    if (index) |places| c.luaM_free_(L, @ptrCast(places), index_capacity * @sizeOf(u32));
    containers = null;
    capacity = 0;
    count = 0;
    index = null;
    index_capacity = 0;
    index_count = 0;
}
