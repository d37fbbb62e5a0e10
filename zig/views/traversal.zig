//! `pairs` and `next` on views: elements and entries in the host's order, a page at a time.

const asking = @import("asking.zig");
const assert = @import("../vm/assert.zig").assert;
const contents = @import("contents.zig");
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const numbers = @import("../bridge/view_numbers.zig");
const pages = @import("../bridge/view_pages.zig");
const reading = @import("reading.zig");
const c = lua.c;

/// Entries of an external table that are asked for at once: with a change, all of them are asked for again.
const external_entries_max = 256;

/// Raises `next`'s error (lua/series/330-iterators.patch).
extern fn luaH_invalidkey(L: *lua.State) noreturn;

/// As lua_next, for an incomplete view. -1: the view is complete now, so luaH_next is to do it.
pub export fn cu_view_next(L: *lua.State, table: *lua.Table, key: [*]lua.Value) callconv(.c) c_int {
    // `next` doesn't take a float for an integer, as an access does.
    if (key[0].tt_ == lua.tag.float and lua.integerKey(&key[0]) != null) luaH_invalidkey(L);
    if (numbers.isExternal(table)) return nextEntry(L, table, numbers.pagedOf(L, table), key);
    if (table.view & numbers.ordered != 0) return nextOrdered(L, table, key);
    const paged = numbers.entryOf(table).paged orelse {
        contents.complete(L, table);
        return -1;
    };
    return if (paged.kind == .array) nextElement(L, table, paged, key) else nextEntry(L, table, paged, key);
}

/// The next element of an array that isn't nil.
fn nextElement(L: *lua.State, table: *lua.Table, paged: *numbers.Paged, key: [*]lua.Value) c_int {
    var position: u32 = 0;
    if (!lua.isNil(&key[0])) {
        position = lua.positionKey(&key[0]) orelse paged.length;
        if (position >= paged.length) luaH_invalidkey(L);
        position += 1;
    }
    while (position < paged.length) : (position += 1) {
        const value = reading.element(L, table, paged, position).*;
        if (lua.isNil(&value)) {
            limits.step();
            continue;
        }
        key[0] = lua.integer(position + 1);
        key[1] = value;
        return 1;
    }
    return 0;
}

/// First the keys that the host had, in its order, then those that code has added.
fn nextOrdered(L: *lua.State, table: *lua.Table, key: [*]lua.Value) c_int {
    const paged = numbers.entryOf(table).paged.?;
    const place = lua.get(paged.places.?, key[0]);
    if (lua.isNil(&key[0]) or !lua.isNil(place)) {
        var position: i64 = if (lua.isNil(place)) 0 else place.value_.i;
        while (true) : (limits.step()) {
            position += 1;
            const at = c.luaH_getint(paged.order.?, position).*;
            if (lua.isNil(&at)) break;
            const value = lua.get(table, at);
            if (lua.isNil(value)) continue;
            key[0] = at;
            key[1] = value.*;
            return 1;
        }
        key[0] = lua.nil;
    }
    while (c.luaH_next(L, table, @ptrCast(key)) != 0) : (limits.step()) {
        if (lua.isNil(lua.get(paged.places.?, key[0]))) return 1;
    }
    return 0;
}

/// The next entry of a Map, Set or large object.
fn nextEntry(L: *lua.State, table: *lua.Table, paged: *numbers.Paged, key: [*]lua.Value) c_int {
    var page = &pages.list[paged.page];
    var position: u32 = 0;
    if (lua.isNil(&key[0])) {
        // The traversal begins.
    } else if (page.owner == numbers.numberOf(table) and isEntry(page, paged.cursor, &key[0])) {
        if (paged.cursor + 1 < page.count) return giveEntry(paged, page, paged.cursor + 1, key);
        position = page.next;
    } else {
        // Its page was given up, or code asks for another key than the last one.
        pages.shortenAhead(paged.ahead_max);
        position = asking.askForKey(L, .position, table, &key[0]) orelse 0;
        if (position == 0) luaH_invalidkey(L);
    }
    const is_external = paged.kind == .external;
    // Of an external table no page but the last is looked at again.
    if (is_external and page.owner == numbers.numberOf(table) and page.is_entries) pages.dropPage(page);
    while (position < paged.length) {
        const count_max = if (is_external) @min(pages.ahead_limit, external_entries_max) else pages.ahead_limit;
        const next = asking.ask(L, .entries, table, position, count_max);
        const values = lua.tableOf(asking.answered());
        const count = c.luaH_realasize(values) / 2;
        if (count > 0) {
            page = asking.keepPage(table, values, position, count, false);
            page.is_entries = true;
            page.next = next;
            paged.page = pages.indexOf(page);
            asking.collect(L);
            return giveEntry(paged, page, 0, key);
        }
        // All entries of this page were nil, or the host has none any more.
        if (next <= position) return 0;
        limits.step();
        position = next;
    }
    return 0;
}

fn giveEntry(paged: *numbers.Paged, page: *const pages.Page, cursor: u32, key: [*]lua.Value) c_int {
    assert(cursor < page.count);
    paged.is_traversed = true;
    paged.cursor = cursor;
    key[0] = page.values.array[2 * cursor];
    key[1] = page.values.array[2 * cursor + 1];
    return 1;
}

fn isEntry(page: *const pages.Page, cursor: u32, key: *const lua.Value) bool {
    return cursor < page.count and c.luaV_equalobj(null, page.values.array + 2 * cursor, key) != 0;
}
