/**
 * LangChain 1 and LangGraph 1 (section 12.8): `createAgent({ middleware: [acsMiddleware(session)] })`.
 *
 * Put it first. Blocks at `input`, at the model points and at `output` reject, as the `cause` of LangChain's
 * `MiddlewareError`; a blocked tool call gives the model one error message, and the run goes on. Model output is
 * held until it is permitted, and reasoning is withheld. What callbacks and tracers see is raw.
 *
 * @module
 */

import { interrupt, isCommand, isGraphBubbleUp } from "@langchain/langgraph";
import { AIMessage, BaseMessage, createMiddleware, HumanMessage, ToolMessage } from "langchain";
import { Blocked, denied, describe, Escalated, type Denied } from "../errors.js";
import { encode, isObject, isSame, type Json, type JsonObject } from "../json.js";
import { ReplacedError, runPermitted, type Permitted } from "../running.js";
import type { Session } from "../session.js";
import { toJson, toObject } from "../values.js";
import { textOf } from "./content.js";
import { contentOfMessage, copyOf, messageOf, responseOf, toolOf, usageOf, withContent, withoutReasoning, withResponse } from "./langchain-messages.js";
import { holdStreams } from "./langchain-streams.js";
import { checkOptions, notPutBack, type IntegrationOptions } from "./options.js";

export type { IntegrationOptions };

type Middleware = ReturnType<typeof createMiddleware>;
type WrapModelCall = NonNullable<Middleware["wrapModelCall"]>;
type WrapToolCall = NonNullable<Middleware["wrapToolCall"]>;
type ToolRequest = Parameters<WrapToolCall>[0];
type Result = Awaited<ReturnType<Parameters<WrapToolCall>[1]>>;

/** Return a middleware that evaluates every step of an agent. */
export function acsMiddleware(session: Session, given: IntegrationOptions = {}): Middleware {
  const options = checkOptions(given);
  return createMiddleware({
    name: "AcsMiddleware",
    async beforeAgent(state) {
      const changed: BaseMessage[] = [];
      for (const message of newMessages(state.messages)) {
        const { value } = await session.input(contentOfMessage(message));
        if (session.mode === "enforce") changed.push(withContent("input", message, value));
      }
      return changed.length > 0 ? { messages: changed } : undefined;
    },
    wrapModelCall: modelCall(session, options),
    wrapToolCall: toolCall(session, options),
  });
}

function modelCall(session: Session, options: IntegrationOptions): WrapModelCall {
  return async (request, handler) => {
    const system = request.systemMessage.text === "" ? [] : [request.systemMessage];
    const given = [...system, ...request.messages];
    const tools = (request.tools ?? []).map((tool) => toolOf(tool, options.hosted === "observe"));
    const model = modelName(request.model);
    const before = await session.preModelCall(given.map(messageOf), { model, tools });
    holdStreams("pre_model_call");
    const came = await handler(session.mode === "enforce" ? putBack(request, given, before.value) : request);
    if (!AIMessage.isInstance(came)) return structured(session, model, came);
    const answer = session.mode === "enforce" ? withoutReasoning(came) : came;
    const response = responseOf(answer);
    const after = await session.postModelCall(response, { model, usage: usageOf(answer) });
    let permitted = session.mode === "enforce" ? withResponse(answer, response, after.value as JsonObject) : answer;
    const isFinal = !(permitted.tool_calls ?? []).some(({ name }) => tools.some((tool) => tool["name"] === name));
    if (isFinal) {
      const content = contentOfMessage(permitted);
      const { value } = await session.output(content);
      if (session.mode === "enforce") permitted = withContent("output", permitted, value);
    }
    return permitted;
  };

  function putBack(request: Parameters<WrapModelCall>[0], given: BaseMessage[], value: Json): typeof request {
    const messages = given.map((message, index) => {
      return withContent("pre_model_call", message, ((value as JsonObject[])[index] as JsonObject)["content"] as Json);
    });
    if (messages.length === request.messages.length) return { ...request, messages };
    const [first, ...rest] = messages;
    const isSameSystem = first === request.systemMessage;
    return { ...request, ...(isSameSystem ? {} : { systemPrompt: (first as BaseMessage).text }), messages: rest };
  }
}

/** Evaluate an answer that the framework has read into a structure, which no transform can reach. */
async function structured<T>(session: Session, model: string, answer: T): Promise<T> {
  const found = answer as { structuredResponse?: unknown; messages?: BaseMessage[] };
  const message = found.messages?.find((item) => AIMessage.isInstance(item));
  if (message === undefined) throw denied("post_model_call", "adapter_unsupported", "write_back", "the model answered no message");
  const plain = session.mode === "enforce" ? withoutReasoning(message) : message;
  const after = await session.postModelCall(responseOf(plain), { model, usage: usageOf(message) });
  const output = await session.output(toJson(found.structuredResponse));
  if (session.mode === "enforce" && (after.transformed || output.transformed)) {
    throw notPutBack(after.transformed ? after.point : output.point, "the transform does not reach the structured response");
  }
  return plain === message ? answer : { ...answer, messages: found.messages?.map((item) => (item === message ? plain : item)) };
}

function toolCall(session: Session, options: IntegrationOptions): WrapToolCall {
  return async (request, handler) => {
    if (options.exempt?.includes(request.toolCall.name)) return handler(request);
    const settled = await settledCall(session, options, request, handler);
    const { tool } = request as { tool?: { returnDirect?: unknown } };
    if (settled.isBlocked || tool?.returnDirect !== true) return settled.result;
    const { result } = settled;
    const { value } = await session.output(ToolMessage.isInstance(result) ? contentOfMessage(result) : valueOf(result));
    if (session.mode !== "enforce") return result;
    return ToolMessage.isInstance(result) ? withContent("output", result, value) : withValue(result, value, "output");
  };
}

/** Return the permitted result of a call, or the message that stands for a blocked one. */
async function settledCall(
  session: Session,
  options: IntegrationOptions,
  request: ToolRequest,
  handler: Parameters<WrapToolCall>[1],
): Promise<{ result: Result; isBlocked: boolean }> {
  let result: Result | undefined;
  try {
    const { value } = await runPermitted(
      session,
      await permittedCall(session, request),
      async ({ args }) => {
        holdStreams("pre_tool_call");
        result = await handler({ ...request, toolCall: { ...request.toolCall, args } });
        return valueOf(result);
      },
      isGraphBubbleUp,
    );
    const came = result as Result;
    return { result: session.mode === "enforce" ? withValue(came, value) : came, isBlocked: false };
  } catch (error) {
    if (error instanceof ErrorResult) return { result: error.result, isBlocked: true };
    if (error instanceof ReplacedError) return { result: errorMessage(request, replacedText(error)), isBlocked: true };
    if (!(error instanceof Blocked) || error instanceof Escalated || options.onBlock === "raise") throw error;
    return { result: errorMessage(request, describe(error.decision)), isBlocked: true };
  }
}

/** A tool's own error message, which is evaluated as an error. */
class ErrorResult extends Error {
  readonly result: ToolMessage;

  constructor(result: ToolMessage) {
    super(result.text);
    this.result = result;
  }
}

async function permittedCall(session: Session, request: ToolRequest): Promise<Permitted> {
  const { name, args, id } = request.toolCall;
  try {
    return { name, id, decision: await session.preToolCall(name, args, { id }) };
  } catch (error) {
    if (!(error instanceof Escalated) || error.ticket === null || !isPausing(request)) throw error;
    const answer = interrupt<JsonObject, { ticket?: unknown; approval?: unknown } | null>(error.ticket);
    const { ticket = error.ticket, approval } = answer ?? {};
    if (typeof approval !== "string") {
      throw denied("pre_tool_call", "approval_resolver_failed", "ticket", "nobody has signed an approval");
    }
    return { name, id, decision: await session.preToolCall(name, args, { id, ticket, approval }) };
  }
}

/** True if the graph can be interrupted: it has a checkpointer. */
function isPausing(request: ToolRequest): boolean {
  const { configurable } = request.runtime as { configurable?: { [name: string]: unknown } };
  return Boolean(configurable?.["__pregel_checkpointer"]);
}

/** What a policy sees of a result: the content of a message, or all that a command changes of the state. */
function valueOf(result: unknown): Json {
  if (ToolMessage.isInstance(result)) {
    if (result.status === "error") throw new ErrorResult(result);
    return withArtifact(result);
  }
  const update: unknown = isCommand(result) ? (result.update ?? {}) : result;
  if (typeof update !== "object" || update === null || Array.isArray(update)) throw notEvaluated();
  const { messages = [], ...others } = update as { messages?: unknown };
  const texts = [messages].flat().map((message) => {
    if (!BaseMessage.isInstance(message)) throw notEvaluated();
    return withArtifact(message);
  });
  return Object.keys(others).length > 0 ? { ...toObject(others), messages: texts } : texts;
}

/** The content of a message, or `{content, artifact}` where it has one. */
function withArtifact(message: BaseMessage): Json {
  const content = contentOfMessage(message);
  const { artifact } = message as { artifact?: unknown };
  return artifact === undefined || artifact === null ? content : { content, artifact: artifact as Json };
}

function notEvaluated(): Denied {
  const message = "a tool gave neither a message nor a command of messages and mappings";
  return denied("post_tool_call", "adapter_unsupported", "write_back", message);
}

function withValue<T>(result: T, value: Json, point = "post_tool_call"): T {
  const before = toJson(valueOf(result));
  if (isSame(before, value)) return result;
  if (ToolMessage.isInstance(result)) {
    if (!isObject(before)) return withContent(point, result, value);
    if (!isObject(value) || !isSame(Object.keys(before).sort(), Object.keys(value).sort())) {
      throw notPutBack(point, "the transform changes the members of a result");
    }
    return copyOf(withContent(point, result, value["content"] as Json), { artifact: value["artifact"] });
  }
  throw notPutBack(point, "a command of a tool cannot be changed");
}

function replacedText({ value }: ReplacedError): string {
  return typeof value === "string" ? textOf("post_tool_call", value) : encode(value);
}

function errorMessage({ toolCall: { id, name } }: ToolRequest, content: string): ToolMessage {
  return new ToolMessage({ content, name, tool_call_id: id ?? "", status: "error" });
}

/** Return the messages of the user since the last answer. */
function newMessages(messages: readonly BaseMessage[]): BaseMessage[] {
  const last = messages.findLastIndex((message) => AIMessage.isInstance(message) || ToolMessage.isInstance(message));
  return messages.slice(last + 1).filter((message) => HumanMessage.isInstance(message));
}

function modelName(model: unknown): string {
  const { model: name, modelName: older } = (model ?? {}) as { model?: unknown; modelName?: unknown };
  if (typeof name === "string") return name;
  return typeof older === "string" ? older : ((model as object | null)?.constructor.name ?? "unknown");
}
