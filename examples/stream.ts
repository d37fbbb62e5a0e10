/**
 * A long array in batches, with what lasts from batch to batch in `_home`.
 *
 *     deno run examples/stream.ts
 */

import { IoWrapper } from "@computeunit/cu";

/** A line of an access log. */
export interface Hit {
  path: string;
  status: number;
}

/** The output of one batch. */
export interface Batch {
  batch: number;
  failures: number;
  /** In the last batch only: the paths that failed at all, the most frequent first. */
  worst?: { path: string; failures: number }[];
}

const CODE = `
  local input = _io.input
  _home.failures = _home.failures or {}

  local failures = 0
  for _, hit in ipairs(input.batch) do
    if hit.status >= 500 then
      failures = failures + 1
      _home.failures[hit.path] = (_home.failures[hit.path] or 0) + 1
    end
  end
  _io.output = { batch = input.batchIndex, failures = failures }

  if not input.hasMore then
    local worst = {}
    for path, count in pairs(_home.failures) do
      worst[#worst + 1] = { path = path, failures = count }
    end
    table.sort(worst, function(a, b) return a.failures > b.failures end)
    _io.output.worst = _io.array(worst)
  end
`;

/** Makes a log, the same one each time. */
export function makeHits(count: number): Hit[] {
  return Array.from({ length: count }, (_, i) => ({
    path: ["/", "/login", "/search"][i % 3],
    status: i % 10 === 0 ? 503 : i % 21 === 1 ? 500 : 200,
  }));
}

/** Counts the failures in a log, batch by batch. */
export async function stream(hits: Hit[], batchSize = 1000): Promise<Batch[]> {
  using io = new IoWrapper();
  return await io.processStream<Batch>(CODE, hits, { batchSize });
}

if (import.meta.main) {
  const batches = await stream(makeHits(10_000));
  for (const { batch, failures } of batches) console.log(`batch ${batch}: ${failures} failures`);
  console.table(batches.at(-1)?.worst);
}
