/**
 * Checks what is about to be published: `deno run -A --no-check tools/release.ts v1.0.0 [--packed]`. The
 * tag, deno.json and the changelog must name one version. With `--packed`, npm's tarball must hold the
 * very files that the tests ran on, which `tools/pack.ts` has left beside it; then it prints its path and
 * the tag that npm is to give it, as lines of `name=value`.
 *
 * @module
 */

import { type Packed, packedBefore } from "./pack.ts";
import { folderAt, pathOf, run } from "./run.ts";

const rootDir = new URL("../", import.meta.url);

/** What of a release must agree. */
export interface Release {
  /** Such as `v1.0.0-rc.1`. */
  tag: string;
  /** The version in deno.json. */
  version: string;
  changelog: string;
}

/**
 * Tells what keeps a release from being made.
 *
 * @param release The tag, the version and the changelog.
 * @returns A sentence for each thing that doesn't agree.
 */
export function problemsOf({ tag, version, changelog }: Release): string[] {
  const [, newest] = /^## (.+)$/m.exec(changelog) ?? [];
  return [
    tag === `v${version}` ? undefined : `the tag is ${tag}, the version in deno.json ${version}`,
    newest === version ? undefined : `the newest changes in CHANGELOG.md are those of ${newest}, not of ${version}`,
  ].filter((problem) => problem !== undefined);
}

/** The tag that npm gives a version: one that is for trial isn't what is installed without a word. */
export function npmTagOf(version: string): string {
  return version.includes("-") ? "next" : "latest";
}

/**
 * Compares a tarball with the files that it is to hold.
 *
 * @param packed The tarball, and the folder of files that were tested.
 * @returns The files that differ, or are in one of the two only.
 */
export async function differencesOf({ tarball, dir }: Packed): Promise<string[]> {
  const path = await Deno.makeTempDir({ prefix: "cu-release-" });
  try {
    const unpacked = folderAt(path);
    const { success, stderr } = await run("tar", ["-xzf", pathOf(tarball)], {}, unpacked);
    if (!success) throw new Error(`Cannot read ${pathOf(tarball)}\n${stderr}`);
    const [inTarball, tested] = await Promise.all([filesIn(new URL("package/", unpacked)), filesIn(dir)]);
    const names = [...new Set([...inTarball.keys(), ...tested.keys()])];
    return names.filter((name) => inTarball.get(name) !== tested.get(name)).sort();
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

/** The files in a folder and those in it, by their paths, each as text of its bytes. */
async function filesIn(folder: URL, path = "", found = new Map<string, string>()): Promise<Map<string, string>> {
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile) found.set(path + name, (await Deno.readFile(new URL(name, folder))).toBase64());
    else await filesIn(new URL(`${name}/`, folder), `${path}${name}/`, found);
  }
  return found;
}

/** The address of the repository that a package names. */
export async function repositoryOf({ dir }: Packed): Promise<string | undefined> {
  const { repository } = JSON.parse(await Deno.readTextFile(new URL("package.json", dir)));
  return repository?.url;
}

async function check(tag: string, isPacked: boolean): Promise<string[]> {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", rootDir)));
  const changelog = await Deno.readTextFile(new URL("CHANGELOG.md", rootDir));
  const problems = problemsOf({ tag, version, changelog });
  if (!isPacked || problems.length > 0) return problems;
  const packed = await packedBefore();
  if (packed === undefined) return ["the package hasn't been packed from these files: run the tests"];
  const differences = await differencesOf(packed);
  if (differences.length > 0) return [`the tarball differs from what was tested: ${differences.join(", ")}`];
  if (await repositoryOf(packed) === undefined) {
    return ["package.json names no repository, without which npm takes no provenance: GITHUB_REPOSITORY wasn't set"];
  }
  console.log(`tarball=${pathOf(packed.tarball)}\ntag=${npmTagOf(version)}`);
  return [];
}

if (import.meta.main) {
  const [tag = "", ...others] = Deno.args;
  const problems = await check(tag, others.includes("--packed"));
  for (const problem of problems) console.error(`error: ${problem}`);
  if (problems.length > 0) Deno.exit(1);
}
