/**
 * JavaScript to wire, lazily: writes views of containers, and the parts of them that
 * code reads. What a view is: `zig/views/`.
 *
 * @module
 */

import { Encoder, LARGE_FIELDS_MIN, MESSAGE } from "../bridge/encode.ts";
import type { Seen } from "../bridge/seen.ts";
import type { Shape } from "../bridge/shapes.ts";
import { NIL_KIND, VIEW_KIND, WIRE } from "../runtime/wire.ts";
import { hasGetter, hasKeys } from "../values/fields.ts";
import { checkKey } from "../values/keys.ts";
import { KeptNull, LuaFloat } from "../values/lua_exact.ts";
import { bytesOf, elementsOf, isPlain, kindOf, type TypedArray } from "../values/kinds.ts";
import { refuseOpaque, refuseTagged } from "../values/refusals.ts";
import { forEachEntry, resultKindOf } from "../state/stored.ts";
import { type Stored, TableData } from "../state/tables.ts";
import type { Place, Plan } from "./place.ts";

const { WORDS_MAX } = WIRE;

const BOXED_NIL = WIRE.BOXED + WIRE.NIL;
const BOXED_VIEW = WIRE.BOXED + WIRE.VIEW;

/** Arrays up to this length are sent with their elements. */
const INLINE_ELEMENTS_MAX = 16;

/** Objects with more fields than this are read entry by entry. */
const FIELDS_MAX = 256;

/** Such objects that a place knows again. */
const LARGE_MAX = 1024;

/** Containers that are sent inside others. */
const INLINE_DEPTH_MAX = 8;

/**
 * What a page may have for another element to be tried. Half a chunk of words: larger
 * pages hardly save time, and take more of Lua's memory at once.
 */
const PAGE_WORDS_MAX = WORDS_MAX / 2;
const PAGE_BYTES_MAX = WIRE.HEAP_SIZE_BYTES - 2048;

/** Bits of a view's head (`ViewHead`). */
const IS_COMPLETE = 1 << 8;
const IS_NUMBERS = 1 << 9;

const ENTRIES_TAGS = { object: WIRE.RECORD, map: WIRE.MAP, set: WIRE.SET } as const;

/** Where an object stands: the container that holds it, and under which key. */
export interface Origin {
  readonly parent: Origin | undefined;
  /** The container's own key in its parent. */
  readonly key: string | number;
  /** The place of the container, or of its elements. */
  readonly place: Place;
  readonly isElements: boolean;
  readonly input: LazyInput;
}

/** What one lazy input's objects have in common. */
export interface LazyInput {
  /** The objects of it that Lua sees. */
  readonly seen: Seen;
  /** What null crosses as. */
  readonly nullKind: number;
  /** Whether an output may have the host's own objects; else it has copies. */
  readonly isShared: boolean;
}

/** Numbers the objects that Lua sees. */
export interface Registry {
  /**
   * Number of an object; negative where it is a new one.
   *
   * @param first The value of its first field, if it is an object with fields.
   */
  add(object: object, first: unknown, origin: Origin, key: string | number): number;
  /** Whether an object has this number in the input of an origin. */
  has(number: number, object: object, origin: Origin): boolean;
  /** Takes a number back. */
  remove(number: number): void;
  /** Where a numbered object stands, such as `input.rows[3]`. */
  path(number: number): string;
}

/** Thrown where an element doesn't fit a page that has others already. */
const PAGE_FULL = Symbol("page is full");

/** A point in a message to go back to. */
interface Mark {
  word: number;
  byte: number;
  shapes: number;
  added: number;
  depth: number;
}

/** Writes values, and views of them. */
export class ViewEncoder extends Encoder {
  /** Set before the first view is written. */
  registry!: Registry;
  /** Views that this message numbered. */
  #added: number[] = [];
  /** A page has elements that must not be sent before it ends. */
  #isHeld = false;
  /** A chunk of this message has been sent. */
  #isSent = false;
  #inlineDepth = 0;
  /** Elements or entries of the last page. */
  #count = 0;

  /**
   * Writes a view of a container, of an input of its own; with a key, a pair of both.
   *
   * @throws {TypeError} If the value is a container that can't be passed.
   */
  encodeRoot(value: object, origin: Origin, action: string, name: string, key?: string): void {
    this.#message(MESSAGE.LAZY, origin, action, name, () => {
      if (key !== undefined) {
        this.box(WIRE.ARRAY, 2);
        this.string(key);
      }
      this.#container(value, origin.place, origin, "");
    });
  }

  /** What becomes of an error while a container was read outside of a message. */
  explainRead(error: unknown, container: number, action: string, key?: string | number): unknown {
    this.path[0] = key ?? "";
    this.depth = key === undefined ? 0 : 1;
    return this.explain(error, action, this.registry.path(container), 0);
  }

  /** Writes one value of a container. */
  encodePart(value: unknown, origin: Origin, key: string | number, action: string, container: number): void {
    this.#message(MESSAGE.PART, origin, action, container, () => {
      this.enter()[0] = key;
      this.#any(value, placeOf(origin, key), origin, key);
    });
  }

  /**
   * Writes elements of an array, as many as fit a chunk.
   *
   * @returns How many.
   */
  encodeElements(
    array: readonly unknown[] | TypedArray,
    origin: Origin,
    first: number,
    count: number,
    action: string,
    container: number,
  ): number {
    let written = 0;
    this.#message(MESSAGE.PART, origin, action, container, () => {
      if (ArrayBuffer.isView(array)) {
        const part = elementsOf(array as TypedArray)[1].subarray(first, first + Math.min(count, WORDS_MAX - 2));
        written = part.length;
        if (written > 0) return this.typedArray(part, first);
        // Its buffer has shrunk since.
        this.box(WIRE.ARRAY, 1);
        return this.value(undefined);
      }
      // What an array has lost since is nil.
      const last = first + count;
      let i = first;
      this.#page(WIRE.ARRAY, 1, () => {
        if (i > first) i += this.#rows(array, origin, i, last);
        if (i >= last) return i - first;
        this.path[0] = i;
        this.#any(array[i], origin.place, origin, i);
        return ++i - first;
      });
      written = this.#count;
    });
    return written;
  }

  /**
   * Writes entries by turns key and value, as many as fit a chunk.
   *
   * @param next Gives the next entry whose value isn't nil, and its position; undefined at the end.
   * @returns How many.
   */
  encodeEntries(
    next: () => [unknown, unknown, number] | undefined,
    origin: Origin,
    action: string,
    container: number,
  ): number {
    let count = 0;
    this.#message(MESSAGE.PART, origin, action, container, () => {
      this.#page(WIRE.ARRAY, 2, () => {
        const entry = next();
        if (entry === undefined) return count;
        const [key, value, position] = entry;
        const name = typeof key === "string" ? key : position;
        this.path[0] = name;
        this.#any(key, origin.place, origin, name);
        this.#any(value, origin.place, origin, name);
        return ++count;
      });
      count = this.#count;
    });
    return count;
  }

  /** Writes one value of an external table. */
  encodeStored(value: Stored | undefined): void {
    this.#storedMessage(() => this.#stored(value));
  }

  /**
   * Writes values of an external table as an array, as many as fit a chunk.
   *
   * @param next Writes more of them, and answers how many there are; the same number where none is left.
   * @returns How many.
   */
  encodeStoredPage(valuesOfEach: number, next: (write: (value: Stored | undefined) => void) => number): number {
    const write = (value: Stored | undefined) => this.#stored(value);
    this.#storedMessage(() => this.#page(WIRE.ARRAY, valuesOfEach, () => next(write)));
    return this.#count;
  }

  /** Writes all that an external table holds. */
  encodeStoredTable(table: TableData): void {
    this.#storedMessage(() => {
      const kind = resultKindOf(table);
      this.enter();
      if (kind === "object" || kind === "map" || kind === "set") return this.#storedEntries(table, kind);
      const length = table.luaLength;
      this.box(WIRE.ARRAY, length);
      for (let key = 1; key <= length; key++) this.#stored(table.get(key));
    });
  }

  #storedEntries(table: TableData, kind: "object" | "map" | "set"): void {
    this.box(ENTRIES_TAGS[kind], table.size);
    forEachEntry(table, (key, value) => {
      this.#stored(kind === "object" ? String(key) : key);
      this.#stored(value);
    });
  }

  #storedMessage(write: () => void): void {
    this.#isHeld = false;
    this.#isSent = false;
    this.#inlineDepth = 0;
    this.nullKind = NIL_KIND.NULL;
    let done = false;
    try {
      this.begin(MESSAGE.PART);
      write();
      this.#isHeld = false;
      this.end();
      done = true;
    } finally {
      if (!done) this.drop();
    }
  }

  #stored(value: Stored | undefined): void {
    if (this.word + 2 > WORDS_MAX) this.flush();
    if (typeof value !== "object" || value === null) return this.value(value);
    if (TableData.is(value)) return this.external(value);
    if (value instanceof Uint8Array) return this.bytes(value);
    if (value instanceof LuaFloat) {
      this.box(WIRE.FLOAT, 0);
      return this.number(value.value);
    }
    if (value instanceof Date) {
      this.box(WIRE.DATE, 0);
      return this.number(value.getTime());
    }
    if (value instanceof KeptNull) return this.box(WIRE.NIL, NIL_KIND.KEPT);
    this.#code(value.code);
  }

  #code(code: Uint8Array | string): void {
    if (typeof code === "string") {
      this.box(WIRE.FUNCTION_BYTECODE, WIRE.LIBRARY_FUNCTION);
      return this.string(code);
    }
    this.box(WIRE.FUNCTION_BYTECODE, 0);
    this.bytes(code);
  }

  /** Writes all of an object's fields. */
  encodeFields(
    value: Record<string, unknown>,
    keys: string[],
    origin: Origin,
    action: string,
    container: number,
  ): void {
    this.#message(MESSAGE.PART, origin, action, container, () => {
      const shape = this.shapeOf(keys);
      if (shape !== undefined) this.box(WIRE.OBJECT, shape.number);
      else this.box(WIRE.RECORD, keys.length);
      const path = this.enter();
      for (const key of keys) {
        path[0] = key;
        if (shape === undefined) this.value(key);
        this.#any(value[key], placeOf(origin, key), origin, key);
      }
    });
  }

  /** Writes all elements or entries of a container without fields. */
  encodeContents(value: object, origin: Origin, action: string, container: number): void {
    this.#message(MESSAGE.PART, origin, action, container, () => {
      switch (kindOf(value)) {
        case "numbers":
          return this.typedArray(value as TypedArray);
        case "map":
          return this.#allEntries(WIRE.MAP, value as Map<unknown, unknown>, origin);
        case "set":
          return this.#allEntries(WIRE.SET, value as Set<unknown>, origin);
        default:
          return this.#allElements(value as readonly unknown[], origin);
      }
    });
  }

  #allElements(array: readonly unknown[], origin: Origin): void {
    const path = this.enter();
    const length = array.length;
    this.box(WIRE.ARRAY, length);
    for (let i = 0; i < length; i++) {
      path[0] = i;
      this.#any(array[i], origin.place, origin, i);
    }
  }

  #allEntries(tag: number, value: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>, origin: Origin): void {
    const path = this.enter();
    const size = value.size;
    this.box(tag, size);
    let count = 0;
    for (const [key, held] of value.entries()) {
      path[0] = typeof key === "string" ? key : count;
      checkKey(key);
      this.#any(key, origin.place, origin, count);
      this.#any(tag === WIRE.MAP ? held : true, origin.place, origin, path[0]);
      if (++count > size) break;
    }
    this.checkCount(count, size);
  }

  #message(kind: number, origin: Origin, action: string, name: string | number, write: () => void): void {
    this.nullKind = origin.input.nullKind;
    this.#added = [];
    this.#isHeld = false;
    this.#isSent = false;
    this.#inlineDepth = 0;
    let done = false;
    try {
      this.begin(kind);
      write();
      this.#isHeld = false;
      this.end();
      done = true;
    } catch (error) {
      throw this.explain(error, action, typeof name === "string" ? name : this.registry.path(name), 0);
    } finally {
      if (!done) {
        // Before the message is dropped, as Lua may then collect what came of it.
        for (const number of this.#added) {
          this.instance.exports.drop_view(number);
          this.registry.remove(number);
        }
        this.drop();
      }
    }
  }

  protected override flush(): void {
    if (this.#isHeld) throw PAGE_FULL;
    this.#isSent = true;
    super.flush();
  }

  /**
   * Writes an array of what `next` writes, until the chunk is full or nothing is added.
   *
   * @param next Writes more, and answers how many there are.
   */
  #page(tag: number, valuesOfEach: number, next: () => number): void {
    this.box(tag, 0);
    this.halves[0] = valuesOfEach;
    this.enter();
    let count = 0;
    const mark = this.#mark();
    try {
      for (let now = next(); now > count; now = next()) {
        count = now;
        // The first was too large for a chunk, and its header is gone.
        if (this.#isSent) {
          this.#count = count;
          return;
        }
        if (!this.#hasRoom()) break;
        this.#isHeld = true;
        this.#mark(mark);
      }
    } catch (error) {
      // What code hasn't asked for yet may still be refused when it does.
      if (count === 0) throw error;
      this.#rollBack(mark);
    }
    this.halves[0] = count * valuesOfEach;
    this.#count = count;
  }

  /** Whether another element may fit the page. */
  #hasRoom(): boolean {
    return this.word <= PAGE_WORDS_MAX && this.byte <= PAGE_BYTES_MAX;
  }

  /**
   * Writes rows of one kind as long as what is sent of them are numbers, short strings,
   * booleans or nil: as `#any` would, with less work for each.
   *
   * @returns How many.
   */
  #rows(array: readonly unknown[], origin: Origin, first: number, last: number): number {
    const plan = origin.place.lastPlan;
    if (plan?.shape === undefined || !plan.shape.isKnown || !plan.hasFirst || !this.forInIsOwn) return 0;
    const { keys, sends, fields, hasCount } = plan;
    const { halves } = this;
    const head = VIEW_KIND.OBJECT | (plan.isComplete ? IS_COMPLETE : 0) | plan.shape.number << 16;
    let i = first;
    while (i < last && this.#hasRoom()) {
      const row = array[i];
      if (!isPlain(row)) break;
      const { byte } = this;
      let word = this.scalarFields(row, keys, sends, this.word + 2);
      const number = word < 0 ? 0 : this.registry.add(row, this.firstValue, origin, i);
      if (number >= 0) {
        // Another kind of object, something else to write, or a view that Lua has already.
        this.byte = byte;
        break;
      }
      for (let missing = hasCount; missing < fields.length; missing++) {
        halves[2 * word] = NIL_KIND.UNDEFINED;
        halves[2 * word++ + 1] = BOXED_NIL;
      }
      this.#added.push(-number);
      const start = 2 * this.word;
      halves[start] = -number;
      halves[start + 1] = BOXED_VIEW;
      halves[start + 2] = head;
      halves[start + 3] = keys.length;
      this.word = word;
      i++;
    }
    return i - first;
  }

  #mark(mark: Mark = { word: 0, byte: 0, shapes: 0, added: 0, depth: 0 }): Mark {
    mark.word = this.word;
    mark.byte = this.byte;
    mark.shapes = this.shapes.size;
    mark.added = this.#added.length;
    mark.depth = this.depth;
    return mark;
  }

  #rollBack(mark: Mark): void {
    this.word = mark.word;
    this.byte = mark.byte;
    this.depth = mark.depth;
    if (this.shapes.size > mark.shapes) this.forgetShapes(mark.shapes);
    while (this.#added.length > mark.added) this.registry.remove(this.#added.pop()!);
  }

  #any(value: unknown, place: Place, origin: Origin, key: string | number): void {
    if (typeof value === "object" && value !== null) this.#container(value, place, origin, key);
    else this.value(value);
  }

  #container(value: object, place: Place, origin: Origin, key: string | number): void {
    if (this.word + 4 > WORDS_MAX) this.flush();
    const kind = kindOf(value);
    switch (kind) {
      case "array":
        return this.#array(value as unknown[], place, origin, key);
      case "object":
        return this.#fields(value as Record<string, unknown>, place, origin, key, this.forInIsOwn);
      case "instance":
        refuseOpaque(value);
        return this.#fields(value as Record<string, unknown>, place, origin, key, false);
      case "bytes":
        return this.bytes(bytesOf(value as ArrayBuffer));
      case "numbers": {
        const { length } = elementsOf(value as TypedArray)[1];
        return this.#head(this.#number(value, undefined, origin, key), VIEW_KIND.ARRAY | IS_NUMBERS, length);
      }
      case "date": {
        const time = (value as Date).getTime();
        this.box(WIRE.DATE, Math.abs(this.#number(value, undefined, origin, key)));
        return this.number(time);
      }
      case "map": {
        const { size } = value as Map<unknown, unknown>;
        return this.#head(this.#number(value, undefined, origin, key), VIEW_KIND.MAP, size);
      }
      case "set": {
        const { size } = value as Set<unknown>;
        return this.#head(this.#number(value, undefined, origin, key), VIEW_KIND.SET, size);
      }
      case "external":
        return this.external(value);
      default:
        return kind satisfies never;
    }
  }

  /** Numbers a container; new ones are noted, in case that the message fails. */
  #number(value: object, first: unknown, origin: Origin, key: string | number): number {
    const number = this.registry.add(value, first, origin, key);
    if (number < 0) this.#added.push(-number);
    return number;
  }

  /** Writes a view without contents. */
  #head(number: number, kind: number, length: number): void {
    this.box(WIRE.VIEW, Math.abs(number));
    const word = this.word++;
    this.halves[2 * word] = kind | WIRE.NO_SHAPE << 16;
    this.halves[2 * word + 1] = length;
  }

  #array(value: readonly unknown[], place: Place, origin: Origin, key: string | number): void {
    const number = this.#number(value, undefined, origin, key);
    const length = value.length;
    this.#head(number, VIEW_KIND.ARRAY, length);
    if (number > 0 || length > INLINE_ELEMENTS_MAX || this.#inlineDepth === INLINE_DEPTH_MAX) return;
    this.#contents(() => {
      const own = originOf(origin, key, place.elements, true);
      const path = this.enter();
      const level = this.depth - 1;
      for (let i = 0; i < length; i++) {
        path[level] = i;
        this.#any(value[i], own.place, own, i);
      }
      this.depth--;
    }, WIRE.NO_SHAPE);
  }

  #fields(
    value: Record<string, unknown>,
    place: Place,
    origin: Origin,
    key: string | number,
    forInIsOwn: boolean,
  ): void {
    const known = place.large?.get(value);
    if (known !== undefined && this.registry.has(known, value, origin)) {
      return this.#head(known, VIEW_KIND.OBJECT, 0);
    }
    let plan = place.lastPlan;
    if (plan === undefined || !forInIsOwn || !hasKeys(value, plan.keys)) plan = place.plan(value, Object.keys(value));
    const { keys, fields, isComplete } = plan;
    if (keys.length === 0) refuseTagged(value);
    // Of this object, not of those with the same keys: it must get the same number everywhere.
    const isData = keys.length > 0 && !hasGetter(value, keys[0]);
    if (!isData && keys.length > 0) origin.input.seen.useIdentity();
    const first = isData ? value[keys[0]] : undefined;
    const number = this.#number(value, first, origin, key);
    if (number < 0 && fields.length > 0 && this.#inlineDepth < INLINE_DEPTH_MAX && keys.length <= FIELDS_MAX) {
      if (plan.shape === undefined || !plan.shape.isKnown) plan.shape = this.shapeOf(fields as string[]);
    }
    if (number > 0 && keys.length >= LARGE_FIELDS_MIN) {
      if (place.large === undefined || place.large.size === LARGE_MAX) place.large = new Map();
      place.large.set(value, number);
    }
    const isLarge = keys.length > FIELDS_MAX;
    this.#head(number, isLarge ? VIEW_KIND.RECORD : VIEW_KIND.OBJECT, keys.length);
    if (number > 0 || isLarge || this.#inlineDepth === INLINE_DEPTH_MAX) return;
    const shape = plan.shape;
    if (fields.length === 0 ? !isComplete : shape === undefined && !isComplete) return;
    this.#planned(value, plan, shape, place, origin, key);
  }

  /** Writes the planned fields after an object's head. */
  #planned(
    value: Record<string, unknown>,
    plan: Plan,
    shape: Shape | undefined,
    place: Place,
    origin: Origin,
    key: string | number,
  ): void {
    this.#contents(
      () => {
        const { fields, hasCount, places } = plan;
        const path = this.enter();
        const level = this.depth - 1;
        let own: Origin | undefined;
        for (let i = 0; i < fields.length; i++) {
          const field = fields[i];
          path[level] = field;
          if (shape === undefined) this.value(field);
          const held = i < hasCount ? value[field] : undefined;
          if (typeof held === "object" && held !== null) {
            own ??= originOf(origin, key, place, false);
            this.#container(held, places[i] ??= place.child(field), own, field);
          } else {
            this.value(held);
          }
        }
        this.depth--;
      },
      shape === undefined ? WIRE.NO_SHAPE : shape.number,
      plan.isComplete,
    );
  }

  /** Writes contents behind the head before, which tells of them; or none, if something in them is refused. */
  #contents(write: () => void, shape: number, isComplete = true): void {
    const mark = this.#mark();
    const head = 2 * (this.word - 1);
    const before = this.halves[head];
    this.halves[head] = before & 0xff | (isComplete ? IS_COMPLETE : 0) | shape << 16;
    this.#inlineDepth++;
    const wasSent = this.#isSent;
    this.#isSent = false;
    try {
      write();
    } catch (error) {
      if (this.#isSent || error === PAGE_FULL || this.isOwn(error)) throw error;
      this.#rollBack(mark);
      this.halves[head] = before;
    } finally {
      this.#isSent ||= wasSent;
      this.#inlineDepth--;
    }
  }
}

/** The origin of what a container holds. */
export function originOf(parent: Origin, key: string | number, place: Place, isElements: boolean): Origin {
  return { parent, key, place, isElements, input: parent.input };
}

/** The place of what stands under a key. */
export function placeOf(origin: Origin, key: string | number): Place {
  return origin.isElements ? origin.place : origin.place.child(key as string);
}
