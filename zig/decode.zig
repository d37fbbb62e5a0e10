//! Wire to Lua: builds the values of a message that `src/encode.ts` wrote into the
//! I/O buffer. Works off the buffer chunk by chunk with a stack of its own, so a
//! message may be of any size, and depth is bounded.
//!
//! A row of a known shape is a copy of the shape's template: its hash part is
//! copied whole and the values are stored at the places of their keys, without
//! hashing.
//!
//! Everything here may raise a memory error and runs under `lua.protect`. What is
//! being built is reachable from the root, which stands in a slot of Lua's stack.

const std = @import("std");
const lua = @import("lua.zig");
const marks = @import("marks.zig");
const objects = @import("objects.zig");
const wire = @import("wire.zig");
const c = lua.c;

/// Beyond, Lua's arithmetic of sizes could overflow.
const long_string_bytes_max = std.math.maxInt(i32);

pub const Error = error{ Malformed, Depth, Duplicate };

/// A key and its value, and what Lua's own functions may push.
const stack_slots_for_pairs = 2 + c.LUA_MINSTACK;

const Shape = struct {
    template: *lua.Table,
    count: u8,
    /// Where in the hash part the value of each key stands.
    nodes: [wire.shape_keys_max]u8,
};

const Frame = struct {
    /// Pairs make records, maps and sets: a set's member is a key with the value true.
    const Kind = enum { root, object, array, pairs, typed_array };

    kind: Kind,
    typed_kind: marks.Kind = .array,
    /// The next value is a pair's second half; its key is at the stack's top.
    has_key: bool = false,
    has_nulls: bool = false,
    table: *lua.Table,
    shape: *const Shape = undefined,
    index: u32 = 0,
    count: u32,
};

var shapes: [wire.shapes_max]Shape = undefined;
var shape_count: u32 = 0;
/// A Lua table that keeps the templates from being collected.
var templates: *lua.Table = undefined;

/// One frame for the root, one for each container.
var frames: [wire.depth_max + 1]Frame = undefined;
var depth: u32 = 0;

/// The containers of this message, in order, for `table_ref`. Its own memory.
var seen: ?[*]*c.GCObject = null;
var seen_count: u32 = 0;
var seen_capacity: u32 = 0;

/// What this message has allocated in Lua's heap, for the collector's pace.
var bytes_before: c.lu_mem = 0;

pub fn init(L: *lua.State) void {
    templates = objects.anchored(L);
}

/// Begins a message: the value will stand at the top of Lua's stack.
pub fn start(L: *lua.State) void {
    std.debug.assert(depth == 0);
    lua.push(L, lua.nil);
    frames[0] = .{ .kind = .root, .table = undefined, .count = 1 };
    depth = 1;
    seen_count = 0;
    bytes_before = heapBytes(L);
}

/// Ends a message, finished or not. True if it was finished.
pub fn finish(L: *lua.State) bool {
    const finished = depth == 1 and frames[0].index == 1;
    depth = 0;
    if (seen) |list| c.luaM_free_(L, @ptrCast(list), seen_capacity * @sizeOf(*c.GCObject));
    seen = null;
    seen_capacity = 0;
    return finished;
}

/// Bytes that Lua's heap has grown by since `start`.
pub fn grownBytes(L: *lua.State) usize {
    return heapBytes(L) -| bytes_before;
}

fn heapBytes(L: *lua.State) c.lu_mem {
    const g = L.l_G;
    return @intCast(g.*.totalbytes + g.*.GCdebt);
}

/// Takes the words of one chunk, and their strings from the heap.
pub fn chunk(L: *lua.State, words: []const u64, heap: []const u8) Error!void {
    var input = Input{ .words = words, .heap = heap };
    while (true) {
        const frame = &frames[depth - 1];
        if (frame.index == frame.count) {
            if (frame.kind == .root) break;
            close(L, frame);
            depth -= 1;
            continue;
        }
        if (input.words.len == 0) return;
        switch (frame.kind) {
            .typed_array => fillTyped(frame, &input),
            .object => if (try fillObject(L, frame, &input)) try value(L, frame, &input),
            else => try value(L, frame, &input),
        }
    }
    if (input.words.len != 0) return error.Malformed;
}

const Input = struct {
    words: []const u64,
    heap: []const u8,

    fn word(input: *Input) Error!u64 {
        if (input.words.len == 0) return error.Malformed;
        defer input.words = input.words[1..];
        return input.words[0];
    }

    fn bytes(input: *Input, length: u32) Error![]const u8 {
        if (length > input.heap.len) return error.Malformed;
        defer input.heap = input.heap[length..];
        return input.heap[0..length];
    }
};

/// Stores fields of a row as long as they are numbers, strings, booleans or nil: what
/// most rows are made of. True if there is another value to read.
fn fillObject(L: *lua.State, frame: *Frame, input: *Input) Error!bool {
    const table = frame.table;
    const places = frame.shape.nodes[frame.index..frame.count];
    const words = input.words[0..@min(places.len, input.words.len)];
    for (words, places[0..words.len], 0..) |word, place, i| {
        var held: lua.Value = undefined;
        if (word >> 32 < wire.boxed) {
            held = lua.number(@bitCast(word));
        } else {
            const box: wire.Word = @bitCast(word);
            switch (box.tag) {
                .string => {
                    const bytes = try input.bytes(box.payload & 0xffff);
                    held = lua.ofString(c.luaS_newlstr(L, bytes.ptr, bytes.len));
                    lua.barrier(L, table, held);
                },
                .boolean => held = lua.boolean(box.payload != 0),
                .nil => held = lua.nil,
                else => {
                    input.words = input.words[i..];
                    frame.index += @intCast(i);
                    return true;
                },
            }
        }
        const node: *lua.Node = @ptrCast(table.node + place);
        node.u.value_ = held.value_;
        node.u.tt_ = held.tt_;
    }
    input.words = input.words[words.len..];
    frame.index += @intCast(words.len);
    return false;
}

/// Reads one value and puts it into the frame's container.
fn value(L: *lua.State, frame: *Frame, input: *Input) Error!void {
    const word = try input.word();
    if (word >> 32 < wire.boxed) {
        return put(L, frame, lua.number(@bitCast(word)));
    }
    const box: wire.Word = @bitCast(word);
    switch (box.tag) {
        .nil => try put(L, frame, lua.nil),
        .boolean => try put(L, frame, lua.boolean(box.payload != 0)),
        .integer => try put(L, frame, lua.integer(@bitCast(try input.word()))),
        .float => try put(L, frame, lua.float(@bitCast(try input.word()))),
        .string, .bytes => {
            const bytes = try input.bytes(box.payload & 0xffff);
            try put(L, frame, lua.ofString(c.luaS_newlstr(L, bytes.ptr, bytes.len)));
        },
        .table_ref => {
            if (box.payload >= seen_count) return error.Malformed;
            const object = seen.?[box.payload];
            try put(L, frame, .{ .value_ = .{ .gc = object }, .tt_ = object.tt | lua.collectable });
        },
        .shape => try defineShape(L, box.payload, input),
        .object => {
            if (box.payload >= shape_count) return error.Malformed;
            const shape = &shapes[box.payload];
            try open(L, frame, .{ .kind = .object, .table = undefined, .shape = shape, .count = shape.count });
        },
        .array => try open(L, frame, .{ .kind = .array, .table = undefined, .count = box.payload }),
        .record, .map, .set => {
            try open(L, frame, .{ .kind = .pairs, .table = undefined, .count = box.payload });
            const table = frames[depth - 1].table;
            if (box.tag == .map) marks.setKind(L, table, .map);
            if (box.tag == .set) marks.setKind(L, table, .set);
        },
        .typed_array => {
            const kind: u32 = @truncate(try input.word());
            if (kind > @intFromEnum(marks.Kind.biguint64)) return error.Malformed;
            const typed_kind: marks.Kind = @enumFromInt(kind);
            if (!typed_kind.isTyped()) return error.Malformed;
            try open(L, frame, .{ .kind = .typed_array, .typed_kind = typed_kind, .table = undefined, .count = box.payload });
        },
        .date => {
            const date = objects.newDate(L, @bitCast(try input.word()));
            try put(L, frame, date);
            remember(L, date.value_.gc);
        },
        else => return error.Malformed,
    }
}

/// Puts a string of this length into the open container, and answers where its
/// bytes are to be written: how long strings cross.
pub fn longString(L: *lua.State, length: usize) Error![]u8 {
    const frame = &frames[depth - 1];
    if (frame.index == frame.count or length <= c.LUAI_MAXSHORTLEN) return error.Malformed;
    if (length > long_string_bytes_max) c.luaD_throw(L, c.LUA_ERRMEM);
    const string: *lua.String = @ptrCast(c.luaS_createlngstrobj(L, length));
    try put(L, frame, lua.ofString(string));
    return lua.bytesOf(string);
}

inline fn put(L: *lua.State, frame: *Frame, given: lua.Value) Error!void {
    switch (frame.kind) {
        .object => {
            const node: *lua.Node = @ptrCast(frame.table.node + frame.shape.nodes[frame.index]);
            node.u.value_ = given.value_;
            node.u.tt_ = given.tt_;
            lua.barrier(L, frame.table, given);
            frame.index += 1;
        },
        .array => {
            frame.table.array[frame.index] = given;
            if (lua.isNil(&given)) frame.has_nulls = true;
            lua.barrier(L, frame.table, given);
            frame.index += 1;
        },
        .root => {
            lua.top(L).* = given;
            frame.index += 1;
        },
        .pairs => try putHalf(L, frame, given),
        .typed_array => unreachable,
    }
}

/// A key waits on Lua's stack for its value, where the collector sees it, and is
/// hashed only then: the host may still be filling it (see longString).
fn putHalf(L: *lua.State, frame: *Frame, given: lua.Value) Error!void {
    if (!frame.has_key) {
        if (!isKey(&given)) return error.Malformed;
        frame.has_key = true;
        lua.push(L, given);
        return;
    }
    const key = lua.top(L).*;
    if (!lua.isNil(lua.get(frame.table, key))) return error.Duplicate;
    lua.push(L, given);
    lua.set(L, frame.table, key, given);
    lua.pop(L, 2);
    frame.has_key = false;
    frame.index += 1;
}

fn isKey(given: *const lua.Value) bool {
    if (given.tt_ == lua.tag.float) return given.value_.n == given.value_.n;
    return !lua.isNil(given);
}

/// Puts a new container into `parent` and goes on inside it.
fn open(L: *lua.State, parent: *Frame, given: Frame) Error!void {
    if (depth == frames.len) return error.Depth;
    // Lua's own arithmetic of sizes overflows beyond.
    if (given.count > marks.length_max) c.luaD_throw(L, c.LUA_ERRMEM);
    var frame = given;
    const table: *lua.Table = @ptrCast(c.luaH_new(L));
    frame.table = table;
    try put(L, parent, lua.ofTable(table));
    remember(L, @ptrCast(table));
    switch (frame.kind) {
        .object => copyTemplate(L, table, frame.shape.template),
        .array => {
            if (frame.count > 0) c.luaH_resize(L, table, frame.count, 0);
            marks.setKind(L, table, .array);
        },
        .typed_array => {
            if (frame.count > 0) c.luaH_resize(L, table, frame.count, 0);
        },
        .pairs => {
            if (c.lua_checkstack(L, stack_slots_for_pairs) == 0) c.luaD_throw(L, c.LUA_ERRMEM);
            if (frame.count > 0) c.luaH_resize(L, table, 0, frame.count);
        },
        .root => unreachable,
    }
    lua.forgetMetamethods(table);
    frames[depth] = frame;
    depth += 1;
}

fn close(L: *lua.State, frame: *const Frame) void {
    if (frame.kind == .array and frame.has_nulls) marks.setArray(L, frame.table, frame.count);
    if (frame.kind == .typed_array) {
        marks.setOwn(L, frame.table, .{
            .kind = frame.typed_kind,
            .length = frame.count,
            .hash = marks.hashOf(frame.table, frame.count),
        });
    }
}

fn remember(L: *lua.State, object: *c.GCObject) void {
    if (seen_count == seen_capacity) {
        const capacity = @max(64, seen_capacity * 2);
        const size = @sizeOf(*c.GCObject);
        seen = @ptrCast(@alignCast(c.luaM_saferealloc_(L, @ptrCast(seen), seen_capacity * size, capacity * size)));
        seen_capacity = capacity;
    }
    seen.?[seen_count] = object;
    seen_count += 1;
}

fn fillTyped(frame: *Frame, input: *Input) void {
    const length = @min(frame.count - frame.index, input.words.len);
    const target = frame.table.array + frame.index;
    for (input.words[0..length], 0..) |word, i| {
        target[i] = if (frame.typed_kind.isFloat())
            lua.float(@bitCast(word))
        else if (frame.typed_kind.isBig())
            lua.integer(@bitCast(word))
        else
            lua.integer(std.math.lossyCast(i64, @as(f64, @bitCast(word))));
    }
    frame.index += @intCast(length);
    input.words = input.words[length..];
}

/// Gives an empty table the template's hash part: keys, places and chains.
fn copyTemplate(L: *lua.State, table: *lua.Table, template: *const lua.Table) void {
    if (template.lastfree == null) return; // no keys: Lua's shared dummy node
    const count = lua.nodeCount(template);
    const nodes: [*]lua.Node = @ptrCast(@alignCast(c.luaM_malloc_(L, count * @sizeOf(lua.Node), 0)));
    const from: [*]const lua.Node = @ptrCast(template.node);
    @memcpy(nodes[0..count], from[0..count]);
    table.node = nodes;
    table.lsizenode = template.lsizenode;
    table.lastfree = nodes + (@intFromPtr(template.lastfree) - @intFromPtr(template.node)) / @sizeOf(lua.Node);
}

/// Makes the template: a table with the shape's keys, and no values.
fn defineShape(L: *lua.State, payload: u32, input: *Input) Error!void {
    const count = payload & 0xff;
    const number = payload >> 8;
    if (number == 0) {
        for (frames[0..depth]) |*frame| if (frame.kind == .object) return error.Malformed;
        shape_count = 0;
    }
    if (count > wire.shape_keys_max or number != shape_count or number == wire.shapes_max) return error.Malformed;
    const template: *lua.Table = @ptrCast(c.luaH_new(L));
    lua.push(L, lua.ofTable(template));
    defer lua.pop(L, 1);
    if (count > 0) c.luaH_resize(L, template, 0, count);
    const shape = &shapes[shape_count];
    var keys: [wire.shape_keys_max]*lua.String = undefined;
    for (keys[0..count]) |*key| {
        const box: wire.Word = @bitCast(try input.word());
        if (box.tag != .string) return error.Malformed;
        const bytes = try input.bytes(box.payload & 0xffff);
        key.* = @ptrCast(c.luaS_newlstr(L, bytes.ptr, bytes.len));
        if (!lua.isNil(lua.get(template, lua.ofString(key.*)))) return error.Malformed;
        lua.push(L, lua.ofString(key.*));
        lua.set(L, template, lua.ofString(key.*), lua.boolean(true));
        lua.pop(L, 1);
    }
    for (keys[0..count], 0..) |key, i| {
        const slot = @intFromPtr(c.luaH_getstr(template, key));
        shape.nodes[i] = @intCast((slot - @intFromPtr(template.node)) / @sizeOf(lua.Node));
    }
    shape.template = template;
    shape.count = @intCast(count);
    lua.set(L, templates, lua.integer(shape_count + 1), lua.ofTable(template));
    shape_count += 1;
}
