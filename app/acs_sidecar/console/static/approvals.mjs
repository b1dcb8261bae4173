// The page of approvals: shows what a challenge asks for, and signs when the person says so.

import { shown } from "./console.mjs";
import { answer, challengeIn, checkService, openKey, readChallenge } from "./approve.mjs";

const at = (id) => document.getElementById(id);
const KEPT = "acs-sidecar service's approval key";
let challenge = null;

function term(name, value) {
  const row = at("terms").insertRow();
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = shown(name);
  row.append(head);
  row.insertCell().textContent = shown(value);
}

async function show() {
  at("asked").hidden = true;
  at("signed").hidden = true;
  at("problem").textContent = "";
  challenge = null;
  if (!at("challenge").value.trim()) return;
  try {
    const found = await readChallenge(challengeIn(at("challenge").value), Date.now());
    const verified = at("service-key").value.trim() !== "";
    if (verified) await checkService(found, at("service-key").value);
    else at("problem").textContent = "The service's signature was not checked: give its key.";
    const { body } = found;
    const what = body.tool ? `a call of ${shown(body.tool)}` : `what happens at ${shown(body.intervention_point)}`;
    at("words").textContent =
      `${shown(body.agent_id ?? "An agent without a name")} asks for ${what}, which ${shown(body.policy_id)} holds back`
      + `${body.reason ? ` because of ${shown(body.reason)}` : ""}. It can be answered until ${shown(body.expires)}.`;
    at("terms").replaceChildren();
    for (const [name, value] of Object.entries(body)) if (value !== null) term(name, value);
    challenge = found;
    at("asked").hidden = false;
    for (const button of document.querySelectorAll("[data-outcome]")) button.disabled = false;
  } catch (error) {
    at("problem").textContent = error.message;
  }
}

async function sign(outcome) {
  at("problem").textContent = "";
  at("signed").hidden = true;
  try {
    const [file] = at("approver-key").files;
    if (!file) throw new Error("choose the file with your key");
    const opened = await openKey(await file.text(), at("passphrase").value);
    const { covers, token } = await answer(challenge, outcome, opened, Date.now());
    at("covers").textContent = JSON.stringify(JSON.parse(covers), null, 2);
    at("approval").value = token;
    at("signed").hidden = false;
  } catch (error) {
    at("problem").textContent = error.message;
  }
}

at("answer").addEventListener("submit", (event) => event.preventDefault());
at("service-key").value ||= localStorage.getItem(KEPT) ?? "";
at("service-key").addEventListener("change", () => {
  localStorage.setItem(KEPT, at("service-key").value.trim());
  show();
});
at("challenge").addEventListener("input", show);
at("challenge-file").addEventListener("change", async () => {
  at("challenge").value = await at("challenge-file").files[0].text();
  show();
});
for (const button of document.querySelectorAll("[data-outcome]")) {
  button.addEventListener("click", () => sign(button.dataset.outcome));
}
