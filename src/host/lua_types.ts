/**
 * Definitions for the Lua language server: what Lua code finds in a unit, so that an editor completes
 * it, shows what it is, and marks what isn't there.
 *
 * @module
 */

import { isBytes, kindOf } from "../values/kinds.ts";
import { GLOBAL_TYPES, MODULE_TYPES } from "./library_types.ts";
import type { Powers } from "./powers.ts";

export type { Powers };

/** How many elements of a list, and fields of an object in one, tell its type; more make it `any`. */
const LOOKED_AT_MAX = 32;

/** How many types a list's elements have one by one; more are `any`. */
const UNION_MAX = 4;

/** How deep a type is written out. */
const DEPTH_MAX = 4;

/**
 * Makes definition files: `cu.lua` for the globals, and one for each module that `require` finds, as
 * the language server needs one for each. Put them into a folder that its setting
 * `workspace.library` names, and disable its own definitions of Lua's library, which a unit has in
 * part only; docs/API_REFERENCE.md has the settings.
 *
 * Functions of the host have as many parameters as JavaScript tells (`length`: those before the
 * first with a default value), and any more; all of them `any`. Values have their types, and nothing
 * of what they are goes into the files. A module of Lua source is its own definition.
 *
 * @param options What the unit is made with: its `globals` and `modules`; no function is called.
 * @returns The texts of the files by their names.
 *
 * @example Usage
 * ```ts
 * import { luaTypes } from "@computeunit/cu/types";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const files = luaTypes({
 *   globals: { VERSION: "1.2" },
 *   modules: { kv: { get: (key: string) => localStorage.getItem(key) } },
 * });
 * assertStringIncludes(files["cu.lua"], "---@type string\nVERSION = nil");
 * assertStringIncludes(files["kv.lua"], "function kv.get(arg1, ...) end");
 * ```
 */
export function luaTypes(options: Pick<Powers, "globals" | "modules"> = {}): Record<string, string> {
  const { globals = {}, modules = {} } = options;
  const writer = new Writer();
  for (const [name, value] of Object.entries(globals)) {
    writer.define(isIdentifier(name) ? name : `_G${keyOf(name)}`, value);
  }
  const own = writer.text === "" ? "" : `\n-- What the host gives.\n${writer.text}`;
  const files = new Map([["cu.lua", GLOBAL_TYPES + own]]);
  const all: [string, object | string][] = [...Object.entries(MODULE_TYPES), ...Object.entries(modules)];
  const texts = new Map<string, string>();
  for (const [name, given] of all) texts.set(name, moduleText(name, given));
  for (const [name, text] of texts) files.set(fileName(name, files), text);
  return Object.fromEntries(files);
}

/** A module of Lua source is its own definition. */
function moduleText(name: string, given: object | string): string {
  const head = /^[A-Za-z_][\w.-]*$/.test(name) ? `---@meta ${name}\n` : "---@meta\n";
  if (typeof given === "string" || isBytes(given)) {
    const source = typeof given === "string" ? given : new TextDecoder().decode(given);
    return source.startsWith("---@meta") ? source : head + source.replace(/^\uFEFF?#.*/, "");
  }
  const writer = new Writer();
  const local = isIdentifier(name) ? name : "module";
  writer.define(`local ${local}`, given);
  return `${head}${writer.text}\nreturn ${local}\n`;
}

/** A name that is no other file's, and leads nowhere else. */
function fileName(module: string, files: ReadonlyMap<string, unknown>): string {
  const base = module.replaceAll(/[^\w.-]/g, "_").replace(/^\.+/, "").slice(0, 100) || "module";
  const taken = new Set([...files.keys()].map((name) => name.toLowerCase()));
  let name = `${base}.lua`;
  for (let i = 2; taken.has(name.toLowerCase()); i++) name = `${base}-${i}.lua`;
  return name;
}

const KEYWORDS = new Set(
  ("and break do else elseif end false for function goto if in local nil not or repeat return then true until while")
    .split(" "),
);

function isIdentifier(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name) && !KEYWORDS.has(name);
}

/** A field's place after its table. */
function keyOf(name: string): string {
  if (isIdentifier(name)) return `.${name}`;
  // deno-lint-ignore no-control-regex
  const escaped = name.replaceAll(/["\\\x00-\x1f\x7f]/g, (c) => `\\${String(c.charCodeAt(0)).padStart(3, "0")}`);
  return `["${escaped}"]`;
}

/** Writes definitions, a statement each. */
class Writer {
  text = "";
  /** Where each table was defined, without `local`. */
  readonly #places = new Map<object, string>();

  /** Defines what stands at a place: a variable, after `local ` perhaps, or a field. */
  define(place: string, value: unknown): void {
    const name = place.replace(/^local /, "");
    if (typeof value === "function") return this.#function(name, value.length);
    if (value === undefined || value === null) return;
    if (typeof value !== "object" || kindOf(value) !== "object") {
      this.text += `\n---@type ${typeOf(value)}\n${place} = nil\n`;
      return;
    }
    const known = this.#places.get(value);
    this.text += `\n${place} = ${known ?? "{}"}\n`;
    if (known !== undefined) return;
    this.#places.set(value, name);
    for (const [key, field] of Object.entries(value)) this.define(name + keyOf(key), field);
  }

  #function(place: string, length: number): void {
    const names = Array.from({ length }, (_, i) => `arg${i + 1}`).concat("...");
    const docs = names.map((name) => `---@param ${name} any\n`).join("");
    const isName = !place.includes("[");
    const head = isName ? `function ${place}` : `${place} = function`;
    this.text += `\n${docs}---@return any ...\n${head}(${names.join(", ")}) end\n`;
  }
}

/** The type of a value as the language server writes it. */
function typeOf(value: unknown, depth = 0): string {
  switch (typeof value) {
    case "string":
    case "boolean":
      return typeof value;
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? "integer" : "number";
    case "bigint":
      return "integer";
    case "function":
      return "function";
    case "object":
      return value === null ? "nil" : typeOfObject(value, depth);
    default:
      return "nil";
  }
}

function typeOfObject(value: object, depth: number): string {
  if (depth === DEPTH_MAX) return "table";
  const kind = kindOf(value);
  switch (kind) {
    case "bytes":
      return "string";
    case "date":
      return "cu.date";
    case "external":
      return "table";
    case "numbers":
      return /^Float/.test((value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? "")
        ? "number[]"
        : "integer[]";
    case "array":
      return `${grouped(union(value as unknown[], depth))}[]`;
    case "map":
      return `table<${union((value as Map<unknown, unknown>).keys(), depth)}, ${
        union((value as Map<unknown, unknown>).values(), depth)
      }>`;
    case "set":
      return `table<${union(value as Set<unknown>, depth)}, true>`;
    case "object":
    case "instance":
      return typeOfFields(Object.entries(value), depth);
    default:
      return kind satisfies never;
  }
}

function typeOfFields(fields: [string, unknown][], depth: number): string {
  const given = fields.filter(([, field]) => field !== undefined && field !== null);
  if (given.length === 0) return "table";
  const isRecord = given.length <= LOOKED_AT_MAX && given.every(([name]) => isIdentifier(name));
  if (!isRecord) return `table<string, ${union(given.map(([, field]) => field), depth)}>`;
  return `{ ${given.map(([name, field]) => `${name}: ${typeOf(field, depth + 1)}`).join(", ")} }`;
}

/** What the first of some values are. */
function union(values: Iterable<unknown>, depth: number): string {
  const types = new Set<string>();
  let count = 0;
  for (const value of values) {
    if (++count > LOOKED_AT_MAX) break;
    if (value !== undefined && value !== null) types.add(typeOf(value, depth + 1));
  }
  if (types.has("number")) types.delete("integer");
  return types.size === 0 || types.size > UNION_MAX ? "any" : [...types].join("|");
}

function grouped(type: string): string {
  return type.includes("|") && !type.startsWith("{") || type.includes("}|") ? `(${type})` : type;
}
