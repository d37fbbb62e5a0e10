/**
 * Compiled chunks that a unit keeps, by their text.
 *
 * @module
 */

/** Chunks that are kept at most. */
const CHUNKS_MAX = 256;

/** What they may take: this part of the unit's memory limit, and no more than so many bytes. */
const LIMIT_DIVISOR = 8;
const BYTES_MAX = 32 * 1024 * 1024;

interface Entry {
  readonly chunk: number;
  readonly code: string;
  readonly chunkName: string | undefined;
  readonly bytes: number;
  /** When it was last used, in uses of the cache. */
  use: number;
}

/** The cache as data: its chunks, by when they were last used. */
export type ChunkRecord = readonly {
  readonly chunk: number;
  readonly code: string;
  readonly chunkName: string | undefined;
  readonly bytes: number;
}[];

/** Numbers of compiled chunks. The ones whose last use is longest ago go first. */
export class ChunkCache {
  #entries = new Map<string, Entry>();
  #bytes = 0;
  readonly #bytesMax: number;
  #uses = 0;

  /** Constructs a cache for a unit with this memory limit, in bytes. */
  constructor(memoryLimit: number) {
    this.#bytesMax = Math.min(memoryLimit / LIMIT_DIVISOR, BYTES_MAX);
  }

  /** The chunk of a text, if it is kept. */
  get(code: string, chunkName: string | undefined): number | undefined {
    const entry = this.#entries.get(keyOf(code, chunkName));
    if (entry === undefined) return undefined;
    entry.use = ++this.#uses;
    return entry.chunk;
  }

  /**
   * Keeps a chunk.
   *
   * @param bytes What it takes in the unit.
   * @returns Chunks that have to go for it; never the new one, as it is about to run.
   */
  add(code: string, chunkName: string | undefined, chunk: number, bytes: number): number[] {
    const forgotten: number[] = [];
    while (this.#entries.size >= CHUNKS_MAX || this.#entries.size > 0 && this.#bytes + bytes > this.#bytesMax) {
      forgotten.push(this.#removeOldest());
    }
    this.#entries.set(keyOf(code, chunkName), { chunk, code, chunkName, bytes, use: ++this.#uses });
    this.#bytes += bytes;
    return forgotten;
  }

  /** The text of a chunk, if it is kept. */
  textOf(chunk: number): { code: string; chunkName: string | undefined } | undefined {
    for (const entry of this.#entries.values()) if (entry.chunk === chunk) return entry;
    return undefined;
  }

  /** Gives up all chunks, and answers them. */
  clear(): number[] {
    const forgotten = [...this.#entries.values()].map(({ chunk }) => chunk);
    this.#entries.clear();
    this.#bytes = 0;
    return forgotten;
  }

  /** What is kept, as data. */
  record(): ChunkRecord {
    return [...this.#entries.values()].sort((a, b) => a.use - b.use);
  }

  /** A cache with the chunks of a record. */
  static of(record: ChunkRecord, memoryLimit: number): ChunkCache {
    const cache = new ChunkCache(memoryLimit);
    for (const { chunk, code, chunkName, bytes } of record) {
      cache.#entries.set(keyOf(code, chunkName), { chunk, code, chunkName, bytes, use: ++cache.#uses });
      cache.#bytes += bytes;
    }
    return cache;
  }

  #removeOldest(): number {
    let oldest: [string, Entry] | undefined;
    for (const entry of this.#entries) {
      if (oldest === undefined || entry[1].use < oldest[1].use) oldest = entry;
    }
    const [key, { chunk, bytes }] = oldest!;
    this.#entries.delete(key);
    this.#bytes -= bytes;
    return chunk;
  }
}

/** What a chunk is kept by: its code, and before it a name that isn't the default one. */
function keyOf(code: string, chunkName: string | undefined): string {
  // Not by startsWith(), which is a call: this is 10 ns less each time that code runs.
  if (chunkName === undefined && code.charCodeAt(0) !== 0) return code;
  return chunkName === undefined ? `\0\0${code}` : `\0${chunkName.length} ${chunkName}${code}`;
}
