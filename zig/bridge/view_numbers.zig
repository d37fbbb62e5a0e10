//! The numbers under which the host knows the objects that tables and dates stand for (see
//! views/), so that an object is one table however code comes to it. `Table.view` holds a
//! table's number and what is needed at each access (lua/series/270-views.patch).

const std = @import("std");
const allocator = @import("../vm/allocator.zig");
const assert = @import("../vm/assert.zig").assert;
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const marks = @import("../values/marks.zig");
const pages = @import("view_pages.zig");
const userdata = @import("../values/userdata.zig");
const wire = @import("wire.zig");
const c = lua.c;

/// Bits of `Table.view`. Above them is the view's number, 0 for ordinary tables.
pub const incomplete: u32 = c.CU_VIEW_INCOMPLETE;
pub const clean: u32 = c.CU_VIEW_CLEAN;
pub const ordered: u32 = c.CU_VIEW_ORDERED;
const number_shift = c.CU_VIEW_SHIFT;
pub const number_max = std.math.maxInt(u32) >> number_shift;
/// Both bits: an external table (views/external.zig).
const external: u32 = incomplete | ordered;

const Entry = extern struct {
    /// The table or date that stands for the host's object. It doesn't keep it alive: `freed` takes
    /// a collected one away.
    object: ?*c.GCObject = null,
    link: extern union {
        /// With an object: the source of its input, a table that keeps those tables of the input
        /// that code has changed. Each clean view refers to it.
        source: *lua.Table,
        /// Without one: the next number in the list of released ones. The last number has its own
        /// number here, and a number that isn't in the list has 0.
        next_released: u32,
    } = .{ .next_released = 0 },
    /// Of an incomplete array, Map, Set or large object, and of a table with an order; of an external
    /// table that code has read in sequence or traversed.
    paged: ?*Paged = null,
};

/// What an incomplete array, Map, Set or large object needs.
pub const Paged = struct {
    kind: wire.ViewKind,
    /// How many elements or entries the host has; of an external table, more than it can have.
    length: u32,
    /// The position after the last page, where reading forwards goes on, and that of its first
    /// element, before which reading backwards goes on.
    next: u32 = 0,
    previous: u32 = 0,
    /// How many elements to ask for: grows as long as access runs in sequence.
    ahead: u32 = pages.ahead_min,
    ahead_max: u32,
    /// The page that was used last (index).
    page: u32 = 0,
    /// The page of the fields that code has read of a Map, Set or large object, or of the elements of
    /// an external table (index).
    fields: u32 = 0,
    /// The border of an external table, if it is known.
    border: ?u32 = null,
    /// The entry of the page that `next` has given last.
    cursor: u32 = 0,
    is_traversed: bool = false,
    /// Where a table was traversed in the host's order and then became complete: its keys in that
    /// order, and their positions from 1. The traversal may go on.
    order: ?*lua.Table = null,
    places: ?*lua.Table = null,
};

/// Called when an external table with a metatable is collected (views/external.zig).
pub var forget_place: *const fn (number: u32) void = undefined;

/// How many numbers have an object; and how many of those are external tables that never were views.
var alive: u32 = 0;
var externals: u32 = 0;

/// Whether Lua has anything of the host's that it lets go of when it is collected.
pub fn hasViews() bool {
    return alive > externals;
}

var entries: [*]Entry = undefined;
var capacity: u32 = 0;

/// The source of the views in the message that is being taken.
pub var source: ?*lua.Table = null;
/// Keeps it from being collected.
var source_slot: *lua.Table = undefined;

/// The source of external tables, which has none that are changed. Those that were views have `source_slot`
/// in its place, by which they are told apart.
var external_source: *lua.Table = undefined;

/// What external tables have of their contents, to be read again without asking the host, in bytes;
/// and how much that may be.
var cached_bytes: usize = 0;
const cached_bytes_max = 256 * 1024;
const cached_limit_divisor = 32; // of all the memory that there may be

const input_debt_min = 32 * 1024;
const inputs_waiting_max = 64;

/// First of the numbers whose tables have been collected, a list through the entries: the host
/// is told of them when it is asked next.
var first_released: u32 = 0;

pub fn init(L: *lua.State) void {
    source_slot = lua.newAnchored(L);
    c.luaH_resize(L, source_slot, 1, 0);
    external_source = lua.newAnchored(L);
}

/// The views of the next message belong to an input of their own.
pub fn newSource(L: *lua.State) void {
    const table: *lua.Table = @ptrCast(c.luaH_new(L));
    lua.set(L, source_slot, lua.integer(1), lua.ofTable(table));
    source = table;
    pages.resetAhead();
    // The collector doesn't see the memory that earlier inputs take in the host. So each new input
    // moves it on by a part of a cycle, and not many wait to be collected.
    const g = L.l_G;
    c.luaE_setdebt(g, g.*.GCdebt + @as(c.l_mem, @intCast(@max(input_debt_min, g.*.GCestimate / inputs_waiting_max))));
}

/// Lets go of the source: from now on the views of the input refer to it.
pub fn forgetSource() void {
    source_slot.array[0] = lua.nil;
}

/// The table that keeps the changed tables of a view's input, as its values.
pub fn sourceOf(table: *const lua.Table) *lua.Table {
    return entryOf(table).link.source;
}

/// Lua's shared node of tables without a hash part.
pub fn dummyNode() [*c]lua.Node {
    return source_slot.node; // never holds more than an array
}

pub inline fn numberOf(table: *const lua.Table) u32 {
    return table.view >> number_shift;
}

/// Whether the table is an external one.
pub inline fn isExternal(table: *const lua.Table) bool {
    return table.view & external == external;
}

/// Whether the table's contents are the host's, unchanged. Without a number it is read-only.
pub inline fn isClean(table: *const lua.Table) bool {
    return table.view & clean != 0 and numberOf(table) != 0;
}

pub inline fn entryOf(table: *const lua.Table) *Entry {
    const number = numberOf(table);
    assert(number < capacity);
    const entry = &entries[number];
    assert(entry.object == @as(*c.GCObject, @ptrCast(@constCast(table))));
    return entry;
}

/// The living object of a number, if it has one. An object that is dead but not yet swept is no view
/// any more, as its contents may be gone.
pub fn find(L: *lua.State, number: u32) ?*c.GCObject {
    if (number >= capacity) return null;
    const object = entries[number].object orelse return null;
    const white = L.l_G.*.currentwhite ^ @as(u8, c.WHITEBITS);
    if (object.marked & white & c.WHITEBITS == 0) return object;
    detach(L, number);
    return null;
}

/// Takes the number away from an object.
fn detach(L: *lua.State, number: u32) void {
    const entry = &entries[number];
    const object = entry.object.?;
    forgetPaged(L, number);
    discount(number);
    entry.* = .{};
    if (object.tt == c.LUA_VTABLE) {
        @as(*lua.Table, @ptrCast(@alignCast(object))).view &= c.CU_INLINE_MASK;
    } else userdata.setNumber(object, 0);
}

/// Frees what an incomplete view needed.
pub fn forgetPaged(L: *lua.State, number: u32) void {
    const paged = entries[number].paged orelse return;
    pages.drop(number);
    c.luaM_free_(L, @ptrCast(paged), @sizeOf(Paged));
    entries[number].paged = null;
}

/// Makes a view of a new table, under a number that the host has just given.
pub fn register(L: *lua.State, table: *lua.Table, number: u32, head: wire.ViewHead) void {
    // What may raise a memory error comes before any change.
    makeRoom(L, number);
    var own: ?*Paged = null;
    if (!head.is_complete and head.kind != .object) {
        const paged: *Paged = @ptrCast(@alignCast(c.luaM_malloc_(L, @sizeOf(Paged), 0)));
        paged.* = .{
            .kind = head.kind,
            .length = head.length,
            .ahead_max = if (head.is_numbers) pages.ahead_numbers_max else pages.ahead_max,
        };
        own = paged;
    }
    const entry = newEntry(number);
    entry.paged = own;
    entry.object = @ptrCast(table);
    alive += 1;
    table.view |= number << number_shift | clean | (if (head.is_complete) 0 else incomplete);
}

/// Makes an external table of a table without contents of its own.
pub noinline fn registerExternal(L: *lua.State, table: *lua.Table, number: u32) void {
    reserve(L, number);
    becomeExternal(L, table, number);
}

/// Makes sure that a number can be given.
pub fn reserve(L: *lua.State, number: u32) void {
    assert(number > 0 and number <= number_max);
    makeRoom(L, number);
}

/// Makes an external table of any that isn't one: its contents stand with the host now. Needs no
/// memory where the number was reserved. A table that was a view keeps its number, and not its source, which it
/// hasn't kept alive since code changed it.
pub noinline fn becomeExternal(L: *lua.State, table: *lua.Table, number: u32) void {
    const entry = &entries[number];
    if (numberOf(table) == 0) {
        assert(entry.object == null and entry.paged == null);
        if (entry.link.next_released != 0) unrelease(number);
        entry.* = .{ .object = @ptrCast(table), .link = .{ .source = external_source } };
        alive += 1;
        externals += 1;
    } else {
        assert(numberOf(table) == number);
        forgetPaged(L, number);
        entry.link = .{ .source = source_slot };
    }
    emptyParts(L, table);
    marks.clear(L, table);
    table.view = table.view & c.CU_INLINE_MASK | number << number_shift | external | clean;
    if (table.marked & (1 << c.BLACKBIT) != 0) c.luaC_barrierback_(L, @ptrCast(table));
}

/// The next external table from a number on, which then is the one after it; null after the last.
pub fn nextExternal(number: *u32) ?*lua.Table {
    while (number.* < capacity) {
        const object = entries[number.*].object;
        number.* += 1;
        if (object == null or object.?.tt != c.LUA_VTABLE) continue;
        const table: *lua.Table = @ptrCast(@alignCast(object.?));
        if (isExternal(table)) return table;
    }
    return null;
}

/// Counts what an external table has got of its contents.
pub fn countCached(bytes: usize) void {
    cached_bytes += bytes;
}

/// Where external tables have more of their contents than they may, they all lose it. No instruction
/// may be looking at one.
pub noinline fn evict(L: *lua.State) void {
    if (cached_bytes <= @min(cached_bytes_max, allocator.limitBytes() / cached_limit_divisor)) return;
    giveUp(L);
}

/// They lose it in any case.
pub fn giveUp(L: *lua.State) void {
    cached_bytes = 0;
    limits.owe(capacity);
    var next: u32 = 0;
    while (nextExternal(&next)) |table| emptyParts(L, table);
}

/// Takes all that a table's own parts hold, and the parts.
pub noinline fn emptyParts(L: *lua.State, table: *lua.Table) void {
    const size = c.luaH_realasize(table);
    if (size > 0) c.luaM_free_(L, @ptrCast(table.array), size * @sizeOf(lua.Value));
    table.array = null;
    table.alimit = 0;
    table.flags &= 0x7f; // isrealasize
    // A hash part in the table's own block goes with the table.
    const is_inline = @intFromPtr(table.node) == @intFromPtr(table) + @sizeOf(lua.Table);
    if (table.lastfree != null and !is_inline) {
        c.luaM_free_(L, @ptrCast(table.node), lua.nodeCount(table) * @sizeOf(lua.Node));
    }
    table.node = dummyNode();
    table.lastfree = null;
    table.lsizenode = 0;
}

/// What an external table needs to be read in sequence.
pub noinline fn pagedOf(L: *lua.State, table: *lua.Table) *Paged {
    const entry = entryOf(table);
    if (entry.paged) |paged| return paged;
    const paged: *Paged = @ptrCast(@alignCast(c.luaM_malloc_(L, @sizeOf(Paged), 0)));
    paged.* = .{ .kind = .external, .length = std.math.maxInt(u32), .ahead_max = pages.ahead_max };
    entry.paged = paged;
    return paged;
}

/// The external table with this number, if there is one.
pub fn findExternal(L: *lua.State, number: u32) ?*lua.Table {
    const object = find(L, number) orelse return null;
    if (object.tt != c.LUA_VTABLE) return null;
    const table: *lua.Table = @ptrCast(@alignCast(object));
    return if (isExternal(table)) table else null;
}

/// Gives a new date its number.
pub fn registerDate(L: *lua.State, date: *c.GCObject, number: u32) void {
    makeRoom(L, number);
    newEntry(number).object = date;
    alive += 1;
    userdata.setNumber(date, number);
}

/// The same for an error, which belongs to no input.
pub fn registerError(L: *lua.State, object: *c.GCObject, number: u32) void {
    assert(number > 0 and number <= number_max);
    makeRoom(L, number);
    const entry = &entries[number];
    assert(entry.object == null);
    if (entry.link.next_released != 0) unrelease(number);
    entry.* = .{ .object = object };
    alive += 1;
    userdata.setNumber(object, number);
}

inline fn makeRoom(L: *lua.State, number: u32) void {
    if (number >= capacity) growEntries(L, number + 1);
}

inline fn newEntry(number: u32) *Entry {
    const entry = &entries[number];
    assert(number > 0 and number <= number_max and source != null);
    assert(entry.object == null and entry.paged == null);
    if (entry.link.next_released != 0) unrelease(number);
    entry.link = .{ .source = source.? };
    return entry;
}

fn growEntries(L: *lua.State, needed: u32) void {
    const grown = @max(64, capacity * 2, needed);
    const size = @sizeOf(Entry);
    const old: ?*anyopaque = if (capacity == 0) null else @ptrCast(entries);
    entries = @ptrCast(@alignCast(c.luaM_saferealloc_(L, old, capacity * size, grown * size)));
    @memset(entries[capacity..grown], .{});
    capacity = grown;
}

/// Takes a number off the list of released ones: the host has sent it again before it was told
/// that the number's table had been collected.
fn unrelease(number: u32) void {
    const after = entries[number].link.next_released;
    if (first_released == number) {
        first_released = if (after == number) 0 else after;
        return;
    }
    var before = first_released;
    while (entries[before].link.next_released != number) before = entries[before].link.next_released;
    entries[before].link.next_released = if (after == number) before else after;
}

/// The host takes back the number of a message that failed. False where the number has no object.
pub fn drop(L: *lua.State, number: u32) bool {
    if (number >= capacity or entries[number].object == null) return false;
    detach(L, number);
    return true;
}

/// Called when a table that is a view is collected.
pub export fn cu_view_free(L: *lua.State, table: *lua.Table) callconv(.c) void {
    const number = numberOf(table);
    if (isExternal(table) and table.metatable != null) forget_place(number);
    forgetPaged(L, number);
    freed(number);
}

/// A number's object has been collected.
pub fn freed(number: u32) void {
    assert(number < capacity and entries[number].object != null);
    discount(number);
    entries[number] = .{ .link = .{ .next_released = if (first_released == 0) number else first_released } };
    first_released = number;
}

/// A number is about to have no object any more.
fn discount(number: u32) void {
    assert(alive > 0);
    alive -= 1;
    if (entries[number].link.source == external_source) externals -= 1;
}

/// Called when userdata is collected.
pub export fn cu_userdata_free(object: *c.Udata) callconv(.c) void {
    const number = userdata.numberOf(object);
    if (number == 0) return;
    userdata.forget(object);
    freed(number);
}

/// Takes numbers of collected tables off their list, as many as there is room for, and answers
/// how many.
pub fn takeReleased(room: []u32) u32 {
    var count: u32 = 0;
    while (first_released != 0 and count < room.len) : (count += 1) {
        room[count] = first_released;
        const link = &entries[first_released].link;
        const next = link.next_released;
        link.* = .{ .next_released = 0 };
        first_released = if (next == first_released) 0 else next;
    }
    return count;
}

/// The tables that the collector must mark with a clean view: one for each index, then null. With a
/// read-only table there are none.
pub export fn cu_view_reference(table: *const lua.Table, index: u32) callconv(.c) ?*lua.Table {
    if (numberOf(table) == 0) return null;
    const entry = entryOf(table);
    if (index == 0) return entry.link.source;
    const paged = entry.paged orelse return null;
    if (table.view & external == ordered) return if (index == 1) paged.order else if (index == 2) paged.places else null;
    var seen: u32 = 0;
    for (&pages.list) |*page| {
        if (page.owner != numberOf(table)) continue;
        seen += 1;
        if (seen == index) return page.values;
    }
    return null;
}

/// That each number and its object know each other, and each page its view (lua/heap_check.c).
fn check(_: *c.global_State) callconv(.c) void {
    if (capacity == 0) return;
    var count: u32 = 0;
    for (entries[0..capacity], 0..) |*entry, number| {
        const object = entry.object orelse {
            assert(entry.paged == null and entry.link.next_released < capacity);
            continue;
        };
        count += 1;
        const own = if (object.tt == c.LUA_VTABLE)
            numberOf(@ptrCast(@alignCast(object)))
        else
            userdata.numberOf(@ptrCast(@alignCast(object)));
        assert(own == number);
        if (entry.paged) |paged| assert(paged.page < pages.list.len and paged.fields < pages.list.len);
    }
    assert(count == alive and externals <= alive);
    for (&pages.list) |*page| {
        if (page.owner == 0) continue;
        assert(page.owner < capacity and entries[page.owner].object != null);
        assert(page.values.tt == c.LUA_VTABLE and page.count <= c.luaH_realasize(page.values));
    }
    if (pages.cu_page.owner) |owner| _ = entryOf(owner);
}

comptime {
    if (lua.is_checked) @export(&check, .{ .name = "cu_check_views" });
}
