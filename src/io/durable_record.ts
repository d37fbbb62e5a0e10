/**
 * What a store has of a run that lasts: in one entry, or, where that is too large for the store, in parts.
 *
 * @module
 */

import type { ComputeAsyncResult } from "../unit/run_result.ts";
import { LuaError, type LuaErrorKind } from "../values/errors.ts";
import type { LuaValue } from "../values/lua_value.ts";
import { Fields, listOf } from "../values/plain_data.ts";
import { isOf, messageOf } from "../values/refusals.ts";
import { UnreadableError, ValueReader } from "../values/value_reader.ts";
import { ValueWriter } from "../values/value_writer.ts";
import { Damage } from "../state/bytes.ts";
import { ConflictError } from "../state/conflict_error.ts";
import { seal, unseal } from "../state/root.ts";
import { checkKey, newRevision, type Store, type StoreChange } from "../state/store.ts";

/** How far a run has come. */
export type DurableRecord = WaitingRecord | EndedRecord;

/** The run waits. */
export interface WaitingRecord {
  readonly snapshot: Uint8Array;
  /** A call that it waits for, by its number. */
  readonly call: number;
  /** When each `task.sleep` ends, in milliseconds since 1970, by the call's number. */
  readonly wakeTimes: ReadonlyMap<number, number>;
}

/** The run has ended: in a result, or in an error. */
export interface EndedRecord {
  readonly result?: ComputeAsyncResult;
  /** Whatever was thrown. */
  readonly error?: unknown;
}

/** Of the format; one that differs is another one. */
const VERSION = 1;

/** Bytes of an entry beside its part of the record. */
const HEAD_BYTES_MAX = 64;

/** How often what was changed while it was read is read again. */
const READS_MAX = 10;

/** An entry: its part of the record, and what tells that parts belong together. */
interface Part {
  readonly saved: string;
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** The entries of one run. */
export class DurableEntries {
  readonly #store: Store;
  readonly #name: string;
  /** What the first entry was, or is to be. */
  #revision: string | undefined;
  /** How many entries there are. */
  #count = 0;

  /** Constructs the entries of a run with this name. */
  constructor(store: Store, name: string) {
    this.#store = store;
    this.#name = name;
  }

  /**
   * Reads how far the run has come; undefined where it hasn't begun.
   *
   * @throws {TypeError} If what the store has makes no sense.
   */
  async load(): Promise<DurableRecord | undefined> {
    for (let reads = 0; reads < READS_MAX; reads++) {
      const entry = await this.#store.get(this.#keyOf(0));
      // Nobody has saved it since a part was missing.
      if (entry !== undefined && entry.revision === this.#revision) throw damagedRun(this.#name);
      this.#revision = entry?.revision;
      if (entry === undefined) return undefined;
      const first = this.#read(() => partOf(this.#keyOf(0), entry.value));
      const parts = await this.#partsAfter(first);
      this.#count = first.count;
      if (parts !== undefined) return this.#read(() => recordOf([first, ...parts]));
    }
    throw new ConflictError(this.#name);
  }

  /** The other parts; undefined where someone has saved others meanwhile. */
  async #partsAfter({ saved, count }: Part): Promise<Part[] | undefined> {
    const parts: Part[] = [];
    for (let i = 1; i < count; i++) {
      const entry = await this.#store.get(this.#keyOf(i));
      const part = entry && this.#read(() => partOf(this.#keyOf(i), entry.value));
      if (part?.saved !== saved) return undefined;
      parts.push(part);
    }
    return parts;
  }

  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      throw cause instanceof UnreadableError || cause instanceof Damage ? damagedRun(this.#name, cause) : cause;
    }
  }

  /**
   * Saves how far it has come.
   *
   * @throws {ConflictError} If someone else has since it was loaded.
   */
  async save(record: DurableRecord): Promise<void> {
    const bytes = bytesOf(record);
    const size = Math.max(1, (this.#store.limits?.valueBytes ?? Infinity) - HEAD_BYTES_MAX);
    const count = Math.max(1, Math.ceil(bytes.length / size));
    const saved = newRevision();
    const changes: StoreChange[] = [];
    for (let i = 0; i < count; i++) {
      const part = { saved, count, bytes: bytes.subarray(i * size, (i + 1) * size) };
      const key = this.#keyOf(i);
      changes.push({ key, value: seal(key, written(part)) });
    }
    await this.#commit(changes, count);
  }

  /**
   * Deletes all there is of it, whether it makes sense or not.
   *
   * @throws {ConflictError} If someone has saved it meanwhile.
   */
  async delete(): Promise<void> {
    const first = this.#keyOf(0);
    const entry = await this.#store.get(first);
    const keys = entry === undefined ? [] : [first];
    const prefix = `run-part/${this.#name}/`;
    for await (const key of this.#store.list(prefix)) if (/^\d+$/.test(key.slice(prefix.length))) keys.push(key);
    if (keys.length === 0) return;
    const changes = keys.map((key) => ({ key, value: undefined }));
    const revision = await this.#store.commit([{ key: first, revision: entry?.revision }], changes);
    if (revision === undefined) throw new ConflictError(this.#name);
  }

  async #commit(changes: StoreChange[], count: number): Promise<void> {
    for (let i = count; i < this.#count; i++) changes.push({ key: this.#keyOf(i), value: undefined });
    const revision = await this.#store.commit([{ key: this.#keyOf(0), revision: this.#revision }], changes);
    if (revision === undefined) throw new ConflictError(this.#name);
    this.#revision = revision;
    this.#count = count;
  }

  /**
   * Checks a run's name.
   *
   * @throws {TypeError} If it is no well-formed text without U+0000.
   * @throws {RangeError} If it takes more bytes than a key of a store has for it.
   */
  static checkName(action: string, name: unknown): asserts name is string {
    checkKey(action, typeof name === "string" && name !== "" ? `run-part/${name}/9999999` : name);
  }

  #keyOf(part: number): string {
    return part === 0 ? `run/${this.#name}` : `run-part/${this.#name}/${part}`;
  }
}

/** The error of what makes no sense in a store. */
export function damagedRun(name: string, cause?: unknown): TypeError {
  return new TypeError(`Cannot go on with run ${JSON.stringify(name)}: what the store has is damaged`, { cause });
}

function written({ saved, count, bytes }: Part): Uint8Array {
  const writer = new ValueWriter();
  writer.write([VERSION, saved, count, bytes], "save a run", "part");
  return writer.written;
}

function partOf(key: string, entry: Uint8Array): Part {
  const reader = new ValueReader(unseal(key, entry));
  const [version, saved, count, bytes] = listOf(reader.read(), (item) => item);
  if (version !== VERSION || !reader.isAtEnd || !(bytes instanceof Uint8Array)) {
    throw new UnreadableError("an entry is none of a run");
  }
  return { saved: Fields.checkedText(saved), count: Fields.checkedCount(count), bytes };
}

function bytesOf(record: DurableRecord): Uint8Array {
  const writer = new ValueWriter();
  const data = "snapshot" in record
    ? record
    : "error" in record
    ? { error: errorData(record.error, CAUSES_MAX) }
    : { result: record.result };
  writer.write(data, "save a run", "run");
  return writer.written;
}

function recordOf(parts: readonly Part[]): DurableRecord {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.bytes.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part.bytes, at);
    at += part.bytes.length;
  }
  const data = new Fields(new ValueReader(bytes).read());
  const snapshot = data.value("snapshot");
  if (snapshot instanceof Uint8Array) {
    return { snapshot, call: data.count("call"), wakeTimes: wakeTimesOf(data.value("wakeTimes")) };
  }
  if (data.value("error") !== undefined) return { error: errorOf(data.fields("error")) };
  const result = data.fields("result");
  const [value, output, meta] = ["value", "output", "meta"].map((name) => result.value(name) as LuaValue);
  return { result: { value, output, meta } };
}

function wakeTimesOf(value: unknown): Map<number, number> {
  if (!(value instanceof Map)) throw new UnreadableError("times are none");
  for (const [id, time] of value) {
    Fields.checkedCount(id);
    if (typeof time !== "number") throw new UnreadableError("a time is none");
  }
  return value;
}

/** How many causes of errors are kept. */
const CAUSES_MAX = 4;

/** What was thrown as data: of an error of Lua's all that it tells; of what is no error its text. */
function errorData(thrown: unknown, causes: number): Record<string, unknown> {
  if (!isOf(thrown, Error)) return { name: "Error", message: messageOf(thrown) };
  const cause = isOf(thrown.cause, Error) && causes > 0 ? errorData(thrown.cause, causes - 1) : undefined;
  const [name, message] = [String(thrown.name), messageOf(thrown)];
  if (!(thrown instanceof LuaError)) return { name, message, cause };
  const { kind, chunk, line, sourceLine, traceback, value } = thrown;
  return { name, message, cause, kind, chunk, line, sourceLine, traceback, value };
}

const KINDS: readonly string[] = ["syntax", "runtime", "memory", "time", "limit"] satisfies LuaErrorKind[];

const CLASSES: Record<string, ErrorConstructor> = { TypeError, RangeError, SyntaxError };

function errorOf(data: Fields): Error {
  const [name, message] = [data.text("name"), data.text("message")];
  const cause = data.value("cause") === undefined ? undefined : errorOf(data.fields("cause"));
  if (name !== "LuaError") {
    const type = Object.hasOwn(CLASSES, name) ? CLASSES[name] : Error;
    const error = new type(message, cause && { cause });
    return error.name === name ? error : Object.assign(error, { name });
  }
  const kind = data.text("kind");
  if (!KINDS.includes(kind)) throw new UnreadableError("an error is of no kind");
  return new LuaError(kind as LuaErrorKind, message, {
    chunk: textIn(data, "chunk"),
    line: data.value("line") === undefined ? undefined : data.count("line"),
    sourceLine: textIn(data, "sourceLine"),
    traceback: textIn(data, "traceback"),
    value: data.value("value"),
    cause,
  });
}

function textIn(data: Fields, name: string): string | undefined {
  return data.value(name) === undefined ? undefined : data.text(name);
}
