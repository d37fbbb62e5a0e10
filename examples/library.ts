/**
 * A Lua library, used unchanged: dkjson, as LuaRocks has it, tidies JSON text. Here it comes out of
 * an npm package that has its file in it. What `luarocks install --tree lua_modules dkjson` put
 * into a folder, in Deno as in Node, is found there instead:
 *
 *     deno run examples/library.ts
 *     deno run --allow-read examples/library.ts lua_modules/share/lua/5.4
 */

import { ComputeUnit } from "@computeunit/cu";
import { directoryModules } from "@computeunit/cu/directory";
import dkjson from "lua.vm.js/xmpp/dkjson.lua" with { type: "text" };

/** JSON text as it should be, or what is wrong with it. */
export interface Tidied {
  text?: string;
  problem?: string;
}

const CODE = `
  local json = require "dkjson"
  local text, keys = _io.input, _io.meta
  local value, position, problem = json.decode(text, 1, json.null)
  if problem then return { problem = problem } end
  return { text = json.encode(value, { indent = true, keyorder = keys }) }
`;

/**
 * Indents JSON text, with the keys of objects in an order.
 *
 * @param text What should be JSON.
 * @param keys Keys in the order in which they should stand; others come after them.
 * @param directory A folder with the library; default is the one in the npm package.
 */
export async function tidy(text: string, keys: string[], directory?: string): Promise<Tidied> {
  const powers = directory === undefined ? { modules: { dkjson } } : { resolveModule: directoryModules(directory) };
  using cu = await ComputeUnit.create(powers);
  cu.setInput(text);
  cu.setMetadata(keys);
  return cu.compute<Tidied>(CODE);
}

if (import.meta.main) {
  const order = `{"items":[{"count":4,"sku":"tea"}],"customer":null,"id":7}`;
  console.log((await tidy(order, ["id", "customer", "items", "sku", "count"], Deno.args[0])).text);
  console.log((await tidy(`{"id": 7, "items": [}`, [], Deno.args[0])).problem);
}
