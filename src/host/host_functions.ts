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
import { LuaError } from "../values/errors.ts";
import type { Path } from "../values/paths.ts";

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
interface Known {
  readonly run: (...args: unknown[]) => unknown;
  /** The object that holds it: its `this`. */
  readonly holder: unknown;
  /** Such as `kv.get`. */
  readonly name: string;
}

/** The host's functions that one unit knows, by number. */
export class HostFunctions {
  readonly #instance: Instance;
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;
  readonly #tables: HostTables;
  readonly #known: Known[] = [];

  /** Constructs the functions of a unit. */
  constructor(instance: Instance, encoder: Encoder, decoder: Decoder, tables: HostTables) {
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
    const holderOf = (path: Path) => {
      let holder: unknown;
      let at: unknown = value;
      for (const key of path) [holder, at] = [at, (at as Record<string | number, unknown>)[key]];
      return holder;
    };
    this.#encoder.encodePowers(name, value, "create a compute unit", (run, path, shown) => {
      return this.#known.push({ run: run as Known["run"], holder: holderOf(path), name: shown }) - 1;
    });
    const status = this.#instance.exports.define(place);
    if (status === WIRE.STATUS_MEMORY) throw new LuaError("memory", "not enough memory for the unit's modules");
    if (status < 0) throw new Error(`The unit refused ${name} (status ${status})`);
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
    const known = this.#known[number] ?? this.#instance.fault("the number of a function that is none");
    try {
      const result = this.#run(known, this.#arguments(words, chunks));
      this.#instance.checkTime();
      return this.#answer(known, result);
    } catch (error) {
      return this.#failed(known, error);
    }
  }

  #run({ run, holder, name }: Known, args: unknown[]): unknown {
    const result = Reflect.apply(run, holder, args);
    if (!isThenable(result)) return result;
    // Nobody else will hear of its failure.
    Promise.resolve(result).catch(() => {});
    throw new TypeError(`${name} returned a promise, which code that is run by compute() can't wait for`);
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
    return this.#decoder.decode(words);
  }

  #answer({ name }: Known, result: unknown): number {
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

  #failed(known: Known, error: unknown): number {
    if (this.#instance.broken !== undefined || this.#instance.isTimeUp(error)) throw error;
    const encoder = this.#encoder;
    if (encoder.isOwn(error)) return WIRE.STATUS_MEMORY;
    // A Lua error is raised as it was: by its value.
    if (error instanceof LuaError) {
      try {
        encoder.encodeResults([error.value ?? error.message], `raise the error of ${known.name}`);
        return WIRE.STATUS_RAISED;
      } catch {
        // Its value can't be passed: the error itself can.
      }
    }
    this.#tables.raise(error, error === encoder.explained);
    return WIRE.STATUS_THROWN;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value instanceof Promise ||
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** Where `require` looks for modules that aren't there yet. */
export interface ModuleSources {
  /** Lua sources by name. */
  readonly sources: ReadonlyMap<string, string | Uint8Array>;
  /** Asked for others. */
  readonly resolve: ((name: string) => string | Uint8Array | undefined) | undefined;
}

/** Makes known where `require` looks for sources. */
export function defineResolver(functions: HostFunctions, { sources, resolve }: ModuleSources): void {
  functions.define(DEFINE.RESOLVER, "cu_resolver", (name: unknown) => {
    const source = sources.get(String(name)) ?? resolve?.(String(name));
    if (typeof source === "string" || source instanceof Uint8Array) return returns(source, name);
    if (source !== undefined && source !== null) {
      throw new TypeError(`resolveModule gave neither text nor bytes for ${JSON.stringify(name)}`);
    }
    const own = sources.size === 0 ? "" : "\n\tno source in modules";
    return returns(null, `${own}${resolve === undefined ? "" : "\n\tnothing from resolveModule"}`);
  });
}
