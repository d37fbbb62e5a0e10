/**
 * Structured input, Lua code, structured output.
 *
 *     deno run examples/basic.ts
 */

import { ComputeUnit } from "@computeunit/cu";

/** What the Lua code gives back. */
export interface Invoice {
  customer: string;
  lines: { sku: string; amount: number }[];
  total: number;
}

/** Prices an order by rules that are written in Lua. */
export async function basic(): Promise<Invoice> {
  using cu = await ComputeUnit.create();

  cu.setInput({
    customer: { name: "Alice", discount: 0.25 },
    items: [
      { sku: "tea", price: 4.5, count: 2 },
      { sku: "cup", price: 11, count: 1 },
    ],
  });

  cu.compute(`
    local customer, items = _io.input.customer, _io.input.items
    local lines, total = {}, 0
    for i, item in ipairs(items) do
      local amount = item.price * item.count * (1 - customer.discount)
      lines[i] = { sku = item.sku, amount = amount }
      total = total + amount
    end
    _io.output = { customer = customer.name, lines = lines, total = total }
  `);

  return cu.getOutput<Invoice>();
}

if (import.meta.main) console.log(await basic());
