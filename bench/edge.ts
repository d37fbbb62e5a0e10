/**
 * Latency of examples/edge/ at given rates, in Deno and in workerd on this machine, with tenants' own units and
 * with shared ones: `deno run -A tools/deno.ts run -A bench/edge.ts`. Requests are sent at their times, whether
 * those before were answered or not, by turns to three tenants, of which one asks a service and one keeps a count;
 * one in fifty loops for ever, and is ended by its steps. Server and client share the machine.
 * `CU_BENCH_SHORT=1` measures for one second.
 *
 * @module
 */

import { makeEdge } from "../tests/platforms/app.ts";
import { serveHandler } from "../tests/platforms/deno_serve.ts";
import { findRuntimes } from "../tests/platforms/runtimes.ts";
import { serveWorker } from "../tests/platforms/workerd.ts";

const RATES = [50, 200, 1000];
const SECONDS = Deno.env.get("CU_BENCH_SHORT") === "1" ? 1 : 3;
const TENANTS = ["shop", "asks", "adds"];
const BODY = JSON.stringify({ sku: "tea", items: [{ price: 4.5, count: 2 }, { price: 11, count: 1 }] });

interface Answer {
  ms: number;
  isRight: boolean;
}

async function send(url: string, i: number): Promise<Answer> {
  const tenant = i % 50 === 49 ? "loops" : TENANTS[i % TENANTS.length];
  const start = performance.now();
  const response = await fetch(url + tenant, { method: "POST", body: BODY });
  await response.text();
  return { ms: performance.now() - start, isRight: response.status === (tenant === "loops" ? 422 : 200) };
}

async function atRate(url: string, rate: number): Promise<Answer[]> {
  const start = performance.now();
  const answers: Promise<Answer>[] = [];
  while (answers.length < rate * SECONDS) {
    const due = Math.min(rate * SECONDS, (performance.now() - start) / 1000 * rate);
    while (answers.length < due) answers.push(send(url, answers.length));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return await Promise.all(answers);
}

function report(runtime: string, rate: number, answers: Answer[]): void {
  const sorted = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))].toFixed(1);
  const wrong = answers.filter(({ isRight }) => !isRight).length;
  console.log(
    `${runtime}\t${rate}/s\tmedian ${at(0.5)} ms\t95 % ${at(0.95)} ms\t99 % ${at(0.99)} ms\twrong ${wrong}`,
  );
}

async function measure(runtime: string, url: string): Promise<void> {
  for (const units of ["own", "shared"]) {
    await atRate(`${url}${units}/`, 20);
    for (const rate of RATES) report(`${runtime}, ${units} units`, rate, await atRate(`${url}${units}/`, rate));
  }
}

await using service = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => Response.json({ price: 4 }));
const dir = await makeEdge(`http://127.0.0.1:${service.addr.port}/v1/`);
const workerd = (await findRuntimes()).get("workerd");
{
  await using server = await serveHandler(dir, "main.js");
  await measure("Deno", server.url);
}
if (workerd !== undefined) {
  await using server = await serveWorker(workerd.program, dir, "main.js");
  await measure("workerd", server.url);
}
