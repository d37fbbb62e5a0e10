/**
 * Compiled code of one unit.
 *
 * @module
 */

import type { Instance } from "../runtime/instance.ts";
import { LuaError } from "../values/errors.ts";
import { describe } from "../values/kinds.ts";
import { type ChunkText, isChunkName } from "../values/position.ts";
import { isOf } from "../values/refusals.ts";
import type { ChunkCache } from "./chunk_cache.ts";
import type { Known } from "./known.ts";
import type { Reports } from "./reports.ts";
import { withoutFirstComment } from "./source_text.ts";
import { CHUNK_NAME_DEFAULT } from "./unit_options.ts";

const textEncoder = new TextEncoder();

/** Compiles code, and knows the texts of chunks for errors. */
export class Chunks {
  #instance: Instance;
  #reports: Reports;
  /** What is kept without being asked to. */
  #cache: ChunkCache;
  /** Texts of the other chunks. */
  #texts: Map<number, ChunkText>;

  /** Constructs the chunks of a unit. */
  constructor(instance: Instance, reports: Reports, { chunks, texts }: Known) {
    this.#instance = instance;
    this.#reports = reports;
    this.#cache = chunks;
    this.#texts = texts;
    reports.textOf = (chunk) => this.#textOf(chunk);
  }

  /** The chunk of a text, if it is kept. */
  find(code: string, chunkName: string | undefined): number | undefined {
    return this.#cache.get(code, chunkName);
  }

  /** Compiles a text, and keeps the chunk as long as there is room. */
  keep(code: string, chunkName: string | undefined): number {
    const instance = this.#instance;
    const before = instance.memoryStats().usedBytes;
    const chunk = this.#compile(code, chunkName);
    // Less what was collected meanwhile; never less than the text, which the host keeps.
    const bytes = Math.max(instance.memoryStats().usedBytes - before, code.length);
    for (const old of this.#cache.add(code, chunkName, chunk, bytes)) instance.exports.forget(old);
    return chunk;
  }

  /** Compiles code to a chunk that stays until `forget`. */
  compile(code: string | Uint8Array, chunkName: string | undefined): number {
    const chunk = this.#compile(code, chunkName);
    this.#texts.set(chunk, { code, chunkName: chunkName ?? CHUNK_NAME_DEFAULT });
    return chunk;
  }

  /** The text of a chunk that `compile` gave: the very object tells whether it is still the same chunk. */
  textOf(chunk: number): ChunkText | undefined {
    return this.#texts.get(chunk);
  }

  /** Lets go of a chunk that `compile` gave. */
  forget(chunk: number): void {
    this.#texts.delete(chunk);
    this.#instance.exports.forget(chunk);
  }

  /** Runs a full collection, within the time limit. */
  collect(since?: number): void {
    const status = this.#instance.guard(() => this.#instance.exports.run_gc(), since);
    if (status < 0) throw this.#reports.errorOf(status, "run garbage collection");
  }

  #compile(code: string | Uint8Array, chunkName = CHUNK_NAME_DEFAULT): number {
    checkCode(code, chunkName);
    const instance = this.#instance;
    const bytes = withoutFirstComment(typeof code === "string" ? textEncoder.encode(code) : code);
    const name = textEncoder.encode(`@${chunkName}\0`);
    // Compiling runs no finalizers, and what waits for them may take all memory: as long
    // as a collection frees some, it is worth another try.
    const since = instance.now();
    let isLast = false;
    for (let used = Infinity;;) {
      try {
        this.#reports.compiling = { code, chunkName };
        return this.#compileBytes(bytes, name, isLast ? undefined : since);
      } catch (error) {
        this.#reports.compiling = undefined;
        if (!isLuaError(error, "memory") || isLast) throw error;
        instance.isUnsettled = true; // This use goes on.
        // What other code takes goes first.
        const forgotten = this.#cache.clear();
        for (const chunk of forgotten) instance.exports.forget(chunk);
        const { usedBytes } = instance.memoryStats();
        if (usedBytes >= used && forgotten.length === 0) throw error;
        used = usedBytes;
      }
      try {
        this.collect(since);
      } catch (error) {
        // The time limit ends the collections, not one more try.
        if (!isLuaError(error, "time")) throw error;
        isLast = true;
      }
    }
  }

  #compileBytes(bytes: Uint8Array, name: Uint8Array, since: number | undefined): number {
    const instance = this.#instance;
    const { exports } = instance;
    const length = bytes.length + name.length;
    const pointer = exports.allocate(length) >>> 0;
    if (pointer === 0) throw new LuaError("memory", "not enough memory for the code");
    try {
      instance.bytes(pointer, length).set(bytes);
      instance.bytes(pointer, length).set(name, bytes.length);
      const chunk = instance.guard(() => exports.compile(pointer, bytes.length, pointer + bytes.length), since);
      if (chunk < 0) throw this.#reports.errorOf(chunk, "compile");
      this.#reports.compiling = undefined;
      return chunk;
    } finally {
      exports.release(pointer, length);
    }
  }

  #textOf(chunk: number): ChunkText | undefined {
    if (chunk === 0) return undefined;
    const known = this.#texts.get(chunk);
    if (known !== undefined) return known;
    const kept = this.#cache.textOf(chunk);
    return kept && { code: kept.code, chunkName: kept.chunkName ?? CHUNK_NAME_DEFAULT };
  }
}

function checkCode(code: unknown, chunkName: string): asserts code is string | Uint8Array {
  if (typeof code !== "string" && !(code instanceof Uint8Array)) {
    throw new TypeError(`Cannot compile: the code is neither a string nor a Uint8Array, but ${describe(code)}`);
  }
  if (typeof code === "string" && !code.isWellFormed()) {
    throw new TypeError("Cannot compile: the code has a lone surrogate");
  }
  if (!isChunkName(chunkName)) {
    throw new TypeError("Cannot compile: chunkName is not a line of text");
  }
}

function isLuaError(error: unknown, kind: LuaError["kind"]): boolean {
  return isOf(error, LuaError) && error.kind === kind;
}
