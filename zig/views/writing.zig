//! Before code changes a view: it becomes an ordinary table with all its contents (copy on
//! write), and its input's source keeps it, so that code finds it again through other views. A
//! read-only table stays as it is.

const assert = @import("../vm/assert.zig").assert;
const contents = @import("contents.zig");
const lua = @import("../vm/lua.zig");
const numbers = @import("../bridge/view_numbers.zig");

// library.zig
extern fn cu_refuse_field(L: *lua.State, table: *lua.Table, key: *const lua.Value) noreturn;
extern fn cu_refuse_change(L: *lua.State, table: *lua.Table, format: [*:0]const u8) noreturn;

/// Before code sets a field of a clean view, or of a read-only table, which is an error.
pub export fn cu_view_write(L: *lua.State, table: *lua.Table, key: *const lua.Value) callconv(.c) void {
    if (lua.isReadOnly(table)) cu_refuse_field(L, table, key);
    makeOrdinary(L, table);
}

/// Before the host or the library changes a table in another way than by a field.
pub fn beforeChange(L: *lua.State, table: *lua.Table) void {
    if (lua.isReadOnly(table)) cu_refuse_change(L, table, "attempt to change read-only table '%s'");
    if (numbers.isClean(table)) makeOrdinary(L, table);
}

fn makeOrdinary(L: *lua.State, table: *lua.Table) void {
    assert(numbers.isClean(table));
    contents.complete(L, table);
    pin(L, table);
    table.view &= ~numbers.clean;
}

/// Puts a table into its input's source, as the host can't make it anew.
fn pin(L: *lua.State, table: *lua.Table) void {
    lua.set(L, numbers.entryOf(table).link.source, lua.integer(numbers.numberOf(table)), lua.ofTable(table));
}

/// Before a table gets a metatable, or becomes one, whose fields the VM reads natively.
pub export fn cu_view_metatable(L: *lua.State, table: *lua.Table, metatable: ?*lua.Table) callconv(.c) void {
    if (lua.isReadOnly(table)) {
        cu_refuse_change(L, table, "attempt to change the metatable of read-only table '%s'");
    }
    if (numbers.isClean(table)) pin(L, table);
    if (metatable) |given| if (given.view & numbers.incomplete != 0) contents.complete(L, given);
}
