/**
 * The same as `@computeunit/cu`, for workerd (Cloudflare Workers) and what else bundles a worker
 * before it is deployed: the WASM module is an import of its own (`import source`), as such
 * runtimes compile no bytes while they run, and the bundle goes without the module's text.
 *
 * Where a worker is deployed, its clock stands still while code computes: it goes on only with
 * what the worker waits for. So a `timeLimit` never ends code there. That is why units have a
 * `stepLimit` of 10,000,000 by default here, 0.05 to 1 s of computing; give another one, or
 * `Infinity`, to change that.
 *
 * Imported beside `@computeunit/cu` in one program, it holds for units of both.
 *
 * @example A handler, which a worker's main module exports as its default
 * ```ts
 * import { ComputeUnit } from "@computeunit/cu/workerd";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = {
 *   async fetch(request: Request): Promise<Response> {
 *     const cu = await ComputeUnit.create({ stepLimit: 1_000_000 });
 *     try {
 *       cu.setInput(await request.json());
 *       cu.compute("_io.output = { total = _io.input.price * 2 }");
 *       return new Response(cu.getOutputJson(), { headers: { "content-type": "application/json" } });
 *     } finally {
 *       cu.dispose();
 *     }
 *   },
 * };
 *
 * const request = new Request("https://example.com", { method: "POST", body: '{"price": 4.5}' });
 * assertEquals(await (await handler.fetch(request)).json(), { total: 9 });
 * ```
 *
 * @module
 */

export * from "../src/api.ts";
