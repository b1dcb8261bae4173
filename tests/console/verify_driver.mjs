// Runs jobs, one JSON a line, by the module that is named, and prints what each gives.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const module = await import(pathToFileURL(process.argv[2]));
const { receiptIn } = await import(new URL("receipt-file.mjs", pathToFileURL(process.argv[2])));
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));

const kinds = {
  async receipt({ receipt, text, key, anchor }) {
    const steps = [];
    for await (const step of module.verifyReceipt(receipt ?? receiptIn(text), key, anchor ?? null)) steps.push(step);
    return steps;
  },
  async walk({ note, key, bundles, tiles }) {
    const checkpoint = module.parseCheckpoint(note);
    await module.checkSignature(checkpoint, await module.parseVerifierKey(key));
    const of = (all) => async (number) => bytes(all[number] ?? "");
    let walked = 0;
    try {
      await module.walkLog(checkpoint, of(bundles), of(tiles), (count) => { walked = count; });
      return { holds: true, walked };
    } catch (error) {
      return { holds: false, index: error.index ?? null, problem: error.message, known: error instanceof module.Unproven };
    }
  },
  async inclusion({ leaf, index, size, proof }) {
    return module.hex(await module.rootOfInclusion(await module.leafHash(bytes(leaf)), index, size, proof.map(bytes)));
  },
  async consistency({ first, second, roots, proof }) {
    await module.checkConsistency(first, second, bytes(roots[0]), bytes(roots[1]), proof.map(bytes));
    return true;
  },
  async root({ leaves }) {
    return module.hex(await module.rootOf(await Promise.all(leaves.map(bytes).map(module.leafHash))));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  let result;
  try {
    result = { value: await kinds[job.kind](job) };
  } catch (error) {
    result = { error: error.message };
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
