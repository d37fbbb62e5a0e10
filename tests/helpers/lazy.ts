/**
 * Inputs that are taken lazily: views that are tables to Lua code, and leave the host's data alone.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { ComputeUnit, type ComputeUnitOptions, type LuaValue } from "@computeunit/cu";

/** Input options: a view, whatever the size. */
export const LAZY = { lazy: true };

/** A row of a table of data. */
export interface Row {
  id: number;
  name: string;
  value: number;
  active: boolean;
}

/** So many rows, each different. */
export function rows(count: number): Row[] {
  return Array.from({ length: count }, (_, i) => ({ id: i, name: `row ${i}`, value: i / 2, active: i % 2 === 0 }));
}

/** What code returns with a lazy input, which must be after it what it was before. */
export function lazily(cu: ComputeUnit, value: unknown, code: string): LuaValue[] {
  const before = structuredClone(value);
  cu.setInput(value, LAZY);
  const results = cu.computeAll(code);
  assertEquals(value, before, "the host's data is as it was");
  return results;
}

/** Runs code with a copy and with a view of the same value; both must return this. */
export async function assertAgree(value: unknown, code: string, expected: LuaValue[]): Promise<void> {
  using copying = await ComputeUnit.create();
  copying.setInput(value, { lazy: false });
  assertEquals(copying.computeAll(code), expected, `eager: ${code}`);
  using viewing = await ComputeUnit.create();
  assertEquals(lazily(viewing, value, code), expected, `lazy: ${code}`);
}

/** A unit with a lazy input. */
export async function unitOf(options: ComputeUnitOptions, value: unknown): Promise<ComputeUnit> {
  const cu = await ComputeUnit.create(options);
  cu.setInput(value, LAZY);
  return cu;
}
