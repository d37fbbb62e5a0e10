// The stores, each in a place of its own, for what must hold in all of them.

import { openKv } from "@deno/kv";
import { KvStore } from "@computeunit/cu/stores/kv";
import { MemoryStore, type Store } from "@computeunit/cu/stores/memory";
import { closedError } from "../../src/state/store.ts";
import { PostgresStore } from "@computeunit/cu/stores/postgres";
import { SqliteStore } from "@computeunit/cu/stores/sqlite";
import { PostgresServer } from "./postgres.ts";

/** A place that stores are opened on: what one has put there, the next finds. */
export interface StorePlace extends AsyncDisposable {
  open(): Promise<Store>;
}

export interface StoreKind {
  name: string;
  /** Whether what it needs isn't installed, so that its tests are ignored. */
  isMissing: boolean;
  /** Whether it lasts longer than a process. */
  lasts: boolean;
  /** Makes a place that nobody has used. */
  makePlace(): Promise<StorePlace>;
}

/** One of several stores on the same memory: closing it leaves the others open. */
class SharedMemory implements Store {
  #store: MemoryStore | undefined;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  async get(key: string) {
    return await this.#opened().get(key);
  }

  async commit(...args: Parameters<Store["commit"]>) {
    return await this.#opened().commit(...args);
  }

  async *list(prefix: string) {
    yield* this.#opened().list(prefix);
  }

  close() {
    this.#store = undefined;
    return Promise.resolve();
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }

  #opened(): MemoryStore {
    if (this.#store === undefined) throw closedError();
    return this.#store;
  }
}

async function inFolder(open: (path: string) => Promise<Store>): Promise<StorePlace> {
  const dir = await Deno.makeTempDir({ prefix: "cu-store-" });
  return {
    open: () => open(`${dir}/state`),
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}

const hasPostgres = await PostgresServer.isInstalled();

export const STORE_KINDS: StoreKind[] = [
  {
    name: "MemoryStore",
    isMissing: false,
    lasts: false,
    makePlace: () => {
      const store = new MemoryStore();
      return Promise.resolve({
        open: () => Promise.resolve(new SharedMemory(store)),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    },
  },
  { name: "SqliteStore", isMissing: false, lasts: true, makePlace: () => inFolder((path) => SqliteStore.open(path)) },
  { name: "KvStore", isMissing: false, lasts: true, makePlace: () => inFolder((path) => KvStore.open(path)) },
  {
    name: "KvStore over npm:@deno/kv",
    isMissing: false,
    lasts: true,
    makePlace: () => inFolder(async (path) => new KvStore(await openKv(path))),
  },
  {
    name: hasPostgres ? "PostgresStore" : "PostgresStore, which isn't installed here",
    isMissing: !hasPostgres,
    lasts: true,
    makePlace: async () => {
      const server = await PostgresServer.start();
      return {
        open: () => PostgresStore.open(server.url),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  },
];
