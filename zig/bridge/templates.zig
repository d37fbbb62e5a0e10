//! Templates: a table for each shape that the host has defined, with the shape's keys and no
//! values. A row is a copy of one.

const allocator = @import("../vm/allocator.zig");
const assert = @import("../vm/assert.zig").assert;
const lua = @import("../vm/lua.zig");
const marks = @import("../values/marks.zig");
const wire = @import("wire.zig");
const c = lua.c;

pub const Template = struct {
    table: *lua.Table,
    count: u8,
    /// Where the table looks for a free place next.
    last_free: u8,
    /// Where in the hash part the value of each key stands.
    nodes: [wire.shape_keys_max]u8,
};

var templates: [wire.shapes_max]Template = undefined;
var template_count: u32 = 0;
/// Keeps the templates' tables from being collected.
var anchor: *lua.Table = undefined;

pub fn init(L: *lua.State) void {
    anchor = lua.newAnchored(L);
}

/// The template of the shape with this number.
pub inline fn find(number: u32) ?*const Template {
    return if (number < template_count) &templates[number] else null;
}

/// Forgets all shapes: the host numbers them anew.
pub fn forget() void {
    template_count = 0;
}

/// Whether the next shape may have this number.
pub fn isNext(number: u32) bool {
    return number == template_count and number < wire.shapes_max;
}

/// A copy of a template's table, keys and places and chains, in one block with its hash part.
pub fn newRow(L: *lua.State, template: *const Template) *lua.Table {
    const model = template.table;
    const count: u32 = if (model.lastfree == null) 0 else lua.nodeCount(model);
    const size = @sizeOf(lua.Table) + count * @sizeOf(lua.Node);
    const table: *lua.Table = @ptrCast(@alignCast(allocator.newObject(L, c.LUA_VTABLE, size)));
    table.flags = 0;
    table.lsizenode = model.lsizenode;
    table.alimit = 0;
    table.array = null;
    table.metatable = null;
    table.mark = model.mark;
    if (count == 0) {
        table.node = model.node; // Lua's shared dummy node
        table.lastfree = null;
        table.view = 0;
        return table;
    }
    const own: [*]lua.Node = @ptrFromInt(@intFromPtr(table) + @sizeOf(lua.Table));
    const nodes: [*]const lua.Node = @ptrCast(model.node);
    @memcpy(own[0..count], nodes[0..count]);
    table.node = own;
    table.lastfree = own + template.last_free;
    table.view = (@as(u32, model.lsizenode) + 1) << c.CU_INLINE_SHIFT;
    return table;
}

/// A template that is being made. Its table stands on the stack meanwhile.
pub const Draft = struct {
    table: *lua.Table,
    /// The keys in the order of the definition: the order of all rows (marks.zig).
    order: *lua.Table,
    keys: [wire.shape_keys_max]*lua.String = undefined,
    count: u32 = 0,

    /// Leaves the table on the stack.
    pub fn begin(L: *lua.State, count: u32) Draft {
        const table: *lua.Table = @ptrCast(c.luaH_new(L));
        lua.push(L, lua.ofTable(table));
        const order: *lua.Table = @ptrCast(c.luaH_new(L));
        if (count > 0) {
            marks.setOrder(L, table, order);
            c.luaH_resize(L, order, count, 0);
            c.luaH_resize(L, table, 0, count);
        }
        return .{ .table = table, .order = order };
    }

    /// False where the shape has the key already.
    pub fn addKey(draft: *Draft, L: *lua.State, text: []const u8) bool {
        return draft.addString(L, @ptrCast(c.luaS_newlstr(L, text.ptr, text.len)));
    }

    /// The same for a short string.
    pub fn addString(draft: *Draft, L: *lua.State, key: *lua.String) bool {
        if (!lua.isNil(lua.get(draft.table, lua.ofString(key)))) return false;
        lua.push(L, lua.ofString(key));
        lua.set(L, draft.table, lua.ofString(key), lua.boolean(true));
        lua.pop(L, 1);
        assert(draft.count < draft.order.alimit);
        draft.order.array[draft.count] = lua.ofString(key);
        lua.barrier(L, draft.order, lua.ofString(key));
        draft.keys[draft.count] = key;
        draft.count += 1;
        return true;
    }

    /// Makes it the template of the next shape.
    pub fn end(draft: *const Draft, L: *lua.State) void {
        assert(template_count < templates.len);
        draft.fill(&templates[template_count]);
        lua.set(L, anchor, lua.integer(template_count + 1), lua.ofTable(draft.table));
        template_count += 1;
    }

    /// Makes it a template, whose table must not be collected.
    pub fn fill(draft: *const Draft, template: *Template) void {
        const table = draft.table;
        for (draft.keys[0..draft.count], 0..) |key, i| {
            template.nodes[i] = placeOf(table, @intFromPtr(c.luaH_getstr(table, key)));
        }
        template.table = table;
        template.last_free = if (draft.count == 0) 0 else placeOf(table, @intFromPtr(table.lastfree));
        template.count = @intCast(draft.count);
    }
};

/// Where in a table's hash part an address is.
fn placeOf(table: *const lua.Table, address: usize) u8 {
    return @intCast((address - @intFromPtr(table.node)) / @sizeOf(lua.Node));
}
