/** What every integration asks of its host (section 12.8). */

import { denied, type Blocked, type Denied } from "../errors.js";
import { ownOptions, type JsonObject } from "../json.js";
import type { Session } from "../session.js";

export interface IntegrationOptions {
  /** `error` gives the model one error result for a blocked tool call; `raise` stops the run. */
  readonly onBlock?: "error" | "raise" | undefined;
  /** `observe` leaves tools that the provider or the host runs to `post_model_call`; `refuse` refuses them. */
  readonly hosted?: "refuse" | "observe" | undefined;
  /** Names of tools that are not evaluated: hand-overs, for example. */
  readonly exempt?: readonly string[] | undefined;
}

/** An approval of an escalated call, which comes back from a person. */
export interface Approval {
  readonly ticket: JsonObject;
  /** What the person signed. */
  readonly approval: string;
}

/** Return the deny of a tool that passes no tool point. */
export function ungoverned(name: string, point = "agent_startup"): Denied {
  const message = `\`${name}\` is not run here and passes no tool point: set \`hosted\` to observe it`;
  return denied(point, "adapter_unsupported", "ungoverned", message);
}

/** Return the deny of a transform that cannot be put back. */
export function notPutBack(point: string, message: string): Denied {
  return denied(point, "transform_invalid", "write_back", message);
}

/** Return options that are the host's own; throw `TypeError` for those that nothing reads. */
export function checkOptions<T extends IntegrationOptions>(given: T, ...others: string[]): T {
  const options = ownOptions(given, ["onBlock", "hosted", "exempt", ...others], "an integration", TypeError);
  const { onBlock = "error", hosted = "refuse" } = options;
  if (!["error", "raise"].includes(onBlock) || !["refuse", "observe"].includes(hosted)) {
    throw new TypeError('`onBlock` is "error" or "raise", and `hosted` is "refuse" or "observe"');
  }
  return options;
}

const stopped = new WeakMap<Session, Blocked>();

/** Remember a block that the framework would show the model: the run stops before its next model call. */
export function stop(session: Session, blocked: Blocked): void {
  if (!stopped.has(session)) stopped.set(session, blocked);
}

/** Throw the block that stopped the run, once. */
export function throwIfStopped(session: Session): void {
  const blocked = stopped.get(session);
  stopped.delete(session);
  if (blocked !== undefined) throw blocked;
}
