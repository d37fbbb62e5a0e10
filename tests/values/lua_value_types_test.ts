// The type of what comes out of Lua, as programs with an older `lib` have it.

import { assert } from "@std/assert";
import { pathOf } from "../../tools/run.ts";

const LUA_VALUE = new URL("../../src/values/lua_value.ts", import.meta.url);

/** What the type must be in any program. */
const PROGRAM = `
import type { LuaValue } from ${JSON.stringify(LUA_VALUE.href)};
type IsAny<T> = 0 extends 1 & T ? true : false;
export const isAny: IsAny<LuaValue> = false;
export const value: LuaValue = [null, true, 1, 1n, "a", new Uint8Array(1), new Float64Array(1), new Date(0), { a: [] }];
// @ts-expect-error: functions don't come out
export const none: LuaValue = () => 1;
`;
const FLOAT16 = `
export const half: LuaValue = new Float16Array(1);
// @ts-expect-error: it isn't any
half.missing;
`;

for (const [lib, program] of [["es2022", PROGRAM], ["es2024", PROGRAM], ["esnext", PROGRAM + FLOAT16]]) {
  Deno.test(`LuaValue isn't any in a program with the lib ${lib}`, async () => {
    const directory = await Deno.makeTempDir();
    try {
      const config = `${directory}/deno.json`;
      await Deno.writeTextFile(config, JSON.stringify({ compilerOptions: { lib: [lib] } }));
      await Deno.writeTextFile(`${directory}/program.ts`, program);
      const command = new Deno.Command(Deno.execPath(), {
        args: ["check", "--quiet", "--config", config, `${directory}/program.ts`],
        cwd: pathOf(new URL("../../", import.meta.url)),
        env: { NO_COLOR: "1" },
      });
      const { success, stderr } = await command.output();
      assert(success, new TextDecoder().decode(stderr));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}
