/**
 * Limits without a gap: each loop of Lua's C code and of the bridge whose length a script chooses looks
 * at the clock, at least once in about a millisecond. Nothing here depends on how fast the machine is:
 * the clock counts how often it is asked, and each entry says how often its work must ask at least.
 * Most work stands in straight code, without a jump or a call of a Lua function, as only those were
 * counted once.
 *
 * @module
 */

import { assert, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError, type LuaErrorKind } from "@computeunit/cu";
import { CountingClock } from "./clock.ts";

/** Work that ends by itself. */
interface Work {
  name: string;
  /** Makes what the code works on, in globals; its looks don't count. */
  setup?: string;
  code: string;
  input?: unknown;
  lazy?: boolean;
  memoryLimit?: number;
  /** Looks at the clock that this work takes at least: one for each two milliseconds that it took when measured. */
  looks?: number;
  /** Looks that it takes at most, where the work must not be there at all: chains are counted, and must be short. */
  most?: number;
}

/** A script that ends only because the clock moves. */
interface Endless {
  name: string;
  code: string;
  memoryLimit?: number;
  /** One of these. */
  ends: LuaErrorKind[];
}

/** Beyond what any script here needs: the clock stands still while finite work runs. */
const TIME_LIMIT_MS = 1000;

/** Straight code: the line so many times. */
export function lines(count: number, line: string): string {
  return (line + "\n").repeat(count);
}

/** `name`: a text of so many bytes. */
export function text(name: string, length: number, of = "x"): string {
  return `${name} = ("${of}"):rep(${length}) `;
}

/** `t`: 100,000 small integers. */
export const ARGUMENTS = `t = table.pack(("x"):rep(100000):byte(1, -1)) unpack = table.unpack `;

/** Looks at the clock while a call runs, whatever becomes of it. */
function looksOf(clock: CountingClock, call: () => unknown): number {
  return clock.looksOf(() => {
    try {
      call();
    } catch (error) {
      if (!(error instanceof LuaError)) throw error;
    }
  });
}

/** Tests that each work looks at the clock as often as it says. */
export function testWorks(works: Work[]): void {
  for (const work of works) {
    Deno.test(`limits: ${work.name}`, async () => {
      const clock = new CountingClock(0);
      const { memoryLimit } = work;
      using cu = await ComputeUnit.create({ timeLimit: TIME_LIMIT_MS, memoryLimit, now: clock.now, onPrint: () => {} });
      if (work.input !== undefined) cu.setInput(work.input, { lazy: work.lazy });
      cu.compute(work.setup ?? "");
      const always = looksOf(clock, () => cu.compute("return"));
      const looks = looksOf(clock, () => cu.compute(work.code)) - always;
      const { looks: least = 0, most = Infinity } = work;
      assert(looks >= least && looks <= most, `looks at the clock: ${looks}, expected ${least} to ${most}`);
    });
  }
}

/** Tests that each script is ended. */
export function testEndless(endless: Endless[]): void {
  for (const script of endless) {
    Deno.test(`limits: endless: ${script.name}`, async () => {
      const { memoryLimit } = script;
      using cu = await ComputeUnit.create({ timeLimit: TIME_LIMIT_MS, memoryLimit, now: new CountingClock(1).now });
      const ended = assertThrows(() => cu.compute(script.code), LuaError);
      assert(script.ends.includes(ended.kind), `ended with ${ended.kind}: ${ended.message}`);
    });
  }
}
