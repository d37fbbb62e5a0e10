/**
 * A line of a file, shown under a message.
 *
 * @module
 */

const EXCERPT_LENGTH_MAX = 120;

/** The line, or what stands around a column of a long one; nothing for an empty one. */
export function excerpt(line = "", column = 1): string {
  const start = column < EXCERPT_LENGTH_MAX ? 0 : column - EXCERPT_LENGTH_MAX / 2;
  const text = line.slice(start, start + EXCERPT_LENGTH_MAX).trim();
  return text === "" ? "" : `    ${text}\n`;
}
