/**
 * Lua 5.4 as the machine has it, for reference: a process that measures itself.
 *
 * @module
 */

/** What is run in native Lua. */
export interface NativeWork {
  /** Lua code that runs once, before anything is measured. */
  setup?: string;
  /** Lua code that is measured; it returns a number, or leaves that to `finish`. */
  code: string;
  /** Lua code that runs once afterwards, and returns a number that shows what was done. */
  finish?: string;
  /** Times to run it; the best counts. */
  repeats: number;
}

/** What came of it. */
export interface NativeResult {
  /** CPU time of the best run. */
  ms: number;
  /** The number that was returned. */
  value: number;
}

const textDecoder = new TextDecoder();

/** A Lua 5.4 on the PATH. */
export class NativeLua {
  #command: string;
  /** Its version, such as `Lua 5.4.9`. */
  readonly version: string;
  /** Whether it has lua-cjson. */
  readonly hasCjson: boolean;

  private constructor(command: string, version: string, hasCjson: boolean) {
    this.#command = command;
    this.version = version;
    this.hasCjson = hasCjson;
  }

  /**
   * Looks for `lua5.4` and for a `lua` that is 5.4.
   *
   * @returns What was found first, if anything.
   */
  static find(): NativeLua | undefined {
    for (const command of ["lua5.4", "lua"]) {
      const version = /^Lua 5\.4\.\d+/.exec(output(command, ["-v"]) ?? "")?.[0];
      if (version) return new NativeLua(command, version, output(command, ["-e", 'require "cjson"']) !== undefined);
    }
    return undefined;
  }

  /**
   * Runs code in a process of its own.
   *
   * @param work The code.
   * @returns Its time and result.
   * @throws {Error} If it fails.
   */
  measure({ setup = "", code, finish, repeats }: NativeWork): NativeResult {
    const program = `
      ${setup}
      local function work() ${code} end
      local best, value = math.huge, nil
      for _ = 1, ${repeats} do
        collectgarbage()
        local start = os.clock()
        value = work()
        best = math.min(best, os.clock() - start)
      end
      ${finish === undefined ? "" : `value = (function() ${finish} end)()`}
      print(("%.17g %.17g"):format(best * 1000, value))
    `;
    const printed = output(this.#command, ["-e", program]);
    if (printed === undefined) throw new Error(`Native Lua failed to run:\n${program}`);
    const [ms, value] = printed.split(" ").map(Number);
    return { ms, value };
  }
}

/** What a command prints, if it is there and succeeds. */
function output(command: string, args: string[]): string | undefined {
  try {
    const { success, stdout } = new Deno.Command(command, { args, stderr: "null" }).outputSync();
    return success ? textDecoder.decode(stdout) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
