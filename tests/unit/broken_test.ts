// What ends a unit, and what doesn't: traps, the end of the JavaScript stack, and errors of
// user code that look like either.

import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { corrupt, unitAndInstance } from "../helpers/instance.ts";

/** Each use of a unit; all must be refused alike. */
const USES: Record<string, (cu: ComputeUnit) => unknown> = {
  "compute": (cu) => cu.compute("return 1"),
  "compile": (cu) => cu.compile("return 1"),
  "set input": (cu) => cu.setInput({ a: 1 }),
  "set input field": (cu) => cu.setInputField("a", 1),
  "get output": (cu) => cu.getOutput(),
  "get output field": (cu) => cu.getOutputField("a"),
  "set metadata": (cu) => cu.setMetadata(1),
  "get metadata": (cu) => cu.getMetadata(),
  "call handler": (cu) => cu.callHandler("f", 1),
  "clear _io": (cu) => cu.clearIo(),
  "get memory stats": (cu) => cu.getMemoryStats(),
  "run garbage collection": (cu) => cu.runGc(),
  "read ioTableId": (cu) => cu.ioTableId,
};

Deno.test("a trap breaks the unit: it says so, and refuses every further call", async () => {
  const { cu, instance } = await unitAndInstance();
  const compiled = cu.compile("return 1");
  cu.compute("return 1");
  corrupt(instance);
  const failure = assertThrows(() => cu.compute("return {}"), WebAssembly.RuntimeError, "The unit is broken: ");
  const { cause } = failure;
  assertInstanceOf(cause, WebAssembly.RuntimeError);
  for (const [action, use] of Object.entries(USES)) {
    const refused = assertThrows(() => use(cu), TypeError, `Cannot ${action}: the unit is broken`);
    assertStrictEquals(refused.cause, cause);
  }
  assertThrows(() => compiled(), TypeError, "Cannot compute: the unit is broken");
  compiled[Symbol.dispose]();
  cu.dispose();
  assertThrows(() => cu.compute("return 1"), TypeError, "the unit has been disposed");
});

Deno.test("the first call may be any", async () => {
  for (const [action, use] of Object.entries(USES)) {
    if (action.startsWith("read") || action === "get memory stats") continue; // these run nothing
    const { cu, instance } = await unitAndInstance();
    corrupt(instance);
    const failure = assertThrows(() => use(cu), Error, "The unit is broken: ");
    const refused = assertThrows(() => use(cu), TypeError, "the unit is broken");
    assertStrictEquals(refused.cause, failure.cause);
    cu.dispose();
  }
});

Deno.test("a trap while the host answers ends the call that asked", async () => {
  const { cu, instance } = await unitAndInstance();
  const input = {
    get first() {
      corrupt(instance);
      return [1, 2, 3];
    },
    second: 2,
  };
  cu.setInput(input, { lazy: true });
  assertThrows(() => cu.compute("return pcall(function() return _io.input.first end)"), Error, "The unit is broken: ");
  assertThrows(() => cu.compute("return 1"), TypeError, "Cannot compute: the unit is broken");
});

Deno.test("errors of user code are no traps, whatever they are", async () => {
  const thrown = [
    new WebAssembly.RuntimeError("memory access out of bounds"),
    new RangeError("Maximum call stack size exceeded"),
    undefined,
    NaN,
    "text",
  ];
  for (const error of thrown) {
    let isThrowing = true;
    const now = () => {
      if (isThrowing) throw error;
      return 0;
    };
    const onProgress = () => {
      if (isThrowing) throw error;
    };
    using watched = await ComputeUnit.create({ onProgress });
    assertStrictEquals(caught(() => watched.compute("while true do end")), error);

    const onPrint = () => {
      throw error;
    };
    using cu = await ComputeUnit.create({ onPrint });
    const printed = assertThrows(() => cu.compute("print(1)"), LuaError);
    assertStrictEquals(printed.cause, error);
    assertEquals(cu.compute("return 1 + 1"), 2);
    const input = {
      get a() {
        throw error;
      },
    };
    cu.setInput(input, { lazy: true });
    const refused = assertThrows(() => cu.compute("return _io.input.a"), TypeError);
    if (error !== undefined) assertStrictEquals(refused.cause, error);
    assertThrows(() => cu.setInput(input, { lazy: false }), TypeError);
    assertEquals(cu.compute("return 1 + 1"), 2);

    using clocked = await ComputeUnit.create({ now });
    assertStrictEquals(caught(() => clocked.compute("return os.clock()")), error);
    isThrowing = false;
    assertEquals(watched.compute("return 1 + 1"), 2);
    assertEquals(clocked.compute("return os.clock()"), 0);
  }
});

function caught(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

Deno.test("user code that recurses without end inside a call leaves the unit working", async () => {
  const recurse = (): number => recurse() + 1;
  using watched = await ComputeUnit.create({ onProgress: () => void recurse() });
  using cu = await ComputeUnit.create({ onPrint: () => void recurse() });
  for (let i = 0; i < 3; i++) {
    const error = assertThrows(() => watched.compute("while true do end"), RangeError);
    assert(!error.message.includes("broken"));
    assertInstanceOf(assertThrows(() => cu.compute("print(1)"), LuaError).cause, RangeError);
    const input = {
      get a() {
        return recurse();
      },
      b: 2,
    };
    cu.setInput(input, { lazy: true });
    assertInstanceOf(assertThrows(() => cu.compute("return _io.input.a"), TypeError).cause, RangeError);
    assertEquals(cu.compute("return _io.input.b"), 2);
    assertThrows(() => cu.setInput(input, { lazy: false }), TypeError);
    assertEquals(cu.compute("return 1 + 1"), 2);
  }
});

/** Code that needs some C levels, each a pcall that catches what it can. */
const NESTED = `
  local function nest(n) if n == 0 then return 1 end local ok, v = pcall(nest, n - 1) return ok and v + 1 or error(v, 0) end
  return nest(LEVELS)`;

/** A row for each use of a unit, and what it answers if it works; some depend on the uses before. */
const NEAR_THE_END: [(cu: ComputeUnit, rows: object) => unknown, unknown, ("raises" | "alone")?][] = [
  [(cu) => cu.compute(NESTED.replace("LEVELS", "5")), 6],
  [(cu, rows) => cu.setInput(rows, { lazy: true }), undefined],
  [(cu) => cu.compute("return _io.input and _io.input.list[3].name"), "c", "alone"],
  [(cu) => cu.setInput({ list: [1, { x: [2] }], deep: [[[[[[[[[[[[1]]]]]]]]]]]] }), undefined],
  [(cu) => cu.compute("_io.output = { a = { b = 'x' }, list = { 1, 2, 3 } } return 7"), 7],
  [(cu) => cu.getOutput(), { a: { b: "x" }, list: [1, 2, 3] }, "alone"],
  [(cu) => cu.getOutputField("list"), [1, 2, 3], "alone"],
  [(cu) => cu.compute("return { { p = 1, q = 'y' }, { p = 2, q = 'z' } }"), [{ p: 1, q: "y" }, { p: 2, q: "z" }]],
  [(cu) => cu.compute("return { r1 = 1, r2 = { s = 2 } }"), { r1: 1, r2: { s: 2 } }],
  [(cu) => cu.compute("error({ code = 5 })"), undefined, "raises"],
  [(cu) => cu.runGc(), undefined],
];

/** Recurses until the stack ends, then calls something at each level on the way back. */
function atEachDepth(call: (depth: number) => void, levelsMax: number): number {
  let left = levelsMax;
  let ended = 0;
  const recurse = (depth: number): void => {
    try {
      recurse(depth + 1);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      ended = depth;
    }
    if (left-- > 0) {
      try {
        call(depth);
      } catch (error) {
        // Even the call itself may not fit.
        if (!(error instanceof RangeError)) throw error;
      }
    }
  };
  recurse(0);
  return ended;
}

/** What came of a use. It is judged when the stack is free again: to judge takes stack, too. */
type Outcome = { which: number; value: unknown } | { which: number; error: unknown };

function tryUse(cu: ComputeUnit, rows: object, which: number): Outcome {
  try {
    return { which, value: NEAR_THE_END[which][0](cu, rows) };
  } catch (error) {
    return { which, error };
  }
}

/** What a call may throw where there is too little room: never anything else. */
function isCleanError(error: unknown): boolean {
  if (error instanceof RangeError) return true;
  if (error instanceof LuaError) return error.kind === "limit" || error.value !== undefined;
  return error instanceof TypeError && !isBroken(error) && error.cause instanceof RangeError;
}

/** What is wrong with an outcome: an error that isn't clean, or, where it is known, another value. */
function faultOf(outcome: Outcome, isAlone: boolean): string | undefined {
  const { which } = outcome;
  if ("error" in outcome) return isCleanError(outcome.error) ? undefined : `use ${which} threw ${outcome.error}`;
  const [, expected, kind] = NEAR_THE_END[which];
  if (expected === undefined || !isAlone && kind === "alone") return undefined;
  return JSON.stringify(outcome.value) === JSON.stringify(expected)
    ? undefined
    : `use ${which} gave ${JSON.stringify(outcome.value)}`;
}

Deno.test("near the end of the JavaScript stack, each use works or throws, and the unit works afterwards", async () => {
  const rows = { list: [{ name: "a" }, { name: "b" }, { name: "c" }] };
  for (let which = 0; which < NEAR_THE_END.length; which++) {
    using cu = await ComputeUnit.create();
    cu.compute("kept = 'kept'");
    cu.setInput(rows, { lazy: true });
    cu.compute("_io.output = { a = { b = 'x' }, list = { 1, 2, 3 } }");
    const outcomes: Outcome[] = [];
    const depth = atEachDepth(() => outcomes.push(tryUse(cu, rows, which)), 4000);
    assert(depth > 100, "the stack came to its end");
    assertEquals(outcomes.map((outcome) => faultOf(outcome, true)).filter((fault) => fault !== undefined), []);
    // Too little room first, then enough.
    const raises = NEAR_THE_END[which][2] === "raises";
    const works = outcomes.map((outcome) => "value" in outcome || raises && outcome.error instanceof LuaError);
    assertEquals([works[0], works.at(-1)], [false, true]);
    assert(checkWorks(cu));
  }
});

/** Whether the unit works; if not, it must say that it is broken. */
function checkWorks(cu: ComputeUnit): boolean {
  try {
    assertEquals(cu.compute("return kept"), "kept");
    cu.setInput({ rows: [{ a: 1 }, { a: 2 }] });
    assertEquals(cu.compute("return _io.input"), { rows: [{ a: 1 }, { a: 2 }] });
    assertEquals(cu.compute("return { { p = 1, q = 'y' }, { p = 2, q = 'z' } }"), [{ p: 1, q: "y" }, { p: 2, q: "z" }]);
    assertEquals(cu.compute(NESTED.replace("LEVELS", "50")), 51);
    return true;
  } catch (error) {
    if (isBroken(error)) return false;
    throw error;
  }
}

function isBroken(error: unknown): boolean {
  return error instanceof TypeError && error.message.includes("the unit is broken");
}

Deno.test("all uses by turns near the end of the stack, at every depth", async () => {
  const rows = { list: [{ name: "a" }, { name: "b" }, { name: "c" }] };
  for (let round = 0; round < 5; round++) {
    using cu = await ComputeUnit.create();
    cu.compute("kept = 'kept'");
    let which = round;
    const outcomes: Outcome[] = [];
    atEachDepth(() => {
      which = (which + 1) % NEAR_THE_END.length;
      outcomes.push(tryUse(cu, rows, which));
    }, 4000);
    assertEquals(outcomes.map((outcome) => faultOf(outcome, false)).filter((fault) => fault !== undefined), []);
    assert(checkWorks(cu));
  }
});

Deno.test("restore() near the end of the stack restores all or nothing", async () => {
  const outcomes: boolean[] = [];
  for (let level = 0; level < 4000; level += 19) {
    using cu = await ComputeUnit.create();
    const before = cu.compile("return state");
    cu.compute("state = 'before'");
    const snapshot = cu.snapshot();
    before[Symbol.dispose]();
    const after = cu.compile("return 'not ' .. state"); // has the other one's number
    cu.compute("state = 'after'");
    let left = level;
    let isRestored = false;
    let error: unknown = new RangeError("no room for the call itself");
    atEachDepth(() => {
      if (left-- !== 0) return;
      try {
        cu.restore(snapshot);
        isRestored = true;
      } catch (thrown) {
        error = thrown;
      }
    }, Infinity);
    outcomes.push(isRestored);
    if (isRestored) {
      assertEquals(cu.compute("return state"), "before");
      assertThrows(() => after(), TypeError, "restored");
    } else {
      assert(error instanceof RangeError, String(error));
      assertEquals([cu.compute("return state"), after()], ["after", "not after"]);
    }
  }
  assertEquals([outcomes[0], outcomes.at(-1)], [false, true]);
});

Deno.test("resume() near the end of the stack answers a call, or leaves it", async () => {
  let lost = 0;
  for (let round = 0; round < 40; round++) {
    using cu = await ComputeUnit.create({ globals: { ask: () => new Promise(() => {}) } });
    const run = cu.computeAsync("return ask() + 1");
    const settled = run.then(({ value }) => value, (error) => error);
    const [{ id }] = cu.pending();
    let isAnswered = false;
    atEachDepth((depth) => {
      if (isAnswered || depth % 7 !== round % 7) return;
      try {
        cu.resume(id, 5);
        isAnswered = true;
      } catch (error) {
        assert(error instanceof RangeError, String(error));
      }
    }, 2000);
    assertEquals(cu.pending().length, isAnswered ? 0 : 1);
    if (!isAnswered) cu.resume(id, 5);
    if (await settled !== 6) lost++;
  }
  assertEquals(lost, 0);
});

Deno.test("code that needs more stack than there is ends cleanly, and never gives a wrong value", async () => {
  const works: boolean[] = [];
  for (let levels = 20; levels <= 180; levels += 40) {
    const code = NESTED.replace("LEVELS", String(levels));
    let done = false;
    using cu = await ComputeUnit.create();
    cu.compute("kept = 'kept'");
    const values: unknown[] = [];
    const errors: unknown[] = [];
    atEachDepth(() => {
      if (done) return;
      try {
        values.push(cu.compute(code));
        done = true;
      } catch (error) {
        errors.push(error);
      }
    }, 4000);
    for (const value of values) assertEquals(value, levels + 1);
    for (const error of errors) assert(isBroken(error) || isCleanError(error), String(error));
    works.push(checkWorks(cu));
  }
  // Lua asks for room as it goes deeper, so that no unit breaks.
  assertEquals(works, works.map(() => true));
});

Deno.test("what Lua is told of the stack's room is true", async () => {
  const { cu } = await unitAndInstance();
  let isRoom: (() => number) | undefined;
  const { Instance: WasmInstance } = WebAssembly;
  WebAssembly.Instance = class extends WasmInstance {
    constructor(module: WebAssembly.Module, imports: WebAssembly.Imports) {
      isRoom = imports.cu.has_stack_room as () => number;
      super(module, imports);
    }
  };
  try {
    await ComputeUnit.create();
  } finally {
    WebAssembly.Instance = WasmInstance;
  }
  assertEquals(isRoom!(), 1);
  const answers: number[] = [];
  atEachDepth(() => {
    try {
      answers.push(isRoom!());
    } catch {
      // Too little even to ask.
    }
  }, 3000);
  // None near the end, and then as much as is asked for.
  const first = answers.indexOf(1);
  assert(first > 0);
  assert(answers.slice(first + 50).every((answer) => answer === 1));
  assertEquals(cu.compute("return 1"), 1);
});
