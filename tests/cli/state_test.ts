// `cu run --state` and `cu state`.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { ComputeUnit, openHome } from "@computeunit/cu";
import { MemoryStore } from "@computeunit/cu/stores/memory";
import { SqliteStore } from "@computeunit/cu/stores/sqlite";
import { main } from "../../src/cli/main.ts";
import { readJson, writeJson } from "../../src/cli/state_json.ts";
import { pathOf, run } from "../../tools/run.ts";
import { RUNS_FACTOR, SEED } from "../helpers/property.ts";
import { assertSame, picture, RandomChanges, stateOf } from "../helpers/states.ts";
import { makeNamedPlace } from "../helpers/store_places.ts";
import { STORE_KINDS } from "../helpers/stores.ts";

const COUNT = "_home.runs = (_home.runs or 0) + 1 return _home.runs";

interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command in this process. */
async function cu(args: string[], stdin = ""): Promise<Run> {
  const ran: Run = { code: -1, stdout: "", stderr: "" };
  ran.code = await main(args, {
    readFile: (path) => Deno.readFile(path),
    writeFile: (path, text) => Deno.writeTextFile(path, text),
    readStdin: () => Promise.resolve(new TextEncoder().encode(stdin)),
    writeStdout: (text) => ran.stdout += text,
    writeStderr: (text) => ran.stderr += text,
  });
  return ran;
}

async function withFile(use: (file: string, dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await use(`${dir}/state.db`, dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const ok = (stdout: string): Run => ({ code: 0, stdout, stderr: "" });

Deno.test("run --state has in _home what the last run has left there", async () => {
  await withFile(async (file) => {
    for (let i = 1; i <= 3; i++) assertEquals(await cu(["run", "-", "--state", file], COUNT), ok(`${i}\n`));
    const other = ["run", "-", "--state", file, "--state-name", "other/1"];
    assertEquals(await cu(other, COUNT), ok("1\n"));
    assertEquals(await cu(["run", "-"], COUNT), ok("1\n"));
    assertEquals(await cu(["state", "list", "--state", file]), ok('["main","other/1"]\n'));
  });
});

Deno.test("run --state saves nothing of a script that fails, or whose result is no JSON", async () => {
  await withFile(async (file) => {
    await cu(["run", "-", "--state", file], COUNT);
    for (const code of ["_home.runs = 10 error('no')", "_home.runs = 10 return 0/0"]) {
      assertEquals((await cu(["run", "-", "--state", file], code)).code, 1);
    }
    assertEquals(await cu(["run", "-", "--state", file], COUNT), ok("2\n"));
  });
});

Deno.test("run --state writes no result where the state was saved elsewhere meanwhile", async () => {
  await withFile(async (file, dir) => {
    const output = `${dir}/out.json`;
    const ran: string[] = [];
    const code = await main(["run", "-", "--state", file, "--output", output], {
      readFile: Deno.readFile,
      writeFile: Deno.writeTextFile,
      readStdin: () => Promise.resolve(new TextEncoder().encode("print('hello') " + COUNT)),
      // As another process could, while this one runs its script.
      writeStdout: () => {
        const other = new Deno.Command(Deno.execPath(), { args: [...OTHER, file], stdout: "null", stderr: "inherit" });
        assert(other.outputSync().success);
      },
      writeStderr: (text) => ran.push(text),
    });
    assertEquals(code, 1);
    assertStringIncludes(ran.join(""), 'Cannot save state "main": it was saved elsewhere since it was loaded');
    assertEquals(await Deno.stat(output).catch(() => undefined), undefined);
  });
});

const OTHER = ["run", "-A", "--no-check", pathOf(new URL("save_other.ts", import.meta.url))];

const MAIN = pathOf(new URL("../../src/cli/main.ts", import.meta.url));
const TOOL = pathOf(new URL("../../tools/deno.ts", import.meta.url));

for (
  const { name, isMissing } of STORE_KINDS.filter(({ name }) => /^(Sqlite|Kv|Postgres)Store\b(?! over)/.test(name))
) {
  Deno.test({
    name: `a script counts its own runs over three processes, in ${name}`,
    ignore: isMissing,
    fn: async () => {
      await using place = await makeNamedPlace(name.split(",")[0]);
      const script = await Deno.makeTempFile({ suffix: ".lua" });
      await Deno.writeTextFile(script, COUNT);
      const prefix = name.startsWith("Kv") ? "kv:" : name.startsWith("Postgres") ? "postgres:" : "";
      const command = [
        "run",
        "-A",
        "--no-check",
        TOOL,
        "run",
        "-A",
        "--no-check",
        "--unstable-kv",
        MAIN,
        "run",
        script,
      ];
      const counts: string[] = [];
      for (let i = 0; i < 3; i++) {
        const { stdout, stderr } = await run(Deno.execPath(), [...command, "--state", prefix + place.name]);
        counts.push(stdout || stderr);
      }
      assertEquals(counts, ["1", "2", "3"]);
      await Deno.remove(script);
    },
  });
}

Deno.test("state get, set and delete take keys, and JSON", async () => {
  await withFile(async (file) => {
    const state = (command: string, ...args: string[]) => cu(["state", command, ...args, "--state", file]);
    assertEquals(await state("set", "cart", '{"items":["tea",{"n":2}],"total":1.50}'), ok(""));
    assertEquals(await state("set", "cart", "items", "[3]", "9007199254740993"), ok(""));
    assertEquals(await state("get", "cart", "items", "[3]"), ok("9007199254740993\n"));
    assertEquals(await state("get", "cart", "items", "[2]", "n"), ok("2\n"));
    assertEquals(
      await state("get"),
      ok(`{
  "cart": {
    "items": [
      "tea",
      {
        "n": 2
      },
      9007199254740993
    ],
    "total": 1.5
  }
}
`),
    );
    assertEquals(await state("delete", "cart", "items", "[2]"), ok(""));
    assertEquals(
      await cu(["run", "-", "--state", file], "return { #_home.cart.items, _home.cart.items[1] }"),
      ok('[3,"tea"]\n'),
    );
    const missing = await state("get", "cart", "none", "more");
    assertEquals(missing, { code: 1, stdout: "", stderr: 'cu: There is no value at "cart" "none"\n' });
    assertEquals((await state("set", "none", "more", "1")).stderr, 'cu: There is no value at "none"\n');
    assertEquals(
      (await state("set", "cart", "total", "more", "1")).stderr,
      'cu: There is no table at "cart" "total"\n',
    );
    assertEquals((await state("delete", "none")).code, 1);
    assertEquals(await state("delete"), ok(""));
    assertEquals((await state("get")).stderr, 'cu: There is no state "main"\n');
    assertEquals(await state("list"), ok("[]\n"));
  });
});

Deno.test("a negative number is a value, or a key, and no option", async () => {
  await withFile(async (file) => {
    for (const number of ["-5", "-0.5", "-1e3", "-9223372036854775808"]) {
      assertEquals(await cu(["state", "set", "-1", number, "--state", file]), ok(""));
      const { stdout } = await cu(["state", "get", "--state", file, "-1"]);
      assertEquals(Number(stdout), Number(number));
    }
    assertEquals((await cu(["state", "set", "n", "-5", "--state", file, "--state-name", "-2"])).code, 0);
    assertEquals(await cu(["state", "list", "--state", file]), ok('["-2","main"]\n'));
    assertStringIncludes((await cu(["state", "get", "-n", "--state", file])).stderr, "Unknown option -n");
  });
});

Deno.test("state export and import give the same state again", async () => {
  await withFile(async (file, dir) => {
    const script = `
      local shared = { 1 }
      _home.values = { 1, 2.0, 0.1, -0.0, 1e300, math.mininteger, 0/0, 1/0, "é", "\\xff", true, _io.null }
      _home.date, _home.map = _io.date(1500), _io.map({ [1] = "a", [true] = shared, [shared] = 1.0 })
      _home.array, _home.holes, _home.empty = _io.array({}), _io.array({ 1, nil, 3 }), {}
      _home.self, _home.shared, _home["$"] = _home, { shared, shared }, { ["$"] = 1, [2] = 3 }
      _home[1] = "one"`;
    assertEquals((await cu(["run", "-", "--state", file], script)).code, 0);
    const json = `${dir}/state.json`;
    assertEquals(await cu(["state", "export", "--state", file, "--output", json]), ok(""));
    const text = await Deno.readTextFile(json);
    assertEquals((await cu(["state", "import", "--state", file, "--state-name", "copy", "--input", json])).stderr, "");
    assertEquals(await cu(["state", "export", "--state", file, "--state-name", "copy"]), ok(text));
    const check = `
      local v = _home.values
      assert(math.type(v[1]) == "integer" and math.type(v[2]) == "float" and 1 / v[4] == -1/0 and v[5] == 1e300)
      assert(v[6] == math.mininteger and v[7] ~= v[7] and v[8] == 1/0 and v[10] == "\\xff" and v[12] == _io.null)
      assert(_home.date.ms == 1500 and rawequal(_home.self, _home) and rawequal(_home.shared[1], _home.shared[2]))
      assert(_home.map[_home.shared[1]] == 1.0 and _home["$"]["$"] == 1 and #_home.holes == 3 and _home[1] == "one")
      _io.output = { _home.array, _home.empty, _home.holes }`;
    const run = await cu(["run", "-", "--state", file, "--state-name", "copy"], check);
    assertEquals(run, ok("[[],{},[1,null,3]]\n"));
  });
});

Deno.test("random states are the same after JSON", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const home = await openHome(new MemoryStore(), "a");
      new RandomChanges(seed).make(home, 40);
      const text = writeJson(stateOf(home).home);
      const other = await openHome(new MemoryStore(), "b");
      const first = stateOf(other).nextId;
      readJson(text, stateOf(other), stateOf(other).home);
      assertEquals(writeJson(stateOf(other).home), text);
      // By the kinds that tables have then, the values are the same to the host, too.
      const third = await openHome(new MemoryStore(), "c");
      stateOf(third).nextId = first;
      readJson(writeJson(stateOf(other).home), stateOf(third), stateOf(third).home);
      assertSame(picture(third), picture(other));
    }),
    { numRuns: Math.ceil(40 * RUNS_FACTOR), seed: SEED },
  );
});

Deno.test("JSON that makes no sense is wrong use, and changes nothing", async () => {
  await withFile(async (file) => {
    await cu(["run", "-", "--state", file], COUNT);
    const wrong = [
      ["{", "Expected"],
      ["5", "it is no object"],
      ['"a"', "it is no object"],
      ['{"a": 1e400}', "1e400 is beyond all numbers"],
      ['{"a": 123456789012345678901}', "123456789012345678901 is beyond 64 bits"],
      ['{"a": "\\ud800"}', "lone surrogate"],
      ['{"a": {"$": "nothing"}}', '{"$":"nothing"} is nothing that the key "$" stands for'],
      ['{"a": {"$": "bytes", "base64": "?"}}', "is nothing that"],
      ['{"a": {"$": "bytes", "base64": "A"}}', "is nothing that"],
      ['{"a": {"$": "same", "table": 5}}', "is nothing that"],
      ['{"a": {"$": "map", "entries": [[1]]}}', "is nothing that"],
      ['{"a": {"$": "map", "entries": [[null, 1]]}}', "null cannot be a key"],
      ['{"a": {"$": "set", "members": 5}}', "is nothing that"],
      ['{"a": {"$": "typed", "kind": 99, "values": []}}', "is nothing that"],
      ['{"a": {"$": "typed", "kind": 12, "values": [1.5]}}', "is nothing that"],
      ['{"a": {"$": "date", "ms": "x"}}', "is nothing that"],
      ['{"a": {"$": "function", "name": 5}}', "is nothing that"],
      ['{"a": {"$": "table", "value": 5}}', "is nothing that"],
      ["[".repeat(1100) + "]".repeat(1100), "it nests deeper than 1000 levels"],
    ];
    for (const [json, message] of wrong) {
      const { code, stdout, stderr } = await cu(["state", "import", "--state", file], json);
      assertEquals([code, stdout], [2, ""], json);
      assertStringIncludes(stderr, message);
    }
    assertEquals(await cu(["run", "-", "--state", file], COUNT), ok("2\n"));
  });
});

Deno.test("state makes no file where it only looks, or deletes", async () => {
  await withFile(async (file, dir) => {
    const none: Run = { code: 1, stdout: "", stderr: 'cu: There is no state "main"\n' };
    for (const place of [file, `sqlite:${file}`, `${dir}/none/state.db`]) {
      assertEquals(await cu(["state", "list", "--state", place]), ok("[]\n"));
      for (const command of ["get", "delete", "export"]) {
        assertEquals(await cu(["state", command, "--state", place]), none, command);
      }
    }
    assertEquals(await Array.fromAsync(Deno.readDir(dir)), []);
    assertEquals(await cu(["state", "set", "a", "1", "--state", file]), ok(""));
    assertEquals(await cu(["state", "get", "a", "--state", file]), ok("1\n"));
  });
});

Deno.test("wrong use of state says what is right", async () => {
  await withFile(async (file, dir) => {
    const wrong: [string[], string][] = [
      [["state"], "cu state needs one of list, get, set, delete, export, import"],
      [["state", "show"], "cu state needs one of list, get, set, delete, export, import, not show"],
      [["state", "get"], "cu state needs --state FILE"],
      [["state", "set", "a", "--state", file], "cu state set needs keys and JSON"],
      [["state", "list", "a", "--state", file], "Unexpected argument a"],
      [["state", "get", "--state", file, "--output", "x"], "--output is no option of cu state get"],
      [["state", "list", "--state", file, "--input", "x"], "--input is no option of cu state list"],
      [["state", "set", "[]", "1", "--state", file], "Cannot parse the key []: "],
      [["state", "set", "[null]", "1", "--state", file], "Cannot parse the key [null]: null cannot be a key in Lua"],
      [["state", "set", '[{"$":"date","ms":0}]', "1", "--state", file], "a Date cannot be a key"],
      [["state", "get", "[", "--state", file], 'There is no state "main"'],
      [["run", "-", "--state-name", "a"], "--state-name needs --state"],
      [["run", "-", "--state", file, "--state-name", "x".repeat(901)], "--state-name must be text of up to 900"],
      [["run", "-", "--state", `${dir}/none/a.db`], `Cannot open the store ${dir}/none/a.db`],
    ];
    for (const [args, message] of wrong) {
      const { code, stderr } = await cu(args, COUNT);
      assertStringIncludes(stderr, message);
      assertEquals(code, message.startsWith("There is no state") ? 1 : 2);
    }
  });
});

Deno.test("a state that is damaged is told, and left as it is", async () => {
  await withFile(async (file) => {
    await cu(["run", "-", "--state", file], COUNT);
    {
      await using store = await SqliteStore.open(file);
      await store.commit([], [{ key: "home-page/main/0", value: new Uint8Array(9) }]);
    }
    for (const args of [["run", "-"], ["state", "get"], ["state", "set", "a", "1"]]) {
      const { code, stderr } = await cu([...args, "--state", file], COUNT);
      assertEquals([code, stderr], [
        1,
        'cu: Cannot load state "main": page 0 is damaged: format 0, this version reads 1\n',
      ]);
    }
  });
});

Deno.test("what a unit saves is what the command shows", async () => {
  await withFile(async (file) => {
    {
      await using store = await SqliteStore.open(file);
      using unit = await ComputeUnit.create({ home: await openHome(store, "main") });
      unit.compute("_home.list = { 1, 2 }");
      await unit.saveState();
    }
    assertEquals(await cu(["state", "get", "list", "[2]", "--state", file]), ok("2\n"));
  });
});
