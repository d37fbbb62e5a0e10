/**
 * The store that `--state` names.
 *
 * @module
 */

import type { Store } from "../state/store.ts";
import { UsageError } from "./arguments.ts";
import { systemMessage } from "./files.ts";

/**
 * Opens a store; each is loaded only where it is used.
 *
 * @param makes Whether a file that isn't there is made; else one that holds nothing stands in its place.
 */
export async function openStore(place: string, makes: boolean): Promise<Store> {
  try {
    return await openNamed(place, makes);
  } catch (error) {
    throw new UsageError(systemMessage(error));
  }
}

async function openNamed(place: string, makes: boolean): Promise<Store> {
  const [, kind, rest] = /^(kv|postgres|postgresql|sqlite):(.*)$/s.exec(place) ?? [];
  switch (kind) {
    case "kv":
      return await (await import("../state/kv_store.ts")).KvStore.open(rest === "" ? undefined : rest);
    case "postgres":
    case "postgresql": {
      // As a prefix, or as the beginning of the URL.
      const url = rest.startsWith("//") ? place : rest;
      return await (await import("../state/postgres_store.ts")).PostgresStore.open(url);
    }
    default: {
      const path = kind === "sqlite" ? rest : place;
      if (!makes && path !== "" && await isMissing(path)) {
        return new (await import("../state/memory_store.ts")).MemoryStore();
      }
      return await (await import("../state/sqlite_store.ts")).SqliteStore.open(path);
    }
  }
}

async function isMissing(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return false;
  } catch (error) {
    // What else is wrong with it, opening it says.
    return error instanceof Deno.errors.NotFound;
  }
}
