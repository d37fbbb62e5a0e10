//! The library's own part in Zig: what hardly gains by speed, and so is compiled for size
//! (build.zig). It has no state that others see, and is called by names in C.

const std = @import("std");

pub const panic = std.debug.no_panic;

comptime {
    _ = @import("debug_library.zig");
    _ = @import("format.zig");
    _ = @import("hyperbolic.zig");
    _ = @import("methods.zig");
    _ = @import("os_library.zig");
    _ = @import("output.zig");
}
