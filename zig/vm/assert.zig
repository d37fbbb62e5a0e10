//! What must hold, checked in every build. In the shipped one std.debug.assert is a promise to
//! the optimizer: a broken one would go on as undefined behaviour.

/// Traps where it doesn't hold.
pub inline fn assert(holds: bool) void {
    if (!holds) trap();
}

pub noinline fn trap() noreturn {
    @branchHint(.cold);
    @trap();
}
