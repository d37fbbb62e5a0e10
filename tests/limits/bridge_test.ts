// Limits of the bridge: what Lua gives to the host, and what it takes from the host.

import { lines, testWorks, text } from "../helpers/looks.ts";
import { MIB } from "../helpers/sizes.ts";

testWorks([
  // The bridge: what Lua gives to the host (from_lua.zig, marks.zig, decode.ts).
  {
    name: "results with few fields in many places",
    setup:
      `r = {} for j = 1, 60 do local t = {} for i = 1, 1 << 13 do t["k" .. i] = 1 end for i = 2, 1 << 13 do t["k" .. i] = nil end r[j] = t end`,
    code: "return r",
    looks: 1,
  },
  {
    name: "results with few elements in many places",
    setup:
      "r = {} for j = 1, 32 do local t = {} for i = 1, 1 << 16 do t[i] = 1 end for i = 2, 1 << 16 do t[i] = nil end r[j] = t end",
    code: "return r",
    looks: 1,
  },
  {
    name: "a result of many tables, one of them twice",
    setup: "t = {} for i = 1, 200000 do t[i] = {} end t[200001] = t[1]",
    code: "return t",
    looks: 12,
  },
  {
    name: "a result of integers and texts as keys",
    setup: `t = {} for i = 1, 50000 do t["" .. i * 2] = i t[i * 2 + 1] = 1 end`,
    code: "return t",
    looks: 21,
  },
  {
    name: "a long text as a key of a result",
    setup: text("s", 8 * MIB) + "t = { [s] = 1 }",
    code: "return t",
    looks: 3,
  },
  { name: "a long text as a result", setup: text("s", 16 * MIB), code: "return s", looks: 4 },
  {
    name: "a result of long texts that aren't ASCII",
    setup: text("s", 16000, "\\u{e9}") + "t = {} for i = 1, 1000 do t[i] = s .. i end",
    code: "return t",
    looks: 3,
  },
  {
    name: "a typed array as a result",
    code: "return _io.input",
    input: new Float64Array(1 << 20),
    lazy: false,
    looks: 9,
  },
  {
    name: "a typed array that was changed as a result",
    setup: "_io.input[1 << 20] = 5",
    code: "return _io.input",
    input: new Float64Array(1 << 20),
    lazy: false,
    looks: 7,
  },
  // The bridge: what Lua takes from the host (to_lua.zig, views/, userdata.zig, io_table.zig).
  {
    name: "writing to a lazy typed array",
    code: "_io.input[1] = 5",
    input: new Float64Array(1 << 20),
    lazy: true,
    looks: 9,
  },
  {
    name: "writing to a lazy list of nulls",
    code: "_io.input[1] = 5",
    input: new Array(1 << 20).fill(null),
    lazy: true,
    looks: 14,
  },
  {
    name: "writing to a lazy object of many fields",
    code: "_io.input.x = 5",
    input: Object.fromEntries(Array.from({ length: 50000 }, (_, i) => [`k${i}`, i])),
    lazy: true,
    looks: 15,
  },
  {
    name: "next over a lazy list of nulls",
    code: "next(_io.input)",
    input: new Array(1 << 20).fill(null),
    lazy: true,
    looks: 24,
  },
  {
    name: "_io.array of a long list",
    setup: "t = {} for i = 1, 1 << 17 do t[i] = i end f = _io.array",
    code: lines(60, "f(t, 1 << 17)"),
    looks: 6,
  },
  {
    name: "_io.array of many fields",
    setup: `t = {} for i = 1, 1 << 15 do t["k" .. i] = i end f = _io.array`,
    code: lines(400, "f(t, 1)"),
    looks: 5,
  },
  { name: "_io.array of many places", code: "_io.array({}, 1 << 20)", looks: 1 },
  {
    name: "elements before an array's end",
    setup: "t = _io.array({ 1 }, 3) t[3] = 3 for i = 1000000, 5, -1 do t[i] = 1 end",
    code: "t[4] = 1 y = #t",
    looks: 1,
  },
  {
    name: "equality of bytes",
    setup: text("s", MIB) + "a, b = _io.bytes(s), _io.bytes(s:sub(1, -2) .. 'x')",
    code: lines(60, "y = a == b"),
    looks: 3,
  },
  { name: "an error with a long message", setup: text("s", 8 * MIB), code: "error(s)", looks: 7 },
]);
