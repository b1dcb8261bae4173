/** What a call raises instead of a permit (section 12.2): code that catches nothing stops. */

import { makeDecision, type Decision, type Mode } from "./decision.js";
import type { JsonObject } from "./json.js";

/** Base of everything that this package raises on purpose. */
export class AcsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** The client cannot be made as configured; raised by constructors alone. */
export class ConfigurationError extends AcsError {}

/** Whose a block is: the service's, or what the client itself met. */
export type Cause =
  | "service"
  | "unreachable"
  | "deadline"
  | "protocol"
  | "status"
  | "snapshot"
  | "ungoverned"
  | "write_back"
  | "ticket"
  | "ticket_used"
  | "stream";

/** The action may not go on. */
export class Blocked extends AcsError {
  /** The verdict, synthesised where no policy spoke. */
  readonly decision: Decision;
  override readonly cause: Cause;
  /** The HTTP status of the response, if there was one. */
  readonly status: number | null;

  constructor(decision: Decision, cause: Cause, status: number | null = null) {
    super(describe(decision));
    this.decision = decision;
    this.cause = cause;
    this.status = status;
  }

  /** The intervention point. */
  get point(): string {
    return this.decision.point;
  }

  /** The id under which the service has recorded the request, if it was sent. */
  get requestId(): string | null {
    return this.decision.requestId;
  }
}

/** A deny. */
export class Denied extends Blocked {}

/** A person decides: `ticket` carries the action to them, or is `null` when nobody can approve it. */
export class Escalated extends Blocked {
  readonly ticket: JsonObject | null;

  constructor(decision: Decision, ticket: JsonObject | null) {
    super(decision, "service", 200);
    this.ticket = ticket;
  }
}

/** No verdict could be had: the service is unreachable, late, or answers what is none. */
export class Unavailable extends Blocked {}

/** Return the deny of something that the client itself refuses: nothing was sent, or nothing applied. */
export function denied(
  point: string,
  reason: string,
  cause: Cause,
  message: string,
  mode: Mode = "enforce",
): Denied {
  return new Denied(
    makeDecision({ point, decision: "deny", reason: `runtime_error:${reason}`, message, mode }),
    cause,
  );
}

/** Return the one line that a model or a person is shown: `denied by policy: <reason>[: <message>]`. */
export function describe(decision: Decision): string {
  const verb = decision.decision === "escalate" ? "needs approval" : "denied by policy";
  return [verb, decision.reason || "no reason given", decision.message].filter(Boolean).join(": ");
}
