/**
 * What a snapshot has besides memory, and its way to bytes and back.
 *
 * @module
 */

import type { FunctionRecord } from "../host/host_functions.ts";
import type { Live } from "../host/lua_functions.ts";
import { Thrown } from "../lazy/thrown.ts";
import { Views, type ViewsRecord } from "../lazy/views.ts";
import type { MemoryImage } from "../runtime/memory_image.ts";
import { DEFINE, RESULTS, WIRE } from "../runtime/wire.ts";
import { readState, stateData } from "../state/state_data.ts";
import { Fields, listOf } from "../values/plain_data.ts";
import { UnreadableError, ValueReader } from "../values/value_reader.ts";
import { ValueWriter } from "../values/value_writer.ts";
import { isOf } from "../values/refusals.ts";
import type { ChunkRecord } from "./chunk_cache.ts";
import type { KnownRecord } from "./known.ts";
import type { StrandRecord, TaskRecord, TasksRecord } from "./tasks.ts";

/** The host's part of a unit, as data that nobody changes. */
export interface UnitRecord {
  readonly known: KnownRecord;
  /** Functions of the host, by number. */
  readonly functions: readonly FunctionRecord[];
  /** Functions of Lua's that the host has; none in another process. */
  readonly luaFunctions: ReadonlyMap<number, Live>;
  readonly tasks: TasksRecord;
  /** Where seeded random numbers are. */
  readonly randomState: number | undefined;
  readonly printed: string;
  /** Whether the library is read-only. */
  readonly isLocked: boolean;
  /** Whether the unit's `_io` is a part of it. */
  readonly hasIo: boolean;
}

/** What a snapshot is made of. */
export interface SnapshotParts {
  readonly image: MemoryImage;
  readonly record: UnitRecord;
}

const ACTION = "write the snapshot";

/** Stands for what was thrown. */
const THROWN = "thrown";

/**
 * Writes a record.
 *
 * @throws {TypeError} If something of a lazy input can't be written, with its path.
 */
export function writeRecord(record: UnitRecord): Uint8Array<ArrayBuffer> {
  const writer = new ValueWriter();
  const { known: { views, state, ...known }, luaFunctions: _, ...others } = record;
  const numbered = views.views.map(({ object, ...view }) => ({ ...view, isThrown: object instanceof Thrown }));
  const data = { ...others, ...known, state: stateData(state), views: { ...views, views: numbered } };
  writer.write(data, ACTION, "unit");
  writeObjects(writer, views);
  return writer.written;
}

function writeObjects(writer: ValueWriter, record: ViewsRecord): void {
  if (record.views.length === 0) return;
  const paths = Views.of({ ...record, tables: [] }, []);
  for (const { number, object } of record.views) {
    const value = object instanceof Thrown ? thrownData(object) : object;
    writer.write(value, ACTION, paths.path(number));
  }
}

/** An error by its name and message; anything else that was thrown as it is. */
function thrownData({ value, isRefusal, name, message }: Thrown): unknown[] {
  return isOf(value, Error) ? [THROWN, isRefusal, name, message] : [THROWN, isRefusal, undefined, value];
}

/**
 * Reads a record, all of which is checked: what it makes the host do is bounded by its bytes.
 *
 * @throws {UnreadableError} If it makes no sense.
 */
export function readRecord(bytes: Uint8Array): UnitRecord {
  const reader = new ValueReader(bytes);
  const data = new Fields(reader.read());
  const shapes = data.fields("shapes");
  const functions = listOf(data.value("functions"), functionOf);
  const state = readState(data.fields("state"));
  const record: UnitRecord = {
    known: {
      shapes: {
        sent: shapes.list("sent", keysOf, WIRE.SHAPES_MAX),
        read: shapes.list("read", (keys) => keys === null ? null : keysOf(keys), WIRE.SHAPES_MAX),
      },
      chunks: data.list("chunks", chunkOf),
      texts: data.list("texts", textOf),
      views: viewsOf(data.fields("views"), state.tables.length, reader),
      state,
    },
    functions,
    luaFunctions: new Map(),
    tasks: tasksOf(data.fields("tasks"), functions.length),
    randomState: data.value("randomState") === undefined ? undefined : data.number("randomState"),
    printed: data.text("printed"),
    isLocked: data.flag("isLocked"),
    hasIo: data.flag("hasIo"),
  };
  if (!reader.isAtEnd) throw new UnreadableError("something follows that is none of it");
  return record;
}

const textItem = (value: unknown): string => Fields.checkedText(value);
const keysOf = (value: unknown): string[] => listOf(value, textItem, WIRE.SHAPE_KEYS_MAX);

function chunkOf(value: unknown): ChunkRecord[number] {
  const data = new Fields(value);
  const chunkName = data.value("chunkName") === undefined ? undefined : data.text("chunkName");
  return { chunk: data.count("chunk"), code: data.text("code"), chunkName, bytes: data.count("bytes") };
}

function textOf(value: unknown): KnownRecord["texts"][number] {
  const [chunk, text, ...others] = listOf(value, (item) => item);
  if (others.length > 0) throw new UnreadableError("a text has too many parts");
  const data = new Fields(text);
  const code = data.value("code");
  return [
    Fields.checkedCount(chunk),
    { code: code instanceof Uint8Array ? code : Fields.checkedText(code), chunkName: data.text("chunkName") },
  ];
}

function keyOf(value: unknown): string | number {
  return typeof value === "number" ? value : Fields.checkedText(value);
}

function functionOf(value: unknown): FunctionRecord {
  const data = new Fields(value);
  const path = data.list("path", keyOf);
  return {
    place: data.count("place", DEFINE.RESOLVER + 1),
    option: data.text("option"),
    path,
    name: data.text("name"),
  };
}

function viewsOf(data: Fields, tableCount: number, reader: ValueReader): ViewsRecord {
  const inputs = data.list("inputs", (value) => {
    const input = new Fields(value);
    return { nullKind: input.count("nullKind", 3), isShared: input.flag("isShared") };
  });
  const origins = data.list("origins", (value, i) => {
    const origin = new Fields(value);
    const parent = origin.index("parent", i);
    const input = origin.count("input", inputs.length);
    return { parent, key: keyOf(origin.value("key")), isElements: origin.flag("isElements"), input };
  });
  const free = data.value("free");
  if (!(free instanceof Uint32Array)) throw new UnreadableError("free numbers are none");
  const numbers = new Numbers(free);
  const heads = data.list("views", (value) => new Fields(value));
  const tables = data.list("tables", (value) => {
    const table = new Fields(value);
    return { number: table.count("number"), table: table.count("table", tableCount), isCover: table.flag("isCover") };
  });
  if (new Set(tables.map(({ table }) => table)).size < tables.length) {
    throw new UnreadableError("a table has two numbers");
  }
  const ownTables = tables.filter(({ isCover }) => !isCover);
  numbers.expect(heads.length + ownTables.length);
  for (const { number } of ownTables) numbers.take(number - 1);
  const views = heads.map((head) => ({
    number: numbers.take(head.count("number") - 1) + 1,
    object: objectOf(reader.read(), head.flag("isThrown")),
    origin: head.count("origin", origins.length),
    key: keyOf(head.value("key")),
    isLarge: head.flag("isLarge"),
  }));
  const objects = new Set(views.map(({ number }) => number));
  const covered = tables.filter(({ isCover }) => isCover).map(({ number }) => number);
  if (new Set(covered).size < covered.length || covered.some((number) => !objects.has(number))) {
    throw new UnreadableError("a table stands for no object");
  }
  const thrown = data.index("thrown", origins.length);
  return { inputs, origins, views, tables, thrown, free };
}

/** Numbers that are given once each, and leave no gap. */
class Numbers {
  readonly #taken: Set<number>;
  #count = 0;

  constructor(free: Uint32Array) {
    this.#taken = new Set(free);
    if (this.#taken.size !== free.length) throw new UnreadableError("a number is free twice");
  }

  expect(others: number): void {
    this.#count = this.#taken.size + others;
    for (const number of this.#taken) this.#check(number);
  }

  take(number: number): number {
    this.#check(number);
    if (this.#taken.has(number)) throw new UnreadableError("a number is given twice");
    this.#taken.add(number);
    return number;
  }

  #check(number: number): void {
    if (!(number >= 0 && number < this.#count)) throw new UnreadableError("a number is out of range");
  }
}

function objectOf(value: unknown, isThrown: boolean): object {
  if (typeof value !== "object" || value === null) throw new UnreadableError("a container is none");
  if (!isThrown) return value;
  const [mark, isRefusal, name, content] = listOf(value, (item) => item);
  if (mark !== THROWN || typeof isRefusal !== "boolean") throw new UnreadableError("an error is none");
  if (name === undefined) return new Thrown(content, isRefusal);
  return new Thrown(errorOf(Fields.checkedText(name), Fields.checkedText(content)), isRefusal);
}

/** Errors of the language are of their own classes again. */
const ERRORS = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

function errorOf(name: string, message: string): Error {
  const type = Object.hasOwn(ERRORS, name) ? ERRORS[name as keyof typeof ERRORS] : Error;
  const error = new type(message);
  if (error.name !== name) Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
  return error;
}

function tasksOf(data: Fields, functionCount: number): TasksRecord {
  const tasks = data.list("tasks", (value) => taskOf(new Fields(value), functionCount));
  return { nextCall: data.count("nextCall"), tasks };
}

function taskOf(data: Fields, functionCount: number): TaskRecord {
  const strands: StrandRecord[] = [];
  for (const value of data.list("strands", (value) => new Fields(value))) {
    strands.push(strandOf(value, strands, functionCount));
  }
  if (strands.length === 0) throw new UnreadableError("a run has nothing that runs");
  const stats = data.fields("stats");
  return {
    action: data.text("action"),
    results: data.count("results", RESULTS.WITH_JSON + 1),
    keeps: data.flag("keeps"),
    timeLeft: data.number("timeLeft"),
    stepsLeft: data.number("stepsLeft"),
    timeLimit: data.number("timeLimit"),
    stepLimit: data.number("stepLimit"),
    channel: data.count("channel"),
    stats: {
      steps: stats.number("steps"),
      milliseconds: stats.number("milliseconds"),
      peakBytes: stats.number("peakBytes"),
      hostCalls: stats.number("hostCalls"),
    },
    printed: data.value("printed") === undefined ? "" : data.text("printed"), // not in older bytes
    strands,
  };
}

function strandOf(data: Fields, before: readonly StrandRecord[], functionCount: number): StrandRecord {
  const parent = data.index("parent", before.length);
  const isFirst = parent === -1;
  if (isFirst !== (before.length === 0) || !isFirst && before[parent].left === 0) {
    throw new UnreadableError("a run has parts that don't fit");
  }
  const called = data.count("called");
  if (called >= functionCount && (called < WIRE.SLEEP_FUNCTION || called > WIRE.RACE_FUNCTION)) {
    if (data.value("call") !== undefined) throw new UnreadableError("a run waits for no function");
  }
  const call = data.value("call") === undefined ? undefined : data.count("call");
  return { number: data.count("number"), parent, call, called, isRace: data.flag("isRace"), left: data.count("left") };
}
