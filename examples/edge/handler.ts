/**
 * Rules of many tenants over requests, at the edge: a tenant's Lua code sees the request's JSON, may ask
 * the services that it was given, keeps in `_home` what it must know next time, and answers with what it
 * leaves in `_io.output`. A request has limits: of its body, steps, time and memory.
 *
 * Where tenants are few, each has a unit of its own, with its state; where they are many, units go from
 * tenant to tenant, each time blank again and with the next one's state.
 *
 * @module
 */

import { ComputeUnit, ConflictError, type Home, LuaError, openHome, type Snapshot, type Store } from "@computeunit/cu";
import { MemoryStore } from "@computeunit/cu/stores/memory";

/** A customer whose rules run here. */
export interface Tenant {
  /** Lua code: `_io.input` is the request's JSON, `_io.output` becomes the answer's. */
  rules: string;
  /** Services that the rules may ask by `require("services").get(name, path)`, and where they are. */
  services: Record<string, string>;
}

/** Options of {@linkcode edgeHandler}. */
export interface EdgeOptions {
  /**
   * Where the tenants' state is kept, each under `tenant:` and its name: on Deno Deploy, `await KvStore.open()`.
   *
   * @default {new MemoryStore()}
   */
  store?: Store;
  /**
   * Whether a tenant that was at work keeps its unit, with its compiled rules and its state (the ten that were
   * last at work do so), or leaves it to whoever comes next: restored to a blank snapshot, with what the store has.
   *
   * @default {"own"}
   */
  units?: "own" | "shared";
  /**
   * Milliseconds that a request may take, what it waits for included.
   *
   * @default {2000}
   */
  requestMs?: number;
}

/** What a worker's runtime gives beside a request. */
export interface RequestContext {
  /** Lets the request's work end where its client has gone. */
  waitUntil?(work: Promise<unknown>): void;
}

/** Bytes of a request's body. */
const BODY_MAX = 100_000;
/** Bytes of a tenant's unit: so many tenants fit into a worker of 128 MB. */
const MEMORY_LIMIT = 8 * 1024 * 1024;
const UNITS_MAX = 10;
/** Bytes of a tenant's state. */
const STATE_LIMIT = 1024 * 1024;
/** Steps that a request's rules may take: 5 to 100 ms of computing. The one limit that holds where clocks stand still. */
const STEP_LIMIT = 1_000_000;
/** Milliseconds that a request may take, what it waits for included. */
const REQUEST_MS = 2_000;
/** How often a request is tried that others are in the way of, and the longest pause before the next time. */
const ATTEMPTS_MAX = 100;
const PAUSE_MS_MAX = 50;

/** Thrown for what a service did wrong: the rules can catch it. */
class ServiceError extends Error {
  override name = "ServiceError";
}

/** What rules may call: they name a service, never an address. */
function servicesOf(current: () => Tenant, serviceMs: number) {
  return {
    // Rules may call it with anything: a list's text, made for its name, may be longer than any memory.
    get: async (service: unknown, path: unknown): Promise<unknown> => {
      if (typeof service !== "string" || typeof path !== "string") {
        throw new ServiceError("name and path must be strings");
      }
      const { services } = current();
      if (!Object.hasOwn(services, service)) throw new ServiceError(`there is no service ${service}`);
      const base = new URL(services[service]);
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

/** A unit that is one tenant's at a time. */
class TenantUnit {
  readonly #unit: ComputeUnit;
  readonly #blank: Snapshot;
  readonly #current: { tenant: Tenant };
  #home: Home | undefined;
  readonly #running = new Set<Promise<unknown>>();
  #saving: Promise<void> | undefined;

  private constructor(unit: ComputeUnit, current: { tenant: Tenant }) {
    this.#unit = unit;
    this.#blank = unit.snapshot();
    this.#current = current;
  }

  static async create(tenant: Tenant, serviceMs: number): Promise<TenantUnit> {
    const current = { tenant };
    const unit = await ComputeUnit.create({
      memoryLimit: MEMORY_LIMIT,
      stateLimit: STATE_LIMIT,
      stepLimit: STEP_LIMIT,
      library: "readonly",
      modules: { services: servicesOf(() => current.tenant, serviceMs) },
    });
    return new TenantUnit(unit, current);
  }

  /** Begins for a tenant: nothing is left of the one before. */
  begin(tenant: Tenant, home: Home): void {
    this.#unit.restore(this.#blank, { home });
    // Or each tenant would have the same numbers by chance.
    this.#unit.compute("math.randomseed()");
    this.#current.tenant = tenant;
    this.#home = home;
  }

  /**
   * Runs the tenant's rules, side by side with those that wait, and gives their output as JSON; what they have
   * changed is saved then.
   */
  async run(input: unknown, signal: AbortSignal): Promise<string> {
    while (this.#saving !== undefined) await this.#saving;
    const run = this.#unit.computeAsync(this.#current.tenant.rules, {
      input,
      signal,
      chunkName: "rules",
      // What one request's rules set, another's don't see; and of rules that fail, nothing stays.
      globals: "own",
      transaction: true,
      // Written within the limits: JSON.stringify has none, and rules may give what is small and has no end as JSON.
      outputJson: true,
    });
    this.#running.add(run);
    const { output } = await run.finally(() => this.#running.delete(run));
    if (this.#home!.isChanged) await (this.#saving ??= this.#save());
    return output;
  }

  /** Saves when no transaction is open. Those that come meanwhile wait, or there would always be one. */
  async #save(): Promise<void> {
    try {
      await Promise.allSettled(this.#running);
      await this.#home!.save();
    } finally {
      this.#saving = undefined;
    }
  }

  dispose(): void {
    this.#unit.dispose();
  }
}

/** A tenant's unit, and how many requests are at work in it. */
interface Place {
  unit: Promise<TenantUnit>;
  requests: number;
}

/** The units, with their tenants. */
class Units {
  /** Those of tenants that are at work, or were last; the one that was used last stands last. */
  readonly #places = new Map<string, Place>();
  /** Those that wait for a tenant. */
  readonly #free: TenantUnit[] = [];
  readonly #store: Store;
  readonly #isShared: boolean;
  readonly #serviceMs: number;

  constructor({ store = new MemoryStore(), units, requestMs = REQUEST_MS }: EdgeOptions) {
    this.#store = store;
    this.#isShared = units === "shared";
    // A request that may take longer lets its services take longer, too.
    this.#serviceMs = Math.max(requestMs, REQUEST_MS);
  }

  /** Runs a tenant's rules; again where others have changed what they needed. */
  async run(name: string, tenant: Tenant, input: unknown, signal: AbortSignal): Promise<string> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#runOnce(name, tenant, input, signal);
      } catch (error) {
        if (!isConflict(error) || attempt === ATTEMPTS_MAX) throw error;
      }
      const pauseMs = Math.random() * Math.min(2 ** attempt, PAUSE_MS_MAX);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async #runOnce(name: string, tenant: Tenant, input: unknown, signal: AbortSignal): Promise<string> {
    const place = this.#places.get(name) ?? { unit: this.#open(name, tenant), requests: 0 };
    this.#places.delete(name);
    this.#places.set(name, place);
    place.requests++;
    try {
      return await (await place.unit).run(input, signal);
    } catch (error) {
      // What isn't an error of the rules may have broken the unit, or its state was saved elsewhere: the next
      // request gets another one, with the state as the store has it.
      if (!(error instanceof LuaError) && this.#places.get(name) === place) this.#places.delete(name);
      throw error;
    } finally {
      place.requests--;
      if (place.requests === 0 && this.#places.get(name) !== place) this.#letGo(place);
      this.#tidy();
    }
  }

  async #open(name: string, tenant: Tenant): Promise<TenantUnit> {
    const home = await openHome(this.#store, `tenant:${name}`);
    const unit = this.#free.pop() ?? await TenantUnit.create(tenant, this.#serviceMs);
    unit.begin(tenant, home);
    return unit;
  }

  /** Takes units away from tenants that aren't at work, the longest unused first. */
  #tidy(): void {
    const keptMax = this.#isShared ? 0 : UNITS_MAX;
    for (const [name, place] of this.#places) {
      if (this.#places.size <= keptMax) return;
      if (place.requests > 0) continue;
      this.#places.delete(name);
      this.#letGo(place);
    }
  }

  #letGo(place: Place): void {
    const letGo = (unit: TenantUnit) => {
      if (this.#isShared && this.#free.length < UNITS_MAX) this.#free.push(unit);
      else unit.dispose();
    };
    // Of one that could not be opened, its requests have the error.
    place.unit.then(letGo, () => {});
  }
}

/** Whether it was another request that was in the way. */
function isConflict(error: unknown): boolean {
  return error instanceof ConflictError || error instanceof LuaError && error.cause instanceof ConflictError;
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
    return { input: JSON.parse(new TextDecoder().decode(bytes), checkText) };
  } catch {
    return refuse(400, "the body is no JSON");
  }
}

/** JSON can have half of a surrogate pair, as an escape; a text in Lua can't. */
function checkText(key: string, value: unknown): unknown {
  if (!key.isWellFormed() || typeof value === "string" && !value.isWellFormed()) throw new SyntaxError("no text");
  return value;
}

/** The answer for what was thrown: what a tenant's rules did wrong is told, all else isn't. */
function answerFor(error: unknown): Response {
  if (isConflict(error)) return refuse(503, "other requests are in the way");
  if (error instanceof LuaError) {
    const { kind, message, line } = error;
    return Response.json({ error: message, kind, line }, { status: 422 });
  }
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return refuse(504, "the rules waited too long");
  }
  // The output can't be passed, or isn't JSON.
  if (error instanceof TypeError && error.cause instanceof LuaError) return refuse(422, error.message);
  // Input or output nests too deep, or the state is too large.
  if (error instanceof RangeError) return refuse(422, error.message);
  throw error;
}

/**
 * Makes the handler of a worker or server.
 *
 * @param tenants The tenants by their names, which are the paths of requests.
 * @param options Where state is kept, whose the units are, and how long a request may take.
 * @returns What answers requests.
 */
export function edgeHandler(
  tenants: Record<string, Tenant>,
  options: EdgeOptions = {},
): (request: Request, env?: unknown, context?: RequestContext) => Promise<Response> {
  const units = new Units(options);
  return async (request, _env, context) => {
    const name = new URL(request.url).pathname.slice(1);
    if (!Object.hasOwn(tenants, name)) return refuse(404, "there is no such tenant");
    const read = await readInput(request);
    if (read instanceof Response) return read;
    const run = units.run(name, tenants[name], read.input, AbortSignal.timeout(options.requestMs ?? REQUEST_MS));
    // Others of the tenant's wait for it to end, which it never would where it ended with its client.
    context?.waitUntil?.(run.catch(() => {}));
    try {
      return new Response(await run, { headers: { "content-type": "application/json" } });
    } catch (error) {
      return answerFor(error);
    }
  };
}
