//! What JavaScript threw in the middle of running code, raised as an error value: it keeps the
//! number under which the host has the very object.

const allocator = @import("../vm/allocator.zig");
const assert = @import("../vm/assert.zig").assert;
const buffer = @import("../bridge/buffer.zig");
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const numbers = @import("../bridge/view_numbers.zig");
const releasing = @import("releasing.zig");
const userdata = @import("../values/userdata.zig");
const wire = @import("../bridge/wire.zig");
const c = lua.c;

/// What one error moves the collector on by, at the most.
const host_bytes_max = 64 * 1024 * 1024;

/// The beginning of the buffer; the bytes of name and message are in its heap.
fn head() *const wire.Thrown {
    return @ptrCast(buffer.words);
}

/// Raises what the host has described in the buffer; a memory error where there is none for it, or code keeps so
/// many that the host would have more of them than the unit may have of memory.
pub export fn cu_raise_thrown(L: *lua.State) callconv(.c) noreturn {
    releasing.flush(); // code that only raises asks for nothing else
    if (isTooMuch()) {
        c.luaC_fullgc(L, 1); // as an emergency
        releasing.flush();
    }
    if (isTooMuch() or lua.protect(L, push, {}) != c.LUA_OK) {
        releasing.one(head().number);
        c.luaD_throw(L, c.LUA_ERRMEM);
    }
    c.luaG_errormsg(L);
    unreachable;
}

fn isTooMuch() bool {
    return userdata.error_bytes + hostBytes() > allocator.limitBytes();
}

/// What it counts for: one alone is never too much.
fn hostBytes() u32 {
    return @intCast(@min(head().host_bytes, allocator.limitBytes() / 2));
}

fn push(L: *lua.State, _: void) void {
    const thrown = head();
    assert(thrown.name_length <= buffer.heap.len and thrown.message_length <= buffer.heap.len - thrown.name_length);
    const name = buffer.heap[0..thrown.name_length];
    const message = buffer.heap[thrown.name_length..][0..thrown.message_length];
    limits.owe((name.len + message.len) >> 6);
    const object = userdata.pushError(L, name, message);
    numbers.registerError(L, object, thrown.number);
    userdata.setErrorBytes(object, hostBytes());
    // The collector doesn't see the memory that it takes in the host.
    c.luaE_setdebt(L.l_G, L.l_G.*.GCdebt + @min(thrown.host_bytes, host_bytes_max));
}

/// Lets the host forget what it has thrown where nothing is raised.
pub fn drop() void {
    releasing.one(head().number);
}
