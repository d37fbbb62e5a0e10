//! Checks the instructions of a function before the VM runs them. The VM trusts its compiler and looks at
//! nothing itself, so what comes from elsewhere could make it read and write any memory of the unit. Here
//! it is found out whether each instruction does what Lua's compiler would have it do: by the table of
//! instructions and the notes in lopcodes.h, and by what lvm.c and lfunc.c take for granted.
//!
//! - Each operand names a register, constant, upvalue or function that there is, of the kind that the
//!   instruction needs; instructions that belong together stand together (a test and its jump, an
//!   arithmetic one and its metamethod's, those of more arguments than fit, and a call of as many values as
//!   the one before it has left).
//! - Jumps lead to instructions that may be jumped to, and into no loop and no table constructor.
//! - The three registers of a numeric loop are written by the loop alone, and the table that a list of
//!   values goes into was made in that register. What writes below one's own registers would do harm
//!   there, and so would a function that has captured one.
//! - Variables to be closed are marked in the order of their registers, and closed before the function
//!   gives up their place; a function with upvalues of its own closes them when it returns.
//!
//! A register that was not written has what an earlier call has left there, which is a value, or nil:
//! the collector clears what is above a thread's top (lgc.c, traversethread).

const std = @import("std");
const lua = @import("unit").@"vm/lua.zig";
const c = lua.c;

const Proto = c.Proto;

/// More elements would overflow Lua's own arithmetic of sizes.
const list_size_max = 1 << 26;
/// The logarithm of a table's places, and 1.
const hash_size_max = 27;

/// How often each instruction may be looked at for what is captured, on average. Code of the compiler's
/// needs two or so; only made up code can need as many looks as there are registers.
const looks_max = 64;

/// Registers, and so three of each loop.
const registers_max = 255;
const loops_max = registers_max / 3 + 1;

/// No instruction, or no register.
const none = std.math.maxInt(u32);
/// In place of the next one in a list: it isn't in that.
const unlisted = none - 1;

/// What is found out about an instruction.
const Note = struct {
    /// The first and the last instruction that jumps here.
    first: u32 = none,
    last: u32 = 0,
    /// The instruction, and 1, that marked the innermost variable that is to be closed here, or 0; `none`
    /// where nothing leads here.
    open: u32 = none,
    /// The next one whose successors are to be looked at.
    next: u32 = unlisted,
};

/// Registers that functions capture, of those that any captures: a bit for each, in their order.
const Captured = [registers_max / 32 + 1]u32;

/// Whether the VM may run a function. Those in it are looked at on their own. May raise a memory error.
pub fn isSound(L: *lua.State, p: *const Proto) bool {
    const count: u32 = @intCast(p.sizecode);
    if (count == 0 or p.numparams > p.maxstacksize or p.maxstacksize > registers_max) return false;
    const words = findCaptured(p);
    const size = count * (@sizeOf(Note) + words * @sizeOf(u32));
    const memory: [*]Note = @ptrCast(@alignCast(c.luaM_malloc_(L, size, 0)));
    defer c.luaM_free_(L, memory, size);
    @memset(memory[0..count], .{});
    const sets: [*]u32 = @ptrCast(memory + count);
    @memset(sets[0 .. count * words], 0);
    var check = Check{
        .p = p,
        .code = p.code[0..count],
        .notes = memory[0..count],
        .sets = sets,
        .words = words,
        .closes = words > 0 or hasVariablesToClose(p),
    };
    check.instructions() catch return false;
    check.flow() catch return false;
    check.registers() catch return false;
    return true;
}

/// Of each register, how many below it are captured by a function in this one.
var captured_below: [registers_max + 2]u16 = undefined;

/// Counts the captured registers; answers how many words have a bit for each.
fn findCaptured(p: *const Proto) u32 {
    var is_captured: [registers_max + 1]bool = @splat(false);
    for (0..@intCast(p.sizep)) |i| {
        const inner = p.p[i];
        for (0..@intCast(inner.*.sizeupvalues)) |k| {
            const description = &inner.*.upvalues[k];
            if (description.instack != 0) is_captured[description.idx] = true;
        }
    }
    var below: u16 = 0;
    for (is_captured, 0..) |is_one, register| {
        captured_below[register] = below;
        below += @intFromBool(is_one);
    }
    captured_below[registers_max + 1] = below;
    return (below + 31) / 32;
}

fn hasVariablesToClose(p: *const Proto) bool {
    for (p.code[0..@intCast(p.sizecode)]) |word| {
        const op = (Instruction{ .word = word }).op();
        if (op == c.OP_TBC or op == c.OP_TFORPREP) return true;
    }
    return false;
}

const Unsound = error{Unsound};

/// An instruction's operands (lopcodes.h).
const Instruction = struct {
    word: u32,

    fn op(self: Instruction) u32 {
        return self.word & 0x7f;
    }
    fn a(self: Instruction) u32 {
        return self.word >> c.POS_A & 0xff;
    }
    fn b(self: Instruction) u32 {
        return self.word >> c.POS_B & 0xff;
    }
    fn c_(self: Instruction) u32 {
        return self.word >> c.POS_C;
    }
    fn k(self: Instruction) bool {
        return self.word >> c.POS_k & 1 != 0;
    }
    fn bx(self: Instruction) u32 {
        return self.word >> c.POS_Bx;
    }
    fn ax(self: Instruction) u32 {
        return self.word >> c.POS_Ax;
    }
    fn has(self: Instruction, mode: Mode) bool {
        return c.luaP_opmodes[self.op()] & @intFromEnum(mode) != 0;
    }
    /// Whether it leaves values up to the top for the next one (isOT).
    fn leavesTop(self: Instruction) bool {
        return self.has(.leaves_top) and self.c_() == 0 or self.op() == c.OP_TAILCALL;
    }
    /// Whether it takes such values (isIT).
    fn takesTop(self: Instruction) bool {
        return self.has(.takes_top) and self.b() == 0 and self.op() != c.OP_VARARGPREP;
    }
};

/// Bits of luaP_opmodes.
const Mode = enum(u8) { sets_a = 1 << 3, is_test = 1 << 4, takes_top = 1 << 5, leaves_top = 1 << 6, is_metamethod = 1 << 7 };

/// What an operand must be. `either` is a constant or a register, as the instruction says.
const Kind = enum(u8) { none, register, upvalue, constant, name, number, integer, event, either };
const Kinds = struct { a: Kind = .none, b: Kind = .none, c: Kind = .none };

const operand_kinds: [c.NUM_OPCODES]Kinds = table: {
    var result: [c.NUM_OPCODES]Kinds = undefined;
    for (&result, 0..) |*kinds, op| kinds.* = kindsOf(op);
    break :table result;
};

fn kindsOf(op: comptime_int) Kinds {
    return switch (op) {
        c.OP_LOADI, c.OP_LOADF, c.OP_LOADK, c.OP_LOADKX, c.OP_LOADFALSE, c.OP_LFALSESKIP, c.OP_LOADTRUE => .{ .a = .register },
        c.OP_TBC, c.OP_TEST, c.OP_RETURN1, c.OP_NEWTABLE, c.OP_CLOSURE => .{ .a = .register },
        c.OP_EQI, c.OP_LTI, c.OP_LEI, c.OP_GTI, c.OP_GEI => .{ .a = .register },
        c.OP_MOVE, c.OP_UNM, c.OP_BNOT, c.OP_NOT, c.OP_LEN, c.OP_TESTSET => .{ .a = .register, .b = .register },
        c.OP_EQ, c.OP_LT, c.OP_LE, c.OP_ADDI, c.OP_SHRI, c.OP_SHLI, c.OP_GETI => .{ .a = .register, .b = .register },
        c.OP_GETTABLE, c.OP_ADD...c.OP_SHR => .{ .a = .register, .b = .register, .c = .register },
        c.OP_GETUPVAL, c.OP_SETUPVAL => .{ .a = .register, .b = .upvalue },
        c.OP_GETTABUP => .{ .a = .register, .b = .upvalue, .c = .name },
        c.OP_GETFIELD => .{ .a = .register, .b = .register, .c = .name },
        c.OP_SETTABUP => .{ .a = .upvalue, .b = .name, .c = .either },
        c.OP_SETTABLE => .{ .a = .register, .b = .register, .c = .either },
        c.OP_SETI => .{ .a = .register, .c = .either },
        c.OP_SETFIELD => .{ .a = .register, .b = .name, .c = .either },
        c.OP_SELF => .{ .a = .register, .b = .register, .c = .either },
        c.OP_ADDK...c.OP_IDIVK => .{ .a = .register, .b = .register, .c = .number },
        c.OP_BANDK...c.OP_BXORK => .{ .a = .register, .b = .register, .c = .integer },
        c.OP_MMBIN => .{ .a = .register, .b = .register, .c = .event },
        c.OP_MMBINI => .{ .a = .register, .c = .event },
        c.OP_MMBINK => .{ .a = .register, .b = .number, .c = .event },
        c.OP_EQK => .{ .a = .register, .b = .constant },
        else => .{},
    };
}

fn require(holds: bool) Unsound!void {
    if (!holds) return error.Unsound;
}

const Check = struct {
    p: *const Proto,
    code: []const u32,
    notes: []Note,
    /// What has been captured at each instruction: so many words.
    sets: [*]u32,
    words: u32,
    closes: bool,

    fn at(self: *const Check, pc: u32) Instruction {
        return .{ .word = self.code[pc] };
    }

    fn size(self: *const Check) u32 {
        return self.p.maxstacksize;
    }

    // Each instruction for itself, and with its neighbours.

    fn instructions(self: *Check) Unsound!void {
        const last: u32 = @intCast(self.code.len - 1);
        for (0..self.code.len) |i| try require(self.at(@intCast(i)).op() < c.NUM_OPCODES);
        switch (self.at(last).op()) {
            c.OP_RETURN, c.OP_RETURN0, c.OP_RETURN1 => {},
            else => return error.Unsound,
        }
        try require(self.p.is_vararg == 0 or self.at(0).op() == c.OP_VARARGPREP);
        for (0..self.code.len) |i| {
            const pc: u32 = @intCast(i);
            if (pc < last) try self.neighbours(pc);
            try self.operands(pc);
            if (self.at(pc).takesTop()) try self.taker(pc);
        }
        for (self.notes, 0..) |*note, pc| if (note.first != none) try self.target(@intCast(pc));
    }

    /// What the next instruction must be, which there is.
    fn neighbours(self: *Check, pc: u32) Unsound!void {
        const i = self.at(pc);
        const next = self.at(pc + 1);
        const op = i.op();
        if (i.has(.is_test)) try require(next.op() == c.OP_JMP and pc + 2 < self.code.len);
        try require((metamethodOf(op) != 0) == next.has(.is_metamethod));
        if (metamethodOf(op) != 0) try require(next.op() == metamethodOf(op) and pc + 2 < self.code.len);
        try require(self.hasExtra(pc) == (next.op() == c.OP_EXTRAARG));
        if (i.leavesTop()) try require(next.takesTop());
        if (op == c.OP_TFORCALL) try require(next.op() == c.OP_TFORLOOP and next.a() == i.a());
    }

    fn hasExtra(self: *const Check, pc: u32) bool {
        const i = self.at(pc);
        const op = i.op();
        return op == c.OP_LOADKX or op == c.OP_NEWTABLE or op == c.OP_SETLIST and i.k();
    }

    /// What calls the metamethod of an arithmetic instruction; 0 where there is none.
    fn metamethodOf(op: u32) u32 {
        return switch (op) {
            c.OP_ADDI, c.OP_SHRI, c.OP_SHLI => c.OP_MMBINI,
            c.OP_ADDK...c.OP_BXORK => c.OP_MMBINK,
            c.OP_ADD...c.OP_SHR => c.OP_MMBIN,
            else => 0,
        };
    }

    /// Takes the values that the instruction before it has left, which begin above its own register.
    fn taker(self: *Check, pc: u32) Unsound!void {
        try require(pc > 0);
        const before = self.at(pc - 1);
        const i = self.at(pc);
        const own: u32 = if (i.op() == c.OP_RETURN) 0 else 1;
        try require(before.leavesTop() and before.a() >= i.a() + own);
    }

    /// Whether an instruction may be jumped to.
    fn target(self: *const Check, pc: u32) Unsound!void {
        const i = self.at(pc);
        switch (i.op()) {
            c.OP_EXTRAARG, c.OP_VARARGPREP => return error.Unsound,
            c.OP_SELF => try require(i.k()),
            else => try require(!i.takesTop() and !i.has(.is_metamethod)),
        }
    }

    fn operands(self: *Check, pc: u32) Unsound!void {
        const i = self.at(pc);
        const a = i.a();
        const b = i.b();
        const op = i.op();
        const kinds = operand_kinds[op];
        try self.operand(kinds.a, a);
        try self.operand(kinds.b, b);
        try self.operand(if (kinds.c != .either) kinds.c else if (i.k()) .constant else .register, i.c_());
        const extent = extentOf(i);
        if (extent > 0) try self.range(a, extent);
        switch (op) {
            c.OP_LOADK => _ = try self.constant(i.bx()),
            c.OP_LOADKX => _ = try self.constant(self.at(pc + 1).ax()),
            c.OP_LFALSESKIP => try self.jump(pc, pc + 2),
            c.OP_NEWTABLE => {
                try require(b <= hash_size_max and i.k() == (self.at(pc + 1).ax() != 0));
                try require(self.listSize(pc) <= list_size_max);
            },
            c.OP_SELF => try require(lua.isString(try self.selfKey(pc))),
            c.OP_CONCAT => try require(b >= 2),
            c.OP_JMP => try self.jump(pc, jumped(pc, i)),
            c.OP_TAILCALL, c.OP_RETURN => {
                const expected: u32 = if (self.p.is_vararg != 0) self.p.numparams + 1 else 0;
                try require(i.c_() == expected and (i.k() or !self.closes));
            },
            c.OP_RETURN0, c.OP_RETURN1 => try require(self.p.is_vararg == 0 and !self.closes),
            c.OP_FORPREP => {
                const end = pc + 1 + i.bx();
                try require(end + 1 < self.code.len);
                const loop = self.at(end);
                try require(loop.op() == c.OP_FORLOOP and loop.a() == a and loop.bx() == i.bx() + 1);
                try self.jump(pc, end + 1);
            },
            c.OP_TFORPREP => {
                const end = pc + 1 + i.bx();
                try self.jump(pc, end);
                try require(self.at(end).op() == c.OP_TFORCALL and self.at(end).a() == a);
            },
            c.OP_FORLOOP, c.OP_TFORLOOP => try self.jump(pc, pc + 1 -% i.bx()),
            c.OP_TFORCALL => try require(i.c_() >= 1),
            c.OP_SETLIST => try require(self.listSize(pc) + b <= list_size_max),
            c.OP_CLOSURE => try self.closure(i.bx()),
            c.OP_VARARG => try require(self.p.is_vararg != 0),
            c.OP_VARARGPREP => try require(pc == 0 and self.p.is_vararg != 0 and a == self.p.numparams),
            c.OP_EXTRAARG => try require(pc > 0 and self.hasExtra(pc - 1)),
            else => {},
        }
        if (i.has(.is_metamethod)) try require(pc > 0 and metamethodOf(self.at(pc - 1).op()) == op);
    }

    /// How many registers an instruction uses, from its A on, where that isn't told by its operands.
    fn extentOf(i: Instruction) u32 {
        const b = i.b();
        return switch (i.op()) {
            c.OP_LOADNIL, c.OP_SETLIST => b + 1,
            c.OP_SELF => 2,
            c.OP_CONCAT => b,
            c.OP_CALL => @max(1, b, i.c_() -| 1),
            c.OP_TAILCALL => @max(1, b),
            c.OP_RETURN => b -| 1,
            c.OP_FORPREP, c.OP_FORLOOP, c.OP_TFORPREP => 4,
            c.OP_TFORCALL => 4 + @max(3, i.c_()),
            c.OP_TFORLOOP => 5,
            c.OP_VARARG => @max(1, i.c_() -| 1),
            else => 0,
        };
    }

    fn jumped(pc: u32, i: Instruction) u32 {
        return @bitCast(@as(i32, @intCast(pc + 1)) + @as(i32, @intCast(i.ax())) - c.OFFSET_sJ);
    }

    fn operand(self: *const Check, kind: Kind, given: u32) Unsound!void {
        switch (kind) {
            .none, .either => {},
            .register => try self.register(given),
            .upvalue => try self.upvalue(given),
            .event => try require(given >= c.TM_ADD and given <= c.TM_SHR),
            .constant => _ = try self.constant(given),
            .name => try require((try self.constant(given)).tt_ == lua.tag.short_string),
            .number => try require((try self.constant(given)).tt_ & 0x0f == c.LUA_TNUMBER),
            .integer => try require((try self.constant(given)).tt_ == lua.tag.integer),
        }
    }

    fn register(self: *const Check, number_: u32) Unsound!void {
        try require(number_ < self.size());
    }

    /// So many registers from one on.
    fn range(self: *const Check, first: u32, count: u32) Unsound!void {
        try require(first + count <= self.size());
    }

    fn upvalue(self: *const Check, number_: u32) Unsound!void {
        try require(number_ < @as(u32, @intCast(self.p.sizeupvalues)));
    }

    fn constant(self: *const Check, number_: u32) Unsound!*const lua.Value {
        try require(number_ < @as(u32, @intCast(self.p.sizek)));
        return @ptrCast(&self.p.k[number_]);
    }

    /// The name of a method: a constant, or loaded into its register by the instructions just before.
    fn selfKey(self: *const Check, pc: u32) Unsound!*const lua.Value {
        const i = self.at(pc);
        if (i.k()) return self.constant(i.c_());
        try require(pc > 0);
        const before = self.at(pc - 1);
        if (before.op() == c.OP_LOADK) {
            try require(before.a() == i.c_());
            return self.constant(before.bx());
        }
        try require(pc > 1 and before.op() == c.OP_EXTRAARG);
        const loads = self.at(pc - 2);
        try require(loads.op() == c.OP_LOADKX and loads.a() == i.c_());
        return self.constant(before.ax());
    }

    fn listSize(self: *const Check, pc: u32) u64 {
        const i = self.at(pc);
        const more: u64 = if (i.k()) self.at(pc + 1).ax() else 0;
        return i.c_() + more * (c.MAXARG_C + 1);
    }

    fn closure(self: *const Check, number_: u32) Unsound!void {
        try require(number_ < @as(u32, @intCast(self.p.sizep)));
        const inner = self.p.p[number_];
        for (0..@intCast(inner.*.sizeupvalues)) |k| {
            const description = &inner.*.upvalues[k];
            if (description.instack != 0) try self.register(description.idx) else try self.upvalue(description.idx);
        }
    }

    /// Notes a jump. Where it leads to is looked at when all are known.
    fn jump(self: *Check, from: u32, to: u32) Unsound!void {
        try require(to < self.code.len);
        const note = &self.notes[to];
        note.first = @min(note.first, from);
        note.last = @max(note.last, from);
    }

    // What is captured or to be closed, wherever code may come from.

    /// Instructions whose successors are to be looked at, as a list.
    var waiting: u32 = none;

    fn flow(self: *Check) Unsound!void {
        waiting = none;
        var set: Captured = @splat(0);
        try self.lead(0, 0, &set);
        var looks: u64 = 0;
        while (waiting != none) : (looks += 1) {
            try require(looks < looks_max * @as(u64, self.code.len));
            const pc = waiting;
            const note = &self.notes[pc];
            waiting = note.next;
            note.next = unlisted;
            @memcpy(set[0..self.words], self.setOf(pc));
            try self.step(pc, note.open, &set);
        }
    }

    fn setOf(self: *const Check, pc: u32) []u32 {
        return self.sets[pc * self.words ..][0..self.words];
    }

    /// Whether a register from this one on has been captured.
    fn isCapturedFrom(self: *const Check, pc: u32, first: u32) bool {
        const set = self.setOf(pc);
        for (captured_below[first]..captured_below[registers_max + 1]) |bit| if (set[bit / 32] >> @intCast(bit % 32) & 1 != 0) return true;
        return false;
    }

    /// The register of the innermost variable to be closed, and 1; 0 where there is none.
    fn openEnd(self: *const Check, open: u32) u32 {
        if (open == 0) return 0;
        const i = self.at(open - 1);
        return i.a() + @as(u32, if (i.op() == c.OP_TBC) 1 else 4);
    }

    /// What an instruction makes of it, for those that may come next.
    fn step(self: *Check, pc: u32, open_before: u32, captured: *Captured) Unsound!void {
        const i = self.at(pc);
        const a = i.a();
        const end = self.openEnd(open_before);
        var open = open_before;
        switch (i.op()) {
            c.OP_RETURN, c.OP_RETURN0, c.OP_RETURN1 => return,
            c.OP_TAILCALL => return require(open == 0),
            // Calls use the stack from there on.
            c.OP_CALL, c.OP_CONCAT => try require(end <= a),
            c.OP_TFORCALL => try require(end <= a + 4),
            c.OP_TBC => {
                try require(end <= a);
                open = pc + 1;
            },
            c.OP_TFORPREP => {
                try require(end <= a + 3);
                return self.lead(pc + 1 + i.bx(), pc + 1, captured);
            },
            c.OP_CLOSURE => {
                const inner = self.p.p[i.bx()];
                for (0..@intCast(inner.*.sizeupvalues)) |k| {
                    const description = &inner.*.upvalues[k];
                    if (description.instack == 0) continue;
                    const bit = captured_below[description.idx];
                    captured[bit / 32] |= @as(u32, 1) << @intCast(bit % 32);
                }
            },
            c.OP_JMP => return self.lead(jumped(pc, i), open, captured),
            c.OP_LFALSESKIP => return self.lead(pc + 2, open, captured),
            c.OP_FORPREP => try self.lead(pc + 2 + i.bx(), open, captured),
            c.OP_FORLOOP, c.OP_TFORLOOP => try self.lead(pc + 1 - i.bx(), open, captured),
            else => if (i.has(.is_test) or metamethodOf(i.op()) != 0) try self.lead(pc + 2, open, captured),
        }
        try self.lead(pc + 1, open, captured);
    }

    /// Takes note of a way to an instruction. What one closes at once is closed already: there ways meet
    /// that differ in it.
    fn lead(self: *Check, pc: u32, open_before: u32, given: *const Captured) Unsound!void {
        var open = open_before;
        var captured = given.*;
        const i = self.at(pc);
        if (i.op() == c.OP_CLOSE) {
            while (self.openEnd(open) > i.a()) open = self.notes[open - 1].open;
            for (captured_below[i.a()]..captured_below[registers_max + 1]) |bit| captured[bit / 32] &= ~(@as(u32, 1) << @intCast(bit % 32));
        }
        const note = &self.notes[pc];
        var is_more = note.open == none;
        if (is_more) note.open = open else try require(note.open == open);
        for (self.setOf(pc), captured[0..self.words]) |*known, added| {
            if (added & ~known.* != 0) is_more = true;
            known.* |= added;
        }
        if (!is_more or note.next != unlisted) return;
        note.next = waiting;
        waiting = pc;
    }

    // Loops and lists, in the order of the code.

    const Loop = struct { start: u32, end: u32, register: u32 };
    const List = struct { start: u32, register: u32 };

    var loops: [loops_max]Loop = undefined;
    /// Tables that were made in a register, which nothing has written since, nor any below it.
    var lists: [registers_max + 1]List = undefined;

    fn registers(self: *Check) Unsound!void {
        var loop_count: u32 = 0;
        var list_count: u32 = 0;
        for (self.notes, 0..) |*note, index| {
            const pc: u32 = @intCast(index);
            const i = self.at(pc);
            const a = i.a();
            while (loop_count > 0 and loops[loop_count - 1].end < pc) loop_count -= 1;
            if (note.first != none) {
                if (loop_count > 0) {
                    const inner = loops[loop_count - 1];
                    try require(note.first > inner.start and note.last <= inner.end);
                }
                // No list is jumped into, nor back inside of one.
                if (note.last >= pc) list_count = 0;
                while (list_count > 0 and lists[list_count - 1].start > note.first) list_count -= 1;
            }
            const written = writtenBy(i);
            if (i.op() != c.OP_FORLOOP) for (loops[0..loop_count]) |loop| {
                try require(written.first >= loop.register + 3 or written.end <= loop.register);
            };
            while (list_count > 0 and lists[list_count - 1].register >= written.first) list_count -= 1;
            switch (i.op()) {
                c.OP_FORPREP => {
                    const end = pc + 1 + i.bx();
                    try require(!self.isCapturedFrom(pc, a) and (loop_count == 0 or end < loops[loop_count - 1].end));
                    loops[loop_count] = .{ .start = pc, .end = end, .register = a };
                    loop_count += 1;
                },
                c.OP_FORLOOP => try require(loop_count > 0 and loops[loop_count - 1].end == pc),
                c.OP_NEWTABLE => if (!self.isCapturedFrom(pc, a)) {
                    lists[list_count] = .{ .start = pc, .register = a };
                    list_count += 1;
                },
                c.OP_SETLIST => {
                    while (list_count > 0 and lists[list_count - 1].register > a) list_count -= 1;
                    try require(list_count > 0 and lists[list_count - 1].register == a);
                },
                c.OP_CLOSURE => {
                    const inner = self.p.p[i.bx()];
                    for (0..@intCast(inner.*.sizeupvalues)) |k| {
                        const description = &inner.*.upvalues[k];
                        if (description.instack == 0) continue;
                        for (loops[0..loop_count]) |loop| try require(description.idx -% loop.register >= 3);
                        for (lists[0..list_count]) |*list| if (list.register == description.idx) {
                            list.register = captured_register;
                        };
                    }
                },
                else => {},
            }
        }
    }

    /// Of a table in a register that was captured: none is asked for.
    const captured_register = registers_max + 1;

    const Range = struct { first: u32, end: u32 };

    /// The registers that an instruction writes, and those above them where the stack is used from there on,
    /// or the collector may run with that as its top.
    fn writtenBy(i: Instruction) Range {
        const a = i.a();
        return switch (i.op()) {
            c.OP_TFORCALL => .{ .first = a + 4, .end = none },
            c.OP_TFORLOOP => .{ .first = a + 2, .end = a + 3 },
            c.OP_LOADNIL => .{ .first = a, .end = a + i.b() + 1 },
            c.OP_CALL, c.OP_TAILCALL, c.OP_VARARG, c.OP_NEWTABLE => .{ .first = a, .end = none },
            c.OP_CLOSURE, c.OP_CONCAT, c.OP_FORPREP, c.OP_SELF => .{ .first = a, .end = none },
            else => if (i.has(.sets_a)) .{ .first = a, .end = a + 1 } else .{ .first = none, .end = none },
        };
    }
};
