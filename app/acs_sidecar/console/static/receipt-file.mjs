// Reads a receipt out of a file, so that its text has one reading alone.

const STRINGS = /"(?:[^"\\]|\\.)*"/g;

function members(value) {
  if (value === null || typeof value !== "object") return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce((count, one) => count + members(one), own);
}

// Returns the receipt, or the one in a response that asked for it. Throws where another reader could read another one.
export function receiptIn(text) {
  const value = JSON.parse(text);
  const bare = text.replace(STRINGS, (string) => (string === '"index"' ? string : '""'));
  if (bare.split(":").length - 1 !== members(value)) throw new Error("a member is there twice");
  if (/"index"\s*:(?!\s*(?:0|[1-9]\d*)\s*[,}])/.test(bare)) throw new Error("the index is no whole number");
  return value?.receipt ?? value;
}
