//! JSON: the module `json` for Lua code, and texts that the host hands over and reads.

const allocator = @import("../vm/allocator.zig");
const asking = @import("../views/asking.zig");
const buffer = @import("../bridge/buffer.zig");
const contents = @import("../views/contents.zig");
const decoding = @import("small").@"bridge/json_decode.zig";
const encoding = @import("small").@"bridge/json_encode.zig";
const fields = @import("fields.zig");
const from_lua = @import("../bridge/from_lua.zig");
const io_table = @import("io_table.zig");
const limits = @import("../vm/limits.zig");
const lua = @import("../vm/lua.zig");
const pages = @import("../bridge/view_pages.zig");
const reading = @import("../views/reading.zig");
const run = @import("run.zig");
const to_lua = @import("../bridge/to_lua.zig");
const unit = @import("unit.zig");
const userdata = @import("../values/userdata.zig");
const c = lua.c;

/// Characters of an indentation, as of json_library.zig.
const indent_max = 10;

pub fn init() void {
    encoding.views = .{ .complete = complete, .copy = copy, .element = reading.element };
}

fn copy(L: *lua.State, table: *lua.Table) *lua.Table {
    _ = asking.ask(L, .all, table, 0, 0);
    return lua.tableOf(asking.answered());
}

/// What a view holds now counts for its page, so that it is collected with it.
fn complete(L: *lua.State, table: *lua.Table) void {
    contents.complete(L, table);
    pages.charge(to_lua.takenBytes());
    asking.collect(L);
}

pub export fn cu_push_null(L: *lua.State) callconv(.c) void {
    lua.push(L, userdata.nullValue());
}

/// `json.decode`, for json_library.zig.
pub export fn cu_decode_json(L: *lua.State, keeps_nulls: bool) callconv(.c) bool {
    c.lua_settop(L, 1);
    if (encoding.is_writing) {
        pushText(L, "a value is being encoded");
        return false;
    }
    const held = decoding.decode(L, lua.bytesOf(lua.stringOf(lua.at(L, 1))), keeps_nulls) catch |err| {
        pushText(L, if (err == error.Depth) decoding.depth_text else decoding.error_text);
        return false;
    };
    lua.push(L, if (lua.isNil(&held)) lua.nil else held);
    collect(L);
    return true;
}

/// `json.encode`, for json_library.zig.
pub export fn cu_encode_json(L: *lua.State, indent: [*]const u8, indent_length: usize, is_sorted: bool) callconv(.c) bool {
    if (encoding.is_writing) {
        pushText(L, "another value is being encoded");
        return false;
    }
    lua.push(L, lua.at(L, 1).*);
    var job = Encoding{ .name = "value", .options = .{ .indent = indent[0..indent_length], .is_sorted = is_sorted } };
    var status = attempt(L, &job);
    if (job.text) |text| status = lua.protect(L, pushText, text);
    dropText();
    if (status == c.LUA_ERRMEM) c.luaD_throw(L, c.LUA_ERRMEM);
    if (status != c.LUA_OK) _ = c.lua_error(L);
    if (job.result != null) pushText(L, encoding.error_text);
    collect(L);
    return job.result == null;
}

noinline fn collect(L: *lua.State) void {
    lua.collectStep(L);
}

const Encoding = struct { name: []const u8, options: encoding.Options, text: ?[]const u8 = null, result: ?encoding.Error = null };

/// Writes the value at the top of the stack; an error of Lua's, which is none of memory, is pushed.
noinline fn attempt(L: *lua.State, job: *Encoding) c_int {
    encoding.is_writing = true;
    defer encoding.is_writing = false;
    return lua.protectForError(L, write, job);
}

fn write(L: *lua.State, job: *Encoding) void {
    job.text = encoding.encode(L, lua.top(L), job.name, job.options) catch |err| {
        job.result = err;
        return;
    };
}

noinline fn pushText(L: *lua.State, text: []const u8) void {
    limits.steps(L, text.len >> 8);
    lua.push(L, lua.ofString(c.luaS_newlstr(L, text.ptr, text.len)));
}

const Input = struct { text: []const u8, keeps_nulls: bool, result: ?decoding.Error = null };

/// Sets `_io.input` to the value of a text in WASM memory, which a 0 follows.
pub fn setInput(address: u32, length: u32, keeps_nulls: bool) i32 {
    if (!unit.isIdle() or encoding.is_writing or length >= run.memoryFrom(address).len) return unit.answer(.malformed);
    const text = run.memoryFrom(address)[0 .. length + 1];
    if (text[length] != 0) return unit.answer(.malformed);
    if (!io_table.isInPlace(._io)) return fields.replaced(._io);
    limits.begin(unit.L);
    const bytes_before = allocator.taken_bytes;
    allocator.beginMessage();
    var input = Input{ .text = text[0..length], .keeps_nulls = keeps_nulls };
    const status = lua.protect(unit.L, readInput, &input);
    allocator.endMessage();
    c.lua_settop(unit.L, 0);
    if (status != c.LUA_OK) return unit.answerOf(status);
    if (input.result) |err| {
        from_lua.error_text = if (err == error.Depth) decoding.depth_text else decoding.error_text;
        return unit.answer(if (err == error.Depth) .depth else .syntax);
    }
    fields.expectInput(@intCast(allocator.taken_bytes -% bytes_before));
    collect(unit.L);
    return 0;
}

fn readInput(L: *lua.State, input: *Input) void {
    const held = decoding.decode(L, input.text, input.keeps_nulls) catch |err| {
        input.result = err;
        return;
    };
    lua.push(L, if (lua.isNil(&held)) lua.nil else held);
    io_table.set(L, .input);
}

/// Writes `_io.output` as a text for `get_text`, which stays until `dropText`; its indentation stands
/// in the buffer. Answers its length.
pub fn getOutput(indent_length: u32, is_sorted: bool) i32 {
    if (!unit.isIdle() or encoding.is_writing or indent_length > indent_max) return unit.answer(.malformed);
    if (!io_table.isInPlace(._io)) return fields.replaced(._io);
    var indent: [indent_max]u8 = undefined;
    @memcpy(indent[0..indent_length], buffer.heap[0..indent_length]);
    var job = Encoding{ .name = "output", .options = .{ .indent = indent[0..indent_length], .is_sorted = is_sorted } };
    if (refusalOfOutput(&job)) |answer| return answer;
    c.lua_settop(unit.L, 0);
    from_lua.error_text = job.text.?;
    return @intCast(job.text.?.len);
}

/// Pushes `_io.output` and writes it. Else answers why that can't be done.
fn refusalOfOutput(job: *Encoding) ?i32 {
    const output = io_table.get(.output).*;
    lua.push(unit.L, if (lua.isNil(&output)) lua.nil else output);
    limits.begin(unit.L);
    const status = attempt(unit.L, job);
    if (job.text != null) return null;
    dropText();
    if (status != c.LUA_OK) return fields.notRead(status);
    c.lua_settop(unit.L, 0);
    from_lua.error_text = encoding.error_text;
    return unit.answer(if (job.result.? == error.Depth) .depth else .unsupported);
}

/// As `fields.writeWithIo`, with `_io.output` as a text.
pub fn writeWithIo() i32 {
    if (fields.refusalOfIo()) |answer| return answer;
    if (encoding.is_writing) {
        c.lua_settop(unit.L, 0);
        from_lua.error_text = "another value is being encoded";
        return unit.answer(.unsupported);
    }
    var job = Encoding{ .name = "output", .options = .{ .indent = "", .is_sorted = false } };
    if (refusalOfOutput(&job)) |answer| return answer;
    const status = lua.protectForError(unit.L, pushText, job.text.?);
    dropText();
    if (status != c.LUA_OK) return fields.notRead(status);
    c.lua_rotate(unit.L, -2, 1);
    lua.pop(unit.L, 1);
    return fields.writeWithMeta();
}

/// The same, for the host.
pub fn drop() i32 {
    if (!unit.isIdle()) return unit.answer(.malformed);
    dropText();
    return 0;
}

/// Frees the text that `getOutput` wrote.
pub fn dropText() void {
    from_lua.error_text = "";
    encoding.drop();
}
