/**
 * Fields of plain objects.
 *
 * @module
 */

/** Whether these are the object's enumerable keys, in this order. */
export function hasKeys(value: object, keys: readonly string[]): boolean {
  let i = 0;
  for (const key in value) {
    if (key !== keys[i++]) return false;
  }
  return i === keys.length;
}

/** Whether a field is read by a getter, which may give something else each time. */
export function hasGetter(object: object, key: string): boolean {
  return Object.getOwnPropertyDescriptor(object, key)?.get !== undefined;
}

/** Indices among an object's keys for which V8 may make room. */
const NEAR_INDEX_MAX = 16;

/** Whether a key is an index so far out that V8 would make room for all before it. */
export function isFarIndex(key: string): boolean {
  const first = key.charCodeAt(0);
  return first >= 49 && first <= 57 && key.length > 1 && Number(key) > NEAR_INDEX_MAX;
}

/** Makes an object keep what has an index as it keeps other fields: by key, for 30 bytes each instead of 12 KB. */
export function makeSparse(object: Record<string, unknown>): void {
  const lastIndex = 2 ** 32 - 2;
  object[lastIndex] = null;
  delete object[lastIndex];
}

/** Whether a plain object has something under a key that it doesn't own: a setter, or what is read-only. */
export function isInherited(key: string): boolean {
  return key in Object.prototype;
}

/** As `object[key] = value`, whatever the prototype has there. */
export function setOwn(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
