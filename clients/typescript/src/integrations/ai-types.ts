/** The types of the AI SDK's models, out of `ai` itself. */

import type { LanguageModelMiddleware, wrapLanguageModel } from "ai";

export type Middleware = LanguageModelMiddleware;
export type Model = ReturnType<typeof wrapLanguageModel>;
export type CallOptions = Parameters<NonNullable<Middleware["transformParams"]>>[0]["params"];
export type Prompt = CallOptions["prompt"];
export type Message = Prompt[number];
export type Answer = Awaited<ReturnType<NonNullable<Middleware["wrapGenerate"]>>>;
export type AnswerItem = Answer["content"][number];
export type StreamResult = Awaited<ReturnType<NonNullable<Middleware["wrapStream"]>>>;
export type StreamPart = StreamResult["stream"] extends ReadableStream<infer PART> ? PART : never;
