//! Text in a fixed buffer.

const c = @import("lua.zig").c;

/// format.zig's, which only one of the two objects has (library.zig).
extern fn cu_write_integer(text: [*]u8, integer: i64) u32;
extern fn cu_write_decimal(text: [*]u8, number: u64, length_min: u32) u32;

/// Characters of an integer.
pub const integer_max = 20;

/// An integer in decimal, in room for it.
pub fn textOfInteger(room: *[integer_max]u8, integer: i64) []const u8 {
    return room[0..cu_write_integer(room, integer)];
}

/// As std.mem.eql and std.mem.indexOfScalar, in little code.
pub fn isEqual(a: []const u8, b: []const u8) bool {
    return a.len == b.len and c.cu_compare(a.ptr, b.ptr, a.len) == 0;
}

pub fn indexOf(text: []const u8, byte: u8) ?usize {
    const found = c.memchr(text.ptr, byte, text.len) orelse return null;
    return @intFromPtr(found) - @intFromPtr(text.ptr);
}

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
        if (integer < 0) text.add("-");
        text.addPadded(@abs(integer), 1);
    }

    /// Adds a number in decimal, with zeros before it if it is shorter; what doesn't fit is cut.
    pub noinline fn addPadded(text: *Text, number: u64, length_min: u32) void {
        var digits: [integer_max]u8 = undefined;
        text.add(digits[0..cu_write_decimal(&digits, number, length_min)]);
    }

    pub fn written(text: *const Text) []const u8 {
        return text.buffer[0..text.length];
    }
};
