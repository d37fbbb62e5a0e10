//! Text to float, and the remainder of floats.

const std = @import("std");
const limits = @import("limits.zig");
const lua = @import("lua.zig");
const Text = @import("text.zig").Text;
const c = lua.c;

extern fn fmod(a: f64, b: f64) f64;

/// As fmod, which divides bit by bit: 15 us for 1e308 and 1e-308, and little where the
/// quotient has few bits.
pub export fn cu_fmod(L: ?*lua.State, a: f64, b: f64) callconv(.c) f64 {
    const quotient_max = 1e15;
    const steps = 512;
    if (!(@abs(a) < @abs(b) * quotient_max)) limits.steps(L, steps);
    return fmod(a, b);
}

extern fn strtod(text: [*:0]const u8, end: ?*[*:0]const u8) f64;

/// Powers of ten that are exact as f64.
const powers_of_ten = blk: {
    var powers: [23]f64 = undefined;
    var power: f64 = 1;
    for (&powers) |*entry| {
        entry.* = power;
        power *= 10;
    }
    break :blk powers;
};

/// What strtod takes at most, but for one step more for each digit: 6 us for the least number.
const strtod_steps = 128;
const strtod_short_steps = 8;

/// As strtod. Digits that make an integer below 2^53, times or over an exact power of
/// ten, take one correctly rounded operation (Clinger, "How to Read Floating Point
/// Numbers Accurately", 1990); all else goes to strtod.
pub export fn cu_str2number(text: [*:0]const u8, end: *[*:0]const u8) callconv(.c) f64 {
    const mantissa_max = 1 << 53;
    var at = text;
    while (at[0] == ' ') at += 1;
    const negative = at[0] == '-';
    if (negative or at[0] == '+') at += 1;
    if (at[0] == '0' and at[1] | 0x20 == 'x') {
        limits.spend(64 * strtod_steps);
        return strtod(text, end);
    }
    var mantissa: u64 = 0;
    var digits: u32 = 0;
    var decimals: u32 = 0;
    var after_point = false;
    while (true) : (at += 1) {
        if (at[0] == '.' and !after_point) {
            after_point = true;
            continue;
        }
        const digit = at[0] -% '0';
        if (digit > 9) break;
        mantissa = mantissa *% 10 +% digit;
        digits += 1;
        decimals += @intFromBool(after_point);
    }
    const is_short = digits > 0 and digits <= 18 and mantissa <= mantissa_max and decimals < powers_of_ten.len;
    if (!is_short or at[0] | 0x20 == 'e') {
        const has_exponent = at[0] | 0x20 == 'e';
        limits.spend(64 * (digits + @as(u32, if (has_exponent) strtod_steps else strtod_short_steps)));
        return strtod(text, end);
    }
    end.* = at;
    const magnitude = @as(f64, @floatFromInt(mantissa)) / powers_of_ten[decimals];
    return if (negative) -magnitude else magnitude;
}

/// Digits that are kept of a long numeral, and one that says whether others were not 0:
/// enough to round as all of them would (767 are needed at most for a float64).
const digits_kept = 800;
/// Beyond, any number with so many digits is 0 or infinite.
const exponent_max = 99_999;

/// A numeral of any length as a short one of the same value and kind, so that reading it
/// takes no longer than its digits do here, in steps. Answers how many bytes of the text
/// it took; 0 where that is no numeral.
pub export fn cu_shorten(text: [*:0]const u8, shorter: *[c.CU_NUMERAL]u8) callconv(.c) usize {
    var input = Numeral{ .at = text };
    input.skipSpaces();
    const negative = input.at[0] == '-';
    if (negative or input.at[0] == '+') input.at += 1;
    const is_hex = input.at[0] == '0' and input.at[1] | 0x20 == 'x';
    if (is_hex) input.at += 2;
    input.readDigits(if (is_hex) 16 else 10);
    if (!input.has_digits or !input.readExponent(if (is_hex) 'p' else 'e')) return 0;
    input.skipSpaces();
    if (input.at[0] != 0) return 0;
    input.write(shorter, negative, is_hex);
    return @intFromPtr(input.at) - @intFromPtr(text);
}

const Numeral = struct {
    at: [*:0]const u8,
    digits: [digits_kept]u8 = undefined,
    count: usize = 0,
    has_digits: bool = false,
    /// Some that were not kept were not 0.
    has_more: bool = false,
    is_float: bool = false,
    /// The value is that of the digits kept, times the base to this power.
    scale: i64 = 0,
    /// What was written as an exponent.
    exponent: i64 = 0,
    /// All digits, modulo 2^64: what a hexadecimal integer is.
    wrapped: u64 = 0,

    noinline fn next(input: *Numeral) void {
        input.at += 1;
        if (@intFromPtr(input.at) % 8 == 0) limits.step();
    }

    noinline fn skipSpaces(input: *Numeral) void {
        while (std.ascii.isWhitespace(input.at[0])) input.next();
    }

    fn readDigits(input: *Numeral, base: u8) void {
        while (true) : (input.next()) {
            if (input.at[0] == '.' and !input.is_float) {
                input.is_float = true;
                continue;
            }
            const digit = std.fmt.charToDigit(input.at[0], base) catch return;
            input.has_digits = true;
            input.wrapped = input.wrapped *% base +% digit;
            const is_kept = input.count < digits_kept and (input.count > 0 or digit != 0);
            if (is_kept) {
                input.digits[input.count] = input.at[0];
                input.count += 1;
            } else if (digit != 0) input.has_more = true;
            if (input.is_float and (is_kept or input.count == 0)) input.scale -= 1;
            if (!input.is_float and !is_kept and input.count > 0) input.scale += 1;
        }
    }

    /// False where one begins and isn't there.
    fn readExponent(input: *Numeral, letter: u8) bool {
        if (input.at[0] | 0x20 != letter) return true;
        input.is_float = true;
        input.next();
        const negative = input.at[0] == '-';
        if (negative or input.at[0] == '+') input.next();
        if (!std.ascii.isDigit(input.at[0])) return false;
        while (std.ascii.isDigit(input.at[0])) : (input.next()) {
            const exponent_bound = 1 << 40; // more than there can be digits to make up for it
            input.exponent = @min(input.exponent * 10 + (input.at[0] - '0'), exponent_bound);
        }
        if (negative) input.exponent = -input.exponent;
        return true;
    }

    fn write(input: *const Numeral, shorter: []u8, negative: bool, is_hex: bool) void {
        var text = Text{ .buffer = shorter };
        if (negative) text.add("-");
        if (is_hex) text.add("0x");
        if (is_hex and !input.is_float) return text.print("%llx", .{input.wrapped});
        text.add(if (input.count == 0) "0" else input.digits[0..input.count]);
        if (input.has_more) text.add("1");
        if (!input.is_float and input.scale == 0) return;
        const scale = (input.scale - @intFromBool(input.has_more)) * @as(i64, if (is_hex) 4 else 1);
        const exponent = std.math.clamp(scale + input.exponent, -exponent_max, exponent_max);
        text.print(if (is_hex) "p%lld" else "e%lld", .{exponent});
    }
};
