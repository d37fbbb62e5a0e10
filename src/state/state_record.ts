/**
 * Tables as data that nobody changes: a part of a unit's snapshot.
 *
 * @module
 */

import { KEPT_NULL, KeptNull, LuaCode, LuaFloat } from "../values/lua_exact.ts";
import { Fields, listOf } from "../values/plain_data.ts";
import { UnreadableError } from "../values/value_reader.ts";
import { refuseKey, type State, type Stored, type StoredKey, TableData, type TableKind } from "./tables.ts";

/**
 * A value: what JavaScript has a counterpart for as it is, `undefined` for an empty place, and anything else as an
 * array of what it is and its content. A table is its place in the record.
 */
export type StoredData = undefined | null | boolean | number | bigint | string | Uint8Array | Date | readonly unknown[];

/** What such arrays begin with. */
const TAG = { FLOAT: "float", NULL: "null", TABLE: "table", CODE: "code" } as const;

/** One table. */
export interface TableRecord {
  readonly id: number;
  readonly kind: TableKind;
  readonly length: number;
  readonly list: readonly StoredData[];
  readonly keys: readonly StoredData[];
  readonly values: readonly StoredData[];
}

/** Tables of a state: `_home` is the first. */
export interface StateRecord {
  readonly nextId: number;
  readonly tables: readonly TableRecord[];
  /** Tables that the host has made, by their places in `tables`. */
  readonly made: readonly number[];
}

/** The greatest length of an array. */
const LENGTH_MAX = 2 ** 32 - 1;

/** The tables that `_home`, others and the host's own reach, and the place of each in the record. */
export function recordOf(
  state: State,
  others: Iterable<TableData>,
): { record: StateRecord; places: ReadonlyMap<TableData, number> } {
  const places = new Map<TableData, number>();
  const placeOf = (table: TableData): number => {
    const known = places.get(table);
    if (known !== undefined) return known;
    places.set(table, places.size);
    return places.size - 1;
  };
  const tables: TableRecord[] = [];
  placeOf(state.home);
  for (const table of others) placeOf(table);
  const made = Array.from(state.made.values(), placeOf);
  // Those that are met on the way are added to what is gone through.
  for (const table of places.keys()) tables.push(tableRecord(table, placeOf));
  return { record: { nextId: state.nextId, tables, made }, places };
}

function tableRecord(table: TableData, placeOf: (table: TableData) => number): TableRecord {
  const data = (value: Stored | undefined) => dataOf(value, placeOf);
  const { id, kind, length, list, keys, values } = table;
  return { id, kind, length, list: list.map(data), keys: keys.map(data), values: values.map(data) };
}

function dataOf(value: Stored | undefined, placeOf: (table: TableData) => number): StoredData {
  if (TableData.is(value)) return [TAG.TABLE, placeOf(value)];
  if (value instanceof LuaFloat) return [TAG.FLOAT, value.value];
  if (value instanceof KeptNull) return [TAG.NULL];
  if (value instanceof LuaCode) return [TAG.CODE, { ...value }];
  return value;
}

/**
 * Makes the tables of a record in a state.
 *
 * @param keepsHome Whether `_home` holds what it holds already, and not what the record says.
 * @returns The tables, in the record's order.
 * @throws {UnreadableError} If the record makes no sense.
 */
export function restoreTables(state: State, record: StateRecord, keepsHome: boolean): TableData[] {
  const isNew = state.home.size === 0 && state.nextId <= record.nextId && !keepsHome;
  const tables = record.tables.map(({ id }, i) => {
    if (i === 0) return state.home;
    // A state that others have saved has its own numbers.
    return isNew ? new TableData(state, id) : state.create();
  });
  if (isNew) state.nextId = record.nextId;
  if (!keepsHome) state.clear(state.home);
  const valueOf = (data: StoredData) => storedOf(data, tables);
  for (const [i, table] of tables.entries()) if (i > 0 || !keepsHome) fill(state, table, record.tables[i], valueOf);
  // By the numbers under which the host knows them.
  for (const place of record.made) state.made.set(record.tables[place].id, tables[place]);
  return tables;
}

function fill(
  state: State,
  table: TableData,
  { kind, length, list, keys, values }: TableRecord,
  valueOf: (data: StoredData) => Stored | undefined,
): void {
  for (const [i, data] of list.entries()) state.set(table, i + 1, valueOf(data));
  for (const [i, data] of values.entries()) {
    const value = valueOf(data);
    if (value !== undefined) state.set(table, keyOf(valueOf(keys[i])), value);
  }
  state.mark(table, kind, length);
}

function keyOf(key: Stored | undefined): StoredKey {
  if (key === undefined || key === null || key !== key) throw new UnreadableError("a key is none");
  if (key instanceof Date || key instanceof LuaFloat || key instanceof KeptNull || key instanceof LuaCode) {
    throw new UnreadableError(refuseKey("something").message);
  }
  return key;
}

function storedOf(data: StoredData, tables: readonly TableData[]): Stored | undefined {
  if (!Array.isArray(data)) return data as Exclude<StoredData, readonly unknown[]>;
  const [tag, content] = data;
  switch (tag) {
    case TAG.TABLE:
      return tables[content];
    case TAG.FLOAT:
      return new LuaFloat(content);
    case TAG.NULL:
      return KEPT_NULL;
    default:
      return new LuaCode(content.source, content.chunkName, content.place);
  }
}

const KIND = /^(?:array|map|set|object|typed:(?:[3-9]|1[0-2]))$/;

/**
 * Checks a record that was read.
 *
 * @throws {UnreadableError} If it makes no sense.
 */
export function checkedStateRecord(data: Fields): StateRecord {
  const nextId = data.count("nextId");
  const heads = listOf(data.value("tables"), (value) => new Fields(value));
  if (heads.length === 0) throw new UnreadableError("there is no _home");
  const ids = new Set<number>();
  const tables = heads.map((head) => tableOf(head, heads.length, nextId, ids));
  const made = data.list("made", (value) => Fields.checkedCount(value, tables.length));
  return { nextId, tables, made };
}

function tableOf(data: Fields, count: number, nextId: number, ids: Set<number>): TableRecord {
  const id = data.count("id", nextId);
  if (ids.has(id)) throw new UnreadableError("two tables have one number");
  ids.add(id);
  const kind = data.value("kind");
  if (kind !== undefined && !KIND.test(Fields.checkedText(kind))) throw new UnreadableError("a table is of no kind");
  const check = (value: unknown) => checkedStored(value, count);
  const keys = data.list("keys", check);
  const values = data.list("values", check, keys.length);
  if (values.length !== keys.length) throw new UnreadableError("a table has keys without places");
  const length = data.count("length", LENGTH_MAX);
  return { id, kind: kind as TableKind, length, list: data.list("list", check), keys, values };
}

function checkedStored(value: unknown, count: number): StoredData {
  if (!Array.isArray(value)) return checkedScalar(value);
  const [tag, content] = value;
  switch (tag) {
    case TAG.TABLE:
      return [TAG.TABLE, Fields.checkedCount(content, count)];
    case TAG.FLOAT:
      if (!Number.isSafeInteger(content)) throw new UnreadableError("a float is none");
      return [TAG.FLOAT, content];
    case TAG.NULL:
      return [TAG.NULL];
    case TAG.CODE:
      return [TAG.CODE, checkedCode(new Fields(content))];
    default:
      throw new UnreadableError("a table has what it can't have");
  }
}

function checkedCode(data: Fields): LuaCode {
  const chunkName = data.value("chunkName") === undefined ? undefined : data.text("chunkName");
  return new LuaCode(data.text("source"), chunkName, data.list("place", (value) => Fields.checkedCount(value)));
}

function checkedScalar(value: unknown): StoredData {
  const isObject = typeof value === "object" && value !== null;
  if (isObject && !(value instanceof Uint8Array) && !(value instanceof Date)) {
    throw new UnreadableError("a table has what it can't have");
  }
  if (typeof value === "string" && !value.isWellFormed()) throw new UnreadableError("a text has a lone surrogate");
  return value as StoredData;
}
