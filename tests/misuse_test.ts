// Wrong use is refused: each argument and option of the public API is given every kind of
// value, and takes those that it is documented for. All others are a TypeError or RangeError
// that names what was wrong.

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import * as lua from "@computeunit/cu";
import { ComputeUnit, Home, IoWrapper, LuaError } from "@computeunit/cu";
import { MemoryStore } from "@computeunit/cu/stores/memory";
import { nearestName } from "../src/values/options.ts";

const cu = await ComputeUnit.create();
const io = new IoWrapper(cu);
await lua.load();

/** A value of each kind. */
const KINDS: Record<string, unknown> = {
  "undefined": undefined,
  "null": null,
  "boolean": true,
  "number": 1e8,
  "a negative number": -1,
  "a fraction": 1.5e6 + 0.5,
  "NaN": NaN,
  "bigint": 5000n,
  "string": "50",
  "symbol": Symbol("s"),
  "function": () => 0,
  "array": [1],
  "an empty array": [],
  "object": {},
  "an object with an unknown field": { unknownField: 1 },
  "a Map": new Map([["lazy", true]]),
  "a Promise": Promise.resolve({}),
  "a Date": new Date(0),
  "bytes": new Uint8Array([0x20]),
  "a unit": cu,
  "a wrapper": io,
  "a Proxy": new Proxy(() => 0, {}),
};

const NUMBERS = ["number", "a negative number", "a fraction", "NaN"];
const POSITIVE = ["number", "a fraction"];
const FUNCTIONS = ["function", "a Proxy"];
const CODE = ["string", "bytes"];

/** One argument or option. */
interface Place {
  /** Gives it a value. */
  give: (value: never) => unknown;
  /** The kinds that it takes. */
  takes: string[];
  /** What the message says of it. */
  says: string;
}

/** An option of a call: takes nothing else than what is listed, and `undefined`. */
function option(give: (options: never) => unknown, name: string, takes: string[]): Place {
  return { give: (value: unknown) => give({ [name]: value } as never), takes: ["undefined", ...takes], says: name };
}

/** A call's options: the object, and that there are no others. */
function options(give: (options: never) => unknown): Place {
  return { give, takes: ["undefined", "object"], says: "option" };
}

const inputOptions = (give: (options: never) => unknown) => [
  options(give),
  option(give, "lazy", ["boolean"]),
  option(give, "nulls", []),
];
const codeOptions = (give: (options: never) => unknown) => [options(give), option(give, "chunkName", ["string"])];
const ioOptions = (give: (options: never) => unknown) => [
  ...inputOptions(give),
  option(give, "chunkName", ["string"]),
  option(give, "clearBefore", ["boolean"]),
  option(give, "metadata", ["object", "an object with an unknown field"]),
];
const unitOptions = (give: (options: never) => unknown) => [
  option(give, "memoryLimit", POSITIVE),
  option(give, "timeLimit", POSITIVE),
  option(give, "onPrint", FUNCTIONS),
  option(give, "onProgress", FUNCTIONS),
  option(give, "lazyThreshold", POSITIVE),
  option(give, "now", FUNCTIONS),
  option(give, "timeZone", []),
  option(give, "library", []),
  option(give, "module", []),
];

const PLACES: Record<string, Place[]> = {
  "ComputeUnit.create()": [
    options(async (given) => (await ComputeUnit.create(given)).dispose()),
    ...unitOptions(async (given) => (await ComputeUnit.create(given)).dispose()),
  ],
  "new ComputeUnit()": [{
    give: (given: unknown) => Reflect.construct(ComputeUnit, [given, {}]),
    takes: [],
    says: "use `await ComputeUnit.create()` instead",
  }],
  "compute()": [
    { give: (code) => cu.compute(code), takes: CODE, says: "the code is neither a string nor a Uint8Array" },
    ...codeOptions((given) => cu.compute("return 1", given)),
  ],
  "computeAll()": [
    { give: (code) => cu.computeAll(code), takes: CODE, says: "the code" },
    ...codeOptions((given) => cu.computeAll("return 1", given)),
  ],
  "compile()": [
    { give: (code) => cu.compile(code), takes: CODE, says: "the code" },
    ...codeOptions((given) => cu.compile("return 1", given)),
  ],
  "computeInBuffer()": [{ give: (code) => cu.computeInBuffer(code), takes: CODE, says: "the code" }],
  "setInput()": inputOptions((given) => cu.setInput({}, given)),
  "setInputField()": [
    { give: (key) => cu.setInputField(key, 1), takes: ["string"], says: "the key is not a string" },
    ...inputOptions((given) => cu.setInputField("key", 1, given)),
  ],
  "getOutputField()": [
    { give: (key) => cu.getOutputField(key), takes: ["string", ...NUMBERS], says: "the key" },
  ],
  "callHandler()": [
    { give: (method) => cu.callHandler(method), takes: ["string"], says: "the method is not a string" },
    ...inputOptions((given) => cu.callHandler("none", 1, given)),
  ],
  "new LuaError()": [
    { give: (kind) => new LuaError(kind, ""), takes: [], says: "the kind must be one of syntax, runtime, memory" },
    { give: (message) => new LuaError("time", message), takes: ["string"], says: "the message is not a string" },
    options((given) => new LuaError("time", "", given)),
    option((given) => new LuaError("time", "", given), "chunk", ["string"]),
    option((given) => new LuaError("time", "", given), "line", ["number"]),
    option((given) => new LuaError("time", "", given), "sourceLine", ["string"]),
    option((given) => new LuaError("time", "", given), "traceback", ["string"]),
    option((given) => new LuaError("time", "", given), "value", Object.keys(KINDS)),
    option((given) => new LuaError("time", "", given), "cause", Object.keys(KINDS)),
  ],
  "new IoWrapper()": [
    {
      give: (given) => new IoWrapper(given),
      takes: ["undefined", "object", "a unit"],
      says: "Cannot construct an IoWrapper: ",
    },
    ...unitOptions((given) => new IoWrapper(given)),
  ],
  "computeWithIo()": [
    { give: (code) => io.computeWithIo(code), takes: CODE, says: "the code" },
    ...ioOptions((given) => io.computeWithIo("return 1", null, given)),
  ],
  "processStream()": [
    { give: (code) => io.processStream(code, [1]), takes: CODE, says: "the code" },
    {
      give: (data) => io.processStream("return 1", data),
      takes: ["array", "an empty array", "bytes"],
      says: "data is not an array",
    },
    ...ioOptions((given) => io.processStream("return 1", [1], given)),
    option((given) => io.processStream("return 1", [1], given), "batchSize", ["number"]),
  ],
  "request()": [
    { give: (method) => io.request(method), takes: ["string"], says: "the method is not a string" },
    ...ioOptions((given) => io.request("none", 1, given)).filter(({ says }) => says !== "chunkName"),
  ],
  "load()": [options((given) => lua.load(given)), ...unitOptions((given) => lua.load(given))],
  "the functional compute()": [{ give: (code) => lua.compute(code), takes: CODE, says: "the code" }],
  "the functional setInput()": inputOptions((given) => lua.setInput({}, given)),
  "the functional setInputField()": [
    { give: (key) => lua.setInputField(key, 1), takes: ["string"], says: "the key is not a string" },
    ...inputOptions((given) => lua.setInputField("key", 1, given)),
  ],
  "the functional getOutputField()": [
    { give: (key) => lua.getOutputField(key), takes: ["string", ...NUMBERS], says: "the key" },
  ],
};

for (const [method, places] of Object.entries(PLACES)) {
  Deno.test(`${method} takes what is documented, and refuses every other kind`, async () => {
    cu.compute("_io.output = {} _io.input = nil");
    lua.compute("_io.output = {} _io.input = nil");
    for (const { give, takes, says } of places) {
      for (const [kind, value] of Object.entries(KINDS)) {
        let thrown: unknown;
        try {
          await give(value as never);
        } catch (error) {
          thrown = error;
        }
        const about = `${says}: ${kind}: ${thrown}`;
        // Text that is no code, and handlers that aren't there, are no wrong use.
        if (takes.includes(kind)) {
          assert(thrown === undefined || thrown instanceof LuaError, about);
          continue;
        }
        assert(thrown instanceof TypeError || thrown instanceof RangeError, about);
        const { message } = thrown as Error;
        assert(/^(batch \d+: )?Cannot /.test(message), about);
        assertStringIncludes(message, says, about);
      }
    }
    assertEquals(cu.compute("return 1"), 1);
  });
}

Deno.test("a message says what was wrong, and what to write instead", async () => {
  const cases: [() => unknown, new (...args: never[]) => Error, string][] = [
    [
      () => ComputeUnit.create({ timeLimit: "50" } as never),
      TypeError,
      "Cannot create a compute unit: timeLimit must be a number of milliseconds, got a string",
    ],
    [
      () => ComputeUnit.create({ timeLimit: 5000n } as never),
      TypeError,
      "Cannot create a compute unit: timeLimit must be a number of milliseconds, got a bigint",
    ],
    [
      () => ComputeUnit.create({ timelimit: 50 } as never),
      TypeError,
      'Cannot create a compute unit: there is no option "timelimit"; did you mean timeLimit?',
    ],
    [
      () => ComputeUnit.create({ timeLimit: -1 }),
      RangeError,
      "Cannot create a compute unit: timeLimit must be a positive number of milliseconds, is -1",
    ],
    [
      () => ComputeUnit.create(null as never),
      TypeError,
      "Cannot create a compute unit: the options must be an object, got null",
    ],
    [
      () => new IoWrapper(ComputeUnit.create() as never),
      TypeError,
      "Cannot construct an IoWrapper: give it a ComputeUnit, or an object of options for one, not a Promise; await it first",
    ],
    [
      () => new IoWrapper("x" as never),
      TypeError,
      "Cannot construct an IoWrapper: give it a ComputeUnit, or an object of options for one, not a string",
    ],
    [
      () => Reflect.construct(ComputeUnit, []),
      TypeError,
      "Cannot construct a ComputeUnit: use `await ComputeUnit.create()` instead",
    ],
    [() => Reflect.construct(Home, []), TypeError, "Cannot construct a Home: use `await openHome()` instead"],
    [
      () => cu.setInput(1, { Lazy: true } as never),
      TypeError,
      'Cannot set input: there is no option "Lazy"; did you mean lazy?',
    ],
    [
      () => io.computeWithIo("", 1, { nonsense: 1 } as never),
      TypeError,
      'Cannot compute with io: there is no option "nonsense"; the options are chunkName, globals, timeLimit, stepLimit, signal, transaction, lazy, nulls, clearBefore, metadata',
    ],
    [
      () => cu.compute(5 as never),
      TypeError,
      "Cannot compile: the code is neither a string nor a Uint8Array, but a number",
    ],
  ];
  for (const [use, type, message] of cases) {
    const error = await assertRejects(async () => await use(), type);
    assertEquals((error as Error).message, message);
  }
});

/** A right value of each option that there is but those of a unit, which are told apart by being checked at all. */
const RIGHT = {
  chunkName: "a",
  globals: "own",
  timeLimit: 1e9,
  stepLimit: 1e9,
  signal: new AbortController().signal,
  transaction: false,
  lazy: false,
  nulls: "keep",
  input: [1],
  meta: { a: 1 },
  clearBefore: true,
  metadata: { a: 1 },
  batchSize: 2,
  indent: 1,
  sort: true,
  outputJson: true,
  io: false,
  home: undefined,
  compressed: false,
  attempts: 1,
  wait: () => Promise.resolve(),
  random: Math.random,
} as const;
type OptionName = keyof typeof RIGHT;
const RUN = ["timeLimit", "stepLimit", "signal", "transaction"] as const;
const COMPUTE = [...RUN, "chunkName", "globals"] as const;
const INPUT = ["lazy", "nulls"] as const;

/** The options that a function's type has. */
type Of<F extends (...args: never[]) => unknown, Place extends number> = Required<NonNullable<Parameters<F>[Place]>>;

/** A call with options, and the names of those that it takes: the type checker compares them with its type's. */
function takes<Options>(give: (options: Options) => unknown, names: { [Name in keyof Options]: true }) {
  return { give: give as (options: unknown) => unknown, names: Object.keys(names) };
}

function named<const Names extends readonly OptionName[]>(names: Names): { [Name in Names[number]]: true } {
  return Object.fromEntries(names.map((name) => [name, true])) as { [Name in Names[number]]: true };
}

type Unit = ComputeUnit;
const home = await lua.openHome(new MemoryStore(), "home");
const saved = await ComputeUnit.create({ home });
const IO = [...RUN, ...INPUT, "clearBefore", "metadata"] as const;
const TAKEN = {
  compile: takes<Of<Unit["compile"], 1>>((given) => cu.compile("return 1", given), named(["chunkName"])),
  compute: takes<Of<Unit["compute"], 1>>((given) => cu.compute("return 1", given), named(COMPUTE)),
  computeAll: takes<Of<Unit["computeAll"], 1>>((given) => cu.computeAll("return 1", given), named(COMPUTE)),
  computeAsync: takes<Of<Unit["computeAsync"], 1>>(
    (given) => cu.computeAsync("return 1", given),
    named([...COMPUTE, ...INPUT, "input", "meta", "outputJson"]),
  ),
  setInput: takes<Of<Unit["setInput"], 1>>((given) => cu.setInput({}, given), named(INPUT)),
  setInputField: takes<Of<Unit["setInputField"], 2>>((given) => cu.setInputField("a", {}, given), named(INPUT)),
  setInputJson: takes<Of<Unit["setInputJson"], 1>>((given) => cu.setInputJson("{}", given), named(["nulls"])),
  getOutputJson: takes<Of<Unit["getOutputJson"], 0>>((given) => cu.getOutputJson(given), named(["indent", "sort"])),
  callHandler: takes<Of<Unit["callHandler"], 2>>((given) => cu.callHandler("none", {}, given), named(INPUT)),
  saveState: takes<Of<Unit["saveState"], 0>>((given) => saved.saveState(given), named(["io"])),
  loadState: takes<Of<Unit["loadState"], 0>>((given) => saved.loadState(given), named(["io"])),
  snapshot: takes<Of<Unit["snapshot"], 0>>((given) => cu.snapshot(given), named(["io"])),
  restore: takes<Of<Unit["restore"], 1>>((given) => cu.restore(cu.snapshot(), given), named(["home"])),
  bytes: takes<Of<lua.Snapshot["bytes"], 0>>((given) => cu.snapshot().bytes(given), named(["compressed"])),
  computeWithIo: takes<Of<IoWrapper["computeWithIo"], 2>>(
    (given) => io.computeWithIo("return 1", [1], given),
    named([...IO, "chunkName", "globals"]),
  ),
  processStream: takes<Of<IoWrapper["processStream"], 2>>(
    (given) => io.processStream("return 1", [1], given),
    named([...IO, "chunkName", "globals", "batchSize"]),
  ),
  request: takes<Of<IoWrapper["request"], 2>>((given) => io.request("none", {}, given), named(IO)),
  openHome: takes<Of<typeof lua.openHome, 2>>(
    (given) => lua.openHome(new MemoryStore(), "a", given),
    named(["wait", "random"]),
  ),
  transact: takes<Of<typeof lua.transact, 3>>(
    (given) => lua.transact(new MemoryStore(), "a", () => 1, given),
    named(["attempts", "wait", "random"]),
  ),
  "the functional setInput": takes<Of<typeof lua.setInput, 1>>((given) => lua.setInput({}, given), named(INPUT)),
  "the functional setInputField": takes<Of<typeof lua.setInputField, 2>>(
    (given) => lua.setInputField("a", {}, given),
    named(INPUT),
  ),
};

for (const [method, { give, names }] of Object.entries(TAKEN)) {
  Deno.test(`${method}() takes the options of its type and refuses all others`, async () => {
    cu.compute("_io.output = 1 _io.input = nil");
    lua.compute("_io.input = nil");
    const found = [];
    for (const [name, value] of Object.entries(RIGHT)) {
      try {
        await give({ [name]: value });
        found.push(name);
      } catch (error) {
        assert(error instanceof TypeError, `${method}: ${name}: ${error}`);
        assertStringIncludes((error as Error).message, `there is no option "${name}"`);
      }
    }
    assertEquals(found.sort(), names.sort());
  });
}

Deno.test("runDurably() refuses an option that there isn't, of a run that has ended too", async () => {
  const store = new MemoryStore();
  await lua.runDurably(store, "job", "return 1", { calls: {} });
  for (const name of ["job", "other"]) {
    await assertRejects(
      () => lua.runDurably(store, name, "return 1", { calls: {}, transaction: true } as never),
      TypeError,
      'Cannot run durably: there is no option "transaction"',
    );
  }
});

Deno.test("an option's name that is inherited, or a secret of objects, is unknown", () => {
  for (const name of ["constructor", "toString", "hasOwnProperty"]) {
    assertThrows(() => cu.setInput(1, { [name]: true } as never), TypeError, `there is no option "${name}"`);
  }
  assertThrows(() => cu.setInput(1, JSON.parse('{"__proto__":{"lazy":true}}')), TypeError, '"__proto__"');
});

Deno.test("what someone added to Object.prototype is no option", () => {
  const prototype = Object.prototype as Record<string, unknown>;
  prototype.polluted = "yes";
  try {
    cu.setInput(1, { lazy: false });
    cu.setInput(1, {});
    assertThrows(() => cu.setInput(1, { polluted: 1 } as never), TypeError, 'no option "polluted"');
    assertThrows(() => cu.setInput(1, new Map() as never), TypeError, "must be an object, got a Map");
    assertThrows(() => cu.setInput(1, new URL("file:///") as never), TypeError, "must be an object, got a URL");
  } finally {
    delete prototype.polluted;
  }
});

Deno.test("options may be an instance with fields, and of another realm's making", async () => {
  class Options {
    memoryLimit = 2 * 1024 * 1024;
  }
  using unit = await ComputeUnit.create(new Options());
  assertEquals(unit.getMemoryStats().limitBytes, 2 * 1024 * 1024);
  using wrapper = new IoWrapper(Object.assign(Object.create(null), { timeLimit: 1000 }));
  assertEquals((await wrapper.computeWithIo("return 1")).returnValue, 1);
});

Deno.test("a wrapper's options are those that it was given, whatever becomes of the object", async () => {
  const given = { memoryLimit: 2 * 1024 * 1024 };
  using wrapper = new IoWrapper(given);
  given.memoryLimit = -1;
  assertEquals((await wrapper.computeWithIo("return 1")).returnValue, 1);
});

Deno.test("the nearest name is found, and none where all are far", () => {
  const known = ["memoryLimit", "timeLimit", "onPrint", "lazyThreshold", "timeZone"];
  const cases: [string, string | undefined][] = [
    ["timelimit", "timeLimit"],
    ["time_limit", "timeLimit"],
    ["timout", undefined],
    ["memory", "memoryLimit"],
    ["onprint", "onPrint"],
    ["print", "onPrint"],
    ["lazyTreshold", "lazyThreshold"],
    ["x", undefined],
    ["", undefined],
    ["a".repeat(1e6), undefined],
  ];
  for (const [given, nearest] of cases) assertEquals(nearestName(given, known), nearest, given.slice(0, 20));
});
