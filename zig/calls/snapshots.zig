//! Copies of the unit: all that it is stands in its memory, what is not the host's. The host copies that
//! between two calls, when C's stack is empty, and goes on from the copy in this or another instance.

const allocator = @import("unit").@"vm/allocator.zig";
const buffer = @import("unit").@"bridge/buffer.zig";
const frames = @import("frames.zig");
const host = @import("unit").@"calls/host.zig";
const lifetime = @import("unit").@"calls/lifetime.zig";
const lua = @import("unit").@"vm/lua.zig";
const messages = @import("unit").@"calls/messages.zig";
const releasing = @import("unit").@"views/releasing.zig";
const strands = @import("strands.zig");
const unit = @import("unit").@"calls/unit.zig";
const waiting = @import("../vm/waiting.zig");
const c = lua.c;

/// What is to be copied: from `start` to `end`, and the last bytes before `heap_end`. Below `start` is C's stack;
/// from `touched_end` on nothing was ever written, unless the heap has grown.
pub const Extent = extern struct { start: u32, end: u32, heap_end: u32, tail_size_bytes: u32, touched_end: u32 };

var found: Extent = undefined;

/// Null where there is nothing to copy: before `init`, or while code runs.
pub fn extent() ?*const Extent {
    if (!unit.isIdle() or frames.isInside()) return null;
    const of_heap = allocator.extent();
    found = .{
        .start = @intCast(frames.stack_base),
        .end = @intCast(of_heap.end),
        .heap_end = @intCast(of_heap.heap_end),
        .tail_size_bytes = allocator.tail_size_bytes,
        .touched_end = @intCast(of_heap.touched_end),
    };
    return &found;
}

/// What is to be copied of the unit that the build makes. Null where it can't be made.
pub fn make() ?*const Extent {
    if (!lifetime.make()) return null;
    defer unit.is_ready = false; // an instance has yet to begin
    return if (tidy() < 0) null else extent();
}

/// Collects all garbage, without calling finalizers, and makes zero of what is free, and of old messages.
pub fn tidy() i32 {
    if (!unit.isIdle()) return unit.answer(.malformed);
    c.lua_settop(unit.B, 0);
    lifetime.cu_collect(unit.L);
    releasing.flush();
    allocator.clearFree();
    @memset(&buffer.memory, 0);
    return 0;
}

/// Sets the memory's limit: a copy has that of its origin.
pub fn setLimit(bytes: u32) i32 {
    if (!unit.isIdle() or !allocator.setLimit(bytes)) return unit.answer(.malformed);
    return 0;
}

/// Writes what the function of the host was called with for which a strand waits.
pub fn writeWaiting(number: i32) i32 {
    if (!unit.isIdle()) return unit.answer(.malformed);
    const thread = strands.threadOf(number) orelse return unit.answer(.malformed);
    const inner = waiting.innermost(thread);
    if (thread.waits == null or inner.status != c.LUA_YIELD) return unit.answer(.malformed);
    const count = c.lua_gettop(inner);
    if (!lua.checkStack(unit.L, count)) return unit.answer(.memory);
    for (1..@as(u32, @intCast(count)) + 1) |index| lua.push(unit.L, lua.at(inner, @intCast(index)).*);
    return messages.writeArguments(@intCast(count), &host.names);
}
