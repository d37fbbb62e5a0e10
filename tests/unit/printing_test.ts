// What code prints, by print and by io.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { CountingClock } from "../helpers/clock.ts";

async function printing(options = {}) {
  const lines: string[] = [];
  const cu = await ComputeUnit.create({ onPrint: (line) => lines.push(line), ...options });
  /** The lines that code prints. */
  const linesOf = (code: string): string[] => {
    lines.length = 0;
    cu.compute(code);
    return [...lines];
  };
  return { cu, lines, linesOf };
}

Deno.test("io.write gives lines where they end, and what is left at the end of the run", async () => {
  const { cu, linesOf } = await printing();
  using _ = cu;
  assertEquals(linesOf(`io.write("a"); io.write("b\\n")`), ["ab"]);
  assertEquals(linesOf(`io.write("one\\ntwo\\n\\nthr", "ee\\n")`), ["one", "two", "", "three"]);
  assertEquals(linesOf(`io.write("left")`), ["left"]);
  assertEquals(linesOf(`io.write("left") return 5`), ["left"]);
  assertEquals(linesOf(`io.write("")`), []);
  assertEquals(linesOf(`io.write()`), []);
  assertEquals(linesOf(`io.write("\\n")`), [""]);
  assertEquals(linesOf(`io.write("a\\r\\n", "b\\0c\\n")`), ["a\r", "b\0c"]);
  assertEquals(linesOf(`io.write(1, " ", 2.5, " ", -0.0, " ", 1e100, " ", 1 << 40, "\\n")`), [
    "1 2.5 -0 1e+100 1099511627776",
  ]);
  assertEquals(linesOf(`io.stdout:write("a", 1):write("b\\n")`), ["a1b"]);
  assertEquals(linesOf(`io.stderr:write("e"):write("rr\\n") io.stdout:write("out")`), ["err", "out"]);
  assertEquals(linesOf("print((tostring(io.stdout):gsub('0x%x+', 'PLACE')))"), ["file (PLACE)"]);
});

Deno.test("io.write, print and warn keep their order", async () => {
  const { cu, linesOf } = await printing();
  using _ = cu;
  assertEquals(linesOf(`print("1") io.write("2\\n") print("3") io.write("4\\n5") print("6") print("7")`), [
    "1",
    "2",
    "3",
    "4",
    "56",
    "7",
  ]);
  assertEquals(linesOf(`io.write("a") print("b\\nc") io.write("d")`), ["ab\nc", "d"]);
  assertEquals(linesOf(`warn("@on") io.write("x\\n") warn("y") io.stderr:write("z\\n")`), ["x", "Lua warning: y", "z"]);
});

Deno.test("without onPrint, printed has the text of io.write", async () => {
  using cu = await ComputeUnit.create();
  cu.compute(`io.write("a", "b\\nc")`);
  assertEquals(cu.printed, "ab\nc\n");
  cu.compute(`io.write("next") print()`);
  assertEquals(cu.printed, "next\n");
  cu.compute("return 1");
  assertEquals(cu.printed, "");
  cu.compute("function handler() io.write('from handler') end");
  assert(cu.callHandler("handler", null));
  assertEquals(cu.printed, "from handler\n");
});

Deno.test("a character that is written in parts is whole, and one that never is is replaced", async () => {
  const { cu, linesOf } = await printing();
  using _ = cu;
  assertEquals(linesOf(`for byte in ("€😀\\n"):gmatch(".") do io.write(byte) end`), ["€😀"]);
  assertEquals(linesOf(`io.write("\\xe2\\x82") print("\\xac")`), ["€"]);
  assertEquals(linesOf(`io.write("\\xe2\\x82")`), ["\ufffd"]);
  assertEquals(linesOf(`io.write("\\xe2\\x82\\n", "a")`), ["\ufffd", "a"]);
  assertEquals(linesOf(`io.write("\\xef\\xbb\\xbf", "a") print("b")`), ["\ufeffab"]);
});

Deno.test("what code wrote before it failed is printed", async () => {
  const clock = new CountingClock(0);
  const { cu, lines } = await printing({ timeLimit: 20, now: clock.now });
  using _ = cu;
  assertThrows(() => cu.compute(`io.write("before") error("no")`), LuaError, "no");
  assertEquals(lines, ["before"]);
  lines.length = 0;
  clock.stepMs = 1;
  const { kind } = assertThrows(() => cu.compute(`io.write("begun") while true do end`), LuaError);
  assertEquals([kind, lines], ["time", ["begun"]]);
  lines.length = 0;
  cu.compute(`print("after")`);
  assertEquals(lines, ["after"]);
});

Deno.test("an onPrint that throws ends the code, and the run", async () => {
  const refusal = new Error("full");
  const seen: string[] = [];
  using cu = await ComputeUnit.create({
    onPrint: (line) => {
      if (line.startsWith("bad")) throw refusal;
      seen.push(line);
    },
  });
  for (const code of [`io.write("bad\\n") print("not reached")`, `io.write("bad")`, `io.write("b") io.write("ad")`]) {
    const error = assertThrows(() => cu.compute(code), LuaError, "full", code);
    assertStrictEquals(error.cause, refusal, code);
    assertEquals(cu.compute("return 1"), 1);
  }
  assertEquals(cu.compute(`return pcall(io.write, "bad\\n")`), false);
  // An error of the code's own comes first.
  assertThrows(() => cu.compute(`io.write("bad") error("mine")`), LuaError, "mine");
  assertEquals(seen, []);
  cu.compute(`io.write("good")`);
  assertEquals(seen, ["good"]);
});

Deno.test("text without a newline is handed over in parts of about 1 MiB, and printed keeps no more", async () => {
  const { cu, lines, linesOf } = await printing();
  using _ = cu;
  const found = linesOf(`local s = ("x"):rep(1000) for i = 1, 2500 do io.write(s) end`);
  assertEquals([found.length, found.join("").length], [3, 2_500_000]);
  assert(found.every((line) => line.length <= 1024 * 1024 + 1000));
  lines.length = 0;
  using keeping = await ComputeUnit.create();
  const error = assertThrows(() => keeping.compute(`while true do io.write(("x"):rep(1000)) end`), LuaError);
  assert(error.message.includes("printed text exceeds"), error.message);
  assert(keeping.printed.length <= 1024 * 1024);
});

Deno.test("lines that are written without an end take their time", async () => {
  const clock = new CountingClock();
  using cu = await ComputeUnit.create({ timeLimit: 50, now: clock.now, onPrint: () => {} });
  for (
    const code of [
      `local s = ("\\n"):rep(1e6) while true do io.write(s) end`,
      `while true do io.write("") end`,
      `while true do io.write("x") end`,
      `while true do io.stdout:write("x", "\\n") end`,
    ]
  ) {
    assertEquals(assertThrows(() => cu.compute(code), LuaError).kind, "time", code);
  }
});

Deno.test("io.open finds no file, as in an empty folder", async () => {
  using cu = await ComputeUnit.create();
  for (const mode of ["r", "w", "a", "r+", "w+b", "ab"]) {
    cu.setInput(mode);
    const answer = cu.computeAll("return io.open('/etc/passwd', _io.input)");
    assertEquals(answer, [null, "/etc/passwd: No such file or directory", 2], mode);
  }
  assertEquals(cu.computeAll("return io.open(12)"), [null, "12: No such file or directory", 2]);
  assertEquals(cu.compute("return #select(2, io.open(('x'):rep(1e6)))"), 1e6 + ": No such file or directory".length);
});

Deno.test("io has what writes, and open, and nothing else", async () => {
  using cu = await ComputeUnit.create();
  const names = (table: string) =>
    cu.compute(
      `local names = {} for name in pairs(${table}) do names[#names + 1] = name end table.sort(names) return names`,
    );
  assertEquals(names("io"), ["open", "stderr", "stdout", "type", "write"]);
  assertEquals(
    cu.computeAll(`
      local f = io.stdout
      return type(f), io.type(f), io.type(io.stderr), io.type(5), tostring(f):match("^file %(0x%x+%)$") ~= nil, getmetatable(f)
    `),
    ["userdata", "file", "file", null, true, false],
  );
  assertEquals(
    cu.computeAll(`
      local f = io.stdout
      return io.write() == f, f:write() == f, io.stderr:write() == io.stderr, f == io.stderr, f:flush(), f:setvbuf("no")
    `),
    [true, true, true, false, true, true],
  );
  assertEquals(cu.computeAll("return io.stdout:close()"), [null, "cannot close standard file"]);
  // Whatever code did to io.
  assertEquals(
    cu.compute("local w, f = io.write, io.stdout io.stdout = nil local same = w() == f io.stdout = f return same"),
    true,
  );
  assertEquals(cu.compute("local keep = io io = nil collectgarbage() return keep.write('ok\\n') == keep.stdout"), true);
  assertEquals(cu.printed, "ok\n");
});

Deno.test("io's functions refuse what isn't theirs", async () => {
  using cu = await ComputeUnit.create();
  cu.compute("io = io or keep");
  const cases = [
    ["io.write({})", "bad argument #1 to 'write' (string expected, got table)"],
    ["io.write('', nil)", "bad argument #2 to 'write' (string expected, got nil)"],
    ["io.stdout:write(true)", "bad argument #1 to 'write' (string expected, got boolean)"],
    ["io.stdout.write('x')", "bad argument #1 to 'write' (FILE* expected, got string)"],
    ["io.stdout.write(_io.date(0))", "bad argument #1 to 'write' (FILE* expected, got date)"],
    ["io.stdout.close()", "bad argument #1 to 'close' (FILE* expected, got no value)"],
    ["io.type()", "bad argument #1 to 'type' (value expected)"],
    ["io.stdout:read()", "attempt to call a nil value (method 'read')"],
    ["io.lines('x')", "attempt to call a nil value (field 'lines')"],
    ["io.open()", "bad argument #1 to 'open' (string expected, got no value)"],
    ["io.open({})", "bad argument #1 to 'open' (string expected, got table)"],
    ["io.open('x', 'z')", "bad argument #2 to 'open' (invalid mode)"],
    ["io.open('x', 'r++')", "bad argument #2 to 'open' (invalid mode)"],
    ["io.open('x', '')", "bad argument #2 to 'open' (invalid mode)"],
    ["assert(io.open('x'))", "x: No such file or directory"],
    ["io.stdout.x = 1", "attempt to index a FILE* value (field 'stdout')"],
  ];
  for (const [code, message] of cases) {
    assertEquals(assertThrows(() => cu.compute(code), LuaError, undefined, code).message, message, code);
  }
});

Deno.test("printed has all that the run printed that ran last, and nothing of runs that overlap with it", async () => {
  const waits = new Map<string, () => void>();
  using cu: ComputeUnit = await ComputeUnit.create({
    globals: {
      wait: (name: string) => new Promise<void>((resolve) => waits.set(name, resolve)),
      inner: (code: string) => cu.compute(code),
      begin: (code: string) => void cu.computeAsync(code),
    },
  });
  const code = (name: string) => `
    print("${name} 1") wait("${name}") print("${name} 2") wait("${name}") io.write("${name} 3")
  `;
  const goOn = async (name: string) => {
    waits.get(name)!();
    await new Promise((resolve) => setTimeout(resolve, 0));
    return cu.printed;
  };
  const first = cu.computeAsync(code("a"));
  assertEquals(cu.printed, "a 1\n");
  const second = cu.computeAsync(code("b"));
  assertEquals(cu.printed, "b 1\n");
  assertEquals(await goOn("a"), "a 1\na 2\n");
  assertEquals(await goOn("b"), "b 1\nb 2\n");
  cu.compute("print('another')");
  assertEquals(cu.printed, "another\n");
  assertEquals(await goOn("b"), "b 1\nb 2\nb 3\n");
  await second;
  cu.compute("return 1");
  assertEquals(cu.printed, "");
  assertEquals(await goOn("a"), "a 1\na 2\na 3\n");
  await first;
  assertThrows(() => cu.compute("print('begun') error('no')"), LuaError);
  assertEquals(cu.printed, "begun\n");

  // What code runs inside of it is a part of the run; what it begins is not.
  cu.compute(`print("x 1") inner("print('inner')") print("x 2")`);
  assertEquals(cu.printed, "x 1\ninner\nx 2\n");
  cu.compute(`print("x 1") begin("print('begun') wait('begun') print('later')") print("x 2")`);
  assertEquals(cu.printed, "x 1\nx 2\n");
  assertEquals(await goOn("begun"), "begun\nlater\n");

  // What is closed as a run is aborted prints, too.
  const controller = new AbortController();
  const closing =
    "local c <close> = setmetatable({}, { __close = function() print('closed') end }) print('open') wait('c')";
  const aborted = cu.computeAsync(closing, { signal: controller.signal });
  cu.compute("print('between')");
  controller.abort();
  await assertRejects(() => aborted);
  assertEquals(cu.printed, "open\nclosed\n");
});

Deno.test("a run that waits keeps its printed text in snapshots", async () => {
  const options = { globals: { wait: () => new Promise<void>(() => {}) } };
  using cu = await ComputeUnit.create(options);
  cu.computeAsync("print('before') wait() print('after')").catch(() => {});
  cu.compute("print('another')");
  const snapshot = cu.snapshot();
  using fork = cu.fork();
  using other = await ComputeUnit.fromSnapshot(await snapshot.bytes(), options);
  cu.compute("print('lost')");
  cu.restore(snapshot);
  for (const unit of [cu, fork, other]) {
    assertEquals(unit.printed, "another\n");
    const [{ id, run }] = unit.pending();
    unit.resume(id);
    await run.result();
    assertEquals(unit.printed, "before\nafter\n");
  }
});

Deno.test("each run that overlaps with others may print 1 MiB", async () => {
  using cu = await ComputeUnit.create({ globals: { wait: () => Promise.resolve() } });
  const code = "for i = 1, 6 do print(('x'):rep(100000)) wait() end";
  await Promise.all([cu.computeAsync(code), cu.computeAsync(code)]);
  const tooMuch = cu.computeAsync(code.replace("6", "20"));
  await assertRejects(() => tooMuch, LuaError, "printed text exceeds");
});
