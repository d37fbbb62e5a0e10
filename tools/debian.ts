/**
 * Gets archives of sources from Debian's source packages, on a machine that has apt.
 *
 * @module
 */

import { exists, pathOf, run } from "./run.ts";

/** The archive of an upstream release, which is the same whatever Debian's revision. */
export interface DebianArchive {
  /** The source package, such as `lua5.4`. */
  name: string;
  /** The upstream version, such as `5.4.9`. */
  version: string;
  /** The file, such as `lua5.4_5.4.9.orig.tar.gz`. */
  file: string;
}

/**
 * Puts archives into a folder where they aren't there yet, as far as the machine's mirrors have
 * them. What they hold isn't checked.
 *
 * @param dir The folder; apt's own files come into it, too.
 * @param suites Debian's suites that may have them, such as `sid`.
 * @param archives What is wanted.
 */
export async function fetchFromDebian(dir: URL, suites: string[], archives: DebianArchive[]): Promise<void> {
  const missing = async () => {
    const isThere = await Promise.all(archives.map(({ file }) => exists(new URL(file, dir))));
    return archives.filter((_, i) => !isThere[i]);
  };
  if ((await missing()).length === 0) return;
  for (const mirror of await mirrors()) {
    const settings = await settingsFor(dir, mirror, suites);
    if (!(await run("apt-get", [...settings, "update"], {}, dir)).success) continue;
    for (const archive of await missing()) await fetchArchive(dir, settings, archive);
    if ((await missing()).length === 0) return;
  }
}

/** What an update would fetch from: known even where none has run. */
async function mirrors(): Promise<Set<string>> {
  const { stdout } = await run("apt-get", ["--print-uris", "update"]);
  return new Set(stdout.matchAll(/^'(\S+\/debian\/)dists\//gm).map((match) => match[1]));
}

/** Arguments of apt for a configuration of its own. */
async function settingsFor(dir: URL, mirror: string, suites: string[]): Promise<string[]> {
  await Deno.mkdir(new URL("lists/partial", dir), { recursive: true });
  const sources = suites.map((suite) => `deb-src ${mirror} ${suite} main\n`).join("");
  await Deno.writeTextFile(new URL("sources.list", dir), sources);
  return Object.entries({
    "Dir::Etc::sourcelist": pathOf(new URL("sources.list", dir)),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::State::lists": pathOf(new URL("lists", dir)),
    "APT::Sandbox::User": "root",
  }).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
}

async function fetchArchive(dir: URL, settings: string[], { name, version, file }: DebianArchive): Promise<void> {
  // A mirror may list revisions whose other files it has no more: the archive is all that counts.
  for (const revision of await revisionsOf(name, version, settings, dir)) {
    await run("apt-get", [...settings, "source", "--download-only", `${name}=${revision}`], {}, dir);
    if (await exists(new URL(file, dir))) return;
  }
}

/** Debian's revisions of a version, such as 5.4.9-1. */
async function revisionsOf(name: string, version: string, settings: string[], dir: URL): Promise<string[]> {
  const { stdout } = await run("apt-cache", [...settings, "showsrc", "--only-source", name], {}, dir);
  const revisions = [...stdout.matchAll(/^Version: (\S+)$/gm)].map((match) => match[1]);
  return revisions.filter((revision) => revision.startsWith(`${version}-`));
}
