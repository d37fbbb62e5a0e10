// What other processes of the tests of this folder do: `child.ts TASK STORE PLACE [COUNT]`.

import { transact } from "../../src/state/home.ts";
import { type Home, openHome } from "../../src/state/home.ts";
import type { ExternalTable } from "../../src/state/external_table.ts";
import type { Store } from "../../src/state/store.ts";
import { openByName } from "../helpers/store_places.ts";

/** Keys, and texts that together are larger than a commit of Deno KV. */
const KEYS = 1500;
const TEXTS = 20;
const TEXT_LENGTH = 60_000;

/** Gives all that a state holds one number. */
export function setAll({ table }: Home, generation: number): void {
  for (let i = 0; i < KEYS; i++) table.set(`key ${i}`, generation);
  table.set("texts", Array.from({ length: TEXTS }, (_, i) => `${generation} ${i}`.padEnd(TEXT_LENGTH, ".")));
  table.set("nested", { generation, list: [generation, { generation }] });
}

/** The number that all has; 0 of a state that was never saved. An error where two are in it. */
export function generationOf({ table }: Home): number {
  if (table.size === 0) return 0;
  const numbers = new Set<unknown>();
  for (let i = 0; i < KEYS; i++) numbers.add(table.get(`key ${i}`));
  for (const text of (table.get("texts") as ExternalTable).toValue() as string[]) {
    numbers.add(Number(text.split(" ")[0]));
  }
  const nested = (table.get("nested") as ExternalTable).toValue() as {
    generation: number;
    list: [number, { generation: number }];
  };
  numbers.add(nested.generation).add(nested.list[0]).add(nested.list[1].generation);
  if (numbers.size !== 1 || table.size !== KEYS + 2) throw new Error(`a state of ${[...numbers]}`);
  return [...numbers][0] as number;
}

/** Saves one generation after the other, for ever. */
async function saveForEver(store: Store): Promise<void> {
  const home = await openHome(store, "state");
  for (let generation = generationOf(home) + 1;; generation++) {
    setAll(home, generation);
    console.log(`saves ${generation}`);
    await home.save();
    console.log(`saved ${generation}`);
  }
}

/** Adds 1, as often as it is told. */
async function add(store: Store, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await transact(store, "counter", ({ table }) => table.set("count", Number(table.get("count") ?? 0) + 1));
    console.log(`added ${i}`);
  }
}

if (import.meta.main) {
  const [task, name, place, count] = Deno.args;
  const store = await openByName(name, place);
  if (task === "save") await saveForEver(store);
  else await add(store, Number(count));
  await store.close();
}
