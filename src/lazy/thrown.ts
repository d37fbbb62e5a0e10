/**
 * What JavaScript threw while Lua code ran: an error value in Lua, by its number.
 *
 * @module
 */

import { isOf, messageOf } from "../values/refusals.ts";

/** What an error takes of the host's memory, with its stack; estimated. */
const ERROR_BYTES = 4096;

/** Characters of a name, and of a message, that Lua gets. */
const NAME_LENGTH_MAX = 256;
const MESSAGE_LENGTH_MAX = 4096;

/** Stands for what was thrown, which may be no object, among the objects of views. */
export class Thrown {
  /** The very value. */
  readonly value: unknown;
  /** Whether it is the bridge's own refusal of a value, which users get as it is. */
  readonly isRefusal: boolean;
  #text: string | undefined;

  /** Constructs one. */
  constructor(value: unknown, isRefusal: boolean) {
    this.value = value;
    this.isRefusal = isRefusal;
  }

  /** `.name` in Lua: such as "TypeError", or nothing where no Error was thrown. */
  get name(): string {
    return isOf(this.value, Error) ? textForLua(nameOf(this.value), NAME_LENGTH_MAX) : "";
  }

  /** `.message` in Lua. */
  get message(): string {
    return textForLua(this.#wholeText(), MESSAGE_LENGTH_MAX);
  }

  /** What it takes of the host's memory, in bytes, estimated by its text. */
  get bytes(): number {
    return ERROR_BYTES + 2 * this.#wholeText().length; // far below 2^32: V8's strings have 2^29 characters at the most
  }

  #wholeText(): string {
    return this.#text ??= messageOf(this.value);
  }
}

/** An error's name: it may be anything, and reading it may throw. */
function nameOf(error: Error): string {
  try {
    return String(error.name);
  } catch {
    return "Error";
  }
}

/** A text that Lua has: of a long one the beginning, and the end, which is the path of a refusal. */
function textForLua(text: string, lengthMax: number): string {
  const { length } = text;
  const half = lengthMax / 2;
  const shown = length > lengthMax ? `${text.slice(0, half)}...${text.slice(length - half)}` : text;
  return shown.toWellFormed();
}
