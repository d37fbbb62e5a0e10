// Stores by their names, for tests of several processes.

import { openKv } from "@deno/kv";
import { KvStore } from "../../src/state/kv_store.ts";
import { PostgresStore } from "../../src/state/postgres_store.ts";
import { SqliteStore } from "../../src/state/sqlite_store.ts";
import type { Store } from "../../src/state/store.ts";
import { PostgresServer } from "./postgres.ts";

/** Opens the store of a place that another process has made. */
export async function openByName(name: string, place: string): Promise<Store> {
  if (name === "SqliteStore") return await SqliteStore.open(place);
  if (name === "KvStore") return await KvStore.open(place);
  if (name === "KvStore over npm:@deno/kv") return new KvStore(await openKv(place));
  return await PostgresStore.open(place);
}

/** A place whose name another process can be told. */
export interface NamedPlace extends AsyncDisposable {
  name: string;
  server?: PostgresServer;
}

/** Makes a place for {@linkcode openByName}. */
export async function makeNamedPlace(name: string): Promise<NamedPlace> {
  if (name === "PostgresStore") {
    const server = await PostgresServer.start();
    return { name: server.url, server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  }
  const dir = await Deno.makeTempDir({ prefix: "cu-store-" });
  return { name: `${dir}/state`, [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }) };
}
