// What a LuaError tells people: in a terminal, in a log, and in another process.

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { ComputeUnit, type ComputeUnitOptions, LuaError } from "@computeunit/cu";
import { CountingClock } from "../helpers/clock.ts";

const RULES = `local function check(n)
  if n < 0 then error("negative") end
end
check(-1)`;

const TRACEBACK = "\t[C]: in function 'error'\n\trules.lua:2: in local 'check'\n\trules.lua:4: in main chunk";

async function errorOf(code: string | Uint8Array, chunkName?: string, options?: ComputeUnitOptions): Promise<LuaError> {
  using cu = await ComputeUnit.create(options);
  return assertThrows(() => cu.compute(code, { chunkName }), LuaError);
}

/** Chunk, line and source line. */
function where({ chunk, line, sourceLine }: LuaError): unknown[] {
  return [chunk, line, sourceLine];
}

Deno.test("an error as text says where, and its message says what", async () => {
  const error = await errorOf(RULES, "rules.lua");
  assertEquals(error.message, "negative");
  assertEquals(String(error), "LuaError: rules.lua:2: negative");
  assertEquals(`${error}`, "LuaError: rules.lua:2: negative");
  assertEquals(error.name, "LuaError");
  assertEquals(String(new LuaError("memory", "not enough memory")), "LuaError: not enough memory");
});

Deno.test("an error's stack begins with where, and has Lua's calls before the host's", async () => {
  const error = await errorOf(RULES, "rules.lua");
  assert(error.stack!.startsWith(`LuaError: rules.lua:2: negative\n${TRACEBACK}\n    at `), error.stack);
  assertStringIncludes(error.stack!, "errors_test.ts:");
  const syntax = await errorOf("local x = = 1", "rules.lua");
  assert(syntax.stack!.startsWith("LuaError: rules.lua:1: unexpected symbol near '='\n\trules.lua:1\n    at "));
  // It can be set, as that of any error.
  error.stack = "gone";
  assertEquals(error.stack, "gone");
});

Deno.test("Deno prints where, for an error that is logged and as a cause, and nothing twice", async () => {
  const error = await errorOf(RULES, "rules.lua");
  for (
    const [text, indent] of [[Deno.inspect(error), ""], [Deno.inspect(new Error("outer", { cause: error })), "  "]]
  ) {
    assertStringIncludes(text, `LuaError: rules.lua:2: negative\n${indent}\t[C]: in function 'error'`);
    assertEquals(text.split("in main chunk").length, 2, text);
    assert(!text.includes("undefined"), text);
  }
});

Deno.test("an error that goes to another thread keeps what it says", async () => {
  const error = await errorOf(RULES, "rules.lua");
  const clone: Error = structuredClone(error);
  assertEquals(clone.message, "negative");
  assert(clone.stack!.startsWith(`LuaError: rules.lua:2: negative\n${TRACEBACK}\n    at `), clone.stack);
});

for (
  const [name, end] of [["thrown", "cu.compute(code, { chunkName })"], [
    "of a rejected promise",
    "await new IoWrapper(cu).computeWithIo(code)",
  ]]
) {
  Deno.test(`Deno prints where for an error that nobody catches, ${name}`, async () => {
    const script = `
      import { ComputeUnit, IoWrapper } from "${new URL("../../mod.ts", import.meta.url)}";
      const [cu, code, chunkName] = [await ComputeUnit.create(), ${JSON.stringify(RULES)}, "rules.lua"];
      ${end};
    `;
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    try {
      await Deno.writeTextFile(file, script);
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-check", file],
        env: { NO_COLOR: "1" },
      }).output();
      const text = new TextDecoder().decode(stderr);
      assertEquals(code, 1);
      const chunk = name === "thrown" ? "rules.lua" : "compute";
      assertStringIncludes(text, "LuaError: negative\n\t[C]: in function 'error'\n");
      assertStringIncludes(text, `\t${chunk}:2: in local 'check'\n\t${chunk}:4: in main chunk\n    at `);
    } finally {
      await Deno.remove(file);
    }
  });
}

Deno.test("an error in JSON has all that it knows", async () => {
  const error = await errorOf("\nerror({ code = 7, [1] = 2^53 | 0 })", "rules.lua");
  assertEquals(JSON.parse(JSON.stringify(error)), {
    name: "LuaError",
    message: "error object is a table value",
    kind: "runtime",
    chunk: "rules.lua",
    line: 2,
    sourceLine: "error({ code = 7, [1] = 2^53 | 0 })",
    traceback: "\t[C]: in function 'error'\n\trules.lua:2: in main chunk",
    value: { code: 7, 1: "9007199254740992" },
  });
  const cycle = await errorOf("local t = {} t.t = t error(t)");
  assertEquals(JSON.parse(JSON.stringify(cycle)).value, undefined);
  // JSON shares nothing: 40 tables would be 2^40 there.
  const shared = await errorOf("local t = {} for i = 1, 40 do t = { t, t } end error(t)");
  assertEquals(shared.toJSON().value, undefined);
  assertEquals((await errorOf("error({ ('x'):rep(70000) })")).toJSON().value, undefined);
  assertEquals((await errorOf("local t = {} for i = 1, 20000 do t[i] = i end error(t)")).toJSON().value, undefined);
  assertEquals(
    (await errorOf("local t = {} for i = 1, 9000 do t[i] = 1 end error(t)")).toJSON().value,
    Array(9000).fill(1),
  );
  assertEquals(
    JSON.stringify(new LuaError("time", "late")),
    '{"name":"LuaError","message":"late","kind":"time","traceback":""}',
  );
});

Deno.test("an error value that isn't a string is told in the message as far as it has a text", async () => {
  const cases: [string, string, unknown][] = [
    ["42", "42", 42],
    ["4.5", "4.5", 4.5],
    ["2^63", "9.2233720368548e+18", 2 ** 63],
    ["true", "true", true],
    ["false", "false", false],
    ["nil", "error object is a nil value", null],
    ["{}", "error object is a table value", {}],
    ["setmetatable({}, { __tostring = function() return 'told' end })", "told", {}],
    ["setmetatable({}, { __tostring = function() return 5 end })", "error object is a table value", {}],
  ];
  for (const [value, message, expected] of cases) {
    const error = await errorOf(`error(${value})`);
    assertEquals([error.message, error.value, error.line], [message, expected, 1], value);
  }
});

Deno.test("a __tostring that has no end is ended by the time limit", async () => {
  const code = "error(setmetatable({}, { __tostring = function() while true do end end }))";
  assertEquals((await errorOf(code, undefined, { timeLimit: 20, now: new CountingClock().now })).kind, "time");
});

Deno.test("memory and time errors say where the code was", async () => {
  const memoryLimit = 4 * 1024 * 1024;
  const memory: [string, number][] = [
    ["local t = {}\nfor i = 1, math.huge do\n  t[i] = { i }\nend", 3],
    ["local s = 'x'\nwhile true do\n  s = s .. s\nend", 3],
    ["\nreturn ('x'):rep(1e8)", 2],
    ["local f\nfunction f(t) return { t, f({ t }) } end\n\nf()", 2],
    [
      "local t = {}\nlocal function fill()\n  local t = { " + "1, ".repeat(5000) +
      "1 }\n  return fill(), t\nend\nfill()",
      3,
    ],
  ];
  for (const [code, line] of memory) {
    const error = await errorOf(code, "fill.lua", { memoryLimit });
    assertEquals([error.kind, error.message, ...where(error)], [
      "memory",
      "not enough memory",
      "fill.lua",
      line,
      code.split("\n")[line - 1].slice(0, 200),
    ], code.slice(0, 60));
    assertStringIncludes(error.traceback, `\tfill.lua:${line}: in`);
    assert(error.stack!.startsWith(`LuaError: fill.lua:${line}: not enough memory\n\t`));
  }
  const time: [string, number, string][] = [
    ["local n = 0\nwhile true do n = n + 1 end", 2, "main chunk"],
    ["local function spin()\n  while true do end\nend\nspin()", 2, "local 'spin'"],
    ["local co = coroutine.wrap(function()\n  while true do end\nend)\nco()", 2, "function <spin.lua:1>"],
    ["\nlocal s = ('x'):rep(1e6)\nwhile true do s:find('y') end", 3, "main chunk"],
  ];
  for (const [code, line, traceback] of time) {
    const error = await errorOf(code, "spin.lua", { timeLimit: 50, now: new CountingClock().now });
    assertEquals([error.kind, ...where(error)], ["time", "spin.lua", line, code.split("\n")[line - 1]]);
    assertStringIncludes(error.traceback, `spin.lua:${line}: in ${traceback}`);
  }
});

Deno.test("code that is stopped while the host reads its input says where it was", async () => {
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({ timeLimit: 50, now: clock.now });
  const input = Object.defineProperty({}, "late", { enumerable: true, get: () => clock.time += 1000 });
  cu.setInput({ rows: [input] }, { lazy: true });
  const error = assertThrows(() => cu.compute("local rows = _io.input.rows\n\nreturn rows[1].late, #rows"), LuaError);
  assertEquals([error.kind, error.chunk, error.line], ["time", "compute", 3]);
});

Deno.test("a memory error that was caught isn't taken for a later one's place", async () => {
  using cu = await ComputeUnit.create({ memoryLimit: 4 * 1024 * 1024, timeLimit: 50, now: new CountingClock().now });
  const error = assertThrows(() => cu.compute("pcall(string.rep, 'x', 1e8)\n\nerror('other')"), LuaError);
  assertEquals([error.message, error.line], ["other", 3]);
  const reading = assertThrows(() => cu.setInput("x".repeat(1e7)), LuaError);
  assertEquals([reading.kind, reading.line], ["memory", undefined]);
});

Deno.test("a chunk's name may have anything in it", async () => {
  const names = [
    "tenant:42: rule",
    "a:1: b:2: c",
    "compute",
    "x:1: ",
    "C:\\rules\\a.lua",
    '[string "x"]:3: y',
    "[string",
    ": in main chunk",
    "\ttab",
    "größer → 中:9: ",
    "long/".repeat(30) + ":7: rule.lua",
    "長".repeat(60),
    "x".repeat(59),
    "x".repeat(60),
  ];
  for (const chunkName of names) {
    for (const [code, kind] of [["error('bad')", "runtime"], ["x = = 1", "syntax"], ["while true do end", "time"]]) {
      const error = await errorOf(`\n${code}`, chunkName, { timeLimit: 20, now: new CountingClock().now });
      assertEquals([error.kind, ...where(error)], [kind, chunkName, 2, code], chunkName);
      const message = { runtime: "bad", syntax: "unexpected symbol near '='", time: "time limit of 20 ms exceeded" };
      assertEquals(error.message, message[kind as keyof typeof message], chunkName);
    }
  }
});

Deno.test("a position in a message is only taken for one if a running chunk has that name", async () => {
  using cu = await ComputeUnit.create();
  const cases: [string, string, string, number][] = [
    ["error('file.txt:12: bad', 0)", "file.txt:12: bad", "rules", 1],
    ["\nerror('rules.lua:3: bad', 0)", "rules.lua:3: bad", "rules", 2],
    ["\nerror('rules:1: bad', 0)", "bad", "rules", 1],
    ["\n\nerror('12: bad')", "12: bad", "rules", 3],
  ];
  for (const [code, message, chunk, line] of cases) {
    const error = assertThrows(() => cu.compute(code, { chunkName: "rules" }), LuaError);
    assertEquals([error.message, error.chunk, error.line], [message, chunk, line]);
  }
  // The longer name is the one that fits.
  cu.compute("function outer(f) f() end", { chunkName: "rules" });
  const error = assertThrows(
    () => cu.compute("outer(function() error('bad') end)", { chunkName: "rules:1: inner" }),
    LuaError,
  );
  assertEquals([error.message, error.chunk], ["bad", "rules:1: inner"]);
});

Deno.test("the source line is that of the chunk whose function it was, whatever the names", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("-- first\nfunction fail() error('bad') end");
  cu.compute("-- second\nfunction other() error('bad') end");
  const both = assertThrows(() => cu.compute("-- third\n\nfail()"), LuaError);
  assertEquals(where(both), ["compute", 2, "function fail() error('bad') end"]);
  // Text that Lua code compiles, under the name of a chunk.
  const loaded = assertThrows(() => cu.compute("load('\\n\\n\\nerror(1)', '@compute')()"), LuaError);
  assertEquals(where(loaded), ["compute", 4, undefined]);

  using compiled = cu.compile("\n  error('bad')", { chunkName: "c.lua" });
  assertEquals(where(assertThrows(() => compiled(), LuaError)), ["c.lua", 2, "  error('bad')"]);
  cu.compute("function handler() error('no') end", { chunkName: "handlers.lua" });
  const handled = assertThrows(() => cu.callHandler("handler"), LuaError);
  assertEquals(where(handled), ["handlers.lua", 1, "function handler() error('no') end"]);
});

Deno.test("a chunk that the unit keeps no more has no source line, and no other's", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("\nfunction fail() error('bad') end");
  for (let i = 0; i < 300; i++) cu.compute(`\n-- ${i}`);
  assertEquals(where(assertThrows(() => cu.compute("fail()"), LuaError)), ["compute", 2, undefined]);
  const bytes = new TextEncoder().encode("\nfunction fail() error('bad') end");
  cu.compute(bytes, { chunkName: "bytes.lua" });
  assertEquals(where(assertThrows(() => cu.compute("fail()"), LuaError)), ["bytes.lua", 2, undefined]);
});

Deno.test("the source line is found whatever ends lines, and is of bounded length", async () => {
  for (const end of ["\n", "\r\n", "\r", "\n\r"]) {
    assertEquals(where(await errorOf(["local a", "", "error('x')", "b = 1"].join(end))), ["compute", 3, "error('x')"]);
  }
  const bytes = new TextEncoder().encode("local a\r\nerror('ä')");
  assertEquals(where(await errorOf(bytes)), ["compute", 2, "error('ä')"]);
  using cu = await ComputeUnit.create();
  assertEquals(where(await assertRejects(() => cu.computeAsync(bytes), LuaError)), ["compute", 2, "error('ä')"]);
  const long = await errorOf(`error('x') ${"-- long ".repeat(100)}`);
  assertEquals(long.sourceLine, `error('x') ${"-- long ".repeat(100)}`.slice(0, 200));
});

Deno.test("ipairs and pairs of what is no table say so", async () => {
  for (const [value, kind] of [["nil", "nil"], ["undefined", "nil"], ["5", "number"], ["true", "boolean"]]) {
    for (const iterate of ["pairs", "ipairs"]) {
      const error = await errorOf(`for _ in ${iterate}(${value}) do end`);
      assertEquals(error.message, `bad argument #1 to 'for iterator' (table expected, got ${kind})`);
    }
  }
  using cu = await ComputeUnit.create();
  const code = `
    local seen = {}
    local proxy = setmetatable({}, { __index = function(_, i) if i < 3 then return i * 10 end end })
    for _, v in ipairs(proxy) do seen[#seen + 1] = v end
    for _, v in ipairs("text") do seen[#seen + 1] = v end
    return seen
  `;
  assertEquals(cu.compute(code), [10, 20]);
});

Deno.test("what the limit of printed text refuses is said in the message", async () => {
  const error = await errorOf("while true do\n print(('x'):rep(10000)) end");
  assertEquals(error.message, "printed text exceeds 1048576 characters: give the unit an onPrint");
  assertEquals([error.line, error.cause instanceof RangeError], [2, true]);
  // What onPrint throws is the cause.
  const cause = new Error("disk full");
  const refused = await errorOf("print(1)", undefined, {
    onPrint: () => {
      throw cause;
    },
  });
  assertEquals([refused.message, refused.cause], ["disk full", cause]);
});

Deno.test("an error has its own place, whatever the host or other code does before it ends the call", async () => {
  const uses: ((cu: ComputeUnit) => unknown)[] = [
    () => {},
    (cu) => cu.compute("return 1"),
    (cu) => cu.compile("return 2")[Symbol.dispose](),
    (cu) => cu.runGc(),
    (cu) => cu.getOutput(),
    (cu) => assertThrows(() => cu.compute("\n\n\n\n\n\nerror('another')"), LuaError),
    (cu) => assertThrows(() => cu.compute("\n\n\n\n\n\nlocal s = ('x'):rep(1 << 29)"), LuaError),
  ];
  const others = ["", "pcall(string.rep, 'x', 1 << 29)", "pcall(error, 'caught')"];
  for (const [which, use] of uses.entries()) {
    const cu: ComputeUnit = await ComputeUnit.create({
      memoryLimit: 16 * 1024 * 1024,
      globals: { host: () => void use(cu) },
    });
    for (const other of others) {
      const codes = [
        `local c <close> = setmetatable({}, { __close = function()\n host() ${other} end })\nerror('here')`,
        `local m = { __tostring = function()\n host() ${other} return 'here' end }\nerror(setmetatable({}, m))`,
        `local c <close> = setmetatable({}, { __close = function()\n host() ${other} end })\nlocal n = nil + 1`,
      ];
      for (const code of codes) {
        const error = assertThrows(() => cu.compute(code, { chunkName: "place" }), LuaError);
        assertEquals([error.chunk, error.line], ["place", 3], `${which} ${code}`);
      }
    }
    const inClose =
      "local c <close> = setmetatable({}, { __close = function()\n host()\n error('there') end })\nerror('here')";
    assertEquals(assertThrows(() => cu.compute(inClose), LuaError).line, 3);
    const noMemory =
      "local c <close> = setmetatable({}, { __close = function() host() end })\nlocal s = ('x'):rep(1 << 29)";
    const error = assertThrows(() => cu.compute(noMemory), LuaError);
    assertEquals([error.kind, error.line, error.traceback?.includes(":2: in main chunk")], ["memory", 2, true]);
    cu.dispose();
  }
});

Deno.test("what code gave has a LuaError as its cause, and what the caller gave has none", async () => {
  using cu = await ComputeUnit.create();
  const deep = "local t = {} for i = 1, 1100 do t = { t } end return t";
  const ofCode: [() => unknown, string][] = [
    [() => cu.compute("return print"), "functions cannot be passed (at result)"],
    [() => cu.compute(deep), "nesting is deeper than 1000 levels"],
    [() => (cu.compute("_io.output = { print }"), cu.getOutput()), "functions cannot be passed (at output[1])"],
    [() => cu.getOutputJson(), "functions cannot be passed (at output[1])"],
    [() => (cu.setInput({ a: {} }, { lazy: true }), cu.compute("_io.input.a.f = print return _io.input")), "functions"],
    [() => (cu.compute("_io = 5"), cu.getOutput()), "Lua code replaced the global _io"],
  ];
  for (const [call, text] of ofCode) {
    const error = assertThrows(call, Error);
    assert(error instanceof TypeError || error instanceof RangeError, error.message);
    assert(error.cause instanceof LuaError && error.cause.message.startsWith(text), error.message);
  }
  cu.clearIo();
  for (const call of [() => cu.setInput({ f: () => 1 }), () => cu.compute("return 1", { timeLimit: -1 })]) {
    assertEquals(assertThrows(call, Error).cause, undefined);
  }
});
