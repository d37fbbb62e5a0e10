/**
 * States as JSON. What JSON has no counterpart for is an object with the key `$`, which says what it is.
 *
 * @module
 */

import { arrayLength, floatOf, forEachEntry, hasMembers, resultKindOf, Storing } from "../state/stored.ts";
import { type State, type Stored, type StoredKey, TableData, type TableKind } from "../state/tables.ts";
import { DEPTH_MAX, INT64_MAX, INT64_MIN, TYPED_ARRAYS } from "../values/kinds.ts";
import { setOwn } from "../values/fields.ts";
import { KEPT_NULL, KeptNull, LuaCode, LuaFloat } from "../values/lua_exact.ts";

/** The key of what JSON has no counterpart for. */
const TAG = "$";

const BYTES_AT_ONCE = 8192;

// The types of the language version that adds these aren't in Deno's library yet.
const parseJson = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** A value of a table as JSON, which {@linkcode readJson} makes the same of again. */
export function writeJson(value: Stored): string {
  return JSON.stringify(new Writing(value).value(value, 0), undefined, 2);
}

/** Makes objects that JSON can have of what a value holds. */
class Writing {
  /** Tables that are referred to twice, with their numbers in this text, once they have one. */
  readonly #shared = new Map<TableData, number | undefined>();
  #count = 0;

  constructor(root: Stored) {
    const seen = new Set<TableData>();
    const waiting = [root as Stored | StoredKey];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (!TableData.is(next)) continue;
      if (seen.has(next)) this.#shared.set(next, undefined);
      else {
        seen.add(next);
        forEachEntry(next, (key, value) => waiting.push(key, value));
      }
    }
  }

  value(value: Stored | StoredKey, depth: number): unknown {
    if (typeof value === "number") return numberJson(value);
    if (typeof value === "bigint") return rawJSON(String(value));
    if (typeof value !== "object" || value === null) return value;
    if (TableData.is(value)) return this.#table(value, depth);
    if (value instanceof LuaFloat) return floatJson(value.value);
    if (value instanceof Uint8Array) return { [TAG]: "bytes", base64: toBase64(value) };
    if (value instanceof Date) return { [TAG]: "date", ms: numberJson(value.getTime()) };
    if (value instanceof KeptNull) return { [TAG]: "null" };
    const { code } = value;
    return { [TAG]: "function", ...(typeof code === "string" ? { name: code } : { base64: toBase64(code) }) };
  }

  #table(table: TableData, depth: number): unknown {
    if (depth === DEPTH_MAX) throw new RangeError(`Cannot write JSON: tables nest deeper than ${DEPTH_MAX} levels`);
    const number = this.#shared.get(table);
    if (number !== undefined) return { [TAG]: "same", table: number };
    if (!this.#shared.has(table)) return this.#contents(table, depth + 1);
    this.#shared.set(table, ++this.#count);
    return { [TAG]: "table", table: this.#count, value: this.#contents(table, depth + 1) };
  }

  #contents(table: TableData, depth: number): unknown {
    // What isn't all true is marked as a Set nevertheless.
    const kind = table.kind === "set" ? "set" : resultKindOf(table);
    if (kind === "array") return this.#array(table, depth);
    if (kind === "set" && hasMembers(table)) {
      return { [TAG]: "set", members: this.#entries(table, depth).map(([key]) => key) };
    }
    if (kind.startsWith("typed:")) {
      return { [TAG]: "typed", kind: Number(kind.slice("typed:".length)), values: this.#array(table, depth) };
    }
    const entries = this.#entries(table, depth);
    if (kind !== "object") return { [TAG]: kind, entries };
    let isPlain = true;
    forEachEntry(table, (key) => isPlain &&= typeof key === "string" && key !== TAG);
    if (!isPlain) return { [TAG]: "object", entries };
    const object = {};
    for (const [key, value] of entries) setOwn(object, key as string, value);
    return object;
  }

  #array(table: TableData, depth: number): unknown[] {
    return Array.from({ length: arrayLength(table) }, (_, i) => this.value(table.get(i + 1) ?? null, depth));
  }

  #entries(table: TableData, depth: number): [unknown, unknown][] {
    const entries: [unknown, unknown][] = [];
    forEachEntry(table, (key, value) => entries.push([this.value(key, depth), this.value(value, depth)]));
    return entries;
  }
}

/** Floats that are whole numbers have a point, so that they are floats again. */
function floatJson(value: number): unknown {
  const text = String(value);
  return rawJSON(/[.e]/.test(text) ? text : `${text}.0`);
}

function numberJson(value: number): unknown {
  if (!Number.isFinite(value)) return { [TAG]: "number", name: String(value) };
  if (Object.is(value, -0)) return rawJSON("-0.0");
  return Number.isSafeInteger(value) ? value : floatJson(value);
}

function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; i += BYTES_AT_ONCE) {
    parts.push(String.fromCharCode(...bytes.subarray(i, i + BYTES_AT_ONCE)));
  }
  return btoa(parts.join(""));
}

/**
 * The value of JSON, as the tables of a state have it.
 *
 * @param root The table that an array or object is to become, if it isn't to be a new one. It is empty.
 * @throws {SyntaxError} If it is no JSON, or not as {@linkcode writeJson} writes what JSON lacks.
 * @throws {RangeError} If it nests too deep, or has an integer beyond 64 bits.
 * @throws {TypeError} If a table can't keep a key or a text in it.
 */
export function readJson(text: string, state: State, root?: TableData): Stored {
  return new ReadingJson(state, root).value(parseJson(text, exactNumber), 0);
}

function exactNumber(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== "number" || source === undefined) return value;
  if (!Number.isFinite(value)) throw new RangeError(`Cannot read JSON: ${source.slice(0, 40)} is beyond all numbers`);
  if (!/^-?\d+$/.test(source)) return floatOf(value);
  if (Number.isSafeInteger(value)) return value + 0;
  const integer = BigInt(source);
  if (integer < INT64_MIN || integer > INT64_MAX) {
    throw new RangeError(`Cannot read JSON: ${source.slice(0, 40)} is beyond 64 bits`);
  }
  return integer;
}

type Tagged = Record<string, unknown>;

/** Makes tables of what JSON has. */
class ReadingJson {
  readonly #state: State;
  readonly #storing: Storing;
  #root: TableData | undefined;
  readonly #tables = new Map<unknown, TableData>();

  constructor(state: State, root: TableData | undefined) {
    this.#state = state;
    this.#storing = new Storing(state);
    this.#root = root;
  }

  value(given: unknown, depth: number): Stored {
    if (typeof given !== "object" || given === null || given instanceof LuaFloat) {
      return this.#storing.value(given, "read JSON", "value")!;
    }
    if (depth > DEPTH_MAX) throw new RangeError(`Cannot read JSON: it nests deeper than ${DEPTH_MAX} levels`);
    if (!Array.isArray(given) && Object.hasOwn(given, TAG)) return this.#tagged(given as Tagged, depth);
    return this.#container(given, depth, undefined);
  }

  /** A table; whoever refers to its number finds it while it is filled. */
  #table(kind: TableKind, number: unknown): TableData {
    const table = this.#root ?? this.#state.create();
    this.#root = undefined;
    this.#state.mark(table, kind);
    if (number !== undefined) this.#tables.set(number, table);
    return table;
  }

  #container(given: object, depth: number, number: unknown): TableData {
    if (Array.isArray(given)) return this.#array(given, depth, number);
    if (Object.hasOwn(given, TAG)) return this.#taggedTable(given as Tagged, depth, number);
    const table = this.#table("object", number);
    for (const [key, value] of Object.entries(given)) this.#set(table, key, value, depth);
    return table;
  }

  #array(values: unknown[], depth: number, number: unknown): TableData {
    const table = this.#table("array", number);
    for (const [i, value] of values.entries()) this.#state.set(table, i + 1, this.value(value, depth + 1));
    if (values.includes(null)) this.#state.mark(table, "array", values.length);
    return table;
  }

  #set(table: TableData, key: unknown, value: unknown, depth: number): void {
    const stored = this.#storing.key(this.value(key, depth + 1), "read JSON");
    this.#state.set(table, stored, this.value(value, depth + 1));
  }

  #tagged(given: Tagged, depth: number): Stored {
    switch (given[TAG]) {
      case "null":
        return KEPT_NULL;
      case "number":
        return ["NaN", "Infinity", "-Infinity"].includes(given.name as string) ? Number(given.name) : wrong(given);
      case "bytes":
        return fromBase64(given);
      case "date":
        return dateOf(given, this.value(given.ms, depth + 1));
      case "function":
        return codeOf(given);
      case "same":
        return this.#tables.get(given.table) ?? wrong(given);
      case "table":
        if (typeof given.value !== "object" || given.value === null || given.table === undefined) return wrong(given);
        return this.#container(given.value, depth, given.table);
      default:
        return this.#taggedTable(given, depth, undefined);
    }
  }

  #taggedTable(given: Tagged, depth: number, number: unknown): TableData {
    const kind = given[TAG];
    const isSet = kind === "set" && given.entries === undefined;
    const list = isSet ? given.members : kind === "typed" ? given.values : given.entries;
    if (!Array.isArray(list)) return wrong(given);
    if (kind === "typed") return this.#typed(given, list, depth, number);
    if (kind !== "set" && kind !== "map" && kind !== "object") return wrong(given);
    // As in a Map, integers stay where they stand among the other keys.
    const table = this.#table("map", number);
    for (const entry of list) {
      if (isSet) this.#set(table, entry, true, depth);
      else if (Array.isArray(entry) && entry.length === 2) this.#set(table, entry[0], entry[1], depth);
      else wrong(given);
    }
    this.#state.mark(table, kind);
    return table;
  }

  /** Elements of a typed array are numbers; those of its kind are as Lua has them. */
  #typed(given: Tagged, list: unknown[], depth: number, number: unknown): TableData {
    const kind = typedKindOf(given);
    const values = list.map((value) => this.value(value, depth + 1));
    const isBig = kind === "typed:11" || kind === "typed:12";
    const isNumber = (value: Stored) => typeof value === "number" || value instanceof LuaFloat;
    const isInteger = (value: Stored) => typeof value === "bigint" || Number.isInteger(value);
    if (!values.every(isBig ? isInteger : isNumber)) wrong(given);
    const table = this.#table("array", number);
    for (const [i, value] of values.entries()) this.#state.set(table, i + 1, value);
    this.#state.mark(table, kind);
    return table;
  }
}

function wrong(given: Tagged): never {
  const shown = JSON.stringify(given, (_, value) => typeof value === "bigint" ? String(value) : value).slice(0, 100);
  throw new SyntaxError(`Cannot read JSON: ${shown} is nothing that the key "$" stands for`);
}

function fromBase64(given: Tagged): Uint8Array {
  if (typeof given.base64 !== "string" || !/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2,3}={1,2})?$/.test(given.base64)) {
    return wrong(given);
  }
  return Uint8Array.from(atob(given.base64), (character) => character.charCodeAt(0));
}

function dateOf(given: Tagged, ms: Stored): Date {
  return typeof ms === "number" ? new Date(ms) : wrong(given);
}

function codeOf(given: Tagged): LuaCode {
  const { name, base64 } = given;
  if ((name === undefined) === (base64 === undefined)) return wrong(given);
  if (name === undefined) return new LuaCode(fromBase64(given));
  return typeof name === "string" ? new LuaCode(name) : wrong(given);
}

function typedKindOf(given: Tagged): TableKind {
  const { kind } = given;
  return typeof kind === "number" && Object.hasOwn(TYPED_ARRAYS, kind) ? `typed:${kind}` : wrong(given);
}
