//! Lua to wire: writes a value into the I/O buffer for `src/bridge/decode.ts`. A full
//! buffer is handed to the host (`flush`), so a value of any size crosses without a
//! second copy in WASM memory. Works with a stack of its own; depth is bounded.
//!
//! Tables with the same string keys at the same places of their hash part share a
//! shape, which is found by those places, without hashing a key. Keys cross in the order
//! that a table came with, others after them, sorted. No metamethod runs.

const std = @import("std");
const assert = @import("../vm/assert.zig").assert;
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const Text = @import("../vm/text.zig").Text;
const integer_max = @import("../vm/text.zig").integer_max;
const textOfInteger = @import("../vm/text.zig").textOfInteger;
const marks = @import("../values/marks.zig");
const userdata = @import("../values/userdata.zig");
const sandbox = @import("../vm/sandbox.zig");
const utf8 = @import("../vm/utf8.zig");
const numbers = @import("view_numbers.zig");
const wire = @import("wire.zig");
const c = lua.c;

pub const Error = error{ Unsupported, Depth };

/// The host takes a full chunk: that many words, and that many bytes of strings.
extern "cu" fn flush(words: u32, heap_bytes: u32) void;

pub var buffer: [wire.buffer_size_bytes]u8 align(16) = undefined;
pub const words: *[wire.words_max]u64 = @ptrCast(&buffer);
pub const heap: *[wire.heap_size_bytes]u8 = buffer[wire.heap_size_bytes..];

var word_count: u32 = 0;
var heap_count: u32 = 0;

/// An array stays one while Lua has places for all of it, or at most half of them, and
/// this many more, are nil; beyond, a lone far index makes it a Map. So places that cost
/// the host cost Lua memory too.
const sparse_places_max = 64;

/// Places of a table that are looked at in a step.
const places_per_step = 2;

const Shape = struct {
    hash: u32,
    /// The tables' order, or null.
    mark: ?*const c.struct_cu_Mark,
    lsizenode: u8,
    count: u8,
    /// The hash part's places in the order in which the fields cross.
    nodes: [wire.shape_keys_max]u8,
    /// The key at each place of the hash part.
    keys: [wire.shape_keys_max]?*lua.String,

    fn key(shape: *const Shape, field: usize) *lua.String {
        return shape.keys[shape.nodes[field]].?;
    }
};

const Frame = struct {
    const Kind = enum { array, object, record, map, set, typed_array, big_array };

    kind: Kind,
    table: *lua.Table,
    shape: u32 = 0,
    /// Of pairs: where they stand, in their order.
    places: ?[*]Place = null,
    /// Elements, fields or pairs so far.
    index: u32 = 0,
    count: u32,
    /// The key at `index` has crossed, its value not yet.
    has_key: bool = false,
};

/// Where a pair stands: in the array part, or beyond it in the hash part.
const Place = struct {
    at: u32,
    rank: Rank = .number,
    /// Keys of one rank are compared by this first.
    prefix: u64 = 0,

    const Rank = enum(u8) { number, string, boolean, other };
};

var frames: [wire.depth_max]Frame = undefined;
var depth: u32 = 0;

var shapes: ?[*]Shape = null;
var shape_count: u32 = 0;
/// That of the last object.
var last_shape: u32 = 0;
/// Shape numbers + 1 by hash, open addressing.
var shape_index: [wire.shapes_max * 2]u16 = @splat(0);
/// Keeps the shapes' keys from being collected.
var shape_keys: *lua.Table = undefined;
var shape_key_count: i64 = 0;

/// Containers of this message in order: their places are their numbers. Tables among
/// them have a bit set in their flags, so that most are known to be new without a search.
var seen: ?[*]*c.GCObject = null;
var seen_capacity: u32 = 0;
var seen_count: u32 = 0;
const seen_flag: u8 = 1 << 6; // between those of the metamethods and BITRAS; lgc.c's patch reads it

/// The same by address, once one has been met again: open addressing, a power of two;
/// places + 1, of the first so many.
var seen_index: ?[*]u32 = null;
var seen_index_capacity: u32 = 0;
var seen_index_count: u32 = 0;

/// Inputs with changed tables of which clean views stand in this message, in a table
/// that keeps them.
var changed_sources: *lua.Table = undefined;
var changed_count: u32 = 0;

const depth_text = std.fmt.comptimePrint("nesting is deeper than {d} levels", .{wire.depth_max});

/// Where in a value the last error was found.
var path_buffer: [1024]u8 = undefined;
pub var error_text: []const u8 = "";

pub fn init(L: *lua.State) void {
    shape_keys = lua.newAnchored(L);
    changed_sources = lua.newAnchored(L);
    shapes = @ptrCast(@alignCast(c.luaM_malloc_(L, wire.shapes_max * @sizeOf(Shape), 0)));
}

/// Begins a message.
pub fn start(L: *lua.State) void {
    assert(depth == 0);
    if (shape_count == wire.shapes_max) resetShapes(L);
    word_count = 0;
    heap_count = 0;
}

/// Ends a message and answers the words of its last chunk. The host drops one that
/// failed, and with it the shapes defined there.
pub fn finish(L: *lua.State, failed: bool) u32 {
    while (depth > 0) leave(L);
    if (failed) resetShapes(L);
    forgetSeen(L);
    while (changed_count > 0) : (changed_count -= 1) {
        lua.set(L, changed_sources, lua.integer(changed_count), lua.nil);
    }
    return word_count;
}

/// Writes the tables that code has changed in the inputs of whose views some stand in
/// this message: the host puts them in their places.
pub fn changes(L: *lua.State, name: []const u8) Error!void {
    var done: u32 = 0;
    while (done < changed_count) {
        done += 1;
        const source = lua.tableOf(@ptrCast(c.luaH_getint(changed_sources, done)));
        for (0..c.luaH_realasize(source)) |i| try changed(L, @ptrCast(source.array + i), name);
        for (0..lua.nodeCount(source)) |i| try changed(L, @ptrCast(&(source.node + i)[0].i_val), name);
    }
}

fn changed(L: *lua.State, held: *const lua.Value, name: []const u8) Error!void {
    if (lua.isNil(held) or numbers.isClean(lua.tableOf(held))) return;
    reserve(1, 0);
    writeBox(.written, numbers.numberOf(lua.tableOf(held)));
    try value(L, held, name);
}

/// Writes a key for the host to look up in a container of its own.
pub fn hostKey(L: *lua.State, given: *const lua.Value) Error!void {
    if (given.tt_ == lua.tag.table) {
        writeBox(.view, numbers.numberOf(lua.tableOf(given)));
    } else if (given.tt_ == lua.tag.userdata) {
        writeBox(.view, userdata.dateNumberOf(given));
    } else {
        // As Lua's tables take it: a float without a fraction is an integer.
        var integer: c.lua_Integer = undefined;
        const is_integer = given.tt_ == lua.tag.float and c.luaV_flttointeger(given.value_.n, &integer, c.F2Ieq) != 0;
        _ = try one(L, if (is_integer) &lua.integer(integer) else given);
    }
}

/// Bytes of strings in the last chunk.
pub fn heapCount() u32 {
    return heap_count;
}

/// Writes one value; a message may have several. `name` begins the path of errors.
pub fn value(L: *lua.State, given: *const lua.Value, name: []const u8) Error!void {
    errdefer |err| describe(name, if (err == error.Depth) depth_text else unsupported_what);
    _ = try one(L, given);
    while (depth > 0) : (limits.step()) {
        const frame = &frames[depth - 1];
        switch (frame.kind) {
            .object => {
                const shape = &shapes.?[frame.shape];
                while (frame.index < frame.count) {
                    const node: *const lua.Node = @ptrCast(frame.table.node + shape.nodes[frame.index]);
                    frame.index += 1;
                    if (try one(L, @ptrCast(&node.i_val))) break;
                } else leave(L);
            },
            .array => {
                const array_size = c.luaH_realasize(frame.table);
                while (frame.index < frame.count) {
                    if (writeNumbers(frame, array_size)) continue;
                    const index = frame.index;
                    frame.index += 1;
                    const element: *const lua.Value = if (index < array_size)
                        @ptrCast(frame.table.array + index)
                    else
                        @ptrCast(c.luaH_getint(frame.table, index + 1));
                    if (if (isLikeLast(element)) try row(L, lua.tableOf(element)) else try one(L, element)) break;
                } else leave(L);
            },
            .typed_array, .big_array => {
                while (frame.index < frame.count) : (frame.index += 1) {
                    reserve(1, 0);
                    const element: *const lua.Value = @ptrCast(c.luaH_getint(frame.table, frame.index + 1));
                    writeRaw(if (frame.kind == .big_array) @bitCast(element.value_.i) else @bitCast(numberOf(element)));
                }
                leave(L);
            },
            .record, .map, .set => if (frame.index == frame.count) leave(L) else try half(L, frame),
        }
    }
}

/// Writes elements as long as they are numbers that need one word each.
fn writeNumbers(frame: *Frame, array_size: u32) bool {
    const end = @min(frame.count, array_size, frame.index + (wire.words_max - word_count));
    const first = frame.index;
    const safe_max = 9007199254740991;
    // Checked here, for all of the loop.
    assert(end <= array_size and word_count <= words.len and end -| first <= words.len - word_count);
    while (frame.index < end) : (frame.index += 1) {
        const element: *const lua.Value = @ptrCast(frame.table.array + frame.index);
        if (element.tt_ == lua.tag.float) {
            writeRaw(@bitCast(numberOf(element)));
        } else if (element.tt_ == lua.tag.integer and @abs(element.value_.i) <= safe_max) {
            writeRaw(@bitCast(@as(f64, @floatFromInt(element.value_.i))));
        } else break;
    }
    return frame.index > first;
}

/// Leaves the innermost container.
fn leave(L: *lua.State) void {
    depth -= 1;
    const frame = &frames[depth];
    if (frame.places) |places| c.luaM_free_(L, @ptrCast(places), frame.count * @sizeOf(Place));
}

/// Writes the next half of a pair.
fn half(L: *lua.State, frame: *Frame) Error!void {
    const at = frame.places.?[frame.index].at;
    const key = keyAt(frame.table, at);
    frame.has_key = !frame.has_key;
    if (!frame.has_key) {
        frame.index += 1;
    } else if (frame.kind == .record and key.tt_ == lua.tag.integer) return decimal(key.value_.i);
    _ = try one(L, if (frame.has_key) &key else heldAt(frame.table, at));
}

fn nodeAt(table: *const lua.Table, at: u32) *const lua.Node {
    return @ptrCast(table.node + (at - c.luaH_realasize(table)));
}

noinline fn keyAt(table: *const lua.Table, at: u32) lua.Value {
    if (at < c.luaH_realasize(table)) return lua.integer(at + 1);
    return keyOf(nodeAt(table, at));
}

noinline fn heldAt(table: *const lua.Table, at: u32) *const lua.Value {
    return if (at < c.luaH_realasize(table)) @ptrCast(table.array + at) else @ptrCast(&nodeAt(table, at).i_val);
}

inline fn keyOf(node: *const lua.Node) lua.Value {
    return .{ .value_ = node.u.key_val, .tt_ = node.u.key_tt };
}

/// Finds the pairs of the innermost container, in their order.
noinline fn arrange(L: *lua.State) void {
    const frame = &frames[depth - 1];
    const table = frame.table;
    if (frame.count == 0) return;
    const size = frame.count * @sizeOf(Place);
    const places: [*]Place = @ptrCast(@alignCast(c.luaM_malloc_(L, size, 0)));
    frame.places = places;
    var found: u32 = 0;
    if (marks.orderOf(table)) |list| {
        limits.steps(L, list.alimit);
        for (list.array[0..list.alimit]) |*key| {
            const held: *const lua.Value = @ptrCast(c.luaH_get(table, key));
            if (lua.isVacant(held)) continue;
            places[found] = .{ .at = placeOf(table, held) };
            found += 1;
        }
    }
    if (found == frame.count) return;
    const others = places[found..frame.count];
    addOthers(L, table, places[0..found], others);
    sort(L, table, others);
}

/// Finds the pairs that aren't among the known ones.
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
        others[count] = placeWithKey(table, at);
        count += 1;
    }
    assert(count == others.len);
}

inline fn bitOf(at: u32) u8 {
    return @as(u8, 1) << @intCast(at % 8);
}

noinline fn placeOf(table: *lua.Table, held: *const lua.Value) u32 {
    const address = @intFromPtr(held);
    const array_size = c.luaH_realasize(table);
    const in_array = (address -% @intFromPtr(table.array)) / @sizeOf(lua.Value);
    if (in_array < array_size) return @intCast(in_array);
    return @intCast(array_size + (address - @intFromPtr(table.node)) / @sizeOf(lua.Node));
}

noinline fn placeWithKey(table: *const lua.Table, at: u32) Place {
    const key = keyAt(table, at);
    switch (key.tt_) {
        lua.tag.integer, lua.tag.float => {
            const number: f64 = if (key.tt_ == lua.tag.integer) @floatFromInt(key.value_.i) else key.value_.n;
            const bits: u64 = @bitCast(number);
            // In the order of the numbers.
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

/// Heapsort, as it needs no memory, and no more time for keys that a script has chosen.
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

/// Writes a value, or the beginning of a container, whose frame it pushes (true).
fn one(L: *lua.State, given: *const lua.Value) Error!bool {
    reserve(2, 0);
    switch (given.tt_) {
        lua.tag.integer => writeInteger(given.value_.i),
        lua.tag.float => writeRaw(@bitCast(numberOf(given))),
        lua.tag.short_string, lua.tag.long_string => writeString(lua.stringOf(given)),
        lua.tag.table => return try beginTable(L, lua.tableOf(given)),
        lua.tag.false_ => writeBox(.boolean, 0),
        lua.tag.true_ => writeBox(.boolean, 1),
        lua.tag.userdata => try writeObject(L, given),
        else => {
            if (!lua.isNil(given)) return unsupported(given);
            writeBox(.nil, 0);
        },
    }
    return false;
}

/// Room for this many words and bytes in the chunk.
inline fn reserve(count: u32, bytes: usize) void {
    if (word_count + count > wire.words_max or heap_count + bytes > wire.heap_size_bytes) {
        flush(word_count, heap_count);
        word_count = 0;
        heap_count = 0;
    }
}

inline fn writeRaw(word: u64) void {
    words[word_count] = word;
    word_count += 1;
}

inline fn writeBox(tag: wire.Tag, payload: u32) void {
    writeRaw(wire.Word.box(tag, payload));
}

inline fn writeInteger(integer: i64) void {
    const safe_max = 9007199254740991;
    if (integer <= safe_max and integer >= -safe_max) {
        writeRaw(@bitCast(@as(f64, @floatFromInt(integer))));
    } else {
        writeBox(.integer, 0);
        writeRaw(@bitCast(integer));
    }
}

/// Any NaN is one that isn't boxed.
inline fn numberOf(given: *const lua.Value) f64 {
    if (given.tt_ == lua.tag.integer) return @floatFromInt(given.value_.i);
    const number = given.value_.n;
    return if (number != number) @bitCast(@as(u64, 0x7ff8_0000_0000_0000)) else number;
}

fn writeString(string: *lua.String) void {
    const bytes = lua.bytesOf(string);
    if (bytes.len > wire.inline_string_bytes_max) {
        return writeAt(.string_at, bytes);
    }
    reserve(1, bytes.len);
    const target = heap[heap_count..][0..bytes.len];
    if (utf8.copy(target, bytes)) |units| {
        writeBox(.string, @intCast(units << 16 | bytes.len));
        heap_count += @intCast(bytes.len);
    } else {
        reserve(2, 0);
        writeAt(.bytes_at, bytes);
    }
}

/// Tells the host where bytes are. They stay there while the message is read: the
/// value that holds them does.
fn writeAt(tag: wire.Tag, bytes: []const u8) void {
    writeBox(tag, 0);
    writeRaw(@as(u64, bytes.len) << 32 | @intFromPtr(bytes.ptr));
}

fn decimal(integer: i64) void {
    reserve(1, integer_max);
    var digits: [integer_max]u8 = undefined;
    const text = textOfInteger(&digits, integer);
    @memcpy(heap[heap_count..][0..text.len], text);
    writeBox(.string, @intCast(text.len << 16 | text.len));
    heap_count += @intCast(text.len);
}

fn writeObject(L: *lua.State, given: *const lua.Value) Error!void {
    const object = given.value_.gc;
    if (userdata.dateOf(given)) |milliseconds| {
        const number = userdata.dateNumberOf(given);
        if (number != 0) return writeBox(.view, number);
        const entry = see(L, object);
        if (entry.found) return writeBox(.table_ref, entry.number);
        writeBox(.date, 0);
        writeRaw(@bitCast(milliseconds));
    } else if (userdata.bytesOf(given)) |bytes| {
        writeAt(.bytes_at, bytes);
    } else if (userdata.isNull(given)) {
        writeBox(.nil, 0);
    } else return unsupported(given);
}

fn beginTable(L: *lua.State, table: *lua.Table) Error!bool {
    if (numbers.isClean(table)) {
        const source = numbers.sourceOf(table);
        const has_changes = c.luaH_realasize(source) > 0 or source.lastfree != null;
        writeBox(if (has_changes) .changed_view else .view, numbers.numberOf(table));
        if (has_changes) noteSource(L, source);
        return false;
    }
    const entry = see(L, @ptrCast(table));
    if (entry.found) {
        writeBox(.table_ref, entry.number);
        return false;
    }
    if (depth == frames.len) return error.Depth;
    frames[depth] = try classify(L, table);
    depth += 1;
    switch (frames[depth - 1].kind) {
        .record, .map, .set => arrange(L),
        else => {},
    }
    return true;
}

/// Whether an element is an object with the keys of the last one at its places, and new:
/// most rows are.
inline fn isLikeLast(element: *const lua.Value) bool {
    if (element.tt_ != lua.tag.table or last_shape >= shape_count or depth == frames.len) return false;
    const table = lua.tableOf(element);
    if (table.alimit != 0 or numbers.isClean(table) or table.flags & seen_flag != 0) return false;
    return hasShape(table, &shapes.?[last_shape]);
}

/// Writes such an object, without a frame where all its values are simple.
fn row(L: *lua.State, table: *lua.Table) Error!bool {
    reserve(1, 0);
    writeBox(.object, last_shape);
    _ = see(L, @ptrCast(table));
    const shape = &shapes.?[last_shape];
    for (shape.nodes[0..shape.count], 0..) |place, i| {
        const node: *const lua.Node = @ptrCast(table.node + place);
        const field: *const lua.Value = @ptrCast(&node.i_val);
        reserve(2, 0);
        switch (field.tt_) {
            lua.tag.integer => writeInteger(field.value_.i),
            lua.tag.float => writeRaw(@bitCast(numberOf(field))),
            lua.tag.short_string => writeString(lua.stringOf(field)),
            lua.tag.false_ => writeBox(.boolean, 0),
            lua.tag.true_ => writeBox(.boolean, 1),
            else => {
                frames[depth] = .{ .kind = .object, .table = table, .shape = last_shape, .index = i, .count = shape.count };
                depth += 1;
                return true;
            },
        }
    }
    return false;
}

/// Notes an input that code has changed, once.
fn noteSource(L: *lua.State, source: *lua.Table) void {
    for (1..@as(usize, changed_count) + 1) |i| {
        if (lua.tableOf(@ptrCast(c.luaH_getint(changed_sources, @intCast(i)))) == source) return;
    }
    changed_count += 1;
    lua.set(L, changed_sources, lua.integer(changed_count), lua.ofTable(source));
}

/// Writes the header of the container that a table is, and answers its frame.
fn classify(L: *lua.State, table: *lua.Table) Error!Frame {
    const array_size = c.luaH_realasize(table);
    const hash_used = table.lastfree != null;
    const mark = marks.of(table);
    limits.owe((array_size + lua.nodeCount(table)) / places_per_step);

    // The array part: how many values, and whether they are the first ones.
    var array_count: u32 = 0;
    var array_last: u32 = 0;
    for (0..array_size) |i| {
        if (!lua.isVacant(@ptrCast(table.array + i))) {
            array_count += 1;
            array_last = @intCast(i + 1);
        }
    }

    if (array_count == 0 and hash_used and mark == null) {
        if (shapeOf(L, table)) |shape| {
            last_shape = shape;
            writeBox(.object, shape);
            return .{ .kind = .object, .table = table, .shape = shape, .count = shapes.?[shape].count };
        }
    }

    // The hash part, by kinds of keys.
    var strings: u32 = 0;
    var integers: u32 = 0;
    var others: u32 = 0;
    var first: i64 = if (array_count > 0) 1 else std.math.maxInt(i64);
    var last: i64 = array_last;
    if (hash_used) {
        for (0..lua.nodeCount(table)) |i| {
            const node: *const lua.Node = @ptrCast(table.node + i);
            if (lua.isVacant(@ptrCast(&node.i_val))) continue;
            if (node.u.key_tt == lua.tag.integer) {
                integers += 1;
                first = @min(first, node.u.key_val.i);
                last = @max(last, node.u.key_val.i);
            } else if (isTextKey(node)) {
                strings += 1;
            } else others += 1;
        }
    }
    const total = array_count + strings + integers + others;
    const all_integers = strings == 0 and others == 0 and (total == 0 or first >= 1);

    if (mark) |known| switch (known.kind) {
        .map => {
            writeBox(.map, total);
            return .{ .kind = .map, .table = table, .count = total };
        },
        .set => if (allTrue(table)) {
            writeBox(.set, total);
            return .{ .kind = .set, .table = table, .count = total };
        },
        .object => {},
        else => if (all_integers) {
            if (known.kind.isTyped() and total == known.length and last == total) {
                if (marks.hashOf(table, total) == known.hash) {
                    writeBox(.typed_array, total);
                    writeRaw(@intFromEnum(known.kind));
                    return .{ .kind = if (known.kind.isBig()) .big_array else .typed_array, .table = table, .count = total };
                }
            }
            const length = @max(@as(i64, @intCast(c.luaH_getn(table))), last);
            if (length <= @max(2 * @as(i64, total) + sparse_places_max, array_size)) {
                writeBox(.array, @intCast(length));
                return .{ .kind = .array, .table = table, .count = @intCast(length) };
            }
        },
    };
    const is_object = mark != null and mark.?.kind == .object;
    if (all_integers and last == total and total > 0 and !is_object) {
        writeBox(.array, total);
        return .{ .kind = .array, .table = table, .count = total };
    }
    if (others == 0 and (strings == 0 or strings == total or !collides(table))) {
        writeBox(.record, total);
        return .{ .kind = .record, .table = table, .count = total };
    }
    if (is_object) {
        unsupported_what = "an object cannot have the keys of this table";
        return error.Unsupported;
    }
    writeBox(.map, total);
    return .{ .kind = .map, .table = table, .count = total };
}

/// Whether the key can be a property's name.
fn isTextKey(node: *const lua.Node) bool {
    const key: lua.Value = .{ .value_ = node.u.key_val, .tt_ = node.u.key_tt };
    if (!lua.isString(&key)) return false;
    const bytes = lua.bytesOf(lua.stringOf(&key));
    limits.spend(bytes.len);
    return utf8.isValid(bytes);
}

/// Whether a table that was a Set still looks like one.
fn allTrue(table: *const lua.Table) bool {
    for (0..c.luaH_realasize(table)) |i| {
        const held: *const lua.Value = @ptrCast(table.array + i);
        if (!lua.isVacant(held) and held.tt_ != lua.tag.true_) return false;
    }
    for (0..lua.nodeCount(table)) |i| {
        const node: *const lua.Node = @ptrCast(table.node + i);
        if (!lua.isVacant(@ptrCast(&node.i_val)) and node.u.tt_ != lua.tag.true_) return false;
    }
    return true;
}

/// Whether a string key reads like one of the integer keys (1 and "1").
fn collides(table: *lua.Table) bool {
    for (0..lua.nodeCount(table)) |i| {
        const node: *const lua.Node = @ptrCast(table.node + i);
        if (node.u.key_tt & 0x0f != c.LUA_TSTRING or lua.isVacant(@ptrCast(&node.i_val))) continue;
        const key = keyOf(node);
        const text = lua.bytesOf(lua.stringOf(&key));
        if (text.len > integer_max) continue;
        const integer = std.fmt.parseInt(i64, text, 10) catch continue;
        var digits: [integer_max]u8 = undefined;
        if (std.mem.eql(u8, textOfInteger(&digits, integer), text) and !lua.isVacant(@ptrCast(c.luaH_getint(table, integer)))) return true;
    }
    return false;
}

/// The number of the table's shape, if all its keys are short strings and few.
fn shapeOf(L: *lua.State, table: *lua.Table) ?u32 {
    if (table.lsizenode > 5) return null;
    // An order of its own, not a shape's, makes no shape.
    if (marks.orderOf(table)) |list| if (list.alimit > wire.shape_keys_max) return null;
    const node_count = lua.nodeCount(table);
    var hash: u32 = table.lsizenode ^ @as(u32, @intFromPtr(table.mark));
    var count: u32 = 0;
    for (0..node_count) |i| {
        const node: *const lua.Node = @ptrCast(table.node + i);
        if (lua.isVacant(@ptrCast(&node.i_val))) continue;
        if (node.u.key_tt != lua.tag.short_string) return null;
        count += 1;
        hash = (hash ^ @as(u32, @intFromPtr(node.u.key_val.gc)) ^ @as(u32, @intCast(i))) *% 0x9e3779b1;
    }
    if (count == 0) return null;
    var place = (hash >> 16 ^ hash) % shape_index.len;
    while (shape_index[place] != 0) : (place = (place + 1) % shape_index.len) {
        const number = shape_index[place] - 1;
        const shape = &shapes.?[number];
        if (shape.hash == hash and hasShape(table, shape)) return number;
    }
    return defineShape(L, table, hash, place);
}

/// Whether a table has the keys of a shape at its places, and no others.
fn hasShape(table: *const lua.Table, shape: *const Shape) bool {
    if (table.lsizenode != shape.lsizenode or table.mark != shape.mark) return false;
    const count = lua.nodeCount(table);
    for (table.node[0..count], shape.keys[0..count]) |*node, key| {
        if (lua.isVacant(@ptrCast(&node.i_val))) {
            if (key != null) return false;
        } else if (node.u.key_tt != lua.tag.short_string or @intFromPtr(node.u.key_val.gc) != @intFromPtr(key)) return false;
    }
    return true;
}

fn defineShape(L: *lua.State, table: *const lua.Table, hash: u32, place: u32) ?u32 {
    if (shape_count == wire.shapes_max) return null;
    const shape = &shapes.?[shape_count];
    shape.* = .{
        .hash = hash,
        .mark = table.mark,
        .lsizenode = table.lsizenode,
        .count = 0,
        .nodes = undefined,
        .keys = @splat(null),
    };
    for (0..lua.nodeCount(table)) |i| {
        const node: *const lua.Node = @ptrCast(table.node + i);
        if (lua.isVacant(@ptrCast(&node.i_val))) continue;
        const key: *lua.String = @ptrCast(@alignCast(node.u.key_val.gc));
        if (!utf8.isValid(lua.bytesOf(key))) return null; // its key crosses as bytes
        shape.nodes[shape.count] = @intCast(i);
        shape.keys[i] = key;
        shape.count += 1;
    }
    order(shape, marks.orderOf(table));
    for (0..shape.count) |field| anchor(L, lua.ofString(shape.key(field)));
    if (marks.orderOf(table)) |list| anchor(L, lua.ofTable(list));
    // All of a definition stands in one chunk.
    reserve(shape.count + 3, shape.count * @as(usize, c.LUAI_MAXSHORTLEN));
    writeBox(.shape, shape_count << 8 | shape.count);
    for (0..shape.count) |field| writeString(shape.key(field));
    shape_index[place] = @intCast(shape_count + 1);
    shape_count += 1;
    return shape_count - 1;
}

fn anchor(L: *lua.State, held: lua.Value) void {
    lua.set(L, shape_keys, lua.integer(shape_key_count + 1), held);
    shape_key_count += 1;
}

/// Puts fields into the order that the table came with, and others after them, sorted by
/// name, as places in a hash part follow a seed that differs each time.
noinline fn order(shape: *Shape, list: ?*lua.Table) void {
    const Context = struct {
        shape: *Shape,
        /// The position of the key at each place of the hash part.
        positions: [wire.shape_keys_max]u8 = @splat(wire.shape_keys_max),

        pub fn lessThan(context: @This(), i: usize, j: usize) bool {
            const a = context.positions[context.shape.nodes[i]];
            const b = context.positions[context.shape.nodes[j]];
            if (a != b) return a < b;
            return std.mem.lessThan(u8, lua.bytesOf(context.shape.key(i)), lua.bytesOf(context.shape.key(j)));
        }
        pub fn swap(context: @This(), i: usize, j: usize) void {
            std.mem.swap(u8, &context.shape.nodes[i], &context.shape.nodes[j]);
        }
    };
    var context = Context{ .shape = shape };
    if (list) |keys| for (keys.array[0..keys.alimit], 0..) |*key, position| {
        for (shape.nodes[0..shape.count]) |node| {
            if (@intFromPtr(shape.keys[node].?) == @intFromPtr(key.value_.gc)) context.positions[node] = @intCast(position);
        }
    };
    std.sort.insertionContext(0, shape.count, context);
}

/// Forgets all shapes: their numbers begin again from 0.
fn resetShapes(L: *lua.State) void {
    while (shape_key_count > 0) : (shape_key_count -= 1) {
        lua.set(L, shape_keys, lua.integer(shape_key_count), lua.nil);
    }
    shape_count = 0;
    shape_index = @splat(0);
}

const SeenEntry = struct { found: bool, number: u32 };

/// Numbers a container, or answers its number if it was there.
inline fn see(L: *lua.State, object: *c.GCObject) SeenEntry {
    if (object.tt == c.LUA_VTABLE) {
        const table: *lua.Table = @ptrCast(@alignCast(object));
        if (table.flags & seen_flag == 0) {
            const number = addSeen(L, object);
            table.flags |= seen_flag;
            return .{ .found = false, .number = number };
        }
    }
    if (findSeen(L, object)) |number| return .{ .found = true, .number = number };
    return .{ .found = false, .number = addSeen(L, object) };
}

inline fn addSeen(L: *lua.State, object: *c.GCObject) u32 {
    if (seen_count == seen_capacity) growSeen(L);
    seen.?[seen_count] = object;
    seen_count += 1;
    return seen_count - 1;
}

fn growSeen(L: *lua.State) void {
    const capacity = @max(64, seen_capacity * 2);
    const size = @sizeOf(*c.GCObject);
    seen = @ptrCast(@alignCast(c.luaM_saferealloc_(L, @ptrCast(seen), seen_capacity * size, capacity * size)));
    seen_capacity = capacity;
}

fn findSeen(L: *lua.State, object: *c.GCObject) ?u32 {
    if (seen_count * 2 >= seen_index_capacity) growSeenIndex(L);
    while (seen_index_count < seen_count) {
        const place = seenPlace(seen.?[seen_index_count]);
        seen_index_count += 1;
        seen_index.?[place] = seen_index_count;
    }
    const number = seen_index.?[seenPlace(object)];
    return if (number == 0) null else number - 1;
}

/// Where an object stands in the index, or would.
fn seenPlace(object: *c.GCObject) u32 {
    const mask = seen_index_capacity - 1;
    var place = sandbox.mix(@intFromPtr(object)) & mask;
    while (seen_index.?[place] != 0) : (place = (place + 1) & mask) {
        if (seen.?[seen_index.?[place] - 1] == object) break;
    }
    return place;
}

fn growSeenIndex(L: *lua.State) void {
    const capacity = @max(64, seen_index_capacity * 4, std.math.ceilPowerOfTwoAssert(u32, seen_count + 1) * 2);
    const size = @sizeOf(u32);
    seen_index = @ptrCast(@alignCast(c.luaM_saferealloc_(L, @ptrCast(seen_index), seen_index_capacity * size, capacity * size)));
    seen_index_capacity = capacity;
    seen_index_count = 0;
    @memset(seen_index.?[0..capacity], 0);
}

fn forgetSeen(L: *lua.State) void {
    if (seen) |list| {
        for (list[0..seen_count]) |object| if (object.tt == c.LUA_VTABLE) {
            @as(*lua.Table, @ptrCast(@alignCast(object))).flags &= ~seen_flag;
        };
        c.luaM_free_(L, @ptrCast(list), seen_capacity * @sizeOf(*c.GCObject));
    }
    if (seen_index) |index| c.luaM_free_(L, @ptrCast(index), seen_index_capacity * @sizeOf(u32));
    seen = null;
    seen_capacity = 0;
    seen_count = 0;
    seen_index = null;
    seen_index_capacity = 0;
    seen_index_count = 0;
}

var unsupported_what: []const u8 = "";

fn unsupported(given: *const lua.Value) Error {
    unsupported_what = switch (given.tt_ & 0x0f) {
        c.LUA_TFUNCTION => "functions cannot be passed",
        c.LUA_TTHREAD => "coroutines cannot be passed",
        else => "userdata cannot be passed",
    };
    return error.Unsupported;
}


/// "functions cannot be passed (at output.rows[3].handler)", as Lua counts.
fn describe(name: []const u8, what: []const u8) void {
    const shown_max = 10; // levels at each end
    var text = Text{ .buffer = &path_buffer };
    text.add(what);
    text.add(" (at ");
    text.add(name);
    for (frames[0..depth], 0..) |*frame, level| {
        if (level == shown_max and depth > 2 * shown_max) text.add("...");
        if (level >= shown_max and level + shown_max < depth) continue;
        switch (frame.kind) {
            .array, .typed_array, .big_array => addIndex(&text, frame.index),
            .object => addKey(&text, lua.bytesOf(shapes.?[frame.shape].key(frame.index - 1))),
            .record, .map, .set => {
                const index = if (frame.has_key or frame.index == 0) frame.index else frame.index - 1;
                addAnyKey(&text, &keyAt(frame.table, frame.places.?[index].at));
            },
        }
    }
    text.add(")");
    error_text = text.written();
}

var name_buffer: [64]u8 = undefined;

/// "output.rows": the name of what stands in a table under a key. Until the next call.
pub fn nameInside(name: []const u8, key: *const lua.Value) []const u8 {
    var text = Text{ .buffer = &name_buffer };
    text.add(name);
    addAnyKey(&text, key);
    return text.written();
}

fn addAnyKey(text: *Text, key: *const lua.Value) void {
    if (lua.isString(key)) {
        addKey(text, lua.bytesOf(lua.stringOf(key)));
    } else if (key.tt_ == lua.tag.integer) {
        addIndex(text, key.value_.i);
    } else text.add("[...]");
}

fn addIndex(text: *Text, index: i64) void {
    text.add("[");
    text.addInteger(index);
    text.add("]");
}

fn addKey(text: *Text, key: []const u8) void {
    const shown = key[0..@min(key.len, 40)];
    for (shown, 0..) |byte, i| {
        if (!(std.ascii.isAlphabetic(byte) or byte == '_' or (i > 0 and std.ascii.isDigit(byte)))) {
            text.add("[\"");
            for (shown) |b| text.add(&.{if (std.ascii.isPrint(b)) b else '?'});
            return text.add("\"]");
        }
    }
    text.add(".");
    text.add(shown);
}
