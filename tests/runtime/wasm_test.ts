// What is built, and how.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { concat } from "@std/bytes";
import { describe, it } from "@std/testing/bdd";
import { decodeText, textOf } from "../../src/runtime/module_text.ts";
import { VIEW_KIND, VIEW_OP, WIRE } from "../../src/runtime/wire.ts";
import { TYPED_ARRAYS } from "../../src/values/kinds.ts";
import { moduleText } from "../../tools/module_text.ts";
import { bodyLengths } from "../../tools/small_functions.ts";
import { cuDecoder, cuText, cuTextLength } from "../../wasm/cu.js";

const rootDir = new URL("../../", import.meta.url);

async function run(args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: rootDir }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

describe("the WASM module", () => {
  const read = () => Deno.readFile(new URL("wasm/cu.wasm", rootDir));

  // 256 KB, and 88 KB for what came since (docs/PERFORMANCE.md): JSON takes 24 KB, runs that wait and uses in
  // uses 14, read-only tables 3, external tables 12, functions in them 14, snapshots 2, and memory of a unit that
  // is made 27; 8 were saved elsewhere.
  it("is at most 344 KB", async () => {
    const { length } = await read();
    assert(length <= 344 * 1024, `${length} bytes`);
  });

  it("has no names of functions", async () => {
    assertEquals(WebAssembly.Module.customSections(await WebAssembly.compile(await read()), "name"), []);
  });

  it("has as many small functions as V8 wants, to inline what is called often", async () => {
    const lengths = bodyLengths(await read());
    assertEquals(bodyLengths(new Uint8Array(8)), []);
    assert(lengths.length > 1000 && Math.max(...lengths) > 10_000, `${lengths.length} functions`);
    const small = lengths.filter((length) => length < 50).length;
    assert(small * 2 >= lengths.length, `${small} of ${lengths.length}`);
  });

  it("imports the host functions and nothing else", async () => {
    const imports = WebAssembly.Module.imports(await WebAssembly.compile(await read()));
    assertEquals([...new Set(imports.map(({ module }) => module))], ["cu"]);
    assertEquals(
      imports.map(({ name }) => name).sort(),
      [
        "call",
        "flush",
        "has_stack_room",
        "load",
        "monotonic_ms",
        "print",
        "release",
        "seed",
        "stop",
        "tick",
        "wall_clock_ms",
        "zone_offset",
      ],
    );
  });

  it("exports the functions of the earlier system under their names", async () => {
    const exports = WebAssembly.Module.exports(await WebAssembly.compile(await read())).map(({ name }) => name);
    for (
      const name of [
        "init",
        "compute",
        "get_buffer_ptr",
        "get_buffer_size",
        "get_memory_stats",
        "run_gc",
        "get_io_table_id",
        "clear_io_table",
      ]
    ) {
      assert(exports.includes(name), name);
    }
  });

  it("is what wasm/cu.js embeds", async () => {
    assertEquals(decodeText(cuText(), cuDecoder), await read());
  });

  it("is the same where the embedded text was written another way, as by a minifier", () => {
    const source = cuText.toString();
    const text = textOf(cuText, cuTextLength);
    assertEquals([source.includes(text), text === cuText(), text.length], [true, true, cuTextLength]);
    for (
      const make of [() => `a"b"`, () => "a\x22b\x22", () => "a" + '"b"', Function("return 'a\"b\"'") as () => string]
    ) {
      assertEquals(textOf(make, 4), 'a"b"');
    }
  });
});

describe("the text of a module", () => {
  it("gives all bytes back, whichever are frequent", () => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const high = Uint8Array.from({ length: 100_000 }, (_, i) => i % 160 + 96);
    // Of any length, as many are decoded at once.
    const short = Array.from({ length: 70 }, (_, i) => concat([all, high.subarray(i, 2 * i + 1)]));
    const long = new Uint8Array(300_000).map((_, i) => i * i >> 3);
    for (const bytes of [new Uint8Array(1), all, high, concat([all, high]), ...short, long]) {
      const { text, decoder } = moduleText(bytes);
      assert(/^[ -~]+$/.test(text) && !/["\\<]/.test(text));
      assertEquals(decodeText(text, decoder), bytes);
    }
  });

  it("has one character for a byte that is frequent", () => {
    const bytes = new Uint8Array(1000).fill(0xff, 500);
    assertEquals(moduleText(bytes).text.length, 1000);
  });
});

describe("the wire format", () => {
  it("is the same in wire.ts and in wire.zig and position.zig", async () => {
    const files = ["zig/bridge/wire.zig", "zig/vm/position.zig"].map((name) => new URL(name, rootDir));
    const zig = (await Promise.all(files.map((file) => Deno.readTextFile(file)))).join("\n");
    const found: Record<string, number> = {};
    for (const [, name, value] of zig.matchAll(/^ {4}(\w+) = (-?\w+),$/gm)) {
      found[(Number(value) < 0 ? "STATUS_" : "") + name.toUpperCase()] = Number(value);
    }
    for (const [, name, value] of zig.matchAll(/^pub const (\w+)(?:: u32)? = (-?[\w */]+);$/gm)) {
      const factors = value.replaceAll("buffer_size_bytes", "65536").replaceAll("_", "").split(/ ([*/]) /);
      let result = Number(factors[0]);
      for (let i = 1; i < factors.length; i += 2) {
        result = factors[i] === "*" ? result * Number(factors[i + 1]) : result / Number(factors[i + 1]);
      }
      found[name.toUpperCase()] = result;
    }
    assertEquals(found, { ...WIRE });
  });

  it("has the same kinds of views in wire.ts and wire.zig", async () => {
    const zig = await Deno.readTextFile(new URL("zig/bridge/wire.zig", rootDir));
    const [, body] = /ViewKind = enum\(u8\) \{\n(.*?)\n\};/s.exec(zig)!;
    const kinds = [...body.matchAll(/^ {4}([a-z]+),$/gm)].map(([, kind], number) => [kind.toUpperCase(), number]);
    assertEquals(Object.fromEntries(kinds), { ...VIEW_KIND });
  });

  it("numbers what Lua asks of views as asking.zig does", async () => {
    const zig = await Deno.readTextFile(new URL("zig/views/asking.zig", rootDir));
    const [, body] = /Op = enum\(u32\) \{\n(.*?)\n\};/s.exec(zig)!;
    const ops = [...body.matchAll(/^ {4}([a-z]+),$/gm)].map(([, op], number) => [op.toUpperCase(), number]);
    assertEquals(Object.fromEntries(ops), { ...VIEW_OP });
  });

  it("numbers typed arrays as marks.zig does", async () => {
    const zig = await Deno.readTextFile(new URL("zig/values/marks.zig", rootDir));
    const kinds = /enum\(u8\) \{\n([^}]*?)\n\n/.exec(zig)![1].split(",").map((kind) => kind.trim());
    for (const [kind, type] of Object.entries(TYPED_ARRAYS)) {
      assertEquals(`${kinds[Number(kind)]}array`, type.name.toLowerCase());
    }
  });
});

describe("the build", () => {
  it("does nothing when nothing changed", async () => {
    const written = async () => {
      const files = ["cu.wasm", "cu.js", "cu.stamp"].map((name) => Deno.stat(new URL(`wasm/${name}`, rootDir)));
      return (await Promise.all(files)).map(({ mtime }) => Number(mtime));
    };
    const before = await written();
    const { code, stdout } = await run(["task", "--quiet", "build"]);
    assertEquals([code, stdout, await written()], [0, "", before]);
  });

  it("refuses an archive that isn't Lua's", async () => {
    const archive = await Deno.makeTempFile({ suffix: ".tar.gz" });
    try {
      // A tar archive of one file: its name, mode, size and checksum, then its text.
      const header = new Uint8Array(512);
      const put = (text: string, offset: number) => header.set(new TextEncoder().encode(text), offset);
      put("lua/src/lua.h", 0);
      put("0000644\0" + "0000000\0" + "0000000\0" + "00000000004\0" + "00000000000\0", 100);
      put("        0", 148);
      put("ustar\x0000", 257);
      put(header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0") + "\0 ", 148);
      const body = new Uint8Array(512 * 3);
      body.set(new TextEncoder().encode("evil"));
      const gzip = new Blob([concat([header, body])]).stream().pipeThrough(new CompressionStream("gzip"));
      await Deno.writeFile(archive, gzip);
      const { code, stderr } = await run(["task", "--quiet", "build", "--lua", archive]);
      assertEquals(code, 1);
      assertStringIncludes(stderr, "is not Lua's archive");
    } finally {
      await Deno.remove(archive);
    }
  });

  it("says what is missing and what to do", async () => {
    const { code, stderr } = await run(["task", "--quiet", "build", "--lua", "missing.tar.gz"]);
    assertEquals([code, stderr.includes("Cannot find missing.tar.gz")], [1, true]);
  });
});

describe("a script that imports mod.ts", () => {
  it("needs no permission", async () => {
    const script = `
      import { IoWrapper } from ${JSON.stringify(new URL("mod.ts", rootDir).href)};
      using io = new IoWrapper();
      console.log((await io.computeWithIo("_io.output = #_io.input", [1, 2, 3])).output);
    `;
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    try {
      await Deno.writeTextFile(file, script);
      const { code, stdout, stderr } = await run(["run", "--no-prompt", "--no-check", file]);
      assertEquals([code, stdout, stderr], [0, "3\n", ""]);
    } finally {
      await Deno.remove(file);
    }
  });
});
