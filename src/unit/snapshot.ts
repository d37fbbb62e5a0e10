/**
 * Snapshots of units.
 *
 * @module
 */

import { describe } from "../values/kinds.ts";
import { checkOptions, NO_OPTIONS } from "../values/options.ts";
import type { SnapshotParts } from "./snapshot_record.ts";
import { SNAPSHOT_BYTES_OPTIONS, type SnapshotBytesOptions } from "./unit_options.ts";

/** Makes a snapshot; `tidy` makes the parts of it that are written. */
export let makeSnapshot: (parts: SnapshotParts, tidy: () => SnapshotParts) => Snapshot;

/** The parts of a snapshot. */
export let partsOf: (snapshot: Snapshot) => SnapshotParts;

/**
 * All that a unit was at one moment: {@linkcode ComputeUnit.snapshot} takes it. It doesn't change, and may be used
 * any number of times.
 *
 * Whoever has a snapshot has all that was in the unit: data, code, and the secret by which its tables are hashed.
 *
 * @example Usage
 * ```ts
 * import { ComputeUnit, Snapshot } from "@computeunit/cu";
 * import { assertEquals } from "@std/assert";
 *
 * using cu = await ComputeUnit.create();
 * cu.compute("greeting = 'hello'");
 * const bytes = await cu.snapshot().bytes();
 *
 * const snapshot = await Snapshot.from(bytes);
 * using other = await ComputeUnit.fromSnapshot(snapshot);
 * assertEquals(other.compute("return greeting"), "hello");
 * ```
 */
export class Snapshot {
  readonly #parts: SnapshotParts;
  readonly #tidy: () => SnapshotParts;

  static {
    makeSnapshot = (parts, tidy) => new Snapshot(parts, tidy);
    partsOf = (snapshot) => snapshot.#parts;
  }

  private constructor(parts: SnapshotParts, tidy: () => SnapshotParts) {
    if (typeof parts?.record !== "object") {
      throw new TypeError("Cannot construct a Snapshot: use `cu.snapshot()` or `await Snapshot.from(bytes)` instead");
    }
    this.#parts = parts;
    this.#tidy = tidy;
  }

  /**
   * The snapshot as bytes, for another process. Garbage isn't written. What Lua sees of lazy inputs is written
   * whole, as copies, which are made before the promise is fulfilled; errors that JavaScript threw, by name and message.
   *
   * @param options Whether they are compressed.
   * @returns The bytes.
   * @throws {TypeError} If a lazy input holds what can't be passed, such as a function, with its path.
   * @throws {RangeError} If it nests deeper than 1000 levels.
   *
   * @example Usage
   * ```ts
   * import { ComputeUnit } from "@computeunit/cu";
   * import { assert } from "@std/assert";
   *
   * using cu = await ComputeUnit.create();
   * const snapshot = cu.snapshot();
   * const [bytes, compressed] = [await snapshot.bytes(), await snapshot.bytes({ compressed: true })];
   * assert(compressed.length < bytes.length / 2);
   * ```
   */
  async bytes(options: SnapshotBytesOptions = NO_OPTIONS): Promise<Uint8Array<ArrayBuffer>> {
    checkOptions("write the snapshot", options, SNAPSHOT_BYTES_OPTIONS);
    const parts = this.#tidy();
    const { writeSnapshot } = await import("./snapshot_bytes.ts");
    return await writeSnapshot(parts, options.compressed === true);
  }

  /**
   * Reads the bytes of a snapshot.
   *
   * @param bytes What {@linkcode Snapshot.bytes} gave.
   * @returns The snapshot.
   * @throws {TypeError} If they are none of a snapshot, damaged, or of another version of the format.
   *
   * @example Usage
   * ```ts
   * import { Snapshot } from "@computeunit/cu";
   * import { assertRejects } from "@std/assert";
   *
   * await assertRejects(() => Snapshot.from(new Uint8Array(100)), TypeError, "these are no bytes of a snapshot");
   * ```
   */
  static async from(bytes: Uint8Array): Promise<Snapshot> {
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(
        `Cannot load the snapshot: it is neither a Snapshot nor a Uint8Array, but ${describe(bytes)}`,
      );
    }
    const file = bytes.slice(); // whoever gave it may change it
    const { readSnapshot } = await import("./snapshot_bytes.ts");
    const parts = await readSnapshot(file);
    return new Snapshot(parts, () => parts);
  }
}
