//! Messages both ways: values on Lua's stack become one for the host, and the host hands one over
//! chunk by chunk.

const allocator = @import("../vm/allocator.zig");
const assert = @import("../vm/assert.zig").assert;
const asking = @import("../views/asking.zig");
const releasing = @import("../views/releasing.zig");
const external = @import("small").@"views/external.zig";
const buffer = @import("../bridge/buffer.zig");
const from_lua = @import("../bridge/from_lua.zig");
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const lua_functions = @import("small").@"calls/lua_functions.zig";
const numbers = @import("../bridge/view_numbers.zig");
const to_lua = @import("../bridge/to_lua.zig");
const unit = @import("unit.zig");
const wire = @import("../bridge/wire.zig");
const c = lua.c;

const Range = struct { first: u32, count: u32, names: []const []const u8, result: ?from_lua.Error = null };

/// Writes values from the stack as a message, and empties the stack. The last name is for all that follow.
pub fn write(first: u32, count: u32, names: []const []const u8) i32 {
    from_lua.start(unit.L);
    return writeStarted(first, count, names);
}

/// Writes what a function of the host was called with: it may have functions of Lua's, as of a call.
pub fn writeArguments(count: u32, names: []const []const u8) i32 {
    lua_functions.unsent(unit.L); // of a message that the host couldn't read
    from_lua.start(unit.L);
    from_lua.write_function = lua_functions.write;
    const words = writeStarted(1, count, names);
    if (words < 0) lua_functions.unsent(unit.L);
    return words;
}

fn writeStarted(first: u32, count: u32, names: []const []const u8) i32 {
    assert(first + count <= c.lua_gettop(unit.L) + 1);
    var range = Range{ .first = first, .count = count, .names = names };
    limits.begin(unit.L);
    const status = lua.protect(unit.L, writeRange, &range);
    const words = from_lua.finish(unit.L, status != c.LUA_OK or range.result != null);
    c.lua_settop(unit.L, 0);
    if (status != c.LUA_OK) return unit.answerOf(status);
    if (range.result) |err| return unit.answer(if (err == error.Depth) .depth else .unsupported);
    return @intCast(words);
}

fn writeRange(state: *lua.State, range: *Range) void {
    for (0..range.count) |i| {
        const name = range.names[@min(i, range.names.len - 1)];
        from_lua.value(state, lua.at(state, range.first + i), name) catch |err| {
            range.result = err;
            return;
        };
    }
    from_lua.changes(state);
}

/// A whole value; a value whose containers are views, of an input of its own; or a part of such
/// an input.
const MessageKind = enum(u32) {
    whole,
    lazy,
    part,
    /// What a function of the host returns, or the promise that it returned.
    results,
    /// Functions of the host, among other values.
    powers,
    /// What a function of Lua's is called with.
    arguments,
};

/// Whether a function of the host is being called, and may answer with a message.
pub var is_calling = false;

pub fn beginMessage(kind: u32) i32 {
    if (kind > @intFromEnum(MessageKind.arguments)) return unit.answer(.malformed);
    return begin(@enumFromInt(kind));
}

fn begin(kind: MessageKind) i32 {
    const may_begin = switch (kind) {
        // What the host answers while it is asked.
        .part => asking.is_asking and !to_lua.isOpen(),
        .results => unit.is_ready and (is_calling or !unit.isRunning()) and !to_lua.isOpen(),
        else => unit.isIdle(),
    };
    if (!may_begin) return unit.answer(.malformed);
    releasing.flush();
    if (kind == .lazy) {
        const status = lua.protect(unit.L, newSource, {});
        if (status != c.LUA_OK) return unit.answerOf(status);
    }
    to_lua.start(unit.B, kind == .lazy or kind == .part);
    to_lua.has_powers = kind == .powers;
    to_lua.has_code = kind == .part and asking.is_external;
    to_lua.function_of = if (kind == .results or kind == .arguments) lua_functions.find else null;
    if (kind == .whole or kind == .arguments) allocator.beginMessage();
    return 0;
}

fn newSource(state: *lua.State, _: void) void {
    numbers.newSource(state);
}

pub fn dropView(number: u32) i32 {
    const is_dropped = to_lua.isOpen() and numbers.drop(unit.L, number);
    return if (is_dropped) 0 else unit.answer(.malformed);
}

pub fn forgetExternal(number: u32) i32 {
    if (!unit.is_ready) return unit.answer(.malformed);
    if (number == 0) {
        external.forgetAll(unit.L);
    } else if (numbers.findExternal(unit.L, number)) |table| external.forgetContents(unit.L, table);
    return 0;
}

pub fn pinExternal(number: u32, is_reached: bool) i32 {
    if (!unit.is_ready) return unit.answer(.malformed);
    external.pin(unit.L, number, is_reached);
    return 0;
}

const Chunk = struct { words: u32, heap_bytes: u32, result: ?to_lua.Error = null };

pub fn takeChunk(words: u32, heap_bytes: u32) i32 {
    if (!to_lua.isOpen() or words > wire.words_max or heap_bytes > wire.heap_size_bytes) return unit.answer(.malformed);
    var chunk = Chunk{ .words = words, .heap_bytes = heap_bytes };
    const status = lua.protect(unit.B, decodeChunk, &chunk);
    if (status != c.LUA_OK or chunk.result != null) to_lua.fail();
    if (status != c.LUA_OK) return unit.answerOf(status);
    const err = chunk.result orelse return 0;
    return unit.answer(switch (err) {
        error.Malformed => .malformed,
        error.Depth => .depth,
        error.Duplicate => .duplicate,
        error.Damaged => .damaged,
    });
}

fn decodeChunk(state: *lua.State, chunk: *Chunk) void {
    to_lua.chunk(state, buffer.words[0..chunk.words], buffer.heap[0..chunk.heap_bytes]) catch |err| {
        chunk.result = err;
    };
}

const LongString = struct { length: u32, bytes: ?[]u8 = null };

/// The address of a string's bytes; 0 where there is no memory for them, or no place in the message.
pub fn longString(length: u32) usize {
    if (!to_lua.isOpen()) return 0;
    var string = LongString{ .length = length };
    _ = lua.protect(unit.B, makeLongString, &string);
    if (string.bytes == null) to_lua.fail();
    return if (string.bytes) |bytes| @intFromPtr(bytes.ptr) else 0;
}

fn makeLongString(state: *lua.State, string: *LongString) void {
    string.bytes = to_lua.longString(state, string.length) catch null;
}

pub fn dropMessage() void {
    if (!unit.is_ready) return;
    _ = to_lua.finish(unit.B);
    allocator.endMessage();
    c.lua_settop(unit.B, 0);
    asking.collect(unit.L); // what was half built
}

/// Ends a message: its value goes from B to L. False where it is not finished.
pub noinline fn takeMessage() bool {
    if (!to_lua.isOpen() or unit.isRunning()) return false;
    const is_finished = to_lua.finish(unit.B);
    allocator.endMessage();
    assert(c.lua_gettop(unit.L) == 0);
    if (is_finished) lua.push(unit.L, lua.top(unit.B).*);
    c.lua_settop(unit.B, 0);
    numbers.forgetSource();
    return is_finished;
}
