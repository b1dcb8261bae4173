/** Models of the OpenAI Agents SDK, governed: their requests and responses as the profile has them (section 12.4). */

import type { AgentInputItem, AgentOutputItem, Model, ModelRequest, ModelResponse, StreamEvent } from "@openai/agents";
import { denied } from "../errors.js";
import { isSame, type Json, type JsonObject } from "../json.js";
import type { Session } from "../session.js";
import { toJson, toObject } from "../values.js";
import { argumentsText, callOf, contentOf, matchCalls, textOf, textsOf, type Part } from "./content.js";
import { Inputs } from "./inputs.js";
import { notPutBack } from "./options.js";

/** The names of the tools and hand-overs of a governed agent; `null` where others list them. */
export interface Known {
  readonly tools: ReadonlySet<string> | null;
  readonly handoffs: ReadonlySet<string>;
}

/** A model whose every call is evaluated; streams are held until they are permitted. */
export class GovernedModel implements Model {
  readonly #session: Session;
  readonly #inner: () => Model | Promise<Model>;
  readonly #inputs: Inputs;
  readonly #known: Known | null;

  constructor(session: Session, inner: () => Model | Promise<Model>, known: Known | null = null) {
    this.#session = session;
    this.#inner = inner;
    this.#known = known;
    this.#inputs = new Inputs(session);
  }

  async getResponse(request: ModelRequest): Promise<ModelResponse> {
    const inner = await this.#inner();
    return this.#permitted(await inner.getResponse(await this.#sent(request)));
  }

  async *getStreamedResponse(request: ModelRequest): AsyncIterable<StreamEvent> {
    const inner = await this.#inner();
    let done: Extract<StreamEvent, { type: "response_done" }> | null = null;
    for await (const event of inner.getStreamedResponse(await this.#sent(request))) {
      if (event.type === "response_started") yield { type: event.type };
      if (event.type === "response_done") done = event;
    }
    if (done === null) throw notPutBack("post_model_call", "the stream of the model broke off");
    const { providerData: _, ...event } = done;
    const { providerData: __, ...response } = done.response;
    const { output } = await this.#permitted(response as unknown as ModelResponse);
    for (const item of output) {
      const text = item.type === "message" ? textOfItem(item) : "";
      if (text) yield { type: "output_text_delta", delta: text };
    }
    yield { ...event, response: { ...response, output } } as StreamEvent;
  }

  /** Throw for a tool or a hand-over that was added to a governed agent: it would run without a verdict. */
  #check({ tools, handoffs }: ModelRequest): void {
    const { tools: known, handoffs: reached } = this.#known ?? { tools: null, handoffs: null };
    const added = [
      ...tools.filter(({ type, name }) => type === "function" && known?.has(name) === false).map(({ name }) => name),
      ...handoffs.filter(({ toolName }) => reached?.has(toolName) === false).map(({ toolName }) => toolName),
    ];
    if (added.length === 0) return;
    const message = `\`${added[0]}\` was added after the agent was governed`;
    throw denied("pre_model_call", "adapter_unsupported", "ungoverned", message);
  }

  async #sent(request: ModelRequest): Promise<ModelRequest> {
    this.#check(request);
    const system = request.systemInstructions;
    const items = typeof request.input === "string" ? [userItem(request.input)] : [...request.input];
    const lastOther = items.findLastIndex((item) => !isUser(item) && !isSystem(item));
    for (const [index, item] of items.entries()) {
      if (!isUser(item)) continue;
      const value = await this.#inputs.value(contentOfItem(item), index > lastOther);
      if (this.#session.mode === "enforce") items[index] = withContent("input", item, value);
    }
    const first: JsonObject[] = system === undefined ? [] : [{ role: "system", content: system }];
    const tools = request.tools.map(toolOf);
    const { value } = await this.#session.preModelCall([...first, ...items.map(messageOf)], { tools });
    if (this.#session.mode !== "enforce") return request;
    const contents = (value as JsonObject[]).map(({ content }) => content as Json);
    const changed = { ...request };
    if (system !== undefined) changed.systemInstructions = textOf("pre_model_call", contents.shift() as Json);
    changed.input = items.map((item, index) => withContent("pre_model_call", item, contents[index] as Json));
    return changed;
  }

  async #permitted(response: ModelResponse): Promise<ModelResponse> {
    const enforces = this.#session.mode === "enforce";
    const view = viewOf(enforces ? response.output.map(plain) : response.output);
    const { inputTokens, outputTokens } = response.usage;
    const usage = { prompt_tokens: inputTokens, completion_tokens: outputTokens };
    const finish = view.calls.length > 0 ? "tool_calls" : "stop";
    const shown = { content: view.content, tool_calls: view.calls, finish_reason: finish };
    const after = (await this.#session.postModelCall(shown, { usage })).value as JsonObject;
    if (!enforces) {
      if (view.calls.length === 0) await this.#session.output(view.content);
      return response;
    }
    let output = view.put("post_model_call", after["content"] as Json, after["tool_calls"] as Json);
    const left = viewOf(output);
    if (left.calls.length === 0) output = left.put("output", (await this.#session.output(left.content)).value, []);
    if (output.every((item, index) => item === response.output[index]) && output.length === response.output.length) {
      return response;
    }
    const { providerData: _, ...rest } = response;
    return { ...rest, output };
  }
}

/** Return an item without what its texts carry beside them (annotations, log probabilities): that passes no point. */
function plain(item: AgentOutputItem): AgentOutputItem {
  if (!("role" in item) || item.role !== "assistant") return item;
  if (!item.content.some((part) => part.type === "output_text" && part.providerData)) return item;
  const content = item.content.map((part) => {
    if (part.type !== "output_text") return part;
    const { providerData: _, ...text } = part;
    return text;
  });
  return { ...item, content };
}

interface View {
  readonly content: Json;
  readonly calls: JsonObject[];
  readonly put: (point: string, content: Json, calls: Json) => AgentOutputItem[];
}

function viewOf(items: readonly AgentOutputItem[]): View {
  const made = items.filter((item) => item.type === "function_call");
  const calls = made.map((item) => callOf(item.name, item.callId, item.arguments));
  const parts = items.map((item) => (item.type === "function_call" ? [] : partsOf(item)));
  const put = (point: string, content: Json, changed: Json): AgentOutputItem[] => {
    const texts = textsOf(point, parts.flat(), content);
    const matched = matchCalls(calls, changed);
    return items.flatMap((item, index): AgentOutputItem[] => {
      if (item.type !== "function_call") return [withTexts(item, texts.splice(0, parts[index]?.length ?? 0))];
      const at = made.indexOf(item);
      const [before, after] = [calls[at] as JsonObject, matched[at] ?? undefined];
      if (isSame(before, after)) return [item];
      return after === undefined ? [] : [{ ...item, arguments: argumentsText(before, after, item.arguments) }];
    });
  };
  return { content: contentOf(parts.flat()), calls, put };
}

const TEXTS: ReadonlySet<unknown> = new Set(["input_text", "output_text", "text"]);

function userItem(content: string): AgentInputItem {
  return { type: "message", role: "user", content };
}

function isUser(item: AgentInputItem): boolean {
  return "role" in item && item.role === "user";
}

function isSystem(item: AgentInputItem): boolean {
  return "role" in item && item.role === "system";
}

/** What carries the content of an item: its own content, or the output of a call. */
function held(item: AgentInputItem): { name: "content" | "output"; value: unknown } | null {
  if ("role" in item) return { name: "content", value: item.content };
  return item.type === "function_call_result" ? { name: "output", value: item.output } : null;
}

function partsOf(item: AgentInputItem): Part[] {
  const found = held(item);
  if (found === null) return [{ other: toObject(item) }];
  const values: unknown[] = Array.isArray(found.value) ? found.value : [found.value];
  return values.map((value): Part => {
    if (typeof value === "string") return { text: value };
    const { type, text } = value as { type?: unknown; text?: unknown };
    return TEXTS.has(type) && typeof text === "string" ? { text } : { other: toObject(value) };
  });
}

function contentOfItem(item: AgentInputItem): Json {
  return contentOf(partsOf(item));
}

function textOfItem(item: AgentOutputItem): string {
  return partsOf(item)
    .flatMap((part) => ("text" in part ? [part.text] : []))
    .join("");
}

function messageOf(item: AgentInputItem): JsonObject {
  if ("role" in item) return { role: item.role, content: contentOfItem(item) };
  if (item.type === "function_call") {
    return { role: "assistant", content: "", tool_calls: [callOf(item.name, item.callId, item.arguments)] };
  }
  if (item.type === "function_call_result") {
    return { role: "tool", tool_call_id: item.callId, name: item.name, content: contentOfItem(item) };
  }
  return { role: "assistant", content: contentOfItem(item) };
}

function withContent(point: string, item: AgentInputItem, after: Json): AgentInputItem {
  if (held(item) === null) {
    const before = item.type === "function_call" ? "" : contentOfItem(item);
    if (!isSame(before, after)) throw notPutBack(point, "the transform changes what the host cannot change");
    return item;
  }
  return withTexts(item, textsOf(point, partsOf(item), after));
}

/** Return the item itself, or one with other texts. */
function withTexts<T extends AgentInputItem>(item: T, texts: (string | null)[]): T {
  const found = held(item);
  const parts = partsOf(item);
  if (found === null || texts.every((text, index) => text === null || isText(parts[index], text))) return item;
  const put = (value: unknown, text: string | null | undefined): unknown => {
    if (text === null || text === undefined) return value;
    if (typeof value === "string") return text;
    const { providerData: _, ...rest } = value as { [name: string]: unknown };
    return { ...rest, text };
  };
  const value = Array.isArray(found.value)
    ? found.value.map((part: unknown, index) => put(part, texts[index]))
    : put(found.value, texts[0]);
  const { providerData: _, ...rest } = item;
  return { ...rest, [found.name]: value } as T;
}

function isText(part: Part | undefined, text: string): boolean {
  return part !== undefined && "text" in part && part.text === text;
}

function toolOf(tool: ModelRequest["tools"][number]): JsonObject {
  const { name, description, parameters } = tool as { name: string; description?: unknown; parameters?: unknown };
  const schema = parameters === undefined ? {} : { schema: toJson(parameters) };
  return { name, ...(typeof description === "string" ? { description } : {}), ...schema };
}

