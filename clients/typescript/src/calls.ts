/** One call of the service: what is asked, and the blocks that stand for its failure (section 12.2). */

import { DIALECT, makeDecision, ProtocolError, readDecision, readDenial, UNAVAILABLE } from "./decision.js";
import type { Asked, Decision, Mode } from "./decision.js";
import { denied, Denied, Unavailable, type Cause } from "./errors.js";
import type { HttpResponse } from "./exchange.js";
import { encode, JsonError, ownOptions, parseJson, type Decimals, type Json, type JsonObject } from "./json.js";
import { SnapshotError, toObject } from "./values.js";

/** A loaded manifest by name or digest, or a manifest itself. */
export type Manifest = string | { readonly [name: string]: unknown };

const OK = 200;
const FORBIDDEN = 403;

/** What is measured has a decimal point from every client: one identity in every language. */
const SNAPSHOT_DECIMALS: Decimals = {
  envelope: { budgets: { cost_usd: true, elapsed_seconds: true } },
  tool_result: { duration_ms: true },
  summary: { duration_seconds: true },
};
const DECIMALS: Decimals = { snapshot: SNAPSHOT_DECIMALS, requests: { snapshot: SNAPSHOT_DECIMALS } };

export interface CallOptions {
  readonly mode?: Mode | undefined;
  readonly manifest?: Manifest | undefined;
  readonly include?: readonly string[] | undefined;
  readonly requestId?: string | undefined;
}

const OPTIONS = ["mode", "manifest", "include", "requestId"];

/** An evaluation that is asked for: of `manifest`, or of the client's where it is not given. */
export class Call implements Asked {
  readonly point: string;
  readonly mode: Mode;
  readonly requestId: string;
  readonly #manifest: Manifest | undefined;
  readonly #include: readonly string[];

  constructor(point: string, given: CallOptions = {}) {
    const options = ownOptions(given, OPTIONS, "a call", TypeError);
    this.point = point;
    this.mode = options.mode ?? "enforce";
    this.requestId = options.requestId ?? crypto.randomUUID().replaceAll("-", "");
    this.#manifest = options.manifest;
    this.#include = options.include ?? [];
  }

  /** Return the body of the request; `snapshot` is JSON already. Raises `Denied` for a manifest that is not. */
  members(snapshot: Json, defaultManifest: Manifest | undefined): JsonObject {
    const body: JsonObject = {
      dialect: DIALECT,
      intervention_point: this.point,
      request_id: this.requestId,
      snapshot,
    };
    if (this.mode !== "enforce") body["mode"] = this.mode;
    const manifest = this.#manifest ?? defaultManifest;
    if (typeof manifest === "string") body["manifest_ref"] = manifest;
    else if (manifest !== undefined) body["manifest"] = this.object(manifest);
    if (this.#include.length > 0) body["include"] = [...this.#include];
    return body;
  }

  /** Return a value of the host as an object of JSON; raise `Denied` for what is none. */
  object(value: unknown): JsonObject {
    try {
      return toObject(value);
    } catch (error) {
      throw this.#notJson(error);
    }
  }

  /** Return the text of a body; raise `Denied` for what is not JSON. */
  encoded(body: JsonObject): string {
    try {
      return encode(body, DECIMALS);
    } catch (error) {
      throw this.#notJson(error);
    }
  }

  /** Return the verdict of a response; raise `Blocked` when it has none. */
  decision(response: HttpResponse): Decision {
    const body = this.json(response);
    if (response.status === OK) return this.read(body);
    throw this.withoutVerdict(response, body);
  }

  /** Return the verdict of the body of a response with status 200. */
  read(body: unknown): Decision {
    try {
      return readDecision(body, this);
    } catch (error) {
      if (error instanceof ProtocolError) throw this.unavailable("protocol", error.message, OK);
      throw error;
    }
  }

  /** Return the deny of a problem document. */
  refusal(body: unknown): Decision {
    return readDenial(body, this);
  }

  /** Return the body of a response, or `undefined` for one of an error that is not JSON. */
  json(response: HttpResponse): Json | undefined {
    try {
      return parseJson(response.body);
    } catch (error) {
      if (response.status !== OK) return undefined;
      const why = error instanceof JsonError ? error.message : "it cannot be read";
      throw this.unavailable("protocol", `the answer is not JSON: ${why}`, OK);
    }
  }

  /** Return the block of a response that is no verdict. */
  withoutVerdict(response: HttpResponse, body: unknown): Denied | Unavailable {
    const refusal = this.refusal(body);
    if (response.status === FORBIDDEN) return new Denied(refusal, "service", FORBIDDEN);
    const message = refusal.message ?? `the service answered with status ${response.status}`;
    return this.unavailable(response.status === OK ? "protocol" : "status", message, response.status);
  }

  /** Return the block of a call without a verdict. */
  unavailable(cause: Cause, message: string, status: number | null = null): Unavailable {
    const { point, mode, requestId } = this;
    return new Unavailable(
      makeDecision({ point, decision: "deny", reason: UNAVAILABLE, message, mode, requestId }),
      cause,
      status,
    );
  }

  #notJson(error: unknown): unknown {
    if (!(error instanceof SnapshotError || error instanceof JsonError)) return error;
    return denied(this.point, "request_invalid", "snapshot", error.message, this.mode);
  }
}
