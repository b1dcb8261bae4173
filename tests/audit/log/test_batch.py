"""How long the records of a commit wait for one another (section 4.2)."""

import asyncio
from collections.abc import Sequence

import pytest

from acs_sidecar.audit.format.record import ServiceEvent
from acs_sidecar.audit.log.batch import LARGEST_GROUP, LONGEST_WAIT_S, Pending, RecordFuture


def _waits(turns: Sequence[int], seconds: float = 0.0, *, more_follow: bool = False) -> int:
    """How many turns of the event loop pending records wait for more, each so long and with so many records."""
    now = 0.0
    pending = Pending(lambda: now)
    loop = asyncio.new_event_loop()
    try:
        for waited, records in enumerate(turns):
            for _ in range(records):
                pending.add(ServiceEvent("tested"), RecordFuture(loop=loop))
            now += seconds
            if not pending.still_grows(more_follow=more_follow):
                return waited
    finally:
        loop.close()
    return len(turns)


@pytest.mark.parametrize(
    ("turns", "waited"),
    [
        ([0], 0),
        ([1, 0], 1),
        ([3, 2, 1, 0, 4], 3),
        ([LARGEST_GROUP], 0),
        ([LARGEST_GROUP - 1, 1, 1], 1),
    ],
)
def test_records_wait_while_each_turn_brings_more(turns: list[int], waited: int) -> None:
    """Until a turn brings none, or the group is large enough."""
    assert _waits(turns) == waited


@pytest.mark.parametrize(("seconds", "waited"), [(LONGEST_WAIT_S, 0), (LONGEST_WAIT_S / 2, 1), (0.0001, 9)])
def test_nobody_waits_through_many_long_turns(seconds: float, waited: int) -> None:
    """Turns that long evaluations fill bring one record each, for which the others do not wait."""
    assert _waits([1] * 9, seconds) == waited


@pytest.mark.parametrize(
    ("records", "seconds", "waited"), [(1, 0.0, 4), (1, LONGEST_WAIT_S, 0), (LARGEST_GROUP, 0.0, 0)]
)
def test_records_wait_for_those_that_follow(records: int, seconds: float, waited: int) -> None:
    """As long as more follow, in turns that bring none too; not beyond the bounds of size and time."""
    assert _waits([records, 0, 0, 0], seconds, more_follow=True) == waited


def test_the_wait_begins_anew_with_each_group() -> None:
    """What was committed does not count for what comes after it."""
    now = 0.0
    pending = Pending(lambda: now)
    loop = asyncio.new_event_loop()
    for _ in range(3):
        pending.add(ServiceEvent("tested"), RecordFuture(loop=loop))
        assert pending.still_grows(more_follow=False)
        assert len(pending.take()) == 1
        now += LONGEST_WAIT_S
    loop.close()
