//! Whether the engine's own stack has room: code that meets its end in the middle of a
//! call leaves Lua's state half changed. The host asks before it calls, and while code runs.

/// Values that one level of `use_stack` keeps in its frame: 8 bytes each.
const slots_count = 250;

/// Always 0, but no compiler can know.
var unknown: f64 = 0;

/// Takes about 2 KB of the engine's stack for each level and gives it back, in 3 ns or so,
/// as nothing is written there; where there is too little, the engine throws.
export fn use_stack(levels: i32) void {
    if (levels > 0) {
        use_stack(levels - 1);
        // Nothing; but what follows the call keeps it from becoming a loop.
        return asm volatile ("");
    }
    if (levels == 0) return;
    // Never so; but the values that are alive across the call get their places all the same.
    // Each is made of the one before it, and the call's argument of the last.
    const opaque_zero: *volatile f64 = &unknown;
    var slots: [slots_count]f64 = undefined;
    var value = opaque_zero.*;
    inline for (&slots) |*slot| {
        slot.* = value;
        value = @sqrt(value);
    }
    use_stack(@intFromFloat(value));
    inline for (slots) |slot| value += slot;
    opaque_zero.* = value;
}
