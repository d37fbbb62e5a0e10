/**
 * What differs between the entries of the package: where the WASM module comes from, and what
 * limits hold where nothing is said.
 *
 * @module
 */

/** What an entry brings for the runtimes that it is for. */
export interface Platform {
  /** The module at once, or a RangeError where the engine compiles so much only in the background. */
  moduleNow: () => WebAssembly.Module;
  /** The module, compiled in the background. */
  moduleLater: () => Promise<WebAssembly.Module>;
  /** The `stepLimit` of units that are given none. */
  stepLimit: number;
}

let used: Platform | undefined;

/** Says what units are made with, which an entry does when it is imported. */
export function usePlatform(platform: Platform): void {
  used = platform;
}

/** As {@linkcode usePlatform}, unless another entry was imported before. */
export function usePlatformByDefault(platform: Platform): void {
  used ??= platform;
}

/** The platform of the entry that was imported. */
export function platform(): Platform {
  if (used === undefined) throw new TypeError("Cannot create a compute unit: no entry of the package was imported");
  return used;
}
