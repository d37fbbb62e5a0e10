/**
 * The common patterns over a unit's `_io`.
 *
 * @module
 */

import { ComputeUnit, type ComputeUnitOptions, type InputOptions } from "./compute_unit.ts";
import type { LuaValue } from "./lua_value.ts";

/** Options of {@linkcode IoWrapper.computeWithIo}. */
export interface ComputeWithIoOptions extends InputOptions {
  /**
   * Whether to empty `_io` first.
   *
   * @default {true}
   */
  clearBefore?: boolean;
  /**
   * Fields of `_io.meta`. If there are any, `timestamp` (milliseconds since 1970) and
   * `requestId` are added.
   */
  metadata?: Record<string, unknown>;
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

/** Options of {@linkcode IoWrapper.processStream}. */
export interface ProcessStreamOptions extends ComputeWithIoOptions {
  /**
   * Elements in a batch, a positive integer.
   *
   * @default {100}
   */
  batchSize?: number;
}

/** What {@linkcode IoWrapper.request} gives as output for a method that no code defined. */
export interface UnknownMethod {
  /** `"Unknown method: "` and its name. */
  error: string;
}

/**
 * Patterns over one unit: a call with input and output, batches, requests.
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
  #creating: Promise<ComputeUnit> | undefined;
  #ownsUnit: boolean;
  #disposed = false;

  /**
   * Constructs a wrapper.
   *
   * @param unit A unit, which stays its owner's, or options for one that the wrapper
   * makes when first used, and frees when it is disposed.
   */
  constructor(unit: ComputeUnit | ComputeUnitOptions = {}) {
    this.#ownsUnit = !(unit instanceof ComputeUnit);
    this.#unit = unit instanceof ComputeUnit ? unit : undefined;
    this.#options = unit instanceof ComputeUnit ? {} : unit;
  }

  /**
   * Runs code with `_io.input` set and gives back `_io.output`.
   *
   * @typeParam Output Type of the output; it isn't checked.
   * @param code Lua source text.
   * @param input The input; `null` leaves what is there.
   * @param options Whether to clear before, and metadata.
   * @returns The code's first result, the output and the metadata.
   * @throws {LuaError} If the code doesn't compile, raises an error or exceeds a limit.
   * @throws {TypeError} If a value can't be passed, with its path.
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
   */
  async computeWithIo<Output = LuaValue>(
    code: string,
    input: unknown = null,
    options: ComputeWithIoOptions = {},
  ): Promise<ComputeWithIoResult<Output>> {
    const unit = await this.#getUnit();
    this.#prepare(unit, options);
    if (input !== null && input !== undefined) unit.setInput(input, options);
    const returnValue = unit.compute(code);
    return { returnValue, output: unit.getOutput<Output>(), metadata: unit.getMetadata() ?? {} };
  }

  /**
   * Runs code once for each batch of an array. Its input is
   * `{ batch, batchIndex, hasMore }`, with `batchIndex` from 0.
   *
   * @typeParam Output Type of each batch's output; it isn't checked.
   * @param code Lua source text.
   * @param data The array.
   * @param options Size of a batch, and as for {@linkcode IoWrapper.computeWithIo}.
   * @returns The output of each batch, in order.
   * @throws {TypeError} If `data` isn't an array.
   * @throws {RangeError} If `batchSize` isn't a positive integer.
   * @throws {LuaError} If the code raises an error or exceeds a limit.
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
  async processStream<Output = LuaValue>(
    code: string,
    data: readonly unknown[],
    options: ProcessStreamOptions = {},
  ): Promise<Output[]> {
    if (!Array.isArray(data) && !ArrayBuffer.isView(data)) {
      throw new TypeError("Cannot process stream: data is not an array");
    }
    const { batchSize = 100 } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new RangeError(`Cannot process stream: batchSize must be a positive integer, is ${batchSize}`);
    }
    const outputs: Output[] = [];
    for (let start = 0; start < data.length; start += batchSize) {
      const input = {
        batch: data.slice(start, start + batchSize),
        batchIndex: start / batchSize,
        hasMore: start + batchSize < data.length,
      };
      const { output } = await this.computeWithIo<Output>(code, input, options);
      outputs.push(output);
    }
    return outputs;
  }

  /**
   * Calls a handler: a global function that Lua code in the unit defined.
   *
   * @typeParam Output Type of the handler's result; it isn't checked.
   * @param method Name of the handler.
   * @param params Its argument.
   * @returns The handler's first result as output. For a method that no code defined,
   * built-in functions included, the output is an {@linkcode UnknownMethod}.
   * @throws {LuaError} If the handler raises an error or exceeds a limit.
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
   */
  async request<Output = LuaValue>(
    method: string,
    params: unknown = {},
  ): Promise<ComputeWithIoResult<Output | UnknownMethod>> {
    const unit = await this.#getUnit();
    unit.clearIo();
    const found = unit.callHandler(method, params);
    const output = found ? unit.getOutput<Output>() : { error: `Unknown method: ${method}` };
    return { returnValue: null, output, metadata: unit.getMetadata() ?? {} };
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
    return `${Date.now()}-${crypto.randomUUID().slice(-12)}`;
  }

  /** Frees the unit, if the wrapper made it. */
  dispose(): void {
    this.#disposed = true;
    if (this.#ownsUnit) this.#unit?.dispose();
    this.#unit = undefined;
  }

  /** As {@linkcode IoWrapper.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #prepare(unit: ComputeUnit, options: ComputeWithIoOptions): void {
    const { clearBefore = true, metadata = {} } = options;
    if (clearBefore) unit.clearIo();
    if (Object.keys(metadata).length > 0) {
      unit.setMetadata({ timestamp: Date.now(), requestId: this.generateRequestId(), ...metadata });
    }
  }

  /** The unit; made once, also where calls overlap. */
  async #getUnit(): Promise<ComputeUnit> {
    if (this.#disposed) throw new TypeError("Cannot use IoWrapper: it has been disposed");
    if (this.#unit !== undefined) return this.#unit;
    this.#creating ??= ComputeUnit.create(this.#options);
    let unit: ComputeUnit;
    try {
      unit = await this.#creating;
    } catch (error) {
      this.#creating = undefined;
      throw error;
    }
    if (this.#disposed) unit.dispose();
    else this.#unit = unit;
    return unit;
  }
}
