/**
 * Values of Lua's that JavaScript has no counterpart for, where both sides must tell them from others:
 * in external tables.
 *
 * @module
 */

/** A float of Lua's that is a whole number: as a number of JavaScript's it would be an integer. */
export class LuaFloat {
  /** The number. */
  readonly value: number;

  /** Constructs a float of a whole number. */
  constructor(value: number) {
    this.value = value;
  }
}

/** `_io.null`, which Lua code put there; what the host put there as null is nil to code. */
export class KeptNull {
  #brand = undefined;
}

/** The one {@linkcode KeptNull}. */
export const KEPT_NULL: KeptNull = new KeptNull();

/** A function of Lua's: its bytecode, without upvalues but the globals; or its name in the library. */
export class LuaCode {
  /** The bytecode, or the name, such as `string.format`. */
  readonly code: Uint8Array | string;

  /** Constructs a function from its bytecode or its name in the library. */
  constructor(code: Uint8Array | string) {
    this.code = code;
  }
}
