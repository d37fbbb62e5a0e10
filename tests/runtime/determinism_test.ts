// With `seed` and `now` given, the same code on the same input gives the same bytes in any process,
// whatever else the process did, wherever it runs, and however its engine compiles.

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { ComputeUnit, type ComputeUnitOptions, IoWrapper, LuaError } from "@computeunit/cu";

const rootDir = new URL("../../", import.meta.url);

/** All that code can tell of chance, time, order, memory and addresses. */
const CODE = String.raw`
  local lines = {}
  local function add(...)
    local parts = table.pack(...)
    for i = 1, parts.n do parts[i] = tostring(parts[i]) end
    lines[#lines + 1] = table.concat(parts, " ")
  end
  add("random", math.random(), math.random(1e9), math.random(0))
  math.randomseed()
  add("reseeded", math.random(), math.randomseed(5))
  add("clocks", os.time(), os.clock(), os.date(), os.date("!%c"), os.date("%X %Z"), os.time { year = 2026, month = 1, day = 1 })
  add("addresses", {}, print, coroutine.create(print), io.stdout, function() end, "x", _io, _home, _io.null, _io.input)
  add("pointers", string.format("%p %p %p", {}, "short", ("long"):rep(100)))
  local t = {}
  for i = 1, 500 do t["key " .. i] = i t[i * 1.5] = i t[-i] = i t[{}] = i t[i % 2 == 0] = i end
  t[print], t[string.rep], t[io.stdout] = 1, 2, 3
  for k, v in pairs(t) do add(k, v) end
  for k in pairs(_G) do add("global", k) end
  for k in pairs(string) do add("string", k) end
  for k, v in pairs(_io.input) do add("input", k, v) end
  for i, row in ipairs(_io.input.rows) do for k, v in pairs(row) do add(i, k, v) end end
  add("memory", collectgarbage("count"))
  local list = {}
  for i = 1, 2000 do list[i] = { i, math.random(100) } end
  table.sort(list, function(a, b) return a[2] < b[2] end)
  for i = 1, 2000, 50 do add("sorted", list[i][1], list[i][2]) end
  local collected = {}
  for i = 1, 50 do setmetatable({}, { __gc = function() collected[#collected + 1] = i end }) end
  for i = 1, 2e4 do local garbage = { i, tostring(i) } end
  add("finalizers", #collected, table.concat(collected, ","))
  collectgarbage()
  add("finalizers", table.concat(collected, ","))
  add("memory", collectgarbage("count"))
  local weak = setmetatable({}, { __mode = "k" })
  for i = 1, 300 do weak[{}] = i end
  for i = 1, 2e4 do local garbage = { i } end
  local left = 0
  for _ in pairs(weak) do left = left + 1 end
  add("weak", left)
  add("floats", 1 / 3, 2 ^ 0.5, math.sin(1e6), math.exp(0.1), math.log(7, 3), 1e300 * 1e10, math.cosh(0.3), math.pow(3, 0.7), 7.1 % 0.3)
  add("errors", pcall(error, {}), select(2, pcall(string.rep)), select(2, pcall(load, "x =")))
  add("traceback", debug.traceback())
  add("depth", pcall(function() local function f() return 1 + f() end return f() end))
  local levels = 0
  add("levels of C", pcall(function() local function f() levels = levels + 1 return ("x"):gsub("x", f) end return f() end))
  add("levels of C", levels)
  add("limit", select(2, pcall(string.rep, "x", 1e10)))
  local full = 0
  add("full", pcall(function() local t = {} while true do full = full + 1 t[full] = ("x"):rep(5000) .. full end end))
  add("full", full, collectgarbage("count"))
  local function steps() for i = 1, 1e5 do end end
  steps()
  _io.output = lines
  _io.meta = t
`;

/** Runs in a process of its own, and writes what came out as text. */
function scriptOf(before: string): string {
  return `
    import { ComputeUnit } from ${JSON.stringify(new URL("mod.ts", rootDir).href)};
    ${before}
    const cu = await ComputeUnit.create({ seed: 42, now: () => 1785000000123, stepLimit: 1e7, memoryLimit: 2 ** 25, timeZone: "Europe/Berlin" });
    const rows = Array.from({ length: 50 }, (_, i) => ({ id: i, name: "row " + i, ["only" + i % 3]: i / 7 }));
    cu.setInput({ rows, map: new Map([["b", 1], ["a", 2]]), text: "é" });
    cu.compute(${JSON.stringify(CODE)});
    const show = (_, v) => v instanceof Map ? [...v] : typeof v === "bigint" ? String(v) : v;
    const lines = [...cu.getOutput(), cu.printed, JSON.stringify(cu.getMemoryStats())];
    try {
      cu.compute("_home.count = 0 while true do _home.count = _home.count + 1 end");
    } catch (error) {
      lines.push(error.message, cu.compute("return _home.count"));
    }
    cu.setInput(rows, { lazy: true });
    cu.compute("local s = 0 for _, row in ipairs(_io.input) do s = s + row.id end _io.output = { s, tostring(_io.input[7]) }");
    lines.push(JSON.stringify(cu.getOutput(), show));
    console.log(lines.join("\\n"));
  `;
}

async function outputOf(before: string, flags: string[], env: Record<string, string>): Promise<string[]> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, scriptOf(before));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", ...flags, file],
      cwd: rootDir,
      env,
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).split("\n");
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("with seed and now, the same code gives the same bytes in processes of any kind", async () => {
  const busy = `
    for (let i = 0; i < 3; i++) {
      const other = await ComputeUnit.create({ seed: i });
      other.setInput({ rows: [{ id: "x" }] });
      other.compute("local t = {} for i = 1, 1e5 do t[i] = { i } end return #t");
    }
    globalThis.kept = Array.from({ length: 1e5 }, (_, i) => ({ i }));
  `;
  const [first, ...others] = await Promise.all([
    outputOf("", [], { TZ: "UTC" }),
    outputOf(busy, [], { TZ: "Asia/Tokyo", LANG: "de_DE.UTF-8" }),
    outputOf("", ["--v8-flags=--liftoff-only"], { TZ: "America/New_York" }),
    outputOf("", ["--v8-flags=--no-liftoff,--stack-size=2000"], {}),
  ]);
  assert(first.length > 1500, String(first.length));
  for (const other of others) {
    assertEquals(other.filter((line, i) => line !== first[i]), []);
    assertEquals(other.length, first.length);
  }
});

/** The output of a unit with these options. */
async function computeWith(options: ComputeUnitOptions): Promise<unknown> {
  using cu = await ComputeUnit.create(options);
  cu.setInput({ rows: [{ a: 1, b: 2 }] });
  cu.compute(CODE);
  return cu.getOutput();
}

Deno.test("another seed gives another output, and so does another time", async () => {
  const now = () => 1785000000123;
  const first = await computeWith({ seed: 1, now });
  assertEquals(await computeWith({ seed: 1, now }), first);
  assertNotEquals(await computeWith({ seed: 2, now }), first);
  assertNotEquals(await computeWith({ seed: 1, now: () => 1785000001123 }), first);
});

Deno.test("now is the time of day for os.time and os.date, too, in milliseconds since 1970", async () => {
  let time = Date.UTC(2026, 6, 25, 17, 20, 3, 999);
  using cu = await ComputeUnit.create({ now: () => time });
  assertEquals(cu.compute("return os.time()"), time / 1000 - 0.999);
  assertEquals(cu.compute("return os.date('%Y-%m-%d %X')"), "2026-07-25 17:20:03");
  time += 60_000;
  assertEquals(cu.compute("return os.date('!%X', os.time())"), "17:21:03");
  assertEquals(cu.compute("return os.clock()"), time / 1000);
});

Deno.test("without now, os.time is the machine's", async () => {
  using cu = await ComputeUnit.create();
  const before = Math.floor(Date.now() / 1000);
  const time = cu.compute<number>("return os.time()");
  assert(time >= before && time <= Date.now() / 1000, `${before} ${time}`);
});

Deno.test("an error that now throws stops the code that asks for the time of day, and the unit works afterwards", async () => {
  let failure: Error | undefined;
  using cu = await ComputeUnit.create({
    now: () => {
      if (failure !== undefined) throw failure;
      return 1000;
    },
  });
  for (const code of ["return os.time()", "return os.date()", "return pcall(os.time)"]) {
    failure = new RangeError("no clock");
    try {
      cu.compute(code);
      assert(false, "it returned");
    } catch (error) {
      assert(error === failure || error instanceof LuaError && error.cause === failure, `${code}: ${error}`);
    }
    failure = undefined;
    assertEquals(cu.compute("return os.time()"), 1);
  }
});

Deno.test("where the platform gives no random numbers, making a unit says what to do", async () => {
  const snapshot = await (await ComputeUnit.create()).snapshot().bytes();
  const { getRandomValues } = crypto;
  const refusal = new Error("Disallowed operation called within global scope.");
  crypto.getRandomValues = () => {
    throw refusal; // as in workerd outside of handlers
  };
  try {
    const error = await assertRejects(() => ComputeUnit.create(), Error);
    assertEquals(
      error.message,
      "Cannot create a compute unit: there are no random numbers here (Disallowed operation called within global " +
        "scope.); in a worker, make the unit when a request is handled, or give the option seed",
    );
    assertEquals(error.cause, refusal);
    await assertRejects(() => new IoWrapper().computeWithIo("return 1"), Error, "or give the option seed");
    using seeded = await ComputeUnit.create({ seed: 1 });
    assertEquals(seeded.compute("return 1"), 1);
    // It has its secrets already.
    using copy = await ComputeUnit.fromSnapshot(snapshot);
    assertEquals(copy.compute("return 2"), 2);
  } finally {
    crypto.getRandomValues = getRandomValues;
  }
});
