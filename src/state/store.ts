/**
 * Where state lasts: what the stores have in common.
 *
 * @module
 */

import { describe } from "../values/kinds.ts";
import { isOf } from "../values/refusals.ts";

/** What a store has under a key. */
export interface StoreEntry {
  /** The value, which is the caller's own. */
  readonly value: Uint8Array;
  /**
   * Changes with each commit that changes the key, and never comes again: neither by the same
   * value, nor after the key was deleted.
   */
  readonly revision: string;
}

/** What must hold for a commit to be made. */
export interface StoreCheck {
  /** The key. */
  readonly key: string;
  /** The revision that it must have; undefined where the store must not have the key. */
  readonly revision: string | undefined;
}

/** What a commit changes. */
export interface StoreChange {
  /** The key. A commit changes a key once. */
  readonly key: string;
  /** What the key is to have; undefined to delete it, whether it is there or not. */
  readonly value: Uint8Array | undefined;
}

/** What a store can't exceed. What is absent has no limit. */
export interface StoreLimits {
  /** Bytes of a value. */
  readonly valueBytes?: number | undefined;
  /** Checks of a commit. */
  readonly checks?: number | undefined;
  /** Changes of a commit. */
  readonly changes?: number | undefined;
  /** Bytes of all keys and values of a commit together. */
  readonly commitBytes?: number | undefined;
}

/**
 * A store of bytes by key, which several processes may use at once. `MemoryStore`, `SqliteStore`,
 * `KvStore` and `PostgresStore` are such; others need these methods only.
 *
 * A key is well-formed text without U+0000, of 1 to 1024 bytes in UTF-8.
 */
export interface Store extends AsyncDisposable {
  /** What the store can't exceed; nothing, where it is absent. */
  readonly limits?: StoreLimits | undefined;

  /**
   * Reads a key.
   *
   * @param key The key.
   * @returns The value and its revision as the last commit left them; undefined where there is none.
   */
  get(key: string): Promise<StoreEntry | undefined>;

  /**
   * Makes all changes if all checks hold, and else none, at once for all who read.
   *
   * @param checks What must hold.
   * @param changes What is changed.
   * @returns The revision that all keys have now that were set; undefined where a check doesn't hold, and
   * nothing is changed. Where it is rejected, the changes may have been made or not, but for the TypeError
   * or RangeError of arguments that the store refuses.
   */
  commit(checks: readonly StoreCheck[], changes: readonly StoreChange[]): Promise<string | undefined>;

  /**
   * Lists keys, in the order of their UTF-8 bytes.
   *
   * @param prefix What the keys begin with; all keys where it is empty.
   * @returns The keys.
   */
  list(prefix: string): AsyncIterable<string>;

  /** Closes what the store holds open, if it opened it itself. Its other methods are rejected then. */
  close(): Promise<void>;
}

/** The most bytes that a key takes in UTF-8. */
export const KEY_BYTES_MAX = 1024;

const encoder = new TextEncoder();

/** Bytes that a key takes. */
export function keyBytes(key: string): number {
  return encoder.encode(key).length;
}

/**
 * Checks a key, so that all stores refuse the same ones.
 *
 * @param action What the caller wants, for messages: "read from a store".
 * @param key The key.
 * @throws {TypeError} If it is no text, or not well-formed.
 * @throws {RangeError} If it is empty or too long.
 */
export function checkKey(action: string, key: unknown): asserts key is string {
  if (typeof key !== "string") throw new TypeError(`Cannot ${action}: the key is not a string, but ${describe(key)}`);
  if (/\p{Surrogate}|\0/u.test(key)) {
    throw new TypeError(`Cannot ${action}: the key ${shown(key)} has a lone surrogate or U+0000`);
  }
  const bytes = key === "" ? 0 : keyBytes(key);
  if (bytes < 1 || bytes > KEY_BYTES_MAX) {
    throw new RangeError(
      `Cannot ${action}: the key must take 1 to ${KEY_BYTES_MAX} bytes, ${shown(key)} takes ${bytes}`,
    );
  }
}

function shown(key: string): string {
  return JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}...` : key);
}

/**
 * Checks what is given as a store.
 *
 * @param action What the caller wants, for messages: "open a home".
 * @param store The store.
 * @throws {TypeError} If it is none, such as a promise of one.
 */
export function checkStore(action: string, store: unknown): asserts store is Store {
  const { get, commit, list } = (store ?? {}) as Partial<Store>;
  if (typeof get !== "function" || typeof commit !== "function" || typeof list !== "function") {
    throw new TypeError(`Cannot ${action}: the store must have get(), commit() and list(), got ${describe(store)}`);
  }
}

const COMMIT = "commit to a store";

/**
 * Checks a commit, so that all stores refuse the same ones.
 *
 * @param limits What the store can't exceed.
 * @param checks The checks.
 * @param changes The changes.
 * @throws {TypeError} If a key or value is none, or a key is checked or changed twice.
 * @throws {RangeError} If it exceeds a limit.
 */
export function checkCommit(
  limits: StoreLimits | undefined,
  checks: readonly StoreCheck[],
  changes: readonly StoreChange[],
): void {
  checkAtMost("checks", checks.length, limits?.checks);
  checkAtMost("changes", changes.length, limits?.changes);
  checkOnce("checked", checks);
  checkOnce("changed", changes);
  for (const { value } of changes) checkValue(value, limits?.valueBytes);
  if (limits?.commitBytes !== undefined) checkAtMost("bytes", commitBytes(checks, changes), limits.commitBytes);
}

/** Bytes of all keys and values of a commit. */
export function commitBytes(checks: readonly StoreCheck[], changes: readonly StoreChange[]): number {
  const ofChecks = checks.reduce((sum, { key }) => sum + keyBytes(key), 0);
  return changes.reduce((sum, { key, value }) => sum + keyBytes(key) + (value?.length ?? 0), ofChecks);
}

function checkAtMost(what: string, count: number, max = Infinity): void {
  if (count > max) throw new RangeError(`Cannot ${COMMIT}: ${count} ${what} are more than its ${max}`);
}

function checkOnce(done: string, list: readonly { readonly key: string }[]): void {
  const keys = new Set<string>();
  for (const { key } of list) {
    checkKey(COMMIT, key);
    if (keys.has(key)) throw new TypeError(`Cannot ${COMMIT}: the key ${shown(key)} is ${done} twice`);
    keys.add(key);
  }
}

function checkValue(value: unknown, max = Infinity): void {
  if (value === undefined) return;
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`Cannot ${COMMIT}: a value must be a Uint8Array, got ${describe(value)}`);
  }
  if (value.length > max) throw new RangeError(`Cannot ${COMMIT}: a value of ${value.length} bytes exceeds its ${max}`);
}

/** Where a prefix of keys ends: the least text that is greater than all that begin with it. */
export function endOfPrefix(prefix: string): string | undefined {
  const points = [...prefix].map((character) => character.codePointAt(0)!);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  // Surrogates are no code points of text.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}

/** Marks the error of a closed store, also where an entry of the package is bundled by itself. */
const CLOSED = Symbol.for("@computeunit/cu: a store is closed");

/** What a store throws once it is closed: nothing has been read or written then. */
export function closedError(): TypeError {
  return Object.defineProperty(new TypeError("Cannot use a store: it is closed"), CLOSED, { value: true });
}

/** Whether it is that. */
export function isClosed(error: unknown): boolean {
  return isOf(error, TypeError) && Object.hasOwn(error, CLOSED);
}

/** A revision that never comes again, for stores whose engine has none. */
export function newRevision(): string {
  const words = crypto.getRandomValues(new Uint32Array(3));
  return Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");
}
