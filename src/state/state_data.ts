/**
 * Records of external tables as data that is written, and read.
 *
 * @module
 */

import { KEPT_NULL, KeptNull, LuaCode, LuaFloat } from "../values/lua_exact.ts";
import { Fields } from "../values/plain_data.ts";
import { UnreadableError } from "../values/value_reader.ts";
import {
  fillTable,
  type Recorded,
  type RecordedKey,
  type StateRecord,
  type TableRecord,
  TableReference,
} from "./state_record.ts";
import { State, type Stored, TableData, type TableKind } from "./tables.ts";

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
