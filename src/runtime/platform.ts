/**
 * What differs between the entries of the package: where the WASM module comes from, and what
 * limits hold where nothing is said.
 *
 * @module
 */

import { messageOf } from "../values/refusals.ts";

/** What an entry brings for the runtimes that it is for. */
export interface Platform {
  /** The module at once, or a RangeError where the engine compiles so much only in the background. */
  moduleNow: () => WebAssembly.Module;
  /** The module, compiled in the background. */
  moduleLater: () => Promise<WebAssembly.Module>;
  /** The `stepLimit` of units that are given none. */
  stepLimit: number;
}

const CANNOT = "Cannot create a compute unit";

let used: Platform | undefined;

/** Says what units are made with, which an entry does when it is imported. */
export function usePlatform(platform: Platform): void {
  used = platform;
}

/**
 * Says what bytes the module is compiled from, unless another entry was imported before. It is compiled once
 * for all units, as it has no state.
 *
 * @param moduleBytes Gives the bytes.
 * @param advice What is wrong where that, or compiling them, fails, and what to do.
 */
export function useBytesByDefault(moduleBytes: () => Uint8Array<ArrayBuffer>, advice: string): void {
  let compiled: WebAssembly.Module | undefined;
  const refusal = (cause: unknown) => new Error(`${CANNOT}: ${advice} (${messageOf(cause)})`, { cause });
  used ??= {
    // At once: it takes 3 ms, no longer than to have it done elsewhere and to wait for it.
    moduleNow: () => {
      if (typeof WebAssembly === "undefined") throw new Error(`${CANNOT}: there is no WebAssembly here`);
      try {
        return compiled ??= new WebAssembly.Module(moduleBytes());
      } catch (error) {
        // Some engines compile no more than 4 KB at once on a page's main thread.
        throw error instanceof RangeError ? error : refusal(error);
      }
    },
    moduleLater: async () => {
      try {
        return compiled ??= await WebAssembly.compile(moduleBytes());
      } catch (error) {
        throw refusal(error);
      }
    },
    stepLimit: Infinity,
  };
}

/** The platform of the entry that was imported. */
export function platform(): Platform {
  if (used === undefined) throw new TypeError(`${CANNOT}: no entry of the package was imported`);
  return used;
}
