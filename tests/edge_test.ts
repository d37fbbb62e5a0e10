// examples/edge/ on the packed files, served by Deno and by workerd.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { MemoryStore } from "@computeunit/cu/stores/memory";
import { edgeHandler } from "../examples/edge/handler.ts";
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

/** What holds whoever has the units; the address ends in whose they are. */
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
  assertEquals((await ask(url, "shares"))[0], 422);
  const { error } = (await ask(url, "sharesname"))[1] as { error: string };
  assertEquals(error, "name and path must be strings");

  assertEquals(await ask(url, "nobody"), [404, { error: "there is no such tenant" }]);
  assertEquals(await ask(url, "shop", "x".repeat(100_000)), [413, { error: "more than 100000 bytes" }]);
  for (const body of ["{", '{"items":"\\ud800"}', '{"\\udfff":1}']) {
    const broken = await fetch(url + "shop", { method: "POST", body });
    assertEquals([broken.status, await broken.json()], [400, { error: "the body is no JSON" }]);
  }
  assertEquals(await ask(url, "shop", shop), [200, { sum: 20 }], "all that did no harm");
  await checkState(url);
  await checkOthers(url);
}

const counted = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

/** Asks many times at once, and gives what was answered, sorted. */
async function askAtOnce(url: string, tenants: string[]): Promise<unknown[]> {
  const answers = await Promise.all(tenants.map((tenant) => ask(url, tenant)));
  assertEquals(answers.filter(([status]) => status !== 200), []);
  return answers.map(([, answer]) => answer).sort((a, b) => Number(a) - Number(b));
}

async function checkState(url: string): Promise<void> {
  for (const count of counted(3)) assertEquals(await ask(url, "adds"), [200, count], "_home lasts");
  const rest = await askAtOnce(url, Array.from({ length: 27 }, (_, i) => i % 3 === 0 ? "adds?second" : "adds"));
  assertEquals(rest, counted(30).slice(3), "of requests at once, by two instances, no change is lost");
  assertEquals(await askAtOnce(url, Array(10).fill("addslater")), counted(10), "nor of those that wait in between");
  const both = Array.from({ length: 6 }, (_, i) => i % 2 === 0 ? "addslater" : "addslater?second");
  assertEquals(await askAtOnce(url, both), counted(16).slice(10));

  assertEquals(await ask(url, "fails"), [200, 1]);
  assertEquals((await ask(url, "fails", { fails: true }))[0], 422);
  assertEquals(await ask(url, "fails"), [200, 2], "of rules that fail, nothing is kept");
  const [late, inTime] = await Promise.all([ask(url, "holds", { waits: true }), ask(url, "holds")]);
  assertEquals([late[0], inTime], [504, [200, 1]], "nor of those that are given up");
  assertEquals((await ask(url, "fills"))[0], 422);
  assertEquals((await ask(url, "fills?second"))[0], 422, "state has a limit");
}

async function checkOthers(url: string): Promise<void> {
  assertEquals((await ask(url, "leaves"))[0], 200);
  for (let i = 0; i < 3; i++) {
    assertEquals(await ask(url, "looks"), [200, [0, "none"]], "tenants see nothing of others");
  }
  const tenants = ["leaves", "looks", "adds", "asks", "looks"];
  const answers = await Promise.all(
    Array.from({ length: 25 }, (_, i) => ask(url, tenants[i % tenants.length], { sku: "tea" })),
  );
  for (let i = 0; i < 25; i++) {
    assertEquals(answers[i][0], 200);
    if (tenants[i % tenants.length] === "looks") assertEquals(answers[i][1], [0, "none"]);
  }
  assertNotEquals(await ask(url, "random"), await ask(url, "random2"));
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

for (const units of ["own", "shared"]) {
  Deno.test(`the edge example holds its tenants in Deno, with ${units} units`, () =>
    withEdge(async (dir) => {
      await using server = await serveHandler(dir, "main.js");
      await checkEdge(`${server.url}${units}/`);
    }));

  Deno.test({
    name: `the edge example holds its tenants in workerd, with ${units} units`,
    ignore: WORKERD === undefined,
    fn: () =>
      withEdge(async (dir) => {
        await using server = await serveWorker(WORKERD!, dir, "main.js");
        await checkEdge(`${server.url}${units}/`);
      }),
  });
}

const ADDS = { adds: { services: {}, rules: "_home.n = (_home.n or 0) + 1 _io.output = _home.n" } };

const post = () => new Request("http://localhost/adds", { method: "POST", body: "{}" });

Deno.test("the edge example gives up where others save all the time, and has lost nothing then", async () => {
  const store = new MemoryStore();
  const commit = store.commit.bind(store);
  let commits = 0;
  store.commit = () => Promise.resolve(void commits++);
  const handle = edgeHandler(ADDS, { store, requestMs: 600_000 });
  const refused = await handle(post());
  assertEquals([refused.status, await refused.json()], [503, { error: "other requests are in the way" }]);
  assert(commits > 1 && commits <= 100);
  store.commit = commit;
  assertEquals(await (await handle(post())).json(), 1);
});

Deno.test("the edge example lets work end whose client has gone", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const store = new MemoryStore();
  const commit = store.commit.bind(store);
  store.commit = (...changes) => promise.then(() => commit(...changes));
  let hasEnded = false;
  const works: Promise<unknown>[] = [];
  const waitUntil = (work: Promise<unknown>) => void works.push(work.then(() => hasEnded = true));
  const answer = edgeHandler(ADDS, { store, requestMs: 600_000 })(post(), undefined, { waitUntil });
  while (works.length === 0) await new Promise((resolve) => setTimeout(resolve));
  assertEquals(hasEnded, false);
  resolve();
  await Promise.all(works);
  assertEquals((await answer).status, 200);
});
