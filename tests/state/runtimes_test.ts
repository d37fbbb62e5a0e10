// Stores in other runtimes, on the files that npm serves.

import { assertEquals } from "@std/assert";
import { pack } from "../../tools/pack.ts";
import { run } from "../../tools/run.ts";
import { findRuntimes } from "../platforms/runtimes.ts";

const { dir } = await pack();
const runtimes = await findRuntimes();

const module = (path: string) => JSON.stringify(new URL(path, dir).href);

/** Counts its own runs; and saves what goes through parts, in a store that every runtime has. */
const scriptWith = (entry: string) => `
  import { ComputeUnit, openHome } from ${module(entry)};
  import { MemoryStore } from ${module("dist/stores/memory.js")};
  import { SqliteStore } from ${module("dist/stores/sqlite.js")};
  const memory = new MemoryStore({ valueBytes: 500, checks: 1, changes: 5, commitBytes: 2000 });
  const home = await openHome(memory, "large");
  for (let i = 0; i < 1000; i++) home.table.set("key " + i, i);
  await home.save();
  if ((await openHome(memory, "large")).table.get("key 999") !== 999) throw new Error("lost");
  try {
    const store = await SqliteStore.open(process.argv[2]);
    const cu = await ComputeUnit.create({ home: await openHome(store, "runs") });
    console.log(cu.compute("_home.runs = (_home.runs or 0) + 1 return _home.runs"));
    await cu.saveState();
    cu.dispose();
    await store.close();
  } catch (error) {
    console.log(error.message);
  }
`;

const WITHOUT_SQLITE = "Cannot open a SqliteStore: this runtime has no node:sqlite, as Deno has, and Node from 22.13";

for (const name of ["Node 20", "Node 22", "Node 24", "Node 26", "Bun"]) {
  const program = runtimes.get(name)?.program;
  Deno.test({
    name: `a script counts its own runs in ${name}, or is told what is missing`,
    ignore: program === undefined,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      const entry = name === "Bun" ? "dist/mod.js" : "dist/node/mod.js";
      await Deno.writeTextFile(`${folder}/count.mjs`, scriptWith(entry));
      const counts: string[] = [];
      for (let i = 0; i < 3; i++) {
        const { stdout, stderr } = await run(program!, [`${folder}/count.mjs`, `${folder}/state.db`]);
        counts.push(stdout || stderr);
      }
      assertEquals(counts, name === "Node 20" ? Array(3).fill(WITHOUT_SQLITE) : ["1", "2", "3"]);
      await Deno.remove(folder, { recursive: true });
    },
  });
}
