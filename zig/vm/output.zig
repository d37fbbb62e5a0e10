//! What code prints: print, warn, and the part of io that writes. All of it goes to the
//! host, line by line and in order.

const std = @import("std");
const lua = @import("lua.zig");
const pay = @import("pay.zig");
const indexOf = @import("text.zig").indexOf;
const isEqual = @import("text.zig").isEqual;
const c = lua.c;

/// format.zig's, by C's format.
extern fn cu_format_float(text: [*]u8, format: [*:0]const u8, float: f64) c_int;

/// Takes text that was printed: a line, or the beginning of one if there is more to
/// come. Not 0: the host threw.
extern "cu" fn print(text: [*]const u8, length: u32, more: u32) u32;

/// What the host threw; views/thrown.zig's.
extern fn cu_raise_thrown(L: *lua.State) noreturn;

/// What the host does with a byte of text, in what it costs to copy one here.
const host_factor = 24;

pub export fn cu_print_line(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const count = c.lua_gettop(L);
    var text: c.luaL_Buffer = undefined;
    c.luaL_buffinit(L, &text);
    var i: c_int = 1;
    while (i <= count) : (i += 1) {
        pay.steps(L, 8);
        if (i > 1) c.luaL_addlstring(&text, "\t", 1);
        _ = c.luaL_tolstring(L, i, null);
        c.luaL_addvalue(&text);
    }
    c.luaL_pushresult(&text);
    write(L, lua.bytesOf(lua.stringOf(lua.top(L))), 0);
    return 0;
}

noinline fn write(L: *lua.State, text: []const u8, more: u32) void {
    pay.owe((text.len >> 6) * host_factor);
    if (print(text.ptr, @intCast(text.len), more) != 0) cu_raise_thrown(L);
}

const file_name = "FILE*";
var file_metatable: *lua.Table = undefined;

/// What io.stdout is, and io.write returns, whatever code did to io.
var stdout: lua.Value = undefined;

/// `io` with `write`, `type`, the two files that can be written to, and `open`, which finds none.
pub export fn cu_open_io(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const methods = [_]c.luaL_Reg{
        .{ .name = "write", .func = fileWrite },
        .{ .name = "flush", .func = fileFlush },
        .{ .name = "setvbuf", .func = fileFlush },
        .{ .name = "close", .func = fileClose },
        .{ .name = null, .func = null },
    };
    const functions = [_]c.luaL_Reg{
        .{ .name = "open", .func = ioOpen },
        .{ .name = "type", .func = ioType },
        .{ .name = "write", .func = ioWrite },
        .{ .name = null, .func = null },
    };
    file_metatable = lua.newMetatable(L, file_name, &.{
        .{ .name = "__tostring", .func = fileText },
        .{ .name = null, .func = null },
    });
    lua.push(L, lua.ofTable(file_metatable));
    c.lua_createtable(L, 0, methods.len - 1);
    c.luaL_setfuncs(L, &methods, 0);
    c.lua_setfield(L, -2, "__index");
    c.lua_createtable(L, 0, functions.len + 1);
    c.luaL_setfuncs(L, &functions, 0);
    for ([_][*:0]const u8{ "stderr", "stdout" }) |name| {
        _ = c.lua_newuserdatauv(L, 0, 0);
        stdout = lua.top(L).*;
        const file: *c.Udata = @ptrCast(@alignCast(stdout.value_.gc));
        file.metatable = file_metatable;
        c.lua_setfield(L, -2, name);
    }
    lua.push(L, stdout);
    _ = c.luaL_ref(L, c.LUA_REGISTRYINDEX);
    return 1;
}

fn fileText(state: ?*lua.State) callconv(.c) c_int {
    checkFile(state.?);
    _ = c.lua_pushfstring(state, "file (%p)", c.lua_topointer(state, 1));
    return 1;
}

fn isFile(L: *lua.State) bool {
    return c.lua_type(L, 1) == c.LUA_TUSERDATA and lua.userdataOf(lua.at(L, 1), file_metatable) != null;
}

fn checkFile(L: *lua.State) void {
    if (!isFile(L)) _ = c.luaL_typeerror(L, 1, file_name);
}

fn ioType(state: ?*lua.State) callconv(.c) c_int {
    c.luaL_checkany(state, 1);
    _ = c.lua_pushstring(state, if (isFile(state.?)) "file" else null);
    return 1;
}

/// What it costs to look at a byte of a mode, in what it costs to copy one.
const mode_factor = 4;

/// errno's ENOENT.
const no_such_file = 2;

/// There are no files: the answer is that of a file that isn't there.
fn ioOpen(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    var name_length: usize = 0;
    var mode_length: usize = 0;
    const name = c.luaL_checklstring(L, 1, &name_length);
    const mode = c.luaL_optlstring(L, 2, "r", &mode_length);
    pay.spend(name_length + mode_length * mode_factor);
    if (!isMode(mode)) _ = c.luaL_argerror(L, 2, "invalid mode");
    c.lua_pushnil(L);
    _ = c.lua_pushfstring(L, "%s: No such file or directory", name);
    c.lua_pushinteger(L, no_such_file);
    return 3;
}

/// As liolib.c: `r`, `w` or `a`, perhaps `+`, perhaps `b`.
fn isMode(mode: [*:0]const u8) bool {
    if (mode[0] != 'r' and mode[0] != 'w' and mode[0] != 'a') return false;
    var rest = mode + 1;
    if (rest[0] == '+') rest += 1;
    while (rest[0] == 'b') rest += 1;
    return rest[0] == 0;
}

fn ioWrite(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    writeArguments(L, 1);
    lua.push(L, stdout);
    return 1;
}

fn fileWrite(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    checkFile(L);
    writeArguments(L, 2);
    c.lua_pushvalue(L, 1);
    return 1;
}

/// Writes the arguments from one on: each line that ends is one to the host.
fn writeArguments(L: *lua.State, first: c_int) void {
    const end = c.lua_gettop(L) + 1;
    var i = first;
    while (i < end) : (i += 1) {
        var buffer: [40]u8 = undefined;
        var rest: []const u8 = undefined;
        if (lua.at(L, @intCast(i)).tt_ == lua.tag.float) {
            // As in liolib.c, where 1.0 is written as 1.
            const length = cu_format_float(&buffer, "%.14g", c.lua_tonumberx(L, i, null));
            rest = buffer[0..@intCast(length)];
        } else rest.ptr = c.luaL_checklstring(L, i, &rest.len);
        while (true) {
            pay.steps(L, 8);
            const line = indexOf(rest, '\n') orelse break;
            write(L, rest[0..line], 0);
            rest = rest[line + 1 ..];
        }
        if (rest.len > 0) write(L, rest, 1);
    }
}

/// There is nothing to do: the host is given all there is, and keeps the beginning of a line.
fn fileFlush(state: ?*lua.State) callconv(.c) c_int {
    checkFile(state.?);
    c.lua_pushboolean(state, 1);
    return 1;
}

/// As Lua answers for its standard files.
fn fileClose(state: ?*lua.State) callconv(.c) c_int {
    checkFile(state.?);
    c.lua_pushnil(state);
    _ = c.lua_pushstring(state, "cannot close standard file");
    return 2;
}

/// As lua.c's: off until `warn("@on")`.
var warnings_on = false;
var warning_continues = false;

/// After a warning was cut off.
pub export fn cu_forget_warning() callconv(.c) void {
    warning_continues = false;
}

pub export fn cu_warn(_: ?*anyopaque, message: [*c]const u8, to_continue: c_int) callconv(.c) void {
    const text = std.mem.span(@as([*:0]const u8, message));
    if (!warning_continues and to_continue == 0 and text.len > 0 and text[0] == '@') {
        if (isEqual(text, "@on")) warnings_on = true;
        if (isEqual(text, "@off")) warnings_on = false;
        return;
    }
    if (warnings_on) {
        // A warning must not raise: what becomes of a refused one is the host's affair.
        const prefix = "Lua warning: ";
        if (!warning_continues) _ = print(prefix, prefix.len, 1);
        _ = print(text.ptr, @intCast(text.len), @intCast(to_continue));
        pay.steps(null, 1);
    }
    warning_continues = to_continue != 0;
}
