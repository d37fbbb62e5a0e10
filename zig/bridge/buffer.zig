//! The I/O buffer, in which a message crosses a chunk at a time, and what writes words and strings
//! into it for the host. A full buffer is handed over (`flush`).

const assert = @import("../vm/assert.zig").assert;
const lua = @import("../vm/lua.zig");
const integer_max = @import("../vm/text.zig").integer_max;
const textOfInteger = @import("../vm/text.zig").textOfInteger;
const utf8 = @import("../vm/utf8.zig");
const wire = @import("wire.zig");

/// The host takes a full chunk: that many words, and that many bytes of strings.
extern "cu" fn flush(words: u32, heap_bytes: u32) void;

/// The first half holds words, the second the bytes of strings (wire.zig).
pub var memory: [wire.buffer_size_bytes]u8 align(16) = undefined;
pub const words: *[wire.words_max]u64 = @ptrCast(&memory);
pub const heap: *[wire.heap_size_bytes]u8 = memory[wire.heap_size_bytes..];

/// What the chunk that is being written holds so far.
pub var word_count: u32 = 0;
var heap_count: u32 = 0;
/// Chunks of the message that were handed over.
pub var chunk_count: u32 = 0;

pub fn begin() void {
    chunk_count = 0;
    word_count = 0;
    heap_count = 0;
}

/// Bytes of strings in the last chunk.
pub fn heapCount() u32 {
    return heap_count;
}

/// Makes room for this many words and bytes in the chunk.
pub inline fn reserve(count: u32, bytes: usize) void {
    if (word_count + count > wire.words_max or heap_count + bytes > wire.heap_size_bytes) {
        flush(word_count, heap_count);
        chunk_count += 1;
        word_count = 0;
        heap_count = 0;
    }
}

pub inline fn writeRaw(word: u64) void {
    assert(word_count < words.len);
    words[word_count] = word;
    word_count += 1;
}

pub inline fn writeBox(tag: wire.Tag, payload: u32) void {
    writeRaw(wire.Word.box(tag, payload));
}

pub inline fn writeInteger(integer: i64) void {
    const safe_max = 9007199254740991;
    if (integer <= safe_max and integer >= -safe_max) {
        writeRaw(@bitCast(@as(f64, @floatFromInt(integer))));
    } else {
        writeBox(.integer, 0);
        writeRaw(@bitCast(integer));
    }
}

/// A number to be written: of all NaNs the one that is no tag.
pub inline fn numberOf(given: *const lua.Value) f64 {
    if (given.tt_ == lua.tag.integer) return @floatFromInt(given.value_.i);
    const number = given.value_.n;
    return if (number != number) @bitCast(@as(u64, 0x7ff8_0000_0000_0000)) else number;
}

pub fn writeString(string: *lua.String) void {
    const bytes = lua.bytesOf(string);
    if (bytes.len > wire.inline_string_bytes_max) {
        return writeAt(.string_at, bytes);
    }
    reserve(1, bytes.len);
    const target = heap[heap_count..][0..bytes.len];
    if (utf8.copy(target, bytes)) |units| {
        writeBox(.string, @intCast(units << 16 | bytes.len));
        heap_count += @intCast(bytes.len);
    } else {
        reserve(2, 0);
        writeAt(.bytes_at, bytes);
    }
}

/// Writes where bytes are, for the host to read them there. They stay there while the host reads
/// the message, as the value that holds them does.
pub fn writeAt(tag: wire.Tag, bytes: []const u8) void {
    writeBox(tag, 0);
    writeRaw(@as(u64, bytes.len) << 32 | @intFromPtr(bytes.ptr));
}

/// Writes an integer as a string, in decimal.
pub fn writeDecimal(integer: i64) void {
    reserve(1, integer_max);
    var digits: [integer_max]u8 = undefined;
    writeAscii(textOfInteger(&digits, integer));
}

/// Writes a short text that is ASCII, for which there is room.
pub fn writeAscii(text: []const u8) void {
    @memcpy(heap[heap_count..][0..text.len], text);
    writeBox(.string, @intCast(text.len << 16 | text.len));
    heap_count += @intCast(text.len);
}
