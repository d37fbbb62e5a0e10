//! Functions as bytes: in the form of Lua's own `string.dump` (ldump.c), with all that errors tell of lines
//! and names. `load` takes none (sandbox.zig); what external tables have is read here, in place of
//! lundump.c, which trusts what it reads. Nothing is taken ahead of the bytes that are there, functions in
//! functions are read without recursion, and each one is checked (bytecode_check.zig).

const std = @import("std");
const check = @import("bytecode_check.zig");
const lua = @import("unit").@"vm/lua.zig";
const c = lua.c;

const Proto = c.Proto;

extern fn luaU_dump(L: *lua.State, p: *const Proto, writer: c.lua_Writer, data: ?*anyopaque, strips: c_int) c_int;

/// Functions nest so deep at most: luaU_dump recurses.
pub const depth_max = 64;

/// Lines are less than this, so that to add some up can't overflow.
const line_max = 1 << 30;

/// Instructions between two whose line is written in full, at most (MAXIWTHABS).
const instructions_between_lines = 128;
/// What stands in place of such a line (ABSLINEINFO).
const full_line = -0x80;

pub const Error = error{Damaged};

/// Whether a function may be dumped: it doesn't nest too deep.
pub fn isWithinDepth(p: *const Proto, levels_max: u32) bool {
    if (levels_max == 0) return false;
    for (0..@intCast(p.sizep)) |i| if (!isWithinDepth(p.p[i], levels_max - 1)) return false;
    return true;
}

/// Whether `load` will take a function, and those in it. May raise a memory error.
pub fn isSound(L: *lua.State, p: *const Proto) bool {
    for (0..@intCast(p.sizep)) |i| if (!isSound(L, p.p[i])) return false;
    return check.isSound(L, p);
}

/// The bytes of a function, as a string. May raise a memory error.
pub fn dump(L: *lua.State, p: *const Proto) *lua.String {
    var length: usize = 0;
    _ = luaU_dump(L, p, count, &length, 0);
    const string: *lua.String = @ptrCast(c.luaS_createlngstrobj(L, length));
    var left: []u8 = lua.bytesOf(string);
    _ = luaU_dump(L, p, copy, @ptrCast(&left), 0);
    return string;
}

fn count(_: ?*lua.State, _: ?*const anyopaque, size: usize, data: ?*anyopaque) callconv(.c) c_int {
    const length: *usize = @ptrCast(@alignCast(data));
    length.* += size;
    return 0;
}

fn copy(_: ?*lua.State, bytes: ?*const anyopaque, size: usize, data: ?*anyopaque) callconv(.c) c_int {
    const left: *[]u8 = @ptrCast(@alignCast(data));
    const given: [*]const u8 = @ptrCast(bytes);
    @memcpy(left.*[0..size], given[0..size]);
    left.* = left.*[size..];
    return 0;
}

/// The function of such bytes, at the top of the stack, which has two free places; its one upvalue, if it has
/// one, gets a value. The bytes must be reachable. May raise a memory error; where the bytes are damaged, the
/// stack is as it was.
pub fn load(L: *lua.State, bytes: []const u8, upvalue: lua.Value) Error!void {
    var reader = Reader{ .left = bytes };
    try reader.header();
    const upvalue_count = try reader.byte();
    if (upvalue_count > 1) return error.Damaged;
    const closure: *c.LClosure = @ptrCast(c.luaF_newLclosure(L, upvalue_count));
    lua.push(L, .{ .value_ = .{ .gc = @ptrCast(closure) }, .tt_ = c.LUA_VLCL | lua.collectable });
    errdefer lua.pop(L, 1);
    closure.p = c.luaF_newproto(L);
    barrier(L, @ptrCast(closure), @ptrCast(closure.p));
    try reader.functions(L, closure.p);
    if (reader.left.len != 0 or closure.p.*.sizeupvalues != upvalue_count) return error.Damaged;
    if (upvalue_count == 0) return;
    c.luaF_initupvals(L, closure);
    const held: *c.UpVal = @as([*]*c.UpVal, @ptrCast(&closure.upvals))[0];
    held.v.p.* = upvalue;
    barrier(L, @ptrCast(held), upvalue.value_.gc);
}

/// As luaC_objbarrier: after an object refers to another one.
fn barrier(L: *lua.State, owner: *c.GCObject, held: *c.GCObject) void {
    const white = 1 << c.WHITE0BIT | 1 << c.WHITE1BIT;
    if (owner.marked & (1 << c.BLACKBIT) != 0 and held.marked & white != 0) c.luaC_barrier_(L, owner, held);
}

const Level = struct { p: *Proto, next: u32 };
var levels: [depth_max]Level = undefined;

const Reader = struct {
    left: []const u8,

    fn take(self: *Reader, length: usize) Error![]const u8 {
        if (length > self.left.len) return error.Damaged;
        defer self.left = self.left[length..];
        return self.left[0..length];
    }

    fn byte(self: *Reader) Error!u8 {
        return (try self.take(1))[0];
    }

    /// Seven bits a byte; the last one has its highest bit set.
    fn integer(self: *Reader) Error!u32 {
        var result: u32 = 0;
        while (true) {
            const part = try self.byte();
            if (result >= 1 << 24) return error.Damaged;
            result = result << 7 | (part & 0x7f);
            if (part & 0x80 != 0) return result;
        }
    }

    /// How many of something follow, each of which takes so many bytes or more.
    fn countOf(self: *Reader, size: usize) Error!u32 {
        const result = try self.integer();
        if (result > self.left.len / size) return error.Damaged;
        return result;
    }

    fn line(self: *Reader) Error!c_int {
        const result = try self.integer();
        return if (result < line_max) @intCast(result) else error.Damaged;
    }

    fn flag(self: *Reader) Error!u8 {
        const result = try self.byte();
        return if (result <= 1) result else error.Damaged;
    }

    /// As ldump.c writes it, on a machine with the sizes of this one.
    fn header(self: *Reader) Error!void {
        const expected = "\x1bLua" ++ [_]u8{ 0x54, 0 } ++ "\x19\x93\r\n\x1a\n" ++ [_]u8{ @sizeOf(c.Instruction), @sizeOf(c.lua_Integer), @sizeOf(c.lua_Number) } ++
            std.mem.toBytes(@as(i64, 0x5678)) ++ std.mem.toBytes(@as(f64, 370.5));
        const given = try self.take(expected.len);
        for (given, expected) |a, b| if (a != b) return error.Damaged;
    }

    /// A string of a function; null where there is none.
    fn string(self: *Reader, L: *lua.State, p: *Proto) Error!?*lua.String {
        const length = try self.integer();
        if (length == 0) return null;
        const bytes = try self.take(length - 1);
        const result: *lua.String = @ptrCast(c.luaS_newlstr(L, bytes.ptr, bytes.len));
        barrier(L, @ptrCast(p), @ptrCast(result));
        return result;
    }

    /// Reads a function and those in it.
    fn functions(self: *Reader, L: *lua.State, outermost: *Proto) Error!void {
        var depth: u32 = 1;
        levels[0] = .{ .p = outermost, .next = 0 };
        try self.begin(L, outermost, null);
        while (true) {
            const level = &levels[depth - 1];
            const p = level.p;
            if (level.next < p.sizep) {
                if (depth == depth_max) return error.Damaged;
                const inner: *Proto = @ptrCast(c.luaF_newproto(L));
                p.p[level.next] = inner;
                barrier(L, @ptrCast(p), @ptrCast(inner));
                level.next += 1;
                levels[depth] = .{ .p = inner, .next = 0 };
                depth += 1;
                try self.begin(L, inner, p.source);
                continue;
            }
            try self.debug(L, p);
            if (!check.isSound(L, p)) return error.Damaged;
            depth -= 1;
            if (depth == 0) return;
        }
    }

    /// What stands before the functions in a function, and how many those are.
    fn begin(self: *Reader, L: *lua.State, p: *Proto, outer_source: ?*c.TString) Error!void {
        p.source = @ptrCast(try self.string(L, p) orelse outer_source orelse return error.Damaged);
        barrier(L, @ptrCast(p), @ptrCast(p.source));
        p.linedefined = try self.line();
        p.lastlinedefined = try self.line();
        p.numparams = try self.byte();
        p.is_vararg = try self.flag();
        p.maxstacksize = try self.byte();
        const code_count = try self.countOf(@sizeOf(c.Instruction));
        p.code = vector(c.Instruction, L, code_count);
        p.sizecode = @intCast(code_count);
        try self.fill(p.code, code_count);
        try self.constants(L, p);
        try self.upvalues(L, p);
        const inner_count = try self.countOf(1);
        p.p = vector([*c]Proto, L, inner_count);
        p.sizep = @intCast(inner_count);
        for (0..inner_count) |i| p.p[i] = null;
    }

    fn fill(self: *Reader, target: anytype, length: u32) Error!void {
        const size = length * @sizeOf(std.meta.Child(@TypeOf(target)));
        const bytes: [*]u8 = @ptrCast(target orelse return);
        @memcpy(bytes[0..size], try self.take(size));
    }

    fn constants(self: *Reader, L: *lua.State, p: *Proto) Error!void {
        const length = try self.countOf(1);
        p.k = vector(c.TValue, L, length);
        p.sizek = @intCast(length);
        for (0..length) |i| p.k[i].tt_ = lua.tag.nil;
        for (0..length) |i| {
            const held: *lua.Value = @ptrCast(&p.k[i]);
            held.* = switch (try self.byte()) {
                lua.tag.nil => lua.nil,
                lua.tag.false_ => lua.boolean(false),
                lua.tag.true_ => lua.boolean(true),
                lua.tag.integer => lua.integer(@bitCast((try self.take(8))[0..8].*)),
                lua.tag.float => lua.float(@bitCast((try self.take(8))[0..8].*)),
                c.LUA_VSHRSTR, c.LUA_VLNGSTR => lua.ofString(try self.string(L, p) orelse return error.Damaged),
                else => return error.Damaged,
            };
        }
    }

    fn upvalues(self: *Reader, L: *lua.State, p: *Proto) Error!void {
        const length = try self.countOf(3);
        if (length > 255) return error.Damaged;
        p.upvalues = vector(c.Upvaldesc, L, length);
        p.sizeupvalues = @intCast(length);
        for (0..length) |i| p.upvalues[i] = .{};
        for (0..length) |i| {
            p.upvalues[i].instack = try self.flag();
            p.upvalues[i].idx = try self.byte();
            p.upvalues[i].kind = try self.byte();
        }
    }

    /// Lines and names.
    fn debug(self: *Reader, L: *lua.State, p: *Proto) Error!void {
        const line_count = try self.countOf(1);
        p.lineinfo = vector(c.ls_byte, L, line_count);
        p.sizelineinfo = @intCast(line_count);
        try self.fill(p.lineinfo, line_count);
        const full_count = try self.countOf(2);
        p.abslineinfo = vector(c.AbsLineInfo, L, full_count);
        p.sizeabslineinfo = @intCast(full_count);
        for (0..full_count) |i| p.abslineinfo[i] = .{ .pc = try self.line(), .line = try self.line() };
        if (!hasLines(p)) return error.Damaged;
        const local_count = try self.countOf(3);
        p.locvars = vector(c.LocVar, L, local_count);
        p.sizelocvars = @intCast(local_count);
        for (0..local_count) |i| p.locvars[i] = .{};
        for (0..local_count) |i| {
            p.locvars[i].varname = @ptrCast(try self.string(L, p) orelse return error.Damaged);
            p.locvars[i].startpc = try self.line();
            p.locvars[i].endpc = try self.line();
        }
        if (try self.integer() != p.sizeupvalues) return error.Damaged;
        for (0..@intCast(p.sizeupvalues)) |i| {
            p.upvalues[i].name = @ptrCast(try self.string(L, p) orelse return error.Damaged);
        }
    }
};

/// Whether each instruction has its line, as luaG_getfuncline looks for it: those that are written in full
/// stand where their places are, and often enough.
fn hasLines(p: *const Proto) bool {
    if (p.sizelineinfo != p.sizecode) return false;
    var full: u32 = 0;
    var since: u32 = 0;
    for (0..@intCast(p.sizelineinfo)) |pc| {
        since += 1;
        if (p.lineinfo[pc] == full_line) {
            if (full == p.sizeabslineinfo or p.abslineinfo[full].pc != pc) return false;
            full += 1;
            since = 1;
        }
        if (since > instructions_between_lines) return false;
    }
    return full == p.sizeabslineinfo;
}

fn vector(comptime T: type, L: *lua.State, length: u32) [*c]T {
    return @ptrCast(@alignCast(c.luaM_malloc_(L, length * @sizeOf(T), 0)));
}
