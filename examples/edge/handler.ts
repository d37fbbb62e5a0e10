/**
 * Rules of many tenants over requests, at the edge: each tenant's Lua code has a unit of its own,
 * in which it sees the request's JSON, may ask the services that it was given, and answers with
 * what it leaves in `_io.output`. A request has limits: of its body, steps, time and memory.
 *
 * @module
 */

import { ComputeUnit, LuaError } from "@computeunit/cu";

/** A customer whose rules run here. */
export interface Tenant {
  /** Lua code: `_io.input` is the request's JSON, `_io.output` becomes the answer's. */
  rules: string;
  /** Services that the rules may ask by `require("services").get(name, path)`, and where they are. */
  services: Record<string, string>;
}

/** Bytes of a request's body. */
const BODY_MAX = 100_000;
/** Bytes of a tenant's unit: so many tenants fit into a worker of 128 MB. */
const MEMORY_LIMIT = 8 * 1024 * 1024;
const UNITS_MAX = 10;
/** Steps that a request's rules may take: 5 to 100 ms of computing. The one limit that holds where clocks stand still. */
const STEP_LIMIT = 1_000_000;
/** Milliseconds that a request may take, what it waits for included. */
const REQUEST_MS = 2_000;

/** Thrown for what a service did wrong: the rules can catch it. */
class ServiceError extends Error {
  override name = "ServiceError";
}

/** What rules may call: they name a service, never an address. */
function servicesOf(tenant: Tenant, serviceMs: number) {
  return {
    get: async (service: string, path: string): Promise<unknown> => {
      if (!Object.hasOwn(tenant.services, service)) throw new ServiceError(`there is no service ${service}`);
      const base = new URL(tenant.services[service]);
      const url = new URL(`${base.pathname}${encodeURI(path)}`, base);
      if (url.origin !== base.origin || !url.pathname.startsWith(base.pathname)) {
        throw new ServiceError(`${path} leads out of ${service}`);
      }
      // A redirect would lead where the tenant wasn't let in.
      const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(serviceMs) });
      if (!response.ok) throw new ServiceError(`${service} answered ${response.status}`);
      return await response.json();
    },
  };
}

function makeUnit(tenant: Tenant, serviceMs: number): Promise<ComputeUnit> {
  return ComputeUnit.create({
    memoryLimit: MEMORY_LIMIT,
    stepLimit: STEP_LIMIT,
    library: "readonly",
    modules: { services: servicesOf(tenant, serviceMs) },
  });
}

/** A tenant's unit, and the requests that are at work in it. */
interface Place {
  unit: Promise<ComputeUnit>;
  requests: number;
}

/** The units of the tenants that were last at work. */
class Units {
  readonly #places = new Map<string, Place>();
  readonly #serviceMs: number;

  /** @param serviceMs Milliseconds that a service has to answer. */
  constructor(serviceMs: number) {
    this.#serviceMs = serviceMs;
  }

  /** Does something in a tenant's unit, which several requests may use side by side. */
  async use<T>(name: string, tenant: Tenant, work: (unit: ComputeUnit) => Promise<T>): Promise<T> {
    const place = this.#places.get(name) ?? { unit: makeUnit(tenant, this.#serviceMs), requests: 0 };
    // The last one that was used stands last.
    this.#places.delete(name);
    this.#places.set(name, place);
    place.requests++;
    try {
      return await work(await place.unit);
    } catch (error) {
      // What isn't an error of the rules may have broken the unit: the next request gets a new one.
      if (!(error instanceof LuaError) && this.#places.get(name) === place) this.#places.delete(name);
      throw error;
    } finally {
      place.requests--;
      await this.#letGo();
    }
  }

  /** Frees units that nothing uses, the longest unused first. */
  async #letGo(): Promise<void> {
    for (const [name, { unit, requests }] of this.#places) {
      if (this.#places.size <= UNITS_MAX) return;
      if (requests > 0) continue;
      this.#places.delete(name);
      (await unit).dispose();
    }
  }
}

function refuse(status: number, error: string): Response {
  return Response.json({ error }, { status });
}

/** The request's JSON, or why there is none. */
async function readInput(request: Request): Promise<{ input: unknown } | Response> {
  if (request.method !== "POST") return refuse(405, "POST a JSON value");
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength > BODY_MAX) return refuse(413, `more than ${BODY_MAX} bytes`);
  try {
    return { input: JSON.parse(new TextDecoder().decode(bytes)) };
  } catch {
    return refuse(400, "the body is no JSON");
  }
}

/** The answer for what was thrown: what a tenant's rules did wrong is told, all else isn't. */
function answerFor(error: unknown): Response {
  if (error instanceof LuaError) {
    const { kind, message, line } = error;
    return Response.json({ error: message, kind, line }, { status: 422 });
  }
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return refuse(504, "the rules waited too long");
  }
  if (error instanceof TypeError) return refuse(422, error.message); // the output can't be passed, or isn't JSON
  throw error;
}

/**
 * Makes the handler of a worker or server.
 *
 * @param tenants The tenants by their names, which are the paths of requests.
 * @param requestMs Milliseconds that a request may take, what it waits for included.
 * @returns What answers requests.
 */
export function edgeHandler(
  tenants: Record<string, Tenant>,
  requestMs = REQUEST_MS,
): (request: Request) => Promise<Response> {
  // A request that may take longer lets its services take longer, too.
  const units = new Units(Math.max(requestMs, REQUEST_MS));
  return async (request) => {
    const name = new URL(request.url).pathname.slice(1);
    if (!Object.hasOwn(tenants, name)) return refuse(404, "there is no such tenant");
    const read = await readInput(request);
    if (read instanceof Response) return read;
    try {
      return await units.use(name, tenants[name], async (unit) => {
        const { output } = await unit.computeAsync(tenants[name].rules, {
          input: read.input,
          chunkName: "rules",
          // What one request's rules set, another's don't see.
          globals: "own",
          signal: AbortSignal.timeout(requestMs),
        });
        return Response.json(output);
      });
    } catch (error) {
      return answerFor(error);
    }
  };
}
