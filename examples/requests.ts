/**
 * Requests to handlers: global functions that Lua code defines. What they keep is in
 * `_home`, so it lasts from request to request.
 *
 *     deno run examples/requests.ts
 */

import { IoWrapper, LuaError } from "@computeunit/cu";

/** A request and what came of it. */
export interface Answer {
  request: string;
  answer: unknown;
}

const HANDLERS = `
  _home.stock = {}

  function receive(params)
    local stock = _home.stock
    stock[params.sku] = (stock[params.sku] or 0) + params.count
    return { sku = params.sku, count = stock[params.sku] }
  end

  function ship(params)
    local count = _home.stock[params.sku] or 0
    if params.count > count then
      error(("only %d of %s in stock"):format(count, params.sku))
    end
    _home.stock[params.sku] = count - params.count
    return { sku = params.sku, count = count - params.count }
  end
`;

/** Sends some requests, one of which fails and one of which nobody handles. */
export async function requests(): Promise<Answer[]> {
  using io = new IoWrapper({ timeLimit: 1000 });
  await io.computeWithIo(HANDLERS);

  const answers: Answer[] = [];
  const send = async (method: string, params: unknown) => {
    let answer: unknown;
    try {
      answer = (await io.request(method, params)).output;
    } catch (error) {
      if (!(error instanceof LuaError)) throw error;
      answer = `failed: ${error.message}`;
    }
    answers.push({ request: `${method} ${JSON.stringify(params)}`, answer });
  };

  await send("receive", { sku: "tea", count: 20 });
  await send("ship", { sku: "tea", count: 5 });
  await send("ship", { sku: "tea", count: 50 });
  await send("burn", { sku: "tea" });
  await send("receive", { sku: "tea", count: 1 });
  return answers;
}

if (import.meta.main) {
  for (const { request, answer } of await requests()) console.log(request, "->", answer);
}
