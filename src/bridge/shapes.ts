/**
 * Shapes: what objects with the same keys have in common, by numbers that last from message
 * to message. Each direction has its own.
 *
 * @module
 */

import { isFarIndex, isInherited } from "../values/fields.ts";

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

/** Shapes as data: the keys of each, by its number. */
export interface ShapesRecord {
  readonly sent: readonly (readonly string[])[];
  readonly read: readonly (readonly string[] | null)[];
}

/** What a shape with these keys is found by. */
export function shapeName(keys: readonly string[]): string {
  return `${keys.length}\0${keys.join("\0")}`;
}

/** A shape that the unit knows by this number. */
export function sentShape(number: number, keys: readonly string[]): Shape {
  return { number, isKnown: true, keys, hints: new Array<Shape | undefined>(keys.length).fill(undefined) };
}

/** A shape that the unit has sent. */
export function readShape(keys: readonly string[]): ReadShape {
  return { keys, isInherited: keys.some(isInherited), isSparse: keys.some(isFarIndex) };
}

/** The shapes that one unit knows. */
export class Shapes {
  /** Those that were sent to Lua, by their keys. */
  readonly sent: Map<string, Shape> = new Map();
  /** Those that Lua has sent, by their numbers. */
  readonly read: ReadShape[] = [];

  /** What is known, as data. */
  record(): ShapesRecord {
    return {
      sent: [...this.sent.values()].map(({ keys }) => keys),
      read: Array.from(this.read, (shape) => shape?.keys ?? null),
    };
  }

  /** The shapes of a record. */
  static of({ sent, read }: ShapesRecord): Shapes {
    const shapes = new Shapes();
    for (const keys of sent) shapes.sent.set(shapeName(keys), sentShape(shapes.sent.size, keys));
    read.forEach((keys, number) => {
      if (keys !== null) shapes.read[number] = readShape(keys);
    });
    return shapes;
  }
}
