/**
 * What a unit and the host both know by number.
 *
 * @module
 */

import { Shapes, type ShapesRecord } from "../bridge/shapes.ts";
import { Views, type ViewsRecord } from "../lazy/views.ts";
import { recordOf, restoreTables, type StateRecord } from "../state/state_record.ts";
import { State } from "../state/tables.ts";
import type { ChunkText } from "../values/position.ts";
import { ChunkCache, type ChunkRecord } from "./chunk_cache.ts";

/** All of it as data, which nobody changes. */
export interface KnownRecord {
  readonly shapes: ShapesRecord;
  readonly views: ViewsRecord;
  readonly chunks: ChunkRecord;
  readonly texts: readonly (readonly [chunk: number, text: ChunkText])[];
  readonly state: StateRecord;
}

/**
 * The one owner of all numbers whose meaning stands with the host: whoever copies a unit's
 * memory copies this, and nothing else.
 */
export class Known {
  /** Keys of objects, in both directions. */
  readonly shapes: Shapes;
  /** Containers of lazy inputs. */
  readonly views: Views;
  /** Compiled code. */
  readonly chunks: ChunkCache;
  /** Texts of other compiled code, which stays until it is let go of. */
  readonly texts: Map<number, ChunkText>;
  /** External tables. */
  readonly state: State;

  /**
   * Constructs what is known of a unit: nothing, or what a record says.
   *
   * @param memoryLimit The unit's, in bytes.
   * @param state Its external tables; a new state of its own by default.
   * @param keepsHome Whether `_home` holds what it does in that state, and not what the record says.
   */
  constructor(memoryLimit: number, state: State = new State(), record?: KnownRecord, keepsHome = false) {
    this.state = state;
    const tables = record === undefined ? [] : restoreTables(state, record.state, keepsHome);
    this.shapes = record === undefined ? new Shapes() : Shapes.of(record.shapes);
    this.views = record === undefined ? new Views() : Views.of(record.views, tables);
    this.chunks = record === undefined ? new ChunkCache(memoryLimit) : ChunkCache.of(record.chunks, memoryLimit);
    this.texts = new Map(record?.texts);
  }

  /** What is known, as data: with the host's own objects. */
  record(): KnownRecord {
    const { record: state, places } = recordOf(this.state, this.views.externals());
    return {
      shapes: this.shapes.record(),
      views: this.views.record(places),
      chunks: this.chunks.record(),
      texts: [...this.texts],
      state,
    };
  }
}
