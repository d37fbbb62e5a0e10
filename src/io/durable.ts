/**
 * Runs that last: put away in a store whenever they wait, and continued where they were after a crash.
 *
 * @module
 */

import { sleepFunction } from "../host/host_functions.ts";
import { ComputeUnit, internals } from "../unit/compute_unit.ts";
import type { ComputeAsyncResult } from "../unit/run_result.ts";
import type { PendingCall, SuspendedRun } from "../unit/tasks.ts";
import { checkUnitOptions, type ComputeUnitOptions } from "../unit/unit_options.ts";
import { describe, isPlainObject } from "../values/kinds.ts";
import type { LuaValue } from "../values/lua_value.ts";
import { isFunction, isOptions } from "../values/options.ts";
import { damagedRun, DurableEntries, type WaitingRecord } from "./durable_record.ts";
import { checkStore, type Store } from "../state/store.ts";

/** A call of a durable function, as {@linkcode DurableOptions.calls} gets it. */
export interface DurableCall {
  /**
   * Stands for this call: the same text when the call is made again after a crash, and of no other call of any
   * run with another name. What is done for it is done once if it is noted together with this.
   */
  readonly id: string;
  /** The function's name. */
  readonly name: string;
  /** What code called it with. */
  readonly args: LuaValue[];
  /** Aborted when nobody waits for the call any more. */
  readonly signal: AbortSignal;
}

/** What a durable function does: gives its result, mostly a promise. */
export type DurableFunction = (call: DurableCall) => unknown;

/**
 * Options of {@linkcode runDurably}. The run's `_home` is saved with the run; a {@linkcode Home}, which is saved by
 * itself, would have forgotten after a crash what code did before it waited, or know it twice.
 */
export interface DurableOptions extends Omit<ComputeUnitOptions, "home" | "autosave"> {
  /**
   * Durable functions, each a global of code: before one is called, the run is saved. It is called at least
   * once, with the same `id` each time.
   */
  calls: Record<string, DurableFunction>;
  /** `_io.input` of the run, where it begins. */
  input?: unknown;
  /** `_io.meta` of the run, where it begins. */
  meta?: unknown;
  /**
   * Name of the code in messages.
   *
   * @default {"compute"}
   */
  chunkName?: string | undefined;
  /** Leaves the run, when it is aborted, as it was saved last: another process, or a later call, goes on with it. */
  signal?: AbortSignal | undefined;
  /**
   * Waits so many milliseconds for a `task.sleep`, or until the signal is aborted.
   *
   * @default {a timer}
   */
  sleep?: ((milliseconds: number, signal: AbortSignal) => Promise<void>) | undefined;
}

const ACTION = "run durably";
const SLEEP = Symbol("task.sleep");

/** Begins the run of this name, or goes on with it: `runDurably`. */
export async function runOrGoOn(
  store: Store,
  name: string,
  code: string,
  options: DurableOptions,
): Promise<ComputeAsyncResult> {
  checkStore(ACTION, store);
  DurableEntries.checkName(ACTION, name);
  checkDurableOptions(options);
  options.signal?.throwIfAborted();
  return await new DurableRun(new DurableEntries(store, name), name, code, options).end();
}

/** Deletes what a store has of a run: `forgetRun`. */
export async function forget(store: Store, name: string): Promise<void> {
  checkStore("forget a run", store);
  DurableEntries.checkName("forget a run", name);
  await new DurableEntries(store, name).delete();
}

function checkDurableOptions(options: unknown): asserts options is DurableOptions {
  if (!isOptions(options)) {
    throw new TypeError(`Cannot ${ACTION}: the options must be an object, got ${describe(options)}`);
  }
  const { calls, sleep, signal } = options as DurableOptions;
  if (typeof calls !== "object" || calls === null || !isPlainObject(calls)) {
    throw new TypeError(`Cannot ${ACTION}: calls must be a plain object, got ${describe(calls)}`);
  }
  for (const [name, call] of Object.entries(calls)) {
    if (!isFunction(call)) {
      throw new TypeError(`Cannot ${ACTION}: calls.${name} must be a function, got ${describe(call)}`);
    }
  }
  if (sleep !== undefined && !isFunction(sleep)) {
    throw new TypeError(`Cannot ${ACTION}: sleep must be a function, got ${describe(sleep)}`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`Cannot ${ACTION}: signal must be an AbortSignal, got ${describe(signal)}`);
  }
  for (const name of ["home", "autosave"]) {
    if ((options as Record<string, unknown>)[name] === undefined) continue;
    throw new TypeError(
      `Cannot ${ACTION}: ${name} is no option here, as _home is saved with the run; a durable function can change a home`,
    );
  }
  // Also where the run has ended, and no unit is made.
  checkUnitOptions(ofUnit(options as DurableOptions), ACTION);
}

/** Those that are the unit's. */
function ofUnit(options: DurableOptions): ComputeUnitOptions {
  const { calls: _, input: __, meta: ___, chunkName: ____, signal: _____, sleep: ______, ...others } = options;
  return others;
}

/** One run, in this process. */
class DurableRun {
  readonly #entries: DurableEntries;
  readonly #name: string;
  readonly #code: string;
  readonly #options: DurableOptions;
  #unit!: ComputeUnit;
  #run: SuspendedRun | undefined;
  #ended!: Promise<ComputeAsyncResult>;
  /** What code calls in the place of durable functions, and `task.sleep`, with their names. */
  readonly #calls = new Map<unknown, string | symbol>([[sleepFunction, SLEEP]]);
  /** Calls that were made, and who may still give them up. */
  readonly #made = new Map<number, AbortController>();
  #wakeTimes = new Map<number, number>();
  /** Goes on when the run has gone on. */
  #wake: () => void = () => {};

  constructor(entries: DurableEntries, name: string, code: string, options: DurableOptions) {
    this.#entries = entries;
    this.#name = name;
    this.#code = code;
    this.#options = options;
  }

  /** Goes on until the run has ended. */
  async end(): Promise<ComputeAsyncResult> {
    const record = await this.#unlessAborted(() => this.#entries.load());
    if (record !== undefined && !("snapshot" in record)) {
      if ("error" in record) throw record.error;
      return record.result!;
    }
    try {
      if (record === undefined) await this.#begin();
      else await this.#goOn(record);
      return await this.#drive();
    } finally {
      for (const controller of this.#made.values()) controller.abort();
      this.#unit?.dispose();
    }
  }

  get #unitOptions(): ComputeUnitOptions {
    const { calls } = this.#options;
    const options = ofUnit(this.#options);
    const durable = Object.keys(calls).map((name) => {
      const call = () => new Promise(() => {});
      this.#calls.set(call, name);
      return [name, call];
    });
    const twice = Object.keys(calls).find((name) => Object.hasOwn(options.globals ?? {}, name));
    if (twice !== undefined) throw new TypeError(`Cannot ${ACTION}: ${twice} is one of calls and of globals`);
    return { ...options, globals: { ...options.globals, ...Object.fromEntries(durable) } };
  }

  async #begin(): Promise<void> {
    const { input, meta, chunkName } = this.#options;
    const unit = this.#unit = await ComputeUnit.create(this.#unitOptions);
    internals.watchRuns(unit, () => this.#wake());
    const run = internals.make(unit, this.#code, { input, meta, chunkName });
    this.#run = run.handle;
    this.#watch(run.begin());
  }

  async #goOn({ snapshot, call, wakeTimes }: WaitingRecord): Promise<void> {
    const unit = this.#unit = await ComputeUnit.fromSnapshot(snapshot, this.#unitOptions);
    internals.watchRuns(unit, () => this.#wake());
    this.#wakeTimes = new Map(wakeTimes);
    const pending = unit.pending();
    this.#run = pending.find(({ id }) => id === call)?.run;
    if (this.#run === undefined) throw damagedRun(this.#name);
    this.#watch(this.#run.result());
    for (const call of pending) {
      if (this.#durableOf(call) !== undefined) this.#make(call);
      else unit.callAgain(call.id);
    }
  }

  #watch(ended: Promise<ComputeAsyncResult>): void {
    this.#ended = ended;
    ended.catch(() => {}); // it is read when the run has ended
  }

  /** The durable function that is called, by what it is: a name may be that of another one, too. */
  #durableOf({ id }: PendingCall): string | symbol | undefined {
    return this.#calls.get(internals.calledFor(this.#unit, id));
  }

  /** Saves the run and makes its calls, as often as it has new ones. */
  async #drive(): Promise<ComputeAsyncResult> {
    for (;;) {
      const hasGoneOn = new Promise<void>((resolve) => this.#wake = resolve);
      // Runs that a function of the host has begun beside it wait, too, and are saved with it.
      const pending = this.#unit.pending();
      const own = pending.find(({ run }) => run === this.#run);
      if (own === undefined) return await this.#saveEnd();
      this.#giveUpOthers(pending);
      const durable = pending.filter((call) => !this.#made.has(call.id) && this.#durableOf(call) !== undefined);
      if (durable.length > 0) {
        this.#noteSleeps(durable);
        await this.#save(own.id);
        for (const call of durable) this.#make(call);
      } else await this.#unlessAborted(() => hasGoneOn);
    }
  }

  /** What a function begins, if it isn't aborted before; it goes on where it is aborted meanwhile. */
  async #unlessAborted<T>(begin: () => Promise<T>): Promise<T> {
    const { signal } = this.#options;
    if (signal === undefined) return await begin();
    signal.throwIfAborted();
    let abort!: () => void;
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
    });
    try {
      return await Promise.race([begin(), aborted]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  #noteSleeps(calls: readonly PendingCall[]): void {
    for (const call of calls) {
      if (this.#durableOf(call) === SLEEP) this.#wakeTimes.set(call.id, this.#now() + Number(call.args[0]));
    }
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  /** Saves the run, as it waits for this call among others. */
  async #save(call: number): Promise<void> {
    const wakeTimes = new Map(this.#wakeTimes);
    const snapshot = await this.#unit.snapshot().bytes({ compressed: true });
    await this.#unlessAborted(() => this.#entries.save({ snapshot, call, wakeTimes }));
  }

  async #saveEnd(): Promise<ComputeAsyncResult> {
    const end = await this.#ended.then((result) => ({ result }), (error: unknown) => ({ error }));
    await this.#unlessAborted(() => this.#entries.save(end));
    if ("error" in end) throw end.error;
    return end.result;
  }

  /** Calls that nobody waits for any more, as others were faster. */
  #giveUpOthers(pending: readonly PendingCall[]): void {
    for (const [id, controller] of this.#made) {
      if (pending.some((call) => call.id === id)) continue;
      controller.abort();
      this.#made.delete(id);
      this.#wakeTimes.delete(id);
    }
  }

  /** Makes a call, and answers it when it has been done. */
  #make(call: PendingCall): void {
    const { id } = call;
    const name = this.#durableOf(call)!;
    const controller = new AbortController();
    this.#made.set(id, controller);
    // What others were faster than isn't pending any more, and who leaves the run doesn't go on with it.
    const isLeft = () => this.#options.signal?.aborted === true;
    const waits = () => !controller.signal.aborted && !isLeft() && internals.isPending(this.#unit, id);
    this.#do(name, call, controller.signal).then(
      (value) => waits() && this.#unit.resume(id, value),
      (error) => waits() && this.#unit.fail(id, error),
    ).catch(() => this.#wake()); // the unit is broken, as the run is told next
  }

  // deno-lint-ignore require-await -- what it throws is a rejection
  async #do(name: string | symbol, { id, args }: PendingCall, signal: AbortSignal): Promise<unknown> {
    if (typeof name === "string") return this.#options.calls[name]({ id: `${this.#name}/${id}`, name, args, signal });
    // A clock that was set back lets nobody sleep longer than was asked for.
    const left = Math.min(this.#wakeTimes.get(id)! - this.#now(), args[0] as number);
    return (this.#options.sleep ?? sleep)(Math.max(0, left), signal);
  }
}

/** Waits so many milliseconds, unless the signal is aborted: then for ever. */
function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  });
}
