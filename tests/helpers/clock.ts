/**
 * A clock for tests, which have no other one.
 *
 * No test may depend on how fast the machine is, so none looks at real time to judge by it, and
 * no code is meant to meet a `timeLimit` by the real clock, but where the command line is told
 * one. Instead, a unit gets a clock that goes on by itself whenever it's looked at. The unit
 * looks when a call begins, every 20,000 steps of Lua, and in the host's long loops; so a look
 * is a measure of work. With {@linkcode CountingClock}
 *
 * - a time limit is met after so many looks, on any machine;
 * - work is what `looks` counts, and how it grows is a ratio of such counts;
 * - work that the unit forgets to count shows as code that ends before its time is up.
 *
 * Where JavaScript does the work, tests count what it calls: getters, methods of a Map, traps
 * of a Proxy. Where they measure memory, it is `getMemoryStats`, or the heap after a full
 * collection. What hangs is ended by one guard for all tests, in `tools/deno.ts`. What must be
 * fast is measured in `bench/`.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type ComputeUnit, LuaError } from "@computeunit/cu";

/** So often a unit may look at its clock after the time is up: as calls end, and to read an error. */
export const LOOKS_AFTER_MAX = 15;

/**
 * Under stress (see `tools/test_checked.ts`) each allocation pays for a collection of all, so
 * the clock goes slower.
 */
const STEP_MS = Deno.env.get("CU_CHECKS") === "stress" ? 0.01 : 1;

/** A clock that goes on by so many milliseconds whenever it's looked at. */
export class CountingClock {
  /** How often it was looked at. */
  looks = 0;
  /** Milliseconds that it shows. */
  time = 0;
  /** How far it goes with a look; at 0 it stands, for what is no part of the test. */
  stepMs: number;

  /** Constructs a clock that shows 0, and `stepMs` more with each look. */
  constructor(stepMs = STEP_MS) {
    this.stepMs = stepMs;
  }

  /** Looks at the clock: the option `now` of a unit. */
  readonly now = (): number => {
    this.looks++;
    return this.time += this.stepMs;
  };

  /** Lets the clock go on by other steps meanwhile, for what is no part of the test. */
  atStep<T>(stepMs: number, run: () => T): T {
    const before = this.stepMs;
    this.stepMs = stepMs;
    try {
      return run();
    } finally {
      this.stepMs = before;
    }
  }

  /** How often something looks at the clock. */
  looksOf(run: () => void): number {
    const before = this.looks;
    run();
    return this.looks - before;
  }
}

/** Code ends by the time limit of a unit whose clock goes on by 1 ms, and soon after it's over. */
export function assertEndsInTime(cu: ComputeUnit, clock: CountingClock, timeLimit: number, code: string): void {
  const shown = code.slice(0, 200);
  const looks = clock.looksOf(() => {
    const { kind, message } = assertThrows(() => cu.compute(code), LuaError, undefined, shown);
    assertEquals([kind, message], ["time", `time limit of ${timeLimit} ms exceeded`], shown);
  });
  assert(looks <= timeLimit + LOOKS_AFTER_MAX, `${shown}: looked ${looks} times at the clock`);
}
