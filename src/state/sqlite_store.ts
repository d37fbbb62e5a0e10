/**
 * A store in a file: SQLite, by `node:sqlite`, which Deno has, and Node from 22.13.
 *
 * @example Usage
 * ```ts
 * import { SqliteStore } from "@computeunit/cu/stores/sqlite";
 * import { assertEquals } from "@std/assert";
 *
 * const file = await Deno.makeTempFile();
 * await using store = await SqliteStore.open(file);
 * const value = new TextEncoder().encode("hello");
 * const revision = await store.commit([{ key: "a", revision: undefined }], [{ key: "a", value }]);
 * assertEquals(await store.get("a"), { value, revision });
 * ```
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { ASYNC_DISPOSE } from "../values/dispose.ts";
import { checkOptions, checkString, isNumber, isString, NO_OPTIONS, rulesOf } from "../values/options.ts";
import { BackOff } from "./back_off.ts";
import {
  checkCommit,
  checkKey,
  closedError,
  endOfPrefix,
  newRevision,
  type Store,
  type StoreChange,
  type StoreCheck,
  type StoreEntry,
  type StoreLimits,
} from "./store.ts";

export type { Store, StoreChange, StoreCheck, StoreEntry, StoreLimits };

/** Options of {@linkcode SqliteStore.open}. */
export interface SqliteStoreOptions {
  /**
   * What a commit outlasts. With `"normal"` all that a process can meet: a crash, an exception, SIGKILL;
   * where the machine loses power, the last commits may be missing, each as a whole. With `"full"` they
   * outlast that too, and each commit waits for the disk.
   *
   * @default {"normal"}
   */
  synchronous?: "normal" | "full" | undefined;
  /**
   * How long to wait for another process that writes, in milliseconds.
   *
   * @default {10000}
   */
  timeout?: number | undefined;
}

const OPTIONS = rulesOf<SqliteStoreOptions>({
  synchronous: {
    is: isString,
    what: "a string",
    isInRange: (value) => value === "normal" || value === "full",
    range: '"normal" or "full"',
  },
  timeout: { is: isNumber, what: "a number of milliseconds", isInRange: (ms) => (ms as number) >= 0, range: "from 0" },
});

const TIMEOUT_DEFAULT_MS = 10_000;

/** Before the next look whether another process is done: a commit takes less than a millisecond. */
const FIRST_WAIT_MS = 1;
const MOST_WAIT_MS = 50;

/** SQLite's own limit is 1,000,000,000 bytes. */
const VALUE_BYTES_MAX = 256 * 1024 * 1024;

const KEYS_AT_ONCE = 1000;

/** SQLite's code for what another process locks, in the lower byte of its error codes. */
const SQLITE_BUSY = 5;

// A value beyond a page of the file stands in pages of its own: rows by number, not by key.
const SCHEMA =
  "CREATE TABLE IF NOT EXISTS cu_store (key TEXT PRIMARY KEY, value BLOB NOT NULL, revision TEXT NOT NULL)";

interface Statements {
  get: StatementSync;
  revision: StatementSync;
  set: StatementSync;
  remove: StatementSync;
  list: StatementSync;
}

function prepare(database: DatabaseSync): Statements {
  return {
    get: database.prepare("SELECT value, revision FROM cu_store WHERE key = ?"),
    revision: database.prepare("SELECT revision FROM cu_store WHERE key = ?"),
    set: database.prepare(
      "INSERT INTO cu_store (key, value, revision) VALUES (?, ?, ?) " +
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision",
    ),
    remove: database.prepare("DELETE FROM cu_store WHERE key = ?"),
    list: database.prepare(
      `SELECT key FROM cu_store WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) ORDER BY key LIMIT ${KEYS_AT_ONCE}`,
    ),
  };
}

/** To SQLite, an empty path is a file that is gone when it is closed. */
function checkPath(path: unknown): void {
  if (path instanceof URL) return;
  checkString("open a SqliteStore", "path", path);
  if (path === "") throw new RangeError("Cannot open a SqliteStore: the path is empty");
}

async function loadSqlite(): Promise<typeof import("node:sqlite")> {
  try {
    return await import("node:sqlite");
  } catch (cause) {
    const needs = "this runtime has no node:sqlite, as Deno has, and Node from 22.13";
    throw new Error(`Cannot open a SqliteStore: ${needs}`, { cause });
  }
}

/**
 * A store in one SQLite file (and, while it is open, two beside it: `-wal` and `-shm`), which several
 * processes of one machine may use at once. Not for files on a network's file system.
 */
export class SqliteStore implements Store {
  /** What the store can't exceed. */
  readonly limits: StoreLimits = { valueBytes: VALUE_BYTES_MAX };
  #name: string;
  #timeoutMs: number;
  #database: DatabaseSync | undefined;
  #statements: Statements | undefined;

  private constructor(name: string, timeoutMs: number, database: DatabaseSync) {
    this.#name = name;
    this.#timeoutMs = timeoutMs;
    this.#database = database;
  }

  /**
   * Opens a file, or makes it. In Deno that needs `--allow-read` and `--allow-write` for it.
   *
   * The store has a table `cu_store` in it, and may share the file with tables of your own.
   *
   * @param path The file, as a path or file URL; `":memory:"` for a store without a file.
   * @param options What a commit outlasts, and how long to wait for others.
   * @returns The store.
   * @throws {TypeError} If the path is neither a string nor a URL, or an option is unknown, or of the wrong kind.
   * @throws {RangeError} If the path is empty, or an option is out of range.
   * @throws {Error} If the file can't be opened, is no SQLite database, or the runtime has no `node:sqlite`.
   */
  static async open(path: string | URL, options: SqliteStoreOptions = NO_OPTIONS): Promise<SqliteStore> {
    checkPath(path);
    checkOptions("open a SqliteStore", options, OPTIONS);
    const { DatabaseSync } = await loadSqlite();
    let database: DatabaseSync;
    try {
      const { fileURLToPath } = await import("node:url");
      // Node takes URLs from 22.15 on; a query tells SQLite how to open the file.
      database = new DatabaseSync(path instanceof URL && path.search === "" ? fileURLToPath(path) : path);
    } catch (cause) {
      throw failure("open", String(path), cause);
    }
    const store = new SqliteStore(String(path), options.timeout ?? TIMEOUT_DEFAULT_MS, database);
    await store.#begin(options.synchronous ?? "normal");
    return store;
  }

  async #begin(synchronous: string): Promise<void> {
    try {
      await this.#whenFree("open", (database) => {
        // What a schema of a stranger's file could run has no rights.
        database.exec(`PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA busy_timeout = 0`);
        database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; ${SCHEMA}`);
        this.#statements = prepare(database);
      });
    } catch (error) {
      this.#database?.close();
      throw error;
    }
  }

  /**
   * Reads a key.
   *
   * @param key The key.
   * @returns Its value and revision; undefined where there is none.
   * @throws {TypeError} If the key is none, or the store is closed.
   * @throws {Error} If SQLite can't read it, such as from a damaged file.
   */
  async get(key: string): Promise<StoreEntry | undefined> {
    checkKey("read from a store", key);
    const row = await this.#whenFree("read", (_, { get }) => get.get(key));
    if (row === undefined) return undefined;
    const { value, revision } = row;
    if (!(value instanceof Uint8Array) || typeof revision !== "string") {
      throw failure("read", this.#name, new TypeError("a row has no bytes"));
    }
    return { value, revision };
  }

  /**
   * Makes all changes if all checks hold, and else none. After a failure it is as before.
   *
   * @param checks What must hold.
   * @param changes What is changed.
   * @returns The revision that all keys have now that were set; undefined where a check doesn't hold.
   * @throws {TypeError} If a key or value is none, a key is given twice, or the store is closed.
   * @throws {RangeError} If a value exceeds 256 MiB.
   * @throws {Error} If SQLite can't write, such as to a full disk, or another process writes for too long.
   */
  async commit(checks: readonly StoreCheck[], changes: readonly StoreChange[]): Promise<string | undefined> {
    checkCommit(this.limits, checks, changes);
    return await this.#whenFree("write", (database, statements) => {
      database.exec("BEGIN IMMEDIATE");
      try {
        const holds = checks.every(({ key, revision }) => statements.revision.get(key)?.revision === revision);
        const revision = holds ? change(statements, changes) : undefined;
        database.exec(holds ? "COMMIT" : "ROLLBACK");
        return revision;
      } catch (error) {
        rollBack(database);
        throw error;
      }
    });
  }

  /**
   * Lists keys, in the order of their UTF-8 bytes.
   *
   * @param prefix What they begin with.
   * @returns The keys. What is changed meanwhile may be there or not.
   */
  async *list(prefix: string): AsyncGenerator<string> {
    const end = endOfPrefix(prefix) ?? null;
    let first = prefix;
    for (;;) {
      const rows = await this.#whenFree("list", (_, { list }) => list.all(first, end));
      const keys = rows.map(({ key }) => String(key));
      yield* keys;
      if (keys.length < KEYS_AT_ONCE) return;
      first = `${keys.at(-1)}\0`;
    }
  }

  /** Closes the file. */
  close(): Promise<void> {
    this.#database?.close();
    this.#database = this.#statements = undefined;
    return Promise.resolve();
  }

  /** Does what {@linkcode close} does, at the end of `await using`. */
  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }

  /** Does what another process may prevent, again and again; SQLite's own wait would hold up this one. */
  async #whenFree<T>(verb: string, use: (database: DatabaseSync, statements: Statements) => T): Promise<T> {
    const backOff = new BackOff(FIRST_WAIT_MS, MOST_WAIT_MS);
    const since = performance.now();
    for (;;) {
      if (this.#database === undefined) throw closedError();
      try {
        return use(this.#database, this.#statements!);
      } catch (error) {
        const isLate = performance.now() - since >= this.#timeoutMs;
        if (isLate || !isBusy(error)) throw failure(verb, this.#name, error);
      }
      await backOff.next();
    }
  }
}

function change({ set, remove }: Statements, changes: readonly StoreChange[]): string {
  const revision = newRevision();
  for (const { key, value } of changes) {
    if (value === undefined) remove.run(key);
    else set.run(key, value, revision);
  }
  return revision;
}

/** Ends a transaction that failed. Not where `isTransaction` says so, which Node has from 22.16 on only. */
function rollBack(database: DatabaseSync): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // SQLite has ended it already, as where the disk is full.
  }
}

function isBusy(error: unknown): boolean {
  const { errcode, message } = error as Error & { errcode?: number };
  // Deno's exec() tells no code.
  return errcode === undefined ? message === "database is locked" : (errcode & 0xff) === SQLITE_BUSY;
}

function failure(verb: string, name: string, cause: unknown): Error {
  return new Error(`Cannot ${verb} the store ${name}: ${(cause as Error).message}`, { cause });
}
