/**
 * Runs: calls into code that may run user code, each with its own time. A run that the host
 * begins while another is under way stands in that one.
 *
 * @module
 */

/** Thrown through running code when its time is up; never leaves the instance. */
export class TimeUp {}

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

interface Run {
  /** When its time is up. */
  deadline: number;
  /** When `progress` is to be called. */
  nextProgress: number;
  /** Steps that its code may still spend, beyond those that it was given. */
  stepsLeft: number;
  /** What `checkTime` has thrown in it. */
  thrown: TimeUp | undefined;
}

/** The runs of one instance, on one clock. */
export class Runs {
  readonly #now: () => number;
  readonly #timeLimit: number;
  readonly #stepLimit: number;
  readonly #takeSpentSteps: () => number;
  /** Runs by how many others they stand in; used again, as most calls are short. */
  readonly #frames: Run[] = [];
  /** The run under way, in all others. */
  #current: Run | undefined;
  #depth = 0;
  /** The deadline of the last run, for what the host does with its result. */
  #lastDeadline = Infinity;
  /** Called now and then while code runs; an error thrown here ends it. */
  #progress: (() => void) | undefined;
  /** Whether anything happens while code runs: runs without a limit cost nothing. */
  #isWatched: boolean;

  /**
   * Constructs the runs of an instance, which may take so many milliseconds and steps each.
   *
   * @param takeSpentSteps Tells the steps that were spent since it was last called, or steps were given.
   */
  constructor(now: () => number, timeLimit: number, stepLimit: number, takeSpentSteps: () => number) {
    this.#now = now;
    this.#timeLimit = timeLimit;
    this.#stepLimit = stepLimit;
    this.#takeSpentSteps = takeSpentSteps;
    this.#isWatched = timeLimit !== Infinity || stepLimit !== Infinity;
  }

  /** Calls a function now and then while code runs, which may throw; set before any does. */
  watch(progress: () => void): void {
    this.#progress = progress;
    this.#isWatched = true;
  }

  /** Begins a run, whose time may have begun before. */
  begin(since: number | undefined): void {
    if (!this.#isWatched) return;
    const run = this.#frames[this.#depth++] ??= {
      deadline: Infinity,
      nextProgress: Infinity,
      stepsLeft: Infinity,
      thrown: undefined,
    };
    this.#current = run;
    if (this.#timeLimit !== Infinity) {
      run.deadline = this.#lastDeadline = (since ?? this.#now()) + this.#timeLimit;
    }
    if (this.#stepLimit !== Infinity) {
      this.#takeSpentSteps(); // those of the run before
      run.stepsLeft = this.#stepLimit;
    }
    if (this.#progress !== undefined) run.nextProgress = this.#now() + PROGRESS_INTERVAL_MS;
  }

  /** Ends it. */
  end(): void {
    if (!this.#isWatched) return;
    const run = this.#current!;
    run.deadline = run.nextProgress = Infinity;
    run.thrown = undefined;
    this.#current = --this.#depth > 0 ? this.#frames[this.#depth - 1] : undefined;
  }

  /** Steps that code may run until the next look, or `STOP`. */
  tick(): number {
    const run = this.#current;
    if (run === undefined) return STEPS_UNLIMITED;
    if (run.stepsLeft !== Infinity) run.stepsLeft -= this.#takeSpentSteps();
    if (run.stepsLeft < 0) return STOP;
    if (run.deadline === Infinity && run.nextProgress === Infinity) return Math.min(STEPS_UNLIMITED, run.stepsLeft);
    const now = this.#now();
    if (now >= run.deadline) return STOP;
    if (now >= run.nextProgress) {
      run.nextProgress = now + PROGRESS_INTERVAL_MS;
      this.#progress!();
    }
    return Math.min(STEPS_PER_TICK, run.stepsLeft);
  }

  /** Throws where the time of the run is up, through its code. */
  check(): void {
    const run = this.#current;
    if (run === undefined || run.deadline === Infinity || this.#now() < run.deadline) return;
    throw run.thrown = new TimeUp();
  }

  /** Whether the run under way has spent all of its steps. */
  get isOutOfSteps(): boolean {
    return this.#current !== undefined && this.#current.stepsLeft < 0;
  }

  /** Whether a run is under way whose time is limited. */
  get isLimited(): boolean {
    return this.#current !== undefined && this.#current.deadline !== Infinity;
  }

  /** Whether the time of the last run is up, for what is done with its result. */
  get isLastUp(): boolean {
    return this.#lastDeadline !== Infinity && this.#now() >= this.#lastDeadline;
  }

  /** Whether an error is that of `check`, on its way through the host. */
  isTimeUp(error: unknown): boolean {
    return error !== undefined && error === this.#current?.thrown;
  }
}
