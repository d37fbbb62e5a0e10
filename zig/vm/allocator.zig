//! The allocator for Lua's heap. Lua tells a block's size when it frees it, so
//! small blocks need no header: they come from slabs of one size class, found by
//! address, and an empty slab goes back. Larger blocks come from a two-level
//! segregated fit (TLSF: Masmano et al., 2004) with boundary tags, which takes and
//! gives in constant time and joins free neighbours. WASM memory grows when nothing
//! fits, up to the limit, and Lua has collected if that may free much.

const std = @import("std");
const assert = @import("assert.zig").assert;
const limits = @import("limits.zig");
const lua = @import("lua.zig");
const c = lua.c;

pub const page_size_bytes = 64 * 1024;

/// Blocks up to this size come from slabs.
const small_size_max = 256;

/// Sums of larger sizes could overflow; WASM memory has hardly more.
const block_size_max = 0xf000_0000;

/// Larger blocks are paid for by size (limits.zig), as what fills them takes time in proportion.
const bulk_size_min = 4096;

const slab_size_bytes = 4096;
const class_size_bytes = 8;
const class_count = small_size_max / class_size_bytes + 1;

/// WASM memory grows by at least this part of what is there, to grow seldom.
const growth_divisor = 8;

extern const __heap_base: u8;

/// Lua's collector, once it is there.
pub var collector: ?*c.global_State = null;
const no_bytes: usize = std.math.maxInt(usize);
/// Bytes in use when a message began; `no_bytes` between messages. All that a message allocates is
/// alive, so that much of it is no reason to collect.
var message_start: usize = no_bytes;
/// Whether the caller makes Lua collect, and asks again, where the answer is null.
var may_refuse = false;

var limit_bytes: usize = 0;
var used_bytes: usize = 0;
/// Since `beginRun`, and before.
pub var peak_bytes: usize = 0;
var earlier_peak_bytes: usize = 0;
/// All that was ever taken; wraps around.
pub var taken_bytes: usize = 0;

/// End of the heap: what memory.size says, or less, where the memory had grown before it was set back to
/// a copy of an earlier time (calls/snapshots.zig).
var heap_end: usize = 0;

pub const Statistics = extern struct {
    used_bytes: u32,
    peak_bytes: u32,
    wasm_bytes: u32,
    limit_bytes: u32,
    /// Of the last run; its steps are not the allocator's.
    run_peak_bytes: u32,
    unused: u32 = 0,
    run_steps: i64 = 0,
};

/// What is used from now on counts for the figures of the last run.
pub fn beginRun() void {
    earlier_peak_bytes = @max(peak_bytes, earlier_peak_bytes);
    peak_bytes = used_bytes;
}

/// Must be called once, before anything else. There is no limit yet.
pub fn init() void {
    assert(heap_end == 0);
    assert(setLimit(std.math.maxInt(u32)));
    const start = std.mem.alignForward(usize, @intFromPtr(&__heap_base), 16);
    heap_end = @as(usize, @wasmMemorySize(0)) * page_size_bytes;
    large.addRegion(start, heap_end);
}

/// How much memory there may be.
pub fn limitBytes() usize {
    return limit_bytes;
}

/// Sets another limit. False where more is there already.
pub fn setLimit(limit: usize) bool {
    if (limit < heap_end) return false;
    limit_bytes = @min(limit, std.math.maxInt(u32) - page_size_bytes + 1);
    return true;
}

/// What of memory a copy of the unit needs: up to `end`, and from there the last bytes before `heap_end`.
/// The rest is free, whatever stands in it: zero from `touched_end` on, unless the heap has grown.
pub const Extent = struct { end: usize, touched_end: usize, heap_end: usize };

/// Bytes before `heap_end` that no block has.
pub const tail_size_bytes = large.header_size_bytes;

pub fn extent() Extent {
    return .{ .end = large.tailContents(), .touched_end = large.touched_end, .heap_end = heap_end };
}

/// Makes zero of what stands in free blocks, but in the last large one.
pub fn clearFree() void {
    if (lua.is_checked) _ = freed.giveAll();
    large.clearFree();
    small.clearFree();
}

pub fn beginMessage() void {
    assert(message_start == no_bytes);
    message_start = used_bytes;
}

pub fn endMessage() void {
    message_start = no_bytes;
}

pub fn statistics() Statistics {
    return .{
        .used_bytes = used_bytes,
        .peak_bytes = @max(peak_bytes, earlier_peak_bytes),
        .run_peak_bytes = peak_bytes,
        .wasm_bytes = @as(usize, @wasmMemorySize(0)) * page_size_bytes,
        .limit_bytes = limit_bytes,
    };
}

/// As lua_Alloc: `old_size` is a type when `block` is null.
pub export fn cu_reallocate(_: ?*anyopaque, block: ?*anyopaque, old_size: usize, new_size: usize) callconv(.c) ?*anyopaque {
    const old = block orelse return @ptrFromInt(allocate(new_size));
    if (new_size == 0) {
        free(@intFromPtr(old), old_size);
        return null;
    }
    return @ptrFromInt(resize(@intFromPtr(old), old_size, new_size));
}

/// The same, for a caller that makes Lua collect and then asks again: refuses where that is
/// better than to grow.
pub export fn cu_reallocate_first(unused: ?*anyopaque, block: ?*anyopaque, old_size: usize, new_size: usize) callconv(.c) ?*anyopaque {
    // Under stress, always: each allocation then collects all garbage, as an emergency.
    if (lua.is_stressed and new_size > 0) return null;
    may_refuse = true;
    defer may_refuse = false;
    return cu_reallocate(unused, block, old_size, new_size);
}

/// Zero where there is no room.
pub inline fn allocate(size: usize) usize {
    if (size == 0 or size > block_size_max) return 0;
    if (lua.is_checked and failing.isNext()) return 0;
    const address = if (size <= small_size_max) small.allocate(classOf(size)) else large.allocate(size);
    if (address == 0) return 0;
    if (lua.is_checked) @memset(bytesAt(address, size), freed.filling);
    if (size > bulk_size_min) limits.spend(size);
    used_bytes += size;
    taken_bytes +%= size;
    peak_bytes = @max(peak_bytes, used_bytes);
    return address;
}

/// As luaC_newobj, without a call through the allocator's pointer.
pub inline fn newObject(L: *lua.State, comptime object_tag: u8, size: usize) *c.GCObject {
    const g = L.l_G;
    const address = if (lua.is_stressed) 0 else allocate(size);
    const object: *c.GCObject = if (address != 0) blk: {
        g.*.GCdebt += @intCast(size);
        break :blk @ptrFromInt(address);
    } else @ptrCast(@alignCast(c.luaM_malloc_(L, size, object_tag)));
    object.marked = g.*.currentwhite & @as(u8, c.WHITEBITS);
    object.tt = object_tag;
    object.next = g.*.allgc;
    g.*.allgc = object;
    return object;
}

/// Allocations that fail though there is room, in builds that check themselves: a test sees what is left of
/// whatever was under way.
pub const failing = struct {
    /// How many succeed before; and how many fail then.
    var before: u32 = 0;
    var left: u32 = 0;
    var count: u32 = 0;

    fn isNext() bool {
        if (left == 0) return false;
        if (before > 0) {
            before -= 1;
            return false;
        }
        left -= 1;
        count += 1;
        return true;
    }

    /// Answers how many have failed since this was called last.
    pub fn set(succeeding: u32, failed: u32) callconv(.c) u32 {
        before = succeeding;
        left = failed;
        defer count = 0;
        return count;
    }
};

fn free(address: usize, size: usize) void {
    assert(size <= used_bytes);
    used_bytes -= size;
    if (lua.is_checked) freed.add(address, size) else giveBack(address, size);
}

fn giveBack(address: usize, size: usize) void {
    if (size <= small_size_max) small.free(address, classOf(size)) else large.free(address, size);
}

/// Blocks that were freed last, in builds that check themselves. They are filled with what is no value and
/// no address, and given back later, if nothing was written there meanwhile: so what reads or writes freed
/// memory shows.
const freed = struct {
    const filling = 0xaa;
    const filled_word = 0xaaaa_aaaa_aaaa_aaaa;
    const count_max = 64;
    /// Larger ones are given back at once.
    const size_max = 16 * 1024;

    var blocks: [count_max]struct { address: usize, size: usize } = @splat(.{ .address = 0, .size = 0 });
    /// The oldest, whose place is the next one's.
    var oldest: usize = 0;

    fn add(address: usize, size: usize) void {
        @memset(bytesAt(address, size), filling);
        if (size > size_max) return giveBack(address, size);
        giveOldest();
        blocks[oldest] = .{ .address = address, .size = size };
        oldest = (oldest + 1) % count_max;
    }

    fn giveOldest() void {
        const block = blocks[oldest];
        if (block.size == 0) return;
        blocks[oldest].size = 0;
        const words: [*]const u64 = @ptrFromInt(block.address);
        for (words[0 .. block.size / @sizeOf(u64)]) |word| assert(word == filled_word);
        giveBack(block.address, block.size);
    }

    /// Whether there were any.
    noinline fn giveAll() bool {
        var is_any = false;
        for (0..count_max) |_| {
            is_any = is_any or blocks[oldest].size > 0;
            giveOldest();
            oldest = (oldest + 1) % count_max;
        }
        return is_any;
    }
};

fn bytesAt(address: usize, size: usize) []u8 {
    return @as([*]u8, @ptrFromInt(address))[0..size];
}

/// Blocks up to this size always move under stress, so that what keeps an old address shows: a stack
/// moves at each call, and a deep one would take too long.
const moved_size_max = 16 * 1024;

fn resize(address: usize, old_size: usize, new_size: usize) usize {
    if (lua.is_stressed and old_size <= moved_size_max) {
        const moved = move(address, old_size, new_size);
        if (moved != 0) return moved;
    }
    const stays = if (old_size <= small_size_max)
        new_size <= small_size_max and classOf(old_size) == classOf(new_size)
    else
        new_size > small_size_max and new_size <= block_size_max and large.resizeInPlace(address, new_size);
    if (stays) {
        used_bytes = used_bytes - old_size + new_size;
        peak_bytes = @max(peak_bytes, used_bytes);
        return address;
    }
    return move(address, old_size, new_size);
}

fn move(address: usize, old_size: usize, new_size: usize) usize {
    const moved = allocate(new_size);
    if (moved == 0) return 0;
    const length = @min(old_size, new_size);
    const from: [*]const u8 = @ptrFromInt(address);
    const to: [*]u8 = @ptrFromInt(moved);
    @memcpy(to[0..length], from[0..length]);
    free(address, old_size);
    return moved;
}

inline fn classOf(size: usize) usize {
    return (size + class_size_bytes - 1) / class_size_bytes;
}

/// More WASM memory, at the end of the heap. False at the limit, and where a third of
/// what is used may be garbage, if Lua then collects and asks again (lua/series/300-allocator.patch).
fn grow(needed_bytes: usize) bool {
    if (may_refuse and isWorthCollecting()) return false;
    // In whole pages: to round up would take a page more each time.
    const wanted = @max(needed_bytes, heap_end / growth_divisor / page_size_bytes * page_size_bytes);
    return growBy(wanted) or growBy(needed_bytes) or growBy(needed_bytes -| @min(large.tailSize(), needed_bytes - 1));
}

fn isWorthCollecting() bool {
    const g = collector orelse return false;
    if (g.gcstp & c.GCSTPUSR != 0) return false; // collectgarbage("stop")
    // What waits for its finalizer isn't freed by a collection that calls none.
    if (g.tobefnz != null) return false;
    const is_mostly_message = (used_bytes -| message_start) > used_bytes / 4;
    return !is_mostly_message and used_bytes - used_bytes / 3 > @as(usize, @intCast(g.GCestimate));
}

fn growBy(bytes: usize) bool {
    const pages = std.math.divCeil(usize, bytes, page_size_bytes) catch unreachable;
    const room = (limit_bytes -| heap_end) / page_size_bytes;
    if (pages > room) return false;
    const missing = (heap_end / page_size_bytes + pages) -| @wasmMemorySize(0);
    if (missing > 0 and @wasmMemoryGrow(0, missing) < 0) return false;
    const start = heap_end;
    heap_end += pages * page_size_bytes;
    large.addRegion(start, heap_end);
    return true;
}

/// Slabs: 4096-byte pieces, aligned, each with blocks of one class.
const small = struct {
    const Slab = extern struct {
        next: ?*Slab,
        previous: ?*Slab,
        /// Offset of the first free block, 0 if none.
        free_offset: u16,
        /// Offset of what has never been used.
        fresh_offset: u16,
        used_count: u16,
        class: u16,

        /// A slab is a large block; the header of the next one takes its last bytes.
        const end = slab_size_bytes - large.header_size_bytes;

        fn isFull(slab: *const Slab) bool {
            return slab.free_offset == 0 and slab.fresh_offset + slab.class * class_size_bytes > end;
        }
    };

    /// Slabs that have room, by class.
    var open: [class_count]?*Slab = @splat(null);

    fn allocate(class: usize) usize {
        const slab = open[class] orelse (newSlab(class) orelse return 0);
        const base = @intFromPtr(slab);
        var address: usize = undefined;
        if (slab.free_offset != 0) {
            address = base + slab.free_offset;
            slab.free_offset = @as(*const u16, @ptrFromInt(address)).*;
        } else {
            address = base + slab.fresh_offset;
            slab.fresh_offset += @intCast(class * class_size_bytes);
        }
        slab.used_count += 1;
        if (slab.isFull()) unlink(slab);
        return address;
    }

    fn free(address: usize, class: usize) void {
        const base = address & ~@as(usize, slab_size_bytes - 1);
        const slab: *Slab = @ptrFromInt(base);
        assert(slab.class == class and slab.used_count > 0);
        const was_full = slab.isFull();
        @as(*u16, @ptrFromInt(address)).* = slab.free_offset;
        slab.free_offset = @intCast(address - base);
        slab.used_count -= 1;
        if (was_full) link(slab);
        // The last open slab of its class stays, or a block that comes and goes
        // would take and give a slab each time.
        if (slab.used_count == 0 and (slab.next != null or slab.previous != null)) {
            unlink(slab);
            large.free(base, Slab.end);
        }
    }

    fn clearFree() void {
        for (open) |first| {
            var next = first;
            while (next) |slab| : (next = slab.next) clearSlab(slab);
        }
    }

    fn clearSlab(slab: *Slab) void {
        const bytes: [*]u8 = @ptrCast(slab);
        @memset(bytes[slab.fresh_offset..Slab.end], 0);
        var offset = slab.free_offset;
        while (offset != 0) {
            const following = @as(*const u16, @ptrCast(@alignCast(&bytes[offset]))).*;
            @memset(bytes[offset + @sizeOf(u16) .. offset + slab.class * class_size_bytes], 0);
            offset = following;
        }
    }

    fn newSlab(class: usize) ?*Slab {
        const base = large.allocateAligned(Slab.end, slab_size_bytes);
        if (base == 0) return null;
        const slab: *Slab = @ptrFromInt(base);
        slab.* = .{
            .next = null,
            .previous = null,
            .free_offset = 0,
            .fresh_offset = std.mem.alignForward(u16, @sizeOf(Slab), class_size_bytes),
            .used_count = 0,
            .class = @intCast(class),
        };
        link(slab);
        return slab;
    }

    fn link(slab: *Slab) void {
        slab.previous = null;
        slab.next = open[slab.class];
        if (slab.next) |next| next.previous = slab;
        open[slab.class] = slab;
    }

    fn unlink(slab: *Slab) void {
        if (slab.previous) |previous| previous.next = slab.next else open[slab.class] = slab.next;
        if (slab.next) |next| next.previous = slab.previous;
        slab.next = null;
        slab.previous = null;
    }
};

/// Two-level segregated fit.
const large = struct {
    const header_size_bytes = 8;
    const looks_max = 16;
    const granule_bytes = 16;
    const second_level_log2 = 4;
    const second_level_count = 1 << second_level_log2;
    const first_level_count = 32 - second_level_log2;

    /// Stands before each block. `size` counts the block and its header, a multiple
    /// of the granule; `previous_size` is that of the neighbour before it.
    const Block = extern struct {
        size_and_flags: u32,
        previous_size: u32,
        // Only in free blocks:
        next_free: ?*Block,
        previous_free: ?*Block,

        const free_flag = 1;

        fn size(block: *const Block) usize {
            return block.size_and_flags & ~@as(u32, granule_bytes - 1);
        }
        fn isFree(block: *const Block) bool {
            return block.size_and_flags & free_flag != 0;
        }
        fn setSize(block: *Block, value: usize, flags: u32) void {
            assert(value % granule_bytes == 0);
            block.size_and_flags = @as(u32, @intCast(value)) | flags;
        }
        fn following(block: *Block) *Block {
            return @ptrFromInt(@intFromPtr(block) + block.size());
        }
        fn preceding(block: *Block) ?*Block {
            if (block.previous_size == 0) return null;
            return @ptrFromInt(@intFromPtr(block) - block.previous_size);
        }
    };

    var first_level: u32 = 0;
    var second_level: [first_level_count]u32 = @splat(0);
    var lists: [first_level_count][second_level_count]?*Block = @splat(@splat(null));

    /// The header at the end of the last region: a used block of size 0.
    var last: ?*Block = null;

    /// No block ever ended beyond; of what is free there only the last block's head is written.
    var touched_end: usize = 0;

    const List = struct { first: u5, second: u5 };

    fn listOf(size: usize) List {
        const granules: u32 = @intCast(size / granule_bytes);
        if (granules < second_level_count) return .{ .first = 0, .second = @intCast(granules) };
        const log2: u5 = @intCast(31 - @clz(granules));
        const shift = log2 - second_level_log2;
        return .{ .first = log2 - second_level_log2 + 1, .second = @intCast((granules >> shift) - second_level_count) };
    }

    /// The first list all of whose blocks are at least as large.
    fn listFor(size: usize) ?List {
        var granules: u32 = @intCast(size / granule_bytes);
        if (granules >= second_level_count) {
            const log2: u5 = @intCast(31 - @clz(granules));
            const unit = @as(u32, 1) << (log2 - second_level_log2);
            granules += unit - 1;
        }
        const list = listOf(granules * granule_bytes);
        const here = second_level[list.first] & (@as(u32, 0xffff_ffff) << list.second);
        if (here != 0) return .{ .first = list.first, .second = @intCast(@ctz(here)) };
        if (list.first == 31) return null;
        const above = first_level & (@as(u32, 0xffff_fffe) << list.first);
        if (above == 0) return null;
        const first: u5 = @intCast(@ctz(above));
        return .{ .first = first, .second = @intCast(@ctz(second_level[first])) };
    }

    fn insert(block: *Block) void {
        const list = listOf(block.size());
        block.size_and_flags |= Block.free_flag;
        block.previous_free = null;
        block.next_free = lists[list.first][list.second];
        if (block.next_free) |next| next.previous_free = block;
        lists[list.first][list.second] = block;
        first_level |= @as(u32, 1) << list.first;
        second_level[list.first] |= @as(u32, 1) << list.second;
    }

    fn remove(block: *Block) void {
        const list = listOf(block.size());
        block.size_and_flags &= ~@as(u32, Block.free_flag);
        if (block.next_free) |next| next.previous_free = block.previous_free;
        if (block.previous_free) |previous| {
            previous.next_free = block.next_free;
        } else {
            lists[list.first][list.second] = block.next_free;
            if (block.next_free == null) {
                second_level[list.first] &= ~(@as(u32, 1) << list.second);
                if (second_level[list.first] == 0) first_level &= ~(@as(u32, 1) << list.first);
            }
        }
    }

    fn blockOf(address: usize) *Block {
        return @ptrFromInt(address - header_size_bytes);
    }

    fn addressOf(block: *Block) usize {
        return @intFromPtr(block) + header_size_bytes;
    }

    fn totalSize(size: usize) usize {
        return std.mem.alignForward(usize, size + header_size_bytes, granule_bytes);
    }

    /// Takes memory that follows the last region, or is the first. Headers stand 8
    /// bytes before a multiple of 16, so that blocks are aligned to 16.
    fn addRegion(start: usize, end: usize) void {
        const sentinel: *Block = @ptrFromInt(end - header_size_bytes);
        var block: *Block = undefined;
        if (last) |old_end| {
            assert(@intFromPtr(old_end) + header_size_bytes == start);
            block = old_end;
        } else {
            block = @ptrFromInt(start + header_size_bytes);
            block.previous_size = 0;
        }
        const size = @intFromPtr(sentinel) - @intFromPtr(block);
        block.setSize(size, 0);
        sentinel.size_and_flags = 0;
        sentinel.previous_size = @intCast(size);
        last = sentinel;
        putBack(block);
    }

    /// Free bytes at the end of the last region, which growing adds to.
    fn tailSize() usize {
        const block = last.?.preceding() orelse return 0;
        return if (block.isFree()) block.size() else 0;
    }

    /// Where the contents of the last free block begin that nothing needs; the end of the heap where it isn't free.
    fn tailContents() usize {
        const sentinel = last.?;
        const block = sentinel.preceding() orelse return heap_end;
        return if (block.isFree()) @intFromPtr(block) + @sizeOf(Block) else heap_end;
    }

    fn clearFree() void {
        var block = last.?.preceding() orelse return;
        while (block.preceding()) |before| {
            block = before;
            if (!block.isFree()) continue;
            const contents: [*]u8 = @ptrFromInt(@intFromPtr(block));
            @memset(contents[@sizeOf(Block)..block.size()], 0);
        }
    }

    /// Joins the block with free neighbours and lists it.
    fn putBack(given: *Block) void {
        var block = given;
        const next = block.following();
        if (next.isFree()) {
            remove(next);
            block.setSize(block.size() + next.size(), 0);
        }
        if (block.preceding()) |previous| {
            if (previous.isFree()) {
                remove(previous);
                previous.setSize(previous.size() + block.size(), 0);
                block = previous;
            }
        }
        block.following().previous_size = @intCast(block.size());
        insert(block);
    }

    /// Cuts what is beyond `size` off a used block.
    fn trim(block: *Block, size: usize) void {
        touched_end = @max(touched_end, @min(@intFromPtr(block) + size + @sizeOf(Block), heap_end));
        const rest = block.size() - size;
        if (rest == 0) return;
        block.setSize(size, 0);
        const tail = block.following();
        tail.setSize(rest, 0);
        tail.previous_size = @intCast(size);
        tail.following().previous_size = @intCast(rest);
        putBack(tail);
    }

    fn take(size: usize) ?*Block {
        const list = listFor(size) orelse return null;
        const block = lists[list.first][list.second].?;
        remove(block);
        return block;
    }

    fn takeOrGrow(size: usize) ?*Block {
        if (take(size) orelse takeFitting(size)) |block| return block;
        if (lua.is_checked and freed.giveAll()) return takeOrGrow(size);
        if (!grow(size + granule_bytes)) return null;
        return take(size) orelse takeFitting(size);
    }

    /// A block from the list of this size itself, in which some are too small: one that
    /// was given back serves again, before memory grows. Looks at a few only.
    fn takeFitting(size: usize) ?*Block {
        const list = listOf(size);
        var candidate = lists[list.first][list.second];
        for (0..looks_max) |_| {
            const block = candidate orelse return null;
            if (block.size() >= size) {
                remove(block);
                return block;
            }
            candidate = block.next_free;
        }
        return null;
    }

    /// Sizes that no WASM memory can hold don't reach the arithmetic.
    const size_max = 0xf000_0000;

    fn allocate(size: usize) usize {
        if (size > size_max) return 0;
        const total = totalSize(size);
        const block = takeOrGrow(total) orelse return 0;
        trim(block, total);
        return addressOf(block);
    }

    fn allocateAligned(size: usize, alignment: usize) usize {
        const total = totalSize(size);
        if (takeAligned(total, alignment)) |block| {
            trim(block, total);
            return addressOf(block);
        }
        const block = takeOrGrow(total + alignment) orelse return 0;
        const address = addressOf(block);
        const front = std.mem.alignForward(usize, address, alignment) - address;
        if (front == 0) {
            trim(block, total);
            return address;
        }
        const whole = block.size();
        block.setSize(front, 0);
        const piece = block.following();
        piece.setSize(whole - front, 0);
        piece.previous_size = @intCast(front);
        piece.following().previous_size = @intCast(whole - front);
        putBack(block);
        trim(piece, total);
        return addressOf(piece);
    }

    /// A block of just this size that is aligned already, as a slab is that was
    /// given back between two others. Looks at a few only.
    fn takeAligned(total: usize, alignment: usize) ?*Block {
        const list = listOf(total);
        var candidate = lists[list.first][list.second];
        for (0..looks_max) |_| {
            const block = candidate orelse return null;
            if (block.size() == total and addressOf(block) % alignment == 0) {
                remove(block);
                return block;
            }
            candidate = block.next_free;
        }
        return null;
    }

    fn free(address: usize, size: usize) void {
        const block = blockOf(address);
        // What was written beyond its end has changed the next block's header.
        assert(!block.isFree() and block.size() == totalSize(size) and block.following().previous_size == block.size());
        putBack(block);
    }

    fn resizeInPlace(address: usize, size: usize) bool {
        if (size > size_max) return false;
        const total = totalSize(size);
        const block = blockOf(address);
        if (block.size() < total) {
            const next = block.following();
            if (!next.isFree() or block.size() + next.size() < total) return false;
            remove(next);
            block.setSize(block.size() + next.size(), 0);
            block.following().previous_size = @intCast(block.size());
        }
        trim(block, total);
        return true;
    }
};
