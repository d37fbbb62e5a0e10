//! Functions of Lua's that the host knows by number, as code has given them to one of its functions.

const buffer = @import("unit").@"bridge/buffer.zig";
const lua = @import("unit").@"vm/lua.zig";
const texts = @import("unit").@"vm/text.zig";
const unit = @import("unit").@"calls/unit.zig";
const c = lua.c;

/// Functions by number, and numbers by function.
var functions: *lua.Table = undefined;
var numbers: *lua.Table = undefined;

pub fn init(L: *lua.State) void {
    functions = lua.newAnchored(L);
    numbers = lua.newAnchored(L);
}

/// The number of a function, which must be reachable. May raise a memory error.
pub fn numberOf(L: *lua.State, function: *const lua.Value) u32 {
    const known = lua.get(numbers, function.*);
    if (known.tt_ == lua.tag.integer and known.value_.i != 0) return @intCast(known.value_.i);
    lua.set(L, numbers, function.*, lua.integer(0)); // its place, before it has a number
    lua.push(L, lua.ofTable(functions));
    lua.push(L, function.*);
    const number = c.luaL_ref(L, -2);
    lua.pop(L, 1);
    lua.set(L, numbers, function.*, lua.integer(number));
    return @intCast(number);
}

/// Writes a function as the host knows it: its number, and where it is defined.
pub fn write(L: *lua.State, function: *const lua.Value) void {
    var record: c.lua_Debug = undefined;
    lua.push(L, function.*);
    _ = c.lua_getinfo(L, ">S", &record);
    var room: [c.LUA_IDSIZE + 1 + texts.integer_max]u8 = undefined;
    var place = texts.Text{ .buffer = &room };
    place.add(record.short_src[0 .. texts.indexOf(&record.short_src, 0) orelse 0]);
    for (room[0..place.length]) |*byte| byte.* = @min(byte.*, 0x7f); // perhaps a part of a character
    if (record.linedefined >= 0) {
        place.add(":");
        place.addInteger(record.linedefined);
    }
    // The number may need memory, and may raise an error: first.
    const number = numberOf(L, function);
    buffer.reserve(2, place.length);
    buffer.writeBox(.function_ref, number);
    buffer.writeAscii(place.written());
}

pub fn find(number: u32) ?lua.Value {
    const found: *const lua.Value = @ptrCast(c.luaH_getint(functions, number));
    return if (found.tt_ & 0x0f == c.LUA_TFUNCTION) found.* else null;
}

/// The host no longer knows a function.
pub fn release(number: u32) i32 {
    if (!unit.isIdle()) return unit.answer(.malformed);
    const function = find(number) orelse return unit.answer(.malformed);
    lua.set(unit.L, numbers, function, lua.nil); // the key is there: nothing is allocated
    lua.push(unit.L, lua.ofTable(functions));
    c.luaL_unref(unit.L, -1, @intCast(number));
    c.lua_settop(unit.L, 0);
    return 0;
}
