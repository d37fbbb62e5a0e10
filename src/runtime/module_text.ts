/**
 * The bytes of the WASM module, out of the text in `wasm/cu.js`.
 *
 * A byte is a character of printable ASCII, or, where it is one of the rarer values, two: the
 * text is a sixth shorter than base64, and compresses nearly as well as the bytes themselves, as
 * the same bytes are the same characters wherever they stand. `tools/module_text.ts` writes it.
 *
 * @module
 */

/** Where the decoder has its text, and then the bytes. */
export const TEXT_START = 512;

/**
 * The text that a function returns, without calling it where its own source shows the text
 * as it is: an engine that compiles the function makes two further copies of the literal. On
 * a machine where fresh memory is slow, that is 3 ms of the first unit's 10.
 *
 * @param make A function of one string literal.
 * @param length Length of the string: what isn't as long was changed, such as by a minifier.
 */
export function textOf(make: () => string, length: number): string {
  const source = Function.prototype.toString.call(make);
  const start = source.indexOf('"') + 1;
  const end = source.indexOf('"', start);
  return end - start === length ? source.slice(start, end) : make();
}

/**
 * Decodes text, by a small WASM module that takes 16 characters at once: one by one takes twice as long in a fresh
 * process, and a loop in TypeScript 3 ms more.
 *
 * @param text Characters of ASCII, one at least.
 * @param decoder The bytes of the small module.
 * @returns The bytes, in that module's memory.
 */
export function decodeText(text: string, decoder: number[]): Uint8Array<ArrayBuffer> {
  const module = new WebAssembly.Module(Uint8Array.from(decoder));
  const { memory, decode } = new WebAssembly.Instance(module).exports as {
    memory: WebAssembly.Memory;
    decode: () => number;
  };
  const bytes = new Uint8Array(memory.buffer as ArrayBuffer);
  new TextEncoder().encodeInto(text, bytes.subarray(TEXT_START));
  return bytes.subarray(decode(), TEXT_START + text.length);
}
