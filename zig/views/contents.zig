//! Makes an incomplete view complete: gives its table all that the host's object holds.

const std = @import("std");
const asking = @import("asking.zig");
const assert = @import("../vm/assert.zig").assert;
const lua = @import("../vm/lua.zig");
const marks = @import("../values/marks.zig");
const numbers = @import("../bridge/view_numbers.zig");
const pages = @import("../bridge/view_pages.zig");
const to_lua = @import("../bridge/to_lua.zig");
const c = lua.c;

/// Gives a view all its contents. It stays a view.
pub fn complete(L: *lua.State, table: *lua.Table) void {
    if (table.view & numbers.incomplete == 0) return;
    assert(!numbers.isExternal(table));
    const paged = numbers.entryOf(table).paged;
    const is_traversed = paged != null and paged.?.is_traversed;
    if (is_traversed) keepOrder(L, table, paged.?);
    _ = asking.ask(L, .all, table, 0, 0);
    take(L, table);
    if (is_traversed) lua.pop(L, 2);
}

/// Notes the keys of a table that is being traversed, in the host's order. Leaves the two
/// tables on the stack, as nothing else refers to them before the table is complete; the
/// slots are there for any function that an instruction calls (EXTRA_STACK).
fn keepOrder(L: *lua.State, table: *lua.Table, paged: *numbers.Paged) void {
    const order: *lua.Table = @ptrCast(c.luaH_new(L));
    lua.push(L, lua.ofTable(order));
    const places: *lua.Table = @ptrCast(c.luaH_new(L));
    lua.push(L, lua.ofTable(places));
    var count: i64 = 0;
    var position: u32 = 0;
    while (position < paged.length) {
        const next = asking.ask(L, .entries, table, position, std.math.maxInt(u32));
        if (next <= position) break;
        position = next;
        const values = lua.tableOf(asking.answered());
        var i: u32 = 0;
        while (i < c.luaH_realasize(values)) : (i += 2) {
            count += 1;
            lua.set(L, order, lua.integer(count), values.array[i]);
            lua.set(L, places, values.array[i], lua.integer(count));
        }
    }
    paged.order = order;
    paged.places = places;
}

/// Gives the view the contents of the table that the host has answered with.
pub fn take(L: *lua.State, table: *lua.Table) void {
    assert(asking.answered().tt_ == lua.tag.table);
    const from = lua.tableOf(asking.answered());
    // A hash part in the other table's own block doesn't outlive it.
    if (from.node == inlineNodes(from)) c.luaH_resize(L, from, from.alimit, lua.nodeCount(from));
    if (table.lastfree != null and table.node != inlineNodes(table)) {
        c.luaM_free_(L, @ptrCast(table.node), lua.nodeCount(table) * @sizeOf(lua.Node));
    }
    table.node = from.node;
    table.lastfree = from.lastfree;
    table.lsizenode = from.lsizenode;
    from.node = numbers.dummyNode();
    from.lastfree = null;
    from.lsizenode = 0;
    std.mem.swap([*c]c.TValue, &table.array, &from.array);
    std.mem.swap(c_uint, &table.alimit, &from.alimit);
    std.mem.swap(@TypeOf(table.mark), &table.mark, &from.mark);
    table.flags = 0;
    table.view &= ~numbers.incomplete;
    const number = numbers.numberOf(table);
    const entry = numbers.entryOf(table);
    const is_ordered = if (entry.paged) |paged| paged.order != null else false;
    if (is_ordered) {
        table.view |= numbers.ordered;
        lua.barrier(L, table, lua.ofTable(entry.paged.?.order.?));
        lua.barrier(L, table, lua.ofTable(entry.paged.?.places.?));
        pages.drop(number);
    } else numbers.forgetPaged(L, number);
    // All that it holds now may be new to the collector.
    lua.barrier(L, table, lua.ofTable(from));
    // Last, as it may raise a memory error: then it is an array.
    if (to_lua.typed_kind) |kind| {
        marks.setKind(L, table, .array);
        marks.setTyped(L, table, kind, to_lua.typed_length);
    }
}

/// Where a table's hash part is, if both are one block.
fn inlineNodes(table: *lua.Table) [*c]lua.Node {
    return @ptrFromInt(@intFromPtr(table) + @sizeOf(lua.Table));
}
