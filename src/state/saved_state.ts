/**
 * One state in a store: its root and its pages, read as one commit left them and written by one.
 *
 * A save that fits into a commit of the store is one: the pages that have changed, and the root, whose
 * revision is checked. One that doesn't fit goes through parts: the root first names it as begun
 * (`stagings`), then its parts are written, each commit checking the root; and one more commit of the root
 * (`redo`) makes it. From then on it is made, and whoever reads the root next puts the parts into their
 * pages, if that isn't done. Whoever saves over one that has only begun sweeps its parts.
 *
 * @module
 */

import { isOf, messageOf } from "../values/refusals.ts";
import { BackOff, type BackOffOptions } from "./back_off.ts";
import { ByteReader, ByteWriter, concat, Damage } from "./bytes.ts";
import { ConflictError } from "./conflict_error.ts";
import { Loading } from "./loading.ts";
import { type PageChanges, Pages } from "./pages.ts";
import { hasAllSince, newCommitId, NO_ROOT, readRoot, type Root, seal, unseal, withCommit, writeRoot } from "./root.ts";
import { escaped, ROOTS_PREFIX } from "./state_names.ts";
import { commitBytes, isClosed, keyBytes, type Store, type StoreChange, type StoreCheck } from "./store.ts";
import type { State } from "./tables.ts";

export { newWriterId } from "./root.ts";

/** A root, and the revision under which the store has it; undefined where it has none. */
export interface Base {
  readonly root: Root;
  readonly revision: string | undefined;
}

/** Pages that are read at once. */
const READS_AT_ONCE = 16;

/** How often a state is read that others save meanwhile. */
const READ_ATTEMPTS_MAX = 20;

/** How often a commit is tried of which the store didn't say whether it was made. */
const COMMIT_ATTEMPTS_MAX = 5;

const FIRST_WAIT_MS = 10;
const MOST_WAIT_MS = 1000;

/** Of a value in a store that has a limit: for the checksum and the number of pieces. */
const OVERHEAD_BYTES = 16;

/** The most that ids and numbers take in the key of a part, which is longer than that of a page. */
const NUMBERS_BYTES = 32;

/** A key of a page or of a piece of one, in parts: no other key is ever written from there. */
const PAGE_KEY = /^\d{1,16}(\.\d{1,16})?$/;

/** A state in a store. */
export class SavedState {
  readonly #store: Store;
  readonly #name: string;
  readonly #rootKey: string;
  readonly #pagePrefix: string;
  readonly #partPrefix: string;
  readonly #options: BackOffOptions;
  readonly #writer: string;
  /** Pages that stand in several pieces, with the number of those beyond the first. */
  #pieces = new Map<number, number>();
  /** Saves in parts that have left nothing in the store any more. */
  readonly #swept = new Set<string>();

  /** A state by its name, for a writer who makes one commit after the other. */
  constructor(store: Store, name: string, writer: string, options: BackOffOptions) {
    this.#writer = writer;
    this.#store = store;
    this.#name = name;
    this.#rootKey = ROOTS_PREFIX + escaped(name);
    this.#pagePrefix = `home-page/${escaped(name)}/`;
    this.#partPrefix = `home-part/${escaped(name)}/`;
    this.#options = options;
  }

  /**
   * Reads all into a state, in the place of what it holds.
   *
   * @param check Called when all was read, before the state is changed; may throw.
   */
  async load(state: State, check: () => void = () => {}): Promise<{ base: Base; pages: Pages }> {
    const backOff = this.#backOff();
    for (let attempt = 1;; attempt++) {
      const base = await this.#settledBase();
      const pieces = new Map<number, number>();
      try {
        const loading = new Loading(state, base.root.nextId, (numbers, use) => this.#readPages(numbers, pieces, use));
        if (base.root.tablePages > 0) await loading.read(base.root.tablePages);
        if (await this.#isCurrent(base)) {
          check();
          this.#pieces = pieces;
          return { base, pages: this.#pagesOf(state, base, loading) };
        }
      } catch (error) {
        if (!(error instanceof Damage)) throw error;
        // Pages of two commits don't fit together.
        if (await this.#isCurrent(base)) throw this.#damaged(error);
      }
      if (attempt === READ_ATTEMPTS_MAX) {
        throw new Error(`Cannot load state ${this.#shown}: others save it all the time`);
      }
      await backOff.next();
    }
  }

  #pagesOf(state: State, { root }: Base, loading: Loading): Pages {
    if (root.tablePages > 0) return Pages.of(loading.finish(), root.tablePages);
    state.empty();
    return new Pages(state);
  }

  /**
   * Writes pages.
   *
   * @throws {ConflictError} If the root isn't that of the base any more.
   */
  async save(given: Base, rest: Pick<Root, "nextId" | "tablePages">, changes: PageChanges): Promise<Base> {
    const base = given.root.redo === undefined ? given : await this.#afterRedo(given);
    const stagings = base.root.stagings.filter((id) => !this.#swept.has(id));
    const id = newCommitId(this.#writer);
    const root = withCommit({ ...base.root, ...rest, stagings }, id);
    const pieces = new Map(this.#pieces);
    const written = [...changes].flatMap(([page, bytes]) => this.#pageChanges(pieces, page, bytes));
    const saved = this.#fits(written, root)
      ? await this.#commitRoot(base, root, written, ({ commits }) => commits.includes(id))
      : await this.#saveInParts(base, root, id, written);
    this.#pieces = pieces;
    await this.#sweep(saved.root);
    return saved;
  }

  /** Deletes the state: first all of its pages. */
  async delete(given: Base, pages: Iterable<number>): Promise<void> {
    if (given.revision === undefined) return;
    const changes = new Map([...pages].map((page) => [page, undefined]));
    const base = await this.save(given, { nextId: given.root.nextId, tablePages: 0 }, changes);
    const root = { key: this.#rootKey, value: undefined };
    if (await this.#store.commit([this.#checkOf(base.revision)], [root]) === undefined) throw this.#conflict();
  }

  get #shown(): string {
    return JSON.stringify(this.#name);
  }

  #backOff(): BackOff {
    return new BackOff(FIRST_WAIT_MS, MOST_WAIT_MS, this.#options);
  }

  #damaged(error: Damage): TypeError {
    return new TypeError(`Cannot load state ${this.#shown}: ${error.message}`, { cause: error });
  }

  #conflict(cause?: unknown): ConflictError {
    return new ConflictError(this.#name, cause === undefined ? undefined : { cause });
  }

  async #readBase(): Promise<Base> {
    const entry = await this.#store.get(this.#rootKey);
    if (entry === undefined) return { root: NO_ROOT, revision: undefined };
    try {
      return { root: readRoot(unseal(this.#rootKey, entry.value)), revision: entry.revision };
    } catch (error) {
      throw error instanceof Damage ? this.#damaged(at("the root", error)) : error;
    }
  }

  async #isCurrent({ revision }: Base): Promise<boolean> {
    return (await this.#store.get(this.#rootKey))?.revision === revision;
  }

  /** The root, once what it has still to be done is done. */
  async #settledBase(): Promise<Base> {
    for (let attempt = 1; attempt < READ_ATTEMPTS_MAX; attempt++) {
      const base = await this.#readBase();
      if (base.root.redo === undefined) return base;
      const settled = await this.#redo(base);
      if (settled !== undefined) return settled;
    }
    throw new Error(`Cannot load state ${this.#shown}: others save it all the time`);
  }

  /** The base of a save that was made, but whose parts are not in their pages yet. */
  async #afterRedo(base: Base): Promise<Base> {
    const settled = await this.#redo(base) ?? await this.#settledBase();
    if (settled.root.commits[0] !== base.root.commits[0]) throw this.#conflict();
    return settled;
  }

  /** Reads pages, some at once; notes which stand in several pieces. */
  async #readPages(
    numbers: Iterable<number>,
    pieces: Map<number, number>,
    use: (number: number, bytes: Uint8Array) => void,
  ): Promise<void> {
    const iterator = numbers[Symbol.iterator]();
    let hasFailed = false;
    const work = async () => {
      try {
        for (let next = iterator.next(); !next.done && !hasFailed; next = iterator.next()) {
          const bytes = await this.#readPage(next.value, pieces);
          if (hasFailed) return;
          try {
            use(next.value, bytes);
          } catch (error) {
            throw error instanceof Damage ? at(`page ${next.value}`, error) : error;
          }
        }
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    };
    // All have ended before an error goes on: what they read is not to be used any more.
    const results = await Promise.allSettled(Array.from({ length: READS_AT_ONCE }, work));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  async #readPage(page: number, pieces: Map<number, number>): Promise<Uint8Array> {
    const reader = new ByteReader(await this.#readPiece(`${page}`));
    const count = reader.integer();
    const first = reader.raw(reader.left);
    if (count === 0) return first;
    const all = [first];
    for (let i = 1; i <= count; i++) all.push(await this.#readPiece(`${page}.${i}`));
    pieces.set(page, count);
    return concat(all);
  }

  async #readPiece(suffix: string): Promise<Uint8Array> {
    const key = this.#pagePrefix + suffix;
    const entry = await this.#store.get(key);
    if (entry === undefined) throw new Damage(`page ${suffix} is missing`);
    try {
      return unseal(key, entry.value);
    } catch (error) {
      throw error instanceof Damage ? at(`page ${suffix}`, error) : error;
    }
  }

  /** What is to be written of a page, by the ends of keys: all of its pieces. */
  #pageChanges(pieces: Map<number, number>, page: number, bytes: Uint8Array | undefined): StoreChange[] {
    const values = bytes === undefined ? [] : this.#piecesOf(bytes);
    const before = pieces.get(page) ?? 0;
    if (values.length > 1) pieces.set(page, values.length - 1);
    else pieces.delete(page);
    const count = Math.max(values.length, before + 1);
    return Array.from({ length: count }, (_, i) => {
      const suffix = i === 0 ? `${page}` : `${page}.${i}`;
      const value = values[i] && seal(this.#pagePrefix + suffix, values[i]);
      return { key: suffix, value };
    });
  }

  /** Bytes of a page or part that fit a value of the store, and a commit with nothing else but the check of the root. */
  get #contentBytesMax(): number {
    const { valueBytes = Infinity, commitBytes = Infinity } = this.#store.limits ?? {};
    const keys = keyBytes(this.#rootKey) + keyBytes(this.#partKey("", 0)) + NUMBERS_BYTES;
    // Where nothing fits, the store says so.
    return Math.max(1, Math.min(valueBytes, commitBytes - keys) - OVERHEAD_BYTES);
  }

  #piecesOf(bytes: Uint8Array): Uint8Array[] {
    const most = this.#contentBytesMax;
    const count = Math.max(1, Math.ceil(bytes.length / most));
    const writer = new ByteWriter();
    writer.integer(count - 1);
    writer.raw(bytes.subarray(0, Math.min(most, bytes.length)));
    const others = Array.from({ length: count - 1 }, (_, i) => bytes.subarray((i + 1) * most, (i + 2) * most));
    return [writer.take(), ...others];
  }

  #rootChange(root: Root): StoreChange {
    return { key: this.#rootKey, value: seal(this.#rootKey, writeRoot(root)) };
  }

  /** Changes of pages with whole keys. */
  #inStore(changes: readonly StoreChange[]): StoreChange[] {
    return changes.map(({ key, value }) => ({ key: this.#pagePrefix + key, value }));
  }

  #fits(changes: readonly StoreChange[], root: Root): boolean {
    const { changes: most = Infinity, commitBytes: mostBytes = Infinity } = this.#store.limits ?? {};
    const all = [...this.#inStore(changes), this.#rootChange(root)];
    return all.length <= most && commitBytes([this.#checkOf(undefined)], all) <= mostBytes;
  }

  #checkOf(revision: string | undefined): StoreCheck {
    return { key: this.#rootKey, revision };
  }

  /** Parts of changes that fit into a commit. */
  #batches(changes: readonly StoreChange[]): StoreChange[][] {
    const { changes: most = Infinity, commitBytes: mostBytes = Infinity } = this.#store.limits ?? {};
    const batches: StoreChange[][] = [];
    let left = 0;
    for (const change of changes) {
      const bytes = commitBytes([], [change]);
      if (batches.length === 0 || bytes > left || batches.at(-1)!.length === most) {
        batches.push([]);
        left = mostBytes - keyBytes(this.#rootKey);
      }
      batches.at(-1)!.push(change);
      left -= bytes;
    }
    return batches;
  }

  /**
   * Writes the root and pages in one commit. Where the store can't say whether it was made, the root can: if not,
   * it is tried again, and an attempt that is made late after all lets the next one find a conflict, and
   * itself in the root.
   */
  async #commitRoot(
    base: Base,
    root: Root,
    changes: readonly StoreChange[],
    isMine: (root: Root) => boolean,
  ): Promise<Base> {
    const all = [...this.#inStore(changes), this.#rootChange(root)];
    const backOff = this.#backOff();
    let failure: { error: unknown } | undefined;
    for (let attempt = 1;; attempt++) {
      try {
        const revision = await this.#store.commit([this.#checkOf(base.revision)], all);
        if (revision !== undefined) return { root, revision };
        if (failure === undefined) throw this.#conflict();
      } catch (error) {
        if (error instanceof ConflictError) throw error;
        if (failure === undefined && isClosed(error)) throw this.#notSaved(error);
        failure = { error };
      }
      const found = await this.#readAgain(failure.error);
      if (found.revision !== base.revision) return this.#outcome(base, found, isMine, failure.error);
      // Of what the store refuses, the same comes again; a network's errors may be TypeErrors, too.
      if (attempt === COMMIT_ATTEMPTS_MAX || failure.error instanceof RangeError) throw this.#notSaved(failure.error);
      await backOff.next();
    }
  }

  #outcome(base: Base, found: Base, isMine: (root: Root) => boolean, cause: unknown): Base {
    if (isMine(found.root)) return found;
    if (hasAllSince(found.root, base.root)) throw this.#conflict(cause);
    throw this.#unknown(cause);
  }

  #notSaved(cause: unknown): Error {
    return new Error(`Cannot save state ${this.#shown}: ${messageOf(cause)}`, { cause });
  }

  #unknown(cause: unknown): Error {
    return new Error(`Cannot tell whether state ${this.#shown} was saved: ${messageOf(cause)}`, { cause });
  }

  /** Reads the root after the store has failed. */
  async #readAgain(cause: unknown): Promise<Base> {
    const backOff = this.#backOff();
    for (let attempt = 1; attempt < COMMIT_ATTEMPTS_MAX; attempt++) {
      try {
        return await this.#readBase();
      } catch (error) {
        if (isOf(error, Error) && isOf(error.cause, Damage)) throw this.#unknown(error);
      }
      await backOff.next();
    }
    throw this.#unknown(cause);
  }

  /** Saves what is too large for a commit. */
  async #saveInParts(base: Base, root: Root, id: string, changes: StoreChange[]): Promise<Base> {
    const stagings = [...root.stagings, id];
    const begun = { ...base.root, stagings };
    const staged = await this.#commitRoot(base, begun, [], (found) => found.stagings.includes(id));
    const parts = this.#partsOf(id, changes);
    for (const batch of this.#batches(parts)) {
      if (!await this.#commitParts(staged, batch)) throw this.#conflict();
    }
    const made = { ...root, stagings, redo: { id, parts: parts.length } };
    const saved = await this.#commitRoot(staged, made, [], ({ commits }) => commits.includes(id));
    if (saved.root.redo?.id !== id) return saved;
    try {
      return await this.#redo(saved) ?? await this.#afterRedo(saved);
    } catch (error) {
      if (error instanceof ConflictError) throw error;
      // It is saved. Whoever reads it next does the rest.
      return saved;
    }
  }

  /** The changes as values of the store, with whole keys. */
  #partsOf(id: string, changes: readonly StoreChange[]): StoreChange[] {
    const most = Math.min(this.#contentBytesMax, PART_BYTES_MAX);
    const bytes = writeChanges(changes);
    return Array.from({ length: Math.ceil(bytes.length / most) }, (_, i) => {
      const key = this.#partKey(id, i);
      return { key, value: seal(key, bytes.subarray(i * most, (i + 1) * most)) };
    });
  }

  #partKey(id: string, index: number): string {
    return `${this.#partPrefix}${id}/${index}`;
  }

  /** Makes changes that stay the same however often they are made; false where the root isn't the base's any more. */
  async #commitParts({ revision }: Base, changes: readonly StoreChange[]): Promise<boolean> {
    const backOff = this.#backOff();
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#store.commit([this.#checkOf(revision)], changes) !== undefined;
      } catch (error) {
        if (attempt === COMMIT_ATTEMPTS_MAX || error instanceof RangeError) throw this.#notSaved(error);
      }
      await backOff.next();
    }
  }

  /** Puts the parts of a save into their pages; undefined where someone else has done so meanwhile. */
  async #redo(base: Base): Promise<Base | undefined> {
    const { id, parts } = base.root.redo!;
    let changes: StoreChange[];
    try {
      changes = readChanges(await this.#readParts(id, parts));
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      if (await this.#isCurrent(base)) throw this.#damaged(error);
      return undefined;
    }
    for (const batch of this.#batches(this.#inStore(changes))) {
      if (!await this.#commitParts(base, batch)) return undefined;
    }
    const root = { ...base.root, redo: undefined };
    try {
      const done = await this.#commitRoot(base, root, [], ({ redo }) => redo?.id !== id);
      await this.#sweep(done.root);
      return done;
    } catch (error) {
      if (error instanceof ConflictError) return undefined;
      throw error;
    }
  }

  async #readParts(id: string, count: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      const key = this.#partKey(id, i);
      const entry = await this.#store.get(key);
      if (entry === undefined) throw new Damage(`part ${i} of a save is missing`);
      try {
        parts.push(unseal(key, entry.value));
      } catch (error) {
        throw error instanceof Damage ? at(`part ${i} of a save`, error) : error;
      }
    }
    return concat(parts);
  }

  /** Deletes what saves in parts have left that are done, or can't be done any more: the root has changed since. */
  async #sweep({ stagings, redo }: Root): Promise<void> {
    try {
      for (const id of stagings) if (id !== redo?.id && !this.#swept.has(id)) await this.#sweepOne(id);
    } catch {
      // They are nothing to anyone, and swept after the next save.
    }
  }

  async #sweepOne(id: string): Promise<void> {
    // Not by Array.fromAsync, which Node 20 lacks.
    const keys: string[] = [];
    for await (const key of this.#store.list(`${this.#partPrefix}${id}/`)) keys.push(key);
    for (const batch of this.#batches(keys.map((key) => ({ key, value: undefined })))) {
      await this.#store.commit([], batch);
    }
    this.#swept.add(id);
  }
}

/** Bytes of a part in a store whose values have no limit, or a high one. */
const PART_BYTES_MAX = 2 ** 20;

function at(place: string, { message }: Damage): Damage {
  return new Damage(`${place} is damaged: ${message}`);
}

function writeChanges(changes: readonly StoreChange[]): Uint8Array {
  const writer = new ByteWriter();
  writer.integer(changes.length);
  for (const { key, value } of changes) {
    writer.text(key);
    writer.byte(value === undefined ? 0 : 1);
    if (value !== undefined) writer.bytes(value);
  }
  return writer.take();
}

function readChanges(bytes: Uint8Array): StoreChange[] {
  const reader = new ByteReader(bytes);
  const changes = Array.from({ length: reader.count() }, () => {
    const key = reader.text();
    if (!PAGE_KEY.test(key)) throw new Damage("a save has a key that is no page's");
    return { key, value: reader.byte() === 0 ? undefined : reader.bytes() };
  });
  reader.end();
  return changes;
}
