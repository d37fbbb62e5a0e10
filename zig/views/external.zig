//! External tables: they stand with the host for good (`src/state/`), and code reads and writes them as
//! its own. What code has read of one stays in the table's own parts, to be read natively from then on;
//! elements that are read in sequence, and entries that are traversed, come in pages, as of views. All of
//! that can be given up at any time. Each write goes to the host at once.
//!
//! A table that is stored in an external one becomes one itself, with all tables in it: the host gets
//! their contents in a message, and gives each a number.

const std = @import("std");
const asking = @import("unit").@"views/asking.zig";
const assert = @import("unit").@"vm/assert.zig".assert;
const buffer = @import("unit").@"bridge/buffer.zig";
const from_lua = @import("unit").@"bridge/from_lua.zig";
const limits = @import("unit").@"vm/limits.zig";
const lua = @import("unit").@"vm/lua.zig";
const numbers = @import("unit").@"bridge/view_numbers.zig";
const ordinary = @import("ordinary.zig");
const pages = @import("unit").@"bridge/view_pages.zig";
const path = @import("unit").@"bridge/path.zig";
const seen = @import("unit").@"bridge/seen.zig";
const userdata = @import("unit").@"values/userdata.zig";
const wire = @import("unit").@"bridge/wire.zig";
const c = lua.c;

/// The table `_home`, for messages.
pub var home: ?*const lua.Table = null;

/// External tables with metatables, by number, as long as `_home` reaches them: a metatable stays with
/// its table. While it doesn't, `false` keeps the place, so that pinning takes no memory.
var pinned: *lua.Table = undefined;

pub fn init(L: *lua.State) void {
    pinned = lua.newAnchored(L);
    numbers.forget_place = forgetPlace;
}

/// Sets a field of an external table. False, and nothing is done, where its `__newindex` is to do it.
pub fn store(L: *lua.State, table: *lua.Table, key: *const lua.Value, value: *const lua.Value, is_raw: bool) bool {
    checkKey(L, key);
    if (!is_raw and hasNewIndex(L, table) and lua.isNil(rawGet(L, table, key))) return false;
    var pair = Pair{ .table = table, .key = plainKey(key), .value = value.* };
    const answer = if (isScalar(&pair.key) and isScalar(value)) sendScalars(L, &pair) else sendProtected(L, &pair);
    changed(L, table, &pair);
    if (numbers.entryOf(table).paged) |paged| paged.border = if (answer == wire.border_unknown) null else @intCast(answer);
    return true;
}

const Pair = struct {
    table: *lua.Table,
    key: lua.Value,
    value: lua.Value,
    answer: i32 = 0,
    result: ?from_lua.Error = null,
};

/// As Lua's tables refuse keys.
fn checkKey(L: *lua.State, key: *const lua.Value) void {
    if (lua.isNil(key)) c.luaG_runerror(L, "table index is nil");
    if (key.tt_ == lua.tag.float and key.value_.n != key.value_.n) c.luaG_runerror(L, "table index is NaN");
    if (key.tt_ != lua.tag.table and !isScalar(key)) {
        c.luaG_runerror(L, "a %s cannot be a key of an external table", c.lua_typename(L, key.tt_ & 0x0f));
    }
}

fn hasNewIndex(L: *lua.State, table: *const lua.Table) bool {
    const metatable: *lua.Table = table.metatable orelse return false;
    const names: [*]const *lua.String = @ptrCast(&L.l_G.*.tmname);
    const name = names[c.TM_NEWINDEX];
    return !lua.isNil(@ptrCast(c.luaH_getshortstr(metatable, name)));
}

/// A float without a fraction is an integer as a key.
fn plainKey(key: *const lua.Value) lua.Value {
    return if (key.tt_ == lua.tag.float) if (lua.integerKey(key)) |integer| lua.integer(integer) else key.* else key.*;
}

/// Whether a value crosses without memory being taken, and without an error.
fn isScalar(value: *const lua.Value) bool {
    return switch (value.tt_) {
        lua.tag.integer, lua.tag.float, lua.tag.true_, lua.tag.false_ => true,
        lua.tag.short_string, lua.tag.long_string => true,
        else => lua.isNil(value),
    };
}

fn sendScalars(L: *lua.State, pair: *Pair) i32 {
    send(L, pair);
    assert(pair.result == null);
    _ = from_lua.finish(L, false);
    return accepted(L, pair.answer);
}

/// The host's answer, which no table comes with.
fn accepted(L: *lua.State, answer: i32) i32 {
    if (answer < 0) asking.raise(L, answer);
    return answer;
}

/// Writes a key and its value, and hands them over.
fn send(L: *lua.State, pair: *Pair) void {
    from_lua.start(L);
    from_lua.is_exact = true;
    from_lua.value(L, &pair.key, "key") catch |err| {
        pair.result = err;
        return;
    };
    const name = if (pair.table == home) "_home" else "table";
    from_lua.value(L, &pair.value, path.nameInside(name, &pair.key)) catch |err| {
        pair.result = err;
        return;
    };
    const words = buffer.chunk_count << wire.words_bits | buffer.word_count;
    pair.answer = asking.tell(.store, numbers.numberOf(pair.table), words, buffer.heapCount());
}

/// The same, where memory may be taken, errors raised, and tables come along.
fn sendProtected(L: *lua.State, pair: *Pair) i32 {
    ordinary.makeAllOrdinary(L, &pair.key);
    ordinary.makeAllOrdinary(L, &pair.value);
    const status = lua.protectForError(L, sendWithTables, pair);
    const is_refused = status != c.LUA_OK or pair.result != null;
    _ = from_lua.finish(L, is_refused);
    freeAdopted(L);
    if (status == c.LUA_ERRMEM) c.luaD_throw(L, c.LUA_ERRMEM);
    if (status != c.LUA_OK) c.luaG_errormsg(L);
    if (pair.result != null) refused(L);
    return accepted(L, pair.answer);
}

fn sendWithTables(L: *lua.State, pair: *Pair) void {
    send(L, pair);
    if (pair.result == null and pair.answer <= wire.adopt_base) {
        pair.answer = adopt(L, pair.table, @intCast(wire.adopt_base - pair.answer));
    }
}

fn refused(L: *lua.State) noreturn {
    // A slot for any function that an instruction calls is there (EXTRA_STACK).
    const text: *lua.String = @ptrCast(c.luaS_newlstr(L, from_lua.error_text.ptr, from_lua.error_text.len));
    lua.push(L, lua.ofString(text));
    c.luaG_runerror(L, "cannot keep a value: %s", lua.bytesOf(text).ptr);
    unreachable;
}

/// The numbers of the containers in the message that is being stored, and how many; 0 where one stays
/// what it is.
var adopted: ?[*]u32 = null;
var adopted_count: u32 = 0;

pub fn freeAdopted(L: *lua.State) void {
    if (adopted) |list| c.luaM_free_(L, @ptrCast(list), adopted_count * @sizeOf(u32));
    adopted = null;
    adopted_count = 0;
}

/// The host has taken a message with tables, but stored nothing yet: each gets its number, what needs
/// memory is made, and then nothing can fail any more.
fn adopt(L: *lua.State, table: *lua.Table, count: u32) i32 {
    assert(count == seen.total() and adopted == null);
    const size = count * @sizeOf(u32);
    adopted = @ptrCast(@alignCast(c.luaM_malloc_(L, size, 0)));
    adopted_count = count;
    const list = adopted.?[0..count];
    const room: *[wire.adopted_max]u32 = @ptrCast(&buffer.memory);
    var first: u32 = 0;
    while (first < count) {
        const part = @min(count - first, wire.adopted_max);
        for (room[0..part], first..) |*number, i| number.* = numberFor(seen.tableAt(@intCast(i)));
        const answer = asking.tell(.adopt, numbers.numberOf(table), first, part);
        if (answer < 0) return answer;
        @memcpy(list[first..][0..part], room[0..part]);
        first += part;
    }
    for (list, 0..) |number, i| if (number != 0) prepare(L, seen.tableAt(@intCast(i)).?, number);
    const answer = asking.tell(.commit, numbers.numberOf(table), 0, 0);
    if (answer < 0) return answer;
    for (list, 0..) |number, i| if (number != 0) numbers.becomeExternal(L, seen.tableAt(@intCast(i)).?, number);
    for (list, 0..) |number, i| if (number != 0) {
        const held = seen.tableAt(@intCast(i)).?;
        if (held.metatable != null) setPinned(L, held, asking.tell(.pin, number, 1, 0) != 0);
    };
    return answer;
}

/// What the host is told of a container: its number, if it has one, and whether it has a metatable.
fn numberFor(held: ?*lua.Table) u32 {
    const table = held orelse return 0;
    return numbers.numberOf(table) | if (table.metatable != null) wire.has_metatable else @as(u32, 0);
}

/// Takes the memory that a table needs to become external.
fn prepare(L: *lua.State, table: *lua.Table, number: u32) void {
    numbers.reserve(L, number);
    if (table.metatable != null) lua.set(L, pinned, lua.integer(number), lua.boolean(false));
}

/// What Lua has of a table is as it is with the host now.
fn changed(L: *lua.State, table: *lua.Table, pair: *const Pair) void {
    const value = cached(&pair.value);
    pages.hide();
    const own: *lua.Value = @constCast(lua.get(table, pair.key));
    if (!lua.isVacant(own)) put(L, table, own, value);
    const paged = numbers.entryOf(table).paged orelse return;
    const page = &pages.list[paged.page];
    if (page.owner == numbers.numberOf(table) and page.is_entries) changeEntry(L, paged, page, pair, value);
    if (pair.key.tt_ != lua.tag.integer) return;
    const position = lua.positionKey(&pair.key) orelse return;
    const held = pages.find(numbers.numberOf(table), position) orelse return;
    if (value) |given| put(L, held.values, &held.values.array[position - held.first], given) else pages.dropPage(held);
}

/// Most traversals change the entry that they were given last; else the page is read again.
fn changeEntry(L: *lua.State, paged: *const numbers.Paged, page: *pages.Page, pair: *const Pair, value: ?lua.Value) void {
    const at = 2 * paged.cursor;
    const is_last = paged.cursor < page.count and c.luaV_equalobj(null, page.values.array + at, &pair.key) != 0;
    if (is_last and value != null) return put(L, page.values, &page.values.array[at + 1], value);
    pages.dropPage(page);
}

fn put(L: *lua.State, table: *lua.Table, place: anytype, value: ?lua.Value) void {
    const given = value orelse lua.nil;
    place.*.value_ = given.value_;
    place.*.tt_ = given.tt_;
    lua.barrier(L, table, given);
}

/// What code reads after it has stored a value; null where only the host can say.
fn cached(value: *const lua.Value) ?lua.Value {
    if (lua.isNil(value)) return lua.nil;
    if (isScalar(value) or value.tt_ == lua.tag.table or userdata.isNull(value)) return value.*;
    return null;
}

fn rawGet(L: *lua.State, table: *lua.Table, key: *const lua.Value) *const lua.Value {
    const own = lua.get(table, key.*);
    return if (lua.isVacant(own)) get(L, table, key) else own;
}

/// What code reads under a key that the table's own parts don't have.
pub fn get(L: *lua.State, table: *lua.Table, key: *const lua.Value) *const lua.Value {
    if (lua.positionKey(key)) |position| {
        if (element(L, table, position)) |held| return held;
    }
    if (key.tt_ != lua.tag.table and !isScalar(key) or lua.isNil(key)) return &lua.nil;
    if (key.tt_ == lua.tag.table and !numbers.isExternal(lua.tableOf(key))) return &lua.nil;
    asking.askForValue(L, table, key);
    const held = asking.answered();
    if (lua.isNil(held)) return &lua.nil;
    if (lua.protect(L, keep, Kept{ .table = table, .key = plainKey(key) }) != c.LUA_OK) {
        // There is no memory to keep it: what others have kept goes, too.
        numbers.giveUp(L);
        return asking.answered();
    }
    asking.collect(L);
    return lua.get(table, plainKey(key));
}

const Kept = struct { table: *lua.Table, key: lua.Value };

/// The table keeps what the host has answered with.
fn keep(L: *lua.State, kept: Kept) void {
    lua.set(L, kept.table, kept.key, asking.answered().*);
    numbers.countCached(asking.takenBytes() + @sizeOf(lua.Node));
}

/// An element of a list that is read in sequence, from a page; null where another way is to find it.
fn element(L: *lua.State, table: *lua.Table, position: u32) ?*const lua.Value {
    const paged = numbers.pagedOf(L, table);
    if (findPage(table, paged, position)) |page| {
        pages.show(table, page);
        return @ptrCast(page.values.array + (position - page.first));
    }
    const is_next = position == paged.next;
    paged.next = position + 1;
    if (!is_next) {
        paged.ahead = pages.ahead_min;
        return null;
    }
    _ = asking.ask(L, .elements, table, position, paged.ahead);
    const values = lua.tableOf(asking.answered());
    const count = c.luaH_realasize(values);
    if (count == 0) return null;
    paged.ahead = @min(paged.ahead * pages.ahead_growth, pages.ahead_limit, paged.ahead_max);
    paged.next = position + count;
    const page = asking.keepPage(table, values, position, count, false);
    paged.fields = pages.indexOf(page);
    asking.collect(L);
    pages.show(table, page);
    return @ptrCast(page.values.array);
}

fn findPage(table: *const lua.Table, paged: *numbers.Paged, position: u32) ?*pages.Page {
    const number = numbers.numberOf(table);
    const last = &pages.list[paged.fields];
    if (last.owner == number and !last.is_entries and position -% last.first < last.count) return last;
    const page = pages.find(number, position) orelse return null;
    paged.fields = pages.indexOf(page);
    return page;
}

/// What `#` answers: the host's border, which may be an error. `luaH_getn` knows what Lua has only.
pub export fn cu_view_length(L: *lua.State, table: *lua.Table) callconv(.c) c_uint {
    const paged = numbers.pagedOf(L, table);
    if (paged.border) |border| return border;
    paged.border = @intCast(accepted(L, asking.tell(.border, numbers.numberOf(table), 0, 0)));
    return paged.border.?;
}

/// Before an external table gets a metatable, or loses it.
pub fn setMetatable(L: *lua.State, table: *lua.Table, metatable: ?*lua.Table) void {
    const number = numbers.numberOf(table);
    lua.set(L, pinned, lua.integer(number), if (metatable == null) lua.nil else lua.boolean(false));
    const is_reached = asking.tell(.pin, number, @intFromBool(metatable != null), 0) != 0;
    if (metatable != null) setPinned(L, table, is_reached);
}

/// Keeps a table with a metatable, or no longer. Takes no memory.
fn setPinned(L: *lua.State, table: *lua.Table, is_pinned: bool) void {
    const place: *lua.Value = @ptrCast(@constCast(c.luaH_getint(pinned, numbers.numberOf(table))));
    if (!lua.isVacant(place)) put(L, pinned, place, if (is_pinned) lua.ofTable(table) else lua.boolean(false));
}

/// What a table becomes in JavaScript, and the length of an array.
pub fn mark(L: *lua.State, table: *lua.Table, kind: Kind, length: u32) void {
    _ = accepted(L, asking.tell(.mark, numbers.numberOf(table), @intFromEnum(kind), length));
    forgetContents(L, table);
}

/// As `external_tables.ts` has them.
pub const Kind = enum(u32) { array, map, object };

/// The host has changed a table: what Lua has of it is void.
pub fn forgetContents(L: *lua.State, table: *lua.Table) void {
    pages.drop(numbers.numberOf(table));
    numbers.emptyParts(L, table);
    if (numbers.entryOf(table).paged) |paged| paged.border = null;
}

/// The same for all tables.
pub fn forgetAll(L: *lua.State) void {
    var next: u32 = 0;
    while (numbers.nextExternal(&next)) |table| forgetContents(L, table);
}

/// `_home` reaches a table with a metatable now, or no longer.
pub fn pin(L: *lua.State, number: u32, is_reached: bool) void {
    if (numbers.findExternal(L, number)) |table| setPinned(L, table, is_reached);
}

/// An external table with a metatable is collected: its place is given up.
pub fn forgetPlace(number: u32) void {
    const place: *lua.Value = @ptrCast(@constCast(c.luaH_getint(pinned, number)));
    if (!lua.isVacant(place)) place.tt_ = lua.tag.nil;
}

/// A new external table at the top of the stack.
pub fn create(L: *lua.State) void {
    asking.askForTable(L);
    lua.push(L, asking.answered().*);
    asking.collect(L);
}
