/**
 * How a case of a benchmark is told, checked and run: by `deno bench`, and by
 * report.ts, which reads the same cases to measure them in rounds.
 *
 * With `CU_BENCH_SHORT=1` each case runs once (Deno repeats what takes microseconds),
 * on fewer rows, as a test of the suites themselves.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { LuaEngine } from "wasmoon";

/** Whether this run only tests the suites. */
export const isShort = Deno.env.get("CU_BENCH_SHORT") === "1";

/**
 * Whose work a case is, where the report compares it. Of several cases of one
 * contender in a group, the fastest counts.
 */
export type Contender =
  | "cu"
  | "cu lazy"
  | "cu default"
  | "cu eager"
  /** Only what comes before the crossing that is measured. */
  | "cu before"
  /** The data written into the code as a literal. */
  | "literal"
  | "plain JS"
  | "structuredClone"
  | "JSON"
  | "quickjs"
  | "wasmoon"
  | "wasmoon before";

/** One case of a group. */
export interface BenchCase<Result> {
  /** Cases that are compared. */
  group: string;
  /** What is measured, all of it. */
  name: string;
  /** Whose work it is; without it, the report leaves the case out. */
  contender?: Contender | undefined;
  /** The case that the others are compared with. */
  baseline?: boolean;
  /** Times to run it, where Deno's own choice would take too long. */
  n?: number;
  /** Runs that the report measures as one, where one takes microseconds. */
  calls?: number;
  /** The work. */
  run: () => Result;
  /** Throws if the first run's result is wrong. */
  check: (result: Result) => void;
}

/** A case as the report reads it. */
export interface RegisteredCase {
  group: string;
  name: string;
  contender: Contender | undefined;
  /** Whether it takes so long that it gets fewer rounds. */
  isSlow: boolean;
  calls: number;
  /** Runs the work; checks the result if it is the first. */
  run: () => void;
}

/** All cases of the suites that were imported. */
const registered: RegisteredCase[] = [];

/**
 * Registers a case. The result of its first run is checked; except in short mode,
 * that is a warm-up, which isn't measured.
 *
 * @param given The case.
 */
export function benchCase<Result>(given: BenchCase<Result>): void {
  const { group, name, contender, baseline = false, calls = 1, run, check } = given;
  let isChecked = false;
  const fn = () => {
    const result = run();
    if (isChecked) return;
    isChecked = true;
    check(result);
  };
  registered.push({ group, name, contender, isSlow: given.n !== undefined, calls, run: fn });
  const times = isShort ? { n: 1, warmup: 0 } : given.n === undefined ? {} : { n: given.n, warmup: 2 };
  Deno.bench({ group, name, baseline, ...times, fn });
}

/**
 * Lists what the suites that were imported have registered.
 *
 * @param group The cases' group.
 * @returns Its cases.
 */
export function casesOf(group: string): RegisteredCase[] {
  const cases = registered.filter((one) => one.group === group);
  if (cases.length === 0) throw new Error(`No case has been registered in the group "${group}"`);
  return cases;
}

/** A Lua program, and the value of its first result. */
export interface ProgramCase {
  group: string;
  code: string;
  result: unknown;
}

/** Registers a program run by wasmoon, and by `run` in cu. */
export function programCases({ group, code, result }: ProgramCase, engine: LuaEngine, run: () => unknown): void {
  benchCase({
    group,
    name: "wasmoon",
    contender: "wasmoon",
    baseline: true,
    run: () => {
      engine.doStringSync(`output = (function() ${code} end)()`);
      return engine.global.get("output");
    },
    check: (output) => assertEquals(output, result),
  });
  benchCase({ group, name: "cu", contender: "cu", run, check: (output) => assertEquals(output, result) });
}
