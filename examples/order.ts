/**
 * An order that waits two days for its payment, in twelve lines of Lua. The run is saved whenever it waits: the
 * process may end, or crash, and the next one goes on where it was.
 *
 *     deno run -A examples/order.ts orders.db A7          # reserves, writes a mail, and ends: nobody has paid yet
 *     deno run -A examples/order.ts orders.db A7 paid     # goes on where it was, and ships
 *     deno run -A examples/order.ts orders.db B8          # another one
 *     deno run -A examples/order.ts orders.db B8 later    # two days later: cancels it
 */

import { type DurableCall, runDurably, type Store } from "@computeunit/cu";
import { SqliteStore } from "@computeunit/cu/stores/sqlite";

const ORDER = `
  local task, order = require "task", _io.input
  reserve(order.items)
  mail(order.email, "Please pay " .. order.total)
  local paid = task.race(
    function() return payment(order.id) end,
    function() task.sleep(2 * 24 * 60 * 60 * 1000) return false end)
  if paid then ship(order.id, order.items) else release(order.items) end
  mail(order.email, paid and "Your order is on its way" or "Your order was cancelled")
  return paid and "shipped" or "cancelled"
`;

/** What the world does for an order. */
export interface World {
  /** Does something once: what has been done under an id already, isn't done again. */
  once: (id: string, what: string) => void;
  /** Whether an order has been paid; waits until it is, or the signal is aborted. */
  paid: (order: string, signal: AbortSignal) => Promise<boolean>;
  /** The time, in milliseconds since 1970. */
  now: () => number;
}

/** Handles an order from its beginning, or from where it was left; gives up waiting when the signal is aborted. */
export async function handleOrder(store: Store, id: string, world: World, signal?: AbortSignal): Promise<string> {
  const does = ({ id, name, args }: DurableCall) => world.once(id, `${name} ${args.map(String).join(": ")}`);
  const { value } = await runDurably<string>(store, `order ${id}`, ORDER, {
    input: { id, items: ["tea", "cup"], total: 14.5, email: "alice@example.com" },
    calls: {
      reserve: does,
      release: does,
      ship: does,
      mail: does,
      payment: ({ args, signal }) => world.paid(String(args[0]), signal),
    },
    now: world.now,
    signal,
  });
  return value;
}

if (import.meta.main) {
  const [file, id, event] = Deno.args;
  const leaving = new AbortController();
  await using store = await SqliteStore.open(file);
  const world: World = {
    // A service would note the id together with what it does.
    once: (id, what) => console.log(`${id}: ${what}`),
    paid: (_order, signal) => {
      if (event === "paid") return Promise.resolve(true);
      // Nothing comes today: the process ends, the run is in the store.
      if (event === undefined) queueMicrotask(() => leaving.abort());
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
    now: () => Date.now() + (event === "later" ? 2 * 24 * 60 * 60 * 1000 : 0),
  };
  const state = await handleOrder(store, id, world, leaving.signal).catch((error) => {
    if (!leaving.signal.aborted) throw error;
    return "waits for its payment";
  });
  console.log(`order ${id}: ${state}`);
}
