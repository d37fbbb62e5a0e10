/**
 * Copies of a unit's WASM memory.
 *
 * @module
 */

/** Bytes of a WASM page. */
export const PAGE_BYTES = 64 * 1024;

/** A part of memory. */
export interface MemoryPart {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/**
 * What of a unit's memory is in use between two calls. What stands between `start` and `end` and in no part is
 * zero; below is C's stack, which is empty, and above what no block of the allocator has.
 */
export interface MemoryImage {
  /** The module's build (`build_id.ts`). */
  readonly build: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** The end of memory, as the allocator knows it; some bytes before it are a part, too. */
  readonly heapEnd: number;
  readonly parts: readonly MemoryPart[];
}

/** Pages of the machine's memory: one that nothing was ever written to is zero, and takes none. */
const UNTOUCHED_BYTES = 4096;

/** What the export `get_extent` tells (`zig/calls/snapshots.zig`). */
export interface MemoryExtent extends Pick<MemoryImage, "start" | "end" | "heapEnd"> {
  /** Bytes before `heapEnd` that are a part, too. */
  readonly tailLength: number;
  /** From here on nothing was ever written but those, unless the heap has grown. */
  readonly touchedEnd: number;
}

/** What an extent tells of, where it stands: until the unit goes on. */
export function imageOf(memory: Uint8Array, extent: MemoryExtent, build: Uint8Array): MemoryImage {
  const { start, end, heapEnd, tailLength } = extent;
  const parts = touchedParts(memory, start, end);
  const tail = heapEnd - tailLength;
  if (end < heapEnd) parts.push({ address: tail, bytes: memory.subarray(tail, heapEnd) });
  return { build, start, end, heapEnd, parts };
}

/** A copy of it. */
export function copyOf(image: MemoryImage): MemoryImage {
  return { ...image, parts: image.parts.map(({ address, bytes }) => ({ address, bytes: bytes.slice() })) };
}

/** Neighbouring pages in which something stands. */
function touchedParts(memory: Uint8Array, start: number, end: number): MemoryPart[] {
  const parts: MemoryPart[] = [];
  const words = new Float64Array(memory.buffer as ArrayBuffer);
  let from = start;
  for (let page = start - start % UNTOUCHED_BYTES; page < end; page += UNTOUCHED_BYTES) {
    if (!isZero(words, page / 8)) continue;
    if (page > from) parts.push({ address: from, bytes: memory.subarray(from, page) });
    from = page + UNTOUCHED_BYTES;
  }
  if (end > from) parts.push({ address: from, bytes: memory.subarray(from, end) });
  return parts;
}

/** A word that is zero as a number is so as bits, but for one, which is taken for something. */
function isZero(words: Float64Array<ArrayBuffer>, first: number): boolean {
  const end = Math.min(first + UNTOUCHED_BYTES / 8, words.length);
  for (let i = first; i < end; i++) if (!Object.is(words[i], 0)) return false;
  return true;
}

/**
 * Writes a copy into memory that is as large at least, and zero over what else was written there.
 *
 * @param touchedEnd Where that ends; parts beyond stand in what is zero, or in blocks that are free.
 */
export function writeMemory(memory: Uint8Array, { start, parts }: MemoryImage, touchedEnd: number): void {
  let at = start;
  for (const { address, bytes } of parts) {
    clear(memory, at, Math.min(address, touchedEnd));
    memory.set(bytes, address);
    at = address + bytes.length;
  }
  clear(memory, at, touchedEnd);
}

function clear(memory: Uint8Array, start: number, end: number): void {
  if (start < end) memory.fill(0, start, end);
}

/** Pages of C's stack that calls can have gone over without writing to them. */
const SKIPPED_PAGES_MAX = 4;

/** Makes zero of what is left of calls on C's stack, which goes down from an address: as far as any went. */
export function clearStack(memory: Uint8Array, start: number): void {
  const words = new Float64Array(memory.buffer as ArrayBuffer);
  let zeros = 0;
  for (let end = start; end > 0 && zeros <= SKIPPED_PAGES_MAX;) {
    const page = Math.ceil(end / UNTOUCHED_BYTES - 1) * UNTOUCHED_BYTES;
    zeros = end - page === UNTOUCHED_BYTES && isZero(words, page / 8) ? zeros + 1 : 0;
    if (zeros === 0) memory.fill(0, page, end);
    end = page;
  }
}
