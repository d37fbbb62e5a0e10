/**
 * Takes the series of changes to Lua apart into a git repository, in which each change is a
 * commit, and puts the series together from it again. docs/LUA.md says when and how.
 *
 * `deno task lua:unpack [DIR]`, `deno task lua:pack [DIR]`; DIR is `.build/lua-git` where none is given. Needs git.
 *
 * @module
 */

import { getLua, seriesDir } from "./build.ts";
import { pathOf } from "./run.ts";
import { applyPatch, HASHES_NAME, hashesOf, type Patch, readSeries, readSources, SeriesError } from "./series.ts";
import type { Sources } from "./series.ts";

/** A release of Lua: its sources, and its number, such as 5.4.9. */
export interface Release {
  version: string;
  sources: Sources;
}

/** Lua as it is published, a commit for each release. */
const LUA_BRANCH = "lua";
/** The changes, a commit for each, after the last release. */
const SERIES_BRANCH = "series";

/** No setting of this machine's may change what git writes. */
const GIT_ENV = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
const GIT_SETTINGS = ["user.name=cu", "user.email=cu@localhost"].flatMap((setting) => ["-c", setting]);

async function git(dir: string, ...args: string[]): Promise<string> {
  const command = new Deno.Command("git", { args: ["-C", dir, ...GIT_SETTINGS, ...args], env: GIT_ENV, stdin: "null" });
  const { success, stdout, stderr } = await command.output().catch((error) => {
    throw error instanceof Deno.errors.NotFound ? new SeriesError("Cannot find git, which this needs") : error;
  });
  const decoder = new TextDecoder();
  if (!success) throw new SeriesError(`Cannot run git ${args.join(" ")}\n${decoder.decode(stderr).trimEnd()}`);
  return decoder.decode(stdout);
}

async function commit(dir: string, sources: Sources, message: string): Promise<void> {
  for (const [name, text] of sources) await Deno.writeTextFile(`${dir}/${name}`, text);
  await git(dir, "add", "--all");
  await git(dir, "commit", "--quiet", "--cleanup=verbatim", `--message=${message}`);
}

/** The head of a patch file as the message of a commit: `010-time-limit: what it is`, and the reason. */
function messageOf({ name, head }: Patch): string {
  return `${name.replace(/\.patch$/, "")}: ${head.replace(/^Subject: /, "").trimEnd()}\n`;
}

/** Names and heads of patch files from messages of commits. */
function headOf(message: string): { name: string; head: string } {
  const [, name, head] = /^(\d{3}-[a-z0-9-]+): (.*)$/s.exec(message.trimEnd()) ?? [];
  if (name !== undefined) return { name: `${name}.patch`, head: `Subject: ${head}\n\n` };
  const subject = message.split("\n")[0];
  throw new SeriesError(
    `Cannot name a file by the subject of a commit, expected as in "015-name: what it is", found: ${subject}`,
  );
}

/**
 * Makes a repository of a release, and a commit for each patch on the branch `series`. Where the repository is there,
 * with an earlier release, adds the new one, so that `git rebase lua` moves the changes to it. Gives what to do next.
 */
export async function unpack(dir: string, release: Release, patches: Patch[]): Promise<string> {
  const subject = `Lua ${release.version}`;
  if (await Deno.stat(`${dir}/.git`).then(() => true, () => false)) {
    const last = (await git(dir, "log", "-1", "--format=%s", LUA_BRANCH)).trim();
    if (last === subject) throw new SeriesError(`${dir} is there already, with ${subject}: delete it to begin anew`);
    await checkClean(dir);
    await git(dir, "checkout", "--quiet", LUA_BRANCH);
    await git(dir, "rm", "--quiet", "-r", ".");
    await commit(dir, release.sources, subject);
    await git(dir, "checkout", "--quiet", SERIES_BRANCH);
    return `${dir} has ${subject} after ${last}: run there \`git rebase lua\`, then \`deno task lua:pack\``;
  }
  await Deno.mkdir(dir, { recursive: true });
  await git(dir, "init", "--quiet", `--initial-branch=${LUA_BRANCH}`);
  await git(dir, "config", "core.autocrlf", "false");
  const sources = new Map(release.sources);
  await commit(dir, sources, subject);
  await git(dir, "checkout", "--quiet", "-b", SERIES_BRANCH);
  for (const patch of patches) {
    applyPatch(patch, sources);
    await commit(dir, sources, messageOf(patch));
  }
  return `${dir} has ${subject}, and ${patches.length} changes on the branch series`;
}

async function checkClean(dir: string): Promise<void> {
  const changed = await git(dir, "status", "--porcelain");
  if (changed !== "") {
    throw new SeriesError(`Cannot go on: commit what is changed in ${dir} first\n${changed.trimEnd()}`);
  }
}

/** The files of a series, by their names, made of the commits after the release. */
export async function pack(dir: string, release: Release): Promise<Map<string, string>> {
  await checkClean(dir);
  const branch = (await git(dir, "rev-parse", "--abbrev-ref", "HEAD")).trim();
  if (branch !== SERIES_BRANCH) throw new SeriesError(`Cannot go on: end the rebase in ${dir}, or check out series`);
  const subject = `Lua ${release.version}`;
  const last = (await git(dir, "log", "-1", "--format=%s", LUA_BRANCH)).trim();
  if (last !== subject) throw new SeriesError(`${dir} has ${last}, not ${subject}: run \`deno task lua:unpack\` first`);
  const base = (await git(dir, "merge-base", LUA_BRANCH, SERIES_BRANCH)).trim();
  if (base !== (await git(dir, "rev-parse", LUA_BRANCH)).trim()) {
    throw new SeriesError(`The changes aren't based on ${subject}: run \`git rebase lua\` in ${dir} first`);
  }
  const commits = (await git(dir, "rev-list", "--reverse", `${LUA_BRANCH}..${SERIES_BRANCH}`)).trim().split("\n")
    .filter(Boolean);
  const patches: Patch[] = [];
  const sources = new Map(release.sources);
  for (const hash of commits) {
    const { name, head } = headOf(await git(dir, "show", "--no-patch", "--format=%B", hash));
    const before = patches.at(-1)?.name;
    if (before !== undefined && name <= before) {
      throw new SeriesError(`Cannot write ${name} after ${before}: numbers must grow from commit to commit`);
    }
    const diff = await git(dir, "diff-tree", "-p", "--no-commit-id", "--no-color", hash);
    // The index line has abbreviated hashes, of which the length may differ.
    const patch = { name, head, diff: diff.replaceAll(/^index [0-9a-f]+\.\.[0-9a-f]+ \d+\n/gm, "") };
    applyPatch(patch, sources);
    patches.push(patch);
  }
  const files = new Map(patches.map(({ name, head, diff }) => [name, head + diff]));
  return files.set(HASHES_NAME, await hashesOf(patches, sources));
}

async function writeSeries(files: Map<string, string>): Promise<void> {
  for await (const { name } of Deno.readDir(seriesDir)) {
    if (name.endsWith(".patch") && !files.has(name)) await Deno.remove(new URL(name, seriesDir));
  }
  for (const [name, text] of files) await Deno.writeTextFile(new URL(name, seriesDir), text);
}

if (import.meta.main) {
  const [what, dir = ".build/lua-git"] = Deno.args;
  try {
    const lua = await getLua();
    const release = { version: lua.version, sources: await readSources(lua.dir) };
    if (what === "unpack") {
      console.log(await unpack(dir, release, await readSeries(seriesDir)));
    } else if (what === "pack") {
      const files = await pack(dir, release);
      await writeSeries(files);
      console.log(`${pathOf(seriesDir)} has ${files.size - 1} patches, for Lua ${release.version}`);
    } else {
      throw new SeriesError("Cannot tell what to do: run `deno task lua:unpack` or `deno task lua:pack`");
    }
  } catch (error) {
    if (!(error instanceof SeriesError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(1);
  }
}
