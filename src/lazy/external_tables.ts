/**
 * External tables that one unit sees: their numbers, and answers to what Lua asks and tells of them
 * (`zig/views/external.zig`).
 *
 * @module
 */

import type { Decoder } from "../bridge/decode.ts";
import { DamagedFunction, type ExternalNumbers } from "../bridge/encode.ts";
import type { Instance } from "../runtime/instance.ts";
import { VIEW_OP, WIRE } from "../runtime/wire.ts";
import { Storing } from "../state/stored.ts";
import {
  bytesOf,
  ENTRY_BYTES,
  type State,
  type Stored,
  type StoredKey,
  TABLE_BYTES,
  TableData,
  TableHandle,
  type TableKind,
  tableOf,
} from "../state/tables.ts";
import { type Transaction, Transactions } from "../state/transactions.ts";
import { isBytes } from "../values/kinds.ts";
import { Refusal } from "../values/refusals.ts";
import type { ViewEncoder } from "./encode_views.ts";
import type { Views } from "./views.ts";

/** Entries that are looked at in one call: it isn't interrupted. */
const ENTRIES_MAX = 4096;

/** What tells of more than one entry. */
const READS_ALL: ReadonlySet<number> = new Set([
  VIEW_OP.ELEMENTS,
  VIEW_OP.ENTRIES,
  VIEW_OP.POSITION,
  VIEW_OP.BORDER,
  VIEW_OP.ALL,
  VIEW_OP.MARK,
]);

/** Looking at so many places of a table costs a step. */
const PLACES_PER_STEP = 2;

/** What a table is marked as (`external.Kind`). */
const KINDS: readonly TableKind[] = ["array", "map", "object"];

/** Code has stored more than it may: the cause of the error that users get, of kind "memory". */
export class StateLimitError extends RangeError {
  /** Constructs the error of a limit in bytes. */
  constructor(limit: number) {
    super(`Cannot store a value: external tables take more than the ${limit} bytes of stateLimit`);
  }
}

/** What Lua stores with tables that have no numbers yet. */
interface Pending {
  readonly table: TableData;
  readonly key: StoredKey;
  readonly value: Stored | undefined;
  /** Of each container of the message its table; none of a date. */
  readonly tables: readonly (TableData | undefined)[];
  /** Numbers that were given for it. */
  readonly given: number[];
  /** Tables that views of inputs are to stand for, once it is stored; with the views' numbers. */
  readonly covers: [number: number, table: TableData][];
}

/** The external tables of a unit. */
export class ExternalTables implements ExternalNumbers {
  readonly #instance: Instance;
  readonly #encoder: ViewEncoder;
  readonly #decoder: Decoder;
  readonly #views: Views;
  #state: State;
  readonly #made: Map<number, TableData>;
  #pending: Pending | undefined;
  #transactions: Transactions | undefined;
  readonly #stateLimit: number;
  /** What tables may take before it is looked whether they may have more. */
  #bytesAllowed: number;

  /**
   * Constructs the external tables of a unit, and makes the `_home` of a new one known.
   *
   * @param made Those that the host has made: they stay until it lets go of them.
   * @param stateLimit The most that code may make them take, in bytes.
   */
  constructor(
    instance: Instance,
    encoder: ViewEncoder,
    decoder: Decoder,
    views: Views,
    state: State,
    made: Map<number, TableData>,
    stateLimit: number,
  ) {
    this.#instance = instance;
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.#views = views;
    this.#state = state;
    this.#made = made;
    encoder.externals = this;
    this.#bytesAllowed = this.#stateLimit = stateLimit;
    this.#watch();
    this.#findMade();
    this.add(state.home);
  }

  #watch(): void {
    this.#state.onChange = (table) => this.#forget(table);
    this.#state.onReach = (table, isReached) => this.#pin(table, isReached);
    this.#state.onLoad = () => this.#findMade();
  }

  /** What the host has made and saved is what was loaded of it. */
  #findMade(): void {
    for (const id of this.#made.keys()) {
      const saved = this.#state.findSaved?.(id);
      if (saved !== undefined) this.#made.set(id, saved);
    }
  }

  #pin(table: TableData, isReached: boolean): void {
    if (table.view === 0 || this.#instance.broken !== undefined) return;
    this.#instance.exports.pin_external(table.view, isReached ? 1 : 0);
  }

  #forget(table: TableData): void {
    if (table.view === 0 || this.#instance.broken !== undefined) return;
    this.#instance.exports.forget_external(table.view);
  }

  /**
   * Runs what keeps all its changes to tables, or none where it throws.
   *
   * @throws {ConflictError} If another transaction has changed what this one has read.
   */
  transact<T>(body: () => T): T {
    const transaction = this.begin();
    try {
      const result = this.runIn(transaction, body);
      this.commit(transaction);
      return result;
    } catch (error) {
      this.rollBack(transaction);
      throw error;
    }
  }

  /** Begins a transaction, for code that may wait. */
  begin(): Transaction {
    this.#transactions ??= new Transactions(this.#state);
    return this.#transactions.begin();
  }

  /** Runs a part of the code of a transaction. */
  runIn<T>(transaction: Transaction, body: () => T): T {
    // What Lua has of tables tells nobody that it is read.
    this.#forgetAll();
    try {
      return this.#transactions!.run(transaction, body);
    } finally {
      this.#forgetAll();
    }
  }

  /**
   * Whether it can be ended so that its changes are kept.
   *
   * @throws {ConflictError} If something that it has read was changed since.
   */
  check(transaction: Transaction): void {
    this.#transactions!.check(transaction);
  }

  /** Ends it: all its changes are kept. */
  commit(transaction: Transaction): void {
    this.#transactions!.commit(transaction);
  }

  /** Ends it: none of its changes is kept. */
  rollBack(transaction: Transaction): void {
    this.#transactions!.rollBack(transaction);
  }

  #forgetAll(): void {
    if (this.#instance.broken === undefined) this.#instance.exports.forget_external(0);
  }

  /** Whether a transaction hasn't ended. */
  get hasTransactions(): boolean {
    return this.#state.transactions !== undefined;
  }

  /** In a copy, whose `_home` may hold other tables: Lua has nothing of them, and lets go of those that are gone. */
  forgetOthers(tables: Iterable<TableData>): void {
    this.#forgetAll();
    for (const table of tables) if (table.hasMetatable) this.#pin(table, table.references > 0);
  }

  /** The unit is gone: another may have these tables. */
  letGo(): void {
    this.#views.letGo();
    this.#state.onChange = this.#state.onReach = this.#state.onLoad = undefined;
  }

  add(given: object): number {
    const table = given instanceof TableHandle ? this.#own(given) : given as TableData;
    if (table.view !== 0) return table.view;
    return -this.#give(table);
  }

  /** A table that is of this unit. */
  #own(given: TableHandle): TableData {
    const table = tableOf(given);
    if (table.state === this.#state) return table;
    throw new Refusal(TypeError, "a table of another unit cannot be passed");
  }

  #give(table: TableData): number {
    return this.#views.addExternal(table);
  }

  remove(number: number): void {
    this.#views.remove(number);
  }

  /** Answers what Lua asks of an external table; a negative answer is a status. */
  answer(op: number, table: TableData, first: number, count: number): number {
    if (READS_ALL.has(op)) this.#read(table);
    switch (op) {
      case VIEW_OP.FIELD:
        this.#encoder.encodeStored(this.#valueOf(table, this.#key(first, count)));
        return 0;
      case VIEW_OP.ELEMENTS:
        return this.#readAhead(count, (limit) => this.#elements(table, first, limit));
      case VIEW_OP.ENTRIES:
        return this.#readAhead(count, (limit) => this.#entries(table, first, limit));
      case VIEW_OP.POSITION: {
        const key = this.#key(first, count);
        return key === undefined ? 0 : table.placeInTraversal(key) + 1;
      }
      case VIEW_OP.BORDER:
        return table.luaLength;
      case VIEW_OP.ALL:
        this.#encoder.encodeStoredTable(table);
        return 0;
      case VIEW_OP.STORE:
        return this.#store(table, first, count);
      case VIEW_OP.ADOPT:
        return this.#adopt(first, count);
      case VIEW_OP.COMMIT:
        return this.#commit();
      case VIEW_OP.MARK:
        return this.#mark(table, first, count);
      case VIEW_OP.PIN:
        table.hasMetatable = first !== 0;
        return table.references > 0 ? 1 : 0;
      default:
        return this.#nonsense();
    }
  }

  /** Answers with a new table. */
  create(): number {
    this.#checkLimit(TABLE_BYTES);
    this.#encoder.encodeStored(this.#state.create());
    return 0;
  }

  #nonsense(): never {
    this.#instance.fault("what makes no sense about an external table");
  }

  #valueOf(table: TableData, key: StoredKey | undefined): Stored | undefined {
    if (key === undefined) return undefined;
    this.#read(table, key);
    return table.get(key);
  }

  #read(table: TableData, key?: StoredKey): void {
    const { transactions } = this.#state;
    if (transactions === undefined) return;
    transactions.read(table, key);
    // A traversal may be about to go on at a place: none is given up.
    if (this.#bytes > this.#bytesAllowed) this.#checkLimit(0, Infinity);
  }

  /** What tables take, and what open transactions have noted. */
  get #bytes(): number {
    const { bytes, transactions } = this.#state;
    return transactions === undefined ? bytes : bytes + transactions.bytes;
  }

  /** The key that Lua asks for, which stands in the buffer; undefined where no table can have it. */
  #key(words: number, heapBytes: number): StoredKey | undefined {
    const [key, ...others] = this.#decoder.decode(words, heapBytes, true) as unknown[];
    if (key === undefined || others.length > 0) return this.#nonsense();
    if (typeof key === "object" && !(TableData.is(key)) && !isBytes(key)) return undefined;
    return key as StoredKey;
  }

  /** Reads no further than the first one, where there is a damaged function among those that follow. */
  #readAhead(count: number, read: (limit: number) => number): number {
    try {
      return read(count);
    } catch (error) {
      if (!(error instanceof DamagedFunction) || count === 1) throw error;
      return read(1);
    }
  }

  #elements(table: TableData, first: number, count: number): number {
    const last = Math.min(table.list.length, first + count);
    let position = first;
    return this.#encoder.encodeStoredPage(1, (write) => {
      if (position >= last) return position - first;
      write(table.list[position]);
      return ++position - first;
    });
  }

  /** Answers the place after the entries that were written, or were empty. */
  #entries(table: TableData, first: number, limit: number): number {
    let place = first;
    let count = 0;
    // After each entry.
    const ends: number[] = [];
    const last = Math.min(table.placeCount, first + ENTRIES_MAX);
    const written = this.#encoder.encodeStoredPage(2, (write) => {
      while (place < last && count < limit) {
        const value = table.valueAt(place);
        if (value !== undefined && value !== null) {
          // Both throw where the page is full: then the entry is the first of the next one.
          write(table.keyAt(place));
          write(value);
          ends.push(++place);
          return ++count;
        }
        place++;
      }
      return count;
    });
    return written < ends.length ? ends[written - 1] : place;
  }

  #store(table: TableData, first: number, heapBytes: number): number {
    this.#abandon();
    const words = first & (1 << WIRE.WORDS_BITS) - 1;
    this.#decoder.keepLast(first >>> WIRE.WORDS_BITS);
    const { values, containers, marks } = this.#decoder.decodeExact(words, heapBytes);
    if (values.length !== 2) this.#nonsense();
    const [key, value] = values;
    if (containers.length === 0 && typeof value !== "object" && typeof key !== "object") {
      return this.#put(table, key as StoredKey, value as Stored);
    }
    const storing = new Storing(this.#state, marks);
    const storedKey = storing.key(key, "store a value");
    const stored = value === null ? undefined : storing.value(value, "store a value", "value");
    if (storing.tables.size === 0) return this.#put(table, storedKey, stored);
    const tables = containers.map((container) => storing.tables.get(container));
    this.#pending = { table, key: storedKey, value: stored, tables, given: [], covers: [] };
    return WIRE.ADOPT_BASE - containers.length;
  }

  #put(table: TableData, key: StoredKey, value: Stored | undefined): number {
    if (value !== undefined) this.#checkEntry(table, key, value);
    this.#state.set(table, key, value);
    this.#pay();
    // In a transaction, each look at the border is to be heard of.
    return this.#state.transactions === undefined ? table.luaLength : WIRE.BORDER_UNKNOWN;
  }

  #checkEntry(table: TableData, key: StoredKey, value: Stored): void {
    // A bound, for which the table isn't asked.
    const most = ENTRY_BYTES + bytesOf(key) + bytesOf(value);
    if (this.#bytes + most > this.#bytesAllowed || this.#state.spare > this.#stateLimit) {
      this.#checkLimit(this.#state.growth(table, key, value));
    }
  }

  /**
   * Throws where tables take more than they may with so much more, once those that are gone are left out.
   *
   * @param spareMax As of `State.count`: less than the limit, so that it isn't reached again at once.
   */
  #checkLimit(more: number, spareMax = this.#stateLimit / 2): void {
    const limit = this.#stateLimit;
    if (this.#bytes + more <= this.#bytesAllowed && this.#state.spare <= limit) return;
    this.#instance.checkTime();
    this.#count(spareMax);
    if (this.#bytes + more > limit) {
      this.#instance.exports.make_room();
      this.#count(spareMax);
    }
    const bytes = this.#bytes + more;
    if (bytes > limit) throw new StateLimitError(limit);
    // Counting takes as long as there are tables: only after a part of what is left.
    this.#bytesAllowed = bytes + (limit - bytes) / 2;
    if (this.#bytesAllowed - bytes < limit / 64) this.#bytesAllowed = limit;
  }

  #count(spareMax: number): void {
    this.#state.count(this.#roots(), spareMax);
    this.#pay();
  }

  /** Tables that the host has made, that open transactions may put back, and that Lua has, or is about to have. */
  *#roots(): Generator<TableData> {
    yield* this.#made.values();
    yield* this.#state.transactions?.tables() ?? [];
    yield* this.#views.externals();
    for (const [, table] of this.#pending?.covers ?? []) yield table;
  }

  /** Forgets what was to be stored, where it didn't come to it. */
  #abandon(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    for (const number of pending?.given ?? []) this.remove(number);
  }

  #adopt(first: number, count: number): number {
    const pending = this.#pending ?? this.#nonsense();
    const { tables } = pending;
    if (count > WIRE.ADOPTED_MAX || first + count > tables.length) this.#nonsense();
    const { words } = this.#instance;
    const numbers = new Uint32Array(words.buffer, words.byteOffset, count);
    for (let i = 0; i < count; i++) {
      const table = tables[first + i];
      const known = numbers[i] & ~WIRE.HAS_METATABLE;
      if (table !== undefined) table.hasMetatable = numbers[i] >= WIRE.HAS_METATABLE;
      numbers[i] = table === undefined ? 0 : this.#numberFor(table, known, pending);
    }
    return 0;
  }

  #numberFor(table: TableData, known: number, { given, covers }: Pending): number {
    if (known === 0) given.push(this.#give(table));
    // A view of an input keeps its number; it stays a view until nothing can fail any more.
    else covers.push([known, table]);
    return known === 0 ? table.view : known;
  }

  #commit(): number {
    const { table, key, value, covers } = this.#pending ?? this.#nonsense();
    let border: number;
    try {
      border = this.#put(table, key, value);
    } catch (error) {
      this.#abandon();
      throw error;
    }
    this.#pending = undefined;
    for (const [number, covered] of covers) if (!this.#views.cover(number, covered)) this.#nonsense();
    return border;
  }

  #mark(table: TableData, kind: number, length: number): number {
    if (kind >= KINDS.length) this.#nonsense();
    const isArray = KINDS[kind] === "array";
    this.#checkLimit(isArray ? length * ENTRY_BYTES : 0);
    this.#state.work += table.placeCount;
    if (isArray) this.#cut(table, length);
    this.#state.mark(table, KINDS[kind], isArray && length !== table.border ? length : 0);
    this.#pay();
    return table.luaLength;
  }

  /** Lets code pay for work that depends on how much there is. */
  #pay(): void {
    const { work } = this.#state;
    this.#state.work = 0;
    if (work >= PLACES_PER_STEP) this.#instance.exports.spend_steps(Math.floor(work / PLACES_PER_STEP));
  }

  /** Takes away elements beyond a length. */
  #cut(table: TableData, length: number): void {
    for (let place = table.placeCount - 1; place >= 0; place--) {
      const key = table.keyAt(place);
      if (typeof key !== "number" || !Number.isInteger(key) || key <= length) continue;
      if (table.valueAt(place) !== undefined) this.#state.set(table, key, undefined);
    }
  }
}
