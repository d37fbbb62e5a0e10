// States in stores: what is written, what two writers get, what a crash leaves.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { ConflictError, type ExternalTable, type Home, openHome, transact } from "@computeunit/cu";
import { MemoryStore, type StoreLimits } from "@computeunit/cu/stores/memory";
import type { TableData } from "../../src/state/tables.ts";
import {
  assertSame,
  type Fate,
  FaultyStore,
  picture,
  RandomChanges,
  stateOf,
  WITHOUT_WAIT,
} from "../helpers/states.ts";

const open = (store: MemoryStore | FaultyStore, name = "s") => openHome(store, name, WITHOUT_WAIT);

/** Limits that a state of some hundred keys exceeds. */
const SMALL: StoreLimits = { valueBytes: 600, checks: 1, changes: 5, commitBytes: 2500 };

/** Sets so many keys to one number: as it is saved whole, all are the same whenever it is read. */
function setAll({ table }: Home, count: number, generation: number): void {
  for (let i = 0; i < count; i++) table.set(`key ${i}`, generation);
  table.set("nested", [{ generation }, "x".repeat(generation * 1000)]);
}

/** The number that all keys have. */
function generationOf({ table }: Home): number {
  const { nested, ...keys } = table.toValue() as Record<string, unknown>;
  const [first, ...others] = new Set(Object.values(keys));
  assertEquals(others, []);
  const [inner, text] = nested as [{ generation: number }, string];
  assertEquals(inner.generation, first);
  assertEquals(text.length, inner.generation * 1000);
  return inner.generation;
}

Deno.test("a state is there for whoever opens it next, under its name only", async () => {
  const store = new MemoryStore();
  const home = await open(store, "cart:123");
  assert(home.isChanged);
  home.table.set("items", [{ name: "apple", price: 1.5 }]);
  await home.save();
  assert(!home.isChanged);
  const other = await open(store, "cart:123");
  assertEquals(other.table.toValue(), { items: [{ name: "apple", price: 1.5 }] });
  assert(!other.isChanged);
  for (const name of ["cart:12", "cart:123/", "cart:123/0", "cart%3A123", "__proto__"]) {
    assertEquals((await open(store, name)).table.size, 0, name);
  }
});

Deno.test("names that look like parts of others are names of their own", async () => {
  const store = new MemoryStore();
  const names = ["a", "a/0", "a/1", "a%", "a%2F0", "a/0/1", "é".repeat(450), "a b\n"];
  for (const name of names) {
    const home = await open(store, name);
    home.table.set("name", name);
    for (let i = 0; i < 100; i++) home.table.set(i, name);
    await home.save();
  }
  for (const name of names) assertEquals((await open(store, name)).table.get("name"), name);
});

Deno.test("the ids of tables stay, and new ones are new", async () => {
  const store = new MemoryStore();
  const home = await open(store);
  home.table.set("a", {});
  const { id } = home.table.get("a") as { id: number };
  await home.save();
  const other = await open(store);
  assertEquals((other.table.get("a") as { id: number }).id, id);
  other.table.set("b", {});
  assert((other.table.get("b") as { id: number }).id > id);
});

Deno.test("what is loaded in the place of a state is not mixed with what code has of before", async () => {
  const store = new MemoryStore();
  const home = await open(store);
  await home.save();
  const { table } = home;
  const other = await open(store);
  other.table.set("theirs", { from: "other" });
  await other.save();
  table.set("mine", { from: "home", self: table });
  // As code has them: a table that the host has seen has a number of its own.
  const state = stateOf(home);
  const mine = state.home.get("mine") as TableData;
  await home.load();
  assertEquals(home.table, table);
  assertEquals(table.toValue(), { theirs: { from: "other" } });
  assertEquals((table.get("theirs") as { id: number }).id, mine.id, "the same number, of two tables");
  state.change(state.home, "again", mine);
  await home.save();
  const { again, theirs } = (await open(store)).table.toValue() as Record<string, Record<string, unknown>>;
  assertEquals([again.from, theirs.from], ["home", "other"]);
  assertEquals(Object.keys(again.self as object), ["theirs", "again"], "_home is what it was");
});

Deno.test("tables that only refer to each other don't stay in the store, and can be stored again after a load", async () => {
  const store = new MemoryStore();
  const home = await open(store);
  const { table } = home;
  const tree = () => {
    const root = { text: "x".repeat(2000), child: {} };
    root.child = { parent: root };
    return root;
  };
  for (let i = 0; i < 300; i++) {
    table.set("tree", tree());
    await home.save();
  }
  let bytes = 0;
  for await (const key of store.list("")) bytes += (await store.get(key))!.value.length;
  assert(bytes < 300_000, `${bytes} bytes`);
  const kept = table.get("tree");
  table.set("tree", undefined);
  await home.load();
  assertEquals(table.toValue(), { tree: tree() });
  table.set("tree", undefined);
  await home.save();
  await home.load();
  table.set("again", kept);
  await home.save();
  assertEquals((await open(store)).table.toValue(), { again: tree() });
});

Deno.test("a table of before a load, stored and taken away, takes no other with the same number along", async () => {
  const store = new MemoryStore();
  const home = await open(store);
  await home.save();
  const other = await open(store);
  other.table.set("theirs", { from: "other" });
  await other.save();
  home.table.set("mine", { from: "home" });
  const state = stateOf(home);
  const mine = state.home.get("mine");
  await home.load();
  assertEquals((home.table.get("theirs") as { id: number }).id, (mine as TableData).id);
  state.change(state.home, "again", mine);
  state.change(state.home, "again", undefined);
  await home.save();
  home.table.set("more", 1);
  await home.save();
  assertEquals((await open(store)).table.toValue(), { theirs: { from: "other" }, more: 1 });
});

Deno.test("only what has changed is written: one key takes the same in states of any size", async () => {
  const bytesFor = async (count: number): Promise<number> => {
    const store = new FaultyStore(new MemoryStore());
    const home = await open(store);
    for (let i = 0; i < count; i++) home.table.set(`key ${String(i).padStart(9, "0")}`, i);
    await home.save();
    let bytes = 0;
    store.onCommit = (changes) => {
      assertEquals(changes.length, 2, "a page and the root");
      for (const { value } of changes) bytes += value!.length;
    };
    const gets = store.gets;
    home.table.set(`key ${String(count >> 1).padStart(9, "0")}`, -1);
    await home.save();
    assertEquals(store.gets, gets);
    return bytes;
  };
  const [small, large] = [await bytesFor(1000), await bytesFor(100_000)];
  assert(small > 1000 && large < small * 1.2, `${small} and ${large} bytes`);
});

Deno.test("a large value is written only when it is changed", async () => {
  const store = new FaultyStore(new MemoryStore());
  const home = await open(store);
  home.table.set("documents", Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`d${i}`, "x".repeat(50_000)])));
  await home.save();
  let bytes = 0;
  store.onCommit = (changes) => {
    for (const { value } of changes) bytes += value?.length ?? 0;
  };
  const documents = home.table.get("documents") as typeof home.table;
  documents.set("d7", "y".repeat(10_000));
  await home.save();
  assert(bytes > 10_000 && bytes < 20_000, `${bytes} bytes`);
  assertEquals((await open(store)).table.toValue(), home.table.toValue());
});

Deno.test("nothing is written where nothing has changed", async () => {
  const store = new FaultyStore(new MemoryStore());
  const home = await open(store);
  home.table.set("a", 1);
  await home.save();
  await home.save();
  await (await open(store)).save();
  assertEquals(store.commits, 1);
});

Deno.test("what changes while a state is saved is saved the next time", async () => {
  const store = new FaultyStore(new MemoryStore());
  const home = await open(store);
  home.table.set("a", 1);
  store.onCommit = () => home.table.set("a", 2);
  await home.save();
  store.onCommit = undefined;
  assert(home.isChanged);
  assertEquals((await open(store)).table.get("a"), 1);
  await home.save();
  assertEquals((await open(store)).table.get("a"), 2);
});

Deno.test("saves and loads that are asked for at once come one after the other", async () => {
  const store = new MemoryStore();
  const home = await open(store);
  const done = [];
  for (let i = 1; i <= 5; i++) {
    home.table.set("a", i);
    done.push(home.save(), home.load());
  }
  await Promise.all(done);
  assertEquals((await open(store)).table.get("a"), 5);
});

for (const [size, limits] of [["one that fits into a commit", undefined], ["one that doesn't", SMALL]] as const) {
  Deno.test(`the second of two who save gets a ConflictError: ${size}`, async () => {
    const store = new MemoryStore(limits);
    const [first, second] = [await open(store), await open(store)];
    setAll(first, 300, 1);
    setAll(second, 300, 2);
    await first.save();
    const error = await assertRejects(
      () => second.save(),
      ConflictError,
      'Cannot save state "s": it was saved elsewhere',
    );
    assertEquals([error.state, error.name], ["s", "ConflictError"]);
    await assertRejects(() => second.save(), ConflictError);
    assertEquals(generationOf(await open(store)), 1);
    await second.load();
    assertEquals(generationOf(second), 1);
    setAll(second, 300, 3);
    await second.save();
    assertEquals(generationOf(await open(store)), 3);
    await assertRejects(async () => {
      setAll(first, 300, 4);
      await first.save();
    }, ConflictError);
  });
}

Deno.test("transact() loads, runs and saves again until it fits, and no update is lost", async () => {
  for (const limits of [undefined, SMALL]) {
    const store = new MemoryStore(limits);
    const waits: number[] = [];
    let random = 0;
    const options = {
      wait: (ms: number) => {
        waits.push(ms);
        return Promise.resolve();
      },
      random: () => (random = (random + 0.37) % 1),
    };
    const add = () =>
      transact(store, "s", async (home) => {
        const generation = home.table.size === 0 ? 0 : generationOf(home);
        await Promise.resolve();
        setAll(home, 100, generation + 1);
        return generation + 1;
      }, options);
    const results = await Promise.all(Array.from({ length: 8 }, add));
    assertEquals(results.sort(), [1, 2, 3, 4, 5, 6, 7, 8]);
    assertEquals(generationOf(await open(store)), 8);
    assert(waits.length > 0 && waits.every((ms) => ms >= 0 && ms <= 1000));
  }
});

Deno.test("transact() gives up after so many attempts, and throws what its function throws", async () => {
  const store = new MemoryStore();
  let runs = 0;
  const always = transact(store, "s", async (home) => {
    runs++;
    const other = await open(store);
    other.table.set("a", runs);
    await other.save();
    home.table.set("b", 1);
  }, { ...WITHOUT_WAIT, attempts: 3 });
  await assertRejects(() => always, ConflictError);
  assertEquals(runs, 3);
  const failing = transact(store, "s", (home) => {
    home.table.set("b", 1);
    throw new Error("no");
  });
  await assertRejects(() => failing, Error, "no");
  assertEquals((await open(store)).table.toValue(), { a: 3 });
});

Deno.test("after a lost connection it is known whether a commit was made", async () => {
  const fates: Fate[][] = [
    ["not made"],
    ["made, but not said"],
    ["not made", "not made"],
    ["not made", "made, but not said"],
  ];
  for (const [first, second = "made"] of fates) {
    for (const limits of [undefined, SMALL]) {
      for (let at = 0; at < (limits === undefined ? 1 : 60); at++) {
        const store = new FaultyStore(new MemoryStore(limits));
        const home = await open(store);
        setAll(home, 100, 1);
        await home.save();
        const from = store.commits + at;
        store.fate = (commit) => [first, second][commit - from] ?? "made";
        setAll(home, 100, 2);
        await home.save();
        assertEquals(generationOf(await open(store)), 2);
        setAll(home, 100, 3);
        await home.save();
        assertEquals(generationOf(await open(store)), 3);
      }
    }
  }
});

Deno.test("a commit that comes late is known, too", async () => {
  // The first attempt is under way when the root is read, and made before the second.
  const memory = new MemoryStore();
  const store = new FaultyStore(memory);
  const home = await open(store);
  let late: (() => Promise<unknown>) | undefined;
  const commit = store.commit.bind(store);
  store.commit = async (checks, changes) => {
    if (late === undefined) {
      late = () => memory.commit(checks, changes);
      throw new Error("connection lost");
    }
    await late();
    return await commit(checks, changes);
  };
  home.table.set("a", 1);
  await home.save();
  assertEquals((await open(store)).table.get("a"), 1);
});

Deno.test("where a store fails for good, the error says so, and nothing is lost", async () => {
  const store = new FaultyStore(new MemoryStore());
  const home = await open(store);
  home.table.set("a", 1);
  store.fate = () => "not made";
  const error = await assertRejects(() => home.save(), Error, 'Cannot save state "s": connection lost');
  assertEquals((error.cause as Error).message, "connection lost");
  assert(home.isChanged);
  store.isDown = true;
  await assertRejects(() => home.save(), Error, 'Cannot tell whether state "s" was saved: connection lost');
  await assertRejects(() => home.load(), Error, "connection lost");
  assertEquals(home.table.get("a"), 1);
  store.isDown = false;
  // What is there then is damaged.
  const get = store.get.bind(store);
  store.get = () => Promise.resolve({ value: Uint8Array.of(1), revision: "?" });
  await assertRejects(
    () => home.save(),
    Error,
    'Cannot tell whether state "s" was saved: Cannot load state "s": the root',
  );
  store.get = get;
  store.fate = () => "made";
  home.table.set("b", 2);
  await home.save();
  assertEquals((await open(store)).table.toValue(), { a: 1, b: 2 });
});

Deno.test("a conflict after a lost connection is a conflict, or not known where too many have saved since", async () => {
  for (const [others, savesOfEach] of [[1, 1], [3, 50], [31, 2], [40, 1]]) {
    const memory = new MemoryStore();
    const store = new FaultyStore(memory);
    const home = await open(store);
    home.table.set("a", 0);
    await home.save();
    home.table.set("a", 1);
    let isFirst = true;
    store.onCommit = async () => {
      if (!isFirst) return;
      isFirst = false;
      for (let i = 0; i < others; i++) {
        const other = await open(memory);
        for (let n = 0; n < savesOfEach; n++) {
          other.table.set("b", i + n / 100);
          await other.save();
        }
      }
      store.fate = (commit) => commit === 1 ? "not made" : "made";
    };
    const error = await assertRejects(() => home.save(), Error);
    if (others < 40) assertInstanceOf(error, ConflictError);
    else assert(error.message.startsWith('Cannot tell whether state "s" was saved'), error.message);
  }
});

Deno.test("a transaction among many is known to be made, or not, whatever its connection does", async () => {
  for (const fate of ["not made", "made, but not said"] as const) {
    const memory = new MemoryStore();
    const add = (store: MemoryStore | FaultyStore) =>
      transact(store, "s", ({ table }) => table.set("n", Number(table.get("n") ?? 0) + 1), WITHOUT_WAIT);
    await add(memory);
    const store = new FaultyStore(memory);
    // What is lost is followed by a hundred others before anyone can look.
    const { commit } = store;
    let isFirst = true;
    store.commit = async (...given) => {
      const first = isFirst;
      isFirst = false;
      store.fate = () => first ? fate : "made";
      try {
        return await commit.call(store, ...given);
      } finally {
        if (first) { for (let i = 0; i < 100; i++) await add(memory); }
      }
    };
    await add(store);
    assertEquals((await open(memory)).table.get("n"), 102);
  }
});

Deno.test("a save that ends at any commit leaves a state that was saved whole, and the next one sweeps", async () => {
  for (const limits of [undefined, SMALL]) {
    let isDone = false;
    for (let at = 0; !isDone; at++) {
      for (const fate of ["not made", "made, but not said"] as const) {
        const memory = new MemoryStore(limits);
        const store = new FaultyStore(memory);
        const home = await open(store);
        setAll(home, 100, 1);
        await home.save();
        const from = store.commits + at;
        let isKilled = false;
        store.fate = (commit) => {
          if (commit < from) return "made";
          store.isDown = isKilled = true;
          return commit === from ? fate : "not made";
        };
        setAll(home, 100, 2);
        await home.save().catch(() => {});
        isDone = !isKilled;
        // Two who open it, as two processes may, at once.
        const [later, another] = await Promise.all([open(memory), open(memory)]);
        const generation = generationOf(later);
        assert(generation === 1 || generation === 2);
        assertEquals(generationOf(another), generation);
        setAll(later, 100, 3);
        await later.save();
        assertEquals(generationOf(await open(memory)), 3);
        assertEquals(await Array.fromAsync(memory.list("home-part/")), []);
      }
    }
  }
});

Deno.test("one that reads while another saves gets one state or the other", async () => {
  for (const limits of [undefined, SMALL]) {
    const memory = new MemoryStore(limits);
    const store = new FaultyStore(memory);
    const home = await open(store);
    setAll(home, 600, 1);
    await home.save();
    let read = 0;
    store.onCommit = async () => {
      const generation = generationOf(await open(memory));
      assert(generation === 1 || generation === 2);
      read++;
    };
    setAll(home, 600, 2);
    await home.save();
    assert(read > 0);
  }
});

Deno.test("a reader begins again where the root has changed since, and gives up in the end", async () => {
  const memory = new MemoryStore();
  const writer = await open(memory);
  setAll(writer, 600, 1);
  await writer.save();
  let saves = 0;
  const store = new FaultyStore(memory);
  const { get } = store;
  let most = 3;
  store.get = async function (key) {
    if (key === "home-page/s/1" && saves < most) {
      setAll(writer, 600, 2 + saves++ % 3);
      await writer.save();
    }
    return await get.call(store, key);
  };
  assertEquals(generationOf(await open(store)), 4);
  most = Infinity;
  await assertRejects(() => open(store), Error, 'Cannot load state "s": others save it all the time');
});

Deno.test("two who complete the same save at once do no harm", async () => {
  const memory = new MemoryStore(SMALL);
  const store = new FaultyStore(memory);
  const home = await open(store);
  setAll(home, 100, 1);
  await home.save();
  // Ends where it is made, but not in its pages.
  let isMade = false;
  store.onCommit = (changes) => {
    if (isMade) store.isDown = true;
    if (store.commits > 40 && changes.some(({ key }) => key.startsWith("home/"))) isMade = true;
  };
  setAll(home, 100, 2);
  await home.save().catch(() => {});
  const all = await Promise.all(Array.from({ length: 6 }, () => open(memory)));
  assertEquals(new Set(all.map(generationOf)).size, 1);
});

Deno.test("a state can be deleted, with all that stands for it", async () => {
  const { homeInternals } = await import("../../src/state/home.ts");
  for (const limits of [undefined, SMALL]) {
    const store = new MemoryStore(limits);
    const home = await open(store);
    new RandomChanges(5).make(home, 60);
    await home.save();
    const stale = await open(store);
    await homeInternals.delete(await open(store));
    assertEquals(await Array.fromAsync(store.list("")), []);
    stale.table.set("a", 1);
    await assertRejects(() => stale.save(), ConflictError);
    assertEquals((await open(store)).table.size, 0);
  }
});

Deno.test("a store's limits have room for a state, however small, or say that they have none", async () => {
  let saved = 0;
  const limits = Array.from({ length: 100 }, (_, i) => [{ commitBytes: 2 * i }, { valueBytes: i }]).flat();
  for (const limit of limits) {
    const store = new MemoryStore(limit);
    const home = await open(store);
    home.table.set("a", "x".repeat(100));
    const isSaved = await home.save().then(() => true, (error) => {
      assert(error.message.startsWith("Cannot save state"), error.message);
      return false;
    });
    assertEquals((await open(store)).table.toValue(), isSaved ? { a: "x".repeat(100) } : {}, JSON.stringify(limit));
    if (isSaved) saved++;
  }
  assert(saved > 50 && saved < limits.length, `${saved} saved`);
});

Deno.test("openHome() and transact() say what they don't take", async () => {
  const store = new MemoryStore();
  await assertRejects(
    () => openHome({} as MemoryStore, "a"),
    TypeError,
    "Cannot open a home: the store must have get()",
  );
  await assertRejects(
    () => openHome(store, 5 as unknown as string),
    TypeError,
    "the name is not a string, but a number",
  );
  for (const name of ["", "a\0", "\ud800", "é".repeat(451), "/".repeat(301)]) {
    await assertRejects(() => openHome(store, name), RangeError, "Cannot open a home: the name must be text");
  }
  await assertRejects(() => openHome(store, "a", { wiat: 1 } as object), TypeError, "did you mean wait?");
  await assertRejects(() => transact(store, "a", 5 as never), TypeError, "run must be a function, got a number");
  await assertRejects(() => transact(store, "a", () => {}, { attempts: 0 }), RangeError, "attempts must be a positive");
});

Deno.test("a table that is to be saved later is saved as it is then", async () => {
  const store = new MemoryStore();
  const home = await open(store);
  const state = stateOf(home);
  const table = state.create("array");
  state.set(table, 1, "before");
  await home.save();
  state.set(home.table.has("a") ? table : state.home, "a", table);
  state.set(table, 1, "after");
  await home.save();
  const other = await open(store);
  assertSame(picture(other), picture(home));
  assertEquals(other.table.toValue(), { a: ["after"] });
});

Deno.test("a list whose end was taken away, and saved so, before something came behind it", async () => {
  for (const [length, taken] of [[40, 1], [300, 44], [300, 45], [600, 100]]) {
    const store = new MemoryStore();
    const home = await openHome(store, "s");
    const list = () => home.table.get("list") as ExternalTable;
    home.table.set("list", Array.from({ length }, (_, i) => i));
    await home.save();
    for (let i = 0; i < taken; i++) list().delete(length - i);
    await home.save();
    list().set(length + 1, "new");
    await home.save();
    const loaded = (await openHome(store, "s")).table.get("list") as ExternalTable;
    assertEquals(loaded.size, length - taken + 1);
    assertEquals([loaded.get(length - taken), loaded.get(length + 1)], [length - taken - 1, "new"]);
  }
});
