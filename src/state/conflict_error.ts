/**
 * What the second of two writers gets.
 *
 * @module
 */

/**
 * Someone else has saved a state since it was loaded: nothing was saved. Load it and do the work again,
 * as `transact` does.
 *
 * @example Usage
 * ```ts
 * import { ConflictError } from "@computeunit/cu";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new ConflictError("cart:123");
 * assertEquals([error.state, error.message], [
 *   "cart:123",
 *   'Cannot save state "cart:123": it was saved elsewhere since it was loaded',
 * ]);
 * ```
 */
export class ConflictError extends Error {
  /** The name of the state. */
  readonly state: string;

  static {
    // Not of the instance: it would be printed beside the class's name.
    Object.defineProperty(this.prototype, "name", { value: "ConflictError", configurable: true, writable: true });
  }

  /**
   * Makes an error.
   *
   * @param state The name of the state.
   * @param options The cause, where there is one.
   */
  constructor(state: string, options?: ErrorOptions) {
    super(`Cannot save state ${JSON.stringify(state)}: it was saved elsewhere since it was loaded`, options);
    this.state = state;
  }
}
