/**
 * What went wrong in Lua.
 *
 * @module
 */

import { describe } from "./kinds.ts";
import { checkOptions, isNumber, isString, NO_OPTIONS, rulesOf } from "./options.ts";

const KINDS = ["syntax", "runtime", "memory", "time", "limit"] as const;

/**
 * The kind of a {@linkcode LuaError}:
 *
 * - `"syntax"`: the code doesn't compile;
 * - `"runtime"`: the code raised an error, or an operation in it did;
 * - `"memory"`: there was no memory within the unit's `memoryLimit`, or external tables took more than its `stateLimit`;
 * - `"time"`: the code ran longer than the unit's time limit;
 * - `"limit"`: recursion or nesting went too deep, or the steps of `stepLimit` were spent.
 */
export type LuaErrorKind = "syntax" | "runtime" | "memory" | "time" | "limit";

/** Details of a {@linkcode LuaError}. */
export interface LuaErrorOptions extends ErrorOptions {
  /** Name of the chunk in which the error was raised. */
  chunk?: string | undefined;
  /** Line in that chunk, from 1. */
  line?: number | undefined;
  /** The text of that line. */
  sourceLine?: string | undefined;
  /** Lua's traceback, one call a line, the innermost first. */
  traceback?: string | undefined;
  /** The error value, where it was no string. */
  value?: unknown;
}

/** What a {@linkcode LuaError} is in JSON. */
export interface LuaErrorJson {
  /** Always `"LuaError"`. */
  name: string;
  /** The message, without position. */
  message: string;
  /** What kind of error it is. */
  kind: LuaErrorKind;
  /** Name of the chunk in which the error was raised, where known. */
  chunk?: string;
  /** Line in that chunk, from 1, where known. */
  line?: number;
  /** The text of that line, where known. */
  sourceLine?: string;
  /** Lua's traceback; empty where there is none. */
  traceback: string;
  /**
   * The error value, where it was no string and JSON can have it; bigints as text. Values of more than 10,000 parts,
   * or 64 Ki characters, are left out.
   */
  value?: unknown;
}

const anything = { is: () => true, what: "anything" };
const OPTIONS = rulesOf<LuaErrorOptions>({
  cause: anything,
  chunk: { is: isString, what: "a string" },
  line: {
    is: isNumber,
    what: "a positive integer",
    isInRange: (line) => Number.isInteger(line) && (line as number) >= 1,
    range: "a positive integer",
  },
  sourceLine: { is: isString, what: "a string" },
  traceback: { is: isString, what: "a string" },
  value: anything,
});

/**
 * An error that Lua reports. The unit works after it as before; what breaks a unit is thrown
 * as another error.
 *
 * `message` is what code said. As text, in `stack` and as JSON the error says where, too.
 *
 * @example Usage
 * ```ts
 * import { ComputeUnit, LuaError } from "@computeunit/cu";
 * import { assert, assertEquals, assertThrows } from "@std/assert";
 *
 * using cu = await ComputeUnit.create();
 * const code = "local order = {}\nreturn order.price.net";
 * const error = assertThrows(() => cu.compute(code, { chunkName: "rules.lua" }), LuaError);
 * assertEquals(error.kind, "runtime");
 * assertEquals(error.message, "attempt to index a nil value (field 'price')");
 * assertEquals([error.chunk, error.line, error.sourceLine], ["rules.lua", 2, "return order.price.net"]);
 * assertEquals(String(error), `LuaError: rules.lua:2: ${error.message}`);
 * assert(error.stack!.startsWith(`${error}\n\trules.lua:2: in main chunk\n    at `));
 * ```
 */
export class LuaError extends Error {
  /** What kind of error it is. */
  readonly kind: LuaErrorKind;
  /** Name of the chunk in which the error was raised, where known. */
  declare readonly chunk: string | undefined;
  /** Line in that chunk, from 1, where known. */
  declare readonly line: number | undefined;
  /** The text of that line, of up to 200 characters, where the unit has the chunk's text. */
  declare readonly sourceLine: string | undefined;
  /** The error value as a JavaScript value, where it was neither a string nor what JavaScript threw. */
  declare readonly value: unknown;
  #traceback: string;
  /** What has the host's calls in its `stack`, which takes 20 us to make. */
  #calls: { readonly stack?: string | undefined };

  static {
    // Not of the instance: it would be printed beside the class's name.
    Object.defineProperty(this.prototype, "name", { value: "LuaError", configurable: true, writable: true });
  }

  /**
   * Constructs an error.
   *
   * @param kind What kind of error it is.
   * @param message The message, without position.
   * @param options Where it was raised, and what else is known.
   * @throws {TypeError} If something is of the wrong kind, or an option is unknown.
   * @throws {RangeError} If `line` isn't a positive integer.
   */
  constructor(kind: LuaErrorKind, message: string, options: LuaErrorOptions = NO_OPTIONS) {
    checkArguments(kind, message, options);
    const { chunk, line, sourceLine, traceback, value, cause } = options;
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    // What isn't there isn't printed.
    if (chunk !== undefined) this.chunk = chunk;
    if (line !== undefined) this.line = line;
    if (sourceLine !== undefined) this.sourceLine = sourceLine;
    if (value !== undefined) this.value = value;
    this.#traceback = traceback ?? "";
    this.#calls = callsOf(this);
    Object.defineProperty(this, "stack", LuaError.#stack);
  }

  /** Lua's traceback, one call a line, the innermost first; empty where there is none. */
  get traceback(): string {
    return this.#traceback;
  }

  static #stack: PropertyDescriptor & ThisType<LuaError> = {
    configurable: true,
    enumerable: false,
    get() {
      return this.#stackText();
    },
    set(value) {
      Object.defineProperty(this, "stack", { value, configurable: true, writable: true });
    },
  };

  /** The error, Lua's calls, and the host's. */
  #stackText(): string {
    const position = this.line === undefined ? "" : `\n\t${this.chunk}:${this.line}`;
    const { stack = "" } = this.#calls;
    const first = stack.indexOf("\n    at ");
    // Engines other than V8 write `name@file:line:column`.
    const calls = first >= 0 ? stack.slice(first) : stack.includes("@") ? `\n${stack}` : "";
    return `${this}${this.#traceback === "" ? position : `\n${this.#traceback}`}${calls}`;
  }

  /**
   * The error in one line, with its position if that is known.
   *
   * @returns Such as `"LuaError: rules.lua:2: negative"`.
   */
  override toString(): string {
    const position = this.line === undefined ? "" : `${this.chunk}:${this.line}: `;
    return `${this.name}: ${position}${this.message}`;
  }

  /**
   * What `JSON.stringify` writes, for logs and other processes.
   *
   * @returns Message, kind, position, traceback and value.
   *
   * @example Usage
   * ```ts
   * import { LuaError } from "@computeunit/cu";
   * import { assertEquals } from "@std/assert";
   *
   * const error = new LuaError("runtime", "negative", { chunk: "rules.lua", line: 2 });
   * assertEquals(
   *   JSON.stringify(error),
   *   '{"name":"LuaError","message":"negative","kind":"runtime","chunk":"rules.lua","line":2,"traceback":""}',
   * );
   * ```
   */
  toJSON(): LuaErrorJson {
    const { name, message, kind, chunk, line, sourceLine, traceback } = this;
    const value = jsonOf(this.value);
    return {
      name,
      message,
      kind,
      ...chunk === undefined ? {} : { chunk },
      ...line === undefined ? {} : { line },
      ...sourceLine === undefined ? {} : { sourceLine },
      traceback,
      ...value === undefined ? {} : { value },
    };
  }
}

function checkArguments(kind: unknown, message: unknown, options: unknown): void {
  if (!KINDS.includes(kind as LuaErrorKind)) {
    const given = typeof kind === "string" ? JSON.stringify(kind.slice(0, 60)) : describe(kind);
    throw new TypeError(`Cannot construct a LuaError: the kind must be one of ${KINDS.join(", ")}, got ${given}`);
  }
  if (typeof message !== "string") {
    throw new TypeError(`Cannot construct a LuaError: the message is not a string, but ${describe(message)}`);
  }
  checkOptions("construct a LuaError", options, OPTIONS);
}

/**
 * Something that has the calls under way in its `stack`. Not the error: where Deno has once
 * written an error's own stack, it prints that for an error that nobody catches, without
 * Lua's calls.
 */
function callsOf(error: LuaError): { readonly stack?: string | undefined } {
  if (typeof Error.captureStackTrace !== "function") return { stack: error.stack };
  const calls = {};
  Error.captureStackTrace(calls, error.constructor as () => void);
  return calls;
}

/**
 * An error of what code gave, which can't be passed or is too much: its cause tells it from the caller's own mistakes.
 *
 * @param type TypeError or RangeError.
 * @param message The message.
 * @param what What is wrong with it.
 */
export function errorOfCode(
  type: new (message: string, options: ErrorOptions) => Error,
  message: string,
  what: string,
): Error {
  return new type(message, { cause: new LuaError("runtime", what) });
}

/** The bytes of error values that were strings, but no UTF-8: a message can't have them. */
const bytesOfErrors = new WeakMap<LuaError, Uint8Array>();

/** Notes the bytes that an error's message doesn't have. */
export function keepBytes(error: LuaError, bytes: Uint8Array): void {
  bytesOfErrors.set(error, bytes);
}

/** What JavaScript threw in code that ended in these errors: their own `cause` may be another by now. */
const thrownOfErrors = new WeakMap<LuaError, { readonly value: unknown }>();

/** Notes what JavaScript threw, which was the error value in Lua. */
export function keepThrown(error: LuaError, value: unknown): void {
  thrownOfErrors.set(error, { value });
}

/** What JavaScript threw, if that was the error value in Lua. */
export function thrownIn(error: LuaError): { readonly value: unknown } | undefined {
  return thrownOfErrors.get(error);
}

/** The error value with which Lua raised an error, and raises it again; a string without its position. */
export function raisedValue(error: LuaError): unknown {
  return error.value === undefined ? bytesOfErrors.get(error) ?? error.message : error.value;
}

/** What an error value in JSON has at the most. */
const JSON_PARTS_MAX = 10_000;
const JSON_LENGTH_MAX = 64 * 1024;

/**
 * A value as JSON has it; undefined for what it can't have, such as cycles, and for what is large there: a few tables
 * that are shared at many levels are longer than any memory.
 */
function jsonOf(value: unknown): unknown {
  let parts = 0;
  let length = 0;
  const count = (key: string, part: unknown) => {
    parts++;
    length += key.length + (typeof part === "string" ? part.length : 0);
    if (parts > JSON_PARTS_MAX || length > JSON_LENGTH_MAX) throw new RangeError("The value is too large");
    return typeof part === "bigint" ? String(part) : part;
  };
  try {
    const text = JSON.stringify(value, count);
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
