// What a job gives by the verifying module, in Node and in a browser alike: `value` or `error`.

const bytes = (text) => Uint8Array.from(atob(text), (symbol) => symbol.charCodeAt(0));

const kinds = (module, receiptIn) => ({
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
  async key({ key }) {
    const { name, id } = await module.parseVerifierKey(key);
    return { name, id };
  },
  async root({ leaves }) {
    return module.hex(await module.rootOf(await Promise.all(leaves.map(bytes).map(module.leafHash))));
  },
});

export async function done(job, module, receiptIn) {
  try {
    return { value: await kinds(module, receiptIn)[job.kind](job) };
  } catch (error) {
    return { error: error.message };
  }
}
