/**
 * What went wrong in Lua.
 *
 * @module
 */

/**
 * The kind of a {@linkcode LuaError}:
 *
 * - `"syntax"`: the code doesn't compile;
 * - `"runtime"`: the code raised an error, or an operation in it did;
 * - `"memory"`: there was no memory within the unit's limit;
 * - `"time"`: the code ran longer than the unit's time limit;
 * - `"limit"`: recursion or nesting went too deep.
 */
export type LuaErrorKind = "syntax" | "runtime" | "memory" | "time" | "limit";

/** Details of a {@linkcode LuaError}. */
export interface LuaErrorOptions extends ErrorOptions {
  /** Name of the chunk in which the error was raised. */
  chunk?: string;
  /** Line in that chunk, from 1. */
  line?: number;
  /** Lua's traceback, one call a line, the innermost first. */
  traceback?: string;
  /** The error value, where it was no string. */
  value?: unknown;
}

/**
 * An error that Lua reports. The unit works after it as before; what breaks a unit is thrown
 * as another error.
 *
 * @example Usage
 * ```ts
 * import { ComputeUnit, LuaError } from "@computeunit/cu";
 * import { assert, assertEquals, assertThrows } from "@std/assert";
 *
 * using cu = await ComputeUnit.create();
 * const error = assertThrows(() => cu.compute("local x = nil\nreturn x.y"), LuaError);
 * assertEquals(error.kind, "runtime");
 * assertEquals(error.line, 2);
 * assert(error.message.startsWith("attempt to index a nil value"));
 * ```
 */
export class LuaError extends Error {
  /** Always `"LuaError"`. */
  override name = "LuaError";
  /** What kind of error it is. */
  readonly kind: LuaErrorKind;
  /** Name of the chunk in which the error was raised, where known. */
  readonly chunk: string | undefined;
  /** Line in that chunk, from 1, where known. */
  readonly line: number | undefined;
  /** Lua's traceback, one call a line, the innermost first; empty where there is none. */
  readonly traceback: string;
  /** The error value as a JavaScript value, where it was no string. */
  readonly value: unknown;

  /**
   * Constructs an error.
   *
   * @param kind What kind of error it is.
   * @param message The message, without position.
   * @param options Where it was raised, and what else is known.
   */
  constructor(kind: LuaErrorKind, message: string, options: LuaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.chunk = options.chunk;
    this.line = options.line;
    this.traceback = options.traceback ?? "";
    this.value = options.value;
  }
}
