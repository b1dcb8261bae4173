// Runs jobs, one JSON a line, by the module that is named, and prints what each gives.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { done } from "./verify_jobs.mjs";

const module = await import(pathToFileURL(process.argv[2]));
const { receiptIn } = await import(new URL("receipt-file.mjs", pathToFileURL(process.argv[2])));

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await done(JSON.parse(line), module, receiptIn))}\n`);
}
