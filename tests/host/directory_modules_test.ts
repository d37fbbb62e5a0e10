import { assert, assertEquals, assertThrows } from "@std/assert";
import { ComputeUnit, LuaError } from "@computeunit/cu";
import { directoryModules } from "@computeunit/cu/directory";
import { main } from "../../src/cli/main.ts";
import { pathToFileURL } from "node:url";

/** A folder with modules, and a file outside of it; removed afterwards. */
async function withModules(run: (directory: string) => Promise<void> | void): Promise<void> {
  const outer = await Deno.makeTempDir();
  try {
    const directory = `${outer}/modules`;
    await Deno.mkdir(`${directory}/rules/all`, { recursive: true });
    await Deno.writeTextFile(`${directory}/top.lua`, "return { name = ..., rate = require('rules.tax') }");
    await Deno.writeTextFile(`${directory}/rules/tax.lua`, "return 0.2");
    await Deno.writeTextFile(`${directory}/rules/all/init.lua`, "return 'init of ' .. ...");
    await Deno.writeTextFile(`${outer}/secret.lua`, "return 'secret'");
    await Deno.mkdir(`${outer}/modules2`);
    await Deno.writeTextFile(`${outer}/modules2/near.lua`, "return 'secret'");
    await run(directory);
  } finally {
    await Deno.remove(outer, { recursive: true });
  }
}

Deno.test("directoryModules() refuses what names no directory", () => {
  assertThrows(() => directoryModules(undefined as unknown as string), TypeError, "the directory is not a string");
});

Deno.test("directoryModules() finds ?.lua and ?/init.lua in a folder", async () => {
  await withModules(async (directory) => {
    for (const given of [directory, `${directory}/`, pathToFileURL(directory)]) {
      using cu = await ComputeUnit.create({ resolveModule: directoryModules(given) });
      assertEquals(cu.compute("return (require 'top')"), { name: "top", rate: 0.2 });
      assertEquals(cu.compute("return (require 'rules.all')"), "init of rules.all");
    }
  });
});

Deno.test("directoryModules() reads nothing outside of its folder, whatever the name", async () => {
  await withModules(async (directory) => {
    using cu = await ComputeUnit.create({ resolveModule: directoryModules(directory) });
    const names = [
      "../secret",
      "..secret",
      "...secret",
      "rules....secret",
      "rules/../../secret",
      "rules\\..\\..\\secret",
      `${directory}/top`,
      `${directory.slice(0, -"/modules".length)}/secret`,
      "C:\\secret",
      "file:///secret",
      "../modules2/near",
      "top\0",
      "",
      ".",
      "rules",
      "rules.",
      ".top",
      "x".repeat(5000),
    ];
    for (const name of names) {
      cu.setInput(name);
      const error = assertThrows(() => cu.compute("require(_io.input)"), LuaError, undefined, name);
      assert(error.message.includes("not found"), `${name}: ${error.message}`);
    }
  });
});

const isWindows = Deno.build.os === "windows";

Deno.test(
  "directoryModules() follows links inside of its folder, and none out of it",
  { ignore: isWindows },
  async () => {
    await withModules(async (directory) => {
      await Deno.symlink(`${directory}/../secret.lua`, `${directory}/out.lua`);
      await Deno.symlink(`${directory}/../modules2`, `${directory}/beside`);
      await Deno.symlink(`${directory}/rules`, `${directory}/inside`);
      await Deno.symlink(`${directory}/circle.lua`, `${directory}/circle.lua`);
      using cu = await ComputeUnit.create({ resolveModule: directoryModules(directory) });
      assertEquals(cu.compute("return (require 'inside.tax')"), 0.2);
      for (const name of ["out", "beside.near"]) {
        const error = assertThrows(() => cu.compute(`require '${name}'`), LuaError, "a link leads out of");
        assert(error.cause instanceof Error);
        assert(!error.message.includes(directory), error.message);
      }
      assertThrows(() => cu.compute("require 'circle'"), LuaError, "module 'circle' not found");
    });
  },
);

Deno.test(
  "directoryModules() tells code that a file can't be read, and the host also which",
  { permissions: { read: true, write: true } },
  async () => {
    await withModules(async (directory) => {
      using cu = await ComputeUnit.create({ resolveModule: directoryModules(directory) });
      Deno.permissions.revokeSync({ name: "read" }); // of this test
      const error = assertThrows(() => cu.compute("require 'top'"), LuaError);
      assertEquals(error.message, "Cannot read module top: NotCapable");
      assert(error.cause instanceof Error && error.cause.cause instanceof Deno.errors.NotCapable);
    });
  },
);

Deno.test("errors in a folder's modules have the file's path, line and text", async () => {
  await withModules(async (directory) => {
    await Deno.writeTextFile(
      `${directory}/rules/raises.lua`,
      "local M = {}\nfunction M.run()\n  error('no')\nend\nreturn M",
    );
    await Deno.writeTextFile(`${directory}/rules/broken.lua`, "#!lua\nlocal x = \nreturn x");
    await Deno.writeTextFile(`${directory}/rules/place.lua`, "return { select(2, ...) }");
    using cu = await ComputeUnit.create({ resolveModule: directoryModules(directory) });
    const copies = [cu, cu.fork()];
    for (const unit of copies) {
      const raised = assertThrows(() => unit.compute("\nrequire('rules.raises').run()"), LuaError, "no");
      assertEquals([raised.chunk, raised.line, raised.sourceLine], ["rules/raises.lua", 3, "  error('no')"]);
      assert(raised.traceback.includes("rules/raises.lua:3: in function 'rules.raises.run'"), raised.traceback);
      const broken = assertThrows(() => unit.compute("\nrequire 'rules.broken'"), LuaError);
      assertEquals(broken.kind, "runtime");
      assertEquals(
        broken.message,
        "error loading module 'rules.broken' from 'rules/broken.lua':\n\trules/broken.lua:3: unexpected symbol near 'return'",
      );
      assertEquals([broken.chunk, broken.line, broken.sourceLine], ["rules/broken.lua", 3, "return x"]);
      assertEquals(unit.compute("return require('rules.place')[1]"), "rules/place.lua");
      assertEquals(unit.computeAll("return select(2, require 'rules.all')"), ["rules/all/init.lua"]);
    }
    copies[1].dispose();
  });
});

Deno.test("directoryModules() throws where there is no such folder", async () => {
  await withModules((directory) => {
    assertThrows(() => directoryModules(`${directory}/none`), Error);
    assertThrows(() => directoryModules(`${directory}/top.lua`), Error, "is not a directory");
  });
});

Deno.test("cu run --path finds modules there, and says where there is no such folder", async () => {
  await withModules(async (directory) => {
    const out: string[] = [];
    const run = (...args: string[]) =>
      main(["run", "-", ...args], {
        readFile: Deno.readFile,
        writeFile: Deno.writeTextFile,
        readStdin: () => Promise.resolve(new TextEncoder().encode("return (require 'top')")),
        writeStdout: (text) => void out.push(text),
        writeStderr: (text) => void out.push(text),
      });
    assertEquals(await run("--path", directory), 0);
    assertEquals(out.pop(), '{"name":"top","rate":0.2}\n');
    assertEquals(await run("--path", `${directory}/none`), 2);
    assertEquals(out.pop(), `cu: Cannot find modules in ${directory}/none: ENOENT: no such file or directory\n`);
    assertEquals(await run(), 1);
    assert(out.pop()!.includes("module 'top' not found"));
  });
});
