/**
 * The changes to Lua's sources: a series of patches in `zig/lua/series/`, each of which applies
 * exactly to what those before it made, and the SHA-256 of each file that they change.
 * docs/LUA.md says how to work with them.
 *
 * @module
 */

/** One change to Lua, for one cause. */
export interface Patch {
  /** The file's name, such as `010-time-limit.patch`. */
  name: string;
  /** What it is, why it is needed and safe, and what tests it: all that stands before the diff. */
  head: string;
  /** A unified diff, as git writes it. */
  diff: string;
}

/** Lua's sources: texts by names of files, such as `lvm.c`. */
export type Sources = Map<string, string>;

/** A series that can't be applied to the sources, with what doesn't fit and where. */
export class SeriesError extends Error {}

/** Hashes of the patched files, as `sha256sum` writes them. */
export const HASHES_NAME = "SHA256SUMS";

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/** Reads the patches of a series, in their order. */
export async function readSeries(dir: URL): Promise<Patch[]> {
  const patches: Patch[] = [];
  for await (const { name } of Deno.readDir(dir)) {
    if (name.endsWith(".patch")) patches.push(splitPatch(name, await Deno.readTextFile(new URL(name, dir))));
  }
  return patches.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Takes a patch file apart. */
export function splitPatch(name: string, text: string): Patch {
  const start = text.startsWith("diff --git ") ? 0 : text.indexOf("\ndiff --git ") + 1;
  const isCut = start === 0 && !text.startsWith("diff --git ");
  if (isCut) throw new SeriesError(`Cannot read ${name}: it has no line that begins with "diff --git"`);
  return { name, head: text.slice(0, start), diff: text.slice(start) };
}

/** Reads Lua's own sources from a folder. */
export async function readSources(dir: URL): Promise<Sources> {
  const sources: Sources = new Map();
  for await (const { name } of Deno.readDir(dir)) {
    if (/\.[ch]$/.test(name)) sources.set(name, await Deno.readTextFile(new URL(name, dir)));
  }
  return sources;
}

/**
 * Applies a patch to the sources. Each hunk must fit at the line that it names, with all of its
 * lines: where an offset or a fuzz were allowed, a change could end up in another function.
 */
export function applyPatch({ name, head, diff }: Patch, sources: Sources): void {
  const lines = diff.split("\n");
  const headLines = head.split("\n").length - 1;
  let at = 0;
  const refuse = (what: string): never => {
    throw new SeriesError(`Cannot apply ${name}, line ${headLines + at + 1}: ${what}`);
  };
  // What follows the last newline is no line.
  if (lines.pop() !== "") refuse("the last line doesn't end");
  while (at < lines.length) {
    const file = /^diff --git a\/(\S+) b\/\1$/.exec(lines[at])?.[1];
    if (file === undefined) return refuse(`expected the diff of a file, found: ${lines[at]}`);
    const source = sources.get(file)?.split("\n");
    if (source === undefined) return refuse(`Lua has no file ${file}`);
    at++;
    for (const line of [`--- a/${file}`, `+++ b/${file}`]) {
      if (lines[at] !== line) refuse(`expected: ${line}`);
      at++;
    }
    const result: string[] = [];
    let next = 0;
    while (lines[at]?.startsWith("@@")) {
      const hunk = HUNK.exec(lines[at]);
      if (hunk === null) return refuse("expected the lines of a hunk, as in: @@ -1,3 +1,4 @@");
      const [oldStart, oldCount, newStart, newCount] = hunk.slice(1).map((number) => Number(number ?? 1));
      if (oldStart <= next) refuse(`the hunk doesn't follow the one before it in ${file}`);
      result.push(...source.slice(next, oldStart - 1));
      next = oldStart - 1;
      if (result.length !== newStart - 1) refuse(`the hunk begins at line ${result.length + 1} of the new ${file}`);
      at++;
      const [oldEnd, newEnd] = [next + oldCount, result.length + newCount];
      while (next < oldEnd || result.length < newEnd) {
        const [kind, text] = [lines[at]?.[0], lines[at]?.slice(1)];
        if (kind !== " " && kind !== "-" && kind !== "+") {
          refuse("the hunk ends before it has as many lines as it says");
        }
        if (kind !== "+" && source[next] !== text) {
          refuse(`doesn't fit ${file}, line ${next + 1}\n  expected ${text}\n  found    ${source[next] ?? "the end"}`);
        }
        if (kind !== "-") result.push(text);
        if (kind !== "+") next++;
        at++;
      }
      if (next > oldEnd || result.length > newEnd) refuse("the hunk has more lines than it says");
    }
    if (next === 0) refuse(`no change of ${file}`);
    result.push(...source.slice(next));
    sources.set(file, result.join("\n"));
  }
}

/** Names of the files that patches change, sorted. */
export function patchedFiles(patches: Patch[]): string[] {
  const names = patches.flatMap(({ diff }) => [...diff.matchAll(/^\+\+\+ b\/(\S+)$/gm)].map(([, name]) => name));
  return [...new Set(names)].sort();
}

/** The text of `SHA256SUMS` for sources that patches have changed. */
export async function hashesOf(patches: Patch[], sources: Sources): Promise<string> {
  let text = "";
  for (const name of patchedFiles(patches)) {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(sources.get(name)));
    text += `${new Uint8Array(digest).toHex()}  ${name}\n`;
  }
  return text;
}

/** Applies a series to Lua's sources, and checks that each changed file has the hash that is listed. */
export async function applySeries(dir: URL, sources: Sources): Promise<void> {
  const patches = await readSeries(dir);
  for (const patch of patches) applyPatch(patch, sources);
  const listed = (await Deno.readTextFile(new URL(HASHES_NAME, dir))).split("\n");
  const found = (await hashesOf(patches, sources)).split("\n");
  const wrong = [...found.filter((line) => !listed.includes(line)), ...listed.filter((line) => !found.includes(line))];
  if (wrong.length === 0) return;
  const names = [...new Set(wrong.map((line) => line.split("  ")[1]))].join(", ");
  throw new SeriesError(`The series makes other files than ${HASHES_NAME} lists: ${names}`);
}
