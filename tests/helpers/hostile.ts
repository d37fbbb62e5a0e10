/**
 * Code that means harm: each script ends in a result or a clear error within its time limit, and the unit works
 * afterwards.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ComputeUnit, LuaError, type LuaErrorKind, type LuaValue } from "@computeunit/cu";
import { CountingClock } from "./clock.ts";

/** Looks at the clock, of 1 ms each: half a million steps. */
export const TIME_LIMIT_MS = 25;

/** What a script may make of WASM memory. */
export const MEMORY_LIMIT_BYTES = 32 * 1024 * 1024;

/** How a script ends: `any` is a result or an error of whatever kind. */
type End = LuaErrorKind | "result" | "any";

/** A script that means harm, and how it must end. */
export interface Hostile {
  name: string;
  code: string;
  /** One of these. */
  ends: End | End[];
  /** What it returns, where that matters. */
  returns?: LuaValue;
  /** It tampers with what the other scripts use: a unit of its own. */
  alone?: true;
  /** Its time limit, where it takes more than the others to come to what it is about. */
  looks?: number;
}

/** `s`: a string of 4 MB. */
export const LONG = `local s = ("x"):rep(1e3):rep(4e3) `;

/** `s` and `s2`: two equal strings of 8 MB. */
export const LONG_TWO = `local s = ("x"):rep(1e3):rep(8e3) local s2 = s:sub(1) `;

/** A function that never ends. */
export const SPIN = "function() while true do end end";

/** A loop that never ends while each of its steps works on something large. */
export function forever(body: string): string {
  return `while true do ${body} end`;
}

/**
 * The same with an end: so many steps reach the limit only if the work in each is counted,
 * and a script that isn't stopped ends as a result.
 */
export function often(count: number, body: string): string {
  return `for i = 1, ${count} do ${body} end`;
}

/** The clock of all units here. */
export const clock = new CountingClock();

/** A unit with both limits. */
export async function createUnit(timeLimit = TIME_LIMIT_MS): Promise<ComputeUnit> {
  return await ComputeUnit.create({ timeLimit, memoryLimit: MEMORY_LIMIT_BYTES, now: clock.now });
}

interface Ended {
  end: End;
  value: LuaValue;
  looks: number;
}

/** Runs a script to whatever end it comes. */
export function run(cu: ComputeUnit, code: string): Ended {
  let end: End = "result";
  let value: LuaValue = null;
  const looks = clock.looksOf(() => {
    try {
      value = cu.compute(code);
    } catch (error) {
      // Anything else (a RuntimeError of WASM's, say) is no clear error.
      if (!(error instanceof LuaError)) throw error;
      end = error.kind;
    }
  });
  return { end, value, looks };
}

/** The unit does what it should, whatever ran in it; for that it has ten times its time. */
export function checkWorks(cu: ComputeUnit): void {
  clock.atStep(0.1, () => checkWorksInTime(cu));
}

function checkWorksInTime(cu: ComputeUnit): void {
  try {
    cu.getOutput();
  } catch (error) {
    const isClear = error instanceof TypeError || error instanceof RangeError ||
      error instanceof LuaError && error.kind === "memory";
    if (!isClear) throw error;
  }
  assert(cu.getMemoryStats().wasmBytes <= MEMORY_LIMIT_BYTES, "memoryLimit holds");
  cu.clearIo();
  assertStrictEquals(cu.getOutput(), null);
  assertStrictEquals(cu.compute("return 1 + 1"), 2);
  for (const lazy of [false, true]) {
    cu.setInput({ rows: [{ a: 1 }, { a: 2 }] }, { lazy });
    assertEquals(cu.compute("_io.output = _io.input.rows[2].a return _io.input"), { rows: [{ a: 1 }, { a: 2 }] });
    assertStrictEquals(cu.getOutput(), 2);
  }
  cu.clearIo();
}
