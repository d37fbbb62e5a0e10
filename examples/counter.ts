/**
 * Visits that are counted by Lua code, in a state that outlasts the process and that several processes may
 * change at once. Run with `deno run --allow-read=. --allow-write=. examples/counter.ts`, as often as you like.
 *
 * @module
 */

import { ComputeUnit, type Home, transact } from "@computeunit/cu";
import { SqliteStore } from "@computeunit/cu/stores/sqlite";

/** What counts: all that it remembers is in `_home`. */
const RULE = `
  local pages = _home.pages or {}
  _home.pages = pages
  local page = pages[_io.input.path] or { visits = 0, visitors = {} }
  page.visits = page.visits + 1
  page.visitors[_io.input.visitor] = true
  pages[_io.input.path] = page
  local visitors = 0
  for _ in pairs(page.visitors) do visitors = visitors + 1 end
  return { visits = page.visits, visitors = visitors }
`;

/** A visit, and what is known of the page then. */
interface Visit {
  path: string;
  visitor: string;
}
interface Count {
  visits: number;
  visitors: number;
}

async function count(home: Home, visit: Visit): Promise<Count> {
  using cu = await ComputeUnit.create({ home, timeLimit: 100 });
  cu.setInput(visit);
  return cu.compute<Count>(RULE, { chunkName: "count.lua" });
}

/** Counts visits, all at once: each is counted, whoever was faster. */
export async function counter(file: string, visits: Visit[]): Promise<Count[]> {
  await using store = await SqliteStore.open(file);
  return await Promise.all(visits.map((visit) => transact(store, "visits", (home) => count(home, visit))));
}

if (import.meta.main) {
  const [{ visits, visitors }] = await counter("counter.db", [{
    path: "/",
    visitor: `of ${new Date().toDateString()}`,
  }]);
  console.log(`${visits} visits on ${visitors} days`);
}
