/**
 * Runs: calls into code that may run user code, each with its own time and steps. A run that the
 * host begins while another is under way stands in that one, and takes of what that one has. A run
 * that waits in between is a call each time that it goes on, all on one allowance.
 *
 * @module
 */

/** Thrown through running code when its time is up; never leaves the instance. */
export class TimeUp {}

/** What the host has ended code with: the reason of a signal, or what `progress` threw. */
const hostsOwn = new WeakSet<WeakKey>();

/** Whether an error is the host's own, by which it has ended code: it comes out as it is. */
export function isHostsOwn(error: WeakKey): boolean {
  return hostsOwn.has(error);
}

/** Calls what may end code so. */
function noting(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (typeof error === "object" && error !== null) hostsOwn.add(error);
    throw error;
  }
}

/**
 * Steps between two looks at the clock: at 1 to 5 ns a step, and up to 100 ns for
 * one that calls into C, a look every 0.1 to 2 ms.
 */
const STEPS_PER_TICK = 20_000;

/** No limit: looks at the clock once in two billion steps. */
const STEPS_UNLIMITED = 0x7fff_ffff;

/** Ends the code. */
const STOP = -1;

/** Milliseconds from one call of `progress` to the next. */
const PROGRESS_INTERVAL_MS = 5;

/** What one run may take; of a run that waits, what it has left. */
export interface Allowance {
  /** Milliseconds. */
  timeLeft: number;
  /** Steps. */
  stepsLeft: number;
  /** Ends it when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** What was given at first, for messages. */
  readonly timeLimit: number;
  readonly stepLimit: number;
}

interface Run {
  /** When it began, where its time is counted. */
  began: number;
  /** When its time is up. */
  deadline: number;
  /** When `progress` is to be called. */
  nextProgress: number;
  /** Steps that it had in the beginning, and that its code may still spend beyond those that it was given. */
  stepsGiven: number;
  stepsLeft: number;
  /** What it was given, or the run in which it stands, whichever ends first: for messages. */
  timeLimit: number;
  stepLimit: number;
  /** What `checkTime` has thrown in it. */
  thrown: unknown;
  /** Ends it when aborted. */
  signal: AbortSignal | undefined;
  /** What it takes its time and steps from, if it isn't the unit's own limits. */
  allowance: Allowance | undefined;
}

function isUnlimited(allowance: Allowance | undefined): boolean {
  if (allowance === undefined) return true;
  return allowance.timeLeft === Infinity && allowance.stepsLeft === Infinity && allowance.signal === undefined;
}

/** What is known of the run that has ended last, or is under way. */
export interface LastRun {
  /** When its time is up. */
  deadline: number;
  /** Steps that it has left. */
  stepsLeft: number;
  /** What it was given, for messages. */
  timeLimit: number;
  stepLimit: number;
}

/** What runs ask of the instance. */
interface Spending {
  /** Tells the steps that were spent since it was last called, or steps were given. */
  takeSpentSteps(): number;
  /** Makes the next run ask for its steps, though the last one had as many as it wanted. */
  askForSteps(): void;
}

/** The runs of one instance, on one clock. */
export class Runs {
  readonly #now: () => number;
  readonly #timeLimit: number;
  readonly #stepLimit: number;
  readonly #spending: Spending;
  /** Runs by how many others they stand in; used again, as most calls are short. */
  readonly #frames: Run[] = [];
  /** The run under way, in all others. */
  #current: Run | undefined;
  #depth = 0;
  /** The last run, for what the host does with its result; a use inside of a run has one of its own. */
  last: LastRun = { deadline: Infinity, timeLimit: Infinity, stepsLeft: Infinity, stepLimit: Infinity };
  /** Called now and then while code runs; an error thrown here ends it. */
  #progress: (() => void) | undefined;
  /** Whether anything happens while code runs: runs without a limit cost nothing. */
  #isWatched: boolean;
  /** Whether code was given all steps that it may want. */
  #isUnlimited = false;

  /** Constructs the runs of an instance, which may take so many milliseconds and steps each. */
  constructor(now: () => number, timeLimit: number, stepLimit: number, spending: Spending) {
    this.#now = now;
    this.#timeLimit = timeLimit;
    this.#stepLimit = stepLimit;
    this.#spending = spending;
    this.#isWatched = timeLimit !== Infinity || stepLimit !== Infinity;
  }

  /** Calls a function now and then while code runs, which may throw; set before any does. */
  watch(progress: () => void): void {
    this.#progress = progress;
    this.#isWatched = true;
  }

  /**
   * What a run may take that has limits of its own, or waits.
   *
   * @param timeLimit In milliseconds; the unit's by default, and so with steps.
   */
  allowance(timeLimit = this.#timeLimit, stepLimit = this.#stepLimit, signal?: AbortSignal): Allowance {
    return { timeLeft: timeLimit, stepsLeft: stepLimit, signal, timeLimit, stepLimit };
  }

  /**
   * Begins a run, whose time may have begun before.
   *
   * @returns Whether it must be ended: one without limits needn't.
   */
  begin(since: number | undefined, allowance?: Allowance): boolean {
    if (!this.#isWatched && this.#current === undefined && isUnlimited(allowance)) {
      this.last.deadline = this.last.stepsLeft = Infinity;
      return false;
    }
    const outer = this.#current;
    if (outer !== undefined) this.#charge(outer);
    const timeLeft = allowance?.timeLeft ?? this.#timeLimit;
    const signal = allowance?.signal ?? outer?.signal;
    // The host's clock may throw: before anything has begun.
    const isAsked = timeLeft !== Infinity && since === undefined || this.#progress !== undefined ||
      signal !== undefined;
    const now = isAsked ? this.#now() : 0;
    const run = this.#frames[this.#depth++] ??= {
      began: 0,
      deadline: Infinity,
      nextProgress: Infinity,
      stepsGiven: Infinity,
      stepsLeft: Infinity,
      timeLimit: Infinity,
      stepLimit: Infinity,
      thrown: undefined,
      signal: undefined,
      allowance: undefined,
    };
    this.#current = run;
    run.allowance = allowance;
    run.signal = signal;
    run.began = since ?? now;
    run.deadline = run.began + timeLeft;
    run.timeLimit = allowance?.timeLimit ?? this.#timeLimit;
    run.stepsGiven = allowance?.stepsLeft ?? this.#stepLimit;
    run.stepLimit = allowance?.stepLimit ?? this.#stepLimit;
    if (outer !== undefined && outer.deadline < run.deadline) {
      run.deadline = outer.deadline;
      run.timeLimit = outer.timeLimit;
    }
    if (outer !== undefined && outer.stepsLeft < run.stepsGiven) {
      run.stepsGiven = outer.stepsLeft;
      run.stepLimit = outer.stepLimit;
    }
    run.stepsLeft = run.stepsGiven;
    const { last } = this;
    last.deadline = run.deadline;
    last.timeLimit = run.timeLimit;
    last.stepLimit = run.stepLimit;
    if (run.stepsLeft !== Infinity) this.#spending.takeSpentSteps(); // those of the run before
    if (this.#progress !== undefined || signal !== undefined) run.nextProgress = now + PROGRESS_INTERVAL_MS;
    if (this.#isUnlimited) this.#spending.askForSteps();
    return true;
  }

  /** Ends it. */
  end(): void {
    const run = this.#current!;
    this.#charge(run);
    this.last.stepsLeft = run.stepsLeft;
    const { allowance } = run;
    const outer = this.#current = --this.#depth > 0 ? this.#frames[this.#depth - 1] : undefined;
    if (outer !== undefined && outer.stepsLeft !== Infinity) outer.stepsLeft -= run.stepsGiven - run.stepsLeft;
    run.deadline = run.nextProgress = Infinity;
    run.thrown = run.signal = run.allowance = undefined;
    if (allowance === undefined) return;
    allowance.stepsLeft = Math.min(allowance.stepsLeft, run.stepsLeft);
    if (allowance.timeLeft !== Infinity) allowance.timeLeft -= this.#now() - run.began;
  }

  #charge(run: Run): void {
    if (run.stepsLeft !== Infinity) run.stepsLeft -= this.#spending.takeSpentSteps();
  }

  /** Steps that code may run until the next look, or `STOP`. */
  tick(): number {
    const steps = this.#tick();
    this.#isUnlimited = steps === STEPS_UNLIMITED;
    return steps;
  }

  #tick(): number {
    const run = this.#current;
    if (run === undefined) return STEPS_UNLIMITED;
    this.#charge(run);
    if (run.stepsLeft < 0) return STOP;
    this.#throwIfAborted(run);
    if (run.deadline === Infinity && run.nextProgress === Infinity) return Math.min(STEPS_UNLIMITED, run.stepsLeft);
    const now = this.#now();
    if (now >= run.deadline) return STOP;
    if (now >= run.nextProgress) {
      run.nextProgress = now + PROGRESS_INTERVAL_MS;
      if (this.#progress !== undefined) noting(this.#progress);
    }
    return Math.min(STEPS_PER_TICK, run.stepsLeft);
  }

  /** Its own signal ends a run, and so do those of the runs in which it stands. */
  #throwIfAborted(run: Run): void {
    if (run.signal === undefined) return;
    noting(() => {
      for (let depth = this.#depth - 1; depth >= 0; depth--) this.#frames[depth].signal?.throwIfAborted();
    });
  }

  /** Throws where the run is to end, through its code: its time is up, or a signal aborted. */
  check(): void {
    const run = this.#current;
    if (run === undefined) return;
    try {
      this.#throwIfAborted(run);
    } catch (reason) {
      throw run.thrown = reason;
    }
    if (run.deadline === Infinity || this.#now() < run.deadline) return;
    throw run.thrown = new TimeUp();
  }

  /** The limits that end the run under way, for messages. */
  get limits(): { timeLimit: number; stepLimit: number } {
    return this.#current ?? { timeLimit: this.#timeLimit, stepLimit: this.#stepLimit };
  }

  /** Whether the run under way has spent all of its steps. */
  get isOutOfSteps(): boolean {
    return this.#current !== undefined && this.#current.stepsLeft < 0;
  }

  /** Whether a run is under way whose time is limited. */
  get isLimited(): boolean {
    return this.#current !== undefined && this.#current.deadline !== Infinity;
  }

  /** What the last run has left, counted from the clock's 0 on. */
  get rest(): Allowance {
    const { deadline, stepsLeft, timeLimit, stepLimit } = this.last;
    return { timeLeft: deadline, stepsLeft, timeLimit, stepLimit };
  }

  /** Whether the time of the last run is up, for what is done with its result. */
  get isLastUp(): boolean {
    return this.last.deadline !== Infinity && this.#now() >= this.last.deadline;
  }

  /** Whether an error is that of `check`, on its way through the host. */
  isTimeUp(error: unknown): boolean {
    return error !== undefined && error === this.#current?.thrown;
  }
}
