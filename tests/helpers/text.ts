/**
 * Bytes from Lua, as the tables of docs/IO_TABLE_API.md reads them.
 *
 * @module
 */

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A string of Lua: text where it is UTF-8, else bytes. */
export function textOrBytes(raw: Uint8Array): string | Uint8Array {
  try {
    return strictDecoder.decode(raw);
  } catch {
    // Not UTF-8.
    return raw.slice();
  }
}
