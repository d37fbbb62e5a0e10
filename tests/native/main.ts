/**
 * Compares the unit with Lua as its authors build it, by random programs:
 * `deno task test:native [--programs N] [--seed N]`. The same seed makes the same programs.
 *
 * A program that a unit traps in, or in which it shows something else than native Lua,
 * is made as small as it can be by leaving out statements, and printed.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { compare } from "./compare.ts";

const args = parseArgs(Deno.args, { string: ["programs", "seed"] });
const programs = Number(args.programs ?? 5000);
const seed = Number(args.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
console.log(`${programs} programs from seed ${seed} on`);
const { failures, skipped } = await compare(seed, programs, (text) => console.log(text));
console.log(`${failures} of ${programs} differ; ${skipped} could not be compared`);
Deno.exit(failures > 0 ? 1 : 0);
