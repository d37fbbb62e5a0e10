// Preloaded by lazy_mode_test.ts: units take every input lazily, unless a test says otherwise.

import { ComputeUnit } from "@computeunit/cu";

const { create } = ComputeUnit;
ComputeUnit.create = (options = {}) => create.call(ComputeUnit, { lazyThreshold: 0, ...options });
