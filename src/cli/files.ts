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

/** The error's message, without the call and the path that Deno adds. */
export function systemMessage(error: unknown): string {
  return (error as Error).message.replace(/: \w+ '.*'$/s, "");
}
