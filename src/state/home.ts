/**
 * `_home` in a store.
 *
 * @module
 */

import { checkOptions, checkString, isFunction, isNumber, NO_OPTIONS, rulesOf } from "../values/options.ts";
import { describe } from "../values/kinds.ts";
import type { LuaValue } from "../values/lua_value.ts";
import { BackOff } from "./back_off.ts";
import { ConflictError } from "./conflict_error.ts";
import { externalOf, type ExternalTable } from "./external_table.ts";
import type { Pages } from "./pages.ts";
import type { Base, SavedState } from "./saved_state.ts";
import { isName } from "./state_names.ts";
import { checkStore, type Store } from "./store.ts";
import { Reading, Storing } from "./stored.ts";
import { State, type Stored, type TableData } from "./tables.ts";

/** Options of {@linkcode openHome}. */
export interface HomeOptions {
  /** Waits some milliseconds before a next attempt; by default with `setTimeout`. */
  wait?: ((milliseconds: number) => Promise<void>) | undefined;
  /**
   * A number from 0 to 1, by which attempts of several processes come at different times.
   *
   * @default {Math.random}
   */
  random?: (() => number) | undefined;
}

/** Options of {@linkcode transact}. */
export interface TransactOptions extends HomeOptions {
  /**
   * How often the state is loaded, changed and saved, until it fits.
   *
   * @default {100}
   */
  attempts?: number | undefined;
}

const HOME_RULES = {
  wait: { is: isFunction, what: "a function" },
  random: { is: isFunction, what: "a function" },
};

const HOME_OPTIONS = rulesOf<HomeOptions>(HOME_RULES);

const TRANSACT_OPTIONS = rulesOf<TransactOptions>({
  ...HOME_RULES,
  attempts: {
    is: isNumber,
    what: "a number",
    isInRange: (count) => Number.isInteger(count) && (count as number) >= 1,
    range: "a positive integer",
  },
});

const ATTEMPTS_DEFAULT = 100;
const FIRST_WAIT_MS = 2;
const MOST_WAIT_MS = 200;

const IO_FIELDS = ["input", "output", "meta"] as const;

/** Values of a unit's `_io`; `null` where there is none. */
export type IoValues = Record<typeof IO_FIELDS[number], LuaValue>;

/** What other modules here need of a {@linkcode Home}, and users don't. */
export const homeInternals = {} as {
  /** Opens one; {@linkcode openHome} checks what it is given. */
  open: (store: Store, name: string, writer: string | undefined, options: HomeOptions) => Promise<Home>;
  /** Its tables. */
  stateOf: (home: Home) => State;
  /** The same, for a unit that is its only one until it is released; `check` is called before each save. */
  claim: (home: Home, check: () => void) => State;
  release: (home: Home) => void;
  /** Saves what is kept whatever open transactions end with: their changes are left out. */
  saveKept: (home: Home) => Promise<void>;
  /** Saves it with copies of values of the unit's `_io`, which no code sees there. */
  saveWithIo: (home: Home, values: IoValues) => Promise<void>;
  /** What was saved of `_io`, as it was when this was loaded or saved. */
  savedIo: (home: Home) => IoValues;
  /** Deletes it from the store. */
  delete: (home: Home) => Promise<void>;
};

/**
 * What a `_home` holds, under a name in a store. {@linkcode openHome} makes one.
 *
 * It is one unit's at a time, that was made with it.
 */
export class Home {
  /** The name. */
  readonly name: string;
  #state: State;
  #saved: SavedState;
  #base: Base;
  #pages: Pages;
  #isClaimed = false;
  /** Throws where what the unit's code has stored isn't here. */
  #check: (() => void) | undefined;
  /** What was asked for last: loads and saves come one after the other. */
  #last: Promise<void> = Promise.resolve();

  static {
    homeInternals.open = async (store, name, writer, options) => {
      const { newWriterId, SavedState } = await import("./saved_state.ts");
      const state = new State();
      const saved = new SavedState(store, name, writer ?? newWriterId(), options);
      const { base, pages } = await saved.load(state);
      return new Home(name, state, saved, base, pages);
    };
    homeInternals.stateOf = (home) => home.#state;
    homeInternals.claim = (home, check) => {
      if (home.#isClaimed) {
        throw new TypeError(`Cannot create a compute unit: another unit has the home ${JSON.stringify(home.name)}`);
      }
      home.#isClaimed = true;
      home.#check = check;
      return home.#state;
    };
    homeInternals.release = (home) => {
      home.#isClaimed = false;
      home.#check = undefined;
    };
    homeInternals.saveKept = (home) => home.#inTurn(() => home.#write());
    homeInternals.saveWithIo = (home, values) => home.#saveWithIo(values);
    homeInternals.savedIo = (home) => {
      const reading = new Reading();
      const { savedIo } = home.#state;
      const [input, output, meta] = IO_FIELDS.map((field) => reading.value(savedIo.get(field)));
      return { input, output, meta };
    };
    homeInternals.delete = (home) => home.#inTurn(() => home.#saved.delete(home.#base, home.#pages.numbers()));
  }

  /** Use {@linkcode openHome}. */
  private constructor(name: string, state: State, saved: SavedState, base: Base, pages: Pages) {
    if (!(state instanceof State)) throw new TypeError("Cannot construct a Home: use `await openHome()` instead");
    this.name = name;
    this.#state = state;
    this.#saved = saved;
    this.#base = base;
    this.#pages = pages;
  }

  /** The table `_home`. */
  get table(): ExternalTable {
    return externalOf(this.#state.home);
  }

  /** Whether the store had nothing under the name when it was loaded, and nothing was saved since. */
  get isNew(): boolean {
    return this.#base.revision === undefined;
  }

  /** Whether anything has changed since it was loaded or saved; what an open transaction has changed doesn't count. */
  get isChanged(): boolean {
    if (this.#pages.isCollected) return true;
    return this.#pages.isDirty && this.#state.transactions?.hasKept !== false;
  }

  /**
   * Saves what has changed, all of it or nothing. What changes meanwhile is saved the next time.
   *
   * @throws {ConflictError} If it was saved elsewhere since it was loaded; nothing is saved then.
   * @throws {TypeError} If a transaction hasn't ended, or code of the unit has replaced the global `_home`.
   * @throws {Error} If the store fails; the message says so where it isn't known whether it is saved.
   */
  save(): Promise<void> {
    return this.#inTurn(() => this.#save());
  }

  /**
   * Loads it as it was saved last, by whomever: what has changed since is lost. Where it fails, it is as before.
   *
   * @throws {TypeError} If what the store has is damaged, or a transaction hasn't ended.
   * @throws {Error} If the store fails.
   */
  load(): Promise<void> {
    return this.#inTurn(async () => {
      const check = () => this.#checkSettled("load");
      check();
      // Code goes on meanwhile, and may have begun a transaction.
      ({ base: this.#base, pages: this.#pages } = await this.#saved.load(this.#state, check));
      this.#state.onLoad?.();
    });
  }

  /** What a transaction has changed that hasn't ended can't be told from the rest. */
  #checkSettled(verb: string): void {
    if (this.#state.transactions === undefined) return;
    throw new TypeError(`Cannot ${verb} state ${JSON.stringify(this.name)}: a transaction has not ended`);
  }

  /** Takes the values now; a save that fails leaves nothing of them to the next one. */
  #saveWithIo(values: IoValues): Promise<void> {
    const storing = new Storing(this.#state, undefined, true);
    const stored: (Stored | undefined)[] = IO_FIELDS.map((field) =>
      storing.value(values[field] ?? undefined, "save state", field)
    );
    return this.#inTurn(async () => {
      this.#checkSettled("save");
      const { savedIo } = this.#state;
      const before = IO_FIELDS.map((field) => savedIo.get(field));
      this.#setSavedIo(savedIo, stored);
      try {
        await this.#save();
      } catch (error) {
        this.#setSavedIo(savedIo, before);
        throw error;
      }
    });
  }

  #setSavedIo(savedIo: TableData, values: readonly (Stored | undefined)[]): void {
    for (const [i, field] of IO_FIELDS.entries()) this.#state.set(savedIo, field, values[i]);
  }

  async #save(): Promise<void> {
    this.#checkSettled("save");
    await this.#write();
  }

  async #write(): Promise<void> {
    this.#check?.();
    const { transactions } = this.#state;
    if (!this.isChanged) return;
    const collect = () => this.#pages.collect();
    const changes = transactions === undefined ? collect() : transactions.withoutOpen(collect);
    if (changes.size === 0) return;
    const { nextId } = this.#state;
    const { tablePages } = this.#pages;
    this.#base = await this.#saved.save(this.#base, { nextId, tablePages }, changes);
    this.#pages.saved();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}

/**
 * Opens what was saved under a name, or begins with nothing.
 *
 * @param store The store.
 * @param name The name: any text without U+0000 that takes up to 900 bytes.
 * @param options Time and chance, for tests.
 * @returns What a unit's `_home` can be.
 * @throws {TypeError} If the name or an option is of the wrong kind, or what the store has is damaged.
 * @throws {RangeError} If the name is empty or too long.
 * @throws {Error} If the store fails.
 *
 * @example Usage
 * ```ts
 * import { openHome } from "@computeunit/cu";
 * import { MemoryStore } from "@computeunit/cu/stores/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryStore();
 * const home = await openHome(store, "cart:123");
 * home.table.set("items", ["apple"]);
 * await home.save();
 *
 * const later = await openHome(store, "cart:123");
 * assertEquals(later.table.toValue(), { items: ["apple"] });
 * ```
 */
export async function openHome(store: Store, name: string, options: HomeOptions = NO_OPTIONS): Promise<Home> {
  checkGiven("open a home", store, name);
  checkOptions("open a home", options, HOME_OPTIONS);
  return await homeInternals.open(store, name, undefined, options);
}

function checkGiven(action: string, store: Store, name: string): void {
  checkStore(action, store);
  checkString(action, "name", name);
  if (!isName(name)) {
    throw new RangeError(`Cannot ${action}: the name must be text without U+0000 of 1 to 900 bytes`);
  }
}

/**
 * Changes a state that others change too: opens it, calls a function, and saves it; and again, as long as
 * another was faster.
 *
 * @typeParam T What the function gives.
 * @param store The store.
 * @param name The name.
 * @param run Changes the state, such as with a unit that it makes with it. It is called again after a
 * conflict, with the state as it is then: what else it does is then done again, too.
 * @param options How often, and time and chance, for tests.
 * @returns What the function gave whose changes were saved.
 * @throws {ConflictError} If it was never saved in all attempts.
 * @throws {Error} What the function throws, and what {@linkcode openHome} and {@linkcode Home.save} throw.
 *
 * @example Usage
 * ```ts
 * import { transact } from "@computeunit/cu";
 * import { MemoryStore } from "@computeunit/cu/stores/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryStore();
 * const count = () =>
 *   transact(store, "visits", ({ table }) => {
 *     const visits = Number(table.get("count") ?? 0) + 1;
 *     table.set("count", visits);
 *     return visits;
 *   });
 * const counts = await Promise.all([count(), count(), count()]);
 * assertEquals(counts.sort(), [1, 2, 3]);
 * ```
 */
export async function transact<T>(
  store: Store,
  name: string,
  run: (home: Home) => T | Promise<T>,
  options: TransactOptions = NO_OPTIONS,
): Promise<T> {
  checkGiven("transact", store, name);
  checkOptions("transact", options, TRANSACT_OPTIONS);
  if (typeof run !== "function") throw new TypeError(`Cannot transact: run must be a function, got ${describe(run)}`);
  // As one writer does all that one after the other does, a root remembers the others longer.
  const writer = FREE_WRITERS.pop() ?? (await import("./saved_state.ts")).newWriterId();
  try {
    return await transactAs(writer, store, name, run, options);
  } finally {
    FREE_WRITERS.push(writer);
  }
}

/** Ids of writers whose {@linkcode transact} has ended. */
const FREE_WRITERS: string[] = [];

async function transactAs<T>(
  writer: string,
  store: Store,
  name: string,
  run: (home: Home) => T | Promise<T>,
  options: TransactOptions,
): Promise<T> {
  const backOff = new BackOff(FIRST_WAIT_MS, MOST_WAIT_MS, options);
  const { attempts = ATTEMPTS_DEFAULT } = options;
  for (let attempt = 1;; attempt++) {
    const home = await homeInternals.open(store, name, writer, options);
    const result = await run(home);
    try {
      await home.save();
      return result;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt === attempts) throw error;
    }
    await backOff.next();
  }
}
