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

/** What a store needs of the package's `sql`. */
export interface PostgresSql {
  /** Runs a query with parameters `$1` and so on. */
  unsafe(query: string, parameters?: (string | null | Uint8Array)[]): PromiseLike<Record<string, unknown>[]>;
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
  table?: string | undefined;
  /**
   * How long to try again where the server can't be reached, such as while it is restarted, in milliseconds.
   *
   * @default {30000}
   */
  timeout?: number | undefined;
}

const OPTIONS = rulesOf<PostgresStoreOptions>({
  table: {
    is: isString,
    what: "a string",
    // The function that stands beside it has a longer name, of 63 at most.
    isInRange: (name) => /^[a-z_][a-z0-9_]{0,49}$/.test(name as string),
    range: "up to 50 small letters, digits and _",
  },
  timeout: { is: isNumber, what: "a number of milliseconds", isInRange: (ms) => (ms as number) >= 0, range: "from 0" },
});

const TABLE_DEFAULT = "cu_store";
const TIMEOUT_DEFAULT_MS = 30_000;
const FIRST_WAIT_MS = 5;
const MOST_WAIT_MS = 500;

/** All values of a commit are one parameter, in hexadecimal, and a message has 1 GiB at most. */
const COMMIT_BYTES_MAX = 256 * 1024 * 1024;
const VALUE_BYTES_MAX = 64 * 1024 * 1024;

const KEYS_AT_ONCE = 1000;

/** Of the connection: it couldn't be made. */
const UNREACHED_CODES = /^(ECONNREFUSED|ENOENT|EHOSTUNREACH|ETIMEDOUT|CONNECT_TIMEOUT|57P03|08001)$/;
/** It broke: whether a query was run isn't known. */
const BROKEN_CODES = /^(ECONNRESET|EPIPE|CONNECTION_(CLOSED|DESTROYED|ENDED)|57P0[12]|08\w{3})$/;
/** Of the server, which undid the query for the sake of another. */
const UNDONE_CODES = /^40(001|P01)$/;
/** Where another process makes the table, its type or the function at the same time. */
const MADE_ELSEWHERE_CODES = /^(23505|42P07|42710|42723)$/;
/** Of the function that commits: a check doesn't hold. */
const CHECK_FAILED_CODE = "CU001";

const CONNECTIONS_MAX = 4;
const CONNECT_SECONDS_MAX = 10;
const RECONNECT_SECONDS = 0.1;

/** The packages of runtimes; by name, so that nobody loads them who doesn't use them. */
const PACKAGE = "Deno" in globalThis ? "npm:postgres@3.4.9" : "postgres";

/** Loads the package: what it gives opens connections. */
async function loadPackage(url: string): Promise<() => PostgresSql> {
  let open: (url: string, options: object) => PostgresSql;
  try {
    ({ default: open } = await import(PACKAGE));
  } catch (cause) {
    throw new Error(`Cannot open a PostgresStore: the package ${PACKAGE} can't be loaded`, { cause });
  }
  // The package's own pauses before it connects again become ever longer; the store has some already.
  const backoff = () => RECONNECT_SECONDS;
  // Types of arrays, which the store has none of: a connection that breaks while they are fetched is an error that
  // nobody can catch.
  const fetch_types = false;
  const onnotice = () => {};
  return () =>
    open(url, { max: CONNECTIONS_MAX, connect_timeout: CONNECT_SECONDS_MAX, backoff, fetch_types, onnotice });
}

/** The function that commits, by the name of the table. */
function functionOf(table: string): string {
  return `${table}_commit_1`;
}

/**
 * The definition of that function. As it is one query, no connection is kept for a transaction, which the
 * package doesn't survive where the connection breaks (its issue 1208).
 *
 * What is to be absent is kept by a row, and what is to be there by a lock, so that who comes second waits and
 * sees then what the first one has made of it.
 */
function definitionOf(table: string): string {
  return `CREATE FUNCTION ${functionOf(table)}(checks text, changes text, bytes bytea, made text) RETURNS void AS $body$
DECLARE
  found integer;
BEGIN
  INSERT INTO ${table} (key, value, revision)
    SELECT c.key, '', '' FROM json_to_recordset(checks::json) AS c(key text, revision text)
    WHERE c.revision IS NULL ORDER BY c.key COLLATE "C" ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS found = ROW_COUNT;
  found = found + (SELECT count(*) FROM (
    SELECT t.key FROM ${table} t JOIN json_to_recordset(checks::json) AS c(key text, revision text)
    ON t.key = c.key AND t.revision = c.revision ORDER BY t.key FOR UPDATE OF t) AS present);
  IF found < json_array_length(checks::json) THEN
    RAISE EXCEPTION 'a check failed' USING ERRCODE = '${CHECK_FAILED_CODE}';
  END IF;
  DELETE FROM ${table} t USING json_to_recordset(changes::json) AS c(key text, size integer)
    WHERE t.key = c.key AND c.size IS NULL;
  INSERT INTO ${table} (key, value, revision)
    SELECT c.key, substring(bytes FROM c.start FOR c.size), made
    FROM json_to_recordset(changes::json) AS c(key text, start integer, size integer)
    WHERE c.size IS NOT NULL ORDER BY c.key COLLATE "C"
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision;
END
$body$ LANGUAGE plpgsql`;
}

/** A store in a table of a PostgreSQL database, which any number of processes may use at once. */
export class PostgresStore implements Store {
  /** What the store can't exceed. */
  readonly limits: StoreLimits = { valueBytes: VALUE_BYTES_MAX, commitBytes: COMMIT_BYTES_MAX };
  #sql: PostgresSql | undefined;
  /** Opens connections, where they are the store's own. */
  #connect: (() => PostgresSql) | undefined;
  #table: string;
  #timeoutMs: number;

  private constructor(sql: PostgresSql, connect: (() => PostgresSql) | undefined, options: PostgresStoreOptions) {
    this.#sql = sql;
    this.#connect = connect;
    this.#table = options.table ?? TABLE_DEFAULT;
    this.#timeoutMs = options.timeout ?? TIMEOUT_DEFAULT_MS;
  }

  /**
   * Opens a store. It makes a table where it isn't there, and beside it a function, by which a commit is one
   * query: `cu_store_commit_1`.
   *
   * @param sql What the package `postgres` gives, which {@linkcode close} leaves open; or the URL of a
   * database, for which the package is loaded: `npm:postgres` in Deno, elsewhere `postgres`, which must be
   * installed. Where connections break, the store makes others only if they are its own. Give an `sql` of yours
   * the option `fetch_types: false`, unless other code of yours needs arrays: a server that stops while the
   * package fetches their types ends the process by a rejection that nobody can handle (postgres 3.4.9).
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
    const connect = isUrl ? await loadPackage(String(sql)) : undefined;
    const connections = connect?.() ?? sql as PostgresSql;
    if (typeof connections?.unsafe !== "function") {
      throw new TypeError(`Cannot open a PostgresStore: it needs the package's sql, or a URL, got ${describe(sql)}`);
    }
    const store = new PostgresStore(connections, connect, options);
    try {
      await store.#make();
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  }

  /** Makes what isn't there. It is asked for before, as who may only use it can't make any. */
  async #make(): Promise<void> {
    const name = functionOf(this.#table);
    const query = "SELECT to_regclass($1) IS NOT NULL AS table, to_regproc($2) IS NOT NULL AS function";
    const [has] = await this.#query(query, [this.#table, name]);
    const columns = `key text COLLATE "C" PRIMARY KEY, value bytea NOT NULL, revision text NOT NULL`;
    if (!has.table) await this.#makeOne(`CREATE TABLE ${this.#table} (${columns})`);
    if (!has.function) await this.#makeOne(definitionOf(this.#table));
  }

  async #makeOne(definition: string): Promise<void> {
    try {
      await this.#query(definition, []);
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
    const [row] = await this.#query(query, [key]);
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
   * @throws {RangeError} If a value exceeds 64 MiB, or all together 256 MiB.
   * @throws {Error} If the server can't be reached, or refuses.
   */
  async commit(checks: readonly StoreCheck[], changes: readonly StoreChange[]): Promise<string | undefined> {
    checkCommit(this.limits, checks, changes);
    const revision = newRevision();
    const query = `SELECT ${functionOf(this.#table)}($1::text, $2::text, $3::bytea, $4::text)`;
    const [list, bytes] = parametersOf(checks, changes);
    try {
      await this.#query(query, [JSON.stringify(checks), JSON.stringify(list), bytes, revision], false);
      return revision;
    } catch (error) {
      if (codeOf(error) === CHECK_FAILED_CODE) return undefined;
      throw error;
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
      const rows = await this.#query(query, [first, end]);
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
    if (this.#connect !== undefined) await sql?.end({ timeout: CLOSE_SECONDS_MAX });
  }

  /** Does what {@linkcode close} does, at the end of `await using`. */
  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }

  /**
   * Runs a query, again and again where the server can't be reached, or undid it.
   *
   * @param isRepeatable Whether it may be run twice: else it isn't run again where it may have been.
   */
  async #query(
    query: string,
    parameters: (string | null | Uint8Array)[],
    isRepeatable = true,
  ): Promise<Record<string, unknown>[]> {
    const backOff = new BackOff(FIRST_WAIT_MS, MOST_WAIT_MS);
    const since = performance.now();
    for (;;) {
      const sql = this.#sql;
      if (sql === undefined) throw closedError();
      try {
        return await sql.unsafe(query, parameters);
      } catch (error) {
        const code = codeOf(error);
        const isBroken = BROKEN_CODES.test(code);
        if (isBroken || UNREACHED_CODES.test(code)) this.#renew(sql);
        const comesAgain = UNDONE_CODES.test(code) || UNREACHED_CODES.test(code) || isBroken && isRepeatable;
        if (!comesAgain || performance.now() - since >= this.#timeoutMs) throw error;
      }
      await backOff.next();
    }
  }

  /** Takes new connections: some of the package's that break never work again (its issues 1154 and 1208). */
  #renew(broken: PostgresSql): void {
    if (this.#connect === undefined || this.#sql !== broken) return;
    this.#sql = this.#connect();
    broken.end({ timeout: 0 }).catch(() => {});
  }
}

const CLOSE_SECONDS_MAX = 5;

/** Changes as the function takes them: where each value stands in all bytes, from 1. */
function parametersOf(checks: readonly StoreCheck[], changes: readonly StoreChange[]): [unknown[], Uint8Array] {
  const set = new Set(changes.filter(({ value }) => value !== undefined).map(({ key }) => key));
  const bytes = new Uint8Array(changes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0));
  let at = 0;
  const list: { key: string; start?: number; size?: number }[] = changes.map(({ key, value }) => {
    if (value === undefined) return { key };
    bytes.set(value, at);
    at += value.length;
    return { key, start: at - value.length + 1, size: value.length };
  });
  // The row of a check that nothing is put into.
  for (const { key, revision } of checks) if (revision === undefined && !set.has(key)) list.push({ key });
  return [list, bytes];
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? "");
}
