// The host trusts no unit: whatever words, counts, numbers and addresses one hands over,
// reading them ends in a value or in an error that says so, within the time and memory that
// the bytes handed over account for.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { ComputeUnit } from "@computeunit/cu";
import { Decoder } from "../../src/bridge/decode.ts";
import { Seen } from "../../src/bridge/seen.ts";
import { ViewEncoder } from "../../src/lazy/encode_views.ts";
import { ExternalTables } from "../../src/lazy/external_tables.ts";
import { Views } from "../../src/lazy/views.ts";
import { State } from "../../src/state/tables.ts";
import { KEPT_NULL, LuaFloat } from "../../src/values/lua_exact.ts";
import { HostTables } from "../../src/lazy/host_tables.ts";
import { Results } from "../../src/lazy/results.ts";
import type { Instance } from "../../src/runtime/instance.ts";
import { NIL_KIND, VIEW_OP, WIRE } from "../../src/runtime/wire.ts";
import { TYPED_ARRAYS } from "../../src/values/kinds.ts";
import { unitAndInstance } from "../helpers/instance.ts";
import { RUNS_FACTOR } from "../helpers/property.ts";
import { MIB } from "../helpers/sizes.ts";

interface Chunk {
  words: Uint32Array<ArrayBuffer>;
  heap: Uint8Array<ArrayBuffer>;
}

interface Message {
  name: string;
  chunks: Chunk[];
  memory: ArrayBuffer;
  bufferPointer: number;
}

/** What a unit handed over that makes no sense. */
class Fault extends Error {}

/** Stands for a unit: a buffer and a memory that hold anything. */
class FakeUnit {
  readonly memoryLimit = 4 * MIB;
  readonly words;
  readonly halves;
  readonly heap;
  broken: unknown;
  /** Bytes that were read by address. */
  addressed = 0;
  heapCount = 0;
  releasedPointer = 64;
  readonly exports;

  constructor(readonly memory: ArrayBuffer, bufferPointer = 64 * 1024) {
    this.words = new Float64Array(memory, bufferPointer, WIRE.WORDS_MAX);
    this.halves = new Uint32Array(memory, bufferPointer, 2 * WIRE.WORDS_MAX);
    this.heap = new Uint8Array(memory, bufferPointer + 8 * WIRE.WORDS_MAX, WIRE.HEAP_SIZE_BYTES);
    this.exports = {
      memory: { buffer: memory },
      get_heap_count: () => this.heapCount,
      get_released_ptr: () => this.releasedPointer,
      begin_message: () => 0,
      take_chunk: () => 0,
      drop_message: () => {},
      drop_view: () => 0,
      spend_steps: () => {},
      long_string: () => 1024,
    };
  }

  refresh(): void {}
  checkTime(): void {}
  checkTimeAfter(): void {}
  checkTimeNow(): void {}
  checkRoomForMessage(): void {}
  isTimeUp(): boolean {
    return false;
  }

  bytes(pointer: number, length: number): Uint8Array<ArrayBuffer> {
    if (pointer + length > this.memory.byteLength) this.fault("an address");
    this.addressed += length;
    return new Uint8Array(this.memory, pointer, length);
  }

  fault(what: string): never {
    throw this.broken = new Fault(what);
  }

  put({ words, heap }: Chunk): void {
    this.halves.set(words.subarray(0, this.halves.length));
    this.heap.set(heap.subarray(0, this.heap.length));
  }

  asInstance(): Instance {
    return this as unknown as Instance;
  }
}

/** A decoder that knows the host's objects of the numbers 1 to 9. */
function decoderOf(unit: FakeUnit): Decoder {
  const decoder = new Decoder(unit.asInstance());
  const objects = Array.from({ length: 10 }, (_, i) => ({ i, list: [i] }));
  const inputs = [true, false].map((isShared) => ({ seen: new Seen(), nullKind: NIL_KIND.NULL, isShared }));
  const numbered = {
    objectOf: (number: number) => number > 0 ? objects[number] : undefined,
    ownObjectOf: (number: number) => objects[number],
    path: () => "input",
    inputOf: (number: number) => inputs[number % 2],
  };
  decoder.views = new Results(numbered, unit.asInstance(), decoder);
  return decoder;
}

/** Elements for which room is made while something runs, bytes of typed arrays included. */
function countRoom(run: () => void): number {
  let room = 0;
  const counting = <T extends new (...args: never[]) => object>(type: T): T =>
    new Proxy(type, {
      construct(target, args, newTarget) {
        if (typeof args[0] === "number") room += args[0];
        return Reflect.construct(target, args, newTarget === proxies.get(target) ? target : newTarget);
      },
    });
  const proxies = new Map<unknown, unknown>();
  const { Array: PlainArray } = globalThis;
  const types = TYPED_ARRAYS as unknown as Record<string, new () => object>;
  const plainTypes = { ...types };
  const replacement = counting(PlainArray as unknown as new () => object);
  proxies.set(PlainArray, replacement);
  globalThis.Array = replacement as unknown as ArrayConstructor;
  for (const [kind, type] of Object.entries(plainTypes)) {
    types[kind] = counting(type);
    proxies.set(type, types[kind]);
  }
  try {
    run();
  } finally {
    globalThis.Array = PlainArray;
    Object.assign(types, plainTypes);
  }
  return room;
}

/** Errors that a whole unit's messages end in, too. */
const KNOWN_ERRORS = ["two keys of a table are the same object in two inputs"];

/** Decodes chunks as the unit would hand them over; checks what it may come to. */
function decode(unit: FakeUnit, chunks: Chunk[], counts?: { words: number; heap: number }): unknown[] | Error {
  const decoder = decoderOf(unit);
  let result: unknown[] | Error | undefined;
  unit.addressed = 0;
  const room = countRoom(() => {
    try {
      for (const chunk of chunks.slice(0, -1)) {
        unit.put(chunk);
        decoder.takeChunk(chunk.words.length / 2, chunk.heap.length);
      }
      const last = chunks[chunks.length - 1];
      unit.put(last);
      unit.heapCount = counts?.heap ?? last.heap.length;
      result = decoder.decode(counts?.words ?? last.words.length / 2);
    } catch (error) {
      if (!(error instanceof Fault)) {
        assert(error instanceof Error && KNOWN_ERRORS.some((known) => error.message.includes(known)), String(error));
      }
      result = error as Error;
    }
  });
  const words = chunks.reduce((sum, chunk) => sum + chunk.words.length / 2, 0);
  assert(room <= words, `room for ${room} elements of ${words} words`);
  assert(unit.addressed <= 2 * unit.memory.byteLength, `${unit.addressed} bytes of ${unit.memory.byteLength}`);
  return result!;
}

/** Messages of a real unit, of all kinds of values. */
async function realMessages(): Promise<Message[]> {
  const outputs: Record<string, string> = {
    scalars: "return { 1, 1.5, true, false, 'text', -0.0, 1/0, math.maxinteger, math.mininteger }",
    rows: "local t = {} for i = 1, 2000 do t[i] = { id = i, name = 'n' .. i, ok = i % 2 == 0 } end return t",
    nested: "return { { { { x = { y = { 1, { z = 'deep' } } } } } }, { a = {} } }",
    map: "return { [1] = 'a', [2.5] = 'b', [true] = { 1 }, k = 'v', ['1'] = 2 }",
    record: "local t = {} for i = 1, 100 do t['key' .. i] = i end return t",
    long: "return { ('long'):rep(100), ('long'):rep(100) .. 'x', '\\xff\\xfe', _io.bytes('bytes') }",
    dates: "local d = _io.date(5) return { d, d, _io.date(0) }",
    shared: "local s = { 1, 2 } local c = {} c.self = c return { s, s, c, c }",
    manyNumbers: "local t = {} for i = 1, 10000 do t[i] = i * 0.5 end return t",
    indices: "return { [5] = 1, [100000] = 2, x = 3 }",
    inherited: "return { constructor = 1, __proto__ = 2, toString = 'x' }",
    sparse: "return _io.array({ 1, nil, 3 }, 20)",
    copied: "return _io.input",
    views: "_io.input.list[1] = 5 return { _io.input, _io.input.map, _io.input.other }",
  };
  const input = {
    list: [1, 2, { a: 1 }],
    map: new Map<unknown, unknown>([[1, "one"], ["k", new Set([1, "a"])]]),
    typed: new Int16Array([1, 2, 3]),
    big: new BigInt64Array([1n, -1n]),
    other: { deep: [1] },
    date: new Date(7),
  };
  const messages: Message[] = [];
  for (const [name, code] of Object.entries(outputs)) {
    const { cu, instance } = await unitAndInstance({ memoryLimit: 2 * MIB });
    const chunks: Chunk[] = [];
    const take = (words: number, heapBytes: number) => {
      instance.refresh(); // memory may have grown meanwhile
      const { buffer, byteOffset } = instance.words;
      chunks.push({
        words: new Uint32Array(buffer, byteOffset, words * 2).slice(),
        heap: instance.heap.slice(0, heapBytes),
      });
    };
    const { flush } = instance.host!;
    instance.host!.flush = (words, heapBytes) => {
      take(words, heapBytes);
      flush(words, heapBytes);
    };
    const { compute } = instance.exports;
    instance.exports.compute = (chunk, all) => {
      const words = compute(chunk, all);
      take(words, instance.exports.get_heap_count());
      return words;
    };
    cu.setInput(input, { lazy: name === "views" });
    cu.compute(code);
    const memory = (instance.exports.memory.buffer as ArrayBuffer).slice(0);
    messages.push({ name, chunks, memory, bufferPointer: instance.bufferPtr });
  }
  return messages;
}

const messages = await realMessages();

const TAGS = Object.values(WIRE).filter((value) => value >= 0 && value < 0x20).concat([0x08, 0x1e, 0x7f, 0xff]);

const hostileNumber = fc.oneof(
  fc.nat(12),
  fc.nat(0xffff),
  fc.constantFrom(255, 256, 4095, 4096, 65535, 65536, 2 ** 20, 2 ** 25, 2 ** 26, 2 ** 28, 2 ** 31, 2 ** 32 - 1),
);

/** A change of a message; `at` is where, as a part of its length. */
const mutation = fc.record({
  chunk: fc.nat(20),
  at: fc.double({ min: 0, max: 0.999999, noNaN: true }),
  kind: fc.constantFrom("payload", "tag", "word", "number", "remove", "repeat", "heap", "cut", "swap"),
  payload: hostileNumber,
  tag: fc.constantFrom(...TAGS),
});

type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(chunks: Chunk[], changes: readonly Mutation[]): Chunk[] {
  const changed = chunks.map(({ words, heap }) => ({ words: words.slice(), heap: heap.slice() }));
  for (const { chunk: number, at, kind, payload, tag } of changes) {
    const chunk = changed[number % changed.length];
    const count = chunk.words.length / 2;
    const word = Math.floor(at * count);
    const { words, heap } = chunk;
    switch (kind) {
      case "payload":
        if (count > 0) words[2 * word] = payload;
        break;
      case "tag":
        if (count > 0) words[2 * word + 1] = WIRE.BOXED + tag;
        break;
      case "word":
        if (count > 0) words.set([payload, WIRE.BOXED + tag], 2 * word);
        break;
      case "number":
        if (count > 0) words.set([payload, 0x40000000], 2 * word);
        break;
      case "remove":
        chunk.words = concat(words.subarray(0, 2 * word), words.subarray(2 * word + 2));
        break;
      case "repeat":
        if (count < WIRE.WORDS_MAX) chunk.words = concat(words.subarray(0, 2 * word + 2), words.subarray(2 * word));
        break;
      case "heap":
        if (heap.length > 0) heap[Math.floor(at * heap.length)] = payload;
        break;
      case "cut":
        chunk.words = words.slice(0, 2 * word);
        break;
      case "swap":
        changed.reverse();
        break;
    }
  }
  return changed;
}

function concat(a: Uint32Array, b: Uint32Array): Uint32Array<ArrayBuffer> {
  const result = new Uint32Array(a.length + b.length);
  result.set(a);
  result.set(b, a.length);
  return result;
}

/** A chunk of boxed words. */
function chunkOf(...words: [payload: number, tag: number][]): Chunk {
  return {
    words: new Uint32Array(words.flatMap(([payload, tag]) => [payload, WIRE.BOXED + tag])),
    heap: new Uint8Array(),
  };
}

function repeated(count: number, ...words: [payload: number, tag: number][]): [number, number][] {
  return Array.from({ length: count }, () => words).flat();
}

Deno.test("messages of a real unit are read", () => {
  for (const { name, chunks, memory, bufferPointer } of messages) {
    const result = decode(new FakeUnit(memory, bufferPointer), chunks);
    assert(Array.isArray(result) && result.length === 1, name);
  }
});

Deno.test("changed messages end in a value or a fault", () => {
  fc.assert(
    fc.property(fc.nat(messages.length - 1), fc.array(mutation, { minLength: 1, maxLength: 5 }), (which, changes) => {
      const { chunks, memory, bufferPointer } = messages[which];
      decode(new FakeUnit(memory, bufferPointer), mutate(chunks, changes));
    }),
    { numRuns: Math.ceil(4000 * RUNS_FACTOR) },
  );
});

Deno.test("random words end in a value or a fault", () => {
  const word = fc.tuple(hostileNumber, fc.constantFrom(...TAGS));
  const small = fc.tuple(fc.nat(3), fc.constantFrom(...TAGS));
  const { memory } = messages[0];
  fc.assert(
    fc.property(fc.array(fc.array(fc.oneof(word, small), { maxLength: 40 }), { minLength: 1, maxLength: 3 }), (all) => {
      decode(new FakeUnit(memory), all.map((words) => chunkOf(...words)));
    }),
    { numRuns: Math.ceil(4000 * RUNS_FACTOR) },
  );
});

Deno.test("counts of words and bytes that no buffer has are faults", () => {
  const { chunks, memory } = messages[0];
  for (const words of [-1, WIRE.WORDS_MAX + 1, 2 ** 31, NaN]) {
    assert(decode(new FakeUnit(memory), chunks, { words, heap: 0 }) instanceof Fault);
  }
  for (const heap of [-1, WIRE.HEAP_SIZE_BYTES + 1, 2 ** 31, NaN]) {
    assert(decode(new FakeUnit(memory), chunks, { words: 1, heap }) instanceof Fault);
  }
  for (const [words, heap] of [[-1, 0], [WIRE.WORDS_MAX + 1, 0], [1, -1], [1, WIRE.HEAP_SIZE_BYTES + 1], [0, 0]]) {
    const unit = new FakeUnit(memory);
    assertThrows(() => decoderOf(unit).takeChunk(words, heap), Fault);
  }
});

/** Messages that a whole unit never writes, by what is wrong with them. */
const NONSENSE: Record<string, Chunk[]> = {
  "an array that goes on where nothing follows": [chunkOf([2 ** 20, WIRE.ARRAY], [1, WIRE.BOOLEAN])],
  "the longest array": [chunkOf([2 ** 32 - 1, WIRE.ARRAY])],
  "a Map that goes on": [chunkOf([2 ** 32 - 1, WIRE.MAP], [1, WIRE.BOOLEAN], [1, WIRE.BOOLEAN])],
  "a Set that goes on": [chunkOf([2 ** 32 - 1, WIRE.SET])],
  "an object that goes on": [chunkOf([2 ** 32 - 1, WIRE.RECORD])],
  "a typed array that goes on": [chunkOf([2 ** 31, WIRE.TYPED_ARRAY], [9, 0], [0, 0])],
  "a typed array of no kind": [chunkOf([1, WIRE.TYPED_ARRAY], [2, 0], [0, 0])],
  "a typed array without its kind": [chunkOf([1, WIRE.TYPED_ARRAY])],
  "long arrays in one another": [chunkOf(...repeated(900, [4000, WIRE.ARRAY]), ...repeated(3000, [0, WIRE.NIL]))],
  "arrays in one another, too deep": [chunkOf(...repeated(WIRE.DEPTH_MAX + 1, [1, WIRE.ARRAY]), [0, WIRE.NIL])],
  "objects in one another, too deep": [
    chunkOf([1, WIRE.SHAPE], [0, WIRE.STRING], ...repeated(WIRE.DEPTH_MAX + 1, [0, WIRE.OBJECT]), [0, WIRE.NIL]),
  ],
  "shapes after one another": [chunkOf(...repeated(4000, [0, WIRE.SHAPE]))],
  "a shape that no object follows": [chunkOf([1, WIRE.SHAPE], [0, WIRE.STRING], [0, WIRE.NIL])],
  "a shape that is cut off": [chunkOf([3, WIRE.SHAPE], [0, WIRE.STRING])],
  "a shape beyond the last": [chunkOf([512 << 8, WIRE.SHAPE], [512, WIRE.OBJECT])],
  "an object of no shape": [chunkOf([7, WIRE.OBJECT])],
  "a key that is no text": [chunkOf([1, WIRE.RECORD], [1, WIRE.BOOLEAN], [1, WIRE.BOOLEAN])],
  "a reference to what hasn't come": [chunkOf([0, WIRE.TABLE_REF])],
  "an integer without its word": [chunkOf([0, WIRE.INTEGER])],
  "a date without its word": [chunkOf([0, WIRE.DATE])],
  "an address without its word": [chunkOf([0, WIRE.STRING_AT])],
  "a view of nothing": [chunkOf([2 ** 20, WIRE.VIEW])],
  "a view of number 0": [chunkOf([0, WIRE.VIEW])],
  "a changed view of nothing": [chunkOf([50, WIRE.CHANGED_VIEW])],
  "a change of nothing": [chunkOf([50, WIRE.WRITTEN], [0, WIRE.ARRAY])],
  "a change that is no table": [chunkOf([1, WIRE.CHANGED_VIEW], [1, WIRE.WRITTEN], [1, WIRE.BOOLEAN])],
  "a change that is a view": [chunkOf([1, WIRE.CHANGED_VIEW], [1, WIRE.WRITTEN], [2, WIRE.CHANGED_VIEW])],
  "a change without a value": [chunkOf([1, WIRE.WRITTEN])],
  "a refusal of nothing that was changed": [chunkOf([0, WIRE.REFUSED], [0, WIRE.STRING], [0, WIRE.STRING])],
  "a refusal that says nothing": [chunkOf([1, WIRE.WRITTEN], [0, WIRE.REFUSED], [0, WIRE.NIL], [0, WIRE.NIL])],
  "refusals in one another": [chunkOf([1, WIRE.WRITTEN], ...repeated(4000, [0, WIRE.REFUSED]))],
  "functions in one another": [chunkOf(...repeated(4000, [0, WIRE.FUNCTION_REF]))],
  "a string beyond its text": [chunkOf([5 << 16 | 5, WIRE.STRING])],
  "an unknown tag": [chunkOf([0, 0x7f])],
  "text that no word mentions": [{ ...chunkOf([0, WIRE.NIL]), heap: new Uint8Array([65]) }],
  "text that isn't UTF-8": [{ ...chunkOf([1 << 16 | 1, WIRE.STRING]), heap: new Uint8Array([0xff]) }],
  "an address outside of memory": [
    { words: new Uint32Array([0, WIRE.BOXED + WIRE.STRING_AT, 2 ** 32 - 1, 2 ** 32 - 1]), heap: new Uint8Array() },
  ],
};

for (const [name, chunks] of Object.entries(NONSENSE)) {
  Deno.test(`a fault: ${name}`, () => {
    assert(decode(new FakeUnit(messages[0].memory), chunks) instanceof Fault);
  });
}

Deno.test("references to bytes that overlap can't make more of them than memory has", () => {
  for (const tag of [WIRE.STRING_AT, WIRE.BYTES_AT]) {
    const words: number[] = [1000, WIRE.BOXED + WIRE.ARRAY];
    for (let i = 0; i < 1000; i++) words.push(0, WIRE.BOXED + tag, 1024 + i, MIB - 4096);
    const chunks = [{ words: new Uint32Array(words), heap: new Uint8Array() }];
    assert(decode(new FakeUnit(new ArrayBuffer(MIB)), chunks) instanceof Fault);
  }
  // What a whole unit can refer to is all of its memory, as text and as bytes.
  const parts = [0, 1, 2, 3].flatMap((i) =>
    [WIRE.STRING_AT, WIRE.BYTES_AT].map((tag) => [0, WIRE.BOXED + tag, i * MIB / 4, MIB / 4])
  );
  const words = [8, WIRE.BOXED + WIRE.ARRAY, ...parts.flat()];
  const result = decode(new FakeUnit(new ArrayBuffer(MIB)), [{
    words: new Uint32Array(words),
    heap: new Uint8Array(),
  }]);
  assert(Array.isArray(result));
});

/** The tables of a unit that has a lazy input of all kinds, and external tables. */
function hostTables(unit: FakeUnit): HostTables {
  const instance = unit.asInstance();
  const encoder = new ViewEncoder(instance);
  const decoder = new Decoder(instance);
  const views = new Views();
  const state = new State();
  const external = new ExternalTables(instance, encoder, decoder, views, state, new Map(), MIB);
  const tables = new HostTables(instance, encoder, decoder, views, external);
  const inner = state.create("array");
  for (let i = 1; i < 20; i++) state.set(inner, i, "x".repeat(i));
  for (const [key, value] of Object.entries({ inner, date: new Date(5), text: "t", whole: new LuaFloat(2) })) {
    state.set(state.home, key, value);
  }
  state.set(state.home, inner, KEPT_NULL);
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key${i}`, i]));
  const input = {
    list: Array.from({ length: 100 }, (_, i) => ({ i })),
    map: new Map<unknown, unknown>([[1, "one"], ["k", [1]], [new Uint8Array([255]), 2]]),
    set: new Set([1, 2, 3]),
    typed: new Float64Array(100),
    date: new Date(5),
    many,
    fields: { a: 1, b: { c: 2 } },
  };
  tables.encode(input, "set input", "input", NIL_KIND.NULL, true);
  for (let number = 1; number < 10; number++) tables.load(VIEW_OP.ALL, number, 0, 0);
  return tables;
}

Deno.test("whatever a unit asks of views ends in an answer or a fault", () => {
  const number = fc.oneof(fc.nat(12), hostileNumber, fc.constantFrom(-1, -5));
  const op = fc.oneof(fc.nat(12), fc.constantFrom(-1, 99, 2 ** 31));
  const key = fc.array(fc.tuple(fc.oneof(fc.nat(8), hostileNumber), fc.constantFrom(...TAGS)), { maxLength: 4 });
  const count = fc.oneof(fc.nat(8), fc.constantFrom(-1, 4096, 4097, 2 ** 31 - 1, -(2 ** 31)));
  const question = fc.record({ op, number, first: count, count, key });
  fc.assert(
    fc.property(fc.array(question, { minLength: 1, maxLength: 10 }), (questions) => {
      const unit = new FakeUnit(new ArrayBuffer(MIB));
      const tables = hostTables(unit);
      for (const { op, number, first, count, key } of questions) {
        unit.put(chunkOf(...key));
        const answer = tables.load(op, number, first, count);
        assert(Number.isInteger(answer), String(answer));
        if (unit.broken !== undefined) {
          assert(unit.broken instanceof Fault);
          assertEquals(answer, WIRE.STATUS_MEMORY);
          return;
        }
        if (answer === WIRE.STATUS_THROWN) assert(unit.halves[0] > 0);
      }
    }),
    { numRuns: Math.ceil(3000 * RUNS_FACTOR) },
  );
});

Deno.test("numbers that a unit releases are those of views, each once", () => {
  const numbers = fc.array(fc.oneof(fc.nat(12), hostileNumber), { maxLength: 12 });
  fc.assert(
    fc.property(numbers, fc.oneof(fc.nat(12), fc.constantFrom(-1, 1024, 1025, 2 ** 31)), (released, count) => {
      const unit = new FakeUnit(new ArrayBuffer(MIB));
      const tables = hostTables(unit);
      new Uint32Array(unit.memory, unit.releasedPointer, 12).set(released);
      try {
        tables.release(count);
      } catch (error) {
        assert(error instanceof Fault, String(error));
      }
    }),
    { numRuns: Math.ceil(1000 * RUNS_FACTOR) },
  );
  for (const pointer of [65, MIB - 4, 2 ** 32 - 4]) {
    const unit = new FakeUnit(new ArrayBuffer(MIB));
    unit.releasedPointer = pointer;
    assertThrows(() => hostTables(unit).release(1), Fault);
  }
});

/** Uses of a unit that read a message. */
const READS: ((cu: ComputeUnit) => unknown)[] = [
  (cu) => cu.getOutput(),
  (cu) => cu.getOutputField("rows"),
  (cu) => cu.compute("return _io.output"),
  (cu) => cu.compute("error({ code = 5 })"),
  (cu) => cu.setInput([1, { a: 2 }]),
  (cu) => cu.setInputField("a", 1),
  (cu) => cu.callHandler("f", 1),
  (cu) => cu.runGc(),
  (cu) => cu.clearIo(),
];

Deno.test("a unit that answers anything throws errors, and then works or says that it is broken", async () => {
  const seeds = fc.sample(
    fc.record({
      read: fc.nat(READS.length - 1),
      status: fc.oneof(fc.integer({ min: -300, max: 10 }), fc.constantFrom(4097, 2 ** 31 - 1, -(2 ** 31))),
      keepsStatus: fc.boolean(),
      changes: fc.array(mutation, { minLength: 1, maxLength: 3 }),
    }),
    Math.ceil(300 * RUNS_FACTOR),
  );
  const names = ["compute", "get_io", "get_output_field", "encode_error", "encode_error_value", "set_io"] as const;
  for (const { read, status, keepsStatus, changes } of seeds) {
    const { cu, instance } = await unitAndInstance({ memoryLimit: 2 * MIB });
    cu.compute("_io.output = { rows = { { a = 1, b = 'x' }, { a = 2, b = 'y' } } } function f() return 1 end");
    const { exports } = instance;
    for (const name of [...names, "set_input_field", "request", "run_gc", "clear_io_table"] as const) {
      const call = exports[name] as (...args: number[]) => number;
      (exports as unknown as Record<string, typeof call>)[name] = (...args) => {
        const words = call(...args);
        if (!keepsStatus) return status;
        if (words > 0) {
          const [chunk] = mutate([{ words: instance.halves.slice(0, 2 * words), heap: new Uint8Array() }], changes);
          instance.halves.set(chunk.words.subarray(0, instance.halves.length));
        }
        return words;
      };
    }
    let thrown: unknown;
    let hasThrown = false;
    try {
      READS[read](cu);
    } catch (error) {
      hasThrown = true;
      thrown = error;
    }
    if (hasThrown) assert(thrown instanceof Error, `read ${read}, status ${status}: ${thrown}`);
    assert(!(thrown instanceof WebAssembly.RuntimeError), String(thrown));
    if (instance.broken === undefined) continue;
    const refused = assertThrows(() => cu.compute("return 1"), TypeError, "Cannot compute: the unit is broken");
    assertStrictEquals(refused.cause, instance.broken);
    cu.dispose();
  }
});
