/**
 * The common patterns over a unit's `_io`.
 *
 * @module
 */

import { ComputeUnit, internals, type TaskComputeOptions } from "../unit/compute_unit.ts";
import { isHostsOwn } from "../runtime/runs.ts";
import type { PreparedRun, TaskResult } from "../unit/tasks.ts";
import {
  checkUnitOptions,
  COMPUTE_RULES,
  type ComputeOptions,
  type ComputeUnitOptions,
  INPUT_RULES,
  type InputOptions,
} from "../unit/unit_options.ts";
import { DISPOSE } from "../values/dispose.ts";
import { LuaError } from "../values/errors.ts";
import { describe, isBytes } from "../values/kinds.ts";
import type { LuaValue } from "../values/lua_value.ts";
import type { NamedValues } from "../values/named_values.ts";
import { BOOLEAN, checkOptions, checkString, isNumber, isOptions, NO_OPTIONS, rulesOf } from "../values/options.ts";
import { isOf } from "../values/refusals.ts";

/** Options of {@linkcode IoWrapper.computeWithIo}. */
export interface ComputeWithIoOptions extends ComputeOptions, InputOptions {
  /**
   * Whether to empty `_io` first.
   *
   * @default {true}
   */
  clearBefore?: boolean | undefined;
  /**
   * Fields of `_io.meta`. If there are any, `timestamp` (milliseconds since 1970) and
   * `requestId` are added.
   */
  metadata?: NamedValues | undefined;
}

/**
 * Result of {@linkcode IoWrapper.computeWithIo}.
 *
 * @typeParam Output Type of the output; it isn't checked.
 */
export interface ComputeWithIoResult<Output = LuaValue> {
  /** The first value that the code returned, `null` where there is none. */
  returnValue: LuaValue;
  /** `_io.output`, `null` where there is none. */
  output: Output;
  /** `_io.meta` after the code ran; `{}` where there is none. */
  metadata: LuaValue;
}

/** Options of {@linkcode IoWrapper.request}: a handler has the name and the globals of the code that defined it. */
export type RequestOptions = Omit<ComputeWithIoOptions, "chunkName" | "globals">;

/** Options of {@linkcode IoWrapper.processStream}. */
export interface ProcessStreamOptions extends ComputeWithIoOptions {
  /**
   * Elements in a batch, a positive integer.
   *
   * @default {100}
   */
  batchSize?: number | undefined;
}

/**
 * What {@linkcode IoWrapper.processStream} rejects with where a batch fails: a {@linkcode LuaError},
 * TypeError or RangeError that has these, too, and whose message begins with "batch 3: ".
 */
export interface BatchError extends Error {
  /** Which batch failed, from 0. */
  batchIndex: number;
  /** The outputs of the batches before it. */
  outputs: unknown[];
}

const BATCH_SIZE_DEFAULT = 100;

const IO_RULES = {
  ...COMPUTE_RULES,
  ...INPUT_RULES,
  clearBefore: BOOLEAN,
  metadata: { is: isOptions, what: "an object with fields" },
};
const IO_OPTIONS = rulesOf<ComputeWithIoOptions>(IO_RULES);
const { chunkName: _chunkName, globals: _globals, ...REQUEST_RULES } = IO_RULES;
const REQUEST_OPTIONS = rulesOf<RequestOptions>(REQUEST_RULES);
const STREAM_OPTIONS = rulesOf<ProcessStreamOptions>({
  ...IO_RULES,
  batchSize: {
    is: isNumber,
    what: "a positive integer",
    isInRange: (size) => Number.isInteger(size) && (size as number) >= 1,
    range: "a positive integer",
  },
});

/** What {@linkcode IoWrapper.request} gives as output for a method that no code defined. */
export interface UnknownMethod {
  /** `"Unknown method: "` and its name. */
  error: string;
}

/**
 * Patterns over one unit: a call with input and output, batches, requests.
 *
 * A call does its work before it returns its promise: an input is read by then, and calls
 * take effect in the order in which they are made. Only a lazy input is read later, where
 * code keeps a part of it: see {@linkcode ComputeUnit.setInput}. What a method throws, wrong
 * use included, rejects its promise. While the unit runs, as in `onPrint`, that is a TypeError.
 *
 * Where the unit is broken, so is the wrapper, and each call rejects with a TypeError that
 * says so. It makes no new unit by itself, as that would lack what code has kept: handlers,
 * other globals, `_home`.
 *
 * @example One call
 * ```ts
 * import { IoWrapper } from "@computeunit/cu";
 * import { assertEquals } from "@std/assert";
 *
 * using io = new IoWrapper();
 * const { output } = await io.computeWithIo<{ fullName: string }>(
 *   "local u = _io.input; _io.output = { fullName = u.first .. ' ' .. u.last }",
 *   { first: "Alice", last: "Smith" },
 * );
 * assertEquals(output.fullName, "Alice Smith");
 * ```
 */
export class IoWrapper implements Disposable {
  #unit: ComputeUnit | undefined;
  #options: ComputeUnitOptions;
  #ownsUnit: boolean;
  #disposed = false;

  /**
   * Constructs a wrapper.
   *
   * @param unit A unit, which stays its owner's, or options for one that the wrapper
   * makes when first used, and frees when it is disposed.
   * @throws {TypeError} If it is neither, such as a promise of a unit, or an option is wrong.
   * @throws {RangeError} If an option is out of range.
   */
  constructor(unit: ComputeUnit | ComputeUnitOptions = NO_OPTIONS) {
    this.#ownsUnit = !(unit instanceof ComputeUnit);
    this.#unit = unit instanceof ComputeUnit ? unit : undefined;
    this.#options = unit instanceof ComputeUnit ? NO_OPTIONS : { ...checkedOptions(unit) };
  }

  /**
   * Runs code with `_io.input` set and gives back `_io.output`.
   *
   * @typeParam Output Type of the output; it isn't checked.
   * @param code Lua source text, or its bytes.
   * @param input The input; `null` leaves what is there. It is read before this method
   * returns; a lazy one again where code that runs later comes to a part of it.
   * @param options Whether to clear before and to copy, and metadata.
   * @returns The code's first result, the output and the metadata.
   * @throws {LuaError} If the code doesn't compile, raises an error or exceeds a limit.
   * @throws {TypeError} If a value can't be passed, with its path, or an option is wrong.
   *
   * @example Usage
   * ```ts
   * import { IoWrapper } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using io = new IoWrapper();
   * const result = await io.computeWithIo("_io.output = #_io.input; return 'done'", ["a", "b"]);
   * assertEquals(result, { returnValue: "done", output: 2, metadata: {} });
   * ```
   *
   * @example One object for several calls
   * ```ts
   * import { IoWrapper } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using io = new IoWrapper();
   * const row = { n: 0 };
   * const calls = [];
   * for (row.n = 1; row.n <= 3; row.n++) calls.push(io.computeWithIo("_io.output = _io.input.n", row));
   * assertEquals((await Promise.all(calls)).map(({ output }) => output), [1, 2, 3]);
   * ```
   */
  computeWithIo<Output = LuaValue>(
    code: string | Uint8Array,
    input: unknown = null,
    options: ComputeWithIoOptions = NO_OPTIONS,
  ): Promise<ComputeWithIoResult<Output>> {
    return promiseOf(() => {
      checkOptions("compute with io", options, IO_OPTIONS);
      const run = this.#make(this.#getUnit("compute with io"), code, input, options, true);
      return endOf(run, resultOf<Output>);
    });
  }

  /**
   * Runs code once for each batch of an array. Its input is
   * `{ batch, batchIndex, hasMore }`, with `batchIndex` from 0. Batches run in order, one after the
   * other, and every few milliseconds other work of the event loop gets its turn between them.
   *
   * @typeParam Output Type of each batch's output; it isn't checked.
   * @param code Lua source text, or its bytes.
   * @param data The array, or a typed array. It is read before this method returns; of one that is larger than
   * the unit's {@linkcode ComputeUnitOptions.lazyThreshold}, each batch, and what `metadata` holds, is read when its
   * turn comes.
   * @param options Size of a batch, and as for {@linkcode IoWrapper.computeWithIo}.
   * @returns The output of each batch, in order.
   * @throws {TypeError} If `data` isn't an array, or an option is wrong.
   * @throws {RangeError} If `batchSize` isn't a positive integer.
   * @throws {LuaError} If the code raises an error or exceeds a limit. An error of a batch is a
   * {@linkcode BatchError}, too: it says which one, and has the outputs of those before.
   *
   * @example Usage
   * ```ts
   * import { IoWrapper } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using io = new IoWrapper();
   * const sizes = await io.processStream("_io.output = #_io.input.batch", [1, 2, 3, 4, 5], { batchSize: 2 });
   * assertEquals(sizes, [2, 2, 1]);
   * ```
   */
  processStream<Output = LuaValue>(
    code: string | Uint8Array,
    data: readonly unknown[] | (ArrayLike<unknown> & ArrayBufferView),
    options: ProcessStreamOptions = NO_OPTIONS,
  ): Promise<Output[]> {
    return promiseOf(() => {
      if (!Array.isArray(data) && !(ArrayBuffer.isView(data) && "length" in data)) {
        throw new TypeError(`Cannot process stream: data is not an array, but ${describe(data)}`);
      }
      checkOptions("process stream", options, STREAM_OPTIONS);
      const unit = this.#getUnit("process stream");
      const { batchSize = BATCH_SIZE_DEFAULT } = options;
      const metadata = { ...options.metadata };
      const taken = { ...options, metadata };
      const array = data as readonly unknown[];
      const { length } = array;
      const inputs = [];
      for (let start = 0; start < length; start += batchSize) {
        inputs.push({
          batch: array.slice(start, start + batchSize),
          batchIndex: start / batchSize,
          hasMore: start + batchSize < length,
        });
      }
      const batches = inputs.map((input) => () => this.#make(unit, code, input, taken, false));
      // A batch that is made takes 2 KB of the unit: too much for each of a million numbers, which slices have copied.
      const isLazy = internals.isLarge(unit, data);
      if (isLazy || isOfScalars(Object.values(metadata)) && inputs.every(({ batch }) => isOfScalars(batch))) {
        return runBatches<Output>(unit, batches, taken);
      }
      // Taken now: what the host changes later isn't seen.
      const made: PreparedRun[] = [];
      try {
        for (const make of batches) made.push(make());
      } catch (error) {
        for (const task of made) task.drop();
        throw inBatch(error, made.length, [], taken);
      }
      return runBatches<Output>(unit, made.map((task) => () => task), taken)
        .finally(() => made.forEach((task) => task.drop()));
    });
  }

  /**
   * Calls a handler: a global function that Lua code in the unit defined, or a table with
   * `__call`.
   *
   * @typeParam Output Type of the handler's result; it isn't checked.
   * @param method Name of the handler.
   * @param params Its argument; read before this method returns, as an input is.
   * @param options As for {@linkcode IoWrapper.computeWithIo}, but for `chunkName` and `globals`, which a handler has
   * of the code that defined it; `lazy` is for `params`.
   * @returns The handler's first result as output. For a method that no code defined,
   * built-in functions included, the output is an {@linkcode UnknownMethod}.
   * @throws {LuaError} If the handler raises an error or exceeds a limit.
   * @throws {TypeError} If something in `params` can't be passed, with its path, or an option is wrong.
   *
   * @example Usage
   * ```ts
   * import { IoWrapper } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using io = new IoWrapper();
   * await io.computeWithIo("function add(p) return p.a + p.b end");
   * assertEquals((await io.request("add", { a: 1, b: 2 })).output, 3);
   * assertEquals((await io.request("subtract")).output, { error: "Unknown method: subtract" });
   * ```
   *
   * @example With metadata
   * ```ts
   * import { IoWrapper } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * using io = new IoWrapper();
   * await io.computeWithIo("function greet(name) return _io.meta.greeting .. ' ' .. name end");
   * const { output } = await io.request("greet", "Alice", { metadata: { greeting: "Moin" } });
   * assertEquals(output, "Moin Alice");
   * ```
   */
  request<Output = LuaValue>(
    method: string,
    params: unknown = {},
    options: RequestOptions = NO_OPTIONS,
  ): Promise<ComputeWithIoResult<Output | UnknownMethod>> {
    return promiseOf(() => {
      checkString("request", "method", method);
      checkOptions("request", options, REQUEST_OPTIONS);
      const run = internals.makeRequest(this.#getUnit("request"), method, params, this.#taskOptions(options, true));
      return endOf(run, (result) => {
        const { output, metadata } = resultOf<Output>(result);
        const answer = result.value === true ? output : { error: `Unknown method: ${method}` };
        return { returnValue: null, output: answer, metadata };
      });
    });
  }

  /**
   * Makes an id for a request: milliseconds since 1970 and a random part.
   *
   * @returns The id.
   *
   * @example Usage
   * ```ts
   * import { IoWrapper } from "@computeunit/cu";
   * import { assertMatch } from "@std/assert";
   *
   * using io = new IoWrapper();
   * assertMatch(io.generateRequestId(), /^\d+-[0-9a-f]{12}$/);
   * ```
   */
  generateRequestId(): string {
    // Not by randomUUID, which a page has only where it came by HTTPS.
    const bytes = crypto.getRandomValues(new Uint8Array(6));
    return `${Date.now()}-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }

  /** Frees the unit, if the wrapper made it. */
  dispose(): void {
    if (this.#ownsUnit) this.#unit?.dispose();
    this.#disposed = true;
    this.#unit = undefined;
  }

  /** As {@linkcode IoWrapper.dispose}, for `using`. */
  [DISPOSE](): void {
    this.dispose();
  }

  /** Takes a run's input. */
  #make(
    unit: ComputeUnit,
    code: string | Uint8Array,
    input: unknown,
    options: ProcessStreamOptions,
    clears: boolean,
  ): PreparedRun {
    return internals.make(unit, code, { ...this.#taskOptions(options, clears), input });
  }

  /** @param clears Whether what is to be emptied is emptied now, as the run begins at once. */
  #taskOptions(options: ProcessStreamOptions, clears: boolean): TaskComputeOptions {
    const { clearBefore = true, metadata, batchSize: _, ...others } = options;
    const hasMetadata = metadata !== undefined && Object.keys(metadata).length > 0;
    const meta = hasMetadata ? { timestamp: Date.now(), requestId: this.generateRequestId(), ...metadata } : undefined;
    return { ...others, meta, clears: clearBefore && clears, inherits: !clearBefore, keeps: true };
  }

  /** The unit, made at the first use: at once, as an input must be read before a call returns. */
  #getUnit(action: string): ComputeUnit {
    if (this.#disposed) throw new TypeError(`Cannot ${action}: the IoWrapper has been disposed`);
    return this.#unit ??= internals.create(this.#options);
  }
}

function checkedOptions(given: unknown): ComputeUnitOptions {
  if (isOptions(given)) {
    checkUnitOptions(given, "construct an IoWrapper");
    return given;
  }
  const help = given instanceof Promise ? "; await it first" : "";
  throw new TypeError(
    `Cannot construct an IoWrapper: give it a ComputeUnit, or an object of options for one, not ${
      describe(given)
    }${help}`,
  );
}

/** Begins a run whose input was taken. */
function begin(
  unit: ComputeUnit,
  task: PreparedRun,
  { clearBefore = true }: ComputeWithIoOptions,
): Promise<TaskResult> {
  if (clearBefore) unit.clearIo();
  return task.begin();
}

/** Whether a slice of such values has all of them, and none can be refused. */
function isOfScalars(values: readonly unknown[]): boolean {
  // A slice of Node's Buffer is no copy.
  return !isBytes(values) && values.every(isScalar);
}

function isScalar(value: unknown): boolean {
  switch (typeof value) {
    case "number":
    case "boolean":
    case "undefined":
      return true;
    case "string":
      return value.isWellFormed();
    case "bigint":
      return BigInt.asIntN(64, value) === value;
    default:
      return value === null;
  }
}

function resultOf<Output>({ value, output, meta }: TaskResult): ComputeWithIoResult<Output> {
  return { returnValue: value, output: output as Output, metadata: meta ?? {} };
}

/** Milliseconds after which other work gets its turn between batches. */
const TURN_MS = 5;

async function runBatches<Output>(
  unit: ComputeUnit,
  batches: readonly (() => PreparedRun)[],
  options: ProcessStreamOptions,
): Promise<Output[]> {
  const outputs: Output[] = [];
  let last = internals.now(unit);
  for (const [i, make] of batches.entries()) {
    try {
      if (internals.now(unit) - last >= TURN_MS) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        last = internals.now(unit);
      }
      const run = make();
      const ended = begin(unit, run, options);
      // What doesn't wait goes on at once, in the order in which calls were made.
      const { output } = run.result ?? await ended;
      outputs.push(output as Output);
    } catch (error) {
      throw inBatch(error, i, outputs, options);
    }
  }
  return outputs;
}

/** Says of an error of a batch which one it was, and keeps the outputs of those before. */
function inBatch(error: unknown, batchIndex: number, outputs: unknown[], { signal }: ProcessStreamOptions): unknown {
  if (!isOf(error, Error) || signal?.aborted && error === signal.reason || isHostsOwn(error)) return error;
  if (isOf(error, DOMException)) return error; // a copy would have neither its name nor its message
  const message = `batch ${batchIndex}: ${error.message}`;
  const batch = { batchIndex, outputs } satisfies Omit<BatchError, keyof Error>;
  // It is this run's alone.
  if (isOf(error, LuaError)) return Object.assign(error, { message }, batch);
  // Others get the same, where their unit is gone or code kept it.
  const own = new Error(message, "cause" in error ? { cause: error.cause } : undefined);
  if (error.stack !== undefined) own.stack = error.stack;
  return Object.assign(Object.setPrototypeOf(own, Object.getPrototypeOf(error)), error, batch);
}

/** Begins a run, and reads what it ends with: at once where it doesn't wait, as most don't. */
function endOf<T>(run: PreparedRun, read: (result: TaskResult) => T): Promise<T> {
  const ended = run.begin();
  return run.result === undefined ? ended.then(read) : Promise.resolve(read(run.result));
}

/** Runs something at once; what it throws rejects the promise. */
function promiseOf<T>(run: () => Promise<T>): Promise<T> {
  // Not by a promise that is resolved with another one, which takes two turns more.
  try {
    return run();
  } catch (error) {
    return Promise.reject(error);
  }
}
