/**
 * Has V8 inline functions of a WASM module as its profile tells.
 *
 * V8 takes the share of small functions for a sign of what has been inlined already: where 50 % of the bodies
 * have less than 50 bytes it inlines up to its full budget, where 25 % have, up to a tenth of that
 * (`BudgetScaleFactor` in its `src/wasm/inlining-tree.h`; the threshold is in `module-decoder-impl.h`). Lua has
 * few small functions by itself. With empty ones that nobody calls, 2 KB of them, sorting takes 0.83 of its time,
 * building strings 0.83, errors 0.77, switches of coroutines 0.91, `pairs` 0.90, nothing more than before
 * (measured).
 *
 * @module
 */

import binaryen from "binaryen";

/** Below so many bytes a body is small to V8. */
const SMALL_BYTES = 50;

const CODE_SECTION = 10;

/** Adds as many empty functions as make half of all functions small. */
export function addSmallFunctions(module: binaryen.Module): void {
  const lengths = bodyLengths(module.emitBinary());
  const small = lengths.filter((length) => length < SMALL_BYTES).length;
  for (let i = 0; i < lengths.length - 2 * small; i++) {
    module.addFunction(`small${i}`, binaryen.none, binaryen.none, [], module.nop());
  }
}

/**
 * Finds out how long the bodies of a module's functions are.
 *
 * @param bytes A valid WASM module.
 * @returns Their lengths in bytes, in the order of the functions.
 */
export function bodyLengths(bytes: Uint8Array): number[] {
  let at = 8;
  /** An unsigned number in LEB128. */
  const next = (): number => {
    let value = 0;
    for (let factor = 1;; factor *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const section = bytes[at++];
    const length = next();
    if (section !== CODE_SECTION) {
      at += length;
      continue;
    }
    return Array.from({ length: next() }, () => {
      const bodyLength = next();
      at += bodyLength;
      return bodyLength;
    });
  }
  return [];
}
