//! Lua to wire: writes a value into the I/O buffer for `src/decode.ts`. A full
//! buffer is handed to the host (`flush`), so a value of any size crosses without a
//! second copy in WASM memory. Works with a stack of its own; depth is bounded.
//!
//! Tables with the same string keys at the same places of their hash part share a
//! shape, which is found by those places, without hashing a key. What crosses as
//! what is in VALUES.md. No metamethod runs.

const std = @import("std");
const lua = @import("lua.zig");
const marks = @import("marks.zig");
const objects = @import("objects.zig");
const utf8 = @import("utf8.zig");
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

const Shape = struct {
    hash: u32,
    lsizenode: u8,
    count: u8,
    /// The hash part's places in the order in which the fields cross, and their keys.
    nodes: [wire.shape_keys_max]u8,
    keys: [wire.shape_keys_max]*lua.String,
};

const Frame = struct {
    const Kind = enum { array, object, record, map, set, typed_array, big_array };

    kind: Kind,
    table: *lua.Table,
    shape: u32 = 0,
    /// Of an array: elements so far; of an object: fields; else: places of the
    /// array part, then of the hash part.
    index: u32 = 0,
    count: u32,
    /// The key at `index` has crossed, its value not yet.
    has_key: bool = false,
};

var frames: [wire.depth_max]Frame = undefined;
var depth: u32 = 0;

var shapes: ?[*]Shape = null;
var shape_count: u32 = 0;
/// Shape numbers + 1 by hash, open addressing.
var shape_index: [wire.shapes_max * 2]u16 = @splat(0);
/// Keeps the shapes' keys from being collected.
var shape_keys: *lua.Table = undefined;
var shape_key_count: i64 = 0;

/// Tables of this message and their numbers: open addressing, a power of two.
const Seen = struct { table: ?*const anyopaque, number: u32 };
var seen: ?[*]Seen = null;
var seen_capacity: u32 = 0;
var seen_count: u32 = 0;

const depth_text = std.fmt.comptimePrint("nesting is deeper than {d} levels", .{wire.depth_max});

/// Where in a value the last error was found.
var path_buffer: [1024]u8 = undefined;
pub var error_text: []const u8 = "";

pub fn init(L: *lua.State) void {
    shape_keys = objects.anchored(L);
    shapes = @ptrCast(@alignCast(c.luaM_malloc_(L, wire.shapes_max * @sizeOf(Shape), 0)));
}

/// Begins a message.
pub fn start(L: *lua.State) void {
    std.debug.assert(depth == 0);
    if (shape_count == wire.shapes_max) resetShapes(L);
    word_count = 0;
    heap_count = 0;
    seen_count = 0;
}

/// Ends a message and answers the words of its last chunk. The host drops one that
/// failed, and with it the shapes defined there.
pub fn finish(L: *lua.State, failed: bool) u32 {
    depth = 0;
    if (failed) resetShapes(L);
    if (seen) |list| c.luaM_free_(L, @ptrCast(list), seen_capacity * @sizeOf(Seen));
    seen = null;
    seen_capacity = 0;
    return word_count;
}

/// Bytes of strings in the last chunk.
pub fn heapCount() u32 {
    return heap_count;
}

/// Writes one value; a message may have several. `name` begins the path of errors.
pub fn value(L: *lua.State, given: *const lua.Value, name: []const u8) Error!void {
    errdefer |err| describe(name, if (err == error.Depth) depth_text else unsupported_what);
    _ = try one(L, given);
    while (depth > 0) {
        const frame = &frames[depth - 1];
        switch (frame.kind) {
            .object => {
                const shape = &shapes.?[frame.shape];
                while (frame.index < frame.count) {
                    const node: *const lua.Node = @ptrCast(frame.table.node + shape.nodes[frame.index]);
                    frame.index += 1;
                    if (try one(L, @ptrCast(&node.i_val))) break;
                } else depth -= 1;
            },
            .array => {
                const array_size = c.luaH_realasize(frame.table);
                while (frame.index < frame.count) {
                    const index = frame.index;
                    frame.index += 1;
                    const element: *const lua.Value = if (index < array_size)
                        @ptrCast(frame.table.array + index)
                    else
                        @ptrCast(c.luaH_getint(frame.table, index + 1));
                    if (try one(L, element)) break;
                } else depth -= 1;
            },
            .typed_array, .big_array => {
                while (frame.index < frame.count) : (frame.index += 1) {
                    reserve(1, 0);
                    const element: *const lua.Value = @ptrCast(c.luaH_getint(frame.table, frame.index + 1));
                    writeRaw(if (frame.kind == .big_array) @bitCast(element.value_.i) else @bitCast(numberOf(element)));
                }
                depth -= 1;
            },
            .record, .map, .set => if (!try pair(L, frame)) {
                depth -= 1;
            },
        }
    }
}

/// The next half of a pair; false when there is none left.
fn pair(L: *lua.State, frame: *Frame) Error!bool {
    const table = frame.table;
    const array_size = c.luaH_realasize(table);
    const end = array_size + lua.nodeCount(table);
    while (frame.index < end) : (frame.index += 1) {
        var key: lua.Value = undefined;
        var held: *const lua.Value = undefined;
        if (frame.index < array_size) {
            held = @ptrCast(table.array + frame.index);
            key = lua.integer(frame.index + 1);
        } else {
            const node: *const lua.Node = @ptrCast(table.node + (frame.index - array_size));
            held = @ptrCast(&node.i_val);
            key = .{ .value_ = node.u.key_val, .tt_ = node.u.key_tt };
        }
        if (lua.isNil(held)) continue;
        if (frame.has_key) {
            frame.has_key = false;
            frame.index += 1;
            _ = try one(L, held);
            return true;
        }
        frame.has_key = true;
        if (frame.kind == .record and key.tt_ == lua.tag.integer) {
            decimal(key.value_.i);
        } else {
            _ = try one(L, &key);
        }
        return true;
    }
    return false;
}

/// Writes a value, or the beginning of a container, whose frame it pushes (true).
inline fn one(L: *lua.State, given: *const lua.Value) Error!bool {
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
        writeAt(.string_at, bytes);
    }
}

/// Tells the host where bytes are. They stay there while the message is read: the
/// value that holds them does.
fn writeAt(tag: wire.Tag, bytes: []const u8) void {
    writeBox(tag, 0);
    writeRaw(@as(u64, bytes.len) << 32 | @intFromPtr(bytes.ptr));
}

fn decimal(integer: i64) void {
    reserve(1, 20);
    const text = std.fmt.bufPrint(heap[heap_count..][0..20], "{d}", .{integer}) catch unreachable;
    writeBox(.string, @intCast(text.len << 16 | text.len));
    heap_count += @intCast(text.len);
}

fn writeObject(L: *lua.State, given: *const lua.Value) Error!void {
    const userdata = given.value_.gc;
    if (objects.dateOf(given)) |milliseconds| {
        const entry = see(L, userdata);
        if (entry.found) return writeBox(.table_ref, entry.number);
        writeBox(.date, 0);
        writeRaw(@bitCast(milliseconds));
    } else if (objects.bytesOf(given)) |bytes| {
        writeAt(.bytes_at, bytes);
    } else return unsupported(given);
}

fn beginTable(L: *lua.State, table: *lua.Table) Error!bool {
    const entry = see(L, table);
    if (entry.found) {
        writeBox(.table_ref, entry.number);
        return false;
    }
    if (depth == frames.len) return error.Depth;
    frames[depth] = classify(L, table);
    depth += 1;
    return true;
}

/// Writes the header of the container that a table is, and answers its frame.
fn classify(L: *lua.State, table: *lua.Table) Frame {
    const array_size = c.luaH_realasize(table);
    const hash_used = table.lastfree != null;
    const mark = marks.of(table);

    // The array part: how many values, and whether they are the first ones.
    var array_count: u32 = 0;
    var array_last: u32 = 0;
    for (0..array_size) |i| {
        if (!lua.isNil(@ptrCast(table.array + i))) {
            array_count += 1;
            array_last = @intCast(i + 1);
        }
    }

    if (array_count == 0 and hash_used and mark == null) {
        if (shapeOf(L, table)) |shape| {
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
            if (lua.isNil(@ptrCast(&node.i_val))) continue;
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
    if (all_integers and last == total and total > 0) {
        writeBox(.array, total);
        return .{ .kind = .array, .table = table, .count = total };
    }
    if (total == strings or (others == 0 and strings > 0 and !collides(table))) {
        writeBox(.record, total);
        return .{ .kind = .record, .table = table, .count = total };
    }
    writeBox(.map, total);
    return .{ .kind = .map, .table = table, .count = total };
}

/// Whether the key can be a property's name.
fn isTextKey(node: *const lua.Node) bool {
    const key: lua.Value = .{ .value_ = node.u.key_val, .tt_ = node.u.key_tt };
    return lua.isString(&key) and utf8.isValid(lua.bytesOf(lua.stringOf(&key)));
}

/// Whether a table that was a Set still looks like one.
fn allTrue(table: *const lua.Table) bool {
    for (0..c.luaH_realasize(table)) |i| {
        const held: *const lua.Value = @ptrCast(table.array + i);
        if (!lua.isNil(held) and held.tt_ != lua.tag.true_) return false;
    }
    for (0..lua.nodeCount(table)) |i| {
        const node: *const lua.Node = @ptrCast(table.node + i);
        if (!lua.isNil(@ptrCast(&node.i_val)) and node.u.tt_ != lua.tag.true_) return false;
    }
    return true;
}

/// Whether a string key reads like one of the integer keys (1 and "1").
fn collides(table: *lua.Table) bool {
    for (0..lua.nodeCount(table)) |i| {
        const node: *const lua.Node = @ptrCast(table.node + i);
        if (node.u.key_tt & 0x0f != c.LUA_TSTRING or lua.isNil(@ptrCast(&node.i_val))) continue;
        const key: lua.Value = .{ .value_ = node.u.key_val, .tt_ = node.u.key_tt };
        const text = lua.bytesOf(lua.stringOf(&key));
        if (text.len > 20) continue;
        const integer = std.fmt.parseInt(i64, text, 10) catch continue;
        var written: [20]u8 = undefined;
        const again = std.fmt.bufPrint(&written, "{d}", .{integer}) catch unreachable;
        if (std.mem.eql(u8, again, text) and !lua.isNil(@ptrCast(c.luaH_getint(table, integer)))) return true;
    }
    return false;
}

/// The number of the table's shape, if all its keys are short strings and few.
fn shapeOf(L: *lua.State, table: *lua.Table) ?u32 {
    if (table.lsizenode > 5) return null;
    const node_count = lua.nodeCount(table);
    var hash: u32 = table.lsizenode;
    var count: u32 = 0;
    for (0..node_count) |i| {
        const node: *const lua.Node = @ptrCast(table.node + i);
        if (lua.isNil(@ptrCast(&node.i_val))) continue;
        if (node.u.key_tt != lua.tag.short_string) return null;
        count += 1;
        hash = (hash ^ @as(u32, @intFromPtr(node.u.key_val.gc)) ^ @as(u32, @intCast(i))) *% 0x9e3779b1;
    }
    if (count == 0) return null;
    var place = (hash >> 16 ^ hash) % shape_index.len;
    while (shape_index[place] != 0) : (place = (place + 1) % shape_index.len) {
        const number = shape_index[place] - 1;
        const shape = &shapes.?[number];
        if (shape.hash == hash and matches(shape, table, count)) return number;
    }
    return defineShape(L, table, hash, place);
}

fn matches(shape: *const Shape, table: *const lua.Table, count: u32) bool {
    if (shape.count != count or shape.lsizenode != table.lsizenode) return false;
    for (shape.nodes[0..count], shape.keys[0..count]) |place, key| {
        const node: *const lua.Node = @ptrCast(table.node + place);
        if (node.u.key_tt != lua.tag.short_string) return false;
        if (@intFromPtr(node.u.key_val.gc) != @intFromPtr(key)) return false;
        if (lua.isNil(@ptrCast(&node.i_val))) return false;
    }
    return true;
}

fn defineShape(L: *lua.State, table: *const lua.Table, hash: u32, place: u32) ?u32 {
    if (shape_count == wire.shapes_max) return null;
    const shape = &shapes.?[shape_count];
    shape.* = .{ .hash = hash, .lsizenode = table.lsizenode, .count = 0, .nodes = undefined, .keys = undefined };
    for (0..lua.nodeCount(table)) |i| {
        const node: *const lua.Node = @ptrCast(table.node + i);
        if (lua.isNil(@ptrCast(&node.i_val))) continue;
        const key: *lua.String = @ptrCast(@alignCast(node.u.key_val.gc));
        if (!utf8.isValid(lua.bytesOf(key))) return null; // its key crosses as bytes
        shape.nodes[shape.count] = @intCast(i);
        shape.keys[shape.count] = key;
        shape.count += 1;
    }
    order(shape);
    for (shape.keys[0..shape.count]) |key| {
        lua.set(L, shape_keys, lua.integer(shape_key_count + 1), lua.ofString(key));
        shape_key_count += 1;
    }
    // All of a definition stands in one chunk.
    reserve(shape.count + 3, shape.count * @as(usize, c.LUAI_MAXSHORTLEN));
    writeBox(.shape, shape_count << 8 | shape.count);
    for (shape.keys[0..shape.count]) |key| writeString(key);
    shape_index[place] = @intCast(shape_count + 1);
    shape_count += 1;
    return shape_count - 1;
}

/// Places in a hash part follow a seed that differs each time; fields cross in the
/// order of their names, so that a result looks the same each time.
fn order(shape: *Shape) void {
    const Context = struct {
        shape: *Shape,
        pub fn lessThan(context: @This(), a: usize, b: usize) bool {
            return std.mem.lessThan(u8, lua.bytesOf(context.shape.keys[a]), lua.bytesOf(context.shape.keys[b]));
        }
        pub fn swap(context: @This(), a: usize, b: usize) void {
            std.mem.swap(u8, &context.shape.nodes[a], &context.shape.nodes[b]);
            std.mem.swap(*lua.String, &context.shape.keys[a], &context.shape.keys[b]);
        }
    };
    std.sort.insertionContext(0, shape.count, Context{ .shape = shape });
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

fn see(L: *lua.State, object: *const anyopaque) SeenEntry {
    if ((seen_count + 1) * 4 > seen_capacity * 3) growSeen(L);
    const place = placeOf(object);
    const entry = &seen.?[place];
    if (entry.table != null) return .{ .found = true, .number = entry.number };
    entry.* = .{ .table = object, .number = seen_count };
    seen_count += 1;
    return .{ .found = false, .number = entry.number };
}

fn placeOf(object: *const anyopaque) u32 {
    const mask = seen_capacity - 1;
    var place = (@as(u32, @intFromPtr(object) >> 3) *% 0x9e3779b1) >> 7 & mask;
    while (seen.?[place].table) |other| : (place = (place + 1) & mask) {
        if (other == object) break;
    }
    return place;
}

fn growSeen(L: *lua.State) void {
    const old = seen;
    const old_capacity = seen_capacity;
    const capacity: u32 = @max(64, old_capacity * 4);
    const grown: [*]Seen = @ptrCast(@alignCast(c.luaM_malloc_(L, capacity * @sizeOf(Seen), 0)));
    @memset(grown[0..capacity], .{ .table = null, .number = 0 });
    seen = grown;
    seen_capacity = capacity;
    const list = old orelse return;
    for (list[0..old_capacity]) |entry| {
        if (entry.table) |object| grown[placeOf(object)] = entry;
    }
    c.luaM_free_(L, @ptrCast(list), old_capacity * @sizeOf(Seen));
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
    var writer = std.Io.Writer.fixed(&path_buffer);
    writePath(&writer, name, what) catch {};
    error_text = writer.buffered();
}

fn writePath(writer: *std.Io.Writer, name: []const u8, what: []const u8) !void {
    const shown_max = 10; // levels at each end
    try writer.print("{s} (at {s}", .{ what, name });
    for (frames[0..depth], 0..) |*frame, level| {
        if (level == shown_max and depth > 2 * shown_max) try writer.writeAll("...");
        if (level >= shown_max and level + shown_max < depth) continue;
        switch (frame.kind) {
            .array, .typed_array, .big_array => try writer.print("[{d}]", .{frame.index}),
            .object => try writeKey(writer, lua.bytesOf(shapes.?[frame.shape].keys[frame.index - 1])),
            .record, .map, .set => {
                const array_size = c.luaH_realasize(frame.table);
                const at = if (frame.has_key) frame.index else frame.index - 1;
                if (at < array_size) {
                    try writer.print("[{d}]", .{at + 1});
                    continue;
                }
                const node: *const lua.Node = @ptrCast(frame.table.node + (at - array_size));
                const key: lua.Value = .{ .value_ = node.u.key_val, .tt_ = node.u.key_tt };
                if (lua.isString(&key)) {
                    try writeKey(writer, lua.bytesOf(lua.stringOf(&key)));
                } else if (key.tt_ == lua.tag.integer) {
                    try writer.print("[{d}]", .{key.value_.i});
                } else try writer.writeAll("[...]");
            },
        }
    }
    try writer.writeAll(")");
}

fn writeKey(writer: *std.Io.Writer, key: []const u8) !void {
    const shown = key[0..@min(key.len, 40)];
    for (shown, 0..) |byte, i| {
        if (!(std.ascii.isAlphabetic(byte) or byte == '_' or (i > 0 and std.ascii.isDigit(byte)))) {
            try writer.writeAll("[\"");
            for (shown) |b| try writer.writeByte(if (std.ascii.isPrint(b)) b else '?');
            return writer.writeAll("\"]");
        }
    }
    try writer.print(".{s}", .{shown});
}
