//! Copies and comparisons of a few bytes, the most frequent ones: `memory.copy` takes V8
//! 6 ns however short it is, and the C library compares byte by byte.

const std = @import("std");

/// As memcpy (lua/config.h), without a result.
pub export fn cu_copy(noalias to: [*]u8, noalias from: [*]const u8, count: usize) callconv(.c) void {
    if (count > 32) return @memcpy(to[0..count], from[0..count]);
    if (count > 16) {
        copyWord(u64, to, from, 8);
        copyWord(u64, to, from, count - 16);
    }
    if (count >= 8) return copyEnds(u64, to, from, count);
    if (count >= 4) return copyEnds(u32, to, from, count);
    if (count >= 2) return copyEnds(u16, to, from, count);
    if (count == 1) to[0] = from[0];
}

/// The first bytes and the last ones, which may overlap.
inline fn copyEnds(Word: type, to: [*]u8, from: [*]const u8, count: usize) void {
    copyWord(Word, to, from, 0);
    copyWord(Word, to, from, count - @sizeOf(Word));
}

inline fn copyWord(Word: type, to: [*]u8, from: [*]const u8, offset: usize) void {
    std.mem.writeInt(Word, to[offset..][0..@sizeOf(Word)], std.mem.readInt(Word, from[offset..][0..@sizeOf(Word)], .little), .little);
}

/// As memcmp (lua/config.h).
pub export fn cu_compare(a: [*]const u8, b: [*]const u8, count: usize) callconv(.c) c_int {
    var i: usize = 0;
    while (i + 8 <= count) : (i += 8) {
        const x = std.mem.readInt(u64, a[i..][0..8], .little);
        const y = std.mem.readInt(u64, b[i..][0..8], .little);
        if (x != y) {
            i += @ctz(x ^ y) / 8;
            break;
        }
    }
    while (i < count) : (i += 1) {
        if (a[i] != b[i]) return @as(c_int, a[i]) - b[i];
    }
    return 0;
}
