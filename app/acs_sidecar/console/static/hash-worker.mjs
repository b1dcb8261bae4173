// Hashes bundles of records for the worker that walks a log.

import { bundleRoot } from "./verify.mjs";

self.onmessage = async ({ data: { origin, start, bytes, size } }) => {
  try {
    self.postMessage({ start, root: await bundleRoot(origin, start, bytes, size) });
  } catch (error) {
    self.postMessage({ start, problem: error.message, index: error.index });
  }
};
