// A PostgreSQL server of a test's own: Debian's package, in a temporary folder, as an ordinary user.

import { run } from "../../tools/run.ts";

const DEBIAN_DIR = "/usr/lib/postgresql";

/** The folder of the server's programs; undefined where it isn't installed. */
async function findPrograms(): Promise<string | undefined> {
  const versions: string[] = [];
  try {
    for await (const { name } of Deno.readDir(DEBIAN_DIR)) versions.push(name);
  } catch {
    return undefined;
  }
  versions.sort((a, b) => Number(b) - Number(a));
  for (const version of versions) {
    const dir = `${DEBIAN_DIR}/${version}/bin`;
    if (await Deno.stat(`${dir}/initdb`).then(() => true, () => false)) return dir;
  }
}

/** The server refuses to run as root: the user that Debian's package makes stands in. */
async function asOrdinaryUser(command: string[]): Promise<void> {
  const isRoot = Deno.uid() === 0;
  const [program, ...args] = isRoot
    ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", ...command]
    : command;
  const { success, stdout, stderr } = await run(program, args);
  if (!success) throw new Error(`${command.join(" ")}\n${stdout}\n${stderr}`);
}

/** A port that is free now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A server that listens on this machine only. */
export class PostgresServer {
  /** A folder that the server's user may write to. */
  readonly #dir: string;
  readonly #programs: string;
  readonly #port = freePort();

  private constructor(dir: string, programs: string) {
    this.#dir = dir;
    this.#programs = programs;
  }

  /** Whether the server is installed. */
  static async isInstalled(): Promise<boolean> {
    return await findPrograms() !== undefined;
  }

  /** Makes a server and starts it. */
  static async start(): Promise<PostgresServer> {
    const programs = (await findPrograms())!;
    const dir = await Deno.makeTempDir({ prefix: "cu-pg-" });
    const server = new PostgresServer(dir, programs);
    if (Deno.uid() === 0) await run("chown", ["postgres:postgres", dir]);
    await asOrdinaryUser([`${programs}/initdb`, "-D", `${dir}/data`, "-U", "cu", "-A", "trust", "-E", "UTF8", "-N"]);
    await server.resume();
    return server;
  }

  /** Where it is. */
  get url(): string {
    return `postgres://cu@127.0.0.1:${this.#port}/postgres`;
  }

  /** Starts the server, and waits until it serves. */
  async resume(): Promise<void> {
    const settings = `-k '${this.#dir}' -p ${this.#port} -c listen_addresses=127.0.0.1 -c shared_buffers=16MB`;
    await this.#control("start", "-w", "-o", settings, "-l", `${this.#dir}/log`);
  }

  /** Ends the server at once, as a crash does, but for what is in the operating system's memory. */
  async crash(): Promise<void> {
    await this.#control("stop", "-m", "immediate");
  }

  /** Ends the server, and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#control("stop", "-m", "immediate").catch(() => {});
    await Deno.remove(this.#dir, { recursive: true });
  }

  #control(...args: string[]): Promise<void> {
    return asOrdinaryUser([`${this.#programs}/pg_ctl`, "-D", `${this.#dir}/data`, ...args]);
  }
}
