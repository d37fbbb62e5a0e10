//! Pages: parts of what views stand for, kept in Lua as tables that hold elements of an array,
//! entries of a Map, or fields that code has read by key. All pages share one budget, and the
//! oldest are given up.

const std = @import("std");
const allocator = @import("../vm/allocator.zig");
const assert = @import("../vm/assert.zig").assert;
const lua = @import("../vm/lua.zig");
const wire = @import("wire.zig");
const c = lua.c;

/// The collector marks a page's table with the view that owns it (cu_view_reference).
pub const Page = struct {
    /// The view's number; 0 where there is no page.
    owner: u32 = 0,
    /// Position of the first element or entry, from 0.
    first: u32 = 0,
    count: u32 = 0,
    /// Whether it has entries, keys and values by turns; and then the position after the page.
    is_entries: bool = false,
    next: u32 = 0,
    values: *lua.Table = undefined,
    /// What it takes in Lua's heap.
    bytes: usize = 0,
};

/// `Page.first` of fields that code has read by key, which have no position.
pub const fields_position = std.math.maxInt(u32);

const pages_max = 128;
pub var list: [pages_max]Page = @splat(.{});
/// The page that is given up next. The first page is for single elements only.
var oldest: u32 = 1;
/// Bytes that all pages take, and how many they may take.
var bytes_taken: usize = 0;
const bytes_max = 128 * 1024;
const limit_divisor = 20; // of all the memory that there may be

/// How many elements are asked for at once: few at first, and more as long as access runs in
/// sequence.
pub const ahead_min = 4;
pub const ahead_growth = 8;
pub const ahead_max = 512;
/// Of an array of numbers: as many as a chunk has room for.
pub const ahead_numbers_max = wire.words_max - 2;

/// The most elements to ask for, whatever the array. It is lowered where so many arrays are read
/// side by side that pages are given up before they are read to the end.
pub var ahead_limit: u32 = ahead_numbers_max;
const ahead_limit_min = 16;

pub fn resetAhead() void {
    ahead_limit = ahead_numbers_max;
}

/// Lowers the limit.
pub fn shortenAhead(list_max: u32) void {
    ahead_limit = @max(@min(ahead_limit, list_max) / 2, ahead_limit_min);
}

/// The page of elements that was read last: `luaH_getint` looks there.
pub export var cu_page: extern struct {
    owner: ?*const lua.Table = null,
    first: u32 = 0,
    count: u32 = 0,
    values: [*c]const c.TValue = null,
} = .{};

/// Makes a page the one where `luaH_getint` looks.
pub inline fn show(table: *const lua.Table, page: *const Page) void {
    cu_page = .{ .owner = table, .first = page.first, .count = page.count, .values = page.values.array };
}

/// The page that has an element.
pub noinline fn find(owner: u32, position: u32) ?*Page {
    for (&list) |*page| {
        if (page.owner == owner and !page.is_entries and position -% page.first < page.count) return page;
    }
    return null;
}

/// Puts a page in the place of the oldest.
pub fn keep(page: Page, is_single: bool) *Page {
    assert(page.owner != 0 and page.count <= c.luaH_realasize(page.values));
    const place = if (is_single) &list[0] else &list[oldest];
    dropPage(place);
    if (!is_single) oldest = nextPage(oldest);
    place.* = page;
    bytes_taken += page.bytes;
    return place;
}

/// Counts what a page has taken since it was kept.
pub fn addBytes(page: *Page, bytes: usize) void {
    page.bytes += bytes;
    bytes_taken += bytes;
}

/// Counts the bytes of a row's field to the page that was kept last, as most likely that holds the
/// row: giving up the page lets go of the row.
pub fn charge(bytes: usize) void {
    const page = &list[if (oldest == 1) pages_max - 1 else oldest - 1];
    if (page.owner == 0) return;
    addBytes(page, bytes);
}

fn nextPage(index: u32) u32 {
    return if (index + 1 == pages_max) 1 else index + 1;
}

/// Gives up the oldest pages until the others are within their budget.
pub fn shrink() void {
    var index = oldest;
    const budget = @min(bytes_max, allocator.limitBytes() / limit_divisor);
    while (bytes_taken > budget) : (index = nextPage(index)) {
        dropPage(&list[index]);
        if (nextPage(index) == oldest) dropPage(&list[0]);
    }
}

/// From now on `luaH_getint` sees no page.
pub fn hide() void {
    cu_page.owner = null;
}

/// Gives up the pages of a view.
pub noinline fn drop(owner: u32) void {
    for (&list) |*page| if (page.owner == owner) dropPage(page);
}

pub noinline fn dropPage(page: *Page) void {
    cu_page.owner = null;
    page.owner = 0;
    assert(page.bytes <= bytes_taken);
    bytes_taken -= page.bytes;
    page.bytes = 0;
}

pub fn indexOf(page: *const Page) u32 {
    return @intCast((@intFromPtr(page) - @intFromPtr(&list)) / @sizeOf(Page));
}
