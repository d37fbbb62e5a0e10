//! The library's own part in Zig: what hardly gains by speed, and so is compiled for size
//! (build.zig). It has no state that others see, and is called by names in C.

const std = @import("std");

pub const panic = std.debug.no_panic;

comptime {
    _ = @import("vm/debug_library.zig");
    _ = @import("vm/format.zig");
    _ = @import("vm/hyperbolic.zig");
    _ = @import("values/methods.zig");
    _ = @import("vm/json_library.zig");
    _ = @import("vm/os_library.zig");
    _ = @import("vm/output.zig");
    _ = @import("vm/package_library.zig");
    _ = @import("vm/read_only.zig");
}
