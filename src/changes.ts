/**
 * Puts what Lua code changed into copies of the host's objects.
 *
 * @module
 */

import {
  bytesOf,
  checkKey,
  explain,
  INT64_MAX,
  INT64_MIN,
  isBytes,
  loneSurrogate,
  type Path,
  pathText,
  Refusal,
  refuseOpaque,
} from "./encode.ts";
import { type LuaValue, textOrBytes } from "./lua_value.ts";

/** Values that are looked at before the clock is. */
const LOOKS_BETWEEN_CHECKS = 65_536;

/**
 * Objects of a lazy input as they are after code has changed some that stand in them:
 * an object with nothing changed below it is itself, others are copies, of what they hold
 * as if it had been in Lua and come back.
 */
export class Changes {
  #changed = new Map<object, LuaValue>();
  /** What has been looked at and has objects in it: itself, or the copy. */
  #results = new Map<object, object>();
  /** The object that is being looked into before it is known whether it has any. */
  #leaf: object | undefined;
  /** The key that is being read or copied. */
  #key: string | number | undefined;
  #check: () => void;
  /** What the check threw. */
  #stopped: unknown = this;
  #looks = 0;

  /** @param check Called now and then, as an input may be large; may throw. */
  constructor(check: () => void) {
    this.#check = check;
  }

  /** Tells what has become of an object; all changes come before the first `apply`. */
  set(object: object, changed: LuaValue): void {
    this.#changed.set(object, changed);
  }

  /**
   * The object with all changes.
   *
   * @param name Where it stands in its input, for messages.
   * @throws {TypeError} If something that must be copied can't be passed, with its path.
   * @throws {RangeError} If it is a bigint beyond int64.
   */
  apply(root: object, name: () => string): LuaValue {
    if (!this.#results.has(root)) {
      const parents = new Map<object, object[]>([[root, []]]);
      let object = root;
      try {
        this.#look(root, parents, (next) => object = next);
      } catch (error) {
        if (error === this.#stopped) throw error;
        const path = pathOf(object, root, parents);
        if (this.#leaf !== undefined) path.push(keyOf(object, this.#leaf));
        if (this.#key !== undefined) path.push(this.#key);
        throw explain(error, "read input", pathText(name(), path));
      }
    }
    return this.#results.get(root) as LuaValue;
  }

  /** Walks what an object leads to, finds what leads to a change, and copies that. */
  #look(root: object, parents: Map<object, object[]>, reads: (object: object) => void): void {
    const affected: object[] = [];
    const found = [root];
    for (let object = found.pop(); object !== undefined; object = found.pop()) {
      const known = this.#results.get(object);
      if (this.#changed.has(object) || (known !== undefined && known !== object)) {
        affected.push(object);
        continue;
      }
      if (known === object) continue;
      reads(object);
      const parent = object;
      this.#someChild(object, (child) => {
        const others = parents.get(child);
        if (others !== undefined) {
          others.push(parent);
        } else if (!this.#isLeaf(child)) {
          parents.set(child, [parent]);
          found.push(child);
        }
        return false;
      });
    }
    const isAffected = new Set(affected);
    for (let object = affected.pop(); object !== undefined; object = affected.pop()) {
      for (const parent of parents.get(object)!) {
        if (isAffected.has(parent)) continue;
        isAffected.add(parent);
        affected.push(parent);
      }
    }
    const copied: object[] = [];
    for (const object of parents.keys()) {
      if (this.#results.has(object)) continue;
      if (this.#changed.has(object)) this.#results.set(object, this.#changed.get(object) as object);
      else if (!isAffected.has(object)) this.#results.set(object, object);
      else {
        this.#results.set(object, emptyLike(object));
        copied.push(object);
      }
    }
    for (const object of copied) {
      reads(object);
      this.#fill(object, this.#results.get(object)!);
    }
  }

  /** Whether an object is unchanged and has no objects in it: most rows are, and need no place in a Map. */
  #isLeaf(object: object): boolean {
    if (this.#changed.has(object) || this.#results.has(object)) return false;
    const key = this.#key;
    this.#leaf = object;
    this.#key = undefined;
    const isLeaf = !this.#someChild(object, () => true);
    this.#leaf = undefined;
    this.#key = key;
    return isLeaf;
  }

  #countLook(): void {
    if (++this.#looks % LOOKS_BETWEEN_CHECKS !== 0) return;
    try {
      this.#check();
    } catch (error) {
      throw this.#stopped = error;
    }
  }

  /** Whether a test holds for one of the objects that an object holds; the others aren't asked. */
  #someChild(object: object, test: (child: object) => boolean): boolean {
    const holds = (value: unknown): boolean => {
      this.#countLook();
      return typeof value === "object" && value !== null && test(value);
    };
    if (Array.isArray(object)) {
      for (let i = 0; i < object.length; i++) {
        if (holds(object[i])) return true;
      }
    } else if (object instanceof Map) {
      for (const [key, value] of object) {
        if (holds(key) || holds(value)) return true;
      }
    } else if (object instanceof Set) {
      for (const member of object) {
        if (holds(member)) return true;
      }
    } else if (!(ArrayBuffer.isView(object) || object instanceof ArrayBuffer || object instanceof Date)) {
      for (const key of Object.keys(object)) {
        this.#key = key;
        if (holds((object as Record<string, unknown>)[key])) return true;
      }
      this.#key = undefined;
    }
    return false;
  }

  #fill(from: object, to: object): void {
    const at = (key: string | number, value: unknown): LuaValue => {
      this.#key = key;
      return this.#crossed(value);
    };
    if (Array.isArray(from)) {
      for (let i = 0; i < from.length; i++) (to as LuaValue[]).push(at(i, from[i]));
    } else if (from instanceof Map || from instanceof Set) {
      let position = 0;
      for (const [key, held] of from.entries()) {
        const name = typeof key === "string" ? key : position++;
        this.#key = name;
        checkKey(key);
        const ownKey = at(name, key);
        const value = at(name, held);
        if (to instanceof Set) to.add(ownKey);
        else if (value !== null) (to as Map<LuaValue, LuaValue>).set(ownKey, value);
      }
    } else {
      for (const [key, held] of Object.entries(from)) {
        if (!key.isWellFormed()) throw loneSurrogate();
        const value = at(key, held);
        if (value === null) continue;
        Object.defineProperty(to, key, { value, writable: true, enumerable: true, configurable: true });
      }
    }
    this.#key = undefined;
  }

  /** What comes back of a value that has been in Lua. */
  #crossed(value: unknown): LuaValue {
    switch (typeof value) {
      case "undefined":
        return null;
      case "string":
        if (!value.isWellFormed()) throw loneSurrogate();
        return value;
      case "bigint":
        if (value < INT64_MIN || value > INT64_MAX) throw new Refusal(RangeError, `${value} is beyond 64 bits`);
        return Number.isSafeInteger(Number(value)) ? Number(value) : value;
      case "function":
        throw new Refusal(TypeError, "functions cannot be passed");
      case "symbol":
        throw new Refusal(TypeError, "symbols cannot be passed");
      case "object": {
        if (value === null) return null;
        if (isBytes(value)) return textOrBytes(bytesOf(value), this.#check);
        const result = this.#results.get(value) ?? value;
        if (result === value && !isContainer(value)) refuseOpaque(value);
        return result as LuaValue;
      }
      default:
        return value as LuaValue;
    }
  }
}

/** Keys that lead to an object from the root, by the way on which it was found. */
function pathOf(object: object, root: object, parents: Map<object, object[]>): Path {
  const path: Path = [];
  while (object !== root) {
    const [parent] = parents.get(object)!;
    path.unshift(keyOf(parent, object));
    object = parent;
  }
  return path;
}

function keyOf(parent: object, child: object): string | number {
  const entries = parent instanceof Map || parent instanceof Set ? [...parent.entries()] : Object.entries(parent);
  const position = entries.findIndex((entry) => entry.includes(child));
  const key = entries[position]?.[0];
  return typeof key === "string" && !Array.isArray(parent) ? key : position;
}

/** Whether an object is one of those that need no look at what it is. */
function isContainer(object: object): boolean {
  return Array.isArray(object) || ArrayBuffer.isView(object) || object instanceof Map || object instanceof Set ||
    object instanceof Date;
}

function emptyLike(object: object): object {
  if (Array.isArray(object)) return [];
  if (object instanceof Map) return new Map();
  if (object instanceof Set) return new Set();
  return {};
}
