/**
 * Which build of the WASM module it is: memory of one means nothing to another.
 *
 * @module
 */

/** Bytes of a build's number. */
export const BUILD_ID_BYTES = 16;

/** Where `tools/build.ts` writes it. */
const SECTION = "cu.build";

const known = new WeakMap<WebAssembly.Module, Uint8Array>();

/**
 * The number of a module's build: a part of the hash of its bytes.
 *
 * @throws {TypeError} If the module has none, as other tools have taken it away.
 */
export function buildIdOf(module: WebAssembly.Module): Uint8Array {
  const found = known.get(module);
  if (found !== undefined) return found;
  const [section] = WebAssembly.Module.customSections(module, SECTION);
  if (section?.byteLength !== BUILD_ID_BYTES) {
    throw new TypeError(`Cannot use snapshots: the WASM module has no section ${SECTION}, as it was changed`);
  }
  const id = new Uint8Array(section);
  known.set(module, id);
  return id;
}

/**
 * Checks that a module is of the build that has made a copy of memory.
 *
 * @throws {TypeError} If it isn't.
 */
export function checkBuild(build: Uint8Array, module: WebAssembly.Module): void {
  const own = buildIdOf(module);
  if (own === build || own.every((byte, i) => byte === build[i])) return;
  throw new TypeError(
    `Cannot load the snapshot: it was made by another build of the module (${shown(build)}, this is ${shown(own)})`,
  );
}

function shown(build: Uint8Array): string {
  return Array.from(build.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
