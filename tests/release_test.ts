// What is checked before a release is published.

import { assert, assertEquals } from "@std/assert";
import { pack, packedBefore, repositoryIn } from "../tools/pack.ts";
import { differencesOf, npmTagOf, problemsOf } from "../tools/release.ts";
import { exists, folderAt, pathOf, run } from "../tools/run.ts";

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
    const dir = folderAt(path);
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

Deno.test("the package names its repository where a forge's workflow packs it", () => {
  assertEquals(repositoryIn(new Map()), {});
  const workflow = new Map([["GITHUB_SERVER_URL", "https://forge.example"], ["GITHUB_REPOSITORY", "us/cu"]]);
  assertEquals(repositoryIn(workflow).repository, { type: "git", url: "git+https://forge.example/us/cu.git" });
});

Deno.test("links between documents lead to what is there, in the repository and in npm's package", async () => {
  const { dir } = await pack();
  const root = new URL("../", import.meta.url);
  for (const from of [root, dir]) {
    const documents = ["README.md", "CHANGELOG.md", "SECURITY.md"];
    for await (const { name } of Deno.readDir(new URL("docs/", from))) documents.push(`docs/${name}`);
    for (const document of documents) {
      const text = await Deno.readTextFile(new URL(document, from));
      const links = [...text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)].map(([, link]) => link);
      for (const link of links) {
        const isThere = await exists(new URL(link, new URL(document, from)));
        assert(isThere, `${document} links to ${link}, which isn't in ${pathOf(from)}`);
      }
    }
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
