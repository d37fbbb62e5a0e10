/**
 * Tables of the pages that pages.ts writes. Nothing is taken for granted about them: what isn't as it is
 * written is {@linkcode Damage}, and takes no more memory than there are bytes.
 *
 * @module
 */

import { ByteReader, Damage } from "./bytes.ts";
import {
  apartKey,
  FORM,
  HOLDS,
  KEYS,
  kindOfNumber,
  LIST,
  PAGE_TABLES,
  pagesOf,
  type Part,
  type TablePlace,
} from "./page_layout.ts";
import { Apart, checkedKey, readValue } from "./stored_bytes.ts";
import {
  countOf,
  FIRST_ID,
  FIRST_OWN_ID,
  HOME_ID,
  MOVED,
  PAGE_ENTRIES,
  SAVED_IO_ID,
  type State,
  type Stored,
  type StoredKey,
  TableData,
} from "./tables.ts";

/**
 * Reads the pages of some numbers, several at once, and calls back with each, in any order. Numbers are
 * asked for as pages come; one that there isn't is {@linkcode Damage}.
 */
export type ReadPages = (numbers: Iterable<number>, use: (number: number, bytes: Uint8Array) => void) => Promise<void>;

/** What was read. */
export interface Loaded {
  readonly state: State;
  /** Those that `_home` doesn't reach have no references. */
  readonly tables: readonly { table: TableData; place: TablePlace }[];
  /** Odd pages. */
  readonly pagesInUse: ReadonlySet<number>;
}

/** Where a part of a table's places is put when its page has been read. */
interface Awaited {
  readonly entry: Entry;
  readonly part: Part;
  readonly index: number;
}

/** A table whose places are read. */
interface Entry {
  /** The table; in the place of `_home` one that takes what it is to hold. */
  readonly table: TableData;
  readonly place: TablePlace;
  /** How many places each part has. */
  counts: [number, number];
  /** What was read of each part, by page. */
  pages: [Places[], Places[]];
}

/** Places that follow each other. */
interface Places {
  /** Of the list, no keys are written, and none of places without value. */
  keys: StoredKey[];
  values: (Stored | Apart | undefined)[];
}

/** The longest array (`marks.length_max`). */
const LENGTH_MAX = 2 ** 27;

/** Reads a state. */
export class Loading {
  readonly #state: State;
  readonly #nextId: number;
  readonly #read: ReadPages;
  readonly #entries = new Map<number, Entry>();
  readonly #ids = new Set<number>();
  #savedIo: TableData | undefined;
  readonly #pagesInUse = new Set<number>();

  /** Begins for a state, with the number of its next table. */
  constructor(state: State, nextId: number, read: ReadPages) {
    this.#state = state;
    this.#nextId = nextId;
    this.#read = read;
  }

  /** Reads all tables of so many pages. The state stays as it is. */
  async read(tablePages: number): Promise<void> {
    if (this.#nextId >= FIRST_OWN_ID) throw new Damage(`${this.#nextId} as the number of the next table`);
    const pages = new Map<number, ByteReader>();
    await this.#read(evenNumbers(tablePages), (number, bytes) => {
      pages.set(number / 2, this.#tablesOf(number / 2, new ByteReader(bytes)));
    });
    if (!this.#entries.has(0)) throw new Damage("no _home");
    const runs: Runs[] = [];
    for (const [page, reader] of pages) for (const run of this.#placesOf(page, reader)) runs.push(run);
    const awaited = new Map<number, Awaited>();
    await this.#read(this.#pagesOf(runs, awaited), (number, bytes) => {
      this.#takePlaces(awaited.get(number)!, new ByteReader(bytes));
      awaited.delete(number);
    });
    await this.#readApart();
    for (const entry of this.#entries.values()) fill(entry);
  }

  /** Puts what was read in the place of what the state held. */
  finish(): Loaded {
    const { home } = this.#state;
    this.#state.replaceHome(this.#entries.get(0)!.table, this.#savedIo, this.#nextId);
    const tables = [...this.#entries.values()].map(({ table, place }) => ({
      table: place.number === 0 ? home : table,
      place,
    }));
    return { state: this.#state, tables, pagesInUse: this.#pagesInUse };
  }

  /** Makes the tables of a page; what else it has is read when all are there. */
  #tablesOf(page: number, reader: ByteReader): ByteReader {
    const count = reader.count();
    if (count > PAGE_TABLES) throw new Damage(`${count} tables in a page`);
    for (let i = 0; i < count; i++) {
      const id = reader.integer();
      if (id !== 0) this.#makeTable(page * PAGE_TABLES + i, id);
    }
    return reader;
  }

  #makeTable(number: number, id: number): void {
    if ((number === 0) !== (id === HOME_ID) || this.#ids.has(id)) throw new Damage(`a table with the id ${id}`);
    const isRoot = id === HOME_ID || id === SAVED_IO_ID;
    if (!isRoot && (id < FIRST_ID || id >= this.#nextId && id < FIRST_OWN_ID)) {
      throw new Damage(`a table with the id ${id}`);
    }
    this.#ids.add(id);
    const table = new TableData(this.#state, id);
    if (id === SAVED_IO_ID) this.#savedIo = table;
    const place = { number, savesBefore: -1, pages: undefined, apart: undefined };
    this.#entries.set(number, { table, place, counts: [0, 0], pages: [[], []] });
  }

  readonly #tableOf = (number: number): TableData => {
    const entry = this.#entries.get(number);
    if (entry === undefined) throw new Damage(`table ${number} isn't there`);
    if (entry.table === this.#savedIo) throw new Damage("a table refers to the saved _io");
    return number === 0 ? this.#state.home : entry.table;
  };

  /** Reads the tables of a page; of those with pages of their own, which ones. */
  *#placesOf(page: number, reader: ByteReader): Generator<Runs> {
    for (let number = page * PAGE_TABLES; number < (page + 1) * PAGE_TABLES; number++) {
      const entry = this.#entries.get(number);
      if (entry === undefined) continue;
      const form = reader.byte();
      entry.table.kind = kindOfNumber(reader.byte());
      entry.table.length = reader.integer();
      if (entry.table.length > LENGTH_MAX) throw new Damage(`an array of ${entry.table.length} elements`);
      entry.table.border = reader.integer();
      entry.counts = [reader.integer(), reader.integer()];
      if (form === FORM.INLINE) this.#takeInline(entry, reader);
      else if (form === FORM.PAGED) yield* runsOf(entry, reader);
      else throw new Damage(`a table of form ${form}, which there isn't`);
    }
    reader.end();
  }

  #takeInline(entry: Entry, reader: ByteReader): void {
    for (const part of [LIST, KEYS] as const) {
      const count = entry.counts[part];
      if (count > reader.left) throw new Damage(`${count} entries in ${reader.left} bytes`);
      entry.pages[part][0] = this.#readPlaces(part, count, reader);
    }
  }

  #readPlaces(part: Part, count: number, reader: ByteReader): Places {
    const places: Places = { keys: [], values: [] };
    for (let i = 0; i < count; i++) {
      const first = readValue(reader, this.#tableOf);
      if (part === LIST || first === undefined) {
        if (part === KEYS) places.keys.push(MOVED);
        places.values.push(first);
      } else {
        places.keys.push(checkedKey(first));
        places.values.push(valueOfKey(readValue(reader, this.#tableOf)));
      }
    }
    return places;
  }

  /** The pages of all runs, noted as they are asked for: as many as there are, not as many as it says. */
  *#pagesOf(runs: Runs[], awaited: Map<number, Awaited>): Generator<number> {
    for (const { entry, part, firsts } of runs) {
      const pages = entry.place.pages![part];
      for (const [first, count] of firsts) {
        for (let page = first; page < first + 2 * count; page += 2) {
          this.#use(page);
          awaited.set(page, { entry, part, index: pages.length });
          pages.push(page);
          yield page;
        }
      }
    }
  }

  #use(page: number): void {
    if (this.#pagesInUse.has(page)) throw new Damage(`page ${page} is there twice`);
    this.#pagesInUse.add(page);
  }

  #takePlaces({ entry, part, index }: Awaited, reader: ByteReader): void {
    const isRight = reader.byte() === HOLDS.PLACES && reader.integer() === entry.place.number &&
      reader.byte() === part && reader.integer() === index;
    if (!isRight) throw new Damage("a page of another table");
    const count = Math.min(entry.counts[part] - index * PAGE_ENTRIES, PAGE_ENTRIES);
    entry.pages[part][index] = this.#readPlaces(part, count, reader);
    reader.end();
  }

  /** Reads the values that have pages of their own. */
  async #readApart(): Promise<void> {
    const waiting = new Map<number, { entry: Entry; values: Places["values"]; i: number; key: number }>();
    for (const entry of this.#entries.values()) {
      for (const { values, i, part, place } of apartOf(entry)) {
        const { page } = values[i] as Apart;
        if (page % 2 !== 1) throw new Damage(`a value in page ${page}`);
        this.#use(page);
        waiting.set(page, { entry, values, i, key: apartKey(part, place) });
      }
    }
    await this.#read(waiting.keys(), (page, bytes) => {
      const { entry: { place }, values, i, key } = waiting.get(page)!;
      const value = this.#valueOf(new ByteReader(bytes));
      values[i] = value;
      place.apart ??= new Map();
      place.apart.set(key, { value, page });
    });
  }

  #valueOf(reader: ByteReader): Stored {
    if (reader.byte() !== HOLDS.VALUE) throw new Damage("a page of another kind");
    const value = readValue(reader, this.#tableOf);
    reader.end();
    if (value === undefined || value instanceof Apart) throw new Damage("a page without a value");
    return value;
  }
}

/** Pages of one part of a table, as runs of numbers. */
interface Runs {
  entry: Entry;
  part: Part;
  firsts: [first: number, count: number][];
}

function* evenNumbers(count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield 2 * i;
}

function* runsOf(entry: Entry, reader: ByteReader): Generator<Runs> {
  entry.place.pages = [[], []];
  for (const part of [LIST, KEYS] as const) {
    let left = pagesOf(entry.counts[part]);
    const firsts = Array.from({ length: reader.count() }, (): [number, number] => {
      const [first, count] = [2 * reader.integer() + 1, reader.integer()];
      left -= count;
      if (count === 0 || !Number.isSafeInteger(first + 2 * count)) throw new Damage("pages that can't be");
      return [first, count];
    });
    if (left !== 0) throw new Damage("a table with more or fewer pages than it has entries for");
    yield { entry, part, firsts };
  }
}

function valueOfKey(value: Stored | Apart | undefined): Stored | Apart {
  if (value === undefined) throw new Damage("a key without a value");
  return value;
}

/** The places whose values have pages of their own. */
function* apartOf({ pages }: Entry) {
  for (const part of [LIST, KEYS] as const) {
    for (const [index, { values }] of pages[part].entries()) {
      for (let i = 0; i < values.length; i++) {
        if (values[i] instanceof Apart) yield { values, i, part, place: index * PAGE_ENTRIES + i };
      }
    }
  }
}

/** Puts what was read of a table into it. */
function fill({ table, pages: [list, keys] }: Entry): void {
  table.list = list.flatMap(({ values }) => values) as (Stored | undefined)[];
  table.values = keys.flatMap(({ values }) => values) as (Stored | undefined)[];
  table.keys = keys.flatMap(({ keys }) => keys);
  table.index();
  table.listSize = countOf(table.list);
  table.size = table.listSize + countOf(table.values);
  if (table.damage !== undefined) throw new Damage(table.damage);
  list.length = keys.length = 0;
}
