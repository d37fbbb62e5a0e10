/**
 * What comes out of Lua.
 *
 * @module
 */

/**
 * A value that came from Lua. A table with keys 1 to n is an array, one with string
 * or integer keys an object, any other a Map; what was a Map, Set, Date or typed array in
 * JavaScript is one again. Integers beyond 2^53 are bigints, strings that are no UTF-8 are bytes.
 * A Float16Array is one of these where the program's own `lib` knows such arrays.
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
  // By its name, a program whose `lib` lacks it would have `any` for the whole type.
  | (typeof globalThis extends { Float16Array: { prototype: infer Float16 } } ? Float16 : never)
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Date
  | LuaValue[]
  | { [key: string]: LuaValue }
  | Map<LuaValue, LuaValue>
  | Set<LuaValue>;
