/**
 * External tables as data, for copies of a unit.
 *
 * @module
 */

import { countOf, type State, type Stored, type StoredKey, TableData, type TableKind } from "./tables.ts";

/** Stands for a table of the record. */
export class TableReference {
  /** Its place in the list. */
  readonly index: number;

  /** Constructs one. */
  constructor(index: number) {
    this.index = index;
  }
}

/** What a record has of a value. */
export type Recorded = Exclude<Stored, TableData> | TableReference | undefined;
/** What a record has of a key. */
export type RecordedKey = Exclude<StoredKey, TableData> | TableReference;

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
  // Of those that have references, some may have them from each other only.
  if (keepsHome && tables.some(({ references }, place) => place > 0 && references > 0)) state.dropLost();
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

/** Makes a table what its record says. */
export function fillTable(
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
