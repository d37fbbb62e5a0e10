/**
 * Packs what npm serves, in `.build/npm/`: the tarball, and what is in it under `package/`, which
 * tests/platforms runs. The scripts are those of `dist/`. `deno pack` makes the types and the rest,
 * from a copy of what is published without the command line, which is Deno's alone and the only part
 * with a dependency.
 *
 * `deno run -A --no-check tools/pack.ts`
 *
 * @module
 */

import { ENTRIES } from "./bundle.ts";
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
  publish: { include: string[] };
}

const DESCRIPTION = "Lua 5.4 in a sandbox of WebAssembly, with structured data in and out";

/** Files and folders that npm's package goes without. */
const LEFT_OUT = ["src/cli/", "mod.ts", "dist/cu.stamp"];

/** What documents lead to, as it is: `deno pack` would make JavaScript of the examples. */
const SHOWN = ["examples/", "bench/"];

async function copy(path: string, to: URL, from = rootDir): Promise<void> {
  if (LEFT_OUT.includes(path)) return;
  await Deno.mkdir(new URL("./", new URL(path, to)), { recursive: true });
  if (path !== "" && !path.endsWith("/")) return await Deno.copyFile(new URL(path, from), new URL(path, to));
  for await (const { name, isFile } of Deno.readDir(new URL(path, from))) {
    await copy(`${path}${name}${isFile ? "" : "/"}`, to, from);
  }
}

function isShown(path: string): boolean {
  return SHOWN.some((folder) => path.startsWith(folder));
}

/** What `deno pack` is given: the entries as they are in TypeScript, of which it makes types. */
async function copyPublished(config: Config, to: URL, shown: URL): Promise<void> {
  for (const path of config.publish.include) await copy(path, isShown(path) ? shown : to);
  const exports = Object.fromEntries(
    Object.entries(ENTRIES).map(([entry, source]) => [exportOf(entry), `./${source}`]),
  );
  await Deno.writeTextFile(new URL("deno.json", to), JSON.stringify({ ...config, exports, imports: {} }));
}

/** The name by which an entry in `dist/` is imported. */
function exportOf(entry: string): string {
  return entry === "mod" ? "." : `./${entry}`;
}

async function check(command: string, args: string[], cwd: URL): Promise<void> {
  const { success, stderr } = await run(command, args, {}, cwd);
  if (!success) throw new Error(`Cannot pack: ${command} ${args[0]} failed\n${stderr}`);
}

/** What the main entry is where a runtime or bundler goes by one of these names, the first that it knows. */
const MAIN_BY_CONDITION = {
  workerd: "./dist/workerd.js",
  // Those that may know the last name too, but may read no file of the package, or put the entry into another one.
  deno: "./dist/mod.js",
  bun: "./dist/mod.js",
  module: "./dist/mod.js",
  // Node itself, from 20.19 on. "node" is what bundlers for Node say, too, some of which don't know "module".
  "module-sync": "./dist/node/mod.js",
};

/**
 * The entries with their types. Two are what JSR can't have: the module itself, which Deno would take
 * for one whose import it has to find; and others in the place of the main one, by condition.
 */
function exportsForNpm(): Record<string, unknown> {
  const typed = Object.entries(ENTRIES).map(([entry, source]) => {
    const types = `./${source.replace(/\.[jt]s$/, ".d.ts")}`;
    const byCondition = entry === "mod" ? MAIN_BY_CONDITION : {};
    return [exportOf(entry), { types, ...byCondition, default: `./dist/${entry}.js` }];
  });
  return {
    ...Object.fromEntries(typed),
    "./cu.wasm": "./wasm/cu.wasm",
    "./package.json": "./package.json",
  };
}

/** Takes away what `deno pack` has made of `src/` and `platform/` besides types. */
async function removeScripts(folder: URL): Promise<void> {
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile) await removeScripts(new URL(`${name}/`, folder));
    // Of a declaration, deno pack makes one more.
    else if (/\.js$|\.d\.ts\.d\.ts$/.test(name)) await Deno.remove(new URL(name, folder));
  }
}

/** Puts the scripts of `dist/` in, as they are. */
async function placeScripts(dir: URL): Promise<void> {
  for (const folder of ["src/", "platform/", "dist/", "wasm/"]) await removeScripts(new URL(folder, dir));
  await Deno.remove(new URL("wasm/cu.d.ts", dir));
  await copy("dist/", dir);
}

/** Where the sources are, as a forge's workflow says: npm takes no package with provenance that doesn't tell. */
export function repositoryIn(env: { get(name: string): string | undefined }): Record<string, unknown> {
  const [server, name] = [env.get("GITHUB_SERVER_URL"), env.get("GITHUB_REPOSITORY")];
  if (server === undefined || name === undefined) return {};
  const page = `${server}/${name}`;
  return {
    repository: { type: "git", url: `git+${page}.git` },
    homepage: `${page}#readme`,
    bugs: { url: `${page}/issues` },
  };
}

async function editManifest(dir: URL): Promise<void> {
  const file = new URL("package.json", dir);
  const manifest = JSON.parse(await Deno.readTextFile(file));
  if (manifest.dependencies !== undefined) throw new Error("Cannot pack: the package is to have no dependencies");
  const more = {
    description: DESCRIPTION,
    ...repositoryIn(Deno.env),
    engines: { node: ">=20" },
    main: "./dist/mod.js",
    exports: exportsForNpm(),
  };
  await Deno.writeTextFile(file, JSON.stringify({ ...manifest, ...more }, undefined, 2));
}

/** What the files of the package are made of and made by, to tell whether they are made already. */
async function sourcesHash(dirs: readonly URL[]): Promise<string> {
  const parts = [Deno.version.deno, await Deno.readTextFile(new URL(import.meta.url))];
  parts.push(JSON.stringify(repositoryIn(Deno.env)));
  const add = async (folder: URL): Promise<void> => {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    for (const { name, isFile } of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
      if (!isFile) await add(new URL(`${name}/`, folder));
      else parts.push(name, (await Deno.readFile(new URL(name, folder))).toBase64());
    }
  };
  for (const dir of dirs) await add(dir);
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
const shownDir = new URL("shown/", npmDir);
const hashFile = new URL("hash", npmDir);

/** What is to be packed, which stands in `copyDir` and `shownDir`. */
interface Copied {
  packed: Packed;
  hash: string;
  /** Whether the same was packed before. */
  isPacked: boolean;
}

async function copySources(): Promise<Copied> {
  const config: Config = JSON.parse(await Deno.readTextFile(new URL("deno.json", rootDir)));
  const packed = { tarball: new URL(`computeunit-cu-${config.version}.tgz`, npmDir), dir: new URL("package/", npmDir) };
  for (const dir of [copyDir, shownDir]) await Deno.remove(dir, { recursive: true }).catch(() => {});
  await copyPublished(config, copyDir, shownDir);
  const hash = await sourcesHash([copyDir, shownDir]);
  const isPacked = await exists(packed.tarball) && await Deno.readTextFile(hashFile).catch(() => "") === hash;
  return { packed, hash, isPacked };
}

async function packCopy({ packed, hash }: Copied): Promise<void> {
  await Deno.remove(packed.dir, { recursive: true }).catch(() => {});
  const tarball = pathOf(packed.tarball);
  await check(Deno.execPath(), ["pack", "--quiet", "--allow-dirty", "--no-source-maps", "--output", tarball], copyDir);
  await check("tar", ["-xzf", tarball], npmDir);
  await placeScripts(packed.dir);
  await copy("", packed.dir, shownDir);
  await editManifest(packed.dir);
  await check("tar", ["-czf", tarball, "package"], npmDir);
  await Deno.writeTextFile(hashFile, hash);
}

if (import.meta.main) {
  const { tarball } = await pack();
  console.log(`Packed ${pathOf(tarball)}: ${(await Deno.stat(tarball)).size} bytes`);
}
