/**
 * The AI SDK 7 (section 12.8): `governModel(session, model)` and `governTools(session, tools)`.
 *
 * Blocks at `input`, at the model points and at `output` reject; a blocked tool call gives the model one error
 * result, and the run goes on. Streams are held until they are permitted.
 *
 * @module
 */

import { wrapLanguageModel } from "ai";
import type { Json, JsonObject } from "../json.js";
import type { Session } from "../session.js";
import { answerOf, governAnswer, inPieces, whole } from "./ai-answers.js";
import { slotsOf, toolOf } from "./ai-prompts.js";
import type { CallOptions, Middleware, Model, StreamPart } from "./ai-types.js";
import type { ToolOptions } from "./attempts.js";
import { Inputs } from "./inputs.js";
import { checkOptions, throwIfStopped, ungoverned, type Approval, type IntegrationOptions } from "./options.js";

export { governTools } from "./ai-tools.js";
export type { Approval, IntegrationOptions, ToolOptions };

/** Return a model whose every call is evaluated. */
export function governModel(
  session: Session,
  model: Parameters<typeof wrapLanguageModel>[0]["model"],
  options: IntegrationOptions = {},
): Model {
  return wrapLanguageModel({ model, middleware: acsMiddleware(session, options) });
}

/** Return the middleware of `governModel`; in a list of several it is the first, which is the outermost. */
export function acsMiddleware(session: Session, given: IntegrationOptions = {}): Middleware {
  const options = checkOptions(given);
  const inputs = new Inputs(session);
  return {
    specificationVersion: "v4",
    async transformParams({ params, model }) {
      throwIfStopped(session);
      return sent(session, inputs, params, model.modelId, options);
    },
    async wrapGenerate({ doGenerate, model }) {
      return governAnswer(session, model.modelId, await doGenerate());
    },
    async wrapStream({ doStream, model }) {
      const { stream, request } = await doStream();
      const parts = await whole(stream);
      const failures = parts.filter((part) => part.type === "error");
      if (failures.length > 0) return { stream: streamOf(failures), ...(request && { request }) };
      const answer = answerOf(parts);
      const permitted = await governAnswer(session, model.modelId, answer);
      const released = inPieces(parts, permitted, permitted === answer);
      return { stream: streamOf(released), ...(request && { request }) };
    },
  };
}

async function sent(
  session: Session,
  inputs: Inputs,
  params: CallOptions,
  model: string,
  options: IntegrationOptions,
): Promise<CallOptions> {
  const tools = (params.tools ?? []).map((tool) => {
    if (tool.type === "provider" && options.hosted !== "observe") throw ungoverned(tool.name, "pre_model_call");
    return toolOf(tool);
  });
  const { prompt, slots } = slotsOf(params.prompt);
  const lastOther = slots.findLastIndex(({ message }) => message["role"] === "assistant" || message["role"] === "tool");
  for (const [index, { message, put }] of slots.entries()) {
    if (message["role"] !== "user") continue;
    message["content"] = await inputs.value(message["content"] as Json, index > lastOther);
    if (session.mode === "enforce") put("input", message["content"]);
  }
  const messages = slots.map(({ message }) => message);
  const { value } = await session.preModelCall(messages, { model, tools });
  if (session.mode !== "enforce") return params;
  (value as JsonObject[]).forEach(({ content }, index) => slots[index]?.put("pre_model_call", content as Json));
  return { ...params, prompt };
}

function streamOf(parts: StreamPart[]): ReadableStream<StreamPart> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
}
