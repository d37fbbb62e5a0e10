// What holds in each store: the contract of the interface.

import { pathToFileURL } from "node:url";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { openHome } from "@computeunit/cu";
import type { Store } from "@computeunit/cu/stores/memory";
import { KvStore } from "@computeunit/cu/stores/kv";
import { MemoryStore } from "@computeunit/cu/stores/memory";
import { PostgresStore } from "@computeunit/cu/stores/postgres";
import { SqliteStore } from "@computeunit/cu/stores/sqlite";
import { STORE_KINDS, type StorePlace } from "../helpers/stores.ts";

const bytes = (...values: number[]) => new Uint8Array(values);
const text = (value: string) => new TextEncoder().encode(value);

async function keysOf(store: Store, prefix: string): Promise<string[]> {
  return await Array.fromAsync(store.list(prefix));
}

/** A generator of numbers that is the same each time. */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

type Case = (store: Store, place: StorePlace) => Promise<void>;

const CASES: Record<string, Case> = {
  "a value comes back, and is the caller's own": async (store) => {
    const value = Uint8Array.from({ length: 300 }, (_, i) => i);
    assertEquals(await store.get("a"), undefined);
    const commit = store.commit([], [{ key: "a", value }, { key: "empty", value: bytes() }]);
    assert(await commit);
    value.fill(7);
    const first = (await store.get("a"))!;
    assertEquals(first.value, Uint8Array.from({ length: 300 }, (_, i) => i));
    assertEquals(Object.getPrototypeOf(first.value), Uint8Array.prototype);
    first.value.fill(9);
    assertEquals((await store.get("a"))!.value[5], 5);
    assertEquals((await store.get("empty"))!.value.length, 0);
  },

  "a revision changes with each commit, and never comes again": async (store) => {
    const seen = new Set<string>();
    for (let i = 0; i < 5; i++) {
      await store.commit([], [{ key: "a", value: bytes(1) }]);
      const { revision } = (await store.get("a"))!;
      assertEquals((await store.get("a"))!.revision, revision);
      seen.add(revision);
      if (i % 2 === 0) await store.commit([], [{ key: "a", value: undefined }]);
    }
    assertEquals(seen.size, 5);
    const { revision } = await (async () => {
      await store.commit([], [{ key: "a", value: bytes(1) }]);
      return (await store.get("a"))!;
    })();
    await store.commit([], [{ key: "other", value: bytes(1) }]);
    assertEquals((await store.get("a"))!.revision, revision);
  },

  "a commit is made if all checks hold, and else nothing of it": async (store) => {
    await store.commit([], [{ key: "a", value: bytes(1) }, { key: "b", value: bytes(1) }]);
    const a = (await store.get("a"))!.revision;
    const b = (await store.get("b"))!.revision;
    const changes = [
      { key: "a", value: bytes(2) },
      { key: "b", value: undefined },
      { key: "c", value: bytes(2) },
    ];
    const refused = [
      [{ key: "a", revision: "0" }],
      [{ key: "a", revision: undefined }],
      [{ key: "c", revision: a }],
      [{ key: "a", revision: a }, { key: "b", revision: undefined }],
      [{ key: "d", revision: undefined }, { key: "a", revision: "0" }],
    ];
    for (const checks of refused) assertEquals(await store.commit(checks, changes), undefined);
    assertEquals((await store.get("a"))!.revision, a);
    assertEquals((await store.get("b"))!.revision, b);
    assertEquals(await keysOf(store, ""), ["a", "b"]);

    const checks = [{ key: "a", revision: a }, { key: "b", revision: b }, { key: "d", revision: undefined }];
    const revision = await store.commit(checks, changes);
    for (const key of ["a", "c"]) assertEquals(await store.get(key), { value: bytes(2), revision: revision! });
    assertEquals(await store.commit(checks, changes), undefined);
    assertEquals((await store.get("a"))!.value, bytes(2));
    assertNotEquals((await store.get("a"))!.revision, a);
    assertEquals(await keysOf(store, ""), ["a", "c"]);
  },

  "checks alone are a commit": async (store) => {
    assert(await store.commit([{ key: "a", revision: undefined }], []));
    assertEquals(await store.get("a"), undefined);
    await store.commit([], [{ key: "a", value: bytes(1) }]);
    assertEquals(await store.commit([{ key: "a", revision: undefined }], []), undefined);
    assert(await store.commit([], []));
  },

  "what isn't there can be deleted": async (store) => {
    assert(await store.commit([{ key: "a", revision: undefined }], [{ key: "a", value: undefined }]));
    assert(await store.commit([], [{ key: "b", value: undefined }]));
    assertEquals(await keysOf(store, ""), []);
  },

  "of those that change a key at once, one does": async (store, place) => {
    await using other = await place.open();
    for (const revision of [undefined, "present"]) {
      const checks = [{ key: "a", revision: revision && (await store.get("a"))!.revision }];
      const made = await Promise.all(
        Array.from({ length: 8 }, (_, i) => (i % 2 ? store : other).commit(checks, [{ key: "a", value: bytes(i) }])),
      );
      assertEquals(made.filter((revision) => revision).length, 1);
      assertEquals((await store.get("a"))!.value, bytes(made.findIndex((revision) => revision)));
    }
  },

  "commits in any order of keys don't wait for each other for ever": async (store, place) => {
    await using other = await place.open();
    const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`);
    const random = makeRandom(1);
    const commits = Array.from({ length: 30 }, (_, i) => {
      const order = keys.toSorted(() => random() - 0.5);
      return (i % 2 ? store : other).commit([], order.map((key) => ({ key, value: bytes(i) })));
    });
    assertEquals(new Set(await Promise.all(commits)).size, commits.length);
    const values = await Promise.all(keys.map(async (key) => (await store.get(key))!.value[0]));
    assertEquals(new Set(values).size, 1, "each commit changes all keys");
  },

  "keys are any text": async (store) => {
    const keys = [
      "__proto__",
      "a b",
      "a'b\"c\\d`",
      "a/b",
      "A",
      "%",
      "$1",
      "\n\t\x01\x7f",
      "é",
      "e\u0301",
      "\ud7ff",
      "\ue000",
      "\ufffd",
      "\uffff",
      "😀",
      "\u{10ffff}",
      "x".repeat(1024),
      "€".repeat(341),
    ];
    for (const key of keys) await store.commit([{ key, revision: undefined }], [{ key, value: text(key) }]);
    for (const key of keys) assertEquals((await store.get(key))!.value, text(key));
    const byBytes = (a: string, b: string) => {
      const [left, right] = [text(a), text(b)];
      const differs = left.findIndex((byte, i) => byte !== right[i]);
      return differs < 0 ? left.length - right.length : left[differs] - (right[differs] ?? -1);
    };
    assertEquals(await keysOf(store, ""), keys.toSorted(byBytes));
    for (const key of keys) assert((await keysOf(store, key)).includes(key), key);
    assertEquals(await keysOf(store, "a"), ["a b", "a'b\"c\\d`", "a/b"]);
    assertEquals(await keysOf(store, "\ud7ff"), ["\ud7ff"]);
    assertEquals(await keysOf(store, "\u{10ffff}"), ["\u{10ffff}"]);
  },

  "many keys are listed": async (store) => {
    const keys = Array.from({ length: 2003 }, (_, i) => `n/${String(i).padStart(5, "0")}`);
    for (let i = 0; i < keys.length; i += 500) {
      await store.commit([], keys.slice(i, i + 500).map((key) => ({ key, value: bytes(1) })));
    }
    assertEquals(await keysOf(store, "n/"), keys);
    assertEquals(await keysOf(store, "n/01"), keys.slice(1000, 2000));
  },

  "no key, or a key twice, is refused": async (store) => {
    const one = { key: "a", value: bytes(1) };
    const none = { key: "a", revision: undefined };
    await assertRejects(() => store.get(""), RangeError, "Cannot read from a store: the key must take 1 to 1024 bytes");
    await assertRejects(() => store.get("x".repeat(1025)), RangeError, "takes 1025");
    await assertRejects(() => store.get("a\ud800"), TypeError, "lone surrogate");
    await assertRejects(() => store.get("a\0"), TypeError, "U+0000");
    await assertRejects(() => store.get(5 as unknown as string), TypeError, "the key is not a string, but a number");
    await assertRejects(() => store.commit([], [one, one]), TypeError, 'the key "a" is changed twice');
    await assertRejects(() => store.commit([none, none], [one]), TypeError, 'the key "a" is checked twice');
    const noBytes = [{ key: "a", value: "text" as unknown as Uint8Array }];
    await assertRejects(() => store.commit([], noBytes), TypeError, "a value must be a Uint8Array, got a string");
    assertEquals(await keysOf(store, ""), []);
  },

  "its limits can be used in full, and not exceeded": async (store) => {
    const { valueBytes, checks = 200, changes = 2000, commitBytes } = store.limits ?? {};
    const value = bytes(1);
    const manyChecks = Array.from({ length: checks }, (_, i) => ({ key: `c${i}`, revision: undefined }));
    const manyChanges = Array.from({ length: changes }, (_, i) => ({ key: `a${i}`, value }));
    assert(await store.commit(manyChecks, manyChanges));
    // Larger limits than these take a test too long.
    if (valueBytes === undefined || commitBytes === undefined || commitBytes > 10_000_000) return;
    const whole = { key: "whole", value: new Uint8Array(valueBytes) };
    assert(await store.commit([], [whole]));
    assertEquals((await store.get("whole"))!.value.length, valueBytes);
    // The most bytes in the fewest values, and in the most.
    for (const count of [Math.ceil(commitBytes / valueBytes), changes]) {
      const keys = Array.from({ length: count }, (_, i) => `${i}`.padStart(8, "k"));
      const size = Math.floor(commitBytes / count) - 8;
      const change = keys.map((key) => ({ key, value: new Uint8Array(size) }));
      assert(await store.commit([], change));
    }
    const refused = [
      () => store.commit([...manyChecks, { key: "more", revision: undefined }], []),
      () => store.commit([], [...manyChanges, { key: "more", value }]),
      () => store.commit([], [{ key: "a", value: new Uint8Array(valueBytes + 1) }]),
      () => store.commit([], Array.from({ length: 20 }, (_, i) => ({ ...whole, key: `k${i}` }))),
    ];
    for (const commit of refused) await assertRejects(commit, RangeError, "Cannot commit to a store");
  },

  "a store that is opened again has what the last one had": async (store, place) => {
    await store.commit([], [{ key: "a", value: bytes(1, 2, 3) }]);
    const { revision } = (await store.get("a"))!;
    await using other = await place.open();
    assertEquals(await other.get("a"), { value: bytes(1, 2, 3), revision });
  },

  "random commits leave what they leave in a model": async (store) => {
    const random = makeRandom(7);
    const model = new MemoryStore();
    const below = (limit: number) => Math.floor(random() * limit);
    for (let i = 0; i < 150; i++) {
      const keys = Array.from({ length: 6 }, (_, key) => String(key)).filter(() => random() < 0.4);
      const checks = { real: [], model: [] } as Record<string, { key: string; revision: string | undefined }[]>;
      for (const key of keys.filter(() => random() < 0.5)) {
        const isStale = random() < 0.15;
        checks.real.push({ key, revision: isStale ? "0" : (await store.get(key))?.revision });
        checks.model.push({ key, revision: isStale ? "0" : (await model.get(key))?.revision });
      }
      const changes = Array.from({ length: 6 }, (_, key) => String(key)).filter(() => random() < 0.4)
        .map((key) => ({ key, value: random() < 0.3 ? undefined : new Uint8Array(below(2000)).fill(i) }));
      assertEquals(!await store.commit(checks.real, changes), !await model.commit(checks.model, changes));
      assertEquals(await keysOf(store, ""), await keysOf(model, ""));
      for (const key of await keysOf(model, "")) {
        assertEquals((await store.get(key))!.value, (await model.get(key))!.value);
      }
    }
  },
};

for (const kind of STORE_KINDS) {
  Deno.test({
    name: `the contract of stores holds in ${kind.name}`,
    ignore: kind.isMissing,
    fn: async (t) => {
      // One server serves all cases, each of which begins with nothing.
      await using place = await kind.makePlace();
      for (const [name, run] of Object.entries(CASES)) {
        await t.step(name, async () => {
          await using store = await place.open();
          const keys = await keysOf(store, "");
          for (let i = 0; i < keys.length; i += 500) {
            await store.commit([], keys.slice(i, i + 500).map((key) => ({ key, value: undefined })));
          }
          await run(store, place);
        });
      }
      await t.step("a closed store says so", async () => {
        const store = await place.open();
        const home = await openHome(store, "closed early");
        home.table.set("a", 1);
        await store.close();
        await store.close();
        const message = 'Cannot save state "closed early": Cannot use a store: it is closed';
        await assertRejects(() => home.save(), Error, message);
        await assertRejects(() => store.get("a"), TypeError, "Cannot use a store: it is closed");
        await assertRejects(() => store.commit([], []), TypeError, "Cannot use a store: it is closed");
        await assertRejects(() => keysOf(store, ""), TypeError, "Cannot use a store: it is closed");
      });
    },
  });
}

Deno.test("a store refuses options and arguments that it doesn't know", async () => {
  await assertRejects(
    () => SqliteStore.open(":memory:", { synchronous: "maybe" as "full" }),
    RangeError,
    'Cannot open a SqliteStore: synchronous must be "normal" or "full", is maybe',
  );
  // To SQLite an empty path is a file that is gone with the store.
  await assertRejects(() => SqliteStore.open(""), RangeError, "Cannot open a SqliteStore: the path is empty");
  for (const path of [undefined, 5, null, {}]) {
    await assertRejects(() => SqliteStore.open(path as string), TypeError, "the path is not a string, but ");
  }
  await assertRejects(() => SqliteStore.open(":memory:", { timeOut: 1 } as object), TypeError, "did you mean timeout?");
  await assertRejects(() => SqliteStore.open(":memory:", { timeout: -1 }), RangeError, "timeout must be from 0, is -1");
  await assertRejects(
    () => PostgresStore.open("postgres://x", { table: "a;b" }),
    RangeError,
    "table must be up to 50 small",
  );
  await assertRejects(() => PostgresStore.open({} as never), TypeError, "it needs the package's sql, or a URL");
  await assertRejects(async () => await new KvStore({} as never).close(), TypeError, "what it needs is a Deno.Kv");
});

Deno.test("PostgresStore opens while another process makes its table, whichever part of it the server finds first", async () => {
  // unique_violation, duplicate_table, duplicate_object (the table's type), duplicate_function
  for (const code of ["23505", "42P07", "42710", "42723", "42501"]) {
    const sql = {
      unsafe: (query: string) =>
        query.startsWith("CREATE")
          ? Promise.reject(Object.assign(new Error("exists"), { code }))
          : Promise.resolve([{ table: false, function: false }]),
      end: () => Promise.resolve(),
    };
    const opened = PostgresStore.open(sql as never);
    if (code === "42501") await assertRejects(() => opened, Error, "exists");
    else await (await opened).close();
  }
});

Deno.test("a server that isn't there is an error, after the time to wait", async () => {
  const error = await assertRejects(() => PostgresStore.open("postgres://x@127.0.0.1:1/x", { timeout: 0 }));
  assertEquals((error as { code?: string }).code, "ECONNREFUSED");
});

Deno.test("a connection that breaks with its first query is an error of the store's, and nobody's unhandled rejection", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serveOne = async () => {
    using connection = await listener.accept();
    listener.close();
    await connection.read(new Uint8Array(1024));
    // "R": no password is needed; "Z": a query may come.
    await connection.write(Uint8Array.of(0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49));
    await connection.read(new Uint8Array(1024));
  };
  const served = serveOne();
  const url = `postgres://cu@127.0.0.1:${listener.addr.port}/none`;
  await assertRejects(() => PostgresStore.open(url, { timeout: 0 }), Error, "CONNECTION_CLOSED");
  await served;
});

Deno.test("SqliteStore says which file it can't open or read", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await assertRejects(() => SqliteStore.open(`${dir}/none/a.db`), Error, `Cannot open the store ${dir}/none/a.db: `);
    await Deno.writeTextFile(`${dir}/text`, "no database ".repeat(1000));
    const error = await assertRejects(() => SqliteStore.open(`${dir}/text`), Error);
    assertEquals(error.message, `Cannot open the store ${dir}/text: file is not a database`);
    assert(error.cause instanceof Error);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("SqliteStore opens a file by its URL", async () => {
  const dir = await Deno.makeTempDir();
  {
    await using store = await SqliteStore.open(pathToFileURL(`${dir}/a b#c%20.db`));
    await using same = await SqliteStore.open(`${dir}/a b#c%20.db`);
    await store.commit([], [{ key: "a", value: bytes(1) }]);
    assertEquals((await same.get("a"))!.value, bytes(1));
    await assertRejects(
      () => SqliteStore.open(new URL("https://a.test/b")),
      Error,
      "Cannot open the store https://a.test",
    );
  }
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a commit that SQLite refuses leaves nothing, and the store works", async () => {
  const file = await Deno.makeTempFile();
  const { DatabaseSync } = await import("node:sqlite");
  // Node before 22.16 doesn't tell.
  Object.defineProperty(DatabaseSync.prototype, "isTransaction", { configurable: true, value: undefined });
  try {
    await using store = await SqliteStore.open(file);
    await using other = await SqliteStore.open(file, { timeout: 0 });
    using database = new DatabaseSync(file);
    database.exec("CREATE TRIGGER t BEFORE INSERT ON cu_store WHEN new.key = 'c' BEGIN SELECT RAISE(ABORT, 'no'); END");
    const changes = ["b", "c"].map((key) => ({ key, value: bytes(1) }));
    await assertRejects(() => store.commit([], changes), Error, "Cannot write the store");
    assertEquals(await store.get("b"), undefined);
    for (const each of [other, store]) assert(await each.commit([], [{ key: "a", value: bytes(2) }]));
  } finally {
    Reflect.deleteProperty(DatabaseSync.prototype, "isTransaction");
    await Deno.remove(file);
  }
});

Deno.test("SqliteStore waits for another process that writes, as long as it is told to", async () => {
  const file = await Deno.makeTempFile();
  const { DatabaseSync } = await import("node:sqlite");
  await using store = await SqliteStore.open(file, { timeout: 0 });
  await using patient = await SqliteStore.open(file);
  using other = new DatabaseSync(file);
  other.exec("BEGIN IMMEDIATE");
  await assertRejects(() => store.commit([], [{ key: "a", value: bytes(1) }]), Error, "database is locked");
  const commit = patient.commit([], [{ key: "a", value: bytes(2) }]);
  assertEquals(await patient.get("a"), undefined);
  other.exec("COMMIT");
  assert(await commit);
  assertEquals((await store.get("a"))!.value, bytes(2));
  await Deno.remove(file);
});
