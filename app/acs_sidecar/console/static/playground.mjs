// Evaluates as the person types, and keeps trials in files.

import { asked, saved } from "./console.mjs";

const form = document.getElementById("trial");
const result = document.getElementById("result");
const PAUSE_MS = 400;
let timer = null;
let running = null;

function trial() {
  return Object.fromEntries(new FormData(form));
}

async function evaluate() {
  running?.abort();
  running = new AbortController();
  try {
    const body = JSON.stringify(trial());
    const found = await asked("/playground/evaluate", { method: "POST", body, signal: running.signal });
    result.innerHTML = found.html;
    mark(found.places);
  } catch (error) {
    if (error.name !== "AbortError") result.textContent = `Nothing was evaluated: ${error.message}`;
  }
}

// The first finding that has a place is selected when the person asks for it.
function mark(places) {
  for (const { line, message } of places.slice(0, 20)) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "line-marks";
    button.textContent = `Line ${line}`;
    button.title = message;
    button.addEventListener("click", () => select(line));
    result.append(button, " ");
  }
}

function select(line) {
  const area = form.elements.text;
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
}

function asCase() {
  const { point, mode, snapshot, annotations } = trial();
  const decision = result.querySelector("h2 .decision")?.classList[1] ?? "allow";
  const reason = result.querySelector("h2 code")?.textContent;
  const expect = reason ? { decision, reason } : { decision };
  const one = { name: "a case of the playground", intervention_point: point, mode, snapshot: JSON.parse(snapshot), expect };
  const given = JSON.parse(annotations || "{}");
  if (Object.keys(given).length) one.annotations = given;
  return JSON.stringify({ cases: [one] }, null, 2);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  evaluate();
});
form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(evaluate, PAUSE_MS);
});
form.elements.name.addEventListener("change", () => {
  const { value } = form.elements.name;
  location.href = value ? `?manifest=${encodeURIComponent(value)}` : "?";
});
document.getElementById("case")?.addEventListener("change", (event) => {
  const name = encodeURIComponent(form.elements.name.value);
  location.href = `?manifest=${name}&case=${event.target.value}`;
});
document.getElementById("save-trial").addEventListener("click", () => saved("trial.json", JSON.stringify(trial(), null, 2)));
document.getElementById("save-case").addEventListener("click", () => {
  try {
    saved("case.yaml", asCase());
  } catch (error) {
    result.textContent = `The case cannot be saved: ${error.message}`;
  }
});
document.getElementById("open-trial").addEventListener("change", async (event) => {
  try {
    const opened = JSON.parse(await event.target.files[0].text());
    for (const name of ["text", "point", "mode", "snapshot", "annotations"]) {
      if (typeof opened[name] !== "string") throw new Error("it is not one that this page has saved");
      form.elements[name].value = opened[name];
    }
    evaluate();
  } catch (error) {
    result.textContent = `The trial cannot be opened: ${error.message}`;
  }
});
evaluate();
