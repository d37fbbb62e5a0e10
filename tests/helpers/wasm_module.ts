/**
 * The module that is shipped, without the unit around it.
 *
 * @module
 */

/** `wasm/cu.wasm`, compiled. */
export const wasmModule = await WebAssembly.compile(
  await Deno.readFile(new URL("../../wasm/cu.wasm", import.meta.url)),
);
