// Limits of tables: keys that are looked up, added and traversed.

import { lines, testWorks, text } from "../helpers/looks.ts";
import { MIB } from "../helpers/sizes.ts";

/** `T`: keys of which all, and `absent`, stand in one chain if their hash has no secret. */
const INTEGER_CHAIN = `T = {} for i = 1, 4096 do T[i * 8191] = true end absent = 5000 * 8191 T.x = 1 `;

const FLOAT_CHAIN = `T = {} for i = 1, 2048 do T[1 + i * 2.0 ^ -52] = true end absent = 1 + 5000 * 2.0 ^ -52 `;

testWorks([
  { name: "a long string as a key", setup: text("s", MIB) + "t = {}", code: lines(20, "y = t[s .. 'y']"), looks: 15 },
  { name: "integers in one chain", code: "local T = {} for i = 1, 8193 do T[i * 16383] = true end", most: 8 },
  { name: "lookups in a chain of integers", setup: INTEGER_CHAIN, code: lines(1000, "y = T[absent]"), most: 8 },
  { name: "floats in one chain", code: "local T = {} for i = 1, 8192 do T[1 + i * 2.0 ^ -52] = true end", most: 40 },
  { name: "lookups in a chain of floats", setup: FLOAT_CHAIN, code: lines(4000, "y = T[absent]"), most: 40 },
  { name: "next in a chain", setup: FLOAT_CHAIN, code: lines(4000, `next(T, ${1 + 7 * 2 ** -52})`), most: 40 },
  {
    name: "a new key beside a long array",
    setup: "t = { always = 1 } for i = 1, 1 << 18 do t[i] = i end",
    code: Array.from({ length: 200 }, (_, i) => `t.k${i} = 1 t.k${i} = nil`).join("\n"),
    looks: 6,
  },
  {
    name: "next over an emptied array",
    setup: "t = {} for i = 1, 1 << 18 do t[i] = i end for i = 1, 1 << 18 do t[i] = nil end",
    code: lines(100, "next(t)"),
    looks: 7,
  },
  {
    name: "next over emptied fields",
    setup: `t = {} for i = 1, 1 << 15 do t["k" .. i] = i end for i = 1, 1 << 15 do t["k" .. i] = nil end`,
    code: lines(500, "next(t)"),
    looks: 4,
  },
]);
