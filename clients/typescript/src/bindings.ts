/** Which points a session's manifest binds and where their policy targets stand (section 12.3). */

import { Call, type Manifest } from "./calls.js";
import type { Client } from "./client.js";
import type { Counters } from "./counts.js";
import { isObject, own, type JsonObject } from "./json.js";
import type { Point } from "./profile.js";

/**
 * The bound points: `points` as the host says, or what the service lists of the manifest.
 *
 * What the service lists is asked for again when verdicts come from another manifest.
 */
export class Bindings {
  readonly #client: Client;
  readonly #manifest: Manifest | undefined;
  readonly #counters: Counters;
  readonly #isAsked: boolean;
  #points: Promise<ReadonlySet<string>> | null;
  readonly #targets = new Map<string, string>();
  #digest: string | null = null;

  constructor(
    client: Client,
    manifest: Manifest | undefined,
    points: Iterable<string> | null,
    counters: Counters,
  ) {
    this.#client = client;
    this.#manifest = manifest;
    this.#counters = counters;
    this.#isAsked = points === null;
    this.#points = points === null ? null : Promise.resolve(new Set(points));
  }

  /** True if the manifest binds `point`; rejects with `Unavailable` when that cannot be learnt. */
  async has(point: Point): Promise<boolean> {
    const asked = (this.#points ??= this.#ask());
    try {
      return (await asked).has(point);
    } catch (error) {
      if (this.#points === asked) this.#points = null;
      throw error;
    }
  }

  /**
   * Return the path of the policy target of the manifest with `digest`, which a verdict came from.
   *
   * Where it is not listed, the service is asked what a policy sees of `snapshot`. Rejects with `Unavailable`
   * when that cannot be learnt.
   */
  async target(point: Point, digest: string | null, snapshot: JsonObject): Promise<string> {
    const key = keyOf(typeof this.#manifest === "object" ? null : digest, point);
    const path = this.#targets.get(key) ?? (await this.#learnt(point, digest, snapshot));
    this.#targets.set(key, path);
    return path;
  }

  async #learnt(point: Point, digest: string | null, snapshot: JsonObject): Promise<string> {
    const options = { mode: "evaluate_only", manifest: this.#manifest, include: ["policy_input"] } as const;
    const call = new Call(point, options);
    const decision = await this.#client.evaluateJson(call, snapshot);
    const path = own(own(own(decision.raw, "policy_input"), "policy_target"), "path");
    if (decision.manifestDigest !== digest || typeof path !== "string") {
      throw call.unavailable("protocol", "the policy target of the manifest cannot be learnt");
    }
    return path;
  }

  /** Note the manifest that a verdict came from. */
  see(digest: string | null): void {
    if (digest === null || digest === this.#digest) return;
    if (this.#isAsked && this.#digest !== null) this.#points = null;
    this.#digest = digest;
  }

  async #ask(): Promise<ReadonlySet<string>> {
    if (typeof this.#manifest === "object") return this.#take(this.#manifest);
    const entry = await this.#client.listed(this.#manifest);
    const detail = await this.#client.get(`/v1/manifests/${encodeURIComponent(String(entry["name"]))}`);
    const digest = own(entry, "digest");
    this.#digest = typeof digest === "string" ? digest : null;
    const counters = own(detail, "counters");
    if (Array.isArray(counters)) this.#counters.know(counters);
    if (own(detail, "digest") === this.#digest) this.#take(own(detail, "manifest"));
    return new Set(entry["points"] as string[]);
  }

  #take(manifest: unknown): ReadonlySet<string> {
    const found = own(manifest, "intervention_points");
    const bindings = isObject(found) ? Object.entries(found) : [];
    for (const [point, binding] of bindings) {
      const target = own(binding, "policy_target");
      if (typeof target === "string") this.#targets.set(keyOf(this.#digest, point), target);
    }
    return new Set(bindings.map(([point]) => point));
  }
}

function keyOf(digest: string | null, point: string): string {
  return `${point} ${digest}`;
}
