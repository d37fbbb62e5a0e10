/**
 * What the host gives code beside data: globals, modules, and sources for `require`.
 *
 * @module
 */

import { DEFINE } from "../runtime/wire.ts";
import { describe, isPlainObject } from "../values/kinds.ts";
import type { NamedValues } from "../values/named_values.ts";
import { nearestName } from "../values/options.ts";
import { type FindFunction, functionAt, type HostFunctions, type ModuleSource, resolverOf } from "./host_functions.ts";

/** Options that give code powers. */
export interface Powers {
  /**
   * Globals of code by name: functions that it can call, and values, which are copied. Only own
   * enumerable properties count. A name that Lua itself has must stand in `replace`.
   */
  globals?: NamedValues | undefined;
  /**
   * What `require` finds, by name: objects of functions and values, or Lua source text.
   */
  modules?: Record<string, object | string> | undefined;
  /**
   * Gives the Lua source of a module that `require` doesn't find otherwise; undefined where there
   * is none. With a `chunkName`, such as a path, that is its name in messages; else the module's is.
   * It may give a promise to code that is run by {@linkcode ComputeUnit.computeAsync}.
   */
  resolveModule?: ((name: string) => ModuleSource | Promise<ModuleSource>) | undefined;
  /** Names of Lua's own globals and modules that `globals` and `modules` may replace. */
  replace?: readonly string[] | undefined;
}

/** Lua's own globals. */
export const LIBRARY_GLOBALS: readonly string[] = (
  "_G _VERSION _home _io assert collectgarbage coroutine debug error ext getmetatable io ipairs load math next os " +
  "package pairs pcall print rawequal rawget rawlen rawset require select setmetatable string table tonumber " +
  "tostring type utf8 warn xpcall"
).split(" ");

/** Lua's own modules. */
export const LIBRARY_MODULES: readonly string[] = "_G coroutine debug io math os package string table utf8".split(" ");

/** Modules of the unit's own, which the host's come before in any case. */
const UNIT_MODULES: readonly string[] = ["json", "task"];

/** Whether options give any. */
export function hasPowers({ globals, modules, resolveModule }: Powers): boolean {
  return globals !== undefined || modules !== undefined || resolveModule !== undefined;
}

/**
 * Makes them known to code.
 *
 * @throws {TypeError} If a name is Lua's own, a module is neither an object nor text, or a value can't be passed.
 */
export function definePowers(functions: HostFunctions, powers: Powers): void {
  for (const [name, value] of globalsOf(powers)) functions.define(DEFINE.GLOBAL, name, value);
  const { objects, sources } = modulesOf(powers);
  for (const [name, value] of objects) functions.define(DEFINE.MODULE, name, value);
  const resolver = resolverFrom(powers, sources);
  if (resolver !== undefined) functions.define(DEFINE.RESOLVER, "resolveModule", resolver);
}

/**
 * Finds the functions in them that a copy of a unit knows.
 *
 * @throws {TypeError} As {@linkcode definePowers}.
 */
export function finderOf(powers: Powers): FindFunction {
  const globals = new Map(globalsOf(powers));
  const { objects, sources } = modulesOf(powers);
  const modules = new Map(objects);
  const resolver = resolverFrom(powers, sources);
  return ({ place, option, path }) => {
    const value = place === DEFINE.GLOBAL
      ? globals.get(option)
      : place === DEFINE.MODULE
      ? modules.get(option)
      : resolver;
    return functionAt(value, path);
  };
}

function globalsOf({ globals = {}, replace = [] }: Powers): [string, unknown][] {
  const entries = Object.entries(globals);
  for (const [name] of entries) checkName("global", name, LIBRARY_GLOBALS, replace);
  return entries;
}

/** Modules of the host's functions and values, and sources of others. */
interface Modules {
  readonly objects: [string, object][];
  readonly sources: ReadonlyMap<string, string | Uint8Array>;
}

function modulesOf({ modules = {}, replace = [] }: Powers): Modules {
  const objects: [string, object][] = [];
  const sources = new Map<string, string | Uint8Array>();
  for (const [name, value] of Object.entries(modules)) {
    checkName("module", name, LIBRARY_MODULES, replace);
    if (typeof value === "string" || value instanceof Uint8Array) {
      sources.set(name, value);
    } else if (typeof value === "object" && value !== null && isPlainObject(value)) {
      objects.push([name, value]);
    } else {
      throw new TypeError(
        `Cannot create a compute unit: the module ${JSON.stringify(name)} is neither a plain object nor source text, ` +
          `but ${describe(value)}`,
      );
    }
  }
  return { objects, sources };
}

function resolverFrom(
  { resolveModule }: Powers,
  sources: Modules["sources"],
): ((given: unknown) => unknown) | undefined {
  if (sources.size === 0 && resolveModule === undefined) return undefined;
  return resolverOf({ sources, resolve: resolveModule });
}

/**
 * Throws where a name that may be replaced is none.
 *
 * @throws {TypeError} With the name that is near, if there is one.
 */
export function checkReplaced(action: string, names: readonly string[]): void {
  const known = new Set([...LIBRARY_GLOBALS, ...LIBRARY_MODULES, ...UNIT_MODULES]);
  for (const name of names) {
    if (known.has(name)) continue;
    const nearest = nearestName(name, [...known]);
    const help = nearest === undefined ? "it takes names of Lua's own globals and modules" : `did you mean ${nearest}?`;
    throw new TypeError(`Cannot ${action}: replace has ${JSON.stringify(name.slice(0, 60))}; ${help}`);
  }
}

function checkName(kind: string, name: string, own: readonly string[], replace: readonly string[]): void {
  if (!own.includes(name) || replace.includes(name)) return;
  throw new TypeError(
    `Cannot create a compute unit: the ${kind} ${name} is Lua's own; to replace it, say replace: [${
      JSON.stringify(name)
    }]`,
  );
}
