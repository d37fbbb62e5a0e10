/**
 * What the last run of a unit took.
 *
 * @module
 */

import type { HostFunctions } from "../host/host_functions.ts";
import type { Instance } from "../runtime/instance.ts";

/** What a run took. */
export interface RunStats {
  /** Steps, as `stepLimit` counts them. */
  steps: number;
  /** Milliseconds that it ran, without those that it waited. */
  milliseconds: number;
  /** The most bytes that Lua's live blocks took meanwhile, garbage not yet collected included. */
  peakBytes: number;
  /** Calls of functions of the host. */
  hostCalls: number;
}

/** Runs after which a unit whose `lastRun` nobody reads times none any more: to look at the clock takes 0.3 µs. */
const TIMED_RUNS_MAX = 64;

/** Figures of the last run of one unit. */
export class Figures {
  readonly #instance: Instance;
  readonly #functions: HostFunctions;
  #timedLeft = TIMED_RUNS_MAX;
  #milliseconds = 0;
  #hostCalls = 0;
  /** Host calls before the last run, where that wasn't timed: those after are its own. */
  #callsBefore: number | undefined;
  /** Of a run that went on several times: all of them together. */
  #sum: RunStats | undefined;

  /** Constructs the figures of a unit. */
  constructor(instance: Instance, functions: HostFunctions) {
    this.#instance = instance;
    this.#functions = functions;
  }

  /** Whether runs are timed. */
  get isTimed(): boolean {
    return this.#timedLeft > 0;
  }

  /** Before code runs that isn't timed and stands in no other run: nothing is to be done after it. */
  beginUntimed(): void {
    this.#sum = undefined;
    this.#callsBefore = this.#functions.calls;
  }

  /** Before code runs: when it began, 0 where that isn't asked for. */
  begin(): number {
    this.#sum = undefined;
    return this.#timedLeft > 0 ? this.#instance.now() : 0;
  }

  /** After it has run, or has been ended. */
  end(began: number, callsBefore: number): void {
    this.#callsBefore = undefined;
    this.#hostCalls = this.#functions.calls - callsBefore;
    if (this.#timedLeft === 0) return;
    this.#milliseconds = --this.#timedLeft > 0 ? this.#instance.now() - began : NaN;
  }

  /** The same for a part of a run that waits in between. */
  endPart(began: number, callsBefore: number, sum: RunStats): void {
    this.end(began, callsBefore);
    this.#instance.addRunStats(sum);
    sum.milliseconds += this.#milliseconds;
    sum.hostCalls += this.#hostCalls;
    this.#sum = sum;
  }

  /** What the last run took, so far. */
  read(): RunStats {
    this.#timedLeft = TIMED_RUNS_MAX;
    if (this.#sum !== undefined) return { ...this.#sum };
    const stats = { steps: 0, milliseconds: this.#milliseconds, peakBytes: 0, hostCalls: this.#hostCalls };
    if (this.#callsBefore !== undefined) {
      stats.milliseconds = NaN;
      stats.hostCalls = this.#functions.calls - this.#callsBefore;
    }
    this.#instance.addRunStats(stats);
    return stats;
  }
}
