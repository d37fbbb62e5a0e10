/**
 * Calls of the host's functions from Lua code: a thousand of them in one run, one group for each
 * kind of arguments. And waits for promises of the host's, beside `await`.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { LuaFactory } from "wasmoon";
import { getQuickJS } from "quickjs-emscripten";
import { assertEquals } from "@std/assert";
import { benchCase, type ProgramCase, programCases } from "./cases.ts";

/** Two numbers in, one out. */
export const NUMBERS_CALL = "host function: two numbers in, one out, 1,000 calls";
/** A row of four fields in, and out. */
export const ROW_CALL = "host function: a row of four fields in and out, 1,000 calls";

/** What the host gives code. */
const HOST = {
  add: (a: number, b: number): number => a + b,
  discount: (row: Record<string, unknown>): Record<string, unknown> => ({ ...row, price: row.price as number / 2 }),
};

const CALLS: ProgramCase[] = [
  {
    group: NUMBERS_CALL,
    code: "local sum = 0 for i = 1, 1000 do sum = add(sum, i) end return sum",
    result: 500_500,
  },
  {
    group: ROW_CALL,
    code: `
      local sum = 0
      for i = 1, 1000 do
        local row = discount({ id = i, name = "row", price = i, active = true })
        sum = sum + row.price
      end
      return sum
    `,
    result: 250_250,
  },
];

const unit = await ComputeUnit.create({ globals: HOST });
const engine = await new LuaFactory().createEngine({ enableProxy: false });
for (const [name, run] of Object.entries(HOST)) engine.global.set(name, run);

for (const call of CALLS) programCases(call, engine, unit.compile(call.code));

// The same two numbers from JavaScript that QuickJS runs.
const quickjs = (await getQuickJS()).newContext();
quickjs.newFunction("add", (a, b) => quickjs.newNumber(HOST.add(quickjs.getNumber(a), quickjs.getNumber(b))))
  .consume((add) => quickjs.setProp(quickjs.global, "add", add));
const QUICKJS_CODE = "let sum = 0; for (let i = 1; i <= 1000; i++) sum = add(sum, i); sum";
benchCase({
  group: NUMBERS_CALL,
  name: "quickjs-emscripten",
  contender: "quickjs",
  run: () => quickjs.unwrapResult(quickjs.evalCode(`{ ${QUICKJS_CODE} }`)).consume((sum) => quickjs.getNumber(sum)),
  check: (sum) => assertEquals(sum, 500_500),
});

/** Waits in one run. */
export const WAITS = 1000;
const settled = Promise.resolve(1);
const waiting = await ComputeUnit.create({ globals: { wait: () => settled } });

/** Waits for a resolved promise from Lua code. */
export async function waitInLua(): Promise<number> {
  return (await waiting.computeAsync<number>(`local n = 0 for i = 1, ${WAITS} do n = n + wait() end return n`)).value;
}

/** The same in JavaScript. */
export async function waitInJavaScript(): Promise<number> {
  let n = 0;
  for (let i = 0; i < WAITS; i++) n += await settled;
  return n;
}

const WAIT = `wait for a resolved promise, ${WAITS} times`;
Deno.bench({ group: WAIT, name: "cu: computeAsync", fn: async () => void await waitInLua() });
Deno.bench({ group: WAIT, name: "plain JS: await", baseline: true, fn: async () => void await waitInJavaScript() });
