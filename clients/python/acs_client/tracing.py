"""The trace that a call belongs to (section 12.2): an explicit one, or the current span of OpenTelemetry."""

import functools
import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

__all__ = ["TraceContext", "current_trace", "trace"]

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A W3C trace context."""

    traceparent: str
    tracestate: str | None = None

    @property
    def ids(self) -> dict[str, str]:
        """`trace_id` and `span_id`, as the envelope of a snapshot has them."""
        _, trace_id, span_id, _ = self.traceparent.split("-")
        return {"trace_id": trace_id, "span_id": span_id}


_current: ContextVar[TraceContext | None] = ContextVar("acs_client_trace", default=None)


@contextmanager
def trace(traceparent: str, tracestate: str | None = None) -> Iterator[None]:
    """Send this trace context with every call inside.

    Raises `ValueError` unless `traceparent` is one of version 00.
    """
    if not _TRACEPARENT.fullmatch(traceparent):
        raise ValueError("`traceparent` is not `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`")
    token = _current.set(TraceContext(traceparent, tracestate))
    try:
        yield
    finally:
        _current.reset(token)


def current_trace() -> TraceContext | None:
    """Return the trace context of the caller, if it has one."""
    return _current.get() or _of_opentelemetry()


def _of_opentelemetry() -> TraceContext | None:
    otel = _opentelemetry()
    if otel is None:
        return None
    span = otel.get_current_span().get_span_context()
    if not span.is_valid:
        return None
    traceparent = f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"
    return TraceContext(traceparent, span.trace_state.to_header() or None)


@functools.cache
def _opentelemetry() -> Any:
    try:
        return importlib.import_module("opentelemetry.trace")
    except ImportError:
        return None
