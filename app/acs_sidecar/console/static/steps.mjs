// Shows each step of a verification with its value and a mark, and stops at the first that fails.

import { shown } from "./console.mjs";
import { verifyReceipt } from "./verify.mjs";

const WORDS = {
  receipt: "The receipt is complete",
  key: "The key is the one that you gave",
  checkpoint: "The checkpoint can be read",
  signature: "The checkpoint is signed by that key",
  place: "The record says that it is at this place of this log",
  leaf: "The hash of the record",
  root: "The proof leads to the root that was signed",
  anchor: "The log still begins with what the older checkpoint signed",
};

export const hasEd25519 = () =>
  crypto.subtle.importKey("raw", new Uint8Array(32), "Ed25519", false, ["verify"]).then(() => true, () => false);

function item(list, text, kind, value = null) {
  const one = document.createElement("li");
  one.className = kind;
  one.textContent = shown(text);
  if (value !== null) {
    const code = document.createElement("code");
    code.textContent = shown(value);
    one.append(" ", code);
  }
  list.append(one);
}

export async function showSteps(list, receipt, key, anchor) {
  list.replaceChildren();
  if (!(await hasEd25519())) {
    item(list, "This browser has no Ed25519. Download the receipt and run: acs-sidecar audit verify --receipt FILE --key KEY", "fails");
    return;
  }
  let holds = true;
  for await (const step of verifyReceipt(receipt, key, anchor)) {
    holds = step.holds;
    if (step.holds) item(list, WORDS[step.step], "holds", step.value);
    else item(list, `${WORDS[step.step]}: ${step.problem}`, "fails");
  }
  const end = document.createElement("li");
  end.className = holds ? "end allow" : "end problem";
  const strong = document.createElement("strong");
  strong.textContent = holds ? "Verified: this record is in the log that the key signed." : "Not verified.";
  end.append(strong);
  list.append(end);
}
