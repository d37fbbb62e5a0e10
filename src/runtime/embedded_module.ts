/**
 * The platform of the main entry: the module comes along as text, so that nothing has to be
 * fetched, read or configured.
 *
 * @module
 */

import { decodeText, textOf } from "./module_text.ts";
import { useBytesByDefault } from "./platform.ts";
import { cuDecoder, cuText, cuTextLength } from "../../wasm/cu.js";

useBytesByDefault(
  () => decodeText(textOf(cuText, cuTextLength), cuDecoder),
  // Some engines allow code only as it was deployed.
  "WebAssembly can't be compiled from bytes here. In a page, its Content-Security-Policy must have " +
    "script-src 'wasm-unsafe-eval'; in workerd, import @computeunit/cu/workerd, or give the option module",
);
