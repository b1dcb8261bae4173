/** Which points a session's manifest binds and where their policy targets stand (section 12.3). */

import type { Manifest } from "./calls.js";
import type { Client } from "./client.js";
import type { Counters } from "./counts.js";
import { isObject, own } from "./json.js";
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
  #targets = new Map<string, string>();
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

  /** Return the path of the manifest's policy target, where it is known. */
  target(point: Point): string | null {
    return this.#targets.get(point) ?? null;
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
    this.#take(own(detail, "manifest"));
    return new Set(entry["points"] as string[]);
  }

  #take(manifest: unknown): ReadonlySet<string> {
    const found = own(manifest, "intervention_points");
    const bindings = isObject(found) ? Object.entries(found) : [];
    this.#targets = new Map();
    for (const [point, binding] of bindings) {
      const target = own(binding, "policy_target");
      if (typeof target === "string") this.#targets.set(point, target);
    }
    return new Set(bindings.map(([point]) => point));
  }
}
