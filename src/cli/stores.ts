/**
 * The store that `--state` names.
 *
 * @module
 */

import type { Store } from "../state/store.ts";
import { UsageError } from "./arguments.ts";
import { systemMessage } from "./files.ts";

/** Opens a store; each is loaded only where it is used. */
export async function openStore(place: string): Promise<Store> {
  try {
    return await openNamed(place);
  } catch (error) {
    throw new UsageError(systemMessage(error));
  }
}

async function openNamed(place: string): Promise<Store> {
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
    default:
      return await (await import("../state/sqlite_store.ts")).SqliteStore.open(kind === "sqlite" ? rest : place);
  }
}
