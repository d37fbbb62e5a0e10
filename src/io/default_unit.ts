/**
 * The functional API of the earlier system, over one unit that all callers share.
 *
 * @module
 */

import { ComputeUnit, internals, type MemoryStats } from "../unit/compute_unit.ts";
import type { ExternalTable } from "../state/external_table.ts";
import {
  checkUnitOptions,
  type ComputeUnitOptions,
  type InputOptions,
  type StateOptions,
} from "../unit/unit_options.ts";
import type { LuaValue } from "../values/lua_value.ts";
import { NO_OPTIONS } from "../values/options.ts";

/** What {@linkcode readResult} gives. */
export interface BufferResult {
  /** The value of the last {@linkcode compute}, `null` where there is none. */
  value: LuaValue;
  /** What it printed. */
  output: string;
}

let loading: Promise<ComputeUnit> | undefined;
let loaded: ComputeUnit | undefined;
let lastValue: LuaValue = null;

function unit(): ComputeUnit {
  if (loaded === undefined) throw new TypeError("Cannot use the default unit: call load() first");
  const cause = internals.brokenBy(loaded);
  if (cause !== undefined) {
    throw new TypeError("Cannot use the default unit: it is broken; call load() again for a new one", { cause });
  }
  return loaded;
}

/**
 * Makes the default unit; does nothing if it is there and not broken. A new one has none of
 * what code kept in a broken one, such as globals and `_home`.
 *
 * @param options Options of the unit, used by the call that makes it.
 * @throws {TypeError} If an option is unknown, or of the wrong kind.
 * @throws {RangeError} If an option is out of range.
 *
 * @example Usage
 * ```ts
 * import { compute, init, load } from "@computeunit/cu";
 * import { assertEquals } from "@std/assert";
 *
 * await load();
 * init();
 * assertEquals(compute("return 42"), 42);
 * ```
 */
export async function load(options: ComputeUnitOptions = NO_OPTIONS): Promise<void> {
  checkUnitOptions(options);
  if (loaded !== undefined && internals.brokenBy(loaded) !== undefined) {
    loaded.dispose();
    loading = loaded = undefined;
  }
  loading ??= ComputeUnit.create(options);
  try {
    loaded = await loading;
  } catch (error) {
    loading = undefined;
    throw error;
  }
}

/**
 * Prepares the default unit for use; kept for older code, as {@linkcode load} does it all.
 *
 * @returns 0
 * @throws {TypeError} If {@linkcode load} hasn't ended.
 */
export function init(): number {
  unit();
  return 0;
}

/**
 * Runs Lua code; its first result crosses through the 64 KB buffer.
 *
 * @typeParam T Type of the result; it isn't checked.
 * @param code Lua source text.
 * @returns The first value that the code returns, `null` where there is none.
 * @throws {RangeError} If the result doesn't fit the buffer.
 * @throws {LuaError} If the code doesn't compile, raises an error or exceeds a limit.
 */
export function compute<T = LuaValue>(code: string): T {
  lastValue = null;
  lastValue = unit().computeInBuffer(code);
  return lastValue as T;
}

/**
 * Address of the 64 KB buffer.
 *
 * @returns An address in WASM memory.
 */
export function getBufferPtr(): number {
  return unit().bufferPtr;
}

/**
 * Size of the buffer.
 *
 * @returns Bytes.
 */
export function getBufferSize(): number {
  return unit().bufferSize;
}

/**
 * Reads the result of the last {@linkcode compute} again.
 *
 * @param _pointer The buffer's address; older code passes it, there is one buffer only.
 * @param _length What {@linkcode compute} returned; older code passes it.
 * @returns The value, and what was printed.
 */
export function readResult(_pointer?: number, _length?: unknown): BufferResult {
  return { value: lastValue, output: (loaded ?? unit()).printed };
}

/**
 * As {@linkcode ComputeUnit.setInput}.
 *
 * @param value The input.
 * @param options Whether to copy it.
 */
export function setInput(value: unknown, options: InputOptions = NO_OPTIONS): void {
  unit().setInput(value, options);
}

/**
 * As {@linkcode ComputeUnit.setInputField}.
 *
 * @param key The field's name.
 * @param value Its value.
 * @param options Whether to copy it.
 */
export function setInputField(key: string, value: unknown, options: InputOptions = NO_OPTIONS): void {
  unit().setInputField(key, value, options);
}

/**
 * As {@linkcode ComputeUnit.getOutput}.
 *
 * @typeParam T Type of the output; it isn't checked.
 * @returns The output, `null` where there is none.
 */
export function getOutput<T = LuaValue>(): T {
  return unit().getOutput<T>();
}

/**
 * As {@linkcode ComputeUnit.getOutputField}.
 *
 * @typeParam T Type of the field; it isn't checked.
 * @param key The field's key.
 * @returns The field, `null` where there is none.
 */
export function getOutputField<T = LuaValue>(key: string | number): T {
  return unit().getOutputField<T>(key);
}

/**
 * As {@linkcode ComputeUnit.setMetadata}.
 *
 * @param value The metadata.
 */
export function setMetadata(value: unknown): void {
  unit().setMetadata(value);
}

/**
 * As {@linkcode ComputeUnit.getMetadata}.
 *
 * @typeParam T Type of the metadata; it isn't checked.
 * @returns The metadata, `null` where there is none.
 */
export function getMetadata<T = LuaValue>(): T {
  return unit().getMetadata<T>();
}

/** As {@linkcode ComputeUnit.clearIo}. */
export function clearIo(): void {
  unit().clearIo();
}

/**
 * Number of the `_io` table.
 *
 * @returns The same number as long as the default unit is there.
 */
export function getIoTableId(): number {
  return unit().ioTableId;
}

/** Number of the `_home` table; the same for the life of the default unit. */
export function getHomeTableId(): number {
  return unit().homeTableId;
}

/**
 * Makes an external table; see {@linkcode ComputeUnit.createExternalTable}.
 *
 * @returns Its number.
 *
 * @example Usage
 * ```ts
 * import { compute, createExternalTable, externalTable, getHomeTableId, getTableValue, load, setTableValue } from "@computeunit/cu";
 * import { assertEquals } from "@std/assert";
 *
 * await load();
 * const prices = createExternalTable();
 * setTableValue(prices, "tea", 4);
 * setTableValue(getHomeTableId(), "prices", externalTable(prices));
 * compute("_home.prices.cups = 2 * _home.prices.tea");
 * assertEquals(getTableValue(prices, "cups"), 8);
 * ```
 */
export function createExternalTable(): number {
  return unit().createExternalTable();
}

/** Lets go of a table that the host has made; see {@linkcode ComputeUnit.deleteExternalTable}. */
export function deleteExternalTable(id: number): boolean {
  return unit().deleteExternalTable(id);
}

/** The external table with a number; see {@linkcode ComputeUnit.externalTable}. */
export function externalTable(id: number): ExternalTable {
  return unit().externalTable(id);
}

/**
 * Reads a value of an external table; see {@linkcode ComputeUnit.getTableValue}.
 *
 * @typeParam T Type of the value; it isn't checked.
 * @returns The value, copied; `null` where there is none.
 */
export function getTableValue<T = LuaValue>(id: number, key: unknown): T | null {
  return unit().getTableValue<T>(id, key);
}

/** Sets a value of an external table; see {@linkcode ComputeUnit.setTableValue}. */
export function setTableValue(id: number, key: unknown, value: unknown): void {
  unit().setTableValue(id, key, value);
}

/** Takes a key of an external table away; see {@linkcode ComputeUnit.deleteTableValue}. */
export function deleteTableValue(id: number, key: unknown): boolean {
  return unit().deleteTableValue(id, key);
}

/** How many entries an external table has; see {@linkcode ComputeUnit.tableSize}. */
export function tableSize(id: number): number {
  return unit().tableSize(id);
}

/** The keys of an external table; see {@linkcode ComputeUnit.tableKeys}. */
export function tableKeys(id: number): (LuaValue | ExternalTable)[] {
  return unit().tableKeys(id);
}

/**
 * Saves `_home`, where `load` was given a `home`; see {@linkcode ComputeUnit.saveState}.
 *
 * @param options Whether `_io` is saved as well.
 * @throws {ConflictError} If it was saved elsewhere since it was loaded.
 */
export async function saveState(options: StateOptions = NO_OPTIONS): Promise<void> {
  await unit().saveState(options);
}

/**
 * Loads `_home` as it was saved last; see {@linkcode ComputeUnit.loadState}.
 *
 * @param options Whether `_io` is loaded as well.
 */
export async function loadState(options: StateOptions = NO_OPTIONS): Promise<void> {
  await unit().loadState(options);
}

/**
 * As {@linkcode ComputeUnit.getMemoryStats}.
 *
 * @returns Figures in bytes.
 */
export function getMemoryStats(): MemoryStats {
  return unit().getMemoryStats();
}

/** As {@linkcode ComputeUnit.runGc}. */
export function runGc(): void {
  unit().runGc();
}
