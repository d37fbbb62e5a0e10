//! Wire to Lua: builds the values of a message that `src/bridge/encode.ts` wrote into the
//! I/O buffer. Reads the buffer chunk by chunk with a stack of its own, so a message may be
//! of any size, and depth is bounded.
//!
//! A row is a copy of its shape's template (templates.zig), in which values are stored at the
//! places of their keys, without hashing.
//!
//! Everything here may raise a memory error and runs under `lua.protect`. What is
//! being built is reachable from the root, which stands in a slot of Lua's stack.

const std = @import("std");
const allocator = @import("../vm/allocator.zig");
const assert = @import("../vm/assert.zig").assert;
const trap = @import("../vm/assert.zig").trap;
const lua = @import("../vm/lua.zig");
const marks = @import("../values/marks.zig");
const templates = @import("templates.zig");
const userdata = @import("../values/userdata.zig");
const numbers = @import("view_numbers.zig");
const wire = @import("wire.zig");
const c = lua.c;

/// Lua's arithmetic of sizes could overflow with more.
const long_string_bytes_max = std.math.maxInt(i32);

pub const Error = error{ Malformed, Depth, Duplicate, Damaged };

/// A key and its value, and what Lua's own functions may push.
const stack_slots_for_pairs = 2 + c.LUA_MINSTACK;

const Frame = struct {
    /// Pairs make records, maps and sets: a set's member is a key with the value true.
    /// The value of a root stands at the top of Lua's stack. The bytecode or the name of a function is one, too.
    const Kind = enum { root, object, array, pairs, typed_array };

    kind: Kind,
    typed_kind: marks.Kind = .array,
    /// The next value belongs to the key at the top of Lua's stack.
    has_key: bool = false,
    has_nulls: bool = false,
    is_name: bool = false,
    table: *lua.Table,
    template: *const templates.Template = undefined,
    index: u32 = 0,
    count: u32,
};

/// One frame for the root, one for each container, and one for a list of values, which is no level of theirs.
pub var frames: [wire.depth_max + 2]Frame = undefined;
var depth: u32 = 0;
/// Whether a chunk of this message was refused: its value will not be used.
var is_failed = false;

/// The containers of this message, in order, for `table_ref`. Memory of this message's own.
var seen: ?[*]*c.GCObject = null;
var seen_count: u32 = 0;
var seen_capacity: u32 = 0;

/// Whether this message belongs to a lazy input, and may have views.
var is_lazy = false;

/// This message may have functions that an external table has, which are made of what stands at the top of
/// the stack, in its place (views/functions.zig).
pub var has_code = false;
pub var load_function: ?*const fn (L: *lua.State, is_name: bool) Error!void = null;

/// This message may have functions of the host.
pub var has_powers = false;

/// Finds a function of Lua's by its number, where this message may have some (calls/lua_functions.zig).
pub var function_of: ?*const fn (u32) ?lua.Value = null;

/// What such a function is in Lua; its upvalues are a number and a name (calls/host.zig).
pub var host_function: c.lua_CFunction = null;

/// Set where a lazy message is one typed array: a page of one, or all of it.
pub var typed_kind: ?marks.Kind = null;
pub var typed_length: u32 = 0;

/// `allocator.taken_bytes` when this message began, for the collector's pace.
var bytes_before: usize = 0;

/// Begins a message: the value will stand at the top of Lua's stack.
pub fn start(L: *lua.State, lazy: bool) void {
    assert(depth == 0);
    is_lazy = lazy;
    lua.push(L, lua.nil);
    frames[0] = .{ .kind = .root, .table = undefined, .count = 1 };
    depth = 1;
    is_failed = false;
    seen_count = 0;
    typed_kind = null;
    bytes_before = allocator.taken_bytes;
}

/// Whether a message has begun and not ended.
pub fn isOpen() bool {
    return depth != 0;
}

/// Refuses the message: its value will not be used. `finish` still ends it.
pub fn fail() void {
    is_failed = true;
}

/// Ends the message. True if its value is complete.
pub fn finish(L: *lua.State) bool {
    const finished = depth == 1 and frames[0].index == 1 and !is_failed;
    depth = 0;
    if (seen) |list| c.luaM_free_(L, @ptrCast(list), seen_capacity * @sizeOf(*c.GCObject));
    seen = null;
    seen_capacity = 0;
    return finished;
}

/// Bytes that were taken from Lua's heap since `start`.
pub fn takenBytes() usize {
    return allocator.taken_bytes -% bytes_before;
}

/// Takes the words of one chunk, and their strings from the heap.
pub fn chunk(L: *lua.State, words: []const u64, heap: []const u8) Error!void {
    assert(depth > 0);
    if (is_failed) return error.Malformed;
    var input = Input{ .words = words, .heap = heap };
    while (true) {
        const frame = &frames[depth - 1];
        if (frame.index == frame.count) {
            if (frame.kind == .root) {
                if (depth == 1) break;
                try closeFunction(L, frame);
                continue;
            }
            try close(L, frame);
            depth -= 1;
            continue;
        }
        if (input.words.len == 0) return;
        switch (frame.kind) {
            .typed_array => fillTyped(frame, &input),
            .object => if (try fillObject(L, frame, &input)) try value(L, frame, &input),
            .array => if (try fillArray(L, frame, &input)) try value(L, frame, &input),
            else => try value(L, frame, &input),
        }
    }
    if (input.words.len != 0) return error.Malformed;
}

pub const Input = struct {
    words: []const u64,
    heap: []const u8,

    pub fn word(input: *Input) Error!u64 {
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

/// Stores fields of a row, from the frame's next one on, as long as they are numbers,
/// strings, booleans or nil, as most fields are. True if another value follows in this chunk.
fn fillObject(L: *lua.State, frame: *Frame, input: *Input) Error!bool {
    const filled = try fillFields(L, frame.table, frame.template.nodes[frame.index..frame.count], input);
    frame.index += filled;
    return frame.index < frame.count and input.words.len > 0;
}

/// Answers how many fields were stored.
inline fn fillFields(L: *lua.State, table: *lua.Table, places: []const u8, input: *Input) Error!u32 {
    const words = input.words[0..@min(places.len, input.words.len)];
    var filled: u32 = 0;
    while (filled < words.len) : (filled += 1) {
        const held = try scalar(L, words[filled], input) orelse break;
        lua.barrier(L, table, held);
        const node: *lua.Node = @ptrCast(table.node + places[filled]);
        node.u.value_ = held.value_;
        node.u.tt_ = held.tt_;
    }
    input.words = input.words[filled..];
    return filled;
}

/// The value of a word that stands for a whole value; null for other words.
pub inline fn scalar(L: *lua.State, word: u64, input: *Input) Error!?lua.Value {
    if (word >> 32 < wire.boxed) return lua.number(@bitCast(word));
    const box: wire.Word = @bitCast(word);
    switch (box.tag) {
        .string => {
            const bytes = try input.bytes(box.payload & 0xffff);
            return lua.ofString(c.luaS_newlstr(L, bytes.ptr, bytes.len));
        },
        .boolean => return lua.boolean(box.payload != 0),
        .nil => return nilOf(box.payload),
        else => return null,
    }
}

/// What a `Nil` is in a table.
inline fn nilOf(payload: u32) lua.Value {
    return switch (@as(wire.Nil, @enumFromInt(payload))) {
        .null_ => lua.null_,
        .kept => userdata.nullValue(),
        .undefined, _ => lua.nil,
    };
}

/// Stores elements of an array as long as they are such values, or rows of such values. True if
/// another value follows in this chunk.
fn fillArray(L: *lua.State, frame: *Frame, input: *Input) Error!bool {
    const array = frame.table.array;
    // Checked here for the whole loop.
    assert(frame.count <= frame.table.alimit);
    while (frame.index < frame.count and input.words.len > 0) {
        if (try scalar(L, input.words[0], input)) |held| {
            input.words = input.words[1..];
            if (lua.isNil(&held)) frame.has_nulls = true;
            array[frame.index] = held;
            lua.barrier(L, frame.table, held);
            frame.index += 1;
            continue;
        }
        const template, const table = try beginRow(L, frame, input) orelse return true;
        frame.index += 1;
        const filled = try fillFields(L, table, template.nodes[0..template.count], input);
        if (filled == template.count) continue;
        try enter(.{ .kind = .object, .table = table, .template = template, .index = filled, .count = template.count });
        return false;
    }
    return false;
}

/// Puts the table of an object, or of a view that comes with fields, into an array; null where the
/// next value is neither.
inline fn beginRow(L: *lua.State, frame: *Frame, input: *Input) Error!?struct { *const templates.Template, *lua.Table } {
    const box: wire.Word = @bitCast(input.words[0]);
    const is_view = box.tag == .view;
    if (!is_view and box.tag != .object or is_view and input.words.len < 2) return null;
    const head: wire.ViewHead = if (is_view) @bitCast(input.words[1]) else undefined;
    const template = templates.find(if (is_view) head.shape else box.payload) orelse return null;
    if (is_view and !try isNewView(L, box.payload, head)) return null;
    const table = templates.newRow(L, template);
    frame.table.array[frame.index] = lua.ofTable(table);
    lua.barrier(L, frame.table, lua.ofTable(table));
    if (is_view) {
        numbers.register(L, table, box.payload, head);
        input.words = input.words[2..];
    } else {
        remember(L, @ptrCast(table));
        input.words = input.words[1..];
    }
    return .{ template, table };
}

/// Reads one value and puts it into the frame's container.
fn value(L: *lua.State, frame: *Frame, input: *Input) Error!void {
    const word = try input.word();
    // Most values, and most keys.
    if (word >> 32 < wire.boxed) return put(L, frame, lua.number(@bitCast(word)));
    const box: wire.Word = @bitCast(word);
    if (box.tag == .string) {
        const bytes = try input.bytes(box.payload & 0xffff);
        return put(L, frame, lua.ofString(c.luaS_newlstr(L, bytes.ptr, bytes.len)));
    }
    try putOther(L, frame, try simple(L, word, input) orelse return beginValue(L, frame, box, input));
}

/// A value that is no container, nor what stands for a host's object; null for others.
inline fn simple(L: *lua.State, word: u64, input: *Input) Error!?lua.Value {
    if (try scalar(L, word, input)) |held| return held;
    const box: wire.Word = @bitCast(word);
    switch (box.tag) {
        .integer => return lua.integer(@bitCast(try input.word())),
        .float => return lua.float(@bitCast(try input.word())),
        .bytes => {
            const bytes = try input.bytes(box.payload & 0xffff);
            return lua.ofString(c.luaS_newlstr(L, bytes.ptr, bytes.len));
        },
        .function => {
            if (!has_powers) return error.Malformed;
            const name: wire.Word = @bitCast(try input.word());
            if (name.tag != .string) return error.Malformed;
            return newFunction(L, box.payload, try input.bytes(name.payload & 0xffff));
        },
        .function_ref => {
            const find = function_of orelse return error.Malformed;
            return find(box.payload) orelse error.Malformed;
        },
        .table_ref => {
            if (box.payload >= seen_count) return error.Malformed;
            const object = seen.?[box.payload];
            return .{ .value_ = .{ .gc = object }, .tt_ = object.tt | lua.collectable };
        },
        else => return null,
    }
}

/// Reads the beginning of a container, the definition of a shape, or what stands for a host's object.
fn beginValue(L: *lua.State, frame: *Frame, box: wire.Word, input: *Input) Error!void {
    switch (box.tag) {
        .shape => try defineShape(L, box.payload, input),
        .object => {
            const template = templates.find(box.payload) orelse return error.Malformed;
            try open(L, frame, .{ .kind = .object, .table = undefined, .template = template, .count = template.count });
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
            const own: marks.Kind = @enumFromInt(kind);
            if (!own.isTyped()) return error.Malformed;
            try open(L, frame, .{ .kind = .typed_array, .typed_kind = own, .table = undefined, .count = box.payload });
        },
        .view => try view(L, frame, box.payload, @bitCast(try input.word())),
        .date => {
            const milliseconds: f64 = @bitCast(try input.word());
            if (box.payload != 0) return putDate(L, frame, box.payload, milliseconds);
            const date = userdata.newDate(L, milliseconds);
            try putOther(L, frame, date);
            remember(L, date.value_.gc);
        },
        .function_bytecode => try beginFunction(L, box.payload),
        else => return error.Malformed,
    }
}

/// Waits for the bytecode or the name of a function that an external table has: the host may write it only
/// when it has its place (see longString).
noinline fn beginFunction(L: *lua.State, payload: u32) Error!void {
    if (!has_code) return error.Malformed;
    if (!lua.checkStack(L, stack_slots_for_pairs)) c.luaD_throw(L, c.LUA_ERRMEM);
    try enter(.{ .kind = .root, .is_name = payload == wire.library_function, .table = undefined, .count = 1 });
    lua.push(L, lua.nil);
}

noinline fn closeFunction(L: *lua.State, frame: *const Frame) Error!void {
    if (!lua.isString(lua.top(L))) return error.Malformed;
    try load_function.?(L, frame.is_name);
    const function = lua.top(L).*;
    lua.pop(L, 1);
    depth -= 1;
    try putOther(L, &frames[depth - 1], function);
}

fn newFunction(L: *lua.State, number: u32, name: []const u8) lua.Value {
    // The name is older than what refers to it, whatever is collected meanwhile: there is no barrier to be kept.
    lua.push(L, lua.ofString(c.luaS_newlstr(L, name.ptr, name.len)));
    const closure: *c.CClosure = @ptrCast(c.luaF_newCclosure(L, 2));
    const upvalues: [*]lua.Value = @ptrCast(&closure.upvalue);
    closure.f = host_function;
    upvalues[0] = lua.integer(number);
    upvalues[1] = lua.top(L).*;
    lua.pop(L, 1);
    return .{ .value_ = .{ .gc = @ptrCast(closure) }, .tt_ = c.LUA_VCCL | lua.collectable };
}

/// Puts a view, known or new, into its container, and enters it where contents follow.
fn view(L: *lua.State, parent: *Frame, number: u32, head: wire.ViewHead) Error!void {
    if (!try isNewView(L, number, head)) {
        const known = numbers.find(L, number).?;
        if (known.tt != c.LUA_VTABLE) return error.Malformed;
        const table: *lua.Table = @ptrCast(@alignCast(known));
        if (head.kind == .external and !numbers.isExternal(table)) return error.Malformed;
        return putOther(L, parent, lua.ofTable(table));
    }
    if (head.kind == .external) return external(L, parent, number);
    const template = templates.find(head.shape);
    if (template == null and head.shape != wire.no_shape) return error.Malformed;
    const table: *lua.Table = if (template) |known| templates.newRow(L, known) else @ptrCast(c.luaH_new(L));
    try putOther(L, parent, lua.ofTable(table));
    numbers.register(L, table, number, head);
    switch (head.kind) {
        .object, .record => {},
        .array => marks.setKind(L, table, .array),
        .map => marks.setKind(L, table, .map),
        .set => marks.setKind(L, table, .set),
        .external, _ => return error.Malformed,
    }
    if (template) |known| {
        try enter(.{ .kind = .object, .table = table, .template = known, .count = known.count });
    } else if (head.is_complete) {
        const is_array = head.kind == .array;
        try enter(.{ .kind = if (is_array) .array else .pairs, .table = table, .count = head.length });
        try makeRoom(L, &frames[depth - 1]);
    }
    lua.forgetMetamethods(table);
}

/// Puts a new external table into its container.
fn external(L: *lua.State, parent: *Frame, number: u32) Error!void {
    const table: *lua.Table = @ptrCast(c.luaH_new(L));
    try putOther(L, parent, lua.ofTable(table));
    numbers.registerExternal(L, table, number);
}

/// Puts a date of a lazy input, known or new, into its container.
fn putDate(L: *lua.State, frame: *Frame, number: u32, milliseconds: f64) Error!void {
    if (!is_lazy or number > numbers.number_max) return error.Malformed;
    if (numbers.find(L, number)) |known| {
        if (known.tt != c.LUA_VUSERDATA) return error.Malformed;
        return putOther(L, frame, .{ .value_ = .{ .gc = known }, .tt_ = lua.tag.userdata });
    }
    const date = userdata.newDate(L, milliseconds);
    try putOther(L, frame, date);
    numbers.registerDate(L, date.value_.gc, number);
}

/// Whether the number has no table yet.
inline fn isNewView(L: *lua.State, number: u32, head: wire.ViewHead) Error!bool {
    const may_stand = is_lazy or head.kind == .external;
    if (head.kind == .external and (head.is_complete or head.shape != wire.no_shape)) return error.Malformed;
    if (!may_stand or number == 0 or number > numbers.number_max) return error.Malformed;
    if (numbers.find(L, number) == null) return true;
    return if (head.is_complete or head.shape != wire.no_shape) error.Malformed else false;
}

/// Puts a long string into the open container, and answers its bytes, which the host writes.
pub fn longString(L: *lua.State, length: usize) Error![]u8 {
    assert(depth > 0);
    const frame = &frames[depth - 1];
    if (is_failed or frame.index == frame.count or frame.kind == .typed_array or length <= c.LUAI_MAXSHORTLEN) return error.Malformed;
    if (length > long_string_bytes_max) c.luaD_throw(L, c.LUA_ERRMEM);
    const string: *lua.String = @ptrCast(c.luaS_createlngstrobj(L, length));
    try putOther(L, frame, lua.ofString(string));
    return lua.bytesOf(string);
}

/// As `put`, in less code.
noinline fn putOther(L: *lua.State, frame: *Frame, given: lua.Value) Error!void {
    return put(L, frame, given);
}

/// Puts a value into a container, at its next place.
inline fn put(L: *lua.State, frame: *Frame, given: lua.Value) Error!void {
    switch (frame.kind) {
        .object => {
            const node: *lua.Node = @ptrCast(frame.table.node + frame.template.nodes[frame.index]);
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
            lua.top(L).* = if (lua.isNil(&given)) lua.nil else given;
            frame.index += 1;
        },
        .pairs => try putHalf(L, frame, given),
        .typed_array => trap(),
    }
}

/// A key waits for its value on Lua's stack, where the collector sees it. It is hashed when the
/// value has come, as the host may still be writing the key's bytes (see longString).
fn putHalf(L: *lua.State, frame: *Frame, given: lua.Value) Error!void {
    if (!frame.has_key) {
        if (!isKey(&given)) return error.Malformed;
        frame.has_key = true;
        lua.push(L, given);
        return;
    }
    const key = lua.top(L).*;
    if (!lua.isVacant(lua.get(frame.table, key))) return error.Duplicate;
    // The order keeps the key where its value is nil, as later words may refer to the key.
    const order = marks.orderOf(frame.table).?;
    assert(frame.index < order.alimit);
    order.array[frame.index] = key;
    lua.barrier(L, order, key);
    lua.push(L, given);
    if (lua.isVacant(&given)) frame.has_nulls = true;
    lua.set(L, frame.table, key, given);
    lua.pop(L, 2);
    frame.has_key = false;
    frame.index += 1;
}

fn isKey(given: *const lua.Value) bool {
    if (given.tt_ == lua.tag.float) return given.value_.n == given.value_.n;
    return !lua.isNil(given);
}

/// Puts a new container into `parent` and enters it.
fn open(L: *lua.State, parent: *Frame, given: Frame) Error!void {
    var frame = given;
    const table: *lua.Table = if (frame.kind == .object) templates.newRow(L, frame.template) else @ptrCast(c.luaH_new(L));
    frame.table = table;
    try putOther(L, parent, lua.ofTable(table));
    remember(L, @ptrCast(table));
    try enter(frame);
    try makeRoom(L, &frames[depth - 1]);
    if (frame.kind == .array) marks.setKind(L, table, .array);
    lua.forgetMetamethods(table);
}

/// Makes a container the one that takes the next values.
fn enter(frame: Frame) Error!void {
    if (depth == frames.len) return error.Depth;
    frames[depth] = frame;
    depth += 1;
}

/// Makes room for what a container will hold.
fn makeRoom(L: *lua.State, frame: *const Frame) Error!void {
    const table = frame.table;
    // Lua's own arithmetic of sizes would overflow with more.
    if (frame.count > marks.length_max) c.luaD_throw(L, c.LUA_ERRMEM);
    switch (frame.kind) {
        .object => {},
        .array, .typed_array => if (frame.count > 0) c.luaH_resize(L, table, frame.count, 0),
        .pairs => {
            if (!lua.checkStack(L, stack_slots_for_pairs)) c.luaD_throw(L, c.LUA_ERRMEM);
            if (frame.count == 0) return;
            c.luaH_resize(L, table, 0, frame.count);
            marks.setOrder(L, table, @ptrCast(c.luaH_new(L)));
            c.luaH_resize(L, marks.orderOf(table).?, frame.count, 0);
        },
        .root => trap(),
    }
}

/// What is left to do when a container has all its values.
fn close(L: *lua.State, frame: *const Frame) Error!void {
    if (frame.kind == .pairs and frame.has_nulls) try checkKeys(frame.table);
    if (frame.kind == .array and frame.has_nulls) marks.setArray(L, frame.table, frame.count);
    if (frame.kind != .typed_array) return;
    if (!is_lazy) return marks.setTyped(L, frame.table, frame.typed_kind, frame.count);
    typed_kind = frame.typed_kind;
    typed_length = frame.count;
}

/// Numbers a container, for `table_ref`.
/// A key that came without a value may not come again with one: it would stand in the order twice.
fn checkKeys(table: *lua.Table) Error!void {
    const order = marks.orderOf(table).?;
    var ordered: u32 = 0;
    for (order.array[0..order.alimit]) |*key| {
        if (!lua.isVacant(@ptrCast(c.luaH_get(table, key)))) ordered += 1;
    }
    var held: u32 = 0;
    for (0..c.luaH_realasize(table)) |i| held += @intFromBool(!lua.isVacant(@ptrCast(table.array + i)));
    if (table.lastfree != null) {
        for (0..lua.nodeCount(table)) |i| held += @intFromBool(!lua.isVacant(@ptrCast(&(table.node + i)[0].i_val)));
    }
    if (ordered != held) return error.Duplicate;
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
    // Checked here for the whole loop.
    assert(frame.index + length <= frame.table.alimit);
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

/// Takes the definition of a shape.
fn defineShape(L: *lua.State, payload: u32, input: *Input) Error!void {
    const count = payload & 0xff;
    const number = payload >> 8;
    if (number == 0) {
        for (frames[0..depth]) |*frame| if (frame.kind == .object) return error.Malformed;
        templates.forget();
    }
    if (count > wire.shape_keys_max or !templates.isNext(number)) return error.Malformed;
    var draft = templates.Draft.begin(L, count);
    defer lua.pop(L, 1);
    for (0..count) |_| {
        const box: wire.Word = @bitCast(try input.word());
        if (box.tag != .string) return error.Malformed;
        if (!draft.addKey(L, try input.bytes(box.payload & 0xffff))) return error.Malformed;
    }
    draft.end(L);
}
