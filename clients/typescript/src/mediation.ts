/** One evaluation of a session, from snapshot to obeyed verdict (sections 12.2, 12.3 and 12.7). */

import type { Bindings } from "./bindings.js";
import { Call, type Manifest } from "./calls.js";
import type { Client } from "./client.js";
import { makeDecision, type Decision, type Mode } from "./decision.js";
import type { Envelope, Members } from "./envelope.js";
import { Blocked, denied, Denied, Escalated } from "./errors.js";
import type { Json, JsonObject } from "./json.js";
import { putBack, targetOf, WriteBackError, type Point } from "./profile.js";
import { checkTicket, makeTicket, TicketError, use, type Ticket } from "./tickets.js";
import { SnapshotError, toJson, toObject } from "./values.js";

/** Asks a person: returns an approval text, `"deny"`, `"suspend"`, or nothing. */
export type Approver = (ticket: JsonObject) => ApproverAnswer | Promise<ApproverAnswer>;
type ApproverAnswer = string | null | undefined;

/** Takes what a host may want to know: `warn` for what would be blocked, `info` for what is not evaluated. */
export type Log = (level: "info" | "warn", message: string) => void;

/** How one point is evaluated: what stands for the count of calls, and an approval of an escalation. */
export interface PointOptions {
  readonly calls?: number | undefined;
  readonly ticket?: unknown;
  readonly approval?: string | undefined;
}

interface MediatorOptions {
  readonly manifest: Manifest | undefined;
  readonly mode: Mode;
  readonly bindings: Bindings;
  readonly envelope: Envelope;
  readonly approver: Approver | undefined;
  readonly onDecision: ((decision: Decision) => void) | undefined;
  readonly log: Log;
}

/**
 * Evaluates the points of one session.
 *
 * In `enforce` mode it returns permits and rejects with everything else; in `evaluate_only` mode it rejects
 * with nothing and replaces nothing.
 */
export class Mediator {
  readonly #client: Client;
  readonly #options: MediatorOptions;
  readonly #skipped = new Set<Point>();

  constructor(client: Client, options: MediatorOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Return a permit whose `value` is to be used; reject with `Blocked` otherwise. */
  async evaluate(point: Point, members: Members, options: PointOptions = {}): Promise<Decision> {
    let decision: Decision;
    try {
      const snapshot = toObject({ ...members, ...this.#options.envelope.members(point, options.calls) });
      decision = await this.#decide(point, snapshot, options);
    } catch (error) {
      if (error instanceof Blocked) return this.#blocked(error, members);
      if (!(error instanceof SnapshotError)) throw error;
      return this.#blocked(denied(point, "request_invalid", "snapshot", error.message, this.#options.mode), members);
    }
    if (decision.allowed && decision.policyId !== null) {
      this.#options.envelope.labels.add(decision.resultLabels);
      this.#options.envelope.counters.permitted(decision.evidence);
    }
    if (decision.allowed) this.#options.envelope.provenance.record(members, decision);
    this.#options.onDecision?.(decision);
    return decision;
  }

  #blocked(blocked: Blocked, members: Members): Decision {
    this.#options.onDecision?.(blocked.decision);
    if (this.#options.mode === "enforce") throw blocked;
    this.#options.log("warn", `${blocked.point} would be blocked: ${blocked.message}`);
    const value = targetOf(blocked.point as Point, members) as Json;
    return makeDecision({ ...blocked.decision, value });
  }

  async #decide(point: Point, snapshot: JsonObject, options: PointOptions): Promise<Decision> {
    const { bindings, mode, manifest } = this.#options;
    if (!(await bindings.has(point))) return this.#unbound(point, snapshot);
    if (options.ticket !== undefined) return this.#resolved(point, snapshot, options.ticket, options.approval);
    const decision = await this.#client.evaluateJson(new Call(point, { mode, manifest }), snapshot);
    bindings.see(decision.manifestDigest);
    if (mode !== "enforce") {
      if (!decision.allowed) {
        this.#options.log("warn", `${point} would be blocked: ${decision.decision} ${decision.reason}`);
      }
      return makeDecision({ ...decision, value: targetOf<Json>(point, snapshot) });
    }
    if (decision.decision === "deny") throw new Denied(decision, "service", 200);
    if (decision.decision === "escalate") return this.#escalated(point, snapshot, decision);
    return this.#permitted(point, snapshot, decision);
  }

  async #permitted(point: Point, snapshot: JsonObject, decision: Decision): Promise<Decision> {
    if (!decision.transformed) return makeDecision({ ...decision, value: targetOf<Json>(point, snapshot) });
    const path = await this.#options.bindings.target(point, decision.manifestDigest, snapshot);
    try {
      const value = putBack(point, snapshot, path, decision.value);
      return makeDecision({ ...decision, value });
    } catch (error) {
      if (error instanceof WriteBackError) throw denied(point, "transform_invalid", "write_back", error.message);
      throw error;
    }
  }

  async #escalated(point: Point, snapshot: JsonObject, decision: Decision): Promise<Decision> {
    const { envelope, manifest, approver } = this.#options;
    envelope.escalated();
    const ticket = makeTicket(decision, snapshot, manifest);
    const answer = ticket && approver ? answerOf(await approver(structuredClone(ticket))) : null;
    if (answer === null) throw new Escalated(decision, ticket);
    if (answer === "deny" || answer === "suspend") {
      return this.#resolved(point, snapshot, ticket, undefined, answer);
    }
    return this.#resolved(point, snapshot, ticket, answer);
  }

  async #resolved(
    point: Point,
    snapshot: JsonObject,
    given: unknown,
    approval: string | undefined,
    outcome?: "deny" | "suspend",
  ): Promise<Decision> {
    const ticket = this.#checked(given, point, snapshot);
    if (!approval && outcome === undefined) throw new Escalated(escalationOf(ticket), ticket);
    const decision = await this.#client.resolve(ticket, approval, outcome);
    if (decision.decision === "escalate") throw new Escalated(decision, ticket);
    if (!decision.allowed) throw new Denied(decision, "service", 200);
    if (!use(ticket.approval.challenge)) {
      const message = "this process has used the approval before";
      throw denied(point, "approval_resolver_failed", "ticket_used", message);
    }
    return this.#permitted(point, ticket.snapshot, decision);
  }

  #checked(given: unknown, point: Point, snapshot: JsonObject): Ticket {
    try {
      return checkTicket(toJson(given), point, snapshot, this.#options.manifest);
    } catch (error) {
      if (!(error instanceof TicketError || error instanceof SnapshotError)) throw error;
      const message = `the ticket is not of this action: ${error.message}`;
      throw denied(point, "approval_action_mismatch", "ticket", message);
    }
  }

  #unbound(point: Point, snapshot: JsonObject): Decision {
    if (point === "pre_tool_call") {
      const message = "the manifest does not bind `pre_tool_call`: no tool runs";
      throw denied(point, "adapter_unsupported", "ungoverned", message, this.#options.mode);
    }
    if (!this.#skipped.has(point)) {
      this.#skipped.add(point);
      this.#options.log("info", `${point} is not bound by the manifest and is not evaluated`);
    }
    const value = targetOf<Json>(point, snapshot);
    return makeDecision({ point, decision: "allow", mode: this.#options.mode, value });
  }
}

function escalationOf(ticket: Ticket): Decision {
  const { reason, message } = ticket;
  return makeDecision({
    point: ticket.point,
    decision: "escalate",
    reason: typeof reason === "string" ? reason : null,
    message: typeof message === "string" ? message : null,
    approval: ticket.approval,
    requestId: ticket.request_id,
  });
}

function answerOf(answer: unknown): string | null {
  if (answer === null || answer === undefined) return null;
  if (typeof answer === "string") return answer;
  throw new TypeError('`approver` returns an approval text, "deny", "suspend" or nothing');
}
