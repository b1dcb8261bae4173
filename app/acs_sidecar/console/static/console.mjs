// Every page: times in the reader's zone, with UTC at hand.

export const base = document.body.dataset.base;

export function localTimes(root = document) {
  for (const element of root.querySelectorAll("time:not([title])")) {
    const moment = new Date(element.dateTime.replace(/(\.\d{3})\d+Z$/, "$1Z"));
    if (Number.isNaN(moment.getTime())) continue;
    element.title = element.dateTime;
    element.textContent = localTime(moment);
  }
}

// Year first, so that times in a column line up and read in their order.
function localTime(moment) {
  const two = (number) => String(number).padStart(2, "0");
  const date = [moment.getFullYear(), two(moment.getMonth() + 1), two(moment.getDate())].join("-");
  return `${date} ${[moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(":")}`;
}

export function count(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

// What does not print is written out, so that no text turns another one around.
export function shown(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, (symbol) => `\\u{${symbol.codePointAt(0).toString(16)}}`);
}

// Asks the console for JSON; throws with what is wrong.
export async function asked(path, options = {}) {
  const response = await fetch(base + path, options);
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  throw new Error(problemIn(text) ?? `the console answered ${response.status}`);
}

function problemIn(text) {
  try {
    return JSON.parse(text).problem;
  } catch {
    return text.slice(0, 500) || null;
  }
}

export function saved(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

localTimes();
