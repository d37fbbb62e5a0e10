/**
 * Names of states, and the keys of their roots.
 *
 * @module
 */

import { keyBytes } from "./store.ts";

/** The longest name of a state, in bytes and as keys have it: a key has more than the name. */
const NAME_BYTES_MAX = 900;

/** Where all roots are. */
export const ROOTS_PREFIX = "home/";

/** A name in a key: "/" ends it. */
export function escaped(name: string): string {
  return name.replaceAll("%", "%25").replaceAll("/", "%2F");
}

/** The name in the key of a root. */
export function nameOfKey(key: string): string {
  return key.slice(ROOTS_PREFIX.length).replaceAll("%2F", "/").replaceAll("%25", "%");
}

/** Whether a name can be one. */
export function isName(name: string): boolean {
  return name !== "" && !/\p{Surrogate}|\0/u.test(name) && keyBytes(escaped(name)) <= NAME_BYTES_MAX;
}
