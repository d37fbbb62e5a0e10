/**
 * Files that a command reads and writes.
 *
 * @module
 */

import { UsageError } from "./arguments.ts";

/** What the command reads and writes. */
export interface CliIo {
  /** Reads a file. */
  readFile(path: string): Promise<Uint8Array>;
  /** Writes a file. */
  writeFile(path: string, text: string): Promise<void>;
  /** Makes a folder, and those above it; without it, folders must be there. */
  makeDirectory?(path: string): Promise<void>;
  /** Reads all of stdin. */
  readStdin(): Promise<Uint8Array>;
  /** Writes to stdout. */
  writeStdout(text: string): void;
  /** Writes to stderr. */
  writeStderr(text: string): void;
}

/** Reads a file, or stdin. */
export async function read(path: string, io: CliIo): Promise<Uint8Array> {
  try {
    return path === "-" ? await io.readStdin() : await io.readFile(path);
  } catch (error) {
    throw new UsageError(`Cannot read ${path}: ${systemMessage(error)}`);
  }
}

/** Writes a file, or stdout. */
export async function write(path: string | undefined, text: string, io: CliIo): Promise<void> {
  const isFile = path !== undefined && path !== "-";
  try {
    if (isFile) await io.writeFile(path, text);
    else io.writeStdout(text);
  } catch (error) {
    throw new UsageError(`Cannot write ${isFile ? path : "stdout"}: ${systemMessage(error)}`);
  }
}

/** What a pipe takes as a whole, or not at all where it is full. */
const WHOLE_BYTES_MAX = 4096;

/** How long to wait for a reader that is slow, before the next attempt. */
const WAIT_MS = 2;
const LINE_END = 10;
const never = new Int32Array(new SharedArrayBuffer(4));

/** Writes all of the text. */
export function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) {
    try {
      written += stream.writeSync(pieceOf(bytes.subarray(written)));
    } catch (error) {
      // A full pipe that doesn't block, as a program that Node has started gets from it.
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(never, 0, 0, WAIT_MS);
    }
  }
}

/**
 * The beginning of it, to its last line's end if it has one. Of what follows a line's end Deno.stdout keeps up to
 * 1 KB to write it later, also where it throws.
 */
function pieceOf(bytes: Uint8Array): Uint8Array {
  const piece = bytes.subarray(0, WHOLE_BYTES_MAX);
  return piece.subarray(0, piece.lastIndexOf(LINE_END) + 1 || piece.length);
}

/** The error's message, without the call and the path that Deno and `node:fs` add. */
export function systemMessage(error: unknown): string {
  return (error as Error).message.replace(/[:,] \w+ '.*'$/s, "");
}
