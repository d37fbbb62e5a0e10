// No message, however malformed, breaks the unit: messages that no encoder writes.

import { assert, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { LuaError, type LuaValue } from "@computeunit/cu";
import { Decoder } from "../../src/bridge/decode.ts";
import { Encoder, MESSAGE } from "../../src/bridge/encode.ts";
import { Instance } from "../../src/runtime/instance.ts";
import { WIRE } from "../../src/runtime/wire.ts";
import { build, graph } from "../helpers/any_value.ts";
import { RUNS_FACTOR } from "../helpers/property.ts";
import { assertSame } from "../helpers/values_model.ts";

const MEMORY_LIMIT_BYTES = 8 * 1024 * 1024;

interface Chunk {
  words: BigUint64Array;
  heap: Uint8Array;
}

/** An instance with the codec on its side of the bridge, driven by hand. */
class Driver {
  readonly instance: Instance;
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;

  private constructor(instance: Instance) {
    this.instance = instance;
    this.#encoder = new Encoder(instance);
    this.#decoder = new Decoder(instance);
    // A word that was changed may stand for an external table, of any number.
    this.#decoder.views = {
      objectOf: () => ({}),
      path: () => "",
      change: () => {},
      resultOf: () => null,
      endMessage: () => {},
    };
    instance.host = {
      flush: (words, heapBytes) => this.#decoder.takeChunk(words, heapBytes),
      print: () => {},
      call: () => WIRE.STATUS_MALFORMED,
      load: () => WIRE.STATUS_MALFORMED,
      release: () => {},
      broke: () => {},
      raise: () => {},
      outOfSteps: () => new LuaError("limit", "there is no limit of steps"),
      timeUp: () => new LuaError("time", "there is no time limit"),
    };
  }

  static async create(): Promise<Driver> {
    return new Driver(await Instance.create({ memoryLimit: MEMORY_LIMIT_BYTES, timeLimit: Infinity }));
  }

  /** Sends chunks as they are; answers the first status that isn't 0, of `set_io` at last. */
  send(chunks: Chunk[]): number {
    const { exports } = this.instance;
    exports.begin_message(MESSAGE.WHOLE);
    for (const { words, heap } of chunks) {
      this.instance.refresh();
      const { buffer, byteOffset } = this.instance.words;
      new BigUint64Array(buffer, byteOffset, WIRE.WORDS_MAX).set(words.subarray(0, WIRE.WORDS_MAX));
      this.instance.heap.set(heap.subarray(0, WIRE.HEAP_SIZE_BYTES));
      const status = exports.take_chunk(words.length, heap.length);
      if (status !== 0) {
        exports.drop_message();
        return status;
      }
    }
    return exports.set_io(0);
  }

  /** A whole cycle of what an instance is for; shapes begin again, as after any drop. */
  checkWorks(): void {
    const { exports } = this.instance;
    const value = { rows: [{ a: 1, b: "x" }, { a: 2, b: "y" }], map: new Map([[1, [null, 2]]]) };
    // An encoder of its own: it knows no shapes, so it defines them from 0.
    new Encoder(this.instance).encode(value, "set input", "input");
    assertStrictEquals(exports.set_io(0), 0);
    const words = exports.get_io(0);
    this.instance.refresh();
    assert(words > 0, `status ${words}`);
    assertSame(this.#decoder.decode(words)[0], value);
    exports.run_gc();
    assert(exports.memory.buffer.byteLength <= MEMORY_LIMIT_BYTES, "memoryLimit holds");
  }

  /** The input as it stands now, or the status. */
  readBack(): unknown {
    const words = this.instance.exports.get_io(0);
    this.instance.refresh();
    if (words >= 0) return this.#decoder.decode(words)[0];
    this.#decoder.drop();
    return words;
  }

  /** The chunks that a value makes. */
  record(value: unknown): Chunk[] {
    const chunks: Chunk[] = [];
    const { instance } = this;
    const { exports } = instance;
    const recording = {
      ...exports,
      take_chunk: (words: number, heapBytes: number) => {
        const { buffer, byteOffset } = instance.words;
        chunks.push({
          words: new BigUint64Array(buffer, byteOffset, words).slice(),
          heap: instance.heap.slice(0, heapBytes),
        });
        return exports.take_chunk(words, heapBytes);
      },
    };
    const replaceable = instance as { exports: typeof exports };
    replaceable.exports = recording;
    try {
      new Encoder(instance).encode(value, "set input", "input");
    } finally {
      replaceable.exports = exports;
    }
    exports.drop_message();
    return chunks;
  }
}

const TAGS = [...Array(0x20).keys(), 0x7f, 0xff];

const hostilePayload = fc.oneof(
  fc.nat(8),
  fc.nat(0xffff),
  fc.constantFrom(
    0xff,
    0x100,
    0xffff,
    0x10000,
    2 ** 24,
    2 ** 26,
    2 ** 27,
    2 ** 28,
    2 ** 28 + 1,
    2 ** 29 + 1,
    2 ** 31,
    2 ** 32 - 1,
  ),
);

const boxedWord = fc.tuple(fc.constantFrom(...TAGS), hostilePayload).map(([tag, payload]) =>
  BigInt(WIRE.BOXED | 0) << 32n & 0xffff_ffff_0000_0000n | BigInt(tag) << 32n | BigInt(payload)
);

const word = fc.oneof(
  { weight: 6, arbitrary: boxedWord },
  { weight: 2, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
  { weight: 2, arbitrary: fc.nat(100).map((n) => new BigUint64Array(new Float64Array([n]).buffer)[0]) },
);

const randomChunk = fc.record({
  words: fc.array(word, { maxLength: 60 }).map((list) => BigUint64Array.from(list)),
  heap: fc.uint8Array({ maxLength: 200 }),
});

/** A negative status, or success and then a value that can be read or is refused. */
function checkAnswer(driver: Driver, chunks: Chunk[]): void {
  const status = driver.send(chunks);
  assert(status <= 0 && status >= -7, `status ${status}`);
  if (status === 0) driver.readBack();
}

Deno.test("messages of random words are refused or taken, and the unit works on", async () => {
  const driver = await Driver.create();
  let count = 0;
  fc.assert(
    fc.property(fc.array(randomChunk, { minLength: 1, maxLength: 3 }), (chunks) => {
      checkAnswer(driver, chunks);
      if (++count % 50 === 0) driver.checkWorks();
    }),
    { numRuns: Math.ceil(10_000 * RUNS_FACTOR) },
  );
  driver.checkWorks();
});

Deno.test("messages with a word changed, cut off or doubled are refused or taken", async () => {
  const driver = await Driver.create();
  let count = 0;
  fc.assert(
    fc.property(
      graph,
      fc.array(fc.tuple(fc.nat(), fc.nat(3), word), { minLength: 1, maxLength: 4 }),
      (given, changes) => {
        const chunks = driver.record(build(given));
        for (const [place, change, other] of changes) {
          const chunk = chunks[place % chunks.length];
          if (chunk.words.length === 0) continue;
          const at = place % chunk.words.length;
          if (change === 0) chunk.words[at] = other;
          else if (change === 1) chunk.words = chunk.words.slice(0, at);
          else if (change === 2) chunk.heap = chunk.heap.slice(0, place % (chunk.heap.length + 1));
          else chunk.words = BigUint64Array.of(...chunk.words.subarray(0, at), other, ...chunk.words.subarray(at));
        }
        checkAnswer(driver, chunks);
        if (++count % 50 === 0) driver.checkWorks();
      },
    ),
    { numRuns: Math.ceil(4000 * RUNS_FACTOR) },
  );
  driver.checkWorks();
});

Deno.test("messages that are whole are taken, cut after any word they are refused", async () => {
  const driver = await Driver.create();
  const chunks = driver.record({
    rows: [{ a: 1, b: "x" }, { a: 2n ** 60n, b: null }],
    map: new Map<unknown, unknown>([["k", new Date(1)], [1.5, new Set(["m"])]]),
    typed: new Float64Array([1, 2, 3]),
    bytes: new Uint8Array([255]),
  });
  const [{ words, heap }] = chunks;
  assertStrictEquals(driver.send(chunks), 0);
  for (let length = 0; length < words.length; length++) {
    assert(driver.send([{ words: words.slice(0, length), heap }]) < 0, `cut after ${length} words`);
    driver.checkWorks();
  }
  for (let length = 0; length < heap.length; length++) {
    assert(driver.send([{ words, heap: heap.slice(0, length) }]) < 0, `cut after ${length} bytes`);
  }
  assert(driver.send([{ words: BigUint64Array.of(...words, 0n), heap }]) < 0);
  driver.checkWorks();
});

Deno.test("counts that no message can hold are refused", async () => {
  const box = (tag: number, payload: number) =>
    (BigInt(WIRE.BOXED) & 0xffff_ffffn | BigInt(tag)) << 32n & 0xffff_ffff_0000_0000n | BigInt(payload >>> 0);
  const heap = new Uint8Array(16);
  for (
    const count of [
      2 ** 16,
      2 ** 20,
      2 ** 24,
      2 ** 26,
      2 ** 27,
      2 ** 28,
      2 ** 28 + 1,
      2 ** 29 + 1,
      2 ** 31,
      2 ** 32 - 1,
    ]
  ) {
    for (
      const tag of [
        WIRE.ARRAY,
        WIRE.RECORD,
        WIRE.MAP,
        WIRE.SET,
        WIRE.TYPED_ARRAY,
        WIRE.OBJECT,
        WIRE.SHAPE,
        WIRE.TABLE_REF,
      ]
    ) {
      const driver = await Driver.create();
      for (const rest of [[], [0n], [3n], [9n, 0n], [box(WIRE.STRING, 1), 0n]]) {
        const status = driver.send([{ words: BigUint64Array.of(box(tag, count), ...rest), heap }]);
        assert(status < 0, `tag ${tag}, count ${count}: status ${status}`);
        driver.checkWorks();
      }
    }
  }
});

Deno.test("a shape that is defined again inside its own object is refused, or the object is as it was", async () => {
  const box = (tag: number, payload: number) => BigInt(WIRE.BOXED + tag) << 32n | BigInt(payload);
  const heap = new TextEncoder().encode("k" + Array.from({ length: 32 }, (_, i) => `n${i + 10}`).join(""));
  const driver = await Driver.create();
  for (let i = 0; i < 100; i++) {
    const status = driver.send([{
      words: BigUint64Array.of(
        box(WIRE.SHAPE, 1),
        box(WIRE.STRING, 1),
        box(WIRE.OBJECT, 0),
        box(WIRE.SHAPE, 32),
        ...new Array<bigint>(32).fill(box(WIRE.STRING, 3)),
        box(WIRE.BOOLEAN, 1),
      ),
      heap,
    }]);
    if (status === 0) assertSame(driver.readBack(), { k: true });
    driver.checkWorks();
  }
});

Deno.test("long strings of any length, at any place, are refused or taken", async () => {
  const driver = await Driver.create();
  const { exports } = driver.instance;
  fc.assert(
    fc.property(randomChunk, fc.oneof(fc.nat(100), fc.nat(1e5), hostilePayload), ({ words, heap }, length) => {
      exports.begin_message(MESSAGE.WHOLE);
      driver.instance.refresh();
      const { buffer, byteOffset } = driver.instance.words;
      new BigUint64Array(buffer, byteOffset, WIRE.WORDS_MAX).set(words);
      driver.instance.heap.set(heap);
      if (exports.take_chunk(words.length, heap.length) === 0) {
        const pointer = exports.long_string(length) >>> 0;
        if (pointer !== 0) driver.instance.bytes(pointer, length).fill(0x61);
      }
      exports.drop_message();
      assert(exports.memory.buffer.byteLength <= MEMORY_LIMIT_BYTES, "memoryLimit holds");
    }),
    { numRuns: Math.ceil(2000 * RUNS_FACTOR) },
  );
  driver.checkWorks();
});

Deno.test("chunks larger than the buffer are refused", async () => {
  const driver = await Driver.create();
  const { exports } = driver.instance;
  for (
    const [words, heapBytes] of [[WIRE.WORDS_MAX + 1, 0], [0, WIRE.HEAP_SIZE_BYTES + 1], [2 ** 32 - 1, 0], [1, 2 ** 31]]
  ) {
    exports.begin_message(MESSAGE.WHOLE);
    assert(exports.take_chunk(words, heapBytes) < 0);
    exports.drop_message();
    driver.checkWorks();
  }
});

Deno.test("a message that isn't finished sets nothing", async () => {
  const driver = await Driver.create();
  const { exports } = driver.instance;
  driver.checkWorks();
  const before = driver.readBack();
  exports.begin_message(MESSAGE.WHOLE);
  assert(exports.set_io(0) < 0);
  exports.begin_message(MESSAGE.WHOLE);
  assert(exports.set_input_field() < 0);
  exports.begin_message(MESSAGE.WHOLE);
  assert(exports.get_output_field() < 0);
  assertSame(driver.readBack(), before as LuaValue);
});
