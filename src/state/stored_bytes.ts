/**
 * The values of tables as bytes.
 *
 * @module
 */

import { INT64_MAX, INT64_MIN } from "../values/kinds.ts";
import { KEPT_NULL, KeptNull, LuaCode, LuaFloat } from "../values/lua_exact.ts";
import { type ByteReader, type ByteWriter, Damage } from "./bytes.ts";
import { type Stored, type StoredKey, TableData } from "./tables.ts";

/**
 * What the first byte of a value says. From `SMALL` on it is an integer itself, from 0 to 127.
 * `EMPTY` is a place without value.
 */
const TAG = {
  EMPTY: 0,
  NULL: 1,
  FALSE: 2,
  TRUE: 3,
  POSITIVE: 4,
  NEGATIVE: 5,
  INT64: 6,
  FLOAT: 7,
  TEXT: 8,
  BYTES: 9,
  DATE: 10,
  TABLE: 11,
  KEPT_NULL: 12,
  CODE: 13,
  LIBRARY: 14,
  APART: 15,
  SMALL: 128,
} as const;

/** The most milliseconds from 1970 that a Date has, either way. */
const DATE_MS_MAX = 8.64e15;

/** Says under which number a state knows a table. */
export type NumberOf = (table: TableData) => number;

/** Says which table has a number. */
export type TableOf = (number: number) => TableData;

/** Writes a value; an empty place where it is undefined. */
export function writeValue(writer: ByteWriter, value: Stored | undefined, numberOf: NumberOf): void {
  switch (typeof value) {
    case "undefined":
      return writer.byte(TAG.EMPTY);
    case "boolean":
      return writer.byte(value ? TAG.TRUE : TAG.FALSE);
    case "number":
      return writeNumber(writer, value);
    case "bigint":
      writer.byte(TAG.INT64);
      return writer.int64(value);
    case "string":
      writer.byte(TAG.TEXT);
      return writer.text(value);
    default:
      return writeObject(writer, value, numberOf);
  }
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return writeFloat(writer, value);
  if (value >= 0 && value < TAG.SMALL) return writer.byte(TAG.SMALL + value);
  writer.byte(value < 0 ? TAG.NEGATIVE : TAG.POSITIVE);
  writer.integer(Math.abs(value));
}

function writeFloat(writer: ByteWriter, value: number): void {
  writer.byte(TAG.FLOAT);
  writer.float(value);
}

function writeObject(writer: ByteWriter, value: Stored & object | null, numberOf: NumberOf): void {
  if (value === null) return writer.byte(TAG.NULL);
  if (value instanceof TableData) {
    writer.byte(TAG.TABLE);
    writer.integer(numberOf(value));
  } else if (value instanceof Uint8Array) {
    writer.byte(TAG.BYTES);
    writer.bytes(value);
  } else if (value instanceof LuaFloat) {
    writeFloat(writer, value.value);
  } else if (value instanceof Date) {
    writer.byte(TAG.DATE);
    writer.float(value.getTime());
  } else if (value instanceof KeptNull) {
    writer.byte(TAG.KEPT_NULL);
  } else {
    writeCode(writer, value);
  }
}

function writeCode(writer: ByteWriter, { code }: LuaCode): void {
  if (typeof code === "string") {
    writer.byte(TAG.LIBRARY);
    writer.text(code);
  } else {
    writer.byte(TAG.CODE);
    writer.bytes(code);
  }
}

/** Writes where a value stands that has a page of its own. */
export function writeApart(writer: ByteWriter, page: number): void {
  writer.byte(TAG.APART);
  writer.integer(page);
}

/** Where a value stands that has a page of its own. */
export class Apart {
  /** The page. */
  readonly page: number;

  /** Constructs it. */
  constructor(page: number) {
    this.page = page;
  }
}

/** Reads what {@linkcode writeValue} or {@linkcode writeApart} wrote. */
export function readValue(reader: ByteReader, tableOf: TableOf): Stored | Apart | undefined {
  const tag = reader.byte();
  if (tag >= TAG.SMALL) return tag - TAG.SMALL;
  switch (tag) {
    case TAG.EMPTY:
      return undefined;
    case TAG.NULL:
      return null;
    case TAG.FALSE:
    case TAG.TRUE:
      return tag === TAG.TRUE;
    case TAG.POSITIVE:
      return reader.integer();
    case TAG.NEGATIVE:
      return negative(reader.integer());
    case TAG.INT64:
      return largeInteger(reader.int64());
    case TAG.FLOAT:
      return floatOf(reader.float());
    case TAG.TEXT:
      return reader.text();
    case TAG.BYTES:
      return reader.bytes();
    case TAG.DATE:
      return dateOf(reader.float());
    case TAG.TABLE:
      return tableOf(reader.integer());
    case TAG.KEPT_NULL:
      return KEPT_NULL;
    case TAG.CODE:
      return new LuaCode(reader.bytes());
    case TAG.LIBRARY:
      return new LuaCode(reader.text());
    case TAG.APART:
      return new Apart(reader.integer());
    default:
      throw new Damage(`a value of kind ${tag}, which there isn't`);
  }
}

function negative(value: number): number {
  if (value === 0) throw new Damage("an integer that isn't written as integers are");
  return -value;
}

/** Safe integers are numbers, and nothing else: as keys they could else be there twice. */
function largeInteger(value: bigint): bigint {
  if (Number.isSafeInteger(Number(value)) || value < INT64_MIN || value > INT64_MAX) {
    throw new Damage("an integer that isn't written as integers are");
  }
  return value;
}

function floatOf(value: number): number | LuaFloat {
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? new LuaFloat(value) : value;
}

function dateOf(ms: number): Date {
  const isTime = Number.isNaN(ms) || Number.isInteger(ms) && Math.abs(ms) <= DATE_MS_MAX;
  if (!isTime) throw new Damage("a Date that is no time");
  return new Date(ms);
}

/** What a key may be of what is read as a value. */
export function checkedKey(value: Stored | Apart | undefined): StoredKey {
  switch (typeof value) {
    case "boolean":
    case "bigint":
    case "string":
      return value;
    case "number":
      // States of earlier versions may have -0.
      if (!Number.isNaN(value)) return value === 0 ? 0 : value;
      break;
    case "object":
      if (value instanceof TableData) return value;
      if (value instanceof Uint8Array && !isText(value)) return value;
  }
  throw new Damage("a key that is none");
}

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether bytes are UTF-8: such a key is a string. */
function isText(bytes: Uint8Array): boolean {
  try {
    strictDecoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Bytes that a value takes, roughly, but not less than half of what it takes; 0 for a table. */
export function roughBytes(value: Stored | undefined): number {
  if (typeof value === "string") return value.length;
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof LuaCode) return value.code.length;
  return 0;
}
