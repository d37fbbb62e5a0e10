/**
 * `cu types`: definitions for the Lua language server.
 *
 * @module
 */

import { luaTypes } from "../host/lua_types.ts";
import { type TypesOptions, UsageError } from "./arguments.ts";
import { type CliIo, systemMessage, write } from "./files.ts";

/** Writes the definitions; the exit code. */
export async function types(options: TypesOptions, io: CliIo): Promise<number> {
  const files = luaTypes();
  const output = options.types;
  if (output === undefined || output === "-" || output.endsWith(".lua")) {
    await write(output, files["cu.lua"], io);
  } else {
    await writeAll(output, files, io);
    const names = Object.keys(files).join(", ");
    await write(undefined, `Wrote ${names} into ${output}. In .luarc.json:\n${settings(output)}`, io);
  }
  return 0;
}

async function writeAll(directory: string, files: Record<string, string>, io: CliIo): Promise<void> {
  try {
    await io.makeDirectory?.(directory);
  } catch (error) {
    throw new UsageError(`Cannot make the folder ${directory}: ${systemMessage(error)}`);
  }
  for (const [name, text] of Object.entries(files)) {
    await write(`${directory.replace(/\/+$/, "")}/${name}`, text, io);
  }
}

/** Parts of Lua's library, as the language server knows them. */
const LIBRARIES = "basic coroutine debug io math os package string table utf8".split(" ");

/** The language server's settings: these definitions stand for its own. */
function settings(directory: string): string {
  const values = {
    "runtime.version": "Lua 5.4",
    "runtime.builtin": Object.fromEntries(LIBRARIES.map((name) => [name, "disable"])),
    "workspace.library": [directory],
  };
  return `${JSON.stringify(values, undefined, 2)}\n`;
}
