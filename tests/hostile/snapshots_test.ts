// Snapshots that were damaged, or made by someone who means harm: they load, or are refused by a clear error.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ComputeUnit, type ComputeUnitOptions, Snapshot } from "@computeunit/cu";
import { checksumOf } from "../../src/values/checksum.ts";
import { ValueReader } from "../../src/values/value_reader.ts";
import { ValueWriter } from "../../src/values/value_writer.ts";
import { RUNS_FACTOR } from "../helpers/property.ts";

const never = () => new Promise(() => {});
const OPTIONS: ComputeUnitOptions = { globals: { ask: never }, memoryLimit: 8 * 1024 * 1024, stepLimit: 1_000_000 };

/** Where the head of a file has what (`src/unit/snapshot.ts`). */
const HEAD = { CHECKSUM: 8, VERSION: 12, COMPRESSED: 16, LENGTH: 20, BUILD: 24, SIZE: 40 };

/** A snapshot with something of everything in it. */
async function fullSnapshot(compressed = false): Promise<Uint8Array<ArrayBuffer>> {
  using cu = await ComputeUnit.create(OPTIONS);
  cu.setInput({ rows: [{ id: 1 }, { id: 2 }], map: new Map([[1, new Set([2])]]) }, { lazy: true });
  cu.compute("kept = _io.input.rows[2] _, thrown = pcall(function() return _io.input.map[{}] end)");
  cu.compile("return 1")();
  cu.computeAsync(`local task = require "task" task.all(function() ask(1) end, function() task.sleep(1) end)`)
    .catch(() => {});
  return await cu.snapshot({ io: true }).bytes({ compressed });
}

const viewOf = (file: Uint8Array) => new DataView(file.buffer, file.byteOffset, file.length);

/** Puts the checksum right. */
function sealed(file: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  viewOf(file).setUint32(HEAD.CHECKSUM, checksumOf(file.subarray(HEAD.VERSION)), true);
  return file;
}

/** Numbers that look random, the same each time. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed;;) {
    state = state + 0x9e3779b9 | 0;
    let mixed = Math.imul(state ^ state >>> 16, 0x85ebca6b);
    mixed = Math.imul(mixed ^ mixed >>> 13, 0xc2b2ae35);
    yield (mixed ^ mixed >>> 16) >>> 0;
  }
}

/** Changes some bytes of a part of a file. */
function mutated(file: Uint8Array<ArrayBuffer>, seed: number, from: number, to: number): Uint8Array<ArrayBuffer> {
  const random = numbers(seed);
  const next = (limit: number) => random.next().value % limit;
  const copy = file.slice();
  for (let count = 1 + next(4); count > 0; count--) {
    const at = from + next(to - from);
    copy[at] = [copy[at] ^ 1 << next(8), next(256), 0xff, 0][next(4)];
  }
  return copy;
}

const LOADS = "Cannot load the snapshot: ";

/** Loads bytes; where they are refused, the error says that it is the snapshot's. */
async function loaded(file: Uint8Array): Promise<ComputeUnit | undefined> {
  try {
    return await ComputeUnit.fromSnapshot(file, OPTIONS);
  } catch (error) {
    const { name, message } = error as Error;
    assert(["TypeError", "RangeError"].includes(name) && message.startsWith(LOADS), `${name}: ${message}`);
    return undefined;
  }
}

Deno.test("500 snapshots that were damaged are refused, whole or compressed", async () => {
  for (const compressed of [false, true]) {
    const file = await fullSnapshot(compressed);
    assert(await loaded(file) !== undefined);
    for (let seed = 0; seed < 250; seed++) {
      const copy = mutated(file, seed, 0, file.length);
      const isSame = copy.every((byte, i) => byte === file[i]);
      assertEquals(await loaded(copy) !== undefined, isSame, `seed ${seed}`);
    }
    for (let length = 0; length < file.length; length += 1 + (length >> 3)) {
      assertEquals(await loaded(file.subarray(0, length)), undefined);
    }
    const longer = new Uint8Array(file.length + 1);
    longer.set(file);
    assertEquals(await loaded(longer), undefined);
  }
});

Deno.test("what the host keeps of a snapshot is checked, where someone has put the checksum right", async () => {
  const file = await fullSnapshot();
  const recordEnd = HEAD.SIZE + 4 + viewOf(file).getUint32(HEAD.SIZE, true);
  let loadedCount = 0;
  for (let seed = 0; seed < Math.ceil(1500 * RUNS_FACTOR); seed++) {
    const cu = await loaded(sealed(mutated(file, seed, HEAD.SIZE, recordEnd)));
    if (cu === undefined) continue;
    loadedCount++;
    // It works, or says why not.
    const uses: (() => unknown)[] = [
      () => cu.compute("return kept.id, thrown.message, _io.input.map[1][2]"),
      () => cu.setInput([{ id: 1 }, { a: { b: 1 } }]),
      () => cu.compute("_io.output = { _io.input, kept, { x = 1 } }"),
      () => cu.getOutput(),
      () => cu.pending().forEach(({ id }) => cu.resume(id, "x")),
      () => cu.snapshot(),
    ];
    for (const use of uses) {
      try {
        use();
      } catch (error) {
        assert(error instanceof Error, String(error));
      }
    }
    cu.dispose();
  }
  assert(loadedCount > 0);
});

/** The record of a file, changed as data. */
async function withRecord(change: (record: Record<string, unknown>) => void): Promise<Uint8Array<ArrayBuffer>> {
  const file = await fullSnapshot();
  const length = viewOf(file).getUint32(HEAD.SIZE, true);
  const reader = new ValueReader(file.subarray(HEAD.SIZE + 4, HEAD.SIZE + 4 + length));
  const writer = new ValueWriter();
  const record = reader.read() as Record<string, unknown>;
  change(record);
  writer.write(record, "write", "record");
  while (!reader.isAtEnd) writer.write(reader.read(), "write", "object");
  const { written } = writer;
  const rest = file.subarray(HEAD.SIZE + 4 + length);
  const made = new Uint8Array(HEAD.SIZE + 4 + written.length + rest.length);
  made.set(file.subarray(0, HEAD.SIZE));
  made.set(written, HEAD.SIZE + 4);
  made.set(rest, HEAD.SIZE + 4 + written.length);
  viewOf(made).setUint32(HEAD.SIZE, written.length, true);
  viewOf(made).setUint32(HEAD.LENGTH, made.length - HEAD.SIZE, true);
  return sealed(made);
}

type Strand = Record<string, unknown>;
type Data = Record<string, unknown[]> & { views: Record<string, unknown[]>; tasks: { tasks: { strands: Strand[] }[] } };

const CHANGES: Record<string, (data: Data) => void> = {
  "nothing in place of a list": (data) => void (data.chunks = undefined as never),
  "too many shapes": (data) =>
    void ((data as never as { shapes: { sent: unknown } }).shapes.sent = Array(600).fill([])),
  "a view without a number": (data) => void ((data.views.views[0] as Strand).number = undefined),
  "a view of number 0": (data) => void ((data.views.views[0] as Strand).number = 0),
  "a view of a number far out": (data) => void ((data.views.views[0] as Strand).number = 2 ** 31),
  "two views of one number": (data) => {
    (data.views.views[0] as Strand).number = (data.views.views[1] as Strand).number;
  },
  "a view of no origin": (data) => void ((data.views.views[0] as Strand).origin = 99),
  "an origin in itself": (data) => void ((data.views.origins[0] as Strand).parent = 0),
  "an origin of no input": (data) => void ((data.views.origins[0] as Strand).input = 5),
  "numbers that are free twice": (data) => void (data.views.free = Uint32Array.of(1, 1) as never),
  "free numbers far out": (data) => void (data.views.free = Uint32Array.of(2 ** 32 - 1) as never),
  "a run without strands": (data) => void (data.tasks.tasks[0].strands = []),
  "strands in a circle": (data) => void (data.tasks.tasks[0].strands[0].parent = 1),
  "a strand in one that has none": (data) => void (data.tasks.tasks[0].strands[2].parent = 1),
  "a wait for no function": (data) => void (data.tasks.tasks[0].strands[1].called = 77),
  "a function in no place": (data) => void ((data.functions[0] as Strand).place = 3),
  "an inherited field": (data) => void Reflect.deleteProperty(data, "hasIo"),
};

for (const [name, change] of Object.entries(CHANGES)) {
  Deno.test(`a snapshot whose checksum is right is refused: ${name}`, async () => {
    const file = await withRecord(change as never);
    await assertRejects(() => Snapshot.from(file), TypeError, LOADS + "it is damaged");
  });
}

Deno.test("a record that only looks right ends in a unit that works, or is broken", async () => {
  const changes: ((data: Data) => void)[] = [
    () => {},
    (data) => void (data.tasks.tasks[0].strands[1].number = 99),
    (data) => void ((data.tasks.tasks[0] as never as Strand).channel = 99),
    (data) => void (data.tasks.tasks[0].strands[0].left = 9),
    (data) => void ((data.views.views as Strand[]).forEach((view) => view.isLarge = true)),
    (data) => void ((data as never as { shapes: { read: unknown[] } }).shapes.read = [["__proto__", "0", "9999999"]]),
  ];
  for (const change of changes) {
    const cu = await loaded(await withRecord(change as never));
    if (cu === undefined) continue;
    try {
      for (const { id } of cu.pending()) cu.resume(id);
      cu.compute("_io.output = { x = 1 }");
      cu.getOutput();
    } catch (error) {
      assert(error instanceof Error);
    }
    cu.dispose();
  }
  assertEquals(({} as Record<string, unknown>).x, undefined);
});

Deno.test("memory of another build, another format, or what isn't in order, is refused", async () => {
  const file = await fullSnapshot();
  const changed = (change: (view: DataView, copy: Uint8Array) => void) => {
    const copy = file.slice();
    change(viewOf(copy), copy);
    return sealed(copy);
  };
  const cases: [string, Uint8Array][] = [
    ["it was made by another build of the module", changed((_, copy) => copy[HEAD.BUILD] ^= 1)],
    ["it has version 2 of the format, not 1", changed((view) => view.setUint32(HEAD.VERSION, 2, true))],
    ["it is damaged", changed((view) => view.setUint32(HEAD.LENGTH, 2 ** 32 - 1, true))],
    ["it is damaged", changed((view) => view.setUint32(HEAD.COMPRESSED, 1, true))],
  ];
  const at = HEAD.SIZE + 4 + viewOf(file).getUint32(HEAD.SIZE, true);
  const [start, end, heapEnd] = [0, 4, 8].map((offset) => viewOf(file).getUint32(at + offset, true));
  for (
    const values of [[end + 1, end, heapEnd], [start, heapEnd + 1, heapEnd], [start, end, 2 ** 32 - 1, 2 ** 31], [
      0,
      0,
      0,
      1,
    ]]
  ) {
    cases.push([
      "it is damaged",
      changed((view) => values.forEach((value, i) => view.setUint32(at + 4 * i, value, true))),
    ]);
  }
  for (const [message, bytes] of cases) {
    await assertRejects(() => ComputeUnit.fromSnapshot(bytes, OPTIONS), TypeError, LOADS + message);
  }
  const huge = changed((view) => view.setUint32(at + 8, 2 ** 32 - 65536, true));
  await assertRejects(() => ComputeUnit.fromSnapshot(huge, OPTIONS), RangeError, "more than the memoryLimit");
});

Deno.test("compressed bytes that stand for more than they say aren't read to their end", async () => {
  const zeros = new Blob([new Uint8Array(50_000_000)]).stream().pipeThrough(new CompressionStream("deflate"));
  const stored = new Uint8Array(await new Response(zeros).arrayBuffer());
  const file = new Uint8Array(HEAD.SIZE + stored.length);
  file.set((await fullSnapshot(true)).subarray(0, HEAD.SIZE));
  file.set(stored, HEAD.SIZE);
  await assertRejects(() => Snapshot.from(sealed(file)), TypeError, LOADS + "it is damaged");
});

Deno.test("bytes that are changed after they were read change nothing", async () => {
  const file = await fullSnapshot();
  const snapshot = await Snapshot.from(file);
  file.fill(0xff);
  using cu = await ComputeUnit.fromSnapshot(snapshot, OPTIONS);
  assertEquals(cu.compute("return kept.id"), 2);
});

Deno.test("memory that is nonsense breaks the unit that loads it, and nothing else", async () => {
  const file = await fullSnapshot();
  const at = HEAD.SIZE + 4 + viewOf(file).getUint32(HEAD.SIZE, true) + 16;
  // The contents of each part, not where it stands.
  for (const byte of [0xff, 0x00]) {
    const copy = file.slice();
    for (let part = at; part < copy.length;) {
      const length = viewOf(copy).getUint32(part + 4, true);
      copy.fill(byte, part + 8, part + 8 + length);
      part += 8 + length;
    }
    const error = await ComputeUnit.fromSnapshot(sealed(copy), OPTIONS).then((cu) => cu.compute("return 1"), (e) => e);
    assert(error instanceof Error, String(error));
  }
  using cu = await ComputeUnit.fromSnapshot(file, OPTIONS);
  assertEquals(cu.compute("return kept.id"), 2);
  // What fails to be taken over leaves its unit broken, and that can be set back.
  const blank = cu.snapshot();
  const copy = file.slice();
  for (let part = at; part < copy.length;) {
    const length = viewOf(copy).getUint32(part + 4, true);
    copy.fill(0xff, part + 8, part + 8 + length);
    part += 8 + length;
  }
  const nonsense = await Snapshot.from(sealed(copy));
  try {
    cu.restore(nonsense);
    cu.compute("return 1");
    assert(false, "works");
  } catch (error) {
    assert(error instanceof Error);
  }
  cu.restore(blank);
  assertEquals(cu.compute("return kept.id"), 2);
});
