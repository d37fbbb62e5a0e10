/**
 * Functions of Lua's that code has given to the host.
 *
 * @module
 */

import { DISPOSE } from "../values/dispose.ts";
import type { LuaValue } from "../values/lua_value.ts";

/**
 * A Lua function that code has passed to a function of the host: called as a function, with arguments
 * and results as those of {@linkcode ComputeUnit.call}, also from inside that function of the host.
 *
 * It holds the Lua function until it is disposed of, or JavaScript lets go of it. Where it comes back
 * as an argument or a result, Lua code has the function itself. After its unit has been disposed of,
 * calling it throws a TypeError with its name.
 *
 * @example Usage
 * ```ts
 * import { ComputeUnit, type LuaFunction } from "@computeunit/cu";
 * import { assertEquals } from "@std/assert";
 *
 * let saved: LuaFunction | undefined;
 * using cu = await ComputeUnit.create({ globals: { on: (f: LuaFunction) => { saved = f; } } });
 * cu.compute("local count = 0; on(function(n) count = count + n; return count end)");
 * assertEquals([saved!(2), saved!(3)], [2, 5]);
 * ```
 */
export interface LuaFunction extends Disposable {
  /** Calls it, and returns its first result, `null` where there is none. */
  (...args: unknown[]): LuaValue;
  /** Where it is defined: "rules.lua:12". */
  readonly name: string;
  /** Calls it, and returns all of its results. */
  callAll(...args: unknown[]): LuaValue[];
  /** Calls it in a run of its own, which may wait, and gives its first result. */
  callAsync(...args: unknown[]): Promise<LuaValue>;
}

/** What a unit does for its functions. */
export interface FunctionCaller {
  call(callee: LuaFunction, args: unknown[]): LuaValue[];
  callAsync(callee: LuaFunction, args: unknown[]): Promise<LuaValue>;
  /** The host has let go of one. */
  release(number: number): void;
}

/**
 * A function that the host has. A WeakRef is made of it when what it was given to has returned: until the end of the
 * host's current job one keeps what it refers to, also what has been disposed of.
 */
export type Live = LuaFunction | WeakRef<LuaFunction>;

/** The functions of one unit that the host has, by number. */
export class LuaFunctions {
  readonly #caller: FunctionCaller;
  #live = new Map<number, Live>();
  readonly #numbers = new WeakMap<object, number>();
  readonly #registry: FinalizationRegistry<number>;
  /** Those that were made of the arguments that are being read, and what stood for their numbers before. */
  #read: { readonly made: LuaFunction; readonly before: Live | undefined }[] = [];
  /** Those that functions of the host were given which haven't returned. */
  #given: LuaFunction[] = [];

  /** Constructs the functions of a unit. */
  constructor(caller: FunctionCaller) {
    this.#caller = caller;
    this.#registry = new FinalizationRegistry((number) => {
      // Lua may have given it again since, as another object; or that one is gone, too, and released.
      if (this.#live.has(number) && this.#liveAt(number) === undefined) this.#release(number);
    });
  }

  /** The function with a number, the same object as long as the host has it. */
  of(number: number, place: string): LuaFunction {
    return this.#liveAt(number) ?? this.#make(number, place);
  }

  #liveAt(number: number): LuaFunction | undefined {
    const live = this.#live.get(number);
    return typeof live === "function" ? live : live?.deref();
  }

  /** All arguments have been read; answers whether the unit is to hear of it, as some were made of them. */
  keepRead(): boolean {
    if (this.#read.length === 0) return false;
    for (const { made } of this.#read) this.#given.push(made);
    this.#read = [];
    return true;
  }

  /** What has been given to functions of the host is theirs alone to hold, as one has returned. */
  letGo(): void {
    if (this.#given.length === 0) return;
    for (const given of this.#given) {
      const number = this.numberOf(given);
      if (number !== undefined) this.#live.set(number, new WeakRef(given));
    }
    this.#given = [];
  }

  /** The arguments couldn't be read to their end: the unit lets go of the functions among them. */
  dropRead(): void {
    for (const { made, before } of this.#read) {
      const number = this.#numbers.get(made)!;
      this.#numbers.delete(made);
      this.#registry.unregister(made);
      // What JavaScript has collected is still to be released, when it tells.
      if (before === undefined) this.#live.delete(number);
      else this.#live.set(number, before);
    }
    this.#read = [];
  }

  /** The number of one of these functions; undefined for any other value. */
  numberOf(value: unknown): number | undefined {
    if (typeof value !== "function") return undefined;
    const number = this.#numbers.get(value);
    return number !== undefined && this.#liveAt(number) === value ? number : undefined;
  }

  /** Whether the unit was set back to a time when the host didn't have this function. */
  isLost(value: LuaFunction): boolean {
    return this.#numbers.has(value) && this.numberOf(value) === undefined;
  }

  /** Those that the host has now, by number. */
  record(): ReadonlyMap<number, Live> {
    this.letGo();
    return new Map(this.#live);
  }

  /**
   * The unit is as it was when the host had those of a record.
   *
   * @returns Numbers of those that the host no longer has.
   */
  restore(record: ReadonlyMap<number, Live>): number[] {
    this.#live = new Map(record);
    this.#read = [];
    this.#given = [];
    const gone = [...record.keys()].filter((number) => !this.#has(number));
    for (const number of gone) this.#live.delete(number);
    return gone;
  }

  /** Whether the host has the function that it had by this number, and hasn't disposed of it. */
  #has(number: number): boolean {
    const called = this.#liveAt(number);
    return called !== undefined && this.#numbers.get(called) === number;
  }

  #make(number: number, place: string): LuaFunction {
    const caller = this.#caller;
    const called: LuaFunction = Object.assign(
      (...args: unknown[]) => caller.call(called, args)[0] ?? null,
      {
        callAll: (...args: unknown[]) => caller.call(called, args),
        callAsync: (...args: unknown[]) => caller.callAsync(called, args),
        [DISPOSE]: () => this.#dispose(called),
      },
    );
    Object.defineProperty(called, "name", { value: place });
    this.#numbers.set(called, number);
    this.#read.push({ made: called, before: this.#live.get(number) });
    this.#live.set(number, called);
    this.#registry.register(called, number, called);
    return called;
  }

  #dispose(called: LuaFunction): void {
    const number = this.numberOf(called);
    if (number !== undefined) this.#release(number);
    this.#numbers.delete(called);
    this.#registry.unregister(called);
  }

  /** Where the unit can't be used now, the function stays as it is. */
  #release(number: number): void {
    this.#caller.release(number);
    this.#live.delete(number);
  }
}
