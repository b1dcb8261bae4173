"""The spans of requests as the OpenTelemetry SDK's values (section 5)."""

import time
from collections.abc import Callable, Iterable

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    set_span_in_context,
)

from acs_sidecar.telemetry.events import Fields
from acs_sidecar.telemetry.otlp_metrics import METER
from acs_sidecar.telemetry.tracing import ServerSpan

__all__ = ["SpanBuilder"]


class _GivenIds(IdGenerator):
    """Generates span IDs: a server span has those that records and events name, its children random ones."""

    def __init__(self) -> None:
        self.server: ServerSpan | None = None
        self._random = RandomIdGenerator()

    def generate_span_id(self) -> int:
        """Return the id of the server span once, then random ones."""
        if self.server is None:
            return self._random.generate_span_id()
        span_id = int(self.server.span_id, 16)
        self.server = None
        return span_id

    def generate_trace_id(self) -> int:
        """Return the id of the server span's trace."""
        return int(self.server.trace_id, 16) if self.server else self._random.generate_trace_id()


class _SpanCollector(SpanProcessor):
    """Collects ended spans."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Collect one."""
        self.spans.append(span)


class SpanBuilder:
    """Builds spans with the SDK's tracer, whose sampler decides on those that no caller sampled.

    `clock` is the one that the spans' times are of. To be used by one thread.
    """

    def __init__(self, resource: Resource, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._ids = _GivenIds()
        self._collected = _SpanCollector()
        provider = TracerProvider(id_generator=self._ids, resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(self._collected)
        self._tracer = provider.get_tracer(METER)

    def build(self, requests: Iterable[ServerSpan]) -> list[ReadableSpan]:
        """Return the spans of requests, each with its children."""
        offset = time.time_ns() - self._clock()
        for request in requests:
            self._build(request, offset)
        spans, self._collected.spans = self._collected.spans, []
        return spans

    def _build(self, request: ServerSpan, offset: int) -> None:
        self._ids.server = request
        server = self._tracer.start_span(
            f"{request.method} {request.route}" if request.route else request.method,
            _context(request),
            SpanKind.SERVER,
            _attributes(request.fields)
            | {
                "http.request.method": request.method,
                "http.route": request.route or "unknown",
                "http.response.status_code": request.status,
            },
            start_time=request.started + offset,
        )
        self._ids.server = None
        inside = set_span_in_context(server, Context())
        for part in request.parts:
            child = self._tracer.start_span(
                part.name,
                inside,
                SpanKind.CLIENT if part.name == "annotator" else SpanKind.INTERNAL,
                _attributes(part.fields),
                start_time=part.started + offset,
            )
            child.end(part.ended + offset)
        server.end(request.ended + offset)


def _context(request: ServerSpan) -> Context:
    if request.parent_id is None:
        return Context()
    parent = SpanContext(
        int(request.trace_id, 16),
        int(request.parent_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _attributes(fields: Fields) -> dict[str, str | int | float | bool | list[str]]:
    """Return the fields of an event as attributes; a span has its ids elsewhere, and nothing for `null`."""
    attributes: dict[str, str | int | float | bool | list[str]] = {}
    for name, value in fields.items():
        if name in {"trace_id", "span_id"} or value is None:
            continue
        if isinstance(value, list):
            attributes[f"acs.{name}"] = [str(item) for item in value]
        elif isinstance(value, str | int | float):
            attributes[f"acs.{name}"] = value
    return attributes
