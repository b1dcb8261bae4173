/** What reaches an agent, found in the prompts of its model (section 12.4). */

import { encode, type Json } from "../json.js";
import type { Session } from "../session.js";

/** What became of the texts of the user: what a policy has replaced stays replaced in every later prompt. */
export class Inputs {
  readonly #session: Session;
  readonly #seen = new Map<string, Json>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** Return the content to go on with: evaluate what is new, and give what is old the value that it got. */
  async value(content: Json, isNew: boolean): Promise<Json> {
    const key = encode(content);
    if (!isNew) return this.#seen.get(key) ?? content;
    const { value } = await this.#session.input(content);
    this.#seen.set(key, value);
    return value;
  }
}
