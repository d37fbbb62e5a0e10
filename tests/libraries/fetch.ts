/**
 * Fetches libraries, and lays them out as LuaRocks would.
 *
 * @module
 */

import { type DebianArchive, fetchFromDebian } from "../../tools/debian.ts";
import { exists, pathOf, run } from "../../tools/run.ts";
import type { Library } from "./libraries.ts";

/** Suites of Debian whose sources have the versions; the first is the one that they were chosen from. */
const SUITES = ["trixie", "forky"];

const cacheDir = new URL("../../.build/libraries/", import.meta.url);
const archivesDir = new URL("archives/", cacheDir);

/** A library on this machine. */
export interface Installed {
  /** What `require` finds: its modules, under the names that LuaRocks gives them. */
  readonly modules: URL;
  /** All that its archive has. */
  readonly sources: URL;
}

/** Fetches libraries where they aren't there yet; those by package that then are. */
export async function fetchLibraries(libraries: readonly Library[]): Promise<Map<string, Installed>> {
  const missing: DebianArchive[] = [];
  for (const library of libraries) {
    if (!await exists(await dirOf(library))) missing.push(archiveOf(library));
  }
  if (missing.length > 0) {
    await Deno.mkdir(archivesDir, { recursive: true });
    await fetchFromDebian(archivesDir, SUITES, missing);
  }
  const installed = new Map<string, Installed>();
  for (const library of libraries) {
    const dir = await dirOf(library);
    if (!await exists(dir) && !await install(library, dir)) continue;
    installed.set(library.package, { modules: new URL("modules/", dir), sources: new URL("sources/", dir) });
  }
  return installed;
}

function archiveOf({ package: name, version }: Library): DebianArchive {
  return { name, version, file: `${name}_${version}.orig.tar.gz` };
}

/** A library's folder; another one where its modules are laid out in another way. */
async function dirOf({ package: name, version, modules }: Library): Promise<URL> {
  return new URL(
    `${name}-${version}-${(await sha256Of(new TextEncoder().encode(JSON.stringify(modules)))).slice(0, 8)}/`,
    cacheDir,
  );
}

async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Unpacks a library's archive; whether it's there. */
async function install(library: Library, dir: URL): Promise<boolean> {
  const archive = new URL(archiveOf(library).file, archivesDir);
  if (!await exists(archive)) return false;
  const digest = await sha256Of(await Deno.readFile(archive));
  if (digest !== library.sha256) throw new Error(`Refused: ${pathOf(archive)} has sha256 ${digest}`);

  const made = new URL(`${crypto.randomUUID()}/`, cacheDir);
  const sources = new URL("sources/", made);
  await Deno.mkdir(sources, { recursive: true });
  const unpacked = await run("tar", ["xzf", pathOf(archive), "-C", pathOf(sources), "--strip-components=1"]);
  if (!unpacked.success) throw new Error(`Cannot unpack ${pathOf(archive)}: ${unpacked.stderr}`);
  const modules = new URL("modules/", made);
  await Deno.mkdir(modules);
  for (const [from, to] of Object.entries(library.modules)) await copy(new URL(from, sources), new URL(to, modules));
  // Under its name only when it is whole; another process may have been faster.
  await Deno.rename(made, dir).catch(() => Deno.remove(made, { recursive: true }));
  return true;
}

async function copy(from: URL, to: URL): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) {
    await copy(new URL(`${from}/${name}`), new URL(`${to}/${name}`));
  }
}
