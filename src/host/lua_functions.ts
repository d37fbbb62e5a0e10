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

/** The functions of one unit that the host has, by number. */
export class LuaFunctions {
  readonly #caller: FunctionCaller;
  #live = new Map<number, WeakRef<LuaFunction>>();
  readonly #numbers = new WeakMap<object, number>();
  readonly #registry: FinalizationRegistry<number>;
  /** Those that were made of the arguments that are being read, and what stood for their numbers before. */
  #read: { readonly made: LuaFunction; readonly before: WeakRef<LuaFunction> | undefined }[] = [];

  /** Constructs the functions of a unit. */
  constructor(caller: FunctionCaller) {
    this.#caller = caller;
    this.#registry = new FinalizationRegistry((number) => {
      // Lua may have given it again since, as another object; or that one is gone, too, and released.
      const live = this.#live.get(number);
      if (live !== undefined && live.deref() === undefined) this.#release(number);
    });
  }

  /** The function with a number, the same object as long as the host has it. */
  of(number: number, place: string): LuaFunction {
    return this.#live.get(number)?.deref() ?? this.#make(number, place);
  }

  /** All arguments have been read; answers whether the unit is to hear of it, as some were made of them. */
  keepRead(): boolean {
    if (this.#read.length === 0) return false;
    this.#read = [];
    return true;
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
    return number !== undefined && this.#live.get(number)?.deref() === value ? number : undefined;
  }

  /** Whether the unit was set back to a time when the host didn't have this function. */
  isLost(value: LuaFunction): boolean {
    return this.#numbers.has(value) && this.numberOf(value) === undefined;
  }

  /** Those that the host has now, by number. */
  record(): ReadonlyMap<number, WeakRef<LuaFunction>> {
    return new Map(this.#live);
  }

  /**
   * The unit is as it was when the host had those of a record.
   *
   * @returns Numbers of those that the host no longer has.
   */
  restore(record: ReadonlyMap<number, WeakRef<LuaFunction>>): number[] {
    this.#live = new Map(record);
    const gone = [...record.keys()].filter((number) => !this.#has(number));
    for (const number of gone) this.#live.delete(number);
    return gone;
  }

  /** Whether the host has the function that it had by this number, and hasn't disposed of it. */
  #has(number: number): boolean {
    const called = this.#live.get(number)?.deref();
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
    this.#live.set(number, new WeakRef(called));
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
