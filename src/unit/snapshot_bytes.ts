/**
 * Snapshots as bytes, for another process; loaded when the first one is written or read.
 *
 * @module
 */

import { BUILD_ID_BYTES } from "../runtime/build_id.ts";
import type { MemoryImage, MemoryPart } from "../runtime/memory_image.ts";
import { concat } from "../state/bytes.ts";
import { checksumOf } from "../values/checksum.ts";
import { UnreadableError } from "../values/value_reader.ts";
import { readRecord, type SnapshotParts, type UnitRecord, writeRecord } from "./snapshot_record.ts";

/** A file begins so: its name, and bytes that a transfer as text would change. */
const MAGIC = Uint8Array.of(0x43, 0x55, 0x53, 0x4e, 0x41, 0x50, 0x0d, 0x0a); // CUSNAP\r\n

/** Of the format; one that differs is another one. */
const VERSION = 1;

/**
 * The head of a file: the magic number; the checksum of all that follows it; the format's version; 1 where the
 * rest is compressed; the rest's length before that; the module's build.
 */
const HEAD = {
  CHECKSUM: 8,
  CHECKED: 12,
  VERSION: 12,
  COMPRESSED: 16,
  LENGTH: 20,
  BUILD: 24,
  SIZE: 24 + BUILD_ID_BYTES,
};

/** Whole blocks of zero aren't written. */
const BLOCK_BYTES = 256;

/** The format that a CompressionStream writes, and how many bytes of it one may stand for, at the most. */
const COMPRESSION = "deflate";
const COMPRESSION_RATIO_MAX = 1032;

const CANNOT = "Cannot load the snapshot";

/** Writes the parts of a snapshot as bytes, compressed or as they are. */
export async function writeSnapshot(
  { image, record }: SnapshotParts,
  isCompressed: boolean,
): Promise<Uint8Array<ArrayBuffer>> {
  const body = concat([...recordParts(record), ...imageParts(image)]);
  const stored = isCompressed ? await through(body, new CompressionStream(COMPRESSION)) : body;
  return fileOf(image.build, body.length, stored, isCompressed);
}

/**
 * Reads the bytes of a snapshot, which it keeps.
 *
 * @throws {TypeError} If they are none of a snapshot, damaged, or of another version of the format.
 */
export async function readSnapshot(file: Uint8Array): Promise<SnapshotParts> {
  const { build, length, isCompressed, stored } = readHead(file);
  const body = isCompressed ? await inflated(stored, length) : stored;
  if (body.length !== length) throw damaged();
  return partsIn(body, build);
}

function damaged(cause?: unknown): TypeError {
  return new TypeError(`${CANNOT}: it is damaged`, { cause });
}

function fileOf(build: Uint8Array, length: number, stored: Uint8Array, isCompressed: boolean): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(HEAD.SIZE + stored.length);
  const view = new DataView(file.buffer);
  file.set(MAGIC);
  view.setUint32(HEAD.VERSION, VERSION, true);
  view.setUint32(HEAD.COMPRESSED, isCompressed ? 1 : 0, true);
  view.setUint32(HEAD.LENGTH, length, true);
  file.set(build, HEAD.BUILD);
  file.set(stored, HEAD.SIZE);
  view.setUint32(HEAD.CHECKSUM, checksumOf(file.subarray(HEAD.CHECKED)), true);
  return file;
}

function readHead(file: Uint8Array): { build: Uint8Array; length: number; isCompressed: boolean; stored: Uint8Array } {
  if (file.length < HEAD.SIZE || MAGIC.some((byte, i) => byte !== file[i])) {
    throw new TypeError(`${CANNOT}: these are no bytes of a snapshot`);
  }
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const version = view.getUint32(HEAD.VERSION, true);
  if (version !== VERSION) throw new TypeError(`${CANNOT}: it has version ${version} of the format, not ${VERSION}`);
  if (view.getUint32(HEAD.CHECKSUM, true) !== checksumOf(file.subarray(HEAD.CHECKED))) throw damaged();
  return {
    build: file.slice(HEAD.BUILD, HEAD.SIZE),
    length: view.getUint32(HEAD.LENGTH, true),
    isCompressed: view.getUint32(HEAD.COMPRESSED, true) === 1,
    stored: file.subarray(HEAD.SIZE),
  };
}

async function through(bytes: Uint8Array<ArrayBuffer>, stream: CompressionStream): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  for await (const part of chunksOf(bytes, stream)) parts.push(part);
  return concat(parts);
}

/** Reads compressed bytes that stand for so many; what stands for more isn't read to its end. */
async function inflated(stored: Uint8Array, length: number): Promise<Uint8Array<ArrayBuffer>> {
  if (length > (stored.length + 1) * COMPRESSION_RATIO_MAX) throw damaged();
  const body = new Uint8Array(length);
  let at = 0;
  try {
    for await (const chunk of chunksOf(stored, new DecompressionStream(COMPRESSION))) {
      body.set(chunk, at); // throws beyond the end
      at += chunk.length;
    }
  } catch (error) {
    throw damaged(error);
  }
  if (at !== length) throw damaged();
  return body;
}

/** What a stream makes of bytes; not every runtime's streams are iterable. */
async function* chunksOf(bytes: Uint8Array, stream: CompressionStream): AsyncGenerator<Uint8Array> {
  const reader = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(stream).getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    await reader.cancel();
  }
}

function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setUint32(i * 4, value, true));
  return bytes;
}

function recordParts(record: UnitRecord): Uint8Array[] {
  const written = writeRecord(record);
  return [words(written.length), written];
}

function imageParts({ start, end, heapEnd, parts }: MemoryImage): Uint8Array[] {
  const written = parts.flatMap(withoutZero);
  const pieces = written.flatMap(({ address, bytes }) => [words(address, bytes.length), bytes]);
  return [words(start, end, heapEnd, written.length), ...pieces];
}

/** The blocks of a part in which something stands; neighbours are one. */
function withoutZero({ address, bytes }: MemoryPart): MemoryPart[] {
  const parts: MemoryPart[] = [];
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const words = new Int32Array(buffer, byteOffset, length >> 2);
  let from = 0;
  let at = 0;
  for (; at + BLOCK_BYTES <= length; at += BLOCK_BYTES) {
    if (!isZero(words, at >> 2)) continue;
    if (at > from) parts.push({ address: address + from, bytes: bytes.subarray(from, at) });
    from = at + BLOCK_BYTES;
  }
  // What is less than a block.
  if (length > from) parts.push({ address: address + from, bytes: bytes.subarray(from) });
  return parts;
}

function isZero(words: Int32Array, first: number): boolean {
  for (let i = first; i < first + BLOCK_BYTES / 4; i++) if (words[i] !== 0) return false;
  return true;
}

function partsIn(body: Uint8Array, build: Uint8Array): SnapshotParts {
  try {
    const reader = new BodyReader(body);
    const record = readRecord(reader.bytes(reader.word()));
    return { record, image: { build, ...reader.image() } };
  } catch (error) {
    // A RangeError: the stack is full.
    if (error instanceof UnreadableError || error instanceof RangeError) throw damaged(error);
    throw error;
  }
}

/** Reads the rest of a file. */
class BodyReader {
  readonly #body: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
    this.#view = new DataView(body.buffer, body.byteOffset, body.length);
  }

  word(): number {
    this.#at += 4;
    if (this.#at > this.#body.length) throw new UnreadableError("it ends too early");
    return this.#view.getUint32(this.#at - 4, true);
  }

  bytes(length: number): Uint8Array {
    this.#at += length;
    if (this.#at > this.#body.length) throw new UnreadableError("it ends too early");
    return this.#body.subarray(this.#at - length, this.#at);
  }

  image(): Omit<MemoryImage, "build"> {
    const [start, end, heapEnd] = [this.word(), this.word(), this.word()];
    if (start > end || end > heapEnd) throw new UnreadableError("memory ends before it begins");
    const parts: MemoryPart[] = [];
    let last = start;
    for (let left = this.word(); left > 0; left--) {
      const address = this.word();
      const bytes = this.bytes(this.word());
      if (address < last) throw new UnreadableError("parts of memory aren't in order");
      last = address + bytes.length;
      parts.push({ address, bytes });
    }
    if (last > heapEnd || this.#at !== this.#body.length) {
      throw new UnreadableError("parts of memory are beyond its end");
    }
    return { start, end, heapEnd, parts };
  }
}
