//! Compiles code, and runs compiled chunks and the handlers that code defined.

const std = @import("std");
const allocator = @import("../vm/allocator.zig");
const assert = @import("../vm/assert.zig").assert;
const errors = @import("errors.zig");
const io_table = @import("io_table.zig");
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const messages = @import("messages.zig");
const position = @import("../vm/position.zig");
const reading = @import("../views/reading.zig");
const sandbox = @import("../vm/sandbox.zig");
const unit = @import("unit.zig");
const c = lua.c;

/// Compiled chunks by number, from 1 on; a number that is free has the next free one in its place, or 0.
var chunks: *lua.Table = undefined;
var last_number: i32 = 0;
var free_number: i32 = 0;
/// The names of modules' texts as strings, each of its text alone, by what they are.
var module_names: *lua.Table = undefined;

pub fn init(L: *lua.State) void {
    chunks = lua.newAnchored(L);
    module_names = lua.newAnchored(L);
}

/// A module's text was compiled: what loads it is at the top of the stack.
pub export fn cu_note_module(L: *lua.State) callconv(.c) void {
    const loader: *c.LClosure = @ptrCast(@alignCast(lua.top(L).value_.gc));
    const name = lua.ofString(@ptrCast(loader.p.*.source));
    lua.set(L, module_names, name, name);
}

pub fn compile(code: u32, code_length: u32, name: u32) i32 {
    if (!unit.isIdle() or code_length > memoryFrom(code).len) return unit.answer(.malformed);
    const after_name = memoryFrom(name);
    if (after_name.len == 0 or c.memchr(after_name.ptr, 0, after_name.len) == null) return unit.answer(.malformed);
    return compileText(memoryFrom(code)[0..code_length], @ptrCast(after_name.ptr));
}

/// WASM memory from an address to its end; nothing of ours stands at 0.
pub fn memoryFrom(address: u32) []const u8 {
    if (address == 0) return &.{};
    const size = @as(usize, @wasmMemorySize(0)) * allocator.page_size_bytes;
    const first: [*]const u8 = @ptrFromInt(address);
    return first[0..size -| address];
}

fn compileText(code: []const u8, name: [*:0]const u8) i32 {
    limits.begin(unit.L);
    // No finalizer runs meanwhile. An exception leaves this to `recover`, which must not
    // take it for a finalizer that was running.
    const g = unit.L.l_G;
    const stopped = g.*.gcstp;
    g.*.gcstp |= c.GCSTPCLS;
    const status = c.luaL_loadbufferx(unit.L, code.ptr, code.len, name, "t");
    g.*.gcstp = stopped;
    if (status != c.LUA_OK) {
        // Nesting that goes too deep is an error of running code to Lua: no handler saw it.
        errors.keepMessage();
        return errors.failed(status);
    }
    var number: i32 = undefined;
    const stored = lua.protect(unit.L, store, &number);
    c.lua_settop(unit.L, 0);
    return if (stored == c.LUA_OK) number else unit.answerOf(stored);
}

/// As luaL_ref, without what that looks for each time, which a first call has V8 compile.
fn store(L: *lua.State, number: *i32) void {
    number.* = if (free_number != 0) free_number else last_number + 1;
    const next_free = if (free_number != 0) c.luaH_getint(chunks, free_number).*.value_.i else 0;
    lua.set(L, chunks, lua.integer(number.*), lua.top(L).*);
    last_number = @max(last_number, number.*);
    free_number = @intCast(next_free);
}

/// Whether a compiled chunk has this number.
pub fn isChunk(number: i32) bool {
    return unit.isIdle() and c.luaH_getint(chunks, number).*.tt_ == c.LUA_VLCL | lua.collectable;
}

pub fn forget(chunk: i32) i32 {
    if (!isChunk(chunk)) return unit.answer(.malformed);
    lua.set(unit.L, chunks, lua.integer(chunk), lua.integer(free_number)); // where there is a value: no error
    free_number = chunk;
    return 0;
}

pub fn compute(chunk: i32, all: bool) i32 {
    if (!isChunk(chunk)) return unit.answer(.malformed);
    c.lua_pushcclosure(unit.L, errors.describeError, 0);
    const begun = lua.protect(unit.L, pushClosure, chunk);
    if (begun != c.LUA_OK) {
        c.lua_settop(unit.L, 0);
        return unit.answerOf(begun);
    }
    unit.beginRun();
    const status = c.lua_pcallk(unit.L, 0, c.LUA_MULTRET, 1, 0, null);
    limits.endRun();
    if (status != c.LUA_OK) return errors.failed(status);
    return writeResults(all);
}

/// Writes the values above the message handler: the first, or all.
pub fn writeResults(all: bool) i32 {
    const count: u32 = @intCast(c.lua_gettop(unit.L) - 1);
    if (count == 0) {
        lua.push(unit.L, lua.nil);
        return messages.write(2, if (all) 0 else 1, &.{"result"});
    }
    return messages.write(2, if (all) count else 1, &.{"result"});
}

/// Calls the handler that user code defined under the name in `_io.input.method`,
/// with `_io.input.params`; its result becomes `_io.output`. 0: there is none.
pub fn request() i32 {
    if (!unit.isIdle()) return unit.answer(.malformed);
    c.lua_pushcclosure(unit.L, errors.describeError, 0);
    c.lua_pushcclosure(unit.L, callHandler, 0);
    unit.beginRun();
    const status = c.lua_pcallk(unit.L, 0, 1, 1, 0, null);
    limits.endRun();
    if (status != c.LUA_OK) return errors.failed(status);
    const found = lua.top(unit.L).tt_ == lua.tag.true_;
    c.lua_settop(unit.L, 0);
    return @intFromBool(found);
}

pub fn callHandler(state: ?*lua.State) callconv(.c) c_int {
    const S = state.?;
    const method = io_table.inputField(S, .method).*;
    const handler = lua.get(lua.tableOf(&io_table.globalsValue(S)), method).*;
    lua.push(S, handler);
    const is_handler = switch (c.lua_type(S, -1)) {
        c.LUA_TFUNCTION => !sandbox.isBuiltin(&handler),
        c.LUA_TTABLE => c.luaL_getmetafield(S, -1, "__call") != c.LUA_TNIL,
        else => false,
    };
    if (is_handler) {
        c.lua_settop(S, 1);
        lua.push(S, io_table.inputField(S, .params).*);
        c.lua_callk(S, 1, 1, 0, handled);
        return handled(S, c.LUA_OK, 0);
    }
    c.lua_pushboolean(S, 0);
    return 1;
}

fn handled(state: ?*lua.State, _: c_int, _: isize) callconv(.c) c_int {
    io_table.set(state.?, .output);
    c.lua_pushboolean(state, 1);
    return 1;
}

/// Ends the message, an array of so many arguments after the function that is called: itself, or a
/// name, of a global or, with dots, of one in tables of globals.
pub fn takeCall(count: u32) bool {
    if (!messages.takeMessage()) return false;
    const value = lua.top(unit.L);
    const is_call = value.tt_ == lua.tag.table and c.luaH_realasize(lua.tableOf(value)) == count + 1 and
        switch (lua.tableOf(value).array[0].tt_ & 0x0f) {
            c.LUA_TSTRING, c.LUA_TFUNCTION => true,
            else => false,
        };
    if (!is_call) c.lua_settop(unit.L, 0);
    return is_call;
}

/// Does so, and calls it; writes its first result, or all.
pub fn callFunction(count: u32, all: bool) i32 {
    if (!takeCall(count)) return unit.answer(.malformed);
    c.lua_pushcclosure(unit.L, errors.describeError, 0);
    c.lua_pushcclosure(unit.L, callNamed, 0);
    c.lua_rotate(unit.L, 1, 2);
    unit.beginRun();
    const status = c.lua_pcallk(unit.L, 1, c.LUA_MULTRET, 1, 0, null);
    limits.endRun();
    if (status != c.LUA_OK) return errors.failed(status);
    return writeResults(all);
}

/// Calls the function that the array at the top of the stack has or names, with its other elements.
pub fn callNamed(state: ?*lua.State) callconv(.c) c_int {
    const S = state.?;
    const call = lua.tableOf(lua.at(S, 1));
    const count = c.luaH_realasize(call);
    if (!lua.checkStack(S, @intCast(count + c.LUA_MINSTACK))) _ = c.luaL_error(S, "too many arguments");
    const name: lua.Value = call.array[0];
    if (lua.isString(&name)) pushNamed(S, lua.bytesOf(lua.stringOf(&name))) else lua.push(S, name);
    if (c.lua_type(S, -1) != c.LUA_TFUNCTION and c.luaL_getmetafield(S, -1, "__call") == c.LUA_TNIL) {
        _ = c.lua_pushfstring(S, "attempt to call a %s value (global '", c.lua_typename(S, c.lua_type(S, 2)));
        lua.push(S, name); // by itself, as it may have a 0
        _ = c.lua_pushstring(S, "')");
        c.lua_concat(S, 3);
        _ = c.lua_error(S);
    }
    c.lua_settop(S, 2);
    for (1..count) |i| {
        const argument = call.array[i];
        lua.push(S, if (lua.isNil(&argument)) lua.nil else argument);
    }
    c.lua_callk(S, @intCast(count - 1), c.LUA_MULTRET, 0, called);
    return called(S, c.LUA_OK, 0);
}

fn called(state: ?*lua.State, _: c_int, _: isize) callconv(.c) c_int {
    return c.lua_gettop(state) - 1;
}

/// Pushes what stands under a dotted name among the globals, or nil. No metamethods run.
fn pushNamed(S: *lua.State, name: []const u8) void {
    lua.push(S, io_table.globalsValue(S));
    var rest = name;
    while (true) {
        const end = std.mem.indexOfScalar(u8, rest, '.') orelse rest.len;
        _ = c.lua_pushlstring(S, rest.ptr, end);
        const holder = (S.top.p - 2)[0].val;
        const found = if (holder.tt_ == lua.tag.table) reading.rawGet(S, lua.tableOf(&holder), lua.top(S).*).* else lua.nil;
        lua.pop(S, 2);
        lua.push(S, if (lua.isNil(&found)) lua.nil else found);
        if (end == rest.len) return;
        rest = rest[end + 1 ..];
    }
}

/// A new closure of the compiled chunk, with the globals as its _ENV, as if it had
/// been compiled again: a chunk may have changed the _ENV of an earlier run.
pub fn pushClosure(state: *lua.State, chunk: i32) void {
    const compiled: *c.LClosure = @ptrCast(@alignCast(c.luaH_getint(chunks, chunk).*.value_.gc));
    assert(compiled.nupvalues > 0);
    const closure: *c.LClosure = @ptrCast(c.luaF_newLclosure(state, compiled.nupvalues));
    closure.p = compiled.p;
    lua.push(state, .{ .value_ = .{ .gc = @ptrCast(closure) }, .tt_ = c.LUA_VLCL | lua.collectable });
    c.luaF_initupvals(state, closure);
    const upvalues: [*][*c]c.UpVal = @ptrCast(&closure.upvals);
    upvalues[0].*.v.p.* = io_table.environment(state);
}

/// Where the last error was raised, or code was stopped.
pub fn errorPosition() ?*const anyopaque {
    return if (unit.is_ready) position.find(chunks, module_names) else null;
}
