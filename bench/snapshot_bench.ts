/**
 * Snapshots of a unit with a megabyte of Lua code and tables: set back and forked, beside a copy of so many bytes.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { assert, assertEquals } from "@std/assert";
import { benchCase, isShort } from "./cases.ts";
import { internals } from "../src/unit/compute_unit.ts";

/** The groups of the cases: forks leave memory behind, which others would be interrupted for. */
export const RESTORES = "set back a unit with 1 MB of code and tables";
export const FORKS = "fork a unit with 1 MB of code and tables";
/** Names of the cases. */
export const RESTORE = "restore";
export const FORK = "fork";
export const EMPTY_UNIT = "an empty unit";
export const COPY = "a memory copy of its size";
export const FRESH_COPY = "a memory copy of its size, into fresh WASM memory";

const unit = await ComputeUnit.create();
unit.compute(`
  functions, rows = {}, {}
  for i = 1, ${isShort ? 10 : 1000} do
    functions[i] = load("local n = ... return function(a, b) if a > b then return a - n else return b .. n end end")(i)
  end
  local i = 0
  repeat
    i = i + 1
    rows[i] = { id = i, name = "row " .. i, tags = { i, i + 1 } }
  until collectgarbage("count") > ${isShort ? 200 : 1024}
`);
unit.runGc();
const snapshot = unit.snapshot();
const sizeBytes = unit.getMemoryStats().usedBytes;
const [from, to] = [new Uint8Array(sizeBytes).fill(1), new Uint8Array(sizeBytes).fill(2)];
const result = unit.compute<number>("return #rows");

const CALLS = isShort ? 1 : 20;

benchCase({
  group: RESTORES,
  name: RESTORE,
  calls: CALLS,
  run: () => unit.restore(snapshot),
  check: () => assertEquals(unit.compute("return #rows"), result),
});

benchCase({
  group: FORKS,
  name: FORK,
  calls: CALLS,
  run: () => {
    const fork = unit.fork();
    fork.dispose();
    return fork;
  },
  check: () => {
    using fork = unit.fork();
    assertEquals(fork.compute("return #rows"), result);
  },
});

benchCase({
  group: FORKS,
  name: EMPTY_UNIT,
  calls: CALLS,
  run: () => internals.create({}).dispose(),
  check: () => {},
});

for (const group of [RESTORES, FORKS]) {
  benchCase({
    group,
    name: COPY,
    baseline: true,
    calls: CALLS,
    run: () => to.set(from),
    check: () => assertEquals(to[sizeBytes - 1], 1),
  });
}

benchCase({
  group: FORKS,
  name: FRESH_COPY,
  calls: CALLS,
  run: () => {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(sizeBytes / 65536) });
    new Uint8Array(memory.buffer).set(from);
    return memory;
  },
  check: ({ buffer }) => assert(buffer.byteLength >= sizeBytes),
});
