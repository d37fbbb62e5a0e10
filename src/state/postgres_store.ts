/**
 * A store in PostgreSQL, by the package `npm:postgres`: for many machines.
 *
 * @example Usage
 * ```ts ignore
 * import postgres from "npm:postgres@3.4.9";
 * import { PostgresStore } from "@computeunit/cu/stores/postgres";
 *
 * await using store = await PostgresStore.open(postgres("postgres://user@host/database"));
 * const value = new TextEncoder().encode("hello");
 * await store.commit([{ key: "a", revision: undefined }], [{ key: "a", value }]);
 * ```
 *
 * @module
 */

import { ASYNC_DISPOSE } from "../values/dispose.ts";
import { describe } from "../values/kinds.ts";
import { checkOptions, isNumber, isString, NO_OPTIONS, rulesOf } from "../values/options.ts";
import { BackOff } from "./back_off.ts";
import {
  checkCommit,
  checkKey,
  endOfPrefix,
  newRevision,
  type Store,
  type StoreChange,
  type StoreCheck,
  type StoreEntry,
  type StoreLimits,
} from "./store.ts";

export type { Store, StoreChange, StoreCheck, StoreEntry, StoreLimits };

/** What runs queries: what a store needs of a transaction of the package `postgres`. */
export interface PostgresQueries {
  /** Runs a query with parameters `$1` and so on. */
  unsafe(query: string, parameters?: (string | null | Uint8Array)[]): PromiseLike<Record<string, unknown>[]>;
}

/** What a store needs of the package's `sql`. */
export interface PostgresSql extends PostgresQueries {
  /** Runs a transaction, which is rolled back where the function is rejected. */
  begin(use: (sql: PostgresQueries) => Promise<unknown>): Promise<unknown>;
  /** Closes the connections. */
  end(options?: { timeout?: number }): Promise<void>;
}

/** Options of {@linkcode PostgresStore.open}. */
export interface PostgresStoreOptions {
  /**
   * Name of the table, which is made where it isn't there: small letters, digits and `_`.
   *
   * @default {"cu_store"}
   */
  table?: string;
  /**
   * How long to try again where the server can't be reached, such as while it is restarted, in milliseconds.
   *
   * @default {10000}
   */
  timeout?: number;
}

const OPTIONS = rulesOf<PostgresStoreOptions>({
  table: {
    is: isString,
    what: "a string",
    isInRange: (name) => /^[a-z_][a-z0-9_]{0,62}$/.test(name as string),
    range: "of small letters, digits and _",
  },
  timeout: { is: isNumber, what: "a number of milliseconds", isInRange: (ms) => (ms as number) >= 0, range: "from 0" },
});

const TABLE_DEFAULT = "cu_store";
const TIMEOUT_DEFAULT_MS = 10_000;
const FIRST_WAIT_MS = 5;
const MOST_WAIT_MS = 500;

/** What a value of PostgreSQL's holds as text of the protocol, with room. */
const VALUE_BYTES_MAX = 64 * 1024 * 1024;

/** A query has 65,535 parameters at most, and a message 1 GiB. */
const ROWS_AT_ONCE = 500;
const BYTES_AT_ONCE = 64 * 1024 * 1024;
const KEYS_AT_ONCE = 1000;

/** Of the connection: it wasn't made, or broke. */
const CONNECTION_CODES =
  /^(ECONN\w+|EPIPE|ENOENT|ETIMEDOUT|CONNECT_TIMEOUT|CONNECTION_(CLOSED|DESTROYED)|57P0[123]|08\w{3})$/;

/** Of the server, which undid the transaction for the sake of another. */
const UNDONE_CODES = /^40(001|P01)$/;

/** Of the server, where another process makes the table at the same time. */
const MADE_ELSEWHERE_CODES = /^(23505|42P07)$/;

/** Rolls a transaction back whose checks don't hold. */
const CHECK_FAILED = new Error("a check failed");

/** The packages of runtimes; by name, so that nobody loads them who doesn't use them. */
const PACKAGE = "Deno" in globalThis ? "npm:postgres@3.4.9" : "postgres";

async function connect(url: string): Promise<PostgresSql> {
  let open: (url: string, options: object) => PostgresSql;
  try {
    ({ default: open } = await import(PACKAGE));
  } catch (cause) {
    throw new Error(`Cannot open a PostgresStore: the package ${PACKAGE} can't be loaded`, { cause });
  }
  return open(url, { max: CONNECTIONS_MAX, onnotice: () => {} });
}

const CONNECTIONS_MAX = 4;

/** A store in a table of a PostgreSQL database, which any number of processes may use at once. */
export class PostgresStore implements Store {
  /** What the store can't exceed. */
  readonly limits: StoreLimits = { valueBytes: VALUE_BYTES_MAX };
  #sql: PostgresSql | undefined;
  #isOwn: boolean;
  #table: string;
  #timeoutMs: number;

  private constructor(sql: PostgresSql, isOwn: boolean, options: PostgresStoreOptions) {
    this.#sql = sql;
    this.#isOwn = isOwn;
    this.#table = options.table ?? TABLE_DEFAULT;
    this.#timeoutMs = options.timeout ?? TIMEOUT_DEFAULT_MS;
  }

  /**
   * Opens a store, and makes its table where it isn't there.
   *
   * @param sql What the package `postgres` gives, which {@linkcode close} leaves open; or the URL of a
   * database, for which the package is loaded: `npm:postgres` in Deno, elsewhere `postgres`, which must be
   * installed.
   * @param options The table, and how long to try again.
   * @returns The store.
   * @throws {TypeError} If an option is unknown, or of the wrong kind.
   * @throws {RangeError} If an option is out of range.
   * @throws {Error} If the server can't be reached, or refuses.
   */
  static async open(
    sql: PostgresSql | string | URL,
    options: PostgresStoreOptions = NO_OPTIONS,
  ): Promise<PostgresStore> {
    checkOptions("open a PostgresStore", options, OPTIONS);
    const isUrl = typeof sql === "string" || sql instanceof URL;
    const connections = isUrl ? await connect(String(sql)) : sql;
    if (typeof connections?.unsafe !== "function" || typeof connections.begin !== "function") {
      throw new TypeError(`Cannot open a PostgresStore: it needs the package's sql, or a URL, got ${describe(sql)}`);
    }
    const store = new PostgresStore(connections, isUrl, options);
    try {
      await store.#whenThere((sql) => store.#makeTable(sql));
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  }

  async #makeTable(sql: PostgresQueries): Promise<void> {
    // Asked before, as who may only use the table can't make one.
    const [row] = await sql.unsafe("SELECT to_regclass($1) IS NOT NULL AS has", [this.#table]);
    if (row.has) return;
    const columns = `key text COLLATE "C" PRIMARY KEY, value bytea NOT NULL, revision text NOT NULL`;
    try {
      await sql.unsafe(`CREATE TABLE ${this.#table} (${columns})`);
    } catch (error) {
      if (!MADE_ELSEWHERE_CODES.test(codeOf(error))) throw error;
    }
  }

  /**
   * Reads a key.
   *
   * @param key The key.
   * @returns Its value and revision; undefined where there is none.
   * @throws {TypeError} If the key is none, or the store is closed.
   * @throws {Error} If the server can't be reached, or refuses.
   */
  async get(key: string): Promise<StoreEntry | undefined> {
    checkKey("read from a store", key);
    const query = `SELECT value, revision FROM ${this.#table} WHERE key = $1`;
    const [row] = await this.#whenThere((sql) => sql.unsafe(query, [key]));
    // The package's own bytes may lie in a buffer that others share.
    return row && { value: new Uint8Array(row.value as Uint8Array), revision: String(row.revision) };
  }

  /**
   * Makes all changes if all checks hold, and else none. Where the connection is lost while the server
   * makes them, it is rejected, and they may have been made.
   *
   * @param checks What must hold.
   * @param changes What is changed.
   * @returns The revision that all keys have now that were set; undefined where a check doesn't hold.
   * @throws {TypeError} If a key or value is none, a key is given twice, or the store is closed.
   * @throws {RangeError} If a value exceeds 64 MiB.
   * @throws {Error} If the server can't be reached, or refuses.
   */
  async commit(checks: readonly StoreCheck[], changes: readonly StoreChange[]): Promise<string | undefined> {
    checkCommit(this.limits, checks, changes);
    let isComplete = false;
    const revision = newRevision();
    const attempt = async (sql: PostgresSql): Promise<string | undefined> => {
      isComplete = false;
      try {
        await sql.begin(async (queries) => {
          await this.#check(queries, checks);
          await this.#change(queries, revision, changes, keysToRemove(checks, changes));
          isComplete = true;
        });
        return revision;
      } catch (error) {
        if (error === CHECK_FAILED) return undefined;
        throw error;
      }
    };
    // Once COMMIT has been sent, nobody knows; before, the server has undone it.
    return await this.#whenThere(attempt, () => !isComplete);
  }

  /** Reads what is checked, and locks it until the end of the transaction: what isn't there, by a row. */
  async #check(sql: PostgresQueries, checks: readonly StoreCheck[]): Promise<void> {
    const present = checks.filter(({ revision }) => revision !== undefined);
    const absent = checks.filter(({ revision }) => revision === undefined);
    if (absent.length > 0) {
      const query = `INSERT INTO ${this.#table} (key, value, revision) SELECT key, '', '' FROM ` +
        `${KEYS_OF_1} AS key ORDER BY key COLLATE "C" ON CONFLICT DO NOTHING RETURNING key`;
      const made = await sql.unsafe(query, [keyList(absent)]);
      if (made.length < absent.length) throw CHECK_FAILED;
    }
    if (present.length > 0) {
      const query = `SELECT key, revision FROM ${this.#table} WHERE key IN (SELECT ${KEYS_OF_1}) ` +
        "ORDER BY key FOR UPDATE";
      const rows = await sql.unsafe(query, [keyList(present)]);
      const revisions = new Map(rows.map(({ key, revision }) => [key, revision]));
      if (present.some(({ key, revision }) => revisions.get(key) !== revision)) throw CHECK_FAILED;
    }
  }

  async #change(
    sql: PostgresQueries,
    revision: string,
    changes: readonly StoreChange[],
    removed: StoreChange[],
  ): Promise<void> {
    if (removed.length > 0) {
      await sql.unsafe(`DELETE FROM ${this.#table} WHERE key IN (SELECT ${KEYS_OF_1})`, [keyList(removed)]);
    }
    for (const batch of batchesOf(changes)) {
      const rows = batch.map((_, i) => `($${2 * i + 2}, $${2 * i + 3}::bytea, $1)`);
      const query = `INSERT INTO ${this.#table} (key, value, revision) VALUES ${rows.join(", ")} ` +
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision";
      await sql.unsafe(query, [revision, ...batch.flatMap(({ key, value }) => [key, value!])]);
    }
  }

  /**
   * Lists keys, in the order of their UTF-8 bytes.
   *
   * @param prefix What they begin with.
   * @returns The keys. What is changed meanwhile may be there or not.
   */
  async *list(prefix: string): AsyncGenerator<string> {
    const query = `SELECT key FROM ${this.#table} WHERE key >= $1 AND ($2::text IS NULL OR key < $2) ` +
      `ORDER BY key LIMIT ${KEYS_AT_ONCE}`;
    const end = endOfPrefix(prefix) ?? null;
    let first = prefix;
    for (;;) {
      const rows = await this.#whenThere((sql) => sql.unsafe(query, [first, end]));
      const keys = rows.map(({ key }) => String(key));
      // The one that the last rows ended with comes again.
      yield* keys.filter((key) => key !== first || first === prefix);
      if (keys.length < KEYS_AT_ONCE) return;
      first = keys.at(-1)!;
    }
  }

  /** Closes the connections if {@linkcode open} opened them. */
  async close(): Promise<void> {
    const sql = this.#sql;
    this.#sql = undefined;
    if (this.#isOwn) await sql?.end({ timeout: 5 });
  }

  /** Does what {@linkcode close} does, at the end of `await using`. */
  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }

  /** Does what a server that is restarted or another transaction may prevent, again and again. */
  async #whenThere<T>(use: (sql: PostgresSql) => PromiseLike<T>, isUndone = () => true): Promise<T> {
    const backOff = new BackOff(FIRST_WAIT_MS, MOST_WAIT_MS);
    const since = performance.now();
    for (;;) {
      if (this.#sql === undefined) throw new TypeError("Cannot use a store: it is closed");
      try {
        return await use(this.#sql);
      } catch (error) {
        const code = codeOf(error);
        const comesAgain = UNDONE_CODES.test(code) || CONNECTION_CODES.test(code) && isUndone();
        if (!comesAgain || performance.now() - since >= this.#timeoutMs) throw error;
      }
      await backOff.next();
    }
  }
}

/** The keys of the first parameter. Not as an array, whose types the package may not have been told. */
const KEYS_OF_1 = "json_array_elements_text($1::text::json)";

function keyList(list: readonly { readonly key: string }[]): string {
  return JSON.stringify(list.map(({ key }) => key).sort());
}

/** What isn't to be there in the end: what is deleted, and rows of checks that nothing is put into. */
function keysToRemove(checks: readonly StoreCheck[], changes: readonly StoreChange[]): StoreChange[] {
  const set = new Set(changes.filter(({ value }) => value !== undefined).map(({ key }) => key));
  const absent = checks.filter(({ revision }) => revision === undefined).map(({ key }) => ({ key, value: undefined }));
  return [...absent, ...changes].filter(({ key }) => !set.has(key)).map(({ key }) => ({ key, value: undefined }));
}

/** What is set, in parts that a query can have, ordered so that two transactions can't wait for each other. */
function batchesOf(changes: readonly StoreChange[]): StoreChange[][] {
  const batches: StoreChange[][] = [];
  let bytes = Infinity;
  const set = changes.filter(({ value }) => value !== undefined).sort((a, b) => a.key < b.key ? -1 : 1);
  for (const change of set) {
    bytes += change.value!.length;
    if (bytes > BYTES_AT_ONCE || batches.at(-1)!.length === ROWS_AT_ONCE) {
      batches.push([]);
      bytes = change.value!.length;
    }
    batches.at(-1)!.push(change);
  }
  return batches;
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? "");
}
