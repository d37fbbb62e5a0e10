/**
 * `cu state`: looks at what is saved, and changes it.
 *
 * @module
 */

import { type Home, homeInternals, openHome } from "../state/home.ts";
import { nameOfKey, ROOTS_PREFIX } from "../state/state_names.ts";
import type { Store } from "../state/store.ts";
import { Storing } from "../state/stored.ts";
import { type State, type Stored, type StoredKey, TableData } from "../state/tables.ts";
import { type StateOptions, UsageError } from "./arguments.ts";
import { type CliIo, read, write } from "./files.ts";
import { readJson, writeJson } from "./state_json.ts";
import { openStore } from "./stores.ts";

/** What is saved isn't as the command needs it. */
class StateError extends Error {}

/** What a command works on. */
interface Context {
  readonly options: StateOptions;
  readonly home: Home;
  readonly tables: State;
  readonly io: CliIo;
}

/** Does what was asked for; the exit code. */
export async function state(options: StateOptions, io: CliIo): Promise<number> {
  await using store = await openStore(options.state, isMaking(options));
  try {
    if (options.command === "list") await list(store, io);
    else await withHome(store, options, io);
    return 0;
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof Error)) throw error;
    io.writeStderr(`cu: ${error.message}\n`);
    return 1;
  }
}

/** Whether what isn't there is made. */
function isMaking({ command }: StateOptions): boolean {
  return command === "set" || command === "import";
}

async function list(store: Store, io: CliIo): Promise<void> {
  const names: string[] = [];
  for await (const key of store.list(ROOTS_PREFIX)) names.push(nameOfKey(key));
  await write(undefined, `${JSON.stringify(names)}\n`, io);
}

async function withHome(store: Store, options: StateOptions, io: CliIo): Promise<void> {
  const home = await openHome(store, options.stateName);
  if (home.isNew && !isMaking(options)) throw new StateError(`There is no state ${JSON.stringify(options.stateName)}`);
  const context = { options, home, tables: homeInternals.stateOf(home), io };
  switch (options.command) {
    case "set":
      return await set(context);
    case "delete":
      return await remove(context);
    case "import":
      return await importAll(context);
    default:
      return await get(context);
  }
}

async function get({ options: { keys, output }, tables, io }: Context): Promise<void> {
  await write(output, `${writeJson(valueAt(tables, keys))}\n`, io);
}

async function set({ options: { keys, value }, home, tables }: Context): Promise<void> {
  const [table, key] = placeOf(tables, keys);
  tables.change(table, key, parsed("the value", () => readJson(value!, tables)));
  await home.save();
}

async function remove({ options: { keys }, home, tables }: Context): Promise<void> {
  if (keys.length === 0) return await homeInternals.delete(home);
  const [table, key] = placeOf(tables, keys);
  valueAt(tables, keys);
  tables.change(table, key, undefined);
  await home.save();
}

async function importAll({ options: { input = "-" }, home, tables, io }: Context): Promise<void> {
  const json = textOf(input, await read(input, io));
  const { home: root } = tables;
  for (let place = root.placeCount - 1; place >= 0; place--) tables.set(root, root.keyAt(place), undefined);
  if (parsed(input, () => readJson(json, tables, root)) !== root) {
    throw new UsageError(`Cannot import ${input}: it is no object`);
  }
  await home.save();
}

/** The value that keys lead to. */
function valueAt(tables: State, keys: readonly string[]): Stored {
  let value: Stored = tables.home;
  for (const [i, key] of keys.entries()) {
    const next: Stored | undefined = TableData.is(value) ? value.get(keyOf(tables, key)) : undefined;
    if (next === undefined) throw new StateError(`There is no value at ${shown(keys.slice(0, i + 1))}`);
    value = next;
  }
  return value;
}

/** The table that all keys but the last lead to, and that one. */
function placeOf(tables: State, keys: readonly string[]): [TableData, StoredKey] {
  const table = valueAt(tables, keys.slice(0, -1));
  if (!TableData.is(table)) throw new StateError(`There is no table at ${shown(keys.slice(0, -1))}`);
  return [table, keyOf(tables, keys.at(-1)!)];
}

function shown(keys: readonly string[]): string {
  return keys.length === 0 ? "_home" : keys.map((key) => JSON.stringify(key)).join(" ");
}

/** A key as an argument: text, or in brackets JSON. */
function keyOf(tables: State, argument: string): StoredKey {
  const [, json] = /^\[(.*)\]$/s.exec(argument) ?? [];
  return parsed(`the key ${argument}`, () => {
    return new Storing(tables).key(json === undefined ? argument : readJson(json, tables), "read JSON");
  });
}

/** What reading JSON gives; what is wrong with it is the user's mistake. */
function parsed<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError || error instanceof TypeError)) throw error;
    throw new UsageError(`Cannot parse ${what}: ${error.message.replace(/^Cannot read JSON: /, "")}`);
  }
}

function textOf(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`Cannot parse ${name}: it is not UTF-8`);
  }
}
