// The raw exports: whatever numbers they are called with, and in whatever state, they answer
// a negative status, and the unit works as before.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { VIEW_KIND, WIRE } from "../../src/runtime/wire.ts";
import { wasmModule } from "../helpers/wasm_module.ts";

type Call = (...args: number[]) => number;

const MALFORMED = WIRE.STATUS_MALFORMED;
const WHOLE = 0;
const LAZY = 1;
const PART = 2;
const RESULTS = 3;
const POWERS = 4;

const NONSENSE = [-1, 3, 99, 9999, 2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1];

/** A unit without a host of TypeScript. */
class Raw {
  readonly exports: Record<string, Call>;
  readonly memory: WebAssembly.Memory;
  /** What `load` does. */
  load: Call = () => WIRE.STATUS_MEMORY;
  /** Steps that code is given at a time. */
  steps = 1_000_000;

  constructor(isInitialized = true) {
    const cu = {
      tick: () => this.steps,
      stop: () => {},
      flush: () => {},
      load: (...args: number[]) => this.load(...args),
      call: () => 0,
      release: () => {},
      print: () => 0,
      seed: () => 1,
      wall_clock_ms: () => 0,
      monotonic_ms: () => 0,
      zone_offset: () => 0,
      has_stack_room: () => 1,
    };
    const { exports } = new WebAssembly.Instance(wasmModule, { cu });
    const { memory, ...calls } = exports;
    this.memory = memory as WebAssembly.Memory;
    this.exports = calls as Record<string, Call>;
    if (isInitialized) assertEquals(this.exports.init(4 * 1024 * 1024), 0);
  }

  /** Puts words, each a payload and a tag or a number, into the buffer; answers how many. */
  words(...words: (number | [payload: number, tag: number])[]): number {
    const pointer = this.exports.get_buffer_ptr();
    const numbers = new Float64Array(this.memory.buffer, pointer, WIRE.WORDS_MAX);
    const halves = new Uint32Array(this.memory.buffer, pointer, WIRE.WORDS_MAX * 2);
    words.forEach((word, i) => {
      if (typeof word === "number") numbers[i] = word;
      else [halves[2 * i], halves[2 * i + 1]] = [word[0], WIRE.BOXED + word[1]];
    });
    return words.length;
  }

  compile(code: string): number {
    const text = new TextEncoder().encode(`${code}\0@raw\0`);
    const pointer = this.exports.allocate(text.length);
    new Uint8Array(this.memory.buffer).set(text, pointer);
    const chunk = this.exports.compile(pointer, code.length, pointer + code.length + 1);
    this.exports.release(pointer, text.length);
    return chunk;
  }

  /** Runs code and answers the number that is its result. */
  run(code: string): number {
    const chunk = this.compile(code);
    assert(chunk >= 0, `compiles: ${chunk}`);
    const words = this.exports.compute(chunk, 0);
    assertEquals(words, 1);
    const [result] = new Float64Array(this.memory.buffer, this.exports.get_buffer_ptr(), 1);
    assertEquals(this.exports.forget(chunk), 0);
    return result;
  }

  checkWorks(): void {
    const { exports } = this;
    assertEquals(exports.begin_message(WHOLE), 0);
    assertEquals(exports.take_chunk(this.words([3, WIRE.ARRAY], 1, 2, 3), 0), 0);
    assertEquals(exports.set_io(0), 0);
    assertEquals(this.run("kept = (kept or 0) + 1 return #_io.input * 10"), 30);
    assertEquals(exports.get_io(0), 4);
    assertEquals(exports.run_gc(), 0);
  }
}

/** Arguments that mean nothing, for each export that takes some. */
const REFUSED: Record<string, number[][]> = {
  init: [[0], [2 ** 24]],
  compile: [[0, 2 ** 31, 0], [-1, 1, 0], [-16, 100, 0], [0, -1, 0], [0, 1, -1], [2 ** 26, 0, 0], [0, 0, 2 ** 26]],
  forget: NONSENSE.map((chunk) => [chunk]).concat([[0]]),
  compute: NONSENSE.flatMap((chunk) => [[chunk, 0], [chunk, 1], [chunk, 7]]).concat([[0, 0]]),
  begin_message: NONSENSE.filter((kind) => kind !== RESULTS).map((kind) => [kind]).concat([[PART]]),
  drop_view: NONSENSE.map((number) => [number]).concat([[0], [1]]),
  take_chunk: [[0, 0], [1, 0], [WIRE.WORDS_MAX + 1, 0], [0, WIRE.HEAP_SIZE_BYTES + 1], [-1, -1]],
  set_io: NONSENSE.map((field) => [field]).concat([[0], [1], [2]]),
  set_input_field: [[]],
  call_function: [[0, 0], [1, 1], [-1, 0]],
  strand_of_chunk: NONSENSE.map((chunk) => [chunk]).concat([[0]]),
  strand_of_function: [[0], [1], [-1]],
  go: NONSENSE.flatMap((strand) => [[strand, 0, 0], [strand, -1, 3]]).concat([[0, 0, 0], [1, 0, 4]]),
  close_strand: NONSENSE.map((strand) => [strand]).concat([[0], [1]]),
  select_channel: NONSENSE.map((channel) => [channel]).concat([[0]]),
  close_channel: NONSENSE.map((channel) => [channel, 1]).concat([[0, 0], [1, 0]]),
  release_function: NONSENSE.map((number) => [number]).concat([[0], [1]]),
  set_memory_limit: [[0], [1], [65536]],
  write_waiting: NONSENSE.map((strand) => [strand]).concat([[0], [1]]),
  begin_frame: [[]],
  end_frame: [[]],
  define: NONSENSE.map((place) => [place]).concat([[0], [1], [2]]),
  get_io: NONSENSE.map((field) => [field]),
  get_output_field: [[]],
  get_output_json: [[11, 0], [-1, 0], [2 ** 31, 1]],
  set_input_json: [[0, 0, 0], [0, 5, 1], [-1, 1, 0], [-16, 100, 0], [2 ** 26, 0, 0], [16, 2 ** 31, 0], [16, -1, 0]],
  encode_error: [[]],
  encode_error_value: [[]],
};

/** Exports that can be called at any time, and with no arguments that could be wrong. */
const HARMLESS = [
  "ask_for_steps",
  "check_globals",
  "clear_io_table",
  "drop_json",
  "drop_message",
  "forget_external",
  "get_buffer_ptr",
  "get_buffer_size",
  "get_error_position",
  "get_extent",
  "get_heap_count",
  "get_home_table_id",
  "get_io_table_id",
  "get_memory_stats",
  "get_released_ptr",
  "get_text",
  "get_text_length",
  "inherit_channel",
  "lock_library",
  "long_string",
  "make_room",
  "open_channel",
  "pin_external",
  "recover",
  "request",
  "restore_stack",
  "run_gc",
  "spend_steps",
  "strand_of_request",
  "take_functions",
  "take_spent_steps",
  "tidy",
  "use_globals",
  "use_stack",
];

/** What can't be checked: the memory to free. */
const UNCHECKED = ["allocate", "release"];

Deno.test("every export is in a table of this test", () => {
  const functions = WebAssembly.Module.exports(wasmModule).filter(({ kind }) => kind === "function");
  assertEquals(
    functions.map(({ name }) => name).sort(),
    [...Object.keys(REFUSED), ...HARMLESS, ...UNCHECKED].sort(),
  );
});

Deno.test("numbers that stand for nothing, and calls out of place, are malformed", () => {
  const raw = new Raw();
  for (const [name, calls] of Object.entries(REFUSED)) {
    for (const args of calls) {
      assertEquals([name, args, raw.exports[name](...args)], [name, args, MALFORMED]);
    }
    raw.checkWorks();
  }
  for (const name of HARMLESS) {
    raw.exports[name](0, 0, 0);
    raw.checkWorks();
  }
  assertEquals(raw.exports.long_string(100), 0);
  assertEquals(raw.exports.allocate(-1), 0);
  assertEquals(raw.exports.allocate(0), 0);
  raw.checkWorks();
});

Deno.test("before init, and after one that failed, nothing runs", () => {
  for (const fails of [false, true]) {
    const raw = new Raw(false);
    if (fails) assert(raw.exports.init(1000) < 0);
    for (const [name, calls] of Object.entries(REFUSED)) {
      if (name === "init") continue;
      for (const args of calls) assertEquals([name, args, raw.exports[name](...args)], [name, args, MALFORMED]);
    }
    assertEquals(raw.exports.get_extent(), 0);
    for (const name of ["clear_io_table", "drop_json", "request", "run_gc", "tidy"]) {
      assertEquals(raw.exports[name](), MALFORMED);
    }
    for (const name of ["drop_message", "recover", "restore_stack"]) raw.exports[name]();
    assertEquals(raw.exports.long_string(100), 0);
    assertEquals(raw.exports.allocate(100), 0);
    if (fails) assertEquals(raw.exports.init(4 * 1024 * 1024), MALFORMED);
    else {
      assertEquals(raw.exports.init(4 * 1024 * 1024), 0);
      raw.checkWorks();
    }
  }
});

Deno.test("while a message is open, only what belongs to it is taken", () => {
  const raw = new Raw();
  const { exports } = raw;
  const chunk = raw.compile("return 1");
  for (const kind of [WHOLE, LAZY]) {
    const others: [string, ...number[]][] = [
      ["begin_message", WHOLE],
      ["begin_message", LAZY],
      ["begin_message", PART],
      ["compute", chunk, 0],
      ["forget", chunk],
      ["get_io", 1],
      ["get_output_json", 0, 0],
      ["set_input_json", 16, 0, 0],
      ["drop_json"],
      ["request"],
      ["run_gc"],
      ["clear_io_table"],
      ["encode_error"],
      ["encode_error_value"],
      ["compile", 0, 0, 0],
      ["drop_view", 5],
    ];
    for (const [name, ...args] of others) {
      assertEquals(exports.begin_message(kind), 0);
      // In the middle of an array.
      assertEquals(exports.take_chunk(raw.words([3, WIRE.ARRAY], 1), 0), 0);
      assertEquals([name, exports[name](...args)], [name, MALFORMED]);
      assertEquals(exports.take_chunk(raw.words(2, 3), 0), 0);
      assertEquals(exports.set_io(0), 0);
      raw.checkWorks();
    }
  }
  assertEquals(exports.compute(chunk, 0), 1);
});

Deno.test("a message that isn't finished, or had a chunk refused, sets nothing", () => {
  const raw = new Raw();
  const { exports } = raw;
  for (const end of ["set_io", "set_input_field", "get_output_field"]) {
    assertEquals(exports.begin_message(WHOLE), 0);
    assertEquals(exports.take_chunk(raw.words([3, WIRE.ARRAY], 1), 0), 0);
    assertEquals(exports[end](0), MALFORMED);
    // It has ended.
    assertEquals(exports.take_chunk(raw.words(2, 3), 0), MALFORMED);
    raw.checkWorks();

    assertEquals(exports.begin_message(WHOLE), 0);
    assertEquals(exports.take_chunk(raw.words([2, WIRE.MAP], [0, WIRE.NIL]), 0), MALFORMED);
    assertEquals(exports.take_chunk(raw.words(1, 2, 3, 4), 0), MALFORMED);
    assertEquals(exports.long_string(100), 0);
    assertEquals(exports[end](0), MALFORMED);
    raw.checkWorks();

    // One value, and then another.
    assertEquals(exports.begin_message(WHOLE), 0);
    assertEquals(exports.take_chunk(raw.words([2, WIRE.ARRAY], 1, 2, 3), 0), MALFORMED);
    assertEquals(exports[end](0), MALFORMED);
    raw.checkWorks();
  }
});

Deno.test("set_input_field takes an array of a name and a value, and nothing else", () => {
  const raw = new Raw();
  const { exports } = raw;
  const messages: Parameters<Raw["words"]>[] = [
    [1],
    [[0, WIRE.NIL]],
    [[0, WIRE.ARRAY]],
    [[1, WIRE.ARRAY], 1],
    [[2, WIRE.ARRAY], 1, 2],
    [[2, WIRE.ARRAY], [0, WIRE.NIL], 2],
    [[3, WIRE.ARRAY], 1, 2, 3],
    [[1, WIRE.MAP], 1, 2],
    [[0, WIRE.RECORD]],
    [[0, WIRE.DATE], 5],
  ];
  for (const words of messages) {
    assertEquals(exports.begin_message(WHOLE), 0);
    assertEquals(exports.take_chunk(raw.words(...words), 0), 0);
    assertEquals([words, exports.set_input_field()], [words, MALFORMED]);
    raw.checkWorks();
  }
});

Deno.test("any value may be the key of get_output_field", () => {
  const raw = new Raw();
  const { exports } = raw;
  for (const words of [[1], [NaN], [[0, WIRE.NIL]], [[0, WIRE.ARRAY]], [[1, WIRE.BOOLEAN]], [[0, WIRE.DATE], 5]]) {
    assertEquals(exports.begin_message(WHOLE), 0);
    assertEquals(exports.take_chunk(raw.words(...words as Parameters<Raw["words"]>), 0), 0);
    assertEquals(exports.get_output_field(), 1);
    raw.checkWorks();
  }
});

/** Makes `_io.input` a view without contents. */
function setView(raw: Raw): void {
  const { exports } = raw;
  assertEquals(exports.begin_message(LAZY), 0);
  const halves = new Uint32Array(raw.memory.buffer, exports.get_buffer_ptr(), 4);
  halves.set([2, WIRE.BOXED + WIRE.VIEW, WIRE.NO_SHAPE << 16, 0]);
  assertEquals(exports.take_chunk(2, 0), 0);
  assertEquals(exports.set_io(0), 0);
}

Deno.test("while code runs, the host may answer, and nothing else", () => {
  const raw = new Raw();
  const { exports } = raw;
  const chunk = raw.compile("return (_io.input.x)");
  const answers: [string, ...number[]][] = [
    ["init", 0],
    ["begin_message", WHOLE],
    ["begin_message", LAZY],
    ["compute", chunk, 0],
    ["forget", chunk],
    ["get_io", 1],
    ["set_io", 0],
    ["set_input_field"],
    ["get_output_field"],
    ["get_output_json", 0, 0],
    ["set_input_json", 16, 0, 0],
    ["drop_json"],
    ["request"],
    ["run_gc"],
    ["clear_io_table"],
    ["encode_error"],
    ["encode_error_value"],
    ["compile", 0, 0, 0],
    ["drop_view", 1],
    ["take_chunk", 1, 0],
  ];
  for (const isOpen of [false, true]) {
    for (const [name, ...args] of answers) {
      if (isOpen && (name === "take_chunk" || name === "drop_view")) continue;
      setView(raw);
      let asked = 0;
      raw.load = () => {
        asked++;
        if (isOpen) assertEquals(exports.begin_message(PART), 0);
        assertEquals([name, exports[name](...args)], [name, MALFORMED]);
        if (!isOpen) assertEquals(exports.begin_message(PART), 0);
        assertEquals(exports.take_chunk(raw.words(42), 0), 0);
        return 0;
      };
      assertEquals(exports.compute(chunk, 0), 1);
      assertEquals(new Float64Array(raw.memory.buffer, exports.get_buffer_ptr(), 1)[0], 42);
      assertEquals(asked, 1);
      raw.checkWorks();
    }
  }
});

Deno.test("an answer that no host gives ends the unit at once", () => {
  const answers: [name: string, answer: (raw: Raw) => number][] = [
    ["a status that load doesn't have", () => WIRE.STATUS_LUA],
    ["an error whose message is longer than the buffer", (raw) => {
      new Uint32Array(raw.memory.buffer, raw.exports.get_buffer_ptr(), 3).set([2, 5, WIRE.HEAP_SIZE_BYTES]);
      return WIRE.STATUS_THROWN;
    }],
    ["no value", () => 0],
    ["all contents of an object, as a number", (raw) => {
      assertEquals(raw.exports.begin_message(PART), 0);
      assertEquals(raw.exports.take_chunk(raw.words(42), 0), 0);
      return 1;
    }],
  ];
  for (const [name, answer] of answers) {
    const raw = new Raw();
    const chunk = raw.compile("return (_io.input.x)");
    setView(raw);
    raw.load = () => answer(raw);
    assertThrows(() => raw.exports.compute(chunk, 0), WebAssembly.RuntimeError, undefined, name);
  }
});

Deno.test("more steps than a budget holds end the unit at once", () => {
  const raw = new Raw();
  const chunk = raw.compile("return 1");
  raw.steps = 2 ** 31;
  assertThrows(() => raw.exports.compute(chunk, 0), WebAssembly.RuntimeError);
});

Deno.test("a key that came without a value doesn't come again with one", () => {
  const raw = new Raw();
  const { exports } = raw;
  for (const tag of [WIRE.MAP, WIRE.RECORD]) {
    for (
      const values of [[[0, WIRE.NIL], 1], [1, 1], [[1, WIRE.NIL], [0, WIRE.NIL], 1]] as (number | [number, number])[][]
    ) {
      const words = values.flatMap((value) => [7, value]);
      assertEquals(exports.begin_message(WHOLE), 0);
      assertEquals(exports.take_chunk(raw.words([values.length, tag], ...words), 0), WIRE.STATUS_DUPLICATE);
      assertEquals(exports.set_io(0), MALFORMED);
      raw.checkWorks();
    }
  }
});

Deno.test("an external table has no contents in a message", () => {
  const raw = new Raw();
  const { exports } = raw;
  for (const head of [VIEW_KIND.EXTERNAL, VIEW_KIND.EXTERNAL | 1 << 8 | WIRE.NO_SHAPE << 16]) {
    for (const kind of [WHOLE, LAZY]) {
      assertEquals(exports.begin_message(kind), 0);
      new Uint8Array(raw.memory.buffer)[exports.get_buffer_ptr() + 8 * WIRE.WORDS_MAX] = 97;
      const words = raw.words([2, WIRE.ARRAY], [1, WIRE.SHAPE], [1 << 16 | 1, WIRE.STRING], [0, WIRE.OBJECT], 5);
      const halves = new Uint32Array(raw.memory.buffer, exports.get_buffer_ptr() + 8 * words, 6);
      halves.set([9, WIRE.BOXED + WIRE.VIEW, head, 1, 0, 0]);
      assertEquals(exports.take_chunk(words + 3, 1), MALFORMED);
      exports.drop_message();
      raw.checkWorks();
    }
  }
});

Deno.test("functions of the host stand in no message but that which makes them known", () => {
  const raw = new Raw();
  const { exports } = raw;
  const words = () => raw.words([2, WIRE.ARRAY], [0, WIRE.FUNCTION], [0, WIRE.STRING], 1);
  for (const kind of [WHOLE, LAZY]) {
    assertEquals(exports.begin_message(kind), 0);
    assertEquals(exports.take_chunk(words(), 0), MALFORMED);
    exports.drop_message();
    raw.checkWorks();
  }
  // Nor in results, of a function that is called or of a promise that it returned.
  assertEquals(exports.begin_message(RESULTS), 0);
  assertEquals(exports.take_chunk(words(), 0), MALFORMED);
  exports.drop_message();
  assertEquals(exports.begin_message(POWERS), 0);
  assertEquals(exports.take_chunk(words(), 0), 0);
  assertEquals(exports.set_io(0), 0);
  raw.checkWorks();
});
