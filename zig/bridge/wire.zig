//! The wire format: what stands in the I/O buffer when a value crosses. Mirrored
//! by `src/runtime/wire.ts`; a test compares the two.
//!
//! A message is a sequence of 64-bit words and the bytes of its strings. The
//! first half of the buffer holds words, the second half string bytes, in the
//! order of the words that mention them. A full half ends a chunk; the next one
//! goes on with the next word. A word is a float64, or, where its bits would be a
//! NaN of no use (`boxed`), a tag with 32 bits of payload.

pub const buffer_size_bytes = 64 * 1024;
pub const words_max = buffer_size_bytes / 2 / 8;
pub const heap_size_bytes = buffer_size_bytes / 2;

/// Upper half of a word that is a tag: a NaN that no arithmetic produces.
pub const boxed: u32 = 0xfffc_0000;

pub const Tag = enum(u8) {
    /// To Lua: a `Nil`.
    nil = 0x00,
    /// Payload 0 or 1.
    boolean = 0x01,
    /// The next word is an int64, outside float64's exact range.
    integer = 0x02,
    /// The next word is a float64 that stays a float in Lua.
    float = 0x03,
    /// Payload: length in bytes, and in UTF-16 units in the upper 16 bits.
    string = 0x04,
    /// A function that an external table has. Payload: 0 for its bytecode, which to JavaScript stands at an
    /// address as a `bytes_at`'s bytes do, and to Lua is a string, the next value; 1 for one of the library,
    /// whose name is the next value.
    function_bytecode = 0x05,
    /// A function of Lua's that the host knows. Payload: its number. To JavaScript, the next word is
    /// where it is defined, a string.
    function_ref = 0x06,
    /// Payload: number of a container met before in this message, from 0.
    table_ref = 0x07,
    /// Defines a shape for this and later messages. Payload: its number, and in the
    /// lower 8 bits how many keys; a `string` for each. Number 0 ends all others.
    shape = 0x10,
    /// Payload: a shape's number; a value for each of its keys.
    object = 0x11,
    /// Payload: number of pairs; key (a string) and value for each.
    record = 0x12,
    /// Payload: length; that many values.
    array = 0x13,
    /// Payload: number of pairs; key and value for each.
    map = 0x14,
    /// Payload: number of members; each member and `true`.
    set = 0x15,
    /// The next word is the time in milliseconds.
    date = 0x16,
    /// Payload: length; bytes that stand where a string's would.
    bytes = 0x17,
    /// Payload: length; the next word's low half is the kind (`marks.Kind`), then
    /// that many raw words: float64, or int64 for the 64-bit kinds.
    typed_array = 0x18,
    /// Only to JavaScript: the next word holds address and length in WASM memory of a
    /// string, which may not be UTF-8; or of bytes.
    string_at = 0x19,
    bytes_at = 0x1a,
    /// A view. Payload: its number. To Lua, the next word is a `ViewHead`, and contents
    /// may follow: the fields of a shape, elements, or keys and values by turns. To
    /// JavaScript it stands for the host's own object.
    view = 0x1b,
    /// Only to JavaScript, after a message's values: the table of the view with this
    /// number was written to; its value follows.
    written = 0x1c,
    /// As `view`, of an input in which tables were written to: perhaps below this one.
    changed_view = 0x1d,
    /// Only to Lua: a function of the host. Payload: its number; the next word is its name, a
    /// string.
    function = 0x1e,
    /// Only to JavaScript, in a value after `written`: stands for what can't be passed, so that the whole
    /// value can't. Payload: 1 where it is too deep. What is wrong and the keys that lead there follow, two
    /// strings.
    refused = 0x1f,
    _,
};

/// Payload of `function_bytecode` for a function of the library.
pub const library_function = 1;

/// What is nil to Lua code.
pub const Nil = enum(u32) {
    /// No value: as an entry of a table, none.
    undefined,
    /// Nil to code; null when it goes back, unless code has assigned there.
    null_,
    /// `_io.null`.
    kept,
    _,
};

/// Strings up to this length cross to JavaScript in the buffer, longer ones by
/// address: the host copies one that stands in many places once, so that a little
/// memory here can't become a lot there.
pub const inline_string_bytes_max = 128;

/// What the host answers a call of one of its functions with: so many scalars, which stand in the
/// buffer; this less the number of results, which a message has as an array; or a status.
pub const direct_results_max = 16;
pub const results_base = -16;

/// Functions of the host that each unit has, for the module `task`: their numbers.
pub const sleep_function = 0xffff_fff0;
pub const all_function = 0xffff_fff1;
pub const race_function = 0xffff_fff2;

/// What the host answers where a value was stored that has tables: this less the number of containers
/// in its message. Each table becomes an external one.
pub const adopt_base = -1024;
/// What it answers else is the border of the table; or this, where it doesn't tell.
pub const border_unknown = 0x7fff_ffff;
/// A message's chunks and the words of its last one, in one number.
pub const words_bits = 13;
/// Beside the number of such a table.
pub const has_metatable: u32 = 0x8000_0000;
/// Numbers of tables that stand in the buffer at once.
pub const adopted_max = buffer_size_bytes / 4;

/// What JavaScript threw, as it stands in the buffer for Lua to raise: the bytes of its name, then
/// of its message, begin the heap.
pub const Thrown = extern struct {
    /// The number under which the host has the object.
    number: u32,
    name_length: u32,
    message_length: u32,
    /// What it takes of the host's memory, estimated.
    host_bytes: u32,
};

/// The most numbers of collected views in one list for the host.
pub const released_max = 1024;

/// A view's head has this number where no shape's fields follow.
pub const no_shape = 65535;

/// Keys of an object that is worth a shape.
pub const shape_keys_max = 32;
pub const shapes_max = 512;

/// Containers inside containers; one more is an error.
pub const depth_max = 1000;

/// What an export answers instead of a number of words.
pub const Status = enum(i32) {
    /// A Lua error; `encode_error` tells it.
    lua = -1,
    memory = -2,
    /// A message that no encoder of ours writes.
    malformed = -3,
    depth = -4,
    /// A Map's key or Set's member equals another one in Lua.
    duplicate = -5,
    /// A value that can't cross; `get_text` tells its path.
    unsupported = -6,
    /// `_io` was replaced, or isn't what it should be; `get_text` tells.
    io_table = -7,
    /// From the host: JavaScript threw, and `Thrown` tells what.
    thrown = -8,
    /// From the host: a function raised a value of Lua's, which a message has.
    raised = -9,
    /// The run waits for the host, or is to.
    waits = -10,
    /// A text that is no JSON; `get_text` tells what is wrong, and where.
    syntax = -11,
    /// A function that the host has kept can't be run.
    damaged = -12,
};

/// A word with its halves.
pub const Word = packed struct(u64) {
    payload: u32,
    tag: Tag,
    rest: u24 = boxed >> 8,

    pub fn box(tag: Tag, payload: u32) u64 {
        return @bitCast(Word{ .tag = tag, .payload = payload });
    }
};

/// What stands with the host.
pub const ViewKind = enum(u8) {
    object,
    array,
    map,
    set,
    /// An object with so many fields that it is read as a Map is.
    record,
    /// An external table: it stands with the host for good, and is written through.
    external,
    _,
};

/// The word after `view`.
pub const ViewHead = packed struct(u64) {
    kind: ViewKind,
    /// All contents follow: a shape's fields, or `length` elements or fields.
    is_complete: bool,
    /// An array that can hold numbers only.
    is_numbers: bool = false,
    rest: u6 = 0,
    shape: u16,
    length: u32,
};

comptime {
    const assert = @import("std").debug.assert;
    assert(Word.box(.shape, 7) == 0xfffc_0010_0000_0007);
    assert(heap_size_bytes <= 0xffff);
    assert(no_shape >= shapes_max);
    assert(inline_string_bytes_max * 3 <= heap_size_bytes);
}
