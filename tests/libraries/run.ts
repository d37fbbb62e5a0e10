/**
 * Runs a library's own tests: in a unit, and in native Lua.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { directoryModules } from "@computeunit/cu/directory";
import { relative } from "node:path";
import { pathOf, run } from "../../tools/run.ts";
import type { Installed } from "./fetch.ts";
import { type Library, NEEDED, type Suite } from "./libraries.ts";

/** The runners, and what they report with. */
const runnersDir = new URL("lua/", import.meta.url);

/** What comes before the report in native Lua, after all that tests print. */
const MARK = "\n--report--\n";

/** What a library's tests report: a line for each. */
export type Report = string[];

/** Folders in which `require` looks, or undefined where one is missing. */
export function foldersOf(
  library: Library,
  { runner }: Suite,
  installed: ReadonlyMap<string, Installed>,
): URL[] | undefined {
  const own = installed.get(library.package);
  const needed = NEEDED[runner].map((name) => installed.get(name)?.modules);
  if (own === undefined || needed.includes(undefined)) return undefined;
  return [runnersDir, own.modules, ...needed as URL[], own.sources];
}

/** A list of texts, in Lua. */
function listOf(texts: readonly string[]): string {
  return `{ ${texts.map((text) => `[========[\n${text}]========]`).join(", ")} }`;
}

/** The code that runs all tests; scripts are part of it, other tests are modules. */
async function codeOf({ runner, prelude = "", tests }: Suite, folders: URL[]): Promise<string> {
  const isScript = runner === "script_runner";
  const texts = isScript
    ? await Promise.all(tests.map((file) => Deno.readTextFile(new URL(file, folders.at(-1)))))
    : [];
  return `
    ${prelude}
    arg = { [0] = "lua" }
    function os.exit(code) error("exit " .. tostring(code)) end
    require("${runner}")(${listOf(tests)}, ${listOf(texts)})
    return require("report").all()`;
}

/** Runs tests in a unit. */
export async function runInUnit(suite: Suite, folders: URL[]): Promise<Report> {
  const resolvers = folders.map((folder) => directoryModules(folder));
  using cu = await ComputeUnit.create({
    resolveModule(name) {
      for (const resolve of resolvers) {
        const text = resolve(name);
        if (text !== undefined) return text;
      }
    },
  });
  return cu.compute<string>(await codeOf(suite, folders)).split("\n");
}

/** Runs tests in native Lua. */
export async function runInNativeLua(lua: string, suite: Suite, folders: URL[]): Promise<Report> {
  const sources = folders.at(-1)!;
  // Relative, as it is where people run tests: messages hold no more than 60 characters of a path.
  const path = folders.flatMap((folder) => {
    const directory = relative(pathOf(sources), pathOf(folder)) || ".";
    return [`${directory}/?.lua`, `${directory}/?/init.lua`];
  }).join(";");
  // A unit has one locale only.
  const code = `package.path = ${JSON.stringify(path)}
    local setlocale = os.setlocale
    function os.setlocale(name, ...) if name == nil or name == "C" then return setlocale(name, ...) end end
    local report = (function() ${await codeOf(suite, folders)} end)()
    io.stdout:write(${JSON.stringify(MARK)}, report)`;
  const { success, stdout, stderr } = await run(lua, ["-e", code], {}, sources);
  if (!success) throw new Error(`Native Lua failed: ${stderr}`);
  return stdout.slice(stdout.indexOf(MARK) + MARK.length).split("\n");
}
