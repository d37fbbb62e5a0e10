//! Asks the host for what views don't have: the value that it answers with is taken as a message,
//! on a Lua thread of its own.

const assert = @import("../vm/assert.zig").assert;
const buffer = @import("../bridge/buffer.zig");
const from_lua = @import("../bridge/from_lua.zig");
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const numbers = @import("../bridge/view_numbers.zig");
const pages = @import("../bridge/view_pages.zig");
const releasing = @import("releasing.zig");
const thrown = @import("thrown.zig");
const to_lua = @import("../bridge/to_lua.zig");
const userdata = @import("../values/userdata.zig");
const wire = @import("../bridge/wire.zig");
const c = lua.c;

/// What the host is asked for; `src/lazy/host_tables.ts` answers.
pub const Op = enum(u32) {
    /// Elements of an array from `first`, at most `count`: a page.
    elements,
    /// The value of a key, which stands in the buffer: `first` words, `count` bytes.
    field,
    /// All contents.
    all,
    /// Entries from the position `first`, at most `count`: a page of keys and values by
    /// turns. Answers the position after it.
    entries,
    /// The position after a key's, which stands in the buffer; 0 where it has none.
    position,
    /// A Map's or Set's border, as `#` in Lua.
    border,
    /// Stores a key and its value, which stand in the buffer, in an external table: `first` chunks and
    /// words (wire.words_bits), `count` bytes. Answers the table's border, or how many containers came
    /// with the value (wire.adopt_base): then nothing is stored yet.
    store,
    /// The numbers that those containers have stand in the buffer, from `first`, `count` of them: the host
    /// gives each table its number.
    adopt,
    /// Stores what came with such containers. Answers as `store`.
    commit,
    /// What an external table becomes: `first` is an `external.Kind`, `count` an array's length.
    mark,
    /// An external table gets a metatable: answers 1 where the host keeps it.
    pin,
    /// A new external table.
    table,
};

/// The host has handed over the message with its answer when this returns. A result that is not
/// negative is what `Op` says, or `whole`; for a negative one see `raise`.
extern "cu" fn load(op: Op, view: u32, first: u32, count: u32) i32;

/// What `ask` returns for a `field` that the host answered with all contents.
pub const whole = 1;

/// Work that a crossing is counted as, in bytes (see limits.spend).
const crossing_bytes = 16 * 1024;

/// What telling the host something costs at least, in steps.
const telling_steps = 64;

/// Where messages are taken: a thread of its own, as the running one's stack must not
/// move under an instruction. Errors are raised in the running one.
var B: *lua.State = undefined;

/// Whether the host is being asked, and may answer with a message.
pub var is_asking = false;
/// What for: a part of an external table, or of a view of an input.
pub var is_external = false;

pub fn init(thread: *lua.State) void {
    B = thread;
}

/// Asks the host for a part of an incomplete view, which `answered` then has. What this returns is
/// said in `Op`.
pub fn ask(L: *lua.State, op: Op, table: *const lua.Table, first: u32, count: u32) u32 {
    assert(!is_asking and table.view & numbers.incomplete != 0);
    numbers.source = numbers.entryOf(table).link.source;
    is_external = numbers.isExternal(table);
    return askHost(L, op, numbers.numberOf(table), first, count);
}

noinline fn askHost(L: *lua.State, op: Op, number: u32, first: u32, count: u32) u32 {
    releasing.flush();
    pages.shrink();
    numbers.evict(L);
    c.lua_settop(B, 0);
    limits.spend(crossing_bytes);
    is_asking = true;
    const answer = load(op, number, first, count);
    is_asking = false;
    if (answer < 0) raise(L, answer);
    assert(op == .position or to_lua.finish(B) and isAnswer(op, answered()));
    limits.spend(to_lua.takenBytes());
    return @intCast(answer);
}

/// Asks for a new external table, which `answered` then has.
pub fn askForTable(L: *lua.State) void {
    _ = askHost(L, .table, 0, 0, 0);
}

/// Tells the host something about an external table, which it answers without a message: a status where
/// it is negative, and more than `wire.adopt_base`.
pub fn tell(op: Op, number: u32, first: u32, count: u32) i32 {
    assert(!is_asking);
    releasing.flush();
    limits.owe(telling_steps);
    return load(op, number, first, count);
}

/// Bytes that the host's answer takes in Lua's heap.
pub fn takenBytes() usize {
    return to_lua.takenBytes();
}

/// The value that the host has answered with.
pub inline fn answered() *lua.Value {
    return lua.top(B);
}

/// Whether the host's message is what it was asked for.
fn isAnswer(op: Op, given: *const lua.Value) bool {
    return op == .field or given.tt_ == lua.tag.table;
}

/// Asks for what `op` says of a key; null for a key that no container of the host has.
pub fn askForKey(L: *lua.State, op: Op, table: *lua.Table, key: *const lua.Value) ?u32 {
    switch (key.tt_) {
        lua.tag.short_string, lua.tag.long_string => limits.spend(lua.bytesOf(lua.stringOf(key)).len),
        lua.tag.integer, lua.tag.float, lua.tag.true_, lua.tag.false_ => {
            const paged = numbers.entryOf(table).paged orelse return null;
            if (paged.kind == .record) return null;
        },
        lua.tag.table => if (numbers.numberOf(lua.tableOf(key)) == 0) return null,
        lua.tag.userdata => if (userdata.dateNumberOf(key) == 0) return null,
        else => return null,
    }
    const answer = askWith(L, op, table, key);
    collect(L); // the answer stands on B's stack
    return answer;
}

/// Asks for the value of a key of an external table: a string, number, boolean or external table.
pub fn askForValue(L: *lua.State, table: *lua.Table, key: *const lua.Value) void {
    _ = askWith(L, .field, table, key);
}

fn askWith(L: *lua.State, op: Op, table: *lua.Table, key: *const lua.Value) u32 {
    from_lua.start(L);
    from_lua.hostKey(L, key) catch unreachable; // strings, numbers, booleans and numbers of views
    const words = from_lua.finish(L, false);
    return ask(L, op, table, words, buffer.heapCount());
}

/// Asks for the border of a Map or Set.
pub fn askForBorder(table: *const lua.Table) u32 {
    releasing.flush();
    const answer = load(.border, numbers.numberOf(table), 0, 0);
    if (answer == @intFromEnum(wire.Status.thrown)) thrown.drop();
    const border: u32 = @intCast(@max(0, answer));
    limits.spend(crossing_bytes + @as(usize, border) * 64);
    return border;
}

/// Raises the error of a value that the host could not give.
pub fn raise(L: *lua.State, answer: i32) noreturn {
    _ = to_lua.finish(B);
    c.lua_settop(B, 0);
    if (answer == @intFromEnum(wire.Status.memory)) c.luaD_throw(L, c.LUA_ERRMEM);
    assert(answer == @intFromEnum(wire.Status.thrown));
    thrown.cu_raise_thrown(L);
}

/// Keeps a table as a page of a view: of what the host has answered with, or for it.
pub fn keepPage(table: *lua.Table, values: *lua.Table, first: u32, count: u32, is_single: bool) *pages.Page {
    const page = pages.keep(.{
        .owner = numbers.numberOf(table),
        .first = first,
        .count = count,
        .values = values,
        .bytes = to_lua.takenBytes(),
    }, is_single);
    lua.barrier(B, table, lua.ofTable(values));
    return page;
}

/// One step of the collector, if it is time for one: code that only reads a view
/// allocates nothing by itself. Without finalizers and moving stacks (as in an emergency),
/// as an instruction is under way.
pub fn collect(L: *lua.State) void {
    const g = L.l_G;
    if (g.*.gcemergency != 0 or g.*.GCdebt <= 0 and !lua.is_stressed) return;
    g.*.gcemergency = 1;
    c.luaC_step(L);
    g.*.gcemergency = 0;
}

/// Lets go of what nothing in Lua refers to, so that the host can: no finalizer runs.
pub fn collectAll(L: *lua.State) void {
    c.lua_settop(B, 0); // what the host answered last
    if (!numbers.hasViews()) return;
    c.luaC_fullgc(L, 1);
    releasing.flush();
}
