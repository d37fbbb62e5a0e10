//! Functions in external tables. One of Lua's own is kept as its bytes (vm/bytecode.zig), without upvalues:
//! one that has any but the globals is refused. One of the library is kept by its name, and found again by
//! it, whatever code has made of the globals.

const buffer = @import("unit").@"bridge/buffer.zig";
const bytecode = @import("../vm/bytecode.zig");
const from_lua = @import("unit").@"bridge/from_lua.zig";
const limits = @import("unit").@"vm/limits.zig";
const lua = @import("unit").@"vm/lua.zig";
const numbers = @import("unit").@"bridge/view_numbers.zig";
const sandbox = @import("unit").@"vm/sandbox.zig";
const seen = @import("unit").@"bridge/seen.zig";
const texts = @import("unit").@"vm/text.zig";
const Text = texts.Text;
const to_lua = @import("unit").@"bridge/to_lua.zig";
const wire = @import("unit").@"bridge/wire.zig";
const c = lua.c;

/// The functions of the library by name, and for each of its tables a table of those in it.
var library: *lua.Table = undefined;
/// The registry's table of modules that the unit has itself: loaders by name (vm/package_library.zig).
const own_modules_name = "cu_own_modules";
/// The globals that all runs share.
var unit_globals: *lua.Table = undefined;
/// Whether Lua may have functions of Lua's in the parts of external tables, which have the globals of the run
/// that read them.
var has_cached = false;

/// The thread on whose stack the bytes of functions stand until their message has been taken.
var B: *lua.State = undefined;

/// Characters of an upvalue's name that a message has.
const shown_name_max = 60;
/// Bytes of the longest name of a function of the library, and more.
const name_bytes_max = 40;

var reason_buffer: [160]u8 = undefined;

/// Notes the library: its tables are globals. Before any code runs.
pub fn init(L: *lua.State, thread: *lua.State) void {
    B = thread;
    library = lua.newAnchored(L);
    unit_globals = lua.tableOf(&globalsOf(L));
    collect(L, library, unit_globals);
    for (0..lua.nodeCount(unit_globals)) |i| {
        const node: *const lua.Node = @ptrCast(unit_globals.node + i);
        const held: *const lua.Value = @ptrCast(&node.i_val);
        if (held.tt_ != lua.tag.table or lua.tableOf(held) == unit_globals) continue;
        if (!numbers.isExternal(lua.tableOf(held))) addTable(L, keyOf(node), lua.tableOf(held));
    }
    _ = c.lua_getfield(L, c.LUA_REGISTRYINDEX, own_modules_name);
    c.lua_pushnil(L);
    while (c.lua_next(L, -2) != 0) {
        c.lua_callk(L, 0, 1, 0, null);
        addTable(L, (L.top.p - 2)[0].val, lua.tableOf(lua.top(L)));
        lua.pop(L, 1);
    }
    lua.pop(L, 1);
    from_lua.keep_function = write;
    to_lua.load_function = read;
}

/// Notes the functions in a table of the library.
fn addTable(L: *lua.State, name: lua.Value, table: *lua.Table) void {
    lua.push(L, lua.ofTable(@ptrCast(c.luaH_new(L))));
    collect(L, lua.tableOf(lua.top(L)), table);
    lua.set(L, library, name, lua.top(L).*);
    lua.pop(L, 1);
}

/// Whether the parts of external tables are void, as the run has other globals from now on.
pub fn takeCached() bool {
    defer has_cached = false;
    return has_cached;
}

fn globalsOf(L: *lua.State) lua.Value {
    const registry = lua.tableOf(&L.l_G.*.l_registry);
    return @as(*const lua.Value, @ptrCast(c.luaH_getint(registry, c.LUA_RIDX_GLOBALS))).*;
}

fn keyOf(node: *const lua.Node) lua.Value {
    return .{ .value_ = node.u.key_val, .tt_ = node.u.key_tt };
}

/// Copies the functions that a table has by name.
fn collect(L: *lua.State, target: *lua.Table, source: *lua.Table) void {
    for (0..lua.nodeCount(source)) |i| {
        const node: *const lua.Node = @ptrCast(source.node + i);
        const held: *const lua.Value = @ptrCast(&node.i_val);
        if (held.tt_ & 0x0f == c.LUA_TFUNCTION) lua.set(L, target, keyOf(node), held.*);
    }
}

/// Writes a function, or says why it can't be kept. May raise a memory error.
fn write(L: *lua.State, function: *const lua.Value) from_lua.Error!void {
    if (function.tt_ != c.LUA_VLCL | lua.collectable) return writeName(function);
    const closure: *c.LClosure = @ptrCast(@alignCast(function.value_.gc));
    try checkUpvalues(L, closure);
    if (!bytecode.isWithinDepth(closure.p, bytecode.depth_max)) return refuse("functions nest too deep in the function");
    if (!bytecode.isSound(L, closure.p)) return refuse("the function cannot be checked");
    const entry = seen.see(L, @ptrCast(closure));
    if (entry.found) return buffer.writeBox(.table_ref, entry.number);
    if (!lua.checkStack(B, 1)) c.luaD_throw(L, c.LUA_ERRMEM);
    const bytes = bytecode.dump(L, closure.p);
    lua.push(B, lua.ofString(bytes));
    limits.spend(lua.bytesOf(bytes).len);
    buffer.writeAt(.function_bytecode, lua.bytesOf(bytes));
}

/// The message with functions has been taken.
pub fn sent() void {
    c.lua_settop(B, 0);
}

fn refuse(reason: []const u8) from_lua.Error {
    from_lua.unsupported_what = reason;
    return error.Unsupported;
}

/// A function read again has the globals of the run that reads it, and no other upvalue.
fn checkUpvalues(L: *lua.State, closure: *c.LClosure) from_lua.Error!void {
    const upvalues: [*]*c.UpVal = @ptrCast(&closure.upvals);
    for (0..closure.nupvalues) |i| {
        const name: *lua.String = @ptrCast(closure.p.*.upvalues[i].name);
        const held: *const lua.Value = @ptrCast(upvalues[i].v.p);
        if (texts.isEqual(lua.bytesOf(name), "_ENV")) {
            if (isGlobals(L, held)) continue;
            return refuse("the function has globals of its own, which would be lost");
        }
        var text = Text{ .buffer = &reason_buffer };
        text.add("the function has an upvalue '");
        text.add(lua.bytesOf(name)[0..@min(lua.bytesOf(name).len, shown_name_max)]);
        text.add("', which would be lost");
        return refuse(text.written());
    }
}

/// Whether a value is the run's globals, or the unit's: a module has those.
fn isGlobals(L: *lua.State, held: *const lua.Value) bool {
    if (held.tt_ != lua.tag.table) return false;
    return held.value_.gc == globalsOf(L).value_.gc or lua.tableOf(held) == unit_globals;
}

fn writeName(function: *const lua.Value) from_lua.Error!void {
    var room: [name_bytes_max]u8 = undefined;
    var text = Text{ .buffer = &room };
    if (!findName(function, &text)) return refuse(reasonOf(function));
    buffer.reserve(2, text.length);
    buffer.writeBox(.function_bytecode, wire.library_function);
    buffer.writeAscii(text.written());
}

fn reasonOf(function: *const lua.Value) []const u8 {
    if (!sandbox.isBuiltin(function)) return "functions that coroutine.wrap has made cannot be kept";
    if (isOf(function, to_lua.host_function)) return "functions of the host cannot be kept";
    return "the function has no name in the library";
}

fn isOf(function: *const lua.Value, code: c.lua_CFunction) bool {
    return function.tt_ == c.LUA_VCCL | lua.collectable and closureOf(function).f == code;
}

fn closureOf(function: *const lua.Value) *c.CClosure {
    return @ptrCast(@alignCast(function.value_.gc));
}

/// Whether two functions of the library are one; the module `task` makes its own anew.
fn isSame(held: *const lua.Value, function: *const lua.Value) bool {
    if (c.luaV_equalobj(null, held, function) != 0) return true;
    if (held.tt_ != c.LUA_VCCL | lua.collectable or !isOf(function, closureOf(held).f)) return false;
    if (closureOf(held).nupvalues != closureOf(function).nupvalues) return false;
    const upvalues: [*]const lua.Value = @ptrCast(&closureOf(held).upvalue);
    const others: [*]const lua.Value = @ptrCast(&closureOf(function).upvalue);
    for (0..closureOf(held).nupvalues) |i| if (c.luaV_equalobj(null, &upvalues[i], &others[i]) == 0) return false;
    return true;
}

fn findName(function: *const lua.Value, text: *Text) bool {
    if (addKey(library, function, text)) return true;
    for (0..lua.nodeCount(library)) |i| {
        const node: *const lua.Node = @ptrCast(library.node + i);
        const held: *const lua.Value = @ptrCast(&node.i_val);
        if (held.tt_ != lua.tag.table) continue;
        text.length = 0;
        text.add(lua.bytesOf(lua.stringOf(&keyOf(node))));
        text.add(".");
        if (addKey(lua.tableOf(held), function, text)) return true;
    }
    return false;
}

/// Adds the key under which a table has a function.
fn addKey(table: *lua.Table, function: *const lua.Value, text: *Text) bool {
    for (0..lua.nodeCount(table)) |i| {
        const node: *const lua.Node = @ptrCast(table.node + i);
        if (!isSame(@ptrCast(&node.i_val), function)) continue;
        text.add(lua.bytesOf(lua.stringOf(&keyOf(node))));
        return true;
    }
    return false;
}

/// Makes a function of what `write` wrote, which stands at the top of the stack, in its place. The stack has two
/// more free places.
fn read(L: *lua.State, is_name: bool) to_lua.Error!void {
    const string = lua.stringOf(lua.top(L));
    if (is_name) {
        const found = findFunction(L, lua.bytesOf(string)) orelse return error.Damaged;
        lua.top(L).* = found;
        return;
    }
    bytecode.load(L, lua.bytesOf(string), globalsOf(L)) catch return error.Damaged;
    has_cached = true;
    (L.top.p - 2)[0].val = lua.top(L).*;
    lua.pop(L, 1);
}

fn findFunction(L: *lua.State, name: []const u8) ?lua.Value {
    const dot = texts.indexOf(name, '.') orelse return functionIn(L, library, name);
    const table = valueIn(L, library, name[0..dot]);
    return if (table.tt_ == lua.tag.table) functionIn(L, lua.tableOf(table), name[dot + 1 ..]) else null;
}

fn functionIn(L: *lua.State, table: *lua.Table, name: []const u8) ?lua.Value {
    const held = valueIn(L, table, name);
    return if (held.tt_ & 0x0f == c.LUA_TFUNCTION) held.* else null;
}

fn valueIn(L: *lua.State, table: *lua.Table, name: []const u8) *const lua.Value {
    return lua.get(table, lua.ofString(@ptrCast(c.luaS_newlstr(L, name.ptr, name.len))));
}
