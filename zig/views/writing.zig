//! Before code changes a view: it becomes an ordinary table with all its contents (copy on
//! write), and its input's source keeps it, so that code finds it again through other views.

const assert = @import("../vm/assert.zig").assert;
const contents = @import("contents.zig");
const lua = @import("../vm/lua.zig");
const numbers = @import("../bridge/view_numbers.zig");

/// Before code writes to a clean view.
pub export fn cu_view_write(L: *lua.State, table: *lua.Table) callconv(.c) void {
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
    if (numbers.isClean(table)) pin(L, table);
    if (metatable) |given| if (given.view & numbers.incomplete != 0) contents.complete(L, given);
}
