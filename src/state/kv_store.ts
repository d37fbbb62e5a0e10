/**
 * A store over Deno KV: what `Deno.openKv` gives (`--unstable-kv`), and the package `npm:@deno/kv`.
 *
 * @example Usage
 * ```ts
 * import { KvStore } from "@computeunit/cu/stores/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using store = await KvStore.open(":memory:");
 * const value = new TextEncoder().encode("hello");
 * const revision = await store.commit([{ key: "a", revision: undefined }], [{ key: "a", value }]);
 * assertEquals(await store.get("a"), { value, revision });
 * ```
 *
 * @module
 */

import { ASYNC_DISPOSE } from "../values/dispose.ts";
import { describe } from "../values/kinds.ts";
import { BackOff } from "./back_off.ts";
import {
  checkCommit,
  checkKey,
  closedError,
  endOfPrefix,
  type Store,
  type StoreChange,
  type StoreCheck,
  type StoreEntry,
  type StoreLimits,
} from "./store.ts";

export type { Store, StoreChange, StoreCheck, StoreEntry, StoreLimits };

/** What a store needs of a `Deno.Kv`. */
export interface Kv {
  /** Reads a key. */
  get(key: string[]): Promise<{ value: unknown; versionstamp: string | null }>;
  /** Begins a commit. */
  atomic(): KvOperation;
  /** Lists entries. */
  list(
    selector: { prefix: string[]; start: string[] } | { start: string[]; end: string[] },
    options?: { batchSize?: number },
  ): AsyncIterable<{ key: readonly unknown[] }>;
  /** Closes it. */
  close(): void;
}

/** What a store needs of a `Deno.AtomicOperation`. */
export interface KvOperation {
  /** Adds what must hold. */
  check(check: { key: string[]; versionstamp: string | null }): unknown;
  /** Adds a change. */
  set(key: string[], value: Uint8Array): unknown;
  /** Adds a deletion. */
  delete(key: string[]): unknown;
  /** Makes them all, or none. */
  commit(): Promise<{ ok: true; versionstamp: string } | { ok: false }>;
}

/** First part of all keys, so that a database can have others. */
const PREFIX = "cu";

/** Deno KV has 819,200, of which encoded keys and each value take a few more bytes than they have. */
const COMMIT_BYTES_MAX = 780_000;

const KEYS_AT_ONCE = 100;

const VERSIONSTAMP = /^[0-9a-f]{20}$/;

/** How often to come again where another process writes to the file, and how long to wait at most. */
const BUSY_ATTEMPTS_MAX = 200;
const FIRST_WAIT_MS = 1;
const MOST_WAIT_MS = 50;

/** A store in a Deno KV database, beside what else is there: its keys begin with `"cu"`. */
export class KvStore implements Store {
  /** What the store can't exceed: Deno KV's own limits. */
  readonly limits: StoreLimits = { valueBytes: 65_536, checks: 100, changes: 1000, commitBytes: COMMIT_BYTES_MAX };
  #kv: Kv | undefined;
  #isOwn = false;

  /**
   * Makes a store over a database that is open, such as `await Deno.openKv()`.
   *
   * @param kv The database. {@linkcode close} leaves it open.
   * @throws {TypeError} If it is none.
   */
  constructor(kv: Kv) {
    if (typeof kv?.get !== "function" || typeof kv.atomic !== "function") {
      throw new TypeError(`Cannot make a KvStore: what it needs is a Deno.Kv, got ${describe(kv)}`);
    }
    this.#kv = kv;
  }

  /**
   * Opens a database by `Deno.openKv`, which needs `--unstable-kv` or `"unstable": ["kv"]`.
   *
   * @param path Its path, as `Deno.openKv` has it; by default that of the application.
   * @returns The store, which closes the database when it is closed.
   * @throws {Error} If there is no `Deno.openKv`, or it fails.
   */
  static async open(path?: string): Promise<KvStore> {
    const { openKv } = (globalThis as { Deno?: { openKv?: (path?: string) => Promise<Kv> } }).Deno ?? {};
    if (openKv === undefined) {
      const needs = "there is no Deno.openKv; run Deno with --unstable-kv, or give the constructor a database";
      throw new Error(`Cannot open a KvStore: ${needs}`);
    }
    const store = new KvStore(await openKv(path));
    store.#isOwn = true;
    return store;
  }

  /**
   * Reads a key.
   *
   * @param key The key.
   * @returns Its value and revision; undefined where there is none.
   * @throws {TypeError} If the key is none, or the store is closed.
   */
  async get(key: string): Promise<StoreEntry | undefined> {
    checkKey("read from a store", key);
    const { value, versionstamp } = await this.#whenFree((kv) => kv.get([PREFIX, key]));
    if (versionstamp === null) return undefined;
    if (!(value instanceof Uint8Array)) throw new TypeError(`Cannot read from a store: ${key} holds no bytes`);
    return { value, revision: versionstamp };
  }

  /**
   * Makes all changes if all checks hold, and else none.
   *
   * @param checks What must hold.
   * @param changes What is changed.
   * @returns The revision that all keys have now that were set; undefined where a check doesn't hold.
   * @throws {TypeError} If a key or value is none, a key is given twice, or the store is closed.
   * @throws {RangeError} If it exceeds the store's limits.
   */
  async commit(checks: readonly StoreCheck[], changes: readonly StoreChange[]): Promise<string | undefined> {
    checkCommit(this.limits, checks, changes);
    // Deno KV takes a text that is none of its own for a mistake.
    if (checks.some(({ revision }) => revision !== undefined && !VERSIONSTAMP.test(revision))) return undefined;
    const result = await this.#whenFree((kv) => {
      const operation = kv.atomic();
      for (const { key, revision } of checks) operation.check({ key: [PREFIX, key], versionstamp: revision ?? null });
      for (const { key, value } of changes) {
        if (value === undefined) operation.delete([PREFIX, key]);
        else operation.set([PREFIX, key], value);
      }
      return operation.commit();
    });
    return result.ok ? result.versionstamp : undefined;
  }

  /**
   * Lists keys, in the order of their UTF-8 bytes.
   *
   * @param prefix What they begin with.
   * @returns The keys. What is changed meanwhile may be there or not.
   */
  async *list(prefix: string): AsyncGenerator<string> {
    const end = endOfPrefix(prefix);
    const start = [PREFIX, prefix];
    const selector = end === undefined ? { prefix: [PREFIX], start } : { start, end: [PREFIX, end] };
    for await (const { key } of this.#opened().list(selector, { batchSize: KEYS_AT_ONCE })) yield String(key[1]);
  }

  /** Closes the database if {@linkcode open} opened it. */
  close(): Promise<void> {
    if (this.#isOwn) this.#kv?.close();
    this.#kv = undefined;
    return Promise.resolve();
  }

  /** Does what {@linkcode close} does, at the end of `await using`. */
  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }

  #opened(): Kv {
    if (this.#kv === undefined) throw closedError();
    return this.#kv;
  }

  /** Does what another process may prevent, again and again: a locked file is an error of SQLite's here. */
  async #whenFree<T>(use: (kv: Kv) => Promise<T>): Promise<T> {
    const backOff = new BackOff(FIRST_WAIT_MS, MOST_WAIT_MS);
    for (let attempt = 1;; attempt++) {
      try {
        return await use(this.#opened());
      } catch (error) {
        if (attempt === BUSY_ATTEMPTS_MAX || !isBusy(error)) throw error;
      }
      await backOff.next();
    }
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && /\bdatabase (?:table )?is locked\b/.test(error.message);
}
