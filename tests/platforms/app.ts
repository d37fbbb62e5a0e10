/**
 * A project that has the packed library installed, and the core to run, in `.build/platforms/app/`.
 *
 * @module
 */

import { pack } from "../../tools/pack.ts";
import { pathOf, run } from "../../tools/run.ts";

const appDir = new URL("../../.build/platforms/app/", import.meta.url);

const edgeDir = new URL("../edge/", appDir);

/** Where the packed library is in the project. */
export const LIBRARY_DIR = "node_modules/@computeunit/cu/";

/** Scripts that run the core and give the results, by how a runtime finds the library. */
const SCRIPTS: Record<string, string> = {
  "package.json": JSON.stringify({ type: "module", private: true }),
  "by_name.js": `
import * as cu from "@computeunit/cu";
import { runCore } from "./core.js";
console.log(JSON.stringify(await runCore(cu)));
`,
  "by_path.js": `
import * as cu from "./library/dist/mod.js";
import { runCore } from "./core.js";
console.log(JSON.stringify(await runCore(cu)));
`,
  // As far back as the library is meant to work: names that runtimes of 2023 don't have yet.
  "older.js": `
const { Symbol: own } = globalThis;
const older = function Symbol(text) { return own(text); };
for (const name of Object.getOwnPropertyNames(own)) {
  if (!["dispose", "asyncDispose", "length", "name", "prototype"].includes(name)) older[name] = own[name];
}
older.prototype = own.prototype;
globalThis.Symbol = older;
for (const name of ["Float16Array", "SharedArrayBuffer", "Iterator", "DisposableStack"]) delete globalThis[name];
const newer = [
  [Promise, ["withResolvers", "try"]],
  [Array, ["fromAsync"]],
  [Object, ["groupBy"]],
  [Map, ["groupBy"]],
  [Error, ["isError"]],
  [AbortSignal, ["any"]],
  [Set.prototype, ["union", "difference", "intersection"]],
  [Array.prototype, ["toSorted", "toReversed", "toSpliced", "with"]],
  [ArrayBuffer.prototype, ["resize", "transfer", "detached"]],
  [Uint8Array.prototype, ["toHex", "toBase64"]],
  [DataView.prototype, ["getFloat16", "setFloat16"]],
];
for (const [holder, names] of newer) for (const name of names) delete holder[name];
`,
  "page.html": `<!doctype html><meta charset="utf-8"><title>cu</title><script type="module" src="page.js"></script>`,
  "page.js": `
import * as cu from "./library/dist/mod.js";
import { runCore } from "./core.js";
await fetch("results", { method: "POST", body: JSON.stringify(await runCore(cu)) });
`,
  "page_without.js": `
import { ComputeUnit } from "./library/dist/mod.js";
const error = await ComputeUnit.create().then(() => undefined, (error) => error);
await fetch("results", { method: "POST", body: JSON.stringify(String(error)) });
`,
  "page_without.html": `<!doctype html><title>cu</title><script type="module" src="page_without.js"></script>`,
  "worker.js": `
import * as cu from "./library/dist/workerd.js";
import { runCore } from "./core.js";
export default { fetch: async () => Response.json(await runCore(cu)) };
`,
  "worker_of_module.js": `
import * as cu from "./library/dist/mod.js";
import module from "./library/wasm/cu.wasm";
import { runCore } from "./core.js";
export default { fetch: async () => Response.json(await runCore(cu, module)) };
`,
  "worker_without.js": `
import { ComputeUnit } from "./library/dist/mod.js";
const create = () => ComputeUnit.create().then(() => undefined, (error) => error);
export default { fetch: async () => Response.json(String(await create())) };
`,
  // As where a worker is deployed: the clock goes on only between events.
  "worker_that_stands.js": `
import { ComputeUnit } from "./library/dist/workerd.js";
performance.now = Date.now = () => 0;
export default {
  async fetch() {
    const cu = await ComputeUnit.create({ timeLimit: 100 });
    const messages = [];
    for (const code of ["while true do end", "return 'works'"]) {
      try {
        messages.push(cu.compute(code));
      } catch (error) {
        messages.push(error.message);
      }
    }
    return Response.json(messages);
  },
};
`,
};

async function copyFolder(from: URL, to: URL): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isFile } of Deno.readDir(from)) {
    if (isFile) await Deno.copyFile(new URL(name, from), new URL(name, to));
    else await copyFolder(new URL(`${name}/`, from), new URL(`${name}/`, to));
  }
}

async function transpile(source: URL, to: URL): Promise<void> {
  const { success, stderr } = await run(Deno.execPath(), [
    "transpile",
    "--no-config",
    pathOf(source),
    "-o",
    pathOf(to),
  ]);
  if (!success) throw new Error(`Cannot transpile ${pathOf(source)}\n${stderr}`);
}

/** Makes the project anew, of the files that are packed. */
export async function makeApp(): Promise<URL> {
  const { dir } = await pack();
  await Deno.remove(appDir, { recursive: true }).catch(() => {});
  await copyFolder(dir, new URL(LIBRARY_DIR, appDir));
  // The same files where what finds no packages loads them.
  await copyFolder(dir, new URL("library/", appDir));
  for (const [name, text] of Object.entries(SCRIPTS)) await Deno.writeTextFile(new URL(name, appDir), text);
  await transpile(new URL("core.ts", import.meta.url), new URL("core.js", appDir));
  return appDir;
}

/** Makes a project of examples/edge/ with tenants of its own, whose one service is at an address. */
export async function makeEdge(service: string): Promise<URL> {
  const { dir } = await pack();
  await Deno.remove(edgeDir, { recursive: true }).catch(() => {});
  await copyFolder(dir, new URL("library/", edgeDir));
  await transpile(new URL("../../examples/edge/handler.ts", import.meta.url), new URL("handler.js", edgeDir));
  await transpile(new URL("edge_tenants.ts", import.meta.url), new URL("edge_tenants.js", edgeDir));
  const main = `
import { edgeHandler } from "./handler.js";
import { tenantsWith } from "./edge_tenants.js";
import { MemoryStore } from "@computeunit/cu/stores/memory";
const tenants = tenantsWith(${JSON.stringify(service)});
// Who waits for what never comes is soon given up; others have all the time that a slow machine needs.
const handlersOf = (units) => {
  const store = new MemoryStore();
  const [hasty, patient, second] = [500, 600_000, 600_000].map((requestMs) =>
    edgeHandler(tenants, { store, units, requestMs })
  );
  return { hasty, patient, second };
};
const handlers = { own: handlersOf("own"), shared: handlersOf("shared") };
const waits = /\\/(waits|sleeps|holds)$/;
// /own/TENANT, /shared/TENANT; with ?second by another instance, as it were, on the same store.
export default {
  fetch(request, env, context) {
    const { pathname, searchParams, origin } = new URL(request.url);
    const [, units, tenant] = pathname.split("/");
    const { hasty, patient, second } = handlers[units];
    const handler = searchParams.has("second") ? second : waits.test(pathname) ? hasty : patient;
    return handler(new Request(new URL(tenant, origin), request), env, context);
  },
};
`;
  await Deno.writeTextFile(new URL("main.js", edgeDir), main);
  const imports = {
    "@computeunit/cu": "./library/dist/mod.js",
    "@computeunit/cu/stores/memory": "./library/dist/stores/memory.js",
  };
  await Deno.writeTextFile(new URL("deno.json", edgeDir), JSON.stringify({ imports }));
  return edgeDir;
}
