// examples/edge/ on the packed files, served by Deno and by workerd.

import { assertEquals } from "@std/assert";
import { makeEdge } from "./platforms/app.ts";
import { serveHandler } from "./platforms/deno_serve.ts";
import { findRuntimes } from "./platforms/runtimes.ts";
import { serveWorker } from "./platforms/workerd.ts";

const WORKERD = (await findRuntimes()).get("workerd")?.program;

/** What the tenants' service answers: a price, nothing until the test is over, or a redirect. */
function serviceUntil(isOver: Promise<void>): (request: Request) => Response | Promise<Response> {
  return ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname.endsWith("/never")) return isOver.then(() => new Response());
    if (pathname.endsWith("/elsewhere")) return Response.redirect("http://127.0.0.1/");
    return Response.json({ price: pathname.length });
  };
}

/** The answer of a tenant's rules: its status and JSON. */
async function ask(url: string, tenant: string, input: unknown = {}): Promise<[number, unknown]> {
  const response = await fetch(url + tenant, { method: "POST", body: JSON.stringify(input) });
  return [response.status, await response.json()];
}

async function checkEdge(url: string): Promise<void> {
  const shop = { items: [{ price: 4.5, count: 2 }, { price: 11, count: 1 }] };
  assertEquals(await ask(url, "shop", shop), [200, { sum: 20 }]);

  const skus = Array.from({ length: 50 }, (_, i) => "sku".padEnd(i + 4, "-"));
  assertEquals(
    await Promise.all(skus.map((sku) => ask(url, "asks", { sku }))),
    skus.map((sku) => [200, { sku, price: "/v1/".length + sku.length }]),
    "requests wait side by side in one unit",
  );
  for (let i = 0; i < 3; i++) assertEquals(await ask(url, "counts"), [200, 1], "a request sees no other's globals");
  assertEquals(await ask(url, "breaksout"), [200, false]);

  const steps = "limit of 1000000 steps exceeded";
  const stopped = { error: steps, kind: "limit", line: 1 };
  assertEquals(await ask(url, "loops"), [422, stopped]);
  assertEquals(await ask(url, "loopsprotected"), [422, stopped]);
  const [status, { kind }] = await ask(url, "hoards") as [number, { kind: string }];
  assertEquals([status, kind], [422, "memory"]);
  for (const tenant of ["waits", "sleeps"]) {
    assertEquals(await ask(url, tenant), [504, { error: "the rules waited too long" }], tenant);
  }
  assertEquals(await ask(url, "climbs"), [200, [
    "../secret leads out of prices",
    "there is no service constructor",
    "prices answered 302",
  ]]);
  assertEquals(await ask(url, "wrong"), [422, { error: "no items", kind: "runtime", line: 2 }]);
  assertEquals((await ask(url, "unreadable"))[0], 422);
  assertEquals((await ask(url, "nojson"))[0], 422);

  assertEquals(await ask(url, "nobody"), [404, { error: "there is no such tenant" }]);
  assertEquals(await ask(url, "shop", "x".repeat(100_000)), [413, { error: "more than 100000 bytes" }]);
  const broken = await fetch(url + "shop", { method: "POST", body: "{" });
  assertEquals([broken.status, await broken.json()], [400, { error: "the body is no JSON" }]);
  assertEquals(await ask(url, "shop", shop), [200, { sum: 20 }], "all that did no harm");
}

async function withEdge(work: (dir: URL) => Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, serviceUntil(promise));
  try {
    await work(await makeEdge(`http://127.0.0.1:${server.addr.port}/v1/`));
  } finally {
    resolve();
  }
}

Deno.test("the edge example holds its tenants in Deno", () =>
  withEdge(async (dir) => {
    await using server = await serveHandler(dir, "main.js");
    await checkEdge(server.url);
  }));

Deno.test({
  name: "the edge example holds its tenants in workerd",
  ignore: WORKERD === undefined,
  fn: () =>
    withEdge(async (dir) => {
      await using server = await serveWorker(WORKERD!, dir, "main.js");
      await checkEdge(server.url);
    }),
});
