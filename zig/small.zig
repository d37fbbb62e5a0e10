//! What is compiled for size as library.zig is, but shares its variables with the rest: a module of its
//! own in the same object. A file is in one module, so what stands in others is named through the
//! root of those, main.zig.

pub const @"bridge/json_decode.zig" = @import("bridge/json_decode.zig");
pub const @"bridge/json_encode.zig" = @import("bridge/json_encode.zig");
