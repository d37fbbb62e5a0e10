/**
 * Units with their WASM instance at hand, for tests of the border between the two.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { Instance } from "../../src/runtime/instance.ts";

/** Creates a unit; its instance is the one that was made meanwhile. */
export async function unitAndInstance(options = {}): Promise<{ cu: ComputeUnit; instance: Instance }> {
  const [cu, instance] = await withInstance(() => ComputeUnit.create(options));
  return { cu, instance };
}

/** What a function gives that makes a unit, and the unit's instance. */
export async function withInstance<T>(make: () => T | Promise<T>): Promise<[T, Instance]> {
  const { create, createNow } = Instance;
  let instance: Instance | undefined;
  Instance.create = async (given) => instance = await create.call(Instance, given);
  Instance.createNow = (given) => instance = createNow.call(Instance, given);
  try {
    const made = await make();
    return [made, instance!];
  } finally {
    Object.assign(Instance, { create, createNow });
  }
}

/** Writes over the memory that Lua's state stands in, so that the next call traps. */
export function corrupt(instance: Instance): void {
  new Uint8Array(instance.exports.memory.buffer).fill(0xff, 1024);
}
