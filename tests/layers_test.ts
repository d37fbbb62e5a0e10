// The layers of the source: what imports what.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";

/**
 * The layers of each language, from the top: a file imports from its own layer and from those
 * below it. A folder ends in "/" and stands for all files in it.
 */
const LAYERS = {
  zig: [
    ["zig/main.zig", "zig/small.zig", "zig/library.zig", "zig/build.zig"],
    ["zig/calls/"],
    ["zig/views/"],
    ["zig/bridge/"],
    ["zig/values/"],
    ["zig/vm/"],
    ["zig/lua/"],
  ],
  ts: [
    ["mod.ts"],
    ["dist/"],
    ["src/main.ts", "src/cli/"],
    ["src/api.ts"],
    ["src/pool/"],
    ["src/streams/"],
    ["src/io/"],
    ["src/unit/"],
    ["src/host/"],
    ["src/lazy/"],
    ["src/state/"],
    ["src/bridge/"],
    ["src/runtime/"],
    ["src/values/"],
    ["wasm/", "deno.json"],
  ],
};

type Language = keyof typeof LAYERS;

/** What names another file of the project, once comments are taken out. */
const IMPORTS: Record<Language, RegExp> = {
  // Files of zig/small.zig and others name each other through their module's root.
  zig: /@import\("([^"]+\.zig)"\)|@import\("(?:unit|small)"\)\.@"([^"]+\.zig)"/g,
  ts: /\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g,
};

/** Comments; in Zig also the lines of long texts. */
const COMMENTS: Record<Language, RegExp> = {
  zig: /^\s*(?:\/\/|\\\\).*$/gm,
  ts: /\/\*[^]*?\*\/|^\s*\/\/.*$/gm,
};

/** Folders of what Zig makes, and what they and others hold that isn't ours. */
const BUILT = /\/(?:zig-out|zig-pkg|\.zig-cache)\//;

interface Import {
  from: string;
  line: number;
  to: string;
}

function importsOf(language: Language, file: string, text: string): Import[] {
  const code = text.replaceAll(COMMENTS[language], (comment) => comment.replaceAll(/[^\n]/g, " "));
  return [...code.matchAll(IMPORTS[language])].map((match) => ({
    from: file,
    line: code.slice(0, match.index).split("\n").length + match[0].split("\n").length - 1,
    to: new URL(match[1] ?? `/zig/${match[2]}`, `file:///${file}`).pathname.slice(1),
  }));
}

function layerOf(language: Language, file: string): number {
  return LAYERS[language].findIndex((layer) =>
    layer.some((entry) => entry.endsWith("/") ? file.startsWith(entry) : file === entry)
  );
}

/** The first way from one file to another along imports, both included. */
function wayBetween(from: string, to: string, imports: Map<string, Import[]>): string[] | undefined {
  const ways = [[from]];
  const seen = new Set([from]);
  for (const way of ways) {
    if (way.at(-1) === to) return way;
    for (const next of imports.get(way.at(-1)!) ?? []) {
      if (!seen.has(next.to)) ways.push([...way, next.to]);
      seen.add(next.to);
    }
  }
}

/** The imports that run up, and those that are part of a cycle, with file and line. */
function offenders(language: Language, files: Map<string, string>): string[] {
  const found: string[] = [];
  const down = new Map<string, Import[]>();
  for (const [file, text] of files) {
    const own = layerOf(language, file);
    if (own < 0) found.push(`${file} is in no layer`);
    const allowed: Import[] = [];
    for (const next of importsOf(language, file, text)) {
      const other = layerOf(language, next.to);
      if (other >= own) allowed.push(next);
      else found.push(`${file}:${next.line} imports ${next.to}, which is ${other < 0 ? "in no layer" : "above it"}`);
    }
    down.set(file, allowed);
  }
  for (const { from, line, to } of [...down.values()].flat()) {
    const back = wayBetween(to, from, down);
    if (back) found.push(`${from}:${line} imports ${to}, which leads back: ${back.join(" -> ")}`);
  }
  return found.sort();
}

const rootDir = new URL("../", import.meta.url);

async function filesOf(language: Language, paths: string[]): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const path of paths) {
    if (!path.endsWith("/")) files.set(path, await Deno.readTextFile(new URL(path, rootDir)));
    else {
      const entries = await Array.fromAsync(Deno.readDir(new URL(path, rootDir)));
      const inside = entries
        .filter(({ name, isDirectory }) => isDirectory || name.endsWith(`.${language}`))
        .map(({ name, isDirectory }) => path + name + (isDirectory ? "/" : ""))
        .filter((name) => !BUILT.test(name));
      for (const [name, text] of await filesOf(language, inside)) files.set(name, text);
    }
  }
  return files;
}

describe("imports run downward only, and in no cycle", () => {
  it("in Zig", async () => {
    assertEquals(offenders("zig", await filesOf("zig", ["zig/"])), []);
  });

  it("in TypeScript", async () => {
    assertEquals(offenders("ts", await filesOf("ts", ["mod.ts", "src/"])), []);
  });
});

describe("the test of imports", () => {
  it("finds an import that runs up, in Zig", () => {
    const text =
      '//! See @import("../calls/run.zig").\nconst std = @import("std");\nconst a = @import("../calls/run.zig");\n';
    assertEquals(offenders("zig", new Map([["zig/vm/limits.zig", text]])), [
      "zig/vm/limits.zig:3 imports zig/calls/run.zig, which is above it",
    ]);
  });

  it("finds an import that runs up, in TypeScript", () => {
    const text =
      '/** import "../unit/a.ts" */\nimport type {\n  A,\n} from "../unit/a.ts";\nawait import("../io/b.ts");\n';
    assertEquals(offenders("ts", new Map([["src/values/errors.ts", text]])), [
      "src/values/errors.ts:4 imports src/unit/a.ts, which is above it",
      "src/values/errors.ts:5 imports src/io/b.ts, which is above it",
    ]);
  });

  it("finds each import of a cycle, in either language", () => {
    const zig = new Map([
      ["zig/vm/a.zig", 'const b = @import("b.zig");'],
      ["zig/vm/b.zig", 'const c = @import("c.zig").c;'],
      ["zig/vm/c.zig", '\nconst a = @import("a.zig");'],
      ["zig/values/d.zig", 'const a = @import("../vm/a.zig");'],
    ]);
    assertEquals(offenders("zig", zig), [
      "zig/vm/a.zig:1 imports zig/vm/b.zig, which leads back: zig/vm/b.zig -> zig/vm/c.zig -> zig/vm/a.zig",
      "zig/vm/b.zig:1 imports zig/vm/c.zig, which leads back: zig/vm/c.zig -> zig/vm/a.zig -> zig/vm/b.zig",
      "zig/vm/c.zig:2 imports zig/vm/a.zig, which leads back: zig/vm/a.zig -> zig/vm/b.zig -> zig/vm/c.zig",
    ]);
    const ts = new Map([
      ["src/io/a.ts", 'import { b } from "./b.ts";'],
      ["src/io/b.ts", 'export * from "./a.ts";'],
    ]);
    assertEquals(offenders("ts", ts), [
      "src/io/a.ts:1 imports src/io/b.ts, which leads back: src/io/b.ts -> src/io/a.ts",
      "src/io/b.ts:1 imports src/io/a.ts, which leads back: src/io/a.ts -> src/io/b.ts",
    ]);
  });

  it("finds a file that is in no layer, and one that is imported", () => {
    assertEquals(offenders("ts", new Map([["src/new/a.ts", ""]])), ["src/new/a.ts is in no layer"]);
    assertEquals(offenders("ts", new Map([["src/io/a.ts", 'import "../../bench/b.ts";']])), [
      "src/io/a.ts:1 imports bench/b.ts, which is in no layer",
    ]);
  });
});
