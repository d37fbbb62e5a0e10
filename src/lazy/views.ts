/**
 * The host's containers that Lua sees as views, by number.
 *
 * @module
 */

import { NOT_HASHED, Numbers, Seen } from "../bridge/seen.ts";
import { NIL_KIND } from "../runtime/wire.ts";
import { TableData } from "../state/tables.ts";
import { pathText } from "../values/paths.ts";
import { hasFields, kindOf } from "../values/kinds.ts";
import { type LazyInput, type Origin, originOf, placeOf } from "./encode_views.ts";
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

/** Views as data. Inputs and origins are known by their places in the lists. */
export interface ViewsRecord {
  readonly inputs: readonly { readonly nullKind: number; readonly isShared: boolean }[];
  /** What stands before in the list, or -1, is the parent. */
  readonly origins: readonly {
    readonly parent: number;
    readonly key: string | number;
    readonly isElements: boolean;
    readonly input: number;
  }[];
  readonly views: readonly {
    readonly number: number;
    readonly object: object;
    readonly origin: number;
    readonly key: string | number;
    readonly isLarge: boolean;
  }[];
  /** External tables, by their places in a list of their own; some stand for an input's object. */
  readonly tables: readonly {
    readonly number: number;
    readonly table: number;
    readonly isCover: boolean;
  }[];
  /** The origin of what was thrown, or -1. */
  readonly thrown: number;
  /** Numbers that are free, less 1. */
  readonly free: Uint32Array;
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

  /** The external tables have no numbers any more: the unit is gone. */
  letGo(): void {
    for (const table of this.externals()) [table.view, table.hasMetatable] = [0, false];
  }

  /** The external tables that have numbers. */
  *externals(): Generator<TableData> {
    for (const object of this.objects.objects) if (TableData.is(object)) yield object;
    yield* this.#covered.values();
  }

  /** Whether a number is a view's. */
  has(number: number): boolean {
    return this.objectOf(number) !== undefined;
  }

  /** Removes a view. */
  remove(number: number): void {
    const covered = this.#covered.size > 0 ? this.#covered.get(number) : undefined;
    if (covered !== undefined) {
      [covered.view, covered.hasMetatable] = [0, false];
      this.#covered.delete(number);
    }
    // By its hash, as to ask each row what it is took a tenth of the time of summing one field.
    if (this.objects.hashes[number - 1] === NOT_HASHED) {
      const table = this.objects.objects[number - 1] as TableData;
      [table.view, table.hasMetatable] = [0, false];
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

  /** The same of an input's view, also where that is an external table by now. */
  ownObjectOf(number: number): object | undefined {
    return this.objects.objects[number - 1];
  }

  /** The input of a view's number; external tables are of none. */
  inputOf(number: number): LazyInput | undefined {
    return this.origins[number]?.input;
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

  /**
   * What is known, as data, with the host's own objects.
   *
   * @param placeOf The place of an external table in the list of those.
   */
  record(placeOf: (table: TableData) => number): ViewsRecord {
    const inputs = new Map<LazyInput, number>();
    const origins = new Map<Origin, number>();
    const views: ViewsRecord["views"][number][] = [];
    this.origins.forEach((origin, number) => {
      if (origin === undefined) return;
      noteOrigin(origin, origins, inputs);
      const isLarge = this.contents[number]?.isLarge === true;
      const object = this.objects.objects[number - 1]!;
      views.push({ number, object, origin: origins.get(origin)!, key: this.keys[number], isLarge });
    });
    if (this.#thrown !== undefined) noteOrigin(this.#thrown, origins, inputs);
    return {
      inputs: Array.from(inputs.keys(), ({ nullKind, isShared }) => ({ nullKind, isShared })),
      origins: Array.from(origins.keys(), ({ parent, key, isElements, input }) => ({
        parent: parent === undefined ? -1 : origins.get(parent)!,
        key,
        isElements,
        input: inputs.get(input)!,
      })),
      views,
      tables: this.#recordTables(placeOf),
      thrown: this.#thrown === undefined ? -1 : origins.get(this.#thrown)!,
      free: Uint32Array.from(this.objects.free),
    };
  }

  #addTable(number: number, table: TableData, isCover: boolean): void {
    table.view = number;
    if (isCover) this.#covered.set(number, table);
    else {
      this.objects.objects[number - 1] = table;
      this.objects.hashes[number - 1] = NOT_HASHED;
    }
  }

  #recordTables(placeOf: (table: TableData) => number): ViewsRecord["tables"][number][] {
    const tables: ViewsRecord["tables"][number][] = [];
    this.objects.objects.forEach((object, i) => {
      if (TableData.is(object)) tables.push({ number: i + 1, table: placeOf(object), isCover: false });
    });
    for (const [number, table] of this.#covered) tables.push({ number, table: placeOf(table), isCover: true });
    return tables;
  }

  /** The views of a record, and of the external tables of a list. */
  static of({ inputs, origins, views, tables, thrown, free }: ViewsRecord, list: readonly TableData[]): Views {
    const made = new Views();
    const ownInputs = inputs.map(({ nullKind, isShared }): LazyInput => {
      return { seen: new Seen(made.objects), nullKind, isShared };
    });
    const ownOrigins: Origin[] = [];
    for (const { parent, key, isElements, input } of origins) {
      ownOrigins.push(originUnder(ownOrigins[parent], key, isElements, ownInputs[input]));
    }
    for (const { number, object, origin, key, isLarge } of views) {
      const own = ownOrigins[origin];
      own.input.seen.adopt(object, number - 1);
      made.add(number, own, key);
      if (isLarge) made.contents[number] = { origin: contentsOrigin(own, key, object), entries: undefined, isLarge };
    }
    for (const { number, table, isCover } of tables) made.#addTable(number, list[table], isCover);
    for (const number of free) made.objects.free.push(number);
    made.#thrown = ownOrigins[thrown];
    return made;
  }
}

/** Lists an origin after those in which it stands. */
function noteOrigin(origin: Origin, origins: Map<Origin, number>, inputs: Map<LazyInput, number>): void {
  if (!inputs.has(origin.input)) inputs.set(origin.input, inputs.size);
  const way: Origin[] = [];
  for (let at: Origin | undefined = origin; at !== undefined && !origins.has(at); at = at.parent) way.push(at);
  for (const at of way.reverse()) origins.set(at, origins.size);
}

function originUnder(parent: Origin | undefined, key: string | number, isElements: boolean, input: LazyInput): Origin {
  if (parent === undefined) return { parent, key, place: new Place(), isElements, input };
  const place = placeOf(parent, key);
  return originOf(parent, key, isElements ? place.elements : place, isElements);
}

/** The origin of what a container holds that stands under a key. */
export function contentsOrigin(parent: Origin, key: string | number, container: object): Origin {
  return originUnder(parent, key, !hasFields(kindOf(container)), parent.input);
}
