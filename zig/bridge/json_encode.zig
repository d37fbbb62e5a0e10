//! Lua to JSON: writes the text of a value, as `from_lua.zig` writes a message. Works with a stack of
//! its own; depth is bounded. No metamethod runs, and nothing is left out without an error.
//!
//! The text stands in memory of its own. Tables that are being written stand on Lua's stack, as views
//! among them are made complete meanwhile, which may collect what nothing else refers to.

const std = @import("std");
const allocator = @import("unit").@"vm/allocator.zig";
const assert = @import("unit").@"vm/assert.zig".assert;
const classify = @import("unit").@"bridge/classify.zig";
const decoding = @import("json_decode.zig");
const floats = @import("unit").@"vm/floats.zig";
const integer_max = @import("unit").@"vm/text.zig".integer_max;
const from_lua = @import("unit").@"bridge/from_lua.zig";
const limits = @import("unit").@"vm/limits.zig";
const lua = @import("unit").@"vm/lua.zig";
const marks = @import("unit").@"values/marks.zig";
const numbers = @import("unit").@"bridge/view_numbers.zig";
const pairs = @import("unit").@"bridge/pairs.zig";
const path = @import("unit").@"bridge/path.zig";
const seen = @import("unit").@"bridge/seen.zig";
const shapes = @import("unit").@"bridge/shapes.zig";
const Text = @import("unit").@"vm/text.zig".Text;
const textOfInteger = @import("unit").@"vm/text.zig".textOfInteger;
const userdata = @import("unit").@"values/userdata.zig";
const utf8 = @import("unit").@"vm/utf8.zig";
const wire = @import("unit").@"bridge/wire.zig";
const c = lua.c;

pub const Error = error{ Unsupported, Depth };

/// calls/lifetime.zig
extern fn cu_collect(L: *lua.State) void;
/// methods.zig
extern fn cu_write_iso(text: [*]u8, milliseconds: f64) u32;

pub const Options = struct {
    /// What a level adds at the beginning of each line; all is one line where it is empty.
    indent: []const u8 = "",
    /// Whether all keys are sorted, also those that came in an order.
    is_sorted: bool = false,
};

/// How views are read; views/ stands above this.
pub const Views = struct {
    /// Gives a view all its contents.
    complete: *const fn (L: *lua.State, table: *lua.Table) void,
    /// A table with all that an external one holds, until the host is asked again.
    copy: *const fn (L: *lua.State, table: *lua.Table) *lua.Table,
    /// An element of an incomplete array, by its position from 0.
    element: *const fn (L: *lua.State, table: *lua.Table, paged: *numbers.Paged, position: u32) *const lua.Value,
};
pub var views: Views = undefined;

const Frame = struct {
    const Kind = enum {
        array,
        /// An array that is an incomplete view.
        view,
        /// An object with a shape.
        row,
        pairs,
    };

    kind: Kind,
    /// What is being written, and where its contents are: of an external table in a copy.
    given: *lua.Table,
    table: *lua.Table,
    of: extern union {
        /// Of a row.
        shape: *const Shape,
        /// The places of pairs, in the order in which they are written.
        places: [*]pairs.Place,
    } = undefined,
    /// Elements, fields or pairs so far, the one that is being written among them.
    index: u32 = 0,
    count: u32,

    /// What stands on Lua's stack: the table, and what holds the places.
    fn slots(frame: *const Frame) u32 {
        return if (frame.kind == .pairs) 2 else 1;
    }
};

/// A shape with the texts of its keys, one after another: `,"key":`.
const Shape = struct {
    shape: shapes.Shape,
    text: [text_max + @sizeOf(u64)]u8,
    /// Where the text of each key ends.
    ends: [wire.shape_keys_max]u16,

    const text_max = 512;
};

const shapes_max = 16;

comptime {
    assert(@sizeOf(Frame) <= @sizeOf(@typeInfo(@TypeOf(from_lua.frames)).array.child));
}

/// The memory of from_lua's frames, as no message is written meanwhile but keys, which need none.
const frames: *[wire.depth_max]Frame = @ptrCast(&from_lua.frames);
var depth: u32 = 0;
/// How many of them have a table that the collector takes for strong.
var held_count: u32 = 0;
var known: [shapes_max]Shape = undefined;
var known_count: u32 = 0;
/// The shape of the last object.
var last: *Shape = undefined;
/// Keeps the keys of shapes, and their orders: a table on Lua's stack.
var anchor: *lua.Table = undefined;
var options: Options = .{};

/// Whether a text is being written.
pub var is_writing = false;

var memory: ?[*]u8 = null;
var capacity: u32 = 0;
var length: u32 = 0;

/// Characters that a string of JavaScript's can have.
const length_max = 0x1fff_ffe8;
const capacity_min = 1024;
/// Of a number, a word, or a date, with a comma before it or a bracket after it.
const scalar_max = 40;

var error_buffer: [1024]u8 = undefined;
pub var error_text: []const u8 = "";
/// Why the last value was refused.
var refused_what: []const u8 = "";

/// Writes a value; `name` begins the path of errors. The text stays until `drop`.
pub fn encode(L: *lua.State, given: *const lua.Value, name: []const u8, how: Options) Error![]const u8 {
    const value = given.*; // it may stand on the stack, which moves as it grows
    options = how;
    depth = 0;
    length = 0;
    known_count = 0;
    last = &known[0];
    checkStack(L);
    reserve(L, scalar_max);
    anchor = @ptrCast(c.luaH_new(L));
    lua.push(L, lua.ofTable(anchor));
    lua.push(L, if (lua.isNil(&value)) lua.nil else value);
    errdefer |err| describe(name, if (err == error.Depth) decoding.depth_text else refused_what);
    if (try one(L, lua.top(L))) try contents(L);
    lua.pop(L, 2);
    return memory.?[0..length];
}

/// Frees the text, and lets go of the tables that were being written.
pub fn drop() void {
    is_writing = false;
    for (frames[0..held_count]) |*frame| seen.release(frame.table);
    held_count = 0;
    if (memory) |bytes| _ = allocator.cu_reallocate(null, bytes, capacity, 0);
    memory = null;
    capacity = 0;
}

inline fn checkStack(L: *lua.State) void {
    const slots = 4 + c.LUA_MINSTACK;
    const left = @intFromPtr(L.stack_last.p) - @intFromPtr(L.top.p);
    if (lua.is_stressed or left <= slots * @sizeOf(c.StackValue)) growStack(L, slots);
}

noinline fn growStack(L: *lua.State, slots: c_int) void {
    if (!lua.checkStack(L, slots)) c.luaD_throw(L, c.LUA_ERRMEM);
}

/// Writes the contents of the open containers.
fn contents(L: *lua.State) Error!void {
    while (depth > 0) : (decoding.pay(L, 1)) {
        const frame = &frames[depth - 1];
        while (frame.index < frame.count) {
            const index = frame.index;
            frame.index += 1;
            reserve(L, scalar_max);
            const held: *const lua.Value = switch (frame.kind) {
                .row => field(L, frame, index),
                .array => blk: {
                    separate(L, index);
                    break :blk if (index < c.luaH_realasize(frame.table))
                        @ptrCast(frame.table.array + index)
                    else
                        @ptrCast(c.luaH_getint(frame.table, index + 1));
                },
                .view => blk: {
                    separate(L, index);
                    const paged = numbers.entryOf(frame.table).paged.?;
                    break :blk if (index < paged.length) views.element(L, frame.table, paged, index) else &lua.nil;
                },
                .pairs => blk: {
                    separate(L, index);
                    const at = frame.of.places[index].at;
                    try key(L, pairs.keyAt(frame.table, at));
                    break :blk pairs.heldAt(frame.table, at);
                },
            };
            if (try one(L, held)) break;
            decoding.pay(L, 1);
        } else {
            depth -= 1;
            reserve(L, scalar_max);
            newLine(L);
            byte(if (frame.kind == .row or frame.kind == .pairs) '}' else ']');
            letGo(L, frame.slots());
        }
    }
}

/// Writes the key of a row's field; answers its value.
inline fn field(L: *lua.State, frame: *const Frame, index: u32) *const lua.Value {
    const shape = frame.of.shape;
    const held: *const lua.Value = @ptrCast(&(frame.table.node + shape.shape.nodes[index])[0].i_val);
    // Without the comma, for which the brace stands that is written already.
    const start = if (index == 0) 1 else shape.ends[index - 1];
    const text = shape.text[start..shape.ends[index]];
    if (options.indent.len > 0) {
        separate(L, index);
        write(L, text[@intFromBool(index > 0)..]);
        write(L, " ");
        reserve(L, scalar_max);
        return held;
    }
    reserve(L, text.len + @sizeOf(u64) + scalar_max);
    const target = memory.? + length;
    var i: u32 = 0;
    while (i < text.len) : (i += @sizeOf(u64)) {
        std.mem.writeInt(u64, target[i..][0..8], std.mem.readInt(u64, text.ptr[i..][0..8], .little), .little);
    }
    length += @intCast(text.len);
    return held;
}

extern fn cu_copy(to: [*]u8, from: [*]const u8, count: usize) void;

/// Writes what stands before a value or key of a container, where there is room for that and a scalar.
inline fn separate(L: *lua.State, index: u32) void {
    if (index > 0) byte(',');
    newLine(L);
}

/// Begins a line, if there are lines.
inline fn newLine(L: *lua.State) void {
    if (options.indent.len > 0) indent(L);
}

noinline fn indent(L: *lua.State) void {
    limits.steps(L, depth >> 2);
    write(L, "\n");
    for (0..depth) |_| write(L, options.indent);
    reserve(L, scalar_max);
}

/// Writes a key and a colon.
fn key(L: *lua.State, given: lua.Value) Error!void {
    if (given.tt_ == lua.tag.integer) {
        var digits: [integer_max]u8 = undefined;
        write(L, "\"");
        write(L, textOfInteger(&digits, given.value_.i));
        write(L, "\"");
    } else if (lua.isString(&given)) {
        try string(L, lua.bytesOf(lua.stringOf(&given)));
    } else return refuse("a Map, or a table with keys that are neither text nor integers, has no counterpart in JSON");
    write(L, if (options.indent.len > 0) ": " else ":");
    reserve(L, scalar_max);
}

/// Writes a value, or the beginning of a container, where there is room for a scalar. True if it has
/// pushed a frame for a container.
fn one(L: *lua.State, given: *const lua.Value) Error!bool {
    switch (given.tt_) {
        lua.tag.integer => {
            length += cu_write_integer(memory.? + length, given.value_.i);
        },
        lua.tag.float => try float(given.value_.n),
        lua.tag.short_string, lua.tag.long_string => try string(L, lua.bytesOf(lua.stringOf(given))),
        lua.tag.table => return try begin(L, lua.tableOf(given)),
        lua.tag.false_ => word("false"),
        lua.tag.true_ => word("true"),
        lua.tag.userdata => try object(given),
        else => {
            if (!lua.isNil(given)) return refuse(if (given.tt_ & 0x0f == c.LUA_TTHREAD) "coroutines cannot be passed" else "functions cannot be passed");
            word("null");
        },
    }
    return false;
}

/// Writes a word, where there is room for a scalar.
inline fn word(comptime text: []const u8) void {
    const padded = text ++ " " ** (@sizeOf(u64) - text.len);
    std.mem.writeInt(u64, (memory.? + length)[0..8], std.mem.readInt(u64, padded[0..8], .little), .little);
    length += text.len;
}

extern fn cu_write_integer(text: [*]u8, integer: i64) u32;

fn object(given: *const lua.Value) Error!void {
    if (userdata.isNull(given)) return word("null");
    if (userdata.bytesOf(given) != null) return refuse("bytes have no counterpart in JSON");
    const milliseconds = userdata.dateOf(given) orelse return refuse("userdata cannot be passed");
    if (milliseconds != milliseconds) return refuse("an invalid date has no counterpart in JSON");
    memory.?[length] = '"';
    length += 1 + cu_write_iso(memory.? + length + 1, milliseconds);
    byte('"');
}

/// Writes a float as JavaScript does; but those beyond 2^53 have an exponent, as digits alone are an integer.
noinline fn float(given: f64) Error!void {
    if (!std.math.isFinite(given)) {
        return refuse(if (given != given) "NaN is no JSON number" else if (given > 0) "Infinity is no JSON number" else "-Infinity is no JSON number");
    }
    const safe_max = 9007199254740991;
    const magnitude = @abs(given);
    if (std.math.signbit(given)) byte('-');
    if (magnitude <= safe_max and @trunc(magnitude) == magnitude) {
        length += cu_write_integer(memory.? + length, @intFromFloat(magnitude));
        return;
    }
    const decimal = floats.toDecimal(magnitude);
    if (decimal.exponent < 0) {
        const target = memory.? + length;
        const written = cu_write_integer(target, @intCast(decimal.digits));
        const places: u32 = @abs(decimal.exponent);
        if (written > places) {
            // The point goes in before the last digits.
            var i = written;
            while (i > written - places) : (i -= 1) target[i] = target[i - 1];
            target[i] = '.';
            length += written + 1;
            return;
        }
    }
    var room: [integer_max]u8 = undefined;
    const digits = textOfInteger(&room, @intCast(decimal.digits));
    const count: i32 = @intCast(digits.len);
    const point = count + decimal.exponent;
    if (magnitude > safe_max or point <= -6) {
        add(digits[0..1]);
        if (count > 1) {
            byte('.');
            add(digits[1..]);
        }
        byte('e');
        if (point > 0) byte('+');
        length += cu_write_integer(memory.? + length, point - 1);
    } else if (point <= 0) {
        add("0.00000"[0..@intCast(2 - point)]);
        add(digits);
    } else {
        add(digits);
        for (0..@intCast(point - count)) |_| byte('0');
    }
}

/// Adds what there is room for.
noinline fn add(bytes: []const u8) void {
    assert(bytes.len <= capacity - length);
    for (bytes) |given| byte(given);
}

inline fn byte(given: u8) void {
    memory.?[length] = given;
    length += 1;
}

/// Writes a table, or its beginning.
fn begin(L: *lua.State, given: *lua.Table) Error!bool {
    for (frames[0..depth]) |*frame| if (frame.given == given) return refuse("a table contains itself");
    if (depth == frames.len) return error.Depth;
    checkStack(L);
    const table = if (numbers.isExternal(given)) views.copy(L, given) else given;
    lua.push(L, lua.ofTable(table));
    const frame = &frames[depth];
    frame.* = .{ .kind = .array, .given = given, .table = table, .count = 0 };
    seen.hold(table);
    held_count = depth + 1;
    if (table.view & numbers.incomplete != 0) {
        const paged = numbers.entryOf(table).paged;
        if (paged != null and paged.?.kind == .array) {
            frame.kind = .view;
            frame.count = paged.?.length;
        } else views.complete(L, table);
    }
    if (frame.kind != .view) try classifyInto(L, frame);
    const is_object = frame.kind == .row or frame.kind == .pairs;
    if (frame.count == 0) {
        letGo(L, 1);
        byte(if (is_object) '{' else '[');
        byte(if (is_object) '}' else ']');
        return false;
    }
    if (frame.kind == .pairs) {
        const size = frame.count * @sizeOf(pairs.Place);
        const block = c.luaS_newudata(L, size, 0);
        lua.push(L, .{ .value_ = .{ .gc = @ptrCast(block) }, .tt_ = lua.tag.userdata });
        frame.of.places = @ptrCast(@alignCast(lua.memoryOf(pairs.Place, block)));
        const order = if (options.is_sorted) null else marks.orderOf(table);
        pairs.arrange(L, table, frame.of.places[0..frame.count], order);
    }
    byte(if (is_object) '{' else '[');
    depth += 1;
    return true;
}

/// Lets go of the innermost table, with what stands on Lua's stack for it.
inline fn letGo(L: *lua.State, slots: u32) void {
    seen.release(frames[depth].table);
    held_count = depth;
    lua.pop(L, slots);
}

fn classifyInto(L: *lua.State, frame: *Frame) Error!void {
    const table = frame.table;
    const has_fields = table.alimit == 0 and table.lastfree != null and marks.of(table) == null;
    if (has_fields) if (shapeOf(L, table)) |shape| {
        frame.kind = .row;
        frame.of.shape = shape;
        frame.count = shape.shape.count;
        return;
    };
    const class = classify.classOf(L, table, false) orelse return refuse("an object cannot have the keys of this table");
    if (class.kind == .set) return refuse("a Set has no counterpart in JSON");
    frame.count = class.count;
    frame.kind = switch (class.kind) {
        .array, .typed_array, .big_array => .array,
        .object, .record, .map, .set => .pairs,
    };
    if (class.kind == .map and hasIntegers(table)) return refuse("a Map, or a table with keys that are neither text nor integers, has no counterpart in JSON");
}

/// Whether a Map has keys that are integers.
fn hasIntegers(table: *lua.Table) bool {
    for (0..c.luaH_realasize(table)) |i| if (!lua.isVacant(@ptrCast(table.array + i))) return true;
    for (0..lua.nodeCount(table)) |i| {
        const node: *const lua.Node = @ptrCast(table.node + i);
        if (node.u.key_tt == lua.tag.integer and !lua.isVacant(@ptrCast(&node.i_val))) return true;
    }
    return false;
}

/// The shape of a table that has an object's keys only; null where it has none.
fn shapeOf(L: *lua.State, table: *lua.Table) ?*const Shape {
    if (known_count > 0 and shapes.hasShape(table, &last.shape)) return last;
    const hash = shapes.hashOf(table) orelse return null;
    for (known[0..known_count]) |*shape| {
        if (shape.shape.hash != hash or !shapes.hasShape(table, &shape.shape)) continue;
        last = shape;
        return shape;
    }
    if (known_count == known.len) return null;
    const shape = &known[known_count];
    const order = marks.orderOf(table);
    if (!shapes.fill(&shape.shape, table, hash, if (options.is_sorted) null else order)) return null;
    if (!writeKeys(L, shape)) return null;
    for (0..shape.shape.count) |i| lua.set(L, anchor, lua.ofString(shape.shape.key(i)), lua.boolean(true));
    if (order) |list| lua.set(L, anchor, lua.ofTable(list), lua.boolean(true));
    known_count += 1;
    last = shape;
    return shape;
}

/// Writes the texts of a shape's keys; false where there is no room for them.
fn writeKeys(L: *lua.State, shape: *Shape) bool {
    const start = length;
    for (0..shape.shape.count) |i| {
        write(L, ",");
        string(L, lua.bytesOf(shape.shape.key(i))) catch unreachable; // they are text
        write(L, ":");
        if (length - start > Shape.text_max) {
            length = start;
            return false;
        }
        shape.ends[i] = @intCast(length - start);
    }
    @memcpy(shape.text[0 .. length - start], memory.?[start..length]);
    length = start;
    return true;
}

/// Writes a string of Lua's between quotes.
fn string(L: *lua.State, bytes: []const u8) Error!void {
    reserve(L, bytes.len + 16);
    const target = memory.? + length;
    target[0] = '"';
    var i: usize = 0;
    while (i + 8 <= bytes.len) : (i += 8) {
        const eight = std.mem.readInt(u64, bytes[i..][0..8], .little);
        if (decoding.specialBytes(eight) != 0) return longerString(L, bytes, i);
        std.mem.writeInt(u64, (target + 1 + i)[0..8], eight, .little);
        if (i % 1024 == 0) decoding.pay(L, 16);
    }
    const rest = lastBytes(bytes, i);
    if (decoding.specialBytes(rest) != 0) return longerString(L, bytes, i);
    std.mem.writeInt(u64, (target + 1 + i)[0..8], rest, .little);
    target[1 + bytes.len] = '"';
    length += @intCast(bytes.len + 2);
}

/// The bytes from a position on, fewer than eight, and spaces. They are read with what stands before
/// them, which is the head of the string where it has fewer.
inline fn lastBytes(bytes: []const u8, from: usize) u64 {
    const spaces: u64 = 0x2020202020202020;
    const count: u6 = @intCast(bytes.len - from); // up to 7
    if (count == 0) return spaces;
    const eight = std.mem.readInt(u64, (bytes.ptr + bytes.len - 8)[0..8], .little);
    const bits: u6 = 8 * count;
    return eight >> (63 - bits + 1) | spaces << bits;
}

comptime {
    assert(@offsetOf(lua.String, "contents") >= @sizeOf(u64));
}

/// The rest of a string with escapes, or other characters than those of ASCII.
noinline fn longerString(L: *lua.State, bytes: []const u8, done: usize) Error!void {
    length += @intCast(done + 1);
    var i = done;
    reserve(L, bytes.len - i + 1);
    while (i < bytes.len) : (i += 1) {
        const given = bytes[i];
        if (i % 64 == 0) decoding.pay(L, 8);
        if (given >= 0x80) {
            const count = utf8.lengthOf(bytes[i..]);
            if (count == 0) return refuse("bytes that are no UTF-8 have no counterpart in JSON");
            for (bytes[i..][0..count]) |one_of_it| byte(one_of_it);
            i += count - 1;
            continue;
        }
        if (given >= ' ' and given != '"' and given != '\\') {
            byte(given);
            continue;
        }
        // The escape, the rest, and a quote.
        reserve(L, bytes.len - i + 6);
        byte('\\');
        const letter: u8 = switch (given) {
            8 => 'b',
            9 => 't',
            10 => 'n',
            12 => 'f',
            13 => 'r',
            '"', '\\' => given,
            else => 0,
        };
        if (letter != 0) {
            byte(letter);
            continue;
        }
        add("u00");
        byte('0' + (given >> 4));
        byte("0123456789abcdef"[given & 0xf]);
    }
    byte('"');
}

/// Writes bytes as they are.
noinline fn write(L: *lua.State, bytes: []const u8) void {
    reserve(L, bytes.len);
    cu_copy(memory.? + length, bytes.ptr, bytes.len);
    length += @intCast(bytes.len);
}

/// Makes room for so many bytes.
inline fn reserve(L: *lua.State, count: usize) void {
    if (count > capacity - length) grow(L, count);
}

noinline fn grow(L: *lua.State, count: usize) void {
    const needed = @as(u64, length) + count;
    if (needed > length_max + Shape.text_max) c.luaD_throw(L, c.LUA_ERRMEM);
    const doubled = @max(needed, capacity_min, @as(u64, capacity) * 2);
    const grown: u32 = @intCast(@min(doubled, length_max + Shape.text_max));
    limits.steps(L, length >> 8);
    const old: ?*anyopaque = @ptrCast(memory);
    const block = allocator.cu_reallocate_first(null, old, capacity, grown) orelse again: {
        cu_collect(L);
        if (allocator.cu_reallocate(null, old, capacity, grown)) |given| break :again given;
        c.luaD_throw(L, c.LUA_ERRMEM);
        unreachable;
    };
    memory = @ptrCast(block);
    capacity = grown;
}

fn refuse(what: []const u8) Error {
    refused_what = what;
    return error.Unsupported;
}

/// Sets the text of an error, such as "functions cannot be passed (at output.rows[3].handler)".
/// Arrays are counted from 1.
noinline fn describe(name: []const u8, what: []const u8) void {
    const shown_max = 10; // levels at each end
    var text = Text{ .buffer = &error_buffer };
    text.add(what);
    text.add(" (at ");
    text.add(name);
    for (frames[0..depth], 0..) |*frame, level| {
        if (level == shown_max and depth > 2 * shown_max) text.add("...");
        if (level >= shown_max and level + shown_max < depth) continue;
        switch (frame.kind) {
            .array, .view => path.addIndex(&text, frame.index),
            .row => path.addName(&text, lua.bytesOf(frame.of.shape.shape.key(frame.index - 1))),
            .pairs => path.addKey(&text, &pairs.keyAt(frame.table, frame.of.places[frame.index - 1].at)),
        }
    }
    text.add(")");
    error_text = text.written();
}
