// States of tables, for tests of what saves them.

import { assertEquals } from "@std/assert";
import type { Store, StoreChange, StoreCheck, StoreEntry, StoreLimits } from "@computeunit/cu";
import type { Home } from "@computeunit/cu";
import { homeInternals } from "../../src/state/home.ts";
import { type State, type Stored, type StoredKey, TableData, type TableKind } from "../../src/state/tables.ts";
import { KEPT_NULL, LuaCode, LuaFloat } from "../../src/values/lua_exact.ts";

export const stateOf = (home: Home): State => homeInternals.stateOf(home);

/** All that `_home` reaches, a line for each entry, so that two can be compared. */
export function picture(home: Home): string[] {
  const found = new Set([stateOf(home).home]);
  const shown = (value: unknown): string => {
    if (value instanceof TableData) {
      found.add(value);
      return `table ${value.id}`;
    }
    if (value instanceof Date) return `Date ${value.getTime()}`;
    // Of what is long, enough to tell it from others.
    if (value instanceof Uint8Array) return `bytes ${value.length} ${value.subarray(0, 30)}`;
    if (typeof value === "string") return `text ${value.length} ${JSON.stringify(value.slice(0, 30))}`;
    if (typeof value === "object") return Deno.inspect(value);
    return Object.is(value, -0) ? "-0" : `${typeof value} ${value}`;
  };
  const lines: string[] = [];
  for (const table of found) {
    const { id, kind, length, border, size } = table;
    lines.push(`table ${id}: ${kind}, ${length}, ${border}, ${size}`);
    for (let place = 0; place < table.placeCount; place++) {
      const value = table.valueAt(place);
      if (value !== undefined) lines.push(`${id}: ${shown(table.keyAt(place))} = ${shown(value)}`);
    }
  }
  return lines;
}

/** Compares two pictures; where they differ, the first lines that do are shown. */
export function assertSame(actual: string[], expected: string[]): void {
  const differs = expected.findIndex((line, i) => line !== actual[i]);
  if (differs < 0 && actual.length === expected.length) return;
  const from = differs < 0 ? expected.length : differs;
  assertEquals(actual.slice(from, from + 5), expected.slice(from, from + 5), `in line ${from} of ${expected.length}`);
}

/** A generator of numbers that is the same each time. */
export function makeRandom(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * limit);
  };
}

/** Changes a state at random. */
export class RandomChanges {
  readonly #random: (limit: number) => number;

  constructor(seed: number) {
    this.#random = makeRandom(seed);
  }

  /** Makes so many changes. */
  make(home: Home, count: number): void {
    for (let i = 0; i < count; i++) this.#change(stateOf(home));
  }

  #change(state: State): void {
    const table = this.#table(state);
    const pick = this.#random(20);
    if (pick < 9) state.set(table, this.#key(state), this.#value(state));
    else if (pick < 12) state.set(table, table.border + 1, this.#value(state));
    else if (pick < 16) this.#take(state, table);
    else if (pick < 17) state.mark(table, this.#one<TableKind>([undefined, "array", "map", "set", "object"]));
    else if (pick < 18) state.mark(table, "array", this.#random(10));
    else if (pick < 19) {
      for (let i = this.#random(700); i > 0; i--) state.set(table, this.#bulkKey(i), this.#value(state));
    } else for (let i = this.#random(700); i > 0; i--) state.set(table, this.#bulkKey(i), undefined);
  }

  #one<T>(values: readonly T[]): T {
    return values[this.#random(values.length)];
  }

  #bulkKey(i: number): StoredKey {
    return this.#random(2) === 0 ? i : `bulk ${i}`;
  }

  /** A table that `_home` reaches. */
  #table({ home }: State): TableData {
    let table = home;
    for (let steps = this.#random(4); steps > 0; steps--) {
      const held = [...table.list, ...table.values].filter((value) => value instanceof TableData);
      if (held.length === 0) break;
      table = this.#one(held);
    }
    return table;
  }

  #take(state: State, table: TableData): void {
    if (table.placeCount > 0) state.set(table, table.keyAt(this.#random(table.placeCount)), undefined);
  }

  #key(state: State): StoredKey {
    return this.#one<() => StoredKey>([
      () => this.#random(40) - 3,
      () => this.#one(["a", "b", "__proto__", "", "1", "é", "\ufeff", "x".repeat(2000)]),
      () => `key ${this.#random(300)}`,
      () => this.#random(2) === 0,
      () => this.#random(9) + 0.5,
      () => this.#one([Infinity, -Infinity, 1e300]),
      () => 2n ** 53n + BigInt(this.#random(9)),
      () => Uint8Array.of(0xff, this.#random(9)),
      () => this.#table(state),
    ])();
  }

  #value(state: State): Stored {
    return this.#one<() => Stored>([
      () => null,
      () => this.#random(2) === 0,
      () => this.#random(300) - 150,
      () => this.#one([Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, -0, NaN, Infinity, 0.1, 2 ** 60]),
      () => this.#one([-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n]),
      () => this.#one(["", "text", "é😀", "\ufefftext", "\0"]),
      () => "x".repeat(this.#random(12000)),
      () => Uint8Array.from({ length: this.#random(30) }, () => this.#random(256)),
      () => new Uint8Array(this.#random(9000)).fill(0xff),
      () => new Date(this.#one([0, -1, 8.64e15, NaN, 1e12])),
      () => new LuaFloat(this.#random(9)),
      () => KEPT_NULL,
      () => new LuaCode(Uint8Array.of(27, 76, 117, 97, this.#random(256))),
      () => new LuaCode("string.rep"),
      () => state.create(),
      () => state.create(this.#one<TableKind>(["array", "map", "set", "object"])),
      () => this.#numbers(state),
      () => this.#table(state),
    ])();
  }

  #numbers(state: State): TableData {
    const table = state.create();
    for (let i = this.#random(4); i > 0; i--) state.add(table, table.border + 1, 0.5 + i);
    state.addKind(table, "typed:9");
    return table;
  }
}

/** What a store is to do at a commit: make it, fail before it, or make it and fail. */
export type Fate = "made" | "not made" | "made, but not said";

/** A store that fails as a test wants. */
export class FaultyStore implements Store {
  /** Asked at each commit, by its number from 0. */
  fate: (commit: number) => Fate = () => "made";
  /** Called before each commit. */
  onCommit: ((changes: readonly StoreChange[]) => void | Promise<void>) | undefined;
  /** Whether nothing works any more. */
  isDown = false;
  commits = 0;
  gets = 0;
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  get limits(): StoreLimits | undefined {
    return this.#store.limits;
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    this.gets++;
    if (this.isDown) throw new Error("connection lost");
    return await this.#store.get(key);
  }

  async commit(checks: readonly StoreCheck[], changes: readonly StoreChange[]): Promise<string | undefined> {
    await this.onCommit?.(changes);
    const fate = this.fate(this.commits++);
    if (this.isDown && fate !== "made, but not said" || fate === "not made") throw new Error("connection lost");
    const revision = await this.#store.commit(checks, changes);
    if (fate === "made, but not said") throw new Error("connection lost");
    return revision;
  }

  async *list(prefix: string): AsyncGenerator<string> {
    if (this.isDown) throw new Error("connection lost");
    yield* this.#store.list(prefix);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Options by which nothing waits. */
export const WITHOUT_WAIT = { wait: () => Promise.resolve(), random: () => 0.5 };
