//! JSON to Lua: builds the value of a text, as `to_lua.zig` builds one of a message. Works with a
//! stack of its own; depth is bounded.
//!
//! Values of containers that are open stand in `pending`, a table on Lua's stack, until their
//! container ends and its size is known. Objects with the same keys share a template: where an object
//! is likely to have the keys of one, its row is made at once, and keys are only compared.
//!
//! Everything here may raise a memory error, or be ended by a limit. No Lua code runs meanwhile, no
//! finalizer either, and all that is held stands on Lua's stack.

const std = @import("std");
const assert = @import("unit").@"vm/assert.zig".assert;
const floats = @import("unit").@"vm/floats.zig";
const limits = @import("unit").@"vm/limits.zig";
const lua = @import("unit").@"vm/lua.zig";
const marks = @import("unit").@"values/marks.zig";
const numerals = @import("unit").@"vm/numerals.zig";
const to_lua = @import("unit").@"bridge/to_lua.zig";
const templates = @import("unit").@"bridge/templates.zig";
const indexOf = @import("unit").@"vm/text.zig".indexOf;
const Text = @import("unit").@"vm/text.zig".Text;
const userdata = @import("unit").@"values/userdata.zig";
const utf8 = @import("unit").@"vm/utf8.zig";
const wire = @import("unit").@"bridge/wire.zig";
const c = lua.c;

pub const Error = error{ Syntax, Depth };

pub const depth_text = std.fmt.comptimePrint("nesting is deeper than {d} levels", .{wire.depth_max});

var error_buffer: [128]u8 = undefined;
/// What is wrong with the last text, and where.
pub var error_text: []const u8 = "";

const Frame = struct {
    const Kind = enum { array, object, row };

    kind: Kind,
    /// Where the guess of this container's template stands.
    guess: u8 = 0,
    has_nulls: bool = false,
    /// Where its values begin in `pending`: elements; keys and values by turns; or the row.
    base: u32,
    /// Of a row: the fields that it has so far.
    field: u32 = 0,
    row: *lua.Table = undefined,
    shape: *const Shape = undefined,
};

/// A template of this text.
const Shape = struct {
    template: templates.Template,
    keys: [wire.shape_keys_max]*lua.String,
    hash: u32,
};

const shapes_max = 32;

comptime {
    assert(@sizeOf(Frame) <= @sizeOf(@typeInfo(@TypeOf(to_lua.frames)).array.child));
}
const guesses_max = 64;
/// Hashes of keys that one object had: the next one makes a template.
const hashes_max = 64;

/// The memory of to_lua's frames, as no message is taken meanwhile.
const frames: *[wire.depth_max]Frame = @ptrCast(to_lua.frames[0..wire.depth_max]);
var shapes: [shapes_max]Shape = undefined;
/// Numbers of shapes + 1, by hash: open addressing.
var index: [2 * shapes_max]u8 = undefined;
/// The shape + 1 of the last object at a place: a level, and a field of an object.
var guesses: [guesses_max]u8 = undefined;
var hashes: [hashes_max]u32 = undefined;

const pending_min = 32;
/// The tables for pending values and templates, a value, and what Lua's functions push.
const stack_slots = 8 + c.LUA_MINSTACK;

/// Reads a text, which a 0 follows, and which stays where it is. The value may be a null.
pub fn decode(L: *lua.State, text: []const u8, keeps_nulls: bool) Error!lua.Value {
    if (!lua.checkStack(L, stack_slots)) c.luaD_throw(L, c.LUA_ERRMEM);
    const pending: *lua.Table = @ptrCast(c.luaH_new(L));
    lua.push(L, lua.ofTable(pending));
    c.luaH_resize(L, pending, pending_min, 0);
    const anchor: *lua.Table = @ptrCast(c.luaH_new(L));
    lua.push(L, lua.ofTable(anchor));
    index = @splat(0);
    guesses = @splat(0);
    hashes = @splat(0);
    var reader = Reader{
        .L = L,
        .start = text.ptr,
        .at = text.ptr,
        .end = text.ptr + text.len,
        .null_ = if (keeps_nulls) userdata.nullValue() else lua.null_,
        .pending = pending,
        .anchor = anchor,
    };
    assert(reader.end[0] == 0);
    try reader.read();
    reader.skipSpaces();
    if (reader.at != reader.end) return reader.fail("Unexpected non-whitespace character after JSON");
    lua.pop(L, 2);
    return reader.held;
}

/// Pays for steps, where code may be ended.
pub inline fn pay(L: *lua.State, comptime steps: u32) void {
    limits.cu_budget -= steps;
    if (limits.cu_budget < 0) limits.cu_budget_spent(L);
}

const Reader = struct {
    L: *lua.State,
    start: [*]const u8,
    at: [*]const u8,
    end: [*]const u8,
    null_: lua.Value,
    /// Its array part holds `count` values, and others that nothing needs.
    pending: *lua.Table,
    count: u32 = 0,
    /// Keeps the tables of templates.
    anchor: *lua.Table,
    shape_count: u32 = 0,
    depth: u32 = 0,
    /// The value that was read last. The collector doesn't see it here.
    held: lua.Value = lua.nil,

    /// Reads one value, and what stands before it.
    fn read(reader: *Reader) Error!void {
        while (true) {
            reader.skipSpaces();
            pay(reader.L, 1);
            if (try reader.begin()) continue;
            while (true) {
                if (reader.depth == 0) return;
                const frame = &frames[reader.depth - 1];
                reader.put(frame);
                reader.skipSpaces();
                const is_array = frame.kind == .array;
                if (reader.at[0] == ',') {
                    reader.at += 1;
                    if (is_array) break;
                    reader.skipSpaces();
                    if (reader.at[0] != '"') return reader.fail("Expected double-quoted property name");
                    try reader.key(frame);
                    break;
                }
                if (reader.at[0] != @as(u8, if (is_array) ']' else '}')) {
                    return reader.fail(if (is_array) "Expected ',' or ']' after array element" else "Expected ',' or '}' after property value");
                }
                reader.at += 1;
                reader.close(frame);
                reader.depth -= 1;
                reader.count = frame.base;
            }
        }
    }

    /// Reads a value that is no container, or an empty one; true where a container was entered.
    inline fn begin(reader: *Reader) Error!bool {
        switch (reader.at[0]) {
            '"' => try reader.string(),
            '-', '0'...'9' => try reader.number(),
            '{', '[' => return reader.open(),
            't' => try reader.literal("true", &lua.boolean(true)),
            'f' => try reader.literal("false", &lua.boolean(false)),
            'n' => try reader.literal("null", &reader.null_),
            else => return reader.unexpected(),
        }
        return false;
    }

    noinline fn literal(reader: *Reader, word: []const u8, held: *const lua.Value) Error!void {
        for (word) |byte| {
            if (reader.at[0] != byte) return reader.unexpected();
            reader.at += 1;
        }
        reader.held = held.*;
    }

    inline fn skipSpaces(reader: *Reader) void {
        if (reader.at[0] <= ' ') reader.skipSomeSpaces();
    }

    noinline fn skipSomeSpaces(reader: *Reader) void {
        while (reader.at[0] == ' ' or reader.at[0] == '\n' or reader.at[0] == '\r' or reader.at[0] == '\t') : (reader.at += 1) {
            if (@intFromPtr(reader.at) % 64 == 0) pay(reader.L, 2);
        }
    }

    /// Puts the value into the open container.
    inline fn put(reader: *Reader, frame: *Frame) void {
        if (frame.kind != .row) {
            if (lua.isNil(&reader.held)) frame.has_nulls = true;
            return reader.add();
        }
        const node: *lua.Node = @ptrCast(frame.row.node + frame.shape.template.nodes[frame.field]);
        node.u.value_ = reader.held.value_;
        node.u.tt_ = reader.held.tt_;
        lua.barrier(reader.L, frame.row, reader.held);
        frame.field += 1;
    }

    /// Adds the value to `pending`.
    noinline fn add(reader: *Reader) void {
        if (reader.count == reader.pending.alimit) {
            lua.push(reader.L, reader.held);
            reader.reserve(1);
            lua.pop(reader.L, 1);
        }
        reader.pending.array[reader.count] = reader.held;
        lua.barrier(reader.L, reader.pending, reader.held);
        reader.count += 1;
    }

    noinline fn reserve(reader: *Reader, count: u32) void {
        const needed = reader.count + count;
        if (needed <= reader.pending.alimit) return;
        if (needed > marks.length_max) c.luaD_throw(reader.L, c.LUA_ERRMEM);
        c.luaH_resize(reader.L, reader.pending, @max(needed, @min(2 * needed, marks.length_max)), 0);
    }

    /// Enters a container, and reads its first key; or answers an empty one.
    noinline fn open(reader: *Reader) Error!bool {
        const is_array = reader.at[0] == '[';
        if (reader.depth == frames.len) return error.Depth;
        reader.at += 1;
        reader.skipSpaces();
        if (reader.at[0] == @as(u8, if (is_array) ']' else '}')) {
            reader.at += 1;
            const table: *lua.Table = @ptrCast(c.luaH_new(reader.L));
            if (is_array) marks.setKind(reader.L, table, .array);
            reader.held = lua.ofTable(table);
            return false;
        }
        const guess = reader.guessHere();
        const frame = &frames[reader.depth];
        frame.* = .{ .kind = if (is_array) .array else .object, .guess = guess, .base = reader.count };
        reader.depth += 1;
        if (is_array) return true;
        if (reader.at[0] != '"') return reader.fail("Expected property name or '}'");
        if (guesses[guess] != 0) reader.beginRow(frame, &shapes[guesses[guess] - 1]);
        try reader.key(frame);
        return true;
    }

    /// Where the guess of the next container stands.
    fn guessHere(reader: *const Reader) u8 {
        if (reader.depth == 0) return 0;
        const frame = &frames[reader.depth - 1];
        const field = switch (frame.kind) {
            .array => 0,
            .object => (reader.count - frame.base) / 2,
            .row => frame.field,
        };
        return @intCast((reader.depth * 13 + field) % guesses_max);
    }

    fn beginRow(reader: *Reader, frame: *Frame, shape: *const Shape) void {
        const row = templates.newRow(reader.L, &shape.template);
        frame.kind = .row;
        frame.row = row;
        frame.shape = shape;
        reader.held = lua.ofTable(row);
        reader.add();
    }

    /// Reads a key and the colon behind it.
    fn key(reader: *Reader, frame: *Frame) Error!void {
        if (frame.kind != .row or !reader.isNextKey(frame)) {
            if (frame.kind == .row) reader.leaveRow(frame);
            try reader.string();
            reader.add();
        }
        reader.skipSpaces();
        if (reader.at[0] != ':') return reader.fail("Expected ':' after property name");
        reader.at += 1;
    }

    /// Whether the key is the next one of the row's shape; then goes past it.
    inline fn isNextKey(reader: *Reader, frame: *const Frame) bool {
        if (frame.field == frame.shape.template.count) return false;
        const expected = lua.bytesOf(frame.shape.keys[frame.field]);
        if (reader.left() < expected.len + 2 or reader.at[expected.len + 1] != '"') return false;
        if (!isSame(reader.at + 1, expected)) return false;
        reader.at += expected.len + 2;
        return true;
    }

    /// A row turns out to have other keys: it becomes pairs.
    noinline fn leaveRow(reader: *Reader, frame: *Frame) void {
        const fields = frame.field;
        reader.reserve(2 * fields);
        const row = frame.row;
        frame.kind = .object;
        reader.count = frame.base;
        for (frame.shape.keys[0..fields], frame.shape.template.nodes[0..fields]) |name, place| {
            const node: *lua.Node = @ptrCast(row.node + place);
            reader.held = lua.ofString(name);
            reader.add();
            reader.held = .{ .value_ = node.u.value_, .tt_ = node.u.tt_ };
            reader.add();
        }
    }

    /// The value of a container that has ended.
    inline fn close(reader: *Reader, frame: *Frame) void {
        if (frame.kind == .row and frame.field == frame.shape.template.count) {
            reader.held = lua.ofTable(frame.row);
        } else reader.held = lua.ofTable(if (frame.kind == .array) reader.newArray(frame) else reader.newObject(frame));
    }

    noinline fn newArray(reader: *Reader, frame: *const Frame) *lua.Table {
        const L = reader.L;
        const count = reader.count - frame.base;
        const table: *lua.Table = @ptrCast(c.luaH_new(L));
        lua.push(L, lua.ofTable(table));
        c.luaH_resize(L, table, count, 0);
        @memcpy(table.array[0..count], reader.pending.array[frame.base..reader.count]);
        lua.barrier(L, table, lua.ofTable(table)); // all that it holds may be new to the collector
        if (frame.has_nulls) marks.setArray(L, table, count) else marks.setKind(L, table, .array);
        lua.pop(L, 1);
        return table;
    }

    noinline fn newObject(reader: *Reader, frame: *Frame) *lua.Table {
        if (frame.kind == .row) reader.leaveRow(frame);
        const pairs = reader.pending.array[frame.base..reader.count];
        limits.steps(reader.L, pairs.len);
        if (reader.shapeOf(pairs)) |shape| {
            guesses[frame.guess] = @intCast((@intFromPtr(shape) - @intFromPtr(&shapes)) / @sizeOf(Shape) + 1);
            const row = templates.newRow(reader.L, &shape.template);
            for (shape.template.nodes[0..shape.template.count], 0..) |place, i| {
                const node: *lua.Node = @ptrCast(row.node + place);
                node.u.value_ = pairs[2 * i + 1].value_;
                node.u.tt_ = pairs[2 * i + 1].tt_;
            }
            lua.barrier(reader.L, row, lua.ofTable(row));
            return row;
        }
        return reader.newPairs(frame);
    }

    /// The shape that an object with these pairs has; null where the keys are met for the first time,
    /// or no template can have them.
    fn shapeOf(reader: *Reader, pairs: []const lua.Value) ?*const Shape {
        const count = pairs.len / 2;
        if (count > wire.shape_keys_max) return null;
        var hash: u32 = @intCast(count);
        for (0..count) |i| {
            if (pairs[2 * i].tt_ != lua.tag.short_string) return null;
            hash = (hash ^ @as(u32, @intFromPtr(pairs[2 * i].value_.gc))) *% 0x9e3779b1;
            hash ^= hash >> 15;
        }
        hash |= 1;
        var place = hash % index.len;
        while (index[place] != 0) : (place = (place + 1) % index.len) {
            const shape = &shapes[index[place] - 1];
            if (shape.hash == hash and hasKeys(shape, pairs)) return shape;
        }
        const met = &hashes[hash % hashes.len];
        if (met.* != hash) {
            met.* = hash;
            return null;
        }
        return if (reader.shape_count < shapes_max) reader.newShape(pairs, hash, place) else null;
    }

    noinline fn newShape(reader: *Reader, pairs: []const lua.Value, hash: u32, place: usize) ?*const Shape {
        const L = reader.L;
        var draft = templates.Draft.begin(L, @intCast(pairs.len / 2));
        defer lua.pop(L, 1);
        for (0..pairs.len / 2) |i| {
            const name = lua.stringOf(&pairs[2 * i]);
            if (!isPlain(lua.bytesOf(name)) or !draft.addString(L, name)) return null;
        }
        reader.shape_count += 1;
        lua.set(L, reader.anchor, lua.integer(reader.shape_count), lua.ofTable(draft.table));
        const shape = &shapes[reader.shape_count - 1];
        draft.fill(&shape.template);
        shape.keys = draft.keys;
        shape.hash = hash;
        index[place] = @intCast(reader.shape_count);
        return shape;
    }

    /// An object of its own. Of keys that come again the last value counts, at the first place.
    noinline fn newPairs(reader: *Reader, frame: *const Frame) *lua.Table {
        const L = reader.L;
        const count = (reader.count - frame.base) / 2;
        const table: *lua.Table = @ptrCast(c.luaH_new(L));
        lua.push(L, lua.ofTable(table));
        c.luaH_resize(L, table, 0, count);
        const order: *lua.Table = @ptrCast(c.luaH_new(L));
        marks.setOrder(L, table, order);
        c.luaH_resize(L, order, count, 0);
        var ordered: u32 = 0;
        for (0..count) |i| {
            var name: lua.Value = reader.pending.array[frame.base + 2 * i];
            var held: lua.Value = reader.pending.array[frame.base + 2 * i + 1];
            if (lua.isVacant(@ptrCast(c.luaH_get(table, &name)))) {
                order.array[ordered] = name;
                ordered += 1;
                lua.barrier(L, order, name);
            }
            c.luaH_set(L, table, &name, &held);
            lua.barrier(L, table, held);
            pay(L, 1);
        }
        lua.forgetMetamethods(table);
        if (ordered < count) c.luaH_resize(L, order, ordered, 0);
        lua.pop(L, 1);
        return table;
    }

    /// Reads a number: an integer where it is one in int64, or a float that is a safe integer.
    noinline fn number(reader: *Reader) Error!void {
        const first = reader.at;
        const is_negative = first[0] == '-';
        if (is_negative) reader.at += 1;
        var digits: u64 = 0;
        const whole_count = reader.readDigits(&digits);
        if (whole_count == 0) return reader.fail("No number after minus sign");
        const whole = reader.at - whole_count;
        if (whole[0] == '0' and whole_count > 1) {
            reader.at = whole + 1;
            return reader.fail("Unexpected number");
        }
        if (reader.at[0] != '.' and reader.at[0] | 0x20 != 'e') {
            const magnitude_max = @as(u64, std.math.maxInt(i64)) + @intFromBool(is_negative);
            if (whole_count <= 18 or whole_count == 19 and digits <= magnitude_max) {
                const integer: i64 = @bitCast(if (is_negative) 0 -% digits else digits);
                reader.held = if (is_negative and digits == 0) lua.float(-0.0) else lua.integer(integer);
                return;
            }
        }
        var count = whole_count;
        var exponent: i32 = 0;
        if (reader.at[0] == '.') {
            reader.at += 1;
            const after = reader.readDigits(&digits);
            if (after == 0) return reader.fail("Unterminated fractional number");
            count += after;
            exponent = -@as(i32, @intCast(@min(after, exponent_bound)));
        }
        if (reader.at[0] | 0x20 == 'e') exponent += try reader.readExponent();
        const digits_safe = 19;
        const float = if (count <= digits_safe)
            floats.ofDecimal(.{ .digits = digits, .exponent = exponent })
        else
            @abs(numerals.ofText(first));
        if (!(float <= std.math.floatMax(f64))) {
            const length = @intFromPtr(reader.at) - @intFromPtr(first);
            reader.at = first;
            return reader.failAbout(first[0..@min(length, shown_max)], " is beyond a 64-bit float");
        }
        reader.held = lua.number(if (is_negative) -float else float);
    }

    const exponent_bound = 1 << 20;
    /// Characters of a number that an error shows.
    const shown_max = 32;

    /// Reads digits into a number modulo 2^64; answers how many.
    noinline fn readDigits(reader: *Reader, digits: *u64) u32 {
        const first = reader.at;
        while (true) : (reader.at += 1) {
            const digit = reader.at[0] -% '0';
            if (digit > 9) break;
            digits.* = digits.* *% 10 +% digit;
            if (@intFromPtr(reader.at) % 64 == 0) pay(reader.L, 1);
        }
        return @intCast(@intFromPtr(reader.at) - @intFromPtr(first));
    }

    noinline fn readExponent(reader: *Reader) Error!i32 {
        reader.at += 1;
        const is_negative = reader.at[0] == '-';
        if (is_negative or reader.at[0] == '+') reader.at += 1;
        var exponent: i32 = 0;
        const first = reader.at;
        while (std.ascii.isDigit(reader.at[0])) : (reader.at += 1) {
            exponent = @min(exponent * 10 + (reader.at[0] - '0'), exponent_bound);
            if (@intFromPtr(reader.at) % 64 == 0) pay(reader.L, 1);
        }
        if (reader.at == first) return reader.fail("Exponent part is missing a number");
        return if (is_negative) -exponent else exponent;
    }

    /// Reads a string, at its quote.
    noinline fn string(reader: *Reader) Error!void {
        const first = reader.at + 1;
        const at = reader.plainEnd(first);
        if (at[0] != '"') return reader.longerString(first, at);
        reader.at = at + 1;
        reader.hold(first, @intFromPtr(at) - @intFromPtr(first));
    }

    noinline fn hold(reader: *Reader, bytes: [*]const u8, length: usize) void {
        reader.held = lua.ofString(c.luaS_newlstr(reader.L, bytes, length));
    }

    /// Where the next byte is that isn't a printable one of ASCII, or is a quote or a backslash.
    inline fn plainEnd(reader: *Reader, first: [*]const u8) [*]const u8 {
        var at = first;
        while (@intFromPtr(reader.end) - @intFromPtr(at) >= 8) : (at += 8) {
            const special = specialBytes(std.mem.readInt(u64, at[0..8], .little));
            if (special != 0) return at + @ctz(special) / 8;
            if (@intFromPtr(at) % 128 < 8) pay(reader.L, 2);
        }
        while (isPlainByte(at[0])) at += 1;
        return at;
    }

    /// The same for one with escapes or other characters than those of ASCII.
    noinline fn longerString(reader: *Reader, first: [*]const u8, from: [*]const u8) Error!void {
        const L = reader.L;
        var has_escapes = false;
        reader.at = from;
        while (reader.at[0] != '"') : (pay(L, 1)) {
            if (reader.at[0] == '\\' and reader.left() > 1) {
                has_escapes = true;
                reader.at += 2;
            } else if (reader.at[0] >= 0x80) {
                const length = utf8.lengthOf(reader.at[0..reader.left()]);
                if (length == 0) return reader.fail("Invalid UTF-8");
                reader.at += length;
            } else {
                const end = reader.plainEnd(reader.at);
                if (end == reader.at) {
                    return reader.fail(if (reader.left() < 2) "Unterminated string in JSON" else "Bad control character in string literal");
                }
                reader.at = end;
            }
        }
        const length = @intFromPtr(reader.at) - @intFromPtr(first);
        if (has_escapes) return reader.escapedString(first[0..length]);
        reader.at += 1;
        reader.hold(first, length);
    }

    /// A string with escapes, of which the bytes between the quotes are known.
    fn escapedString(reader: *Reader, bytes: []const u8) Error!void {
        const L = reader.L;
        limits.steps(L, bytes.len >> 5);
        // What is written first stands in a string that nothing refers to afterwards.
        var room: [c.LUAI_MAXSHORTLEN]u8 = undefined;
        const draft: ?*lua.String = if (bytes.len > room.len) @ptrCast(c.luaS_createlngstrobj(L, bytes.len)) else null;
        const target: [*]u8 = if (draft) |made| lua.bytesOf(made).ptr else &room;
        if (draft) |made| lua.push(L, lua.ofString(made));
        var length: usize = 0;
        const last = bytes.ptr + bytes.len;
        reader.at = bytes.ptr;
        while (reader.at != last) {
            if (reader.at[0] == '\\') {
                length += try reader.escape(target + length);
                continue;
            }
            target[length] = reader.at[0];
            length += 1;
            reader.at += 1;
        }
        reader.at += 1;
        reader.hold(target, length);
        if (draft != null) lua.pop(L, 1);
    }

    /// Reads an escape, and writes its bytes; answers how many.
    fn escape(reader: *Reader, target: [*]u8) Error!u32 {
        const letter = reader.at[1];
        const letters = "\"\\/bfnrt";
        const bytes = "\"\\/\x08\x0c\n\r\t";
        if (letter == 'u') return reader.unicodeEscape(target);
        reader.at += 1;
        const found = indexOf(letters, letter) orelse return reader.fail("Bad escaped character in JSON");
        reader.at += 1;
        target[0] = bytes[found];
        return 1;
    }

    fn unicodeEscape(reader: *Reader, target: [*]u8) Error!u32 {
        const first = reader.at;
        var point: u32 = try reader.unit();
        if (point >> 10 == 0xd800 >> 10 and reader.at[0] == '\\' and reader.at[1] == 'u') {
            const low = try reader.unit();
            if (low >> 10 == 0xdc00 >> 10) point = 0x10000 + ((point & 0x3ff) << 10 | (low & 0x3ff));
        }
        if (point >> 11 == 0xd800 >> 11) {
            reader.at = first;
            return reader.fail("A lone surrogate in a string cannot be passed");
        }
        if (point < 0x80) {
            target[0] = @intCast(point);
            return 1;
        }
        const length: u32 = if (point < 0x800) 2 else if (point < 0x10000) 3 else 4;
        var rest = point;
        var place = length - 1;
        while (place > 0) : (place -= 1) {
            target[place] = @intCast(0x80 | (rest & 0x3f));
            rest >>= 6;
        }
        target[0] = @intCast((@as(u32, 0xf00) >> @intCast(length) & 0xff) | rest);
        return length;
    }

    /// Reads `\u` and four digits.
    noinline fn unit(reader: *Reader) Error!u32 {
        var code: u32 = 0;
        reader.at += 2;
        for (0..4) |_| {
            const byte = reader.at[0];
            const decimal = byte -% '0';
            const letter = (byte | 0x20) -% 'a';
            if (decimal > 9 and letter > 5) return reader.fail("Bad Unicode escape in JSON");
            code = code << 4 | if (decimal <= 9) decimal else letter + 10;
            reader.at += 1;
        }
        return code;
    }

    inline fn left(reader: *const Reader) usize {
        return @intFromPtr(reader.end) - @intFromPtr(reader.at);
    }

    /// Fails where a value or a part of a word is expected.
    noinline fn unexpected(reader: *Reader) Error {
        if (reader.at == reader.end) return reader.fail("Unexpected end of JSON input");
        const length = utf8.lengthOf(reader.at[0..reader.left()]);
        if (length == 0) return reader.fail("Invalid UTF-8");
        if (reader.at[0] < ' ') return reader.fail("Unexpected control character");
        var room: [8]u8 = undefined;
        var text = Text{ .buffer = &room };
        text.add("'");
        text.add(reader.at[0..length]);
        text.add("'");
        return reader.failAbout("Unexpected token ", text.written());
    }

    /// Fails with a text of two parts.
    noinline fn failAbout(reader: *Reader, first: []const u8, second: []const u8) Error {
        var room: [64]u8 = undefined;
        var text = Text{ .buffer = &room };
        text.add(first);
        text.add(second);
        return reader.fail(text.written());
    }

    /// Notes what is wrong, and the line and column of where the reader is: in UTF-16 units, as
    /// editors and JavaScript count.
    noinline fn fail(reader: *Reader, what: []const u8) Error {
        var line: u32 = 1;
        var column: u32 = 1;
        const length = @intFromPtr(reader.at) - @intFromPtr(reader.start);
        limits.owe(length >> 4);
        for (reader.start[0..length]) |byte| {
            column += @intFromBool(byte & 0xc0 != 0x80);
            column += @intFromBool(byte >= 0xf0);
            if (byte == '\n') {
                line += 1;
                column = 1;
            }
        }
        var text = Text{ .buffer = &error_buffer };
        text.add(what);
        text.add(" at line ");
        text.addInteger(line);
        text.add(", column ");
        text.addInteger(column);
        error_text = text.written();
        return error.Syntax;
    }
};

/// Sets the upper bit of each byte that ends a run of plain ones, up to the first at least.
pub inline fn specialBytes(word: u64) u64 {
    const ones: u64 = 0x0101010101010101;
    const quotes = word ^ ones * '"';
    const slashes = word ^ ones * '\\';
    const high = ones * 0x80;
    const controls = (word -% ones * 0x20) & ~word;
    return (((quotes -% ones) & ~quotes) | ((slashes -% ones) & ~slashes) | controls | word) & high;
}

pub inline fn isPlainByte(byte: u8) bool {
    return byte >= ' ' and byte < 0x80 and byte != '"' and byte != '\\';
}

/// Whether a key stands in a text as it is.
fn isPlain(bytes: []const u8) bool {
    for (bytes) |byte| if (byte < ' ' or byte == '"' or byte == '\\') return false;
    return true;
}

inline fn isSame(a: [*]const u8, b: []const u8) bool {
    for (b, 0..) |byte, i| if (a[i] != byte) return false;
    return true;
}

fn hasKeys(shape: *const Shape, pairs: []const lua.Value) bool {
    if (shape.template.count != pairs.len / 2) return false;
    for (shape.keys[0..shape.template.count], 0..) |name, i| {
        if (@intFromPtr(name) != @intFromPtr(pairs[2 * i].value_.gc)) return false;
    }
    return true;
}
