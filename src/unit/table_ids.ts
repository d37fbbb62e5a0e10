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
  /** Tables that the host has made, which stay until it lets go of them. */
  readonly #made: Map<number, TableData>;

  /** Constructs what finds the tables of a state. */
  constructor(state: State, made: Map<number, TableData>) {
    this.#state = state;
    this.#made = made;
  }

  /** Makes a table, and answers its number. */
  create(): number {
    const table = this.#state.create();
    this.#state.beforeExposed?.(table);
    this.#made.set(table.id, table);
    return table.id;
  }

  /** Lets go of a table that the host has made. */
  release(id: number): boolean {
    return this.#made.delete(id);
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
    // Of one that was loaded again, others may be here from before.
    return this.#state.findSaved?.(id) ?? this.#made.get(id) ?? this.#state.exposed.get(id)?.deref();
  }
}
