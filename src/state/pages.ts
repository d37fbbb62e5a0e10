/**
 * What is written of a state's tables when some have changed: page_layout.ts says how they stand in pages.
 *
 * @module
 */

import { ByteWriter } from "./bytes.ts";
import type { Loaded } from "./loading.ts";
import {
  apartKey,
  FORM,
  HOLDS,
  KEYS,
  LIST,
  numberOfKind,
  PAGE_TABLES,
  pagesOf,
  type Part,
  type TablePlace,
} from "./page_layout.ts";
import { roughBytes, writeApart, writeValue } from "./stored_bytes.ts";
import {
  FIRST_ID,
  FIRST_OWN_ID,
  PAGE_ENTRIES,
  SAVED_IO_ID,
  type State,
  type Stored,
  type TableData,
} from "./tables.ts";

/** A table with more places, or more bytes in them, has pages of its own. */
const INLINE_PLACES_MAX = 32;
const INLINE_BYTES_MAX = 1024;

/** A value of so many bytes has a page of its own. */
const APART_BYTES_MIN = 4096;

/** The last of the numbers that no other process gives: they begin at random. */
let lastOwnId = 0;

function newOwnId(): number {
  if (lastOwnId === 0) {
    const [high, low] = crypto.getRandomValues(new Uint32Array(2));
    lastOwnId = FIRST_OWN_ID + (high >>> 13) * 2 ** 32 + low;
  }
  return ++lastOwnId;
}

/** Pages by number; undefined is one that is deleted. */
export type PageChanges = Map<number, Uint8Array | undefined>;

/** Numbers, of which those that were given back are taken again. */
class Numbers {
  readonly #free: number[] = [];
  #next = 0;
  #end = 0;
  #used: Set<number> | undefined;

  /** Begins with those that are in use. */
  constructor(used: Iterable<number> = []) {
    this.#used = new Set(used);
    for (const number of this.#used) this.#end = Math.max(this.#end, number + 1);
  }

  /** The end of those that are, or ever were, in use. */
  get end(): number {
    return this.#end;
  }

  take(): number {
    const given = this.#free.pop();
    if (given !== undefined) return given;
    // Looked for one by one: there may be any number between two that are in use.
    while (this.#used?.has(this.#next)) this.#next++;
    if (this.#next >= this.#end) this.#used = undefined;
    this.#end = Math.max(this.#end, this.#next + 1);
    return this.#next++;
  }

  give(number: number): void {
    this.#free.push(number);
  }
}

/** Where the tables of a state stand, and which of its pages are not in the store yet. */
export class Pages {
  /** The tables. */
  readonly state: State;
  readonly #places = new Map<TableData, TablePlace>();
  readonly #tables: (TableData | undefined)[] = [];
  readonly #numbersById = new Map<number, number>();
  #tableNumbers = new Numbers();
  #oddNumbers = new Numbers();
  #changes: PageChanges = new Map();
  #saves = 0;
  readonly #dirtyTablePages = new Set<number>();

  /** Begins with a new state. */
  constructor(state: State) {
    this.state = state;
    state.findSaved = (id) => this.#find(id);
    state.isSaved = (table) => this.#places.has(table);
    state.beforeExposed = (table) => this.#settleId(table);
  }

  /** Goes on with one that was loaded. Tables that `_home` doesn't reach are given up. */
  static of({ state, tables, pagesInUse }: Loaded, tablePages: number): Pages {
    const pages = new Pages(state);
    for (const { table, place } of tables) pages.#enter(table, place);
    pages.#tableNumbers = new Numbers(tables.map(({ place }) => place.number));
    pages.#oddNumbers = new Numbers([...pagesInUse].map((page) => (page - 1) / 2));
    for (const { table } of tables) if (table.references === 0) pages.#drop(table);
    for (let page = pages.tablePages; page < tablePages; page++) pages.#changes.set(2 * page, undefined);
    return pages;
  }

  /** How many pages of tables there are. */
  get tablePages(): number {
    return Math.ceil(this.#tableNumbers.end / PAGE_TABLES);
  }

  /** Whether the state has changed since it was saved. */
  get isDirty(): boolean {
    return this.state.dirty.size > 0 || this.state.dropped.size > 0 || this.#changes.size > 0;
  }

  /** Whether there is what was collected and isn't in the store. */
  get isCollected(): boolean {
    return this.#changes.size > 0;
  }

  /** The table with an id, if it is in the store; of what was saved of `_io` nobody knows. */
  #find(id: number): TableData | undefined {
    const number = id === SAVED_IO_ID ? undefined : this.#numbersById.get(id);
    const table = number === undefined ? undefined : this.#tables[number];
    return table !== undefined && this.#isStored(table) ? table : undefined;
  }

  /** Whether a table was loaded, or saved; one that is only about to be isn't, as that may fail. */
  #isStored(table: TableData): boolean {
    const place = this.#places.get(table);
    return place !== undefined && place.savesBefore < this.#saves;
  }

  /** The numbers of all pages that the store has of it, or will have. */
  *numbers(): Generator<number> {
    yield* this.#changes.keys();
    for (let page = 0; page < this.tablePages; page++) yield 2 * page;
    for (const { pages, apart } of this.#places.values()) {
      for (const part of pages ?? []) yield* part;
      for (const { page } of apart?.values() ?? []) yield page;
    }
  }

  /**
   * All pages that have changed since {@linkcode Pages.saved} was called. They stay as they are
   * when the state changes again.
   */
  collect(): PageChanges {
    const { dirty, dropped } = this.state;
    for (const table of dropped) this.#drop(table);
    for (const table of dirty) this.#numbered(table);
    for (const table of dirty) this.#collectTable(table);
    for (const page of this.#dirtyTablePages) this.#changes.set(2 * page, this.#tablesPage(page));
    dirty.clear();
    dropped.clear();
    this.#dirtyTablePages.clear();
    return this.#changes;
  }

  /** Says that what was collected is in the store. */
  saved(): void {
    this.#changes = new Map();
    this.#saves++;
  }

  /**
   * The host is to know a table's number. As long as it isn't in the store, another process may give the same: then it
   * gets one that none has.
   */
  #settleId(table: TableData): void {
    if (table.id < FIRST_ID || table.id >= FIRST_OWN_ID || this.#isStored(table)) return;
    const place = this.#places.get(table);
    if (place !== undefined) this.#numbersById.delete(table.id);
    table.id = newOwnId();
    if (place === undefined) return;
    // What was collected has the other number: it is saved again.
    this.#numbersById.set(table.id, place.number);
    this.state.touch(table);
  }

  /** The place of a table; a table that has none is given a number. */
  #numbered(table: TableData): TablePlace {
    const known = this.#places.get(table);
    if (known !== undefined) return known;
    if (this.#numbersById.has(table.id)) {
      table.id = newOwnId();
      this.state.expose(table);
    }
    const number = this.#tableNumbers.take();
    const place: TablePlace = { number, savesBefore: this.#saves, pages: undefined, apart: undefined };
    this.#enter(table, place);
    return place;
  }

  #enter(table: TableData, place: TablePlace): void {
    this.#places.set(table, place);
    this.#tables[place.number] = table;
    this.#numbersById.set(table.id, place.number);
  }

  readonly #numberOf = (table: TableData): number => {
    const place = this.#places.get(table);
    if (place === undefined) throw new Error(`table ${table.id} is referred to, but isn't among those to be saved`);
    return place.number;
  };

  #markTablePage(number: number): void {
    this.#dirtyTablePages.add(Math.floor(number / PAGE_TABLES));
  }

  #drop(table: TableData): void {
    const place = this.#places.get(table)!;
    this.#freePages(place);
    this.#places.delete(table);
    this.#numbersById.delete(table.id);
    this.#tables[place.number] = undefined;
    this.#tableNumbers.give(place.number);
    this.#markTablePage(place.number);
  }

  #collectTable(table: TableData): void {
    const place = this.#numbered(table);
    if (isSmall(table)) {
      this.#freePages(place);
      this.#markTablePage(place.number);
    } else if (this.#collectPages(table, place) || table.isDirty) {
      this.#markTablePage(place.number);
    }
    table.isDirty = false;
    table.dirtyPages.clear();
  }

  #freePages(place: TablePlace): void {
    for (const part of place.pages ?? []) part.forEach((page) => this.#freePage(page));
    for (const { page } of place.apart?.values() ?? []) this.#freePage(page);
    place.pages = place.apart = undefined;
  }

  #freePage(page: number): void {
    this.#changes.set(page, undefined);
    this.#oddNumbers.give((page - 1) / 2);
  }

  #newPage(): number {
    return 2 * this.#oddNumbers.take() + 1;
  }

  /** Whether the numbers of pages have changed, which stand beside other tables. */
  #collectPages(table: TableData, place: TablePlace): boolean {
    let isOther = place.pages === undefined;
    place.pages ??= [[], []];
    for (const part of [LIST, KEYS] as const) {
      const pages = place.pages[part];
      const before = pages.length;
      const count = pagesOf(part === LIST ? table.list.length : table.keys.length);
      while (pages.length < count) pages.push(this.#newPage());
      for (let index = count; index < before; index++) this.#freePlaces(place, part, index);
      pages.length = count;
      isOther ||= count !== before;
      const isNew = (index: number) => index >= before;
      for (const index of changedPages(table, part, count, isNew)) this.#collectPlaces(table, place, part, index);
    }
    return isOther;
  }

  #freePlaces(place: TablePlace, part: Part, index: number): void {
    this.#freePage(place.pages![part][index]);
    this.#freeApartFrom(place, part, index * PAGE_ENTRIES, index);
  }

  /** Frees the pages of values from a place to the end of its page. */
  #freeApartFrom(place: TablePlace, part: Part, first: number, index: number): void {
    if (place.apart === undefined) return;
    for (let i = first; i < (index + 1) * PAGE_ENTRIES; i++) this.#freeApart(place, apartKey(part, i));
  }

  #freeApart(place: TablePlace, key: number): void {
    const apart = place.apart?.get(key);
    if (apart === undefined) return;
    this.#freePage(apart.page);
    place.apart!.delete(key);
  }

  #collectPlaces(table: TableData, place: TablePlace, part: Part, index: number): void {
    const values = part === LIST ? table.list : table.values;
    const first = index * PAGE_ENTRIES;
    const end = Math.min(first + PAGE_ENTRIES, values.length);
    const writer = new ByteWriter();
    writer.byte(HOLDS.PLACES);
    writer.integer(place.number);
    writer.byte(part);
    writer.integer(index);
    for (let i = first; i < end; i++) {
      // A key without value isn't kept.
      const isEmpty = part === KEYS && values[i] === undefined;
      if (part === KEYS && !isEmpty) writeValue(writer, table.keys[i], this.#numberOf);
      this.#writePlace(writer, place, apartKey(part, i), values[i]);
    }
    this.#freeApartFrom(place, part, end, index);
    this.#changes.set(place.pages![part][index], writer.take());
  }

  #writePlace(writer: ByteWriter, place: TablePlace, key: number, value: Stored | undefined): void {
    if (roughBytes(value) < APART_BYTES_MIN) {
      this.#freeApart(place, key);
      return writeValue(writer, value, this.#numberOf);
    }
    place.apart ??= new Map();
    const known = place.apart.get(key);
    const page = known?.page ?? this.#newPage();
    writeApart(writer, page);
    if (known?.value === value) return;
    place.apart.set(key, { value: value!, page });
    this.#changes.set(page, this.#valuePage(value!));
  }

  #valuePage(value: Stored): Uint8Array {
    const writer = new ByteWriter();
    writer.byte(HOLDS.VALUE);
    writeValue(writer, value, this.#numberOf);
    return writer.take();
  }

  #tablesPage(page: number): Uint8Array {
    const tables = this.#tables.slice(page * PAGE_TABLES, (page + 1) * PAGE_TABLES);
    const writer = new ByteWriter();
    writer.integer(tables.length);
    // Before all else, so that a reader has the tables before it reads what refers to them.
    for (let i = 0; i < tables.length; i++) writer.integer(tables[i]?.id ?? 0);
    for (const table of tables) if (table !== undefined) this.#writeTable(writer, table);
    return writer.take();
  }

  #writeTable(writer: ByteWriter, table: TableData): void {
    const { pages } = this.#places.get(table)!;
    writer.byte(pages === undefined ? FORM.INLINE : FORM.PAGED);
    writer.byte(numberOfKind(table.kind));
    writer.integer(table.length);
    writer.integer(table.border);
    writer.integer(table.list.length);
    writer.integer(table.keys.length);
    if (pages !== undefined) return pages.forEach((part) => writeRuns(writer, part));
    for (const value of table.list) writeValue(writer, value, this.#numberOf);
    for (let i = 0; i < table.keys.length; i++) {
      if (table.values[i] !== undefined) writeValue(writer, table.keys[i], this.#numberOf);
      writeValue(writer, table.values[i], this.#numberOf);
    }
  }
}

/** The pages of a part that are to be written; not all are looked at, of which there may be many. */
function* changedPages(
  table: TableData,
  part: Part,
  count: number,
  isNew: (index: number) => boolean,
): Iterable<number> {
  for (let index = count - 1; index >= 0 && isNew(index); index--) yield index;
  for (const page of table.dirtyPages) {
    const index = Math.floor(page / 2);
    if (page % 2 === part && index < count && !isNew(index)) yield index;
  }
}

/** Whether a table's entries stand beside those of others. */
function isSmall(table: TableData): boolean {
  if (table.placeCount > INLINE_PLACES_MAX) return false;
  let bytes = 0;
  for (const values of [table.list, table.values, table.keys]) for (const value of values) bytes += roughBytes(value);
  return bytes <= INLINE_BYTES_MAX;
}

/** Writes page numbers, most of which follow each other. */
function writeRuns(writer: ByteWriter, pages: readonly number[]): void {
  const runs: { first: number; count: number }[] = [];
  for (const page of pages) {
    const last = runs.at(-1);
    if (last !== undefined && page === last.first + 2 * last.count) last.count++;
    else runs.push({ first: page, count: 1 });
  }
  writer.integer(runs.length);
  for (const { first, count } of runs) {
    writer.integer((first - 1) / 2);
    writer.integer(count);
  }
}
