/**
 * The wire format: what stands in the I/O buffer when a value crosses. Mirrors
 * `zig/bridge/wire.zig`, which describes it; a test compares the two.
 *
 * @module
 */

import { DEPTH_MAX } from "../values/kinds.ts";

/** Tags and sizes of the wire format. */
export const WIRE = {
  BUFFER_SIZE_BYTES: 64 * 1024,
  WORDS_MAX: 4096,
  HEAP_SIZE_BYTES: 32 * 1024,
  INLINE_STRING_BYTES_MAX: 128,
  NO_SHAPE: 65535,
  RELEASED_MAX: 1024,
  SHAPE_KEYS_MAX: 32,
  SHAPES_MAX: 512,
  DEPTH_MAX,
  SOURCES_MAX: 8,
  SOURCE_NAME_BYTES_MAX: 60,
  TRACEBACK_BYTES_MAX: 2048,

  /** Upper half of a word that is a tag, without the tag. */
  BOXED: 0xfffc0000,

  NIL: 0x00,
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  FLOAT: 0x03,
  STRING: 0x04,
  FUNCTION_BYTECODE: 0x05,
  FUNCTION_REF: 0x06,
  TABLE_REF: 0x07,
  SHAPE: 0x10,
  OBJECT: 0x11,
  RECORD: 0x12,
  ARRAY: 0x13,
  MAP: 0x14,
  SET: 0x15,
  DATE: 0x16,
  BYTES: 0x17,
  TYPED_ARRAY: 0x18,
  STRING_AT: 0x19,
  BYTES_AT: 0x1a,
  VIEW: 0x1b,
  WRITTEN: 0x1c,
  CHANGED_VIEW: 0x1d,
  FUNCTION: 0x1e,
  REFUSED: 0x1f,

  ADOPT_BASE: -1024,
  HAS_METATABLE: 0x8000_0000,
  ADOPTED_MAX: 16 * 1024,
  WORDS_BITS: 13,
  BORDER_UNKNOWN: 0x7fff_ffff,
  LIBRARY_FUNCTION: 1,
  RESULTS_BASE: -16,
  DIRECT_RESULTS_MAX: 16,

  STATUS_LUA: -1,
  STATUS_MEMORY: -2,
  STATUS_MALFORMED: -3,
  STATUS_DEPTH: -4,
  STATUS_DUPLICATE: -5,
  STATUS_UNSUPPORTED: -6,
  STATUS_IO_TABLE: -7,
  STATUS_THROWN: -8,
  STATUS_RAISED: -9,
  STATUS_WAITS: -10,
  STATUS_SYNTAX: -11,
  STATUS_DAMAGED: -12,

  SLEEP_FUNCTION: 0xffff_fff0,
  ALL_FUNCTION: 0xffff_fff1,
  RACE_FUNCTION: 0xffff_fff2,
} as const;

/** What is nil to Lua code (`Nil`): payloads of NIL. */
export const NIL_KIND = { UNDEFINED: 0, NULL: 1, KEPT: 2 } as const;

/** Where something of the host's becomes known to code (`Place` in `zig/calls/host.zig`). */
export const DEFINE = { GLOBAL: 0, MODULE: 1, RESOLVER: 2 } as const;

/** What becomes of the results of a strand (`Results` in `zig/calls/strands.zig`). */
export const RESULTS = { FIRST: 0, KEEP: 1, WITH_IO: 2, WITH_JSON: 3 } as const;

/** Which globals a run gets (`Globals` in `zig/calls/strands.zig`): those before, of its own, or the unit's. */
export const GLOBALS = { LAST: 0, OWN: 1, UNIT: 2 } as const;

/** The contents of `_io` that the unit has outside of runs of their own (`own_channel` in `zig/calls/io_table.zig`). */
export const OWN_CHANNEL = 1;

/** Kinds of views (`ViewKind`). */
export const VIEW_KIND = { OBJECT: 0, ARRAY: 1, MAP: 2, SET: 3, RECORD: 4, EXTERNAL: 5 } as const;

/** What Lua asks of a view's object (`Op` in `zig/views/asking.zig`). */
export const VIEW_OP = {
  ELEMENTS: 0,
  FIELD: 1,
  ALL: 2,
  ENTRIES: 3,
  POSITION: 4,
  BORDER: 5,
  STORE: 6,
  ADOPT: 7,
  COMMIT: 8,
  MARK: 9,
  PIN: 10,
  TABLE: 11,
} as const;
