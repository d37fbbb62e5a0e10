/**
 * The JavaScript heap, measured after full collections, so that it doesn't matter when V8
 * collects by itself.
 *
 * @module
 */

import v8 from "node:v8";
import vm from "node:vm";

v8.setFlagsFromString("--expose-gc");
/** Collects all garbage at once; what is to be done about it waits for a turn of the event loop. */
export const collect = vm.runInNewContext("gc") as () => void;

/** Bytes of the JavaScript heap, without garbage. */
export async function liveHeapBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collect();
    // What waits for a turn of the event loop to be let go of.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  collect();
  return Deno.memoryUsage().heapUsed;
}
