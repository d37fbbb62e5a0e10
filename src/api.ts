/**
 * What every entry of the package exports.
 *
 * @module
 */

export { type CompiledChunk, ComputeUnit, type MemoryStats } from "./unit/compute_unit.ts";
export { type HostResults, type ModuleSource, type ModuleText, returns } from "./host/host_functions.ts";
export type { LuaFunction } from "./host/lua_functions.ts";
export type { Powers } from "./host/powers.ts";
export type { RunStats } from "./unit/figures.ts";
export type { ComputeAsyncResult } from "./unit/run_result.ts";
export { Snapshot } from "./unit/snapshot.ts";
export type { PendingCall, SuspendedRun } from "./unit/tasks.ts";
export type {
  CompileOptions,
  ComputeAsyncOptions,
  ComputeOptions,
  ComputeUnitOptions,
  InputJsonOptions,
  InputOptions,
  OutputJsonOptions,
  RestoreOptions,
  RunOptions,
  SnapshotBytesOptions,
  SnapshotOptions,
  StateOptions,
  WasmModule,
} from "./unit/unit_options.ts";
export * from "./io/default_unit.ts";
export { LuaError, type LuaErrorJson, type LuaErrorKind, type LuaErrorOptions } from "./values/errors.ts";
export * from "./io/io_wrapper.ts";
export type { DurableCall, DurableFunction, DurableOptions } from "./io/durable.ts";
export { forgetRun, runDurably } from "./io/run_durably.ts";
export { ConflictError, type ConflictErrorOptions } from "./state/conflict_error.ts";
export { ExternalTable } from "./state/external_table.ts";
export { Home, type HomeOptions, openHome, transact, type TransactOptions } from "./state/home.ts";
export type { Store, StoreChange, StoreCheck, StoreEntry, StoreLimits } from "./state/store.ts";
export type { LuaValue } from "./values/lua_value.ts";
export type { NamedValues } from "./values/named_values.ts";
