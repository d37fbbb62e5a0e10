// The changes to Lua: what each patch says of itself, that it applies exactly or not at all, and
// the way from patches to commits and back.

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  applyPatch,
  applySeries,
  HASHES_NAME,
  hashesOf,
  type Patch,
  patchedFiles,
  readSeries,
  SeriesError,
  type Sources,
  splitPatch,
} from "../../tools/series.ts";
import { pack, unpack } from "../../tools/lua.ts";
import { folderAt } from "../../tools/run.ts";

const rootDir = new URL("../../", import.meta.url);
const seriesDir = new URL("zig/lua/series/", rootDir);
const series = await readSeries(seriesDir);

/** A file's text, or nothing where it isn't there. */
async function textOf(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, rootDir)).catch(() => "");
}

for (const { name, head } of series) {
  Deno.test(`a change to Lua says why it is there, and what tests it: ${name}`, async () => {
    assert(/^\d{3}-[a-z0-9-]+\.patch$/.test(name), "the name");
    const [subject, ...paragraphs] = head.trimEnd().split("\n\n");
    assert(/^Subject: .+$/.test(subject), `the subject: ${subject}`);
    const proofs = paragraphs.pop()!.replaceAll("\n  ", " ").split("\n");
    assert(paragraphs.length > 0, "the reason");
    for (const proof of proofs) {
      const [, file, names] = /^(?:Test|Bench): (?:none|(\w+\/[\w/]+\.ts))(.*)$/.exec(proof) ?? [];
      assert(names !== undefined, `expected Test: or Bench:, found: ${proof}`);
      if (file === undefined) {
        assert(proof.startsWith("Bench: "), "no test at all");
        continue;
      }
      const text = await textOf(file);
      assert(text !== "", `${file} isn't there`);
      for (const [, named] of names.matchAll(/"([^"]+)"/g)) {
        // Names that are made of a word and an entry of a table, as in `limits: ${name}`.
        const parts = [named, named.replace(/^\w+: /, ""), named.replace(/^\w+: \w+: /, "")];
        assert(parts.some((part) => text.includes(`"${part}"`)), `${file} has no "${named}"`);
      }
      assert(proof.startsWith("Bench: ") || names.includes('"'), `a test is named: ${proof}`);
    }
    assert(proofs.some((proof) => proof.startsWith("Test: ")), "a test, or one of the correctness of what is faster");
  });
}

Deno.test("the hashes of all files that the series changes are listed, and their lines end alike everywhere", async () => {
  const hashes = await Deno.readTextFile(new URL(HASHES_NAME, seriesDir));
  assertEquals([...hashes.matchAll(/^[0-9a-f]{64} {2}(\S+)$/gm)].map(([, name]) => name), patchedFiles(series));
  assertEquals([hashes, ...series.map(({ head, diff }) => head + diff)].filter((text) => text.includes("\r")), []);
});

/** A file of sixteen lines, and one of one. */
const sources = (): Sources =>
  new Map([["lvm.c", "one two three four five six seven eight nine ten eleven 12 13 14 15 16 ".replaceAll(" ", "\n")], [
    "lgc.c",
    "only\n",
  ]]);

const FOUR = `Subject: four is another

Because.

Test: none

diff --git a/lvm.c b/lvm.c
--- a/lvm.c
+++ b/lvm.c
@@ -1,7 +1,8 @@
 one
 two
 three
-four
+4
+4.5
 five
 six
 seven
@@ -12,5 +13,4 @@ eleven
 12
 13
 14
-15
 16
`;

const apply = (text: string, to = sources()): Sources => {
  applyPatch(splitPatch("010-four.patch", text), to);
  return to;
};

Deno.test("a patch is applied where it fits exactly", () => {
  const changed = apply(FOUR);
  assertEquals(changed.get("lvm.c"), sources().get("lvm.c")!.replace("four", "4\n4.5").replace("15\n", ""));
  assertEquals(changed.get("lgc.c"), "only\n");
});

Deno.test("a patch that doesn't fit is refused with its name, the file and the line", () => {
  const refusals: [text: string, message: string][] = [
    // Another context: what git and patch would apply with a fuzz.
    [FOUR.replace(" three\n", " drei\n"), "line 13: doesn't fit lvm.c, line 3\n  expected drei\n  found    three"],
    // Another line: what git and patch would apply with an offset.
    [FOUR.replace("@@ -1,7 +1,8 @@", "@@ -2,7 +2,8 @@"), "line 11: doesn't fit lvm.c, line 2"],
    [FOUR.replace("-15", "-25"), "line 24: doesn't fit lvm.c, line 15\n  expected 25\n  found    15"],
    [FOUR.replace("-12,5 +13,4", "-12,5 +12,4"), "line 20: the hunk begins at line 13 of the new lvm.c"],
    [FOUR.replace("-12,5 +13,4", "-7,5 +13,4"), "line 20: the hunk doesn't follow the one before it in lvm.c"],
    [FOUR.replace("-1,7", "-1,9"), "line 20: the hunk ends before it has as many lines as it says"],
    [FOUR.replace("+4.5\n", ""), "line 19: the hunk ends before it has as many lines as it says"],
    [FOUR.replace("+1,8", "+1,7"), "line 20: the hunk has more lines than it says"],
    [FOUR.replace("+4.5\n", "+4.5\n+4.6\n"), "line 21: the hunk has more lines than it says"],
    [FOUR.replaceAll("lvm.c", "lua.c"), "line 7: Lua has no file lua.c"],
    [FOUR.replace("+++ b/lvm.c", "+++ b/lgc.c"), "line 9: expected: +++ b/lvm.c"],
    [FOUR.replace("@@ -1,7", "@ -1,7"), "line 10: no change of lvm.c"],
    [FOUR + "more\n", "line 26: expected the diff of a file, found: more"],
    [FOUR.trimEnd(), "the last line doesn't end"],
    [FOUR.replaceAll("\n", "\r\n"), "line 7: expected the diff of a file"],
  ];
  for (const [text, message] of refusals) {
    const { message: found } = assertThrows(() => apply(text), SeriesError, "Cannot apply 010-four.patch, ", message);
    assertStringIncludes(found, message);
  }
  assertThrows(() => apply("Subject: nothing\n"), SeriesError, "Cannot read 010-four.patch");
});

Deno.test("a series that makes other files than are listed is refused", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const url = folderAt(dir);
    const listed = await hashesOf([splitPatch("010-four.patch", FOUR)], apply(FOUR));
    await Deno.writeTextFile(new URL(HASHES_NAME, url), listed);
    await Deno.writeTextFile(new URL("010-four.patch", url), FOUR);
    await applySeries(url, sources());
    await Deno.writeTextFile(new URL("010-four.patch", url), FOUR.replace("+4.5", "+4.6"));
    await assertRejects(() => applySeries(url, sources()), SeriesError, "other files than SHA256SUMS lists: lvm.c");
    await Deno.writeTextFile(new URL("010-four.patch", url), FOUR);
    await Deno.writeTextFile(new URL(HASHES_NAME, url), listed + listed.replace("lvm.c", "lgc.c"));
    await assertRejects(() => applySeries(url, sources()), SeriesError, "lgc.c");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

const ONLY = `Subject: only two

It is needed, and safe.
Of two lines.

Test: none

diff --git a/lgc.c b/lgc.c
--- a/lgc.c
+++ b/lgc.c
@@ -1 +1,2 @@
 only
+two
`;

const hasGit = await new Deno.Command("git", { args: ["--version"], stdout: "null" }).output().then(
  () => true,
  () => false,
);

async function git(dir: string, ...args: string[]): Promise<{ success: boolean; text: string }> {
  const identity = ["-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false"];
  const { success, stdout, stderr } = await new Deno.Command("git", { args: ["-C", dir, ...identity, ...args] })
    .output();
  const decoder = new TextDecoder();
  return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

Deno.test("a series goes into a repository and back, and to another release of Lua", { ignore: !hasGit }, async () => {
  const dir = await Deno.makeTempDir();
  const patches: Patch[] = [splitPatch("010-four.patch", FOUR), splitPatch("020-only.patch", ONLY)];
  const lua = (version: string, ...changes: [from: string, to: string][]) => {
    const files = sources();
    for (const [from, to] of changes) files.set("lvm.c", files.get("lvm.c")!.replace(from, to));
    return { version, sources: files };
  };
  try {
    const first = lua("5.4.9");
    await unpack(dir, first, patches);
    const packed = await pack(dir, first);
    const hashes = await hashesOf(patches, apply(ONLY, apply(FOUR)));
    assertEquals([...packed], [["010-four.patch", FOUR], ["020-only.patch", ONLY], [HASHES_NAME, hashes]]);
    assertEquals(
      (await git(dir, "log", "--format=%s", "--reverse")).text,
      "Lua 5.4.9\n010-four: four is another\n020-only: only two\n",
    );
    await assertRejects(() => unpack(dir, first, patches), SeriesError, "is there already, with Lua 5.4.9");

    // A release that moves lines, and one that changes what a patch changes.
    const second = lua("5.4.10", ["one\n", "zero\none\n"]);
    await assertRejects(() => pack(dir, second), SeriesError, "has Lua 5.4.9, not Lua 5.4.10");
    assertStringIncludes(await unpack(dir, second, patches), "git rebase lua");
    await assertRejects(() => pack(dir, second), SeriesError, "run `git rebase lua`");
    assert((await git(dir, "rebase", "lua")).success);
    assertStringIncludes((await pack(dir, second)).get("010-four.patch")!, "@@ -2,7 +2,8 @@");

    const third = lua("5.4.11", ["four", "vier"]);
    await unpack(dir, third, patches);
    const { success, text } = await git(dir, "rebase", "lua");
    assert(!success && text.includes("010-four"), text);
    assert((await git(dir, "checkout", "--theirs", "lvm.c")).success);
    await assertRejects(() => pack(dir, third), SeriesError, "commit what is changed");
    const solved = apply(FOUR.replace("-four", "-vier"), third.sources).get("lvm.c")!;
    await Deno.writeTextFile(`${dir}/lvm.c`, solved);
    await git(dir, "add", "lvm.c");
    await git(dir, "commit", "--quiet", "--no-edit", "--cleanup=strip");
    await assertRejects(() => pack(dir, third), SeriesError, "end the rebase");
    assert((await git(dir, "-c", "core.editor=true", "rebase", "--continue")).success);
    const moved = await pack(dir, lua("5.4.11", ["four", "vier"]));
    assertEquals(moved.get("010-four.patch"), FOUR.replace("-four", "-vier"));

    // What can't be named, or has no place.
    for (
      const [subject, message] of [["five too", "Cannot name a file"], ["015-five: five too", "after 020-only.patch"]]
    ) {
      await Deno.writeTextFile(`${dir}/lvm.c`, solved + "more\n");
      await git(dir, "commit", "--all", "-m", subject);
      await assertRejects(() => pack(dir, lua("5.4.11", ["four", "vier"])), SeriesError, message);
      await git(dir, "reset", "--hard", "HEAD~1");
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
