/**
 * Arguments of the command line.
 *
 * @module
 */

import { isName } from "../state/state_names.ts";
import { nearestName } from "../values/options.ts";
import { parseArgs } from "@std/cli/parse-args";
import config from "../../deno.json" with { type: "json" };

/** What `cu run` was asked to do. */
export interface RunOptions {
  script: string;
  input: string | undefined;
  output: string | undefined;
  meta: Record<string, string>;
  memoryLimit: number | undefined;
  timeLimit: number | undefined;
  timeZone: string | undefined;
  path: string | undefined;
  state: string | undefined;
  stateName: string;
}

const STATE_COMMANDS = ["list", "get", "set", "delete", "export", "import"] as const;

/** What `cu state` was asked to do. */
export interface StateOptions {
  command: typeof STATE_COMMANDS[number];
  /** The store. */
  state: string;
  stateName: string;
  /** The keys that lead to a value. */
  keys: string[];
  /** JSON, of `set`. */
  value: string | undefined;
  input: string | undefined;
  output: string | undefined;
}

/** What `cu types` was asked to do. */
export interface TypesOptions {
  /** A folder, or a file whose name ends in `.lua`; stdout where none is given. */
  types: string | undefined;
}

const STATE_NAME_DEFAULT = "main";

/** The command is used wrongly. */
export class UsageError extends Error {}

const HELP = `Runs a Lua script on JSON.

Usage: cu run SCRIPT [options]
       cu types [--output DIR]
       cu state list|get|set|delete|export|import --state FILE [KEY...] [JSON]

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
  --path DIR           where require finds modules: DIR/?.lua, DIR/?/init.lua
  --state FILE         where _home is loaded from, and saved when the script has
                       ended: a SQLite file, kv:PATH or postgres:URL
  --state-name NAME    which of the states there; default main
  --help               print this
  --version            print the version

cu types writes definitions for the Lua language server into the folder DIR, and
says what to set; without --output it prints those of the globals.

cu state looks at what is saved, as JSON. get, set and delete take the keys that
lead to a value, as text, or in brackets as JSON: cu state set cart [1] '"tea"'.

Exit codes: 0 done, 1 the script failed, 2 wrong use.
`;

const VALUE_OPTIONS = [
  "input",
  "output",
  "meta",
  "memory-limit",
  "time-limit",
  "time-zone",
  "path",
  "state",
  "state-name",
] as const;

/** Stands before a negative number while arguments are parsed: no argument of a process has it. */
const NUMBER_MARK = "\0";

type OptionName = typeof VALUE_OPTIONS[number];
type Values = Record<OptionName, string[]>;

const SIZES = { B: 1, KB: 2 ** 10, KiB: 2 ** 10, MB: 2 ** 20, MiB: 2 ** 20, GB: 2 ** 30, GiB: 2 ** 30 };
const TIMES = { ms: 1, s: 1000, m: 60_000 };

/** The options of a command, or the text that was asked for. */
export function parse(args: string[]): RunOptions | TypesOptions | StateOptions | string {
  const joined: string[] = [];
  for (const arg of args) {
    // The name that parseArgs keeps arguments under.
    if (/^--_(=|$)/.test(arg)) throw unknownOption(arg, "_");
    // parseArgs takes a number for an option, and "-" or nothing after an option for an argument of its own.
    const isNumber = /^-\d/.test(arg);
    const takesValue = VALUE_OPTIONS.some((name) => joined.at(-1) === `--${name}`);
    if (takesValue && (isNumber || arg === "-" || arg === "")) joined.push(`${joined.pop()}=${arg}`);
    else joined.push(isNumber ? NUMBER_MARK + arg : arg);
  }
  const flags = parseArgs(joined, {
    string: ["_", ...VALUE_OPTIONS],
    boolean: ["help", "version"],
    collect: [...VALUE_OPTIONS],
    alias: { h: "help" },
    unknown: (arg: string, key?: string) => {
      if (key !== undefined) throw unknownOption(arg, key);
    },
  }) as unknown as Values & { _: string[] } & { help: boolean; version: boolean };

  flags._ = flags._.map((arg) => arg.startsWith(NUMBER_MARK) ? arg.slice(NUMBER_MARK.length) : arg);
  if (flags.help) return HELP;
  if (flags.version) return `cu ${config.version}\n`;

  const [command, script, ...rest] = flags._;
  if (command === undefined) throw new UsageError("No command given; try cu --help");
  if (command === "types") return parseTypes(flags, flags._.slice(1));
  if (command === "state") return parseState(flags, flags._.slice(1));
  if (command !== "run") throw new UsageError(`Unknown command ${command}; try cu --help`);
  if (script === undefined) throw new UsageError("No script given; try cu --help");
  if (rest.length > 0) throw new UsageError(`Unexpected argument ${rest[0]}; try cu --help`);

  const once = (name: OptionName) => onlyValue(flags, name);
  const options = {
    script,
    input: once("input"),
    output: once("output"),
    meta: parseMeta(flags.meta),
    memoryLimit: parseQuantity("memory-limit", once("memory-limit"), SIZES),
    timeLimit: parseQuantity("time-limit", once("time-limit"), TIMES),
    timeZone: once("time-zone"),
    path: once("path"),
    state: once("state"),
    stateName: stateNameOf(flags),
  };
  if (options.script === "-" && options.input === "-") {
    throw new UsageError("Script and input cannot both come from stdin");
  }
  return options;
}

function onlyValue(flags: Values, name: OptionName): string | undefined {
  const values = flags[name];
  if (values.length > 1) throw new UsageError(`--${name} is given twice`);
  if (values[0] === "") throw new UsageError(`--${name} needs a value`);
  return values[0];
}

function parseTypes(flags: Values, rest: string[]): TypesOptions {
  if (rest.length > 0) throw new UsageError(`Unexpected argument ${rest[0]}; try cu --help`);
  const other = VALUE_OPTIONS.find((name) => name !== "output" && flags[name].length > 0);
  if (other !== undefined) throw new UsageError(`--${other} is no option of cu types; try cu --help`);
  return { types: onlyValue(flags, "output") };
}

/** Options of each command of `cu state`, beside those of all. */
const STATE_FILES: Partial<Record<StateOptions["command"], OptionName>> = { export: "output", import: "input" };

function parseState(flags: Values, [name, ...rest]: string[]): StateOptions {
  const command = STATE_COMMANDS.find((known) => known === name);
  if (command === undefined) {
    throw new UsageError(
      `cu state needs one of ${STATE_COMMANDS.join(", ")}${name === undefined ? "" : `, not ${name}`}`,
    );
  }
  const allowed = ["state", "state-name", STATE_FILES[command]];
  const other = VALUE_OPTIONS.find((option) => !allowed.includes(option) && flags[option].length > 0);
  if (other !== undefined) throw new UsageError(`--${other} is no option of cu state ${command}; try cu --help`);
  const state = onlyValue(flags, "state");
  if (state === undefined) throw new UsageError("cu state needs --state FILE");
  const value = command === "set" ? rest.pop() : undefined;
  checkKeys(command, rest, value);
  const [input, output] = [onlyValue(flags, "input"), onlyValue(flags, "output")];
  return { command, state, stateName: stateNameOf(flags), keys: rest, value, input, output };
}

function checkKeys(command: StateOptions["command"], keys: string[], value: string | undefined): void {
  if (command === "set" && (value === undefined || keys.length === 0)) {
    throw new UsageError("cu state set needs keys and JSON, such as cu state set count 5");
  }
  const takesKeys = command === "get" || command === "set" || command === "delete";
  if (!takesKeys && keys.length > 0) throw new UsageError(`Unexpected argument ${keys[0]}; try cu --help`);
}

function stateNameOf(flags: Values): string {
  const name = onlyValue(flags, "state-name") ?? STATE_NAME_DEFAULT;
  if (!isName(name)) throw new UsageError("--state-name must be text of up to 900 bytes");
  if (flags["state-name"].length > 0 && flags.state.length === 0) throw new UsageError("--state-name needs --state");
  return name;
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
