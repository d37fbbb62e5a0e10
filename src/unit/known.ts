/**
 * What a unit and the host both know by number.
 *
 * @module
 */

import { Shapes, type ShapesRecord } from "../bridge/shapes.ts";
import { Views, type ViewsRecord } from "../lazy/views.ts";
import { restoreState, type StateRecord, StateRecorder } from "../state/state_record.ts";
import { State, type TableData } from "../state/tables.ts";
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
  /** Containers of lazy inputs, and external tables. */
  readonly views: Views;
  /** Compiled code. */
  readonly chunks: ChunkCache;
  /** Texts of other compiled code, which stays until it is let go of. */
  readonly texts: Map<number, ChunkText>;
  /** External tables. */
  readonly state: State;
  /** Those that the host has made, by number: they stay until it lets go of them. */
  readonly madeTables: Map<number, TableData>;

  /**
   * Constructs what is known of a unit with this memory limit, in bytes: nothing, or what a record says.
   *
   * @param keepsHome Whether the state has its own `_home`, and not that of the record.
   */
  constructor(memoryLimit: number, state: State = new State(), record?: KnownRecord, keepsHome = false) {
    this.state = state;
    this.texts = new Map(record?.texts);
    if (record === undefined) {
      this.shapes = new Shapes();
      this.views = new Views();
      this.chunks = new ChunkCache(memoryLimit);
      this.madeTables = new Map();
    } else {
      const tables = restoreState(record.state, state, keepsHome);
      this.shapes = Shapes.of(record.shapes);
      this.views = Views.of(record.views, tables);
      this.chunks = ChunkCache.of(record.chunks, memoryLimit);
      this.madeTables = new Map(record.state.made.map((place) => [tables[place].id, tables[place]]));
    }
  }

  /** What is known, as data: with the host's own objects. */
  record(): KnownRecord {
    const recorder = new StateRecorder(this.state);
    const views = this.views.record((table) => recorder.placeOf(table));
    return {
      shapes: this.shapes.record(),
      views,
      chunks: this.chunks.record(),
      texts: [...this.texts],
      state: recorder.record(this.madeTables.values()),
    };
  }
}
