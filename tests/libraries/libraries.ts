/**
 * Lua libraries that people use, and how each runs its own tests. They are fetched when the tests
 * run, from Debian's source packages into `.build/libraries/`, and none of it is in the
 * repository. The npm registry has none of them with its tests.
 *
 * `deno run -A tools/deno.ts test -A tests/libraries` runs them; what can't be fetched (offline,
 * or where there is no apt) is ignored, and counted as such.
 *
 * @module
 */

/** A library's release, and its tests. */
export interface Library {
  /** What it is called; what it is to others. */
  readonly name: string;
  readonly kind: string;
  /** Debian's source package, whose version is upstream's. */
  readonly package: string;
  readonly version: string;
  /** Of the archive, `PACKAGE_VERSION.orig.tar.gz`. */
  readonly sha256: string;
  /** Where its modules stand in the archive, and where LuaRocks puts them: files and folders. */
  readonly modules: Readonly<Record<string, string>>;
  readonly suites: readonly Suite[];
}

/** Some of a library's tests. */
export interface Suite {
  /** The Lua module, of those in `lua/`, that runs them. */
  readonly runner: keyof typeof NEEDED;
  /** Files of tests. */
  readonly tests: readonly string[];
  /** Lua code before all else; it stands for modules in C that the tests load and don't need. */
  readonly prelude?: string;
  /** What can't be as in native Lua, by a part of its line in the report, with the reason. */
  readonly without?: Readonly<Record<string, string>>;
  /** How many tests pass, in a unit as in native Lua. */
  readonly passed: number;
  /** How many skip themselves; default none. */
  readonly skipped?: number;
}

/** Packages that a runner or its tests requires. */
export const NEEDED = {
  describe_runner: ["lua-luassert", "lua-say", "lua-penlight"],
  luaunit_runner: ["lua-unit"],
  test_more_runner: [],
  script_runner: [],
} as const satisfies Record<string, readonly string[]>;

const NO_FILES = "opens files";
const NO_BYTECODE = "loads bytecode";
const NO_ORDER = "shows the order of pairs";

/** Files with the same beginning and end. */
function files(before: string, names: string, after: string): string[] {
  return names.split(" ").map((name) => `${before}${name}${after}`);
}

export const LIBRARIES: readonly Library[] = [
  {
    name: "inspect.lua",
    kind: "serializer",
    package: "lua-inspect",
    version: "3.1.1",
    sha256: "0292f4960ef0ccb2c7334911981b280f9016c57a29c90c5ff5d3823621f6e0db",
    modules: { "inspect.lua": "inspect.lua" },
    suites: [{
      runner: "describe_runner",
      tests: ["spec/inspect_spec.lua"],
      passed: 46,
    }],
  },
  {
    name: "dkjson",
    kind: "JSON",
    package: "lua-dkjson",
    version: "2.8",
    sha256: "24e8cd3beb91c1c861eb7bb3fbc9bd418bbff9ad4aa5d0471816258236a31532",
    modules: { "dkjson.lua": "dkjson.lua" },
    suites: [{
      runner: "script_runner",
      tests: ["jsontest.lua"],
      without: { "printed mixed table encoded as": NO_ORDER, "printed sparse array (#=1) encoded as": NO_ORDER },
      passed: 1,
    }],
  },
  {
    name: "lua-MessagePack",
    kind: "MessagePack",
    package: "lua-messagepack",
    version: "0.5.2",
    sha256: "e8285b1c574fca279e7ec8c09b49073ef48a13c4a12d8db920ca50be34b07394",
    modules: { "src5.3/MessagePack.lua": "MessagePack.lua" },
    suites: [{
      runner: "test_more_runner",
      // 05-fuzzing takes a million random texts, for a quarter of a minute.
      tests: files(
        "test/",
        "00-require 01-spectest 02-except 03-edge 04-cover 11-userdata-bc 12-metatable 13-coat 14-function " +
          "15-ffi-cdata 21-multiples 22-closure 31-custom-unpack issue6",
        ".lua",
      ),
      without: {
        "test/01-spectest.lua": NO_FILES,
        "test/02-except.lua 3": "needs io.stdin",
        "test/14-function.lua": NO_BYTECODE,
        "test/issue6.lua": NO_FILES,
      },
      passed: 266,
      skipped: 9,
    }],
  },
  {
    name: "LuaUnit",
    kind: "test framework",
    package: "lua-unit",
    version: "3.4",
    sha256: "b8aea5826f09749d149efa8ef1b13f81e6a9fc6abfbe4c1cbf87a558a6d4e8d0",
    modules: { "luaunit.lua": "luaunit.lua" },
    suites: [{
      runner: "luaunit_runner",
      tests: ["test/test_luaunit.lua"],
      passed: 206,
    }],
  },
  {
    name: "luassert",
    kind: "test framework",
    package: "lua-luassert",
    version: "1.9.0",
    sha256: "1db0fabf1bd87392860375b89a8a37d17b687325c988be0df8c42e7e96e7ed73",
    modules: { src: "luassert" },
    suites: [{
      runner: "describe_runner",
      tests: files("spec/", "assertions formatters matchers mocks output spies state stub", "_spec.lua"),
      prelude: "package.loaded.lfs = {}",
      without: {
        "tables with protected metatables": "debug.getmetatable gives no protected ones",
        "Checks userdata() assertion": NO_FILES,
        "Should use failure message for is_type assertions": "needs io.stdin",
      },
      passed: 204,
      skipped: 1,
    }],
  },
  {
    name: "say",
    kind: "texts by key",
    package: "lua-say",
    version: "1.4.1",
    sha256: "ce07547ca49ef42cc799e2a30b3c65ce77039978e32e7961799a252d61a56486",
    modules: { "src/say": "say" },
    suites: [{
      runner: "describe_runner",
      tests: ["spec/say_spec.lua"],
      passed: 8,
    }],
  },
  {
    name: "Penlight",
    kind: "class library, template engine, containers, text",
    package: "lua-penlight",
    version: "1.14.0",
    sha256: "2387431c0e83c4189cccb35b989141a3280d735cb5d42bacf3451af9869bebf7",
    modules: { "lua/pl": "pl" },
    suites: [{
      runner: "script_runner",
      // Its modules for paths and programs find files by LuaFileSystem, which is in C. Its getfenv asks
      // debug.getupvalue, which isn't there, as it shows what functions hide (SECURITY.md); all that asks it
      // here has the one _ENV.
      prelude: `
        package.loaded.lfs = {}
        package.loaded["pl.app"] = { require_here = function() end }
        function debug.getupvalue() return "_ENV", _G end`,
      // app, class2, dir, import_into, path, strict, utils and utils3 test just that.
      tests: files(
        "tests/test-",
        "__vector class class3 class4 compat comprehension config data data2 date func lapp lexer list list2 map " +
          "orderedmap pretty seq sip stringio tablex tablex3 template template2 types url utils2 xml",
        ".lua",
      ),
      without: {
        "tests/test-lapp.lua": NO_FILES,
        "tests/test-pretty.lua": "needs debug.gethook",
        "tests/test-types.lua": "needs io.stdin",
        "tests/test-utils2.lua": NO_FILES,
        "tests/test-xml.lua": NO_FILES,
      },
      passed: 24,
    }, {
      runner: "describe_runner",
      prelude: "package.loaded.lfs = {}",
      tests: files(
        "spec/",
        "array2d date func multimap permute pretty set stringx text utils-choose utils-deprecate utils-enum " +
          "utils-kpairs utils-npairs xml",
        "_spec.lua",
      ),
      passed: 229,
      skipped: 7,
    }],
  },
  {
    name: "argparse",
    kind: "command lines",
    package: "lua-argparse",
    version: "0.7.1",
    sha256: "d344e49404c3e7b3e7fa4fe6741c106f25909d9b24923cb08dcceda1f9754809",
    modules: { "src/argparse.lua": "argparse.lua" },
    suites: [{
      runner: "describe_runner",
      tests: files(
        "spec/",
        "actions arguments commands convert default help invalid_property mutex options pparse tip usage",
        "_spec.lua",
      ),
      passed: 174,
    }],
  },
  {
    name: "Moses",
    kind: "functional programming",
    package: "lua-moses",
    version: "2.1.0",
    sha256: "4ea39dc9526031cf42b7b7a1631b791ab660382a1f425bc8f69c9eefc44a1611",
    modules: { "moses.lua": "moses.lua" },
    suites: [{
      runner: "describe_runner",
      prelude: "package.loaded.luacov = true",
      tests: files("spec/", "array chaining func import object op table", "_spec.lua"),
      without: { "Object functions specs type returns the type of the passed-in object": NO_FILES },
      passed: 364,
    }],
  },
  {
    name: "luacheck",
    kind: "parser and linter",
    package: "luacheck",
    version: "1.2.0",
    sha256: "8efe62a7da4fdb32c0c22ec1f7c9306cbc397d7d40493c29988221a059636e25",
    modules: { "src/luacheck": "luacheck" },
    suites: [{
      runner: "describe_runner",
      prelude: "package.loaded.lfs = {}",
      tests: files(
        "spec/",
        "bad_whitespace check cyclomatic_complexity empty_blocks filter globals lexer linearize options parser " +
          "resolve_locals reversed_fornum_loops serializer standards unbalanced_assignments uninit_accesses " +
          "unreachable_code unused_fields unused_locals utils",
        "_spec.lua",
      ),
      without: { "handles argparse sample": NO_FILES, "utils read_file": NO_FILES, "utils load_config": NO_FILES },
      passed: 279,
    }],
  },
  {
    name: "cliargs",
    kind: "command lines",
    package: "lua-cliargs",
    version: "3.0.2",
    sha256: "a7a57ab9c73f6c44040a78305b6dc7780ca1565cc4c9057d74a6608cb0443af4",
    modules: { "src/cliargs.lua": "cliargs.lua", "src/cliargs": "cliargs" },
    suites: [{
      runner: "describe_runner",
      tests: [
        ...files("spec/", "cliargs cliargs_parsing core printer", "_spec.lua"),
        ...files("spec/features/", "argument command flag integration option splatarg", "_spec.lua"),
        ...files("spec/utils/", "disect disect_argument split wordwrap", "_spec.lua"),
      ],
      without: { "running commands given a command file": NO_FILES },
      passed: 167,
    }],
  },
  {
    name: "basexx",
    kind: "base64 and others",
    package: "lua-basexx",
    version: "0.4.1",
    sha256: "ff62b00446df1181a9cd20ba970c3c8493165d262142e10d069ee3de6337dfe6",
    modules: { "lib/basexx.lua": "basexx.lua" },
    suites: [{
      runner: "describe_runner",
      tests: files("test/", "base32 base64 bit crockford hex url64 z85", "_spec.lua"),
      passed: 28,
    }],
  },
  {
    name: "binaryheap",
    kind: "containers",
    package: "lua-binaryheap",
    version: "0.4",
    sha256: "10b1b6c6f2d22560f512f9896a6672ec5ae0eea1390ff8e662be1d5d9625b438",
    modules: { "src/binaryheap.lua": "binaryheap.lua" },
    suites: [{
      runner: "describe_runner",
      tests: files("spec/", "binaryheap dijkstras_algorithm", "_spec.lua"),
      passed: 60,
    }],
  },
  {
    name: "fifo",
    kind: "containers",
    package: "lua-fifo",
    version: "0.2",
    sha256: "85cad0c2f9eac1cd3e08c5134feb655e0b928e1e22363c3ef3293a194c0eb53f",
    modules: { "fifo.lua": "fifo.lua" },
    suites: [{
      runner: "describe_runner",
      tests: ["spec/fifo_spec.lua"],
      passed: 6,
    }],
  },
  {
    name: "inifile",
    kind: "configuration files",
    package: "lua-inifile",
    version: "1.1",
    sha256: "3beb7db2d8ade8658152329c3644c8403300dc780d2dba346e612e45ef01ac24",
    modules: { "inifile.lua": "inifile.lua" },
    suites: [{
      runner: "describe_runner",
      tests: ["inifile_spec.lua"],
      passed: 18,
    }],
  },
  {
    name: "mediator",
    kind: "events",
    package: "lua-mediator",
    version: "1.1.2-0",
    sha256: "faf5859fd2081be4e9e4fb8873a2dc65f7eff3fd93d6dd14da65f8e123fcff9b",
    modules: { "src/mediator.lua": "mediator.lua" },
    suites: [{
      runner: "describe_runner",
      tests: ["spec/mediator_spec.lua"],
      passed: 26,
    }],
  },
  {
    name: "coxpcall",
    kind: "coroutines",
    package: "lua-coxpcall",
    version: "1.17.0",
    sha256: "6044f70fcc01f50cae3a191cba13c252dcf9e6f169502e3d9c4a151934c46be0",
    modules: { "src/coxpcall.lua": "coxpcall.lua" },
    suites: [{
      runner: "script_runner",
      tests: ["tests/test.lua"],
      passed: 1,
    }],
  },
];
