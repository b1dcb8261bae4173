// The verifier key that the person pasted or chose, kept in this browser alone.

const field = document.getElementById("key");
const file = document.getElementById("key-file");
const KEPT = "acs-sidecar verifier key";

export function keyText() {
  return field.value.trim();
}

field.value ||= localStorage.getItem(KEPT) ?? "";
field.addEventListener("change", () => localStorage.setItem(KEPT, keyText()));
file.addEventListener("change", async () => {
  field.value = (await file.files[0].text()).trim();
  localStorage.setItem(KEPT, keyText());
});
