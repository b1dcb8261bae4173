"""Section 6.9: whatever happens to a stream, its end is recorded, and nothing is cleared that was not decided."""

import asyncio
import time
from contextlib import nullcontext, suppress
from typing import Any

import pytest

from acs_sidecar.audit.format.ports import AuditPosition, AuditUnavailableError
from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent
from acs_sidecar.decision.caller import Sender
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.decision.streams.intake import Intake, StreamLimits
from acs_sidecar.decision.streams.lines import End, StreamFailureError
from acs_sidecar.decision.streams.opening import read_opening
from acs_sidecar.spec.globs import Globs
from acs_sidecar.spec.streams.vocabulary import FailureCause, TrackName
from acs_sidecar.spec.values import Json
from tests.decision.ledger import Ledger, caller, ledger_service
from tests.decision.streams.streaming import END, answered, first_line, streamed, summary

HELLO = b'{"text": "hello", "source": "model_generated"}'
UNCUT = b'{"text": "hello", "source": "model_generated", "cut": false}'


def _settled(ledger: Ledger) -> dict[str, Any]:
    """The details of the one settlement in a ledger: its last entry, as the first says that the stream opens."""
    first, last = (entry for entry in ledger.appended if isinstance(entry, ServiceEvent))
    assert (ledger.appended[0], ledger.appended[-1]) == (first, last)
    assert (first.event, last.event) == ("stream_opened", "stream_settled")
    assert first.details["stream"] == last.details["stream"]
    return dict(last.details)


def _answer(ledger: Ledger, lines: list[bytes], **options: Any) -> list[dict[str, Any]]:
    answer = answered(ledger_service(ledger), first_line(options.pop("case", {})), lines, **options)
    assert not isinstance(answer, RefusalError)
    return answer


def test_the_record_says_how_it_ended_and_has_no_text() -> None:
    """A settlement has counts, offsets and names."""
    ledger = Ledger()
    _answer(ledger, [HELLO, END], case={"open": {"request_id": "r-1"}}, caller=caller())
    details = _settled(ledger)
    first = ledger.appended[0]
    assert isinstance(first, ServiceEvent)
    assert {
        name: first.details[name] for name in first.details if name not in {"stream", "manifest_digest"}
    } == {
        "starts": {"response": 0},
        "caller": "host",
        "request_id": "r-1",
    }
    assert details.pop("stream")
    assert details.pop("manifest_digest").startswith("sha256:")
    assert details == {
        "kind": "complete",
        "clean": True,
        "watermarks": {"response": 5},
        "spans": 1,
        "caller": "host",
        "request_id": "r-1",
        "trace_id": None,
        "span_id": None,
        "duration_us": 0,
    }
    assert "hello" not in repr(ledger.appended)


def test_text_that_changes_whose_snapshot_it_is_is_admitted_again() -> None:
    """A caller cannot stream itself into another agent: each span is checked as a request of its own."""
    open_ = {
        "response": {
            "snapshot": {"envelope": {"agent": {"id": "a"}}, "response": {"text": ""}},
            "text": "$.envelope.agent.id",
        }
    }
    ledger = Ledger()
    line = b'{"text": "%b", "source": "model_generated"}'
    answer = answered(
        ledger_service(ledger),
        first_line({"open": open_}),
        [line % b"a", line % b"dmin", END],
        caller=caller(agents=Globs(("a",))),
    )
    assert not isinstance(answer, RefusalError)
    assert summary(answer) == [[0, 1, "allow"], 1, [1, 5, "deny"]]
    assert answer[-2]["span"]["audit"] is None
    assert "not allowed to act for this agent" in answer[-2]["span"]["detail"]
    assert _settled(ledger)["kind"] == "denied"
    refused = ledger.entries[-1]
    assert (refused.decision, refused.stream_span and refused.stream_span.end) == ("deny", 5)


@pytest.mark.parametrize(
    ("members", "cause"),
    [
        ({"scopes": frozenset()}, Cause.SCOPE),
        ({"inline": False}, Cause.INLINE),
        ({"agents": Globs(("b*",))}, Cause.AGENT),
    ],
)
def test_a_caller_who_may_not_opens_no_stream(members: dict[str, Any], cause: Cause) -> None:
    """What a caller may not evaluate it may not stream, and the refusal is recorded."""
    ledger = Ledger()
    refusal = answered(ledger_service(ledger), first_line({}), [], caller=caller(**members))
    assert isinstance(refusal, RefusalError)
    assert refusal.cause is cause
    assert [entry.decision for entry in ledger.entries] == ["deny"]
    assert ledger.observed == [f"refused: {cause}"]


def test_each_track_is_admitted() -> None:
    """A caller that may speak for the agent of one track may not add another's."""
    open_ = {
        "response": {"snapshot": {"envelope": {"agent": {"id": "a"}}, "response": {"text": ""}}},
        "request": {
            "snapshot": {"envelope": {"agent": {"id": "other"}}, "input": {"text": ""}},
            "text": "$.input.text",
        },
    }
    refusal = answered(
        ledger_service(Ledger()), first_line({"open": open_}), [], caller=caller(agents=Globs(("a",)))
    )
    assert isinstance(refusal, RefusalError)
    assert refusal.cause is Cause.AGENT


@pytest.mark.parametrize(
    ("limits", "lines", "short", "detail"),
    [
        (StreamLimits(spans=2), [HELLO, HELLO, HELLO, END], [[0, 5, "allow"], 5, [5, 10, "allow"], 10], "the stream has more than 2 spans: cut less often"),
        (StreamLimits(spans=1), [HELLO, UNCUT, END], [[0, 5, "allow"], 5], "the stream has more than 1 spans: cut less often"),
        (StreamLimits(evaluated_bytes=60), [HELLO, HELLO, END], [[0, 5, "allow"], 5], "more than 0 MiB of snapshots would be evaluated: cut less often"),
        (StreamLimits(seconds=0), [HELLO, UNCUT], [], "the stream took more than 0 minutes"),
    ],
)  # fmt: skip
def test_limits_fail_behind_what_came_before(
    limits: StreamLimits, lines: list[bytes], short: list[Any], detail: str
) -> None:
    """A limit fails the stream with its name; what was cleared before stays so."""
    ledger = Ledger()
    answer = asyncio.run(_open_ended(ledger, lines, limits))
    assert summary(answer) == short
    assert (answer[-1]["settled"]["kind"], answer[-1]["settled"]["detail"]) == ("failed", detail)
    assert _settled(ledger)["cause"] == "limit"


async def _open_ended(ledger: Ledger, lines: list[bytes], limits: StreamLimits) -> list[dict[str, Any]]:
    """Answer a stream whose body does not end."""
    intake = Intake(limits, time.perf_counter_ns)
    answer: list[dict[str, Any]] = []

    async def emit(emitted: list[dict[str, Json]]) -> None:
        answer.extend(emitted)
        if "opened" in emitted[0]:
            for line in lines:
                intake.take(line)

    async def watch() -> None:
        while True:
            await asyncio.sleep(0.01)
            intake.expire()

    watching = asyncio.create_task(watch())
    opening = read_opening(first_line({}))
    await streamed(ledger_service(ledger), opening, Sender(None, None), intake, nullcontext(), emit)
    watching.cancel()
    return answer


def test_silence_counts_from_when_everything_is_answered() -> None:
    """A client that waits for its watermark is not silent; then it is."""
    ledger = Ledger()
    answer = asyncio.run(_open_ended(ledger, [HELLO], StreamLimits(idle_seconds=0.05)))
    assert answer[-1]["settled"]["detail"] == "no line came for 0.05 seconds (ACS_STREAM_IDLE_S)"
    assert _settled(ledger)["cause"] == "idle"


def test_a_stream_that_is_stopped_ends_before_what_waits() -> None:
    """A client that is gone, or a service that stops, ends a stream whatever was sent; behind its end it does not."""
    for lines, kind in (([HELLO, HELLO], "failed"), ([HELLO, END], "complete")):
        ledger = Ledger()
        intake = Intake(StreamLimits(), time.perf_counter_ns)

        async def emit(
            emitted: list[dict[str, Json]], intake: Intake = intake, lines: list[bytes] = lines
        ) -> None:
            if "opened" in emitted[0]:
                for line in lines:
                    intake.take(line)
            if "span" in emitted[0]:
                intake.stop(FailureCause.CLIENT_GONE, "gone")

        opening = read_opening(first_line({}))
        service = ledger_service(ledger)
        asyncio.run(streamed(service, opening, Sender(None, None), intake, nullcontext(), emit))
        assert _settled(ledger)["kind"] == kind
        assert len(ledger.entries) == 1


def test_a_client_that_goes_before_all_is_cleared_fails_its_stream() -> None:
    """Its last span is evaluated still, with the end behind it: nobody reads that it is cleared."""

    async def stopped(*, evaluated: bool) -> object:
        intake = Intake(StreamLimits(), time.perf_counter_ns)
        intake.begin({TrackName.RESPONSE: 1_000})
        intake.take(HELLO)
        intake.take(END)
        await intake.next()
        if evaluated:
            intake.evaluated()
        intake.stop(FailureCause.CLIENT_GONE, "gone")
        return await intake.next()

    assert asyncio.run(stopped(evaluated=True)) == End()
    with pytest.raises(StreamFailureError, match=r"^client_gone: gone$"):
        asyncio.run(stopped(evaluated=False))


def test_a_stream_that_is_cancelled_is_recorded() -> None:
    """The task of a stream may be ended at any time; how it ended is in the log."""
    ledger = Ledger()

    async def run() -> None:
        task = asyncio.create_task(_open_ended(ledger, [HELLO], StreamLimits()))
        while not ledger.entries:  # noqa: ASYNC110  # the ledger has no event
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert (_settled(ledger)["kind"], _settled(ledger)["cause"]) == ("failed", "shutdown")


def test_an_answer_that_cannot_be_sent_is_recorded() -> None:
    """An error on the way out is the service's own: reported, recorded, and the stream failed."""
    ledger = Ledger()
    intake = Intake(StreamLimits(), time.perf_counter_ns)

    async def emit(_: list[dict[str, Json]]) -> None:
        raise ConnectionError("broken")

    opening = read_opening(first_line({}))
    with pytest.raises(ConnectionError):
        asyncio.run(
            streamed(ledger_service(ledger), opening, Sender(None, None), intake, nullcontext(), emit)
        )
    assert (_settled(ledger)["cause"], len(ledger.faults)) == ("fault", 1)


class _Failing(Ledger):
    """A log that takes so many records and then none."""

    def __init__(self, records: int) -> None:
        super().__init__()
        self._left = records

    async def append(self, entry: AuditEntry | ServiceEvent) -> AuditPosition:
        """Append an entry, or raise."""
        self._left -= 1
        if self._left < 0:
            raise AuditUnavailableError
        return await super().append(entry)


def test_a_stream_whose_beginning_cannot_be_recorded_does_not_begin() -> None:
    """The client is refused, before any line."""
    refusal = answered(ledger_service(_Failing(0)), first_line({}), [HELLO, END])
    assert isinstance(refusal, RefusalError)
    assert (refusal.cause, refusal.detail) == (Cause.UNAVAILABLE, "the audit log cannot be written")


@pytest.mark.parametrize("records", [0, 1, 2])
def test_what_cannot_be_recorded_clears_nothing(records: int) -> None:
    """A span without a record is denied, and a stream whose end is not recorded is no complete one."""
    ledger = _Failing(records + 1)
    answer = _answer(ledger, [HELLO, HELLO, END])
    assert summary(answer) == [
        [],
        [[0, 5, "allow"], 5],
        [[0, 5, "allow"], 5, [5, 10, "allow"], 10],
    ][records] + ([[5 * records, 5 * records + 5, "deny"]] if records < 2 else [])
    settled = answer[-1]["settled"]
    assert (settled["kind"], settled["audit"], settled["detail"]) == (
        "failed",
        None,
        "the audit log cannot be written",
    )
    assert settled["watermarks"] == {"response": 5 * records}


def test_a_span_is_one_request_in_flight() -> None:
    """Where too much is in flight, the span is denied and recorded as an overload."""

    class Full:
        def __enter__(self) -> None:
            raise RefusalError(Cause.OVERLOAD, "more than 1 requests are in flight")

        def __exit__(self, *_: object) -> None: ...

    ledger = Ledger()
    intake = Intake(StreamLimits(), time.perf_counter_ns)
    answer: list[dict[str, Any]] = []

    async def emit(emitted: list[dict[str, Json]]) -> None:
        answer.extend(emitted)
        if "opened" in emitted[0]:
            intake.take(HELLO)

    opening = read_opening(first_line({}))
    asyncio.run(streamed(ledger_service(ledger), opening, Sender(None, None), intake, Full(), emit))
    assert summary(answer) == [[0, 5, "deny"]]
    assert answer[1]["span"]["detail"] == "more than 1 requests are in flight"
    assert ledger.observed == ["refused: overload", "settled: denied"]
