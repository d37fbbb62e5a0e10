/**
 * The host's containers that Lua sees as views, by number.
 *
 * @module
 */

import { Numbers, Seen } from "../bridge/seen.ts";
import { NIL_KIND } from "../runtime/wire.ts";
import { pathText } from "../values/paths.ts";
import type { LazyInput, Origin } from "./encode_views.ts";
import type { Entries } from "./entries.ts";
import { Place } from "./place.ts";
import type { Thrown } from "./thrown.ts";

/** A view's container, and what its contents need. */
export interface Contents {
  /** The origin of what it holds. */
  readonly origin: Origin;
  /** Of a Map, Set or large object. */
  entries: Entries | undefined;
  /** An object that is known to have many fields. */
  isLarge: boolean;
}

/** The views of one unit. A view's number is one more than its object's: 0 is no view. */
export class Views {
  /** The objects of all inputs. */
  readonly objects: Numbers = new Numbers();
  /** Where each stands. */
  readonly origins: (Origin | undefined)[] = [];
  /** Under which key. */
  readonly keys: (string | number)[] = [];
  /** What is known of those that code has looked into. */
  readonly contents: (Contents | undefined)[] = [];

  /** Of what was thrown, as of an input; few units meet any. */
  #thrown: Origin | undefined;

  /** Adds an object that its input's `seen` has just numbered. */
  add(number: number, origin: Origin, key: string | number): void {
    this.origins[number] = origin;
    this.keys[number] = key;
  }

  /** Adds what was thrown, and answers its number. */
  addThrown(thrown: Thrown): number {
    this.#thrown ??= {
      parent: undefined,
      key: "error",
      place: new Place(),
      isElements: false,
      input: { seen: new Seen(this.objects), nullKind: NIL_KIND.NULL, isShared: true },
    };
    const number = -this.#thrown.input.seen.add(thrown, undefined);
    this.add(number, this.#thrown, "error");
    return number;
  }

  /** Removes a view. */
  remove(number: number): void {
    this.origins[number]!.input.seen.remove(number - 1);
    this.origins[number] = undefined;
    this.keys[number] = 0;
    this.contents[number] = undefined;
  }

  /** The object of a view's number, if there is one. */
  objectOf(number: number): object | undefined {
    return this.objects.objects[number - 1];
  }

  /** The input of a view's number. */
  inputOf(number: number): LazyInput {
    return this.origins[number]!.input;
  }

  /** Where a view's container stands, such as `input.rows[3]`. */
  path(number: number): string {
    const origin = this.origins[number]!;
    if (origin.parent === undefined) return String(origin.key);
    const path: (string | number)[] = [this.keys[number]];
    let at = origin;
    while (at.parent !== undefined) {
      path.push(at.key);
      at = at.parent;
    }
    // The last is the root's key in nothing.
    path.pop();
    return pathText(String(at.key), path.reverse());
  }
}
