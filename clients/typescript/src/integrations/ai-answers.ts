/** Answers of models of the AI SDK, whole and streamed, as responses of the profile, and back (section 12.4). */

import { isSame, type Json, type JsonObject } from "../json.js";
import type { Session, Usage } from "../session.js";
import { toObject } from "../values.js";
import { fileOf } from "./ai-prompts.js";
import type { Answer, AnswerItem, StreamPart } from "./ai-types.js";
import { argumentsText, callOf, contentOf, matchCalls, textsOf, type Part } from "./content.js";
import { notPutBack } from "./options.js";

const FINISH: ReadonlyMap<string, string> = new Map([
  ["stop", "stop"],
  ["length", "length"],
  ["content-filter", "content_filter"],
  ["tool-calls", "tool_calls"],
]);

/** Evaluate an answer, and at `output` too if it is the last; return what may go on. */
export async function governAnswer(
  session: Session,
  model: string,
  answer: Answer,
): Promise<Answer> {
  const view = viewOf(answer.content);
  const finish = FINISH.get(answer.finishReason.unified) ?? "other";
  const response = { content: view.content, tool_calls: view.calls, finish_reason: finish };
  const after = (await session.postModelCall(response, { model, usage: usageOf(answer.usage) })).value as JsonObject;
  if (session.mode !== "enforce") {
    if (view.calls.length === 0) await session.output(view.content);
    return answer;
  }
  let content = view.put("post_model_call", after["content"] as Json, after["tool_calls"] as Json);
  const left = viewOf(content);
  if (left.calls.length === 0) content = left.put("output", (await session.output(left.content)).value, []);
  const isSameContent =
    content.length === answer.content.length && content.every((item, index) => item === answer.content[index]);
  return isSameContent ? answer : rewritten(answer, view.content, content);
}

interface View {
  readonly content: Json;
  readonly calls: JsonObject[];
  /** Return the answer after a transform, with the items that it left alone as they were. */
  readonly put: (point: string, content: Json, calls: Json) => AnswerItem[];
}

function viewOf(items: readonly AnswerItem[]): View {
  const others = items.filter((item) => item.type !== "tool-call");
  const made = items.filter((item) => item.type === "tool-call");
  const parts = others.map(partOf);
  const calls = made.map((item) => callOf(item.toolName, item.toolCallId, item.input));
  const put = (point: string, content: Json, changed: Json): AnswerItem[] => {
    const texts = textsOf(point, parts, content);
    const matched = matchCalls(calls, changed);
    return items.flatMap((item): AnswerItem[] => {
      if (item.type === "text") {
        const text = texts[others.indexOf(item)] ?? "";
        return [text === item.text ? item : { type: "text", text }];
      }
      if (item.type !== "tool-call") return [item];
      const index = made.indexOf(item);
      const [before, after] = [calls[index] as JsonObject, matched[index] ?? undefined];
      if (isSame(before, after)) return [item];
      if (item.providerExecuted) throw notPutBack(point, "the transform changes a call that the provider has made");
      return after === undefined ? [] : [{ ...item, input: argumentsText(before, after, item.input) }];
    });
  };
  return { content: contentOf(parts), calls, put };
}

function partOf(item: AnswerItem): Part {
  if (item.type === "text") return { text: item.text };
  if (item.type === "file" || item.type === "reasoning-file") return { other: fileOf(item.mediaType, item.data) };
  return { other: toObject(item) };
}

function usageOf(usage: Answer["usage"]): Usage | undefined {
  const [prompt, completion] = [usage.inputTokens.total, usage.outputTokens.total];
  if (prompt === undefined && completion === undefined) return undefined;
  return { prompt_tokens: prompt ?? 0, completion_tokens: completion ?? 0 };
}

/** Return an answer with other content, and without the copies of the old one that it carries. */
function rewritten(
  answer: Answer,
  before: Json,
  content: AnswerItem[],
): Answer {
  const { providerMetadata: _, structuredOutputText, response, ...rest } = answer;
  const { body: __, ...metadata } = response ?? {};
  const changed: Answer = { ...rest, content, response: metadata };
  if (structuredOutputText === undefined) return changed;
  const text = viewOf(content).content;
  if (structuredOutputText !== before || typeof text !== "string") {
    throw notPutBack("post_model_call", "the transform does not reach the structured output");
  }
  return { ...changed, structuredOutputText: text };
}

/** Read a stream to its end. */
export async function whole(stream: ReadableStream<StreamPart>): Promise<StreamPart[]> {
  const parts: StreamPart[] = [];
  const reader = stream.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) parts.push(read.value);
  return parts;
}

/** Return the answer that a stream makes up; throw `Denied` for one that broke off. */
export function answerOf(parts: readonly StreamPart[]): Answer {
  const content: AnswerItem[] = [];
  const open = new Map<string, { text: string }>();
  let finish: Extract<StreamPart, { type: "finish" }> | null = null;
  for (const part of parts) {
    switch (part.type) {
      case "text-start":
      case "reasoning-start": {
        const type = part.type === "text-start" ? "text" : "reasoning";
        const item = { type, text: "" } as const;
        open.set(`${type} ${part.id}`, item);
        content.push(item);
        break;
      }
      case "text-delta":
      case "reasoning-delta": {
        const item = open.get(`${part.type.slice(0, -"-delta".length)} ${part.id}`);
        if (item === undefined) throw notPutBack("post_model_call", "the stream goes on with a text that it never began");
        item.text += part.delta;
        break;
      }
      case "finish":
        finish = part;
        break;
      case "tool-call":
      case "tool-result":
      case "tool-approval-request":
      case "custom":
      case "file":
      case "reasoning-file":
      case "source":
        content.push(part);
        break;
      default:
        break;
    }
  }
  if (finish === null) throw notPutBack("post_model_call", "the stream of the model broke off");
  return { content, finishReason: finish.finishReason, usage: finish.usage, warnings: [] };
}

/**
 * Return the parts of a stream that releases an answer, each text in one piece.
 *
 * Unless it is the same as it was, the end of the stream loses the copies of the old one that it carries.
 */
export function inPieces(
  parts: readonly StreamPart[],
  answer: Answer,
  isSameAnswer: boolean,
): StreamPart[] {
  const head = parts.filter((part) => part.type === "stream-start" || part.type === "response-metadata");
  const body = answer.content.flatMap((item, index): StreamPart[] => {
    const id = String(index);
    switch (item.type) {
      case "text":
        return [{ type: "text-start", id }, { type: "text-delta", id, delta: item.text }, { type: "text-end", id }];
      case "reasoning":
        return [
          { type: "reasoning-start", id },
          { type: "reasoning-delta", id, delta: item.text },
          { type: "reasoning-end", id },
        ];
      default:
        return [item];
    }
  });
  const ends = parts.flatMap((part): StreamPart[] => {
    if (part.type !== "finish") return [];
    const { providerMetadata: _, ...end } = part;
    return [isSameAnswer ? part : end];
  });
  return [...head, ...body, ...ends];
}
