/**
 * What comes out of Lua.
 *
 * @module
 */

/**
 * A value that came from Lua. A table with keys 1 to n is an array, one with string
 * or integer keys an object, any other a Map; what was a Map, Set, Date or typed array in
 * JavaScript is one again. Integers beyond 2^53 are bigints, strings that are no UTF-8 are bytes.
 */
export type LuaValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float16Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Date
  | LuaValue[]
  | { [key: string]: LuaValue }
  | Map<LuaValue, LuaValue>
  | Set<LuaValue>;
