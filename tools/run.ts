/**
 * Runs other programs, for the tools and tests that need some.
 *
 * @module
 */

import { fileURLToPath, pathToFileURL } from "node:url";

/** What came of a program. */
export interface Output {
  success: boolean;
  stdout: string;
  stderr: string;
}

const zigDir = new URL("../zig/", import.meta.url);

/** Runs a program to its end, in `zig/` unless told otherwise; one that isn't there fails. */
export async function run(
  command: string,
  args: string[],
  env: Record<string, string> = {},
  cwd = zigDir,
): Promise<Output> {
  try {
    const process = new Deno.Command(command, { args, env, cwd, stdin: "null" });
    const { success, stdout, stderr } = await process.output();
    const decoder = new TextDecoder();
    return { success, stdout: decoder.decode(stdout).trim(), stderr: decoder.decode(stderr).trim() };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { success: false, stdout: "", stderr: `${command} not found` };
    throw error;
  }
}

/** A file's path, as programs of this machine take it. */
export function pathOf(url: URL): string {
  return fileURLToPath(url);
}

/** A folder by its path, as programs of this machine give it. */
export function folderAt(path: string): URL {
  return pathToFileURL(`${path}/`);
}

/** Whether there is such a file or folder. */
export async function exists(url: URL): Promise<boolean> {
  return await Deno.stat(url).then(() => true, () => false);
}

/** Does what only one may do at a time, of all that run on this machine with the same file. */
export async function alone<T>(lock: URL, work: () => Promise<T>): Promise<T> {
  await Deno.mkdir(new URL("./", lock), { recursive: true });
  using file = await Deno.open(lock, { create: true, write: true });
  await file.lock(true);
  return await work();
}
