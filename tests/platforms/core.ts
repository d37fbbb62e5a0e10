/**
 * The core of what cu does, as one list that runs in every runtime: it imports nothing but types,
 * so that the packed library and `runCore` are all that a runtime has to load.
 *
 * @module
 */

import type * as Library from "@computeunit/cu";
import type { ComputeUnit, ComputeUnitOptions, DurableCall, Store, StoreEntry } from "@computeunit/cu";

/** The library, as a runtime has imported it. */
export type Cu = typeof Library;

/** What a case has to work with. */
interface Context {
  cu: Cu;
  /** The unit's WASM, where the runtime compiles none by itself. */
  module: WebAssembly.Module | undefined;
  /** Makes a unit, which is disposed of after the case. */
  unit: (options?: ComputeUnitOptions) => Promise<ComputeUnit>;
}

interface Case {
  /** What the README's table calls it. */
  group: string;
  name: string;
  run: (context: Context) => unknown;
  /** What it gives, as {@linkcode show} has it. */
  gives: string;
}

/** What came of a case. */
export interface CaseResult {
  group: string;
  name: string;
  /** What it gave, or what it threw. */
  got: string;
  expected: string;
}

/** `Symbol.dispose`, and what stands for it in a runtime that is older. */
const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");

/** A value as text that tells all kinds of values apart. */
export function show(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return JSON.stringify(value);
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Date) return `Date(${value.toISOString()})`;
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (value instanceof Map) return `Map(${show([...value])})`;
  if (value instanceof Set) return `Set(${show([...value])})`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${[...value as Uint8Array].join(", ")})`;
  return `{${Object.entries(value).map(([key, field]) => `${key}: ${show(field)}`).sort().join(", ")}}`;
}

/** What a call throws, as `name kind: message`. */
function thrownBy(call: () => unknown): string {
  try {
    return `nothing, but ${show(call())}`;
  } catch (error) {
    return shownError(error);
  }
}

async function rejectionOf(promise: Promise<unknown>): Promise<string> {
  try {
    return `nothing, but ${show(await promise)}`;
  } catch (error) {
    return shownError(error);
  }
}

function shownError(error: unknown): string {
  const { name, kind, message } = error as { name: string; kind?: string; message: string };
  return kind === undefined ? `${name}: ${message}` : `${name} ${kind}: ${message}`;
}

/** A clock that goes on by 1 ms whenever it's looked at, so that no case depends on the machine. */
function countingClock(): () => number {
  let time = 0;
  return () => ++time;
}

/** A value in, through Lua as itself, and out. */
async function through({ unit }: Context, value: unknown, lazy: boolean): Promise<string> {
  const cu = await unit();
  cu.setInput(value, { lazy });
  cu.compute("_io.output = { value = _io.input.value }");
  return show(cu.getOutputField("value"));
}

/** A store of this process: all that the library needs of one. */
function storeOfMap(): Store & { entries: Map<string, StoreEntry> } {
  const entries = new Map<string, StoreEntry>();
  let commits = 0;
  return {
    entries,
    get: (key) => Promise.resolve(entries.get(key)),
    commit: (checks, changes) => {
      if (checks.some(({ key, revision }) => entries.get(key)?.revision !== revision)) {
        return Promise.resolve(undefined);
      }
      const revision = String(++commits);
      for (const { key, value } of changes) {
        if (value === undefined) entries.delete(key);
        else entries.set(key, { value: value.slice(), revision });
      }
      return Promise.resolve(revision);
    },
    async *list(prefix) {
      for (const key of [...entries.keys()].sort()) if (key.startsWith(prefix)) yield key;
    },
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const PRIMITIVES = { value: [true, 1, -0, 0.1, 1 / 0, 2n ** 62n, "Zoë \u{1F600}", ""] };
const CONTAINERS = {
  value: {
    nested: { list: [[], [1, [2]]] },
    when: new Date(86_400_000),
    map: new Map<unknown, unknown>([[1, "a"], ["k", new Set(["x", "y"])]]),
    bytes: new Uint8Array([0, 255]),
    floats: new Float32Array([0.5, -1]),
    big: new BigInt64Array([-1n]),
  },
};
const SHOWN_PRIMITIVES = `[true, 1, -0, 0.1, Infinity, 4611686018427387904n, "Zoë \u{1F600}", ""]`;
const SHOWN_CONTAINERS = "{big: BigInt64Array(-1), bytes: Uint8Array(0, 255), floats: Float32Array(0.5, -1), " +
  `map: Map([[1, "a"], ["k", Set(["x", "y"])]]), nested: {list: [[], [1, [2]]]}, when: Date(1970-01-02T00:00:00.000Z)}`;

const LOOP = "while true do end";
const CATALOGUE = `local t = require "tea" return t.price("green"), t.unit`;

/** The list. */
const CASES: Case[] = [
  {
    group: "values",
    name: "primitives, copied",
    run: (context) => through(context, PRIMITIVES, false),
    gives: SHOWN_PRIMITIVES,
  },
  {
    group: "values",
    name: "primitives, lazy",
    run: (context) => through(context, PRIMITIVES, true),
    gives: SHOWN_PRIMITIVES,
  },
  {
    group: "values",
    name: "containers, copied",
    run: (context) => through(context, CONTAINERS, false),
    gives: SHOWN_CONTAINERS,
  },
  {
    group: "values",
    name: "containers, lazy",
    run: (context) => through(context, CONTAINERS, true),
    gives: SHOWN_CONTAINERS,
  },
  {
    group: "values",
    name: "what can't be passed is refused with its path",
    run: async ({ unit }) => {
      const cu = await unit();
      return [thrownBy(() => cu.setInput({ a: [Promise.resolve()] })), thrownBy(() => cu.setInput({ re: /x/ }))].join();
    },
    gives: "TypeError: Cannot set input: Promise objects cannot be passed (at input.a[0])," +
      "TypeError: Cannot set input: RegExp objects cannot be passed (at input.re)",
  },
  {
    group: "values",
    name: "Lua's integers, floats, bytes and dates",
    run: async ({ unit }) =>
      show((await unit()).computeAll(`return 1 << 53, 1 << 62, 7 // 2, 7 / 2, "\\0\\xff", os.date("!%F", 0)`)),
    gives: `[9007199254740992n, 4611686018427387904n, 3, 3.5, Uint8Array(0, 255), "1970-01-01"]`,
  },
  {
    group: "values",
    name: "local time of a zone",
    run: async ({ unit }) =>
      show((await unit({ timeZone: "Europe/Berlin" })).compute(`return os.date("%F %H:%M", 1720000000)`)),
    gives: `"2024-07-03 11:46"`,
  },
  {
    group: "values: Float16Array",
    name: "there and back",
    run: (context) => {
      if (typeof Float16Array === "undefined") return "this runtime has no Float16Array";
      return through(context, { value: new Float16Array([0.5, -2]) }, false);
    },
    gives: "Float16Array(0.5, -2)",
  },
  {
    group: "limits",
    name: "timeLimit by a clock that is given",
    run: async ({ unit }) => {
      const cu = await unit({ timeLimit: 20, now: countingClock() });
      return thrownBy(() => cu.compute(`pcall(function() ${LOOP} end) ${LOOP}`)) + show(cu.compute("return 1"));
    },
    gives: "LuaError time: time limit of 20 ms exceeded1",
  },
  {
    group: "limits: the clock goes on while code runs",
    name: "timeLimit by the runtime's own clock",
    run: async ({ unit }) => {
      const cu = await unit({ stepLimit: 1e8 });
      return thrownBy(() => cu.compute(LOOP, { timeLimit: 20 })) + show(cu.compute("return 1"));
    },
    gives: "LuaError time: time limit of 20 ms exceeded1",
  },
  {
    group: "limits",
    name: "stepLimit by a clock that stands still",
    run: async ({ unit }) => {
      const cu = await unit({ timeLimit: 20, stepLimit: 100_000, now: () => 0 });
      return thrownBy(() => cu.compute(LOOP)) + show(cu.compute("return 1"));
    },
    gives: "LuaError limit: limit of 100000 steps exceeded1",
  },
  {
    group: "limits",
    name: "memoryLimit",
    run: async ({ unit }) => {
      const cu = await unit({ memoryLimit: 2 ** 21 });
      return thrownBy(() => cu.compute("local t = {} for i = 1, 1e9 do t[i] = { i } end")) +
        show(cu.compute("return 1"));
    },
    gives: "LuaError memory: not enough memory1",
  },
  {
    group: "limits",
    name: "deep recursion",
    run: async ({ unit }) => {
      const cu = await unit();
      const code = "local function deep(n) return 1 + deep(n + 1) end return deep(1)";
      return thrownBy(() => cu.compute(code)).slice(0, 30) + show(cu.compute("return 1"));
    },
    gives: "LuaError limit: stack overflow1",
  },
  {
    group: "limits",
    name: "onProgress ends code",
    run: async ({ unit }) => {
      const cu = await unit({
        now: countingClock(),
        onProgress: () => {
          throw new RangeError("enough");
        },
      });
      return thrownBy(() => cu.compute(`pcall(function() ${LOOP} end)`));
    },
    gives: "RangeError: enough",
  },
  {
    group: "errors",
    name: "position, source line and traceback",
    run: async ({ unit }) => {
      const cu = await unit();
      try {
        cu.compute("local function check()\n  error('negative')\nend\ncheck()", { chunkName: "rules.lua" });
      } catch (error) {
        const { name, kind, message, chunk, line, sourceLine, traceback } = error as Library.LuaError;
        return show([name, kind, message, chunk, line, sourceLine, traceback.split("\n").length > 1]);
      }
    },
    gives: `["LuaError", "runtime", "negative", "rules.lua", 2, "  error('negative')", true]`,
  },
  {
    group: "errors",
    name: "syntax errors, and errors of tables",
    run: async ({ unit }) => {
      const cu = await unit();
      return thrownBy(() => cu.compute("return +")) + "; " + thrownBy(() => cu.compute("error({ code = 7 })"));
    },
    gives: "LuaError syntax: unexpected symbol near '+'; LuaError runtime: error object is a table value",
  },
  {
    group: "errors",
    name: "what JavaScript throws goes through Lua and comes out as itself",
    run: async ({ unit }) => {
      const thrown = new RangeError("no tea");
      const cu = await unit({
        globals: {
          fail: () => {
            throw thrown;
          },
        },
      });
      const caught = cu.compute("local ok, e = pcall(fail) return e.name .. ': ' .. e.message");
      try {
        cu.compute("fail()");
      } catch (error) {
        return show([caught, (error as Error).cause === thrown]);
      }
    },
    gives: `["RangeError: no tea", true]`,
  },
  {
    group: "errors",
    name: "errors as JSON, and by structuredClone",
    run: async ({ unit }) => {
      const cu = await unit();
      try {
        cu.compute("error({ code = 7 })", { chunkName: "rules.lua" });
      } catch (error) {
        const { kind, line } = JSON.parse(JSON.stringify(error));
        return show([kind, line, String(structuredClone(error)).includes("table value")]);
      }
    },
    gives: `["runtime", 1, true]`,
  },
  {
    group: "lazy input",
    name: "code reads what it needs, and writes without touching the host's object",
    run: async ({ unit }) => {
      const cu = await unit();
      const read: string[] = [];
      const rows = { used: { a: 1 }, unused: { b: 2 } };
      const input = new Proxy(rows, {
        get: (target, key, receiver) => (read.push(String(key)), Reflect.get(target, key, receiver)),
      });
      const kept = { c: 3 };
      cu.setInput({ rows: input, kept }, { lazy: true });
      cu.compute("_io.input.rows.used.a = 5 _io.output = { _io.input.rows.used.a, _io.input.kept }");
      const [changed, same] = cu.getOutput<[number, unknown]>();
      return show([changed, rows, same === kept, read.includes("unused")]);
    },
    gives: "[5, {unused: {b: 2}, used: {a: 1}}, true, false]",
  },
  {
    group: "lazy input",
    name: "20,000 rows, lazy by their size",
    run: async ({ unit }) => {
      const cu = await unit();
      cu.setInput(Array.from({ length: 20_000 }, (_, id) => ({ id, name: `row ${id}`, price: id / 4 })));
      return show(cu.compute("local s = 0 for _, row in ipairs(_io.input) do s = s + row.price end return s"));
    },
    gives: "49997500",
  },
  {
    group: "host functions",
    name: "arguments, results, objects of functions",
    run: async ({ cu, unit }) => {
      const prices = { green: 4 };
      const tea = { price: (kind: "green") => prices[kind], unit: "g" };
      const divide = (a: number, b: number) => cu.returns(Math.floor(a / b), a % b);
      const made = await unit({ globals: { divide }, modules: { tea } });
      return show([made.computeAll("return divide(17, 5)"), made.computeAll(CATALOGUE)]);
    },
    gives: `[[3, 2], [4, "g"]]`,
  },
  {
    group: "host functions",
    name: "a library that code can't change",
    run: async ({ unit }) => {
      const cu = await unit({ library: "readonly" });
      return thrownBy(() => cu.compute("string.rep = nil")).includes("rep") + show(cu.compute("return ('x'):rep(2)"));
    },
    gives: `true"xx"`,
  },
  {
    group: "host functions",
    name: "what code prints",
    run: async ({ unit }) => {
      const lines: string[] = [];
      (await unit({ onPrint: (line) => lines.push(line) })).compute("print('Zoë', 1) io.write('a', 'b\\nc')");
      return show(lines);
    },
    gives: `["Zoë\\t1", "ab", "c"]`,
  },
  {
    group: "Lua functions",
    name: "are called, called back, and disposed of",
    run: async ({ unit }) => {
      const given: Library.LuaFunction[] = [];
      const sort = (list: number[], isLess: (a: number, b: number) => boolean) =>
        [...list].sort((a, b) => isLess(a, b) ? -1 : 1);
      const cu = await unit({ globals: { sort, give: (add: Library.LuaFunction) => void given.push(add) } });
      const sorted = cu.compute("return sort({ 1, 3, 2 }, function(a, b) return a > b end)");
      cu.compute("local sum = 0 give(function(n) sum = sum + n return sum, n end)");
      const [add] = given;
      const sums = [add(1), add.callAll(2)];
      add[DISPOSE]();
      return show([sorted, sums, thrownBy(() => add(3)).startsWith("TypeError")]);
    },
    gives: "[[3, 2, 1], [1, [3, 2]], true]",
  },
  {
    group: "Lua functions",
    name: "by name",
    run: async ({ unit }) => {
      const cu = await unit();
      cu.compute("tax = {} function tax.gross(net) return net * 1.5 end function twice(n) return n * 2 end");
      return show([cu.call("tax.gross", 3), cu.callHandler("twice", 21), cu.getOutput()]);
    },
    gives: "[4.5, true, 42]",
  },
  {
    group: "waits",
    name: "for promises, through coroutines and pcall",
    run: async ({ unit }) => {
      const get = (key: string) => new Promise((resolve) => setTimeout(() => resolve(`v:${key}`), 1));
      const fail = () => Promise.reject(new RangeError("gone"));
      const cu = await unit({ globals: { get, fail } });
      const code = `
        local wrapped = coroutine.wrap(function() coroutine.yield(get(1)) return get(2) end)
        local ok, e = pcall(fail)
        _io.output = { wrapped(), wrapped(), e.message, _io.input }
        return get(3)
      `;
      return show(await cu.computeAsync(code, { input: "in", meta: { id: 7 } }));
    },
    gives: `{meta: {id: 7}, output: ["v:1", "v:2", "gone", "in"], value: "v:3"}`,
  },
  {
    group: "waits",
    name: "side by side, and asleep",
    run: async ({ unit }) => {
      const cu = await unit();
      const code = `
        local task = require "task"
        local a, b = task.all(function() task.sleep(5) return 1 end, function() return 2 end)
        local c = task.race(function() task.sleep(60000) return "slow" end, function() task.sleep(1) return "fast" end)
        return { a, b, c }
      `;
      const runs = await Promise.all([cu.computeAsync(code), cu.computeAsync("return 4")]);
      return show(runs.map(({ value }) => value));
    },
    gives: `[[1, 2, "fast"], 4]`,
  },
  {
    group: "waits",
    name: "end by a signal and by their limits",
    run: async ({ unit }) => {
      const cu = await unit({ globals: { never: () => new Promise(() => {}) } });
      const controller = new AbortController();
      const waits = cu.computeAsync("never()", { signal: controller.signal });
      controller.abort(new RangeError("gone away"));
      const loops = cu.computeAsync(`require("task").sleep(1) ${LOOP}`, { stepLimit: 50_000 });
      const after = cu.compute("return 1");
      return [await rejectionOf(waits), await rejectionOf(loops), after].join("; ");
    },
    gives: "RangeError: gone away; LuaError limit: limit of 50000 steps exceeded; 1",
  },
  {
    group: "JSON",
    name: "text in and out, in Lua and of the host",
    run: async ({ unit }) => {
      const cu = await unit();
      cu.setInputJson('{"b": [], "a": [1, 2.5, null, "\\u00e9"], "big": 9007199254740993}');
      const code = `
        local json = require "json"
        local ok, e = pcall(json.decode, '{"a": 01}')
        _io.output = { same = _io.input, text = json.encode(_io.input), bad = e, big = _io.input.big }
      `;
      cu.compute(code);
      return cu.getOutputJson();
    },
    gives: '{"bad":"cannot decode JSON: Unexpected number at line 1, column 8","big":9007199254740993,' +
      '"same":{"b":[],"a":[1,2.5,null,"\u00e9"],"big":9007199254740993},' +
      '"text":"{\\"b\\":[],\\"a\\":[1,2.5,null,\\"\u00e9\\"],\\"big\\":9007199254740993}"}',
  },
  {
    group: "modules",
    name: "Lua source, given and found",
    run: async ({ unit }) => {
      const cu = await unit({
        modules: { "rules.tax": "return { rate = 0.2 }" },
        resolveModule: (name) => name === "found" ? new TextEncoder().encode("return ...") : undefined,
      });
      const missing = thrownBy(() => cu.compute(`require "missing"`)).split("\n")[0];
      return show([cu.compute(`return require("rules.tax").rate`), cu.compute(`return (require "found")`), missing]);
    },
    gives: `[0.2, "found", "LuaError runtime: module 'missing' not found:"]`,
  },
  {
    group: "units",
    name: "share nothing, and can be given back",
    run: async ({ unit }) => {
      const [one, other] = [await unit(), await unit()];
      one.compute("x = 1");
      const seen = other.compute("return x");
      one[DISPOSE]();
      return show([seen, thrownBy(() => one.compute("return 1"))]);
    },
    gives: `[null, "TypeError: Cannot compute: the unit has been disposed"]`,
  },
  {
    group: "units",
    name: "of one seed do the same",
    run: async ({ unit }) => {
      const code = "local t = {} for i = 1, 4 do t[i] = math.random(1000) end return t";
      const [one, other] = [await unit({ seed: 7 }), await unit({ seed: 7 })];
      return show([one.compute(code)]) === show([other.compute(code)]);
    },
    gives: "true",
  },
  {
    group: "units",
    name: "compiled code",
    run: async ({ unit }) => {
      const cu = await unit();
      const square = cu.compile<number>("return _io.input ^ 2");
      cu.setInput(3);
      const results = [square()];
      cu.setInput(4);
      results.push(square());
      square[DISPOSE]();
      return show([results, thrownBy(square)]);
    },
    gives: `[[9, 16], "TypeError: Cannot run compiled code: it has been disposed"]`,
  },
  {
    group: "snapshots",
    name: "as bytes, set back, forked, with a run that waits",
    run: async ({ cu, module, unit }) => {
      const options = { module, globals: { ask: () => new Promise(() => {}) } };
      const first = await unit(options);
      first.setInput({ rows: [{ id: 1 }, { id: 2 }] }, { lazy: true });
      first.computeAsync("n = 1 kept = ask(7) + 1 return kept").catch(() => {});
      first.compute("rows = _io.input.rows function count() n = n + 1 return n end");
      const snapshot = first.snapshot();
      const sizes = [];
      const found: unknown[] = [];
      for (const compressed of [false, true]) {
        const bytes = await snapshot.bytes({ compressed });
        sizes.push(bytes.length);
        const second = await cu.ComputeUnit.fromSnapshot(bytes, options);
        const [{ id, name, args, run }] = second.pending();
        second.resume(id, 41);
        found.push(name, args, (await run.result()).value, second.call("count"), second.compute("return rows[2].id"));
        second.dispose();
      }
      const fork = first.fork();
      found.push(fork.call("count"), fork.call("count"));
      fork.restore(snapshot);
      found.push(fork.call("count"), first.call("count"));
      fork.dispose();
      const damaged = await cu.Snapshot.from((await snapshot.bytes()).fill(1, 100, 101)).catch(shownError);
      return show([found, sizes[1] < sizes[0], damaged]);
    },
    gives: `[["ask", [7], 42, 2, 2, "ask", [7], 42, 2, 2, 2, 3, 2, 2], true, ` +
      `"TypeError: Cannot load the snapshot: it is damaged"]`,
  },
  {
    group: "state",
    name: "a home that is saved and loaded, and a run that goes on where it was",
    run: async ({ cu, module, unit }) => {
      const store = storeOfMap();
      for (let runs = 0; runs < 2; runs++) {
        const one = await unit({ home: await cu.openHome(store, "h") });
        one.compute("_home.runs = (_home.runs or 0) + 1");
        await one.saveState();
      }
      const { runs } = (await cu.openHome(store, "h")).table.toValue() as { runs: number };
      const controller = new AbortController();
      const left = cu.runDurably(store, "r", "return ask(_io.input) + 1", {
        calls: { ask: () => new Promise(() => controller.abort()) },
        input: 5,
        module,
        signal: controller.signal,
      });
      const aborted = (await left.catch((error) => error)).name;
      const calls = { ask: ({ args: [n] }: DurableCall) => Number(n) * 8 };
      const { value } = await cu.runDurably(store, "r", "not code", { calls, module });
      await cu.forgetRun(store, "r");
      return show([runs, aborted, value, [...store.entries.keys()].filter((key) => key.startsWith("run"))]);
    },
    gives: `[2, "AbortError", 41, []]`,
  },
  {
    group: "IoWrapper",
    name: "computeWithIo, processStream and request",
    run: async ({ cu, unit }) => {
      const io = new cu.IoWrapper(await unit());
      const { returnValue, output } = await io.computeWithIo("_io.output = #_io.input return 'done'", ["a", "b"]);
      const sums = await io.processStream(
        "local s = 0 for _, n in ipairs(_io.input.batch) do s = s + n end _io.output = s",
        [1, 2, 3, 4, 5],
        { batchSize: 2 },
      );
      await io.computeWithIo("function hello(p) return 'hello ' .. p.name end");
      return show([returnValue, output, sums, (await io.request("hello", { name: "Zoë" })).output]);
    },
    gives: `["done", 2, [3, 7, 5], "hello Zoë"]`,
  },
  {
    group: "default unit",
    name: "functions over it",
    run: async ({ cu, module }) => {
      await cu.load({ module });
      cu.setInput({ n: 20 });
      return show([cu.compute("_io.output = _io.input.n + 1 return 'ok'"), cu.getOutput()]);
    },
    gives: `["ok", 21]`,
  },
];

async function resultOf({ group, name, run, gives }: Case, cu: Cu, module?: WebAssembly.Module): Promise<CaseResult> {
  const units: ComputeUnit[] = [];
  const unit = async (options: ComputeUnitOptions = {}) => {
    const made = await cu.ComputeUnit.create({ ...options, module });
    units.push(made);
    return made;
  };
  try {
    return { group, name, got: String(await run({ cu, module, unit })), expected: gives };
  } catch (error) {
    return { group, name, got: `threw ${shownError(error)}`, expected: gives };
  } finally {
    for (const made of units) made.dispose();
  }
}

/**
 * Runs all cases, one after another.
 *
 * @param cu The library.
 * @param module The unit's WASM, for a runtime that compiles none by itself.
 */
export async function runCore(cu: Cu, module?: WebAssembly.Module): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const each of CASES) results.push(await resultOf(each, cu, module));
  return results;
}
