//! The unit's Lua state, and each call of the host on it from begin to end: what
//! runs protected, what is left on the stack (nothing), and what is answered.

const lua = @import("../vm/lua.zig");
const allocator = @import("../vm/allocator.zig");
const to_lua = @import("../bridge/to_lua.zig");
const buffer = @import("../bridge/buffer.zig");
const from_lua = @import("../bridge/from_lua.zig");
const path = @import("../bridge/path.zig");
const io_table = @import("io_table.zig");
const limits = @import("../vm/limits.zig");
const userdata = @import("../values/userdata.zig");
const position = @import("../vm/position.zig");
const sandbox = @import("../vm/sandbox.zig");
const asking = @import("../views/asking.zig");
const numbers = @import("../bridge/view_numbers.zig");
const wire = @import("../bridge/wire.zig");
const c = lua.c;

const Status = wire.Status;

// library.zig
extern fn cu_forget_warning() void;
extern var cu_hidden: [2]c.lua_CFunction;

var L: *lua.State = undefined;
var saved: limits.Saved = undefined;
var is_begun = false;
var is_ready = false;

/// Where messages from the host are taken: a thread of its own, as the running one's stack must
/// not move under an instruction.
var B: *lua.State = undefined;

/// Compiled chunks by number.
var chunks: *lua.Table = undefined;

/// What the message handler found out about the error being raised.
var error_status: c_int = 0;
var error_slots: *lua.Table = undefined;
const Slot = enum(i64) { message = 1, traceback, value };

/// Bytes that the last input took, for the collector's pace.
var input_bytes: isize = 0;

fn answer(status: Status) i32 {
    return @intFromEnum(status);
}

/// Whether code runs, or anything else that may raise a Lua error.
fn isRunning() bool {
    return L.errorJmp != null;
}

/// Whether a call may begin: none is under way, and no message is open.
noinline fn isIdle() bool {
    return is_ready and !isRunning() and !to_lua.isOpen();
}

/// What is left after a protected call that ended with Lua's status.
fn answerOf(status: c_int) i32 {
    return if (status == c.LUA_ERRMEM) answer(.memory) else answer(.lua);
}

pub fn init(memory_limit_bytes: u32) i32 {
    if (is_begun) return answer(.malformed);
    is_begun = true;
    allocator.init(memory_limit_bytes);
    sandbox.chooseSecret();
    L = c.lua_newstate(allocator.cu_reallocate, null) orelse return answer(.memory);
    allocator.collector = L.l_G;
    saved = limits.save(L);
    const status = lua.protect(L, setUp, {});
    c.lua_settop(L, 0);
    is_ready = status == c.LUA_OK;
    return if (is_ready) 0 else answerOf(status);
}

fn setUp(state: *lua.State, _: void) void {
    cu_hidden = .{ callHandler, describeError };
    sandbox.open(state);
    userdata.init(state);
    B = c.lua_newthread(state).?;
    _ = c.luaL_ref(state, c.LUA_REGISTRYINDEX);
    numbers.init(state);
    asking.init(B);
    to_lua.init(state);
    from_lua.init(state);
    io_table.init(state);
    chunks = lua.newAnchored(state);
    error_slots = lua.newAnchored(state);
    for ([_]Slot{ .message, .traceback, .value }) |slot| keep(state, slot, lua.boolean(false));
}

noinline fn keep(state: *lua.State, slot: Slot, value: lua.Value) void {
    lua.set(state, error_slots, lua.integer(@intFromEnum(slot)), value);
}

pub fn collect() i32 {
    if (!isIdle()) return answer(.malformed);
    limits.begin();
    c.lua_settop(B, 0); // the host's last answer
    _ = c.lua_gc(L, c.LUA_GCCOLLECT);
    asking.flushReleased();
    return 0;
}

pub export fn cu_collect(state: *lua.State) callconv(.c) void {
    c.luaC_fullgc(state, 1); // as an emergency
}

/// Memory outside Lua's heap; garbage in it makes room.
pub fn allocate(length: u32) ?*anyopaque {
    if (!is_ready) return null;
    if (allocator.cu_reallocate(null, null, 0, length)) |block| return block;
    cu_collect(L);
    return allocator.cu_reallocate(null, null, 0, length);
}

pub fn compile(code: u32, code_length: u32, name: u32) i32 {
    if (!isIdle() or code_length > memoryFrom(code).len) return answer(.malformed);
    const after_name = memoryFrom(name);
    if (after_name.len == 0 or c.memchr(after_name.ptr, 0, after_name.len) == null) return answer(.malformed);
    return compileText(memoryFrom(code)[0..code_length], @ptrCast(after_name.ptr));
}

/// WASM memory from an address to its end; nothing of ours stands at 0.
fn memoryFrom(address: u32) []const u8 {
    if (address == 0) return &.{};
    const size = @as(usize, @wasmMemorySize(0)) * allocator.page_size_bytes;
    const first: [*]const u8 = @ptrFromInt(address);
    return first[0 .. size -| address];
}

fn compileText(code: []const u8, name: [*:0]const u8) i32 {
    limits.begin();
    // No finalizer runs meanwhile. An exception leaves this to `recover`, which must not
    // take it for a finalizer that was running.
    const g = L.l_G;
    const stopped = g.*.gcstp;
    g.*.gcstp |= c.GCSTPCLS;
    const status = c.luaL_loadbufferx(L, code.ptr, code.len, name, "t");
    g.*.gcstp = stopped;
    if (status != c.LUA_OK) {
        // Nesting that goes too deep is an error of running code to Lua: no handler saw it.
        keep(L, .message, lua.top(L).*);
        keep(L, .traceback, lua.boolean(false));
        return failed(status);
    }
    var number: i32 = undefined;
    const stored = lua.protect(L, store, &number);
    c.lua_settop(L, 0);
    return if (stored == c.LUA_OK) number else answerOf(stored);
}

fn store(state: *lua.State, number: *i32) void {
    lua.push(state, lua.ofTable(chunks));
    lua.push(state, (state.top.p - 2)[0].val);
    number.* = c.luaL_ref(state, -2);
}

/// Whether a compiled chunk has this number.
fn isChunk(number: i32) bool {
    return isIdle() and c.luaH_getint(chunks, number).*.tt_ == c.LUA_VLCL | lua.collectable;
}

pub fn forget(chunk: i32) i32 {
    if (!isChunk(chunk)) return answer(.malformed);
    lua.push(L, lua.ofTable(chunks));
    c.luaL_unref(L, -1, chunk);
    c.lua_settop(L, 0);
    return 0;
}

pub fn compute(chunk: i32, all: bool) i32 {
    if (!isChunk(chunk)) return answer(.malformed);
    c.lua_pushcclosure(L, describeError, 0);
    const begun = lua.protect(L, pushClosure, chunk);
    if (begun != c.LUA_OK) {
        c.lua_settop(L, 0);
        return answerOf(begun);
    }
    limits.begin();
    const status = c.lua_pcallk(L, 0, c.LUA_MULTRET, 1, 0, null);
    if (status != c.LUA_OK) return failed(status);
    const count: u32 = @intCast(c.lua_gettop(L) - 1);
    if (count == 0) {
        lua.push(L, lua.nil);
        return write(2, if (all) 0 else 1, "result");
    }
    return write(2, if (all) count else 1, "result");
}

/// Calls the handler that user code defined under the name in `_io.input.method`,
/// with `_io.input.params`; its result becomes `_io.output`. 0: there is none.
pub fn request() i32 {
    if (!isIdle()) return answer(.malformed);
    c.lua_pushcclosure(L, describeError, 0);
    c.lua_pushcclosure(L, callHandler, 0);
    limits.begin();
    const status = c.lua_pcallk(L, 0, 1, 1, 0, null);
    if (status != c.LUA_OK) return failed(status);
    const found = lua.top(L).tt_ == lua.tag.true_;
    c.lua_settop(L, 0);
    return @intFromBool(found);
}

fn callHandler(state: ?*lua.State) callconv(.c) c_int {
    const S = state.?;
    const method = io_table.inputField(S, "method").*;
    const handler = lua.get(lua.tableOf(&io_table.globalsValue(S)), method).*;
    lua.push(S, handler);
    const is_handler = switch (c.lua_type(S, -1)) {
        c.LUA_TFUNCTION => !sandbox.isBuiltin(&handler),
        c.LUA_TTABLE => c.luaL_getmetafield(S, -1, "__call") != c.LUA_TNIL,
        else => false,
    };
    if (is_handler) {
        c.lua_settop(S, 1);
        lua.push(S, io_table.inputField(S, "params").*);
        c.lua_callk(S, 1, 1, 0, null);
        io_table.set(S, .output);
    }
    c.lua_pushboolean(S, @intFromBool(is_handler));
    return 1;
}

/// A new closure of the compiled chunk, with the globals as its _ENV, as if it had
/// been compiled again: a chunk may have changed the _ENV of an earlier run.
fn pushClosure(state: *lua.State, chunk: i32) void {
    const compiled: *c.LClosure = @ptrCast(@alignCast(c.luaH_getint(chunks, chunk).*.value_.gc));
    const closure: *c.LClosure = @ptrCast(c.luaF_newLclosure(state, compiled.nupvalues));
    closure.p = compiled.p;
    lua.push(state, .{ .value_ = .{ .gc = @ptrCast(closure) }, .tt_ = c.LUA_VLCL | lua.collectable });
    c.luaF_initupvals(state, closure);
    const upvalues: [*][*c]c.UpVal = @ptrCast(&closure.upvals);
    upvalues[0].*.v.p.* = io_table.globalsValue(state);
}

/// lua_pcall's message handler: runs where the error was raised.
fn describeError(state: ?*lua.State) callconv(.c) c_int {
    const S = state.?;
    position.note(S, false);
    const kind = c.lua_type(S, 1);
    if (kind == c.LUA_TSTRING) {
        keep(S, .message, lua.at(S, 1).*);
    } else {
        if (kind == c.LUA_TNUMBER or kind == c.LUA_TBOOLEAN) {
            _ = c.luaL_tolstring(S, 1, null);
        } else if (c.luaL_callmeta(S, 1, "__tostring") == 0 or c.lua_type(S, -1) != c.LUA_TSTRING) {
            _ = c.lua_pushfstring(S, "error object is a %s value", c.lua_typename(S, kind));
        }
        keep(S, .message, lua.top(S).*);
    }
    c.luaL_traceback(S, S, null, 1);
    keep(S, .traceback, lua.top(S).*);
    c.lua_settop(S, 1);
    return 1;
}

/// Keeps the error value at the top of the stack for `encodeError`.
fn failed(status: c_int) i32 {
    error_status = status;
    keep(L, .value, lua.top(L).*);
    if (status != c.LUA_ERRRUN) {
        keep(L, .message, lua.top(L).*);
        keep(L, .traceback, lua.boolean(false));
    }
    c.lua_settop(L, 0);
    shrinkCalls();
    clearStack();
    return answer(.lua);
}

/// Deep recursion leaves a CallInfo for each level, of which a collection frees half,
/// and an emergency collection none.
fn shrinkCalls() void {
    const calls_kept = 256;
    while (L.nci > calls_kept) c.luaE_shrinkCI(L);
}

/// What stands in the unused part of the stack would be alive as soon as calls cover it
/// again, until a whole cycle of the collector has cleared it.
fn clearStack() void {
    c.luaD_shrinkstack(L);
    const first: usize = @intFromPtr(L.top.p);
    const end: usize = @intFromPtr(L.stack_last.p) + c.EXTRA_STACK * @sizeOf(c.StackValue);
    const unused = @as([*]c.StackValue, @ptrCast(L.top.p))[0 .. (end - first) / @sizeOf(c.StackValue)];
    for (unused) |*slot| slot.val.tt_ = lua.tag.nil;
}

pub fn encodeError() i32 {
    if (!isIdle() or error_status == c.LUA_OK) return answer(.malformed);
    from_lua.start(L);
    const values = [_]lua.Value{
        lua.integer(error_status),
        lua.get(error_slots, lua.integer(@intFromEnum(Slot.message))).*,
        lua.get(error_slots, lua.integer(@intFromEnum(Slot.traceback))).*,
    };
    for (&values) |*value| from_lua.value(L, value, "error") catch unreachable; // numbers and strings
    return @intCast(from_lua.finish(L, false));
}

/// Where the last error was raised, or code was stopped.
pub fn errorPosition() ?*const anyopaque {
    return if (is_ready) position.find(chunks) else null;
}

/// Writes the error value, and lets go of it.
pub fn encodeErrorValue() i32 {
    if (!isIdle() or error_status == c.LUA_OK) return answer(.malformed);
    error_status = c.LUA_OK;
    lua.push(L, lua.get(error_slots, lua.integer(@intFromEnum(Slot.value))).*);
    for ([_]Slot{ .message, .traceback, .value }) |slot| keep(L, slot, lua.boolean(false));
    return write(1, 1, "error");
}

const Range = struct { first: u32, count: u32, name: []const u8, result: ?from_lua.Error = null };

/// Writes values from the stack as a message, and empties the stack.
fn write(first: u32, count: u32, name: []const u8) i32 {
    var range = Range{ .first = first, .count = count, .name = name };
    from_lua.start(L);
    limits.begin();
    const status = lua.protect(L, writeRange, &range);
    const words = from_lua.finish(L, status != c.LUA_OK or range.result != null);
    c.lua_settop(L, 0);
    if (status != c.LUA_OK) return answerOf(status);
    if (range.result) |err| return answer(if (err == error.Depth) .depth else .unsupported);
    return @intCast(words);
}

fn writeRange(state: *lua.State, range: *Range) void {
    for (range.first..range.first + range.count) |index| {
        from_lua.value(state, lua.at(state, index), range.name) catch |err| {
            range.result = err;
            return;
        };
    }
    from_lua.changes(state, range.name) catch |err| {
        range.result = err;
    };
}

/// A whole value; a value whose containers are views, of an input of its own or of the
/// one that is being read.
pub const MessageKind = enum(u32) { whole, lazy, part };

pub fn beginMessage(kind: u32) i32 {
    if (kind > @intFromEnum(MessageKind.part)) return answer(.malformed);
    return begin(@enumFromInt(kind));
}

fn begin(kind: MessageKind) i32 {
    // A part is an answer, of a message of its own.
    const may_begin = if (kind == .part) asking.is_asking and !to_lua.isOpen() else isIdle();
    if (!may_begin) return answer(.malformed);
    asking.flushReleased();
    if (kind == .lazy) {
        const status = lua.protect(L, newSource, {});
        if (status != c.LUA_OK) return answerOf(status);
    }
    to_lua.start(B, kind != .whole);
    if (kind == .whole) allocator.beginMessage();
    return 0;
}

fn newSource(state: *lua.State, _: void) void {
    numbers.newSource(state);
}

pub fn dropView(number: u32) i32 {
    const is_dropped = to_lua.isOpen() and numbers.drop(L, number);
    return if (is_dropped) 0 else answer(.malformed);
}

const Chunk = struct { words: u32, heap_bytes: u32, result: ?to_lua.Error = null };

pub fn takeChunk(words: u32, heap_bytes: u32) i32 {
    if (!to_lua.isOpen() or words > wire.words_max or heap_bytes > wire.heap_size_bytes) return answer(.malformed);
    var chunk = Chunk{ .words = words, .heap_bytes = heap_bytes };
    const status = lua.protect(B, decodeChunk, &chunk);
    if (status != c.LUA_OK or chunk.result != null) to_lua.fail();
    if (status != c.LUA_OK) return answerOf(status);
    const err = chunk.result orelse return 0;
    return answer(switch (err) {
        error.Malformed => .malformed,
        error.Depth => .depth,
        error.Duplicate => .duplicate,
    });
}

fn decodeChunk(state: *lua.State, chunk: *Chunk) void {
    to_lua.chunk(state, buffer.words[0..chunk.words], buffer.heap[0..chunk.heap_bytes]) catch |err| {
        chunk.result = err;
    };
}

const LongString = struct { length: u32, bytes: ?[]u8 = null };

/// Address, or 0 where there is no memory for it, or no place.
pub fn longString(length: u32) usize {
    if (!to_lua.isOpen()) return 0;
    var string = LongString{ .length = length };
    _ = lua.protect(B, makeLongString, &string);
    if (string.bytes == null) to_lua.fail();
    return if (string.bytes) |bytes| @intFromPtr(bytes.ptr) else 0;
}

fn makeLongString(state: *lua.State, string: *LongString) void {
    string.bytes = to_lua.longString(state, string.length) catch null;
}

pub fn dropMessage() void {
    if (!is_ready) return;
    _ = to_lua.finish(B);
    allocator.endMessage();
    c.lua_settop(B, 0);
    asking.collect(L); // what was half built
}

/// Ends a message: its value goes from B to L. False where it is not finished.
noinline fn takeMessage() bool {
    if (!to_lua.isOpen() or isRunning()) return false;
    const is_finished = to_lua.finish(B);
    allocator.endMessage();
    if (is_finished) lua.push(L, lua.top(B).*);
    c.lua_settop(B, 0);
    numbers.forgetSource();
    return is_finished;
}

pub fn setIo(number: u32) i32 {
    const field = io_table.fieldOf(number) orelse return answer(.malformed);
    const bytes = to_lua.takenBytes();
    if (!takeMessage()) return answer(.malformed);
    if (!io_table.isInPlace(L)) return replaced();
    const status = lua.protect(L, setIoField, field);
    c.lua_settop(L, 0);
    if (status != c.LUA_OK) return answerOf(status);
    if (field == .input) expectInput(@intCast(bytes));
    // Decoding doesn't collect; what the field held before may be large.
    if (L.l_G.*.GCdebt > 0) {
        limits.begin();
        c.luaC_step(L);
    }
    return 0;
}

fn setIoField(state: *lua.State, field: io_table.Field) void {
    io_table.set(state, field);
}

/// An input has just been built and is all alive: the collector's next cycle is put
/// off by as much as its pause would have put it off, had it known. What the input
/// before it had put it off by is taken back.
fn expectInput(bytes: isize) void {
    const pause_factor = 2; // LUAI_GCPAUSE is 200 %
    const g = L.l_G;
    c.luaE_setdebt(g, g.*.GCdebt - @as(c.l_mem, bytes - input_bytes) * pause_factor);
    input_bytes = bytes;
}

const FieldResult = struct { result: bool = false };

pub fn setInputField() i32 {
    if (!takeMessage()) return answer(.malformed);
    if (!io_table.isInPlace(L)) return replaced();
    if (!io_table.isPair(lua.top(L))) {
        c.lua_settop(L, 0);
        return answer(.malformed);
    }
    var field = FieldResult{};
    const status = lua.protect(L, storeInputField, &field);
    c.lua_settop(L, 0);
    if (status != c.LUA_OK) return refusedOr(status);
    if (!field.result) {
        from_lua.error_text = "_io.input is not a table";
        return answer(.io_table);
    }
    return 0;
}

/// What is left after reading a view outside of running code, which only the host can
/// refuse.
fn refusedOr(status: c_int) i32 {
    return if (status == c.LUA_ERRMEM) answer(.memory) else answer(.refused);
}

fn storeInputField(state: *lua.State, field: *FieldResult) void {
    field.result = io_table.setInputField(state);
}

pub fn getIo(number: u32) i32 {
    const field = io_table.fieldOf(number) orelse return answer(.malformed);
    if (!isIdle()) return answer(.malformed);
    if (!io_table.isInPlace(L)) return replaced();
    lua.push(L, io_table.get(L, field).*);
    return write(1, 1, @tagName(field));
}

noinline fn replaced() i32 {
    c.lua_settop(L, 0);
    from_lua.error_text = "Lua code replaced the global _io";
    return answer(.io_table);
}

pub fn getOutputField() i32 {
    if (!takeMessage()) return answer(.malformed);
    if (!io_table.isInPlace(L)) return replaced();
    const status = lua.protect(L, pushOutputField, {});
    if (status != c.LUA_OK) {
        c.lua_settop(L, 0);
        return refusedOr(status);
    }
    return write(2, 1, path.nameInside("output", lua.at(L, 1)));
}

fn pushOutputField(state: *lua.State, _: void) void {
    lua.push(state, io_table.getOutputField(state).*);
}

pub fn clearIo() i32 {
    if (!isIdle()) return answer(.malformed);
    const status = lua.protect(L, resetIo, {});
    expectInput(0);
    asking.collectAll(L);
    return if (status == c.LUA_OK) 0 else answerOf(status);
}

fn resetIo(state: *lua.State, _: void) void {
    io_table.reset(state);
}

pub fn recover() void {
    if (!is_ready) return;
    asking.is_asking = false;
    cu_forget_warning();
    limits.recover(L, saved);
    dropMessage();
    _ = from_lua.finish(L, true);
}
