//! Calls of the host that stand in one another: a function of the host that code has called may use
//! the unit again. For each such use there is a frame: a Lua thread of its own, on which it begins as
//! the outermost one begins on the main thread, and what is to be whole again after an exception.

const allocator = @import("unit").@"vm/allocator.zig";
const errors = @import("unit").@"calls/errors.zig";
const limits = @import("unit").@"vm/limits.zig";
const lua = @import("unit").@"vm/lua.zig";
const messages = @import("unit").@"calls/messages.zig";
const position = @import("unit").@"vm/position.zig";
const unit = @import("unit").@"calls/unit.zig";
const waiting = @import("../vm/waiting.zig");
const c = lua.c;

const depth_max = 64;

const Frame = struct {
    /// The thread, and the one that its run has, or null.
    L: *lua.State,
    running: ?*lua.State,
    /// The thread that called the host.
    caller: *lua.State,
    saved: limits.Saved,
    stack_base: usize,
    levels: c_uint,
    figures: limits.Figures,
    peak_bytes: usize,
    error_status: c_int,
};

/// The outer frames, from the outermost on; the innermost is the one in use.
var outer: [depth_max]Frame = undefined;
/// Threads of frames by their depth: kept, as calls that nest will nest again.
var threads: [depth_max + 1]?*lua.State = @splat(null);
/// Where code stood in the frame around that of a depth, if an error is on its way there.
var positions: [depth_max + 1]*position.Saved = undefined;
var depth: u32 = 0;

/// Of the frame in use: what `recover` puts back, and C's stack pointer between its calls.
pub var saved: limits.Saved = undefined;
pub var stack_base: usize = 0;

/// The thread that calls the host.
pub var caller: *lua.State = undefined;

/// What one level of nesting takes of C's stack, in levels of C as Lua counts them.
const frame_levels = 4;

/// Whether a function of the host is using the unit that code has called.
pub fn isInside() bool {
    return depth > 0;
}

/// Begins a use of the unit by the host inside a call of one of its functions.
pub fn begin(stack_pointer: usize) i32 {
    if (!messages.is_calling or depth == depth_max) return unit.answer(.malformed);
    const levels = (caller.nCcalls & 0xffff) + frame_levels;
    if (levels >= c.LUAI_MAXCCALLS) return unit.answer(.depth);
    if (threads[depth + 1] == null) {
        limits.cu_is_running = 0;
        const status = lua.protect(unit.B, makeThread, depth + 1);
        limits.cu_is_running = 1;
        if (status != c.LUA_OK) return unit.answerOf(status);
    }
    outer[depth] = .{
        .L = unit.L,
        .running = unit.running,
        .caller = caller,
        .saved = saved,
        .stack_base = stack_base,
        .levels = limits.cu_levels,
        .figures = limits.figures,
        .peak_bytes = allocator.peak_bytes,
        .error_status = errors.error_status,
    };
    depth += 1;
    errors.depth = depth;
    errors.error_status = c.LUA_OK;
    position.save(positions[depth]);
    const thread = threads[depth].?;
    const unyieldable = 0x10000; // nyci in lstate.h
    thread.nCcalls = @intCast(levels | unyieldable);
    thread.frame = @intCast(depth);
    waiting.cu_frame = @intCast(depth);
    unit.L = thread;
    unit.running = null;
    messages.is_calling = false;
    limits.cu_is_running = 0;
    saved = limits.save(thread);
    stack_base = stack_pointer;
    return 0;
}

fn makeThread(L: *lua.State, of_depth: u32) void {
    errors.makeSlots(L, of_depth);
    const made: *lua.State = c.lua_newthread(L).?;
    made.isrun = waiting.host_thread;
    _ = c.luaL_ref(L, c.LUA_REGISTRYINDEX);
    positions[of_depth] = @ptrCast(@alignCast(c.lua_newuserdatauv(L, @sizeOf(position.Saved), 0).?));
    _ = c.luaL_ref(L, c.LUA_REGISTRYINDEX);
    threads[of_depth] = made;
}

/// Ends it: the code that has called the host goes on.
pub fn end() i32 {
    if (depth == 0 or !unit.isIdle()) return unit.answer(.malformed);
    position.restore(positions[depth]);
    depth -= 1;
    const frame = &outer[depth];
    errors.depth = depth;
    errors.error_status = frame.error_status;
    unit.L = frame.L;
    unit.running = frame.running;
    caller = frame.caller;
    saved = frame.saved;
    stack_base = frame.stack_base;
    waiting.cu_frame = @intCast(depth);
    messages.is_calling = true;
    limits.figures = frame.figures;
    allocator.peak_bytes = @max(allocator.peak_bytes, frame.peak_bytes);
    limits.goOn(frame.levels);
    return 0;
}
