//! The time limit. Lua and the bridge pay for their work from `cu_budget`
//! (lua/config.h); when it is spent, the host says how much more there is, or that it
//! is enough. Then the host throws through the running code: no pcall, coroutine or
//! finalizer sees it, as Lua's catches take Lua's own tag only. `recover` makes Lua's
//! state whole afterwards.

const std = @import("std");
const assert = @import("assert.zig").assert;
const lua = @import("lua.zig");
const position = @import("position.zig");
const c = lua.c;

/// Steps that may run now, perhaps none, before the host is asked again; negative: stop. Throws
/// where the user's callback does.
extern "cu" fn tick() i32;
/// Throws.
extern "cu" fn stop() noreturn;

/// Whether the position of the code that is being stopped has been noted.
var is_noted = false;

/// Steps that may still run; below zero, more have run already.
pub export var cu_budget: c_int = std.math.maxInt(c_int);
/// What the host gives where it limits nothing: then it needn't be asked before half is spent.
const unlimited = std.math.maxInt(c_int);
var is_unlimited = false;

/// What the budget was when the host last gave one, and what had been spent before.
var granted: c_int = std.math.maxInt(c_int);
var spent_before: i64 = 0;

/// All steps that were spent.
fn spentNow() i64 {
    return spent_before + (@as(i64, granted) - cu_budget);
}

/// Those that the host has been told of.
var taken: i64 = 0;

/// Steps that were spent since the host last asked; more than it gave where the last one cost more.
pub fn takeSpent() i32 {
    const spent = spentNow();
    defer taken = spent;
    return std.math.lossyCast(i32, spent - taken);
}

fn setBudget(steps_given: c_int) void {
    spent_before = spentNow();
    cu_budget = steps_given;
    granted = steps_given;
}

/// What had been spent when the last run began, and when it ended.
pub const Figures = struct { began: i64 = 0, ended: i64 = 0 };
pub var figures = Figures{};

/// Whether code runs: between runs, and in what the host does meanwhile, no finalizer is called
/// (lua/series/480-finalizers-in-runs.patch).
pub export var cu_is_running: c_int = 0;

/// Before code runs: as `begin`, and what it takes is the last run's.
pub fn beginRun(L: *lua.State) void {
    begin(L);
    cu_is_running = 1;
    figures.began = spentNow();
}

pub fn endRun() void {
    cu_is_running = 0;
    figures.ended = spentNow();
}

/// Steps of the last run.
pub fn runSteps() i64 {
    return figures.ended - figures.began;
}

/// The budget never goes below this, so that no payment makes it wrap around.
const budget_min = -(1 << 30);
const payment_max = 1 << 29;

/// What the VM must do before it goes on (lua/config.h).
pub export var cu_pending: c_int = 0;

/// What had been spent when the last finalizer began.
var finalizer_began: i64 = 0;

pub export fn cu_begin_finalizer() callconv(.c) void {
    finalizer_began = spentNow();
}

/// Whether the finalizer that code was stopped in is taken for one that loops: it has spent so many steps,
/// or half of what the run has.
fn hasFinalizerLooped() bool {
    const spent = spentNow() - finalizer_began;
    return spent >= 60_000 or 2 * spent >= spentNow() - figures.began;
}

/// Whether the engine's stack has room for CU_LEVELS more levels of C, and what they call.
extern "cu" fn has_stack_room() u32;

/// Levels of C that may be reached before the host is asked for more. The host has made sure of the
/// first ones before its call.
pub export var cu_levels: c_uint = c.CU_LEVELS;

pub export fn cu_has_room() callconv(.c) c_int {
    return @intFromBool(has_stack_room() != 0);
}

pub export fn cu_more_levels() callconv(.c) c_int {
    if (cu_levels >= c.LUAI_MAXCCALLS or cu_has_room() == 0) return 0;
    cu_levels = @min(cu_levels + c.CU_LEVELS, c.LUAI_MAXCCALLS);
    return 1;
}

/// Before code runs: asks for its steps. If its time is over already, its first step ends it.
pub noinline fn begin(L: *lua.State) void {
    position.forget();
    cu_levels = @min((L.nCcalls & 0xffff) + c.CU_LEVELS, c.LUAI_MAXCCALLS);
    // To ask takes 20 ns, twice a call.
    if (is_unlimited and cu_budget > unlimited / 2) {
        cu_pending &= ~c.CU_LOOKS;
    } else _ = askForSteps();
}

/// The host has used the unit for something else while code called it: the code goes on, with the
/// levels that it had. Its first step asks for more: what ends it, ends the code, and not this call.
pub fn goOn(levels: c_uint) void {
    cu_is_running = 1;
    cu_levels = levels;
    setBudget(0);
    askNext();
}

/// The next code to run is limited, or the one before was: its steps are asked for.
pub fn askNext() void {
    is_unlimited = false;
}

/// Whether code may go on.
fn askForSteps() bool {
    const given = tick();
    is_unlimited = given == unlimited;
    setBudget(@max(given, 0));
    cu_pending &= ~c.CU_LOOKS;
    return given >= 0;
}

/// Pays for work on this many bytes, as C's cu_spend.
pub fn spend(bytes: usize) void {
    owe(bytes >> 6);
}

/// Pays for steps where no exception may pass.
pub fn owe(count: usize) void {
    cu_budget -= @intCast(@min(count, payment_max));
    if (cu_budget < 0) cu_overspent();
}

/// Pays for steps where code may be ended; a thread is for the error's position only.
pub fn steps(L: ?*lua.State, count: usize) void {
    cu_budget -= @intCast(@min(count, payment_max));
    if (cu_budget < 0) cu_budget_spent(L);
}

pub export fn cu_pay_steps(L: ?*lua.State, count: usize) callconv(.c) void {
    steps(L, count);
}

pub export fn cu_owe(count: usize) callconv(.c) void {
    owe(count);
}

/// One step, where no thread is at hand.
pub fn step() void {
    steps(null, 1);
}

pub export fn cu_overspent() callconv(.c) void {
    cu_pending |= c.CU_LOOKS;
    cu_budget = @max(cu_budget, budget_min);
}

/// `L` may be null where the caller doesn't know it.
pub export fn cu_budget_spent(L: ?*lua.State) callconv(.c) void {
    if (askForSteps()) return;
    if (L) |state| {
        position.note(state, true);
        is_noted = true;
    }
    stop();
}

pub export fn cu_attend(L: *lua.State) callconv(.c) c_int {
    if (cu_pending & c.CU_LOOKS != 0) cu_budget_spent(L);
    return cu_pending & c.CU_LEAVES;
}

/// What a call changes in Lua's state, and an exception through it leaves behind.
pub const Saved = struct {
    error_jump: ?*c.struct_lua_longjmp,
    call_depth: c.l_uint32,
    /// What stops the collector, of what a finalizer or the parser sets.
    stopped: u8,
    parsers: ?*Parser,
};

const passing_stops: u8 = c.GCSTPGC | c.GCSTPCLS;

pub fn save(L: *lua.State) Saved {
    assert(L.ci == @as([*c]c.CallInfo, &L.base_ci));
    return .{
        .error_jump = L.errorJmp,
        .call_depth = L.nCcalls,
        .stopped = L.l_G.*.gcstp & passing_stops,
        .parsers = cu_parsers,
    };
}

// ldo.c: the parsers that are running, and what frees the buffers of those in an outer one.
const Parser = opaque {};
extern var cu_parsers: ?*Parser;
extern fn cu_free_parsers(L: *lua.State, outer: ?*Parser) void;

/// Makes the thread of a frame as it is between calls. Coroutines that were running in it stay
/// as they are, and can't be resumed. No __close runs: it is user code too.
pub fn recover(L: *lua.State, saved: Saved) void {
    // It wasn't noted where an import threw, or where the thread wasn't known. Of a coroutine,
    // this notes the call that resumed it.
    if (!is_noted) position.note(L, true);
    is_noted = false;
    const g = L.l_G;
    cu_free_parsers(L, saved.parsers);
    closeStopped(L);
    L.ci = &L.base_ci;
    L.tbclist.p = L.stack.p;
    closeUpvalues(L);
    L.top.p = L.stack.p + 1;
    L.errorJmp = saved.error_jump;
    L.nCcalls = saved.call_depth;
    L.errfunc = 0;
    L.allowhook = 1;
    L.status = c.LUA_OK;
    // A finalizer was running: the collector had been stopped for it. If it looped,
    // others like it would end the next calls. The bit that collectgarbage("stop") sets
    // stays.
    const was_finalizing = g.*.gcstp & ~saved.stopped & c.GCSTPGC != 0;
    if (was_finalizing and hasFinalizerLooped()) dropFinalizers(g);
    g.*.gcstp = g.*.gcstp & ~passing_stops | saved.stopped;
    g.*.gcemergency = 0;
    g.*.gcstopem = 0;
    c.cu_leaving = null;
    cu_pending = 0;
    setBudget(std.math.maxInt(c_int));
    is_unlimited = false;
    endRun();
}

/// Moves variables that functions share with coroutines that were running out of their
/// stacks: the collector clears what stands above a stack's top, and where a coroutine was
/// stopped, its top is wherever the last instruction left it. Coroutines that share none
/// aren't listed, those that wait by themselves go on.
fn closeStopped(L: *lua.State) void {
    var next: ?*lua.State = L.l_G.*.twups;
    while (next) |thread| {
        next = thread.twups;
        if (thread == L or thread.status != c.LUA_OK or thread.frame < L.frame) continue;
        const top = thread.top;
        closeUpvalues(thread);
        thread.top = top;
    }
}

/// Closes all upvalues of a thread whose top may be below some of them.
fn closeUpvalues(thread: *lua.State) void {
    thread.top.p = thread.stack_last.p;
    c.luaF_closeupval(thread, thread.stack.p + 1);
}

/// Makes ordinary garbage of the tables whose finalizers wait to be called (as
/// udata2finalize in lgc.c does, without the call). Userdata is the library's own: the
/// finalizer of a string buffer frees it.
fn dropFinalizers(g: *c.global_State) void {
    const colors: u8 = 1 << c.BLACKBIT | c.WHITEBITS;
    const is_sweeping = c.GCSswpallgc <= g.gcstate and g.gcstate <= c.GCSswpend;
    var link: *[*c]c.GCObject = &g.tobefnz;
    while (link.* != null) {
        const object = link.*;
        if (object.*.tt != c.LUA_VTABLE) {
            link = &object.*.next;
            continue;
        }
        link.* = object.*.next;
        object.*.next = g.allgc;
        g.allgc = object;
        object.*.marked &= ~@as(u8, 1 << c.FINALIZEDBIT);
        if (is_sweeping) {
            object.*.marked = object.*.marked & ~colors | g.currentwhite & @as(u8, c.WHITEBITS);
        } else if (object.*.marked & c.AGEBITS == c.G_OLD1) {
            g.firstold1 = object;
        }
    }
}
