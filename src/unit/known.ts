/**
 * What a unit and the host both know by number.
 *
 * @module
 */

import { Shapes } from "../bridge/shapes.ts";
import { Views } from "../lazy/views.ts";
import { State } from "../state/tables.ts";
import { ChunkCache } from "./chunk_cache.ts";

/**
 * The one owner of all numbers whose meaning stands with the host: whoever copies a unit's
 * memory copies this, and nothing else.
 */
export class Known {
  /** Keys of objects, in both directions. */
  readonly shapes: Shapes = new Shapes();
  /** Containers of lazy inputs. */
  readonly views: Views = new Views();
  /** Compiled code. */
  readonly chunks: ChunkCache;
  /** External tables. */
  readonly state: State;

  /** Constructs what is known of a new unit with this memory limit, in bytes. */
  constructor(memoryLimit: number, state: State = new State()) {
    this.state = state;
    this.chunks = new ChunkCache(memoryLimit);
  }
}
