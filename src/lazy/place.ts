/**
 * What code reads of the objects at one place of a lazy input.
 *
 * @module
 */

import type { Shape } from "../bridge/shapes.ts";
import { hasGetter } from "../values/fields.ts";

/** Places inside places; what is deeper counts as one place. */
const DEPTH_MAX = 16;

/** Keys that a place tells apart. */
const CHILDREN_MAX = 64;

/** Longer names of missing fields are not noted, as code may make any. */
const NAME_LENGTH_MAX = 64;

/** Fields that are sent ahead; code that reads more gets all of them. */
const PROJECTION_MAX = 16;

/** Kinds of objects for which a place keeps plans. */
const PLANS_MAX = 4;

/** How the objects of one kind, with these keys, are sent. */
export interface Plan {
  readonly keys: readonly string[];
  /** Which of them are sent. */
  readonly sends: readonly boolean[];
  /** The fields that are sent: those keys, then fields that these objects don't have. */
  readonly fields: readonly string[];
  /** How many of the fields they have. */
  readonly hasCount: number;
  /** Whether that is all of them. */
  readonly isComplete: boolean;
  /** The shape of what is sent. */
  shape: Shape | undefined;
  /**
   * Whether the first field's value tells these objects apart (see `Seen`): not where
   * reading it would call a getter.
   */
  readonly hasFirst: boolean;
  /** Places of the fields that hold containers. */
  readonly places: (Place | undefined)[];
}

/**
 * A place such as `input.rows[*].customer`. Fields that code has read of two objects
 * there are sent ahead with each further one.
 */
export class Place {
  readonly #depth: number;
  #projection: string[] = [];
  #isWhole = false;
  #missed = new Map<string, number>();
  #wholes = 0;
  #children = new Map<string, Place>();
  #elements: Place | undefined;
  #plans: Plan[] = [];
  /** Numbers of objects with many fields that were met here more than once. */
  large: Map<object, number> | undefined;

  /** Constructs a place that nothing is known about. */
  constructor(depth = 0) {
    this.#depth = depth;
  }

  /** The place of a field. */
  child(key: string): Place {
    if (this.#depth === DEPTH_MAX) return this;
    let child = this.#children.get(key);
    if (child !== undefined) return child;
    if (this.#children.size === CHILDREN_MAX) return this.elements;
    child = new Place(this.#depth + 1);
    this.#children.set(key, child);
    return child;
  }

  /** The place of all elements, or of all entries' keys and values. */
  get elements(): Place {
    if (this.#depth === DEPTH_MAX) return this;
    return this.#elements ??= new Place(this.#depth + 1);
  }

  /** Code has read a field that hadn't been sent. */
  noteField(key: string, view: number): void {
    if (key.length > NAME_LENGTH_MAX) return;
    const other = this.#missed.get(key);
    if (other === undefined || other === view) {
      if (this.#missed.size < CHILDREN_MAX) this.#missed.set(key, view);
      return;
    }
    if (this.#projection.includes(key)) return;
    this.#projection.push(key);
    if (this.#projection.length > PROJECTION_MAX) this.#isWhole = true;
    this.#plans = [];
  }

  /** Code has needed all fields of an object. */
  noteWhole(): void {
    if (this.#isWhole || ++this.#wholes < 2) return;
    this.#isWhole = true;
    this.#plans = [];
  }

  /** The plan that the last object had. */
  get lastPlan(): Plan | undefined {
    return this.#plans[0];
  }

  /** The plan for objects such as this one, with these keys; becomes the last one. */
  plan(object: object, keys: string[]): Plan {
    const known = this.#plans.findIndex((plan) => isSame(plan.keys, keys));
    if (known >= 0) {
      const [plan] = this.#plans.splice(known, 1);
      this.#plans.unshift(plan);
      return plan;
    }
    const isComplete = this.#isWhole || keys.every((key) => this.#projection.includes(key));
    const sends = keys.map((key) => isComplete || this.#projection.includes(key));
    const sent = keys.filter((_, i) => sends[i]);
    const fields = isComplete ? keys : [...sent, ...this.#projection.filter((field) => !keys.includes(field))];
    const plan: Plan = {
      keys,
      sends,
      fields,
      hasCount: sent.length,
      isComplete,
      shape: undefined,
      hasFirst: keys.length > 0 && !hasGetter(object, keys[0]),
      places: new Array<Place | undefined>(fields.length).fill(undefined),
    };
    this.#plans.unshift(plan);
    if (this.#plans.length > PLANS_MAX) this.#plans.pop();
    return plan;
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, i) => key === b[i]);
}
