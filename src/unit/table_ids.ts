/**
 * External tables by their numbers, for the host.
 *
 * @module
 */

import { externalOf, type ExternalTable } from "../state/external_table.ts";
import { HOME_ID, type State, type TableData } from "../state/tables.ts";

/** The external tables of one unit. */
export class TableIds {
  readonly #state: State;

  /** Constructs what finds the tables of a state. */
  constructor(state: State) {
    this.#state = state;
  }

  /** Makes a table, and answers its number. */
  create(): number {
    const table = this.#state.create();
    this.#state.made.set(table.id, table);
    return table.id;
  }

  /** Lets go of a table that the host has made. */
  release(id: number): boolean {
    return this.#state.made.delete(id);
  }

  /**
   * The table with a number.
   *
   * @param action What is being done, for messages.
   * @throws {RangeError} If there is none.
   */
  find(action: string, id: unknown): ExternalTable {
    if (typeof id !== "number") throw new TypeError(`Cannot ${action}: a table's id is a number`);
    const table = id === HOME_ID ? this.#state.home : this.#find(id);
    if (table === undefined) throw new RangeError(`Cannot ${action}: there is no external table ${id}`);
    return externalOf(table);
  }

  #find(id: number): TableData | undefined {
    return this.#state.made.get(id) ?? this.#state.exposed.get(id)?.deref() ?? this.#state.findSaved?.(id);
  }
}
