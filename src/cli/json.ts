/**
 * JSON of the command line, in which nothing is changed silently.
 *
 * @module
 */

import type { ComputeUnit } from "../unit/compute_unit.ts";
import { INT64_MAX, INT64_MIN, kindOf } from "../values/kinds.ts";
import type { LuaValue } from "../values/lua_value.ts";
import { type Path, pathText } from "../values/paths.ts";
import { UsageError } from "./arguments.ts";
import { excerpt } from "./excerpt.ts";

/** The longest result, in characters. */
const JSON_LENGTH_MAX = 2 ** 28;

// The types of the language version that adds these aren't in Deno's library yet.
const parseJson = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;

/** What a text has if it has an integer beyond 64 bits. */
const LARGE_INTEGER = /\d{19}/;

/** Where the unit says that a text is no JSON. */
const PLACE = /^Cannot set input: (.*) at line (\d+), column (\d+)$/s;

/** Sets the input of a run to the value of a JSON text; `path` is where it came from. */
export function setJsonInput(unit: ComputeUnit, path: string, given: Uint8Array): void {
  const hasMark = given[0] === 0xef && given[1] === 0xbb && given[2] === 0xbf;
  const bytes = hasMark ? given.subarray(3) : given;
  const name = nameOf(path);
  try {
    unit.setInputJson(bytes);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw new UsageError(`Cannot parse ${name}: ${(error as Error).message}`);
    throw syntaxError(path, textOf(name, bytes), error.message);
  }
  const text = new TextDecoder().decode(bytes);
  if (LARGE_INTEGER.test(text)) refuseLarge(unit, text);
}

/** Refuses an integer beyond 64 bits, which was read as a float: as a bigint it is refused with its place. */
function refuseLarge(unit: ComputeUnit, text: string): void {
  let isRefused = false;
  const value = parseJson(text, (_key, value, { source }) => {
    if (typeof value !== "number" || Number.isSafeInteger(value) || !/^-?\d+$/.test(source!)) return value;
    const integer = BigInt(source!);
    isRefused ||= integer < INT64_MIN || integer > INT64_MAX;
    return integer;
  });
  if (!isRefused) return;
  unit.clearIo(); // there may be no room for two
  unit.setInput(value, { lazy: false });
}

function nameOf(path: string): string {
  return path === "-" ? "stdin" : path;
}

function textOf(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(`Cannot parse ${name}: it is not UTF-8`);
  }
}

function syntaxError(path: string, text: string, message: string): UsageError {
  const name = nameOf(path);
  const [, what, line, column] = PLACE.exec(message)!;
  const sourceLine = text.split("\n")[Number(line) - 1];
  if (what.includes("after JSON") && isJson(sourceLine)) {
    return new UsageError(
      `${name}:${line}: more than one JSON value; is it NDJSON? cu reads one: make an array of the lines, ` +
        `by { echo [; paste -sd, ${path}; echo ]; }`,
    );
  }
  const shown = `${what} at line ${line}, column ${column}\n${excerpt(sourceLine, Number(column))}`;
  return new UsageError(`Cannot parse ${name}: ${shown.trimEnd()}`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Writes a value as JSON, exactly, or throws what JSON lacks, and where the text would be longer than so many characters. */
export function toJson(root: LuaValue, name: string, lengthMax = JSON_LENGTH_MAX): string {
  const path: Path = [];
  const open = new Set<object>();
  const lengths = new Map<object, number>();
  let isPlain = true;

  const refuse = (what: string): never => {
    throw new TypeError(`Cannot write the result as JSON: ${what} (at ${pathText(name, path)})`);
  };
  // Both give how long the text is at least.
  const check = (value: LuaValue): number => {
    if (typeof value === "string") return value.length + 2;
    if (typeof value === "object" && value !== null) return checkContainer(value);
    if (typeof value === "bigint" || Object.is(value, -0) || isLikeInteger(value)) isPlain = false;
    if (typeof value === "number" && !Number.isFinite(value)) refuse(`${value} is no JSON number`);
    return 1;
  };
  const checkContainer = (value: LuaValue & object): number => {
    if (open.has(value)) refuse("a table contains itself");
    const known = lengths.get(value);
    if (known !== undefined) return known;
    const kind = kindOf(value);
    if (kind === "date" && !Number.isNaN((value as Date).getTime())) return 26;
    if (kind === "map") {
      isPlain = false;
      if ([...(value as Map<unknown, unknown>).keys()].some((key) => typeof key !== "string")) {
        refuse("a Map, or a table with keys that are neither text nor integers, has no counterpart");
      }
    } else if (kind !== "array" && kind !== "object") refuse(`${value.constructor.name} has no counterpart`);
    open.add(value);
    let length = 2;
    for (const [key, child] of entriesOf(value)) {
      path.push(key);
      length += check(child) + 1;
      path.pop();
    }
    // A few tables that are shared at many levels can be longer than any memory.
    if (length > lengthMax) refuse(`it would be longer than ${lengthMax} characters`);
    open.delete(value);
    lengths.set(value, length);
    return length;
  };
  check(root);
  if (isPlain) return JSON.stringify(root);
  return textOfValue(root);
}

type Container = LuaValue[] | Map<string, LuaValue> | Record<string, LuaValue>;

function entriesOf(value: LuaValue & object): Iterable<[string | number, LuaValue]> {
  const container = value as Container;
  return Array.isArray(container) || container instanceof Map ? container.entries() : Object.entries(container);
}

/** Whether it is a float whose digits would be read back as those of an integer, mostly another one. */
function isLikeInteger(value: LuaValue): value is number {
  return typeof value === "number" && Math.abs(value) >= 2 ** 53;
}

/** What JSON.stringify alone refuses, or changes: bigints, Maps, the sign of -0, and floats like integers. */
function textOfValue(value: LuaValue): string {
  if (typeof value === "bigint") return String(value);
  if (isLikeInteger(value)) return value.toExponential();
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object" || value === null || kindOf(value) === "date") return JSON.stringify(value);
  const parts = Array.from(entriesOf(value), ([key, child]) => {
    return Array.isArray(value) ? textOfValue(child) : `${JSON.stringify(key)}:${textOfValue(child)}`;
  });
  return Array.isArray(value) ? `[${parts}]` : `{${parts}}`;
}
