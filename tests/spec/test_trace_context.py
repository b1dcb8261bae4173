"""`traceparent` is read strictly: what is not one is no span (W3C Trace Context)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.spec.trace_context import Span, parse_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-03", True),
        (f"01-{TRACE}-{SPAN}-01", True),
        (f"fe-{TRACE}-{SPAN}-01-what-the-future-brings", True),
    ],
)
def test_a_span_is_read(header: str, sampled: bool) -> None:
    """The ids as they are, and whether the caller records."""
    assert parse_traceparent(header.encode()) == Span(TRACE, SPAN, None, sampled)


@pytest.mark.parametrize(
    "header",
    [
        "",
        TRACE,
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0g",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f" 00-{TRACE}-{SPAN}-01",
        f"01-{TRACE}-{SPAN}-01more",
        f"01-{TRACE}-{SPAN}-01-\x00",
        f"00_{TRACE}_{SPAN}_01",
    ],
)
def test_anything_else_is_ignored(header: str) -> None:
    """Bad lengths, cases, zeros, versions and endings."""
    assert parse_traceparent(header.encode()) is None


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(header: bytes) -> None:
    """Whatever the header holds, it is a span of hex digits or nothing."""
    span = parse_traceparent(header)
    assert span is None or (len(bytes.fromhex(span.trace_id)), len(bytes.fromhex(span.span_id))) == (16, 8)
