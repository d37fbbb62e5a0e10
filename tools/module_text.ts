/**
 * Writes the WASM module as text, which `src/runtime/module_text.ts` decodes.
 *
 * @module
 */

import binaryen from "binaryen";
import { TEXT_START } from "../src/runtime/module_text.ts";

const FIRST_CHAR = 0x20;
const LAST_CHAR = 0x7e;
const CHARS_COUNT = LAST_CHAR - FIRST_CHAR + 1;

/** `}` and `~` begin two characters for one byte. */
const FIRST_PREFIX = 0x7d;

/** What a string literal, or a script in a page, can't have as it is. */
const UNUSED = Array.from('"\\<', (char) => char.charCodeAt(0));

/**
 * Characters that one function of the decoder takes. V8 optimizes a function that has run
 * 13 MB of its code, which takes longer than all of the decoding.
 */
const PART_LENGTH = 32 * 1024;

/** Bytes as text, and what decodes it. */
export interface ModuleText {
  /** Characters of printable ASCII but `"`, `\` and `<`. */
  text: string;
  /** The bytes of a WASM module with `memory` and `decode`. */
  decoder: number[];
}

/**
 * Encodes bytes: the most frequent values as one character each, others as two.
 *
 * @param bytes Any bytes, one at least.
 * @returns The text, and its decoder.
 */
export function moduleText(bytes: Uint8Array): ModuleText {
  const counts = new Array<number>(256).fill(0);
  for (const byte of bytes) counts[byte]++;
  const frequent = counts.map((_, byte) => byte).sort((a, b) => counts[b] - counts[a]);
  const chars = new Array<string>(256);
  /** The byte of each character: after no prefix, after `}`, and after `~`. */
  const codes = new Uint8Array(CHARS_COUNT * 3);
  let next = 0;
  for (const prefix of ["", "}", "~"]) {
    for (let char = FIRST_CHAR; char <= LAST_CHAR && next < 256; char++) {
      const index = codesIndex(prefix, char);
      if (UNUSED.includes(char) || prefix === "" && char >= FIRST_PREFIX) continue;
      codes[index] = frequent[next++];
      chars[codes[index]] = prefix + String.fromCharCode(char);
    }
  }
  const text = Array.from(bytes, (byte) => chars[byte]).join("");
  return { text, decoder: decoderOf(text.length, codes) };
}

function codesIndex(prefix: string, char: number): number {
  const set = prefix === "" ? 0 : prefix.charCodeAt(0) - FIRST_PREFIX + 1;
  return set * CHARS_COUNT + char - FIRST_CHAR;
}

/** It decodes in place: a byte takes no more than its characters. */
function decoderOf(length: number, codes: Uint8Array): number[] {
  const pages = Math.ceil((TEXT_START + length) / 65536);
  const data = Array.from(codes, (code) => `\\${code.toString(16).padStart(2, "0")}`).join("");
  const parts = Array.from({ length: Math.ceil(length / PART_LENGTH) }, (_, part) => part);
  const ends = parts.map((part) => `(i32.const ${TEXT_START + (part + 1) * PART_LENGTH})`);
  ends[ends.length - 1] = "(local.get $end)";
  const calls = ends.map((end, part) => `(call $part${part} ${end})`);
  // A part begins where the one before it stopped: at its end, or one character behind it.
  const module = binaryen.parseText(`(module
    (memory (export "memory") ${pages})
    (data (i32.const ${FIRST_CHAR}) "${data}")
    (global $from (mut i32) (i32.const ${TEXT_START}))
    (global $to (mut i32) (i32.const ${TEXT_START}))
    ${parts.map(decoderPart).join("\n")}
    (func (export "decode") (param $end i32) (result i32)
      ${calls.join("\n")}
      (global.get $to)))`);
  try {
    return Array.from(module.emitBinary());
  } finally {
    module.dispose();
  }
}

function decoderPart(part: number): string {
  return `(func $part${part} (param $end i32)
    (local $from i32) (local $to i32) (local $char i32)
    (local.set $from (global.get $from))
    (local.set $to (global.get $to))
    (loop $next
      (local.set $char (i32.load8_u (local.get $from)))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (if (i32.ge_u (local.get $char) (i32.const ${FIRST_PREFIX})) (then
        (local.set $char (i32.add
          (i32.mul (i32.sub (local.get $char) (i32.const ${FIRST_PREFIX - 1})) (i32.const ${CHARS_COUNT}))
          (i32.load8_u (local.get $from))))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))))
      (i32.store8 (local.get $to) (i32.load8_u (local.get $char)))
      (local.set $to (i32.add (local.get $to) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $from) (local.get $end))))
    (global.set $from (local.get $from))
    (global.set $to (local.get $to)))`;
}
