/**
 * Values that can't be passed, and how a user is told.
 *
 * @module
 */

/** Why a value can't be passed; becomes a `type` with the path. */
export class Refusal {
  #brand = undefined;
  readonly type: new (message: string, options?: ErrorOptions) => Error;
  readonly message: string;

  constructor(type: new (message: string, options?: ErrorOptions) => Error, message: string) {
    this.type = type;
    this.message = message;
  }

  /** Whether something that was thrown is one; a Proxy isn't asked. */
  static is(thrown: unknown): thrown is Refusal {
    return typeof thrown === "object" && thrown !== null && #brand in thrown;
  }
}

export function loneSurrogate(): Refusal {
  return new Refusal(TypeError, "a string with a lone surrogate cannot be passed");
}

/** Classes whose instances have a state that own fields don't tell. */
// deno-lint-ignore ban-types -- these are classes, of any constructor
const REFUSED_CLASSES: readonly Function[] = [
  Promise,
  WeakMap,
  WeakSet,
  WeakRef,
  RegExp,
  Error,
  Number,
  String,
  Boolean,
  Symbol,
  BigInt,
  // Pages that are not isolated from others have none.
  ...(typeof SharedArrayBuffer === "undefined" ? [] : [SharedArrayBuffer]),
];

const { toString } = Object.prototype;

/** Refuses objects whose state isn't in own fields: they would arrive empty. */
export function refuseOpaque(value: object): void {
  for (const refused of REFUSED_CLASSES) {
    if (value instanceof refused) throw new Refusal(TypeError, `${refused.name} objects cannot be passed`);
  }
  for (const key in value) if (Object.hasOwn(value, key)) return;
  refuseTagged(value);
  // What JavaScript itself makes in another realm has a name here.
  const name = toString.call(value).slice("[object ".length, -1);
  if (name !== "Object") throw new Refusal(TypeError, `${name} objects cannot be passed`);
}

/** Refuses an object without fields that has a tag: platform objects (URL, Blob, generators, ...), Math. */
export function refuseTagged(value: object): void {
  if (Symbol.toStringTag in value) {
    throw new Refusal(TypeError, `${value[Symbol.toStringTag]} objects cannot be passed`);
  }
}

/** The error that a user sees for one that was thrown while a value was read. */
export function explain(error: unknown, action: string, path: string): Error {
  if (Refusal.is(error)) return new error.type(`Cannot ${action}: ${error.message} (at ${path})`);
  // A getter or a Proxy threw, or the stack is full.
  return new TypeError(`Cannot ${action}: reading threw "${messageOf(error)}" (at ${path})`, { cause: error });
}

/** Whether what was thrown is of a class: a Proxy may throw where it is asked. */
export function isOf<T>(thrown: unknown, type: abstract new (...args: never[]) => T): thrown is T {
  try {
    return thrown instanceof type;
  } catch {
    return false;
  }
}

/** What was thrown, in words: it may be anything, and its text may throw again. */
export function messageOf(thrown: unknown): string {
  try {
    const said: unknown = thrown instanceof Error ? thrown.message : thrown;
    // The text of a list is that of all its elements: a few lists that are shared at many levels have no end.
    return Array.isArray(said) || ArrayBuffer.isView(said) ? "a list" : String(said);
  } catch {
    return "something that has no text";
  }
}
