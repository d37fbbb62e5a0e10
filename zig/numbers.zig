//! Text to float, for the usual short decimals.

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

/// As strtod. Digits that make an integer below 2^53, times or over an exact power of
/// ten, take one correctly rounded operation (Clinger, "How to Read Floating Point
/// Numbers Accurately", 1990); all else goes to strtod.
pub export fn cu_str2number(text: [*:0]const u8, end: *[*:0]const u8) callconv(.c) f64 {
    const mantissa_max = 1 << 53;
    var at = text;
    while (at[0] == ' ') at += 1;
    const negative = at[0] == '-';
    if (negative or at[0] == '+') at += 1;
    if (at[0] == '0' and at[1] | 0x20 == 'x') return strtod(text, end);
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
    if (!is_short or at[0] | 0x20 == 'e') return strtod(text, end);
    end.* = at;
    const magnitude = @as(f64, @floatFromInt(mantissa)) / powers_of_ten[decimals];
    return if (negative) -magnitude else magnitude;
}
