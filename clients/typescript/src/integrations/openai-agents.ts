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
import { jsonOf, textOf } from "./content.js";
import { GovernedModel } from "./openai-agents-model.js";
import { checkOptions, ungoverned, type Approval, type IntegrationOptions } from "./options.js";

export type { Approval, IntegrationOptions, ToolOptions };

type AnyAgent = Agent<any, any>;
type FunctionTool = Extract<Tool, { type: "function" }>;

export interface AgentOptions extends ToolOptions {
  /** Gives the models that agents name by a text: OpenAI's without it. */
  readonly modelProvider?: ModelProvider | undefined;
}

/** Return a copy of an agent whose models, tools and hand-overs are evaluated, with those that it hands over to. */
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
    const tools = agent.tools.map((tool: Tool) => this.#tool(tool, agent.toolUseBehavior));
    const names = { tools: agent.mcpServers.length > 0 ? null : new Set(tools.map(({ name }) => name)), handoffs: new Set<string>() };
    const model = new GovernedModel(this.#session, typeof named === "string" ? provided : () => named, names);
    const toolUseBehavior = this.#behavior(agent.toolUseBehavior);
    const governed = agent.clone({ model, tools, handoffs: [], toolUseBehavior });
    this.#agents.set(agent, governed);
    const handoffs = agent.handoffs.map((target) => this.#handoff(target));
    for (const { toolName } of handoffs) names.handoffs.add(toolName);
    governed.handoffs = handoffs;
    return governed;
  }

  /** Return how tools end a run; what a function makes of their results is evaluated at `output`. */
  #behavior(behavior: AnyAgent["toolUseBehavior"]): AnyAgent["toolUseBehavior"] {
    if (typeof behavior !== "function") return behavior;
    return async (context, results) => {
      const found = await behavior(context, results);
      if (!found.isFinalOutput) return found;
      const { value } = await this.#session.output(found.finalOutput);
      return this.#session.mode === "enforce" ? { ...found, finalOutput: textOf("output", value) } : found;
    };
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

  #tool(tool: Tool, behavior: AnyAgent["toolUseBehavior"]): Tool {
    if (this.#options.exempt?.includes(tool.name)) return tool;
    if (tool.type !== "function") {
      if (this.#options.hosted !== "observe") throw ungoverned(tool.name);
      return tool;
    }
    const governed: FunctionTool = {
      ...tool,
      invoke: (context, input, details) => {
        const run = (text: string): unknown => tool.invoke(context, text, details);
        return this.#invoke(tool, input, details?.toolCall?.callId, run, endsWith(tool.name, behavior));
      },
      needsApproval: async (context, input, id) => {
        const isWanted = await tool.needsApproval(context, input, id);
        return id === undefined ? isWanted : this.#attempts.isPaused(tool.name, id, toJson(input), isWanted);
      },
    };
    return governed;
  }

  async #invoke(
    tool: FunctionTool,
    input: string,
    id: string | undefined,
    run: (input: string) => unknown,
    isFinal: boolean,
  ): Promise<unknown> {
    const session = this.#session;
    let permitted: unknown;
    try {
      const args = argumentsOf(tool.name, input);
      const permit =
        id === undefined
          ? { name: tool.name, decision: await session.preToolCall(tool.name, args) }
          : await this.#attempts.permitted(tool.name, id, args);
      let result: unknown;
      const { value } = await runPermitted(session, permit, async ({ args: changed }) => {
        result = await run(session.mode !== "enforce" || isSame(changed, args) ? input : encode(changed));
        return result;
      });
      permitted = session.mode !== "enforce" || (typeof result === "string" && result === value) ? result : value;
    } catch (error) {
      if (error instanceof ReplacedError) return typeof error.value === "string" ? error.value : encode(error.value);
      if (!(error instanceof Blocked)) throw error;
      if (this.#options.onBlock === "raise") throw error;
      return describe(error.decision);
    }
    if (!isFinal) return permitted;
    const { value } = await session.output(permitted);
    return session.mode === "enforce" ? value : permitted;
  }
}

/** True if the result of a tool is what the run ends with. */
function endsWith(name: string, behavior: AnyAgent["toolUseBehavior"]): boolean {
  if (typeof behavior === "object") return behavior.stopAtToolNames.includes(name);
  return behavior === "stop_on_first_tool";
}

/** Return the arguments that the model wrote; what could be read in two ways is refused. */
function argumentsOf(name: string, text: string): JsonObject {
  const args: Json | undefined = jsonOf(text || "{}");
  if (isObject(args)) return args;
  const message = `the arguments of \`${name}\` are not one object of JSON`;
  throw denied("pre_tool_call", "request_invalid", "snapshot", message);
}
