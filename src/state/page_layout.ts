/**
 * How the tables of a state stand in pages.
 *
 * Each table has a number, the first that is free; `_home` has 0. What was saved of a unit's `_io` is a table that is
 * told by its id, and that no other refers to. Page 2 k holds the tables with the numbers from 64 k on: of each its id,
 * kind, length and border, and its entries, if they are few, or else the numbers of its own pages. Those are odd, and
 * hold 256 places each, of the list or of the other keys, in their order. A large value has an odd page to itself, so
 * that it is written only when it is changed.
 *
 * @module
 */

import { TYPED_ARRAYS } from "../values/kinds.ts";
import { Damage } from "./bytes.ts";
import { PAGE_ENTRIES, type Stored, type TableKind } from "./tables.ts";

/** Tables in a page. */
export const PAGE_TABLES = 64;

/** Parts of a table, each with pages of its own. */
export const LIST = 0;
export const KEYS = 1;
export type Part = typeof LIST | typeof KEYS;

/** How the entries of a table stand in its page of tables. */
export const FORM = { INLINE: 1, PAGED: 2 } as const;

/** What an odd page holds. */
export const HOLDS = { PLACES: 1, VALUE: 2 } as const;

const KINDS: readonly TableKind[] = [undefined, "array", "map", "set", "object"];
/** Before the number of a typed array. */
const TYPED = 16;

/** Where a table stands. */
export interface TablePlace {
  readonly number: number;
  /** How many saves there were when it was given: in the store it is after one more. */
  readonly savesBefore: number;
  /** Numbers of the pages of each part; undefined where its entries stand beside other tables. */
  pages: [number[], number[]] | undefined;
  /** Values that have pages of their own, by {@linkcode apartKey}. */
  apart: Map<number, { value: Stored; page: number }> | undefined;
}

/** Pages that so many places take. */
export function pagesOf(places: number): number {
  return Math.ceil(places / PAGE_ENTRIES);
}

/** Under which number a {@linkcode TablePlace} has a value that has a page of its own. */
export function apartKey(part: Part, place: number): number {
  return 2 * place + part;
}

/** A kind as a byte. */
export function numberOfKind(kind: TableKind): number {
  const number = KINDS.indexOf(kind);
  return number >= 0 ? number : TYPED + Number(kind!.slice("typed:".length));
}

/** A byte as a kind. */
export function kindOfNumber(number: number): TableKind {
  if (number < KINDS.length) return KINDS[number];
  if (!Object.hasOwn(TYPED_ARRAYS, number - TYPED)) throw new Damage(`a table of kind ${number}, which there isn't`);
  return `typed:${number - TYPED}`;
}
