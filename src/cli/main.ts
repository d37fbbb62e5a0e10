/**
 * The command line: runs a Lua script on JSON, and writes definitions for editors.
 *
 * ```sh
 * deno run --allow-read jsr:@computeunit/cu/cli run script.lua --input data.json
 * ```
 *
 * It needs `--allow-read` for the script, the input and `--path`, and `--allow-write` for
 * `--output`; with the script or the input on stdin, that one needs no permission.
 *
 * The script finds the input in `_io.input` and the `--meta` options, as strings, in
 * `_io.meta`. The result is `_io.output` or, if that is nil or null, the first value that the
 * script returns. It is written as one line of JSON to `--output`, else to stdout.
 * What the script prints goes to stdout beside an `--output` file, else to stderr, so
 * that stdout is always one or the other. A first line that begins with `#` is skipped.
 *
 * Nothing is changed silently:
 *
 * - An integer of the input beyond 2^53 is an exact Lua integer, and one beyond 64 bits
 *   an error. So is a number such as `1e400`. Other numbers are 64-bit floats.
 * - An integer of the output is written with all its digits.
 * - What JSON lacks is an error that names its place: NaN, infinities, strings that are
 *   not UTF-8, bytes, Sets, cycles, Maps, and tables with keys that are neither text nor
 *   integers. An empty table is `{}`, an empty `_io.array({})` is `[]`.
 *   A table in two places is written twice. Dates are ISO 8601.
 *
 * `cu types` prints what Lua code finds in a unit, for the Lua language server, and needs no
 * permission; with `--output DIR` it writes the files into that folder (`--allow-write`), and prints
 * the server's settings.
 *
 * With `--state FILE`, what the script leaves in `_home` is there the next time: it is loaded before, and saved
 * once the script has ended without an error. FILE is a SQLite file (`--allow-read` and `--allow-write` for it),
 * `kv:PATH` a Deno KV database (`--unstable-kv`), and `postgres:URL` a PostgreSQL database (`--allow-net`,
 * `--allow-env`); `--state-name` tells several states in one apart.
 *
 * `cu state` looks at such states, and changes them:
 *
 * - `list`: the names of all states, as a JSON array;
 * - `get [KEY...]`: what the keys lead to, or all; a key is text, or JSON in brackets, such as `[1]`;
 * - `set KEY... JSON`, `delete KEY...`: changes one value; `delete` without keys deletes the state;
 * - `export`: as `get`, to `--output FILE`; `import`: puts JSON from stdin or `--input FILE` in the place of all.
 *
 * What JSON lacks is an object with the key `$` there, which says what it is; `import` makes the same of it again:
 * `{"$":"null"}` is `_io.null`; `{"$":"number","name":"NaN"}` (or Infinity, -Infinity); `{"$":"bytes","base64":...}`;
 * `{"$":"date","ms":...}`; `{"$":"map","entries":[[key, value], ...]}`; `{"$":"set","members":[...]}`;
 * `{"$":"object","entries":...}`, whose keys aren't all text, or one is `$`; `{"$":"typed","kind":...,"values":...}`;
 * `{"$":"function","base64":...}`; and `{"$":"table","table":1,"value":...}`, which is in other places, too, where
 * `{"$":"same","table":1}` stands. A number with a point is a float, another one an integer.
 *
 * Exit codes: 0, or 1 if the script fails or its result is no JSON, a state can't be loaded or saved or isn't
 * there, or 2 if the command is used wrongly: unknown options, files that can't be read or written, invalid input.
 *
 * @module
 */

import { parse, UsageError } from "./arguments.ts";
import { type CliIo, write, writeAll } from "./files.ts";
import { run } from "./run.ts";
import { state } from "./state.ts";
import { types } from "./types.ts";

export type { CliIo };

/**
 * Runs the command.
 *
 * @param args The arguments, such as `Deno.args`.
 * @param io What it reads and writes.
 * @returns The exit code.
 *
 * @example Usage
 * ```ts no-eval
 * import { main } from "@computeunit/cu/cli";
 *
 * const code = await main(["run", "-"], {
 *   readFile: Deno.readFile,
 *   writeFile: Deno.writeTextFile,
 *   readStdin: () => Promise.resolve(new TextEncoder().encode("return 6 * 7")),
 *   writeStdout: (text) => console.log(text),
 *   writeStderr: (text) => console.error(text),
 * });
 * ```
 */
export async function main(args: string[], io: CliIo): Promise<number> {
  try {
    const options = parse(args);
    if (typeof options === "string") {
      await write(undefined, options, io);
      return 0;
    }
    if ("types" in options) return await types(options, io);
    return "command" in options ? await state(options, io) : await run(options, io);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    io.writeStderr(`cu: ${error.message}\n`);
    return 2;
  }
}

if (import.meta.main) {
  Deno.exit(
    await main(Deno.args, {
      readFile: (path) => Deno.readFile(path),
      writeFile: (path, text) => Deno.writeTextFile(path, text),
      makeDirectory: (path) => Deno.mkdir(path, { recursive: true }),
      readStdin: async () => new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer()),
      writeStdout: (text) => writeAll(Deno.stdout, text),
      writeStderr: (text) => writeAll(Deno.stderr, text),
    }),
  );
}
