/**
 * Handlers served by `deno serve`.
 *
 * @module
 */

import type { WorkerServer } from "./workerd.ts";

/** The address that a server says it listens at. */
async function addressOf(output: ReadableStream<Uint8Array>): Promise<string | undefined> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of output) {
    text += decoder.decode(chunk, { stream: true });
    const match = /http:\/\/[\d.:]+\d/.exec(text);
    if (match) return `${match[0]}/`;
  }
}

/**
 * Serves the handler that a module in a folder exports, with no permission but the network.
 *
 * @param dir The folder, with a deno.json.
 * @param main The module.
 */
export async function serveHandler(dir: URL, main: string): Promise<WorkerServer> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["serve", "--no-prompt", "--allow-net=127.0.0.1", "--host=127.0.0.1", "--port=0", main],
    cwd: dir,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const url = await addressOf(child.stderr);
  if (url === undefined) throw new Error("Cannot serve: deno serve ended");
  const stop = async () => {
    child.kill("SIGTERM");
    await child.status;
  };
  return { url, [Symbol.asyncDispose]: stop };
}
