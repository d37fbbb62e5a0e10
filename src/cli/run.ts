/**
 * `cu run`: one script, with one input.
 *
 * @module
 */

import "../runtime/embedded_module.ts";
import { directoryModules } from "../host/directory_modules.ts";
import { type Home, openHome } from "../state/home.ts";
import type { Store } from "../state/store.ts";
import { ComputeUnit, internals } from "../unit/compute_unit.ts";
import { LuaError } from "../values/errors.ts";
import type { LuaValue } from "../values/lua_value.ts";
import { isChunkName } from "../values/position.ts";
import { type RunOptions, UsageError } from "./arguments.ts";
import { excerpt } from "./excerpt.ts";
import { type CliIo, read, systemMessage, write } from "./files.ts";
import { setJsonInput, toJson } from "./json.ts";
import { openStore } from "./stores.ts";

/** Runs the script; the exit code. */
export async function run(options: RunOptions, io: CliIo): Promise<number> {
  const source = await read(options.script, io);
  const input = options.input === undefined ? undefined : await read(options.input, io);
  if (options.state === undefined) return await runIn(undefined, options, source, input, io);
  await using store = await openStore(options.state, true);
  const home = await opened(store, options.stateName, io);
  return home === undefined ? 1 : await runIn(home, options, source, input, io);
}

/** What is saved; undefined where it is damaged, or can't be read. */
async function opened(store: Store, name: string, io: CliIo): Promise<Home | undefined> {
  try {
    return await openHome(store, name);
  } catch (error) {
    io.writeStderr(`cu: ${(error as Error).message}\n`);
  }
}

async function runIn(
  home: Home | undefined,
  options: RunOptions,
  source: Uint8Array,
  input: Uint8Array | undefined,
  io: CliIo,
): Promise<number> {
  const file = options.script === "-" ? "stdin" : options.script;
  // A file's name may have any character.
  const name = isChunkName(file) ? file : JSON.stringify(file);
  const writesFile = options.output !== undefined && options.output !== "-";

  using unit = await createUnit(options, home, (line) => {
    if (writesFile) io.writeStdout(line + "\n");
    else io.writeStderr(line + "\n");
  });
  let json: string;
  try {
    setIo(unit, input, options);
    // The unit's own `_io`, to which the input was given.
    const run = internals.make(unit, source, { chunkName: name, outputJson: true, inherits: true });
    const { value, output } = await run.begin();
    json = output === "null" ? toJson(value, "result") : output as string;
    // Before anything is written, so that who reads it knows that it is saved.
    await home?.save();
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof Error)) throw error;
    io.writeStderr(error instanceof LuaError ? describe(error, name) : `${name}: ${error.message}\n`);
    return 1;
  }
  await write(options.output, json + "\n", io);
  return 0;
}

async function createUnit(
  options: RunOptions,
  home: Home | undefined,
  onPrint: (line: string) => void,
): Promise<ComputeUnit> {
  const { memoryLimit, timeLimit, timeZone, path } = options;
  const resolveModule = path === undefined ? undefined : modulesIn(path);
  try {
    return await ComputeUnit.create({ memoryLimit, timeLimit, timeZone, onPrint, resolveModule, home });
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

function modulesIn(path: string): ReturnType<typeof directoryModules> {
  try {
    return directoryModules(path);
  } catch (error) {
    throw new UsageError(`Cannot find modules in ${path}: ${systemMessage(error)}`);
  }
}

/** Sets what the user gave; a value that can't be passed is the user's mistake. */
function setIo(unit: ComputeUnit, input: Uint8Array | undefined, options: RunOptions): void {
  try {
    unit.setMetadata(options.meta);
    if (input !== undefined) setJsonInput(unit, options.input!, input);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

/** Tells the error, where it was raised, the line there, and the traceback. */
function describe(error: LuaError, name: string): string {
  const { chunk, line, sourceLine, traceback } = error;
  const position = line === undefined ? name : `${chunk}:${line}`;
  const text = `${position}: ${error.message}${errorValueText(error.value)}\n${excerpt(sourceLine)}`;
  return traceback === "" ? text : `${text}stack traceback:\n${traceback}\n`;
}

/** An error value that is longer as JSON isn't shown. */
const ERROR_VALUE_LENGTH_MAX = 2000;

/** What an error object holds, where that is short; the message tells any other value. */
function errorValueText(value: unknown): string {
  if (typeof value !== "object" || value === null) return "";
  try {
    return `: ${toJson(value as LuaValue, "error", ERROR_VALUE_LENGTH_MAX)}`;
  } catch {
    return "";
  }
}
