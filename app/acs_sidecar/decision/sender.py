"""Who sent a request, as far as it is known."""

from dataclasses import dataclass

from acs_sidecar.decision.caller import Caller
from acs_sidecar.spec.trace_context import Span

__all__ = ["Sender"]


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles its cost
class Sender:
    """The caller, `None` where nobody needs to say who calls, and the span that the request is part of."""

    caller: Caller | None = None
    span: Span | None = None
