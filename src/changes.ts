/**
 * Puts what Lua code changed into copies of the host's objects.
 *
 * @module
 */

import type { LuaValue } from "./lua_value.ts";

/**
 * Objects of a lazy input as they are after code has changed some that stand in them:
 * an object with nothing changed below it is itself, others are copies.
 */
export class Changes {
  #changed = new Map<object, LuaValue>();
  /** What has been looked at: itself, or the copy. */
  #results = new Map<object, object>();

  /** Tells what has become of an object; all changes come before the first `apply`. */
  set(object: object, changed: LuaValue): void {
    this.#changed.set(object, changed);
  }

  /** The object with all changes. */
  apply(root: object): LuaValue {
    if (!this.#results.has(root)) this.#look(root);
    return this.#results.get(root) as LuaValue;
  }

  /** Walks what an object leads to, finds what leads to a change, and copies that. */
  #look(root: object): void {
    const parents = new Map<object, object[]>([[root, []]]);
    const affected: object[] = [];
    const found = [root];
    for (let object = found.pop(); object !== undefined; object = found.pop()) {
      const known = this.#results.get(object);
      if (this.#changed.has(object) || (known !== undefined && known !== object)) {
        affected.push(object);
        continue;
      }
      if (known === object) continue;
      for (const child of childrenOf(object)) {
        if (typeof child !== "object" || child === null) continue;
        const others = parents.get(child);
        if (others !== undefined) {
          others.push(object);
        } else {
          parents.set(child, [object]);
          found.push(child);
        }
      }
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
    for (const object of copied) this.#fill(object, this.#results.get(object)!);
  }

  #fill(from: object, to: object): void {
    const result = (value: unknown) => {
      return typeof value === "object" && value !== null ? this.#results.get(value) ?? value : value;
    };
    if (Array.isArray(from)) {
      for (let i = 0; i < from.length; i++) (to as unknown[]).push(result(from[i] ?? null));
    } else if (from instanceof Map) {
      for (const [key, value] of from) (to as Map<unknown, unknown>).set(result(key), result(value));
    } else if (from instanceof Set) {
      for (const member of from) (to as Set<unknown>).add(result(member));
    } else {
      for (const [key, value] of Object.entries(from)) {
        if (value === null || value === undefined) continue;
        Object.defineProperty(to, key, { value: result(value), writable: true, enumerable: true, configurable: true });
      }
    }
  }
}

function childrenOf(object: object): Iterable<unknown> {
  if (Array.isArray(object) || object instanceof Set) return object;
  if (object instanceof Map) return [...object.keys(), ...object.values()];
  if (ArrayBuffer.isView(object) || object instanceof ArrayBuffer || object instanceof Date) return [];
  return Object.values(object);
}

function emptyLike(object: object): object {
  if (Array.isArray(object)) return [];
  if (object instanceof Map) return new Map();
  if (object instanceof Set) return new Set();
  return {};
}
