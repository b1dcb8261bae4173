// Verifies a whole log in a worker, and receipts out of files.

import { base, count } from "./console.mjs";
import { keyText } from "./keys.mjs";
import { receiptIn } from "./receipt-file.mjs";
import { hasEd25519, showSteps } from "./steps.mjs";

const outcome = document.getElementById("outcome");
const progress = document.getElementById("walked");
const button = document.getElementById("walk");

async function walk() {
  if (!(await hasEd25519())) {
    outcome.textContent = "This browser has no Ed25519. Run: acs-sidecar audit verify AUDIT_DIRECTORY --key KEY";
    return;
  }
  const worker = new Worker(`${base}/static/walk-worker.mjs`, { type: "module" });
  progress.hidden = false;
  button.disabled = true;
  outcome.textContent = "Reading the log…";
  worker.onmessage = ({ data }) => {
    if (data.size) progress.max = data.size;
    if (data.walked !== undefined) progress.value = data.walked;
    if (data.walked !== undefined) outcome.textContent = `Hashed ${count(data.walked)} records.`;
    if (!data.end) return;
    outcome.className = data.holds ? "allow" : "problem";
    outcome.textContent = data.holds
      ? `\u2713 Verified: all ${count(data.count)} records are those that the key ${data.key} signed.`
      : `\u2715 Not verified: ${data.problem}`;
    progress.hidden = true;
    button.disabled = false;
    worker.terminate();
  };
  worker.onerror = (event) => {
    outcome.textContent = `The worker failed: ${event.message}`;
    button.disabled = false;
  };
  worker.postMessage({ base, log: document.getElementById("log").value, key: keyText() });
}

if (button) {
  button.disabled = false;
  button.addEventListener("click", walk);
}

document.getElementById("receipt-file").addEventListener("change", async (event) => {
  const steps = document.getElementById("steps");
  try {
    await showSteps(steps, receiptIn(await event.target.files[0].text()), keyText(), null);
  } catch (error) {
    steps.textContent = `The file is no receipt: ${error.message}`;
  }
});
