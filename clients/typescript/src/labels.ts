/** The labels of a session's data (section 12.3). */

/** Labels only grow, for data in a context flows anywhere; `reset` is the host's own word. */
export class Labels {
  #labels: Set<string>;

  constructor(labels: Iterable<string> = []) {
    this.#labels = new Set(labels);
  }

  [Symbol.iterator](): Iterator<string> {
    return [...this.#labels].sort()[Symbol.iterator]();
  }

  /** Add labels. */
  add(labels: Iterable<string>): void {
    for (const label of labels) this.#labels.add(label);
  }

  /** Replace all labels: the host vouches that nothing of the old data is left. */
  reset(labels: Iterable<string> = []): void {
    this.#labels = new Set(labels);
  }
}
