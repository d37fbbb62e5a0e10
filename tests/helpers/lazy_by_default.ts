// Preloaded by lazy_mode_test.ts: units take every input lazily, unless a test says otherwise.

import { ComputeUnit } from "@computeunit/cu";
import { internals } from "../../src/unit/compute_unit.ts";

const { create } = ComputeUnit;
ComputeUnit.create = (options = {}) => create.call(ComputeUnit, { lazyThreshold: 0, ...options });

// Those that an IoWrapper makes.
const { create: createNow } = internals;
internals.create = (options) => createNow({ lazyThreshold: 0, ...options });
