/**
 * The host's containers that Lua sees as views, by number.
 *
 * @module
 */

import { Numbers, Seen } from "../bridge/seen.ts";
import { NIL_KIND } from "../runtime/wire.ts";
import { TableData } from "../state/tables.ts";
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

/** What has been given a number without being hashed: an external table. */
const NOT_HASHED = -2;

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

  /** Objects of inputs that have become external tables, as code has stored them in one. */
  readonly #covered = new Map<number, TableData>();

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

  /** Adds an external table, and answers its number. */
  addExternal(table: TableData): number {
    return table.view = this.objects.give(table, NOT_HASHED) + 1;
  }

  /** The view of an input's object stands for an external table from now on; false where it is none. */
  cover(number: number, table: TableData): boolean {
    if (this.origins[number] === undefined || this.#covered.has(number)) return false;
    this.#covered.set(number, table);
    table.view = number;
    return true;
  }

  /** It doesn't any more. */
  uncover(number: number): void {
    const table = this.#covered.get(number)!;
    table.view = 0;
    table.hasMetatable = false;
    this.#covered.delete(number);
  }

  /** The external tables have no numbers any more: the unit is gone. */
  letGo(): void {
    for (const object of [...this.objects.objects, ...this.#covered.values()]) {
      if (TableData.is(object)) [object.view, object.hasMetatable] = [0, false];
    }
  }

  /** Whether a number is a view's. */
  has(number: number): boolean {
    return this.objectOf(number) !== undefined;
  }

  /** Removes a view. */
  remove(number: number): void {
    if (this.#covered.has(number)) this.uncover(number);
    const table = this.objects.objects[number - 1];
    if (TableData.is(table)) {
      table.view = 0;
      table.hasMetatable = false;
      this.objects.objects[number - 1] = undefined;
      this.objects.free.push(number - 1);
      return;
    }
    this.origins[number]!.input.seen.remove(number - 1);
    this.origins[number] = undefined;
    this.keys[number] = 0;
    this.contents[number] = undefined;
  }

  /** The object of a view's number, if there is one. */
  objectOf(number: number): object | undefined {
    const covered = this.#covered.size > 0 ? this.#covered.get(number) : undefined;
    return covered ?? this.objects.objects[number - 1];
  }

  /** The input of a view's number. */
  inputOf(number: number): LazyInput {
    return this.origins[number]!.input;
  }

  /** Where a view's container stands, such as `input.rows[3]`. */
  path(number: number): string {
    const origin = this.origins[number];
    if (origin === undefined) return "table";
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
