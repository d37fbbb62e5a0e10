/**
 * The host's containers that Lua sees as views: their numbers, and answers to what Lua
 * asks of them.
 *
 * @module
 */

import type { Decoder } from "../bridge/decode.ts";
import { Seen } from "../bridge/seen.ts";
import type { Instance } from "../runtime/instance.ts";
import { NIL_KIND, VIEW_OP, WIRE } from "../runtime/wire.ts";
import { KEYS_BETWEEN_CHECKS } from "../values/keys.ts";
import { hasFields, kindOf, type TypedArray } from "../values/kinds.ts";
import { isOf } from "../values/refusals.ts";
import { binaryText } from "../values/text.ts";
import type { LazyInput, Origin, Registry, ViewEncoder } from "./encode_views.ts";
import { TableData } from "../state/tables.ts";
import { type ExternalTables, StateLimitError } from "./external_tables.ts";
import { Entries } from "./entries.ts";
import { Place } from "./place.ts";
import { Results } from "./results.ts";
import { Thrown } from "./thrown.ts";
import { type Contents, contentsOrigin, Views } from "./views.ts";

/** An answer to FIELD that has all fields. */
const WHOLE = 1;

/** Objects with more fields aren't sent whole because one was missing. */
const WHOLE_FIELDS_MAX = 32;

const ACTION = "read input";

/** Entries that are looked at in one call: it isn't interrupted. */
const ENTRIES_MAX = 4096;

const textEncoder = new TextEncoder();

/** The containers of one unit that Lua sees. */
export class HostTables implements Registry {
  #encoder: ViewEncoder;
  #decoder: Decoder;
  #instance: Instance;
  #views: Views;
  #released: Uint32Array<ArrayBuffer> | undefined;

  #external: ExternalTables | undefined;

  /** Constructs the tables of a unit. */
  constructor(
    instance: Instance,
    encoder: ViewEncoder,
    decoder: Decoder,
    views: Views = new Views(),
    external?: ExternalTables,
  ) {
    this.#external = external;
    this.#views = views;
    this.#instance = instance;
    this.#encoder = encoder;
    this.#decoder = decoder;
    encoder.registry = this;
    decoder.views = new Results(views, instance, decoder);
  }

  /**
   * Writes a container as a lazy value, for a call such as `set_io`; with a key, a pair.
   *
   * @param nullKind What null crosses as.
   * @param isShared Whether an output may have the container itself, and those in it.
   */
  encode(value: object, action: string, name: string, nullKind: number, isShared: boolean, key?: string): void {
    // The same object in another input is another table.
    const input: LazyInput = { seen: new Seen(this.#views.objects), nullKind, isShared };
    const root: Origin = { parent: undefined, key: name, place: new Place(), isElements: true, input };
    this.#encoder.encodeRoot(value, root, action, name, key);
  }

  add(object: object, first: unknown, origin: Origin, key: string | number): number {
    const number = origin.input.seen.add(object, first);
    if (number >= 0) return number + 1;
    this.#views.add(-number, origin, key);
    return number;
  }

  has(number: number, object: object, origin: Origin): boolean {
    return this.#views.objectOf(number) === object && this.#views.inputOf(number) === origin.input;
  }

  remove(number: number): void {
    this.#views.remove(number);
  }

  /** Lua has collected so many views. */
  release(count: number): void {
    if (this.#released === undefined || this.#released.length === 0) {
      const pointer = this.#instance.exports.get_released_ptr() >>> 0;
      const { buffer, byteOffset } = this.#instance.bytes(pointer, WIRE.RELEASED_MAX * 4);
      if (byteOffset % 4 !== 0) this.#nonsense();
      this.#released = new Uint32Array(buffer, byteOffset, WIRE.RELEASED_MAX);
    }
    if (!(count >= 0 && count <= WIRE.RELEASED_MAX)) this.#instance.fault("a list of released views that is too long");
    for (let i = 0; i < count; i++) {
      const number = this.#released[i];
      if (!this.#views.has(number)) this.#instance.fault("the number of a view that is none");
      this.remove(number);
    }
  }

  /** Answers Lua; a negative answer is a status. */
  load(op: number, number: number, first: number, count: number): number {
    try {
      this.#instance.checkTime();
      return this.#load(op, number >>> 0, first, count);
    } catch (error) {
      if (this.#instance.isTimeUp(error)) throw error;
      if (this.#encoder.isOwn(error)) return WIRE.STATUS_MEMORY;
      if (number === 0 || TableData.is(this.#views.objectOf(number))) {
        this.raise(error, !isOf(error, StateLimitError));
        return WIRE.STATUS_THROWN;
      }
      // A Map's or Set's own methods may throw anything.
      const { explained } = this.#encoder;
      const isExplained = explained !== undefined && error === explained;
      this.raise(isExplained ? explained : this.#encoder.explainRead(error, number, ACTION), true);
      return WIRE.STATUS_THROWN;
    }
  }

  /**
   * Numbers what was thrown, and describes it in the buffer (`wire.Thrown`), for Lua to raise.
   *
   * @param isRefusal Whether it is the bridge's own, which users get as it is.
   */
  raise(value: unknown, isRefusal: boolean): void {
    const thrown = new Thrown(value, isRefusal);
    this.#instance.refresh();
    const { halves, heap } = this.#instance;
    const name = textEncoder.encodeInto(thrown.name, heap).written;
    const message = textEncoder.encodeInto(thrown.message, heap.subarray(name)).written;
    halves[0] = this.#views.addThrown(thrown);
    halves[1] = name;
    halves[2] = message;
    halves[3] = thrown.bytes;
  }

  #load(op: number, number: number, first: number, count: number): number {
    if (op === VIEW_OP.TABLE) return this.#external!.create();
    const object = this.#views.objectOf(number) ?? this.#instance.fault("the number of a view that is none");
    if (TableData.is(object)) return this.#external!.answer(op, object, first >>> 0, count >>> 0);
    switch (op) {
      case VIEW_OP.ELEMENTS: {
        const kind = kindOf(object);
        if (kind !== "array" && kind !== "numbers") return this.#nonsense();
        const { origin } = this.#contentsOf(number, object);
        const array = object as readonly unknown[] | TypedArray;
        return this.#encoder.encodeElements(array, origin, first >>> 0, count >>> 0, ACTION, number);
      }
      case VIEW_OP.FIELD:
        return this.#field(number, object, this.#key(first, count));
      case VIEW_OP.ALL:
        this.#all(number, object);
        return 0;
      case VIEW_OP.ENTRIES:
        return this.#entries(number, object, first >>> 0, count >>> 0);
      case VIEW_OP.POSITION: {
        const entries = this.#entriesOf(number, object);
        const key = this.#ownKey(object, entries, this.#key(first, count));
        return key === undefined ? 0 : entries.position(key.key, () => this.#instance.checkTime()) + 1;
      }
      case VIEW_OP.BORDER: {
        if (!(object instanceof Map || object instanceof Set)) return this.#nonsense();
        // Not further than there are keys: a class of its own may say that it has any.
        const { length } = this.#entriesOf(number, object).keys;
        let border = 0;
        const { input } = this.#contentsOf(number, object).origin;
        while (border < length && hasKey(object, border + 1, input)) {
          if (++border % KEYS_BETWEEN_CHECKS === 0) this.#instance.checkTime();
        }
        return border;
      }
      default:
        return this.#nonsense();
    }
  }

  /** The key that Lua asks for, which stands in the buffer. */
  #key(words: number, heapBytes: number): unknown {
    const [key, ...others]: unknown[] = this.#decoder.decode(words, heapBytes, true);
    if (key === undefined || others.length > 0) return this.#nonsense();
    // The host's container has the object that was an external table's before it was stored.
    return TableData.is(key) ? this.#views.ownObjectOf(key.view) : key;
  }

  #nonsense(): never {
    this.#instance.fault("what makes no sense about a view");
  }

  #field(number: number, object: object, luaKey: unknown): number {
    const contents = this.#contentsOf(number, object);
    const { origin } = contents;
    let value: unknown;
    let key: string | number = 0;
    if (object instanceof Map || object instanceof Set) {
      const entries = this.#entriesOf(number, object);
      const own = this.#ownKey(object, entries, luaKey);
      value = own && (object instanceof Map ? object.get(own.key) : true);
      if (typeof luaKey === "string") key = luaKey;
      else if (typeof value === "function" || typeof value === "symbol") key = entries.keys.indexOf(own?.key);
    } else if (typeof luaKey === "string") {
      key = luaKey;
      value = this.#read(number, key, () => {
        return propertyIsEnumerable.call(object, luaKey) ? (object as Record<string, unknown>)[luaKey] : undefined;
      });
      origin.place.noteField(key, number);
      if (isNil(value, origin.input) && !contents.isLarge) {
        contents.isLarge = this.#read(number, undefined, () => Object.keys(object)).length > WHOLE_FIELDS_MAX;
        if (!contents.isLarge && this.#tryAll(number, object)) return WHOLE;
      }
    }
    this.#encoder.encodePart(value, origin, key, ACTION, number);
    return 0;
  }

  /** Reads something of a container that may throw, as getters and Proxies can. */
  #read<T>(number: number, key: string | number | undefined, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.#encoder.explainRead(error, number, ACTION, key);
    }
  }

  /** All fields instead of one that is nil, unless one of them is refused. */
  #tryAll(number: number, object: object): boolean {
    try {
      this.#allFields(number, object);
      return true;
    } catch (error) {
      if (this.#encoder.isOwn(error)) throw error;
      return false;
    }
  }

  #all(number: number, object: object): void {
    const { origin } = this.#contentsOf(number, object);
    const kind = kindOf(object);
    if (hasFields(kind)) {
      origin.place.noteWhole();
      return this.#allFields(number, object);
    }
    // Refuses keys that Lua can't have, before any is sent.
    if (kind === "map" || kind === "set") this.#entriesOf(number, object);
    this.#encoder.encodeContents(object, origin, ACTION, number);
  }

  #allFields(number: number, object: object): void {
    const { origin } = this.#contentsOf(number, object);
    const fields = object as Record<string, unknown>;
    this.#encoder.encodeFields(fields, Object.keys(object), origin, ACTION, number);
  }

  /** Answers the position after the entries that were written, or were nil. */
  #entries(number: number, object: object, first: number, limit: number): number {
    const { origin } = this.#contentsOf(number, object);
    const { keys } = this.#entriesOf(number, object);
    let position = first;
    // After each entry.
    const ends: number[] = [];
    const last = Math.min(keys.length, first + ENTRIES_MAX);
    const next = (): [unknown, unknown, number] | undefined => {
      while (position < last && ends.length < limit) {
        const key = keys[position++];
        const value = object instanceof Set
          ? true
          : object instanceof Map
          ? object.get(key)
          : (object as Record<string, unknown>)[key as string];
        if (isNil(value, origin.input)) continue;
        ends.push(position);
        return [key, value, position - 1];
      }
      return undefined;
    };
    const count = this.#encoder.encodeEntries(next, origin, ACTION, number);
    // Where the page was full, entries after it were looked at in vain.
    return count < ends.length ? ends[count - 1] : position;
  }

  #contentsOf(number: number, object: object): Contents {
    const known = this.#views.contents[number];
    if (known !== undefined) return known;
    const parent = this.#views.origins[number]!;
    const origin = contentsOrigin(parent, this.#views.keys[number], object);
    return this.#views.contents[number] = { origin, entries: undefined, isLarge: false };
  }

  #entriesOf(number: number, object: object): Entries {
    const contents = this.#contentsOf(number, object);
    return contents.entries ??= this.#read(
      number,
      undefined,
      () => new Entries(object, () => this.#instance.checkTime()),
    );
  }

  /** The container's own key that Lua's key means. */
  #ownKey(container: object, entries: Entries, key: unknown): { key: unknown } | undefined {
    if (!(container instanceof Map || container instanceof Set)) {
      return typeof key === "string" && propertyIsEnumerable.call(container, key) ? { key } : undefined;
    }
    if (container.has(key)) return { key };
    if (typeof key === "number" && Number.isSafeInteger(key) && container.has(BigInt(key))) return { key: BigInt(key) };
    if (entries.byBytes === undefined || typeof key !== "string" && !(key instanceof Uint8Array)) return undefined;
    if (key.length > entries.bytesLengthMax) return undefined;
    const own = entries.byBytes.get(binaryText(typeof key === "string" ? textEncoder.encode(key) : key));
    return own === undefined ? undefined : { key: own };
  }

  /** Where a container stands, such as `input.rows[3]`. */
  path(number: number): string {
    return this.#views.path(number);
  }
}

const { propertyIsEnumerable } = Object.prototype;

/** Whether a value is nil to Lua code. */
function isNil(value: unknown, input: LazyInput): boolean {
  return value === undefined || value === null && input.nullKind !== NIL_KIND.KEPT;
}

function hasKey(container: Map<unknown, unknown> | Set<unknown>, key: number, input: LazyInput): boolean {
  if (container instanceof Set) return container.has(key) || container.has(BigInt(key));
  const value = container.get(container.has(key) ? key : BigInt(key));
  return !isNil(value, input);
}
