"""The position of a request in a distributed trace (W3C Trace Context)."""

import re
from dataclasses import dataclass

__all__ = ["Span", "parse_traceparent"]

_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-[ -~]*)?"
)
_FIRST_VERSION = b"00-"


@dataclass(slots=True)  # not frozen: one is made for every request that is traced
class Span:
    """One span by its ids, in lower-case hex: what records and events name.

    `parent_id` is the span that called this one; `sampled` is whether the caller records its own.
    """

    trace_id: str
    span_id: str
    parent_id: str | None = None
    sampled: bool = True


def parse_traceparent(header: bytes) -> Span | None:
    """Read the caller's span; `None` for anything that the recommendation does not allow.

    A version later than the first may be followed by more, which is not read.
    """
    found = _TRACEPARENT.fullmatch(header)
    if found is None or (found[4] is not None and header.startswith(_FIRST_VERSION)):
        return None
    return Span(found[1].decode(), found[2].decode(), None, bool(int(found[3], 16) & 1))
