/**
 * The name of what `using` calls.
 *
 * @module
 */

/**
 * `Symbol.dispose`; in a runtime that has none yet, the symbol that compilers put in its place
 * where they make `using` into something older.
 */
export const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");

/** The same for `Symbol.asyncDispose`, what `await using` calls. */
export const ASYNC_DISPOSE: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");
