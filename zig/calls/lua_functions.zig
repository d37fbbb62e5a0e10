//! Functions of Lua's that the host knows by number, as code has given them to one of its functions.

const buffer = @import("unit").@"bridge/buffer.zig";
const lua = @import("unit").@"vm/lua.zig";
const texts = @import("unit").@"vm/text.zig";
const unit = @import("unit").@"calls/unit.zig";
const c = lua.c;

/// Functions by number; and numbers by function, with the number that was given before in the upper half.
var functions: *lua.Table = undefined;
var numbers: *lua.Table = undefined;
/// The number that was given last in the message that is being written, or 0; and one that isn't in
/// `numbers` yet.
var last_given: u32 = 0;
var unlisted: c_int = 0;

pub fn init(L: *lua.State) void {
    functions = lua.newAnchored(L);
    numbers = lua.newAnchored(L);
}

/// The number of a function, which must be reachable. May raise a memory error.
pub fn numberOf(L: *lua.State, function: *const lua.Value) u32 {
    const known = lua.get(numbers, function.*);
    if (known.tt_ == lua.tag.integer) return @truncate(@as(u64, @bitCast(known.value_.i)));
    lua.push(L, lua.ofTable(functions));
    lua.push(L, function.*);
    unlisted = c.luaL_ref(L, -2);
    lua.pop(L, 1);
    const number: u32 = @intCast(unlisted);
    lua.set(L, numbers, function.*, lua.integer(@bitCast(@as(u64, last_given) << 32 | number)));
    unlisted = 0;
    last_given = number;
    return number;
}

/// The host has read the message: it says when it no longer knows the functions in it.
pub fn sent() void {
    last_given = 0;
}

/// The host gets no message, or couldn't read it: it never knows the functions that were given numbers for it.
pub fn unsent(L: *lua.State) void {
    if (unlisted != 0) unref(L, unlisted);
    unlisted = 0;
    while (last_given != 0) {
        const number = last_given;
        const function = find(number).?;
        last_given = @truncate(@as(u64, @bitCast(lua.get(numbers, function).value_.i)) >> 32);
        forget(L, number, function);
    }
}

// What these change is there: nothing is allocated.
fn forget(L: *lua.State, number: u32, function: lua.Value) void {
    lua.set(L, numbers, function, lua.nil);
    unref(L, @intCast(number));
}

fn unref(L: *lua.State, number: c_int) void {
    lua.push(L, lua.ofTable(functions));
    c.luaL_unref(L, -1, number);
    lua.pop(L, 1);
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
    forget(unit.L, number, function);
    return 0;
}
