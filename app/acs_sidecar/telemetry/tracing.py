"""Spans of requests, noted on the event loop; another thread exports them (section 5)."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TypeAlias

from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.trace_context import Span, parse_traceparent
from acs_sidecar.telemetry.events import Fields, annotator_fields, decision_fields

__all__ = ["CAPACITY", "Part", "ServerSpan", "Tracer"]

CAPACITY = 2_048
"""Requests whose spans wait for their export."""
MOST_PARTS = 1_024
"""Parts of one request that are exported: a batch has fewer, a stream may have more."""

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


@dataclass(frozen=True, slots=True)
class Part:
    """What a child span says: its name, its times and attributes from the allow-list of events."""

    name: str
    started: int
    ended: int
    fields: Fields


@dataclass(slots=True)
class ServerSpan(Span):
    """The span of one request, and what happened in it; times are of the tracer's clock."""

    started: int = 0
    ended: int = 0
    method: str = "_OTHER"
    decisions: int = 0
    route: str | None = None
    status: int = 0
    fields: Fields = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)


_Clock: TypeAlias = Callable[[], int]


class Tracer:
    """Creates a span for each decision request and queues it when it ends. Never blocks and never raises.

    The caller's trace goes on where its `traceparent` can be read; what the caller does not sample has ids
    and is not exported. `dropped` counts the spans that found the queue full.
    """

    def __init__(self, clock: _Clock) -> None:
        self.dropped = 0
        self._clock = clock
        self._queue: SimpleQueue[ServerSpan | None] = SimpleQueue()

    def begin(self, method: str, traceparent: bytes | None) -> ServerSpan:
        """Begin the span of a request."""
        parent = parse_traceparent(traceparent) if traceparent else None
        own = os.urandom(24).hex()
        span = ServerSpan(own[:32], own[32:], started=self._clock())
        if parent is not None:
            span.trace_id, span.parent_id, span.sampled = parent.trace_id, parent.span_id, parent.sampled
        if method in _METHODS:
            span.method = method
        return span

    def decided(self, decision: PolicyDecision, position: AuditPosition | None) -> None:
        """Note a decision in the span of its request: what the annotators, the policy and the log did."""
        span, trace = decision.span, decision.trace
        if not isinstance(span, ServerSpan) or not span.sampled:
            return
        parts = span.parts
        if len(parts) >= MOST_PARTS:
            return  # of a stream of very many spans the first ones are shown
        fields = decision_fields(decision, position)
        for name, run in trace.annotators.items():
            parts.append(
                Part("annotator", run.started, run.ended, annotator_fields(decision, fields, name, run))
            )
        if trace.policy:
            parts.append(Part("policy", *trace.policy, fields))
        if position:
            parts.append(Part("audit append", trace.ended, self._clock(), fields))
        # The span of a batch is about none of its items.
        span.fields = {} if span.decisions else fields
        span.decisions += 1

    def end(self, span: ServerSpan, route: str | None, status: int) -> None:
        """End the span of a request and queue it."""
        if not span.sampled:
            return
        if self._queue.qsize() >= CAPACITY:
            self.dropped += 1
            return
        span.ended = self._clock()
        span.route = route
        span.status = status
        self._queue.put(span)

    def wake(self) -> None:
        """Wake up the waiter in `take`."""
        self._queue.put(None)

    def take(self, most: int, seconds: float) -> list[ServerSpan]:
        """Return up to `most` spans that have ended, after waiting at most so long for the first."""
        taken: list[ServerSpan] = []
        try:
            first = self._queue.get(timeout=seconds)
            while first is not None:
                taken.append(first)
                if len(taken) == most:
                    break
                first = self._queue.get_nowait()
        except Empty:
            pass
        return taken
