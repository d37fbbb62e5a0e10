//! Lua's strings are bytes; those that are valid UTF-8 are strings in JavaScript.

const std = @import("std");

const Chunk = u64;
const high_bits: Chunk = 0x8080808080808080;

pub fn isValid(bytes: []const u8) bool {
    return std.unicode.utf8ValidateSlice(bytes);
}

/// Copies and answers the length in UTF-16 code units, or null where the bytes are
/// not valid UTF-8 (surrogates are not).
pub fn copy(target: []u8, bytes: []const u8) ?u32 {
    var i: usize = 0;
    while (i + @sizeOf(Chunk) <= bytes.len) : (i += @sizeOf(Chunk)) {
        const chunk = std.mem.readInt(Chunk, bytes[i..][0..8], .little);
        if (chunk & high_bits != 0) return copyUnicode(target, bytes, i);
        std.mem.writeInt(Chunk, target[i..][0..8], chunk, .little);
    }
    while (i < bytes.len) : (i += 1) {
        if (bytes[i] >= 0x80) return copyUnicode(target, bytes, i);
        target[i] = bytes[i];
    }
    return @intCast(bytes.len);
}

fn copyUnicode(target: []u8, bytes: []const u8, ascii_length: usize) ?u32 {
    var units: u32 = @intCast(ascii_length);
    var i = ascii_length;
    while (i < bytes.len) {
        const length = std.unicode.utf8ByteSequenceLength(bytes[i]) catch return null;
        if (i + length > bytes.len) return null;
        _ = std.unicode.utf8Decode(bytes[i..][0..length]) catch return null;
        units += if (length == 4) 2 else 1;
        i += length;
    }
    @memcpy(target[ascii_length..bytes.len], bytes[ascii_length..]);
    return units;
}
