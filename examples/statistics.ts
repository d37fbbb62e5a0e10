/**
 * Statistics of 100,000 rows: one call takes them all in, one gets the result.
 *
 *     deno run examples/statistics.ts
 */

import { ComputeUnit } from "@computeunit/cu";

/** A measurement. */
export interface Row {
  sensor: string;
  celsius: number;
}

/** What the rows of one sensor have in common. */
export interface SensorStatistics {
  sensor: string;
  count: number;
  mean: number;
  deviation: number;
  median: number;
  min: number;
  max: number;
}

const CODE = `
  local groups = {}
  for _, row in ipairs(_io.input) do
    local values = groups[row.sensor]
    if not values then
      values = {}
      groups[row.sensor] = values
    end
    values[#values + 1] = row.celsius
  end

  local function statistics(sensor, values)
    table.sort(values)
    local count, sum, squares = #values, 0, 0
    for _, value in ipairs(values) do sum = sum + value end
    local mean = sum / count
    for _, value in ipairs(values) do squares = squares + (value - mean) ^ 2 end
    return {
      sensor = sensor,
      count = count,
      mean = mean,
      deviation = math.sqrt(squares / count),
      median = (values[(count + 1) // 2] + values[count // 2 + 1]) / 2,
      min = values[1],
      max = values[count],
    }
  end

  local result = {}
  for sensor, values in pairs(groups) do result[#result + 1] = statistics(sensor, values) end
  table.sort(result, function(a, b) return a.sensor < b.sensor end)
  _io.output = result
`;

/** Makes rows, the same ones each time. */
export function makeRows(count: number): Row[] {
  const sensors = ["attic", "cellar", "garden", "kitchen"];
  return Array.from({ length: count }, (_, i) => ({
    sensor: sensors[i % sensors.length],
    celsius: 15 + (i % sensors.length) + 8 * Math.sin(i / 1000) + (i * 7919 % 100) / 50,
  }));
}

/** Computes statistics for each sensor. */
export async function statistics(rows: Row[]): Promise<SensorStatistics[]> {
  using cu = await ComputeUnit.create();
  cu.setInput(rows);
  cu.compute(CODE);
  return cu.getOutput<SensorStatistics[]>();
}

if (import.meta.main) {
  const rows = makeRows(100_000);
  const start = performance.now();
  console.table(await statistics(rows));
  console.log(`${rows.length} rows in ${(performance.now() - start).toFixed(0)} ms`);
}
