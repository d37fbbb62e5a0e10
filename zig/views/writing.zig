//! Before code changes a table that isn't an ordinary one: a view becomes ordinary (ordinary.zig), an
//! external table tells the host (external.zig), a read-only one refuses.

const contents = @import("contents.zig");
const external = @import("small").@"views/external.zig";
const lua = @import("../vm/lua.zig");
const numbers = @import("../bridge/view_numbers.zig");
const ordinary = @import("small").@"views/ordinary.zig";
const c = lua.c;

// library.zig
extern fn cu_refuse_field(L: *lua.State, table: *lua.Table, key: *const lua.Value) noreturn;
extern fn cu_refuse_change(L: *lua.State, table: *lua.Table, format: [*:0]const u8) noreturn;

/// Before code sets a field of a table with the bit of a clean view. 1: the field is set.
pub export fn cu_view_write(
    L: *lua.State,
    table: *lua.Table,
    key: *const lua.Value,
    value: *const lua.Value,
    is_raw: c_int,
) callconv(.c) c_int {
    if (lua.isReadOnly(table)) cu_refuse_field(L, table, key);
    if (numbers.isExternal(table)) return @intFromBool(external.store(L, table, key, value, is_raw != 0));
    ordinary.makeOrdinary(L, table);
    return 0;
}

/// Before the host or the library changes an ordinary table, or a view, in another way than by a field.
pub fn beforeChange(L: *lua.State, table: *lua.Table) void {
    if (lua.isReadOnly(table)) cu_refuse_change(L, table, "attempt to change read-only table '%s'");
    if (numbers.isClean(table)) ordinary.makeOrdinary(L, table);
}

/// Before a table gets a metatable, or becomes one, whose fields the VM reads natively.
pub export fn cu_view_metatable(L: *lua.State, table: *lua.Table, metatable: ?*lua.Table) callconv(.c) void {
    if (lua.isReadOnly(table)) {
        cu_refuse_change(L, table, "attempt to change the metatable of read-only table '%s'");
    }
    if (metatable) |given| {
        if (numbers.isExternal(given)) c.luaG_runerror(L, "an external table cannot be a metatable");
        if (given.view & numbers.incomplete != 0) contents.complete(L, given);
        given.marked |= lua.stays;
    }
    if (numbers.isExternal(table)) return external.setMetatable(L, table, metatable);
    if (numbers.isClean(table)) ordinary.pin(L, table);
}
