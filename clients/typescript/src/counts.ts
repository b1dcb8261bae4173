/** What a session counts, for a service that keeps nothing (section 12.3). */

import type { Clock } from "./clock.js";
import { own, type JsonObject } from "./json.js";

const SECONDS: ReadonlyMap<string, number> = new Map([
  ["second", 1],
  ["minute", 60],
  ["hour", 3600],
  ["day", 86400],
]);
const HOUR = 3600;

/** Calls, tokens and cost of a session. */
export class Budgets {
  calls: number;
  tokens: number;
  cost: number;

  constructor(calls = 0, tokens = 0, cost = 0) {
    this.calls = calls;
    this.tokens = tokens;
    this.cost = cost;
  }

  /** Count a call whose verdict is awaited; return how many others are permitted or awaited. */
  reserveCall(): number {
    return this.calls++;
  }

  /** Take back a call that is not made. */
  releaseCall(): void {
    this.calls--;
  }

  /** Add what a model call took. */
  spend(tokens: number, cost: number): void {
    this.tokens += tokens;
    this.cost += cost;
  }
}

interface CountedEvent {
  readonly at: number;
  readonly requests: number;
  readonly tokens: number;
}

interface Window {
  readonly begun: number;
  readonly count: number;
}

/**
 * Requests and tokens of the last minute and hour, and the counts of rules (sections 9.4 and 7.6).
 *
 * The member is absent from snapshots until the session knows that limits exist: from its options, or from
 * the manifest's list of counters.
 */
export class Counters {
  readonly #clock: Clock;
  #kept: boolean;
  #events: CountedEvent[] = [];
  #windows = new Map<string, string>();
  #agt = new Map<string, Window>();

  constructor(clock: Clock, kept: boolean) {
    this.#clock = clock;
    this.#kept = kept;
  }

  /** Take the manifest's list of counters. */
  know(listed: readonly unknown[]): void {
    for (const counter of listed) {
      const [name, window] = [own(counter, "name"), own(counter, "window")];
      if (own(counter, "group") !== "agt" || typeof name !== "string") continue;
      if (typeof window !== "string" || !SECONDS.has(window)) continue;
      this.#windows.set(name, window);
      this.#kept = true;
    }
  }

  /** Return the member `counters` of the envelope. */
  member(): JsonObject | null {
    if (!this.#kept) return null;
    const now = this.#clock.now();
    this.#events = this.#events.filter(({ at }) => at > now - HOUR);
    const minute = this.#events.filter(({ at }) => at > now - 60);
    const member: JsonObject = {
      requests: { minute: sum(minute, "requests"), hour: sum(this.#events, "requests") },
      tokens: { minute: sum(minute, "tokens"), hour: sum(this.#events, "tokens") },
    };
    if (this.#windows.size > 0) {
      member["agt"] = Object.fromEntries([...this.#windows.keys()].map((name) => [name, this.#count(name, now)]));
    }
    return member;
  }

  /** Count an action that goes ahead. */
  request(): void {
    this.#add(1, 0);
  }

  /** Count the tokens of a model call. */
  spend(tokens: number): void {
    this.#add(0, tokens);
  }

  /** Count a permitted verdict for the rules that its evidence names. */
  permitted(evidence: JsonObject | null): void {
    const now = this.#clock.now();
    for (const name of counters(evidence)) {
      this.#kept = true;
      if (!this.#windows.has(name)) this.#windows.set(name, "day"); // the longest window never counts too few
      const count = this.#count(name, now);
      const begun = count > 0 ? (this.#agt.get(name)?.begun ?? now) : now;
      this.#agt.set(name, { begun, count: count + 1 });
    }
  }

  /** Return the state as JSON. */
  export(): JsonObject {
    return {
      kept: this.#kept,
      events: this.#events.map(({ at, requests, tokens }) => [at, requests, tokens]),
      windows: Object.fromEntries(this.#windows),
      agt: Object.fromEntries([...this.#agt].map(([name, { begun, count }]) => [name, [begun, count]])),
    };
  }

  /** Restore the state that `export` gave. */
  restore(exported: JsonObject): void {
    this.#kept = exported["kept"] === true;
    this.#events = (exported["events"] as [number, number, number][]).map(([at, requests, tokens]) => ({
      at,
      requests,
      tokens,
    }));
    this.#windows = new Map(Object.entries(exported["windows"] as { [name: string]: string }));
    const agt = Object.entries(exported["agt"] as { [name: string]: [number, number] });
    this.#agt = new Map(agt.map(([name, [begun, count]]) => [name, { begun, count }]));
  }

  #add(requests: number, tokens: number): void {
    if (this.#kept) this.#events.push({ at: this.#clock.now(), requests, tokens });
  }

  #count(name: string, now: number): number {
    const { begun, count } = this.#agt.get(name) ?? { begun: now, count: 0 };
    return now < begun + (SECONDS.get(this.#windows.get(name) ?? "day") ?? 0) ? count : 0;
  }
}

function sum(events: readonly CountedEvent[], name: "requests" | "tokens"): number {
  return events.reduce((total, event) => total + event[name], 0);
}

/** Return the counters that evidence names; under 0.4 they stand in its verification pointers. */
function counters(evidence: JsonObject | null): Set<string> {
  const pointers = own(evidence, "verification_pointers");
  let several = own(evidence, "counters") ?? own(pointers, "counters");
  if (typeof several === "string") {
    try {
      several = JSON.parse(several);
    } catch {
      several = undefined;
    }
  }
  const names: unknown[] = Array.isArray(several) ? several : [];
  names.push(own(evidence, "counter") ?? own(pointers, "counter"));
  return new Set(names.filter((name) => typeof name === "string"));
}
