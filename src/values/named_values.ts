/**
 * Values by their names.
 *
 * @module
 */

/**
 * Values by their names: a plain object, whose type may be an interface, too, though those have no index signature.
 * Lists, Maps, texts and functions are none.
 */
export type NamedValues =
  | Record<string, unknown>
  | (object & { readonly [Symbol.iterator]?: never; readonly [Symbol.hasInstance]?: never });
