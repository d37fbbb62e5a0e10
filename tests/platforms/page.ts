/**
 * Pages in a browser without a window: they are served here, and post what they found.
 *
 * @module
 */

/** What a page may do: no more than its own scripts, and WebAssembly. */
export const STRICT_POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};

/** Arguments of a browser by its name, with a profile of its own. */
const ARGUMENTS: Record<string, (profile: string) => string[]> = {
  Chromium: (profile) => [
    "--headless=new",
    "--no-sandbox", // as root it can't have one
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    `--user-data-dir=${profile}`,
  ],
  Firefox: (profile) => ["--headless", "--no-remote", "--profile", profile],
};

/** Serves a folder, and takes what its pages post. */
async function answer(request: Request, dir: URL, policy: string, take: (results: string) => void): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (request.method === "POST") {
    take(await request.text());
    return new Response();
  }
  const file = await Deno.readFile(new URL(`.${pathname}`, dir)).catch(() => undefined);
  if (file === undefined) return new Response("not found", { status: 404 });
  const type = TYPES[/\.\w+$/.exec(pathname)?.[0] ?? ""] ?? "application/octet-stream";
  return new Response(file, { headers: { "content-type": type, "content-security-policy": policy } });
}

/**
 * Opens a page in a browser.
 *
 * @param browser Its name.
 * @param program Its program.
 * @param dir The folder of the page and its scripts.
 * @param page The page.
 * @param policy Its Content-Security-Policy.
 * @returns What it posts, as JSON.
 */
export async function resultsOfPage<T>(
  browser: string,
  program: string,
  dir: URL,
  page = "page.html",
  policy = STRICT_POLICY,
): Promise<T> {
  let take!: (results: string) => void;
  const posted = new Promise<string>((resolve) => take = resolve);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    return answer(request, dir, policy, take);
  });
  const profile = await Deno.makeTempDir({ prefix: "cu-" });
  const url = `http://127.0.0.1:${server.addr.port}/${page}`;
  const args = [...ARGUMENTS[browser](profile), url];
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  try {
    const ended = child.status.then(({ code }) => {
      throw new Error(`${browser} ended with ${code} before the page had posted`);
    });
    return JSON.parse(await Promise.race([posted, ended]));
  } finally {
    child.kill("SIGTERM");
    await child.status.catch(() => {});
    await server.shutdown();
    // The browser's other processes may still be writing there.
    await Deno.remove(profile, { recursive: true }).catch(() => {});
  }
}
