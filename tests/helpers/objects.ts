/**
 * Objects as values: their fields, and what they hold.
 *
 * @module
 */

/** Defines an ordinary field, of whatever name: `__proto__`, too. */
export function setOwn(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** All objects that a value holds, itself included. */
export function objectsOf(value: unknown, objects = new Set<object>()): Set<object> {
  if (typeof value !== "object" || value === null || objects.has(value)) return objects;
  objects.add(value);
  if (ArrayBuffer.isView(value)) return objects;
  const isKeyed = value instanceof Map || value instanceof Set;
  for (const held of isKeyed ? [...value.entries()].flat() : Object.values(value)) objectsOf(held, objects);
  return objects;
}
