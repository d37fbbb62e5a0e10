//! What must hold in every build: std.debug.assert is a promise to the optimizer in the
//! shipped one, so that what is broken goes on as undefined behaviour.

/// Traps where it doesn't hold.
pub inline fn assert(holds: bool) void {
    if (!holds) trap();
}

pub noinline fn trap() noreturn {
    @branchHint(.cold);
    @trap();
}
