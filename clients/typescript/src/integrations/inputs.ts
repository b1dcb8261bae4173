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

  /** Return the content to go on with; evaluate what is new. */
  async value(content: Json, isNew: boolean): Promise<Json> {
    const key = encode(content);
    const seen = this.#seen.get(key);
    if (seen !== undefined || !isNew) return seen ?? content;
    const { value } = await this.#session.input(content);
    this.#seen.set(key, value);
    return value;
  }
}
