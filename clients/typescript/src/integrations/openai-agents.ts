/**
 * The OpenAI Agents SDK (section 12.8): `govern(session, agent)`.
 *
 * Blocks at `input`, at the model points and at `output` reject; a blocked tool call gives the model one error
 * result, and the run goes on. Streams are held until they are permitted.
 *
 * @module
 */

import { Handoff, handoff, OpenAIProvider, type Agent, type Model, type ModelProvider, type Tool } from "@openai/agents";
import { Blocked, denied, describe } from "../errors.js";
import { encode, isObject, isSame, type Json, type JsonObject } from "../json.js";
import { ReplacedError, runPermitted } from "../running.js";
import type { Session } from "../session.js";
import { toJson } from "../values.js";
import { Attempts, type ToolOptions } from "./attempts.js";
import { jsonOf } from "./content.js";
import { GovernedModel } from "./openai-agents-model.js";
import { checkOptions, ungoverned, type Approval, type IntegrationOptions } from "./options.js";

export type { Approval, IntegrationOptions, ToolOptions };

type AnyAgent = Agent<any, any>;
type FunctionTool = Extract<Tool, { type: "function" }>;

export interface AgentOptions extends ToolOptions {
  /** Gives the models that agents name by a text: OpenAI's without it. */
  readonly modelProvider?: ModelProvider | undefined;
}

/**
 * Return a copy of an agent whose models, tools and hand-overs are evaluated, with those that it hands over to.
 *
 * A runner whose own settings name a model leaves the agent's aside: give it one of `governModel`.
 */
export function govern<A extends AnyAgent>(session: Session, agent: A, given: AgentOptions = {}): A {
  const options = checkOptions(given, "onEscalation", "approvals", "modelProvider");
  return new Governor(session, options).agent(agent) as A;
}

/** Return a model whose every call is evaluated, for a runner that has one of its own. */
export function governModel(session: Session, model: Model): Model {
  return new GovernedModel(session, () => model);
}

class Governor {
  readonly #session: Session;
  readonly #options: AgentOptions;
  readonly #attempts: Attempts;
  readonly #agents = new Map<AnyAgent, AnyAgent>();

  constructor(session: Session, options: AgentOptions) {
    this.#session = session;
    this.#options = options;
    this.#attempts = new Attempts(session, options);
  }

  agent(agent: AnyAgent): AnyAgent {
    const known = this.#agents.get(agent);
    if (known !== undefined) return known;
    if (agent.mcpServers.length > 0 && this.#options.hosted !== "observe") throw ungoverned("mcpServers");
    const named = agent.model;
    const provided = (): Model | Promise<Model> => {
      const provider = this.#options.modelProvider ?? new OpenAIProvider();
      return provider.getModel(typeof named === "string" && named ? named : undefined);
    };
    const model = new GovernedModel(this.#session, typeof named === "string" ? provided : () => named);
    const tools = agent.tools.map((tool: Tool) => this.#tool(tool));
    const governed = agent.clone({ model, tools, handoffs: [] });
    this.#agents.set(agent, governed);
    governed.handoffs = agent.handoffs.map((target) => this.#handoff(target));
    return governed;
  }

  #handoff(target: AnyAgent | Handoff<any, any>): Handoff<any, any> {
    const made = target instanceof Handoff ? target : handoff(target);
    const to = this.agent(made.agent);
    const copy: Handoff<any, any> = Object.assign(Object.create(Object.getPrototypeOf(made)), made, { agent: to });
    copy.onInvokeHandoff = async (context, args) => {
      if (!this.#options.exempt?.includes(made.toolName)) {
        await this.#session.preToolCall(made.toolName, argumentsOf(made.toolName, args));
      }
      const chosen = await made.onInvokeHandoff(context, args);
      return chosen === made.agent ? to : this.agent(chosen);
    };
    return copy;
  }

  #tool(tool: Tool): Tool {
    if (this.#options.exempt?.includes(tool.name)) return tool;
    if (tool.type !== "function") {
      if (this.#options.hosted !== "observe") throw ungoverned(tool.name);
      return tool;
    }
    const governed: FunctionTool = {
      ...tool,
      invoke: (context, input, details) => this.#invoke(tool, input, details?.toolCall?.callId, (text) => tool.invoke(context, text, details)),
      needsApproval: async (context, input, id) => {
        const isWanted = await tool.needsApproval(context, input, id);
        return id === undefined ? isWanted : this.#attempts.isPaused(tool.name, id, toJson(input), isWanted);
      },
    };
    return governed;
  }

  async #invoke(tool: FunctionTool, input: string, id: string | undefined, run: (input: string) => unknown): Promise<unknown> {
    const session = this.#session;
    try {
      const args = argumentsOf(tool.name, input);
      const permit =
        id === undefined
          ? { name: tool.name, decision: await session.preToolCall(tool.name, args) }
          : await this.#attempts.permitted(tool.name, id, args);
      let result: unknown;
      const { value } = await runPermitted(session, permit, async ({ args: permitted }) => {
        result = await run(session.mode !== "enforce" || isSame(permitted, args) ? input : encode(permitted));
        return result;
      });
      return session.mode !== "enforce" || (typeof result === "string" && result === value) ? result : value;
    } catch (error) {
      if (error instanceof ReplacedError) return typeof error.value === "string" ? error.value : encode(error.value);
      if (!(error instanceof Blocked)) throw error;
      if (this.#options.onBlock === "raise") throw error;
      return describe(error.decision);
    }
  }
}

/** Return the arguments that the model wrote; what could be read in two ways is refused. */
function argumentsOf(name: string, text: string): JsonObject {
  const args: Json | undefined = jsonOf(text || "{}");
  if (isObject(args)) return args;
  const message = `the arguments of \`${name}\` are not one object of JSON`;
  throw denied("pre_tool_call", "request_invalid", "snapshot", message);
}
