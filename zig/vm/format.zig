//! Numbers as text, as C's printf writes them: exactly rounded, of two as near the even one.
//! C's own works in long doubles, which are software on wasm, and takes 16 KB.

const std = @import("std");
const assert = @import("assert.zig").assert;
const pay = @import("pay.zig");
const lua = @import("lua.zig");

/// One conversion of a format, such as `%-08.3f`. Lua's library has checked it: a width and a
/// precision have two digits at most.
const Spec = struct {
    is_left: bool = false,
    has_zeros: bool = false,
    has_alternate: bool = false,
    /// What stands before a number that isn't negative, or 0.
    plus: u8 = 0,
    width: u32 = 0,
    precision: ?u32 = null,
    /// In lower case.
    conversion: u8 = 0,
    /// 0x20 where letters are in lower case, else 0.
    case: u8 = 0,

    /// Of a whole format: what stands before its only conversion is written.
    fn read(output: *Output, format: [*:0]const u8) Spec {
        var spec = Spec{};
        var at = format;
        while (at[0] != '%') : (at += 1) output.add(at[0]);
        at += 1;
        while (true) : (at += 1) switch (at[0]) {
            '-' => spec.is_left = true,
            '0' => spec.has_zeros = true,
            '#' => spec.has_alternate = true,
            '+' => spec.plus = '+',
            ' ' => spec.plus |= ' ', // which '+' has, too
            else => break,
        };
        spec.width = readNumber(&at);
        if (at[0] == '.') {
            at += 1;
            spec.precision = readNumber(&at);
        }
        while (at[0] == 'l') at += 1;
        spec.conversion = at[0] | 0x20;
        spec.case = at[0] & 0x20;
        assert(at[1] == 0);
        return spec;
    }

    noinline fn readNumber(at: *[*:0]const u8) u32 {
        var number: u32 = 0;
        while (std.ascii.isDigit(at.*[0])) : (at.* += 1) number = number * 10 + at.*[0] - '0';
        return number;
    }

    fn isHexadecimal(spec: *const Spec) bool {
        return spec.conversion == 'x' or spec.conversion == 'a';
    }
};

/// A text that is written where there is room for it.
const Output = struct {
    text: [*]u8,
    length: u32 = 0,

    inline fn add(output: *Output, byte: u8) void {
        output.text[output.length] = byte;
        output.length += 1;
    }

    fn addSign(output: *Output, is_negative: bool, plus: u8) void {
        const sign = if (is_negative) '-' else plus;
        if (sign != 0) output.add(sign);
    }

    noinline fn addBase(output: *Output, case: u8) void {
        output.add('0');
        output.add('X' | case);
    }

    /// A number in decimal, with zeros before it if it is shorter.
    fn addDecimal(output: *Output, number: u64, length_min: u32) void {
        output.length += cu_write_decimal(output.text + output.length, number, length_min);
    }

    /// A number in base 8 or 16.
    noinline fn addBits(output: *Output, number: u64, bits: u3, case: u8, length_min: u32) void {
        const length = @max(bitsLength(number, bits), length_min);
        var rest = number;
        var index = output.length + length;
        while (index > output.length) {
            index -= 1;
            const above = rest >> bits;
            output.text[index] = hexadecimal(@intCast(rest - (above << bits)), case);
            rest = above;
        }
        output.length += length;
    }

    /// Fills up to the width what was written from `start` on: on the right, before `digits`, or
    /// on the left.
    noinline fn finish(output: *Output, spec: *const Spec, start: u32, digits: u32) c_int {
        const width = start + spec.width;
        if (output.length < width) {
            const missing = width - output.length;
            const has_zeros = spec.has_zeros and !spec.is_left;
            const at = if (spec.is_left) output.length else if (has_zeros) digits else start;
            @memmove(output.text[at + missing .. width], output.text[at..output.length]);
            @memset(output.text[at..][0..missing], if (has_zeros) '0' else ' ');
            output.length = width;
        }
        output.text[output.length] = 0;
        return @intCast(output.length);
    }
};

/// Digits of so many bits each; none of 0.
fn bitsLength(number: u64, bits: u3) u32 {
    return (64 - @as(u32, @clz(number)) + bits - 1) / bits;
}

inline fn hexadecimal(digit: u8, case: u8) u8 {
    return if (digit < 10) '0' + digit else ('A' - 10 + digit) | case;
}

/// Answers the length of a number in decimal, none for 0; as it is written, with zeros before it.
pub export fn cu_write_decimal(text: [*]u8, number: u64, length_min: u32) callconv(.c) u32 {
    const length = @max(decimalLength(number), length_min);
    var index = length;
    var high = number;
    while (high > std.math.maxInt(u32)) : (high /= 10) {
        index -= 1;
        text[index] = '0' + @as(u8, @intCast(high % 10));
    }
    var low: u32 = @intCast(high);
    while (index >= 2) : (low /= 100) {
        index -= 2;
        const pair: u8 = @intCast(low % 100);
        text[index] = '0' + pair / 10;
        text[index + 1] = '0' + pair % 10;
    }
    if (index > 0) text[0] = '0' + @as(u8, @intCast(low));
    return length;
}

/// Digits of a number in decimal; none of 0.
fn decimalLength(number: u64) u32 {
    const bits = 64 - @as(u32, @clz(number));
    const length = bits * 1233 >> 12; // 1233/4096 is a little more than log10(2)
    return length + @intFromBool(number >= powers_of_ten[length]);
}

const powers_of_ten = blk: {
    var powers: [20]u64 = undefined;
    powers[0] = 1;
    for (powers[1..], powers[0 .. powers.len - 1]) |*power, before| power.* = before * 10;
    break :blk powers;
};

/// As `%lld`, without a 0 behind it; answers its length.
pub export fn cu_write_integer(text: [*]u8, integer: i64) callconv(.c) u32 {
    var output = Output{ .text = text };
    output.addSign(integer < 0, 0);
    output.addDecimal(@abs(integer), 1);
    return output.length;
}

/// As tostring; answers the length.
pub export fn cu_number2str(text: [*]u8, number: *const lua.Value) callconv(.c) u32 {
    if (number.tt_ == lua.tag.integer) return cu_write_integer(text, number.value_.i);
    pay.spend(64 * 64);
    var output = Output{ .text = text };
    const spec = Spec{ .conversion = 'g', .case = 0x20, .precision = 14 };
    if (addFloat(&output, &spec, number.value_.n)) {
        output.add('.');
        output.add('0');
    }
    return output.length;
}

/// snprintf with one integer: `%d`, `%i`, `%u`, `%o`, `%x`, `%X` and `%c`.
pub export fn cu_format_integer(text: [*]u8, format: [*:0]const u8, integer: i64) callconv(.c) c_int {
    var output = Output{ .text = text };
    var spec = Spec.read(&output, format);
    const start = output.length;
    if (spec.conversion == 'c') {
        output.add(@truncate(@as(u64, @bitCast(integer))));
        return output.finish(&spec, start, start);
    }
    if (spec.precision != null) spec.has_zeros = false;
    const length_min = spec.precision orelse 1;
    const number: u64 = @bitCast(integer);
    switch (spec.conversion) {
        'd', 'i' => output.addSign(integer < 0, spec.plus),
        'x' => if (spec.has_alternate and integer != 0) output.addBase(spec.case),
        else => {},
    }
    const digits = output.length;
    switch (spec.conversion) {
        'x' => output.addBits(number, 4, spec.case, length_min),
        // The alternate form begins with a 0.
        'o' => output.addBits(number, 3, 0, @max(length_min, bitsLength(number, 3) + @intFromBool(spec.has_alternate))),
        'u' => output.addDecimal(number, length_min),
        else => output.addDecimal(@abs(integer), length_min),
    }
    return output.finish(&spec, start, digits);
}

/// snprintf with one text or pointer: `%s` and `%p`.
pub export fn cu_format_text(text: [*]u8, format: [*:0]const u8, given: [*:0]const u8) callconv(.c) c_int {
    var output = Output{ .text = text };
    const spec = Spec.read(&output, format);
    const start = output.length;
    if (spec.conversion == 'p') {
        output.addBase(0x20);
        output.addBits(@intFromPtr(given), 4, 0x20, 2 * @sizeOf(usize));
    } else {
        const length_max = spec.precision orelse std.math.maxInt(u32);
        while (output.length - start < length_max) {
            const byte = given[output.length - start];
            if (byte == 0) break;
            output.add(byte);
        }
    }
    return output.finish(&spec, start, start);
}

/// snprintf with one float: `%e`, `%f`, `%g` and `%a`, in either case.
pub export fn cu_format_float(text: [*]u8, format: [*:0]const u8, float: f64) callconv(.c) c_int {
    var output = Output{ .text = text };
    var spec = Spec.read(&output, format);
    const is_finite = std.math.isFinite(float);
    if (!is_finite) spec.has_zeros = false;
    const is_signed = std.math.signbit(float) or spec.plus != 0;
    const digits = @intFromBool(is_signed) + @as(u32, if (spec.conversion == 'a' and is_finite) 2 else 0);
    _ = addFloat(&output, &spec, float);
    return output.finish(&spec, 0, digits);
}

/// Whether it could be an integer's text, too.
fn addFloat(output: *Output, spec: *const Spec, float: f64) bool {
    output.addSign(std.math.signbit(float), spec.plus);
    const magnitude = @abs(float);
    if (!std.math.isFinite(float)) {
        const name = if (magnitude == magnitude) "INF" else "NAN";
        for (name) |letter| output.add(letter | spec.case);
        return false;
    }
    if (spec.conversion == 'a') {
        addHexadecimal(output, spec, magnitude);
        return false;
    }
    var decimal = Decimal{};
    var precision = spec.precision orelse 6;
    if (spec.conversion == 'f') {
        decimal.expand(magnitude, null, precision);
        return addFixed(output, spec, &decimal, precision);
    }
    if (spec.conversion == 'e') {
        decimal.expand(magnitude, precision + 1, precision);
        return addExponential(output, spec, &decimal, precision);
    }
    precision = @max(precision, 1);
    decimal.expand(magnitude, precision, precision);
    const point = decimal.point;
    const is_fixed = point > -4 and point <= @as(i32, @intCast(precision));
    if (!spec.has_alternate) precision = decimal.significant();
    if (!is_fixed) return addExponential(output, spec, &decimal, @max(precision, 1) - 1);
    return addFixed(output, spec, &decimal, @intCast(@max(@as(i32, @intCast(precision)) - point, 0)));
}

fn addFixed(output: *Output, spec: *const Spec, decimal: *const Decimal, precision: u32) bool {
    const before = @max(decimal.point, 1);
    addDigits(output, spec, decimal, decimal.point - before, before, precision);
    return precision == 0 and !spec.has_alternate;
}

fn addExponential(output: *Output, spec: *const Spec, decimal: *const Decimal, precision: u32) bool {
    addDigits(output, spec, decimal, 0, 1, precision);
    addExponent(output, 'E' | spec.case, decimal.point - 1, 2);
    return false;
}

noinline fn addExponent(output: *Output, letter: u8, exponent: i32, length_min: u32) void {
    output.add(letter);
    output.addSign(exponent < 0, '+');
    output.addDecimal(@abs(exponent), length_min);
}

/// Digits from one on, so many of them before the point.
noinline fn addDigits(output: *Output, spec: *const Spec, decimal: *const Decimal, first: i32, before: i32, after: u32) void {
    const end = first + before;
    var index = first;
    while (index < end) : (index += 1) output.add(decimal.at(index));
    if (after > 0 or spec.has_alternate) output.add('.');
    const last = end + @as(i32, @intCast(after));
    while (index < last) : (index += 1) output.add(decimal.at(index));
}

/// The first digit is 1, or 2 where the number was rounded up to it.
noinline fn addHexadecimal(output: *Output, spec: *const Spec, magnitude: f64) void {
    const digits_max = 13; // after the point
    var parts = Parts.of(magnitude);
    var exponent: i32 = 0;
    if (parts.integer > 0) {
        const missing = @clz(parts.integer) - (64 - 53);
        parts.integer <<= @intCast(missing);
        exponent = parts.exponent - missing + 52;
    }
    const precision = spec.precision orelse digits_max - @min(@ctz(parts.integer) / 4, digits_max);
    const kept: u32 = @min(precision, digits_max);
    const unit = @as(u64, 1) << @intCast((digits_max - kept) * 4);
    const dropped = parts.integer % unit;
    const is_odd = parts.integer & unit != 0;
    if (dropped * 2 > unit or dropped * 2 == unit and is_odd) parts.integer += unit;
    parts.integer -= parts.integer % unit;
    output.addBase(spec.case);
    output.add('0' + @as(u8, @intCast(parts.integer >> 52)));
    if (precision > 0 or spec.has_alternate) output.add('.');
    // More digits than it has are zeros.
    for (0..precision) |_| {
        output.add(hexadecimal(@truncate(parts.integer >> 48 & 0xf), spec.case));
        parts.integer <<= 4;
    }
    addExponent(output, 'P' | spec.case, exponent, 1);
}

/// What a float is: an integer times a power of two.
const Parts = struct {
    integer: u64,
    exponent: i32,

    fn of(magnitude: f64) Parts {
        const bits: u64 = @bitCast(magnitude);
        const fraction = bits & (1 << 52) - 1;
        const biased: i32 = @intCast(bits >> 52);
        // Numbers below the least normal one have its exponent.
        const integer = if (biased > 0) fraction | 1 << 52 else fraction;
        return .{ .integer = integer, .exponent = @as(i32, @max(biased, 1)) - 1075 };
    }
};

/// The digits of a float in decimal, as many as are asked for.
const Decimal = struct {
    const chunk = 1_000_000_000;
    const chunk_digits = 9;
    /// 309 before the point, 99 and the rest of a chunk after it, and one of a carry.
    const digits_max = 309 + 99 + chunk_digits + 1;
    /// Of 9 digits: of the greatest float. Of 32 bits, the least fraction, 2^-1074, has 34.
    const limbs_max = 35;

    /// As text; the first isn't 0.
    digits: [digits_max]u8 = undefined,
    count: u32 = 0,
    /// Digits before the decimal point; below zero, zeros after it.
    point: i32 = 0,
    limbs: [limbs_max]u32 = undefined,

    inline fn at(decimal: *const Decimal, index: i32) u8 {
        const place: u32 = @bitCast(index); // too great where it is below 0
        return if (place < decimal.count) decimal.digits[place] else '0';
    }

    /// Digits up to the last that isn't 0.
    fn significant(decimal: *const Decimal) u32 {
        var count = decimal.count;
        while (count > 0 and decimal.digits[count - 1] == '0') count -= 1;
        return count;
    }

    /// Rounded to so many digits, or where that is null, to so many after the point.
    noinline fn expand(decimal: *Decimal, magnitude: f64, digits: ?u32, after_point: u32) void {
        const parts = Parts.of(magnitude);
        if (parts.integer == 0) {
            decimal.point = 1;
            return;
        }
        var has_more = false;
        if (parts.exponent >= 0) {
            decimal.addLarge(parts.integer, @intCast(parts.exponent));
            decimal.point = @intCast(decimal.count);
        } else {
            const bits: u32 = @intCast(-parts.exponent);
            const is_fraction = bits > 53;
            const whole = if (is_fraction) 0 else parts.integer >> @intCast(bits);
            const rest = if (is_fraction) parts.integer else parts.integer - (whole << @intCast(bits));
            decimal.addInteger(whole);
            decimal.point = @intCast(decimal.count);
            if (rest > 0) has_more = decimal.addFraction(rest, bits, digits, after_point);
        }
        const kept = if (digits) |count| @as(i32, @intCast(count)) else decimal.point + @as(i32, @intCast(after_point));
        if (kept < decimal.count) decimal.round(kept, digits == null, has_more);
    }

    /// Adds the next 9 digits; before the first digit, zeros are left out and counted.
    fn addChunk(decimal: *Decimal, number: u32) u32 {
        const length_min: u32 = if (decimal.count > 0) chunk_digits else 0;
        const length = cu_write_decimal(decimal.digits[decimal.count..].ptr, number, length_min);
        decimal.count += length;
        return chunk_digits - length;
    }

    fn addInteger(decimal: *Decimal, integer: u64) void {
        decimal.count = cu_write_decimal(&decimal.digits, integer, 0);
    }

    /// An integer times a power of two: made of limbs of 9 digits by multiplication.
    noinline fn addLarge(decimal: *Decimal, integer: u64, shift: u32) void {
        const free: u32 = 64 - 53;
        var left = shift -| free;
        var rest = integer << @intCast(@min(shift, free));
        if (left == 0) return decimal.addInteger(rest);
        var count: u32 = 0;
        while (rest > 0) : (count += 1) {
            decimal.limbs[count] = @intCast(rest % chunk);
            rest /= chunk;
        }
        while (left > 0) {
            const bits = @min(left, 32);
            left -= bits;
            var carry: u64 = 0;
            for (decimal.limbs[0..count]) |*limb| {
                carry += @as(u64, limb.*) << @intCast(bits);
                limb.* = @intCast(carry % chunk);
                carry /= chunk;
            }
            while (carry > 0) : (count += 1) {
                decimal.limbs[count] = @intCast(carry % chunk);
                carry /= chunk;
            }
        }
        while (count > 0) {
            count -= 1;
            _ = decimal.addChunk(decimal.limbs[count]);
        }
    }

    /// An integer over a power of two, by multiplication: what overflows is the next 9 digits.
    /// Goes on until there is one more than are wanted; whether more follow that aren't 0.
    noinline fn addFraction(decimal: *Decimal, integer: u64, bits: u32, digits: ?u32, after_point: u32) bool {
        const is_short = bits <= 64;
        var short = if (is_short) integer << @intCast(64 - bits) else 0;
        const limb_count = (bits + 31) / 32;
        var start: u32 = 0;
        var end: u32 = 3;
        if (!is_short) {
            const shift: u5 = @intCast(limb_count * 32 - bits);
            decimal.limbs[0] = @truncate(integer << shift);
            decimal.limbs[1] = @truncate(integer << shift >> 32);
            decimal.limbs[2] = @intCast(integer >> (63 - @as(u6, shift)) >> 1);
        }
        var after: u32 = 0;
        while (if (digits) |count| decimal.count <= count else after <= after_point) : (after += chunk_digits) {
            var carry: u64 = 0;
            if (is_short) {
                if (short == 0) return false;
                const low = (short & 0xffff_ffff) * chunk;
                const high = (short >> 32) * chunk + (low >> 32);
                short = high << 32 | (low & 0xffff_ffff);
                carry = high >> 32;
            } else {
                if (start == end) return false;
                for (decimal.limbs[start..end]) |*limb| {
                    carry += @as(u64, limb.*) * chunk;
                    limb.* = @truncate(carry);
                    carry >>= 32;
                }
                if (end < limb_count) {
                    decimal.limbs[end] = @intCast(carry);
                    end += 1;
                    carry = 0;
                }
                while (start < end and decimal.limbs[start] == 0) start += 1;
            }
            const zeros = decimal.addChunk(@intCast(carry));
            decimal.point -= @intCast(zeros);
        }
        return if (is_short) short != 0 else start < end;
    }

    /// Drops digits from one on. A carry beyond the first one makes it a 1 before zeros.
    noinline fn round(decimal: *Decimal, kept: i32, keeps_places: bool, has_more: bool) void {
        if (kept < 0) {
            decimal.count = 0;
            return;
        }
        var index: u32 = @intCast(kept);
        const dropped = decimal.digits[index..decimal.count];
        decimal.count = index;
        if (!isUp(dropped, index > 0 and decimal.digits[index - 1] & 1 == 1, has_more)) return;
        while (index > 0) {
            index -= 1;
            if (decimal.digits[index] != '9') {
                decimal.digits[index] += 1;
                return;
            }
            decimal.digits[index] = '0';
        }
        decimal.point += 1;
        if (keeps_places) {
            decimal.digits[decimal.count] = '0';
            decimal.count += 1;
        }
        decimal.digits[0] = '1';
    }

    fn isUp(dropped: []const u8, is_odd: bool, has_more: bool) bool {
        if (dropped[0] != '5') return dropped[0] > '5';
        if (is_odd or has_more) return true;
        for (dropped[1..]) |digit| if (digit != '0') return true;
        return false;
    }
};
