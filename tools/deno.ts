/**
 * Runs `deno` with the import map that this network can serve: the one in
 * deno.json, which names `jsr:@std/...`, or, where JSR can't be reached, the same
 * packages from the npm registry (`npm_import_map.json`). With `CU_CHECKS` set to `all` or
 * `stress`, units run the module of that name that checks itself (`deno task build --checked`).
 *
 * @module
 */

const rootDir = new URL("../", import.meta.url);
const importMap = new URL("npm_import_map.json", import.meta.url);

/** Subcommands that take no import map but deno.json's own. */
const CONFIG_ONLY = ["publish", "doc"];

/**
 * The one guard against tests that hang, far more than they take: no test has a limit of its
 * own, as none may depend on how fast the machine is.
 */
const TESTS_MS_MAX = 30 * 60_000;

interface Config {
  imports: Record<string, string>;
  publish: { include: string[] };
}

/** Tells programs that this one starts whether JSR is reached, as to find that out can take seconds. */
const JSR_VARIABLE = "CU_REACHES_JSR";

async function reachesJsr(config: Config): Promise<boolean> {
  const known = Deno.env.get(JSR_VARIABLE);
  if (known !== undefined) return known === "true";
  const specifiers = Object.values(config.imports).filter((specifier) => specifier.startsWith("jsr:"));
  const probe = new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", "--no-config", ...specifiers],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(20_000),
  });
  return (await probe.output()).success;
}

function endTests(child: Deno.ChildProcess): void {
  console.error(`The tests were ended after ${TESTS_MS_MAX / 60_000} minutes: the last one that began hangs`);
  child.kill("SIGKILL");
}

/** A copy of what is published, whose deno.json has the npm import map. */
async function copyWithNpmImports(config: Config): Promise<string> {
  const copyDir = await Deno.makeTempDir({ prefix: "cu-" });
  for (const path of config.publish.include) {
    await Deno.mkdir(`${copyDir}/${path.replace(/[^/]*$/, "")}`, { recursive: true });
    await copy(new URL(path, rootDir), `${copyDir}/${path}`);
  }
  const { imports } = JSON.parse(await Deno.readTextFile(importMap)) as Config;
  for (const name of Object.keys(imports)) if (imports[name].startsWith("../")) delete imports[name];
  await Deno.writeTextFile(`${copyDir}/deno.json`, JSON.stringify({ ...config, imports }));
  return copyDir;
}

async function copy(from: URL, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isFile } of Deno.readDir(from)) {
    await copy(new URL(isFile ? name : `${name}/`, from), `${to}/${name}`);
  }
}

/** The same import map with another module in the place of `wasm/cu.js`. */
async function mapWithChecks(imports: Record<string, string>, base: URL, checks: string): Promise<URL> {
  const dir = new URL(`.build/checks/${checks}/`, rootDir);
  const placed = Object.entries(imports).flatMap(([name, target]) => {
    if (target.startsWith(".")) return [[name, new URL(target, base).href]];
    // A package's inner paths, which deno.json's imports have by themselves.
    const isPackage = /^(jsr|npm):(@[^/]+\/)?[^/]+$/.test(target);
    return isPackage ? [[`${name}/`, `${target.replace(":", ":/")}/`], [name, target]] : [[name, target]];
  });
  const own = {
    "@computeunit/cu": new URL("src/main.ts", rootDir).href,
    [new URL("wasm/cu.js", rootDir).href]: new URL("cu.js", dir).href,
  };
  await Deno.mkdir(dir, { recursive: true });
  const file = new URL("import_map.json", dir);
  await Deno.writeTextFile(file, JSON.stringify({ imports: { ...Object.fromEntries(placed), ...own } }));
  return file;
}

const config: Config = JSON.parse(await Deno.readTextFile(new URL("deno.json", rootDir)));
const [subcommand, ...args] = Deno.args;
const checks = Deno.env.get("CU_CHECKS");
const isOnline = await reachesJsr(config);
let map: URL | undefined = isOnline ? undefined : importMap;
let copyDir: string | undefined;
if (CONFIG_ONLY.includes(subcommand)) {
  if (!isOnline) copyDir = await copyWithNpmImports(config);
  map = undefined;
} else if (checks) {
  const { imports } = isOnline ? config : JSON.parse(await Deno.readTextFile(importMap)) as Config;
  map = await mapWithChecks(imports, map ?? rootDir, checks);
}
const mapArgs = map ? ["--import-map", map.href] : [];
const env = { [JSR_VARIABLE]: String(isOnline) };
const options = { args: [subcommand, ...mapArgs, ...args], env, ...(copyDir && { cwd: copyDir }) };
const child = new Deno.Command(Deno.execPath(), options).spawn();
const guard = subcommand === "test" ? setTimeout(() => endTests(child), TESTS_MS_MAX) : undefined;
const { code } = await child.status;
clearTimeout(guard);
if (copyDir) await Deno.remove(copyDir, { recursive: true });
Deno.exit(code);
