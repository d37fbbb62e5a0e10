/**
 * Workers in workerd, the runtime of Cloudflare's Workers.
 *
 * @module
 */

import { pathOf } from "../../tools/run.ts";

/** A worker that answers. */
export interface WorkerServer extends AsyncDisposable {
  url: string;
}

/** What kinds of modules files are to workerd. */
const KINDS: Record<string, string> = { ".js": "esModule", ".wasm": "wasm" };

/** The modules in a folder, but what packages hold. */
async function modulesIn(dir: URL, path = ""): Promise<string[]> {
  const modules: string[] = [];
  for await (const { name, isFile } of Deno.readDir(new URL(path, dir))) {
    if (name === "node_modules") continue;
    if (!isFile) modules.push(...await modulesIn(dir, `${path}${name}/`));
    else if (/\.(js|wasm)$/.test(name)) modules.push(path + name);
  }
  return modules.sort();
}

/** A configuration that serves a worker, of which it has the definition. */
function configOf(worker: string): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker), (name = "internet", network = (allow = ["public", "private"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
${worker}`;
}

function workerOf(main: string, modules: string[]): string {
  const listed = [main, ...modules.filter((name) => name !== main)].map((name) =>
    `(name = "${name}", ${KINDS[/\.\w+$/.exec(name)![0]]} = embed "${name}")`
  );
  // What a bundler would find by the package's name.
  listed.push(`(name = "@computeunit/cu", esModule = "export * from '../library/dist/workerd.js'")`);
  const memory = "export * from '../../../library/dist/stores/memory.js'";
  listed.push(`(name = "@computeunit/cu/stores/memory", esModule = "${memory}")`);
  return `const worker :Workerd.Worker = (
  modules = [
    ${listed.join(",\n    ")}
  ],
  compatibilityDate = "2026-11-01",
);
`;
}

/** The first port that workerd says it listens on. */
async function portOf(stdout: ReadableStream<Uint8Array>): Promise<number | undefined> {
  let text = "";
  for await (const chunk of stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const match = /"port":\s*(\d+)/.exec(text);
    if (match) return Number(match[1]);
  }
}

/**
 * Serves a worker.
 *
 * @param program The program workerd.
 * @param dir The folder of its modules; a configuration is written there.
 * @param main The module that has the handler.
 */
export async function serveWorker(program: string, dir: URL, main: string): Promise<WorkerServer> {
  return await serveDefined(program, new URL(`${main}.capnp`, dir), workerOf(main, await modulesIn(dir)));
}

/**
 * The same for a worker whose definition is given.
 *
 * @param config Where the configuration is written; names of files in the definition count from there.
 * @param worker The definition.
 */
export async function serveDefined(program: string, config: URL, worker: string): Promise<WorkerServer> {
  await Deno.writeTextFile(config, configOf(worker));
  const child = new Deno.Command(program, {
    args: ["serve", "--control-fd=1", pathOf(config)],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  const stop = async () => {
    child.kill("SIGTERM");
    await child.status;
    await said;
  };
  const port = await portOf(child.stdout);
  if (port === undefined) throw new Error(`workerd ended: ${await said}`);
  return { url: `http://127.0.0.1:${port}/`, [Symbol.asyncDispose]: stop };
}

/** What a worker answers, as JSON. */
export async function resultsOfWorker<T>(program: string, dir: URL, main: string): Promise<T> {
  await using server = await serveWorker(program, dir, main);
  const response = await fetch(server.url);
  const text = await response.text();
  if (!response.ok) throw new Error(`The worker failed: ${text}`);
  return JSON.parse(text);
}
