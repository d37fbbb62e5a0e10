//! Builds the compute unit: Lua 5.4 (C, changed by the patches in `lua/series/`) and
//! the bridge (Zig) into one WebAssembly module, `zig-out/bin/cu.wasm`.
//! `tools/build.ts` drives this: it fetches what is needed, patches Lua, and optimizes the result.

const std = @import("std");

/// Stack of C and Zig code. Lua bounds its C recursion to LUAI_MAXCCALLS (200)
/// levels; the deepest level measured (a string.gsub callback, with its
/// luaL_Buffer) takes about 1.3 KB.
const stack_size_bytes = 512 * 1024;

/// Whether the module checks what must always hold, and traps where it doesn't hold:
/// Lua's own assertions, the use of its C API, and Zig's Debug checks. `stress` also
/// collects all garbage at each allocation, and moves the Lua stack wherever it may move.
const Checks = enum { none, all, stress };

/// What runs while user code runs.
const lua_runtime_files = [_][]const u8{ "ldo.c", "ltable.c", "lvm.c" };

/// What that calls: the engine inlines what is called often (tools/small_functions.ts), so that the compiler
/// needn't, which saves 10 KB.
const lua_called_files = [_][]const u8{ "lapi.c", "lfunc.c", "lgc.c", "lstring.c" };

/// What runs seldom, or once for each chunk, or hardly gains: compiled for size.
const lua_seldom_files = [_][]const u8{
    "lcode.c",   "lctype.c",  "ldebug.c",  "ldump.c", "llex.c",    "lopcodes.c",
    "lparser.c", "lzio.c",    "lmathlib.c", "lutf8lib.c", "lauxlib.c", "lbaselib.c",
    "lcorolib.c", "lmem.c", "ltm.c", "lstate.c", "lobject.c",
};

/// What has loops that run long, and is else as above.
const lua_loop_files = [_][]const u8{ "lstrlib.c", "ltablib.c" };

const lua_files = lua_runtime_files ++ lua_called_files ++ lua_seldom_files ++ lua_loop_files;

const lua_flags = [_][]const u8{ "-std=gnu11", "-fno-sanitize=all", "-Wno-deprecated-declarations", "-include", "lua/config.h" };

/// Clang's own checks trap too, but for what Lua does on purpose: its strings, closures and
/// userdata end in arrays that are longer than their type says, a thread is aligned to 4
/// bytes where the union of all objects says 8, and functions are called with the types of
/// their callers.
const checked_flags = [_][]const u8{
    "-fsanitize=undefined",
    "-fno-sanitize=bounds,alignment,function",
    "-fsanitize-trap=undefined",
    "-DCU_CHECKED",
};
const stress_flags = [_][]const u8{"-DCU_STRESS"};

pub fn build(b: *std.Build) void {
    const checks = b.option(Checks, "checks", "Build a module that checks itself (default: none)") orelse .none;
    const is_checked = checks != .none;
    // Zig's own checks (ReleaseSafe) take 9 KB, and 3 to 7 % of the time of errors: what is shipped has
    // the assertions of assert.zig, and all checks run in `deno task test:checked`.
    const optimize: std.builtin.OptimizeMode = if (is_checked) .Debug else .ReleaseFast;
    const check_flags: []const []const u8 = switch (checks) {
        .none => &.{},
        .all => &checked_flags,
        .stress => &(checked_flags ++ stress_flags),
    };
    const target = wasmTarget(b, &.{});

    const lua_sources: std.Build.LazyPath = .{
        .cwd_relative = b.option([]const u8, "lua", "Folder of Lua's sources with the series applied") orelse
            std.process.fatal("Lua's sources are missing: run `deno task build`, which patches them", .{}),
    };

    const lua_api = b.addTranslateC(.{
        .root_source_file = b.path("lua/api.h"),
        .target = target,
        .optimize = .ReleaseFast,
    });
    lua_api.addIncludePath(lua_sources);
    lua_api.addIncludePath(b.path("lua"));
    if (is_checked) lua_api.defineCMacro("CU_CHECKED", null);
    if (checks == .stress) lua_api.defineCMacro("CU_STRESS", null);

    const api = lua_api.createModule();
    const module = zigModule(b, "main.zig", target, optimize, api);
    // What runs seldom, as of Lua's own files.
    const library = zigModule(b, "library.zig", target, if (is_checked) .Debug else .ReleaseSmall, api);
    module.addObject(b.addObject(.{ .name = "library", .root_module = library }));
    const small = zigModule(b, "small.zig", target, if (is_checked) .Debug else .ReleaseSmall, api);
    small.addImport("unit", module);
    module.addImport("small", small);
    module.addIncludePath(b.path("lua"));
    module.addIncludePath(lua_sources);
    module.addCSourceFiles(.{
        .root = lua_sources,
        .files = &lua_runtime_files,
        .flags = flagsOf(b, &.{ &lua_flags, &.{"-O2"}, check_flags }),
    });
    module.addCSourceFiles(.{
        .root = lua_sources,
        .files = &lua_called_files,
        .flags = flagsOf(b, &.{ &lua_flags, &.{if (is_checked) "-O2" else "-Os"}, check_flags }),
    });
    module.addCSourceFiles(.{
        .root = lua_sources,
        .files = &lua_seldom_files,
        .flags = flagsOf(b, &.{ &lua_flags, &.{ if (is_checked) "-O2" else "-Oz", "-DCU_SMALL" }, check_flags }),
    });
    module.addCSourceFiles(.{
        .root = lua_sources,
        .files = &lua_loop_files,
        .flags = flagsOf(b, &.{ &lua_flags, &.{if (is_checked) "-O2" else "-Oz"}, check_flags }),
    });
    if (is_checked) module.addCSourceFile(.{
        .file = b.path("lua/heap_check.c"),
        .flags = flagsOf(b, &.{ &lua_flags, &.{"-O2"}, check_flags }),
    });
    module.addObject(unwinding(b));

    const unit = b.addExecutable(.{ .name = "cu", .root_module = module });
    unit.wasi_exec_model = .reactor;
    unit.entry = .disabled;
    unit.rdynamic = true;
    unit.stack_size = stack_size_bytes;
    b.installArtifact(unit);

    const native = b.step("native", "Build Lua itself for this machine, to compare with");
    native.dependOn(&b.addInstallArtifact(nativeLua(b), .{}).step);
}

fn zigModule(
    b: *std.Build,
    root: []const u8,
    target: std.Build.ResolvedTarget,
    optimize: std.builtin.OptimizeMode,
    api: *std.Build.Module,
) *std.Build.Module {
    const module = b.createModule(.{
        .root_source_file = b.path(root),
        .target = target,
        .optimize = optimize,
        .link_libc = true,
        .single_threaded = true,
        .strip = optimize != .Debug,
        .unwind_tables = .none,
        .stack_protector = false,
        .stack_check = false,
    });
    module.addImport("lua_api", api);
    return module;
}

/// Lua as its authors publish it. On Linux with the C library that the unit has a part of:
/// results of math functions may differ from library to library.
fn nativeLua(b: *std.Build) *std.Build.Step.Compile {
    const host = b.graph.host.result.os.tag;
    const target = b.resolveTargetQuery(if (host == .linux) .{ .abi = .musl } else .{});
    const lua = b.dependency("lua", .{});
    const module = b.createModule(.{ .target = target, .optimize = .ReleaseFast, .link_libc = true });
    module.addIncludePath(lua.path("src"));
    const only_native = [_][]const u8{ "lua.c", "linit.c", "lundump.c", "ldblib.c", "liolib.c", "loadlib.c", "loslib.c" };
    module.addCSourceFiles(.{
        .root = lua.path("src"),
        .files = &(lua_files ++ only_native),
        .flags = &.{ "-std=gnu11", "-O2", "-fno-sanitize=all", if (host == .windows) "-DLUA_USE_WINDOWS" else "-DLUA_USE_POSIX", "-DLUA_COMPAT_5_3" },
    });
    return b.addExecutable(.{ .name = "lua5.4", .root_module = module });
}

fn flagsOf(b: *std.Build, lists: []const []const []const u8) []const []const u8 {
    return std.mem.concat(b.allocator, []const u8, lists) catch @panic("OOM");
}

fn wasmTarget(b: *std.Build, comptime more: []const std.Target.wasm.Feature) std.Build.ResolvedTarget {
    return b.resolveTargetQuery(.{
        .cpu_arch = .wasm32,
        .os_tag = .wasi,
        .cpu_features_add = std.Target.wasm.featureSet(
            &[_]std.Target.wasm.Feature{ .bulk_memory, .mutable_globals, .nontrapping_fptoint, .sign_ext } ++ more,
        ),
    });
}

/// Lua's errors as wasm exceptions. Zig's clang can't assemble exception
/// instructions, but compiles them from LLVM IR; only this object needs the flags.
fn unwinding(b: *std.Build) *std.Build.Step.Compile {
    const module = b.createModule(.{
        .target = wasmTarget(b, &.{.exception_handling}),
        .optimize = .ReleaseFast,
        .strip = true,
    });
    module.addCSourceFile(.{
        .file = b.path("lua/unwind.ll"),
        .flags = &.{ "-mexception-handling", "-fwasm-exceptions", "-mllvm", "-wasm-enable-eh", "-Wno-override-module" },
    });
    module.addCSourceFile(.{ .file = b.path("lua/unwind.s") });
    return b.addObject(.{ .name = "unwind", .root_module = module });
}
