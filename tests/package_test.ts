// What npm serves, installed in an empty project as a user would.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { build, type BuildOptions, stop } from "esbuild";
import { ENTRIES } from "../tools/bundle.ts";
import { pack } from "../tools/pack.ts";
import { folderAt, pathOf, run } from "../tools/run.ts";
import { resultsOfPage } from "./platforms/page.ts";
import { fetchProgram, findRuntimes, NPM } from "./platforms/runtimes.ts";
import { serveDefined } from "./platforms/workerd.ts";

const { tarball, dir } = await pack();
const runtimes = await findRuntimes();
const npm = await fetchProgram(NPM);

const rootDir = new URL("../", import.meta.url);

const README = await Deno.readTextFile(new URL("README.md", rootDir));

/** The lines of the README for Node, and what it says that they print. */
const EXAMPLE = /```js\n([^]+?)```/.exec(README)![1];
const PRINTED = /^console\.log\(.*\); \/\/ (.*)$/m.exec(EXAMPLE)![1];

async function withProject(use: (dir: URL) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "cu-" });
  const dir = folderAt(path);
  try {
    await Deno.writeTextFile(new URL("package.json", dir), `{ "type": "module", "private": true }`);
    await Deno.writeTextFile(new URL("example.js", dir), EXAMPLE);
    await use(dir);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

async function printedBy(command: string, args: string[], dir: URL): Promise<string> {
  const { success, stdout, stderr } = await run(command, args, {}, dir);
  assert(success, `${command} ${args.join(" ")}\n${stdout}\n${stderr}`);
  return stdout;
}

/** Installs the tarball by npm, without a network. */
async function install(node: string, dir: URL): Promise<void> {
  await printedBy(node, [npm!, "install", "--offline", "--no-audit", "--no-fund", pathOf(tarball)], dir);
}

for (const name of ["Node 20", "Node 22", "Node 26"]) {
  const node = runtimes.get(name)?.program;
  Deno.test({
    name: `npm install in an empty project, and the README's lines, in ${name}`,
    ignore: node === undefined || npm === undefined,
    fn: () =>
      withProject(async (dir) => {
        await install(node!, dir);
        const found = `console.log(import.meta.resolve("@computeunit/cu"))`;
        assertMatch(await printedBy(node!, ["--input-type=module", "-e", found], dir), /\/cu\/dist\/node\/mod\.js$/);
        assertEquals(await printedBy(node!, ["example.js"], dir), PRINTED);
      }),
  });
}

const NODE_22 = runtimes.get("Node 22")?.program;

/** Uses examples/page/ as its user does; each answer is what it shows in the end. */
const USE_OF_PAGE = `
  const [code, run, cancel, progress, output] = ["code", "run", "cancel", "progress", "output"].map((id) =>
    document.getElementById(id));
  const until = (element, isSo) => new Promise((resolve) => {
    const look = () => isSo() && (observer.disconnect(), resolve());
    const observer = new MutationObserver(look);
    observer.observe(element, { attributes: true });
    look();
  });
  const shown = async (text, meanwhile) => {
    if (text !== undefined) code.value = text;
    run.click();
    await meanwhile?.();
    await until(run, () => !run.disabled);
    return output.textContent;
  };
  const answers = [
    await shown(),
    await shown("progress(0.5) while true do end", async () => {
      await until(progress, () => progress.value === 0.5);
      cancel.click();
    }),
    await shown("progress(print) progress({}) _io.output = { 1 }"),
    await shown("error('no')"),
    await shown("_io.output = 0/0"),
  ];
  await fetch("results", { method: "POST", body: JSON.stringify(answers) });
`;

for (const browser of ["Chromium", "Firefox"]) {
  Deno.test({
    name: `the page example runs code in a worker, and ends it, in ${browser}`,
    ignore: runtimes.get(browser) === undefined || NODE_22 === undefined || npm === undefined,
    fn: () =>
      withProject(async (dir) => {
        await install(NODE_22!, dir);
        for (const name of ["index.html", "page.js", "worker.js"]) {
          const text = await Deno.readTextFile(new URL(`examples/page/${name}`, rootDir));
          // What is cancelled has all the time that a slow machine needs until then.
          await Deno.writeTextFile(new URL(name, dir), text.replaceAll(/\b[13]0_000\b/g, "6_000_000"));
        }
        const page = await Deno.readTextFile(new URL("index.html", dir));
        await Deno.writeTextFile(new URL("page.html", dir), `${page}<script type="module" src="use.js"></script>`);
        await Deno.writeTextFile(new URL("use.js", dir), USE_OF_PAGE);
        assertEquals(await resultsOfPage<string[]>(browser, runtimes.get(browser)!.program, dir), [
          'added up\n{"sum":25000005000000}\n',
          "cancelled\n",
          "[1]\n",
          "LuaError: compute:1: no\n",
          "TypeError: Cannot return the result: NaN is no JSON number (at output)\n",
        ]);
      }),
  });
}

const tsc = await fetchProgram({ package: "typescript", version: "6.0.3", path: "bin/tsc" });
const nodeTypes = await fetchProgram({ package: "@types/node", version: "22.20.0", path: "index.d.ts" });
/** A program that a strict compiler accepts, and lines that it refuses. */
const TYPED = `
  import { ComputeUnit, type ComputeUnitOptions, IoWrapper, type LuaError } from "@computeunit/cu";
  import { directoryModules } from "@computeunit/cu/directory";
  import { SqliteStore } from "@computeunit/cu/stores/sqlite";
  import { luaTypes } from "@computeunit/cu/types";

  const timeLimit = process.argv.length > 9 ? 5 : undefined;
  const options: ComputeUnitOptions = { timeLimit, resolveModule: directoryModules("rules") };
  const cu = await ComputeUnit.create(options);
  const sum: number = cu.compute<number>("return 1 + 2", { chunkName: undefined });
  const { output } = await cu.computeAsync("_io.output = 1", { outputJson: true });
  const { metadata } = await new IoWrapper(options).computeWithIo("return 1");
  const batches: number[] = await new IoWrapper(options).processStream("_io.output = 1", new Float64Array(3));
  const kind = (error: LuaError) => error.kind === "time";
  export const all = [sum, output.length, metadata, batches, kind, SqliteStore, luaTypes({})];
  // @ts-expect-error: no module
  await ComputeUnit.create({ module: 5 });
`;

for (const [module, moduleResolution] of [["node16", "node16"], ["nodenext", "nodenext"], ["esnext", "bundler"]]) {
  Deno.test({
    name: `a strict TypeScript program with the types of Node and no others, by ${moduleResolution}`,
    ignore: NODE_22 === undefined || npm === undefined || tsc === undefined || nodeTypes === undefined,
    fn: () =>
      withProject(async (dir) => {
        await install(NODE_22!, dir);
        await Deno.writeTextFile(new URL("typed.ts", dir), TYPED);
        const compilerOptions = {
          ...{ module, moduleResolution, target: "es2022", lib: ["esnext"], noEmit: true },
          ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
          ...{ types: ["node"], typeRoots: [nodeTypes!.replace(/[\\/]node[\\/]index\.d\.ts$/, "")] },
        };
        await Deno.writeTextFile(
          new URL("tsconfig.json", dir),
          JSON.stringify({ compilerOptions, files: ["typed.ts"] }),
        );
        assertEquals(await printedBy(NODE_22!, [tsc!, "--pretty", "false"], dir), "");
      }),
  });
}

/** What a bundler makes of the README's lines for Node, as `bundled/app.mjs`, prints where the package isn't. */
async function printedBundled(dir: URL, bundle: () => Promise<unknown>): Promise<string> {
  await install(NODE_22!, dir);
  await bundle();
  await Deno.remove(new URL("node_modules/", dir), { recursive: true });
  const { stdout, stderr } = await run(NODE_22!, ["bundled/app.mjs"], {}, dir);
  return stdout || stderr;
}

async function bundleByEsbuild(dir: URL, options: BuildOptions): Promise<void> {
  await build({
    ...{ entryPoints: ["example.js"], outfile: "bundled/app.mjs", absWorkingDir: pathOf(dir) },
    ...{ bundle: true, format: "esm", platform: "node", ...options },
  });
  await stop();
}

const BUN = runtimes.get("Bun")?.program;

/** Bundlers by what they take the main entry for. */
const BUNDLERS: Record<string, (dir: URL) => Promise<unknown>> = {
  'esbuild, by the condition "module"': (dir) => bundleByEsbuild(dir, {}),
  'esbuild, which leaves out "module" where it is told other conditions': (dir) =>
    bundleByEsbuild(dir, { conditions: ["own"] }),
  'Bun, which knows "node" and not "module"': (dir) =>
    printedBy(BUN!, ["build", "--target=node", "example.js", "--outfile=bundled/app.mjs"], dir),
};

for (const [name, bundle] of Object.entries(BUNDLERS)) {
  Deno.test({
    name: `the README's lines, bundled for Node, need no file of the package: ${name}`,
    ignore: NODE_22 === undefined || npm === undefined || (name.startsWith("Bun") && BUN === undefined),
    fn: () =>
      withProject(async (dir) => {
        assertEquals(await printedBundled(dir, () => bundle(dir)), PRINTED);
      }),
  });
}

Deno.test({
  name: "a bundle for Node that goes without the package's files is told what to do",
  ignore: NODE_22 === undefined || npm === undefined,
  fn: () =>
    withProject(async (dir) => {
      const printed = await printedBundled(dir, () => bundleByEsbuild(dir, { conditions: ["module-sync"] }));
      assertMatch(
        printed,
        /Error: Cannot create a compute unit: the package's wasm\/cu\.wasm can't be read .* by the condition "module", .*ENOENT/,
      );
    }),
});

Deno.test({
  name: "bun add in an empty project, and the README's lines",
  ignore: BUN === undefined,
  fn: () =>
    withProject(async (dir) => {
      await printedBy(BUN!, ["add", pathOf(tarball)], dir);
      assertEquals(await printedBy(BUN!, ["example.js"], dir), PRINTED);
    }),
});

Deno.test({
  name: "the README's lines, bundled into a page with a strict policy",
  ignore: runtimes.get("Chromium") === undefined || BUN === undefined,
  fn: () =>
    withProject(async (dir) => {
      await printedBy(BUN!, ["add", pathOf(tarball)], dir);
      const post = `fetch("results", { method: "POST", body: JSON.stringify(text) })`;
      await Deno.writeTextFile(
        new URL("page_source.js", dir),
        `console.log = (text) => ${post};\nawait import("./example.js");\n`,
      );
      await printedBy(BUN!, ["build", "--minify", "--target=browser", "page_source.js", "--outfile=page.js"], dir);
      await Deno.writeTextFile(new URL("page.html", dir), `<script type="module" src="page.js"></script>`);
      assertEquals(await resultsOfPage<string>("Chromium", runtimes.get("Chromium")!.program, dir), PRINTED);
    }),
});

const NODE = runtimes.get("Node 24")?.program;

Deno.test({
  name: "the module is an import of its own in Node 24, for the option module",
  ignore: NODE === undefined || npm === undefined,
  fn: () =>
    withProject(async (dir) => {
      await install(NODE!, dir);
      const script = `
        import source module from "@computeunit/cu/cu.wasm";
        import { ComputeUnit } from "@computeunit/cu";
        console.log((await ComputeUnit.create({ module })).compute("return 6 * 7"));
      `;
      await Deno.writeTextFile(new URL("module.js", dir), script);
      assertEquals(await printedBy(NODE!, ["--no-warnings", "module.js"], dir), "42");
    }),
});

const WORKERD = runtimes.get("workerd")?.program;

/** A project that the package is installed in, with a worker, served as the documents say. */
async function answerOfWorker(dir: URL, script: (documented: string) => string): Promise<string> {
  const reference = await Deno.readTextFile(new URL("../docs/API_REFERENCE.md", import.meta.url));
  const section = reference.slice(reference.indexOf("### workerd without a bundler"));
  const [, documented] = /```js ignore\n([^]+?)```/.exec(section)!;
  const [, definition] = /```capnp\n([^]+?)```/.exec(section)!;
  await install(NODE!, dir);
  await Deno.writeTextFile(new URL("worker.js", dir), script(documented));
  await using server = await serveDefined(WORKERD!, new URL("config.capnp", dir), definition);
  return await (await fetch(server.url)).text();
}

Deno.test({
  name: "a worker in workerd without a bundler, as the documents have it",
  ignore: NODE === undefined || npm === undefined || WORKERD === undefined,
  fn: () =>
    withProject(async (dir) => assertEquals(await answerOfWorker(dir, (documented) => documented), '{"answer":42}')),
});

Deno.test({
  name: "a unit that is made at module level in workerd says what to do, and with a seed it is made",
  ignore: NODE === undefined || npm === undefined || WORKERD === undefined,
  fn: () =>
    withProject(async (dir) => {
      const script = `
        import { ComputeUnit } from "@computeunit/cu";
        const message = await ComputeUnit.create().catch((error) => error.message);
        const unit = await ComputeUnit.create({ seed: 1 });
        const result = unit.compute("return 6 * 7");
        export default { fetch: () => Response.json([result, message]) };
      `;
      const [result, message] = JSON.parse(await answerOfWorker(dir, () => script));
      assertEquals(result, 42);
      assertMatch(
        message,
        /^Cannot create a compute unit: there are no random numbers here \(.*give the option seed$/s,
      );
    }),
});

for (const name of ["Node 20", "Node 22", "Node 26"]) {
  const node = runtimes.get(name)?.program;
  Deno.test({
    name: `a first unit loads nothing of ${name}'s crypto, and no two units have the same random numbers`,
    ignore: node === undefined,
    fn: () =>
      withProject(async (project) => {
        const script = `
          import { ComputeUnit } from "${new URL("dist/node/mod.js", dir).href}";
          const numbers = [];
          for (let i = 0; i < 3; i++) numbers.push((await ComputeUnit.create()).compute("return math.random(0)"));
          const loaded = process.moduleLoadList.filter((name) => /crypto/.test(name) && /^NativeModule/.test(name));
          console.log(JSON.stringify({ numbers: numbers.map(String), loaded }));
        `;
        await Deno.writeTextFile(new URL("script.js", project), script);
        const before = JSON.parse(
          await printedBy(node!, [
            "-p",
            "JSON.stringify(process.moduleLoadList.filter((name) => /crypto/.test(name) && /^NativeModule/.test(name)))",
          ], project),
        );
        const all: string[] = [];
        for (let i = 0; i < 2; i++) {
          const { numbers, loaded } = JSON.parse(await printedBy(node!, ["script.js"], project));
          all.push(...numbers);
          assertEquals(loaded.filter((module: string) => !before.includes(module)), []);
        }
        assertEquals(new Set(all).size, 6);
      }),
  });
}

Deno.test("the package has no dependencies, and the files that its entries name", async () => {
  const manifest = JSON.parse(await Deno.readTextFile(new URL("package.json", dir)));
  assertEquals([manifest.dependencies, manifest.peerDependencies], [undefined, undefined]);
  const named = (entry: string | Record<string, string>) => typeof entry === "string" ? [entry] : Object.values(entry);
  const files = Object.values(manifest.exports as Record<string, string>).flatMap(named);
  assert(files.length > 5);
  for (const file of files) assert((await Deno.stat(new URL(file, dir))).isFile, file);
});

/** The scripts in a folder and those in it, by their paths. */
async function scriptsIn(folder: URL, path = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile) found.push(...await scriptsIn(new URL(`${name}/`, folder), `${path}${name}/`));
    else if (name.endsWith(".js")) found.push(path + name);
  }
  return found.sort();
}

/** What a script imports of the package's own files. */
async function importsOf(script: string): Promise<string[]> {
  const text = await Deno.readTextFile(new URL(script, dir));
  return [...text.matchAll(/\b(?:from|import source \w+ from)"(\.[^"]+)"/g)].map(([, name]) => name);
}

Deno.test("an entry of the package is one file, with one that two share, and the main one has others in Node", async () => {
  const entries = Object.keys(ENTRIES).map((entry) => `dist/${entry}.js`);
  const scripts = (await scriptsIn(dir)).filter((script) => !script.startsWith("examples/"));
  const others = ["dist/cu.js", "dist/node/late.js", "dist/node/mod.js"];
  assertEquals(scripts, [...others, ...entries].sort());
  const shared: Record<string, string[]> = {
    "dist/mod.js": ["./cu.js"],
    "dist/workerd.js": ["./cu.js", "../wasm/cu.wasm"],
  };
  for (const script of scripts) assertEquals(await importsOf(script), shared[script] ?? [], script);
});

Deno.test("what most programs never use is a file of its own in Node, and comes along elsewhere", async () => {
  const [late, hot, whole] = await Promise.all(
    ["node/late", "node/mod", "cu"].map((name) => Deno.readTextFile(new URL(`dist/${name}.js`, dir))),
  );
  for (const name of ["SavedState", "DurableRun", "Loading", "writeSnapshot"]) {
    const definition = new RegExp(`(?:class|function) ${name}\\b|\\b${name}=class\\b`);
    assertEquals([late, hot, whole].map((text) => definition.test(text)), [true, false, true], name);
  }
  const imports = (text: string) => Array.from(text.matchAll(/\bimport\("([^"]+)"\)/g), ([, path]) => path);
  assertEquals([hot, whole].map(imports), [["./late.js"], []]);
});

Deno.test({
  name: "what Node imports late belongs to the copy that imports it",
  ignore: NODE_22 === undefined,
  fn: () =>
    withProject(async (project) => {
      const script = `
        import * as main from "${dir.href}dist/node/mod.js";
        import * as other from "${dir.href}dist/node/mod.js?other";
        import { MemoryStore } from "${dir.href}dist/stores/memory.js";
        for (const { ComputeUnit, openHome } of [other, main]) {
          const store = new MemoryStore();
          const unit = await ComputeUnit.create({ home: await openHome(store, "name") });
          unit.compute("_home.list, _home.f = { 1 }, function() return 2 end");
          await unit.saveState();
          const again = await ComputeUnit.create({ home: await openHome(store, "name") });
          const copy = await ComputeUnit.fromSnapshot(await again.snapshot().bytes());
          console.log(JSON.stringify(copy.compute("return { _home.list[1], _home.f() }")));
        }
        const calls = { ask: ({ args: [number] }) => Promise.resolve(number + 1) };
        console.log((await main.runDurably(new MemoryStore(), "run", "return ask(2)", { calls })).value);
      `;
      await Deno.writeTextFile(new URL("script.js", project), script);
      assertEquals(await printedBy(NODE_22!, ["script.js"], project), "[1,2]\n[1,2]\n3");
    }),
});

Deno.test("an entry of the package has the names of what it is made of", async () => {
  for (const [entry, source] of [...Object.entries(ENTRIES), ["node/mod", "src/main.ts"]]) {
    if (!source.endsWith(".ts")) continue;
    const packed = await import(new URL(`dist/${entry}.js`, dir).href);
    const given = await import(new URL(`../${source}`, import.meta.url).href);
    assertEquals(Object.keys(packed).sort(), Object.keys(given).sort(), source);
  }
});

Deno.test("the package has the scripts that JSR serves, to the letter", async () => {
  for (const script of await scriptsIn(dir)) {
    const [packed, built] = await Promise.all([dir, rootDir].map((from) => Deno.readTextFile(new URL(script, from))));
    assertEquals(packed, built, script);
  }
});

Deno.test("the module's text in the package is found without being copied", async () => {
  const text = await Deno.readTextFile(new URL("dist/mod.js", dir));
  const [, literal] = /cuText = \(\) =>\s+"([^"]+)"/.exec(text)!;
  assertEquals(Number(/cuTextLength = (\d+)/.exec(text)![1]), literal.length);
});

Deno.test("the main entry has the names and the types of the library's source", async () => {
  const main = await Deno.readTextFile(new URL("mod.ts", rootDir));
  assert(main.endsWith(`// @ts-types="./src/main.ts"\nexport * from "./dist/mod.js";\n`), main.slice(-200));
  assertEquals(Object.keys(await import("../mod.ts")).sort(), Object.keys(await import("../src/main.ts")).sort());
});

Deno.test("what the main entry exports is what the reference describes", async () => {
  const reference = await Deno.readTextFile(new URL("docs/API_REFERENCE.md", rootDir));
  const names = Object.keys(await import("../src/main.ts"));
  assertEquals(names.filter((name) => !new RegExp(`\`[^\`\\n]*\\b${name}\\b`).test(reference)), []);
});

Deno.test("functions and classes keep their names in what is bundled", async () => {
  const { ComputeUnit } = await import("../mod.ts");
  using cu = await ComputeUnit.create();
  assertEquals([cu.constructor.name, Deno.inspect(cu)], ["ComputeUnit", "ComputeUnit {}"]);
  const error = assertThrows(() => cu.compute("return 1", { timeLimit: -1 }), RangeError);
  assertMatch(error.stack!, /at \S*ComputeUnit\.compute \(/);
  // esbuild calls what refers to itself otherwise.
  for (const entry of Object.keys(ENTRIES)) {
    if (entry === "workerd") continue; // imports the module, which Deno doesn't here
    const values: unknown[] = Object.values(await import(`../dist/${entry}.js`));
    for (const value of values) if (typeof value === "function") assertMatch(value.name, /^[A-Za-z]/, entry);
  }
});
