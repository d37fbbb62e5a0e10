//! Tells the host which of its objects Lua has let go of.

const limits = @import("../vm/limits.zig");
const numbers = @import("../bridge/view_numbers.zig");
const wire = @import("../bridge/wire.zig");

/// The host lets go of the objects of so many numbers, which are listed in `released`.
extern "cu" fn release(count: u32) void;

/// Those numbers, for the host to read.
var released: [wire.released_max]u32 = undefined;

pub fn list() [*]u32 {
    return &released;
}

/// Tells the host which views have been collected.
pub fn flush() void {
    while (true) {
        const count = numbers.takeReleased(&released);
        if (count == 0) return;
        limits.owe(count);
        release(count);
    }
}

/// Tells the host at once that Lua has no object of this number.
pub fn one(number: u32) void {
    released[0] = number;
    release(1);
}
