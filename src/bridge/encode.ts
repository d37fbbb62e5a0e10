/**
 * JavaScript to wire: writes a value's words and string bytes into the I/O buffer,
 * a chunk at a time, for `zig/bridge/to_lua.zig`. What crosses as what is in the table of
 * docs/IO_TABLE_API.md.
 *
 * @module
 */

import type { Instance } from "../runtime/instance.ts";
import { NIL_KIND, VIEW_KIND, WIRE } from "../runtime/wire.ts";
import { LuaError } from "../values/errors.ts";
import { hasGetter, hasKeys } from "../values/fields.ts";
import { checkDistinct, checkKey, equalKeys, KEYS_BETWEEN_CHECKS } from "../values/keys.ts";
import {
  bytesOf,
  elementsOf,
  INT64_MAX,
  INT64_MIN,
  isBytes,
  isPlain,
  kindOf,
  type TypedArray,
} from "../values/kinds.ts";
import { type Path, pathText } from "../values/paths.ts";
import { explain, loneSurrogate, Refusal, refuseOpaque, refuseTagged } from "../values/refusals.ts";
import { utf8Length } from "../values/text.ts";
import { Seen } from "./seen.ts";
import { sentShape, type Shape, shapeName, Shapes } from "./shapes.ts";

const { WORDS_MAX, HEAP_SIZE_BYTES, BOXED } = WIRE;

/** Strings and bytes up to this length cross in the buffer, longer ones one by one. */
const INLINE_BYTES_MAX = 4096;

/** Characters of a function's name. */
const FUNCTION_NAME_LENGTH_MAX = 200;

/** More than WASM memory could ever take in one piece. */
const LONG_BYTES_MAX = 2 ** 31 - 1;

/** A string of so many UTF-16 units fits the buffer whatever they are. */
const INLINE_STRING_UNITS_MAX = Math.floor(INLINE_BYTES_MAX / 3);

/** Up to this, a loop over a string's units is faster than TextEncoder. */
const LOOP_UNITS_MAX = 32;

/**
 * What a message is: a whole value; views of an input, or of a part of one; results of a function of
 * the host; what it makes known; what a function of Lua's is called with.
 */
export const MESSAGE = { WHOLE: 0, LAZY: 1, PART: 2, RESULTS: 3, POWERS: 4, ARGUMENTS: 5 } as const;

/** The numbers of external tables. */
export interface ExternalNumbers {
  /** The number of a table; negative where it is new. */
  add(table: object): number;
  /** Takes a number back. */
  remove(number: number): void;
}

/** Numbers a function of the host that stands at a path, by which it is also called in messages. */
export type NumberFunction = (run: unknown, path: Path, shown: string) => number;

const textEncoder = new TextEncoder();

const BOXED_NIL = BOXED + WIRE.NIL;
const BOXED_BOOLEAN = BOXED + WIRE.BOOLEAN;
const BOXED_STRING = BOXED + WIRE.STRING;

/** Objects with so many fields are known again without a look at their keys. */
export const LARGE_FIELDS_MIN = 64;

/** Strings of rows that are written without asking for room; longer ones by `string`. */
const ROW_STRING_UNITS_MAX = 256;

/**
 * Up to this depth, encoding takes no more of the JavaScript stack than was found to be free
 * before it.
 */
const SHALLOW_DEPTH_MAX = 8;

/** A function that an external table has is none that the unit would run. */
export class DamagedFunction extends TypeError {
  /** Constructs it, with its message. */
  constructor() {
    super("Cannot read a table: the function is damaged");
  }
}

/** Writes values for Lua. */
export class Encoder {
  protected instance: Instance;
  protected words: Float64Array<ArrayBuffer>;
  protected halves: Uint32Array<ArrayBuffer>;
  protected heap: Uint8Array<ArrayBuffer>;
  /** Words and heap bytes of this chunk. */
  protected word = 0;
  protected byte = 0;
  protected shapes: Map<string, Shape>;
  /** Containers so far. */
  #seen = new Seen();
  /** Number of the last container. */
  #number = 0;
  /** Numbers of objects with many fields: to list them takes longer than to look here. */
  #large = new Map<object, number>();
  /** The last error of having no memory. */
  #own: LuaError | undefined;
  /** The last error that `explain` made. */
  explained: Error | undefined;
  /** A message has begun that hasn't been sent to its end, nor dropped. */
  #isOpen = false;
  /** Whether the message may refer to functions of Lua's. */
  #mayRefer = false;
  /** The number of a function of Lua's, of the same unit. */
  numberOfFunction: ((value: unknown) => number | undefined) | undefined;
  /** Numbers external tables; set by the unit. */
  externals!: ExternalNumbers;
  /** External tables that this message gave numbers. */
  #newExternals: number[] = [];
  #powers: { readonly name: string; readonly number: NumberFunction } | undefined;
  protected depth = 0;
  #depthMax: number = WIRE.DEPTH_MAX;
  /** The key in each container that is open. */
  protected path: Path = [];
  /** What null crosses as: a kind of nil, or `_io.null`. */
  protected nullKind: number = NIL_KIND.NULL;
  /** The first field's value of the row that `scalarFields` read. */
  protected firstValue: unknown;
  /** For-in over a plain object sees its own keys only. */
  protected forInIsOwn = true;

  /** Constructs an encoder that writes into the instance's buffer. */
  constructor(instance: Instance, shapes: Shapes = new Shapes()) {
    this.instance = instance;
    this.shapes = shapes.sent;
    this.words = instance.words;
    this.halves = instance.halves;
    this.heap = instance.heap;
  }

  /**
   * Writes a message whose value then stands ready for a call such as `set_io`.
   *
   * @param value The value.
   * @param action What is being done, for messages: "set input".
   * @param name Where the value goes, the beginning of paths: "input".
   * @param skip How many levels of the value the name covers already.
   * @param nullKind What null crosses as.
   * @throws {TypeError} If a value in it can't be passed.
   * @throws {RangeError} If it nests too deep, or has an integer beyond 64 bits.
   * @throws {LuaError} If there is no memory for it.
   */
  encode(value: unknown, action: string, name: string, skip = 0, nullKind: number = NIL_KIND.NULL): void {
    let done = false;
    this.nullKind = nullKind;
    try {
      this.begin(MESSAGE.WHOLE, skip);
      this.value(value);
      this.end();
      done = true;
    } catch (error) {
      throw this.explain(error, action, name, skip);
    } finally {
      if (!done) this.drop();
      this.#seen.clear();
      if (this.#large.size > 0) this.#large = new Map();
    }
  }

  /**
   * Writes a name and a value that may hold functions, as the pair that `define` takes.
   *
   * @param action What is being done, for messages.
   * @param number Numbers each function.
   */
  encodePowers(name: string, value: unknown, action: string, number: NumberFunction): void {
    this.#powers = { name, number };
    try {
      this.#message(
        MESSAGE.POWERS,
        () => {
          this.#isSeen([name, value]); // the pair has a number, as any container
          this.box(WIRE.ARRAY, 2);
          this.string(name);
          this.value(value);
        },
        action,
        name,
      );
    } finally {
      this.#powers = undefined;
    }
  }

  /** Writes what a function of the host returns, as an array. */
  encodeResults(values: readonly unknown[], action: string): void {
    this.nullKind = NIL_KIND.NULL;
    this.#mayRefer = true;
    this.#message(MESSAGE.RESULTS, () => this.value(values), action, "result");
  }

  /**
   * Writes a call, as the array that `call_function` takes.
   *
   * @param called The name of a function of Lua's, or itself.
   */
  encodeCall(called: unknown, args: readonly unknown[], action: string): void {
    this.nullKind = NIL_KIND.NULL;
    this.#mayRefer = true;
    this.#message(MESSAGE.ARGUMENTS, () => this.value([called, ...args]), action, "arguments");
  }

  /** Writes a message whose value is a list of values. */
  #message(kind: number, write: () => void, action: string, name: string): void {
    let done = false;
    try {
      this.begin(kind, 1);
      write();
      this.end();
      done = true;
    } catch (error) {
      throw this.explain(error, action, name, 0);
    } finally {
      if (!done) this.drop();
      this.#mayRefer = false;
      this.#seen.clear();
      if (this.#large.size > 0) this.#large = new Map();
    }
  }

  /** Writes a scalar as it is at the beginning of the buffer; false where it is something else. */
  scalar(value: unknown): boolean {
    this.refresh();
    this.word = 0;
    this.byte = 0;
    return this.#scalar(value);
  }

  /** Writes some that way, and answers how many; -1 where one is something else. */
  scalars(values: readonly unknown[]): number {
    if (values.length > WIRE.DIRECT_RESULTS_MAX) return -1;
    this.refresh();
    this.word = 0;
    this.byte = 0;
    for (const value of values) if (!this.#scalar(value)) return -1;
    return values.length;
  }

  #scalar(value: unknown): boolean {
    switch (typeof value) {
      case "number":
        this.number(value);
        return true;
      case "boolean":
        this.box(WIRE.BOOLEAN, value ? 1 : 0);
        return true;
      case "undefined":
        this.box(WIRE.NIL, NIL_KIND.UNDEFINED);
        return true;
      case "string": {
        if (value.length > ROW_STRING_UNITS_MAX) return false;
        const length = this.text(value);
        if (length >= 0) this.box(WIRE.STRING, length);
        return length >= 0;
      }
      default:
        if (value === null) this.box(WIRE.NIL, NIL_KIND.NULL);
        return value === null;
    }
  }

  /** Begins a message, of which so many levels are none of a value's own. */
  protected begin(kind: number, skip = 0): void {
    this.word = 0;
    this.byte = 0;
    this.depth = 0;
    this.#depthMax = WIRE.DEPTH_MAX + skip;
    this.forInIsOwn = isEmpty(Object.prototype);
    // The last one was cut off before it could be dropped, or used.
    if (this.#isOpen) this.drop();
    // Not inside a message, where objects of old shapes are open.
    if (this.shapes.size === WIRE.SHAPES_MAX) this.forgetShapes(0);
    this.#isOpen = true;
    // To set a length takes 60 ns, whatever it was.
    if (this.#newExternals.length > 0) this.#newExternals.length = 0;
    const status = this.instance.exports.begin_message(kind);
    this.refresh();
    if (status < 0) throw this.#refused(status);
  }

  /** Ends a message whose value the unit has. */
  protected end(): void {
    this.flush();
    this.#isOpen = false;
  }

  /** What the unit knows of this message is void, shapes included. */
  protected drop(): void {
    for (const number of this.#newExternals) {
      this.instance.exports.drop_view(number);
      this.externals.remove(number);
    }
    this.#newExternals.length = 0;
    this.instance.exports.drop_message();
    this.forgetShapes(0);
    this.#isOpen = false;
  }

  /** Forgets the shapes from this number on. */
  protected forgetShapes(first: number): void {
    for (const [name, shape] of this.shapes) {
      if (shape.number < first) continue;
      shape.isKnown = false;
      this.shapes.delete(name);
    }
  }

  #refused(status: number): Error {
    return status === WIRE.STATUS_MEMORY
      ? this.#noMemory()
      : new Error(`The unit refused a message (status ${status})`);
  }

  #noMemory(): LuaError {
    return this.#own = new LuaError("memory", "not enough memory for the value");
  }

  /**
   * Whether an error is the encoder's own: of the unit's memory, of its time, or its end. A
   * getter may throw any other, those of another unit too.
   */
  isOwn(error: unknown): boolean {
    return this.instance.broken !== undefined || error !== undefined && error === this.#own ||
      this.instance.isTimeUp(error);
  }

  protected explain(error: unknown, action: string, name: string, skip: number): unknown {
    if (this.isOwn(error)) return error;
    const path = pathText(name, this.path.slice(skip, this.depth));
    return this.explained = explain(error, action, path);
  }

  protected refresh(): void {
    const instance = this.instance;
    instance.refresh();
    this.words = instance.words;
    this.halves = instance.halves;
    this.heap = instance.heap;
  }

  /** Hands the chunk over, and begins the next. */
  protected flush(): void {
    this.instance.checkTime();
    if (this.depth > SHALLOW_DEPTH_MAX) this.instance.checkRoomForMessage();
    const status = this.instance.exports.take_chunk(this.word, this.byte);
    this.word = 0;
    this.byte = 0;
    this.refresh();
    if (status === WIRE.STATUS_DUPLICATE) throw equalKeys();
    if (status === WIRE.STATUS_DAMAGED) throw new DamagedFunction();
    if (status !== 0) throw this.#refused(status);
  }

  protected box(tag: number, payload: number): void {
    const word = this.word++;
    this.halves[2 * word] = payload;
    this.halves[2 * word + 1] = BOXED | tag;
  }

  protected value(value: unknown): void {
    if (this.word + 2 > WORDS_MAX) this.flush();
    switch (typeof value) {
      case "number":
        this.number(value);
        break;
      case "string":
        this.string(value);
        break;
      case "boolean":
        this.box(WIRE.BOOLEAN, value ? 1 : 0);
        break;
      case "undefined":
        this.box(WIRE.NIL, NIL_KIND.UNDEFINED);
        break;
      case "object":
        if (value === null) this.box(WIRE.NIL, this.nullKind);
        else this.#object(value, undefined);
        break;
      case "bigint":
        this.bigint(value);
        break;
      case "function":
        this.#function(value);
        break;
      default:
        throw new Refusal(TypeError, "symbols cannot be passed");
    }
  }

  #function(value: unknown): void {
    const known = this.#mayRefer ? this.numberOfFunction?.(value) : undefined;
    if (known !== undefined) return this.box(WIRE.FUNCTION_REF, known);
    if (this.#powers === undefined) throw new Refusal(TypeError, "functions cannot be passed");
    const path = this.path.slice(0, this.depth);
    const shown = pathText(this.#powers.name, path);
    this.box(WIRE.FUNCTION, this.#powers.number(value, path, shown));
    this.string(shown.slice(0, FUNCTION_NAME_LENGTH_MAX));
  }

  protected number(value: number): void {
    if (value === value) {
      this.words[this.word++] = value;
    } else {
      // Some NaNs would read as tags.
      const word = this.word++;
      this.halves[2 * word] = 0;
      this.halves[2 * word + 1] = 0x7ff80000;
    }
  }

  protected bigint(value: bigint): void {
    if (value < INT64_MIN || value > INT64_MAX) {
      throw new Refusal(RangeError, `${value} is beyond 64 bits`);
    }
    this.box(WIRE.INTEGER, 0);
    const word = this.word++;
    this.halves[2 * word] = Number(value & 0xffff_ffffn);
    this.halves[2 * word + 1] = Number((value >> 32n) & 0xffff_ffffn);
  }

  /** Writes what stands for an external table. */
  protected external(table: object): void {
    if (this.word + 2 > WORDS_MAX) this.flush();
    const number = this.externals.add(table);
    if (number < 0) this.#newExternals.push(-number);
    this.box(WIRE.VIEW, Math.abs(number));
    const word = this.word++;
    this.halves[2 * word] = VIEW_KIND.EXTERNAL | WIRE.NO_SHAPE << 16;
    this.halves[2 * word + 1] = 0;
  }

  protected string(value: string): void {
    const length = value.length;
    if (length > INLINE_STRING_UNITS_MAX) return this.#longString(value);
    if (this.byte + length * 3 > HEAP_SIZE_BYTES) this.flush();
    const written = this.text(value);
    if (written < 0) throw loneSurrogate();
    this.box(WIRE.STRING, written);
  }

  /** Puts a string's bytes into the heap, which has room, and answers how many; -1 for a lone surrogate. */
  protected text(value: string): number {
    const length = value.length;
    const start = this.byte;
    if (length <= LOOP_UNITS_MAX) {
      const heap = this.heap;
      let end = start;
      let i = 0;
      for (; i < length; i++) {
        const unit = value.charCodeAt(i);
        if (unit < 0x80) {
          heap[end++] = unit;
        } else if (unit < 0x800) {
          heap[end++] = 0xc0 | unit >> 6;
          heap[end++] = 0x80 | unit & 0x3f;
        } else if (unit < 0xd800 || unit > 0xdfff) {
          heap[end++] = 0xe0 | unit >> 12;
          heap[end++] = 0x80 | unit >> 6 & 0x3f;
          heap[end++] = 0x80 | unit & 0x3f;
        } else break;
      }
      if (i === length) {
        this.byte = end;
        return end - start;
      }
    }
    const { written } = textEncoder.encodeInto(value, this.heap.subarray(start));
    if (written !== length && !value.isWellFormed()) return -1;
    this.byte = start + written;
    return written;
  }

  #longString(value: string): void {
    const length = utf8Length(value);
    const target = this.#long(length);
    textEncoder.encodeInto(value, target);
  }

  /** Makes a string in Lua, to be filled by the caller. */
  #long(length: number): Uint8Array {
    this.flush();
    if (length > LONG_BYTES_MAX) throw this.#noMemory();
    const pointer = this.instance.exports.long_string(length) >>> 0;
    this.refresh();
    if (pointer === 0) throw this.#noMemory();
    return this.instance.bytes(pointer, length);
  }

  protected bytes(bytes: Uint8Array): void {
    const length = bytes.length;
    if (length > INLINE_BYTES_MAX) {
      this.#long(length).set(bytes);
      return;
    }
    if (this.byte + length > HEAP_SIZE_BYTES) this.flush();
    this.heap.set(bytes, this.byte);
    this.byte += length;
    this.box(WIRE.BYTES, length);
  }

  /** Writes any object; answers its shape if it has one, a hint for its neighbours. */
  #object(value: object, hint: Shape | undefined): Shape | undefined {
    const kind = kindOf(value);
    switch (kind) {
      case "object":
        return this.#plain(value as Record<string, unknown>, hint);
      case "instance":
        refuseOpaque(value);
        return this.#instanceFields(value, hint);
      case "bytes":
        this.bytes(bytesOf(value as ArrayBuffer));
        return undefined;
      case "array":
        if (!this.#isSeen(value)) this.#array(value as unknown[]);
        return hint;
      case "numbers":
        if (!this.#isSeen(value)) this.typedArray(value as TypedArray);
        return undefined;
      case "date":
        if (!this.#isSeen(value)) this.#date(value as Date);
        return undefined;
      case "map":
        if (!this.#isSeen(value)) this.#map(value as Map<unknown, unknown>);
        return undefined;
      case "set":
        if (!this.#isSeen(value)) this.#set(value as Set<unknown>);
        return undefined;
      case "external":
        this.external(value);
        return undefined;
      default:
        return kind satisfies never;
    }
  }

  /**
   * Whether the container stands in this message already; if so, refers to it. `first`
   * is the value of a plain object's first field.
   */
  #isSeen(value: object, first?: unknown): boolean {
    const number = this.#seen.add(value, first);
    this.#number = number < 0 ? -1 - number : number;
    if (number < 0) return false;
    this.box(WIRE.TABLE_REF, number);
    return true;
  }

  /** Enters a container; its keys are kept for the paths of errors. */
  protected enter(): Path {
    if (++this.depth > this.#depthMax) {
      throw new Refusal(RangeError, `nesting is deeper than ${WIRE.DEPTH_MAX} levels`);
    }
    return this.path;
  }

  #array(value: readonly unknown[]): void {
    const length = value.length;
    this.box(WIRE.ARRAY, length);
    const path = this.enter();
    const level = this.depth - 1;
    let hint: Shape | undefined;
    for (let i = 0; i < length; i++) {
      const element = value[i];
      path[level] = i;
      if (typeof element === "object" && element !== null) {
        if (hint !== undefined && this.#row(element, hint)) continue;
        if (this.word + 2 > WORDS_MAX) this.flush();
        hint = this.#object(element, hint);
      } else {
        this.value(element);
      }
    }
    this.depth--;
  }

  /** Writes a row with this shape, if that is all scalars: most rows, at the least cost. */
  #row(row: object, shape: Shape): boolean {
    const { keys } = shape;
    if (!this.forInIsOwn || this.word + 1 + keys.length > WORDS_MAX || !isPlain(row)) return false;
    const { word, byte } = this;
    const end = this.scalarFields(row, keys, undefined, word + 1);
    if (end < 0) {
      this.byte = byte;
      return false;
    }
    const number = this.#seen.add(row, this.firstValue);
    if (number < 0) {
      this.box(WIRE.OBJECT, shape.number);
      this.word = end;
    } else {
      this.byte = byte;
      this.box(WIRE.TABLE_REF, number);
    }
    return true;
  }

  /**
   * Writes a row's fields from a word on, if they are numbers, short strings, booleans or
   * nil. Reading in for-in is the fastest way: V8 knows where the enumerated field stands.
   *
   * @param keys The keys that the row must have, in this order.
   * @param sends Which fields to write; all by default.
   * @returns The word after, -1 where something else stands there; some bytes may have
   * been written then.
   */
  protected scalarFields(
    row: Record<string, unknown>,
    keys: readonly string[],
    sends: readonly boolean[] | undefined,
    word: number,
  ): number {
    const { words, halves } = this;
    let at = 0;
    for (const key in row) {
      if (key !== keys[at]) return -1;
      if (sends === undefined || sends[at]) {
        const value = row[key];
        if (at === 0) {
          if (varies(row, key, value)) return -1;
          this.firstValue = value;
        }
        if (typeof value === "number" && value === value) {
          words[word++] = value;
        } else if (typeof value === "string") {
          if (value.length > ROW_STRING_UNITS_MAX || this.byte + value.length * 3 > HEAP_SIZE_BYTES) return -1;
          const length = this.text(value);
          if (length < 0) return -1;
          halves[2 * word] = length;
          halves[2 * word++ + 1] = BOXED_STRING;
        } else if (typeof value === "boolean") {
          halves[2 * word] = value ? 1 : 0;
          halves[2 * word++ + 1] = BOXED_BOOLEAN;
        } else if (value === undefined || value === null) {
          halves[2 * word] = value === null ? this.nullKind : NIL_KIND.UNDEFINED;
          halves[2 * word++ + 1] = BOXED_NIL;
        } else return -1;
      } else if (at === 0) {
        this.firstValue = row[key];
        if (varies(row, key, this.firstValue)) return -1;
      }
      at++;
    }
    if (at === 0) this.firstValue = undefined;
    return at === keys.length ? word : -1;
  }

  #plain(value: Record<string, unknown>, hint: Shape | undefined): Shape | undefined {
    if (hint !== undefined && this.forInIsOwn && hasKeys(value, hint.keys)) {
      const key = hint.keys[0];
      const first = key === undefined ? undefined : value[key];
      if (key !== undefined && varies(value, key, first)) this.#seen.useIdentity();
      if (!this.#isSeen(value, first)) this.#fields(value, hint, first);
      return hint;
    }
    const known = this.#large.size > 0 ? this.#large.get(value) : undefined;
    if (known !== undefined) {
      this.box(WIRE.TABLE_REF, known);
      return undefined;
    }
    const keys = Object.keys(value);
    if (keys.length === 0) refuseTagged(value);
    const first = keys.length > 0 ? this.#first(value, keys[0]) : undefined;
    if (keys.length > 0 && hasGetter(value, keys[0])) this.#seen.useIdentity();
    if (this.#isSeen(value, first)) return hint;
    if (keys.length >= LARGE_FIELDS_MIN) this.#large.set(value, this.#number);
    const shape = this.shapeOf(keys);
    if (shape === undefined) this.#record(value, keys, first);
    else this.#fields(value, shape, first);
    return shape;
  }

  /** Reads a field that stands in no container yet, as far as paths are concerned. */
  #first(value: Record<string, unknown>, key: string): unknown {
    this.enter()[this.depth - 1] = key;
    const first = value[key];
    this.depth--;
    return first;
  }

  /** Writes an object with a shape, whose first field has been read. */
  #fields(value: Record<string, unknown>, shape: Shape, first: unknown): void {
    if (this.word + 2 > WORDS_MAX) this.flush();
    this.box(WIRE.OBJECT, shape.number);
    const path = this.enter();
    const level = this.depth - 1;
    const { keys, hints } = shape;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      path[level] = key;
      const field = i === 0 ? first : value[key];
      if (typeof field === "object" && field !== null) {
        if (this.word + 2 > WORDS_MAX) this.flush();
        hints[i] = this.#object(field, hints[i]);
      } else {
        this.value(field);
      }
    }
    this.depth--;
  }

  /** The shape with these keys, known or new; undefined where there is none. */
  protected shapeOf(keys: string[]): Shape | undefined {
    if (keys.length > WIRE.SHAPE_KEYS_MAX) return undefined;
    const name = shapeName(keys);
    const known = this.shapes.get(name);
    if (known === undefined) return this.#defineShape(name, keys);
    return known.keys.every((key, i) => key === keys[i]) ? known : undefined;
  }

  /** Defines a shape; all of it stands in one chunk. */
  #defineShape(name: string, keys: string[]): Shape | undefined {
    let bytes = 0;
    for (const key of keys) bytes += key.length * 3;
    if (bytes > INLINE_BYTES_MAX) return undefined;
    if (this.shapes.size === WIRE.SHAPES_MAX) return undefined;
    if (this.word + keys.length + 3 > WORDS_MAX || this.byte + bytes > HEAP_SIZE_BYTES) this.flush();
    const path = this.enter();
    const number = this.shapes.size;
    this.box(WIRE.SHAPE, number << 8 | keys.length);
    for (const key of keys) {
      path[this.depth - 1] = key;
      this.string(key);
    }
    this.depth--;
    const shape = sentShape(number, keys);
    this.shapes.set(name, shape);
    return shape;
  }

  /** Writes an object without a shape, whose first field has been read. */
  #record(value: Record<string, unknown>, keys: string[], first: unknown): void {
    if (this.word + 2 > WORDS_MAX) this.flush();
    this.box(WIRE.RECORD, keys.length);
    const path = this.enter();
    const level = this.depth - 1;
    for (let i = 0; i < keys.length; i++) {
      path[level] = keys[i];
      this.value(keys[i]);
      this.value(i === 0 ? first : value[keys[i]]);
    }
    this.depth--;
  }

  #date(value: Date): void {
    const time = value.getTime();
    this.box(WIRE.DATE, 0);
    this.number(time);
  }

  /** A class instance crosses as its own fields; for-in would see inherited ones too. */
  #instanceFields(value: object, hint: Shape | undefined): Shape | undefined {
    const forInIsOwn = this.forInIsOwn;
    this.forInIsOwn = false;
    try {
      return this.#plain(value as Record<string, unknown>, hint);
    } finally {
      this.forInIsOwn = forInIsOwn;
    }
  }

  #map(value: Map<unknown, unknown>): void {
    const size = value.size;
    this.box(WIRE.MAP, size);
    const path = this.enter();
    const level = this.depth - 1;
    let count = 0;
    let isOdd = false;
    for (const [key, held] of value) {
      if (++count > size) break;
      path[level] = typeof key === "string" ? key : count - 1;
      isOdd = this.key(key) || isOdd;
      this.value(held);
    }
    this.checkCount(count, size);
    this.depth--;
    if (isOdd) checkDistinct(value.keys(), () => this.instance.checkTime());
  }

  #set(value: Set<unknown>): void {
    const size = value.size;
    this.box(WIRE.SET, size);
    const path = this.enter();
    const level = this.depth - 1;
    let count = 0;
    let isOdd = false;
    for (const member of value) {
      if (++count > size) break;
      path[level] = count - 1;
      isOdd = this.key(member) || isOdd;
      this.value(true);
    }
    this.checkCount(count, size);
    this.depth--;
    if (isOdd) checkDistinct(value.keys(), () => this.instance.checkTime());
  }

  /** Writes a key; answers whether another kind of value may be the same key in Lua. */
  protected key(key: unknown): boolean {
    checkKey(key);
    this.value(key);
    return typeof key === "bigint" || isBytes(key);
  }

  /** A getter may have changed the container meanwhile. */
  protected checkCount(count: number, size: number): void {
    if (count !== size) throw new Refusal(TypeError, "it changed while it was read");
  }

  protected typedArray(value: TypedArray, offset = 0): void {
    const [kind, elements] = elementsOf(value);
    const { length } = elements;
    this.box(WIRE.TYPED_ARRAY, length);
    const word = this.word++;
    this.halves[2 * word] = kind;
    this.halves[2 * word + 1] = 0;
    this.enter();
    if (elements instanceof BigUint64Array) {
      for (let i = 0; i < length; i++) {
        this.path[this.depth - 1] = offset + i;
        if (elements[i] > INT64_MAX) throw new Refusal(RangeError, `${elements[i]} is beyond 64 bits`);
        if (i % KEYS_BETWEEN_CHECKS === 0) this.instance.checkTime();
      }
    }
    for (let start = 0; start < length;) {
      if (this.word === WORDS_MAX) this.flush();
      const part = elements.subarray(start, start + WORDS_MAX - this.word);
      if (part instanceof BigInt64Array || part instanceof BigUint64Array) {
        const { buffer, byteOffset } = this.words;
        new BigInt64Array(buffer, byteOffset, WORDS_MAX).set(part, this.word);
      } else {
        this.words.set(part, this.word);
      }
      this.word += part.length;
      start += part.length;
    }
    this.depth--;
  }
}

/**
 * Whether a field that was just read gives something else when it is read again: then it has
 * a getter. To ask for its descriptor takes 10 % of the time of rows, this nothing (measured).
 */
function varies(object: Record<string, unknown>, key: string, value: unknown): boolean {
  return object[key] !== value && value === value;
}

function isEmpty(value: object): boolean {
  for (const _ in value) return false;
  return true;
}
