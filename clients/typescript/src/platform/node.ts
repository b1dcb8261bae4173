/** Node: its HTTP, files, environment and asynchronous context. */

import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import process from "node:process";
import type { Platform, SpanIds, TaskLocal } from "./platform.js";

export { fileText } from "./files.js";
export { transport } from "./sockets.js";

export const environment: Platform["environment"] = () => process.env;

export const absolute: Platform["absolute"] = (path) => resolve(path);

export function taskLocal<T>(): TaskLocal<T> {
  return new AsyncLocalStorage<T>();
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function atExit(action: () => Promise<void>): void {
  process.once("beforeExit", () => void action());
}

interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly traceState?: { serialize(): string };
}

interface TraceApi {
  getActiveSpan(): { spanContext(): SpanContext } | undefined;
  isSpanContextValid(context: SpanContext): boolean;
}

let traceApi: TraceApi | null | undefined;

export function currentSpan(): SpanIds | null {
  if (traceApi === undefined) {
    try {
      traceApi = (createRequire(import.meta.url)("@opentelemetry/api") as { trace: TraceApi }).trace;
    } catch {
      traceApi = null;
    }
  }
  const context = traceApi?.getActiveSpan()?.spanContext();
  if (!traceApi || !context || !traceApi.isSpanContextValid(context)) return null;
  const flags = context.traceFlags.toString(16).padStart(2, "0");
  return {
    traceparent: `00-${context.traceId}-${context.spanId}-${flags}`,
    tracestate: context.traceState?.serialize() || null,
  };
}
