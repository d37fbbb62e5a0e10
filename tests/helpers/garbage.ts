/**
 * Garbage of Lua.
 *
 * @module
 */

import type { ComputeUnit } from "@computeunit/cu";

/** Collects all garbage, what has a finalizer included: its memory goes in the cycle after. */
export function collect(cu: ComputeUnit): void {
  cu.runGc();
  cu.runGc();
}

/** Bytes of Lua's live blocks, garbage collected. */
export function usedBytes(cu: ComputeUnit): number {
  collect(cu);
  return cu.getMemoryStats().usedBytes;
}
