/**
 * An HTTP handler whose rules are Lua code that fetches: each request is a run of its own, which waits
 * for what it looks up while others go on. Run with `deno run --allow-net examples/fetching.ts`.
 *
 * @module
 */

import { ComputeUnit, LuaError } from "@computeunit/cu";

/** What a user's rule may look like: it has two powers, and a second for its own work. */
const RULE = `
  local http, task = require "http", require "task"
  local order = _io.input
  local price, rate = task.all(
    function() return http.json("/prices/" .. order.sku).price end,
    function() return http.json("/rates/" .. order.currency).rate end)
  log("priced", order.sku)
  _io.output = { sku = order.sku, total = price * rate * order.count, currency = order.currency }
`;

/** What rules have logged. */
const logged: unknown[][] = [];

/** Makes the handler: rules reach one service and nothing else. */
async function makeHandler(service: string): Promise<(request: Request) => Promise<Response>> {
  const cu = await ComputeUnit.create({
    memoryLimit: 16 * 1024 * 1024,
    timeLimit: 1000,
    library: "readonly",
    globals: { log: (...parts: unknown[]) => void logged.push(parts) },
    modules: {
      http: {
        async json(path: string): Promise<unknown> {
          const response = await fetch(new URL(path, service));
          if (!response.ok) throw new Error(`${path}: status ${response.status}`);
          return await response.json();
        },
      },
    },
  });
  return async (request) => {
    try {
      const { output } = await cu.computeAsync(RULE, {
        chunkName: "rule.lua",
        input: await request.json(),
        signal: AbortSignal.timeout(30_000),
        globals: "own",
        outputJson: true,
      });
      return new Response(output, { headers: { "content-type": "application/json" } });
    } catch (error) {
      if (!(error instanceof LuaError)) throw error;
      return Response.json({ error: error.message, line: error.line }, { status: 422 });
    }
  };
}

/** Serves it, and what its rules look things up in; asks three times at once. */
export async function fetching(): Promise<unknown[]> {
  const local = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
  const service = Deno.serve(local, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/prices/tea") return Response.json({ price: 4 });
    if (pathname.startsWith("/rates/")) return Response.json({ rate: pathname.endsWith("EUR") ? 1 : 1.25 });
    return new Response("not found", { status: 404 });
  });
  const handler = await makeHandler(`http://127.0.0.1:${service.addr.port}`);
  const server = Deno.serve(local, (request) => handler(request));
  const ask = async (order: unknown): Promise<unknown> => {
    const url = `http://127.0.0.1:${server.addr.port}`;
    const response = await fetch(url, { method: "POST", body: JSON.stringify(order) });
    return await response.json();
  };
  const answers = await Promise.all([
    ask({ sku: "tea", count: 2, currency: "EUR" }),
    ask({ sku: "tea", count: 2, currency: "USD" }),
    ask({ sku: "coffee", count: 1, currency: "EUR" }),
  ]);
  await server.shutdown();
  await service.shutdown();
  return answers;
}

if (import.meta.main) console.log(await fetching(), logged);
