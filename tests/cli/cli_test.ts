import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { writeAll } from "../../src/cli/files.ts";
import { main } from "../../src/cli/main.ts";
import config from "../../deno.json" with { type: "json" };

const hasPaste = Deno.build.os !== "windows";

interface Run {
  code: number;
  stdout: string;
  stderr: string;
  written: Record<string, string>;
}

/** Runs the command in this process, with these files. */
async function cu(args: string[], files: Record<string, string | Uint8Array> = {}, stdin = ""): Promise<Run> {
  const bytes = (text: string | Uint8Array) => typeof text === "string" ? new TextEncoder().encode(text) : text;
  const run: Run = { code: -1, stdout: "", stderr: "", written: {} };
  run.code = await main(args, {
    readFile: (path) => {
      if (!Object.hasOwn(files, path)) return Promise.reject(new Deno.errors.NotFound("No such file"));
      return Promise.resolve(bytes(files[path]));
    },
    writeFile: (path, text) => {
      if (path.startsWith("missing/")) return Promise.reject(new Deno.errors.NotFound("No such directory"));
      run.written[path] = text;
      return Promise.resolve();
    },
    readStdin: () => Promise.resolve(bytes(stdin)),
    writeStdout: (text) => run.stdout += text,
    writeStderr: (text) => run.stderr += text,
  });
  return run;
}

/** Runs the script `code` on the JSON `input`. */
function runScript(code: string, input?: string, ...options: string[]): Promise<Run> {
  const files = { "s.lua": code, "in.json": input ?? "" };
  return cu(["run", "s.lua", ...(input === undefined ? [] : ["--input", "in.json"]), ...options], files);
}

async function assertWrongUse(args: string[], message: string, files?: Record<string, string | Uint8Array>) {
  const run = await cu(args, { "s.lua": "print('ran')", ...files });
  assertStringIncludes(run.stderr, message);
  assertEquals({ code: run.code, stdout: run.stdout, written: run.written }, { code: 2, stdout: "", written: {} });
}

Deno.test("run writes _io.output as one line of JSON to stdout", async () => {
  const run = await runScript("_io.output = { n = #_io.input, first = _io.input[1].a }", '[{"a": "ä"}, 2]');
  assertEquals(run, { code: 0, stdout: '{"first":"ä","n":2}\n', stderr: "", written: {} });
});

Deno.test("run writes what the script returns if _io.output is nil, and null if that is nil too", async () => {
  assertEquals((await runScript("return { 1, 'two' }")).stdout, '[1,"two"]\n');
  assertEquals((await runScript("_io.output = false; return 1")).stdout, "false\n");
  assertEquals((await runScript("_io.output = { 1 }; return 2")).stdout, "[1]\n");
  assertEquals((await runScript("local x = 1")).stdout, "null\n");
});

Deno.test("run without --input leaves _io.input nil", async () => {
  assertEquals((await runScript("return type(_io.input)")).stdout, '"nil"\n');
});

Deno.test("a script may wait, and has its input and output as another", async () => {
  const script = `
    local task = require "task"
    local input = _io.input
    task.all(function() task.sleep(0) input[1] = input[1] + 1 end, function() task.sleep(0) input[2] = 5 end)
    _io.output = { input, _io.meta.unit }`;
  assertEquals((await runScript(script, "[1]", "--meta", "unit=km")).stdout, '[[2,5],"km"]\n');
  const failed = await runScript("require('task').sleep(0)\nerror('late')");
  assertEquals([failed.code, failed.stderr.split("\n").slice(0, 2)], [1, ["s.lua:2: late", "    error('late')"]]);
});

Deno.test("--output takes the result, and stdout what the script prints", async () => {
  const run = await runScript("print('hello', 1); _io.output = { 1 }", undefined, "--output", "out.json");
  assertEquals(run, { code: 0, stdout: "hello\t1\n", stderr: "", written: { "out.json": "[1]\n" } });
});

Deno.test("without --output, or with - for it, what the script prints goes to stderr", async () => {
  const expected = { code: 0, stdout: "[1]\n", stderr: "hello\n", written: {} };
  assertEquals(await runScript("print('hello'); return { 1 }"), expected);
  assertEquals(await runScript("print('hello'); return { 1 }", undefined, "--output", "-"), expected);
});

Deno.test("--output that can't be written is wrong use", async () => {
  const run = await runScript("return 1", undefined, "--output", "missing/out.json");
  assertEquals([run.code, run.stderr], [2, "cu: Cannot write missing/out.json: No such directory\n"]);
});

Deno.test("stdout that can't be written is wrong use, whichever command writes it", async () => {
  const directory = await Deno.makeTempDir();
  const state = ["--state", `${directory}/a.db`];
  assertEquals((await cu(["state", "set", "a", "1", ...state])).code, 0);
  const commands = ["--help", "--version", "types", "types --output types", "run s.lua", "state list", "state get"];
  for (const command of commands) {
    const args = [...command.split(" "), ...(command.startsWith("state") ? state : [])];
    let stderr = "";
    const code = await main(args, {
      readFile: () => Promise.resolve(new Uint8Array()),
      writeFile: () => Promise.resolve(),
      readStdin: () => Promise.resolve(new Uint8Array()),
      writeStdout: () => {
        throw new Deno.errors.BrokenPipe("Broken pipe");
      },
      writeStderr: (text) => stderr += text,
    });
    assertEquals([code, stderr], [2, "cu: Cannot write stdout: Broken pipe\n"], command);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("all is written, once, to a pipe that is full at times, and doesn't block", () => {
  const written: number[] = [];
  let calls = 0;
  const pipe = {
    // As Deno.stdout: of more than a pipe takes as a whole, and of what follows a line's end, a part is written
    // nevertheless.
    writeSync(bytes: Uint8Array): number {
      const end = bytes.lastIndexOf(10) + 1;
      const isWhole = bytes.length <= 4096 && (end === 0 || end === bytes.length);
      if (!isWhole) written.push(...bytes.subarray(0, 100));
      if (++calls % 2 === 0 || !isWhole) throw new Deno.errors.WouldBlock("Resource temporarily unavailable");
      written.push(...bytes);
      return bytes.length;
    },
  };
  const text = Array.from({ length: 60 }, (_, i) => `${"x".repeat(i * i * 3)}\n`).join("");
  writeAll(pipe, text);
  assertEquals(new TextDecoder().decode(new Uint8Array(written)), text);
});

Deno.test("--output is not written when the script fails", async () => {
  const run = await runScript("_io.output = 1; error('no')", undefined, "--output", "out.json");
  assertEquals([run.code, run.written], [1, {}]);
});

Deno.test("--meta sets fields of _io.meta to strings", async () => {
  const run = await runScript("return _io.meta", undefined, "--meta", "a=1", "--meta=b=x=y", "--meta", "__proto__=");
  assertEquals(run.stdout, '{"a":"1","b":"x=y","__proto__":""}\n');
  assertEquals((await runScript("return _io.meta.verbose == nil")).stdout, "true\n");
});

Deno.test("- reads the script or the input from stdin", async () => {
  assertEquals((await cu(["run", "-"], {}, "return 6 * 7")).stdout, "42\n");
  const files = { "s.lua": "return _io.input.a" };
  assertEquals((await cu(["run", "s.lua", "--input", "-"], files, '{"a": 5}')).stdout, "5\n");
  assertEquals((await cu(["run", "s.lua", "--input=-"], files, '{"a": 5}')).stdout, "5\n");
});

Deno.test("--help prints the usage, --version the version", async () => {
  for (const args of [["--help"], ["-h"], ["run", "--help"]]) {
    const help = await cu(args);
    assertEquals([help.code, help.stderr], [0, ""]);
    for (const option of ["--input", "--output", "--meta", "--memory-limit", "--time-limit", "--version"]) {
      assertStringIncludes(help.stdout, option);
    }
  }
  const version = await cu(["--version"]);
  assertEquals(version, { code: 0, stdout: `cu ${config.version}\n`, stderr: "", written: {} });
});

Deno.test("wrong use ends with 2 and says what is wrong, before anything runs", async () => {
  await assertWrongUse([], "No command given");
  await assertWrongUse(["walk"], "Unknown command walk");
  await assertWrongUse(["run"], "No script given");
  await assertWrongUse(["run", "s.lua", "t.lua"], "Unexpected argument t.lua");
  await assertWrongUse(["run", "s.lua", "--fast"], "Unknown option --fast");
  await assertWrongUse(["run", "s.lua", "--no-input"], "Unknown option --no-input");
  await assertWrongUse(["run", "s.lua", "--input.x=1"], "Unknown option --input.x=1");
  await assertWrongUse(["run", "s.lua", "-x"], "Unknown option -x");
  await assertWrongUse(["run", "--_=1"], "Unknown option --_=1");
  await assertWrongUse(["run", "s.lua", "--timelimit", "5s"], "Unknown option --timelimit; did you mean --time-limit?");
  await assertWrongUse(["run", "s.lua", "--ouput=x"], "Unknown option --ouput=x; did you mean --output?");
  await assertWrongUse(["run", "s.lua", "--input"], "--input needs a value");
  await assertWrongUse(["run", "s.lua", "--input", ""], "--input needs a value");
  await assertWrongUse(["run", "--time-zone", "", "s.lua"], "--time-zone needs a value");
  await assertWrongUse(["run", "s.lua", "--input", "a", "--input", "b"], "--input is given twice");
  await assertWrongUse(["run", "-", "--input", "-"], "cannot both come from stdin");
  await assertWrongUse(["run", "s.lua", "--meta", "a"], '--meta needs KEY=VALUE, not "a"');
  await assertWrongUse(["run", "s.lua", "--meta", "=a"], '--meta needs KEY=VALUE, not "=a"');
  await assertWrongUse(["run", "s.lua", "--meta", "a=1", "--meta", "a=2"], "--meta a is given twice");
  await assertWrongUse(["run", "none.lua"], "Cannot read none.lua: No such file");
  await assertWrongUse(["run", "1e3"], "Cannot read 1e3: No such file");
  await assertWrongUse(["run", "s.lua", "--input", "none.json"], "Cannot read none.json: No such file");
});

Deno.test("limits need a number with a unit, within what a unit can have", async () => {
  for (const size of ["64", "MB", "64XB", "-1MB", "1e3MB", "64s"]) {
    await assertWrongUse(["run", "s.lua", `--memory-limit=${size}`], `not "${size}"`);
  }
  for (const time of ["5", "s", "5h", "-1s", "5MB"]) {
    await assertWrongUse(["run", "s.lua", `--time-limit=${time}`], `not "${time}"`);
  }
  await assertWrongUse(
    ["run", "s.lua", "--memory-limit", "1KB"],
    "memoryLimit must be from 1048576 to 4294967296 bytes, is 1024",
  );
  await assertWrongUse(["run", "s.lua", "--time-limit", "0s"], "timeLimit must be a positive number");
  for (const size of ["16777216B", "16384KB", "16384KiB", "16MB", "16mb", "16MiB", "0.5GB", "1GiB"]) {
    assertEquals((await runScript("return 1", undefined, "--memory-limit", size)).code, 0, size);
  }
  for (const time of ["900ms", "2.5s", "2 s", "1m"]) {
    assertEquals((await runScript("return 1", undefined, "--time-limit", time)).code, 0, time);
  }
});

Deno.test("--memory-limit counts in 1024s", async () => {
  // A unit has at least 1024 * 1024 bytes.
  for (const size of ["1048576B", "1024KB", "1MB"]) {
    assertEquals((await runScript("return 1", undefined, "--memory-limit", size)).code, 0, size);
  }
  for (const size of ["1048575B", "1023KB", "0.999MB"]) {
    assertEquals((await runScript("return 1", undefined, "--memory-limit", size)).code, 2, size);
  }
});

Deno.test("a script that exceeds its memory ends with 1", async () => {
  const code = "local t = {}\nwhile true do t[#t + 1] = ('x'):rep(1000) .. #t end";
  const run = await runScript(code, undefined, "--memory-limit", "4MB");
  assertEquals(run.code, 1);
  assertStringIncludes(run.stderr, "not enough memory");
});

Deno.test("a script that loops forever is stopped by --time-limit, even inside pcall", async () => {
  const code = "while true do\n  pcall(function() while true do end end)\nend";
  const run = await runScript(code, undefined, "--time-limit", "100ms");
  assertEquals(run.code, 1);
  assert(run.stderr.startsWith("s.lua:2: time limit of 100 ms exceeded\n"), run.stderr);
});

Deno.test("a runtime error shows file, line, source line and traceback", async () => {
  const run = await runScript("local function f(t)\n\treturn t.a.b\nend\nf({})");
  assertEquals(run.code, 1);
  assertEquals(run.stdout, "");
  assertEquals(
    run.stderr,
    "s.lua:2: attempt to index a nil value (field 'a')\n" +
      "    return t.a.b\n" +
      "stack traceback:\n" +
      "\ts.lua:2: in local 'f'\n" +
      "\ts.lua:4: in main chunk\n",
  );
});

Deno.test("a syntax error shows file, line and source line", async () => {
  const run = await runScript("local a = 1\r\nlocal b = = 2\r\n");
  assertEquals([run.code, run.stderr], [1, "s.lua:2: unexpected symbol near '='\n    local b = = 2\n"]);
});

Deno.test("an error object is shown as JSON, at the line that raised it", async () => {
  const run = await runScript("\nerror({ code = 3 })");
  assert(
    run.stderr.startsWith('s.lua:2: error object is a table value: {"code":3}\n    error({ code = 3 })\n'),
    run.stderr,
  );
});

Deno.test("an error object that is long as JSON isn't shown", async () => {
  for (const code of ["local t = {} for i = 1, 40 do t = { t, t } end", "local t = { ('x'):rep(3000) }"]) {
    const run = await runScript(`${code} error(t)`);
    assert(run.stderr.startsWith(`s.lua:1: error object is a table value\n    ${code}`), run.stderr);
  }
});

Deno.test("an error in code that the script loads names that code", async () => {
  const run = await runScript("load('\\nerror(\"x\")', 'inner')()");
  assert(run.stderr.startsWith('[string "inner"]:2: x\nstack traceback:\n'), run.stderr);
});

Deno.test("an error in a script with a long path still shows path and source line", async () => {
  const path = `${"directory/".repeat(20)}s.lua`;
  const run = await cu(["run", path], { [path]: "error('x')" });
  assert(run.stderr.startsWith(`${path}:1: x\n    error('x')\n`), run.stderr);
});

Deno.test("a first line that begins with # is skipped, and lines keep their number", async () => {
  assertEquals((await runScript("#!/usr/bin/env cu\nreturn 1")).stdout, "1\n");
  assertEquals((await runScript("\uFEFF#!/usr/bin/env cu\nreturn 1")).stdout, "1\n");
  assertEquals((await runScript("\uFEFFreturn 1")).stdout, "1\n");
  assertEquals((await runScript("#!/usr/bin/env cu")).stdout, "null\n");
  const run = await runScript("#!/usr/bin/env cu\nerror('x')");
  assert(run.stderr.startsWith("s.lua:2: x\n    error('x')\n"), run.stderr);
});

Deno.test("a script's file may have any name", async () => {
  const run = (code: string) => cu(["run", "a\nb.lua"], { "a\nb.lua": code });
  assertEquals((await run("return 1")).stdout, "1\n");
  const { code, stderr } = await run("error('x')");
  assertEquals([code, stderr.split("\n")[0]], [1, String.raw`"a\nb.lua":1: x`]);
});

Deno.test("a script may have any bytes in its strings", async () => {
  const script = new Uint8Array([
    ...new TextEncoder().encode("return #'"),
    0xff,
    0x80,
    ...new TextEncoder().encode("'"),
  ]);
  assertEquals((await cu(["run", "s.lua"], { "s.lua": script })).stdout, "2\n");
});

Deno.test("integers keep all their digits, in and out", async () => {
  const numbers = "[9007199254740993,-9007199254740993,9223372036854775807,-9223372036854775808,0]";
  assertEquals((await runScript("return _io.input", numbers)).stdout, `${numbers}\n`);
  assertEquals((await runScript("return _io.input[1] - 1", numbers)).stdout, "9007199254740992\n");
  assertEquals((await runScript("return math.type(_io.input[1])", numbers)).stdout, '"integer"\n');
});

Deno.test("other numbers are floats and keep their value, in and out", async () => {
  const numbers = "[0.1,-0,1e+100,0.30000000000000004,5e-324,1.7976931348623157e+308]";
  assertEquals((await runScript("return _io.input", numbers)).stdout, `${numbers}\n`);
  const large = "[9.007199254740992e+15,-9.223372036854776e+18,1.2345678901234567e+20,1e+21,-1e+21]";
  for (const code of ["return _io.input", "_io.output = _io.input"]) {
    assertEquals((await runScript(code, large)).stdout, `${large}\n`);
  }
});

Deno.test("numbers that no Lua number can hold are wrong use", async () => {
  for (
    const [json, message] of [
      ['{"a": [1, 9223372036854775808]}', "9223372036854775808 is beyond 64 bits (at input.a[1])"],
      ["-9223372036854775809", "-9223372036854775809 is beyond 64 bits (at input)"],
      ["[1e400]", "Cannot parse in.json: 1e400 is beyond a 64-bit float"],
      [`[-${"9".repeat(400)}.5]`, "is beyond a 64-bit float"],
    ]
  ) {
    await assertWrongUse(["run", "s.lua", "--input", "in.json"], message, { "in.json": json });
  }
});

Deno.test("an integer beyond 64 bits is found in a large input, too, whether the script reads it or not", async () => {
  const rows = Array.from({ length: 50_000 }, (_, id) => ({ id, tags: [id] }));
  const json = `${JSON.stringify(rows).slice(0, -1)},{"id":9223372036854775808}]`;
  const options = ["run", "s.lua", "--input", "in.json", "--memory-limit", "24MB"];
  await assertWrongUse(options, "9223372036854775808 is beyond 64 bits (at input[50000].id)", { "in.json": json });
  const exact = json.replace("9223372036854775808", "9223372036854775807");
  const run = await cu(options, { "s.lua": "return _io.input[#_io.input].id", "in.json": exact });
  assertEquals([run.code, run.stdout], [0, "9223372036854775807\n"]);
});

Deno.test("digits in strings and keys are left as they are", async () => {
  const json = '{"12345678901234567890":"12345678901234567890","x":"1e400"}';
  assertEquals((await runScript("return _io.input", json)).stdout, `${json}\n`);
});

Deno.test("invalid JSON is wrong use, with line, column and source line", async () => {
  for (
    const [json, message] of [
      ['{"a": 1,\n  "b": }', `Unexpected token '}' at line 2, column 8\n    "b": }\n`],
      ['{\n"a": [1, 2\n', "Expected ',' or ']' after array element at line 3, column 1\n"],
      ["", "Unexpected end of JSON input at line 1, column 1\n"],
      ["[1, tru]", "Unexpected token ']' at line 1, column 8\n    [1, tru]\n"],
      ["undefined", `Unexpected token 'u' at line 1, column 1\n    undefined\n`],
      ["[1,2]\n]", "Unexpected non-whitespace character after JSON at line 2, column 1\n    ]\n"],
      ['["a\nb"]', `Bad control character in string literal at line 1, column 4\n    ["a\n`],
      [`["${"x".repeat(5000)}", oops, "y"]`, "Unexpected token 'o' at line 1, column 5006\n    x"],
    ]
  ) {
    await assertWrongUse(["run", "s.lua", "--input", "in.json"], `cu: Cannot parse in.json: ${message}`, {
      "in.json": json,
    });
  }
});

Deno.test("NDJSON is told as that", async () => {
  const told =
    "more than one JSON value; is it NDJSON? cu reads one: make an array of the lines, by { echo [; paste -sd, ";
  const input = ["run", "s.lua", "--input", "in.json"];
  for (const [json, line] of [['{"a":1}\n{"a":2}\n', 2], ['{\n"a": 1}\r\n\n[2]\r\n3', 4], ["1\n2", 2]] as const) {
    await assertWrongUse(input, `cu: in.json:${line}: ${told}`, { "in.json": json });
  }
  // Two values in one line are a mistake in it.
  await assertWrongUse(input, "non-whitespace character after JSON at line 1", { "in.json": "[1] [2]" });
  const run = await cu(["run", "s.lua", "--input", "-"], { "s.lua": "" }, "1\n2\n");
  assertEquals([run.code, run.stderr], [2, `cu: stdin:2: ${told}-; echo ]; }\n`]);
});

Deno.test(
  "an array of NDJSON's lines, as cu says to make it, has each value as it was",
  { ignore: !hasPaste },
  async () => {
    const directory = await Deno.makeTempDir();
    const lines = '{"id":9007199254740993,"n":1.0}\n{"id":-9223372036854775808}\n';
    await Deno.writeTextFile(`${directory}/rows.ndjson`, lines);
    const sh = new Deno.Command("sh", { args: ["-c", "{ echo [; paste -sd, rows.ndjson; echo ]; }"], cwd: directory });
    const array = new TextDecoder().decode((await sh.output()).stdout);
    await Deno.remove(directory, { recursive: true });
    assertEquals(
      (await runScript("return _io.input", array)).stdout,
      '[{"id":9007199254740993,"n":1},{"id":-9223372036854775808}]\n',
    );
  },
);

Deno.test("what a script returns is written as its output is", async () => {
  for (
    const value of [
      "_io.map({ a = 1, b = _io.map({}) })",
      "{ _io.map({ a = { -0.0, 1 << 60, _io.date(0), 'x\\n' }, ['10'] = 1, ['9'] = 2, ['\\0'] = {} }) }",
      "{ [1] = 1, [3] = 1 << 60, x = _io.array({ 1, nil, 3 }) }",
      "{ 2.0 ^ 53 - 1, 2.0 ^ 53, -2.0 ^ 60, { 1e17 }, 123456789012345680.0, 2.0 ^ 63, 1e21, 2.0 ^ 53 + 2 }",
    ]
  ) {
    const returned = await runScript(`return ${value}`);
    assertEquals(returned, await runScript(`_io.output = ${value}`));
    assertEquals(returned.code, 0, returned.stderr);
  }
  for (const value of ["_io.map({ 1 })", "{ [true] = 1 }"]) {
    assertEquals([(await runScript(`return ${value}`)).code, (await runScript(`_io.output = ${value}`)).code], [1, 1]);
  }
});

Deno.test("an invalid token is found wherever it is", async () => {
  const json = JSON.stringify([{ a: "x", b: [1.5, true, null] }, "é\u{1F600}", { c: {} }], null, 1);
  for (let i = 0; i <= json.length; i++) {
    // A "%" is invalid everywhere but inside a string, where a control character is.
    const broken = json.slice(0, i) + "%\u0001" + json.slice(i);
    const run = await runScript("return 1", broken);
    const [, line, column] = /at line (\d+), column (\d+)/.exec(run.stderr)!.map(Number);
    const index = broken.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0) + column - 1;
    assert(index === i || index === i + 1, `inserted at ${i}, reported at ${index}: ${run.stderr}`);
  }
});

Deno.test("input that can't be passed is wrong use", async () => {
  const input = ["run", "s.lua", "--input", "in.json"];
  await assertWrongUse(input, "it is not UTF-8", { "in.json": new Uint8Array([0x22, 0xff, 0x22]) });
  await assertWrongUse(input, "lone surrogate", { "in.json": '{"a": "\\ud800"}' });
  await assertWrongUse(input, "cu: ", { "in.json": "[".repeat(5000) + "]".repeat(5000) });
  await assertWrongUse(input, "cu: ", { "in.json": "[".repeat(50_000) + "1e100" + "]".repeat(50_000) });
});

Deno.test("--time-zone is the zone of os.date and os.time", async () => {
  const code = "return os.date('%H:%M', 0)";
  assertEquals((await runScript(code)).stdout, '"00:00"\n');
  assertEquals((await runScript(code, undefined, "--time-zone", "Asia/Kolkata")).stdout, '"05:30"\n');
  await assertWrongUse(["run", "s.lua", "--time-zone", "Mars/Olympus"], "timeZone must be");
});

Deno.test("hostile keys cross unharmed", async () => {
  const json = '{"":1,"__index":5,"__proto__":{"a":1},"constructor":3,"toJSON":4}';
  assertEquals(JSON.parse((await runScript("return _io.input", json)).stdout), JSON.parse(json));
});

Deno.test("a result that JSON lacks ends with 1 and names its place", async () => {
  for (
    const [code, message] of [
      ["return 0/0", "NaN is no JSON number (at result)"],
      ["_io.output = { rows = { 1, { x = -1/0 } } }", "-Infinity is no JSON number (at output.rows[2].x)"],
      ["return { ['a b'] = '\\xff' }", 'Uint8Array has no counterpart (at result["a b"])'],
      ["return _io.bytes('ab')", "Uint8Array has no counterpart (at result)"],
      ["return { d = _io.date(0/0) }", "Date has no counterpart (at result.d)"],
      ["_io.output = { d = _io.date(0/0) }", "an invalid date has no counterpart in JSON (at output.d)"],
      ["_io.output = { _io.bytes('ab') }", "bytes have no counterpart in JSON (at output[1])"],
      ["return { { [true] = 1 } }", "keys that are neither text nor integers, has no counterpart (at result[0])"],
      ["local t = {}; t.a = { t }; return t", "a table contains itself (at result.a[0])"],
      ["return print", "functions cannot be passed (at result)"],
      ["_io.output = { f = print }", "functions cannot be passed (at output.f)"],
    ]
  ) {
    const run = await runScript(code, undefined, "--output", "out.json");
    assertEquals([run.code, run.stdout, run.written], [1, "", {}], code);
    assert(run.stderr.startsWith("s.lua: "), run.stderr);
    assertStringIncludes(run.stderr, message);
  }
});

Deno.test("a table in two places is written twice", async () => {
  assertEquals((await runScript("local t = { 1 }; return { t, t }")).stdout, "[[1],[1]]\n");
});

Deno.test("a result that sharing makes too long to write ends with 1", async () => {
  const run = await runScript("local t = { 1 } for i = 1, 60 do t = { t, t } end return t");
  assertEquals([run.code, run.stdout], [1, ""]);
  assertStringIncludes(run.stderr, "it would be longer than 268435456 characters (at result[0][0]");
});

Deno.test("an empty table is {}, an empty _io.array []", async () => {
  assertEquals((await runScript("return { a = {}, b = _io.array({}) }")).stdout, '{"a":{},"b":[]}\n');
  assertEquals((await runScript("return _io.input", "[[],{},[null,1]]")).stdout, "[[],{},[null,1]]\n");
});

/** Runs the command as users do. */
async function spawn(permissions: string[], args: string[], stdin = "") {
  const usesNpm = import.meta.resolve("@std/cli/parse-args").includes("deno-std");
  const map = new URL("../../tools/npm_import_map.json", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--quiet",
      ...(usesNpm ? ["--import-map", map.href] : []),
      ...permissions,
      new URL("../../src/cli/main.ts", import.meta.url).href,
      ...args,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("as a process, a script from stdin needs no permission", async () => {
  const run = await spawn([], ["run", "-"], "print('hello') return { answer = 42 }");
  assertEquals(run, { code: 0, stdout: '{"answer":42}\n', stderr: "hello\n" });
});

Deno.test("as a process, it reads and writes large files", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const rows = Array.from({ length: 20_000 }, (_, i) => ({ id: i, name: `row ${i} ä` }));
    await Deno.writeTextFile(`${directory}/s.lua`, "_io.output = _io.input; print(#_io.input)");
    await Deno.writeTextFile(`${directory}/in.json`, JSON.stringify(rows));
    const permissions = [`--allow-read=${directory}`, `--allow-write=${directory}`];
    const args = ["run", `${directory}/s.lua`, "--input", `${directory}/in.json`];
    const toFile = await spawn(permissions, [...args, "--output", `${directory}/out.json`]);
    assertEquals(toFile, { code: 0, stdout: "20000\n", stderr: "" });
    assertEquals(JSON.parse(await Deno.readTextFile(`${directory}/out.json`)), rows);
    const toStdout = await spawn(permissions, args);
    assertEquals([toStdout.code, toStdout.stderr], [0, "20000\n"]);
    assertEquals(JSON.parse(toStdout.stdout), rows);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("as a process, a failing script ends with 1 and tells where", async () => {
  const run = await spawn([], ["run", "-"], "\nlocal x = nil + 1");
  assertEquals([run.code, run.stdout], [1, ""]);
  assert(
    run.stderr.startsWith("stdin:2: attempt to perform arithmetic on a nil value\n    local x = nil + 1\n"),
    run.stderr,
  );
});

Deno.test("as a process, an endless script is stopped by --time-limit", async () => {
  const run = await spawn([], ["run", "-", "--time-limit", "200ms"], "while true do end");
  assertEquals([run.code, run.stdout], [1, ""]);
  assertStringIncludes(run.stderr, "time limit of 200 ms exceeded");
});

Deno.test("as a process, wrong use ends with 2", async () => {
  const missing = await spawn(["--allow-read"], ["run", "no-such-script.lua"]);
  assertEquals([missing.code, missing.stdout], [2, ""]);
  assert(missing.stderr.startsWith("cu: Cannot read no-such-script.lua: No such file"), missing.stderr);
  const denied = await spawn([], ["run", "no-such-script.lua"]);
  assertEquals(denied.code, 2);
  assertStringIncludes(denied.stderr, "--allow-read");
  assertEquals((await spawn([], ["run", "-", "--input", "-"])).code, 2);
});

Deno.test("types prints the definitions of the globals, or writes them into a file", async () => {
  const printed = await cu(["types"]);
  assertEquals([printed.code, printed.stderr, printed.written], [0, "", {}]);
  assert(printed.stdout.startsWith("---@meta _\n"));
  assertStringIncludes(printed.stdout, "function _io.array(t, n) end\n");
  const written = await cu(["types", "--output", "types/x.lua"]);
  assertEquals(written, { code: 0, stdout: "", stderr: "", written: { "types/x.lua": printed.stdout } });
});

Deno.test("types --output DIR writes a file for the globals and for each module, and says what to set", async () => {
  for (const directory of ["types", "types/"]) {
    const run = await cu(["types", "--output", directory]);
    assertEquals([run.code, run.stderr], [0, ""]);
    assertEquals(Object.keys(run.written), ["types/cu.lua", "types/json.lua", "types/task.lua"]);
    const [first, ...settings] = run.stdout.split("\n");
    assertEquals(first, `Wrote cu.lua, json.lua, task.lua into ${directory}. In .luarc.json:`);
    const { "runtime.builtin": builtin, "workspace.library": library } = JSON.parse(settings.join("\n"));
    assertEquals(library, [directory]);
    assertEquals([builtin.io, builtin.basic, builtin.builtin], ["disable", "disable", undefined]);
  }
});

Deno.test("types is used wrongly with other options and arguments, and says where it can't write", async () => {
  await assertWrongUse(["types", "x"], "Unexpected argument x");
  await assertWrongUse(["types", "--input", "x"], "--input is no option of cu types");
  await assertWrongUse(["types", "--output", "a", "--output", "b"], "--output is given twice");
  await assertWrongUse(["types", "--output="], "--output needs a value");
  await assertWrongUse(["types", "--output", "missing/types"], "Cannot write missing/types/cu.lua: No such directory");
});
