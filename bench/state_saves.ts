/**
 * What it takes to save a state of which one key was changed, in states of two sizes, and the memory of the
 * unit whose `_home` the larger one is. By itself: `deno run -A tools/deno.ts run -A bench/state_saves.ts`.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { ComputeUnit, openHome } from "@computeunit/cu";
import { KvStore } from "@computeunit/cu/stores/kv";
import type { Store } from "@computeunit/cu/stores/memory";
import { SqliteStore } from "@computeunit/cu/stores/sqlite";
import { isShort } from "./cases.ts";
import { median } from "./rounds.ts";

/** Keys of the states. */
export const SMALL_COUNT = 1000;
export const LARGE_COUNT = isShort ? 5000 : 1_000_000;
const ROUNDS = isShort ? 2 : 200;

/** What was measured with one store, in milliseconds. */
export interface SaveTimes {
  store: string;
  /** To save one changed key, in a state of each size. */
  smallMs: number;
  largeMs: number;
  /** To save all of the larger state, and to load it. */
  firstMs: number;
  loadMs: number;
}

async function makeUnit(store: Store, count: number): Promise<[ComputeUnit, number]> {
  const cu = await ComputeUnit.create({ home: await openHome(store, `state of ${count}`) });
  cu.compute(`for i = 1, ${count} do _home["key " .. i] = i end`);
  const start = performance.now();
  await cu.saveState();
  return [cu, performance.now() - start];
}

async function saveOne(cu: ComputeUnit, count: number, round: number): Promise<number> {
  // Keys of other pages each time.
  cu.compute(`_home["key ${1 + round * 7919 % count}"] = ${round} + 0.5`);
  const start = performance.now();
  await cu.saveState();
  return performance.now() - start;
}

async function measureStore(name: string, store: Store): Promise<[SaveTimes, number]> {
  const [small] = await makeUnit(store, SMALL_COUNT);
  const [large, firstMs] = await makeUnit(store, LARGE_COUNT);
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    times[0].push(await saveOne(small, SMALL_COUNT, round));
    times[1].push(await saveOne(large, LARGE_COUNT, round));
  }
  const { wasmBytes } = large.getMemoryStats();
  const start = performance.now();
  const home = await openHome(store, `state of ${LARGE_COUNT}`);
  const loadMs = performance.now() - start;
  assertEquals(home.table.size, LARGE_COUNT);
  for (const cu of [small, large]) cu.dispose();
  return [{ store: name, smallMs: median(times[0]), largeMs: median(times[1]), firstMs, loadMs }, wasmBytes];
}

/** Measures both stores; and the WASM memory after all keys were written by code. */
export async function measureSaves(): Promise<{ times: SaveTimes[]; wasmBytes: number }> {
  const dir = await Deno.makeTempDir();
  try {
    const times: SaveTimes[] = [];
    let mostBytes = 0;
    for (const [name, open] of [["SqliteStore", SqliteStore.open], ["KvStore", KvStore.open]] as const) {
      await using store = await open(`${dir}/${name}`);
      const [measured, wasmBytes] = await measureStore(name, store);
      times.push(measured);
      mostBytes = Math.max(mostBytes, wasmBytes);
    }
    return { times, wasmBytes: mostBytes };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

if (import.meta.main) console.log(await measureSaves());
