/**
 * Functions of the host that Lua code calls.
 *
 * @module
 */

import type { Decoder } from "../bridge/decode.ts";
import type { Encoder } from "../bridge/encode.ts";
import type { HostTables } from "../lazy/host_tables.ts";
import type { Instance } from "../runtime/instance.ts";
import { DEFINE, WIRE } from "../runtime/wire.ts";
import { LuaError, raisedValue, thrownIn } from "../values/errors.ts";
import type { LuaValue } from "../values/lua_value.ts";
import type { Path } from "../values/paths.ts";
import { type ChunkText, isChunkName } from "../values/position.ts";
import { isOf } from "../values/refusals.ts";
import type { LuaFunctions } from "./lua_functions.ts";
import { ModuleTexts } from "./module_texts.ts";

/** What a timer takes. */
const SLEEP_MAX_MS = 2 ** 31 - 1;

/** What lets code wait: a function may have been called, by call() or as a LuaFunction, in code that can. */
const REMEDY = "run the code by computeAsync(), call a function by callAsync()";

const BOXED_BOOLEAN = WIRE.BOXED + WIRE.BOOLEAN;
const BOXED_NIL = WIRE.BOXED + WIRE.NIL;

/** Several results of one call of a host function; see {@linkcode returns}. */
class ReturnValues {
  readonly values: readonly unknown[];
  constructor(values: readonly unknown[]) {
    this.values = values;
  }
}

/** What {@linkcode returns} gives: several results, for Lua only. */
export interface HostResults {
  /** The results, in their order. */
  readonly values: readonly unknown[];
}

/**
 * Makes several results of a host function's one: Lua functions return any number.
 *
 * @param values The results.
 * @returns What the host function returns.
 *
 * @example Usage
 * ```ts
 * import { ComputeUnit, returns } from "@computeunit/cu";
 * import { assertEquals } from "@std/assert";
 *
 * using cu = await ComputeUnit.create({
 *   globals: { divide: (a: number, b: number) => returns(Math.floor(a / b), a % b) },
 * });
 * assertEquals(cu.computeAll("return divide(17, 5)"), [3, 2]);
 * ```
 */
export function returns(...values: unknown[]): HostResults {
  return new ReturnValues(values);
}

/** A function that was made known to Lua. */
export interface HostFunction {
  readonly run: (...args: unknown[]) => unknown;
  /** The object that holds it: its `this`. */
  readonly holder: unknown;
  /** Such as `kv.get`. */
  readonly name: string;
  /** By which Lua knows it. */
  readonly number: number;
}

/** Where a function of the host is found that a copy of a unit has: in an option, by the keys that lead there. */
export interface FunctionRecord {
  /** Of `DEFINE`. */
  readonly place: number;
  /** The name of the global or the module. */
  readonly option: string;
  readonly path: Readonly<Path>;
  /** Such as `kv.get`. */
  readonly name: string;
}

/** Finds what is called where the record says; undefined where there is no function. */
export type FindFunction = (record: FunctionRecord) => Pick<HostFunction, "run" | "holder"> | undefined;

/** Code that is running, and can wait. */
export interface Waiter {
  /** Waits until the promise that a function has returned is settled. */
  waitFor(called: HostFunction, promise: Promise<unknown>): void;
  /** Waits so many milliseconds. */
  sleep(called: HostFunction, milliseconds: number): void;
  /** Waits for strands that are to run side by side: for all, or for the first. */
  waitForStrands(called: HostFunction, strands: number[], isRace: boolean): void;
}

/** Stands for `task.sleep`, by which that is told from a function of the host's. */
export function sleepFunction(): void {}

/** Functions that each unit has, for Lua's module `task`. */
const TASK_FUNCTIONS: Readonly<Record<number, HostFunction>> = {
  [WIRE.SLEEP_FUNCTION]: { run: sleepFunction, holder: undefined, name: "task.sleep", number: WIRE.SLEEP_FUNCTION },
  [WIRE.ALL_FUNCTION]: { run: () => {}, holder: undefined, name: "task.all", number: WIRE.ALL_FUNCTION },
  [WIRE.RACE_FUNCTION]: { run: () => {}, holder: undefined, name: "task.race", number: WIRE.RACE_FUNCTION },
};

/** The host's functions that one unit knows, by number. */
export class HostFunctions {
  readonly #instance: Instance;
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;
  readonly #tables: HostTables;
  readonly #known: (HostFunction & FunctionRecord)[] = [];
  /** The unit's functions that the host has. */
  readonly #luaFunctions: LuaFunctions;
  /** What runs, if it can wait. */
  waiter: Waiter | undefined;
  /** Calls so far. */
  calls = 0;

  /** Constructs the functions of a unit. */
  constructor(
    instance: Instance,
    encoder: Encoder,
    decoder: Decoder,
    tables: HostTables,
    luaFunctions: LuaFunctions,
  ) {
    this.#luaFunctions = luaFunctions;
    this.#instance = instance;
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.#tables = tables;
  }

  /**
   * Makes a value known to Lua, with the functions in it.
   *
   * @param place What it becomes, of `DEFINE`.
   * @throws {TypeError} If something in it can't be passed.
   */
  define(place: number, name: string, value: unknown): void {
    this.#encoder.encodePowers(name, value, "create a compute unit", (run, path, shown) => {
      const number = this.#known.length;
      const holder = path.length === 0 ? undefined : valueAt(value, path.slice(0, -1));
      this.#known.push({ run: run as HostFunction["run"], holder, number, place, option: name, path, name: shown });
      return number;
    });
    const status = this.#instance.exports.define(place);
    if (status === WIRE.STATUS_MEMORY) throw new LuaError("memory", "not enough memory for the unit's modules");
    if (status < 0) throw new Error(`The unit refused ${name} (status ${status})`);
  }

  /** The functions that Lua knows, by number, as data. */
  record(): FunctionRecord[] {
    return this.#known.map(({ place, option, path, name }) => ({ place, option, path, name }));
  }

  /** Finds functions that are known here. */
  finder(): FindFunction {
    const nameOf = ({ place, name }: FunctionRecord) => `${place} ${name}`;
    const byName = new Map(this.#known.map((known) => [nameOf(known), known]));
    return (record) => byName.get(nameOf(record));
  }

  /** Binds the functions again that a copy of a unit knows. */
  bind(bound: readonly (HostFunction & FunctionRecord)[]): void {
    this.#known.push(...bound);
  }

  /** The text of a module that was loaded, by the name that Lua shows for it. */
  moduleText(shownName: string): ChunkText | undefined {
    const resolver = this.#known.find(({ place }) => place === DEFINE.RESOLVER);
    return resolver && TEXTS.get(resolver.run)?.find(shownName);
  }

  /** The function with a number, if there is one. */
  at(number: number): HostFunction | undefined {
    return this.#known[number] ?? TASK_FUNCTIONS[number];
  }

  /**
   * Makes Lua's library read-only to code, with all that was defined.
   *
   * @throws {LuaError} If there is no memory for it.
   */
  lock(): void {
    const status = this.#instance.exports.lock_library();
    if (status === WIRE.STATUS_MEMORY) throw new LuaError("memory", "not enough memory for the unit's library");
    if (status < 0) throw new Error(`The unit refused to make its library read-only (status ${status})`);
  }

  /**
   * Calls a function: its arguments are a message of so many words, after so many whole chunks.
   *
   * @returns How many results stand in the buffer or in a message, or a status (`zig/calls/host.zig`).
   */
  call(number: number, words: number, chunks: number): number {
    this.calls++;
    const known = this.at(number) ?? this.#instance.fault("the number of a function that is none");
    try {
      const args = this.#arguments(words, chunks);
      if (number >= WIRE.SLEEP_FUNCTION) return this.#callTask(number, known, args);
      const result = this.#run(known, args);
      this.#checkTime(result);
      return isThenable(result) ? this.#wait(known, result) : this.#answer(known, result);
    } catch (error) {
      return this.#failed(known, error);
    }
  }

  /**
   * Writes what a promise has become that a function returned, for the code that waits for it.
   *
   * @returns As {@linkcode HostFunctions.call}.
   */
  settled(known: HostFunction, isFulfilled: boolean, value: unknown): number {
    try {
      if (!isFulfilled) return this.#failed(known, value);
      return this.#answer(known, value);
    } catch (error) {
      return this.#failed(known, error);
    }
  }

  /** What the call was made with for which a strand waits; or a status. */
  argumentsOf(strand: number): LuaValue[] | number {
    const instance = this.#instance;
    this.#decoder.drop();
    const words = instance.guard(() => instance.exports.write_waiting(strand));
    if (words < 0) {
      this.#decoder.drop();
      return words;
    }
    const args = this.#decodeArguments(words);
    this.#luaFunctions.letGo();
    return args;
  }

  /** Runs a function, which may use the unit meanwhile. */
  #run({ run, holder }: HostFunction, args: unknown[]): unknown {
    const instance = this.#instance;
    const { waiter } = this;
    instance.isOpen = true;
    this.waiter = undefined;
    try {
      return Reflect.apply(run, holder, args);
    } finally {
      instance.isOpen = false;
      this.waiter = waiter;
      this.#luaFunctions.letGo();
    }
  }

  /** Where the code is to end, nobody else hears of a failure of the promise that it was to wait for. */
  #checkTime(result: unknown): void {
    try {
      this.#instance.checkTime();
    } catch (error) {
      if (result instanceof Promise) ignoreFailure(result);
      throw error;
    }
  }

  #wait(known: HostFunction, result: PromiseLike<unknown>): number {
    const promise = Promise.resolve(result);
    if (this.waiter !== undefined) {
      this.waiter.waitFor(known, promise);
      return WIRE.STATUS_WAITS;
    }
    // Nobody else will hear of its failure.
    ignoreFailure(promise);
    throw new TypeError(`${known.name} returned a promise, which compute() can't wait for: ${REMEDY}`);
  }

  #callTask(number: number, known: HostFunction, args: unknown[]): number {
    const { waiter } = this;
    if (waiter === undefined) {
      throw new TypeError(`${known.name} can't be used in compute(): ${REMEDY}`);
    }
    if (number === WIRE.SLEEP_FUNCTION) waiter.sleep(known, millisecondsOf(args[0]));
    else waiter.waitForStrands(known, args as number[], number === WIRE.RACE_FUNCTION);
    return WIRE.STATUS_WAITS;
  }

  /** The arguments; those that take one word each, without a message being read. */
  #arguments(words: number, chunks: number): unknown[] {
    const { words: values, halves } = this.#instance;
    const args: unknown[] = [];
    if (chunks > 0 || words > WIRE.WORDS_MAX) return this.#decoded(words, chunks);
    for (let word = 0; word < words; word++) {
      const value = values[word];
      const tag = halves[2 * word + 1];
      if (value === value) args.push(value);
      else if (tag === BOXED_BOOLEAN) args.push(halves[2 * word] === 1);
      else if (tag === BOXED_NIL) args.push(null);
      else return this.#decoded(words, chunks);
    }
    return args;
  }

  #decoded(words: number, chunks: number): unknown[] {
    this.#decoder.keepLast(chunks);
    return this.#decodeArguments(words);
  }

  #decodeArguments(words: number): LuaValue[] {
    const decoder = this.#decoder;
    decoder.functionOf = (number, place) => this.#luaFunctions.of(number, place);
    try {
      const args = decoder.decode(words);
      if (this.#luaFunctions.keepRead()) this.#instance.exports.take_functions();
      return args;
    } catch (error) {
      this.#luaFunctions.dropRead();
      throw error;
    } finally {
      decoder.functionOf = undefined;
    }
  }

  #answer({ name }: HostFunction, result: unknown): number {
    const encoder = this.#encoder;
    if (result instanceof ReturnValues) {
      const { values } = result;
      const count = encoder.scalars(values);
      if (count >= 0) return count;
      encoder.encodeResults(values, `return from ${name}`);
      return WIRE.RESULTS_BASE - values.length;
    }
    if (encoder.scalar(result)) return 1;
    encoder.encodeResults([result], `return from ${name}`);
    return WIRE.RESULTS_BASE - 1;
  }

  #failed(known: HostFunction, error: unknown): number {
    if (this.#instance.broken !== undefined || this.#instance.isTimeUp(error)) throw error;
    const encoder = this.#encoder;
    if (encoder.isOwn(error)) return WIRE.STATUS_MEMORY;
    let thrown = error;
    // A Lua error is raised as it was: by its value, which may be what JavaScript had thrown.
    if (isOf(error, LuaError)) {
      const own = thrownIn(error);
      if (own === undefined) {
        try {
          encoder.encodeResults([raisedValue(error)], `raise the error of ${known.name}`);
          return WIRE.STATUS_RAISED;
        } catch {
          // Its value can't be passed: the error itself can.
        }
      } else thrown = own.value;
    }
    const { explained } = encoder;
    this.#tables.raise(thrown, explained !== undefined && thrown === explained);
    return WIRE.STATUS_THROWN;
  }
}

/** What stands under some keys, of own properties only. */
function valueAt(value: unknown, path: Readonly<Path>): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null) return undefined;
    if (at instanceof Map) at = at.get(key);
    else at = Object.hasOwn(at, key) ? (at as Record<string | number, unknown>)[key] : undefined;
  }
  return at;
}

/** The function under some keys of a value, and what holds it. */
export function functionAt(value: unknown, path: Readonly<Path>): ReturnType<FindFunction> {
  const run = valueAt(value, path);
  if (typeof run !== "function") return undefined;
  return { run: run as HostFunction["run"], holder: path.length === 0 ? undefined : valueAt(value, path.slice(0, -1)) };
}

/**
 * Finds the functions that a copy of a unit knows.
 *
 * @throws {TypeError} If there is none in one's place.
 */
export function boundFunctions(
  records: readonly FunctionRecord[],
  find: FindFunction,
): (HostFunction & FunctionRecord)[] {
  return records.map((record, number) => {
    const found = find(record);
    if (found !== undefined) return { ...record, run: found.run, holder: found.holder, number };
    throw new TypeError(`Cannot load the snapshot: ${describePlace(record)} is missing in the unit's options`);
  });
}

function describePlace({ place, name }: FunctionRecord): string {
  if (place === DEFINE.RESOLVER) return "resolveModule";
  return `the ${place === DEFINE.GLOBAL ? "global" : "module's"} function ${name}`;
}

/** A promise for which nobody waits may fail. */
export function ignoreFailure(promise: Promise<unknown>): void {
  Reflect.apply(Promise.prototype.then, promise, [undefined, () => {}]);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value instanceof Promise ||
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

function millisecondsOf(value: unknown): number {
  if (typeof value === "number" && value >= 0 && value <= SLEEP_MAX_MS) return value;
  throw new TypeError(`task.sleep needs a number of milliseconds from 0 to ${SLEEP_MAX_MS}`);
}

/** Lua source, and its name in messages. */
export interface ModuleText {
  /** The source. */
  readonly code: string | Uint8Array;
  /** Its name in messages and tracebacks, a line of text, such as a path. */
  readonly chunkName: string;
}

/** Gives the Lua source of a module, at once or later; undefined where there is none. */
export type Resolve = (name: string) => ModuleSource | Promise<ModuleSource>;
/** What there is of a module that `require` asks for. */
export type ModuleSource = string | Uint8Array | ModuleText | undefined;

/** Where `require` looks for modules that aren't there yet. */
export interface ModuleSources {
  /** Lua sources by name. */
  readonly sources: ReadonlyMap<string, string | Uint8Array>;
  /** Asked for others. */
  readonly resolve: Resolve | undefined;
}

type Resolver = (given: unknown) => unknown;

/** What resolvers have given. */
const TEXTS = new WeakMap<Resolver, ModuleTexts>();

/** What `require` asks for sources. */
export function resolverOf({ sources, resolve }: ModuleSources): Resolver {
  const texts = new ModuleTexts();
  const answer = (name: string, source: unknown): HostResults => {
    if (source === undefined || source === null) {
      const own = sources.size === 0 ? "" : "\n\tno source in modules";
      return returns(null, `${own}${resolve === undefined ? "" : "\n\tnothing from resolveModule"}`);
    }
    const text = moduleTextOf(name, source);
    texts.note(text);
    return returns(text.code, text.chunkName);
  };
  const resolver: Resolver = (given) => {
    const name = String(given);
    const source = sources.get(name) ?? resolve?.(name);
    return isThenable(source) ? source.then((found) => answer(name, found)) : answer(name, source);
  };
  TEXTS.set(resolver, texts);
  return resolver;
}

function isCode(source: unknown): source is string | Uint8Array {
  return typeof source === "string" || source instanceof Uint8Array;
}

function moduleTextOf(name: string, source: unknown): ModuleText {
  if (isCode(source)) return { code: source, chunkName: name };
  const { code, chunkName } = source as ModuleText;
  if (!isCode(code)) {
    throw new TypeError(`resolveModule gave neither text nor bytes for ${JSON.stringify(name)}`);
  }
  if (!isChunkName(chunkName)) {
    throw new TypeError(`resolveModule gave a chunkName for ${JSON.stringify(name)} that is not a line of text`);
  }
  return { code, chunkName };
}
