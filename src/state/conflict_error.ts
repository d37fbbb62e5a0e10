/**
 * What the second of two writers gets.
 *
 * @module
 */

/** Options of a {@linkcode ConflictError}. */
export interface ConflictErrorOptions extends ErrorOptions {
  /** Its message; by default it says that the state was saved elsewhere. */
  message?: string | undefined;
}

/**
 * Two have changed the same: someone else has saved a state since it was loaded, and nothing was saved; or
 * another transaction has changed what a transaction needs, and nothing was changed. Do the work again, with
 * what is there now, as `transact` does.
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
  /** The name of the state; `undefined` where two transactions of one unit are in each other's way. */
  readonly state: string | undefined;

  static {
    // Not of the instance: it would be printed beside the class's name.
    Object.defineProperty(this.prototype, "name", { value: "ConflictError", configurable: true, writable: true });
  }

  /**
   * Makes an error.
   *
   * @param state The name of the state, if it has one.
   * @param options The message, and the cause, where there are any.
   */
  constructor(state: string | undefined, options: ConflictErrorOptions = {}) {
    const { message = `Cannot save state ${JSON.stringify(state)}: it was saved elsewhere since it was loaded` } =
      options;
    super(message, options);
    this.state = state;
  }
}
