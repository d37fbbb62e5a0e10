/**
 * Lua as its authors publish it, for this machine.
 *
 * @module
 */

import { pathOf } from "../../tools/run.ts";

/**
 * The command that runs Lua of the release that the unit has: the machine's own, else the one that
 * `deno task build --native` has built; undefined where there is neither.
 */
export async function findNativeLua(): Promise<string | undefined> {
  const manifest = await Deno.readTextFile(new URL("../../zig/build.zig.zon", import.meta.url));
  const release = /lua-([\d.]+)\.tar\.gz/.exec(manifest)![1];
  const built = new URL("../../.build/native/bin/lua5.4", import.meta.url);
  for (const command of ["lua5.4", pathOf(built) + (Deno.build.os === "windows" ? ".exe" : "")]) {
    if ((await versionOf(command)).startsWith(`Lua ${release} `)) return command;
  }
  return undefined;
}

/** What a Lua says about itself; nothing where there is none. */
async function versionOf(command: string): Promise<string> {
  try {
    return new TextDecoder().decode((await new Deno.Command(command, { args: ["-v"] }).output()).stdout);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
