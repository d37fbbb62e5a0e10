/**
 * A store in memory, for tests and examples.
 *
 * @example Usage
 * ```ts
 * import { MemoryStore } from "@computeunit/cu/stores/memory";
 * import { assertEquals } from "@std/assert";
 *
 * await using store = new MemoryStore();
 * const value = new TextEncoder().encode("hello");
 * const revision = await store.commit([{ key: "a", revision: undefined }], [{ key: "a", value }]);
 * assertEquals(await store.get("a"), { value, revision });
 * assertEquals(await store.commit([{ key: "a", revision: undefined }], [{ key: "a", value }]), undefined);
 * ```
 *
 * @module
 */

import { ASYNC_DISPOSE } from "../values/dispose.ts";
import {
  checkCommit,
  checkKey,
  closedError,
  type Store,
  type StoreChange,
  type StoreCheck,
  type StoreEntry,
  type StoreLimits,
} from "./store.ts";

export type { Store, StoreChange, StoreCheck, StoreEntry, StoreLimits };

/** A store in this process's memory: it ends with the process. */
export class MemoryStore implements Store {
  /** What the store refuses. */
  readonly limits: StoreLimits | undefined;
  #entries: Map<string, StoreEntry> | undefined = new Map();
  #commits = 0;

  /**
   * Makes a store that holds nothing.
   *
   * @param limits What it refuses, to try code for a store that has limits. By default nothing.
   */
  constructor(limits?: StoreLimits) {
    this.limits = limits;
  }

  /**
   * Reads a key.
   *
   * @param key The key.
   * @returns Its value and revision; undefined where there is none.
   * @throws {TypeError} If the key is none, or the store is closed.
   */
  // deno-lint-ignore require-await -- what it throws is a rejection
  async get(key: string): Promise<StoreEntry | undefined> {
    checkKey("read from a store", key);
    const entry = this.#opened().get(key);
    return entry && { value: entry.value.slice(), revision: entry.revision };
  }

  /**
   * Makes all changes if all checks hold, and else none.
   *
   * @param checks What must hold.
   * @param changes What is changed.
   * @returns The revision that all keys have now that were set; undefined where a check doesn't hold.
   * @throws {TypeError} If a key or value is none, a key is given twice, or the store is closed.
   * @throws {RangeError} If the commit exceeds the store's limits.
   */
  // deno-lint-ignore require-await -- what it throws is a rejection
  async commit(checks: readonly StoreCheck[], changes: readonly StoreChange[]): Promise<string | undefined> {
    checkCommit(this.limits, checks, changes);
    const entries = this.#opened();
    if (checks.some(({ key, revision }) => entries.get(key)?.revision !== revision)) return undefined;
    const revision = String(++this.#commits);
    for (const { key, value } of changes) {
      if (value === undefined) entries.delete(key);
      else entries.set(key, { value: value.slice(), revision });
    }
    return revision;
  }

  /**
   * Lists keys, in the order of their UTF-8 bytes.
   *
   * @param prefix What they begin with.
   * @returns The keys that there are when it begins.
   */
  async *list(prefix: string): AsyncGenerator<string> {
    yield* [...this.#opened().keys()].filter((key) => key.startsWith(prefix)).sort(byCodePoints);
  }

  /** Drops all that it holds. */
  close(): Promise<void> {
    this.#entries = undefined;
    return Promise.resolve();
  }

  /** Does what {@linkcode close} does, at the end of `await using`. */
  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }

  #opened(): Map<string, StoreEntry> {
    if (this.#entries === undefined) throw closedError();
    return this.#entries;
  }
}

/** The order of UTF-8 bytes, in which surrogates don't come before U+E000. */
function byCodePoints(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  const differs = left.findIndex((character, i) => character !== right[i]);
  if (differs < 0) return left.length - right.length;
  return left[differs].codePointAt(0)! - (right[differs]?.codePointAt(0) ?? -1);
}
