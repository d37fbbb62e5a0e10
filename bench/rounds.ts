/**
 * Measures contenders side by side: in rounds, in each of which every one runs once, so
 * that whatever slows the machine down for a while slows all of them down.
 *
 * @module
 */

import { isShort, type RegisteredCase } from "./cases.ts";

/** What runs once in a round. */
export interface Runner {
  name: string;
  /** Whether it takes so long that it runs in few rounds. */
  isSlow: boolean;
  /** Runs, and gives the milliseconds it took. */
  measure: () => number;
}

/** Rounds that slow runners run in. */
const SLOW_ROUNDS = 3;

/**
 * Makes a runner of a case.
 *
 * @param given The case.
 * @returns The runner; it gives the time of one call.
 */
export function runnerOf({ name, isSlow, calls, run }: RegisteredCase): Runner {
  const count = isShort ? 1 : calls;
  const measure = () => {
    const start = performance.now();
    for (let i = 0; i < count; i++) run();
    return (performance.now() - start) / count;
  };
  return { name, isSlow, measure };
}

/**
 * Gives the middle of some numbers.
 *
 * @param numbers The numbers, one at least.
 * @returns The median.
 */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Runs the rounds, after one that isn't measured.
 *
 * @param runners What to run.
 * @param rounds How many rounds; one in short mode.
 * @returns The median of each runner's times, by its name.
 */
export function medianTimes(runners: readonly Runner[], rounds: number): Map<string, number> {
  if (!isShort) { for (const runner of runners) runner.measure(); }
  const times = new Map<string, number[]>(runners.map(({ name }) => [name, []]));
  const count = isShort ? 1 : rounds;
  const slowStep = Math.ceil(count / SLOW_ROUNDS);
  for (let round = 0; round < count; round++) {
    // Each round starts with another one, as one may leave garbage for the next to collect.
    for (let i = 0; i < runners.length; i++) {
      const { name, isSlow, measure } = runners[(round + i) % runners.length];
      if (!isSlow || round % slowStep === 0) times.get(name)!.push(measure());
    }
  }
  return new Map(times.entries().map(([name, ms]) => [name, median(ms)]));
}
