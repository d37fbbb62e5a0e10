//! Tables that code can't change: with the unit's option `library: "readonly"`, the library's own
//! and those that the host gave. Reads don't tell them from others. Each write looks whether a
//! table is a clean view (lua/series/270-views.patch), and a read-only one has that bit, without a
//! view's number; so no access costs more than before.

const std = @import("std");
const isReadOnly = @import("lua.zig").isReadOnly;
const lua = @import("lua.zig");
const Text = @import("text.zig").Text;
const c = lua.c;

/// The name of the table in the registry that has the modules which `require` finds first
/// (package_library.zig).
const modules_name = "cu_modules";

/// Bytes that a table's name and that of a field have in messages; what is longer is cut.
const name_bytes_max = 64;

/// The names of read-only tables, by table; those that stand in lists have none. Null where no
/// table is read-only.
var names: ?*lua.Table = null;

/// Makes all tables read-only that stand in the globals and in `package.loaded`, with what they
/// hold, and the metatable of strings; but not the globals themselves, not what `require` needs,
/// and not `kept`. Run before any code, when the modules are the library's and the host's, on an empty
/// stack.
pub export fn cu_lock_library(L: *lua.State, globals: *lua.Table, kept: *const [2]*lua.Table) callconv(.c) void {
    if (names == null) names = lua.newAnchored(L);
    const loaded = subtable(L, c.LUA_LOADED_TABLE);
    const preload = subtable(L, c.LUA_PRELOAD_TABLE);
    const queue: *lua.Table = @ptrCast(c.luaH_new(L));
    lua.push(L, lua.ofTable(queue));
    var locking = Locking{ .L = L, .queue = queue, .own = .{ globals, loaded, preload }, .kept = kept };
    locking.addAll(globals, null);
    locking.addAll(loaded, null);
    _ = c.lua_pushstring(L, "");
    if (c.lua_getmetatable(L, -1) != 0) locking.add(lua.tableOf(lua.top(L)), "getmetatable('')");
    locking.finish();
    c.lua_settop(L, 0);
    keepModules(L, loaded);
}

/// The same for a module of the unit's own, at the top of the stack, that code is the first to require.
pub export fn cu_keep_module(L: *lua.State, name: [*:0]const u8) callconv(.c) void {
    if (names == null) return;
    const module = lua.tableOf(lua.top(L));
    lua.push(L, lua.ofTable(subtable(L, modules_name)));
    c.lua_pushvalue(L, -2);
    c.lua_setfield(L, -2, name);
    _ = c.lua_pushstring(L, name);
    lua.set(L, names.?, lua.ofTable(module), lua.top(L).*);
    lua.pop(L, 2);
    module.view |= c.CU_VIEW_CLEAN;
}

fn subtable(L: *lua.State, name: [*:0]const u8) *lua.Table {
    _ = c.luaL_getsubtable(L, c.LUA_REGISTRYINDEX, name);
    const table = lua.tableOf(lua.top(L));
    lua.pop(L, 1);
    return table;
}

/// `require` gives these modules whatever code makes of `package.loaded`.
fn keepModules(L: *lua.State, loaded: *lua.Table) void {
    const modules = subtable(L, modules_name);
    lua.push(L, lua.ofTable(loaded));
    lua.push(L, lua.nil);
    while (c.lua_next(L, -2) != 0) : (lua.pop(L, 1)) {
        const pair = L.top.p - 2;
        lua.set(L, modules, pair[0].val, pair[1].val);
    }
    lua.pop(L, 1);
}

/// Goes through what tables hold, without recursion, as the host's may nest deeply.
const Locking = struct {
    L: *lua.State,
    /// A list of those that were made read-only.
    queue: *lua.Table,
    count: u32 = 0,
    own: [3]*lua.Table,
    kept: *const [2]*lua.Table,

    fn finish(self: *Locking) void {
        var index: u32 = 1;
        while (index <= self.count) : (index += 1) {
            const table = lua.tableOf(@ptrCast(c.luaH_getint(self.queue, index)));
            self.addAll(table, nameOf(table));
        }
    }

    /// Makes the tables that a table holds read-only.
    fn addAll(self: *Locking, holder: *lua.Table, holder_name: ?[]const u8) void {
        const L = self.L;
        lua.push(L, lua.ofTable(holder));
        lua.push(L, lua.nil);
        while (c.lua_next(L, -2) != 0) : (lua.pop(L, 1)) {
            if (lua.top(L).tt_ != lua.tag.table) continue;
            var room: [name_bytes_max]u8 = undefined;
            const key = (L.top.p - 2)[0].val;
            self.add(lua.tableOf(lua.top(L)), nameInside(&room, holder, holder_name, &key));
        }
        lua.pop(L, 1);
    }

    fn nameInside(room: []u8, holder: *lua.Table, holder_name: ?[]const u8, key: *const lua.Value) ?[]const u8 {
        if (!lua.isString(key)) return null;
        if (holder_name == null and isReadOnly(holder)) return null; // it stands in a list
        var text = Text{ .buffer = room };
        if (holder_name) |name| text.add(name);
        addKey(&text, key);
        return text.written();
    }

    fn add(self: *Locking, table: *lua.Table, name: ?[]const u8) void {
        if (isReadOnly(table) or isIn(&self.own, table) or isIn(self.kept, table)) return;
        if (table.view >> c.CU_VIEW_SHIFT != 0) return; // a view; the host gives none
        const L = self.L;
        if (name) |given| {
            lua.push(L, lua.ofString(@ptrCast(c.luaS_newlstr(L, given.ptr, given.len))));
            lua.set(L, names.?, lua.ofTable(table), lua.top(L).*);
            lua.pop(L, 1);
        }
        self.count += 1;
        lua.set(L, self.queue, lua.integer(self.count), lua.ofTable(table));
        table.view |= c.CU_VIEW_CLEAN;
    }
};

fn isIn(tables: []const *lua.Table, table: *lua.Table) bool {
    return std.mem.indexOfScalar(*lua.Table, tables, table) != null;
}

fn nameOf(table: *lua.Table) ?[]const u8 {
    const name = lua.get(names.?, lua.ofTable(table));
    return if (lua.isString(name)) lua.bytesOf(lua.stringOf(name)) else null;
}

/// Adds a key to the name of the table that has it.
fn addKey(text: *Text, key: *const lua.Value) void {
    if (lua.isString(key)) {
        if (text.length > 0) text.add(".");
        return text.add(lua.bytesOf(lua.stringOf(key)));
    }
    text.add("[");
    if (key.tt_ == lua.tag.integer) text.addInteger(key.value_.i) else text.add(std.mem.span(typeName(key)));
    text.add("]");
}

fn typeName(value: *const lua.Value) [*:0]const u8 {
    return c.lua_typename(null, value.tt_ & 0x0f);
}

/// Raises the error of a write to a read-only table.
pub export fn cu_refuse_field(L: *lua.State, table: *lua.Table, key: *const lua.Value) callconv(.c) noreturn {
    var room: [2 * name_bytes_max + 1]u8 = undefined;
    var text = named(&room, table);
    addKey(&text, key);
    raise(L, "attempt to change read-only field '%s'", &room, text.length);
}

/// The same for what is the table's own, such as its metatable: a format with the name's place.
pub export fn cu_refuse_change(L: *lua.State, table: *lua.Table, format: [*:0]const u8) callconv(.c) noreturn {
    var room: [2 * name_bytes_max + 1]u8 = undefined;
    var text = named(&room, table);
    if (text.length == 0) text.add("?");
    raise(L, format, &room, text.length);
}

fn named(room: []u8, table: *lua.Table) Text {
    var text = Text{ .buffer = room[0 .. room.len - 1] };
    if (nameOf(table)) |name| text.add(name);
    return text;
}

/// With the position of the Lua code: the running function's, or that which called the library.
fn raise(L: *lua.State, format: [*:0]const u8, room: []u8, length: usize) noreturn {
    room[length] = 0;
    if (L.ci.*.callstatus & c.CIST_C == 0) c.luaG_runerror(L, format, room.ptr);
    _ = c.luaL_error(L, format, room.ptr);
    unreachable;
}
