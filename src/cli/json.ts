/**
 * JSON of the command line, in which nothing is changed silently.
 *
 * @module
 */

import { kindOf } from "../values/kinds.ts";
import type { LuaValue } from "../values/lua_value.ts";
import { type Path, pathText } from "../values/paths.ts";
import { UsageError } from "./arguments.ts";
import { excerpt } from "./excerpt.ts";

/** The longest result, in characters. */
const JSON_LENGTH_MAX = 2 ** 28;

// The types of the language version that adds these aren't in Deno's library yet.
const parseJson = JSON.parse as (
  text: string,
  reviver?: (key: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;

const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** What a text has if it has an integer beyond 2^53, or a number beyond a float. */
const LARGE_NUMBER = /(?<![.\d])\d{16}|\d[eE]\+?\d{3}/;

/** Parses the input of a run; `path` is where it came from. */
export function parseInput(path: string, bytes: Uint8Array): unknown {
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
export function toJson(root: LuaValue, name: string): string {
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
    if (typeof value === "bigint" || Object.is(value, -0)) isPlain = false;
    if (typeof value === "number" && !Number.isFinite(value)) refuse(`${value} is no JSON number`);
    return 1;
  };
  const checkContainer = (value: LuaValue & object): number => {
    if (open.has(value)) refuse("a table contains itself");
    const known = lengths.get(value);
    if (known !== undefined) return known;
    const kind = kindOf(value);
    if (kind === "map") refuse("a Map, or a table with keys that are neither text nor integers, has no counterpart");
    if (kind !== "array" && kind !== "object") refuse(`${value.constructor.name} has no counterpart`);
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
