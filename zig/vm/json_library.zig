//! The module `json` as code sees it: what it is given is checked here, and done in calls/json.zig.

const lua = @import("lua.zig");
const isEqual = @import("text.zig").isEqual;
const c = lua.c;

// calls/json.zig: the text, or the value, is the first argument. They push the result, or a message
// (false).
extern fn cu_decode_json(L: *lua.State, keeps_nulls: bool) bool;
extern fn cu_encode_json(L: *lua.State, indent: [*]const u8, indent_length: usize, is_sorted: bool) bool;
extern fn cu_push_null(L: *lua.State) void;

/// Characters of an indentation that JSON.stringify takes, too.
const indent_max = 10;

/// The loader of the module.
pub export fn cu_open_json(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    c.lua_createtable(L, 0, 3);
    c.lua_pushcclosure(L, decode, 0);
    c.lua_setfield(L, -2, "decode");
    c.lua_pushcclosure(L, encode, 0);
    c.lua_setfield(L, -2, "encode");
    cu_push_null(L);
    c.lua_setfield(L, -2, "null");
    return 1;
}

/// `json.decode(text [, options])`
fn decode(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    c.luaL_checktype(L, 1, c.LUA_TSTRING);
    checkOptions(L, "nulls", "");
    var keeps_nulls = false;
    if (option(L, "nulls") != c.LUA_TNIL) {
        keeps_nulls = isText(L, "keep");
        if (!keeps_nulls and !isText(L, "nil")) return c.luaL_argerror(L, 2, "nulls must be 'nil' or 'keep'");
    }
    if (!cu_decode_json(L, keeps_nulls)) return failed(L, "decode");
    return 1;
}

/// `json.encode(value [, options])`
fn encode(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    c.luaL_checkany(L, 1);
    checkOptions(L, "indent", "sort");
    _ = option(L, "sort");
    const is_sorted = c.lua_toboolean(L, -1) != 0;
    var length: usize = 0;
    var indent: [*]const u8 = " " ** indent_max;
    switch (option(L, "indent")) {
        c.LUA_TNIL => {},
        c.LUA_TSTRING => {
            indent = c.lua_tolstring(L, -1, &length);
            for (0..length) |i| if (indent[i] != ' ' and indent[i] != '\t') return badIndent(L);
        },
        else => {
            var is_integer: c_int = 0;
            const count = c.lua_tointegerx(L, -1, &is_integer);
            if (is_integer == 0 or count < 0) return badIndent(L);
            length = @intCast(count);
        },
    }
    if (length > indent_max) return badIndent(L);
    if (!cu_encode_json(L, indent, length, is_sorted)) return failed(L, "encode");
    return 1;
}

fn badIndent(L: *lua.State) c_int {
    return c.luaL_argerror(L, 2, "indent must be a number of spaces, or spaces and tabs: at most 10");
}

fn failed(L: *lua.State, what: [*:0]const u8) c_int {
    return c.luaL_error(L, "cannot %s JSON: %s", what, c.lua_tolstring(L, -1, null));
}

/// Pushes an option, or nil; answers its type.
fn option(L: *lua.State, name: [*:0]const u8) c_int {
    if (c.lua_type(L, 2) == c.LUA_TTABLE) return c.lua_getfield(L, 2, name);
    c.lua_pushnil(L);
    return c.LUA_TNIL;
}

/// Whether the value at the top is this text.
fn isText(L: *lua.State, text: []const u8) bool {
    const given = lua.top(L);
    return lua.isString(given) and isEqual(lua.bytesOf(lua.stringOf(given)), text);
}

/// Refuses options of other names than these.
fn checkOptions(L: *lua.State, first: []const u8, second: []const u8) void {
    if (c.lua_type(L, 2) <= c.LUA_TNIL) return c.lua_settop(L, 1);
    c.luaL_checktype(L, 2, c.LUA_TTABLE);
    c.lua_settop(L, 2);
    c.lua_pushnil(L);
    while (c.lua_next(L, 2) != 0) {
        lua.pop(L, 1);
        if (isText(L, first) or isText(L, second)) continue;
        _ = c.luaL_error(L, "there is no option '%s'", c.luaL_tolstring(L, -1, null));
    }
}
