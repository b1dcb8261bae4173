/** A verdict and what came with it, read from a response of the service (section 12.2). */

import { isObject, own, type Json, type JsonObject } from "./json.js";
import { SnapshotError, toJson } from "./values.js";

export const DECISIONS = ["allow", "warn", "transform", "deny", "escalate"] as const;
/** Five decisions, whatever the version of the manifest. */
export const DIALECT = "0.3";
export const UNAVAILABLE = "runtime_error:policy_invocation_failed";
const PERMITS: ReadonlySet<string> = new Set(["allow", "warn", "transform"]);

/** A response has no usable verdict; the message says what is missing. */
export class ProtocolError extends Error {}

export type Mode = "enforce" | "evaluate_only";

/** One verdict of the service, or one that the client synthesised because there was none. */
export interface Decision {
  readonly point: string;
  readonly decision: (typeof DECISIONS)[number];
  /** True for `allow`, `warn` and `transform`. */
  readonly allowed: boolean;
  readonly reason: string | null;
  readonly message: string | null;
  /** The policy target to go on with: the transformed one where a transform was applied. */
  readonly value: Json;
  readonly transformed: boolean;
  readonly resultLabels: readonly string[];
  readonly transform: JsonObject | null;
  readonly evidence: JsonObject | null;
  readonly mode: Mode;
  readonly policyId: string | null;
  readonly manifestDigest: string | null;
  readonly inputIdentity: string | null;
  readonly enforcedIdentity: string | null;
  readonly audit: JsonObject | null;
  readonly approval: JsonObject | null;
  readonly requestId: string | null;
  /** The whole response. */
  readonly raw: JsonObject;
}

type Members = Pick<Decision, "point" | "decision"> & Partial<Omit<Decision, "allowed">>;

/** Return a decision with these members, and `null` where nothing is known. */
export function makeDecision(members: Members): Decision {
  return Object.freeze({
    reason: null,
    message: null,
    value: null,
    transformed: false,
    resultLabels: [],
    transform: null,
    evidence: null,
    mode: "enforce",
    policyId: null,
    manifestDigest: null,
    inputIdentity: null,
    enforcedIdentity: null,
    audit: null,
    approval: null,
    requestId: null,
    raw: {},
    ...members,
    allowed: PERMITS.has(members.decision),
  } satisfies Decision);
}

/** What a response must be an answer to. */
export interface Asked {
  readonly point: string;
  readonly mode: Mode;
  readonly requestId: string;
}

/**
 * Return the verdict of a response with status 200.
 *
 * Raises `ProtocolError` unless it is a verdict on the point, in the mode, that can be obeyed: one of the five
 * decisions and, for a transform in `enforce` mode, the target that the service has transformed.
 */
export function readDecision(body: unknown, asked: Asked): Decision {
  const { point, mode, requestId } = asked;
  const [whole, verdict, decision] = verdictOf(body);
  if (own(whole, "intervention_point") !== point) throw new ProtocolError("the verdict is on another intervention point");
  if (!isAbsentOr(whole, "mode", mode)) throw new ProtocolError("the verdict is of another mode");
  if (!isAbsentOr(whole, "request_id", requestId)) {
    throw new ProtocolError("the response is to another request");
  }
  if (!isAbsentOr(whole, "dialect", DIALECT)) throw new ProtocolError("the verdict is in another vocabulary");
  if (object(verdict, "transform") !== null && decision !== "transform") {
    throw new ProtocolError("a transform without the decision `transform`");
  }
  const transformed = own(whole, "transformed_policy_target_applied") === true;
  if (decision === "transform" && mode === "enforce" && !transformed) {
    throw new ProtocolError("a transform was not applied");
  }
  const value = targetOf(whole);
  if (transformed && (decision !== "transform" || value === undefined)) {
    throw new ProtocolError("the transformed policy target is missing or not asked for");
  }
  return makeDecision({
    point,
    decision,
    reason: text(verdict, "reason"),
    message: text(verdict, "message"),
    value: value ?? null,
    transformed,
    resultLabels: labels(verdict),
    transform: object(verdict, "transform"),
    evidence: object(verdict, "evidence"),
    mode,
    policyId: text(whole, "policy_id"),
    manifestDigest: text(whole, "manifest_digest"),
    inputIdentity: text(whole, "input_identity"),
    enforcedIdentity: text(whole, "enforced_identity"),
    audit: object(whole, "audit"),
    approval: object(whole, "approval"),
    requestId,
    raw: whole,
  });
}

/** Return the deny of a problem document; its absence changes nothing, for the status says enough. */
export function readDenial(body: unknown, asked: Asked): Decision {
  const verdict = own(body, "verdict");
  const reason = own(verdict, "decision") === "deny" ? own(verdict, "reason") : undefined;
  const message = own(body, "detail");
  return makeDecision({
    point: asked.point,
    decision: "deny",
    reason: typeof reason === "string" ? reason : UNAVAILABLE,
    message: typeof message === "string" ? message : null,
    mode: asked.mode,
    requestId: asked.requestId,
    raw: isObject(body) ? body : {},
  });
}

/** The transformed policy target, within the bounds of what is sent. */
function targetOf(whole: JsonObject): Json | undefined {
  const value = own(whole, "transformed_policy_target");
  if (value === undefined) return undefined;
  try {
    return toJson(value);
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error;
    throw new ProtocolError(`the transformed policy target is not JSON: ${error.message}`);
  }
}

function verdictOf(body: unknown): [JsonObject, JsonObject, Decision["decision"]] {
  const verdict = own(body, "verdict");
  if (!isObject(body) || !isObject(verdict)) throw new ProtocolError("the response has no verdict");
  const decision = DECISIONS.find((known) => known === own(verdict, "decision"));
  if (decision === undefined) throw new ProtocolError("the verdict is none of the five decisions");
  return [body, verdict, decision];
}

function isAbsentOr(container: JsonObject, name: string, expected: string): boolean {
  const value = own(container, name);
  return value === undefined || value === expected;
}

function labels(verdict: JsonObject): string[] {
  const found = own(verdict, "result_labels") ?? [];
  if (!Array.isArray(found) || !found.every((label) => typeof label === "string")) {
    throw new ProtocolError("`result_labels` is not a list of texts");
  }
  return found;
}

function text(container: JsonObject, name: string): string | null {
  const value = own(container, name) ?? null;
  if (value !== null && typeof value !== "string") throw new ProtocolError(`\`${name}\` is not text`);
  return value;
}

function object(container: JsonObject, name: string): JsonObject | null {
  const value = own(container, name) ?? null;
  if (value !== null && !isObject(value)) throw new ProtocolError(`\`${name}\` is not an object`);
  return value;
}
