// What a fresh process takes from its first import to its first result, in any runtime:
// `node cold_start.mjs cu URL`, with the URL of the library's module. Prints milliseconds.

const [what, url] = globalThis.Deno?.args ?? process.argv.slice(2);

/** Gives what the code computes. */
async function runFirst(code) {
  if (what === "cu") {
    const { ComputeUnit } = await import(url);
    return (await ComputeUnit.create()).compute(code);
  }
  const { LuaFactory } = await import(url);
  return (await new LuaFactory().createEngine()).doStringSync(code);
}

const start = performance.now();
const result = await runFirst("return 6 * 7");
const ms = performance.now() - start;
if (result !== 42) throw new Error(`The result is ${result}, not 42`);
console.log(ms);
