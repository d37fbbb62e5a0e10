/**
 * One WASM instance: its exports, imports and memory, and calls into it that leave it whole.
 *
 * @module
 */

import { WIRE } from "./wire.ts";
import { LuaError } from "./errors.ts";
import { firstPosition } from "./traceback.ts";
import { cuBase64 } from "../wasm/cu.js";

/** What the host does for running code. */
export interface Host {
  /** Takes a chunk of a message from Lua. */
  flush(words: number, heapBytes: number): void;
  /** Takes a line that was printed; an error thrown here ends the code that printed. */
  print(line: string): void;
  /** Writes what Lua asks of a view. */
  load(op: number, view: number, first: number, count: number): number;
  /** Lua has collected so many views. */
  release(count: number): void;
  /** Called now and then while code runs; an error thrown here ends it. */
  progress?: (() => void) | undefined;
}

/** Exports of the WASM module; see `zig/main.zig`. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  init(memoryLimitBytes: number): number;
  get_buffer_ptr(): number;
  get_buffer_size(): number;
  get_io_table_id(): number;
  get_home_table_id(): number;
  get_memory_stats(): number;
  run_gc(): number;
  allocate(length: number): number;
  release(pointer: number, length: number): void;
  compile(code: number, codeLength: number, name: number): number;
  forget(chunk: number): void;
  compute(chunk: number, all: number): number;
  request(): number;
  encode_error(): number;
  encode_error_value(): number;
  get_text(): number;
  get_text_length(): number;
  begin_message(kind: number): number;
  drop_view(number: number): void;
  get_released_ptr(): number;
  take_chunk(words: number, heapBytes: number): number;
  long_string(length: number): number;
  drop_message(): void;
  set_io(field: number): number;
  set_input_field(): number;
  get_io(field: number): number;
  get_output_field(): number;
  clear_io_table(): number;
  recover(): void;
  get_heap_count(): number;
  save_stack(): number;
  restore_stack(pointer: number): void;
}

/** Thrown through running code when its time is up; never leaves this module. */
class TimeUp {
  readonly traceback: string;
  constructor(traceback: string) {
    this.traceback = traceback;
  }
}

/**
 * Steps between two looks at the clock: at 1 to 5 ns a step, and up to 100 ns for
 * one that calls into C, a look every 0.1 to 2 ms.
 */
const STEPS_PER_TICK = 20_000;

/** Characters of a line that comes in parts. */
const PRINT_PARTS_LENGTH_MAX = 1024 * 1024;

/** Milliseconds from one call of `progress` to the next. */
const PROGRESS_INTERVAL_MS = 5;

/** No limit: looks at the clock once in two billion steps. */
const STEPS_UNLIMITED = 0x7fff_ffff;

/** Bytes that a WASM memory of 32 bits can have, less its last page. */
const MEMORY_LIMIT_MAX = 0xffff_0000;

/** Options of {@linkcode Instance.create}. */
export interface InstanceOptions {
  /** The most that WASM memory may grow to, in bytes. */
  memoryLimit: number;
  /** How long a call may run, in milliseconds. */
  timeLimit: number;
  /** The clock, in milliseconds from some moment on. */
  now?: (() => number) | undefined;
  /** A compiled module, where bytes can't be compiled. */
  module?: WebAssembly.Module | undefined;
}

// A byte order mark is part of a text like any other character.
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

let compiled: Promise<WebAssembly.Module> | undefined;

/** The module, compiled once for all units: it has no state. */
function compileModule(): Promise<WebAssembly.Module> {
  return compiled ??= WebAssembly.compile(bytesOfBase64(cuBase64));
}

function bytesOfBase64(base64: string): Uint8Array<ArrayBuffer> {
  // Older runtimes have atob only.
  if (typeof Uint8Array.fromBase64 === "function") return Uint8Array.fromBase64(base64);
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

/** The instance. */
export class Instance {
  /** Exports; those that run code go through {@linkcode Instance.guard}. */
  readonly exports: Exports;
  /** Address of the I/O buffer. */
  readonly bufferPtr: number;
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
  #timeLimit: number;
  #deadline = Infinity;
  /** The deadline of the last call. */
  #lastDeadline = Infinity;
  #thrown: TimeUp | undefined;
  #nextProgress = Infinity;
  /** Set by the unit before any code runs. */
  host: Host | undefined;
  #printed = "";
  /** What the host's `print` last threw. */
  printError: unknown;

  /** Instantiates the module, or throws RangeError where the limit is too small. */
  static async create(options: InstanceOptions): Promise<Instance> {
    return new Instance(options.module ?? await compileModule(), options);
  }

  private constructor(module: WebAssembly.Module, options: InstanceOptions) {
    this.memoryLimit = options.memoryLimit;
    this.#timeLimit = options.timeLimit;
    this.now = options.now ?? (() => performance.now());
    const imports = {
      tick: () => this.#tick(),
      stop: (text: number, length: number) => {
        throw new TimeUp(this.text(text >>> 0, length >>> 0));
      },
      flush: (words: number, heapBytes: number) => {
        this.refresh();
        this.host!.flush(words, heapBytes);
      },
      load: (op: number, view: number, first: number, count: number) => {
        this.refresh();
        return this.host!.load(op, view, first, count);
      },
      release: (count: number) => this.host!.release(count),
      print: (text: number, length: number, more: number) => this.#print(text, length, more),
      seed: () => crypto.getRandomValues(new Uint32Array(1))[0],
      wall_clock_ms: () => Date.now(),
      monotonic_ms: () => this.now(),
    };
    const instance = new WebAssembly.Instance(module, { cu: imports });
    this.exports = instance.exports as unknown as Exports;
    this.exports._initialize();
    const limit = Math.min(options.memoryLimit, MEMORY_LIMIT_MAX);
    if (this.exports.init(limit) < 0) {
      throw new RangeError(`Cannot create unit: a memoryLimit of ${limit} bytes is too small`);
    }
    this.bufferPtr = this.exports.get_buffer_ptr();
    [this.words, this.halves, this.heap] = this.#views();
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
    return new Uint8Array(this.exports.memory.buffer as ArrayBuffer, pointer, length);
  }

  /** Text of Lua's, what isn't UTF-8 in it replaced. */
  text(pointer: number, length: number): string {
    return textDecoder.decode(this.bytes(pointer, length));
  }

  /** The text that goes with the last negative status. */
  statusText(): string {
    return this.text(this.exports.get_text() >>> 0, this.exports.get_text_length() >>> 0);
  }

  /**
   * Calls into code that may run user code, within the time limit. Whatever JavaScript
   * throws on the way, Lua's state is whole afterwards.
   *
   * @param since When the time began, where an earlier call counts too.
   */
  guard(call: () => number, since?: number): number {
    const stack = this.exports.save_stack();
    if (this.#timeLimit !== Infinity) {
      this.#deadline = this.#lastDeadline = (since ?? this.now()) + this.#timeLimit;
    }
    if (this.host!.progress) this.#nextProgress = this.now() + PROGRESS_INTERVAL_MS;
    try {
      return call();
    } catch (error) {
      this.exports.recover();
      this.exports.restore_stack(stack);
      if (!(error instanceof TimeUp)) throw error;
      throw this.#timeError({ ...firstPosition(error.traceback), traceback: error.traceback });
    } finally {
      this.#thrown = undefined;
      this.#deadline = Infinity;
      this.#nextProgress = Infinity;
      this.#printed = "";
      this.refresh();
    }
  }

  /** Ends the code that is running if its time is up: for what the host does at length meanwhile. */
  checkTime(): void {
    if (this.#deadline === Infinity || this.now() < this.#deadline) return;
    throw this.#thrown = new TimeUp("");
  }

  /** The same for what the host does at length with the result of a call, after it. */
  checkTimeAfter(): void {
    if (this.#lastDeadline !== Infinity && this.now() >= this.#lastDeadline) throw this.#timeError({});
  }

  #timeError(where: { chunk?: string; line?: number; traceback?: string }): LuaError {
    return new LuaError("time", `time limit of ${this.#timeLimit} ms exceeded`, where);
  }

  /** Whether an error is that of `checkTime`, on its way through the host. */
  isTimeUp(error: unknown): boolean {
    return error !== undefined && error === this.#thrown;
  }

  #tick(): number {
    if (this.#deadline === Infinity && this.#nextProgress === Infinity) return STEPS_UNLIMITED;
    const now = this.now();
    if (now >= this.#deadline) return 0;
    if (now >= this.#nextProgress) {
      this.#nextProgress = now + PROGRESS_INTERVAL_MS;
      this.host!.progress!();
    }
    return STEPS_PER_TICK;
  }

  #print(text: number, length: number, more: number): number {
    this.#printed += this.text(text >>> 0, length >>> 0);
    // A warning in parts may be of any length: then it takes more lines.
    if (more && this.#printed.length < PRINT_PARTS_LENGTH_MAX) return 0;
    const line = this.#printed;
    this.#printed = "";
    try {
      this.host!.print(line);
      return 0;
    } catch (error) {
      this.printError = error;
      return 1;
    }
  }
}
