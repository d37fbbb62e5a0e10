/**
 * External tables for users.
 *
 * @module
 */

import type { LuaValue } from "../values/lua_value.ts";
import { LuaCode } from "../values/lua_exact.ts";
import { beforeReading, forEachEntry, plainOf, Reading, refuseFunction, Storing } from "./stored.ts";
import { type StoredKey, TableData, TableHandle, tableOf } from "./tables.ts";

/**
 * A table that stands with the host, and that Lua code reads and writes as its own.
 *
 * As a value (in an input, an argument, a result of a host function, or another external table)
 * it is that very table to Lua code.
 */
export class ExternalTable extends TableHandle {
  /** Its number, which it keeps for as long as it lives, in saved states too. */
  get id(): number {
    return tableOf(this).id;
  }

  /** How many entries it has. */
  get size(): number {
    beforeReading(tableOf(this));
    return tableOf(this).size;
  }

  /**
   * The value of a key. A table in it is an {@linkcode ExternalTable}.
   *
   * @param key The key, as Lua has it: a string, number, boolean, bigint, bytes of a string, or table.
   * @returns The value, `null` where there is none.
   * @throws {TypeError} If the value is a function of Lua's.
   * @throws {ConflictError} If a transaction that hasn't ended has changed it.
   */
  get(key: unknown): LuaValue | ExternalTable {
    const storedKey = this.#key(key);
    beforeReading(tableOf(this), storedKey);
    const stored = tableOf(this).get(storedKey);
    if (stored instanceof LuaCode) throw refuseFunction([storedKey]);
    return TableData.is(stored) ? externalOf(stored) : plainOf(stored);
  }

  /**
   * Whether a key is there, with `null` too.
   *
   * @param key The key.
   */
  has(key: unknown): boolean {
    const storedKey = this.#key(key);
    beforeReading(tableOf(this), storedKey);
    return tableOf(this).get(storedKey) !== undefined;
  }

  /**
   * Sets a key to a value: what holds others becomes external tables.
   *
   * @param key The key.
   * @param value The value; `undefined` takes the key away.
   * @throws {TypeError} If the key or something in the value can't be kept.
   * @throws {RangeError} If the value nests deeper than 1000 levels, or has a bigint beyond int64.
   */
  set(key: unknown, value: unknown): void {
    const { state } = tableOf(this);
    const storing = new Storing(state);
    const storedKey = storing.key(key, "set a table's value");
    const stored = storing.value(value, "set a table's value", "value");
    state.change(tableOf(this), storedKey, stored);
  }

  /**
   * Takes a key away.
   *
   * @param key The key.
   * @returns Whether it was there.
   * @throws {ConflictError} If a transaction that hasn't ended has changed it.
   */
  delete(key: unknown): boolean {
    const storedKey = this.#key(key);
    beforeReading(tableOf(this), storedKey);
    if (tableOf(this).get(storedKey) === undefined) return false;
    tableOf(this).state.change(tableOf(this), storedKey, undefined);
    return true;
  }

  /** Its keys, in the order in which a traversal finds them; a table is an {@linkcode ExternalTable}. */
  keys(): (LuaValue | ExternalTable)[] {
    const keys: (LuaValue | ExternalTable)[] = [];
    beforeReading(tableOf(this));
    forEachEntry(tableOf(this), (key) => keys.push(TableData.is(key) ? externalOf(key) : plainOf(key)));
    return keys;
  }

  /**
   * A copy of all that it holds: what it is by the rules for all tables of Lua's.
   *
   * @throws {TypeError} If it holds a function of Lua's.
   * @throws {RangeError} If it nests deeper than 1000 levels.
   */
  toValue(): LuaValue {
    return new Reading(beforeReading).value(tableOf(this));
  }

  #key(key: unknown): StoredKey {
    return new Storing(tableOf(this).state).key(key, "read a table");
  }
}

const handles = new WeakMap<TableData, WeakRef<ExternalTable>>();

/** The object that stands for a table: always the same, as long as someone has it. */
export function externalOf(data: TableData): ExternalTable {
  const known = handles.get(data)?.deref();
  if (known !== undefined) return known;
  const table = new ExternalTable(data);
  handles.set(data, new WeakRef(table));
  data.state.beforeExposed?.(data);
  data.state.expose(data);
  return table;
}
