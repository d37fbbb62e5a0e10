/**
 * Code as it is given.
 *
 * @module
 */

/**
 * Takes away what Lua's own command skips in a file: a byte order mark, and a first line that
 * begins with `#`. Lines keep their numbers.
 */
export function withoutFirstComment(source: Uint8Array): Uint8Array {
  const hasMark = source[0] === 0xef && source[1] === 0xbb && source[2] === 0xbf;
  const code = hasMark ? source.subarray(3) : source;
  if (code[0] !== 0x23) return code;
  const end = code.indexOf(0x0a);
  return end === -1 ? code.subarray(code.length) : code.subarray(end);
}
