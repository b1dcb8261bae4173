// Counts further records while the page shows, as far as it says that it does.

import { asked, base, count, shown } from "./console.mjs";

const state = document.getElementById("counted");
const progress = document.getElementById("counting");

function add(counts) {
  for (const cell of document.querySelectorAll("[data-count]")) {
    const more = counts[cell.dataset.count] ?? 0;
    if (more) cell.textContent = count(Number(cell.textContent.replace(/\D/g, "")) + more);
  }
}

function addReasons(reasons) {
  const body = document.getElementById("reasons");
  for (const [reason, number] of Object.entries(reasons)) {
    let row = [...body.rows].find((one) => one.dataset.reason === reason);
    if (!row) {
      body.querySelector(".none")?.remove();
      row = body.insertRow();
      row.dataset.reason = reason;
      const [head, cell, link, code] = ["th", "td", "a", "code"].map((name) => document.createElement(name));
      link.href = `${base}/decisions?reason=${encodeURIComponent(reason)}`;
      code.textContent = shown(reason);
      link.append(code);
      head.scope = "row";
      head.append(link);
      cell.textContent = "0";
      row.append(head, cell);
    }
    const cell = row.cells[1];
    cell.textContent = count(Number(cell.textContent.replace(/\D/g, "")) + number);
  }
}

async function goOn() {
  let { rest } = state.dataset;
  let lookedAt = Number(state.dataset.lookedAt);
  const most = Number(state.dataset.most);
  progress.hidden = !rest;
  while (rest && lookedAt < most) {
    const part = await asked(`/counts?before=${encodeURIComponent(rest)}`);
    add(part.counts);
    addReasons(part.reasons);
    rest = part.rest;
    lookedAt += part.looked_at;
    state.textContent = rest ? `Of the newest ${count(lookedAt)} records of the last day.` : "Of the last day.";
  }
  progress.hidden = true;
}

if (state) goOn().catch((error) => { state.textContent = `Counting stopped: ${error.message}`; progress.hidden = true; });
