/**
 * Ways from a unit to one that goes on as it would have.
 *
 * @module
 */

import { ComputeUnit, type ComputeUnitOptions, Snapshot } from "@computeunit/cu";

/** A way: takes a unit, which is used no more, and gives the one that goes on. */
export type Way = (cu: ComputeUnit, options: ComputeUnitOptions) => Promise<ComputeUnit>;

async function throughBytes(cu: ComputeUnit, options: ComputeUnitOptions, compressed: boolean): Promise<ComputeUnit> {
  const bytes = await cu.snapshot({ io: true }).bytes({ compressed });
  cu.dispose();
  return await ComputeUnit.fromSnapshot(bytes, options);
}

/** All ways, by name. */
export const WAYS: Record<string, Way> = {
  "restored in place": (cu) => {
    cu.restore(cu.snapshot({ io: true }));
    return Promise.resolve(cu);
  },
  "restored after other work": (cu) => {
    const snapshot = cu.snapshot({ io: true });
    cu.compute("junk = {} for i = 1, 500 do junk[i] = { i } end string.len = nil n = nil");
    cu.restore(snapshot);
    return Promise.resolve(cu);
  },
  "a fork": (cu) => {
    const fork = cu.fork();
    cu.dispose();
    return Promise.resolve(fork);
  },
  "made of a snapshot": async (cu, options) => {
    const snapshot = cu.snapshot({ io: true });
    cu.dispose();
    return await ComputeUnit.fromSnapshot(snapshot, options);
  },
  "made of bytes": (cu, options) => throughBytes(cu, options, false),
  "made of compressed bytes": (cu, options) => throughBytes(cu, options, true),
  "restored to another unit's bytes": async (cu, options) => {
    const snapshot = await Snapshot.from(await cu.snapshot({ io: true }).bytes());
    cu.dispose();
    const other = await ComputeUnit.create(options);
    other.compute("local t = {} for i = 1, 100 do t[i] = {} end kept = t");
    other.restore(snapshot);
    return other;
  },
};
