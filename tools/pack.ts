/**
 * Packs what npm serves, in `.build/npm/`: the tarball, and what is in it under `package/`, which
 * tests/platforms runs. `deno pack` makes it from a copy of what is published without the command
 * line, which is Deno's alone and the only part with a dependency. What the entries import is bundled
 * then, by `deno bundle`: where a fresh process reads one file in place of forty, it has its first
 * result in half the time. Names stay, as stacks of errors show them.
 *
 * `deno run -A --no-check tools/pack.ts`
 *
 * @module
 */

import { alone, exists, pathOf, run } from "./run.ts";

const rootDir = new URL("../", import.meta.url);
const npmDir = new URL(".build/npm/", rootDir);

/** The tarball, and the folder of what is in it. */
export interface Packed {
  tarball: URL;
  dir: URL;
}

interface Config {
  version: string;
  exports: Record<string, string>;
  publish: { include: string[] };
}

const DESCRIPTION = "Lua 5.4 in a sandbox of WebAssembly, with structured data in and out";

/** Files and folders that npm's package goes without. */
const LEFT_OUT = ["src/cli/"];

async function copy(path: string, to: URL): Promise<void> {
  if (LEFT_OUT.includes(path)) return;
  if (!path.endsWith("/")) return await Deno.copyFile(new URL(path, rootDir), new URL(path, to));
  await Deno.mkdir(new URL(path, to), { recursive: true });
  for await (const { name, isFile } of Deno.readDir(new URL(path, rootDir))) {
    await copy(`${path}${name}${isFile ? "" : "/"}`, to);
  }
}

/** Copies what is published, and answers the entries that npm's package has. */
async function copyPublished(config: Config, to: URL): Promise<Record<string, string>> {
  await Deno.mkdir(to, { recursive: true });
  for (const path of config.publish.include) await copy(path, to);
  const exports = Object.fromEntries(
    Object.entries(config.exports).filter(([, file]) => !LEFT_OUT.some((dir) => file.startsWith(`./${dir}`))),
  );
  await Deno.writeTextFile(new URL("deno.json", to), JSON.stringify({ ...config, exports, imports: {} }));
  return exports;
}

async function check(command: string, args: string[], cwd: URL): Promise<void> {
  const { success, stderr } = await run(command, args, {}, cwd);
  if (!success) throw new Error(`Cannot pack: ${command} ${args[0]} failed\n${stderr}`);
}

type Exports = Record<string, string | Record<string, string>>;

/**
 * What JSR can't have: the module itself, which Deno would take for one whose import it has to
 * find; and the entry of workerd where its bundlers, which look for that name, meet the main one.
 */
function exportsForNpm(exports: Exports): Exports {
  const workerd = (exports["./workerd"] as Record<string, string>).import;
  const types = workerd.replace(/js$/, "d.ts");
  const { types: mainTypes, ...main } = exports["."] as Record<string, string>;
  return {
    ...exports,
    ".": { types: mainTypes, workerd, ...main },
    "./workerd": { types, default: workerd },
    "./cu.wasm": "./wasm/cu.wasm",
    "./package.json": "./package.json",
  };
}

/**
 * Entries that hold one copy of the library between them: the module's text is not in that. The others
 * need nothing of it but small things, of which each has its own.
 */
const SHARING = ["mod.js", "platform/workerd.js"];
/** Where that copy stands. */
const SHARED = "cu.js";

/** What workerd.js imports the module by; the bundler knows no imports of WebAssembly. */
const MODULE_IMPORT = `import source cuModule from "../wasm/cu.wasm";`;
const MODULE_STAND_IN = `import cuModule from "cu:module";`;

async function edit(file: URL, from: string | RegExp, to: string): Promise<void> {
  const text = await Deno.readTextFile(file);
  const edited = text.replace(from, to);
  if (edited === text) throw new Error(`Cannot pack: ${file.pathname} has no ${from}`);
  await Deno.writeTextFile(file, edited);
}

/** Makes one file of each entry and all that it imports, but for what entries share. */
async function bundle(dir: URL, exports: Record<string, string>): Promise<void> {
  const alone = Object.values(exports).map((file) => file.slice(2).replace(/\.ts$/, ".js"))
    .filter((entry) => !SHARING.includes(entry));
  const bundledDir = new URL("bundled/", npmDir);
  await Deno.remove(bundledDir, { recursive: true }).catch(() => {});
  await edit(new URL("platform/workerd.js", dir), MODULE_IMPORT, MODULE_STAND_IN);
  const args = ["bundle", "--quiet", "--no-config", "--no-lock", "--platform", "browser"];
  const outside = ["--external", "cu:module", "--external", "node:*"];
  const outputs = ["--outdir", pathOf(bundledDir)];
  await check(Deno.execPath(), [...args, ...outside, ...outputs, "--code-splitting", ...SHARING], dir);
  for (const entry of alone) {
    await check(Deno.execPath(), [...args, ...outside, "--output", pathOf(new URL(entry, bundledDir)), entry], dir);
  }
  await edit(new URL("platform/workerd.js", bundledDir), MODULE_STAND_IN, MODULE_IMPORT);
  await nameShared(bundledDir);
  await replaceScripts(dir, bundledDir, [...SHARING, ...alone, SHARED]);
}

/** Gives the file that entries share a name that tells what it is. */
async function nameShared(dir: URL): Promise<void> {
  const chunks = [...Deno.readDirSync(dir)].map(({ name }) => name).filter((name) => name.startsWith("chunk-"));
  if (chunks.length !== 1) throw new Error(`Cannot pack: entries share ${chunks.length} files`);
  for (const entry of SHARING) await edit(new URL(entry, dir), chunks[0], SHARED);
  await Deno.rename(new URL(chunks[0], dir), new URL(SHARED, dir));
}

/** Puts what was bundled in the place of what it was made of. */
async function replaceScripts(dir: URL, bundledDir: URL, files: string[]): Promise<void> {
  const remove = async (folder: URL): Promise<void> => {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (!isFile) await remove(new URL(`${name}/`, folder));
      // Of a declaration, deno pack makes one more.
      else if (/\.js$|\.d\.ts\.d\.ts$/.test(name)) await Deno.remove(new URL(name, folder));
    }
  };
  await remove(dir);
  await Deno.remove(new URL("wasm/cu.d.ts", dir));
  for (const file of files) await Deno.copyFile(new URL(file, bundledDir), new URL(file, dir));
}

async function editManifest(dir: URL): Promise<void> {
  const file = new URL("package.json", dir);
  const manifest = JSON.parse(await Deno.readTextFile(file));
  if (manifest.dependencies !== undefined) throw new Error("Cannot pack: the package is to have no dependencies");
  const more = { description: DESCRIPTION, engines: { node: ">=20" }, exports: exportsForNpm(manifest.exports) };
  await Deno.writeTextFile(file, JSON.stringify({ ...manifest, ...more }, undefined, 2));
}

/** What the files of the package are made of and made by, to tell whether they are made already. */
async function sourcesHash(dir: URL): Promise<string> {
  const parts = [Deno.version.deno, await Deno.readTextFile(new URL(import.meta.url))];
  const add = async (folder: URL): Promise<void> => {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    for (const { name, isFile } of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
      if (!isFile) await add(new URL(`${name}/`, folder));
      else parts.push(name, (await Deno.readFile(new URL(name, folder))).toBase64());
    }
  };
  await add(dir);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(parts.join("\n")));
  return new Uint8Array(digest).toHex();
}

/** Packs, unless the same was packed before; `wasm/` must be built. */
export function pack(): Promise<Packed> {
  return alone(new URL("lock", npmDir), async () => {
    const made = await copySources();
    if (!made.isPacked) await packCopy(made);
    return made.packed;
  });
}

/** What was packed before of the same files; undefined where it wasn't. */
export function packedBefore(): Promise<Packed | undefined> {
  return alone(new URL("lock", npmDir), async () => {
    const { isPacked, packed } = await copySources();
    return isPacked ? packed : undefined;
  });
}

const copyDir = new URL("copy/", npmDir);
const hashFile = new URL("hash", npmDir);

/** What is to be packed, which stands in `copyDir`. */
interface Copied {
  packed: Packed;
  exports: Record<string, string>;
  hash: string;
  /** Whether the same was packed before. */
  isPacked: boolean;
}

async function copySources(): Promise<Copied> {
  const config: Config = JSON.parse(await Deno.readTextFile(new URL("deno.json", rootDir)));
  const packed = { tarball: new URL(`computeunit-cu-${config.version}.tgz`, npmDir), dir: new URL("package/", npmDir) };
  await Deno.remove(copyDir, { recursive: true }).catch(() => {});
  const exports = await copyPublished(config, copyDir);
  const hash = await sourcesHash(copyDir);
  const isPacked = await exists(packed.tarball) && await Deno.readTextFile(hashFile).catch(() => "") === hash;
  return { packed, exports, hash, isPacked };
}

async function packCopy({ packed, exports, hash }: Copied): Promise<void> {
  await Deno.remove(packed.dir, { recursive: true }).catch(() => {});
  const tarball = pathOf(packed.tarball);
  await check(Deno.execPath(), ["pack", "--quiet", "--allow-dirty", "--no-source-maps", "--output", tarball], copyDir);
  await check("tar", ["-xzf", tarball], npmDir);
  await bundle(packed.dir, exports);
  await editManifest(packed.dir);
  await check("tar", ["-czf", tarball, "package"], npmDir);
  await Deno.writeTextFile(hashFile, hash);
}

if (import.meta.main) {
  const { tarball } = await pack();
  console.log(`Packed ${pathOf(tarball)}: ${(await Deno.stat(tarball)).size} bytes`);
}
