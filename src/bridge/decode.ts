/**
 * Wire to JavaScript: builds the values of a message that `zig/bridge/from_lua.zig` wrote.
 *
 * The unit isn't trusted: whatever a corrupt one hands over, decoding ends in a value or in
 * an error, and takes time and memory in proportion to the bytes that were handed over and
 * to the unit's memory. What is read is bounded by the words that are there, so only what
 * is taken ahead of reading is checked: arrays, and bytes by address.
 *
 * @module
 */

import type { Instance } from "../runtime/instance.ts";
import { NIL_KIND, WIRE } from "../runtime/wire.ts";
import { errorOfCode } from "../values/errors.ts";
import { ARRAY_BYTES } from "../values/estimate.ts";
import { isFarIndex, isInherited, makeSparse, setOwn } from "../values/fields.ts";
import { kindOf, TYPED_ARRAYS } from "../values/kinds.ts";
import { KEPT_NULL, LuaCode, LuaFloat } from "../values/lua_exact.ts";
import type { LuaValue } from "../values/lua_value.ts";
import { explain, Refusal } from "../values/refusals.ts";
import { textOrBytes } from "../values/text.ts";
import { type ReadShape, readShape, Shapes } from "./shapes.ts";

/** A chunk of a message, its string bytes as text. */
interface Chunk {
  readonly words: Float64Array<ArrayBuffer>;
  readonly halves: Uint32Array<ArrayBuffer>;
  readonly length: number;
  readonly text: string;
}

/** What the views in a message are to the host: `lazy/` tells. */
export interface ViewResults {
  /** The host's object of a view's number, if there is one. */
  objectOf(number: number): object | undefined;
  /**
   * Notes that an object was changed; all changes come before the first `resultOf`.
   *
   * @param change Where a value leads to the object, `become` says with it what the object has become.
   */
  change(number: number, change: number): void;
  /** Where a view's object stands in its input, for messages. */
  path(number: number): string;
  /** What a view's object is to the host, with all changes. */
  resultOf(number: number): LuaValue;
  /** Forgets the changes and results of a message. */
  endMessage(): void;
}

/** Values as Lua has them. */
export interface ExactValues {
  readonly values: unknown[];
  /** The tables and dates in them, by number. */
  readonly containers: readonly object[];
  /** What each table is marked as: 1 more than its `marks.Kind`, or 0. */
  readonly marks: ReadonlyMap<object, number>;
}

/** Why a changed table can't be passed, and where that stands in it. */
interface ChangeRefusal {
  readonly refusal: Refusal;
  readonly where: string;
}

/** Bytes of strings that are decoded in a millisecond or so. */
const BYTES_BETWEEN_CHECKS = 1024 * 1024;

/** As for what Lua's own code does with bytes (`limits.spend`). */
const BYTES_PER_STEP = 64;

/** A TextDecoder takes half a microsecond before it begins; up to here, ASCII is read without one. */
const SHORT_TEXT_BYTES_MAX = 24;

/** Up to here V8 makes an array at once; a longer one would be a dictionary first. */
const FAST_LENGTH_MAX = 2 ** 25;

/** Elements that are looked at to tell an array of numbers. */
const NUMBERS_SEEN = 32;

/**
 * What a result may take, on its way, beyond the unit's memory limit: one string of up to 128
 * bytes can stand in many places, and crosses for each.
 */
const RESULT_EXTRA_BYTES_MAX = 2 ** 30;

/** What an object or array takes in V8 beside its values, and a Map or Set besides (measured). */
const OBJECT_BYTES = 48;
const MAP_BYTES = 200;

/** How often the bytes of one string may be read by address: as a string, and as bytes. */
const READS_MAX = 2;

// A byte order mark is part of a string like any other character.
const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads values from Lua. */
export class Decoder {
  #instance: Instance;
  /** Chunks that `flush` handed over before the last one. */
  #chunks: Chunk[] = [];
  #nextChunk = 0;
  #words: Float64Array<ArrayBuffer>;
  #halves: Uint32Array<ArrayBuffer>;
  #length = 0;
  #text = "";
  /** Where the next word and the next string begin. */
  #word = 0;
  #unit = 0;
  /** Bytes that were read by address since the clock was looked at. */
  #unchecked = 0;
  /** Those of the message: code pays for them, which it has written as an address. */
  #addressed = 0;
  #size = 0;
  /** Words of the message that no array has been made for yet: each element takes one. */
  #elementsLeft = 0;
  /** Bytes that may still be read by address. */
  #addressableLeft = 0;
  /** Containers that are open. */
  #depth = 0;
  #shapes: ReadShape[];
  /** Strings that don't stand in chunks, by address: one in many places is read once. */
  #longStrings = new Map<number, string | Uint8Array>();
  /** The same for bytes. */
  #longBytes = new Map<number, Uint8Array>();
  /** Maps and Sets so far. */
  #mapCount = 0;
  /** Set before any view crosses. */
  views!: ViewResults;
  /** Makes a function of Lua's, by its number and where it is defined; set where a message may have any. */
  functionOf: ((number: number, place: string) => unknown) | undefined;
  #isForHost = false;
  /** Whether values are to be as Lua has them (`values/lua_exact.ts`), and then what tables are marked as. */
  #isExact = false;
  #marks = new Map<object, number>();
  /** The message has views whose results were asked for. */
  #hasViews = false;
  /** Something was read that changes may be put into. */
  #isPending = false;
  /** Containers so far, by number. */
  #containers: (LuaValue & object)[] = [];
  /** What the changed tables so far have become; undefined for those that are external by now. */
  #changes: (LuaValue | undefined)[] = [];
  /** The numbers of their views. */
  #changed: number[] = [];
  /** The first container that was met in each, and in none before. */
  #firsts: number[] = [];
  /** Of some: numbers of containers that they have, too, and that were met in one before. */
  #others = new Map<number, number[]>();
  /** Those that can't be passed. */
  #refusals = new Map<number, ChangeRefusal>();
  /** Whether a changed table is being read, which isn't in `#changes` yet. */
  #isInChange = false;
  /** Those that values lead to, in the order in which that was found; and whether each is among them. */
  #reached: number[] = [];
  #isReached: boolean[] = [];
  /** All containers, where it was asked which those are. */
  #own: Set<object> | undefined;

  /** Constructs a decoder that reads from the instance's buffer. */
  constructor(instance: Instance, shapes: Shapes = new Shapes()) {
    this.#instance = instance;
    this.#shapes = shapes.read;
    this.#words = instance.words;
    this.#halves = instance.halves;
  }

  /** Takes a full chunk out of the buffer, before the message ends. */
  takeChunk(words: number, heapBytes: number): void {
    this.#instance.checkTime();
    this.#checkChunk(words, heapBytes);
    // One without words would cost the unit nothing.
    if (words === 0) this.#instance.fault("an empty chunk");
    if (this.#chunks.length === 0) this.#size = 0;
    this.#size += words * 8 + heapBytes;
    if (this.#size > this.sizeMax) {
      this.drop();
      throw tooLarge(this.sizeMax);
    }
    const copy = this.#instance.words.slice(0, words);
    this.#chunks.push({
      words: copy,
      halves: new Uint32Array(copy.buffer),
      length: words,
      text: this.#heapText(heapBytes),
    });
  }

  #checkChunk(words: number, heapBytes: number): void {
    const isWithin = words >= 0 && words <= WIRE.WORDS_MAX && heapBytes >= 0 && heapBytes <= WIRE.HEAP_SIZE_BYTES;
    if (!isWithin) this.#instance.fault("a chunk larger than its buffer");
  }

  /** Drops the chunks before the last ones: those of messages that failed before this one. */
  keepLast(count: number): void {
    this.#chunks.splice(0, this.#chunks.length - count);
  }

  /** Drops the chunks of a message that wasn't read, as it ended in an error. */
  drop(): void {
    if (this.#chunks.length > 0) this.#chunks = [];
    this.#size = 0;
  }

  /** Bytes of the last message: words and strings. */
  get lastSize(): number {
    return this.#size;
  }

  /**
   * Reads the message, whose last chunk has this many words and bytes.
   *
   * @param heapBytes Asked for by default.
   * @param isForHost Whether only the host sees the values: then views are its own objects.
   */
  decode(
    words: number,
    heapBytes: number = this.#instance.exports.get_heap_count(),
    isForHost = false,
  ): LuaValue[] {
    if (words === 1 && heapBytes === 0 && this.#chunks.length === 0 && !this.#isExact) {
      const scalar = this.#scalar();
      if (scalar !== undefined) return [scalar];
    }
    const values: LuaValue[] = [];
    this.#isForHost = isForHost;
    try {
      this.#begin(words, heapBytes);
      while (this.#word < this.#length || this.#takeNext()) {
        if (this.#isWritten()) this.#readChange();
        else values.push(this.#value());
      }
      if (this.#isPending) return this.#applied(values);
    } finally {
      if (this.#hasViews) this.#endViews();
      if (this.#addressed >= BYTES_PER_STEP) this.#pay();
      this.#chunks = [];
      if (this.#containers.length > 0) this.#containers = [];
      if (this.#firsts.length > 0) this.#forgetChanges();
      this.#isPending = false;
      this.#mapCount = 0;
      // To clear a Map takes an allocation, which a small message is read without.
      if (this.#longStrings.size > 0) this.#longStrings.clear();
      if (this.#longBytes.size > 0) this.#longBytes.clear();
      this.#text = "";
    }
    return values;
  }

  /**
   * Reads a message whose values are as Lua has them, for the host alone. What stands for an object of
   * the host's is that object.
   */
  decodeExact(words: number, heapBytes: number): ExactValues {
    this.#isExact = true;
    // Each message that has tables leaves new ones to the next.
    const containers = this.#containers;
    const marks = this.#marks;
    try {
      return { values: this.decode(words, heapBytes, true), containers, marks };
    } finally {
      this.#isExact = false;
      if (marks.size > 0) this.#marks = new Map();
    }
  }

  /** The number, boolean or null that the only word of a message is, without beginning to read one. */
  #scalar(): LuaValue | undefined {
    const { words, halves } = this.#instance;
    const value = words[0];
    if (value === value) {
      this.#size = 8;
      return normal(value);
    }
    const tag = halves[1];
    if (tag < WIRE.BOXED) return undefined;
    switch (tag & 0xff) {
      case WIRE.NIL:
        this.#size = 8;
        return null;
      case WIRE.BOOLEAN:
        this.#size = 8;
        return halves[0] === 1;
      default:
        return undefined;
    }
  }

  #begin(words: number, heapBytes: number): void {
    this.#checkChunk(words, heapBytes);
    if (this.#chunks.length === 0) this.#size = 0;
    this.#size += words * 8 + heapBytes;
    const { words: buffer, halves } = this.#instance;
    this.#chunks.push({ words: buffer, halves, length: words, text: this.#heapText(heapBytes) });
    this.#elementsLeft = 0;
    for (const { length } of this.#chunks) this.#elementsLeft += length;
    this.#addressableLeft = READS_MAX * buffer.buffer.byteLength;
    this.#depth = 0;
    this.#nextChunk = 0;
    this.#word = this.#length = 0;
    this.#unit = 0;
    this.#text = "";
    this.#takeNext();
  }

  #heapText(heapBytes: number): string {
    if (heapBytes === 0) return "";
    if (heapBytes <= SHORT_TEXT_BYTES_MAX) {
      const text = asciiText(this.#instance.heap, heapBytes);
      if (text !== undefined) return text;
    }
    try {
      return textDecoder.decode(this.#instance.heap.subarray(0, heapBytes));
    } catch (error) {
      // No memory is another matter.
      if (!(error instanceof TypeError)) throw error;
      this.#instance.fault("text that isn't UTF-8");
    }
  }

  #takeNext(): boolean {
    // Every word and all text of a chunk stand for something.
    if (this.#word !== this.#length || this.#unit !== this.#text.length) this.#fault();
    if (this.#nextChunk === this.#chunks.length) return false;
    // Of a long message, which none is that is read while code runs.
    if (this.#nextChunk > 0) {
      this.#instance.checkTimeAfter();
      this.#checkMade();
    }
    const chunk = this.#chunks[this.#nextChunk++];
    this.#words = chunk.words;
    this.#halves = chunk.halves;
    this.#length = chunk.length;
    this.#text = chunk.text;
    this.#word = 0;
    this.#unit = 0;
    return true;
  }

  /** Throws where what was made of the message so far takes too much, beside its words and strings. */
  #checkMade(): void {
    const containers = this.#containers.length * OBJECT_BYTES + this.#mapCount * MAP_BYTES;
    if (this.#size + containers + this.#longBytes.size * ARRAY_BYTES > this.sizeMax) throw tooLarge(this.sizeMax);
  }

  /** Goes on with the next chunk, which must be there. */
  #more(): void {
    if (!this.#takeNext()) this.#fault();
  }

  #fault(): never {
    this.#instance.fault("a message that makes no sense");
  }

  /** The second word of something: in the same chunk. */
  #second(): number {
    if (this.#word >= this.#length) this.#fault();
    return this.#word++;
  }

  #value(): LuaValue {
    if (this.#word >= this.#length) this.#more();
    const value = this.#words[this.#word++];
    if (value !== value) return this.#boxed();
    return normal(value);
  }

  /** The value of the word before, which is no number, or NaN. */
  #boxed(): LuaValue {
    const word = this.#word - 1;
    const payload = this.#halves[2 * word];
    const tag = this.#halves[2 * word + 1];
    if (tag < WIRE.BOXED) return NaN;
    switch (tag & 0xff) {
      case WIRE.NIL:
        return this.#isExact && payload === NIL_KIND.KEPT ? KEPT_NULL as unknown as LuaValue : null;
      case WIRE.BOOLEAN:
        return payload === 1;
      case WIRE.STRING:
        return this.#string(payload);
      case WIRE.OBJECT:
        return this.#object(this.#shapes[payload]);
      case WIRE.SHAPE:
        return this.#object(this.#defineShape(payload));
      case WIRE.ARRAY:
        return this.#array(payload);
      case WIRE.INTEGER:
        return this.#bigint();
      case WIRE.FLOAT:
        return this.#float();
      case WIRE.RECORD:
        return this.#isExact ? this.#map(payload) : this.#record(payload);
      case WIRE.TABLE_REF:
        return this.#known(payload);
      case WIRE.STRING_AT:
        return this.#at(this.#longStrings, (bytes) => textOrBytes(bytes, () => this.#instance.checkTimeNow()));
      case WIRE.BYTES_AT:
        return this.#at(this.#longBytes, copy);
      case WIRE.MAP:
        return this.#map(payload);
      case WIRE.SET:
        return this.#set(payload);
      case WIRE.VIEW:
        return this.#unchanged(payload);
      case WIRE.CHANGED_VIEW:
        this.#isPending = true;
        this.#viewed(payload);
        return new Pending(payload) as unknown as LuaValue;
      case WIRE.DATE:
        return this.#date();
      case WIRE.TYPED_ARRAY:
        return this.#typedArray(payload);
      case WIRE.FUNCTION_REF:
        return this.#function(payload);
      case WIRE.FUNCTION_BYTECODE:
        return this.#code(payload) as unknown as LuaValue;
      case WIRE.REFUSED:
        return this.#refused(payload);
      default:
        this.#fault();
    }
  }

  #known(number: number): LuaValue {
    if (number >= this.#containers.length) this.#fault();
    if (this.#isInChange && number < this.#firsts.at(-1)! && number >= this.#firsts[0]) {
      const change = this.#changes.length;
      const others = this.#others.get(change);
      if (others === undefined) this.#others.set(change, [number]);
      else others.push(number);
    }
    return this.#containers[number];
  }

  /** What stands in a changed table for what can't be passed. */
  #refused(payload: number): null {
    const what = this.#name();
    const where = this.#name();
    if (!this.#isInChange) this.#fault();
    this.#refusals.set(this.#changes.length, {
      refusal: new Refusal(payload === 1 ? RangeError : TypeError, what),
      where,
    });
    return null;
  }

  #float(): LuaValue {
    if (!this.#isExact) this.#fault();
    return new LuaFloat(this.#words[this.#second()]) as unknown as LuaValue;
  }

  #function(number: number): LuaValue {
    const place = this.#name();
    if (this.functionOf === undefined) this.#fault();
    return this.functionOf(number, place) as LuaValue;
  }

  /** A function that is to be kept. */
  #code(payload: number): LuaCode {
    if (!this.#isExact) this.#fault();
    if (payload === WIRE.LIBRARY_FUNCTION) return new LuaCode(this.#name());
    const code = new LuaCode(this.#at(this.#longBytes, copy));
    this.#containers.push(code as unknown as LuaValue & object);
    return code;
  }

  /** The host's object of a view. */
  #viewed(number: number): object {
    return this.views.objectOf(number) ?? this.#fault();
  }

  /** What a view of an input in which nothing was changed is to the host. */
  #unchanged(number: number): LuaValue {
    const object = this.#viewed(number);
    return this.#isForHost ? object as LuaValue : this.#resultOf(number);
  }

  #resultOf(number: number): LuaValue {
    this.#hasViews = true;
    return this.views.resultOf(number);
  }

  #endViews(): void {
    this.#hasViews = false;
    this.views.endMessage();
  }

  #pay(): void {
    const steps = Math.floor(this.#addressed / BYTES_PER_STEP);
    this.#addressed = 0;
    if (this.#instance.broken === undefined) this.#instance.exports.spend_steps(steps);
  }

  /** Bytes that a result may take. */
  get sizeMax(): number {
    return this.#instance.memoryLimit + RESULT_EXTRA_BYTES_MAX;
  }

  /** Reads a changed table. */
  #readChange(): void {
    const number = this.#halves[2 * this.#word++];
    this.#viewed(number);
    this.#hasViews = true;
    this.#changed.push(number);
    this.#firsts.push(this.#containers.length);
    this.#isInChange = true;
    const value = this.#isExternalNext(number) ? undefined : this.#value();
    this.#isInChange = false;
    // A table that was written to is no view any more.
    const isTable = typeof value === "object" && value !== null && !(value instanceof Pending);
    if (!isTable && value !== undefined && !this.#refusals.has(this.#changes.length)) this.#fault();
    this.#isReached.push(false);
    this.views.change(number, this.#changes.push(value) - 1);
  }

  /** Whether a changed table is an external one by now, which has the same number and isn't read before it is needed. */
  #isExternalNext(number: number): boolean {
    if (this.#word >= this.#length) this.#more();
    const word = 2 * this.#word;
    const isExternal = this.#halves[word] === number && this.#halves[word + 1] === WIRE.BOXED + WIRE.VIEW;
    if (isExternal) this.#word++;
    return isExternal;
  }

  /**
   * What an object has become of which `views` has been told that it was changed, where a value leads to it.
   *
   * @throws {TypeError} If that can't be passed.
   * @throws {RangeError} If it nests too deep.
   */
  become(change: number): LuaValue {
    const refused = this.#refusals.size > 0 ? this.#refusals.get(change) : undefined;
    if (refused !== undefined) {
      const { refusal, where } = refused;
      const { message } = explain(refusal, "read input", this.views.path(this.#changed[change]) + where);
      throw errorOfCode(refusal.type, message, refusal.message);
    }
    const value = this.#changes[change];
    if (value === undefined) return this.#resultOf(this.#changed[change]);
    if (!this.#isReached[change]) {
      this.#isReached[change] = true;
      this.#reached.push(change);
    }
    return value;
  }

  #forgetChanges(): void {
    this.#changes = [];
    this.#changed = [];
    this.#firsts = [];
    if (this.#others.size > 0) this.#others = new Map();
    if (this.#refusals.size > 0) this.#refusals = new Map();
    this.#reached = [];
    this.#isReached = [];
    this.#own = undefined;
    this.#isInChange = false;
  }

  /** Whether the next word says that a changed table follows. */
  #isWritten(): boolean {
    return this.#halves[2 * this.#word + 1] === WIRE.BOXED + WIRE.WRITTEN;
  }

  /** Puts the changed objects of lazy inputs into the values, and into the changed tables that they lead to. */
  #applied(values: LuaValue[]): LuaValue[] {
    const apply = (value: LuaValue) => value instanceof Pending ? this.#resultOf(value.number) : value;
    const firsts = this.#firsts;
    const { length } = this.#containers;
    this.#applyTo(0, firsts[0] ?? length, apply);
    const applied = values.map(apply);
    const below = new Set<object>();
    // Those that are found on the way are added to what is gone through.
    for (const change of this.#reached) {
      this.#applyTo(firsts[change], change + 1 < firsts.length ? firsts[change + 1] : length, apply);
      const others = this.#others.size > 0 ? this.#others.get(change) : undefined;
      for (const number of others ?? []) this.#applyBelow(this.#containers[number], apply, below);
    }
    return applied;
  }

  #applyTo(first: number, end: number, apply: Apply): void {
    for (let number = first; number < end; number++) applyIn(this.#containers[number], apply);
  }

  /** The same for a container and those of the message in it. */
  #applyBelow(container: object, apply: Apply, done: Set<object>): void {
    const own = this.#own ??= new Set(this.#containers);
    const waiting = [container];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (done.has(next) || !own.has(next)) continue;
      done.add(next);
      applyIn(next, apply);
      for (const held of valuesIn(next)) if (typeof held === "object" && held !== null) waiting.push(held);
    }
  }

  #remember<T extends LuaValue & object>(container: T): T {
    this.#containers.push(container);
    if (this.#isExact) this.#readMark(container);
    return container;
  }

  #readMark(container: object): void {
    if (this.#word >= this.#length) this.#more();
    this.#marks.set(container, this.#halves[2 * this.#word++]);
  }

  #date(): LuaValue {
    const date = new Date(this.#words[this.#second()]);
    this.#containers.push(date);
    return date;
  }

  /** A value that is a text, and nothing else that would be read into. */
  #name(): string {
    if (this.#word >= this.#length) this.#more();
    const tag = this.#halves[2 * this.#word + 1] - WIRE.BOXED;
    if (tag !== WIRE.STRING && tag !== WIRE.STRING_AT) this.#fault();
    const value = this.#value();
    return typeof value === "string" ? value : this.#fault();
  }

  #string(payload: number): string {
    const start = this.#unit;
    this.#unit = start + (payload >>> 16);
    return this.#text.substring(start, this.#unit);
  }

  /** Reads a shape and the head of its first object, which stands behind it. */
  #defineShape(payload: number): ReadShape {
    const keys: string[] = [];
    for (let count = payload & 0xff; count > 0; count--) {
      keys.push(this.#string(this.#halves[2 * this.#second()]));
    }
    const number = payload >>> 8;
    const head = 2 * this.#second();
    const isHead = this.#halves[head] === number && this.#halves[head + 1] === WIRE.BOXED + WIRE.OBJECT;
    if (number >= WIRE.SHAPES_MAX || !isHead) this.#fault();
    return this.#shapes[number] = readShape(keys);
  }

  #enter(): void {
    if (++this.#depth > WIRE.DEPTH_MAX) this.#fault();
  }

  #object(shape: ReadShape | undefined): LuaValue {
    if (shape === undefined) this.#fault();
    this.#enter();
    const object: Record<string, LuaValue> = this.#remember({});
    const keys = shape.keys;
    if (shape.isSparse) makeSparse(object);
    if (shape.isInherited) {
      for (const key of keys) setOwn(object, key, this.#value());
      this.#depth--;
      return object;
    }
    const { length } = keys;
    // A place in the code for each of the first keys: V8 makes stores fast that see the
    // same key each time.
    if (length > 0) object[keys[0]] = this.#value();
    if (length > 1) object[keys[1]] = this.#value();
    if (length > 2) object[keys[2]] = this.#value();
    if (length > 3) object[keys[3]] = this.#value();
    if (length > 4) object[keys[4]] = this.#value();
    if (length > 5) object[keys[5]] = this.#value();
    for (let i = 6; i < length; i++) object[keys[i]] = this.#value();
    this.#depth--;
    return object;
  }

  #record(count: number): LuaValue {
    this.#enter();
    const object: Record<string, LuaValue> = this.#remember({});
    let isSparse = false;
    for (; count > 0; count--) {
      const key = this.#value();
      if (typeof key !== "string") this.#fault();
      if (!isSparse && isFarIndex(key)) {
        makeSparse(object);
        isSparse = true;
      }
      const value = this.#value();
      if (isInherited(key)) setOwn(object, key, value);
      else object[key] = value;
    }
    this.#depth--;
    return object;
  }

  #array(length: number): LuaValue {
    this.#takeElements(length);
    this.#enter();
    const places = Math.min(length, FAST_LENGTH_MAX);
    // Not grown by pushing, which leaves twice the array's size for the collector.
    const array = this.#isNumbers(length)
      ? this.#numbers(new Array(places), length)
      : this.#elements(this.#remember(new Array(places)), 0, length);
    this.#depth--;
    return array;
  }

  /** Whether an array begins with numbers alone: its first 32 elements, or those that stand here. */
  #isNumbers(length: number): boolean {
    const end = Math.min(this.#word + Math.min(length, NUMBERS_SEEN), this.#length);
    if (this.#isExact || end === this.#word) return false;
    for (let word = this.#word; word < end; word++) {
      const value = this.#words[word];
      if (value !== value) return false;
    }
    return true;
  }

  /**
   * Reads the elements of such an array. V8 keeps the numbers of an array as they are, in place of an object
   * for each, as long as neither the code that makes it nor the code that stores into it has seen arrays
   * of anything else: so this is code of its own, seven times as fast where rows were read before.
   */
  #numbers(array: number[], length: number): LuaValue[] {
    const number = this.#containers.push(array) - 1;
    for (let index = 0; index < length;) {
      if (this.#word >= this.#length) this.#more();
      const words = this.#words;
      const end = Math.min(this.#length, this.#word + length - index);
      let word = this.#word;
      for (; word < end; word++) {
        const value = words[word];
        if (value === value) array[index++] = value;
        else if (this.#halves[2 * word + 1] < WIRE.BOXED) array[index++] = NaN;
        else break;
      }
      this.#word = word;
      // Something else: no number refers to the array, so another may take its place.
      if (word < end) return this.#elements(this.#containers[number] = array.slice(), index, length);
    }
    return array;
  }

  /** Reads the elements of any array, from one on. */
  #elements(array: LuaValue[], index: number, length: number): LuaValue[] {
    while (index < length) {
      const first = array[index++] = this.#value();
      if (typeof first !== "number") continue;
      // Those behind it, as many as stand here.
      const words = this.#words;
      const end = Math.min(this.#length, this.#word + length - index);
      for (; this.#word < end; this.#word++) {
        const value = words[this.#word];
        if (value !== value) break;
        array[index++] = value;
      }
    }
    return array;
  }

  /** Counts elements for which room is made before they are read. */
  #takeElements(count: number): void {
    this.#elementsLeft -= count;
    if (this.#elementsLeft < 0) this.#fault();
  }

  #map(size: number): LuaValue {
    this.#enter();
    const map = this.#remember(new Map<LuaValue, LuaValue>());
    this.#mapCount++;
    for (let count = size; count > 0; count--) {
      const key = this.#value();
      map.set(key, this.#value());
    }
    this.#checkCount(map, size);
    this.#depth--;
    return map;
  }

  #set(size: number): LuaValue {
    this.#enter();
    const set = this.#remember(new Set<LuaValue>());
    this.#mapCount++;
    for (let count = size; count > 0; count--) {
      set.add(this.#value());
      this.#value();
    }
    this.#checkCount(set, size);
    this.#depth--;
    return set;
  }

  #checkCount(container: Map<LuaValue, LuaValue> | Set<LuaValue>, count: number): void {
    // Nulls stand for the keys that were refused.
    if (!this.#isInChange || !this.#refusals.has(this.#changes.length)) checkCount(container, count);
  }

  #bigint(): bigint {
    const word = this.#second();
    const high = BigInt(this.#halves[2 * word + 1] | 0);
    return high << 32n | BigInt(this.#halves[2 * word]);
  }

  /** Reads what stands at an address, or takes it from what has been read. */
  #at<T>(known: Map<number, T>, read: (bytes: Uint8Array) => T): T {
    const word = this.#second();
    const pointer = this.#halves[2 * word];
    const length = this.#halves[2 * word + 1];
    let value = known.get(pointer);
    if (value === undefined) {
      this.#addressableLeft -= length;
      if (this.#addressableLeft < 0) this.#fault();
      value = read(this.#instance.bytes(pointer, length));
      known.set(pointer, value);
      this.#size += length;
      this.#addressed += length;
      this.#unchecked += length;
      if (this.#unchecked > BYTES_BETWEEN_CHECKS) {
        this.#unchecked = 0;
        this.#instance.checkTimeNow();
      }
    }
    return value;
  }

  #typedArray(length: number): LuaValue {
    const kind = this.#halves[2 * this.#second()] as keyof typeof TYPED_ARRAYS;
    if (TYPED_ARRAYS[kind] === undefined) this.#fault();
    this.#takeElements(length);
    const array = this.#remember(new TYPED_ARRAYS[kind](length));
    for (let start = 0; start < length;) {
      if (this.#word >= this.#length) this.#more();
      const end = Math.min(this.#length, this.#word + length - start);
      if (array instanceof BigInt64Array || array instanceof BigUint64Array) {
        const { buffer, byteOffset } = this.#words;
        const words = new BigInt64Array(buffer, byteOffset + this.#word * 8, end - this.#word);
        for (const [i, value] of words.entries()) array[start + i] = value;
      } else {
        array.set(this.#words.subarray(this.#word, end), start);
      }
      start += end - this.#word;
      this.#word = end;
    }
    return array;
  }
}

/** The error of a result that takes more than so many bytes. */
export function tooLarge(sizeMax: number): Error {
  const text = `The result takes more than ${sizeMax} bytes`;
  return errorOfCode(RangeError, text, text);
}

/** The text of so many bytes, if they are ASCII. */
function asciiText(bytes: Uint8Array, length: number): string | undefined {
  let text = "";
  for (let i = 0; i < length; i++) {
    const byte = bytes[i];
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Stands for a view below which something may have been changed, until all is read. */
class Pending {
  readonly number: number;
  constructor(number: number) {
    this.number = number;
  }
}

type Apply = (value: LuaValue) => LuaValue;

function applyIn(container: object, apply: Apply): void {
  switch (kindOf(container)) {
    case "array":
      applyToElements(container as LuaValue[], apply);
      break;
    case "map":
      applyToEntries(container as Map<LuaValue, LuaValue>, apply);
      break;
    case "set":
      applyToMembers(container as Set<LuaValue>, apply);
      break;
    case "object":
      applyToFields(container as Record<string, LuaValue>, apply);
  }
}

function valuesIn(container: object): Iterable<unknown> {
  switch (kindOf(container)) {
    case "map": {
      const map = container as Map<unknown, unknown>;
      return [...map.keys(), ...map.values()];
    }
    case "array":
    case "set":
      return container as Iterable<unknown>;
    case "object":
      return Object.values(container);
    default:
      return [];
  }
}

function applyToElements(array: LuaValue[], apply: Apply): void {
  for (let i = 0; i < array.length; i++) array[i] = apply(array[i]);
}

function applyToEntries(map: Map<LuaValue, LuaValue>, apply: Apply): void {
  const entries = [...map];
  map.clear();
  for (const [key, value] of entries) map.set(apply(key), apply(value));
  checkCount(map, entries.length);
}

function applyToMembers(set: Set<LuaValue>, apply: Apply): void {
  const members = [...set];
  set.clear();
  for (const member of members) set.add(apply(member));
  checkCount(set, members.length);
}

function applyToFields(fields: Record<string, LuaValue>, apply: Apply): void {
  for (const [key, value] of Object.entries(fields)) {
    if (value instanceof Pending) setOwn(fields, key, apply(value));
  }
}

/** ViewResults of one object in two inputs are two keys in Lua, and one here. */
function checkCount(container: Map<LuaValue, LuaValue> | Set<LuaValue>, count: number): void {
  if (container.size !== count) {
    const text = "two keys of a table are the same object in two inputs";
    throw errorOfCode(TypeError, `Cannot read the value: ${text}`, text);
  }
}

/**
 * The same number; V8 keeps small integers without an allocation, but only if it is given them as
 * such from the first object with a field on.
 */
function normal(value: number): number {
  const integer = value | 0;
  return integer === value && (integer !== 0 || 1 / value > 0) ? integer : value;
}

function copy(bytes: Uint8Array): Uint8Array {
  return bytes.slice();
}
