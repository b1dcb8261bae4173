/** A session tells the stateless service what it needs to know, and obeys its verdicts (section 12.3). */

import { taskLocal } from "#platform";
import { Bindings } from "./bindings.js";
import type { Manifest } from "./calls.js";
import type { Client } from "./client.js";
import { MACHINE_CLOCK, type Clock } from "./clock.js";
import { Budgets, Counters } from "./counts.js";
import type { Decision, Mode } from "./decision.js";
import { called, Envelope, present, type Brought, type Members } from "./envelope.js";
import { Blocked, ConfigurationError, denied } from "./errors.js";
import { own, ownOptions, type Json, type JsonObject } from "./json.js";
import { Labels } from "./labels.js";
import { Mediator, type Approver, type Log, type PointOptions } from "./mediation.js";
import { isPoint, POINTS, RESERVED_MEMBERS, type Point } from "./profile.js";
import { Provenance } from "./provenance.js";
import { runPermitted, type ToolCall } from "./running.js";
import { toJson } from "./values.js";

/** Where what reaches an agent comes from. */
export type Source = "user" | "webhook" | "scheduled" | "other";
const SOURCES: readonly string[] = ["user", "webhook", "scheduled", "other"];
const FINISH_REASONS: readonly unknown[] = ["stop", "length", "tool_calls", "content_filter", "other"];
const INIT_MEMBERS: readonly string[] = ["identity", "governance", "compliance", "region", "provider"];

/** Tokens of a model call. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

export type Model = string | { readonly name: string; readonly [member: string]: unknown };

export interface SessionOptions {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  readonly framework?: string | undefined;
  readonly tenant?: string | Members | undefined;
  readonly manifest?: Manifest | undefined;
  /** The points to evaluate; what the manifest binds where none are given, asked from the service. */
  readonly points?: Iterable<Point> | undefined;
  /** With `evaluate_only` verdicts go to the log and to `onDecision`, and nothing is thrown or replaced. */
  readonly mode?: Mode | undefined;
  /** The labels that the session's data has from the start. */
  readonly labels?: Iterable<string> | undefined;
  /** Members that are merged into every snapshot. */
  readonly context?: Members | undefined;
  /** The names of the tools that are registered. */
  readonly tools?: Iterable<string> | undefined;
  readonly capabilities?: Iterable<string> | undefined;
  readonly model?: Model | undefined;
  readonly approver?: Approver | undefined;
  readonly approvalWindowSeconds?: number | undefined;
  /** What a model call cost in US dollars. */
  readonly cost?: ((model: Model | undefined, usage: Usage) => number) | undefined;
  readonly init?: Brought;
  readonly envelope?: Brought;
  /** Sends `message_chain` with every output. */
  readonly history?: boolean | undefined;
  /** Keeps requests and tokens by minute and hour. */
  readonly counters?: boolean | undefined;
  /** How many bytes every snapshot has for the user's texts and the results of tools; none where it is 0. */
  readonly provenance?: number | undefined;
  readonly onDecision?: ((decision: Decision) => void) | undefined;
  readonly log?: Log | undefined;
  readonly clock?: Clock | undefined;
}

/** What the host adds to one tool call. */
export interface ToolCallOptions {
  readonly id?: string | undefined;
  readonly contentHash?: string | undefined;
  /** The ticket of an escalation of this same call, and what a person signed for it. */
  readonly ticket?: unknown;
  readonly approval?: string | undefined;
}

const current = taskLocal<Session>();

/** Return the session that the task is in. */
export function currentSession(): Session | undefined {
  return current.getStore();
}

/**
 * One run of an agent, evaluated at every point of its loop.
 *
 * Its methods reject unless the verdict permits to go on, and the `value` of what they return must be used.
 */
export class Session {
  readonly agent: string;
  readonly mode: Mode;
  readonly labels: Labels;
  readonly clock: Clock;
  readonly #envelope: Envelope;
  readonly #mediator: Mediator;
  readonly #options: SessionOptions;
  #errors = 0;
  #chain: Json[] = [];

  /** Throws `ConfigurationError` for options that contradict the profile. */
  constructor(client: Client, agent: string | undefined, given: SessionOptions) {
    const options = onceRead(ownOptions(given, NAMES, "a session", ConfigurationError));
    this.agent = checked(agent, options);
    this.mode = options.mode ?? "enforce";
    this.clock = options.clock ?? MACHINE_CLOCK;
    this.labels = new Labels(options.labels);
    this.#options = options;
    const { name, version, framework, tenant } = options;
    const counters = new Counters(this.clock, options.counters === true);
    this.#envelope = new Envelope(this.clock, {
      sessionId: options.id || crypto.randomUUID(),
      agent: { id: this.agent, ...present({ version, name, framework }) },
      tenant: typeof tenant === "string" ? { id: tenant } : tenant,
      approvalWindowSeconds: options.approvalWindowSeconds,
      brought: options.envelope,
      counters,
      labels: this.labels,
      provenance: new Provenance(options.provenance ?? 0, this.labels),
    });
    const manifest = options.manifest ?? client.manifest;
    this.#mediator = new Mediator(client, {
      manifest,
      mode: this.mode,
      bindings: new Bindings(client, manifest, options.points ?? null, counters),
      envelope: this.#envelope,
      approver: options.approver,
      onDecision: options.onDecision,
      log: options.log ?? warn,
    });
  }

  /** The id of the session. */
  get id(): string {
    return this.#envelope.sessionId;
  }

  /** The calls, tokens and cost so far. */
  get budgets(): Budgets {
    return this.#envelope.budgets;
  }

  /** Run `inside` from `agent_startup` to `agent_shutdown`, with this session as the current one. */
  async run<T>(inside: (session: this) => T | Promise<T>): Promise<T> {
    await this.start();
    try {
      return await current.run(this, async () => inside(this));
    } catch (error) {
      this.failed();
      throw error;
    } finally {
      await this.shutdown();
    }
  }

  /** Count an error, for the summary. */
  failed(): void {
    this.#errors++;
  }

  /** Evaluate `agent_startup`; reject with `Blocked` unless the agent may run. */
  async start(): Promise<Decision> {
    const { capabilities = [], tools = [], model, init } = this.#options;
    const brought = called(init);
    const unknown = Object.keys(brought).filter((name) => !INIT_MEMBERS.includes(name));
    if (unknown.length > 0) {
      const message = `\`init\` may not have ${unknown.sort().join(", ")}`;
      throw denied("agent_startup", "request_invalid", "snapshot", message);
    }
    const fixed = { capabilities: [...capabilities], tools_registered: [...tools].sort() };
    const agentInit = { ...fixed, ...(model && { model: modelOf(model) }), ...brought };
    return this.#evaluate("agent_startup", { agent_init: agentInit });
  }

  /** Evaluate `agent_shutdown`; a block there is logged, for there is nothing left to stop. */
  async shutdown(): Promise<void> {
    const summary = {
      tool_calls: this.budgets.calls,
      tokens: this.budgets.tokens,
      errors: this.#errors,
      duration_seconds: this.#envelope.seconds(),
    };
    try {
      await this.#evaluate("agent_shutdown", { summary });
    } catch (error) {
      if (!(error instanceof Blocked)) throw error;
      (this.#options.log ?? warn)("warn", `agent_shutdown of session ${this.id} was blocked: ${error.message}`);
    }
  }

  /** Evaluate what reaches the agent. */
  async input(body: unknown, source: Source = "user", headers?: Members): Promise<Decision> {
    if (!SOURCES.includes(source)) throw new TypeError(`\`source\` is none of ${SOURCES.join(", ")}`);
    const decision = await this.#evaluate("input", { input: { body, source, ...present({ headers }) } });
    if (this.#options.history) this.#chain.push({ role: "user", content: decision.value });
    return decision;
  }

  /** Evaluate what is about to be sent to a model. */
  async preModelCall(
    messages: Iterable<unknown>,
    options: { model?: Model | undefined; tools?: Iterable<unknown> | undefined; requestId?: string | undefined } = {},
  ): Promise<Decision> {
    const decision = await this.#evaluate("pre_model_call", {
      model: modelOf(options.model),
      messages: [...messages],
      tools: [...(options.tools ?? [])],
      ...present({ request_id: options.requestId }),
    });
    this.#envelope.counters.request();
    return decision;
  }

  /** Evaluate what a model has answered: `content`, `tool_calls` and `finish_reason`. */
  async postModelCall(
    response: Members,
    options: { model?: Model | undefined; usage?: Usage | undefined; requestId?: string | undefined } = {},
  ): Promise<Decision> {
    const { model, usage, requestId } = options;
    const whole: { [name: string]: unknown } = { content: "", tool_calls: [], finish_reason: "other", ...response };
    if (!FINISH_REASONS.includes(whole["finish_reason"])) whole["finish_reason"] = "other";
    const members = { model: modelOf(model), response: whole, ...present({ usage, request_id: requestId }) };
    const spent = this.#tokensOf(usage);
    try {
      return await this.#evaluate("post_model_call", members);
    } finally {
      const cost = usage && this.#options.cost ? this.#options.cost(model, usage) : 0;
      this.budgets.spend(spent, cost);
      this.#envelope.counters.spend(spent);
    }
  }

  /** Return the tokens of a model call; throw for what would count none, or less. */
  #tokensOf(usage: Usage | undefined): number {
    const counted = [usage?.prompt_tokens ?? 0, usage?.completion_tokens ?? 0];
    if (counted.every((count) => Number.isSafeInteger(count) && count >= 0)) return counted.reduce((sum, count) => sum + count);
    if (this.mode !== "enforce") return 0;
    const message = "`usage` is not prompt_tokens and completion_tokens as whole numbers";
    throw denied("post_model_call", "request_invalid", "snapshot", message);
  }

  /**
   * Evaluate a tool call before it runs; the tool runs with the decision's `value` and nothing else.
   *
   * With `ticket`, an escalation of this same call is resolved by `approval`.
   */
  async preToolCall(name: string, args: unknown, options: ToolCallOptions = {}): Promise<Decision> {
    const { id, contentHash, ticket, approval } = options;
    const call = { name, args, ...present({ id, content_hash: contentHash }) };
    const others = this.budgets.reserveCall();
    try {
      const decision = await this.#evaluate("pre_tool_call", { tool_call: call }, { calls: others, ticket, approval });
      this.#envelope.counters.request();
      return decision;
    } catch (error) {
      this.budgets.releaseCall();
      throw error;
    }
  }

  /** Evaluate what a tool returned, or the error that it threw. */
  async postToolCall(
    name: string,
    args: unknown,
    value: unknown,
    options: { id?: string | undefined; error?: string | null | undefined; durationMs?: number | undefined } = {},
  ): Promise<Decision> {
    const { id, error = null, durationMs } = options;
    if (error !== null) this.failed();
    return this.#evaluate("post_tool_call", {
      tool_call: { name, args, ...present({ id }) },
      tool_result: { value: value ?? null, error, ...present({ duration_ms: durationMs }) },
    });
  }

  /** Evaluate what leaves the agent. */
  async output(content: unknown): Promise<Decision> {
    const { history } = this.#options;
    const chain = history ? { message_chain: [...this.#chain, { role: "assistant", content }] } : {};
    const decision = await this.#evaluate("output", { response: { content }, ...chain });
    if (history) this.#chain.push({ role: "assistant", content: decision.value });
    return decision;
  }

  /**
   * Evaluate both tool points around `run`; return the result to go on with.
   *
   * `run` gets what is permitted: run the tool with `call.args`. What it throws is evaluated too: a permit
   * throws it again, a transform replaces it by `ReplacedError`, for error texts reach the model as well.
   */
  async tool(
    name: string,
    args: unknown,
    run: (call: ToolCall) => unknown,
    options: ToolCallOptions = {},
  ): Promise<Json> {
    const decision = await this.preToolCall(name, args, options);
    return (await runPermitted(this, { name, id: options.id, decision }, run)).value;
  }

  /** Return what the session keeps as JSON, for `Client.restore` in another process. */
  export(): JsonObject {
    return {
      version: 1,
      agent: this.agent,
      id: this.id,
      started_at: this.#envelope.startedAt,
      elapsed_seconds: this.#envelope.seconds(),
      calls: this.budgets.calls,
      tokens: this.budgets.tokens,
      cost_usd: this.budgets.cost,
      labels: [...this.labels],
      errors: this.#errors,
      escalations: [...this.#envelope.escalations],
      chain: toJson(this.#chain),
      counters: this.#envelope.counters.export(),
      provenance: this.#envelope.provenance.export(),
    };
  }

  /** Return a session that goes on where `exported` ended; throw `TypeError` for what is no export. */
  static restored(client: Client, exported: JsonObject, options: SessionOptions): Session {
    if (own(exported, "version") !== 1) throw new TypeError("this is no export of a session");
    const session = new Session(client, exported["agent"] as string, { ...options, id: exported["id"] as string });
    const envelope = session.#envelope;
    envelope.startedAt = exported["started_at"] as string;
    envelope.elapsedBefore = exported["elapsed_seconds"] as number;
    const [calls, tokens, cost] = ["calls", "tokens", "cost_usd"].map((name) => exported[name] as number);
    envelope.budgets = new Budgets(calls, tokens, cost);
    envelope.escalations = [...(exported["escalations"] as number[])];
    envelope.counters.restore(exported["counters"] as JsonObject);
    session.labels.add(exported["labels"] as string[]);
    if (own(exported, "provenance") !== undefined) envelope.provenance.restore(exported["provenance"] as JsonObject);
    session.#errors = exported["errors"] as number;
    session.#chain = toJson(exported["chain"]) as Json[];
    return session;
  }

  #evaluate(point: Point, members: Members, options?: PointOptions): Promise<Decision> {
    return this.#mediator.evaluate(point, { ...this.#options.context, ...members }, options);
  }
}

const NAMES = (
  "id name version framework tenant manifest points mode labels context tools capabilities model approver " +
  "approvalWindowSeconds cost init envelope history counters provenance onDecision log clock"
).split(" ");

/** Return options whose lists can be read more than once: an iterator that is used up would bind no point. */
function onceRead(options: SessionOptions): SessionOptions {
  const { points, tools, capabilities, labels } = options;
  const listed = <T>(values: Iterable<T> | undefined): T[] | undefined => (values === undefined ? values : [...values]);
  if (typeof points === "string") throw new ConfigurationError(NOT_POINTS);
  // The same object: another would have members that other code adds to all objects.
  return Object.assign(options, {
    points: listed(points),
    tools: listed(tools),
    capabilities: listed(capabilities),
    labels: listed(labels),
  });
}

const NOT_POINTS = `\`points\` is not a list of ${POINTS.join(", ")}`;

function checked(agent: string | undefined, options: SessionOptions): string {
  if (!agent) {
    throw new ConfigurationError("a session needs the id of its agent: name it, or set `ACSCLIENT_AGENT`");
  }
  const { mode = "enforce", points = [], context = {} } = options;
  if (mode !== "enforce" && mode !== "evaluate_only") {
    throw new ConfigurationError("`mode` is neither `enforce` nor `evaluate_only`");
  }
  if (![...points].every(isPoint)) throw new ConfigurationError(NOT_POINTS);
  const reserved = Object.keys(context).filter((name) => RESERVED_MEMBERS.has(name));
  if (reserved.length > 0) {
    throw new ConfigurationError(`\`context\` has members of the profile: ${reserved.sort().join(", ")}`);
  }
  return agent;
}

function modelOf(model: Model | undefined): Members {
  return typeof model === "string" ? { name: model } : (model ?? {});
}

function warn(level: "info" | "warn", message: string): void {
  if (level === "warn") console.warn(message);
}
