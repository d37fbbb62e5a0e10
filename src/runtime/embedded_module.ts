/**
 * The platform of the main entry: the module comes along as text, so that nothing has to be
 * fetched, read or configured.
 *
 * @module
 */

import { messageOf } from "../values/refusals.ts";
import { decodeText, textOf } from "./module_text.ts";
import { usePlatformByDefault } from "./platform.ts";
import { cuDecoder, cuText, cuTextLength } from "../../wasm/cu.js";

/** The module, compiled once for all units: it has no state. */
let compiled: WebAssembly.Module | undefined;

/** At once: it takes 3 ms, no longer than to have it done elsewhere and to wait for it. */
function moduleNow(): WebAssembly.Module {
  if (typeof WebAssembly === "undefined") throw new Error("Cannot create a compute unit: there is no WebAssembly here");
  try {
    return compiled ??= new WebAssembly.Module(moduleBytes());
  } catch (error) {
    // Some engines compile no more than 4 KB at once on a page's main thread.
    throw error instanceof RangeError ? error : refusal(error);
  }
}

async function moduleLater(): Promise<WebAssembly.Module> {
  try {
    return compiled ??= await WebAssembly.compile(moduleBytes());
  } catch (error) {
    throw refusal(error);
  }
}

function moduleBytes(): Uint8Array<ArrayBuffer> {
  return decodeText(textOf(cuText, cuTextLength), cuDecoder);
}

/** What to do where an engine refuses bytes that it could compile: some allow code only as it was deployed. */
function refusal(cause: unknown): Error {
  return new Error(
    "Cannot create a compute unit: WebAssembly can't be compiled from bytes here. In a page, its " +
      "Content-Security-Policy must have script-src 'wasm-unsafe-eval'; in workerd, import " +
      `@computeunit/cu/workerd, or give the option module (${messageOf(cause)})`,
    { cause },
  );
}

usePlatformByDefault({ moduleNow, moduleLater, stepLimit: Infinity });
