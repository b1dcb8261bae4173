/** A ticket carries an escalated action to a person and back (section 12.7); nothing in it is believed. */

import type { Manifest } from "./calls.js";
import type { Decision } from "./decision.js";
import { isObject, isSame, own, type Json, type JsonObject } from "./json.js";
import type { Point } from "./profile.js";

const VERSION = 1;
const MEMBERS: readonly string[] = [
  "version",
  "point",
  "snapshot",
  "manifest",
  "mode",
  "request_id",
  "reason",
  "message",
  "input_identity",
  "enforced_identity",
  "approval",
];
/** The members that two attempts of one action do not share. */
const OF_ONE_ATTEMPT: ReadonlySet<string> = new Set(["envelope", "ifc", "provenance", "request_id"]);

/** A ticket is not one of this action; the message says what differs. */
export class TicketError extends Error {}

/** A ticket that was found to be of the action at hand. */
export interface Ticket extends JsonObject {
  point: Point;
  snapshot: JsonObject;
  request_id: string;
  approval: JsonObject & { challenge: string };
}

/** Return the ticket of an escalation, or `null` when nobody can approve it. */
export function makeTicket(decision: Decision, snapshot: JsonObject, manifest: Manifest | undefined): JsonObject | null {
  const approval = decision.approval;
  if (typeof own(approval, "challenge") !== "string") return null;
  return {
    version: VERSION,
    point: decision.point,
    snapshot,
    manifest: (manifest as Json | undefined) ?? null,
    mode: decision.mode,
    request_id: decision.requestId,
    reason: decision.reason,
    message: decision.message,
    input_identity: decision.inputIdentity,
    enforced_identity: decision.enforcedIdentity,
    approval: Object.fromEntries(
      ["resolver", "type", "expires", "challenge"].map((name) => [name, (own(approval, name) ?? null) as Json]),
    ),
  };
}

/**
 * Return the ticket as it is resolved for the action of `snapshot`: with the session's manifest.
 *
 * Throws `TicketError` unless agent, session, point, tool, arguments and, where both have one, the id of the
 * call are those of the action at hand.
 */
export function checkTicket(
  ticket: Json,
  point: Point,
  snapshot: JsonObject,
  manifest: Manifest | undefined,
): Ticket {
  if (!isObject(ticket) || !hasMembers(ticket) || ticket["version"] !== VERSION) {
    throw new TicketError("it is no ticket of version 1");
  }
  const { snapshot: held, approval, request_id: requestId } = ticket;
  if (!isObject(held) || !isObject(approval)) throw new TicketError("it has no snapshot or no approval");
  const challenge = own(approval, "challenge");
  if (typeof challenge !== "string" || typeof requestId !== "string") {
    throw new TicketError("it has no challenge or no request id");
  }
  if (ticket["point"] !== point) throw new TicketError("it is of another intervention point");
  for (const member of ["agent", "session"]) {
    if (idOf(held, member) !== idOf(snapshot, member)) throw new TicketError(`it is of another ${member}`);
  }
  if (point === "pre_tool_call" || point === "post_tool_call") checkCall(held, snapshot);
  else checkContent(held, snapshot);
  return {
    ...ticket,
    point,
    snapshot: held,
    request_id: requestId,
    approval: { ...approval, challenge },
    manifest: (manifest as Json | undefined) ?? null,
    mode: "enforce",
  };
}

/** Challenges that were acted on in this process. */
const used = new Set<string>();

/** Mark a challenge as used; return false if it was. */
export function use(challenge: string): boolean {
  const isFirst = !used.has(challenge);
  used.add(challenge);
  return isFirst;
}

function hasMembers(ticket: JsonObject): boolean {
  return Object.keys(ticket).length === MEMBERS.length && MEMBERS.every((name) => Object.hasOwn(ticket, name));
}

function idOf(snapshot: JsonObject, member: string): unknown {
  return own(own(own(snapshot, "envelope"), member), "id");
}

function checkCall(held: JsonObject, snapshot: JsonObject): void {
  const [old, now] = [own(held, "tool_call"), own(snapshot, "tool_call")];
  if (!isObject(old) || !isObject(now) || own(old, "name") !== own(now, "name")) {
    throw new TicketError("it is of another tool");
  }
  if (!isSame(old["args"], now["args"])) throw new TicketError("it is of other arguments");
  const ids = [own(old, "id"), own(now, "id")];
  if (!ids.includes(undefined) && ids[0] !== ids[1]) throw new TicketError("it is of another call");
  if (!isSame(held["tool_result"], snapshot["tool_result"])) throw new TicketError("it is of another result");
}

function checkContent(held: JsonObject, snapshot: JsonObject): void {
  for (const name of new Set([...Object.keys(held), ...Object.keys(snapshot)])) {
    if (!OF_ONE_ATTEMPT.has(name) && !isSame(held[name], snapshot[name])) {
      throw new TicketError("it is of other content");
    }
  }
}
