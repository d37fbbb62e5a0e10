// What is checked before a release is published.

import { assert, assertEquals } from "@std/assert";
import { pack, packedBefore } from "../tools/pack.ts";
import { differencesOf, npmTagOf, problemsOf } from "../tools/release.ts";
import { pathOf, run } from "../tools/run.ts";

const readText = (path: string) => Deno.readTextFile(new URL(`../${path}`, import.meta.url));
const { version } = JSON.parse(await readText("deno.json"));
const changelog = await readText("CHANGELOG.md");
const workflow = await readText(".github/workflows/publish.yml");

Deno.test("the version has its changes, and a tag that isn't its own stops a release", () => {
  assertEquals(problemsOf({ tag: `v${version}`, version, changelog }), []);
  assertEquals(problemsOf({ tag: "v0.9.0", version: "1.0.0", changelog: "# Changes\n\n## 1.0.0\n" }), [
    "the tag is v0.9.0, the version in deno.json 1.0.0",
  ]);
  assertEquals(problemsOf({ tag: "v1.0.0", version: "1.0.0", changelog: "# Changes\n\n## Unreleased\n\n## 1.0.0\n" }), [
    "the newest changes in CHANGELOG.md are those of Unreleased, not of 1.0.0",
  ]);
});

Deno.test("a version for trial isn't the one that is installed without a word", () => {
  assertEquals(["1.0.0-rc.1", "1.0.0", "2.1.0"].map(npmTagOf), ["next", "latest", "latest"]);
});

Deno.test("a tarball holds the files that were tested, or a release is stopped", async () => {
  const packed = await pack();
  assertEquals(await packedBefore(), packed);
  assertEquals(await differencesOf(packed), []);
  const path = await Deno.makeTempDir({ prefix: "cu-" });
  try {
    const dir = new URL(`file://${path}/`);
    assert((await run("tar", ["-xzf", pathOf(packed.tarball)], {}, dir)).success);
    await Deno.writeTextFile(new URL("package/dist/mod.js", dir), "\n", { append: true });
    await Deno.remove(new URL("package/LICENSE", dir));
    await Deno.writeTextFile(new URL("package/more.js", dir), "");
    const tarball = new URL("other.tgz", dir);
    assert((await run("tar", ["-czf", pathOf(tarball), "package"], {}, dir)).success);
    assertEquals(await differencesOf({ tarball, dir: packed.dir }), ["LICENSE", "dist/mod.js", "more.js"]);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("the workflow publishes last, after all checks, and has no token", () => {
  const order = ["tools/release.ts", "run: .ci/run", "--packed", "deno publish", "npm@"];
  const places = order.map((part) => workflow.indexOf(part));
  assert(places.every((place) => place >= 0), `${places}`);
  assertEquals(places, places.toSorted((a, b) => a - b));
  assert(workflow.includes("id-token: write") && workflow.includes("--provenance"));
  assert(!/secrets\.|TOKEN/.test(workflow));
  // Who can move a tag of an action's repository could publish otherwise.
  for (const [, action] of workflow.matchAll(/uses: (\S+)/g)) assert(/@[0-9a-f]{40}$/.test(action), action);
});
