/**
 * Shapes: what objects with the same keys have in common, by numbers that last from message
 * to message. Each direction has its own.
 *
 * @module
 */

/** What objects with the same keys in the same order share, on their way to Lua. */
export interface Shape {
  readonly number: number;
  /** False when the unit has forgotten it. */
  isKnown: boolean;
  readonly keys: readonly string[];
  /** Shapes last seen in its fields. */
  readonly hints: (Shape | undefined)[];
}

/** The same on their way to the host. */
export interface ReadShape {
  readonly keys: readonly string[];
  /** Assigning to one of the keys would reach what `Object.prototype` has under it. */
  readonly isInherited: boolean;
  /** One of the keys is an index that stands far out. */
  readonly isSparse: boolean;
}

/** The shapes that one unit knows. */
export class Shapes {
  /** Those that were sent to Lua, by their keys. */
  readonly sent: Map<string, Shape> = new Map();
  /** Those that Lua has sent, by their numbers. */
  readonly read: ReadShape[] = [];
}
