/**
 * Where code raised an error, or was stopped.
 *
 * @module
 */

/** In the place of a chunk's number: of a module's text. */
export const MODULE = 0xffff_ffff;

/** A text that functions on Lua's stack were compiled from. */
export interface Source {
  /** Number of the compiled chunk; 0 where it is none of the host's, or gone; `MODULE` where it is a module's text. */
  readonly chunk: number;
  /** Its name as Lua shows it: of a long one, the end. */
  readonly name: string;
}

/** What the unit noted. */
export interface Position {
  /** Line of the innermost Lua function; 0 where none was running. */
  readonly line: number;
  /** The innermost first. */
  readonly sources: readonly Source[];
  /** Only of what no message handler saw. */
  readonly traceback: string;
}

/** A chunk's text, as it was given. */
export interface ChunkText {
  readonly chunkName: string;
  readonly code: string | Uint8Array;
}

/** Finds the text of a chunk, if the host has it; of a module by the name that Lua shows for it. */
export type FindText = (chunk: number, shownName: string) => ChunkText | undefined;

/** Where something is, for people. */
export interface Where {
  chunk?: string;
  line?: number;
  sourceLine?: string;
}

/** Characters of a message in which positions are looked for. */
export const POSITIONS_LENGTH_MAX = 4096;

/** Characters of a line that are shown. */
const SOURCE_LINE_LENGTH_MAX = 200;

/** Bytes of a name that Lua shows in full; of a longer one the end, behind three dots. */
const NAME_BYTES_MAX = 59;

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder();

/** A name that Lua gives to text without one; text in it may have anything. */
const UNNAMED = /^(\[string ".*?"\]):(\d+): /;

interface Prefix {
  readonly name: string;
  readonly line: number;
  readonly length: number;
}

/** Whether a text can be a chunk's name. */
export function isChunkName(name: unknown): name is string {
  // A fresh process takes 0.2 ms before its first regular expression.
  const isLine = typeof name === "string" && name !== "" && !name.includes("\0") && !name.includes("\n");
  return isLine && name.isWellFormed();
}

/** What `require` says of a text that doesn't compile, before what Lua says of it. */
const NOT_LOADED = /^error loading module '[^\n]*' from '([^\n]*)':\n\t/;

/**
 * Finds where a message says that it was raised, else where the innermost function is.
 *
 * @param textOf The text of a chunk, if the host has it; of a module, by the name that Lua shows for it.
 * @returns The place, and the message without it.
 */
export function locate(
  message: string,
  { line, sources }: Position,
  textOf: FindText,
): { where: Where; bare: string } {
  let prefix = prefixOf(message, sources);
  if (prefix === undefined) {
    return { where: line > 0 && sources.length > 0 ? whereOf(sources[0], line, textOf) : {}, bare: message };
  }
  // An error that was passed on, by coroutine.wrap or error(message), has the positions of
  // that before its own.
  let length = prefix.length;
  while (length < POSITIONS_LENGTH_MAX) {
    const inner = prefixOf(message.slice(length, length + POSITIONS_LENGTH_MAX), sources);
    if (inner?.name !== prefix.name) break;
    prefix = inner;
    length += inner.length;
  }
  const { name } = prefix;
  const source = sources.find((source) => source.name === name) ?? { chunk: 0, name };
  const bare = message.slice(length);
  return { where: whereNotLoaded(bare, textOf) ?? whereOf(source, prefix.line, textOf), bare };
}

/** Where the text of a module doesn't compile, if a message says so. */
function whereNotLoaded(message: string, textOf: FindText): Where | undefined {
  const match = NOT_LOADED.exec(message.slice(0, POSITIONS_LENGTH_MAX));
  if (match === null) return undefined;
  const source = { chunk: MODULE, name: shownName(match[1]) };
  const prefix = prefixOf(message.slice(match[0].length, match[0].length + POSITIONS_LENGTH_MAX), [source]);
  if (prefix?.name !== source.name || textOf(MODULE, source.name) === undefined) return undefined;
  return whereOf(source, prefix.line, textOf);
}

/** The "name:line: " that Lua put before a message. A name may have colons itself: the longest counts. */
function prefixOf(message: string, sources: readonly Source[]): Prefix | undefined {
  let longest: Prefix | undefined;
  for (const { name } of sources) {
    if (longest !== undefined && name.length <= longest.name.length || !message.startsWith(name)) continue;
    const match = /^:(\d+): /.exec(message.slice(name.length, name.length + 16));
    if (match !== null) longest = { name, line: Number(match[1]), length: name.length + match[0].length };
  }
  if (longest !== undefined) return longest;
  const match = UNNAMED.exec(message);
  return match === null ? undefined : { name: match[1], line: Number(match[2]), length: match[0].length };
}

function whereOf(source: Source, line: number, textOf: FindText): Where {
  const text = textOf(source.chunk, source.name);
  if (text === undefined) return { chunk: source.name, line };
  const sourceLine = lineOf(text.code, line);
  return { chunk: text.chunkName, line, ...sourceLine === undefined ? {} : { sourceLine } };
}

/** The name that Lua shows for a chunk (`luaO_chunkid`). */
export function shownName(chunkName: string): string {
  if (chunkName.length <= NAME_BYTES_MAX / 3) return chunkName;
  const bytes = textEncoder.encode(chunkName);
  return bytes.length <= NAME_BYTES_MAX ? chunkName : `...${textDecoder.decode(bytes.subarray(3 - NAME_BYTES_MAX))}`;
}

/** A line of code, counted as Lua counts them. */
function lineOf(code: string | Uint8Array, line: number): string | undefined {
  const text = typeof code === "string" ? code : textDecoder.decode(code);
  const breaks = /\r\n?|\n\r?/g;
  for (let at = 1; at < line; at++) if (breaks.exec(text) === null) return undefined;
  const start = breaks.lastIndex;
  const shown = text.slice(start, start + SOURCE_LINE_LENGTH_MAX);
  return /^[^\r\n]*/.exec(shown)![0];
}
