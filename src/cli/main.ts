/**
 * The command line: runs a Lua script on JSON.
 *
 * ```sh
 * deno run --allow-read jsr:@computeunit/cu/cli run script.lua --input data.json
 * ```
 *
 * It needs `--allow-read` for the script and the input, and `--allow-write` for
 * `--output`; with the script or the input on stdin, that one needs no permission.
 *
 * The script finds the input in `_io.input` and the `--meta` options, as strings, in
 * `_io.meta`. The result is `_io.output` or, if that is nil, the first value that the
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
 *   not UTF-8, bytes, dates, cycles, Maps, and tables with keys that are neither text nor
 *   integers. An empty table is `{}`, an empty `_io.array({})` is `[]`.
 *   A table in two places is written twice, up to 2^28 characters in all.
 *
 * Exit codes: 0, or 1 if the script fails or its result is no JSON, or 2 if the command
 * is used wrongly: unknown options, files that can't be read or written, invalid input.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import config from "../../deno.json" with { type: "json" };
import { ComputeUnit } from "../unit/compute_unit.ts";
import { LuaError } from "../values/errors.ts";
import type { LuaValue } from "../values/lua_value.ts";
import { nearestName } from "../values/options.ts";

/** What the command reads and writes. */
export interface CliIo {
  /** Reads a file. */
  readFile(path: string): Promise<Uint8Array>;
  /** Writes a file. */
  writeFile(path: string, text: string): Promise<void>;
  /** Reads all of stdin. */
  readStdin(): Promise<Uint8Array>;
  /** Writes to stdout. */
  writeStdout(text: string): void;
  /** Writes to stderr. */
  writeStderr(text: string): void;
}

interface RunOptions {
  script: string;
  input: string | undefined;
  output: string | undefined;
  meta: Record<string, string>;
  memoryLimit: number | undefined;
  timeLimit: number | undefined;
  timeZone: string | undefined;
}

/** The command is used wrongly. */
class UsageError extends Error {}

const HELP = `Runs a Lua script on JSON.

Usage: cu run SCRIPT [options]

SCRIPT is a file, or - for stdin. It reads _io.input and _io.meta and sets _io.output,
or returns the result.

Options:
  --input FILE         JSON for _io.input; - for stdin
  --output FILE        where to write the result; default stdout
  --meta KEY=VALUE     a field of _io.meta; may be repeated
  --memory-limit SIZE  such as 64MB (B, KB, MB, GB); default 256MB
  --time-limit TIME    such as 5s (ms, s, m); default none
  --time-zone ZONE     of os.date and os.time: "local", or such as
                       Europe/Berlin; default UTC
  --help               print this
  --version            print the version

Exit codes: 0 done, 1 the script failed, 2 wrong use.
`;

const VALUE_OPTIONS = ["input", "output", "meta", "memory-limit", "time-limit", "time-zone"] as const;

const SIZES = { B: 1, KB: 2 ** 10, KiB: 2 ** 10, MB: 2 ** 20, MiB: 2 ** 20, GB: 2 ** 30, GiB: 2 ** 30 };
const TIMES = { ms: 1, s: 1000, m: 60_000 };

const EXCERPT_LENGTH_MAX = 120;

/** The longest result, in characters. */
const JSON_LENGTH_MAX = 2 ** 28;

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
      io.writeStdout(options);
      return 0;
    }
    return await run(options, io);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    io.writeStderr(`cu: ${error.message}\n`);
    return 2;
  }
}

/** The options of a run, or the text that was asked for. */
function parse(args: string[]): RunOptions | string {
  // parseArgs takes a "-" after an option for an argument of its own.
  const joined: string[] = [];
  for (const arg of args) {
    const takesValue = VALUE_OPTIONS.some((name) => joined.at(-1) === `--${name}`);
    if (arg === "-" && takesValue) joined.push(`${joined.pop()}=-`);
    else joined.push(arg);
  }
  const flags = parseArgs(joined, {
    string: ["_", ...VALUE_OPTIONS],
    boolean: ["help", "version"],
    collect: [...VALUE_OPTIONS],
    alias: { h: "help" },
    unknown: (arg: string, key?: string) => {
      if (key !== undefined) throw unknownOption(arg, key);
    },
  }) as unknown as Record<typeof VALUE_OPTIONS[number] | "_", string[]> & { help: boolean; version: boolean };

  if (flags.help) return HELP;
  if (flags.version) return `cu ${config.version}\n`;

  const [command, script, ...rest] = flags._;
  if (command === undefined) throw new UsageError("No command given; try cu --help");
  if (command !== "run") throw new UsageError(`Unknown command ${command}; try cu --help`);
  if (script === undefined) throw new UsageError("No script given; try cu --help");
  if (rest.length > 0) throw new UsageError(`Unexpected argument ${rest[0]}; try cu --help`);

  const once = (name: typeof VALUE_OPTIONS[number]): string | undefined => {
    const values = flags[name];
    if (values.length > 1) throw new UsageError(`--${name} is given twice`);
    if (values[0] === "") throw new UsageError(`--${name} needs a value`);
    return values[0];
  };
  const options = {
    script,
    input: once("input"),
    output: once("output"),
    meta: parseMeta(flags.meta),
    memoryLimit: parseQuantity("memory-limit", once("memory-limit"), SIZES),
    timeLimit: parseQuantity("time-limit", once("time-limit"), TIMES),
    timeZone: once("time-zone"),
  };
  if (options.script === "-" && options.input === "-") {
    throw new UsageError("Script and input cannot both come from stdin");
  }
  return options;
}

function unknownOption(arg: string, key: string): UsageError {
  const nearest = key.length > 1 ? nearestName(key, [...VALUE_OPTIONS, "help", "version"]) : undefined;
  return new UsageError(
    `Unknown option ${arg}; ${nearest === undefined ? "" : `did you mean --${nearest}? `}try cu --help`,
  );
}

function parseMeta(pairs: string[]): Record<string, string> {
  const meta = new Map<string, string>();
  for (const pair of pairs) {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (key === undefined) throw new UsageError(`--meta needs KEY=VALUE, not "${pair}"`);
    if (meta.has(key)) throw new UsageError(`--meta ${key} is given twice`);
    meta.set(key, value);
  }
  return Object.fromEntries(meta);
}

function parseQuantity(name: string, text: string | undefined, units: Record<string, number>): number | undefined {
  if (text === undefined) return undefined;
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([a-z]+)$/i.exec(text) ?? [];
  const factor = Object.entries(units).find(([known]) => known.toLowerCase() === unit?.toLowerCase())?.[1];
  if (factor === undefined) {
    throw new UsageError(`--${name} needs a number and a unit (${Object.keys(units).join(", ")}), not "${text}"`);
  }
  return Number(number) * factor;
}

async function run(options: RunOptions, io: CliIo): Promise<number> {
  const name = options.script === "-" ? "stdin" : options.script;
  const source = await read(options.script, io);
  const input = options.input === undefined ? undefined : parseInput(options.input, await read(options.input, io));
  const writesFile = options.output !== undefined && options.output !== "-";

  using unit = await createUnit(options, (line) => {
    if (writesFile) io.writeStdout(line + "\n");
    else io.writeStderr(line + "\n");
  });
  let json: string;
  try {
    setIo(unit, input, options.meta);
    const result = unit.compute(source, { chunkName: name });
    const output = unit.getOutput();
    json = output === null ? toJson(result, "result") : toJson(output, "output");
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof Error)) throw error;
    io.writeStderr(error instanceof LuaError ? describe(error, name) : `${name}: ${error.message}\n`);
    return 1;
  }
  try {
    if (writesFile) await io.writeFile(options.output!, json + "\n");
    else io.writeStdout(json + "\n");
  } catch (error) {
    throw new UsageError(`Cannot write ${writesFile ? options.output : "stdout"}: ${systemMessage(error)}`);
  }
  return 0;
}

async function read(path: string, io: CliIo): Promise<Uint8Array> {
  try {
    return path === "-" ? await io.readStdin() : await io.readFile(path);
  } catch (error) {
    throw new UsageError(`Cannot read ${path}: ${systemMessage(error)}`);
  }
}

/** The error's message, without the call and the path that Deno adds. */
function systemMessage(error: unknown): string {
  return (error as Error).message.replace(/: \w+ '.*'$/s, "");
}

async function createUnit(options: RunOptions, onPrint: (line: string) => void): Promise<ComputeUnit> {
  const { memoryLimit, timeLimit, timeZone } = options;
  try {
    return await ComputeUnit.create({ memoryLimit, timeLimit, timeZone, onPrint });
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

/** Sets what the user gave; a value that can't be passed is the user's mistake. */
function setIo(unit: ComputeUnit, input: unknown, meta: Record<string, string>): void {
  try {
    unit.setMetadata(meta);
    unit.setInput(input);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

/** Tells the error, where it was raised, the line there, and the traceback. */
function describe(error: LuaError, name: string): string {
  const { chunk, line, sourceLine, traceback } = error;
  const position = line === undefined ? name : `${chunk}:${line}`;
  // The message tells any other value.
  const isObject = typeof error.value === "object" && error.value !== null;
  const value = isObject ? `: ${errorValueText(error.value as LuaValue)}` : "";
  const text = `${position}: ${error.message}${value}\n${excerpt(sourceLine)}`;
  return traceback === "" ? text : `${text}stack traceback:\n${traceback}\n`;
}

function errorValueText(value: LuaValue): string {
  try {
    return toJson(value, "error");
  } catch {
    return String(value);
  }
}

/** A line of a file, to be shown under a message. */
function excerpt(line = "", column = 1): string {
  const start = column < EXCERPT_LENGTH_MAX ? 0 : column - EXCERPT_LENGTH_MAX / 2;
  const text = line.slice(start, start + EXCERPT_LENGTH_MAX).trim();
  return text === "" ? "" : `    ${text}\n`;
}

// The types of the language version that adds these aren't in Deno's library yet.
const parseJson = JSON.parse as (
  text: string,
  reviver?: (key: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** What a text has if it has an integer beyond 2^53, or a number beyond a float. */
const LARGE_NUMBER = /(?<![.\d])\d{16}|\d[eE]\+?\d{3}/;

function parseInput(path: string, bytes: Uint8Array): unknown {
  const name = path === "-" ? "stdin" : path;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`Cannot parse ${name}: it is not UTF-8`);
  }
  try {
    // A reviver makes parsing slow, and most inputs don't need it.
    return LARGE_NUMBER.test(text) ? parseJson(text, exactNumber) : parseJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw new UsageError(`Cannot parse ${name}: ${(error as Error).message}`);
    const before = text.slice(0, errorIndex(text, error.message));
    const line = before.split("\n").length;
    if (error.message.includes("after JSON") && isJson(text.split("\n")[line - 1])) {
      throw new UsageError(
        `${name}:${line}: more than one JSON value; is it NDJSON? cu reads one: make an array of the lines, ` +
          "such as with jq --slurp",
      );
    }
    const column = before.length - before.lastIndexOf("\n");
    const message = error.message.replace(/( in JSON)? at position .*$/, "").replace(/, (\.{3})?".*$/s, "");
    const shown = `${message} at line ${line}, column ${column}\n${excerpt(text.split("\n")[line - 1], column)}`;
    throw new UsageError(`Cannot parse ${name}: ${shown.trimEnd()}`);
  }
}

function exactNumber(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value) || source === undefined) return value;
  if (/^-?\d+$/.test(source)) return BigInt(source);
  if (!Number.isFinite(value)) throw new RangeError(`${source} is beyond a 64-bit float`);
  return value;
}

/** Where JSON.parse found the error that it reports. */
function errorIndex(text: string, message: string): number {
  const [, position] = /at position (\d+)/.exec(message) ?? [];
  if (position !== undefined) return Number(position);
  if (message.startsWith("Unexpected end")) return text.length;
  // It doesn't say where. A prefix has the error if it reaches that far: find the shortest.
  let good = 0;
  let bad = text.length;
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (hasUnexpectedToken(text.slice(0, middle))) bad = middle;
    else good = middle;
  }
  return good;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function hasUnexpectedToken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return (error as Error).message.startsWith("Unexpected token");
  }
}

/** Writes a value as JSON, exactly, or throws what JSON lacks. */
function toJson(root: LuaValue, name: string): string {
  const path: (string | number)[] = [];
  const open = new Set<object>();
  const lengths = new Map<object, number>();
  let isPlain = true;

  const refuse = (what: string): never => {
    const parts = path.map((key) => {
      if (typeof key === "number") return `[${key}]`;
      return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    });
    throw new TypeError(`Cannot write the result as JSON: ${what} (at ${name}${parts.join("")})`);
  };
  // Both give how long the text is at least.
  const check = (value: LuaValue): number => {
    if (typeof value === "string") return value.length + 2;
    if (typeof value === "object" && value !== null) return checkContainer(value);
    if (typeof value === "bigint" || Object.is(value, -0)) isPlain = false;
    if (typeof value === "number" && !Number.isFinite(value)) refuse(`${value} is no JSON number`);
    return 1;
  };
  const checkContainer = (value: LuaValue & object): number => {
    if (open.has(value)) refuse("a table contains itself");
    const known = lengths.get(value);
    if (known !== undefined) return known;
    const isObject = Object.getPrototypeOf(value) === Object.prototype;
    if (value instanceof Map) {
      refuse("a Map, or a table with keys that are neither text nor integers, has no counterpart");
    }
    if (!Array.isArray(value) && !isObject) refuse(`${value.constructor.name} has no counterpart`);
    open.add(value);
    let length = 2;
    for (const [key, child] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
      path.push(key);
      length += check(child) + 1;
      path.pop();
    }
    // A few tables that are shared at many levels can be longer than any memory.
    if (length > JSON_LENGTH_MAX) refuse(`it would be longer than ${JSON_LENGTH_MAX} characters`);
    open.delete(value);
    lengths.set(value, length);
    return length;
  };
  check(root);
  if (isPlain) return JSON.stringify(root);
  // JSON.stringify alone refuses bigints and drops the sign of -0.
  return JSON.stringify(root, (_key, value) => {
    if (typeof value === "bigint") return rawJSON(String(value));
    return Object.is(value, -0) ? rawJSON("-0") : value;
  });
}

/** Writes all of the text. */
function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += stream.writeSync(bytes.subarray(written));
}

if (import.meta.main) {
  Deno.exit(
    await main(Deno.args, {
      readFile: (path) => Deno.readFile(path),
      writeFile: (path, text) => Deno.writeTextFile(path, text),
      readStdin: async () => new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer()),
      writeStdout: (text) => writeAll(Deno.stdout, text),
      writeStderr: (text) => writeAll(Deno.stderr, text),
    }),
  );
}
