// Reads a challenge and signs the answer to it with an encrypted key, by WebCrypto alone (section 19).

import { base64, hex, parseVerifierKey, sha256 } from "./verify.mjs";

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const TEXTS = ["resolver", "service", "issued", "expires", "key_id", "enforced_identity"];
const MOST_TOKEN = 32768;
const MOST_ROUNDS = 10_000_000;

export class Refused extends Error {}

function require(holds, message) {
  if (!holds) throw new Refused(message);
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (symbol) => symbol.charCodeAt(0));
}

function toBase64Url(bytes) {
  return base64(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function fromBase64Url(text) {
  require(/^[A-Za-z0-9_-]+$/.test(text), "the challenge is not two parts of base64url");
  const bytes = fromBase64(text.replace(/-/g, "+").replace(/_/g, "/"));
  require(toBase64Url(bytes) === text, "the challenge is not in its one form");
  return bytes;
}

// Members in the order of their code points, as the service writes them.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort((one, other) => (one < other ? -1 : 1));
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

// Finds the challenge in what a person pasted: the token, a response, or a ticket.
export function challengeIn(text) {
  const trimmed = text.trim();
  if (!trimmed.startsWith("{")) return trimmed;
  let value;
  try {
    value = JSON.parse(trimmed);
  } catch {
    throw new Refused("this is neither a challenge nor JSON");
  }
  const found = value.approval?.challenge ?? value.challenge;
  require(typeof found === "string", "there is no challenge in it: only an escalation that can be approved has one");
  return found;
}

// Decodes a challenge. `now` is in milliseconds. Throws `Refused` where it cannot be answered.
export async function readChallenge(text, now) {
  const [prefix, content, signature, ...more] = text.split(".");
  require(prefix === "acs-challenge-v1" && content && signature && !more.length, "this is no challenge");
  require(text.length <= MOST_TOKEN, "the challenge is too long");
  const [bytes, signed] = [fromBase64Url(content), fromBase64Url(signature)];
  let body;
  try {
    body = JSON.parse(strict.decode(bytes));
  } catch {
    throw new Refused("the challenge does not hold JSON");
  }
  require(canonical(body) === strict.decode(bytes), "the challenge does not hold canonical JSON");
  require(TEXTS.every((name) => typeof body[name] === "string") && "audit" in body, "the challenge lacks members");
  const expires = Date.parse(body.expires);
  require(Number.isFinite(expires), "the challenge has no time at which it expires");
  require(now < expires, `the challenge expired at ${body.expires}`);
  return { body, bytes, signed, digest: `sha256:${hex(await sha256(bytes))}` };
}

// Throws unless the service's key signed the challenge.
export async function checkService(challenge, keyText) {
  const { material } = await parseVerifierKey(keyText).catch(() => {
    throw new Refused("the service's key is `name+hash+base64`, as `acs-sidecar approvals key` prints it");
  });
  const key = await crypto.subtle.importKey("raw", material.slice(1), "Ed25519", false, ["verify"]);
  const context = encoder.encode("acs-sidecar/approval-challenge/v1\n");
  const text = new Uint8Array([...context, ...challenge.bytes]);
  require(await crypto.subtle.verify("Ed25519", key, challenge.signed, text), "the service's key did not sign this challenge");
}

// --- encrypted keys: PBES2 with PBKDF2 and AES-CBC, and nothing else ------------------------------------------

const OIDS = {
  "2a864886f70d01050d": "PBES2",
  "2a864886f70d01050c": "PBKDF2",
  "2b06010401da47040b": "scrypt",
  "2a864886f70d0207": "HMAC-SHA-1",
  "2a864886f70d0209": "SHA-256",
  "2a864886f70d020b": "SHA-512",
  "60864801650304012a": "AES-256-CBC",
  "608648016503040116": "AES-192-CBC",
  "608648016503040102": "AES-128-CBC",
  "2a864886f70d0307": "3DES",
};

// One DER element: its tag, its content, and what follows it.
function element(bytes) {
  require(bytes.length >= 2, "the key file is damaged");
  let [length, at] = [bytes[1], 2];
  if (length > 0x80) {
    const count = length - 0x80;
    require(count <= 3 && bytes.length >= 2 + count, "the key file is damaged");
    length = bytes.slice(2, 2 + count).reduce((whole, byte) => whole * 256 + byte, 0);
    at += count;
  }
  require(length !== 0x80 && at + length <= bytes.length, "the key file is damaged");
  return { tag: bytes[0], content: bytes.slice(at, at + length), rest: bytes.slice(at + length) };
}

function elements(bytes) {
  const found = [];
  for (let rest = bytes; rest.length;) {
    const one = element(rest);
    found.push(one);
    rest = one.rest;
  }
  return found;
}

function sequence(one, count) {
  require(one?.tag === 0x30, "the key file is damaged");
  const found = elements(one.content);
  require(found.length >= count, "the key file is damaged");
  return found;
}

function named(one) {
  require(one?.tag === 0x06, "the key file is damaged");
  return OIDS[hex(one.content)] ?? `the algorithm ${hex(one.content)}`;
}

// Returns the parts of an encrypted PKCS#8 key. Throws `Refused` with the name of every other form.
export function encryptedParts(pem) {
  const [, label, encoded] = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----/.exec(pem) ?? [];
  require(label !== undefined, "the file is no PEM key");
  require(label === "ENCRYPTED PRIVATE KEY", `a \`${label}\` is not taken here: encrypt the key as PKCS#8`);
  let der;
  try {
    der = fromBase64(encoded.replace(/\s/g, ""));
  } catch {
    throw new Refused("the key file is damaged");
  }
  const [scheme, data] = sequence(element(der), 2);
  const [method, parameters] = sequence(scheme, 2);
  require(named(method) === "PBES2", `${named(method)} is not taken here: use PBES2`);
  const [derivation, cipher] = sequence(parameters, 2);
  const [function_, settings] = sequence(derivation, 2);
  require(named(function_) === "PBKDF2", `${named(function_)} is not taken here: use PBKDF2`);
  const [salt, rounds, ...rest] = sequence(settings, 2);
  require(salt.tag === 0x04 && rounds.tag === 0x02, "the key file is damaged");
  const pseudorandom = rest.find((one) => one.tag === 0x30);
  const hash = pseudorandom ? named(sequence(pseudorandom, 1)[0]) : "HMAC-SHA-1";
  require(hash === "SHA-256" || hash === "SHA-512", `PBKDF2 with ${hash} is not taken here: use HMAC-SHA-256`);
  const [algorithm, vector] = sequence(cipher, 2);
  const length = { "AES-128-CBC": 128, "AES-192-CBC": 192, "AES-256-CBC": 256 }[named(algorithm)];
  require(length !== undefined, `${named(algorithm)} is not taken here: use AES-256-CBC`);
  require(vector.tag === 0x04 && vector.content.length === 16 && data.tag === 0x04, "the key file is damaged");
  const iterations = rounds.content.reduce((whole, byte) => whole * 256 + byte, 0);
  require(iterations >= 1 && iterations <= MOST_ROUNDS, "the key file asks for too many rounds of PBKDF2");
  return { salt: salt.content, iterations, hash, length, vector: vector.content, data: data.content };
}

// Opens an encrypted Ed25519 key. The result signs, and leaves this page no more than it came.
export async function openKey(pem, passphrase) {
  const { salt, iterations, hash, length, vector, data } = encryptedParts(pem);
  const secret = await crypto.subtle.importKey("raw", encoder.encode(passphrase), "PBKDF2", false, ["deriveKey"]);
  const derived = await crypto.subtle.deriveKey(
    { name: "PBKDF2", salt, iterations, hash }, secret, { name: "AES-CBC", length }, false, ["decrypt"],
  );
  try {
    const plain = await crypto.subtle.decrypt({ name: "AES-CBC", iv: vector }, derived, data);
    const exported = await crypto.subtle.importKey("pkcs8", plain, "Ed25519", true, ["sign"]);
    const { x } = await crypto.subtle.exportKey("jwk", exported);
    const key = await crypto.subtle.importKey("pkcs8", plain, "Ed25519", false, ["sign"]);
    return { key, public: fromBase64Url(x) };
  } catch {
    throw new Refused("the passphrase does not open this key, or it is not an Ed25519 key");
  }
}

// Signs an answer; returns the exact text that the signature covers, and the token. `now` is in milliseconds.
export async function answer(challenge, outcome, opened, now) {
  require(["allow", "deny", "suspend"].includes(outcome), "no such answer");
  require(now < Date.parse(challenge.body.expires), `the challenge expired at ${challenge.body.expires}`);
  const covers = canonical({
    challenge: challenge.digest,
    enforced_identity: challenge.body.enforced_identity,
    key_id: hex(await sha256(opened.public)).slice(0, 16),
    outcome,
    time: new Date(now).toISOString().replace("Z", "000Z"),
  });
  const content = encoder.encode(covers);
  const text = new Uint8Array([...encoder.encode("acs-sidecar/approval/v1\n"), ...content]);
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", opened.key, text));
  return { covers, token: `acs-approval-v1.${toBase64Url(content)}.${toBase64Url(signature)}` };
}
