/**
 * JSON that goes into a unit and comes out of it as text, past JavaScript's values.
 *
 * @module
 */

import type { Instance } from "../runtime/instance.ts";
import { LuaError } from "../values/errors.ts";
import { describe } from "../values/kinds.ts";

const textEncoder = new TextEncoder();
// A byte order mark is part of a text like any other character.
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What `JSON.stringify` takes of an indentation, too. */
const INDENT_LENGTH_MAX = 10;

/**
 * Sets `_io.input` to the value of a text; answers the unit's status.
 *
 * @param keepsNulls Whether null becomes `_io.null`.
 */
export function setInputJson(instance: Instance, text: string | Uint8Array, keepsNulls: boolean): number {
  if (typeof text !== "string") {
    return setBytes(instance, text.length, keepsNulls, (target) => {
      target.set(text);
      return text.length;
    })!;
  }
  // A text is mostly ASCII, so that it is written in place; where it needs more room, it takes a copy.
  const length = text.length + Math.trunc(text.length / 8);
  const status = setBytes(instance, length, keepsNulls, (target) => {
    const { read, written } = textEncoder.encodeInto(text, target);
    return read < text.length ? undefined : written;
  });
  return status ?? setInputJson(instance, textEncoder.encode(text), keepsNulls);
}

/**
 * The same for a text that is written where there is room for so many bytes; undefined where it isn't.
 *
 * @param write Answers how many bytes it has written, undefined where there was too little room.
 */
function setBytes(
  instance: Instance,
  room: number,
  keepsNulls: boolean,
  write: (target: Uint8Array<ArrayBuffer>) => number | undefined,
): number | undefined {
  const { exports } = instance;
  const capacity = room + 1;
  // An export would take a larger number for a smaller one.
  const pointer = capacity > instance.memoryLimit ? 0 : exports.allocate(capacity) >>> 0;
  if (pointer === 0) throw new LuaError("memory", "not enough memory for the text");
  try {
    const target = instance.bytes(pointer, capacity);
    const length = write(target.subarray(0, room));
    if (length === undefined) return undefined;
    target[length] = 0;
    return instance.guard(() => exports.set_input_json(pointer, length, keepsNulls ? 1 : 0));
  } finally {
    exports.release(pointer, capacity);
  }
}

/** Throws where a text is none. */
export function checkJson(action: string, text: unknown): asserts text is string | Uint8Array {
  if (typeof text !== "string" && !(text instanceof Uint8Array)) {
    throw new TypeError(`Cannot ${action}: the text is neither a string nor a Uint8Array, but ${describe(text)}`);
  }
  if (typeof text === "string" && !text.isWellFormed()) {
    throw new TypeError(`Cannot ${action}: a string with a lone surrogate cannot be passed (at text)`);
  }
}

/** What each level adds to the beginning of a line. */
export function indentText(indent: number | string): string {
  return typeof indent === "string" ? indent : " ".repeat(Math.min(Math.trunc(indent), INDENT_LENGTH_MAX));
}

/** Whether an indentation is one that JSON has. */
export function isIndent(indent: unknown): boolean {
  if (typeof indent === "number") return indent >= 0;
  return typeof indent === "string" && indent.length <= INDENT_LENGTH_MAX && /^[ \t]*$/.test(indent);
}

/** Writes `_io.output`; answers the unit's status, or how many bytes the text has. */
export function writeOutputJson(instance: Instance, indent: string, sorts: boolean): number {
  textEncoder.encodeInto(indent, instance.heap);
  return instance.guard(() => instance.exports.get_output_json(indent.length, sorts ? 1 : 0));
}

/** Reads the text that was written. */
export function readJson(instance: Instance, length: number): string {
  try {
    return textDecoder.decode(instance.bytes(instance.exports.get_text() >>> 0, length));
  } finally {
    instance.exports.drop_json();
  }
}
