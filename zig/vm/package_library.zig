//! `require` and `package`: in place of loadlib.c, which reads files. What is no module yet is asked
//! of the host's resolver.

const lua = @import("lua.zig");
const pay = @import("pay.zig");
const indexOf = @import("text.zig").indexOf;
const isEqual = @import("text.zig").isEqual;
const c = lua.c;

/// The resolver's name in the registry; calls/host.zig puts it there.
const resolver_name = "resolveModule";

/// Loaders of modules that the unit has itself, in the registry; the host's come first.
const own_modules_name = "cu_own_modules";

/// The modules that come first, where the library is read-only; read_only.zig's.
const modules_name = "cu_modules";

/// json_library.zig
extern fn cu_open_json(L: ?*lua.State) c_int;

const preload_name = "_PRELOAD"; // LUA_PRELOAD_TABLE
const loaded_name = "_LOADED"; // LUA_LOADED_TABLE

/// `package` with `loaded`, `preload` and `config`; `require` is a global.
pub export fn cu_open_package(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    c.lua_createtable(L, 0, 3);
    _ = c.luaL_getsubtable(L, c.LUA_REGISTRYINDEX, loaded_name);
    c.lua_setfield(L, -2, "loaded");
    _ = c.luaL_getsubtable(L, c.LUA_REGISTRYINDEX, preload_name);
    c.lua_setfield(L, -2, "preload");
    _ = c.lua_pushstring(L, "/\n;\n?\n!\n-\n");
    c.lua_setfield(L, -2, "config");
    c.lua_pushcclosure(L, require, 0);
    c.lua_setglobal(L, "require");
    _ = c.luaL_getsubtable(L, c.LUA_REGISTRYINDEX, own_modules_name);
    c.lua_pushcclosure(L, cu_open_json, 0);
    c.lua_setfield(L, -2, "json");
    lua.pop(L, 1);
    return 1;
}

// calls/io_table.zig
extern fn cu_push_globals(L: *lua.State) void;
// calls/run.zig
extern fn cu_note_module(L: *lua.State) void;
// read_only.zig
extern fn cu_keep_module(L: *lua.State, name: [*:0]const u8) void;

/// Slots of `require`'s stack.
const name_at = 1;
const loaded_at = 2;
const loader_at = 3;

/// `require(name)`: the module, and what its loader was given beside the name.
fn require(state: ?*lua.State) callconv(.c) c_int {
    const L = state.?;
    const name = c.luaL_checklstring(L, name_at, null);
    c.lua_settop(L, name_at);
    if (isKept(L, name)) return 1;
    _ = c.luaL_getsubtable(L, c.LUA_REGISTRYINDEX, loaded_name);
    if (isLoaded(L, name)) return 1;
    checkCycle(L);
    return findLoader(L, name);
}

/// Calls the loader at the top but one, with what it is given at the top.
fn load(L: *lua.State) c_int {
    c.lua_rotate(L, loader_at, 1);
    c.lua_pushvalue(L, name_at);
    c.lua_pushvalue(L, loader_at);
    c.lua_callk(L, 2, 1, 0, loaded);
    return loaded(L, c.LUA_OK, 0);
}

/// A module's loader has returned.
fn loaded(state: ?*lua.State, status: c_int, _: isize) callconv(.c) c_int {
    const L = state.?;
    const name = c.lua_tolstring(L, name_at, null);
    if (wasLoadedMeanwhile(L, status, name)) return 1;
    if (c.lua_type(L, -1) != c.LUA_TNIL) {
        c.lua_setfield(L, loaded_at, name);
    } else lua.pop(L, 1);
    if (c.lua_getfield(L, loaded_at, name) == c.LUA_TNIL) {
        lua.pop(L, 1);
        c.lua_pushboolean(L, 1);
        c.lua_pushvalue(L, -1);
        c.lua_setfield(L, loaded_at, name);
    }
    c.lua_pushvalue(L, loader_at);
    return 2;
}

/// Whether a module is in `package.loaded`; then pushes it.
fn isLoaded(L: *lua.State, name: [*:0]const u8) bool {
    _ = c.lua_getfield(L, loaded_at, name);
    if (c.lua_toboolean(L, -1) != 0) return true;
    lua.pop(L, 1);
    return false;
}

/// Whether others have loaded a module while the resolver or the loader waited: that is the one for
/// all. Then pushes it.
fn wasLoadedMeanwhile(L: *lua.State, status: c_int, name: [*:0]const u8) bool {
    return status == c.LUA_YIELD and isLoaded(L, name);
}

/// Whether code can't replace a module; then pushes it.
fn isKept(L: *lua.State, name: [*:0]const u8) bool {
    if (c.lua_getfield(L, c.LUA_REGISTRYINDEX, modules_name) == c.LUA_TTABLE) {
        if (c.lua_getfield(L, -1, name) != c.LUA_TNIL) return true;
    }
    c.lua_settop(L, name_at);
    return false;
}

/// Finds a module's loader, and what it is given beside the name; and calls it.
fn findLoader(L: *lua.State, name: [*:0]const u8) c_int {
    _ = c.luaL_getsubtable(L, c.LUA_REGISTRYINDEX, preload_name);
    const in_preload = c.lua_getfield(L, -1, name);
    c.lua_rotate(L, -2, -1);
    lua.pop(L, 1);
    if (in_preload != c.LUA_TNIL) {
        _ = c.lua_pushstring(L, ":preload:");
        return load(L);
    }
    lua.pop(L, 1);
    _ = c.lua_getfield(L, c.LUA_REGISTRYINDEX, resolver_name);
    if (c.lua_type(L, -1) == c.LUA_TFUNCTION) {
        c.lua_pushvalue(L, name_at);
        c.lua_callk(L, 1, 2, 0, resolved); // its text and where it comes from; or nil and where it isn't
    } else {
        lua.pop(L, 1);
        c.lua_pushnil(L);
        _ = c.lua_pushstring(L, "");
    }
    return resolved(L, c.LUA_OK, 0);
}

/// The resolver has answered.
fn resolved(state: ?*lua.State, status: c_int, _: isize) callconv(.c) c_int {
    const L = state.?;
    const name = c.lua_tolstring(L, name_at, null);
    if (wasLoadedMeanwhile(L, status, name)) return 1;
    if (c.lua_type(L, -2) == c.LUA_TSTRING) {
        compile(L, name);
        return load(L);
    }
    _ = c.luaL_getsubtable(L, c.LUA_REGISTRYINDEX, own_modules_name);
    if (c.lua_getfield(L, -1, name) == c.LUA_TFUNCTION) {
        c.lua_callk(L, 0, 1, 0, null);
        cu_keep_module(L, name);
        c.lua_pushvalue(L, -1);
        c.lua_setfield(L, loaded_at, name);
        _ = c.lua_pushstring(L, ":builtin:");
        return 2;
    }
    lua.pop(L, 2);
    const reasons = c.lua_tolstring(L, -1, null);
    return c.luaL_error(L, "module '%s' not found:\n\tno field package.preload['%s']%s", name, name, reasons);
}

/// Puts a loader in the place of a module's text, below where it comes from.
fn compile(L: *lua.State, name: [*:0]const u8) void {
    var length: usize = 0;
    const given = c.lua_tolstring(L, -2, &length);
    const text = withoutFirstComment(given[0..length]);
    const place = c.luaL_tolstring(L, -1, null);
    const chunk_name = c.lua_pushfstring(L, "@%s", place);
    const status = c.luaL_loadbufferx(L, text.ptr, text.len, chunk_name, "t");
    if (status == c.LUA_OK) {
        cu_note_module(L);
        // Modules are for all runs, also where one that has globals of its own is the first to ask.
        cu_push_globals(L);
        _ = c.lua_setupvalue(L, -2, 1);
    } else {
        _ = c.luaL_error(L, "error loading module '%s' from '%s':\n\t%s", name, place, c.lua_tolstring(L, -1, null));
    }
    // text, place, its text, chunk name, loader: the loader and the place remain.
    c.lua_copy(L, -1, -5);
    lua.pop(L, 3);
}

/// A text without what luaL_loadfilex skips in a file: a byte order mark, and a first line that
/// begins with `#`, but for its end, so that lines keep their numbers.
fn withoutFirstComment(text: []const u8) []const u8 {
    const mark = "\xef\xbb\xbf";
    const code = if (text.len >= mark.len and isEqual(text[0..mark.len], mark)) text[mark.len..] else text;
    if (code.len == 0 or code[0] != '#') return code;
    pay.spend(code.len);
    return code[indexOf(code, '\n') orelse code.len ..];
}

/// Raises an error where the same module is being required already, and names those between.
fn checkCycle(L: *lua.State) void {
    var record: c.lua_Debug = undefined;
    var level: c_int = 1;
    while (c.lua_getstack(L, level, &record) != 0) : (level += 1) {
        pay.steps(L, 4);
        if (!isRequire(L, &record)) continue;
        if (c.lua_rawequal(L, -1, name_at) != 0) return raiseCycle(L, level);
        lua.pop(L, 1);
    }
}

/// Whether a level is a call of `require`; then pushes the name that it was given.
fn isRequire(L: *lua.State, record: *c.lua_Debug) bool {
    _ = c.lua_getinfo(L, "f", record);
    const is_require = c.lua_tocfunction(L, -1) == @as(c.lua_CFunction, require);
    lua.pop(L, 1);
    return is_require and c.lua_getlocal(L, record, 1) != null;
}

fn raiseCycle(L: *lua.State, last: c_int) void {
    const base = c.lua_gettop(L);
    var record: c.lua_Debug = undefined;
    var level = last;
    while (level > 0) : (level -= 1) {
        _ = c.lua_getstack(L, level, &record);
        if (!isRequire(L, &record)) continue;
        _ = c.lua_pushstring(L, " -> ");
        if (!lua.checkStack(L, c.LUA_MINSTACK)) break;
    }
    c.lua_pushvalue(L, name_at);
    c.lua_concat(L, c.lua_gettop(L) - base);
    _ = c.luaL_error(L, "module '%s' requires itself: %s", c.lua_tolstring(L, name_at, null), c.lua_tolstring(L, -1, null));
}
