/**
 * Units with their WASM instance at hand, for tests of the border between the two.
 *
 * @module
 */

import { ComputeUnit } from "../../mod.ts";
import { Instance } from "../../src/instance.ts";

/** Creates a unit; its instance is the one that was made meanwhile. */
export async function unitAndInstance(options = {}): Promise<{ cu: ComputeUnit; instance: Instance }> {
  const { create } = Instance;
  let instance: Instance | undefined;
  Instance.create = async (given) => instance = await create.call(Instance, given);
  try {
    const cu = await ComputeUnit.create(options);
    return { cu, instance: instance! };
  } finally {
    Instance.create = create;
  }
}
