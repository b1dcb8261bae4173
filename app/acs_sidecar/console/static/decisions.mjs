// Searches on while the page shows, adds older rows on demand, and new ones as they come.

import { asked, count, localTimes } from "./console.mjs";

const table = document.getElementById("decisions");
const status = document.getElementById("status");
const progress = document.getElementById("searching");
const more = document.getElementById("more");
const live = document.getElementById("live");
const ENOUGH = 50;
const EVERY_MS = 1500;

function part(path, members) {
  const all = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(members)) all.set(name, value);
  return asked(`/decisions/${path}?${all}`);
}

function show(html, where) {
  const body = table.tBodies[0];
  body.insertAdjacentHTML(where, html);
  localTimes(body);
}

// Says once of each log that it is damaged.
function showDamage(damage) {
  const area = document.getElementById("damage");
  for (const words of damage) {
    if (area.textContent.includes(words)) continue;
    const one = document.createElement("p");
    one.className = "problem";
    one.setAttribute("role", "alert");
    one.textContent = `${words}. What is before that is not shown: run acs-sidecar audit verify.`;
    area.append(one);
  }
}

async function searchOn(wanted) {
  let { rest } = table.dataset;
  let lookedAt = Number(table.dataset.lookedAt);
  let found = 0;
  progress.hidden = false;
  while (rest && found < wanted) {
    const next = await part("rows", { before: rest });
    show(next.html, "beforeend");
    showDamage(next.damage);
    found += next.rows;
    lookedAt += next.looked_at;
    rest = next.rest ?? "";
    progress.value = lookedAt;
    status.textContent = rest
      ? `Looked at ${count(Math.min(lookedAt, next.total))} of ${count(next.total)} records.`
      : table.tBodies[0].rows.length ? "These are all." : "No record fits these filters.";
  }
  progress.hidden = true;
  Object.assign(table.dataset, { rest, lookedAt });
  if (more) more.hidden = !rest;
}

async function follow() {
  while (live.checked) {
    const next = await part("new", { after: table.dataset.sizes });
    show(next.html, "afterbegin");
    showDamage(next.damage);
    table.dataset.sizes = next.sizes;
    await new Promise((done) => { setTimeout(done, EVERY_MS); });
  }
}

function failed(error) {
  status.textContent = `The search stopped: ${error.message}`;
  progress.hidden = true;
  live.checked = false;
}

if (table) {
  const first = ENOUGH - table.tBodies[0].rows.length;
  if (table.dataset.rest && first > 0) searchOn(first).catch(failed);
  more?.addEventListener("click", (event) => {
    event.preventDefault();
    searchOn(ENOUGH).catch(failed);
  });
  live.addEventListener("change", () => { if (live.checked) follow().catch(failed); });
}
