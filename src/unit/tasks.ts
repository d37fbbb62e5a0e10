/**
 * Runs that wait: what code begins with `computeAsync` and its like.
 *
 * @module
 */

import type { Decoder } from "../bridge/decode.ts";
import type { Encoder } from "../bridge/encode.ts";
import type { ExternalTables } from "../lazy/external_tables.ts";
import { type Home, homeInternals } from "../state/home.ts";
import type { Transaction } from "../state/transactions.ts";
import { type HostFunction, type HostFunctions, ignoreFailure, type Waiter } from "../host/host_functions.ts";
import type { Instance } from "../runtime/instance.ts";
import type { Allowance } from "../runtime/runs.ts";
import { GLOBALS, OWN_CHANNEL, RESULTS, WIRE } from "../runtime/wire.ts";
import { LuaError } from "../values/errors.ts";
import type { LuaValue } from "../values/lua_value.ts";
import { isOf } from "../values/refusals.ts";
import type { Figures, RunStats } from "./figures.ts";
import type { Printed, PrintedText } from "./printed.ts";
import type { Reports } from "./reports.ts";
import type { ComputeAsyncResult } from "./run_result.ts";
import type { Uses } from "./uses.ts";

/** What a run needs to begin. */
export interface TaskOptions {
  /** What is being done, for messages: "compute". */
  readonly action: string;
  /** What becomes of its results: one of `RESULTS`, but for `KEEP`. */
  readonly results: number;
  readonly allowance: Allowance;
  /** Whether the unit's own `_io` is emptied before. */
  readonly clears: boolean;
  /** Whether `_io` begins as the unit's own is then, but for what is set. */
  readonly inherits: boolean;
  /** Whether the unit's own `_io` becomes as the run's is in the end. */
  readonly keeps: boolean;
  /** Whether the run has globals of its own. */
  readonly ownGlobals: boolean;
  /** Whether its changes to external tables are kept together, or not at all. */
  readonly isTransaction: boolean;
  /** Sets its input, and makes its strand: answers its number. */
  readonly make: (instance: Instance) => number;
}

/** A run whose input was taken. */
export interface PreparedRun {
  /** Begins it: it goes on until it waits or ends before this returns what it ends with. */
  begin(): Promise<TaskResult>;
  /** What it has ended with, if it has: a run that doesn't wait ends before `begin` returns. */
  readonly result: TaskResult | undefined;
  /** What the host has of it while it waits. */
  readonly handle: SuspendedRun;
  /** Lets go of one that won't be begun. */
  drop(): void;
}

/** What a run ended with. */
export interface TaskResult {
  /** The first value that its code returned; of a request, whether there was such a handler. */
  readonly value: LuaValue;
  /** Of `RESULTS.WITH_IO` or `WITH_JSON`, else null. */
  readonly output: LuaValue;
  readonly meta: LuaValue;
}

/** Others get a turn of the event loop after so long, which is looked at once in so many waits. */
const TURN_MS = 20;
const WAITS_PER_LOOK = 64;

/** Code that is run on a Lua thread of its own. */
class Strand implements Waiter {
  readonly number: number;
  readonly task: Task;
  readonly results: number;
  /** What it is one of, if code runs it side by side with others; and its position there, from 1. */
  readonly group: Group | undefined;
  readonly index: number;
  /** What it waits for; another object for each wait. */
  wait: Wait | undefined;
  #spare: Wait | undefined;
  /** The unit has let go of it. */
  isReleased = false;

  constructor(number: number, task: Task, results: number, group?: Group, index = 0) {
    this.number = number;
    this.task = task;
    this.results = results;
    this.group = group;
    this.index = index;
  }

  waitFor(called: HostFunction, promise: Promise<unknown>): void {
    const wait = this.#begin(called);
    // As `await` does: a method of the promise's own might call these more than once.
    Reflect.apply(Promise.prototype.then, promise, [wait.fulfilled, wait.rejected]);
  }

  sleep(called: HostFunction, milliseconds: number): void {
    const wait = this.#begin(called);
    if (!this.task.tasks.holdsSleeps) wait.timer = setTimeout(wait.fulfilled, milliseconds);
  }

  waitForStrands(called: HostFunction, numbers: number[], isRace: boolean): void {
    const wait = this.#begin(called);
    const group = wait.group = new Group(this, isRace);
    group.strands = numbers.map((number, i) => new Strand(number, this.task, RESULTS.KEEP, group, i + 1));
    group.left = numbers.length;
  }

  /** Takes the wait that is over, so that the next one needn't make another. */
  end(wait: Wait): void {
    this.wait = undefined;
    this.#spare = wait;
  }

  /** Waits for the same by another object, so that what was to end the wait until now doesn't. */
  waitAnew(): Wait {
    const { called, id, timer } = this.wait!;
    clearTimeout(timer);
    return this.waitAs(called, id);
  }

  /** Waits for what nobody answers but by the call's number. */
  waitAs(called: HostFunction, id: number): Wait {
    const wait = this.wait = new Wait(this);
    wait.called = called;
    wait.id = id;
    return wait;
  }

  #begin(called: HostFunction): Wait {
    // What it was to wait for before, and couldn't, is forgotten.
    clearTimeout(this.wait?.timer);
    const wait = this.wait = this.#spare ?? new Wait(this);
    this.#spare = undefined;
    wait.called = called;
    wait.id = this.task.tasks.nextCall++;
    wait.timer = wait.group = undefined;
    return wait;
  }
}

/** Waits for nothing: what a run, or a part of it, closes as it ends can't wait, and the unit raises that. */
const CLOSING: Waiter = {
  waitFor: (_, promise) => ignoreFailure(promise),
  sleep() {},
  waitForStrands() {},
};

/** What a strand waits for. */
class Wait {
  called!: HostFunction;
  /** Stands for this call, in the unit and its copies. */
  id = 0;
  timer: ReturnType<typeof setTimeout> | undefined;
  group: Group | undefined;
  readonly fulfilled: (value?: unknown) => void;
  readonly rejected: (error: unknown) => void;

  constructor(strand: Strand) {
    this.fulfilled = (value) => strand.task.tasks.settled(strand, this, true, value);
    this.rejected = (error) => strand.task.tasks.settled(strand, this, false, error);
  }
}

/** Strands that run side by side, for one that waits. */
class Group {
  readonly parent: Strand;
  readonly isRace: boolean;
  strands: Strand[] = [];
  /** How many have not ended. */
  left = 0;
  isOver = false;

  constructor(parent: Strand, isRace: boolean) {
    this.parent = parent;
    this.isRace = isRace;
  }
}

/** A call that a run waits for. */
export interface PendingCall {
  /** Stands for this call: the same number in a snapshot, and in what is made of it; no other call of the unit has it. */
  readonly id: number;
  /** The function's name, such as `kv.get`, or `task.sleep`. */
  readonly name: string;
  /** What it was called with. */
  readonly args: LuaValue[];
  /** The run that waits. */
  readonly run: SuspendedRun;
}

/** A run that waits. */
export interface SuspendedRun {
  /** What the run ends with, as {@linkcode ComputeUnit.computeAsync} would have told. */
  result(): Promise<ComputeAsyncResult>;
}

/** Runs that wait, as data. */
export interface TasksRecord {
  readonly nextCall: number;
  readonly tasks: readonly TaskRecord[];
}

/** One of them. */
export interface TaskRecord {
  readonly action: string;
  readonly results: number;
  readonly keeps: boolean;
  readonly timeLeft: number;
  readonly stepsLeft: number;
  readonly timeLimit: number;
  readonly stepLimit: number;
  readonly channel: number;
  readonly stats: Readonly<RunStats>;
  readonly printed: string;
  /** The first one first, and each after its parent. */
  readonly strands: readonly StrandRecord[];
}

/** A strand, which waits, unless it has ended in a group, or hasn't begun. */
export interface StrandRecord {
  readonly number: number;
  /** The place in the list of the one that waits for it; -1 for the first. */
  readonly parent: number;
  /** The number of the call that it waits for, and of the function that was called. */
  readonly call: number | undefined;
  readonly called: number;
  /** Of one that waits for others: whether for the first, and how many of them have not ended. */
  readonly isRace: boolean;
  readonly left: number;
}

/** A group that is over. */
interface EndedGroup {
  readonly group: Group;
  /** The position of the strand that has decided it; 0: all have ended. */
  readonly index: number;
  /** What closing the others has thrown. */
  readonly failure: unknown;
}

/** One run. */
class Task implements PreparedRun {
  readonly tasks: Tasks;
  readonly options: TaskOptions;
  readonly channel: number;
  /** Its first strand, which it is over with. */
  main: Strand | undefined;
  readonly stats: RunStats = { steps: 0, milliseconds: 0, peakBytes: 0, hostCalls: 0 };
  readonly printed: PrintedText = { text: "" };
  hasBegun = false;
  isOver = false;
  /** The unit has let go of its `_io`. */
  isClosed = false;
  result: TaskResult | undefined;
  transaction: Transaction | undefined;
  onAbort: (() => void) | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Of a run that waits: most don't. */
  #resolve: ((result: TaskResult) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #promise: Promise<TaskResult> | undefined;
  /** What the host has of it, once it has asked. */
  #handle: SuspendedRun | undefined;

  constructor(tasks: Tasks, options: TaskOptions, channel: number) {
    this.tasks = tasks;
    this.options = options;
    this.channel = channel;
  }

  begin(): Promise<TaskResult> {
    if (!this.isOver) this.tasks.begin(this);
    return this.#ended();
  }

  /** The same for all who ask. */
  #ended(): Promise<TaskResult> {
    if (this.result !== undefined) return Promise.resolve(this.result);
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    return this.#promise ??= new Promise((resolve, reject) => [this.#resolve, this.#reject] = [resolve, reject]);
  }

  get handle(): SuspendedRun {
    return this.#handle ??= { result: () => this.#ended() };
  }

  drop(): void {
    this.tasks.drop(this);
  }

  resolve(result: TaskResult): void {
    this.result = result;
    this.#resolve?.(result);
  }

  reject(error: unknown): void {
    this.#failure = { error };
    this.#reject?.(error);
  }
}

/** The runs of one unit that may wait. */
export class Tasks {
  readonly #uses: Uses;
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;
  readonly #reports: Reports;
  readonly #functions: HostFunctions;
  readonly #figures: Figures;
  readonly #external: ExternalTables;
  readonly #printed: Printed;
  /** What is saved after each run that has succeeded. */
  readonly #autosaved: Home | undefined;
  readonly #open = new Set<Task>();
  /** Strands that are to begin, as soon as the one that runs waits. */
  #next: Strand[] = [];
  /** The number of the next call that a run waits for. */
  nextCall = 1;
  /** Whether `task.sleep` waits until the host answers it. */
  holdsSleeps = false;
  /** Called when a run has gone on, until it waits again or has ended. */
  afterGoing: (() => void) | undefined;

  /** Constructs the runs of a unit. */
  constructor(
    uses: Uses,
    encoder: Encoder,
    decoder: Decoder,
    reports: Reports,
    functions: HostFunctions,
    figures: Figures,
    external: ExternalTables,
    printed: Printed,
    autosaved: Home | undefined,
  ) {
    this.#autosaved = autosaved;
    this.#external = external;
    this.#printed = printed;
    this.#uses = uses;
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.#reports = reports;
    this.#functions = functions;
    this.#figures = figures;
  }

  /**
   * Makes a run, with its input.
   *
   * @throws What keeps it from beginning.
   */
  make(options: TaskOptions): PreparedRun {
    options.allowance.signal?.throwIfAborted();
    let made: Task | undefined;
    try {
      this.#uses.use(options.action, (instance) => {
        const task = made = new Task(this, options, this.#openChannel(instance, options.clears));
        if (!this.#uses.isInside) this.#printed.goOn(task.printed);
        if (options.isTransaction) task.transaction = this.#external.begin();
        if (options.ownGlobals) this.#check(instance.exports.use_globals(GLOBALS.OWN), options.action);
        const number = options.make(instance);
        this.#check(number, options.action);
        task.main = new Strand(number, task, options.results);
      });
    } catch (error) {
      if (made !== undefined) this.#failed(made, error);
      throw error;
    }
    this.#open.add(made!);
    return made!;
  }

  /** Begins a run: it goes on until it waits or ends. */
  begin(task: Task): void {
    const { action, inherits, allowance: { signal } } = task.options;
    // Not before: a stream makes many runs at once, and a signal goes through all who listen where one is added.
    if (signal !== undefined) {
      if (signal.aborted) return this.#failed(task, signal.reason);
      task.onAbort = () => this.#aborted(task);
      signal.addEventListener("abort", task.onAbort, { once: true });
    }
    task.hasBegun = true;
    try {
      if (inherits) {
        this.#uses.use(action, ({ exports }) => this.#check(exports.inherit_channel(), action), task.channel);
      }
    } catch (error) {
      return this.#failed(task, error);
    }
    this.#go(task.main!, undefined);
  }

  /** Lets go of one that wasn't begun. */
  drop(task: Task): void {
    this.#failed(task, undefined);
  }

  /** Rejects all runs: the unit is gone, or broken. */
  end(error: unknown): void {
    for (const task of this.#open) {
      this.#leave(task);
      for (const strand of strandsOf(task.main)) this.#forgetWait(strand);
      if (task.transaction !== undefined) this.#external.rollBack(task.transaction);
      task.reject(error);
    }
  }

  /** What a strand waits for has come. */
  settled(strand: Strand, wait: Wait, isFulfilled: boolean, value: unknown): void {
    if (strand.wait !== wait || strand.task.isOver) return;
    if (this.#uses.isUsed) return queueMicrotask(() => this.settled(strand, wait, isFulfilled, value));
    if (this.#turn !== undefined || this.#isTurnDue()) {
      return this.#afterTurn(() => this.settled(strand, wait, isFulfilled, value));
    }
    strand.end(wait);
    this.#go(strand, () => this.#functions.settled(wait.called, isFulfilled, value));
  }

  /** What goes on after the turn of the event loop that was asked for. */
  #turn: (() => void)[] | undefined;
  #lastTurn: number = Date.now();
  #waitCount = 0;

  /**
   * Whether runs have gone on for a while: what they wait for may be there already, each time, and then nothing else
   * gets a turn, such as who ends them.
   */
  #isTurnDue(): boolean {
    if (++this.#waitCount % WAITS_PER_LOOK !== 0) return false;
    const now = Date.now();
    if (now < this.#lastTurn) this.#lastTurn = now; // the clock was set back
    return now - this.#lastTurn >= TURN_MS;
  }

  #afterTurn(goOn: () => void): void {
    if (this.#turn !== undefined) return void this.#turn.push(goOn);
    const waiting = this.#turn = [goOn];
    setTimeout(() => {
      this.#turn = undefined;
      this.#lastTurn = Date.now();
      for (const goOn of waiting) queueMicrotask(goOn);
    }, 0);
  }

  /** Calls that runs wait for, in the order in which they were made. */
  pending(action: string): PendingCall[] {
    const strands = [...this.#strands()].filter(({ wait }) => wait !== undefined && wait.group === undefined);
    strands.sort((a, b) => a.wait!.id - b.wait!.id);
    return strands.map(({ number, wait, task }) => {
      const { id, called } = wait!;
      return { id, name: called.name, args: this.#argumentsOf(number, action), run: task.handle };
    });
  }

  #argumentsOf(strand: number, action: string): LuaValue[] {
    return this.#uses.use(action, () => {
      const args = this.#functions.argumentsOf(strand);
      return Array.isArray(args) ? args : this.#refused(args, action);
    });
  }

  #refused(status: number, action: string): never {
    throw this.#reports.errorOf(status, action);
  }

  /** Answers a call that a run waits for: the run goes on until it waits again, or ends. */
  answer(id: number, isFulfilled: boolean, value: unknown, action: string): void {
    const strand = this.#strandThatWaits(id, action);
    this.#uses.ready(action).checkRoomForMore(action);
    const wait = strand.waitAnew();
    strand.end(wait);
    this.#go(strand, () => this.#functions.settled(wait.called, isFulfilled, value));
  }

  /** Makes such a call again: the run goes on with what it gives. */
  callAgain(id: number, action: string): void {
    const strand = this.#strandThatWaits(id, action);
    const args = this.#argumentsOf(strand.number, action);
    const wait = strand.waitAnew();
    const { called } = wait;
    if (called.number === WIRE.SLEEP_FUNCTION) {
      wait.timer = setTimeout(wait.fulfilled, Number(args[0]));
      return;
    }
    const promise = new Promise((resolve) => resolve(Reflect.apply(called.run, called.holder, args)));
    promise.then(wait.fulfilled, wait.rejected);
  }

  #strandThatWaits(id: number, action: string): Strand {
    const found = this.#waitsFor(id);
    if (found === undefined) throw new RangeError(`Cannot ${action}: no run waits for a call ${id}`);
    return found;
  }

  /** The function of the host that a run has called and waits for. */
  calledFor(id: number): unknown {
    return this.#waitsFor(id)?.wait?.called.run;
  }

  /** Whether a run waits for a call. */
  isPending(id: number): boolean {
    return this.#waitsFor(id) !== undefined;
  }

  #waitsFor(id: number): Strand | undefined {
    for (const strand of this.#strands()) {
      if (strand.wait?.id === id && strand.wait.group === undefined) return strand;
    }
    return undefined;
  }

  *#strands(): Iterable<Strand> {
    for (const task of this.#open) yield* strandsOf(task.main);
  }

  /** The runs, as data. */
  record(): TasksRecord {
    return { nextCall: this.nextCall, tasks: Array.from(this.#open, recordOf) };
  }

  /** Takes over the runs of a copy; those that haven't begun are dropped. */
  restore({ nextCall, tasks }: TasksRecord): void {
    this.nextCall = nextCall;
    for (const record of tasks) {
      const task = this.#made(record);
      this.#open.add(task);
      if (task.main!.wait === undefined) this.drop(task);
    }
  }

  #made(record: TaskRecord): Task {
    const { action, results, keeps, timeLeft, stepsLeft, timeLimit, stepLimit, channel, stats, printed } = record;
    const allowance = { timeLeft, stepsLeft, timeLimit, stepLimit };
    const options = { ...RESTORED, action, results, keeps, allowance };
    const task = new Task(this, options, channel);
    Object.assign(task.stats, stats);
    task.printed.text = printed;
    const strands: Strand[] = [];
    for (const { number, parent, call, called, isRace, left } of record.strands) {
      const group = strands[parent]?.wait?.group;
      const strand = new Strand(number, task, group ? RESULTS.KEEP : results, group, group && group.strands.length + 1);
      strands.push(strand);
      group?.strands.push(strand);
      if (call === undefined) continue;
      task.hasBegun = true;
      const wait = strand.waitAs(this.#functions.at(called)!, call);
      if (left > 0) wait.group = Object.assign(new Group(strand, isRace), { left });
    }
    task.main = strands[0];
    return task;
  }

  /** Begins a strand or goes on with it, and with what it sets going. */
  #go(strand: Strand, answer: (() => number) | undefined): void {
    // What runs side by side with the code in which this one stands goes on after it, not inside of it.
    const outer = this.#next;
    const next = this.#next = new Array<Strand>();
    try {
      this.#goOn(strand, answer);
      for (let i = 0; i < next.length; i++) {
        const { task, group } = next[i];
        if (!task.isOver && group?.isOver !== true) this.#goOn(next[i], undefined);
      }
    } finally {
      this.#next = outer;
    }
    this.afterGoing?.();
  }

  /** Goes on with a strand, and with those that wait for it where it ends, from the innermost one out. */
  #goOn(strand: Strand, answer: (() => number) | undefined): void {
    let ended = this.#goOnce(strand, answer);
    while (ended !== undefined) {
      const { group, index, failure } = ended;
      const { parent } = group;
      const { called } = parent.wait!;
      parent.wait = undefined;
      ended = this.#goOnce(parent, () => {
        if (failure !== undefined) return this.#functions.settled(called, false, failure);
        this.#encoder.scalar(index);
        return 1;
      });
    }
  }

  /** Answers the group that is over as the strand has ended, and what its parent is told. */
  #goOnce(strand: Strand, answer: (() => number) | undefined): EndedGroup | undefined {
    const { task } = strand;
    const { allowance } = task.options;
    let status = 0;
    try {
      const result = this.#use(task, (instance) => {
        const { waiter } = this.#functions;
        this.#functions.waiter = strand;
        const began = this.#figures.begin();
        const { calls } = this.#functions;
        try {
          const answered = answer?.() ?? 0;
          this.#decoder.drop();
          status = instance.guard(
            () => instance.exports.go(strand.number, answered, strand.results),
            undefined,
            allowance,
          );
        } finally {
          this.#functions.waiter = waiter;
          if (instance.broken === undefined) this.#figures.endPart(began, calls, task.stats);
        }
        if (status === WIRE.STATUS_WAITS) return;
        this.#forgetWait(strand);
        if (strand.results === RESULTS.KEEP) return;
        strand.isReleased = true;
        const ended = this.#read(status);
        // Before the run's _io is gone, as it fails where this does.
        if (task.transaction !== undefined) this.#external.check(task.transaction);
        this.#closeChannel(instance, task);
        if (task.transaction !== undefined) this.#external.commit(task.transaction);
        return ended;
      });
      if (result !== undefined) {
        this.#succeeded(task, result);
        return undefined;
      }
    } catch (error) {
      this.#failed(task, error);
      return undefined;
    }
    if (status !== WIRE.STATUS_WAITS) return this.#endedInGroup(strand, status);
    this.#waits(strand);
    return undefined;
  }

  /** Uses the unit for a run: with its `_io` and its printed text, and in its transaction. */
  #use<T>({ options, channel, transaction, printed }: Task, body: (instance: Instance) => T): T {
    const run = (instance: Instance): T => {
      const outer = this.#printed.goOn(printed);
      try {
        return transaction === undefined ? body(instance) : this.#external.runIn(transaction, () => body(instance));
      } finally {
        // The run goes on in which this one stands.
        if (this.#uses.isInside) this.#printed.goOn(outer);
      }
    };
    return this.#uses.use(options.action, run, channel);
  }

  /** The strand waits: what runs side by side in the meantime begins. */
  #waits(strand: Strand): void {
    const group = strand.wait?.group;
    if (group !== undefined && !group.isOver) { for (const inner of group.strands) this.#next.push(inner); }
    if (strand.task.options.allowance.signal?.aborted) this.#aborted(strand.task);
  }

  #read(status: number): TaskResult {
    if (status < 0) {
      this.#decoder.drop();
      // The place in the refusal says what was being read.
      throw this.#reports.errorOf(status, "return the result");
    }
    const [value = null, output = null, meta = null] = this.#decoder.decode(status);
    return { value, output, meta };
  }

  /** A strand of a group has ended: the one that waits for it may go on, or not yet. */
  #endedInGroup(strand: Strand, status: number): EndedGroup | undefined {
    const group = strand.group!;
    group.left--;
    const hasFailed = status < 0;
    if (!hasFailed && !group.isRace && group.left > 0) return undefined;
    group.isOver = true;
    const decides = hasFailed || group.isRace;
    if (!decides) return { group, index: 0, failure: undefined };
    let failure: unknown;
    for (const other of group.strands) if (other !== strand) failure = this.#closeIn(other) ?? failure;
    if (failure === undefined) return { group, index: strand.index, failure };
    // As of what is closed around code that a pcall has called: all are over, and the error is its.
    failure = this.#closeIn(strand) ?? failure;
    const isEnd = this.#uses.instance?.broken !== undefined ||
      isOf(failure, LuaError) && failure.kind !== "runtime";
    if (!isEnd) return { group, index: 0, failure };
    this.#failed(strand.task, failure);
    return undefined;
  }

  /** Closes a strand of a group that is over; answers what that throws. */
  #closeIn(strand: Strand): unknown {
    try {
      this.#close(strand);
      return undefined;
    } catch (failure) {
      return failure;
    }
  }

  #succeeded(task: Task, result: TaskResult): void {
    this.#leave(task);
    const home = this.#autosaved;
    // A save tells of a _home that was replaced, too.
    const isSaved = home === undefined || !home.isChanged && this.#uses.instance!.exports.check_globals(0) === 0;
    if (isSaved) return task.resolve(result);
    homeInternals.saveKept(home).then(() => task.resolve(result), (error) => task.reject(error));
  }

  /** A run has ended in an error, or is ended: what still waits in it is closed. Of one that never began nothing stays. */
  #failed(task: Task, error: unknown): void {
    if (task.isOver) return;
    const broken = this.#uses.instance?.broken;
    if (broken !== undefined) return this.end(error);
    this.#leave(task);
    let failure: unknown = error;
    for (const strand of strandsOf(task.main)) {
      try {
        this.#close(strand);
      } catch (second) {
        // What has no time left has none to close anything; else an error while closing takes the
        // place of the one before, as in Lua.
        if (isOf(error, LuaError) && (error.kind === "time" || error.kind === "limit")) continue;
        if (isOf(second, LuaError)) second.cause ??= failure;
        failure = second;
      }
    }
    if (task.transaction !== undefined) this.#external.rollBack(task.transaction);
    try {
      this.#uses.use(task.options.action, (instance) => {
        try {
          this.#closeChannel(instance, task, task.options.keeps && task.hasBegun);
        } catch {
          // The unit has no memory to keep its fields: what came before is what counts.
          this.#closeChannel(instance, task, false);
        }
      }, task.channel);
    } catch {
      // There is too little room on the stack: what came before is what counts.
    }
    task.reject(failure);
  }

  #aborted(task: Task): void {
    if (task.isOver) return;
    // Code that runs is ended when it next looks at its signal.
    if (this.#uses.isUsed) return queueMicrotask(() => this.#aborted(task));
    this.#failed(task, task.options.allowance.signal!.reason);
  }

  /** Closes a strand, and those that it waits for. */
  #close(strand: Strand): void {
    for (const inner of strandsOf(strand)) {
      this.#forgetWait(inner);
      if (!inner.isReleased) this.#closeOne(inner);
    }
  }

  #closeOne(strand: Strand): void {
    const { task } = strand;
    const { action, allowance } = task.options;
    strand.isReleased = true;
    this.#use(task, (instance) => {
      const left = { ...allowance, signal: undefined }; // what is to be closed is, though the run was aborted
      const began = this.#figures.begin();
      const { calls, waiter } = this.#functions;
      this.#functions.waiter = CLOSING;
      try {
        this.#check(instance.guard(() => instance.exports.close_strand(strand.number), undefined, left), action);
      } finally {
        this.#functions.waiter = waiter;
        // It is a part of the run.
        allowance.timeLeft = left.timeLeft;
        allowance.stepsLeft = left.stepsLeft;
        if (instance.broken === undefined) this.#figures.endPart(began, calls, task.stats);
      }
    });
  }

  #forgetWait(strand: Strand): void {
    if (strand.wait?.group !== undefined) strand.wait.group.isOver = true;
    clearTimeout(strand.wait?.timer);
    strand.wait = undefined;
  }

  #leave(task: Task): void {
    task.isOver = true;
    this.#open.delete(task);
    if (task.onAbort !== undefined) task.options.allowance.signal!.removeEventListener("abort", task.onAbort);
  }

  #openChannel(instance: Instance, clears: boolean): number {
    const channel = instance.exports.open_channel(clears ? 1 : 0);
    this.#check(channel, "begin a run");
    this.#uses.noteChannel(channel);
    return channel;
  }

  /** The run's `_io` is no longer needed; the unit's own is in its place then. */
  #closeChannel(instance: Instance, task: Task, keeps = task.options.keeps): void {
    if (task.isClosed) return;
    this.#check(instance.exports.close_channel(task.channel, keeps ? 1 : 0), task.options.action);
    task.isClosed = true;
    this.#uses.noteChannel(OWN_CHANNEL);
  }

  #check(status: number, action: string): void {
    if (status < 0) throw this.#reports.errorOf(status, action);
  }
}

/** What a run of a copy has no more need of. */
const RESTORED = {
  clears: false,
  inherits: false,
  ownGlobals: false,
  isTransaction: false,
  make: (): never => {
    throw new TypeError("Cannot begin a run that has begun");
  },
};

function recordOf({ options, channel, stats, printed, main }: Task): TaskRecord {
  const { action, results, keeps, allowance } = options;
  const { timeLeft, stepsLeft, timeLimit, stepLimit } = allowance;
  // A Map gives those too that are added meanwhile.
  const places = new Map<Strand, number>();
  if (main !== undefined) places.set(main, 0);
  for (const { wait } of places.keys()) {
    for (const inner of wait?.group?.strands ?? []) places.set(inner, places.size);
  }
  return {
    action,
    results,
    keeps,
    timeLeft,
    stepsLeft,
    timeLimit,
    stepLimit,
    channel,
    stats: { ...stats },
    printed: printed.text,
    strands: Array.from(places.keys(), ({ number, group, wait }) => ({
      number,
      parent: group === undefined ? -1 : places.get(group.parent)!,
      call: wait?.id,
      called: wait?.called.number ?? 0,
      isRace: wait?.group?.isRace ?? false,
      left: wait?.group?.left ?? 0,
    })),
  };
}

/** A strand, after those that it waits for. */
function strandsOf(strand: Strand | undefined): Strand[] {
  // Outer ones first, as code nests them as deep as it likes.
  const found: Strand[] = strand === undefined ? [] : [strand];
  for (let i = 0; i < found.length; i++) {
    const inner = found[i].wait?.group?.strands ?? [];
    for (let j = inner.length - 1; j >= 0; j--) found.push(inner[j]);
  }
  return found.reverse();
}
