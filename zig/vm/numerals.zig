//! Numerals to numbers, and the remainder of floats.

const std = @import("std");
const floats = @import("floats.zig");
const limits = @import("limits.zig");
const lua = @import("lua.zig");

extern fn fmod(a: f64, b: f64) f64;
// format.zig, in library.zig
extern fn cu_write_decimal(text: [*]u8, number: u64, length_min: u32) u32;

/// As fmod, which divides bit by bit: 15 us for 1e308 and 1e-308, and little where the
/// quotient has few bits.
pub export fn cu_fmod(L: ?*lua.State, a: f64, b: f64) callconv(.c) f64 {
    const quotient_max = 1e15;
    const steps = 512;
    if (!(@abs(a) < @abs(b) * quotient_max)) limits.steps(L, steps);
    return fmod(a, b);
}

/// In place of lobject.c's: C's strtod works in long doubles, which are software on wasm,
/// and takes a numeral of any length in one go. Answers the size of the text, its 0
/// included, or 0 where it is no numeral.
pub export fn luaO_str2num(text: [*:0]const u8, result: *lua.Value) callconv(.c) usize {
    const size = readShort(text, result);
    return if (size > 0) size else readAny(text, result);
}

/// The same where there is nothing but a few digits, perhaps with a point, as in most numerals: they are a
/// whole number that is exact, and so is the power of 10 by which it is divided, which rounds once.
inline fn readShort(text: [*:0]const u8, result: *lua.Value) usize {
    var length: usize = 0;
    var value: i64 = 0;
    var count: usize = 0;
    var point: ?usize = null;
    while (count <= short_digits_max) : (length += 1) {
        const char = text[length];
        if (std.ascii.isDigit(char)) {
            value = value * 10 + (char - '0');
            count += 1;
        } else if (char == '.' and point == null) point = count else break;
    }
    if (count == 0 or count > short_digits_max or text[length] != 0) return 0;
    result.* = if (point) |before| lua.float(@as(f64, @floatFromInt(value)) / powers[count - before]) else lua.integer(value);
    return length + 1;
}

/// Of which none is beyond 2^53.
const short_digits_max = 15;

const powers = blk: {
    var all: [short_digits_max + 1]f64 = .{1} ** (short_digits_max + 1);
    for (1..all.len) |i| all[i] = all[i - 1] * 10;
    break :blk all;
};

noinline fn readAny(text: [*:0]const u8, result: *lua.Value) usize {
    var numeral = Numeral{ .at = text };
    if (!numeral.read()) return 0;
    const magnitude: u64 = if (numeral.negative) 0 -% numeral.wrapped else numeral.wrapped;
    result.* = if (numeral.isInteger()) lua.integer(@bitCast(magnitude)) else lua.float(numeral.toFloat());
    return @intFromPtr(numeral.at) - @intFromPtr(text) + 1;
}

/// Digits that are kept: enough to round as all of them would, as no float64 and no middle
/// of two has more than 767. One that isn't 0 beyond them makes the value a little greater.
const digits_kept = 800;

const Numeral = struct {
    at: [*:0]const u8,
    negative: bool = false,
    base: u8 = 10,
    /// Significant ones, from the first that isn't 0; 0 to 15.
    digits: [digits_kept]u8 = undefined,
    count: u32 = 0,
    has_digits: bool = false,
    /// Some that were not kept were not 0.
    has_more: bool = false,
    is_float: bool = false,
    /// The value is that of the digits kept, times the base to this power,
    scale: i64 = 0,
    /// and 10, or for hexadecimal numerals 2, to this one.
    exponent: i64 = 0,
    /// All digits, modulo 2^64.
    wrapped: u64 = 0,

    fn read(numeral: *Numeral) bool {
        numeral.skipSpaces();
        if (!numeral.readNumber()) return false;
        numeral.skipSpaces();
        return numeral.at[0] == 0;
    }

    /// In one function, so that its parts aren't called.
    noinline fn readNumber(numeral: *Numeral) bool {
        numeral.negative = numeral.at[0] == '-';
        if (numeral.negative or numeral.at[0] == '+') numeral.at += 1;
        if (numeral.at[0] == '0' and numeral.at[1] | 0x20 == 'x') {
            numeral.at += 2;
            numeral.base = 16;
        }
        numeral.readDigits();
        return numeral.has_digits and numeral.readExponent();
    }

    /// The next byte; a text may be of any length.
    inline fn next(numeral: *Numeral) void {
        numeral.at += 1;
        if (@intFromPtr(numeral.at) % 8 == 0) limits.step();
    }

    noinline fn skipSpaces(numeral: *Numeral) void {
        while (std.ascii.isWhitespace(numeral.at[0])) numeral.next();
    }

    fn readDigits(numeral: *Numeral) void {
        while (true) : (numeral.next()) {
            if (numeral.at[0] == '.' and !numeral.is_float) {
                numeral.is_float = true;
                continue;
            }
            const digit = digitOf(numeral.at[0]);
            if (digit >= numeral.base) return;
            numeral.has_digits = true;
            numeral.wrapped = numeral.wrapped *% numeral.base +% digit;
            const is_kept = numeral.count < digits_kept and (numeral.count > 0 or digit != 0);
            if (is_kept) {
                numeral.digits[numeral.count] = digit;
                numeral.count += 1;
            } else if (digit != 0) numeral.has_more = true;
            if (numeral.is_float) {
                if (is_kept or numeral.count == 0) numeral.scale -= 1;
            } else if (!is_kept and numeral.count > 0) numeral.scale += 1;
        }
    }

    /// False where one begins and isn't there.
    fn readExponent(numeral: *Numeral) bool {
        const letter: u8 = if (numeral.base == 16) 'p' else 'e';
        if (numeral.at[0] | 0x20 != letter) return true;
        numeral.is_float = true;
        numeral.next();
        const negative = numeral.at[0] == '-';
        if (negative or numeral.at[0] == '+') numeral.next();
        if (!std.ascii.isDigit(numeral.at[0])) return false;
        while (std.ascii.isDigit(numeral.at[0])) : (numeral.next()) {
            const exponent_bound = 1 << 40; // more than there can be digits to make up for
            numeral.exponent = @min(numeral.exponent * 10 + (numeral.at[0] - '0'), exponent_bound);
        }
        if (negative) numeral.exponent = -numeral.exponent;
        return true;
    }

    /// Hexadecimal ones wrap around, as in Lua; decimal ones beyond int64 are floats.
    fn isInteger(numeral: *const Numeral) bool {
        if (numeral.is_float) return false;
        if (numeral.base == 16) return true;
        const digits_safe = 18;
        const digits_max = 19; // of which none is beyond 2^64
        const magnitude_max = @as(u64, std.math.maxInt(i64)) + @intFromBool(numeral.negative);
        return numeral.count <= digits_safe or numeral.count == digits_max and numeral.wrapped <= magnitude_max;
    }

    fn toFloat(numeral: *const Numeral) f64 {
        const magnitude = if (numeral.base == 16) numeral.ofHexadecimal() else numeral.ofDecimal();
        return if (numeral.negative) -magnitude else magnitude;
    }

    fn ofHexadecimal(numeral: *const Numeral) f64 {
        const digits_taken = @min(numeral.count, @bitSizeOf(u64) / 4);
        var bits: u64 = 0;
        for (numeral.digits[0..digits_taken]) |digit| bits = bits << 4 | digit;
        var has_more = numeral.has_more;
        for (numeral.digits[digits_taken..numeral.count]) |digit| has_more = has_more or digit != 0;
        const scale = numeral.scale + (numeral.count - digits_taken);
        return round(bits, scale * 4 + numeral.exponent, has_more);
    }

    fn ofDecimal(numeral: *const Numeral) f64 {
        const scale = numeral.scale + numeral.exponent;
        const is_short = numeral.count <= 19 and !numeral.has_more and @abs(scale) < exponent_short_max;
        if (is_short) return floats.ofDecimal(.{ .digits = numeral.wrapped, .exponent = @intCast(scale) });
        const digits_taken = 19;
        if (numeral.count > digits_taken and @abs(scale) < exponent_short_max) {
            var first: u64 = 0;
            for (numeral.digits[0..digits_taken]) |digit| first = first * 10 + digit;
            const exponent: i32 = @intCast(scale + numeral.count - digits_taken);
            if (floats.ofBetween(.{ .digits = first, .exponent = exponent })) |float| return float;
        }
        return ofPlaces(numeral.digits[0..numeral.count], scale, numeral.has_more);
    }
};

inline fn digitOf(byte: u8) u8 {
    const decimal = byte -% '0';
    if (decimal < 10) return decimal;
    const letter = (byte | 0x20) -% 'a';
    return if (letter < 6) letter + 10 else 0xff;
}

/// Of numerals that are short.
const exponent_short_max = 1000;

/// The float of a numeral in decimal that stands in a longer text, and is well-formed.
pub fn ofText(text: [*]const u8) f64 {
    var numeral = Numeral{ .at = @ptrCast(text) };
    _ = numeral.readNumber();
    return numeral.toFloat();
}

/// The float of an integer times a power of ten, exactly rounded.
pub export fn cu_float_of_digits(integer: u64, exponent: i32) callconv(.c) f64 {
    var text: [20]u8 = undefined;
    const length = cu_write_decimal(&text, integer, 1);
    for (text[0..length]) |*digit| digit.* -= '0';
    return ofPlaces(text[0..length], exponent, false);
}

/// The float of digits times a power of ten.
fn ofPlaces(digits: []const u8, scale: i64, has_more: bool) f64 {
    // The first digit's place: beyond, all are 0 or infinite.
    const place = @as(i64, @intCast(digits.len)) + scale;
    if (digits.len == 0 or place < -330) return 0;
    if (place > 310) return std.math.inf(f64);
    return divide(digits, @intCast(scale), has_more);
}

/// Digits times a power of ten, by long division of one large integer by another: bit by
/// bit, as it is seldom needed.
fn divide(digits: []const u8, scale: i32, has_more: bool) f64 {
    var numerator = Integer{};
    var denominator = Integer{};
    for (digits) |digit| numerator.multiplyAdd(10, digit);
    denominator.multiplyAdd(1, 1);
    const scaled = if (scale < 0) &denominator else &numerator;
    for (0..@abs(scale)) |_| scaled.multiplyAdd(10, 0);
    const shift = @as(i32, @intCast(denominator.bitCount())) - @as(i32, @intCast(numerator.bitCount()));
    if (shift > 0) numerator.shiftLeft(@intCast(shift)) else denominator.shiftLeft(@intCast(-shift));
    // Now the quotient is between 1/2 and 2.
    limits.owe((numerator.count + denominator.count) * 4);
    var quotient: u64 = 0;
    for (0..@bitSizeOf(u64)) |_| {
        quotient <<= 1;
        if (!numerator.isLess(&denominator)) {
            numerator.subtract(&denominator);
            quotient |= 1;
        }
        numerator.shiftLeft(1);
    }
    return round(quotient, -(@bitSizeOf(u64) - 1) - shift, has_more or numerator.bitCount() > 0);
}

/// The float nearest to an integer times a power of two, of two as near the even one.
fn round(integer: u64, power: i64, has_more: bool) f64 {
    if (integer == 0) return 0;
    const leading = @clz(integer);
    const bits = integer << @intCast(leading);
    // The value is 1.xxx times two to this.
    const exponent = power - leading + 63;
    if (exponent > std.math.floatExponentMax(f64)) return std.math.inf(f64);
    const exponent_min = std.math.floatExponentMin(f64);
    const missing = if (exponent < exponent_min) exponent_min - exponent else 0;
    const dropped = 64 - 53 + missing;
    if (dropped > 64) return 0;
    const kept: u64 = if (dropped == 64) 0 else bits >> @intCast(dropped);
    const rest = if (dropped == 64) bits else bits & (@as(u64, 1) << @intCast(dropped)) - 1;
    const half = @as(u64, 1) << @intCast(dropped - 1);
    const is_up = rest > half or rest == half and (has_more or kept & 1 == 1);
    // A carry goes into the exponent, as it should.
    const biased: u64 = if (missing > 0) 0 else @intCast(exponent - exponent_min);
    return @bitCast((biased << 52) + kept + @intFromBool(is_up));
}

/// An unsigned integer of up to 5,120 bits: 10^1130, the largest denominator, has 3,754, and
/// a numerator is shifted to as many.
const Integer = struct {
    const limbs_max = 160;

    limbs: [limbs_max]u32 = @splat(0),
    /// Above, all are 0.
    count: u32 = 0,

    noinline fn multiplyAdd(integer: *Integer, factor: u32, addend: u32) void {
        var carry: u64 = addend;
        for (integer.limbs[0..integer.count]) |*limb| {
            carry += @as(u64, limb.*) * factor;
            limb.* = @truncate(carry);
            carry >>= 32;
        }
        if (carry == 0) return;
        integer.limbs[integer.count] = @intCast(carry);
        integer.count += 1;
    }

    fn bitCount(integer: *const Integer) u32 {
        if (integer.count == 0) return 0;
        return integer.count * 32 - @clz(integer.limbs[integer.count - 1]);
    }

    noinline fn shiftLeft(integer: *Integer, bits: u32) void {
        const whole = bits / 32;
        const part: u5 = @intCast(bits % 32);
        integer.count += whole + 1;
        var index = integer.count;
        while (index > 0) {
            index -= 1;
            const high = if (index >= whole) integer.limbs[index - whole] else 0;
            const low = if (index > whole) integer.limbs[index - whole - 1] else 0;
            integer.limbs[index] = @truncate((@as(u64, high) << 32 | low) << part >> 32);
        }
        integer.trim();
    }

    noinline fn isLess(integer: *const Integer, other: *const Integer) bool {
        if (integer.count != other.count) return integer.count < other.count;
        var index = integer.count;
        while (index > 0) {
            index -= 1;
            if (integer.limbs[index] != other.limbs[index]) return integer.limbs[index] < other.limbs[index];
        }
        return false;
    }

    /// Of one that isn't less.
    noinline fn subtract(integer: *Integer, other: *const Integer) void {
        var borrow: u1 = 0;
        for (integer.limbs[0..integer.count], other.limbs[0..integer.count]) |*limb, taken| {
            const first = @subWithOverflow(limb.*, taken);
            const second = @subWithOverflow(first[0], @as(u32, borrow));
            limb.* = second[0];
            borrow = first[1] | second[1];
        }
        integer.trim();
    }

    fn trim(integer: *Integer) void {
        while (integer.count > 0 and integer.limbs[integer.count - 1] == 0) integer.count -= 1;
    }
};
