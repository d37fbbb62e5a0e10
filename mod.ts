/**
 * Sandboxed Lua 5.4 in a small WebAssembly compute unit, with structured data in and
 * out.
 *
 * {@linkcode ComputeUnit} is one isolated Lua state: it runs code, and exchanges values
 * with it through the global `_io`. {@linkcode IoWrapper} has the common patterns over
 * it. The functions ({@linkcode load}, {@linkcode compute}, {@linkcode setInput}, ...)
 * work on one default unit.
 *
 * @example Structured input and output
 * ```ts
 * import { IoWrapper } from "@computeunit/cu";
 * import { assertEquals } from "@std/assert";
 *
 * using io = new IoWrapper();
 * const { output } = await io.computeWithIo(
 *   `
 *   local sum = 0
 *   for _, item in ipairs(_io.input.items) do sum = sum + item.price * item.count end
 *   _io.output = { sum = sum, currency = _io.input.currency }
 * `,
 *   { currency: "EUR", items: [{ price: 2.5, count: 4 }, { price: 10, count: 1 }] },
 * );
 * assertEquals(output, { currency: "EUR", sum: 20 });
 * ```
 *
 * @module
 */

// @ts-types="./src/main.ts"
export * from "./dist/mod.js";
