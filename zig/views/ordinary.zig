//! Makes ordinary tables of views of lazy inputs: with all their contents, as code is about to change
//! them (copy on write). Their input's source keeps them, so that code finds them again through other
//! views.

const assert = @import("unit").@"vm/assert.zig".assert;
const contents = @import("unit").@"views/contents.zig";
const lua = @import("unit").@"vm/lua.zig";
const limits = @import("unit").@"vm/limits.zig";
const numbers = @import("unit").@"bridge/view_numbers.zig";
const seen = @import("unit").@"bridge/seen.zig";
const c = lua.c;

/// Makes a view ordinary.
pub fn makeOrdinary(L: *lua.State, table: *lua.Table) void {
    assert(numbers.isClean(table) and !numbers.isExternal(table));
    contents.complete(L, table);
    pin(L, table);
    table.view &= ~numbers.clean;
}

/// Puts a table into its input's source, as the host can't make it anew.
pub fn pin(L: *lua.State, table: *lua.Table) void {
    lua.set(L, numbers.sourceOf(table), lua.integer(numbers.numberOf(table)), lua.ofTable(table));
}

/// Makes all views ordinary that a value is or holds, before the host gets what they hold as Lua has
/// it. The value must be reachable.
pub fn makeAllOrdinary(L: *lua.State, value: *const lua.Value) void {
    if (value.tt_ != lua.tag.table or !numbers.hasViews()) return;
    const status = lua.protectForError(L, walk, lua.tableOf(value));
    seen.forget(L);
    if (status == c.LUA_ERRMEM) c.luaD_throw(L, c.LUA_ERRMEM);
    if (status != c.LUA_OK) c.luaG_errormsg(L);
}

fn walk(L: *lua.State, root: *lua.Table) void {
    _ = seen.see(L, @ptrCast(root));
    var done: u32 = 0;
    while (done < seen.total()) : (done += 1) {
        const table = seen.tableAt(done).?;
        if (numbers.isExternal(table)) continue;
        if (numbers.isClean(table)) makeOrdinary(L, table);
        const size = c.luaH_realasize(table);
        limits.steps(L, size + lua.nodeCount(table));
        for (0..size) |i| visit(L, @ptrCast(table.array + i));
        if (table.lastfree == null) continue;
        for (0..lua.nodeCount(table)) |i| {
            const node: *const lua.Node = @ptrCast(table.node + i);
            if (lua.isVacant(@ptrCast(&node.i_val))) continue;
            visit(L, @ptrCast(&node.i_val));
            if (node.u.key_tt == lua.tag.table) see(L, @ptrCast(@alignCast(node.u.key_val.gc)));
        }
    }
}

fn visit(L: *lua.State, held: *const lua.Value) void {
    if (held.tt_ == lua.tag.table) see(L, lua.tableOf(held));
}

fn see(L: *lua.State, table: *lua.Table) void {
    if (!numbers.isExternal(table)) _ = seen.see(L, @ptrCast(table));
}
