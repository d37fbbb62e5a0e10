/**
 * External tables as data, for copies of a unit.
 *
 * @module
 */

import { KEPT_NULL, KeptNull, LuaCode, LuaFloat } from "../values/lua_exact.ts";
import { Fields } from "../values/plain_data.ts";
import { UnreadableError } from "../values/value_reader.ts";
import { countOf, State, type Stored, type StoredKey, TableData, type TableKind } from "./tables.ts";

/** Stands for a table of the record. */
export class TableReference {
  /** Its place in the list. */
  readonly index: number;

  /** Constructs one. */
  constructor(index: number) {
    this.index = index;
  }
}

type Recorded = Exclude<Stored, TableData> | TableReference | undefined;
type RecordedKey = Exclude<StoredKey, TableData> | TableReference;

/** A table, as it was. */
export interface TableRecord {
  /** The very table, where this is a record of the same process. */
  readonly original: TableData | undefined;
  readonly id: number;
  readonly kind: TableKind;
  readonly list: readonly Recorded[];
  readonly keys: readonly RecordedKey[];
  readonly values: readonly Recorded[];
  readonly border: number;
  readonly length: number;
  readonly hasMetatable: boolean;
  /** Whether the host knows its number. */
  readonly isExposed: boolean;
}

/** Tables, as they were: `_home` first. */
export interface StateRecord {
  readonly nextId: number;
  readonly tables: readonly TableRecord[];
  /** Those that the host has made, by their places. */
  readonly made: readonly number[];
}

/** A record that grows by the tables that are asked for, and all that they reach. */
export class StateRecorder {
  readonly #state: State;
  readonly #places = new Map<TableData, number>();

  /** Constructs a record of a state, with `_home`. */
  constructor(state: State) {
    this.#state = state;
    this.placeOf(state.home);
  }

  /** The place of a table in the list. */
  placeOf(table: TableData): number {
    const known = this.#places.get(table);
    if (known !== undefined) return known;
    this.#places.set(table, this.#places.size);
    return this.#places.size - 1;
  }

  /** The record. */
  record(made: Iterable<TableData>): StateRecord {
    const madePlaces = Array.from(made, (table) => this.placeOf(table));
    const tables: TableRecord[] = [];
    // A Map gives those too that are added meanwhile.
    for (const table of this.#places.keys()) tables.push(this.#recordOf(table));
    return { nextId: this.#state.nextId, tables, made: madePlaces };
  }

  #recordOf(table: TableData): TableRecord {
    const { id, kind, list, keys, values, border, length, hasMetatable } = table;
    return {
      original: table,
      id,
      kind,
      list: list.map((value) => this.#recorded(value)),
      keys: keys.map((key) => TableData.is(key) ? new TableReference(this.placeOf(key)) : key),
      values: values.map((value) => this.#recorded(value)),
      border,
      length,
      hasMetatable,
      isExposed: this.#state.exposed.get(id)?.deref() === table,
    };
  }

  #recorded(value: Stored | undefined): Recorded {
    return TableData.is(value) ? new TableReference(this.placeOf(value)) : value;
  }
}

/**
 * Sets a state back to a record, or makes the tables of a record in another one. Tables that are of this state
 * already stay the same objects.
 *
 * @param keepsHome Whether `_home`, and what it reaches now, stays as it is.
 * @returns The tables, by their places.
 */
export function restoreState({ nextId, tables: records }: StateRecord, state: State, keepsHome: boolean): TableData[] {
  const tables = records.map(({ original, id }, place) => {
    if (place === 0) return state.home;
    if (original?.state === state) return original;
    return keepsHome ? state.create() : new TableData(state, id);
  });
  const fill = () => {
    for (const [place, record] of records.entries()) {
      const table = tables[place];
      if (keepsHome && (place === 0 || table.references > 0)) continue;
      fillTable(table, record, (value) => value instanceof TableReference ? tables[value.index] : value);
    }
  };
  if (keepsHome) fill();
  else {
    state.nextId = Math.max(state.nextId, nextId);
    state.begin(fill);
  }
  for (const [place, { isExposed, hasMetatable }] of records.entries()) {
    tables[place].hasMetatable = hasMetatable;
    if (isExposed) state.expose(tables[place]);
  }
  return tables;
}

function fillTable(
  table: TableData,
  record: TableRecord,
  stored: (value: Recorded | RecordedKey) => Stored | undefined,
): void {
  table.kind = record.kind;
  table.list = record.list.map(stored);
  table.keys = record.keys.map(stored) as StoredKey[];
  table.values = record.values.map(stored);
  table.listSize = countOf(table.list);
  table.size = table.listSize + countOf(table.values);
  table.border = record.border;
  table.length = record.length;
  table.index();
}

/** What stands for values that the writer of values doesn't know: lists, which no table holds. */
const MARK = { TABLE: 0, FLOAT: 1, KEPT_NULL: 2, CODE: 3 } as const;

/** A record as data that is written. */
export function stateData({ nextId, tables, made }: StateRecord): unknown {
  return { nextId, tables: tables.map(tableData), made };
}

function tableData({ id, kind, list, keys, values, border, length, hasMetatable, isExposed }: TableRecord): unknown {
  return {
    ...{ id, kind, border, length, hasMetatable, isExposed },
    list: list.map(valueData),
    keys: keys.map(valueData),
    values: values.map(valueData),
  };
}

function valueData(value: Recorded): unknown {
  if (value instanceof TableReference) return [MARK.TABLE, value.index];
  if (value instanceof LuaFloat) return [MARK.FLOAT, value.value];
  if (value instanceof KeptNull) return [MARK.KEPT_NULL];
  if (value instanceof LuaCode) return [MARK.CODE, value.code];
  return value;
}

/** More than any table can have of something that is counted by 32 bits. */
const COUNT_MAX = 2 ** 32;

/**
 * Reads such data.
 *
 * @throws {UnreadableError} If it makes no sense.
 */
export function readState(data: Fields): StateRecord {
  const given = data.list("tables", (value) => new Fields(value));
  const checked = new State();
  const tables = given.map((table) => readTable(table, given.length, checked));
  const made = data.list("made", (place) => Fields.checkedCount(place, tables.length));
  if (tables.length === 0) throw new UnreadableError("there is no _home");
  return { nextId: data.count("nextId"), tables, made };
}

/** @param checked Of which the table that checks it is. */
function readTable(data: Fields, count: number, checked: State): TableRecord {
  const valueOf = (value: unknown) => readValue(value, count);
  const keys = data.list("keys", (key) => readKey(key, count));
  const list = data.list("list", valueOf);
  const values = data.list("values", valueOf);
  if (keys.length !== values.length) throw new UnreadableError("keys and values don't fit");
  const record = {
    original: undefined,
    id: data.count("id"),
    kind: readKind(data.value("kind")),
    list,
    keys,
    values,
    border: data.count("border", COUNT_MAX),
    length: data.count("length", COUNT_MAX),
    hasMetatable: data.flag("hasMetatable"),
    isExposed: data.flag("isExposed"),
  };
  const table = new TableData(checked, record.id);
  fillTable(table, record, (value) => value as Stored);
  if (table.damage !== undefined) throw new UnreadableError(table.damage);
  return record;
}

function readKind(kind: unknown): TableKind {
  if (kind === undefined) return undefined;
  const text = Fields.checkedText(kind);
  if (!/^(array|map|set|object|typed:\d{1,2})$/.test(text)) throw new UnreadableError("a table is of no kind");
  return text as TableKind;
}

function readKey(value: unknown, count: number): RecordedKey {
  const key = readValue(value, count);
  const isKey = typeof key === "object"
    ? key instanceof Uint8Array || key instanceof TableReference
    : key !== undefined;
  if (!isKey) throw new UnreadableError("a key is none");
  return key as RecordedKey;
}

function readValue(value: unknown, count: number): Recorded {
  if (Array.isArray(value)) return readMarked(value, count);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || value instanceof Date) {
    return value as Recorded;
  }
  throw new UnreadableError("a table holds what none can hold");
}

function readMarked([mark, first]: unknown[], count: number): Recorded {
  switch (mark) {
    case MARK.TABLE:
      return new TableReference(Fields.checkedCount(first, count));
    case MARK.FLOAT:
      if (typeof first !== "number") throw new UnreadableError("a float is no number");
      return new LuaFloat(first);
    case MARK.KEPT_NULL:
      return KEPT_NULL;
    case MARK.CODE:
      return new LuaCode(first instanceof Uint8Array ? first : Fields.checkedText(first));
    default:
      throw new UnreadableError("a table holds what none can hold");
  }
}
