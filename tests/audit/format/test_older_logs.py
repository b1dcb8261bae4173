"""What a log says of older logs together, and how the auditor holds them to it (sections 4.2, 4.5)."""

from collections.abc import Sequence

import orjson
import pytest

from acs_sidecar.audit.format.chain import anchors_in, audit_logs
from acs_sidecar.audit.format.claims import NAMED_LOGS, LogState, Predecessor
from acs_sidecar.audit.format.findings import Property, Report, Status
from acs_sidecar.audit.format.record import ServiceEvent
from acs_sidecar.spec.values import Json
from tests.audit.format.logs import START, TRUST, Builder


class History:
    """Logs that were opened one after the other, each as the service opens it."""

    def __init__(self) -> None:
        self.logs: list[Builder] = []

    def start(self, time: int = START) -> Builder:
        """Open a log beside those that are there, which all have ended; decide once and close it."""
        origin = f"acs/host/0/{len(self.logs):04x}"
        found = [
            Predecessor(one.origin, LogState.CLOSED, one.frontier.size, one.frontier.root(), number=number)
            for number, one in enumerate(self.logs, start=1)
        ]
        self.logs.append(Builder(origin, time=time).open(found).decide().close())
        return self.logs[-1]

    def opening(self, index: int = -1) -> dict[str, object]:
        """Return the details of a log's first record."""
        details: dict[str, object] = orjson.loads(self.logs[index].build().lines()[0])["details"]
        return details


@pytest.fixture
def history() -> History:
    """Make a history of 20 logs: the last names 16 of them, and three by one hash."""
    made = History()
    for _ in range(NAMED_LOGS + 4):
        made.start()
    return made


def audit(logs: Sequence[Builder], *anchors: bytes, whole: bool = True) -> Report:
    """Audit logs against anchors."""
    found = anchors_in(b"".join(anchors), "anchors", TRUST)[0] if anchors else []
    return audit_logs([one.build() for one in logs], TRUST, found, whole)


def found_in(report: Report) -> list[tuple[str, Property, int | None]]:
    """Return what was found, by log."""
    return [(one.log, one.property, one.index) for one in report.all_findings]


def test_the_newest_logs_are_named_and_the_others_hashed(history: History) -> None:
    """The first record stays short, however many logs there are, and the auditor agrees with it."""
    opening = history.opening()
    named = opening["predecessors"]
    assert isinstance(named, list)
    assert [one["log"] for one in named] == [one.origin for one in history.logs[3:-1]]
    older = opening["predecessors_older"]
    assert isinstance(older, dict)
    assert (opening["number"], opening["predecessors_total"], older["count"]) == (20, 19, 3)
    assert audit(history.logs).status is Status.SOUND


def test_an_older_log_that_is_missing_is_found(history: History) -> None:
    """A log that is named by no later log but in a hash cannot be deleted."""
    kept = [history.logs[0], *history.logs[2:]]
    last = history.logs[-1].origin
    report = audit(kept)
    assert (last, Property.CHAIN_COMPLETE, 0) in found_in(report)
    detail = next(one.detail for one in report.findings if (one.log, one.index) == (last, 0))
    assert detail == "names 3 older logs by one hash, of which 2 are here: some are missing"


def test_an_older_log_that_was_replaced_is_found(history: History) -> None:
    """Another log of the same name is not the one that was hashed, also where nobody else names it."""
    alone = [Builder(f"acs/host/0/{number:04x}").open().decide().close() for number in range(NAMED_LOGS + 1)]
    history.logs = [*alone]
    last = history.start()
    assert audit(history.logs).status is Status.SOUND
    history.logs[0] = Builder(alone[0].origin, time=START + 5).open().decide().close()
    assert found_in(audit(history.logs)) == [(last.origin, Property.CHAIN_CONSISTENT, 0)]


def test_some_logs_alone_are_held_to_no_hash(history: History) -> None:
    """An auditor that has some logs of a directory cannot tell whether the others are there."""
    assert audit(history.logs[-2:], whole=False).status is Status.SOUND


def test_a_finding_in_an_older_log_is_told_once(history: History) -> None:
    """What is wrong with a log is its own finding, not that of each log that hashed it."""
    first = history.logs[0].build()
    broken = first.with_lines(first.lines()[:-1])
    logs = [broken, *(one.build() for one in history.logs[1:])]
    report = audit_logs(logs, TRUST)
    assert found_in(report) == [(first.origin, Property.RECORD_PRESENT, 2)]


def test_no_clock_decides_which_logs_are_older(history: History) -> None:
    """A clock that was set back between two starts changes nothing."""
    for _ in range(NAMED_LOGS + 2):
        history.start(time=START - 1_000_000_000)
    assert audit(history.logs).status is Status.SOUND


def test_an_anchor_vouches_for_older_logs(history: History) -> None:
    """A checkpoint of the last log, kept outside, extends to the logs that it hashed."""
    report = audit(history.logs, history.logs[-1].newest)
    assert (report.status, report.anchored) == (Status.SOUND, True)


@pytest.mark.parametrize("restarts", [0, 1, NAMED_LOGS + 2])
def test_a_log_deleted_past_its_retention_is_not_missing(history: History, restarts: int) -> None:
    """Logs from before a deletion count what was deleted, and those from after do not."""
    gone = history.logs[0]
    state: dict[str, Json] = {
        "log": gone.origin,
        "size": gone.frontier.size,
        "number": 1,
        "root": _base64(gone),
    }
    pruner = _pruner(history, state)
    kept = [*history.logs[1:], pruner]
    later: list[Builder] = []
    for number in range(restarts):
        found = [
            Predecessor(one.origin, LogState.CLOSED, one.frontier.size, one.frontier.root(), number=at)
            for at, one in enumerate([*kept, *later], start=2)
        ]
        later.append(Builder(f"acs/host/1/{number:04x}").open(found).decide().close())
    assert found_in(audit([*kept, *later])) == []
    without_statement = found_in(audit([*history.logs[1:], *later]))
    assert any(kind is Property.CHAIN_COMPLETE for _, kind, _ in without_statement)


def _base64(log: Builder) -> str:
    return log.newest.splitlines()[2].decode()


def _pruner(history: History, state: dict[str, Json]) -> Builder:
    found = [
        Predecessor(one.origin, LogState.CLOSED, one.frontier.size, one.frontier.root(), number=number)
        for number, one in enumerate(history.logs, start=1)
    ]
    pruned = ServiceEvent("log_pruned", state)
    return Builder("acs/host/prune/aaaa").open(found).commit(pruned).close()
