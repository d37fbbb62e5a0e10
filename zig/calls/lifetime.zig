//! Makes the unit, makes it whole again after an exception of the host's, and collects its garbage.
//!
//! A unit is made once, when the module is built: what stands in its memory then is in the module
//! (tools/image.ts), and each instance begins there.

const allocator = @import("../vm/allocator.zig");
const asking = @import("../views/asking.zig");
const releasing = @import("../views/releasing.zig");
const buffer = @import("../bridge/buffer.zig");
const channels = @import("small").@"calls/channels.zig";
const errors = @import("errors.zig");
const external = @import("small").@"views/external.zig";
const frames = @import("small").@"calls/frames.zig";
const from_lua = @import("../bridge/from_lua.zig");
const functions = @import("small").@"views/functions.zig";
const host = @import("host.zig");
const json = @import("json.zig");
const io_table = @import("io_table.zig");
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const lua_functions = @import("small").@"calls/lua_functions.zig";
const messages = @import("messages.zig");
const numbers = @import("../bridge/view_numbers.zig");
const run = @import("run.zig");
const strands = @import("small").@"calls/strands.zig";
const tasks = @import("small").@"calls/tasks.zig";
const sandbox = @import("../vm/sandbox.zig");
const secret = @import("../vm/secret.zig");
const templates = @import("../bridge/templates.zig");
const unit = @import("unit.zig");
const userdata = @import("../values/userdata.zig");
const waiting = @import("small").@"vm/waiting.zig";
const c = lua.c;

// library.zig
extern fn cu_forget_warning() void;
extern var cu_hidden: [3]c.lua_CFunction;

var stage: enum { empty, made, begun } = .empty;

/// Makes the unit. False where it fails.
pub fn make() bool {
    if (stage != .empty) return false;
    stage = .made;
    allocator.init();
    unit.L = c.lua_newstate(allocator.cu_reallocate, null) orelse return false;
    unit.L.isrun = waiting.host_thread;
    allocator.collector = unit.L.l_G;
    frames.saved = limits.save(unit.L);
    if (lua.protect(unit.L, setUp, {}) != c.LUA_OK) return false;
    c.lua_settop(unit.L, 0);
    unit.is_ready = true;
    return true;
}

/// Begins an instance, which has its own secret and its own limit.
pub fn init(memory_limit_bytes: u32) i32 {
    if (stage != .made) return unit.answer(.malformed);
    stage = .begun;
    if (!allocator.setLimit(memory_limit_bytes)) return unit.answer(.memory);
    secret.choose(unit.L.l_G, &buffer.memory);
    sandbox.chooseRandomState();
    unit.is_ready = true;
    return 0;
}

fn setUp(state: *lua.State, _: void) void {
    cu_hidden = .{ run.callHandler, run.callNamed, errors.describeError };
    sandbox.open(state);
    userdata.init(state);
    unit.B = c.lua_newthread(state).?;
    _ = c.luaL_ref(state, c.LUA_REGISTRYINDEX);
    numbers.init(state);
    asking.init(unit.B);
    external.init(state);
    templates.init(state);
    from_lua.init(state);
    io_table.init(state);
    channels.init(state);
    host.init();
    lua_functions.init(state);
    json.init();
    run.init(state);
    strands.init(state);
    tasks.init(state);
    errors.init(state);
    functions.init(state, unit.B);
    _ = c.luaD_checkminstack(state); // kept from now on: lua/series/420-room-for-finalizers.patch
}

/// Makes the library read-only to code, and what the host gave it.
pub fn lockLibrary() i32 {
    if (!unit.isIdle()) return unit.answer(.malformed);
    const status = lua.protect(unit.L, lock, {});
    return if (status == c.LUA_OK) 0 else unit.answerOf(status);
}

fn lock(state: *lua.State, _: void) void {
    io_table.lockLibrary(state);
}

pub fn collect() i32 {
    if (!unit.isIdle()) return unit.answer(.malformed);
    limits.begin(unit.L);
    c.lua_settop(unit.B, 0); // what the host answered last
    limits.cu_is_running = 1; // finalizers are called
    _ = c.lua_gc(unit.L, c.LUA_GCCOLLECT);
    limits.cu_is_running = 0;
    releasing.flush();
    return 0;
}

pub fn makeRoom() void {
    if (!unit.is_ready or unit.L.l_G.*.gcstopem != 0) return;
    cu_collect(unit.L);
    releasing.flush();
}

pub export fn cu_collect(state: *lua.State) callconv(.c) void {
    c.luaC_fullgc(state, 1); // as an emergency
}

/// Memory outside Lua's heap; garbage in it makes room.
pub fn allocate(length: u32) ?*anyopaque {
    if (!unit.is_ready) return null;
    if (allocator.cu_reallocate(null, null, 0, length)) |block| return block;
    cu_collect(unit.L);
    return allocator.cu_reallocate(null, null, 0, length);
}

pub fn recover() void {
    if (!unit.is_ready) return;
    asking.is_asking = false;
    messages.is_calling = false;
    cu_forget_warning();
    limits.recover(unit.L, frames.saved);
    lua_functions.unsent(unit.L);
    strands.recover();
    messages.dropMessage();
    json.dropText();
    _ = from_lua.finish(unit.L, true);
    external.freeAdopted(unit.L);
}
