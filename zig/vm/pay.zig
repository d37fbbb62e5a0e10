//! What library.zig sees of limits.zig.

const lua = @import("lua.zig");

extern fn cu_pay_steps(L: ?*lua.State, count: usize) void;
extern fn cu_owe(count: usize) void;

/// Pays for steps where code may be ended; a thread is for the traceback only.
pub const steps = cu_pay_steps;

/// Pays for steps where no exception may pass.
pub const owe = cu_owe;

/// Pays for work on this many bytes.
pub fn spend(bytes: usize) void {
    cu_owe(bytes >> 6);
}
