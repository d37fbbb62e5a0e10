//! What is compiled for size as library.zig is, but shares its variables with the rest: a module of its
//! own in the same object. A file is in one module, so what stands in others is named through the
//! root of those, main.zig.

pub const @"bridge/json_decode.zig" = @import("bridge/json_decode.zig");
pub const @"bridge/json_encode.zig" = @import("bridge/json_encode.zig");
pub const @"calls/channels.zig" = @import("calls/channels.zig");
pub const @"calls/snapshots.zig" = @import("calls/snapshots.zig");
pub const @"calls/strands.zig" = @import("calls/strands.zig");
pub const @"calls/frames.zig" = @import("calls/frames.zig");
pub const @"calls/tasks.zig" = @import("calls/tasks.zig");
pub const @"calls/lua_functions.zig" = @import("calls/lua_functions.zig");
pub const @"vm/waiting.zig" = @import("vm/waiting.zig");
pub const @"views/functions.zig" = @import("views/functions.zig");
pub const @"views/external.zig" = @import("views/external.zig");
pub const @"views/ordinary.zig" = @import("views/ordinary.zig");
