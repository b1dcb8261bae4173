/** The members of a snapshot that a session keeps (section 12.4): who runs, when, and what was counted. */

import { timestampOf, toMillis, type Clock } from "./clock.js";
import { Budgets, type Counters } from "./counts.js";
import type { Labels } from "./labels.js";
import type { Point } from "./profile.js";
import type { Provenance } from "./provenance.js";
import { currentTrace, traceIds } from "./tracing.js";
import { SnapshotError } from "./values.js";

export type Members = { readonly [name: string]: unknown };
/** What the host alone knows: members, or a function that is asked at each point. */
export type Brought = Members | (() => Members) | undefined;

const KEPT = ["session", "intervention_point", "timestamp", "budgets", "trace", "tenant", "approvals", "counters"];
const KEPT_OF_AGENT = ["id", "version", "name", "framework"];

interface EnvelopeOptions {
  readonly sessionId: string;
  readonly agent: Members;
  readonly tenant: Members | undefined;
  readonly approvalWindowSeconds: number | undefined;
  readonly brought: Brought;
  readonly counters: Counters;
  readonly labels: Labels;
  readonly provenance: Provenance;
}

/** Builds `envelope`, `ifc` and `provenance` for each point. */
export class Envelope {
  readonly clock: Clock;
  readonly sessionId: string;
  readonly counters: Counters;
  readonly labels: Labels;
  readonly provenance: Provenance;
  budgets = new Budgets();
  startedAt: string;
  elapsedBefore = 0;
  escalations: number[] = [];
  readonly #options: EnvelopeOptions;
  readonly #begun: number;

  constructor(clock: Clock, options: EnvelopeOptions) {
    this.clock = clock;
    this.sessionId = options.sessionId;
    this.counters = options.counters;
    this.labels = options.labels;
    this.provenance = options.provenance;
    this.startedAt = timestampOf(clock);
    this.#options = options;
    this.#begun = clock.monotonic();
  }

  /** Return how long the session has run, to three decimals. */
  seconds(): number {
    return toMillis(this.elapsedBefore + this.clock.monotonic() - this.#begun);
  }

  /** Count a request for approval. */
  escalated(): void {
    this.escalations.push(this.clock.now());
  }

  /**
   * Return the members for a snapshot of `point`; `calls` stands for the count of tool calls.
   *
   * Throws `SnapshotError` when the host brings a name that the session keeps itself.
   */
  members(point: Point, calls: number | undefined): Members {
    const { agent, tenant, brought } = this.#options;
    const trace = currentTrace();
    const kept = {
      agent,
      session: { id: this.sessionId, started_at: this.startedAt },
      intervention_point: point,
      timestamp: timestampOf(this.clock),
      budgets: {
        tool_call_count: calls ?? this.budgets.calls,
        token_count: this.budgets.tokens,
        elapsed_seconds: this.seconds(),
        cost_usd: this.budgets.cost,
      },
      ...present({
        trace: trace && traceIds(trace),
        tenant,
        approvals: this.#approvals(),
        counters: this.counters.member(),
      }),
    };
    const envelope = joined(kept, called(brought));
    const labels = [...this.labels];
    const ifc = labels.length > 0 ? { source_labels: labels } : null;
    return { envelope, ...present({ ifc, provenance: this.provenance.member(labels) }) };
  }

  #approvals(): Members | null {
    const window = this.#options.approvalWindowSeconds;
    if (window === undefined) return null;
    const after = this.clock.now() - window;
    return { count: this.escalations.filter((moment) => moment > after).length, window_seconds: window };
  }
}

/** Return the members that are known: what is not known is absent. */
export function present(members: Members): Members {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null && value !== undefined));
}

/** Return what the host brings now. */
export function called(brought: Brought): Members {
  return (typeof brought === "function" ? brought() : brought) ?? {};
}

function joined(envelope: Members & { readonly agent: Members }, brought: Members): Members {
  const agent = (brought["agent"] ?? {}) as Members;
  const kept = [
    ...KEPT.filter((name) => Object.hasOwn(brought, name)),
    ...KEPT_OF_AGENT.filter((name) => Object.hasOwn(agent, name)),
  ].sort();
  if (kept.length > 0) throw new SnapshotError(`\`envelope\` has what the session keeps itself: ${kept.join(", ")}`);
  return { ...envelope, ...brought, agent: { ...envelope.agent, ...agent } };
}
