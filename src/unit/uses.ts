/**
 * Uses of a unit: the way of all that calls into it.
 *
 * @module
 */

import type { Instance } from "../runtime/instance.ts";
import { OWN_CHANNEL } from "../runtime/wire.ts";

/**
 * Uses of one unit, one at a time; a function of the host that Lua code has called may use the unit
 * inside of one. Each sees the fields of `_io` that a run has for itself, its channel, or the unit's own.
 */
export class Uses {
  /** Undefined once the unit has been disposed. */
  instance: Instance | undefined;
  /** Code is running in the unit, or a value is being written or read. */
  #isBusy = false;
  /** Whose fields `_io` has. */
  #channel: number = OWN_CHANNEL;

  /** Constructs the uses of a unit. */
  constructor(instance: Instance) {
    this.instance = instance;
  }

  /** Whether a use is under way, in which another may stand. */
  get isUsed(): boolean {
    return this.#isBusy;
  }

  /** Whether a use stands in another one. */
  isInside = false;

  /** The instance, if the unit can be used now. */
  ready(action: string): Instance {
    const { instance } = this;
    if (instance === undefined) throw new TypeError(`Cannot ${action}: the unit has been disposed`);
    const { broken } = instance;
    if (broken !== undefined) {
      throw new TypeError(`Cannot ${action}: the unit is broken; make a new one`, { cause: broken });
    }
    if (this.#isBusy && !instance.isOpen) throw new TypeError(`Cannot ${action}: the unit is running`);
    return instance;
  }

  /**
   * Uses the unit. Wherever that is cut off, such as by the end of the JavaScript stack, the next use
   * finds the unit ready.
   *
   * @param channel Whose fields `_io` has meanwhile.
   */
  use<T>(action: string, body: (instance: Instance) => T, channel: number = OWN_CHANNEL): T {
    const instance = this.ready(action);
    if (this.#isBusy) return this.#useInside(instance, action, body, channel);
    try {
      this.#isBusy = true;
      instance.settle(action);
      if (channel !== this.#channel) this.#select(instance, channel);
      const result = body(instance);
      instance.isUnsettled = false;
      return result;
    } finally {
      this.#isBusy = false;
    }
  }

  /** Uses it with the channel of the use in which this one stands, or the unit's own. */
  useHere<T>(action: string, body: (instance: Instance) => T): T {
    return this.use(action, body, this.#isBusy ? this.#channel : OWN_CHANNEL);
  }

  #useInside<T>(instance: Instance, action: string, body: (instance: Instance) => T, channel: number): T {
    const outer = instance.beginFrame(action);
    const outerChannel = this.#channel;
    const { isInside } = this;
    const { runs } = instance;
    const { last } = runs;
    runs.last = { ...last };
    this.isInside = true;
    try {
      if (channel !== this.#channel) this.#select(instance, channel);
      const result = body(instance);
      instance.isUnsettled = false;
      return result;
    } catch (error) {
      throw instance.errorInside(error);
    } finally {
      instance.settleFrame();
      if (this.#channel !== outerChannel && instance.broken === undefined) this.#select(instance, outerChannel);
      instance.endFrame(outer);
      runs.last = last;
      this.isInside = isInside;
    }
  }

  #select(instance: Instance, channel: number): void {
    // It takes no memory.
    if (instance.exports.select_channel(channel) < 0) instance.fault("a refusal of a run that it knows");
    this.#channel = channel;
  }

  /** A run has this channel now, as the unit has just made it; or, as it was closed, none has. */
  noteChannel(channel: number): void {
    this.#channel = channel;
  }
}
