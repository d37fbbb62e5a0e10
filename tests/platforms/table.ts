/**
 * The README's table of what works where: one row for each runtime, made of what the core gave in
 * it. `deno run -A --no-check tools/deno.ts run -A tests/platforms/table.ts` writes it anew.
 *
 * @module
 */

import { pathOf } from "../../tools/run.ts";
import { makeApp } from "./app.ts";
import type { CaseResult } from "./core.ts";
import { findRuntimes, type Runtime } from "./runtimes.ts";

const readme = new URL("../../README.md", import.meta.url);

const HEAD = ["Runtime", "Tried with", "Works", "Lacks", "Import"];
const FIRST_CELL = `| ${HEAD[0]} `;

/** A row's cells; what isn't known beforehand is the version of a browser, the second. */
export function rowOf({ name, version, needs }: Runtime, results: CaseResult[]): string[] {
  const failed = results.filter(({ got, expected }) => got !== expected);
  const lacks = [...new Set(failed.map(({ group }) => group.replace(/^.*: /, "")))].join(", ");
  const works = `${results.length - failed.length} of ${results.length} cases`;
  return [name, version, works, lacks && `\`${lacks}\``, needs ?? "`@computeunit/cu`"];
}

/** The rows of the table that stands in the README. */
export async function rowsInReadme(): Promise<string[][]> {
  const lines = (await Deno.readTextFile(readme)).split("\n");
  const start = lines.findIndex((line) => line.startsWith(FIRST_CELL)) + 2;
  const end = lines.indexOf("", start);
  return lines.slice(start, end).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

async function writeTable(rows: string[][]): Promise<void> {
  const table = [HEAD, HEAD.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
  const text = await Deno.readTextFile(readme);
  const start = text.indexOf(FIRST_CELL);
  const end = text.indexOf("\n\n", start);
  await Deno.writeTextFile(readme, text.slice(0, start) + table + text.slice(end));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", pathOf(readme)] }).output();
}

if (import.meta.main) {
  const app = await makeApp();
  const rows: string[][] = [];
  for (const [name, runtime] of await findRuntimes()) {
    if (runtime === undefined) throw new Error(`Cannot write the table: ${name} can't be had here`);
    rows.push(rowOf(runtime, await runtime.run(app)));
  }
  await writeTable(rows);
}
