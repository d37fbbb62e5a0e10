/**
 * Transactions: changes to tables that are kept together, or not at all. Changes are made at once, and
 * taken back where a transaction fails; what one has changed nobody else may read or change before it
 * has ended, and what one has read nobody else may have changed when it ends.
 *
 * @module
 */

import { ConflictError } from "./conflict_error.ts";
import { bytesOf, indexed, Journal, type State, type Stored, type StoredKey, TableData } from "./tables.ts";

/** What a key takes that a transaction has read or changed, its value of before aside; estimated. */
function noteBytes(key: unknown): number {
  return 128 + (typeof key === "string" ? key.length : 0);
}

/** Keys of tables, as `indexed` gives them; `undefined` as a key stands for all keys of the table. */
class Keys {
  readonly #tables = new Map<TableData, Set<unknown>>();

  /** Adds a key; whether it is new. */
  add(table: TableData, key: unknown): boolean {
    const keys = this.#tables.get(table);
    if (keys === undefined) {
      this.#tables.set(table, new Set([key]));
      return true;
    }
    const { size } = keys;
    return keys.add(key).size > size;
  }

  /** Whether this very key was added. */
  includes(table: TableData, key: unknown): boolean {
    return this.#tables.get(table)?.has(key) === true;
  }

  clear(): void {
    this.#tables.clear();
  }

  /** Adds those that others have; what the new ones take. */
  addAll(others: Keys): number {
    let bytes = 0;
    for (const [table, keys] of others.#tables) {
      for (const key of keys) if (this.add(table, key)) bytes += noteBytes(key);
    }
    return bytes;
  }

  /** Whether it has a key, or all; for `undefined`, any. */
  has(table: TableData, key: unknown): boolean {
    const keys = this.#tables.get(table);
    return keys !== undefined && (key === undefined || keys.has(key) || keys.has(undefined));
  }

  /** Whether it has any that others have. */
  meets(others: Keys): boolean {
    for (const [table, keys] of this.#tables) {
      for (const key of keys) if (others.has(table, key)) return true;
    }
    return false;
  }
}

/** One transaction. */
export class Transaction {
  /** The one in which it stands: it keeps what this one keeps. */
  readonly outer: Transaction | undefined;
  /** What it has changed. */
  readonly journal: Journal = new Journal();
  /** The keys that it has read, and changed. */
  readonly reads: Keys = new Keys();
  readonly writes: Keys = new Keys();
  /** What it has noted takes so much. */
  bytes = 0;
  /** Something that it has read was changed since. */
  isOutdated = false;

  /** Constructs one that has just begun. */
  constructor(outer: Transaction | undefined) {
    this.outer = outer;
  }
}

/** The transactions of a state that have begun and not ended. */
export class Transactions {
  readonly #state: State;
  readonly #open = new Set<Transaction>();
  /** The one whose code runs. */
  #current: Transaction | undefined;
  hasKept = false;
  bytes = 0;

  /** Constructs the transactions of a state, which has none. */
  constructor(state: State) {
    this.#state = state;
  }

  /** Begins one, in the one whose code runs. */
  begin(): Transaction {
    const transaction = new Transaction(this.#current);
    if (this.#open.size === 0) this.hasKept = this.#state.dirty.size > 0 || this.#state.dropped.size > 0;
    this.#open.add(transaction);
    this.#state.transactions = this;
    return transaction;
  }

  /** Runs what belongs to a transaction, or to none. */
  run<T>(transaction: Transaction | undefined, body: () => T): T {
    const before = this.#current;
    this.#enter(transaction);
    try {
      return body();
    } finally {
      this.#enter(before);
    }
  }

  #enter(transaction: Transaction | undefined): void {
    this.#current = transaction;
    this.#state.journal = transaction?.journal;
  }

  /**
   * Whether one can be committed.
   *
   * @throws {ConflictError} If something that it has read was changed since; it is still open then.
   */
  check(transaction: Transaction): void {
    if (transaction.isOutdated) throw conflict();
  }

  /** Ends one, after `check`: its changes are kept. */
  commit(transaction: Transaction): void {
    this.check(transaction);
    this.#close(transaction);
    const { journal, reads, writes } = transaction;
    const outer = this.#openAround(transaction);
    // Others, or those beside it in the same one: what they have read is of before.
    for (const other of this.#open) {
      const isBeside = outer === undefined || other !== outer && isIn(other, outer);
      if (isBeside && other.reads.meets(writes) && !isIn(other, transaction)) other.isOutdated = true;
    }
    if (outer === undefined) {
      this.hasKept = true;
      return;
    }
    for (const change of journal.changes) {
      const known = change.key === undefined ? undefined : indexed(change.key);
      if (outer.writes.includes(change.table, known)) continue;
      outer.journal.changes.push(change);
      this.#take(outer, bytesOf(change.value));
    }
    for (const [table, places] of journal.places) {
      if (outer.journal.places.has(table)) continue;
      outer.journal.places.set(table, places);
      this.#take(outer, 8 * places.keys.length);
    }
    this.#take(outer, outer.reads.addAll(reads) + outer.writes.addAll(writes));
  }

  /** The innermost one around another that hasn't ended. */
  #openAround({ outer }: Transaction): Transaction | undefined {
    while (outer !== undefined && !this.#open.has(outer)) outer = outer.outer;
    return outer;
  }

  /** Ends one: its changes are taken back. */
  rollBack(transaction: Transaction): void {
    if (!this.#open.has(transaction)) return;
    // Those in it that wait stand on what is taken back.
    for (const inner of [...this.#open].reverse()) {
      if (inner === transaction || !isIn(inner, transaction)) continue;
      inner.isOutdated = true;
      inner.writes.clear();
      this.#state.rollBack(inner.journal);
    }
    this.#close(transaction);
    this.#state.rollBack(transaction.journal);
  }

  withoutOpen<T>(look: () => T): T {
    this.hasKept = false;
    return this.#state.without(Array.from(this.#open, ({ journal }) => journal), look);
  }

  #close(transaction: Transaction): void {
    if (this.#open.delete(transaction)) this.bytes -= transaction.bytes;
    if (this.#open.size === 0) this.#state.transactions = undefined;
  }

  /** Before a key is read; without one, all keys, or how many there are. */
  read(table: TableData, key?: StoredKey): void {
    const known = key === undefined ? undefined : indexed(key);
    this.#check(table, known);
    const current = this.#current;
    if (current?.reads.add(table, known)) this.#take(current, noteBytes(known));
  }

  /** Before a key is changed; without one, what the table is. */
  write(table: TableData, key?: StoredKey): boolean {
    const known = key === undefined ? undefined : indexed(key);
    this.#check(table, known);
    const current = this.#current;
    if (current !== undefined) {
      // Those that began in it go on later, with what they have read.
      for (const inner of this.#open) {
        if (inner !== current && inner.reads.has(table, known) && isIn(inner, current)) inner.isOutdated = true;
      }
      if (!current.writes.add(table, known)) return false;
      this.#take(current, noteBytes(known));
      return true;
    }
    // What belongs to no transaction is kept at once.
    this.hasKept = true;
    for (const other of this.#open) if (other.reads.has(table, known)) other.isOutdated = true;
    return false;
  }

  noted(before: Stored | undefined): void {
    this.#take(this.#current!, bytesOf(before));
  }

  move(table: TableData): void {
    for (const transaction of this.#open) {
      if (transaction.writes.has(table, undefined)) this.#take(transaction, transaction.journal.notePlaces(table));
    }
  }

  *tables(): Generator<TableData> {
    for (const { journal: { changes } } of this.#open) {
      for (const { table, key, value } of changes) {
        this.#state.work++;
        yield table;
        if (TableData.is(key)) yield key;
        if (TableData.is(value)) yield value;
      }
    }
  }

  #take(transaction: Transaction, bytes: number): void {
    transaction.bytes += bytes;
    this.bytes += bytes;
  }

  #check(table: TableData, key: unknown): void {
    for (const other of this.#open) {
      if (other.writes.has(table, key) && !this.#isAround(other)) throw conflict();
    }
    if (this.#current !== undefined) this.check(this.#current);
  }

  /** Whether a transaction is the one whose code runs, or one in which that stands. */
  #isAround(transaction: Transaction): boolean {
    return this.#current !== undefined && isIn(this.#current, transaction);
  }
}

/** Whether a transaction is another, or stands in it. */
function isIn(transaction: Transaction, other: Transaction): boolean {
  let at: Transaction | undefined = transaction;
  while (at !== undefined && at !== other) at = at.outer;
  return at !== undefined;
}

function conflict(): ConflictError {
  const message = "Cannot go on: a transaction has changed what is needed here";
  return new ConflictError(undefined, { message });
}
