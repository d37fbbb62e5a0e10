// Numbers of objects, against a Map.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { Numbers, Seen } from "../../src/bridge/seen.ts";
import { countingReads } from "../helpers/counting.ts";

/** Values of first fields: equal ones, neighbours, and what has no hash. */
const first = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer(),
  fc.double(),
  fc.integer({ min: 0, max: 20 }).map((n) => `name ${n}`),
  fc.constant(undefined),
);

Deno.test("Seen finds each object under its number, however objects come and go", () => {
  const steps = fc.array(fc.tuple(fc.nat({ max: 119 }), fc.nat({ max: 1 }), fc.boolean()), { maxLength: 600 });
  fc.assert(
    fc.property(fc.array(first, { minLength: 1, maxLength: 120 }), steps, (firsts, steps) => {
      const objects = firsts.map((value) => ({ value }));
      const numbers = new Numbers();
      const inputs = [0, 1].map(() => ({ seen: new Seen(numbers), model: new Map<object, number>() }));
      for (const [index, input, adds] of steps) {
        const object = objects[index % objects.length];
        const { seen, model } = inputs[input];
        const known = model.get(object);
        if (adds) {
          const answer = seen.add(object, object.value);
          if (known !== undefined) assertStrictEquals(answer, known);
          else model.set(object, -1 - answer);
        } else if (known !== undefined) {
          seen.remove(known);
          model.delete(object);
        }
      }
      const given = inputs.flatMap(({ model }) => [...model]);
      assertEquals(new Set(given.map(([, number]) => number)).size, given.length);
      for (const [object, number] of given) assertStrictEquals(numbers.objects[number], object);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("Seen removes objects with neighbouring hashes in any order, at little cost", () => {
  const objects = Array.from({ length: 50_000 }, (_, id) => ({ id }));
  for (const backwards of [false, true]) {
    const numbers = new Numbers();
    const seen = new Seen(numbers);
    const given = objects.map((object) => -1 - seen.add(object, object.id));
    if (backwards) given.reverse();
    const [hashes, reads] = countingReads(numbers.hashes);
    numbers.hashes = hashes;
    for (const number of given) seen.remove(number);
    // Its own hash, and those of a few neighbours; not of all.
    assert(reads.get < 10 * objects.length, `${reads.get} hashes were read`);
    assertEquals(seen.add(objects[7], 7) < 0, true);
  }
});

Deno.test("Seen adds objects at the same cost, whatever their hashes and their order", () => {
  const one = (i: number) => [i];
  const two = (i: number) => [i, i];
  const kinds: [string, (i: number, n: number) => unknown[]][] = [
    ["ascending", one],
    ["descending", (i, n) => [n - i]],
    ["ascending pairs", two],
    ["descending pairs", (i, n) => [n - i, n - i]],
    ["descending pairs of floats", (i, n) => [n - i + 0.5, n - i + 0.5]],
    ["descending, the second far off", (i, n) => [n - i, 2 ** 20 + n - i]],
    ["descending, each tenth twice", (i, n) => i % 10 === 0 ? [n - i, n - i] : [n - i]],
    ["one twice, then descending", (i, n) => i === 0 ? [n, n, n, n] : [n - i]],
    ["from both ends", (i, n) => [i, n - i]],
    ["one for all", () => [1]],
    ["multiples", (i) => [i * 4096, i * 4096]],
    ["names with the same end", (i) => [`${i} of many names`, i]],
  ];
  for (const [name, firsts] of kinds) {
    for (const n of [1000, 8000]) {
      const numbers = new Numbers();
      const [hashes, reads] = countingReads(numbers.hashes);
      numbers.hashes = hashes;
      const seen = new Seen(numbers);
      const given: [object, unknown, number][] = [];
      const each = (what: (first: unknown) => void) => {
        for (let i = 0; i < n; i++) firsts(i, n).forEach(what);
      };
      each((first) => {
        const object = { first };
        given.push([object, first, -1 - seen.add(object, first)]);
      });
      for (const [object, first, number] of given) assertStrictEquals(seen.add(object, first), number, name);
      for (const [, , number] of given) seen.remove(number);
      // So many slots are looked at for each and so many objects moved, to add it, to find it, where the
      // slots grow, and to remove it; not all.
      assert(reads.get < 100 * given.length, `${name}, ${n}: ${reads.get} hashes were read`);
    }
  }
});

Deno.test("Seen finds slots for what rows begin with", () => {
  const kinds: Record<string, (i: number) => unknown> = {
    integers: (i) => i,
    floats: (i) => i / 7 + 0.1,
    money: (i) => Math.round(i * 137.31) / 100,
    names: (i) => `${["Ash", "Birch", "Café"][i % 3]} ${i}`,
    padded: (i) => `user-${String(i).padStart(7, "0")}`,
    times: (i) => new Date(1.7e12 + i * 60_000).toISOString(),
    addresses: (i) => `customer.number.${i}@some.department.example.com`,
    pages: (i) => `https://example.com/en/items/${i}/view?from=search&lang=en`,
    "the same end": (i) => `${(i * 2654435761 >>> 0).toString(16)}-0000-4000-8000-000000000000`,
  };
  for (const [name, first] of Object.entries(kinds)) {
    const numbers = new Numbers();
    const seen = new Seen(numbers);
    for (let i = 0; i < 50_000; i++) seen.add({}, first(i));
    // The others are found by their identity, which takes longer.
    const inSlots = numbers.hashes.filter((hash) => hash >= 0).length;
    assertEquals(inSlots, 50_000, name);
  }
});
