/**
 * Runs programs in native Lua and in units, and makes those smaller that differ.
 *
 * @module
 */

import { ComputeUnit, LuaError } from "@computeunit/cu";
import { constructorOf, type Program, programOf, type Statement, textOf } from "./program.ts";
import { PRELUDE } from "./prelude.ts";
import { findNativeLua } from "./native_lua.ts";

/** Programs that run in one process of native Lua, and in one unit. */
const BATCH_MAX = 500;

/** What is shown is bytes; any will do that tells them apart. */
const latin1 = new TextDecoder("latin1");

/** No program runs long: one that does never ends. */
const BATCH_TIMEOUT_MS = 60_000;

/** A unit of so little may have no memory for a program. */
const SMALL_MEMORY_LIMIT = 2 * 1024 * 1024;

/** Calls of C functions in one another of which native Lua allows 200. */
const DEEPER_LEVELS = 20;

/** How the result begins of a program that broke its unit. */
const TRAP = "trap: ";

const LINES_SHOWN_MAX = 12;

/** Failures that are made smaller and told. */
const FAILURES_MAX = 10;

/** Memory limits of the units in turn: of some programs' batches, a program runs out of memory. */
const MEMORY_LIMITS = [64, 1, 16, 2].map((mebibytes) => mebibytes * 1024 * 1024);

const RUN_IN_UNIT = `${PRELUDE}
return _io.bytes(run(_io.meta, _io.input))`;

/** What came of a comparison. */
export interface Outcome {
  failures: number;
  /** Programs that ran out of memory or of C's stack, whose room differs. */
  skipped: number;
}

/** Runs as many programs as told, from a seed on. */
export async function compare(seed: number, count: number, tell: (text: string) => void): Promise<Outcome> {
  const native = await NativeLua.find();
  const outcome: Outcome = { failures: 0, skipped: 0 };
  const size = Math.min(BATCH_MAX, Math.ceil(count / MEMORY_LIMITS.length));
  for (let first = 0, batch = 0; first < count; first += size, batch++) {
    const programs = Array.from({ length: Math.min(size, count - first) }, (_, i) => programOf(seed + first + i));
    const expected = await native.run(programs);
    const memoryLimit = MEMORY_LIMITS[batch % MEMORY_LIMITS.length];
    let unit = await ComputeUnit.create({ memoryLimit });
    for (const [i, program] of programs.entries()) {
      const result = runInUnit(unit, program);
      const verdict = judge(expected[i], result);
      if (verdict === "skip") outcome.skipped++;
      if (verdict === "differs") {
        const text = await report(native, program, memoryLimit, differenceOf(expected[i], result));
        if (text === undefined) outcome.skipped++;
        else if (tell(text), ++outcome.failures === FAILURES_MAX) return outcome;
      }
      if (result.isBroken) unit = await ComputeUnit.create({ memoryLimit });
    }
    unit[Symbol.dispose]();
  }
  return outcome;
}

interface Result {
  text: string;
  /** It trapped, or fails what it must be able to do. */
  isBroken: boolean;
}

function runInUnit(unit: ComputeUnit, program: Program): Result {
  try {
    unit.setMetadata(textOf(program.body));
    unit.setInput(program.data, { lazy: program.seed % 3 !== 0 });
    return { text: latin1.decode(unit.compute<Uint8Array>(RUN_IN_UNIT)), isBroken: false };
  } catch (error) {
    const isBroken = error instanceof WebAssembly.RuntimeError || !(error instanceof LuaError);
    return { text: isBroken ? `${TRAP}${(error as Error).stack}` : `error: ${(error as Error).message}`, isBroken };
  }
}

type Verdict = "agrees" | "differs" | "skip";

/** Of NaN, the sign differs; of C's stack, the room. */
const INCOMPARABLE = /overflow|-?nan|not enough memory/;

function judge(expected: string, { text, isBroken }: Result): Verdict {
  if (isBroken) return "differs";
  if (text === expected) return "agrees";
  return INCOMPARABLE.test(text) || INCOMPARABLE.test(expected) ? "skip" : "differs";
}

/**
 * Makes a program smaller as long as it still differs, in units of their own. Undefined for
 * one that may have caught an error of memory or of C's stack, of which nothing else was to be seen.
 */
async function report(
  native: NativeLua,
  program: Program,
  memoryLimit: number,
  difference: string,
): Promise<string | undefined> {
  const outcomeOf = async (body: Statement[], limit = memoryLimit) => {
    const candidate = { ...program, body };
    const [expected] = await native.run([candidate]);
    using unit = await ComputeUnit.create({ memoryLimit: limit });
    const result = runInUnit(unit, candidate);
    return { expected, result, differs: judge(expected, result) === "differs" };
  };
  if (await native.dependsOnStack(program)) return undefined;
  let body = program.body;
  if (memoryLimit <= SMALL_MEMORY_LIMIT && !difference.startsWith(TRAP)) {
    const { differs } = await outcomeOf(body, MEMORY_LIMITS[0]);
    if (!differs) return undefined;
  }
  if (!(await outcomeOf(body)).differs) {
    return `seed ${program.seed} (limit ${memoryLimit}): differs after other programs only\n${difference}`;
  }
  for (let smaller = true; smaller;) {
    smaller = false;
    for (const candidate of smallerBodies(body)) {
      if (!(await outcomeOf(candidate)).differs) continue;
      body = candidate;
      smaller = true;
      break;
    }
  }
  const { expected, result } = await outcomeOf(body);
  return `seed ${program.seed} (limit ${memoryLimit}, data ${constructorOf(program.data)}):
${textOf(body)}
${differenceOf(expected, result)}`;
}

/** What both show from the first line on in which they differ. */
function differenceOf(expected: string, found: Result): string {
  if (found.isBroken) return found.text;
  const [native, unit] = [expected.split("\n"), found.text.split("\n")];
  const first = native.findIndex((line, i) => line !== unit[i]);
  const from = (lines: string[]) => lines.slice(Math.max(first, 0)).slice(0, LINES_SHOWN_MAX).join("\n");
  return `--- native, from line ${first + 1} on\n${from(native)}\n--- unit\n${from(unit)}\n`;
}

/** The same statements without one of them, or with one replaced by its blocks. */
function* smallerBodies(body: Statement[]): Generator<Statement[]> {
  for (const [i, statement] of body.entries()) {
    const [before, after] = [body.slice(0, i), body.slice(i + 1)];
    yield [...before, ...after];
    if (statement.blocks.some((block) => block.length > 0)) yield [...before, ...statement.blocks.flat(), ...after];
    for (const [j, block] of statement.blocks.entries()) {
      for (const smaller of smallerBodies(block)) {
        yield [...before, { ...statement, blocks: statement.blocks.with(j, smaller) }, ...after];
      }
    }
  }
}

/** The end of what one program shows. */
const END = "\n--end of a program--\n";

class NativeLua {
  readonly #command: string;

  private constructor(command: string) {
    this.#command = command;
  }

  static async find(): Promise<NativeLua> {
    const command = await findNativeLua();
    if (command === undefined) throw new Error("Cannot find Lua's release: run `deno task build --native`");
    return new NativeLua(command);
  }

  /** Whether a program shows something else where less is left of C's stack. */
  async dependsOnStack(program: Program): Promise<boolean> {
    const [shown] = await this.run([program]);
    const [deeper] = await this.run([program], DEEPER_LEVELS);
    return shown !== deeper;
  }

  /** What each of the programs shows, so many calls of C functions deep. */
  async run(programs: Program[], levels = 0): Promise<string[]> {
    const calls = programs.map(({ body, data }) =>
      `local shown local function show(n)
        if n > 0 then return string.gsub("x", "x", function() show(n - 1) end) end
        shown = select(2, pcall(run, [==[\n${textOf(body)}]==], ${constructorOf(data)}))
      end
      show(${levels}) io.write(shown, ${JSON.stringify(END)}) io.flush()\n`
    ).map((call) => `do ${call} end\n`);
    const file = await Deno.makeTempFile({ suffix: ".lua" });
    try {
      await Deno.writeTextFile(file, PRELUDE + calls.join(""));
      // Under the name that code has in a unit.
      const args = ["-e", `assert(load(io.open(${JSON.stringify(file)}):read("a"), "=compute"))()`];
      const signal = AbortSignal.timeout(BATCH_TIMEOUT_MS);
      const { success, stdout, stderr } = await new Deno.Command(this.#command, { args, signal }).output();
      const shown = latin1.decode(stdout).split(END).slice(0, -1);
      if (!success || shown.length !== programs.length) {
        throw new Error(`Native Lua failed at seed ${programs[shown.length]?.seed}: ${latin1.decode(stderr)}`);
      }
      return shown;
    } finally {
      await Deno.remove(file);
    }
  }
}
