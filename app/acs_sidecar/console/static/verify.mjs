// Verifies records and whole logs of acs-sidecar from their raw bytes and a verifier key that came another way.
//
// One file for an auditor to read: it imports nothing, asks the network for nothing, and trusts the passed key alone.
// It runs in a browser and in Node, by WebCrypto. The formats are RFC 9162, C2SP signed-note and C2SP tlog-tiles.

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const RECEIPT_SCHEMA = "acs-sidecar/receipt/v1";
const WIDTH = 256; // records in a bundle, hashes in a tile
const AT_ONCE = 8; // bundles that are hashed side by side

export class Unproven extends Error {}

function require(holds, message) { if (!holds) throw new Unproven(message); }

// --- bytes ---------------------------------------------------------------------------------------------------

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}

export const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
export const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

// One text for one value: what another text of the same bytes would be is refused.
function decoded(text, what) {
  require(typeof text === "string" && /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0, `${what} is not base64`);
  const bytes = Uint8Array.from(atob(text), (symbol) => symbol.charCodeAt(0));
  require(base64(bytes) === text, `${what} is not base64 in its one form`);
  return bytes;
}

export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

// --- the tree ------------------------------------------------------------------------------------------------

// A leaf's prefix differs from a node's, so that no record can pose as an inner node.
export const leafHash = (record) => sha256(joined(Uint8Array.of(0), record));
export const nodeHash = (left, right) => sha256(joined(Uint8Array.of(1), left, right));

// Walks a proof of RFC 9162 from a place in the last row of a tree up to its root.
async function climb(start, end, siblings, onLeft, onRight) {
  let [position, last] = [start, end];
  for (const sibling of siblings) {
    require(last > 0, "the proof has too many hashes");
    if (position % 2 === 1 || position === last) {
      await onLeft(sibling);
      while (position % 2 === 0 && position > 0) [position, last] = [position / 2, Math.floor(last / 2)];
    } else await onRight(sibling);
    [position, last] = [Math.floor(position / 2), Math.floor(last / 2)];
  }
  require(last === 0, "the proof has too few hashes");
}

// RFC 9162, 2.1.3.2. Returns the root that the proof leads to.
export async function rootOfInclusion(leaf, index, size, proof) {
  require(Number.isSafeInteger(index) && index >= 0 && index < size, "the index is outside of the tree");
  let root = leaf;
  const onLeft = async (sibling) => { root = await nodeHash(sibling, root); };
  const onRight = async (sibling) => { root = await nodeHash(root, sibling); };
  await climb(index, size - 1, proof, onLeft, onRight);
  return root;
}

// RFC 9162, 2.1.4.2. The tree of `first` records is the beginning of that of `second`, or this throws.
export async function checkConsistency(first, second, firstRoot, secondRoot, proof) {
  require(Number.isSafeInteger(first) && first > 0 && first <= second, "the older tree is not the smaller one");
  if (first === second) return require(proof.length === 0 && same(firstRoot, secondRoot), "two roots for one size: the log was forked");
  const path = Number.isInteger(Math.log2(first)) ? [firstRoot, ...proof] : proof;
  require(path.length > 0, "the proof has too few hashes");
  let [position, last] = [first - 1, second - 1];
  while (position % 2 === 1) [position, last] = [(position - 1) / 2, Math.floor(last / 2)];
  let [older, newer] = [path[0], path[0]];
  const onLeft = async (sibling) => { [older, newer] = [await nodeHash(sibling, older), await nodeHash(sibling, newer)]; };
  const onRight = async (sibling) => { newer = await nodeHash(newer, sibling); };
  await climb(position, last, path.slice(1), onLeft, onRight);
  require(same(older, firstRoot), "the log does not begin with the anchor's records");
  require(same(newer, secondRoot), "the proof does not lead to the newer root");
}

// The root over a row of hashes; one without a partner goes up as it is.
export async function rootOf(hashes) {
  let row = hashes;
  while (row.length > 1) {
    const above = [];
    for (let at = 0; at + 1 < row.length; at += 2) above.push(nodeHash(row[at], row[at + 1]));
    row = [...(await Promise.all(above)), ...(row.length % 2 === 1 ? row.slice(-1) : [])];
  }
  return row[0];
}

// --- keys and checkpoints ------------------------------------------------------------------------------------

const keyId = async (name, material) => (await sha256(joined(encoder.encode(`${name}\n`), material))).slice(0, 4);

// Reads `name+hash+base64`. A key of the service's name pins every log below that name.
export async function parseVerifierKey(text) {
  const [, name, id, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim()) ?? [];
  require(name !== undefined, "a verifier key is `name+hash+base64`, as `acs-sidecar audit key` prints it");
  const material = decoded(encoded, "the verifier key");
  require(material.length === 33 && material[0] === 1, "not the verifier key of an Ed25519 key");
  require(hex(await keyId(name, material)) === id, "the hash in the verifier key is not that of its name and key");
  return { name, id, material };
}

export function parseCheckpoint(note) {
  require(note.length <= 65536 && !/[\x00-\x09\x0b-\x1f]/.test(note), "the checkpoint is no signed note");
  const blank = note.lastIndexOf("\n\n");
  require(blank >= 0 && note.endsWith("\n") && blank + 2 < note.length, "the checkpoint is no signed note");
  const text = note.slice(0, blank + 1);
  const match = /^([^\n]+)\n(0|[1-9][0-9]{0,14})\n([^\n]+)\n$/.exec(text);
  require(match !== null, "a checkpoint is an origin, a size and a root");
  const root = decoded(match[3], "the root");
  require(root.length === 32, "the root is not 32 bytes");
  const signatures = note.slice(blank + 2, -1).split("\n").map((line) => {
    const [, name, encoded] = /^\u2014 ([^ ]+) (\S+)$/.exec(line) ?? [];
    const bytes = decoded(encoded, "a signature");
    require(bytes.length > 4, "the checkpoint has a malformed signature line");
    return { name, id: bytes.slice(0, 4), signature: bytes.slice(4) };
  });
  return { text, origin: match[1], size: Number(match[2]), root, signatures };
}

// Throws unless the key signed this checkpoint under the log's own name.
export async function checkSignature(checkpoint, key) {
  const { origin, signatures, text } = checkpoint;
  require(`${origin}/`.startsWith(`${key.name}/`), `the key is for \`${key.name}\`, and the log is \`${origin}\``);
  const id = await keyId(origin, key.material);
  const found = signatures.find((one) => one.name === origin && same(one.id, id));
  require(found !== undefined, "the checkpoint is not signed by this key");
  const imported = await crypto.subtle.importKey("raw", key.material.slice(1), "Ed25519", false, ["verify"]);
  const holds = await crypto.subtle.verify("Ed25519", imported, found.signature, encoder.encode(text));
  require(holds, "the signature does not verify");
}

// --- one record ----------------------------------------------------------------------------------------------

// Yields `{step, value, holds, problem}` for each step and stops behind the first that fails. `anchor` is an older
// checkpoint that was kept elsewhere, with the proof that the log still begins with it.
export async function* verifyReceipt(receipt, keyText, anchor = null) {
  const state = {};
  const steps = [
    ["receipt", () => {
      const members = Object.keys(receipt ?? {}).sort().join(" ");
      require(members === "checkpoint index proof record schema", "a receipt has other members");
      const { checkpoint, proof, record, schema } = receipt;
      require(schema === RECEIPT_SCHEMA, `a receipt is of schema \`${RECEIPT_SCHEMA}\``);
      require(isText(record) && isText(checkpoint), "the record or the checkpoint is no text");
      state.proof = hashesOf(proof);
      return `record ${receipt.index}, ${state.proof.length} hashes`;
    }],
    ["key", async () => {
      state.key = await parseVerifierKey(keyText);
      return `${state.key.name}+${state.key.id}`;
    }],
    ["checkpoint", () => {
      state.checkpoint = parseCheckpoint(receipt.checkpoint);
      return `${state.checkpoint.origin}, ${state.checkpoint.size} records, root ${hex(state.checkpoint.root)}`;
    }],
    ["signature", async () => {
      await checkSignature(state.checkpoint, state.key);
      return "Ed25519, by the key above, under the log's own name";
    }],
    ["place", () => {
      state.record = encoder.encode(receipt.record);
      const { origin } = state.checkpoint;
      const { misfit } = readAt(state.record, origin, receipt.index);
      require(misfit === null, `the record ${misfit}`);
      return `${origin} at ${receipt.index}`;
    }],
    ["leaf", async () => hex(state.leaf = await leafHash(state.record))],
    ["root", async () => {
      const found = await rootOfInclusion(state.leaf, receipt.index, state.checkpoint.size, state.proof);
      require(same(found, state.checkpoint.root), "the proof does not lead to the root that was signed");
      return hex(found);
    }],
  ];
  if (anchor) {
    steps.push(["anchor", async () => {
      const older = parseCheckpoint(anchor.checkpoint);
      require(older.origin === state.checkpoint.origin, "the anchor is of another log");
      await checkSignature(older, state.key);
      const { size, root } = state.checkpoint;
      await checkConsistency(older.size, size, older.root, root, hashesOf(anchor.proof));
      return `the log begins with the ${older.size} records of the anchor`;
    }]);
  }
  for (const [step, check] of steps) {
    try {
      yield { step, value: await check(), holds: true, problem: null };
    } catch (error) {
      yield { step, value: null, holds: false, problem: error instanceof Unproven ? error.message : String(error) };
      return;
    }
  }
}

function hashesOf(proof) {
  require(Array.isArray(proof), "the proof is no list");
  const hashes = proof.map((part) => decoded(part, "a hash of the proof"));
  require(hashes.every((hash) => hash.length === 32), "a hash of the proof is not 32 bytes");
  return hashes;
}

// A record, and what keeps it from being the one at this place of this log, or null.
function readAt(entry, origin, index) {
  try {
    const text = strict.decode(entry);
    const record = JSON.parse(text);
    require(!Array.isArray(record) && canonical(record) === text && !text.replaceAll("\\\\", "").includes("\\ud"));
    return { record, misfit: record.log === origin && record.index === index ? null : "names another log or index" };
  } catch (error) {
    return { misfit: (error instanceof Unproven && error.message) || "is not one JSON object in canonical form" };
  }
}

// The one text of a value: no spaces, names by their code points, whole numbers, `room` levels. Throws where there is none.
function canonical(value, room = 254) {
  if (value === null || typeof value !== "object") {
    require(typeof value !== "number" || Number.isSafeInteger(value), "has a number that browsers may misread: run `acs-sidecar audit verify`");
    return JSON.stringify(value);
  }
  require(room > 0);
  if (Array.isArray(value)) return `[${value.map((one) => canonical(one, room - 1)).join(",")}]`;
  const names = Object.keys(value);
  names.sort(/[\ud800-\uffff]/.test(names.join("")) ? (one, other) => (sortable(one) < sortable(other) ? -1 : 1) : undefined);
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name], room - 1)}`).join(",")}}`;
}

const isText = (value) => typeof value === "string" && !/\p{Cs}/u.test(value);
// UTF-16 puts the code points from 10000 on, written by D800 to DFFF, before those from E000 on.
const sortable = (name) => name.replace(/[\ud800-\uffff]/g, (unit) =>
  String.fromCharCode(unit.charCodeAt(0) + (unit < "\ue000" ? 0x2000 : -0x800)));

// --- a whole log ---------------------------------------------------------------------------------------------

// Hashes all records of a log again, up to a checkpoint whose signature was checked. `bundle(number, width)` reads
// an entry bundle and `tile(number, width)` its stored leaf hashes. Throws `Unproven` with the first `index` that
// does not fit, where one can be named; `progress` is told how many records were hashed.
export async function walkLog({ origin, size, root }, bundle, tile, progress = () => {}, hashed = bundleRoot) {
  let [roots, stored, hashing, broken] = [[], [], [], null];
  for (let start = 0; start < size && !broken; start += WIDTH) {
    hashing.push(bundle(start / WIDTH, widthAt(start, size)).then((bytes) => hashed(origin, start, bytes, size)));
    if (hashing.length < AT_ONCE && start + WIDTH < size) continue;
    for (const done of await Promise.allSettled(hashing.splice(0))) {
      if (done.status === "rejected") broken ??= done.reason;
      else if (!broken) roots.push(done.value);
    }
    progress(Math.min(start + WIDTH, size));
  }
  if (!broken && size > 0 && same(await rootOf(roots), root)) return;
  if (broken && broken.index === undefined) throw broken; // reading failed
  // The stored tiles tell which record it is, also before a broken one, when they lead to the signed root.
  const hashesAt = async (start) => slices(await tile(start / WIDTH, widthAt(start, size)), 32);
  for (let start = 0; start < size; start += WIDTH) stored.push(await rootOf(await hashesAt(start)));
  if (!stored.length || !same(await rootOf(stored), root)) throw broken ?? new Unproven("the records do not hash to the root that was signed");
  const other = roots.findIndex((hash, at) => !same(hash, stored[at]));
  const start = WIDTH * (other < 0 ? roots.length : other);
  const [signed, entries] = [await hashesAt(start), await bundle(start / WIDTH, widthAt(start, size))];
  const { leaves, misfit } = await leavesOf(origin, start, entries, size);
  const at = leaves.findIndex((leaf, place) => !same(leaf, signed[place]));
  throw at < 0 ? misfit : unfit(start + at, "is not the record that was signed");
}

// The root over the records of one bundle; it may be computed in another worker.
export async function bundleRoot(origin, start, bytes, size) {
  const { leaves, misfit } = await leavesOf(origin, start, bytes, size);
  if (misfit) throw misfit;
  return rootOf(leaves);
}

const widthAt = (start, size) => Math.min(WIDTH, size - start);
const unfit = (index, problem) => Object.assign(new Unproven(`record ${index} ${problem}`), { index });
const isFormed = ({ event, time }, length) =>
  length <= 16384 && isText(event) && isText(time) && [...time].length === 27;
const slices = (bytes, length) =>
  Array.from({ length: bytes.length / length }, (_, at) => bytes.subarray(at * length, (at + 1) * length));

// The hashes of the records of a bundle, up to the first that is none of its place.
async function leavesOf(origin, start, bytes, size) {
  let [at, misfit, leaves, end] = [0, null, [], start + widthAt(start, size)];
  for (let index = start; index < end && !misfit; index += 1) {
    const length = at + 2 <= bytes.length ? bytes[at] * 256 + bytes[at + 1] : Infinity;
    const entry = bytes.subarray(at + 2, at + 2 + length);
    const { record, misfit: problem } = readAt(entry, origin, index);
    if (at + 2 + length > bytes.length) misfit = unfit(index, "is missing");
    else if (problem) misfit = unfit(index, problem);
    else if (!isFormed(record, length)) misfit = unfit(index, "is too long, or has no event or time");
    else if (index === 0 && record.event !== "log_opened") misfit = unfit(index, "does not open the log");
    else leaves.push(leafHash(entry));
    if (!misfit && record.event === "log_closed" && index + 1 < size) misfit = unfit(index + 1, "follows the end of the log");
    at += 2 + length;
  }
  if (!misfit && at !== bytes.length) misfit = unfit(end, "is more than was signed");
  return { leaves: await Promise.all(leaves), misfit };
}
