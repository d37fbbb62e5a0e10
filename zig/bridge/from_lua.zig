//! Lua to wire: writes a value into the I/O buffer for `src/bridge/decode.ts`, of any size without
//! a second copy in WASM memory. Works with a stack of its own; depth is bounded. No metamethod
//! runs.

const std = @import("std");
const assert = @import("../vm/assert.zig").assert;
const buffer = @import("buffer.zig");
const classify = @import("classify.zig");
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const marks = @import("../values/marks.zig");
const numbers = @import("view_numbers.zig");
const pairs = @import("pairs.zig");
const path = @import("path.zig");
const seen = @import("seen.zig");
const shapes = @import("shapes.zig");
const Text = @import("../vm/text.zig").Text;
const userdata = @import("../values/userdata.zig");
const wire = @import("wire.zig");
const c = lua.c;

pub const Error = error{ Unsupported, Depth };

const Frame = struct {
    kind: classify.Kind,
    table: *lua.Table,
    shape: u32 = 0,
    /// The places of pairs, in the order in which they cross.
    places: ?[*]pairs.Place = null,
    /// Elements, fields or pairs so far.
    index: u32 = 0,
    count: u32,
    /// Whether the key at `index` has crossed, and its value has not.
    has_key: bool = false,
};

pub var frames: [wire.depth_max]Frame = undefined;
var depth: u32 = 0;

/// The sources of inputs that code has changed and of which this message has clean views, as the
/// values of a table that keeps them.
var changed_sources: *lua.Table = undefined;
var changed_count: u32 = 0;

/// What is being written.
var part: enum {
    /// The message's values: what can't be passed ends it.
    values,
    /// A changed table. The host alone knows whether a value leads to it, so what can't be passed is
    /// refused where it stands.
    changed,
    /// The rest of a changed table that was refused: without the containers in it.
    refused,
} = .values;

const depth_text = std.fmt.comptimePrint("nesting is deeper than {d} levels", .{wire.depth_max});

var error_buffer: [1024]u8 = undefined;
/// The text that goes with the last Status, for `get_text`.
pub var error_text: []const u8 = "";

/// Whether the host is to have values as Lua has them: it tells whole floats from integers, `_io.null`
/// from null, and integer keys from strings; after the beginning of each table it reads its mark
/// (views/external.zig).
pub var is_exact = false;

/// Writes a function, where a message may have some (calls/lua_functions.zig).
pub var write_function: ?*const fn (*lua.State, *const lua.Value) void = null;

/// Writes a function where the host is to have values as Lua has them (views/functions.zig).
pub var keep_function: ?*const fn (*lua.State, *const lua.Value) Error!void = null;

/// Why the last value was refused.
pub var unsupported_what: []const u8 = "";

pub fn init(L: *lua.State) void {
    changed_sources = lua.newAnchored(L);
    shapes.init(L);
}

/// Begins a message.
pub fn start(L: *lua.State) void {
    assert(depth == 0 and part == .values);
    shapes.begin(L);
    buffer.begin();
}

/// Ends a message and answers the words of its last chunk. The host drops one that
/// failed, and with it the shapes defined there.
pub fn finish(L: *lua.State, failed: bool) u32 {
    while (depth > 0) leave(L);
    if (failed) shapes.reset(L);
    seen.forget(L);
    write_function = null;
    is_exact = false;
    part = .values;
    while (changed_count > 0) : (changed_count -= 1) {
        lua.set(L, changed_sources, lua.integer(changed_count), lua.nil);
    }
    return buffer.word_count;
}

/// Writes the changed tables of the inputs in `changed_sources`: the host puts those that its values
/// lead to in their places.
pub inline fn changes(L: *lua.State) void {
    if (changed_count > 0) writeChanges(L);
}

noinline fn writeChanges(L: *lua.State) void {
    var done: u32 = 0;
    while (done < changed_count) {
        done += 1;
        const source = lua.tableOf(@ptrCast(c.luaH_getint(changed_sources, done)));
        for (0..c.luaH_realasize(source)) |i| changed(L, @ptrCast(source.array + i));
        for (0..lua.nodeCount(source)) |i| changed(L, @ptrCast(&(source.node + i)[0].i_val));
    }
}

/// Writes one value of a source, if it is a changed table, or one that is external by now.
fn changed(L: *lua.State, held: *const lua.Value) void {
    if (lua.isNil(held)) return;
    const table = lua.tableOf(held);
    if (numbers.isClean(table) and !numbers.isExternal(table)) return;
    buffer.reserve(1, 0);
    buffer.writeBox(.written, numbers.numberOf(lua.tableOf(held)));
    assert(part == .values and !is_exact);
    const first = seen.total();
    part = .changed;
    value(L, held, "") catch unreachable; // what can't be passed was refused
    // Another changed table may hold some of these, and isn't to be refused for what they don't hold.
    if (part == .refused) seen.forgetFrom(first);
    part = .values;
}

/// Writes what stands for a value that a changed table can't be passed with, and why.
noinline fn refuse(err: Error) void {
    part = .refused;
    const what = whyOf(err);
    var where = Text{ .buffer = &error_buffer };
    addPath(&where);
    buffer.reserve(3, what.len + where.written().len);
    buffer.writeBox(.refused, if (err == error.Depth) 1 else 0);
    buffer.writeAscii(what);
    buffer.writeAscii(where.written());
}

/// Writes a key for the host to look up in a container of its own.
pub fn hostKey(L: *lua.State, given: *const lua.Value) Error!void {
    if (given.tt_ == lua.tag.table) {
        buffer.writeBox(.view, numbers.numberOf(lua.tableOf(given)));
    } else if (given.tt_ == lua.tag.userdata) {
        buffer.writeBox(.view, userdata.dateNumberOf(given));
    } else {
        // As Lua's tables take it: a float without a fraction is an integer.
        var integer: c.lua_Integer = undefined;
        const is_integer = given.tt_ == lua.tag.float and c.luaV_flttointeger(given.value_.n, &integer, c.F2Ieq) != 0;
        _ = try one(L, if (is_integer) &lua.integer(integer) else given);
    }
}

/// Writes one value; a message may have several. `name` begins the path of errors.
pub fn value(L: *lua.State, given: *const lua.Value, name: []const u8) Error!void {
    assert(depth == 0);
    if (is_exact or !writeSimple(given)) try tree(L, given, name);
}

/// Writes a value with all that it contains.
noinline fn tree(L: *lua.State, given: *const lua.Value, name: []const u8) Error!void {
    errdefer |err| describe(name, whyOf(err));
    _ = try one(L, given);
    while (depth > 0) : (limits.step()) {
        const frame = &frames[depth - 1];
        switch (frame.kind) {
            .object => {
                const shape = shapes.at(frame.shape);
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
                    buffer.reserve(1, 0);
                    const element: *const lua.Value = @ptrCast(c.luaH_getint(frame.table, frame.index + 1));
                    buffer.writeRaw(if (frame.kind == .big_array) @bitCast(element.value_.i) else @bitCast(buffer.numberOf(element)));
                }
                leave(L);
            },
            .record, .map, .set => if (frame.index == frame.count) leave(L) else try half(L, frame),
        }
    }
}

/// Writes elements of an array as long as they are numbers of one word. False if the next one is
/// no such number.
fn writeNumbers(frame: *Frame, array_size: u32) bool {
    if (is_exact) return false;
    const end = @min(frame.count, array_size, frame.index + (wire.words_max - buffer.word_count));
    const first = frame.index;
    const safe_max = 9007199254740991;
    // Checked here for the whole loop.
    assert(end <= array_size and buffer.word_count <= buffer.words.len and end -| first <= buffer.words.len - buffer.word_count);
    while (frame.index < end) : (frame.index += 1) {
        const element: *const lua.Value = @ptrCast(frame.table.array + frame.index);
        if (element.tt_ == lua.tag.float) {
            buffer.writeRaw(@bitCast(buffer.numberOf(element)));
        } else if (element.tt_ == lua.tag.integer and @abs(element.value_.i) <= safe_max) {
            buffer.writeRaw(@bitCast(@as(f64, @floatFromInt(element.value_.i))));
        } else break;
    }
    return frame.index > first;
}

/// Leaves the innermost container.
fn leave(L: *lua.State) void {
    depth -= 1;
    const frame = &frames[depth];
    if (frame.places) |places| c.luaM_free_(L, @ptrCast(places), frame.count * @sizeOf(pairs.Place));
}

/// Writes the next key or value of a container of pairs.
fn half(L: *lua.State, frame: *Frame) Error!void {
    const at = frame.places.?[frame.index].at;
    const key = pairs.keyAt(frame.table, at);
    frame.has_key = !frame.has_key;
    if (!frame.has_key) {
        frame.index += 1;
    } else if (is_exact) {
        if (key.tt_ & 0x0f == c.LUA_TFUNCTION) return unsupported(&key);
    } else if (frame.kind == .record and key.tt_ == lua.tag.integer) return buffer.writeDecimal(key.value_.i);
    _ = try one(L, if (frame.has_key) &key else pairs.heldAt(frame.table, at));
}

/// Writes a value that contains none and looks the same to all. False where it isn't such a one.
inline fn writeSimple(given: *const lua.Value) bool {
    buffer.reserve(2, 0);
    switch (given.tt_) {
        lua.tag.integer => buffer.writeInteger(given.value_.i),
        lua.tag.float => buffer.writeRaw(@bitCast(buffer.numberOf(given))),
        lua.tag.short_string, lua.tag.long_string => buffer.writeString(lua.stringOf(given)),
        lua.tag.false_ => buffer.writeBox(.boolean, 0),
        lua.tag.true_ => buffer.writeBox(.boolean, 1),
        else => return false,
    }
    return true;
}

/// Writes a value, or the beginning of a container. True if it has pushed a frame for a container.
fn one(L: *lua.State, given: *const lua.Value) Error!bool {
    buffer.reserve(2, 0);
    if (is_exact and writeExact(given)) return false;
    if (writeSimple(given)) return false;
    if (part == .refused) {
        buffer.writeBox(.nil, 0);
        return false;
    }
    return compound(L, given) catch |err| {
        if (part == .values) return err;
        refuse(err);
        return false;
    };
}

/// Writes a value that is not simple, or its beginning.
inline fn compound(L: *lua.State, given: *const lua.Value) Error!bool {
    switch (given.tt_) {
        lua.tag.table => return try beginTable(L, lua.tableOf(given)),
        lua.tag.userdata => try writeObject(L, given),
        else => {
            if (lua.isNil(given)) {
                buffer.writeBox(.nil, 0);
            } else if (is_exact and given.tt_ & 0x0f == c.LUA_TFUNCTION) {
                try keep_function.?(L, given);
            } else if (write_function != null and given.tt_ & 0x0f == c.LUA_TFUNCTION) {
                write_function.?(L, given);
            } else return unsupported(given);
        },
    }
    return false;
}

/// Writes a value that the host would otherwise take for another one.
noinline fn writeExact(given: *const lua.Value) bool {
    if (given.tt_ == lua.tag.float and lua.number(given.value_.n).tt_ == lua.tag.integer) {
        buffer.writeBox(.float, 0);
        buffer.writeRaw(@bitCast(given.value_.n));
    } else if (given.tt_ == lua.tag.null_ or userdata.isNull(given)) {
        const kind: wire.Nil = if (given.tt_ == lua.tag.null_) .null_ else .kept;
        buffer.writeBox(.nil, @intFromEnum(kind));
    } else return false;
    return true;
}

/// Writes a userdata: a date, bytes or null.
fn writeObject(L: *lua.State, given: *const lua.Value) Error!void {
    const object = given.value_.gc;
    if (userdata.dateOf(given)) |milliseconds| {
        const number = userdata.dateNumberOf(given);
        if (number != 0) return buffer.writeBox(.view, number);
        const entry = seen.see(L, object);
        if (entry.found) return buffer.writeBox(.table_ref, entry.number);
        buffer.writeBox(.date, 0);
        buffer.writeRaw(@bitCast(milliseconds));
    } else if (userdata.bytesOf(given)) |bytes| {
        buffer.writeAt(.bytes_at, bytes);
    } else if (userdata.isNull(given)) {
        buffer.writeBox(.nil, 0);
    } else if (userdata.errorNumberOf(given) != 0 and !is_exact) {
        buffer.writeBox(.view, userdata.errorNumberOf(given));
    } else return unsupported(given);
}

/// Writes a table that is known, or the beginning of a new one, for which it pushes a frame (true).
fn beginTable(L: *lua.State, table: *lua.Table) Error!bool {
    if (numbers.isClean(table)) {
        writeView(L, table);
        return false;
    }
    if (is_exact and table.marked & lua.stays != 0) {
        unsupported_what = "metatables, globals and the library cannot be kept";
        return error.Unsupported;
    }
    if (seen.has(table)) {
        buffer.writeBox(.table_ref, seen.see(L, @ptrCast(table)).number);
        return false;
    }
    if (depth == frames.len) return error.Depth;
    // From here on a weak table loses no entries, though room for it or its shape may collect garbage.
    _ = seen.see(L, @ptrCast(table));
    const class = classify.classOf(L, table, true) orelse {
        seen.forgetLast();
        unsupported_what = "an object cannot have the keys of this table";
        return error.Unsupported;
    };
    writeHead(class);
    if (is_exact) writeMark(table);
    frames[depth] = .{ .kind = class.kind, .table = table, .shape = class.shape, .count = class.count };
    depth += 1;
    switch (class.kind) {
        .record, .map, .set => findPairs(L, &frames[depth - 1]),
        else => {},
    }
    return true;
}

/// Writes a view that code hasn't changed: the host has the object.
fn writeView(L: *lua.State, table: *lua.Table) void {
    if (numbers.isExternal(table)) return buffer.writeBox(.view, numbers.numberOf(table));
    const source = numbers.sourceOf(table);
    const has_changes = c.luaH_realasize(source) > 0 or source.lastfree != null;
    buffer.writeBox(if (has_changes) .changed_view else .view, numbers.numberOf(table));
    if (has_changes) noteSource(L, source);
}

/// Writes what a table is marked as, where the host is to have it as it is in Lua.
noinline fn writeMark(table: *const lua.Table) void {
    buffer.reserve(1, 0);
    buffer.writeBox(.nil, if (marks.of(table)) |mark| @as(u32, @intFromEnum(mark.kind)) + 1 else 0);
}

/// Writes what a container begins with.
fn writeHead(class: classify.Class) void {
    switch (class.kind) {
        .object => {
            shapes.last = class.shape;
            buffer.writeBox(.object, class.shape);
        },
        .array => buffer.writeBox(.array, class.count),
        .record => buffer.writeBox(.record, class.count),
        .map => buffer.writeBox(.map, class.count),
        .set => buffer.writeBox(.set, class.count),
        .typed_array, .big_array => {
            buffer.writeBox(.typed_array, class.count);
            buffer.writeRaw(@intFromEnum(class.typed_kind));
        },
    }
}

/// Finds the places of a container's pairs.
fn findPairs(L: *lua.State, frame: *Frame) void {
    if (frame.count == 0) return;
    const places: [*]pairs.Place = @ptrCast(@alignCast(c.luaM_malloc_(L, frame.count * @sizeOf(pairs.Place), 0)));
    frame.places = places;
    pairs.arrange(L, frame.table, places[0..frame.count], marks.orderOf(frame.table));
}

/// Whether an element is an object that has not been written, of the last object's shape: most rows
/// are.
inline fn isLikeLast(element: *const lua.Value) bool {
    if (element.tt_ != lua.tag.table or depth == frames.len or is_exact) return false;
    const table = lua.tableOf(element);
    if (table.alimit != 0 or numbers.isClean(table) or seen.has(table) or !seen.hasRoom()) return false;
    return shapes.isLikeLast(table);
}

/// Writes such an object, without a frame where all its values are simple.
fn row(L: *lua.State, table: *lua.Table) Error!bool {
    buffer.reserve(1, 0);
    buffer.writeBox(.object, shapes.last);
    _ = seen.see(L, @ptrCast(table));
    const shape = shapes.at(shapes.last);
    for (shape.nodes[0..shape.count], 0..) |place, i| {
        const node: *const lua.Node = @ptrCast(table.node + place);
        const field: *const lua.Value = @ptrCast(&node.i_val);
        if (writeSimple(field)) continue;
        frames[depth] = .{ .kind = .object, .table = table, .shape = shapes.last, .index = i, .count = shape.count };
        depth += 1;
        return true;
    }
    return false;
}

/// Adds a source to `changed_sources`, unless it is there.
fn noteSource(L: *lua.State, source: *lua.Table) void {
    for (1..@as(usize, changed_count) + 1) |i| {
        if (lua.tableOf(@ptrCast(c.luaH_getint(changed_sources, @intCast(i)))) == source) return;
    }
    changed_count += 1;
    lua.set(L, changed_sources, lua.integer(changed_count), lua.ofTable(source));
}

/// Refuses a value that has no counterpart in JavaScript.
fn unsupported(given: *const lua.Value) Error {
    unsupported_what = switch (given.tt_ & 0x0f) {
        c.LUA_TFUNCTION => "functions cannot be passed",
        c.LUA_TTHREAD => "coroutines cannot be passed",
        else => "userdata cannot be passed",
    };
    return error.Unsupported;
}

/// Sets the text of an error, such as "functions cannot be passed (at output.rows[3].handler)".
/// Arrays are counted from 1.
fn describe(name: []const u8, what: []const u8) void {
    var text = Text{ .buffer = &error_buffer };
    text.add(what);
    text.add(" (at ");
    text.add(name);
    addPath(&text);
    text.add(")");
    error_text = text.written();
}

/// Adds the keys that lead to the value that is being written.
fn addPath(text: *Text) void {
    const shown_max = 10; // levels at each end
    for (frames[0..depth], 0..) |*frame, level| {
        if (level == shown_max and depth > 2 * shown_max) text.add("...");
        if (level >= shown_max and level + shown_max < depth) continue;
        switch (frame.kind) {
            .array, .typed_array, .big_array => path.addIndex(text, frame.index),
            .object => path.addName(text, lua.bytesOf(shapes.at(frame.shape).key(frame.index - 1))),
            .record, .map, .set => {
                const index = if (frame.has_key or frame.index == 0) frame.index else frame.index - 1;
                path.addKey(text, &pairs.keyAt(frame.table, frame.places.?[index].at));
            },
        }
    }
}

fn whyOf(err: Error) []const u8 {
    return if (err == error.Depth) depth_text else unsupported_what;
}
