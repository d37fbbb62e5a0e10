/**
 * One WASM instance: its exports, imports and memory, and calls into it that leave it whole.
 *
 * @module
 */

import { LuaError } from "../values/errors.ts";
import type { Position } from "../values/position.ts";
import { isOf, messageOf } from "../values/refusals.ts";
import { buildIdOf, checkBuild } from "./build_id.ts";
import { clearStack, imageOf, type MemoryExtent, type MemoryImage, PAGE_BYTES, writeMemory } from "./memory_image.ts";
import { platform } from "./platform.ts";
import { RandomNumbers } from "./random_numbers.ts";
import { type Allowance, Runs, TimeUp } from "./runs.ts";
import type { TimeZone } from "./time_zone.ts";
import { WIRE } from "./wire.ts";

/** What the host does for running code. */
export interface Host {
  /** Takes a chunk of a message from Lua. */
  flush(words: number, heapBytes: number): void;
  /** Takes a line that was printed; an error thrown here is raised in the code that printed it. */
  print(line: string): void;
  /** Calls a function of the host, whose arguments are so many words after so many whole chunks. */
  call(number: number, words: number, chunks: number): number;
  /** Describes what was thrown in the buffer, for Lua to raise. */
  raise(thrown: unknown): void;
  /** Writes what Lua asks of a view. */
  load(op: number, view: number, first: number, count: number): number;
  /** Lua has collected so many views. */
  release(count: number): void;
  /** Makes the error of code that was stopped as it had spent all of its steps. */
  outOfSteps(stepLimit: number, position: Position): LuaError;
  /** The unit is broken: what waits in it won't go on. */
  broke(failure: Error): void;
  /** Makes the error of code that was stopped at its time limit. */
  timeUp(timeLimit: number, position: Position): LuaError;
}

/** Functions that the WASM module exports; see `zig/main.zig`. */
interface Calls {
  init(memoryLimitBytes: number): number;
  get_buffer_ptr(): number;
  get_buffer_size(): number;
  get_io_table_id(): number;
  get_home_table_id(): number;
  get_memory_stats(): number;
  run_gc(): number;
  make_room(): void;
  allocate(length: number): number;
  release(pointer: number, length: number): void;
  compile(code: number, codeLength: number, name: number): number;
  forget(chunk: number): number;
  compute(chunk: number, all: number): number;
  request(): number;
  call_function(count: number, all: number): number;
  strand_of_chunk(chunk: number): number;
  strand_of_function(count: number): number;
  strand_of_request(): number;
  go(strand: number, answer: number, results: number): number;
  close_strand(strand: number): number;
  open_channel(clears: number): number;
  inherit_channel(): number;
  select_channel(channel: number): number;
  close_channel(channel: number, keeps: number): number;
  use_globals(which: number): number;
  check_globals(own: number): number;
  take_functions(): void;
  release_function(number: number): number;
  begin_frame(): number;
  end_frame(): number;
  ask_for_steps(): void;
  spend_steps(count: number): void;
  encode_error(): number;
  encode_error_value(): number;
  get_error_position(): number;
  take_spent_steps(): number;
  get_text(): number;
  get_text_length(): number;
  begin_message(kind: number): number;
  drop_view(number: number): number;
  forget_external(number: number): number;
  pin_external(number: number, isReached: number): number;
  get_released_ptr(): number;
  take_chunk(words: number, heapBytes: number): number;
  long_string(length: number): number;
  drop_message(): void;
  set_io(field: number): number;
  define(place: number): number;
  lock_library(): number;
  set_input_field(): number;
  get_io(field: number): number;
  get_output_field(): number;
  set_input_json(text: number, length: number, keepsNulls: number): number;
  get_output_json(indentLength: number, isSorted: number): number;
  drop_json(): number;
  clear_io_table(): number;
  recover(): void;
  get_extent(): number;
  tidy(): number;
  set_memory_limit(bytes: number): number;
  write_waiting(strand: number): number;
  get_heap_count(): number;
  restore_stack(): void;
  use_stack(levels: number): number;
}

/** Exports of the WASM module. */
interface Exports extends Calls {
  readonly memory: WebAssembly.Memory;
}

type Call = (a?: number, b?: number, c?: number) => number;
type Import = (a: number, b: number, c: number, d: number) => number;

const NOWHERE: Position = { line: 0, sources: [], traceback: "" };

/** Characters of a line that comes in parts. */
const PRINT_PARTS_LENGTH_MAX = 1024 * 1024;

/** Bytes that a WASM memory of 32 bits can have, less its last page. */
const MEMORY_LIMIT_MAX = 0xffff_0000;

/**
 * What is to be free of the engine's stack, in levels of `use_stack` (`zig/vm/stack_room.zig`)
 * of 2 KB, or 4 before it is optimized. V8 wants 40 KB where it compiles a function that is
 * called for the first time, or a regular expression; an import that can't be compiled would
 * end the unit. So much and a little more before a use, and twice as much before what can't be
 * taken back and ends with a use; what 16 levels of C take, 21 KB, besides, before code goes on
 * to call as many deeper; little before a chunk is taken, as nothing recurses in it.
 */
const USE_LEVELS = 28;
const MORE_LEVELS = 2 * USE_LEVELS;
const DEEPER_LEVELS = 34;
const MESSAGE_LEVELS = 6;

/** Options of {@linkcode Instance.create}. */
export interface InstanceOptions {
  /** The most that WASM memory may grow to, in bytes. */
  memoryLimit: number;
  /** How long a call may run, in milliseconds. */
  timeLimit: number;
  /** How many steps its code may take; by default as many as the platform says. */
  stepLimit?: number | undefined;
  /** What is chosen at random depends on it alone. */
  seed?: number | undefined;
  /** The clock, in milliseconds from some moment on. */
  now?: (() => number) | undefined;
  /** The zone of local time; by default UTC. */
  timeZone?: TimeZone | undefined;
  /** A compiled module, where bytes can't be compiled. */
  module?: WebAssembly.Module | undefined;
  /** Memory of another instance, to go on from. */
  image?: MemoryImage | undefined;
}

/** Memory that is so much larger than what is written into it isn't worth making zero. */
const SPARE_BYTES_MAX = 16 * 1024 * 1024;

// A byte order mark is part of a text like any other character.
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The platform's module; some engines compile no more than 4 KB at once on a page's main thread. */
async function loadModule(): Promise<WebAssembly.Module> {
  try {
    return platform().moduleNow();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return await platform().moduleLater();
  }
}

/** The instance. */
export class Instance {
  /**
   * Exports, each behind {@linkcode Instance.#guarded}; those that run code go through
   * {@linkcode Instance.guard} too.
   */
  readonly exports: Exports;
  #useStack: (levels: number) => number;
  /** Calls of exports that are under way, one inside another. */
  #depth = 0;
  /** How many there were when the innermost frame began: see {@linkcode Instance.beginFrame}. */
  #frameDepth = 0;
  /** A function of the host is running, which may use the unit. */
  isOpen = false;
  /** An import is throwing what the host threw: an exception that may cross the unit. */
  #isCrossing = false;
  /** Such an exception that has cut an inner call off, so that it must end the outer one too. */
  #passing: { error: unknown } | undefined;
  /**
   * Why no call enters the unit any more: what the engine threw in the middle of one, or a
   * {@linkcode Instance.fault}. The unit may be half changed.
   */
  broken: unknown;
  #failure: Error | undefined;
  /** A use of the unit has begun and not ended as it should: see {@linkcode Instance.settle}. */
  isUnsettled = false;
  /** Address of the I/O buffer. */
  readonly bufferPtr: number;
  /** Numbers of the tables `_io` and `_home`. */
  readonly ioTableId: number;
  readonly homeTableId: number;
  /** The buffer's words as numbers. */
  words: Float64Array<ArrayBuffer>;
  /** The buffer's words as halves: payload, then tag. */
  halves: Uint32Array<ArrayBuffer>;
  /** The buffer's string bytes. */
  heap: Uint8Array<ArrayBuffer>;
  /** The most that WASM memory may grow to, in bytes. */
  readonly memoryLimit: number;
  /** The clock, in milliseconds from some moment on. */
  readonly now: () => number;
  /** The time of day, in milliseconds since 1970: the same clock where the host brings one. */
  readonly #wallClock: () => number;
  #random: RandomNumbers;
  /** What it was made of, and with. */
  readonly module: WebAssembly.Module;
  readonly #options: InstanceOptions;
  #stats = new Uint32Array(0);
  /** Calls into code that are under way. */
  readonly runs: Runs;
  /** Set by the unit before any code runs. */
  host: Host | undefined;
  #timeZone: TimeZone | undefined;
  /** The beginning of a line, of which the rest isn't printed yet. */
  #printed = "";
  /** Its decoder, for characters that come in parts; `undefined` until there are any. */
  #printDecoder: TextDecoder | undefined;

  /** Instantiates the module, or throws RangeError where the limit is too small. */
  static async create(options: InstanceOptions): Promise<Instance> {
    return new Instance(options.module ?? await loadModule(), options);
  }

  /** As {@linkcode Instance.create}, at once. */
  static createNow(options: InstanceOptions): Instance {
    return new Instance(options.module ?? platform().moduleNow(), options);
  }

  private constructor(module: WebAssembly.Module, options: InstanceOptions) {
    this.module = module;
    this.#options = { ...options, image: undefined };
    this.memoryLimit = options.memoryLimit;
    this.now = options.now ?? (() => performance.now());
    this.#wallClock = options.now ?? Date.now;
    this.runs = new Runs(this.now, options.timeLimit, options.stepLimit ?? platform().stepLimit, {
      takeSpentSteps: () => this.exports.take_spent_steps(),
      askForSteps: () => this.exports.ask_for_steps(),
    });
    this.#random = new RandomNumbers(options.seed);
    if (options.image === undefined) this.#random.prepare();
    this.#timeZone = options.timeZone;
    const instance = new WebAssembly.Instance(module, { cu: this.#imports() });
    const exports: Record<string, unknown> = { ...instance.exports };
    this.#useStack = exports.use_stack as Exports["use_stack"];
    for (const name of Object.keys(exports)) {
      if (typeof exports[name] === "function") exports[name] = this.#guarded(exports[name] as Call);
    }
    this.exports = exports as unknown as Exports;
    if (options.image === undefined) this.#begin();
    else this.#goOnFrom(options.image, options.image.end);
    this.bufferPtr = this.exports.get_buffer_ptr();
    this.ioTableId = this.exports.get_io_table_id();
    this.homeTableId = this.exports.get_home_table_id();
    [this.words, this.halves, this.heap] = this.#views();
  }

  #begin(): void {
    const limit = this.#heapLimit;
    if (this.exports.init(limit) < 0) {
      throw new RangeError(`Cannot create a compute unit: a memoryLimit of ${limit} bytes is too small`);
    }
  }

  get #heapLimit(): number {
    return Math.min(this.memoryLimit, MEMORY_LIMIT_MAX);
  }

  /** Its memory between two calls, where it stands. */
  image(): MemoryImage {
    const extent = this.#extent() ?? this.fault("no memory that could be copied");
    const { start, end, heapEnd, tailLength } = extent;
    const memory = new Uint8Array(this.exports.memory.buffer);
    const isInOrder = start <= end && end <= heapEnd && heapEnd <= memory.length && tailLength <= heapEnd - start;
    return isInOrder
      ? imageOf(memory, extent, buildIdOf(this.module))
      : this.fault("an extent of memory that makes no sense");
  }

  /** What of its memory is in use; undefined where it isn't ready. */
  #extent(): MemoryExtent | undefined {
    const pointer = this.exports.get_extent() >>> 0;
    if (pointer === 0) return undefined;
    const [start, end, heapEnd, tailLength, touchedEnd] = new Uint32Array(this.bytes(pointer, 20).slice().buffer);
    return { start, end, heapEnd, tailLength, touchedEnd };
  }

  /** Where its random numbers are, if they are seeded. */
  get randomState(): number | undefined {
    return this.#random.state;
  }

  /**
   * Makes instances of their own that go on from a copy of memory and a state of random numbers, with the same
   * options. It doesn't keep this one.
   */
  get another(): (image: MemoryImage, randomState: number | undefined) => Instance {
    const { module } = this;
    const options = this.#options;
    return (image, seed) => new Instance(module, { ...options, seed, image });
  }

  /**
   * Goes on from a copy of memory: in place, or in the instance that is answered, where this one is broken or
   * its memory has grown far beyond what the copy needs.
   */
  restored(image: MemoryImage, randomState: number | undefined): Instance {
    const spare = this.exports.memory.buffer.byteLength - image.heapEnd;
    if (this.broken !== undefined || spare > SPARE_BYTES_MAX) return this.another(image, randomState);
    const extent = this.#extent();
    // A heap that has grown has heads of blocks where it ended before.
    const hasGrown = extent?.heapEnd !== image.heapEnd;
    this.#goOnFrom(image, hasGrown ? Infinity : extent.touchedEnd);
    clearStack(new Uint8Array(this.exports.memory.buffer), image.start);
    this.refresh();
    this.#random = new RandomNumbers(randomState);
    this.isUnsettled = false;
    return this;
  }

  /**
   * Checks that it can go on from a copy of memory.
   *
   * @throws {TypeError} If another build of the module has made it.
   * @throws {RangeError} If it is larger than the memory limit.
   */
  checkImage({ build, heapEnd }: MemoryImage): void {
    checkBuild(build, this.module);
    if (heapEnd <= this.#heapLimit) return;
    const limit = `the memoryLimit of ${this.memoryLimit}`;
    throw new RangeError(`Cannot load the snapshot: its ${heapEnd} bytes of memory are more than ${limit}`);
  }

  /** Writes a copy over what was written up to an address. */
  #goOnFrom(image: MemoryImage, touchedEnd: number): void {
    this.checkImage(image);
    const { memory } = this.exports;
    const missing = image.heapEnd - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
    writeMemory(new Uint8Array(memory.buffer), image, touchedEnd);
    this.exports.restore_stack();
    this.exports.ask_for_steps();
    if (this.exports.set_memory_limit(this.#heapLimit) < 0) this.fault("memory that makes no sense");
  }

  #imports(): Record<string, (...args: number[]) => number | void> {
    return {
      tick: this.#crossing(() => this.runs.tick()),
      stop: this.#crossing(() => {
        throw new TimeUp();
      }),
      flush: this.#crossing((words, heapBytes) => {
        this.refresh();
        this.host!.flush(words, heapBytes);
        return 0;
      }),
      load: this.#crossing((op, view, first, count) => {
        this.refresh();
        return this.host!.load(op, view, first, count);
      }),
      call: this.#crossing((number, words, chunks) => {
        this.refresh();
        return this.host!.call(number >>> 0, words >>> 0, chunks >>> 0);
      }),
      // Through the callers of these nothing can be thrown.
      release: (count) => this.host!.release(count),
      print: (text, length, more) => this.#print(text, length, more),
      seed: () => this.#random.next(),
      wall_clock_ms: this.#crossing(() => this.#wallClock()),
      monotonic_ms: this.#crossing(() => this.now()),
      zone_offset: this.#crossing((seconds, kind) => this.#timeZone?.answer(seconds, kind) ?? 0),
      has_stack_room: () => this.#hasRoom(DEEPER_LEVELS) ? 1 : 0,
    };
  }

  /** An import of which exceptions may cross the unit: `recover` makes it whole. */
  #crossing(run: Import): Import {
    return (a, b, c, d) => {
      let result: number;
      try {
        result = run(a, b, c, d);
      } catch (error) {
        this.#isCrossing = true;
        throw error;
      }
      // The host may have caught what ended a call inside this one.
      if (this.broken !== undefined) throw this.#failed();
      if (this.#passing === undefined) return result;
      this.#isCrossing = true;
      throw this.#passing.error;
    };
  }

  /**
   * The one place where calls enter the unit. An exception that no import let through comes
   * from the engine, and may have left the unit half changed: it is broken then. The catch
   * calls nothing, as there may be no stack for it.
   */
  #guarded(call: Call): Call {
    return (a, b, c) => {
      if (this.broken !== undefined) throw this.#failed();
      this.#depth++;
      let result: number;
      try {
        result = call(a, b, c);
      } catch (error) {
        const isOuter = --this.#depth === this.#frameDepth;
        if (this.#isCrossing) this.#passing = isOuter ? undefined : { error };
        else this.broken ??= error;
        this.#isCrossing = false;
        if (this.broken !== undefined) throw this.#failed();
        throw error;
      }
      this.#depth--;
      if (this.broken !== undefined) throw this.#failed();
      return result;
    };
  }

  /** What a call throws that broke the unit, of the type of what broke it. */
  #failed(): Error {
    if (this.#failure !== undefined) return this.#failure;
    const cause = this.broken;
    const message = `The unit is broken: ${cause instanceof Error ? cause.message : cause}`;
    const isTrap = cause instanceof WebAssembly.RuntimeError;
    const failure = isTrap
      ? new WebAssembly.RuntimeError(message)
      : cause instanceof RangeError
      ? new RangeError(message)
      : new Error(message);
    failure.cause = cause;
    // Later, as this may be the middle of anything.
    queueMicrotask(() => this.host?.broke(failure));
    return this.#failure = failure;
  }

  /** Throws, as the unit has handed over what a whole one never would: it is broken. */
  fault(what: string): never {
    this.broken ??= new Error(`it handed over ${what}`);
    throw this.#failed();
  }

  /** Throws where the engine's stack has too little room for code to run. */
  #checkRoom(action: string, levels: number): void {
    if (!this.#hasRoom(levels)) {
      throw new RangeError(`Cannot ${action}: there is too little room on the JavaScript stack`);
    }
  }

  #hasRoom(levels: number): boolean {
    try {
      this.#useStack(levels);
      return true;
    } catch {
      return false;
    }
  }

  /** Throws where it may have too little room for a use of the unit after what can't be taken back. */
  checkRoomForMore(action: string): void {
    this.#checkRoom(action, MORE_LEVELS);
  }

  /** Throws where it has too little room for the unit to take a message. */
  checkRoomForMessage(): void {
    this.#checkRoom("pass a value", MESSAGE_LEVELS);
  }

  /**
   * Begins a use of the unit, which ends by setting `isUnsettled` to false. Where the one
   * before it was cut off between two calls, a message may be open or unread: it is dropped.
   *
   * @param action What is being done, for messages: "set input".
   */
  settle(action: string): void {
    this.#checkRoom(action, USE_LEVELS);
    if (this.isUnsettled) this.#recover();
    this.isUnsettled = true;
  }

  /**
   * Begins a use of the unit by a function of the host that Lua code has called.
   *
   * @param action What is being done, for messages.
   * @returns What `endFrame` puts back.
   */
  beginFrame(action: string): number {
    this.#checkRoom(action, USE_LEVELS);
    const status = this.exports.begin_frame();
    if (status < 0) throw new RangeError(`Cannot ${action}: calls of the host stand too deep in one another`);
    const outerDepth = this.#frameDepth;
    this.#frameDepth = this.#depth;
    this.isUnsettled = true;
    this.isOpen = false;
    return outerDepth;
  }

  /** Makes the unit ready for a last call of such a use, wherever that was cut off. */
  settleFrame(): void {
    if (this.isUnsettled && this.broken === undefined) this.#recover();
    this.isUnsettled = false;
  }

  /** Ends such a use. */
  endFrame(outerDepth: number): void {
    if (this.broken === undefined && this.exports.end_frame() < 0) this.fault("an open message");
    this.#frameDepth = outerDepth;
    this.isUnsettled = true;
    this.isOpen = true;
    this.refresh();
  }

  #recover(): void {
    this.exports.recover();
    this.exports.restore_stack();
  }

  /** Makes the views again where memory has grown. */
  refresh(): void {
    if (this.words.length === 0) [this.words, this.halves, this.heap] = this.#views();
  }

  #views(): [Float64Array<ArrayBuffer>, Uint32Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] {
    const buffer = this.exports.memory.buffer as ArrayBuffer;
    const heapPtr = this.bufferPtr + WIRE.WORDS_MAX * 8;
    return [
      new Float64Array(buffer, this.bufferPtr, WIRE.WORDS_MAX),
      new Uint32Array(buffer, this.bufferPtr, WIRE.WORDS_MAX * 2),
      new Uint8Array(buffer, heapPtr, WIRE.HEAP_SIZE_BYTES),
    ];
  }

  /** WASM memory from an address, as it is now. */
  bytes(pointer: number, length: number): Uint8Array<ArrayBuffer> {
    const buffer = this.exports.memory.buffer as ArrayBuffer;
    if (pointer + length > buffer.byteLength) this.fault("an address outside of its memory");
    return new Uint8Array(buffer, pointer, length);
  }

  /** Figures of the unit's memory. */
  memoryStats(): { usedBytes: number; peakBytes: number; wasmBytes: number; limitBytes: number } {
    const stats = this.#statistics();
    return { usedBytes: stats[0], peakBytes: stats[1], wasmBytes: stats[2], limitBytes: stats[3] };
  }

  /** Adds what the last run took. */
  addRunStats(sum: { steps: number; peakBytes: number }): void {
    const stats = this.#statistics();
    sum.peakBytes = Math.max(sum.peakBytes, stats[4]);
    sum.steps += stats[7] * 2 ** 32 + stats[6];
  }

  #statistics(): Uint32Array<ArrayBuffer> {
    const pointer = this.exports.get_memory_stats() >>> 0;
    // Made again where memory has grown.
    if (this.#stats.length === 0) {
      const { buffer, byteOffset } = this.bytes(pointer, 32);
      if (byteOffset % 4 !== 0) this.fault("an address that makes no sense");
      this.#stats = new Uint32Array(buffer, byteOffset, 8);
    }
    return this.#stats;
  }

  /** Text of Lua's, what isn't UTF-8 in it replaced. */
  text(pointer: number, length: number): string {
    return textDecoder.decode(this.bytes(pointer, length));
  }

  /** The text that goes with the last negative status. */
  statusText(): string {
    return this.text(this.exports.get_text() >>> 0, this.exports.get_text_length() >>> 0);
  }

  /** Where the last error was raised, or code was stopped (`zig/vm/position.zig`). */
  errorPosition(): Position {
    const pointer = this.exports.get_error_position() >>> 0;
    const [line, count, tracebackLength] = new Uint32Array(this.bytes(pointer, 12).slice().buffer);
    if (count > WIRE.SOURCES_MAX || tracebackLength > WIRE.TRACEBACK_BYTES_MAX) {
      this.fault("a position that makes no sense");
    }
    const size = 4 + WIRE.SOURCE_NAME_BYTES_MAX;
    const sources = Array.from({ length: count }, (_, i) => {
      const bytes = this.bytes(pointer + 12 + i * size, size).slice();
      const end = bytes.indexOf(0, 4);
      const name = textDecoder.decode(bytes.subarray(4, end < 0 ? size : end));
      return { chunk: new Uint32Array(bytes.buffer, 0, 1)[0], name };
    });
    return { line, sources, traceback: this.text(pointer + 12 + WIRE.SOURCES_MAX * size, tracebackLength) };
  }

  /**
   * Calls into code that may run user code, within the time limit. Whatever JavaScript
   * throws on the way, Lua's state is whole afterwards.
   *
   * @param since When the time began, where an earlier call counts too.
   * @param allowance What the run may take, where that isn't the unit's own limits.
   */
  guard(call: () => number, since?: number, allowance?: Allowance): number {
    let result: number;
    const isCounted = this.runs.begin(since, allowance);
    try {
      result = call();
    } catch (error) {
      this.#endLine();
      if (this.broken !== undefined) throw this.#failed();
      this.#recover();
      throw isOf(error, TimeUp) ? this.#stopped(this.errorPosition()) : error;
    } finally {
      if (isCounted) this.runs.end();
      this.refresh();
    }
    const refusal = this.#endLine();
    // Code that failed has an error of its own.
    if (refusal !== undefined && result >= 0) throw refusal;
    return result;
  }

  /** The same for what the host asks of the error that a run ended in, as a part of that run. */
  guardAfter(call: () => number): number {
    return this.guard(call, 0, this.runs.rest);
  }

  /** What users get where the run under way was stopped. */
  #stopped(position: Position): LuaError {
    const { timeLimit, stepLimit } = this.runs.limits;
    return this.runs.isOutOfSteps ? this.host!.outOfSteps(stepLimit, position) : this.host!.timeUp(timeLimit, position);
  }

  /**
   * What a function of the host gets of an error in a use of the unit: where the run is stopped in which it stands, one
   * as of code that it runs.
   */
  errorInside(error: unknown): unknown {
    return isOf(error, TimeUp) ? this.#stopped(NOWHERE) : error;
  }

  /** Hands over a line that code didn't end; answers the error of a host that refused it. */
  #endLine(): LuaError | undefined {
    if (this.#printDecoder === undefined) return;
    const line = this.#printed + this.#printDecoder.decode();
    this.#printed = "";
    try {
      if (line !== "") this.host!.print(line);
    } catch (cause) {
      return new LuaError("runtime", messageOf(cause), { cause });
    }
  }

  /** Ends the code that is running if its time is up: for what the host does at length meanwhile. */
  checkTime(): void {
    this.runs.check();
  }

  /** The same for what the host does at length with the result of a call, after it. */
  checkTimeAfter(): void {
    if (this.runs.isLastUp) throw this.host!.timeUp(this.runs.last.timeLimit, NOWHERE);
  }

  /** Either, as code is running or not. */
  checkTimeNow(): void {
    if (this.runs.isLimited) this.checkTime();
    else this.checkTimeAfter();
  }

  /** Whether an error is that of `checkTime`, on its way through the host. */
  isTimeUp(error: unknown): boolean {
    return this.runs.isTimeUp(error);
  }

  #print(text: number, length: number, more: number): number {
    try {
      if (more) this.#printDecoder ??= new TextDecoder("utf-8", { ignoreBOM: true });
      const decoder = this.#printDecoder ?? textDecoder;
      this.#printed += decoder.decode(this.bytes(text >>> 0, length >>> 0), { stream: more !== 0 });
      // A line in parts may be of any length: then it takes more lines.
      if (more && this.#printed.length < PRINT_PARTS_LENGTH_MAX) return 0;
      const line = this.#printed;
      this.#printed = "";
      this.host!.print(line);
      return 0;
    } catch (error) {
      if (this.broken !== undefined) throw error;
      this.refresh();
      this.host!.raise(error);
      return 1;
    }
  }
}
