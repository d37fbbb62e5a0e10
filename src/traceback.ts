/**
 * Reads Lua's tracebacks.
 *
 * @module
 */

/** Chunk and line of the innermost call of Lua code; nothing where there is none. */
export function firstPosition(traceback: string): { chunk?: string; line?: number } {
  const match = /^\t(.+?):(\d+): in /m.exec(traceback);
  return match === null ? {} : { chunk: match[1], line: Number(match[2]) };
}
