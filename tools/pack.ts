/**
 * Packs what npm serves, in `.build/npm/`: the tarball, and what is in it under `package/`, which
 * tests/platforms runs. `deno pack` makes it from a copy of what is published without the command
 * line, which is Deno's alone and the only part with a dependency.
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

async function copyPublished(config: Config, to: URL): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for (const path of config.publish.include) await copy(path, to);
  const exports = Object.fromEntries(
    Object.entries(config.exports).filter(([, file]) => !LEFT_OUT.some((dir) => file.startsWith(`./${dir}`))),
  );
  await Deno.writeTextFile(new URL("deno.json", to), JSON.stringify({ ...config, exports, imports: {} }));
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
  return alone(new URL("lock", npmDir), packAlone);
}

async function packAlone(): Promise<Packed> {
  const config: Config = JSON.parse(await Deno.readTextFile(new URL("deno.json", rootDir)));
  const packed = { tarball: new URL(`computeunit-cu-${config.version}.tgz`, npmDir), dir: new URL("package/", npmDir) };
  const copyDir = new URL("copy/", npmDir);
  await Deno.remove(copyDir, { recursive: true }).catch(() => {});
  await copyPublished(config, copyDir);
  const hash = await sourcesHash(copyDir);
  const hashFile = new URL("hash", npmDir);
  if (await exists(packed.tarball) && await Deno.readTextFile(hashFile).catch(() => "") === hash) return packed;

  await Deno.remove(packed.dir, { recursive: true }).catch(() => {});
  const tarball = pathOf(packed.tarball);
  await check(Deno.execPath(), ["pack", "--quiet", "--allow-dirty", "--no-source-maps", "--output", tarball], copyDir);
  await check("tar", ["-xzf", tarball], npmDir);
  await editManifest(packed.dir);
  await check("tar", ["-czf", tarball, "package"], npmDir);
  await Deno.writeTextFile(hashFile, hash);
  return packed;
}

if (import.meta.main) {
  const { tarball } = await pack();
  console.log(`Packed ${pathOf(tarball)}: ${(await Deno.stat(tarball)).size} bytes`);
}
