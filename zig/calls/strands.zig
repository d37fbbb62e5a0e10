//! Strands: what the host begins and may have to wait for, each on a Lua thread of its own. A run is
//! one strand, or several where code works side by side (tasks.zig).

const assert = @import("unit").@"vm/assert.zig".assert;
const errors = @import("unit").@"calls/errors.zig";
const fields = @import("unit").@"calls/fields.zig";
const host = @import("unit").@"calls/host.zig";
const channels = @import("channels.zig");
const frames = @import("frames.zig");
const json = @import("unit").@"calls/json.zig";
const limits = @import("unit").@"vm/limits.zig";
const lua = @import("unit").@"vm/lua.zig";
const position = @import("unit").@"vm/position.zig";
const run = @import("unit").@"calls/run.zig";
const to_lua = @import("unit").@"bridge/to_lua.zig";
const unit = @import("unit").@"calls/unit.zig";
const waiting = @import("../vm/waiting.zig");
const c = lua.c;

/// Threads by number.
var threads: *lua.Table = undefined;
/// That of a strand that has ended, which becomes the next one's: to make a thread takes longer than much
/// code runs. 0: there is none.
var spare: i32 = 0;

/// What becomes of the results of a strand.
const Results = enum(u32) {
    /// The first one is written as a message.
    first,
    /// They stay on the thread, as an error does, for the code that began it.
    keep,
    /// The first one is written, then `_io.output` and `_io.meta`.
    with_io,
    /// The same, `_io.output` as a text of JSON.
    with_json,
};

pub fn init(L: *lua.State) void {
    threads = lua.newAnchored(L);
}

pub fn recover() void {
    unit.running = null;
    host.delivered = null;
    // Code around this frame may be making some.
    if (!frames.isInside()) forgetNew();
}

/// Lets go of those that code was making when it was stopped: nobody has their numbers.
fn forgetNew() void {
    const last: u32 = @intCast(c.luaH_getn(threads));
    for (1..last + 1) |number| {
        const thread = anyThreadOf(@intCast(number)) orelse continue;
        if (thread.isrun == waiting.new_run_thread) forget(unit.L, @intCast(number));
    }
}

pub fn threadOf(number: i32) ?*lua.State {
    return if (number == spare) null else anyThreadOf(number);
}

fn anyThreadOf(number: i32) ?*lua.State {
    const found = c.luaH_getint(threads, number);
    if (found.*.tt_ != c.LUA_VTHREAD | lua.collectable) return null;
    return @ptrCast(@alignCast(found.*.value_.gc));
}

/// Whether a thread runs nothing: it hasn't begun, or has ended.
fn isOutside(thread: *lua.State) bool {
    return thread.ci == @as([*c]c.CallInfo, &thread.base_ci);
}

/// A thread for a function and perhaps an argument, so many values at the top of the stack, which it
/// takes; answers its number. May raise a memory error.
pub fn make(L: *lua.State, values: u32, handler: c.lua_CFunction) i32 {
    assert(values <= 2);
    const is_spare = spare != 0 and handler != null;
    const number = if (is_spare) spare else newThread(L, handler);
    if (is_spare) spare = 0;
    c.lua_xmove(L, threadOf(number).?, @intCast(values));
    return number;
}

fn newThread(L: *lua.State, handler: c.lua_CFunction) i32 {
    lua.push(L, lua.ofTable(threads));
    const thread: *lua.State = c.lua_newthread(L).?;
    thread.isrun = waiting.run_thread;
    if (handler != null) {
        c.lua_pushcclosure(thread, handler, 0);
        thread.errfunc = handler_place;
    }
    const number = c.luaL_ref(L, -2);
    lua.pop(L, 1);
    return number;
}

/// Where a thread has its message handler, if it has one.
const handler_place = @sizeOf(c.StackValue);

/// What a thread may have that is kept; code that calls deep makes more of it.
const kept_stack = 256;
const kept_calls = 64;

/// Whether a thread that has ended is as a new one: code doesn't know it, and nothing of the run is left
/// in it but dead values.
fn isLikeNew(thread: *lua.State) bool {
    return thread.isrun == waiting.run_thread and thread.status == c.LUA_OK and isOutside(thread) and
        thread.errfunc == handler_place and thread.openupval == null and thread.tbclist.p == thread.stack.p and
        stackSize(thread) <= kept_stack and thread.nci <= kept_calls;
}

fn stackSize(thread: *lua.State) usize {
    return @as([*]c.StackValue, @ptrCast(thread.stack_last.p)) - @as([*]c.StackValue, @ptrCast(thread.stack.p));
}

/// Lets go of a strand that has returned, whose results have been read. Its thread is kept, if there is no
/// other, without its values: the next run's calls would cover them, and keep them alive.
fn leave(L: *lua.State, number: i32, thread: *lua.State) void {
    if (spare != 0 or !isLikeNew(thread)) return forget(L, number);
    c.lua_pushcclosure(thread, errors.describeError, 0);
    const slots: [*]c.StackValue = @ptrCast(thread.stack.p);
    for (slots[2 .. stackSize(thread) + c.EXTRA_STACK]) |*slot| slot.val.tt_ = lua.tag.nil;
    spare = number;
}

const Start = struct { number: i32 = 0, chunk: i32 = 0 };

/// A strand that will run a compiled chunk.
pub fn ofChunk(chunk: i32) i32 {
    if (!run.isChunk(chunk)) return unit.answer(.malformed);
    return begun(makeOfChunk, chunk);
}

fn makeOfChunk(L: *lua.State, start: *Start) void {
    run.pushClosure(L, start.chunk);
    start.number = make(L, 1, errors.describeError);
}

/// Ends the message, as `run.callFunction` does: a strand that will call the function.
pub fn ofFunction(count: u32) i32 {
    if (!run.takeCall(count)) return unit.answer(.malformed);
    return begun(makeOfFunction, 0);
}

fn makeOfFunction(L: *lua.State, start: *Start) void {
    c.lua_pushcclosure(L, run.callNamed, 0);
    c.lua_rotate(L, -2, 1);
    start.number = make(L, 2, errors.describeError);
}

/// A strand that will call a handler, as `run.request` does.
pub fn ofRequest() i32 {
    if (!unit.isIdle()) return unit.answer(.malformed);
    return begun(makeOfRequest, 0);
}

fn makeOfRequest(L: *lua.State, start: *Start) void {
    c.lua_pushcclosure(L, run.callHandler, 0);
    start.number = make(L, 1, errors.describeError);
}

fn begun(body: anytype, chunk: i32) i32 {
    var start = Start{ .chunk = chunk };
    const status = lua.protect(unit.L, body, &start);
    c.lua_settop(unit.L, 0);
    return if (status == c.LUA_OK) start.number else unit.answerOf(status);
}

/// Begins a strand, or goes on with one that waits: `answer` is what the host answers, as it does to
/// a call of one of its functions. Answers `waits`, or what `results` says, and lets go of it then.
pub fn go(number: i32, answer: i32, results: u32) i32 {
    if (!unit.is_ready or unit.isRunning() or results > @intFromEnum(Results.with_json)) return unit.answer(.malformed);
    const thread = threadOf(number) orelse return unit.answer(.malformed);
    const is_new = thread.status == c.LUA_OK and isOutside(thread);
    // Of the arguments: there are none but for a function, which is not there when it has ended.
    const count = if (is_new) c.lua_gettop(thread) - 1 - @intFromBool(thread.errfunc != 0) else 0;
    const may_go = if (is_new) count >= 0 and thread.waits == null and !to_lua.isOpen() else thread.waits != null;
    if (!may_go) return unit.answer(.malformed);
    unit.beginRun();
    if (!is_new) host.delivered = answer;
    thread.waits = null;
    unit.running = thread;
    var results_count: c_int = 0;
    const status = c.lua_resume(thread, unit.L, count, &results_count);
    var end = End{ .status = status };
    if (status > c.LUA_YIELD) end = closeFailed(thread, status);
    unit.running = null;
    host.delivered = null;
    limits.endRun();
    if (thread.waits != null) return unit.answer(.waits);
    return ended(number, thread, end, @enumFromInt(results));
}

/// How a strand ended.
const End = struct {
    status: c_int,
    /// The error is that of what was closed, which no message handler has seen.
    is_other: bool = false,
};

/// Closes what the code of a strand has to close that ended in an error, as a pcall does. The error is
/// at the top of its stack before and after, perhaps another one.
fn closeFailed(thread: *lua.State, status: c_int) End {
    if (thread.tbclist.p == thread.stack.p) return .{ .status = status };
    const failure = lua.top(thread).*;
    const last = c.lua_closethread(thread, unit.L);
    thread.status = @intCast(last); // dead
    const is_same = c.luaV_equalobj(null, lua.top(thread), &failure) != 0;
    return .{ .status = last, .is_other = !is_same };
}

fn ended(number: i32, thread: *lua.State, end: End, results: Results) i32 {
    const status = end.status;
    assert(status != c.LUA_YIELD);
    if (results == .keep) {
        thread.waits = thread; // for the code that began it: no other code takes it for a coroutine
        return if (status == c.LUA_OK) 0 else unit.answer(.lua);
    }
    lua.push(unit.L, .{ .value_ = .{ .gc = @ptrCast(thread) }, .tt_ = c.LUA_VTHREAD | lua.collectable });
    if (status != c.LUA_OK) {
        forget(unit.L, number);
        lua.push(unit.L, lua.top(thread).*);
        if (end.is_other and status == c.LUA_ERRRUN) errors.keepMessage();
        return errors.failed(status);
    }
    // The first result is above the message handler. Without it the thread is dead.
    lua.push(unit.L, if (c.lua_gettop(thread) > 1) lua.at(thread, 2).* else lua.nil);
    c.lua_settop(thread, 0);
    // The host may end this by an exception, and lets go of the strand then.
    const answer = switch (results) {
        .with_io => fields.writeWithIo(),
        .with_json => json.writeWithIo(),
        else => run.writeResults(false),
    };
    leave(unit.L, number, thread);
    return answer;
}

/// Lets go of a strand that has ended, or never began.
pub fn forget(L: *lua.State, number: i32) void {
    const thread = threadOf(number).?;
    if (thread.status != c.LUA_YIELD) thread.waits = null;
    lua.push(L, lua.ofTable(threads));
    c.luaL_unref(L, -1, number);
    lua.pop(L, 1);
}

/// Lets go of a strand. Where it waits, what its code has to close is closed first, from the innermost
/// coroutine on.
pub fn close(number: i32) i32 {
    if (!unit.isIdle()) return unit.answer(.malformed);
    const thread = threadOf(number) orelse return unit.answer(.malformed);
    // What is closed is a part of the run.
    limits.beginRun(unit.L);
    defer limits.endRun();
    lua.push(unit.L, .{ .value_ = .{ .gc = @ptrCast(thread) }, .tt_ = c.LUA_VTHREAD | lua.collectable });
    forget(unit.L, number);
    if (isOutside(thread) or thread.waits == null) {
        if (isOutside(thread)) c.lua_settop(thread, 0); // dead: it can't begin any more
        c.lua_settop(unit.L, 0);
        return 0;
    }
    var failure: c_int = c.LUA_OK;
    position.noteWaiting(thread);
    unit.running = thread;
    while (true) {
        const inner = waiting.innermost(thread);
        detach(thread, inner);
        const status = c.lua_closethread(inner, unit.L);
        if (status != c.LUA_OK) {
            failure = status;
            c.lua_settop(unit.L, 1);
            lua.push(unit.L, lua.top(inner).*);
        }
        if (inner == thread) break;
    }
    unit.running = null;
    if (failure == c.LUA_OK) {
        c.lua_settop(unit.L, 0);
        return 0;
    }
    if (failure == c.LUA_ERRRUN) errors.keepMessage();
    return errors.failed(failure);
}

/// The innermost thread no longer waits; the one that had resumed it is the innermost then.
fn detach(outermost: *lua.State, inner: *lua.State) void {
    var thread = outermost;
    while (thread != inner and thread.waits != inner) thread = thread.waits;
    inner.waits = null;
    if (thread != inner) thread.waits = thread;
}

/// A channel for a run; see io_table.zig.
pub fn openChannel(clears: bool) i32 {
    if (!unit.isIdle()) return unit.answer(.malformed);
    if (clears and channels.isOwnSelected()) {
        const cleared = fields.clearIo();
        if (cleared < 0) return cleared;
    }
    var number: i32 = 0;
    const status = lua.protect(unit.L, open, &number);
    return if (status == c.LUA_OK) number else unit.answerOf(status);
}

fn open(L: *lua.State, number: *i32) void {
    number.* = channels.open(L);
}

/// Gives the selected channel the fields of the unit's own that it doesn't have.
pub fn inheritChannel() i32 {
    if (!unit.isIdle()) return unit.answer(.malformed);
    const status = lua.protect(unit.L, inherit, {});
    return if (status == c.LUA_OK) 0 else unit.answerOf(status);
}

fn inherit(L: *lua.State, _: void) void {
    channels.inherit(L);
}

pub fn selectChannel(number: i32) i32 {
    if (!unit.isIdle() or !channels.isChannel(number)) return unit.answer(.malformed);
    const status = lua.protect(unit.L, channels.select, number);
    return if (status == c.LUA_OK) 0 else unit.answerOf(status);
}

const Closing = struct { number: i32, keeps: bool };

pub fn closeChannel(number: i32, keeps: bool) i32 {
    if (!unit.isIdle() or number == channels.own_channel or !channels.isChannel(number)) return unit.answer(.malformed);
    const status = lua.protect(unit.L, closeIt, Closing{ .number = number, .keeps = keeps });
    return if (status == c.LUA_OK) 0 else unit.answerOf(status);
}

fn closeIt(L: *lua.State, closing: Closing) void {
    channels.close(L, closing.number, closing.keeps);
}

/// Which globals the selected run gets.
const Globals = enum(u32) { last, own, unit };

pub fn useGlobals(which: u32) i32 {
    if (!unit.isIdle() or which > @intFromEnum(Globals.unit)) return unit.answer(.malformed);
    const status = lua.protect(unit.L, chooseGlobals, @as(Globals, @enumFromInt(which)));
    return if (status == c.LUA_OK) 0 else unit.answerOf(status);
}

fn chooseGlobals(L: *lua.State, which: Globals) void {
    switch (which) {
        .last => channels.lastGlobals(L),
        .own => channels.ownGlobals(L),
        .unit => channels.unitGlobals(L),
    }
}
