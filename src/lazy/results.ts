/**
 * What the views in a message are to the host.
 *
 * @module
 */

import { type Decoder, tooLarge, type ViewResults } from "../bridge/decode.ts";
import type { Instance } from "../runtime/instance.ts";
import type { LuaValue } from "../values/lua_value.ts";
import { beforeReading, Reading } from "../state/stored.ts";
import { TableData } from "../state/tables.ts";
import { Changes, LOOKS_BETWEEN_CHECKS } from "./changes.ts";
import type { LazyInput } from "./encode_views.ts";
import { Thrown } from "./thrown.ts";

/** The numbers of views, and what stands behind them. */
interface Numbered {
  objectOf(number: number): object | undefined;
  ownObjectOf(number: number): object | undefined;
  inputOf(number: number): LazyInput | undefined;
  path(number: number): string;
}

/** Results of one message at a time; each input has its own changes. */
export class Results implements ViewResults {
  #tables: Numbered;
  #instance: Instance;
  #decoder: Decoder;
  #changes: Map<LazyInput, Changes> | undefined;
  /** Copies of external tables. */
  #reading: Reading | undefined;
  /** Values of inputs and external tables that were looked at or copied; those that weren't counted yet. */
  #looks = 0;
  #uncounted = 0;
  /** All of external tables. */
  #read = 0;

  /** Constructs the results of what a decoder reads. */
  constructor(tables: Numbered, instance: Instance, decoder: Decoder) {
    this.#tables = tables;
    this.#instance = instance;
    this.#decoder = decoder;
  }

  objectOf(number: number): object | undefined {
    return this.#tables.objectOf(number);
  }

  change(number: number, change: number): void {
    this.#changesOf(this.#inputOf(number)).set(this.#tables.ownObjectOf(number)!, change);
  }

  path(number: number): string {
    return this.#tables.path(number);
  }

  /** The object itself where the host's own may come back, else a copy. */
  resultOf(number: number): LuaValue {
    const object = this.#tables.objectOf(number)!;
    if (object instanceof Thrown) return object.value as LuaValue;
    if (TableData.is(object)) {
      return (this.#reading ??= new Reading((table) => this.#beforeReading(table))).value(object);
    }
    const input = this.#inputOf(number);
    if (input.isShared && this.#changes === undefined) return object as LuaValue;
    return this.#changesOf(input).apply(object, () => this.#tables.path(number));
  }

  /** Code pays for what the host did for it, by a step for each value. */
  endMessage(): void {
    let steps = this.#read;
    for (const { looked } of this.#changes?.values() ?? []) steps += looked;
    this.#changes = undefined;
    this.#reading = undefined;
    this.#looks = this.#uncounted = this.#read = 0;
    if (steps > 0 && this.#instance.broken === undefined) this.#instance.exports.spend_steps(steps);
  }

  #beforeReading(table: TableData): void {
    beforeReading(table);
    const looks = 1 + table.placeCount;
    this.#read += looks;
    this.#uncounted += looks;
    if (this.#uncounted < LOOKS_BETWEEN_CHECKS) return;
    this.#countLooks(this.#uncounted);
    this.#uncounted = 0;
  }

  #inputOf(number: number): LazyInput {
    return this.#tables.inputOf(number) ?? this.#instance.fault("a change of what is no input's");
  }

  #changesOf(input: LazyInput): Changes {
    this.#changes ??= new Map();
    let changes = this.#changes.get(input);
    if (changes === undefined) {
      const become = (change: number) => this.#decoder.become(change);
      changes = new Changes(input.isShared, become, (looks) => this.#countLooks(looks));
      this.#changes.set(input, changes);
    }
    return changes;
  }

  /** What is copied counts as a part of the result. */
  #countLooks(looks: number): void {
    this.#looks += looks;
    const { sizeMax } = this.#decoder;
    if (this.#looks * 8 > sizeMax) throw tooLarge(sizeMax);
    this.#instance.checkTimeAfter();
  }
}
