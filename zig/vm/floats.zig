//! Floats of decimals and decimals of floats, by one product with a power of ten of 64 bits; what
//! that can't decide is done exactly (numerals.zig, format.zig).

const std = @import("std");
const limits = @import("limits.zig");

// numerals.zig, which uses this file: exactly, of whatever integer.
extern fn cu_float_of_digits(integer: u64, exponent: i32) f64;
// format.zig, in library.zig
extern fn cu_format_float(text: [*]u8, format: [*:0]const u8, value: f64) c_int;

/// An integer times a power of ten.
pub const Decimal = struct { digits: u64, exponent: i32 };

/// Powers of ten below this are exact in 64 bits, less their factors of two.
const powers_exact = 28;
const power_min = -13 * powers_exact;
const power_max = 13 * powers_exact - 1;

/// The upper 64 bits of powers of ten, the first of them set.
const exact_powers = powersOf(1, 0, powers_exact);
/// Of every 28th one, rounded.
const far_powers = powersOf(powers_exact, power_min, 26);

fn powersOf(comptime step: comptime_int, comptime first: comptime_int, comptime count: comptime_int) [count]u64 {
    @setEvalBranchQuota(100_000);
    var powers: [count]u64 = undefined;
    for (&powers, 0..) |*power, i| power.* = mantissaOf(first + step * @as(comptime_int, i));
    return powers;
}

fn mantissaOf(comptime power: comptime_int) u64 {
    var value: comptime_int = 1;
    for (0..@abs(power)) |_| value *= 10;
    // One bit more than is kept, to round by.
    if (power < 0) value = (1 << 1400) / value;
    while (value >= 1 << 65) value = value >> 1 | (value & 1);
    while (value < 1 << 64) value *= 2;
    return (value + 1) >> 1;
}

/// The most that a product with a power may be too small, or too great, in its last bit.
const error_max = 6;

/// Whether a power is exact, and a product with it only cut off.
inline fn isExact(power: i32) bool {
    return power >= 0 and power < powers_exact;
}

/// The upper 64 bits of 10^power.
fn powerOf(power: i32) u64 {
    const index: u32 = @intCast(power - power_min);
    const exact = exact_powers[index % powers_exact];
    if (isExact(power)) return exact;
    const product = multiply(far_powers[index / powers_exact], exact);
    return if (product.high >> 63 != 0) product.high else product.high << 1 | product.low >> 63;
}

const Product = struct { high: u64, low: u64 };

noinline fn multiply(a: u64, b: u64) Product {
    const low_mask = 0xffff_ffff;
    const low = (a & low_mask) * (b & low_mask);
    const first = (a >> 32) * (b & low_mask) + (low >> 32);
    const second = (a & low_mask) * (b >> 32) + (first & low_mask);
    return .{ .high = (a >> 32) * (b >> 32) + (first >> 32) + (second >> 32), .low = second << 32 | (low & low_mask) };
}

/// The exponent of two that 10^power lies at or above.
inline fn binaryExponent(power: i32) i32 {
    return power * 217706 >> 16;
}

/// Powers of ten that are exact as floats.
const float_powers = blk: {
    var powers: [23]f64 = undefined;
    var power: f64 = 1;
    for (&powers) |*entry| {
        entry.* = power;
        power *= 10;
    }
    break :blk powers;
};

/// The float nearest to a decimal of up to 19 digits; of two as near the even one. Infinite where it
/// is beyond all floats.
pub fn ofDecimal(decimal: Decimal) f64 {
    const digits = decimal.digits;
    const exponent = decimal.exponent;
    if (digits == 0) return 0;
    // One correctly rounded operation (Clinger, "How to Read Floating Point Numbers Accurately", 1990).
    if (digits <= 1 << 53 and @abs(exponent) < float_powers.len) {
        const whole: f64 = @floatFromInt(digits);
        return if (exponent < 0) whole / float_powers[@abs(exponent)] else whole * float_powers[@abs(exponent)];
    }
    return near(digits, exponent) orelse cu_float_of_digits(digits, exponent);
}

/// The float nearest to all that is between a decimal and the next one of as many digits, if it is
/// the same for both.
pub fn ofBetween(decimal: Decimal) ?f64 {
    const least = near(decimal.digits, decimal.exponent) orelse return null;
    const most = near(decimal.digits + 1, decimal.exponent) orelse return null;
    return if (least == most) least else null;
}

/// The float nearest to a decimal where 64 bits can tell; null for what is beyond normal floats.
noinline fn near(digits: u64, exponent: i32) ?f64 {
    if (exponent < power_min or exponent > power_max) return null;
    const shift: u6 = @intCast(@clz(digits));
    const product = multiply(digits << shift, powerOf(exponent));
    const is_short = product.high >> 63 == 0;
    const bits = if (is_short) product.high << 1 | product.low >> 63 else product.high;
    const binary = binaryExponent(exponent) + 64 - @as(i32, shift) - @intFromBool(is_short);
    if (binary >= std.math.floatExponentMax(f64)) return null;
    // Numbers below the least normal one have fewer bits.
    const exponent_min = std.math.floatExponentMin(f64);
    const missing: u32 = @intCast(@max(exponent_min - binary, 0));
    if (missing > 52) return null;
    // What is dropped, against half of what is kept.
    const dropped_bits: u6 = @intCast(11 + missing);
    const half = @as(i64, 1) << (dropped_bits - 1);
    const dropped: i64 = @intCast(bits & (@as(u64, 1) << dropped_bits) - 1);
    if (@abs(dropped - half) <= @as(u32, if (isExact(exponent)) 0 else error_max)) return null;
    const kept = (bits >> dropped_bits) + @intFromBool(dropped > half);
    // A carry goes into the exponent, as does the first bit of a normal number.
    const biased: u64 = @intCast(@max(binary - exponent_min, 0));
    return @bitCast((biased << 52) + kept);
}

/// The shortest decimal that reads back as a positive, finite float, and of those the nearest.
pub fn toDecimal(float: f64) Decimal {
    inline for (.{ 3, 6 }) |places| if (ofPlaces(float, places)) |decimal| return decimal;
    const bits: u64 = @bitCast(float);
    const biased: i32 = @intCast(bits >> 52);
    if (biased == 0) return search(float, 1);
    const binary = biased - 1023;
    const mantissa = (bits << 11) | 1 << 63;
    // 17 digits before the point, perhaps 18 at first.
    var exponent = 16 - (binary * 78913 >> 18); // 78913/2^18 is a little more than log10(2)
    var scaled = scale(mantissa, binary, exponent);
    if (scaled.whole >= 100_000_000_000_000_000) {
        exponent -= 1;
        scaled = scale(mantissa, binary, exponent);
    }
    // A decimal of 15 digits is the only one of so many that reads back as its float.
    const short = Decimal{ .digits = (scaled.whole + 50) / 100, .exponent = 2 - exponent };
    if (ofDecimal(short) == float) return trimmed(short);
    if (scaled.isNear(5)) return search(float, 16);
    const nearest = Decimal{ .digits = (scaled.whole + 5) / 10, .exponent = 1 - exponent };
    if (ofDecimal(nearest) == float) return nearest;
    // Above a power of two the next float is farther than below it, and a decimal there may do.
    const above = Decimal{ .digits = scaled.whole / 10 + 1, .exponent = 1 - exponent };
    if (bits << 12 == 0 and ofDecimal(above) == float) return above;
    if (scaled.isNear(null)) return search(float, 17);
    return .{ .digits = scaled.whole + (scaled.fraction >> (scaled.fraction_bits - 1)), .exponent = -exponent };
}

/// The decimal of up to 15 digits, so many of them behind the point, that reads back as a float: most
/// numbers that people write are such. What makes it a decimal and back is rounded rightly, as ever.
inline fn ofPlaces(float: f64, comptime places: u32) ?Decimal {
    const digits_max = 1e15;
    const whole = @trunc(float * float_powers[places] + 0.5);
    if (whole >= digits_max or whole / float_powers[places] != float) return null;
    var decimal = Decimal{ .digits = @intFromFloat(whole), .exponent = -@as(i32, places) };
    while (decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.exponent += 1;
    }
    return decimal;
}

/// A float times a power of ten: its whole part, and the bits after the point.
const Scaled = struct {
    whole: u64,
    fraction: u64,
    fraction_bits: u6,
    error_max: u32,

    /// Whether it may be on either side of a last digit without a fraction; or, of any digit and
    /// a half.
    fn isNear(scaled: Scaled, digit: ?u64) bool {
        const one = @as(i64, 1) << scaled.fraction_bits;
        const place: i64 = @intCast(if (digit == null) scaled.fraction else (scaled.whole % 10) << scaled.fraction_bits | scaled.fraction);
        const middle = if (digit) |number| one * @as(i64, @intCast(number)) else one >> 1;
        return @abs(place - middle) <= scaled.error_max;
    }
};

fn scale(mantissa: u64, binary: i32, exponent: i32) Scaled {
    const bits = multiply(mantissa, powerOf(exponent)).high;
    const fraction_bits: u6 = @intCast(62 - binary - binaryExponent(exponent));
    return .{
        .whole = bits >> fraction_bits,
        .fraction = bits & (@as(u64, 1) << fraction_bits) - 1,
        .fraction_bits = fraction_bits,
        .error_max = if (isExact(exponent)) 0 else error_max / 2,
    };
}

fn trimmed(given: Decimal) Decimal {
    var decimal = given;
    while (decimal.digits % 10_000 == 0) {
        decimal.digits /= 10_000;
        decimal.exponent += 4;
    }
    while (decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.exponent += 1;
    }
    return decimal;
}

/// What that costs, in steps.
const search_steps = 64;

/// The same by exact digits, so many at least.
noinline fn search(float: f64, digits_min: u8) Decimal {
    limits.owe(search_steps);
    var least = digits_min;
    var most: u8 = 17;
    while (least < most) {
        const middle = (least + most) / 2;
        if (ofLength(float, middle) != null) most = middle else least = middle + 1;
    }
    return trimmed(ofLength(float, most).?);
}

/// The decimal of so many digits that reads back as a float.
fn ofLength(float: f64, count: u8) ?Decimal {
    var text: [32]u8 = undefined;
    const format = [_:0]u8{ '%', '.', '0' + (count - 1) / 10, '0' + (count - 1) % 10, 'e' };
    _ = cu_format_float(&text, &format, float);
    var decimal = read(&text);
    if (ofDecimal(decimal) == float) return decimal;
    // Above a power of two the next float is farther than below it.
    decimal.digits += 1;
    return if (@as(u64, @bitCast(float)) << 12 == 0 and ofDecimal(decimal) == float) decimal else null;
}

/// A decimal as `%e` writes it.
fn read(text: [*]const u8) Decimal {
    var decimal = Decimal{ .digits = 0, .exponent = 0 };
    var at: u32 = 0;
    var after_point: i32 = 0;
    var has_point = false;
    while (text[at] != 'e') : (at += 1) {
        if (text[at] == '.') {
            has_point = true;
            continue;
        }
        decimal.digits = decimal.digits * 10 + (text[at] - '0');
        after_point += @intFromBool(has_point);
    }
    const is_negative = text[at + 1] == '-';
    at += 2;
    while (std.ascii.isDigit(text[at])) : (at += 1) decimal.exponent = decimal.exponent * 10 + (text[at] - '0');
    if (is_negative) decimal.exponent = -decimal.exponent;
    decimal.exponent -= after_point;
    return decimal;
}
