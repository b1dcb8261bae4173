/** Messages of LangChain as the profile has them, and back (sections 12.4 and 12.5). */

import { AIMessage, BaseMessage, ToolMessage } from "langchain";
import { isObject, isSame, type Json, type JsonObject } from "../json.js";
import type { Usage } from "../session.js";
import { toJson, toObject } from "../values.js";
import { contentOf, matchCalls, textsOf, type Part } from "./content.js";
import { notPutBack, ungoverned } from "./options.js";

const ROLES: ReadonlyMap<string, string> = new Map([
  ["human", "user"],
  ["ai", "assistant"],
  ["system", "system"],
  ["developer", "system"],
  ["tool", "tool"],
]);
const FINISH: ReadonlyMap<unknown, string> = new Map([
  ["stop", "stop"],
  ["length", "length"],
  ["tool_calls", "tool_calls"],
  ["content_filter", "content_filter"],
]);

/** Return what the profile shows of a message. */
export function messageOf(message: BaseMessage): JsonObject {
  const shown: JsonObject = { role: ROLES.get(message.getType()) ?? "user", content: contentOfMessage(message) };
  if (message.name) shown["name"] = message.name;
  if (AIMessage.isInstance(message) && message.tool_calls?.length) shown["tool_calls"] = callsOf(message);
  if (ToolMessage.isInstance(message)) shown["tool_call_id"] = message.tool_call_id;
  return shown;
}

/** Return content that is only text as one text, mixed content as the list of its parts. */
export function contentOfMessage(message: BaseMessage): Json {
  return typeof message.content === "string" ? message.content : contentOf(partsOf(message));
}

/** Return the message itself, or one with what a transform has made of its content. */
export function withContent<T extends BaseMessage>(point: string, message: T, after: Json): T {
  if (isSame(contentOfMessage(message), after)) return message;
  if (typeof message.content === "string") {
    if (typeof after !== "string") throw notPutBack(point, "the transform leaves content of another form");
    return copyOf(message, { content: after });
  }
  const texts = textsOf(point, partsOf(message), after);
  const shown = shownOf(message);
  const content = message.content.map((part) => {
    const text = texts[shown.indexOf(part as (typeof shown)[number])];
    return text === null || text === undefined ? part : { ...part, text };
  });
  return copyOf(message, { content });
}

/** Return what the profile shows of an answer. */
export function responseOf(message: AIMessage): JsonObject {
  const calls = callsOf(message);
  for (const { name, id, args } of message.invalid_tool_calls ?? []) {
    calls.push({ name: name ?? "", ...(id ? { id } : {}), args: {}, args_text: args ?? "" });
  }
  const reason = message.response_metadata?.["finish_reason"];
  const finish = reason === undefined ? (calls.length > 0 ? "tool_calls" : "stop") : (FINISH.get(reason) ?? "other");
  return { content: contentOfMessage(message), tool_calls: calls, finish_reason: finish };
}

/** Return the tokens of an answer, where the model gives them. */
export function usageOf(message: AIMessage): Usage | undefined {
  const usage = message.usage_metadata as { input_tokens: number; output_tokens: number } | undefined;
  return usage && { prompt_tokens: usage.input_tokens, completion_tokens: usage.output_tokens };
}

/** Return the answer itself, or one with what a transform has made of its content and its calls. */
export function withResponse(message: AIMessage, before: JsonObject, after: JsonObject): AIMessage {
  if (isSame(before, after)) return message;
  const changed = withContent("post_model_call", message, after["content"] as Json);
  const matched = matchCalls(before["tool_calls"] as JsonObject[], after["tool_calls"] as Json);
  const kept = (message.tool_calls ?? []).flatMap((call, index) => {
    const left = matched[index];
    return left ? [{ ...call, args: left["args"] as JsonObject }] : [];
  });
  return copyOf(changed, { tool_calls: kept, invalid_tool_calls: [] });
}

/** Return what the profile shows of a tool; throw `Denied` for one that the provider runs unless it is observed. */
export function toolOf(tool: unknown, isObserved: boolean): JsonObject {
  const { name, description, schema, type, function: inner } = tool as { [name: string]: unknown };
  if (schema !== undefined) return { name: String(name), description: String(description ?? "") };
  const declared = (isObject(inner as Json) ? inner : tool) as { [name: string]: unknown };
  const isHosted = declared["parameters"] === undefined && declared["input_schema"] === undefined;
  const shown = String(declared["name"] ?? type);
  if (isHosted && !isObserved) throw ungoverned(shown, "pre_model_call");
  return { name: shown };
}

/**
 * Return an answer without the texts that it has beside its content: those pass no point.
 *
 * What lets the provider go on (signatures, encrypted reasoning, its own copies of the calls) stays.
 */
export function withoutReasoning(message: AIMessage): AIMessage {
  const { content } = message;
  const fields = {
    content: typeof content === "string" ? content : content.map((part) => (isReasoning(part) ? emptied(part) : part)),
    additional_kwargs: withoutTexts(message.additional_kwargs),
    response_metadata: withoutTexts(message.response_metadata),
  };
  const same = isSame(toJson(fields), toJson({ content, additional_kwargs: message.additional_kwargs, response_metadata: message.response_metadata }));
  return same ? message : copyOf(message, fields);
}

type Members = { readonly [name: string]: unknown };

const REASONING: ReadonlySet<unknown> = new Set(["reasoning", "reasoning_content", "redacted_thinking", "thinking"]);
/** What a provider needs to go on with an answer and with the reasoning in it, and nobody can read. */
const OPAQUE: ReadonlySet<string> = new Set(["data", "encrypted_content", "id", "index", "signature", "status", "thought_signature", "type"]);
const DESCRIBING: ReadonlySet<string> = new Set([
  "created", "created_at", "done_reason", "finish_reason", "function_call", "model", "model_id", "model_name",
  "model_provider", "object", "output_version", "role", "service_tier", "stop_reason", "system_fingerprint",
  "timestamp", "tool_calls",
]);

function withoutTexts(details: Members = {}): { [name: string]: unknown } {
  const isKept = (name: string) => OPAQUE.has(name) || DESCRIBING.has(name) || name.startsWith("__");
  return Object.fromEntries(Object.entries(details).filter(([name, value]) => isKept(name) || !hasText(value)));
}

function hasText(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).some(hasText);
  return value !== undefined && value !== null && typeof value !== "number" && typeof value !== "boolean";
}

function isReasoning(part: unknown): part is Members {
  return typeof part === "object" && part !== null && REASONING.has((part as Members)["type"]);
}

function isWithheld(part: unknown): boolean {
  return isReasoning(part) && isSame(toJson(part), toJson(emptied(part)));
}

function emptied(part: Members): { type: string } & { [name: string]: unknown } {
  const members = Object.entries(part).map(([name, value]) => [name, OPAQUE.has(name) ? value : empty(value)]);
  return Object.fromEntries(members) as ReturnType<typeof emptied>;
}

function empty(value: unknown): unknown {
  if (Array.isArray(value)) return [];
  if (typeof value === "object" && value !== null) return emptied(value as Members);
  return typeof value === "string" ? "" : value;
}

/** The parts of a message but for reasoning that is withheld. */
function partsOf(message: BaseMessage): Part[] {
  return shownOf(message).map((part) =>
    part.type === "text" && typeof part.text === "string" ? { text: part.text } : { other: toObject(part) },
  );
}

function shownOf(message: BaseMessage): readonly { type?: string; text?: unknown }[] {
  return (message.content as readonly { type?: string; text?: unknown }[]).filter((part) => !isWithheld(part));
}

function callsOf(message: AIMessage): JsonObject[] {
  return (message.tool_calls ?? []).map(({ name, args, id }) => {
    return { name, args: toJson(args ?? {}), ...(id ? { id } : {}) };
  });
}

/** Return a copy of a message with other fields, and without what else carries the old ones. */
export function copyOf<T extends BaseMessage>(message: T, fields: object): T {
  const { id, name, tool_calls, invalid_tool_calls, tool_call_id, status, usage_metadata } = message as T & {
    [field: string]: unknown;
  };
  const kept = { id, name, content: message.content, tool_calls, invalid_tool_calls, tool_call_id, status, usage_metadata };
  const Message = message.constructor as new (fields: object) => T;
  const given = { ...kept, additional_kwargs: {}, response_metadata: {}, ...fields };
  return new Message(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)));
}
