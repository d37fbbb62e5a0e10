// What another process does, in state_test.ts.

import { openHome } from "../../src/state/home.ts";
import { SqliteStore } from "../../src/state/sqlite_store.ts";

await using store = await SqliteStore.open(Deno.args[0]);
const home = await openHome(store, "main");
home.table.set("other", 1);
await home.save();
