//! cosh, sinh and tanh, which Lua 5.3 had: to a few units in the last place.

const std = @import("std");

extern fn exp(x: f64) f64;

/// Half of e^|x|, by its root, as e^|x| may be infinite where this isn't.
fn halfPower(x: f64) f64 {
    const root = exp(@abs(x) * 0.5);
    return root * 0.5 * root;
}

pub export fn cu_cosh(x: f64) callconv(.c) f64 {
    const half = halfPower(x);
    return half + 0.25 / half;
}

pub export fn cu_sinh(x: f64) callconv(.c) f64 {
    if (@abs(x) < 1) {
        // Taylor's series, as the difference of e^x and e^-x would lose digits.
        const terms = 10;
        var term = x;
        var sum = x;
        var n: f64 = 2;
        while (n < 2 * terms) : (n += 2) {
            term *= x * x / (n * (n + 1));
            sum += term;
        }
        return sum;
    }
    const half = halfPower(x);
    return std.math.copysign(half - 0.25 / half, x);
}

pub export fn cu_tanh(x: f64) callconv(.c) f64 {
    if (@abs(x) < 1) return cu_sinh(x) / cu_cosh(x);
    return std.math.copysign(1 - 2 / (exp(@abs(x) * 2) + 1), x);
}
