//! What the host calls, and nothing else. A WASM instance is one unit with one Lua
//! state. Functions that answer an i32 answer a number of words, or another count,
//! or a negative `wire.Status`: `malformed` for a number that stands for nothing, and
//! for a call that may not be made now. All arguments are checked but those of `release`.

const std = @import("std");
const allocator = @import("vm/allocator.zig");
const asking = @import("views/asking.zig");
const releasing = @import("views/releasing.zig");
const buffer = @import("bridge/buffer.zig");
const errors = @import("calls/errors.zig");
const fields = @import("calls/fields.zig");
const frames = @import("small").@"calls/frames.zig";
const from_lua = @import("bridge/from_lua.zig");
const host = @import("calls/host.zig");
const io_table = @import("calls/io_table.zig");
const json = @import("calls/json.zig");
const lifetime = @import("calls/lifetime.zig");
const limits = @import("vm/limits.zig");
const lua_functions = @import("small").@"calls/lua_functions.zig";
const messages = @import("calls/messages.zig");
const run = @import("calls/run.zig");
const snapshots = @import("small").@"calls/snapshots.zig";
const strands = @import("small").@"calls/strands.zig";
const wire = @import("bridge/wire.zig");

// What files of small.zig import.
pub const @"bridge/classify.zig" = @import("bridge/classify.zig");
pub const @"bridge/from_lua.zig" = from_lua;
pub const @"bridge/pairs.zig" = @import("bridge/pairs.zig");
pub const @"bridge/path.zig" = @import("bridge/path.zig");
pub const @"bridge/shapes.zig" = @import("bridge/shapes.zig");
pub const @"bridge/templates.zig" = @import("bridge/templates.zig");
pub const @"bridge/to_lua.zig" = @import("bridge/to_lua.zig");
pub const @"bridge/view_numbers.zig" = @import("bridge/view_numbers.zig");
pub const @"bridge/wire.zig" = @import("bridge/wire.zig");
pub const @"values/marks.zig" = @import("values/marks.zig");
pub const @"values/userdata.zig" = @import("values/userdata.zig");
pub const @"views/releasing.zig" = releasing;
pub const @"vm/allocator.zig" = @import("vm/allocator.zig");
pub const @"vm/assert.zig" = @import("vm/assert.zig");
pub const @"vm/floats.zig" = @import("vm/floats.zig");
pub const @"vm/limits.zig" = @import("vm/limits.zig");
pub const @"vm/lua.zig" = @import("vm/lua.zig");
pub const @"vm/numerals.zig" = @import("vm/numerals.zig");
pub const @"vm/position.zig" = @import("vm/position.zig");
pub const @"vm/sandbox.zig" = @import("vm/sandbox.zig");
pub const @"vm/text.zig" = @import("vm/text.zig");
pub const @"vm/utf8.zig" = @import("vm/utf8.zig");
pub const @"bridge/buffer.zig" = @import("bridge/buffer.zig");
pub const @"calls/errors.zig" = @import("calls/errors.zig");
pub const @"calls/fields.zig" = @import("calls/fields.zig");
pub const @"calls/host.zig" = @import("calls/host.zig");
pub const @"calls/io_table.zig" = @import("calls/io_table.zig");
pub const @"calls/json.zig" = json;
pub const @"calls/lifetime.zig" = lifetime;
pub const @"calls/messages.zig" = @import("calls/messages.zig");
pub const @"calls/run.zig" = @import("calls/run.zig");
pub const @"calls/unit.zig" = @import("calls/unit.zig");
pub const @"bridge/seen.zig" = @import("bridge/seen.zig");
pub const @"bridge/view_pages.zig" = @import("bridge/view_pages.zig");
pub const @"views/asking.zig" = @import("views/asking.zig");
pub const @"views/contents.zig" = @import("views/contents.zig");

/// A failed check traps; the host has its place in the code as the error's stack.
pub const panic = std.debug.no_panic;

// Files with functions that Lua's C calls.
comptime {
    _ = @import("bridge/view_numbers.zig");
    _ = @import("values/marks.zig");
    _ = @import("views/reading.zig");
    _ = @import("views/thrown.zig");
    _ = @import("views/traversal.zig");
    _ = @import("views/writing.zig");
    _ = @import("vm/bytes.zig");
    _ = @import("vm/limits.zig");
    _ = @import("vm/numerals.zig");
    _ = @import("vm/position.zig");
    _ = @import("vm/sandbox.zig");
    _ = @import("vm/secret.zig");
    _ = @import("vm/stack_room.zig");
    _ = @import("small").@"vm/waiting.zig";
    if (@import("vm/lua.zig").is_checked) @export(&allocator.failing.set, .{ .name = "fail_allocations" });
}

/// What the build calls, once: makes the unit from whose memory all instances begin (tools/image.ts).
export fn make() ?*const snapshots.Extent {
    frames.stack_base = stackPointer();
    return snapshots.make();
}

export fn init(memory_limit_bytes: u32) i32 {
    frames.stack_base = stackPointer();
    return lifetime.init(memory_limit_bytes);
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
    statistics.run_steps = limits.runSteps();
    return &statistics;
}

export fn run_gc() i32 {
    return lifetime.collect();
}

/// Lets go of what nothing in Lua refers to any more, while code asks the host: no finalizer runs.
export fn make_room() void {
    lifetime.makeRoom();
}

/// Memory for a text that the host passes, 0 where there is none.
export fn allocate(length: u32) ?*anyopaque {
    return lifetime.allocate(length);
}

export fn release(text: ?*anyopaque, length: u32) void {
    _ = allocator.cu_reallocate(null, text, length, 0);
}

/// Compiles Lua text; answers a number for `compute`.
export fn compile(code: u32, code_length: u32, name: u32) i32 {
    return run.compile(code, code_length, name);
}

export fn forget(chunk: i32) i32 {
    return run.forget(chunk);
}

/// Runs a compiled chunk; writes its first result, or all.
export fn compute(chunk: i32, all: u32) i32 {
    return run.compute(chunk, all != 0);
}

/// Ends the message, a function's name and so many arguments; calls it, and writes its first result
/// or all.
export fn call_function(count: u32, all: u32) i32 {
    return run.callFunction(count, all != 0);
}

/// A strand for a run that may wait: of a compiled chunk; of a function, as `call_function` takes it;
/// or of a handler. Answers its number.
export fn strand_of_chunk(chunk: i32) i32 {
    return strands.ofChunk(chunk);
}

export fn strand_of_function(count: u32) i32 {
    return strands.ofFunction(count);
}

export fn strand_of_request() i32 {
    return strands.ofRequest();
}

/// Begins a strand, or goes on with one; see `strands.go`.
export fn go(strand: i32, answer: i32, results: u32) i32 {
    return strands.go(strand, answer, results);
}

export fn close_strand(strand: i32) i32 {
    return strands.close(strand);
}

/// Fields of `_io` for a run of its own; see io_table.zig.
export fn open_channel(clears: u32) i32 {
    return strands.openChannel(clears != 0);
}

export fn inherit_channel() i32 {
    return strands.inheritChannel();
}

export fn select_channel(channel: i32) i32 {
    return strands.selectChannel(channel);
}

export fn close_channel(channel: i32, keeps: u32) i32 {
    return strands.closeChannel(channel, keeps != 0);
}

/// Gives the selected run globals of its own (1) or the unit's (2), or those again that it had before (0).
export fn use_globals(which: u32) i32 {
    return strands.useGlobals(which);
}

/// Refuses where code has replaced `_home`, or (1) in the selected run's own globals `_io` or `_home`.
export fn check_globals(own: u32) i32 {
    return fields.checkGlobals(own != 0);
}

/// The host has read the functions of Lua's in the arguments of its own that is being called.
export fn take_functions() void {
    lua_functions.sent();
}

/// The host no longer knows a function of Lua's.
export fn release_function(number: u32) i32 {
    return lua_functions.release(number);
}

/// Calls a handler; see `run.request`.
export fn request() i32 {
    return run.request();
}

/// Writes Lua's status, message and traceback of the last error.
export fn encode_error() i32 {
    return errors.encodeError();
}

/// Steps that code has spent since the host last gave some, or asked.
export fn take_spent_steps() i32 {
    return limits.takeSpent();
}

/// Where that was, or where code was stopped: see `position.zig`. 0 before `init`.
export fn get_error_position() ?*const anyopaque {
    return run.errorPosition();
}

/// Writes the error value itself.
export fn encode_error_value() i32 {
    return errors.encodeErrorValue();
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
    return messages.beginMessage(kind);
}

/// Where the numbers of collected views are listed when `release` is called.
export fn get_released_ptr() [*]u32 {
    return releasing.list();
}

/// Takes back a view of a message that failed.
export fn drop_view(number: u32) i32 {
    return messages.dropView(number);
}

/// The host has changed an external table that Lua has, or with 0 perhaps any.
export fn forget_external(number: u32) i32 {
    return messages.forgetExternal(number);
}

/// `_home` reaches an external table that has a metatable now, or no longer.
export fn pin_external(number: u32, is_reached: u32) i32 {
    return messages.pinExternal(number, is_reached != 0);
}

/// Takes a chunk of the message: so many words, so many bytes of strings.
export fn take_chunk(words: u32, heap_bytes: u32) i32 {
    return messages.takeChunk(words, heap_bytes);
}

/// Makes a string in the message, and answers where the host writes its bytes; 0 if it can't.
export fn long_string(length: u32) usize {
    return messages.longString(length);
}

/// Drops the message that was begun.
export fn drop_message() void {
    messages.dropMessage();
}

/// Ends the message: its value becomes a field of `_io`.
export fn set_io(field: u32) i32 {
    return fields.setIo(field);
}

/// Ends the message, an array of a key and a value: `_io.input[key]` is set.
export fn set_input_field() i32 {
    return fields.setInputField();
}

/// Ends the message, an array of a name and a value, which may have functions of the host: it
/// becomes a global or a module.
export fn define(place: u32) i32 {
    return host.define(place);
}

/// Makes the library and what `define` has given read-only to code. Called before any code runs.
export fn lock_library() i32 {
    return lifetime.lockLibrary();
}

export fn get_io(field: u32) i32 {
    return fields.getIo(field);
}

/// Ends the message, a key: writes `_io.output[key]`.
export fn get_output_field() i32 {
    return fields.getOutputField();
}

/// Sets `_io.input` to the value of a JSON text, which a 0 follows.
export fn set_input_json(text: u32, length: u32, keeps_nulls: u32) i32 {
    return json.setInput(text, length, keeps_nulls != 0);
}

/// Writes `_io.output` as JSON, for `get_text`, with an indentation of so many bytes, which stand in
/// the heap of the buffer. Answers its length.
export fn get_output_json(indent_length: u32, is_sorted: u32) i32 {
    return json.getOutput(indent_length, is_sorted != 0);
}

/// Frees the text that `get_output_json` has written.
export fn drop_json() i32 {
    return json.drop();
}

export fn clear_io_table() i32 {
    return fields.clearIo();
}

/// Begins a use of the unit inside a call of a function of the host; `end_frame` ends it.
export fn begin_frame() i32 {
    return frames.begin(stackPointer());
}

export fn end_frame() i32 {
    return frames.end();
}

/// The host has worked for the code that runs: it pays so many steps.
export fn spend_steps(count: u32) void {
    limits.owe(count);
}

/// The next run is limited, or no longer: the host is asked for its steps.
export fn ask_for_steps() void {
    limits.askNext();
}

/// Makes Lua's state whole after an exception of the host's has passed through it. C's stack is
/// still as the exception left it.
export fn recover() void {
    lifetime.recover();
}

/// Puts C's stack pointer back as it is between calls, which an exception leaves where it was
/// thrown. Called after `recover`.
export fn restore_stack() void {
    if (frames.stack_base == 0) return; // before `init`
    asm volatile (
        \\local.get %[pointer]
        \\global.set __stack_pointer
        :
        : [pointer] "r" (frames.stack_base),
    );
}

inline fn stackPointer() usize {
    return asm volatile (
        \\global.get __stack_pointer
        \\local.set %[pointer]
        : [pointer] "=r" (-> usize),
    );
}

/// What of memory a copy of the unit is made of: see `snapshots.zig`.
export fn get_extent() ?*const anyopaque {
    return snapshots.extent();
}

/// Makes a copy that is to be stored small.
export fn tidy() i32 {
    return snapshots.tidy();
}

export fn set_memory_limit(bytes: u32) i32 {
    return snapshots.setLimit(bytes);
}

/// Writes the arguments of the call for which a strand waits.
export fn write_waiting(strand: i32) i32 {
    return snapshots.writeWaiting(strand);
}

/// Bytes of strings in the last chunk that was written.
export fn get_heap_count() u32 {
    return buffer.heapCount();
}
