// Walks a log away from the page: reads its raw tiles and lets `verify.mjs` judge them.

import { checkSignature, parseCheckpoint, parseVerifierKey, walkLog } from "./verify.mjs";

const AHEAD = 16;
const HASHERS = Math.min(4, Math.max(1, navigator.hardwareConcurrency ?? 1));

function tilePath(kind, number, width) {
  const digits = String(number).padStart(Math.ceil(String(number).length / 3) * 3, "0");
  const parts = digits.match(/\d{3}/g);
  const last = parts.pop();
  const path = [...parts.map((part) => `x${part}`), last].join("/");
  return `tile/${kind}/${path}${width < 256 ? `.p/${width}` : ""}`;
}

// Asks for the next bundles while the ones before are hashed.
function reader(place, kind, size) {
  const asked = new Map();
  const ask = async (number, width) => {
    const response = await fetch(`${place}/${tilePath(kind, number, width)}`);
    if (!response.ok) throw new Error(await response.text());
    return new Uint8Array(await response.arrayBuffer());
  };
  return async (number, width) => {
    for (let at = number; at < number + AHEAD && at * 256 < size; at += 1) {
      if (!asked.has(at)) {
        const answer = ask(at, Math.min(256, size - at * 256));
        answer.catch(() => {});
        asked.set(at, answer);
      }
    }
    const found = asked.get(number) ?? ask(number, width);
    asked.delete(number);
    return found;
  };
}

// Hashes bundles in workers of their own, by turns; each runs `bundleRoot` of `verify.mjs`.
function hashers() {
  const asked = new Map();
  const workers = Array.from({ length: HASHERS }, () => new Worker(new URL("hash-worker.mjs", import.meta.url), { type: "module" }));
  for (const worker of workers) {
    worker.onmessage = ({ data: { start, root, problem, index } }) => {
      const { done, failed } = asked.get(start);
      asked.delete(start);
      if (root) done(root);
      else failed(Object.assign(new Error(problem), { index }));
    };
    worker.onerror = ({ message }) => { for (const { failed } of asked.values()) failed(new Error(message)); };
  }
  return (origin, start, bytes, size) => new Promise((done, failed) => {
    asked.set(start, { done, failed });
    workers[(start / 256) % HASHERS].postMessage({ origin, start, bytes, size }, [bytes.buffer]);
  });
}

self.onmessage = async ({ data: { base, log, key } }) => {
  try {
    const place = `${base}/log/${log}`;
    const response = await fetch(`${place}/checkpoint`);
    if (!response.ok) throw new Error(await response.text());
    const checkpoint = parseCheckpoint(await response.text());
    const parsed = await parseVerifierKey(key);
    await checkSignature(checkpoint, parsed);
    if (checkpoint.origin !== log) throw new Error("the checkpoint is of another log");
    self.postMessage({ size: checkpoint.size });
    const { size } = checkpoint;
    const told = (walked) => self.postMessage({ walked });
    await walkLog(checkpoint, reader(place, "entries", size), reader(place, "0", size), told, hashers());
    self.postMessage({ end: true, holds: true, count: size, key: `${parsed.name}+${parsed.id}` });
  } catch (error) {
    self.postMessage({ end: true, holds: false, problem: error.message });
  }
};
