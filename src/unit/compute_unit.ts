/**
 * One isolated Lua state.
 *
 * @module
 */

import { Decoder } from "../bridge/decode.ts";
import { boundFunctions, HostFunctions } from "../host/host_functions.ts";
import { type LuaFunction, LuaFunctions } from "../host/lua_functions.ts";
import { definePowers, finderOf, hasPowers } from "../host/powers.ts";
import { ViewEncoder } from "../lazy/encode_views.ts";
import { ExternalTables } from "../lazy/external_tables.ts";
import { HostTables } from "../lazy/host_tables.ts";
import { Instance } from "../runtime/instance.ts";
import { copyOf } from "../runtime/memory_image.ts";
import type { Allowance } from "../runtime/runs.ts";
import { GLOBALS, OWN_CHANNEL, RESULTS, WIRE } from "../runtime/wire.ts";
import { ExternalTable } from "../state/external_table.ts";
import { type Home, homeInternals, type IoValues } from "../state/home.ts";
import { HOME_ID, State } from "../state/tables.ts";
import { DISPOSE } from "../values/dispose.ts";
import { isLargerThan } from "../values/estimate.ts";
import { describe } from "../values/kinds.ts";
import type { LuaValue } from "../values/lua_value.ts";
import { checkOptions, checkString, NO_OPTIONS } from "../values/options.ts";
import { pathText } from "../values/paths.ts";
import { textOrBytes } from "../values/text.ts";
import { Chunks } from "./chunks.ts";
import { Figures, type RunStats } from "./figures.ts";
import { checkJson, indentText, readJson, setInputJson, writeOutputJson } from "./json_text.ts";
import { Known } from "./known.ts";
import { Printed } from "./printed.ts";
import { Reports } from "./reports.ts";
import type { ComputeAsyncResult } from "./run_result.ts";
import { makeSnapshot, partsOf, Snapshot } from "./snapshot.ts";
import type { SnapshotParts, UnitRecord } from "./snapshot_record.ts";
import { TableIds } from "./table_ids.ts";
import { type PendingCall, type PreparedRun, Tasks } from "./tasks.ts";
import {
  checkUnitOptions,
  CHUNK_NAME_DEFAULT,
  COMPILE_OPTIONS,
  type CompileOptions,
  COMPUTE_ASYNC_OPTIONS,
  COMPUTE_OPTIONS,
  type ComputeAsyncOptions,
  type ComputeOptions,
  type ComputeUnitOptions,
  INPUT_JSON_OPTIONS,
  INPUT_OPTIONS,
  type InputJsonOptions,
  type InputOptions,
  instanceOptions,
  LAZY_THRESHOLD_DEFAULT,
  nullKindOf,
  OUTPUT_JSON_OPTIONS,
  type OutputJsonOptions,
  RESTORE_OPTIONS,
  type RestoreOptions,
  type RunOptions,
  SNAPSHOT_OPTIONS,
  type SnapshotOptions,
  STATE_LIMIT_DEFAULT,
  STATE_OPTIONS,
  type StateOptions,
} from "./unit_options.ts";
import { Uses } from "./uses.ts";

/**
 * Compiled code: a function that runs it, as {@linkcode ComputeUnit.compute} would.
 * Disposing of it frees what the unit keeps of it; disposing of the unit does too.
 *
 * @typeParam T Type of the result; it isn't checked.
 */
export interface CompiledChunk<T = LuaValue> extends Disposable {
  /** Runs the code and returns the value of its first result. */
  (): T;
}

/** Figures of a unit's memory, in bytes; all are measured. */
export interface MemoryStats {
  /** What Lua's live blocks take now, garbage not yet collected included. */
  usedBytes: number;
  /** The most they ever took. */
  peakBytes: number;
  /** Size of the WASM memory. */
  wasmBytes: number;
  /** What it may grow to. */
  limitBytes: number;
}

/** What code may take that is run on its own, with what IoWrapper says of `_io`. */
export interface TaskComputeOptions extends ComputeAsyncOptions {
  /** Whether the unit's own `_io` is emptied before. */
  clears?: boolean | undefined;
  /** Whether `_io` begins as the unit's own is, and whether that becomes as this is in the end. */
  inherits?: boolean | undefined;
  keeps?: boolean | undefined;
}

/** What other modules here need of units, and users don't. */
export const internals = {} as {
  /** Takes the input of code that may wait. */
  make: (unit: ComputeUnit, code: string | Uint8Array, options: TaskComputeOptions) => PreparedRun;
  /** The same for a handler. */
  makeRequest: (
    unit: ComputeUnit,
    method: string,
    params: unknown,
    options: TaskComputeOptions,
  ) => PreparedRun;
  /** Whether a value is lazy by its size. */
  isLarge: (unit: ComputeUnit, value: object) => boolean;
  /** The unit's clock. */
  now: (unit: ComputeUnit) => number;
  /** Makes a unit at once; {@linkcode ComputeUnit.create} doesn't hold up its caller. */
  create: (options: ComputeUnitOptions) => ComputeUnit;
  /** What broke a unit; undefined where it isn't broken. */
  brokenBy: (unit: ComputeUnit) => unknown;
  /** Leaves `task.sleep` to the host, and calls a function when a run has gone on. */
  watchRuns: (unit: ComputeUnit, afterGoing: () => void) => void;
  /** Whether a run waits for a call. */
  isPending: (unit: ComputeUnit, id: number) => boolean;
  /** The function for which a run waits, by the call's number. */
  calledFor: (unit: ComputeUnit, id: number) => unknown;
};

/** What a unit that goes on from a copy has besides memory. */
interface CopyOrigin {
  readonly record: UnitRecord;
  readonly functions: Parameters<HostFunctions["bind"]>[0];
}

const LOAD = "load the snapshot";

/** A home is one unit's at a time: its copies have none. */
function withoutHome(options: ComputeUnitOptions): ComputeUnitOptions {
  return { ...options, home: undefined, autosave: undefined };
}

function libraryOf({ isLocked }: UnitRecord): "readonly" | "writable" {
  return isLocked ? "readonly" : "writable";
}

const FIELD = { input: 0, output: 1, meta: 2 } as const;

/**
 * An isolated, sandboxed Lua 5.4 state in its own WebAssembly memory.
 *
 * All methods are synchronous but {@linkcode ComputeUnit.create}, {@linkcode ComputeUnit.fromSnapshot},
 * {@linkcode ComputeUnit.saveState}, {@linkcode ComputeUnit.loadState} and those whose names end in `Async`. They throw
 * a TypeError, or reject with it, while the unit runs (from `onPrint`, or a getter of an input) and once it has been
 * disposed. A unit is a `Disposable`; units share nothing.
 *
 * They throw a RangeError where there is too little room on the JavaScript stack, and leave
 * the unit as it is. Where WebAssembly traps, or the stack ends while the unit is at work,
 * the unit is broken: the call throws an error that says so, with what was thrown as its
 * `cause`, and each later one a TypeError with the same `cause`. Then only
 * {@linkcode ComputeUnit.dispose} and {@linkcode ComputeUnit.printed} work, and {@linkcode ComputeUnit.restore}.
 *
 * @example Structured input and output
 * ```ts
 * import { ComputeUnit } from "@computeunit/cu";
 * import { assertEquals } from "@std/assert";
 *
 * using cu = await ComputeUnit.create();
 * cu.setInput({ prices: [19.9, 5, 12.5] });
 * cu.compute(`
 *   local sum = 0
 *   for _, price in ipairs(_io.input.prices) do sum = sum + price end
 *   _io.output = { count = #_io.input.prices, sum = sum }
 * `);
 * assertEquals(cu.getOutput(), { count: 3, sum: 37.4 });
 * ```
 */
export class ComputeUnit implements Disposable {
  #options: ComputeUnitOptions;
  #uses: Uses;
  #luaFunctions: LuaFunctions;
  #known: Known | undefined;
  // Gone with the instance, whose memory they look into.
  #encoder: ViewEncoder | undefined;
  #decoder: Decoder | undefined;
  #tables: HostTables | undefined;
  #external: ExternalTables | undefined;
  #tableIds: TableIds | undefined;
  #home: Home | undefined;
  #reports: Reports | undefined;
  #lazyThreshold: number;
  #onPrint: ((line: string) => void) | undefined;
  readonly #printed: Printed = new Printed();
  #chunks: Chunks | undefined;
  #functions: HostFunctions | undefined;
  #figures: Figures | undefined;
  #tasks: Tasks | undefined;

  /**
   * Creates a unit.
   *
   * @param options Limits, and where printed text goes.
   * @returns The unit.
   * @throws {TypeError} If an option is unknown, or of the wrong kind.
   * @throws {RangeError} If `timeLimit` or `stepLimit` isn't positive, `seed` no integer of 32 bits, `memoryLimit` not from 1 MiB to 4 GiB, `lazyThreshold` not
   * from 0, or there is no such `timeZone`.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create({ memoryLimit: 16 * 1024 * 1024, timeLimit: 1000 });
   * assertEquals(cu.compute("return 42"), 42);
   * ```
   */
  static async create(options: ComputeUnitOptions = NO_OPTIONS): Promise<ComputeUnit> {
    checkUnitOptions(options);
    return new ComputeUnit(await Instance.create(instanceOptions(options)), options);
  }

  static {
    internals.create = (options) => {
      checkUnitOptions(options);
      return new ComputeUnit(Instance.createNow(instanceOptions(options)), options);
    };
    internals.brokenBy = (unit) => unit.#uses.instance?.broken;
    internals.watchRuns = (unit, afterGoing) => Object.assign(unit.#tasks!, { holdsSleeps: true, afterGoing });
    internals.calledFor = (unit, id) => unit.#tasks?.calledFor(id);
    internals.isPending = (unit, id) => unit.#tasks?.isPending(id) === true;
    internals.make = (unit, code, options) => unit.#makeTask(code, options);
    internals.makeRequest = (unit, method, params, options) => unit.#makeRequest(method, params, options);
    internals.isLarge = (unit, value) => isLargerThan(value, unit.#lazyThreshold);
    internals.now = (unit) => unit.#uses.ready("read the clock").now();
  }

  private constructor(instance: Instance, options: ComputeUnitOptions, origin?: CopyOrigin) {
    if (!(instance instanceof Instance)) {
      throw new TypeError("Cannot construct a ComputeUnit: use `await ComputeUnit.create()` instead");
    }
    this.#options = options;
    this.#lazyThreshold = options.lazyThreshold ?? LAZY_THRESHOLD_DEFAULT;
    this.#onPrint = options.onPrint;
    this.#uses = new Uses(instance);
    this.#luaFunctions = new LuaFunctions({
      call: (callee, args) => this.#callFunction(callee, args),
      callAsync: (callee, args) => this.#callAsync(callee, callee.name, args),
      release: (number) => this.#releaseFunction(number),
    });
    if (origin === undefined) this.#begin(instance, options);
    else this.#beginFrom(instance, origin, options.home);
  }

  #beginFrom(instance: Instance, origin: CopyOrigin, home: Home | undefined): void {
    this.#home = home;
    if (home !== undefined) this.#claim(home);
    try {
      this.#goOnFrom(instance, origin, new State());
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** The home's tables, which are this unit's: what its code has put into another `_home` isn't there to be saved. */
  #claim(home: Home): State {
    return homeInternals.claim(home, () => {
      if (this.#uses.instance?.broken !== undefined) return;
      const action = `save state ${JSON.stringify(home.name)}`;
      this.#uses.use(action, ({ exports }) => this.#check(exports.check_globals(0), action));
    });
  }

  #begin(instance: Instance, options: ComputeUnitOptions): void {
    const home = this.#home = options.home;
    const known = new Known(instance.memoryLimit, home && this.#claim(home));
    const functions = this.#connect(instance, known);
    try {
      if (hasPowers(options)) definePowers(functions, options);
      if (options.library === "readonly") functions.lock();
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** Makes what stands between the host and the instance, which knows so much. */
  #connect(instance: Instance, known: Known): HostFunctions {
    const uses = this.#uses;
    uses.instance = instance;
    this.#known = known;
    const encoder = this.#encoder = new ViewEncoder(instance, known.shapes);
    const decoder = this.#decoder = new Decoder(instance, known.shapes);
    const external = this.#external = new ExternalTables(
      instance,
      encoder,
      decoder,
      known.views,
      known.state,
      known.madeTables,
      this.#options.stateLimit ?? STATE_LIMIT_DEFAULT,
    );
    this.#tableIds = new TableIds(known.state, known.madeTables);
    const tables = this.#tables = new HostTables(instance, encoder, decoder, known.views, external);
    const reports = this.#reports = new Reports(instance, decoder, known.views);
    this.#chunks = new Chunks(instance, reports, known);
    if (this.#options.onProgress !== undefined) instance.runs.watch(this.#options.onProgress);
    const luaFunctions = this.#luaFunctions;
    encoder.numberOfFunction = (value) => luaFunctions.numberOf(value);
    const functions = this.#functions = new HostFunctions(instance, encoder, decoder, tables, luaFunctions);
    reports.moduleText = (name) => functions.moduleText(name);
    const figures = this.#figures = new Figures(instance, functions);
    const autosaved = this.#options.autosave === true ? this.#home : undefined;
    const tasks = this.#tasks = new Tasks(
      uses,
      encoder,
      decoder,
      reports,
      functions,
      figures,
      external,
      this.#printed,
      autosaved,
    );
    instance.host = {
      flush: (words, heapBytes) => decoder.takeChunk(words, heapBytes),
      load: (op, view, first, count) => tables.load(op, view, first, count),
      release: (count) => tables.release(count),
      print: (line) => this.#print(line),
      call: (number, words, chunks) => functions.call(number, words, chunks),
      raise: (thrown) => tables.raise(thrown, false),
      broke: (failure) => tasks.end(failure),
      outOfSteps: (stepLimit, position) => reports.outOfSteps(stepLimit, position),
      timeUp: (timeLimit, position) => reports.timeUp(timeLimit, position),
    };
    return functions;
  }

  /** Goes on from a copy of a unit, whose memory the instance has already; with its own `home`, or in this state. */
  #goOnFrom(instance: Instance, { record, functions }: CopyOrigin, state: State): void {
    const home = this.#home;
    const ownState = home === undefined ? state : homeInternals.stateOf(home);
    const known = new Known(instance.memoryLimit, ownState, record.known, home !== undefined);
    this.#connect(instance, known).bind(functions);
    this.#printed.begin(record.printed);
    this.#uses.noteChannel(OWN_CHANNEL);
    try {
      this.#uses.use(LOAD, ({ exports }) => {
        for (const number of this.#luaFunctions.restore(record.luaFunctions)) {
          this.#check(exports.release_function(number), LOAD);
        }
        if (!record.hasIo) this.#check(exports.clear_io_table(), LOAD);
        if (home !== undefined) this.#external!.forgetOthers(known.views.externals());
      });
      this.#tasks!.restore(record.tasks);
    } catch (error) {
      instance.broken ??= error; // half of it is there
      throw error;
    }
  }

  /** Number of the `_io` table; the same for the life of the unit. */
  get ioTableId(): number {
    return this.#uses.ready("read ioTableId").ioTableId;
  }

  /** Number of the `_home` table; the same for the life of the unit. */
  get homeTableId(): number {
    return this.#uses.ready("read homeTableId").homeTableId;
  }

  /** Address of the 64 KB I/O buffer in WASM memory. */
  get bufferPtr(): number {
    return this.#uses.ready("read bufferPtr").bufferPtr;
  }

  /** Size of the I/O buffer in bytes. */
  get bufferSize(): number {
    this.#uses.ready("read bufferSize");
    return WIRE.BUFFER_SIZE_BYTES;
  }

  /**
   * What the run has printed that ran last, from its beginning on, each line ended by a newline: of runs that wait,
   * and overlap, the one that went on last. Of several runs that overlap, `onPrint` hears all. Empty where the
   * unit has one.
   */
  get printed(): string {
    return this.#printed.text;
  }

  /**
   * Runs Lua code and returns the value of its first result.
   *
   * Code is compiled once: the same text runs again without compiling. A first line that
   * begins with `#` is skipped, and a byte order mark before it. Results may be of any size
   * and structure.
   *
   * @typeParam T Type of the result; it isn't checked.
   * @param code Lua source text, or its bytes.
   * @param options Name of the code.
   * @returns The first value that the code returns, `null` where there is none.
   * @throws {LuaError} If the code doesn't compile, raises an error or exceeds a limit.
   * @throws {TypeError} If the result can't be passed, such as a function, or the chunk's name isn't a line of text.
   * @throws {RangeError} If a result nests deeper than 1000 levels, or takes more than the memory limit and 1 GiB.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * assertEquals(cu.compute("return { 'a', 'b' }"), ["a", "b"]);
   * ```
   */
  compute<T = LuaValue>(code: string | Uint8Array, options: ComputeOptions = NO_OPTIONS): T {
    return this.#compute(code, options, false)[0] as T;
  }

  /**
   * Compiles Lua code, to be run many times. {@linkcode ComputeUnit.compute} keeps what
   * it compiled too, but no more than 256 chunks in an eighth of the memory limit, and looks
   * each up by its text.
   *
   * @typeParam T Type of the result; it isn't checked.
   * @param code Lua source text, or its bytes.
   * @param options Name of the code.
   * @returns A function that runs the code, and throws as {@linkcode ComputeUnit.compute}.
   * @throws {LuaError} If the code doesn't compile.
   * @throws {TypeError} If the chunk's name isn't a line of text, or there is another option.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * using square = cu.compile<number>("return _io.input ^ 2");
   * cu.setInput(3);
   * assertEquals(square(), 9);
   * cu.setInput(4);
   * assertEquals(square(), 16);
   * ```
   */
  compile<T = LuaValue>(code: string | Uint8Array, options: CompileOptions = NO_OPTIONS): CompiledChunk<T> {
    checkOptions("compile", options, COMPILE_OPTIONS);
    const chunk = this.#uses.use("compile", () => this.#chunks!.compile(code, options.chunkName));
    const text = this.#chunks!.textOf(chunk);
    const isKnown = () => this.#chunks?.textOf(chunk) === text;
    let isDisposed = false;
    const run = (): T => {
      if (isDisposed) throw new TypeError("Cannot run compiled code: it has been disposed");
      return this.#uses.use("compute", (instance) => {
        if (isKnown()) return this.#run(instance, chunk, false, NO_OPTIONS);
        const name = options.chunkName ?? CHUNK_NAME_DEFAULT;
        throw new TypeError(`Cannot run ${name}: the unit was restored to a snapshot without this compiled code`);
      })[0] as T;
    };
    const dispose = (): void => {
      const { instance } = this.#uses;
      const isThere = instance !== undefined && instance.broken === undefined && isKnown();
      if (!isDisposed && isThere) {
        this.#uses.use("dispose compiled code", () => this.#chunks!.forget(chunk));
      }
      isDisposed = true;
    };
    return Object.assign(run, { [DISPOSE]: dispose });
  }

  /**
   * Runs Lua code and returns the values of all its results.
   *
   * @param code Lua source text, or its bytes.
   * @param options Name of the code.
   * @returns The values that the code returns.
   * @throws {LuaError} If the code doesn't compile, raises an error or exceeds a limit.
   * @throws {TypeError} If a result can't be passed, such as a function, or the chunk's name isn't a line of text.
   * @throws {RangeError} If a result nests deeper than 1000 levels, or takes more than the memory limit and 1 GiB.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * assertEquals(cu.computeAll("return 1, nil, 'three'"), [1, null, "three"]);
   * ```
   */
  computeAll(code: string | Uint8Array, options: ComputeOptions = NO_OPTIONS): LuaValue[] {
    return this.#compute(code, options, true);
  }

  /**
   * As {@linkcode ComputeUnit.compute}, for a result that fits the 64 KB I/O buffer.
   *
   * @param code Lua source text.
   * @returns The first value that the code returns, `null` where there is none.
   * @throws {TypeError} If the result can't be passed, such as a function.
   * @throws {RangeError} If the result doesn't fit the buffer.
   * @throws {LuaError} If the code doesn't compile, raises an error or exceeds a limit.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertThrows } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * assertThrows(() => cu.computeInBuffer("return ('x'):rep(100000)"), RangeError, "_io.output");
   * ```
   */
  computeInBuffer(code: string): LuaValue {
    const [value] = this.#compute(code, NO_OPTIONS, false);
    if (this.#decoder!.lastSize > WIRE.BUFFER_SIZE_BYTES) {
      throw new RangeError(
        `Cannot return the result: its ${this.#decoder!.lastSize} bytes don't fit the ` +
          `${WIRE.BUFFER_SIZE_BYTES}-byte buffer; set _io.output instead`,
      );
    }
    return value;
  }

  /**
   * Sets `_io.input`: to a copy of the value, or to a view of it, from which Lua loads what
   * code reads. Code can't tell them apart, but by time and memory, and outputs are the same;
   * only `lazy: true` gives back the host's own objects. A copy is made here, and what the
   * host changes afterwards isn't seen; a lazy input, asked for or chosen for its size, is read
   * while code runs and when an output is read, and must not change until then.
   *
   * @param value Any value that docs/IO_TABLE_API.md lists; `null` and `undefined` are nil.
   * @param options Whether to copy, and what nulls are; by default, a large value isn't copied.
   * @throws {TypeError} If something in it can't be passed, with its path, or code replaced
   * `_io`. Of a lazy input, the call that reads it throws.
   * @throws {RangeError} If it nests deeper than 1000 levels, or has a bigint beyond int64.
   * @throws {LuaError} If the unit has no memory for it.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.setInput({ user: { name: "Alice", tags: ["a", "b"] } });
   * assertEquals(cu.compute("return _io.input.user.tags[2]"), "b");
   * ```
   *
   * @example Without a copy
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals, assertStrictEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create({ memoryLimit: 4 * 1024 * 1024 });
   * const rows = Array.from({ length: 1_000_000 }, (_, i) => ({ id: i, price: i % 100 }));
   * cu.setInput(rows, { lazy: true });
   * cu.compute(`
   *   local sum, last = 0, nil
   *   for _, row in ipairs(_io.input) do sum, last = sum + row.price, row end
   *   _io.output = { sum = sum, last = last }
   * `);
   * const { sum, last } = cu.getOutput<{ sum: number; last: unknown }>();
   * assertEquals(sum, 49_500_000);
   * assertStrictEquals(last, rows[999_999]); // the object itself
   * ```
   */
  setInput(value: unknown, options: InputOptions = NO_OPTIONS): void {
    this.#set("set input", FIELD.input, "input", value, options);
  }

  /**
   * Sets `_io.input` to the value of a JSON text, which Lua reads by itself: in less time than
   * `JSON.parse` and {@linkcode ComputeUnit.setInput} take, and with integers of 64 bits as they are. It is the unit's
   * own `_io`, which runs of {@linkcode ComputeUnit.computeAsync} don't see.
   *
   * @param text The text, or its bytes in UTF-8.
   * @param options What nulls are.
   * @throws {SyntaxError} If it is no JSON, with line and column: also where a string has a lone
   * surrogate as an escape, bytes are no UTF-8, or a number is beyond a 64-bit float.
   * @throws {TypeError} If `text` is neither a string nor a Uint8Array, has a lone surrogate, or code replaced `_io`.
   * @throws {RangeError} If it nests deeper than 1000 levels.
   * @throws {LuaError} If the unit has no memory for it, or reading it exceeds a limit.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.setInputJson('{"id":9007199254740993,"tags":[]}');
   * assertEquals(cu.compute("return _io.input.id"), 9007199254740993n);
   * ```
   */
  setInputJson(text: string | Uint8Array, options: InputJsonOptions = NO_OPTIONS): void {
    const action = "set input";
    checkJson(action, text);
    checkOptions(action, options, INPUT_JSON_OPTIONS);
    this.#uses.use(action, (instance) => this.#check(setInputJson(instance, text, options.nulls === "keep"), action));
  }

  /**
   * Sets one field of `_io.input`, which becomes a table if it is nil.
   *
   * @param key The field's name.
   * @param value As for {@linkcode ComputeUnit.setInput}.
   * @param options As for {@linkcode ComputeUnit.setInput}.
   * @throws {TypeError} If the value can't be passed, `_io.input` isn't a table, or code replaced `_io`.
   * @throws {RangeError} If it nests deeper than 1000 levels, or has a bigint beyond int64.
   * @throws {LuaError} If the unit has no memory for it.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.setInputField("rate", 0.25);
   * assertEquals(cu.compute("return _io.input.rate * 8"), 2);
   * ```
   */
  setInputField(key: string, value: unknown, options: InputOptions = NO_OPTIONS): void {
    checkString("set input field", "key", key);
    checkOptions("set input field", options, INPUT_OPTIONS);
    const name = pathText("input", [key]);
    this.#uses.use("set input field", (instance) => {
      const nullKind = nullKindOf(options);
      if (this.#isLazy(value, options)) {
        this.#tables!.encode(value, "set input field", name, nullKind, options.lazy === true, key);
      } else this.#encoder!.encode([key, value], "set input field", name, 1, nullKind);
      this.#check(instance.guard(() => instance.exports.set_input_field()), "set input field");
    });
  }

  /**
   * Reads `_io.output`. The value shares no object with an input, but where
   * `lazy: true` was said. `JSON.stringify` writes a Map as `{}`, loses bytes and NaN, and throws
   * for a bigint: docs/IO_TABLE_API.md says when an output has these, and how to be strict.
   *
   * @typeParam T Type of the output; it isn't checked.
   * @returns The output, `null` where there is none.
   * @throws {TypeError} If something in it can't be passed, or code replaced `_io`.
   * @throws {RangeError} If it nests deeper than 1000 levels, or takes more than the memory limit and 1 GiB.
   * @throws {LuaError} If reading it exceeds the time limit.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.compute("_io.output = { ok = true, items = _io.array({}) }");
   * assertEquals(cu.getOutput(), { items: [], ok: true });
   * ```
   */
  getOutput<T = LuaValue>(): T {
    return this.#get("get output", (instance) => instance.exports.get_io(FIELD.output)) as T;
  }

  /**
   * Reads `_io.output` as a JSON text, as `JSON.stringify` writes it, but with integers of 64 bits, and
   * -0, as they are. Dates become ISO 8601. What JSON can't hold is an error: a Map with keys that
   * are no strings, a Set, bytes, NaN, infinities, cycles.
   *
   * @param options How it is written.
   * @returns The text; where there is no output, the text `null`.
   * @throws {TypeError} If something in it can't be written, with its path, or code replaced `_io`.
   * @throws {RangeError} If it nests deeper than 1000 levels.
   * @throws {LuaError} If the unit has no memory for the text, or writing it exceeds a limit.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.compute("_io.output = { id = 9007199254740993, items = _io.array({}) }");
   * assertEquals(cu.getOutputJson(), '{"id":9007199254740993,"items":[]}');
   * ```
   */
  getOutputJson(options: OutputJsonOptions = NO_OPTIONS): string {
    const action = "get output";
    checkOptions(action, options, OUTPUT_JSON_OPTIONS);
    return this.#uses.use(action, (instance) => {
      const length = writeOutputJson(instance, indentText(options.indent ?? 0), options.sort === true);
      this.#check(length, action);
      return readJson(instance, length);
    });
  }

  /**
   * Reads one field of `_io.output`.
   *
   * @typeParam T Type of the field; it isn't checked.
   * @param key The field's key in Lua: a name, or a position from 1.
   * @returns The field, `null` where there is none.
   * @throws {TypeError} If something in it can't be passed, or code replaced `_io`.
   * @throws {RangeError} If it nests deeper than 1000 levels, or takes more than the memory limit and 1 GiB.
   * @throws {LuaError} If reading it exceeds the time limit.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.compute("_io.output = { count = 3, rows = { 1, 2, 3 } }");
   * assertEquals(cu.getOutputField("count"), 3);
   * ```
   */
  getOutputField<T = LuaValue>(key: string | number): T {
    if (typeof key !== "number") checkKey(key);
    return this.#get("get output field", (instance) => {
      this.#encoder!.encode(key, "get output field", "key");
      return instance.exports.get_output_field();
    }) as T;
  }

  /**
   * Sets `_io.meta`, which travels beside the input.
   *
   * @param value As for {@linkcode ComputeUnit.setInput}; copied or lazy by its size.
   * @throws {TypeError} If something in it can't be passed, with its path, or code replaced `_io`.
   * @throws {RangeError} If it nests deeper than 1000 levels, or has a bigint beyond int64.
   * @throws {LuaError} If the unit has no memory for it.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.setMetadata({ locale: "de" });
   * cu.compute("_io.meta.seen = true");
   * assertEquals(cu.getMetadata(), { locale: "de", seen: true });
   * ```
   */
  setMetadata(value: unknown): void {
    this.#set("set metadata", FIELD.meta, "meta", value);
  }

  /**
   * Reads `_io.meta`, with what Lua code changed in it.
   *
   * @typeParam T Type of the metadata; it isn't checked.
   * @returns The metadata, `null` where there is none.
   * @throws {TypeError} If something in it can't be passed, or code replaced `_io`.
   * @throws {RangeError} If it nests deeper than 1000 levels, or takes more than the memory limit and 1 GiB.
   * @throws {LuaError} If reading it exceeds the time limit.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.compute("_io.meta = { rows = 3 }");
   * assertEquals(cu.getMetadata(), { rows: 3 });
   * ```
   */
  getMetadata<T = LuaValue>(): T {
    return this.#get("get metadata", (instance) => instance.exports.get_io(FIELD.meta)) as T;
  }

  /**
   * Calls a handler: a global function that Lua code in this unit defined, or a table with
   * `__call`. Functions of the library, such as `load`, are none, whatever name they have.
   *
   * `_io.input` becomes `{ method, params }`, and `_io.output` the handler's first result.
   *
   * @param method Name of the handler.
   * @param params Its argument; nil by default.
   * @param options As for {@linkcode ComputeUnit.setInput}, for `params`.
   * @returns Whether there is such a handler.
   * @throws {LuaError} If the handler raises an error or exceeds a limit.
   * @throws {TypeError} If something in `params` can't be passed, with its path, or code replaced `_io`.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assert, assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.compute("function double(n) return n * 2 end");
   * assert(cu.callHandler("double", 21));
   * assertEquals(cu.getOutput(), 42);
   * assert(!cu.callHandler("load", "return 1"));
   * ```
   */
  callHandler(method: string, params?: unknown, options: InputOptions = NO_OPTIONS): boolean {
    checkString("call handler", "method", method);
    this.#set("call handler", FIELD.input, "input", { method, params }, options);
    return this.#uses.use("call handler", (instance) => {
      const found = this.#execute(instance, () => instance.exports.request());
      this.#check(found, "call handler");
      return found === 1;
    });
  }

  /**
   * Calls a Lua function by its name, and returns the value of its first result.
   *
   * @typeParam T Type of the result; it isn't checked.
   * @param name A global's name, or with dots one in tables of globals: "rules.tax.gross".
   * @param args The arguments, which are copied.
   * @returns The first value that the function returns, `null` where there is none.
   * @throws {LuaError} If there is no such function, it raises an error, or exceeds a limit.
   * @throws {TypeError} If an argument or the result can't be passed, or `name` isn't a string.
   * @throws {RangeError} If one nests deeper than 1000 levels, or has a bigint beyond int64.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.compute("tax = {} function tax.gross(net, rate) return net * (1 + rate) end");
   * assertEquals(cu.call("tax.gross", 100, 0.5), 150);
   * ```
   */
  call<T = LuaValue>(name: string, ...args: unknown[]): T {
    return this.#call(name, args, false)[0] as T;
  }

  /**
   * As {@linkcode ComputeUnit.call}, and returns the values of all results.
   *
   * @param name The function's name.
   * @param args The arguments, which are copied.
   * @returns The values that the function returns.
   * @throws {LuaError} If there is no such function, it raises an error, or exceeds a limit.
   * @throws {TypeError} If an argument or a result can't be passed, or `name` isn't a string.
   * @throws {RangeError} If one nests deeper than 1000 levels, or has a bigint beyond int64.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.compute("function divide(a, b) return a // b, a % b end");
   * assertEquals(cu.callAll("divide", 17, 5), [3, 2]);
   * ```
   */
  callAll(name: string, ...args: unknown[]): LuaValue[] {
    return this.#call(name, args, true);
  }

  /**
   * Runs code that may wait, as the other form does, and gives `_io.output` of the run as a JSON text.
   *
   * @typeParam T Type of the value; it isn't checked.
   * @param code Lua source text, or its bytes.
   * @param options Input, metadata, name, limits, and `outputJson: true`.
   * @returns The first value that the code returns, `_io.output` as text, and `_io.meta` of the run.
   * @throws {LuaError} If the code doesn't compile, raises an error or exceeds a limit, or writing the text does.
   * @throws {TypeError} If a value can't be passed, or JSON can't hold it, an option is wrong, or the unit is
   * disposed of meanwhile.
   * @throws {RangeError} If a value nests deeper than 1000 levels.
   * @throws {DOMException} `"AbortError"`, or what else `signal` was aborted with.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * const { output } = await cu.computeAsync("_io.output = { sum = _io.input[1] + _io.input[2] }", {
   *   input: [1, 2],
   *   outputJson: true,
   * });
   * assertEquals(output, '{"sum":3}');
   * ```
   */
  computeAsync<T = LuaValue>(
    code: string | Uint8Array,
    options: ComputeAsyncOptions & { outputJson: true },
  ): Promise<ComputeAsyncResult<T, string>>;

  /**
   * Runs Lua code that may wait: where a function of the host returns a promise, the code is suspended
   * until that is settled, and other runs, and the host, go on. Each such run has an `_io` of its own.
   *
   * The code runs until it first waits before this method returns; the input is read by then, as for
   * {@linkcode ComputeUnit.setInput}. Many runs may wait at the same time. `timeLimit` counts the time
   * in which the run itself ran; waiting isn't counted, and bounded by `signal` only, such as
   * `AbortSignal.timeout(ms)`.
   *
   * @typeParam T Type of the value; it isn't checked.
   * @typeParam Output Type of the output; it isn't checked.
   * @param code Lua source text, or its bytes.
   * @param options Input, metadata, name, limits.
   * @returns The first value that the code returns, `_io.output` and `_io.meta` of the run.
   * @throws {LuaError} If the code doesn't compile, raises an error or exceeds a limit.
   * @throws {TypeError} If a value can't be passed, an option is wrong, or the unit is disposed of meanwhile.
   * @throws {RangeError} If a value nests deeper than 1000 levels.
   * @throws {DOMException} `"AbortError"`, or what else `signal` was aborted with. `__close` of what
   * waited has run then.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create({
   *   modules: { store: { async price(sku: string) { return await Promise.resolve(sku.length); } } },
   * });
   * const code = `
   *   local store = require "store"
   *   local sum = 0
   *   for _, sku in ipairs(_io.input) do sum = sum + store.price(sku) end
   *   _io.output = { sum = sum }
   *   return "done"
   * `;
   * const [first, second] = await Promise.all([
   *   cu.computeAsync(code, { input: ["tea", "cups"] }),
   *   cu.computeAsync(code, { input: ["sugar"] }),
   * ]);
   * assertEquals([first.value, first.output, second.output], ["done", { sum: 7 }, { sum: 5 }]);
   * ```
   */
  computeAsync<T = LuaValue, Output = LuaValue>(
    code: string | Uint8Array,
    options?: ComputeAsyncOptions,
  ): Promise<ComputeAsyncResult<T, Output>>;

  async computeAsync<T = LuaValue, Output = LuaValue>(
    code: string | Uint8Array,
    options: ComputeAsyncOptions = NO_OPTIONS,
  ): Promise<ComputeAsyncResult<T, Output>> {
    checkOptions("compute", options, COMPUTE_ASYNC_OPTIONS);
    const { value, output, meta } = await this.#makeTask(code, options).begin();
    return { value: value as T, output: output as Output, meta };
  }

  /**
   * As {@linkcode ComputeUnit.call}, in a run that may wait, as {@linkcode ComputeUnit.computeAsync}.
   *
   * @typeParam T Type of the result; it isn't checked.
   * @param name The function's name.
   * @param args The arguments, which are copied before this method returns.
   * @returns The first value that the function returns, `null` where there is none.
   * @throws {LuaError} If there is no such function, it raises an error, or exceeds a limit.
   * @throws {TypeError} If an argument or the result can't be passed, or `name` isn't a string.
   * @throws {RangeError} If one nests deeper than 1000 levels, or has a bigint beyond int64.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create({ globals: { load_rate: async () => await Promise.resolve(0.25) } });
   * cu.compute("function gross(net) return net * (1 + load_rate()) end");
   * assertEquals(await cu.callAsync("gross", 100), 125);
   * ```
   */
  async callAsync<T = LuaValue>(name: string, ...args: unknown[]): Promise<T> {
    checkString("call a function", "name", name);
    return await this.#callAsync(name, name, args) as T;
  }

  /**
   * What the last run took: the code that ran last, of {@linkcode ComputeUnit.compute},
   * {@linkcode ComputeUnit.computeAsync} and their like.
   *
   * To look at the clock takes 0.3 µs: after 64 runs after which nobody has read this, runs aren't
   * timed, and `milliseconds` is NaN, until the first one after this is read. Of a run that waits, each
   * part between two waits counts as one.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assert } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.compute("local t = {} for i = 1, 1000 do t[i] = { i } end");
   * const { steps, milliseconds, peakBytes, hostCalls } = cu.lastRun;
   * assert(steps > 1000 && milliseconds >= 0 && peakBytes > 40_000 && hostCalls === 0);
   * ```
   */
  get lastRun(): RunStats {
    this.#uses.ready("read lastRun");
    return this.#figures!.read();
  }

  /**
   * Empties `_io`, and puts it and `_home` back under their names if code replaced them. What `_home` holds stays.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.setInput(1);
   * cu.clearIo();
   * assertEquals(cu.compute("return _io.input"), null);
   * ```
   */
  clearIo(): void {
    this.#uses.use("clear _io", ({ exports }) => {
      this.#check(exports.clear_io_table(), "clear _io");
    });
  }

  /** The table `_home`, as the host has it. */
  get home(): ExternalTable {
    this.#uses.ready("read home");
    return this.#tableIds!.find("read home", HOME_ID);
  }

  /**
   * Makes an external table. It stays until {@linkcode ComputeUnit.deleteExternalTable}, and as long after that
   * as it stands in another one, or Lua code has it.
   *
   * @returns Its number.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * const prices = cu.createExternalTable();
   * cu.setTableValue(prices, "tea", 4);
   * cu.setInput({ prices: cu.externalTable(prices) });
   * cu.compute("_io.input.prices.cups = 2 * _io.input.prices.tea");
   * assertEquals(cu.getTableValue(prices, "cups"), 8);
   * ```
   */
  createExternalTable(): number {
    this.#uses.ready("create a table");
    return this.#tableIds!.create();
  }

  /**
   * Lets go of a table that {@linkcode ComputeUnit.createExternalTable} has made.
   *
   * @param id Its number.
   * @returns Whether there was such a table.
   */
  deleteExternalTable(id: number): boolean {
    this.#uses.ready("delete a table");
    return this.#tableIds!.release(id);
  }

  /**
   * The external table with a number: that of `_home`, which {@linkcode ComputeUnit.homeTableId} is, of one that
   * the host has made, or of any {@linkcode ExternalTable}.
   *
   * @param id The number.
   * @returns The table, which as a value is that very table to Lua code.
   * @throws {RangeError} If there is no such table.
   */
  externalTable(id: number): ExternalTable {
    this.#uses.ready("get a table");
    return this.#tableIds!.find("get a table", id);
  }

  /**
   * Reads a value of an external table.
   *
   * @typeParam T Type of the value; it isn't checked.
   * @param id The table's number.
   * @param key The key, as Lua has it: a string, number, boolean, bigint or {@linkcode ExternalTable}.
   * @returns The value, copied; `null` where there is none.
   * @throws {RangeError} If there is no such table.
   * @throws {TypeError} If the value has a function of Lua's.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.compute("_home.cart = { items = { 'tea', 'cups' } }");
   * assertEquals(cu.getTableValue(cu.homeTableId, "cart"), { items: ["tea", "cups"] });
   * ```
   */
  getTableValue<T = LuaValue>(id: number, key: unknown): T | null {
    this.#uses.ready("get a table's value");
    const value = this.#tableIds!.find("get a table's value", id).get(key);
    return (value instanceof ExternalTable ? value.toValue() : value) as T | null;
  }

  /**
   * Sets a value of an external table. Code that runs sees it at once.
   *
   * @param id The table's number.
   * @param key The key.
   * @param value The value: a container is copied, and becomes an external table. `undefined` takes the key away.
   * @throws {RangeError} If there is no such table, the value nests deeper than 1000 levels, or has a bigint beyond int64.
   * @throws {TypeError} If something in it can't be kept.
   * @throws {ConflictError} If a transaction that hasn't ended has changed the key.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.setTableValue(cu.homeTableId, "rates", { low: 0.07, full: 0.19 });
   * assertEquals(cu.compute("return _home.rates.full"), 0.19);
   * ```
   */
  setTableValue(id: number, key: unknown, value: unknown): void {
    this.#uses.ready("set a table's value");
    this.#tableIds!.find("set a table's value", id).set(key, value);
  }

  /**
   * Takes a key of an external table away.
   *
   * @param id The table's number.
   * @param key The key.
   * @returns Whether it was there.
   * @throws {RangeError} If there is no such table.
   */
  deleteTableValue(id: number, key: unknown): boolean {
    this.#uses.ready("delete a table's value");
    return this.#tableIds!.find("delete a table's value", id).delete(key);
  }

  /**
   * How many entries an external table has.
   *
   * @param id The table's number.
   * @throws {RangeError} If there is no such table.
   */
  tableSize(id: number): number {
    this.#uses.ready("get a table's size");
    return this.#tableIds!.find("get a table's size", id).size;
  }

  /**
   * The keys of an external table, in the order in which a traversal finds them; a table is an
   * {@linkcode ExternalTable}.
   *
   * @param id The table's number.
   * @throws {RangeError} If there is no such table.
   */
  tableKeys(id: number): (LuaValue | ExternalTable)[] {
    this.#uses.ready("get a table's keys");
    return this.#tableIds!.find("get a table's keys", id).keys();
  }

  /**
   * Saves what has changed in `_home`, all of it or nothing, in the store of the `home` that the unit was made
   * with. What code changes meanwhile is saved the next time.
   *
   * @param options Whether `_io` is saved with it, as it is now. Without it, what was saved of `_io` before stays.
   * @throws {ConflictError} If it was saved elsewhere since it was loaded; nothing is saved then.
   * @throws {TypeError} If the unit was made without a `home`, a transaction hasn't ended, or something in `_io` can't
   * be passed, with its path.
   * @throws {RangeError} If `_io` nests deeper than 1000 levels.
   * @throws {Error} If the store fails; the message says so where it isn't known whether it is saved.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit, openHome } from "@computeunit/cu";
   * import { MemoryStore } from "@computeunit/cu/stores/memory";
   * import { assertEquals } from "@std/assert";
   *
   * const store = new MemoryStore();
   * using cu = await ComputeUnit.create({ home: await openHome(store, "counter") });
   * cu.compute("_home.count = (_home.count or 0) + 1");
   * await cu.saveState();
   *
   * using other = await ComputeUnit.create({ home: await openHome(store, "counter") });
   * assertEquals(other.compute("return _home.count"), 1);
   * ```
   */
  async saveState(options: StateOptions = NO_OPTIONS): Promise<void> {
    const action = "save state";
    checkOptions(action, options, STATE_OPTIONS);
    const home = this.#ownHome(action);
    await (options.io === true ? homeInternals.saveWithIo(home, this.#ioValues(action)) : home.save());
  }

  #ioValues(action: string): IoValues {
    const value = (field: number) => this.#get(action, ({ exports }) => exports.get_io(field));
    return { input: value(FIELD.input), output: value(FIELD.output), meta: value(FIELD.meta) };
  }

  /**
   * Loads `_home` as it was saved last, by whomever: what has changed since is lost. Tables that code still has
   * of before aren't in `_home` any more. Where it fails, all is as before.
   *
   * @param options Whether `_io` becomes what was saved of it, too; it is empty then where nothing was, or where the
   * unit has no memory for it.
   * @throws {TypeError} If the unit was made without a `home`, a transaction hasn't ended, or what the store has
   * is damaged.
   * @throws {LuaError} If the unit has no memory for `_io`.
   * @throws {Error} If the store fails.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit, openHome } from "@computeunit/cu";
   * import { MemoryStore } from "@computeunit/cu/stores/memory";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create({ home: await openHome(new MemoryStore(), "counter") });
   * cu.compute("_home.count = 1");
   * await cu.saveState();
   * cu.compute("_home.count = 2");
   * await cu.loadState();
   * assertEquals(cu.compute("return _home.count"), 1);
   * ```
   *
   * @example With what the unit was about to work on
   * ```ts
   * import { ComputeUnit, openHome } from "@computeunit/cu";
   * import { MemoryStore } from "@computeunit/cu/stores/memory";
   * import { assertEquals } from "@std/assert";
   *
   * const store = new MemoryStore();
   * using cu = await ComputeUnit.create({ home: await openHome(store, "job") });
   * cu.setInput({ rows: [1, 2, 3] });
   * await cu.saveState({ io: true });
   *
   * using other = await ComputeUnit.create({ home: await openHome(store, "job") });
   * await other.loadState({ io: true });
   * assertEquals(other.compute("return #_io.input.rows"), 3);
   * ```
   */
  async loadState(options: StateOptions = NO_OPTIONS): Promise<void> {
    const action = "load state";
    checkOptions(action, options, STATE_OPTIONS);
    const home = this.#ownHome(action);
    await home.load();
    if (options.io !== true) return;
    if (this.#ownHome(action) !== home) throw new TypeError(`Cannot ${action}: the unit has another home now`);
    this.#setIo(action, homeInternals.savedIo(home));
  }

  #setIo(action: string, { input, output, meta }: IoValues): void {
    this.#uses.use(action, (instance) => {
      const empty = () => this.#check(instance.exports.clear_io_table(), action);
      const set = (name: keyof typeof FIELD, value: LuaValue) =>
        this.#setField(instance, action, FIELD[name], name, value, { lazy: false });
      empty();
      try {
        set("input", input);
        set("output", output);
        set("meta", meta);
      } catch (error) {
        if (instance.broken === undefined) empty();
        throw error;
      }
    });
  }

  #ownHome(action: string): Home {
    this.#uses.ready(action);
    if (this.#home === undefined) throw new TypeError(`Cannot ${action}: the unit was made without the option home`);
    return this.#home;
  }

  /**
   * Measures the unit's memory.
   *
   * @returns Figures in bytes.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assert } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * const { usedBytes, wasmBytes, limitBytes } = cu.getMemoryStats();
   * assert(usedBytes < wasmBytes && wasmBytes <= limitBytes);
   * ```
   */
  getMemoryStats(): MemoryStats {
    return this.#uses.ready("get memory stats").memoryStats();
  }

  /**
   * Runs a full garbage collection, finalizers included, within the time limit.
   *
   * @throws {LuaError} If a finalizer exceeds the time limit.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assert } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.compute("for i = 1, 1000 do local t = { i } end");
   * const before = cu.getMemoryStats().usedBytes;
   * cu.runGc();
   * assert(cu.getMemoryStats().usedBytes < before);
   * ```
   */
  runGc(): void {
    this.#uses.use("run garbage collection", () => this.#chunks!.collect());
  }

  /**
   * Frees the unit, a broken one too. Any other use of it throws from then on; `printed` can
   * still be read.
   */
  dispose(): void {
    if (this.#uses.isUsed) throw new TypeError("Cannot dispose unit: the unit is running");
    this.#uses.instance = undefined;
    this.#known = undefined;
    this.#tasks?.end(new TypeError("Cannot go on with a run: its unit has been disposed"));
    this.#tasks = undefined;
    this.#functions = undefined;
    this.#figures = undefined;
    this.#encoder = undefined;
    this.#decoder = undefined;
    this.#tables = undefined;
    this.#external?.letGo();
    this.#external = undefined;
    this.#tableIds = undefined;
    if (this.#home !== undefined) homeInternals.release(this.#home);
    this.#home = undefined;
    this.#reports = undefined;
    this.#chunks = undefined;
  }

  /**
   * Takes a snapshot: all that the unit is, for {@linkcode ComputeUnit.restore},
   * {@linkcode ComputeUnit.fromSnapshot}, and, by {@linkcode Snapshot.bytes}, for another process.
   *
   * It has Lua's memory, with functions, coroutines and metatables, the runs that wait, and what was printed
   * last. Functions of the host are in it by their names only, and lazy inputs as the host's own objects.
   *
   * @param options What it has besides.
   * @returns The snapshot. It keeps as much memory as the unit uses.
   * @throws {TypeError} If code is running in the unit, or the unit is broken or disposed of.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.compute("local n = 0; function count() n = n + 1; return n end; count()");
   * const snapshot = cu.snapshot();
   * assertEquals(cu.call("count"), 2);
   * cu.restore(snapshot);
   * assertEquals(cu.call("count"), 2);
   * ```
   */
  snapshot(options: SnapshotOptions = NO_OPTIONS): Snapshot {
    const action = "take a snapshot";
    checkOptions(action, options, SNAPSHOT_OPTIONS);
    const { image, record } = this.#parts(action, options.io === true);
    const parts = { image: copyOf(image), record };
    const { another } = this.#uses.instance!;
    const unitOptions = withoutHome(this.#options);
    return makeSnapshot(parts, () => ComputeUnit.#tidy(another, unitOptions, parts));
  }

  /**
   * Makes a unit of a snapshot, in this or another process.
   *
   * Functions of `globals`, `modules` and `resolveModule` are bound again by their names. Values there, and
   * functions that the snapshot doesn't know, aren't looked at. A seeded unit goes on with its random numbers,
   * whatever `seed` says here. `memoryLimit`, `timeLimit` and `stepLimit` are as told here, or their defaults;
   * runs that wait have left what they had. Nothing goes on by itself: see
   * {@linkcode ComputeUnit.pending}.
   *
   * @param snapshot The snapshot, or its bytes. Give bytes from an untrusted place to a worker only that can be
   * ended: they can't reach the host, but the unit may run without end, or take all memory that a WASM module may.
   * @param options As for {@linkcode ComputeUnit.create}.
   * @returns The unit.
   * @throws {TypeError} If the snapshot is damaged, or of another build of the module, a function that it knows is
   * missing, or an option is wrong.
   * @throws {RangeError} If it takes more memory than `memoryLimit`, or an option is out of range.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * const globals = { rate: () => 0.25 };
   * using cu = await ComputeUnit.create({ globals });
   * cu.compute("function gross(net) return net * (1 + rate()) end");
   * const bytes = await cu.snapshot().bytes({ compressed: true });
   *
   * using other = await ComputeUnit.fromSnapshot(bytes, { globals });
   * assertEquals(other.call("gross", 100), 125);
   * ```
   */
  static async fromSnapshot(
    snapshot: Snapshot | Uint8Array,
    options: ComputeUnitOptions = NO_OPTIONS,
  ): Promise<ComputeUnit> {
    checkUnitOptions(options, LOAD);
    const { image, record } = partsOf(snapshot instanceof Snapshot ? snapshot : await Snapshot.from(snapshot));
    if (options.library !== undefined && (options.library === "readonly") !== record.isLocked) {
      throw new TypeError(`Cannot ${LOAD}: its library is ${libraryOf(record)}`);
    }
    const seed = record.randomState ?? options.seed;
    const functions = boundFunctions(record.functions, finderOf(options));
    const instance = await Instance.create({ ...instanceOptions(options), seed, image });
    return new ComputeUnit(instance, { ...options, library: libraryOf(record) }, { record, functions });
  }

  /**
   * Takes the unit back to a snapshot, in place, in little more time than it takes to copy its memory. The
   * snapshot is this unit's, or that of another unit whose functions of the host this one has.
   *
   * Runs that wait are rejected; those of the snapshot wait again (see {@linkcode ComputeUnit.pending}). Compiled
   * code and {@linkcode LuaFunction}s that this unit's snapshot has stay what they were; others throw a TypeError
   * with their name. A broken unit is whole again.
   *
   * @param snapshot The snapshot; of bytes, {@linkcode Snapshot.from} makes one.
   * @param options Another `home`.
   * @throws {TypeError} If code is running in the unit, it is disposed of, or hasn't a function that the snapshot knows.
   * @throws {RangeError} If the snapshot takes more memory than the unit's `memoryLimit`.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * const blank = cu.snapshot();
   * cu.compute("secret = 42; string.rep = nil");
   * cu.restore(blank);
   * assertEquals(cu.compute("return secret"), null);
   * assertEquals(cu.compute("return ('x'):rep(2)"), "xx");
   * ```
   */
  restore(snapshot: Snapshot, options: RestoreOptions = NO_OPTIONS): void {
    const action = "restore the unit";
    checkOptions(action, options, RESTORE_OPTIONS);
    if (!(snapshot instanceof Snapshot)) {
      throw new TypeError(`Cannot ${action}: the snapshot is none, but ${describe(snapshot)}; see Snapshot.from`);
    }
    const { instance } = this.#uses;
    if (instance === undefined) throw new TypeError(`Cannot ${action}: the unit has been disposed`);
    this.#checkIdle(action);
    const { home = this.#home } = options;
    const { image, record } = partsOf(snapshot);
    const functions = boundFunctions(record.functions, this.#functions!.finder());
    instance.checkImage(image);
    // The probe of a broken unit isn't to be relied on, and there is nothing to be lost.
    if (instance.broken === undefined) instance.checkRoomForMore(action);
    if (home !== this.#home) this.#claim(home!);
    try {
      this.#tasks!.end(new TypeError("Cannot go on with a run: its unit was restored to a snapshot"));
      this.#external!.letGo();
      if (home !== this.#home && this.#home !== undefined) homeInternals.release(this.#home);
      this.#home = home;
      this.#goOnFrom(instance.restored(image, record.randomState), { record, functions }, this.#known!.state);
    } catch (error) {
      (this.#uses.instance ?? instance).broken ??= error; // neither what it was nor what it was to be
      throw error;
    }
  }

  /**
   * Makes a copy of the unit, `_io` included: each goes on for itself, on the same options. Runs that wait do so
   * in the copy, too (see {@linkcode ComputeUnit.pending}).
   *
   * @returns The copy.
   * @throws {TypeError} If code is running in the unit, or it is broken or disposed of.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * cu.compute("total = 1");
   * using fork = cu.fork();
   * fork.compute("total = total + 1");
   * assertEquals([cu.compute("return total"), fork.compute("return total")], [1, 2]);
   * ```
   */
  fork(): ComputeUnit {
    const { image, record } = this.#parts("fork the unit", true);
    const instance = this.#uses.instance!.another(image, record.randomState);
    const functions = boundFunctions(record.functions, this.#functions!.finder());
    return new ComputeUnit(instance, withoutHome(this.#options), { record, functions });
  }

  /**
   * Lists the calls of the host for which runs wait. In a unit made of a snapshot, or restored to one, each stays
   * until {@linkcode ComputeUnit.resume} or {@linkcode ComputeUnit.fail} answers it, or
   * {@linkcode ComputeUnit.callAgain} has made it again. `task.sleep` is such a call; `task.all` and `race` are
   * none, but what the functions wait for that they run.
   *
   * @returns The calls, in the order in which they were made.
   * @throws {TypeError} If code is running in the unit, or code has changed an argument so that it can't be passed.
   *
   * @example A run that goes on in another unit
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * const globals = { approve: (_order: string) => new Promise(() => {}) };
   * const cu = await ComputeUnit.create({ globals });
   * cu.computeAsync("return approve('A7') and 'sent' or 'dropped'").catch(() => {});
   * const bytes = await cu.snapshot().bytes();
   * cu.dispose();
   *
   * using other = await ComputeUnit.fromSnapshot(bytes, { globals });
   * const [{ id, name, args, run }] = other.pending();
   * assertEquals([name, args], ["approve", ["A7"]]);
   * other.resume(id, true);
   * assertEquals((await run.result()).value, "sent");
   * ```
   */
  pending(): PendingCall[] {
    const action = "list pending calls";
    this.#uses.ready(action);
    this.#checkIdle(action);
    return this.#tasks!.pending(action);
  }

  /**
   * Answers a call for which a run waits, as if its function had returned the value: the run goes on until it
   * waits again, or ends, before this returns.
   *
   * @param id The call's number, of {@linkcode ComputeUnit.pending}.
   * @param value What the function returns; several results by {@linkcode returns}.
   * @throws {RangeError} If no run waits for such a call.
   * @throws {TypeError} If code is running in the unit.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create({ globals: { ask: () => new Promise(() => {}) } });
   * const run = cu.computeAsync("return ask() * 2");
   * cu.resume(cu.pending()[0].id, 21);
   * assertEquals((await run).value, 42);
   * ```
   */
  resume(id: number, value?: unknown): void {
    this.#answer("resume a run", id, true, value);
  }

  /**
   * Answers a call for which a run waits, as if its function had thrown the error.
   *
   * @param id The call's number, of {@linkcode ComputeUnit.pending}.
   * @param error What it throws.
   * @throws {RangeError} If no run waits for such a call.
   * @throws {TypeError} If code is running in the unit.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using cu = await ComputeUnit.create({ globals: { ask: () => new Promise(() => {}) } });
   * const run = cu.computeAsync("local ok, e = pcall(ask); return e.message");
   * cu.fail(cu.pending()[0].id, new Error("nobody is there"));
   * assertEquals((await run).value, "nobody is there");
   * ```
   */
  fail(id: number, error: unknown): void {
    this.#answer("fail a run", id, false, error);
  }

  /**
   * Makes a call again for which a run waits, with the same arguments: the run goes on when what the function
   * gives is settled. `task.sleep` sleeps again, for all of its time.
   *
   * @param id The call's number, of {@linkcode ComputeUnit.pending}.
   * @throws {RangeError} If no run waits for such a call.
   * @throws {TypeError} If code is running in the unit.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * const globals = { measure: async (name: string) => await Promise.resolve(name.length) };
   * const cu = await ComputeUnit.create({ globals });
   * cu.computeAsync("return measure('tea')").catch(() => {});
   * using fork = cu.fork();
   * cu.dispose();
   *
   * const [{ id, run }] = fork.pending();
   * fork.callAgain(id);
   * assertEquals((await run.result()).value, 3);
   * ```
   */
  callAgain(id: number): void {
    const action = "make a call again";
    this.#uses.ready(action);
    this.#checkIdle(action);
    this.#tasks!.callAgain(id, action);
  }

  #answer(action: string, id: number, isFulfilled: boolean, value: unknown): void {
    this.#uses.ready(action);
    this.#checkIdle(action);
    this.#tasks!.answer(id, isFulfilled, value, action);
  }

  #checkIdle(action: string): void {
    if (this.#uses.isUsed) throw new TypeError(`Cannot ${action}: the unit is running`);
  }

  /** What a copy is made of; the image holds until the unit goes on. */
  #parts(action: string, hasIo: boolean): SnapshotParts {
    this.#uses.ready(action);
    this.#checkIdle(action);
    if (this.#external!.hasTransactions) throw new TypeError(`Cannot ${action}: a transaction has not ended`);
    const image = this.#uses.use(action, (instance) => instance.image());
    const record: UnitRecord = {
      known: this.#known!.record(),
      functions: this.#functions!.record(),
      luaFunctions: this.#luaFunctions.record(),
      tasks: this.#tasks!.record(),
      randomState: this.#uses.instance!.randomState,
      printed: this.#printed.text,
      isLocked: this.#options.library === "readonly",
      hasIo,
    };
    return { image, record };
  }

  /** The same without garbage, and without what the host only has: for other processes. */
  static #tidy(
    another: Instance["another"],
    options: ComputeUnitOptions,
    { image, record }: SnapshotParts,
  ): SnapshotParts {
    const action = "write the snapshot";
    const functions = boundFunctions(record.functions, () => ({ run: () => {}, holder: undefined }));
    const unit = new ComputeUnit(another(image, record.randomState), options, { record, functions });
    unit.#uses.use(action, ({ exports }) => unit.#check(exports.tidy(), action));
    return unit.#parts(action, true);
  }

  /** As {@linkcode ComputeUnit.dispose}, for `using`. */
  [DISPOSE](): void {
    this.dispose();
  }

  #set(action: string, field: number, name: string, value: unknown, options: InputOptions = NO_OPTIONS): void {
    checkOptions(action, options, INPUT_OPTIONS);
    this.#uses.use(action, (instance) => this.#setField(instance, action, field, name, value, options));
  }

  #setField(
    instance: Instance,
    action: string,
    field: number,
    name: string,
    value: unknown,
    options: InputOptions,
  ): void {
    const nullKind = nullKindOf(options);
    if (this.#isLazy(value, options)) {
      this.#tables!.encode(value, action, name, nullKind, options.lazy === true);
    } else this.#encoder!.encode(value, action, name, 0, nullKind);
    this.#check(instance.guard(() => instance.exports.set_io(field)), action);
  }

  /** Whether a value goes in as a view; what is no container never does. */
  #isLazy(value: unknown, options: InputOptions): value is object {
    if (options.lazy === false || typeof value !== "object" || value === null) return false;
    return options.lazy === true || isLargerThan(value, this.#lazyThreshold);
  }

  #get(action: string, write: (instance: Instance) => number): LuaValue {
    return this.#uses.use(action, (instance) => {
      this.#decoder!.drop();
      return this.#read(instance.guard(() => write(instance)), action)[0];
    });
  }

  #compute(code: string | Uint8Array, options: ComputeOptions, all: boolean): LuaValue[] {
    checkOptions("compute", options, COMPUTE_OPTIONS);
    if (options.transaction === true) return this.#transact(code, options, all);
    return this.#uses.use("compute", (instance) => {
      const chunks = this.#chunks!;
      if (typeof code === "string") {
        const known = chunks.find(code, options.chunkName);
        if (known !== undefined) return this.#run(instance, known, all, options);
        const since = instance.now();
        return this.#run(instance, chunks.keep(code, options.chunkName), all, options, since);
      }
      const since = instance.now();
      const chunk = chunks.compile(code, options.chunkName);
      try {
        return this.#run(instance, chunk, all, options, since);
      } finally {
        chunks.forget(chunk);
      }
    });
  }

  #transact(code: string | Uint8Array, options: ComputeOptions, all: boolean): LuaValue[] {
    this.#uses.ready("compute");
    return this.#external!.transact(() => {
      const results = this.#compute(code, { ...options, transaction: false }, all);
      // As those of a run that may wait, which are a part of its result. They are read whole: a message that
      // isn't read may have shapes that the unit then takes for known.
      for (const field of [FIELD.output, FIELD.meta]) {
        this.#get("return the result", ({ exports }) => exports.get_io(field));
      }
      return results;
    });
  }

  #call(name: string, args: unknown[], all: boolean): LuaValue[] {
    checkString("call a function", "name", name);
    return this.#uses.use("call a function", (instance) => this.#callNow(instance, name, name, args, all));
  }

  /** Calls a function of Lua's that the host has. */
  #callFunction(callee: LuaFunction, args: unknown[]): LuaValue[] {
    this.#checkFunction(callee);
    return this.#uses.useHere(`call ${callee.name}`, (instance) => {
      return this.#callNow(instance, callee, callee.name, args, true);
    });
  }

  #checkFunction(callee: LuaFunction): void {
    this.#uses.ready(`call ${callee.name}`);
    if (this.#luaFunctions.numberOf(callee) !== undefined) return;
    if (this.#luaFunctions.isLost(callee)) {
      throw new TypeError(`Cannot call ${callee.name}: the unit was restored to a snapshot without this function`);
    }
    throw new TypeError(`Cannot call ${callee.name}: the function has been disposed`);
  }

  #callNow(instance: Instance, callee: unknown, name: string, args: unknown[], all: boolean): LuaValue[] {
    this.#encoder!.encodeCall(callee, args, `call ${name}`);
    const words = this.#execute(instance, () => instance.exports.call_function(args.length, all ? 1 : 0));
    return this.#read(words, "return the result");
  }

  #releaseFunction(number: number): void {
    const { instance } = this.#uses;
    if (instance === undefined || instance.broken !== undefined) return;
    this.#uses.useHere("release a function", ({ exports }) => {
      this.#check(exports.release_function(number), "release a function");
    });
  }

  /** Runs compiled code. */
  #run(instance: Instance, chunk: number, all: boolean, options: ComputeOptions, since?: number): LuaValue[] {
    const call = (): number => instance.exports.compute(chunk, all ? 1 : 0);
    const isPlain = options === NO_OPTIONS && !this.#uses.isInside;
    const words = isPlain ? this.#execute(instance, call, since) : this.#executeAsTold(instance, call, options, since);
    return this.#read(words, "return the result");
  }

  #executeAsTold(instance: Instance, call: () => number, options: ComputeOptions, since?: number): number {
    const allowance = this.#allowance(instance, options);
    // Code that calls the host may have globals of its own, which aren't those of other code.
    const chosen = options.globals === "own" ? GLOBALS.OWN : this.#uses.isInside ? GLOBALS.UNIT : GLOBALS.LAST;
    if (chosen === GLOBALS.LAST) return this.#execute(instance, call, since, allowance);
    this.#check(instance.exports.use_globals(chosen), "compute");
    try {
      const words = this.#execute(instance, call, since, allowance);
      if (words < 0 || chosen !== GLOBALS.OWN) return words;
      const status = instance.exports.check_globals(1);
      return status < 0 ? status : words;
    } finally {
      if (instance.broken === undefined) instance.exports.use_globals(GLOBALS.LAST);
    }
  }

  /** Runs code by one call, synchronously. */
  #execute(instance: Instance, call: () => number, since?: number, allowance?: Allowance): number {
    const figures = this.#figures!;
    this.#decoder!.drop();
    if (this.#uses.isInside) return this.#executeInside(instance, call, since, allowance);
    this.#printed.begin();
    if (!figures.isTimed) {
      figures.beginUntimed();
      return instance.guard(call, since, allowance);
    }
    const { calls } = this.#functions!;
    const began = figures.begin();
    try {
      return instance.guard(call, since, allowance);
    } finally {
      figures.end(began, calls);
    }
  }

  /** The same inside a function of the host that other code has called: this code can't wait. */
  #executeInside(instance: Instance, call: () => number, since?: number, allowance?: Allowance): number {
    const functions = this.#functions!;
    const { waiter } = functions;
    functions.waiter = undefined;
    try {
      return instance.guard(call, since, allowance);
    } finally {
      functions.waiter = waiter;
    }
  }

  #allowance(instance: Instance, options: RunOptions): Allowance | undefined {
    const { timeLimit, stepLimit, signal } = options;
    if (timeLimit === undefined && stepLimit === undefined && signal === undefined) return undefined;
    signal?.throwIfAborted();
    return instance.runs.allowance(timeLimit, stepLimit, signal);
  }

  /** Makes a run that may wait, as its options say. */
  #prepare(
    action: string,
    results: number,
    options: TaskComputeOptions,
    make: (instance: Instance) => number,
  ): PreparedRun {
    const { timeLimit, stepLimit, signal, globals, clears = false, inherits = false, keeps = false } = options;
    const { transaction: isTransaction = false } = options;
    const allowance = this.#uses.ready(action).runs.allowance(timeLimit, stepLimit, signal);
    return this.#tasks!.make({
      action,
      results,
      allowance,
      clears,
      inherits,
      keeps,
      ownGlobals: globals === "own",
      isTransaction,
      make,
    });
  }

  #makeTask(code: string | Uint8Array, options: TaskComputeOptions): PreparedRun {
    const results = options.outputJson === true ? RESULTS.WITH_JSON : RESULTS.WITH_IO;
    return this.#prepare("compute", results, options, (instance) => {
      this.#setFields(instance, options.input, options.meta, options);
      const { exports } = instance;
      const chunks = this.#chunks!;
      // The chunk of a text is kept while the code runs, and its lines are shown in errors.
      const source = code instanceof Uint8Array ? textOrBytes(code, () => {}) : code;
      if (typeof source === "string") {
        return exports.strand_of_chunk(
          chunks.find(source, options.chunkName) ?? chunks.keep(source, options.chunkName),
        );
      }
      const chunk = chunks.compile(source, options.chunkName);
      try {
        return exports.strand_of_chunk(chunk);
      } finally {
        chunks.forget(chunk);
      }
    });
  }

  /** Sets the input and the metadata of a run that is about to begin. */
  #setFields(instance: Instance, input: unknown, meta: unknown, options: InputOptions): void {
    if (input !== undefined && input !== null) {
      this.#setField(instance, "set input", FIELD.input, "input", input, options);
    }
    if (meta !== undefined && meta !== null) {
      this.#setField(instance, "set metadata", FIELD.meta, "meta", meta, NO_OPTIONS);
    }
  }

  #makeRequest(method: string, params: unknown, options: TaskComputeOptions): PreparedRun {
    // A handler has the globals of the code that defined it.
    const shared: TaskComputeOptions = { ...options, globals: "shared" };
    return this.#prepare("request", RESULTS.WITH_IO, shared, (instance) => {
      this.#setFields(instance, { method, params }, options.meta, options);
      return instance.exports.strand_of_request();
    });
  }

  async #callAsync(callee: unknown, name: string, args: unknown[]): Promise<LuaValue> {
    const action = `call ${name}`;
    if (typeof callee === "function") this.#checkFunction(callee as LuaFunction);
    const run = this.#prepare(action, RESULTS.FIRST, NO_OPTIONS, ({ exports }) => {
      this.#encoder!.encodeCall(callee, args, action);
      return exports.strand_of_function(args.length);
    });
    const { value } = await run.begin();
    return value;
  }

  /** Reads the message that a call wrote, or throws what its status says. */
  #read(words: number, action: string): LuaValue[] {
    if (words < 0) {
      this.#decoder!.drop();
      throw this.#reports!.errorOf(words, action);
    }
    return this.#decoder!.decode(words);
  }

  #check(status: number, action: string): void {
    if (status < 0) throw this.#reports!.errorOf(status, action);
  }

  #print(line: string): void {
    if (this.#onPrint) return this.#onPrint(line);
    this.#printed.add(line);
  }
}

function checkKey(key: unknown): asserts key is string {
  if (typeof key === "string") return;
  throw new TypeError(`Cannot get output field: the key is neither a string nor a number, but ${describe(key)}`);
}
