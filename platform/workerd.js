// @ts-self-types="./workerd.d.ts"
import source cuModule from "../wasm/cu.wasm";
import { usePlatform } from "../src/runtime/platform.ts";

/** Steps that take 0.05 to 1 s. */
const STEP_LIMIT_DEFAULT = 10_000_000;

usePlatform({
  moduleNow: () => cuModule,
  moduleLater: () => Promise.resolve(cuModule),
  stepLimit: STEP_LIMIT_DEFAULT,
});

export * from "../src/api.ts";
