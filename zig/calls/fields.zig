//! The host sets and reads fields of `_io` (io_table.zig) between runs.

const asking = @import("../views/asking.zig");
const channels = @import("small").@"calls/channels.zig";
const errors = @import("errors.zig");
const from_lua = @import("../bridge/from_lua.zig");
const io_table = @import("io_table.zig");
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const messages = @import("messages.zig");
const path = @import("../bridge/path.zig");
const to_lua = @import("../bridge/to_lua.zig");
const unit = @import("unit.zig");
const c = lua.c;

/// Bytes that the last input took, for the collector's pace.
var input_bytes: isize = 0;

pub fn setIo(number: u32) i32 {
    const field = io_table.fieldOf(number) orelse return unit.answer(.malformed);
    const bytes = to_lua.takenBytes();
    if (!messages.takeMessage()) return unit.answer(.malformed);
    if (!io_table.isInPlace(._io)) return replaced(._io);
    const status = lua.protect(unit.L, setIoField, field);
    c.lua_settop(unit.L, 0);
    if (status != c.LUA_OK) return unit.answerOf(status);
    if (field == .input) expectInput(@intCast(bytes));
    // Decoding doesn't collect; what the field held before may be large.
    if (unit.L.l_G.*.GCdebt > 0 or lua.is_stressed) {
        limits.begin(unit.L);
        lua.collectStep(unit.L);
    }
    return 0;
}

fn setIoField(state: *lua.State, field: io_table.Field) void {
    io_table.set(state, field);
}

/// An input has just been built and is all alive: the collector's next cycle is put
/// off by as much as its pause would have put it off, had it known. What the input
/// before it had put it off by is taken back.
pub fn expectInput(bytes: isize) void {
    const pause_factor = 2; // LUAI_GCPAUSE is 200 %
    const g = unit.L.l_G;
    c.luaE_setdebt(g, g.*.GCdebt - @as(c.l_mem, bytes - input_bytes) * pause_factor);
    input_bytes = bytes;
}

const FieldResult = struct { result: bool = false };

pub fn setInputField() i32 {
    if (!messages.takeMessage()) return unit.answer(.malformed);
    if (!io_table.isInPlace(._io)) return replaced(._io);
    if (!io_table.isPair(lua.top(unit.L))) {
        c.lua_settop(unit.L, 0);
        return unit.answer(.malformed);
    }
    var field = FieldResult{};
    const status = lua.protectForError(unit.L, storeInputField, &field);
    if (status != c.LUA_OK) return notRead(status);
    c.lua_settop(unit.L, 0);
    if (!field.result) {
        from_lua.error_text = "_io.input is not a table";
        return unit.answer(.io_table);
    }
    return 0;
}

/// What to answer after an error of a view that was read while no code runs.
pub fn notRead(status: c_int) i32 {
    if (status != c.LUA_ERRMEM) {
        errors.keepMessage();
        return errors.failed(status);
    }
    c.lua_settop(unit.L, 0);
    return unit.answer(.memory);
}

fn storeInputField(state: *lua.State, field: *FieldResult) void {
    field.result = io_table.setInputField(state);
}

pub fn getIo(number: u32) i32 {
    const field = io_table.fieldOf(number) orelse return unit.answer(.malformed);
    if (!unit.isIdle()) return unit.answer(.malformed);
    if (!io_table.isInPlace(._io)) return replaced(._io);
    lua.push(unit.L, io_table.get(field).*);
    return messages.write(1, 1, &.{@tagName(field)});
}

/// Writes the value at the second place of the stack, then `_io.output` and `_io.meta`.
pub fn writeWithIo() i32 {
    if (refusalOfIo()) |answer| return answer;
    lua.push(unit.L, io_table.get(.output).*);
    return writeWithMeta();
}

/// What to answer where code has replaced `_io` or `_home`.
pub fn refusalOfIo() ?i32 {
    if (channels.hidden()) |name| return replaced(name);
    return if (io_table.isInPlace(._io)) null else replaced(._io);
}

/// Writes the two values from the second place of the stack on, then `_io.meta`.
pub fn writeWithMeta() i32 {
    lua.push(unit.L, io_table.get(.meta).*);
    return messages.write(2, 3, &.{ "result", "output", "meta" });
}

pub noinline fn replaced(name: io_table.Name) i32 {
    c.lua_settop(unit.L, 0);
    return answerReplaced(name);
}

fn answerReplaced(name: io_table.Name) i32 {
    from_lua.error_text = if (name == ._io)
        "Lua code replaced the global _io: write _io.output = value instead of _io = value"
    else
        "Lua code replaced the global _home: write _home.name = value instead of _home = value";
    return unit.answer(.io_table);
}

/// Refuses where `_home` was replaced; with `own`, `_io` or `_home` in the selected run's own globals. Code may be
/// running.
pub fn checkGlobals(own: bool) i32 {
    if (!own) return if (io_table.isInPlace(._home)) 0 else answerReplaced(._home);
    return if (channels.hidden()) |name| answerReplaced(name) else 0;
}

pub fn getOutputField() i32 {
    if (!messages.takeMessage()) return unit.answer(.malformed);
    if (!io_table.isInPlace(._io)) return replaced(._io);
    const status = lua.protectForError(unit.L, pushOutputField, {});
    if (status != c.LUA_OK) return notRead(status);
    return messages.write(2, 1, &.{path.nameInside("output", lua.at(unit.L, 1))});
}

fn pushOutputField(state: *lua.State, _: void) void {
    lua.push(state, io_table.getOutputField(state).*);
}

pub fn clearIo() i32 {
    if (!unit.isIdle()) return unit.answer(.malformed);
    const status = lua.protect(unit.L, resetIo, {});
    expectInput(0);
    asking.collectAll(unit.L);
    return if (status == c.LUA_OK) 0 else unit.answerOf(status);
}

fn resetIo(state: *lua.State, _: void) void {
    io_table.reset(state);
}
