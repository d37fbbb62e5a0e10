/**
 * What a lazy input takes of a unit's memory, however large it is.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { assertEquals } from "@std/assert";
import { isShort } from "./cases.ts";
import { makeRows } from "./data.ts";
import { median } from "./rounds.ts";

/** Figures of a scan of rows. */
export interface RowScan {
  rowCount: number;
  /** WASM memory afterwards. */
  wasmBytes: number;
  /** Of setInput and reading one row, which comes first. */
  oneRowMs: number;
}

/** Figures of a scan of long strings. */
export interface StringScan {
  stringCount: number;
  /** Bytes of all strings. */
  totalBytes: number;
  memoryLimit: number;
  wasmBytes: number;
  ms: number;
}

const ONE_ROW_RUNS = isShort ? 1 : 1000;

/**
 * Scans lazy rows, reading every field.
 *
 * @param rowCount How many.
 * @returns What was measured.
 */
export async function scanRows(rowCount: number): Promise<RowScan> {
  const rows = makeRows(rowCount);
  using unit = await ComputeUnit.create();
  const times = Array.from({ length: ONE_ROW_RUNS }, () => {
    const start = performance.now();
    unit.setInput(rows, { lazy: true });
    const id = unit.compute("return _io.input[#_io.input // 2].id");
    const ms = performance.now() - start;
    assertEquals(id, rowCount / 2);
    return ms;
  });
  unit.setInput(rows, { lazy: true });
  const ids = unit.compute(`
    local ids, name_bytes, values, active = 0, 0, 0, 0
    for _, row in ipairs(_io.input) do
      ids = ids + row.id
      name_bytes = name_bytes + #row.name
      values = values + row.value
      if row.active then active = active + 1 end
    end
    return ids
  `);
  assertEquals(ids, rowCount * (rowCount + 1) / 2);
  return { rowCount, wasmBytes: unit.getMemoryStats().wasmBytes, oneRowMs: median(times) };
}

/**
 * Scans a lazy array of strings of 1,000 bytes on a unit of 4 MB.
 *
 * @param stringCount How many.
 * @returns What was measured.
 */
export async function scanStrings(stringCount: number): Promise<StringScan> {
  const memoryLimit = 4_000_000;
  const bytes = new Uint8Array(1000).fill("x".charCodeAt(0));
  const textEncoder = new TextEncoder();
  const textDecoder = new TextDecoder();
  const strings = Array.from({ length: stringCount }, (_, i) => {
    textEncoder.encodeInto(String(i), bytes);
    return textDecoder.decode(bytes);
  });
  using unit = await ComputeUnit.create({ memoryLimit });
  const start = performance.now();
  unit.setInput(strings, { lazy: true });
  const totalBytes = unit.compute<number>(`
    local total = 0
    for _, text in ipairs(_io.input) do total = total + #text end
    return total
  `);
  const ms = performance.now() - start;
  assertEquals(totalBytes, stringCount * bytes.length);
  return { stringCount, totalBytes, memoryLimit, wasmBytes: unit.getMemoryStats().wasmBytes, ms };
}
