/**
 * The runtimes that the library is tried in, and how each runs the core. They come from the npm
 * registry into `.build/platforms/`, browsers from the machine; one that can't be had isn't there.
 *
 * @module
 */

import { alone, exists, pathOf, run } from "../../tools/run.ts";
import type { CaseResult } from "./core.ts";
import { resultsOfPage } from "./page.ts";
import { resultsOfWorker } from "./workerd.ts";

const platformsDir = new URL("../../.build/platforms/", import.meta.url);

/** Names of a system in packages. */
const OS = Deno.build.os as "linux" | "darwin" | "windows";
const IS_ARM = Deno.build.arch === "aarch64";
const EXE = OS === "windows" ? ".exe" : "";

/** A program that a package of the npm registry holds. */
interface Program {
  package: string;
  version: string;
  path: string;
}

function node(version: string): Program {
  const os = OS === "windows" ? "win" : OS;
  return {
    package: `node-${os}-${IS_ARM ? "arm64" : "x64"}`,
    version,
    path: OS === "windows" ? "bin/node.exe" : "bin/node",
  };
}

function bun(version: string): Program {
  const arch = IS_ARM ? "aarch64" : "x64-baseline";
  return { package: `@oven/bun-${OS}-${arch}`, version, path: `bin/bun${EXE}` };
}

function workerd(version: string): Program {
  return { package: `@cloudflare/workerd-${OS}-${IS_ARM ? "arm64" : "64"}`, version, path: `bin/workerd${EXE}` };
}

/** npm itself, which Node runs. */
export const NPM: Program = { package: "npm", version: "11.21.2", path: "bin/npm-cli.js" };

/** Fetches a program where it isn't there yet; undefined where it can't be had. */
export function fetchProgram(program: Program): Promise<string | undefined> {
  const dir = new URL(`${program.package.replace("/", "+")}@${program.version}/`, platformsDir);
  return alone(new URL("lock", dir), () => fetchInto(dir, program));
}

async function fetchInto(dir: URL, { package: name, version, path }: Program): Promise<string | undefined> {
  const program = new URL(`node_modules/${name}/${path}`, dir);
  if (!await exists(program)) {
    const config = { nodeModulesDir: "auto", imports: { [name]: `npm:${name}@${version}` } };
    await Deno.writeTextFile(new URL("deno.json", dir), JSON.stringify(config));
    const { success } = await run(Deno.execPath(), ["install", "--quiet"], {}, dir);
    if (!success || !await exists(program)) return undefined;
  }
  if (OS !== "windows") await Deno.chmod(program, 0o755);
  return pathOf(program);
}

/** A runtime that is there. */
export interface Runtime {
  /** As the table calls it. */
  name: string;
  version: string;
  /** Groups of cases that fail in it for what it lacks. */
  lacks: string[];
  /** What to import, or else to say, where importing the main entry isn't all. */
  needs?: string;
  /** The program. */
  program: string;
  /** Runs the core in a project that {@linkcode makeApp} has made. */
  run: (app: URL) => Promise<CaseResult[]>;
}

/** Runs a script that prints the results. */
export async function resultsOfScript(program: string, args: string[], app: URL): Promise<CaseResult[]> {
  const { success, stdout, stderr } = await run(program, args, {}, app);
  if (!success) throw new Error(`${program} ${args.join(" ")} failed\n${stderr}`);
  return JSON.parse(stdout);
}

const FLOAT16 = "values: Float16Array";

async function findNode(version: string): Promise<Runtime | undefined> {
  const program = await fetchProgram(node(version));
  if (program === undefined) return undefined;
  const major = Number(version.split(".")[0]);
  return {
    name: `Node ${major}`,
    version,
    lacks: major < 24 ? [FLOAT16] : [],
    program,
    run: (app) => resultsOfScript(program, ["by_name.js"], app),
  };
}

async function findBun(version: string): Promise<Runtime | undefined> {
  const program = await fetchProgram(bun(version));
  if (program === undefined) return undefined;
  return { name: "Bun", version, lacks: [], program, run: (app) => resultsOfScript(program, ["by_name.js"], app) };
}

async function findWorkerd(version: string): Promise<Runtime | undefined> {
  const program = await fetchProgram(workerd(version));
  if (program === undefined) return undefined;
  return {
    name: "workerd",
    version,
    lacks: [],
    needs: "`@computeunit/cu/workerd`, which wrangler finds by itself",
    program,
    run: async (app) => {
      return await resultsOfWorker(program, app, "worker.js");
    },
  };
}

async function findBrowser(name: string, commands: string[]): Promise<Runtime | undefined> {
  for (const command of commands) {
    const { success, stdout } = await run(command, ["--version"]);
    if (!success) continue;
    return {
      name,
      version: /\d[\d.]*/.exec(stdout)?.[0] ?? "",
      lacks: [],
      needs: "`@computeunit/cu`; a `script-src` needs `'wasm-unsafe-eval'`",
      program: command,
      run: (app) => resultsOfPage(name, command, app),
    };
  }
}

function findDeno(): Runtime {
  const program = Deno.execPath();
  const args = ["run", "--no-config", "--no-prompt", "by_path.js"];
  return {
    name: "Deno",
    version: Deno.version.deno,
    lacks: [],
    program,
    run: (app) => resultsOfScript(program, args, app),
  };
}

/** Runtimes by their names, those that can't be had as `undefined`. */
export async function findRuntimes(): Promise<Map<string, Runtime | undefined>> {
  const found = await Promise.all([
    ["Deno", findDeno()] as const,
    ...["20.20.2", "22.23.5", "24.22.3", "26.12.1"].map(async (version) =>
      [`Node ${version.split(".")[0]}`, await findNode(version)] as const
    ),
    findBun("1.4.5").then((found) => ["Bun", found] as const),
    findBrowser("Chromium", ["chromium", "chromium-browser", "google-chrome"])
      .then((found) => ["Chromium", found] as const),
    findBrowser("Firefox", ["firefox-esr", "firefox"]).then((found) => ["Firefox", found] as const),
    findWorkerd("1.20261117.1").then((found) => ["workerd", found] as const),
  ]);
  return new Map(found);
}
