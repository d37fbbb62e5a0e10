/**
 * The root of a saved state: what tells which pages hold, and who saved last.
 *
 * @module
 */

import { checksumOf } from "../values/checksum.ts";
import { ByteReader, ByteWriter, Damage } from "./bytes.ts";

/** What the first byte of a root, a page and an entry of a durable run is. */
const VERSION = 1;

const CHECKSUM_BYTES = 4;

/** Writers whose last commit a root remembers. */
export const COMMITS_MAX = 32;

/** An id begins with that of the writer. */
const ID_BYTES = 8;
const WRITER_BYTES = 4;

/** The root of a saved state. */
export interface Root {
  /** Number of the next table. */
  readonly nextId: number;
  /** How many pages of tables there are; none where nothing was saved yet. */
  readonly tablePages: number;
  /** The last commit of each of those who saved last, the latest first. */
  readonly commits: readonly string[];
  /** Saves in parts that have begun: what they left is to be swept. */
  readonly stagings: readonly string[];
  /** A save whose parts are to be put into their pages. */
  readonly redo: { readonly id: string; readonly parts: number } | undefined;
}

/** The root of a state that was never saved. */
export const NO_ROOT: Root = { nextId: 0, tablePages: 0, commits: [], stagings: [], redo: undefined };

/** An id for who makes one commit after the other. */
export function newWriterId(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(WRITER_BYTES)));
}

/** A new id of a commit. */
export function newCommitId(writer: string): string {
  return writer + toHex(crypto.getRandomValues(new Uint8Array(ID_BYTES - WRITER_BYTES)));
}

/** The root after a commit. */
export function withCommit(root: Root, id: string): Root {
  const writer = id.slice(0, 2 * WRITER_BYTES);
  const others = root.commits.filter((other) => !other.startsWith(writer));
  return { ...root, commits: [id, ...others].slice(0, COMMITS_MAX) };
}

/**
 * Whether a root that was read later has all commits since an earlier one, but for those whose writer has made
 * another: it forgets the oldest, and has one that the earlier one had, too.
 */
export function hasAllSince(later: Root, earlier: Root): boolean {
  return later.commits.length < COMMITS_MAX || earlier.commits.some((id) => later.commits.includes(id));
}

/** A root as bytes. */
export function writeRoot(root: Root): Uint8Array {
  const writer = new ByteWriter();
  writer.integer(root.nextId);
  writer.integer(root.tablePages);
  for (const ids of [root.commits, root.stagings]) {
    writer.integer(ids.length);
    for (const id of ids) writer.raw(fromHex(id));
  }
  writer.byte(root.redo === undefined ? 0 : 1);
  if (root.redo !== undefined) {
    writer.raw(fromHex(root.redo.id));
    writer.integer(root.redo.parts);
  }
  return writer.take();
}

/** Reads what {@linkcode writeRoot} wrote. */
export function readRoot(bytes: Uint8Array): Root {
  const reader = new ByteReader(bytes);
  const nextId = reader.integer();
  const tablePages = reader.integer();
  const [commits, stagings] = [readIds(reader), readIds(reader)];
  const redo = reader.byte() === 0 ? undefined : { id: readId(reader), parts: reader.integer() };
  reader.end();
  return { nextId, tablePages, commits, stagings, redo };
}

function readIds(reader: ByteReader): string[] {
  return Array.from({ length: reader.count() }, () => readId(reader));
}

function readId(reader: ByteReader): string {
  return toHex(reader.raw(ID_BYTES));
}

/** Each byte as text. A root has 32 ids, and is read and written with each save: they take no time in loops. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

function fromHex(text: string): Uint8Array {
  const bytes = new Uint8Array(ID_BYTES);
  for (let i = 0; i < ID_BYTES; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

const encoder = new TextEncoder();

function checksumFor(key: string, body: Uint8Array): number {
  return (checksumOf(encoder.encode(key)) ^ checksumOf(body)) >>> 0;
}

/** Bytes with what tells that they are whole, and are those of a key. */
export function seal(key: string, body: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(1 + CHECKSUM_BYTES + body.length);
  sealed[0] = VERSION;
  new DataView(sealed.buffer).setUint32(1, checksumFor(key, body), true);
  sealed.set(body, 1 + CHECKSUM_BYTES);
  return sealed;
}

/** The bytes that were sealed. */
export function unseal(key: string, sealed: Uint8Array): Uint8Array {
  if (sealed.length < 1 + CHECKSUM_BYTES) throw new Damage("it ends too early");
  if (sealed[0] !== VERSION) throw new Damage(`format ${sealed[0]}, this version reads ${VERSION}`);
  const body = sealed.subarray(1 + CHECKSUM_BYTES);
  const view = new DataView(sealed.buffer, sealed.byteOffset);
  if (view.getUint32(1, true) !== checksumFor(key, body)) throw new Damage("wrong checksum");
  return body;
}
