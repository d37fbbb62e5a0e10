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

/** A function of Lua's, as what it was compiled from. */
export class LuaCode {
  /** The source text of its chunk, or the name of a function of the library. */
  readonly source: string;
  /** The chunk's name; none of a function of the library. */
  readonly chunkName: string | undefined;
  /** Where it stands in its chunk: its place among the functions of each function around it. */
  readonly place: readonly number[];

  /** Constructs a function's code. */
  constructor(source: string, chunkName: string | undefined, place: readonly number[]) {
    this.source = source;
    this.chunkName = chunkName;
    this.place = place;
  }
}
