/**
 * Bundles the library into `dist/`, one file for each entry and one with what they share: Deno takes
 * 0.3 ms for each file that it imports and Node 0.6, and there are 60 in `src/`. All names stay,
 * as stacks of errors and the console show those of functions and classes.
 *
 * `src/` imports by `import()` what most programs never use. In Node such code is a file of its own,
 * as reading all of it takes a fresh process 1.5 ms more; elsewhere it comes along, as not all
 * workers can import later, nor all bundlers make several files of a worker.
 *
 * @module
 */

import { build, type BuildOptions, type Plugin, stop } from "esbuild";
import { pathOf } from "./run.ts";

const rootDir = new URL("../", import.meta.url);

/** Where the bundled files are. */
export const distDir = new URL("dist/", rootDir);

const nodeDir = new URL("node/", distDir);

/** Entries that hold one copy of the library between them, by what they are made of. */
const SHARING = { mod: "src/main.ts", workerd: "platform/workerd.js" };

/** What they share. */
const SHARED = "cu";

/** The main entry of npm's package in Node, with files of its own: itself, and what it imports late. */
const NODE = { mod: "platform/node.ts" };
const NODE_FILES = ["node/mod", "node/late"];

/** Entries of npm's package that need nothing of it but small things, of which each has its own. */
const ALONE = {
  directory: "src/host/directory_modules.ts",
  types: "src/host/lua_types.ts",
  "stores/kv": "src/state/kv_store.ts",
  "stores/memory": "src/state/memory_store.ts",
  "stores/postgres": "src/state/postgres_store.ts",
  "stores/sqlite": "src/state/sqlite_store.ts",
};

/** All entries, by the path in `dist/` without `.js`: what each is made of. */
export const ENTRIES: Record<string, string> = { ...SHARING, ...ALONE };

/** Says what the types of an entry are that deno.json names; for the main one mod.ts does. */
const WORKERD_TYPES = '// @ts-self-types="../platform/workerd.d.ts"';

/** What is imported by `import()`. */
const LATE = ["src/state/saved_state.ts", "src/unit/snapshot_bytes.ts", "src/io/durable.ts"];

const LATE_IMPORT = /\bawait import\("(\.[^"]+)"\)/g;

/** Makes one file of all that is imported by `import()`. */
const lateInOne: Plugin = {
  name: "late in one",
  setup({ onResolve, onLoad }) {
    const namespace = "late";
    onResolve({ filter: /./ }, ({ kind, path }) => {
      if (kind !== "dynamic-import") return undefined;
      if (!LATE.some((late) => late.endsWith(path.slice(1)))) {
        throw new Error(`Cannot bundle: ${path} isn't among LATE`);
      }
      return { path: "late", namespace };
    });
    onLoad({ filter: /./, namespace }, () => ({
      contents: LATE.map((path) => `export * from "./${path}";`).join("\n"),
      resolveDir: pathOf(rootDir),
    }));
  },
};

/** Imports at once what is imported by `import()`: as the bundler does it, all that it imports would be made late, too. */
const lateAtOnce: Plugin = {
  name: "late at once",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]\w+[\\/]\w+\.ts$/ }, async ({ path }) => {
      const text = await Deno.readTextFile(path);
      const imports: string[] = [];
      const contents = text.replaceAll(LATE_IMPORT, (_, late: string) => {
        const name = `late${imports.length}`;
        imports.push(`import * as ${name} from "${late}";\n`);
        return name;
      });
      return imports.length === 0 ? undefined : { contents: imports.join("") + contents, loader: "ts" };
    });
  },
};

/** Leaves the module where it is. */
const moduleOutside: Plugin = {
  name: "module outside",
  setup({ onResolve }) {
    onResolve({ filter: /\/wasm\/cu\.(js|wasm)$/ }, ({ path }) => ({
      path: path.replace(/^.*\/wasm\//, "../wasm/"),
      external: true,
    }));
  },
};

const OPTIONS = {
  bundle: true,
  format: "esm",
  // As far back as Node 20; the import of the module itself is for runtimes that have it.
  target: "es2022",
  supported: { "import-source": true },
  minifyWhitespace: true,
  minifySyntax: true,
  // Positions in stacks of errors then tell something.
  lineLimit: 160,
  legalComments: "none",
  external: ["node:*"],
  absWorkingDir: pathOf(rootDir),
  outdir: pathOf(distDir),
  logLevel: "silent",
} satisfies BuildOptions;

/**
 * The bundler calls a class `_Name` inside of itself where it refers to itself, which consoles and stacks
 * would show.
 */
function restoreNames(text: string): string {
  const names = new Set(Array.from(text.matchAll(/\b(\w+)=class _\1\b/g), ([, name]) => name));
  return text.replaceAll(/\b_(\w+)\b/g, (found, name) => names.has(name) ? name : found);
}

async function edit(file: string, change: (text: string) => string | Promise<string>): Promise<void> {
  const url = new URL(file, distDir);
  await Deno.writeTextFile(url, await change(await Deno.readTextFile(url)));
}

/** What the main entry imports the module's text by. */
const TEXT_IMPORT = /import\{([\w,]+)\}from"\.\.\/wasm\/cu\.js";/;

/** Puts the module's text in, as it is: a bundler may write it another way, which `textOf` would have to copy. */
async function withText(text: string): Promise<string> {
  const [found, names] = TEXT_IMPORT.exec(text) ?? [];
  const module = await Deno.readTextFile(new URL("wasm/cu.js", rootDir));
  const isAllNamed = names?.split(",").every((name) => module.includes(`export const ${name} =`));
  if (found === undefined || !isAllNamed) throw new Error("Cannot bundle: nothing imports the module's text");
  return text.replace(found, () => module.replace(/^\/\/.*\n/, "").replaceAll(/^export /gm, ""));
}

/** What a file for Node imports of the one that they share, what a file exports, and what is imported late. */
const SHARED_IMPORT = /^import\{([^}]+)\}from"\.\/\w+\.js";/;
const EXPORTS = /export\{([^}]+)\};\s*$/;
const LATE_CALL = 'import("./late.js")';

/**
 * Makes a function of what Node imports late, which is given what it shares: if it imported that by
 * itself, it would find a second copy where a loader has the first under another name, as those do
 * that make CommonJS of it, or where a test runner has forgotten its modules.
 */
function lateAsFunction(late: string): string {
  return late
    .replace(SHARED_IMPORT, (_, names: string) => `export const make=(({${names.replaceAll(" as ", ":")}})=>{`)
    .replace(EXPORTS, (_, names: string) => `return{${asProperties(names)}}});\n`);
}

/** Gives that function what is shared, once. */
function withLate(shared: string): string {
  const importLate = (names: string) =>
    `let late;const importLate=()=>late??=${LATE_CALL}.then(({make})=>make({${asProperties(names)}}));`;
  return shared
    .replaceAll(LATE_CALL, "importLate()")
    .replace(EXPORTS, (_, names: string) => `${importLate(names)}export{importLate,${names}};\n`);
}

/** Has the same of what is shared. */
function withLateOfShared(main: string): string {
  return main.replaceAll(LATE_CALL, "importLate()").replace(/^import\{/, "import{importLate,");
}

/** Exported names as properties. */
function asProperties(names: string): string {
  return names.replaceAll(/([\w$]+) as ([\w$]+)/g, "$2:$1");
}

/** Bundles the main entry of Node. */
async function bundleForNode(): Promise<void> {
  const options = { ...OPTIONS, outdir: pathOf(nodeDir) };
  await build({ ...options, entryPoints: NODE, splitting: true, chunkNames: "[name]", plugins: [lateInOne] });
  await edit("node/late.js", lateAsFunction);
  await edit("node/chunk.js", withLate);
  await edit("node/mod.js", withLateOfShared);
  // What it shares with that needn't be a file any more, for which Node takes 0.3 ms.
  const entryPoints = [pathOf(new URL("mod.js", nodeDir))];
  await build({ ...options, entryPoints, external: [...OPTIONS.external, "./late.js"], allowOverwrite: true });
  await Deno.remove(new URL("chunk.js", nodeDir));
}

/** Bundles all entries; `wasm/` must be built. */
export async function bundle(): Promise<void> {
  await Deno.remove(distDir, { recursive: true }).catch(() => {});
  try {
    const plugins = [moduleOutside, lateAtOnce];
    await build({ ...OPTIONS, entryPoints: SHARING, splitting: true, chunkNames: SHARED, plugins });
    await build({ ...OPTIONS, entryPoints: ALONE });
    await bundleForNode();
  } finally {
    await stop();
  }
  for (const name of [SHARED, ...NODE_FILES, ...Object.keys(ALONE)]) await edit(`${name}.js`, restoreNames);
  await edit("mod.js", withText);
  await edit("workerd.js", (text) => `${WORKERD_TYPES}\n${text}`);
}
