/**
 * Options of a unit and of its calls.
 *
 * @module
 */

import { checkReplaced, type Powers } from "../host/powers.ts";
import { isIndent } from "./json_text.ts";
import type { InstanceOptions } from "../runtime/instance.ts";
import { isTimeZone, TimeZone } from "../runtime/time_zone.ts";
import { Home } from "../state/home.ts";
import { NIL_KIND } from "../runtime/wire.ts";
import { isPlainObject } from "../values/kinds.ts";
import {
  BOOLEAN,
  checkOptions,
  isFunction,
  isNumber,
  isString,
  type OptionRule,
  type OptionRules,
  rulesOf,
} from "../values/options.ts";

/**
 * `WebAssembly.Module` where a program's types have it; an object else, as in Node's without those of a page.
 */
export type WasmModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer Module } } } ? Module
  : object;

/** Options of {@linkcode ComputeUnit.create}. */
export interface ComputeUnitOptions extends Powers {
  /**
   * The most that the unit's WASM memory may grow to, in bytes: from 1 MiB to 4 GiB. `_home` and other external
   * tables stand outside of it.
   *
   * @default {268435456} (256 MiB)
   */
  memoryLimit?: number | undefined;
  /**
   * The most that code may make `_home` and other external tables take of the host's memory, in bytes, estimated: 64
   * for an entry, 256 for a table, and the strings. `memoryLimit` doesn't count them, as they stand with the host. What
   * is beyond is an error in Lua, and for the host a {@linkcode LuaError} of kind `"memory"` with a RangeError as its
   * `cause`. What the host stores itself counts, and isn't refused.
   *
   * @default {1073741824} (1 GiB)
   */
  stateLimit?: number | undefined;
  /**
   * How long one {@linkcode ComputeUnit.compute} may run, in milliseconds, compiling its
   * code included. Nothing in Lua can catch or outlast it. A run that waits isn't running: waiting is bounded by
   * {@linkcode RunOptions.signal}, such as `AbortSignal.timeout(ms)`.
   *
   * @default {Infinity}
   */
  timeLimit?: number | undefined;
  /**
   * How many steps the code of one {@linkcode ComputeUnit.compute} may take, compiling and
   * finalizers included: a bound that doesn't depend on how fast the machine is, nor on a clock.
   * A step is a jump back or a call, and so are 8 instructions that run again; the library pays
   * in proportion to what it works on. 20,000 steps take 0.1 to 2 ms. The same code on the same
   * input takes the same steps in units with the same `seed`.
   *
   * @default {Infinity, or 10000000 in `@computeunit/cu/workerd`}
   */
  stepLimit?: number | undefined;
  /**
   * What `math.random` begins with, and all else that differs from unit to unit, such as the
   * order of `pairs`: an integer of 32 bits. By default chosen at random.
   */
  seed?: number | undefined;
  /**
   * Takes what code prints, a line a call: by `print`, or by `io.write` when a line ends, or
   * the run with an unfinished one. Without it, the text is kept for
   * {@linkcode ComputeUnit.printed}. An error thrown here is raised
   * in the code that printed, and the `cause` of the {@linkcode LuaError} if nothing there catches it. A promise
   * isn't awaited: nobody catches what it is rejected with.
   */
  onPrint?: ((line: string) => void) | undefined;
  /**
   * Called every few milliseconds while code runs. An error thrown here stops the code,
   * which can't catch it, and is thrown by the call that ran it. With
   * `() => signal.throwIfAborted()` a unit heeds an AbortSignal. Timers don't fire while
   * code runs, so that signal must be aborted by a callback such as `onPrint`, or here. A promise isn't awaited.
   */
  onProgress?: (() => void) | undefined;
  /**
   * Estimated size in bytes above which an input is lazy, where the call doesn't say: what
   * a copy in Lua would take, but one byte for a number or boolean in a list, as lists of
   * numbers are better copied. 0 makes every container lazy, `Infinity` none.
   *
   * @default {1048576} (1 MiB)
   */
  lazyThreshold?: number | undefined;
  /**
   * The clock that `timeLimit`, `onProgress` and `os.clock` read, in milliseconds; it never goes
   * back. With a clock of its own a test can tell how long code runs. `os.time` and `os.date` read
   * it too, as milliseconds since 1970; without it, they read `Date.now`.
   *
   * @default {performance.now}
   */
  now?: (() => number) | undefined;
  /**
   * The zone of local time, as `os.date` and `os.time` have it: an IANA name such as
   * "Europe/Berlin", or "local" for the host's.
   *
   * @default {"UTC"}
   */
  timeZone?: string | undefined;
  /**
   * Whether code can change the library for all that runs after it: with `"readonly"`, Lua's own
   * tables such as `string`, the metatable of strings, and what `globals` and `modules` hold are
   * read-only to code; what changes one is an error that names the field. The global variables
   * stay writable, and so do `package.loaded` and `package.preload`, but `require` gives these
   * modules whatever stands there.
   *
   * @default {"writable"}
   */
  library?: "writable" | "readonly" | undefined;
  /**
   * What `_home` holds, as `openHome` gives it. It is this unit's until the unit is disposed of, and
   * {@linkcode ComputeUnit.saveState} saves it. By default `_home` is empty, and lasts as long as the unit.
   */
  home?: Home | undefined;
  /**
   * Whether `home` is saved after each successful run of {@linkcode ComputeUnit.computeAsync} and the other
   * methods whose runs may wait: the run's promise waits for it, and is rejected where it fails. What open
   * transactions of other runs have changed is left out: it is saved when those have succeeded.
   *
   * @default {false}
   */
  autosave?: boolean | undefined;
  /** The unit's WASM module, for platforms that compile no bytes at run time. */
  module?: WasmModule | undefined;
}

/** What one run may take, where that isn't what the unit's options say. */
export interface RunOptions {
  /**
   * How long this run may run, in milliseconds, without the time that it waits.
   *
   * @default {the unit's `timeLimit`}
   */
  timeLimit?: number | undefined;
  /**
   * How many steps it may take.
   *
   * @default {the unit's `stepLimit`}
   */
  stepLimit?: number | undefined;
  /**
   * Ends the run when it is aborted, also while it waits: `AbortSignal.timeout(ms)` bounds a run with all its
   * waiting. The run is rejected with, or throws, the signal's reason. While code
   * runs, only what it calls can abort it. In Node, the timer of `AbortSignal.timeout` keeps no process alive.
   */
  signal?: AbortSignal | undefined;
  /**
   * Whether the run keeps all its changes to `_home` and other external tables if it succeeds, and none if
   * its code throws or is stopped, or its result can't be read. What it has changed, nobody else can read or
   * change before it has ended; and where someone else changes what it has read, it fails: both are a
   * {@linkcode ConflictError}, after which the run can be tried again.
   *
   * @default {false}
   */
  transaction?: boolean | undefined;
}

/** Options of {@linkcode ComputeUnit.compile}: what a run may take is not said there, but by the unit's options. */
export interface CompileOptions {
  /**
   * Name of the code in messages and tracebacks, such as a path, in one line; of one
   * longer than 59 bytes, Lua shows the end.
   *
   * @default {"compute"}
   */
  chunkName?: string | undefined;
}

/** Options of {@linkcode ComputeUnit.compute}. */
export interface ComputeOptions extends RunOptions, CompileOptions {
  /**
   * `"own"` gives the run a table of globals of its own, which falls back to the unit's: what its code
   * sets there, others don't see. Functions that other code has defined keep the unit's globals, and so
   * do modules. `"shared"`: code sets the unit's globals, and finds them there later.
   *
   * @default {"shared"}
   */
  globals?: "shared" | "own" | undefined;
}

/** Options of {@linkcode ComputeUnit.computeAsync}. */
export interface ComputeAsyncOptions extends ComputeOptions, InputOptions {
  /** `_io.input` of the run: as for {@linkcode ComputeUnit.setInput}, `lazy` and `nulls` included. */
  input?: unknown;
  /** `_io.meta` of the run. */
  meta?: unknown;
  /**
   * Whether the result's `output` is a JSON text, as {@linkcode ComputeUnit.getOutputJson} writes it, and
   * `"null"` where there is no output. The unit writes it, within the run's limits: an answer to a request is
   * best made so. `JSON.stringify` of a value that untrusted code gave has no bound, as a few
   * tables that are shared at many levels are longer than any memory.
   *
   * @default {false}
   */
  outputJson?: boolean | undefined;
}

/** Options of {@linkcode ComputeUnit.setInput}. */
export interface InputOptions {
  /**
   * `true` hands over a reference: nothing is copied, and Lua reads what it needs of the
   * value, which must not change until code has run and the output has been read. An output that holds an
   * untouched part of it has the very same objects. `false` copies the value. By default
   * values are copied up to the unit's {@linkcode ComputeUnitOptions.lazyThreshold}, larger
   * ones are read as with `true`, and an output never shares an object with the input.
   */
  lazy?: boolean | undefined;
  /**
   * What `null` is to Lua code: `"nil"`, and null again where it goes back unassigned; or,
   * with `"keep"`, `_io.null`, a value that equals itself only, and is true as a condition.
   *
   * @default {"nil"}
   */
  nulls?: "nil" | "keep" | undefined;
}

/** Options of {@linkcode ComputeUnit.setInputJson}. */
export interface InputJsonOptions {
  /**
   * What `null` is to Lua code, as for {@linkcode InputOptions.nulls}.
   *
   * @default {"nil"}
   */
  nulls?: "nil" | "keep" | undefined;
}

/** Options of {@linkcode ComputeUnit.getOutputJson}. */
export interface OutputJsonOptions {
  /**
   * What each level adds to the beginning of a line: a number of spaces, of which 10 count, or
   * up to 10 spaces and tabs. By default, all is one line.
   *
   * @default {0}
   */
  indent?: number | string | undefined;
  /**
   * Whether all keys are sorted. By default those that an object came with from JavaScript or
   * JSON keep their order, and others follow, sorted.
   *
   * @default {false}
   */
  sort?: boolean | undefined;
}

/** Options of {@linkcode ComputeUnit.snapshot}. */
export interface SnapshotOptions {
  /**
   * Whether the unit's `_io` is a part of it. Else `_io` is empty in what is made of the snapshot; runs that wait
   * have theirs in any case.
   *
   * @default {false}
   */
  io?: boolean | undefined;
}

/** Options of {@linkcode ComputeUnit.saveState} and {@linkcode ComputeUnit.loadState}. */
export interface StateOptions {
  /**
   * Whether the unit's `_io` (input, output and meta) is saved too, as copies, or is set to what was saved of it.
   * Else nothing of it is saved, and nothing of it changed, in the unit and in the store.
   *
   * @default {false}
   */
  io?: boolean | undefined;
}

/** Options of {@linkcode ComputeUnit.restore}. */
export interface RestoreOptions {
  /**
   * What `_home` holds from then on, in place of the `home` that the unit had: of another tenant, say.
   *
   * @default {the unit's `home`}
   */
  home?: Home | undefined;
}

/** Options of {@linkcode Snapshot.bytes}. */
export interface SnapshotBytesOptions {
  /**
   * Whether the bytes are compressed, by `CompressionStream`: to a third or less, in ten times the time.
   *
   * @default {false}
   */
  compressed?: boolean | undefined;
}

/**
 * Estimated bytes above which an input is lazy. About 6,000 rows of four fields: reading
 * one field of each is as fast lazily from 2,000 rows on, reading all of them from 15,000
 * (docs/PERFORMANCE.md).
 */
export const LAZY_THRESHOLD_DEFAULT = 1024 * 1024;

const MEMORY_LIMIT_DEFAULT = 256 * 1024 * 1024;
/** The default of {@linkcode ComputeUnitOptions.stateLimit}. */
export const STATE_LIMIT_DEFAULT = 1024 * 1024 * 1024;
const MEMORY_LIMIT_MIN = 1024 * 1024;
const MEMORY_LIMIT_MAX = 4 * 1024 * 1024 * 1024;

/** What a chunk is called by default. */
export const CHUNK_NAME_DEFAULT = "compute";

const CREATE = "create a compute unit";

const ANYTHING: OptionRule = { is: () => true, what: "anything" };

const OBJECT: OptionRule = {
  is: (value) => typeof value === "object" && value !== null && isPlainObject(value),
  what: "a plain object",
};

const TIME_LIMIT: OptionRule = {
  is: isNumber,
  what: "a number of milliseconds",
  isInRange: (milliseconds) => (milliseconds as number) > 0,
  range: "a positive number of milliseconds",
};
const STEP_LIMIT: OptionRule = {
  is: isNumber,
  what: "a number of steps",
  isInRange: (steps) => (steps as number) >= 1,
  range: "a positive number of steps",
};

const HOME: OptionRule = { is: (value) => value instanceof Home, what: "a Home, as openHome() gives it" };

const UNIT_OPTIONS = rulesOf<ComputeUnitOptions>({
  memoryLimit: {
    is: isNumber,
    what: "a number of bytes",
    isInRange: (bytes) => (bytes as number) >= MEMORY_LIMIT_MIN && (bytes as number) <= MEMORY_LIMIT_MAX,
    range: `from ${MEMORY_LIMIT_MIN} to ${MEMORY_LIMIT_MAX} bytes`,
  },
  stateLimit: {
    is: isNumber,
    what: "a number of bytes",
    isInRange: (bytes) => (bytes as number) >= 0,
    range: "0 or a positive number of bytes",
  },
  timeLimit: TIME_LIMIT,
  stepLimit: STEP_LIMIT,
  seed: {
    is: isNumber,
    what: "an integer",
    isInRange: (seed) => Number.isInteger(seed) && (seed as number) >= 0 && (seed as number) < 2 ** 32,
    range: "an integer from 0 to 4294967295",
  },
  onPrint: { is: isFunction, what: "a function" },
  onProgress: { is: isFunction, what: "a function" },
  home: HOME,
  autosave: BOOLEAN,
  lazyThreshold: {
    is: isNumber,
    what: "a number of bytes",
    isInRange: (bytes) => (bytes as number) >= 0,
    range: "0 or a positive number of bytes",
  },
  now: { is: isFunction, what: "a function" },
  timeZone: {
    is: isString,
    what: "the name of a time zone",
    isInRange: (name) => isTimeZone(name as string),
    range: '"local" or an IANA name such as "Europe/Berlin"',
  },
  library: {
    is: (library) => library === "writable" || library === "readonly",
    what: `"writable" or "readonly"`,
  },
  globals: OBJECT,
  modules: OBJECT,
  resolveModule: { is: isFunction, what: "a function" },
  replace: {
    is: (names) => Array.isArray(names) && names.every(isString),
    what: "an array of names",
  },
  module: { is: isModule, what: "the WebAssembly.Module of this package" },
});

function isModule(module: unknown): boolean {
  return module instanceof WebAssembly.Module &&
    WebAssembly.Module.exports(module).some(({ name }) => name === "get_io_table_id");
}

const COMPILE_RULES: OptionRules<CompileOptions> = { chunkName: { is: isString, what: "a string" } };
/** Rules of {@linkcode CompileOptions}, to check them by. */
export const COMPILE_OPTIONS = rulesOf<CompileOptions>(COMPILE_RULES);

/** Rules of {@linkcode ComputeOptions}. */
export const COMPUTE_RULES: OptionRules<ComputeOptions> = {
  ...COMPILE_RULES,
  globals: { is: (value) => value === "own" || value === "shared", what: `"own" or "shared"` },
  timeLimit: TIME_LIMIT,
  stepLimit: STEP_LIMIT,
  signal: { is: (value) => value instanceof AbortSignal, what: "an AbortSignal" },
  transaction: BOOLEAN,
};
/** The same, to check them by. */
export const COMPUTE_OPTIONS = rulesOf<ComputeOptions>(COMPUTE_RULES);

const NULLS: OptionRule = { is: (value) => value === "nil" || value === "keep", what: `"nil" or "keep"` };

/** Rules of {@linkcode InputOptions}. */
export const INPUT_RULES: OptionRules<InputOptions> = { lazy: BOOLEAN, nulls: NULLS };
/** The same, to check them by. */
export const INPUT_OPTIONS = rulesOf<InputOptions>(INPUT_RULES);

/** Rules of {@linkcode ComputeAsyncOptions}. */
export const COMPUTE_ASYNC_OPTIONS = rulesOf<ComputeAsyncOptions>({
  ...COMPUTE_RULES,
  ...INPUT_RULES,
  input: ANYTHING,
  meta: ANYTHING,
  outputJson: BOOLEAN,
});

/** Rules of {@linkcode InputJsonOptions}. */
export const INPUT_JSON_OPTIONS = rulesOf<InputJsonOptions>({ nulls: NULLS });

/** Rules of {@linkcode OutputJsonOptions}. */
export const OUTPUT_JSON_OPTIONS = rulesOf<OutputJsonOptions>({
  indent: {
    is: (value) => isNumber(value) || isString(value),
    what: "a number or a string",
    isInRange: isIndent,
    range: "a number of spaces, or up to 10 spaces and tabs",
  },
  sort: BOOLEAN,
});

/** Rules of {@linkcode SnapshotOptions}. */
export const SNAPSHOT_OPTIONS = rulesOf<SnapshotOptions>({ io: BOOLEAN });

/** Rules of {@linkcode StateOptions}. */
export const STATE_OPTIONS = rulesOf<StateOptions>({ io: BOOLEAN });

/** Rules of {@linkcode RestoreOptions}. */
export const RESTORE_OPTIONS = rulesOf<RestoreOptions>({ home: HOME });

/** Rules of {@linkcode SnapshotBytesOptions}. */
export const SNAPSHOT_BYTES_OPTIONS = rulesOf<SnapshotBytesOptions>({ compressed: BOOLEAN });

/** Throws where options of a unit are wrong. */
export function checkUnitOptions(options: unknown, action = CREATE): asserts options is ComputeUnitOptions {
  checkOptions<ComputeUnitOptions>(action, options, UNIT_OPTIONS);
  if (options.replace !== undefined) checkReplaced(action, options.replace);
}

/** What an instance is made with. */
export function instanceOptions(options: ComputeUnitOptions): InstanceOptions {
  const { memoryLimit = MEMORY_LIMIT_DEFAULT, timeLimit = Infinity, stepLimit, seed, now, module } = options;
  const timeZone = options.timeZone === undefined ? undefined : new TimeZone(options.timeZone);
  return { memoryLimit, timeLimit, stepLimit, seed, now, timeZone, module };
}

/** What null crosses as. */
export function nullKindOf(options: InputOptions): number {
  return options.nulls === "keep" ? NIL_KIND.KEPT : NIL_KIND.NULL;
}
