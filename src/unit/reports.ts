/**
 * What the unit reports as errors, as errors of JavaScript.
 *
 * @module
 */

import type { Decoder } from "../bridge/decode.ts";
import { StateLimitError } from "../lazy/external_tables.ts";
import { Thrown } from "../lazy/thrown.ts";
import type { Views } from "../lazy/views.ts";
import type { Instance } from "../runtime/instance.ts";
import { WIRE } from "../runtime/wire.ts";
import { errorOfCode, keepBytes, keepThrown, LuaError, type LuaErrorKind } from "../values/errors.ts";
import type { LuaValue } from "../values/lua_value.ts";
import {
  type ChunkText,
  type FindText,
  locate,
  MODULE,
  type Position,
  POSITIONS_LENGTH_MAX,
  shownName,
} from "../values/position.ts";
import { isOf } from "../values/refusals.ts";

/** Messages of errors of kind "limit". */
const OVERFLOW = /^(\S+:\d+: )*(C stack overflow|stack overflow|chunk has too many|'__call' chain too long)/;

/** Lua's status codes, as `encode_error` tells them. */
const KINDS: Record<number, LuaErrorKind> = { 2: "runtime", 3: "syntax", 4: "memory", 5: "limit" };

/** Reads the errors of one unit. */
export class Reports {
  #instance: Instance;
  #decoder: Decoder;
  #views: Views;
  /** The text of a chunk, if the host has it. */
  textOf: (chunk: number) => ChunkText | undefined = () => undefined;
  /** The text of a module that was loaded, by the name that Lua shows for it. */
  moduleText: (shownName: string) => ChunkText | undefined = () => undefined;
  /** What is being compiled. */
  compiling: ChunkText | undefined;

  /** Constructs the reports of a unit. */
  constructor(
    instance: Instance,
    decoder: Decoder,
    views: Views,
  ) {
    this.#instance = instance;
    this.#decoder = decoder;
    this.#views = views;
  }

  /** The error of code that was stopped at its time limit, in milliseconds. */
  timeUp(timeLimit: number, position: Position): LuaError {
    return this.#stopped("time", `time limit of ${timeLimit} ms exceeded`, position);
  }

  /** The same for its limit of steps. */
  outOfSteps(stepLimit: number, position: Position): LuaError {
    return this.#stopped("limit", `limit of ${stepLimit} steps exceeded`, position);
  }

  #stopped(kind: LuaErrorKind, message: string, position: Position): LuaError {
    const { where } = this.#locate(message, position);
    return new LuaError(kind, message, { ...where, traceback: position.traceback });
  }

  /**
   * What a negative status says; the call that answered it came to its end.
   *
   * @param action What was being done, for messages: "set input".
   */
  errorOf(status: number, action: string): Error {
    const error = this.#errorOf(status, action);
    this.#instance.isUnsettled = false;
    return error;
  }

  #errorOf(status: number, action: string): Error {
    const instance = this.#instance;
    switch (status) {
      case WIRE.STATUS_LUA:
        return this.#luaError();
      case WIRE.STATUS_MEMORY:
        return new LuaError("memory", "not enough memory");
      case WIRE.STATUS_DEPTH:
        return this.#refusalOf(RangeError, action);
      case WIRE.STATUS_SYNTAX:
        return new SyntaxError(`Cannot ${action}: ${instance.statusText()}`);
      case WIRE.STATUS_UNSUPPORTED:
      case WIRE.STATUS_IO_TABLE:
        return this.#refusalOf(TypeError, action);
      default:
        // Nothing that this side has called, or written, is wrong.
        return instance.fault(`a refusal (status ${status})`);
    }
  }

  #refusalOf(type: typeof TypeError | typeof RangeError, action: string): Error {
    const text = this.#instance.statusText();
    return errorOfCode(type, `Cannot ${action}: ${text}`, text);
  }

  #luaError(): Error {
    const instance = this.#instance;
    const report = this.#decoder.decode(instance.guardAfter(() => instance.exports.encode_error()));
    const [status, text, traceback, thrownNumber] = report;
    const isText = typeof text === "string" || text instanceof Uint8Array;
    if (!isText || typeof status !== "number" || !(status in KINDS) || typeof thrownNumber !== "number") {
      return instance.fault("an error that is none of Lua's");
    }
    const position = instance.errorPosition();
    const thrown = thrownNumber === 0 ? undefined : this.#thrown(thrownNumber);
    const { value, refusal } = this.#errorValue();
    // A string that isn't UTF-8 is its own message.
    const isRawText = typeof text !== "string";
    const message = isRawText ? new TextDecoder().decode(text) : text;
    const stack = typeof traceback === "string" ? traceback : position.traceback;
    const { where, bare } = this.#locate(message, position);
    const isOverflow = OVERFLOW.test(message.slice(0, POSITIONS_LENGTH_MAX));
    const bytes = isRawText && value instanceof Uint8Array ? value : undefined;
    const isOwnMessage = typeof value === "string" || bytes !== undefined;
    const isStateFull = isOf(thrown?.value, StateLimitError);
    const error = new LuaError(
      isOverflow ? "limit" : isStateFull ? "memory" : KINDS[status],
      thrown === undefined ? bare : message,
      {
        ...where,
        traceback: stack.replace(/^stack traceback:\n/, "").replace(/\n\t\[C\]: in \?$/, ""),
        value: thrown !== undefined || isOwnMessage ? undefined : value,
        // A refusal is thrown itself, with this error as its cause: each the other's would have no end.
        cause: thrown === undefined ? refusal : thrown.isRefusal ? undefined : thrown.value,
      },
    );
    if (bytes !== undefined) keepBytes(error, bytes);
    if (thrown !== undefined) keepThrown(error, thrown.value);
    if (!thrown?.isRefusal) return error;
    const own = thrown.value as Error;
    own.cause ??= error;
    return own;
  }

  /** What the host threw, which Lua has raised. */
  #thrown(number: number): Thrown {
    const thrown = this.#views.objectOf(number);
    return thrown instanceof Thrown ? thrown : this.#instance.fault("an error that the host knows nothing of");
  }

  /** The error value, which the unit lets go of; or why it can't be passed. */
  #errorValue(): { value?: LuaValue; refusal?: unknown } {
    const instance = this.#instance;
    try {
      const words = instance.guardAfter(() => instance.exports.encode_error_value());
      if (words >= 0) return { value: this.#decoder.decode(words)[0] };
      this.#decoder.drop();
      return { refusal: this.#errorOf(words, "read the error value") };
    } catch (refusal) {
      if (instance.broken !== undefined) throw refusal;
      return { refusal };
    }
  }

  /** Where an error was raised: in what was running, else in what was being compiled. */
  #locate(message: string, position: Position): ReturnType<typeof locate> {
    const compiling = position.sources.length === 0 ? this.compiling : undefined;
    if (compiling === undefined) {
      const find: FindText = (chunk, name) => chunk === MODULE ? this.moduleText(name) : this.textOf(chunk);
      return locate(message, position, find);
    }
    const sources = [{ chunk: 0, name: shownName(compiling.chunkName) }];
    const { where, bare } = locate(message, { ...position, sources }, () => compiling);
    return { where: { chunk: compiling.chunkName, ...where }, bare };
  }
}
