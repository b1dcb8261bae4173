"""Section 6.9: what comes of the lines of a stream, in this process."""

import gc
from typing import Any

import pytest

from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.decision.streams.exchange import StreamExchange
from acs_sidecar.decision.streams.intake import ArrivedSpan, Intake
from acs_sidecar.decision.streams.opening import StreamOpening
from tests.decision.ledger import Ledger, ledger_service
from tests.decision.streams.streaming import STREAMS, answered, first_line, further_lines, summary

CASES = [pytest.param(case, id=case["name"]) for case in STREAMS["cases"]]
_OF_A_STREAM = (StreamExchange, Intake, ArrivedSpan, StreamOpening)
REFUSED = [pytest.param(case, id=case["name"]) for case in STREAMS["refused"]]


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "line by line"])
@pytest.mark.parametrize("case", CASES)
def test_a_stream(case: dict[str, Any], at_once: bool) -> None:
    """The answer is the same whether a client sends all before it reads, or waits for each watermark."""
    ledger = Ledger()
    answer = answered(ledger_service(ledger), first_line(case), further_lines(case), at_once=at_once)
    assert not isinstance(answer, RefusalError)
    assert summary(answer) == case["answer"]
    settled = answer[-1]["settled"]
    assert {name: settled.get(name, "absent") for name in case["settled"]} == case["settled"]
    assert ("reason" in settled) == (settled["kind"] == "failed")
    spans = [line["span"] for line in answer if "span" in line]
    recorded = [entry.stream_span for entry in ledger.entries]
    assert [(span.track, span.start, span.end) for span in recorded if span] == [
        (span["track"], span["start"], span["end"]) for span in spans
    ]
    assert ledger.observed == ["decided"] * len(spans) + [f"settled: {settled['kind']}"]
    assert ledger.faults == []


def test_nothing_of_a_stream_outlives_it() -> None:
    """However streams end, the service has nothing of them once they are settled."""
    service = ledger_service(Ledger())
    for case in STREAMS["cases"]:
        answered(service, first_line(case), further_lines(case))
    gc.collect()
    kept = [thing for thing in gc.get_objects() if isinstance(thing, _OF_A_STREAM)]
    assert kept == []


@pytest.mark.parametrize("case", REFUSED)
def test_a_stream_that_does_not_begin(case: dict[str, Any]) -> None:
    """An opening that is no request is refused, and the detail says what to change."""
    refusal = answered(ledger_service(Ledger()), first_line(case), [])
    assert isinstance(refusal, RefusalError)
    assert (refusal.answer, refusal.reason.value) == (
        case["detail"],
        f"runtime_error:{case.get('reason', 'request_invalid')}",
    )
