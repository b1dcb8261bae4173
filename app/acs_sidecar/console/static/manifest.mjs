// Runs the cases of a manifest and shows what they give and reach.

import { asked } from "./console.mjs";

const button = document.getElementById("run");
const result = document.getElementById("run-result");

button?.addEventListener("click", async () => {
  button.disabled = true;
  result.textContent = "Running…";
  try {
    result.innerHTML = (await asked(`/manifests/${encodeURIComponent(button.dataset.manifest)}`, { method: "POST" })).html;
  } catch (error) {
    result.textContent = `The cases were not run: ${error.message}`;
  }
  button.disabled = false;
});
