//! Where a value stands in others, as Lua code would write it: `output.rows[3].handler`.

const std = @import("std");
const lua = @import("../vm/lua.zig");
const Text = @import("../vm/text.zig").Text;

var name_buffer: [64]u8 = undefined;

/// "output.rows": the name of what stands in a table under a key. Until the next call.
pub fn nameInside(name: []const u8, key: *const lua.Value) []const u8 {
    var text = Text{ .buffer = &name_buffer };
    text.add(name);
    addKey(&text, key);
    return text.written();
}

pub fn addKey(text: *Text, key: *const lua.Value) void {
    if (lua.isString(key)) {
        addName(text, lua.bytesOf(lua.stringOf(key)));
    } else if (key.tt_ == lua.tag.integer) {
        addIndex(text, key.value_.i);
    } else text.add("[...]");
}

pub fn addIndex(text: *Text, index: i64) void {
    text.add("[");
    text.addInteger(index);
    text.add("]");
}

pub fn addName(text: *Text, key: []const u8) void {
    const shown = key[0..@min(key.len, 40)];
    for (shown, 0..) |byte, i| {
        if (!(std.ascii.isAlphabetic(byte) or byte == '_' or (i > 0 and std.ascii.isDigit(byte)))) {
            text.add("[\"");
            for (shown) |b| text.add(&.{if (std.ascii.isPrint(b)) b else '?'});
            return text.add("\"]");
        }
    }
    text.add(".");
    text.add(shown);
}
