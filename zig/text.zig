//! Text in a fixed buffer, by C's snprintf, which Lua has for its own numbers.

const c = @import("lua.zig").c;

pub const Text = struct {
    buffer: []u8,
    length: usize = 0,

    /// Adds text; what doesn't fit is cut.
    pub fn print(text: *Text, format: [*:0]const u8, arguments: anytype) void {
        const room = text.buffer.len - text.length;
        const wanted = @call(.auto, c.snprintf, .{ text.buffer.ptr + text.length, room, format } ++ arguments);
        text.length += @min(@as(usize, @intCast(@max(wanted, 0))), room - 1);
    }

    /// Adds bytes as they are.
    pub fn add(text: *Text, bytes: []const u8) void {
        text.print("%.*s", .{ @as(c_int, @intCast(bytes.len)), bytes.ptr });
    }

    pub fn written(text: *const Text) []const u8 {
        return text.buffer[0..text.length];
    }
};
