//! C's clocks, from the host (lua_config.h).

const std = @import("std");

/// Milliseconds since 1970.
extern "cu" fn wall_clock_ms() f64;
/// Milliseconds since some moment, never going back.
extern "cu" fn monotonic_ms() f64;

export fn cu_time(result: ?*i64) callconv(.c) i64 {
    const seconds = std.math.lossyCast(i64, @floor(wall_clock_ms() / 1000));
    if (result) |target| target.* = seconds;
    return seconds;
}

/// In wasi-libc's CLOCKS_PER_SEC: nanoseconds.
export fn cu_clock() callconv(.c) i64 {
    // A unit's `now` may answer anything.
    return std.math.lossyCast(i64, monotonic_ms() * 1e6);
}
