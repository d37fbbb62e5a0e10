/**
 * Makes the unit when the module is built: what stands in its memory then becomes the module's data, so that an
 * instance begins with all of Lua's library in place. To make it takes V8 a hundred functions to compile, 1.5 ms of
 * a fresh process, and 0.15 ms of each further unit. As Wizer does it
 * (https://github.com/bytecodealliance/wizer), but what differs between instances is put in at their beginning
 * (zig/vm/secret.zig).
 *
 * @module
 */

import binaryen from "binaryen";

const PAGE_BYTES = 65536;
const NO_MAXIMUM = -1;

/** Exports that only the build calls. */
const BUILD_EXPORTS = ["_initialize", "make"];

interface Exports {
  memory: WebAssembly.Memory;
  _initialize(): void;
  make(): number;
}

/**
 * Puts the memory of a unit that has been made into its module.
 *
 * @param bytes The module as the linker wrote it.
 * @param keepsNames Whether the names of functions stay, which the stack of a trap shows.
 * @returns The module, whose exports but `init` refuse until that has been called.
 */
export function withImage(bytes: Uint8Array<ArrayBuffer>, keepsNames: boolean): Uint8Array<ArrayBuffer> {
  const unit = new WebAssembly.Module(bytes);
  const refuse = () => {
    throw new Error("Cannot make the unit: it called the host");
  };
  const cu = Object.fromEntries(WebAssembly.Module.imports(unit).map(({ name }) => [name, refuse]));
  // What is chosen at random is chosen again by each instance.
  const exports = new WebAssembly.Instance(unit, { cu: { ...cu, seed: () => 0 } }).exports as unknown as Exports;
  exports._initialize();
  const extent = exports.make() >>> 0;
  if (extent === 0) throw new Error("Cannot make the unit");

  const memory = new Uint8Array(exports.memory.buffer);
  const [start, end, heapEnd, tailLength] = new Uint32Array(memory.slice(extent, extent + 16).buffer);
  const module = binaryen.readBinary(bytes);
  try {
    for (const name of BUILD_EXPORTS) module.removeExport(name);
    const segments = [[start, end], [heapEnd - tailLength, heapEnd]].map(([from, to]) => ({
      offset: module.i32.const(from),
      data: memory.slice(from, to),
    }));
    module.setMemory(memory.length / PAGE_BYTES, NO_MAXIMUM, null, segments);
    binaryen.setDebugInfo(keepsNames);
    return new Uint8Array(module.emitBinary());
  } finally {
    module.dispose();
  }
}
