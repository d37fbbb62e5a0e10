/**
 * A page that runs what its user writes, shows how far it is, and can end it at any time: a worker
 * computes, so that the page goes on meanwhile.
 */

const [code, run, cancel, progress, output] = ["code", "run", "cancel", "progress", "output"].map((id) =>
  document.getElementById(id)
);

/** The worker that runs code, or waits for some. */
let worker = startWorker();

function startWorker() {
  const started = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  started.onmessage = ({ data }) => {
    if (data.progress !== undefined) progress.value = data.progress;
    if (data.printed !== undefined) output.textContent += `${data.printed}\n`;
    if (data.output !== undefined) end(data.output);
    if (data.error !== undefined) end(data.error);
  };
  // The worker itself has failed, as where its files can't be loaded.
  started.onerror = ({ message }) => end(message ?? "the worker can't be loaded");
  return started;
}

function end(text) {
  output.textContent += `${text}\n`;
  run.disabled = false;
  cancel.disabled = true;
}

run.onclick = () => {
  run.disabled = true;
  cancel.disabled = false;
  output.textContent = "";
  progress.value = 0;
  worker.postMessage({ code: code.value, input: { factor: 2 } });
};

// A worker that computes hears no message, so it is ended as a whole. The next one begins with a new unit.
cancel.onclick = () => {
  worker.terminate();
  worker = startWorker();
  end("cancelled");
};
