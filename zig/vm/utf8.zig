//! Lua's strings are bytes; those that are valid UTF-8 are strings in JavaScript.

const std = @import("std");

const Chunk = u64;
const high_bits: Chunk = 0x8080808080808080;

pub noinline fn isValid(bytes: []const u8) bool {
    var i: usize = 0;
    while (i < bytes.len) {
        if (i + @sizeOf(Chunk) <= bytes.len and std.mem.readInt(Chunk, bytes[i..][0..8], .little) & high_bits == 0) {
            i += @sizeOf(Chunk);
            continue;
        }
        const length = lengthOf(bytes[i..]);
        if (length == 0) return false;
        i += length;
    }
    return true;
}

/// Bytes of the character that stands first, or 0 where it is none (a surrogate is none).
pub noinline fn lengthOf(bytes: []const u8) u32 {
    const first = bytes[0];
    if (first < 0x80) return 1;
    const length: u32 = @clz(~first);
    if (length < 2 or length > 4 or length > bytes.len) return 0;
    var point: u32 = first & @as(u8, 0x7f) >> @intCast(length);
    for (bytes[1..length]) |byte| {
        if (byte & 0xc0 != 0x80) return 0;
        point = point << 6 | (byte & 0x3f);
    }
    const least = [_]u32{ 0x80, 0x800, 0x10000 };
    const is_character = point >= least[length - 2] and point <= 0x10ffff and point >> 11 != 0x1b;
    return if (is_character) length else 0;
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
        const length = lengthOf(bytes[i..]);
        if (length == 0) return null;
        units += if (length == 4) 2 else 1;
        i += length;
    }
    @memcpy(target[ascii_length..bytes.len], bytes[ascii_length..]);
    return units;
}
