/**
 * Lua modules in files, for `require`.
 *
 * @example Usage
 * ```ts
 * import { ComputeUnit } from "@computeunit/cu";
 * import { directoryModules } from "@computeunit/cu/directory";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${directory}/greeting.lua`, "return 'hello'");
 * using cu = await ComputeUnit.create({ resolveModule: directoryModules(directory) });
 * assertEquals(cu.compute("return (require 'greeting')"), "hello");
 * ```
 *
 * @module
 */

import { readFileSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { checkString } from "../values/options.ts";
import type { ModuleText } from "./host_functions.ts";

/** What may stand between the dots of a module's name: no way up, no drive, no other separator. */
const PART = /^[^./\\:\0]+$/;

/**
 * Finds modules in a directory: `rules.tax` is `rules/tax.lua` or `rules/tax/init.lua` there, as
 * the path `?.lua;?/init.lua` has it in Lua. Nothing outside of the directory is read, whatever
 * the name: neither by `..`, nor by an absolute path, nor by a symbolic link. Files are read when
 * they are asked for; in Deno that needs `--allow-read` for the directory.
 *
 * @param directory The directory, as a path or file URL; it must be there.
 * @returns The option {@linkcode Powers.resolveModule} of a unit. A module's name in messages is the file's path in
 * the directory. It throws an Error for a module whose file a link leads out of the directory, or that can't be read;
 * no message has the directory's own path in it.
 * @throws {TypeError} If `directory` is neither a string nor a URL.
 * @throws {Error} If there is no such directory.
 */
export function directoryModules(directory: string | URL): (name: string) => ModuleText | undefined {
  if (!(directory instanceof URL)) checkString("find modules", "directory", directory);
  const root = realpathSync(directory instanceof URL ? fileURLToPath(directory) : directory);
  if (!statSync(root).isDirectory()) throw new Error(`Cannot find modules: ${root} is not a directory`);
  return (name) => {
    const parts = name.split(".");
    if (!parts.every((part) => PART.test(part))) return undefined;
    const path = parts.join("/");
    for (const file of [`${path}.lua`, `${path}/init.lua`]) {
      const code = read(root, join(root, file), name);
      if (code !== undefined) return { code, chunkName: file };
    }
    return undefined;
  };
}

/** Errors of the system that say that there is no such file, or none by a name that code made up. */
const NONE = ["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP"];

/** The file's bytes; undefined where there is none. */
function read(root: string, path: string, name: string): Uint8Array | undefined {
  try {
    const real = realpathSync(path);
    if (!statSync(real).isFile()) return undefined;
    const inside = root.endsWith(sep) ? root : root + sep;
    if (real.startsWith(inside)) return new Uint8Array(readFileSync(real));
  } catch (cause) {
    const { code, name: kind } = cause as { code?: string; name: string };
    if (NONE.includes(code!)) return undefined;
    // Code sees the message, and not where the directory is.
    throw new Error(`Cannot read module ${name}: ${code ?? kind}`, { cause });
  }
  throw new Error(`Cannot read module ${name}: a link leads out of the directory`);
}
