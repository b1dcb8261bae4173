// Runs jobs, one JSON a line, by the module of approvals, and prints what each gives.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { answer, challengeIn, checkService, encryptedParts, openKey, readChallenge } = await import(pathToFileURL(process.argv[2]));

const kinds = {
  async answer({ pasted, now, pem, passphrase, outcome, service }) {
    const challenge = await readChallenge(challengeIn(pasted), now);
    if (service) await checkService(challenge, service);
    return answer(challenge, outcome, await openKey(pem, passphrase), now);
  },
  async parts({ pem }) {
    const { iterations, hash, length } = encryptedParts(pem);
    return { iterations, hash, length };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  let result;
  try {
    result = { value: await kinds[job.kind](job) };
  } catch (error) {
    result = { error: error.message, kind: error.constructor.name };
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
