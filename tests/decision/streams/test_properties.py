"""Section 6.9: what holds of every stream, whatever arrives and however it is cut."""

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs_sidecar.decision.answer import Recorded
from acs_sidecar.decision.caller import Sender
from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.decision.request import EvaluateRequest
from acs_sidecar.decision.service import DecisionService
from acs_sidecar.spec.verdict import Decision
from tests.decision.ledger import Ledger, ledger_service
from tests.decision.streams.streaming import END, STREAMS, answered, text

TEXTS = st.text(st.sampled_from('bom damn refuscrt é😀\u0301\u200d"\\\n'), max_size=6) | st.sampled_from(
    ["bomb", "bo", "mb", "secret", "hello", "damn", "maybe", ""]
)
LINES = st.builds(
    lambda value, cut, source: text(value, cut=cut, source=source),
    TEXTS,
    st.booleans(),
    st.sampled_from(["model_generated", "model_generated", "user_request"]),
)
BROKEN = st.sampled_from([b"", b"{", b"[]", b'{"end": false}', b'{"text": "a", "source": "tool"}', b"\xff"])
TRACKS = {
    "response": {"snapshot": {"response": {"text": ""}}, "text": "$.response.text"},
    "request": {"snapshot": {"input": {"text": ""}}, "text": "$.input.text"},
}


@st.composite
def streams(draw: st.DrawFn) -> tuple[dict[str, Any], list[bytes]]:
    """An opening, and lines that may end it, break it, or go on behind its end."""
    tracks = draw(st.lists(st.sampled_from([*TRACKS]), min_size=1, unique=True))
    opening: dict[str, Any] = {
        "manifest": STREAMS["manifest"],
        "safety_level": draw(st.sampled_from(["blocking", "complete", "deferred"])),
    }
    for track in tracks:
        tail = draw(st.sampled_from(["", "", "bo", "hi"]))
        resumed = {"start": len(tail) + draw(st.integers(0, 9)), "tail": tail} if tail else {}
        opening[track] = TRACKS[track] | resumed
    lines = draw(st.lists(LINES | LINES | LINES | BROKEN, max_size=10))
    return opening, lines + draw(st.sampled_from([[], [END], [END], [END, END], [END, text("late")]]))


async def _whole(service: DecisionService, opening: dict[str, Any], track: str, spoken: str) -> Decision:
    """Evaluate everything that a track has said so far as one request."""
    name, point = {"response": ("response", "post_model_call"), "request": ("input", "input")}[track]
    snapshot: dict[str, Any] = {name: {"text": opening[track].get("tail", "") + spoken}}
    request = EvaluateRequest(point=point, snapshot=snapshot, nesting=9, manifest=STREAMS["manifest"])
    recorded = await service.decide(request, Sender(None, None))
    assert isinstance(recorded, Recorded)
    return recorded.decision.verdict.decision


SERVICE_LEDGER = Ledger()
SERVICE = ledger_service(SERVICE_LEDGER)


@pytest.mark.slow
@settings(max_examples=150)
@given(streams(), st.booleans())
def test_every_stream_keeps_its_promises(stream: tuple[dict[str, Any], list[bytes]], at_once: bool) -> None:
    """One settlement, recorded; spans without gaps; and nothing below a watermark that the whole would deny."""
    opening, lines = stream
    before = len(SERVICE_LEDGER.appended)
    answer = answered(SERVICE, orjson.dumps({"open": opening}), lines, at_once=at_once)
    assert not isinstance(answer, RefusalError)
    assert [next(iter(line)) for line in answer].count("settled") == 1
    settled = answer[-1]["settled"]
    offsets = {track: opening[track].get("start", 0) for track in TRACKS if track in opening}
    ends, watermarks = dict(offsets), dict(offsets)
    said = _said(lines)
    for line in answer[1:-1]:
        if "span" in line:
            span = line["span"]
            assert (span["start"], span["end"] > span["start"]) == (ends[span["track"]], True)
            ends[span["track"]] = span["end"]
        else:
            track, offset = line["watermark"]["track"], line["watermark"]["offset"]
            assert watermarks[track] < offset == ends[track]
            watermarks[track] = offset
            spoken = said[track][: offset - offsets[track]]
            assert asyncio.run(_whole(SERVICE, opening, track, spoken)) in {Decision.ALLOW, Decision.WARN}
    assert settled["watermarks"] == watermarks
    if settled["kind"] == "complete":
        assert {track: offsets[track] + len(said[track]) for track in offsets} == watermarks
    if settled["kind"] == "rewritten":
        assert (offsets[settled["track"]], watermarks[settled["track"]]) == (0, 0)
        assert opening["safety_level"] != "deferred"
    added = [entry.event for entry in SERVICE_LEDGER.appended[before:]]
    assert (added[0], added.count("stream_opened")) == ("stream_opened", 1)
    assert added.count("stream_settled") == 1
    assert SERVICE_LEDGER.faults == []


def _said(lines: list[bytes]) -> dict[str, str]:
    """Everything that each track was sent, as far as lines are text."""
    said = {"response": "", "request": ""}
    for line in lines:
        try:
            members = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(members, dict) and members.get("source") in ("model_generated", "user_request"):
            said["response" if members["source"] == "model_generated" else "request"] += members["text"]
    return said
