/**
 * Runs `deno` with the import map that this network can serve: the one in
 * deno.json, which names `jsr:@std/...`, or, where JSR can't be reached, the same
 * packages from the npm registry (`npm_import_map.json`).
 *
 * @module
 */

const rootDir = new URL("../", import.meta.url);

async function reachesJsr(): Promise<boolean> {
  const config = JSON.parse(await Deno.readTextFile(new URL("deno.json", rootDir)));
  const specifiers = Object.values(config.imports as Record<string, string>);
  const jsr = specifiers.filter((specifier) => specifier.startsWith("jsr:"));
  const probe = new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", ...jsr],
    cwd: rootDir,
    stdin: "null",
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(20_000),
  });
  return (await probe.output()).success;
}

const [subcommand, ...args] = Deno.args;
const importMap = new URL("npm_import_map.json", import.meta.url);
const mapArgs = await reachesJsr() ? [] : ["--import-map", decodeURIComponent(importMap.pathname)];
const child = new Deno.Command(Deno.execPath(), { args: [subcommand, ...mapArgs, ...args] }).spawn();
Deno.exit((await child.status).code);
