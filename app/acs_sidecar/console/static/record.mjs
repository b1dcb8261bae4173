// Verifies the record of the page: fetches its receipt as raw bytes, and computes everything here.

import { asked } from "./console.mjs";
import { keyText } from "./keys.mjs";
import { showSteps } from "./steps.mjs";
import { parseCheckpoint } from "./verify.mjs";

const section = document.getElementById("verify");
const steps = document.getElementById("steps");

async function anchorFor(receipt) {
  const text = document.getElementById("anchor").value.replace(/\s*$/, "\n");
  if (!text.trim()) return null;
  const [older, newer] = [parseCheckpoint(text).size, parseCheckpoint(receipt.checkpoint).size];
  const proof = await asked(`/log/${section.dataset.log}/consistency/${older}/${newer}`);
  return { checkpoint: text, proof };
}

const check = document.getElementById("check");
check.disabled = false;
check.addEventListener("click", async () => {
  try {
    const { log, index } = section.dataset;
    const receipt = await asked(`/log/${log}/receipt/${index}`);
    await showSteps(steps, receipt, keyText(), await anchorFor(receipt));
  } catch (error) {
    const one = document.createElement("li");
    one.className = "fails";
    one.textContent = error.message;
    steps.replaceChildren(one);
  }
});
