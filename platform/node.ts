/**
 * The main entry of npm's package in Node: the module is read from the package's folder, which takes a
 * fresh process 2 ms less than the module's text.
 *
 * @module
 */

import type { readFileSync } from "node:fs";
import { useBytesByDefault } from "../src/runtime/platform.ts";

// An import of node:fs takes 1.5 ms.
declare const process: { getBuiltinModule(name: "node:fs"): { readFileSync: typeof readFileSync } };

useBytesByDefault(
  // As seen from dist/node/, where this is bundled to.
  () => process.getBuiltinModule("node:fs").readFileSync(new URL("../../wasm/cu.wasm", import.meta.url)),
  "the package's wasm/cu.wasm can't be read or compiled. A bundler has to go by the condition \"module\", or not by " +
    '"module-sync"; or give the option module',
);

export * from "../src/api.ts";
