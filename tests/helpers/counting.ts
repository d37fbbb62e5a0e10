/**
 * Values that count how often they are read, so that what reads them too often is seen on a
 * machine of any speed.
 *
 * @module
 */

/** How often a value was read, by what was done. */
export interface Reads {
  /** Properties that were read, own ones or not. */
  get: number;
  /** Questions whether a property is there, or what it is. */
  has: number;
  /** Lists of all keys. */
  ownKeys: number;
}

/** An array or object like the given one, which counts in `reads` how it's read. */
export function countingReads<T extends object>(target: T, reads: Reads = { get: 0, has: 0, ownKeys: 0 }): [T, Reads] {
  const proxy = new Proxy(target, {
    get(target, key, receiver) {
      reads.get++;
      return Reflect.get(target, key, receiver);
    },
    has(target, key) {
      reads.has++;
      return Reflect.has(target, key);
    },
    getOwnPropertyDescriptor(target, key) {
      reads.has++;
      return Reflect.getOwnPropertyDescriptor(target, key);
    },
    ownKeys(target) {
      reads.ownKeys++;
      return Reflect.ownKeys(target);
    },
  });
  return [proxy, reads];
}

/** A Map that counts how often it's asked for a key, and how many keys were listed. */
export class CountingMap<K, V> extends Map<K, V> {
  /** Calls of `get` and `has`. */
  lookups = 0;
  /** Keys and entries that iterators gave. */
  listed = 0;

  override get(key: K): V | undefined {
    this.lookups++;
    return super.get(key);
  }

  override has(key: K): boolean {
    this.lookups++;
    return super.has(key);
  }

  override *keys(): MapIterator<K> {
    for (const key of super.keys()) {
      this.listed++;
      yield key;
    }
  }

  override *entries(): MapIterator<[K, V]> {
    for (const entry of super.entries()) {
      this.listed++;
      yield entry;
    }
  }

  override [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }
}
