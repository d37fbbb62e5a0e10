/**
 * External tables as they stand with the host: their entries, in order, and what has changed
 * since they were last saved.
 *
 * A table holds scalars and other tables, in the form in which Lua has them (`Stored`). It has
 * two parts, as Lua's own tables have: a list of the values of the keys 1 to n, and slots of
 * other keys in the order in which they came. An entry that was taken away leaves its place
 * empty until another key comes, so that a traversal may take entries away, as in Lua. Where
 * most places are empty then, those in use are moved together.
 *
 * @module
 */

import { ARRAY_BYTES } from "../values/estimate.ts";
import { External } from "../values/kinds.ts";
import { type KeptNull, LuaCode, LuaFloat } from "../values/lua_exact.ts";
import { Refusal } from "../values/refusals.ts";
import { binaryText } from "../values/text.ts";

/**
 * A value in a table. Numbers that are safe integers, and not -0, are Lua's integers, others
 * floats; bigints are integers beyond them. Dates and bytes belong to the table alone. `null` is
 * JavaScript's: nil to Lua code, but there.
 */
export type Stored =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | LuaFloat
  | KeptNull
  | LuaCode
  | TableData;

/** A key in a table: bytes are those of a string that is no UTF-8. */
export type StoredKey = boolean | number | bigint | string | Uint8Array | TableData;

/** What a table becomes in JavaScript; `undefined`: its keys say. Typed arrays by `marks.Kind`. */
export type TableKind = "array" | "map" | "set" | "object" | `typed:${number}` | undefined;

/** Entries of one part of a table that are saved together. */
export const PAGE_ENTRIES = 256;

/** So many tables whose numbers the host knows are kept in mind before those are forgotten that are gone. */
const EXPOSED_MIN = 64;

/**
 * After so many tables that have lost a reference, but not all, those are looked for that only refer to each other;
 * after a look through many places, or where a large state was loaded, after one for so many of these.
 */
const LOST_MIN = 64;
const PLACES_PER_LOST = 4;

/** Parts with fewer places are never moved together. */
const PLACES_MIN = 16;

/** Up to so many keys, to look at all is faster than a Map, and takes a third of the memory. */
const UNINDEXED_MAX = 8;

/** In the place of a key that stands in the list now; equal to no key. */
export const MOVED = NaN;

/** Before the text of bytes: no text that is well-formed has it. */
const BYTES_PREFIX = "\udc00";

/** The key under which `index` has a key, so that bytes are told by what they are. */
export function indexed(key: StoredKey): unknown {
  return key instanceof Uint8Array ? BYTES_PREFIX + binaryText(key) : key;
}

function isTyped(kind: TableKind): boolean {
  return kind !== undefined && kind.startsWith("typed:");
}

/** Whether a key may stand in the list. */
function isPosition(key: StoredKey): key is number {
  return typeof key === "number" && key >= 1 && Number.isInteger(key);
}

/** One table. Only {@linkcode State} changes it. */
export class TableData {
  /**
   * The same for as long as the table lives, in saved states too, once the host knows it: see
   * {@linkcode State.beforeExposed}. A table of before a state was loaded gets another when it is saved, if one of those
   * that were loaded has the same.
   */
  id: number;
  /** The state that it belongs to. */
  readonly state: State;
  /** What it becomes in JavaScript. */
  kind: TableKind = undefined;
  /** Values of the keys 1 to n; `undefined` where there is none. */
  list: (Stored | undefined)[] = [];
  /** Other keys, in their order, with those that have no value any more. */
  keys: StoredKey[] = [];
  /** Their values. */
  values: (Stored | undefined)[] = [];
  /** Entries that have a value. */
  size = 0;
  /** Those of the list. */
  listSize = 0;
  /** Where each of `keys` is, where they are more than a few. */
  #places: Map<unknown, number> | undefined;
  /** A border, as `#` in Lua gives one. */
  border = 0;
  /** Length of an array that has nulls, or a length of its own; 0 where the border is its length. */
  length = 0;
  /** How many places in tables that are to be saved have this one. */
  references = 0;
  /** How many of these come from tables that are looked through, while lost ones are looked for; else -1. */
  innerReferences = -1;
  /** Number of the view that Lua has of it; 0 where it has none. */
  view = 0;
  /** Whether that view has a metatable: Lua keeps it then, as long as `_home` reaches it. */
  hasMetatable = false;
  /** Whether empty places were given up that a traversal may be at. */
  isGivenUp = false;
  /** The place that was emptied last, at which a traversal may be; another one where entries have moved since. */
  emptied = -1;
  /** Pages that are to be saved: those of the list by 2 i, those of the other keys by 2 i + 1. */
  readonly dirtyPages: Set<number> = new Set();
  /** Whether its kind, its length or its number of places is to be saved. */
  isDirty = true;

  #brand = undefined;

  /** Whether something is a table; a Proxy isn't asked. */
  static is(value: unknown): value is TableData {
    return typeof value === "object" && value !== null && #brand in value;
  }

  /** Constructs an empty table; `State.create` does. */
  constructor(state: State, id: number) {
    this.state = state;
    this.id = id;
  }

  /** The value of a key. */
  get(key: StoredKey): Stored | undefined {
    if (isPosition(key) && key <= this.list.length) return this.list[key - 1];
    const place = this.find(key);
    return place < 0 ? undefined : this.values[place];
  }

  /** Where a key is among `keys`, -1 where it isn't. */
  find(key: StoredKey): number {
    if (this.#places !== undefined) return this.#places.get(indexed(key)) ?? -1;
    if (key instanceof Uint8Array) return this.keys.findIndex((own) => indexed(own) === indexed(key));
    return this.keys.indexOf(key);
  }

  /** Notes that a key is the last of `keys` now. */
  noteLast(key: StoredKey): void {
    const { length } = this.keys;
    if (this.#places !== undefined) this.#places.set(indexed(key), length - 1);
    else if (length > UNINDEXED_MAX) this.index();
  }

  /** Notes where all keys are. */
  index(): void {
    this.#places = undefined;
    if (this.keys.length <= UNINDEXED_MAX) return;
    const places = this.#places = new Map<unknown, number>();
    const { keys } = this;
    for (let place = 0; place < keys.length; place++) {
      const key = keys[place];
      if (key === key) places.set(indexed(key), place);
    }
  }

  /** Whether no key is there twice, which the index has just been made of, but for those that moved. */
  hasKeysOnce(): boolean {
    const { keys, list } = this;
    let count = 0;
    for (const key of keys) {
      if (key !== key) continue;
      count++;
      if (isPosition(key) && key <= list.length) return false;
    }
    if (this.#places !== undefined) return this.#places.size === count;
    return keys.every((key, place) => key !== key || this.find(key) === place);
  }

  /** Notes that a key stands in the list from now on. */
  unlist(key: StoredKey, place: number): void {
    this.keys[place] = MOVED;
    this.#places?.delete(indexed(key));
  }

  /** Whether a number may be the border. */
  canEndAt(border: number): boolean {
    return (border === 0 || !isNil(this.get(border))) && isNil(this.get(border + 1));
  }

  /** What keeps contents that were read from being a table's, of which the index has just been made. */
  get damage(): string | undefined {
    if (!this.hasKeysOnce()) return "a key twice";
    if (!this.canEndAt(this.border)) return "a table that doesn't end where it says";
    return this.#isTypedArray() ? undefined : "a typed array of other values";
  }

  /** Elements of a typed array are numbers, and of the kinds of bigints integers; other tables are none. */
  #isTypedArray(): boolean {
    if (!isTyped(this.kind)) return true;
    const isBig = this.kind === "typed:11" || this.kind === "typed:12";
    return this.keys.length === 0 && this.list.every((value) => {
      if (typeof value === "bigint") return isBig;
      if (typeof value === "number") return !isBig || Number.isInteger(value);
      return !isBig && value instanceof LuaFloat;
    });
  }

  /** Gives up the last of `keys`. */
  dropLast(): void {
    const key = this.keys.pop()!;
    this.values.pop();
    this.#places?.delete(indexed(key));
  }

  /** How many places a traversal goes through. */
  get placeCount(): number {
    return this.list.length + this.keys.length;
  }

  /** The key of a place. */
  keyAt(place: number): StoredKey {
    return place < this.list.length ? place + 1 : this.keys[place - this.list.length];
  }

  /** The value of a place; `undefined` where it is empty. */
  valueAt(place: number): Stored | undefined {
    return place < this.list.length ? this.list[place] : this.values[place - this.list.length];
  }

  /** The place of a key, -1 where it never had one. */
  placeOf(key: StoredKey): number {
    if (isPosition(key) && key <= this.list.length) return key - 1;
    const place = this.find(key);
    return place < 0 ? -1 : place + this.list.length;
  }

  /** After which place a traversal goes on from a key; -1 where it never had one. */
  placeInTraversal(key: StoredKey): number {
    return this.isGivenUp && this.size === 0 ? 0 : this.placeOf(key);
  }

  /** What `#` gives. */
  get luaLength(): number {
    return this.kind === "array" && this.length > 0 ? this.length : this.border;
  }
}

let dataOf: (handle: TableHandle) => TableData;

/**
 * What stands for a table outside of its state.
 *
 * @internal
 */
export class TableHandle extends External {
  readonly #data: TableData;

  static {
    dataOf = (handle) => handle.#data;
  }

  /** Constructs what stands for a table. */
  constructor(data: TableData) {
    super();
    if (!TableData.is(data)) {
      throw new TypeError("Cannot construct an ExternalTable: code or the host makes them in a unit");
    }
    this.#data = data;
  }
}

/** The table that a handle stands for. */
export function tableOf(handle: TableHandle): TableData {
  return dataOf(handle);
}

/** What was there before a change. */
interface Undo {
  readonly table: TableData;
  /** `undefined`: its kind and length were changed. */
  readonly key: StoredKey | undefined;
  readonly value: Stored | undefined;
  /** Whether the key had a place, if perhaps an empty one. */
  readonly hasPlace: boolean;
  readonly kind: TableKind;
  readonly length: number;
  readonly border: number;
}

/** Where the entries of a table stand. */
interface Places {
  /** Length of the list. */
  readonly listLength: number;
  readonly keys: readonly StoredKey[];
}

/** What is asked before a table is read or changed: it may throw. */
export interface Watch {
  /** Before a key is read; without one, all keys, or how many there are. */
  read(table: TableData, key?: StoredKey): void;
  /**
   * Before a key is changed; without one, what the table is. Whether the transaction whose code runs, if any, hasn't
   * changed it yet: then what was there is to be noted.
   */
  write(table: TableData, key?: StoredKey): boolean;
  /** So it was noted. */
  noted(before: Stored | undefined): void;
  /** Before keys of a table come to other places: whoever has changed it and may take that back notes where they are. */
  move(table: TableData): void;
  /** What is noted takes so much, estimated; tables aside. */
  readonly bytes: number;
  /** The tables that are noted: they may be put back. That is work. */
  tables(): Iterable<TableData>;
  /** Whether anything has changed that is kept, whatever open transactions end with, and that `withoutOpen` hasn't shown. */
  readonly hasKept: boolean;
  /** Calls a function while the state is as it would be without what open transactions have changed. */
  withoutOpen<T>(look: () => T): T;
}

/** Changes since a moment, for {@linkcode State.rollBack}. */
export class Journal {
  /** In the order in which they were made: the first of each key, and of what each table is. */
  readonly changes: Undo[] = [];
  /** Where entries of tables stood before they came to other places. */
  readonly places: Map<TableData, Places> = new Map();

  /** Notes where the entries of a table stand, unless that is noted; what that takes, in bytes. */
  notePlaces(table: TableData): number {
    if (this.places.has(table)) return 0;
    this.places.set(table, { listLength: table.list.length, keys: table.keys.slice() });
    return 8 * table.keys.length;
  }
}

/** Number of the table `_home`, in every state. */
export const HOME_ID = 2;

/** The first number of other tables. */
export const FIRST_ID = 16;

/** From here on are numbers of tables that the host knew before they were saved: no other process gives the same. */
export const FIRST_OWN_ID: number = 2 ** 52;

/** Number of the table of what was saved of a unit's `_io`. */
export const SAVED_IO_ID = 3;

/** All tables that one `_home` reaches, and those that are not, or not yet, reached. */
export class State {
  /**
   * What its tables take of memory, in bytes, estimated: also those that are gone since it was last counted. Infinity
   * where it is to be counted.
   */
  bytes: number = TABLE_BYTES;
  /** What empty places take likewise, which wait for other keys: those that were given up since are in it, too. */
  spare = 0;
  /** Places of tables that were looked at to find others, since who pays for that has set it to 0. */
  work = 0;
  /** The table `_home`. */
  readonly home: TableData;
  /** What was saved of a unit's `_io`, by field: no code sees it, and nothing but a save and a load changes it. */
  savedIo: TableData;
  /** The number of the next table. */
  nextId: number = FIRST_ID;
  /** Tables that `_home` reaches and that are to be saved. */
  readonly dirty: Set<TableData> = new Set();
  /** Tables that `_home` reached when it was saved, and doesn't any more. Not by number: others may have that, too. */
  readonly dropped: Set<TableData> = new Set();
  /** Called after the host has changed a table. */
  onChange: ((table: TableData) => void) | undefined;
  /** Called where `_home` comes to reach a table with a metatable, or doesn't reach it any more. */
  onReach: ((table: TableData, isReached: boolean) => void) | undefined;
  /** Where changes are noted, while the code of a transaction runs. */
  journal: Journal | undefined;
  /** Asked before a table is read or changed, while any transaction is open. */
  transactions: Watch | undefined;
  /** Finds a table that was loaded, or saved, by its number. */
  findSaved: ((id: number) => TableData | undefined) | undefined;
  /** Whether a table was loaded, or saved; where nothing is, none was. */
  isSaved: ((table: TableData) => boolean) | undefined;
  /** Called before the host gets to know a table's number, where tables are saved. */
  beforeExposed: ((table: TableData) => void) | undefined;
  /** Called after `_home` was loaded. */
  onLoad: (() => void) | undefined;
  /** Tables that the host knows the numbers of, by those. */
  readonly exposed: Map<number, WeakRef<TableData>> = new Map();
  #exposedMax = EXPOSED_MIN;
  /** Tables with references, of which each has lost one: those that still have it may be reached by nothing else. */
  readonly #lost = new Set<TableData>();
  #lostMax = LOST_MIN;

  /** Constructs an empty state. */
  constructor() {
    this.home = new TableData(this, HOME_ID);
    this.home.references = 1;
    this.savedIo = this.#newSavedIo();
    this.dirty.add(this.home);
  }

  #newSavedIo(): TableData {
    const table = new TableData(this, SAVED_IO_ID);
    table.references = 1;
    return table;
  }

  /** The host knows a table's number from now on. */
  expose(table: TableData): void {
    this.exposed.set(table.id, new WeakRef(table));
    if (this.exposed.size <= this.#exposedMax) return;
    for (const [id, reference] of this.exposed) if (reference.deref() === undefined) this.exposed.delete(id);
    this.#exposedMax = Math.max(EXPOSED_MIN, 2 * this.exposed.size);
  }

  /** A table is to be saved, though nothing in it has changed. */
  touch(table: TableData): void {
    this.#markDirty(table);
  }

  /** Makes an empty table. */
  create(kind?: TableKind): TableData {
    const table = new TableData(this, this.nextId++);
    table.kind = kind;
    this.bytes += TABLE_BYTES;
    return table;
  }

  /** What tables take more once a key has a value. */
  growth(table: TableData, key: StoredKey, value: Stored): number {
    const before = table.get(key);
    const entry = before === undefined ? ENTRY_BYTES + bytesOf(key) : -bytesOf(before);
    return entry + bytesOf(value);
  }

  /** Sets a key to a value, or with `undefined` takes it away. */
  set(table: TableData, key: StoredKey, value: Stored | undefined): void {
    // A typed array becomes another kind of table, so that nobody else may change it.
    if (this.transactions !== undefined && isTyped(table.kind) && this.transactions.write(table)) {
      this.#note(table, undefined, undefined);
    }
    const isNew = this.transactions?.write(table, key) === true;
    const before = table.get(key);
    if (isNew) this.#note(table, key, before);
    if (before === undefined && value === undefined) return;
    this.#put(table, key, before, value);
  }

  /** Notes what is there before a change, for who takes it back: once for each key. */
  #note(table: TableData, key: StoredKey | undefined, value: Stored | undefined): void {
    const { kind, length, border } = table;
    const hasPlace = value !== undefined || key === undefined || table.placeOf(key) >= 0;
    this.journal!.changes.push({ table, key, value, hasPlace, kind, length, border });
    this.transactions!.noted(value);
  }

  /** Sets a key of a table that is being made: that is no change which anyone could take back. */
  add(table: TableData, key: StoredKey, value: Stored | undefined): void {
    if (value !== undefined) this.#put(table, key, table.get(key), value);
  }

  /** Says what a table that is being made becomes. */
  addKind(table: TableData, kind: TableKind, length = 0): void {
    this.bytes += ENTRY_BYTES * (length - table.length);
    table.kind = kind;
    table.length = length;
  }

  /** The same, by the host: what Lua has of the table is void. */
  change(table: TableData, key: StoredKey, value: Stored | undefined): void {
    this.set(table, key, value);
    this.onChange?.(table);
  }

  /** Takes all entries of a table away. */
  clear(table: TableData): void {
    for (let place = table.placeCount - 1; place >= 0; place--) {
      if (table.valueAt(place) !== undefined) this.set(table, table.keyAt(place), undefined);
    }
    this.mark(table, undefined);
  }

  /** Says what a table becomes in JavaScript; an array may have a length beyond its last element. */
  mark(table: TableData, kind: TableKind, length = 0): void {
    if (table.kind === kind && table.length === length) return;
    if (this.transactions?.write(table)) this.#note(table, undefined, undefined);
    this.bytes += ENTRY_BYTES * (length - table.length);
    table.kind = kind;
    table.length = length;
    this.#markDirty(table);
  }

  /** Takes back the changes that a journal has. */
  rollBack(journal: Journal): void {
    const { changes, places } = journal;
    this.#undo(changes.reverse(), true);
    for (const [table, known] of places) this.#moveBack(table, known);
    for (const { table } of changes) this.onChange?.(table);
    changes.length = 0;
    places.clear();
  }

  /**
   * Calls a function while the changes of some journals, the last of which is taken back first, aren't made. No code
   * runs meanwhile, so that what Lua has of tables is true again afterwards.
   */
  without<T>(journals: readonly Journal[], look: () => T): T {
    const borders = new Map<TableData, number>();
    for (const { changes } of journals) for (const { table } of changes) borders.set(table, table.border);
    const made = journals.toReversed().map(({ changes }) => this.#undo(changes.toReversed(), true));
    const moved = new Map<TableData, Pick<TableData, "list" | "keys" | "values" | "listSize">>();
    for (const { places } of journals.toReversed()) {
      for (const [table, known] of places) {
        const { list, keys, values, listSize } = table;
        if (!moved.has(table)) moved.set(table, { list, keys, values, listSize });
        this.#moveBack(table, known);
      }
    }
    try {
      return look();
    } finally {
      for (const [table, contents] of moved) this.#rearrange(table, contents);
      for (const changes of made.reverse()) this.#undo(changes.reverse(), false);
      // A table with holes has several.
      for (const [table, border] of borders) this.#moveBorder(table, border);
    }
  }

  /**
   * Sets to what was there before changes, in their order; answers what undoes that, in the same order.
   *
   * @param drops Whether to give up places that weren't there, as far as they come last.
   */
  #undo(changes: readonly Undo[], drops: boolean): Undo[] {
    const { journal } = this;
    this.journal = undefined;
    const undone: Undo[] = [];
    const left = new Map<TableData, Set<unknown>>();
    for (const { table, key, value, hasPlace, kind, length, border } of changes) {
      const now = key === undefined ? undefined : table.get(key);
      const { kind: kindNow, length: lengthNow, border: borderNow } = table;
      undone.push({ table, key, value: now, hasPlace: true, kind: kindNow, length: lengthNow, border: borderNow });
      this.bytes += ENTRY_BYTES * (length - table.length);
      if (key !== undefined && (value !== undefined || now !== undefined)) this.#put(table, key, now, value);
      if (drops && !hasPlace && !this.#dropPlace(table, key!)) {
        if (!left.has(table)) left.set(table, new Set());
        left.get(table)!.add(indexed(key!));
      }
      table.kind = kind;
      table.length = length;
      if (table.canEndAt(border)) this.#moveBorder(table, border);
      this.#markDirty(table);
    }
    // Of a key that was taken away first, and then set, the place came after those of others.
    for (const [table, keys] of left) this.#dropPlaces(table, keys);
    this.journal = journal;
    return undone;
  }

  /** Gives up the place of a key that is empty, if it is a last one; whether there is none any more. */
  #dropPlace(table: TableData, key: StoredKey): boolean {
    const { list, keys } = table;
    if (isPosition(key) && key <= list.length) {
      if (key < list.length || list[key - 1] !== undefined) return false;
      list.pop();
      this.#markPage(table, 2 * pageOf(list.length));
    } else {
      const place = table.find(key);
      if (place >= 0 && (place < keys.length - 1 || table.values[place] !== undefined)) return false;
      if (place < 0) return true;
      table.dropLast();
      this.#markPage(table, 2 * pageOf(keys.length) + 1);
    }
    return true;
  }

  /** Gives up the last places, as far as they are those of some keys, and empty. */
  #dropPlaces(table: TableData, dropped: Set<unknown>): void {
    const { list, keys } = table;
    while (list.length > 0 && dropped.has(list.length) && this.#dropPlace(table, list.length));
    while (keys.length > 0 && dropped.has(indexed(keys.at(-1)!)) && this.#dropPlace(table, keys.at(-1)!));
  }

  /** Brings the keys of a table back to where they stood; those that have come since, and stay, follow. */
  #moveBack(table: TableData, { listLength, keys: known }: Places): void {
    const list = Array.from({ length: listLength }, (_, i) => table.get(i + 1));
    while (list.length > 0 && list[list.length - 1] === undefined) list.pop();
    // The next element stands in the list, and so do those after it, unless it stood among the other keys before.
    const isApart = table.kind === "map" || table.kind === "set" || known.includes(list.length + 1);
    for (let key = list.length + 1; !isApart && table.get(key) !== undefined; key++) list.push(table.get(key));
    const [keys, values]: [StoredKey[], Stored[]] = [[], []];
    const done = new Set<unknown>();
    const add = (key: StoredKey) => {
      const value = key === key && !(isPosition(key) && key <= list.length) ? table.get(key) : undefined;
      if (value === undefined || done.has(indexed(key))) return;
      done.add(indexed(key));
      keys.push(key);
      values.push(value);
    };
    known.forEach(add);
    for (let place = 0; place < table.placeCount; place++) add(table.keyAt(place));
    this.#rearrange(table, { list, keys, values, listSize: countOf(list) });
  }

  #rearrange(table: TableData, contents: Pick<TableData, "list" | "keys" | "values" | "listSize">): void {
    // What pages there were before is to be saved, too: some may be empty now.
    this.#markAll(table);
    Object.assign(table, contents);
    table.index();
    this.#markAll(table);
  }

  /**
   * Puts a table that was loaded in the place of `_home`, and one in that of what was saved of `_io`: all that
   * they hold is saved already. What `_home` held before isn't of the state any more, though code may have it.
   */
  replaceHome(loaded: TableData, savedIo: TableData | undefined, nextId: number): void {
    const { home } = this;
    this.#giveUp(home);
    this.#giveUp(this.savedIo);
    this.#giveUpLost();
    const { kind, list, keys, values, size, listSize, border, length } = loaded;
    Object.assign(home, { kind, list, keys, values, size, listSize, border, length });
    home.index();
    this.nextId = Math.max(this.nextId, nextId);
    this.#countReferences(home);
    if (savedIo !== undefined) this.#countReferences(savedIo);
    this.savedIo = savedIo ?? this.#newSavedIo();
    this.bytes = Infinity; // counted before the next write
    this.dirty.clear();
    this.dropped.clear();
    this.onChange?.(home);
  }

  /**
   * Begins again with an empty `_home`, which is to be saved. Numbers of tables begin at random: those of a state of the
   * same name that was deleted, which others may still know, are none of them.
   */
  empty(): void {
    const [first] = crypto.getRandomValues(new Uint32Array(1));
    this.replaceHome(new TableData(this, HOME_ID), undefined, FIRST_ID + first);
    this.#markDirty(this.home);
  }

  /** Sets `_home` and what it reaches to something else, of which nothing is to be saved. */
  begin(fill: () => void): void {
    this.#giveUp(this.home);
    this.#giveUpLost();
    fill();
    this.bytes = Infinity; // counted before the next write
    this.#countReferences(this.home);
    this.dirty.clear();
    this.dropped.clear();
  }

  /** Of all tables that one reaches, nothing is to be saved any more. */
  #giveUp(table: TableData): void {
    const waiting = [table];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (next.references === 0) continue;
      next.references = 0;
      if (next.hasMetatable) this.onReach?.(next, false);
      forEachTable(next, (held) => waiting.push(held));
    }
  }

  #giveUpLost(): void {
    for (const table of this.#lost) this.#giveUp(table);
    this.#lost.clear();
  }

  /** Counts the references of tables that were loaded. */
  #countReferences(home: TableData): void {
    const waiting = [home];
    let places = 0;
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (next.references++ > 0) continue;
      next.isDirty = false;
      next.dirtyPages.clear();
      places += next.placeCount;
      forEachTable(next, (held) => waiting.push(held));
    }
    this.#lostMax = Math.max(this.#lostMax, places / PLACES_PER_LOST);
  }

  /**
   * Counts what tables take that are reached from some; that is work.
   *
   * @param spareMax What their empty places may take; where it is more, they are given up, first those of empty tables.
   */
  count(roots: Iterable<TableData>, spareMax: number): void {
    this.dropLost();
    const reached = new Set<TableData>([this.home, ...roots]);
    // Keys of empty places: nobody else may have them.
    const unused = new Set<TableData>();
    this.bytes = this.spare = 0;
    // Those that are met on the way are added to what is gone through.
    for (const table of reached) this.#count(table, reached, unused);
    const { bytes } = this;
    for (const table of unused) if (!reached.has(table)) this.#count(table, unused, unused);
    this.spare += this.bytes - bytes;
    this.bytes = bytes;
    for (const next of ["of empty tables", "but for one", "all"]) {
      if (this.spare <= spareMax) return;
      for (const table of reached) {
        if (table.size === table.placeCount || (table.size === 0) !== (next === "of empty tables")) continue;
        this.#giveUpEmpty(table, next === "but for one" ? table.emptied : -1);
      }
    }
  }

  #count(table: TableData, held: Set<TableData>, unused: Set<TableData>): void {
    this.work += 1 + table.placeCount;
    this.bytes += TABLE_BYTES + ENTRY_BYTES * table.length;
    for (let place = 0; place < table.placeCount; place++) {
      const value = table.valueAt(place);
      const key = table.keyAt(place);
      if (value === undefined) {
        this.spare += ENTRY_BYTES + bytesOf(key);
        if (TableData.is(key)) unused.add(key);
        continue;
      }
      this.bytes += ENTRY_BYTES + bytesOf(key) + bytesOf(value);
      if (TableData.is(key)) held.add(key);
      if (TableData.is(value)) held.add(value);
    }
  }

  /**
   * Gives up empty places, though a traversal may be at one: it ends where the table is empty, and else fails.
   *
   * @param kept A place that stays.
   */
  #giveUpEmpty(table: TableData, kept: number): void {
    const before = emptyBytes(table);
    const { length } = table.list;
    this.#moveTogether(table, kept - length);
    this.#tidyList(table, kept < length ? kept : -1);
    this.spare += emptyBytes(table) - before;
    table.isGivenUp = true;
    this.onChange?.(table);
  }

  #put(table: TableData, key: StoredKey, before: Stored | undefined, value: Stored | undefined): void {
    this.bytes += bytesOf(value) - bytesOf(before);
    if ((before === undefined) !== (value === undefined)) {
      this.bytes += (value === undefined ? -1 : 1) * (ENTRY_BYTES + bytesOf(key));
    }
    if (value !== undefined) this.#store(table, key, before, value);
    else this.#take(table, key, before);
    if (isTyped(table.kind)) {
      table.kind = "array";
      this.#markDirty(table);
    }
    if (table.references === 0) return;
    if (TableData.is(value)) this.#attach(value);
    if (TableData.is(before)) this.#detach(before);
    if (TableData.is(key) && (before === undefined) !== (value === undefined)) {
      if (value === undefined) this.#detach(key);
      else this.#attach(key);
    }
    if (this.#lost.size > this.#lostMax) this.dropLost();
  }

  #store(table: TableData, key: StoredKey, before: Stored | undefined, value: Stored): void {
    const { list } = table;
    if (isPosition(key)) {
      if (key <= list.length) {
        list[key - 1] = value;
        if (before === undefined) table.listSize++;
        return this.#stored(table, key, before, 2 * pageOf(key - 1));
      }
      // Of a Map and a Set the keys keep their order: none stands in the list.
      if (key === list.length + 1 && table.kind !== "map" && table.kind !== "set" && table.find(key) < 0) {
        this.#tidyList(table);
        if (key === table.list.length + 1) return this.#append(table, key, value);
      }
    }
    const known = table.find(key);
    const place = known < 0 ? this.#newPlace(table, key) : known;
    table.values[place] = value;
    this.#stored(table, key, before, 2 * pageOf(place) + 1);
  }

  #stored(table: TableData, key: StoredKey, before: Stored | undefined, page: number): void {
    this.#markPage(table, page);
    if (before === undefined) table.size++;
    if (table.length > 0 && key === table.length + 1) table.length = lastFrom(table, table.length + 1, isThere);
    if (key === table.border + 1 && !isNil(table.get(key))) this.#moveBorder(table, lastFrom(table, key, isValue));
    else if (key === table.border && isNil(table.get(key))) this.#lowerBorder(table);
  }

  #lowerBorder(table: TableData): void {
    let { border } = table;
    while (border > 0 && isNil(table.get(border))) border--;
    this.#moveBorder(table, border);
  }

  /** It is saved, as of a table with holes it doesn't follow from the entries. */
  #moveBorder(table: TableData, border: number): void {
    table.border = border;
    this.#markDirty(table);
  }

  /** A place after the last of the list; what follows may stand among the other keys. */
  #append(table: TableData, key: number, value: Stored): void {
    const isFollowed = table.keys.length > 0 && table.find(key + 1) >= 0;
    if (isFollowed) this.transactions?.move(table);
    table.list.push(value);
    table.listSize++;
    this.#markDirty(table);
    this.#stored(table, key, undefined, 2 * pageOf(key - 1));
    if (!isFollowed) return;
    let next = table.list.length + 1;
    for (let place = table.find(next); place >= 0; place = table.find(++next)) {
      this.#moveToList(table, next, place);
    }
  }

  #moveToList(table: TableData, key: number, place: number): void {
    const value = table.values[place];
    table.values[place] = undefined;
    table.unlist(key, place);
    if (value !== undefined) table.listSize++;
    table.list.push(value);
    this.#markPage(table, 2 * pageOf(key - 1));
    this.#markPage(table, 2 * pageOf(place) + 1);
  }

  #newPlace(table: TableData, key: StoredKey): number {
    const { keys, values } = table;
    const inUse = table.size - table.listSize;
    if (keys.length >= PLACES_MIN && inUse * 2 < keys.length) this.#moveTogether(table);
    this.#markDirty(table);
    keys.push(key);
    values.push(undefined);
    table.noteLast(key);
    return keys.length - 1;
  }

  /** Gives up the empty places of other keys, but for one. */
  #moveTogether(table: TableData, kept = -1): void {
    const { keys, values } = table;
    this.transactions?.move(table);
    let count = 0;
    for (let i = 0; i < keys.length; i++) {
      if (values[i] === undefined && i !== kept) continue;
      keys[count] = keys[i];
      values[count++] = values[i];
    }
    this.#markAll(table);
    keys.length = values.length = count;
    table.index();
  }

  /**
   * Gives up a list that is mostly empty, as of a queue: its elements become other entries, before those there are.
   *
   * @param kept A place that stays, though it is empty.
   */
  #tidyList(table: TableData, kept = -1): void {
    const { list } = table;
    if (list.length > kept + 1 && list[list.length - 1] === undefined) {
      this.transactions?.move(table);
      while (list.length > kept + 1 && list[list.length - 1] === undefined) list.pop();
      // The page in which it ends now holds fewer places.
      this.#markPage(table, 2 * pageOf(list.length));
    }
    if (list.length < PLACES_MIN || table.listSize * 2 >= list.length) return;
    this.transactions?.move(table);
    const keys: StoredKey[] = [];
    const values: (Stored | undefined)[] = [];
    for (let i = 0; i < list.length; i++) {
      if (list[i] === undefined && i !== kept) continue;
      keys.push(i + 1);
      values.push(list[i]);
    }
    const contents = { list: [], keys: keys.concat(table.keys), values: values.concat(table.values), listSize: 0 };
    this.#rearrange(table, contents);
  }

  #take(table: TableData, key: StoredKey, before: Stored | undefined): void {
    if (before === undefined) return;
    this.spare += ENTRY_BYTES + bytesOf(key);
    if (isPosition(key) && key <= table.list.length) {
      table.emptied = key - 1;
      table.list[key - 1] = undefined;
      table.listSize--;
      this.#markPage(table, 2 * pageOf(key - 1));
    } else {
      const place = table.find(key);
      table.emptied = table.list.length + place;
      table.values[place] = undefined;
      this.#markPage(table, 2 * pageOf(place) + 1);
    }
    table.size--;
    if (table.length > 0 && key === table.length) this.#shorten(table);
    if (key === table.border) this.#lowerBorder(table);
  }

  /** As in Lua, code that takes the last element away makes an array shorter. */
  #shorten(table: TableData): void {
    table.length--;
    this.#markDirty(table);
  }

  #markPage(table: TableData, page: number): void {
    table.dirtyPages.add(page);
    if (table.references > 0) this.dirty.add(table);
  }

  #markDirty(table: TableData): void {
    table.isDirty = true;
    if (table.references > 0) this.dirty.add(table);
  }

  #markAll(table: TableData): void {
    for (let i = 0; i <= pageOf(table.list.length); i++) table.dirtyPages.add(2 * i);
    for (let i = 0; i <= pageOf(table.keys.length); i++) table.dirtyPages.add(2 * i + 1);
    this.#markDirty(table);
  }

  /** One more reference from what is to be saved; a new table brings those that it holds. */
  #attach(table: TableData): void {
    const waiting = [table];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (next.references++ > 0) continue;
      this.work += next.placeCount;
      this.dropped.delete(next);
      this.#markAll(next);
      if (next.hasMetatable) this.onReach?.(next, true);
      forEachTable(next, (held) => waiting.push(held));
    }
  }

  /** One reference less. Tables that only refer to each other stay, until they are looked for. */
  #detach(table: TableData): void {
    const waiting = [table];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (--next.references > 0) {
        this.#lost.add(next);
        continue;
      }
      this.#lost.delete(next);
      this.work += next.placeCount;
      this.#drop(next);
      forEachTable(next, (held) => waiting.push(held));
    }
  }

  /** A table isn't to be saved any more. */
  #drop(table: TableData): void {
    this.dirty.delete(table);
    if (this.isSaved?.(table) === true) this.dropped.add(table);
    if (table.hasMetatable) this.onReach?.(table, false);
  }

  /** Finds tables that have references from each other only: they aren't to be saved any more. That is work. */
  dropLost(): void {
    if (this.#lost.size === 0) return;
    // These, and all that they reach.
    const tables = Array.from(this.#lost);
    for (const table of tables) table.innerReferences = 0;
    const refer = (table: TableData) => {
      if (table.innerReferences++ >= 0) return;
      table.innerReferences = 1;
      tables.push(table);
    };
    let places = 0;
    // Those that are met on the way are added to what is gone through.
    for (const table of tables) {
      places += 1 + table.placeCount;
      forEachTable(table, refer);
    }
    // Those that others refer to, too, hold what they reach.
    const reached: TableData[] = [];
    const reach = (table: TableData) => {
      if (table.innerReferences < 0) return;
      table.innerReferences = -1;
      reached.push(table);
    };
    for (const table of tables) if (table.references > table.innerReferences) reach(table);
    if (reached.length < tables.length) {
      for (const table of reached) forEachTable(table, reach);
    }
    const leave = (table: TableData) => {
      if (table.innerReferences < 0) table.references--;
    };
    const unreached = tables.filter((table) => table.innerReferences >= 0);
    for (const table of unreached) forEachTable(table, leave);
    for (const table of unreached) {
      table.references = 0;
      table.innerReferences = -1;
      this.#drop(table);
    }
    // Each was gone through twice.
    this.work += 2 * places;
    this.#lost.clear();
    this.#lostMax = Math.max(LOST_MIN, places / PLACES_PER_LOST);
  }
}

/** What an entry takes of memory, about; and a table, and a value that is no number. */
export const ENTRY_BYTES = 64;
export const TABLE_BYTES = 256;
const BOX_BYTES = 32;

/** Bytes of a key or value besides its place. */
export function bytesOf(value: Stored | undefined): number {
  if (typeof value === "string") return BOX_BYTES + value.length;
  if (typeof value !== "object" || value === null || TableData.is(value)) return 0;
  if (value instanceof Uint8Array) return ARRAY_BYTES + value.length;
  return value instanceof LuaCode ? BOX_BYTES + value.code.length : BOX_BYTES;
}

/** Bytes that the empty places of a table take. */
function emptyBytes(table: TableData): number {
  let bytes = 0;
  for (let place = 0; place < table.placeCount; place++) {
    if (table.valueAt(place) === undefined) bytes += ENTRY_BYTES + bytesOf(table.keyAt(place));
  }
  return bytes;
}

/** Whether a value is nil to code. */
function isNil(value: Stored | undefined): boolean {
  return value === undefined || value === null;
}

const isThere = (value: Stored | undefined) => value !== undefined;
const isValue = (value: Stored | undefined) => !isNil(value);

/** The last of the keys from one on whose values are as they should be. */
function lastFrom(table: TableData, key: number, test: (value: Stored | undefined) => boolean): number {
  while (test(table.get(key + 1))) key++;
  return key;
}

/** How many places have a value. */
export function countOf(values: readonly (Stored | undefined)[]): number {
  return values.reduce((count: number, value) => value === undefined ? count : count + 1, 0);
}

function pageOf(place: number): number {
  return Math.floor(place / PAGE_ENTRIES);
}

/** Calls a function with each table that one holds, as often as it holds it. */
function forEachTable(table: TableData, call: (held: TableData) => void): void {
  for (const value of table.list) if (TableData.is(value)) call(value);
  for (let i = 0; i < table.keys.length; i++) {
    const value = table.values[i];
    if (value === undefined) continue;
    if (TableData.is(value)) call(value);
    const key = table.keys[i];
    if (TableData.is(key)) call(key);
  }
}

/** Refuses what can't be a key of an external table. */
export function refuseKey(what: string): Refusal {
  return new Refusal(TypeError, `${what} cannot be a key of an external table`);
}
