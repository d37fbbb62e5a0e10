//! Where code stood when it raised an error, or was stopped, for the host to make an error
//! of it. Noted without a byte of Lua's memory: there may be none.

const std = @import("std");
const lua = @import("lua.zig");
const Text = @import("text.zig").Text;
const c = lua.c;

const levels_max = 20;

/// Sizes in what `get_error_position` answers; src/runtime/wire.ts has them too.
pub const sources_max = 8;
pub const source_name_bytes_max = 60;
pub const traceback_bytes_max = 2048;

/// A text that functions on the stack were compiled from.
const Source = extern struct {
    /// Number of the compiled chunk; 0 for a text that the host has not compiled, or has forgotten; -1 for a module's.
    chunk: i32,
    /// Its name as Lua shows it, ended by a 0.
    name: [source_name_bytes_max]u8,
};

const Position = extern struct {
    /// Of the innermost Lua function; 0 where none was running.
    line: u32,
    source_count: u32,
    traceback_length: u32,
    sources: [sources_max]Source,
    traceback: [traceback_bytes_max]u8,
};

var position: Position = std.mem.zeroes(Position);

/// Addresses of the sources' names in Lua's memory, to tell texts of one name apart: each
/// has a string of its own (lua/series/190-positions.patch). They are compared only, as the strings may be gone.
var addresses: [sources_max]usize = undefined;

comptime {
    std.debug.assert(source_name_bytes_max == c.LUA_IDSIZE);
}

/// Where the last error was raised that the message handler has seen. Code may run between that and the end of
/// the call, as in `__close`, and catch errors of memory, which are noted too.
var of_error: Noted = .{};

const Noted = struct {
    line: u32 = 0,
    source_count: u32 = 0,
    sources: [sources_max]Source = undefined,
    addresses: [sources_max]usize = undefined,
};

pub fn forget() void {
    clear();
    of_error.line = 0;
    of_error.source_count = 0;
}

fn clear() void {
    position.line = 0;
    position.source_count = 0;
    position.traceback_length = 0;
}

/// Notes where an error is raised, for the message handler.
pub fn noteError(L: *lua.State) void {
    note(L, false);
    keepForError(position.line);
}

/// Notes the texts of a thread that waits, and of those that wait in it, before they are closed: an
/// error in that is seen by no message handler, and its message says the line.
pub fn noteWaiting(outermost: *lua.State) void {
    clear();
    var L = outermost;
    while (true) : (L = L.waits) {
        noteLevels(L, null);
        if (L.waits == null or L.waits == L) break;
    }
    keepForError(0);
}

fn keepForError(line: u32) void {
    const count = position.source_count;
    of_error.line = line;
    of_error.source_count = count;
    @memcpy(of_error.sources[0..count], position.sources[0..count]);
    @memcpy(of_error.addresses[0..count], addresses[0..count]);
}

/// The error that the message handler saw last has ended the call: it is where that was raised.
pub fn takeError() void {
    const count = of_error.source_count;
    position.line = of_error.line;
    position.source_count = count;
    position.traceback_length = 0;
    @memcpy(position.sources[0..count], of_error.sources[0..count]);
    @memcpy(addresses[0..count], of_error.addresses[0..count]);
}

/// What is noted, of a call that isn't at its end.
pub const Saved = struct {
    is_empty: bool,
    position: Position,
    addresses: [sources_max]usize,
    of_error: Noted,
};

/// Before the host uses the unit for something else.
pub fn save(saved: *Saved) void {
    saved.is_empty = position.line == 0 and position.traceback_length == 0 and of_error.line == 0;
    if (saved.is_empty) return;
    saved.position = position;
    saved.addresses = addresses;
    saved.of_error = of_error;
}

pub fn restore(saved: *const Saved) void {
    if (saved.is_empty) return forget();
    position = saved.position;
    addresses = saved.addresses;
    of_error = saved.of_error;
}

/// Notes where a thread is, with a traceback or without.
pub fn note(L: *lua.State, has_traceback: bool) void {
    clear();
    var text = Text{ .buffer = &position.traceback };
    noteLevels(L, if (has_traceback) &text else null);
    position.traceback_length = text.length;
}

fn noteLevels(L: *lua.State, traceback: ?*Text) void {
    var level: c_int = 0;
    var record: c.lua_Debug = undefined;
    while (level < levels_max and c.lua_getstack(L, level, &record) != 0) : (level += 1) {
        _ = c.lua_getinfo(L, if (traceback != null) "Slnt" else "Sl", &record);
        if (record.currentline > 0) noteSource(&record);
        if (traceback) |text| addLevel(text, &record, level > 0);
    }
}

fn noteSource(record: *const c.lua_Debug) void {
    const count = position.source_count;
    if (position.line == 0) position.line = @intCast(record.currentline);
    const address = @intFromPtr(record.source);
    for (addresses[0..count]) |known| if (known == address) return;
    if (count == sources_max) return;
    addresses[count] = address;
    position.sources[count] = .{ .chunk = 0, .name = record.short_src };
    position.source_count = count + 1;
}

/// A line of luaL_traceback.
fn addLevel(text: *Text, record: *const c.lua_Debug, is_further: bool) void {
    if (is_further) text.add("\n");
    text.add("\t");
    addPlace(text, record, record.currentline);
    if (record.namewhat[0] != 0) {
        text.add(": in ");
        text.add(std.mem.span(record.namewhat));
        text.add(" '");
        text.add(std.mem.span(record.name));
        text.add("'");
    } else if (record.what[0] == 'm') {
        text.add(": in main chunk");
    } else if (record.what[0] == 'C') {
        text.add(": in ?");
    } else {
        text.add(": in function <");
        addPlace(text, record, record.linedefined);
        text.add(">");
    }
}

fn addPlace(text: *Text, record: *const c.lua_Debug, line: c_int) void {
    const source: [*:0]const u8 = @ptrCast(&record.short_src);
    text.add(std.mem.span(source));
    if (line <= 0) return;
    text.add(":");
    text.addInteger(line);
}

/// What was noted, with the numbers of the chunks in a table of compiled ones, and the modules that are in another.
pub fn find(chunks: *lua.Table, module_names: *lua.Table) *const Position {
    for (0..lua.nodeCount(module_names)) |i| {
        const name: *const lua.Value = @ptrCast(&(module_names.node + i)[0].i_val);
        if (!lua.isString(name)) continue;
        mark(@intFromPtr(lua.bytesOf(lua.stringOf(name)).ptr), -1);
    }
    var number: u32 = @truncate(c.luaH_getn(chunks));
    while (number > 0 and position.source_count > 0) : (number -= 1) {
        const value: *const lua.Value = @ptrCast(c.luaH_getint(chunks, number));
        if (value.tt_ != c.LUA_VLCL | lua.collectable) continue; // forgotten
        const compiled: *c.LClosure = @ptrCast(@alignCast(value.value_.gc));
        mark(@intFromPtr(lua.bytesOf(@ptrCast(compiled.p.*.source)).ptr), @bitCast(number));
    }
    return &position;
}

/// Says what the text is whose name stands at an address.
fn mark(address: usize, chunk: i32) void {
    for (addresses[0..position.source_count], position.sources[0..position.source_count]) |known, *source| {
        if (known == address) source.chunk = chunk;
    }
}

/// A memory error is being raised: no message handler will see it.
pub export fn cu_no_memory(L: *lua.State) callconv(.c) void {
    note(L, true);
}
