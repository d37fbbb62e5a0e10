//! Text in a fixed buffer.

const format = @import("format.zig");

pub const Text = struct {
    buffer: []u8,
    length: usize = 0,

    /// Adds bytes as they are; what doesn't fit is cut.
    pub noinline fn add(text: *Text, bytes: []const u8) void {
        const room = text.buffer[text.length..];
        const length = @min(bytes.len, room.len);
        @memcpy(room[0..length], bytes[0..length]);
        text.length += length;
    }

    /// Adds an integer in decimal; what doesn't fit is cut.
    pub noinline fn addInteger(text: *Text, integer: i64) void {
        var digits: [format.integer_max]u8 = undefined;
        text.add(digits[0..format.writeInteger(&digits, integer)]);
    }

    /// Adds a number in decimal, with zeros before it if it is shorter; what doesn't fit is cut.
    pub noinline fn addPadded(text: *Text, number: u64, length_min: u32) void {
        var digits: [format.integer_max]u8 = undefined;
        text.add(digits[0..format.writeDecimal(&digits, number, length_min)]);
    }

    pub fn written(text: *const Text) []const u8 {
        return text.buffer[0..text.length];
    }
};
