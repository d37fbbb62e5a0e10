/**
 * Writes the WASM module as text, which `src/runtime/module_text.ts` decodes.
 *
 * @module
 */

import binaryen from "binaryen";
import { TEXT_START } from "../src/runtime/module_text.ts";

const FIRST_CHAR = 0x20;
const LAST_CHAR = 0x7e;

/** Bytes of a table of characters. */
const TABLE_BYTES = 96;

/**
 * `}` and `~` stand for one of the rarer values: which one, another character tells. These stand in a row of their
 * own, before the rest, so that 16 characters are decoded at once.
 */
const RARE = ["}", "~"];

/** What a string literal, or a script in a page, can't have as it is. */
const UNUSED = ['"', "\\", "<"];

const CHARS = Array.from({ length: LAST_CHAR - FIRST_CHAR + 1 }, (_, i) => String.fromCharCode(FIRST_CHAR + i))
  .filter((char) => !UNUSED.includes(char));

/** Characters that one function of the decoder takes: V8 optimizes one that runs long, which takes longer. */
const PART_LENGTH = 128 * 1024;

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
  /** What stands for a value: a character, and one in the row of the rarer ones. */
  const codes = new Array<[char: string, rare: string]>(256);
  /** The values of characters by themselves, of those in the row for `}`, and of those for `~`. */
  const tables = new Uint8Array(3 * TABLE_BYTES);
  let next = 0;
  const assign = (table: number, char: string, code: [string, string]) => {
    if (next === frequent.length) return;
    tables[table * TABLE_BYTES + char.charCodeAt(0) - FIRST_CHAR] = frequent[next];
    codes[frequent[next++]] = code;
  };
  for (const char of CHARS) if (!RARE.includes(char)) assign(0, char, [char, ""]);
  for (const [i, rare] of RARE.entries()) for (const char of CHARS) assign(i + 1, char, [rare, char]);

  const rareText = Array.from(bytes, (byte) => codes[byte][1]).join("");
  const text = rareText + Array.from(bytes, (byte) => codes[byte][0]).join("");
  return { text, decoder: decoderOf(TEXT_START + rareText.length, bytes.length, tables) };
}

/** It decodes in place. */
function decoderOf(first: number, length: number, tables: Uint8Array): number[] {
  const end = first + length;
  // It reads beyond the end, where zeros are.
  const pages = Math.ceil((end + 16) / 65536);
  const data = Array.from(tables, (byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
  const starts = Array.from({ length: Math.ceil(length / PART_LENGTH) }, (_, part) => first + part * PART_LENGTH);
  const calls = starts.map((start, part) => `(call $part${part} (i32.const ${start}))`);
  const module = binaryen.parseText(`(module
    (memory (export "memory") ${pages})
    (data (i32.const 0) "${data}")
    (global $rare (mut i32) (i32.const ${TEXT_START}))
    ${starts.map((start, part) => decoderPart(part, Math.min(start + PART_LENGTH, end))).join("\n")}
    (func (export "decode") (result i32)
      ${calls.join("\n")}
      (i32.const ${first})))`);
  try {
    module.setFeatures(binaryen.Features.SIMD128);
    return Array.from(module.emitBinary());
  } finally {
    module.dispose();
  }
}

/** Takes 16 characters at a time: looks them up, and then those among them that stand for rarer values. */
function decoderPart(part: number, end: number): string {
  const lookups = Array.from({ length: TABLE_BYTES / 16 }, (_, i) => `
      (local.set $bytes (v128.or (local.get $bytes)
        (i8x16.swizzle (v128.load (i32.const ${i * 16})) (local.get $places))))
      (local.set $places (i8x16.sub (local.get $places) (v128.const i8x16 ${"16 ".repeat(16)})))`);
  const splat = (char: string) => `(v128.const i8x16 ${`${char.charCodeAt(0)} `.repeat(16)})`;
  return `(func $part${part} (param $at i32)
    (local $chars v128) (local $places v128) (local $bytes v128)
    (local $left i32) (local $tildes i32) (local $place i32) (local $rare i32)
    (local.set $rare (global.get $rare))
    (loop $next
      (local.set $chars (v128.load (local.get $at)))
      (local.set $places (i8x16.sub (local.get $chars) ${splat(" ")}))
      (local.set $bytes (v128.const i64x2 0 0))
      ${lookups.join("")}
      (v128.store (local.get $at) (local.get $bytes))
      (local.set $left (i8x16.bitmask (i8x16.ge_s (local.get $chars) ${splat(RARE[0])})))
      (if (local.get $left) (then
        (local.set $tildes (i8x16.bitmask (i8x16.eq (local.get $chars) ${splat(RARE[1])})))
        (loop $nextRare
          (local.set $place (i32.ctz (local.get $left)))
          (i32.store8
            (i32.add (local.get $at) (local.get $place))
            (i32.load8_u offset=${TABLE_BYTES - FIRST_CHAR} (i32.add
              (i32.load8_u (local.get $rare))
              (i32.mul (i32.const ${TABLE_BYTES}) (i32.and (i32.const 1)
                (i32.shr_u (local.get $tildes) (local.get $place)))))))
          (local.set $rare (i32.add (local.get $rare) (i32.const 1)))
          (local.set $left (i32.and (local.get $left) (i32.sub (local.get $left) (i32.const 1))))
          (br_if $nextRare (local.get $left)))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const ${end}))))
    (global.set $rare (local.get $rare)))`;
}
