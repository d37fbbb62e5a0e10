// Damaged and hostile states: each loads, or is refused with an error that says why.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Home, openHome } from "@computeunit/cu";
import { MemoryStore, type Store } from "@computeunit/cu/stores/memory";
import { SqliteStore } from "@computeunit/cu/stores/sqlite";
import { ByteWriter } from "../../src/state/bytes.ts";
import { homeInternals } from "../../src/state/home.ts";
import { seal, unseal, writeRoot } from "../../src/state/root.ts";
import { RUNS_FACTOR, SEED } from "../helpers/property.ts";
import { assertSame, makeRandom, picture, RandomChanges, stateOf, WITHOUT_WAIT } from "../helpers/states.ts";

const RUNS = Math.ceil(500 * RUNS_FACTOR);
const NAME = "cart:1";

const open = (store: Store) => openHome(store, NAME, WITHOUT_WAIT);

/** A state with tables of all forms: small, in pages, with values of their own pages, and in several pieces. */
async function makeState(store: Store): Promise<Home> {
  const home = await open(store);
  new RandomChanges(11).make(home, 150);
  const { table } = home;
  table.set("large", Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`key ${i}`, i])));
  table.set("list", Array.from({ length: 600 }, (_, i) => ({ i })));
  table.set("document", "x".repeat(20_000));
  table.set("typed", Float64Array.of(1, 2.5, NaN));
  table.set("small", { map: new Map<unknown, unknown>([[true, 1]]), set: new Set([1]), date: new Date(5) });
  await homeInternals.saveWithIo(home, { input: { rows: [[1], "x".repeat(5000)] }, output: null, meta: [true] });
  return home;
}

/** Puts a value under a key, whatever it is. */
async function put(store: Store, key: string, value: Uint8Array | undefined): Promise<void> {
  assert(await store.commit([], [{ key, value }]) !== undefined);
}

async function copyOf(store: MemoryStore): Promise<MemoryStore> {
  const copy = new MemoryStore(store.limits);
  for await (const key of store.list("")) await put(copy, key, (await store.get(key))!.value);
  return copy;
}

/** Changes bytes at random: some, or their number. */
function mutated(given: Uint8Array, random: (limit: number) => number): Uint8Array {
  const bytes = given.slice();
  const kind = random(6);
  if (kind === 0) return bytes.subarray(0, random(bytes.length));
  if (kind === 1) return Uint8Array.of(...bytes.subarray(0, 60_000), ...bytes.subarray(0, 1 + random(9)));
  for (let i = 1 + random(3); i > 0 && bytes.length > 0; i--) {
    const at = random(Math.min(bytes.length, kind === 2 ? 40 : Infinity));
    bytes[at] = kind === 3 ? 0xff : kind === 4 ? bytes[at] + 1 : random(256);
  }
  return bytes;
}

function isRefusal(error: unknown): void {
  if (!(error instanceof TypeError)) throw error;
  assert(/^Cannot load state "cart:1": .*\w/.test(error.message), error.message);
}

const pick = <T>(random: (limit: number) => number, list: readonly T[]): T => list[random(list.length)];

Deno.test(`${RUNS} states of which a value was changed are refused, or are what they were`, async () => {
  for (const limits of [undefined, { valueBytes: 3000, checks: 1, changes: 50, commitBytes: 60_000 }]) {
    const store = new MemoryStore(limits);
    const expected = picture(await makeState(store));
    const keys = await Array.fromAsync(store.list(""));
    const random = makeRandom(SEED);
    let refused = 0;
    for (let run = 0; run < RUNS / 2; run++) {
      const copy = await copyOf(store);
      const key = pick(random, keys);
      const { value } = (await store.get(key))!;
      const kind = random(8);
      if (kind === 0) await put(copy, key, undefined);
      else if (kind === 1) await put(copy, key, (await store.get(pick(random, keys)))!.value);
      else await put(copy, key, mutated(value, random).slice(0, limits?.valueBytes));
      const home = await open(copy).catch((error) => {
        isRefusal(error);
        refused++;
      });
      // Without its root, there is no state.
      if (home !== undefined && !(kind === 0 && key.startsWith("home/"))) assertSame(picture(home), expected);
    }
    assert(refused > RUNS / 4, `${refused} of ${RUNS / 2} refused`);
  }
});

Deno.test(`${RUNS} states that someone made up load or are refused, and work if they load`, async () => {
  const store = new MemoryStore();
  await makeState(store);
  const keys = await Array.fromAsync(store.list(""));
  const random = makeRandom(SEED + 1);
  let loaded = 0;
  for (let run = 0; run < RUNS; run++) {
    const copy = await copyOf(store);
    for (let i = 1 + random(2); i > 0; i--) {
      const key = pick(random, keys);
      const body = unseal(key, (await store.get(key))!.value);
      await put(copy, key, seal(key, mutated(body, random)));
    }
    let home: Home;
    try {
      home = await open(copy);
    } catch (error) {
      isRefusal(error);
      continue;
    }
    loaded++;
    const expected = picture(home);
    home.table.set("more", run);
    await home.save();
    const other = await open(copy);
    assertEquals(other.table.get("more"), run);
    other.table.delete("more");
    assertEquals(picture(other).length, expected.length);
    try {
      homeInternals.savedIo(other);
    } catch (error) {
      if (!(error instanceof TypeError) && !(error instanceof RangeError)) throw error;
    }
  }
  assert(loaded > RUNS / 20, `${loaded} of ${RUNS} loaded`);
});

/** Puts a state together by hand: a root, and pages by their numbers. */
async function madeUp(root: object, pages: Record<string, (writer: ByteWriter) => void>): Promise<MemoryStore> {
  const store = new MemoryStore();
  const rootKey = `home/${NAME}`;
  const whole = { nextId: 100, tablePages: 1, commits: [], stagings: [], redo: undefined, ...root };
  await put(store, rootKey, seal(rootKey, writeRoot(whole)));
  for (const [page, write] of Object.entries(pages)) {
    const writer = new ByteWriter();
    writer.integer(0);
    write(writer);
    const key = `home-page/${NAME}/${page}`;
    await put(store, key, seal(key, writer.take()));
  }
  return store;
}

const integers = (...values: number[]) => (writer: ByteWriter) => values.forEach((value) => writer.integer(value));

/** A page with one table, `_home`, in the form of pages. */
const paged = (...rest: number[]) => integers(1, 2, 2, 0, 0, 0, ...rest);

const TEXT = (text: string) => [8, text.length, ...new TextEncoder().encode(text)];
const SMALL = 128;
/** A page with one table, `_home`, whose entries stand in it. */
const inline = (list: number, keys: number, bytes: number[], border = 0) => (writer: ByteWriter) => {
  integers(1, 2, 1, 0, 0, border, list, keys)(writer);
  writer.raw(Uint8Array.from(bytes));
};

const MADE_UP: Record<string, [string, Promise<MemoryStore>]> = {
  "more pages than there are": ["is missing", madeUp({ tablePages: 2 ** 52 }, { 0: inline(0, 0, []) })],
  "more parts of a save than there are": [
    "part 0 of a save is missing",
    madeUp({ redo: { id: "0".repeat(16), parts: 2 ** 52 } }, { 0: inline(0, 0, []) }),
  ],
  "numbers that end": ["as the number of the next table", madeUp({ nextId: 2 ** 53 - 1 }, { 0: inline(0, 0, []) })],
  "no _home": ["no _home", madeUp({}, { 0: integers(0) })],
  "more entries than bytes": ["entries in", madeUp({}, { 0: inline(2 ** 52, 0, []) })],
  "more tables than bytes": ["page 0 is damaged", madeUp({}, { 0: integers(2 ** 40) })],
  "more pages of a table than there are": ["page 1 is missing", madeUp({}, { 0: paged(2 ** 51, 0, 1, 0, 2 ** 43, 0) })],
  "fewer pages than entries": ["more or fewer pages", madeUp({}, { 0: paged(1000, 0, 1, 0, 1, 0) })],
  "runs of nothing": ["pages that can't be", madeUp({}, { 0: paged(0, 0, 1, 0, 0, 0) })],
  "a page of itself": ["page 1 is there twice", madeUp({}, { 0: paged(257, 0, 2, 0, 1, 0, 1, 0), 1: integers(1) })],
  "a table that isn't there": ["table 5 isn't there", madeUp({}, { 0: inline(1, 0, [11, 5], 1) })],
  "a key twice": ["a key twice", madeUp({}, { 0: inline(0, 2, [...TEXT("a"), 1, ...TEXT("a"), 1]) })],
  "a key of the list": ["a key twice", madeUp({}, { 0: inline(1, 1, [SMALL, SMALL + 1, SMALL], 1) })],
  "NaN as a key": ["a key that is none", madeUp({}, { 0: inline(0, 1, [7, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f, 1]) })],
  "a Date as a key": ["a key that is none", madeUp({}, { 0: inline(0, 1, [10, 0, 0, 0, 0, 0, 0, 0, 0, 1]) })],
  "null as a key": ["a key that is none", madeUp({}, { 0: inline(0, 1, [1, 1]) })],
  "text as bytes as a key": ["a key that is none", madeUp({}, { 0: inline(0, 1, [9, 1, 65, 1]) })],
  "a key without a value": ["a key without a value", madeUp({}, { 0: inline(0, 1, [...TEXT("a"), 0]) })],
  "text that is no UTF-8": ["no UTF-8", madeUp({}, { 0: inline(1, 0, [8, 1, 0xff], 1) })],
  "a value of no kind": ["a value of kind 99", madeUp({}, { 0: inline(1, 0, [99], 1) })],
  "a border that is none": ["doesn't end where it says", madeUp({}, { 0: inline(1, 0, [SMALL], 0) })],
  "a border in nowhere": ["doesn't end where it says", madeUp({}, { 0: inline(1, 0, [SMALL], 2 ** 52) })],
  "an integer written at length": ["an integer that isn't", madeUp({}, { 0: inline(1, 0, [4, 0x81, 0], 1) })],
  "a small integer of 64 bits": [
    "an integer that isn't",
    madeUp({}, { 0: inline(1, 0, [6, 1, 0, 0, 0, 0, 0, 0, 0], 1) }),
  ],
  "a Date of a fraction": ["no time", madeUp({}, { 0: inline(1, 0, [10, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f], 1) })],
  "a function without end": ["it ends too early", madeUp({}, { 0: inline(1, 0, [13, 99], 1) })],
  "a table of no form": ["form 7", madeUp({}, { 0: integers(1, 2, 7, 0, 0, 0, 0, 0) })],
  "a table of no kind": ["kind 99", madeUp({}, { 0: integers(1, 2, 1, 99, 0, 0, 0, 0) })],
  "a typed array of text": [
    "a typed array of other values",
    madeUp({}, {
      0: (writer) => {
        integers(2, 2, 20, 1, 0, 0, 1, 1, 0)(writer);
        writer.raw(Uint8Array.of(11, 1));
        integers(1, 16 + 9, 0, 1, 1, 0)(writer);
        writer.raw(Uint8Array.from(TEXT("a")));
      },
    }),
  ],
  "an array without end": ["an array of", madeUp({}, { 0: integers(1, 2, 1, 1, 2 ** 40, 0, 0, 0) })],
  "_home as another table": ["a table with the id 2", madeUp({}, { 0: integers(2, 2, 2) })],
  "an id of the future": ["a table with the id 200", madeUp({}, { 0: integers(2, 2, 200) })],
  "an id of no table": ["a table with the id 4", madeUp({}, { 0: integers(2, 2, 4) })],
  "a table of another id": ["a table with the id 20", madeUp({}, { 0: integers(1, 20) })],
  "bytes after the end": ["bytes too many", madeUp({}, { 0: inline(0, 0, [1, 1, 1]) })],
  "a value in a page that isn't there": ["page 7 is missing", madeUp({}, { 0: inline(1, 0, [15, 7], 1) })],
  "a value in a page of tables": ["a value in page 0", madeUp({}, { 0: inline(1, 0, [15, 0], 1) })],
  "a value that stands elsewhere again": [
    "without a value",
    madeUp({}, {
      0: inline(1, 0, [15, 7], 1),
      7: (writer) => writer.raw(Uint8Array.of(2, 15, 9)),
    }),
  ],
  "a page of another table": [
    "a page of another table",
    madeUp({}, {
      0: paged(257, 0, 1, 0, 2, 0),
      1: integers(1, 5, 0, 0),
      3: integers(1, 0, 0, 1),
    }),
  ],
};

for (const [name, [message, made]] of Object.entries(MADE_UP)) {
  Deno.test(`a state with ${name} is refused`, async () => {
    const error = await assertRejects(async () => await open(await made), TypeError, message);
    isRefusal(error);
  });
}

Deno.test("pages with numbers far from each other take no more than others", async () => {
  const far = 2 ** 51;
  const store = await madeUp({}, {
    0: paged(1, 0, 1, far, 1, 0),
    [String(2 * far + 1)]: (writer) => {
      integers(1, 0, 0, 0)(writer);
      writer.raw(Uint8Array.of(SMALL + 5));
    },
  }).catch((error) => error);
  // A border of 0 is wrong with an element: it is the number that is tried here.
  await assertRejects(() => open(store), TypeError, "doesn't end where it says");
});

Deno.test("a state of a later format says so, and damage in the middle of a load leaves the state as it is", async () => {
  const store = new MemoryStore();
  const home = await makeState(store);
  const before = picture(home);
  for (const key of [`home/${NAME}`, `home-page/${NAME}/1`]) {
    const copy = await copyOf(store);
    const value = (await store.get(key))!.value;
    value[0] = 2;
    await put(copy, key, value);
    await assertRejects(() => open(copy), TypeError, "format 2, this version reads 1");
    const kept = (await store.get(key))!.value;
    await put(store, key, value);
    await assertRejects(() => home.load(), TypeError, "format 2");
    assertSame(picture(home), before);
    await put(store, key, kept);
  }
  await home.load();
  assertSame(picture(home), before);
  assert(stateOf(home).dirty.size === 0);
});

Deno.test(`${Math.ceil(RUNS / 2)} SQLite files of which bytes were changed load or are refused`, async () => {
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/state.db`;
    {
      await using store = await SqliteStore.open(file);
      await makeState(store);
    }
    const bytes = await Deno.readFile(file);
    const random = makeRandom(SEED + 2);
    let refused = 0;
    for (let run = 0; run < RUNS / 2; run++) {
      const copy = `${dir}/${run}.db`;
      await Deno.writeFile(copy, spoiled(bytes, random));
      try {
        await using store = await SqliteStore.open(copy);
        const home = await open(store);
        home.table.set("more", 1);
        await home.save();
      } catch (error) {
        refused++;
        if (!(error instanceof Error)) throw error;
        assert(/^Cannot \w+ (the store|state) .*: \w/.test(error.message), error.stack);
      }
      for (const end of ["", "-wal", "-shm"]) await Deno.remove(copy + end).catch(() => {});
    }
    assert(refused > 0);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** Changes some of the bytes of a file, or cuts it off. */
function spoiled(given: Uint8Array, random: (limit: number) => number): Uint8Array {
  const bytes = given.slice();
  if (random(10) === 0) return bytes.subarray(0, random(bytes.length));
  const [at, count] = [random(random(2) === 0 ? 4096 : bytes.length), 1 + random(20)];
  for (let i = at; i < Math.min(at + count, bytes.length); i++) bytes[i] = random(256);
  return bytes;
}
