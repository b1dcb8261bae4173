/** What the streams of a run show of a model or a tool of LangChain: what came of it, once that is permitted. */

import { getConfig } from "@langchain/langgraph";
import { denied } from "../errors.js";
import type { Point } from "../profile.js";

const NESTED_GRAPHS = "__pregel_stream"; // where LangGraph keeps the stream that nested graphs write to

interface Config {
  callbacks?: unknown;
  configurable?: { readonly [name: string]: unknown };
}

interface Manager {
  readonly handlers: readonly object[];
  copy(): Manager;
  removeHandler(handler: object): void;
}

/**
 * Keep from the streams of a run what happens below the step at hand, where nothing is evaluated.
 *
 * That is what a model says, what another says that it or a tool asks, and what nested graphs do. Throws `Denied`
 * where there is no `AsyncLocalStorage`, which has the configuration of the step.
 */
export function holdStreams(point: Point): void {
  const config = getConfig() as Config | undefined;
  if (config === undefined) {
    throw denied(point, "streaming_unsupported", "stream", "streams cannot be held back without AsyncLocalStorage");
  }
  const { [NESTED_GRAPHS]: _, ...configurable } = config.configurable ?? {};
  config.callbacks = withoutListeners(config.callbacks);
  config.configurable = configurable;
}

function withoutListeners(callbacks: unknown): unknown {
  if (Array.isArray(callbacks)) return callbacks.filter((handler) => !listens(handler));
  if (typeof callbacks !== "object" || callbacks === null || !("handlers" in callbacks)) return callbacks;
  const manager = (callbacks as Manager).copy();
  for (const handler of manager.handlers.filter(listens)) manager.removeHandler(handler);
  return manager;
}

/** True for a handler of a stream, by what it prefers; LangGraph's for tools has a name alone. */
function listens(handler: object): boolean {
  const { name, lc_prefer_streaming, lc_prefer_chat_model_stream_events } = handler as { [member: string]: unknown };
  return lc_prefer_streaming === true || lc_prefer_chat_model_stream_events === true || name === "StreamToolsHandler";
}
