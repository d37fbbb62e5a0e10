//! The secret of an instance, without which no script can foresee hashes, and all hashes that there are.

const assert = @import("assert.zig").assert;
const lua = @import("lua.zig");
const c = lua.c;

extern "cu" fn seed() u32;

pub export fn cu_seed() callconv(.c) c_uint {
    return seed();
}

/// What hashes depend on (lua/config.h); the second one is odd, to be a factor.
pub export var cu_secret: [3]u64 = .{ 0, 1, 0 };

/// As cu_mix in lua/config.h, for the bridge's own tables.
pub inline fn mix(address: usize) u32 {
    var x = (address ^ cu_secret[0]) *% 0x9e3779b97f4a7c15;
    x ^= x >> 32;
    return @intCast(x *% cu_secret[1] >> 32);
}

/// Chooses a secret, and hashes all that stands in Lua's heap again: the library, of which no table has
/// more nodes than `scratch` has room for.
pub fn choose(g: *c.global_State, scratch: []align(@alignOf(lua.Node)) u8) void {
    for (&cu_secret) |*word| word.* = next64();
    cu_secret[1] |= 1;
    g.seed = seed();
    hashShortStrings(g);
    for ([_]?*c.GCObject{ g.allgc, g.finobj, g.fixedgc }) |first| {
        var next = first;
        while (next) |object| : (next = object.next) {
            if (object.tt == c.LUA_VLNGSTR) forgetHash(g, @ptrCast(@alignCast(object)));
        }
    }
    for ([_]?*c.GCObject{ g.allgc, g.finobj }) |first| {
        var next = first;
        while (next) |object| : (next = object.next) {
            if (object.tt == c.LUA_VTABLE) hashTable(@ptrCast(@alignCast(object)), scratch);
        }
    }
}

pub fn next64() u64 {
    return @as(u64, seed()) << 32 | seed();
}

fn hashShortStrings(g: *c.global_State) void {
    const lists = g.strt.hash[0..@intCast(g.strt.size)];
    var all: ?*lua.String = null;
    for (lists) |*list| {
        while (list.*) |string| {
            list.* = string.*.u.hnext;
            string.*.u.hnext = all;
            all = string;
        }
    }
    while (all) |string| {
        all = string.u.hnext;
        const bytes = lua.bytesOf(string);
        string.hash = c.luaS_hash(bytes.ptr, bytes.len, g.seed);
        const list = &lists[string.hash & (lists.len - 1)];
        string.u.hnext = list.*;
        list.* = string;
    }
}

/// A long string is hashed when it is first used as a key.
fn forgetHash(g: *c.global_State, string: *lua.String) void {
    string.extra = 0;
    string.hash = g.seed;
}

fn hashTable(table: *lua.Table, scratch: []align(@alignOf(lua.Node)) u8) void {
    if (table.lastfree == null) return; // no keys
    assert(lua.nodeCount(table) * @sizeOf(lua.Node) <= scratch.len);
    c.luaH_hashagain(table, @ptrCast(scratch.ptr));
}
