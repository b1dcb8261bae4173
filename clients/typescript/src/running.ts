/** A permitted tool call, from its arguments to the result that may go on (sections 12.3 and 12.5). */

import { toMillis } from "./clock.js";
import type { Decision } from "./decision.js";
import { Blocked, Denied } from "./errors.js";
import type { Json, JsonObject } from "./json.js";
import type { Session } from "./session.js";

/** A permitted tool call: `args` is what the tool runs with. */
export interface ToolCall {
  readonly name: string;
  readonly args: JsonObject;
  readonly decision: Decision;
}

/** A call whose `decision` permits it. */
export interface Permitted {
  readonly name: string;
  readonly id?: string | undefined;
  readonly decision: Decision;
}

/** A policy has replaced what a tool threw; `value` is what the model may see instead. */
export class ReplacedError extends Denied {
  readonly value: Json;

  constructor(decision: Decision) {
    super({ ...decision, decision: "deny", allowed: false, reason: decision.reason ?? "error_replaced" }, "service", 200);
    this.value = decision.value;
  }
}

/**
 * Run a permitted tool, and evaluate what it returned or threw; return the verdict on the result.
 *
 * What `isPassing` is thrown on as it is: a framework's way to pause.
 */
export async function runPermitted(
  session: Session,
  { name, id, decision }: Permitted,
  run: (call: ToolCall) => unknown,
  isPassing: (error: unknown) => boolean = () => false,
): Promise<Decision> {
  const permitted = decision.value as JsonObject;
  const begun = session.clock.monotonic();
  const after = (value: unknown, error: string | null): Promise<Decision> => {
    const durationMs = toMillis((session.clock.monotonic() - begun) * 1000);
    return session.postToolCall(name, permitted, value, { id, error, durationMs });
  };
  let value: unknown;
  try {
    const args = session.mode === "enforce" ? structuredClone(permitted) : permitted;
    value = await run({ name, args, decision });
  } catch (error) {
    if (error instanceof Blocked || isPassing(error)) throw error;
    const replaced = await after(null, errorText(error));
    if (replaced.transformed && session.mode === "enforce") throw new ReplacedError(replaced);
    throw error;
  }
  return after(value, null);
}

/** Return what a policy sees of something that a tool threw. */
export function errorText(error: unknown): string {
  if (error instanceof Error) return `${error.name}: ${error.message}`.toWellFormed();
  return typeof error === "string" ? `Error: ${error}`.toWellFormed() : "Error: what was thrown is no error";
}
