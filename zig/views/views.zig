//! Views: tables whose contents stand with the host, which is asked for what code
//! reads (lazy input). To Lua a view is a table: what is read out of an object is kept
//! in its hash part, so that it is read natively from then on; elements of arrays and
//! entries of Maps come in pages, of which a few are kept. Each view has a number,
//! under which the host knows the object, so that an object is one table however code
//! came to it. Before code writes to a view, it is made an ordinary table, with all its
//! contents (copy on write), and kept as long as other views lead to it.
//!
//! `Table.view` (see lua/patches.zig) holds what is needed at each access.

const std = @import("std");
const assert = @import("../vm/assert.zig").assert;
const to_lua = @import("../bridge/to_lua.zig");
const from_lua = @import("../bridge/from_lua.zig");
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const marks = @import("../values/marks.zig");
const userdata = @import("../values/userdata.zig");
const wire = @import("../bridge/wire.zig");
const c = lua.c;

/// What the host is asked for; `src/lazy/host_tables.ts` answers.
pub const Op = enum(u32) {
    /// Elements of an array from `first`, at most `count`: a page.
    elements,
    /// The value of a key, which stands in the buffer: `first` words, `count` bytes.
    field,
    /// All contents.
    all,
    /// Entries from the position `first`, at most `count`: a page of keys and values by
    /// turns. Answers the position after it.
    entries,
    /// The position after a key's, which stands in the buffer; 0 where it has none.
    position,
    /// A Map's or Set's border, as `#` in Lua.
    border,
};

/// The message with the answer has been taken when this returns. Not negative:
/// what `Op` says, or `whole`; negative: see `raise`.
extern "cu" fn load(op: Op, view: u32, first: u32, count: u32) i32;

/// So many views, listed in `released`, are no more.
extern "cu" fn release(count: u32) void;

/// Raises `next`'s error (lua/patches.zig).
extern fn luaH_invalidkey(L: *lua.State) noreturn;

/// The host answered a `field` with all contents.
const whole = 1;

/// Work that a crossing is counted as, in bytes (see limits.spend).
const crossing_bytes = 16 * 1024;

/// Bits of `Table.view`. Above them is the view's number, 0 for ordinary tables.
pub const incomplete: u32 = c.CU_VIEW_INCOMPLETE;
pub const clean: u32 = c.CU_VIEW_CLEAN;
const ordered: u32 = c.CU_VIEW_ORDERED;
const number_shift = c.CU_VIEW_SHIFT;
pub const number_max = std.math.maxInt(u32) >> number_shift;

const Entry = extern struct {
    /// A table, or a date, which is the host's object too. Weak: `freed` takes it away.
    object: ?*c.GCObject = null,
    link: extern union {
        /// With an object: keeps the tables of this input that code has written to; every
        /// clean view of the input refers to it.
        source: *lua.Table,
        /// Without one: the next number that is to be released, itself at the end of that
        /// list, 0 outside of it.
        next_released: u32,
    } = .{ .next_released = 0 },
    /// Of an incomplete list, Map, Set or large object, and of a table with an order.
    paged: ?*Paged = null,
};

/// What an incomplete array, Map, Set or large object needs.
const Paged = struct {
    kind: wire.ViewKind,
    /// Of an array: elements.
    length: u32,
    /// Position after the last page, and that of its first element: where one goes on
    /// reading forwards or backwards.
    next: u32 = 0,
    previous: u32 = 0,
    /// How many elements to ask for: grows as long as access runs in sequence.
    ahead: u32 = ahead_min,
    ahead_max: u32,
    /// Where to look first.
    page: u32 = 0,
    /// Where a Map, Set or large object has the fields that code has read.
    fields: u32 = 0,
    /// Entry of the page that `next` gave last, if it has given any.
    cursor: u32 = 0,
    is_traversed: bool = false,
    /// Of a table that was traversed in the host's order before it was complete, as that
    /// traversal may go on: its keys in that order, and their positions from 1.
    order: ?*lua.Table = null,
    places: ?*lua.Table = null,
};

const ahead_min = 4;
const ahead_growth = 8;
const ahead_max = 512;
/// Numbers are small, and all alike: what a chunk holds.
const ahead_numbers_max = wire.words_max - 2;

/// The most to ask for, whatever the list: less where so many are read side by side that
/// pages are given up before they are read to the end.
var ahead_limit: u32 = ahead_numbers_max;
const ahead_limit_min = 16;

/// A page of a view's contents. Not a root of the collector: its owner refers to it
/// (cu_view_reference).
const Page = struct {
    owner: u32 = 0,
    /// Position of the first element or entry, from 0.
    first: u32 = 0,
    count: u32 = 0,
    /// Of entries: the position after it.
    next: u32 = 0,
    values: *lua.Table = undefined,
    /// What it takes in Lua's heap.
    bytes: usize = 0,
};

/// Stands for the position of a page of fields, which has none.
const fields_position = std.math.maxInt(u32);

const pages_max = 128;
var pages: [pages_max]Page = @splat(.{});
/// The page that is given up next; the first serves for single elements only.
var oldest: u32 = 1;
/// What all pages take; the oldest are given up until it is within the budget.
var pages_bytes: usize = 0;
const pages_bytes_max = 128 * 1024;

/// Numbers that have an object.
var alive: u32 = 0;

var entries: [*]Entry = undefined;
var capacity: u32 = 0;

/// Source of the views in the message that is being taken.
pub var source: ?*lua.Table = null;
/// Keeps it from being collected.
var source_slot: *lua.Table = undefined;

const input_debt_min = 32 * 1024;
const inputs_waiting_max = 64;

/// Numbers whose tables are no more, as a list through the entries: the host is told at
/// the next crossing.
var first_released: u32 = 0;
/// Where they are listed for the host.
var released: [wire.released_max]u32 = undefined;

/// Where messages are taken: a thread of its own, as the running one's stack must not
/// move under an instruction. Errors are raised in the running one.
var B: *lua.State = undefined;

pub fn init(L: *lua.State, thread: *lua.State) void {
    B = thread;
    source_slot = lua.newAnchored(L);
    c.luaH_resize(L, source_slot, 1, 0);
}

/// The views of the next message belong to an input of their own.
pub fn newSource(L: *lua.State) void {
    const table: *lua.Table = @ptrCast(c.luaH_new(L));
    lua.set(L, source_slot, lua.integer(1), lua.ofTable(table));
    source = table;
    ahead_limit = ahead_numbers_max;
    // What the input before it takes in the host, the collector doesn't see: each costs
    // it some of a cycle, so that not many wait for its end.
    const g = L.l_G;
    c.luaE_setdebt(g, g.*.GCdebt + @as(c.l_mem, @intCast(@max(input_debt_min, g.*.GCestimate / inputs_waiting_max))));
}

/// The views of an input refer to its source from now on.
pub fn forgetSource() void {
    source_slot.array[0] = lua.nil;
}

/// Lets go of what nothing in Lua refers to, so that the host can: no finalizer runs.
pub fn collectAll(L: *lua.State) void {
    c.lua_settop(B, 0); // the last answer
    if (alive == 0) return;
    c.luaC_fullgc(L, 1);
    flushReleased();
}

pub fn releasedList() [*]u32 {
    return &released;
}

/// Tells the host which views are no more.
pub fn flushReleased() void {
    while (first_released != 0) {
        var count: u32 = 0;
        while (first_released != 0 and count < released.len) : (count += 1) {
            released[count] = first_released;
            const link = &entries[first_released].link;
            const next = link.next_released;
            link.* = .{ .next_released = 0 };
            first_released = if (next == first_released) 0 else next;
        }
        limits.owe(count);
        release(count);
    }
}

pub inline fn numberOf(table: *const lua.Table) u32 {
    return table.view >> number_shift;
}

/// Whether the table's contents are the host's, unchanged.
pub inline fn isClean(table: *const lua.Table) bool {
    return table.view & clean != 0;
}

inline fn entryOf(table: *const lua.Table) *Entry {
    const number = numberOf(table);
    assert(number < capacity);
    const entry = &entries[number];
    assert(entry.object == @as(*c.GCObject, @ptrCast(@constCast(table))));
    return entry;
}

/// The living object of a number, if it has one. One that is dead but not yet swept is
/// no view any more: its contents may be gone.
pub fn find(L: *lua.State, number: u32) ?*c.GCObject {
    if (number >= capacity) return null;
    const object = entries[number].object orelse return null;
    const white = L.l_G.*.currentwhite ^ @as(u8, c.WHITEBITS);
    if (object.marked & white & c.WHITEBITS == 0) return object;
    detach(L, number);
    return null;
}

/// Parts an object from its number.
fn detach(L: *lua.State, number: u32) void {
    const entry = &entries[number];
    const object = entry.object.?;
    forgetPaged(L, number);
    entry.* = .{};
    alive -= 1;
    if (object.tt == c.LUA_VTABLE) {
        @as(*lua.Table, @ptrCast(@alignCast(object))).view &= c.CU_INLINE_MASK;
    } else userdata.setDateNumber(object, 0);
}

/// Frees what an incomplete view needed.
fn forgetPaged(L: *lua.State, number: u32) void {
    const paged = entries[number].paged orelse return;
    dropPages(number);
    c.luaM_free_(L, @ptrCast(paged), @sizeOf(Paged));
    entries[number].paged = null;
}

/// Makes a view of a new table, which the host has just numbered.
pub fn register(L: *lua.State, table: *lua.Table, number: u32, head: wire.ViewHead) void {
    // What may raise a memory error comes first.
    makeRoom(L, number);
    var own: ?*Paged = null;
    if (!head.is_complete and head.kind != .object) {
        const paged: *Paged = @ptrCast(@alignCast(c.luaM_malloc_(L, @sizeOf(Paged), 0)));
        paged.* = .{
            .kind = head.kind,
            .length = head.length,
            .ahead_max = if (head.is_numbers) ahead_numbers_max else ahead_max,
        };
        own = paged;
    }
    const entry = newEntry(number);
    entry.paged = own;
    entry.object = @ptrCast(table);
    alive += 1;
    table.view |= number << number_shift | clean | (if (head.is_complete) 0 else incomplete);
}

/// The same for a date.
pub fn registerDate(L: *lua.State, date: *c.GCObject, number: u32) void {
    makeRoom(L, number);
    newEntry(number).object = date;
    alive += 1;
    userdata.setDateNumber(date, number);
}

inline fn makeRoom(L: *lua.State, number: u32) void {
    if (number >= capacity) growEntries(L, number + 1);
}

inline fn newEntry(number: u32) *Entry {
    const entry = &entries[number];
    assert(entry.object == null and entry.paged == null);
    if (entry.link.next_released != 0) unrelease(number);
    entry.link = .{ .source = source.? };
    return entry;
}

fn growEntries(L: *lua.State, needed: u32) void {
    const grown = @max(256, capacity * 2, needed);
    const size = @sizeOf(Entry);
    const old: ?*anyopaque = if (capacity == 0) null else @ptrCast(entries);
    entries = @ptrCast(@alignCast(c.luaM_saferealloc_(L, old, capacity * size, grown * size)));
    @memset(entries[capacity..grown], .{});
    capacity = grown;
}

/// The table of this number died after the host had read of it that it lives.
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

/// The host takes a number back whose message failed; false where it has no object.
pub fn drop(L: *lua.State, number: u32) bool {
    if (number >= capacity or entries[number].object == null) return false;
    detach(L, number);
    return true;
}

/// Called when a table that is a view is collected.
pub export fn cu_view_free(L: *lua.State, table: *lua.Table) callconv(.c) void {
    const number = numberOf(table);
    forgetPaged(L, number);
    freed(number);
}

/// A number's object has been collected.
pub fn freed(number: u32) void {
    assert(number < capacity and entries[number].object != null and alive > 0);
    entries[number] = .{ .link = .{ .next_released = if (first_released == 0) number else first_released } };
    first_released = number;
    alive -= 1;
}

/// What the collector must mark with a clean view: one after the other, then null.
pub export fn cu_view_reference(table: *const lua.Table, index: u32) callconv(.c) ?*lua.Table {
    const entry = entryOf(table);
    if (index == 0) return entry.link.source;
    const paged = entry.paged orelse return null;
    if (table.view & ordered != 0) return if (index == 1) paged.order else if (index == 2) paged.places else null;
    var seen: u32 = 0;
    for (&pages) |*page| {
        if (page.owner != numberOf(table)) continue;
        seen += 1;
        if (seen == index) return page.values;
    }
    return null;
}

fn dropPages(number: u32) void {
    for (&pages) |*page| if (page.owner == number) dropPage(page);
}

fn dropPage(page: *Page) void {
    cu_page.owner = null;
    page.owner = 0;
    pages_bytes -= page.bytes;
    page.bytes = 0;
}

/// The host is being asked, and may answer with a message.
pub var is_asking = false;

/// Asks the host; the answer stands at the top of B's stack.
fn ask(L: *lua.State, op: Op, table: *const lua.Table, first: u32, count: u32) u32 {
    flushReleased();
    shrinkPages();
    c.lua_settop(B, 0);
    source = entryOf(table).link.source;
    limits.spend(crossing_bytes);
    is_asking = true;
    const answer = load(op, numberOf(table), first, count);
    is_asking = false;
    if (answer < 0) raise(L, answer);
    assert(op == .position or to_lua.finish(B) and isAnswer(op, lua.top(B)));
    limits.spend(to_lua.takenBytes());
    return @intCast(answer);
}

/// Whether the host's message is what it was asked for.
fn isAnswer(op: Op, given: *const lua.Value) bool {
    return op == .field or given.tt_ == lua.tag.table;
}

/// A refused value: the host wrote why into the buffer, and answered its length.
fn raise(L: *lua.State, answer: i32) noreturn {
    _ = to_lua.finish(B);
    c.lua_settop(B, 0);
    if (answer == @intFromEnum(wire.Status.memory)) c.luaD_throw(L, c.LUA_ERRMEM);
    const length: usize = @intCast(wire.refusal_base - answer);
    from_lua.heap[@min(length, from_lua.heap.len - 1)] = 0;
    c.luaG_runerror(L, "%s", @as([*:0]const u8, @ptrCast(from_lua.heap)));
    unreachable;
}

/// One step of the collector, if it is time for one: code that only reads a view
/// allocates nothing by itself. Without finalizers and moving stacks (as in an emergency),
/// as an instruction is under way.
pub fn collect(L: *lua.State) void {
    const g = L.l_G;
    if (g.*.GCdebt <= 0 or g.*.gcemergency != 0) return;
    g.*.gcemergency = 1;
    c.luaC_step(L);
    g.*.gcemergency = 0;
}

/// The value of a key that an incomplete view's own parts don't have. No stack moves.
pub export fn cu_view_get(L: *lua.State, table: *lua.Table, key: *const lua.Value) callconv(.c) *const lua.Value {
    const paged = entryOf(table).paged orelse return fieldOfObject(L, table, key);
    if (paged.kind == .array) {
        const position = positionOf(key) orelse return &lua.nil;
        return if (position < paged.length) element(L, table, paged, position) else &lua.nil;
    }
    if (keptFields(table, paged)) |page| {
        const held = lua.get(page.values, key.*);
        if (!lua.isNil(held)) return held;
    }
    if (askForKey(L, .field, table, key) == null) return &lua.nil;
    const held = lua.top(B);
    if (lua.isNil(held)) return held;
    const bytes = to_lua.takenBytes() + @sizeOf(lua.Node);
    const page = keptFields(table, paged) orelse newPage: {
        const values: *lua.Table = @ptrCast(c.luaH_new(L));
        const page = keep(table, values, fields_position, 0, false);
        paged.fields = indexOf(page);
        break :newPage page;
    };
    lua.set(L, page.values, key.*, held.*);
    page.bytes += bytes;
    pages_bytes += bytes;
    return lua.get(page.values, key.*);
}

/// The page of the fields that code has read, if it has not been given up.
fn keptFields(table: *const lua.Table, paged: *const Paged) ?*Page {
    const page = &pages[paged.fields];
    return if (page.owner == numberOf(table) and page.first == fields_position) page else null;
}

/// The integer key that a table takes a number for.
fn integerOf(key: *const lua.Value) ?i64 {
    if (key.tt_ == lua.tag.integer) return key.value_.i;
    var integer: c.lua_Integer = undefined;
    const is_integer = key.tt_ == lua.tag.float and c.luaV_flttointeger(key.value_.n, &integer, c.F2Ieq) != 0;
    return if (is_integer) integer else null;
}

/// Position from 0 of an array's element.
fn positionOf(key: *const lua.Value) ?u32 {
    const integer = integerOf(key) orelse return null;
    return if (integer >= 1 and integer <= std.math.maxInt(u32)) @intCast(integer - 1) else null;
}

fn fieldOfObject(L: *lua.State, table: *lua.Table, key: *const lua.Value) *const lua.Value {
    const answer = askForKey(L, .field, table, key) orelse return &lua.nil;
    charge(to_lua.takenBytes());
    if (answer == whole) {
        takeContents(L, table);
    } else if (!lua.isNil(lua.top(B))) {
        lua.set(L, table, key.*, lua.top(B).*);
    }
    return lua.get(table, key.*);
}

/// Asks for something under a key; null for a key that no container of the host has.
fn askForKey(L: *lua.State, op: Op, table: *lua.Table, key: *const lua.Value) ?u32 {
    switch (key.tt_) {
        lua.tag.short_string, lua.tag.long_string => limits.spend(lua.bytesOf(lua.stringOf(key)).len),
        lua.tag.integer, lua.tag.float, lua.tag.true_, lua.tag.false_ => {
            const paged = entryOf(table).paged orelse return null;
            if (paged.kind == .record) return null;
        },
        lua.tag.table => if (numberOf(lua.tableOf(key)) == 0) return null,
        lua.tag.userdata => if (userdata.dateNumberOf(key) == 0) return null,
        else => return null,
    }
    from_lua.start(L);
    from_lua.hostKey(L, key) catch unreachable; // strings, numbers, booleans and numbers of views
    const words = from_lua.finish(L, false);
    const answer = ask(L, op, table, words, from_lua.heapCount());
    collect(L); // the answer stands on B's stack
    return answer;
}

fn element(L: *lua.State, table: *lua.Table, paged: *Paged, position: u32) *const lua.Value {
    var page = &pages[paged.page];
    if (page.owner != numberOf(table) or position -% page.first >= page.count) {
        page = pageAt(table, position) orelse loadElements(L, table, paged, position);
        paged.page = indexOf(page);
    }
    if (position - page.first >= page.count) return &lua.nil;
    cu_page = .{ .owner = table, .first = page.first, .count = page.count, .values = page.values.array };
    return @ptrCast(page.values.array + (position - page.first));
}

/// The page of elements that was read last, for `luaH_getint`.
export var cu_page: extern struct {
    owner: ?*const lua.Table = null,
    first: u32 = 0,
    count: u32 = 0,
    values: [*c]const c.TValue = null,
} = .{};

fn pageAt(table: *const lua.Table, position: u32) ?*Page {
    for (&pages) |*page| {
        if (page.owner == numberOf(table) and position -% page.first < page.count) return page;
    }
    return null;
}

/// Reads ahead where access runs in sequence, in either direction; else one element.
fn loadElements(L: *lua.State, table: *lua.Table, paged: *Paged, position: u32) *Page {
    var first = position;
    var count: u32 = 1;
    if (position == paged.next) {
        count = @min(paged.ahead, paged.length - position);
        paged.ahead = @min(paged.ahead * ahead_growth, ahead_limit, paged.ahead_max);
    } else if (position > paged.previous and position < paged.next) {
        // Its page was given up before it was read to the end.
        shortenPages(paged);
        count = @min(ahead_limit, paged.length - position);
    } else if (position + 1 == paged.previous) {
        // As many as the last page had: they fit.
        first = position -| (paged.ahead - 1);
        count = position + 1 - first;
        paged.ahead = @min(paged.ahead * 2, ahead_limit, paged.ahead_max);
    } else {
        paged.ahead = ahead_min;
    }
    const wanted = count;
    _ = ask(L, .elements, table, first, count);
    var values = lua.tableOf(lua.top(B));
    count = c.luaH_realasize(values);
    if (position - first >= count) {
        // Backwards, and the page was full before it came to this one.
        first = position;
        _ = ask(L, .elements, table, first, 1);
        values = lua.tableOf(lua.top(B));
        count = c.luaH_realasize(values);
    }
    if (count < wanted) paged.ahead = @max(count, ahead_min);
    paged.next = first + count;
    paged.previous = first;
    const page = keep(table, values, first, count, wanted == 1);
    collect(L);
    return page;
}

/// Where pages are given up before they are read to the end.
fn shortenPages(paged: *const Paged) void {
    ahead_limit = @max(@min(ahead_limit, paged.ahead_max) / 2, ahead_limit_min);
}

/// Puts a page that has just been taken in the place of the oldest.
fn keep(table: *lua.Table, values: *lua.Table, first: u32, count: u32, is_single: bool) *Page {
    const page = if (is_single) &pages[0] else &pages[oldest];
    dropPage(page);
    if (!is_single) oldest = nextPage(oldest);
    const bytes = to_lua.takenBytes();
    page.* = .{ .owner = numberOf(table), .first = first, .count = count, .values = values, .bytes = bytes };
    pages_bytes += bytes;
    lua.barrier(B, table, lua.ofTable(values));
    return page;
}

/// Counts a field that was loaded into a row to the last page, which most likely holds it:
/// with it, the row is let go.
fn charge(bytes: usize) void {
    const page = &pages[if (oldest == 1) pages_max - 1 else oldest - 1];
    if (page.owner == 0) return;
    page.bytes += bytes;
    pages_bytes += bytes;
}

fn nextPage(index: u32) u32 {
    return if (index + 1 == pages_max) 1 else index + 1;
}

/// Before more is taken.
fn shrinkPages() void {
    var index = oldest;
    while (pages_bytes > pages_bytes_max) : (index = nextPage(index)) {
        dropPage(&pages[index]);
        if (nextPage(index) == oldest) dropPage(&pages[0]);
    }
}

/// Makes an incomplete view complete. It stays a view.
fn complete(L: *lua.State, table: *lua.Table) void {
    if (table.view & incomplete == 0) return;
    const paged = entryOf(table).paged;
    const is_traversed = paged != null and paged.?.is_traversed;
    if (is_traversed) keepOrder(L, table, paged.?);
    _ = ask(L, .all, table, 0, 0);
    takeContents(L, table);
    if (is_traversed) lua.pop(L, 2);
}

/// Notes the keys of a table that is being traversed, in the host's order. Leaves the two
/// tables on the stack, as nothing else refers to them before the table is complete; the
/// slots are there for any function that an instruction calls (EXTRA_STACK).
fn keepOrder(L: *lua.State, table: *lua.Table, paged: *Paged) void {
    const order: *lua.Table = @ptrCast(c.luaH_new(L));
    lua.push(L, lua.ofTable(order));
    const places: *lua.Table = @ptrCast(c.luaH_new(L));
    lua.push(L, lua.ofTable(places));
    var count: i64 = 0;
    var position: u32 = 0;
    while (position < paged.length) {
        const next = ask(L, .entries, table, position, std.math.maxInt(u32));
        if (next <= position) break;
        position = next;
        const values = lua.tableOf(lua.top(B));
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

/// Gives the table the contents of the one at B's top.
fn takeContents(L: *lua.State, table: *lua.Table) void {
    const from = lua.tableOf(lua.top(B));
    // A hash part in the other table's own block doesn't outlive it.
    if (from.node == inlineNodes(from)) c.luaH_resize(L, from, from.alimit, lua.nodeCount(from));
    if (table.lastfree != null and table.node != inlineNodes(table)) {
        c.luaM_free_(L, @ptrCast(table.node), lua.nodeCount(table) * @sizeOf(lua.Node));
    }
    table.node = from.node;
    table.lastfree = from.lastfree;
    table.lsizenode = from.lsizenode;
    from.node = source_slot.node; // never holds more than an array: Lua's dummy node
    from.lastfree = null;
    from.lsizenode = 0;
    std.mem.swap([*c]c.TValue, &table.array, &from.array);
    std.mem.swap(c_uint, &table.alimit, &from.alimit);
    std.mem.swap(@TypeOf(table.mark), &table.mark, &from.mark);
    table.flags = 0;
    table.view &= ~incomplete;
    const number = numberOf(table);
    const is_ordered = if (entries[number].paged) |paged| paged.order != null else false;
    if (is_ordered) {
        table.view |= ordered;
        lua.barrier(L, table, lua.ofTable(entries[number].paged.?.order.?));
        lua.barrier(L, table, lua.ofTable(entries[number].paged.?.places.?));
        dropPages(number);
    } else forgetPaged(L, number);
    // All that it holds now may be new to the collector.
    lua.barrier(L, table, lua.ofTable(from));
    // Last, as it may raise a memory error: then it is an array.
    if (to_lua.typed_kind) |kind| {
        marks.setKind(L, table, .array);
        marks.setTyped(L, table, kind, to_lua.typed_length);
    }
}

fn inlineNodes(table: *lua.Table) [*c]lua.Node {
    return @ptrFromInt(@intFromPtr(table) + @sizeOf(lua.Table));
}

/// Before code writes to a clean view: copy on write.
pub export fn cu_view_write(L: *lua.State, table: *lua.Table) callconv(.c) void {
    complete(L, table);
    pin(L, table);
    table.view &= ~clean;
}

/// Keeps a table that isn't as the host would make it anew.
fn pin(L: *lua.State, table: *lua.Table) void {
    lua.set(L, entryOf(table).link.source, lua.integer(numberOf(table)), lua.ofTable(table));
}

/// Before a table gets a metatable, or becomes one, whose fields the VM reads natively.
pub export fn cu_view_metatable(L: *lua.State, table: *lua.Table, metatable: ?*lua.Table) callconv(.c) void {
    if (isClean(table)) pin(L, table);
    if (metatable) |given| if (given.view & incomplete != 0) complete(L, given);
}

/// As lua_next, for an incomplete view; -1: now luaH_next can do it.
pub export fn cu_view_next(L: *lua.State, table: *lua.Table, key: [*]lua.Value) callconv(.c) c_int {
    // Unlike an access, `next` takes no float for an integer.
    if (key[0].tt_ == lua.tag.float and integerOf(&key[0]) != null) luaH_invalidkey(L);
    if (table.view & ordered != 0) return nextOrdered(L, table, key);
    const paged = entryOf(table).paged orelse {
        complete(L, table);
        return -1;
    };
    return if (paged.kind == .array) nextElement(L, table, paged, key) else nextEntry(L, table, paged, key);
}

fn nextElement(L: *lua.State, table: *lua.Table, paged: *Paged, key: [*]lua.Value) c_int {
    var position: u32 = 0;
    if (!lua.isNil(&key[0])) {
        position = positionOf(&key[0]) orelse paged.length;
        if (position >= paged.length) luaH_invalidkey(L);
        position += 1;
    }
    while (position < paged.length) : (position += 1) {
        const value = element(L, table, paged, position).*;
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
    const paged = entryOf(table).paged.?;
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

fn nextEntry(L: *lua.State, table: *lua.Table, paged: *Paged, key: [*]lua.Value) c_int {
    var page = &pages[paged.page];
    var position: u32 = 0;
    if (lua.isNil(&key[0])) {
        // The beginning.
    } else if (page.owner == numberOf(table) and isEntry(page, paged.cursor, &key[0])) {
        if (paged.cursor + 1 < page.count) return giveEntry(paged, page, paged.cursor + 1, key);
        position = page.next;
    } else {
        // Its page was given up, or code asks for another key than the last one.
        shortenPages(paged);
        position = askForKey(L, .position, table, &key[0]) orelse 0;
        if (position == 0) luaH_invalidkey(L);
    }
    while (position < paged.length) {
        const next = ask(L, .entries, table, position, ahead_limit);
        const values = lua.tableOf(lua.top(B));
        const count = c.luaH_realasize(values) / 2;
        if (count > 0) {
            page = keep(table, values, position, count, false);
            page.next = next;
            paged.page = indexOf(page);
            collect(L);
            return giveEntry(paged, page, 0, key);
        }
        // All of them were nil, or are no more.
        if (next <= position) return 0;
        limits.step();
        position = next;
    }
    return 0;
}

fn giveEntry(paged: *Paged, page: *const Page, cursor: u32, key: [*]lua.Value) c_int {
    paged.is_traversed = true;
    paged.cursor = cursor;
    key[0] = page.values.array[2 * cursor];
    key[1] = page.values.array[2 * cursor + 1];
    return 1;
}

fn indexOf(page: *const Page) u32 {
    return @intCast((@intFromPtr(page) - @intFromPtr(&pages)) / @sizeOf(Page));
}

fn isEntry(page: *const Page, cursor: u32, key: *const lua.Value) bool {
    return cursor < page.count and c.luaV_equalobj(null, page.values.array + 2 * cursor, key) != 0;
}

/// The border of an incomplete view.
pub fn lengthOf(table: *const lua.Table) u32 {
    const paged = entryOf(table).paged orelse return 0;
    if (paged.kind == .array) return paged.length;
    if (paged.kind == .record) return 0;
    flushReleased();
    const length: u32 = @intCast(@max(0, load(.border, numberOf(table), 0, 0)));
    limits.spend(crossing_bytes + @as(usize, length) * 64);
    return length;
}

/// A field as rawget would read it, wherever the host side reads one.
pub fn rawGet(L: *lua.State, table: *lua.Table, key: lua.Value) *const lua.Value {
    var found = lua.get(table, key);
    if (lua.isVacant(found) and table.view & incomplete != 0) found = cu_view_get(L, table, &key);
    return if (lua.isNil(found)) &lua.nil else found;
}

/// What keeps the changed tables of a view's input, as the values of a table.
pub fn sourceOf(table: *const lua.Table) *lua.Table {
    return entryOf(table).link.source;
}
