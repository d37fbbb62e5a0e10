/**
 * Values of JavaScript's as external tables have them, and back.
 *
 * @module
 */

import { WIRE } from "../runtime/wire.ts";
import { isInherited, setOwn } from "../values/fields.ts";
import { checkKey } from "../values/keys.ts";
import {
  bytesOf,
  elementsOf,
  INT64_MAX,
  INT64_MIN,
  isBytes,
  kindOf,
  TYPED_ARRAYS,
  type TypedArray,
} from "../values/kinds.ts";
import type { LuaValue } from "../values/lua_value.ts";
import { type Path, pathText } from "../values/paths.ts";
import { explain, Refusal, refuseOpaque, refuseTagged } from "../values/refusals.ts";
import { textOrBytes, utf8Length } from "../values/text.ts";
import { KeptNull, LuaCode, LuaFloat } from "../values/lua_exact.ts";
import {
  refuseKey,
  type State,
  type Stored,
  type StoredKey,
  TableData,
  type TableHandle,
  type TableKind,
  tableOf,
} from "./tables.ts";

const ignoreTime = () => {};

/** Of `marks.Kind`. */
const MARK = { MAP: 1, SET: 2, OBJECT: 13 } as const;

/** Makes tables of a state out of values of JavaScript's. */
export class Storing {
  readonly #state: State;
  /** The table of each container. */
  readonly tables: Map<object, TableData> = new Map();
  readonly #path: Path = [];
  #depth = 0;

  readonly #marks: ReadonlyMap<object, number> | undefined;
  readonly #copiesExternals: boolean;

  /**
   * Constructs one for one value and all that it holds.
   *
   * @param marks What tables of Lua's are marked as (`ExactValues`), where the value is Lua's.
   * @param copiesExternals Whether of external tables in it there are copies, not they themselves.
   */
  constructor(state: State, marks?: ReadonlyMap<object, number>, copiesExternals = false) {
    this.#state = state;
    this.#marks = marks;
    this.#copiesExternals = copiesExternals;
  }

  /**
   * The value as tables have it; containers become tables.
   *
   * @param action What is being done, for messages.
   * @param name Where the value goes, the beginning of paths.
   * @throws {TypeError} If a value in it can't be kept.
   * @throws {RangeError} If it nests too deep, or has an integer beyond 64 bits.
   */
  value(value: unknown, action: string, name: string): Stored | undefined {
    try {
      return this.#value(value);
    } catch (error) {
      throw explain(error, action, pathText(name, this.#path.slice(0, this.#depth)));
    }
  }

  /** A key as tables have it. */
  key(key: unknown, action: string): StoredKey {
    try {
      return this.#key(key);
    } catch (error) {
      throw explain(error, action, "key");
    }
  }

  #value(value: unknown): Stored | undefined {
    switch (typeof value) {
      case "boolean":
      case "number":
      case "undefined":
        return value;
      case "string":
        utf8Length(value);
        return value;
      case "bigint":
        return integerOf(value);
      case "object":
        return value === null ? null : this.#object(value);
      default:
        throw new Refusal(TypeError, `${typeof value}s cannot be passed`);
    }
  }

  #object(value: object): Stored {
    if (value instanceof LuaFloat || value instanceof KeptNull || value instanceof LuaCode) return value;
    if (TableData.is(value)) return value;
    const known = this.tables.get(value);
    if (known !== undefined) return known;
    const kind = kindOf(value);
    switch (kind) {
      case "bytes":
        return bytesOf(value as ArrayBuffer).slice();
      case "date":
        return new Date((value as Date).getTime());
      case "external":
        return this.#external(value as TableHandle);
      case "array":
        return this.#container(value, "array", (table) => this.#elements(table, value as unknown[]));
      case "numbers":
        return this.#numbers(value as TypedArray);
      case "map":
        return this.#container(value, "map", (table) => this.#entries(table, value as Map<unknown, unknown>));
      case "set":
        return this.#container(value, "set", (table) => this.#members(table, value as Set<unknown>));
      case "instance":
        refuseOpaque(value);
        return this.#container(value, "object", (table) => this.#fields(table, value));
      case "object":
        return this.#container(value, "object", (table) => this.#fields(table, value));
      default:
        return kind satisfies never;
    }
  }

  #external(value: TableHandle): TableData {
    const table = tableOf(value);
    if (this.#copiesExternals) return this.#copyOf(value, table);
    if (table.state !== this.#state) throw new Refusal(TypeError, "a table of another unit cannot be passed");
    return table;
  }

  #copyOf(value: TableHandle, table: TableData): TableData {
    const copy = this.#object(new Reading(beforeReading).value(table) as object) as TableData;
    this.tables.set(value, copy);
    return copy;
  }

  #container(value: object, kind: TableKind, fill: (table: TableData) => void): TableData {
    if (this.#depth === WIRE.DEPTH_MAX) {
      throw new Refusal(RangeError, `nesting is deeper than ${WIRE.DEPTH_MAX} levels`);
    }
    const mark = this.#marks?.get(value);
    const table = this.#state.create(mark === undefined ? kind : kindOfMark(mark));
    this.tables.set(value, table);
    this.#depth++;
    fill(table);
    this.#depth--;
    return table;
  }

  /** Sets a key of a table that no other has yet. */
  #put(table: TableData, key: StoredKey, value: unknown, shown: string | number): void {
    this.#path[this.#depth - 1] = shown;
    this.#state.add(table, key, this.#value(value));
  }

  #elements(table: TableData, array: readonly unknown[]): void {
    const { length } = array;
    let hasNulls = false;
    for (let i = 0; i < length; i++) {
      const element = array[i] ?? null;
      if (element === null) hasNulls = true;
      this.#put(table, i + 1, element, i);
    }
    if (hasNulls && table.kind !== undefined) this.#state.addKind(table, "array", length);
  }

  /** A typed array is one again as long as it isn't changed. */
  #numbers(given: TypedArray): TableData {
    const [number, array] = elementsOf(given);
    const isFloat = array instanceof Float32Array || array instanceof Float64Array || number === 10;
    return this.#container(given, undefined, (table) => {
      for (let i = 0; i < array.length; i++) {
        const element = array[i];
        this.#put(table, i + 1, isFloat ? floatOf(element as number) : element, i);
      }
      this.#state.addKind(table, `typed:${number}`);
    });
  }

  #fields(table: TableData, object: object): void {
    const keys = Object.keys(object);
    if (keys.length === 0) refuseTagged(object);
    const fields = object as Record<string, unknown>;
    for (const key of keys) {
      this.#path[this.#depth - 1] = key;
      utf8Length(key);
      this.#put(table, key, fields[key], key);
    }
  }

  #entries(table: TableData, map: Map<unknown, unknown>): void {
    for (const [key, value] of map) this.#entry(table, key, value);
  }

  #members(table: TableData, set: Set<unknown>): void {
    for (const member of set) this.#entry(table, member, true);
  }

  #entry(table: TableData, given: unknown, value: unknown): void {
    const shown = typeof given === "string" ? given : table.size;
    this.#path[this.#depth - 1] = shown;
    const key = this.#key(given);
    if (table.get(key) !== undefined) {
      throw new Refusal(TypeError, "two keys of a Map, or members of a Set, are equal in Lua");
    }
    this.#put(table, key, value, shown);
  }

  #key(key: unknown): StoredKey {
    checkKey(key);
    if (key instanceof LuaFloat) return key.value;
    const stored = isBytes(key) ? textOrBytes(bytesOf(key), ignoreTime) : this.#value(key);
    if (stored instanceof Date) throw refuseKey("a Date");
    if (stored instanceof KeptNull || stored instanceof LuaCode || stored === null || stored === undefined) {
      throw refuseKey(stored instanceof LuaCode ? "a function" : "null");
    }
    if (stored instanceof LuaFloat) return stored.value;
    return stored === 0 ? 0 : stored; // not -0, which no table of Lua's has as a key
  }
}

/** What a table of Lua's becomes that is marked so. */
function kindOfMark(mark: number): TableKind {
  switch (mark - 1) {
    case -1:
      return undefined;
    case MARK.MAP:
      return "map";
    case MARK.SET:
      return "set";
    case MARK.OBJECT:
      return "object";
    default:
      return "array"; // or a typed array that was changed
  }
}

/** An integer of Lua's: a number where it is safe. */
function integerOf(value: bigint): number | bigint {
  if (value < INT64_MIN || value > INT64_MAX) {
    throw new Refusal(RangeError, "a bigint beyond 64 bits cannot be passed");
  }
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** A float of Lua's. */
export function floatOf(value: number): number | LuaFloat {
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? new LuaFloat(value) : value;
}

/** Before a table is read, or a key of it: a transaction may have changed it, and not have ended. */
export function beforeReading(table: TableData, key?: StoredKey): void {
  table.state.transactions?.read(table, key);
}

/** Makes values of JavaScript's out of what tables have: each table is copied once. */
export class Reading {
  readonly #results = new Map<TableData, LuaValue & object>();
  readonly #before: (table: TableData) => void;
  #depth = 0;
  /** The key in each table that is being read. */
  readonly #keys: StoredKey[] = [];

  /** Constructs what reads values, and calls a function before it reads a table, which may throw. */
  constructor(before: (table: TableData) => void = () => {}) {
    this.#before = before;
  }

  /** The value, in which tables are arrays, objects, Maps and Sets. */
  value(stored: Stored | undefined): LuaValue {
    if (TableData.is(stored)) return this.#results.get(stored) ?? this.#table(stored);
    if (stored instanceof LuaCode) throw refuseFunction(this.#keys.slice(0, this.#depth));
    return plainOf(stored);
  }

  /** The value of a key in the innermost table. */
  #at(key: StoredKey, stored: Stored | undefined): LuaValue {
    this.#keys[this.#depth - 1] = key;
    return this.value(stored);
  }

  #table(table: TableData): LuaValue {
    if (this.#depth === WIRE.DEPTH_MAX) {
      throw new RangeError(`Cannot read a table: nesting is deeper than ${WIRE.DEPTH_MAX} levels`);
    }
    this.#before(table);
    this.#depth++;
    const result = this.#container(table);
    this.#depth--;
    return result;
  }

  #remember<T extends LuaValue & object>(table: TableData, result: T): T {
    this.#results.set(table, result);
    return result;
  }

  #container(table: TableData): LuaValue {
    const kind = resultKindOf(table);
    switch (kind) {
      case "array":
        return this.#array(table);
      case "map":
        return this.#map(table);
      case "set":
        return this.#set(table);
      case "object":
        return this.#object(table);
      default:
        return this.#remember(table, typedArrayOf(table, Number(kind.slice("typed:".length))));
    }
  }

  #array(table: TableData): LuaValue {
    const result: LuaValue[] = this.#remember(table, []);
    const length = arrayLength(table);
    for (let key = 1; key <= length; key++) result.push(this.#at(key, table.get(key)));
    return result;
  }

  #map(table: TableData): LuaValue {
    const result = this.#remember(table, new Map<LuaValue, LuaValue>());
    forEachEntry(table, (key, value) => result.set(this.#at(key, key), this.#at(key, value)));
    return result;
  }

  #set(table: TableData): LuaValue {
    const result = this.#remember(table, new Set<LuaValue>());
    forEachEntry(table, (key) => result.add(this.#at(key, key)));
    return result;
  }

  #object(table: TableData): LuaValue {
    const result: Record<string, LuaValue> = this.#remember(table, {});
    forEachEntry(table, (key, value) => {
      const name = String(key);
      if (isInherited(name)) setOwn(result, name, this.#at(key, value));
      else result[name] = this.#at(key, value);
    });
    return result;
  }
}

/** A value that is no table, for the host. */
export function plainOf(stored: Exclude<Stored, TableData | LuaCode> | undefined): LuaValue {
  if (stored === undefined || stored instanceof KeptNull) return null;
  if (stored instanceof LuaFloat) return stored.value;
  if (stored instanceof Uint8Array) return stored.slice();
  if (stored instanceof Date) return new Date(stored.getTime());
  return stored;
}

/** What refuses a function to the host. */
export function refuseFunction(keys: readonly StoredKey[]): TypeError {
  const path = keys.map((key) => typeof key === "number" ? key : String(key));
  return new TypeError(`Cannot read a table: functions cannot be passed (at ${pathText("table", path)})`);
}

/** Calls a function with each entry that is there, in their order. */
export function forEachEntry(table: TableData, call: (key: StoredKey, value: Stored) => void): void {
  for (let place = 0; place < table.placeCount; place++) {
    const value = table.valueAt(place);
    if (value !== undefined) call(table.keyAt(place), value);
  }
}

function typedArrayOf(table: TableData, number: number): TypedArray {
  const type = TYPED_ARRAYS[number as keyof typeof TYPED_ARRAYS]!;
  const result = new type(table.list.length);
  const isBig = result instanceof BigInt64Array || result instanceof BigUint64Array;
  for (let i = 0; i < result.length; i++) {
    const stored = plainOf(table.list[i] as number | bigint | LuaFloat);
    result[i] = isBig ? BigInt(stored as number | bigint) : stored as number;
  }
  return result;
}

/** What a table is in JavaScript, where its kind doesn't say: by its keys, as for all tables of Lua's. */
export function resultKindOf(table: TableData): Exclude<TableKind, undefined> {
  const { kind } = table;
  if (kind !== undefined && isStill(table, kind)) return kind;
  if (isSequence(table)) return "array";
  return hasObjectKeys(table) ? "object" : "map";
}

/** Whether a table can be of its kind with the entries that it has now. */
function isStill(table: TableData, kind: Exclude<TableKind, undefined>): boolean {
  switch (kind) {
    case "array":
      return isWithin(table);
    case "object":
      return hasObjectKeys(table);
    case "set":
      return hasMembers(table);
    default:
      return true;
  }
}

/** How many elements a table has as an array: a null is nil to Lua, so that a border may stand before the last one. */
export function arrayLength({ kind, size, luaLength }: TableData): number {
  return kind === "array" ? Math.max(size, luaLength) : size;
}

/** Whether all values are `true`, as in a Set. */
export function hasMembers(table: TableData): boolean {
  let isFit = true;
  forEachEntry(table, (_, value) => isFit &&= value === true);
  return isFit;
}

/** Whether its keys are 1 to n, n not 0. They may stand among the other keys, as after a list was given up. */
function isSequence(table: TableData): boolean {
  const { size, listSize, list } = table;
  if (size === 0) return false;
  if (listSize === size && list.length === size) return true;
  for (let key = 1; key <= size; key++) if (table.get(key) === undefined) return false;
  return true;
}

/** Whether all keys are places of the array. */
function isWithin(table: TableData): boolean {
  let within = 0;
  for (let key = 1; key <= table.luaLength; key++) if (table.get(key) !== undefined) within++;
  return within === table.size;
}

/** Whether an object can have all keys: strings, and integers that none of them spells. */
function hasObjectKeys(table: TableData): boolean {
  let isFit = true;
  forEachEntry(table, (key) => {
    if (typeof key === "string") return;
    const isInteger = typeof key === "bigint" || typeof key === "number" && Number.isInteger(key);
    if (!isInteger || table.get(String(key)) !== undefined) isFit = false;
  });
  return isFit;
}
