/**
 * A rule engine: users write rules in Lua, which look prices up in the host's catalogue and share
 * a library of their own. A rule that fails says where; one that loops is ended.
 *
 *     deno run examples/rules.ts
 */

import { ComputeUnit, LuaError } from "@computeunit/cu";

/** An order to be judged. */
export interface Order {
  country: string;
  items: { sku: string; count: number }[];
}

/** What one rule says of an order. */
export interface Verdict {
  rule: string;
  /** What the rule gave, or where and why it failed. */
  says: unknown;
}

/** What the host lets rules look up. */
const CATALOGUE: Record<string, { price: number; weight: number }> = {
  tea: { price: 4.5, weight: 0.1 },
  anvil: { price: 99, weight: 50 },
};

/** What rules share, written in Lua. */
const LIBRARY = `
  local catalogue = require "catalogue"
  local library = {}
  function library.sum(order, field)
    local sum = 0
    for _, item in ipairs(order.items) do sum = sum + catalogue.find(item.sku)[field] * item.count end
    return sum
  end
  return library
`;

/** Rules as users write them: each is a function of the order. */
export const RULES: Record<string, string> = {
  "free shipping": `
    local library = require "library"
    return function(order) return order.country == "AT" and library.sum(order, "price") > 50 end`,
  "heavy goods": `
    local library = require "library"
    return function(order) return library.sum(order, "weight") > 30 and "by truck" or "by post" end`,
  "endless": `return function(order) while true do end end`,
};

/** Judges an order by rules, each in the same unit, which it can't leave or hold up. */
export async function rules(order: Order, given: Record<string, string> = RULES): Promise<Verdict[]> {
  using cu = await ComputeUnit.create({
    stepLimit: 1_000_000,
    modules: {
      catalogue: {
        find(sku: string) {
          const entry = CATALOGUE[sku];
          if (entry === undefined) throw new RangeError(`there is no ${sku} in the catalogue`);
          return entry;
        },
      },
      library: LIBRARY,
    },
  });
  return Object.entries(given).map(([rule, code]) => {
    try {
      cu.setInput(code);
      cu.compute("rule = assert(load(_io.input, '=rule'))()");
      return { rule, says: cu.call("rule", order) };
    } catch (error) {
      if (!(error instanceof LuaError)) throw error;
      return { rule, says: String(error) };
    }
  });
}

if (import.meta.main) {
  console.table(await rules({ country: "AT", items: [{ sku: "tea", count: 4 }, { sku: "anvil", count: 1 }] }));
}
