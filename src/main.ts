/**
 * The library with the module's text: what `dist/mod.js` is made of, and what tests import in its place.
 *
 * @module
 */

import "./runtime/embedded_module.ts";

export * from "./api.ts";
