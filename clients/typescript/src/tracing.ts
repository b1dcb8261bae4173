/** The trace that a call belongs to (section 12.2): an explicit one, or the current span of OpenTelemetry. */

import { currentSpan, taskLocal } from "#platform";

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;

/** A W3C trace context. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate: string | null;
}

const current = taskLocal<TraceContext>();

/**
 * Run `inside` with this trace context sent with every call.
 *
 * Throws `TypeError` unless `traceparent` is one of version 00.
 */
export function trace<R>(traceparent: string, inside: () => R, tracestate: string | null = null): R {
  if (!TRACEPARENT.test(traceparent)) {
    throw new TypeError("`traceparent` is not `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`");
  }
  return current.run({ traceparent, tracestate }, inside);
}

/** Return the trace context of the caller, if it has one. */
export function currentTrace(): TraceContext | null {
  const span = current.getStore() ?? currentSpan();
  return span !== null && TRACEPARENT.test(span.traceparent) ? span : null;
}

/** Return `trace_id` and `span_id`, as the envelope of a snapshot has them. */
export function traceIds(context: TraceContext): { trace_id: string; span_id: string } {
  const [, traceId, spanId] = context.traceparent.split("-") as [string, string, string];
  return { trace_id: traceId, span_id: spanId };
}
