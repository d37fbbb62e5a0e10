/**
 * What property tests share.
 *
 * @module
 */

import fc from "fast-check";

/**
 * Runs of each property, as a part of what its file names: half of them by default, as all tests together are to take
 * three minutes at most on two cores; more for a longer search, as in CI, fewer for a short form.
 */
export const RUNS_FACTOR = Number(Deno.env.get("CU_RUNS_FACTOR") ?? 0.5);

/** Other cases each time: a failing test prints the seed of its own, and `CU_SEED=n` repeats a run. */
export const SEED = Number(Deno.env.get("CU_SEED") ?? crypto.getRandomValues(new Int32Array(1))[0]);

/** Runs that a search for a smaller failing case may take. */
const SEARCH_RUNS_MAX = 5000;

/**
 * A predicate whose search for a smaller failing case has an end, whatever the machine: after
 * so many runs since it first failed it passes everything.
 */
export function endingSearch<T extends unknown[], R extends void | Promise<void> = void>(
  predicate: (...given: T) => R,
): (...given: T) => R {
  let runsLeft = Infinity;
  const failed = (error: unknown): never => {
    if (!fc.PreconditionFailure.isFailure(error)) runsLeft = Math.min(runsLeft, SEARCH_RUNS_MAX);
    throw error;
  };
  return (...given) => {
    if (runsLeft-- <= 0) return undefined as R;
    try {
      const result = predicate(...given);
      return (result instanceof Promise ? result.catch(failed) : result) as R;
    } catch (error) {
      return failed(error);
    }
  };
}
