/**
 * The functions of runs that last; what they do is loaded with the first one.
 *
 * @module
 */

import type { ComputeAsyncResult } from "../unit/run_result.ts";
import type { LuaValue } from "../values/lua_value.ts";
import type { Store } from "../state/store.ts";
import type { DurableOptions } from "./durable.ts";

/**
 * Runs Lua code that may wait for days, through crashes and restarts. Under its name the store has how far the run
 * has come: it is saved before each call of a durable function, and before `task.sleep`. Who calls this again with
 * the same store and name goes on with it there, whatever `code` and `input` say; where the run has ended, its
 * result or error is told again, until {@linkcode forgetRun}.
 *
 * Other functions of the host that the run waited for are called again, and those that gave their result at once
 * aren't. A run that was saved goes on with the same build of this module only.
 *
 * @typeParam T Type of the value; it isn't checked.
 * @typeParam Output Type of the output; it isn't checked.
 * @param store Where the run is saved, compressed: 30 KB and what code keeps.
 * @param name The run's name; the store has it under `run/` and the name, and `run-part/`, where it takes several entries.
 * @param code Lua source text.
 * @param options Durable functions, and options of the run's unit.
 * @returns What the run ends with.
 * @throws {LuaError} If the run ends in an error.
 * @throws {ConflictError} If another process goes on with the run: this one leaves it.
 * @throws {TypeError} If an option is wrong, a function of a saved run is missing, or what the store has is damaged.
 * @throws {RangeError} If the run doesn't fit a commit of the store.
 * @throws {DOMException} `"AbortError"`, or what else `signal` was aborted with.
 *
 * @example Usage
 * ```ts
 * import { runDurably } from "@computeunit/cu";
 * import { MemoryStore } from "@computeunit/cu/stores/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const charged = new Map<string, number>(); // of a payment service: it takes each id once
 * const calls = {
 *   charge: async ({ id, args: [amount] }: { id: string; args: unknown[] }) => {
 *     await Promise.resolve(charged.set(id, Number(amount)));
 *     return "receipt of " + amount;
 *   },
 * };
 * await using store = new MemoryStore();
 * const { value } = await runDurably(store, "order:17", "return charge(_io.input)", { calls, input: 25 });
 * assertEquals([value, [...charged]], ["receipt of 25", [["order:17/1", 25]]]);
 * ```
 */
export async function runDurably<T = LuaValue, Output = LuaValue>(
  store: Store,
  name: string,
  code: string,
  options: DurableOptions,
): Promise<ComputeAsyncResult<T, Output>> {
  const { runOrGoOn } = await import("./durable.ts");
  const { value, output, meta } = await runOrGoOn(store, name, code, options);
  return { value: value as T, output: output as Output, meta };
}

/**
 * Deletes what a store has of a run, whether it has ended or waits, or is damaged.
 *
 * @param store The store.
 * @param name The run's name.
 * @throws {ConflictError} If a process goes on with the run meanwhile.
 *
 * @example Usage
 * ```ts
 * import { forgetRun, runDurably } from "@computeunit/cu";
 * import { MemoryStore } from "@computeunit/cu/stores/memory";
 * import { assertEquals } from "@std/assert";
 *
 * await using store = new MemoryStore();
 * const run = (code: string) => runDurably(store, "job", code, { calls: {} });
 * assertEquals((await run("return 1")).value, 1);
 * assertEquals((await run("return 2")).value, 1);
 * await forgetRun(store, "job");
 * assertEquals((await run("return 2")).value, 2);
 * ```
 */
export async function forgetRun(store: Store, name: string): Promise<void> {
  const { forget } = await import("./durable.ts");
  await forget(store, name);
}
