import { assertEquals } from "@std/assert";
import { findNativeLua } from "../native/native_lua.ts";
import { fetchLibraries } from "./fetch.ts";
import { LIBRARIES, type Suite } from "./libraries.ts";
import { foldersOf, type Report, runInNativeLua, runInUnit } from "./run.ts";

const installed = await fetchLibraries(LIBRARIES);
const nativeLua = await findNativeLua();

/** How many lines begin with a word. */
function count(report: Report, outcome: string): number {
  return report.filter((line) => line.startsWith(`${outcome} `)).length;
}

/** The exceptions of which a line is one. */
function exceptionsOf({ without = {} }: Suite, line: string): string[] {
  return Object.keys(without).filter((part) => line.includes(part));
}

/** A unit's report without the exceptions, all of which must be in it. */
function withoutExceptions(suite: Suite, report: Report): Report {
  const seen = new Set<string>();
  const rest = report.filter((line) => {
    const exceptions = /^(failed|printed) /.test(line) ? exceptionsOf(suite, line) : [];
    for (const part of exceptions) seen.add(part);
    return exceptions.length === 0;
  });
  assertEquals(seen, new Set(Object.keys(suite.without ?? {})), "exceptions that aren't needed");
  return rest;
}

for (const library of LIBRARIES) {
  for (const [i, suite] of library.suites.entries()) {
    const folders = foldersOf(library, suite, installed);
    const part = library.suites.length > 1 ? `, part ${i + 1}` : "";
    const name = `${library.name} ${library.version} (${library.kind}) passes its own tests${part}`;
    Deno.test(name, { ignore: folders === undefined }, async () => {
      const report = withoutExceptions(suite, await runInUnit(suite, folders!));
      assertEquals(report.filter((line) => line.startsWith("failed ")), []);
      assertEquals([count(report, "passed"), count(report, "skipped")], [suite.passed, suite.skipped ?? 0]);
      if (nativeLua === undefined) return;
      const native = await runInNativeLua(nativeLua, suite, folders!);
      const differences = {
        unit: report.filter((line) => !native.includes(line)),
        native: native.filter((line) => !report.includes(line) && exceptionsOf(suite, line).length === 0),
      };
      assertEquals(differences, { unit: [], native: [] });
    });
  }
}
