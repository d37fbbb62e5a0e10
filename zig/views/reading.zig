//! What code reads of an incomplete view by key: fields of an object are kept in the view itself,
//! elements of an array come in pages, ahead of what code reads in sequence.

const std = @import("std");
const asking = @import("asking.zig");
const contents = @import("contents.zig");
const external = @import("small").@"views/external.zig";
const lua = @import("../vm/lua.zig");
const marks = @import("../values/marks.zig");
const numbers = @import("../bridge/view_numbers.zig");
const pages = @import("../bridge/view_pages.zig");
const to_lua = @import("../bridge/to_lua.zig");
const c = lua.c;

/// The value of a key that an incomplete view's own table doesn't have. No stack moves.
pub export fn cu_view_get(L: *lua.State, table: *lua.Table, key: *const lua.Value) callconv(.c) *const lua.Value {
    if (numbers.isExternal(table)) return external.get(L, table, key);
    const paged = numbers.entryOf(table).paged orelse return fieldOfObject(L, table, key);
    if (paged.kind == .array) {
        const position = lua.positionKey(key) orelse return &lua.nil;
        return if (position < paged.length) element(L, table, paged, position) else &lua.nil;
    }
    if (keptFields(table, paged)) |page| {
        const held = lua.get(page.values, key.*);
        if (!lua.isNil(held)) return held;
    }
    if (asking.askForKey(L, .field, table, key) == null) return &lua.nil;
    const held = asking.answered();
    if (lua.isNil(held)) return held;
    const bytes = to_lua.takenBytes() + @sizeOf(lua.Node);
    const page = keptFields(table, paged) orelse newPage: {
        const values: *lua.Table = @ptrCast(c.luaH_new(L));
        const page = asking.keepPage(table, values, pages.fields_position, 0, false);
        paged.fields = pages.indexOf(page);
        break :newPage page;
    };
    lua.set(L, page.values, key.*, held.*);
    pages.addBytes(page, bytes);
    return lua.get(page.values, key.*);
}

/// A field as rawget would read it, of a view or of an ordinary table.
pub fn rawGet(L: *lua.State, table: *lua.Table, key: lua.Value) *const lua.Value {
    var found = lua.get(table, key);
    if (lua.isVacant(found) and table.view & numbers.incomplete != 0) found = cu_view_get(L, table, &key);
    return if (lua.isNil(found)) &lua.nil else found;
}

/// What `#` answers for a view, or for an array that has a length of its own; 0 for any other
/// table.
pub export fn cu_mark_length(table: *lua.Table) callconv(.c) u32 {
    return if (table.view & numbers.incomplete != 0) lengthOf(table) else marks.lengthOf(table);
}

/// The border of an incomplete view.
fn lengthOf(table: *const lua.Table) u32 {
    const paged = numbers.entryOf(table).paged orelse return 0;
    return switch (paged.kind) {
        .array => paged.length,
        .record => 0,
        else => asking.askForBorder(table),
    };
}

/// The page of the fields that code has read, if it has not been given up.
fn keptFields(table: *const lua.Table, paged: *const numbers.Paged) ?*pages.Page {
    const page = &pages.list[paged.fields];
    return if (page.owner == numbers.numberOf(table) and page.first == pages.fields_position) page else null;
}

/// A field of an object; the view keeps it.
fn fieldOfObject(L: *lua.State, table: *lua.Table, key: *const lua.Value) *const lua.Value {
    const answer = asking.askForKey(L, .field, table, key) orelse return &lua.nil;
    pages.charge(to_lua.takenBytes());
    if (answer == asking.whole) {
        contents.take(L, table);
    } else if (!lua.isNil(asking.answered())) {
        lua.set(L, table, key.*, asking.answered().*);
    }
    return lua.get(table, key.*);
}

/// An element of an array, from its page.
pub fn element(L: *lua.State, table: *lua.Table, paged: *numbers.Paged, position: u32) *const lua.Value {
    var page = &pages.list[paged.page];
    if (page.owner != numbers.numberOf(table) or position -% page.first >= page.count) {
        page = pages.find(numbers.numberOf(table), position) orelse loadElements(L, table, paged, position);
        paged.page = pages.indexOf(page);
    }
    if (position - page.first >= page.count) return &lua.nil;
    pages.show(table, page);
    return @ptrCast(page.values.array + (position - page.first));
}

/// Reads ahead where access runs in sequence, in either direction; else one element.
fn loadElements(L: *lua.State, table: *lua.Table, paged: *numbers.Paged, position: u32) *pages.Page {
    var first = position;
    var count: u32 = 1;
    if (position == paged.next) {
        count = @min(paged.ahead, paged.length - position);
        paged.ahead = @min(paged.ahead * pages.ahead_growth, pages.ahead_limit, paged.ahead_max);
    } else if (position > paged.previous and position < paged.next) {
        // Its page was given up before it was read to the end.
        pages.shortenAhead(paged.ahead_max);
        count = @min(pages.ahead_limit, paged.length - position);
    } else if (position + 1 == paged.previous) {
        // As many as the last page had: they fit.
        first = position -| (paged.ahead - 1);
        count = position + 1 - first;
        paged.ahead = @min(paged.ahead * 2, pages.ahead_limit, paged.ahead_max);
    } else {
        paged.ahead = pages.ahead_min;
    }
    const wanted = count;
    _ = asking.ask(L, .elements, table, first, count);
    var values = lua.tableOf(asking.answered());
    count = c.luaH_realasize(values);
    if (position - first >= count) {
        // Backwards, and the page was full before it came to this one.
        first = position;
        _ = asking.ask(L, .elements, table, first, 1);
        values = lua.tableOf(asking.answered());
        count = c.luaH_realasize(values);
    }
    if (count < wanted) paged.ahead = @max(count, pages.ahead_min);
    paged.next = first + count;
    paged.previous = first;
    const page = asking.keepPage(table, values, first, count, wanted == 1);
    asking.collect(L);
    return page;
}
