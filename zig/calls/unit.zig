//! The unit's one Lua state, and what each call of the host on it asks first and answers last.
//! Between calls Lua's stack is empty.

const allocator = @import("../vm/allocator.zig");
const assert = @import("../vm/assert.zig").assert;
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const to_lua = @import("../bridge/to_lua.zig");
const wire = @import("../bridge/wire.zig");
const c = lua.c;

/// The thread on which code runs: the main one, or that of the innermost frame (frames.zig).
pub var L: *lua.State = undefined;

/// Where messages from the host are taken: a thread of its own, as the running one's stack must
/// not move under an instruction.
pub var B: *lua.State = undefined;

/// The thread of a run that has one of its own (strands.zig), while it runs.
pub var running: ?*lua.State = null;

/// Whether `init` has made all of it.
pub var is_ready = false;

/// Before code runs.
pub fn beginRun() void {
    allocator.beginRun();
    limits.beginRun(L);
}

/// What an export answers for a status.
pub fn answer(status: wire.Status) i32 {
    return @intFromEnum(status);
}

/// Whether code runs, or anything else that may raise a Lua error.
pub fn isRunning() bool {
    return running != null or L.errorJmp != null;
}

/// Whether a call may begin: none is under way, and no message is open.
pub noinline fn isIdle() bool {
    if (!is_ready or isRunning() or to_lua.isOpen()) return false;
    assert(c.lua_gettop(L) == 0);
    return true;
}

/// What an export answers after a protected call that ended with an error of Lua's.
pub fn answerOf(status: c_int) i32 {
    return if (status == c.LUA_ERRMEM) answer(.memory) else answer(.lua);
}
