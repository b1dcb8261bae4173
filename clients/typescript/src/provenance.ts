/** Where a session's data came from (section 12.4): texts of the user, results of tools, origins of labels. */

import type { Decision } from "./decision.js";
import type { Members } from "./envelope.js";
import { ConfigurationError } from "./errors.js";
import { encode, isObject, own, type Json, type JsonObject } from "./json.js";
import { toJson, toObject } from "./values.js";

const LEAST = 256; // of bytes: less has no place for the member itself

/**
 * Keeps what a policy needs to say where a value stands; the member never takes more than `bound` bytes.
 *
 * With a bound of 0 nothing is kept. Texts and results are kept whole or not at all, for a part of one could
 * be another value: the oldest results go first, then the oldest texts of the user, then the origins of
 * labels. What is gone counts in `dropped`, and is found nowhere.
 */
export class Provenance {
  readonly #bound: number;
  #texts: string[] = [];
  #results: JsonObject[] = [];
  #origins = new Map<string, string[]>();
  #dropped = 0;

  constructor(bound: number, labels: Iterable<string>) {
    if (!Number.isSafeInteger(bound) || (bound !== 0 && bound < LEAST)) {
      throw new ConfigurationError(`\`provenance\` is a number of bytes, 0 or at least ${LEAST}`);
    }
    this.#bound = bound;
    if (bound > 0) for (const label of labels) this.#origins.set(label, ["session"]);
  }

  /** Remember what went through a point: `members` are those of its snapshot, `decision` the permit. */
  record(members: Members, decision: Decision): void {
    if (this.#bound === 0) return;
    const labels = decision.policyId === null ? [] : [...decision.resultLabels];
    let origin: string = decision.point;
    if (decision.point === "input" && own(members["input"], "source") === "user") {
      this.#texts.push(...textsOf(decision.value));
    } else if (decision.point === "post_tool_call") {
      const result = resultOf(members, decision.value, labels);
      this.#results.push(result);
      origin = `${origin}:${String(result["name"])}`;
    }
    for (const label of labels) {
      const origins = this.#origins.get(label) ?? [];
      if (!origins.includes(origin)) this.#origins.set(label, [...origins, origin]);
    }
    this.#fit();
  }

  /** Return the member of a snapshot whose data has `labels`, or `null` when the session keeps none. */
  member(labels: Iterable<string>): JsonObject | null {
    if (this.#bound === 0) return null;
    const known = new Set(labels);
    return this.#whole(([label]) => known.has(label));
  }

  /** Return the state as JSON. */
  export(): JsonObject {
    return this.#whole(() => true);
  }

  /** Restore the state that `export` gave, as far as the bound allows. */
  restore(exported: JsonObject): void {
    if (this.#bound === 0) return;
    this.#texts = [...(exported["user"] as string[])];
    this.#results = [...(exported["tools"] as JsonObject[])];
    this.#origins = new Map(Object.entries(exported["labels"] as { [label: string]: string[] }));
    this.#dropped = exported["dropped"] as number;
    this.#fit();
  }

  #whole(isKept: (origin: [string, string[]]) => boolean): JsonObject {
    return {
      user: [...this.#texts],
      tools: [...this.#results],
      labels: Object.fromEntries([...this.#origins].filter(isKept)),
      dropped: this.#dropped,
    };
  }

  /** Drop what is oldest until the member fits. */
  #fit(): void {
    let spare = this.#bound - sizeOf(this.export()) - 8; // digits of `dropped` that may be added
    while (spare < 0 && this.#results.length + this.#texts.length > 0) {
      const gone = this.#results.length > 0 ? this.#results.shift() : this.#texts.shift();
      this.#dropped++;
      spare += sizeOf(gone as Json);
    }
    if (spare < 0) {
      this.#dropped += this.#origins.size;
      this.#origins = new Map();
    }
  }
}

const utf8 = new TextEncoder();

function sizeOf(value: Json): number {
  return utf8.encode(encode(value)).length;
}

/** Return the texts of what a user sent: a text, or parts of which some are texts. */
function textsOf(body: Json): string[] {
  if (typeof body === "string") return [body];
  const parts = Array.isArray(body) ? body : [body];
  return parts
    .map((part) => (isObject(part) ? own(part, "text") : part))
    .filter((text): text is string => typeof text === "string");
}

function resultOf(members: Members, value: Json, labels: string[]): JsonObject {
  const [call, error] = [members["tool_call"], own(members["tool_result"], "error") ?? null];
  const id = own(call, "id");
  return toObject({
    name: own(call, "name"),
    ...(id === undefined ? {} : { id }),
    labels,
    value: toJson(error === null || value !== null ? value : error),
  });
}
