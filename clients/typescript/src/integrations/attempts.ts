/** Evaluations of tool calls that a framework may pause (section 12.7). */

import { Escalated } from "../errors.js";
import { isSame, type Json, type JsonObject } from "../json.js";
import type { Permitted } from "../running.js";
import type { Session } from "../session.js";
import type { Approval, IntegrationOptions } from "./options.js";

export interface ToolOptions extends IntegrationOptions {
  /** Pauses an escalated call, and takes its ticket to a person. */
  readonly onEscalation?: ((ticket: JsonObject, toolCallId: string) => void) | undefined;
  /** The approval that a person gave for a call that was paused. */
  readonly approvals?: ((toolCallId: string) => Approval | undefined) | undefined;
}

interface Attempt {
  readonly name: string;
  readonly args: Json;
  readonly permitted: Permitted | null;
  readonly blocked: unknown;
}

/** The calls of one agent: each is evaluated once, be it when the framework asks whether to pause or when it runs. */
export class Attempts {
  readonly #session: Session;
  readonly #options: ToolOptions;
  readonly #judged = new Map<string, Attempt>();

  constructor(session: Session, options: ToolOptions) {
    this.#session = session;
    this.#options = options;
  }

  /**
   * True if the call waits for a person; `isWanted` is what the tool itself says.
   *
   * A permit of a call that waits is given back: the call is evaluated again when it runs.
   */
  async isPaused(name: string, id: string, args: Json, isWanted: boolean): Promise<boolean> {
    const { onEscalation, approvals } = this.#options;
    if (onEscalation === undefined) return isWanted;
    if (approvals?.(id) !== undefined) return true;
    const attempt = await this.#evaluate(name, id, args);
    const ticket = attempt.blocked instanceof Escalated ? attempt.blocked.ticket : null;
    if (ticket === null) {
      if (attempt.permitted !== null && isWanted) this.#session.budgets.releaseCall();
      else this.#judged.set(id, attempt);
      return isWanted;
    }
    onEscalation(ticket, id);
    return true;
  }

  /** Return the permit of a call; throw what blocks it. */
  async permitted(name: string, id: string, args: Json): Promise<Permitted> {
    const known = this.#judged.get(id);
    this.#judged.delete(id);
    const isKnown = known !== undefined && known.name === name && isSame(known.args, args);
    if (known?.permitted && !isKnown) this.#session.budgets.releaseCall();
    const { permitted, blocked } = isKnown ? known : await this.#evaluate(name, id, args);
    if (permitted === null) throw blocked;
    return permitted;
  }

  async #evaluate(name: string, id: string, args: Json): Promise<Attempt> {
    try {
      const decision = await this.#session.preToolCall(name, args, { id, ...this.#options.approvals?.(id) });
      return { name, args, permitted: { name, id, decision }, blocked: null };
    } catch (blocked) {
      return { name, args, permitted: null, blocked };
    }
  }
}
