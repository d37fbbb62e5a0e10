/**
 * The worker of page.js: takes `{ code, input }`, and posts `{ printed }` and `{ progress }` while the code runs, then
 * `{ output }`, a JSON text, or `{ error }`.
 */

// Import maps don't hold in workers; a bundler takes "@computeunit/cu" in place of the path.
import { ComputeUnit } from "./node_modules/@computeunit/cu/dist/mod.js";

const ready = ComputeUnit.create({
  memoryLimit: 64 * 1024 * 1024,
  timeLimit: 10_000, // of computing, in milliseconds
  library: "readonly",
  onPrint: (printed) => postMessage({ printed }),
  globals: {
    // Code may give anything, and what can't be cloned would be an error of its own.
    progress: (part) => postMessage({ progress: Number.isFinite(part) ? part : undefined }),
  },
});

// Set before anything is waited for: a message that comes earlier would be lost.
onmessage = async ({ data: { code, input } }) => {
  try {
    const cu = await ready;
    // Waiting isn't computing: a signal bounds that, too.
    const signal = AbortSignal.timeout(30_000);
    const { output } = await cu.computeAsync(code, { input, signal, globals: "own", outputJson: true });
    postMessage({ output });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
