//! What the host calls, and nothing else. A WASM instance is one unit with one Lua
//! state. Functions that answer an i32 answer a number of words, or another count,
//! or a negative `wire.Status`: `malformed` for a number that stands for nothing, and
//! for a call that has no place where it comes. Only what C's stack and `release` are
//! given can't be checked.

const std = @import("std");
const lua = @import("vm/lua.zig");
const allocator = @import("vm/allocator.zig");
const calls = @import("calls/calls.zig");
const to_lua = @import("bridge/to_lua.zig");
const buffer = @import("bridge/buffer.zig");
const from_lua = @import("bridge/from_lua.zig");
const io_table = @import("calls/io_table.zig");
const asking = @import("views/asking.zig");
const wire = @import("bridge/wire.zig");

/// A failed check traps; the host has its place in the code as the error's stack.
pub const panic = std.debug.no_panic;

comptime {
    _ = @import("bridge/view_numbers.zig");
    _ = @import("vm/bytes.zig");
    _ = @import("vm/limits.zig");
    _ = @import("values/marks.zig");
    _ = @import("vm/numerals.zig");
    _ = @import("vm/position.zig");
    _ = @import("vm/sandbox.zig");
    _ = @import("vm/stack_room.zig");
    _ = @import("views/reading.zig");
    _ = @import("views/traversal.zig");
    _ = @import("views/writing.zig");
}

export fn init(memory_limit_bytes: u32) i32 {
    stack_base = stackPointer();
    return calls.init(memory_limit_bytes);
}

export fn get_buffer_ptr() *anyopaque {
    return &buffer.memory;
}

export fn get_buffer_size() u32 {
    return wire.buffer_size_bytes;
}

export fn get_io_table_id() u32 {
    return io_table.io_id;
}

export fn get_home_table_id() u32 {
    return io_table.home_id;
}

var statistics: allocator.Statistics = undefined;

export fn get_memory_stats() *const allocator.Statistics {
    statistics = allocator.statistics();
    return &statistics;
}

export fn run_gc() i32 {
    return calls.collect();
}

/// Memory for a text that the host passes, 0 where there is none.
export fn allocate(length: u32) ?*anyopaque {
    return calls.allocate(length);
}

export fn release(text: ?*anyopaque, length: u32) void {
    _ = allocator.cu_reallocate(null, text, length, 0);
}

/// Compiles Lua text; answers a number for `compute`.
export fn compile(code: u32, code_length: u32, name: u32) i32 {
    return calls.compile(code, code_length, name);
}

export fn forget(chunk: i32) i32 {
    return calls.forget(chunk);
}

/// Runs a compiled chunk; writes its first result, or all.
export fn compute(chunk: i32, all: u32) i32 {
    return calls.compute(chunk, all != 0);
}

/// Calls a handler; see calls.request.
export fn request() i32 {
    return calls.request();
}

/// Writes Lua's status, message and traceback of the last error.
export fn encode_error() i32 {
    return calls.encodeError();
}

/// Where that was, or where code was stopped: see `position.zig`. 0 before `init`.
export fn get_error_position() ?*const anyopaque {
    return calls.errorPosition();
}

/// Writes the error value itself.
export fn encode_error_value() i32 {
    return calls.encodeErrorValue();
}

/// The text that goes with the last Status, and its length before it.
export fn get_text() [*]const u8 {
    return from_lua.error_text.ptr;
}

export fn get_text_length() u32 {
    return from_lua.error_text.len;
}

/// Begins a message to Lua.
export fn begin_message(kind: u32) i32 {
    return calls.beginMessage(kind);
}

/// Where the numbers of collected views are listed when `release` is called.
export fn get_released_ptr() [*]u32 {
    return asking.releasedList();
}

/// Takes back a view of a message that failed.
export fn drop_view(number: u32) i32 {
    return calls.dropView(number);
}

/// Takes a chunk of it: so many words, so many bytes of strings.
export fn take_chunk(words: u32, heap_bytes: u32) i32 {
    return calls.takeChunk(words, heap_bytes);
}

/// Makes a string in it; the host writes its bytes where this answers, 0 where it can't.
export fn long_string(length: u32) usize {
    return calls.longString(length);
}

/// Drops it.
export fn drop_message() void {
    calls.dropMessage();
}

/// Ends it: `_io`'s field is set to its value.
export fn set_io(field: u32) i32 {
    return calls.setIo(field);
}

/// Ends it, an array of key and value: `_io.input[key]` is set.
export fn set_input_field() i32 {
    return calls.setInputField();
}

export fn get_io(field: u32) i32 {
    return calls.getIo(field);
}

/// Ends it, a key: writes `_io.output[key]`.
export fn get_output_field() i32 {
    return calls.getOutputField();
}

export fn clear_io_table() i32 {
    return calls.clearIo();
}

/// After an exception of the host's passed through, with C's stack still as it was.
export fn recover() void {
    calls.recover();
}

/// C's stack pointer, as it is between calls; 0 before `init`.
var stack_base: usize = 0;

/// Puts C's stack pointer back, which an exception that passes through leaves where it
/// was thrown: after `recover`.
export fn restore_stack() void {
    if (stack_base == 0) return;
    asm volatile (
        \\local.get %[pointer]
        \\global.set __stack_pointer
        :
        : [pointer] "r" (stack_base),
    );
}

inline fn stackPointer() usize {
    return asm volatile (
        \\global.get __stack_pointer
        \\local.set %[pointer]
        : [pointer] "=r" (-> usize),
    );
}

/// Bytes of strings in the last chunk that was written.
export fn get_heap_count() u32 {
    return buffer.heapCount();
}
