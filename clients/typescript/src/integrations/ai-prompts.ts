/** Prompts of the AI SDK as messages of the profile, and back (section 12.4). */

import { encode, isObject, isSame, type Json, type JsonObject } from "../json.js";
import { mediaOf, toJson, toObject } from "../values.js";
import type { CallOptions, Message, Prompt } from "./ai-types.js";
import { contentOf, jsonOf, textOf, textsOf, type Part } from "./content.js";
import { notPutBack } from "./options.js";

type AnyPart = Exclude<Message["content"], string>[number];
type ResultPart = Extract<AnyPart, { type: "tool-result" }>;
type Tool = NonNullable<CallOptions["tools"]>[number];

/** A message of the profile, and how other content of it goes back into the prompt. */
export interface Slot {
  readonly message: JsonObject;
  readonly put: (point: string, content: Json) => void;
}

/** Return a copy of a prompt, and its messages, each of which can be put back into the copy. */
export function slotsOf(original: Prompt): { prompt: Prompt; slots: Slot[] } {
  const prompt = original.map(copyOf);
  return { prompt, slots: prompt.flatMap(slotsOfMessage) };
}

/** Return what the profile shows of a tool. */
export function toolOf(tool: Tool): JsonObject {
  if (tool.type === "provider") return { name: tool.name };
  const description = tool.description === undefined ? {} : { description: tool.description };
  return { name: tool.name, ...description, schema: toJson(tool.inputSchema) };
}

/** Return what the profile shows of a file: its kind, its length and digest, or its address. */
export function fileOf(mediaType: string, data: unknown): JsonObject {
  const isTagged = typeof data === "object" && data !== null && "type" in data;
  const given: { type?: unknown; data?: unknown; url?: unknown } = isTagged ? data : { data };
  if (given.url !== undefined) return { type: "media", media_type: mediaType, url: String(given.url) };
  if (given.data instanceof Uint8Array) return mediaOf(given.data, mediaType);
  if (typeof given.data === "string") {
    return mediaOf(Uint8Array.from(atob(given.data), (character) => character.charCodeAt(0)), mediaType);
  }
  return { ...toObject(given), type: "media", media_type: mediaType };
}

function copyOf(message: Message): Message {
  if (message.role === "system") return { ...message };
  return { ...message, content: message.content.map((part) => ({ ...part })) } as Message;
}

function slotsOfMessage(message: Message): Slot[] {
  switch (message.role) {
    case "system": {
      const put = (point: string, content: Json): void => void (message.content = textOf(point, content));
      return [{ message: { role: "system", content: message.content }, put }];
    }
    case "tool":
      return message.content.map((part) =>
        part.type === "tool-result" ? resultSlot(part) : fixed({ role: "tool", content: [toObject(part)] }),
      );
    default:
      return [contentSlot(message.role, message.content)];
  }
}

function contentSlot(role: string, content: readonly AnyPart[]): Slot {
  const others = content.filter((part) => part.type !== "tool-call");
  const calls = content.filter((part) => part.type === "tool-call");
  const parts = others.map(partOf);
  const message: JsonObject = { role, content: contentOf(parts) };
  if (calls.length > 0) {
    message["tool_calls"] = calls.map(({ toolName, toolCallId, input }) => {
      return { name: toolName, id: toolCallId, args: argumentsOf(input) };
    });
  }
  return { message, put: (point, after) => putTexts(point, parts, others, after) };
}

function putTexts(point: string, parts: Part[], into: readonly unknown[], after: Json): void {
  textsOf(point, parts, after).forEach((text, index) => {
    if (text !== null) (into[index] as { text: string }).text = text;
  });
}

function argumentsOf(input: unknown): JsonObject {
  const args = toJson(input ?? {});
  return isObject(args) ? args : { input: args };
}

function partOf(part: AnyPart | { type: "text"; text: string }): Part {
  if (part.type === "text") return { text: part.text };
  if (part.type === "file" || part.type === "reasoning-file") return { other: fileOf(part.mediaType, part.data) };
  return { other: toObject(part) };
}

/** A message that no transform may change. */
function fixed(message: JsonObject): Slot {
  const put = (point: string, content: Json): void => {
    if (isSame(content, message["content"])) return;
    throw notPutBack(point, "the transform changes what the host cannot change");
  };
  return { message, put };
}

/** The result of a tool: its text, or the text in which JSON is sent to the model. */
function resultSlot(part: ResultPart): Slot {
  const base = { role: "tool", tool_call_id: part.toolCallId, name: part.toolName };
  const output: { type: string; value?: unknown; reason?: string } = { ...part.output };
  part.output = output as ResultPart["output"];
  switch (output.type) {
    case "text":
    case "error-text": {
      const put = (point: string, content: Json): void => void (output.value = textOf(point, content));
      return { message: { ...base, content: String(output.value) }, put };
    }
    case "json":
    case "error-json": {
      const before = encode(toJson(output.value));
      const put = (point: string, content: Json): void => {
        if (content === before) return;
        output.value = jsonOf(textOf(point, content));
        if (output.value === undefined) throw notPutBack(point, "the transform leaves a result that is not JSON");
      };
      return { message: { ...base, content: before }, put };
    }
    case "content": {
      const inner = (output.value as AnyPart[]).map((item) => ({ ...item }));
      output.value = inner;
      const parts = inner.map(partOf);
      return { message: { ...base, content: contentOf(parts) }, put: (point, after) => putTexts(point, parts, inner, after) };
    }
    default:
      return fixed({ ...base, content: output.reason ?? "" });
  }
}
