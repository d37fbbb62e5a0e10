// What builds that check themselves look at: the whole heap, whenever the collector begins.

import { assertEquals, assertThrows } from "@std/assert";
import { unitAndInstance } from "../helpers/instance.ts";

/** Where a table has its metatable (lobject.h). */
const METATABLE_OFFSET = 24;

// Under stress all garbage is collected at each allocation, and so no table is young.
const ignore = Deno.env.get("CU_CHECKS") !== "all";

Deno.test("a heap whose collector would go wrong traps", { ignore }, async () => {
  for (const isTold of [true, false]) {
    const { cu, instance } = await unitAndInstance();
    using _ = cu;
    // The one is old, the other young, as no collection has seen it.
    const tables = cu.compute<string>(`
      collectgarbage("generational")
      old = {}
      collectgarbage() collectgarbage()
      young = {}
      return tostring(old) .. " " .. tostring(young)`);
    const [old, young] = [...tables.matchAll(/0x([0-9a-f]+)/g)].map(([, address]) => parseInt(address, 16));
    if (isTold) cu.compute("setmetatable(old, young)");
    else new DataView(instance.exports.memory.buffer).setUint32(old + METATABLE_OFFSET, young, true);
    if (isTold) assertEquals(cu.compute("collectgarbage() return getmetatable(old) == young"), true);
    else assertThrows(() => cu.compute("collectgarbage()"), Error, "broken");
  }
});
