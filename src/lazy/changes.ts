/**
 * What becomes of a lazy input's objects in an output: copies, with what Lua code changed.
 *
 * @module
 */

import { Seen } from "../bridge/seen.ts";
import { hasGetter, hasKeys, isFarIndex, isInherited, makeSparse, setOwn } from "../values/fields.ts";
import { checkDistinct, checkKey } from "../values/keys.ts";
import {
  bytesOf,
  elementsOf,
  hasFields,
  INT64_MAX,
  INT64_MIN,
  isBytes,
  kindOf,
  type ObjectKind,
  type TypedArray,
} from "../values/kinds.ts";
import { Reading } from "../state/stored.ts";
import { type TableHandle, tableOf } from "../state/tables.ts";
import type { LuaValue } from "../values/lua_value.ts";
import { type Path, pathText } from "../values/paths.ts";
import { explain, loneSurrogate, Refusal, refuseOpaque, refuseTagged } from "../values/refusals.ts";
import { textOrBytes } from "../values/text.ts";

/** Values that are looked at before the clock is. */
export const LOOKS_BETWEEN_CHECKS = 65_536;

/** Levels that are copied by recursion; deeper ones wait in a list. */
const RECURSION_MAX = 64;

/** What a copy has with the keys of an object in common. */
interface CopyPlan {
  readonly keys: readonly string[];
  /** One of the keys needs care (lua_value.ts), or for-in would see others. */
  readonly isSpecial: boolean;
  /** Plans of the objects that stood in its fields last. */
  readonly hints: (CopyPlan | undefined)[];
}

/** A copy that is to be filled. */
interface Waiting {
  readonly from: object;
  readonly to: object;
  readonly path: Path;
}

/**
 * Objects of a lazy input as they come out of Lua: as if they had been copied into it, and
 * read again. Of an input that is shared, an object with nothing changed below it is itself.
 */
export class Changes {
  #isShared: boolean;
  /** The number of what each changed object has become. */
  #changed = new Map<object, number>();
  #becomes: (change: number) => LuaValue;
  /** Of a shared input, what has been looked at and has objects in it: itself, or the copy. */
  #results = new Map<object, object>();
  /** Else, the numbers of the objects that have copies, and the copies. */
  #seen = new Seen();
  #copies: object[] = [];
  #waiting: Waiting[] = [];
  /** The plan of the last object that was copied. */
  #plan: CopyPlan | undefined;
  /** The keys that lead to what is being copied. */
  #path: Path = [];
  #depth = 0;
  /** The object that is being looked into before it is known whether it has any. */
  #leaf: object | undefined;
  /** The key that is being read. */
  #key: string | number | undefined;
  #check: (looks: number) => void;
  /** What the check threw, or what gives a changed object: an error that is as it should be. */
  #stopped: unknown = this;
  #looks = 0;
  /** All values that were looked at. */
  looked = 0;

  /**
   * @param isShared Whether the host's own objects may be results.
   * @param becomes Gives what a changed object has become; asked where an object leads to it; may throw.
   * @param check Called after so many values have been looked at, as an input may be large; may throw.
   */
  constructor(isShared: boolean, becomes: (change: number) => LuaValue, check: (looks: number) => void) {
    this.#isShared = isShared;
    this.#becomes = becomes;
    this.#check = check;
  }

  /** Tells that an object was changed, and the number of the change; all come before the first `apply`. */
  set(object: object, change: number): void {
    this.#changed.set(object, change);
  }

  /**
   * The object with all changes.
   *
   * @param name Where it stands in its input, for messages.
   * @throws {TypeError} If something that must be copied can't be passed, with its path.
   * @throws {RangeError} If it is a bigint beyond int64.
   */
  apply(root: object, name: () => string): LuaValue {
    if (!this.#isShared) return this.#copied(root, name);
    return this.#changed.size === 0 ? root as LuaValue : this.#applyShared(root, name);
  }

  #applyShared(root: object, name: () => string): LuaValue {
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
        path.push(...this.#path.slice(0, this.#depth));
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
      const change = this.#changed.get(object);
      if (change !== undefined) this.#results.set(object, this.#become(change) as object);
      else if (!isAffected.has(object)) this.#results.set(object, object);
      else {
        this.#results.set(object, emptyLike(kindOf(object)));
        copied.push(object);
      }
    }
    for (const object of copied) {
      reads(object);
      this.#fill(object, this.#results.get(object)!, undefined);
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

  #become(change: number): LuaValue {
    try {
      return this.#becomes(change);
    } catch (error) {
      throw this.#stopped = error;
    }
  }

  #countLooks(count: number): void {
    this.looked += count;
    this.#looks += count;
    if (this.#looks < LOOKS_BETWEEN_CHECKS) return;
    const looks = this.#looks;
    this.#looks = 0;
    try {
      this.#check(looks);
    } catch (error) {
      throw this.#stopped = error;
    }
  }

  /** Whether a test holds for one of the objects that an object holds; the others aren't asked. */
  #someChild(object: object, test: (child: object) => boolean): boolean {
    const holds = (value: unknown): boolean => {
      this.#countLooks(1);
      return typeof value === "object" && value !== null && test(value);
    };
    switch (kindOf(object)) {
      case "array": {
        const array = object as readonly unknown[];
        for (let i = 0; i < array.length; i++) {
          if (holds(array[i])) return true;
        }
        return false;
      }
      case "map":
        for (const [key, value] of object as Map<unknown, unknown>) {
          if (holds(key) || holds(value)) return true;
        }
        return false;
      case "set":
        for (const member of object as Set<unknown>) {
          if (holds(member)) return true;
        }
        return false;
      case "object":
      case "instance":
        for (const key of Object.keys(object)) {
          this.#key = key;
          if (holds((object as Record<string, unknown>)[key])) return true;
        }
        this.#key = undefined;
        return false;
      default:
        return false;
    }
  }

  #copied(root: object, name: () => string): LuaValue {
    let before: Path = [];
    try {
      const copy = this.#copy(root, this.#plan);
      for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) {
        before = next.path;
        this.#fill(next.from, next.to, undefined);
      }
      return copy;
    } catch (error) {
      if (error === this.#stopped) throw error;
      throw explain(error, "read input", pathText(name(), [...before, ...this.#path.slice(0, this.#depth)]));
    }
  }

  /** The copy of a container, which is made where there is none yet. */
  #copy(from: object, hint: CopyPlan | undefined): LuaValue {
    if (this.#changed.size > 0) {
      const change = this.#changed.get(from);
      if (change !== undefined) return this.#become(change);
    }
    const kind = kindOf(from);
    if (kind === "object") return this.#copyPlain(from as Record<string, unknown>, hint);
    const number = this.#seen.add(from, undefined);
    if (number >= 0) return this.#copies[number] as LuaValue;
    switch (kind) {
      case "numbers":
        return this.#copies[-1 - number] = copyElements(from as TypedArray);
      case "date":
        return this.#copies[-1 - number] = new Date((from as Date).getTime());
      case "external":
        return this.#copies[-1 - number] = new Reading().value(tableOf(from as TableHandle)) as LuaValue & object;
      case "instance":
        refuseOpaque(from);
    }
    kind satisfies "array" | "map" | "set" | "instance" | "bytes"; // another kind needs a case
    return this.#fillNew(from, emptyLike(kind), undefined);
  }

  #copyPlain(from: Record<string, unknown>, hint: CopyPlan | undefined): LuaValue {
    const plan = hint !== undefined && hasKeys(from, hint.keys) ? hint : planOf(from);
    const [key] = plan.keys;
    // What tells the object apart must be the same each time that it is met.
    const isData = key !== undefined && !hasGetter(from, key);
    const number = this.#seen.add(from, isData ? from[key] : undefined);
    if (number < 0) {
      if (key === undefined) refuseTagged(from);
      this.#fillNew(from, {}, plan);
    }
    this.#plan = plan;
    return this.#copies[number < 0 ? -1 - number : number] as LuaValue;
  }

  #fillNew(from: object, to: object, plan: CopyPlan | undefined): LuaValue {
    this.#copies.push(to);
    if (this.#depth < RECURSION_MAX) this.#fill(from, to, plan);
    else this.#waiting.push({ from, to, path: this.#path.slice(0, this.#depth) });
    return to as LuaValue;
  }

  /** Puts what an object holds into its copy. */
  #fill(from: object, to: object, plan: CopyPlan | undefined): void {
    this.#depth++;
    switch (kindOf(from)) {
      case "array":
        this.#fillElements(from as readonly unknown[], to as LuaValue[]);
        break;
      case "map":
      case "set":
        this.#fillEntries(from as Map<unknown, unknown>, to as Map<LuaValue, LuaValue> | Set<LuaValue>);
        break;
      default:
        this.#fillFields(from as Record<string, unknown>, to as Record<string, LuaValue>, plan ?? planOf(from));
    }
    this.#depth--;
  }

  #fillElements(from: readonly unknown[], to: LuaValue[]): void {
    const { length } = from;
    const path = this.#path;
    const level = this.#depth - 1;
    let hint: CopyPlan | undefined;
    for (let i = 0; i < length; i++) {
      path[level] = i;
      const element = from[i];
      if (typeof element === "object" && element !== null) {
        to.push(this.#held(element, hint));
        hint = this.#plan;
      } else to.push(this.#scalar(element) ?? null);
      if (i % LOOKS_BETWEEN_CHECKS === 0) this.#countLooks(Math.min(length - i, LOOKS_BETWEEN_CHECKS));
    }
  }

  #fillEntries(from: Map<unknown, unknown> | Set<unknown>, to: Map<LuaValue, LuaValue> | Set<LuaValue>): void {
    const level = this.#depth - 1;
    let position = 0;
    let isOdd = false;
    for (const [key, held] of from.entries()) {
      this.#path[level] = typeof key === "string" ? key : position;
      position++;
      checkKey(key);
      isOdd ||= typeof key === "bigint" || isBytes(key);
      const ownKey = this.#crossed(key, undefined)!;
      if (to instanceof Set) {
        to.add(ownKey);
      } else {
        const value = this.#crossed(held, undefined);
        if (value !== undefined) to.set(ownKey, value);
      }
      this.#countLooks(1);
    }
    if (isOdd) checkDistinct(from.keys(), () => this.#countLooks(LOOKS_BETWEEN_CHECKS));
  }

  #fillFields(from: Record<string, unknown>, to: Record<string, LuaValue>, plan: CopyPlan): void {
    const { keys, hints } = plan;
    const { length } = keys;
    const path = this.#path;
    const level = this.#depth - 1;
    if (plan.isSpecial) return this.#fillSpecial(from, to, plan);
    let i = 0;
    // The fastest way to read: V8 knows where the enumerated field stands.
    for (const key in from) {
      path[level] = key;
      const field = from[key];
      let value: LuaValue | undefined;
      if (typeof field === "object" && field !== null) {
        value = this.#held(field, hints[i]);
        hints[i] = this.#plan;
      } else value = this.#scalar(field);
      // A place in the code for each of the first keys, see decode.ts.
      if (value === undefined) i++;
      else if (i === 0) to[keys[i++]] = value;
      else if (i === 1) to[keys[i++]] = value;
      else if (i === 2) to[keys[i++]] = value;
      else if (i === 3) to[keys[i++]] = value;
      else if (i === 4) to[keys[i++]] = value;
      else if (i === 5) to[keys[i++]] = value;
      else to[keys[i++]] = value;
    }
    this.#countLooks(length);
  }

  /** The same, for keys and objects that need care. */
  #fillSpecial(from: Record<string, unknown>, to: Record<string, LuaValue>, { keys }: CopyPlan): void {
    if (keys.some(isFarIndex)) makeSparse(to);
    for (const key of keys) {
      this.#path[this.#depth - 1] = key;
      const value = this.#crossed(from[key], undefined);
      if (value !== undefined) setOwn(to, key, value);
    }
    this.#countLooks(keys.length);
  }

  /** What comes back of a value that has been in Lua; undefined where it is absent in a container. */
  #crossed(value: unknown, hint: CopyPlan | undefined): LuaValue | undefined {
    return typeof value === "object" && value !== null ? this.#held(value, hint) : this.#scalar(value);
  }

  #scalar(value: unknown): LuaValue | undefined {
    switch (typeof value) {
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
      default:
        return value as LuaValue | undefined;
    }
  }

  /** The same for an object. */
  #held(value: object, hint: CopyPlan | undefined): LuaValue {
    if (isBytes(value)) return textOrBytes(bytesOf(value), () => this.#countLooks(LOOKS_BETWEEN_CHECKS));
    if (!this.#isShared) return this.#copy(value, hint);
    const result = this.#results.get(value) ?? value;
    if (result === value && hasFields(kindOf(value))) refuseOpaque(value);
    return result as LuaValue;
  }
}

function planOf(object: object): CopyPlan {
  const keys = Object.keys(object);
  for (const key of keys) if (!key.isWellFormed()) throw loneSurrogate();
  const isSpecial = kindOf(object) !== "object" || !hasKeys(object, keys) ||
    keys.some((key) => isInherited(key) || isFarIndex(key));
  return { keys, isSpecial, hints: keys.map(() => undefined) };
}

function copyElements(array: TypedArray): TypedArray {
  const [, elements] = elementsOf(array);
  const beyond = elements instanceof BigUint64Array && elements.find((element) => element > INT64_MAX);
  if (beyond) throw new Refusal(RangeError, `${beyond} is beyond 64 bits`);
  return elements.slice();
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

/** The empty container that becomes the copy of one of this kind. */
function emptyLike(kind: ObjectKind): object {
  switch (kind) {
    case "array":
      return [];
    case "map":
      return new Map();
    case "set":
      return new Set();
    default:
      return {};
  }
}
